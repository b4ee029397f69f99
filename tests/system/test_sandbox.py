#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the daemons cannot do any more once they have started: no capability, no system call that
they do not need, no file that is none of theirs. A forbidden call is really made, in the real
daemon."""

import ctypes
import errno
import grp
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    Process,
    Skip,
    binary,
    coap_client,
    free_port,
    run_tests,
)
from intruder import call, thread_named  # noqa: E402
from smsd_world import World  # noqa: E402

NONE = "0" * 16
EMPTY = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
UPGRADES = 18  # Landlock stacks at most sixteen domains
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
OPENAT, AT_FDCWD = 257, -100  # of x86-64
# Calls that an intruder would make, on x86-64: name, number and arguments.
FORBIDDEN = [
    ("ptrace", 101, ()),
    ("mmap", 9, (0, 4096, 7, 0x22, -1, 0)),  # writable and executable
    ("mprotect", 10, (0, 4096, 7)),
    ("socket", 41, (17, 3, 0)),  # AF_PACKET
    ("unshare", 272, (0x10000000,)),
    ("kill", 62, (1, 0)),
    ("acct", 163, ()),
    ("getpmsg", 181, ()),  # whose name nobody has thought of
]


def registers(lab, device):
    said = coap_client(lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</1/0>")
    assert "c:2.01" in said, said


def threads(pid):
    """Of each thread what /proc says of it."""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/status", encoding="ascii") as f:
            found[tid] = dict(re.findall(r"^(\w+):\s*(.*)$", f.read(), re.MULTILINE))
    return found


def assert_confined(pid, least):
    rows = threads(pid)
    assert len(rows) >= least, rows.keys()
    for row in rows.values():
        assert row["Seccomp"] == "2" and row["NoNewPrivs"] == "1", row
        kept = {name: row[name] for name in EMPTY if row[name] != NONE}
        assert not kept, (row["Name"], kept)


def assert_ended_by(process, name, number):
    line = process.wait_line(" forbidden-call ")
    assert process.child.wait(DEADLINE_S) == -signal.SIGSYS, process.child.returncode
    assert f"number={number} name={name} thread=" in line and "sandbox" in line, line
    return line


def test_nothing_is_kept_in_any_thread():
    port = free_port()
    settings = 'workers = 2; sandbox = "on"; ' f'web = {{ address = "127.0.0.1"; port = {port}; }};'
    with Lab([Device("urn:dev:1")], store="", settings=settings) as lab:
        line = next(line for line in lab.gateway.lines if " sandbox " in line)
        assert "seccomp=yes landlock=yes" in line, line
        assert_confined(lab.gateway.child.pid, least=4)  # main, two workers, the store's writer
        registers(lab, lab.devices[0])
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=DEADLINE_S) as page:
            assert b"lwgate_" in page.read()
        assert_confined(lab.gateway.child.pid, least=6)  # nng's own threads are there


def test_who_was_root_is_nobody():
    if os.geteuid() != 0:
        raise Skip("only root can become somebody")
    nobody = pwd.getpwnam("nobody")
    group = grp.getgrgid(nobody.pw_gid).gr_name
    with Lab([Device("urn:dev:1")]) as lab:
        text = open(lab.path("lwgate.conf"), encoding="utf-8").read()
        words = f'user = "nobody"; group = "{group}";'
        lab.write("lwgate.conf", text.replace('user = ""; group = "";', words))
        lab.restart(signal.SIGTERM)
        for row in threads(lab.gateway.child.pid).values():
            assert row["Uid"].split() == [str(nobody.pw_uid)] * 4, row["Uid"]
            assert row["Gid"].split() == [str(nobody.pw_gid)] * 4, row["Gid"]
            assert set(row["Groups"].split()) <= {str(nobody.pw_gid)}, row["Groups"]
        assert_confined(lab.gateway.child.pid, least=3)
        registers(lab, lab.devices[0])


def test_nothing_is_kept_in_the_bridge():
    with World(settings='sandbox = "on";') as world:
        assert any("seccomp=yes landlock=yes" in line for line in world.bridge.lines)
        assert_confined(world.bridge.child.pid, least=1)


def test_a_forbidden_call_ends_the_gateway():
    for name, number, arguments in FORBIDDEN:
        with Lab([Device("urn:dev:1")]) as lab:
            call(lab.gateway.child.pid, number, *arguments)
            assert "thread=lwgated" in assert_ended_by(lab.gateway, name, number)


def test_a_forbidden_call_of_any_thread_ends_all_of_it():
    for thread in ("worker-0", "nng:task"):
        settings = f'web = {{ address = "127.0.0.1"; port = {free_port()}; }};'
        with Lab([Device("urn:dev:1")], settings=settings) as lab:
            call(thread_named(lab.gateway.child.pid, thread), 101)
            assert f"thread={thread} " in assert_ended_by(lab.gateway, "ptrace", 101)


def test_a_forbidden_call_ends_the_bridge():
    with World() as world:
        call(world.bridge.child.pid, 59)  # it becomes nobody else
        assert_ended_by(world.bridge, "execve", 59)


def test_files_of_others_are_out_of_reach():
    with Lab([Device("urn:dev:1")], store="") as lab, tempfile.TemporaryDirectory() as other:
        policy = os.path.join(other, "policy.conf")
        shutil.copy(os.path.join("deploy", "policy", "meters.conf"), policy)
        before = open(lab.path("lwgate.conf"), encoding="utf-8").read()
        lab.write("lwgate.conf", before + f'policy = {{ file = "{policy}"; }};\n')
        told = lab.ctl("reload", check=False)
        assert told.returncode != 0 and b"Permission denied" in told.stderr, told
        assert b"restart for another" in told.stderr, told
        told = lab.ctl("upgrade", check=False)  # the next one cannot read it either
        assert told.returncode == 1 and b"does not take the configuration" in told.stderr, told
        lab.gateway.wait_line("restart for another")
        lab.gateway.wait_line("everything stays as it is")
        registers(lab, lab.devices[0])
        lab.restart(signal.SIGTERM)
        assert "reloaded" in lab.ctl("reload")


def test_a_file_that_is_a_link_to_elsewhere_is_read_anew():
    with tempfile.TemporaryDirectory() as mine, tempfile.TemporaryDirectory() as other:
        policy = os.path.join(mine, "policy.conf")
        shutil.copy(os.path.join("deploy", "policy", "meters.conf"), os.path.join(other, "1.conf"))
        os.symlink(os.path.join(other, "1.conf"), policy)
        with Lab([Device("urn:dev:1")], settings=f'policy = {{ file = "{policy}"; }};') as lab:
            assert "reloaded" in lab.ctl("reload")
            # As who renews certificates does: a new file beside the old one, and the link to it.
            shutil.copy(os.path.join(other, "1.conf"), os.path.join(other, "2.conf"))
            os.symlink(os.path.join(other, "2.conf"), policy + ".new")
            os.replace(policy + ".new", policy)
            assert "reloaded" in lab.ctl("reload")


def test_a_file_is_neither_read_nor_made_elsewhere():
    with Lab([Device("urn:dev:1")]) as lab, tempfile.TemporaryDirectory() as other:
        with open(os.path.join(other, "secret"), "w", encoding="ascii") as f:
            f.write("x")
        pid = lab.gateway.child.pid
        assert call(pid, OPENAT, AT_FDCWD, f"{other}/secret", 0) == -errno.EACCES
        assert call(pid, OPENAT, AT_FDCWD, f"{other}/made", os.O_CREAT | 1, 0o600) == -errno.EACCES
        assert call(pid, OPENAT, AT_FDCWD, lab.path("made"), os.O_CREAT | 1, 0o600) >= 0
        assert call(pid, OPENAT, AT_FDCWD, "/etc/made", os.O_CREAT | 1, 0o600) == -errno.EACCES
        assert call(pid, OPENAT, AT_FDCWD, "/etc/hosts", 0) >= 0
        registers(lab, lab.devices[0])


def test_upgrades_stay_in_the_sandbox():
    with Lab([Device("urn:dev:1")], store="") as lab:
        for _ in range(UPGRADES):
            lab.ctl("upgrade")
            line = lab.gateway.wait_line(" sandbox ")
            assert "seccomp=yes landlock=yes" in line and "the program before" in line, line
            lab.gateway.wait_line(" ready ")
        assert_confined(lab.gateway.child.pid, least=3)
        registers(lab, lab.devices[0])
        call(lab.gateway.child.pid, 101)
        assert_ended_by(lab.gateway, "ptrace", 101)


class Filter(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("code", ctypes.c_void_p)]


def under_a_filter():
    """As a successor is: under somebody's seccomp filter, which here lets all pass."""
    allow = ctypes.create_string_buffer(b"\x06\0\0\0\0\0\xff\x7f", 8)  # BPF_RET, ALLOW
    program = Filter(1, ctypes.addressof(allow))
    libc = ctypes.CDLL(None)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) == 0


