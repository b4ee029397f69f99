# SPDX-License-Identifier: Apache-2.0
"""Keyed devices, a BSF, and who gives the keys (the stand-in of sms_keyed_standin), over
lwgate-smsd and an SMSC."""

import os
import tempfile
import time

import uicc as card  # noqa: E402  (of tests/lab)
from harness import DEADLINE_S, Process, binary, free_port
from pki import Pki
from sms_card import Ours
from sms_keyed import CardDevice, KeyedDevice, Life, Rough
from sms_keyed_bsf import LabBsf, files, impi_of, settings
from sms_keyed_standin import Row, StandIn
from sms_packet import SPI1, Keys
from sms_world import SMSCS, Network, bridge_text

HOUR_S = 3600
RFM_TAR = bytes.fromhex("b00010")


def ask_conf(bsf, pki, write, **more):
    """A configuration for ask-bsf."""
    return write(
        "ask.conf",
        f'listeners = ( {{ address = "127.0.0.1"; port = {free_port()}; }} );\n'
        'upstream = { address = "127.0.0.1"; };\nstore = { path = ""; };\n'
        + settings(bsf, pki, write, **more),
    )


def ota_keys():
    return Keys(
        os.urandom(16), os.urandom(16), spi=bytes([SPI1, 0x39]), kic=0x22, kid=0x22, tar=RFM_TAR
    )


def card_file(key=b"", size=160):
    """What the operator has personalised: an account without keys for short messages, or with."""
    row = {card.URI: b"coap://lwm2m.example", card.IS_BOOTSTRAP: b"\0", card.MODE: b"\3"}
    row.update({card.SMS_MODE: b"\2", card.SMS_PARAMS: bytes.fromhex("12121600bfff01")})
    row.update({card.SMS_KEYS: key or bytes(range(32)), card.SHORT_ID: b"\x65"})
    return card.bootstrap_file(row, size)


class KeyWorld:
    """with KeyWorld() as w: d = w.device("447700900001")"""

    def __init__(self, smsc="npm", where="me", client=None, token=True, bsf=None, **gateway):
        self.smsc, self.where, self.gateway_settings = smsc, where, gateway
        self.client_settings, self.token, self.bsf_settings = client or {}, token, bsf or {}
        self.devices, self.lives, self.children = [], [], []
        self.begun = time.monotonic()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        return path

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="lwgate-test-")
        self.folder = self.temporary.name
        self.network = self.bsf = self.gateway = None
        self.pki = files(Pki().__enter__())
        try:
            self.bsf = LabBsf(self.pki, self.folder, self.token, **self.bsf_settings).__enter__()
            conf = ask_conf(self.bsf, self.pki, self.write, timeout_s=2, **self.client_settings)
            self.gateway = StandIn(os.path.join(self.folder, "sms"), conf, **self.gateway_settings)
            port = free_port()
            self.network = Network(SMSCS[self.smsc], port)
            self.write("smsc.password", "secret")
            text = bridge_text(self.folder, port)
            argv = [binary("lwgate-smsd"), "-c", self.write("lwgate-smsd.conf", text)]
            self.children.append(Process(argv))
            self.network.until_bound()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        for life in self.lives:
            life.ended.set()
        if error and error[0] is not None:
            for d in self.devices:
                print(f"# {d.endpoint}: {dict(d.pushes)} faults {d.faults[-5:]} sets {len(d.sets)}")
            for row in self.gateway.rows.values() if self.gateway else ():
                print(f"# row {row.endpoint}: {dict(row.state)} {row.causes[-5:]}")
            print(f"# bsf: {self.bsf.process.lines[-5:] if self.bsf else None}")
        if self.network:
            self.network.close()
        for child in self.children:
            child.kill()
        if self.gateway:
            self.gateway.close()
        if self.bsf:
            self.bsf.__exit__()
        self.pki.__exit__()
        self.temporary.cleanup()
        if self.gateway and self.gateway.failed and not (error and error[0]):
            raise self.gateway.failed[0]

    def join(self, device):
        device.network = self.network
        self.network.devices[device.number] = device
        self.devices.append(device)
        return device

    def device(self, number):
        """A new subscriber that has no keys yet."""
        impi = impi_of(number)
        usim = self.bsf.subscribe(impi)
        device = self.join(KeyedDevice("urn:keyed:" + number, number, usim))
        device.row = self.gateway.add(Row(device.endpoint, number, impi, self.where))
        return device

    def card_device(self, number, form="compact", retry_ms=2000):
        """One with a smartcard, whose first keys the server has from its maker."""
        ota, file = ota_keys(), card_file(os.urandom(32))
        device = self.join(
            CardDevice("urn:card:" + number, number, card.Uicc(ota, {card.BOOTSTRAP: file}))
        )
        peer = Ours().__enter__()
        assert peer.ota(ota, form, retry_ms=retry_ms) == "good"
        row = Row(device.endpoint, number, card=(peer, file))
        device.row = self.gateway.add(row)
        self.gateway.provision(row, device.keys)
        return device

    def live(self, device, every_s, **more):
        life = Life(device, every_s, **more)
        self.lives.append(life)
        life.start()
        return life

    def rough(self, device, seed, **more):
        return Rough(self.network, device, seed, **more)

    @staticmethod
    def until(wanted, seconds=DEADLINE_S):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = wanted()
            if value:
                return value
            time.sleep(0.02)
        raise TimeoutError(f"not within {seconds} s: {wanted}")

    def sent_to(self, device):
        return [e for e in self.network.submitted if e["to"].lstrip("+") == device.number]

    def tell_cost(self):
        """Short messages a device and hour, both ways."""
        hours = (time.monotonic() - self.begun) / HOUR_S
        for d in self.devices:
            down, up = len(self.sent_to(d)), sum(s.counter for s in d.sets)
            print(
                f"#| {d.endpoint}: {down} messages to it, {up} packets from it, {len(d.sets)} key"
                f" sets in {hours * HOUR_S:.0f} s: {down / hours:.0f} and {up / hours:.0f} an hour",
                flush=True,
            )


def judge(device):
    """What must hold of every device at any time."""
    assert not device.faults, device.faults
    keys = [(s.keys.cipher_key, s.keys.check_key) for s in device.sets]
    assert len(set(keys)) == len(keys), "keys a second time"
    for s in device.sets:
        assert sorted(s.sent) == list(range(1, s.counter + 1)), "counters from 1, each once"
        assert len(set(s.sent.values())) == len(s.sent)
        # Both directions have counters of their own and the same keys: never the same octets.
        assert not set(s.sent.values()) & set(s.taken.values()), "reflected"
