#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys for short messages as a person sees them: rules hear of stale ones, an order brings others,
or says why it does not."""

import json
import os
import sys
import tempfile

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from scrape import Served  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_keyed_gateway import KeyedGateway, Subscriber  # noqa: E402

ONE, TWO = "447700900111", "447700900222"
KEEPS = 'device = "keep"; upstream = "keep";'


class Ruled(KeyedGateway):
    """One rule, for stale keys of one device."""

    def __init__(self, legs, **more):
        self.rules = tempfile.TemporaryDirectory(prefix="lwgate-rules-")
        file = os.path.join(self.rules.name, "policy.conf")
        with open(file, "w", encoding="utf-8") as f:
            f.write(
                'policy = { rules = ( { name = "stale"; events = [ "sms-key-stale" ]; '
                f'kind = "sms"; channel = "sms-packet"; {legs} reason = "old keys"; }} );\n'
                f'default = {{ {KEEPS} reason = "nothing"; }}; }};\n'
            )
        super().__init__([Subscriber(ONE)], settings=f'policy = {{ file = "{file}"; }};', **more)

    def __exit__(self, *error):
        try:
            super().__exit__(*error)
        finally:
            self.rules.cleanup()

    def decisions(self):
        with open(self.events_file, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f.read().splitlines()]
        return [e for e in lines if e["event"] == "sms-key-stale"]

    def sessions(self):
        return json.loads(self.ctl("--json", "sessions"))["sessions"]

    def use_stale_keys(self):
        device = self.devices[0]
        device.until_keys()
        assert device.register().code == CREATED
        old = device.current
        device.until_keys(after=1)
        assert device.update().code == CHANGED
        assert len(self.sessions()) == 1 and self.decisions() == []
        newer = device.current
        device.current, device.keys = old, old.keys
        assert device.ask(device.begin(coap.POST, device.location)).code == BAD_REQUEST
        device.current, device.keys = newer, newer.keys
        return device


def test_a_rule_that_alerts_changes_nothing_else():
    with Ruled('device = "alert-only"; upstream = "alert-only";', keys="overlap_s = 600;") as w:
        device = w.use_stale_keys()
        (told,) = w.until(w.decisions)
        assert told["endpoint"] == device.endpoint and told["rule"] == "stale", told
        assert told["alert"] and told["outcome"] == "kept", told
        assert len(w.sessions()) == 1 and w.status()["sms_old"] == 1
        assert device.update().code == CHANGED
        why = w.ctl("policy", "explain", "--endpoint", device.endpoint, "--event", "sms-key-stale")
        assert "sms-packet" in why and "decided by      stale" in why, why


def test_a_rule_may_end_the_session():
    legs = 'device = "teardown"; upstream = "teardown";'
    with Ruled(legs, keys="overlap_s = 600;") as w:
        device = w.use_stale_keys()
        (told,) = w.until(w.decisions)
        assert told["outcome"] == "done", told
        w.until(lambda: w.sessions() == [])
        assert device.register().code == CREATED, "its keys are as good as before"
        assert len(w.sessions()) == 1


def test_an_order_brings_others():
    with KeyedGateway([Subscriber(ONE, first=True)], keys="refreshes_an_hour = 2;") as w:
        device = w.devices[0]
        shown = w.keys_of(device)
        assert shown["state"] == "confirmed" and shown["current"]["origin"] == "provisioned"
        said = w.ctl("sms", "refresh", device.endpoint)
        assert said.startswith(f"{device.endpoint}: others are asked for now (gba-push)"), said
        device.until_keys()
        shown = w.until_state(device, "delivered")
        assert shown["asked"] == 1 and shown["next"]["origin"] == "gba-push", shown
        assert "not used them" in w.ctl("sms", "refresh", device.endpoint)
        w.until(lambda: device.pushes["again"])
        assert device.register().code == CREATED
        device.until_keys(after=1)
        assert device.update().code == CHANGED
        shown = w.until_state(device, "confirmed")
        assert shown["refreshes"] == shown["refreshes_max"] == 2 and shown["asked"] == 2, shown
        said = w.ctl("sms", "refresh", device.endpoint)
        assert "others are asked for (gba-push) in " in said and "refreshes_an_hour" in said, said


def refused(w, *words):
    done = w.ctl(*words, check=False)
    assert done.returncode == 1, done
    return done.stderr.decode()


def test_what_comes_to_nothing_is_refused():
    class Plain(Subscriber):
        def credential(self):
            return "", f'key = "{(self.own.cipher_key + self.own.check_key).hex()}";'

    devices = [Subscriber(ONE), Plain(TWO, first=True)]
    with KeyedGateway(devices) as w:
        asked, plain = w.devices
        assert "there is no such credential" in refused(w, "sms", "keys", "nobody")
        assert "there is no such credential" in refused(w, "sms", "refresh", "nobody")
        assert "are not renewed" in refused(w, "sms", "refresh", plain.endpoint)
        shown = w.keys_of(plain)
        assert shown["renew"] is None and not shown["stored"], shown
        w.ctl("credential", "revoke", "--purpose", "sms", asked.endpoint)
        assert "was revoked" in refused(w, "sms", "keys", asked.endpoint)


class Metered(Served, KeyedGateway):
    def sets(self):
        scraped = self.metrics().samples.items()
        found = {dict(k)["state"]: n for (name, k), n in scraped if name == "lwgate_sms_key_sets"}
        assert len(found) == 7, found
        return {state: n for state, n in found.items() if n}

    def counted(self, **states):
        self.until(lambda: self.sets() == states)
        for device in self.devices:
            assert self.keys_of(device)["state"] in states
        status = self.status()
        for state, n in states.items():
            assert status[f"sms_key_sets_{state}"] == n, status


def test_the_metrics_count_key_sets_by_state():
    with Metered([Subscriber(ONE), Subscriber(TWO)], keys="refreshes_an_hour = 1;") as w:
        first, second = w.devices
        for device in w.devices:
            device.until_keys()
        w.counted(delivered=2)
        assert first.register().code == CREATED
        w.counted(confirmed=1, delivered=1)
        w.ctl("credential", "revoke", "--purpose", "sms", second.endpoint)
        w.until(lambda: w.sets() == {"confirmed": 1})


run_tests(
    [
        test_the_metrics_count_key_sets_by_state,
        test_a_rule_that_alerts_changes_nothing_else,
        test_a_rule_may_end_the_session,
        test_an_order_brings_others,
        test_what_comes_to_nothing_is_refused,
    ]
)
