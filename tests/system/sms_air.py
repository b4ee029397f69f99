# SPDX-License-Identifier: Apache-2.0
"""What is between a DTLS client, which knows UDP only, and a network of short messages:

    client ── UDP ── Air ~ Network ~ SMSC == lwgate-smsd == lwgated

Each datagram of the client is a message of the Air's number, concatenated where it is longer than
one; each message to that number is a datagram to the client. So clients that were not made for it
speak DTLS over SMS (RFC 7925 appendix A), and their octets are seen on their way."""

import socket
import threading

from sms_packet import Joiner, user_data
from sms_world import OURS, UDHI

TP_UD_MAX = 140
PART = TP_UD_MAX - 6  # what one of several carries
DCS = 0xF5  # 8-bit, class 1


def messages_of(datagram, reference):
    """(TP-UD, esm_class) of each short message that it takes."""
    if len(datagram) <= TP_UD_MAX:
        return [(datagram, 0)]
    pieces = [datagram[at : at + PART] for at in range(0, len(datagram), PART)]
    return [
        (user_data(piece, reference, len(pieces), n), UDHI)
        for n, piece in enumerate(pieces, 1)
    ]


class Air:
    """air.port is where the client's server seems to be."""

    def __init__(self, network, number, to=OURS):
        self.network, self.number, self.to = network, number, to
        self.sent, self.taken = (
            [],
            [],
        )  # datagrams of the client; messages to it: (TP-UD, pid, dcs)
        self.reference = 0
        self.client = None
        self.joiner = Joiner()
        self.lose_up = self.lose_down = lambda octets: False
        self.direct = None  # an address: UDP in the place of messages
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.ended = False
        network.devices[number] = self
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while not self.ended:
            try:
                datagram, source = self.socket.recvfrom(65536)
            except OSError:
                return
            if source == self.direct:
                self.socket.sendto(datagram, self.client)
                continue
            self.client = source
            self.sent.append(datagram)
            if self.direct:
                self.socket.sendto(datagram, self.direct)
            elif not self.lose_up(datagram):
                self.say(datagram)

    def say(self, datagram):
        """As the messages of one datagram."""
        self.reference = (self.reference + 1) & 0xFF
        for octets, esm in messages_of(datagram, self.reference):
            order = {"from": self.number, "to": self.to, "pid": 0, "dcs": DCS}
            self.network.release(dict(order, esm=esm, hex=octets.hex()))

    def take(self, octets, pid, dcs, source):
        """A message from the network; without a UDH, as one of DTLS is to be."""
        del source
        self.taken.append((octets, pid, dcs))
        if self.client and not self.lose_down(octets):
            self.socket.sendto(octets, self.client)

    def close(self):
        self.ended = True
        self.socket.close()
