#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Third-party DTLS and CoAP clients against lwgated, with libcoap's own server stack upstream."""

import json
import select
import socket
import subprocess
import threading

from harness import Device, Lab, Process, coap_client, register_message, run_tests


def registered_through(tls, port_of=lambda lab: lab.port, host="127.0.0.1"):
    device = Device("urn:peer:" + tls)
    with Lab([device]) as lab:
        said = coap_client(
            lab,
            device,
            f"/rd?ep={device.endpoint}&lt=300&lwm2m=1.0&b=U",
            tls=tls,
            text="</1/0>,</3/0>",
            port=port_of(lab),
            host=host,
        )
        assert "2.01" in said, said
        event = lab.server.wait_json(lambda e: e.get("event") == "registered")
        assert event["endpoint"] == device.endpoint, event
        status = lab.status()
        assert status["device_handshakes_done"] == 1, status


def test_R010_R032_coap_client_openssl_registers():
    registered_through("openssl")


def test_R010_R032_coap_client_gnutls_registers():
    registered_through("gnutls")


def test_R010_coap_client_openssl_registers_over_ipv6():
    registered_through("openssl", lambda lab: lab.port6, "[::1]")


def s_client(lab, device, *more):
    return Process(
        [
            "openssl",
            "s_client",
            "-dtls1_2",
            "-connect",
            f"127.0.0.1:{lab.port}",
            "-psk",
            device.key,
            "-psk_identity",
            device.identity,
            "-cipher",
            "PSK-AES128-CCM8:@SECLEVEL=0",
            *more,
        ],
        raw=True,
    )


def test_R011_R054_openssl_s_client_is_registered_and_answers_a_read_in_the_same_session():
    device = Device("urn:peer:s_client")
    with Lab([device], ops="read") as lab:
        client = s_client(lab, device)
        lab.children.append(client)
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        client.child.stdin.write(register_message(device.endpoint))
        client.child.stdin.flush()
        lab.server.wait_json(
            lambda e: e.get("event") == "registered" and e["endpoint"] == device.endpoint
        )
        # Confirmable GET (0x40 | token length, 0x01, message id, token) of Uri-Path 3, 0: it came
        # down in our session.
        asked = client.wait_bytes(rb"([\x40-\x48])\x01(..)(.{0,8}?)\xb13\x010")
        token_length = asked.group(1)[0] & 15
        assert len(asked.group(3)) == token_length, asked
        client.child.stdin.write(
            bytes([0x60 | token_length, 0x45]) + asked.group(2) + asked.group(3) + b"\xffname"
        )
        client.child.stdin.flush()
        answered = lab.server.wait_json(lambda e: e.get("event") == "op")
        assert answered["op"] == "read" and "2.05" in str(answered), answered
        assert lab.status()["device_handshakes_done"] == 1


def test_R032_gnutls_cli_shakes_hands():
    device = Device("urn:peer:gnutls-cli")
    with Lab([device]) as lab:
        client = Process(
            [
                "gnutls-cli",
                "--udp",
                "--port",
                str(lab.port),
                "127.0.0.1",
                "--pskusername",
                device.identity,
                "--pskkey",
                device.key,
                "--priority",
                "NONE:+VERS-DTLS1.2:+PSK:+AES-128-CCM-8:+AEAD:+COMP-NULL:+SIGN-ALL",
            ]
        )
        lab.children.append(client)
        client.wait_line("Handshake was completed")
        lab.until(lambda: lab.status()["device_handshakes_done"] == 1)


def test_I4_R264_another_endpoint_name_is_refused_with_400_and_not_forwarded():
    device, other = Device("urn:peer:a"), Device("urn:peer:b")
    with Lab([device, other]) as lab:
        said = coap_client(lab, device, f"/rd?ep={other.endpoint}&lt=300", text="</1/0>")
        assert "4.00" in said, said
        assert not [line for line in lab.server.lines if "registered" in line], lab.server.lines
        assert lab.status()["messages_refused"] == 1


def test_I3_R272_nothing_but_rd_and_bs_before_registration():
    device = Device("urn:peer:early")
    with Lab([device]) as lab:
        said = coap_client(lab, device, "/dp", text="</1/0>")
        assert "4.03" in said, said
        assert lab.status()["messages_up"] == 0


