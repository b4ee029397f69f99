#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl events: what was told so far, what comes, and of which devices, events and rules."""

import json
import os
import socket
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    binary,
    run_tests,
    s_client,
)

DEVICES = [Device(f"urn:dev:{n}") for n in range(4)]
UNREACHED = 3


class Told(Lab):
    """A lab in which a device comes, and its credential is withdrawn or replaced."""

    def __init__(self):
        super().__init__(DEVICES, store="", by_control=True)

    def come(self, number):
        client = s_client(self, DEVICES[number])
        self.until(lambda: DEVICES[number].endpoint in self.ctl("sessions"))
        return client

    def revoke(self, number):
        self.come(number)
        self.ctl("credential", "revoke", DEVICES[number].endpoint)
        self.gateway.wait_line(" policy ")

    def events(self, *words):
        return [json.loads(line) for line in self.ctl("events", *words).splitlines()]

    def names(self, *words):
        return [e["endpoint"] for e in self.events(*words)]

    def follow(self, *words):
        return self.start(
            [binary("lwgatectl"), "-s", self.path("control"), "events", "--follow", *words]
        )


def test_what_was_told_so_far_is_there_without_a_file_or_a_subscriber():
    with Told() as lab:
        assert lab.events() == []
        lab.revoke(0)
        lab.revoke(1)
        lines = lab.events()
        assert [e["endpoint"] for e in lines] == [d.endpoint for d in DEVICES[:2]], lines
        assert all(e["event"] == "credential-revoked" and e["rule"] for e in lines), lines


def test_filters_leave_what_fits():
    with Told() as lab:
        for n in range(3):
            lab.revoke(n)
        rule = lab.events()[0]["rule"]
        assert lab.names("--endpoint", "urn:dev:1") == ["urn:dev:1"]
        assert lab.names("--endpoint", "urn:*:2") == ["urn:dev:2"]
        assert lab.names("--endpoint", "*") == [d.endpoint for d in DEVICES[:3]]
        assert lab.names("--endpoint", "dev:1") == []
        assert lab.names("--event", "credential-*", "--endpoint", "*:0") == ["urn:dev:0"]
        assert lab.names("--event", "age") == []
        assert len(lab.names("--rule", rule)) == 3 and lab.names("--rule", rule + "x") == []
        assert len(lab.names("--since", "10m")) == 3
        assert lab.names("--since", "2099-01-01T00:00:00Z") == []
        assert len(lab.names("--since", "2020-01-01T00:00:00Z")) == 3
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
        assert lab.names("--since", later) == []


def test_follow_tells_what_was_and_what_comes():
    with Told() as lab:
        lab.revoke(0)
        all_of_them, one = lab.follow(), lab.follow("--endpoint", "urn:dev:2")
        all_of_them.wait_json(lambda e: e["endpoint"] == "urn:dev:0")
        lab.revoke(1)
        lab.revoke(2)
        for n in (1, 2):
            all_of_them.wait_json(lambda e, n=n: e["endpoint"] == f"urn:dev:{n}")
        one.wait_json(lambda e: e["endpoint"] == "urn:dev:2")
        assert len(one.lines) == 1, one.lines
        assert lab.gateway.stop() == 0
        assert all_of_them.child.wait(DEADLINE_S) == UNREACHED
        assert one.child.wait(DEADLINE_S) == UNREACHED


def test_more_than_is_kept_is_counted():
    with Told() as lab:
        follower = lab.follow("--endpoint", "urn:dev:0")
        lab.come(0)
        follower.child.send_signal(19)  # SIGSTOP
        key = lab.write("new", os.urandom(16).hex())
        for n in range(300):
            lab.ctl("credential", "replace", "urn:dev:0", "--labels", f"n{n}")
        assert key
        lab.until(lambda: len(lab.events()) == 256)
        follower.child.send_signal(18)
        lost = follower.wait_json(lambda e: "lost" in e)["lost"]
        assert lost >= 40, lost


def test_wrong_words_and_wrong_sockets_are_told_with_their_remedy():
    with Told() as lab:
        for words, wanted in (
            (("--since", "yesterday"), "--since: yesterday is no time; write 10m"),
            (("--payload",), "an option does not belong to events"),
        ):
            done = lab.ctl("events", *words, check=False)
            assert done.returncode == 2 and wanted in done.stderr.decode(), done
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(lab.path("other"))
            door.listen()
            child = subprocess.Popen(
                [binary("lwgatectl"), "--json", "-s", lab.path("other"), "events"],
                stdout=subprocess.PIPE,
            )
            other, _ = door.accept()
            with other:
                other.sendall(b"HTTP/1.1 400\r\n\r\n")
                said, _ = child.communicate(timeout=DEADLINE_S)
        assert child.returncode == UNREACHED, child.returncode
        told = json.loads(said)
        assert "no events are told there" in told["error"] and "-s names" in told["remedy"], told


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
