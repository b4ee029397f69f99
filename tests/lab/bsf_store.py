# SPDX-License-Identifier: Apache-2.0
"""The subscribers of the lab's BSF (it is its own HSS): K, OPc, AMF and SQN, in a file of JSON that
is written anew and whole before an answer leaves, so that no SQN is ever used twice."""

import json
import os
import threading

import aka
from aka import Milenage, Refused
from usim import AUTH_AMF

AMF = AUTH_AMF.hex()


class Unknown(Exception):
    pass


class Subscribers:
    def __init__(self, path):
        self.path, self.lock = path, threading.Lock()
        self.rows = {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                self.rows = json.load(f)

    def _save(self):
        text = json.dumps(self.rows, indent=1)
        beside = self.path + ".new"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
            f.write(text)
            f.flush()
            os.fsync(f.fileno())
        os.replace(beside, self.path)
        folder = os.open(os.path.dirname(os.path.abspath(self.path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def put(self, impi, k, opc, sqn=0, amf=AMF, public=()):
        """public: its other names (IMPU). Hex; sqn is a number."""
        assert len(bytes.fromhex(k)) == len(bytes.fromhex(opc)) == 16 and len(amf) == 4
        with self.lock:
            self.rows[impi] = {"k": k, "opc": opc, "sqn": sqn, "amf": amf, "public": list(public)}
            self._save()

    def remove(self, impi):
        with self.lock:
            self.rows.pop(impi, None)
            self._save()

    def sqn(self, impi):
        with self.lock:
            return self.rows[impi]["sqn"]

    def impi_of(self, name, public):
        """Unknown"""
        with self.lock:
            for impi, row in self.rows.items():
                if name in row["public"] if public else name == impi:
                    return impi
        raise Unknown(name)

    def _of(self, impi):
        row = self.rows[impi]
        return row, Milenage(bytes.fromhex(row["k"]), bytes.fromhex(row["opc"]))

    def resynchronise(self, impi, rand, auts):
        """Refused, if the USIM has not said that. True: SQN has changed."""
        with self.lock:
            row, milenage = self._of(impi)
            sqn = aka.resynchronised(row["sqn"], aka.read_auts(milenage, rand, auts))
            changed, row["sqn"] = sqn != row["sqn"], sqn
            if changed:
                self._save()
            return changed

    def vector(self, impi):
        """A challenge that was never there, with an SQN that is durable already."""
        with self.lock:
            row, milenage = self._of(impi)
            row["sqn"] = aka.next_sqn(row["sqn"])
            self._save()
            return aka.vector(milenage, os.urandom(16), row["sqn"], bytes.fromhex(row["amf"]))


__all__ = ["Refused", "Subscribers", "Unknown"]
