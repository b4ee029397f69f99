# SPDX-License-Identifier: Apache-2.0
"""Secured packets (ETSI TS 102 225 as 3GPP TS 31.115 carries them), by python3-cryptography: what a
smartcard or a device does, written beside lwgate's own code, which has not been looked at.

Codec only: whether a counter is new, and what a profile allows, is for who calls it.
"""

import dataclasses
import hmac
import zlib

from cryptography.hazmat.primitives import cmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

try:  # where it is now
    from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
except ImportError:
    TripleDES = algorithms.TripleDES

COMMAND, RESPONSE = 0x70, 0x71  # UDH markers, TS 31.115
LWM2M_CARD, LWM2M_DEVICE = bytes.fromhex("b20203"), bytes.fromhex("bfff01")  # TAR
TAG = 0x05
SPI1 = 0x16  # checksum, ciphering, a higher counter: LwM2M 1.0 Transport 7.2.2.3
AES, DES3_3, DES_ECB = 0x2, 0x9, 0xD  # lower half of KIc and of KID; else another DES
TP_UD_MAX = 140


class Wrong(Exception):
    """What has come is not a packet of these keys: why."""


@dataclasses.dataclass(frozen=True)
class Keys:
    """What two sides have agreed. check: "" as KID says it, "crc32" or "crc16" where KID is silent
    about it."""

    cipher_key: bytes
    check_key: bytes
    spi: bytes = bytes([SPI1, 0])
    kic: int = 0x12
    kid: int = 0x12
    tar: bytes = LWM2M_CARD
    cc_len: int = 8
    check: str = ""

    def but(self, **other):
        return dataclasses.replace(self, **other)


def _crc16(octets):
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return (crc ^ 0xFFFF).to_bytes(2, "big")


def _block(nibble):
    return 16 if nibble == AES else 8


def _cbc(nibble, key):
    if nibble == AES:
        return Cipher(algorithms.AES(key), modes.CBC(bytes(16)))
    key = {8: key * 3, 16: key + key[:8], 24: key}[len(key)]
    return Cipher(TripleDES(key), modes.ECB() if nibble == DES_ECB else modes.CBC(bytes(8)))


def checksum(nibble, key, text, length):
    """CMAC with AES, else the last block of CBC over what zeros fill up."""
    if nibble == AES:
        mac = cmac.CMAC(algorithms.AES(key))
        mac.update(text)
        return mac.finalize()[:length]
    return encipher(nibble, key, text + bytes(-len(text) % 8))[-8:][:length]


def encipher(nibble, key, text):
    e = _cbc(nibble, key).encryptor()
    return e.update(text) + e.finalize()


def decipher(nibble, key, text):
    if len(text) % _block(nibble):
        raise Wrong("no whole blocks")
    d = _cbc(nibble, key).decryptor()
    return d.update(text) + d.finalize()


def _integrity(keys, how, text):
    """how: 0 nothing, 1 RC, 2 CC, as both octets of SPI have it."""
    if how == 0:
        return b""
    if how == 1:
        kind = keys.check or {1: "crc16", 5: "crc32"}[keys.kid & 15]
        return _crc16(text) if kind == "crc16" else zlib.crc32(text).to_bytes(4, "big")
    return checksum(keys.kid & 15, keys.check_key, text, keys.cc_len)


def _integrity_len(keys, how):
    return len(_integrity(keys, how, b"")) if how != 2 else keys.cc_len


def seal(keys, counter, data):
    """A command packet, without its UDH."""
    how, ciphers = keys.spi[0] & 3, keys.spi[0] & 4
    n = _integrity_len(keys, how)
    pad = -(6 + n + len(data)) % _block(keys.kic & 15) if ciphers else 0
    body = data + bytes(pad)
    head = (14 + n + len(body)).to_bytes(2, "big") + bytes([13 + n]) + keys.spi
    head += bytes([keys.kic, keys.kid]) + keys.tar
    mid = counter.to_bytes(5, "big") + bytes([pad])
    tail = mid + _integrity(keys, how, head + mid + body) + body
    return head + (encipher(keys.kic & 15, keys.cipher_key, tail) if ciphers else tail)


def unseal(keys, packet):
    """(counter, data) of a command packet, which must be as was agreed."""
    how, ciphers = keys.spi[0] & 3, keys.spi[0] & 4
    n = _integrity_len(keys, how)
    if len(packet) < 16 + n or len(packet) - 2 != int.from_bytes(packet[:2], "big"):
        raise Wrong("length")
    head = packet[:10]
    if head[2:] != bytes([13 + n]) + keys.spi + bytes([keys.kic, keys.kid]) + keys.tar:
        raise Wrong(f"header {head.hex()}")
    tail = packet[10:]
    if ciphers:
        tail = decipher(keys.kic & 15, keys.cipher_key, tail)
    mid, cc, body = tail[:6], tail[6 : 6 + n], tail[6 + n :]
    if not hmac.compare_digest(cc, _integrity(keys, how, head + mid + body)):
        raise Wrong("checksum")
    pad = mid[5]
    if pad > len(body) or any(body[len(body) - pad :]):
        raise Wrong("padding")
    return int.from_bytes(mid[:5], "big"), body[: len(body) - pad]


