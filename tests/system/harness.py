# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: a lwgated and an upstream server in a temporary folder, and TAP.

Every wait is for an event (a line of a log, an exit, a datagram) and has a deadline. Everything
that was started is ended and
removed when the `with` block ends, also after a failure. Loopback only.
"""

import json
import os
import queue
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = os.environ.get("BUILD", "build/release")
DEADLINE_S = 30
MEMORY = "/dev/shm"  # a tmpfs, for what must not outlive the machine's power

# For libcoap over OpenSSL, which has had CCM_8 at level 0 since 3.2.
LEVEL0 = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "openssl-level0.cnf")


def binary(name, build=None):
    return os.path.abspath(os.path.join(build or BUILD, name))


CLAIMS = []  # sockets whose names say that a port is this process's; they end with it


def free_port(family=socket.AF_INET):
    """A port for a program that is to be started: outside of those that the kernel gives to whoever
    connects, and of no other test that runs beside this one."""
    host = "127.0.0.1" if family == socket.AF_INET else "::1"
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as f:
        ends = min(int(f.read().split()[0]), 32768)
    # Odd ones: coap-server opens the one below its port for coaps, too.
    ports = range(max(1024, ends - 12000) | 1, ends, 2)
    for port in random.sample(ports, len(ports)):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0lwgate-test-port-{port}")
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(family, kind) as s:
                    s.bind((host, port))
        except OSError:
            claim.close()
            continue
        CLAIMS.append(claim)
        return port
    raise OSError("no port is free")


class Skip(Exception):
    """Raised by a test that cannot be made here: why."""


class Process:
    """A child whose stdout and stderr are read line by line into a queue and a list."""

    def __init__(self, argv, **kwargs):
        self.name = os.path.basename(argv[0])
        self.raw = kwargs.pop("raw", False)  # what comes is bytes, not lines: see wait_bytes()
        self.bytes = b""
        self.arrived = threading.Condition()
        self.lines = []
        self.unread = queue.Queue()
        self.child = subprocess.Popen(
            argv,
            stdin=kwargs.pop("stdin", subprocess.PIPE),
            stdout=subprocess.PIPE,
            stderr=kwargs.pop("stderr", subprocess.STDOUT),
            **kwargs,
        )
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for raw in (
            iter(self.child.stdout.readline, b"") if not self.raw else iter(self._chunk, b"")
        ):
            line = raw.decode("utf-8", "replace").rstrip("\n")
            self.lines.append(line)
            self.unread.put(line)
        self.unread.put(None)

    def _chunk(self):
        chunk = os.read(self.child.stdout.fileno(), 65536)
        with self.arrived:
            self.bytes += chunk
            self.arrived.notify_all()
        return chunk

    def wait_bytes(self, pattern, seconds=DEADLINE_S):
        """The match of a bytes pattern in all that a raw child has said."""
        with self.arrived:
            if not self.arrived.wait_for(
                lambda: re.search(pattern, self.bytes, re.DOTALL), seconds
            ):
                raise TimeoutError(
                    f"{self.name}: not within {seconds} s: {pattern}; said: {self.bytes[-200:]}"
                )
            return re.search(pattern, self.bytes, re.DOTALL)

    def wait_line(self, wanted, seconds=DEADLINE_S):
        """The next unread line for which wanted(line) is true; wanted may be a string to look
        for."""
        test = wanted if callable(wanted) else lambda line: wanted in line
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.unread.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(
                    f"{self.name}: no such line within {seconds} s: {wanted}; said: "
                    + " | ".join(line[:200] for line in self.lines[-8:])
                ) from None
            if line is None:
                raise EOFError(
                    f"{self.name} ended, awaited: {wanted}; said: " + " | ".join(self.lines[-8:])
                )
            if test(line):
                return line

    def wait_json(self, wanted, seconds=DEADLINE_S):
        """The next JSON object among the unread lines for which wanted(object) is true."""
        found = []

        def test(line):
            try:
                value = json.loads(line)
            except ValueError:
                return False
            if isinstance(value, dict) and wanted(value):
                found.append(value)
                return True
            return False

        self.wait_line(test, seconds)
        return found[0]

    def alive(self):
        return self.child.poll() is None

    def stop(self, seconds=10):
        """SIGTERM, then the exit status; a child that does not end is killed and reported."""
        if self.alive():
            self.child.terminate()
        try:
            status = self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise TimeoutError(f"{self.name} did not end within {seconds} s of SIGTERM") from None
        self.reader.join(5)
        return status

    def kill(self):
        if self.alive():
            self.child.kill()
        self.child.wait()


class Device:
    """One provisioned endpoint: its own PSK, and what the gateway shows upstream for it."""

    def __init__(self, endpoint, identity=None):
        self.endpoint = endpoint
        self.identity = identity if identity is not None else "id-" + endpoint
        # libcoap's client takes its key as text, so the key is the octets of a long enough text.
        self.key_text = secrets.token_hex(20)
        self.key = self.key_text.encode().hex()
        self.up_identity = "gw-" + endpoint
        self.up_key = secrets.token_hex(16)


def disk_folder():
    """On a disk, which the system's own temporary folder need not be; open to other users whatever
    the umask of the test that comes first."""
    folder = os.path.abspath(os.path.join("build", "system"))
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o755)
    return folder


class Lab:
    """with Lab([...]) as lab: a labserver upstream and a lwgated before it; lab.port is the
    gateway's."""

    def __init__(
        self,
        devices,
        ops="",
        build=None,
        upstream=True,
        settings="",
        keylog=False,
        server_args=(),
        store=None,
        by_control=False,
        listener="",
        to_server="",
    ):
        self.devices, self.ops, self.build = devices, ops, build
        self.with_upstream, self.settings, self.keylog = upstream, settings, keylog
        self.server_args = list(server_args)
        # None: all in memory. Else more settings of a store in a folder of this lab.
        self.store = store
        self.by_control = by_control  # credentials by lwgatectl, not by the configuration
        # More settings of the first listener, and of the upstream.
        self.listener, self.to_server = listener, to_server
        self.children = []
        self.server = None

    def start(self, argv, **kwargs):
        child = Process(argv, **kwargs)
        self.children.append(child)
        return child

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text, mode=0o600):
        with open(self.path(name), "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(self.path(name), mode)
        return self.path(name)

    def _credentials(self):
        rows = []
        for d in self.devices:
            identity = (
                f'identity = "{d.identity}"'
                if isinstance(d.identity, str)
                else f'identity_hex = "{d.identity.hex()}"'
            )
            rows.append(
                f'{{ endpoint = "{d.endpoint}"; {identity}; key = "{d.key}"; '
                f'upstream_identity = "{d.up_identity}"; upstream_key = "{d.up_key}"; }}'
            )
        return "credentials = (\n" + ",\n".join(rows) + "\n);\n"

    def start_server(self):
        self.write(
            "server.keys",
            "".join(f"{d.up_identity} {d.up_key} {d.endpoint}\n" for d in self.devices),
        )
        self.server = self.start(
            [
                binary("lwgate-labserver"),
                "--listen",
                "127.0.0.1",
                "--port",
                str(self.server_port),
                "--keys",
                self.path("server.keys"),
                "--ops",
                self.ops,
                *self.server_args,
            ]
        )
        self.server.wait_json(lambda e: e.get("event") == "listening")

    def start_gateway(self):
        self.launch_gateway()
        self.gateway.wait_line(" ready ")

    def launch_gateway(self, *before):
        """Without waiting; before: the words of a command that runs it."""
        argv = [*before, binary("lwgated", self.build), "-c", self.path("lwgate.conf")]
        if self.keylog:
            argv += ["-k", self.path("keys.log")]
        self.gateway = self.start(argv)

    def refused(self, seconds=DEADLINE_S):
        """lwgated is started and must end by itself: (exit status, all that it said)."""
        self.launch_gateway()
        status = self.gateway.child.wait(seconds)
        self.gateway.reader.join(5)
        return status, "\n".join(self.gateway.lines)

    def restart(self, how=signal.SIGKILL):
        """Ends lwgated by a signal and starts it again."""
        self.gateway.child.send_signal(how)
        status = self.gateway.child.wait(DEADLINE_S)
        self.start_gateway()
        return status

    def store_path(self, name=""):
        return os.path.join(self.path("store"), name) if name else self.path("store")

    def store_facts(self):
        """What lwgatectl tells of the store."""
        return json.loads(self.ctl("--json", "status"))["store"]

    def _store_text(self):
        if self.store is None:
            return 'store = { path = ""; };'
        return (
            f'store = {{ path = "{self.store_path()}"; key_file = "{self.path("store.key")}"; '
            f'token = "{self.memory}/token"; {self.store} }};'
        )

    def __enter__(self):
        under = disk_folder() if self.store is not None else None
        self.folder = tempfile.mkdtemp(prefix="lwgate-test-", dir=under)
        self.memory = tempfile.mkdtemp(prefix="lwgate-test-", dir=MEMORY)
        try:
            self.port, self.port6, self.server_port = (
                free_port(),
                free_port(socket.AF_INET6),
                free_port(),
            )
            self.write("credentials.conf", self._credentials())
            self.write(
                "lwgate.conf",
                f"""
user = ""; group = "";
credentials = "{"" if self.by_control else "credentials.conf"}";
listeners = (
  {{ address = "127.0.0.1"; port = {self.port}; {self.listener} }},
  {{ address = "::1"; port = {self.port6}; }}
);
upstream = {{ address = "127.0.0.1"; port = {self.server_port}; sources = [ "127.0.1.0/24" ];
  {self.to_server} }};
handshake = {{ upstream_initial_ms = 1000; }};
control = {{ path = "{self.path("control")}"; group = ""; }};
{self._store_text()}
{self.settings}
""",
            )
            if self.with_upstream:
                self.start_server()
            self.start_gateway()
            if self.by_control:
                self.ctl("credential", "import", self.path("credentials.conf"))
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, *error):
        for child in reversed(self.children):
            child.kill()
        if error[0] is not None:
            for child in self.children:
                print(f"# --- {child.name}")
                for line in child.lines[-25:]:
                    print("# " + line)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.memory, ignore_errors=True)

    def ctl(self, *words, check=True):
        done = subprocess.run(
            [binary("lwgatectl", self.build), "-s", self.path("control"), *words],
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"lwgatectl {' '.join(words)}: {done.stderr.decode()}")
        return done if not check else done.stdout.decode()

    def status(self):
        """The totals over all workers."""
        return json.loads(self.ctl("--json", "status"))["total"]

    def until(self, wanted, seconds=DEADLINE_S):
        """Polls a condition that no event tells of (a counter behind lwgatectl)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = wanted()
            if value:
                return value
            time.sleep(0.05)
        raise TimeoutError(f"not within {seconds} s: {wanted}")


def coap_client(
    lab,
    device,
    path,
    tls="openssl",
    method="post",
    key_text=None,
    identity=None,
    text=None,
    options=(),
    seconds=10,
    port=None,
    host="127.0.0.1",
):
    """Runs libcoap's client once; returns its whole output."""
    argv = [
        f"coap-client-{tls}",
        "-v",
        "6",
        "-B",
        str(seconds),
        "-m",
        method,
        "-u",
        identity or device.identity,
        "-k",
        key_text or device.key_text,
        *options,
    ]
    if text is not None:
        argv += ["-t", "40", "-e", text]
    argv.append(f"coaps://{host}:{port or lab.port}{path}")
    done = subprocess.run(
        argv,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=seconds + 20,
        env=dict(os.environ, OPENSSL_CONF=LEVEL0),
        check=False,
    )
    return done.stdout.decode("utf-8", "replace")


