# SPDX-License-Identifier: Apache-2.0
"""A gateway with a store, many devices, a server, and somebody on both paths who repeats what he
sees.

    lwgate-fleet == impair == lwgated == impair == lwgate-labserver (libcoap's own DTLS)
                        \\________ watch ________/

The two impairs are the attacker: they send each datagram again some seconds later, and on order all
that they remember. The watch sees each datagram once, where its maker sent it (the fleet's and
lwgated's before, the attacker's not at all), and counts nonces.

What counts as a replay that was accepted: each request of the fleet's load carries a number that no
other copy carries, retransmissions included, and labserver tells which came twice; the server's own
requests are NON with a token each, and the fleet tells which came twice.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from harness import Process, binary, free_port  # noqa: E402  (the path comes first)

MEMORY = "/dev/shm"  # a tmpfs, for the token
OPS = "read,write,execute,observe"


class World:
    """with World(devices) as w: ...; nothing of it is left afterwards, but the folder after a
    failure if LAB_KEEP=1."""

    SERVER = ("--non",)  # what each server gets

    def __init__(self, devices, settings="", store="", seed=1, keep_under=None, workers=0):
        self.devices, self.settings, self.store, self.seed = devices, settings, store, seed
        self.workers = workers
        self.address = "127.0.0.1"  # where devices find the gateway
        self.keep_under = keep_under or os.path.abspath(os.path.join("build", "soak"))
        self.children, self.lives, self.everybody = [], [], []
        self.gateway = self.fleet = self.server = self.watch = None
        self.impairs = []

    # --- the stage

    def __enter__(self):
        os.makedirs(self.keep_under, exist_ok=True)
        # On the disk that the store is made for; what must die with the power, in memory.
        self.folder = tempfile.mkdtemp(prefix="world-", dir=self.keep_under)
        self.memory = tempfile.mkdtemp(prefix="lwgate-soak-", dir=MEMORY)
        self.gateway_port, self.server_port = free_port(), free_port()
        return self

    def __exit__(self, *error):
        for child in reversed(self.children):
            child.kill()
        if error[0] is not None:
            self.tell_lines()
        shutil.rmtree(self.memory, ignore_errors=True)
        if error[0] is not None and os.environ.get("LAB_KEEP") == "1":
            for number, child in enumerate(self.everybody):
                with open(self.path(f"{number}-{child.name}.log"), "w", encoding="utf-8") as f:
                    f.write("\n".join(child.lines) + "\n")
            print(f"# kept {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def tell_lines(self):
        for child in self.children[-12:]:
            print(f"# --- {child.name}")
            for line in child.lines[-12:]:
                print("# " + line[:400])

    def path(self, name):
        return os.path.join(self.folder, name)

    def start(self, *argv):
        child = Process(list(argv))
        self.children.append(child)
        self.everybody.append(child)
        return child

    def make_keys(self):
        subprocess.run(
            [
                binary("lwgate-fleet"),
                "--devices",
                str(self.devices),
                "--gen-credentials",
                self.path("credentials.conf"),
                "--gen-keys",
                self.path("server.keys"),
            ],
            check=True,
        )

    def start_server(self, *more):
        self.server = self.start(
            binary("lwgate-labserver"),
            "--listen",
            "127.0.0.1",
            "--port",
            str(self.server_port),
            "--keys",
            self.path("server.keys"),
            "--rounds",
            "0",
            "--quiet",
            *self.SERVER,
            *more,
        )
        self.server.wait_json(lambda e: e.get("event") == "listening")

    def start_attacker(self, to_port, *more):
        impair = self.start(
            binary("impair"),
            "--listen",
            f"127.0.0.1:{free_port()}",
            "--to",
            f"127.0.0.1:{to_port}",
            "--seed",
            str(self.seed),
            *more,
        )
        port = impair.wait_json(lambda e: e.get("event") == "listening")["port"]
        self.impairs.append(impair)
        return port

    def start_attackers(self, *more):
        self.device_port = self.start_attacker(self.gateway_port, *more)
        self.link_port = self.start_attacker(self.server_port, *more)

    def start_watch(self):
        ports = []
        for port in (self.device_port, self.link_port):
            ports += ["--to", str(port)]
        for port in (self.gateway_port, self.server_port):
            ports += ["--from", str(port)]
        self.watch = self.start(binary("watch"), *ports)
        self.watch.wait_json(lambda e: e.get("event") == "listening")

    def upstreams(self):
        return f"""upstream = {{
  address = "127.0.0.1"; port = {self.link_port}; sources = [ "127.0.1.0/24" ];
}};"""

    def write_config(self):
        with open(self.path("lwgate.conf"), "w", encoding="ascii") as f:
            f.write(f"""workers = {self.workers}; user = ""; group = "";
