#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys for short messages that live as long as a registration, of a whole gateway: given by GBA
Push from the lab's BSF, used from the next Register or Update on, refused when they are stale; over
lwgate-smsd and an SMSC, also over a network that loses, doubles, delays and turns around."""

import os
import random
import sys
import time

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_keyed import PUSH_PORT, read_push  # noqa: E402
from sms_keyed_gateway import Carded, KeyedGateway, Subscriber, judge  # noqa: E402
from sms_packet import Joiner, cut, part, seal, unseal, unwrap, wrap  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
ONE = "447700900111"
KEY_S, LIVES_S = (float(os.environ.get(n, d)) for n, d in (("KEY_S", "4"), ("LIVES_S", "12")))
DEVICES = int(os.environ.get("DEVICES", "3"))
ROUGH_S = float(os.environ.get("ROUGH_S", "15"))


def registered(w, lifetime=300):
    device = w.devices[0]
    device.until_keys()
    assert device.register(lifetime=lifetime).code == CREATED
    return device


def test_R306_first_keys_come_by_push_and_each_update_has_fresh_ones():
    for where in ("me", "u"):
        with KeyedGateway([Subscriber(ONE, where)]) as w:
            device = registered(w)
            assert bool(device.usim.taken) and device.current.origin == "gba-push"
            for n in range(10):
                device.until_keys(after=n + 1)
                before = device.keys
                assert device.update().code == CHANGED
                assert device.keys != before and device.current.counter == 1
            device.until_keys(after=11)
            assert device.use_new_keys() and not device.use_new_keys(), "each set once"
            assert len(device.sets) == 12
            status = w.status()
            assert status["sms_forged"] == status["sms_replayed"] == status["sms_old"] == 0, status
            judge(device)
            w.tell_cost()


def is_push(submit):
    p = part(bytes.fromhex(submit["hex"]))
    return p.port == PUSH_PORT or (p.total > 1 and p.number > 1)


def test_R308_how_push_info_travels():
    with KeyedGateway([Subscriber(ONE)]) as w:
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


def test_R305_keys_last_no_longer_than_the_registration():
    """Those that were there before it end with it, too."""
    with KeyedGateway([Subscriber(ONE)], keys="early_s = 3600;") as w:
        device = registered(w, lifetime=120)
        shown = w.until_state(device, "delivered")
        assert shown["lifetime_s"] == 120
        assert 100 < shown["current"]["ends_in_s"] <= 120, shown["current"]
        assert 100 < shown["next"]["ends_in_s"] <= 120, shown["next"]


def test_R315_a_stale_key_is_answered_4_00_under_itself():
    with KeyedGateway([Subscriber(ONE)], keys="retry_s = 2;") as w:
        device = registered(w)
        device.until_keys(after=1)
        old = device.current
        w.network.lossy = is_push
        assert device.update().code == CHANGED
        w.until_state(device, "delivered")
        asked = w.keys_of(device)["asked"]
        # It goes back to the keys before, as one that has lost the newer ones.
        device.current, device.keys = old, old.keys
        seen = len(w.sent_to(device))
        request = device.begin(coap.POST, device.location)
        assert device.ask(request).code == BAD_REQUEST
        answers = [bytes.fromhex(e["hex"]) for e in w.sent_to(device)[seen:] if not is_push(e)]
        assert len(answers) == 1 and answers[0][:3] == bytes.fromhex("027000"), answers
        counter, data = unseal(old.keys, answers[0][3:])
        assert answers[0][3:] == seal(old.keys, counter, data)
        want = bytes([0x64, 0x80]) + request.number.to_bytes(2, "big") + request.token
        assert unwrap(data) == want and data == wrap(want), data.hex()
        assert counter == old.last
        shown = w.keys_of(device)
        assert shown["refused"] == 1 and w.status()["sms_old"] == 1
        assert shown["asked"] == asked, "what is under way is delivered, and no other asked for"
        # As often as it likes: an answer each, and nothing else.
        for _ in range(3):
            assert device.ask(device.begin(coap.POST, device.location)).code == BAD_REQUEST
        assert w.keys_of(device)["asked"] == asked and w.keys_of(device)["refused"] == 4
        w.network.lossy = None
        device.until_keys(after=2)
        assert device.register().code == CREATED


def test_R315_stale_keys_of_a_device_at_rest_cause_one_refresh():
    """Its next ones were proved, and nothing is under way: the 4.00 is followed by others."""
    with KeyedGateway([Subscriber(ONE, first=True)], keys="overlap_s = 600;") as w:
        device = w.devices[0]
        assert device.register().code == CREATED
        old = device.current
        device.until_keys()
        w.bsf.fault("down")  # what follows the Update is not had
        assert device.update().code == CHANGED
        w.until_state(device, "failed")
        w.bsf.fault(None)
        device.current, device.keys = old, old.keys
        good = device.pushes["good"]
        assert device.ask(device.begin(coap.POST, device.location)).code == BAD_REQUEST
        device.until_keys(after=good)
        assert device.register().code == CREATED
        assert {"bsf-down"} == {e["cause"] for e in w.events() if e["is"] == "failed"}


def test_R315_an_expired_key_is_refused_and_the_device_comes_back():
    with KeyedGateway([Subscriber(ONE)], lifetime_s=4, keys="retry_s = 2;") as w:
        device = w.devices[0]
        device.until_keys()
        w.network.lossy = is_push
        assert device.register().code == CREATED
        w.until(lambda: (w.keys_of(device)["current"]["ends_in_s"] or 0) < 0)
        updated = w.status()["messages_up"]
        assert device.update().code == BAD_REQUEST
        assert w.status()["sms_old"] == 1 and w.status()["messages_up"] == updated
        w.network.lossy = None
        life = w.live(device, 1.0)
        w.until(lambda: life.counts["update 2.04"] >= 1 and len(device.sets) >= 3)
        life.end()
        judge(device)


def test_a_forgers_flood_causes_no_message():
    with KeyedGateway([Subscriber(ONE)]) as w:
        device = registered(w)
        device.until_keys(after=1)
        w.until_state(device, "delivered")
        luck = random.Random(SEED)
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
        w.until(lambda: w.status()["sms_forged"] == 300)
        assert len(w.network.submitted) == before and len(w.bsf.events("asked")) == asked
        assert device.update().code == CHANGED
        judge(device)


def rough_lives(w, sets, every_s, **more):
    """ROUGH_S seconds of a rough network; then all are well again, and each of them has had `sets`
    key sets. How many of these came while it was rough is luck: one try of a card's takes all of
    its messages and the longest pause between two tries is most of that time."""
    roughs = [w.rough(d, SEED + n) for n, d in enumerate(w.devices)]
    lives = [w.live(d, every_s, **more) for d in w.devices]
    time.sleep(ROUGH_S)
    print(f"# key sets while it was rough: {[len(d.sets) for d in w.devices]}")
    for r in roughs:
        r.smooth()
    marks = [len(life.done) for life in lives]

    def well(life, mark):
        codes = [code for _, code, _, _ in life.done[mark:]]
        return codes[-3:] == [CHANGED] * 3

    w.until(lambda: all(well(life, m) for life, m in zip(lives, marks, strict=True)), 60)
    w.until(lambda: all(len(d.sets) >= sets for d in w.devices), 60)
    for life in lives:
        life.end()
    for r, life, d in zip(roughs, lives, w.devices, strict=True):
        print(f"# {d.endpoint}: {dict(life.counts)}; {dict(r.counts)}; pushes {dict(d.pushes)}")
        judge(d)


def test_a_rough_network_locks_nobody_out():
    print(f"# seed {SEED}")
    devices = [Subscriber(f"44770090{n:04}") for n in range(4)]
    rules = "overlap_s = 5; early_s = 2; retry_s = 1; refreshes_an_hour = 0; tries = 100;"
    with KeyedGateway(devices, lifetime_s=8, keys=rules) as w:
        rough_lives(w, 4, 1.0, answer_s=2.0)
        w.tell_cost()


def test_lives_with_keys_of_seconds():
    """LIVES_S seconds of DEVICES devices whose keys live for KEY_S: real processes, real time."""
    print(f"# seed {SEED}")
    devices = [Subscriber(f"44770094{n:04}") for n in range(DEVICES)]
    early, overlap = max(1, int(KEY_S / 4)), max(1, int(KEY_S / 2))
    rules = f"overlap_s = {overlap}; early_s = {early}; retry_s = 1; refreshes_an_hour = 0;"
    with KeyedGateway(devices, lifetime_s=int(KEY_S), keys=rules) as w:
        lives = [w.live(d, KEY_S / 2) for d in devices]
        time.sleep(LIVES_S)
        for life in lives:
            life.end()
        for life, d in zip(lives, devices, strict=True):
            judge(d)
            assert life.counts["unanswered"] == 0, life.counts
            assert len(d.sets) == sum(life.counts.values()), "fresh keys each time"
        status = w.status()
        assert status["sms_forged"] == status["sms_replayed"] == status["sms_old"] == 0, status
        w.tell_cost()


def test_R317_a_restart_goes_on_with_the_same_keys():
    """What was there is there again, nothing is asked twice, and no counter begins anew."""
    with KeyedGateway([Subscriber(ONE)]) as w:
        device = registered(w)
        device.until_keys(after=1)
        before = w.until_state(device, "delivered")
        w.kill_gateway()
        w.start_gateway()
        after = w.keys_of(device)
        for name in ("state", "asked", "delivered", "proved", "refused"):
            assert after[name] == before[name], (name, before, after)
        for which in ("current", "next"):
            for name in ("generation", "counter_in", "counter_out"):
                assert after[which][name] == before[which][name], which
        assert device.update().code == CHANGED
        device.until_keys(after=2)
        judge(device)


def test_R310_R311_the_same_by_smartcard():
    print(f"# seed {SEED}")
    forms = ("compact", "expanded", "indefinite")
    devices = [Carded(f"44770091{n:04}", form) for n, form in enumerate(forms)]
    with KeyedGateway(devices, keys="refreshes_an_hour = 0;") as w:
        for device in devices:
            assert device.register().code == CREATED
            for turn in range(4):
                w.until(lambda d=device, t=turn: w.keys_of(d)["state"] == "delivered")
                before = device.keys
                assert device.update().code == CHANGED
                assert device.keys != before and device.current.origin == "smartcard"
            w.until_state(device, "delivered")
            assert device.uicc.wrong == 0 and device.answers >= 5 and len(device.sets) == 5
            judge(device)
        for e in w.network.submitted:
            if part(bytes.fromhex(e["hex"])).port is None and e["pid"] == 0x7F:
                assert e["dcs"] == 0xF6, e
        w.tell_cost()


def test_R310_by_smartcard_over_a_rough_network():
    print(f"# seed {SEED}")
    forms = ("compact", "expanded")
    devices = [Carded(f"44770092{n:04}", form) for n, form in enumerate(forms)]
    rules = "overlap_s = 10; retry_s = 1; most_s = 10; refreshes_an_hour = 0; tries = 100;"
    with KeyedGateway(devices, keys=rules) as w:
        rough_lives(w, 3, 1.0, answer_s=2.0)
        for d in devices:
            print(f"# {d.endpoint}: {w.keys_of(d)['asked']} asked")
        w.tell_cost()


FAULTS = [
    ({"kind": "down"}, "bsf-down"),
    ({"kind": "slow", "seconds": 3}, "bsf-slow"),
    ({"kind": "status", "status": 503, "retry_after": 1}, "bsf-busy"),
    ({"kind": "status", "status": 404}, "bsf-no-subscriber"),
    ({"kind": "missing", "field": "gbaPushInfo"}, "bsf-bad-answer"),
    ({"kind": "expired"}, "bsf-expired"),
    ({"kind": "http-1"}, "bsf-http-1"),
]


def test_faults_of_the_BSF_pass_and_are_named():
    devices = [Subscriber(f"44770093{n:04}") for n in range(len(FAULTS))]
    first = [Subscriber("447700939999")]
    with KeyedGateway(first + devices, token=False, asleep=devices) as w:
        first[0].until_keys()
        for (fault, cause), device in zip(FAULTS, devices, strict=True):
            w.bsf.fault(**fault)
            w.wake(device)
            w.until(lambda c=cause, d=device: c in {e["cause"] for e in w.events(d)})
            assert w.keys_of(device)["cause"] == cause and not device.pushes
            assert w.until_state(device, "failed", "refreshing")["cause"] == cause
            w.bsf.fault(None)
            device.until_keys()
            assert device.register().code == CREATED
            assert w.keys_of(device)["cause"] is None
            judge(device)


def test_a_BSF_whose_certificate_is_not_believed():
    with KeyedGateway([Subscriber(ONE)], client={"url": "https://127.0.0.1:{port}"}) as w:
        w.until(lambda: "bsf-certificate" in {e["cause"] for e in w.events()})
        assert not w.bsf.events("asked") and not w.devices[0].pushes


def test_a_home_network_that_has_lost_its_SQN():
    """The USIM says so to its own network (AUTS), and the next push is good."""
    again = "refreshes_an_hour = 0; tries = 2; retry_s = 1; rest_s = 1;"
    with KeyedGateway([Subscriber(ONE)], keys=again) as w:
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
        # It goes on under the keys that it has, which tells that it has no others.
        w.until(lambda: device.update().code == CHANGED and device.pushes["good"] > good)
        assert device.update().code == CHANGED and len(device.sets) > 36
        judge(device)


run_tests(
    [
        test_R306_first_keys_come_by_push_and_each_update_has_fresh_ones,
        test_R308_how_push_info_travels,
        test_R305_keys_last_no_longer_than_the_registration,
        test_R315_a_stale_key_is_answered_4_00_under_itself,
        test_R315_stale_keys_of_a_device_at_rest_cause_one_refresh,
        test_R315_an_expired_key_is_refused_and_the_device_comes_back,
        test_a_forgers_flood_causes_no_message,
        test_a_rough_network_locks_nobody_out,
        test_lives_with_keys_of_seconds,
        test_R317_a_restart_goes_on_with_the_same_keys,
        test_R310_R311_the_same_by_smartcard,
        test_R310_by_smartcard_over_a_rough_network,
        test_faults_of_the_BSF_pass_and_are_named,
        test_a_BSF_whose_certificate_is_not_believed,
        test_a_home_network_that_has_lost_its_SQN,
    ]
)
