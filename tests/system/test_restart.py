#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgated ends and comes back: no device notices, whoever made it, and no one who has been locked
out comes in again."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))
from harness import (  # noqa: E402  (the path comes first)
    LEVEL0,
    Device,
    Lab,
    Process,
    binary,
    register_message,
    run_tests,
    s_client,
    update_message,
)
from world import World  # noqa: E402

# GET (0x40: confirmable) with a token of up to 8 bytes, Uri-Path 3, 0, as labserver reads.
READ = re.compile(rb"([\x40-\x48])\x01(..)(.{0,8}?)\xb13\x010", re.DOTALL)
QUICK = ["--rounds", "0", "--pause-ms", "400", "--ack-ms", "1000"]


class Talk:
    """A device by hand over OpenSSL's s_client, in one session from its beginning to its end."""

    def __init__(self, lab, device, *more, key=None):
        self.lab, self.device, self.heard, self.message_id = lab, device, 0, 0x2000
        self.client = s_client(lab, device, *more, key=key)
        self.client.wait_bytes(rb"Extended master secret: yes.*---\n")

    def say(self, message):
        self.client.child.stdin.write(message)
        self.client.child.stdin.flush()

    def hear(self, pattern, seconds=30):
        """The next match in what has come since the last one."""
        end = time.monotonic() + seconds
        with self.client.arrived:
            while True:
                found = re.compile(pattern, re.DOTALL).search(self.client.bytes, self.heard)
                if found:
                    self.heard = found.end()
                    return found
                left = end - time.monotonic()
                if left <= 0 or not self.client.arrived.wait(left):
                    raise TimeoutError(f"s_client: {pattern}; {self.client.bytes[-200:]}")

    def register(self):
        self.say(register_message(self.device.endpoint))
        event = self.lab.server.wait_json(lambda e: e.get("event") == "registered")
        self.location = event["location"]
        self.hear(rb"\x61\x41\x12\x34\x51")  # ACK, 2.01, its message id and token

    def update(self):
        """Sent until it is answered, as a device does (RFC 7252 section 4.2)."""
        self.message_id += 1
        message = update_message(self.location, self.message_id)
        answer = b"\x61\x44" + self.message_id.to_bytes(2, "big") + b"\x52"
        for _ in range(5):
            self.say(message)
            try:
                self.hear(re.escape(answer), 2)
                return
            except TimeoutError:
                continue
        raise TimeoutError("no answer to Update")

    def answer_a_read(self):
        asked = self.hear(READ.pattern)
        head, message_id, token = asked.groups()
        self.say(bytes([0x60 | (head[0] & 15), 0x45]) + message_id + token + b"\xffname")
        answered = self.lab.server.wait_json(lambda e: e.get("event") == "op")
        assert answered["outcome"] == "2.05", answered

    def ended(self, seconds=20):
        """close_notify has come: s_client ends of its own accord."""
        self.client.child.wait(seconds)

    def has_ended(self, seconds):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.client.child.wait(seconds)
            return True
        return False

    def alive(self):
        return self.client.alive()


def no_handshakes(lab):
    status = lab.status()
    return status["device_handshakes_done"] == 0 and status["server_handshakes_done"] == 0


def through(again):
    """A third-party device goes on in its session after again(lab), and the server reaches it."""
    device = Device("urn:restart:s_client")
    with Lab([device], ops="read", server_args=QUICK, store="") as lab:
        talk = Talk(lab, device)
        talk.register()
        talk.answer_a_read()
        for _ in range(2):
            again(lab)
            talk.answer_a_read()  # the first word after the restart is the server's
            talk.update()
            assert no_handshakes(lab), lab.status()
            again(lab)
            talk.update()  # and here the device's
            talk.answer_a_read()
            assert no_handshakes(lab), lab.status()
        assert talk.alive()
        assert not [line for line in lab.server.lines if '"closed"' in line], lab.server.lines


def test_s_client_talks_on_after_kill_9():
    through(lambda lab: lab.restart(signal.SIGKILL))


def test_s_client_talks_on_after_TERM():
    def again(lab):
        assert lab.restart(signal.SIGTERM) == 0

    through(again)


