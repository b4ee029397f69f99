#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys for short messages that live as long as a registration: given by GBA Push and by smartcard,
used from the next Register or Update on, refused when they are stale; over lwgate-smsd and an SMSC,
also over a network that loses, doubles, delays and turns around.

The gateway is played by sms_keyed_standin here: what is proved is the lab (device, USIM, card, BSF)
and lwgate's BSF client, card and bridge."""

import os
import random
import sys
import time

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_keyed import PUSH_PORT, read_push  # noqa: E402
from sms_keyed_world import KeyWorld, judge  # noqa: E402
from sms_packet import Joiner, cut, part, seal, unseal, unwrap, wrap  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
ONE, TWO = "447700900111", "447700900112"
KEY_S, LIVES_S = (float(os.environ.get(n, d)) for n, d in (("KEY_S", "4"), ("LIVES_S", "12")))
DEVICES = int(os.environ.get("DEVICES", "3"))
ROUGH_S = float(os.environ.get("ROUGH_S", "15"))


def registered(w, number=ONE):
    device = w.device(number)
    w.gateway.refresh(device.row)
    device.until_keys()
    assert device.register().code == CREATED
    return device


def test_first_keys_come_by_push_and_each_update_has_fresh_ones():
    for where in ("me", "u"):
        with KeyWorld(where=where) as w:
            device = registered(w)
            assert bool(device.usim.taken) and device.current.origin == "gba-push"
            for n in range(10):
                device.until_keys(after=n + 1)
                before = device.keys
                assert device.update().code == CHANGED
                assert device.keys != before and device.current.counter == 1
            device.until_keys(after=11)
            assert device.use_new_keys() and not device.use_new_keys(), "each set once"
            assert len(device.sets) == 12 and device.row.state["updated"] == 10
            assert device.row.state["under none"] == device.row.state["old"] == 0
            judge(device)
            w.tell_cost()


def is_push(submit):
    p = part(bytes.fromhex(submit["hex"]))
    return p.port == PUSH_PORT or (p.total > 1 and p.number > 1)


def test_how_push_info_travels():
    with KeyWorld() as w:
        device = registered(w)
        device.until_keys(after=1)
        pushes = [e for e in w.sent_to(device) if part(bytes.fromhex(e["hex"])).port == PUSH_PORT]
        joiner = Joiner()
        whole = [joiner.take(bytes.fromhex(e["hex"])) for e in pushes]
        octets = [x[2] for x in whole if x]
        assert len(octets) == 2 and [read_push(o)[1] for o in octets][0][:8] == b"LAB-GPI\x01"
        for e in pushes:
            assert (e["pid"], e["dcs"]) == (0x7D, 0xF5) and e["esm"] & 0x40, e
            assert len(bytes.fromhex(e["hex"])) <= 140
        assert len({read_push(o)[0] for o in octets}) == len(octets), "another session each time"


def test_a_stale_key_is_answered_4_00_under_itself():
    with KeyWorld() as w:
        device = registered(w)
        device.until_keys(after=1)
        old = device.current
        w.network.lossy = is_push
        assert device.update().code == CHANGED
        w.until(lambda: device.row.state["pushed"] == 3)
        # It goes back to the keys before, as one that has lost the newer ones.
        device.current, device.keys = old, old.keys
        seen = len(w.sent_to(device))
        request = device.begin(coap.POST, device.location)
        assert device.ask(request).code == BAD_REQUEST
        answer = bytes.fromhex(w.sent_to(device)[seen]["hex"])
        assert answer[:3] == bytes.fromhex("027000"), answer.hex()
        counter, data = unseal(old.keys, answer[3:])
        assert answer[3:] == seal(old.keys, counter, data)
        want = bytes([0x64, 0x80]) + request.number.to_bytes(2, "big") + request.token
        assert unwrap(data) == want and data == wrap(want), data.hex()
        assert counter == old.last and device.row.state["old"] == 1
        w.network.lossy = None
        device.until_keys(after=2)
        assert device.register().code == CREATED
        assert device.row.state["asked"] == 3 + 1, "one for each answer, and none for the 4.00"


