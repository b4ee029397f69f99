# SPDX-License-Identifier: Apache-2.0
"""A smartcard that takes secured packets of remote file management (ETSI TS 102 225, TS 102 226)
onto EF_LWM2M_Bootstrap (LwM2M Core appendix G), and proves what it did; and that file, read and
written by hand. Written beside lwgate's own code, which has not been looked at."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from sms_packet import Wrong, seal_response, unseal  # noqa: E402  (the path comes first)

BOOTSTRAP = bytes.fromhex("7fff6432")
POR, POR_ALWAYS, POR_ON_ERROR = 3, 1, 2  # of SPI2
DONE, COUNTER_LOW = 0x00, 0x02
OK, NO_FILE, NOT_SELECTED, BEYOND = 0x9000, 0x6A82, 0x6986, 0x6B00
NO_SUCH_COMMAND, WRONG_LENGTH = 0x6D00, 0x6700
SELECT, UPDATE_BINARY, READ_BINARY = 0xA4, 0xD6, 0xB0


class Malformed(Exception):
    pass


# --- BER


def length(n):
    if n < 0x80:
        return bytes([n])
    return bytes([0x81, n]) if n < 0x100 else b"\x82" + n.to_bytes(2, "big")


def read_tlv(octets, at):
    """(tag, value, where it ends)"""
    if at + 2 > len(octets):
        raise Malformed("BER")
    tag, n, at = octets[at], octets[at + 1], at + 2
    if n & 0x80:
        more = n & 0x7F
        if more not in (1, 2) or at + more > len(octets):
            raise Malformed("BER length")
        n, at = int.from_bytes(octets[at : at + more], "big"), at + more
    if at + n > len(octets):
        raise Malformed("BER value")
    return tag, octets[at : at + n], at + n


# --- the card


class Uicc:
    """ota: sms_packet.Keys whose spi is what commands have. files: {path from the MF: octets}."""

    def __init__(self, ota, files):
        self.ota = ota
        self.files = {path: bytearray(octets) for path, octets in files.items()}
        self.counter = 0
        self.executed = []  # APDUs
        self.packets = self.again = self.wrong = 0
        self.fails_with = 0  # status word of the next UPDATE BINARY
        self.status = 0  # of the next PoR, instead of doing anything
        self.mute = False  # no PoR leaves it

    def file(self, path=BOOTSTRAP):
        return bytes(self.files[path])

    def take(self, packet):
        """Its PoR, or None."""
        try:
            counter, data = unseal(self.ota, packet)
        except Wrong:
            self.wrong += 1
            return None
        if counter <= self.counter:
            self.again += 1
            return self._answer(counter, COUNTER_LOW)
        self.counter = counter
        if self.status:
            status, self.status = self.status, 0
            return self._answer(counter, status)
        self.packets += 1
        return self._answer(counter, DONE, self._run(data))

    def _answer(self, counter, status, data=b""):
        wish = self.ota.spi[1] & POR
        if self.mute or not (wish == POR_ALWAYS or (wish == POR_ON_ERROR and status != DONE)):
            return None
        return seal_response(self.ota, counter, status, data)

    def _run(self, data):
        """TS 102 226 5.1 (compact) or 5.2 (expanded)."""
        if data[:1] not in (b"\xaa", b"\xae"):
            answers = self._execute(_compact(data))
            last = answers[-1] if answers else b"\x6f\x00"
            return bytes([len(answers)]) + last[-2:] + last[:-2]
        opened = data[0] == 0xAE
        try:
            apdus = _expanded(data, opened)
        except Malformed:
            return b"\xab\x06\x80\x01\x00\x90\x01\x02"
        answers = self._execute(apdus)
        body = b"\x80\x01" + bytes([len(answers)])
        body += b"".join(b"\x23" + length(len(a)) + a for a in answers)
        return b"\xaf\x80" + body + b"\0\0" if opened else b"\xab" + length(len(body)) + body

    def _execute(self, apdus):
        """R-APDUs; it stops at the first that fails."""
        selected, answers = None, []
        for apdu in apdus:
            self.executed.append(apdu)
            word, data = OK, b""
            if apdu[1] == SELECT:
                selected = self._find(apdu[2], apdu[5:])
                word = OK if selected else NO_FILE
            elif apdu[1] in (UPDATE_BINARY, READ_BINARY):
                word, data = self._binary(apdu, selected)
            else:
                word = NO_SUCH_COMMAND
            answers.append(data + word.to_bytes(2, "big"))
            if word != OK:
                break
        return answers

    def _find(self, how, name):
        if how == 0x00 and len(name) == 2:
            return next((p for p in self.files if p[-2:] == name), None)
        if how == 0x08:
            name = name[2:] if name[:2] == b"\x3f\0" else name
            return name if name in self.files else None
        return None

    def _binary(self, apdu, selected):
        at = (apdu[2] << 8 | apdu[3]) & 0x7FFF
        if selected is None:
            return NOT_SELECTED, b""
        content = self.files[selected]
        if apdu[1] == READ_BINARY:
            return (OK, bytes(content[at : at + apdu[4]])) if at < len(content) else (BEYOND, b"")
        if self.fails_with:
            word, self.fails_with = self.fails_with, 0
            return word, b""
        if at + apdu[4] > len(content):
            return BEYOND, b""
        content[at : at + apdu[4]] = apdu[5:]
        return OK, b""


def _compact(data):
    """Command after command; what has no data of its own has its Le."""
    apdus, at = [], 0
    while at + 5 <= len(data):
        n = 0 if data[at + 1] == READ_BINARY else data[at + 4]
        if at + 5 + n > len(data):
            break
        apdus.append(data[at : at + 5 + n])
        at += 5 + n
    return apdus


def _expanded(data, opened):
    if opened:
        if data[1:2] != b"\x80" or data[-2:] != b"\0\0":
            raise Malformed("indefinite")
        body = data[2:-2]
    else:
        _, body, end = read_tlv(data, 0)
        if end != len(data):
            raise Malformed("more behind it")
    apdus, at = [], 0
    while at < len(body):
        tag, apdu, at = read_tlv(body, at)
        if tag != 0x22 or len(apdu) < 5 or _compact(apdu) != [apdu]:
            raise Malformed("C-APDU")
        apdus.append(apdu)
    return apdus


# --- EF_LWM2M_Bootstrap

INSTANCE, RESOURCE = 0x00, 0xC0
URI, IS_BOOTSTRAP, MODE, SMS_MODE, SMS_PARAMS, SMS_KEYS, SMS_NUMBER, SHORT_ID = (
    0,
    1,
    2,
    6,
    7,
    8,
    9,
    10,
)


def lwm2m_tlv(kind, number, value):
    head = kind | (0x20 if number > 0xFF else 0)
    width = 0 if len(value) < 8 else 1 if len(value) < 0x100 else 2
    head |= len(value) if width == 0 else width << 3
    out = bytes([head]) + number.to_bytes(2 if number > 0xFF else 1, "big")
    return out + (len(value).to_bytes(width, "big") if width else b"") + value


def read_lwm2m_tlv(octets):
    """[(kind, number, value)]"""
    found, at = [], 0
    while at < len(octets):
        head, at = octets[at], at + 1
        wide, width = 2 if head & 0x20 else 1, head >> 3 & 3
        number, at = int.from_bytes(octets[at : at + wide], "big"), at + wide
        n = int.from_bytes(octets[at : at + width], "big") if width else head & 7
        at += width
        if at + n > len(octets):
            raise Malformed("TLV")
        found.append((head & 0xC0, number, octets[at : at + n]))
        at += n
    return found


def bootstrap_file(resources, size, instance=0):
    """One account of a server; resources: {number: octets}."""
    body = b"".join(lwm2m_tlv(RESOURCE, n, v) for n, v in sorted(resources.items()))
    instances = lwm2m_tlv(INSTANCE, instance, body)
    one = b"\0\0\0" + len(instances).to_bytes(2, "big") + instances
    out = b"\0\1" + len(one).to_bytes(2, "big") + one
    assert len(out) <= size
    return out + b"\xff" * (size - len(out))


def read_bootstrap(octets):
    """{object: [{resource: octets} of each instance]}; {} of an empty file."""
    if len(octets) < 4 or octets[:2] in (b"\0\0", b"\xff\xff"):
        return {}
    count, size = int.from_bytes(octets[:2], "big"), int.from_bytes(octets[2:4], "big")
    if 4 + size > len(octets) or octets[4 + size :].strip(b"\xff"):
        raise Malformed("size")
    at, end, objects = 4, 4 + size, {}
    for _ in range(count):
        number, at = int.from_bytes(octets[at : at + 2], "big"), at + 2
        at += 1 if octets[at] == 0 else 2  # version
        n, at = int.from_bytes(octets[at : at + 2], "big"), at + 2
        if at + n > end:
            raise Malformed("object")
        rows = [
            {number: value for kind, number, value in read_lwm2m_tlv(body) if kind == RESOURCE}
            for kind, _, body in read_lwm2m_tlv(octets[at : at + n])
            if kind == INSTANCE
        ]
        objects[number], at = rows, at + n
    if at != end:
        raise Malformed("what is behind the objects")
    return objects
