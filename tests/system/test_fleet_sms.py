#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many devices by short messages: those of lwgate-fleet, which is the SMSC, too, through real
lwgate-smsd and lwgated to the labserver. None is lost, also when the bridge and the gateway are
killed in the middle.

Environment: DEVICES (200)."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Lab, binary, free_port, run_tests  # noqa: E402
from sms_world import bridge_text  # noqa: E402

DEVICES = int(os.environ.get("DEVICES", "200"))


class FleetLab(Lab):
    """with FleetLab("cr-004", "--update-s", "5") as lab: the fleet begins."""

    def __init__(self, profile, *fleet):
        self.profile, self.fleet_args = profile, fleet
        self.fleet = self.bridge = None
        super().__init__(
            [],
            ops="read",
            server_args=["--rounds", "1", "--notifications", "0"],
            store="any_filesystem = true;",
            settings='sms = { socket = "{folder}/sms"; group = ""; };',
        )

    def write(self, name, text, mode=0o600):
        if name == "credentials.conf":
            files = [
                word
                for part in ("credentials", "keys", "sms-devices")
                for word in (f"--gen-{part}", self.path(self.named(part)))
            ]
            count = ["--devices", str(DEVICES), "--sms-profile", self.profile]
            argv = [binary("lwgate-fleet"), "--channel", "sms", *count, *files]
            subprocess.run(argv, check=True)
            return
        if name == self.named("keys"):
            return
        super().write(name, text.replace("{folder}", self.folder), mode)

    @staticmethod
    def named(part):
        return {"credentials": "credentials.conf", "keys": "server.keys"}.get(part, part)

    def start_gateway(self):
        super().start_gateway()
        if self.bridge is None:
            self.port_of_smsc = free_port()
            self.write("smsc.password", "secret")
            self.write("lwgate-smsd.conf", bridge_text(self.folder, self.port_of_smsc))
            self.start_fleet()
            self.start_bridge()

    def start_fleet(self):
        files = ["--sms-devices", self.path("sms-devices")]
        ends = ["--channel", "sms", "--smsc-port", str(self.port_of_smsc), "--rate", "100"]
        argv = [binary("lwgate-fleet"), *ends, *files, *self.fleet_args]
        self.fleet = self.start(argv)

    def start_bridge(self):
        self.bridge = self.start([binary("lwgate-smsd"), "-c", self.path("lwgate-smsd.conf")])

    def kill_bridge(self):
        self.bridge.child.send_signal(signal.SIGKILL)
        self.bridge.child.wait(DEADLINE_S)
        self.children.remove(self.bridge)
        self.start_bridge()

    def says(self, event, wanted=lambda e: True, seconds=120):
        return self.fleet.wait_json(lambda e: e.get("event") == event and wanted(e), seconds)

    def ends(self):
        self.fleet.child.stdin.write(b"quit\n")
        self.fleet.child.stdin.flush()
        said = self.says("summary")
        assert self.fleet.child.wait(DEADLINE_S) == 0
        return said


def is_clean(said):
    faults = ("unknown", "broken", "forged", "replayed", "unwrapped", "malformed")
    assert all(said[name] == 0 for name in faults), said
    assert said["done"] == DEVICES and said["waiting"] == 0, said


def life(profile):
    with FleetLab(profile, "--update-s", "5") as lab:
        lab.says("all_registered")
        lab.says("progress", lambda e: e["served"]["read"] >= DEVICES)
        before = lab.says("progress")["mo"]
        lab.says("progress", lambda e: e["mo"] >= before + DEVICES)
        said = lab.ends()
        is_clean(said)
        ended = said["exchanges"]
        assert ended["register"]["answered"] == ended["register"]["begun"] == DEVICES, ended
        assert ended["update"]["answered"] >= DEVICES, ended
        assert ended["deregister"]["answered"] == DEVICES, ended
        assert said["again"] == said["retransmitted"] == said["refused"] == 0, said
        spent = said["mo_segments"] + said["mt_segments"]
        print(f"# {profile}: {DEVICES} devices, {spent} short messages, {said['ms']} ms")


def test_devices_of_the_change_request():
    life("cr-004")


def test_cards():
    life("lwm2m-1.0")


def test_kills_lose_nobody():
    with FleetLab("cr-004", "--update-s", "3") as lab:
        lab.says("progress", lambda e: 0 < e["registered"])
        lab.kill_bridge()
        lab.restart()
        lab.says("progress", lambda e: e["registered"] == DEVICES)
        # What has come to the bridge, and has no answer, is not taken.
        lab.gateway.child.send_signal(signal.SIGSTOP)
        lab.says("progress", lambda e: e["waiting"] >= 10)
        lab.kill_bridge()
        lab.gateway.child.send_signal(signal.SIGCONT)
        before = lab.says("progress")["mo"]
        lab.says("progress", lambda e: e["mo"] >= before + DEVICES)
        said = lab.ends()
        assert said["binds"] >= 3 and said["done"] == DEVICES, said
        assert said["exchanges"]["deregister"]["answered"] == DEVICES, said
        # A bridge that is killed may say again what the SMSC has: its counter tells the device.
        assert said["forged"] == said["broken"] == said["unwrapped"] == 0, said
        assert said["again"] == said["retransmitted"] == 0, said


run_tests([test_devices_of_the_change_request, test_cards, test_kills_lose_nobody])
