#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Credentials for one purpose, as an operator gives them and as devices use them: a device with one
for its LwM2M server and one for its bootstrap server (R-023, R-283, R-286, R-289)."""

import json
import re
import signal
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    coap_client,
    register_message,
    run_tests,
    s_client,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
TITLES = "endpoint,identity,key,upstream_identity,upstream_key,purpose,repository\n"


def account(endpoint, purpose):
    """One of the accounts of a device, which shows another identity and key for each."""
    one = Device(endpoint, f"{purpose}-{endpoint}")
    one.up_identity = f"gw-{purpose}-{endpoint}"
    one.purpose = purpose
    return one


def both(endpoint):
    return account(endpoint, "server"), account(endpoint, "bootstrap")


def row(one, purpose=None, repository=""):
    return (
        f"{one.endpoint},{one.identity},{one.key},{one.up_identity},{one.up_key},"
        f"{one.purpose if purpose is None else purpose},{repository}\n"
    )


def give(lab, *rows, more=()):
    path = lab.write("new.csv", TITLES + "".join(rows))
    return lab.ctl("credential", "import", path, *more)


def add(lab, one, *more):
    return lab.ctl(
        "credential",
        "add",
        one.endpoint,
        *("--identity", one.identity, "--key-file", lab.write("key", one.key)),
        *("--upstream-identity", one.up_identity),
        *("--upstream-key-file", lab.write("up.key", one.up_key)),
        *("--purpose", one.purpose, *more),
    )


def refused(lab, *words, status=1):
    """Its message; nothing was printed for programs to read."""
    done = lab.ctl(*words, check=False)
    assert done.returncode == status, (words, done)
    assert done.stdout == b"", done.stdout
    return done.stderr.decode()


def listed(lab):
    """Who is active: (endpoint, purpose), and may it fetch firmware?"""
    rows = json.loads(lab.ctl("--json", "credential", "list"))["credentials"]
    return {(c["endpoint"], c["purpose"]): c["repository"] for c in rows if c["state"] == "active"}


def sessions(lab):
    return json.loads(lab.ctl("--json", "sessions"))["sessions"]


def code_of(said):
    """Of the answer that libcoap's client has shown; "": there was none."""
    found = re.search(r"\b([245]\.\d\d)\b", said)
    return found.group(1) if found else ""


def register(lab, one, seconds=3):
    path = f"/rd?ep={one.endpoint}&lt=300&lwm2m=1.0&b=U"
    return code_of(coap_client(lab, one, path, text="</1/0>", seconds=seconds))


def bootstrap(lab, one, seconds=3):
    return code_of(coap_client(lab, one, f"/bs?ep={one.endpoint}", seconds=seconds))


def lab_of(*ones, **more):
    """The server knows them all; the gateway knows nobody yet."""
    lab = Lab(list(ones), store=DISK, **more)
    # Several accounts of one endpoint are no file for a start without purposes.
    lab._credentials = lambda: "credentials = ( );\n"
    return lab


def stay(lab, one):
    """An association that is there until the lab ends; nothing is registered over it."""
    client = s_client(lab, one)
    client.wait_bytes(b"Cipher is", DEADLINE_S)
    lab.until(lambda: any(s["purpose"] == one.purpose for s in sessions(lab)))
    return client


def test_R023_each_credential_does_what_it_is_for_and_nothing_else():
    server, bs = both("urn:purpose:two")
    with lab_of(server, bs) as lab:
        add(lab, server)
        add(lab, bs)
        assert register(lab, server) == "2.01"
        assert bootstrap(lab, server) == "4.03"
        assert register(lab, bs) == "4.03"
        # This one goes on to the server, who knows no /bs: what it says is its own answer.
        assert bootstrap(lab, bs) == "4.04", lab.gateway.lines[-5:]


def test_R286_what_is_refused_opens_no_link():
    bs = account("urn:purpose:link", "bootstrap")
    with lab_of(bs) as lab:
        add(lab, bs)
        client = stay(lab, bs)
        client.child.stdin.write(register_message(bs.endpoint, message_id=0x2345))
        client.child.stdin.flush()
        client.wait_bytes(rb"\x61\x83\x23\x45\x51", DEADLINE_S)  # ACK, 4.03, and whose
        said = json.loads(lab.ctl("--json", "session", bs.endpoint, "--purpose", "bootstrap"))
        assert said["link"] is None and said["registration"] is None, said
        assert said["purpose"] == "bootstrap"


