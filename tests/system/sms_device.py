# SPDX-License-Identifier: Apache-2.0
"""A small LwM2M device that is reached by short messages only, in either profile; independent of
lwgate's code. Somebody else carries its messages: see Network in sms_world."""

import dataclasses
import secrets
import threading

import sms_coap as coap
from harness import DEADLINE_S, Device
from sms_coap import ACK, CHANGED, CON, CONTENT, NON, NOT_FOUND, Message
from sms_packet import (
    AES,
    COMMAND,
    LWM2M_CARD,
    LWM2M_DEVICE,
    SPI1,
    Joiner,
    Keys,
    Wrong,
    cut,
    seal,
    unseal,
    unwrap,
    wrap,
)

# TP-PID, TP-DCS, TAR of what a device and its server send (LwM2M 1.0 Transport 7.2.2.2; CR 004)
PROFILES = {"lwm2m-1.0": (0x7F, 0xF6, LWM2M_CARD), "cr-004": (0x7D, 0xF5, LWM2M_DEVICE)}
KEY_LEN = {AES: 16, 0x9: 24}
NAME = b"\xc8\x00\x06lwgate"  # resource 0 as TLV
LINKS = b"</3/0>,</3/0/0>,</3/0/13>"


@dataclasses.dataclass(frozen=True)
class Heard:
    counter: int
    message: Message
    source: str  # the number that it came from


