#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Strangers send as much as they like, of every kind and by each way in (datagrams, short messages,
the status page, the bridge's socket), and the logs of lwgated and lwgate-smsd stay small: what they
cause is bounded, and counted, at the level debug, too."""

import contextlib
import re
import secrets
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import DEADLINE_S, Device, Lab, coap_client, run_tests  # noqa: E402
from scrape import Served  # noqa: E402
from sms_coap import CHANGED  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_packet import RESPONSE, Keys, cut, seal, user_data, wrap  # noqa: E402
from sms_world import OURS, SmsWorld, Told  # noqa: E402

DEVICE = Device("urn:dev:0")
NUMBER = "447700900111"
SETTINGS = 'workers = 1; log = { level = "debug"; };\n'
FLOOD = 2000  # of each kind that is not answered
SHAKES = 300  # handshakes that fail
REQUESTS = 200  # to the status page, of each kind
MESSAGES = 150  # short messages, of each kind
CALLS = 200  # at the bridge's socket, of each kind
AT_ONCE, EACH_S, LINES = 10, 10, 2  # log_limited(): so many, then a line and the number each 10 s
CCM_8, RC4_MD5 = b"\xc0\xa8", b"\x00\x04"
ALERT, HANDSHAKE, HELLO_VERIFY = 21, 22, 3
HEADS = 13 + 12  # of a record, of a handshake message


def record(kind, body, epoch=0, number=0):
    head = bytes([kind]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + number.to_bytes(6, "big")
    return head + len(body).to_bytes(2, "big") + body


def hello(suite=CCM_8, cookie=b"", random=bytes(32), turn=0):
    body = b"\xfe\xfd" + random + b"\x00" + bytes([len(cookie)]) + cookie
    body += len(suite).to_bytes(2, "big") + suite + b"\x01\x00"
    size = len(body).to_bytes(3, "big")
    shake = b"\x01" + size + turn.to_bytes(2, "big") + bytes(3) + size + body
    return record(HANDSHAKE, shake, number=turn)


KINDS = {
    "nothing": lambda: b"",
    "octets": lambda: secrets.token_bytes(200),
    "CoAP without DTLS": lambda: b"\x44\x01\x12\x34abcd\xb2rd",
    "hello without a cookie": lambda: hello(random=secrets.token_bytes(32)),
    "hello with a cookie of nobody's": lambda: hello(cookie=secrets.token_bytes(32), turn=1),
    "hello that is cut": lambda: hello()[:40],
    "alert": lambda: record(ALERT, b"\x02\x28"),
    "alert of a session": lambda: record(ALERT, secrets.token_bytes(24), 1, 5),
    "record of a session": lambda: record(23, secrets.token_bytes(60), 1, 7),
    "record with a connection id": lambda: record(25, secrets.token_bytes(60), 1, 9),
    "Finished": lambda: record(HANDSHAKE, secrets.token_bytes(40), 1, 0),
    "ChangeCipherSpec": lambda: record(20, b"\x01"),
    "handshake message of no kind": lambda: record(HANDSHAKE, b"\x63" + bytes(11)),
}


def stranger(lab, number=0):
    """Each from an address of its own: who has failed often is not answered any more."""
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((f"127.9.{number // 250}.{number % 250 + 1}", 0))
    s.connect(("127.0.0.1", lab.port))
    s.settimeout(DEADLINE_S)
    return s


def is_heard(s):
    """All that was sent before has been looked at: one queue, one worker. A datagram may be lost
    where the queue is full, this one, too."""
    s.settimeout(0.5)
    for _ in range(60):
        s.send(hello())
        try:
            while True:
                got = s.recv(2048)
                if got[0] == HANDSHAKE:
                    return
        except TimeoutError:
            continue
    raise TimeoutError("lwgated does not answer")


def allowed(begun):
    """Lines of one kind since then: those at once, and those of each time that is over; one more
    time where it ends just now."""
    return AT_ONCE + LINES * (int((time.monotonic() - begun) / EACH_S) + 2)


def fail_a_handshake(lab, number):
    """With a right cookie, so that it comes from where it says, and nothing that lwgated takes."""
    with stranger(lab, number) as s:
        s.send(hello(RC4_MD5))
        verify = s.recv(2048)
        assert verify[0] == HANDSHAKE and verify[13] == HELLO_VERIFY, verify.hex()
        size = verify[HEADS + 2]
        s.send(hello(RC4_MD5, verify[HEADS + 3 : HEADS + 3 + size], turn=1))
        assert s.recv(2048)[0] == ALERT


def lines_of(lab, event):
    return [line for line in list(lab.gateway.lines) if f" {event} " in line]


def few_lines(lines, begun, most):
    """Of each event one bound; and strangers cause few kinds of them."""
    count = {}
    for line in lines:
        count.setdefault(line.split()[2], []).append(line)
    assert len(count) <= most, count.keys()
    for event, said in count.items():
        assert len(said) <= allowed(begun), (event, len(said), said[:20])


def test_datagrams_of_strangers_make_few_lines():
    with Lab([DEVICE], settings=SETTINGS) as lab:
        before, begun = len(lab.gateway.lines), time.monotonic()
        with stranger(lab) as s:
            for make in KINDS.values():
                for n in range(FLOOD):
                    s.send(make())
                    if n % 50 == 49:
                        is_heard(s)  # none is lost for want of room
        assert "2.01" in coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300")
        lab.gateway.wait_line(" registered ")
        new = lab.gateway.lines[before:]
        own = [line for line in new if "urn:dev:0" in line or " link-" in line]
        # Without a handshake.
        few_lines([line for line in new if line not in own], begun, 3)


def test_handshakes_that_fail_are_counted_not_written():
    with Lab([DEVICE], settings=SETTINGS) as lab:
        begun = time.monotonic()
        for n in range(SHAKES):
            fail_a_handshake(lab, n)
        spent = allowed(begun)
        lab.gateway.wait_line(" handshake-failed ")
        assert AT_ONCE <= len(lines_of(lab, "handshake-failed")) <= spent
        # Once it is said again, so is how many there were meanwhile.
        failed, end = SHAKES, time.monotonic() + 3 * EACH_S
        while held_in(lab) + whole_in(lab) < failed:
            assert time.monotonic() < end, "what was held back is not told"
            fail_a_handshake(lab, failed)
            failed += 1
            time.sleep(0.1)  # a pace, not a wait: the loop ends by what the log says
        assert held_in(lab) + whole_in(lab) == failed
        assert held_in(lab) >= SHAKES - spent


def held_in(lab):
    found = [re.search(r"and (\d+) more like it", x) for x in lines_of(lab, "handshake-failed")]
    return sum(int(m[1]) for m in found if m)


def whole_in(lab):
    return sum("more like it" not in x for x in lines_of(lab, "handshake-failed"))


# --- the status page ------------------------------------------------------------------------------

HOST = b"Host: 127.0.0.1\r\n"
REQUESTS_OF = {
    "nothing": lambda: b"",
    "octets": lambda: secrets.token_bytes(200),
    "half a line": lambda: b"GET /",
    "half a request": lambda: b"GET / HTTP/1.1\r\n" + HOST,
    "no host": lambda: b"GET / HTTP/1.1\r\n\r\n",
    "another host": lambda: b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "another method": lambda: b"POST /api/status HTTP/1.1\r\n" + HOST + b"\r\n",
    "a body": lambda: b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n123456789",
    "no such page": lambda: request(b"/" + secrets.token_hex(8).encode()),
    "no such device": lambda: request(b"/api/session?endpoint=" + secrets.token_hex(8).encode()),
    "a question of no kind": lambda: request(b"/api/sessions?from=%00%ff%zz&&=\\\x1b[2J"),
    "a line of a log": lambda: request(b"/%0alwgated%20error%20forged%20by=web"),
    "a long way": lambda: request(b"/" + b"a" * 1500),
    "a hello of TLS": lambda: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "a page": lambda: request(b"/metrics"),
}


def request(path):
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def ask(port, octets):
    """Until it has said all that it says. It may hang up before all is sent."""
    where = ("127.0.0.1", port)
    with (
        socket.create_connection(where, timeout=DEADLINE_S) as s,
        contextlib.suppress(ConnectionError),
    ):
        s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass


def test_requests_of_strangers_make_few_lines():
    with Served([DEVICE], settings=SETTINGS) as lab:
        before, begun = len(lab.gateway.lines), time.monotonic()
        for make in REQUESTS_OF.values():
            for _ in range(REQUESTS):
                ask(lab.web_port, make())
        assert lab.http("/metrics")[0] == 200
        new = lab.gateway.lines[before:]
        assert not [line for line in new if "forged" in line], new
        few_lines(new, begun, 2)


# --- short messages -------------------------------------------------------------------------------


class Heard(Told):
    """Both programs say all that they can say. The device is registered."""

    def __init__(self, device):
        super().__init__([device], settings=SETTINGS, bridge='log_level = "debug";')

    def __enter__(self):
        super().__enter__()
        self.registered()
        return self

    def update(self):
        """The device is heard, and answered."""
        device = self.devices[0]
        update = device.begin(coap.POST, device.location)
        device.say(update)
        self.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED

    def fake(self, octets, sender=NUMBER, **other):
        device = self.devices[0]
        order = {"from": sender, "to": OURS, "pid": device.pid, "dcs": device.dcs, "esm": 0x40}
        self.network.release(dict(order, hex=octets.hex(), **other))

    def fake_packet(self, packet, **other):
        (octets,) = cut(packet, 0, other.pop("marker", 0x70))
        self.fake(octets, **other)


def anybody():
    return f"4477{secrets.randbelow(10**8):08d}"


def messages_of(lab, seen):
    """Of each kind what sends one."""
    device = lab.devices[0]

    def forged():
        keys = Keys(secrets.token_bytes(16), secrets.token_bytes(16), tar=device.keys.tar)
        return seal(keys, device.counter + 1000, wrap(secrets.token_bytes(20)))

    return {
        "forged": lambda: lab.fake_packet(forged()),
        "once more": lambda: lab.fake_packet(seen[0]),
        "of nobody": lambda: lab.fake_packet(forged(), sender=anybody()),
        "an answer": lambda: lab.fake_packet(forged(), marker=RESPONSE),
        "a text": lambda: lab.fake(b"lwgated error forged " + secrets.token_bytes(9), esm=0, dcs=4),
        "a hello": lambda: lab.fake(hello(random=secrets.token_bytes(32)), esm=0, dcs=0xF5),
        "a part": lambda: lab.fake(
            user_data(secrets.token_bytes(100), secrets.randbelow(256), 9, 2), sender=anybody()
        ),
        "a header of no kind": lambda: lab.fake(b"\xff" + secrets.token_bytes(30)),
    }


def test_short_messages_of_strangers_make_few_lines():
    device, seen = SmsDevice("urn:dev:sms", NUMBER), []
    with Heard(device) as lab:
        device.spy = seen.append
        lab.update()
        programs = (lab.gateway, lab.bridge)
        before, begun = [len(p.lines) for p in programs], time.monotonic()
        for send in messages_of(lab, seen).values():
            for _ in range(MESSAGES):
                send()
            lab.network.until_taken()
        lab.until(lambda: lab.status()["sms_forged"] == MESSAGES, 5)
        status = lab.status()
        assert status["sms_replayed"] == MESSAGES, status
        assert status["sms_strangers"] == MESSAGES, status
        assert lines_of(lab, "sms-dropped"), lab.gateway.lines[-5:]
        lab.update()
        for program, n, kinds in zip(programs, before, (4, 8)):
            new = program.lines[n:]
            assert not [line for line in new if "error forged" in line], new
            few_lines([x for x in new if device.endpoint not in x], begun, kinds)


# --- the bridge's socket --------------------------------------------------------------------------

PAIR0 = b"\0SP\0\0\x10\0\0"
HELLO, OUTCOME, REFUSED = 1, 3, 2


def framed(kind, body):
    return b"\1" + struct.pack(">Q", 2 + len(body)) + bytes([1, kind]) + body


def short(octets):
    return bytes([len(octets)]) + octets


def hello_of(name):
    return framed(HELLO, secrets.token_bytes(8) + short(name))


def refused(way):
    return framed(
        OUTCOME, secrets.token_bytes(8) + struct.pack(">BBI", REFUSED, 1, 7) + way + b"\0"
    )


CALLS_OF = {
    "nothing": lambda: b"",
    "octets": lambda: b"\1" + struct.pack(">Q", 64) + secrets.token_bytes(64),
    "a name": lambda: hello_of(b"bridge"),
    "a line": lambda: hello_of(b"x\nlwgated error forged by=bridge"),
    "a pair": lambda: hello_of(b"x endpoint=urn:forged why=bridge"),
    "a quote": lambda: hello_of(b'x" endpoint="urn:forged'),
    "no network": lambda: refused(short(b'"x endpoint=urn:forged y=')) * 20,
}


def is_heard_there(s, octets):
    """False: another is there yet, who has gone: it is hung up."""
    s.settimeout(DEADLINE_S)
    with contextlib.suppress(ConnectionError):
        s.sendall(PAIR0)
        if s.recv(len(PAIR0), socket.MSG_WAITALL) != PAIR0 or not s.recv(1):
            return False  # else a hello is the first that it says
        s.sendall(octets)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536):
            pass
        return True
    return False


def call(path, octets):
    end = time.monotonic() + DEADLINE_S
    while True:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            if is_heard_there(s, octets):
                return
        assert time.monotonic() < end, "nobody is let in"


def test_who_calls_at_the_bridges_socket_makes_few_lines():
    with SmsWorld([SmsDevice("urn:dev:sms", NUMBER)], settings=SETTINGS) as lab:
        lab.kill_bridge()
        before, begun = len(lab.gateway.lines), time.monotonic()
        for _ in range(CALLS):
            for make in CALLS_OF.values():  # each is one of the first, which are said
                call(lab.path("sms"), make())
        lab.start_bridge()
        new = lab.gateway.lines[before:]
        names = [line for line in new if " sms-bridge " in line]
        ways = [line for line in new if " sms-refused " in line]
        assert sum("forged" in line for line in names) >= 3 and ways, new
        # What it calls itself is one word, and no more than that.
        for line in names:
            assert re.fullmatch(r"lwgated info sms-bridge name=[a-z.:=-]+", line), line
        for line in ways:
            assert re.fullmatch(r"[a-z -]+ way=[a-z.:=]+ code=7 why=\"[a-z ]+\"", line), line
        few_lines(new, begun, 4)


if __name__ == "__main__":
    run_tests(
        [
            test_datagrams_of_strangers_make_few_lines,
            test_handshakes_that_fail_are_counted_not_written,
            test_requests_of_strangers_make_few_lines,
            test_short_messages_of_strangers_make_few_lines,
            test_who_calls_at_the_bridges_socket_makes_few_lines,
        ]
    )
