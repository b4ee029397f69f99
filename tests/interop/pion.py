# SPDX-License-Identifier: Apache-2.0
"""pion/dtls, the DTLS of WebRTC in Go, as one of the stacks: pion/main.go."""

import os
import re
import shutil
import subprocess

from stacks import (
    IDENTITY,
    KEY,
    PING,
    PSK,
    ROOT,
    SERVER_NAME,
    Told,
)

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pion")
CID_OCTETS = 6
PADDING = 24


class Pion(Told):
    shaken = rb'"event":"up"'
    both = "data"
    close_seen = rb'"event":"down"'
    cids = True
    suites = {
        "TLS_PSK_WITH_AES_128_CCM_8",
        "TLS_PSK_WITH_AES_128_CBC_SHA256",
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
    }

    def __init__(self, program):
        super().__init__("pion/dtls")
        self.program = program

    def version(self):
        with open(os.path.join(FOLDER, "go.mod"), encoding="utf-8") as f:
            return re.search(r"pion/dtls/v3 v(\S+)", f.read()).group(1)

    def _words(self, cell, side, port):
        words = [self.program, "-port", str(port), "-suite", cell.suite.iana]
        if cell.ids:
            words += ["-cid", str(CID_OCTETS if cell.ids.of(side) else 0)]
            words += ["-padding", str(PADDING)] if cell.ids.bucket else []
        if cell.kind == PSK:
            return words + ["-identity", IDENTITY, "-psk", KEY]
        words += ["-certificate", cell.at(side + ".pem"), "-key", cell.at(side + ".key")]
        words += ["-anchors", cell.at("ca.pem")]
        return words + (["-name", SERVER_NAME] if side == "device" else [])

    def client_words(self, cell, port, resume):
        words = self._words(cell, "device", port) + ["-client", "-text", PING.decode()]
        words += ["-rounds", "2" if resume else "1"]
        return words + ["-exchanges", "2" if cell.ids else "1"]


def make():
    """The stack, with its program built."""
    if not shutil.which("go"):
        raise SystemExit("go is missing: run deploy/setup go")
    program = os.path.join(os.path.abspath(ROOT), "build", "interop", "pion", "pion-peer")
    subprocess.run(["go", "build", "-buildvcs=false", "-o", program, "."], cwd=FOLDER, check=True)
    return Pion(program)
