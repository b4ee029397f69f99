#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Devices without DTLS at a listener that is allowed to have none: what each must be before the
gateway listens to it, and that nobody is sent much who has not shown where he is. A device is a
socket; libcoap's client is a real one."""

import json
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, Lab, Skip, coap_client, run_tests  # noqa: E402
from rogues import ACK, CON, NON, RST, empty, message  # noqa: E402
from scripted import start_scripted  # noqa: E402

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
HOST = "127.0.0.3"
HOME, AWAY, OUTSIDE = "127.0.2.1", "127.0.2.9", "127.0.9.1"
GET, POST, DELETE = 1, 2, 4
CREATED, CHANGED, CONTENT = 0x41, 0x44, 0x45
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, UNAVAILABLE = 0x80, 0x81, 0x83, 0x84, 0xA3
ECHO = 252


def air_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((HOST, 0))
        return s.getsockname()[1]


class AirLab(Lab):
    """Beside its listeners with DTLS one without; `bare` are the devices that may come there."""

    def __init__(self, bare, with_dtls=(), air="", **more):
        self.bare, self.air_port = bare, air_port()
        listener = f"""}}, {{ address = "{HOST}"; port = {self.air_port}; security = "nosec";
    link_security = "EPS encryption"; link_security_ends = "the base station";
    threat_analysis = "TA-17"; source_prefixes = [ "127.0.2.0/24" ]; {air} """
        super().__init__([*bare, *with_dtls], listener=listener, **more)

    def _credentials(self):
        text = super()._credentials()
        for d in self.bare:
            text = text.replace(f'identity = "{d.identity}"; key = "{d.key}";', "nosec = true;")
        return text

    def events(self, name):
        return [line for line in self.server.lines if f'"event":"{name}"' in line]


class Thing:
    """A device: an address, and CoAP by hand."""

    def __init__(self, lab, device, host=HOME):
        self.lab, self.device, self.number = lab, device, 0x100
        self.sent, self.received = 0, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.bind((host, 0))
        self.socket.connect((HOST, lab.air_port))

    def say(self, octets):
        self.sent += len(octets)
        self.socket.send(octets)

    def hear(self):
        octets = self.socket.recv(2048)
        self.received += len(octets)
        return octets

    def is_silent(self):
        """Nothing has come that was sent before a ping that is answered."""
        self.say(empty(CON, 0x7777))
        return self.hear() == empty(RST, 0x7777)

    def ask(self, path, query=(), method=POST, echo=None, kind=CON, more=()):
        """(code, options and payload) of what answers; requests of the server are not awaited."""
        self.number += 1
        options = [*more, *([(ECHO, echo)] if echo is not None else [])]
        token = self.number.to_bytes(4, "big")
        self.say(message(kind, method, self.number, token, path, query, options))
        while True:
            answer = self.hear()
            if answer[4:8] == token and answer[1] >> 5 >= 2:
                return answer[1], answer[8:]

    def register(self, echo=None):
        said = [f"ep={self.device.endpoint}", "lt=300", "lwm2m=1.1", "b=U"]
        return self.ask("rd", said, echo=echo)

    def registered(self, echo=None):
        code, rest = self.register(echo)
        assert code == CREATED, hex(code)
        match = re.match(rb"\x82rd[\x00-\x0c](\d+)", rest)
        return "rd/" + match.group(1).decode()


def echo_in(rest):
    """The value, if there is that option and nothing else."""
    match = re.fullmatch(rb"(?s)\xdc\xef(.{12})", rest)
    assert match, rest
    return match.group(1)


