#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl trace: what becomes of each datagram of a device, with the reason; OpenSSL's client for
a device, and a wire between them that repeats and forges."""

import json
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    binary,
    register_message,
    run_tests,
    s_client,
    update_message,
)
from policy import Wire  # noqa: E402
from scripted import PUT, answer, request, say  # noqa: E402
from test_queue_mode import UP, Nap  # noqa: E402

CHANGED = 0x44
DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
POLICY = """policy = {
	rules = ( {
		name = "no-more-of-it"; events = [ "mapping-changed" ];
		device = { action = "quarantine"; for_s = 600; }; upstream = "teardown";
		reason = "it moved out";
	} );
	default = { device = "keep"; upstream = "keep"; };
};
"""


def trace(lab, endpoint, *words, json_too=True):
    """Runs until the lab ends; its trace has begun when this returns."""
    child = lab.start(
        [
            binary("lwgatectl"),
            *("-s", lab.path("control")),
            *(["--json"] if json_too else []),
            *("trace", endpoint, *words),
        ]
    )
    lab.gateway.wait_line(f" trace endpoint={endpoint} ")
    return child


def coap(line, code):
    return line.get("coap", {}).get("code") == code


def is_line(way, leg, fate, code=None):
    return lambda line: (
        (line.get("way"), line.get("leg"), line["fate"]) == (way, leg, fate)
        and (code is None or coap(line, code))
    )


class House(Lab):
    """A device behind a wire, which has registered before anybody looks."""

    def __init__(self, **more):
        self.device = Device("urn:dev:seen")
        super().__init__([self.device], **more)

    def launch_gateway(self, *before):
        self.write("policy.conf", POLICY)
        super().launch_gateway(*before)

    def __enter__(self):
        self.wire = None
        super().__enter__()
        self.wire = Wire(self.port)
        self.client = s_client(self, self.device, port=self.wire.port)
        self.client.wait_bytes(UP)
        return self

    def __exit__(self, *error):
        super().__exit__(*error)
        if self.wire:
            self.wire.close()

    def register(self):
        say(self.client, register_message(self.device.endpoint))
        self.client.wait_bytes(rb"\x61\x41\x12\x34\x51")
        return re.search(rb"\x61\x41\x12\x34\x51\x82rd(.)(.*)", self.client.bytes, re.DOTALL)

    def ask(self, message, code):
        say(self.client, message)
        self.client.wait_bytes(re.escape(bytes([0x61, code]) + message[2:4] + b"\x52"))


def test_a_message_that_passes_and_its_answer_are_relayed():
    with House() as lab:
        seen = trace(lab, lab.device.endpoint)
        lab.register()
        waits = seen.wait_json(is_line("in", "device", "waiting", "0.02"))
        assert waits["why"] == "for the link to the server", waits
        assert waits["epoch"] == 1 and waits["record"] == 1 and waits["octets"] > 60, waits
        assert waits["coap"]["path"].startswith("/rd?b=U&ep=urn:dev:seen"), waits
        assert waits["coap"]["token"] == "51" and waits["coap"]["message_id"] == 0x1234, waits
        up = seen.wait_json(is_line("out", "server", "sent", "0.02"))
        assert up["coap"]["token"] == "51" and up["record"] == 1, up
        down = seen.wait_json(is_line("in", "server", "relayed", "2.01"))
        assert down["coap"]["type"] == "ACK" and down["coap"]["path"].startswith("/rd/"), down
        told = seen.wait_json(is_line("out", "device", "sent", "2.01"))
        assert told["octets"] > 30 and told["peer"] == waits["peer"], told
        location = down["coap"]["path"][1:]
        lab.ask(update_message(location, 0x77), CHANGED)
        again = seen.wait_json(is_line("in", "device", "relayed", "0.02"))
        assert again["coap"]["path"] == "/" + location and again["record"] == 2, again
        lines = [json.loads(line) for line in seen.lines]
        assert [x["number"] for x in lines] == sorted({x["number"] for x in lines}), lines
        assert not any("payload" in x.get("coap", {}) for x in lines), lines


def test_what_the_gateway_answers_itself_has_its_reason():
    with House() as lab:
        lab.register()
        seen = trace(lab, lab.device.endpoint)
        lab.ask(update_message("rd/theirs", 0x78), 0x80)
        line = seen.wait_json(is_line("in", "device", "answered", "0.02"))
        assert line["why"] == "4.00 not the location of this device", line
        assert line["coap"]["path"] == "/rd/theirs", line
        own = seen.wait_json(is_line("out", "device", "sent", "4.00"))
        assert own["why"] == "the gateway's own", own
        say(lab.client, bytes([0x40, 0, 0x77, 0x77]))  # CoAP's ping
        line = seen.wait_json(is_line("in", "device", "reset", "0.00"))
        assert line["coap"]["message_id"] == 0x7777, line


def test_I2_a_repeated_record_is_told_as_replayed_and_a_wrong_tag_as_forged():
    with House() as lab:
        lab.register()
        seen = trace(lab, lab.device.endpoint)
        lab.wire.back.send(lab.wire.last)
        line = seen.wait_json(lambda line: line["fate"] == "replayed")
        assert (line["leg"], line["way"], line["epoch"], line["record"]) == ("device", "in", 1, 1)
        assert line["octets"] == len(lab.wire.last) and "coap" not in line, line
        lab.wire.forge(2)
        for number in (101, 102):
            line = seen.wait_json(lambda line: line["fate"] == "forged")
            assert line["record"] == number and "tag" in line["why"], line


def test_a_refused_handshake_names_the_credential():
    with House() as lab:
        seen = trace(lab, lab.device.endpoint)
        wrong = "00" * 16
        s_client(lab, lab.device, key=wrong)
        line = seen.wait_json(lambda line: line["fate"] == "refused")
        assert line["leg"] == "device", line
        assert "handshake: " in line["why"] and "key" in line["why"], line
        assert "credential of urn:dev:seen (psk, generation" in line["why"], line
        said = "\n".join(seen.lines)
        for secret in (wrong, lab.device.key, lab.device.key_text, lab.device.identity):
            assert secret not in said, secret


def test_I8_a_quarantine_is_told_with_the_rule_and_so_is_what_it_stops():
    settings = 'policy = { file = "policy.conf"; };'
    with House(settings=settings, store=DISK, by_control=True) as lab:
        lab.register()
        seen = trace(lab, lab.device.endpoint)
        lab.ctl("credential", "replace", lab.device.endpoint, "--labels", "elsewhere")
        line = seen.wait_json(lambda line: line["fate"] == "decided")
        assert line["rule"] == "no-more-of-it" and line["leg"] == "policy", line
        assert line["why"].startswith("mapping-changed: device quarantine, upstream teardown"), line
        lab.ask(update_message("rd/1", 0x79), 0xA3)
        line = seen.wait_json(is_line("in", "device", "answered", "0.02"))
        assert line["why"] == "5.03 not served for now", line
        assert line["rule"] == "no-more-of-it", line


def test_what_a_sleeping_device_is_asked_waits():
    with Nap("") as lab:
        lab.register()
        seen = trace(lab, lab.devices[0].endpoint)
        lab.until_asleep()
        lab.is_held(1)
        line = seen.wait_json(is_line("in", "server", "waiting", "0.01"))
        assert line["why"] == "its device sleeps" and line["coap"]["path"] == "/3/0/0", line
        lab.speak()
        lab.hears(1)
        line = seen.wait_json(is_line("out", "device", "sent", "0.01"))
        assert line["coap"]["path"] == "/3/0/0", line


def test_I5_a_payload_is_shown_where_it_was_asked_for_but_no_keys():
    with Nap("", awake_ms=60000) as lab:
        lab.register()
        seen = trace(lab, lab.devices[0].endpoint, "--payload")
        say(lab.server, request(PUT, "3/0/14", 0x5001, b"\xe1", b"+02:00"))
        line = seen.wait_json(is_line("in", "server", "relayed", "0.03"))
        assert line["coap"]["payload"] == b"+02:00".hex(), line
        assert line["coap"]["payload_octets"] == 6, line
        key = os.urandom(16)
        for path in ("0/0/5", "21/0/3"):
            say(lab.server, request(PUT, path, 0x5002 + len(path), b"\xe2", key))
            line = seen.wait_json(is_line("in", "server", "relayed", "0.03"))
            assert line["coap"]["path"] == "/" + path, line
            assert line["coap"]["payload_octets"] == 16 and "payload" not in line["coap"], line
        assert key.hex() not in "\n".join(seen.lines)
        # What answers names no object: it is of what was asked.
        say(lab.client, answer(CHANGED, 0x5001, b"\xe1", payload=b"good"))
        line = seen.wait_json(is_line("in", "device", "relayed", "2.04"))
        assert line["coap"]["payload"] == b"good".hex(), line
        say(lab.client, answer(CHANGED, 0x5002 + len("21/0/3"), b"\xe2", payload=key))
        line = seen.wait_json(is_line("in", "device", "relayed", "2.04"))
        assert line["coap"]["payload_octets"] == 16 and "payload" not in line["coap"], line
        assert key.hex() not in "\n".join(seen.lines)


def test_lines_for_people_have_it_all_and_who_looks_is_in_the_log_once():
    with House() as lab:
        seen = trace(lab, lab.device.endpoint, "--for", "2s", json_too=False)
        lab.register()
        assert seen.child.wait(DEADLINE_S) == 0
        seen.reader.join(5)
        text = "\n".join(seen.lines)
        for wanted in (
            r"from device 127\.0\.0\.1:\d+ \d+ octets 1/1  CON POST mid=1234 token=51 /rd\?b=U",
            r"=> waiting: for the link to the server",
            r"from server 127\.0\.0\.1:\d+ \d+ octets 1/1  ACK 2\.01 .*  => relayed",
            r"to device .* ACK 2\.01 .*  => sent",
        ):
            assert re.search(wanted, text), (wanted, text)
        assert sum(" trace endpoint=" in line for line in lab.gateway.lines) == 1


def test_more_than_is_kept_is_counted_and_the_rest_comes():
    with House() as lab:
        lab.register()
        seen = trace(lab, lab.device.endpoint)
        seen.child.send_signal(19)  # SIGSTOP
        for number in range(150):
            say(lab.client, bytes([0x40, 0, 0x77, number]))
            lab.client.wait_bytes(re.escape(bytes([0x70, 0, 0x77, number])))
        seen.child.send_signal(18)
        lost = seen.wait_json(lambda line: "lost" in line)["lost"]
        assert 44 <= lost <= 60, lost
        line = seen.wait_json(
            lambda line: line.get("coap", {}).get("message_id") == 0x7700 + 149
            and line["way"] == "out"
        )
        assert line["fate"] == "sent", line


def test_wrong_words_have_an_exit_status_and_a_remedy():
    with House() as lab:
        for words, status, wanted in (
            (["trace", "nobody"], 1, "no credential has this endpoint"),
            (["trace"], 2, "an endpoint is missing"),
            (["trace", "x", "--for", "long"], 2, "--for: long is no span of time"),
            (["trace", "x", "--every", "1s"], 2, "an option does not belong to trace"),
        ):
            done = lab.ctl("--json", *words, check=False)
            told = json.loads(done.stdout)
            assert done.returncode == status and wanted in told["error"], done
            assert done.stderr == b"", done
            assert status == 1 or told["remedy"], told
    done = subprocess.run(
        [binary("lwgatectl"), "--json", "-s", "/nonexistent/control", "trace", "x"],
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    told = json.loads(done.stdout)
    assert done.returncode == 3 and "no such file" in told["error"] and told["remedy"], done


def test_a_fifth_device_at_once_is_refused():
    devices = [Device(f"urn:dev:{n}") for n in range(5)]
    with Lab(devices) as lab:
        for device in devices[:4]:
            trace(lab, device.endpoint)
        done = lab.ctl("trace", devices[4].endpoint, check=False)
        assert done.returncode == 1 and b"4 devices are traced already" in done.stderr, done


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
