# SPDX-License-Identifier: Apache-2.0
"""A service manager as small as the units of lwgate need one: where no systemd runs, it does for
them what they say. What it does not do is the sandbox, which needs systemd; it drops every
capability, and becomes the user before it starts anything."""

import glob
import grp
import os
import pwd
import re
import resource
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import threading
import time

FOLDERS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
DEADLINE_S = 60
FIRST_FD = 3  # sd_listen_fds(3)


class Wrong(Exception):
    """What a unit asks for could not be done, or a service did not do its part."""


def seconds(text):
    number, unit = re.fullmatch(r"([0-9.]+) *(s|sec|min|ms|)", text).groups()
    return float(number) * {"min": 60, "ms": 0.001}.get(unit, 1)


class Unit:
    """A unit's file, with its drop-ins, as (section.key) -> list of values."""

    def __init__(self, name):
        self.name = name
        files = [f"{folder}/{name}" for folder in FOLDERS if os.path.exists(f"{folder}/{name}")]
        if not files:
            raise Wrong(f"{name}: there is no such unit")
        self.values = {}
        drops = [f for folder in FOLDERS for f in sorted(glob.glob(f"{folder}/{name}.d/*.conf"))]
        seen = {os.path.realpath(f): f for f in reversed(drops)}  # /lib is /usr/lib
        for file in [files[0], *reversed(seen.values())]:
            self.read(file)

    def read(self, file):
        section = None
        with open(file, encoding="utf-8") as f:
            lines = f.read().replace("\\\n", " ").splitlines()
        for line in map(str.strip, lines):
            if not line or line[0] in "#;":
                continue
            if line[0] == "[":
                section = line.strip("[]")
                continue
            key, _, value = line.partition("=")
            values = self.values.setdefault(f"{section}.{key.strip()}", [])
            if value.strip():
                values.append(value.strip())
            else:
                values.clear()

    def all(self, key):
        return self.values.get(key, [])

    def one(self, key, default=None):
        return (self.all(key) or [default])[-1]


def needs_start(unit):
    """Conditions that do not hold are no failure."""
    for path in unit.all("Unit.ConditionPathExists"):
        wanted = not path.startswith("!")
        if os.path.exists(path.lstrip("!")) != wanted:
            return False
    return True


def open_socket(unit, address):
    host, port = re.fullmatch(r"\[?([^]]*)\]?:([0-9]+)", address).groups()
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    if s.family == socket.AF_INET6 and unit.one("Socket.BindIPv6Only") == "ipv6-only":
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    if unit.one("Socket.ReusePort") == "yes":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind((host, int(port)))
    return s