def test_an_expired_key_is_refused_and_the_device_comes_back():
    with KeyWorld(lifetime_s=3, retry_s=60) as w:
        device = w.device(ONE)
        w.gateway.refresh(device.row)
        device.until_keys()
        w.network.lossy = is_push
        assert device.register().code == CREATED
        w.until(lambda: device.row.state["pushed"] == 2)
        time.sleep(max(0.0, device.current.until - time.time()) + 0.2)
        assert device.update().code == BAD_REQUEST
        assert device.row.state["old"] == 1 and device.row.state["updated"] == 0
        w.network.lossy = None
        life = w.live(device, 1.0)
        w.until(lambda: life.counts["update 2.04"] >= 1 and len(device.sets) >= 3)
        life.end()
        judge(device)


def test_a_forgers_flood_causes_no_message():
    with KeyWorld() as w:
        device = registered(w)
        device.until_keys(after=1)
        luck = random.Random(SEED)
        w.until(lambda: not w.gateway.box.out)
        before, asked = len(w.network.submitted), len(w.bsf.events("asked"))
        good = seal(device.keys, 99, wrap(device.registration().octets()))
        forged = {luck.randbytes(42) for _ in range(100)}
        while len(forged) < 300:
            bad = bytearray(good)
            bad[luck.randrange(len(bad))] ^= 1 << luck.randrange(8)
            forged.add(bytes(bad))
        for n, packet in enumerate(sorted(forged)):
            for piece in cut(packet, n & 0xFF):
                w.network.deliver(device, piece)
        w.network.until_taken()
        w.until(lambda: device.row.state["under none"] == 300)
        assert len(w.network.submitted) == before and len(w.bsf.events("asked")) == asked
        assert device.update().code == CHANGED
        judge(device)


def rough_lives(w, devices, seconds, every_s, **more):
    roughs = [w.rough(d, SEED + n) for n, d in enumerate(devices)]
    lives = [w.live(d, every_s, **more) for d in devices]
    time.sleep(seconds)
    for r in roughs:
        r.smooth()
    marks = [len(life.done) for life in lives]

    def well(life, mark):
        codes = [code for _, code, _, _ in life.done[mark:]]
        return codes[-3:] == [CHANGED] * 3

    w.until(lambda: all(well(life, m) for life, m in zip(lives, marks, strict=True)), 60)
    for life in lives:
        life.end()
    for r, life, d in zip(roughs, lives, devices, strict=True):
        print(f"# {d.endpoint}: {dict(life.counts)}; {dict(r.counts)}; pushes {dict(d.pushes)}")
        judge(d)


def test_a_rough_network_locks_nobody_out():
    print(f"# seed {SEED}")
    with KeyWorld(lifetime_s=8, early_s=2, overlap_s=5, retry_s=1.0) as w:
        devices = [w.device(f"44770090{n:04}") for n in range(4)]
        for d in devices:
            w.gateway.refresh(d.row)
        rough_lives(w, devices, ROUGH_S, 1.0, answer_s=2.0)
        for d in devices:
            assert len(d.sets) > 3
        w.tell_cost()


def test_lives_with_keys_of_seconds():
    """LIVES_S seconds of DEVICES devices whose keys live for KEY_S: real processes, real time."""
    print(f"# seed {SEED}")
    early = KEY_S / 4
    with KeyWorld(lifetime_s=KEY_S, early_s=early, overlap_s=KEY_S / 2, retry_s=1.0) as w:
        devices = [w.device(f"44770094{n:04}") for n in range(DEVICES)]
        for d in devices:
            w.gateway.refresh(d.row)
        lives = [w.live(d, KEY_S / 2) for d in devices]
        time.sleep(LIVES_S)
        for life in lives:
            life.end()
        for life, d in zip(lives, devices, strict=True):
            judge(d)
            assert life.counts["unanswered"] == d.row.state["old"] == 0, life.counts
            assert len(d.sets) == sum(life.counts.values()), "fresh keys each time"
            assert d.row.state["under none"] == d.row.state["counter"] == 0
        w.tell_cost()


