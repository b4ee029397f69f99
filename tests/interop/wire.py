# SPDX-License-Identifier: Apache-2.0
"""What handshakes are on the wire: how many datagrams and octets, and how often they come to their
end on a bad path."""

import contextlib
import os
import select
import socket
import threading
import time

from harness import Process, binary, free_port
from ours import FAILURES, Lwgate
from stacks import SECONDS, Gnutls, Libcoap, Mbedtls, Openssl, Wolfssl, running

ALERT, DATA, RECORD = 21, 23, 13


class Tap:
    """with Tap(port) as tap: a relay at tap.port to a server at port. tap.flows: of each client's
    port, in order, a list of (upwards, datagram)."""

    def __init__(self, port):
        self.to = ("127.0.0.1", port)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.flows, self.backs = {}, {}
        self.wake, self.woken = socket.socketpair()

    def __enter__(self):
        self.thread = threading.Thread(target=self._relay, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.wake.close()
        self.thread.join()
        for s in (self.front, self.woken, *self.backs):
            s.close()

    def _back(self, client):
        for back, owner in self.backs.items():
            if owner == client:
                return back
        back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        back.connect(self.to)
        self.backs[back] = client
        self.flows[client] = []
        return back

    def _relay(self):
        while True:
            for ready in select.select([self.front, self.woken, *self.backs], [], [])[0]:
                if ready is self.woken:
                    return
                with contextlib.suppress(ConnectionRefusedError):
                    self._pass(ready)

    def _pass(self, ready):
        if ready is self.front:
            data, client = ready.recvfrom(65536)
            self._back(client).send(data)
            self.flows[client].append((True, data))
            return
        data, client = ready.recv(65536), self.backs[ready]
        self.front.sendto(data, client)
        self.flows[client].append((False, data))


def types_of(datagram):
    """The content types of its records."""
    types = []
    while len(datagram) >= RECORD:
        types.append(datagram[0])
        datagram = datagram[RECORD + int.from_bytes(datagram[11:13], "big") :]
    return types


class Cost:
    """Datagrams and octets (of UDP's payload) up and down, until the first data or alert."""

    def __init__(self, flow):
        self.datagrams, self.octets = [0, 0], [0, 0]
        for upwards, datagram in flow:
            if DATA in types_of(datagram) or ALERT in types_of(datagram):
                break
            self.datagrams[not upwards] += 1
            self.octets[not upwards] += len(datagram)

    def text(self):
        return (
            f"{sum(self.datagrams)} ({self.datagrams[0]}+{self.datagrams[1]}), "
            f"{sum(self.octets)} ({self.octets[0]}+{self.octets[1]})"
        )


def answer_all(stack, child):
    with contextlib.suppress(*FAILURES):
        for times in (1, 2, 3):
            stack.answer(child, times)


def costs(client, server, cell):
    """(full, resumed): Cost of a handshake of each."""
    port = free_port()
    with server.server(cell, port) as them, Tap(port) as tap:
        if hasattr(server, "answer"):
            threading.Thread(target=answer_all, args=(server, them), daemon=True).start()
        client.client(cell, tap.port, False)
        client.client(cell, tap.port, True)
        flows = list(tap.flows.values())
        return Cost(flows[0]), Cost(flows[-1])


class Path:
    """A bad path: what impair is told."""

    def __init__(self, loss=30, dup=10, reorder=10, delay="5-25"):
        self.words = ["--loss", str(loss), "--dup", str(dup), "--reorder", str(reorder)]
        self.words += ["--delay-ms", delay]

    def text(self):
        return " ".join(self.words)

    @contextlib.contextmanager
    def to(self, port, seed):
        words = [binary("impair"), "--listen", "127.0.0.1:0", "--to", f"127.0.0.1:{port}"]
        child = Process([*words, "--seed", str(seed), *self.words])
        try:
            yield child.wait_json(lambda e: e.get("event") == "listening", SECONDS)["port"]
        finally:
            child.kill()


def survives(client, server, cell, path, seed, limit_s):
    """Seconds until the client's handshake through a bad path is complete; None: it gave up, or
    was not done within limit_s."""
    port = free_port()
    with server.server(cell, port), path.to(port, seed) as entry:
        begin = time.monotonic()
        words = client.client_words(cell, entry, False)
        with running(words) as child:
            try:
                child.wait_bytes(client.shaken, limit_s)
                return time.monotonic() - begin
            except TimeoutError:
                return None


def third_party_clients():
    return [Openssl(), Gnutls(), Mbedtls(), Wolfssl(), Libcoap("openssl"), Libcoap("gnutls")]


def servers():
    """Ours first."""
    return [Lwgate(), Openssl(), Mbedtls()]
