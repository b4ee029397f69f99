# SPDX-License-Identifier: Apache-2.0
"""Devices and servers of which each octet is said by a test, over real DTLS on both sides of a
lwgated, and of both sides what has passed: OpenSSL's client for a device, its server for the
server that one device has, and before and behind the gateway somebody who sees all, and can send
what one has said in the name of another."""

import contextlib
import re
import select
import socket
import threading

from capture import ALERT, DATA
from harness import DEADLINE_S, Device, Lab, free_port, option

GET, POST, PUT, DELETE = 1, 2, 3, 4
CREATED, DELETED, CHANGED, CONTENT = 0x41, 0x42, 0x44, 0x45
BAD_REQUEST, UNAUTHORIZED, BAD_OPTION, FORBIDDEN, NOT_FOUND = 0x80, 0x81, 0x82, 0x83, 0x84
BAD_GATEWAY, NO_PROXYING, HOPS_EXCEEDED = 0xA2, 0xA5, 0xA8
CON, NON, ACK, RST = 0, 1, 2, 3

URI_HOST, OBSERVE, LOCATION_PATH, URI_PATH, URI_QUERY = 3, 6, 8, 11, 15
HOP_LIMIT, BLOCK2, BLOCK1, PROXY_URI, PROXY_SCHEME = 16, 23, 27, 35, 39
UNSAFE, CRITICAL = 2050, 2051  # of these nobody knows more than that
EPOCH_0_FATAL = bytes([ALERT, 0xFE, 0xFD]) + b"\0\0" + b"\0" * 6 + b"\0\2" + b"\2\x28"


def message(kind, code, message_id, token, path="", query=(), more=(), payload=b""):
    """path: segments joined by '/', so that "" is none."""
    out = bytes([0x40 | kind << 4 | len(token), code]) + message_id.to_bytes(2, "big") + token
    options = [(URI_PATH, part.encode()) for part in path.split("/") if path]
    options += [(URI_QUERY, item.encode()) for item in query]
    last = 0
    for number, value in sorted(options + list(more), key=lambda o: o[0]):
        out += option(number - last, value)
        last = number
    return out + (b"\xff" + payload if payload else b"")


def empty(kind, message_id):
    return bytes([0x40 | kind << 4, 0]) + message_id.to_bytes(2, "big")


def octets(text):
    """A pattern for exactly these."""
    return b"".join(rb"\x%02x" % octet for octet in text)


def data_records(datagram):
    """How many records of application data begin in it."""
    count = 0
    while len(datagram) >= 13:
        count += datagram[0] == DATA
        datagram = datagram[13 + int.from_bytes(datagram[11:13], "big") :]
    return count


def is_protected(datagram):
    """All of it: to a ClientHello that is said again, the gateway owes an answer."""
    while len(datagram) >= 13:
        if datagram[3:5] == b"\0\0":
            return False
        datagram = datagram[13 + int.from_bytes(datagram[11:13], "big") :]
    return True


def renumbered(datagram):
    """The first record, with a number that is still to come."""
    number = int.from_bytes(datagram[5:11], "big") + 1000
    return datagram[:5] + number.to_bytes(6, "big") + datagram[11:]


def in_clear(text):
    """As application data that nothing protects."""
    return bytes([DATA, 0xFE, 0xFD]) + b"\0" * 7 + b"\x7f" + len(text).to_bytes(2, "big") + text


class Flow:
    """Of one who is below, and what is above him."""

    def __init__(self, below, to_port):
        self.below = below
        self.above = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.above.connect(("127.0.0.1", to_port))
        self.passed = {True: [], False: []}  # datagrams, by "upwards"

    def data(self, upwards):
        """Records of application data that have passed."""
        return sum(map(data_records, self.passed[upwards]))


class Between:
    """Relays datagrams; the first flow goes to the first of to_ports, and so on, all later ones to
    the last."""

    def __init__(self, to_ports, port=0):
        self.to_ports, self.flows = list(to_ports), {}
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", port))
        self.port = self.front.getsockname()[1]
        self.arrived = threading.Condition()
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def close(self):
        self.wake.close()
        self.thread.join()
        for s in [self.front, self.woken, *(f.above for f in self.flows.values())]:
            s.close()

    def _run(self):
        while True:
            by_socket = {f.above: f for f in self.flows.values()}
            for s in select.select([self.front, self.woken, *by_socket], [], [])[0]:
                if s is self.woken:
                    return
                with contextlib.suppress(ConnectionError), self.arrived:  # somebody has gone
                    self._pass(by_socket.get(s), *s.recvfrom(65536))
                    self.arrived.notify_all()

    def _pass(self, flow, datagram, sender):
        upwards = flow is None
        if upwards:
            if sender not in self.flows:
                at = min(len(self.flows), len(self.to_ports) - 1)
                self.flows[sender] = Flow(sender, self.to_ports[at])
            flow = self.flows[sender]
        flow.passed[upwards].append(datagram)
        self.put(flow, upwards, datagram)

    def put(self, flow, upwards, datagram):
        """Sends it there, in the name of who is on the other side."""
        if upwards:
            flow.above.send(datagram)
        else:
            self.front.sendto(datagram, flow.below)

    def wait(self, test, what):
        with self.arrived:
            assert self.arrived.wait_for(test, DEADLINE_S), what


