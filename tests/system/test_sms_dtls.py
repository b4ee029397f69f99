#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""DTLS by short messages (RFC 7925 appendix A, R-318): clients of other makers, which know of UDP
only, behind sms_air; and devices that live so, over SMSCs and a modem."""

import datetime
import json
import os
import random
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "bench"))
import sms_coap as coap  # noqa: E402
from harness import (  # noqa: E402
    Device,
    Skip,
    binary,
    coap_client,
    run_tests,
    register_message,
    update_message,
)
from meter import ACK, CREATED, LOCATION_PATH, NON, Meter  # noqa: E402
from pki import Pki  # noqa: E402
from sms_air import TP_UD_MAX, Air  # noqa: E402
from sms_world import MODEM, SmsWorld, Told  # noqa: E402

NUMBER, OTHER_NUMBER, NOBODYS = "447700900077", "447700900078", "447700900079"
ONCE = ["--rounds", "1", "--notifications", "2"]
QUICK = "initial_ms = 3000;"
DELETED = 0x42
SERVER_HELLO, HELLO_VERIFY = 2, 3  # RFC 6347 4.3.2


def listener(more):
    """More settings of the first one, and one for short messages."""
    return f'}}, {{ address = "sms"; {more}'


class World(SmsWorld):
    """Devices that have a credential for DTLS, and a number from which they may use it."""

    def __init__(self, devices, numbers, more=QUICK, first="", until="", **settings):
        self.numbers = numbers
        self.until_text = f'valid_until = "{until}"; ' if until else ""
        self.airs = []
        for device, number in zip(devices, numbers):
            device.number = number
        super().__init__(devices, listener=first + listener(more), **settings)

    def _credentials(self):
        numbers = ",\n".join(
            f'{{ endpoint = "{d.endpoint}"; sms = {{ number = "{n}"; profile = "dtls"; }}; '
            f"{self.until_text}}}"
            for d, n in zip(self.devices, self.numbers)
        )
        rows = [
            getattr(d, "row", None)
            or f'{{ endpoint = "{d.endpoint}"; identity = "{d.identity}"; key = "{d.key}"; '
            f'upstream_identity = "{d.up_identity}"; upstream_key = "{d.up_key}"; }}'
            for d in self.devices
        ]
        return "credentials = (\n" + ",\n".join([*rows, numbers]) + "\n);\n"

    def session(self, device):
        return json.loads(self.ctl("--json", "session", device.endpoint))

    def air(self, number):
        self.airs.append(Air(self.network, number))
        return self.airs[-1]

    def __exit__(self, *error):
        for air in self.airs:
            air.close()
        super().__exit__(*error)


def is_one_message(octets, pid, dcs):
    """Class 1, 8 bits, without a UDH: a record begins it (RFC 7925 A.2)."""
    return len(octets) <= TP_UD_MAX and (pid, dcs) == (0, 0xF5) and 20 <= octets[0] <= 27


def look(w, air):
    """What every message to a device is."""
    assert air.taken and all(is_one_message(*m) for m in air.taken), air.taken
    assert all(not e["esm"] & 0x40 for e in w.network.submitted)


class Mbedtls(Meter):
    """A device whose DTLS is Mbed TLS's."""

    def __init__(self, device, port, *more):
        proof = ["--suite", "TLS-PSK-WITH-AES-128-CCM-8", "--identity", device.identity]
        super().__init__(
            device.endpoint,
            [binary("mbedtls-device"), *(more or [*proof, "--psk", device.key])],
            port,
        )

    def leave(self):
        message_id = self.next_id()
        message = update_message(self.location, message_id)
        self.send(message[:1] + b"\x04" + message[2:])
        done = self.hear(lambda m: m.type == ACK and m.id == message_id)
        assert done.code == DELETED, done.octets.hex()

    def register_only(self):
        """Of a server that asks nothing."""
        message_id = self.next_id()
        self.send(register_message(self.endpoint, message_id))
        done = self.hear(lambda m: m.type == ACK and m.id == message_id)
        assert done.code == CREATED, done.octets.hex()
        self.location = done.path(LOCATION_PATH)


def needs_mbedtls():
    if not os.path.exists(binary("mbedtls-device")):
        raise Skip("Mbed TLS is not there: deploy/setup tests")


def psk(device, *more):
    return (
        *("--suite", "TLS-PSK-WITH-AES-128-CCM-8", "--identity", device.identity),
        *("--psk", device.key, *more),
    )


