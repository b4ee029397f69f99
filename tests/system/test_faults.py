#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens to the store's medium and files: each time a clear word (file, reason, remedy) and
an exit status, never a silent start with nothing; a disk that is full stops new sessions only."""

import contextlib
import os
import random
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from harness import (  # noqa: E402
    Device,
    Lab,
    Process,
    binary,
    free_port,
    register_message,
    run_tests,
    s_client,
    update_message,
)

DATA = "data.mdb"


def session(lab, device, seconds=30):
    """A session in the store: a device that has registered, and goes away without a word."""
    client = s_client(lab, device)
    client.wait_bytes(rb"Extended master secret: yes.*---\n")
    client.child.stdin.write(register_message(device.endpoint))
    client.child.stdin.flush()
    event = lab.server.wait_json(lambda e: e.get("event") == "registered", seconds)
    return event["location"], client


@contextlib.contextmanager
def stopped(settings=""):
    """A lab whose store has a session in it and whose lwgated has ended."""
    device = Device("urn:faults:one")
    with Lab([device], server_args=["--rounds", "1"], store=settings) as lab:
        _, client = session(lab, device)
        assert lab.gateway.stop() == 0
        client.kill()
        yield lab


def copy_of(lab):
    shutil.copytree(lab.store_path(), lab.path("good"))


def put_back(lab):
    shutil.rmtree(lab.store_path())
    shutil.copytree(lab.path("good"), lab.store_path())


def must_refuse(lab, *words):
    """lwgated ends with a status, not by a signal, and says all the words in one line."""
    status, said = lab.refused()
    assert status > 0, (status, said)
    lines = [line for line in said.splitlines() if all(re.search(w, line, re.I) for w in words)]
    assert lines, f"no line with all of {words}: {said}"
    assert " ready " not in said, said
    return lines[0]


def must_start_as_before(lab):
    """Nothing was harmed by the refusals: the session is there."""
    lab.start_gateway()
    facts = lab.store_facts()
    assert facts["sessions"] == 1 and facts["credentials"] == 1 and not facts["fresh"], facts
    assert lab.gateway.stop() == 0


# --- files that are not what they were ------------------------------------------------------------


def test_a_truncated_database_is_refused():
    with stopped() as lab:
        copy_of(lab)
        # Behind the pages in use there may be room that was only reserved.
        for rest in (32768, 8192, 4096, 100):
            os.truncate(lab.store_path(DATA), rest)
            must_refuse(lab, DATA, "cut off|damaged", "restore|backup")
        os.truncate(lab.store_path(DATA), 0)
        must_refuse(lab, DATA, "empty|damaged", "restore|backup")
        put_back(lab)
        must_start_as_before(lab)


def test_a_database_that_is_gone_is_not_made_anew_in_silence():
    with stopped() as lab:
        copy_of(lab)
        os.unlink(lab.store_path(DATA))
        must_refuse(lab, "store", "data.mdb|database|keyring")
        put_back(lab)
        must_start_as_before(lab)


def test_a_file_that_is_no_database_is_refused():
    with stopped() as lab:
        with open(lab.store_path(DATA), "r+b") as f:
            f.write(secrets.token_bytes(3 * 4096))
        must_refuse(lab, DATA, "damaged|no LMDB", "restore|backup")


def flip(file, places):
    with open(file, "r+b") as f:
        for at in places:
            f.seek(at)
            was = f.read(1)[0]
            f.seek(at)
            f.write(bytes([was ^ 1 << random.randrange(8)]))


def ended_of_damage(lab):
    status = lab.gateway.child.wait(30)
    lab.gateway.reader.join(5)
    said = " ".join(lab.gateway.lines)
    words = re.search("damage|schema|cut off", said)
    assert status > 0 and words and lab.store_path() in said, (status, said)


def test_flipped_bits_are_told_and_nothing_falls_over():
    """Anywhere in the database: refused at the start, or told when it is met: the log says it, or,
    where no answer could be right any more, the process ends with words and a status. It never dies
    of a signal; either a device gets a session, or the log says why not."""
    device = Device("urn:faults:flips")
    seed = random.randrange(1 << 31)
    random.seed(seed)
    print(f"# seed {seed}")
    with Lab([device], server_args=["--rounds", "1"], store="evict_after_s = 1;") as lab:
        _, client = session(lab, device)
        assert lab.gateway.stop() == 0
        client.kill()
        copy_of(lab)
        size = os.path.getsize(lab.store_path(DATA))
        refused = told = served = 0
        for number in range(12):
            before = told
            flip(lab.store_path(DATA), random.sample(range(size), 1 + size // (64 << number)))
            lab.launch_gateway()
            try:
                lab.gateway.wait_line(" ready ")
            except EOFError:
                ended_of_damage(lab)
                refused += 1
            else:
                time.sleep(0.2)  # TERM right after "ready" is another test's
                try:
                    session(lab, device, 3)[1].kill()
                    served += 1
                except TimeoutError:
                    # A busy machine may let it in after these 3 s.
                    late = any("session-up" in line for line in lab.gateway.lines)
                    served, told = served + late, told + (not late)
                if lab.gateway.stop() != 0:
                    ended_of_damage(lab)
                said = " ".join(lab.gateway.lines)
                assert told == before or re.search("damage|no credential has this", said), said
            put_back(lab)
        print(f"# refused {refused} of 12, told and not served {told}, served {served}")
        assert refused > 0
        lab.start_gateway()


def test_sealed_values_that_were_changed_are_damage_that_is_told():
    """Every value of the credential and the session, but none of the pages' own structure."""
    device = Device("urn:faults:sealed")
    with Lab([device], server_args=["--rounds", "1"], store="evict_after_s = 1;") as lab:
        _, client = session(lab, device)
        assert lab.gateway.stop() == 0
        with open(lab.store_path(DATA), "rb") as f:
            data = f.read()
        # A sealed value begins with its version (1) and the number of its data key (1).
        sealed = [m.start() for m in re.finditer(rb"\x01\x00\x00\x00\x01", data)]
        assert sealed
        flip(lab.store_path(DATA), [at + 5 + 40 for at in sealed if at + 45 < len(data)])
        lab.launch_gateway()
        try:
            lab.gateway.wait_line(" ready ")
        except EOFError:
            said = " ".join(lab.gateway.lines)
            assert lab.gateway.child.wait() > 0 and "damage" in said, said
            return
        client.child.stdin.write(update_message("rd/1", 0x3001))
        client.child.stdin.flush()
        lab.until(lambda: lab.store_facts()["damaged"] > 0)
        assert [line for line in lab.gateway.lines if "damage" in line], lab.gateway.lines
        assert lab.gateway.stop() == 0


