# SPDX-License-Identifier: Apache-2.0
"""What is killed while messages go both ways, and what must hold all the same: of test_sms_restarts
and of `make soak-sms`."""

import random
import re
import threading
import time

import sms_coap as coap
from sms_coap import ACK, CHANGED, CON, Message
from sms_device import NAME
from sms_world import Told

LOCATION = "rd/7"
# What comes up from the one device: an Update, nothing, an answer.
CAME = re.compile(
    rb"(?P<update>[\x44\x54]\x02(..)(....)\xb2rd\x017)"
    rb"|(?P<empty>[\x40\x60\x70]\x00(..))"
    rb"|(?P<answer>[\x44\x54\x64]\x45(..)(....)\xc2\x2d\x16\xff" + re.escape(NAME) + b")",
    re.DOTALL,
)
ANSWER_S = 60
RECORD_S = 0.03
SERVER_AGAIN_S = 2.0  # ACK_TIMEOUT; without jitter, and never longer
PARTS = ("bridge", "gateway", "SMSC")


class Server(threading.Thread):
    """Answers each Update, and asks for something now and then: again until it is acknowledged or
    answered."""

    def __init__(self, lab, ask_every_s):
        super().__init__(daemon=True)
        self.lab, self.every = lab, ask_every_s
        self.at = 0
        self.updates = {}  # token: message ids
        self.questions = {}  # token: (message, when to say it again or None)
        self.answers = {}  # token: message ids
        self.ended = threading.Event()
        self.next_question = time.monotonic()
        self.asking = True

    def run(self):
        while not self.ended.is_set():
            with self.lab.server.arrived:
                self.lab.server.arrived.wait(0.05)
                text = bytes(self.lab.server.bytes)
            for found in CAME.finditer(text, self.at):
                self.at = found.end()
                self.take(found)
            self.ask(time.monotonic())

    def take(self, found):
        if found["update"]:
            number, token = int.from_bytes(found[2], "big"), found[3]
            self.updates.setdefault(token, []).append(number)
            if found[0][0] >> 4 & 3 == CON:
                self.lab.say(Message(ACK, CHANGED, number, token))
        elif found["empty"]:
            number = int.from_bytes(found[5], "big")
            for token, (question, _) in self.questions.items():
                if question.number == number:
                    self.questions[token] = (question, None)
        else:
            number, token = int.from_bytes(found[7], "big"), found[8]
            self.answers.setdefault(token, []).append(number)
            if token in self.questions:
                self.questions[token] = (self.questions[token][0], None)
            if found[0][0] >> 4 & 3 == CON:
                self.lab.say(Message(ACK, 0, number))

    def ask(self, now):
        if self.asking and now >= self.next_question:
            self.next_question = now + self.every
            number = 0x4000 + len(self.questions)
            token = b"\xa0\x5e" + number.to_bytes(2, "big")
            options = coap.path_options("3/0/0")
            self.questions[token] = (Message(CON, coap.GET, number, token, options), now)
        for token, (question, when) in self.questions.items():
            if when is not None and when <= now:
                self.questions[token] = (question, now + SERVER_AGAIN_S)
                self.lab.say(question)


class Killed(Told):
    """The device says Updates, one after another; the server asks; parts are killed."""

    def __init__(self, devices, seed, ask_every_s=0.7, **more):
        self.seed, self.luck = seed, random.Random(seed)
        self.every = ask_every_s
        self.kills = dict.fromkeys(PARTS, 0)
        self.updates, self.said = [], 0.0
        self.talking = threading.Event()
        self.talker_failed = []
        super().__init__(devices, **more)

    def say(self, message):
        """s_server makes one record of all that it finds when it reads: one message at a time."""
        time.sleep(max(0.0, self.said + RECORD_S - time.monotonic()))
        self.said = time.monotonic()
        self.server.child.stdin.write(message.octets())
        self.server.child.stdin.flush()

    def begin(self):
        self.registered(LOCATION)
        self.talking.set()
        self.answering = Server(self, self.every)
        self.answering.at = len(self.server.bytes)
        self.answering.start()
        self.talker = threading.Thread(target=self._talk, daemon=True)
        self.talker.start()

    def _talk(self):
        device = self.devices[0]
        try:
            while self.talking.is_set():
                update = device.begin(coap.POST, LOCATION)
                self.updates.append(update)
                device.say(update)
                device.answer_to(update, ANSWER_S)
        except Exception as why:  # the test's own thread tells it
            self.talker_failed.append(why)

    def kill_one(self, low_s, high_s):
        """In a moment of no meaning; it comes back at once, or a while later."""
        time.sleep(self.luck.uniform(low_s, high_s))
        part = self.luck.choice(PARTS)
        self.kills[part] += 1
        if part == "bridge":
            self.kill_bridge()
        elif part == "gateway":
            self.gateway.child.kill()
            self.gateway.child.wait()
        else:
            self.network.kill()
        time.sleep(self.luck.choice([0, 0, 0.2]))
        if part == "bridge":
            self.start_bridge(wait=False)
        elif part == "gateway":
            self.start_gateway()
        else:
            self.network.start()

    def end(self, seconds=90):
        """No more traffic; what is under way comes to its end."""
        self.answering.asking = False
        self.talking.clear()
        self.talker.join(seconds)
        if self.talker_failed:
            last = self.updates[-1]
            print(
                f"# the last: upstream {self.answering.updates.get(last.token)}, in the stream "
                f"{self.came(last.token)}, overtaken "
                f"{self.devices[0].overtaken}, status "
                f"{ {k: v for k, v in self.status().items() if v and k.startswith('sms')} }"
            )
        assert not self.talker_failed, self.talker_failed
        assert not self.talker.is_alive(), "an Update has no answer"
        self.network.until_taken(seconds)
        answering = self.answering
        self.until(lambda: all(t in answering.answers for t in answering.questions), seconds)
        answering.ended.set()
        answering.join()

    def judge(self):
        """Raises what does not hold; gives the figures."""
        device, answering = self.devices[0], self.answering
        assert not device.faults, device.faults
        tokens = {u.token for u in self.updates}
        assert tokens == set(answering.updates), "a message of the device's was lost"
        for token, numbers in answering.updates.items():
            assert len(set(numbers)) == 1, f"{token}: another message id upstream: {numbers}"
        for token in tokens:
            count = sum(h.message.token == token for h in device.heard)
            assert count == 1, f"{token}: answered {count} times"
        for token, numbers in answering.answers.items():
            assert len(set(numbers)) == 1, f"{token}: another message id upstream: {numbers}"
        asked = [h.message.token for h in device.heard if h.message.is_request()]
        return {
            "kills": self.kills,
            "updates": len(tokens),
            "of these came again": sum(len(n) - 1 for n in answering.updates.values()),
            "questions": len(answering.questions),
            "heard twice by the device": len(asked) - len(set(asked)),
            "octets said again by the network": device.again,
            "overtaken": device.overtaken,
            "taken from the device": dict(self.network.delivered),
        }
