# SPDX-License-Identifier: Apache-2.0
"""A USIM with its mobile equipment: takes GBA push info and has the keys that it means."""

import dataclasses
import hmac

import aka
import bsf_gpi
from aka import Milenage, Refused

AUTH_AMF = bytes.fromhex("8000")


class OutOfSync(Refused):
    """SQN is not in its range: AUTS says what would be."""

    def __init__(self, rand, auts):
        super().__init__("SQN is not in range")
        self.rand, self.auts = rand, auts


@dataclasses.dataclass(frozen=True)
class Agreed:
    """What one push info has given."""

    me_key: bytes  # Ks_NAF, Ks_ext_NAF
    uicc_key: bytes  # Ks_int_NAF; GBA_ME has none
    until: int  # seconds of the wall clock
    p_tid: str
    naf_id: bytes
    sqn: int

    @property
    def secret(self):
        return self.uicc_key or self.me_key


class Usim:
    def __init__(self, impi, k, opc, sequence=()):
        self.impi = impi
        self.milenage = Milenage(k, opc)
        self.sequence = aka.Sequence(sequence)
        self.taken = []  # RAND of all that was good
        self.refused = []  # why

    def authenticate(self, rand, autn, uicc=False):
        """(CK, IK, SQN) of a challenge (TS 33.102 6.3.3). OutOfSync, Refused."""
        ck, ik = self.milenage.f3(rand), self.milenage.f4(rand)
        if uicc:
            autn = aka.autn_star(autn, ik)  # twice is as it was
        sqn = aka.xor(autn[:6], self.milenage.f5(rand))
        amf = autn[6:8]
        if not hmac.compare_digest(autn[8:], self.milenage.f1(rand, sqn, amf)):
            raise Refused("MAC")
        number = int.from_bytes(sqn, "big")
        if not self.sequence.take(number):
            raise OutOfSync(rand, aka.auts(self.milenage, rand, self.sequence.sqn_ms()))
        return ck, ik, number

    def push(self, octets, now):
        """Agreed, of GBA push info. Refused, OutOfSync, bsf_gpi.Malformed."""
        try:
            return self._push(octets, now)
        except (Refused, bsf_gpi.Malformed) as why:
            self.refused.append(why)
            raise

    def _push(self, octets, now):
        fields, covered, check = bsf_gpi.read(octets)
        wanted = (bsf_gpi.RAND, bsf_gpi.AUTN, bsf_gpi.NAF_ID, bsf_gpi.P_TID, bsf_gpi.UNTIL)
        if any(tag not in fields for tag in (*wanted, bsf_gpi.UICC)):
            raise bsf_gpi.Malformed(f"fields {sorted(fields)}")
        rand, naf = fields[bsf_gpi.RAND], fields[bsf_gpi.NAF_ID]
        uicc = fields[bsf_gpi.UICC] == b"\x01"
        # Before SQN moves: what was altered on its way must not use up a good challenge.
        ks = self.milenage.f3(rand) + self.milenage.f4(rand)
        if not bsf_gpi.is_genuine(ks, covered, check):
            raise Refused("the push info is not genuine")
        until = int.from_bytes(fields[bsf_gpi.UNTIL], "big")
        if until <= now:
            raise Refused("the keys are over")
        ck, ik, sqn = self.authenticate(rand, fields[bsf_gpi.AUTN], uicc)
        self.taken.append(rand)
        return Agreed(
            aka.ks_naf(ck + ik, rand, self.impi, naf),
            aka.ks_naf(ck + ik, rand, self.impi, naf, in_uicc=True) if uicc else b"",
            until,
            fields[bsf_gpi.P_TID].decode(),
            naf,
            sqn,
        )
