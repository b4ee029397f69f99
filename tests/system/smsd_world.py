# SPDX-License-Identifier: Apache-2.0
"""lwgate-smsd between an SMSC (tests/lab/smsc) and a gateway that is played here: it listens as
nng's pair0 does, and says the messages of sms-bridge/wire in a reading of their own."""

import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import tempfile
import termios
import threading
import time

from harness import DEADLINE_S, Process, binary, disk_folder, free_port

HERE = os.path.dirname(os.path.abspath(__file__))
SMSC_FOLDER = os.path.join(HERE, "..", "lab", "smsc")
SMSCS = {"npm": ["node", "smsc.js"], "perl": ["perl", "smsc.pl"]}
MODEM = "modem"  # the same orders and events, on a pseudo terminal

HELLO, MT, MT_OUTCOME, MO, MO_ANSWER = range(1, 6)
ACCEPTED, REFUSED, EXPIRED, BUSY = range(1, 5)
TAKEN, LATER = 1, 2
GREETING = bytes([0, 0x53, 0x50, 0, 0, 0x10, 0, 0])  # SP, pair0
DEVICE, OURS = "447700900001", "447700900002"
COMMAND = 0x70


def number(digits):
    return bytes([0x91 if digits else 0, len(digits)]) + digits.encode()


def text(octets):
    return bytes([len(octets)]) + octets


def mt(message_id, data, reference=1, peer=DEVICE, valid_s=3600, marker=COMMAND):
    return (
        bytes([1, MT])
        + struct.pack(">Q", message_id)
        + number(peer)
        + number("")
        + bytes([0x7D, 0xF5, marker])
        + struct.pack(">HH", 0, len(data))
        + data
        + struct.pack(">HI", reference, valid_s)
    )


class Octets:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        assert self.at + count <= len(self.data), "cut short"
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def text(self):
        return self.take(self.number(1)).decode()

    def digits(self):
        kind, length = self.take(2)
        assert (kind == 0) == (length == 0)
        return self.take(length).decode()


def understand(frame):
    o = Octets(frame)
    assert o.number(1) == 1, "version"
    m = {"type": o.number(1)}
    if m["type"] == HELLO:
        m.update(instance=o.number(8), name=o.text())
    elif m["type"] == MT_OUTCOME:
        m.update(id=o.number(8), outcome=o.number(1), segments=o.number(1), code=o.number(4))
        m.update(way=o.text(), smsc_id=o.text())
    elif m["type"] == MO:
        m.update(id=o.number(8), peer=o.digits(), own=o.digits())
        m.update(pid=o.number(1), dcs=o.number(1), marker=o.number(1), port=o.number(2))
        m.update(data=o.take(o.number(2)), at_ms=o.number(8), way=o.text())
    else:
        raise AssertionError(f"the bridge says type {m['type']}")
    assert o.at == len(frame), "octets too many"
    return m


