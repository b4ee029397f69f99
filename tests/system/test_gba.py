#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The vectors of tests/data/gba, which the unit tests of gateway/gba compare with, computed anew by
the openssl program."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../data/gba/vectors.txt")


def lines(derive):
    with open(FILE, encoding="ascii") as f:
        rows = [line.split() for line in f if not line.startswith("#")]
    found = [row for row in rows if (row[1] == "derive") == derive]
    assert len(found) >= 4, found
    return found


def mac(key, data):
    done = subprocess.run(
        ["openssl", "mac", "-digest", "SHA256", "-macopt", "hexkey:" + key, "HMAC"],
        input=data,
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip().lower()


def test_ks_naf():
    for name, where, ks, rand, impi, fqdn, ua, s, ks_naf in lines(False):
        wanted = b"\x01"
        naf_id = fqdn.encode() + bytes.fromhex(ua)
        for part in (where.encode(), bytes.fromhex(rand), impi.encode(), naf_id):
            wanted += part + len(part).to_bytes(2, "big")
        assert wanted.hex() == s, name
        assert mac(ks, wanted) == ks_naf, name


def with_parity(text):
    bits = bin(int(text, 16))[2:].zfill(len(text) * 4)
    groups = [bits[i : i + 7] for i in range(0, 168, 7)]
    return "".join(f"{int(g + str(1 - g.count('1') % 2), 2):02x}" for g in groups)


def test_keys_of_packets():
    for name, _, ks_naf, *labels, kind, kic, kid in lines(True):
        for label, key in zip(labels, (kic, kid), strict=True):
            secret = mac(ks_naf, label.encode())
            wanted = secret[:32] if kind == "aes" else with_parity(secret[:42])
            assert wanted == key, (name, label)


run_tests([test_ks_naf, test_keys_of_packets])
