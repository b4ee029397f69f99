#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Raw public keys, certificates and pins while lwgated runs: whom lwgatectl lets in comes in, whom
it revokes comes in no more (R-025, R-028, R-061, R-075). The device is OpenSSL's client."""

import contextlib
import secrets
import sys

sys.dont_write_bytecode = True
from harness import Device, Lab, register_message, run_tests  # noqa: E402
from pki import Pki  # noqa: E402
from test_conf_kinds import HAS_RAW, OPENSSL, say  # noqa: E402

NAME = "the name of a device"
DISK = "any_filesystem = true;"
DECRYPT_ERROR, CERTIFICATE_UNKNOWN = 51, 46  # RFC 5246; R-063: no certificate alert for a raw key


class Town(Lab):
    """A Lab whose listener has a key and a certificate, and that knows one device with a PSK."""

    def __init__(self, pki, **more):
        self.pki = pki
        pki.server("server", "gw.example")
        pki.device("device", NAME)
        settings = (
            f'private_key_file = "{pki.path("server.key")}"; '
            f'certificate_file = "{pki.path("server.pem")}"; '
            f'anchors_file = "{pki.path("ca.pem")}"; '
            f'raw_public_key = {"true" if HAS_RAW else "false"};'
        )
        # The certificate's name as a PSK identity is somebody else.
        other = Device("urn:cred:psk")
        other.identity = NAME
        self.held = Device("urn:cred:held")
        super().__init__(
            [other, self.held], listener=settings, store=DISK, by_control=True, **more
        )

    def _credentials(self):
        devices, self.devices = self.devices, self.devices[:1]
        text = super()._credentials()
        self.devices = devices
        return text

    def add(self, *proof, verb="add"):
        self.ctl(
            *("credential", verb, self.held.endpoint, *proof),
            *("--upstream-identity", self.held.up_identity),
            *("--upstream-key-file", self.write("up.key", self.held.up_key)),
        )

    def public_key(self, name):
        text = self.pki.openssl("pkey", "-in", self.pki.path(name + ".key"), "-pubout")
        return self.write(name + ".pub", text)

    def client(self, raw):
        rpk = ("-enable_server_rpk", "-enable_client_rpk")
        anchor = ("-CAfile", self.pki.path("ca.pem"), "-verify_return_error")
        return self.start(
            [
                *(OPENSSL, "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{self.port}"),
                *("-key", self.pki.path("device.key"), "-cert", self.pki.path("device.pem")),
                *("-cipher", "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"),
                *(rpk if raw else anchor),
            ],
            raw=True,
        )

    def registers(self, raw):
        """The client, let in."""
        client = self.client(raw)
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        say(client, register_message(self.held.endpoint))
        self.server.wait_json(
            lambda e: e.get("event") == "registered" and e["endpoint"] == self.held.endpoint
        )
        return client

    def is_refused(self, raw, alert):
        client = self.client(raw)
        said = client.wait_bytes(rb"SSL alert number (\d+)").group(1)
        assert int(said) == alert, said
        client.kill()


@contextlib.contextmanager
def town():
    with Pki() as pki, Town(pki) as lab:
        yield lab


def test_R025_R061_a_raw_key_comes_in_from_when_it_is_added_until_it_is_revoked():
    with town() as lab:
        lab.is_refused(True, DECRYPT_ERROR)
        lab.add("--certificate-name", NAME)  # of the same key: another kind
        lab.is_refused(True, DECRYPT_ERROR)
        lab.ctl("credential", "revoke", lab.held.endpoint)
        lab.add("--public-key", lab.public_key("device"))
        client = lab.registers(True)
        lab.ctl("credential", "revoke", lab.held.endpoint)
        client.child.wait(20)  # its session ends: the gateway says close_notify
        lab.is_refused(True, DECRYPT_ERROR)
        # The digest alone is enough.
        shown = lab.ctl("credential", "show", lab.held.endpoint)
        digest = next(word for word in shown.split() if word.startswith("sha-256:"))
        lab.add("--public-key", digest)
        lab.registers(True).kill()


def test_R028_R075_a_certificate_comes_in_by_its_name_and_its_pin():
    with town() as lab:
        lab.is_refused(False, CERTIFICATE_UNKNOWN)
        lab.add("--certificate-name", NAME)
        client = lab.registers(False)
        # Another key is pinned: the session ends, and the certificate is not enough any more.
        lab.pki.key("other")
        pin = ("credential", "replace", lab.held.endpoint, "--pin")
        lab.ctl(*pin, lab.public_key("other"))
        client.child.wait(20)
        lab.is_refused(False, CERTIFICATE_UNKNOWN)
        for good in ("device.pem", "ca.pem"):  # its own, and the one above it
            lab.ctl(*pin, lab.pki.path(good))
            lab.registers(False).kill()
        lab.add("--certificate-name", secrets.token_hex(8), verb="replace")
        lab.is_refused(False, CERTIFICATE_UNKNOWN)
        lab.add("--certificate-name", NAME, verb="replace")
        client = lab.registers(False)
        lab.ctl("credential", "revoke", lab.held.endpoint)
        client.child.wait(20)
        lab.is_refused(False, CERTIFICATE_UNKNOWN)


if __name__ == "__main__":
    run_tests(
        [
            *(
                [test_R025_R061_a_raw_key_comes_in_from_when_it_is_added_until_it_is_revoked]
                if HAS_RAW
                else []
            ),
            test_R028_R075_a_certificate_comes_in_by_its_name_and_its_pin,
        ]
    )