def test_R289_of_several_the_operator_says_which():
    server, bs = both("urn:purpose:which")
    name = server.endpoint
    which = "has a credential for server and one for bootstrap; say which: --purpose server"
    with lab_of(server, bs) as lab:
        add(lab, server, "--repository")
        # One alone need not be said.
        assert json.loads(lab.ctl("--json", "credential", "show", name))["repository"] is True
        none = refused(lab, "credential", "show", name, "--purpose", "bootstrap")
        assert "has no credential for bootstrap; it has one for server" in none
        add(lab, bs)
        key = ("--key-file", lab.write("other.key", Device("x").key))
        for words in (("show", name), ("revoke", name), ("replace", name, *key)):
            assert which in refused(lab, "credential", *words), words
        assert "purpose             bootstrap\n" in lab.ctl(
            "credential", "show", name, "--purpose", "bootstrap"
        )
        stay(lab, server)
        stay(lab, bs)
        assert "has a session for" in refused(lab, "session", name)
        said = json.loads(lab.ctl("--json", "session", name, "--purpose", "server"))
        assert said["purpose"] == "server"
        words = ("policy", "explain", "--endpoint", name, "--event", "credential-revoked")
        assert "has several sessions; say which" in refused(lab, *words, status=2)
        said = json.loads(lab.ctl("--json", *words, "--purpose", "bootstrap"))
        assert said["facts"]["endpoint"] == name, said
        lab.ctl("close", name, "--purpose", "bootstrap")
        lab.until(lambda: [s["purpose"] for s in sessions(lab)] == ["server"])
        lab.ctl("credential", "revoke", name, "--purpose", "bootstrap")
        assert listed(lab) == {(name, "server"): True}
        assert bootstrap(lab, bs, seconds=2) == ""
        assert register(lab, server) == "2.01"


def test_R023_what_leaves_no_room_is_refused_with_the_remedy():
    server, bs = both("urn:purpose:room")
    with lab_of(server, bs) as lab:
        add(lab, server)
        path = lab.write("any.csv", TITLES + row(bs, purpose="any"))
        said = refused(lab, "credential", "import", path)
        assert "any.csv:2: urn:purpose:room has a credential for server" in said, said
        assert "revoke that one first, or leave this one out" in said
        assert listed(lab) == {(server.endpoint, "server"): False}
        # With --replace it takes its place; the other is gone with it.
        lab.ctl("credential", "import", path, "--replace")
        assert listed(lab) == {(server.endpoint, "any"): False}
        assert register(lab, server, seconds=2) == ""
        assert register(lab, bs) == "2.01"
        assert bootstrap(lab, bs) == "4.04"
        give(lab, row(server), row(bs), more=["--replace"])
        assert listed(lab) == {(bs.endpoint, "server"): False, (bs.endpoint, "bootstrap"): False}


def test_what_is_no_purpose_is_refused_before_it_is_sent():
    server, bs = both("urn:purpose:word")
    with lab_of(server, bs, upstream=False) as lab:
        said = refused(lab, "credential", "show", "e", "--purpose", "serve", status=2)
        assert "--purpose; is unknown; write server, bootstrap or any" in said, said
        words = ("credential", "replace", "e", "--repository", "--no-repository")
        assert "exclude one another" in refused(lab, *words, status=2)
        path = lab.write("new.csv", TITLES + row(bs, repository="true"))
        assert "new.csv:2: repository does not go with" in refused(
            lab, "credential", "import", path
        )
        path = lab.write("new.csv", TITLES + row(server, purpose=server.key))
        said = refused(lab, "credential", "import", path)
        assert "new.csv:2: purpose: is unknown" in said and server.key not in said, said
        assert not listed(lab)


def test_R288_the_right_to_fetch_firmware_is_given_and_taken():
    server, _ = both("urn:purpose:right")
    with lab_of(server) as lab:
        add(lab, server)
        stay(lab, server)
        for option, right in (("--repository", True), ("--no-repository", False)):
            lab.ctl("credential", "replace", server.endpoint, option)
            assert listed(lab) == {(server.endpoint, "server"): right}
        # It proves what it has proved: its session goes on.
        assert [s["purpose"] for s in sessions(lab)] == ["server"]


