#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys for short messages that a bootstrap server writes by DTLS, of a whole gateway: asked for
when their time comes, by whichever way the device is reached, used from the next Register or Update
on, and refused when they are superseded. The device's DTLS is OpenSSL's, each octet of the
bootstrap server's is said here, and its other server is the lab's."""

import json
import os
import random
import re
import secrets
import sys
import threading
import time
import types

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import DEADLINE_S, Lab, binary, free_port, register_message, run_tests  # noqa: E402
from learning import OURS, Lesson, Path, account, tlv  # noqa: E402
from policy import Openssl  # noqa: E402
from scripted import start_scripted  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_keyed import KeyedDevice, KeySet, Life, Rough, judge  # noqa: E402
from sms_packet import LWM2M_DEVICE, SPI1, Keys  # noqa: E402
from sms_world import SmsWorld  # noqa: E402

SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
ROUGH_S = float(os.environ.get("ROUGH_S", "12"))
ONE = "447700900111"
PACKETS = 204  # resource 6: secured packets as of the change request
TRIGGER = re.compile(rb"\x58\x02.{10}\xb1" + rb"1\x010\x019", re.DOTALL)


# Nothing is tried again within a test, but by a reason of its own.
QUIET = "answer_s = 5; backoff_s = 60; retry_s = 1; overlap_s = 600; "


def fresh_keys():
    return Keys(os.urandom(16), os.urandom(16), tar=LWM2M_DEVICE)


def in_account(keys):
    """Resources 6 to 8 of a Security object."""
    params = bytes([keys.kic, keys.kid, SPI1, keys.spi[1]]) + keys.tar
    return tlv(6, bytes([PACKETS])) + tlv(7, params) + tlv(8, keys.cipher_key + keys.check_key)


class Schooled:
    """By DTLS a device has a credential for its server and one for its bootstrap server."""

    certificate = False

    def enroll(self, keyed=True):
        """keyed: it has keys for short messages from the beginning."""
        self.keyed, self.begun = keyed, 0
        self.sms_identity, self.sms_key = "sms-" + self.endpoint, secrets.token_hex(16)
        self.key = secrets.token_hex(16)
        self.school = types.SimpleNamespace(
            endpoint=self.endpoint,
            identity="bs-" + self.endpoint,
            key=secrets.token_hex(16),
            up_identity="school-" + self.endpoint,
            up_key=secrets.token_hex(16),
            certificate=False,
        )


class Both(Schooled, SmsDevice):
    """A device that a test tells when to use which keys."""

    def __init__(self, endpoint, number, keyed=True):
        super().__init__(endpoint, number, "cr-004")
        self.enroll(keyed)

    def takes(self, keys):
        self.keys, self.counter, self.last, self.octets_of = keys, 0, 0, {}

    def _answer(self, request):
        self.begun += request.code == coap.POST and request.path() == "1/0/9"
        return super()._answer(request)


class Lively(Schooled, KeyedDevice):
    """A device that uses new keys by itself, from its next Register or Update on."""

    def __init__(self, endpoint, number):
        super().__init__(endpoint, number, first=fresh_keys())
        self.enroll()


class Pupil(threading.Thread):
    """Asks the bootstrap server whenever the device was told to, and takes what it is given."""

    def __init__(self, world, client):
        super().__init__(daemon=True)
        self.world, self.client, self.lessons = world, client, 0
        self.ended, self.failed = threading.Event(), None

    def run(self):
        try:
            while not self.ended.wait(0.05):
                if self.client.told() > self.lessons:
                    self.learn()
        except Exception as why:  # a thread's failure is told where it is joined
            self.failed = why
            raise

    def learn(self):
        device, new = self.world.device, fresh_keys()
        self.lessons = self.client.told()
        self.world.bootstrap(in_account(new))
        with device.changed:
            device.coming = KeySet(new, float("inf"), "udp")
            device.changed.notify_all()

    def end(self):
        self.ended.set()
        self.join(DEADLINE_S)
        if self.failed:
            raise self.failed


def rows(d):
    own = f'key = "{(d.keys.cipher_key + d.keys.check_key).hex()}";' if d.keyed else ""
    proofs = ((d, "server", d.up_identity, d.up_key),)
    proofs += ((d.school, "bootstrap", d.school.up_identity, d.school.up_key),)
    text = [
        f'{{ endpoint = "{d.endpoint}"; identity = "{x.identity}"; key = "{x.key}"; '
        f'purpose = "{purpose}"; upstream_identity = "{up}"; upstream_key = "{key}"; }}'
        for x, purpose, up, key in proofs
    ]
    text.append(
        f'{{ endpoint = "{d.endpoint}"; {own}\n'
        f'  sms = {{ number = "{d.number}"; profile = "cr-004"; tar = "{d.keys.tar.hex()}"; '
        'renew = "udp"; };\n'
        f'  upstream_identity = "{d.sms_identity}"; upstream_key = "{d.sms_key}"; }}'
    )
    return ",\n".join(text)


class Silent(Lab):
    """There are no short messages, but a credential for them."""

    def __init__(self, device):
        super().__init__([device], store="any_filesystem = true;")

    def _credentials(self):
        return "credentials = (\n" + ",\n".join(map(rows, self.devices)) + "\n);\n"


class Dtls(Openssl):
    """The device's association for its server, which it registers at."""

    def told(self):
        """How often it was told to ask its bootstrap server."""
        return len(TRIGGER.findall(self.heard()))


