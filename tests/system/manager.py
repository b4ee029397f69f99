# SPDX-License-Identifier: Apache-2.0
"""What a service manager does for a daemon: it hears of its state (NOTIFY_SOCKET), watches it, and
hands sockets over (LISTEN_FDS). Our own reading of sd_notify(3) and sd_listen_fds(3)."""

import array
import os
import select
import socket
import struct
import sys
import time

from harness import DEADLINE_S, Lab, binary

# Moves descriptors to where the protocol wants them, in the process that becomes the daemon.
HAND_OVER = """
import os, sys
fds, argv = [int(n) for n in sys.argv[1].split(",") if n], sys.argv[2:]
high = [os.dup2(fd, 200 + i, inheritable=False) and 200 + i for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.environ["LISTEN_FDS"] = str(len(fds))
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(argv[0], argv)
"""


class Told:
    """One state message: its assignments, who said it, and when it was read."""

    def __init__(self, text, pid):
        self.values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        self.pid, self.at = pid, time.monotonic()

    def __repr__(self):
        return f"{self.values} of {self.pid}"


class Manager:
    """with Manager(folder) as m: m.environment() for the daemon, m.wait("READY") for its words."""

    def __init__(self, folder, watchdog_s=0):
        self.path, self.watchdog_s = os.path.join(folder, "notify"), watchdog_s
        self.told = []

    def __enter__(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        return self

    def __exit__(self, *error):
        self.socket.close()

    def environment(self, **more):
        env = dict(os.environ, NOTIFY_SOCKET=self.path, **more)
        if self.watchdog_s:
            env["WATCHDOG_USEC"] = str(int(self.watchdog_s * 1e6))
        return env

    def next(self, seconds):
        """The next message, or None."""
        if not select.select([self.socket], [], [], max(0.0, seconds))[0]:
            return None
        size = struct.calcsize("3i")
        text, extra, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(size))
        pid = struct.unpack("3i", array.array("B", extra[0][2][:size]).tobytes())[0]
        self.told.append(Told(text.decode(), pid))
        return self.told[-1]

    def wait(self, name, seconds=DEADLINE_S):
        """The next message that assigns name."""
        end = time.monotonic() + seconds
        while True:
            told = self.next(end - time.monotonic())
            if told and name in told.values:
                return told
            if time.monotonic() >= end:
                raise TimeoutError(f"no {name} within {seconds} s; told: {self.told[-8:]}")

    def silent(self, name, seconds):
        """True when name is not assigned for so long."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            told = self.next(end - time.monotonic())
            if told and name in told.values:
                return False
        return True


def hand_over(sockets, argv):
    """The words that start argv with these sockets as the service manager's."""
    return [sys.executable, "-c", HAND_OVER, ",".join(str(s.fileno()) for s in sockets), *argv]


def udp_socket(port, host="127.0.0.1", reuse=False, dual=False):
    v6 = ":" in host
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_DGRAM)
    if v6:
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if dual else 1)
    if reuse:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((host, port))
    return s


def unix_listener(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    s.bind(path)
    os.chmod(path, 0o660)
    s.listen(16)
    return s


class ServiceLab(Lab):
    """A Lab whose lwgated a manager starts. sockets(lab) makes what is handed over."""

    def __init__(self, *args, watchdog_s=0, sockets=lambda lab: [], environment=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.watchdog_s, self.make_sockets = watchdog_s, sockets
        self.environment = environment or {}
        self.manager = None
        self.sockets = None

    def launch_gateway(self, *before):
        if self.manager is None:
            self.manager = Manager(self.folder, self.watchdog_s).__enter__()
        if self.sockets is None:
            self.sockets = self.make_sockets(self)
        argv = [*before, binary("lwgated", self.build), "-c", self.path("lwgate.conf")]
        if self.sockets:
            argv = hand_over(self.sockets, argv)
        self.gateway = self.start(
            argv,
            env=self.manager.environment(**self.environment),
            pass_fds=[s.fileno() for s in self.sockets],
        )

    def __exit__(self, *error):
        super().__exit__(*error)
        for s in self.sockets or []:
            s.close()
        if self.manager:
            self.manager.__exit__()
            self.manager = None
