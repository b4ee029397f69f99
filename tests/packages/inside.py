#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs within a fresh system in which the packages are installed, and nothing else of lwgate.

inside.py serve FOLDER             both daemons as installed; then the packages in FOLDER, which
                                   are of the next version, are installed over them
inside.py lwgated                  stands for lwgated in tests/lab: the installed one, under
                                   its unit, with the lab's server and credentials put in
inside.py shot FILE                which files there are
inside.py same FILE                whether these are all that there are now
"""

import hashlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import urllib.request

from manager import Manager, Wrong

CONF = "/etc/lwgate/lwgate.conf"
WEB = "http://127.0.0.1:9684"
# Not of the file systems, or apt's and dpkg's own, who keep a history.
NOT_LOOKED_AT = re.compile(
    r"/(proc|sys|dev|run|tmp|opt)(/.*)?|/var/(lib/(dpkg|apt)|cache|tmp)(/.*)?"
    r"|/var/log(/apt(/.*)?|/(dpkg|alternatives)\.log)?|/etc/ld\.so\.cache"
    r"|/(etc/(passwd|group|shadow|gshadow|subuid|subgid)-|etc/\.pwd\.lock)"
    r"|/root/\.bash_history|/build(/.*)?"
)
failed = []


def check(name, holds, detail=""):
    print(f"{'ok' if holds else 'not ok'}: {name}" + ("" if holds else f": {detail}"), flush=True)
    if not holds:
        failed.append(name)


def ctl(*words):
    return subprocess.run(
        ["lwgatectl", *words], capture_output=True, text=True, timeout=60, check=False
    )


def of_process(pid):
    """Of every thread: the lines of /proc/PID/status."""
    rows = []
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            rows.append(dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line))
    return rows


def check_rights(name, service):
    uid, gid = service.ids()
    for row in of_process(service.pid):
        held = [row[k] for k in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")]
        if any(int(h, 16) for h in held) or row["NoNewPrivs"] != "1":
            check(f"{name}: no thread has a right", False, row)
            return
        if set(row["Uid"].split()) != {str(uid)} or set(row["Gid"].split()) != {str(gid)}:
            check(f"{name}: every thread is its user", False, row)
            return
    check(f"{name}: every thread is user {service.user}, without a right", True)


def edit(file, old, new):
    with open(file, encoding="utf-8") as f:
        text = f.read()
    if len(re.findall(old, text, re.MULTILINE)) != 1:
        raise Wrong(f"{file}: no one place for {old}")
    with open(file, "w", encoding="utf-8") as f:
        f.write(re.sub(old, lambda _: new, text, count=1, flags=re.MULTILINE))


def fetched(path):
    wanted = {"Accept": "application/openmetrics-text; version=1.0.0, text/html"}
    question = urllib.request.Request(WEB + path, headers=wanted)
    with urllib.request.urlopen(question, timeout=20) as answer:
        return answer.read().decode()


def installed_version():
    done = subprocess.run(["lwgated", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


# --- as installed ---------------------------------------------------------------------------------


def check_gateway(manager):
    gateway = manager.start("lwgated.service")
    check("lwgated: READY=1 with the shipped configuration", gateway.has_said("READY=1"))
    check_rights("lwgated", gateway)
    sockets = manager.sockets["lwgated.socket"]
    check("lwgated: serves at the manager's sockets", all(map(gateway.holds, sockets)))
    gateway.await_line(" info ready ")
    gateway.await_line("warn credentials there is none")
    check("lwgated: says that nobody may come in yet, and what to do", True)
    strays = [line for line in gateway.log if "warn listen-fds" in line]
    check("lwgated: no socket of the unit is left over", not strays, strays)
    key = os.stat("/etc/lwgate/store.key")
    check(
        "the key of the store was made, for root alone",
        stat.S_IMODE(key.st_mode) == 0o600 and key.st_uid == 0 and key.st_size == 64,
        key,
    )
    done = ctl("--json", "status")
    check("lwgatectl status", done.returncode == 0 and json.loads(done.stdout), done)
    metrics = fetched("/metrics")
    check("/metrics is there, as shipped", metrics.endswith("# EOF\n"), repr(metrics[-200:]))
    check("and the status page", "<html" in fetched("/"))
    gateway.until(lambda: gateway.has_said("WATCHDOG=1"), "a ping of the watchdog")
    check("lwgated: pings the watchdog", True)
    before = len(gateway.said)
    gateway.reload()
    gateway.until(lambda: gateway.has_said("READY=1", before), "READY=1 after the reload")
    check("lwgated: ExecReload", True)
    return gateway


def check_bridge(manager):
    bridge = manager.start("lwgate-smsd.service")
    check("lwgate-smsd: READY=1 with the shipped configuration", bridge.has_said("READY=1"))
    check_rights("lwgate-smsd", bridge)
    bridge.until(lambda: bridge.has_said("WATCHDOG=1"), "a ping of the watchdog")
    check("lwgate-smsd: pings the watchdog", True)
    bridge.reload()
    bridge.await_line("reload")
    return bridge


def check_together(manager):
    """Another user, who is let in by the group of the socket."""
    check("lwgated ends with 0", manager.services["lwgated.service"].stop() == 0)
    edit(CONF, r"^log = ", 'sms = { socket = "/run/lwgate/sms"; group = "lwgate-sms"; };\nlog = ')
    gateway = manager.start("lwgated.service")
    gateway.await_line("sms-bridge")
    mode = os.stat("/run/lwgate/sms")
    check("the bridge is let in at the gateway's socket", stat.S_IMODE(mode.st_mode) == 0o660)
    return gateway


STUB = """#!/bin/sh
# For the package's maintainer scripts: a systemctl that says that all runs.
echo "$@" >>/run/systemctl.log
exit 0
"""


def check_upgrade(gateway, folder):
    """postinst sees a systemd, and has the running process become the new program."""
    os.makedirs("/run/systemd/system")
    with open("/usr/local/bin/systemctl", "w", encoding="ascii") as f:
        f.write(STUB)
    os.chmod("/usr/local/bin/systemctl", 0o755)
    said, lines, pid = len(gateway.said), len(gateway.log), gateway.pid
    debs = [os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f.endswith(".deb")]
    done = subprocess.run(
        ["dpkg", "-i", *debs],
        capture_output=True,
        env={**os.environ, "PATH": "/usr/local/bin:" + os.environ["PATH"]},
        text=True,
        timeout=120,
        check=False,
    )
    check("the next version is installed", done.returncode == 0, done.stdout + done.stderr)
    gateway.until(lambda: gateway.has_said("READY=1", said), "READY=1 after the upgrade")
    gateway.await_line(f" info ready version={installed_version()} ", lines)
    check(
        "the running gateway became the new program, in its process",
        gateway.status is None and gateway.pid == pid,
        gateway.log[lines:],
    )
    with open("/run/systemctl.log", encoding="ascii") as f:
        orders = f.read()
    check("and was not started anew for it", not re.search(r"start.*lwgated\.s", orders), orders)
    check_rights("lwgated after the upgrade", gateway)
    os.unlink("/usr/local/bin/systemctl")
    os.rmdir("/run/systemd/system")


def serve(folder):
    manager = Manager()
    gateway = check_gateway(manager)
    bridge = check_bridge(manager)
    gateway = check_together(manager)
    check_upgrade(gateway, folder)
    check("lwgate-smsd ends with 0", bridge.stop() == 0, bridge.log[-5:])
    check("lwgated ends with 0", gateway.stop() == 0, gateway.log[-5:])
    return 1 if failed else 0


# --- in the lab -----------------------------------------------------------------------------------


def lwgated():
    """In the lab's folder, which has its lwgate.conf and credentials.conf."""
    with open("lwgate.conf", encoding="ascii") as f:
        port = re.search(r'upstream = \{ address = "127.0.0.1"; port = ([0-9]+)', f.read()).group(1)
    edit(
        CONF,
        r'^upstream = \{\n\taddress = "[^"]*";.*\n\tport = [0-9]+;',
        f'upstream = {{\n\taddress = "127.0.0.1";\n\tport = {port};',
    )
    ended = []
    signal.signal(signal.SIGTERM, lambda *_: ended.append(True))
    gateway = Manager().start("lwgated.service")
    done = ctl("credential", "import", "credentials.conf")
    if done.returncode != 0:
        raise Wrong(f"credential import: {done.stdout}{done.stderr}")
    shown = 0
    while gateway.status is None and not ended:
        for line in gateway.log[shown:]:
            shown += 1
            print(line, file=sys.stderr, flush=True)
        with gateway.changed:
            gateway.changed.wait(0.2)
    return gateway.stop()