def seal_response(keys, counter, status, data=b""):
    """A response packet, without its UDH, for a command that came with keys.spi."""
    how, ciphers = keys.spi[1] >> 2 & 3, keys.spi[1] & 0x10
    n = _integrity_len(keys, how)
    pad = -(7 + n + len(data)) % _block(keys.kic & 15) if ciphers else 0
    body = data + bytes(pad)
    head = (11 + n + len(body)).to_bytes(2, "big") + bytes([10 + n]) + keys.tar
    mid = counter.to_bytes(5, "big") + bytes([pad, status])
    tail = mid + _integrity(keys, how, b"\x02\x71\x00" + head + mid + body) + body
    return head + (encipher(keys.kic & 15, keys.cipher_key, tail) if ciphers else tail)


def unseal_response(keys, packet):
    """(counter, status, data)"""
    how, ciphers = keys.spi[1] >> 2 & 3, keys.spi[1] & 0x10
    n = _integrity_len(keys, how)
    if len(packet) < 13 + n or len(packet) - 2 != int.from_bytes(packet[:2], "big"):
        raise Wrong("length")
    head, tail = packet[:6], packet[6:]
    if head[2:] != bytes([10 + n]) + keys.tar:
        raise Wrong(f"header {head.hex()}")
    if ciphers:
        tail = decipher(keys.kic & 15, keys.cipher_key, tail)
    mid, cc, body = tail[:7], tail[7 : 7 + n], tail[7 + n :]
    if not hmac.compare_digest(cc, _integrity(keys, how, b"\x02\x71\x00" + head + mid + body)):
        raise Wrong("checksum")
    pad = mid[5]
    if pad > len(body) or any(body[len(body) - pad :]):
        raise Wrong("padding")
    return int.from_bytes(mid[:5], "big"), mid[6], body[: len(body) - pad]


def wrap(coap, tag=TAG):
    """LwM2M's envelope, one BER-TLV."""
    n = len(coap)
    length = (
        bytes([n])
        if n < 0x80
        else bytes([0x81, n]) if n < 0x100 else b"\x82" + n.to_bytes(2, "big")
    )
    return bytes([tag]) + length + coap


def unwrap(data, tag=TAG):
    if len(data) < 2 or data[0] != tag:
        raise Wrong(f"tag: {data[:4].hex()}")
    more = data[1] & 0x7F if data[1] & 0x80 else 0
    n = int.from_bytes(data[2 : 2 + more], "big") if more else data[1]
    if more > 2 or len(data) != 2 + more + n:
        raise Wrong("length of the envelope")
    return data[2 + more :]


def cut(packet, reference, marker=COMMAND, wide=False):
    """The TP-UD of each short message, UDH first. wide: references of two octets."""
    about = bytes([marker, 0])
    if 1 + len(about) + len(packet) <= TP_UD_MAX:
        return [bytes([len(about)]) + about + packet]
    part = 6 if not wide else 7  # octets of a UDH with only the concatenation in it
    first, other = TP_UD_MAX - part - len(about), TP_UD_MAX - part
    pieces = [packet[:first]]
    pieces += [packet[at : at + other] for at in range(first, len(packet), other)]
    return [
        user_data(piece, reference, len(pieces), n, about if n == 1 else b"", wide)
        for n, piece in enumerate(pieces, 1)
    ]


def user_data(piece, reference, total, number, about=b"", wide=False):
    """One TP-UD of a concatenation; about: more elements of its UDH."""
    if wide:
        element = b"\x08\x04" + reference.to_bytes(2, "big") + bytes([total, number])
    else:
        element = bytes([0, 3, reference & 0xFF, total, number])
    return bytes([len(element) + len(about)]) + element + about + piece


@dataclasses.dataclass(frozen=True)
class Part:
    """What the UDH of one short message says, and what is behind it."""

    data: bytes
    reference: int = 0
    total: int = 1
    number: int = 1
    marker: int = 0
    port: int = 0


def part(user_data_octets):
    """Of a TP-UD that begins with a UDH; elements in any order."""
    end = 1 + user_data_octets[0]
    at, said = 1, {}
    while at + 2 <= end:
        kind, length = user_data_octets[at], user_data_octets[at + 1]
        value = user_data_octets[at + 2 : at + 2 + length]
        at += 2 + length
        if kind == 0x00:
            said.update(reference=value[0], total=value[1], number=value[2])
        elif kind == 0x08:
            said.update(reference=int.from_bytes(value[:2], "big"), total=value[2], number=value[3])
        elif kind == 0x05:
            said.update(port=int.from_bytes(value[:2], "big"))
        elif 0x70 <= kind <= 0x7F:
            said.update(marker=kind)
    if at != end or end > len(user_data_octets):
        raise Wrong("UDH")
    return Part(data=user_data_octets[end:], **said)


class Joiner:
    """Segments in any order, of one sender; a message when its last one has come."""

    def __init__(self):
        self.open = {}

    def take(self, user_data_octets):
        """(marker, port, octets), or None while some are missing."""
        p = part(user_data_octets)
        if p.total == 1:
            return p.marker, p.port, p.data
        parts = self.open.setdefault((p.reference, p.total), {})
        parts[p.number] = p
        if len(parts) < p.total:
            return None
        del self.open[p.reference, p.total]
        first = parts[1]
        return first.marker, first.port, b"".join(parts[n].data for n in range(1, p.total + 1))
