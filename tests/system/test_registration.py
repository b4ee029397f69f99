#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a device may ask for, by what it says, by its channel and by its credential: OpenSSL's
client for a device, CoAP by hand, and what of it reaches the server."""

import json
import os
import re
import sys

sys.dont_write_bytecode = True
from harness import Device, Lab, Process, option, run_tests  # noqa: E402

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business

CREATED, DELETED, CHANGED = 0x41, 0x42, 0x44
BAD_REQUEST, BAD_OPTION, FORBIDDEN, NOT_FOUND = 0x80, 0x82, 0x83, 0x84
HOP_LIMIT_REACHED = 0xA8
POST, DELETE = 2, 4

URI_HOST, LOCATION_PATH, URI_PATH, URI_PATH_ABBREV, URI_QUERY = 3, 8, 11, 13, 15
HOP_LIMIT, BLOCK1 = 16, 27


def location_in(options):
    match = re.match(rb"\x82rd[\x00-\x0c](\d+)", options)
    assert match, options
    return "rd/" + match.group(1).decode()


class Client:
    """A device that resumes its session where it can."""

    def __init__(self, lab, device):
        self.lab, self.device, self.number = lab, device, 0
        kept = lab.path("session-" + re.sub(r"\W", "-", device.endpoint))
        resume = ["-sess_in", kept] if os.path.exists(kept) else []
        self.process = Process(
            [
                "openssl",
                "s_client",
                "-dtls1_2",
                "-connect",
                f"127.0.0.1:{lab.port}",
                "-psk",
                device.key,
                "-psk_identity",
                device.identity,
                "-cipher",
                "PSK-AES128-CCM8:@SECLEVEL=0",
                "-sess_out",
                kept,
                *resume,
            ],
            raw=True,
        )
        lab.children.append(self.process)
        match = self.process.wait_bytes(rb"\n(New|Reused), .*?Session-ID: (\w*)\n.*?---\n")
        assert (match.group(1) == b"Reused") == bool(resume), self.process.bytes[-600:]

    def ask(self, path, query=(), code=POST, more=()):
        """The code of the answer to a CON; the client's message ids go up by one."""
        self.number += 1
        head = bytes([0x41, code]) + self.number.to_bytes(2, "big") + b"\x51"
        options = [(URI_PATH, part.encode()) for part in path.split("/")]
        options += [(URI_QUERY, item.encode()) for item in query]
        last = 0
        for number, value in sorted(options + list(more), key=lambda o: o[0]):
            head += option(number - last, value)
            last = number
        self.process.child.stdin.write(head)
        self.process.child.stdin.flush()
        about = self.number.to_bytes(2, "big") + b"\x51"
        answer = self.process.wait_bytes(rb"\x61([^\0])" + re.escape(about) + rb"(.{0,32})")
        self.rest = answer.group(2)
        return answer.group(1)[0]

    def register(self, version="1.1"):
        """The location, which the server of the lab numbers."""
        said = [f"ep={self.device.endpoint}", "lt=300", f"lwm2m={version}", "b=U"]
        code = self.ask("rd", said)
        assert code == CREATED, hex(code)
        return location_in(self.rest)

    def quit(self):
        """Away without a close_notify, as a device whose power is cut."""
        self.process.kill()


def reached(lab, event):
    return [line for line in lab.server.lines if f'"event":"{event}"' in line]


class PurposeLab(Lab):
    """All its credentials are for that."""

    def __init__(self, purpose, devices, **more):
        self.purpose = purpose
        super().__init__(devices, **more)

    def _credentials(self):
        mine = f'purpose = "{self.purpose}"; upstream_identity'
        return super()._credentials().replace("upstream_identity", mine)


