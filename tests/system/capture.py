# SPDX-License-Identifier: Apache-2.0
"""Captures UDP on the loopback interface (root only) and reads DTLS records out of what was
captured.

The packet socket is open before the first datagram of a test is sent, so nothing is missed, and the
kernel says how many
packets it had to drop (none may be).
"""

import socket
import struct
import threading

SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING, ETH_P_ALL = 263, 6, 4, 3
CLIENT_HELLO, SERVER_HELLO = 1, 2
CCS, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23


class Capture:
    """with Capture({ports}) as c: ...; afterwards c.datagrams is a list of (source, destination,
    payload)."""

    def __init__(self, ports):
        self.ports, self.frames, self.dropped = set(ports), [], 0

    def __enter__(self):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self.socket.bind(("lo", 0))
        self.socket.settimeout(0.2)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        return self

    def _read(self):
        while True:
            try:
                frame, about = self.socket.recvfrom(65536)
            except TimeoutError:
                if self.ended.is_set():
                    return
                continue
            # Each packet passes the loopback interface twice, going out and coming in.
            if about[2] != PACKET_OUTGOING and self._wanted(frame):
                self.frames.append(frame)

    def _wanted(self, frame):
        udp = udp_of(frame)
        return udp is not None and (udp[0][1] in self.ports or udp[1][1] in self.ports)

    def __exit__(self, *error):
        self.ended.set()
        self.thread.join()
        statistics = self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        self.dropped = struct.unpack("II", statistics)[1]
        self.socket.close()

    @property
    def datagrams(self):
        return [udp_of(frame) for frame in self.frames]

    def write_pcap(self, name):
        with open(name, "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
            for number, frame in enumerate(self.frames):
                f.write(
                    struct.pack(
                        "<IIII", number // 1000, number % 1000 * 1000, len(frame), len(frame)
                    )
                    + frame
                )


def udp_of(frame):
    """((source, port), (destination, port), payload) of an Ethernet frame with UDP over IPv4, else
    None."""
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != 17:
        return None
    header = 14 + (frame[14] & 15) * 4
    sport, dport, length = struct.unpack(">HHH", frame[header : header + 6])
    return (
        (socket.inet_ntoa(frame[26:30]), sport),
        (socket.inet_ntoa(frame[30:34]), dport),
        frame[header + 8 : header + length],
    )


def records_of(payload):
    """(type, version, epoch, sequence, body) of each record; raises ValueError at anything that is
    no record."""
    while payload:
        if len(payload) < 13:
            raise ValueError(f"no record header: {payload.hex()}")
        kind, version, epoch = struct.unpack(">BHH", payload[:5])
        sequence, length = int.from_bytes(payload[5:11], "big"), int.from_bytes(
            payload[11:13], "big"
        )
        if (
            kind not in (CCS, ALERT, HANDSHAKE, DATA)
            or version not in (0xFEFD, 0xFEFF)
            or len(payload) < 13 + length
        ):
            raise ValueError(f"not a DTLS 1.2 record: {payload[:40].hex()}")
        yield kind, version, epoch, sequence, payload[13 : 13 + length]
        payload = payload[13 + length :]


class Nonces:
    """Counts what each key has sealed. A key is told by the ClientHello and ServerHello that made
    it, and the direction."""

    def __init__(self):
        self.hellos = {}  # flow -> (client random, server random) of the newest ServerHello
        self.client_random = {}
        self.seen = {}  # (randoms, sender) -> {explicit nonce: ciphertext}
        self.repeated, self.plain_data, self.protected = [], [], 0

    def datagram(self, source, destination, payload):
        flow = frozenset((source, destination))
        for kind, _, epoch, sequence, body in records_of(payload):
            if epoch == 0:
                if kind == DATA:
                    self.plain_data.append(payload)
                elif (
                    kind == HANDSHAKE
                    and len(body) >= 46
                    and body[0] in (CLIENT_HELLO, SERVER_HELLO)
                ):
                    random = body[14:46]
                    if body[0] == CLIENT_HELLO:
                        self.client_random[flow] = random
                    else:
                        self.hellos[flow] = (self.client_random.get(flow), random)
                continue
            self.protected += 1
            nonce = body[:8]
            if nonce != struct.pack(">HQ", epoch, sequence)[0:2] + struct.pack(">Q", sequence)[2:]:
                raise ValueError("explicit nonce is not epoch and sequence number")
            used = self.seen.setdefault((self.hellos.get(flow), source), set())
            if nonce in used:
                self.repeated.append((source, destination, nonce.hex()))
            used.add(nonce)