def test_a_database_of_a_newer_schema_is_refused():
    with stopped() as lab:
        copy_of(lab)
        with open(lab.store_path(DATA), "rb") as f:
            data = f.read()
        # The row of the table meta: its key, then 4 octets with the number.
        found = [m.end() for m in re.finditer(rb"schema\x00?(?=\x00\x00\x00[\x01-\x20])", data)]
        assert found
        with open(lab.store_path(DATA), "r+b") as f:
            for at in found:
                f.seek(at)
                f.write((99).to_bytes(4, "big"))
        must_refuse(lab, "schema 99", "newer")
        put_back(lab)
        must_start_as_before(lab)


# --- keys -----------------------------------------------------------------------------------------


def test_a_wrong_key_is_told_from_damage():
    with stopped() as lab:
        with open(lab.path("store.key"), "rb") as f:
            right = f.read()
        lab.write("store.key", secrets.token_hex(32) + "\n")
        line = must_refuse(lab, "keyring|store", "key")
        assert "damage" not in line, line
        with open(lab.path("store.key"), "wb") as f:
            f.write(right)
        must_start_as_before(lab)


def test_a_missing_key_is_not_replaced_by_a_new_one():
    with stopped() as lab:
        os.rename(lab.path("store.key"), lab.path("elsewhere"))
        must_refuse(lab, "store.key", "no such file|missing|not there")
        assert not os.path.exists(lab.path("store.key"))
        os.rename(lab.path("elsewhere"), lab.path("store.key"))
        must_start_as_before(lab)


