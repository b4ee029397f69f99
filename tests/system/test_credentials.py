#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl credential, as an operator uses it: what is refused, what is durable, and where no key
may ever stand (R-020 to R-028, S29, S31, I5)."""

import csv
import hashlib
import io
import json
import os
import pty
import re
import secrets
import signal
import stat
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

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
TITLES = "endpoint,identity,key,upstream_identity,upstream_key\n"


def row(device):
    return (
        f"{device.endpoint},{device.identity},{device.key},{device.up_identity},{device.up_key}\n"
    )


def refused(lab, *words, status=1):
    """Its message; nothing was printed for programs to read."""
    done = lab.ctl(*words, check=False)
    assert done.returncode == status, (words, done)
    assert done.stdout == b"", done.stdout
    return done.stderr.decode()


def listed(lab):
    rows = json.loads(lab.ctl("--json", "credential", "list"))["credentials"]
    return {c["endpoint"]: c for c in rows}


def registers(lab, device):
    return "2.01" in coap_client(
        lab, device, f"/rd?ep={device.endpoint}&lt=300&lwm2m=1.0&b=U", text="</1/0>", seconds=3
    )


def openssl(*words, given=None):
    return subprocess.run(
        ["openssl", *words], input=given, check=True, capture_output=True, timeout=DEADLINE_S
    ).stdout


class Holder:
    """Of a key pair: the public half and a certificate, in the forms that people have."""

    def __init__(self, name, curve="prime256v1"):
        self.private = openssl("ecparam", "-name", curve, "-genkey", "-noout")
        self.pem = openssl("pkey", "-pubout", given=self.private)
        self.der = openssl("pkey", "-pubout", "-outform", "DER", given=self.private)
        self.digest = "sha-256:" + hashlib.sha256(self.der).hexdigest()
        self.name = name

    def certificate(self, lab, form="PEM"):
        key = lab.write("holder.key", self.private.decode())
        words = ("req", "-new", "-x509", "-key", key, "-subj", f"/CN={self.name}", "-days", "9")
        return openssl(*words, "-outform", form)


def new_key():
    return secrets.token_hex(16)


def use_master(lab):
    """Whoever has no upstream key gets a derived one."""
    master = lab.write("master", secrets.token_hex(32))
    with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
        text = f.read()
    set_it = f'upstream = {{ master_secret_file = "{master}"; '
    lab.write("lwgate.conf", text.replace("upstream = { ", set_it))
    lab.restart(signal.SIGTERM)


def store_octets(lab):
    octets = b""
    for name in os.listdir(lab.store_path()):
        with open(lab.store_path(name), "rb") as f:
            octets += f.read()
    return octets


def write_octets(lab, name, octets):
    path = lab.path(name)
    with open(path, "wb") as f:
        f.write(octets)
    return path


def by_prompt(lab, *words, typed):
    """lwgatectl with a terminal: its exit status, and all that the terminal has shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        program = binary("lwgatectl", lab.build)
        os.execv(program, [program, "-s", lab.path("control"), *words])
    shown = b""
    while b"in hexadecimal: " not in shown:
        shown += os.read(terminal, 1024)
    os.write(terminal, typed)
    try:
        while chunk := os.read(terminal, 1024):
            shown += chunk
    except OSError:
        pass  # the terminal's other end is closed
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), shown.decode()


def test_R028_a_device_comes_in_when_it_is_added_and_no_more_when_it_is_revoked():
    known, new = Device("urn:cred:known"), Device("urn:cred:new")
    with Lab([known, new], ops="", store=DISK, by_control=True) as lab:
        lab.ctl("credential", "revoke", new.endpoint)
        assert not registers(lab, new)
        path = lab.write("new.csv", TITLES + row(new))
        assert "1 added" in lab.ctl("credential", "import", path)
        assert registers(lab, new)
        first = listed(lab)[new.endpoint]
        lab.ctl("credential", "revoke", new.endpoint)
        assert not registers(lab, new)
        after = listed(lab)[new.endpoint]
        assert after["state"] == "revoked" and after["key_octets"] == 0, after
        assert after["generation"] > first["generation"]
        assert registers(lab, known)