def handshake_fails(lab, identity, key):
    done = subprocess.run(
        [
            "openssl",
            "s_client",
            "-dtls1_2",
            "-connect",
            f"127.0.0.1:{lab.port}",
            "-psk",
            key,
            "-psk_identity",
            identity,
            "-cipher",
            "PSK-AES128-CCM8:@SECLEVEL=0",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def test_R051_R052_unknown_identity_and_wrong_key_get_the_same_alert():
    device = Device("urn:peer:secret")
    with Lab([device]) as lab:
        wrong_key = handshake_fails(lab, device.identity, "11" * 16)
        unknown = handshake_fails(lab, "nobody-of-that-name", "11" * 16)
        for said in (wrong_key, unknown):
            assert "alert decrypt error" in said, said
        assert lab.status()["device_handshakes_failed"] == 2


def test_R055_R322_a_failed_handshake_is_explained_to_the_operator_without_the_identity():
    device = Device("urn:peer:explain")
    with Lab([device]) as lab:
        handshake_fails(lab, "nobody-of-that-name", "11" * 16)
        line = lab.gateway.wait_line("handshake")
        assert "no credential" in line and "credentials" in line, line
        assert "nobody-of-that-name" not in line and "11111111" not in line, line


def test_R123_garbage_and_truncated_records_leave_the_gateway_alive_and_silent():
    device = Device("urn:peer:garbage")
    with Lab([device]) as lab, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(("127.0.0.1", lab.port))
        rubbish = [
            b"",
            b"\x00",
            b"\x16",
            b"\x16\xfe\xfd",
            b"\x17\xfe\xfd\x00\x01" + bytes(8),
            b"\xff" * 1400,
            b"\x40\x01\x12\x34",
            b"\x16\xfe\xfd" + bytes(8) + b"\xff\xff" + b"\x01" * 40,
            b"\x19\xfe\xfd\x00\x01" + bytes(60),
            b"\x16\xfe\xff" + bytes(8) + b"\x00\x0c" + b"\x01" + b"\xff" * 11,
        ]
        for number in range(1000):
            s.send(rubbish[number % len(rubbish)])
        said = coap_client(lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</1/0>")
        assert "2.01" in said, said
        s.settimeout(0.2)
        try:
            answer = s.recv(2048)
        except TimeoutError:
            answer = b""
        assert answer == b"", answer.hex()
        assert lab.gateway.alive()


class Recorder:
    """A UDP relay between one client and the gateway that remembers what the client sent and can
    send it again."""

    def __init__(self, to):
        self.front, self.back = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        self.front.bind(("127.0.0.1", 0))
        self.back.connect(("127.0.0.1", to))
        self.port, self.sent, self.client = self.front.getsockname()[1], [], None
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._relay, daemon=True)
        self.thread.start()

    def _relay(self):
        while not self.ended.is_set():
            for ready in select.select([self.front, self.back], [], [], 0.1)[0]:
                if ready is self.front:
                    data, self.client = self.front.recvfrom(65536)
                    self.sent.append(data)
                    self.back.send(data)
                else:
                    self.front.sendto(self.back.recv(65536), self.client)

    def stop(self):
        self.ended.set()
        self.thread.join()

    def replay(self):
        for data in self.sent:
            self.back.send(data)


def test_I2_R122_replayed_flights_and_records_are_not_accepted_twice():
    device = Device("urn:peer:replay")
    with Lab([device]) as lab:
        recorder = Recorder(lab.port)
        said = coap_client(
            lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</1/0>", port=recorder.port
        )
        recorder.stop()
        assert "2.01" in said, said
        before = lab.status()
        recorder.replay()
        after = lab.until(
            lambda: (s := lab.status())["datagrams_in"]
            >= before["datagrams_in"] + len(recorder.sent)
            and s
        )
        assert after["messages_up"] == before["messages_up"]
        assert after["device_handshakes_done"] == before["device_handshakes_done"]
        assert len([line for line in lab.server.lines if '"registered"' in line]) == 1


def test_R233_a_request_that_is_too_long_gets_413_and_is_not_forwarded():
    device = Device("urn:peer:long")
    with Lab([device], settings="relay = { message_max = 600; };") as lab:
        client = s_client(lab, device)
        lab.children.append(client)
        client.wait_bytes(rb"Extended master secret: yes.*---\n")
        client.child.stdin.write(register_message(device.endpoint) + b",</5/0>" * 100)
        client.child.stdin.flush()
        lab.until(lambda: lab.status()["messages_refused"] == 1)
        assert lab.status()["messages_up"] == 0


def test_R243_upstream_that_answers_nobody_gives_a_502_or_504():
    device = Device("urn:peer:upstream-off")
    with Lab([device], upstream=False) as lab:
        said = coap_client(
            lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</1/0>", seconds=30
        )
        assert "5.02" in said or "5.04" in said, said


def test_R005_R006_no_plaintext_port_answers():
    with Lab([Device("urn:peer:plain")]) as lab, socket.socket(
        socket.AF_INET, socket.SOCK_DGRAM
    ) as s:
        s.connect(("127.0.0.1", lab.port))
        s.send(register_message("urn:peer:plain"))
        s.settimeout(0.3)
        try:
            answer = s.recv(2048)
        except TimeoutError:
            answer = b""
        assert answer == b"", answer.hex()
        assert lab.status()["messages_up"] == 0


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
