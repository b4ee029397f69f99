#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From the revocation of a credential to its effect, while many other devices are at work: of those
that are awake within a second, of those that sleep before their next byte is forwarded (R-210,
R-212; S28 to S30).

Environment: POLICY_VICTIMS (20 of each), POLICY_CROWD (100 devices at work).
"""

import os
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
from harness import binary, run_tests  # noqa: E402
from policy import DISK, House, Member, available  # noqa: E402

VICTIMS = int(os.environ.get("POLICY_VICTIMS", "20"))
CROWD = int(os.environ.get("POLICY_CROWD", "100"))
RATE = 500  # requests of the crowd a second
RULES = """policy = {
  rules = ( { name = "withdrawn"; events = [ "credential-revoked" ]; device = "teardown";
    upstream = "teardown"; } );
  default = { device = "keep"; upstream = "keep"; };
};
"""


class Crowd(House):
    """A House with many devices more, all of which ask for something all the time."""

    def start_server(self):
        words = ["--devices", str(CROWD), "--gen-credentials", self.path("crowd.conf")]
        subprocess.run(
            [binary("lwgate-fleet"), *words, "--gen-keys", self.path("crowd.keys")], check=True
        )
        with open(self.path("crowd.keys"), encoding="ascii") as f:
            crowd = f.read()
        # as the base class writes it, and the crowd's behind it
        self.write(
            "server.keys",
            "".join(f"{d.up_identity} {d.up_key} {d.endpoint}\n" for d in self.devices) + crowd,
        )
        words = ["--listen", "127.0.0.1", "--port", str(self.server_port), "--rounds", "0"]
        self.server = self.start(
            [binary("lwgate-labserver"), *words, "--keys", self.path("server.keys"), "--ops", ""]
        )
        self.server.wait_json(lambda e: e.get("event") == "listening")

    def set_to_work(self):
        self.ctl("credential", "import", self.path("crowd.conf"))
        words = ["--server", f"127.0.0.1:{self.port}", "--credentials", self.path("crowd.conf")]
        words += ["--load", "--load-rate", str(RATE), "--initial-ms", "1000", "--lost-ms", "5000"]
        self.fleet = self.start([binary("lwgate-fleet"), *words])
        self.until(lambda: self.status()["registrations"] >= CROWD + len(self.devices), 60)
        before = self.status()["messages_up"]
        self.until(lambda: self.status()["messages_up"] > before + RATE)

    def revoke(self, member):
        """When it was acknowledged."""
        self.ctl("credential", "revoke", member.endpoint)
        return time.monotonic()


def members(name):
    stacks = available()
    return [Member(name, str(n), stacks[n % len(stacks)]) for n in range(VICTIMS)]


def say_ms(what, times):
    times = sorted(times)
    middle, most = times[len(times) // 2], times[-1]
    print(f"# {what}: median {1000 * middle:.0f} ms, at most {1000 * most:.0f} ms")


def speaker(client):
    """A thread in which it says something all the time, until its association has ended; .ended is
    when that was."""

    def run():
        while client.over() is None:
            client.update()
        thread.ended = time.monotonic()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def test_R210_revoked_while_awake_and_speaking_is_out_within_a_second():
    victims = members("awake")
    with Crowd(victims, RULES, store=DISK + " evict_after_s = 600;") as lab:
        clients = [lab.client(m) for m in victims]
        for client in clients:
            assert client.connect() == "full"
            client.register()
        lab.set_to_work()
        times = []
        for member, client in zip(victims, clients):
            thread = speaker(client)
            lab.until(lambda m=member: lab.said(m, "updated"))
            acknowledged = lab.revoke(member)
            thread.join(10)
            assert client.over() == "close_notify", client.over()
            times.append(thread.ended - acknowledged)
            lab.told(member, "credential-revoked", ("done",))
        say_ms("awake, speaking", times)
        assert max(times) <= 1.0, times


def test_R210_revoked_while_awake_and_silent_is_out_within_a_second():
    victims = members("silent")
    with Crowd(victims, RULES, store=DISK + " evict_after_s = 600;") as lab:
        clients = [lab.client(m) for m in victims]
        for client in clients:
            assert client.connect() == "full"
            client.register()
        lab.set_to_work()
        times = []
        for member, client in zip(victims, clients):
            acknowledged = lab.revoke(member)
            assert client.ended(10) == "close_notify", client.over()
            times.append(time.monotonic() - acknowledged)
        say_ms("awake, silent", times)
        assert max(times) <= 1.0, times


def test_S28_nothing_of_a_sleeper_is_forwarded_once_it_is_revoked():
    victims = members("asleep")
    with Crowd(victims, RULES, store=DISK + " evict_after_s = 1;") as lab:
        clients = [lab.client(m) for m in victims]
        for client in clients:
            assert client.connect() == "full"
            client.register()
        lab.set_to_work()
        asleep = [m for m in victims if lab.until(lambda m=m: lab.session(m)["state"] == "asleep")]
        assert asleep == victims
        times = []
        for member, client in zip(victims, clients):
            acknowledged = lab.revoke(member)
            assert client.update() is None  # the next byte, at once
            assert client.ended() == "close_notify", client.over()
            times.append(time.monotonic() - acknowledged)
        say_ms("asleep, from its next record", times)
        lab.until(lambda: all(lab.chronicle(m, "credential-revoked") for m in victims))
        assert not [m.endpoint for m in victims if lab.said(m, "updated")]


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