def test_S29_what_is_acknowledged_outlives_kill_9():
    devices = [Device(f"urn:cred:{i}") for i in range(3)]
    with Lab(devices, store=DISK, upstream=False) as lab:  # the file knows all three
        other = secrets.token_hex(16)
        for _ in range(3):
            lab.ctl("credential", "revoke", devices[0].endpoint)
            lab.ctl(
                "credential", "replace", devices[1].endpoint, "--key-file", lab.write("k", other)
            )
            before = listed(lab)
            lab.restart(signal.SIGKILL)
            assert listed(lab) == before
            # S31: the file still has what they were, and brings nothing back.
            assert before[devices[0].endpoint]["state"] == "revoked"
            assert before[devices[1].endpoint]["origin"] == "lwgatectl"
            assert before[devices[2].endpoint]["origin"] == "file"
            said = "changed or revoked by lwgatectl, which stands"
            assert any(said in line for line in lab.gateway.lines), lab.gateway.lines
            other = secrets.token_hex(16)


def test_R022_an_import_is_whole_or_not_at_all_and_names_the_line():
    old, one, two = Device("urn:cred:old"), Device("urn:cred:one"), Device("urn:cred:two")
    with Lab([old], store=DISK, upstream=False) as lab:
        before = listed(lab)
        good, bad = TITLES + row(one), row(two)
        short = f"urn:cred:two,x,{two.key},,\n"
        for text, error in [
            (good + bad.replace(two.identity, one.identity), ":3: the identity is also in"),
            (good + bad.replace(two.key, old.key), ":3: the key is also that of"),
            (good + bad.replace(two.key, "00" * 16), ":3: key: repeats a pattern"),
            (good + bad.replace(two.key, two.key[1:]), ":3: key: is not hexadecimal"),
            (good + "urn:cred:two,x\n", ":3: there are 2 fields, and 5 columns"),
            (good + '"' + bad, ":4: a quote is open at the end"),
            (row(one) + bad, ":1: column 1 has no name that is known"),
            (good + short, ":3: the entry has no upstream_key"),
        ]:
            said = refused(lab, "credential", "import", lab.write("bad.csv", text))
            assert "bad.csv" + error in said, (error, said)
            assert two.key not in said and one.key not in said, said
            assert listed(lab) == before
        # The same file twice is no change; another key needs to be meant.
        path = lab.write("good.csv", TITLES + row(one) + row(two))
        assert "2 added, 0 replaced, 0 as they were" in lab.ctl("credential", "import", path)
        assert "0 added, 0 replaced, 2 as they were" in lab.ctl("credential", "import", path)
        two.key = secrets.token_hex(16)
        lab.write("good.csv", TITLES + row(one) + row(two))
        said = refused(lab, "credential", "import", path)
        assert "good.csv:3: urn:cred:two is in the store" in said, said
        assert "1 replaced" in lab.ctl("credential", "import", "--replace", path)


def test_R028_thousands_are_imported_at_once_from_either_form():
    many = 5000
    with Lab([Device("urn:cred:0")], store=DISK, upstream=False) as lab:
        devices = [Device(f"urn:cred:many:{i}") for i in range(many)]
        path = lab.write("many.csv", TITLES + "".join(map(row, devices)))
        before = lab.store_facts()
        assert f"{many} added" in lab.ctl("credential", "import", path)
        facts = lab.store_facts()
        assert facts["credentials"] == many + 1, facts
        assert facts["operations"] == before["operations"] + 1, (before, facts)
        lab.devices = devices
        conf = lab.write("many.conf", lab._credentials())
        assert f"{many} as they were" in lab.ctl("credential", "import", conf)
        assert len(listed(lab)) == many + 1
        text = lab.ctl("credential", "list").splitlines()
        assert len(text) == many + 2 and text[0].startswith("STATE"), text[:2]


