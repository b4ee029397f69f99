# SPDX-License-Identifier: Apache-2.0
"""Processes, events and TAP for the Leshan interoperability run.

Promise: nothing sleeps; each wait ends with what it waits for, with the end of the process that
         should have said it, or at its deadline. No child outlives the script.
Errors:  Failure, with a sentence for the operator.
"""
import collections
import ctypes
import hashlib
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

PR_SET_PDEATHSIG = 1
TAIL_LINES = 40
REST_S = 30


class Failure(Exception):
    """A check did not hold, or what it needs did not come."""


class Feed:
    """An ordered list that grows in one thread and is awaited in another."""

    def __init__(self):
        self._items = []
        self._ended = None
        self._changed = threading.Condition()

    def add(self, item):
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def end(self, why):
        with self._changed:
            self._ended = why
            self._changed.notify_all()

    def mark(self):
        """The position after what came so far."""
        with self._changed:
            return len(self._items)

    def since(self, mark=0):
        with self._changed:
            return self._items[mark:]

    def wait(self, what, wanted, seconds, mark=0):
        """The first item from mark on for which wanted(item) holds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for item in self._items[mark:]:
                    if wanted(item):
                        return item
                mark = len(self._items)
                if self._ended:
                    raise Failure(f"{what}: {self._ended}")
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failure(f"{what}: not within {seconds} s")
                self._changed.wait(left)


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Child:
    """A process: its standard output is a Feed of lines, and both outputs are kept in a log."""

    def __init__(self, name, argv, log_dir):
        self.name = name
        self.lines = Feed()
        self.log = log_dir / f"{name}.log"
        self._file = open(self.log, "wb", buffering=0)
        self._process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._file,
            preexec_fn=_die_with_parent)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for raw in self._process.stdout:
            self._file.write(raw)
            self.lines.add(raw.decode("utf-8", "replace").rstrip("\n"))
        self.lines.end(f"{self.name} ended with status {self._process.wait()}")

    def say(self, line):
        try:
            self._process.stdin.write(line.encode() + b"\n")
            self._process.stdin.flush()
        except OSError as e:
            raise Failure(f"{self.name} takes no command any more: {e}") from e

    def signal(self, number):
        self._process.send_signal(number)

    def running(self):
        return self._process.poll() is None

    def wait(self, seconds):
        """The exit status."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as e:
            raise Failure(f"{self.name} did not end within {seconds} s") from e

    def kill(self):
        if self.running():
            self._process.kill()
        self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()
        self._file.close()

    def tail(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return list(collections.deque(f, TAIL_LINES))


class Device(Child):
    """A Leshan client; its events are dictionaries with the key "event"."""

    @staticmethod
    def _parse(line):
        """The Java machine may print lines of its own between ours."""
        return json.loads(line) if line.startswith("{") else {"event": None}

    def _wait(self, what, wanted, seconds, mark=0):
        return self._parse(self.lines.wait(f"{self.name}: {what}",
                                           lambda line: wanted(self._parse(line)),
                                           seconds, mark))

    def event(self, names, seconds, mark=0):
        """The first event with one of these names, separated by '|'."""
        return self._wait(names, lambda e: e["event"] in names.split("|"), seconds, mark)

    def tick(self, seconds):
        """Its clock has moved on by an hour when this is over."""
        mark = self.lines.mark()
        self.say("tick")
        self.event("ticked", seconds, mark)

    def written(self, path, seconds):
        return self._wait(f"written {path}",
                          lambda e: e["event"] == "written" and e["path"] == path,
                          seconds)["value"]


class Server(Child):
    """The Leshan server, its REST API and its event stream."""

    def __init__(self, name, argv, log_dir, seconds):
        super().__init__(name, argv, log_dir)
        self.events = Feed()
        self.coaps = 0
        self._http = 0
        self._seconds = seconds

    def open(self):
        line = self.lines.wait("the server's ports", lambda t: t.startswith("ready "),
                               self._seconds)
        ports = dict(word.split("=") for word in line.split()[1:])
        self.coaps = int(ports["coaps"])
        self._http = int(ports["http"])
        threading.Thread(target=self._subscribe, daemon=True).start()
        self.events.wait("the event stream", lambda e: e[0] == "", self._seconds)

    def _subscribe(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._http)
            connection.request("GET", "/api/event")
            self._frames(connection.getresponse())
            self.events.end("the event stream ended")
        except (OSError, http.client.HTTPException) as e:
            self.events.end(f"the event stream broke: {e}")

    def _frames(self, response):
        name = ""
        for raw in response:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line[len("event: "):]
            elif line.startswith("data: "):
                self.events.add((name, json.loads(line[len("data: "):])))
            elif line.startswith(":"):
                self.events.add(("", {}))

    def rest(self, method, path, body=None, seconds=REST_S):
        """Status and JSON of one call."""
        connection = http.client.HTTPConnection("127.0.0.1", self._http, timeout=seconds)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException) as e:
            raise Failure(f"{method} {path}: {e!r}") from e
        finally:
            connection.close()

    def ask(self, method, endpoint, path, body=None, seconds=REST_S):
        """One LwM2M operation; the status and JSON of its answer."""
        where = f"/api/clients/{urllib.parse.quote(endpoint, safe='')}{path}"
        return self.rest(method, where, body, seconds)

    def operate(self, method, endpoint, path, body=None, seconds=REST_S):
        """One LwM2M operation; its answer, which must be a success."""
        where = f"/api/clients/{urllib.parse.quote(endpoint, safe='')}{path}"
        status, answer = self.rest(method, where, body, seconds)
        if status != 200 or not answer.get("success"):
            raise Failure(f"{method} {where}: HTTP {status}, {answer}")
        return answer

    def client(self, endpoint):
        """The registration of an endpoint, or None."""
        where = f"/api/clients/{urllib.parse.quote(endpoint, safe='')}"
        status, answer = self.rest("GET", where)
        if status not in (200, 404):
            raise Failure(f"GET {where}: HTTP {status}, {answer}")
        return answer if status == 200 else None

    def add(self, endpoint, tls):
        """tls: what proves who this is, as the REST API has it."""
        status, answer = self.rest("PUT", "/api/security/clients",
                                   {"endpoint": endpoint, "tls": tls})
        if status != 200:
            raise Failure(f"PUT /api/security/clients: HTTP {status}, {answer}")

    def event(self, name, seconds, mark=0, **facts):
        return self.events.wait(
            f"event {name} {facts}",
            lambda e: e[0] == name and all(e[1].get(k) == v for k, v in facts.items()),
            seconds, mark)[1]


