#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The gateway's client of a BSF (ask-bsf), against a BSF that says what each test wants: keys as
the openssl program derives them, and every fault by its name in answer, counter and log."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from bsf_stand import ME, SILENCE, UICC, Answer, Stand, good  # noqa: E402
from harness import Lab, Process, Skip, binary, free_port, run_tests  # noqa: E402
from pki import Pki  # noqa: E402

SECRET = "s3cret-of-the-client"
IMPI = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"
CONF = """listeners = ( {{ address = "127.0.0.1"; port = {port}; }} );
upstream = {{ address = "127.0.0.1"; }};
store = {{ path = ""; }};
bsf = {{
{bsf}
}};
"""


def hmac(key, label):
    """By another program than ours."""
    done = subprocess.run(
        ["openssl", "mac", "-digest", "SHA256", "-macopt", "hexkey:" + key, "HMAC"],
        input=label.encode(),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode().strip().lower()


def des_key(bits):
    """168 bits, each 7 with odd parity."""
    number = int(bits, 16)
    octets = []
    for i in range(24):
        seven = number >> (161 - 7 * i) & 0x7F
        octets.append(seven << 1 | (seven.bit_count() + 1) % 2)
    return bytes(octets).hex()


class Client:
    """with Client(pki, bsf.url) as client: client.ask() gives what it is told."""

    def __init__(self, pki, url, token=False, **settings):
        self.pki = pki
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-bsf-")
        self.settings = {
            "url": url,
            "ca_file": pki.path("ca.pem"),
            "certificate_file": pki.path("client.pem"),
            "key_file": pki.path("client.key"),
            "naf_fqdn": "lwm2m-server.example.com",
            "timeout_s": 3,
        }
        if token:
            self.settings.update(
                token_url=url + "/oauth2/token",
                client_id="gate way",
                client_secret_file=self.path("secret"),
            )
        self.settings.update(settings)
        self.settings = {k: v for k, v in self.settings.items() if v is not None}
        with open(self.path("secret"), "w", encoding="ascii") as f:
            f.write(SECRET + "\n")
        os.chmod(self.path("secret"), 0o600)
        self.write()
        self.tag = 0

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self):
        def form(value):
            if isinstance(value, bool):
                return "true" if value else "false"
            return str(value) if isinstance(value, int) else f'"{value}"'

        lines = "\n".join(f"    {k} = {form(v)};" for k, v in self.settings.items())
        with open(self.path("lwgate.conf"), "w", encoding="ascii") as f:
            f.write(CONF.format(port=free_port(), bsf=lines))

    def __enter__(self):
        proxy = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}
        self.process = Process(
            [binary("ask-bsf"), self.path("lwgate.conf")], env={**os.environ, **proxy}
        )
        self.process.wait_json(lambda o: "ready" in o)
        return self

    def __exit__(self, *_):
        self.process.child.stdin.close()
        status = self.process.child.wait(20)
        self.process.reader.join(5)
        self.folder.cleanup()
        if not any(_) and status != 0:
            raise AssertionError(f"ask-bsf ended with {status}")

    def say(self, line):
        self.process.child.stdin.write((line + "\n").encode())
        self.process.child.stdin.flush()

    def begin(self, where="me", kind="aes", lifetime=600, subscriber=IMPI, resync=""):
        self.tag += 1
        self.say(f"ask {self.tag} {subscriber} {where} {kind} {lifetime} {resync}".rstrip())
        return self.tag

    def answer(self, tag):
        return self.process.wait_json(lambda o: o.get("tag") == tag)

    def ask(self, **more):
        return self.answer(self.begin(**more))

    def counts(self):
        self.say("counts")
        return self.process.wait_json(lambda o: "under_way" in o)

    def log(self):
        return [line for line in self.process.lines if not line.startswith("{")]

    def fails(self, cause, *words, **more):
        """The named cause, in the answer, in the counter, and in the log with these words."""
        before = self.counts()[cause]
        said = self.ask(**more)
        assert said["result"] == cause, (said, self.log()[-1:])
        assert said["kic"] == said["kid"] == said["gpi"] == "", said
        assert self.counts()[cause] == before + 1
        lines = [line for line in self.log() if f" {cause} " in line]
        assert lines, self.log()
        for word in words:
            assert word in lines[-1], (word, lines[-1])
        return said


