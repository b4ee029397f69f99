# SPDX-License-Identifier: Apache-2.0
"""Scandium, the DTLS of Eclipse Californium, as one of the stacks: ScandiumPeer.java, built with
the libraries of the runs with Leshan."""

import os
import pathlib
import re
import sys
import zipfile

LESHAN = pathlib.Path(__file__).resolve().parent / "leshan"
sys.path.insert(0, str(LESHAN))
import peers  # noqa: E402  (the path comes first)
from stacks import (  # noqa: E402
    IDENTITY,
    KEY,
    PING,
    PSK,
    RAW,
    SERVER_NAME,
    SMALL,
    Told,
)

CID_OCTETS = 6
CID_DRAFT = 53  # of draft-ietf-tls-dtls-connection-id up to -07; its MAC was another, too


class Californium(Told):
    shaken = rb'"event":"up"'
    both = "data"
    close_seen = rb'"alert":"CLOSE_NOTIFY"'
    cids = drafts = True

    def __init__(self, classes):
        super().__init__("Californium")
        self.program = ["java", "-Xmx96m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        self.program += ["-Xshare:auto", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        self.program += ["-cp", classes, "ScandiumPeer"]
        self.jar = next(pathlib.Path(classes.split(os.pathsep)[1]).parent.glob("scandium-*"))

    def version(self):
        return re.search(r"scandium-(.*)\.jar", self.jar.name).group(1)

    def has_class(self, name):
        with zipfile.ZipFile(self.jar) as z:
            return any(name in entry for entry in z.namelist())

    def _words(self, cell, side, port):
        other = "server" if side == "device" else "device"
        words = [*self.program, "-r", "client" if side == "device" else "server", "-P", str(port)]
        words += ["-S", cell.suite.iana]
        if cell.ids:
            words += ["-C", str(CID_OCTETS if cell.ids.of(side) else 0)]
            words += ["-d", str(CID_DRAFT)] if cell.ids.draft else []
        if cell.kind == PSK:
            return words + ["-i", IDENTITY, "-p", KEY]
        words += ["-k", cell.at(side + ".p8")]
        if cell.kind == RAW:
            return words + ["-K", cell.at(side + ".spki"), "-s", cell.at(other + ".spki")]
        return words + ["-c", cell.at(side + ".der"), "-a", cell.at("ca.der")]

    def client_words(self, cell, port, resume):
        words = self._words(cell, "device", port) + ["-R", "2" if resume else "1"]
        words += ["-x", "2" if cell.ids else "1", "-t", PING.decode()]
        words += ["-f", "yes"] if cell.also == SMALL else []
        return words + (["-n", SERVER_NAME] if cell.kind not in (PSK, RAW) else [])


def make():
    """The stack, with its classes built."""
    build = peers.root_folder() / "build" / "interop" / "leshan"
    build.mkdir(parents=True, exist_ok=True)
    return Californium(peers.build_java(LESHAN, build))
