#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices that are reached by short messages, from their first word to their last, over SMSCs of
other makers: in both profiles, in many segments, and what is asked of them by their server."""

import random
import sys

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_coap import ACK, CHANGED, CON, CONTENT, NON, TOO_LARGE, Message  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_packet import DES3_3, part  # noqa: E402
from sms_world import MODEM, OURS, SmsWorld, Told  # noqa: E402

NUMBER = "447700900111"
QUICK = ["--rounds", "1", "--notifications", "2"]


def around(lab):
    """PID, DCS, UDHI of all that the gateway has sent."""
    return {(e["pid"], e["dcs"], e["esm"] & 0x40) for e in lab.network.submitted}


def live(device, look=lambda lab: None, **world):
    """Register, Read, Observe and its notifications, Update, De-register."""
    device.notifications = 2
    with SmsWorld([device], ops="read,observe", server_args=QUICK, **world) as lab:
        device.register()
        lab.server_says("registered", endpoint=device.endpoint)
        assert lab.server_says("op", op="read")["outcome"] == "2.05"
        assert lab.server_says("op", op="observe")["outcome"] == "2.05"
        assert [lab.server_says("notify")["value"] for _ in range(2)] == ["1", "2"]
        device.update()
        lab.server_says("updated", endpoint=device.endpoint)
        device.deregister()
        lab.server_says("deregistered", endpoint=device.endpoint)
        lab.network.until_taken()
        assert not device.faults and not device.overtaken, (device.faults, device.overtaken)
        # TS 102 225: what goes out counts up, and each number is there once.
        counters = [h.counter for h in device.heard]
        assert counters == sorted(set(counters)), counters
        look(lab)


def test_a_card_lives_by_short_messages():
    def look(lab):
        assert around(lab) == {(0x7F, 0xF6, 0x40)}, around(lab)
        parts = [part(bytes.fromhex(e["hex"])) for e in lab.network.submitted]
        assert {p.marker for p in parts} == {0x70}, parts

    live(SmsDevice("urn:sms:card", NUMBER), look)


def test_R299_R300_R302_a_device_of_the_change_request_lives_by_short_messages():
    def look(lab):
        assert around(lab) == {(0x7D, 0xF5, 0x40)}, around(lab)

    live(SmsDevice("urn:sms:device", NUMBER, "cr-004"), look)


def test_R301_answers_go_to_where_the_question_came_from():
    device = SmsDevice("urn:sms:there", NUMBER)

    def look(lab):
        assert {e["to"].lstrip("+") for e in lab.network.submitted} == {NUMBER}
        assert {h.source.lstrip("+") for h in device.heard} == {OURS}

    live(device, look)


def test_a_card_with_3des_where_it_is_allowed():
    live(SmsDevice("urn:sms:3des", NUMBER, algorithm=DES3_3), sms="allow_3des = true;")


def test_a_checksum_of_four_octets_where_it_is_agreed():
    live(SmsDevice("urn:sms:cmac32", NUMBER, cc_len=4))


def test_another_smsc():
    live(SmsDevice("urn:sms:perl", NUMBER), smsc="perl")


def test_a_modem_in_the_place_of_an_smsc():
    """Its TPDUs, in both profiles; what a device sends has no other number than the modem's."""
    live(SmsDevice("urn:sms:modem", NUMBER), smsc=MODEM)
    live(SmsDevice("urn:sms:modem-2", NUMBER, "cr-004"), smsc=MODEM)


def test_two_devices_are_not_each_other():
    one, two = SmsDevice("urn:sms:one", NUMBER), SmsDevice("urn:sms:two", "447700900112", "cr-004")
    with SmsWorld([one, two], ops="read", server_args=QUICK) as lab:
        for device in (one, two):
            device.register()
            lab.server_says("registered", endpoint=device.endpoint)
            lab.server_says("op", endpoint=device.endpoint, outcome="2.05")
        for device in (two, one):
            device.update()
            lab.server_says("updated", endpoint=device.endpoint)
            assert not device.faults, device.faults