class Service:
    """One that runs, and what it has said."""

    def __init__(self, unit, sockets=()):
        self.unit, self.sockets = unit, list(sockets)
        self.said, self.log = [], []
        self.changed = threading.Condition()
        self.status = None
        self.user = unit.one("Service.User", "root")
        self.group = unit.one("Service.Group", self.user)
        self.folder = f"/run/manager/{unit.name}"
        self.environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
            "LANG": "C.UTF-8",
        }
        os.makedirs(self.folder, exist_ok=True)
        os.chmod("/run/manager", 0o755)
        os.chmod(self.folder, 0o755)
        self.make_folders()
        self.load_credentials()
        self.open_notify()

    def ids(self):
        return pwd.getpwnam(self.user).pw_uid, grp.getgrnam(self.group).gr_gid

    def make_folders(self):
        for key, place in (("State", "/var/lib"), ("Runtime", "/run"), ("Logs", "/var/log")):
            for name in self.unit.all(f"Service.{key}Directory"):
                path = f"{place}/{name}"
                os.makedirs(path, exist_ok=True)
                os.chown(path, *self.ids())
                os.chmod(path, int(self.unit.one(f"Service.{key}DirectoryMode", "0755"), 8))
                self.environment[f"{key.upper()}_DIRECTORY"] = path

    def load_credentials(self):
        folder = f"/run/credentials/{self.unit.name}"
        shutil.rmtree(folder, ignore_errors=True)
        for line in self.unit.all("Service.LoadCredential"):
            name, _, path = line.partition(":")
            if not os.path.exists(path):
                raise Wrong(f"{self.unit.name}: LoadCredential: {path} is not there")
            os.makedirs(folder, exist_ok=True)
            shutil.copyfile(path, f"{folder}/{name}")
            os.chown(f"{folder}/{name}", *self.ids())
            os.chmod(f"{folder}/{name}", 0o400)
            os.chown(folder, *self.ids())
            os.chmod(folder, 0o500)
            self.environment["CREDENTIALS_DIRECTORY"] = folder

    def open_notify(self):
        path = f"{self.folder}/notify"
        if os.path.exists(path):
            os.unlink(path)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(path)
        os.chmod(path, 0o777)
        self.environment["NOTIFY_SOCKET"] = path

    def command(self, line):
        groups = [self.group, *" ".join(self.unit.all("Service.SupplementaryGroups")).split()]
        return [
            "setpriv",
            f"--reuid={self.user}",
            f"--regid={self.group}",
            "--groups=" + ",".join(groups),
            "--bounding-set=-all",
            "--inh-caps=-all",
            "--ambient-caps=-all",
            "--no-new-privs",
            *shlex.split(line),
        ]

    def become(self, read_end, write_end):
        """In the child: the descriptors of sd_listen_fds(3), then the program."""
        os.close(read_end)
        os.dup2(write_end, 2)
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)
        os.dup2(2, 1)
        high = [os.dup2(s.fileno(), 200 + i, False) for i, s in enumerate(self.sockets)]
        os.closerange(FIRST_FD, 200)
        for i, fd in enumerate(high):
            os.dup2(fd, FIRST_FD + i)
            os.close(fd)
        if self.sockets:
            self.environment["LISTEN_PID"] = str(os.getpid())
            self.environment["LISTEN_FDS"] = str(len(self.sockets))
        watchdog = self.unit.one("Service.WatchdogSec")
        if watchdog:
            self.environment["WATCHDOG_USEC"] = str(int(seconds(watchdog) * 1e6))
            self.environment["WATCHDOG_PID"] = str(os.getpid())
        os.umask(int(self.unit.one("Service.UMask", "0022"), 8))
        # As many as this system may give: a container's hard limit can be lower than the unit's.
        files = int(self.unit.one("Service.LimitNOFILE", "1024"))
        hard = min(files, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.chdir("/")
        os.setsid()
        words = self.command(self.unit.one("Service.ExecStart"))
        os.execvpe(words[0], words, self.environment)

    def start(self):
        read_end, write_end = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                self.become(read_end, write_end)
            finally:
                os._exit(127)
        os.close(write_end)
        for work in (self.hear, self.watch_log, self.wait):
            argument = (read_end,) if work == self.watch_log else ()
            threading.Thread(target=work, args=argument, daemon=True).start()
        self.until(lambda: self.has_said("READY=1") or self.status is not None, "READY=1")
        if self.status is not None:
            raise Wrong(f"{self.unit.name} ended with {self.status}: " + " / ".join(self.log[-5:]))

    def note(self, change):
        with self.changed:
            change()
            self.changed.notify_all()

    def hear(self):
        while True:
            words = self.notify.recv(65536).decode().splitlines()
            self.note(lambda words=words: self.said.extend(words))

    def watch_log(self, read_end):
        with os.fdopen(read_end, encoding="utf-8", errors="replace") as f:
            for line in f:
                self.note(lambda line=line: self.log.append(line.rstrip("\n")))

    def wait(self):
        _, status = os.waitpid(self.pid, 0)
        self.note(lambda: setattr(self, "status", os.waitstatus_to_exitcode(status)))

    def has_said(self, word, after=0):
        return word in self.said[after:]

    def until(self, true, what, limit_s=DEADLINE_S):
        deadline = time.monotonic() + limit_s
        with self.changed:
            while not true():
                left = deadline - time.monotonic()
                if left <= 0 or not self.changed.wait(left):
                    if not true():
                        raise Wrong(
                            f"{self.unit.name}: {what}: not within {limit_s} s: "
                            + " / ".join(self.log[-8:])
                        )

    def logged(self, word, after=0):
        return any(word in line for line in self.log[after:])

    def await_line(self, word, after=0, limit_s=DEADLINE_S):
        self.until(lambda: self.logged(word, after), f'a line with "{word}"', limit_s)

    def reload(self):
        """As ExecReload= says, by the same user."""
        line = self.unit.one("Service.ExecReload").replace("$MAINPID", str(self.pid))
        done = subprocess.run(
            self.command(line),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        if done.returncode != 0:
            raise Wrong(f"{line}: {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self):
        """Returns the exit status."""
        if self.status is None:
            os.kill(self.pid, signal.SIGTERM)
        self.until(lambda: self.status is not None, "its end")
        if self.unit.one("Service.RuntimeDirectoryPreserve", "no") == "no":
            for name in self.unit.all("Service.RuntimeDirectory"):
                shutil.rmtree(f"/run/{name}", ignore_errors=True)
        shutil.rmtree(f"/run/credentials/{self.unit.name}", ignore_errors=True)
        return self.status

    def holds(self, s):
        """Whether the process has this very socket."""
        wanted = os.fstat(s.fileno()).st_ino
        folder = f"/proc/{self.pid}/fd"
        for fd in os.listdir(folder):
            try:
                found = os.stat(f"{folder}/{fd}")
            except FileNotFoundError:
                continue
            if stat.S_ISSOCK(found.st_mode) and found.st_ino == wanted:
                return True
        return False


class Manager:
    """Starts what is asked for, after what it requires."""

    def __init__(self):
        self.services = {}
        self.sockets = {}

    def start(self, name):
        unit = Unit(name)
        if not needs_start(unit):
            return None
        for other in " ".join(unit.all("Unit.Requires")).split():
            self.start(other)
        if unit.one("Service.Type") == "oneshot":
            mask = int(unit.one("Service.UMask", "0022"), 8)
            words = shlex.split(unit.one("Service.ExecStart").replace("\\\\", "\\"))
            subprocess.run(words, check=True, umask=mask)
            return None
        listening = name.replace(".service", ".socket")
        if any(os.path.exists(f"{folder}/{listening}") for folder in FOLDERS):
            where = Unit(listening)
            if listening not in self.sockets:
                addresses = where.all("Socket.ListenDatagram")
                self.sockets[listening] = [open_socket(where, a) for a in addresses]
        service = Service(unit, self.sockets.get(listening, ()))
        service.start()
        self.services[name] = service
        return service

    def stop(self):
        for service in self.services.values():
            service.stop()
        self.services = {}
