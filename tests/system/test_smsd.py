#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgate-smsd between two SMSCs, of npm and of Perl, and a gateway that is played: what is sent is
what was said, nothing is acknowledged to the network before it was taken, and nothing is lost when
somebody is killed."""

import os
import random
import re
import shutil
import struct
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Process, binary, free_port, run_tests  # noqa: E402
from pki import Pki  # noqa: E402
from smsd_world import (  # noqa: E402
    ACCEPTED,
    COMMAND,
    DEVICE,
    HELLO,
    HERE,
    LATER,
    MO,
    MODEM,
    MT_OUTCOME,
    OURS,
    REFUSED,
    TAKEN,
    Sender,
    Smsc,
    World,
    mt,
)

KINDS = ("npm", "perl")
UDH = bytes([2, COMMAND, 0])


def segments(reference, *parts):
    """As a device cuts them: the marker is in the first only."""
    out = []
    for i, part in enumerate(parts, 1):
        concat = bytes([0, 3, reference, len(parts), i])
        header = concat + (bytes([COMMAND, 0]) if i == 1 else b"")
        out.append(bytes([len(header)]) + header + part)
    return out


def each(test):
    """The test with both SMSCs."""

    def both():
        for kind in KINDS:
            test(kind)

    both.__name__ = test.__name__
    return both


# --- to devices


@each
def test_sends_what_was_said(kind):
    with World(kind) as w:
        packet = bytes(range(100))
        w.gateway.say(mt(7, packet))
        sent = w.smsc.wait("submit")
        assert sent["hex"] == (UDH + packet).hex(), sent
        assert (sent["to"], sent["from"]) == (DEVICE, OURS), sent
        assert (sent["pid"], sent["dcs"], sent["esm"] & 0x40) == (0x7D, 0xF5, 0x40), sent
        outcome = w.gateway.wait(MT_OUTCOME)
        assert (outcome["id"], outcome["outcome"], outcome["segments"]) == (7, ACCEPTED, 1)
        assert (outcome["way"], outcome["smsc_id"]) == ("smsc", sent["message_id"])
        # Said again: answered again, and not sent again.
        since = len(w.gateway.heard)
        w.gateway.say(mt(7, packet))
        assert w.gateway.wait(MT_OUTCOME, since) == outcome
        w.gateway.say(mt(8, packet))
        last = w.gateway.wait(MT_OUTCOME, id=8)
        w.smsc.wait("submit", message_id=last["smsc_id"])
        assert len(w.smsc.all("submit")) == 2


@each
def test_sends_segments(kind):
    with World(kind, way="window = 2;") as w:
        packet = os.urandom(300)
        w.gateway.say(mt(1, packet, reference=9))
        outcome = w.gateway.wait(MT_OUTCOME)
        assert (outcome["outcome"], outcome["segments"]) == (ACCEPTED, 3), outcome
        sent = [bytes.fromhex(e["hex"]) for e in w.smsc.all("submit", 3)]
        assert [s[1:6] for s in sent] == [bytes([0, 3, 9, 3, i]) for i in (1, 2, 3)], sent
        assert all(len(s) <= 140 for s in sent)
        assert sent[0][6:8] == bytes([COMMAND, 0]) and sent[1][0] == 5
        assert b"".join(s[s[0] + 1 :] for s in sent) == packet


@each
def test_throttled_is_sent_later_and_refused_is_told(kind):
    with World(kind) as w:
        w.smsc.order(refuse=0x58, count=1)
        w.gateway.say(mt(1, b"one"))
        w.smsc.wait("refused_submit", status=0x58)
        assert w.gateway.wait(MT_OUTCOME)["outcome"] == ACCEPTED
        w.smsc.order(refuse=0x0B, count=1)
        w.gateway.say(mt(2, b"two"))
        outcome = w.gateway.wait(MT_OUTCOME, id=2)
        assert (outcome["outcome"], outcome["code"]) == (REFUSED, 0x0B), outcome


@each
def test_smsc_killed_with_a_message_is_given_it_again(kind):
    with World(kind) as w:
        w.smsc.order(mute=1)
        w.gateway.say(mt(1, b"octets"))
        w.smsc.wait("submit")
        w.smsc.kill()
        since = w.smsc.here()
        assert w.gateway.count(MT_OUTCOME) == 0
        w.smsc.start()
        assert w.smsc.wait("submit", since)["hex"] == (UDH + b"octets").hex()
        assert w.gateway.wait(MT_OUTCOME)["outcome"] == ACCEPTED


@each
def test_bridge_killed_is_told_again_by_the_gateway(kind):
    with World(kind) as w:
        w.smsc.order(mute=1)
        w.gateway.say(mt(1, b"octets"))
        w.smsc.wait("submit")
        w.kill_bridge()
        w.start_bridge()
        since = w.smsc.here()
        w.gateway.say(mt(1, b"octets"))
        w.smsc.wait("submit", since)
        assert w.gateway.wait(MT_OUTCOME)["outcome"] == ACCEPTED


# --- of devices


@each
def test_acknowledged_when_taken(kind):
    with World(kind) as w:
        w.gateway.takes = lambda m: None
        w.smsc.deliver(1, UDH + b"\x00\x0a\xff packet")
        m = w.gateway.wait(MO)
        assert (m["peer"], m["own"]) == (DEVICE, OURS), m
        assert (m["pid"], m["dcs"], m["marker"]) == (0x7F, 0xF6, COMMAND), m
        assert (m["data"], m["way"]) == (b"\x00\x0a\xff packet", "smsc"), m
        assert abs(m["at_ms"] / 1000 - time.time()) < 60
        # What is sent meanwhile goes through, and comes after any acknowledgement.
        w.gateway.say(mt(1, b"x"))
        w.smsc.wait("submit")
        assert not w.smsc.all("delivered")
        w.gateway.answer(m, TAKEN)
        assert w.smsc.wait("delivered", id="1")["status"] == 0


@each
def test_not_taken_comes_again_with_the_same_id(kind):
    with World(kind) as w:
        w.gateway.takes = lambda m: LATER
        w.smsc.deliver(1, UDH + b"packet")
        first = w.gateway.wait(MO)
        assert w.smsc.wait("delivered", id="1")["status"] > 0
        w.gateway.takes = lambda m: TAKEN
        since = len(w.gateway.heard)
        w.smsc.deliver(2, UDH + b"packet")
        assert w.gateway.wait(MO, since)["id"] == first["id"]
        assert w.smsc.wait("delivered", id="2")["status"] == 0


def test_no_answer_in_time_is_not_taken():
    with World("npm", settings="answer_s = 1;") as w:
        w.gateway.takes = lambda m: None
        w.smsc.deliver(1, UDH + b"packet")
        assert w.smsc.wait("delivered", id="1")["status"] > 0


@each
def test_gateway_that_comes_back_is_asked_again(kind):
    with World(kind) as w:
        w.gateway.takes = lambda m: None
        w.smsc.deliver(1, UDH + b"packet")
        first = w.gateway.wait(MO)
        w.gateway.close()
        w.gateway.takes = lambda m: TAKEN
        since = len(w.gateway.heard)
        w.gateway.open()
        assert w.gateway.wait(HELLO, since)
        assert w.gateway.wait(MO, since)["id"] == first["id"]
        assert w.smsc.wait("delivered", id="1")["status"] == 0
        kinds = [m["type"] for m in w.gateway.heard[since:]]
        assert kinds[:2] == ["connected", HELLO], kinds


@each
def test_segments_outlive_the_bridge(kind):
    with World(kind) as w:
        parts = [b"a" * 120, b"b" * 130, b"c"]
        first, second, third = segments(5, *parts)
        w.smsc.deliver(1, third)
        w.smsc.deliver(2, first)
        for name in ("1", "2"):
            assert w.smsc.wait("delivered", id=name)["status"] == 0
        w.kill_bridge()
        w.gateway.takes = lambda m: None
        w.start_bridge()
        w.smsc.deliver(3, second)
        m = w.gateway.wait(MO)
        assert (m["data"], m["marker"]) == (b"".join(parts), COMMAND), m
        w.kill_bridge()  # the last segment is still with the SMSC
        assert w.smsc.wait("delivered", id="3")["status"] == -1
        w.gateway.takes = lambda m: TAKEN
        since = len(w.gateway.heard)
        w.start_bridge()
        w.smsc.deliver(4, second)
        again = w.gateway.wait(MO, since)
        assert (again["id"], again["data"]) == (m["id"], m["data"])
        assert w.smsc.wait("delivered", id="4")["status"] == 0
        # All of it is forgotten: the reference is free.
        since = len(w.gateway.heard)
        for i, part in enumerate(segments(5, b"x", b"y")):
            w.smsc.deliver(10 + i, part)
        assert w.gateway.wait(MO, since)["data"] == b"xy"


@each
def test_useless_is_acknowledged_and_dropped(kind):
    with World(kind) as w:
        w.smsc.deliver(1, b"hello", esm=0, dcs=0)
        assert w.smsc.wait("delivered", id="1")["status"] == 0
        assert w.gateway.count(MO) == 0
        w.bridge.wait_line(" useless ")


# --- by a modem


def test_modem_sends_and_tells():
    with World(MODEM) as w:
        packet = os.urandom(300)
        w.gateway.say(mt(1, packet, reference=9))
        outcome = w.gateway.wait(MT_OUTCOME)
        assert (outcome["outcome"], outcome["segments"]) == (ACCEPTED, 3), outcome
        assert outcome["way"] == "modem", outcome
        sent = w.smsc.all("submit", 3)
        assert {(e["to"], e["pid"], e["dcs"], e["esm"]) for e in sent} == {
            (DEVICE, 0x7D, 0xF5, 0x40)
        }, sent
        octets = [bytes.fromhex(e["hex"]) for e in sent]
        assert b"".join(s[s[0] + 1 :] for s in octets) == packet


def test_modem_acknowledges_when_taken():
    with World(MODEM) as w:
        w.gateway.takes = lambda m: None
        w.smsc.deliver(1, UDH + b"packet", dcs=0xF5)
        m = w.gateway.wait(MO)
        assert (m["peer"], m["data"], m["marker"]) == (DEVICE, b"packet", COMMAND), m
        w.gateway.say(mt(1, b"x"))
        w.smsc.wait("submit")
        assert not w.smsc.all("delivered")
        w.gateway.answer(m, TAKEN)
        assert w.smsc.wait("delivered", id="1")["status"] == 0


def test_modem_keeps_it_when_the_bridge_is_killed():
    with World(MODEM) as w:
        w.gateway.takes = lambda m: None
        w.smsc.deliver(1, UDH + b"packet", dcs=0xF5)
        first = w.gateway.wait(MO)
        w.kill_bridge()
        assert w.smsc.wait("delivered", id="1")["status"] == -1
        w.gateway.takes = lambda m: TAKEN
        since = len(w.gateway.heard)
        w.start_bridge()
        w.smsc.deliver(2, UDH + b"packet", dcs=0xF5)
        again = w.gateway.wait(MO, since)
        assert again["data"] == first["data"]
        assert w.smsc.wait("delivered", id="2")["status"] == 0


def test_another_way_when_one_is_gone():
    """The SMSC is preferred; it is killed, and after ten seconds the modem has the message."""
    with World(MODEM) as w:
        w.kill_bridge()
        port = free_port()
        smsc = Smsc("npm", port)
        try:
            w.write(
                "lwgate-smsd.conf",
                f"""user = ""; group = ""; gateway = "gateway"; spool = "spool";
