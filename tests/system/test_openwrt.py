#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""OpenWrt's configuration becomes lwgate.conf, all or nothing.

lwgate-conf runs in busybox's shell, as on a router; of OpenWrt's functions.sh there is a stand-in
(tests/ports/functions.sh), which reads the sections as OpenWrt's own does."""

import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Skip, binary, run_tests  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.abspath(os.path.join(HERE, "..", ".."))
FILES = os.path.join(TREE, "deploy", "openwrt", "lwgate", "files")
SCRIPTS = ("lwgate-conf", "lwgate.init")
CREDENTIALS = "credentials = ( );\n"


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


def section(kind, title="", **options):
    text = f"\nconfig {kind} {quote(title)}\n"
    for key, value in options.items():
        if isinstance(value, list):
            text += "".join(f"\tlist {key} {quote(v)}\n" for v in value)
        else:
            text += f"\toption {key} {quote(value)}\n"
    return text


class Router:
    """A folder that has what the package installs, and a lwgate.conf to be made."""

    def __enter__(self):
        if not shutil.which("busybox"):
            raise Skip("no busybox here (deploy/setup peers)")
        self.dir = tempfile.mkdtemp()
        self.etc = os.path.join(self.dir, "etc")
        self.conf = os.path.join(self.etc, "lwgate.conf")
        self.uci = os.path.join(self.dir, "uci")
        for place in ("etc", "lib", "usr/share/lwgate"):
            os.makedirs(os.path.join(self.dir, place))
        shutil.copy(os.path.join(TREE, "tests", "ports", "functions.sh"), self.dir + "/lib")
        shutil.copy(os.path.join(FILES, "settings"), self.dir + "/usr/share/lwgate")
        path = os.path.join(self.etc, "credentials.conf")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
            f.write(CREDENTIALS)
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir)

    def make(self, text, *words):
        """(exit status, what it said) of lwgate-conf."""
        with open(self.uci, "w", encoding="utf-8") as f:
            f.write(text)
        done = subprocess.run(
            ["busybox", "sh", os.path.join(FILES, "lwgate-conf"), *words, self.conf],
            capture_output=True,
            timeout=DEADLINE_S,
            check=False,
            env={
                "PATH": os.path.dirname(binary("lwgated")) + ":" + os.environ["PATH"],
                "IPKG_INSTROOT": self.dir,
                "UCI_FILE": self.uci,
            },
        )
        assert sorted(os.listdir(self.etc)) in (
            ["credentials.conf"],
            ["credentials.conf", "lwgate.conf"],
        ), os.listdir(self.etc)
        return done.returncode, (done.stdout + done.stderr).decode()

    def made(self, text):
        status, said = self.make(text)
        assert status == 0, said
        with open(self.conf, encoding="utf-8") as f:
            return f.read()

    def store(self):
        return section("store", path=self.dir + "/store", key_file=self.dir + "/store.key")


def plain(router, **main):
    return (
        section("lwgate", "main", user="", group="", credentials="credentials.conf", **main)
        + section("listeners", address="127.0.0.1")
        + section("upstream", address="192.0.2.10")
        + section("control", group="")
        + router.store()
    )


def test_what_the_package_ships_is_taken():
    with Router() as router, open(os.path.join(FILES, "lwgate.config"), encoding="ascii") as f:
        text = f.read()
        for name, value in (
            ("/etc/lwgate/credentials.conf", "credentials.conf"),
            ("/etc/lwgate/", router.dir + "/"),
            ("/var/run/lwgate", router.dir),
            ("option group 'lwgate'", "option group ''"),
        ):
            assert name in text, name
            text = text.replace(name, value)
        text = text.replace("option enabled '0'", "option user ''\n\toption group ''")
        said = router.made(text)
        assert said.count("address = ") == 3 and 'level = "info";' in said, said


def test_each_kind_of_value():
    with Router() as router:
        said = router.made(
            plain(router, workers="2", enabled="1").replace(
                "option address '127.0.0.1'",
                "option address '127.0.0.1'\n\toption server_preference 'off'\n"
                "\tlist suites 'TLS_PSK_WITH_AES_128_CCM_8'\n"
                "\tlist suites 'TLS_PSK_WITH_AES_128_CBC_SHA256'\n\toption port '5690'",
            )
            + section("handshake", bytes="4294967296")
            + section("events", path=r"""a "b\c' $(d) `e` ü""")
        )
        for line in (
            "\nworkers = 2;",
            "server_preference = false;",
            'suites = [ "TLS_PSK_WITH_AES_128_CCM_8", "TLS_PSK_WITH_AES_128_CBC_SHA256" ];',
            "port = 5690;",
            "bytes = 4294967296L;",
            r"""path = "a \"b\\c' $(d) `e` ü";""",
        ):
            assert line in said, (line, said)
        assert "enabled" not in said, said


