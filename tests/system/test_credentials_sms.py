#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Credentials for short messages as an operator uses them: from files and by lwgatectl, beside
those of other kinds, and where none of their keys may ever stand (I5)."""

import json
import os
import secrets
import signal
import sys

sys.dont_write_bytecode = True
from harness import Device, Lab, run_tests  # noqa: E402

DISK = "any_filesystem = true;"
AGREED = "number={},profile=cr-004,kic=12,kid=12,tar=bfff00,spi2=00,cc_len=8"


class Holder:
    """Who has a number and two keys, and the same upstream as the Device that it also is."""

    def __init__(self, device, number):
        self.device, self.number = device, number
        self.key = secrets.token_hex(32)

    def entry(self, more=""):
        d = self.device
        return (
            f'{{ endpoint = "{d.endpoint}"; sms = {{ number = "{self.number}"; '
            f'profile = "cr-004"; kic = 0x12; kid = 0x12; {more} }}; key = "{self.key}"; '
            f'upstream_identity = "{d.up_identity}"; upstream_key = "{d.up_key}"; }}'
        )

    def row(self):
        d = self.device
        agreed = AGREED.format(self.number)
        return f'{d.endpoint},sms,"{agreed}",{self.key},{d.up_identity},{d.up_key}\n'


def listed(lab):
    rows = json.loads(lab.ctl("--json", "credential", "list"))["credentials"]
    return {(c["endpoint"], c["kind"]): c for c in rows if c["state"] == "active"}


def hides(lab, holders, *texts):
    """No key is in what was printed, or in the store."""
    octets = b"".join(texts)
    for name in os.listdir(lab.store_path()):
        with open(lab.store_path(name), "rb") as f:
            octets += f.read()
    for holder in holders:
        for key in (holder.key.encode(), bytes.fromhex(holder.key), holder.key[32:].encode()):
            assert key not in octets, "a key is there"


def test_one_is_imported_beside_one_for_dtls_in_both_forms():
    device, other = Device("urn:sms:one"), Device("urn:sms:two")
    one, two = Holder(device, "4915100001"), Holder(other, "4915100002")
    with Lab([device, other], store=DISK) as lab:
        file = lab.write("sms.conf", f"credentials = ( {one.entry()} );")
        assert "1 added" in lab.ctl("credential", "import", file)
        titles = "endpoint,kind,sms,key,upstream_identity,upstream_key\n"
        table = lab.write("sms.csv", titles + two.row())
        assert "1 added" in lab.ctl("credential", "import", table)
        now = listed(lab)
        both = {(d.endpoint, kind) for d in (device, other) for kind in ("psk", "sms")}
        assert set(now) == both, now
        agreed = now[(device.endpoint, "sms")]
        assert agreed["number"] == one.number and agreed["key_octets"] == 32, agreed
        assert agreed["sms"]["kic"] == "12" and agreed["sms"]["tar"] == "bfff00", agreed
        # Again is nothing new; and after a restart it is there.
        assert "0 added, 0 replaced, 1 as they were" in lab.ctl("credential", "import", file)
        lab.restart(signal.SIGKILL)
        assert listed(lab) == now
        said = [lab.ctl(*form, "credential", "list") for form in ((), ("--json",))]
        said.append(lab.ctl("credential", "show", device.endpoint, "--purpose", "sms"))
        said.append(lab.ctl("credential", "export"))
        hides(lab, (one, two), *(text.encode() for text in said))


def test_one_is_added_replaced_and_revoked_by_its_kind():
    device = Device("urn:sms:one")
    holder = Holder(device, "4915100001")
    with Lab([device], store=DISK) as lab:
        key = lab.write("sms.key", holder.key)
        up = lab.write("up.key", device.up_key)
        upstream = ("--upstream-identity", device.up_identity, "--upstream-key-file", up)
        words = ("--sms", AGREED.format(holder.number), "--key-file", key)
        lab.ctl("credential", "add", device.endpoint, *words, *upstream)
        shown = json.loads(lab.ctl("--json", "credential", "show", device.endpoint))
        assert shown["kind"] == "psk", shown  # what is not said is not meant
        before = listed(lab)
        changed = AGREED.format(holder.number).replace("spi2=00", "spi2=01")
        lab.ctl("credential", "replace", device.endpoint, "--sms", changed)
        now = listed(lab)[(device.endpoint, "sms")]
        assert now["sms"]["spi2"] == "01" and now["key_octets"] == 32, now
        # What is exported with its keys is what there is.
        copy = lab.path("copy.csv")
        lab.ctl("credential", "export", "--with-secrets", copy)
        with open(copy, encoding="ascii") as f:
            assert holder.key in f.read()
        assert "2 as they were" in lab.ctl("credential", "import", copy)
        lab.ctl("credential", "revoke", device.endpoint, "--purpose", "sms")
        assert listed(lab).keys() == before.keys() - {(device.endpoint, "sms")}
        words = ("--sms", "number=49,kic=11,kid=11", "--key-file", key, *upstream)
        weak = lab.ctl("credential", "add", device.endpoint, *words, check=False)
        assert weak.returncode == 1 and b"write 2 (AES)" in weak.stderr, weak
        hides(lab, (holder,), weak.stdout, weak.stderr)


if __name__ == "__main__":
    run_tests(
        [
            test_one_is_imported_beside_one_for_dtls_in_both_forms,
            test_one_is_added_replaced_and_revoked_by_its_kind,
        ]
    )
