#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The modem of the tests (tests/lab/fake_modem) is a modem for programs that know modems: gammu
and kannel, which share no code with it or with ours. What they send through it must be what they
were asked to send; and what comes, comes."""

import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Process, Skip, free_port, run_tests  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
FAKE = os.path.join(HERE, "..", "lab", "fake_modem")
OURS, DEVICE = "4040", "358401234567"


class World:
    """A folder, a modem in it, and what else a test starts."""

    def __init__(self, *options):
        self.options = options

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        return self.path(name)

    def start(self, argv):
        child = Process(argv, cwd=self.folder)
        self.children.append(child)
        return child

    def order(self, **order):
        self.modem.child.stdin.write(json.dumps(order).encode() + b"\n")
        self.modem.child.stdin.flush()

    def event(self, name):
        return self.modem.wait_json(lambda e: e.get("event") == name)

    def __enter__(self):
        self.children = []
        self.folder = tempfile.mkdtemp(prefix="lwgate-test-")
        self.modem = self.start([FAKE, "--link", self.path("modem"), *self.options])
        self.event("listening")
        return self

    def __exit__(self, *_):
        for child in reversed(self.children):
            child.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


def need(program):
    found = shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise Skip(f"no {program} here: deploy/setup peers")
    return found


# --- gammu


def gammu(world, *words, text=None):
    rc = world.write("gammurc", f"[gammu]\ndevice = {world.path('modem')}\nconnection = at115200\n")
    return subprocess.run(
        [need("gammu"), "-c", rc, *words],
        cwd=world.folder,
        input=text,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_gammu_knows_it():
    with World() as world:
        done = gammu(world, "identify")
        assert done.returncode == 0, done
        for wanted in ("lwgate", "FM1", "490154203237518", "001010000000001"):
            assert wanted in done.stdout, (wanted, done)


def test_gammu_sends_by_it():
    with World() as world:
        done = gammu(world, "sendsms", "TEXT", "+" + DEVICE, "-text", "hello lab")
        assert done.returncode == 0 and "reference=1" in done.stdout, done
        got = world.event("submit")
        assert (got["to"], got["pid"], got["dcs"]) == (DEVICE, 0, 0), got
        assert got["hex"] == "e8329bfd06b1c362", got  # "hello lab" in septets


def test_gammu_is_told_why_not():
    with World() as world:
        world.order(refuse=42, count=9)
        done = gammu(world, "sendsms", "TEXT", "+" + DEVICE, "-text", "hello lab")
        assert done.returncode != 0, done
        assert "42" in done.stdout + done.stderr, done
        assert world.event("refused_submit")["status"] == 42


def test_gammu_enters_its_pin():
    with World("--pin", "2468") as world:
        assert "PIN" in gammu(world, "getsecuritystatus").stdout
        done = gammu(world, "entersecuritycode", "PIN", "1357")
        assert world.event("wrong_pin")["left"] == 2, done
        gammu(world, "entersecuritycode", "PIN", "2468")
        done = gammu(world, "sendsms", "TEXT", "+" + DEVICE, "-text", "hello lab")
        assert done.returncode == 0, done
        world.event("submit")


# --- kannel

KANNEL = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = x
smsbox-port = {box}
smsbox-interface = 127.0.0.1
box-allow-ip = "127.0.0.1"
log-file = "bearerbox.log"

group = smsc
smsc = at
smsc-id = AT
modemtype = auto
device = {modem}
speed = 115200
my-number = {ours}
sms-center = "+358405202000"
allowed-smsc-id = AT

group = modems
id = generic
name = "Generic"
detect-string = "FM1"
init-string = "AT+CNMI=2,2,0,0,0"

group = smsbox
bearerbox-host = 127.0.0.1
bearerbox-port = {box}
sendsms-port = {send}
sendsms-interface = 127.0.0.1
log-file = "smsbox.log"

group = sendsms-user
username = u
password = p
concatenation = true

group = sms-service
keyword = default
catch-all = true
max-messages = 0
get-url = "http://127.0.0.1:{web}/mo?from=%p&to=%P&udh=%u&bin=%b&mclass=%m"
"""


class Web:
    """Where kannel says what has come."""

    def __init__(self):
        self.asked = []
        self.changed = threading.Condition()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                with outer.changed:
                    outer.asked.append(self.path)
                    outer.changed.notify_all()
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self):
        with self.changed:
            assert self.changed.wait_for(lambda: self.asked, DEADLINE_S), "kannel tells nothing"
            query = urllib.parse.urlsplit(self.asked[0]).query
            return urllib.parse.parse_qs(query, encoding="latin-1", keep_blank_values=True)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Kannel:
    def __init__(self, world):
        self.world, self.web = world, Web()
        ports = {name: free_port() for name in ("admin", "box", "send")}
        self.send_port = ports["send"]
        conf = world.write(
            "kannel.conf",
            KANNEL.format(modem=world.path("modem"), ours=OURS, web=self.web.port, **ports),
        )
        bearerbox = world.start([need("bearerbox"), "-v", "0", conf])
        world.event("bound")
        bearerbox.wait_line("AT SMSC successfully opened")
        self.smsbox = world.start([need("smsbox"), "-v", "0", conf])
        bearerbox.wait_line("Client connected")
        self.smsbox.wait_line("Connected to bearerbox")

    def send(self, data, **more):
        to = {"from": OURS, "to": "+" + DEVICE, "smsc": "AT"}
        query = urllib.parse.urlencode({"username": "u", "password": "p"} | to | more)
        text = "".join(f"%{octet:02x}" for octet in data)
        url = f"http://127.0.0.1:{self.send_port}/cgi-bin/sendsms?{query}&text={text}"
        with urllib.request.urlopen(url, timeout=DEADLINE_S) as answer:
            return answer.read()


def kannel(*options):
    need("bearerbox")
    need("smsbox")
    return World(*options)


def test_kannel_sends_octets_by_it():
    data = bytes(range(40))
    with kannel() as world:
        k = Kannel(world)
        k.send(data, coding=1, mclass=1, pid=125, udh=b"\x02\x70\x00")
        got = world.event("submit")
        assert (got["to"], got["pid"], got["dcs"], got["esm"]) == (DEVICE, 125, 0x15, 0x40), got
        assert got["hex"] == "027000" + data.hex(), got
        k.web.close()


def test_kannel_takes_what_comes():
    data = bytes(range(60, 90))
    with kannel() as world:
        k = Kannel(world)
        world.order(
            deliver={
                "id": "1",
                "from": DEVICE,
                "to": OURS,
                "pid": 0,
                "dcs": 0xF5,
                "esm": 0x40,
                "hex": "027000" + data.hex(),
            }
        )
        got = k.web.wait()
        assert got["from"][0].strip().lstrip("+") == DEVICE, got
        assert got["udh"][0].encode("latin-1") == b"\x02\x70\x00", got
        assert got["bin"][0].encode("latin-1") == data, got
        assert world.event("delivered") == {"event": "delivered", "id": "1", "status": 0}
        k.web.close()


run_tests(
    [
        test_gammu_knows_it,
        test_gammu_sends_by_it,
        test_gammu_is_told_why_not,
        test_gammu_enters_its_pin,
        test_kannel_sends_octets_by_it,
        test_kannel_takes_what_comes,
    ]
)
