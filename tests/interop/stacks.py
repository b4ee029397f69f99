# SPDX-License-Identifier: Apache-2.0
"""DTLS stacks, each as a client and as a server through its own programs; ours is in ours.py.

A stack has client(cell, port, resume), which runs to its end and returns what the program said,
and server(cell, port), a context with a running program; both raise what harness.Process raises.
client_words(cell, port, resume) is the client's command line, `shaken` what it says when the
handshake is complete.
"""

import contextlib
import os
import random
import re
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from harness import LEVEL0, Process, binary  # noqa: E402  (the path comes first)

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
IDENTITY = "device-one"
# libcoap's programs take a key as text, so the key is the octets of a text
KEY_TEXT = "0123456789abcdef"
KEY = KEY_TEXT.encode().hex()
PING = b"ping of the interoperability matrix"
# CON GET with a token of 4 octets, message id 0x1234 (RFC 7252)
COAP_GET = "440112341a2b3c4d"
# what comes back: an echo, or what Mbed TLS's server answers to anything
ANSWER = rb"(" + PING + rb"|HTTP/1\.0 200)"
SECONDS = 15

PSK, RAW, X509 = "PSK", "raw public key", "X.509"
# without encrypt-then-MAC (RFC 7366); with max_fragment_length of 512 octets (RFC 6066)
MTE, SMALL = "MAC-then-encrypt", "fragments of 512"
SERVER_NAME = "server.interop.example"


class Ids:
    """Connection ids (RFC 9146): which side wants to be addressed by one (the other's is empty);
    bucket: what our records are padded to; draft: they are asked for with a draft's number."""

    def __init__(self, device=True, server=True, bucket=0, draft=False):
        self.device, self.server, self.bucket, self.draft = device, server, bucket, draft

    def of(self, side):
        return self.device if side == "device" else self.server


CIDS = "connection ids"
IDS = {
    CIDS: Ids(),
    CIDS + ", none for the client": Ids(device=False),
    CIDS + ", none for the server": Ids(server=False),
    CIDS + ", none for either": Ids(device=False, server=False),
    CIDS + ", padded to 64": Ids(bucket=64),
    CIDS + " of a draft": Ids(draft=True),
}
CID_DRAFT = CIDS + " of a draft"
CID_VALUE = "c0ffee5eed42"  # of stacks that can be told


class Suite:
    def __init__(self, iana, openssl, gnutls, wolfssl):
        self.iana, self.openssl, self.gnutls, self.wolfssl = iana, openssl, gnutls, wolfssl
        self.mbedtls = iana.replace("_", "-")
        self.psk = "_PSK_" in iana


SUITES = [
    Suite(
        "TLS_PSK_WITH_AES_128_CCM_8",
        "PSK-AES128-CCM8",
        "+PSK:+AES-128-CCM-8:+AEAD",
        "PSK-AES128-CCM-8",
    ),
    Suite(
        "TLS_PSK_WITH_AES_128_CBC_SHA256",
        "PSK-AES128-CBC-SHA256",
        "+PSK:+AES-128-CBC:+SHA256",
        "PSK-AES128-CBC-SHA256",
    ),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
        "ECDHE-ECDSA-AES128-CCM8",
        "+ECDHE-ECDSA:+AES-128-CCM-8:+AEAD",
        "ECDHE-ECDSA-AES128-CCM-8",
    ),
    Suite(
        "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
        "ECDHE-ECDSA-AES128-SHA256",
        "+ECDHE-ECDSA:+AES-128-CBC:+SHA256",
        "ECDHE-ECDSA-AES128-SHA256",
    ),
]


class Cell:
    """A suite, a kind of credential and what else is agreed, in a folder with keys
    (certificates.make)."""

    def __init__(self, suite, kind, folder, also=""):
        self.suite, self.kind, self.folder, self.also = suite, kind, folder, also

    @property
    def ids(self):
        """None: no word of them."""
        return IDS.get(self.also)

    def at(self, name):
        return os.path.join(self.folder, name)


