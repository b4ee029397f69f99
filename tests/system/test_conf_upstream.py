#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A lwgated between OpenSSL's client and OpenSSL's server, so that a test says every byte of CoAP
on both sides: messages that do not fit, and what a bootstrap writes."""

import os
import re
import secrets
import sys

sys.dont_write_bytecode = True
from harness import Device, Lab, option, register_message, run_tests, s_client  # noqa: E402
from scripted import PUT, answer, request, say, start_scripted  # noqa: E402

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
UP = rb"Extended master secret: yes.*---\n"
BLOCK1 = 27


class Wire(Lab):
    """A Lab with one device, whose upstream is an s_server; .server is that."""

    def __init__(self, device, **more):
        super().__init__([device], **more)

    def start_server(self):
        self.server = start_scripted(self, self.devices[0])


def put(path, message_id, token, payload):
    return request(PUT, path, message_id, token, payload)


def registered(lab, *more):
    """The device's client, once it is registered at /rd/7."""
    device = lab.devices[0]
    client = s_client(lab, device, *more)
    client.wait_bytes(UP)
    say(client, register_message(device.endpoint, 0x1111, b"\x51"))
    lab.server.wait_bytes(re.escape(b"</1/0>,</3/0>"))
    say(lab.server, answer(0x41, 0x1111, b"\x51", option(8, b"rd") + option(0, b"7")))
    client.wait_bytes(re.escape(b"\x82rd\x017"))
    return client


def too_large(message_id, token, szx):
    """The 4.13 with its Block1 option."""
    head = bytes([0x60 | len(token), 0x8D]) + message_id.to_bytes(2, "big") + token
    return re.escape(head + option(BLOCK1, bytes([szx])) + b"\xff")


def test_R164_a_server_is_told_what_a_small_device_takes():
    with Wire(Device("urn:wire:small")) as lab:
        client = registered(lab, "-maxfraglen", "512")
        say(lab.server, put("5/0/0", 0x2222, b"\x61", b"f" * 1024))
        lab.server.wait_bytes(too_large(0x2222, b"\x61", 4))  # 256
        say(lab.server, put("5/0/0", 0x2223, b"\x62", b"g" * 256))
        client.wait_bytes(b"g{256}")
        assert b"ff" not in client.bytes
    # A device that asks for nothing gets it whole.
    with Wire(Device("urn:wire:large")) as lab:
        client = registered(lab)
        say(lab.server, put("5/0/0", 0x2222, b"\x61", b"f" * 1024))
        client.wait_bytes(b"f{1024}")


def test_R164_a_device_is_told_what_a_small_link_takes():
    small = "max_fragment_length = 512;"
    with Wire(Device("urn:wire:link"), to_server=small) as lab:
        client = registered(lab)
        update = bytes([0x41, 0x02, 0x33, 0x33, 0x71]) + option(11, b"rd") + option(0, b"7")
        say(client, update + b"\xff" + b"x" * 600)
        client.wait_bytes(too_large(0x3333, b"\x71", 4))
        assert b"xx" not in lab.server.bytes


def test_R027_what_a_bootstrap_writes_is_neither_logged_nor_kept():
    device, secret = Device("urn:wire:bootstrap"), secrets.token_bytes(16)
    with Wire(device, store=DISK, settings='log = { level = "debug"; };') as lab:
        client = s_client(lab, device)
        client.wait_bytes(UP)
        ask = bytes([0x41, 0x02, 0x44, 0x44, 0x81]) + option(11, b"bs")
        say(client, ask + option(4, b"ep=" + device.endpoint.encode()))
        lab.server.wait_bytes(b"ep=" + device.endpoint.encode())
        say(lab.server, answer(0x44, 0x4444, b"\x81"))
        client.wait_bytes(re.escape(b"\x61\x44\x44\x44\x81"))
        # The Security Object of the next server: its URI, its identity, its key.
        account = b"\xc8\x00\x10coaps://next.one\xc5\x03ident\xc8\x05\x10" + secret
        say(lab.server, put("0/1", 0x5555, b"\x91", account))
        client.wait_bytes(re.escape(account))
        say(client, answer(0x44, 0x5555, b"\x91"))
        lab.server.wait_bytes(re.escape(b"\x61\x44\x55\x55\x91"))
        assert lab.gateway.stop() == 0
        octets = "\n".join(lab.gateway.lines).encode()
        for name in os.listdir(lab.store_path()):
            with open(lab.store_path(name), "rb") as f:
                octets += f.read()
        assert device.endpoint.encode() in octets  # it is what was to be looked through
        for part in (secret, secret.hex().encode(), b"coaps://next.one"):
            assert part not in octets


if __name__ == "__main__":
    run_tests(
        [
            test_R164_a_server_is_told_what_a_small_device_takes,
            test_R164_a_device_is_told_what_a_small_link_takes,
            test_R027_what_a_bootstrap_writes_is_neither_logged_nor_kept,
        ]
    )
