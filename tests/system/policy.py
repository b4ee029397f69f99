# SPDX-License-Identifier: Apache-2.0
"""A gateway with a policy that has a rule for each pair of an event and a decision, and devices of
foreign stacks to which each of them happens.

    device (OpenSSL, Mbed TLS) == Wire == lwgated == lwgate-labserver (libcoap)

A Wire relays one device's datagrams, sees the types of the records in passing, and can forge some,
or move to another port.
"""

import contextlib
import json
import os
import re
import select
import shutil
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench"))
from harness import (  # noqa: E402  (the path comes first)
    DEADLINE_S,
    LEVEL0,
    Device,
    Lab,
    Process,
    binary,
    option,
    register_message,
    update_message,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
CCS, ALERT, HANDSHAKE, DATA, CID = 20, 21, 22, 23, 25
CREATED, CHANGED, NOT_FOUND, UNAVAILABLE = 0x41, 0x44, 0x84, 0xA3
GATEWAY_ERRORS = (0xA2, UNAVAILABLE, 0xA4)
# The gateway asks a device whether it is there (S12): what it has no such thing for is 4.04.
QUESTION = re.compile(rb"\x48\x01(..)(.{8})\xb3lwg", re.DOTALL)
READ = re.compile(rb"([\x40-\x48])\x01(..)(.{0,8}?)\xb13\x010", re.DOTALL)
OPENSSL, MBEDTLS = "openssl", "mbedtls"
SUITES = {
    (OPENSSL, False): "PSK-AES128-CCM8:@SECLEVEL=0",
    (OPENSSL, True): "ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0",
    (MBEDTLS, False): "TLS-PSK-WITH-AES-128-CCM-8",
    (MBEDTLS, True): "TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8",
}
# Mbed TLS's words for how an association has ended
MBEDTLS_ENDS = {"-0x7880": "close_notify", "-0x7780": "alert", "-0x0000": "close_notify"}


def available():
    """The stacks that are here: Mbed TLS only after deploy/setup stacks."""
    return [OPENSSL] + ([MBEDTLS] if os.path.exists(binary("mbedtls-device")) else [])


class Wire:
    """Relays a device's datagrams to the gateway; .types[True] are the types of the records that
    went up, .types[False] of those that came down; .numbers those that came down."""

    def __init__(self, to_port):
        self.to = ("127.0.0.1", to_port)
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.port = self.front.getsockname()[1]
        self.back, self.client, self.last = self._back(), None, b""
        self.types, self.numbers = {True: [], False: []}, []
        self.wake, self.woken = socket.socketpair()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _back(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.connect(self.to)
        return s

    def _run(self):
        while True:
            back = self.back
            for s in select.select([self.front, back, self.woken], [], [])[0]:
                if s is self.woken:
                    if not s.recv(1):
                        return
                    continue
                with contextlib.suppress(ConnectionError):  # the gateway is away
                    self._pass(s)

    def _pass(self, s):
        datagram, sender = s.recvfrom(65536)
        upwards = s is self.front
        self._see(upwards, datagram)
        if upwards:
            self.client = sender
            self.back.send(datagram)
        elif self.client:
            self.front.sendto(datagram, self.client)

    def _see(self, upwards, datagram):
        if upwards and datagram[0] in (DATA, CID):
            self.last = datagram
        while len(datagram) >= 13:
            if int.from_bytes(datagram[3:5], "big") > 0:  # protected
                self.types[upwards].append(datagram[0])
                if not upwards:
                    self.numbers.append(int.from_bytes(datagram[5:11], "big"))
            if datagram[0] == CID:
                return  # the length stands behind an id whose own only its owner knows
            datagram = datagram[13 + int.from_bytes(datagram[11:13], "big") :]

    def alerts(self):
        """Protected alerts that the device was sent; with a connection id nobody can tell."""
        return self.types[False].count(ALERT)

    def forge(self, times):
        """Records of the device with numbers to come, and wrong tags."""
        number = int.from_bytes(self.last[5:11], "big")
        for n in range(times):
            made = self.last[:5] + (number + 100 + n).to_bytes(6, "big") + self.last[11:]
            self.back.send(made[:-1] + bytes([made[-1] ^ 1]))

    def move(self):
        """The device has another port from now on; what comes to the old one is lost."""
        self.back = self._back()
        self.wake.send(b"m")

    def close(self):
        self.wake.close()
        self.thread.join()
        for s in (self.front, self.back, self.woken):
            s.close()


class Client:
    """A device on a foreign stack: what it says and hears, and how its association has ended."""

    def __init__(self, lab, device, wire):
        self.lab, self.device, self.wire = lab, device, wire
        self.message_id, self.location, self.process = 0x2000, None, None
        self.served, self.changed = set(), 0  # questions of the gateway's; updates

    def wait(self, test, seconds=DEADLINE_S, what="what was awaited"):
        """The first true value of test(), looked at whenever the program has said something."""
        end = time.monotonic() + seconds
        with self.process.arrived:
            while True:
                self._serve()
                value = test()
                if value:
                    return value
                left = end - time.monotonic()
                if left <= 0 or not self.process.arrived.wait(left):
                    raise TimeoutError(
                        f"{self.device.endpoint}: not within {seconds} s: {what}; it was "
                        f"{self.over() or 'not ended'}; heard {self.heard()[-80:]}"
                    )

    def _serve(self):
        for message_id, token in QUESTION.findall(self.heard()):
            if message_id not in self.served and not self.over():
                self.served.add(message_id)
                self.say(b"\x68\x84" + message_id + token)

    def ended(self, seconds=DEADLINE_S):
        """How it has ended, once it has."""
        return self.wait(self.over, seconds, "an end")

    def next_id(self):
        self.message_id += 1
        return self.message_id

    def answer_to(self, message_id, seconds=DEADLINE_S):
        """The code of the answer, which is in the acknowledgement, or behind one (RFC 7252 5.2)."""
        pattern = re.compile(
            rb"[\x60-\x68]([\x41-\xbf])" + re.escape(message_id.to_bytes(2, "big")), re.DOTALL
        )
        found = self.wait(lambda: pattern.search(self.heard()), seconds, "an answer")
        return found.group(1)[0]

    def ask(self, message, message_id, tries=5):
        """Sent until it is answered, as a device does (RFC 7252 4.2): the answer's code; None when
        the association has ended meanwhile."""
        for _ in range(tries):
            if self.over():
                return None
            self.say(message)
            with contextlib.suppress(TimeoutError):
                if self.wait(
                    lambda: self.over() or self._answered(message_id), 2, "an answer"
                ) and not self._answered(message_id):
                    return None
                return self.answer_to(message_id, 1)
        raise TimeoutError(f"{self.device.endpoint}: no answer; heard {self.heard()[-80:]}")

    def _answered(self, message_id):
        return re.search(
            rb"[\x60-\x68][\x41-\xbf]" + re.escape(message_id.to_bytes(2, "big")),
            self.heard(),
            re.DOTALL,
        )

    def register(self, lifetime=300):
        message_id = self.next_id()
        code = self.ask(
            register_message(self.device.endpoint, message_id, b"Q", lifetime), message_id
        )
        assert code == CREATED, (self.device.endpoint, code)
        said = self.lab.until(lambda: self.lab.said(self.device, "registered"))
        self.location = said[-1]["location"]

    def update(self):
        message_id = self.next_id()
        code = self.ask(update_message(self.location, message_id), message_id)
        self.changed += code == CHANGED
        return code

    def leave(self):
        """DELETE of its registration."""
        message_id = self.next_id()
        message = update_message(self.location, message_id)
        return self.ask(message[:1] + b"\x04" + message[2:], message_id)

    def bootstrap(self):
        """POST /bs, which goes up without a registration."""
        message_id = self.next_id()
        head = bytes([0x41, 0x02]) + message_id.to_bytes(2, "big") + b"b"
        name = b"ep=" + self.device.endpoint.encode()
        return self.ask(head + option(11, b"bs") + option(4, name), message_id)

    def asked(self, seconds=DEADLINE_S):
        """The server's Read has come: (type and token length, message id, token)."""
        return self.wait(lambda: READ.search(self.heard()), seconds, "a Read").groups()

    def answer_read(self):
        head, message_id, token = self.asked()
        self.say(bytes([0x60 | (head[0] & 15), 0x45]) + message_id + token + b"\xffname")


class Mbedtls(Client):
    """Mbed TLS, driven by tests/bench/mbedtls."""

    def __init__(self, lab, device, wire, cid=False):
        super().__init__(lab, device, wire)
        words = [binary("mbedtls-device"), "--port", str(wire.port), "--resume"]
        words += ["--suite", SUITES[MBEDTLS, device.certificate], *(["--cid"] if cid else [])]
        if device.certificate:
            words += ["--key", device.pem("key"), "--certificate", device.pem("pem")]
            words += ["--anchors", lab.pki.path("ca.pem"), "--server-name", "gw.example"]
        else:
            words += ["--identity", device.identity, "--psk", device.key]
        self.process = Process(words, raw=True)
        lab.children.append(self.process)

    def events(self):
        text = self.process.bytes.decode("utf-8", "replace")
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def _since_up(self):
        events, begin = self.events(), 0
        for n, e in enumerate(events):
            begin = n if e["event"] == "up" else begin
        return events[begin:]

    def heard(self):
        texts = [e["hex"] for e in self._since_up() if e["event"] == "message"]
        return b"".join(bytes.fromhex(text) for text in texts)

    def over(self):
        for e in self._since_up():
            if e["event"] == "down":
                return MBEDTLS_ENDS.get(e["why"], e["why"])
        return None

    def _order(self, text):
        self.process.child.stdin.write(text.encode() + b"\n")
        self.process.child.stdin.flush()

    def say(self, message):
        for at in range(0, len(message), 28):
            self._order("text " + message[at : at + 28].hex())
        self._order("send")

    def connect(self):
        """ "full", "resumed" or "refused"."""
        before = sum(e["event"] in ("up", "failed") for e in self.events())
        self._order("forget")
        self._order("connect")
        done = self.wait(
            lambda: [e for e in self.events() if e["event"] in ("up", "failed")][before:],
            what="a handshake",
        )[0]
        if done["event"] == "failed":
            return "refused"
        return "resumed" if done["resumed"] else "full"

    again = connect


class Openssl(Client):
    """OpenSSL's s_client, which shows the alerts that it gets."""

    def _start(self, more):
        words = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{self.wire.port}"]
        words += ["-cipher", SUITES[OPENSSL, self.device.certificate], "-msg", *more]
        if self.device.certificate:
            words += ["-key", self.device.pem("key"), "-cert", self.device.pem("pem")]
            words += ["-CAfile", self.lab.pki.path("ca.pem"), "-verify_return_error"]
        else:
            words += ["-psk", self.device.key, "-psk_identity", self.device.identity]
        if self.process:
            self.process.kill()
        self.process = Process(words, raw=True)
        self.lab.children.append(self.process)
        found = self.wait(
            lambda: re.search(
                rb"\n(New|Reused), .*?Extended master secret: yes", self.heard(), re.S
            )
            or (self.process.child.poll() is not None and b"refused"),
            what="a handshake",
        )
        if found == b"refused" or self.over() == "alert":
            return "refused"
        return "full" if found.group(1) == b"New" else "resumed"

    def _session(self):
        return self.lab.path("session-" + re.sub(r"\W", "-", self.device.endpoint))

    def heard(self):
        return self.process.bytes

    def over(self):
        # what it got: level and description
        found = re.search(rb"<<< [^\n]*length 0002\][^\n]*\n    (0[12]) (..)", self.process.bytes)
        if not found:
            return None
        return "close_notify" if found.groups() == (b"01", b"00") else "alert"

    def say(self, message):
        with contextlib.suppress(BrokenPipeError):  # it ends by itself
            self.process.child.stdin.write(message)
            self.process.child.stdin.flush()

    def connect(self):
        return self._start(["-sess_out", self._session()])

    def again(self):
        return self._start(["-sess_in", self._session(), "-sess_out", self._session()])


CLIENTS = {OPENSSL: Openssl, MBEDTLS: Mbedtls}


class Member(Device):
    """A device to which something will happen, as its name says: EVENT.DECISION.STACK."""

    def __init__(self, event, decision, stack, pki=None):
        super().__init__(f"{event}.{decision}.{stack}")
        self.event, self.decision, self.stack, self.pki = event, decision, stack, pki
        self.certificate = pki is not None
        if pki:
            pki.device(self.endpoint, self.endpoint)

    def pem(self, kind):
        return self.pki.path(f"{self.endpoint}.{kind}")


class House(Lab):
    """A Lab with a policy, whose decisions stand in a file."""

    def __init__(self, members, rules, pki=None, settings="", pace=1000, **more):
        self.pki, self.rules, self.pace = pki, rules, pace
        super().__init__(members, settings=settings, by_control=True, **more)

    def _credentials(self):
        rows = []
        for d in self.devices:
            proof = f'identity = "{d.identity}"; key = "{d.key}"'
            if getattr(d, "certificate", False):
                proof = f'certificate = "{d.endpoint}"'
            rows.append(
                f'{{ endpoint = "{d.endpoint}"; {proof}; '
                f'upstream_identity = "{d.up_identity}"; upstream_key = "{d.up_key}"; }}'
            )
        return "credentials = (\n" + ",\n".join(rows) + "\n);\n"

    def launch_gateway(self, *before):
        self.write("policy.conf", self.rules)
        with open(self.path("lwgate.conf"), encoding="utf-8") as f:
            text = f.read()
        if "policy = {" not in text:
            text += (
                f'policy = {{ file = "{self.path("policy.conf")}"; pace = {self.pace}; }};\n'
                f'events = {{ file = "{self.path("events")}"; }};\n'
            )
            self.write("lwgate.conf", text)
        super().launch_gateway(*before)

    def client(self, member, **more):
        return CLIENTS[member.stack](self, member, Wire(self.port), **more)

    # --- what can be seen

    def told_of(self, device, lines=20):
        """What the gateway has logged of it last, and its chronicle: why a test has failed."""
        logged = [line for line in list(self.gateway.lines) if device.endpoint in line]
        return logged[-lines:] + [str(e) for e in self.chronicle(device)[-lines:]]

    def said(self, device, event):
        """What the server has said of it so far."""
        found = []
        for line in list(self.server.lines):
            with contextlib.suppress(ValueError):
                value = json.loads(line)
                if value.get("event") == event and value.get("endpoint") == device.endpoint:
                    found.append(value)
        return found

    def chronicle(self, device=None, event=None):
        """Its lines so far."""
        with contextlib.suppress(FileNotFoundError):
            with open(self.path("events"), encoding="utf-8") as f:
                lines = [json.loads(line) for line in f if line.endswith("\n")]
            return [
                e
                for e in lines
                if (device is None or e.get("endpoint") == device.endpoint)
                and (event is None or e.get("event") == event)
            ]
        return []

    def told(self, device, event, outcomes, seconds=DEADLINE_S):
        """The entry with one of these outcomes, awaited."""
        try:
            return self.until(
                lambda: [e for e in self.chronicle(device, event) if e["outcome"] in outcomes],
                seconds,
            )[0]
        except TimeoutError:
            raise TimeoutError(
                f"{device.endpoint}: the chronicle has no {event} {outcomes} within {seconds} s, "
                f"but {self.chronicle(device)}"
            ) from None

    def _store_text(self):
        return super()._store_text().replace("@memory@", self.memory)

    def session(self, device):
        """What lwgatectl says of it; None: there is no session."""
        done = self.ctl("--json", "session", device.endpoint, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else None


class Believing(House):
    """A House whose server, libcoap's own, has a certificate, as the gateway has towards it. It
    knows no resource of ours: what reaches it is answered 4.04."""

    SEEN = re.compile(r"<-> (\S+) .*DTLS: (received|SSL3 alert read:warning:close notify)")

    def __init__(self, members, rules, pki, **more):
        pki.server("server", "server.example")
        pki.device("up", "gateway")
        shutil.copy(pki.path("ca.pem"), pki.path("server-anchors.pem"))
        to_server = (
            f'credential = "certificate"; private_key_file = "{pki.path("up.key")}"; '
            f'certificate_file = "{pki.path("up.pem")}"; '
            f'anchors_file = "{pki.path("server-anchors.pem")}"; server_name = "server.example";'
        )
        super().__init__(members, rules, pki, to_server=to_server, **more)

    def start_server(self):
        words = ["coap-server-openssl", "-v", "7", "-A", "127.0.0.1"]
        words += ["-p", str(self.server_port - 1)]  # of coap; that of coaps is the next
        words += ["-c", self.pki.path("server.pem"), "-j", self.pki.path("server.key")]
        words += ["-C", self.pki.path("ca.pem")]
        self.server = self.start(words, env=dict(os.environ, OPENSSL_CONF=LEVEL0))
        self.server.wait_line("created DTLS endpoint")

    def said(self, device, event):
        """ "updated": what it has got of it; "closed": links of it that were closed."""
        found, at, mine = [], None, None
        for line in list(self.server.lines):
            seen = self.SEEN.search(line)
            if seen and seen.group(2) == "received":
                at = seen.group(1)
            elif seen and event == "closed" and seen.group(1) == mine:
                found.append(line)
            elif f"ep={device.endpoint} " in line:
                mine = at
                found += [line] if event == "updated" else []
        return found