def test_R265_a_register_without_a_name_reaches_the_server_with_one():
    device = Device("urn:registration:unnamed")
    with Lab([device]) as lab:
        client = Client(lab, device)
        assert client.ask("rd", ["lt=300", "lwm2m=1.0"]) == BAD_REQUEST
        assert client.ask("rd", ["lt=300"]) == BAD_REQUEST
        assert not reached(lab, "registered")
        assert lab.status()["server_handshakes_done"] == 0, lab.status()
        assert client.ask("rd", ["lt=300", "lwm2m=1.1", "b=U", "Q"]) == CREATED
        lab.server.wait_json(lambda e: e["event"] == "registered")
        assert client.ask("rd", ["ep=urn:registration:other", "lwm2m=1.1"]) == BAD_REQUEST
        assert not reached(lab, "wrong_endpoint")


def said(lab, device):
    """What an operator reads of the registration."""
    shown = json.loads(lab.ctl("--json", "session", device.endpoint))
    registration = shown["registration"]
    return [registration[name] for name in ("binding", "lwm2m", "sms", "lifetime_s")]


def test_R275_R260_what_a_device_says_of_itself_outlives_kill_9():
    device = Device("urn:registration:says")
    with Lab([device], store=DISK, settings="workers = 1;") as lab:
        client = Client(lab, device)
        name = f"ep={device.endpoint}"
        said_first = ["lt=600", "lwm2m=1.1", "b=UT", "Q", "sms=+491711234567", "pid=x"]
        assert client.ask("rd", [name, *said_first]) == CREATED
        location = location_in(client.rest)
        assert said(lab, device) == ["UQT", "1.1", "491711234567", 600]
        lab.restart()
        assert said(lab, device) == ["UQT", "1.1", "491711234567", 600]  # asleep
        assert client.ask(location, ["b=US"]) == CHANGED
        assert said(lab, device) == ["US", "1.1", "491711234567", 600]
        assert client.ask("rd", [name, "b=U", "b=S"]) == BAD_REQUEST
        assert client.ask("rd", [name, "lwm2m=1.0"]) == CREATED
        assert said(lab, device) == [None, "1.0", None, 86400]


def update_after(lab, device, version, restart):
    """The codes of an Update in a new channel and, if it was refused, of one after a Register."""
    client = Client(lab, device)
    location = client.register(version)
    assert client.ask(location) == CHANGED
    client.quit()
    if restart:
        lab.restart()
    again = Client(lab, device)
    codes = [again.ask(location)]
    if codes[0] == NOT_FOUND:
        codes.append(again.ask(again.register(version)))
    again.quit()
    return codes


def test_R267_an_update_in_a_resumed_session_by_setting_and_version():
    for setting, version, refused in [
        ("forward", "1.1", False),
        ("4.04", "1.0", True),
        ("auto", "1.0", False),
        ("auto", "1.1", True),
    ]:
        for restart in [False, True]:
            device = Device("urn:registration:resumes")
            settings = f'workers = 1; relay = {{ update_after_handshake = "{setting}"; }};'
            with Lab([device], store=DISK, settings=settings) as lab:
                codes = update_after(lab, device, version, restart)
                wanted = [NOT_FOUND, CHANGED] if refused else [CHANGED]
                assert codes == wanted, (setting, version, restart, codes)


def test_R267_wherever_the_device_comes_from():
    """Each new port may be another worker's, and then the registration changes hands first."""
    device = Device("urn:registration:moves")
    settings = 'workers = 2; relay = { update_after_handshake = "4.04"; };'
    with Lab([device], store=DISK, settings=settings) as lab:
        client = Client(lab, device)
        location = client.register()
        for n in range(24):
            if n >= 3 and any("another worker" in line for line in lab.gateway.lines):
                break
            client.quit()
            client = Client(lab, device)
            assert client.ask(location) == NOT_FOUND
            location = client.register()
        assert not reached(lab, "unknown") and not reached(lab, "updated")
        assert any("another worker" in line for line in lab.gateway.lines)


