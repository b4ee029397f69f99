# SPDX-License-Identifier: Apache-2.0
"""A whole gateway with its way by short messages:

    devices (SmsDevice) ~ Network ~ SMSC == lwgate-smsd == lwgated == server (lwgate-labserver)

The Network is the store of the SMSC: it says a message again until the bridge has taken it, one
after another of each sender, as an SMSC does (what is counted upwards is not heard out of order),
and a message of the gateway's goes to the device that has the number."""

import collections
import itertools
import json
import os
import re
import secrets
import signal
import threading
import time

import sms_coap as coap
from harness import DEADLINE_S, Lab, Process, binary, free_port
from scripted import say, start_scripted
from sms_device import SmsDevice

HERE = os.path.dirname(os.path.abspath(__file__))
SMSC_FOLDER = os.path.join(HERE, "..", "lab", "smsc")
MODEM = "modem"  # no SMSC but a modem: the same orders and events, on a pseudo terminal
SMSCS = {
    "npm": ["node", "smsc.js"],
    "perl": ["perl", "smsc.pl"],
    MODEM: ["../fake_modem", "--link"],
}
OURS = "4040"  # the number that devices send to
UDHI = 0x40
AGAIN_S = 1.0  # an SMSC's pause before it says something again


class Network:
    """What is between the devices and an SMSC's (or a modem's) program, which may be killed. port:
    where it listens, or the path of its terminal."""

    def __init__(self, argv, port):
        self.argv, self.port = argv, port
        self.devices = {}
        self.ids = itertools.count(1)
        self.waiting = {}  # id: (order, when to say it again or None: it is on its way)
        self.submitted = []  # all that the gateway has sent
        self.delivered = collections.Counter()  # by status
        self.changed = threading.Condition(threading.RLock())
        self.bound = self.listening = False
        self.lossy = None  # a function of a submit: True, it never arrives
        self.held = None  # a list: deliveries wait in it until they are released
        self.twice = False  # what was taken comes once more
        self.smsc = None
        self.ended = threading.Event()
        self.start()
        threading.Thread(target=self._repeat, daemon=True).start()

    # --- the program

    def start(self):
        self.listening = False
        self.smsc = Process([*self.argv, str(self.port)], cwd=SMSC_FOLDER)
        threading.Thread(target=self._listen, args=(self.smsc,), daemon=True).start()
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.listening, DEADLINE_S
            ), f"the SMSC does not start: {self.smsc.lines[-5:]}"

    def kill(self, how=signal.SIGKILL):
        self.smsc.child.send_signal(how)
        self.smsc.child.wait(DEADLINE_S)
        with self.changed:
            self.bound = False
            for number, (order, _) in self.waiting.items():
                self.waiting[number] = (order, 0.0)

    def close(self):
        self.ended.set()
        self.smsc.kill()

    def order(self, **order):
        line = json.dumps(order).encode() + b"\n"
        try:
            self.smsc.child.stdin.write(line)
            self.smsc.child.stdin.flush()
        except OSError:
            pass  # it has been killed; what waits is said again

    def until_bound(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.bound, DEADLINE_S), "nobody has bound"

    # --- from the devices

    def deliver(self, device, user_data, **more):
        """One short message of a device, which the network keeps until it is taken."""
        order = {
            "from": device.number,
            "to": OURS,
            "pid": device.pid,
            "dcs": device.dcs,
        }
        order.update(esm=UDHI, hex=user_data.hex(), **more)
        if self.held is not None:
            self.held.append(order)
        else:
            self.release(order)

    def release(self, order):
        """Brings one that was held on its way, or one that was there once more."""
        with self.changed:
            number = str(next(self.ids))
            self.waiting[number] = (dict(order, id=number), 0.0)
        self._say(number)

    def _say(self, number):
        """Unless another of its sender is before it."""
        with self.changed:
            order, when = self.waiting.get(number, (None, None))
            if order is None or when is None or not self.bound:
                return
            if number != self._first_of(order["from"]):
                return
            self.waiting[number] = (order, None)
        self.order(deliver=order)

    def _first_of(self, sender):
        return next((n for n, (o, _) in self.waiting.items() if o["from"] == sender), None)

    def _repeat(self):
        while not self.ended.wait(0.1):
            now = time.monotonic()
            with self.changed:
                due = [n for n, (_, when) in self.waiting.items() if when is not None]
                due = [n for n in due if self.waiting[n][1] <= now]
            for number in due:
                self._say(number)

    def until_taken(self, seconds=DEADLINE_S):
        with self.changed:
            assert self.changed.wait_for(
                lambda: not self.waiting, seconds
            ), f"not taken: {len(self.waiting)}"

    # --- what the program tells

    def _listen(self, smsc):
        while True:
            line = smsc.unread.get()
            if line is None:
                return
            try:
                event = json.loads(line)
            except ValueError:
                continue
            with self.changed:
                if smsc is self.smsc:
                    self._take(event)
                self.changed.notify_all()

    def _take(self, event):
        kind = event.get("event")
        if kind == "listening":
            self.listening = True
        elif kind == "bound":
            self.bound = True
        elif kind == "unbound":
            self.bound = False
        elif kind == "delivered":
            self._delivered(str(event["id"]), event["status"])
        elif kind == "submit":
            self._submit(event)

    def _delivered(self, number, status):
        self.delivered[status] += 1
        order, _ = self.waiting.get(number, (None, None))
        if order is None:
            return
        if status == 0:
            del self.waiting[number]
            if self.twice and "again" not in order:
                self.release(dict(order, again=True))
            following = self._first_of(order["from"])
            if following is not None:
                self._say(following)
        else:
            self.waiting[number] = (order, time.monotonic() + AGAIN_S)

    def _submit(self, event):
        self.submitted.append(event)
        device = self.devices.get(event["to"].lstrip("+"))
        if device is None or (self.lossy and self.lossy(event)):
            return
        octets = bytes.fromhex(event["hex"])
        # A modem has one number, which it does not tell.
        device.take(octets, event["pid"], event["dcs"], event.get("from", OURS))