def test_what_is_long_goes_in_segments_in_any_order():
    device = SmsDevice("urn:sms:long", NUMBER)
    luck = random.Random(1)
    with Told([device]) as lab:
        lab.registered()
        long = luck.randbytes(500).replace(b"\xff", b"\x00")
        # From the device: four segments, which come in another order, and some of them twice.
        update = device.begin(coap.POST, device.location, payload=long)
        lab.network.held = []
        device.say(update, wide=True)
        held, lab.network.held = lab.network.held, None
        assert len(held) >= 4, held
        for order in [*held[2:], held[3], *held[:2]]:
            lab.network.release(order)
        lab.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED
        # And to it.
        asked = lab.asks(coap.PUT, "3/0/15", payload=long)
        heard = device.wait(lambda h: h.message.token == asked.token, "the server's PUT").message
        assert (heard.code, heard.payload) == (coap.PUT, long), heard
        sent = [part(bytes.fromhex(e["hex"])) for e in lab.network.submitted]
        assert max(p.total for p in sent) >= 4, sent
        # The marker of a command is in the first segment, and there only (TS 31.115).
        assert all((p.marker == 0x70) == (p.number == 1) for p in sent), sent
        assert lab.hears(asked.token).code == CHANGED


def test_what_would_be_too_many_segments_is_not_sent():
    device = SmsDevice("urn:sms:toolong", NUMBER)
    with Told([device], sms="segments_max = 2;") as lab:
        lab.registered()
        before = len(lab.network.submitted)
        asked = lab.asks(coap.PUT, "3/0/15", payload=bytes(400))
        assert lab.hears(asked.token).code == TOO_LARGE
        assert len(lab.network.submitted) == before
        asked = lab.asks(coap.PUT, "3/0/15", payload=bytes(100))
        assert lab.hears(asked.token).code == CHANGED


def test_what_the_network_says_twice_is_heard_once():
    device = SmsDevice("urn:sms:twice", NUMBER)
    with Told([device]) as lab:
        lab.registered()
        lab.network.twice = True
        for _ in range(3):
            note = device.begin(coap.POST, device.location)
            device.say(note)
            lab.serves(note, CHANGED)
            device.answer_to(note)
        lab.network.until_taken()
        update = device.begin(coap.POST, device.location)
        device.say(update)
        lab.serves(update, CHANGED)
        device.answer_to(update)
        assert lab.times(note.token) == 1, "it went up a second time"


def test_who_is_confirmed_and_who_is_not():
    """A CON of the server's is sent once; a NON of the device's goes up."""
    device = SmsDevice("urn:sms:kinds", NUMBER)
    with Told([device]) as lab:
        lab.registered()
        for kind in (CON, NON):
            asked = lab.asks(coap.GET, "3/0/0", kind=kind)
            assert lab.hears(asked.token).code == CONTENT
        tokens = [h.message.token for h in device.heard if h.message.is_request()]
        assert len(tokens) == len(set(tokens)) == 2, tokens
        device.silent = True
        asked = lab.asks(coap.GET, "3/0/0")
        late = device.wait(lambda h: h.message.token == asked.token, "the question").message
        lab.asks(coap.GET, "3/0/0", same=asked)  # the server's retransmission
        device.silent = False
        device.say(Message(ACK, CONTENT, late.number, late.token, (), b"late"))
        told = lab.hears(asked.token)
        assert told.code == CONTENT, told
        other = lab.asks(coap.GET, "3/0/0")
        told = lab.hears(other.token)
        assert told.code == CONTENT, told
        assert sum(h.message.token == asked.token for h in device.heard) == 1


run_tests(
    [
        test_a_card_lives_by_short_messages,
        test_R299_R300_R302_a_device_of_the_change_request_lives_by_short_messages,
        test_R301_answers_go_to_where_the_question_came_from,
        test_a_card_with_3des_where_it_is_allowed,
        test_a_checksum_of_four_octets_where_it_is_agreed,
        test_another_smsc,
        test_a_modem_in_the_place_of_an_smsc,
        test_two_devices_are_not_each_other,
        test_what_is_long_goes_in_segments_in_any_order,
        test_what_would_be_too_many_segments_is_not_sent,
        test_what_the_network_says_twice_is_heard_once,
        test_who_is_confirmed_and_who_is_not,
    ]
)
