# SPDX-License-Identifier: Apache-2.0
"""The gateway's half of what a gateway and its SMS bridge say to each other (sms-bridge/wire), over
SP's pair0 (nanomsg RFC sp-tcp-mapping-01, as ipc has it): a gateway for tests of lwgate-smsd, with
a box out and a memory of what it has taken."""

import contextlib
import os
import secrets
import socket
import struct
import threading

GREETING = b"\0SP\0\0\x10\0\0"  # pair0
VERSION = 1
HELLO, MT, MT_OUTCOME, MO, MO_ANSWER = 1, 2, 3, 4, 5
ACCEPTED, REFUSED, EXPIRED, BUSY = 1, 2, 3, 4
TAKEN, LATER = 1, 2
INTERNATIONAL = 0x91
ANOTHER_KIND = 0x81


class Reader:
    def __init__(self, octets):
        self.octets, self.at = octets, 0

    def take(self, length):
        piece = self.octets[self.at : self.at + length]
        assert len(piece) == length, f"a frame that is too short: {self.octets.hex()}"
        self.at += length
        return piece

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def text(self):
        return self.take(self.number(1)).decode("ascii")

    def end(self):
        assert self.at == len(self.octets), f"a frame that is too long: {self.octets.hex()}"


def _read_text(r):
    said = {"id": r.number(8)}
    for name in ("peer", "own"):
        said[name + "_type"] = r.number(1)
        said[name] = r.text()
    said.update(pid=r.number(1), dcs=r.number(1), marker=r.number(1), port=r.number(2))
    said["data"] = r.take(r.number(2))
    return said


def read(frame):
    r = Reader(frame)
    assert r.number(1) == VERSION, frame.hex()
    kind = r.number(1)
    if kind == HELLO:
        said = {"instance": r.number(8), "name": r.text()}
    elif kind == MT:
        said = _read_text(r)
        said.update(reference=r.number(2), valid_s=r.number(4))
    elif kind == MT_OUTCOME:
        said = {"id": r.number(8), "outcome": r.number(1), "segments": r.number(1)}
        said.update(code=r.number(4), way=r.text(), smsc_id=r.text())
    elif kind == MO:
        said = _read_text(r)
        said.update(at_ms=r.number(8), way=r.text())
    else:
        assert kind == MO_ANSWER, frame.hex()
        said = {"id": r.number(8), "taken": r.number(1)}
    r.end()
    return kind, said


def hello(name="test"):
    return (
        bytes([VERSION, HELLO]) + secrets.token_bytes(8) + bytes([len(name)]) + name.encode("ascii")
    )


def mo_answer(number, taken):
    return bytes([VERSION, MO_ANSWER]) + number.to_bytes(8, "big") + bytes([taken])


def mt(number, peer, own, pid, dcs, data, marker=0x70, reference=0, valid_s=0):
    """peer and own: (type octet, digits)"""
    out = bytes([VERSION, MT]) + number.to_bytes(8, "big")
    for kind, digits in (peer, own):
        out += bytes([kind, len(digits)]) + digits.encode("ascii")
    out += bytes([pid, dcs, marker]) + struct.pack(">HH", 0, len(data)) + data
    return out + struct.pack(">HI", reference, valid_s)


class Box:
    """Listens where lwgated would, takes what comes once, and says what is to go until it has an
    outcome. on_mo(said) is called once for each message, in the listener's thread; its result:
    TAKEN, or LATER."""

    def __init__(self, path, on_mo):
        self.path, self.on_mo = path, on_mo
        self.changed = threading.Condition(threading.RLock())
        self.out, self.outcomes = {}, {}  # by id
        self.known = set()
        self.mos_again = 0
        self.next_id = 1
        self.stream = None
        self.hellos = 0
        self.ended = False
        self.broken = []  # what the bridge has said wrong
        self.open()

    def open(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(4)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def shut(self):
        """As when the gateway ends; what it had is kept."""
        with self.changed:
            self.ended = True
            # A thread may be in accept() or recv(), which close() alone would not end.
            for s in filter(None, (self.listener, self.stream)):
                with contextlib.suppress(OSError):
                    s.shutdown(socket.SHUT_RDWR)
                s.close()
            self.stream = None

    def again(self):
        with self.changed:
            self.ended = False
        self.open()

    def _accept(self, listener):
        while True:
            try:
                stream, _ = listener.accept()
            except OSError:
                return
            with self.changed:
                if self.ended or listener is not self.listener:
                    stream.close()
                    return
                self.stream = stream  # the newest wins
            threading.Thread(target=self._serve, args=(stream,), daemon=True).start()

    def _exactly(self, stream, length):
        octets = b""
        while len(octets) < length:
            piece = stream.recv(length - len(octets))
            if not piece:
                raise ConnectionError("the bridge has gone")
            octets += piece
        return octets

    def _serve(self, stream):
        try:
            stream.sendall(GREETING)
            assert self._exactly(stream, 8) == GREETING, "another protocol"
            self._say(stream, hello())
            with self.changed:
                for number in sorted(self.out):
                    self._say(stream, self.out[number])
            while True:
                head = self._exactly(stream, 9)
                assert head[0] == 1, head.hex()
                self._take(stream, self._exactly(stream, int.from_bytes(head[1:], "big")))
        except OSError:
            pass
        except AssertionError as why:
            self.broken.append(why)

    def _say(self, stream, frame):
        stream.sendall(b"\x01" + len(frame).to_bytes(8, "big") + frame)

    def _take(self, stream, frame):
        kind, said = read(frame)
        with self.changed:
            if kind == HELLO:
                self.hellos += 1
            elif kind == MT_OUTCOME:
                if said["outcome"] != BUSY:
                    self.out.pop(said["id"], None)
                    self.outcomes[said["id"]] = said
            elif kind == MO:
                self._take_mo(stream, said)
            self.changed.notify_all()

    def _take_mo(self, stream, said):
        taken = TAKEN
        if said["id"] in self.known:
            self.mos_again += 1
        else:
            taken = self.on_mo(said)
            if taken == TAKEN:
                self.known.add(said["id"])
        if stream is self.stream:
            self._say(stream, mo_answer(said["id"], taken))

    def send(self, peer, own, pid, dcs, data, **more):
        """Keeps it until it has an outcome; its id."""
        with self.changed:
            number = self.next_id
            self.next_id += 1
            self.out[number] = mt(
                number, peer, own, pid, dcs, data, reference=number & 0xFF, **more
            )
            if self.stream:
                with contextlib.suppress(OSError):
                    self._say(self.stream, self.out[number])
            return number
