# SPDX-License-Identifier: Apache-2.0
"""Devices whose keys for short messages are session keys (profile cr-004): they come by GBA Push
into a USIM, or from a smartcard that the server writes; and a network that is rough with them."""

import collections
import dataclasses
import os
import random
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import aka  # noqa: E402  (the path comes first)
import bsf_gpi  # noqa: E402
import sms_coap as coap  # noqa: E402
import uicc as card  # noqa: E402
from harness import DEADLINE_S  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED, NOT_FOUND  # noqa: E402
from sms_device import Heard, SmsDevice  # noqa: E402
from sms_packet import (  # noqa: E402  # noqa: E402
    COMMAND,
    LWM2M_DEVICE,
    RESPONSE,
    SPI1,
    Keys,
    Wrong,
    cut,
    seal,
    unseal,
    unwrap,
    wrap,
)
from usim import OutOfSync  # noqa: E402

RFM_TAR = bytes.fromhex("b00010")

PUSH_PORT = 2948
# gateway/gba/gpi_push.h says what of it is verified and what is not.
PUSH = b"application/vnd.3gpp.gba.gpi\0\xafx-wap-application:gba.ua\0"
CARD_PID, CARD_DCS = 0x7F, 0xF6


def read_push(octets):
    """(session identifier, GPI) of a WAP push without connection (TS 24.109 J.2)."""
    if octets[1:2] != b"\x06" or octets[2] != len(PUSH) or octets[3 : 3 + len(PUSH)] != PUSH:
        raise Wrong(f"no push of GPI: {octets[:70].hex()}")
    envelope = octets[3 + len(PUSH) :]
    if envelope[:1] != b"\x01" or len(envelope) < 6:
        raise Wrong("envelope")
    return int.from_bytes(envelope[1:5], "big"), envelope[5:]


def write_push(session, gpi):
    return b"\x00\x06" + bytes([len(PUSH)]) + PUSH + b"\x01" + session.to_bytes(4, "big") + gpi


@dataclasses.dataclass
class KeySet:
    """One generation of keys, as the device has it."""

    keys: Keys
    until: float  # seconds of the wall clock; inf: no end
    origin: str
    seq: int = 0  # of the challenge that they come from
    counter: int = 0  # used
    last: int = 0  # taken
    sent: dict = dataclasses.field(default_factory=dict)  # counter: packet
    taken: dict = dataclasses.field(default_factory=dict)


