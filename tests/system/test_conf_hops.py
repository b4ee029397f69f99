#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requirements of areas A and B that are seen from outside a lwgated at work: who must prove what
before anything passes, which doors it has, and what it says of itself."""

import json
import os
import re
import signal
import stat
import sys

sys.dont_write_bytecode = True
from capture import CLIENT_HELLO, DATA, HANDSHAKE, Capture, records_of  # noqa: E402
from harness import (  # noqa: E402
    Device,
    Lab,
    coap_client,
    register_message,
    run_tests,
    s_client,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
MAN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "deploy", "man")


def registers(lab, device, query="lwm2m=1.1&b=U", **more):
    return coap_client(
        lab,
        device,
        f"/rd?ep={device.endpoint}&lt=300&{query}",
        text="</1/0>",
        seconds=4,
        **more,
    )


def hellos(capture, source=None, destination=None):
    """ClientHellos from or to a port."""
    return [
        body
        for src, dst, payload in capture.datagrams
        if source in (None, src[1]) and destination in (None, dst[1])
        for kind, _, epoch, _, body in records_of(payload)
        if kind == HANDSHAKE and epoch == 0 and body[0] == CLIENT_HELLO
    ]


def sealed(capture, port):
    """Records of protected data to or from a port."""
    return [
        body
        for src, dst, payload in capture.datagrams
        if port in (src[1], dst[1])
        for kind, _, epoch, _, body in records_of(payload)
        if kind == DATA and epoch > 0
    ]


def test_R003_a_bootstrap_begins_only_between_those_who_have_proved_themselves():
    device = Device("urn:hops:bootstrap")
    ask = f"/bs?ep={device.endpoint}"
    with Lab([device]) as lab, Capture({lab.port, lab.server_port}) as wire:
        said = coap_client(lab, device, ask, seconds=3, key_text="not the key of that device")
        assert not re.search(r"\b[245]\.\d\d\b", said), said
        assert lab.status()["messages_up"] == 0
        # Nor was the server as much as greeted.
        assert hellos(wire, destination=lab.server_port) == []
        assert sealed(wire, lab.port) == []
        # The right one: the server's own answer comes back (it has no such resource).
        said = coap_client(lab, device, ask, seconds=4)
        assert "4.04" in said, said
        assert lab.status()["messages_up"] == 1
        assert len(hellos(wire, destination=lab.server_port)) >= 2


def test_R003_R004_nor_with_a_server_that_has_not():
    device = Device("urn:hops:impostor")
    with Lab([device], upstream=False) as lab, Capture({lab.server_port}) as wire:
        device.up_key = "00112233445566778899aabbccddeeff"  # what the impostor knows
        lab.start_server()
        said = coap_client(lab, device, f"/bs?ep={device.endpoint}", seconds=4)
        assert not re.search(r"\b[24]\.\d\d\b", said), said
        assert len(hellos(wire, destination=lab.server_port)) >= 2
        assert sealed(wire, lab.server_port) == []
        assert lab.status()["messages_up"] == 0


def inodes(pid):
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
        if match:
            found.add(match[1])
    return found


def table(pid, name, inode_column):
    with open(f"/proc/{pid}/net/{name}", encoding="ascii") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    mine = inodes(pid)
    return [row for row in rows if len(row) > inode_column and row[inode_column] in mine]


def test_R007_no_door_but_dtls_and_the_control_socket():
    device = Device("urn:hops:doors")
    with Lab([device], store=DISK) as lab:
        assert "2.01" in registers(lab, device)
        pid = lab.gateway.child.pid
        for name in ("tcp", "tcp6", "udplite", "udplite6", "raw", "raw6", "packet"):
            assert table(pid, name, 9) == [], name
        ports = {int(row[1].split(":")[1], 16) for n in ("udp", "udp6") for row in table(pid, n, 9)}
        remote = {
            int(row[2].split(":")[1], 16) for n in ("udp", "udp6") for row in table(pid, n, 9)
        }
        # Each is one of the two listeners, or a link's, which is connected to the server.
        assert {lab.port, lab.port6} <= ports
        assert remote <= {0, lab.server_port}, remote
        unix = {row[7] for row in table(pid, "unix", 6) if len(row) > 7}
        own = {name for name in unix if not name.startswith("@")}
        assert lab.path("control") in own, unix
        for name in own:
            assert stat.S_IMODE(os.stat(name).st_mode) & 0o007 == 0, name


class Defaults(Lab):
    """A Lab whose second listener says an address of its own, and no port."""

    ADDRESS = "127.0.0.77"

    def write(self, name, text, mode=0o600):
        if name == "lwgate.conf":
            text = text.replace(
                f'address = "::1"; port = {self.port6};', f'address = "{self.ADDRESS}";'
            )
        return super().write(name, text, mode)


def test_R010_coaps_has_its_port_and_coap_has_none():
    with Defaults([Device("urn:hops:default")], upstream=False) as lab:
        pid = lab.gateway.child.pid
        here = "%02X%02X%02X%02X" % tuple(int(n) for n in reversed(lab.ADDRESS.split(".")))
        bound = {row[1] for row in table(pid, "udp", 9)}
        assert f"{here}:{5684:04X}" in bound, bound
        assert not [b for b in bound if b.endswith(f":{5683:04X}")], bound
        said = coap_client(
            lab, lab.devices[0], "/dp", text="x", seconds=4, host=lab.ADDRESS, port=5684
        )
        assert "4.03" in said, said  # it has come in, and is not registered


def test_R012_no_client_hello_goes_to_a_device():
    devices = [Device(f"urn:hops:quiet:{i}") for i in range(2)]
    with Lab(devices, ops="read", server_args=["--pause-ms", "100"]) as lab:
        with Capture({lab.port}) as wire:
            for device in devices:
                client = s_client(lab, device)
                client.wait_bytes(rb"Extended master secret: yes.*---\n")
                client.child.stdin.write(register_message(device.endpoint))
                client.child.stdin.flush()
                lab.server.wait_json(lambda e: e.get("event") == "registered")
                client.kill()  # without a word: it is asked again and again
            lab.until(lambda: lab.status()["messages_down"] > 8)
            lab.restart()
        assert sealed(wire, lab.port)
        assert hellos(wire, source=lab.port) == []
        assert len(hellos(wire, destination=lab.port)) >= 2 * len(devices)


def test_R015_it_is_said_that_the_gateway_sees_all():
    with Lab([Device("urn:hops:said")], upstream=False) as lab:
        line = [line for line in lab.gateway.lines if "trusted intermediary" in line]
        assert line and "hop by hop" in line[0], lab.gateway.lines
    with open(os.path.join(MAN, "lwgated.8"), encoding="utf-8") as f:
        assert "trusted intermediary" in f.read()


def test_R016_devices_of_every_version_register_at_one_port():
    devices = [Device(f"urn:hops:lwm2m:{i}") for i in range(3)]
    queries = ["lwm2m=1.0&b=UQ", "lwm2m=1.1&b=U&Q", "lwm2m=1.2&b=U&Q&pid"]
    with Lab(devices) as lab:
        for device, query in zip(devices, queries):
            said = registers(lab, device, query)
            assert "2.01" in said, (query, said)
        for device in devices:
            lab.server.wait_json(
                lambda e, d=device: e.get("event") == "registered" and d.endpoint in str(e)
            )


def test_R026_where_a_credential_came_from_is_kept():
    filed, imported = Device("urn:hops:file"), Device("urn:hops:control")
    title = "endpoint,identity,key,upstream_identity,upstream_key\n"
    d = imported
    row = f"{d.endpoint},{d.identity},{d.key},{d.up_identity},{d.up_key}\n"
    with Lab([filed], store=DISK, upstream=False) as lab:
        lab.ctl("credential", "import", lab.write("one.csv", title + row))
        for _ in range(2):
            text = lab.ctl("--json", "credential", "list")
            origins = {c["endpoint"]: c["origin"] for c in json.loads(text)["credentials"]}
            assert origins == {filed.endpoint: "file", imported.endpoint: "lwgatectl"}, text
            lab.restart(signal.SIGTERM)


def test_R029_only_its_owner_reads_the_store_and_its_key_lies_elsewhere():
    devices = [Device(f"urn:hops:rest:{i}") for i in range(20)]
    with Lab(devices, store=DISK, upstream=False) as lab:
        folder = lab.store_path()
        assert stat.S_IMODE(os.stat(folder).st_mode) & 0o077 == 0
        octets = b""
        for name in os.listdir(folder):
            path = os.path.join(folder, name)
            assert stat.S_IMODE(os.stat(path).st_mode) & 0o177 == 0, name
            with open(path, "rb") as f:
                octets += f.read()
        with open(lab.path("store.key"), "rb") as f:
            key = f.read().strip()
        assert os.path.dirname(lab.path("store.key")) != folder
        for secret in (key, bytes.fromhex(key.decode())):
            assert secret not in octets
        for device in devices:
            for secret in (device.key, device.up_key):
                assert bytes.fromhex(secret) not in octets and secret.encode() not in octets
        # Without it, or with another one, nothing is loaded.
        lab.gateway.child.send_signal(signal.SIGTERM)
        lab.gateway.child.wait()
        lab.write("store.key", "5c" * 32)
        status, said = lab.refused()
        assert status == 1 and "key" in said, said


if __name__ == "__main__":
    run_tests(
        [
            test_R003_a_bootstrap_begins_only_between_those_who_have_proved_themselves,
            test_R003_R004_nor_with_a_server_that_has_not,
            test_R007_no_door_but_dtls_and_the_control_socket,
            test_R010_coaps_has_its_port_and_coap_has_none,
            test_R012_no_client_hello_goes_to_a_device,
            test_R015_it_is_said_that_the_gateway_sees_all,
            test_R016_devices_of_every_version_register_at_one_port,
            test_R026_where_a_credential_came_from_is_kept,
            test_R029_only_its_owner_reads_the_store_and_its_key_lies_elsewhere,
        ]
    )
