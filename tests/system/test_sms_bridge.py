#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgate-smsd between devices and a gateway that is a test: secured packets of another
implementation at both ends, SMSCs of others, and nothing lost or said twice when the bridge, the
SMSC and the gateway are killed in any order.

Environment: RESTARTS (20), PAUSE "0.2-1" seconds between kills, SEED (random)."""

import os
import random
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import DEADLINE_S, Process, binary, free_port, run_tests  # noqa: E402
from sms_coap import ACK, CHANGED, CON, CREATED, Message  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_packet import COMMAND, seal, unseal, unwrap, wrap  # noqa: E402
from sms_wire import ACCEPTED, LATER, TAKEN, Box  # noqa: E402
from sms_world import OURS, SMSCS, Network, bridge_text  # noqa: E402

NUMBER = "447700900111"
RESTARTS = int(os.environ.get("RESTARTS", "20"))
LOW, HIGH = (float(x) for x in os.environ.get("PAUSE", "0.2-1").split("-"))
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))


class Gateway:
    """Opens what comes, answers requests, seals what goes; a counter each way, as both profiles
    demand."""

    def __init__(self, path, devices):
        self.devices = {d.number: d for d in devices}
        self.last = dict.fromkeys(self.devices, 0)
        self.used = dict.fromkeys(self.devices, 0)
        self.heard, self.refused = [], []
        self.later = 0  # so many are left with the network first
        self.box = Box(path, self.take)

    def take(self, said):
        """TAKEN, or LATER; what is no good would be none a second time."""
        if self.later > 0:
            self.later -= 1
            return LATER
        device = self.devices[said["peer"]]
        counter, data = unseal(device.keys, said["data"])
        if said["marker"] != COMMAND or counter <= self.last[device.number]:
            self.refused.append((counter, said))
            return TAKEN
        self.last[device.number] = counter
        message = coap.read(unwrap(data))
        self.heard.append(message)
        if message.kind == CON and message.is_request():
            code, options = CHANGED, ()
            if message.path() == "rd":
                code, options = CREATED, coap.path_options("rd/7", coap.LOCATION_PATH)
            answer = Message(ACK, code, message.number, message.token, options)
            self.say(device, answer, (said["peer_type"], said["peer"]), (said["own_type"], OURS))
        return TAKEN

    def say(self, device, message, peer=None, own=None):
        with self.box.changed:
            self.used[device.number] += 1
            packet = seal(device.keys, self.used[device.number], wrap(message.octets()))
            peer, own = peer or (0x91, device.number), own or (0x81, OURS)
            return self.box.send(peer, own, device.pid, device.dcs, packet)


class Bridged:
    """with Bridged([SmsDevice(...)]) as b: lwgate-smsd is up, between its SMSC and the gateway."""

    def __init__(self, devices, smsc="npm"):
        self.devices, self.smsc = devices, smsc

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-test-")
        port = free_port()
        self.network = Network(SMSCS[self.smsc], port)
        for device in self.devices:
            self.network.devices[device.number] = device
            device.network = self.network
        self.write("smsc.password", "secret")
        self.write("lwgate-smsd.conf", bridge_text(self.folder.name, port))
        self.gateway = Gateway(os.path.join(self.folder.name, "sms"), self.devices)
        self.bridges = []
        self.start_bridge()
        self.network.until_bound()
        return self

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, 0o600)

    def start_bridge(self):
        conf = os.path.join(self.folder.name, "lwgate-smsd.conf")
        self.bridge = Process([binary("lwgate-smsd"), "-c", conf])
        self.bridges.append(self.bridge)

    def __exit__(self, *error):
        if error[0] is not None:
            print(f"# network: waiting {self.network.waiting}, {self.network.delivered}")
            print(f"# gateway: out {list(self.gateway.box.out)}, refused {self.gateway.refused}")
            for bridge in self.bridges[-3:]:
                for line in bridge.lines[-12:]:
                    print("# " + line[:200])
        for bridge in self.bridges:
            bridge.kill()
        self.network.close()
        self.gateway.box.shut()
        self.folder.cleanup()

    def settle(self, seconds=60):
        """Nothing is under way any more."""
        self.network.until_taken(seconds)
        box = self.gateway.box
        with box.changed:
            assert box.changed.wait_for(lambda: not box.out, seconds), f"no outcome: {box.out}"
        assert not box.broken, box.broken


def lives(device, **world):
    with Bridged([device], **world) as b:
        device.register()
        for n in range(3):
            device.update()
            asked = Message(CON, coap.GET, 0x3000 + n, b"srv%d" % n, coap.path_options("3/0/0"))
            b.gateway.say(device, asked)
            b.network.until_taken()
        long = device.begin(coap.POST, device.location, payload=bytes(range(1, 251)) * 2)
        device.ask(long)
        b.gateway.say(device, Message(CON, coap.PUT, 0x4000, b"long", (), bytes(600)))
        device.wait(lambda h: h.message.token == b"long", "what has many segments")
        b.settle()
        assert not device.faults and not device.overtaken, (device.faults, device.overtaken)
        assert not b.gateway.refused, b.gateway.refused
        assert long.payload in [m.payload for m in b.gateway.heard]
        outcomes = b.gateway.box.outcomes.values()
        assert {o["outcome"] for o in outcomes} == {ACCEPTED}, outcomes
        answers = [m.token for m in b.gateway.heard if m.is_response()]
        assert sorted(answers) == [b"long", b"srv0", b"srv1", b"srv2"], answers


def test_a_card_over_npm_smpp():
    lives(SmsDevice("urn:bridge:card", NUMBER))


def test_R299_R300_a_device_of_the_change_request_over_npm_smpp():
    lives(SmsDevice("urn:bridge:device", NUMBER, "cr-004"))


def test_a_card_over_net_smpp():
    lives(SmsDevice("urn:bridge:perl", NUMBER), smsc="perl")


def test_the_network_keeps_what_the_gateway_has_not_taken():
    device = SmsDevice("urn:bridge:later", NUMBER)
    with Bridged([device]) as b:
        device.register()
        b.gateway.later = 2
        device.update()
        b.settle()
        refused = [count for status, count in b.network.delivered.items() if status != 0]
        assert (refused, b.network.delivered[0]) == ([2], 2), b.network.delivered
        # Nobody is there to take it: it is not acknowledged, and comes to who is there next.
        b.gateway.box.shut()
        b.bridge.wait_line("gateway-gone")
        update = device.begin(coap.POST, device.location)
        device.say(update)
        assert b.network.delivered[0] == 2, b.network.delivered
        b.gateway.box.again()
        assert device.answer_to(update).code == CHANGED
        b.settle()


def talk(device, until, said, failed):
    try:
        while not until.is_set():
            update = device.begin(coap.POST, device.location)
            said.append(update)
            device.ask(update, 60)
    except Exception as why:  # the test's own thread tells it
        failed.append(why)


def kill_one(b, luck, kills):
    time.sleep(luck.uniform(LOW, HIGH))  # a moment of no meaning, under traffic
    part = luck.choice(["bridge", "SMSC", "gateway"])
    kills[part] = kills.get(part, 0) + 1
    if part == "bridge":
        b.bridge.kill()
        time.sleep(luck.choice([0, 0.2]))
        b.start_bridge()
    elif part == "SMSC":
        b.network.kill()
        time.sleep(luck.choice([0, 0.2]))
        b.network.start()
    else:
        b.gateway.box.shut()
        time.sleep(luck.choice([0, 0.2]))
        b.gateway.box.again()


def test_nothing_is_lost_or_said_twice_when_parts_are_killed():
    luck, kills = random.Random(SEED), {}
    print(f"# seed {SEED}, {RESTARTS} kills")
    devices = [SmsDevice(f"urn:bridge:killed{n}", f"44770090012{n}") for n in range(3)]
    with Bridged(devices) as b:
        until, said, failed = threading.Event(), {}, []
        threads = []
        for device in devices:
            device.register()
            words = (device, until, said.setdefault(device, []), failed)
            threads.append(threading.Thread(target=talk, args=words, daemon=True))
            threads[-1].start()
        for _ in range(RESTARTS):
            kill_one(b, luck, kills)
        until.set()
        for thread in threads:
            thread.join(DEADLINE_S + 60)
        assert not failed, failed
        b.settle()
        heard = [m.token for m in b.gateway.heard]
        for device in devices:
            tokens = [update.token for update in said[device]]
            assert tokens, "nobody has spoken"
            assert [heard.count(t) for t in tokens] == [1] * len(tokens), "lost, or heard twice"
            answered = [h.message.token for h in device.heard]
            assert [answered.count(t) for t in tokens] == [1] * len(tokens)
            assert not device.faults and not device.overtaken, (device.faults, device.overtaken)
        print(f"# kills {kills}, messages {len(heard)}, the network said {b.network.delivered}")
        print(f"# the bridge said again {b.gateway.box.mos_again}, of older counters:")
        print(f"# {len(b.gateway.refused)}; the network brought again {[d.again for d in devices]}")


run_tests(
    [
        test_a_card_over_npm_smpp,
        test_R299_R300_a_device_of_the_change_request_over_npm_smpp,
        test_a_card_over_net_smpp,
        test_the_network_keeps_what_the_gateway_has_not_taken,
        test_nothing_is_lost_or_said_twice_when_parts_are_killed,
    ]
)