credentials = "credentials.conf";
listeners = ( {{ address = "{self.address}"; port = {self.gateway_port}; }} );
{self.upstreams()}
handshake = {{ device_initial_ms = 1000; upstream_initial_ms = 1000; count = 4096; }};
store = {{
  path = "{self.path("store")}"; key_file = "{self.path("store.key")}";
  token = "{self.memory}/token"; {self.store}
}};
control = {{ path = "{self.path("control")}"; group = ""; }};
{self.settings}
""")

    def start_gateway(self, seconds=30):
        self.gateway = self.start(binary("lwgated"), "-c", self.path("lwgate.conf"))
        self.lives.append(self.gateway)
        self.gateway.wait_line(" ready ", seconds)

    def start_fleet(self, *more, port=None):
        self.fleet = self.start(
            binary("lwgate-fleet"),
            "--server",
            f"{self.address}:{port or self.device_port}",
            "--credentials",
            self.path("credentials.conf"),
            "--seed",
            str(self.seed),
            *more,
        )

    # --- what happens

    def order(self, child, word):
        child.child.stdin.write(word.encode() + b"\n")
        child.child.stdin.flush()

    def kill_gateway(self, how=signal.SIGKILL):
        """Its exit status; a negative one is the signal's."""
        self.gateway.child.send_signal(how)
        status = self.gateway.child.wait(60)
        self.children.remove(self.gateway)
        return status

    def repeat_all(self, wait=True, seconds=300):
        for impair in self.impairs:
            self.order(impair, "repeat")
        if not wait:
            return
        for impair in self.impairs:
            impair.wait_json(lambda e: e.get("event") == "repeated", seconds)

    def ask(self, child, order="status", event=None, seconds=30):
        """The answer to an order that is answered with a line."""
        self.order(child, order)
        wanted = event or ("summary" if child is self.server else order)
        return child.wait_json(lambda e: e.get("event") == wanted, seconds)

    def summary(self, child, seconds=300, order="quit"):
        if order:
            self.order(child, order)
        summary = child.wait_json(lambda e: e.get("event") == "summary", seconds)
        child.child.wait(30)
        return summary

    def until_registered(self, seconds):
        self.fleet.wait_json(lambda e: e.get("event") == "all_registered", seconds)

    def until_reached(self, seconds=90):
        """Every device answers a request of the server that was sent after this; the last count."""
        self.order(self.server, "mark")
        end = time.monotonic() + seconds
        while True:
            seen = self.ask(self.server)
            if seen["reached"] >= self.devices or time.monotonic() > end:
                return seen["reached"]
            time.sleep(0.25)

    def ctl(self, *words, check=True):
        done = subprocess.run(
            [binary("lwgatectl"), "-s", self.path("control"), *words],
            capture_output=True,
            timeout=60,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"lwgatectl {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode() if check else done

    def status(self):
        return json.loads(self.ctl("--json", "status"))["total"]


class Checks:
    """What must hold: (name, holds, detail), told as it comes."""

    def __init__(self):
        self.rows = []

    def check(self, name, holds, detail=""):
        self.rows.append({"name": name, "ok": bool(holds), "detail": str(detail)})
        mark = "ok      " if holds else "FAILED  "
        print(f"{mark}{name}: {detail}", flush=True)

    def equal(self, name, value, wanted):
        self.check(name, value == wanted, value if value == wanted else f"{value}, not {wanted}")

    def status(self, report=None):
        broken = [row for row in self.rows if not row["ok"]]
        print(f"{len(self.rows) - len(broken)} of {len(self.rows)} checks hold")
        if report:
            with open(report, "w", encoding="utf-8") as f:
                json.dump(self.rows, f)
        return 1 if broken else 0


def fact(name, value):
    print(f"fact    {name}: {value}", flush=True)
