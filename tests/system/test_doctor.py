#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgatectl doctor over set-ups that are really broken: each cause is named, where it stands, and
what would be right; over one that is well, nothing; and it changes nothing."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, Lab, Skip, binary, run_tests  # noqa: E402
from pki import Pki  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DISK = "any_filesystem = true;"  # what the folder of a build lies on is not our business
NOBODY = 65534
BUFFER = 4 << 20  # what a socket of the gateway asks for


def compiled(folder, source, *words):
    out = os.path.join(folder, os.path.splitext(source)[0])
    argv = [
        os.environ.get("CC", "cc"),
        "-D_GNU_SOURCE",
        "-o",
        out,
        os.path.join(HERE, source),
    ]
    subprocess.run([*argv, *words], check=True, timeout=DEADLINE_S)
    return out


@contextlib.contextmanager
def stopped(**more):
    """A lab whose server runs, and whose gateway has run and does no more."""
    with Lab([Device("urn:doctor:one")], store=DISK, **more) as lab:
        assert lab.gateway.stop() == 0
        yield lab


def doctor(lab, *before, conf=None, status=None, form="--json"):
    """Its findings; before: the words of a command that runs it."""
    argv = [*before, binary("lwgatectl"), *([form] if form else []), "doctor"]
    argv += ["--config", conf or lab.path("lwgate.conf")]
    done = subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )
    said = done.stdout.decode()
    assert done.stderr == b"", done.stderr
    for device in lab.devices:
        assert device.key not in said and device.up_key not in said
    if form is None:
        assert done.returncode == status, said
        return said
    found = json.loads(said)
    assert found["problems"] == len([f for f in found["findings"] if f["severity"] == "problem"])
    assert done.returncode == (1 if found["problems"] else 0), (done.returncode, said)
    if status is not None:
        assert done.returncode == status, said
    return found["findings"]


def the(findings, name, severity="problem"):
    """The findings of that id and severity; there must be some."""
    got = [f for f in findings if f["id"] == name and f["severity"] == severity]
    assert got, (name, severity, [f for f in findings if f["severity"] != "ok"])
    for f in got:
        assert severity == "ok" or (f["why"] and f["remedy"]), f
    return got


def problems(findings):
    return sorted({f["id"] for f in findings if f["severity"] == "problem"})


def line_of(lab, words):
    with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
        return next(n for n, line in enumerate(f, 1) if words in line)


def edit(lab, old, new):
    with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
        text = f.read()
    assert old in text, old
    lab.write("lwgate.conf", text.replace(old, new))


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def picture(lab):
    """Every file that is the gateway's: name, owner, mode, content."""
    out = {}
    for folder, _, names in os.walk(lab.folder):
        for path in [folder] + [os.path.join(folder, n) for n in names]:
            st = os.lstat(path)
            digest = None
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as f:
                    digest = hashlib.sha256(f.read()).hexdigest()
            # LMDB notes there who reads.
            digest = None if os.path.basename(path) == "lock.mdb" else digest
            out[path] = (st.st_uid, st.st_mode, digest)
    return out


def libraries_for_all(lab):
    """Those of a builder may lie where nobody else may look."""
    folder = lab.path("lib")
    os.mkdir(folder, 0o755)
    said = subprocess.run(["ldd", binary("lwgatectl")], capture_output=True, check=True).stdout
    for path in re.findall(r"=> (/\S+/lib(?:ssl|crypto)\S*)", said.decode()):
        os.chmod(shutil.copy(path, folder), 0o755)
    return folder


# --- well -----------------------------------------------------------------------------------------


def test_a_gateway_that_runs_is_found_well():
    with Lab([Device("urn:doctor:one")], store=DISK) as lab:
        found = doctor(lab, status=0)
        pid = lab.gateway.child.pid
        assert f"process {pid}," in the(found, "running", "ok")[0]["seen"]
        assert "the gateway holds it" in the(found, "store-lock", "ok")[0]["seen"]
        ports = the(found, "port", "ok")
        assert len(ports) == 2 and all("the gateway has it" in f["seen"] for f in ports), ports
        assert "opens the store" in the(found, "store-key", "ok")[0]["seen"]
        assert "answers" in the(found, "upstream", "ok")[0]["seen"]
        for name in (
            "configuration",
            "credentials",
            "policy",
            "keys",
            "mode",
            "store-schema",
        ):
            the(found, name, "ok")


