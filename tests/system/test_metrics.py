#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics says what has happened, and nothing of whom."""

import json
import os
import signal
import socket
import sys
import threading
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    Device,
    binary,
    coap_client,
    register_message,
    run_tests,
    s_client,
)
from scrape import OPENMETRICS, Served, promtool  # noqa: E402

DEVICES = [Device(f"urn:dev:{n}") for n in range(8)]
FLOOD = 200
DECISIONS = "lwgate_policy_decisions_total"


def stored(**kwargs):
    return Served(DEVICES, store="", by_control=True, **kwargs)


def register(lab, device, **kwargs):
    return coap_client(lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</1/0>", **kwargs)


class Copier:
    """A way to the gateway on which what a device sends is seen, and can be sent again."""

    def __init__(self, lab):
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.connect(("127.0.0.1", lab.port))
        self.port, self.sent, self.device = self.front.getsockname()[1], [], None
        for way in (self._up, self._down):
            threading.Thread(target=way, daemon=True).start()

    def _up(self):
        while True:
            data, self.device = self.front.recvfrom(65536)
            self.sent.append(data)
            self.back.send(data)

    def _down(self):
        while True:
            self.front.sendto(self.back.recv(65536), self.device)

    def repeat(self):
        """The last record of application data."""
        self.back.send([d for d in self.sent if d[0] == 23][-1])


def test_what_is_served_is_clean_for_promtool_and_whole():
    with stored() as lab:
        register(lab, DEVICES[0])
        status, headers, classic = lab.http("/metrics")
        assert status == 200
        assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8", headers
        status, said = promtool("check", "metrics", text=classic)
        assert (status, said) == (0, ""), said
        _, headers, text = lab.http("/metrics", Accept=OPENMETRICS)
        wanted = "application/openmetrics-text; version=1.0.0; charset=utf-8"
        assert headers["Content-Type"] == wanted, headers
        assert text.endswith("\n# EOF\n") and text.count("# EOF") == 1
        assert "# EOF" not in classic
        metrics = lab.metrics()
        assert len(metrics.types) > 50, len(metrics.types)
        for name in metrics.names():
            assert metrics.family(name) in metrics.types, name
        for name, kind in metrics.types.items():
            assert name.startswith("lwgate_"), name
            assert (kind == "counter") == (name + "_total" in lab.metrics("text/plain").types), name


def test_no_label_names_a_device():
    with stored() as lab:
        client = s_client(lab, DEVICES[0])
        client.child.stdin.write(register_message(DEVICES[0].endpoint))
        client.child.stdin.flush()
        lab.gateway.wait_line(" registered ")
        register(lab, DEVICES[1], key_text="a" * 40)
        text = lab.metrics().text
        assert 'upstream="upstream"' in text and f'listener="127.0.0.1:{lab.port}"' in text
        for device in DEVICES:
            for word in (device.endpoint, device.identity, device.up_identity):
                assert word not in text, word


def test_handshakes_are_counted_by_outcome_and_cause():
    with stored() as lab:
        for device in DEVICES[:3]:
            assert "c:2.01" in register(lab, device)
        done, failed = "lwgate_handshakes_total", "lwgate_handshake_failures_total"
        register(lab, DEVICES[3], key_text="a" * 40)
        lab.until(lambda: lab.metrics().total(failed) == 1)
        for times in (2, 3):
            register(lab, DEVICES[3], identity="nobody")
            lab.until(lambda times=times: lab.metrics().total(failed) == times)
        m = lab.metrics()
        assert m.get(done, with_="device", outcome="done") == 3
        assert m.get(done, with_="device", outcome="failed") == 3
        assert m.get(done, with_="server", outcome="done") == 3
        assert m.get(failed, with_="device", cause="wrong-key") == 1
        assert m.get(failed, with_="device", cause="unknown-identity") == 2
        assert m.total(failed) == 3
        assert m.get("lwgate_device_proofs_total", kind="psk") == 3
        assert m.get("lwgate_listener_handshakes_total", listener=f"127.0.0.1:{lab.port}") == 3
        assert m.get("lwgate_registers_total") == 3
        assert m.get("lwgate_stored", what="credentials") == len(DEVICES)
        for histogram in ("lwgate_relay_answer_seconds", "lwgate_store_commit_seconds"):
            assert m.types[histogram] == "histogram"
            buckets = [
                (float(dict(labels)["le"]), value)
                for (name, labels), value in m.samples.items()
                if name == histogram + "_bucket"
            ]
            counts = [value for _, value in sorted(buckets)]
            assert counts == sorted(counts), counts
            assert counts[-1] == m.get(histogram + "_count") >= 3, (histogram, counts)
        commits = m.get("lwgate_store_commits_total")
        assert m.get("lwgate_store_commit_seconds_count") == commits > 0, commits
        assert m.get("lwgate_store_commit_seconds_sum") > 0


def test_what_is_dropped_is_counted_by_reason():
    with stored() as lab:
        way = Copier(lab)
        client = s_client(lab, DEVICES[0], port=way.port)
        client.child.stdin.write(register_message(DEVICES[0].endpoint))
        client.child.stdin.flush()
        lab.gateway.wait_line(" registered ")
        before = lab.metrics()
        dropped = "lwgate_records_dropped_total"
        for _ in range(5):
            way.repeat()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            for _ in range(3):
                s.sendto(b"\xff" * 50, ("127.0.0.1", lab.port))
        lab.until(lambda: lab.metrics().total(dropped) >= before.total(dropped) + 8)
        after = lab.metrics()
        assert after.get(dropped, reason="replayed") == before.get(dropped, reason="replayed") + 5
        assert after.get(dropped, reason="junk") == before.get(dropped, reason="junk") + 3
        heard = after.get("lwgate_records_heard_total")
        assert heard == after.get("lwgate_records_taken_total") + after.total(dropped)


def test_decisions_are_counted_by_rule_as_the_events_tell_them():
    with stored(settings='events = { file = "events.json"; };') as lab:
        # A rule that has not decided yet is there, or its first decision would be no rise.
        before = {key: v for key, v in lab.metrics().samples.items() if key[0] == DECISIONS}
        assert len(before) >= 16 and not any(before.values()), before
        for device in DEVICES[:3]:
            client = s_client(lab, device)
            lab.gateway.wait_line(f" session-up endpoint={device.endpoint} ")
            lab.ctl("credential", "revoke", device.endpoint)
            lab.gateway.wait_line(" policy ")
            client.stop()

        def told():
            with open(lab.path("events.json"), encoding="ascii") as f:
                return [json.loads(line) for line in f]

        lab.until(lambda: len(told()) >= 3)
        rules = {}
        for line in told():
            key = (line["rule"], line["outcome"])
            rules[key] = rules.get(key, 0) + 1
        m = lab.metrics()
        for (rule, outcome), times in rules.items():
            said = m.get(DECISIONS, rule=rule, outcome=outcome)
            assert said == times, (rule, outcome, said, times)
        assert set(before) <= set(m.samples)
        assert m.total(DECISIONS) == len(told()) == 3
        # Counted by the sweep, which goes on after it has told of them.
        lab.until(lambda: lab.metrics().get("lwgate_policy_sessions_judged_total") >= 3)


def test_who_is_there_is_counted_by_what_he_has():
    with stored() as lab:
        for device in DEVICES[:2]:
            client = s_client(lab, device)
            client.child.stdin.write(register_message(device.endpoint))
            client.child.stdin.flush()
            lab.gateway.wait_line(" registered ")
        m = lab.metrics()
        assert m.get("lwgate_devices") == m.get("lwgate_sessions_awake") == 2
        assert m.get("lwgate_sessions_by_channel", channel="udp-dtls") == 2
        assert m.get("lwgate_sessions_by_kind", kind="psk") == 2
        assert m.get("lwgate_sessions_by_suite", suite="TLS_PSK_WITH_AES_128_CCM_8") == 2
        assert m.get("lwgate_sessions_by_age", age="below-1h") == 2
        assert m.get("lwgate_upstream_links", upstream="upstream") == 2
        assert m.get("lwgate_upstream_addresses", upstream="upstream") == 1
        assert m.get("lwgate_sessions_behind") == 0


def test_it_is_answered_while_many_devices_come():
    many = [Device(f"urn:dev:{n}") for n in range(FLOOD)]
    with Served(many, store="", by_control=True) as lab:
        fleet = lab.start(
            [
                binary("lwgate-fleet"),
                "--server",
                f"127.0.0.1:{lab.port}",
                "--credentials",
                lab.path("credentials.conf"),
                "--rate",
                "100",
                "--notify-ms",
                "100",
            ]
        )
        before, slowest, looks = None, 0.0, 0
        ups = lambda m: m.get("lwgate_registers_total")  # noqa: E731
        end = time.monotonic() + 60
        while (before is None or ups(before) < FLOOD) and time.monotonic() < end:
            begun = time.monotonic()
            m = lab.metrics()
            slowest, looks = max(slowest, time.monotonic() - begun), looks + 1
            for key, value in before.samples.items() if before else []:
                if key[0].endswith(("_total", "_bucket", "_count")):
                    assert m.samples[key] >= value, (key, value, m.samples[key])
            before = m
        fleet.stop()
        assert ups(before) >= FLOOD and looks > 5, (ups(before), looks)
        assert slowest < 5, slowest
        assert before.total("lwgate_handshake_failures_total") == 0


def test_counters_begin_anew_with_the_process_and_the_store_stays():
    with stored() as lab:
        register(lab, DEVICES[0])
        assert lab.metrics().get("lwgate_registers_total") == 1
        lab.restart(signal.SIGKILL)
        m = lab.metrics()
        assert m.get("lwgate_registers_total") == 0
        assert m.get("lwgate_stored", what="credentials") == len(DEVICES)
        assert os.path.isdir(lab.store_path())


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
