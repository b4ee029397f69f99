# SPDX-License-Identifier: Apache-2.0
"""A meter: a device whose DTLS is a program's (bench-wakeup, mbedtls-device) and whose CoAP is
here, behind an address translator of its own."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from harness import Process, option, register_message, update_message  # noqa: E402
from radio import Radio  # noqa: E402

CON, NON, ACK, RST = range(4)
OBSERVE, LOCATION_PATH, URI_PATH, CONTENT_FORMAT = 6, 8, 11, 12
CREATED, CHANGED, CONTENT, NOT_FOUND = 0x41, 0x44, 0x45, 0x84
HAS = ("3/0", "3/0/13")  # what the server asks for; all has one value here
TEXT_OF_AN_ORDER = 28  # octets
READING = b"1785342000;0004711.250;m3;ok"  # a meter's line: 28 octets
LIFETIME_S = 86400


class Message:
    """A CoAP message, taken apart (RFC 7252 3)."""

    def __init__(self, octets):
        self.octets = octets
        self.type, token_len = octets[0] >> 4 & 3, octets[0] & 15
        self.code = octets[1]
        self.id = int.from_bytes(octets[2:4], "big")
        self.token = octets[4 : 4 + token_len]
        self.options, self.payload = [], b""
        self._take(octets[4 + token_len :])

    def _take(self, rest):
        number = 0
        while rest:
            if rest[0] == 0xFF:
                self.payload = rest[1:]
                return
            delta, size, rest = rest[0] >> 4, rest[0] & 15, rest[1:]
            delta, rest = self._extended(delta, rest)
            size, rest = self._extended(size, rest)
            number += delta
            self.options.append((number, rest[:size]))
            rest = rest[size:]

    @staticmethod
    def _extended(nibble, rest):
        if nibble < 13:
            return nibble, rest
        if nibble == 13:
            return rest[0] + 13, rest[1:]
        return int.from_bytes(rest[:2], "big") + 269, rest[2:]

    def all(self, number):
        return [value for n, value in self.options if n == number]

    def path(self, number=URI_PATH):
        return "/".join(v.decode() for v in self.all(number))

    def is_request(self):
        return 0 < self.code < 32


def built(kind, code, message_id, token, options=(), payload=b""):
    out, last = bytes([0x40 | kind << 4 | len(token), code]), 0
    out += message_id.to_bytes(2, "big") + token
    for number, value in options:
        out += option(number - last, value)
        last = number
    return out + (b"\xff" + payload if payload else b"")


class Meter:
    """program: the words of the DTLS program, but for where the server is."""

    def __init__(self, endpoint, program, port):
        self.endpoint = endpoint
        self.radio = Radio(port).__enter__()
        where = (
            ("--port", str(self.radio.port))
            if "mbedtls" in program[0]
            else ("--address", f"127.0.0.1:{self.radio.port}")
        )
        self.process = Process([*program, *where])
        self.process.wait_json(lambda e: e.get("event") == "ready")
        self.message_id, self.observe, self.observer, self.location = 0x1000, 0, None, None
        self.served = []  # paths of requests

    def close(self):
        self.process.kill()
        self.radio.__exit__()

    def _order(self, text):
        self.process.child.stdin.write(text.encode() + b"\n")
        self.process.child.stdin.flush()

    def connect(self):
        """What the handshake has come to."""
        self._order("forget")
        self._order("connect")
        event = self.process.wait_json(lambda e: e.get("event") in ("up", "failed"))
        assert event["event"] == "up", (self.endpoint, event)
        return event

    def send(self, message):
        for at in range(0, len(message), TEXT_OF_AN_ORDER):
            self._order("text " + message[at : at + TEXT_OF_AN_ORDER].hex())
        self._order("send")

    def next_id(self):
        self.message_id += 1
        return self.message_id

    def hear(self, wanted):
        """The first message for which wanted(message) is true; requests are answered meanwhile."""
        while True:
            event = self.process.wait_json(
                lambda e: e.get("event") in ("message", "down", "failed")
            )
            assert event["event"] == "message", (self.endpoint, event)
            message = Message(bytes.fromhex(event["hex"]))
            if message.is_request():
                self._serve(message)
            if wanted(message):
                return message

    def _serve(self, request):
        code, options, payload = CONTENT, [(CONTENT_FORMAT, b"")], READING
        if request.path() not in HAS:
            code, options, payload = NOT_FOUND, [], b""
        if request.all(OBSERVE) == [b""]:
            self.observer, self.observe = request.token, self.observe + 1
            options = [(OBSERVE, self._observe_value()), *options]
        kind, message_id = (ACK, request.id) if request.type == CON else (NON, self.next_id())
        self.served.append(request.path())
        self.send(built(kind, code, message_id, request.token, options, payload))

    def _observe_value(self):
        return self.observe.to_bytes(2, "big")

    def register(self):
        """With the Observe that the server sends afterwards."""
        message_id = self.next_id()
        self.send(register_message(self.endpoint, message_id, lifetime=LIFETIME_S))
        done = self.hear(lambda m: m.type == ACK and m.id == message_id)
        assert done.code == CREATED, done.octets.hex()
        self.location = done.path(LOCATION_PATH)
        assert self.location, done.octets.hex()
        self.hear(lambda m: m.is_request() and m.all(OBSERVE) == [b""])

    def update(self):
        message_id = self.next_id()
        self.send(update_message(self.location, message_id))
        done = self.hear(lambda m: m.type == ACK and m.id == message_id)
        assert done.code == CHANGED, done.octets.hex()

    def notify(self, kind):
        """The message; a CON one is acknowledged when this returns."""
        self.observe += 1
        message_id = self.next_id()
        options = [(OBSERVE, self._observe_value()), (CONTENT_FORMAT, b"")]
        message = built(kind, CONTENT, message_id, self.observer, options, READING)
        self.send(message)
        if kind == CON:
            self.hear(lambda m: m.type in (ACK, RST) and m.id == message_id)
        return message