# --- what is left behind --------------------------------------------------------------------------


def files():
    found = {}
    for folder, names, plain in os.walk("/"):
        names[:] = [n for n in names if not NOT_LOOKED_AT.fullmatch(os.path.join(folder, n))]
        for name in names + plain:
            path = os.path.join(folder, name)
            if NOT_LOOKED_AT.fullmatch(path):
                continue
            s = os.lstat(path)
            row = [stat.filemode(s.st_mode), s.st_uid, s.st_gid]
            if stat.S_ISREG(s.st_mode):
                with open(path, "rb") as f:
                    row.append(hashlib.sha256(f.read()).hexdigest()[:16])
            elif stat.S_ISLNK(s.st_mode):
                row.append(os.readlink(path))
            found[path] = row
    return found


def same(file):
    with open(file, encoding="utf-8") as f:
        before = json.load(f)
    now = files()
    left = sorted(set(now) - set(before))
    gone = sorted(set(before) - set(now))
    other = sorted(p for p in set(now) & set(before) if now[p] != before[p])
    check("nothing is left behind", not left, left)
    check("nothing is missing", not gone, gone)
    check("nothing has changed", not other, [(p, before[p], now[p]) for p in other])
    return 1 if failed else 0


def main():
    word, *rest = sys.argv[1:] or ["?"]
    try:
        if word == "serve" and len(rest) == 1:
            return serve(rest[0])
        if word == "lwgated":
            return lwgated()
        if word == "shot" and len(rest) == 1:
            with open(rest[0], "w", encoding="utf-8") as f:
                json.dump(files(), f)
            return 0
        if word == "same" and len(rest) == 1:
            return same(rest[0])
    except Wrong as wrong:
        print(f"not ok: {wrong}", file=sys.stderr, flush=True)
        return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