class UdpWorld(SmsWorld):
    """with UdpWorld(Both(...)) as w"""

    def __init__(self, device, keys="", more=""):
        text = f'learn = {{ server_uris = [ "{OURS}" ]; settle_s = 3600; }};\n'
        text += f"sms_keys = {{ {keys or QUIET} }};\n"
        text += 'events = { file = "{folder}/events"; };' + more
        super().__init__([device], settings=text)
        self.device, self.schooled = device, None

    def _credentials(self):
        return "credentials = (\n" + ",\n".join(map(rows, self.devices)) + "\n);\n"

    def start_server(self):
        d, self.school_port = self.device, free_port()
        self.write(
            "server.keys",
            f"{d.up_identity} {d.up_key} {d.endpoint}\n{d.sms_identity} {d.sms_key} {d.endpoint}\n",
        )
        words = ["--listen", "127.0.0.1", "--port", str(self.server_port), "--ops", ""]
        words += ["--keys", self.path("server.keys"), *self.server_args]
        self.server = self.start([binary("lwgate-labserver"), *words])
        self.server.wait_json(lambda e: e.get("event") == "listening")
        start = types.SimpleNamespace(start=self.start, server_port=self.school_port)
        self.school = start_scripted(start, d.school)
        self.start_network()
        self._route()

    def _route(self):
        with open(self.path("lwgate.conf"), encoding="utf-8") as f:
            text = f.read()
        servers = ", ".join(
            f'{{ name = "{name}"; address = "127.0.0.1"; port = {port}; '
            'sources = [ "127.0.1.0/24" ]; }'
            for name, port in (("school", self.school_port), ("server", self.server_port))
        )
        routes = '{ to = "school"; purpose = "bootstrap"; }, { to = "server"; }'
        text = re.sub(
            r"upstream = \{.*?\};\nhandshake",
            f"upstreams = ( {servers} );\nroutes = ( {routes} );\nhandshake",
            text,
            flags=re.DOTALL,
        )
        self.write("lwgate.conf", text)

    # --- by DTLS

    def comes(self, *queue):
        """Its association for its server, registered; queue: "Q", it sleeps."""
        client = Dtls(self, self.device, Path(self.port))
        assert client.connect() == "full"
        self.registers(client, *queue)
        return client

    def registers(self, client, *queue):
        number, name = client.next_id(), self.device.endpoint
        message = register_message(name, number, b"dtls")
        if queue:
            items = (f"ep={name}", "lt=300", "lwm2m=1.1", "b=U", *queue)
            options = coap.path_options("rd") + coap.queries(*items)
            message = coap.Message(coap.CON, coap.POST, number, b"dtls", options).octets()
        assert client.ask(message, number) == CREATED

    def bootstrap(self, content=None, refused=False):
        """The device asks its bootstrap server, which writes an account and these resources."""
        if self.schooled is None:
            self.schooled = Openssl(self, self.device.school, Path(self.port))
            assert self.schooled.connect() == "full"
        d = self.device
        lesson = Lesson(types.SimpleNamespace(server=self.school), self.schooled)
        lesson.write(account(d.identity.encode(), bytes.fromhex(d.key)) + (content or b""))
        if refused:
            return lesson.refused()
        lesson.reply(lesson.finish())
        return None

    def teach(self):
        """It has other keys from now on, which the gateway knows already."""
        new = fresh_keys()
        self.bootstrap(in_account(new))
        self.state("delivered")
        self.device.takes(new)
        return new

    # --- what can be seen

    def shown(self):
        return json.loads(self.ctl("--json", "sms", "keys", self.device.endpoint))

    def state(self, name, cause=None):
        """What lwgatectl says once it is in this state, for that cause."""

        def there():
            shown = self.shown()
            return shown if shown["state"] == name and cause in (None, shown["cause"]) else None

        return self.until(there)

    def told(self):
        """(state, cause) of the key sets, as the chronicle has them."""
        with open(self.path("events"), encoding="utf-8") as f:
            lines = [json.loads(line) for line in f.read().splitlines()]
        return [(e["is"], e["cause"]) for e in lines if e.get("event") == "sms-keys"]

    def by_sms(self, request):
        return self.device.ask(request).code