def credential_text(device):
    """A row of lwgated's credentials."""
    k = device.keys
    return (
        f'{{ endpoint = "{device.endpoint}"; '
        f'key = "{(k.cipher_key + k.check_key).hex()}";\n'
        f'  sms = {{ number = "{device.number}"; profile = "{device.profile}"; '
        f'kic = 0x{k.kic:02x}; kid = 0x{k.kid:02x}; tar = "{k.tar.hex()}"; '
        f"spi2 = 0x{k.spi[1]:02x}; cc_len = {k.cc_len}; }};\n"
        f'  upstream_identity = "{device.up_identity}"; upstream_key = "{device.up_key}"; }}'
    )


def by_both(credentials, d):
    """The same, of a device that comes by DTLS, too: a credential of either kind."""
    by_sms = credentials.replace(d.up_identity, "another")
    by_sms = by_sms.replace(d.up_key, secrets.token_hex(16))
    row = (
        f'{{ endpoint = "{d.endpoint}"; identity = "{d.identity}"; key = "{d.key}"; '
        f'upstream_identity = "{d.up_identity}"; upstream_key = "{d.up_key}"; }}'
    )
    return by_sms.replace("credentials = (", f"credentials = ( {row},")


def bridge_text(folder, port, more=""):
    """The configuration of lwgate-smsd: one way, to the SMSC at that port, or by that terminal."""
    smpp = f"""smpp = {{ host = "127.0.0.1"; port = {port};
  system_id = "gw"; password_file = "{folder}/smsc.password"; again_max_s = 1; }}"""
    modem = f'modem = {{ device = "{port}"; again_max_s = 1; }}'
    return f"""user = ""; group = "";
gateway = "{folder}/sms";
spool = "{folder}/spool";
ways = ( {{ name = "smsc"; {smpp if isinstance(port, int) else modem}; }} );
{more}
"""


