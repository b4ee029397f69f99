#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What short messages cost, through a real bridge and SMSC: a device that sleeps is told once to
come, and what a day may cost is the end of it."""

import json
import sys

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import DEADLINE_S, run_tests, s_client  # noqa: E402
from scripted import say  # noqa: E402
from sms_coap import CHANGED, CONTENT, CREATED  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_world import Told, by_both  # noqa: E402

NUMBER = "447700900111"


class Both(Told):
    """One endpoint that comes by DTLS, in queue mode, and can be told by short messages."""

    def _credentials(self):
        return by_both(super()._credentials(), self.devices[0])


def test_R280_who_is_told_comes_by_udp_and_gets_what_has_waited():
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
        asked = lab.asks(coap.GET, "3/0/0")
        with device.changed:
            assert device.changed.wait_for(lambda: device.triggered, DEADLINE_S)
        # The device does what it was told to: it updates its registration, by UDP.
        update = coap.Message(coap.CON, coap.POST, 0x1112, b"come", coap.path_options("rd/7"))
        say(client, update.octets())
        lab.serves(update, CHANGED)
        client.wait_bytes(asked.token)
        found = client.bytes.index(asked.token)
        head = client.bytes[found - 4 : found]
        answer = coap.Message(
            coap.ACK, CONTENT, int.from_bytes(head[2:4], "big"), asked.token, (), b"here"
        )
        say(client, answer.octets())
        assert lab.hears(asked.token).code == CONTENT
        lab.network.until_taken()
        told = device.triggered, len(lab.network.submitted)
        assert told == (1, 1), (told, lab.network.submitted, device.heard, device.faults)
        assert lab.status()["sms_triggers"] == 1
        assert not device.faults, device.faults


def test_a_day_has_its_end():
    """What is beyond sms.segments_a_day is not said; also after a restart, and what the device
    says is still heard."""
    device = SmsDevice("urn:sms:dear", NUMBER)
    with Told([device], sms="segments_a_day = 2;") as lab:
        lab.registered()
        lab.asks(coap.GET, "3/0/0")
        device.wait(lambda h: h.message.code == coap.GET, "the second segment")
        for _ in range(2):
            update = device.begin(coap.POST, device.location)
            device.say(update)
            lab.serves(update, CHANGED)
            lab.until(lambda: lab.status()["sms_lost"] >= 1)
            assert len(lab.network.submitted) == 2, lab.network.submitted
            lab.gateway.wait_line("sms.segments_a_day are spent")
            lab.restart()
            lab.network.until_bound()
        assert len(lab.network.submitted) == 2, lab.network.submitted


run_tests(
    [
        test_R280_who_is_told_comes_by_udp_and_gets_what_has_waited,
        test_a_day_has_its_end,
    ]
)
