# SPDX-License-Identifier: Apache-2.0
"""What the benches share: figures with goals, CPU and memory of a process, and the stage: a server,
a relay, a fleet.

A figure is one line: `bench NAME FIGURE VALUE UNIT [goal <=|>= VALUE ok|MISSED]`. Lines that begin
with # are facts.
CPU is a process's own clock (all its threads, user and system), never wall-clock time. Machines are
not steady, so what is
compared runs in interleaved rounds, and the figure is the median of the rounds' ratios.
"""

import json
import os
import platform
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from harness import Process, binary, free_port  # noqa: E402  (the path comes first)

SOURCES = "127.64.0.0/16"  # one upstream socket carries all links, each under its own address
# relay, fleet and server share a core: full batches, no wake-ups across cores, steady figures
LOAD_CORE = 0
# pairs under way at once, over all devices: the same for 100 devices, each with one at most, as for
# 10,000
WINDOW = 96
READY_S = 300


class Figures:
    def __init__(self, name):
        self.name, self.missed = name, 0

    def tell(self, figure, value, unit, at_most=None, at_least=None):
        goal = ""
        if at_most is not None or at_least is not None:
            ok = value <= at_most if at_most is not None else value >= at_least
            self.missed += not ok
            sign, bound = ("<=", at_most) if at_most is not None else (">=", at_least)
            goal = f" goal {sign} {bound:g} {'ok' if ok else 'MISSED'}"
        print(f"bench {self.name} {figure} {value:.4g} {unit}{goal}", flush=True)

    def status(self):
        return 1 if self.missed else 0


def note(text):
    print("# " + text, flush=True)


def machine_facts():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = next(
            (line.split(":", 1)[1].strip() for line in f if line.startswith("model name")),
            platform.machine(),
        )
    linked = subprocess.run(
        ["ldd", binary("lwgated")], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
    )
    crypto = [
        line.split("=>")[1].split()[0]
        for line in linked.stdout.decode().splitlines()
        if "libcrypto" in line and "=>" in line
    ]
    note(
        f"machine: {model}, {os.cpu_count()} processors, Linux {platform.release()}, "
        f"libcrypto {', '.join(crypto) or 'unknown'}; "
        "loopback only"
    )


def spin_ms():
    """How long this core takes for a fixed piece of work now: tells a quiet machine from a busy
    one."""
    begin = time.process_time()
    total = 0
    for i in range(300000):
        total += i * i
    return (time.process_time() - begin) * 1000


def cpu_ns(pid):
    """CPU time of a process, user and system, its threads together, those that have ended too
    (clock_getcpuclockid(3))."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def memory(pid):
    """Bytes by name from smaps_rollup: Rss, Private_Dirty, Anonymous..."""
    found = {}
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as f:
        for line in f:
            words = line.split()
            if words[-1] == "kB":
                found[words[0].rstrip(":")] = int(words[1]) * 1024
    return found


def settled_memory(pid, calm_s=1.5, most_s=20):
    """What stays when a server is left alone: memory() once its Rss has not changed for a while."""
    last, since, end = None, 0.0, time.monotonic() + most_s
    while True:
        now = memory(pid)
        if last is None or now["Rss"] != last["Rss"]:
            last, since = now, time.monotonic()
        elif time.monotonic() - since >= calm_s or time.monotonic() > end:
            return now
        time.sleep(0.1)


def written(pid):
    """Bytes that a process has caused to be written to disks: pages of mapped files count when they
    get dirty."""
    with open(f"/proc/{pid}/io", encoding="ascii") as f:
        return int(next(line for line in f if line.startswith("write_bytes")).split()[1])


def settled_writes(pid, calm_s=8, most_s=60):
    """written(), once all pages are clean and nothing more is written."""
    os.sync()  # a page that is dirty already would not count
    last, since, end = written(pid), time.monotonic(), time.monotonic() + most_s
    while time.monotonic() < end and time.monotonic() - since < calm_s:
        time.sleep(0.5)
        now = written(pid)
        if now != last:
            last, since = now, time.monotonic()
    return last


def sockets(pid):
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            count += os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        except OSError:
            pass  # closed in between
    return count


def sleeps(pid):
    """How often its threads have gone to sleep of their own accord: for a relay about its turns."""
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="utf-8") as f:
            count += next(
                int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches")
            )
    return count


def pin(pid, core):
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), {core})


def median(values):
    return statistics.median(values)


class Stage:
    """Temporary folder and children; all ended and removed at the end of the `with` block, also
    after a failure."""

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="lwgate-bench-")
        self.folder = self.temporary.name
        self.children = []
        return self

    def __exit__(self, *exc):
        for child in reversed(self.children):
            if child.alive():
                child.child.terminate()
        for child in reversed(self.children):
            try:
                child.child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
        self.temporary.cleanup()

    def start(self, argv, core=LOAD_CORE):
        child = Process(argv)
        self.children.append(child)
        if core is not None:
            pin(child.child.pid, core)
        return child

    def end(self, child):
        status = child.stop(20)
        self.children.remove(child)
        return status

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            os.chmod(path, 0o600)
            f.write(text)
        return path


def listening_port(child):
    return int(child.wait_json(lambda o: o.get("event") == "listening")["port"])


def peer(name):
    """The first words of a command: a program of Debian's, which deploy/setup brings, with CCM_8
    allowed where that takes OpenSSL's security level 0."""
    found = shutil.which(name)
    if not found:
        raise SystemExit(f"{name} is missing: run deploy/setup peers")
    level = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "openssl-level0.cnf")
    return ["env", f"OPENSSL_CONF={level}", found]


