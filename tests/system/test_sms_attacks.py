#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Somebody who can send short messages in the name of anyone, and has seen all that have passed:
nothing of his goes up, nothing is said to him, the device's own next word is heard, and what he
costs is bounded."""

import secrets
import sys

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_coap import CHANGED  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_packet import (  # noqa: E402
    COMMAND,
    LWM2M_DEVICE,
    RESPONSE,
    Keys,
    cut,
    seal,
    seal_response,
    user_data,
    wrap,
)
from sms_world import OURS, Told  # noqa: E402

NUMBER, OTHER_NUMBER = "447700900111", "447700900112"
MEMORY_KB = 16 * 1024  # what all of a flood may cost, of a program


class Attack(Told):
    """A device that is registered, and one who sends in its name."""

    def __enter__(self):
        super().__enter__()
        self.registered()
        self.good()
        return self

    def good(self):
        """The device is heard, and answered."""
        device = self.devices[0]
        update = device.begin(coap.POST, device.location)
        device.say(update)
        self.serves(update, CHANGED)
        assert device.answer_to(update).code == CHANGED
        return update

    def fake(self, octets, udhi=True, **other):
        """A short message that says it is the device's."""
        device = self.devices[0]
        order = {"from": device.number, "to": OURS, "pid": device.pid, "dcs": device.dcs}
        order.update(esm=0x40 if udhi else 0, hex=octets.hex(), **other)
        self.network.release(order)

    def fake_packet(self, packet, marker=COMMAND, **other):
        for octets in cut(packet, secrets.randbelow(256), marker):
            self.fake(octets, **other)

    def nothing_came_of_it(self, attack):
        """Of what attack() sends: it is taken, so that no SMSC keeps it for ever, and then the
        device is served as before; and that is all that has passed."""
        device = self.devices[0]
        above, sent = len(self.server.bytes), len(self.network.submitted)
        attack()
        self.network.until_taken()
        update = self.good()
        assert len(self.network.submitted) == sent + 1, self.network.submitted[sent:]
        assert len(self.server.bytes) == above + len(update.octets()), self.server.bytes[above:]
        assert not device.faults, device.faults


def delete(device):
    """What would hurt: a De-register."""
    return wrap(device.begin(coap.DELETE, device.location or "rd/7").octets())


def test_what_was_said_is_not_taken_again():
    device = SmsDevice("urn:attack:replay", NUMBER)
    said = []
    with Attack([device]) as lab:
        device.spy = said.append
        for _ in range(3):
            lab.good()
        for packet in tuple(said):
            lab.nothing_came_of_it(lambda p=packet: lab.fake_packet(p))
        # Nor one that is new, under a counter that is not.
        for counter in (1, device.counter, device.counter - 1):
            packet = seal(device.keys, counter, delete(device))
            lab.nothing_came_of_it(lambda p=packet: lab.fake_packet(p))


def test_what_others_seal_is_nothing():
    device, other = SmsDevice("urn:attack:mine", NUMBER), SmsDevice("urn:attack:his", OTHER_NUMBER)
    with Attack([device, other]) as lab:
        high = device.counter + 1000
        random_keys = Keys(secrets.token_bytes(16), secrets.token_bytes(16))
        half = device.keys.but(check_key=random_keys.check_key)
        for keys in (random_keys, half, other.keys, device.keys.but(tar=LWM2M_DEVICE)):
            packet = seal(keys, high, delete(device))
            lab.nothing_came_of_it(lambda p=packet: lab.fake_packet(p))
        for spi1 in (0x00, 0x02, 0x04, 0x06, 0x12, 0x14, 0x1E):
            packet = seal(device.keys.but(spi=bytes([spi1, 0])), high, delete(device))
            lab.nothing_came_of_it(lambda p=packet: lab.fake_packet(p))
        good = seal(other.keys, 1, delete(other))
        lab.nothing_came_of_it(lambda: lab.fake_packet(good))


