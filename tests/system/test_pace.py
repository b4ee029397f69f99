#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links are opened at a pace (upstream.handshakes_per_s): a server that was killed and begins anew
meets its fleet at no more than that, and so does one whose whole fleet comes at once; nobody is
forgotten.

What arrives at the server is counted where the network is, in a capture: each link begins with the
first ClientHello from a source address of its own."""

import ctypes
import os
import socket
import struct
import sys
import time

sys.dont_write_bytecode = True
from capture import CLIENT_HELLO, HANDSHAKE, Capture, udp_of  # noqa: E402
from harness import Device, Lab, Skip, binary, run_tests  # noqa: E402

COUNT = 300
RATE = 40
WORKERS = 2
# in any second: the rate, two at once of each worker, and those that a busy machine is late with
MOST = RATE + 2 * WORKERS + RATE // 10
BACK_S = 150
# classic BPF, see bpf(4) and socket(7)
LOAD_HALF, LOAD_BYTE, IF_EQUAL, RETURN, SO_ATTACH_FILTER = 0x28, 0x30, 0x15, 0x06, 26
PACE = f"handshakes_per_s = {RATE};"


class Beginnings(Capture):
    """When each link to the server began, by its first ClientHello since anew()."""

    def __enter__(self):
        """What others say on this interface is not even seen, or a busy machine would lose some."""
        super().__enter__()
        program = ctypes.create_string_buffer(
            b"".join(
                struct.pack("HBBI", *step)
                for step in (
                    (LOAD_HALF, 0, 0, 12),  # of the frame: its protocol, IPv4
                    (IF_EQUAL, 0, 5, 0x0800),
                    (LOAD_BYTE, 0, 0, 23),  # of the packet: UDP
                    (IF_EQUAL, 0, 3, 17),
                    (LOAD_HALF, 0, 0, 36),  # to this port, behind a header without options
                    (IF_EQUAL, 0, 1, self.port),
                    (RETURN, 0, 0, 65535),
                    (RETURN, 0, 0, 0),
                )
            )
        )
        filter_ = struct.pack("HP", 8, ctypes.addressof(program))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, filter_)
        return self

    def anew(self, port):
        self.port, self.first = port, {}

    def _wanted(self, frame):
        udp = udp_of(frame)
        if udp is None or udp[1][1] != self.port or not is_hello(udp[2]):
            return False
        self.first.setdefault(udp[0], time.monotonic())
        return True

    def times(self):
        return sorted(self.first.values())


def is_hello(data):
    return len(data) > 13 and data[0] == HANDSHAKE and data[13] == CLIENT_HELLO


def at_a_pace(times):
    most = max(sum(t <= u < t + 1 for u in times) for t in times)
    took = times[-1] - times[0]
    print(f"# {len(times)} links in {took:.1f} s, at most {most} in a second")
    # Neither faster, nor by much slower: nobody waits who need not.
    assert most <= MOST, most
    assert took >= COUNT / RATE - 1, took
    return took


def registered(lab):
    """Until the whole fleet is."""
    missing = {d.endpoint for d in lab.devices}
    while missing:
        found = lab.server.wait_json(lambda e: e.get("event") == "registered", BACK_S)
        missing.discard(found["endpoint"])


def test_a_server_that_begins_anew_meets_its_fleet_at_a_pace():
    if os.geteuid() != 0:
        raise Skip("only root may capture")
    capture = Beginnings(())
    capture.anew(0)
    devices = [Device(f"urn:pace:{i}") for i in range(COUNT)]
    with Lab(devices, to_server=PACE, settings=f"workers = {WORKERS};") as lab:
        capture.anew(lab.server_port)
        with capture:
            fleet = lab.start(
                [
                    *(binary("lwgate-fleet"), "--server", f"127.0.0.1:{lab.port}"),
                    *("--credentials", lab.path("credentials.conf"), "--rate", "1000"),
                    *("--notify-ms", "0", "--update-s", "5"),
                ]
            )
            registered(lab)
            assert len(capture.first) == COUNT, len(capture.first)
            at_a_pace(capture.times())

            lab.server.kill()
            capture.anew(lab.server_port)
            lab.start_server()
            registered(lab)
            assert len(capture.first) == COUNT, len(capture.first)
            at_a_pace(capture.times())
            fleet.kill()  # a capture ends with silence
        assert capture.dropped == 0, capture.dropped
        assert "link-late" not in "\n".join(lab.gateway.lines)


if __name__ == "__main__":
    run_tests([test_a_server_that_begins_anew_meets_its_fleet_at_a_pace])
