#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices with connection ids that come from another address and port, again and again: nobody
notices, and the server reaches each where it is."""

import os
import signal
import sys
import time

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402
from roam import DISK, SLEEPY, STRANGER, Roam, end_and_start  # noqa: E402

MOVES = 1000
# What is checked in another way, or disturbed otherwise, moves less often, unless ROAM=all.
SOME = MOVES if os.environ.get("ROAM") == "all" else MOVES // 10


# --- a thousand moves -----------------------------------------------------------------------------


LOAD = ("--load", "--con", "--ack-ms", "300")
READS = ("--rounds", "0", "--pause-ms", "500")
# Devices move after a moment of silence: one that has another address in each datagram is reached
# by nobody.
BUSY = ("--replay-from-elsewhere", "20", "--reorder", "5", "--roam-idle-ms", "8")


def say_moves(w, seen, fleet, server, impair):
    load, read = fleet["exchanges"]["load"], server["ops"]["read"]
    print(
        f"# {w.devices} devices: {impair['readdressed']} changes of address "
        f"({impair['moves_least']} to {impair['moves_most']} of one), followed "
        f"{sum(s['moves'] for s in seen)}; handshakes {fleet['handshakes']}; "
        f"{read['answered']} reads of {read['sent']}; {load['answered']} requests of "
        f"{load['begun']}; repeated from elsewhere {impair['elsewhere']}, late {impair['late']}"
    )


def at_rest(w):
    """Nobody moves any more: each is found where it is, whatever the stranger does."""
    w.order(w.impair, "stay")
    w.impaired()  # it has heard that: what comes from now on, comes from there
    # An answer to what was asked before that may be the first to say where a device is: what is
    # asked after it, asks there.
    w.reach()
    w.reach()
    w.assert_known_where_they_are()
    w.repeat_from_elsewhere()
    w.assert_not_the_stranger()
    w.reach()
    w.assert_known_where_they_are()
    seen = [w.session(number) for number in range(w.devices)]
    assert all(s["moves"] > 0 and s["earlier"] for s in seen), seen
    return seen


def many(moves, check, fleet=(), server=READS, disturb=None):
    """One device at least changes its address and port so many times, while all speak and are read;
    meanwhile disturb(w)."""
    speed = ("--load-rate", "900", "--window", "20")
    with Roam(20, check, impair=BUSY, server=server, fleet=(*LOAD, *speed, *fleet)) as w:
        w.order(w.impair, "roam")
        while w.impaired()["moves_most"] < moves:
            if disturb:
                disturb(w)
            time.sleep(0.1)
        # What came while the gateway was down, it has not seen: a stranger's copy may be first.
        w.assert_not_the_stranger(nor_suspected=not disturb)
        w.order(w.fleet, "rest")
        seen = at_rest(w)
        fleet, server, impair = w.finish()
        load = fleet["exchanges"]["load"]
        assert load["answered"] == load["begun"] > 0, load
        assert impair["elsewhere"] > moves, impair
        say_moves(w, seen, fleet, server, impair)


def test_R152_R153_a_thousand_moves_checked_by_RFC_9853():
    many(MOVES, "check")


def test_R152_R153_many_moves_checked_by_a_request():
    many(SOME, "check", fleet=("--no-rrc",))


def test_R152_R153_many_moves_trusted_as_far_as_is_allowed():
    many(SOME, "trust")


def test_R152_R153_many_moves_before_the_old_address_is_asked():
    many(SOME, "check-old", server=())


def test_S26_a_thousand_moves_and_kill_9_again_and_again():
    """Whatever is under way in the moment: it is repeated, and nobody is lost."""
    kills = []

    def disturb(w):
        time.sleep(2)
        end_and_start(w, signal.SIGKILL)
        kills.append(1)

    many(MOVES, "check", disturb=disturb)
    assert len(kills) > 3, kills


def test_S26_many_moves_in_a_few_days_of_sleep():
    """All speak and move for a while, and fall asleep; then the server has something to ask."""
    with Roam(
        20, store=SLEEPY, impair=BUSY, fleet=(*LOAD, "--load-rate", "900", "--window", "20")
    ) as w:
        w.order(w.fleet, "rest")
        w.order(w.impair, "roam")
        days = 0
        while w.impaired()["moves_most"] < SOME:
            days += 1
            w.order(w.fleet, f"load {8 * SOME}")
            told = w.fleet.wait_json(lambda e: e.get("event") == "load", 60)
            assert told["lost"] == 0, told
            w.until_asleep()
            if days % 2 == 0:
                end_and_start(w, signal.SIGKILL)
            w.assert_told()
            w.read()
        seen = at_rest(w)
        say_moves(w, seen, *w.finish())


# --- and the gateway is not there in between ------------------------------------------------------


def through(between, check="check", fleet=(), store=DISK):
    """Each device moves and speaks once; between(w); then the first word is the server's, and finds
    it. Nobody shakes hands, and old records from elsewhere change nothing."""
    with Roam(
        4, check, store=store, fleet=fleet, impair=("--replay-from-elsewhere", "0")
    ) as w:
        w.until_read_once()
        for _ in range(3):
            before = w.where()
            w.order(w.impair, "move")
            for number in range(w.devices):
                w.speak(number)
            after = w.where()
            assert not set(before.values()) & set(after.values())
            between(w)
            w.read()
            assert w.where() == after  # they did not move meanwhile
            w.assert_known_where_they_are()
            w.repeat_from_elsewhere()
            w.assert_known_where_they_are()
            w.read()
        seen = [w.session(number) for number in range(w.devices)]
        assert all(s["moves"] == 3 and len(s["earlier"]) == 3 for s in seen), seen
        w.finish()


def by_kill(w):
    end_and_start(w, signal.SIGKILL)
    w.assert_told()


def by_term(w):
    end_and_start(w, signal.SIGTERM)
    w.assert_told()


def by_sleep(w):
    w.until_asleep()
    w.assert_told()


def by_sleep_and_kill(w):
    w.until_asleep()
    end_and_start(w, signal.SIGKILL)
    w.assert_told()


def by_upgrade(w):
    w.ctl("upgrade")
    w.gateway.wait_line(" ready ")
    w.assert_told()


def test_S26_kill_9_between_the_move_and_the_next_record_checked():
    through(by_kill)


def test_S26_kill_9_between_the_move_and_the_next_record_checked_by_a_request():
    through(by_kill, fleet=("--no-rrc",))


def test_S26_kill_9_between_the_move_and_the_next_record_trusted():
    through(by_kill, check="trust")


def test_S26_kill_9_between_the_move_and_the_next_record_old_address_first():
    through(by_kill, check="check-old")


def test_S26_a_clean_restart_after_the_move():
    through(by_term)


def test_S26_an_upgrade_after_the_move():
    through(by_upgrade)


def test_S26_eviction_after_the_move():
    through(by_sleep, store=SLEEPY)


def test_S26_eviction_after_the_move_checked_by_a_request():
    through(by_sleep, store=SLEEPY, fleet=("--no-rrc",))


def test_S26_eviction_and_kill_9_after_the_move():
    through(by_sleep_and_kill, store=SLEEPY)


def test_S26_a_message_that_has_had_its_effect_has_left_its_address_behind():
    """kill -9 in the moment in which the server has the device's message."""
    with Roam(1, "check") as w:
        w.until_read_once()
        for _ in range(5):
            w.order(w.impair, "move")
            w.order(w.fleet, "speak 0")
            w.server.wait_json(lambda e: e.get("event") == "posted")
            end_and_start(w, signal.SIGKILL)
            w.assert_told()
            w.read(0)
            w.assert_known_where_they_are()
            w.assert_no_handshakes()
            w.fleet.wait_json(lambda e: e.get("event") == "spoken")
        w.finish()