def prefix_of(script):
    """Where a script of deploy/ has put what it builds; "": the system's."""
    done = subprocess.run(
        [os.path.join(ROOT, "deploy", script), "prefix"],
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    return done.stdout.decode().strip()


def openssl_program():
    prefix = prefix_of("openssl")
    program = os.path.join(prefix, "bin", "openssl")
    return program if prefix and os.path.exists(program) else "openssl"


def first_line(argv, pattern):
    """What the first group of a pattern finds in what a program says of itself."""
    done = subprocess.run(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=10,
        check=False,
    )
    found = re.search(pattern, done.stdout.decode("utf-8", "replace"))
    return found.group(1) if found else "?"


def server_port():
    """A port for a stack's server, as is the one below (libcoap has that, too); none that the
    system gives to clients, as one could come in between."""
    while True:
        port = random.randrange(20001, 32000, 2)
        with contextlib.ExitStack() as sockets, contextlib.suppress(OSError):
            for number in (port - 1, port):
                s = sockets.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
                s.bind(("127.0.0.1", number))
            return port


def is_bound(port):
    """Whether a UDP socket of this machine has this port."""
    wanted = f":{port:04X} "
    for name in ("/proc/net/udp", "/proc/net/udp6"):
        with open(name, encoding="ascii") as f:
            if any(wanted in line.split(":", 1)[1][:45] for line in f.readlines()[1:]):
                return True
    return False


@contextlib.contextmanager
def running(argv, port=None, **kwargs):
    """A program, ended with the block; with a port: from when it has bound it."""
    child = Process(argv, raw=True, env=dict(os.environ, OPENSSL_CONF=LEVEL0), **kwargs)
    try:
        end = time.monotonic() + SECONDS
        while port is not None and not is_bound(port):
            if not child.alive() or time.monotonic() > end:
                raise EOFError(f"{child.name} does not listen: {said(child)[-300:]}")
            time.sleep(0.005)  # no event tells of it
        yield child
    finally:
        child.kill()
        child.reader.join(5)
        for pipe in (child.child.stdin, child.child.stdout):
            with contextlib.suppress(OSError):
                pipe.close()


def said(child):
    return child.bytes.decode("utf-8", "replace")


def say(child, octets):
    child.child.stdin.write(octets)
    child.child.stdin.flush()


def ended(child, seconds=SECONDS):
    """All that a program has said, once it has ended by itself."""
    child.child.wait(seconds)
    child.reader.join(5)
    return said(child)


class Stack:
    patience_s = 5  # of its client, where that can be said
    # How its client resumes: "": a session that an earlier run has kept; or one that the same run
    # has made before, "data": with data, "no data": without.
    both = ""
    coap = False  # it speaks nothing else over DTLS
    closes = False  # its server closes first
    close_seen = None  # what its server says when the client has closed
    suites = None  # those of ours that it has; None: all
    cids = False  # it has connection ids
    drafts = False  # its client can ask for them as a draft had it
    follows = True  # its server goes on with a client that has moved
    once_again = False  # with ids, its client has data twice in a session, but once in a resumed

    def __init__(self, name):
        self.name = name


class Told(Stack):
    """A program of ours on a stack that has none of its own: it says in JSON what happens."""

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            text = ended(child)
        answers = [bytes.fromhex(octets) for octets in re.findall(r'"hex":"(\w+)"', text)]
        wanted = (1 + resume) * (2 if cell.ids else 1)
        if child.child.returncode or sum(bool(re.match(ANSWER, a)) for a in answers) != wanted:
            raise EOFError(f"{self.name}'s peer: {text[-300:]}")
        return text

    @contextlib.contextmanager
    def server(self, cell, port):
        with running(self._words(cell, "server", port), port) as child:
            yield child


class Openssl(Stack):
    shaken = rb"(New|Reused), TLSv1\.\d, Cipher is [A-Z].*\n---\n"
    close_seen = rb"DONE\n"

    def __init__(self, mtu=None):
        super().__init__("openssl")
        self.program = openssl_program()
        self.mtu = mtu  # of its server's handshake

    def version(self):
        return first_line([self.program, "version"], r"OpenSSL (\S+)")

    def _words(self, cell, side):
        # it rates CCM_8 at 64 bits (3.2 and later): level 0 (R-048 is for ours)
        words = ["-dtls1_2", "-cipher", cell.suite.openssl + ":@SECLEVEL=0"]
        words += ["-no_etm"] if cell.also == MTE else []
        words += ["-maxfraglen", "512"] if cell.also == SMALL and side == "device" else []
        if cell.kind == PSK:
            words += ["-psk", KEY, "-psk_identity", IDENTITY]
            return words + (["-nocert"] if side == "server" else [])
        # without a certificate it takes no key, even if only the key is shown
        words += ["-key", cell.at(side + ".key"), "-cert", cell.at(side + ".pem")]
        if cell.kind == RAW:
            return words + ["-enable_server_rpk", "-enable_client_rpk"]
        return words + ["-CAfile", cell.at("ca.pem"), "-verify_return_error"]

    def client_words(self, cell, port, resume):
        words = [self.program, "s_client", "-connect", f"127.0.0.1:{port}"]
        words += self._words(cell, "device")
        if cell.kind == X509:
            words += ["-verify_hostname", SERVER_NAME, "-servername", SERVER_NAME]
        return words + ["-sess_in" if resume else "-sess_out", cell.at("session")]

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            child.wait_bytes(self.shaken, SECONDS)
            say(child, PING + b"\n")
            child.wait_bytes(ANSWER, SECONDS)
            with contextlib.suppress(BrokenPipeError):  # the server may have closed
                say(child, b"Q\n")
            return ended(child)

    @contextlib.contextmanager
    def server(self, cell, port):
        words = [self.program, "s_server", "-accept", str(port), "-no_ticket"]
        words += self._words(cell, "server")
        words += ["-mtu", str(self.mtu)] if self.mtu else []
        if cell.kind != PSK:
            words += ["-Verify", "3"]
        with running(words, port) as child:
            yield child

    def answer(self, child, times):
        """It echoes nothing: what is written to its stdin is the answer, once data has come."""
        child.wait_bytes(b"(IS (NOT )?supported\n..*){%d}" % times, SECONDS)
        say(child, PING + b"\n")


class Gnutls(Stack):
    shaken = rb"Handshake was completed"
    both = "no data"
    close_seen = rb"Close notify - was received"

    def __init__(self):
        super().__init__("GnuTLS")

    def version(self):
        return first_line(["gnutls-cli", "--version"], r"gnutls-cli (\S+)")

    def _words(self, cell, side):
        priority = f"NONE:+VERS-DTLS1.2:{cell.suite.gnutls}:+COMP-NULL"
        priority += ":+SIGN-ECDSA-SHA256:+GROUP-SECP256R1:%NO_TICKETS"
        if cell.kind == RAW:
            priority += ":+CTYPE-SRV-RAWPK:+CTYPE-CLI-RAWPK"
        priority += ":%NO_ETM" if cell.also == MTE else ""
        words = ["--udp", "--priority", priority]
        words += ["--recordsize", "512"] if cell.also == SMALL and side == "device" else []
        if cell.kind == RAW:
            words += ["--rawpkkeyfile", cell.at(side + ".key")]
            words += ["--rawpkfile", cell.at(side + ".pub")]
        if cell.kind == X509:
            words += ["--x509keyfile", cell.at(side + ".key")]
            words += ["--x509certfile", cell.at(side + ".pem")]
            words += ["--x509cafile", cell.at("ca.pem")]
        return words

    def client_words(self, cell, port, resume):
        words = ["gnutls-cli", "--port", str(port), *self._words(cell, "device")]
        if cell.kind == PSK:
            words += ["--pskusername", IDENTITY, "--pskkey", KEY]
        if cell.kind == RAW:
            words += ["--insecure"]  # it has no way to be told whose key is good
        if cell.kind == X509:
            words += ["--sni-hostname", SERVER_NAME, "--verify-hostname", SERVER_NAME]
        return words + (["--resume"] if resume else []) + ["127.0.0.1"]

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            child.wait_bytes(rb"Simple Client Mode:", SECONDS)
            say(child, PING + b"\n")
            child.wait_bytes(ANSWER, SECONDS)
            child.child.stdin.close()
            return ended(child)

    @contextlib.contextmanager
    def server(self, cell, port):
        words = ["gnutls-serv", "-d", "5", "--port", str(port), "--echo"]
        words += self._words(cell, "server")
        if cell.kind == PSK:
            with open(cell.at("psk"), "w", encoding="utf-8") as f:
                f.write(f"{IDENTITY}:{KEY}\n")
            words += ["--pskpasswd", cell.at("psk")]
        if cell.kind == RAW:
            words += ["--require-client-cert"]
        if cell.kind == X509:
            words += ["--require-client-cert", "--verify-client-cert"]
        with running(words, port) as child:
            yield child


class Mbedtls(Stack):
    shaken = rb"Protocol is DTLSv1\.2"
    both = "data"
    closes = True
    cids = drafts = once_again = True
    follows = False

    def __init__(self):
        super().__init__("Mbed TLS")
        self.folder = os.path.join(prefix_of("mbedtls"), "bin")

    def version(self):
        found = re.search(r"mbedtls-(\d[\d.]*)", self.folder)
        return found.group(1) if found else "?"

    def program(self, name):
        return os.path.join(self.folder, name)

    def _words(self, cell, side):
        words = ["dtls=1", "server_addr=127.0.0.1", "tickets=0"]
        words += ["force_ciphersuite=" + cell.suite.mbedtls]
        words += ["etm=0"] if cell.also == MTE else []
        words += ["max_frag_len=512"] if cell.also == SMALL and side == "device" else []
        if cell.ids:
            words += ["cid=1", "cid_val=" + (CID_VALUE if cell.ids.of(side) else "")]
            words += ["exchanges=2"]
        if cell.kind == PSK:
            return [*words, "psk=" + KEY, "psk_identity=" + IDENTITY]
        return [
            *words,
            "auth_mode=required",
            "crt_file=" + cell.at(side + ".pem"),
            "key_file=" + cell.at(side + ".key"),
            "ca_file=" + cell.at("ca.pem"),
        ]

    def client_words(self, cell, port, resume):
        name = "ssl_client2-draft" if cell.ids and cell.ids.draft else "ssl_client2"
        words = [self.program(name), f"server_port={port}", *self._words(cell, "device")]
        words += ["reconnect=" + ("1" if resume else "0")]
        return words + (["server_name=" + SERVER_NAME] if cell.kind == X509 else [])

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            text = ended(child)
        # it sends "GET /"
        answers = rf"Read from server: \d+ bytes read\s+(GET /|{ANSWER.decode()})"
        if len(re.findall(answers, text)) != (2 if cell.ids else 1) + resume:
            raise EOFError("ssl_client2: no answer: " + text[-300:])
        return text

    @contextlib.contextmanager
    def server(self, cell, port):
        words = [self.program("ssl_server2"), f"server_port={port}", *self._words(cell, "server")]
        with running(words, port) as child:
            yield child


class Wolfssl(Stack):
    shaken = rb'"event":"up"'
    both = "data"
    close_seen = rb'"why":"close_notify"'

    def __init__(self):
        super().__init__("wolfSSL")
        self.program = binary("wolfssl-peer")

    def version(self):
        found = re.search(r"wolfssl-(\d[\d.]*)", prefix_of("wolfssl"))
        return found.group(1) if found else "?"

    def _words(self, cell, side, port):
        words = [self.program, "client" if side == "device" else "server", "--port", str(port)]
        words += ["--suite", cell.suite.wolfssl]
        words += ["--no-etm"] if cell.also == MTE else []
        words += ["--fragment", "1"] if cell.also == SMALL and side == "device" else []
        if cell.kind == PSK:
            return words + ["--identity", IDENTITY, "--psk", KEY]
        words += ["--key", cell.at(side + ".key"), "--certificate"]
        if cell.kind == RAW:
            return words + [cell.at(side + ".spki"), "--raw"]
        words += [cell.at(side + ".pem"), "--anchors", cell.at("ca.pem")]
        return words + (["--name", SERVER_NAME] if side == "device" else [])

    def client_words(self, cell, port, resume):
        words = self._words(cell, "device", port) + ["--rounds", "2" if resume else "1"]
        return words + ["--text", PING.decode()]

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            text = ended(child)
        answers = [bytes.fromhex(octets) for octets in re.findall(r'"hex":"(\w+)"', text)]
        if child.child.returncode or sum(bool(re.match(ANSWER, a)) for a in answers) != 1 + resume:
            raise EOFError("wolfssl-peer: " + text[-300:])
        return text

    @contextlib.contextmanager
    def server(self, cell, port):
        with running(self._words(cell, "server", port), port) as child:
            yield child


class Libcoap(Stack):
    shaken = rb"session connected\n"
    coap = True

    def __init__(self, tls):
        super().__init__("libcoap/" + {"openssl": "OpenSSL", "gnutls": "GnuTLS"}[tls])
        self.tls = tls
        seen = {"openssl": rb"alert read:warning:close notify", "gnutls": rb"EVENT: 0x0000\n"}
        self.close_seen = seen[tls]

    def version(self):
        return first_line([f"coap-client-{self.tls}"], r"v(\d\S+)")

    def _words(self, cell, side):
        if cell.kind == PSK:
            return ["-k", KEY_TEXT, *(["-u", IDENTITY] if side == "device" else [])]
        if cell.kind == RAW:
            return ["-M", cell.at(side + ".both")]
        return ["-c", cell.at(side + ".pem"), "-j", cell.at(side + ".key"), "-C", cell.at("ca.pem")]

    def client_words(self, cell, port, resume):
        del resume  # it has no way to
        words = [f"coap-client-{self.tls}", "-v", "7", *self._words(cell, "device")]
        words += ["-B", str(self.patience_s)]
        return words + [f"coaps://127.0.0.1:{port}/x"]

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            text = ended(child)
        if "2.05" not in text:
            raise EOFError(f"coap-client-{self.tls}: no 2.05: " + text[-400:])
        return text

    @contextlib.contextmanager
    def server(self, cell, port):
        # it listens for CoAP at the port below, too
        words = [f"coap-server-{self.tls}", "-v", "7", "-A", "127.0.0.1", "-p", str(port - 1)]
        words += self._words(cell, "server")
        with running(words, port) as child:
            yield child


def all_stacks():
    return [Openssl(), Gnutls(), Mbedtls(), Wolfssl(), Libcoap("openssl"), Libcoap("gnutls")]