class Peer:
    """A device or its server: a program of OpenSSL's, and its flow once it is known."""

    def __init__(self, lab, between, upwards, words):
        self.lab, self.between, self.upwards = lab, between, upwards
        self.process = lab.start(words, raw=True)
        self.flow, self.at, self.told = None, 0, 0

    def mark(self):
        """What has been heard until now is of no interest."""
        self.at = len(self.process.bytes)
        self.told = self.flow.data(not self.upwards)

    def heard(self):
        """What has come since the mark, without what OpenSSL says when it has to wait."""
        return re.sub(rb"[Rr]ead (R )?BLOCK\n", b"", self.process.bytes[self.at :])

    def heard_records(self):
        return self.flow.data(not self.upwards) - self.told

    def say(self, text):
        """One record, which is on its way when this returns."""
        before = self.flow.data(self.upwards)
        self.process.child.stdin.write(text)
        self.process.child.stdin.flush()
        self.between.wait(
            lambda: self.flow.data(self.upwards) > before, f"{text} is not sent as a record"
        )

    def hears(self, pattern, what=""):
        """The first match of a pattern since the mark."""
        with self.process.arrived:
            found = self.process.arrived.wait_for(
                lambda: re.search(pattern, self.heard(), re.DOTALL), DEADLINE_S
            )
        assert found, (what, pattern, self.heard())
        return found

    def hears_exactly(self, *texts):
        """These records, and nothing else, since the mark."""
        self.hears(octets(texts[-1]))
        assert self.heard() == b"".join(texts), (self.heard(), texts)
        assert self.heard_records() == len(texts), (self.heard_records(), texts)

    def ask(self, text, code):
        """Says a request, and is told that."""
        kind, token = text[0] >> 4 & 3, text[4 : 4 + (text[0] & 15)]
        if code == RST:
            self.hears_after(text, octets(empty(RST, 0)[:2] + text[2:4]))
        elif kind == NON:
            self.hears_after(text, octets(bytes([0x50 | len(token), code])) + b".." + octets(token))
        else:
            self.hears_after(
                text, octets(bytes([0x60 | len(token), code]) + text[2:4] + token), code
            )

    def hears_after(self, text, pattern, what=""):
        before = len(self.process.bytes)
        self.say(text)
        with self.process.arrived:
            found = self.process.arrived.wait_for(
                lambda: re.search(pattern, self.process.bytes[before:], re.DOTALL), DEADLINE_S
            )
        assert found, (text, what, self.process.bytes[before:])


class Person(Device):
    """A device of that purpose, "" being any."""

    def __init__(self, endpoint, purpose=""):
        super().__init__(endpoint)
        self.purpose, self.number = purpose, 0x1000

    def next_id(self):
        self.number += 1
        return self.number


class Street(Lab):
    """A gateway, before it what devices send, behind it one server for each device: the links are
    opened in the order of the devices."""

    def __init__(self, devices, settings="workers = 1;", **more):
        self.servers, self.clients, self.above, self.below = {}, {}, None, None
        super().__init__(devices, settings=settings, **more)

    def _credentials(self):
        text = super()._credentials()
        for d in self.devices:
            if d.purpose:
                mine = f'endpoint = "{d.endpoint}"; '
                text = text.replace(mine, mine + f'purpose = "{d.purpose}"; ')
        return text

    def start_server(self):
        ports = [free_port() for _ in self.devices]
        self.above = Between(ports, self.server_port)
        for d, port in zip(self.devices, ports):
            words = ["openssl", "s_server", "-dtls1_2", "-accept", str(port), "-psk", d.up_key]
            words += ["-psk_identity", d.up_identity, "-nocert"]
            words += ["-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"]
            self.servers[d] = Peer(self, self.above, False, words)
            self.servers[d].process.wait_bytes(rb"ACCEPT\n")

    def start_gateway(self):
        super().start_gateway()
        self.below = Between([self.port])

    def __exit__(self, *error):
        super().__exit__(*error)
        for between in (self.above, self.below):
            if between:
                between.close()

    def client(self, device):
        """Its channel is up."""
        words = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{self.below.port}"]
        words += ["-psk", device.key, "-psk_identity", device.identity, "-nocommands"]
        words += ["-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"]
        before = set(self.below.flows)
        client = Peer(self, self.below, True, words)
        client.process.wait_bytes(rb"\n(New|Reused), .*?Extended master secret: yes\n---\n")
        client.flow = next(f for source, f in self.below.flows.items() if source not in before)
        client.mark()
        self.clients[device] = client
        return client

    def link(self, device, first):
        """The device says what opens its link; its server, which has heard it."""
        before, server = set(self.above.flows), self.servers[device]
        self.clients[device].say(first)
        with server.process.arrived:
            assert server.process.arrived.wait_for(
                lambda: first in server.heard(), DEADLINE_S
            ), "the link does not come up"
        server.flow = next(f for source, f in self.above.flows.items() if source not in before)
        server.mark()
        return server

    def registered(self, device, location):
        """(client, server) of one who has registered there."""
        client = self.clients.get(device) or self.client(device)
        message_id = device.next_id()
        server = self.link(device, register(device, message_id, b"reg0"))
        server.say(created(message_id, b"reg0", location))
        client.hears_exactly(created(message_id, b"reg0", location))
        client.mark()
        return client, server

    def still_good(self, device, location):
        """An Update goes up and its answer down, both as they are, and nothing has before."""
        client, server = self.clients[device], self.servers[device]
        message_id = device.next_id()
        update = message(CON, POST, message_id, b"upd0", location)
        client.say(update)
        server.hears_exactly(update)
        server.mark()
        client.mark()
        done = message(ACK, CHANGED, message_id, b"upd0")
        server.say(done)
        client.hears_exactly(done)
        client.mark()


def register(device, message_id, token, *more):
    query = [f"ep={device.endpoint}", "lt=300", "lwm2m=1.0", "b=U", *more]
    return message(CON, POST, message_id, token, "rd", query, payload=b"</1/0>,</3/0>")


def created(message_id, token, location, kind=ACK):
    parts = [(LOCATION_PATH, part.encode()) for part in location.split("/")]
    return message(kind, CREATED, message_id, token, more=parts)