def test_one_that_is_stopped_is_well_and_stays_as_it_was():
    with stopped() as lab:
        before = picture(lab)
        found = doctor(lab, status=0)
        assert picture(lab) == before
        assert "does not run" in the(found, "running", "ok")[0]["seen"]
        assert "nobody holds it" in the(found, "store-lock", "ok")[0]["seen"]
        the(found, "store-pages", "ok")
        assert all("is free" in f["seen"] for f in the(found, "port", "ok"))
        lab.start_gateway()


def test_people_read_severity_place_cause_and_remedy():
    with stopped() as lab:
        os.rename(lab.path("store.key"), lab.path("away"))
        said = doctor(lab, form=None, status=1)
        line = line_of(lab, "store = {")
        place = re.escape(f"{lab.path('lwgate.conf')}:{line}: {lab.path('store.key')}")
        assert re.search(
            rf"^problem +store-key +{place}: is missing.*\n +why: +\S.*\n +remedy: put",
            said,
            re.MULTILINE,
        ), said
        assert re.search(r"^problems: 1, advice: \d+, well: \d+$", said, re.MULTILINE), said


# --- ten that are broken --------------------------------------------------------------------------


def test_wrong_mode():
    with stopped() as lab:
        file = lab.path("credentials.conf")
        os.chmod(file, 0o644)
        found = doctor(lab, status=1)
        mode = the(found, "mode")[0]
        assert "mode 0644" in mode["seen"] and file in mode["seen"], mode
        assert mode["line"] == line_of(lab, "credentials ="), mode
        the(found, "credentials")
        remedy = mode["remedy"].split(",")[0]
        assert remedy == f"chmod 0640 '{file}'", mode
        subprocess.run(remedy, shell=True, check=True)
        doctor(lab, status=0)
        os.chmod(file, 0o604)  # nobody reads it by its group
        assert f"chmod 0600 '{file}'" in the(doctor(lab, status=1), "mode")[0]["remedy"]


def test_wrong_clock():
    with stopped() as lab, tempfile.TemporaryDirectory(prefix="lwgate-clock-") as folder:
        library = compiled(folder, "later.c", "-shared", "-fPIC")
        file = os.path.join(folder, "seconds")

        def at(seconds):
            with open(file, "wb") as f:
                f.write(struct.pack("q", seconds))
            return doctor(lab, "env", f"LD_PRELOAD={library}", f"LATER_FILE={file}", status=1)

        year = 365 * 86400
        clock = the(at(-50 * year), "clock")[0]
        assert "before lwgate was built" in clock["seen"], clock
        assert "timedatectl" in clock["remedy"] or "date" in clock["remedy"], clock
        assert "after lwgate was built" in the(at(40 * year), "clock")[0]["seen"]
        jump = the(at(-3600), "clock-jump")[0]
        assert lab.store_path("data.mdb") in jump["seen"], jump


def test_port_taken():
    with stopped() as lab, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", lab.port))
        found = doctor(lab, status=1)
        port = the(found, "port")[0]
        assert f"127.0.0.1:{lab.port}" in port["seen"], port
        assert f"process {os.getpid()} (" in port["seen"], port
        assert f"kill {os.getpid()}" in port["remedy"], port
        assert port["line"] == line_of(lab, f"port = {lab.port};"), port
        assert problems(found) == ["port"]


HOLD = """
import socket, sys
open("/proc/self/comm", "w").write("systemd")
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
print("held", flush=True)
sys.stdin.read()
"""