def test_the_same_by_smartcard():
    print(f"# seed {SEED}")
    with KeyWorld(lifetime_s=60) as w:
        for n, form in enumerate(("compact", "expanded", "indefinite")):
            device = w.card_device(f"44770091{n:04}", form)
            assert device.register().code == CREATED
            for turn in range(4):
                w.until(lambda d=device, t=turn: d.row.state["card has it"] > t)
                before = device.keys
                assert device.update().code == CHANGED
                assert device.keys != before and device.current.origin == "smartcard"
            w.until(lambda d=device: d.row.state["card has it"] > 4)
            assert device.uicc.wrong == 0 and device.answers >= 5 and len(device.sets) == 5
            judge(device)
        w.tell_cost()


def test_by_smartcard_over_a_rough_network():
    print(f"# seed {SEED}")
    with KeyWorld(lifetime_s=30, overlap_s=10) as w:
        devices = [
            w.card_device(f"44770092{n:04}", form, retry_ms=1000)
            for n, form in enumerate(("compact", "expanded"))
        ]
        rough_lives(w, devices, ROUGH_S, 1.0, answer_s=2.0)
        for d in devices:
            assert len(d.sets) > 2
            print(f"# {d.endpoint}: {dict(d.row.state)}")
        w.tell_cost()


FAULTS = [
    (dict(kind="down"), "bsf-down"),
    (dict(kind="slow", seconds=3), "bsf-slow"),
    (dict(kind="status", status=503, retry_after=1), "bsf-busy"),
    (dict(kind="status", status=404), "bsf-no-subscriber"),
    (dict(kind="missing", field="gbaPushInfo"), "bsf-bad-answer"),
    (dict(kind="expired"), "bsf-expired"),
    (dict(kind="http-1"), "bsf-http-1"),
]


def test_faults_of_the_BSF_pass():
    with KeyWorld(token=False) as w:
        for n, (fault, cause) in enumerate(FAULTS):
            device = w.device(f"44770093{n:04}")
            w.bsf.fault(**fault)
            w.gateway.refresh(device.row)
            w.until(lambda c=cause, d=device: c in d.row.causes)
            assert set(device.row.causes) == {cause} and not device.pushes
            w.bsf.fault(None)
            device.until_keys()
            assert device.register().code == CREATED
            judge(device)


def test_a_home_network_that_has_lost_its_SQN():
    with KeyWorld(retry_s=60) as w:
        device = registered(w)
        for n in range(1, 35):  # each IND of SQN has been there
            device.until_keys(after=n)
            assert device.update().code == CHANGED
        device.until_keys(after=35)
        impi = device.usim.impi
        w.bsf.order(set_sqn={"impi": impi, "sqn": 0})
        assert device.update().code == CHANGED
        w.until(lambda: device.out_of_sync)
        assert w.bsf.resync(impi, device.out_of_sync[-1]) is True
        good = device.pushes["good"]
        device.row.next = None
        w.gateway.refresh(device.row)
        device.until_keys(after=good)
        assert device.update().code == CHANGED
        judge(device)


run_tests(
    [
        test_first_keys_come_by_push_and_each_update_has_fresh_ones,
        test_how_push_info_travels,
        test_a_stale_key_is_answered_4_00_under_itself,
        test_an_expired_key_is_refused_and_the_device_comes_back,
        test_a_forgers_flood_causes_no_message,
        test_a_rough_network_locks_nobody_out,
        test_lives_with_keys_of_seconds,
        test_the_same_by_smartcard,
        test_by_smartcard_over_a_rough_network,
        test_faults_of_the_BSF_pass,
        test_a_home_network_that_has_lost_its_SQN,
    ]
)