def pki_of(pki):
    pki.server("bsf", "localhost")
    pki.device("client", "gateway")
    return pki


def right(body=None):
    return lambda question: Answer(body=good() if body is None else body)


def test_keys_are_those_that_openssl_derives():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url) as client:
        bsf.answer = right()
        for where, ks in (("me", ME), ("u", UICC)):
            said = client.ask(where=where)
            assert said["result"] == "bsf-ok" and said["status"] == 200, said
            assert said["kic"] == hmac(ks, "DMBEK")[:32], said
            assert said["kid"] == hmac(ks, "DMBIK")[:32], said
            assert said["gpi"] == "4c414200112233"
            assert said["until_ms"] == 4070908800000
            said = client.ask(where=where, kind="3des")
            assert said["kic"] == des_key(hmac(ks, "DMBEK")[:42]), said
            assert said["kid"] == des_key(hmac(ks, "DMBIK")[:42]), said


def test_labels_are_those_of_the_configuration():
    with Pki() as pki, Stand(pki_of(pki)) as bsf:
        bsf.answer = right()
        with Client(pki, bsf.url, labels="one TWO") as client:
            said = client.ask()
            assert said["kic"] == hmac(ME, "one")[:32] and said["kid"] == hmac(ME, "TWO")[:32]


def test_the_question_is_as_the_openapi_has_it():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url) as client:
        bsf.answer = right()
        now = time.time()
        said = client.ask(lifetime=600)
        q, heads = bsf.questions[0], bsf.heads[0]
        assert q["ueId"] == IMPI and q["ueIdType"] == "PRIVATE"
        assert q["uiccAppLabel"] == "USIM" and q["uiccOrMe"] == "GBA_ME"
        want = {"nafFqdn": "lwm2m-server.example.com", "uaSecProtId": "0100000005"}
        assert q["nafId"] == want
        assert q["gbaUAware"] is False and "auts" not in q and "rand" not in q
        assert re.fullmatch(r"[0-9a-f]{32}@lwm2m-server\.example\.com", q["ptId"])
        assert said["p_tid"] == q["ptId"]
        made = time.strptime(q["requestedLifeTime"], "%Y-%m-%dT%H:%M:%SZ")
        assert abs(__import__("calendar").timegm(made) - now - 600) < 5, q
        assert heads["content-type"] == "application/json" and "authorization" not in heads
        client.ask(where="u", subscriber="tel:+447700900111", resync="11" * 14 + " " + "22" * 16)
        q = bsf.questions[1]
        assert q["ueIdType"] == "PUBLIC" and q["uiccOrMe"] == "GBA_U" and q["gbaUAware"] is True
        assert q["auts"] == "11" * 14 and q["rand"] == "22" * 16
        assert q["ptId"] != bsf.questions[0]["ptId"]
        assert bsf.connections == 1, "one connection serves all"


def test_without_keyExpiryTime_it_is_what_was_wished():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url) as client:
        bsf.answer = right(good(keyExpiryTime=None))
        said = client.ask(lifetime=600)
        assert abs(said["until_ms"] / 1000 - time.time() - 600) < 5, said


def test_each_status_has_its_cause():
    causes = {
        400: "bsf-refused",
        401: "bsf-unauthorized",
        403: "bsf-forbidden",
        404: "bsf-no-subscriber",
        411: "bsf-refused",
        413: "bsf-refused",
        415: "bsf-refused",
        429: "bsf-busy",
        500: "bsf-broken",
        501: "bsf-broken",
        503: "bsf-busy",
        204: "bsf-refused",
        301: "bsf-refused",
        307: "bsf-refused",
        308: "bsf-refused",
    }
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url) as client:
        for status, cause in causes.items():
            heads = [("location", bsf.url + "/elsewhere")] if status in (301, 307, 308) else []
            body = {"status": status, "cause": "SO_IT_IS"} if status != 204 else b""
            bsf.answer = lambda q, s=status, h=heads, b=body: Answer(
                s, b, "application/problem+json", h
            )
            # A line of each cause comes at once, ten of them.
            said = client.fails(cause, bsf.url, f"status={status}", "SO_IT_IS" if body else "")
            assert said["status"] == status and said["retry_after_s"] == 0
        asked = len(bsf.heads)
        assert asked == len(causes), "nothing is followed, and nothing is tried again"