def test_R076_R078_R081_R084_a_device_without_dtls_is_served_and_its_server_has_dtls():
    device = Device("urn:air:one")
    with AirLab([device]) as lab:
        warning = [line for line in lab.gateway.lines if " nosec " in line]
        assert len(warning) == 1, warning
        for words in ("EPS encryption", "the base station", "this gateway", "TA-17", HOST):
            assert words in warning[0], warning
        thing = Thing(lab, device)
        location = thing.registered()
        lab.server.wait_json(lambda e: e["event"] == "registered")
        assert thing.ask(location, ["lt=200"])[0] == CHANGED
        status = lab.status()
        assert status["server_handshakes_done"] == 1, status
        assert status["nosec_sessions"] == 1 and status["device_handshakes_done"] == 0, status
        assert status["nosec_bytes_in"] == thing.sent, (status, thing.sent)
        assert status["nosec_bytes_out"] == thing.received, (status, thing.received)
        safe, bare, _ = json.loads(lab.ctl("--json", "status"))["listeners"]
        assert bare["security"] == "nosec" and bare["address"] == f"{HOST}:{lab.air_port}", bare
        assert (bare["bytes_in"], bare["bytes_out"]) == (thing.sent, thing.received), bare
        assert bare["handshakes"] == 0 and safe["security"] == "dtls", (bare, safe)
        assert safe["datagrams_in"] == safe["bytes_out"] == 0, safe
        assert f"{HOST}:{lab.air_port}" in lab.ctl("status")
        shown = lab.ctl("session", device.endpoint)
        assert "NoSec" in shown and HOME in shown, shown
        assert thing.ask(location, method=DELETE)[0] == 0x42
        lab.server.wait_json(lambda e: e["event"] == "deregistered")


def test_R079_who_comes_from_elsewhere_is_not_heard():
    device = Device("urn:air:outside")
    with AirLab([device]) as lab:
        outside, inside = Thing(lab, device, OUTSIDE), Thing(lab, device)
        outside.say(empty(CON, 1))
        lab.until(lambda: lab.status()["nosec_outside"] == 1)
        outside.say(message(CON, POST, 2, b"abcd", "rd", [f"ep={device.endpoint}"]))
        lab.until(lambda: lab.status()["nosec_outside"] == 2)
        inside.registered()
        assert outside.received == 0
        outside.socket.setblocking(False)
        try:
            assert not outside.hear()
        except BlockingIOError:
            pass


def test_R080_who_has_dtls_is_not_served_without_and_the_other_way_round():
    bare, safe = Device("urn:air:bare"), Device("urn:air:safe")
    with AirLab([bare], [safe]) as lab:
        thing = Thing(lab, safe)
        assert thing.register()[0] == FORBIDDEN
        assert Thing(lab, Device("urn:air:nobody")).register()[0] == FORBIDDEN
        assert thing.ask("bs", [f"ep={safe.endpoint}"])[0] == FORBIDDEN
        assert lab.status()["nosec_strangers"] == 3
        # Answers in the clear are nobody's.
        thing.say(message(ACK, CREATED, 1, b"abcd"))
        thing.say(message(NON, CONTENT, 2, b"abcd"))
        assert thing.is_silent()
        assert not lab.events("registered") and lab.status()["server_handshakes_done"] == 0
        # Nor can one credential be both.
        for name, how in ((bare, ["--key-file", lab.write("k", "5d" * 8 + "a1" * 8)]),):
            done = lab.ctl("credential", "add", name.endpoint, *how, check=False)
            assert done.returncode != 0, done.stdout
        done = lab.ctl("credential", "add", safe.endpoint, "--nosec", check=False)
        assert done.returncode != 0, done.stdout
        done = lab.ctl(
            "credential", "add", safe.endpoint, "--nosec", "--purpose", "bootstrap", check=False
        )
        assert done.returncode != 0, done.stdout


def test_R082_what_is_not_known_at_an_address_is_told_to_register():
    device = Device("urn:air:moves")
    with AirLab([device]) as lab:
        home, away = Thing(lab, device), Thing(lab, device, AWAY)
        location = home.registered()
        assert home.ask(location)[0] == CHANGED
        assert away.ask(location) == (NOT_FOUND, b"")
        assert away.ask(location, method=DELETE) == (NOT_FOUND, b"")
        assert away.ask("dp") == (UNAUTHORIZED, b"")
        assert away.ask("rd", ["lt=60"]) == (BAD_REQUEST, b"")
        assert away.is_silent()
        # It would take what is home's.
        code, rest = away.register()
        assert code == UNAUTHORIZED, hex(code)
        echo = echo_in(rest)
        assert home.ask(location)[0] == CHANGED
        assert away.register(bytes(12))[0] == UNAUTHORIZED
        assert Thing(lab, device, "127.0.2.10").register(echo)[0] == UNAUTHORIZED
        new = away.registered(echo)
        assert away.ask(new)[0] == CHANGED
        assert home.ask(location) == (NOT_FOUND, b"")
        lab.until(lambda: len(lab.events("registered")) == 2)
        status = lab.status()
        assert status["nosec_sessions"] == 1 and status["nosec_shown"] == 1, status


