#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates, revocation lists and suites, exchanged while the gateway runs."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    Device,
    Lab,
    Process,
    Skip,
    register_message,
    run_tests,
    s_client,
)
from pki import Pki  # noqa: E402

CCM_8 = "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0"
CBC = "ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0"
DEVICE = Device("urn:dev:psk")


def listener(pki, more=""):
    return (
        f'private_key_file = "{pki.path("gw.key")}"; certificate_file = "{pki.path("gw.pem")}"; '
        f'anchors_file = "{pki.path("ca.pem")}"; {more}'
    )


def x509(lab, pki, name, cipher=CCM_8):
    """OpenSSL's client with a certificate, left running."""
    client = Process(
        [
            "openssl",
            "s_client",
            "-dtls1_2",
            "-connect",
            f"127.0.0.1:{lab.port}",
            "-cert",
            pki.path(name + ".pem"),
            "-key",
            pki.path(name + ".key"),
            "-CAfile",
            pki.path("ca.pem"),
            "-verify_return_error",
            "-cipher",
            cipher,
        ],
        raw=True,
    )
    lab.children.append(client)
    return client


def served(lab, pki, client):
    """The serial number of the certificate that a client is shown, once it is in."""
    text = client.wait_bytes(
        rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----.*Verify return code: 0"
    ).group(0)
    with open(lab.path("served.pem"), "wb") as f:
        f.write(text[: text.index(b"-----END CERT") + len(b"-----END CERTIFICATE-----")] + b"\n")
    shown = pki.openssl("x509", "-noout", "-serial", "-in", lab.path("served.pem"))
    return shown.strip().split("=")[1]


def let_in(lab, endpoint, *proof):
    lab.ctl(
        "credential",
        "add",
        endpoint,
        *proof,
        "--upstream-identity",
        "gw-" + endpoint,
        "--upstream-key-file",
        lab.write("up-key", os.urandom(16).hex()),
    )


def make(pki):
    pki.server("gw", "gw.example")
    pki.device("dev", "urn:dev:x")


def test_R046_HUP_takes_a_new_key_and_certificate_without_a_restart():
    with Pki() as pki:
        make(pki)
        with Lab([DEVICE], listener=listener(pki)) as lab:
            let_in(lab, "urn:dev:x", "--certificate-name", "urn:dev:x")
            before = x509(lab, pki, "dev")
            old = pki.serial("gw")
            assert served(lab, pki, before) == old
            stays = s_client(lab, DEVICE)
            stays.wait_bytes(rb"Cipher is PSK-AES128-CCM8")
            os.unlink(pki.path("gw.key"))
            pki.server("gw", "gw.example")
            lab.gateway.child.send_signal(signal.SIGHUP)
            lab.gateway.wait_line(" info reload reloaded: in effect for new handshakes")
            assert pki.serial("gw") != old
            assert served(lab, pki, x509(lab, pki, "dev")) == pki.serial("gw")
            # Who is in stays in.
            stays.child.stdin.write(register_message(DEVICE.endpoint))
            stays.child.stdin.flush()
            stays.wait_bytes(rb"\x61\x41\x12\x34\x51")
            assert lab.gateway.alive()
            assert lab.status()["device_handshakes_certificate"] == 2
            assert lab.status()["device_handshakes_psk"] == 1


def test_R046_a_reload_is_all_or_nothing():
    with Pki() as pki:
        make(pki)
        with Lab([DEVICE], listener=listener(pki)) as lab:
            let_in(lab, "urn:dev:x", "--certificate-name", "urn:dev:x")
            old = pki.serial("gw")
            shutil.copy(pki.path("gw.key"), pki.path("kept.key"))
            os.unlink(pki.path("gw.key"))
            pki.server("gw", "gw.example")
            os.chmod(pki.path("gw.key"), 0o644)
            done = lab.ctl("reload", check=False)
            said = done.stderr.decode()
            assert done.returncode == 1, said
            assert "nothing was changed" in said and "gw.key: mode 0644" in said, said
            assert "chmod 0640" in said, said
            assert served(lab, pki, x509(lab, pki, "dev")) == old
            shutil.copy(pki.path("kept.key"), pki.path("gw.key"))
            os.chmod(pki.path("gw.key"), 0o600)
            done = lab.ctl("reload", check=False)
            assert "gw.pem: it is not the key's" in done.stderr.decode(), done.stderr
            assert served(lab, pki, x509(lab, pki, "dev")) == old
            lab.gateway.wait_line(" error reload nothing was changed")
            pki.server("gw", "gw.example")
            assert "in effect for new handshakes" in lab.ctl("reload")
            assert served(lab, pki, x509(lab, pki, "dev")) == pki.serial("gw")