def test_retry_after_is_passed_on():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url) as client:
        bsf.answer = lambda q: Answer(503, headers=[("retry-after", "17")])
        assert client.fails("bsf-busy")["retry_after_s"] == 17
        bsf.answer = lambda q: Answer(429, headers=[("retry-after", "99999999999")])
        assert client.fails("bsf-busy")["retry_after_s"] == 86400


def test_down_slow_and_silent():
    with Pki() as pki, Stand(pki_of(pki)) as bsf:
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            url = f"https://localhost:{nobody.getsockname()[1]}"
            with Client(pki, url) as client:
                client.fails("bsf-down", url)
        with Client(pki, bsf.url, timeout_s=1) as client:
            bsf.answer = lambda q: SILENCE
            begun = time.monotonic()
            client.fails("bsf-slow", "bsf.timeout_s")
            assert 0.9 < time.monotonic() - begun < 5
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            url = f"https://localhost:{deaf.getsockname()[1]}"
            with Client(pki, url, timeout_s=1) as client:
                client.fails("bsf-slow")


def test_answers_that_are_none():
    bodies = [
        (b"", "no JSON object"),
        (b"{", "no JSON object"),
        (b"<html>", "no JSON object"),
        (b"[1]", "no JSON object"),
        (b"[" * 60000, "no JSON object"),
        (b'{"a":' * 10000, "no JSON object"),
        (good(meKeyMaterial=None), "meKeyMaterial is missing"),
        (good(meKeyMaterial=5), "of another type"),
        (good(meKeyMaterial=ME[:-2]), "meKeyMaterial is not"),
        (good(meKeyMaterial=ME + "00"), "meKeyMaterial is not"),
        (good(meKeyMaterial=ME[:-1] + "g"), "meKeyMaterial is not"),
        (good(gbaPushInfo=None), "gbaPushInfo is missing"),
        (good(gbaPushInfo=""), "gbaPushInfo is not"),
        (good(gbaPushInfo="abc"), "gbaPushInfo is not"),
        (good(gbaPushInfo="00" * 1025), "gbaPushInfo is not"),
        (good(keyExpiryTime="tomorrow"), "keyExpiryTime is no"),
        (good(keyExpiryTime="2099-02-30T00:00:00Z"), "keyExpiryTime is no"),
    ]
    with Pki() as pki, Stand(pki_of(pki)) as bsf:
        for body, why in bodies:  # a client each: the log has ten lines of a cause at once
            with Client(pki, bsf.url) as client:
                bsf.answer = right(body)
                client.fails("bsf-bad-answer", why, bsf.url, "status=200")
        with Client(pki, bsf.url) as client:
            bsf.answer = right(good(uiccKeyMaterial=None))
            client.fails("bsf-bad-answer", "uiccKeyMaterial is missing", where="u")
            assert client.ask(where="me")["result"] == "bsf-ok", "they are not needed there"
            bsf.answer = right(good(keyExpiryTime="2020-01-01T00:00:00+02:00"))
            client.fails("bsf-expired", "clocks")


def test_what_is_too_long_is_not_kept():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url) as client:
        bsf.answer = right(good(gbaType="x" * 65000))
        assert client.ask()["result"] == "bsf-ok"
        before = rss(client)
        for _ in range(5):
            bsf.answer = right(b" " * 8_000_000 + b"{}")
            client.fails("bsf-too-long")
        assert rss(client) - before < 4000, (before, rss(client))