def test_I5_a_key_in_an_argument_is_refused_and_not_sent():
    device = Device("urn:cred:argv")
    with Lab([device], store=DISK, upstream=False) as lab:
        key = secrets.token_hex(16)
        for words in [
            ("--key", key),
            ("--psk=" + key,),
            ("--key-file", key),
            ("--upstream-key", key),
            (key,),
        ]:
            said = refused(lab, "credential", "add", "urn:cred:new", *words, status=2)
            assert "--key-file" in said or '"-" reads it' in said, said
            assert key not in said, said
        assert "urn:cred:new" not in listed(lab)
        words = ("credential", "add", "urn:cred:new", "--key-file")
        said = refused(lab, *words, lab.write("open.key", key, 0o644), status=2)
        assert "others can read the keys in it; run chmod 0600" in said, said
        open_to_all = lab.write("open.csv", TITLES + row(Device("urn:cred:new")), 0o604)
        refused(lab, "credential", "import", open_to_all, status=2)
        assert list(listed(lab)) == [device.endpoint]


def test_I5_a_terminal_is_asked_without_an_echo():
    device = Device("urn:cred:tty")
    with Lab([device], store=DISK, upstream=False) as lab:
        key = secrets.token_hex(16)
        words = ("credential", "replace", device.endpoint)
        status, shown = by_prompt(lab, *words, typed=key.encode() + b"\n")
        assert status == 0, shown
        assert "the device's key, in hexadecimal: " in shown and "replaced" in shown, shown
        assert key not in shown, shown
        generation = listed(lab)[device.endpoint]["generation"]
        # Control-C ends it, with the echo as it was, and nothing is changed.
        status, shown = by_prompt(lab, *words, typed=key[:8].encode() + b"\x03\n")
        assert status == 2 and "cannot be read" in shown, (status, shown)
        assert listed(lab)[device.endpoint]["generation"] == generation


def test_I5_no_key_is_shown_and_an_export_is_a_new_file_of_mode_0600():
    devices = [Device(f"urn:cred:{i}") for i in range(4)]
    with Lab(devices, store=DISK, upstream=False) as lab:
        lab.ctl("credential", "revoke", devices[3].endpoint)
        shown = lab.ctl("status") + lab.ctl("store", "status")
        for form in [(), ("--json",)]:
            for words in [("list",), ("show", devices[0].endpoint), ("export",)]:
                shown += lab.ctl(*form, "credential", *words)
        path = lab.path("all.csv")
        done = lab.ctl("credential", "export", "--with-secrets", path, check=False)
        assert done.returncode == 0 and done.stdout == b"", done
        assert "3 credentials with their keys are in" in done.stderr.decode(), done
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        said = refused(lab, "credential", "export", "--with-secrets", path, status=2)
        assert "is there already" in said, said
        with open(path, encoding="utf-8") as f:
            rows = list(csv.DictReader(f))
        assert {r["endpoint"]: r["key"] for r in rows} == {d.endpoint: d.key for d in devices[:3]}
        public = list(csv.DictReader(io.StringIO(lab.ctl("credential", "export"))))
        assert [r["state"] for r in public] == ["active"] * 3 + ["revoked"], public
        log = "\n".join(lab.gateway.lines)
        assert "all keys are exported, by lwgatectl" in log
        for d in devices:
            assert d.key not in shown + log and d.up_key not in shown + log
    # And another gateway takes it.
    with Lab([], store=DISK, upstream=False, by_control=False) as other:
        text = "".join(",".join(r) + "\n" for r in [rows[0], *(r.values() for r in rows)])
        other.write("again.csv", text)
        assert "3 added" in other.ctl("credential", "import", other.path("again.csv"))


