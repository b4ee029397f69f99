#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""By what a session was let in: a revocation list that is read later names the certificates of the
sessions that it ends, and of no others: of a live session, of one whose handshake was abbreviated,
of one that slept over a restart, of an authority below the anchor (R-207, R-211, R-215)."""

import contextlib
import os
import shutil
import signal
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402
from pki import Pki  # noqa: E402
from policy import CHANGED, DISK, OPENSSL, House, Member, Openssl, Wire  # noqa: E402

RULES = """policy = { rules = (
  { name = "named"; events = [ "certificate-revoked" ]; device = "teardown"; upstream = "teardown";
    reason = "a list names it"; }
);
default = { device = "keep"; upstream = "keep"; };
};
"""


class Holder(Member):
    """A device with a certificate of the root, or of an authority below it."""

    def __init__(self, name, pki, below=None):
        super().__init__("proof", name, OPENSSL, pki)
        self.below = below
        if below:
            pki.openssl(
                *("x509", "-req", "-in", self.pem("csr"), "-days", "100"),
                *("-CA", pki.path(below + ".pem"), "-CAkey", pki.path(below + ".key")),
                *("-set_serial", "77", "-extfile", pki.path("ext"), "-out", self.pem("pem")),
            )


class Chained(Openssl):
    """Shows what stands between its certificate and the anchor."""

    def _start(self, more):
        below = self.device.below
        chain = ["-cert_chain", self.lab.pki.path(below + ".pem")] if below else []
        shaken = super()._start([*more, *chain])
        # It tells of its session also when the handshake has ended with an alert.
        return "refused" if self.over() == "alert" else shaken


class Town(House):
    """A House whose devices are let in by certificates."""

    def __init__(self, members, pki):
        pki.server("gw", "gw.example")
        shutil.copy(pki.path("ca.pem"), pki.path("anchors.pem"))
        super().__init__(
            members,
            RULES,
            pki,
            store=DISK + " evict_after_s = 600;",
            server_args=["--timeout", "60"],
            listener=(
                f'private_key_file = "{pki.path("gw.key")}"; '
                f'certificate_file = "{pki.path("gw.pem")}"; '
                f'anchors_file = "{pki.path("anchors.pem")}"; crl_file = "{pki.crl()}";'
            ),
        )

    def client(self, member, **more):
        return Chained(self, member, Wire(self.port), **more)

    def registered(self, member):
        client = self.client(member)
        assert client.connect() == "full"
        client.register()
        return client

    def revoke(self, *names):
        for name in names:
            self.pki.revoke(name)
        self.pki.crl()

    def told_once(self, member):
        """Torn down by the rule, decided once."""
        entry = self.told(member, "certificate-revoked", ("done",))
        assert (entry["rule"], entry["reason"]) == ("named", "a list names it"), entry
        decided = [e for e in self.chronicle(member) if e["outcome"] != "done"]
        assert len(decided) <= 1, decided
        assert len(self.chronicle(member)) == 1 + len(decided), self.chronicle(member)

    def goes_on(self, member, client):
        assert client.update() == CHANGED
        assert client.over() is None, client.over()
        assert not self.chronicle(member), self.chronicle(member)


@contextlib.contextmanager
def town(*names, below=()):
    with Pki() as pki:
        pki.issue(
            "middle",
            "/CN=middle of the tests",
            ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign"],
        )
        members = [Holder(n, pki) for n in names] + [Holder(n, pki, "middle") for n in below]
        with Town(members, pki) as lab:
            yield lab, members


def test_R207_a_list_that_names_its_certificate_ends_a_live_session_and_no_other():
    with town("named", "other", below=("deep",)) as (lab, (named, other, deep)):
        clients = {m: lab.registered(m) for m in (named, other, deep)}
        lab.ctl("reload")  # the same list: nothing happens to anybody
        for m, client in clients.items():
            lab.goes_on(m, client)
        lab.revoke(named.endpoint)
        lab.ctl("reload")
        assert clients[named].ended() == "close_notify"
        lab.told_once(named)
        lab.until(lambda: lab.said(named, "closed"))
        assert clients[named].again() == "refused"
        lab.goes_on(other, clients[other])
        lab.goes_on(deep, clients[deep])


def test_R207_an_authority_below_the_anchor_that_is_revoked_ends_those_under_it():
    with town("other", below=("deep",)) as (lab, (other, deep)):
        clients = {m: lab.registered(m) for m in (other, deep)}
        lab.revoke("middle")
        lab.ctl("reload")
        assert clients[deep].ended() == "close_notify"
        lab.told_once(deep)
        assert clients[deep].again() == "refused"
        lab.goes_on(other, clients[other])


def test_R211_a_resumed_session_has_the_proof_of_its_full_handshake():
    with town("named", "other") as (lab, members):
        clients = [lab.registered(m) for m in members]
        for client in clients:  # of a session that was resumed, too
            assert [client.again(), client.again()] == ["resumed", "resumed"]
            assert client.update() == CHANGED
        lab.revoke(members[0].endpoint)
        lab.ctl("reload")
        assert clients[0].ended() == "close_notify"
        lab.told_once(members[0])
        assert clients[0].again() == "refused"
        lab.goes_on(members[1], clients[1])


def test_R215_a_list_of_the_time_when_it_was_down_ends_it_before_its_next_record_goes_up():
    with town("named", "other") as (lab, members):
        clients = [lab.registered(m) for m in members]
        updates = len(lab.said(members[0], "updated"))
        lab.gateway.child.send_signal(signal.SIGKILL)
        lab.gateway.child.wait()
        lab.revoke(members[0].endpoint)
        lab.start_gateway()
        assert clients[0].update() is None
        assert clients[0].ended() == "close_notify"
        assert len(lab.said(members[0], "updated")) == updates, "it was forwarded"
        lab.told_once(members[0])
        lab.goes_on(members[1], clients[1])


def test_R215_a_session_that_slept_over_a_restart_is_known_by_its_proof():
    with town("named", "other") as (lab, members):
        clients = [lab.registered(m) for m in members]
        lab.restart()
        updates = len(lab.said(members[0], "updated"))
        lab.revoke(members[0].endpoint)
        lab.ctl("reload")
        assert clients[0].update() is None
        assert clients[0].ended() == "close_notify"
        assert len(lab.said(members[0], "updated")) == updates, "it was forwarded"
        lab.told_once(members[0])
        lab.goes_on(members[1], clients[1])


if __name__ == "__main__":
    os.umask(0o077)
    run_tests(
        [
            test_R207_a_list_that_names_its_certificate_ends_a_live_session_and_no_other,
            test_R207_an_authority_below_the_anchor_that_is_revoked_ends_those_under_it,
            test_R211_a_resumed_session_has_the_proof_of_its_full_handshake,
            test_R215_a_list_of_the_time_when_it_was_down_ends_it_before_its_next_record_goes_up,
            test_R215_a_session_that_slept_over_a_restart_is_known_by_its_proof,
        ]
    )
