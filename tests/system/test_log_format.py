#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The forms of the log that programs read: logfmt on stderr, and the fields of systemd's journal,
whose socket is one of the test's own in a mount namespace."""

import datetime
import os
import re
import signal
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    Skip,
    binary,
    register_message,
    run_tests,
    s_client,
)
from sms_device import SmsDevice  # noqa: E402
from sms_world import Told  # noqa: E402

DEVICE = Device("urn:dev:0")
LEVELS = {"error": "3", "warn": "4", "info": "6", "debug": "7"}
BEGIN = ["ts", "level", "program"]
# Of its own, so that nothing of this machine's /run is touched.
IN_JOURNAL = (
    "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && "
    'mount --bind "$0" /run/systemd/journal && '
    'export JOURNAL_STREAM="$(stat -Lc %d:%i /proc/self/fd/2)" && exec "$@"'
)


def pairs(line):
    """A reader of logfmt that knows nothing of the writer: [(key, value)]."""
    found, at = [], 0
    one = re.compile(r'([a-z][a-z0-9_]*)=(?:"((?:[^"\\]|\\["\\])*)"|([^\s"=\\]+))(?: |$)')
    while at < len(line):
        m = one.match(line, at)
        assert m, f"not logfmt at {at}: {line}"
        value = m[3] if m[2] is None else re.sub(r"\\(.)", r"\1", m[2])
        found.append((m[1], value))
        at = m.end()
    assert not line.endswith(" "), line
    assert [k for k, _ in found[:3]] == BEGIN, line
    keys = [k for k, _ in found]
    assert "event" in keys[3:5] and len(keys) == len(set(keys)), line
    return dict(found)


class FormedLab(Lab):
    """Its gateway is ready when it says so in its form."""

    def start_gateway(self):
        self.launch_gateway()
        self.gateway.wait_line("event=ready")


def lives(lab):
    """A device that registers, and one that does not know its key."""
    stranger = s_client(lab, DEVICE, key="00" * 16)
    stranger.child.wait(DEADLINE_S)
    client = s_client(lab, DEVICE)
    client.wait_bytes(rb"Extended master secret: yes.*---\n")
    client.child.stdin.write(register_message(DEVICE.endpoint))
    client.child.stdin.flush()
    lab.server.wait_json(lambda e: e.get("event") == "registered")
    client.child.stdin.close()
    client.child.wait(DEADLINE_S)


def test_logfmt_of_a_life_can_be_read():
    began = datetime.datetime.now(datetime.timezone.utc)
    settings = 'workers = 1; log = { level = "debug"; format = "logfmt"; };\n'
    with FormedLab([DEVICE], settings=settings) as lab:
        lives(lab)
        lab.gateway.wait_line("event=session-down")
        lab.gateway.child.send_signal(signal.SIGTERM)
        lab.gateway.child.wait(DEADLINE_S)
        lab.gateway.reader.join(DEADLINE_S)
        rows = [pairs(line) for line in lab.gateway.lines]
    ended = datetime.datetime.now(datetime.timezone.utc)
    for row in rows:
        assert row["program"] == "lwgated" and row["level"] in LEVELS, row
        when = datetime.datetime.fromisoformat(row["ts"].replace("Z", "+00:00"))
        assert began - datetime.timedelta(milliseconds=1) <= when <= ended, row
        assert re.fullmatch(r"[a-z0-9-]+", row["event"]), row
    by = {row["event"]: row for row in rows}
    assert by["ready"]["credentials"] == "1" and "version" in by["ready"], by["ready"]
    assert by["session-down"]["endpoint"] == DEVICE.endpoint, by["session-down"]
    assert by["session-down"]["thread"] == "worker-0" and "why" in by["session-down"], by
    assert by["stopping"]["msg"] == "on signal 15", by["stopping"]


def test_nobody_forges_a_pair():
    """Who is not let in has chosen his identity."""
    settings = 'workers = 1; log = { level = "debug"; format = "logfmt"; };\n'
    with FormedLab([DEVICE], settings=settings) as lab:
        said = 'x endpoint=urn:dev:0 "why='
        stranger = s_client(lab, Device("urn:stranger", identity=said))
        stranger.child.wait(DEADLINE_S)
        row = pairs(lab.gateway.wait_line("event=handshake-failed"))
        assert "endpoint" not in row and row["why"] != "", row
        assert row["identity_text"] == said.replace('"', r"\x22"), row


def test_a_server_forges_no_pair():
    """It has chosen the location."""
    with Told([SmsDevice("urn:dev:0", "447700900111")]) as lab:
        lab.registered('rd/7 endpoint=urn:dev:1 "x')
        line = lab.gateway.wait_line(" registered ")
        wanted = "location=/rd/7.endpoint=urn:dev:1..x lifetime_s="
        assert f" endpoint=urn:dev:0 {wanted}" in line, line


# --- the journal ----------------------------------------------------------------------------------