def test_R017_every_kind_is_added_shown_and_replaced():
    device = Device("urn:cred:psk")
    raw, held = Holder("r", "secp384r1"), Holder("urn:cred:held")
    with Lab([device], store=DISK, upstream=False, by_control=True) as lab:
        use_master(lab)
        add = ("credential", "add")
        lab.ctl(*add, "raw", "--public-key", write_octets(lab, "raw.pem", raw.pem))
        words = ("--certificate-name", held.name)
        lab.ctl(*add, "held", *words, "--pin", lab.write("c.pem", held.certificate(lab).decode()))
        known = listed(lab)
        assert known["raw"]["kind"] == "public_key" and known["raw"]["public_key"] == raw.digest
        assert known["raw"]["key_octets"] == 0 and "identity" not in known["raw"], known["raw"]
        assert known["held"]["certificate"] == held.name, known["held"]
        assert known["held"]["certificate_pin"] == held.digest, known["held"]
        assert known[device.endpoint]["kind"] == "psk"
        text = lab.ctl("credential", "show", "held")
        assert f"kind                certificate\ncertificate         {held.name}\n" in text, text
        assert f"certificate pin     {held.digest}\n" in text, text
        rows = lab.ctl("credential", "list")
        assert re.search(rf"public_key   any +raw +- +- +{raw.digest}", rows), rows
        # In another form it is the same key; somebody else's it cannot be.
        path = write_octets(lab, "raw.der", raw.der)
        assert "is as it was" in lab.ctl("credential", "replace", "raw", "--public-key", path)
        said = refused(lab, *add, "other", "--public-key", path)
        assert "the public key is also that of raw in the store" in said, said
        said = refused(lab, *add, "other", "--certificate-name", held.name)
        assert "the name in the certificate is also that of held in the store" in said, said
        # The same octets in another kind are somebody else.
        lab.ctl(*add, "other", "--identity", held.name, "--key-file", lab.write("k", new_key()))
        # One kind becomes another; a certificate that is named anew has no pin any more.
        lab.ctl("credential", "replace", "raw", "--certificate-name", "raw")
        lab.ctl("credential", "replace", "held", "--certificate-name", "held")
        before, known = known, listed(lab)
        assert known["raw"]["kind"] == "certificate" and "certificate_pin" not in known["held"]
        assert known["raw"]["generation"] > before["raw"]["generation"]
        lab.ctl("credential", "replace", "held", "--pin", raw.digest)
        assert listed(lab)["held"]["certificate_pin"] == raw.digest
        assert listed(lab)["held"]["certificate"] == "held"
        before = listed(lab)
        lab.restart(signal.SIGKILL)
        assert listed(lab) == before
        assert held.name.encode() not in store_octets(lab) and held.der not in store_octets(lab)


def test_R024_what_is_no_public_key_is_refused_before_it_is_sent():
    holder = Holder("h")
    compressed = openssl(
        "ec", "-conv_form", "compressed", "-pubout", "-outform", "DER", given=holder.private
    )
    with Lab([Device("urn:cred:0")], store=DISK, upstream=False) as lab:
        add = ("credential", "add", "new")
        private = lab.write("private.pem", holder.private.decode())
        body = "".join(holder.private.decode().splitlines()[1:-1])
        for words, error in [
            (("--public-key", private), "is a private key, which belongs to its holder alone"),
            (("--public-key", write_octets(lab, "c.der", compressed)), "not uncompressed"),
            (("--public-key", lab.write("x", "x")), "is no public key"),
            (("--public-key", lab.path("missing")), "cannot be opened"),
            (("--certificate-name", "h", "--pin", private), "is a private key"),
            (("--certificate-name", "h", "--pin", "sha-256:8f1d"), "is no SHA-256 digest"),
            (("--certificate-name", "h" * 129), "wrong length"),
            (("--pin", holder.digest), "--pin goes with --certificate-name"),
            (("--public-key", private, "--certificate-name", "h"), "exclude one another"),
            (("--public-key", private, "--identity", "h"), "exclude one another"),
        ]:
            said = refused(lab, *add, *words, status=2)
            assert error in said and body[:16] not in said, (words, said)
        assert "new" not in listed(lab)


