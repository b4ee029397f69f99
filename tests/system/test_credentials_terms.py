#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes with a credential: labels for the rules of a policy, an end, and an overlap in which
what the device proved before is taken, too (R-207, R-216)."""

import csv
import datetime
import json
import secrets
import signal
import sys
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    Device,
    Lab,
    coap_client,
    register_message,
    run_tests,
    s_client,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
END = "2031-01-01T00:00:00Z"
END_MS = 1924992000000


def refused(lab, *words, status=1):
    done = lab.ctl(*words, check=False)
    assert done.returncode == status, (words, done)
    assert done.stdout == b"", done.stdout
    return done.stderr.decode()


def listed(lab):
    rows = json.loads(lab.ctl("--json", "credential", "list"))["credentials"]
    return {c["endpoint"]: c for c in rows}


def shown(lab, device):
    return json.loads(lab.ctl("--json", "credential", "show", device.endpoint))


def registers(lab, device, seconds=4):
    return "2.01" in coap_client(
        lab,
        device,
        f"/rd?ep={device.endpoint}&lt=300&lwm2m=1.0&b=U",
        text="</1/0>",
        seconds=seconds,
    )


def renewed(device, identity=None):
    """The same device with another key, and perhaps another identity."""
    new = Device(device.endpoint, identity or device.identity)
    new.up_identity, new.up_key = device.up_identity, device.up_key
    return new


def replace(lab, device, *words):
    """What the device is to prove from now on."""
    key = lab.write("new.key", device.key)
    return lab.ctl(
        "credential",
        "replace",
        device.endpoint,
        "--identity",
        device.identity,
        "--key-file",
        key,
        *words,
    )


POLICY = """policy = {
  rules = (
    { name = "by-label"; events = [ "mapping-changed" ]; labels = [ "out" ];
      device = "teardown"; upstream = "teardown"; },
    { name = "replaced"; events = [ "credential-replaced" ];
      device = "teardown"; upstream = "teardown"; }
  );
  default = { device = "keep"; upstream = "keep"; };
};
"""


def with_policy(lab):
    lab.write("policy.conf", POLICY)
    with open(lab.path("lwgate.conf"), "a", encoding="utf-8") as f:
        f.write('policy = { file = "policy.conf"; };\n')
    lab.restart(signal.SIGTERM)


def connected(lab, device):
    """One that has registered, and stays."""
    client = s_client(lab, device)
    client.wait_bytes(b"Cipher")
    client.child.stdin.write(register_message(device.endpoint))
    client.child.stdin.flush()
    lab.gateway.wait_line(" registered ")
    return client


def is_there(lab, device):
    return lab.ctl("session", device.endpoint, check=False).returncode == 0


def wall(seconds):
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_R207_labels_and_end_are_said_shown_and_outlive_kill_9():
    device = Device("urn:terms:0")
    with Lab([device], store=DISK, upstream=False, by_control=True) as lab:
        words = ("credential", "replace", device.endpoint)
        assert "labels" in shown(lab, device) and "valid_until_ms" not in shown(lab, device)
        assert "replaced" in lab.ctl(*words, "--labels", "north,meter", "--valid-until", END)
        known = shown(lab, device)
        assert known["labels"] == ["meter", "north"] and known["valid_until_ms"] == END_MS, known
        text = lab.ctl("credential", "show", device.endpoint)
        assert f"labels              meter,north\nvalid until         {END}\n" in text, text
        assert f"  {END}  meter,north  " in lab.ctl("credential", "list")
        assert "is as it was" in lab.ctl(*words, "--labels", "meter,north")
        before = listed(lab)
        lab.restart(signal.SIGKILL)
        assert listed(lab) == before
        # A new key leaves them, and none are said by an empty text.
        replace(lab, renewed(device))
        assert shown(lab, device)["labels"] == ["meter", "north"]
        lab.ctl(*words, "--labels", "", "--valid-until", "never")
        known = shown(lab, device)
        assert known["labels"] == [] and "valid_until_ms" not in known, known


def test_what_is_no_label_no_time_and_no_span_is_refused_before_it_is_sent():
    device = Device("urn:terms:0")
    with Lab([device], store=DISK, upstream=False, by_control=True) as lab:
        before = listed(lab)
        for words, error in [
            (("--labels", "a,,b"), "--labels: a label is empty"),
            (("--labels", "a, b"), "--labels: a label begins or ends with a blank"),
            (("--labels", "x" * 33), "--labels: a label is too long"),
            (("--labels", ",".join(map(str, range(17)))), "--labels: there are too many"),
            (("--valid-until", "2027-02-29T00:00:00Z"), "--valid-until: is no time"),
            (("--valid-until", "tomorrow"), "--valid-until: is no time"),
            (("--overlap", "1w"), "--overlap: is no span of time"),
            (("--overlap", "366d"), "--overlap: is no span of time"),
        ]:
            said = refused(lab, "credential", "replace", device.endpoint, *words, status=2)
            assert error in said.replace("; ", ": "), (words, said)
        assert "does not belong" in refused(
            lab, "credential", "revoke", device.endpoint, "--labels", "a", status=2
        )
        assert listed(lab) == before


def test_R207_the_file_says_all_and_an_export_is_read_again():
    device = Device("urn:terms:file")
    with Lab([device], store=DISK, upstream=False) as lab:
        text = lab._credentials()
        more = f'labels = [ "north", "meter" ]; valid_until = "{END}"; overlap_s = 60; }}'
        lab.write("credentials.conf", text.replace("}", more))
        lab.restart(signal.SIGTERM)
        known = shown(lab, device)
        assert known["labels"] == ["meter", "north"] and known["valid_until_ms"] == END_MS, known
        assert known["origin"] == "file" and "before" not in known, known
        generation = known["generation"]
        lab.restart(signal.SIGTERM)
        assert shown(lab, device)["generation"] == generation
        lab.ctl("credential", "export", "--with-secrets", lab.path("all.csv"))
        with open(lab.path("all.csv"), encoding="utf-8") as f:
            exported = f.read()
        assert next(csv.DictReader(exported.splitlines()))["labels"] == "meter,north", exported
        # What the file says no more is no more.
        lab.write("credentials.conf", text)
        lab.restart(signal.SIGTERM)
        assert shown(lab, device)["labels"] == []
        lab.write("credentials.conf", text.replace("}", "labels = 7; }"))
        lab.gateway.child.send_signal(signal.SIGTERM)
        status, said = lab.refused()
        assert status != 0 and ":2: labels: is a number" in said, said
    with Lab([], store=DISK, upstream=False) as other:
        path = other.write("all.csv", exported)
        assert "1 added" in other.ctl("credential", "import", path)
        known = shown(other, device)
        assert known["labels"] == ["meter", "north"] and known["valid_until_ms"] == END_MS, known
        # Without the columns they stay; a Security Object may say them, too; an option is for
        # those that say nothing.
        new = renewed(device)
        title, rest = "endpoint,identity,key,upstream_identity,upstream_key", ""
        rest += f"\n{device.endpoint},x,{new.key},{device.up_identity},{device.up_key}\n"
        words = ("credential", "import", "--replace")
        assert "1 replaced" in other.ctl(*words, other.write("p.csv", title + rest))
        assert shown(other, device)["labels"] == ["meter", "north"]
        other.ctl(*words, other.path("p.csv"), "--labels", "south")
        assert shown(other, device)["labels"] == ["south"]
        title = "endpoint,2,3,5,upstream_identity,upstream_key,labels"
        rest = f"{device.endpoint},0,text:x,{new.key},text:{device.up_identity},{device.up_key}"
        path = other.write("so.csv", f'{title}\n{rest},"b,a"\n')
        other.ctl(*words, "--security-object", path, "--labels", "south")
        assert shown(other, device)["labels"] == ["a", "b"]
        assert "so.csv:2: labels: a label stands there twice" in refused(
            other,
            *words,
            "--security-object",
            other.write("so.csv", f'{title}\n{rest},"a,a"\n'),
        )


def test_S28_who_has_expired_does_not_come_in():
    device = Device("urn:terms:end")
    with Lab([device], ops="", store=DISK, by_control=True) as lab:
        words = ("credential", "replace", device.endpoint, "--valid-until")
        lab.ctl(*words, wall(3600))
        assert registers(lab, device)
        lab.ctl(*words, wall(-1))
        assert shown(lab, device)["state"] == "expired"
        assert not registers(lab, device)
        lab.restart(signal.SIGKILL)
        assert not registers(lab, device)
        lab.ctl(*words, "never")
        assert shown(lab, device)["state"] == "active"
        assert registers(lab, device)


def test_R216_two_identities_come_in_within_the_overlap():
    old = Device("urn:terms:two")
    new = renewed(old, "another")
    other = Device("urn:terms:other", old.identity)
    with Lab([old], ops="", store=DISK, by_control=True) as lab:
        assert registers(lab, old)
        said = replace(lab, new, "--overlap", "1h")
        assert "what it has proved until now is taken for a while yet" in said, said
        known = shown(lab, old)
        assert known["before"]["generation"] < known["generation"], known
        assert registers(lab, old) and registers(lab, new)
        # It is nobody else's for that time.
        words = ("--identity", other.identity, "--key-file", lab.write("k", other.key))
        words += ("--upstream-identity", "u", "--upstream-key-file", lab.write("u", other.up_key))
        said = refused(lab, "credential", "add", other.endpoint, *words)
        assert f"the identity is also that of {old.endpoint} in the store" in said, said
        lab.restart(signal.SIGKILL)
        assert shown(lab, old) == known
        assert registers(lab, old) and registers(lab, new)
        # Said of the same again, it ends at once.
        assert "replaced" in replace(lab, new, "--overlap", "0")
        assert "before" not in shown(lab, old)
        assert not registers(lab, old) and registers(lab, new)


def test_R216_without_an_overlap_the_old_key_is_nobodys():
    old = Device("urn:terms:none")
    new = renewed(old, "another")
    with Lab([old], ops="", store=DISK, by_control=True) as lab:
        replace(lab, new)
        assert "before" not in shown(lab, old)
        assert not registers(lab, old) and registers(lab, new)


def test_R216_of_one_identity_with_two_keys_the_other_is_tried_next():
    old = Device("urn:terms:key")
    new = renewed(old)
    # Each worker learns by itself.
    settings = "workers = 1; policy = { overlap_s = 3600; };"
    with Lab([old], ops="", store=DISK, by_control=True, settings=settings) as lab:
        replace(lab, new)
        assert registers(lab, new)
        assert not registers(lab, old, seconds=12)
        assert registers(lab, old), "it is the other key's turn"
        assert registers(lab, old), "what has worked is kept to"
        assert not registers(lab, new, seconds=12)
        assert registers(lab, new)


def test_R216_a_session_stands_till_the_overlap_ends():
    overlap_s = 5
    old = Device("urn:terms:stands")
    with Lab([old], ops="", store=DISK, by_control=True) as lab:
        with_policy(lab)
        client = connected(lab, old)
        began = time.monotonic()
        replace(lab, renewed(old, "another"), "--overlap", f"{overlap_s}s")
        assert is_there(lab, old)
        lab.gateway.wait_line("event=credential-replaced rule=replaced outcome=done")
        assert time.monotonic() - began > overlap_s - 1, "sooner than it should"
        client.child.wait(10)  # it was told
        assert not is_there(lab, old) and not registers(lab, old)


def test_R207_a_label_decides_of_a_session():
    device = Device("urn:terms:label")
    with Lab([device], ops="", store=DISK, by_control=True) as lab:
        with_policy(lab)
        client = connected(lab, device)
        words = ("credential", "replace", device.endpoint, "--labels")
        lab.ctl(*words, "north")
        lab.gateway.wait_line("event=mapping-changed rule=default outcome=kept")
        assert is_there(lab, device)
        lab.ctl(*words, "north,out")
        lab.gateway.wait_line("event=mapping-changed rule=by-label outcome=done")
        client.child.wait(10)
        assert registers(lab, device)


if __name__ == "__main__":
    run_tests(
        [
            test_R207_labels_and_end_are_said_shown_and_outlive_kill_9,
            test_what_is_no_label_no_time_and_no_span_is_refused_before_it_is_sent,
            test_R207_the_file_says_all_and_an_export_is_read_again,
            test_S28_who_has_expired_does_not_come_in,
            test_R216_two_identities_come_in_within_the_overlap,
            test_R216_without_an_overlap_the_old_key_is_nobodys,
            test_R216_of_one_identity_with_two_keys_the_other_is_tried_next,
            test_R216_a_session_stands_till_the_overlap_ends,
            test_R207_a_label_decides_of_a_session,
        ]
    )
