#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices with a pre-shared key, a raw public key and a certificate at one port of one lwgated:
each kind registers, and each kind bootstraps. The devices are OpenSSL's client; what reaches the
upstream server is told by libcoap's.

Where OpenSSL has no raw public keys (before 3.2), those tests are left out."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    Device,
    Lab,
    binary,
    option,
    register_message,
    run_tests,
    s_client,
)
from pki import Pki  # noqa: E402

PSK, RAW, X509 = "psk", "raw", "x509"
KINDS = (PSK, RAW, X509)
DEVICE_NAME = "the name of a device"


def newest_openssl():
    """The program of the library that lwgated was built with: Debian's may know no raw keys."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/openssl-prefix")
    done = subprocess.run([script], stdout=subprocess.PIPE, check=True, timeout=60)
    program = os.path.join(done.stdout.decode().strip(), "bin", "openssl")
    return program if os.path.isabs(program) and os.path.exists(program) else "openssl"


def knows_raw_public_keys(program):
    done = subprocess.run(
        [program, "s_client", "-help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=10,
    )
    return b"-enable_client_rpk" in done.stdout


OPENSSL = newest_openssl()
HAS_RAW = knows_raw_public_keys(OPENSSL)


class Town(Lab):
    """A Lab whose listeners have a key, a certificate and an anchor, and whose devices are one of
    each kind."""

    def __init__(self, pki, empty=False, **more):
        self.pki, self.kinds = pki, {k: Device(f"urn:kinds:{k}") for k in KINDS}
        self.empty = empty  # all are strangers
        pki.server("server", "gw.example")
        pki.device("device", DEVICE_NAME)
        settings = (
            f'private_key_file = "{pki.path("server.key")}"; '
            f'certificate_file = "{pki.path("server.pem")}"; '
            f'anchors_file = "{pki.path("ca.pem")}"; '
            f'raw_public_key = {"true" if HAS_RAW else "false"};'
        )
        super().__init__(list(self.kinds.values()), listener=settings, **more)

    def _credentials(self):
        if self.empty:
            return "credentials = ();\n"
        text = self.pki.openssl("pkey", "-in", self.pki.path("device.key"), "-pubout")
        pem = " ".join(f'"{line}\\n"' for line in text.splitlines())
        d = self.kinds
        proofs = {
            PSK: f'identity = "{d[PSK].identity}"; key = "{d[PSK].key}"',
            RAW: f"public_key = {pem}",
            X509: f'certificate = "{DEVICE_NAME}"',
        }
        rows = [
            f'{{ endpoint = "{d[k].endpoint}"; {proofs[k]}; upstream_identity = '
            f'"{d[k].up_identity}"; upstream_key = "{d[k].up_key}"; }}'
            for k in KINDS
        ]
        return "credentials = (\n" + ",\n".join(rows) + "\n);\n"

    def meet(self, kind, until=rb"Extended master secret: yes.*---\n"):
        """OpenSSL's client, once its handshake is done, or it has said something else."""
        if kind == PSK:
            client = s_client(self, self.kinds[PSK])
        else:
            rpk = ("-enable_server_rpk", "-enable_client_rpk")
            anchor = ("-CAfile", self.pki.path("ca.pem"), "-verify_return_error")
            client = self.start(
                [
                    *(OPENSSL, "s_client", "-dtls1_2"),
                    *("-connect", f"127.0.0.1:{self.port}"),
                    *("-key", self.pki.path("device.key"), "-cert", self.pki.path("device.pem")),
                    *("-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"),
                    *(rpk if kind == RAW else anchor),
                ],
                raw=True,
            )
        client.wait_bytes(until)
        return client


def say(client, message):
    client.child.stdin.write(message)
    client.child.stdin.flush()


def bootstrap_message(endpoint):
    """CON POST /bs?ep=..."""
    return bytes([0x41, 0x02, 0x77, 0x01, 0x62]) + option(11, b"bs") + option(4, b"ep=" + endpoint)


TOWN = contextlib.ExitStack()
LABS = []