def test_R017_a_file_and_an_export_have_every_kind():
    raw, held = Holder("r"), Holder("h", "secp521r1")
    psk = Device("urn:cred:psk")
    with Lab([psk], store=DISK, upstream=False) as lab:
        upstream = 'upstream_identity = "%s"; upstream_key = "%s"; }'
        text = lab._credentials().rstrip().removesuffix(");").rstrip() + ",\n"
        text += '{ endpoint = "raw"; public_key = "' + raw.der.hex() + '"; '
        text += upstream % ("gw-raw", new_key()) + ",\n"
        text += '{ endpoint = "held"; certificate = "h"; certificate_pin = "' + held.digest + '"; '
        text += upstream % ("gw-held", new_key()) + ");\n"
        lab.write("credentials.conf", text)
        lab.restart(signal.SIGTERM)
        known = listed(lab)
        assert {e: c["kind"] for e, c in known.items()} == {
            psk.endpoint: "psk",
            "raw": "public_key",
            "held": "certificate",
        }
        assert known["raw"]["public_key"] == raw.digest and known["raw"]["origin"] == "file"
        lab.ctl("credential", "export", "--with-secrets", lab.path("all.csv"))
        with open(lab.path("all.csv"), encoding="utf-8") as f:
            exported = f.read()
    with Lab([], store=DISK, upstream=False) as other:
        path = other.write("all.csv", exported)
        assert "3 added" in other.ctl("credential", "import", path)
        again = listed(other)
        for field in ("kind", "public_key", "certificate", "certificate_pin", "identity"):
            assert {e: c.get(field) for e, c in again.items()} == {
                e: c.get(field) for e, c in known.items()
            }


def test_R017_security_objects_of_each_mode_are_imported():
    raw, held = Holder("r"), Holder("urn:cred:held")
    head = "endpoint,/0/1/0,/0/1/1,/0/1/2,/0/1/3,/0/1/4,/0/1/5,/0/1/10\n"
    with Lab([Device("urn:cred:0")], store=DISK, upstream=False) as lab:
        use_master(lab)
        key, private = new_key(), raw.private.hex()
        cert = held.certificate(lab, "DER")
        text = head + f"psk,coaps://gw:5684,0,0,text:psk-1,,{key},1\n"
        text += f"raw,coaps://gw:5684,0,1,{raw.der.hex()},,{private},1\n"
        text += f"held,coaps://gw:5684,0,2,{cert.hex()},,,1\n"
        path = lab.write("fleet.csv", text)
        words = ("credential", "import", "--security-object")
        done = lab.ctl(*words, path, check=False)
        assert done.returncode == 0 and b"3 added" in done.stdout, done
        assert b"1 private keys of devices are in it and were not taken" in done.stderr, done
        known = listed(lab)
        assert known["psk"]["identity"] == "psk-1" and known["psk"]["key_octets"] == 16
        assert known["raw"]["public_key"] == raw.digest
        assert known["held"]["certificate"] == held.name
        assert known["held"]["certificate_pin"] == held.digest
        before = listed(lab)
        nosec = lab.write("nosec.csv", head + f"a,,0,0,text:a,,{new_key()},\nb,coap://gw,0,3,,,,\n")
        said = refused(lab, *words, nosec)
        assert "nosec.csv:3: resource 2: the device is NoSec and proves nothing" in said, said
        weak = lab.write("weak.csv", "2,3,5\n0,text:one,text:123456\n")
        said = refused(lab, *words, weak, "--endpoint", "one")
        assert "weak.csv:2: key: is 6 octets long" in said, said
        boot = lab.write("boot.csv", head + f"b,coaps://bs,2,0,text:b,,{new_key()},\n")
        assert "boot.csv:2: resource 1: is no boolean" in refused(lab, *words, boot)
        assert listed(lab) == before
        # The same certificate for another one, under whatever name.
        twice = "endpoint,2,3,certificate_name\n" + f"other,2,{cert.hex()},other\n"
        said = refused(lab, *words, lab.write("twice.csv", twice))
        assert "the key of the certificate is also that of held in the store" in said, said
        assert listed(lab) == before
        one = lab.write("one.csv", f"2,3,5\n0,00ff,{new_key()}\n")
        assert "1 added" in lab.ctl(*words, one, "--endpoint", "one")
        assert listed(lab)["one"]["identity_hex"] == "00ff"
        assert "--endpoint goes with" in refused(
            lab, "credential", "import", one, "--endpoint", "one", status=2
        )