def test_what_is_touched_or_cut_is_nothing():
    device = SmsDevice("urn:attack:touched", NUMBER)
    with Attack([device]) as lab:
        packet = seal(device.keys, device.counter + 1000, delete(device))

        def attack():
            for at in (0, 2, 3, 5, 7, 10, 15, 16, 24, len(packet) - 1):
                lab.fake_packet(packet[:at] + bytes([packet[at] ^ 1]) + packet[at + 1 :])
            for length in (0, 1, 2, 9, 10, 16, len(packet) - 16, len(packet) - 1):
                lab.fake_packet(packet[:length])
            lab.fake_packet(packet + bytes(16))
            lab.fake_packet(packet + packet)

        lab.nothing_came_of_it(attack)


def test_what_is_no_secured_packet_is_nothing():
    device = SmsDevice("urn:attack:clear", NUMBER)
    with Attack([device]) as lab:
        clear = device.begin(coap.DELETE, "rd/7").octets()
        packet = seal(device.keys, device.counter + 1000, delete(device))

        def attack():
            lab.fake(b"hello", udhi=False, dcs=0, pid=0)
            lab.fake(clear, udhi=False, dcs=4)
            lab.fake(wrap(clear), udhi=False, dcs=4)
            lab.fake(b"\x06\x05\x04\x16\x33\x16\x33" + clear)  # to CoAP's port
            lab.fake_packet(packet, dcs=0)  # not 8-bit data
            lab.fake_packet(packet, marker=RESPONSE)
            lab.fake_packet(packet, **{"from": "447700900999"})  # of whom nobody knows
            lab.fake_packet(packet, marker=0x73)
            status = seal_response(device.keys.but(spi=bytes([0x16, 0x39])), 1, 2)
            lab.fake_packet(status, marker=RESPONSE)

        lab.nothing_came_of_it(attack)


def test_what_the_gateway_has_said_is_not_taken_from_a_device():
    device = SmsDevice("urn:attack:mirror", NUMBER)
    with Attack([device]) as lab:
        device.silent = True
        asked = lab.asks(coap.GET, "3/0/0", kind=coap.NON)
        device.wait(lambda h: h.message.token == asked.token, "a counter beyond the device's")
        device.silent = False
        mirrored = [p for c, p in device.octets_of.items() if c > device.counter]
        assert mirrored

        def attack():
            for packet in mirrored:
                lab.fake_packet(packet)

        lab.nothing_came_of_it(attack)


def test_what_an_earlier_gateway_has_said_is_not_taken_from_a_device():
    """An answer of ours with a counter that the device has not reached: taken for the device's, it
    would push its counter up, and all that the device says next would be a repetition."""
    device = SmsDevice("urn:attack:echo", NUMBER)
    with Attack([device]) as lab:
        device.silent = True
        asked = lab.asks(coap.GET, "3/0/0", kind=coap.NON)
        device.wait(lambda h: h.message.token == asked.token, "a counter beyond the device's")
        device.silent = False
        lab.good()
        answers = [h for h in device.heard if h.message.code == CHANGED]
        assert answers[-1].counter > device.counter
        answer = device.octets_of[answers[-1].counter]
        lab.restart()
        lab.network.until_bound()
        lab.fake_packet(answer)
        lab.network.until_taken()
        lab.until(lambda: lab.status()["sms_reflected"] == 1, 5)
        lab.good()


def test_who_has_the_keys_and_speaks_no_coap_is_not_answered():
    """In a good packet: another envelope, or what is no message. Its counter is used up."""
    device = SmsDevice("urn:attack:inside", NUMBER)
    with Attack([device]) as lab:
        good = device.begin(coap.DELETE, "rd/7").octets()
        for inside in (
            b"",
            b"\x05",
            b"\x05\x00",
            wrap(good, 0x06),
            wrap(good) + b"\x00",
            wrap(good)[:-1],
            b"\x05\x81" + bytes([len(good)]) + good + b"x",
            b"\x05\x84\xff\xff\xff\xff" + good,
            wrap(b"\x45"),
            wrap(b"\x05" + good[1:]),
        ):
            device.counter += 1
            packet = seal(device.keys, device.counter, inside)
            lab.nothing_came_of_it(lambda p=packet: lab.fake_packet(p))


