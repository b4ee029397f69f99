# SPDX-License-Identifier: Apache-2.0
"""What a stack cannot, and how that is shown without us: by what its program says of itself, or by
the same thing failing between that stack and openssl."""

import signal
import subprocess

from ours import FAILURES, Step
from stacks import MTE, PSK, RAW, SECONDS, SMALL, X509, Openssl, running, said, say, server_port


class Missing(Exception):
    """A limit that only we meet."""


class Limit:
    """short goes into the cell, long below the table; fits(stack, role, cell) says where it is;
    prove(stack, role, cell) raises Missing if it cannot be seen without us."""

    seconds = SECONDS  # that we wait before we say that something does not come

    def __init__(self, short, long, step, fits, prove):
        self.short, self.long, self.step, self.fits, self._prove = short, long, step, fits, prove

    def within(self, seconds):
        self.seconds = seconds
        return self

    def is_there(self, stack, role, cell):
        return not self._prove(stack, role, cell)

    def prove(self, stack, role, cell):
        try:
            problem = self._prove(stack, role, cell)
        except FAILURES as e:
            problem = f"{type(e).__name__}: {e}"
        if problem:
            raise Missing(f"{self.long}: but {problem}")


def openssl_meets(port, cell, resume):
    """What s_client says of a handshake with a stack's server that is already running."""
    with running(Openssl().client_words(cell, port, resume)) as client:
        client.wait_bytes(rb"(New|Reused), .*\n", SECONDS)
        if "Cipher is (NONE)" not in said(client):
            client.wait_bytes(rb"Verify return code.*---\n", SECONDS)
            say(client, b"Q\n")
        client.child.wait(SECONDS)
        client.reader.join(5)
        return said(client)


def refuses_openssl(stack, role, cell):
    assert role == "client"
    port = server_port()
    with stack.server(cell, port):
        text = openssl_meets(port, cell, False)
    return None if "Cipher is (NONE)" in text else "s_client shakes hands with it"


def stalls_openssl(stack, role, cell):
    assert role == "client"
    port = server_port()
    with stack.server(cell, port):
        with running(Openssl().client_words(cell, port, False)) as client:
            try:
                client.wait_bytes(Openssl.shaken, STALL_S)
            except TimeoutError:
                return None
    return "s_client shakes hands with it"


def resumes_not_for_openssl(stack, role, cell):
    assert role == "client"
    port = server_port()
    with stack.server(cell, port):
        first = openssl_meets(port, cell, False)
        second = openssl_meets(port, cell, True)
    if "New, " not in first:
        return "s_client does not even shake hands with it"
    return "s_client resumes with it" if "Reused, " in second else None


def resumes_not_at_openssl(stack, role, cell):
    assert role == "server"
    port = server_port()
    with Openssl().server(cell, port) as server:
        for times in (1, 2):
            with running(stack.client_words(cell, port, False)) as client:
                # its request has come: both have finished
                server.wait_bytes(b"(IS supported\n..*){%d}" % times, SECONDS)
                client.child.send_signal(signal.SIGINT)
                client.child.wait(SECONDS)
            server.wait_bytes(b"(DONE\n.*){%d}" % times, SECONDS)
        text = said(server)
    return "it resumes at s_server" if "Reused session-id" in text else None


def lacks_word(argv, word):
    """A proof: the program does not have this word in what it says of its options."""

    def prove(stack, role, cell):
        del stack, role, cell
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
            check=False,
        )
        text = done.stdout.decode("utf-8", "replace").lower()
        return f"{argv[0]} knows the word {word}" if word in text or not text else None

    return prove


def lacks_class(name):
    return lambda stack, role, cell: f"it has {name}" if stack.has_class(name) else None


STALL_S = 3


def is_libcoap(stack):
    return stack.name.startswith("libcoap/")


LIMITS = [
    Limit(
        "no raw public keys",
        "Mbed TLS has no raw public keys (RFC 7250): its programs have no option for them",
        Step.BEGIN,
        lambda stack, role, cell: stack.name == "Mbed TLS" and cell.kind == RAW,
        lambda stack, role, cell: lacks_word([stack.program("ssl_client2"), "help"], "raw")(
            stack, role, cell
        ),
    ),
    Limit(
        "no raw public keys",
        "libcoap over OpenSSL has no raw public keys: it says so itself "
        "(\"PSK, PKI, PKCS11, and no RPK support\")",
        Step.BEGIN,
        lambda stack, role, cell: stack.name == "libcoap/OpenSSL" and cell.kind == RAW,
        lacks_word(["coap-client-openssl"], "and rpk support"),
    ),
    Limit(
        "no CBC with PSK",
        "coap-server-openssl refuses TLS_PSK_WITH_AES_128_CBC_SHA256 (alert 40), also of "
        "openssl s_client",
        Step.HANDSHAKE,
        lambda stack, role, cell: stack.name == "libcoap/OpenSSL"
        and role == "client"
        and cell.kind == PSK
        and "CBC" in cell.suite.iana,
        refuses_openssl,
    ),
    Limit(
        "no small fragments",
        "gnutls-serv grants 512 octets and then goes on no more after the certificate of "
        "its client, also with openssl s_client",
        Step.HANDSHAKE,
        lambda stack, role, cell: stack.name == "GnuTLS"
        and role == "client"
        and cell.kind == X509
        and cell.also == SMALL,
        stalls_openssl,
    ).within(STALL_S),
    Limit(
        "no encrypt-then-MAC",
        "Scandium does not know encrypt-then-MAC (RFC 7366; no class of it does), without "
        "which we take no CBC unless mac_then_encrypt is on: see those rows",
        Step.HANDSHAKE,
        lambda stack, role, cell: stack.name == "Californium"
        and "CBC" in cell.suite.iana
        and cell.also != MTE,
        lacks_class("EncryptThenMac"),
    ),
    Limit(
        "pass, no resumption",
        "coap-client keeps no session from one run to the next: at openssl s_server, too, each is "
        "a full handshake. All else in the cell passed",
        Step.RESUME,
        lambda stack, role, cell: is_libcoap(stack) and role == "server",
        resumes_not_at_openssl,
    ),
    Limit(
        "pass, no resumption",
        "this coap-server resumes no session, neither for openssl s_client. All else in the cell "
        "passed",
        Step.RESUME,
        lambda stack, role, cell: is_libcoap(stack)
        and role == "client"
        and (stack.tls == "gnutls" or cell.kind != PSK),
        resumes_not_for_openssl,
    ),
]


def limit_of(stack, role, cell):
    return next((limit for limit in LIMITS if limit.fits(stack, role, cell)), None)