def test_R312_keys_are_renewed_before_they_end_and_the_old_are_refused():
    device = Both("urn:udp:one", ONE)
    with UdpWorld(device, QUIET + "early_s = 3600;") as w:
        client = w.comes()
        first = device.keys
        assert w.by_sms(device.registration(lifetime=12)) == CREATED
        shown = w.shown()
        assert (shown["state"], shown["current"]["ends_in_s"]) == ("confirmed", None), shown
        assert client.told() == 0, "what the operator gave has no end"
        w.ctl("sms", "refresh", device.endpoint)
        client.wait(lambda: client.told() == 1)
        second = w.teach()
        assert 0 < w.shown()["next"]["ends_in_s"] <= 12, "R-305: with the registration"
        answer = device.ask(device.registration(lifetime=12))
        assert answer.code == CREATED and w.state("confirmed")["current"]["origin"] == "udp"
        device.location = answer.path(coap.LOCATION_PATH)
        assert client.told() == 1, "a registration is no reason for others"
        # Half their time is over: others are asked for, and not sooner.
        client.wait(lambda: client.told() == 2)
        assert w.state("refreshing")["current"]["ends_in_s"] > 0
        third = w.teach()
        assert w.by_sms(device.begin(coap.POST, device.location)) == CHANGED
        assert w.state("confirmed")["current"]["counter_in"] == 1
        assert w.status()["sms_proved"] == 2 and w.status()["sms_old"] == 0
        counter, last = device.counter, device.last
        device.takes(second)
        device.counter, device.last = 1, 1
        assert w.by_sms(device.begin(coap.POST, device.location)) == BAD_REQUEST
        assert w.status()["sms_old"] == 1
        device.takes(third)
        device.counter, device.last = counter, last
        assert w.by_sms(device.begin(coap.POST, device.location)) == CHANGED
        assert len({first, second, third}) == 3 and not device.faults, device.faults


