# SPDX-License-Identifier: Apache-2.0
"""Authentication and key agreement (3GPP TS 33.102) by Milenage (TS 35.206), and what the Generic
Bootstrapping Architecture makes of it (TS 33.220): both the home network's half and the USIM's,
written beside lwgate's own code, which has not been looked at."""

import dataclasses
import hashlib
import hmac

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

IND_BITS = 5  # lower bits of SQN (TS 33.102 C.3); the rest is SEQ
IND_COUNT = 1 << IND_BITS
SQN_MAX = (1 << 48) - 1
DELTA = 1 << 28  # how far SEQ may jump ahead (C.2.1)
RESYNC_AMF = bytes(2)  # of MAC-S (6.3.3)


class Refused(Exception):
    """A challenge or a resynchronisation that is not authentic, or has no good SQN."""


def xor(a, b):
    assert len(a) == len(b)
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def _rotate(block, bits):
    octets = bits // 8
    return block[octets:] + block[:octets]


# --- Milenage


class Milenage:
    """f1 to f5* for one K and OPc."""

    # c1 to c5 and r1 to r5 of TS 35.206 4.1
    C = [bytes(15) + bytes([n]) for n in (0, 1, 2, 4, 8)]
    R = (64, 0, 32, 64, 96)

    def __init__(self, k, opc):
        assert len(k) == len(opc) == 16
        self.k, self.opc = k, opc

    @staticmethod
    def opc_of(k, op):
        return xor(op, Milenage(k, bytes(16))._e(op))

    def _e(self, block):
        e = Cipher(algorithms.AES(self.k), modes.ECB()).encryptor()
        return e.update(block) + e.finalize()

    def _temp(self, rand):
        return self._e(xor(rand, self.opc))

    def _f1(self, rand, sqn, amf):
        in1 = xor((sqn + amf) * 2, self.opc)
        return xor(
            self._e(xor(xor(self._temp(rand), _rotate(in1, self.R[0])), self.C[0])), self.opc
        )

    def _out(self, n, rand):
        turned = _rotate(xor(self._temp(rand), self.opc), self.R[n - 1])
        return xor(self._e(xor(turned, self.C[n - 1])), self.opc)

    def f1(self, rand, sqn, amf):
        return self._f1(rand, sqn, amf)[:8]

    def f1_star(self, rand, sqn, amf):
        return self._f1(rand, sqn, amf)[8:]

    def f2(self, rand):
        return self._out(2, rand)[8:]

    def f3(self, rand):
        return self._out(3, rand)

    def f4(self, rand):
        return self._out(4, rand)

    def f5(self, rand):
        return self._out(2, rand)[:6]

    def f5_star(self, rand):
        return self._out(5, rand)[:6]


# --- AKA


@dataclasses.dataclass(frozen=True)
class Vector:
    """An authentication vector."""

    rand: bytes
    xres: bytes
    ck: bytes
    ik: bytes
    autn: bytes

    @property
    def ks(self):
        return self.ck + self.ik


def six(sqn):
    return sqn.to_bytes(6, "big")


def vector(milenage, rand, sqn, amf):
    hidden = xor(six(sqn), milenage.f5(rand))
    return Vector(
        rand,
        milenage.f2(rand),
        milenage.f3(rand),
        milenage.f4(rand),
        hidden + amf + milenage.f1(rand, six(sqn), amf),
    )


def autn_star(autn, ik):
    """GBA_U's: the UICC sees by it that Ks stays in it (TS 33.220 5.3.2)."""
    return autn[:8] + xor(autn[8:], hashlib.sha1(ik).digest()[:8])


def next_sqn(sqn):
    """SEQ and IND each one on (TS 33.102 C.1.2, C.3.2: not by time)."""
    seq, ind = sqn >> IND_BITS, sqn & IND_COUNT - 1
    if seq + 1 > SQN_MAX >> IND_BITS:
        raise Refused("SEQ is used up")
    return seq + 1 << IND_BITS | (ind + 1) % IND_COUNT


def auts(milenage, rand, sqn_ms):
    hidden = xor(six(sqn_ms), milenage.f5_star(rand))
    return hidden + milenage.f1_star(rand, six(sqn_ms), RESYNC_AMF)


def read_auts(milenage, rand, octets):
    """SQN_MS, if the USIM has really said so."""
    if len(octets) != 14:
        raise Refused("AUTS has 14 octets")
    sqn_ms = xor(octets[:6], milenage.f5_star(rand))
    if not hmac.compare_digest(octets[6:], milenage.f1_star(rand, sqn_ms, RESYNC_AMF)):
        raise Refused("MAC-S")
    return int.from_bytes(sqn_ms, "big")


def resynchronised(sqn_he, sqn_ms):
    """SQN_HE after an authentic AUTS (TS 33.102 6.3.5): as it is, if the USIM takes what comes
    next; else what the USIM has."""
    following, known = next_sqn(sqn_he) >> IND_BITS, sqn_ms >> IND_BITS
    return sqn_he if known < following <= known + DELTA else sqn_ms


class Sequence:
    """What a USIM knows of SQN: the highest SEQ of each IND (TS 33.102 C.2.2)."""

    def __init__(self, highest=()):
        self.highest = list(highest) or [0] * IND_COUNT
        assert len(self.highest) == IND_COUNT

    def sqn_ms(self):
        seq = max(self.highest)
        return seq << IND_BITS | self.highest.index(seq)

    def take(self, sqn):
        """False: it is old, or too far ahead; nothing has changed."""
        seq, ind = sqn >> IND_BITS, sqn & IND_COUNT - 1
        if seq <= self.highest[ind] or seq - max(self.highest) > DELTA:
            return False
        self.highest[ind] = seq
        return True


# --- GBA


def naf_id(fqdn, ua_id):
    return fqdn.encode() + ua_id


def kdf_input(label, rand, impi, naf):
    """S of TS 33.220 B.2."""
    out = b"\x01"
    for part in (label, rand, impi.encode(), naf):
        out += part + len(part).to_bytes(2, "big")
    return out


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def ks_naf(ks, rand, impi, naf, in_uicc=False):
    """Ks_NAF or Ks_ext_NAF; in_uicc: Ks_int_NAF."""
    return mac(ks, kdf_input(b"gba-u" if in_uicc else b"gba-me", rand, impi, naf))


# --- keys of secured packets


def with_parity(octets):
    """21 octets as 24, of which each has odd parity in its lowest bit."""
    bits = int.from_bytes(octets, "big")
    assert len(octets) == 21
    sevens = [bits >> 7 * (23 - n) & 0x7F for n in range(24)]
    return bytes(s << 1 | (s.bit_count() + 1) & 1 for s in sevens)


def sms_keys(secret, triple_des=False, labels=("DMBEK", "DMBIK")):
    """(KIc's key, KID's key) of Ks_(ext/int)_NAF. INTERIM: the formula of OMA DM 2.0 9.3.1.3 could
    not be read; this is what lwgate does until somebody has."""
    both = [mac(secret, label.encode()) for label in labels]
    return tuple(with_parity(s[:21]) if triple_des else s[:16] for s in both)
