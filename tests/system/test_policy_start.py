#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The policy and the life of the program: what changed while it was away, a policy that is wrong
at the start, at an upgrade and at HUP, and the socket of events over an upgrade (R-215, R-217,
R-223)."""

import json
import os
import secrets
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import binary, run_tests  # noqa: E402
from policy import CHANGED, DISK, NOT_FOUND, OPENSSL, House, Member  # noqa: E402

RULES = """policy = { rules = (
  { name = "own"; events = [ "own-credential-changed" ]; device = "keep"; upstream = "teardown";
    reason = "links prove something else" },
  { name = "out"; events = [ "credential-revoked" ]; device = "teardown"; upstream = "teardown"; }
);
default = { device = "keep"; upstream = "keep"; };
};
"""
WRONG = RULES.replace('"teardown"', '"teerdown"', 1)


class Home(House):
    """A House that derives from a master secret, and has a socket for events."""

    def __init__(self, members):
        super().__init__(
            members,
            RULES,
            store=DISK + " evict_after_s = 600;",
            to_server='master_secret_file = "master";',
        )

    def launch_gateway(self, *before):
        if not os.path.exists(self.path("master")):
            self.new_master()
        super().launch_gateway(*before)

    def new_master(self):
        self.write("master", secrets.token_hex(32) + "\n")

    def with_socket(self):
        """The socket of events is in the configuration from the next start on."""
        with open(self.path("lwgate.conf"), encoding="utf-8") as f:
            text = f.read()
        text = text.replace("events = { ", f'events = {{ path = "{self.path("sub")}"; ', 1)
        self.write("lwgate.conf", text)

    def facts(self):
        """What `lwgatectl status` tells of the policy."""
        return json.loads(self.ctl("--json", "status"))["policy"]

    def registered(self, member):
        client = self.client(member)
        assert client.connect() == "full"
        client.register()
        return client

    def kill(self):
        self.gateway.child.send_signal(signal.SIGKILL)
        self.gateway.child.wait()


def home(*names):
    members = [Member("start", n, OPENSSL) for n in names]
    return Home(members), members


def test_R215_R217_another_secret_of_the_links_is_noticed_after_a_restart_and_decided_once():
    lab, (one,) = home("one")
    with lab:
        client = lab.registered(one)
        lab.kill()
        lab.new_master()
        lab.start_gateway()
        # Nobody says a word.
        entry = lab.told(one, "own-credential-changed", ("done",))
        assert (entry["rule"], entry["asleep"]) == ("own", True), entry
        lab.until(lambda: lab.said(one, "closed"))
        assert client.update() in (CHANGED, NOT_FOUND)
        assert client.over() is None, client.over()
        before = lab.chronicle(one)
        lab.kill()
        lab.start_gateway()
        lab.until(lambda: lab.facts()["rounds"] > 0)
        assert client.update() in (CHANGED, NOT_FOUND)
        assert lab.facts()["found"] == 0, lab.facts()
        assert lab.chronicle(one) == before, lab.chronicle(one)


def test_R215_who_was_revoked_at_the_last_moment_is_out_after_a_start():
    lab, (one, other) = home("one", "other")
    with lab:
        lab.pace = 1
        clients = [lab.registered(m) for m in (one, other)]
        lab.restart(signal.SIGTERM)
        lab.ctl("credential", "revoke", one.endpoint)
        lab.kill()
        lab.start_gateway()
        updates = len(lab.said(one, "updated"))
        assert clients[0].update() is None
        assert clients[0].ended() == "close_notify"
        assert len(lab.said(one, "updated")) == updates, "it was forwarded"
        lab.told(one, "credential-revoked", ["done"])  # its line may come after the close_notify
        assert clients[1].update() == CHANGED
        entries = [e for e in lab.chronicle(one) if e["outcome"] == "done"]
        assert len(entries) == 1, lab.chronicle(one)
        assert not lab.chronicle(other), lab.chronicle(other)


def test_a_policy_that_is_wrong_is_refused_at_the_start_at_HUP_and_by_a_successor():
    lab, (one,) = home("one")
    with lab:
        client = lab.registered(one)
        lab.write("policy.conf", WRONG)
        check = subprocess.run(
            [binary("lwgated"), "-n", "-c", lab.path("lwgate.conf")],
            capture_output=True,
            check=False,
        )
        assert check.returncode == 1
        place = f'{lab.path("policy.conf")}:2: rule "own": '
        assert place.encode() in check.stderr, check.stderr
        lab.gateway.child.send_signal(signal.SIGHUP)
        lab.gateway.wait_line("error reload nothing was changed: " + place)
        told = lab.ctl("upgrade", check=False)
        assert told.returncode == 1 and b"its log says why" in told.stderr, told
        lab.gateway.wait_line("error upgrade ")
        assert lab.facts()["rules"] == 2
        assert client.update() == CHANGED
        lab.kill()
        lab.rules = WRONG
        status, said = lab.refused()
        assert status == 1 and place in said, said


def test_R223_the_socket_of_events_outlives_an_upgrade():
    lab, (one,) = home("one")
    with lab:
        lab.with_socket()
        lab.restart(signal.SIGTERM)
        client = lab.registered(one)
        before = os.stat(lab.path("sub"))
        lab.ctl("upgrade")
        lab.until(lambda: sum(" ready " in line for line in lab.gateway.lines) == 2)
        after = os.stat(lab.path("sub"))
        assert (before.st_ino, before.st_ctime_ns) == (after.st_ino, after.st_ctime_ns)
        hears = lab.start([binary("lwgatectl"), "-s", lab.path("sub"), "events"])
        lab.until(lambda: lab.facts()["subscribers"] == 1)
        lab.ctl("credential", "revoke", one.endpoint)
        entry = hears.wait_json(lambda e: e.get("event") == "credential-revoked")
        assert entry["endpoint"] == one.endpoint and entry["rule"] == "out", entry
        assert client.update() is None  # it slept
        assert client.ended() == "close_notify"


if __name__ == "__main__":
    os.umask(0o077)
    run_tests(
        [
            test_R215_R217_another_secret_of_the_links_is_noticed_after_a_restart_and_decided_once,
            test_R215_who_was_revoked_at_the_last_moment_is_out_after_a_start,
            test_a_policy_that_is_wrong_is_refused_at_the_start_at_HUP_and_by_a_successor,
            test_R223_the_socket_of_events_outlives_an_upgrade,
        ]
    )
