#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's BSF: what the gateway's client (ask-bsf) gets from it, and what the lab's USIM makes of
the push info, are the same keys; SQN is durable; a lost SQN is found again; each fault is what it
says it is."""

import json
import os
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "lab"))
import aka  # noqa: E402  (of tests/lab)
import usim  # noqa: E402
from harness import Process, binary, free_port, run_tests  # noqa: E402
from pki import Pki  # noqa: E402
from sms_keyed_bsf import NAF_FQDN, LabBsf, files, settings  # noqa: E402

IMPI = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"
PUBLIC = "tel:+447700900111"


class Client:
    """lwgated's client of a BSF, alone."""

    def __init__(self, bsf, pki, folder, **more):
        self.tag = 0
        path = self.write(
            folder,
            "lwgate.conf",
            f'listeners = ( {{ address = "127.0.0.1"; port = {free_port()}; }} );\n'
            'upstream = { address = "127.0.0.1"; };\nstore = { path = ""; };\n'
            + settings(bsf, pki, lambda *w: self.write(folder, *w), timeout_s=3, **more),
        )
        self.process = Process([binary("ask-bsf"), path])
        self.process.wait_json(lambda o: "ready" in o)

    @staticmethod
    def write(folder, name, text):
        path = os.path.join(folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
        return path

    def ask(self, where="me", kind="aes", lifetime=600, name=IMPI, resync=""):
        self.tag += 1
        line = f"ask {self.tag} {name} {where} {kind} {lifetime} {resync}".rstrip() + "\n"
        self.process.child.stdin.write(line.encode())
        self.process.child.stdin.flush()
        return self.process.wait_json(lambda o: o.get("tag") == self.tag)


class World:
    """A BSF with one subscriber, and a client."""

    def __init__(self, token=False, client=None, **options):
        self.token, self.options, self.more = token, options, client or {}

    def __enter__(self):
        self.pki = files(Pki().__enter__())
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-bsf-")
        self.bsf = LabBsf(self.pki, self.folder.name, self.token, **self.options).__enter__()
        self.card = self.bsf.subscribe(IMPI, [PUBLIC])
        self.client = Client(self.bsf, self.pki, self.folder.name, **self.more)
        return self

    def __exit__(self, *error):
        if error[0] is not None:
            print(f"# bsf: {self.bsf.process.lines[-8:]}")
            print(f"# client: {self.client.process.lines[-8:]}")
        self.client.process.kill()
        self.bsf.__exit__()
        self.folder.cleanup()
        self.pki.__exit__()

    def ask(self, **more):
        return self.client.ask(**more)

    def both(self, **more):
        """What the gateway got, and what the USIM has of its push info."""
        said = self.ask(**more)
        assert said["result"] == "bsf-ok", said
        return said, self.card.push(bytes.fromhex(said["gpi"]), time.time())


def test_gateway_and_USIM_have_the_same_keys():
    with World(token=True) as w:
        for where in ("me", "u"):
            for kind in ("aes", "3des"):
                said, agreed = w.both(where=where, kind=kind)
                secret = agreed.uicc_key if where == "u" else agreed.me_key
                kic, kid = aka.sms_keys(secret, kind == "3des")
                assert (said["kic"], said["kid"]) == (kic.hex(), kid.hex()), said
                assert said["until_ms"] == agreed.until * 1000
                assert said["p_tid"] == agreed.p_tid
                assert agreed.naf_id == aka.naf_id(NAF_FQDN, bytes.fromhex("0100000005"))
        said, agreed = w.both(name=PUBLIC)
        assert said["kic"] == aka.sms_keys(agreed.me_key)[0].hex(), "by its other name"
        assert len(w.bsf.events("token")) == 1, "one token serves"


def test_no_two_answers_are_alike():
    with World() as w:
        said = [w.both() for _ in range(20)]
        for name in ("kic", "kid", "gpi", "p_tid"):
            assert len({s[name] for s, _ in said}) == 20
        sqns = [a.sqn for _, a in said]
        assert sqns == sorted(set(sqns)) and len(set(w.card.taken)) == 20


def test_SQN_outlives_a_kill():
    with World(port=free_port()) as w:
        last = 0
        for _ in range(5):
            last = w.both()[1].sqn
            w.bsf.process.child.send_signal(signal.SIGKILL)
            w.bsf.process.child.wait(10)
            w.bsf.__enter__()
            assert w.bsf.sqn(IMPI) == last
        assert w.both()[1].sqn > last
        mode = os.stat(os.path.join(w.folder.name, "subscribers.json")).st_mode
        assert mode & 0o077 == 0, oct(mode)


def out_of_sync(card, said):
    try:
        card.push(bytes.fromhex(said["gpi"]), time.time())
    except usim.OutOfSync as out:
        return out
    raise AssertionError("the USIM takes it")


def test_a_lost_SQN_is_found_by_AUTS_of_the_control():
    with World() as w:
        for _ in range(40):
            w.both()
        w.bsf.order(set_sqn={"impi": IMPI, "sqn": 0})
        out = out_of_sync(w.card, w.ask())
        assert w.bsf.resync(IMPI, out) is True
        w.both()
        assert w.bsf.resync(IMPI, out) is False, "it was an old one"
        w.both()


def test_a_lost_SQN_is_found_by_AUTS_of_the_question():
    with World() as w:
        for _ in range(40):
            w.both()
        w.bsf.order(set_sqn={"impi": IMPI, "sqn": 7})
        out = out_of_sync(w.card, w.ask())
        bad = out.auts[:-1] + bytes([out.auts[-1] ^ 1])
        said = w.ask(resync=f"{bad.hex()} {out.rand.hex()}")
        assert said["result"] == "bsf-forbidden", said
        assert w.bsf.event("asked", status=403)["auts"] is True
        w.both(resync=f"{out.auts.hex()} {out.rand.hex()}")


def test_keys_live_as_long_as_the_shorter_wish():
    with World(lifetime_s=100) as w:
        now = time.time()
        assert abs(w.ask(lifetime=50)["until_ms"] / 1000 - now - 50) < 3
        assert abs(w.ask(lifetime=500)["until_ms"] / 1000 - now - 100) < 3
        w.bsf.order(lifetime_s=20)
        assert abs(w.ask(lifetime=500)["until_ms"] / 1000 - now - 20) < 5


def test_who_may_not():
    with World(token=True) as w:
        assert w.ask()["result"] == "bsf-ok"
        assert w.ask(name="nobody@example.com")["result"] == "bsf-no-subscriber"
        w.bsf.order(forget=IMPI)
        assert w.ask()["result"] == "bsf-no-subscriber"
    with World(token=True, token_s=2) as w:
        w.bsf.fault("token-refused")
        assert w.ask()["result"] == "bsf-no-token"
        w.bsf.fault(None)
        assert w.ask()["result"] == "bsf-ok"
        time.sleep(2.1)
        assert w.ask()["result"] == "bsf-ok", "a new token"
        w.bsf.fault(None)  # when it has obeyed, it has told all that was before
        assert [e["status"] for e in w.bsf.events("token")] == [400, 200, 200]
    with World(token=True, token_s=1, token_said_s=3600) as w:
        assert w.ask()["result"] == "bsf-ok"
        time.sleep(1.1)
        assert w.ask()["result"] == "bsf-ok", "a new token after 401"
        w.bsf.fault(None)
        assert [e["status"] for e in w.bsf.events("asked")] == [200, 401, 200]
    with World() as w, Pki() as other:
        files(other)
        client = Client(
            w.bsf,
            w.pki,
            w.folder.name,
            certificate_file=other.path("client.pem"),
            key_file=other.path("client.key"),
        )
        try:
            assert client.ask()["result"] == "bsf-own-certificate"
        finally:
            client.process.kill()
        assert w.bsf.events("asked") == []


FAULTS = [
    (dict(kind="status", status=401), "bsf-unauthorized"),
    (dict(kind="status", status=403), "bsf-forbidden"),
    (dict(kind="status", status=404), "bsf-no-subscriber"),
    (dict(kind="status", status=429, retry_after=17), "bsf-busy"),
    (dict(kind="status", status=500), "bsf-broken"),
    (dict(kind="status", status=503, retry_after=3), "bsf-busy"),
    (dict(kind="slow", seconds=4), "bsf-slow"),
    (dict(kind="silent"), "bsf-slow"),
    (dict(kind="not-json"), "bsf-bad-answer"),
    (dict(kind="missing", field="meKeyMaterial"), "bsf-bad-answer"),
    (dict(kind="missing", field="gbaPushInfo"), "bsf-bad-answer"),
    (dict(kind="field", field="meKeyMaterial", value="00" * 31), "bsf-bad-answer"),
    (dict(kind="field", field="gbaPushInfo", value="abc"), "bsf-bad-answer"),
    (dict(kind="field", field="keyExpiryTime", value="soon"), "bsf-bad-answer"),
    (dict(kind="expired"), "bsf-expired"),
    (dict(kind="long", octets=100000), "bsf-too-long"),
    (dict(kind="down"), "bsf-down"),
    (dict(kind="http-1"), "bsf-http-1"),
]


def test_each_fault_is_known_by_its_name_and_ends():
    with World() as w:
        other = files(Pki().__enter__())
        strange = dict(cert=other.path("bsf.pem"), key=other.path("bsf.key"))
        for fault, cause in [*FAULTS, (dict(kind="certificate", **strange), "bsf-certificate")]:
            w.bsf.fault(**fault)
            said = w.ask()
            assert said["result"] == cause, (fault, said)
            assert said["retry_after_s"] == fault.get("retry_after", 0), said
            w.bsf.fault(None)
            assert w.ask()["result"] == "bsf-ok", fault
        w.bsf.fault("missing", field="uiccKeyMaterial")
        assert w.ask(where="u")["result"] == "bsf-bad-answer"
        assert w.ask(where="me")["result"] == "bsf-ok"
        w.bsf.fault("status", status=500, count=2)
        results = [w.ask()["result"] for _ in range(3)]
        assert results == ["bsf-broken", "bsf-broken", "bsf-ok"], results
        other.__exit__()


def test_an_order_that_is_none_is_told():
    with World() as w:
        for line in ("{", '{"fault": "thunder"}', '{"dance": 1}', '{"subscriber": {"impi": "x"}}'):
            w.bsf.process.child.stdin.write(line.encode() + b"\n")
            w.bsf.process.child.stdin.flush()
            w.bsf.event("wrong")
        assert w.ask()["result"] == "bsf-ok"
        with open(os.path.join(w.folder.name, "subscribers.json"), encoding="utf-8") as f:
            assert list(json.load(f)) == [IMPI]


run_tests(
    [
        test_gateway_and_USIM_have_the_same_keys,
        test_no_two_answers_are_alike,
        test_SQN_outlives_a_kill,
        test_a_lost_SQN_is_found_by_AUTS_of_the_control,
        test_a_lost_SQN_is_found_by_AUTS_of_the_question,
        test_keys_live_as_long_as_the_shorter_wish,
        test_who_may_not,
        test_each_fault_is_known_by_its_name_and_ends,
        test_an_order_that_is_none_is_told,
    ]
)