def test_R028_who_becomes_another_kind_comes_in_by_his_key_no_more():
    device = Device("urn:cred:kind")
    with Lab([device], ops="", store=DISK) as lab:
        assert registers(lab, device)
        lab.ctl("credential", "replace", device.endpoint, "--certificate-name", device.identity)
        assert not registers(lab, device)
        lab.ctl(
            "credential",
            "replace",
            device.endpoint,
            "--identity",
            device.identity,
            "--key-file",
            lab.write("k", device.key),
        )
        assert registers(lab, device)


def test_R027_no_key_is_in_the_store_s_files():
    device = Device("urn:cred:files")
    with Lab([device], store=DISK, upstream=False) as lab:
        fresh = [Device(f"urn:cred:files:{i}") for i in range(200)]
        lab.ctl("credential", "import", lab.write("f.csv", TITLES + "".join(map(row, fresh))))
        octets = store_octets(lab)
        for d in [device, *fresh]:
            for key in (d.key, d.up_key):
                assert bytes.fromhex(key) not in octets and key.encode() not in octets
            assert d.identity.encode() not in octets


def test_store_keys_are_changed_while_it_runs():
    device = Device("urn:cred:wrap")
    with Lab([device], store=DISK, upstream=False) as lab:
        before = listed(lab)
        lab.ctl("store", "rotate")
        fresh = secrets.token_hex(32)
        lab.ctl("store", "rewrap", "--key-file", lab.write("fresh.key", fresh))
        assert refused(lab, "store", "rewrap", status=2).count("name one") == 1
        # The old key opens nothing any more, and the error says so, not begins anew.
        lab.gateway.child.send_signal(signal.SIGTERM)
        lab.gateway.child.wait(DEADLINE_S)
        status, said = lab.refused()
        assert status == 1 and re.search(r"store\.key|key", said), said
        lab.write("store.key", fresh)
        lab.start_gateway()
        assert listed(lab) == before


if __name__ == "__main__":
    run_tests(
        [
            test_R028_a_device_comes_in_when_it_is_added_and_no_more_when_it_is_revoked,
            test_S29_what_is_acknowledged_outlives_kill_9,
            test_R022_an_import_is_whole_or_not_at_all_and_names_the_line,
            test_R028_thousands_are_imported_at_once_from_either_form,
            test_I5_a_key_in_an_argument_is_refused_and_not_sent,
            test_I5_a_terminal_is_asked_without_an_echo,
            test_I5_no_key_is_shown_and_an_export_is_a_new_file_of_mode_0600,
            test_R017_every_kind_is_added_shown_and_replaced,
            test_R024_what_is_no_public_key_is_refused_before_it_is_sent,
            test_R017_a_file_and_an_export_have_every_kind,
            test_R017_security_objects_of_each_mode_are_imported,
            test_R028_who_becomes_another_kind_comes_in_by_his_key_no_more,
            test_R027_no_key_is_in_the_store_s_files,
            test_store_keys_are_changed_while_it_runs,
        ]
    )
