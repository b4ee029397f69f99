#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A day of the lives of devices whose keys last ten minutes, by a clock that is turned by hand:
lwgate's core of the life (gateway/sms/keyset, behind a pipe, saved and loaded between any two
steps) against the lab's devices and their USIMs, over a network that is smooth, or loses, doubles,
delays and turns around; with an hour without a BSF."""

import collections
import contextlib
import heapq
import itertools
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "lab"))
import aka  # noqa: E402
import bsf_gpi  # noqa: E402
import sms_coap as coap  # noqa: E402
from harness import Process, binary, run_tests  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_keyed import PUSH_PORT, KeyedDevice, judge, write_push  # noqa: E402
from sms_keyed_bsf import impi_of  # noqa: E402
from sms_packet import (  # noqa: E402
    COMMAND,
    LWM2M_DEVICE,
    SPI1,
    Joiner,
    Keys,
    Wrong,
    cut,
    seal,
    unseal,
    unwrap,
    user_data,
    wrap,
)
from sms_world import OURS  # noqa: E402
from usim import AUTH_AMF, Usim  # noqa: E402

ROOT = os.path.join(HERE, "..", "..")
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
HOUR, DAY, LIFE, UPDATE, ANSWER = 3600, 86400, 600, 240, 40  # seconds
WANTED, ORDERED, OBTAINED, REFUSED, BROUGHT, TAKEN = range(6)
ASK, SEND, REFUSE = 1, 2, 4
EPOCH = 1_000_000
NAF = aka.naf_id("lwm2m.example", bytes.fromhex("0100000005"))


class Core:
    """gateway/sms/keyset: sms_keys_peer.c."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-sms-keys-")
        program = os.path.join(self.folder.name, "peer")
        words = ["cc", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/gateway"]
        words += ["-o", program, os.path.join(HERE, "sms_keys_peer.c")]
        prefix = subprocess.run(
            [os.path.join(ROOT, "deploy", "openssl-prefix")], stdout=subprocess.PIPE, check=True
        )
        ssl = prefix.stdout.decode().strip()
        words += [binary("libsms.a"), binary("libbase.a")]
        words += [f"-L{ssl}/lib", f"-Wl,-rpath,{ssl}/lib"] if ssl else []
        subprocess.run([*words, "-lcrypto"], check=True, timeout=120)
        self.peer = Process([program])
        return self

    def __exit__(self, *_):
        self.peer.kill()
        self.folder.cleanup()

    def say(self, *words):
        line = " ".join(w.hex() or "." if isinstance(w, bytes) else str(w) or "." for w in words)
        self.peer.child.stdin.write(line.encode() + b"\n")
        self.peer.child.stdin.flush()
        answer = self.peer.wait_line(lambda _: True)
        assert "damaged" not in answer, answer
        return answer

    def show(self, device):
        words = self.say("show", device).split()
        triples = [words[3 + 3 * n : 6 + 3 * n] for n in range(3)]
        return words[1], words[2], [(int(g), int(u) / 1000, k) for g, u, k in triples]


class Side:
    """The gateway's side of one device."""

    def __init__(self, world, number, core):
        self.world, self.core, self.number = world, core, number
        digits = f"4477009{number:05}"
        k, opc = world.luck.randbytes(16), world.luck.randbytes(16)
        self.home, self.sqn = aka.Milenage(k, opc), 0
        self.device = KeyedDevice(f"urn:day:{number}", digits, Usim(impi_of(digits), k, opc))
        self.device.clock = lambda: world.now
        self.device.network, self.changed = self, contextlib.nullcontext()
        self.joiner = Joiner()
        self.out, self.last = collections.Counter(), collections.Counter()  # by generation
        self.location, self.answered = None, {}
        self.counts, self.hourly = collections.Counter(), collections.Counter()
        self.good = []  # when an Update or Register was answered well, as the device saw it
        self.asked, self.under = None, []  # under which keys
        core.say("begin", number, self.ms())
        self.wake = None
        self.tell_time()

    def ms(self):
        return round(self.world.now * 1000)

    # --- the core

    def step(self, event, lifetime=0, until=0, keys=b"", blob=b"", cause=""):
        words = (event, self.ms(), lifetime, int(until * 1000), keys, blob, cause)
        done = int(self.core.say("step", self.number, *words))
        self.do(done)
        return done

    def tell_time(self):
        self.do(int(self.core.say("time", self.number, self.ms())))

    def do(self, actions):
        if actions & ASK:
            self.counts["asked"] += 1
            self.world.at(1, self.bsf)
        if actions & SEND:
            self.push()
        due = int(self.core.say("next", self.number)) / 1000
        if due < EPOCH + 2 * DAY:
            self.world.at(max(0.0, due - self.world.now), self.due, due)
            self.wake = due

    def due(self, when):
        if when == self.wake:
            self.tell_time()

    def bsf(self):
        if self.world.without_bsf():
            self.counts["refused"] += 1
            self.step(REFUSED, cause="bsf-down")
            return
        self.sqn = aka.next_sqn(self.sqn)
        v = aka.vector(self.home, self.world.luck.randbytes(16), self.sqn, AUTH_AMF)
        until = int(self.world.now) + LIFE
        fields = {
            bsf_gpi.RAND: v.rand,
            bsf_gpi.AUTN: v.autn,
            bsf_gpi.NAF_ID: NAF,
            bsf_gpi.P_TID: b"p@lwm2m.example",
            bsf_gpi.UNTIL: until.to_bytes(8, "big"),
            bsf_gpi.UICC: b"\0",
        }
        secret = aka.ks_naf(v.ks, v.rand, self.device.usim.impi, NAF)
        self.counts["obtained"] += 1
        keys = b"".join(aka.sms_keys(secret))
        self.step(OBTAINED, until=until, keys=keys, blob=bsf_gpi.write(v.ks, fields))

    def push(self):
        _, blob, sets = self.core.show(self.number)
        octets = write_push(sets[1][0], bytes.fromhex(blob))
        port = b"\x05\x04" + PUSH_PORT.to_bytes(2, "big") + bytes(2)
        pieces = [octets[at : at + 120] for at in range(0, len(octets), 120)]
        self.counts["pushed"] += 1
        for n, piece in enumerate(pieces, 1):
            self.down(user_data(piece, sets[1][0] & 0xFF, len(pieces), n, port))
        self.world.at(1, self.step, TAKEN)

    # --- messages

    def down(self, octets):
        self.hourly[int((self.world.now - EPOCH) // HOUR)] += 1
        self.world.carry(self.device.take, octets, 0x7D, 0xF5, OURS)

    def deliver(self, _, octets, **__):
        self.world.carry(self.came, octets)

    def came(self, octets):
        whole = self.joiner.take(octets)
        if whole is None:
            return
        _, _, sets = self.core.show(self.number)
        for which, (generation, until, key) in enumerate(sets):
            if not generation:
                continue
            keys = keys_of(key)
            try:
                counter, data = unseal(keys, whole[2])
            except Wrong:
                continue
            if counter > self.last[generation]:
                self.last[generation] = counter
                self.opened(which, generation, until, keys, coap.read(unwrap(data)))
            return
        self.counts["under none"] += 1

    def opened(self, which, generation, until, keys, message):
        event = int(self.core.say("heard", self.number, which, self.ms()))
        if self.step(event) & REFUSE:
            self.counts["4.00"] += 1
            self.answer(generation, keys, message, BAD_REQUEST)
            return
        assert which != 2 and until > self.world.now, "taken under keys that are over"
        assert message.number not in self.answered, "a message twice"
        if message.path() == "rd":
            self.location = f"rd/{self.number}"
            options = coap.path_options(self.location, coap.LOCATION_PATH)
            self.answer(generation, keys, message, CREATED, options)
        else:
            self.answer(generation, keys, message, CHANGED)
        self.step(WANTED, lifetime=LIFE)

    def answer(self, generation, keys, request, code, options=()):
        self.answered[request.number] = code
        self.out[generation] += 1
        made = coap.Message(coap.ACK, code, request.number, request.token, tuple(options))
        packet = seal(keys, self.out[generation], wrap(made.octets()))
        for octets in cut(packet, 1, COMMAND):
            self.down(octets)

    # --- the device

    def turn(self):
        """Says what is to be said, or finds that it was answered."""
        d = self.device
        answer = self.asked and next(
            (h.message for h in d.heard if h.message.token == self.asked.token), None
        )
        d.heard.clear()
        self.asked = None
        if answer and answer.code in (CREATED, CHANGED):
            self.good.append(self.world.now)
            self.under.append(d.current)
            d.location = answer.path(coap.LOCATION_PATH) or d.location
            self.world.at(UPDATE - ANSWER, self.say)
        elif answer:
            self.counts["heard 4.00"] += 1
            d.location = None
            self.world.at(5, self.say)
        else:
            self.say()

    def say(self):
        d = self.device
        d.use_new_keys()
        if d.current:
            self.asked = d.begin(coap.POST, d.location) if d.location else d.registration(LIFE)
            d.say(self.asked)
        self.world.at(ANSWER, self.turn)


def keys_of(text):
    octets = bytes.fromhex(text)
    half = len(octets) // 2
    return Keys(octets[:half], octets[half:], spi=bytes([SPI1, 0]), tar=LWM2M_DEVICE)


class World:
    def __init__(self, loss, outage=()):
        self.luck, self.loss, self.outage = random.Random(SEED), loss, outage
        self.now, self.events, self.order = float(EPOCH), [], itertools.count()

    def at(self, seconds, call, *words):
        heapq.heappush(self.events, (self.now + seconds, next(self.order), call, words))

    def carry(self, call, *words):
        if self.luck.random() < self.loss:
            return
        for _ in range(2 if self.luck.random() < self.loss else 1):
            late = self.luck.uniform(0, 60) if self.luck.random() < self.loss else 0
            self.at(1 + late, call, *words)

    def without_bsf(self):
        return bool(self.outage) and self.outage[0] <= self.now - EPOCH < self.outage[1]

    def run(self, seconds):
        end = EPOCH + seconds
        while self.events and self.events[0][0] < end:
            self.now, _, call, words = heapq.heappop(self.events)
            call(*words)
        self.now = end


def a_day(devices, loss, outage=()):
    with Core() as core:
        world = World(loss, outage)
        sides = [Side(world, n, core) for n in range(devices)]
        for n, side in enumerate(sides):
            world.at(10 + n, side.say)
        world.run(DAY)
        for s in sides:
            judge(s.device)
            hours = [s.hourly[h] for h in range(24)]
            gap = max(b - a for a, b in itertools.pairwise([EPOCH, *s.good, EPOCH + DAY]))
            print(
                f"#| loss {loss}: {len(s.good)} answered, {len(s.device.sets)} key sets, "
                f"{s.counts['4.00']} times 4.00, longest gap {gap:.0f} s, messages to it an hour: "
                f"{min(hours)} to {max(hours)}, {sum(hours)} in all; from it: "
                f"{sum(x.counter for x in s.device.sets)}"
            )
            print(f"# {dict(s.counts)} pushes {dict(s.device.pushes)}")
            yield s, gap, hours


def test_a_day_on_a_smooth_network():
    for s, gap, _ in a_day(3, 0.0):
        assert len(s.good) > DAY / UPDATE * 0.95 and gap < 2 * UPDATE
        assert len({id(k) for k in s.under}) == len(s.under), "fresh keys for each Update"
        assert s.counts["4.00"] == s.counts["under none"] == 0, s.counts
        assert s.counts["pushed"] <= len(s.good) + 3, "one for each answer, and none besides"


def test_a_day_on_a_rough_network():
    print(f"# seed {SEED}")
    for s, gap, hours in a_day(4, 0.3):
        assert gap < 1.5 * HOUR, gap
        assert len(s.good) > DAY / UPDATE / 4
        assert max(hours) < 400, "bounded"


def test_a_day_with_an_hour_without_a_BSF():
    print(f"# seed {SEED}")
    for s, gap, hours in a_day(2, 0.0, (10 * HOUR, 11 * HOUR)):
        assert HOUR / 2 < gap < 1.5 * HOUR, gap
        assert s.counts["refused"] > 3 and s.counts["4.00"] > 0
        assert hours[10] < 150 and s.good[-1] > EPOCH + DAY - 2 * UPDATE


run_tests(
    [
        test_a_day_on_a_smooth_network,
        test_a_day_on_a_rough_network,
        test_a_day_with_an_hour_without_a_BSF,
    ]
)
