#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl --json: whatever is asked, and whatever goes wrong, the standard output is JSON, the
standard error is silent, and the exit status says which kind of wrong it was."""

import json
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, Lab, binary, run_tests  # noqa: E402

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
DONE, REFUSED, USAGE, UNREACHED = range(4)
LIVE = ("events", "trace", "top")  # an object a line, for as long as they run
# These are about files here, and ask no gateway before they have one.
LOCAL = ("key new", "key csr", "key show", "completion", "doctor")


def run(*words, socket="/nonexistent/control"):
    """(exit status, objects on the standard output)."""
    done = subprocess.run(
        [binary("lwgatectl"), "--json", "-s", socket, *words],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.stderr == b"", (words, done)
    return done.returncode, [json.loads(line) for line in done.stdout.decode().splitlines()]


def table():
    status, said = run("completion")
    assert status == DONE and len(said) == 1, said
    return said[0]["commands"]


def is_error(said):
    assert len(said) == 1 and said[0].keys() <= {"error", "remedy"}, said
    assert said[0]["error"], said
    return said[0]


def test_without_a_gateway_each_command_says_so_and_ends_with_3():
    asked = 0
    for command in table():
        words = [*command["name"].split(), *("x" for _ in command["arguments"].split())]
        if command["name"] in LOCAL or "FILE" in command["arguments"]:
            continue
        if command["name"] in ("credential add", "credential replace"):
            words.append("--nosec")  # so that no key is asked for
        if command["name"] == "store rewrap":
            words += ["--tpm", "/nonexistent"]
        if command["name"] == "policy explain":
            words += ["--endpoint", "x", "--event", "age"]
        status, said = run(*words)
        told = is_error(said)
        assert status == UNREACHED, (words, status, said)
        assert "cannot reach lwgated" in told["error"] or "no such file" in str(told).lower(), told
        assert told["remedy"], told
        asked += 1
    assert asked > 15, asked


def test_wrong_usage_is_2():
    with tempfile.TemporaryDirectory() as folder:
        absent = os.path.join(folder, "absent")
        for words in (
            [],
            ["nothing"],
            ["credential"],
            ["credential", "nothing"],
            ["session"],
            ["session", "a", "b"],
            ["session", ""],
            ["status", "--nosec"],
            ["status", "--unheard-of"],
            ["session", "x", "--purpose"],
            ["session", "x", "--purpose", "fun"],
            ["credential", "add", "x", "--key", "00112233"],
            ["credential", "add", "x", "--key-file", absent],
            ["credential", "add", "x", "--public-key", absent],
            ["key", "show", absent],
            ["key", "csr", absent, absent],
            ["policy", "test", absent],
            ["top", "--every", "often"],
            ["events", "--since", "then"],
        ):
            status, said = run(*words)
            told = is_error(said)
            assert status == USAGE, (words, status, said)
            assert "00112233" not in str(told), told
        status, said = run("credential", "import", absent)
        assert status == REFUSED and is_error(said)["remedy"] == "nothing was changed", said


def test_what_a_gateway_answers_is_json_and_its_no_is_1():
    device = Device("urn:dev:1")
    with Lab([device], store=DISK, by_control=True) as lab:
        socket = lab.path("control")
        for words in (
            ["status"],
            ["sessions"],
            ["credential", "list"],
            ["credential", "show", device.endpoint],
            ["credential", "export"],
            ["store", "status"],
            ["store", "rotate"],
            ["policy", "show"],
            ["reload"],
            ["credential", "replace", device.endpoint, "--labels", "a"],
            ["credential", "revoke", device.endpoint],
        ):
            status, said = run(*words, socket=socket)
            assert status == DONE and len(said) == 1 and "error" not in said[0], (words, said)
        assert run("events", socket=socket) == (DONE, [])
        for words in (
            ["session", "nobody"],
            ["close", "nobody"],
            ["trace", "nobody"],
            ["credential", "show", "nobody"],
            ["credential", "revoke", "nobody"],
            ["sms", "keys", "nobody"],
        ):
            status, said = run(*words, socket=socket)
            is_error(said)
            assert status == REFUSED, (words, status, said)
        bad = lab.write("bad.csv", "endpoint,key\nx,zz\n")
        status, said = run("credential", "import", bad, socket=socket)
        assert status == REFUSED and "bad.csv:2" in is_error(said)["error"], said
        new = lab.path("all.csv")
        status, said = run("credential", "export", "--with-secrets", new, socket=socket)
        assert status == DONE and "credentials with their keys" in said[0]["done"], said


def test_keys_and_versions():
    with tempfile.TemporaryDirectory() as folder:
        key, request = os.path.join(folder, "k"), os.path.join(folder, "r")
        status, said = run("key", "new", key)
        assert status == DONE and said[0]["digest"], said
        status, said = run("key", "csr", key, request, "--dns", "gw.example")
        assert status == DONE and request in said[0]["done"], said
        status, said = run("--version")
        assert status == DONE and said[0].keys() == {"version"}, said


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
