# SPDX-License-Identifier: Apache-2.0
"""The lab's devices that are reached by short messages only, and what carries these:

SmsDevice ~ Network ~ SMSC (npm's smpp) == lwgate-smsd == lwgated
"""

import os
import shutil
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from harness import free_port  # noqa: E402  (the path comes first)
from sms_device import SmsDevice  # noqa: E402
from sms_world import SMSCS, Network, bridge_text, credential_text  # noqa: E402

PROFILES = ("lwm2m-1.0", "cr-004")
ANSWER_S = 60


class SmsSide:
    """What a lab has of it; with no devices it is not there."""

    def __init__(self, lab, count, update_s):
        self.lab, self.update_s = lab, update_s
        self.network = None
        self.leaving = threading.Event()
        self.threads, self.broken = [], []
        self.counts = {"registered": 0, "updated": 0, "deregistered": 0}
        self.devices = [
            SmsDevice(f"urn:lwgate:sms-{n:05}", f"4477009{n:05}", PROFILES[n % 2])
            for n in range(1, count + 1)
        ]
        for device in self.devices:
            device.notifications = 3  # as many as lwgate-labserver waits for

    def path(self, name):
        return os.path.join(self.lab.folder, name)

    def add_credentials(self):
        """To those that the fleet has made, and keeps for itself in fleet.conf."""
        shutil.copy(self.path("credentials.conf"), self.path("fleet.conf"))
        if not self.devices:
            return
        with open(self.path("credentials.conf"), encoding="ascii") as f:
            text = f.read()
        rows = "".join(",\n" + credential_text(d) for d in self.devices)
        end = text.rindex(")")
        with open(self.path("credentials.conf"), "w", encoding="ascii") as f:
            f.write(text[:end].rstrip() + rows + "\n);\n")
        with open(self.path("upstream.keys"), "a", encoding="ascii") as f:
            f.writelines(f"{d.up_identity} {d.up_key} {d.endpoint}\n" for d in self.devices)

    def config(self):
        """Of lwgated."""
        return f'sms = {{ socket = "{self.path("sms")}"; group = ""; }};' if self.devices else ""

    def start(self, stage):
        """The SMSC, and the bridge; None where there is nothing to do."""
        if not self.devices:
            return None
        port = free_port()
        self.network = Network(SMSCS["npm"], port)
        for device in self.devices:
            self.network.devices[device.number] = device
            device.network = self.network
        with open(self.path("smsc.password"), "w", encoding="ascii") as f:
            f.write("secret")
        os.chmod(self.path("smsc.password"), 0o600)
        with open(self.path("lwgate-smsd.conf"), "w", encoding="ascii") as f:
            f.write(bridge_text(self.lab.folder, port))
        return stage.start("lwgate-smsd", "-c", "lwgate-smsd.conf")

    def bound(self):
        return not self.network or self.network.bound

    def go(self):
        """Every device registers, and says that it is there now and then until it is to leave."""
        for device in self.devices:
            thread = threading.Thread(target=self._live, args=(device,), daemon=True)
            self.threads.append(thread)
            thread.start()

    def _live(self, device):
        try:
            device.register(ANSWER_S)
            self.counts["registered"] += 1
            while not self.leaving.wait(self.update_s):
                device.update(ANSWER_S)
                self.counts["updated"] += 1
            device.deregister(ANSWER_S)
            self.counts["deregistered"] += 1
        except Exception as why:  # the lab's checks tell it
            self.broken.append(f"{device.endpoint}: {why}")

    def gone(self):
        """All have left, or cannot."""
        return not any(thread.is_alive() for thread in self.threads)

    def end(self):
        if self.network:
            self.network.close()

    def say(self, story):
        if self.devices:
            sent = len(self.network.submitted)
            heard = sum(len(d.heard) for d in self.devices)
            told = ", ".join(f"{name} {count}" for name, count in self.counts.items())
            story.say(
                f"by SMS: {len(self.devices)} devices: {told}; short messages from devices "
                f"{self.network.delivered[0]}, to them {sent} ({heard} messages)"
            )

    def judge(self, check):
        if not self.devices:
            return
        count = len(self.devices)
        check("SMS: every device's exchanges were answered", not self.broken, self.broken)
        for name in ("registered", "deregistered"):
            check(f"SMS: every device {name}", self.counts[name] == count, self.counts[name])
        check("SMS: devices said Updates", self.counts["updated"] >= count, self.counts["updated"])
        faults = [fault for d in self.devices for fault in d.faults]
        check("SMS: all that came was as agreed, under a counter of its own", not faults, faults)
        lost = sum(d.overtaken for d in self.devices)
        check("SMS: none overtook another", lost == 0, lost)
        check("SMS: all that devices said was taken", not self.network.waiting)
