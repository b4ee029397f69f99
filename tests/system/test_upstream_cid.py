#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links to a server that has connection ids, too (RFC 9146): lwgated goes on behind an operator's
address translator, after its own address has changed, and after its own end.

The server is `sink`, on our engine; that of Leshan is met in tests/interop. Devices have no CIDs
here, so that what goes on is the link."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, Lab, Process, Skip, binary, run_tests  # noqa: E402

COUNT = 20
DISK = "any_filesystem = true;"
IN_NAMESPACE = "--in-a-namespace"
SERVER_IP, PREFIX = "10.91.0.1", 24
WANS = ("10.91.0.2", "10.91.0.77", "10.91.0.200")


def order(process, text):
    process.child.stdin.write(text.encode() + b"\n")
    process.child.stdin.flush()


class Operator(Lab):
    """A Lab whose links pass an operator's NAT to a sink, and a fleet that is registered."""

    def __init__(self, *sink, fleet=(), **more):
        self.more_of_sink, self.more_of_fleet = sink, fleet
        super().__init__([Device(f"urn:link:{i}") for i in range(COUNT)], store=DISK, **more)

    def start_server(self):
        keys = "".join(f"{d.up_identity} {d.up_key} {d.endpoint}\n" for d in self.devices)
        self.server = self.start(
            [
                *self.before_sink(),
                *(binary("sink"), *self.place(), "--keys", self.write("server.keys", keys)),
                *("--cid", "both", *self.more_of_sink),
            ]
        )
        self.way_to(self.server.wait_json(lambda e: e.get("event") == "listening")["port"])

    def before_sink(self):
        return ()

    def place(self):
        return ("--listen", "127.0.0.1")

    def way_to(self, port):
        self.nat = self.start(
            [
                *(binary("impair"), "--listen", f"127.0.0.1:{self.server_port}"),
                *("--to", f"127.0.0.1:{port}", "--roam", "100"),
            ]
        )
        self.nat.wait_json(lambda e: e.get("event") == "listening")

    def __enter__(self):
        super().__enter__()
        try:
            self.fleet = self.start(
                [
                    *(binary("lwgate-fleet"), "--server", f"127.0.0.1:{self.port}"),
                    *("--credentials", self.path("credentials.conf"), "--notify-ms", "0"),
                    *("--lifetime-s", "86400", *self.more_of_fleet),
                ]
            )
            self.fleet.wait_json(lambda e: e.get("event") == "all_registered")
            self.begun = self.told()
            assert self.begun["handshakes"] == COUNT, self.begun
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def told(self):
        """What the sink counts, from now on."""
        while not self.server.unread.empty():
            self.server.unread.get()
        return self.server.wait_json(lambda e: e.get("event") == "progress")

    def up(self, pairs):
        """So many requests of the devices, all of them answered."""
        order(self.fleet, f"load {pairs}")
        done = self.fleet.wait_json(lambda e: e.get("event") == "load")
        assert done["done"] == pairs and done["lost"] == 0, done

    def down(self, pairs):
        """As many requests of the server, at least, all of them answered."""
        before = self.told()
        order(self.server, "drive")
        wanted = before["pairs"] + pairs
        self.server.wait_json(lambda e: e.get("event") == "progress" and e["pairs"] >= wanted)
        order(self.server, "rest")
        assert self.told()["lost"] == before["lost"], (before, self.told())

    def no_new_handshake(self):
        """Neither to the server, nor, since lwgated's start, with anybody."""
        now = self.told()
        assert now["handshakes"] == COUNT and now["handshakes_failed"] == 0, now
        assert now["links"] == COUNT and now["registers"] == COUNT, now
        return now

    def none_since_the_start(self):
        status = self.status()
        for side in ("device", "server"):
            assert status[f"{side}_handshakes_done"] == 0, status
        self.no_new_handshake()

    def until_asleep(self):
        self.until(lambda: self.status()["associations"] == 0)


def test_R152_links_go_on_when_an_operator_gives_each_datagram_another_port():
    with Operator() as lab:
        order(lab.nat, "roam")
        lab.up(1000)
        lab.down(1000)
        now = lab.no_new_handshake()
        assert now["moves"] >= 2000, now
        status = lab.status()
        assert status["server_handshakes_done"] == COUNT, status


def follows_when_asked(lab, times):
    for number in range(1, times + 1):
        order(lab.nat, "move")
        lab.up(4 * COUNT)
        now = lab.no_new_handshake()
        assert now["moves"] == number * COUNT and now["moves_failed"] == 0, now
        lab.down(COUNT)


def test_R157_a_server_that_asks_by_RFC_9853_is_answered_and_follows():
    with Operator("--check", fleet=("--con", "--ack-ms", "300")) as lab:
        follows_when_asked(lab, 3)


def test_R140_R157_a_link_without_an_id_of_its_own_is_followed_too():
    send = 'connection_ids = "send";'
    with Operator("--check", fleet=("--con", "--ack-ms", "300"), to_server=send) as lab:
        follows_when_asked(lab, 1)