def test_port_taken_by_a_socket_for_both():
    """As servers in Java or Go open it: of IPv6, and for IPv4, too."""
    with stopped() as lab, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        other.bind(("::", lab.port))
        port = the(doctor(lab, status=1), "port")[0]
        assert f"process {os.getpid()} " in port["seen"], port
        assert f"kill {os.getpid()}" in port["remedy"], port


def test_port_that_the_service_manager_holds():
    with stopped() as lab:
        manager = lab.start([sys.executable, "-c", HOLD, str(lab.port)])
        manager.wait_line("held")
        ports = the(doctor(lab, status=0), "port", "ok")
        assert "the service manager holds it" in ports[0]["seen"], ports


def test_web_port_taken():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        web = f'web = {{ address = "127.0.0.1"; port = {port}; }};'
        with stopped() as lab:
            edit(lab, "handshake = {", web + "\nhandshake = {")
            found = the(doctor(lab, status=1), "web-port")[0]
            assert f"process {os.getpid()} (" in found["seen"], found
            assert found["line"] == line_of(lab, "web ="), found
            other.close()
            assert "is free" in the(doctor(lab, status=0), "web-port", "ok")[0]["seen"]
            lab.start_gateway()
            assert "the gateway has it" in the(doctor(lab, status=0), "web-port", "ok")[0]["seen"]


def test_address_of_no_interface_and_port_of_root():
    with stopped() as lab:
        edit(
            lab,
            f'address = "127.0.0.1"; port = {lab.port}',
            'address = "192.0.2.7"; port = 5',
        )
        assert "no interface has that address" in the(doctor(lab), "port")[0]["seen"]


def test_small_buffers():
    """The kernel's bound is one for the whole machine: it is low while doctor looks, and no longer.
    Who has CAP_NET_ADMIN, as lwgated that root has started, passes over it."""
    need_root()
    small = 16384
    files = "/proc/sys/net/core/rmem_max /proc/sys/net/core/wmem_max"
    inside = (
        f"for f in {files}; do test -w $f || exit 77; done; "
        f'set -- $(cat {files}) "$@"; r=$1; w=$2; shift 2; '
        "trap 'echo $r >/proc/sys/net/core/rmem_max; echo $w >/proc/sys/net/core/wmem_max' EXIT; "
        f'for f in {files}; do echo {small} >$f; done; "$@"'
    )
    with stopped() as lab:
        try:
            found = doctor(lab, "sh", "-c", inside, "sh", status=1)
        except ValueError as why:  # nothing was said
            raise Skip("the kernel's settings cannot be written here") from why
        for name, sysctl in (("receive", "rmem"), ("send", "wmem")):
            buffer = the(found, name + "-buffer")[0]
            assert f"gets {small}" in buffer["seen"], buffer
            assert f"sysctl -w net.core.{sysctl}_max={BUFFER}" in buffer["remedy"], buffer


def test_missing_and_wrong_store_key():
    with stopped() as lab:
        key = lab.path("store.key")
        os.rename(key, key + ".away")
        found = doctor(lab, status=1)
        missing = the(found, "store-key")[0]
        assert "is missing" in missing["seen"] and key in missing["seen"], missing
        assert "copy" in missing["remedy"], missing
        assert missing["line"] == line_of(lab, "key_file"), missing
        assert problems(found) == ["store-key"]
        assert not os.path.exists(key)  # it makes none
        lab.write("store.key", "%064x\n" % (1 << 77))
        wrong = the(doctor(lab, status=1), "store-key")[0]
        assert "key" in wrong["seen"] and wrong["remedy"], wrong
        os.chmod(key, 0o644)
        assert "0644" in the(doctor(lab, status=1), "store-key")[0]["seen"]