def test_R267_a_channel_that_outlives_kill_9_is_the_same_one():
    device = Device("urn:registration:stays")
    settings = 'workers = 1; relay = { update_after_handshake = "4.04"; };'
    with Lab([device], store=DISK, settings=settings) as lab:
        client = Client(lab, device)
        location = client.register()
        lab.restart()
        assert client.ask(location) == CHANGED
        assert client.ask(location, code=DELETE) == DELETED


def test_R235_a_device_that_counts_its_messages_anew_is_no_echo_of_itself():
    """Its link stays, and the server must not take the Register for a copy (RFC 7252 4.5)."""
    for workers in [1, 2]:
        device = Device("urn:registration:counts")
        with Lab([device], store=DISK, settings=f"workers = {workers};") as lab:
            locations = set()
            for n in range(1, 7):
                if n == 4:
                    lab.restart()
                client = Client(lab, device)
                locations.add(client.register())
                assert client.number == 1
                lab.server.wait_json(lambda e: e.get("event") == "registered")
                client.quit()
            assert len(locations) == 6, locations


def test_R023_R286_a_bootstrap_credential_registers_nobody():
    device = Device("urn:registration:bootstraps")
    with PurposeLab("bootstrap", [device]) as lab:
        client = Client(lab, device)
        named = [f"ep={device.endpoint}", "lt=300", "lwm2m=1.0"]
        assert client.ask("rd", named) == FORBIDDEN
        assert client.ask("rd/1") == FORBIDDEN
        assert client.ask("dp") == FORBIDDEN
        assert lab.status()["server_handshakes_done"] == 0
        assert client.ask("bs", [f"ep={device.endpoint}"]) == NOT_FOUND  # says the server
        assert not reached(lab, "registered") and len(reached(lab, "unknown")) == 1


def test_R023_a_servers_credential_bootstraps_nobody():
    device = Device("urn:registration:serves")
    with PurposeLab("server", [device]) as lab:
        client = Client(lab, device)
        assert client.ask("bs", [f"ep={device.endpoint}"]) == FORBIDDEN
        assert lab.status()["server_handshakes_done"] == 0
        location = client.register()
        assert client.ask("bs", [f"ep={device.endpoint}"]) == FORBIDDEN
        assert client.ask(location) == CHANGED
        assert not reached(lab, "unknown")


def test_R240_R242_R251_options_that_do_not_pass():
    device = Device("urn:registration:options")
    with Lab([device]) as lab:
        client = Client(lab, device)
        location = client.register()
        for more, code in [
            ([(URI_PATH_ABBREV, b"\x05")], BAD_OPTION),
            ([(2050, b"unsafe")], BAD_OPTION),
            ([(URI_HOST, b"a"), (URI_HOST, b"b")], BAD_OPTION),
            ([(BLOCK1, b"\x07")], BAD_REQUEST),
            ([(HOP_LIMIT, b"\x00")], BAD_REQUEST),
            ([(HOP_LIMIT, b"\x01")], HOP_LIMIT_REACHED),
        ]:
            answer = client.ask(location, more=more)
            assert answer == code, (more, hex(answer))
        assert not reached(lab, "updated")
        more = [(URI_HOST, b"gateway.example"), (HOP_LIMIT, b"\x10"), (2048, b"elective")]
        assert client.ask(location, more=more) == CHANGED
        assert len(reached(lab, "updated")) == 1


if __name__ == "__main__":
    run_tests(
        [
            test_R265_a_register_without_a_name_reaches_the_server_with_one,
            test_R275_R260_what_a_device_says_of_itself_outlives_kill_9,
            test_R267_an_update_in_a_resumed_session_by_setting_and_version,
            test_R267_wherever_the_device_comes_from,
            test_R267_a_channel_that_outlives_kill_9_is_the_same_one,
            test_R235_a_device_that_counts_its_messages_anew_is_no_echo_of_itself,
            test_R023_R286_a_bootstrap_credential_registers_nobody,
            test_R023_a_servers_credential_bootstraps_nobody,
            test_R240_R242_R251_options_that_do_not_pass,
        ]
    )