def s_client(lab, device, *more, key=None, port=None):
    """OpenSSL's client, left running: what is written to its stdin goes out as one record."""
    client = Process(
        [
            "openssl",
            "s_client",
            "-dtls1_2",
            "-connect",
            f"127.0.0.1:{port or lab.port}",
            "-psk",
            key or device.key,
            "-psk_identity",
            device.identity,
            "-cipher",
            "PSK-AES128-CCM8:@SECLEVEL=0",
            *more,
        ],
        raw=True,
    )
    lab.children.append(client)
    return client


def register_message(endpoint, message_id=0x1234, token=b"\x51", lifetime=300):
    """CON POST /rd?ep=..&lt=..&lwm2m=1.0&b=U with a small link-format payload (RFC 7252 by
    hand)."""
    out = bytes([0x40 | len(token), 0x02]) + message_id.to_bytes(2, "big") + token
    last = 0
    for number, value in [
        (11, b"rd"),
        (12, b"\x28"),
        (15, b"b=U"),
        (15, b"ep=" + endpoint.encode()),
        (15, b"lt=%d" % lifetime),
        (15, b"lwm2m=1.0"),
    ]:
        out += option(number - last, value)
        last = number
    return out + b"\xff</1/0>,</3/0>"


def update_message(location, message_id, token=b"\x52"):
    """CON POST to the path that Register has given."""
    out = bytes([0x40 | len(token), 0x02]) + message_id.to_bytes(2, "big") + token
    last = 0
    for part in location.split("/"):
        out += option(11 - last, part.encode())
        last = 11
    return out


def option(delta, value):
    def nibble(n):
        if n < 13:
            return n, b""
        if n < 269:
            return 13, bytes([n - 13])
        return 14, (n - 269).to_bytes(2, "big")

    d, more_d = nibble(delta)
    n, more_n = nibble(len(value))
    return bytes([d << 4 | n]) + more_d + more_n + value


def run_tests(tests):
    """Runs functions in order as TAP; each function's name is the test's name. With words on the
    command line: only those whose names have one of them."""
    if sys.argv[1:]:
        tests = [t for t in tests if any(word in t.__name__ for word in sys.argv[1:])]
    print(f"1..{len(tests)}")
    failed = 0
    for number, test in enumerate(tests, 1):
        try:
            test()
            print(f"ok {number} - {test.__name__}", flush=True)
        except Skip as why:
            print(f"ok {number} - {test.__name__} # SKIP {why}", flush=True)
        except Exception:  # a test's failure is a result, whatever it was
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            print(f"not ok {number} - {test.__name__}", flush=True)
    sys.exit(1 if failed else 0)