def test_unreachable_upstream():
    with stopped() as lab:
        lab.server.stop()
        refused = the(doctor(lab, status=1), "upstream")[0]
        assert f"127.0.0.1:{lab.server_port}" in refused["seen"], refused
        assert "refused" in refused["seen"] and "start the server" in refused["remedy"], refused
        assert refused["line"] == line_of(lab, "upstream = {"), refused
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", lab.server_port))
            found = the(doctor(lab, status=1), "upstream")[0]
            assert "no answer to a DTLS ClientHello" in found["seen"], found
            assert "firewall" in found["remedy"], found
            silent.settimeout(DEADLINE_S)
            hello = [silent.recv(2048) for _ in range(3)]  # thrice, and always the same one
            assert hello[0] == hello[1] == hello[2] and hello[0][:3] == b"\x16\xfe\xff"
            assert b"urn:doctor:one" not in hello[0]


def certified(pki, name):
    return (
        f'private_key_file = "{pki.path(name + ".key")}"; '
        f'certificate_file = "{pki.path(name + ".pem")}"; '
        'suites = [ "TLS_PSK_WITH_AES_128_CCM_8", "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8" ]; '
        f'anchors_file = "{pki.path("ca.pem")}";'
    )


def test_expired_certificate():
    with Pki() as pki, stopped() as lab:
        pki.server("gw", "gw.example")
        pki.server("old", "gw.example", until="20210101000000Z")
        port = f"port = {lab.port};"
        edit(lab, port, port + " " + certified(pki, "old"))
        found = doctor(lab, status=1)
        expired = the(found, "certificate")[0]
        assert pki.path("old.pem") in expired["seen"], expired
        assert "has expired at 2021-01-01T00:00:00Z" in expired["seen"], expired
        assert "reload" in expired["remedy"] and expired["line"] == line_of(lab, "old.pem"), expired
        edit(lab, "old", "gw")
        doctor(lab, status=0)
        edit(lab, 'gw.key"', 'old.key"')  # another's key
        other = the(doctor(lab, status=1), "keys")[0]
        assert pki.path("gw.pem") in other["seen"] or pki.path("gw.pem") == other["file"], other


def test_certificate_that_ends_soon_and_old_revocation_list():
    with Pki() as pki, stopped() as lab:
        date = subprocess.run(
            ["date", "-u", "-d", "+9 days +1 hour", "+%Y%m%d%H%M%SZ"],
            capture_output=True,
            check=True,
        )
        pki.server("gw", "gw.example", until=date.stdout.decode().strip())
        port = f"port = {lab.port};"
        edit(lab, port, port + certified(pki, "gw") + f' crl_file = "{pki.crl()}";')
        soon = the(doctor(lab, status=0), "certificate", "advice")[0]
        assert "in 9 days" in soon["seen"], soon
        with tempfile.TemporaryDirectory(prefix="lwgate-clock-") as folder:
            library = compiled(folder, "later.c", "-shared", "-fPIC")
            file = os.path.join(folder, "seconds")
            with open(file, "wb") as f:
                f.write(struct.pack("q", 60 * 86400))
            found = doctor(lab, "env", f"LD_PRELOAD={library}", f"LATER_FILE={file}", status=1)
            assert "the next one was due" in the(found, "crl")[0]["seen"]
            the(found, "certificate")


def test_old_schema_and_newer_schema():
    with stopped() as lab, tempfile.TemporaryDirectory(prefix="lwgate-schema-") as folder:
        tool = compiled(folder, "schema_set.c", "-llmdb")

        def at(version):
            subprocess.run([tool, lab.store_path(), str(version)], check=True)
            return doctor(lab)

        now = re.search(r"version (\d+)", the(doctor(lab), "store-schema", "ok")[0]["seen"])
        now = int(now.group(1))
        older = the(at(now - 1), "store-schema", "advice")[0]
        assert f"older version {now - 1} of {now}" in older["seen"], older
        assert "cp -a" in older["remedy"] and lab.store_path() in older["remedy"], older
        newer = the(at(now + 1), "store-schema")[0]
        assert f"version {now + 1}" in newer["seen"] and "newer" in newer["remedy"], newer
        at(now)
        doctor(lab, status=0)