def test_R082_an_address_may_become_another_devices():
    first, second = Device("urn:air:first"), Device("urn:air:second")
    with AirLab([first, second]) as lab:
        thing = Thing(lab, first)
        location = thing.registered()
        thing.device = second
        code, rest = thing.register()
        assert code == UNAUTHORIZED, hex(code)
        assert thing.ask(location)[0] == CHANGED  # still the first one's
        new = thing.registered(echo_in(rest))
        assert thing.ask(new)[0] == CHANGED
        assert thing.ask(location)[0] == BAD_REQUEST  # not its own
        assert lab.status()["nosec_sessions"] == 1


def test_R083_an_address_that_has_shown_nothing_gets_three_times_what_it_has_sent():
    device = Device("s")  # a short name, so that it has sent little
    with AirLab([device], ops="read") as lab:
        thing = Thing(lab, device)
        assert thing.ask("rd", ["ep=s"])[0] == CREATED
        location = "rd/1"
        # It answers nothing; the server asks and asks again.
        lab.until(lambda: lab.status()["nosec_withheld"] > 0)
        thing.socket.setblocking(False)
        try:
            while True:
                thing.hear()
        except BlockingIOError:
            pass
        assert thing.received <= 3 * thing.sent, (thing.received, thing.sent)
        thing.socket.settimeout(DEADLINE_S)
        for _ in range(5):
            code, rest = thing.ask(location)
            assert code == UNAUTHORIZED, hex(code)
            assert thing.received <= 3 * thing.sent, (thing.received, thing.sent)
        assert thing.ask(location, echo=echo_in(rest))[0] == CHANGED
        assert lab.status()["nosec_shown"] == 1


def test_R083_who_has_not_registered_yet_is_not_driven_away_by_forged_addresses():
    device, other = Device("urn:air:early"), Device("urn:air:else")
    with AirLab([device, other], upstream=False) as lab:
        home, away = Thing(lab, device), Thing(lab, device, AWAY)
        assert home.register()[0] >= UNAVAILABLE - 1  # there is no server
        code, rest = away.register()
        assert code == UNAUTHORIZED, hex(code)
        home.device = other
        assert home.register()[0] == UNAUTHORIZED
        assert HOME in lab.ctl("session", device.endpoint)
        assert away.register(echo_in(rest))[0] >= UNAVAILABLE - 1
        assert AWAY in lab.ctl("session", device.endpoint)
        assert lab.status()["nosec_sessions"] == 1


def test_R083_an_answer_to_the_servers_token_shows_the_address():
    device = Device("urn:air:answers")
    with AirLab([device], ops="read") as lab:
        thing = Thing(lab, device)
        thing.registered()
        while True:
            asked = thing.hear()
            if asked[1] == GET:
                break
        token = asked[4 : 4 + (asked[0] & 15)]
        thing.say(message(ACK, CONTENT, int.from_bytes(asked[2:4], "big"), token, payload=b"1"))
        lab.until(lambda: lab.status()["nosec_shown"] == 1)


def test_R083_always_asks_first():
    device = Device("urn:air:always")
    with AirLab([device], air='echo = "always";') as lab:
        thing = Thing(lab, device)
        code, rest = thing.register()
        assert code == UNAUTHORIZED
        assert lab.status()["nosec_sessions"] == 0
        location = thing.registered(echo_in(rest))
        assert thing.ask(location)[0] == CHANGED


