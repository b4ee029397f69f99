#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where the secrets of a gateway at work are, and where they must not be (R-190, R-195, I5): a core
dump, the files of its store, its log. The patterns that are looked for are shown to be right: each
is found in the living process, in pages that no core dump holds."""

import base64
import hashlib
import hmac
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from capture import CLIENT_HELLO, HANDSHAKE, SERVER_HELLO, Capture, records_of  # noqa: E402
from harness import (  # noqa: E402
    Device,
    Lab,
    register_message,
    run_tests,
    s_client,
    update_message,
)

DEVICES = 3
KEY, RANDOM = 16, 32
PAGE = os.sysconf("SC_PAGESIZE")


# --- what is secret -------------------------------------------------------------------------------


def prf(secret, label, seed, length):
    """P_SHA256 of RFC 5246 section 5."""
    out, a = b"", label + seed
    while len(out) < length:
        a = hmac.digest(secret, a, hashlib.sha256)
        out += hmac.digest(secret, a + label + seed, hashlib.sha256)
    return out[:length]


def forms(raw):
    """How octets may be written down."""
    text = raw.hex().encode()
    return {
        raw,
        raw[::-1],
        text,
        text.upper(),
        base64.b64encode(raw).rstrip(b"="),
        base64.urlsafe_b64encode(raw).rstrip(b"="),
        b"".join(b"\\x%02x" % c for c in raw),
        b":".join(b"%02x" % c for c in raw),
    }


class Secrets:
    """name -> octets, and one regular expression that finds all of them in all their forms."""

    def __init__(self):
        self.known = {}

    def add(self, name, raw):
        assert len(raw) >= KEY, name
        self.known[name] = raw

    def of_devices(self, devices):
        for d in devices:
            self.add(f"PSK of {d.endpoint}", bytes.fromhex(d.key))
            self.add(f"upstream PSK of {d.endpoint}", bytes.fromhex(d.up_key))

    def of_sessions(self, key_log, server_randoms):
        """What a key log and the hellos that were captured tell of each handshake."""
        with open(key_log, encoding="ascii") as f:
            for number, line in enumerate(f):
                _, client, master = line.split()
                client, master = bytes.fromhex(client), bytes.fromhex(master)
                self.add(f"master secret {number}", master)
                block = prf(master, b"key expansion", server_randoms[client] + client, 2 * KEY + 8)
                self.add(f"client write key {number}", block[:KEY])
                self.add(f"server write key {number}", block[KEY : 2 * KEY])

    def compiled(self):
        self.names = {form: name for name, raw in self.known.items() for form in forms(raw)}
        return re.compile(b"|".join(re.escape(form) for form in self.names))


def server_randoms(datagrams):
    """client random -> server random, of every handshake that was seen."""
    hellos, found = {}, {}
    for source, destination, payload in datagrams:
        flow = frozenset((source, destination))
        for kind, _, epoch, _, body in records_of(payload):
            if epoch or kind != HANDSHAKE or len(body) < 46:
                continue
            random = body[14 : 14 + RANDOM]
            if body[0] == CLIENT_HELLO:
                hellos[flow] = random
            elif body[0] == SERVER_HELLO and flow in hellos:
                found[hellos[flow]] = random
    return found


# --- where to look --------------------------------------------------------------------------------


class Mapping:
    def __init__(self, head):
        span, self.access, _, _, _, *name = head.split(maxsplit=5)
        self.first, self.past = (int(x, 16) for x in span.split("-"))
        self.name, self.flags = (name[0].strip() if name else ""), []

    def __str__(self):
        return f"{self.first:x} {self.access} {self.name or 'anonymous'} {' '.join(self.flags)}"


def mappings(pid):
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as f:
        for line in f:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                found.append(Mapping(line))
            elif line.startswith("VmFlags:"):
                found[-1].flags = line.split()[1:]
    return found


def memory(pid):
    """(mapping, octets) of all that the process can write to, stacks and libraries' data included."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as f:
        for m in mappings(pid):
            if not m.access.startswith("rw") and not (m.access[0] == "r" and not m.name):
                continue  # what is mapped from files is looked at as files
            if m.access[3] != "p":
                continue
            f.seek(m.first)
            try:
                yield m, f.read(m.past - m.first)
            except OSError:
                continue


def stopped(pid):
    """Until every thread is: what is moved while it is searched would be missed."""
    os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + 10
    while time.monotonic() < end:
        states = []
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/stat", encoding="utf-8") as f:
                states.append(f.read().rpartition(")")[2].split()[0])
        if set(states) == {"T"}:
            return
        time.sleep(0.01)
    raise TimeoutError(f"{pid} does not stop: {states}")


def core_of(pid, folder):
    """A core dump by gdb, which keeps to /proc/PID/coredump_filter and MADV_DONTDUMP as the kernel
    does; the kernel itself makes none of a process that said PR_SET_DUMPABLE 0."""
    name = os.path.join(folder, "core")
    done = subprocess.run(
        ["gcore", "-o", name, str(pid)], capture_output=True, timeout=120, check=False
    )
    file = f"{name}.{pid}"
    assert os.path.exists(file), done.stderr.decode()
    with open(file, "rb") as f:
        core = f.read()
    os.unlink(file)
    return core


