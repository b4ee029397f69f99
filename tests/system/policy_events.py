# SPDX-License-Identifier: Apache-2.0
"""What can happen to a session: how each event is made to happen to all devices of a scene."""

import os
import shutil
import signal
import time

from policy import CHANGED, GATEWAY_ERRORS, MBEDTLS, NOT_FOUND, OPENSSL, Believing, House

BOUND_S, RECORDS, FORGED = 3, 12, 8


class Event:
    word = ""  # as the policy has it
    name = ""  # of the scene, where that is another
    condition = ""  # of the rules
    stacks = (OPENSSL, MBEDTLS)
    certificates = False  # what the devices prove themselves with
    pki = False  # whoever else does
    client = {}  # what makes them
    asleep = False
    store = ""
    house = House
    registers = True  # or it speaks without a registration
    answered = (CHANGED,)  # to what it says
    link_stays = True  # what was between gateway and server
    answered_anew = (CHANGED, NOT_FOUND)  # over a new link, where the server does not know it yet
    lifetime = 300
    lasts_s = 20  # about
    under_way = 0  # messages that may go up yet, once it has happened
    may_return = True  # by a full handshake, with what the device has
    resumes = True  # what is kept can be resumed
    left = False  # the registration has gone with it
    another_generation = False
    unheard = False  # nobody knows before the device speaks
    checks = {}  # of a decision, where another one is the right one

    def __init__(self, asleep=False, killed=False):
        self.asleep, self.killed = asleep, killed
        self.name = (self.name or self.word) + ("-asleep" if asleep else "")
        self.name += "-killed" if killed else ""

    @property
    def wakes(self):
        """It is carried out with the device's next record."""
        return self.asleep

    def listener(self, pki):
        return ""

    def prepare(self, scene):
        """Before the devices come."""

    def happen(self, scene):
        scene.each(lambda member, client: self.happen_to(scene, member, client))

    def happen_to(self, scene, member, client):
        raise NotImplementedError


class Replaced(Event):
    word = "credential-replaced"
    may_return = False  # it does not know the new one
    resumes = False
    another_generation = True

    def happen_to(self, scene, member, client):
        path = scene.lab.write(member.endpoint + ".new", os.urandom(16).hex())
        scene.lab.ctl("credential", "replace", member.endpoint, "--key-file", path)


class Revoked(Event):
    word = "credential-revoked"
    may_return = resumes = False
    answered_anew = GATEWAY_ERRORS  # what a new link would be made with has gone, too
    another_generation = True

    def happen_to(self, scene, member, client):
        scene.lab.ctl("credential", "revoke", member.endpoint)


class Expired(Event):
    word = "credential-expired"
    may_return = resumes = False
    answered_anew = GATEWAY_ERRORS  # what a new link would be made with has gone, too

    def prepare(self, scene):
        self.until = int(time.time()) + 15
        text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.until))
        for member in scene.members:
            scene.lab.ctl("credential", "replace", member.endpoint, "--valid-until", text)

    def happen(self, scene):
        assert time.time() < self.until, "too slow to tell"
        first = scene.members[0]
        scene.lab.told(first, self.word, ("decided", "done", "kept", "failed"))


class MappingChanged(Event):
    word = "mapping-changed"
    another_generation = True

    def happen_to(self, scene, member, client):
        scene.lab.ctl("credential", "replace", member.endpoint, "--labels", "moved-out")


class CertificateRevoked(Event):
    word = "certificate-revoked"
    certificates = True
    may_return = resumes = False

    def listener(self, pki):
        return f'crl_file = "{pki.crl()}";'

    def happen(self, scene):
        for member in scene.members:
            scene.pki.revoke(member.endpoint)
        scene.pki.crl()
        scene.lab.ctl("reload")


class AnchorRemoved(Event):
    word = "anchor-removed"
    certificates = True
    may_return = resumes = False

    def happen(self, scene):
        scene.pki.root("other")
        shutil.copy(scene.pki.path("other.pem"), scene.pki.path("anchors.pem"))
        scene.lab.ctl("reload")


class OwnChanged(Event):
    word = "own-credential-changed"
    certificates = True

    def happen(self, scene):
        os.unlink(scene.pki.path("gw.key"))
        scene.pki.server("gw", "gw.example")
        scene.lab.ctl("reload")