class Gateway:
    """The listening end. takes: a function of an MO that gives TAKEN, LATER or None (nothing is
    said)."""

    def __init__(self, path, takes=lambda m: TAKEN):
        self.path, self.takes = path, takes
        self.heard = []
        self.taken = {}  # id: data
        self.hearing = threading.Event()  # cleared: it reads nothing
        self.hearing.set()
        self.changed = threading.Condition()
        self.connection = None
        self.listener = None
        self.open()

    def open(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(self.path)
        self.listener.listen(4)
        threading.Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def close(self):
        """Goes away, as one that is killed does."""
        for s in (self.listener, self.connection):
            if s:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()
        with self.changed:
            self.connection = None

    def _accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                connection.sendall(GREETING)
                greeting = self._exactly(connection, 8)
            except OSError:
                continue  # it has been killed meanwhile
            assert greeting == GREETING, "no pair0"
            with self.changed:
                self.connection = connection
                self.heard.append({"type": "connected"})
                self.changed.notify_all()
            threading.Thread(target=self._hear, args=(connection,), daemon=True).start()

    @staticmethod
    def _exactly(connection, count):
        data = b""
        while len(data) < count:
            more = connection.recv(count - len(data))
            if not more:
                raise OSError("ended")
            data += more
        return data

    def _hear(self, connection):
        try:
            while self.hearing.wait():
                kind, length = struct.unpack(">BQ", self._exactly(connection, 9))
                assert kind == 1
                self._take(understand(self._exactly(connection, length)), connection)
        except OSError:
            return

    def _take(self, m, connection):
        with self.changed:
            self.heard.append(m)
            self.changed.notify_all()
            answer = self.takes(m) if m["type"] == MO else None
            if answer == TAKEN:
                self.taken[m["id"]] = m["data"]
        if answer:
            self.answer(m, answer, connection)

    def answer(self, m, taken, connection=None):
        self.taken.setdefault(m["id"], m["data"])
        self.say(bytes([1, MO_ANSWER]) + struct.pack(">QB", m["id"], taken), connection)

    def say(self, frame, connection=None):
        try:
            (connection or self.connection).sendall(struct.pack(">BQ", 1, len(frame)) + frame)
        except (OSError, AttributeError):
            pass  # it is said again

    def wait(self, kind, since=0, seconds=DEADLINE_S, **fields):
        """The first message of that type from place `since` on that has these fields."""

        def find():
            for m in self.heard[since:]:
                if m["type"] == kind and all(m.get(k) == v for k, v in fields.items()):
                    return m
            return None

        with self.changed:
            assert self.changed.wait_for(find, seconds), f"not said: {kind} {fields}: {self.heard}"
            return find()

    def count(self, kind):
        with self.changed:
            return sum(m["type"] == kind for m in self.heard)


class Smsc:
    """The program; what it told is in events. It may be killed and started again."""

    def __init__(self, kind, where, *more):
        program = ["../fake_modem", "--link"] if kind == MODEM else SMSCS[kind]
        self.argv = [*program, str(where), *more]
        self.obeys = kind != MODEM  # says when an order has been heard
        self.events = []
        self.changed = threading.Condition()
        self.process = None
        self.start()

    def start(self):
        since = len(self.events)
        self.process = Process(self.argv, cwd=SMSC_FOLDER)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        self.wait("listening", since)

    def kill(self):
        self.process.child.send_signal(signal.SIGKILL)
        self.process.child.wait(DEADLINE_S)

    def _read(self, process):
        while True:
            line = process.unread.get()
            if line is None:
                return
            try:
                event = json.loads(line)
            except ValueError:
                event = {"event": "said", "line": line}
            with self.changed:
                self.events.append(event)
                self.changed.notify_all()

    def order(self, **order):
        since = self.here()
        self._say(order)
        if self.obeys:
            self.wait("obeyed", since)

    def _say(self, order):
        try:
            self.process.child.stdin.write(json.dumps(order).encode() + b"\n")
            self.process.child.stdin.flush()
        except OSError:
            pass  # it has been killed

    def deliver(self, number_, octets, esm=0x40, sender=DEVICE, dcs=0xF6):
        fields = {"id": str(number_), "from": sender, "to": OURS, "to_ton": 1, "pid": 0x7F}
        self._say({"deliver": {**fields, "dcs": dcs, "esm": esm, "hex": octets.hex()}})

    def wait(self, event, since=0, seconds=DEADLINE_S, **fields):
        def find():
            for e in self.events[since:]:
                if e.get("event") == event and all(e.get(k) == v for k, v in fields.items()):
                    return e
            return None

        with self.changed:
            assert self.changed.wait_for(find, seconds), f"no {event} {fields}: {self.events[-9:]}"
            return find()

    def all(self, event, least=0):
        """All that there are, once there are so many."""

        def those():
            return [e for e in self.events if e.get("event") == event]

        with self.changed:
            assert self.changed.wait_for(lambda: len(those()) >= least, DEADLINE_S), self.events
            return those()

    def here(self):
        return len(self.events)


class World:
    """with World("npm") as w: the bridge has bound and greeted; way: more settings of the way."""

    def __init__(self, smsc="npm", way="", settings="", ways=None, smsc_args=(), wait=True):
        self.kind, self.way, self.settings, self.ways = smsc, way, settings, ways
        self.smsc_args, self.wait = smsc_args, wait
        self.bridge = self.smsc = self.gateway = None

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, words, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(words)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="lwgate-smsd-", dir=disk_folder())
        try:
            self.port = free_port()
            self.write("password", "secret\n")
            modem = (
                f'( {{ name = "modem"; modem = {{ device = "tty"; again_max_s = 1; '
                f"{self.way} }}; }} )"
            )
            smpp = (
                f'( {{ name = "smsc"; number = "{OURS}"; smpp = {{ host = "127.0.0.1"; '
                f'port = {self.port}; system_id = "gw"; password_file = "password"; '
                f"again_max_s = 1; {self.way} }}; }} )"
            )
            ways = self.ways or (modem if self.kind == MODEM else smpp)
            self.write(
                "lwgate-smsd.conf",
                f'user = ""; group = ""; gateway = "gateway"; spool = "spool"; '
                f'log_level = "debug"; {self.settings}\nways = {ways};\n',
            )
            self.gateway = Gateway(self.path("gateway"))
            if self.kind:
                where = self.path("tty") if self.kind == MODEM else self.port
                self.smsc = Smsc(self.kind, where, *self.smsc_args)
            self.start_bridge(self.wait)
        except BaseException as error:
            self.__exit__(type(error))
            raise
        return self

    def start_bridge(self, wait=True):
        since, heard = self.smsc.here() if self.smsc else 0, len(self.gateway.heard)
        self.bridge = Process([binary("lwgate-smsd"), "-c", self.path("lwgate-smsd.conf")])
        if wait:
            self.gateway.wait(HELLO, heard)
        if wait and self.smsc:
            self.smsc.wait("bound", since)
            self.bridge.wait_line("way-ready")  # it knows that, too

    def kill_bridge(self):
        self.bridge.child.send_signal(signal.SIGKILL)
        self.bridge.child.wait(DEADLINE_S)
        if self.kind == MODEM:
            self.unlock_tty()

    def unlock_tty(self):
        """A tty is nobody's when its last user is gone; a pseudo terminal, whose other side is
        open, stays the dead bridge's (TIOCEXCL), and no capability is left to pass over that."""
        tty = os.open(self.path("tty"), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        fcntl.ioctl(tty, termios.TIOCNXCL)
        os.close(tty)

    def __exit__(self, *error):
        if error and error[0]:
            for line in (self.bridge.lines if self.bridge else [])[-25:]:
                print("# " + line)
            print(f"# smsc: {self.smsc.events[-9:] if self.smsc else None}")
            print(f"# gateway: {self.gateway.heard[-9:] if self.gateway else None}")
        for one in (self.bridge, self.smsc.process if self.smsc else None):
            if one:
                one.kill()
        if self.gateway:
            self.gateway.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sender:
    """An SMSC's store: says a message again until it is taken, and keeps when that was."""

    def __init__(self, smsc):
        self.smsc, self.waiting, self.seen, self.done = smsc, {}, 0, {}

    def add(self, number_, octets, **more):
        self.waiting[str(number_)] = [octets, more, False]

    def step(self):
        """True: nothing waits."""
        with self.smsc.changed:
            events, self.seen = self.smsc.events[self.seen :], len(self.smsc.events)
        for e in events:
            if e.get("event") == "bound":
                for one in self.waiting.values():
                    one[2] = False
            elif e.get("event") == "delivered" and e["id"] in self.waiting:
                if e["status"] == 0:
                    self.done[e["id"]] = self.waiting.pop(e["id"])[0]
                else:
                    self.waiting[e["id"]][2] = False
        for name, one in self.waiting.items():
            if not one[2]:
                one[2] = True
                self.smsc.deliver(name, one[0], **one[1])
        return not self.waiting

    def until_taken(self, seconds=DEADLINE_S):
        end = time.monotonic() + seconds
        while not self.step():
            assert time.monotonic() < end, f"not taken: {list(self.waiting)}"
            with self.smsc.changed:
                self.smsc.changed.wait(0.2)