def test_R305_a_registration_that_ends_before_its_keys_ends_them():
    """Once: the next ones have its end."""
    device = Both("urn:udp:short", ONE)
    with UdpWorld(device) as w:
        client = w.comes()
        w.ctl("sms", "refresh", device.endpoint)
        client.wait(lambda: client.told() == 1)
        w.teach()
        assert 86000 < w.shown()["next"]["ends_in_s"] <= 86400, "it is not registered"
        assert w.by_sms(device.registration(lifetime=90)) == CREATED
        client.wait(lambda: client.told() == 2)
        assert 0 < w.shown()["current"]["ends_in_s"] <= 90
        w.teach()
        for _ in range(2):
            assert w.by_sms(device.registration(lifetime=90)) == CREATED
            shown = w.state("confirmed")
            assert shown["asked"] == 2 and 0 < shown["current"]["ends_in_s"] <= 90, shown
        assert client.told() == 2 and not device.faults, device.faults


def test_R312_who_sleeps_and_has_keys_is_told_by_a_short_message():
    device = Both("urn:udp:asleep", ONE)
    with UdpWorld(device) as w:
        assert w.by_sms(device.registration()) == CREATED
        w.ctl("sms", "refresh", device.endpoint)
        w.until(lambda: device.begun == 1)
        w.state("failed", "asked-by-sms")
        # It answers what asks for no answer, and is not told again because of that.
        w.until(lambda: w.status()["messages_up"] >= 2)
        assert w.by_sms(device.registration()) == CREATED
        w.teach()
        assert w.by_sms(device.registration()) == CREATED
        w.state("confirmed")
        assert device.begun == 1 and not device.faults, device.faults


def test_R312_who_sleeps_and_has_none_is_told_when_it_comes():
    """Its first keys, too, are had so."""
    device = Both("urn:udp:none", ONE, keyed=False)
    with UdpWorld(device) as w:
        w.state("failed", "asleep")
        client = w.comes()
        client.wait(lambda: client.told() == 1)
        w.state("refreshing", "asleep")
        w.teach()
        w.registers(client)
        assert w.by_sms(device.registration(lifetime=90000)) == CREATED
        assert w.state("confirmed")["current"]["origin"] == "udp"
        asleep = [(state, "asleep") for state in ("failed", "refreshing", "delivered")]
        w.until(lambda: w.told()[-4:] == [*asleep, ("confirmed", None)])
        assert client.told() == 1 and not device.faults, device.faults


def test_R312_who_has_not_heard_it_is_told_at_its_next_update():
    device = Both("urn:udp:queue", ONE, keyed=False)
    with UdpWorld(device, more="relay = { awake_ms = 1000; };") as w:
        client = w.comes("Q")
        client.location = w.server_says("registered")["location"]
        client.wait(lambda: client.told() == 1)
        w.state("failed", "asleep")
        assert client.told() == 1 and not w.network.submitted
        assert client.update() == CHANGED
        client.wait(lambda: client.told() == 2)
        w.teach()
        assert w.by_sms(device.registration()) == CREATED
        assert not device.faults, device.faults


def test_keys_that_have_ended_are_refused_and_the_device_comes_back():
    """It slept, and the short message that told it to ask for others was lost."""
    device = Both("urn:udp:late", ONE)
    with UdpWorld(device) as w:
        assert w.by_sms(device.registration(lifetime=8)) == CREATED
        w.ctl("sms", "refresh", device.endpoint)
        w.until(lambda: device.begun == 1)
        w.teach()
        answer = device.ask(device.registration(lifetime=8))
        assert answer.code == CREATED
        location = answer.path(coap.LOCATION_PATH)
        w.network.lossy = lambda submit: True
        sent = len(w.network.submitted)
        w.until(lambda: (w.shown()["current"]["ends_in_s"] or 0) < 0)
        w.state("failed", "asked-by-sms")
        assert len(w.network.submitted) == sent + 1 and device.begun == 1
        w.network.lossy = None
        assert w.by_sms(device.begin(coap.POST, location)) == BAD_REQUEST
        w.state("failed", "asked-by-sms")
        client = w.comes()
        client.wait(lambda: client.told() == 1)
        w.teach()
        assert w.by_sms(device.registration()) == CREATED
        w.state("confirmed")
        assert w.status()["sms_old"] == 1 and not device.faults, device.faults