ways = ( {{ name = "smsc"; smpp = {{ host = "127.0.0.1"; port = {port}; system_id = "gw";
  password_file = "password"; }}; }}, {{ name = "modem"; modem = {{ device = "tty"; }}; }} );""",
            )
            w.start_bridge()
            smsc.wait("bound")
            smsc.order(mute=1)
            w.gateway.say(mt(1, b"octets"))
            smsc.wait("submit")
            smsc.kill()
            assert w.smsc.wait("submit")["hex"] == (UDH + b"octets").hex()
            assert w.gateway.wait(MT_OUTCOME)["way"] == "modem"
        finally:
            smsc.process.kill()


# --- who is let in


def test_refused_log_in_is_no_storm():
    with World("npm", wait=False) as w:
        w.smsc.order(log_in=0x0E)
        w.smsc.order(drop=True)
        w.smsc.wait("refused")
        w.bridge.wait_line("way-closed")
        # again_max_s is 1: two of them cannot be closer than half of it.
        since = w.smsc.here()
        w.smsc.wait("refused", since)
        began, since = time.monotonic(), w.smsc.here()
        w.smsc.wait("refused", since)
        assert time.monotonic() - began > 0.2
        w.smsc.order(log_in=0)
        w.smsc.wait("bound", w.smsc.here())
        assert not any("secret" in line for line in w.bridge.lines)


def test_tls_is_checked():
    with Pki() as pki:
        pki.server("smsc", "smsc.example")
        args = (pki.path("smsc.pem"), pki.path("smsc.key"))
        tls = f'tls = true; anchors_file = "{pki.path("ca.pem")}";'
        with World("npm", way=tls + ' server_name = "smsc.example";', smsc_args=args) as w:
            w.gateway.say(mt(1, b"x" * 300))
            assert w.gateway.wait(MT_OUTCOME)["outcome"] == ACCEPTED
            w.smsc.deliver(1, UDH + b"packet")
            assert w.smsc.wait("delivered", id="1")["status"] == 0
        for wrong in (' server_name = "other.example";', ""):
            with World("npm", way=tls + wrong, smsc_args=args, wait=False) as w:
                w.bridge.wait_line("certificate is refused")
                assert not w.smsc.all("bound") and not w.smsc.all("refused")
        pki.root("another")
        tls = f'tls = true; anchors_file = "{pki.path("another.pem")}";'
        with World(
            "npm", way=tls + ' server_name = "smsc.example";', smsc_args=args, wait=False
        ) as w:
            w.bridge.wait_line("certificate is refused")
            assert not w.smsc.all("bound")


# --- beginning and end


@each
def test_says_goodbye(kind):
    with World(kind) as w:
        assert w.bridge.stop() == 0
        w.smsc.wait("goodbye")
        w.smsc.wait("unbound")
        w.bridge.wait_line(" stopped ")


def test_drop_binds_again():
    with World("npm") as w:
        since = w.smsc.here()
        w.smsc.order(drop=True)
        w.smsc.wait("unbound", since)
        w.smsc.wait("bound", since)
        w.gateway.say(mt(1, b"x"))
        assert w.gateway.wait(MT_OUTCOME)["outcome"] == ACCEPTED


def test_configuration_is_checked():
    with World("npm") as w:
        argv = [binary("lwgate-smsd"), "-n", "-c", w.path("lwgate-smsd.conf")]
        done = subprocess.run(argv, capture_output=True, timeout=DEADLINE_S, check=False)
        assert done.returncode == 0 and b"good, 1 way" in done.stdout, done
        os.chmod(w.path("password"), 0o644)
        done = subprocess.run(argv, capture_output=True, timeout=DEADLINE_S, check=False)
        assert done.returncode == 1 and b"chmod" in done.stderr, done
        done = subprocess.run([argv[0], "what"], capture_output=True, timeout=9, check=False)
        assert done.returncode == 2, done
        done = subprocess.run([argv[0], "--help"], capture_output=True, timeout=9, check=False)
        assert done.returncode == 0 and b"lwgate-smsd.conf(5)" in done.stdout, done


def test_shipped_sample_is_good():
    with Pki() as pki:
        sample = os.path.join(HERE, "..", "..", "deploy", "lwgate-smsd.conf")
        shipped = pki.path("lwgate-smsd.conf")
        shutil.copy(sample, shipped)
        shutil.copy(pki.path("ca.pem"), pki.path("smsc-ca.pem"))
        with open(pki.path("smsc.password"), "w", encoding="ascii") as f:
            f.write("secret\n")
        os.chmod(pki.path("smsc.password"), 0o600)

        def says():
            argv = [binary("lwgate-smsd"), "-n", "-c", shipped]
            done = subprocess.run(argv, capture_output=True, timeout=DEADLINE_S, check=False)
            assert done.returncode == 0, done
            return done.stdout

        assert b"good, 0 ways" in says()
        with open(shipped, encoding="ascii") as f:
            before, operator, after = re.split(r"(?s)(?<=ways = \(\n)(.*?\n)(?=\n)", f.read())
        with open(shipped, "w", encoding="ascii") as f:
            f.write(before + re.sub(r"(?m)^\t# ?", "", operator) + after)
        assert b"good, 1 way" in says()


def test_nonsense_of_the_gateway_harms_nobody():
    with World("npm") as w:
        for nonsense in (b"", b"\xff" * 40, bytes([1, 9]), mt(1, b"x")[:-1], mt(1, b"x") + b"\0"):
            w.gateway.say(nonsense)
        w.bridge.wait_line(" gateway-not-understood ")
        since = len(w.gateway.heard)
        w.gateway.connection.sendall(struct.pack(">BQ", 1, 1 << 40))  # so long none may be
        w.gateway.wait(HELLO, since)
        w.gateway.say(mt(1, b"x"))
        assert w.gateway.wait(MT_OUTCOME)["outcome"] == ACCEPTED
        assert len(w.smsc.all("submit")) <= 1


def test_nng_understands_what_is_said():
    """nng's own pair0 on the gateway's side."""
    with World("npm") as w:
        w.gateway.close()
        w.bridge.wait_line(" gateway-gone ")
        os.unlink(w.path("gateway"))
        nng = Process(["nngcat", "--pair0", "--listen", f'ipc://{w.path("gateway")}', "--hex"])
        try:
            said = nng.wait_line("x01")
            assert said.startswith('"\\x01\\x01') and "x6c\\x77\\x67" in said, said
        finally:
            nng.kill()


def test_new_connection_begins_with_the_greeting():
    """However much waited for a gateway that did not read."""
    with World("npm") as w:
        w.gateway.say(mt(1, b"x"))
        w.gateway.wait(MT_OUTCOME)
        w.gateway.hearing.clear()
        for _ in range(20000):
            w.gateway.say(mt(1, b"x"))
        w.bridge.wait_line(lambda line: " known " in line)
        w.gateway.close()
        w.bridge.wait_line(" gateway-gone ")
        since = len(w.gateway.heard)
        w.gateway.hearing.set()
        w.gateway.open()
        w.gateway.wait(HELLO, since)
        after = w.gateway.heard[since:]
        began = next(i for i, m in enumerate(after) if m["type"] == "connected")
        assert after[began + 1]["type"] == HELLO, after[:5]
        w.gateway.say(mt(2, b"y"))
        assert w.gateway.wait(MT_OUTCOME, id=2)["outcome"] == ACCEPTED


def test_spool_that_cannot_be_is_said():
    with World("npm") as w:
        w.kill_bridge()
        with open(w.path("lwgate-smsd.conf"), encoding="ascii") as f:
            text = f.read().replace('"spool"', '"/dev/null/spool"')
        conf = w.write("other.conf", text)
        other = Process([binary("lwgate-smsd"), "-c", conf])
        other.wait_line("spool /dev/null/spool")
        assert other.child.wait(DEADLINE_S) == 1


# --- all of it, with everybody killed


@each
def test_nothing_is_lost_when_everybody_is_killed(kind):
    """Messages of devices, of one and of three segments, through kills of bridge, SMSC and gateway:
    each comes to the gateway whole, and none is acknowledged that did not. A device each turn: of
    one that has more than four under way the oldest is dropped."""
    dice = random.Random(8)
    with World(kind) as w:
        sender, wanted = Sender(w.smsc), []
        for turn in range(8):
            one, three = os.urandom(90), os.urandom(350)
            wanted += [one, three]
            device = f"44770090010{turn}"
            sender.add(f"{turn}", UDH + one, sender=device)
            for i, part in enumerate(segments(turn, three[:120], three[120:250], three[250:])):
                sender.add(f"{turn}.{i}", part, sender=device)
            sender.step()
            how = dice.choice(["bridge", "smsc", "gateway"])
            if how == "bridge":
                w.kill_bridge()
                w.start_bridge(wait=False)
            elif how == "smsc":
                w.smsc.kill()
                for waits in sender.waiting.values():
                    waits[2] = False
                w.smsc.start()
            else:
                w.gateway.close()
                w.gateway.open()
            for name, octets in sender.done.items():
                assert "." in name or octets[3:] in w.gateway.taken.values(), "not taken"
        sender.until_taken()
        taken = list(w.gateway.taken.values())
        for packet in wanted:
            assert packet in taken, "a message is lost"


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