def files_under(folder):
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    yield path, f.read()


def locked_bytes(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as f:
        return int(re.search(r"VmLck:\s+(\d+) kB", f.read()).group(1)) * 1024


# --- one gateway at work --------------------------------------------------------------------------


class Talker:
    """A device over OpenSSL's s_client, whose session stays."""

    def __init__(self, lab, device):
        self.lab, self.device, self.message_id, self.heard = lab, device, 0x3000, 0
        self.client = s_client(lab, device)
        self.client.wait_bytes(rb"Extended master secret: yes.*---\n")
        self.say(register_message(device.endpoint))
        self.location = lab.server.wait_json(
            lambda e: e.get("event") == "registered" and e.get("endpoint") == device.endpoint
        )["location"]

    def say(self, message):
        self.client.child.stdin.write(message)
        self.client.child.stdin.flush()

    def update(self):
        self.message_id += 1
        answer = re.escape(b"\x61\x44" + self.message_id.to_bytes(2, "big") + b"\x52")
        for _ in range(5):
            self.say(update_message(self.location, self.message_id))
            try:
                self.client.wait_bytes(answer, 3)
                return
            except TimeoutError:
                continue
        raise TimeoutError("no answer to Update")


class Look:
    """What was found at one moment."""

    def __init__(self, lab, secrets, folder):
        self.pattern, self.secrets = secrets.compiled(), secrets
        pid = lab.gateway.child.pid
        stopped(pid)
        try:
            self.locked = locked_bytes(pid)
            self.living = {}  # name of the secret -> mappings that hold it
            for mapping, data in memory(pid):
                for name in self.found(data):
                    self.living.setdefault(name, []).append(mapping)
            self.core = core_of(pid, folder)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.in_core = self.where(self.core)
        self.shown = b"lwgate" in self.core and lab.devices[0].endpoint.encode() in self.core

    def found(self, data):
        return {self.secrets.names[m.group(0)] for m in self.pattern.finditer(data)}

    def where(self, data):
        """With what stands around it, but not itself: whoever reads this must find the place."""
        return [
            (self.secrets.names[m.group(0)], m.start(), "raw" if len(m.group(0)) < 65 else "text")
            for m in self.pattern.finditer(data)
        ]


class Run:
    """Devices register, talk, sleep; the gateway is killed, comes back, and they talk on. At each
    point the process is looked at, and at its end all that it left on disk."""

    def __init__(self):
        build = os.environ.get("BUILD", "build/release").replace("release", "keylog")
        self.devices = [Device(f"urn:secret:{n}") for n in range(DEVICES)]
        self.secrets, self.looks = Secrets(), {}
        self.secrets.of_devices(self.devices)
        self.folder = tempfile.mkdtemp(prefix="lwgate-core-", dir="/dev/shm")
        try:
            with Lab(
                self.devices,
                build=build,
                keylog=True,
                store="evict_after_s = 3; any_filesystem = true;",
                by_control=True,
            ) as lab:
                self.play(lab)
        finally:
            shutil.rmtree(self.folder)

    def play(self, lab):
        with open(lab.path("store.key"), "rb") as f:
            text = f.read()
        self.secrets.add("key-encryption key", text if len(text) == 32 else bytes.fromhex(text.decode()))
        with Capture({lab.port, lab.server_port}) as capture:
            talkers = [Talker(lab, d) for d in self.devices]
            for t in talkers:
                t.update()
            self.secrets.of_sessions(lab.path("keys.log"), server_randoms(capture.datagrams))
            self.look(lab, "awake")
            lab.until(lambda: lab.status()["associations"] == 0)
            self.look(lab, "asleep")
            lab.restart()
            for t in talkers:
                t.update()
            self.look(lab, "woken by another process")
            lab.ctl("store", "rewrap", check=False)
            assert lab.gateway.stop() == 0
            self.secrets.of_sessions(lab.path("keys.log"), server_randoms(capture.datagrams))
        self.log = "\n".join(lab.gateway.lines).encode()
        self.files = dict(files_under(lab.store_path()))
        self.files.update(files_under(lab.memory))

    def look(self, lab, moment):
        self.looks[moment] = Look(lab, self.secrets, self.folder)


if __name__ == "__main__":
    r = Run()
    for moment, l in r.looks.items():
        print("==", moment, "locked", l.locked, "core", len(l.core), "shown", l.shown)
        print("in core:", l.in_core)
        for n in r.secrets.known:
            print("   ", n, [str(m) for m in l.living.get(n, [])])
    s = r.secrets.compiled()
    for f, d in r.files.items():
        print(f, len(d), [r.secrets.names[m.group(0)] for m in s.finditer(d)])
    print("log", len(r.log), s.findall(r.log))
