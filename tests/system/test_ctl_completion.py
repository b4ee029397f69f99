#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What bash completes of lwgatectl's words, and that usage, completion and man page know the same
commands."""

import os
import pty
import re
import select
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, Lab, binary, run_tests  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DEPLOY = os.path.join(HERE, "..", "..", "deploy")
SCRIPT = os.path.join(DEPLOY, "completion", "lwgatectl.bash")
# As readline hands it over, which has cut the words at colons and equals signs.
ASK = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lwgatectl; '
ASK += 'printf "%s\\n" "${COMPREPLY[@]}"'


def complete(*words, ctl=None):
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", SCRIPT, ctl or binary("lwgatectl"), *words],
        capture_output=True,
        timeout=DEADLINE_S,
        check=True,
    )
    assert done.stderr == b"", done.stderr
    return sorted(done.stdout.decode().split())


def table():
    """[(command, arguments, options)] as programs are told."""
    text = subprocess.run(
        [binary("lwgatectl"), "completion"], capture_output=True, timeout=DEADLINE_S, check=True
    ).stdout.decode()
    rows = [line.split("\t") for line in text.splitlines()]
    return [(name, arg, options.split()) for name, arg, options in rows]


def test_commands_and_their_second_words():
    firsts = {name.split()[0] for name, _, _ in table() if name}
    assert set(complete("")) == firsts and "credential" in firsts and "top" in firsts
    assert complete("eve") == ["events"]
    assert complete("--json", "tr") == ["trace"]
    assert complete("-s", "/some/where", "sto") == ["store"]
    assert complete("store", "r") == ["rewrap", "rotate"]
    assert complete("credential", "re") == ["replace", "revoke"]
    assert complete("nothing", "") == []


def test_options_are_those_of_the_command():
    assert complete("events", "--f") == ["--follow"]
    assert complete("trace", "x", "--") == [
        *("--for", "--help", "--json", "--payload", "--socket", "--version")
    ]
    assert complete("status", "--f") == []
    assert complete("session", "x", "--purpose", "se") == ["server"]
    assert complete("session", "x", "--purpose", "=", "se") == ["server"]
    assert complete("top", "--every", "") == []


def test_files_are_files():
    assert complete("key", "show", SCRIPT[:-3]) == [SCRIPT]
    assert complete("credential", "add", "x", "--key-file", SCRIPT[:-3]) == [SCRIPT]


def test_endpoints_are_asked_of_the_gateway():
    with Lab([Device("urn:dev:1"), Device("urn:dev:2"), Device("plain")]) as lab:
        socket = ("-s", lab.path("control"))
        assert complete(*socket, "trace", "") == ["plain", "urn:dev:1", "urn:dev:2"]
        assert complete(*socket, "trace", "p") == ["plain"]
        assert complete(*socket, "session", "urn", ":", "dev", ":") == ["1", "2"]
        assert complete(*socket, "events", "--endpoint", "pl") == ["plain"]
        assert complete(*socket, "trace", "plain", "") == []
    assert complete("-s", "/nonexistent", "trace", "") == []


def test_in_a_shell_the_key_completes():
    child, fd = pty.fork()
    if child == 0:
        path = os.path.dirname(binary("lwgatectl")) + ":" + os.environ["PATH"]
        env = {"PATH": path, "TERM": "dumb", "PS1": "> ", "HOME": "/nonexistent"}
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], env)
    try:
        os.write(fd, f"source {SCRIPT}\n".encode())
        os.write(fd, b"lwgatectl compl\t\n")
        said, end = b"", time.monotonic() + DEADLINE_S
        while b"credential add\tENDPOINT" not in said.replace(b"    ", b"\t"):
            assert time.monotonic() < end, said
            if select.select([fd], [], [], 1)[0]:
                said += os.read(fd, 65536)
        assert b"lwgatectl completion" in said, said
    finally:
        os.close(fd)
        os.waitpid(child, 0)


def test_the_word_help_is_the_option():
    said = [
        subprocess.run(
            [binary("lwgatectl"), *words], capture_output=True, timeout=DEADLINE_S, check=True
        )
        for words in (["--help"], ["help"], ["help", "credential", "add"])
    ]
    for one in said:
        assert one.stderr == b"" and b"credential add" in one.stdout, one
        assert one.stdout == said[0].stdout, one


def test_usage_completion_and_man_page_know_the_same():
    usage = subprocess.run(
        [binary("lwgatectl"), "--help"], capture_output=True, timeout=DEADLINE_S, check=True
    ).stdout.decode()
    with open(os.path.join(DEPLOY, "man", "lwgatectl.1"), encoding="utf-8") as f:
        man = f.read().replace("\\-", "-")
    for name, _, options in table():
        if name:
            assert re.search(rf"^  {name}( |$)", usage, re.MULTILINE), name
            assert re.search(rf'^\.B[IR]? "?{name}\b', man, re.MULTILINE), name
        for option in options:
            option = option.rstrip("=")
            assert option in usage, (name, option)
            assert option in man, (name, option)


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