class Journald:
    """Takes its datagrams as journald does."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "socket")
        self.socket = None
        self.open()

    def open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(DEADLINE_S)

    def close(self):
        self.socket.close()
        os.unlink(self.path)

    def take(self):
        fields = []
        text = self.socket.recv(65536).decode("utf-8")
        assert text.endswith("\n"), text
        for line in text[:-1].split("\n"):
            name, mark, value = line.partition("=")
            assert mark and re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name), line
            fields.append((name, value))
        assert len(fields) == len({n for n, _ in fields}), fields
        entry = dict(fields)
        assert entry["SYSLOG_IDENTIFIER"] == "lwgated" and entry["PRIORITY"] in "3467", entry
        assert entry["MESSAGE"].startswith(entry["LWGATE_EVENT"] + " "), entry
        return entry

    def until(self, event):
        """All up to the first of this event; it is the last."""
        taken = [self.take()]
        while taken[-1]["LWGATE_EVENT"] != event:
            taken.append(self.take())
        return taken


class JournalLab(Lab):
    def start_gateway(self):
        os.mkdir(self.path("journal"), 0o755)
        self.journal = Journald(self.path("journal"))
        self.launch_gateway("unshare", "-m", "sh", "-c", IN_JOURNAL, self.path("journal"))
        self.taken = self.journal.until("ready")


def need_root():
    if os.geteuid() != 0:
        raise Skip("a mount namespace needs root")


def test_journal_has_fields_and_nothing_is_on_stderr():
    need_root()
    settings = 'workers = 1; log = { level = "debug"; };\n'
    with JournalLab([DEVICE], settings=settings, store="") as lab:
        ready = lab.taken[-1]
        assert ready["LWGATE_CREDENTIALS"] == "1" and ready["PRIORITY"] == "6", ready
        assert ready["MESSAGE"].startswith("ready version="), ready
        lives(lab)
        down = lab.journal.until("session-down")[-1]
        assert down["LWGATE_ENDPOINT"] == DEVICE.endpoint, down
        assert down["LWGATE_THREAD"] == "worker-0" and down["LWGATE_WHY"], down
        # A new program is heard, too; it has inherited the sandbox.
        lab.gateway.child.send_signal(signal.SIGUSR2)
        lab.journal.until("ready")
        # The trial of the new program has an answer, which is no line of a log.
        good = f"{lab.path('lwgate.conf')}: good, 1 credential"
        assert [line for line in lab.gateway.lines if line != good] == [], lab.gateway.lines


def test_what_the_journal_does_not_take_is_on_stderr():
    need_root()
    with JournalLab([DEVICE]) as lab:
        lab.journal.close()  # journald has gone
        lab.gateway.child.send_signal(signal.SIGHUP)
        lab.gateway.wait_line("lwgated info reload ")
        lab.journal.open()  # and comes again
        lab.gateway.child.send_signal(signal.SIGHUP)
        assert lab.journal.until("reload")[-1]["PRIORITY"] == "6"
        # It reads no more: nobody waits for it.
        said = len(lab.gateway.lines)
        while len(lab.gateway.lines) == said:
            lab.gateway.child.send_signal(signal.SIGHUP)
            assert "associations" in lab.status()
        assert lab.gateway.lines[said].startswith("lwgated "), lab.gateway.lines


# --- the bridge -----------------------------------------------------------------------------------


def test_the_bridge_has_the_same_forms():
    with Lab([DEVICE], store="") as lab:
        conf = (
            f'user = ""; group = ""; gateway = "{lab.path("sms")}"; '
            f'spool = "{lab.path("spool")}"; ways = ( );\n'
        )
        path = lab.write("smsd.conf", conf + 'log_format = "logfmt";\n')
        bridge = lab.start([binary("lwgate-smsd"), "-c", path])
        row = pairs(bridge.wait_line("event=ready"))
        assert row["program"] == "lwgate-smsd" and row["ways"] == "0", row
        bridge.child.send_signal(signal.SIGTERM)
        assert bridge.child.wait(DEADLINE_S) == 0
        path = lab.write("smsd.conf", conf + 'log_format = "xml";\n')
        done = subprocess.run(
            [binary("lwgate-smsd"), "-n", "-c", path], capture_output=True, check=False
        )
        assert done.returncode == 1, done
        assert b"smsd.conf: log_format must be auto, text, logfmt or journal" in done.stderr, done


def test_the_reader_of_these_tests_reads():
    assert pairs('ts=1 level=info program=p event=e a="b \\"c\\\\" d=e') == {
        "ts": "1",
        "level": "info",
        "program": "p",
        "event": "e",
        "a": 'b "c\\',
        "d": "e",
    }
    for bad in ("ts=1 level=a program=p event=e b", 'ts=1 level=a program=p event=e b="c"d=e'):
        try:
            pairs(bad)
        except AssertionError:
            continue
        raise AssertionError(f"taken: {bad}")


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