def live(w, device, air, meter):
    """Register, Read, Observe and its notifications, Update, De-register."""
    meter.connect()
    meter.register()
    w.server_says("registered", endpoint=device.endpoint)
    assert w.server_says("op", op="observe")["outcome"] == "2.05"
    for _ in range(2):
        meter.notify(NON)
        w.server_says("notify")
    meter.update()
    w.server_says("updated", endpoint=device.endpoint)
    meter.leave()
    w.server_says("deregistered", endpoint=device.endpoint)
    w.network.until_taken()
    look(w, air)
    assert "3/0" in meter.served, meter.served


def lives_over(smsc):
    needs_mbedtls()
    device = Device(f"urn:sms-dtls:{smsc}")
    with World([device], [NUMBER], ops="read,observe", server_args=ONCE, smsc=smsc) as w:
        air = w.air(NUMBER)
        meter = Mbedtls(device, air.port, *psk(device, "--mtu", str(TP_UD_MAX)))
        try:
            live(w, device, air, meter)
        finally:
            meter.close()
        assert max(map(len, air.sent)) <= TP_UD_MAX, [len(s) for s in air.sent]
        shown = w.status()
        assert shown["sms_out"] == len(air.taken) and shown["sms_lost"] == 0, shown


def test_R318_a_device_lives_by_dtls_over_sms():
    lives_over("npm")


def test_R318_over_another_smsc():
    lives_over("perl")


def test_R318_over_a_modem():
    lives_over(MODEM)


def registers(tls, path="?ep={}&lt=300&lwm2m=1.1&b=S"):
    device = Device(f"urn:sms-dtls:{tls}")
    with World([device], [NUMBER]) as w:
        air = w.air(NUMBER)
        said = coap_client(
            w,
            device,
            "/rd" + path.format(device.endpoint),
            tls=tls,
            text="</3/0>",
            port=air.port,
            seconds=20,
        )
        assert "2.01" in said, said[-2000:]
        look(w, air)


def test_R318_libcoap_on_openssl_registers():
    registers("openssl")


def test_R318_libcoap_on_gnutls_registers():
    registers("gnutls")


def test_R318_a_chain_of_certificates_goes_in_messages_of_140_octets():
    """Which our own fragments make of a flight that would be a dozen short messages long."""
    needs_mbedtls()
    device = Device("urn:sms-dtls:x509")
    with Pki() as pki:
        pki.root("ca")
        pki.server("gw", "gw.example")
        pki.device("dev", device.endpoint)
        device.row = (
            f'{{ endpoint = "{device.endpoint}"; certificate = "{device.endpoint}"; '
            f'upstream_identity = "{device.up_identity}"; upstream_key = "{device.up_key}"; }}'
        )
        more = (
            f'{QUICK} private_key_file = "{pki.path("gw.key")}"; '
            f'certificate_file = "{pki.path("gw.pem")}"; anchors_file = "{pki.path("ca.pem")}"; '
            'name_from = [ "cn" ];'
        )
        with World([device], [NUMBER], more=more, ops="read", server_args=ONCE) as w:
            air = w.air(NUMBER)
            meter = Mbedtls(
                device,
                air.port,
                *("--suite", "TLS-ECDHE-ECDSA-WITH-AES-128-CCM-8"),
                *("--key", pki.path("dev.key"), "--certificate", pki.path("dev.pem")),
                *("--anchors", pki.path("ca.pem"), "--server-name", "gw.example"),
                *("--mtu", str(TP_UD_MAX)),
            )
            try:
                meter.connect()
            finally:
                meter.close()
            look(w, air)
            assert len(air.taken) > 5, len(air.taken)


def test_R318_a_flight_is_of_use_until_it_is_repeated():
    """TP-VP (RFC 7925 A.4): of each message of a flight not less than the timer, and not much
    more."""
    needs_mbedtls()
    device = Device("urn:sms-dtls:validity")
    with World([device], [NUMBER], more="initial_ms = 60000;") as w:
        air = w.air(NUMBER)
        began = datetime.datetime.now(datetime.timezone.utc)
        meter = Mbedtls(device, air.port, *psk(device))
        try:
            meter.connect()
        finally:
            meter.close()
        left = [(record_of(e), left_s(e, began)) for e in w.network.submitted]
    # The cookie, then the flight of the ServerHello, then what ends it.
    assert [s for (kind, s) in left if kind == HELLO_VERIFY and 100 < s < 140], left
    flight = [s for (kind, s) in left if kind == SERVER_HELLO]
    assert flight and all(59 <= s <= 75 for s in flight), left
    assert all(s >= 59 for _, s in left), left