def upgrade(lab):
    pid = lab.gateway.child.pid
    lab.ctl("upgrade")
    lab.gateway.wait_line(" ready ")
    assert lab.gateway.alive() and lab.gateway.child.pid == pid


def test_s_client_talks_on_after_upgrade():
    through(upgrade)


def test_S3_S22_stopped_in_the_middle_of_an_upgrade():
    """Nobody else gets in while the process that is being replaced stands still."""

    def again(lab):
        pid = lab.gateway.child.pid
        lab.ctl("upgrade")
        os.kill(pid, signal.SIGSTOP)
        late = Process([binary("lwgated"), "-c", lab.path("lwgate.conf")])
        assert late.child.wait(30) != 0
        late.reader.join(5)
        assert not [line for line in late.lines if " ready " in line], late.lines
        os.kill(pid, signal.SIGCONT)
        lab.gateway.wait_line(" ready ")
        assert lab.gateway.alive() and lab.gateway.child.pid == pid

    through(again)


def test_s_client_talks_on_when_it_was_asleep():
    device = Device("urn:restart:asleep")
    with Lab([device], server_args=["--rounds", "1"], store="evict_after_s = 1;") as lab:
        talk = Talk(lab, device)
        talk.register()
        for how in (signal.SIGKILL, signal.SIGTERM):
            lab.until(lambda: lab.status()["associations"] == 0)
            lab.restart(how)
            assert lab.status()["associations"] == 0  # nobody is brought back before he speaks
            talk.update()
            assert no_handshakes(lab), lab.status()


def libcoap(tls):
    """libcoap's client says the same thing once a second in one session, while lwgated is killed
    between."""
    device = Device("urn:restart:libcoap-" + tls)
    with Lab([device], store="") as lab:
        client = Process(
            [
                f"coap-client-{tls}",
                "-v",
                "6",
                "-G",
                "8",
                "-B",
                "60",
                "-m",
                "post",
                "-u",
                device.identity,
                "-k",
                device.key_text,
                "-t",
                "40",
                "-e",
                "</1/0>",
                f"coaps://127.0.0.1:{lab.port}/rd?ep={device.endpoint}&lt=300&lwm2m=1.0&b=U",
            ],
            env=dict(os.environ, OPENSSL_CONF=LEVEL0),
        )
        lab.children.append(client)

        def registered():
            lab.server.wait_json(lambda e: e.get("event") == "registered")

        registered()
        for _ in range(2):
            registered()
            lab.restart(signal.SIGKILL)
            registered()
        assert no_handshakes(lab), lab.status()
        assert client.child.wait(60) == 0
        assert sum("2.01" in line for line in client.lines) >= 5, client.lines


def test_libcoap_with_openssl_talks_on_after_kill_9():
    libcoap("openssl")


def test_libcoap_with_gnutls_talks_on_after_kill_9():
    libcoap("gnutls")


# --- no datagram is lost at an upgrade ------------------------------------------------------------


def test_S3_S14_no_datagram_is_lost_at_an_upgrade_under_traffic():
    devices, upgrades = 200, 5
    with World(devices, store="evict_after_s = 3;") as w:
        w.make_keys()
        w.start_server("--ops", "read", "--pause-ms", "1000", "--timeout", "4")
        w.start_attackers("--replay", "100", "--replay-ms", "3000")
        w.start_watch()
        w.write_config()
        w.start_gateway()
        # Every request is NON and leaves once: what is lost is seen.
        w.start_fleet(
            "--once",
            "--serial",
            "--tokens-once",
            "--load",
            "--load-rate",
            "300",
            "--window",
            str(devices),
            "--notify-ms",
            "0",
            "--lost-ms",
            "8000",
        )
        w.until_registered(60)
        for _ in range(upgrades):
            time.sleep(0.7)  # a moment of no meaning, under traffic
            w.ctl("upgrade")
            w.gateway.wait_line(" ready ")
        time.sleep(2)
        assert w.until_reached() == devices
        w.order(w.fleet, "rest")
        w.order(w.server, "finish")
        w.server.wait_json(lambda e: e.get("event") == "idle", 60)
        fleet, server = w.summary(w.fleet), w.summary(w.server)
        for impair in w.impairs:
            w.summary(impair)
        assert w.gateway.stop(30) == 0
        watch = w.summary(w.watch)
        load, read = fleet["exchanges"]["load"], server["ops"]["read"]
        assert load["begun"] == load["answered"] and load["begun"] > 500, load
        assert read["sent"] == read["answered"] and read["sent"] > devices, read
        assert fleet["handshakes"] == devices and server["handshakes"] == devices
        assert fleet["exchanges"]["deregister"]["answered"] == devices
        assert watch["repeated"] == watch["same"] == 0, watch["twice"]
        assert server["serial_twice"] == 0 and fleet["twice"] == 0


