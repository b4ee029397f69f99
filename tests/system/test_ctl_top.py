#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl top: on a real pseudo terminal, whose screen is read as a terminal would show it, and
as it is left by everything that can end it; and without one."""

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    binary,
    register_message,
    run_tests,
    s_client,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
DEVICES = [Device(f"urn:dev:{n}") for n in range(3)]
ENTER, LEAVE = b"\x1b[?1049h\x1b[?25l", b"\x1b[?25h\x1b[?1049l"


class Screen:
    """A program on a terminal of so many columns and rows."""

    def __init__(self, argv, columns=100, rows=40):
        self.fd, self.theirs = os.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.theirs)
        self.said = b""
        self.child = subprocess.Popen(
            argv, stdin=self.theirs, stdout=self.theirs, stderr=self.theirs, start_new_session=True
        )

    def resize(self, columns, rows):
        self.columns, self.rows = columns, rows
        fcntl.ioctl(self.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, seconds=0.1):
        if select.select([self.fd], [], [], seconds)[0]:
            self.said += os.read(self.fd, 65536)

    def until(self, wanted, what):
        end = time.monotonic() + DEADLINE_S
        while not wanted():
            assert time.monotonic() < end, (what, self.lines(), self.said[-300:])
            self.read()

    def lines(self):
        """What stands there: each line is written whole, from the first on."""
        rows = [""] * self.rows
        row = 0
        for piece in re.split(rb"(\x1b\[H|\r\n)", self.said.replace(b"\x1b[J", b"")):
            if piece == b"\x1b[H":
                row = 0
            elif piece == b"\r\n":
                row += 1
            elif row < self.rows:
                text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", piece).decode()
                rows[row] = text if b"\x1b[K" in piece else rows[row]
        return rows

    def draws(self):
        return self.said.count(b"\x1b[H") - 1  # one is of the page itself

    def shows(self, pattern):
        self.until(lambda: any(re.search(pattern, line) for line in self.lines()), pattern)

    def ends(self):
        """The exit status; the terminal must be as it was."""
        end = time.monotonic() + DEADLINE_S
        while self.child.poll() is None:
            assert time.monotonic() < end, self.lines()
            self.read()
        while select.select([self.fd], [], [], 0)[0]:
            self.read(0)
        assert termios.tcgetattr(self.theirs) == self.before
        assert self.said.count(ENTER) == self.said.count(LEAVE) == 1, self.said[-200:]
        return self.child.returncode

    def close(self):
        self.child.kill()
        self.child.wait()
        os.close(self.fd)
        os.close(self.theirs)


class Town(Lab):
    def __init__(self):
        self.screens = []
        super().__init__(DEVICES, store=DISK, by_control=True)

    def top(self, *words, **more):
        screen = Screen([binary("lwgatectl"), "-s", self.path("control"), "top", *words], **more)
        self.screens.append(screen)
        return screen

    def come(self, device):
        client = s_client(self, device)
        client.wait_bytes(rb"Verify return")
        client.child.stdin.write(register_message(device.endpoint))
        client.child.stdin.flush()
        client.wait_bytes(rb"\x61\x41\x12\x34\x51")
        return client

    def __exit__(self, *error):
        for screen in self.screens:
            screen.close()
        super().__exit__(*error)


def test_the_page_is_live_and_q_ends_it():
    with Town() as lab:
        top = lab.top(columns=200, rows=50)
        top.shows(r"^lwgated .* every 1 s  q ends$")
        top.shows(r"awake +0 ")
        top.shows(r"devices, done +0\.0 ")
        clients = [lab.come(d) for d in DEVICES]
        top.shows(r"  awake +3  registered, awake +3 ")
        lab.ctl("credential", "revoke", DEVICES[1].endpoint)
        top.shows(r"LAST DECISIONS")
        top.shows(r"^  \d\d:\d\d:\d\d urn:dev:1 credential-revoked \S+: done ")
        top.shows(r"  awake +2 ")
        s_client(lab, DEVICES[0], key="00" * 16)
        top.shows(r"LAST FAILURES")
        top.shows(r"^  \d\d:\d\d:\d\d warn handshake-failed with=device .*urn:dev:0")
        draws = top.draws()
        top.until(lambda: top.draws() > draws + 1, "it goes on")
        os.write(top.fd, b"q")
        assert top.ends() == 0
        assert all(c.alive() or c.child.poll() is not None for c in clients)


def test_rates_are_what_passes_in_a_second():
    with Town() as lab:
        top = lab.top("--every", "2s")
        top.shows(r"^lwgated .* every 2 s")
        client = lab.come(DEVICES[0])
        draws = top.draws()
        top.until(lambda: top.draws() > draws + 1, "the handshake has passed")
        most, end = 0.0, time.monotonic() + 7
        while time.monotonic() < end:  # a ping each 50 ms, which is 20 a second
            client.child.stdin.write(bytes([0x40, 0, 1, 1]))
            client.child.stdin.flush()
            top.read(0)
            found = re.search(r"records in +(\d+\.\d)", "\n".join(top.lines()))
            most = max(most, float(found.group(1)) if found else 0)
            time.sleep(0.05)
        assert 10 < most < 25, most


def test_whatever_ends_it_leaves_the_terminal_as_it_was():
    with Town() as lab:
        for how in (b"\x03", b"Q", signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            top = lab.top()
            top.shows(r"q ends")
            assert termios.tcgetattr(top.theirs) != top.before
            if isinstance(how, bytes):
                os.write(top.fd, how)
            else:
                top.child.send_signal(how)
            assert top.ends() == 0, how
        top = lab.top()
        top.shows(r"q ends")
        lab.gateway.kill()
        assert top.ends() == 3
        behind = top.said[top.said.index(LEAVE) :]
        assert b"is not reached any more; is it running?" in behind, behind


def test_it_is_as_wide_and_high_as_the_window():
    with Town() as lab:
        top = lab.top(columns=120, rows=45)
        top.shows(r"  awake +\d+  registered, awake +\d+  associations +\d+")
        top.resize(60, 12)
        top.said = top.said[: top.said.index(ENTER) + len(ENTER)]
        top.child.send_signal(signal.SIGWINCH)
        top.until(lambda: top.draws() >= 1 and b"\x1b[J" in top.said.split(b"\x1b[H")[-1], "again")
        page = [line for line in top.lines() if line]
        assert len(page) <= 11, page
        assert max(len(line) for line in page) <= 60, page
        assert not any("registered" in line and "associations" in line for line in page), page
        os.write(top.fd, b"q")
        assert top.ends() == 0


def test_without_a_terminal_it_is_one_look_in_plain_text():
    with Town() as lab:
        lab.come(DEVICES[0])
        text = lab.ctl("top")
        assert "\x1b" not in text and text.startswith("lwgated "), text
        assert re.search(r"^  awake +1  registered, awake +1$", text, re.MULTILINE), text
        assert re.search(r"^ +\d+ +1 +1 +2 ", text, re.MULTILINE), text  # its worker


def test_in_json_it_is_an_object_a_look():
    with Town() as lab:
        child = lab.start([binary("lwgatectl"), "--json", "-s", lab.path("control"), "top"])
        first = child.wait_json(lambda look: True)
        assert first["now"]["devices"] == 0 and first["per_s"]["datagrams_in"] == 0, first
        assert 900 <= first["interval_ms"] <= 5000, first
        lab.come(DEVICES[0])
        look = child.wait_json(lambda look: look["now"]["registrations"] == 1)
        assert look["now"]["asleep"] == 0, look
        assert sum(w["devices"] for w in look["workers"]) == 1, look
        lab.ctl("credential", "revoke", DEVICES[0].endpoint)
        look = child.wait_json(lambda look: look["decisions"])
        assert look["decisions"][-1]["event"] == "credential-revoked", look
        assert any(x["event"] == "store" and x["level"] == "warn" for x in look["failures"])
        child.child.send_signal(signal.SIGTERM)
        assert child.child.wait(DEADLINE_S) == 0
        assert all(json.loads(line) for line in child.lines)


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