def test_R159_the_first_record_after_kill_9_comes_from_elsewhere():
    with Roam(4) as w:
        w.until_read_once()
        for _ in range(3):
            end_and_start(w, signal.SIGKILL)
            w.order(w.impair, "move")
            for number in range(w.devices):
                w.speak(number)
            w.assert_told()
            w.read()
            w.assert_known_where_they_are()
            w.assert_no_handshakes()
        w.finish()


# --- somebody on the way keeps a record to himself ------------------------------------------------

ON_THE_WAY = {"impair": ("--replay-from-elsewhere", "0"), "fleet": ("--lost-ms", "200")}


def keep_one(w):
    """The stranger has the next record of device 0, and nobody else."""
    before = w.impaired()["withheld"]
    w.order(w.impair, "forget")
    w.order(w.impair, "withhold")
    w.speak(0, answered=False)
    w.order(w.impair, "pass")
    assert w.impaired()["withheld"] == before + 1


def test_R152_R155_an_old_record_that_nobody_has_seen_counts_but_moves_nothing():
    for check in ("check", "trust"):
        with Roam(1, check, **ON_THE_WAY) as w:
            w.until_read_once()
            keep_one(w)
            w.order(w.impair, "move")
            w.speak(0)
            w.server.wait_json(lambda e: e.get("event") == "posted")
            w.read()
            w.repeat_from_elsewhere()
            w.server.wait_json(lambda e: e.get("event") == "posted")
            w.assert_known_where_they_are()
            w.assert_not_the_stranger()
            w.read()
            w.finish()