class SmsWorld(Lab):
    """with SmsWorld([SmsDevice(...)]) as w: the devices are on the network, and w.bridge is up."""

    def __init__(self, devices, smsc="npm", ops="", sms="", bridge="", settings="", **more):
        self.smsc_kind, self.sms, self.bridge_settings = smsc, sms, bridge
        self.network = self.bridge = None
        more.setdefault("store", "any_filesystem = true;")
        more.setdefault("server_args", ["--rounds", "1", "--notifications", "0"])
        super().__init__(devices, ops=ops, settings=settings, **more)

    def _credentials(self):
        return "credentials = (\n" + ",\n".join(map(credential_text, self.devices)) + "\n);\n"

    def __enter__(self):
        self.settings += f'\nsms = {{ socket = "{{folder}}/sms"; group = ""; {self.sms} }};'
        return super().__enter__()

    def write(self, name, text, mode=0o600):
        return super().write(name, text.replace("{folder}", self.folder), mode)

    def start_server(self):
        super().start_server()
        if self.network is None:
            self.start_network()

    def start_network(self):
        self.smsc_port = self.path("tty") if self.smsc_kind == MODEM else free_port()
        self.network = Network(SMSCS[self.smsc_kind], self.smsc_port)
        for device in self.devices:
            self.network.devices[device.number] = device
            device.network = self.network
        self.write("smsc.password", "secret")
        text = bridge_text(self.folder, self.smsc_port, self.bridge_settings)
        self.write("lwgate-smsd.conf", text)

    def start_gateway(self):
        super().start_gateway()
        if self.bridge is None:
            self.start_bridge()

    def start_bridge(self, wait=True):
        self.bridge = self.start([binary("lwgate-smsd"), "-c", self.path("lwgate-smsd.conf")])
        if wait:
            self.network.until_bound()

    def kill_bridge(self, how=signal.SIGKILL):
        self.bridge.child.send_signal(how)
        self.bridge.child.wait(DEADLINE_S)
        self.children.remove(self.bridge)

    def __exit__(self, *error):
        if error[0] is not None:
            for device in self.devices:
                if isinstance(device, SmsDevice):
                    heard = device.heard[-3:]
                    print(f"# {device.endpoint}: faults {device.faults}, heard {heard}")
            if self.network:
                print(f"# network: waiting {self.network.waiting}, {self.network.delivered}")
                print(f"# smsc: {self.network.smsc.lines[-10:]}")
        if self.network:
            self.network.close()
        super().__exit__(*error)

    def server_says(self, event, seconds=DEADLINE_S, **fields):
        """The labserver's next event of that name, with those fields."""
        return self.server.wait_json(
            lambda e: e.get("event") == event and all(e.get(k) == v for k, v in fields.items()),
            seconds,
        )


class Told(SmsWorld):
    """A world with one device, in which a test says each octet of the server's (OpenSSL's
    s_server, whose output has no borders: what is looked for has a token that is nowhere else).
    """

    def start_server(self):
        if self.network is None:
            self.start_network()
        self.server = start_scripted(self, self.devices[0])
        self.numbers = itertools.count(0x3001)

    def registered(self, location="rd/7"):
        device = self.devices[0]
        message = device.registration()
        device.say(message)
        self.serves(message, coap.CREATED, coap.path_options(location, coap.LOCATION_PATH))
        assert device.answer_to(message).code == coap.CREATED
        device.location = location

    def came(self, token):
        """All that came up with that token: (first octet, code, message id)."""
        with self.server.arrived:
            found = re.findall(
                rb"([\x44\x54\x64])(.)(..)" + re.escape(token), self.server.bytes, re.S
            )
        return [(head[0], code[0], int.from_bytes(number, "big")) for head, code, number in found]

    def times(self, token):
        return len(self.came(token))

    def first(self, token):
        self.server.wait_bytes(rb"[\x44\x54\x64].(..)" + re.escape(token))
        return self.came(token)[0]

    def serves(self, request, code, options=(), payload=b""):
        """The server answers a device's request, which it awaits."""
        _, _, number = self.first(request.token)
        answer = coap.Message(coap.ACK, code, number, request.token, tuple(options), payload)
        say(self.server, answer.octets())

    def asks(self, code, path, payload=b"", kind=coap.CON, same=None):
        """The server's request, with a token of four octets."""
        number = next(self.numbers)
        token = b"srv" + bytes([number & 0xFF])
        options = coap.path_options(path)
        asked = same or coap.Message(kind, code, number, token, options, payload)
        say(self.server, asked.octets())
        return asked

    def hears(self, token, seconds=DEADLINE_S):
        """What the server is told about its request: a message without options and payload. If
        that is a CON it is acknowledged."""
        self.server.wait_bytes(rb"[\x44\x54\x64][^\0].." + re.escape(token), seconds)
        head, code, number = next(c for c in self.came(token) if c[1])
        kind = head >> 4 & 3
        if kind == coap.CON:
            say(self.server, coap.Message(coap.ACK, 0, number).octets())
        return coap.Message(kind, code, number, token)