def await_bound(port, seconds=10):
    """Until somebody has that UDP port: a server that prints nothing when it is ready."""
    wanted = f":{port:04X}"
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with open("/proc/net/udp", encoding="utf-8") as f:
            if any(line.split()[1].endswith(wanted) for line in f):
                return
        time.sleep(0.02)
    raise TimeoutError(f"nobody listens on port {port}")


def peer_credentials(stage, devices):
    """Keys of a fleet, and the same as libcoap's server reads them: its keys are text, and a hint
    goes before."""
    keys = [secrets.token_hex(20) for _ in range(devices)]
    credentials = (
        "credentials = (\n"
        + ",\n".join(
            f'{{ endpoint = "peer-{i}"; identity = "peer-{i}"; key = "{key.encode().hex()}"; '
            f'upstream_identity = "-{i}"; '
            f'upstream_key = "{secrets.token_hex(16)}"; }}'
            for i, key in enumerate(keys)
        )
        + "\n);\n"
    )
    matches = "".join(f"CoAP,peer-{i},{key}\n" for i, key in enumerate(keys))
    return stage.write("peer-credentials", credentials), stage.write("peer-matches", matches)


class Keys:
    """The files for n devices: the gateway's credentials, and what a server must know behind the
    gateway or without it. also: tells them from others' for as many."""

    def __init__(self, stage, devices, also=""):
        self.devices, self.name = devices, f"{devices}{also}"
        self.credentials, self.behind, self.direct = (
            os.path.join(stage.folder, f"{name}-{self.name}")
            for name in ("credentials", "behind", "direct")
        )
        subprocess.run(
            [
                binary("lwgate-fleet"),
                "--devices",
                str(devices),
                "--gen-credentials",
                self.credentials,
                "--gen-keys",
                self.behind,
                "--gen-direct-keys",
                self.direct,
            ],
            check=True,
        )


def start_sink(stage, keys, more=()):
    """An upstream server on our engine that answers everything; its cost per message does not grow
    with its peers."""
    sink = stage.start([binary("sink"), "--listen", "127.0.0.1", "--keys", keys, *more])
    return sink, listening_port(sink)


def start_gateway(stage, keys, server_port, store='path = "";'):
    port = free_port()
    config = stage.write(
        f"lwgate-{keys.name}.conf",
        f"""
workers = 1; user = ""; group = "";
credentials = "{keys.credentials}";
listeners = ( {{ address = "127.0.0.1"; port = {port}; }} );
upstream = {{ address = "127.0.0.1"; port = {server_port};
  sources = [ "{SOURCES}" ]; handshakes_per_s = 4000; }};
store = {{ {store} }};
control = {{ path = "{stage.folder}/control-{keys.name}"; group = ""; }};
log = {{ level = "info"; }};
""",
    )
    gateway = stage.start([binary("lwgated"), "-c", config])
    gateway.wait_line(" ready ")
    pin(gateway.child.pid, LOAD_CORE)  # its workers too
    return gateway, port


def start_floor(stage, server_port):
    floor = stage.start(
        [
            binary("bench-floor"),
            "--listen",
            "127.0.0.1:0",
            "--to",
            f"127.0.0.1:{server_port}",
            "--sources",
            SOURCES,
        ]
    )
    return floor, listening_port(floor)


class Fleet:
    """Devices that are registered (or just connected) and wait for orders."""

    def __init__(self, stage, credentials, devices, port, rate=4000, more=()):
        self.devices = devices
        self.process = stage.start(
            [
                binary("lwgate-fleet"),
                "--server",
                f"127.0.0.1:{port}",
                "--credentials",
                credentials,
                "--devices",
                str(devices),
                "--rate",
                str(rate),
                "--window",
                str(WINDOW),
                "--notify-ms",
                "0",
                "--lifetime-s",
                "86400",
                *more,
            ]
        )
        self.process.wait_json(lambda o: o.get("event") == "all_registered", READY_S)

    def load(self, pairs):
        """Runs so many request/response pairs; returns how many of them were answered."""
        self.process.child.stdin.write(b"load %d\n" % pairs)
        self.process.child.stdin.flush()
        return int(self.process.wait_json(lambda o: o.get("event") == "load", READY_S)["done"])


class Runner:
    """A relay under load from its own fleet: CPU of the relay per pair."""

    def __init__(self, relay, fleet, pairs):
        self.relay, self.fleet, self.pairs = relay, fleet, pairs
        self.costs, self.lost, self.per_turn = [], 0, []

    def round(self, keep=True):
        pid = self.relay.child.pid
        turns, begin = sleeps(pid), cpu_ns(pid)
        done = self.fleet.load(self.pairs)
        spent = cpu_ns(pid) - begin
        if not done:
            raise RuntimeError(f"{self.relay.name}: no pair was answered")
        if keep:
            self.costs.append(spent / done / 1000)
            self.lost += self.pairs - done
            self.per_turn.append(done / max(1, sleeps(pid) - turns))
