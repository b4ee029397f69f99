# SPDX-License-Identifier: Apache-2.0
"""Firmware for registered devices: by push, and by pull from a repository."""

import hashlib
import json
import random
import signal
import time

from peers import need
from stage import ANSWER_S, START_S

IMAGE_BYTES = 1 << 20
BLOCK_BYTES = 512
IMAGE_S = 120
IMAGE_GOOD_S = 3600
DOWNLOADED, IDLE, UPDATED = 2, 0, 1


class Images:
    """What Life does with firmware."""

    def start_repository(self):
        self.image = self.folder / "image"
        octets = random.randbytes(IMAGE_BYTES)
        self.image.write_bytes(octets)
        self.digest = hashlib.sha256(octets).hexdigest()
        words = ["-i", self.fetcher.identity, "-p", self.fetcher.key]
        words += ["-f", str(self.image), "-m", str(IMAGE_GOOD_S)]
        self.repository = self.start_told("repository", "Repository", words)
        self.repository_port = self.repository.event("ready", START_S)["coaps"]

    def arrives(self, device, how, mark):
        event = device.event("image|image_failed", IMAGE_S, mark)
        need(event["event"] == "image", f"the device says {event}")
        need(
            event == {"event": "image", "how": how, "length": IMAGE_BYTES, "sha256": self.digest},
            f"another image: {event}",
        )

    def state_of(self, endpoint):
        answer = self.server.operate("GET", endpoint, "/5/0")
        values = {r["id"]: r.get("value") for r in answer["content"]["resources"]}
        return values[3], values[5]

    def push(self):
        mark, said = self.server.events.mark(), self.device.lines.mark()
        self.done("content", "POST", "/5/0/3/observe")
        package = {"id": 0, "type": "opaque", "value": self.image.read_bytes().hex()}
        answer = self.server.operate("PUT", self.endpoint, "/5/0/0", package, IMAGE_S + START_S)
        need(answer["status"] == "CHANGED(204)", f"{answer}")
        self.arrives(self.device, "push", said)
        event = self.server.event("NOTIFICATION", ANSWER_S, mark, ep=self.endpoint, res="/5/0/3")
        need(event["val"]["value"] == DOWNLOADED, f"{event}")
        self.done("content", "DELETE", "/5/0/3/observe")
        self.installs(self.endpoint)

    def installs(self, endpoint):
        need(self.state_of(endpoint) == (DOWNLOADED, 0), f"{self.state_of(endpoint)}")
        self.server.operate("POST", endpoint, "/5/0/2")
        need(self.state_of(endpoint) == (IDLE, UPDATED), f"{self.state_of(endpoint)}")

    def pull(self, device, endpoint, port=None):
        """The server says where the image is, and the device fetches it."""
        port = self.repository_port if self.direct else port or self.port
        mark = device.lines.mark()
        self.server.operate(
            "PUT",
            endpoint,
            "/5/0/1",
            {"id": 1, "type": "string", "value": f"coaps://127.0.0.1:{port}/fw/image"},
        )
        return mark

    def asked(self):
        """What the repository was asked: the numbers of blocks with their sizes."""
        told = [json.loads(line) for line in self.repository.lines.since() if "request" in line]
        need(all(e["code"] == "GET" and e["path"] == "/fw/image" for e in told), f"{told}")
        return [(e["block"], e["size"]) for e in told if not e["tagged"]]

    def pulled(self, device, mark):
        began = time.monotonic()
        self.arrives(device, "pull", mark)
        print(f"#   in {time.monotonic() - began:.1f} s", flush=True)
        blocks = device.event("fetched", ANSWER_S, mark)["blocks"]
        need(blocks == {str(BLOCK_BYTES): IMAGE_BYTES // BLOCK_BYTES}, f"in {blocks}")

    def first_pull(self):
        mark = self.pull(self.device, self.endpoint)
        self.pulled(self.device, mark)
        asked = self.asked()
        # The first may have been asked in blocks of another size, or without saying one.
        size = min(size for _, size in asked if size)
        numbers = [number for number, _ in asked]
        need(numbers == list(range(IMAGE_BYTES // size)), f"asked for {numbers} of {size}")
        self.installs(self.endpoint)

    def second_pull(self):
        before = self.asked()
        self.wakes()
        mark = self.pull(self.dozes, self.two.endpoint, self.nat.port)
        self.pulled(self.dozes, mark)
        after = self.asked()
        if self.direct:
            need(len(after) > len(before), "from where, then?")
            return
        need(after == before, f"the repository was asked {len(after) - len(before)} times more")
        self.wakes()
        self.installs(self.two.endpoint)

    def refused_pull(self):
        """R-288: who has not the flag."""
        device = self.start_device("leshan-without-flag", self.three.endpoint, self.three.device)
        self.registered(device, self.three.endpoint, self.three.server)
        before = self.asked()
        event = device.event("image|image_failed", IMAGE_S, self.pull(device, self.three.endpoint))
        need(event["event"] == "image_failed" and event["why"] == "4.03", f"{event}")
        need(self.asked() == before, "the repository was asked")

    def killed(self):
        """What is on the disk serves after a kill, too."""
        before = self.asked()
        self.gateway.signal(signal.SIGKILL)
        self.gateway.wait(ANSWER_S)
        self.start_gateway("lwgated-again")
        mark = self.device.lines.mark()
        self.device.say("update")
        mine = self.device.event("updated|update_failed|update_timeout", ANSWER_S, mark)
        need(mine["event"] == "updated", f"the device says {mine}")
        mark = self.pull(self.device, self.endpoint)
        self.pulled(self.device, mark)
        need(self.asked() == before, f"the repository was asked again: {len(self.asked())}")