class Tap:
    """Counts and prints checks; after a vital one failed, the rest is not tried."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self._stopped = None

    def check(self, name, function, vital=False):
        number = self.passed + self.failed + 1
        if self._stopped:
            self._fail(number, name, f"not tried: '{self._stopped}' failed")
            return
        try:
            function()
        except Failure as e:
            self._fail(number, name, e)
            if vital:
                self._stopped = name
            return
        except (LookupError, TypeError, ValueError, AttributeError, OSError) as e:
            self._fail(number, name, f"an answer of another shape than expected: {e!r}")
            if vital:
                self._stopped = name
            return
        self.passed += 1
        print(f"ok {number} - {name}", flush=True)

    def _fail(self, number, name, why):
        self.failed += 1
        print(f"not ok {number} - {name}", flush=True)
        for line in str(why).splitlines() or ["no reason given"]:
            print(f"#   {line}", flush=True)

    def close(self):
        print(f"1..{self.passed + self.failed}")
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped", flush=True)
        return 0 if self.passed and not self.failed else 1


def need(condition, why):
    if not condition:
        raise Failure(why)


def _command(argv, remedy):
    if not shutil.which(argv[0]):
        raise Failure(f"{argv[0]} is missing: run deploy/setup java")
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise Failure(f"{argv[0]} failed ({remedy}):\n{done.stdout[-3000:]}")


def build_java(here, build):
    """Has the libraries copied and the classes compiled into build; the class path as a string."""
    lib, classes, stamp = build / "lib", build / "classes", build / "stamp"
    sources = sorted((here / "java").glob("*.java"))
    digest = hashlib.sha256(b"\0".join(
        path.read_bytes() for path in [here / "pom.xml", *sources])).hexdigest()
    path = f"{classes}{os.pathsep}{lib}{os.sep}*"
    if stamp.exists() and stamp.read_text() == digest:
        return path
    for folder in (lib, classes):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    _command(["mvn", "-q", "-B", "-C", "-f", str(here / "pom.xml"),
              "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies",
              f"-DoutputDirectory={lib}"],
             "needs a Maven repository that has the Leshan libraries, or a filled cache")
    _command(["javac", "--release", "17", "-cp", f"{lib}{os.sep}*", "-d", str(classes),
              *map(str, sources)], "the sources are in tests/interop/leshan/java")
    stamp.write_text(digest)
    return path


def print_tails(children):
    for child in children:
        print(f"# ---- the end of {child.log}", file=sys.stderr)
        for line in child.tail():
            print(f"# {line.rstrip()}", file=sys.stderr)


def root_folder():
    return pathlib.Path(__file__).resolve().parents[3]