class KeyedDevice(SmsDevice):
    """Uses new keys from its next Register or Update on, with counters from 0; knows those of
    before to read with. With usim None it has nothing to take a push with."""

    def __init__(self, endpoint, number, usim=None, first=None, triple_des=False):
        super().__init__(endpoint, number, "cr-004")
        self.usim, self.triple_des = usim, triple_des
        self.sets = []  # all that were ever in use
        self.current, self.before, self.coming = None, None, None
        self.keys = None
        self.sessions = {}  # push sessions: GPI
        self.pushes = collections.Counter()
        self.out_of_sync, self.too_late = [], 0
        self.clock = time.time
        if first is not None:
            self.coming = KeySet(first, float("inf"), "provisioned")
            self.use_new_keys()

    # --- keys

    def agreed(self, cipher_key, check_key):
        algorithm = 0x9 if self.triple_des else 0x2
        return Keys(
            cipher_key,
            check_key,
            spi=bytes([SPI1, 0]),
            kic=0x10 | algorithm,
            kid=0x10 | algorithm,
            tar=LWM2M_DEVICE,
        )

    def use_new_keys(self):
        """True: there were some."""
        with self.changed:
            if self.coming is None:
                return False
            self.before, self.current, self.coming = self.current, self.coming, None
            self.sets.append(self.current)
            self.keys = self.current.keys
            return True

    def until_keys(self, seconds=DEADLINE_S, after=0):
        """Waits until so many pushes were good, and one more."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.pushes["good"] > after, seconds):
                raise TimeoutError(f"{self.endpoint}: no push; {dict(self.pushes)}, {self.faults}")

    # --- sending

    def packet(self, octets, counter=None, keys=None):
        with self.changed:
            own = self.current
            if keys is None and counter is None:
                own.counter += 1
                counter = own.counter
            made = seal(keys or own.keys, counter, wrap(octets, self.tag))
            if keys is None:
                assert own.sent.setdefault(counter, made) == made, "a counter a second time"
            return made

    def register(self, seconds=DEADLINE_S, lifetime=300, **how):
        self.use_new_keys()
        answer = self.ask(self.registration(lifetime), seconds, **how)
        if answer.code == CREATED:
            self.location = answer.path(coap.LOCATION_PATH)
        return answer

    def update(self, seconds=DEADLINE_S):
        self.use_new_keys()
        return self.ask(self.begin(coap.POST, self.location), seconds)

    # --- taking

    def _take_packet(self, marker, port, packet, source):
        if port == PUSH_PORT and not marker:
            self._take_push(packet)
            return
        if marker != COMMAND or port:
            raise Wrong(f"marker {marker:02x}, port {port}")
        for mine in filter(None, (self.current, self.coming, self.before)):
            try:
                counter, data = unseal(mine.keys, packet)
            except Wrong:
                continue
            self._take_data(mine, counter, data, packet, source)
            return
        for old in self.sets:  # of long ago: it was late, and is dropped
            try:
                counter, _ = unseal(old.keys, packet)
            except Wrong:
                continue
            if old.taken.setdefault(counter, packet) != packet:
                raise Wrong(f"counter {counter} a second time, with other octets")
            self.too_late += 1
            return
        raise Wrong(f"no keys for it: {packet[:10].hex()}")

    def _take_data(self, mine, counter, data, packet, source):
        known = counter in mine.taken
        if mine.taken.setdefault(counter, packet) != packet:
            raise Wrong(f"counter {counter} a second time, with other octets")
        if counter <= mine.last:
            self.again += known
            self.overtaken += not known
            return
        mine.last = counter
        self._hear(counter, data, source)

    def _hear(self, counter, data, source):
        message = coap.read(unwrap(data, self.tag))
        self.heard.append(Heard(counter, message, source))
        if message.is_request() and not self.silent:
            self._serve(message)

    def _take_push(self, octets):
        session, gpi = read_push(octets)
        if self.sessions.get(session) == gpi:
            self.pushes["again"] += 1
            return
        self.sessions[session] = gpi
        if self.usim is None:
            self.pushes["no USIM"] += 1
            return
        try:
            agreed = self.usim.push(gpi, self.clock())
        except OutOfSync as out:
            self.out_of_sync.append(out)
            self.pushes["out of sync"] += 1
            return
        except (aka.Refused, bsf_gpi.Malformed) as why:
            self.pushes[str(why)] += 1
            return
        seq = agreed.sqn >> aka.IND_BITS
        if any(s.seq > seq for s in (self.coming, self.current) if s):
            self.pushes["overtaken"] += 1
            return
        keys = self.agreed(*aka.sms_keys(agreed.secret, self.triple_des))
        self.coming = KeySet(keys, agreed.until, "gba-push", seq)
        self.pushes["good"] += 1


class CardDevice(KeyedDevice):
    """Its keys are in a smartcard's EF_LWM2M_Bootstrap, which it reads before each Register and
    Update. What comes for the card (class 2) it hands on, and the card's answer it sends."""

    def __init__(self, endpoint, number, uicc):
        super().__init__(endpoint, number)
        self.uicc = uicc
        self.answers = 0
        self.read_card()
        self.use_new_keys()

    def read_card(self):
        rows = card.read_bootstrap(self.uicc.file()).get(0, [])
        row = next((r for r in rows if r.get(card.SMS_KEYS)), None)
        if row is None:
            return
        params, keys = row[card.SMS_PARAMS], row[card.SMS_KEYS]
        if len(params) == 6:  # A3: without SPI2
            params = params[:3] + b"\0" + params[3:]
        half = len(keys) // 2
        found = Keys(
            keys[:half],
            keys[half:],
            spi=params[2:4],
            kic=params[0],
            kid=params[1],
            tar=params[4:7],
        )
        known = [s.keys for s in (self.current, self.coming) if s]
        if found not in known:
            self.coming = KeySet(found, float("inf"), "smartcard")
            self.pushes["good"] += 1

    def use_new_keys(self):
        with self.changed:
            if hasattr(self, "uicc"):
                self.read_card()
            return super().use_new_keys()

    def take(self, user_data, pid, dcs, source):
        if (pid, dcs) != (CARD_PID, CARD_DCS):
            super().take(user_data, pid, dcs, source)
            return
        with self.changed:
            try:
                whole = self.joiner.take(user_data)
            except (Wrong, LookupError) as why:
                self.faults.append(f"card: {why!r}")
                return
            answer = None
            if whole is not None and whole[0] == COMMAND:
                answer = self.uicc.take(whole[2])
            if answer is not None:
                self.answers += 1
                self.reference += 1
                for piece in cut(answer, self.reference & 0xFF, RESPONSE):
                    self.network.deliver(self, piece, pid=CARD_PID, dcs=CARD_DCS)
            self.changed.notify_all()


