#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices in queue mode: what the server asks while they sleep. OpenSSL's client for a device and
its server for a server, CoAP by hand; and a fleet with connection ids that wakes elsewhere."""

import json
import re
import signal
import sys
import time

sys.dont_write_bytecode = True
from harness import Device, Lab, option, run_tests, s_client, update_message  # noqa: E402
from roam import Roam  # noqa: E402
from scripted import GET, POST, answer, say, start_scripted  # noqa: E402
from scripted import request as asked  # noqa: E402

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
UP = rb"Extended master secret: yes.*---\n"
CREATED, CHANGED, CONTENT, UNAVAILABLE = 0x41, 0x44, 0x45, 0xA3
URI_PATH, URI_QUERY, LOCATION_PATH, MAX_AGE = 11, 15, 8, 14
PROCESSING_S = 2  # RFC 7252 ACK_TIMEOUT: the server's first timer


class Nap(Lab):
    """A Lab with one device in queue mode, awake for so long after each of its messages; the
    server is what a test says."""

    def __init__(self, relay, awake_ms=1000, **more):
        self.told = 0
        super().__init__(
            [Device("urn:nap:one")],
            settings=f"workers = 1; relay = {{ awake_ms = {awake_ms}; {relay} }};",
            **more,
        )

    def start_server(self):
        self.server = start_scripted(self, self.devices[0])

    def register(self):
        self.client = s_client(self, self.devices[0])
        self.client.wait_bytes(UP)
        head = bytes([0x41, POST, 0x11, 0x11]) + b"\x51" + option(URI_PATH, b"rd")
        items = ["ep=" + self.devices[0].endpoint, "lt=300", "lwm2m=1.1", "b=U", "Q"]
        for number, item in enumerate(items):
            head += option(0 if number else URI_QUERY - URI_PATH, item.encode())
        say(self.client, head)
        self.server.wait_bytes(re.escape(head[:5]))
        location = option(LOCATION_PATH, b"rd") + option(0, b"7")
        say(self.server, answer(CREATED, 0x1111, b"\x51", location))
        self.client.wait_bytes(re.escape(location))

    def session(self):
        return json.loads(self.ctl("--json", "session", self.devices[0].endpoint))

    def rest(self):
        return self.session()["registration"]["queue_mode"]

    def until_asleep(self):
        self.until(lambda: self.rest()["asleep"])

    def ask(self, number):
        """The server's request with that number, which the device must not hear of yet."""
        say(self.server, get(number))

    def is_held(self, number):
        """It has an empty ACK before the server's first timer ends."""
        before = time.monotonic()
        self.ask(number)
        self.server.wait_bytes(re.escape(bytes([0x60, 0, 0x30, number])))
        assert time.monotonic() - before < PROCESSING_S
        assert get(number) not in self.client.bytes

    def speak(self):
        """An Update, and its answer: whatever is asked meanwhile."""
        self.told += 1
        number = 0x1200 + self.told
        about = number.to_bytes(2, "big") + b"\x52"
        say(self.client, update_message("rd/7", number))
        self.server.wait_bytes(b"\\x41\\x02" + re.escape(about))
        say(self.server, answer(CHANGED, number, b"\x52"))
        self.client.wait_bytes(b"\\x61\\x44" + re.escape(about))

    def hears(self, number):
        self.client.wait_bytes(re.escape(get(number)))

    def answers(self, number):
        """Its answer is a separate one for the server, who acknowledges that."""
        say(self.client, answer(CONTENT, 0x3000 + number, token(number), payload=b"21.5"))
        told = self.server.wait_bytes(rb"\x41\x45(..)" + re.escape(token(number)) + rb"\xff21\.5")
        say(self.server, bytes([0x60, 0]) + told.group(1))


def token(number):
    return bytes([0xE0 | number])


def get(number):
    return asked(GET, "3/0/0", 0x3000 + number, token(number))


def unavailable(head, number, max_age_s):
    """A 5.03 with Max-Age: a pattern, whose message id is its group."""
    age = option(MAX_AGE, bytes([max_age_s]))
    code = bytes([UNAVAILABLE])
    return head + re.escape(code) + rb"(..)" + re.escape(token(number) + age + b"\xff")


def test_R276_R277_what_a_sleeping_device_is_asked_waits_in_order():
    with Nap("") as lab:
        lab.register()
        lab.until_asleep()
        records = lab.session()["device"]["records_out"]
        for number in range(1, 5):
            lab.is_held(number)
        lab.ask(5)
        assert lab.server.wait_bytes(unavailable(rb"\x61", 5, 30)).group(1) == b"\x30\x05"
        assert lab.rest() == {"asleep": True, "listens_ms": 0, "waiting": 4}, lab.rest()
        assert lab.session()["device"]["records_out"] == records  # not a datagram
        lab.speak()
        for number in range(1, 5):
            lab.hears(number)
            assert all(get(later) not in lab.client.bytes for later in range(number + 1, 6))
            lab.answers(number)
        lab.until(lambda: lab.rest()["waiting"] == 0)
        order = [lab.client.bytes.index(get(number)) for number in range(1, 5)]
        assert order == sorted(order)
        total = lab.status()
        assert (total["asleep_held"], total["asleep_refused"]) == (4, 0), total