# --- who has been locked out ----------------------------------------------------------------------


def another_key(lab):
    fresh = Device("urn:restart:fresh")
    return fresh, lab.write("another.key", fresh.key + "\n")


def locked_out(change, asleep):
    """After change(lab, device) the association is ended with close_notify at its next record at
    the latest, and nothing of it goes to the server."""
    device = Device("urn:restart:out")
    with Lab(
        [device],
        server_args=["--rounds", "1"],
        store="evict_after_s = 1;" if asleep else "evict_after_s = 600;",
        by_control=True,
    ) as lab:
        talk = Talk(lab, device)
        talk.register()
        talk.update()
        lab.server.wait_json(lambda e: e.get("event") == "updated")
        if asleep:
            lab.until(lambda: lab.status()["associations"] == 0)
        key = change(lab, device)
        if asleep:
            assert talk.alive()
        # A sleeper of whom something is being written down hears the first copy not.
        for _ in range(5 if asleep else 0):
            with contextlib.suppress(BrokenPipeError):
                talk.say(update_message(talk.location, 0x3001))
            if talk.has_ended(2):
                break
        talk.ended()
        time.sleep(0.5)  # for what must not come
        late = [line for line in lab.server.lines if '"updated"' in line]
        assert len(late) == 1, lab.server.lines
        if key:  # who has the new one comes in
            Talk(lab, device, key=key).register()
        else:
            before = lab.status()["device_handshakes_done"]
            s_client(lab, device).child.wait(30)
            assert lab.status()["device_handshakes_done"] == before


def revoke(lab, device):
    lab.ctl("credential", "revoke", device.endpoint)


def replace(lab, device):
    fresh, file = another_key(lab)
    words = ("--identity", device.identity, "--key-file", file)
    lab.ctl("credential", "replace", device.endpoint, *words)
    return fresh.key


def revoke_and_add_again(lab, device):
    """The same identity with the same key, and yet another credential (S29)."""
    lab.ctl("credential", "revoke", device.endpoint)
    same = lab.write("same.key", device.key + "\n")
    up = lab.write("same-up.key", device.up_key + "\n")
    words = ("--identity", device.identity, "--key-file", same)
    more = ("--upstream-identity", device.up_identity, "--upstream-key-file", up)
    lab.ctl("credential", "add", device.endpoint, *words, *more)
    return device.key


def test_R180_revoked_while_awake():
    locked_out(revoke, asleep=False)


def test_S28_revoked_while_asleep():
    locked_out(revoke, asleep=True)


def test_R211_replaced_while_awake():
    locked_out(replace, asleep=False)


def test_S28_replaced_while_asleep():
    locked_out(replace, asleep=True)


def test_S29_revoked_and_added_again_while_asleep():
    locked_out(revoke_and_add_again, asleep=True)


def test_S29_revoked_and_added_again_while_awake():
    locked_out(revoke_and_add_again, asleep=False)


def test_S28_revoked_while_asleep_then_killed():
    def change(lab, device):
        revoke(lab, device)
        lab.restart(signal.SIGKILL)

    locked_out(change, asleep=True)


