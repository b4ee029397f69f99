#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each event and each decision on a live association of a foreign stack: what goes on the wire,
what reaches the server, what the store has of it afterwards, whether it can be resumed, and what
the chronicle says (R-207 to R-223; S23, S28 to S30).

For an event there is one scene: a gateway with a rule for each decision, and a device of each stack
for each of them, all connected, then it happens. A pair of an event and a decision is a test.
"""

import concurrent.futures
import contextlib
import shutil
import signal
import sys
import threading
import traceback

sys.dont_write_bytecode = True
from harness import Skip, run_tests  # noqa: E402
from pki import Pki  # noqa: E402
from policy import (  # noqa: E402
    DISK,
    NOT_FOUND,
    UNAVAILABLE,
    Member,
    available,
)
from policy_events import EVENTS, SLEEPERS  # noqa: E402

DRAIN_S, REKEY_S, QUARANTINE_S = 12, 2, 6
# What is written as the decision, and what the chronicle calls the two legs.
DECISIONS = {
    "teardown": ('device = "teardown"; upstream = "teardown";', "teardown", "teardown"),
    "drain": (
        f'device = {{ action = "drain"; within_s = {DRAIN_S}; }}; '
        f'upstream = {{ action = "drain"; within_s = {DRAIN_S}; }};',
        "drain",
        "drain",
    ),
    "rekey-on-wake": (
        f'device = {{ action = "rekey-on-wake"; within_s = {REKEY_S}; }}; upstream = "keep";',
        "rekey-on-wake",
        "keep",
    ),
    "keep": ('device = "keep"; upstream = "keep"; resumption = "keep";', "keep", "keep"),
    "quarantine": (
        f'device = {{ action = "quarantine"; for_s = {QUARANTINE_S}; }}; upstream = "teardown";',
        "quarantine",
        "teardown",
    ),
    "alert-only": ('device = "alert-only"; upstream = "alert-only";', "alert-only", "alert-only"),
    "refuse-resumption": (
        'device = "keep"; upstream = "keep"; resumption = "refuse";',
        "keep",
        "keep",
    ),
    "device-teardown": ('device = "teardown"; upstream = "keep";', "teardown", "keep"),
    "upstream-teardown": ('device = "keep"; upstream = "teardown";', "keep", "teardown"),
}
KEPT = ("keep", "alert-only", "refuse-resumption")


def rules(event):
    """A policy with a rule for each decision of an event, by the devices' names."""
    rows = [
        f'{{ name = "{decision}"; events = [ "{event.word}" ]; '
        f'endpoint = "{event.name}.{decision}.*"; {event.condition} {text} '
        f'reason = "{decision} by a test"; }}'
        for decision, (text, _, _) in DECISIONS.items()
    ]
    default = 'default = { device = "keep"; upstream = "keep"; };'
    return "policy = { rules = (\n" + ",\n".join(rows) + f"\n);\n{default}\n}};\n"


