#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Both daemons under a service manager: it hears how far they are, notices when one hangs, and
hands sockets over."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Process,
    binary,
    coap_client,
    free_port,
    run_tests,
)
from intruder import Hung, thread_named  # noqa: E402
from manager import Manager, ServiceLab, udp_socket, unix_listener  # noqa: E402

WATCHDOG_S = 2.0
UNITS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/systemd")


def registers(lab, device):
    said = coap_client(
        lab, device, f"/rd?ep={device.endpoint}&lt=300", text="</1/0>", method="post"
    )
    assert "c:2.01" in said, said


def test_ready_reloading_stopping():
    with ServiceLab([Device("urn:dev:1")]) as lab:
        pid = lab.gateway.child.pid
        ready = lab.manager.wait("READY")
        assert ready.pid == pid and "serving" in ready.values["STATUS"], ready
        before = time.monotonic()
        lab.gateway.child.send_signal(signal.SIGHUP)
        begun = lab.manager.wait("RELOADING")
        at = int(begun.values["MONOTONIC_USEC"]) / 1e6
        assert before <= at <= time.monotonic(), begun
        lab.manager.wait("READY")
        lab.gateway.child.terminate()
        lab.manager.wait("STOPPING")
        assert lab.gateway.child.wait(DEADLINE_S) == 0


def test_an_upgrade_is_a_reload_of_the_same_process():
    with ServiceLab([Device("urn:dev:1")], store="") as lab:
        pid = lab.gateway.child.pid
        lab.manager.wait("READY")
        lab.ctl("upgrade")
        begun = lab.manager.wait("RELOADING")
        assert "MONOTONIC_USEC" in begun.values and begun.pid == pid, begun
        assert lab.manager.wait("READY").pid == pid
        registers(lab, lab.devices[0])


def test_a_worker_that_hangs_ends_the_pings():
    with ServiceLab([Device("urn:dev:1")], settings="workers = 2;", watchdog_s=WATCHDOG_S) as lab:
        pid = lab.gateway.child.pid
        lab.manager.wait("READY")
        first = lab.manager.wait("WATCHDOG")
        assert lab.manager.wait("WATCHDOG").at - first.at < WATCHDOG_S
        tasks = sorted(int(t) for t in os.listdir(f"/proc/{pid}/task"))
        worker = thread_named(pid, "worker-1")
        assert worker in tasks and worker != pid, tasks
        with Hung(worker):
            lab.manager.silent("WATCHDOG", WATCHDOG_S / 2)  # one may be on its way
            assert lab.manager.silent("WATCHDOG", WATCHDOG_S), "it hangs, and all is well"
            line = lab.gateway.wait_line(" watchdog ")
            assert "worker=1" in line, line
        lab.manager.wait("WATCHDOG")


def test_a_watchdog_for_another_process_is_not_ours():
    with ServiceLab(
        [Device("urn:dev:1")], watchdog_s=WATCHDOG_S / 4, environment={"WATCHDOG_PID": "1"}
    ) as lab:
        lab.manager.wait("READY")
        assert lab.manager.silent("WATCHDOG", WATCHDOG_S)


def test_sockets_are_taken_over_and_stay_the_managers():
    def sockets(lab):
        made = [
            udp_socket(lab.port),
            udp_socket(lab.port6, "::1"),
            unix_listener(lab.path("control")),
            unix_listener(lab.path("events")),
        ]
        return made

    settings = "workers = 2;"
    with ServiceLab([Device("urn:dev:1")], settings=settings, store="", sockets=sockets) as lab:
        lab.write(
            "lwgate.conf",
            open(lab.path("lwgate.conf"), encoding="utf-8").read()
            + f'events = {{ path = "{lab.path("events")}"; }};\n',
        )
        inode = os.stat(lab.path("control")).st_ino
        registers(lab, lab.devices[0])
        assert not [line for line in lab.gateway.lines if "none of the" in line][1:], "events only"
        lab.restart(signal.SIGTERM)
        assert os.stat(lab.path("control")).st_ino == inode, "the manager's socket was removed"
        assert not any("none of the" in line for line in lab.gateway.lines[-20:])
        registers(lab, lab.devices[0])
        lab.ctl("upgrade")
        lab.gateway.wait_line(" upgrade ")
        lab.gateway.wait_line(" ready ")
        registers(lab, lab.devices[0])
        assert lab.gateway.stop() == 0
        assert os.stat(lab.path("control")).st_ino == inode
        assert os.path.exists(lab.path("events"))