class Life(threading.Thread):
    """Keeps a device registered: Updates, new keys when they have come, Register anew after 4.00 or
    4.04, and once more what was not answered."""

    def __init__(self, device, every_s, answer_s=3.0, lifetime=300):
        super().__init__(daemon=True)
        self.device, self.every_s, self.answer_s = device, every_s, answer_s
        self.lifetime = lifetime
        self.counts = collections.Counter()
        self.done = []  # (what, code, number of the key set, when)
        self.ended = threading.Event()
        self.failed = None

    def run(self):
        try:
            while not self.ended.is_set():
                self.turn()
        except Exception as why:  # a thread's failure is told where it is joined
            self.failed = why
            raise

    def turn(self):
        d = self.device
        if d.current is None and d.coming is None:
            self.until_push(self.answer_s)
            return
        what = "update" if d.location else "register"
        try:
            if d.location:
                code = d.update(self.answer_s).code
            else:
                code = d.register(self.answer_s, lifetime=self.lifetime).code
        except TimeoutError:
            self.counts["unanswered"] += 1
            return
        self.counts[f"{what} {code >> 5}.{code & 31:02}"] += 1
        self.done.append((what, code, len(d.sets), time.monotonic()))
        if code in (CREATED, CHANGED):
            self.ended.wait(self.every_s)
        elif code in (BAD_REQUEST, NOT_FOUND):
            d.location = None
            if code == BAD_REQUEST:
                self.until_push(self.answer_s)
        else:
            raise AssertionError(f"{what}: {code:#x}")

    def until_push(self, seconds):
        with self.device.changed:
            self.device.changed.wait_for(
                lambda: self.device.coming is not None or self.ended.is_set(), seconds
            )

    def end(self):
        self.ended.set()
        with self.device.changed:
            self.device.changed.notify_all()
        self.join(DEADLINE_S)
        if self.failed:
            raise self.failed


class Rough:
    """Between a device and its network: loses, doubles, delays and turns around, both ways."""

    def __init__(self, network, device, seed, loss=0.3, late_s=1.5):
        self.network, self.device = network, device
        self.luck, self.loss, self.late_s = random.Random(seed), loss, late_s
        self.lock, self.changed = threading.Lock(), network.changed
        self.counts = collections.Counter()
        network.devices[device.number] = self
        device.network = self

    def smooth(self):
        self.loss = 0.0

    def _fate(self, name):
        """How long each copy takes."""
        with self.lock:
            self.counts[name] += 1
            if self.luck.random() < self.loss:
                self.counts[name + " lost"] += 1
                return []
            copies = 2 if self.luck.random() < self.loss else 1
            self.counts[name + " doubled"] += copies - 1
            late = [
                self.luck.uniform(0.1, self.late_s) if self.luck.random() < self.loss else 0.0
                for _ in range(copies)
            ]
            self.counts[name + " late"] += sum(s > 0 for s in late)
            return late

    @staticmethod
    def _at(seconds, call, *words, **more):
        if seconds == 0:
            call(*words, **more)
            return
        timer = threading.Timer(seconds, call, words, more)
        timer.daemon = True
        timer.start()

    def deliver(self, device, user_data, **more):
        for seconds in self._fate("MO"):
            self._at(seconds, self.network.deliver, device, user_data, **more)

    def take(self, *words):
        for seconds in self._fate("MT"):
            self._at(seconds, self.device.take, *words)


def ota_keys():
    return Keys(
        os.urandom(16), os.urandom(16), spi=bytes([SPI1, 0x39]), kic=0x22, kid=0x22, tar=RFM_TAR
    )


def card_file(key=b"", size=160):
    """What the operator has personalised: an account without keys for short messages, or with."""
    row = {card.URI: b"coap://lwm2m.example", card.IS_BOOTSTRAP: b"\0", card.MODE: b"\3"}
    row.update({card.SMS_MODE: b"\2", card.SMS_PARAMS: bytes.fromhex("12121600bfff01")})
    row.update({card.SMS_KEYS: key or bytes(range(32)), card.SHORT_ID: b"\x65"})
    return card.bootstrap_file(row, size)


def judge(device):
    """What must hold of every device at any time."""
    assert not device.faults, device.faults
    keys = [(s.keys.cipher_key, s.keys.check_key) for s in device.sets]
    assert len(set(keys)) == len(keys), "keys a second time"
    for s in device.sets:
        assert sorted(s.sent) == list(range(1, s.counter + 1)), "counters from 1, each once"
        assert len(set(s.sent.values())) == len(s.sent)
        # Both directions have counters of their own and the same keys: never the same octets.
        assert not set(s.sent.values()) & set(s.taken.values()), "reflected"