def test_full_disk():
    need_root()
    with stopped() as lab:
        small = lab.path("small")
        os.mkdir(small, 0o700)
        edit(lab, lab.store_path(), small)
        inside = (
            f"mount -t tmpfs -o size=1m,mode=0700 none {small} && "
            f'{{ cat /dev/zero >{small}/filler 2>&-; exec "$@"; }}'
        )
        # The key that is there belongs to a store that is not; it is a new one.
        found = doctor(lab, "unshare", "-m", "sh", "-c", inside, "sh", status=1)
        disk = the(found, "disk")[0]
        assert f"{small}: only 0 KiB are free" in disk["seen"], disk
        assert "df -h" in disk["remedy"] and disk["line"] == line_of(lab, small), disk


def test_no_permission():
    need_root()
    with stopped() as lab:
        os.chmod(lab.folder, 0o755)
        as_nobody = (
            "setpriv",
            f"--reuid={NOBODY}",
            f"--regid={NOBODY}",
            "--clear-groups",
        )
        as_nobody += ("env", f"LD_LIBRARY_PATH={libraries_for_all(lab)}")
        found = doctor(lab, *as_nobody, status=1)
        conf = the(found, "configuration")[0]
        assert "permission denied" in conf["seen"] and "sudo" in conf["remedy"], conf
        os.chmod(lab.path("lwgate.conf"), 0o644)
        found = doctor(lab, *as_nobody, status=1)
        the(found, "credentials")
        store = the(found, "store-folder")[0]
        assert f"belongs to user 0, and lwgated is user {NOBODY}" in store["seen"], store
        assert f"chown -R {NOBODY}" in store["remedy"], store


def test_folder_that_lwgated_does_not_make():
    """It says what lwgated says when it is started so: of each folder, and nothing of one that is
    made at the start."""
    with stopped() as lab:
        with open(lab.path("lwgate.conf"), encoding="utf-8") as f:
            good = f.read()
        nowhere = lab.path("nowhere")
        made, token = f"{nowhere}/a/b", f"{lab.memory}/token"
        broken = {
            "events.file": (nowhere, 'user = ""', f'events.file = "{nowhere}/log"; user = ""'),
            "events.path": (f"{nowhere}/a", 'user = ""', f'events.path = "{made}/c"; user = ""'),
            "control.path": (f"{nowhere}/a", lab.path("control"), f"{made}/c"),
            "store.token": (f"{nowhere}/a", token, f"{made}/c"),
            "store.hot": (nowhere, "token = ", f'hot = "{nowhere}/hot"; token = '),
            "store.path": (nowhere, lab.store_path(), f"{nowhere}/store"),
        }
        for setting, (folder, old, new) in broken.items():
            assert old in good, old
            group, _, name = setting.partition(".")
            if new.startswith(setting):
                new = new.replace(setting, f"{group} = {{ {name}", 1).replace(";", "; };", 1)
            lab.write("lwgate.conf", good.replace(old, new, 1))
            found = the(doctor(lab, status=1), "folder")
            assert [f["seen"] for f in found] == [f"{folder}: there is no such folder"], found
            assert found[0]["line"] == line_of(lab, f"{nowhere}/"), (setting, found)
            assert f"mkdir -p '{folder}'" in found[0]["remedy"], found
            status, said = lab.refused()
            assert status == 1 and nowhere in said, (setting, said)
        os.mkdir(nowhere)
        lab.write("lwgate.conf", good.replace(lab.path("control"), f"{nowhere}/a/control"))
        the(doctor(lab, status=0), "folder", "ok")
        lab.start_gateway()


def test_no_ipv6():
    need_root()
    with stopped() as lab:
        off = "ip link set lo up && sysctl -qw net.ipv6.conf.all.disable_ipv6=1"
        off = ("unshare", "-n", "sh", "-c", off + ' && exec "$@"', "sh")
        if subprocess.run([*off, "true"], check=False, timeout=DEADLINE_S).returncode != 0:
            raise Skip("no network namespace with IPv6")
        found = the(doctor(lab, *off, status=1), "port")
        assert len(found) == 1 and "IPv6 is switched off" in found[0]["seen"], found
        assert "disable_ipv6=0" in found[0]["remedy"], found
        assert found[0]["line"] == line_of(lab, f"port = {lab.port6}"), found


