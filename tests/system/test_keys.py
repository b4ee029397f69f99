#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl's tools for the gateway's own keys, beside the openssl program."""

import hashlib
import json
import os
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import binary, run_tests  # noqa: E402


class Folder:
    """A folder, lwgatectl and openssl in it."""

    def __enter__(self):
        self.place = tempfile.TemporaryDirectory(prefix="lwgate-keys-")
        return self

    def __exit__(self, *_):
        self.place.cleanup()

    def path(self, name):
        return os.path.join(self.place.name, name)

    def run(self, *argv):
        return subprocess.run(
            argv, cwd=self.place.name, capture_output=True, check=False, stdin=subprocess.DEVNULL
        )

    def ctl(self, *words):
        done = self.run(binary("lwgatectl"), *words)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def done(self, *words):
        status, out, err = self.ctl(*words)
        assert status == 0, err
        return out

    def refused(self, what, *words):
        status, out, err = self.ctl(*words)
        assert status == 2 and out == "" and what in err, (status, out, err)

    def openssl(self, *words):
        done = self.run("openssl", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def show(self, name):
        return json.loads(self.done("--json", "key", "show", name))


def test_R041_R045_a_new_key_is_on_P_256_and_its_owners_alone():
    with Folder() as f:
        old = os.umask(0)
        try:
            text = f.done("key", "new", "k.pem")
        finally:
            os.umask(old)
        assert stat.S_IMODE(os.stat(f.path("k.pem")).st_mode) == 0o600
        told = f.openssl("pkey", "-in", "k.pem", "-noout", "-text").decode()
        assert "prime256v1" in told, told
        with open(f.path("k.pem"), encoding="ascii") as k:
            private = k.read()
        assert private.startswith("-----BEGIN PRIVATE KEY-----")
        assert "PRIVATE" not in text and private.splitlines()[1] not in text
        assert text.splitlines()[0].split() == ["from", "private", "key"], text
        other = f.done("key", "new", "other.pem")
        assert other.splitlines()[1] != text.splitlines()[1]


def test_a_key_that_is_there_is_never_overwritten():
    with Folder() as f:
        f.done("key", "new", "k.pem")
        with open(f.path("k.pem"), "rb") as k:
            before = k.read()
        f.refused("nothing is overwritten", "key", "new", "k.pem")
        f.refused("nothing is overwritten", "key", "csr", "k.pem", "k.pem", "--dns", "a.example")
        with open(f.path("k.pem"), "rb") as k:
            assert k.read() == before
        f.refused("cannot be made", "key", "new", "no/such/folder")


def test_R064_show_prints_the_same_key_whatever_file_it_is_in():
    with Folder() as f:
        f.done("key", "new", "k.pem")
        spki = f.openssl("pkey", "-in", "k.pem", "-pubout", "-outform", "DER")
        f.openssl("pkey", "-in", "k.pem", "-pubout", "-outform", "DER", "-out", "p.der")
        f.openssl("pkey", "-in", "k.pem", "-pubout", "-out", "p.pem")
        f.openssl("pkey", "-in", "k.pem", "-outform", "DER", "-out", "k.der")
        f.openssl("req", "-x509", "-new", "-key", "k.pem", "-subj", "/CN=x", "-out", "c.pem")
        f.openssl("x509", "-in", "c.pem", "-outform", "DER", "-out", "c.der")
        kinds = {
            "k.pem": "private key",
            "k.der": "private key",
            "p.pem": "public key",
            "p.der": "public key",
            "c.pem": "certificate",
            "c.der": "certificate",
        }
        for name, kind in kinds.items():
            shown = f.show(name)
            assert shown["from"] == kind, (name, shown)
            assert shown["digest"] == "sha-256:" + hashlib.sha256(spki).hexdigest(), name
            assert bytes.fromhex(shown["spki_hex"]) == spki
            with open(f.path("p.pem"), encoding="ascii") as p:
                assert shown["pem"] == p.read()
            assert shown["spki_base64"] == "".join(shown["pem"].splitlines()[1:-1])


def test_R041_weak_locked_and_other_files_are_refused():
    with Folder() as f:
        f.openssl(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224", "-out", "w.pem"
        )
        f.refused("not on P-256, P-384 or P-521", "key", "show", "w.pem")
        f.openssl("genpkey", "-algorithm", "RSA", "-out", "r.pem")
        f.refused("not on P-256, P-384 or P-521", "key", "show", "r.pem")
        f.done("key", "new", "k.pem")
        f.openssl("pkey", "-in", "k.pem", "-aes256", "-passout", "pass:secret", "-out", "l.pem")
        f.refused("has a passphrase", "key", "show", "l.pem")
        with open(f.path("text"), "w", encoding="ascii") as text:
            text.write("hello\n")
        f.refused("is no private key, public key or certificate", "key", "show", "text")
        f.refused("cannot be read", "key", "show", "nowhere")
        f.refused("a file is missing", "key", "show")
        f.refused("no such command", "key", "make", "x")


def test_R069_a_request_has_one_name_of_a_host():
    with Folder() as f:
        f.done("key", "new", "k.pem")
        f.done("key", "csr", "k.pem", "k.csr", "--dns", "gw.example.org")
        told = f.openssl("req", "-in", "k.csr", "-noout", "-text", "-verify").decode()
        assert told.count("DNS:") == 1 and "DNS:gw.example.org" in told, told
        assert "Digital Signature" in told and "ecdsa-with-SHA256" in told, told
        assert "TLS Web Server Authentication, TLS Web Client Authentication" in told, told
        # Its common name is no host's.
        subject = f.openssl("req", "-in", "k.csr", "-noout", "-subject").decode()
        assert "gw.example" not in subject, subject
        public = f.openssl("req", "-in", "k.csr", "-noout", "-pubkey").decode()
        assert public == f.show("k.pem")["pem"]
        for name in ("*.example.org", "192.0.2.1", "a b", "", ".example", "x" * 300):
            f.refused("none of a host", "key", "csr", "k.pem", "no.csr", "--dns", name)
        f.refused("--dns NAME", "key", "csr", "k.pem", "no.csr")
        f.openssl("pkey", "-in", "k.pem", "-pubout", "-out", "p.pem")
        f.refused("no private key", "key", "csr", "p.pem", "no.csr", "--dns", "a.example")
        assert not os.path.exists(f.path("no.csr"))


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
