#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgate's keys onto a smartcard (gateway/sms/card, rfm, efbootstrap, behind a pipe) against
the lab's card (tests/lab/uicc.py), which shares no code with it: every format, any length, over
a network that loses, doubles and turns around; what the card holds at the end is what a device
reads."""

import os
import random
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "lab"))
import uicc  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_card import GIVEN_UP, HAS_IT, HINT, NEXT, NOT_OURS, PROVED, WAITING, Ours  # noqa: E402
from sms_packet import (  # noqa: E402
    AES,
    DES3_3,
    SPI1,
    Joiner,
    Keys,
    cut,
    part,
    seal,
    unseal,
    unseal_response,
)
from uicc import BOOTSTRAP, Uicc, bootstrap_file, read_bootstrap  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
FORMATS = ("compact", "expanded", "indefinite")
MINUTE = 60000
RFM_TAR = bytes.fromhex("b00010")


def ota_keys(luck, algorithm=AES, spi2=0x39):
    n = 16 if algorithm == AES else 24
    return Keys(
        luck.randbytes(n),
        luck.randbytes(n),
        spi=bytes([SPI1, spi2]),
        kic=0x20 | algorithm,
        kid=0x20 | algorithm,
        tar=RFM_TAR,
    )


def template(size=200):
    return bootstrap_file(
        {
            uicc.URI: b"coap://lwm2m.example",
            uicc.IS_BOOTSTRAP: b"\0",
            uicc.MODE: b"\3",
            uicc.SMS_MODE: b"\2",
            uicc.SMS_PARAMS: bytes.fromhex("12121600b20203"),
            uicc.SMS_KEYS: bytes(range(32)),
            uicc.SMS_NUMBER: b"4040",
            uicc.SHORT_ID: b"\x65",
        },
        size,
    )


class Way:
    """A gateway's card, the lab's card, a clock, and a network between them."""

    def __init__(self, ours, luck, keys, form, file, segments=2, loss=0.0):
        self.ours, self.luck, self.loss = ours, luck, loss
        self.card = Uicc(keys, {BOOTSTRAP: file})
        self.now, self.counter, self.messages = 1000, 0, 0
        self.late = []  # what is still on its way: (to the card?, octets)
        self.seen = set()  # what a device has found in between
        assert ours.ota(keys, form, segments=segments) == "good"

    def network(self, to_card, octets):
        if self.luck.random() < self.loss:
            return
        twice = 2 if self.luck.random() < self.loss else 1
        for _ in range(twice):
            self.late.insert(
                self.luck.randrange(len(self.late) + 1) if self.loss else len(self.late),
                (to_card, octets),
            )

    def bring(self, steps=10000):
        """Until it is there, or given up."""
        for _ in range(steps):
            state = self.ours.state()
            if state["phase"] in (HAS_IT, GIVEN_UP):
                return state
            if self.ours.is_due(self.now):
                self.counter += 1
                packet = self.ours.packet(self.counter, self.now)
                segments = cut(packet, self.counter)
                self.messages += len(segments)
                joiner = Joiner()
                whole = [joiner.take(s) for s in segments][-1]
                assert whole[0] == 0x70 and whole[2] == packet
                self.network(True, packet)
                if self.luck.random() < self.loss:
                    assert self.ours.say("again") == "1"
            elif self.late:
                self.arrive(*self.late.pop(0))
            else:
                self.now = max(self.now + 1, self.ours.state()["due"])
        raise AssertionError(f"no end: {state}")

    def arrive(self, to_card, octets):
        if to_card:
            answer = self.card.take(octets)
            self.look()
            if answer:
                self.network(False, answer)
        else:
            self.ours.open(octets, self.now)

    def look(self):
        """A device reads whenever it likes: never half of a file."""
        rows = read_bootstrap(self.card.file()).get(0)
        self.seen.add(rows[0][uicc.SMS_KEYS] if rows else b"")


def test_a_device_reads_what_was_brought():
    luck = random.Random(SEED)
    with Ours() as ours:
        for form in FORMATS:
            for algorithm in (AES, DES3_3):
                keys = ota_keys(luck, algorithm)
                way = Way(ours, luck, keys, form, template())
                key = luck.randbytes(32)
                params = bytes.fromhex("12121600bfff01")
                file = ours.account(template(), 2, params, key, "4041")
                assert len(file) == 200 and ours.begin(b"", file, way.now)
                state = way.bring()
                assert state["phase"] == HAS_IT and state["proved"], (form, state)
                assert way.card.file() == file
                row = read_bootstrap(way.card.file())[0][0]
                assert row[uicc.SMS_KEYS] == key and row[uicc.SMS_PARAMS] == params
                assert row[uicc.SMS_MODE] == b"\2" and row[uicc.SMS_NUMBER] == b"4041"
                assert row[uicc.URI] == b"coap://lwm2m.example" and row[uicc.SHORT_ID] == b"\x65"
                assert way.seen <= {b"", key}, "half of a file was there"
                # The next time only what differs goes.
                again = ours.account(file, 2, params, luck.randbytes(32))
                before = way.messages
                assert ours.begin(file, again, way.now) and way.bring()["proved"]
                assert way.card.file() == again and way.messages - before == 1


def test_every_length_in_every_format():
    luck = random.Random(SEED)
    print(f"# seed {SEED}")
    with Ours() as ours:
        for form in FORMATS:
            for segments in (1, 2, 4):
                for n in (5, 50, 83, 84, 85, 131, 200, 255, 256, 400, 960):
                    way = Way(ours, luck, ota_keys(luck), form, bytes(1000), segments)
                    content = luck.randbytes(n)
                    way.look = lambda: None  # it is no file of accounts
                    assert ours.begin(b"", content, way.now), (form, segments, n)
                    assert way.bring()["proved"], (form, segments, n)
                    assert way.card.file()[:n] == content and not any(way.card.file()[n:])


def test_a_network_that_loses_a_third_doubles_and_turns_around():
    luck = random.Random(SEED)
    print(f"# seed {SEED}")
    with Ours() as ours:
        done = 0
        for turn in range(60):
            form = FORMATS[turn % 3]
            key = luck.randbytes(32)
            way = Way(ours, luck, ota_keys(luck), form, template(), loss=0.3)
            file = ours.account(template(), 2, bytes.fromhex("12121600bfff01"), key)
            assert ours.begin(b"", file, way.now)
            for _ in range(5):  # after all tries an operator, or a timer, begins anew
                if way.bring()["phase"] == HAS_IT:
                    break
                assert ours.begin(b"", file, way.now)
            assert way.card.file() == file, turn
            assert way.seen <= {b"", key, bytes(range(32))}
            done += 1
        print(f"# {done} deliveries")


def test_what_a_card_refuses_has_a_reason():
    luck = random.Random(SEED)
    with Ours() as ours:
        for form in FORMATS:
            way = Way(ours, luck, ota_keys(luck), form, template())
            way.card.fails_with = 0x6982
            assert ours.begin(b"", template(), way.now)
            state = way.bring()
            assert state["phase"] == GIVEN_UP and "6982" in state["why"], state
            way = Way(ours, luck, ota_keys(luck), form, template(60 + 40))
            assert ours.begin(b"", template(300), way.now)
            state = way.bring()
            assert state["phase"] == GIVEN_UP and state["sw"] == "6b00", state
            way = Way(ours, luck, ota_keys(luck), form, template())
            way.card.status = 0x09
            assert ours.begin(b"", template(), way.now)
            state = way.bring()
            assert state["phase"] == GIVEN_UP and "09" in state["why"], state
            way = Way(ours, luck, ota_keys(luck), form, template())
            assert ours.ota(way.card.ota, form, path=bytes.fromhex("7fff6433")) == "good"
            assert ours.begin(b"", template(), way.now)
            assert way.bring()["sw"] == "6a82"


def test_a_card_that_never_answers_is_given_up():
    luck = random.Random(SEED)
    with Ours() as ours:
        way = Way(ours, luck, ota_keys(luck), "compact", template())
        way.card.mute = True
        assert ours.begin(b"", template(), way.now)
        state = way.bring()
        assert state["phase"] == GIVEN_UP and not state["proved"], state
        assert way.counter == 6 and way.card.packets == 6, "six tries"
        assert way.now > 30 * MINUTE, "not all at once"


def test_only_an_answer_with_a_good_checksum_counts():
    luck = random.Random(SEED)
    with Ours() as ours:
        keys = ota_keys(luck)
        way = Way(ours, luck, keys, "expanded", template())
        assert ours.begin(b"", template(), way.now) and ours.is_due(way.now)
        answer = way.card.take(ours.packet(1, way.now))
        for _ in range(200):
            bit = luck.randrange(8 * len(answer))
            bad = bytearray(answer)
            bad[bit // 8] ^= 1 << bit % 8
            event, _ = ours.open(bytes(bad), way.now)
            assert event in (NOT_OURS, HINT), (bit, event)
        other = Uicc(ota_keys(luck), {BOOTSTRAP: template()})
        other_answer = other.take(seal(other.ota, 1, b"\0\xa4\0\x0c\x02\x64\x32"))
        assert ours.open(other_answer, way.now)[0] == NOT_OURS
        assert ours.state()["phase"] == WAITING
        assert ours.open(answer, way.now)[0] in (NEXT, PROVED)
        assert ours.open(answer, way.now)[0] == NOT_OURS, "a second time it is nothing"


def test_the_card_itself_is_what_the_standard_says():
    """SELECT, READ BINARY and the two answers, by hand; a packet that comes again."""
    luck = random.Random(SEED)
    keys = ota_keys(luck)
    card = Uicc(keys, {BOOTSTRAP: bytes(range(100))})
    read = bytes.fromhex("00a4080c047fff6432" "00b0000a03")
    packet = seal(keys, 5, read)
    answer = card.take(packet)
    assert unseal_response(keys, answer) == (5, 0, bytes.fromhex("029000" "0a0b0c"))
    assert unseal_response(keys, card.take(packet)) == (5, 2, b"") and card.again == 1
    script = b"\xaa\x12\x22\x09" + read[:9] + b"\x22\x05" + read[9:]
    answer = card.take(seal(keys, 6, script))
    want = bytes.fromhex("ab0e80010223029000" "23050a0b0c9000")
    assert unseal_response(keys, answer) == (6, 0, want), answer.hex()
    bad = bytearray(seal(keys, 7, read))
    bad[-1] ^= 1
    assert card.take(bytes(bad)) is None and card.wrong == 1 and card.counter == 6
    silent = Uicc(keys.but(spi=bytes([SPI1, 0])), {BOOTSTRAP: b"x"})
    assert silent.take(seal(silent.ota, 1, read)) is None and silent.packets == 1
    assert uicc.lwm2m_tlv(uicc.RESOURCE, 7, b"1234567") == b"\xc7\x071234567"
    assert uicc.lwm2m_tlv(uicc.RESOURCE, 8, b"12345678") == b"\xc8\x08\x0812345678"
    nrf = bytes.fromhex(
        "00010036000000003108002ec80025636f61703a2f2f6c657368616e2e65636c69707365"
        "70726f6a656374732e696f3a35373833c10101c10203ffff"
    )
    want = [{0: b"coap://leshan.eclipseprojects.io:5783", 1: b"\1", 2: b"\3"}]
    assert read_bootstrap(nrf) == {0: want}
    assert bootstrap_file(want[0], len(nrf)) == nrf
    assert part(cut(packet, 1)[0]).marker == 0x70 and unseal(keys, packet)[0] == 5


run_tests(
    [
        test_the_card_itself_is_what_the_standard_says,
        test_a_device_reads_what_was_brought,
        test_every_length_in_every_format,
        test_a_network_that_loses_a_third_doubles_and_turns_around,
        test_what_a_card_refuses_has_a_reason,
        test_a_card_that_never_answers_is_given_up,
        test_only_an_answer_with_a_good_checksum_counts,
    ]
)