def edited(lab, old, new):
    with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
        text = f.read()
    assert old in text
    lab.write("lwgate.conf", text.replace(old, new, 1))


def test_R046_suites_are_taken_and_what_needs_a_restart_is_said():
    with Pki() as pki:
        make(pki)
        settings = "workers = 1; log = { level = \"info\"; };"
        with Lab([DEVICE], listener=listener(pki), settings=settings) as lab:
            let_in(lab, "urn:dev:x", "--certificate-name", "urn:dev:x")
            served(lab, pki, x509(lab, pki, "dev"))
            edited(
                lab,
                "private_key_file",
                'suites = [ "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256" ]; private_key_file',
            )
            edited(lab, "workers = 1;", "workers = 2;")
            edited(lab, 'level = "info"', 'level = "warn"')
            said = lab.ctl("reload")
            assert "only by a restart or lwgatectl upgrade: workers, log.level" in said, said
            x509(lab, pki, "dev", CCM_8).wait_bytes(rb"handshake failure")
            line = lab.gateway.wait_line("handshake-failed")
            assert "ours=" in line and "listeners.suites" in line, line
            served(lab, pki, x509(lab, pki, "dev", CBC))
            # A place that is not there cannot be served.
            edited(lab, "port = %d;" % lab.port, "port = %d;" % lab.port6)
            done = lab.ctl("reload", check=False)
            assert done.returncode == 1 and "listeners" in done.stderr.decode(), done.stderr
            edited(lab, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", "TLS_RSA_WITH_RC4_128_SHA")
            said = lab.ctl("reload", check=False).stderr.decode()
            assert re.search(r"lwgate.conf:\d+: listeners.suites: .* has SHA-1", said), said


def test_R046_what_goes_with_the_proof_to_the_server_changes_nothing_by_a_reload():
    with Pki() as pki:
        make(pki)
        with Lab([DEVICE]) as lab:
            more = f'credential = "raw_public_key"; private_key_file = "{pki.path("gw.key")}"; '
            more += f'server_public_key = [ "sha-256:{"ab" * 32}" ]; sources ='
            edited(lab, "sources =", more)
            done = lab.ctl("reload", check=False)
            assert done.returncode == 1, done.stdout
            assert "upstream.credential: has changed, which needs a restart" in done.stderr.decode()
            # The link is opened as before.
            device = s_client(lab, DEVICE)
            device.wait_bytes(rb"Cipher is PSK-AES128-CCM8")
            device.child.stdin.write(register_message(DEVICE.endpoint))
            device.child.stdin.flush()
            lab.server.wait_json(lambda e: e.get("event") == "registered")


def test_R071_a_list_that_is_reloaded_keeps_a_revoked_certificate_out():
    with Pki() as pki:
        make(pki)
        crl = pki.crl()
        with Lab([DEVICE], listener=listener(pki, f'crl_file = "{crl}";')) as lab:
            let_in(lab, "urn:dev:x", "--certificate-name", "urn:dev:x")
            served(lab, pki, x509(lab, pki, "dev"))
            pki.revoke("dev")
            pki.crl()
            assert "in effect" in lab.ctl("reload")
            x509(lab, pki, "dev").wait_bytes(rb"alert certificate revoked")
            line = lab.gateway.wait_line("handshake-failed")
            assert "revoked" in line, line


def test_R065_R068_certificates_are_refused_with_a_reason():
    with Pki() as pki:
        make(pki)
        pki.device("old", "urn:dev:x", until="20210101000000Z")
        pki.device("nobody", "urn:dev:nobody")
        with Pki() as other, Lab([DEVICE], listener=listener(pki)) as lab:
            let_in(lab, "urn:dev:x", "--certificate-name", "urn:dev:x")
            other.device("dev", "urn:dev:x")
            x509(lab, pki, "old").wait_bytes(rb"alert certificate expired")
            assert "expired" in lab.gateway.wait_line("handshake-failed")
            shutil.copy(pki.path("ca.pem"), other.path("ca.pem"))  # what it trusts
            x509(lab, other, "dev").wait_bytes(rb"alert unknown ca")
            assert "listeners.anchors_file" in lab.gateway.wait_line("handshake-failed")
            x509(lab, pki, "nobody").wait_bytes(rb"alert (certificate unknown|access denied)")
            assert "--certificate-name" in lab.gateway.wait_line("handshake-failed")
            # revoked by an operator, it is out, too.
            served(lab, pki, x509(lab, pki, "dev"))
            lab.ctl("credential", "revoke", "urn:dev:x")
            lab.gateway.wait_line("session-down")
            x509(lab, pki, "dev").wait_bytes(rb"alert (certificate unknown|access denied)")


class Server:
    """OpenSSL as the LwM2M server: takes links by certificate, and shows what comes over them."""

    def __init__(self, lab, pki, name):
        self.process = Process(
            [
                "openssl",
                "s_server",
                "-dtls1_2",
                "-accept",
                f"127.0.0.1:{lab.server_port}",
                "-cert",
                pki.path(name + ".pem"),
                "-key",
                pki.path(name + ".key"),
                "-CAfile",
                pki.path("ca.pem"),
                "-Verify",
                "3",
                "-verify_return_error",
                "-cipher",
                CCM_8,
                "-tlsextdebug",
            ],
            raw=True,
        )
        lab.children.append(self.process)
        self.process.wait_bytes(rb"ACCEPT")


def registers(client, server, message_ids, endpoint=DEVICE.endpoint):
    """Sends Register until it arrives: a link that has failed is not tried again at once."""
    for message_id in message_ids:
        client.child.stdin.write(register_message(endpoint, message_id))
        client.child.stdin.flush()
        try:
            wanted = b"Q\xb2rd.*ep=" + endpoint.encode()
            server.wait_bytes(re.escape(message_id.to_bytes(2, "big")) + wanted, 2)
            return
        except TimeoutError:
            continue
    raise AssertionError("nothing came")


def to_server(pki):
    return (
        f'credential = "certificate"; private_key_file = "{pki.path("up.key")}"; '
        f'certificate_file = "{pki.path("up.pem")}"; anchors_file = "{pki.path("ca.pem")}"; '
        'server_name = "server.example";'
    )


def test_R065_R167_the_gateway_proves_itself_to_the_server_by_certificate():
    with Pki() as pki:
        make(pki)
        pki.server("right", "server.example")
        pki.server("wrong", "other.example")
        pki.device("up", "gateway 7")
        with Lab([DEVICE], upstream=False, to_server=to_server(pki)) as lab:
            server = Server(lab, pki, "wrong").process
            client = s_client(lab, DEVICE)
            client.wait_bytes(rb"Cipher is PSK-AES128-CCM8")
            client.child.stdin.write(register_message(DEVICE.endpoint))
            client.child.stdin.flush()
            line = lab.gateway.wait_line("handshake-failed with=upstream")
            assert "upstream.server_name" in line, line
            server.kill()
            server = Server(lab, pki, "right").process
            registers(client, server, range(0x2001, 0x2020))
            server.wait_bytes(rb"gateway 7")
            server.wait_bytes(rb"\"server name\" \(id=0\), len=19")  # server.example
            facts = lab.ctl("session", DEVICE.endpoint)
            assert "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" in facts, facts
            assert "credential      pre-shared key" in facts, facts


def new_openssl():
    """A program that knows raw public keys: the system's, or that of the build."""
    prefix = subprocess.run(["deploy/openssl-prefix"], capture_output=True, check=False)
    for program in ("openssl", os.path.join(prefix.stdout.decode().strip(), "bin", "openssl")):
        if not shutil.which(program):
            continue
        done = subprocess.run([program, "version"], capture_output=True, check=True)
        found = re.match(r"OpenSSL (\d+)\.(\d+)", done.stdout.decode())
        if found and (int(found.group(1)), int(found.group(2))) >= (3, 2):
            return program
    raise Skip("raw public keys need OpenSSL 3.2")


def raw_client(lab, pki, program, name):
    client = Process(
        [
            program,
            "s_client",
            "-dtls1_2",
            "-connect",
            f"127.0.0.1:{lab.port}",
            "-cert",
            pki.path(name + ".pem"),
            "-key",
            pki.path(name + ".key"),
            "-enable_client_rpk",
            "-enable_server_rpk",
            "-cipher",
            CCM_8,
        ],
        raw=True,
    )
    lab.children.append(client)
    return client


def raw_server(lab, pki, program, name):
    server = Process(
        [
            program,
            "s_server",
            "-dtls1_2",
            "-accept",
            f"127.0.0.1:{lab.server_port}",
            "-cert",
            pki.path(name + ".pem"),
            "-key",
            pki.path(name + ".key"),
            "-enable_client_rpk",
            "-enable_server_rpk",
            "-Verify",
            "1",
            "-cipher",
            CCM_8,
        ],
        raw=True,
    )
    lab.children.append(server)
    server.wait_bytes(rb"ACCEPT")
    return server


def digest(lab, pki, name):
    return json.loads(lab.ctl("--json", "key", "show", pki.path(name + ".pub")))["digest"]


def point(lab, pki, name):
    """How openssl begins to show a public key."""
    spki = json.loads(lab.ctl("--json", "key", "show", pki.path(name + ".pub")))["spki_hex"]
    octets = bytes.fromhex(spki)[-65:][:15]
    return b":".join(b"%02x" % octet for octet in octets)


def test_R058_R061_R064_raw_public_keys_on_both_sides_and_a_server_that_gets_a_new_one():
    program = new_openssl()
    with contextlib.ExitStack() as stack:
        pki = stack.enter_context(Pki())
        for name in ("gw", "up", "dev", "old", "new"):
            pki.root(name)
            pki.openssl(
                "pkey", "-in", pki.path(name + ".key"), "-pubout", "-out", pki.path(name + ".pub")
            )
        listener_text = f'private_key_file = "{pki.path("gw.key")}"; raw_public_key = true;'
        to_server_text = (
            f'credential = "raw_public_key"; private_key_file = "{pki.path("up.key")}"; '
            f'server_public_key = [ "{pki.path("old.pub")}" ];'
        )
        lab = Lab([DEVICE], upstream=False, listener=listener_text, to_server=to_server_text)
        try:
            stack.enter_context(lab)
        except EOFError as e:
            if "raw public keys need OpenSSL 3.2" in str(e):
                raise Skip("lwgated was built with an OpenSSL that has none") from None
            raise
        lab.ctl("credential", "add", "urn:dev:raw", "--public-key", pki.path("dev.pub"))
        raw_client(lab, pki, program, "old").wait_bytes(rb"alert decrypt error")
        line = lab.gateway.wait_line("handshake-failed with=device")
        assert "key=" + digest(lab, pki, "old") in line, line
        client = raw_client(lab, pki, program, "dev")
        client.wait_bytes(point(lab, pki, "gw") + b".*Cipher is ECDHE-ECDSA-AES128-CCM8")
        # The server has another key than the one that is expected.
        server = raw_server(lab, pki, program, "new")
        client.child.stdin.write(register_message("urn:dev:raw"))
        client.child.stdin.flush()
        line = lab.gateway.wait_line("handshake-failed with=upstream")
        assert "upstream.server_public_key" in line, line
        assert "key=" + digest(lab, pki, "new") in line, line
        edited(lab, "old.pub", "new.pub")
        assert "in effect" in lab.ctl("reload")
        registers(client, server, range(0x5001, 0x5020), "urn:dev:raw")
        server.wait_bytes(point(lab, pki, "up"))
        facts = lab.ctl("session", "urn:dev:raw")
        assert "credential      raw public key" in facts, facts
        assert facts.count("TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8") == 2, facts


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
