#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgated's side of short messages alone: the bridge is a test's, at the wire's end, so that each
moment in between can be held still."""

import contextlib
import hashlib
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import DEADLINE_S, binary, run_tests, s_client  # noqa: E402
from scripted import say  # noqa: E402
from sms_coap import CHANGED, CONTENT, CREATED  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_packet import Joiner, cut  # noqa: E402
from sms_world import OURS, SmsWorld, Told, by_both  # noqa: E402

NUMBER = "447700900111"
HELLO, MT, MT_OUTCOME, MO, MO_ANSWER = range(1, 6)
ACCEPTED, BUSY = 1, 4
TAKEN = 1
GREETING = b"\0SP\0\0\x10\0\0"
AGAIN_S = 0.5


def number_of(digits):
    return bytes([0x91, len(digits)]) + digits.encode()


class Bridge:
    """Stands where sms_world's Network does."""

    def __init__(self, path):
        self.path, self.devices, self.joiners = path, {}, {}
        self.changed = threading.Condition(threading.RLock())
        self.submitted = []  # (id, packet) of all that was to be sent
        self.waiting = {}  # MO by id: frame, when to say it again
        self.answers = []
        self.hellos = 0
        self.outcome = lambda number: ACCEPTED  # None: not told
        self.lossy = False  # what is to be sent is told, and reaches nobody
        self.ended = threading.Event()
        self.stream = None
        self.paused = False
        threading.Thread(target=self._live, daemon=True).start()

    # what sms_world asks of a network

    def deliver(self, device, user_data, **_):
        whole = self.joiners.setdefault(device.number, Joiner()).take(user_data)
        if whole is None:
            return
        marker, port, packet = whole
        own_id = int.from_bytes(hashlib.sha256(packet).digest()[:8], "big")
        text = struct.pack(">Q", own_id) + number_of(device.number) + number_of(OURS)
        text += bytes([device.pid, device.dcs, marker]) + struct.pack(">HH", port, len(packet))
        self.say_again(own_id, text + packet + struct.pack(">Q", 0) + b"\x04test")

    def say_again(self, own_id, body):
        with self.changed:
            self.waiting[own_id] = [body, 0.0]
            self.changed.notify_all()

    def until_taken(self, seconds=DEADLINE_S):
        with self.changed:
            assert self.changed.wait_for(lambda: not self.waiting, seconds), "not taken"

    def until_bound(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.stream, DEADLINE_S), "no gateway"

    def close(self):
        self.ended.set()
        self.cut()

    def cut(self):
        with self.changed, contextlib.suppress(OSError):  # it may have ended by itself
            if self.stream:
                self.stream.shutdown(socket.SHUT_RDWR)

    # the wire

    def _send(self, kind, body):
        frame = bytes([1, kind]) + body
        try:
            self.stream.sendall(b"\1" + struct.pack(">Q", len(frame)) + frame)
        except (OSError, AttributeError):
            pass

    def _live(self):
        while not self.ended.is_set():
            if self.paused:
                time.sleep(0.02)
                continue
            try:
                with socket.socket(socket.AF_UNIX) as stream:
                    stream.connect(self.path)
                    stream.sendall(GREETING)
                    self._serve(stream)
            except OSError:
                time.sleep(0.02)
            with self.changed:
                self.stream = None

    def _serve(self, stream):
        octets = b""
        stream.settimeout(0.1)
        while not self.ended.is_set():
            self._repeat()
            try:
                came = stream.recv(65536)
            except TimeoutError:
                continue
            if not came:
                return
            octets += came
            if self.stream is None and len(octets) >= 8:
                assert octets[:8] == GREETING, octets[:8]
                octets = octets[8:]
                with self.changed:
                    self.stream = stream
                    self._send(HELLO, struct.pack(">Q", 1) + b"\x04test")
                    for entry in self.waiting.values():
                        entry[1] = 0.0
                    self.changed.notify_all()
            while self.stream and len(octets) >= 9:
                length = struct.unpack(">Q", octets[1:9])[0]
                if len(octets) < 9 + length:
                    break
                self._take(octets[9 : 9 + length])
                octets = octets[9 + length :]

    def _repeat(self):
        with self.changed:
            for entry in self.waiting.values():
                if self.stream and entry[1] <= time.monotonic():
                    entry[1] = time.monotonic() + AGAIN_S
                    self._send(MO, entry[0])

    def _take(self, frame):
        assert frame[0] == 1, frame
        with self.changed:
            if frame[1] == HELLO:
                self.hellos += 1
            elif frame[1] == MO_ANSWER:
                own_id, taken = struct.unpack(">QB", frame[2:])
                self.answers.append((own_id, taken))
                if taken == TAKEN:
                    self.waiting.pop(own_id, None)
            elif frame[1] == MT:
                self._take_mt(frame[2:])
            self.changed.notify_all()

    def _take_mt(self, body):
        own_id = struct.unpack(">Q", body[:8])[0]
        peer = body[10 : 10 + body[9]].decode()
        at = 10 + body[9]
        own = body[at + 2 : at + 2 + body[at + 1]].decode()
        at += 2 + body[at + 1]
        pid, dcs, marker, port, length = struct.unpack(">BBBHH", body[at : at + 7])
        packet = body[at + 7 : at + 7 + length]
        assert marker == 0x70 and port == 0
        self.submitted.append((own_id, packet))
        device = self.devices.get(peer)
        if device and not self.lossy:
            for user_data in cut(packet, len(self.submitted) & 0xFF):
                device.take(user_data, pid, dcs, own)
        how = self.outcome(own_id)
        if how is not None:
            body = struct.pack(">QBBI", own_id, how, 1, 0) + b"\x04test" + b"\x00"
            self._send(MT_OUTCOME, body)