def test_a_key_that_others_can_read_is_refused():
    with stopped() as lab:
        os.chmod(lab.path("store.key"), 0o644)
        must_refuse(lab, "store.key", "chmod|0600|others")
        os.chmod(lab.path("store.key"), 0o600)
        must_start_as_before(lab)


def test_a_missing_keyring_is_refused():
    with stopped() as lab:
        copy_of(lab)
        os.unlink(lab.store_path("keyring"))
        must_refuse(lab, "keyring", "restore|backup|missing|not there|gone")
        assert not os.path.exists(lab.store_path("keyring"))
        put_back(lab)
        must_start_as_before(lab)


def test_a_damaged_keyring_is_told_from_a_wrong_key():
    with stopped() as lab:
        copy_of(lab)
        size = os.path.getsize(lab.store_path("keyring"))
        flip(lab.store_path("keyring"), [size - 3])
        must_refuse(lab, "keyring", "damage")
        put_back(lab)
        os.truncate(lab.store_path("keyring"), size // 2)
        must_refuse(lab, "keyring", "damage|cut off")
        put_back(lab)
        must_start_as_before(lab)


# --- two at once ----------------------------------------------------------------------------------


def second(lab):
    """Another lwgated with the same store and ports of its own."""
    with open(lab.path("lwgate.conf"), encoding="ascii") as f:
        text = f.read()
    text = text.replace(f"port = {lab.port};", f"port = {free_port()};")
    text = re.sub(r',\s*\{ address = "::1"[^}]*\}', "", text)
    text = text.replace(lab.path("control"), lab.path("control-2"))
    lab.write("second.conf", text)
    child = Process([binary("lwgated"), "-c", lab.path("second.conf")])
    lab.children.append(child)
    return child


def test_R193_a_second_instance_on_the_same_store_is_refused():
    device = Device("urn:faults:second")
    with Lab([device], server_args=["--rounds", "1"], store="") as lab:
        location, client = session(lab, device)
        late = second(lab)
        assert late.child.wait(30) > 0
        late.reader.join(5)
        said = " ".join(late.lines)
        assert lab.store_path() in said and "in use" in said, said
        assert str(lab.gateway.child.pid) in said, said  # whom to stop
        client.child.stdin.write(update_message(location, 0x3001))
        client.child.stdin.flush()
        lab.server.wait_json(lambda e: e.get("event") == "updated")


def test_R193_S3_nor_while_the_first_one_is_stopped():
    device = Device("urn:faults:stopped")
    with Lab([device], server_args=["--rounds", "1"], store="") as lab:
        location, client = session(lab, device)
        lab.gateway.child.send_signal(signal.SIGSTOP)
        late = second(lab)
        assert late.child.wait(30) > 0
        late.reader.join(5)
        assert "in use" in " ".join(late.lines), late.lines
        lab.gateway.child.send_signal(signal.SIGCONT)
        client.child.stdin.write(update_message(location, 0x3001))
        client.child.stdin.flush()
        lab.server.wait_json(lambda e: e.get("event") == "updated")


# --- the medium -----------------------------------------------------------------------------------


@contextlib.contextmanager
def mounted(lab_folder, size):
    """A small file system of its own in a folder."""
    os.makedirs(lab_folder, exist_ok=True)
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "tmpfs", lab_folder], check=True
    )
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", lab_folder], check=False)


