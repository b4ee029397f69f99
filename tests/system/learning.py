# SPDX-License-Identifier: Apache-2.0
"""A gateway that learns from bootstraps, and its server, of whom each octet is said here. The
devices are OpenSSL's client."""

import base64
import contextlib
import copy
import itertools
import json
import os
import re
import secrets
import signal
import struct
import subprocess
import tempfile

from harness import DEADLINE_S, Device
from policy import CHANGED, DISK, OPENSSL, House, Openssl, Wire
from scripted import BOOTSTRAP, POST, PUT, answer, request, say, start_scripted

HERE = os.path.dirname(os.path.abspath(__file__))
NOT_ACCEPTABLE = 0x86
OURS, ANOTHERS = "coaps://gw.example", "coaps://another.example"
LEARN = f'learn = {{ server_uris = [ "{OURS}" ]; settle_s = 3600; }};'
SETTLE_S = 3600
PSK, RAW, X509 = 0, 1, 2  # resource 2 of the Security object
TLV = 11542
STAGED, ARMED, LEARNED = "credential-staged", "credential-armed", "credential-learned"
REFUSED, LAPSED = "learning-refused", "learning-lapsed"
NUMBERS = itertools.count(1)  # of requests of the server

RULES = """policy = { rules = (
  { name = "replaced"; events = [ "credential-replaced", "credential-revoked" ];
    device = "teardown"; upstream = "keep"; reason = "it proves another"; }
);
default = { device = "keep"; upstream = "keep"; };
};
"""


def tlv(number, value):
    """A resource (LwM2M Core 1.1, 7.4.3)."""
    if len(value) < 8:
        return bytes([0xC0 | len(value), number]) + value
    if len(value) < 256:
        return bytes([0xC8, number, len(value)]) + value
    return bytes([0xD0, number]) + len(value).to_bytes(2, "big") + value


def account(identity, secret, uri=OURS, mode=PSK):
    """An instance of the Security object."""
    return (
        tlv(0, uri.encode())
        + tlv(1, b"\x00")
        + tlv(2, bytes([mode]))
        + tlv(3, identity)
        + tlv(5, secret)
        + tlv(10, b"\x65")
    )


class Pupil(Device):
    """A device with a PSK."""

    stack, certificate = OPENSSL, False

    def given(self, identity=None):
        """The same with another key, and maybe another identity."""
        new = copy.copy(self)
        new.identity = identity or self.identity
        new.key = secrets.token_hex(16)
        return new

    def account(self, uri=OURS):
        return account(self.identity.encode(), bytes.fromhex(self.key), uri)


class Path(Wire):
    """A Wire on which what the device sends can be lost, or can come more than once: a handshake
    with a wrong key ends with the third Finished, for which the device would wait for 3 seconds."""

    lost, copies = False, 1

    def _pass(self, s):
        if s is not self.front:
            super()._pass(s)
            return
        before = len(self.types[True])
        datagram, self.client = s.recvfrom(65536)
        self._see(True, datagram)
        protected = len(self.types[True]) > before
        for _ in range(0 if self.lost else self.copies if protected else 1):
            self.back.send(datagram)


class School(House):
    """A House whose server is what a test says. It speaks with the first of its members only."""

    def __init__(self, members, learn=LEARN, settings="", before=(), by_file=False, **more):
        self.before, self.clients = list(before), 0
        super().__init__(members, RULES, settings=learn + settings, store=DISK, **more)
        self.by_control = not by_file

    def start_server(self):
        self.server = start_scripted(self, self.devices[0])

    def launch_gateway(self, *before):
        super().launch_gateway(*before, *self.before)

    def client(self, member, copies=1):
        client = Openssl(self, member, Path(self.port))
        client.wire.copies = copies
        self.clients += 1
        client.message_id += 0x100 * self.clients  # they share a link to the server
        client.handshake = client.connect()
        return client

    def comes_in(self, member, tries=1):
        """Whether a handshake succeeds: of one identity with two keys, the other is tried next."""
        for _ in range(tries):
            client = self.client(member, copies=3)
            client.process.kill()
            if client.handshake != "refused":
                return True
        return False

    def learns(self, member):
        """It comes in, and what it has proved is its credential then."""
        before = self.names().count(LEARNED)
        assert self.comes_in(member)
        return self.until(lambda: self.names().count(LEARNED) == before + 1)

    def refuses(self, *members):
        return not any(self.comes_in(member) for member in members)

    def shown(self, member):
        return self.ctl_json("credential", "show", member.endpoint)

    def ctl_json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def staged(self, member):
        """What is staged of it: None, or "armed" or "staged"."""
        staged = self.shown(member).get("staged")
        if not staged:
            return None
        return "armed" if staged["armed"] else "staged"

    def names(self):
        """Of what has become of learning, in order."""
        kinds = (STAGED, ARMED, LEARNED, REFUSED, LAPSED)
        return [e["event"] for e in self.chronicle() if e.get("event") in kinds]

    def named(self, *names):
        """Awaits these names, and no others."""
        try:
            self.until(lambda: len(self.names()) >= len(names))
        except TimeoutError:
            pass
        assert self.names() == list(names), (self.names(), names)

    def kill(self):
        self.gateway.child.send_signal(signal.SIGKILL)
        self.gateway.child.wait(DEADLINE_S)