def through(again, rounds):
    """Links go on after again(lab): once the server speaks first, then the devices, from another
    place."""
    with Operator() as lab:
        for times in range(1, rounds + 1):
            again(lab)
            lab.down(COUNT)
            lab.none_since_the_start()
            again(lab)
            order(lab.nat, "move")
            lab.up(4 * COUNT)
            lab.down(COUNT)
            lab.none_since_the_start()
            assert lab.told()["moves"] == times * COUNT, lab.told()


def test_R159_links_go_on_through_kill_9():
    through(lambda lab: lab.restart(signal.SIGKILL), 2)


def test_R159_links_go_on_through_TERM():
    def again(lab):
        assert lab.restart(signal.SIGTERM) == 0

    through(again, 1)


class Sleepy(Operator):
    """Whose sessions leave memory after a second."""

    def _store_text(self):
        return super()._store_text().replace(DISK, DISK + " evict_after_s = 1;")


def test_R159_links_that_sleep_are_woken_by_either_side():
    with Sleepy() as lab:
        for _ in range(2):
            lab.until_asleep()
            lab.down(COUNT)
            lab.until_asleep()
            order(lab.nat, "move")
            lab.up(4 * COUNT)
        lab.until_asleep()
        lab.restart(signal.SIGKILL)
        order(lab.nat, "move")
        lab.up(4 * COUNT)
        lab.down(COUNT)
        lab.none_since_the_start()
        assert lab.told()["moves"] == 3 * COUNT, lab.told()


class Wan(Operator):
    """lwgated in a network namespace whose only way out is a WAN with one address; the sink is in
    another one, at its other end."""

    def start_server(self):
        self.away = self.start(["unshare", "-n", "sh", "-c", "echo here; read end"])
        self.away.wait_line("here")
        pid = str(self.away.child.pid)
        run("ip", "link", "add", "wan", "type", "veth", "peer", "name", "far", "netns", pid)
        self.there("ip", "addr", "add", f"{SERVER_IP}/{PREFIX}", "dev", "far")
        self.there("ip", "link", "set", "far", "up")
        run("ip", "link", "set", "wan", "up")
        self.is_at = None
        self.address(WANS[0])
        super().start_server()

    def before_sink(self):
        return ("nsenter", "-t", str(self.away.child.pid), "-n")

    def place(self):
        return ("--listen", SERVER_IP, "--port", str(self.server_port))

    def there(self, *words):
        run(*self.before_sink(), *words)

    def way_to(self, port):
        assert port == self.server_port

    def address(self, ip):
        """The old one is gone, as after another lease."""
        if self.is_at:
            run("ip", "addr", "del", f"{self.is_at}/{PREFIX}", "dev", "wan")
        run("ip", "addr", "add", f"{ip}/{PREFIX}", "dev", "wan")
        self.is_at = ip

    def write(self, name, text, mode=0o600):
        """The system chooses where links come from."""
        if name == "lwgate.conf":
            server = f'upstream = {{ address = "127.0.0.1"; port = {self.server_port}; sources'
            assert server in text
            text = text.replace(
                server + ' = [ "127.0.1.0/24" ];',
                f'upstream = {{ address = "{SERVER_IP}"; port = {self.server_port};',
            )
            assert "sources" not in text
        return super().write(name, text, mode)


def run(*words):
    done = subprocess.run(words, capture_output=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, (words, done.stderr.decode())


def change_of_the_wan():
    """In a namespace of its own."""
    run("ip", "link", "set", "lo", "up")
    with Wan() as lab:
        for times, ip in enumerate(WANS[1:], 1):
            lab.address(ip)
            lab.up(4 * COUNT)
            lab.down(COUNT)
            now = lab.no_new_handshake()
            assert now["moves"] == times * COUNT, now
        lab.address(WANS[0])
        lab.restart(signal.SIGKILL)
        lab.up(4 * COUNT)
        lab.down(COUNT)
        lab.none_since_the_start()
        assert lab.told()["moves"] == len(WANS) * COUNT, lab.told()


def unshared():
    """The words that run a command in a network namespace of its own."""
    for words in (("unshare", "-n"), ("unshare", "-r", "-n")):
        made = subprocess.run([*words, "true"], capture_output=True, check=False)
        if made.returncode == 0:
            return words
    raise Skip(f"no network namespace can be made here: {made.stderr.decode().strip()}")


def test_R152_links_go_on_when_the_address_of_the_wan_has_changed():
    inner = Process([*unshared(), sys.executable, os.path.abspath(__file__), IN_NAMESPACE])
    try:
        status = inner.child.wait(4 * DEADLINE_S)
        inner.reader.join(5)
        assert status == 0, "\n".join(inner.lines)
    finally:
        inner.kill()


if __name__ == "__main__":
    if sys.argv[1:] == [IN_NAMESPACE]:
        change_of_the_wan()
        sys.exit(0)
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