def test_segments_of_an_attacker_cost_little_and_spoil_nothing_for_long():
    device = SmsDevice("urn:attack:segments", NUMBER)
    with Attack([device]) as lab:
        packet = seal(device.keys, device.counter + 1000, delete(device))
        piece = secrets.token_bytes(130)
        before = memory_kb(lab)

        def odd():
            for total, number in [(0, 0), (0, 1), (2, 0), (2, 3), (255, 0), (1, 2)]:
                lab.fake(user_data(piece, 9, total, number, b"\x70\x00"))
            for octets in (
                b"\x01",
                b"\xff" + piece,
                b"\x02\x70\x05",
                b"\x05\x00\x03\x09\x02",
                b"\x00",
            ):
                lab.fake(octets)
            # The same number twice, with other octets, and what belongs to two messages.
            for n in (1, 1, 2, 2):
                lab.fake(
                    user_data(secrets.token_bytes(60), 10, 3, n, b"\x70\x00" if n == 1 else b"")
                )
            lab.fake(user_data(packet[:20], 10, 2, 1, b"\x70\x00"))

        lab.nothing_came_of_it(odd)

        def flood():
            for number in range(1, 256):  # one that never ends, to its last
                lab.fake(user_data(piece, 77, 255, number, b"\x70\x00" if number == 1 else b""))
            for reference in range(600):  # and many that never begin to end
                sender = {"from": f"4477010{reference:05d}"} if reference % 2 else {}
                lab.fake(user_data(piece, reference, 255, 200, wide=True), **sender)

        lab.nothing_came_of_it(flood)
        for name, kb in memory_kb(lab).items():
            assert kb - before[name] < MEMORY_KB, (name, before[name], kb)
        lab.good()


def memory_kb(lab):
    sizes = {}
    for program in (lab.bridge, lab.gateway):
        with open(f"/proc/{program.child.pid}/status", encoding="ascii") as f:
            row = next(line for line in f if line.startswith("VmRSS"))
        sizes[program.name] = int(row.split()[1])
    return sizes


def test_what_was_dropped_is_counted():
    device = SmsDevice("urn:attack:counted", NUMBER)
    said = []
    with Attack([device]) as lab:
        device.spy = said.append
        lab.good()
        device.silent = True
        asked = lab.asks(coap.GET, "3/0/0", kind=coap.NON)
        device.wait(lambda h: h.message.token == asked.token, "a counter beyond the device's")
        packet = seal(device.keys, device.counter + 1000, delete(device))
        malformed = seal(device.keys, device.counter + 10, wrap(b"", 0x06))
        for reason, attack in {
            "sms_replayed": lambda: lab.fake_packet(said[0]),
            "sms_reflected": lambda: lab.fake_packet(max(device.octets_of.items())[1]),
            "sms_forged": lambda: lab.fake_packet(packet[:-1] + bytes([packet[-1] ^ 1])),
            "sms_strangers": lambda: lab.fake_packet(packet, **{"from": "447700900999"}),
            "sms_other": lambda: lab.fake_packet(packet, marker=RESPONSE),
            "sms_malformed": lambda: lab.fake_packet(malformed),
        }.items():
            assert lab.status()[reason] == 0, lab.status()
            attack()
            lab.network.until_taken()
            lab.until(lambda reason=reason: lab.status()[reason] == 1, 5)


run_tests(
    [
        test_what_was_said_is_not_taken_again,
        test_what_others_seal_is_nothing,
        test_what_is_touched_or_cut_is_nothing,
        test_what_is_no_secured_packet_is_nothing,
        test_what_the_gateway_has_said_is_not_taken_from_a_device,
        test_what_an_earlier_gateway_has_said_is_not_taken_from_a_device,
        test_who_has_the_keys_and_speaks_no_coap_is_not_answered,
        test_segments_of_an_attacker_cost_little_and_spoil_nothing_for_long,
        test_what_was_dropped_is_counted,
    ]
)