def record_of(event):
    """The handshake's message that is first in it, or None."""
    octets = bytes.fromhex(event["hex"])
    return octets[13] if octets[0] == 22 and octets[3:5] == b"\0\0" else None


def left_s(event, began):
    """How long the network may keep it, in seconds since then."""
    text = event["valid"].partition(" (")[0]
    return (datetime.datetime.strptime(text, "%a %b %d %Y %H:%M:%S GMT%z") - began).total_seconds()


def silent(w, number, device, key=None):
    """What its handshake comes to, when nobody is to answer it."""
    air = w.air(number)
    said = coap_client(w, device, "/rd", key_text=key, text="</3/0>", port=air.port, seconds=4)
    assert "2.0" not in said, said
    return air


def test_R318_who_has_no_number_is_not_answered():
    """Not by a single message, each of which is on a bill; and who has one may not use it for
    another endpoint."""
    device, other = Device("urn:sms-dtls:one"), Device("urn:sms-dtls:two")
    with World([device, other], [NUMBER, OTHER_NUMBER]) as w:
        air = silent(w, NOBODYS, device)
        assert air.sent and not w.network.submitted, w.network.submitted
        w.until(lambda: w.status()["sms_strangers"] >= len(air.sent), 5)
        wrong = silent(w, OTHER_NUMBER, device)
        # Nothing but the cookie, the hello and the alert of one whose key is wrong.
        assert all(octets[0] in (21, 22) for octets, _, _ in wrong.taken), wrong.taken
        assert not [line for line in w.server.lines if '"registered"' in line]


def test_R318_without_a_listener_nothing_is_said():
    device = Device("urn:sms-dtls:off")
    device.number = NUMBER

    class Off(World):
        def __init__(self):
            super().__init__([device], [NUMBER])
            self.listener = ""

    with Off() as w:
        silent(w, NUMBER, device)
        assert not w.network.submitted, w.network.submitted
        w.until(lambda: w.status()["sms_other"] >= 1, 5)


def test_R318_where_messages_are_lost_and_come_twice():
    needs_mbedtls()
    device = Device("urn:sms-dtls:lossy")
    luck = random.Random(7)
    with World([device], [NUMBER], more="initial_ms = 1000;") as w:
        w.network.twice = True
        air = w.air(NUMBER)
        air.lose_up = air.lose_down = lambda octets: luck.random() < 0.2
        meter = Mbedtls(device, air.port, *psk(device, "--timer-ms", "500"))
        try:
            meter.connect()
            air.lose_up = air.lose_down = lambda octets: False
            meter.register_only()
        finally:
            meter.close()
        look(w, air)


def test_R318_neither_a_kill_nor_a_new_bridge_costs_a_handshake():
    needs_mbedtls()
    device = Device("urn:sms-dtls:kill")
    with World([device], [NUMBER], ops="read,observe", server_args=ONCE) as w:
        air = w.air(NUMBER)
        meter = Mbedtls(device, air.port, *psk(device))
        try:
            meter.connect()
            meter.register()
            hellos = sum(octets[0] == 22 for octets, _, _ in air.taken)
            w.restart()
            w.network.until_bound()
            meter.update()
            w.kill_bridge()
            w.start_bridge()
            meter.update()
            meter.notify(NON)
            w.server_says("notify")
            assert sum(octets[0] == 22 for octets, _, _ in air.taken) == hellos
        finally:
            meter.close()


def test_R318_a_day_has_its_end():
    """sms.segments_a_day: a handshake and a registration are four messages, and the fifth stays."""
    needs_mbedtls()
    device = Device("urn:sms-dtls:dear")
    with World([device], [NUMBER], sms="segments_a_day = 4;") as w:
        air = w.air(NUMBER)
        meter = Mbedtls(device, air.port, *psk(device))
        try:
            meter.connect()
            meter.register_only()
            assert len(air.taken) == 4, air.taken
            w.server_says("registered", endpoint=device.endpoint)
            meter.send(update_message(meter.location, 0x7777))
            w.server_says("updated", endpoint=device.endpoint)
            w.until(lambda: w.status()["sms_lost"] >= 1)
            w.network.until_taken()
            assert len(w.network.submitted) == 4, w.network.submitted
        finally:
            meter.close()


