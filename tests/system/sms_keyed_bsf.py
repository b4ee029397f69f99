# SPDX-License-Identifier: Apache-2.0
"""The lab's BSF (tests/lab/bsf) as a process of a test, and the USIMs of its subscribers."""

import json
import os
import secrets
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LAB = os.path.join(HERE, "..", "lab")
sys.path.insert(1, LAB)
from harness import Process  # noqa: E402  (the path comes first)
from usim import Usim  # noqa: E402

NAF_FQDN = "lwm2m-server.example.com"
CLIENT, SECRET = "gate way", "s3cret-of-the-client"


def impi_of(number):
    return f"00101{number[-10:]}@ims.mnc001.mcc001.3gppnetwork.org"


def files(pki):
    """What a BSF and its client need."""
    pki.server("bsf", "localhost")
    pki.device("client", "gateway")
    return pki


class LabBsf:
    """with LabBsf(pki, folder) as bsf: bsf.url. It may be killed, and started again with the same
    folder and port."""

    def __init__(self, pki, folder, token=False, port=0, **options):
        self.pki, self.folder, self.port = pki, folder, port
        self.options = options
        if token:
            self.options["client"] = f"{CLIENT}:{SECRET}"

    def __enter__(self):
        words = {"folder": self.folder, "port": self.port, **self.options}
        words.update({n: self.pki.path(f"bsf.{n}") for n in ("key",)})
        words.update(cert=self.pki.path("bsf.pem"), ca=self.pki.path("ca.pem"))
        argv = [sys.executable, os.path.join(LAB, "bsf")]
        for name, value in words.items():
            argv += ["--" + name.replace("_", "-"), str(value)]
        self.process = Process(argv)
        said = self.event("listening")
        self.port, self.url, self.token_url = said["port"], said["url"], said["token_url"]
        return self

    def __exit__(self, *_):
        self.process.kill()

    def event(self, name, **fields):
        return self.process.wait_json(
            lambda e: e.get("event") == name and all(e.get(k) == v for k, v in fields.items())
        )

    def events(self, name):
        """All so far."""
        said = [json.loads(line) for line in self.process.lines if line.startswith("{")]
        return [e for e in said if e.get("event") == name]

    def order(self, **order):
        """Obeyed when it returns."""
        seen = len(self.events("wrong"))
        self.process.child.stdin.write(json.dumps(order).encode() + b"\n")
        self.process.child.stdin.flush()
        said = self.process.wait_json(lambda e: e.get("event") in ("obeyed", "wrong"))
        assert said["event"] == "obeyed" and len(self.events("wrong")) == seen, said

    def fault(self, kind, **more):
        self.order(fault=kind, **more)

    def subscribe(self, impi, public=(), sqn=0):
        """The USIM of a new subscriber."""
        k, opc = secrets.token_bytes(16), secrets.token_bytes(16)
        row = {"impi": impi, "k": k.hex(), "opc": opc.hex(), "sqn": sqn, "public": list(public)}
        self.order(subscriber=row)
        return Usim(impi, k, opc)

    def resync(self, impi, out):
        """out: usim.OutOfSync, as a device has said it. True: SQN has changed."""
        self.order(resync={"impi": impi, "rand": out.rand.hex(), "auts": out.auts.hex()})
        return self.events("resynchronised")[-1]["changed"]

    def sqn(self, impi):
        self.order(show=impi)
        return self.events("shown")[-1]["sqn"]


def settings(bsf, pki, write, **more):
    """`bsf` of lwgate.conf; write(name, text) gives the path of a file of mode 600."""
    said = {
        "url": bsf.url,
        "ca_file": pki.path("ca.pem"),
        "certificate_file": pki.path("client.pem"),
        "key_file": pki.path("client.key"),
        "naf_fqdn": NAF_FQDN,
    }
    if "client" in bsf.options:
        said.update(
            token_url=bsf.token_url,
            client_id=CLIENT,
            client_secret_file=write("bsf.secret", SECRET + "\n"),
        )
    said.update(more)

    def form(value):
        return str(value) if isinstance(value, int) else f'"{value}"'

    return "bsf = {\n" + "".join(f"  {k} = {form(v)};\n" for k, v in said.items()) + "};\n"
