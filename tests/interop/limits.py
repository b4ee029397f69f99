# SPDX-License-Identifier: Apache-2.0
"""What a stack cannot, and how that is shown without us: by what its program says of itself, or by
the same thing failing between that stack and openssl."""

import functools
import os
import signal
import subprocess

from nat import CID_EXTENSION, Nat
from ours import FAILURES, Step
from stacks import (
    CID_VALUE,
    IDENTITY,
    KEY,
    MTE,
    PSK,
    RAW,
    SECONDS,
    SMALL,
    X509,
    Mbedtls,
    Openssl,
    ended,
    prefix_of,
    running,
    said,
    say,
    server_port,
)


class Missing(Exception):
    """A limit that only we meet."""


class Limit:
    """short goes into the cell, long below the table; fits(stack, role, cell) says where it is;
    prove(stack, role, cell) raises Missing if it cannot be seen without us. step: where a cell ends
    by it; None: nowhere, what it takes away was not tried."""

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


def hello_of(stack, role, cell):
    """The extensions of a stack's hello, where it meets openssl in the role that it has in a cell:
    of the client's, or of what the server answers."""
    port = server_port()
    if role == "client":
        with stack.server(cell, port), Nat(port) as nat:
            openssl_meets(nat.port, cell, False)
            return nat.flows[0].answered
    with Openssl().server(cell, port), Nat(port) as nat:
        with running(stack.client_words(cell, nat.port, False)) as client:
            client.wait_bytes(rb'"event"', SECONDS)
        return nat.flows[0].offered


def lacks_extension(number):
    """A proof: it is not in the stack's hello (nor in a server's answer to one that has it)."""

    def prove(stack, role, cell):
        found = hello_of(stack, role, cell)
        return f"it has extension {number}: {found}" if number in found or not found else None

    return prove


def resumes_not_at_mbedtls(stack, role, cell):
    """Whether its client, with connection ids, fails to resume at Mbed TLS's server, too."""
    del role
    port, mbedtls = server_port(), Mbedtls()
    with mbedtls.server(cell, port):
        stack.client(cell, port, False)
        try:
            stack.client(cell, port, True)
        except FAILURES as e:
            return None if "timeout" in str(e) else f"it fails otherwise: {e}"
    return "it resumes at ssl_server2"


def forgets_ids(stack, role, cell):
    """Whether its server gives Mbed TLS's client no connection id in a session that is resumed."""
    del role
    port = server_port()
    with stack.server(cell, port), Nat(port, moving=False) as nat:
        with running(Mbedtls().client_words(cell, nat.port, True)) as client:
            client.wait_bytes(rb"Reconnecting with saved session\.\.\. ok", SECONDS)
    first, second = (flow.answered for flow in nat.flows)
    if CID_EXTENSION not in first:
        return "it gives none at all"
    return "it gives one" if CID_EXTENSION in second else None


@functools.lru_cache(maxsize=None)
def loses_sight(stack):
    """Whether the stack's client is not answered by its own server after a move."""
    port = server_port()
    words = ["dtls=1", "server_addr=127.0.0.1", "psk=" + KEY, "psk_identity=" + IDENTITY]
    words += ["cid=1", "cid_val=" + CID_VALUE, "exchanges=2"]
    with running([stack.program("ssl_server2"), *words, f"server_port={port}"], port):
        with Nat(port) as nat:
            words += [f"server_port={nat.port}", f"read_timeout={STALL_S * 1000}"]
            with running([stack.program("ssl_client2"), *words]) as client:
                text = ended(client)
    assert "Peer CID" in text and nat.flows[0].moves > 0, text[-300:]
    return text.count(" bytes read") == 1


def follows_not(stack, role, cell):
    del role, cell
    return None if loses_sight(stack) else "its server follows its own client"


def wolfssl_says(stack, role, cell):
    """The settings of the library that our peer was built with."""
    del stack, role, cell
    name = os.path.join(prefix_of("wolfssl"), "include", "wolfssl", "wolfcrypt", "settings.h")
    with open(name, encoding="utf-8") as f:
        return None if "ConnectionID is supported for DTLSv1.3 only" in f.read() else "not there"


def nothing_more(stack, role, cell):
    """The cell itself has shown it: with the extension before its eyes none was agreed on."""
    del stack, role, cell


STALL_S = 3
ENCRYPT_THEN_MAC, SERVER_CERTIFICATE_TYPE = 22, 20


def is_pion(stack):
    return stack.name == "pion/dtls"


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
        '("PSK, PKI, PKCS11, and no RPK support")',
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
        "no encrypt-then-MAC",
        "pion/dtls does not know encrypt-then-MAC (RFC 7366): its hellos do not have it, nor when "
        "it speaks with openssl",
        Step.HANDSHAKE,
        lambda stack, role, cell: is_pion(stack) and "CBC" in cell.suite.iana and cell.also != MTE,
        lacks_extension(ENCRYPT_THEN_MAC),
    ),
    Limit(
        "no raw public keys",
        "pion/dtls has no raw public keys: its hellos do not have the types of RFC 7250",
        Step.HANDSHAKE,
        lambda stack, role, cell: is_pion(stack) and cell.kind == RAW,
        lacks_extension(SERVER_CERTIFICATE_TYPE),
    ),
    Limit(
        "pass, no resumption",
        "pion/dtls resumes no session of a client that has shown a certificate, neither for "
        "openssl s_client. All else in the cell passed",
        Step.RESUME,
        lambda stack, role, cell: is_pion(stack) and role == "client" and cell.kind == X509,
        resumes_not_for_openssl,
    ),
    *(
        Limit(
            "pass, no ids after resumption",
            "pion/dtls's server gives no connection id in a session that is resumed, neither to "
            "ssl_client2. All else in the cell passed",
            Step.RESUME if any_id else Step.PATH,
            lambda stack, role, cell, any_id=any_id: is_pion(stack)
            and role == "client"
            and cell.ids
            and (cell.ids.device or cell.ids.server) == any_id,
            forgets_ids,
        )
        for any_id in (True, False)
    ),
    Limit(
        "pass, no resumption",
        "pion/dtls's client takes a connection id in a session that is resumed, but sends its "
        "Finished without it: ssl_server2 does not take that either. All else in the cell passed",
        Step.RESUME,
        lambda stack, role, cell: is_pion(stack)
        and role == "server"
        and cell.ids
        and cell.ids.server,
        resumes_not_at_mbedtls,
    ),
    Limit(
        "pass, no move",
        "ssl_server2 connects its socket to its client's address, so that it hears no other: "
        "behind a NAT that changes, it does not answer ssl_client2 either. All else passed",
        None,
        lambda stack, role, cell: stack.name == "Mbed TLS"
        and role == "client"
        and cell.ids
        and cell.ids.server,
        follows_not,
    ),
    Limit(
        "none",
        "wolfSSL has connection ids for DTLS 1.3 only (its settings.h says so). All else in the "
        "cell passed: it goes on without",
        None,
        lambda stack, role, cell: stack.name == "wolfSSL" and cell.ids,
        wolfssl_says,
    ),
    Limit(
        "none",
        "it has no connection ids. All else in the cell passed: it goes on without",
        None,
        lambda stack, role, cell: stack.name in ("openssl", "GnuTLS") and cell.ids,
        nothing_more,
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
