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
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from capture import CLIENT_HELLO, HANDSHAKE, SERVER_HELLO, Capture, records_of  # noqa: E402
from harness import (  # noqa: E402
    MEMORY,
    Device,
    Lab,
    register_message,
    run_tests,
    s_client,
    update_message,
)
from pki import Pki  # noqa: E402
from test_reload import let_in, listener, make, served, x509  # noqa: E402

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
        "raw": raw,
        "reversed": raw[::-1],
        "hex": text,
        "HEX": text.upper(),
        "base64": base64.b64encode(raw).rstrip(b"="),
        "base64url": base64.urlsafe_b64encode(raw).rstrip(b"="),
        "escaped": b"".join(b"\\x%02x" % c for c in raw),
        "with colons": b":".join(b"%02x" % c for c in raw),
    }


class Secrets:
    """name -> octets."""

    def __init__(self):
        self.known = {}

    def add(self, name, raw):
        assert len(raw) >= KEY, name
        self.known[name] = raw

    def of_devices(self, devices):
        for d in devices:
            self.add(f"PSK of {d.endpoint}", bytes.fromhex(d.key))
            self.add(f"upstream PSK of {d.endpoint}", bytes.fromhex(d.up_key))

    def of_sessions(self, logged, server_randoms):
        """What a key log and the hellos that were captured tell of each handshake."""
        for number, (client, master) in enumerate(logged.items()):
            self.add(f"master secret {number}", master)
            block = prf(master, b"key expansion", server_randoms[client] + client, 2 * KEY)
            self.add(f"client write key {number}", block[:KEY])
            self.add(f"server write key {number}", block[KEY:])

    def found(self, data):
        """(name, where, which form) of each that is in there; never what it is."""
        whole, hits = squeezed(data), []
        for name, raw in self.known.items():
            for form, octets in forms(raw).items():
                at = whole.find(octets)
                if at >= 0:
                    hits.append((name, at, form))
        return hits

    def names_in(self, data):
        return {name for name, _, _ in self.found(data)}


def squeezed(data):
    """Without the pages that are zero; most of a core dump is."""
    zero = bytes(PAGE)
    if not zero in data:
        return data
    pages = (data[i : i + PAGE] for i in range(0, len(data), PAGE))
    return b"".join(page for page in pages if page != zero)


def key_log(file):
    """client random -> master secret."""
    with open(file, encoding="ascii") as f:
        rows = [line.split() for line in f]
    return {bytes.fromhex(client): bytes.fromhex(master) for _, client, master in rows}


def known_randoms(datagrams, logged):
    """client random -> server random, when all of those that were logged have been seen."""
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
    return found if set(logged) <= set(found) else None


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
    """(mapping, octets) of all private memory, stacks and libraries' data included."""
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
        # It knows where it is registered, and so the gateway does for good (S9).
        self.client.wait_bytes(rb"\x61\x41\x12\x34\x51")

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
    """One moment: what is in memory, what is in a core dump of it."""

    def __init__(self, lab, known, folder):
        pid = lab.gateway.child.pid
        stopped(pid)
        try:
            self.locked = locked_bytes(pid)
            with open(f"/proc/{pid}/environ", "rb") as f:
                self.bound = b"LD_BIND_NOW=1" in f.read().split(b"\0")
            self.copies = []  # (name of the secret, mapping)
            self.guarded = []  # what lies in pages that are locked but not a pool's
            for mapping, data in memory(pid):
                self.copies += [(name, mapping) for name in known.names_in(data)]
                if "lo" in mapping.flags and "lf" not in mapping.flags:
                    self.guarded.append(data)
            core = core_of(pid, folder)
        finally:
            os.kill(pid, signal.SIGCONT)
        self.in_core = known.found(core)
        self.endpoints = sum(d.endpoint.encode() in core for d in lab.devices)
        self.guarded_in_core = found_windows(self.guarded, squeezed(core))

    def flags_of(self, name):
        return [set(mapping.flags) for known, mapping in self.copies if known == name]


def found_windows(regions, data):
    """Of the octets in those regions that look like keys, how many of 16 in a row are in data."""
    windows = set()
    for region in regions:
        for at in range(0, len(region) - KEY + 1, 8):
            window = region[at : at + KEY]
            if len(set(window)) >= 13 and not b"\0" in window:
                windows.add(window)
    return [w for w in windows if w in data], len(windows)


class LoggedLab(Lab):
    """lwgated is the build that writes a key log; the rest is the build under test."""

    def ctl(self, *words, check=True):
        build, self.build = self.build, None
        try:
            return super().ctl(*words, check=check)
        finally:
            self.build = build


