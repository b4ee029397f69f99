#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Several servers behind one lwgated: who is led to which, what a reload and a restart change of
that, and several addresses of one server."""

import os
import re
import sys

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    DEADLINE_S,
    Device,
    Lab,
    binary,
    coap_client,
    free_port,
    register_message,
    run_tests,
    s_client,
    update_message,
)

DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
UP = rb"Extended master secret: yes.*---\n"


class Several(Lab):
    """Labservers "a" and "b"; routes is the text of the list."""

    def __init__(self, devices, routes, more="", credentials=None, **rest):
        super().__init__(devices, **rest)
        self.routes, self.more, self.servers, self.rows = routes, more, {}, credentials

    def _credentials(self):
        text = super()._credentials()
        for endpoint, more in (self.rows or {}).items():
            text = text.replace(f'endpoint = "{endpoint}";', f'endpoint = "{endpoint}"; {more}', 1)
        return text

    def upstream(self, name):
        port = self.ports[name]
        return (
            f'{{ name = "{name}"; address = "127.0.0.1"; port = {port}; '
            f'sources = [ "127.0.1.0/24" ]; {self.more} }}'
        )

    def route(self, routes):
        """Writes the configuration with these routes."""
        servers = ", ".join(self.upstream(name) for name in self.ports)
        text = re.sub(
            r"upstream = \{.*?\};\n(handshake|upstreams|routes)",
            f"upstreams = ( {servers} );\nroutes = ( {routes} );\n\\1",
            self.plain,
            flags=re.DOTALL,
        )
        self.write("lwgate.conf", text)

    def start_server(self):
        self.ports = {"a": self.server_port, "b": free_port()}
        with open(self.path("lwgate.conf"), encoding="utf-8") as f:
            self.plain = f.read()
        self.route(self.routes)
        keys = "".join(f"{d.up_identity} {d.up_key} {d.endpoint}\n" for d in self.devices)
        self.write("server.keys", keys)
        for name, port in self.ports.items():
            self.servers[name] = labserver(self, "127.0.0.1", port)

    def registered(self, name, endpoint, event="registered"):
        """Waits until the server says so."""
        return self.servers[name].wait_json(
            lambda e: e.get("event") == event and e.get("endpoint") == endpoint
        )

    def heard(self, name, endpoint):
        return any(f'"{endpoint}"' in line for line in self.servers[name].lines)


def labserver(lab, host, port):
    server = lab.start(
        [
            *(binary("lwgate-labserver"), "--listen", host, "--port", str(port)),
            *("--keys", lab.path("server.keys"), "--ops", ""),
        ]
    )
    server.wait_json(lambda e: e.get("event") == "listening")
    return server


def register(lab, device):
    return coap_client(
        lab,
        device,
        f"/rd?ep={device.endpoint}&lt=300&lwm2m=1.0&b=U",
        text="</1/0>,</3/0>",
    )


def connected(lab, device):
    client = s_client(lab, device)
    client.wait_bytes(UP)
    return client


def say(client, message):
    client.child.stdin.write(message)
    client.child.stdin.flush()


def location_of(client, token):
    """The Location-Path of the 2.01 to the request with that token, which may come by itself."""
    found = client.wait_bytes(rb"[\x40-\x6f]\x41.." + re.escape(token) + rb"\x82rd(.)")
    size = found.group(1)[0]
    at = found.end()
    client.wait_bytes(re.escape(found.group(0)) + b"." * size)
    return "rd/" + client.bytes[at : at + size].decode()


def test_R023_devices_go_where_their_routes_lead():
    meter, other = Device("urn:imei:3500000001"), Device("urn:dev:other")
    routes = '{ to = "a"; endpoint = "urn:imei:35*"; }, { to = "b"; }'
    with Several([meter, other], routes) as lab:
        assert "2.01" in register(lab, meter)
        assert "2.01" in register(lab, other)
        lab.registered("a", meter.endpoint)
        lab.registered("b", other.endpoint)
        assert not lab.heard("a", other.endpoint) and not lab.heard("b", meter.endpoint)
        assert any(" session-up " in l and " upstream=a" in l for l in lab.gateway.lines)


def test_R023_labels_and_purposes_are_conditions():
    red, boot = Device("urn:dev:red"), Device("urn:dev:boot")
    routes = '{ to = "a"; labels = [ "red" ]; }, { to = "b"; purpose = "bootstrap"; }'
    rows = {red.endpoint: 'labels = [ "red", "x" ];', boot.endpoint: 'purpose = "bootstrap";'}
    with Several([red, boot], routes, credentials=rows) as lab:
        assert "2.01" in register(lab, red)
        lab.registered("a", red.endpoint)
        client = connected(lab, boot)
        lab.gateway.wait_line(lambda l: " session-up " in l and " upstream=b" in l)
        shown = lab.ctl("session", boot.endpoint)
        assert re.search(r"^upstream +b$", shown, re.MULTILINE), shown
        say(client, register_message(boot.endpoint))  # it may not
        client.wait_bytes(rb"[\x40-\x6f]\x83")


def test_who_fits_no_route_is_refused():
    device = Device("urn:dev:stray")
    other = Device("urn:imei:1")
    with Several(
        [device, other],
        '{ to = "a"; endpoint = "urn:imei:*"; }, ' '{ to = "b"; endpoint = "never"; }',
    ) as lab:
        client = s_client(lab, device)
        line = lab.gateway.wait_line(" no-route ")
        assert f"endpoint={device.endpoint} purpose=any listener=127.0.0.1:{lab.port}" in line
        assert "remedy=" in line
        client.child.wait(DEADLINE_S)  # it was told goodbye
        assert "2.01" in register(lab, other)
        assert not lab.heard("a", device.endpoint) and not lab.heard("b", device.endpoint)


def test_R008_another_route_after_a_reload_ends_link_and_registration():
    device = Device("urn:dev:moves")
    stay = Device("urn:dev:stays")
    routes = '{ to = "a"; endpoint = "urn:dev:*"; }, { to = "b"; }'
    with Several([device, stay], routes) as lab:
        clients = [connected(lab, d) for d in (device, stay)]
        for client, d in zip(clients, (device, stay)):
            say(client, register_message(d.endpoint, 0x1111, b"\x51"))
            lab.registered("a", d.endpoint)
        locations = [location_of(c, b"\x51") for c in clients]
        lab.route('{ to = "b"; endpoint = "urn:dev:m*"; }, { to = "a"; }')
        assert "reloaded" in lab.ctl("reload")
        say(clients[0], update_message(locations[0], 0x1112, b"\x61"))
        clients[0].wait_bytes(rb"[\x40-\x6f]\x84..\x61")  # 4.04
        line = lab.gateway.wait_line(" rerouted ")
        assert f'endpoint={device.endpoint} upstream=b was="upstream=a"' in line, line
        say(clients[1], update_message(locations[1], 0x1112, b"\x62"))
        clients[1].wait_bytes(rb"[\x40-\x6f]\x44..\x62")  # 2.04: nothing is new for this one
        say(clients[0], register_message(device.endpoint, 0x1113, b"\x63"))
        lab.registered("b", device.endpoint)
        location = location_of(clients[0], b"\x63")
        say(clients[0], update_message(location, 0x1114, b"\x64"))
        clients[0].wait_bytes(rb"[\x40-\x6f]\x44..\x64")
        # The routes are wrong: nothing changes, and the line is named.
        lab.route('{ to = "a"; }, { to = "b"; }')
        done = lab.ctl("reload", check=False)
        assert b"nothing was changed" in done.stdout + done.stderr
        assert b"nothing reaches the route" in done.stdout + done.stderr
        lab.route('{ to = "a"; endpoint = "x"; }, { to = "b"; endpoint = "y"; }')
        assert "reloaded" in lab.ctl("reload")
        say(clients[1], update_message(locations[1], 0x1115, b"\x65"))
        lab.gateway.wait_line(" no-route ")
        clients[1].child.wait(DEADLINE_S)


def test_R008_a_restart_keeps_who_is_led_where_he_was():
    first, second = Device("urn:dev:first"), Device("urn:dev:second")
    routes = '{ to = "a"; endpoint = "*first"; }, { to = "b"; }'
    with Several([first, second], routes, store=DISK) as lab:
        clients = {"a": connected(lab, first), "b": connected(lab, second)}
        for name, client in clients.items():
            say(
                client,
                register_message(
                    "urn:dev:first" if name == "a" else "urn:dev:second", 0x1111, b"\x51"
                ),
            )
            lab.registered(name, "urn:dev:first" if name == "a" else "urn:dev:second")
        where = {name: location_of(c, b"\x51") for name, c in clients.items()}
        lab.restart()
        for name, client in clients.items():
            say(client, update_message(where[name], 0x1112, b"\x61"))
            client.wait_bytes(rb"[\x40-\x6f]\x44..\x61")
        assert lab.status()["server_handshakes_done"] == 0  # the links go on, too
        # The other way round, and the servers in another order: both begin anew there.
        lab.ports = dict(reversed(lab.ports.items()))
        lab.route('{ to = "b"; endpoint = "*first"; }, { to = "a"; }')
        lab.restart()
        for name, client in clients.items():
            say(client, update_message(where[name], 0x1113, b"\x62"))
            client.wait_bytes(rb"[\x40-\x6f]\x84..\x62")
        say(clients["a"], register_message("urn:dev:first", 0x1114, b"\x63"))
        lab.registered("b", "urn:dev:first")


def test_an_upgrade_hands_each_server_its_sockets():
    first, second = Device("urn:dev:first"), Device("urn:dev:second")
    routes = '{ to = "a"; endpoint = "*first"; }, { to = "b"; }'
    with Several([first, second], routes, store=DISK) as lab:
        clients = [connected(lab, first), connected(lab, second)]
        for name, device, client in zip("ab", (first, second), clients):
            say(client, register_message(device.endpoint, 0x1111, b"\x51"))
            lab.registered(name, device.endpoint)
        where = [location_of(c, b"\x51") for c in clients]
        lab.ctl("upgrade")
        lab.gateway.wait_line(" ready ")
        for at, client in zip(where, clients):
            say(client, update_message(at, 0x1112, b"\x61"))
            client.wait_bytes(rb"[\x40-\x6f]\x44..\x61")
        assert lab.status()["server_handshakes_done"] == 0


class Addresses(Lab):
    """A server at the second of its addresses; nobody is at the first."""

    def start_server(self):
        with open(self.path("lwgate.conf"), encoding="utf-8") as f:
            text = f.read()
        text = text.replace(
            'upstream = { address = "127.0.0.1";',
            'upstream = { address = [ "127.0.0.9", "127.0.0.1" ];',
        )
        self.write("lwgate.conf", text)
        super().start_server()


def test_a_server_is_found_at_another_of_its_addresses():
    device = Device("urn:dev:one")
    with Addresses([device]) as lab:
        answers = []
        for _ in range(16):  # three times in a row, of each worker, nobody is found
            answers.append(register(lab, device))
            if "2.01" in answers[-1]:
                break
        assert "2.01" in answers[-1], answers
        failed = [l for l in lab.gateway.lines if "handshake-failed" in l and "127.0.0.9" in l]
        assert len(failed) >= 1, lab.gateway.lines[-10:]


def test_names_that_are_wrong_are_refused_with_their_line():
    with Several([Device("urn:dev:one")], '{ to = "a"; endpoint = "x"; }, { to = "b"; }') as lab:
        lab.gateway.stop()
        lab.route('{ to = "c"; }')
        status, said = lab.refused()
        assert status == 1 and re.search(r"lwgate\.conf:\d+: routes\.to: no upstream", said), said


if __name__ == "__main__":
    run_tests(
        [
            test_R023_devices_go_where_their_routes_lead,
            test_R023_labels_and_purposes_are_conditions,
            test_who_fits_no_route_is_refused,
            test_R008_another_route_after_a_reload_ends_link_and_registration,
            test_R008_a_restart_keeps_who_is_led_where_he_was,
            test_an_upgrade_hands_each_server_its_sockets,
            test_a_server_is_found_at_another_of_its_addresses,
            test_names_that_are_wrong_are_refused_with_their_line,
        ]
    )
