#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Power loss, and copies put back: whatever the files say, no nonce leaves twice and no record is
taken twice.

A power loss is played: lwgated is killed, its files are replaced by copies that were taken earlier,
all at one moment, and the token on the tmpfs is deleted. Meanwhile the attacker on the path has
remembered all that was sent since the copies were taken, and holds back what is sent now; he sends
it all before any device can say something new.

Environment: POWER_LOSS=all plays every policy at every rate, as `make soak-power` does.
"""

import os
import shutil
import signal
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))
from harness import Process, binary, run_tests  # noqa: E402  (the path comes first)
from world import World  # noqa: E402

DEVICES = 10
LOAD = 60  # requests of devices a second: each device has sent more than a lease lets in
EVICT = "evict_after_s = 2;"
SLOT, HOT_HEAD = 64, 65536
ALL = os.environ.get("POWER_LOSS") == "all"


class Play:
    """with Play(store settings) as p: devices, server, attackers and a watch, all registered."""

    def __init__(self, store, anchored=False, load=LOAD, con=True):
        self.store, self.anchored, self.load, self.con = store, anchored, load, con

    def __enter__(self):
        # In full: a failure here is worth every line.
        log = 'log = { level = "debug"; };'
        w = self.w = World(DEVICES, store=EVICT + self.store, settings=log)
        w.__enter__()
        try:
            self.begin(w)
        except BaseException:
            w.__exit__(*sys.exc_info())
            raise
        return self

    def begin(self, w):
        if self.anchored:
            w.store += f' anchor = "{w.memory}/anchor";'
        w.make_keys()
        w.start_server(
            "--ops", "read,execute", "--timeout", "3", "--pause-ms", "500", "--notifications", "0"
        )
        w.start_attackers("--remember", "200")
        w.start_watch()
        w.write_config()
        w.start_gateway()
        w.start_fleet(
            "--serial",
            "--tokens-once",
            "--load",
            "--load-rate",
            str(self.load),
            "--window",
            str(DEVICES),
            "--notify-ms",
            "0",
            "--ack-ms",
            "500",
            "--lost-ms",
            "800" if self.con else "100",
            "--initial-ms",
            "500",
            *(("--update-s", "3", "--mixed") if self.con else ("--update-s", "30")),
        )
        w.until_registered(60)
        assert w.until_reached() == DEVICES

    def __exit__(self, *error):
        self.w.__exit__(*error)

    # --- files

    def copy(self, name):
        """All files, as they are at one moment."""
        w = self.w
        w.gateway.child.send_signal(signal.SIGSTOP)
        try:
            os.sync()
            shutil.copytree(w.path("store"), w.path(name))
            if self.anchored:
                shutil.copy(f"{w.memory}/anchor", w.path(name + ".anchor"))
        finally:
            w.gateway.child.send_signal(signal.SIGCONT)

    def put_back(self, name, anchor=True, only=None):
        """Into the same files, so that device and inode do not give it away."""
        w = self.w
        for file in only or os.listdir(w.path("store")):
            self.overwrite(os.path.join(w.path(name), file), os.path.join(w.path("store"), file))
        if self.anchored and anchor:
            self.overwrite(w.path(name + ".anchor"), f"{w.memory}/anchor")

    @staticmethod
    def overwrite(source, target):
        if not os.path.exists(source):
            os.unlink(target)
            return
        with open(source, "rb") as a, open(target, "r+b") as b:
            b.truncate(0)
            shutil.copyfileobj(a, b)

    # --- scenes

    def forget(self):
        for impair in self.w.impairs:
            self.w.order(impair, "forget")

    def hold_back(self, on):
        for impair in self.w.impairs:
            self.w.order(impair, "withhold" if on else "pass")

    def live(self, seconds):
        """Traffic: at least so many seconds of it, and requests of the devices answered."""
        before = self.w.ask(self.w.server)["serial_once"]
        time.sleep(seconds)
        least = self.load * seconds / 4
        assert self.w.ask(self.w.server)["serial_once"] > before + least

    def kill(self):
        self.hold_back(True)
        time.sleep(0.5)  # what is sent meanwhile is held back
        self.w.kill_gateway()

    def attack(self):
        """The attacker comes first."""
        self.w.start_gateway()
        self.w.repeat_all()
        self.hold_back(False)

    def lose_power(self):
        """What was committed is on the medium; the slots are as they were some time before."""
        self.copy("copy")
        self.forget()
        self.live(3)
        self.kill()
        self.put_back("copy", anchor=False, only=["hot"])
        os.unlink(f"{self.w.memory}/token")
        self.attack()

    def revert(self):
        """All of it as it was some time before, the anchor, too: nobody can know (S6)."""
        self.copy("copy")
        self.forget()
        self.live(3)
        self.kill()
        self.put_back("copy")
        os.unlink(f"{self.w.memory}/token")
        self.attack()

    def anchor(self):
        with open(f"{self.w.memory}/anchor", "rb") as f:
            return f.read()

    def revert_within_one_mark(self):
        """The database as it was, but no older than the anchor says (S5). Few messages meanwhile:
        more would have raised the anchor."""
        self.copy("copy")
        before = self.anchor()
        self.forget()
        self.live(1)
        self.kill()
        print(f"# the anchor was {'not ' if self.anchor() == before else ''}raised meanwhile")
        self.put_back("copy", anchor=False)
        os.unlink(f"{self.w.memory}/token")
        if self.anchor() != before:
            self.refused()
            return False
        self.attack()
        return True

    def refused(self):
        late = Process([binary("lwgated"), "-c", self.w.path("lwgate.conf")])
        self.w.children.append(late)
        assert late.child.wait(30) > 0
        late.reader.join(5)
        said = " ".join(late.lines)
        assert "anchor" in said and "older" in said, said

    def end(self):
        """All are well again, and I1 and I2 hold over all lives; returns the summaries."""
        w = self.w
        reached = w.until_reached(90)
        assert reached == DEVICES, f"the server reaches {reached} of {DEVICES}"
        self.live(2)
        w.repeat_all()
        w.order(w.fleet, "rest")
        w.order(w.server, "finish")
        w.server.wait_json(lambda e: e.get("event") == "idle", 60)
        fleet, server = w.summary(w.fleet), w.summary(w.server)
        sent = [w.summary(impair) for impair in w.impairs]
        assert w.gateway.stop(30) == 0
        watch = w.summary(w.watch)
        assert watch["whole"] and watch["malformed"] == 0 and watch["plain"] == 0, watch
        assert sum(i["up"]["repeated"] for i in sent) > 20 * DEVICES, sent
        assert watch["repeated"] == 0 and watch["same"] == 0, watch["twice"]  # I1
        assert server["serial_twice"] == 0, server["serial_twice"]  # I2, from the devices
        assert fleet["twice"] == 0, fleet["twice"]  # I2, from the server
        assert fleet["exchanges"]["deregister"]["answered"] == DEVICES, fleet["exchanges"]
        return fleet, server

    def said(self, life, words):
        """Does the log of a life have a line with all these words?"""
        return any(all(word in line for word in words) for line in self.w.lives[life].lines)


def test_I1_I2_S6_power_loss_resume():
    with Play("") as p:
        p.lose_power()
        fleet, server = p.end()
        assert fleet["handshakes"] == 2 * DEVICES, fleet["handshakes"]
        assert fleet["ended"]["close_notify"] == DEVICES, fleet["ended"]


def test_I1_I2_S6_power_loss_resume_with_an_anchor():
    with Play('after_power_loss = "resume";', anchored=True) as p:
        p.lose_power()
        fleet, server = p.end()
        assert fleet["ended"]["close_notify"] == DEVICES, fleet["ended"]


def test_I1_I2_S12_power_loss_probe():
    with Play('after_power_loss = "probe";', anchored=True) as p:
        p.lose_power()
        fleet, server = p.end()
        assert fleet["handshakes"] == DEVICES, fleet["handshakes"]  # no device came back anew
        assert server["handshakes"] == 2 * DEVICES, server["handshakes"]  # each link did


def test_I1_I2_S11_power_loss_gap():
    """What a device sends is lost until its numbers are beyond the gap: one that waits for an
    answer to each may give up before. These do not wait, but for their Update."""
    with Play('after_power_loss = "gap";', anchored=True, con=False) as p:
        p.lose_power()
        fleet, server = p.end()
        assert fleet["handshakes"] == DEVICES, fleet["handshakes"]
        assert server["handshakes"] == 2 * DEVICES, server["handshakes"]


def test_I1_I2_S10_power_loss_with_the_slots_never_written():
    for policy in ("resume", "probe", "gap"):
        with Play(f'after_power_loss = "{policy}";', anchored=True) as p:
            p.live(2)
            p.kill()
            size = os.path.getsize(p.w.path("store/hot"))
            with open(p.w.path("store/hot"), "r+b") as f:
                f.seek(HOT_HEAD)
                f.write(bytes(size - HOT_HEAD))
            os.unlink(f"{p.w.memory}/token")
            p.attack()
            p.end()


def test_I1_I2_S6_all_reverted_and_nobody_can_know_resume():
    with Play("") as p:
        p.revert()
        p.end()


def test_I1_I2_S5_reverted_within_one_mark_of_the_anchor():
    """Whatever the policy: refused, or no harm is done."""
    for policy in ("resume", "probe", "gap") if ALL else ("gap",):
        for load in (10, LOAD) if ALL else (LOAD,):
            with Play(f'after_power_loss = "{policy}";', anchored=True, load=load) as p:
                print(f"# {policy}, {load} requests a second")
                if p.revert_within_one_mark():
                    p.end()


def test_S6_power_loss_probe_and_gap_without_an_anchor_are_resume():
    for policy in ("probe", "gap") if ALL else ("gap",):
        with Play(f'after_power_loss = "{policy}";') as p:
            p.lose_power()
            fleet, server = p.end()
            assert fleet["ended"]["close_notify"] == DEVICES, (policy, fleet["ended"])


def test_S10_a_copy_put_back_within_the_same_boot_is_not_trusted():
    with Play("") as p:
        p.copy("copy")
        p.forget()
        p.live(3)
        p.kill()
        p.put_back("copy")  # and the token is there
        p.attack()
        fleet, server = p.end()
        assert fleet["ended"]["close_notify"] == DEVICES, fleet["ended"]


def test_S5_a_copy_older_than_the_anchor_is_refused():
    with Play("", anchored=True) as p:
        p.copy("copy")
        p.live(1)
        p.kill()
        p.w.start_gateway()  # an honest start raises the watermark
        p.w.kill_gateway()
        p.put_back("copy", anchor=False)
        p.refused()


def test_S10_only_the_hot_file_deleted():
    with Play("") as p:
        p.live(2)
        p.kill()
        os.unlink(p.w.path("store/hot"))
        p.attack()
        p.end()


def test_S13_S15_two_slots_swapped():
    with Play("") as p:
        p.live(2)
        p.kill()
        swap_two_slots(p.w.path("store/hot"))
        p.attack()
        fleet, server = p.end()
        # Two of them are not what they were; nobody else notices.
        assert fleet["ended"]["close_notify"] <= 2, fleet["ended"]
        assert fleet["handshakes"] <= DEVICES + 2, fleet["handshakes"]
        assert fleet["handshakes"] + server["handshakes"] > 2 * DEVICES, "nothing was noticed"


def swap_two_slots(file):
    """Slots are 64 octets on a boundary of 64, behind a header page; a used one is not all 0."""
    with open(file, "r+b") as f:
        data = f.read()
        used = [at for at in range(HOT_HEAD, len(data), SLOT) if any(data[at : at + SLOT])]
        one, other = used[0], used[1]
        f.seek(one)
        f.write(data[other : other + SLOT])
        f.seek(other)
        f.write(data[one : one + SLOT])


def test_I1_S2_kills_with_no_traffic_between():
    with Play("") as p:
        p.forget()
        p.live(1)
        p.kill()
        for _ in range(3):
            p.w.start_gateway()
            p.w.kill_gateway()
        p.attack()
        fleet, server = p.end()
        assert fleet["handshakes"] == DEVICES, fleet["handshakes"]
        assert server["handshakes"] == DEVICES, server["handshakes"]


# Variants of the others: `make soak-power` plays them.
LONG = (
    "test_I1_I2_S6_power_loss_resume_with_an_anchor",
    "test_I1_I2_S10_power_loss_with_the_slots_never_written",
    "test_I1_I2_S6_all_reverted_and_nobody_can_know_resume",
    "test_I1_I2_S5_reverted_within_one_mark_of_the_anchor",
    "test_S6_power_loss_probe_and_gap_without_an_anchor_are_resume",
)
if not ALL:
    for name in LONG:
        del globals()[name]

if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
