# SPDX-License-Identifier: Apache-2.0
"""Who plays the gateway where the devices, the card, the BSF and the bridge are to be proved
without it: a small gateway at the wire's end of lwgate-smsd that gives devices new keys. Its
BSF client is lwgate's (ask-bsf), and its card's half is lwgate's (sms_card_peer); the life of
the keys is written here, beside lwgate's own."""

import collections
import contextlib
import dataclasses
import queue
import secrets
import struct
import threading
import time

import sms_coap as coap
from harness import Process, binary
from sms_card import GIVEN_UP, HAS_IT, Ours
from sms_keyed import PUSH_PORT, write_push
from sms_packet import (
    COMMAND,
    LWM2M_DEVICE,
    RESPONSE,
    SPI1,
    Keys,
    Wrong,
    seal,
    unseal,
    unwrap,
    wrap,
)
from sms_wire import INTERNATIONAL, TAKEN, Box, mt
from sms_world import OURS

TICK_S = 0.05


@dataclasses.dataclass
class Set:
    keys: Keys
    until: float
    generation: int
    out: int = 0
    last: int = 0
    said: dict = dataclasses.field(default_factory=dict)
    begun: float = dataclasses.field(default_factory=time.time)


@dataclasses.dataclass
class Row:
    """What the gateway has of one device."""

    endpoint: str
    number: str
    impi: str = ""
    where: str = "me"
    card: object = None  # (sms_card.Ours, template)
    current: Set | None = None
    next: Set | None = None
    stale: Set | None = None
    generation: int = 0
    asking: bool = False
    gpi: bytes = b""
    tries: int = 0
    sent_at: float = 0.0
    not_before: float = 0.0
    location: str | None = None
    answered: dict = dataclasses.field(default_factory=dict)  # message id: answer
    state: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    causes: list = dataclasses.field(default_factory=list)
    card_counter: int = 0
    fresh_file: tuple = ()


class PortBox(Box):
    """A box whose messages may have a port."""

    def send_to(self, number, pid, dcs, data, marker, port):
        with self.changed:
            own, self.next_id = self.next_id, self.next_id + 1
            frame = mt(
                own,
                (INTERNATIONAL, number),
                (INTERNATIONAL, OURS),
                pid,
                dcs,
                data,
                marker,
                own & 255,
            )
            if port:
                at = len(frame) - 6 - len(data) - 4
                assert frame[at : at + 2] == b"\0\0"
                frame = frame[:at] + struct.pack(">H", port) + frame[at + 2 :]
            self.out[own] = frame
            if self.stream:
                with contextlib.suppress(OSError):
                    self._say(self.stream, frame)
            return own