class ServerDistrusted(Event):
    """The server has a certificate, of an authority that is taken no more."""

    word = "server-distrusted"
    pki = True
    house = Believing
    registers = False
    answered = (NOT_FOUND,)
    answered_anew = GATEWAY_ERRORS  # there is none that it would take
    checks = {"drain": "teardown"}  # it has nothing under way

    def happen(self, scene):
        scene.pki.root("other")
        shutil.copy(scene.pki.path("other.pem"), scene.pki.path("server-anchors.pem"))
        scene.lab.ctl("reload")


class Age(Event):
    word = "age"
    condition = f"age_at_least_s = {4 * BOUND_S};"

    def happen(self, scene):
        scene.lab.told(scene.members[0], self.word, ("decided", "done", "kept"))


class Idle(Event):
    word = "idle"
    condition = f"idle_at_least_s = {BOUND_S};"

    def happen(self, scene):
        scene.lab.told(scene.members[0], self.word, ("decided", "done", "kept"))


class Records(Event):
    word = "records"
    under_way = 1
    condition = f"records_at_least = {RECORDS};"

    def happen_to(self, scene, member, client):
        for _ in range(RECORDS):
            if client.over() or scene.lab.chronicle(member, self.word):
                break
            assert client.update() in (CHANGED, None)
        scene.lab.told(member, self.word, ("decided", "done", "kept"))
        scene.updates[member] = client.changed


class Forged(Event):
    word = "forged"
    condition = f"forged_at_least = {FORGED};"

    def happen_to(self, scene, member, client):
        client.wire.forge(FORGED + 4)


class Deregistered(Event):
    word = "deregistered"
    left = True
    checks = {"drain": "teardown"}  # nobody would ask it any more

    def happen_to(self, scene, member, client):
        client.leave()


class RegistrationExpired(Event):
    """It outlives its lifetime by 93 s (R-269)."""

    word = "registration-expired"
    left = True
    lifetime = 2
    lasts_s = 120
    checks = {"drain": "teardown"}  # nothing is under way any more

    def happen(self, scene):
        for member in scene.members:
            scene.lab.told(member, self.word, ("decided", "done", "kept"), 130)


class PowerLost(Event):
    """The window has to be proven (S12), where the rule lets it."""

    word = "power-lost"
    unheard = True
    answered = (CHANGED, NOT_FOUND)
    link_stays = False  # it cannot be proven
    checks = {"drain": "teardown"}  # there is nothing to drain
    store = ' after_power_loss = "probe"; anchor = "@memory@/anchor";'
    wakes = True

    def happen(self, scene):
        lab = scene.lab
        lab.until(lambda: lab.store_facts()["sessions"] == len(scene.members))
        lab.gateway.child.send_signal(signal.SIGKILL)
        lab.gateway.child.wait()
        os.unlink(os.path.join(lab.memory, "token"))
        lab.start_gateway()


class Moved(Event):
    word = "moved"
    under_way = 1
    stacks = (MBEDTLS,)
    client = {"cid": True}
    answered = (CHANGED, NOT_FOUND)  # a new handshake may be another worker's, whose link is new

    def listener(self, pki):
        return 'address_check = "trust";'

    def happen_to(self, scene, member, client):
        client.wire.move()
        client.update()
        scene.updates[member] = client.changed


EVENTS = [
    Replaced(),
    Revoked(),
    Expired(),
    MappingChanged(),
    CertificateRevoked(),
    AnchorRemoved(),
    OwnChanged(),
    ServerDistrusted(),
    Age(),
    Idle(),
    Records(),
    Forged(),
    Deregistered(),
    PowerLost(),
    Moved(),
    RegistrationExpired(),
]
SLEEPERS = [
    Replaced(asleep=True),
    Replaced(asleep=True, killed=True),
    Revoked(asleep=True),
    Revoked(asleep=True, killed=True),
    Expired(asleep=True),
    MappingChanged(asleep=True),
    MappingChanged(asleep=True, killed=True),
    CertificateRevoked(asleep=True),
    AnchorRemoved(asleep=True),
    OwnChanged(asleep=True),
    OwnChanged(asleep=True, killed=True),
    ServerDistrusted(asleep=True),
]
