#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices whose sessions the gateway has lost with its store: who is told, and who is not (S27).

The first minute of a gateway is waited for once; all tests look at the same one.
"""

import atexit
import contextlib
import functools
import os
import secrets
import select
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
sys.dont_write_bytecode = True
from stacks import Mbedtls, running  # noqa: E402
from harness import Device, Lab, Skip, run_tests, s_client  # noqa: E402

MUTE_S = 60
NODE = 3
TRUSTED, OTHER = "127.9.0.", "127.8.0."
# alert, DTLS 1.2, epoch 0, a number, two octets: fatal, unexpected_message
ALERT_HEAD, ALERT_END = bytes.fromhex("15fefd0000"), bytes.fromhex("0002020a")
ALERT_LEN = 15
TRIES = 1000  # another may have been told in the same millisecond
DISK = "any_filesystem = true;"


def settings(tell, rate=1000):
    nets = ", ".join(f'"{net}"' for net in tell)
    return f"""workers = 1;
connection_ids = {{ node = {NODE}; tell = [ {nets} ]; tell_rate = {rate}; }};
"""


# --- datagrams -----------------------------------------------------------------------------------


def record(kind, body=30, epoch=1, cid=b"", version=b"\xfe\xfd"):
    head = bytes([kind]) + version + epoch.to_bytes(2, "big") + secrets.token_bytes(6)
    return head + cid + body.to_bytes(2, "big") + secrets.token_bytes(body)


def cid_record(node=NODE, body=30):
    """With a CID of the gateway's making that nobody has."""
    cid = bytes([1 << 5 | 11, node, 0]) + secrets.token_bytes(8)
    return record(25, body, cid=cid)


def hello():
    """A ClientHello without a cookie: it is answered by a HelloVerifyRequest."""
    body = b"\xfe\xfd" + secrets.token_bytes(32) + b"\x00\x00" + b"\x00\x02\xc0\xa8" + b"\x01\x00"
    shake = b"\x01" + len(body).to_bytes(3, "big") + bytes(5) + len(body).to_bytes(3, "big") + body
    return b"\x16\xfe\xfd" + bytes(8) + len(shake).to_bytes(2, "big") + shake


def is_alert(datagram):
    return (
        len(datagram) == ALERT_LEN
        and datagram.startswith(ALERT_HEAD)
        and datagram.endswith(ALERT_END)
    )


def stranger(net=TRUSTED):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((net + "1", 0))
    s.settimeout(10)
    return s


def answer(s, datagram):
    """What comes back, or None: a hello goes after it, whose answer shows that nothing has."""
    gateway = ("127.0.0.1", scene().lab.port)
    s.sendto(datagram, gateway)
    s.sendto(hello(), gateway)
    first = s.recv(2048)
    if first[0] == 22:
        return None
    assert s.recv(2048)[0] == 22
    return first


def answer_to(datagram, net=TRUSTED):
    with stranger(net) as s:
        return answer(s, datagram)


def told(datagram):
    """Who is told so (from ever new ports, as there may be too many at a time), and how."""
    for _ in range(TRIES):
        s = stranger()
        first = answer(s, datagram)
        if first:
            return s, first
        s.close()
    raise AssertionError("not told: " + datagram.hex())


# --- the scene -----------------------------------------------------------------------------------


class Path:
    """Relays a device's datagrams to the gateway from an address of a network, and keeps what
    comes back. Messages to the device are lost: it goes on waiting for an answer."""

    def __init__(self, gateway_port, net=TRUSTED):
        self.device = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.device.bind(("127.0.0.1", 0))
        self.port = self.device.getsockname()[1]
        self.gateway = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.gateway.bind((net + "2", 0))
        self.gateway.connect(("127.0.0.1", gateway_port))
        self.back, self.sent, self.said = None, [], []
        self.heard = threading.Condition()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            for s in select.select([self.device, self.gateway], [], [])[0]:
                with contextlib.suppress(ConnectionError):  # the gateway is away
                    self._pass(s)

    def _pass(self, s):
        datagram, sender = s.recvfrom(4096)
        if s is self.device:
            self.back = sender
            self.sent.append(datagram)
            self.gateway.send(datagram)
            return
        if datagram[0] != 23:
            self.device.sendto(datagram, self.back)
        with self.heard:
            self.said.append(datagram)
            self.heard.notify_all()

    def alerts(self):
        return [d for d in self.said if is_alert(d)]

    def wait_alert(self, seconds):
        with self.heard:
            return self.heard.wait_for(self.alerts, seconds)


