#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who asks for an upgrade learns what came of it: the new program answers, or the old one goes on,
or nobody is there any more."""

import json
import re
import select
import socket
import sys
import threading

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
from intruder import Hung, thread_named  # noqa: E402
from manager import ServiceLab  # noqa: E402

DEVICE = Device("urn:dev:0")


def test_it_returns_when_the_new_program_answers():
    with Lab([DEVICE], store="") as lab:
        pid = lab.gateway.child.pid
        for _ in range(3):
            version = json.loads(lab.ctl("--json", "status"))["version"]
            told = lab.ctl("upgrade")
            assert told == f"upgraded: version {version} goes on, after {version}\n", told
            assert json.loads(lab.ctl("--json", "status"))["uptime_s"] <= 1, "the old one answers"
            lab.gateway.wait_line(" ready ")
        assert lab.gateway.child.pid == pid and lab.gateway.child.poll() is None
        told = json.loads(lab.ctl("--json", "upgrade"))
        assert set(told) == {"done"} and "goes on" in told["done"], told


def test_a_program_that_does_not_take_the_configuration_changes_nothing():
    with Lab([DEVICE], store="") as lab:
        good = open(lab.path("lwgate.conf"), encoding="utf-8").read()
        lab.write("lwgate.conf", good + "wrong = 1;\n")
        for _ in range(2):
            told = lab.ctl("upgrade", check=False)
            assert told.returncode == 1, told
            assert re.fullmatch(
                rb"lwgatectl: the program that is installed now does not take the configuration, "
                rb"and version \S+ goes on; its log says why; correct that and try again\n",
                told.stderr,
            ), told
        lab.gateway.wait_line("unknown key wrong")
        told = lab.ctl("--json", "upgrade", check=False)
        assert told.returncode == 1 and "remedy" in json.loads(told.stdout), told
        lab.write("lwgate.conf", good)
        assert "goes on" in lab.ctl("upgrade")


def test_without_a_store_it_is_not_begun():
    with Lab([DEVICE]) as lab:
        told = lab.ctl("upgrade", check=False)
        assert told.returncode == 1 and b"set store.path" in told.stderr, told


def test_a_program_that_starts_and_fails_is_told():
    with Lab([DEVICE], store="") as lab:
        with open(lab.store_path("keyring"), "wb") as f:
            f.write(b"no keyring")
        told = lab.ctl("upgrade", "--for", "3s", check=False)
        assert told.returncode == 3 and b"look into its log" in told.stderr, told
        assert lab.gateway.child.wait(DEADLINE_S) == 1


def test_nobody_has_to_wait():
    with Lab([DEVICE], store="") as lab:
        assert "is tried with" in lab.ctl("upgrade", "--no-wait")
        lab.gateway.wait_line("info upgrade program=")
        lab.gateway.wait_line(" ready ")
        told = lab.ctl("upgrade", "--for", "soon", check=False)
        assert told.returncode == 2 and b"--for" in told.stderr, told


def test_who_asks_while_the_old_one_ends_is_answered_by_the_new_one():
    settings = "workers = 1;"
    with ServiceLab([DEVICE], store="", settings=settings, watchdog_s=60) as lab:
        lab.manager.wait("READY")
        argv = [binary("lwgatectl"), "-s", lab.path("control"), "upgrade"]
        with Hung(thread_named(lab.gateway.child.pid, "worker-0")):
            asks = lab.start(argv)  # it asks again and again
            lab.manager.wait("RELOADING")  # nobody answers any more
            assert b"no answer" in lab.ctl("status", check=False).stderr
        assert "upgraded: version" in asks.wait_line(lambda line: True), asks.lines
        assert asks.child.wait(DEADLINE_S) == 0


# --- handshakes under way -------------------------------------------------------------------------

HELLO_DONE = 14


class Holding:
    """Between one device and the gateway: what the device says after the ServerHelloDone is held
    back until go()."""

    def __init__(self, lab):
        self.ours, self.theirs = (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)
        )
        self.ours.bind(("127.0.0.1", 0))
        self.theirs.connect(("127.0.0.1", lab.port))
        self.port = self.ours.getsockname()[1]
        self.device, self.held = None, []
        self.holds, self.ended = False, False
        self.changed = threading.Condition()
        threading.Thread(target=self._pass, daemon=True).start()

    def _pass(self):
        while not self.ended:
            ready, _, _ = select.select([self.ours, self.theirs], [], [], 0.1)
            with self.changed:
                if self.ours in ready:
                    data, self.device = self.ours.recvfrom(2048)
                    (self.held.append if self.holds else self.theirs.send)(data)
                if self.theirs in ready:
                    data = self.theirs.recv(2048)
                    # Its last record is a message without a body, of that type.
                    if data[-25:-22] == b"\x16\xfe\xfd" and data[-12] == HELLO_DONE:
                        self.holds = True
                    self.ours.sendto(data, self.device)
                self.changed.notify_all()

    def wait(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.held, DEADLINE_S), "no second flight"

    def go(self):
        with self.changed:
            self.holds = False
            for data in self.held:
                self.theirs.send(data)

    def end(self):
        self.ended = True


def test_a_handshake_under_way_is_ended_first():
    with Lab([DEVICE], store="", settings="workers = 1;") as lab:
        between = Holding(lab)
        client = s_client(lab, DEVICE, port=between.port)
        between.wait()
        lab.ctl("upgrade", "--no-wait")
        lab.gateway.wait_line("info upgrade program=")
        s_client(lab, Device("urn:dev:1"))
        lab.until(lambda: lab.status()["deferred"] > 0)  # nobody begins any more
        between.go()
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        lab.gateway.wait_line(" ready ")
        client.child.stdin.write(register_message(DEVICE.endpoint))
        client.child.stdin.flush()
        lab.server.wait_json(lambda e: e.get("event") == "registered")
        assert lab.status()["device_handshakes_done"] == 0, "it was made anew"
        between.end()


def test_who_begins_meanwhile_is_answered_by_the_new_program():
    with Lab([DEVICE, Device("urn:dev:1")], store="", settings="workers = 1;") as lab:
        between = Holding(lab)
        s_client(lab, DEVICE, port=between.port)
        between.wait()  # and says no more
        lab.ctl("upgrade", "--no-wait")
        lab.gateway.wait_line("info upgrade program=")
        client = s_client(lab, lab.devices[1])
        lab.gateway.wait_line(" ready ")
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        assert lab.status()["device_handshakes_done"] == 1, "the old one has answered"
        between.end()


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