def test_R318_a_flood_in_its_name_costs_no_more_than_a_day():
    """However many hellos come at once, and whoever has sent them."""
    device = Device("urn:sms-dtls:flood")
    with World([device], [NUMBER], sms="segments_a_day = 3;") as w:
        hello = silent(w, NOBODYS, device).sent[0]
        air = w.air(NUMBER)
        for _ in range(60):
            air.say(hello)
        w.network.until_taken()
        w.until(lambda: w.status()["sms_lost"] == 57, 10)
        assert len(w.network.submitted) == 3, len(w.network.submitted)


def test_R318_a_number_has_its_end():
    """valid_until of the credential that names it."""
    device = Device("urn:sms-dtls:over")
    with World([device], [NUMBER], until="2026-01-01T00:00:00Z") as w:
        air = silent(w, NUMBER, device)
        assert air.sent and not w.network.submitted, w.network.submitted


class Said(World, Told):
    """A World in which a test says each octet of the server's."""


def test_R318_what_is_longer_than_one_message_is_not_sent():
    """The server is told 4.13 with a size that fits (RFC 7959 2.9.3), which then goes."""
    needs_mbedtls()
    device = Device("urn:sms-dtls:long")
    with Said([device], [NUMBER]) as w:
        air = w.air(NUMBER)
        meter = Mbedtls(device, air.port, *psk(device))
        try:
            meter.connect()
            options = coap.path_options("rd") + coap.queries(
                f"ep={device.endpoint}", "lt=300", "lwm2m=1.1", "b=S"
            )
            said = coap.Message(coap.CON, coap.POST, 0x2222, b"long", options)
            meter.send(said.octets())
            w.serves(said, coap.CREATED, coap.path_options("rd/7", coap.LOCATION_PATH))
            meter.hear(lambda m: m.id == 0x2222)
            asked = w.asks(coap.PUT, "3/0/15", payload=b"x" * 200)
            w.server.wait_bytes(rb"[\x44\x54\x64]\x8d.." + asked.token)
            assert len([t for t in air.taken if t[0][0] == 23]) == 1, "nothing of it has gone"
            short = w.asks(coap.PUT, "3/0/15", payload=b"y" * 64)
            heard = meter.hear(lambda m: m.is_request())
            assert (heard.token, heard.payload) == (short.token, b"y" * 64)
        finally:
            meter.close()
        look(w, air)


def test_R318_one_association_by_udp_and_by_sms_in_turn():
    """With a CID: the server's question goes where the device was last."""
    needs_mbedtls()
    device = Device("urn:sms-dtls:turns")
    more = QUICK + ' connection_ids = "on";'
    with World(
        [device],
        [NUMBER],
        more=more,
        first='connection_ids = "on";',
        ops="read,observe",
        server_args=ONCE,
    ) as w:
        air = w.air(NUMBER)
        meter = Mbedtls(device, air.port, *psk(device, "--cid"))
        udp = ("127.0.0.1", w.port)
        try:
            air.direct = udp
            meter.connect()
            meter.register()
            assert not w.network.submitted, "all of it by UDP"
            air.direct = None
            meter.update()
            look(w, air)
            where = w.session(device)["device"]["address"]
            assert where == f"sms:{NUMBER}", where
            by_sms = len(air.taken)
            air.direct = udp
            meter.update()
            assert len(air.taken) == by_sms, "the answer goes where the question came from"
            hellos = [s for s in air.sent if s[0] == 22]
            air.direct = None
            meter.update()
            assert [s for s in air.sent if s[0] == 22] == hellos, "no handshake in all this"
        finally:
            meter.close()


run_tests(
    [
        test_R318_a_device_lives_by_dtls_over_sms,
        test_R318_over_another_smsc,
        test_R318_over_a_modem,
        test_R318_libcoap_on_openssl_registers,
        test_R318_libcoap_on_gnutls_registers,
        test_R318_a_chain_of_certificates_goes_in_messages_of_140_octets,
        test_R318_a_flight_is_of_use_until_it_is_repeated,
        test_R318_who_has_no_number_is_not_answered,
        test_R318_without_a_listener_nothing_is_said,
        test_R318_where_messages_are_lost_and_come_twice,
        test_R318_neither_a_kill_nor_a_new_bridge_costs_a_handshake,
        test_R318_a_day_has_its_end,
        test_R318_a_flood_in_its_name_costs_no_more_than_a_day,
        test_R318_a_number_has_its_end,
        test_R318_what_is_longer_than_one_message_is_not_sent,
        test_R318_one_association_by_udp_and_by_sms_in_turn,
    ]
)