class Scene:
    """A gateway whose store was lost while two devices were connected; about a minute later."""

    def __init__(self):
        self.openssl, self.mbedtls = Device("urn:dev:one"), Device("urn:dev:two")
        self.lab = Lab(
            [self.openssl, self.mbedtls], settings=settings([TRUSTED + "0/24"]), store=DISK
        )
        self.stack = contextlib.ExitStack()
        self.stack.enter_context(self.lab)
        self.path, self.cid_path = Path(self.lab.port), Path(self.lab.port)
        self.client = s_client(self.lab, self.openssl, "-quiet", port=self.path.port)
        self.cid_client = self._mbedtls()
        self.lab.until(lambda: self.lab.store_facts()["associations"] == 1 + bool(self.cid_client))
        self.lab.gateway.kill()
        shutil.rmtree(self.lab.store_path())
        os.unlink(os.path.join(self.lab.memory, "token"))
        self.lab.start_gateway()
        self.begun = time.monotonic()

    def _mbedtls(self):
        """It repeats its request each 31 s; so it has something to say when the mute time is
        over."""
        program = Mbedtls().program("ssl_client2")
        if not os.path.exists(program):
            return None
        words = [program, "dtls=1", "server_addr=127.0.0.1", f"server_port={self.cid_path.port}"]
        words += ["force_ciphersuite=TLS-PSK-WITH-AES-128-CCM-8", "psk=" + self.mbedtls.key]
        words += ["psk_identity=" + self.mbedtls.identity, "tickets=0", "cid=1", "cid_val="]
        words += ["read_timeout=31000", "max_resend=3"]
        child = self.stack.enter_context(running(words))
        child.wait_bytes(rb"Protocol is DTLSv1\.2")
        return child

    def wait_until_it_speaks(self):
        # no event tells of it
        time.sleep(max(0.0, self.begun + MUTE_S + 0.5 - time.monotonic()))


@functools.lru_cache(maxsize=None)
def scene():
    made = Scene()
    atexit.register(made.stack.close)
    return made


# --- the tests, in their order -------------------------------------------------------------------


def test_S27_nobody_is_told_in_the_first_minute():
    s = scene()
    assert answer_to(record(23)) is None
    assert answer_to(cid_record()) is None
    assert time.monotonic() < s.begun + MUTE_S / 2, "too slow to tell"
    assert s.lab.status()["told_lost"] == 0


def test_S27_a_lost_device_of_a_trusted_network_is_told_once_in_a_while():
    s = scene()
    s.wait_until_it_speaks()
    for datagram in (record(23), cid_record()):
        device, alert = told(datagram)
        with device:
            assert is_alert(alert), alert
            assert len(alert) < len(datagram)
            assert answer(device, datagram) is None
    assert s.lab.status()["told_lost"] >= 2
    s.lab.gateway.wait_line("told-lost")


def test_S27_nobody_else_is_told():
    scene().wait_until_it_speaks()
    for datagram in (record(23), cid_record()):
        assert answer_to(datagram, OTHER) is None
    for datagram in (
        cid_record(NODE + 1),
        record(25, cid=secrets.token_bytes(11)[:10] + b"\xff"),  # no CID of ours
        record(23, body=15),  # less than CCM_8's nonce and tag
        cid_record(body=15),
        record(23)[:-1],
        cid_record()[:-1],
        record(23, epoch=0),
        record(23, epoch=2),
        record(23, version=b"\xfe\xff"),
        record(22),
        record(21),
        record(20),
        record(24),
        b"\x17",
    ):
        assert answer_to(datagram) is None, datagram.hex()
    # one answer to a datagram, whatever is in it
    device, alert = told(record(23) + record(23) + cid_record())
    with device:
        assert is_alert(alert)


def test_S27_openssl_is_told():
    """OpenSSL 3 does not heed what stands in epoch 0; that it is told is all that is seen here."""
    s = scene()
    s.wait_until_it_speaks()
    assert not s.path.alerts()
    for _ in range(10):
        s.client.child.stdin.write(b"hello\n")
        s.client.child.stdin.flush()
        if s.path.wait_alert(0.1):
            break
    assert len(s.path.alerts()) == 1, [d.hex() for d in s.path.said]


def test_S27_mbedtls_is_told_by_its_cid():
    s = scene()
    if not s.cid_client:
        raise Skip("no Mbed TLS: deploy/setup stacks")
    assert s.cid_path.wait_alert(40)
    assert s.cid_path.sent[-1][0] == 25


def test_R203_nobody_is_told_where_it_is_not_configured():
    s = scene()
    s.wait_until_it_speaks()
    with open(s.lab.path("lwgate.conf"), encoding="utf-8") as f:
        text = f.read()
    before = settings([TRUSTED + "0/24"])
    assert before in text
    s.lab.write("lwgate.conf", text.replace(before, settings([])))
    s.lab.ctl("reload")
    told = s.lab.status()["told_lost"]
    assert answer_to(record(23)) is None
    assert answer_to(cid_record()) is None
    assert s.lab.status()["told_lost"] == told
    s.lab.write("lwgate.conf", text.replace(before, settings([TRUSTED + "0/24"], rate=1)))
    s.lab.ctl("reload")
    answers = [answer_to(record(23)) for _ in range(50)]
    assert sum(bool(a) for a in answers) <= 1, answers


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
