# SPDX-License-Identifier: Apache-2.0
"""A gateway whose devices have connection ids and come from another address again and again.

    lwgate-fleet == impair (roams; a stranger repeats) == lwgated == lwgate-labserver

A device's address is 127.32.0.0 to 127.191.255.255 with a port at random; the stranger, who sends
again what he has seen, is in 127.200.0.0/16.
"""

import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))
from harness import binary  # noqa: E402  (the path comes first)
from world import World  # noqa: E402

STRANGER = "127.200."
DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
SLEEPY = DISK + " evict_after_s = 1;"
# A CON is in vain when the device has another address again before it gets there. With twenty busy
# devices that is one of seven, each by itself: of 5,373 reads 769 needed a second try, 114 a third,
# 17 a fourth, 5 a fifth. So all of five are in vain for one of 15,000 reads, and a test has 2,000.
# The server has the patience that RFC 7252 4.8.1 leaves it: of seven, one of 500,000.
PATIENT = ("--ack-ms", "1000", "--tries", "7", "--timeout", "200")
PATIENCE_S = 200


class Roam(World):
    """A world whose devices have connection ids. By default nobody says anything unasked: the
    server reads once from each device that registers, and then by the order "round"."""

    def __init__(self, devices, check="check", store=DISK, fleet=(), impair=(), server=()):
        super().__init__(devices, store=store, workers=2)
        self.check = check
        self.of_fleet, self.of_impair, self.of_server = fleet, impair, server

    def __enter__(self):
        super().__enter__()
        try:
            self.make_keys()
            self.start_server(*self.of_server)
            self.device_port = self.start_attacker(
                self.gateway_port, "--roam", "100", *self.of_impair
            )
            self.impair = self.impairs[0]
            self.write_config()
            self.start_gateway()
            self.start_fleet("--cid", "both", "--initial-ms", "500", *self.of_fleet)
            self.until_registered(60)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def start_server(self, *more):
        more = more or ("--rounds", "1")
        self.server = self.start(
            binary("lwgate-labserver"),
            "--listen",
            "127.0.0.1",
            "--port",
            str(self.server_port),
            "--keys",
            self.path("server.keys"),
            "--ops",
            "read",
            *PATIENT,
            *more,
        )
        self.server.wait_json(lambda e: e.get("event") == "listening")

    def write_config(self):
        with open(self.path("lwgate.conf"), "w", encoding="ascii") as f:
            f.write(f"""workers = {self.workers}; user = ""; group = "";
credentials = "credentials.conf";
listeners = ( {{
  address = "127.0.0.1"; port = {self.gateway_port}; address_check = "{self.check}";
}} );
upstream = {{
  address = "127.0.0.1"; port = {self.server_port}; sources = [ "127.0.1.0/24" ];
}};
handshake = {{ device_initial_ms = 1000; upstream_initial_ms = 1000; }};
store = {{
  path = "{self.path("store")}"; key_file = "{self.path("store.key")}";
  token = "{self.memory}/token"; {self.store}
}};
control = {{ path = "{self.path("control")}"; group = ""; }};
""")

    # --- what is asked

    def session(self, number):
        """What lwgatectl says of the device of a device."""
        text = self.ctl("--json", "session", self.endpoint(number))
        return json.loads(text)["device"]

    def endpoint(self, number):
        return f"urn:lwgate:lab-{number + 1:05d}"

    def where(self):
        """Each device's address and port, by its number, as the server's side sees it."""
        clients = self.ask(self.impair, "where")["clients"]
        return {
            number: clients.get(f"127.16.{(number + 1) >> 8}.{(number + 1) & 255}")
            for number in range(self.devices)
        }

    def impaired(self):
        return self.ask(self.impair, "status")

    # --- what happens

    def speak(self, number, answered=True):
        """One record of that device; what came of it."""
        self.order(self.fleet, f"speak {number}")
        said = self.fleet.wait_json(lambda e: e.get("event") == "spoken")
        assert said["device"] == number, said
        if answered:
            assert said["answered"], f"device {number} got no answer"

    def read(self, number=None, seconds=60):
        """The server reads, from one device or all; each must answer."""
        wanted = {self.endpoint(n) for n in (range(self.devices) if number is None else [number])}
        self.order(self.server, "round" if number is None else f"round {self.endpoint(number)}")
        while wanted:
            op = self.server.wait_json(lambda e: e.get("event") == "op", seconds)
            assert op["outcome"] == "2.05", op
            wanted.discard(op["endpoint"])

    def reach(self):
        """Each device answers the server."""
        self.order(self.server, "mark")
        self.order(self.server, "round")  # those who are idle
        self.until(lambda: self.ask(self.server)["reached"] == self.devices, 90)

    def repeat_from_elsewhere(self):
        """All that the stranger has seen."""
        self.order(self.impair, "elsewhere")
        self.impair.wait_json(lambda e: e.get("event") == "elsewhere")

    def until_read_once(self):
        """The read that follows each registration is over."""
        self.until(lambda: self.ask(self.server)["rounds"] >= self.devices)

    def until(self, wanted, seconds=60):
        end = time.monotonic() + seconds
        while not wanted():
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s: {wanted}")
            time.sleep(0.05)

    def until_asleep(self):
        self.until(lambda: self.status()["associations"] == 0)

    # --- what must hold

    def assert_known_where_they_are(self):
        where = self.where()
        for number in range(self.devices):
            seen = self.session(number)
            assert seen["address"] == where[number], (number, where[number], seen)
            assert seen["candidate"] is None and not seen["adrift"], seen

    def assert_not_the_stranger(self, nor_suspected=True):
        for number in range(self.devices):
            seen = self.session(number)
            if not nor_suspected:
                seen["candidate"] = None
            assert STRANGER not in json.dumps(seen), seen

    def assert_told(self):
        """Each device's newest address is known, if not yet trusted."""
        where = self.where()
        for number in range(self.devices):
            seen = self.session(number)
            assert where[number] in (seen["candidate"] or seen["address"], seen["address"]), (
                where[number],
                seen,
            )

    def assert_no_handshakes(self):
        """Since the gateway's start."""
        status = self.status()
        assert status["device_handshakes_done"] == 0, status
        assert status["server_handshakes_done"] == 0, status

    def finish(self):
        """All leave; nobody has lost anything meanwhile. The summaries of fleet, server, impair."""
        self.order(self.impair, "stay")
        self.order(self.server, "finish")
        self.server.wait_json(lambda e: e.get("event") == "idle", PATIENCE_S)
        fleet, server = self.summary(self.fleet), self.summary(self.server)
        impair = self.summary(self.impair)
        assert self.gateway.stop(30) == 0
        assert fleet["handshakes"] == self.devices and fleet["again"] == 0, fleet
        assert fleet["cids"] == self.devices, fleet
        assert fleet["exchanges"]["register"]["begun"] == self.devices, fleet
        assert fleet["exchanges"]["deregister"]["answered"] == self.devices, fleet
        assert server["registered"] == server["handshakes"] == self.devices, server
        read = server["ops"]["read"]
        assert read["sent"] == read["answered"] == read["codes"]["2.05"], read
        return fleet, server, impair


def end_and_start(w, how):
    status = w.kill_gateway(how)
    assert status == (0 if how == signal.SIGTERM else -how), status
    w.start_gateway()