def test_R083_our_echo_value_is_not_the_servers():
    device = Device("urn:air:octets")
    with AirLab([device], air='echo = "always";', upstream=False) as lab:
        server = start_scripted(lab, device)
        thing, name = Thing(lab, device), [f"ep={device.endpoint}"]
        echo = echo_in(thing.register()[1])
        thing.say(message(CON, POST, 0x500, b"abcd", "rd", name, [(ECHO, echo)], b"</3/0>"))
        server.wait_bytes(re.escape(message(CON, POST, 0x500, b"abcd", "rd", name, (), b"</3/0>")))
        assert echo not in server.bytes


def test_a_copy_that_is_not_confirmable_is_not_passed_on():
    device = Device("urn:air:copies")
    with AirLab([device]) as lab:
        thing = Thing(lab, device)
        location = thing.registered()
        update = message(NON, POST, 0x4000, b"copy", location, ["lt=250"])
        thing.say(update)
        assert thing.hear()[1] == CHANGED
        thing.say(update)
        thing.say(update)
        lab.until(lambda: lab.status()["nosec_copies"] == 2)
        assert thing.ask(location)[0] == CHANGED
        assert lab.status()["messages_up"] == 3, lab.status()


def test_I8_a_credential_that_ends_ends_the_session():
    device = Device("urn:air:ends")
    with AirLab([device], settings="workers = 2;", store=DISK, by_control=True) as lab:
        thing = Thing(lab, device)
        location = thing.registered()
        assert "nosec" in lab.ctl("credential", "show", device.endpoint)
        lab.ctl("credential", "revoke", device.endpoint)
        lab.until(lambda: lab.status()["nosec_sessions"] == 0)
        assert thing.ask(location)[0] == NOT_FOUND
        assert thing.register()[0] == FORBIDDEN


def test_R246_nobody_hears_what_is_sent_to_all():
    device = Device("urn:air:all")
    with AirLab([device]) as lab:
        thing = Thing(lab, device)
        ttl, loop = (socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 0), socket.inet_aton("127.0.0.1")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.setsockopt(*ttl)
            s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, loop)
            s.bind((HOME, 0))
            for group in ("224.0.1.187", "224.0.0.1"):
                s.sendto(message(CON, POST, 1, b"abcd", "rd", ["ep=a"]), (group, lab.air_port))
        thing.registered()
        status = lab.status()
        assert status["nosec_outside"] + status["nosec_strangers"] == 0, status
        assert status["nosec_datagrams_in"] == 1, status