class StandIn(threading.Thread):
    def __init__(self, path, bsf_conf=None, lifetime_s=600, early_s=0, overlap_s=300, retry_s=2.0):
        super().__init__(daemon=True)
        self.lifetime_s, self.early_s, self.overlap_s = lifetime_s, early_s, overlap_s
        self.retry_s = retry_s
        self.rows = {}
        self.work = queue.Queue()
        self.ended = threading.Event()
        self.client = Process([binary("ask-bsf"), bsf_conf]) if bsf_conf else None
        if self.client:
            self.client.wait_json(lambda o: "ready" in o)
        self.asks = threading.Lock()
        self.tag = 0
        self.failed = []
        self.log = []  # (when, endpoint, word)
        self.box = PortBox(path, self._mo)
        self.start()

    def close(self):
        self.ended.set()
        self.join(10)
        self.box.shut()
        if self.client:
            self.client.kill()
        for row in self.rows.values():
            if row.card:
                row.card[0].__exit__()

    def add(self, row):
        self.rows[row.number] = row
        return row

    def provision(self, row, keys):
        row.generation += 1
        row.current = Set(keys, float("inf"), row.generation)

    def note(self, row, word):
        row.state[word] += 1
        self.log.append((time.monotonic(), row.endpoint, word))

    # --- the loop

    def _mo(self, said):
        self.work.put(("mo", said))
        return TAKEN

    def refresh(self, row):
        self.work.put(("refresh", row))

    def run(self):
        while not self.ended.is_set():
            try:
                kind, what = self.work.get(timeout=TICK_S)
            except queue.Empty:
                kind, what = "tick", None
            try:
                if kind == "mo":
                    self._take(what)
                elif kind == "refresh":
                    self._ask(what)
                elif kind == "keys":
                    self._obtained(*what)
                self._tick()
            except Exception as why:  # told by who closes it
                self.failed.append(why)
                raise

    def _tick(self):
        now = time.time()
        for row in self.rows.values():
            if row.stale and now - row.stale.begun > self.overlap_s:
                row.stale = None
            if row.card:
                self._card_tick(row)
            elif row.next and row.next.until <= now:
                row.next = None
                self.note(row, "late")
                self._ask(row)
            elif row.next and now - row.sent_at > self.retry_s * 2 ** min(row.tries, 4):
                self._push(row)
            current = row.current
            if current and not row.next and not row.asking and now >= row.not_before:
                if current.until - self.early_s <= now:
                    self._ask(row)

    # --- in

    def _take(self, said):
        row = self.rows.get(said["peer"])
        if row is None:
            return
        if said["marker"] == RESPONSE and row.card:
            row.card[0].open(said["data"], _ms())
            return
        for mine in filter(None, (row.current, row.next, row.stale)):
            try:
                counter, data = unseal(mine.keys, said["data"])
            except Wrong:
                continue
            if counter <= mine.last:
                self.note(row, "counter")
                return
            mine.last = counter
            self._opened(row, mine, said, coap.read(unwrap(data)))
            return
        self.note(row, "under none")

    def _opened(self, row, mine, said, message):
        now = time.time()
        if mine is row.next:
            row.stale, row.current, row.next = row.current, row.next, None
            if row.stale:
                row.stale.begun = now
            row.tries = 0
            self.note(row, "proved")
        if mine is row.stale or mine.until <= now:
            self.note(row, "old")
            self._answer(row, mine, message, coap.BAD_REQUEST)
            if row.next and not row.card:
                self._push(row)
            elif not row.next:
                self._ask(row)
            return
        if not message.is_request():
            return
        if message.number in row.answered:
            return
        path = message.path()
        if message.code == coap.POST and path == "rd":
            row.location = f"rd/{secrets.token_hex(3)}"
            self.note(row, "registered")
            self._answer(
                row,
                mine,
                message,
                coap.CREATED,
                coap.path_options(row.location, coap.LOCATION_PATH),
            )
            self._ask(row)
        elif message.code == coap.POST and path == row.location:
            self.note(row, "updated")
            self._answer(row, mine, message, coap.CHANGED)
            self._ask(row)
        else:
            self._answer(row, mine, message, coap.NOT_FOUND)

    # --- out

    def _answer(self, row, mine, request, code, options=()):
        row.answered[request.number] = code
        answer = coap.Message(coap.ACK, code, request.number, request.token, tuple(options))
        self.seal_to(row, mine, answer)

    def seal_to(self, row, mine, message):
        mine.out += 1
        packet = seal(mine.keys, mine.out, wrap(message.octets()))
        assert mine.said.setdefault(mine.out, packet) == packet
        self.box.send_to(row.number, 0x7D, 0xF5, packet, COMMAND, 0)

    # --- keys

    def _ask(self, row):
        if row.asking:
            return
        if row.card:
            self._write_card(row)
            return
        row.asking = True
        self.note(row, "asked")
        threading.Thread(target=self._ask_bsf, args=(row,), daemon=True).start()

    def _ask_bsf(self, row):
        with self.asks:
            self.tag += 1
            tag = self.tag
            line = f"ask {tag} {row.impi} {row.where} aes {int(self.lifetime_s)}\n"
            self.client.child.stdin.write(line.encode())
            self.client.child.stdin.flush()
            said = self.client.wait_json(lambda o: o.get("tag") == tag)
        self.work.put(("keys", (row, said)))

    def _obtained(self, row, said):
        row.asking = False
        if said["result"] != "bsf-ok":
            row.causes.append(said["result"])
            self.note(row, "refused")
            row.not_before = time.time() + max(1.0, said["retry_after_s"])
            if row.current is None:
                threading.Timer(1.0, self.refresh, (row,)).start()
            return
        row.generation += 1
        keys = Keys(
            bytes.fromhex(said["kic"]),
            bytes.fromhex(said["kid"]),
            spi=bytes([SPI1, 0]),
            tar=LWM2M_DEVICE,
        )
        row.next = Set(keys, said["until_ms"] / 1000, row.generation)
        row.gpi, row.tries = bytes.fromhex(said["gpi"]), 0
        self._push(row)

    def _push(self, row):
        row.tries += 1
        row.sent_at = time.time()
        self.note(row, "pushed")
        octets = write_push(row.next.generation, row.gpi)
        self.box.send_to(row.number, 0x7D, 0xF5, octets, 0, PUSH_PORT)

    # --- the card

    def _write_card(self, row):
        ours, file = row.card
        state = ours.state()["phase"]
        if row.next:
            return
        if row.fresh_file:  # proved by its use, before the card's own answer was here
            file, row.fresh_file = row.fresh_file, ()
            row.card, state = (ours, file), HAS_IT
        row.generation += 1
        key = secrets.token_bytes(32)
        params = bytes([0x12, 0x12, SPI1, 0]) + LWM2M_DEVICE
        keys = Keys(key[:16], key[16:], spi=bytes([SPI1, 0]), tar=LWM2M_DEVICE)
        fresh = ours.account(file, 2, params, key)
        row.next = Set(keys, time.time() + self.lifetime_s, row.generation)
        self.note(row, "asked")
        assert ours.begin(file if state == HAS_IT else b"", fresh, _ms())
        row.fresh_file = fresh

    def _card_tick(self, row):
        ours, _ = row.card
        state = ours.state()
        if state["phase"] == HAS_IT and row.fresh_file:
            row.card = (ours, row.fresh_file)
            row.fresh_file = ()
            self.note(row, "card has it")
        elif state["phase"] == GIVEN_UP and row.fresh_file:
            row.causes.append(state["why"])
            self.note(row, "given up")
            assert ours.begin(b"", row.fresh_file, _ms())
        elif ours.is_due(_ms()):
            row.card_counter += 1
            packet = ours.packet(row.card_counter, _ms())
            self.note(row, "card packet")
            self.box.send_to(row.number, 0x7F, 0xF6, packet, COMMAND, 0)


def _ms():
    return int(time.time() * 1000)


__all__ = ["Ours", "Row", "StandIn"]