def town():
    if not LABS:
        lab = Town(TOWN.enter_context(Pki()), ops="read", server_args=["--pause-ms", "200"])
        LABS.append(TOWN.enter_context(lab))
    return LABS[0]


def check_registers(kind):
    lab, endpoint = town(), f"urn:kinds:{kind}"
    client = lab.meet(kind)
    say(client, register_message(endpoint))
    lab.server.wait_json(lambda e: e.get("event") == "registered" and e["endpoint"] == endpoint)
    client.wait_bytes(rb"rd")  # the location
    client.wait_bytes(rb"3.*0")  # and, in the same association, a Read comes down
    # Under another's name it comes to nothing.
    say(client, register_message("urn:kinds:nobody", 0x4321))
    refused = lab.status()["messages_refused"]
    lab.until(lambda: lab.status()["messages_refused"] >= max(refused, 1))
    client.kill()


def check_bootstraps(kind):
    lab, endpoint = town(), f"urn:kinds:{kind}"
    before = lab.status()["messages_up"]
    client = lab.meet(kind)
    say(client, bootstrap_message(endpoint.encode()))
    # The server has no such resource, and says so: 4.04 with our id and token comes back.
    client.wait_bytes(re.escape(bytes([0x61, 0x84, 0x77, 0x01, 0x62])))
    assert lab.status()["messages_up"] == before + 1
    client.kill()


def test_R019_a_device_with_a_PSK_registers():
    check_registers(PSK)


def test_R019_a_device_with_a_raw_public_key_registers():
    check_registers(RAW)


def test_R019_a_device_with_a_certificate_registers():
    check_registers(X509)


def test_R018_a_device_with_a_PSK_bootstraps():
    check_bootstraps(PSK)


def test_R018_a_device_with_a_raw_public_key_bootstraps():
    check_bootstraps(RAW)


def test_R018_a_device_with_a_certificate_bootstraps():
    check_bootstraps(X509)


def test_R025_nobody_comes_in_where_nobody_is_known():
    with Pki() as pki, Town(pki, empty=True) as lab:
        kinds = [k for k in KINDS if k != RAW or HAS_RAW]
        for kind in kinds:
            # Keys, and certificates of an authority that is trusted, and no credential.
            lab.meet(kind, rb"alert (decrypt error|certificate unknown)")
        status = lab.status()
        assert status["device_handshakes_failed"] == len(kinds), status
        assert status["device_handshakes_done"] == 0 and status["messages_up"] == 0, status


def test_R030_key_pairs_are_made_here_and_never_twice():
    with tempfile.TemporaryDirectory(prefix="lwgate-key-") as folder:
        publics = set()
        for name in ("server", "client"):
            path = os.path.join(folder, name + ".key")
            done = subprocess.run(
                [binary("lwgatectl"), "key", "new", path],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=30,
            )
            assert done.returncode == 0, done
            assert os.stat(path).st_mode & 0o077 == 0
            shown = subprocess.run(
                [OPENSSL, "pkey", "-in", path, "-noout", "-text"],
                stdout=subprocess.PIPE,
                check=True,
                timeout=30,
            ).stdout
            assert b"P-256" in shown or b"prime256v1" in shown, shown
            with open(path, "rb") as f:
                publics.add(f.read())
            # What is there is not written over: a role keeps its key.
            again = subprocess.run(
                [binary("lwgatectl"), "key", "new", path],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=30,
            )
            assert again.returncode != 0, again
        assert len(publics) == 2


if __name__ == "__main__":
    try:
        run_tests(
            [
                test_R019_a_device_with_a_PSK_registers,
                *([test_R019_a_device_with_a_raw_public_key_registers] if HAS_RAW else []),
                test_R019_a_device_with_a_certificate_registers,
                test_R018_a_device_with_a_PSK_bootstraps,
                *([test_R018_a_device_with_a_raw_public_key_bootstraps] if HAS_RAW else []),
                test_R018_a_device_with_a_certificate_bootstraps,
                test_R025_nobody_comes_in_where_nobody_is_known,
                test_R030_key_pairs_are_made_here_and_never_twice,
            ]
        )
    finally:
        TOWN.close()