class Run:
    """Devices register, talk, sleep; the gateway is killed, comes back, and they talk on. At each
    point the process is looked at, and at its end all that it left on disk."""

    def __init__(self, by_control):
        build = os.environ.get("BUILD", "build/release").replace("release", "keylog")
        self.devices = [Device(f"urn:secret:{n}") for n in range(DEVICES)]
        self.secrets, self.looks, self.shown = Secrets(), {}, b""
        self.secrets.of_devices(self.devices)
        self.folder = tempfile.mkdtemp(prefix="lwgate-core-", dir=MEMORY)
        try:
            with LoggedLab(
                self.devices,
                build=build,
                keylog=True,
                settings='log = { level = "debug"; };\n',
                store=f'evict_after_s = 3; anchor = "{self.folder}/anchor";',
                by_control=by_control,
            ) as lab:
                self.play(lab)
                self.keep(lab)
        finally:
            shutil.rmtree(self.folder)

    def play(self, lab):
        self.add_kek(lab.path("store.key"), "key-encryption key")
        with Capture({lab.port, lab.server_port}) as capture:
            talkers = [Talker(lab, d) for d in self.devices]
            for t in talkers:
                t.update()
            logged = key_log(lab.path("keys.log"))
            # The thread that captures may lag behind.
            randoms = lab.until(lambda: known_randoms(capture.datagrams, logged))
            self.secrets.of_sessions(logged, randoms)
            self.look(lab, "awake")
        lab.until(lambda: lab.status()["associations"] == 0)
        self.look(lab, "asleep")
        lab.restart(signal.SIGKILL)
        for t in talkers:
            t.update()
        self.look(lab, "awake in another process")
        self.rewrap(lab)
        self.look(lab, "rewrapped")

    def add_kek(self, file, name):
        with open(file, "rb") as f:
            key = f.read()
        self.secrets.add(name, key if len(key) == 32 else bytes.fromhex(key.decode()))

    def rewrap(self, lab):
        key = lab.write("other.key", os.urandom(32).hex() + "\n")
        self.add_kek(key, "second key-encryption key")
        lab.ctl("store", "rewrap", "--key-file", key)

    def look(self, lab, moment):
        self.looks[moment] = Look(lab, self.secrets, self.folder)
        for words in (["status"], ["sessions"], ["credential", "list"], ["credential", "export"]):
            self.shown += lab.ctl(*words).encode()
        for d in self.devices:
            self.shown += lab.ctl("session", d.endpoint, check=False).stdout
            self.shown += lab.ctl("credential", "show", d.endpoint).encode()

    def keep(self, lab):
        self.dumped = abort(lab.gateway.child.pid)
        self.shown += "\n".join(lab.gateway.lines).encode()
        self.files = dict(files_under(lab.store_path()))
        self.files.update(files_under(lab.memory))
        self.files.update(files_under(self.folder))
        self.given = {
            name: b"".join(data for path, data in files_under(lab.folder) if path.endswith(name))
            for name in ("credentials.conf", "store.key", "other.key", "keys.log")
        }


def abort(pid):
    """Ends a child as a failed assertion would; did the kernel write a core dump?"""
    resource.prlimit(pid, resource.RLIMIT_CORE, (resource.RLIM_INFINITY,) * 2)
    os.kill(pid, signal.SIGABRT)
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT).si_code == os.CLD_DUMPED


RUNS = {}


def runs():
    """Both, once; when one failed, it failed for every test."""
    for by_control in (False, True):
        if by_control not in RUNS:
            try:
                RUNS[by_control] = Run(by_control)
            except Exception as error:
                RUNS[by_control] = error
        if isinstance(RUNS[by_control], Exception):
            raise AssertionError("the run that was to be looked at failed") from RUNS[by_control]
    return RUNS.values()


def looks():
    return [(f"{moment}", look) for r in runs() for moment, look in r.looks.items()]


def test_R195_no_secret_is_in_a_core_dump():
    for moment, look in looks():
        assert not look.in_core, (moment, look.in_core)


def test_R195_nothing_that_is_locked_is_in_a_core_dump():
    for moment, look in looks():
        found, looked_for = look.guarded_in_core
        assert looked_for >= 4 and not found, (moment, len(found), looked_for)


def test_I5_libraries_are_bound_before_there_are_keys():
    """Otherwise a first call leaves the vector registers, with what was copied last, on a stack: a
    key in one run of seven, which the tests above would see that often only."""
    assert all(look.bound for _, look in looks())