class AtTheWire:
    def start_network(self):
        self.network = Bridge(self.path("sms"))
        for device in self.devices:
            self.network.devices[device.number] = device
            device.network = self.network
        self.network.smsc = type("None", (), {"lines": []})
        self.network.delivered = None

    def start_bridge(self, wait=True):
        self.bridge = True
        if wait:
            self.network.until_bound()


class Wired(AtTheWire, SmsWorld):
    pass


class Scripted(AtTheWire, Told):
    pass


def status(lab):
    out = subprocess.run(
        [binary("lwgatectl"), "-s", lab.path("control"), "--json", "status"],
        capture_output=True,
        check=True,
    )
    return json.loads(out.stdout)["total"]


def kill_gateway(lab):
    lab.gateway.child.send_signal(signal.SIGKILL)
    lab.gateway.child.wait(DEADLINE_S)
    lab.children.remove(lab.gateway)


def test_a_device_registers_and_is_asked_by_secured_packets():
    device = SmsDevice("urn:sms:wire", NUMBER)
    device.notifications = 2
    args = ["--rounds", "1", "--notifications", "2"]
    with Wired([device], ops="read,observe", server_args=args) as lab:
        device.register()
        assert lab.server_says("op", op="read")["outcome"] == "2.05"
        assert lab.server_says("op", op="observe")["outcome"] == "2.05"
        assert [lab.server_says("notify")["value"] for _ in range(2)] == ["1", "2"]
        device.update()
        device.deregister()
        lab.network.until_taken()
        assert not device.faults and not device.overtaken, (device.faults, device.overtaken)
        counters = [h.counter for h in device.heard]
        assert counters == sorted(set(counters)), counters


def test_what_was_taken_and_not_answered_is_answered_after_a_kill():
    device = SmsDevice("urn:sms:kill", NUMBER)
    with Scripted([device]) as lab:
        lab.registered()
        update = device.begin(coap.POST, device.location)
        device.say(update)
        lab.network.until_taken()
        first = lab.first(update.token)
        kill_gateway(lab)
        lab.start_gateway()
        lab.until(lambda: lab.times(update.token) >= 2)
        again = lab.came(update.token)[-1]
        assert again == first, (first, again)  # the same id, so its server knows it
        lab.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED


def test_what_is_to_be_sent_is_said_again_octet_by_octet():
    device = SmsDevice("urn:sms:again", NUMBER)
    with Scripted([device]) as lab:
        network = lab.network
        network.outcome = lambda number: None
        lab.registered()
        said = list(network.submitted)
        assert len(said) == 1, said
        network.cut()
        with network.changed:
            assert network.changed.wait_for(lambda: len(network.submitted) >= 2, DEADLINE_S)
        kill_gateway(lab)
        lab.start_gateway()
        with network.changed:
            assert network.changed.wait_for(lambda: len(network.submitted) >= 3, DEADLINE_S)
        assert set(network.submitted) == set(said), network.submitted
        assert not device.faults, device.faults
        network.outcome = lambda number: ACCEPTED
        network.cut()
        with network.changed:
            assert network.changed.wait_for(lambda: len(network.submitted) >= 4, DEADLINE_S)
        update = device.begin(coap.POST, device.location)
        device.say(update)
        lab.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED
        hellos = network.hellos
        network.cut()
        with network.changed:
            assert network.changed.wait_for(lambda: network.hellos > hellos, DEADLINE_S)
        update = device.begin(coap.POST, device.location)
        device.say(update)
        lab.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED
        # What the network has is not said again.
        assert len([x for x in network.submitted if x == said[0]]) == 4, network.submitted


def test_a_server_reaches_a_device_whose_session_was_killed():
    device = SmsDevice("urn:sms:roused", NUMBER)
    with Scripted([device]) as lab:
        lab.registered()
        kill_gateway(lab)
        lab.start_gateway()
        lab.network.until_bound()
        asked = lab.asks(coap.GET, "3/0/0")
        heard = device.wait(lambda h: h.message.token == asked.token, "the server's GET").message
        assert heard.code == coap.GET
        assert lab.hears(asked.token).code == CONTENT