def test_a_program_that_needs_more_says_so_before_an_upgrade():
    with Lab([Device("urn:dev:1")]) as lab:
        argv = [binary("lwgated"), "-n", "-c", lab.path("lwgate.conf")]
        for confined, status in (("1 4", 1), ("3 4", 0), ("nonsense", 0)):
            done = subprocess.run(
                argv,
                env=dict(os.environ, LWGATE_CONFINED=confined),
                preexec_fn=under_a_filter,
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
                check=False,
            )
            assert done.returncode == status, (confined, done)
            assert ("restart lwgated" in done.stderr) == (status == 1), done


def test_off_is_off_and_said():
    with Lab([Device("urn:dev:1")], settings='sandbox = "off";') as lab:
        assert any(" warn sandbox off" in line for line in lab.gateway.lines), lab.gateway.lines
        rows = threads(lab.gateway.child.pid)
        assert all(row["Seccomp"] == "0" and row["CapEff"] == NONE for row in rows.values()), rows


def test_a_word_that_is_none_is_refused():
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "smsd.conf")
        with open(file, "w", encoding="ascii") as f:
            f.write('sandbox = "perhaps"; ways = ( { name = "m"; modem = { device = "t"; }; } );\n')
        bridge = Process([binary("lwgate-smsd"), "-n", "-c", file])
        assert bridge.child.wait(DEADLINE_S) == 1
        bridge.reader.join(5)
        assert "sandbox must be try, on or off" in bridge.lines[0], bridge.lines


if __name__ == "__main__":
    run_tests(
        [
            test_nothing_is_kept_in_any_thread,
            test_who_was_root_is_nobody,
            test_nothing_is_kept_in_the_bridge,
            test_a_forbidden_call_ends_the_gateway,
            test_a_forbidden_call_of_any_thread_ends_all_of_it,
            test_a_forbidden_call_ends_the_bridge,
            test_files_of_others_are_out_of_reach,
            test_a_file_that_is_a_link_to_elsewhere_is_read_anew,
            test_a_file_is_neither_read_nor_made_elsewhere,
            test_upgrades_stay_in_the_sandbox,
            test_a_program_that_needs_more_says_so_before_an_upgrade,
            test_off_is_off_and_said,
            test_a_word_that_is_none_is_refused,
        ]
    )
