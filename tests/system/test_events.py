#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is decided of sessions, as who has to know is told it: the log, the file, subscribers."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    Skip,
    binary,
    run_tests,
    s_client,
)

DEVICES = [Device(f"urn:dev:{n}") for n in range(4)]


class Told(Lab):
    """A lab whose gateway keeps a chronicle."""

    def __enter__(self):
        self.settings = 'events = { file = "events.json"; path = "events"; };'
        super().__enter__()
        self.file, self.socket = self.path("events.json"), self.path("events")
        return self

    def lines(self, name=None):
        try:
            with open(name or self.file, encoding="ascii") as f:
                return [json.loads(line) for line in f.read().splitlines()]
        except FileNotFoundError:
            return []

    def follow(self, *words):
        child = self.start([binary("lwgatectl"), "-s", self.socket, "events", *words])
        self.until(lambda: self.deciding()["subscribers"] == 1)
        return child

    def deciding(self):
        return json.loads(self.ctl("--json", "status"))["policy"]

    def revoked(self, number):
        """A device comes, and its credential is withdrawn; the line about it."""
        device = DEVICES[number]
        client = s_client(self, device)
        self.children.append(client)
        self.until(lambda: device.endpoint in self.ctl("sessions"))
        self.ctl("credential", "revoke", device.endpoint)
        return self.until(lambda: [x for x in self.lines() if x["endpoint"] == device.endpoint])


def stored():
    return Told(DEVICES, store="", by_control=True)


def test_I8_a_decision_is_told_in_the_log_the_file_and_to_subscribers():
    with stored() as lab:
        follower = lab.follow()
        written = lab.revoked(0)
        heard = follower.wait_json(lambda line: "event" in line)
        assert [heard] == written, (heard, written)
        assert heard["event"] == "credential-revoked", heard
        assert heard["device"] == {"action": "teardown"}, heard
        assert heard["resumption"] == "refuse" and heard["outcome"] == "done", heard
        assert not heard["asleep"] and heard["old_generation"] < heard["new_generation"], heard
        line = lab.gateway.wait_line(" policy ")
        for word in (heard["endpoint"], "event=credential-revoked", f"rule={heard['rule']}"):
            assert word in line, line
        said = "\n".join(lab.gateway.lines) + json.dumps(written)
        for secret in (DEVICES[0].key, DEVICES[0].key_text, DEVICES[0].identity):
            assert secret not in said, secret
        assert stat.S_IMODE(os.stat(lab.file).st_mode) == 0o640
        assert stat.S_IMODE(os.stat(lab.socket).st_mode) == 0o660


def test_a_follower_hears_that_the_gateway_has_gone():
    with stored() as lab:
        follower = lab.follow()
        assert lab.gateway.stop() == 0
        assert follower.child.wait(DEADLINE_S) == 3
        follower.reader.join(5)
        assert "lwgated has gone" in "\n".join(follower.lines), follower.lines
        assert not os.path.exists(lab.socket)


def test_nngcat_is_a_subscriber_as_good_as_ours():
    nngcat = shutil.which("nngcat")
    if not nngcat:
        raise Skip("nngcat is missing")
    with stored() as lab:
        follower = lab.start(
            [nngcat, "--sub", "--dial", f"ipc://{os.path.abspath(lab.socket)}", "--raw"]
        )
        lab.until(lambda: lab.deciding()["subscribers"] == 1)
        written = lab.revoked(0)
        assert [follower.wait_json(lambda line: "event" in line)] == written


def test_after_a_rotation_lines_go_to_the_new_file():
    with stored() as lab:
        lab.revoked(0)
        os.rename(lab.file, lab.file + ".1")
        lab.gateway.child.send_signal(signal.SIGHUP)
        lab.gateway.wait_line(" reload ")
        lab.until(lambda: os.path.exists(lab.file))
        lab.revoked(1)
        assert [x["endpoint"] for x in lab.lines()] == [DEVICES[1].endpoint]
        assert [x["endpoint"] for x in lab.lines(lab.file + ".1")] == [DEVICES[0].endpoint]


def test_lines_stay_over_a_kill_and_a_restart_adds_to_them():
    with stored() as lab:
        lab.revoked(0)
        lab.restart()
        lab.revoked(1)
        assert [x["endpoint"] for x in lab.lines()] == [d.endpoint for d in DEVICES[:2]]


def test_errors_of_events_say_what_to_do():
    with Lab([DEVICES[0]]) as lab:
        done = subprocess.run(
            [binary("lwgatectl"), "-s", lab.path("nothing"), "events"],
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        wanted = "is events.path set, and lwgated running? name it with -s"
        assert done.returncode == 3 and wanted in done.stderr.decode(), done


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
