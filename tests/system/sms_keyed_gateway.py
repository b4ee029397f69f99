# SPDX-License-Identifier: Apache-2.0
"""A whole gateway (sms_world) whose devices get their keys from it: by GBA Push from the lab's
BSF, or into their smartcards."""

import json
import os
import signal
import sys
import tempfile
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import uicc as card  # noqa: E402  (the path comes first)
from harness import DEADLINE_S
from pki import Pki
from sms_keyed import (  # noqa: F401  (judge is for the tests)
    CardDevice,
    KeyedDevice,
    Life,
    Rough,
    card_file,
    judge,
    ota_keys,
)
from sms_keyed_bsf import LabBsf, files, impi_of, settings
from sms_packet import LWM2M_DEVICE, Keys
from sms_world import SmsWorld

# What is lost is tried again within seconds; a BSF is given up sooner than that.
QUICK = "answer_s = 3; backoff_s = 1;"


class Subscriber(KeyedDevice):
    """A device that has a USIM and no keys yet. Its subscription is made when the world begins."""

    def __init__(self, number, where="me", first=False):
        """first: it has keys that the operator gave."""
        own = Keys(os.urandom(16), os.urandom(16), tar=LWM2M_DEVICE) if first else None
        super().__init__("urn:keyed:" + number, number, first=own)
        self.impi, self.where, self.own = impi_of(number), where, own

    def credential(self):
        own = self.own
        own = f'key = "{(own.cipher_key + own.check_key).hex()}";' if own else ""
        return f'renew = "gba-push"; subscriber = "{self.impi}"; gba = "{self.where}";', own


class Carded(CardDevice):
    """A device with a smartcard; the server has the keys that its maker has put there."""

    def __init__(self, number, form="compact"):
        self.ota, self.form = ota_keys(), form
        file = card_file(os.urandom(32))
        super().__init__("urn:card:" + number, number, card.Uicc(self.ota, {card.BOOTSTRAP: file}))

    def credential(self):
        o = self.ota
        key = (o.cipher_key + o.check_key).hex()
        own = (self.keys.cipher_key + self.keys.check_key).hex()
        return (
            f'renew = "smartcard"; ota = {{ key = "{key}"; kic = 0x{o.kic:02x}; '
            f'kid = 0x{o.kid:02x}; tar = "{o.tar.hex()}"; spi2 = 0x{o.spi[1]:02x}; cc_len = 8; '
            f'file = "{card.BOOTSTRAP.hex()}"; format = "{self.form}"; }};',
            f'key = "{own}";',
        )


def credential_text(device):
    more, key = device.credential()
    return (
        f'{{ endpoint = "{device.endpoint}"; {key}\n'
        f'  sms = {{ number = "{device.number}"; profile = "cr-004"; tar = "bfff01"; {more} }};\n'
        f'  upstream_identity = "{device.up_identity}"; upstream_key = "{device.up_key}"; }}'
    )


class KeyedGateway(SmsWorld):
    """with KeyedGateway([Subscriber("447700900111")]) as w"""

    def __init__(
        self, devices, keys="", token=True, client=None, lifetime_s=86400, asleep=(), **more
    ):
        """asleep: devices that have no credential before wake()."""
        self.pki = files(Pki().__enter__())
        self.own = tempfile.TemporaryDirectory(prefix="lwgate-bsf-")
        self.bsf = LabBsf(self.pki, self.own.name, token, lifetime_s=lifetime_s).__enter__()
        for device in devices:
            if isinstance(device, Subscriber):
                device.usim = self.bsf.subscribe(device.impi)
        self.lives, self.asleep = [], set(asleep)
        self.begun = time.monotonic()
        self.events_file = os.path.join(self.own.name, "events")
        text = f'events = {{ file = "{self.events_file}"; }};\n'
        client = {k: v.format(port=self.bsf.port) for k, v in (client or {}).items()}
        text += settings(self.bsf, self.pki, self._secret, timeout_s=2, **client)
        with open(os.path.join(self.own.name, "card.bin"), "wb") as f:
            f.write(card_file())
        text += f'\nsms_keys = {{ {QUICK} card_file = "{f.name}"; {keys} }};'
        super().__init__(devices, settings=more.pop("settings", "") + "\n" + text, **more)

    def _secret(self, name, text):
        path = os.path.join(self.own.name, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        return path

    def _credentials(self):
        awake = [d for d in self.devices if d not in self.asleep]
        return "credentials = (\n" + ",\n".join(map(credential_text, awake)) + "\n);\n"

    def wake(self, device):
        self.asleep.remove(device)
        self.write("credentials.conf", self._credentials())
        self.ctl("credential", "import", self.path("credentials.conf"))

    def kill_gateway(self):
        self.gateway.child.send_signal(signal.SIGKILL)
        self.gateway.child.wait(DEADLINE_S)
        self.children.remove(self.gateway)

    def __exit__(self, *error):
        for life in self.lives:
            life.ended.set()
        if error[0] is not None:
            for d in self.devices:
                print(f"# {d.endpoint}: {dict(d.pushes)} sets {len(d.sets)} faults {d.faults[-3:]}")
            print(f"# bsf: {self.bsf.process.lines[-5:]}")
        try:
            super().__exit__(*error)
        finally:
            self.bsf.__exit__()
            self.own.cleanup()
            self.pki.__exit__()

    def live(self, device, every_s, **more):
        life = Life(device, every_s, **more)
        self.lives.append(life)
        life.start()
        return life

    def rough(self, device, seed, **more):
        return Rough(self.network, device, seed, **more)

    def sent_to(self, device):
        return [e for e in self.network.submitted if e["to"].lstrip("+") == device.number]

    def keys_of(self, device):
        """What lwgatectl says of its key sets."""
        return json.loads(self.ctl("--json", "sms", "keys", device.endpoint))

    def refresh(self, device):
        self.ctl("sms", "refresh", device.endpoint)

    def events(self, device=None):
        """What has become of key sets, in the chronicle; of one device, or of all."""
        if not os.path.exists(self.events_file):
            return []
        with open(self.events_file, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f.read().splitlines()]
        return [
            e
            for e in lines
            if e.get("event") == "sms-keys" and (not device or e["endpoint"] == device.endpoint)
        ]

    def until_state(self, device, *states, seconds=DEADLINE_S):
        """What lwgatectl says once it is in one of these states."""
        return self.until(
            lambda: next((k for k in [self.keys_of(device)] if k["state"] in states), None), seconds
        )

    def tell_cost(self):
        """Short messages a device and hour, both ways."""
        hours = (time.monotonic() - self.begun) / 3600
        for d in self.devices:
            down, up = len(self.sent_to(d)), sum(s.counter for s in d.sets)
            print(
                f"#| {d.endpoint}: {down} messages to it, {up} packets from it, {len(d.sets)} key"
                f" sets in {hours * 3600:.0f} s: {down / hours:.0f} and {up / hours:.0f} an hour",
                flush=True,
            )
