#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The status page in a real browser: what it shows, that it follows, that it is read on a phone and
without colour, and that nothing but the gateway is asked. PAGE_PICTURE=FILE keeps the picture."""

import json
import os
import shutil
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    Process,
    Skip,
    free_port,
    run_tests,
    s_client,
)

DRIVE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "browser", "drive.js")
HOSTILE = "urn:<img/src=x/onerror=alert(1)>"
DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business


class Browser:
    def __init__(self):
        program = shutil.which("chromium")
        if not program:
            raise Skip("no Chromium here: deploy/setup browser")
        self.process = Process(["node", DRIVE, program])

    def order(self, **order):
        self.process.child.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.child.stdin.flush()
        answer = self.process.wait_json(lambda a: "value" in a or "error" in a, 2 * DEADLINE_S)
        assert "error" not in answer, (order, answer)
        return answer.get("value")

    def text(self, selector):
        return self.order(run=f"document.querySelector({json.dumps(selector)}).innerText")

    def until(self, selector, part):
        self.order(
            until=f"document.querySelector({json.dumps(selector)})"
            f".innerText.includes({json.dumps(part)})"
        )

    def rest(self):
        """The page asks for itself no more, once the turn is over that is to come or under way."""
        turns = self.order(run="loop = () => 0, Number(document.body.dataset.turns)")
        self.order(until=f"Number(document.body.dataset.turns) > {turns}")

    def close(self):
        self.process.child.stdin.close()
        self.process.child.wait(DEADLINE_S)


class Paged:
    """A gateway with its page open."""

    def __init__(self, devices):
        self.devices = devices

    def __enter__(self):
        self.port = free_port()
        self.browser = Browser()
        web = f'web = {{ address = "127.0.0.1"; port = {self.port}; }};'
        self.lab = Lab(self.devices, settings=web, store=DISK)
        self.lab.__enter__()
        self.lab.gateway.wait_line(" web ")
        self.url = f"http://127.0.0.1:{self.port}/"
        self.first = self.browser.order(open=self.url)
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            print("# " + self.browser.text("body").replace("\n", "\n# "))
        self.browser.close()
        self.lab.__exit__(*error)


def test_it_shows_who_comes_what_failed_and_why_without_being_loaded_again():
    good, other = Device("urn:dev:here"), Device("urn:dev:wrong")
    meters = [Device(f"urn:imei:35693803564380{n}") for n in (7, 8)]
    with Paged([good, other, *meters]) as w:
        b = w.browser
        b.until("#health", "nothing needs you")
        b.until("#sessions", "nobody")
        client = s_client(w.lab, good)
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        b.until("#sessions", good.endpoint)
        b.until("#sessions", "awake")
        b.until("#tiles", "Awake\n1")
        for meter in meters:
            s_client(w.lab, meter).wait_bytes(rb"Extended master secret: yes.*---\n")
        other.key = "00" * 20  # another key than the gateway has
        s_client(w.lab, other)
        b.until("#log", "handshake-failed")
        b.until("#log", "the keys of the two sides differ")
        b.until("#log", "lwgatectl credential replace")
        b.order(click="#only")
        assert "session-up" not in b.text("#log")
        w.lab.ctl("credential", "revoke", good.endpoint)
        b.until("#decisions", good.endpoint)
        b.until("#decisions", "credential-revoked")
        b.order(click="#by-rules")
        assert "credential-revoked" in b.text("#decisions")
        assert b.order(run="performance.getEntriesByType('navigation').length") == 1
        b.order(click="#only")
        b.order(until=f"!document.querySelector('#sessions').innerText.includes('{good.endpoint}')")
        b.order(size=[1180, 1240])
        picture = os.environ.get("PAGE_PICTURE", w.lab.path("page.png"))
        assert b.order(picture=picture) and os.path.getsize(picture) > 10000
        assert meters[0].endpoint in b.text("#sessions")
        assert good.endpoint not in b.text("#sessions")


def test_a_search_finds_a_part_of_a_name_and_its_detail_by_the_keyboard_alone():
    devices = [Device(f"urn:dev:{name}") for name in ("alpha", "beta")]
    with Paged(devices) as w:
        b = w.browser
        clients = [s_client(w.lab, device) for device in devices]
        for client, device in zip(clients, devices, strict=True):
            client.wait_bytes(rb"Extended master secret: yes.*---\n")
            b.until("#sessions", device.endpoint)
        b.order(type="ALPH", into="#search")
        for part in ("#sessions", "#log"):
            assert "urn:dev:alpha" in b.text(part) and "beta" not in b.text(part), part
        b.order(run="document.querySelector('#sessions button').focus()")
        b.order(key="Enter")
        b.until("#detail", "urn:dev:alpha")
        b.until("#detail", "generation")
        assert b.order(run="document.activeElement.textContent") == "Close"
        b.until("#detail", "heard, ago")
        b.order(run="document.querySelector('#detail dl').id = 'old'")
        b.order(until="!document.querySelector('#old')")  # it follows
        assert b.order(run="document.activeElement.textContent") == "Close"
        b.order(key="Enter")
        assert b.order(run="document.querySelector('#detail').hidden")
        b.order(type="urn:dev:nobody", into="#search")
        b.until("#sessions", "nobody; urn:dev:nobody: not connected and not registered here")
        b.until("#log", "nothing of these")


# What /api/sessions says of very many who are awake: pages of sleepers without one, then one.
FAR_SLEEPER = """
let asked = 0;
ask = async (path) => {
  const from = Number(new URL(path, location).searchParams.get("from"));
  asked++;
  if (from === 0) return { listed: true, sessions: [], next: 1 };
  const found = from === LAST ? [{ endpoint: "urn:far", purpose: "any", state: "asleep" }] : [];
  return { listed: true, sessions: found, next: from + 1 };
};
sessions().then(() => asked)
"""


def test_a_sleeper_behind_many_who_are_awake_is_found_in_a_bounded_time():
    with Paged([Device("urn:dev:1")]) as w:
        b = w.browser
        b.until("#health", "nothing needs you")
        b.rest()
        assert b.order(run=FAR_SLEEPER.replace("LAST", "5")) <= 9
        assert "urn:far" in b.text("#sessions")
        assert b.order(run=FAR_SLEEPER.replace("LAST", "5000").replace("let ", "")) == 9
        assert "urn:far" not in b.text("#sessions")
        assert not b.order(run="document.querySelector('#more').hidden")


def test_key_sets_of_devices_by_sms_are_shown_and_needed():
    with Paged([Device("urn:dev:1")]) as w:
        b = w.browser
        b.until("#health", "nothing needs you")
        assert b.order(run="document.querySelector('#sms').hidden")
        b.rest()
        total = "{...state.last.t, sms_key_sets_confirmed: 9, sms_key_sets_failed: 2}"
        b.order(run=f"smsFacts({total}), problems({{total: {total}}}, []), 0")
        assert "keys are confirmed\n9" in b.text("#sms")
        assert "keys are failed\n2" in b.text("#sms")
        assert "2 of 11 devices by short messages" in b.text("#problems")
        assert b.order(run="document.title") == "(1) lwgate"


def test_a_name_of_a_device_is_text():
    with Paged([Device(HOSTILE)]) as w:
        client = s_client(w.lab, w.devices[0])
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        w.browser.until("#sessions", HOSTILE)
        assert w.browser.order(run="document.querySelectorAll('img').length") == 0


def test_it_says_when_the_gateway_is_gone():
    with Paged([Device("urn:dev:1")]) as w:
        w.browser.until("#health", "nothing needs you")
        w.lab.gateway.kill()
        w.browser.until("#health", "does not answer")
        assert w.browser.order(run="document.title") == "(!) lwgate"


def test_nothing_but_the_gateway_is_asked_and_its_policy_refuses_nothing():
    with Paged([Device("urn:dev:1")]) as w:
        b = w.browser
        csp = w.first["headers"]["content-security-policy"]
        assert csp.startswith("default-src 'none'") and "unsafe" not in csp, csp
        b.until("#health", "nothing needs you")
        b.order(until="Number(document.body.dataset.turns) >= 3")
        report = b.order(report=True)
        assert report == {"elsewhere": [], "refused": [], "failed": []}, report
        # The browser holds to the policy: what is not of the page is not run.
        b.order(
            run="document.body.append(Object.assign(document.createElement('script'),"
            "{textContent:'document.title=1'})), 0"
        )
        assert b.order(run="document.title") == "lwgate"
        assert b.order(report=True)["refused"], "the browser does not know of the policy"


def test_it_is_read_on_a_phone_and_without_colour():
    with Paged([Device(f"urn:imei:35000000000{n}") for n in range(3)]) as w:
        b = w.browser
        for device in w.devices:
            client = s_client(w.lab, device)
            client.wait_bytes(rb"Extended master secret: yes.*---\n")
            b.until("#sessions", device.endpoint)
        b.order(size=[360, 740])
        wide = b.order(run="document.documentElement.scrollWidth")
        assert wide <= 360, wide
        # What a row is of is said in words there, as its heading is away.
        label = "getComputedStyle(document.querySelector('#sessions td'), '::before').content"
        assert "Endpoint" in b.order(run=label)
        # Each state has a word: a reader without colours loses nothing.
        assert "awake" in b.text("#sessions")
        levels = b.order(
            run="[...document.querySelectorAll('#log td:nth-child(2)')]"
            ".map((td) => td.innerText.replace(/\\s/g, ''))"
        )
        assert levels and set(levels) <= {"note", "warning", "failure"}, levels


run_tests(
    [
        test_it_shows_who_comes_what_failed_and_why_without_being_loaded_again,
        test_a_search_finds_a_part_of_a_name_and_its_detail_by_the_keyboard_alone,
        test_a_sleeper_behind_many_who_are_awake_is_found_in_a_bounded_time,
        test_key_sets_of_devices_by_sms_are_shown_and_needed,
        test_a_name_of_a_device_is_text,
        test_it_says_when_the_gateway_is_gone,
        test_nothing_but_the_gateway_is_asked_and_its_policy_refuses_nothing,
        test_it_is_read_on_a_phone_and_without_colour,
    ]
)
