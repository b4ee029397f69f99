#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What lwgated has learned from a bootstrap (S31) when answers are lost on the way, when it is
killed in the middle, and when the time is over."""

import os
import sys
import time

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402
from learning import (  # noqa: E402
    ARMED,
    LAPSED,
    LEARNED,
    SETTLE_S,
    STAGED,
    Lesson,
    add,
    clocked,
    school,
)
from policy import CHANGED  # noqa: E402
from scripted import answer  # noqa: E402


def test_S31_an_answer_that_is_lost_on_the_way_costs_nothing():
    with school() as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        lesson = Lesson(lab, client)
        lesson.write(new.account())
        message = lesson.finish()
        client.wire.lost = True
        client.say(answer(CHANGED, *message))
        client.process.kill()  # the device goes to its new server at once
        assert lab.staged(old) == "staged"
        assert lab.comes_in(new)
        lab.named(STAGED, LEARNED)
        assert lab.refuses(old)


def test_S31_kill_9_between_the_end_and_its_answer():
    with school() as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        lesson = Lesson(lab, client)
        lesson.write(new.account())
        message = lesson.finish()
        lab.named(STAGED)  # what was not written out yet is lost with it
        lab.restart()
        assert lab.staged(old) == "staged"
        client.say(answer(CHANGED, *message))  # its session goes on
        assert lab.comes_in(old), "the device may have missed it"
        assert lab.comes_in(new)
        lab.named(STAGED, LEARNED)
        assert lab.refuses(old)


def test_S31_kill_9_after_it_was_armed():
    with school() as (lab, old):
        new = old.given("new")
        Lesson(lab, lab.client(old)).all(new.account())
        lab.named(STAGED, ARMED)
        shown = lab.shown(old)
        lab.restart()
        assert lab.shown(old) == shown and lab.staged(old) == "armed"
        assert lab.comes_in(old) and lab.comes_in(new)
        lab.named(STAGED, ARMED, LEARNED)
        lab.restart()
        assert lab.refuses(old) and lab.comes_in(new)


def test_S31_of_one_identity_with_two_keys_each_has_its_turn():
    # Each worker learns by itself.
    with school(settings="workers = 1;") as (lab, old):
        new = old.given()
        client = lab.client(old)
        lesson = Lesson(lab, client)
        lesson.write(new.account())
        lesson.finish()  # has no answer: the device may have it or not
        client.process.kill()
        assert lab.comes_in(old), "one that is not armed is tried last"
        assert lab.comes_in(new, 2)
        lab.named(STAGED, LEARNED)
        assert lab.comes_in(new) and not lab.comes_in(old, 2)
        newer = old.given()
        Lesson(lab, lab.client(new)).all(newer.account())
        lab.named(STAGED, LEARNED, STAGED, ARMED)
        assert lab.comes_in(newer), "an armed one is tried first"


def test_S31_when_the_time_is_over_an_armed_one_takes_the_place():
    with clocked() as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        Lesson(lab, client).all(new.account())
        lab.named(STAGED, ARMED)
        lab.later(SETTLE_S - 60)
        assert lab.comes_in(old)
        client = lab.client(old)  # is there when it happens, and is judged
        lab.later(SETTLE_S + 60)
        lab.named(STAGED, ARMED, LEARNED)
        assert client.ended() == "close_notify"
        assert lab.told(old, "credential-replaced", ("done",))["rule"] == "replaced"
        assert lab.refuses(old) and lab.comes_in(new)
        assert lab.shown(old)["identity"] == "new"


def test_S31_when_the_time_is_over_one_that_is_not_armed_is_forgotten():
    with clocked() as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        lesson = Lesson(lab, client)
        lesson.write(new.account())
        lesson.finish()
        lab.named(STAGED)
        lab.kill()
        lab.later(SETTLE_S + 60)  # while it is down
        lab.start_gateway()
        lab.named(STAGED, LAPSED)
        assert lab.staged(old) is None
        assert lab.refuses(new) and lab.comes_in(old)


def stamp(seconds):
    """The time in so many seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))


def test_S31_what_is_learned_before_the_clock_is_set_is_there_when_it_is():
    with clocked("one", "two", begins=60 - int(time.time())) as (lab, (one, two)):
        new = one.given("new")
        client = lab.client(one)
        lesson = Lesson(lab, client)
        lesson.write(new.account())
        lesson.finish()
        lab.named(STAGED)
        client.process.kill()  # the device has it, and its answer is lost
        assert lab.staged(one) == "staged" and "until_ms" not in lab.shown(one)["staged"]
        said = lab.ctl("credential", "show", one.endpoint)
        assert ", no end (the clock was not set)\n" in said, said
        lab.later(0)  # now it is
        add(lab, two, "replace", "--valid-until", stamp(SETTLE_S + 30))
        lab.client(two)
        lab.until(lambda: lab.session(two))  # before that it has nothing to lose
        lab.later(SETTLE_S + 60)
        lab.until(  # what is over has been looked for
            lambda: any(e["event"] == "credential-expired" for e in lab.chronicle(two))
        )
        assert lab.staged(one) == "staged"
        assert lab.comes_in(one) and lab.comes_in(new)
        lab.named(STAGED, LEARNED)
        assert lab.refuses(one)


if __name__ == "__main__":
    os.umask(0o077)
    run_tests(
        [
            test_S31_an_answer_that_is_lost_on_the_way_costs_nothing,
            test_S31_kill_9_between_the_end_and_its_answer,
            test_S31_kill_9_after_it_was_armed,
            test_S31_of_one_identity_with_two_keys_each_has_its_turn,
            test_S31_when_the_time_is_over_an_armed_one_takes_the_place,
            test_S31_when_the_time_is_over_one_that_is_not_armed_is_forgotten,
            test_S31_what_is_learned_before_the_clock_is_set_is_there_when_it_is,
        ]
    )
