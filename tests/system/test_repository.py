#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An image of 1 MiB behind the gateway, pulled in blocks of 512 octets by two devices: the
repository, libcoap's, is asked for it once; after a kill -9 the disk answers; what is not whole or
damaged is fetched again. Who may not fetch makes nothing go up."""

import glob
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import DEADLINE_S, LEVEL0, Device, Lab, Skip, free_port, run_tests  # noqa: E402
from rogues import Between  # noqa: E402

IMAGE = random.Random(7).randbytes(1 << 20)
KEY_TEXT = "between-us-two-16"
KEY = KEY_TEXT.encode().hex()
SERVER, CLIENT = "coap-server-openssl", "coap-client-openssl"
ENV = dict(os.environ, OPENSSL_CONF=LEVEL0)


class Depot(Lab):
    """A gateway before a repository; of what passes between the two, the datagrams are counted."""

    def __init__(self, devices, allowed=None, size_mib=16, **more):
        self.allowed = devices if allowed is None else allowed
        if not shutil.which(SERVER) or not shutil.which(CLIENT):
            raise Skip("libcoap's programs are not here")
        self.repository_port = free_port()
        self.between = Between([self.repository_port + 1])
        settings = f"""
workers = 2; log = {{ level = "debug"; }};
repository = {{ prefix = "fw"; address = "127.0.0.1"; port = {self.between.port};
  identity = "gateway"; key_file = "repository.key"; directory = "images";
  size_mib = {size_mib}; }};"""
        super().__init__(devices, settings=settings, **more)

    def _credentials(self):
        self.write("repository.key", KEY + "\n")
        text = super()._credentials()
        for d in self.allowed:
            mine = f'endpoint = "{d.endpoint}"; '
            text = text.replace(mine, mine + "repository = true; ")
        return text

    def start_server(self):
        super().start_server()
        self.start_repository()

    def start_repository(self):
        words = [SERVER, "-A", "127.0.0.1", "-p", str(self.repository_port), "-d", "8"]
        words += ["-k", KEY_TEXT, "-v", "6"]
        self.repository = self.start(words, env=ENV)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.between.close()

    def image_files(self):
        return sorted(os.path.basename(f) for f in glob.glob(self.path("images/*")))

    def asked(self):
        """Records of application data that went up to the repository."""
        return sum(flow.data(True) for flow in self.between.flows.values())


def put(lab, name, image):
    path = lab.write(f"{name}.bin", "")
    with open(path, "wb") as f:
        f.write(image)
    uri = f"coap://127.0.0.1:{lab.repository_port}/fw/{name}"
    subprocess.run(
        [CLIENT, "-m", "put", "-b", "1024", "-f", path, "-t", "42", uri],
        check=True,
        timeout=DEADLINE_S,
        capture_output=True,
    )


def pull(lab, device, name, size=512, seconds=12):
    """What the device has got, and what was said to it."""
    out = lab.path(f"{device.endpoint}.out")
    words = [CLIENT, "-m", "get", "-b", str(size), "-k", device.key_text, "-u", device.identity]
    words += ["-B", str(seconds), "-o", out, f"coaps://127.0.0.1:{lab.port}/{name}"]
    if os.path.exists(out):
        os.unlink(out)
    done = subprocess.run(
        words,
        timeout=seconds + 2,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=ENV,
    )
    got = b""
    if os.path.exists(out):
        with open(out, "rb") as f:
            got = f.read()
    return got, done.stdout.decode("utf-8", "replace")


def same(got, said, image=IMAGE):
    assert hashlib.sha256(got).digest() == hashlib.sha256(image).digest(), (len(got), said[-400:])


def test_R287_an_image_is_fetched_once_for_two_devices():
    one, two = Device("meter-1"), Device("meter-2")
    with Depot([one, two]) as lab:
        put(lab, "image", IMAGE)
        same(*pull(lab, one, "fw/image"))
        asked = lab.asked()
        assert len(IMAGE) // 1024 <= asked <= len(IMAGE) // 1024 + 8, asked
        same(*pull(lab, two, "fw/image"))
        same(*pull(lab, two, "fw/image", size=1024))
        assert lab.asked() == asked, (asked, lab.asked())


def test_R287_after_kill_9_the_disk_answers():
    one = Device("meter-1")
    with Depot([one]) as lab:
        put(lab, "image", IMAGE)
        same(*pull(lab, one, "fw/image"))
        lab.repository.kill()
        lab.restart(signal.SIGKILL)
        asked = lab.asked()
        same(*pull(lab, one, "fw/image"))
        assert lab.asked() == asked


def test_R287_what_is_damaged_or_not_whole_is_fetched_again():
    one = Device("meter-1")
    with Depot([one]) as lab:
        put(lab, "image", IMAGE)
        same(*pull(lab, one, "fw/image"))
        lab.gateway.kill()
        (name,) = lab.image_files()
        with open(lab.path(f"images/{name}"), "r+b") as f:
            f.seek(512 + 4711)
            octet = f.read(1)
            f.seek(512 + 4711)
            f.write(bytes([octet[0] ^ 1]))
        lab.write("images/00.part", "half of something")
        lab.start_gateway()
        asked = lab.asked()
        same(*pull(lab, one, "fw/image"))
        assert lab.asked() >= asked + len(IMAGE) // 1024
        assert lab.image_files() == [name]


def test_R287_killed_while_it_fetches_nothing_half_written_is_served():
    one = Device("meter-1")
    with Depot([one]) as lab:
        put(lab, "image", IMAGE)
        pulling = lab.start(
            [CLIENT, "-m", "get", "-b", "512", "-k", one.key_text, "-u", one.identity]
            + ["-o", "/dev/null", f"coaps://127.0.0.1:{lab.port}/fw/image"],
            env=ENV,
        )
        lab.between.wait(lambda: lab.asked() > 200, "the image is not fetched")
        lab.restart(signal.SIGKILL)
        pulling.kill()
        assert not [f for f in lab.image_files() if f.endswith(".part")]
        same(*pull(lab, one, "fw/image"))


def test_R288_who_may_not_fetch_makes_nothing_go_up():
    one, other = Device("meter-1"), Device("meter-2")
    with Depot([one, other], allowed=[one]) as lab:
        put(lab, "image", IMAGE)
        got, said = pull(lab, other, "fw/image", seconds=5)
        assert not got or b"4.03" in got or "4.03" in said, (got[:80], said)
        for path in ("fw/%2e%2e/rd", "fw//image", "fw", "fw/..%2frd", "fw/image?x=1"):
            got, said = pull(lab, one, path, seconds=5)
            assert got[:16] != IMAGE[:16], path
        assert lab.asked() == 0
        got, said = pull(lab, one, "fw/none", seconds=5)
        assert "4.04" in said or b"4.04" in got or b"no such image" in got, (got, said)


def test_names_of_nothing_drive_no_image_out():
    one, two = Device("meter-1"), Device("meter-2")
    with Depot([one, two]) as lab:
        put(lab, "image", IMAGE)
        same(*pull(lab, one, "fw/image"))
        for n in range(70):  # more than are known by name
            _, said = pull(lab, two, f"fw/none{n}", seconds=5)
            assert "4.04" in said or "no such image" in said, said
        lab.repository.kill()
        for name in lab.image_files():
            os.unlink(lab.path(f"images/{name}"))  # so it is not read from there again
        same(*pull(lab, one, "fw/image"))


def test_R288_of_two_images_the_older_makes_room():
    one = Device("meter-1")
    with Depot([one], size_mib=4) as lab:
        for n in range(5):
            put(lab, f"image{n}", IMAGE[n:-8])
            same(*pull(lab, one, f"fw/image{n}", size=1024), image=IMAGE[n:-8])
        assert len(lab.image_files()) == 3, lab.image_files()


if __name__ == "__main__":
    run_tests(
        [
            test_R287_an_image_is_fetched_once_for_two_devices,
            test_R287_after_kill_9_the_disk_answers,
            test_R287_what_is_damaged_or_not_whole_is_fetched_again,
            test_R287_killed_while_it_fetches_nothing_half_written_is_served,
            test_R288_who_may_not_fetch_makes_nothing_go_up,
            test_names_of_nothing_drive_no_image_out,
            test_R288_of_two_images_the_older_makes_room,
        ]
    )