class SmsDevice(Device):
    """One endpoint with a number and two keys. What was wrong with what it got is in faults."""

    def __init__(self, endpoint, number, profile="lwm2m-1.0", algorithm=AES, cc_len=8, tag=0x05):
        super().__init__(endpoint)
        self.number, self.profile, self.tag = number, profile, tag
        self.pid, self.dcs, tar = PROFILES[profile]
        self.keys = Keys(
            secrets.token_bytes(KEY_LEN[algorithm]),
            secrets.token_bytes(KEY_LEN[algorithm]),
            spi=bytes([SPI1, 0]),
            kic=0x10 | algorithm,
            kid=0x10 | algorithm,
            tar=tar,
            cc_len=cc_len,
        )
        self.network, self.server_number = None, None
        self.counter = self.last = 0  # used, and taken
        self.message_id = secrets.randbelow(0x8000)
        self.reference = secrets.randbelow(256)
        self.changed = threading.Condition(threading.RLock())
        self.joiner = Joiner()
        self.heard = []  # all that was good and new
        self.octets_of = {}  # packets that were taken, by counter
        self.faults, self.again, self.overtaken = [], 0, 0
        self.requests_again = 0  # the server's, under a message id that was there
        self.triggered = 0
        self.asked = {}  # message id: the answer that was given
        self.location, self.observer, self.observed = None, None, 0
        self.notifications = 0  # to be sent after an Observe
        self.silent = False  # answers nothing
        self.spy = lambda packet: None  # sees each packet that it says
        self.value = NAME

    # --- sending

    def say_octets(self, packet, marker=COMMAND, wide=False):
        """As the segments of one message."""
        self.reference += 1
        for user_data in cut(packet, self.reference & 0xFF, marker, wide):
            self.network.deliver(self, user_data)

    def packet(self, octets, counter=None, keys=None):
        """A sealed CoAP message, with the next counter if none is said."""
        with self.changed:
            if counter is None:
                self.counter += 1
                counter = self.counter
        return seal(keys or self.keys, counter, wrap(octets, self.tag))

    def say(self, message, **how):
        """With the network's lock: what has the next counter is the next that the network has."""
        with self.network.changed:
            packet = self.packet(message.octets())
            self.spy(packet)
            self.say_octets(packet, **how)

    def next_id(self):
        with self.changed:
            self.message_id = (self.message_id + 1) & 0xFFFF
            return self.message_id

    def begin(self, code, path="", query=(), payload=b"", kind=CON, more=()):
        """A request with a message id and a token of its own."""
        options = coap.path_options(path) + coap.queries(*query) + tuple(more)
        return Message(kind, code, self.next_id(), secrets.token_bytes(4), options, payload)

    # --- what a device does

    def ask(self, request, seconds=DEADLINE_S, **how):
        """Says it and waits for its answer."""
        self.say(request, **how)
        return self.answer_to(request, seconds)

    def answer_to(self, request, seconds=DEADLINE_S):
        return self.wait(
            lambda h: h.message.is_response() and h.message.token == request.token,
            f"the answer to {request}",
            seconds,
        ).message

    def registration(self, lifetime=300):
        token = secrets.token_bytes(4)
        return coap.registration(self.endpoint, self.number, self.next_id(), token, lifetime)

    def register(self, seconds=DEADLINE_S, **how):
        answer = self.ask(self.registration(), seconds, **how)
        assert answer.code == coap.CREATED, answer
        self.location = answer.path(coap.LOCATION_PATH)
        assert self.location, answer
        return answer

    def update(self, seconds=DEADLINE_S):
        answer = self.ask(self.begin(coap.POST, self.location), seconds)
        assert answer.code == CHANGED, answer
        return answer

    def deregister(self, seconds=DEADLINE_S):
        answer = self.ask(self.begin(coap.DELETE, self.location), seconds)
        assert answer.code == coap.DELETED, answer
        self.location = None

    def notify(self, value, kind=NON):
        """Of what is observed."""
        assert self.observer is not None, "nobody observes"
        self.observed += 1
        options = ((coap.OBSERVE, self.observed.to_bytes(3, "big")),)
        self.say(Message(kind, CONTENT, self.next_id(), self.observer, options, value))

    # --- taking

    def wait(self, wanted, what="", seconds=DEADLINE_S, after=0):
        """The first that was heard after so many, for which wanted() is true."""
        with self.changed:
            found = self.changed.wait_for(
                lambda: next((h for h in self.heard[after:] if wanted(h)), None), seconds
            )
        if not found:
            raise TimeoutError(
                f"{self.endpoint}: not within {seconds} s: {what}; "
                f"heard: {self.heard[-4:]}; faults: {self.faults}"
            )
        return found

    def take(self, user_data, pid, dcs, source):
        """One short message for it. What is not as agreed is a fault, and nothing else."""
        with self.changed:
            if (pid, dcs) != (self.pid, self.dcs):
                self.faults.append(f"PID {pid:02x} DCS {dcs:02x}")
            try:
                whole = self.joiner.take(user_data)
                if whole is not None:
                    self._take_packet(*whole, source)
            except (Wrong, coap.Malformed, LookupError) as why:
                self.faults.append(f"{why!r}: {user_data.hex()}")
            self.changed.notify_all()

    def _take_packet(self, marker, port, packet, source):
        if marker != COMMAND or port:
            raise Wrong(f"marker {marker:02x}, port {port}")
        counter, data = unseal(self.keys, packet)
        known = counter in self.octets_of
        if self.octets_of.setdefault(counter, packet) != packet:
            raise Wrong(f"counter {counter} a second time, with other octets")
        if counter <= self.last:  # a card drops it: TS 102 225 5.1.4
            self.again += known
            self.overtaken += not known
            return
        self.last = counter
        message = coap.read(unwrap(data, self.tag))
        self.heard.append(Heard(counter, message, source))
        if message.is_request() and not self.silent:
            self._serve(message)

    def _serve(self, request):
        if request.number in self.asked:
            self.requests_again += 1
            return
        code, options, payload = self._answer(request)
        kind = ACK if request.kind == CON else NON
        number = request.number if request.kind == CON else self.next_id()
        answer = Message(kind, code, number, request.token, options, payload)
        self.asked[request.number] = answer
        self.say(answer)
        if request.observe() == 0 and code == CONTENT:
            for n in range(self.notifications):
                self.notify(b"%d" % (n + 1))

    def _answer(self, request):
        path = request.path()
        if request.code == coap.GET and request.observe() is not None:
            self.observer = request.token if request.observe() == 0 else None
            options = ((coap.OBSERVE, b""),) if self.observer else ()
            return CONTENT, options, b"0"
        if request.code == coap.GET and path == "3":
            return CONTENT, ((coap.FORMAT, bytes([coap.LINKS])),), LINKS
        if request.code == coap.GET and path.startswith("3/0"):
            return CONTENT, ((coap.FORMAT, coap.TLV.to_bytes(2, "big")),), self.value
        if request.code == coap.POST and path == "1/0/8":
            self.triggered += 1
        if request.code in (coap.PUT, coap.POST):
            return CHANGED, (), b""
        return NOT_FOUND, (), b""
