#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What lwgated learns from a bootstrap that goes through it, and when it does not (S31)."""

import os
import shutil
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402
from learning import (  # noqa: E402
    ANOTHERS,
    ARMED,
    LEARN,
    LEARNED,
    RAW,
    REFUSED,
    STAGED,
    Lesson,
    Pupil,
    account,
    add,
    no_key_is_told,
    school,
    spki_of,
)
from pki import Pki  # noqa: E402
from scripted import DELETE  # noqa: E402


def test_S31_what_was_written_is_learned_when_it_is_first_proved():
    with school(settings='log = { level = "debug"; };') as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        lesson = Lesson(lab, client)
        lesson.ask(DELETE, "0", code=0x42)
        lesson.write(new.account("coaps://GW.example:5684"))
        message = lesson.finish()
        # It is kept before the device hears of the end.
        assert lab.staged(old) == "staged"
        lab.named(STAGED)
        assert new.key not in lab.ctl("credential", "show", old.endpoint)
        staged = lab.shown(old)["staged"]
        lesson.repeat(message)  # the server has not heard
        assert lab.shown(old)["staged"] == staged
        lesson.reply(message)
        lab.named(STAGED, ARMED)
        assert lab.staged(old) == "armed"
        assert lab.shown(old)["identity"] == old.identity
        assert lab.comes_in(old), "what it has proved until now is taken yet"
        assert lab.client(new).handshake == "full"
        lab.named(STAGED, ARMED, LEARNED)
        for event in lab.chronicle(old):
            if event["event"] in (STAGED, ARMED, LEARNED):
                assert set(event) == {
                    *("time", "endpoint", "event", "kind", "reason", "generation")
                }, event
                assert event["kind"] == "psk" and event["generation"] > 0, event
        shown = lab.shown(old)
        assert (shown["identity"], shown["state"]) == ("new", "active"), shown
        assert "staged" not in shown and "before" not in shown, shown
        assert lab.refuses(old)
        lab.restart()
        assert lab.refuses(old) and lab.comes_in(new)
        no_key_is_told(lab, new)


def test_S31_what_is_anothers_or_weak_is_refused_before_the_device_has_it():
    with Pki() as pki, school("one", "two") as (lab, (one, two)):
        pki.device("one", one.endpoint)
        spki = spki_of(pki, "one")
        good = one.given("good")
        lesson = Lesson(lab, lab.client(one))
        for content, word in (
            (account(two.identity.encode(), bytes.fromhex(good.key)), "another device's"),
            (account(b"new", b"\x01\x02\x03\x04\x05\x06\x07\x08"), "guessed"),
            (account(b"new", bytes.fromhex(two.key)), "another device's"),
            (account(b"new", b"lightbulb-number-17"), "guessed"),
            (account(spki, b"\x01" * 40, mode=RAW), "security mode"),
        ):
            lesson.write(content)
            why = lesson.refused()
            assert word in why and two.endpoint not in why, why
            assert lab.staged(one) is None
        lab.named(*[REFUSED] * 5)
        assert all(e["endpoint"] == one.endpoint and e["reason"] for e in lab.chronicle(one))
        assert lab.comes_in(two) and lab.refuses(one.given("new"))
        # The bootstrap goes on, and a server that knows better is heard.
        lesson = Lesson(lab, lab.client(one))
        lesson.all(good.account())
        lab.named(*[REFUSED] * 5, STAGED, ARMED)
        assert lab.learns(good) and lab.refuses(one)


def test_S31_a_server_that_was_refused_may_write_another():
    with school("one", "two") as (lab, (one, two)):
        good = one.given("good")
        lesson = Lesson(lab, lab.client(one))
        lesson.write(two.account())
        lesson.refused()
        lesson.all(good.account())
        lab.named(REFUSED, STAGED, ARMED)
        assert lab.learns(good) and lab.refuses(one)


def test_S31_the_account_of_another_server_is_not_ours():
    with school() as (lab, old):
        new = old.given("new")
        Lesson(lab, lab.client(old)).all(new.account(ANOTHERS))
        assert lab.comes_in(old) and lab.refuses(new)
        assert lab.names() == [] and lab.staged(old) is None