def rss(client):
    with open(f"/proc/{client.process.child.pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1])


def test_its_certificate():
    with Pki() as pki, Pki() as other:
        pki_of(pki), pki_of(other)
        pki.server("elsewhere", "bsf.example")
        pki.server("old", "localhost", until="20210101000000Z")
        with Stand(other, client_ca=None) as bsf, Client(pki, bsf.url) as client:
            client.fails("bsf-certificate", "file=" + pki.path("ca.pem"), bsf.url)
        for name in ("elsewhere", "old"):
            with Stand(pki, certificate=name) as bsf, Client(pki, bsf.url) as client:
                client.fails("bsf-certificate", bsf.url)
                assert bsf.questions == []


def test_ours():
    with Pki() as pki, Pki() as other:
        pki_of(pki), pki_of(other)
        with Stand(pki) as bsf:
            with Client(pki, bsf.url, certificate_file=None, key_file=None) as client:
                client.fails("bsf-own-certificate", bsf.url)
        with Stand(pki) as bsf:
            strange = {
                "certificate_file": other.path("client.pem"),
                "key_file": other.path("client.key"),
            }
            with Client(pki, bsf.url, **strange) as client:
                client.fails("bsf-own-certificate", "file=" + other.path("client.pem"))
        assert bsf.questions == []


def test_http_1():
    with (
        Pki() as pki,
        Stand(pki_of(pki), alpn=("http/1.1",)) as bsf,
        Client(pki, bsf.url) as client,
    ):
        client.fails("bsf-http-1", bsf.url, "HTTP/2")


def test_h2c_where_it_is_allowed():
    with Pki() as pki, Stand(pki_of(pki), plain=True) as bsf:
        bsf.answer = right()
        with Client(pki, bsf.url, h2c=True) as client:
            assert client.ask()["result"] == "bsf-ok"
        done = refused(Client(pki, bsf.url))
        assert "bsf.url: keys would come in clear" in done, done


def refused(client):
    done = subprocess.run(
        [binary("ask-bsf"), client.path("lwgate.conf")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        text=True,
    )
    client.folder.cleanup()
    assert done.returncode == 1, done
    return done.stderr


def test_files_that_are_wrong_are_named_at_the_start():
    with Pki() as pki:
        pki_of(pki)
        pki.device("old", "gateway", until="20210101000000Z")
        pki.key("alone")
        locked = ("-in", pki.path("client.key"), "-aes256", "-passout", "pass:x")
        pki.openssl("pkey", *locked, "-out", pki.path("locked.key"))
        url = "https://localhost"
        wrong = [
            ({"ca_file": pki.path("client.key")}, "client.key", "no certificate"),
            ({"ca_file": pki.path("nothing")}, "nothing", ""),
            ({"key_file": pki.path("alone.key")}, "alone.key", "not the key of"),
            ({"key_file": pki.path("client.pem")}, "client.pem", ""),
            ({"key_file": pki.path("locked.key")}, "locked.key", "without a passphrase"),
            (
                {"certificate_file": pki.path("old.pem"), "key_file": pki.path("old.key")},
                "old.pem",
                "over its time",
            ),
            ({"naf_fqdn": "two words"}, "bsf.naf_fqdn", "no domain name"),
        ]
        for settings, *words in wrong:
            said = refused(Client(pki, url, **settings))
            for word in words:
                assert word in said, (word, said)
        for text in ("", "one\ntwo\n", "x" * 513, "\n"):
            client = Client(pki, url, token=True)
            with open(client.path("secret"), "w", encoding="ascii") as f:
                f.write(text)
            said = refused(client)
            assert "secret" in said and "holds no secret" in said, said
        os.chmod(pki.path("alone.key"), 0o644)
        said = refused(Client(pki, url, key_file=pki.path("alone.key")))
        assert "alone.key" in said, said


def test_tokens():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url, token=True) as client:
        bsf.answer = right()
        given = iter(f"token-{i}" for i in range(100))
        bsf.token = lambda form: Answer(
            body={"access_token": next(given), "token_type": "bearer", "expires_in": 3600}
        )
        for _ in range(3):
            assert client.ask()["result"] == "bsf-ok"
        assert bsf.bearers == ["Bearer token-0"] * 3 and len(bsf.forms) == 1
        want = {
            "grant_type": "client_credentials",
            "client_id": "gate way",
            "client_secret": SECRET,
            "scope": "nbsp-gba",
        }
        assert bsf.forms[0] == want, bsf.forms
        # At 401 one new one, and not two.
        bsf.answer = lambda q: Answer(401) if bsf.bearers[-1].endswith("-0") else right()(q)
        assert client.ask()["result"] == "bsf-ok"
        assert bsf.bearers[-2:] == ["Bearer token-0", "Bearer token-1"]
        bsf.answer = lambda q: Answer(401)
        client.fails("bsf-unauthorized", "nbsp-gba")
        assert bsf.bearers[-2:] == ["Bearer token-1", "Bearer token-2"] and len(bsf.forms) == 3


def test_a_token_that_ends_is_not_used_longer():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url, token=True) as client:
        bsf.answer = right()
        bsf.token = lambda form: Answer(body={"access_token": "x", "expires_in": 1})
        assert client.ask()["result"] == "bsf-ok"
        end = time.monotonic() + 1.1
        while time.monotonic() < end:
            assert client.ask()["result"] == "bsf-ok"
        assert client.ask()["result"] == "bsf-ok"
        assert len(bsf.forms) >= 2, bsf.forms