class Lesson:
    """A bootstrap of a device that has come in: begun, not finished."""

    def __init__(self, lab, client):
        self.lab, self.client, self.last = lab, client, b""
        client.message_id += 1
        head = request(
            *(POST, "bs", client.message_id, b"boot"),
            query="ep=" + client.device.endpoint,
        )
        before = len(self.heard())
        client.say(head)
        with lab.server.arrived:
            assert lab.server.arrived.wait_for(
                lambda: len(self.heard()) > before, DEADLINE_S
            ), "the Bootstrap-Request does not come through"
        say(lab.server, answer(CHANGED, self.heard()[-1], b"boot"))
        assert client.answer_to(client.message_id) == CHANGED

    def heard(self):
        """The ids that the server has seen on Bootstrap-Requests of this device, which are its own
        in its first channel only (proxy/shift)."""
        name = re.escape(b"ep=" + self.client.device.endpoint.encode())
        found = re.findall(rb"\x44\x02(..)boot\xb2bs..?" + name, self.lab.server.bytes, re.DOTALL)
        return [int.from_bytes(message_id, "big") for message_id in found]

    def send(self, method, path, payload=b"", form=None):
        """A request of the server's: (its id, its token)."""
        number = next(NUMBERS)
        message_id, token = 0x3000 + number, b"tok" + bytes([0x80 | number])
        self.last = request(method, path, message_id, token, payload, form)
        say(self.lab.server, self.last)
        return message_id, token

    def arrives(self, method, message, times=1):
        """It has come to the device, so often."""
        self.client.wait(
            lambda: self.came(method, message) == times, what="a request of the server's"
        )

    def came(self, method, message):
        """How often it has come to the device."""
        message_id, token = message
        head = bytes([0x40 | len(token), method]) + message_id.to_bytes(2, "big") + token
        return self.client.heard().count(head)

    def repeat(self, message):
        """The server says Bootstrap-Finish once more."""
        say(self.lab.server, self.last)
        self.arrives(POST, message, 2)

    def replied(self, code, message):
        """The server has this answer, whose diagnostic is returned."""
        message_id, token = message
        head = bytes([0x60 | len(token), code]) + message_id.to_bytes(2, "big") + token
        found = self.lab.server.wait_bytes(
            b"".join(rb"\x%02x" % octet for octet in head) + rb"(\xff[^\x00-\x1f]*)?"
        )
        return (found.group(1) or b"")[1:].decode("utf-8", "replace")

    def reply(self, message, code=CHANGED):
        """The device answers, and the server has it."""
        self.client.say(answer(code, *message))
        self.replied(code, message)

    def ask(self, method, path, payload=b"", form=None, code=CHANGED):
        message = self.send(method, path, payload, form)
        self.arrives(method, message)
        self.reply(message, code)

    def write(self, content, instance=1):
        self.ask(PUT, f"0/{instance}", content, TLV)

    def finish(self):
        """Bootstrap-Finish, which the device has, and has not answered."""
        message = self.send(POST, BOOTSTRAP.decode())
        self.arrives(POST, message)
        return message

    def refused(self):
        """Bootstrap-Finish, which is refused by the gateway: why."""
        message = self.send(POST, BOOTSTRAP.decode())
        why = self.replied(NOT_ACCEPTABLE, message)
        assert not self.came(POST, message), "the device has it"
        return why

    def all(self, content):
        self.write(content)
        self.reply(self.finish())


@contextlib.contextmanager
def school(*names, **more):
    members = [Pupil(f"urn:learn:{name}") for name in names or ("one",)]
    with School(members, **more) as lab:
        yield lab, members if len(members) > 1 else members[0]


@contextlib.contextmanager
def clocked(*names, begins=0):
    """A school whose wall clock can be put forward by lab.later(seconds), and is so at first."""
    with tempfile.TemporaryDirectory(prefix="lwgate-clock-") as folder:
        library, clock = os.path.join(folder, "later.so"), os.path.join(folder, "later")
        words = [os.environ.get("CC", "cc"), "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", library]
        subprocess.run([*words, os.path.join(HERE, "later.c")], check=True, timeout=DEADLINE_S)

        def later(seconds):
            with open(clock, "r+b" if os.path.exists(clock) else "wb") as f:
                f.write(struct.pack("q", seconds))

        later(begins)
        before = ("env", f"LD_PRELOAD={library}", f"LATER_FILE={clock}")
        with school(*names, before=before) as (lab, members):
            lab.later = later
            yield lab, members


def no_key_is_told(lab, new):
    """R-027: what was written is in no log, no event and no file of the store."""
    assert lab.gateway.stop() == 0
    octets = "\n".join(sum((c.lines for c in lab.children if c.name == "lwgated"), [])).encode()
    for name in [lab.path("events")] + [lab.store_path(n) for n in os.listdir(lab.store_path())]:
        with open(name, "rb") as f:
            octets += f.read()
    assert octets.count(new.endpoint.encode()) > 3  # it is what was to be looked through
    key = bytes.fromhex(new.key)
    for form in (key, key.hex().encode(), key.hex().upper().encode(), base64.b64encode(key)[:-2]):
        assert form not in octets, form


def add(lab, device, verb="add", *more):
    """By lwgatectl."""
    words = ("--identity", device.identity, "--key-file", lab.write("k", device.key))
    words += ("--upstream-identity", device.up_identity)
    words += ("--upstream-key-file", lab.write("u", device.up_key))
    lab.ctl("credential", verb, device.endpoint, *words, *more)


def spki_of(pki, name):
    """The SubjectPublicKeyInfo of a key that pki has made."""
    pem = pki.openssl("pkey", "-in", pki.path(name + ".key"), "-pubout").splitlines()
    return base64.b64decode("".join(line for line in pem if "-" not in line))