def test_what_is_not_as_agreed_is_dropped_and_counted():
    device = SmsDevice("urn:sms:wrong", NUMBER)
    with Wired([device]) as lab:
        device.register()
        network = lab.network
        heard = len(device.heard)
        # A replay.
        packet = device.packet(device.begin(coap.POST, device.location).octets(), counter=1)
        device.say_octets(packet)
        # A forgery.
        forged = bytearray(device.packet(device.begin(coap.POST, device.location).octets()))
        forged[-1] ^= 1
        device.say_octets(bytes(forged))
        # One of ours.
        device.say_octets(network.submitted[-1][1])
        # Of a number that nobody has.
        stranger = SmsDevice("urn:sms:stranger", "447700900999")
        stranger.network = network
        stranger.say(stranger.registration())
        network.until_taken()
        total = status(lab)
        assert total["sms_replayed"] == 1, total
        assert total["sms_forged"] == 1, total
        assert total["sms_reflected"] == 1, total
        assert total["sms_strangers"] == 1, total
        assert total["sms_in"] == 1 and total["sms_out"] == 1, total
        assert len(device.heard) == heard
        device.update()


def test_a_busy_bridge_is_told_again():
    device = SmsDevice("urn:sms:busy", NUMBER)
    with Wired([device]) as lab:
        network = lab.network
        network.lossy = True
        network.outcome = lambda number: BUSY
        device.say(device.registration())
        with network.changed:
            assert network.changed.wait_for(lambda: network.submitted, DEADLINE_S)
        network.lossy = False
        network.outcome = lambda number: ACCEPTED
        answer = device.wait(lambda h: h.message.is_response(), "the 2.01", 15)
        assert answer.message.code == CREATED
        assert network.submitted[0] == network.submitted[1]


def test_a_session_that_was_idle_comes_back_with_either_side():
    device = SmsDevice("urn:sms:idle", NUMBER)
    store = "any_filesystem = true; evict_after_s = 1;"
    with Scripted([device], store=store) as lab:
        lab.registered()
        lab.until(lambda: status(lab)["sms_sessions"] == 0)
        asked = lab.asks(coap.GET, "3/0/0")
        heard = device.wait(lambda h: h.message.token == asked.token, "the server's GET").message
        assert heard.code == coap.GET
        assert lab.hears(asked.token).code == CONTENT
        lab.until(lambda: status(lab)["sms_sessions"] == 0)
        update = device.begin(coap.POST, device.location)
        device.say(update)
        lab.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED
        assert status(lab)["server_handshakes_done"] == 1  # the link is the one that it had


def test_who_is_revoked_is_not_heard_any_more():
    device = SmsDevice("urn:sms:revoked", NUMBER)
    with Wired([device]) as lab:
        device.register()
        shown = json.loads(lab.ctl("--json", "session", device.endpoint))
        assert shown["endpoint"] == device.endpoint, shown
        lab.ctl("credential", "revoke", device.endpoint)
        lab.until(lambda: status(lab)["sms_sessions"] == 0)
        heard = len(device.heard)
        device.say(device.begin(coap.POST, device.location))
        lab.network.until_taken()
        total = status(lab)
        assert total["sms_strangers"] + total["sms_forged"] == 1, total
        assert len(device.heard) == heard


class Both(AtTheWire, Told):
    """One endpoint that comes by DTLS, in queue mode, and can be told by short messages."""

    def _credentials(self):
        return by_both(super()._credentials(), self.devices[0])


def test_R280_a_device_that_sleeps_is_told_once_to_come():
    device = SmsDevice("urn:sms:both", NUMBER)
    relay = "workers = 1; relay = { awake_ms = 1000; };"
    with Both([device], settings=relay) as lab:
        client = s_client(lab, device)
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        options = coap.path_options("rd") + coap.queries(
            f"ep={device.endpoint}", "lt=300", "lwm2m=1.1", "b=U", "Q"
        )
        said = coap.Message(coap.CON, coap.POST, 0x1111, b"both", options)
        say(client, said.octets())
        lab.serves(said, CREATED, coap.path_options("rd/7", coap.LOCATION_PATH))
        client.wait_bytes(b"both")

        def is_asleep():
            about = json.loads(lab.ctl("--json", "session", device.endpoint))
            return about["registration"]["queue_mode"]["asleep"]

        lab.until(is_asleep)
        assert device.triggered == 0
        for held in (1, 2):
            lab.asks(coap.GET, "3/0/0")
            lab.until(lambda held=held: status(lab)["asleep_held"] == held)
        with device.changed:
            assert device.changed.wait_for(lambda: device.triggered, DEADLINE_S)
        lab.network.until_taken()
        total = status(lab)
        assert device.triggered == 1 and total["sms_triggers"] == 1, total
        assert not device.faults, device.faults


if __name__ == "__main__":
    run_tests(
        [
            test_a_device_registers_and_is_asked_by_secured_packets,
            test_what_was_taken_and_not_answered_is_answered_after_a_kill,
            test_what_is_to_be_sent_is_said_again_octet_by_octet,
            test_a_server_reaches_a_device_whose_session_was_killed,
            test_what_is_not_as_agreed_is_dropped_and_counted,
            test_a_busy_bridge_is_told_again,
            test_a_session_that_was_idle_comes_back_with_either_side,
            test_who_is_revoked_is_not_heard_any_more,
            test_R280_a_device_that_sleeps_is_told_once_to_come,
        ]
    )