def test_a_bootstrap_that_brings_none_is_no_loop():
    """The device registers again after each bootstrap, and is not sent back for that."""
    device = Both("urn:udp:nothing", ONE)
    with UdpWorld(device) as w:
        client = w.comes()

        def sent_to_school(times):
            w.ctl("sms", "refresh", device.endpoint)
            client.wait(lambda: client.told() == times)

        def stays(cause, times):
            w.state("failed", cause)
            w.registers(client)
            # Its own keys go on; and what that registration has caused is there before this one is.
            assert w.by_sms(device.registration()) == CREATED
            shown = w.shown()
            assert (shown["state"], shown["cause"], shown["asked"]) == ("failed", cause, times)
            assert client.told() == times

        sent_to_school(1)
        w.bootstrap()
        stays("no-keys", 1)
        sent_to_school(2)
        weak = Keys(b"\x01" * 16, b"\x01" * 16, tar=LWM2M_DEVICE)
        assert "same" in w.bootstrap(in_account(weak), refused=True)
        stays("bad-keys", 2)
        sent_to_school(3)
        w.bootstrap(in_account(device.keys))
        stays("same-keys", 3)
        failed = [("failed", cause) for cause in ("no-keys", "bad-keys", "same-keys")]
        w.until(lambda: [t for t in w.told() if t[0] == "failed"] == failed)
        assert not device.faults, device.faults


def test_a_rough_network_locks_nobody_out():
    """Of its short messages 30 percent are lost, doubled, late or turned around; its keys end after
    some seconds."""
    print(f"# seed {SEED}")
    device = Lively("urn:udp:rough", ONE)
    rules = "answer_s = 2; backoff_s = 1; overlap_s = 5; early_s = 2; refreshes_an_hour = 0;"
    with UdpWorld(device, rules) as w:
        pupil = Pupil(w, w.comes())
        rough = Rough(w.network, device, SEED)
        life = Life(device, 0.5, answer_s=2.0, lifetime=8)
        pupil.start()
        life.start()
        w.ctl("sms", "refresh", device.endpoint)
        time.sleep(ROUGH_S)
        rough.smooth()
        mark, sets = len(life.done), len(device.sets)

        def well():
            codes = [code for _, code, _, _ in life.done[mark:]]
            return codes[-3:] == [CHANGED] * 3 and len(device.sets) > sets

        w.until(well)
        life.end()
        pupil.end()
        print(f"# {dict(life.counts)}; {dict(rough.counts)}; {len(device.sets)} sets")
        assert len(device.sets) > 2
        judge(device)


def test_without_short_messages_nobody_is_told():
    device = Both("urn:udp:silent", ONE, keyed=False)
    with Silent(device) as w:
        words = ("--json", "sms", "keys", device.endpoint)
        w.until(lambda: json.loads(w.ctl(*words))["cause"] == "no-channel")


run_tests(
    [
        test_R312_keys_are_renewed_before_they_end_and_the_old_are_refused,
        test_R305_a_registration_that_ends_before_its_keys_ends_them,
        test_R312_who_sleeps_and_has_keys_is_told_by_a_short_message,
        test_R312_who_sleeps_and_has_none_is_told_when_it_comes,
        test_R312_who_has_not_heard_it_is_told_at_its_next_update,
        test_keys_that_have_ended_are_refused_and_the_device_comes_back,
        test_a_bootstrap_that_brings_none_is_no_loop,
        test_a_rough_network_locks_nobody_out,
        test_without_short_messages_nobody_is_told,
    ]
)