def test_R080_a_credential_that_becomes_another_kind_takes_its_session_along():
    device = Device("urn:air:changes")
    with AirLab([], [device], store=DISK, by_control=True) as lab:
        text = coap_client(lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</3/0>")
        assert "2.01" in text, text
        lab.server.wait_json(lambda e: e["event"] == "registered")
        safe = json.loads(lab.ctl("--json", "status"))["listeners"][0]
        assert safe["handshakes"] == 1 and safe["bytes_in"] > 200, safe
        assert safe["bytes_out"] > 100 and safe["datagrams_out"] > 2, safe
        lab.ctl("credential", "replace", device.endpoint, "--nosec")
        thing = Thing(lab, device)
        thing.registered()
        assert thing.is_silent()
        key = lab.write("key", secrets.token_hex(20))
        lab.ctl("credential", "replace", device.endpoint, "--key-file", key)
        lab.until(lambda: lab.status()["nosec_sessions"] == 0)
        assert thing.register()[0] == FORBIDDEN


def test_R215_a_policy_may_want_nobody_without_dtls():
    device = Device("urn:air:unwanted")
    rules = """policy = { rules = ( { name = "bare"; events = [ "nosec" ]; device = "teardown";
  upstream = "teardown"; reason = "not here"; } );
  default = { device = "keep"; upstream = "keep"; }; };
"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as policy:
        policy.write(rules)
        policy.flush()
        with AirLab([device], settings=f'policy = {{ file = "{policy.name}"; }};') as lab:
            thing = Thing(lab, device)
            assert thing.register()[0] == FORBIDDEN
            status = lab.status()
            assert status["nosec_sessions"] == 0 and status["server_handshakes_done"] == 0


def test_R215_rules_that_change_hold_for_who_is_there():
    device = Device("urn:air:unwanted")
    rules = """policy = { rules = ( { name = "bare"; events = [ "nosec" ]; device = "%s";
  upstream = "%s"; reason = "not here"; } );
  default = { device = "keep"; upstream = "keep"; }; };
"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as policy:
        policy.write(rules % ("keep", "keep"))
        policy.flush()
        with AirLab([device], settings=f'policy = {{ file = "{policy.name}"; }};') as lab:
            thing = Thing(lab, device)
            location = thing.registered()
            policy.seek(0)
            policy.truncate()
            policy.write(rules % ("teardown", "teardown"))
            policy.flush()
            lab.ctl("reload")
            thing.say(message(CON, POST, 0x6000, b"more", location))
            lab.until(lambda: lab.status()["nosec_sessions"] == 0)
            assert thing.ask(location)[0] == NOT_FOUND
            assert thing.register()[0] == FORBIDDEN


def test_what_a_restart_loses_is_made_anew():
    device = Device("urn:air:restart")
    with AirLab([device], settings="workers = 1;", store=DISK) as lab:
        thing = Thing(lab, device)
        location = thing.registered()
        for how in (signal.SIGKILL, signal.SIGTERM):
            lab.restart(how)
            assert thing.ask(location)[0] == NOT_FOUND
            location = thing.registered()
            assert thing.ask(location)[0] == CHANGED


def test_a_device_that_moves_from_worker_to_worker_has_one_session():
    device = Device("urn:air:workers")
    with AirLab([device], settings="workers = 4;") as lab:
        location = Thing(lab, device).registered()
        for last in range(20, 36):
            thing = Thing(lab, device, f"127.0.2.{last}")
            assert thing.ask(location)[0] == NOT_FOUND
            code, rest = thing.register()
            assert code == UNAUTHORIZED, hex(code)
            location = thing.registered(echo_in(rest))
            assert thing.ask(location)[0] == CHANGED
            lab.until(lambda: lab.status()["nosec_sessions"] == 1)


def test_the_number_of_sessions_is_bounded():
    devices = [Device(f"urn:air:full:{i}") for i in range(3)]
    with AirLab(devices, air="sessions = 2;", settings="workers = 1;") as lab:
        things = [Thing(lab, d, f"127.0.2.{40 + i}") for i, d in enumerate(devices)]
        things[0].registered()
        things[1].registered()
        assert things[2].register()[0] == UNAVAILABLE
        assert lab.status()["nosec_full"] == 1
        moved = Thing(lab, devices[0], "127.0.2.50")  # it does not stand in its own way
        code, rest = moved.register()
        assert code == UNAUTHORIZED, hex(code)
        moved.registered(echo_in(rest))
        assert lab.status()["nosec_full"] == 1


def test_R083_libcoaps_client_repeats_with_echo():
    if shutil.which("coap-client-notls") is None:
        raise Skip("libcoap's client is not installed")
    device = Device("urn:air:libcoap")
    for always in (False, True):
        with AirLab([device], air='echo = "always";' if always else "") as lab:
            done = subprocess.run(
                [
                    *("coap-client-notls", "-v", "7", "-B", "10", "-a", HOME, "-m", "post"),
                    *("-t", "40", "-e", "</1/0>,</3/0>"),
                    f"coap://{HOST}:{lab.air_port}/rd?ep={device.endpoint}&lt=300&lwm2m=1.1&b=U",
                ],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                timeout=DEADLINE_S,
                check=False,
            )
            said = done.stdout.decode("utf-8", "replace")
            assert "2.01" in said, said
            assert ("4.01" in said and "Echo" in said) == always, said
            lab.server.wait_json(lambda e: e["event"] == "registered")
            assert lab.status()["nosec_shown"] == always


if __name__ == "__main__":
    run_tests([value for name, value in sorted(globals().items()) if name.startswith("test_")])
