#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sessions that third-party clients resume by their id, over restarts and changed credentials."""

import os
import re
import secrets
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    Process,
    binary,
    register_message,
    run_tests,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
PRIORITY = "NONE:+VERS-DTLS1.2:+PSK:+AES-128-CCM-8:+AEAD:+COMP-NULL:+SIGN-ALL"


class Client:
    """openssl s_client with a file for its session; .reused, .id and what was said in .said."""

    def __init__(self, lab, device, key=None, resume=True, more=()):
        self.lab, self.device = lab, device
        kept = lab.path("session-" + re.sub(r"\W", "-", device.endpoint))
        offer = ["-sess_in", kept] if resume and os.path.exists(kept) else []
        self.process = Process(
            [
                "openssl",
                "s_client",
                "-dtls1_2",
                "-connect",
                f"127.0.0.1:{lab.port}",
                "-psk",
                key or device.key,
                "-psk_identity",
                device.identity,
                "-cipher",
                "PSK-AES128-CCM8:@SECLEVEL=0",
                "-msg",
                "-sess_out",
                kept,
                *offer,
                *more,
            ],
            raw=True,
        )
        lab.children.append(self.process)

    def connect(self):
        match = self.process.wait_bytes(
            rb"\n(New|Reused), .*?Session-ID: (\w*)\n.*?Extended master secret: yes.*?---\n"
        )
        self.reused = match.group(1) == b"Reused"
        self.id = match.group(2).decode()
        self.key_exchanged = self.shows(b">>>", b"10 00 00")
        return self

    def shows(self, way, beginning):
        """Whether a message that begins so went that way: s_client shows the octets of each."""
        return re.search(rb"^" + way + rb" [^\n]*\n    " + beginning, self.process.bytes, re.M)

    def register(self):
        """A message goes up and its answer comes down: the association lives, and is the
        device's."""
        number = secrets.randbelow(1 << 16)
        self.process.child.stdin.write(register_message(self.device.endpoint, number))
        self.process.child.stdin.flush()
        # 2.01 in an acknowledgement (0x60 | token length), with our message id and token
        answer = b"\x61\x41" + number.to_bytes(2, "big") + b"\x51"
        self.process.wait_bytes(re.escape(answer))
        return self

    def quit(self):
        """Away without a close_notify, as a device whose power is cut; its session is in the
        file."""
        self.process.kill()


def assert_full(client):
    assert not client.reused and client.key_exchanged, client.process.bytes[-600:]


def assert_resumed(client):
    assert client.reused and not client.key_exchanged, client.process.bytes[-600:]


def replace_key(lab, device, key):
    """The credential gets another key, which is never in an argument."""
    path = lab.write("new.key", key + "\n")
    subprocess.run(
        [
            binary("lwgatectl", lab.build),
            "-s",
            lab.path("control"),
            "credential",
            "replace",
            device.endpoint,
            "--key-file",
            path,
        ],
        check=True,
        timeout=DEADLINE_S,
        capture_output=True,
    )


def test_R196_R199_openssl_s_client_resumes_and_goes_on():
    device = Device("urn:resume:s_client")
    with Lab([device], store=DISK) as lab:
        first = Client(lab, device).connect().register()
        assert_full(first)
        assert len(first.id) == 64, first.id
        first.quit()
        for n in range(1, 4):
            again = Client(lab, device).connect()
            assert_resumed(again)
            assert again.id == first.id, (again.id, first.id)
            again.register()
            again.quit()
            status = lab.status()
            assert status["resumed"] == n, status
            assert status["device_handshakes_done"] == n + 1, status


def test_R197_a_session_outlives_kill_9():
    device = Device("urn:resume:kill")
    with Lab([device], store=DISK) as lab:
        Client(lab, device).connect().register().quit()
        for _ in range(2):
            lab.restart()
            again = Client(lab, device).connect()
            assert_resumed(again)
            again.register().quit()
            status = lab.status()
            assert status["resumed"] == 1 and status["device_handshakes_done"] == 1, status


def test_R211_after_a_change_of_the_key_only_the_new_key_comes_in_and_by_a_full_handshake():
    device = Device("urn:resume:rotate")
    with Lab([device], store=DISK) as lab:
        Client(lab, device).connect().register().quit()
        key = secrets.token_hex(16)
        replace_key(lab, device, key)
        old = Client(lab, device)  # with the session, and with the key of old
        old.process.wait_bytes(rb"alert decrypt error")
        assert lab.status()["resumed"] == 0
        old.quit()
        new = Client(lab, device, key=key).connect()
        assert_full(new)
        new.register().quit()
        assert_resumed(Client(lab, device, key=key).connect().register())
        assert lab.status()["resumed"] == 1


def test_R211_a_revoked_credential_resumes_nothing():
    device, other = Device("urn:resume:revoked"), Device("urn:resume:other")
    with Lab([device, other], store=DISK) as lab:
        Client(lab, device).connect().register().quit()
        Client(lab, other).connect().register().quit()
        lab.ctl("credential", "revoke", device.endpoint)
        gone = Client(lab, device)
        gone.process.wait_bytes(rb"alert decrypt error")
        assert lab.status()["resumed"] == 0
        gone.quit()
        assert_resumed(Client(lab, other).connect().register())


def test_R200_a_session_that_nobody_knows_any_more_makes_a_full_handshake():
    device = Device("urn:resume:lost")
    with Lab([device], store=None) as lab:  # in memory: lost with the process
        Client(lab, device).connect().register().quit()
        lab.restart()
        again = Client(lab, device).connect()
        assert_full(again)
        again.register().quit()
        assert lab.status()["resumed"] == 0


def test_R196_where_resumption_is_off_no_session_has_an_id():
    device = Device("urn:resume:off")
    with Lab([device], store=DISK + " resumption = 0;") as lab:
        client = Client(lab, device).connect()
        assert client.id == "", client.id
        client.quit()
        again = Client(lab, device).connect()
        assert_full(again)


def test_R198_max_fragment_length_belongs_to_the_session():
    device = Device("urn:resume:fragment")
    with Lab([device], store=DISK) as lab:
        small = ("-maxfraglen", "512")
        Client(lab, device, more=small).connect().register().quit()
        same = Client(lab, device, more=small).connect()
        assert_resumed(same)
        same.register().quit()
        other = Client(lab, device, more=("-maxfraglen", "1024")).connect()
        assert_full(other)
        other.register()


def test_R180_no_client_is_given_a_ticket():
    device = Device("urn:resume:ticket")
    with Lab([device], store=DISK) as lab:
        client = Client(lab, device).connect()
        assert client.shows(b"<<<", b"02 00 00")  # a ServerHello it shows
        assert not client.shows(b"<<<", b"04 00 00")
        assert b"TLS session ticket" not in client.process.bytes


def test_R196_gnutls_cli_resumes():
    device = Device("urn:resume:gnutls")
    with Lab([device], store=DISK) as lab:
        client = Process(
            [
                "gnutls-cli",
                "--udp",
                "--resume",
                "--port",
                str(lab.port),
                "127.0.0.1",
                "--pskusername",
                device.identity,
                "--pskkey",
                device.key,
                "--priority",
                PRIORITY,
            ]
        )
        lab.children.append(client)
        client.wait_line("*** This is a resumed session")
        lab.until(lambda: lab.status()["resumed"] == 1)
        assert lab.status()["device_handshakes_done"] == 2


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