def test_several_servers():
    with Router() as router:
        text = plain(router).replace(section("upstream", address="192.0.2.10"), "")
        said = router.made(
            text
            + section("upstreams", name="bs", address="192.0.2.1")
            + section("routes", to="bs", purpose="bootstrap")
            + section("upstreams", name="rest", port="5784", address=["192.0.2.2", "192.0.2.3"])
            + section("routes", to="rest")
        )
        assert 'address = [ "192.0.2.2", "192.0.2.3" ];' in said, said
        assert said.count("upstreams = (") == 1 and said.count("routes = (") == 1, said


def test_what_is_wrong_changes_nothing():
    with Router() as router:
        before = router.made(plain(router))
        control = "a\nb"
        for more, word in (
            (section("store"), "there twice"),
            (section("stroe", path="/x"), "no such group"),
            (section("log", levle="info"), 'no setting "levle"'),
            (section("log", level=["info"]), "no setting of several values"),
            (section("log", level="loud"), "log.level"),
            (section("web", port="96x84"), "is no number"),
            (section("web", port="0x10"), "is no number"),
            (section("listeners", address="::1", raw_public_key="maybe"), "neither 1 nor 0"),
            (section("listeners", address="::1", suites="TLS_X"), "Remedy: list suites"),
            (section("events", path=control), "control character"),
            (section("listeners", address="::1", suites=["x", control]), "control character"),
            (section("log", level="info") + "\toption level 'warn'\n", "there twice"),
            (section("log", **{"le.el": "info"}), "no setting"),
        ):
            status, said = router.make(plain(router) + more)
            assert status == 1 and word in said and "stays as it was" in said, (more, said)
            if word != "log.level":  # which lwgated itself says
                assert f"lwgate-conf: /etc/config/lwgate: section {more.split()[1]}" in said, said
            with open(router.conf, encoding="utf-8") as f:
                assert f.read() == before, more


def test_nothing_is_written_for_nothing():
    with Router() as router:
        router.made(plain(router))
        at = os.stat(router.conf)
        router.made(plain(router))
        assert os.stat(router.conf).st_ino == at.st_ino
        status, said = router.make(plain(router, workers="1"), "-n")
        assert status == 0 and os.stat(router.conf).st_ino == at.st_ino, said
        router.made(plain(router, workers="1"))
        assert os.stat(router.conf).st_ino != at.st_ino


def reloaded(router, enabled, running):
    """What a reload does, in the words of the commands that it runs."""
    with open(os.path.join(FILES, "lwgate.init"), encoding="ascii") as f:
        script = f.read().replace("/etc/init.d/lwgate", "service")
    for command in ("/usr/lib/lwgate/lwgate-conf", "/usr/bin/lwgatectl"):
        assert command in script, command
        script = script.replace(command, "echo " + os.path.basename(command))
    stubs = f"""
config_load() {{ :; }}
config_get_bool() {{ export "$1={enabled}"; }}
service() {{ return {0 if running else 1}; }}
start() {{ echo start; }}
stop() {{ echo stop; }}
reload_service
"""
    path = os.path.join(router.dir, "reload")
    with open(path, "w", encoding="ascii") as f:
        f.write(script + stubs)
    done = subprocess.run(
        ["busybox", "sh", path], capture_output=True, timeout=DEADLINE_S, check=True
    )
    assert done.stderr == b"", done.stderr
    return [line.split() for line in done.stdout.decode().splitlines()]


def test_what_is_switched_off_ends_by_a_reload():
    with Router() as router:
        made = ["lwgate-conf", "/etc/lwgate/lwgate.conf"]
        asked = ["lwgatectl", "reload", "-s", "/var/run/lwgate/control"]
        assert reloaded(router, 1, True) == [made, asked]
        assert reloaded(router, 1, False) == [made, ["start"]]
        for running in (True, False):
            assert reloaded(router, 0, running) == [["stop"]]


def test_the_settings_are_those_of_the_man_page():
    said = subprocess.run(
        [os.path.join(TREE, "deploy", "openwrt", "settings")],
        capture_output=True,
        timeout=DEADLINE_S,
        check=True,
    ).stdout.decode()
    assert len(said.splitlines()) > 100, said
    with open(os.path.join(FILES, "settings"), encoding="ascii") as f:
        assert f.read() == said, "deploy/openwrt/settings >deploy/openwrt/lwgate/files/settings"


def test_the_scripts_are_busybox_shell():
    if not shutil.which("busybox"):
        raise Skip("no busybox here (deploy/setup peers)")
    for name in SCRIPTS:
        subprocess.run(
            ["busybox", "sh", "-n", os.path.join(FILES, name)], timeout=DEADLINE_S, check=True
        )


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