def test_R153_who_only_forwards_faster_is_found_out_by_the_next_record():
    with Roam(1, "check", **ON_THE_WAY) as w:
        w.until_read_once()
        keep_one(w)
        w.repeat_from_elsewhere()
        w.server.wait_json(lambda e: e.get("event") == "posted")
        seen = w.session(0)
        assert seen["address"] == w.where()[0] and seen["candidate"].startswith(STRANGER), seen
        w.speak(0)
        w.assert_known_where_they_are()
        w.read()
        w.finish()


def test_R153_who_only_forwards_faster_is_found_out_where_the_old_address_is_asked():
    with Roam(1, "check-old", **ON_THE_WAY) as w:
        w.until_read_once()
        keep_one(w)
        w.repeat_from_elsewhere()
        w.server.wait_json(lambda e: e.get("event") == "posted")
        assert w.session(0)["candidate"].startswith(STRANGER)
        w.read(seconds=5)  # the device says at once that it is where it was
        w.assert_known_where_they_are()
        w.finish()


def test_R153_R154_nobody_answers_at_the_new_address():
    """A request waits for the check, which fails; then it goes where the device still is."""
    for fleet in ((), ("--no-rrc",)):
        with Roam(1, "check", impair=ON_THE_WAY["impair"], fleet=("--lost-ms", "200", *fleet)) as w:
            w.until_read_once()
            keep_one(w)
            w.repeat_from_elsewhere()
            w.server.wait_json(lambda e: e.get("event") == "posted")
            assert w.session(0)["candidate"].startswith(STRANGER)
            w.read(seconds=60)
            w.assert_known_where_they_are()
            w.finish()


# --- one address for many -------------------------------------------------------------------------


def in_turn(devices, pool, between=lambda w: None, store=DISK, check="check", fleet=()):
    """A NAT with few ports: a device that speaks gets one of them, whoever had it before."""
    with Roam(
        devices,
        check,
        store=store,
        impair=("--nat-pool", str(pool)),
        fleet=("--rate", "4", *fleet),  # one handshake after the other
    ) as w:
        w.until_read_once()
        if pool == 1:  # the last one's handshake took it from all others
            assert [w.session(n)["adrift"] for n in range(devices)].count(False) == 1
        for turn in range(3):
            for number in range(devices):
                w.order(w.impair, "move")
                w.speak(number)
                if turn == 1:
                    between(w)
                w.read(number)
                seen = w.session(number)
                assert seen["address"] == w.where()[number], seen
                assert not seen["adrift"], seen
        w.finish()


def test_R109_two_devices_behind_one_port_in_turn():
    in_turn(2, 1)


def test_R109_two_devices_behind_one_port_in_turn_checked_by_a_request():
    in_turn(2, 1, fleet=("--no-rrc",))


def test_R109_two_devices_behind_one_port_in_turn_trusted():
    in_turn(2, 1, check="trust")


def test_R109_two_devices_behind_one_port_in_turn_and_kill_9():
    in_turn(2, 1, between=lambda w: end_and_start(w, signal.SIGKILL))


def test_R109_two_devices_behind_one_port_in_turn_and_eviction():
    in_turn(2, 1, between=lambda w: w.until_asleep(), store=SLEEPY)


def test_R109_eight_devices_and_three_ports():
    in_turn(8, 3)


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
