#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl policy: what is in force, what would be done and why, tables of expectations, and what
another policy would change."""

import json
import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    binary,
    disk_folder,
    register_message,
    run_tests,
    s_client,
)

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "..", "deploy", "policy")
NAMES = ("meters", "trackers", "industrial", "lab")
DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business

POLICY = """policy = {
	rules = (
		{
			name = "withdrawn";
			events = [ "credential-revoked" ];
			device = "teardown";
			upstream = "teardown";
			alert = true;
			reason = "it was withdrawn";
		},
		{
			name = "meters";
			events = [ "credential-replaced" ];
			labels = [ "meter" ];
			device = { action = "keep"; for_s = 3600; };
			upstream = "keep";
			resumption = "refuse";
			reason = "meters have an hour";
		},
		{
			name = "old";
			events = [ "age" ];
			age_at_least_s = 86400;
			device = "teardown";
			upstream = "teardown";
		}
	);
	default = { device = "keep"; upstream = "keep"; };
};
"""


def ctl(*words):
    """Without a gateway: (exit status, standard output, standard error)."""
    done = subprocess.run(
        [binary("lwgatectl"), "-s", "/nonexistent/control", *words],
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def sample(name, what):
    return os.path.join(SAMPLES, name + "." + what)


def lab_of(*endpoints, policy=POLICY, store=DISK):
    """A lab whose policy is in a file beside its configuration."""
    lab = Lab(
        [Device(e) for e in endpoints or ("urn:dev:1",)],
        store=store,
        by_control=True,
        settings='policy = { file = "policy.conf"; };' if policy is not None else "",
    )
    if policy is None:
        return lab
    begin = lab.start_gateway

    def start():
        if not os.path.exists(lab.path("policy.conf")):
            lab.write("policy.conf", policy)
        begin()

    lab.start_gateway = start
    return lab


def register(lab, device):
    """An awake, registered session."""
    client = s_client(lab, device)
    client.wait_bytes(rb"Extended master secret: yes.*---\n")
    client.child.stdin.write(register_message(device.endpoint))
    client.child.stdin.flush()
    lab.until(lambda: session(lab, device)["registration"])
    return client


def session(lab, device):
    done = lab.ctl("--json", "session", device.endpoint, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else {"registration": None}


def explain(lab, device, event, *more):
    text = lab.ctl(
        "--json", "policy", "explain", "--endpoint", device.endpoint, "--event", event, *more
    )
    return json.loads(text)


# --- without a gateway ----------------------------------------------------------------------------


def test_R208_the_samples_decide_what_their_tables_expect():
    for name in NAMES:
        policy, table = sample(name, "conf"), sample(name, "expect")
        status, out, err = ctl("policy", "test", table, "--policy", policy)
        assert (status, err) == (0, ""), (name, status, out, err)
        assert out.splitlines()[-1].endswith("rules untested"), out
        assert ", 0 failed; 0 of " in out and "failed: " not in out, out
        status, out, err = ctl("--json", "policy", "test", table, "--policy", policy)
        told = json.loads(out)
        assert status == 0 and told["failed"] == 0 and told["untested"] == []
        assert told["passed"] == len(told["expectations"]) > 20
        assert told["policy"]["file"] == policy


def test_a_table_that_is_not_met_ends_with_1():
    table, policy = sample("lab", "expect"), sample("meters", "conf")
    status, out, err = ctl("policy", "test", table, "--policy", policy)
    assert (status, err) == (1, ""), (status, err)
    failed = [line for line in out.splitlines() if line.startswith("failed: ")]
    assert failed and all(f"{table}:" in line for line in failed)
    assert f'untested: {policy}:46: rule "old-on-mains"' in out, out
    status, out, _ = ctl("--json", "policy", "test", table, "--policy", policy)
    told = json.loads(out)
    assert status == 1 and told["failed"] == len(failed)
    assert {"rule": "old-on-mains", "line": 46} in told["untested"]


def test_errors_name_the_file_the_line_and_the_remedy():
    with open(sample("meters", "conf"), encoding="utf-8") as f:
        text = f.read()
    folder = disk_folder()
    bad = os.path.join(folder, "bad-policy.conf")
    good, table = sample("meters", "conf"), sample("meters", "expect")
    try:
        with open(bad, "w", encoding="utf-8") as f:
            f.write(text.replace('device = "teardown"', 'device = "tear-down"', 1))
        status, out, err = ctl("policy", "test", table, "--policy", bad)
        assert status == 1 and out == "", (status, out)
        assert err.startswith(f"lwgatectl: {bad}:1"), err
        assert "teardown" in err and ";" in err, err
        status, out, err = ctl("policy", "test", bad, "--policy", good)
        assert status == 1 and err.startswith(f"lwgatectl: {bad}:"), err
    finally:
        os.unlink(bad)
    for words in (
        ("policy", "test", bad),
        ("policy", "test", table, "--policy", bad),
        ("policy", "diff", bad),
    ):
        status, out, err = ctl(*words)
        assert status == 2 and f"{bad} cannot be read; No such file" in err, (words, err)
    for words, said in (
        (("policy", "explain", "--event", "age"), "name one with --endpoint NAME"),
        (("policy", "explain", "--endpoint", "e"), "with --event"),
        (
            ("policy", "explain", "--endpoint", "e", "--event", "credential-revokd"),
            "no such event: credential-revokd; use --event credential-revoked",
        ),
        (("policy", "test"), "a file is missing after test"),
        (("policy", "diff"), "a file is missing after diff"),
        (("policy",), "a second word is missing after policy"),
        (("policy", "show", "--event", "age"), "an option does not belong to show"),
    ):
        status, out, err = ctl(*words)
        assert status == 2 and said in err and out == "", (words, status, err)


# --- what is in force -----------------------------------------------------------------------------


def test_R208_without_a_file_the_built_in_policy_is_shown():
    with lab_of(policy=None) as lab:
        text = lab.ctl("policy", "show")
        assert text.startswith("# built in, "), text[:200]
        told = json.loads(lab.ctl("--json", "policy", "show"))
        assert told["file"] == "built in" and text.endswith(told["text"])
        # It is a policy, and the same one.
        path = lab.write("again.conf", text)
        told = json.loads(lab.ctl("--json", "policy", "diff", path))
        assert told["now"]["changed"] == told["later"]["changed"] == 0
        assert told["from"]["rules"] == told["to"]["rules"] > 0


def test_a_policy_longer_than_a_page_is_shown_whole():
    text = POLICY + "# a line of nothing but its number: %d\n" * 4000 % tuple(range(4000))
    assert len(text) > 2 * 65536
    with lab_of(policy=text) as lab:
        shown = lab.ctl("policy", "show")
        assert shown.partition("\n")[2] == text
        assert shown.startswith(f"# {lab.path('policy.conf')}, 3 rules and a default\n")
        assert json.loads(lab.ctl("--json", "policy", "show"))["text"] == text


def test_a_reload_shows_the_new_one_or_keeps_the_old_one():
    with lab_of() as lab:
        lab.write("policy.conf", POLICY.replace("3600", "7200"))
        assert "3600" in lab.ctl("policy", "show")
        lab.ctl("reload")
        assert "7200" in lab.ctl("policy", "show")
        lab.write("policy.conf", POLICY.replace('"keep"', '"keeep"'))
        done = lab.ctl("reload", check=False)
        assert done.returncode == 1 and b"policy.conf:" in done.stderr, done
        assert "7200" in lab.ctl("policy", "show")


# --- explaining -----------------------------------------------------------------------------------


def check_explained(lab, device, state):
    told = explain(lab, device, "credential-revoked")
    facts = told["facts"]
    assert facts["state"] == state and facts["registered"], facts
    assert facts["endpoint"] == device.endpoint and facts["kind"] == "psk"
    assert facts["listener"] == f"127.0.0.1:{lab.port}", facts
    assert facts["suite"] == "TLS_PSK_WITH_AES_128_CCM_8", facts
    assert facts["generation"] == facts["credential_generation"] > 0
    assert facts["records"] > 0 and facts["forged"] == 0
    assert (told["rule"], told["reason"]) == ("withdrawn", "it was withdrawn")
    assert told["passed_over"] == [] and told["alert"] and told["resumption"] == "refuse"
    assert told["device"] == told["upstream"] == {"action": "teardown"}
    told = explain(lab, device, "deregistered")
    assert told["rule"] == "default" and not told["facts"]["registered"]
    assert [r["rule"] for r in told["passed_over"]] == ["withdrawn", "meters", "old"]
    assert "credential-revoked" in told["passed_over"][0]["why"]
    # The session itself is left alone.
    assert session(lab, device)["state"] == state


def test_R223_explaining_one_that_is_awake_and_one_that_sleeps():
    with lab_of("urn:dev:1", store=DISK + " evict_after_s = 1;") as lab:
        device = lab.devices[0]
        register(lab, device)
        lab.until(lambda: lab.status()["associations"] == 0)
        check_explained(lab, device, "asleep")
    with lab_of("urn:dev:1") as lab:
        device = lab.devices[0]
        register(lab, device)
        check_explained(lab, device, "awake")
        text = lab.ctl(
            "policy", "explain", "--endpoint", device.endpoint, "--event", "credential-revoked"
        )
        assert "decided by      withdrawn (line 3)\n" in text, text
        assert "reason          it was withdrawn\n" in text, text
        for endpoint, event, said in (
            ("urn:dev:1", "certificate-revoked", b"cannot happen to this session: only who"),
            ("urn:dev:2", "age", b"urn:dev:2: not connected and not registered here"),
        ):
            done = lab.ctl(
                "policy", "explain", "--endpoint", endpoint, "--event", event, check=False
            )
            assert done.returncode == 1 and said in done.stderr, done
        # By the rules of a file that nobody has put in force.
        path = lab.write("new.conf", POLICY.replace("withdrawn", "gone"))
        told = explain(lab, device, "credential-revoked", "--policy", path)
        assert told["rule"] == "gone" and told["policy"]["file"] == path


def test_labels_decide_and_are_shown():
    with lab_of("urn:dev:1") as lab:
        device = lab.devices[0]
        lab.ctl("credential", "replace", device.endpoint, "--labels", "meter,water")
        register(lab, device)
        told = explain(lab, device, "credential-replaced")
        assert told["facts"]["labels"] == ["meter", "water"], told["facts"]
        assert told["rule"] == "meters"
        assert told["device"] == {"action": "keep", "for_s": 3600}
        assert session(lab, device)["labels"] == ["meter", "water"]
        assert session(lab, device)["verdict"] is None
        assert "verdict         none\n" in lab.ctl("session", device.endpoint)


def test_R223_a_session_shows_what_was_decided_of_it():
    with lab_of("urn:dev:1") as lab:
        device = lab.devices[0]
        lab.ctl("credential", "replace", device.endpoint, "--labels", "meter")
        register(lab, device)
        path = lab.write("new.key", os.urandom(16).hex())
        lab.ctl("credential", "replace", device.endpoint, "--key-file", path)
        verdict = lab.until(lambda: session(lab, device)["verdict"])
        assert verdict["rule"] == "meters" and verdict["event"] == "credential-replaced", verdict
        assert verdict["device"] == verdict["upstream"] == "keep", verdict
        assert 0 < verdict["ends_in_s"] <= 3600, verdict
        told = session(lab, device)
        assert told["credential_generation"] > told["generation"], told
        text = lab.ctl("session", device.endpoint)
        assert "verdict         device keep, upstream keep\n  rule          meters\n" in text, text
        assert "  ends          in 59m" in text or "  ends          in 1h00m" in text, text


# --- another policy -------------------------------------------------------------------------------


def test_a_diff_counts_the_sessions_that_there_are():
    with lab_of("urn:dev:1", "urn:dev:2", "urn:dev:3") as lab:
        lab.ctl("credential", "replace", "urn:dev:3", "--labels", "meter")
        for device in lab.devices:
            register(lab, device)
        path = lab.write(
            "new.conf",
            POLICY.replace("withdrawn", "gone", 1)
            .replace("for_s = 3600", "for_s = 60")
            .replace("86400", "172800"),
        )
        told = json.loads(lab.ctl("--json", "policy", "diff", path))
        assert (told["sessions"], told["awake"]) == (3, 3), told
        now, later = told["now"], told["later"]
        assert now["changed"] == 1, now
        changed = [p for p in now["pairs"] if p["decision"]]
        assert [(p["from"]["rule"], p["count"]) for p in changed] == [("meters", 1)], now
        assert [e["endpoint"] for e in now["examples"]] == ["urn:dev:3"], now
        words = [p for p in now["pairs"] if not p["decision"]]
        assert [(p["from"]["rule"], p["to"]["rule"], p["count"]) for p in words] == [
            ("withdrawn", "gone", 3)
        ], now
        # A day old: torn down by the old one alone. Two days: by both.
        assert (later["asked"], later["changed"]) == (6, 3), later
        text = lab.ctl("policy", "diff", path)
        assert "sessions        3, 3 of them awake\n" in text, text
        assert "such as urn:dev:3, credential-replaced: meters -> meters\n" in text, text
        assert json.loads(lab.ctl("--json", "sessions"))["sessions"][2]["state"] == "awake"


def test_a_diff_counts_those_who_sleep():
    names = [f"urn:many:{n:03}" for n in range(8)]
    with lab_of(*names, store=DISK + " evict_after_s = 1;") as lab:
        for device in lab.devices:
            register(lab, device)
        lab.until(lambda: lab.status()["associations"] == 0)
        text = POLICY.replace('upstream = "teardown"', 'upstream = "keep"', 1)
        path = lab.write("new.conf", text)
        told = json.loads(lab.ctl("--json", "policy", "diff", path))
        assert (told["sessions"], told["awake"]) == (8, 0), told
        assert told["now"]["changed"] == 8, told["now"]
        assert len(told["now"]["examples"]) == 8


def compare_all(lab, count, awake):
    text = POLICY.replace('upstream = "teardown"', 'upstream = "keep"', 1)
    told = json.loads(lab.ctl("--json", "policy", "diff", lab.write("new.conf", text)))
    assert told["now"]["changed"] == told["sessions"], told
    assert (told["sessions"], told["awake"]) == (count, awake), told
    assert len(told["now"]["examples"]) == 10


def test_a_diff_counts_a_fleet_piece_by_piece_and_page_by_page():
    count = 600
    with lab_of(*(f"urn:fleet:{n:03}" for n in range(count))) as lab:
        fleet = lab.start(
            [
                binary("lwgate-fleet"),
                "--server",
                f"127.0.0.1:{lab.port}",
                "--credentials",
                lab.path("credentials.conf"),
                "--notify-ms",
                "3600000",
            ]
        )
        lab.until(lambda: lab.status()["registered"] == count, 60)
        compare_all(lab, count, count)
        fleet.kill()
        lab.restart(signal.SIGTERM)  # all of them sleep now
        compare_all(lab, count, 0)


if __name__ == "__main__":
    run_tests(
        [
            test_R208_the_samples_decide_what_their_tables_expect,
            test_a_table_that_is_not_met_ends_with_1,
            test_errors_name_the_file_the_line_and_the_remedy,
            test_R208_without_a_file_the_built_in_policy_is_shown,
            test_a_policy_longer_than_a_page_is_shown_whole,
            test_a_reload_shows_the_new_one_or_keeps_the_old_one,
            test_R223_explaining_one_that_is_awake_and_one_that_sleeps,
            test_labels_decide_and_are_shown,
            test_R223_a_session_shows_what_was_decided_of_it,
            test_a_diff_counts_the_sessions_that_there_are,
            test_a_diff_counts_those_who_sleep,
            test_a_diff_counts_a_fleet_piece_by_piece_and_page_by_page,
        ]
    )