def test_no_token():
    answers = [
        (Answer(500), "not status 200"),
        (Answer(400, {"error": "invalid_client"}), "not status 200"),
        (Answer(body=b"no"), "no JSON object"),
        (Answer(body={"token_type": "Bearer"}), "access_token"),
        (Answer(body={"access_token": "a\nb: c"}), "access_token"),
        (Answer(body={"access_token": "a", "token_type": "mac"}), "token_type"),
        (Answer(body={"access_token": "a", "expires_in": -5}), "expires_in"),
        (SILENCE, "timed out"),
    ]
    with Pki() as pki, Stand(pki_of(pki)) as bsf:
        for answer, why in answers:
            with Client(pki, bsf.url, token=True, timeout_s=1) as client:
                bsf.token = lambda form, a=answer: a
                tags = [client.begin() for _ in range(4)]
                said = [client.process.wait_json(lambda o: "tag" in o) for _ in tags]
                assert [x["result"] for x in said] == ["bsf-no-token"] * 4, said
                assert {x["tag"] for x in said} == set(tags)
                lines = [line for line in client.log() if " bsf-no-token " in line]
                assert why in lines[0] and bsf.url + "/oauth2/token" in lines[0], lines[0]
                assert bsf.questions == []
                bsf.token = lambda form: Answer(body={"access_token": "t"})
                bsf.answer = right()
                assert client.ask()["result"] == "bsf-ok", "the next has another try"
                bsf.questions.clear()


def test_many_at_once_are_bounded():
    with Pki() as pki, Stand(pki_of(pki)) as bsf:
        with Client(pki, bsf.url, under_way=4, token=True) as client:
            bsf.answer = right()
            tags = {client.begin() for _ in range(200)}
            while tags:
                said = client.process.wait_json(lambda o: "tag" in o)
                assert said["result"] == "bsf-ok", said
                tags.remove(said["tag"])
            assert len(bsf.forms) == 1 and bsf.connections <= 4
            p_tids = {q["ptId"] for q in bsf.questions}
            assert len(p_tids) == 200
            # Whoever waits as long as a question may take is told so.
            bsf.answer = lambda q: SILENCE
            tags = [client.begin() for _ in range(20)]
            said = [client.process.wait_json(lambda o: "tag" in o)["result"] for _ in range(4)]
            assert sorted(said) == ["bsf-slow"] * 4, said
            counts = client.counts()
            assert counts["under_way"] <= 4, counts
    with Pki() as pki, Stand(pki_of(pki)) as bsf:
        with Client(pki, bsf.url, under_way=1, timeout_s=2) as client:
            bsf.answer = lambda q: SILENCE
            tags = [client.begin() for _ in range(3)]
            said = {client.process.wait_json(lambda o: "tag" in o)["result"] for _ in tags}
            assert said == {"bsf-slow", "bsf-crowded"}, said


def test_a_reload_takes_what_is_new():
    with Pki() as pki, Pki() as other, Stand(pki_of(pki)) as bsf:
        pki_of(other)
        bsf.answer = right()
        with Client(pki, bsf.url) as client:
            assert client.ask()["result"] == "bsf-ok"
            client.settings["certificate_file"] = other.path("client.pem")
            client.settings["key_file"] = other.path("client.key")
            client.write()
            client.say("reload")
            assert client.process.wait_json(lambda o: "reloaded" in o)["reloaded"] is True
            client.fails("bsf-own-certificate", other.path("client.pem"))
            client.settings["key_file"] = pki.path("client.key")
            client.write()
            client.say("reload")
            assert client.process.wait_json(lambda o: "reloaded" in o)["reloaded"] is False
            client.settings["certificate_file"] = pki.path("client.pem")
            client.write()
            client.say("reload")
            assert client.process.wait_json(lambda o: "reloaded" in o)["reloaded"] is True
            assert client.ask()["result"] == "bsf-ok"