def test_R195_each_copy_in_memory_lies_in_pages_that_are_not_dumped():
    for moment, look in looks():
        for name, mapping in look.copies:
            assert "dd" in mapping.flags, (moment, name, str(mapping))


def test_R195_keys_are_locked():
    for r in runs():
        for moment, look in r.looks.items():
            kek = "second key-encryption key" if moment == "rewrapped" else "key-encryption key"
            assert any("lo" in f for f in look.flags_of(kek)), moment
            # A pool's chunk, the key ring, the keys that seal, the wrapping key.
            assert look.locked >= 65536 + 3 * PAGE, (moment, look.locked)
            for name in r.secrets.known:
                if "write key" in name and moment.startswith("awake"):
                    assert any("lo" in f for f in look.flags_of(name)), (moment, name)


def test_I5_a_wrapping_key_that_was_replaced_is_forgotten():
    for r in runs():
        assert not r.looks["rewrapped"].flags_of("key-encryption key")


def test_I5_who_sleeps_has_no_keys_in_locked_memory():
    for r in runs():
        for name in r.secrets.known:
            if "write key" in name:
                assert not any("lo" in f for f in r.looks["asleep"].flags_of(name)), name


def test_R190_no_secret_is_in_a_file_of_the_store():
    for r in runs():
        names = {os.path.basename(path) for path in r.files}
        assert {"data.mdb", "keyring", "hot", "token", "anchor"} <= names, names
        for path, data in r.files.items():
            assert not r.secrets.found(data), (path, r.secrets.found(data))


def test_I5_no_secret_is_logged_or_shown():
    for r in runs():
        assert all(d.endpoint.encode() in r.shown for d in r.devices)
        assert not r.secrets.found(r.shown), r.secrets.found(r.shown)


def test_the_search_finds_what_is_there():
    """The endpoints' names in the core dump, and each secret where it was given."""
    for r in runs():
        for moment, look in r.looks.items():
            assert look.endpoints == DEVICES or moment == "asleep", (moment, look.endpoints)
        given = set().union(*(r.secrets.names_in(data) for data in r.given.values()))
        derived = {name for name in r.secrets.known if "write key" in name}
        assert given == set(r.secrets.known) - derived, set(r.secrets.known) - derived - given
        assert len(derived) == 4 * DEVICES, derived  # two legs, two directions
        lost = [name for name in derived if not r.looks["awake"].flags_of(name)]
        assert not lost, lost


def scalar(pki, name):
    """The private part of a key on P-256."""
    text = pki.openssl("pkey", "-in", pki.path(name + ".key"), "-noout", "-text")
    digits = re.search(r"priv:\s*([0-9a-f:\s]+)pub:", text).group(1)
    return bytes.fromhex(re.sub(r"[:\s]", "", digits))[-RANDOM:].rjust(RANDOM, b"\0")


def test_I5_R195_the_gateways_own_key_is_in_no_core_dump_and_gone_after_a_reload():
    device = Device("urn:secret:own")
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder, Pki() as pki:
        make(pki)
        with Lab([device], listener=listener(pki), settings="workers = 1;") as lab:
            secrets = Secrets()
            secrets.add("first key", scalar(pki, "gw"))
            let_in(lab, "urn:dev:x", "--certificate-name", "urn:dev:x")
            served(lab, pki, x509(lab, pki, "dev"))
            pid = lab.gateway.child.pid
            there = [m for m, data in memory(pid) if secrets.names_in(data)]
            assert there and all("dd" in m.flags for m in there), [str(m) for m in there]
            assert not secrets.found(core_of(pid, folder))
            os.unlink(pki.path("gw.key"))
            pki.server("gw", "gw.example")
            lab.ctl("reload")
            served(lab, pki, x509(lab, pki, "dev"))
            # Whoever was served by the first one is forgotten, too.
            lab.until(lambda: lab.status()["handshakes"] == 0)
            secrets.add("second key", scalar(pki, "gw"))
            found = [names for _, data in memory(pid) for names in secrets.names_in(data)]
            assert set(found) == {"second key"}, found
            assert not secrets.found("\n".join(lab.gateway.lines).encode())


def test_R195_the_kernel_writes_no_core_dump():
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    dumps = abort(other.pid)
    other.wait()
    for name in os.listdir("."):
        if name in ("core", f"core.{other.pid}"):
            os.unlink(name)
    assert dumps, "this machine writes no core dumps, so nothing is shown"
    assert not any(r.dumped for r in runs())


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