class Scene:
    """What happens to the devices of an event, each in a thread of its own; .failed[decision,
    stack] is why a device's test has failed."""

    def __init__(self, event):
        self.event, self.failed, self.stack = event, {}, contextlib.ExitStack()
        stacks = [s for s in available() if s in event.stacks]
        if not stacks:
            raise Skip("no Mbed TLS: deploy/setup stacks")
        with self.stack:
            some = event.certificates or event.pki
            self.pki = self.stack.enter_context(Pki()) if some else None
            proof = self.pki if event.certificates else None
            self.members = [Member(event.name, d, s, proof) for d in DECISIONS for s in stacks]
            self.lab = self.stack.enter_context(self._house())
            event.prepare(self)
            self.clients = {m: self.lab.client(m, **event.client) for m in self.members}
            self.stack.callback(self._leave)
            self.each(self._arrive)
            if event.asleep:
                self.lab.until(lambda: self.lab.status()["associations"] == 0)
            # since then, to be compared with
            self.updates = {m: len(self.lab.said(m, "updated")) for m in self.members}
            event.happen(self)
            if event.killed:  # when about half of it is decided, or all
                half = len(self.members) // 2
                self.lab.until(lambda: len(self.lab.chronicle(None, event.word)) >= half)
                self.lab.restart(signal.SIGKILL)
            self.each(self._check)

    def _leave(self):
        """Many scenes are made: no descriptor is kept."""
        for client in self.clients.values():
            client.wire.close()
        self.clients, self.lab = {}, None

    def _house(self):
        event = self.event
        more = {"listener": event.listener(self.pki)}
        store = DISK + (" evict_after_s = 1;" if event.asleep else " evict_after_s = 600;")
        if event.certificates:
            self.pki.server("gw", "gw.example")
            shutil.copy(self.pki.path("ca.pem"), self.pki.path("anchors.pem"))
            more["listener"] = (
                f'private_key_file = "{self.pki.path("gw.key")}"; '
                f'certificate_file = "{self.pki.path("gw.pem")}"; '
                f'anchors_file = "{self.pki.path("anchors.pem")}"; {more["listener"]}'
            )
        args = ["--rounds", "1", "--timeout", "60"]
        return event.house(
            self.members,
            rules(event),
            self.pki,
            ops="read",
            server_args=args,
            store=store + event.store,
            **more,
        )

    def each(self, act):
        def run(member):
            try:
                act(member, self.clients[member])
            except Exception:  # which test it fails is said below
                self.failed.setdefault(
                    (member.decision, member.stack),
                    traceback.format_exc().splitlines() + self.lab.told_of(member),
                )

        well = [m for m in self.members if (m.decision, m.stack) not in self.failed]
        threads = [threading.Thread(target=run, args=(m,)) for m in well]
        for t in threads:
            t.start()
        for t in threads:
            t.join()

    def under_way(self, member):
        """Whether an exchange of it is: the server's Read, which it has not answered yet."""
        return member.decision == "drain" and not self.event.asleep

    def _arrive(self, member, client):
        shaken = client.connect()
        assert shaken == "full", shaken
        if not self.event.registers:
            code = self.speak(member, client)
            assert code in self.event.answered, code
            self.lab.until(lambda: self.lab.said(member, "updated"))  # its log may come later
            return
        client.register(self.event.lifetime)
        if self.under_way(member):
            client.asked()
            return
        client.answer_read()
        self.lab.until(lambda: self.lab.said(member, "op"))

    # --- what must hold

    def _check(self, member, client):
        name = member.decision.replace("-", "_")
        if self.event.asleep and member.decision == "drain":
            name = "teardown"  # there is nothing to drain
        checked = self.event.checks.get(member.decision, name)
        check = getattr(self, "check_" + checked)
        check(member, client)
        if check != self.check_keep:
            self.check_told(member)

    def check_told(self, member):
        """The chronicle: which rule, what was decided, and that it was done, once."""
        _, device, upstream = DECISIONS[member.decision]
        kept = member.decision in KEPT
        entry = self.lab.told(member, self.event.word, ("kept", "done") if kept else ("done",))
        told = self.lab.chronicle(member, self.event.word)
        entry = told[0] if member.decision == "quarantine" else entry  # its end is told, too
        assert entry["rule"] == member.decision, entry
        assert told[0]["reason"] == f"{member.decision} by a test", told
        assert entry["device"]["action"] == device, entry
        assert entry["upstream"]["action"] == upstream, entry
        keeps = member.decision in ("keep", "alert-only")
        assert entry["resumption"] == ("keep" if keeps else "refuse"), entry
        assert entry["alert"] == (member.decision == "alert-only"), entry
        if self.event.another_generation:
            assert entry["new_generation"] > entry["old_generation"] > 0, entry
        else:
            assert entry["new_generation"] == entry["old_generation"], entry
        decided = [e for e in told if e["outcome"] == "decided"]
        assert len(decided) <= 1, told
        if kept:
            assert len(told) == 1 + len(decided), told
        key = getattr(member, "key", "")
        assert not [e for e in told if key in str(e) or member.identity in str(e)], told

    def speak(self, member, client):
        """One message of a device, which sends it again when there is no answer; its code, or None
        when the association has ended instead."""
        return client.update() if self.event.registers else client.bootstrap()

    def nothing_went_up(self, member):
        most = self.updates[member] + self.event.under_way
        assert len(self.lab.said(member, "updated")) <= most, "it was forwarded"

    def until_link_closed(self, member):
        if self.event.link_stays and not self.event.left:
            self.lab.until(lambda: self.lab.said(member, "closed"))

    def wake(self, member, client):
        """Of a sleeper that is to go: its next record, of which nothing is forwarded."""
        if self.event.wakes:
            assert self.speak(member, client) is None, "answered"

    def returns(self, member, client):
        """It comes back with what it has now, by a full handshake, if it may."""
        shaken = client.again()
        assert shaken != "resumed", shaken
        assert (shaken == "full") == self.event.may_return, shaken
        return shaken == "full"

    def check_teardown(self, member, client):
        self.wake(member, client)
        assert client.ended() == "close_notify", client.ended()
        self.nothing_went_up(member)
        self.until_link_closed(member)
        self.lab.until(lambda: self.lab.session(member) is None)
        assert client.wire.alerts() == 1, (client.wire.types, client.wire.numbers)
        self.returns(member, client)

    def check_drain(self, member, client):
        self.lab.told(member, self.event.word, ("decided",))
        assert client.over() is None, client.over()
        code = self.speak(member, client)  # no new exchange
        assert code == UNAVAILABLE, code
        self.nothing_went_up(member)
        assert not self.lab.said(member, "op")
        client.answer_read()  # what is under way may end
        self.lab.until(lambda: self.lab.said(member, "op"))
        assert self.lab.said(member, "op")[0]["outcome"] == "2.05", self.lab.said(member, "op")
        assert client.ended(DRAIN_S + 5) == "close_notify", client.ended()
        self.until_link_closed(member)
        self.returns(member, client)

    def check_rekey_on_wake(self, member, client):
        self.wake(member, client)
        assert client.ended(REKEY_S + 5) == "close_notify", client.ended()
        self.nothing_went_up(member)
        if self.returns(member, client) and not self.event.left:
            # Neither its registration nor its link have gone.
            code = self.speak(member, client)
            assert code in self.event.answered, code
            assert not self.lab.said(member, "closed") or not self.event.link_stays
            self.decided_once(member, client)

    def decided_once(self, member, client):
        """The link is older than what happened, and was decided about: its device, which is newer,
           does not pay for that again, when all are looked at nor when it has slept."""
        if self.event.word not in ("server-distrusted", "own-credential-changed"):
            return
        self.lab.ctl("reload")
        assert self.speak(member, client) in self.event.answered
        if self.event.asleep:
            self.lab.until(lambda: self.lab.session(member)["state"] == "asleep")
            assert self.speak(member, client) in self.event.answered
        told = [e["outcome"] for e in self.lab.chronicle(member, self.event.word)]
        assert told.count("done") == 1, told

    check_device_teardown = check_rekey_on_wake

    def check_upstream_teardown(self, member, client):
        if self.event.wakes:
            self.speak(member, client)
        self.until_link_closed(member)
        assert client.over() is None, client.over()
        # The next message has a new link, by which the server does not know it yet.
        code = self.speak(member, client)
        assert code in self.event.answered_anew, code

    def check_keep(self, member, client):
        outcomes = ("kept", "done", "decided")
        if not self.event.unheard:
            self.lab.told(member, self.event.word, outcomes)
        code = self.speak(member, client)
        assert code in (self.event.answered if not self.event.left else (NOT_FOUND,)), code
        assert client.over() is None and client.wire.alerts() == 0, client.wire.types
        if not self.event.left and self.event.link_stays:
            assert not self.lab.said(member, "closed")
            before = self.updates[member]
            self.lab.until(lambda: len(self.lab.said(member, "updated")) > before)
        assert self.lab.session(member)["device"], self.lab.session(member)
        self.check_told(member)  # of the next association it is decided anew
        shaken = client.again()
        refuses = member.decision == "refuse-resumption" or not self.event.resumes
        assert (shaken == "resumed") == (not refuses), shaken

    check_alert_only = check_refuse_resumption = check_keep

    def check_quarantine(self, member, client):
        if not self.event.wakes:
            self.until_link_closed(member)
        code = self.speak(member, client)
        assert code == UNAVAILABLE, code
        self.nothing_went_up(member)
        assert client.over() is None, client.over()
        self.until_link_closed(member)
        if self.event.asleep:  # and again: it is told at its next record
            self.lab.until(lambda: self.speak(member, client) is None)
        assert client.ended(QUARANTINE_S + 5) == "close_notify", client.ended()
        self.nothing_went_up(member)


AT_ONCE = 3  # scenes; most of their time is waiting
FUTURES = {}


def scene(event):
    """What hinders it altogether fails each of its tests."""
    try:
        return Scene(event)
    except Exception as e:  # for each of its tests
        return e


def pair(event, decision):
    def test():
        made = FUTURES[event].result()
        if isinstance(made, Exception):
            raise made
        failed = [lines for (d, _), lines in made.failed.items() if d == decision]
        for lines in failed:
            for line in lines:
                print("# " + line)
        assert not failed, f"{len(failed)} of {len(set(m.stack for m in made.members))} stacks"

    test.__name__ = f"test_{event.name}_{decision}".replace("-", "_")
    test.event = event
    return test


if __name__ == "__main__":
    TESTS = [pair(e, d) for e in (*EVENTS, *SLEEPERS) for d in DECISIONS]
    WORDS = sys.argv[1:] or [""]
    WANTED = {t.event for t in TESTS if any(word in t.__name__ for word in WORDS)}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for one in sorted(WANTED, key=lambda e: (-e.lasts_s, e.name)):
            FUTURES[one] = pool.submit(scene, one)
        run_tests(TESTS)
