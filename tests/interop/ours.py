# SPDX-License-Identifier: Apache-2.0
"""Our side of a cell: dtls-peer, and how far it comes with a stack."""

import contextlib
import enum
import subprocess

from harness import Process, binary
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
    LIMIT = "its limit is not seen"


def words_of(cell, role, port):
    """Of dtls-peer."""
    side, other = ("server", "device") if role == "server" else ("device", "server")
    words = [binary("dtls-peer"), role, "--address", f"127.0.0.1:{port}", "--resume"]
    words += ["--suites", cell.suite.iana]
    words += ["--mac-then-encrypt"] if cell.also == MTE else []
    words += ["--fragment", "1"] if cell.also == SMALL and role == "client" else []
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

    def meet(self, role):
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
        if data:
            self.step = Step.DATA_AGAIN if resumed else Step.DATA
            self._event(us, "message")
        self.step = Step.CLOSE_AGAIN if resumed else Step.CLOSE
        event = self._event(us, end)
        assert event.get("why", "close_notify") == "close_notify", event

    # We are the server

    def _serve(self):
        words = words_of(self.cell, "server", 0) + (["--coap"] if self.stack.coap else [])
        us = Process(words)
        try:
            port = self._event(us, "listening")["port"]
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
        words = words_of(self.cell, "client", port) + ["--rounds", "2"]
        words += ["--give-up-ms", str(SECONDS * 1000)]
        words += ["--hex", COAP_GET if self.stack.coap else PING.hex()]
        if self.stack.closes:
            words += ["--await-close"]
        with self.stack.server(self.cell, port) as them:
            us = Process(words)
            try:
                for times, resumed in ((1, False), (2, True)):
                    if hasattr(self.stack, "answer"):
                        self.stack.answer(them, times)
                    self._session(us, resumed, True, "down" if self.stack.closes else "closed")
                    self._seen(them, times)
                assert us.child.wait(SECONDS) == 0, us.lines[-1]
            except FAILURES as e:
                raise AssertionError(
                    f"{e}; dtls-peer: {' '.join(us.lines[-6:])}; {self.stack.name}: "
                    + them.bytes.decode("utf-8", "replace")[-600:]
                ) from e
            finally:
                us.kill()

    def _seen(self, them, times):
        """What we have closed, the server has seen to be closed, where it tells of it."""
        if self.stack.close_seen:
            them.wait_bytes(b"(%b.*){%d}" % (self.stack.close_seen, times), SECONDS)