def test_lwgated_reads_it_anew_or_changes_nothing():
    with Pki() as pki, tempfile.TemporaryDirectory() as folder:
        pki_of(pki)
        mine = os.path.join(folder, "client.pem")
        shutil.copy(pki.path("client.pem"), mine)
        settings = f"""bsf = {{ url = "https://localhost:1"; ca_file = "{pki.path("ca.pem")}";
            certificate_file = "{mine}"; key_file = "{pki.path("client.key")}";
            naf_fqdn = "gw.example"; }};"""
        with Lab([], upstream=False, settings=settings) as lab:
            assert "reloaded" in lab.ctl("reload")
            shutil.copy(pki.path("bsf.pem"), mine)
            lab.gateway.child.send_signal(signal.SIGHUP)
            line = lab.gateway.wait_line("nothing was changed")
            assert "client.key" in line and "is not the key of" in line, line
            shutil.copy(pki.path("client.pem"), mine)
            lab.gateway.child.send_signal(signal.SIGHUP)
            lab.gateway.wait_line("reloaded")
            assert lab.gateway.stop() == 0


def test_who_waits_is_told_of_the_end():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url, timeout_s=60) as client:
        bsf.answer = lambda q: SILENCE
        tag = client.begin()
        while not bsf.questions:
            time.sleep(0.01)
        client.process.child.stdin.close()
        assert client.answer(tag)["result"] == "bsf-stopping"


def test_no_secret_is_in_the_log():
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url, token=True) as client:
        bsf.token = lambda form: Answer(body={"access_token": "tok-of-the-test"})
        bsf.answer = right()
        said = client.ask()
        bsf.answer = right(good(gbaPushInfo="xx"))
        client.fails("bsf-bad-answer")
        bsf.answer = lambda q: Answer(500, good(cause=ME))
        client.fails("bsf-broken")
        log = "\n".join(client.log())
        keys = (ME[:16], ME[-16:], UICC[:16], said["kic"], said["kid"])
        for secret in (SECRET, "tok-of-the-test", *keys, "001010123456789"):
            assert secret not in log, secret


def test_no_key_is_in_a_core_dump():
    """But the token, which nghttp2 has copied where the C library puts it."""
    if not shutil.which("gcore"):
        raise Skip("no gcore")
    with Pki() as pki, Stand(pki_of(pki)) as bsf, Client(pki, bsf.url, token=True) as client:
        bsf.answer = right()
        for where in ("me", "u", "me"):
            assert client.ask(where=where)["result"] == "bsf-ok"
        pid = client.process.child.pid
        out = client.path("core")
        subprocess.run(["gcore", "-o", out, str(pid)], capture_output=True, check=True)
        with open(f"{out}.{pid}", "rb") as f:
            core = f.read()
        with open(pki.path("client.key"), encoding="ascii") as f:
            key = f.read().split("\n")[1]
        assert IMPI.encode() in core, "it is a dump of that process"
        for text in (ME, UICC):
            assert text.encode() not in core and bytes.fromhex(text) not in core
            assert bytes.fromhex(text)[:16] not in core
        assert SECRET.encode() not in core and key.encode() not in core


run_tests(
    [
        test_keys_are_those_that_openssl_derives,
        test_labels_are_those_of_the_configuration,
        test_the_question_is_as_the_openapi_has_it,
        test_without_keyExpiryTime_it_is_what_was_wished,
        test_each_status_has_its_cause,
        test_retry_after_is_passed_on,
        test_down_slow_and_silent,
        test_answers_that_are_none,
        test_what_is_too_long_is_not_kept,
        test_its_certificate,
        test_ours,
        test_http_1,
        test_h2c_where_it_is_allowed,
        test_files_that_are_wrong_are_named_at_the_start,
        test_tokens,
        test_a_token_that_ends_is_not_used_longer,
        test_no_token,
        test_many_at_once_are_bounded,
        test_a_reload_takes_what_is_new,
        test_lwgated_reads_it_anew_or_changes_nothing,
        test_who_waits_is_told_of_the_end,
        test_no_secret_is_in_the_log,
        test_no_key_is_in_a_core_dump,
    ]
)