def test_S29_purposes_outlive_kill_9_and_an_export_keeps_them():
    server, bs = both("urn:purpose:kept")
    other = account("urn:purpose:any", "any")
    with lab_of(server, bs, other) as lab:
        give(lab, row(server, repository="true"), row(bs), row(other, purpose=""))
        wanted = listed(lab)
        assert wanted == {
            (server.endpoint, "server"): True,
            (bs.endpoint, "bootstrap"): False,
            (other.endpoint, "any"): False,
        }
        lab.restart(signal.SIGKILL)
        assert listed(lab) == wanted
        path = lab.path("all.csv")
        lab.ctl("credential", "export", "--with-secrets", path)
        for one, purpose in ((server, "server"), (bs, "bootstrap"), (other, "any")):
            lab.ctl("credential", "revoke", one.endpoint, "--purpose", purpose)
        assert not listed(lab)
        lab.ctl("credential", "import", path)
        assert listed(lab) == wanted
        assert register(lab, server) == "2.01"
        assert bootstrap(lab, bs) == "4.04"


def entry(one, more=""):
    return (
        f'{{ endpoint = "{one.endpoint}"; identity = "{one.identity}"; key = "{one.key}"; '
        f'upstream_identity = "{one.up_identity}"; upstream_key = "{one.up_key}"; {more} }}'
    )


def start_with(lab, *entries):
    """The next start has this file."""
    lab.write("credentials.conf", "credentials = (\n" + ",\n".join(entries) + "\n);\n")
    lab.restart(signal.SIGTERM)


def test_R023_a_credentials_file_has_purposes():
    server, bs = both("urn:purpose:file")
    e = server.endpoint
    for_server, for_bs = 'purpose = "server"; repository = true;', 'purpose = "bootstrap";'
    with lab_of(server, bs) as lab:
        start_with(lab, entry(server, for_server), entry(bs, for_bs))
        assert listed(lab) == {(e, "server"): True, (e, "bootstrap"): False}
        assert register(lab, server) == "2.01"
        assert register(lab, bs) == "4.03"
        start_with(lab, entry(server))
        assert listed(lab) == {(e, "any"): False}
        # Over what lwgatectl has said no file goes.
        lab.ctl("credential", "revoke", e)
        start_with(lab, entry(server, for_server), entry(bs, for_bs))
        assert not listed(lab)
        assert any("which stands" in line for line in lab.gateway.lines), lab.gateway.lines


def test_R020_a_security_object_says_the_purpose_by_resource_1():
    server, bs = both("urn:purpose:object")
    text = "endpoint,0,1,2,3,5,10,upstream_identity,upstream_key\n"
    for one, uri, flag, short in ((server, "coaps://s", 0, 123), (bs, "coaps://bs", 1, "")):
        text += (
            f"{one.endpoint},{uri},{flag},0,text:{one.identity},{one.key},{short},"
            f"text:{one.up_identity},{one.up_key}\n"
        )
    with lab_of(server, bs) as lab:
        path = lab.write("objects.csv", text)
        lab.ctl("credential", "import", path, "--security-object")
        e = server.endpoint
        assert listed(lab) == {(e, "server"): False, (e, "bootstrap"): False}
        assert register(lab, server) == "2.01"
        assert bootstrap(lab, bs) == "4.04"


def test_R289_both_sessions_of_a_device_live_at_once():
    server, bs = both("urn:purpose:both")
    with lab_of(server, bs) as lab:
        add(lab, server)
        add(lab, bs)
        first, second = stay(lab, server), stay(lab, bs)
        first.child.stdin.write(register_message(server.endpoint))
        first.child.stdin.flush()

        def registered():
            return [s["purpose"] for s in sessions(lab) if s["registration"] is not None]

        lab.until(lambda: registered() == ["server"])
        second.child.stdin.write(register_message(bs.endpoint, message_id=0x2345))
        second.child.stdin.flush()
        lab.until(lambda: lab.status()["associations"] >= 3)  # two devices', one link
        assert registered() == ["server"]
        assert sorted(s["purpose"] for s in sessions(lab)) == ["bootstrap", "server"]


if __name__ == "__main__":
    run_tests(
        [
            test_R023_each_credential_does_what_it_is_for_and_nothing_else,
            test_R286_what_is_refused_opens_no_link,
            test_R289_of_several_the_operator_says_which,
            test_R023_what_leaves_no_room_is_refused_with_the_remedy,
            test_what_is_no_purpose_is_refused_before_it_is_sent,
            test_R288_the_right_to_fetch_firmware_is_given_and_taken,
            test_S29_purposes_outlive_kill_9_and_an_export_keeps_them,
            test_R023_a_credentials_file_has_purposes,
            test_R020_a_security_object_says_the_purpose_by_resource_1,
            test_R289_both_sessions_of_a_device_live_at_once,
        ]
    )
