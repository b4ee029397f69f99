#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prometheus as Debian has it: it takes what lwgated says, its rules and the dashboard ask for
what there is."""

import json
import re
import sys

sys.dont_write_bytecode = True
from harness import Device, coap_client, run_tests  # noqa: E402
from scrape import Prometheus, Served, promtool  # noqa: E402

DEVICE = Device("urn:dev:0")
RULES, BOARD = "deploy/prometheus", "deploy/grafana/lwgate.json"
NAME = re.compile(r"\blwgate_[a-z0-9_]+")
MATCHER = re.compile(r'([a-z_]+)(=~|=)"([^"]*)"')


def stored():
    return Served([DEVICE], store="", by_control=True)


def expressions():
    """Of the dashboard, as Grafana would ask them."""
    with open(BOARD, encoding="utf-8") as f:
        panels = json.load(f)["panels"]
    found = [t["expr"] for p in panels for t in p.get("targets", [])]
    assert len(found) > 30, len(found)
    return [e.replace("$__rate_interval", "1m").replace("$instance", ".*") for e in found]


def rules(prometheus):
    groups = prometheus.ask("rules")["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_rules_and_configuration_are_good_for_promtool():
    for words in (
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ):
        status, said = promtool(*words, folder=RULES)
        assert status == 0 and "SUCCESS" in said, (words, said)


def test_each_alert_is_tested_firing_and_quiet():
    with open(f"{RULES}/alerts.yml", encoding="utf-8") as f:
        alerts = re.findall(r"- alert: (\w+)", f.read())
    with open(f"{RULES}/alerts_test.yml", encoding="utf-8") as f:
        tests = re.findall(r"- name: (\w+) (fires|is quiet)", f.read())
    wanted = [(name, how) for name in alerts for how in ("fires", "is quiet")]
    assert alerts and tests == wanted, set(wanted) ^ set(tests)


def test_prometheus_takes_it_and_answers():
    with stored() as lab:
        for _ in range(2):
            coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300", text="</1/0>")
        p = Prometheus(lab)
        lab.until(lambda: p.value('lwgate_registers_total{job="lwgate"}') == 2)
        assert p.value('up{job="lwgate"}') == 1
        done = 'lwgate_handshakes_total{with="device",outcome="done"}'
        assert p.value(done) == lab.metrics().get(
            "lwgate_handshakes_total", with_="device", outcome="done"
        )
        assert p.value("count(lwgate_build_info)") == 1
        target = p.ask("targets")["data"]["activeTargets"][0]
        assert target["health"] == "up" and target["lastError"] == "", target
        # Units are told in OpenMetrics only.
        about = p.ask("metadata", metric="lwgate_store_commit_seconds")["data"]
        assert about["lwgate_store_commit_seconds"][0]["unit"] == "seconds", about
        assert lab.gateway.stop() == 0
        lab.until(lambda: p.value('up{job="lwgate"}') == 0)
        lab.until(
            lambda: any(r["name"] == "LwgateDown" and r["state"] == "pending" for r in rules(p))
        )


def test_what_is_asked_for_is_there():
    with stored() as lab:
        coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300", text="</1/0>")
        p = Prometheus(lab)
        lab.until(lambda: p.value("lwgate_registers_total") == 1)
        lab.until(lambda: all(r["health"] == "ok" for r in rules(p)))
        m = lab.metrics()
        asked = expressions() + [r["query"] for r in rules(p)]
        # What a gateway has only once something has happened.
        there = m.names() | {"lwgate_policy_decisions_total", "lwgate_sessions_by_suite"}
        values = {pair for _, labels in m.samples for pair in labels}
        for expression in asked:
            answer = p.ask("query", query=expression)
            assert answer["status"] == "success", (expression, answer)
            for name in NAME.findall(expression):
                assert name in there, (name, expression)
            for label, how, value in MATCHER.findall(expression):
                if label in ("job", "instance", "outcome"):
                    continue
                for one in value.split("|") if how == "=~" else [value]:
                    assert (label, one) in values, (label, one, expression)


def test_a_board_says_what_each_panel_has():
    with open(BOARD, encoding="utf-8") as f:
        board = json.load(f)
    assert board["uid"] == "lwgate"
    seen = set()
    for panel in board["panels"]:
        assert panel["id"] not in seen and panel["title"], panel
        seen.add(panel["id"])
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24, panel
        if panel["type"] != "row":
            assert panel["targets"] and panel["datasource"]["uid"] == "${datasource}", panel


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