class Small(Lab):
    """A lab whose store lies on a small file system of its own."""

    def __init__(self, *args, size="24m", **kwargs):
        super().__init__(*args, store="any_filesystem = true; evict_after_s = 2;", **kwargs)
        self.size = size
        self.stack = contextlib.ExitStack()

    def store_path(self, name=""):
        return os.path.join(self.path("disk"), "store", name).rstrip("/")

    def _store_text(self):
        self.stack.enter_context(mounted(self.path("disk"), self.size))
        return super()._store_text()

    def __exit__(self, *error):
        for child in reversed(self.children):
            child.kill()
        self.stack.close()
        super().__exit__(*error)

    def fill_disk(self):
        with open(os.path.join(self.path("disk"), "filler"), "wb", buffering=0) as f:
            with contextlib.suppress(OSError):
                while True:
                    f.write(b"\0" * 4096)
        usage = os.statvfs(self.path("disk"))
        assert usage.f_bavail == 0, usage

    def make_room(self):
        os.unlink(os.path.join(self.path("disk"), "filler"))


def fleet(lab, name, first, count, *more):
    """A part of the lab's devices, from a credentials file of its own."""
    whole, lab.devices = lab.devices, lab.devices[first : first + count]
    lab.write(name, lab._credentials())
    lab.devices = whole
    child = Process(
        [
            binary("lwgate-fleet"),
            "--server",
            f"127.0.0.1:{lab.port}",
            "--credentials",
            lab.path(name),
            "--notify-ms",
            "0",
            "--initial-ms",
            "500",
            "--ack-ms",
            "500",
            *more,
        ]
    )
    lab.children.append(child)
    return child


def order(child, word):
    child.child.stdin.write(word.encode() + b"\n")
    child.child.stdin.flush()


def fill_store(lab):
    """Credentials for nobody, until there is no room for one more; each import is all or none."""
    for count in (4000, 400, 40, 4, 1):
        for number in range(1000):
            name = secrets.token_hex(4)
            whole = lab.devices
            lab.devices = [Device(f"urn:nobody:{name}:{n}") for n in range(count)]
            file = lab.write("nobody.conf", lab._credentials())
            lab.devices = whole
            before = lab.store_facts()["credentials"]
            done = lab.ctl("credential", "import", file, check=False)
            if done.returncode != 0:
                said = done.stderr.decode() + done.stdout.decode()
                assert "full" in said and "room" in said, said
                assert lab.store_facts()["credentials"] == before
                break
            assert lab.store_facts()["credentials"] == before + count
        else:
            raise AssertionError("the store never gets full")


def test_a_full_disk_stops_new_sessions_and_no_others():
    living, late, said = 20, 20, 256 * 3
    devices = [Device(f"urn:full:{n}") for n in range(living + late)]
    with Small(devices, server_args=["--rounds", "1", "--quiet"]) as lab:
        few = fleet(lab, "few.conf", 0, living, "--once", "--serial", "--con")
        few.wait_json(lambda e: e.get("event") == "all_registered")
        lab.fill_disk()
        fill_store(lab)
        assert lab.store_facts()["is_full"] and lab.store_facts()["full"] > 0, lab.store_facts()
        new = fleet(lab, "late.conf", living, late)
        lab.gateway.wait_line(lambda line: "store-failed" in line and "full" in line)
        assert "full" in lab.ctl("status")
        # Each of the living says more than a lease has numbers, several times over.
        order(few, f"load {living * said}")
        done = few.wait_json(lambda e: e.get("event") == "load", 120)
        assert done["done"] == living * said and done["lost"] == 0, done
        facts = lab.store_facts()
        assert facts["is_full"] and not facts["is_broken"], facts
        lab.make_room()
        new.wait_json(lambda e: e.get("event") == "all_registered", 120)
        assert not lab.store_facts()["is_full"]
        for child in (new, few):
            order(child, "quit")
            summary = child.wait_json(lambda e: e.get("event") == "summary", 60)
        assert summary["handshakes"] == living and summary["again"] == 0, summary
        assert lab.gateway.stop() == 0
        lab.start_gateway()  # and what is on the disk is whole