# --- more -----------------------------------------------------------------------------------------


def test_wrong_configuration_is_named_with_its_line():
    with stopped() as lab:
        edit(lab, "handshake = {", "handshake = { nonsense = 1;")
        found = doctor(lab, status=1)
        wrong = the(found, "configuration")[0]
        assert wrong["file"] == lab.path("lwgate.conf"), wrong
        assert wrong["line"] == line_of(lab, "nonsense") and "nonsense" in wrong["seen"], wrong


def test_limits_of_the_gateway_that_runs():
    with Lab([Device("urn:doctor:one")], store=DISK) as lab:
        pid = lab.gateway.child.pid
        subprocess.run(["prlimit", "--pid", str(pid), "--memlock=65536:65536"], check=True)
        found = doctor(lab)
        locked = the(found, "memlock", "advice")[0]
        assert "65536" in locked["seen"] and "LimitMEMLOCK" in locked["remedy"], locked
        assert "the gateway that runs" in locked["seen"], locked


def test_store_of_another_gateway():
    with Lab([Device("urn:doctor:one")], store=DISK) as lab:
        edit(lab, lab.path("control"), lab.path("elsewhere"))
        found = doctor(lab, status=1)
        held = the(found, "store-lock")[0]
        assert f"process {lab.gateway.child.pid} holds" in held["seen"], held
        assert f"process {lab.gateway.child.pid} (lwgated)" in the(found, "port")[0]["seen"]
        edit(lab, lab.path("elsewhere"), lab.path("control"))


def test_damaged_store():
    with stopped() as lab:
        file = lab.store_path("data.mdb")
        os.truncate(file, 3 * 4096)
        cut = the(doctor(lab, status=1), "store-pages")[0]
        assert "cut off" in cut["seen"] and "copy" in cut["remedy"], cut


def answered(lab, answer):
    """What doctor finds where the upstream has this one answer to all."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", lab.server_port))
        other.settimeout(DEADLINE_S)
        argv = [binary("lwgatectl"), "--json", "doctor", "-c", lab.path("lwgate.conf")]
        child = subprocess.Popen(argv, stdout=subprocess.PIPE)
        _, whence = other.recvfrom(2048)
        other.sendto(answer, whence)
        return json.loads(child.communicate(timeout=DEADLINE_S)[0])["findings"]


def test_something_else_answers_at_the_upstream():
    with stopped() as lab:
        lab.server.stop()
        found = answered(lab, b"hello yourself")
        assert "no DTLS" in the(found, "upstream")[0]["seen"]
        head = b"\xfe\xfd" + bytes(8) + b"\0\2"
        found = answered(lab, b"\x17" + head + b"hi")
        assert "no answer to a ClientHello" in the(found, "upstream", "advice")[0]["seen"]
        found = answered(lab, b"\x15" + head + b"\2\x28")
        assert "by alert 40" in the(found, "upstream", "advice")[0]["seen"]


run_tests(
    [
        test_a_gateway_that_runs_is_found_well,
        test_one_that_is_stopped_is_well_and_stays_as_it_was,
        test_people_read_severity_place_cause_and_remedy,
        test_wrong_mode,
        test_wrong_clock,
        test_port_taken,
        test_port_taken_by_a_socket_for_both,
        test_port_that_the_service_manager_holds,
        test_web_port_taken,
        test_address_of_no_interface_and_port_of_root,
        test_small_buffers,
        test_missing_and_wrong_store_key,
        test_unreachable_upstream,
        test_expired_certificate,
        test_certificate_that_ends_soon_and_old_revocation_list,
        test_old_schema_and_newer_schema,
        test_full_disk,
        test_no_permission,
        test_folder_that_lwgated_does_not_make,
        test_no_ipv6,
        test_wrong_configuration_is_named_with_its_line,
        test_limits_of_the_gateway_that_runs,
        test_store_of_another_gateway,
        test_damaged_store,
        test_something_else_answers_at_the_upstream,
    ]
)
