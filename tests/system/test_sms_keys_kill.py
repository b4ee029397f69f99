#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgated is ended like by kill -9 right before and right behind each commit of the store while the
keys of a device change: what is there afterwards is the state before, or the state after, and the
device goes on without anybody's help."""

import json
import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_keyed_gateway import Carded, KeyedGateway, Subscriber, judge  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
NUMBER = "447700900111"
PATIENCE_S = 20
MOST = 40  # commits of one round; a round that has more never ends
TURNS = 6  # of a round, till its transitions were hit
RULES = "overlap_s = 3600; retry_s = 1; refreshes_an_hour = 0; tries = 100;"
TABLE = os.path.join(HERE, "..", "..", "deploy", "sms-keys.md")


def transitions():
    """(was, is) of the table; what keeps its state is there, too."""
    with open(TABLE, encoding="utf-8") as f:
        rows = [line.split("|") for line in f if line.startswith("| ") and line.count("|") == 5]
    return {(r[1].strip(), r[3].strip()) for r in rows if r[1].strip() != "state"}


class Mortal(KeyedGateway):
    """Its lwgated ends where it is told to."""

    def __init__(self, devices, **more):
        super().__init__(devices, **more)
        self.shim = os.path.join(self.own.name, "kill_at_commit.so")
        source = os.path.join(HERE, "kill_at_commit.c")
        words = ["cc", "-std=c11", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", self.shim, source]
        subprocess.run([*words, "-ldl"], check=True, timeout=60)
        self.order, self.orders = os.path.join(self.own.name, "kill-at"), 0

    def launch_gateway(self, *before):
        super().launch_gateway("env", f"LD_PRELOAD={self.shim}", f"KILL_AT={self.order}", *before)

    def arm(self, n, side):
        self.orders += 1
        with open(self.order + ".new", "w", encoding="ascii") as f:
            f.write(f"{self.orders} {n} {side}")
        os.rename(self.order + ".new", self.order)

    def disarm(self):
        if os.path.exists(self.order):
            os.remove(self.order)

    def is_dead(self):
        return self.gateway.child.poll() is not None

    def keys(self, device):
        """None: it is dead at the moment."""
        done = self.ctl("--json", "sms", "keys", device.endpoint, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None


class Round(threading.Thread):
    """What a device does, while the gateway may die."""

    def __init__(self, what, w, device):
        super().__init__(daemon=True)
        self.what, self.w, self.device, self.failed = what, w, device, None

    def run(self):
        try:
            self.what(self.w, self.device)
        except Exception as why:  # told where it is joined
            self.failed = why


def patiently(w, try_it):
    """What may come between two lives of the gateway is tried again."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return try_it()
        except (AssertionError, TimeoutError):
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def update(w, device):
    """delivered, proved, wanted, asked, obtained, delivered."""
    assert device.update(PATIENCE_S).code == CHANGED


def stale(w, device):
    """Superseded keys are used: 4.00, and the next ones are delivered once more."""
    now = device.current, device.keys
    device.current, device.keys = device.sets[-2], device.sets[-2].keys
    try:
        request = device.begin(coap.POST, device.location)
        assert device.ask(request, PATIENCE_S).code == BAD_REQUEST
    finally:
        device.current, device.keys = now


def down(w, device):
    """No BSF for a while."""
    w.bsf.fault("down")
    assert device.update(PATIENCE_S).code == CHANGED
    w.until(lambda: (w.keys(device) or {}).get("state") == "failed")
    w.bsf.fault(None)


def leave(w, device):
    """Deregistered, the keys end; a person wants others, and it registers again."""
    good = device.pushes["good"]
    device.deregister(PATIENCE_S)

    def order():  # which happens behind its answer: who sees nothing follow orders again
        w.refresh(device)
        device.until_keys(3, after=good)

    patiently(w, order)
    assert device.register(PATIENCE_S).code == CREATED


def comes_to_rest(w, device, before):
    k = w.keys(device)
    return k and k["state"] == "delivered" and k["current"]["generation"] >= before


def found(w, device, said):
    """(state that was told last, state that the next life has found). The first thing that is told
    in a life says what there was; that of the last commits of the life before may be missing."""
    events = w.events(device)
    last = events[said - 1]["is"]
    now = events[said]["was"] if len(events) > said else w.keys_of(device)["state"]
    after = {b for a, b in transitions() if a == last}
    assert now in {last} | after | {c for a, c in transitions() if a in after}, (last, now)
    return last, now


def one_life(w, device, what, n, side):
    """What was found after a death at the Nth commit; None: there were fewer."""
    before = w.keys_of(device)["current"]["generation"]
    w.arm(n, side)
    life = Round(what, w, device)
    life.start()
    end = time.monotonic() + PATIENCE_S
    while not w.is_dead() and time.monotonic() < end:
        if not life.is_alive() and comes_to_rest(w, device, before):
            break
        time.sleep(0.01)
    died = w.is_dead()
    w.disarm()
    said = len(w.events(device))
    if died:
        w.start_gateway()
    life.join(3 * PATIENCE_S)
    assert not life.is_alive() and life.failed is None, (what.__name__, n, side, life.failed)
    w.until(lambda: comes_to_rest(w, device, before))
    judge(device)
    return found(w, device, said) if died else None


def each_commit(w, device, what, hits):
    """One life for each commit of a round and each side of it."""
    for side in "ba":
        for n in range(1, MOST):
            hit = one_life(w, device, what, n, side)
            if hit is None:
                break
            hits.setdefault(hit, []).append(f"{what.__name__} {n}{side}")
        else:
            raise AssertionError(f"{what.__name__}: no end")
        print(f"# {what.__name__}: killed {'before' if side == 'b' else 'behind'} each of {n - 1}")


def every_commit(w, device, rounds):
    """rounds: with the transitions that they must be killed in. What the gateway does at one time
    has no order, so that the Nth commit is not the same in each life: what was missed is sought
    again."""
    hits = {}
    for what, wanted in rounds.items():
        for _ in range(TURNS):
            each_commit(w, device, what, hits)
            if wanted <= set(hits):
                break
        else:
            raise AssertionError(f"{what.__name__}: not hit: {wanted - set(hits)}")
    for (was, now), where in sorted(hits.items()):
        print(f"# {was} -> {now}: {', '.join(where)}")


def test_keys_by_push():
    with Mortal([Subscriber(NUMBER)], keys=RULES) as w:
        device = w.devices[0]
        device.until_keys()
        assert device.register().code == CREATED
        w.until_state(device, "delivered")
        update(w, device)
        w.until_state(device, "delivered")
        rounds = {
            update: {
                ("delivered", "confirmed"),
                ("confirmed", "refreshing"),
                ("refreshing", "fresh"),
                ("fresh", "delivered"),
            },
            stale: set(),
            down: {("refreshing", "failed"), ("failed", "refreshing")},
            leave: {("delivered", "expired"), ("expired", "refreshing")},
        }
        every_commit(w, device, rounds)


def test_keys_by_smartcard():
    with Mortal([Carded(NUMBER)], keys=RULES) as w:
        device = w.devices[0]
        assert device.register().code == CREATED
        w.until_state(device, "delivered")
        wanted = {
            ("delivered", "confirmed"),
            ("confirmed", "refreshing"),
            ("refreshing", "fresh"),
            ("fresh", "delivered"),
        }
        every_commit(w, device, {update: wanted})


run_tests([test_keys_by_push, test_keys_by_smartcard])
