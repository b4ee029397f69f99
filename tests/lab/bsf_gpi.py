# SPDX-License-Identifier: Apache-2.0
"""GBA push info in THE LAB'S OWN ENCODING, which no standard has: the layout of TS 33.223 5.3.5
could not be read. What is in it is what TS 33.223 has a device know; only the lab's BSF and the
lab's USIM understand it. To everybody in between it is opaque.

    "LAB-GPI" 01 | TLV*, each tag (1) length (1) value | tag FF, 8 octets of HMAC-SHA-256 under Ks
"""

import hmac

import aka

HEAD = b"LAB-GPI\x01"
RAND, AUTN, NAF_ID, P_TID, UNTIL, UICC, APPLICATION, CHECK = 1, 2, 3, 4, 5, 6, 7, 0xFF
CHECK_LEN = 8


class Malformed(Exception):
    pass


def _check(ks, octets):
    return aka.mac(ks, b"lab-gpi" + octets)[:CHECK_LEN]


def write(ks, fields):
    out = HEAD
    for tag, value in sorted(fields.items()):
        out += bytes([tag, len(value)]) + value
    return out + bytes([CHECK, CHECK_LEN]) + _check(ks, out)


def read(octets):
    """(fields, what the check is over, the check)"""
    if octets[: len(HEAD)] != HEAD:
        raise Malformed("no push info of the lab")
    at, fields = len(HEAD), {}
    while at < len(octets):
        begins = at
        if at + 2 > len(octets) or at + 2 + octets[at + 1] > len(octets):
            raise Malformed("length")
        tag, value = octets[at], octets[at + 2 : at + 2 + octets[at + 1]]
        at += 2 + len(value)
        if tag == CHECK:
            if at != len(octets) or len(value) != CHECK_LEN:
                raise Malformed("check")
            return fields, octets[:begins], value
        if tag in fields:
            raise Malformed(f"tag {tag} twice")
        fields[tag] = value
    raise Malformed("no check")


def is_genuine(ks, octets, check):
    return hmac.compare_digest(check, _check(ks, octets))
