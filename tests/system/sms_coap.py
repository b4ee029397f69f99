# SPDX-License-Identifier: Apache-2.0
"""CoAP messages (RFC 7252 section 3), read and written by hand, and what a small LwM2M device says
with them."""

import dataclasses

from harness import option

CON, NON, ACK, RST = 0, 1, 2, 3
GET, POST, PUT, DELETE = 1, 2, 3, 4
CREATED, DELETED, CHANGED, CONTENT = 0x41, 0x42, 0x44, 0x45
BAD_REQUEST, NOT_FOUND, NOT_ALLOWED, TOO_LARGE = 0x80, 0x84, 0x85, 0x8D
OBSERVE, LOCATION_PATH, URI_PATH, FORMAT, URI_QUERY, ACCEPT = 6, 8, 11, 12, 15, 17
LINKS, TLV = 40, 11542


class Malformed(Exception):
    pass


@dataclasses.dataclass(frozen=True)
class Message:
    kind: int
    code: int
    number: int  # message id
    token: bytes = b""
    options: tuple = ()  # (number, value), in the order of numbers
    payload: bytes = b""

    def values(self, number):
        return [value for n, value in self.options if n == number]

    def path(self, number=URI_PATH):
        return "/".join(value.decode() for value in self.values(number))

    def observe(self):
        """None: there is no such option."""
        values = self.values(OBSERVE)
        return int.from_bytes(values[0], "big") if values else None

    def is_request(self):
        return 0 < self.code < 0x20

    def is_response(self):
        return self.code >= 0x40

    def octets(self):
        out = bytes([0x40 | self.kind << 4 | len(self.token), self.code])
        out += self.number.to_bytes(2, "big") + self.token
        last = 0
        for number, value in sorted(self.options, key=lambda o: o[0]):
            out += option(number - last, value)
            last = number
        return out + (b"\xff" + self.payload if self.payload else b"")


def _extended(nibble, octets, at):
    """(value, where it ends) of a nibble of an option's first octet."""
    if nibble < 13:
        return nibble, at
    if nibble == 15:
        raise Malformed("option")
    more = nibble - 12
    return int.from_bytes(octets[at : at + more], "big") + (13, 269)[more - 1], at + more


def read(octets):
    if len(octets) < 4 or octets[0] >> 6 != 1 or octets[0] & 15 > 8:
        raise Malformed(octets.hex())
    kind, tkl = octets[0] >> 4 & 3, octets[0] & 15
    at, number, options, payload = 4 + tkl, 0, [], b""
    if at > len(octets):
        raise Malformed("token")
    while at < len(octets):
        if octets[at] == 0xFF:
            payload = octets[at + 1 :]
            if not payload:
                raise Malformed("marker without payload")
            break
        first = octets[at]
        delta, at = _extended(first >> 4, octets, at + 1)
        length, at = _extended(first & 15, octets, at)
        number += delta
        if at + length > len(octets):
            raise Malformed("option beyond the end")
        options.append((number, octets[at : at + length]))
        at += length
    token, number = octets[4 : 4 + tkl], int.from_bytes(octets[2:4], "big")
    return Message(kind, octets[1], number, token, tuple(options), payload)


def path_options(path, number=URI_PATH):
    return tuple((number, piece.encode()) for piece in path.split("/") if piece)


def queries(*items):
    return tuple((URI_QUERY, item.encode()) for item in items)


def registration(endpoint, number, message_id, token, lifetime=300, version="1.0", links=b""):
    """Register of a device that is reached by short messages at that number, and only so."""
    items = [f"ep={endpoint}", f"lt={lifetime}", f"lwm2m={version}", "b=S", f"sms={number}"]
    options = path_options("rd") + ((FORMAT, bytes([LINKS])),) + queries(*items)
    return Message(CON, POST, message_id, token, options, links or b"</1/0>,</3/0>")