def test_R224_nothing_is_learned_unless_the_operator_says_so():
    with school(learn="") as (lab, old):
        new = old.given("new")
        before = lab.shown(old)
        Lesson(lab, lab.client(old)).all(new.account())
        assert lab.comes_in(old) and lab.refuses(new)
        assert lab.names() == [] and lab.shown(old) == before
        # A reload says so, and what is written from then on is learned.
        with open(lab.path("lwgate.conf"), "a", encoding="utf-8") as f:
            f.write(LEARN + "\n")
        lab.ctl("reload")
        Lesson(lab, lab.client(old)).all(new.account())
        lab.named(STAGED, ARMED)
        assert lab.learns(new) and lab.refuses(old)


def test_S31_the_last_bootstrap_is_what_counts():
    with school() as (lab, old):
        first, last = old.given("first"), old.given("last")
        Lesson(lab, lab.client(old)).all(first.account())
        Lesson(lab, lab.client(old)).all(last.account())
        lab.until(lambda: lab.names().count(ARMED) == 2)
        assert lab.refuses(first) and lab.comes_in(old) and lab.learns(last)
        assert lab.refuses(old, first)


def test_S31_a_session_of_what_it_proved_before_is_not_resumed():
    with school() as (lab, old):
        client = lab.client(old)
        kept = lab.path("kept")
        new = old.given("new")
        Lesson(lab, client).all(new.account())
        lab.named(STAGED, ARMED)
        assert client.again() == "resumed", "until it is over"
        shutil.copy(client._session(), kept)
        assert lab.learns(new)
        shutil.copy(kept, client._session())
        client.wire.copies = 3
        assert client.again() == "refused"


def test_S31_nobody_is_unrevoked():
    with school() as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        Lesson(lab, client).all(new.account())
        lab.named(STAGED, ARMED)
        lab.ctl("credential", "revoke", old.endpoint)
        client.ended()
        assert lab.shown(old)["state"] == "revoked" and lab.staged(old) is None
        assert lab.refuses(new, old)
        # Added again, it is what the operator says, also when that is what it was.
        add(lab, old)
        assert lab.comes_in(old) and lab.refuses(new)


def test_S31_revoked_between_the_write_and_the_end():
    with school() as (lab, old):
        new = old.given("new")
        client = lab.client(old)
        lesson = Lesson(lab, client)
        lesson.write(new.account())
        lab.ctl("credential", "revoke", old.endpoint)
        client.ended()
        assert STAGED not in lab.names() and lab.staged(old) is None
        assert lab.refuses(new, old)


def test_S31_what_was_learned_stands_over_the_credentials_file():
    with school(by_file=True) as (lab, old):
        new, more = old.given("new"), Pupil("urn:learn:more")
        Lesson(lab, lab.client(old)).all(new.account())
        assert lab.shown(old)["origin"] == "file"
        assert lab.learns(new)
        assert lab.shown(old)["origin"] == "bootstrap"
        lab.restart()  # with the same file, which says otherwise by now
        said = "was learned from bootstrap, which stands"
        assert any(said in line for line in lab.gateway.lines), lab.gateway.lines
        lab.devices.append(more)  # another is added to it
        lab.write("credentials.conf", lab._credentials())
        lab.restart()
        assert lab.refuses(old) and lab.comes_in(new) and lab.comes_in(more)


def test_S31_what_an_operator_says_goes_before():
    with school() as (lab, old):
        new, other = old.given("new"), Pupil("urn:learn:other", "new")
        Lesson(lab, lab.client(old)).all(new.account())
        lab.named(STAGED, ARMED)
        add(lab, other)  # the identity is another's now
        assert lab.staged(old) is None
        assert lab.comes_in(other) and lab.refuses(new) and lab.comes_in(old)
        Lesson(lab, lab.client(old)).all(old.given("newer").account())
        lab.until(lambda: lab.staged(old) == "armed")
        said = old.given("said")
        add(lab, said, "replace")
        assert lab.staged(old) is None and lab.comes_in(said)


if __name__ == "__main__":
    os.umask(0o077)
    run_tests(
        [
            test_S31_what_was_written_is_learned_when_it_is_first_proved,
            test_S31_what_is_anothers_or_weak_is_refused_before_the_device_has_it,
            test_S31_a_server_that_was_refused_may_write_another,
            test_S31_the_account_of_another_server_is_not_ours,
            test_R224_nothing_is_learned_unless_the_operator_says_so,
            test_S31_the_last_bootstrap_is_what_counts,
            test_S31_a_session_of_what_it_proved_before_is_not_resumed,
            test_S31_nobody_is_unrevoked,
            test_S31_revoked_between_the_write_and_the_end,
            test_S31_what_was_learned_stands_over_the_credentials_file,
            test_S31_what_an_operator_says_goes_before,
        ]
    )