def test_a_full_disk_at_a_restart_stops_nobody_who_was_there():
    living = 20
    devices = [Device(f"urn:full:{n}") for n in range(living)]
    with Small(devices, server_args=["--rounds", "1", "--quiet"]) as lab:
        few = fleet(lab, "few.conf", 0, living, "--once", "--serial", "--con")
        few.wait_json(lambda e: e.get("event") == "all_registered")
        lab.fill_disk()
        fill_store(lab)
        for how in (signal.SIGKILL, signal.SIGTERM):
            lab.restart(how)
            order(few, f"load {living * 300}")
            done = few.wait_json(lambda e: e.get("event") == "load", 120)
            assert done["lost"] == 0, done
        order(few, "quit")
        summary = few.wait_json(lambda e: e.get("event") == "summary", 60)
        assert summary["handshakes"] == living and summary["again"] == 0, summary


def test_a_full_disk_at_the_first_start_is_refused():
    with Small([Device("urn:full:first")], upstream=False) as lab:
        assert lab.gateway.stop() == 0
        shutil.rmtree(lab.store_path())
        lab.fill_disk()
        must_refuse(lab, "store", "no room|no space|full")


def test_a_read_only_file_system_is_refused():
    with Small([Device("urn:ro:one")], upstream=False) as lab:
        assert lab.gateway.stop() == 0
        remount = ["mount", "-o", "remount,ro", lab.path("disk")]
        subprocess.run(remount, check=True)
        must_refuse(lab, "store", "read-only", "writable|read-write")


def test_a_file_system_that_may_forget_is_refused_unless_allowed():
    with Small([Device("urn:tmpfs:one")], upstream=False) as lab:
        assert lab.gateway.stop() == 0
        with open(lab.path("lwgate.conf"), encoding="ascii") as f:
            text = f.read()
        lab.write("lwgate.conf", text.replace("any_filesystem = true", "any_filesystem = false"))
        must_refuse(lab, "store", "tmpfs", "local disk")


def test_S4_a_medium_that_fails_is_final_and_stops_no_living_session():
    """fdatasync() fails (strace makes it so): nothing that it covered is used, nothing is tried
    again, and who lives goes on as long as his numbers last. Without the sandbox: a call that
    strace makes fail has the number -1, which is none of ours."""
    if not shutil.which("strace"):
        raise AssertionError("strace is missing: run deploy/setup")
    devices = [Device(f"urn:eio:{n}") for n in range(2)]
    settings = 'sandbox = "off";'
    with Lab(devices, server_args=["--rounds", "1"], store="", settings=settings) as lab:
        location, client = session(lab, devices[0])
        tracer = subprocess.Popen(
            [
                "strace",
                "-f",
                "-qq",
                "-o",
                lab.path("trace"),
                "-e",
                "trace=fdatasync,fsync,msync",
                "-e",
                "inject=fdatasync,fsync,msync:error=EIO",
                "-p",
                str(lab.gateway.child.pid),
            ]
        )
        try:
            lab.until(lambda: traced(lab.gateway.child.pid, tracer.pid))
            refused = s_client(lab, devices[1])
            refused.child.wait(30)  # its association cannot be kept
            lab.until(lambda: lab.store_facts()["is_broken"])
            lab.gateway.wait_line(lambda line: "error" in line and "disk" in line)
            time.sleep(1)
            with open(lab.path("trace"), encoding="utf-8") as f:
                tries = len([line for line in f if "EIO" in line])
            client.child.stdin.write(update_message(location, 0x3001))
            client.child.stdin.flush()
            lab.server.wait_json(lambda e: e.get("event") == "updated")
            again = s_client(lab, devices[1])
            again.child.wait(30)
            with open(lab.path("trace"), encoding="utf-8") as f:
                assert len([line for line in f if "EIO" in line]) == tries  # no retry
        finally:
            tracer.terminate()
            tracer.wait(10)
        lab.restart(signal.SIGKILL)  # mended
        client.child.stdin.write(update_message(location, 0x3002))
        client.child.stdin.flush()
        lab.server.wait_json(lambda e: e.get("event") == "updated")


def traced(pid, by):
    """Every thread of a process has that tracer."""
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as f:
            if f"TracerPid:\t{by}" not in f.read():
                return False
    return True


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
