#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store whose key a TPM 2.0 keeps and whose watermark it counts (R-190, R-192, S5); the TPM is a
swtpm on loopback."""

import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    register_message,
    run_tests,
    s_client,
    update_message,
)

GET_CAPABILITY = 1  # of swtpm's control channel


class Swtpm:
    """with Swtpm() as tpm: tpm.tcti is how to reach it; its state stays over stop() and start()."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="lwgate-swtpm-")
        self.child, self.port = None, None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *error):
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def tcti(self):
        return f"swtpm:port={self.port}"

    def start(self, port=None):
        for _ in range(20):
            self.port = port or two_ports()
            self.child = subprocess.Popen(
                [
                    "swtpm",
                    "socket",
                    "--tpm2",
                    "--server",
                    f"type=tcp,port={self.port},bindaddr=127.0.0.1",
                    "--ctrl",
                    f"type=tcp,port={self.port + 1},bindaddr=127.0.0.1",
                    "--tpmstate",
                    f"dir={self.folder}",
                    "--flags",
                    "not-need-init,startup-clear",
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self.answers():
                return
            self.stop()
        raise TimeoutError("no swtpm")

    def answers(self):
        """Refused until it listens; once it is connected, its answer is awaited."""
        end = time.monotonic() + DEADLINE_S
        while self.child.poll() is None and time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", self.port + 1), DEADLINE_S) as s:
                    s.sendall(struct.pack(">I", GET_CAPABILITY))
                    return len(s.recv(64)) > 0
            except ConnectionRefusedError:
                time.sleep(0.02)
        return False

    def stop(self):
        if self.child:
            self.child.terminate()
            self.child.wait(DEADLINE_S)
            self.child = None


def two_ports():
    """The control channel is at the port above the commands'."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
                return port
            except (OSError, OverflowError):
                continue


class TpmLab(Lab):
    """A lab whose store has no key file, and an anchor in the TPM."""

    def __init__(self, devices, tpm, **kwargs):
        super().__init__(devices, store="", **kwargs)
        self.tpm = tpm

    def _store_text(self):
        return (
            f'store = {{ path = "{self.store_path()}"; token = "{self.memory}/token"; '
            f'key_tpm = "{self.path("store.sealed")}"; tpm = "{self.tpm.tcti}"; '
            f'anchor = "tpm:0x01500007"; {self.store} }};'
        )


class Talker:
    """A device over OpenSSL's s_client, whose session stays."""

    def __init__(self, lab, device):
        self.lab, self.message_id = lab, 0x4000
        self.client = s_client(lab, device)
        self.client.wait_bytes(rb"Extended master secret: yes.*---\n")
        self.say(register_message(device.endpoint))
        self.location = lab.server.wait_json(lambda e: e.get("event") == "registered")["location"]
        # It knows where it is registered, and so the gateway does for good (S9).
        self.client.wait_bytes(rb"\x61\x41\x12\x34\x51")

    def say(self, message):
        self.client.child.stdin.write(message)
        self.client.child.stdin.flush()

    def update(self):
        self.message_id += 1
        answer = b"\x61\x44" + self.message_id.to_bytes(2, "big") + b"\x52"
        for _ in range(5):
            self.say(update_message(self.location, self.message_id))
            try:
                self.client.wait_bytes(re.escape(answer), 3)
                return
            except TimeoutError:
                continue
        raise TimeoutError("no answer to Update")


def no_handshakes(lab):
    total = lab.status()
    return total["device_handshakes_done"] == 0 and total["server_handshakes_done"] == 0


def test_R190_sessions_live_on_under_a_key_that_a_tpm_keeps():
    device = Device("urn:tpm:lives")
    with Swtpm() as tpm, TpmLab([device], tpm) as lab:
        assert os.stat(lab.path("store.sealed")).st_mode & 0o777 == 0o600
        talker = Talker(lab, device)
        for how in (signal.SIGKILL, signal.SIGTERM):
            lab.restart(how)
            talker.update()
            assert no_handshakes(lab), lab.status()
        assert not any("ERROR:" in line for line in lab.gateway.lines), lab.gateway.lines


def test_R190_the_tpm_was_without_power_in_between():
    device = Device("urn:tpm:power")
    with Swtpm() as tpm, TpmLab([device], tpm) as lab:
        talker = Talker(lab, device)
        lab.gateway.kill()
        tpm.stop()
        tpm.start(tpm.port)
        lab.start_gateway()
        talker.update()
        assert no_handshakes(lab), lab.status()


def refusal(lab, *words):
    status, said = lab.refused()
    assert status == 1, (status, said)
    for word in words:
        assert word in said, (word, said)
    assert "ERROR:" not in said, said  # tpm2-tss has nothing to add
    return said


def test_R190_another_tpm_opens_nothing():
    device = Device("urn:tpm:other")
    with Swtpm() as tpm, TpmLab([device], tpm) as lab:
        lab.gateway.kill()
        tpm.stop()
        with Swtpm() as other:
            other.stop()
            other.start(tpm.port)
            refusal(lab, "only the TPM that sealed it opens it")
        tpm.start(tpm.port)
        lab.start_gateway()


def test_R190_without_its_tpm_it_does_not_start():
    device = Device("urn:tpm:gone")
    with Swtpm() as tpm, TpmLab([device], tpm) as lab:
        lab.gateway.kill()
        tpm.stop()
        refusal(lab, tpm.tcti, "cannot be reached")


def test_S5_R192_an_older_copy_is_refused():
    device = Device("urn:tpm:copy")
    with Swtpm() as tpm, TpmLab([device], tpm) as lab:
        talker = Talker(lab, device)
        lab.gateway.kill()
        shutil.copytree(lab.store_path(), lab.path("copy"))
        lab.start_gateway()
        talker.update()
        lab.gateway.kill()
        shutil.rmtree(lab.store_path())
        os.rename(lab.path("copy"), lab.store_path())
        refusal(lab, "older copy")


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