def test_S28_revoked_between_ServerHello_and_Finished():
    device = Device("urn:restart:between")
    with Lab([device], server_args=["--rounds", "1"], store="", by_control=True) as lab:
        slow = lab.start(
            [
                binary("impair"),
                "--listen",
                "127.0.0.1:0",
                "--to",
                f"127.0.0.1:{lab.port}",
                "--delay-ms",
                "600-600",
            ]
        )
        port = slow.wait_json(lambda e: e.get("event") == "listening")["port"]
        client = s_client(lab, device, port=port)
        # ClientHello with the cookie has come; the client's last flight is 1.2 s away.
        lab.until(lambda: lab.status()["handshakes"] == 1)
        revoke(lab, device)
        assert lab.status()["device_handshakes_done"] == 0  # in time
        with contextlib.suppress(BrokenPipeError):
            client.child.stdin.write(register_message(device.endpoint))
            client.child.stdin.flush()
        client.child.wait(30)
        assert lab.status()["associations"] == 0 and lab.store_facts()["associations"] == 0
        assert not [line for line in lab.server.lines if '"registered"' in line]


def resumed(lab, device, file, key=None):
    """Does a client with that saved session get the short handshake?"""
    client = s_client(lab, device, "-sess_in", file, key=key)
    found = client.wait_bytes(rb"(New|Reused), [^\n]*\n.*---\n")
    client.kill()
    return found.group(1) == b"Reused"


def resumption(change):
    device = Device("urn:restart:resume")
    with Lab([device], store="", by_control=True) as lab:
        file = lab.path("session.pem")
        first = Talk(lab, device, "-sess_out", file)
        first.register()
        first.client.kill()
        assert resumed(lab, device, file)
        lab.restart(signal.SIGKILL)
        assert resumed(lab, device, file)
        key = change(lab, device)
        if key:
            assert not resumed(lab, device, file, key=key)
            return
        client = s_client(lab, device, "-sess_in", file)
        client.child.wait(30)
        assert b"Reused" not in client.bytes, client.bytes


def test_R198_R211_a_replaced_credential_does_not_resume():
    resumption(replace)


def test_R180_a_revoked_credential_does_not_resume():
    resumption(revoke)


def test_S29_a_credential_that_was_revoked_and_added_again_does_not_resume():
    resumption(revoke_and_add_again)


# --- the soak, in small ---------------------------------------------------------------------------


def soak():
    """Its checks, run once."""
    if not hasattr(soak, "rows"):
        with tempfile.TemporaryDirectory() as folder:
            report = os.path.join(folder, "report.json")
            program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../soak/restart")
            done = subprocess.run(
                [sys.executable, program, "--report", report],
                env=dict(os.environ, RESTARTS="5", DEVICES="200", PAUSE="1-3"),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=600,
                check=False,
            )
            print("\n".join("# " + line for line in done.stdout.decode().splitlines()))
            soak.rows = []
            if os.path.exists(report):
                with open(report, encoding="utf-8") as f:
                    soak.rows = json.load(f)
    return soak.rows


def soaked(*words):
    rows = [row for row in soak() if any(word in row["name"] for word in words)]
    assert rows, "the soak did not come to its end"
    broken = [f"{row['name']}: {row['detail']}" for row in rows if not row["ok"]]
    assert not broken, broken


def test_soak_no_handshake_after_the_first_ones():
    soaked("handshakes", "keys seen")


def test_soak_no_registration_is_lost():
    soaked("lost", "ended", "Registers", "Updates", "unknown", "reached", "De-reg", "registrations")


def test_I2_soak_no_replay_is_accepted():
    soaked("twice", "numbered")


def test_I1_soak_no_key_and_nonce_leaves_twice():
    soaked("(key, nonce)", "capture")


def test_soak_all_of_it_holds():
    soaked("")


def test_I2_the_check_itself_notices_what_comes_twice():
    """Two fleets with the same devices number their requests alike: the second is a repetition."""
    with World(3) as w:
        w.make_keys()
        w.start_server("--ops", "read", "--pause-ms", "200")
        w.start_attackers()
        w.start_watch()
        w.write_config()
        w.start_gateway()
        words = ("--serial", "--load", "--load-rate", "20", "--abrupt")
        w.start_fleet(*words)
        w.until_registered(30)
        time.sleep(1)
        first = w.summary(w.fleet)
        assert first["exchanges"]["load"]["answered"] > 3, first
        w.start_fleet(*words)
        w.until_registered(30)
        time.sleep(1)
        w.summary(w.fleet)
        server = w.summary(w.server)
        assert server["serial_twice"] > 3, server


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