def test_R276_who_listens_is_asked_at_once():
    with Nap("", awake_ms=60000) as lab:
        lab.register()
        assert not lab.rest()["asleep"] and lab.rest()["listens_ms"] > 0
        lab.ask(1)
        lab.hears(1)
        say(lab.client, answer(CONTENT, 0x3001, token(1), payload=b"21.5"))
        # As it is: nothing stands between.
        lab.server.wait_bytes(re.escape(answer(CONTENT, 0x3001, token(1), payload=b"21.5")))
        assert lab.status()["asleep_held"] == 0


def test_R277_or_the_server_is_told_503():
    with Nap('asleep = "5.03";') as lab:
        lab.register()
        lab.until_asleep()
        lab.ask(1)
        assert lab.server.wait_bytes(unavailable(rb"\x61", 1, 60)).group(1) == b"\x30\x01"
        lab.speak()
        lab.ask(2)
        lab.hears(2)
        assert get(1) not in lab.client.bytes
        assert lab.status()["asleep_refused"] == 1


def test_R277_what_waits_too_long_is_503():
    with Nap("asleep_wait_s = 3; asleep_messages = 1;") as lab:
        lab.register()
        lab.until_asleep()
        lab.is_held(1)
        lab.ask(2)
        lab.server.wait_bytes(unavailable(rb"\x61", 2, 30))
        told = lab.server.wait_bytes(unavailable(rb"\x41", 1, 60))
        say(lab.server, bytes([0x60, 0]) + told.group(1))
        assert lab.rest()["waiting"] == 0
        lab.speak()
        lab.speak()
        assert get(1) not in lab.client.bytes


def test_R276_a_session_that_has_left_memory_comes_back_to_wait():
    """And a kill loses what waits: the server's own business, as with any proxy."""
    with Nap("", awake_ms=500, store=DISK + " evict_after_s = 1;") as lab:
        lab.register()
        lab.until(lambda: lab.session()["state"] == "asleep")
        assert lab.rest()["asleep"]
        lab.is_held(1)
        seen = lab.session()
        assert seen["state"] == "awake", seen
        assert seen["registration"]["queue_mode"]["waiting"] == 1, seen
        # As long as something waits, it stays.
        lab.until(lambda: lab.session()["device"]["heard_ms_ago"] > 3000)
        assert lab.session()["state"] == "awake"
        lab.speak()
        lab.hears(1)
        lab.answers(1)
        lab.until(lambda: lab.session()["state"] == "asleep")
        lab.is_held(2)
        lab.restart(signal.SIGKILL)
        lab.speak()
        lab.until_asleep()
        lab.is_held(3)
        lab.speak()
        lab.hears(3)
        lab.answers(3)
        assert get(2) not in lab.client.bytes


class RoamingNap(Roam):
    """Its devices are in queue mode, and nobody speaks unasked. Who has been silent for a second
    comes from elsewhere, once it may roam."""

    def __init__(self):
        super().__init__(3, fleet=("--queue",), impair=("--roam-idle-ms", "1000"))

    def write_config(self):
        super().write_config()
        with open(self.path("lwgate.conf"), "a", encoding="ascii") as f:
            f.write("relay = { awake_ms = 1000; };\n")

    def rest(self, number):
        text = self.ctl("--json", "session", self.endpoint(number))
        return json.loads(text)["registration"]["queue_mode"]


def test_R279_what_waits_goes_where_the_device_is_shown_to_be():
    with RoamingNap() as w:
        w.until_read_once()
        w.until(lambda: w.rest(0)["asleep"])
        before = w.session(0)
        w.order(w.server, f"round {w.endpoint(0)}")
        w.until(lambda: w.rest(0)["waiting"] == 1)
        w.until(lambda: w.session(0)["heard_ms_ago"] > 1500)
        assert w.session(0)["records_out"] == before["records_out"]
        w.order(w.impair, "roam")
        w.speak(0)
        w.order(w.impair, "stay")
        op = w.server.wait_json(
            lambda e: e.get("event") == "op" and e["endpoint"] == w.endpoint(0), 60
        )
        assert op["outcome"] == "2.05", op
        after = w.session(0)
        assert after["address"] != before["address"] and after["moves"] >= 1, after
        w.until(lambda: w.rest(0)["waiting"] == 0)
        # What it costs on the radio: nothing was said to where it had been.
        told = w.status()
        assert told["moves_failed"] == 0 and told["asleep_held"] >= 1, told


if __name__ == "__main__":
    run_tests(
        [
            test_R276_R277_what_a_sleeping_device_is_asked_waits_in_order,
            test_R276_who_listens_is_asked_at_once,
            test_R277_or_the_server_is_told_503,
            test_R277_what_waits_too_long_is_503,
            test_R276_a_session_that_has_left_memory_comes_back_to_wait,
            test_R279_what_waits_goes_where_the_device_is_shown_to_be,
        ]
    )
