# SPDX-License-Identifier: Apache-2.0
"""All that an LwM2M server does with a registered device, each operation as one check."""

from peers import need
from stage import ANSWER_S

HOUR_MS = 3_600_000
NOTIFICATIONS = 3
OWNER, LIST = 3, 2  # resources of Access Control, the object 2
SHORT_ID = "123"
RIGHTS, MORE_RIGHTS = 15, 31
CODES = {
    "content": "CONTENT(205)",
    "changed": "CHANGED(204)",
    "created": "CREATED(201)",
    "deleted": "DELETED(202)",
}


def owned_by(number):
    return {"id": OWNER, "type": "integer", "value": number}


def allowed(rights):
    return {"id": LIST, "values": {SHORT_ID: rights}}


def values(answer):
    """Of an instance's resources, by their ids."""
    return {r["id"]: r.get("value", r.get("values")) for r in answer["content"]["resources"]}


class Operations:
    """self.server is a Server, self.device a Device that is registered there as self.endpoint."""

    created = ""
    clock = 0

    def done(self, code, *words):
        """The answer to an operation, which must have this code."""
        answer = self.server.operate(*words[:1], self.endpoint, *words[1:])
        need(answer["status"] == CODES[code], f"{words}: {answer}")
        return answer

    def discover(self):
        for level, wanted in (
            ("/3", {"/3", "/3/0", "/3/0/0", "/3/0/4", "/3/0/13"}),
            ("/3/0", {"/3/0", "/3/0/0", "/3/0/4", "/3/0/13"}),
            ("/3/0/13", {"/3/0/13"}),
        ):
            answer = self.done("content", "GET", level + "/discover")
            need(wanted <= set(answer["objectLinks"]), f"{level}: {answer}")

    def read(self):
        """An object, an instance, a resource, and one that has several instances."""
        whole = self.done("content", "GET", "/3")["content"]
        need([i["id"] for i in whole["instances"]] == [0], f"{whole}")
        found = values(self.done("content", "GET", "/3/0"))
        need(found[0] == "lwgate interop" and found[2] == "LT-500-000-0001", f"{found}")
        need(found[11] == {"0": 0}, f"{found}")
        one = self.done("content", "GET", "/3/0/0")["content"]
        need(one["value"] == "lwgate interop", f"{one}")
        status, answer = self.server.ask("GET", self.endpoint, "/3/7")
        need(status == 200 and answer["status"] == "NOT_FOUND(404)", f"{status} {answer}")

    def create(self):
        """The device chooses the number, or the server does."""
        plan = {"format": "TLV", "resources": [allowed(RIGHTS), owned_by(1)]}
        answer = self.done("created", "POST", "/2/create", plan)
        need(answer["location"], f"{answer}")
        self.created = "/" + answer["location"].strip("/")
        found = values(self.done("content", "GET", self.created))
        need(found[LIST] == {SHORT_ID: RIGHTS} and found[OWNER] == 1, f"{found}")
        self.done("created", "POST", "/2/create", {**plan, "format": "SENML_CBOR", "id": 77})
        need(values(self.done("content", "GET", "/2/77"))[OWNER] == 1, "there is no /2/77")

    def write(self):
        """Replace takes away what is not said, update leaves it."""
        path = self.created
        self.done("changed", "PUT", path, {"format": "TLV", "resources": [owned_by(2)]})
        found = values(self.done("content", "GET", path))
        need(found[OWNER] == 2 and LIST not in found, f"replaced: {found}")
        self.done(
            *("changed", "POST", path + "/update"),
            {"format": "SENML_JSON", "resources": [allowed(MORE_RIGHTS)]},
        )
        found = values(self.done("content", "GET", path))
        need(found[OWNER] == 2 and found[LIST] == {SHORT_ID: MORE_RIGHTS}, f"updated: {found}")

    def attributes(self):
        """Write-Attributes: Discover shows them, and one that is unset is gone."""
        self.done("changed", "PUT", "/3/0/13/attributes", {"attributes": "pmin=1&pmax=600"})
        links = self.done("content", "GET", "/3/0/13/discover")["links"]
        need("pmin=1" in links[0] and "pmax=600" in links[0], f"{links}")
        self.done("changed", "PUT", "/3/0/13/attributes", {"attributes": "pmin&pmax"})
        links = self.done("content", "GET", "/3/0/13/discover")["links"]
        need("pmin" not in links[0] and "pmax" not in links[0], f"{links}")

    def execute(self):
        mark = self.device.lines.mark()
        self.done("changed", "POST", "/3/0/4")
        event = self.device.event("executed", ANSWER_S, mark)
        need(event["path"] == "/3/0/4", f"{event}")

    def update_trigger(self):
        mark = self.server.events.mark()
        self.done("changed", "POST", "/1/0/8")
        self.server.event("UPDATED", ANSWER_S, mark, endpoint=self.endpoint)

    def delete(self):
        for path in (self.created, "/2/77"):
            self.done("deleted", "DELETE", path)
            status, answer = self.server.ask("GET", self.endpoint, path)
            need(status == 200 and answer["status"] == "NOT_FOUND(404)", f"{status} {answer}")

    def tick(self):
        self.device.tick(ANSWER_S)
        self.clock += HOUR_MS

    def observe(self):
        start = self.server.events.mark()
        self.clock = self.done("content", "POST", "/3/0/13/observe")["content"]["value"]
        for _ in range(NOTIFICATIONS):
            mark = self.server.events.mark()
            self.tick()
            event = self.server.event(
                "NOTIFICATION", ANSWER_S, mark, ep=self.endpoint, res="/3/0/13"
            )
            need(event["val"]["value"] == self.clock, f"{event}")
        need(len(self.notifications(start)) == NOTIFICATIONS, f"{self.notifications(start)}")

    def notifications(self, mark):
        return [e[1] for e in self.server.events.since(mark) if e[0].startswith("NOTIFICATION")]

    def silent(self, what):
        """A tick is told to nobody: the read after it comes back, and no notification before."""
        mark = self.server.events.mark()
        self.tick()
        answer = self.done("content", "GET", "/3/0/13")
        need(answer["content"]["value"] == self.clock, f"the clock did not move: {answer}")
        need(not self.notifications(mark), f"{what}: {self.notifications(mark)}")

    def cancel(self):
        self.done("content", "DELETE", "/3/0/13/observe")
        self.silent("after Cancel")

    def composite(self):
        """Write-Composite and Read-Composite: of two objects at once."""
        nodes = {
            "/3/0/15": {"id": 15, "type": "string", "value": "Europe/Paris"},
            "/1/0/1": {"id": 1, "type": "integer", "value": 700},
        }
        self.done("changed", "PUT", "/composite", {"nodes": nodes})
        paths = [*nodes, "/3/0/0"]
        found = self.done("content", "POST", "/composite", {"paths": paths})["content"]
        seen = {path: found[path]["value"] for path in paths}
        wanted = {"/3/0/15": "Europe/Paris", "/1/0/1": 700, "/3/0/0": "lwgate interop"}
        need(seen == wanted, f"{found}")

    def observe_composite(self):
        paths = {"paths": ["/3/0/13", "/3/0/15"]}
        found = self.done("content", "POST", "/composite/observe", paths)["content"]
        self.clock = found["/3/0/13"]["value"]
        for _ in range(NOTIFICATIONS):
            mark = self.server.events.mark()
            self.tick()
            event = self.server.event(
                "NOTIFICATION", ANSWER_S, mark, ep=self.endpoint, res="composite"
            )
            need(event["val"]["/3/0/13"]["value"] == self.clock, f"{event}")
            need(event["val"]["/3/0/15"]["value"] == "Europe/Paris", f"{event}")
        self.done("content", "DELETE", "/composite/observe")
        self.silent("after Cancel of a composite")

    def send(self):
        mark, said = self.server.events.mark(), self.device.lines.mark()
        self.device.say("send /3/0/0 /3/0/13")
        event = self.server.event("SEND", ANSWER_S, mark, ep=self.endpoint)
        need(event["val"]["/3/0/0"]["value"] == "lwgate interop", f"{event}")
        need(event["val"]["/3/0/13"]["value"] == self.clock, f"{event}")
        mine = self.device.event("sent|send_failed", ANSWER_S, said)
        need(mine["event"] == "sent" and mine["code"] == 204, f"the device says {mine}")

    def operations(self, tap):
        tap.check("Discover: an object, an instance, a resource", self.discover)
        tap.check("Read: an object, an instance, a resource, what is not there", self.read)
        tap.check("Create: with a number of the device's, and of the server's", self.create)
        tap.check("Write: replace and update of an instance", self.write)
        tap.check("Write-Attributes: Discover shows them", self.attributes)
        tap.check("Execute", self.execute)
        tap.check(
            "R-280: Execute of Registration Update Trigger, and the Update", self.update_trigger
        )
        tap.check("Delete", self.delete)
        tap.check("Observe: each notification with the next value", self.observe)
        tap.check("Cancel: no notification after it", self.cancel)
        tap.check("Write-Composite, Read-Composite", self.composite)
        tap.check("Observe-Composite and its Cancel", self.observe_composite)
        tap.check("Send", self.send)
