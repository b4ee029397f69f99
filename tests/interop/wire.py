# SPDX-License-Identifier: Apache-2.0
"""What handshakes are on the wire: how many datagrams and octets, and how often they come to their
end on a bad path."""

import concurrent.futures
import contextlib
import itertools
import os
import select
import shutil
import socket
import threading
import time

import certificates
from stacks import (
    PSK,
    RAW,
    SECONDS,
    SUITES,
    Cell,
    Gnutls,
    Libcoap,
    Mbedtls,
    Openssl,
    Wolfssl,
    openssl_program,
    running,
    server_port,
)
from harness import Process, binary
from ours import FAILURES, Lwgate

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
    port = server_port()
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
    port = server_port()
    client.patience_s = limit_s
    with server.server(cell, port), path.to(port, seed) as entry:
        begin = time.monotonic()
        with running(client.client_words(cell, entry, False)) as child:
            while child.alive() and time.monotonic() < begin + limit_s:
                with contextlib.suppress(TimeoutError):
                    child.wait_bytes(client.shaken, 0.5)
                    return time.monotonic() - begin
    return None


class Rate:
    """How one client fares with one server: seconds, None where it failed."""

    def __init__(self, client, server, kind, times):
        self.client, self.server, self.kind, self.times = client, server, kind, times
        self.good = sorted(t for t in times if t is not None)

    def text(self):
        if not self.good:
            return f"0/{len(self.times)}"
        median = self.good[len(self.good) // 2]
        return f"{len(self.good)}/{len(self.times)}, {median:.1f} s"


def rates(cells, seeds, limit_s, folder, jobs=24):
    """Rate of every third-party client with our server and with openssl's, over the same bad
    paths. Nearly all of the time is waiting for timers, so many run at once."""
    out, waiting, number = [], [], 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for cell in cells:
            for at, server in itertools.product(range(len(third_party_clients())), servers()[:2]):
                runs = []
                for seed in seeds:
                    number += 1
                    own = Cell(cell.suite, cell.kind, os.path.join(folder, f"path-{number}"))
                    shutil.copytree(cell.folder, own.folder)
                    words = (third_party_clients()[at], server, own, Path(), seed, limit_s)
                    runs.append(pool.submit(survives, *words))
                waiting.append((third_party_clients()[at], server, cell.kind, runs))
        for client, server, kind, runs in waiting:
            out.append(Rate(client, server, kind, [r.result() for r in runs]))
    return out


def rate_table(found):
    lines = [
        "| handshake | client | with lwgate | with openssl s_server |",
        "| --- | --- | --- | --- |",
    ]
    for ours, theirs in zip(found[::2], found[1::2]):
        lines.append(f"| {ours.kind} | {ours.client.name} | {ours.text()} | {theirs.text()} |")
    return lines


def good(found, name):
    return sum(len(r.good) for r in found if r.server.name == name)


CLIENTS = (Openssl, Gnutls, Mbedtls, Wolfssl, Lwgate)


def cost_table(cells):
    """(lines, {(kind, client's name, server's name): (full, resumed)})."""
    found = {}
    lines = [
        "| handshake | client | lwgate's server | openssl's | Mbed TLS's |",
        "| --- | --- | --- | --- | --- |",
    ]
    for cell, make in itertools.product(cells, CLIENTS):
        client = make()
        for server in servers():
            if cell.kind == RAW and "Mbed TLS" in (client.name, server.name):
                continue
            found[cell.kind, client.name, server.name] = costs(client, server, cell)
        for at, what in enumerate(("full", "resumed")):
            row = [found.get((cell.kind, client.name, s.name)) for s in servers()]
            if any(row):
                texts = " | ".join(c[at].text() if c else "" for c in row)
                lines.append(f"| {cell.kind} {what} | {client.name} | {texts} |")
    return lines, found


def keys_and_cells(folder, kinds):
    """Keys in a folder, and a cell with CCM_8 for each of the kinds."""
    keys = os.path.join(folder, "keys")
    os.mkdir(keys)
    certificates.make(openssl_program(), keys)
    return [Cell(SUITES[0] if kind == PSK else SUITES[2], kind, keys) for kind in kinds]


def third_party_clients():
    return [Openssl(), Gnutls(), Mbedtls(), Wolfssl(), Libcoap("openssl"), Libcoap("gnutls")]


def servers():
    """Ours first, then openssl's, with our MTU: left alone it has one of some 200 octets."""
    return [Lwgate(), Openssl(mtu=1232), Mbedtls()]
