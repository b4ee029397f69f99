# SPDX-License-Identifier: Apache-2.0
"""The stage of an interoperability run with Leshan: a folder, the Java programs, a lwgated, and an
end at which nothing is left over."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import peers
from peers import need

START_S = 30
ANSWER_S = 20
FIRST_RETRY_MS = "100"  # four more follow, each after twice the time
RETRY_S = 0.05  # lwgated says that it is ready by answering lwgatectl; asked this often
JAVA = ["java", "-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Stage:
    """The processes of one run."""

    LIMIT_S = 170

    def __init__(self, options, folder):
        self.direct = options.direct
        self.bin = pathlib.Path(options.bin).resolve()
        self.folder = folder
        self.build = peers.root_folder() / "build" / "interop" / "leshan"
        self.children = []
        self.gateways = []  # the one that runs last
        self.paths = contextlib.ExitStack()
        self.config = folder / "lwgate.conf"
        self.socket = folder / "control"

    def build_java(self):
        java = peers.build_java(pathlib.Path(__file__).resolve().parent, self.build)
        signal.alarm(self.LIMIT_S)  # not sooner: Maven's first download takes what it takes
        level = os.environ.get("INTEROP_LOG", "info")
        self.java = [*JAVA, f"-Dorg.slf4j.simpleLogger.defaultLogLevel={level}",
                     "-Dorg.slf4j.simpleLogger.showDateTime=true",
                     "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS", "-cp", java]

    def start_server_program(self, name, program, words):
        server = peers.Server(name, [*self.java, program, *words], self.build, START_S)
        self.children.append(server)
        server.open()
        return server

    def start_device_program(self, name, *words):
        return self.start_told(name, "InteropClient", words)

    def start_told(self, name, program, words):
        """A Java program that tells what happens line by line, as a device does."""
        child = peers.Device(name, [*self.java, program, *words], self.build)
        self.children.append(child)
        return child

    def write_private(self, name, text):
        path = self.folder / name
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w",
                  encoding="utf-8") as f:
            f.write(text)

    def check_gateway(self):
        for program in ("lwgated", "lwgatectl"):
            need((self.bin / program).exists(), f"{self.bin / program} is missing: run make")
        done = self.program("lwgated", "-n", "-c", self.config)
        need(done.returncode == 0, f"status {done.returncode}\n{done.stdout}")

    def start_gateway(self, name="lwgated"):
        gateway = peers.Child(name, [str(self.bin / "lwgated"), "-c", str(self.config)],
                              self.build)
        self.gateway = gateway
        self.gateways.append(gateway)
        self.children.append(gateway)
        deadline = time.monotonic() + START_S
        while self.control("status").returncode:
            need(gateway.running(), "lwgated has ended")
            need(time.monotonic() < deadline, f"lwgated not ready within {START_S} s")
            time.sleep(RETRY_S)

    def end_gateway(self):
        self.gateway.signal(signal.SIGTERM)
        status = self.gateway.wait(ANSWER_S)
        need(status == 0, f"lwgated ended with status {status}")
        need(not self.socket.exists(), "the control socket was left behind")

    def program(self, name, *words):
        return subprocess.run(
            [str(self.bin / name), *map(str, words)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=ANSWER_S,
            check=False)

    def control(self, *words):
        return self.program("lwgatectl", "-s", self.socket, *words)

    def gateway_logs(self):
        return "".join(gateway.log.read_text(encoding="utf-8", errors="replace")
                       for gateway in self.gateways)

    def checks(self, tap):
        raise NotImplementedError


def refusal_of(mine):
    """Why a device was refused in the handshake, by an alert or by silence (as Leshan does), when
    the peer has seen what is shown."""
    need(mine["state"] == "failed", f"the handshake: {mine}")
    need("flight 5" in mine["reason"] or "alert" in mine["reason"].lower()
         or "verified" in mine["reason"], f"it did not come as far as the key: {mine}")


def perform(make, parser):
    """Runs a Stage made by make(options, folder); the exit status."""
    parser.add_argument("--direct", action="store_true",
                        help="the device speaks to the server without lwgated")
    parser.add_argument("--bin", help="where lwgated and lwgatectl are",
                        default=peers.root_folder() / os.environ.get("BUILD", "build/release"))
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, _stop_at_signal)
    began = time.monotonic()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="lwgate-interop-"))
    stage = make(options, folder)
    stage.build.mkdir(parents=True, exist_ok=True)
    for old in stage.build.glob("*.log"):
        old.unlink()
    tap = peers.Tap()
    good = False
    try:
        stage.checks(tap)
        good = not tap.failed
    finally:
        for child in reversed(stage.children):
            child.kill()
        stage.paths.close()
        shutil.rmtree(folder)
        if not good:
            sys.stdout.flush()
            peers.print_tails(stage.children)
            if not stage.direct:
                print(f"# is it the pair's? ask {parser.prog} --direct", file=sys.stderr)
    print(f"# {time.monotonic() - began:.1f} s, logs in {stage.build}")
    return tap.close()


def _stop_at_signal(number, _frame):
    raise SystemExit(f"ended by {signal.Signals(number).name}"
                     + (": not done in time" if number == signal.SIGALRM else ""))
