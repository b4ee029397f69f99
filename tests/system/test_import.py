#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl credential import of what people have: Leshan's security store in each form, contents
of Security Objects, CSV; first dry, then all or nothing, and then devices really come in.
"""

import base64
import contextlib
import hashlib
import hmac
import json
import os
import secrets
import signal
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    binary,
    coap_client,
    run_tests,
)

DISK = "any_filesystem = true;"
STANDING = "urn:import:standing"


def derived(master, endpoint):
    """HKDF-SHA256, as lwgate-credentials(5) has it: 16 octets."""
    first = hmac.digest(b"lwgate upstream psk v1", bytes.fromhex(master), "sha256")
    return hmac.digest(first, endpoint.encode() + b"\1", "sha256")[:16].hex()


@contextlib.contextmanager
def gateway(*devices):
    """One that knows nobody but a device of its file, and derives upstream keys: exports have
    none. The server knows the devices that are to come."""
    with Lab([Device(STANDING)], store=DISK) as lab:
        secret = secrets.token_hex(32)
        master = lab.write("master", secret)
        with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
            text = f.read()
        set_it = f'upstream = {{ master_secret_file = "{master}"; '
        lab.write("lwgate.conf", text.replace("upstream = { ", set_it))
        lab.restart(signal.SIGTERM)
        for device in devices:
            device.up_identity, device.up_key = device.endpoint, derived(secret, device.endpoint)
        lab.devices += devices
        lab.server.stop()
        lab.start_server()
        yield lab


def imports(lab, *words, status=0, given=None):
    """(what was said on the standard output, on the standard error)"""
    done = subprocess.run(
        [
            binary("lwgatectl"),
            "-s",
            lab.path("control"),
            "credential",
            "import",
            *words,
        ],
        input=given,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == status, (words, done)
    return done.stdout.decode(), done.stderr.decode()


def dry(lab, *words, status=0):
    """What an import would do, by endpoint; it must have changed nothing."""
    before = listed(lab)
    done = lab.ctl("--json", "credential", "import", "--dry-run", *words, check=False)
    assert done.returncode == status, done
    assert listed(lab) == before
    return json.loads(done.stdout)


def listed(lab):
    rows = json.loads(lab.ctl("--json", "credential", "list"))["credentials"]
    return {c["endpoint"]: c for c in rows if c["endpoint"] != STANDING}


def public_key():
    """SubjectPublicKeyInfo of a fresh key, as octets."""
    words = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"]
    key = subprocess.run(words, capture_output=True, check=True).stdout
    words = ["openssl", "pkey", "-pubout", "-outform", "DER"]
    return subprocess.run(words, input=key, capture_output=True, check=True).stdout


def digest(der):
    return "sha-256:" + hashlib.sha256(der).hexdigest()


def registers(lab, device):
    path = f"/rd?ep={device.endpoint}&lt=300&lwm2m=1.0&b=U"
    return "2.01" in coap_client(lab, device, path, text="</1/0>", seconds=3)


def leshan2(endpoint, mode, **details):
    tls = {"mode": mode}
    if details:
        tls["details"] = details
    return {"endpoint": endpoint, "tls": tls}


# --- Leshan ---------------------------------------------------------------------------------------


def test_leshan_2_and_a_device_comes_in():
    device = Device("urn:leshan:two")
    with gateway(device) as lab:
        raw = public_key()
        file = lab.write(
            "clients.json",
            json.dumps(
                [
                    leshan2(device.endpoint, "psk", identity=device.identity, key=device.key),
                    leshan2("urn:leshan:raw", "rpk", key=raw.hex()),
                    leshan2("urn:leshan:cert", "x509"),
                ]
            ),
        )
        would = dry(lab, file)
        assert would["add"] == 3 and would["refuse"] == 0, would
        said, _ = imports(lab, file)
        assert "3 added, 0 replaced" in said, said
        rows = listed(lab)
        assert rows["urn:leshan:raw"]["kind"] == "public_key", rows
        assert digest(raw) in json.dumps(rows["urn:leshan:raw"]), rows
        assert rows["urn:leshan:cert"]["kind"] == "certificate", rows
        assert registers(lab, device)
        again = dry(lab, file)
        assert again["same"] == 3 and again["add"] == 0, again


def test_leshan_1_in_all_its_forms():
    raw, other = public_key(), public_key()
    x, y = other[-64:-32], other[-32:]
    with gateway() as lab:
        clients = [
            {
                "endpoint": "psk1",
                "psk": {"identity": "id psk1 \u00e4", "key": secrets.token_hex(16)},
            },
            {
                "endpoint": "raw1",
                "rpk": {
                    "x": "00",
                    "y": "00",
                    "params": "secp256r1 [NIST P-256]",
                    "pkcs8": base64.b64encode(raw).decode(),
                },
            },
            {
                "endpoint": "raw2",
                "rpk": {
                    "x": x.lstrip(b"\0").hex(),  # as a number's octets
                    "y": y.hex(),
                    "params": "secp256r1",
                },
            },
            {"endpoint": "cert1", "x509": True, "psk": None},
            {"ep": "redis", "id": "redis id", "psk": secrets.token_hex(20)},
        ]
        file = lab.write("clients.json", json.dumps(clients, indent=1))
        imports(lab, file)
        rows = listed(lab)
        assert set(rows) == {"psk1", "raw1", "raw2", "cert1", "redis"}, rows
        assert digest(raw) in json.dumps(rows["raw1"]) and digest(other) in json.dumps(rows["raw2"])
        assert "id psk1 \u00e4" in json.dumps(rows["psk1"], ensure_ascii=False), rows["psk1"]


def test_leshan_what_is_refused_is_named_by_line_and_nothing_comes():
    key = secrets.token_hex(16)
    with gateway() as lab:
        clients = [
            leshan2("good", "psk", identity="good", key=key),
            {"endpoint": "oscore", "oscore": {"sid": "AA", "rid": "BB", "msec": key}},
            {"endpoint": "nosec"},
            leshan2("short", "psk", identity="short", key="01020304"),
            {
                "endpoint": "both",
                "x509": True,
                "psk": {"identity": "both", "key": key[::-1]},
            },
            leshan2("nothex", "psk", identity="nothex", key="zz" + key[2:]),
        ]
        file = lab.write("c.json", "[\n" + ",\n".join(json.dumps(c) for c in clients) + "\n]\n")
        would = dry(lab, file, status=1)
        rows = {r["endpoint"]: r for r in would["credentials"]}
        assert rows["good"]["what"] == "add" and would["add"] == 1 and would["refuse"] == 5, would
        for line, name, words in (
            (3, "oscore", "OSCORE"),
            (4, "nosec", "could prove"),
            (5, "short", "octets"),
            (6, "both", "several ways"),
            (7, "nothex", "not hexadecimal"),
        ):
            assert rows[name]["what"] == "refuse" and rows[name]["line"] == line, rows[name]
            assert words in rows[name]["why"], rows[name]
        assert key not in json.dumps(would) and key[2:] not in json.dumps(would)
        _, said = imports(lab, file, status=1)
        assert f"{file}:3: " in said and "OSCORE" in said and "nothing was changed" in said, said
        assert listed(lab) == {}
        text, _ = imports(lab, "--dry-run", file, status=1)
        assert f"add     {file}:2: good\n" in text, text
        assert "dry run: 1 to add, 0 to replace, 0 as they are, 5 refused" in text, text


def test_what_is_there_is_refused_or_replaced():
    first, second = Device("urn:same:one"), Device("urn:same:one")
    with gateway(second) as lab:

        def file(device, name="c.json"):
            one = leshan2(device.endpoint, "psk", identity=device.identity, key=device.key)
            return lab.write(name, json.dumps([one]))

        imports(lab, file(first))
        would = dry(lab, file(second), status=1)
        assert "in the store with another key" in would["credentials"][0]["why"], would
        imports(lab, file(second), status=1)
        would = dry(lab, "--replace", file(second))
        assert would["replace"] == 1 and would["credentials"][0]["line"] == 1, would
        assert not registers(lab, second)
        imports(lab, "--replace", file(second))
        assert registers(lab, second)
        thief = Device("urn:same:two", identity=second.identity)
        would = dry(lab, file(thief), status=1)
        assert "urn:same:one" in would["credentials"][0]["why"], would


def test_a_dry_run_of_csv_shows_all_that_is_wrong():
    with gateway() as lab:
        good, twin = secrets.token_hex(16), secrets.token_hex(16)
        rows = [("one", good), ("two", "00" * 16), ("three", "11"), ("four", twin)]
        text = "endpoint,identity,key\n" + "".join(f"{n},id-{n},{k}\n" for n, k in rows)
        would = dry(lab, lab.write("c.csv", text), status=1)
        assert [(r["endpoint"], r["what"], r["line"]) for r in would["credentials"]] == [
            ("two", "refuse", 3),
            ("three", "refuse", 4),
            ("one", "add", 2),
            ("four", "add", 5),
        ], would
        would = dry(
            lab,
            lab.write(
                "t.csv",
                text.replace(twin, good)
                .replace("00" * 16, "22" * 16)
                .replace(",11\n", f",{secrets.token_hex(16)}\n"),
            ),
            status=1,
        )
        assert would["refuse"] >= 1 and would["add"] < 4, would


# --- Security Objects -----------------------------------------------------------------------------


def tlv(kind, number, value):
    """OMA TLV; kind: 0xc0 a resource, 0x00 an instance."""
    head = kind | (0x20 if number > 255 else 0)
    ident = struct.pack(">H", number) if number > 255 else bytes([number])
    if len(value) < 8:
        return bytes([head | len(value)]) + ident + value
    if len(value) < 256:
        return bytes([head | 0x08]) + ident + bytes([len(value)]) + value
    return bytes([head | 0x10]) + ident + struct.pack(">H", len(value)) + value


def account(device, bootstrap, uri=b"coaps://gw.example:5684"):
    values = {0: uri, 1: bytes([bootstrap]), 2: b"\0", 3: device.identity.encode()}
    values |= {5: bytes.fromhex(device.key), 10: b"\0\x7b"}
    return b"".join(tlv(0xC0, number, value) for number, value in values.items())


def test_security_object_in_tlv_and_a_device_comes_in():
    device, boot = Device("urn:dump:tlv"), Device("urn:dump:tlv", identity="at bootstrap")
    with gateway(device) as lab:
        file = lab.path("account.tlv")
        with open(file, "wb") as f:
            f.write(tlv(0, 0, account(boot, 1)) + tlv(0, 1, account(device, 0)))
        os.chmod(file, 0o600)
        _, said = imports(lab, file, status=2)
        assert "--endpoint NAME" in said, said
        would = dry(lab, "--endpoint", device.endpoint, file)
        assert would["add"] == 2, would
        imports(lab, "--endpoint", device.endpoint, file)
        rows = json.loads(lab.ctl("--json", "credential", "list"))["credentials"]
        assert sorted(r["purpose"] for r in rows if r["endpoint"] != STANDING) == [
            "bootstrap",
            "server",
        ], rows
        assert registers(lab, device)
        os.chmod(file, 0o644)
        _, said = imports(lab, "--endpoint", "urn:dump:other", file, status=2)
        assert "others can read" in said, said


def test_security_object_in_senml_and_lwm2m_json():
    one, two = Device("urn:dump:senml"), Device("urn:dump:old")
    with gateway() as lab:

        def b64(device):
            return base64.urlsafe_b64encode(bytes.fromhex(device.key)).decode().rstrip("=")

        senml = [
            {"bn": "/0/1/", "n": "0", "vs": "coaps://gw.example"},
            {"n": "1", "vb": False},
            {"n": "2", "v": 0},
            {"n": "3", "vd": "aWQtdXJuOmR1bXA6c2VubWw"},
            {"n": "5", "vd": b64(one)},
        ]
        imports(
            lab,
            "--endpoint",
            one.endpoint,
            lab.write("one.json", json.dumps(senml)),
        )
        old = {
            "bn": "/0/0/",
            "e": [
                {"n": "0", "sv": "coap://gw.example"},
                {"n": "2", "v": 0},
                {"n": "3", "sv": "aWQ="},
                {"n": "5", "sv": b64(two)},
            ],
        }
        file = lab.write("two.json", json.dumps(old))
        _, said = imports(lab, "--endpoint", two.endpoint, file, status=1)
        assert "instance 1: resource 0" in said and "coaps" in said, said
        would = dry(lab, "--endpoint", two.endpoint, file, status=1)
        assert would["refuse"] == 1 and "coaps" in would["credentials"][0]["why"], would
        plain = {"e": [{"n": "0/" + e.pop("n"), **e} for e in old["e"]]}  # without a base
        _, said = imports(
            lab,
            "--endpoint",
            two.endpoint,
            lab.write("three.json", json.dumps(plain)),
            status=1,
        )
        assert "instance 1: resource 0" in said, said
        assert set(listed(lab)) == {one.endpoint}
        assert "id-urn:dump:senml" in json.dumps(listed(lab)[one.endpoint])


# --- what is none of them -------------------------------------------------------------------------


def test_what_is_cut_off_or_something_else_changes_nothing():
    key = secrets.token_hex(16)
    with gateway() as lab:
        whole = json.dumps([leshan2("a", "psk", identity="a", key=key)] * 1, indent=1)
        _, said = imports(lab, lab.write("cut.json", whole[:-4]), status=1)
        assert "cut off" in said and key not in said, said
        _, said = imports(lab, lab.write("other.json", '{"hello": [1, 2]}'), status=1)
        assert "no JSON that is known" in said, said
        _, said = imports(lab, "--format", "yaml", lab.write("x", "x"), status=2)
        assert "senml-cbor" in said, said
        said, _ = imports(lab, lab.write("none.json", "[]"))
        assert "0 added" in said, said
        assert listed(lab) == {}
        said, _ = imports(lab, "--format", "leshan", "-", given=whole.encode())
        assert "1 added" in said, said


def test_a_killed_import_leaves_nothing():
    """All or nothing: what was staged by somebody who hangs up is forgotten."""
    with gateway() as lab:
        child = subprocess.Popen(
            [
                binary("lwgatectl"),
                "-s",
                lab.path("control"),
                "credential",
                "import",
                "--csv",
                "-",
            ],
            stdin=subprocess.PIPE,
        )
        text = "endpoint,identity,key\n"
        text += "".join(f"d{n},i{n},{secrets.token_hex(16)}\n" for n in range(2000))
        child.stdin.write(text.encode())
        child.stdin.flush()
        child.kill()
        child.wait(DEADLINE_S)
        assert listed(lab) == {}


run_tests(
    [
        test_leshan_2_and_a_device_comes_in,
        test_leshan_1_in_all_its_forms,
        test_leshan_what_is_refused_is_named_by_line_and_nothing_comes,
        test_what_is_there_is_refused_or_replaced,
        test_a_dry_run_of_csv_shows_all_that_is_wrong,
        test_security_object_in_tlv_and_a_device_comes_in,
        test_security_object_in_senml_and_lwm2m_json,
        test_what_is_cut_off_or_something_else_changes_nothing,
        test_a_killed_import_leaves_nothing,
    ]
)
