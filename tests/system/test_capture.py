#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is on the wire: a run of the lab is captured, decoded by tshark with a key log, and every
nonce is counted."""

import os
import subprocess

from capture import Capture, Nonces
from harness import Device, Lab, Process, binary, run_tests

DEVICES = 8


class Run:
    """One run of labserver, lwgated (the build that can write a key log) and a fleet, captured on
    the loopback interface."""

    def __init__(self):
        devices = [Device(f"urn:capture:{n}") for n in range(DEVICES)]
        with Lab(
            devices,
            ops="read,discover,write,execute,observe,cancel",
            build=os.environ.get("BUILD", "build/release").replace("release", "keylog"),
            keylog=True,
            server_args=["--notifications", "3"],
        ) as lab:
            self.gateway, self.server = ("127.0.0.1", lab.port), ("127.0.0.1", lab.server_port)
            with Capture({lab.port, lab.server_port}) as self.capture:
                fleet = Process(
                    [
                        binary("lwgate-fleet"),
                        "--server",
                        f"127.0.0.1:{lab.port}",
                        "--credentials",
                        lab.path("credentials.conf"),
                        "--devices",
                        str(DEVICES),
                        "--duration",
                        "6",
                        "--notify-ms",
                        "500",
                        "--initial-ms",
                        "1000",
                    ]
                )
                lab.children.append(fleet)
                if fleet.child.wait(60) != 0:
                    raise AssertionError("the fleet failed: " + " | ".join(fleet.lines[-8:]))
                assert lab.gateway.stop() == 0
            self.pcap, self.keys = lab.path("run.pcap"), lab.path("keys.log")
            self.capture.write_pcap(self.pcap)
            self.decoded = self.decode(self.keys)
            self.undecoded = self.decode(os.devnull)
            with open(self.keys, encoding="ascii") as f:
                self.secrets = len(f.readlines())

    def decode(self, keys):
        """(udp source port, destination port, coap code) of every CoAP message that tshark
        decrypts."""
        ports = [str(self.gateway[1]), str(self.server[1])]
        argv = ["tshark", "-r", self.pcap, "-o", f"tls.keylog_file:{keys}"]
        for port in ports:
            argv += ["-d", f"udp.port=={port},dtls", "-d", f"dtls.port=={port},coap"]
        argv += [
            "-Y",
            "coap",
            "-T",
            "fields",
            "-e",
            "udp.srcport",
            "-e",
            "udp.dstport",
            "-e",
            "coap.code",
            "-e",
            "frame.protocols",
        ]
        done = subprocess.run(argv, capture_output=True, check=True, timeout=120)
        return [line.split("\t") for line in done.stdout.decode().splitlines()]


RUN = None


def run():
    """The one run that all tests look at; when it failed, it failed for all."""
    global RUN
    if RUN is None:
        try:
            RUN = Run()
        except Exception as error:
            RUN = error
    if isinstance(RUN, Exception):
        raise AssertionError("the run that was to be captured failed") from RUN
    return RUN


def test_R118_the_capture_is_whole_and_has_both_legs():
    r = run()
    assert r.capture.dropped == 0
    peers = {(s, d) for s, d, _ in r.capture.datagrams}
    assert any(s == r.gateway for s, d in peers) and any(d == r.server for s, d in peers)


def test_R005_R006_epoch_1_records_on_both_legs_and_no_plaintext_coap():
    r = run()
    for mine in (r.gateway, r.server):
        nonces = Nonces()
        for source, destination, payload in r.capture.datagrams:
            if mine in (source, destination):
                nonces.datagram(
                    source, destination, payload
                )  # raises at anything that is no DTLS record
        assert nonces.protected > DEVICES * 10, nonces.protected
        assert not nonces.plain_data


def test_I1_R126_no_key_and_nonce_leaves_twice():
    r = run()
    nonces = Nonces()
    for source, destination, payload in r.capture.datagrams:
        nonces.datagram(source, destination, payload)
    assert len(nonces.seen) == DEVICES * 4, len(nonces.seen)  # two legs, two directions
    assert not nonces.repeated, nonces.repeated[:5]


def test_I1_the_check_itself_notices_a_nonce_that_is_sent_twice():
    r = run()
    nonces = Nonces()
    for source, destination, payload in r.capture.datagrams + r.capture.datagrams[-1:]:
        nonces.datagram(source, destination, payload)
    assert len(nonces.repeated) >= 1


def test_R118_tshark_decrypts_coap_on_both_legs_with_the_key_log():
    r = run()
    assert r.secrets == DEVICES * 2, r.secrets  # one handshake a device and a leg
    for port in (r.gateway[1], r.server[1]):
        codes = {code for s, d, code, _ in r.decoded if str(port) in (s, d)}
        # Register (POST 2), Read and Observe (GET 1), Created (65), Content (69), Changed (68).
        assert {"2", "1", "65", "69", "68"} <= codes, codes
    assert all("dtls" in protocols for _, _, _, protocols in r.decoded)


def test_R005_without_the_key_log_tshark_reads_no_coap():
    assert run().undecoded == []


def test_R323_the_release_build_refuses_to_write_a_key_log():
    done = subprocess.run(
        [binary("lwgated"), "-k", "/dev/null", "-c", "/dev/null"],
        capture_output=True,
        timeout=10,
        check=False,
    )
    assert done.returncode == 2 and b"invalid option" in done.stderr, done


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
