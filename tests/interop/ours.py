# SPDX-License-Identifier: Apache-2.0
"""Our side of a cell: dtls-peer, and how far it comes with a stack."""

import contextlib
import enum
import subprocess

from harness import Process, binary
from nat import CID_DRAFTS, CID_EXTENSION, Nat
from stacks import (
    COAP_GET,
    IDENTITY,
    KEY,
    MTE,
    PING,
    PSK,
    RAW,
    SECONDS,
    SERVER_NAME,
    SMALL,
    Stack,
    ended,
    running,
    server_port,
)

FAILURES = (OSError, EOFError, TimeoutError, subprocess.SubprocessError, AssertionError)


class Step(enum.Enum):
    BEGIN = "cannot be asked for"
    HANDSHAKE = "handshake"
    DATA = "data"
    CLOSE = "close"
    RESUME = "resumption"
    DATA_AGAIN = "data after resumption"
    CLOSE_AGAIN = "close after resumption"
    MOVE = "data from another address"
    MOVE_AGAIN = "data from another address after resumption"
    PATH = "what was on the path"
    LIMIT = "its limit is not seen"


def words_of(cell, role, port):
    """Of dtls-peer."""
    side, other = ("server", "device") if role == "server" else ("device", "server")
    words = [binary("dtls-peer"), role, "--address", f"127.0.0.1:{port}", "--resume"]
    words += ["--suites", cell.suite.iana]
    words += ["--mac-then-encrypt"] if cell.also == MTE else []
    words += ["--fragment", "1"] if cell.also == SMALL and role == "client" else []
    if cell.ids:
        words += ["--cid", "both" if cell.ids.of(side) else "send"]
        words += ["--bucket", str(cell.ids.bucket)]
    if cell.kind == PSK:
        return words + ["--identity", IDENTITY, "--psk", KEY]
    words += ["--key", cell.at(side + ".key")]
    if cell.kind == RAW:
        return words + ["--raw", "--peer-key", cell.at(other + ".spki")]
    words += ["--certificate", cell.at(side + ".pem"), "--anchors", cell.at("ca.pem")]
    return words + (
        ["--peer-name", IDENTITY] if role == "server" else ["--server-name", SERVER_NAME]
    )


def can_raw(cell):
    """Whether our engine can be asked for raw public keys."""
    child = Process(words_of(cell, "server", 0))
    try:
        child.wait_line("listening", SECONDS)
        return True
    except EOFError as e:
        assert "raw public key" in str(e), e
        return False
    finally:
        child.kill()


class Lwgate(Stack):
    """Ours as one stack among the others."""

    shaken = rb'"event":"up"'

    def __init__(self):
        super().__init__("lwgate")

    def client_words(self, cell, port, resume):
        return words_of(cell, "client", port) + [
            *("--rounds", "2" if resume else "1"),
            *("--hex", PING.hex()),
        ]

    def client(self, cell, port, resume):
        with running(self.client_words(cell, port, resume)) as child:
            text = ended(child)
            assert child.child.returncode == 0, text
            return text

    @contextlib.contextmanager
    def server(self, cell, port):
        with running(words_of(cell, "server", port), port) as child:
            yield child