def test_what_came_before_the_start_is_served():
    device = Device("urn:dev:1")
    with ServiceLab([device], sockets=lambda lab: [udp_socket(lab.port)]) as lab:
        assert lab.gateway.stop() == 0
        # Nobody is there, but the manager holds the port: the client's first flight waits in it.
        client = subprocess.Popen(
            ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{lab.port}"]
            + ["-psk", device.key, "-psk_identity", device.identity]
            + ["-cipher", "PSK-AES128-CCM8:@SECLEVEL=0", "-timeout"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        lab.until(lambda: queued(lab.port))
        lab.start_gateway()
        lab.gateway.wait_line("session-up")
        client.kill()
        client.communicate()


def queued(port):
    with open("/proc/net/udp", encoding="ascii") as f:
        rows = [line.split() for line in f.readlines()[1:]]
    return any(
        int(row[1].split(":")[1], 16) == port and int(row[4].split(":")[1], 16) > 0 for row in rows
    )


def test_a_group_has_a_socket_for_each_worker():
    def sockets(lab):
        return [udp_socket(lab.port, reuse=True) for _ in range(2)]

    devices = [Device(f"urn:dev:{n}") for n in range(4)]
    with ServiceLab(devices, settings="workers = 2;", sockets=sockets) as lab:
        assert not any("listen-fds" in line for line in lab.gateway.lines), lab.gateway.lines
        for device in devices:
            registers(lab, device)
        totals = lab.status()
        assert totals.get("handed_over", 0) == 0, totals
        lab.gateway.stop()
        lab.sockets.append(udp_socket(lab.port, reuse=True))
        status, said = lab.refused()
        assert status == 1 and "3 sockets" in said and "workers = 3" in said, said


def test_one_socket_is_shared_by_the_workers():
    devices = [Device(f"urn:dev:{n}") for n in range(6)]
    with ServiceLab(
        devices, settings="workers = 2;", sockets=lambda lab: [udp_socket(lab.port)]
    ) as lab:
        assert any("some share one" in line for line in lab.gateway.lines), lab.gateway.lines
        for device in devices:
            registers(lab, device)


def test_the_others_bind_beside_one_of_a_group():
    def bound(port):
        with open("/proc/net/udp", encoding="ascii") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        return len([row for row in rows if int(row[1].split(":")[1], 16) == port])

    devices = [Device(f"urn:dev:{n}") for n in range(4)]
    with ServiceLab(
        devices,
        settings="workers = 2;",
        sockets=lambda lab: [udp_socket(lab.port, reuse=True)],
    ) as lab:
        assert not any("listen-fds" in line for line in lab.gateway.lines), lab.gateway.lines
        assert bound(lab.port) == 2
        for device in devices:
            registers(lab, device)


def test_what_fits_nothing_is_told():
    port = free_port(socket.AF_INET6)

    def sockets(lab):
        return [udp_socket(free_port()), udp_socket(port, "::", dual=True)]

    with ServiceLab([Device("urn:dev:1")], sockets=sockets) as lab:
        told = [line for line in lab.gateway.lines if " listen-fds " in line]
        assert len(told) == 2 and "none of the configuration" in told[0], told
        text = open(lab.path("lwgate.conf"), encoding="utf-8").read()
        lab.gateway.stop()
        lab.write("lwgate.conf", text.replace(f'"::1"; port = {lab.port6}', f'"::"; port = {port}'))
        status, said = lab.refused()
        assert status == 1 and "BindIPv6Only=ipv6-only" in said, said


def test_sockets_for_another_process_are_not_ours():
    with ServiceLab(
        [Device("urn:dev:1")],
        sockets=lambda lab: [udp_socket(free_port())],
        environment={"LISTEN_PID": "1"},
    ) as lab:
        assert not any("listen-fds" in line for line in lab.gateway.lines)
        registers(lab, lab.devices[0])


def test_a_key_that_is_not_whole_is_none():
    """The command of lwgate-store-key.service, which makes one at a first boot."""
    with open(os.path.join(UNITS, "lwgate-store-key.service"), encoding="ascii") as f:
        command = next(line for line in f if line.startswith("ExecStart="))
    words = shlex.split(command[len("ExecStart=") :])
    assert words[:2] == ["/bin/sh", "-c"] and len(words) == 3, words
    with tempfile.TemporaryDirectory() as folder:
        script = words[2].replace("/etc/lwgate", folder)
        for od, status, left in (
            ("exit 1", 1, [".store.key"]),
            ("printf ' 01 ab'; exit 1", 1, [".store.key"]),
            ('exec /usr/bin/od "$@"', 0, ["store.key"]),
        ):
            with open(os.path.join(folder, "od"), "w", encoding="ascii") as f:
                f.write(f"#!/bin/sh\n{od}\n")
            os.chmod(f.name, 0o755)
            env = {"PATH": folder + ":" + os.environ["PATH"]}
            done = subprocess.run(["/bin/sh", "-c", script], env=env, check=False, timeout=60)
            os.unlink(f.name)
            assert (done.returncode, os.listdir(folder)) == (status, left), (od, done)
        with open(os.path.join(folder, "store.key"), encoding="ascii") as f:
            assert re.fullmatch("[0-9a-f]{64}", f.read())


def test_the_bridge_tells_the_same():
    with tempfile.TemporaryDirectory(prefix="lwgate-test-") as folder:
        with open(os.path.join(folder, "smsd.conf"), "w", encoding="utf-8") as f:
            f.write(
                f'user = ""; group = ""; gateway = "{folder}/sms"; spool = "{folder}/spool";\n'
                f'ways = ( {{ name = "m"; modem = {{ device = "{folder}/none"; }}; }} );\n'
            )
        with Manager(folder, WATCHDOG_S) as manager:
            bridge = Process(
                [binary("lwgate-smsd"), "-c", os.path.join(folder, "smsd.conf")],
                env=manager.environment(),
            )
            try:
                manager.wait("READY")
                manager.wait("WATCHDOG")
                bridge.child.send_signal(signal.SIGHUP)
                assert "MONOTONIC_USEC" in manager.wait("RELOADING").values
                manager.wait("READY")
                manager.wait("WATCHDOG")
                bridge.child.terminate()
                manager.wait("STOPPING")
                assert bridge.child.wait(DEADLINE_S) == 0, bridge.lines
            finally:
                bridge.kill()


if __name__ == "__main__":
    run_tests(
        [
            test_ready_reloading_stopping,
            test_an_upgrade_is_a_reload_of_the_same_process,
            test_a_worker_that_hangs_ends_the_pings,
            test_a_watchdog_for_another_process_is_not_ours,
            test_sockets_are_taken_over_and_stay_the_managers,
            test_what_came_before_the_start_is_served,
            test_a_group_has_a_socket_for_each_worker,
            test_one_socket_is_shared_by_the_workers,
            test_the_others_bind_beside_one_of_a_group,
            test_what_fits_nothing_is_told,
            test_sockets_for_another_process_are_not_ours,
            test_a_key_that_is_not_whole_is_none,
            test_the_bridge_tells_the_same,
        ]
    )