class Ours:
    """meet(role) is (None, "") when all held, else the step that did not, and why."""

    def __init__(self, cell, stack, seconds=SECONDS):
        self.cell, self.stack, self.seconds = cell, stack, seconds
        self.step = Step.HANDSHAKE
        ids = cell.ids
        self.agreed = ids is not None and stack.cids and not ids.draft
        self.turns = 2 if ids and stack.cids else 1  # exchanges of data in a session
        self.given = set()  # connection ids of ours
        self.role, self.nat, self.their_id = None, None, 0

    def meet(self, role):
        self.role = role
        try:
            if role == "server":
                self._serve()
            else:
                self._ask()
        except FAILURES as e:
            return self.step, f"{type(e).__name__}: {e}"
        return None, ""

    # Events of dtls-peer

    def _event(self, us, name):
        """The next event, which must be of this name."""
        event = us.wait_json(lambda e: "event" in e, self.seconds)
        assert event["event"] in name.split("|"), f"awaited {name}, came {event}"
        return event

    def _session(self, us, resumed, data, end):
        """One session, from its handshake to its end."""
        self.step = Step.RESUME if resumed else Step.HANDSHAKE
        event = self._event(us, "up")
        assert event["suite"] == self.cell.suite.iana, event
        assert event["resumed"] == resumed, event
        assert event["etm"] == ("CBC" in event["suite"] and self.cell.also != MTE), event
        assert event["fragment"] == (512 if self.cell.also == SMALL else 0), event
        self._ids(event)
        if data:
            self.step = Step.DATA_AGAIN if resumed else Step.DATA
            self._event(us, "message")
            once = resumed and self.role == "server" and self.stack.once_again
            for _ in range(1, 1 if once else self.turns):
                self.step = Step.MOVE_AGAIN if resumed else Step.MOVE
                self._moved(us)
        self.step = Step.CLOSE_AGAIN if resumed else Step.CLOSE
        event = self._event(us, end + "|moved")
        if event["event"] == "moved":  # the close's
            event = self._event(us, end)
        assert event.get("why", "close_notify") == "close_notify", event

    def _moved(self, us):
        """A message, with a move before or after it where we are to see one."""
        if not (self.nat and self.nat.moving and self.role == "server"):
            self._event(us, "message")
            return
        names = {self._event(us, "message|moved")["event"] for _ in range(2)}
        assert len(names) == 2, names

    def _ids(self, event):
        """The connection ids that were agreed on."""
        ids, us, them = self.cell.ids, event["cid_in"], event["cid_out"]
        sides = ("server", "device") if self.role == "server" else ("device", "server")
        wanted = [self.agreed and ids.of(side) for side in sides]
        assert [bool(us), bool(them)] == wanted, event
        assert not us or us not in self.given, f"given twice: {us}"
        self.given.add(us)
        self.their_id = len(them) // 2

    # What is between us and them

    @contextlib.contextmanager
    def _path(self, port):
        """The port where the server is, seen from the client."""
        ids = self.cell.ids
        if not ids:
            yield port
            return
        moving = self.agreed and ids.server and (self.role == "server" or self.stack.follows)
        with Nat(port, moving) as self.nat:
            yield self.nat.port
            self.step = Step.PATH
            self._check_path()

    def _check_path(self):
        """Who asked for what, and the lengths of what we have padded."""
        ids, flows = self.cell.ids, self.nat.flows
        for flow in flows:
            asked = flow.offered & {CID_EXTENSION, *CID_DRAFTS}
            if self.role == "client" or (self.stack.cids and not ids.draft):
                assert asked == {CID_EXTENSION}, flow.offered
            elif ids.draft:
                assert asked and asked <= CID_DRAFTS, flow.offered
            assert flow.answered & {CID_EXTENSION, *CID_DRAFTS} == (
                {CID_EXTENSION} if self.agreed else set()
            ), flow.answered
            for length in flow.lengths[self.role == "client"] if ids.bucket else []:
                assert (length - self._overhead()) % ids.bucket == 0, length
        moves = sum(flow.moves for flow in flows)
        assert (moves >= 2) == self.nat.moving, f"{moves} moves"

    def _overhead(self):
        """Of a record of ours with CCM_8 and their connection id, octets (RFC 6655)."""
        assert "CCM_8" in self.cell.suite.iana
        return 13 + self.their_id + 8 + 8

    # We are the server

    def _serve(self):
        words = words_of(self.cell, "server", 0) + (["--coap"] if self.stack.coap else [])
        us = Process(words)
        try:
            with self._path(self._event(us, "listening")["port"]) as port:
                self._client(port, False)
                self._session(us, False, True, "down")
                self._client(port, True)
                if self.stack.both:
                    self._session(us, False, self.stack.both == "data", "down")
                self._session(us, True, True, "down")
            assert us.stop() == 0, "dtls-peer ended with an error"
        except FAILURES as e:
            raise AssertionError(f"{e}; dtls-peer: {' '.join(us.lines[-6:])}") from e
        finally:
            us.kill()

    def _client(self, port, resume):
        self.step = Step.RESUME if resume else Step.HANDSHAKE
        return self.stack.client(self.cell, port, resume)

    # We are the client

    def _ask(self):
        port = server_port()
        with self.stack.server(self.cell, port) as them:
            try:
                with self._path(port) as seen:
                    self._rounds(them, seen)
            except FAILURES as e:
                raise AssertionError(
                    f"{e}; {self.stack.name}: " + them.bytes.decode("utf-8", "replace")[-600:]
                ) from e

    def _rounds(self, them, port):
        words = words_of(self.cell, "client", port) + ["--rounds", "2"]
        words += ["--exchanges", str(self.turns), "--give-up-ms", str(SECONDS * 1000)]
        words += ["--hex", COAP_GET if self.stack.coap else PING.hex()]
        words += ["--await-close"] if self.stack.closes else []
        us = Process(words)
        try:
            for times, resumed in ((1, False), (2, True)):
                if hasattr(self.stack, "answer"):
                    self.stack.answer(them, times)
                self._session(us, resumed, True, "down" if self.stack.closes else "closed")
                self._seen(them, times)
            assert us.child.wait(SECONDS) == 0, us.lines[-1]
        except FAILURES as e:
            raise AssertionError(f"{e}; dtls-peer: {' '.join(us.lines[-6:])}") from e
        finally:
            us.kill()

    def _seen(self, them, times):
        """What we have closed, the server has seen to be closed, where it tells of it."""
        if self.stack.close_seen:
            them.wait_bytes(b"(%b.*){%d}" % (self.stack.close_seen, times), SECONDS)
