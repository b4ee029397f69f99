# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates of the interoperability tests, made anew by each run with the openssl
program."""

import os
import subprocess

SERVER_NAME = "server.interop.example"
DEVICE_NAME = "device-one"
CURVE = ("-pkeyopt", "ec_paramgen_curve:P-256")


def _run(openssl, *words):
    subprocess.run(
        [openssl, *words], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60
    )


def authority(openssl, folder, name):
    """NAME.key, and NAME.pem and .der."""
    at = os.path.join(folder, name)
    _run(
        *(openssl, "req", "-x509", "-new", "-newkey", "ec", *CURVE, "-nodes", "-sha256"),
        *("-days", "2", "-subj", "/CN=" + name, "-keyout", at + ".key", "-out", at + ".pem"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    _run(openssl, "x509", "-in", at + ".pem", "-outform", "DER", "-out", at + ".der")


def holder(openssl, folder, issuer, name, subject, use, alternative):
    """Of a key pair: NAME.key (PEM), .p8 (DER), the public half .pub (PEM) and .spki (DER), .both
    (PEM); and a certificate: .pem and .der."""
    at, of = os.path.join(folder, name), os.path.join(folder, issuer)
    _run(openssl, "genpkey", "-algorithm", "EC", *CURVE, "-out", at + ".key")
    _run(openssl, "req", "-new", "-key", at + ".key", "-subj", subject, "-out", at + ".csr")
    with open(at + ".ext", "w", encoding="utf-8") as f:
        f.write(
            "basicConstraints = CA:FALSE\nkeyUsage = critical, digitalSignature\n"
            f"extendedKeyUsage = {use}\nsubjectAltName = {alternative}\n"
        )
    _run(
        *(openssl, "x509", "-req", "-sha256", "-days", "2", "-in", at + ".csr", "-CA", of + ".pem"),
        *("-CAkey", of + ".key", "-CAcreateserial", "-extfile", at + ".ext", "-out", at + ".pem"),
    )
    _run(openssl, "x509", "-in", at + ".pem", "-outform", "DER", "-out", at + ".der")
    _run(openssl, "pkey", "-in", at + ".key", "-pubout", "-out", at + ".pub")
    _run(openssl, "pkey", "-in", at + ".key", "-pubout", "-outform", "DER", "-out", at + ".spki")
    _run(
        *(openssl, "pkcs8", "-topk8", "-nocrypt", "-in", at + ".key", "-outform", "DER"),
        *("-out", at + ".p8"),
    )
    with open(at + ".both", "w", encoding="utf-8") as out:
        for part in (".key", ".pub"):
            with open(at + part, encoding="utf-8") as f:
                out.write(f.read())


def server(openssl, folder, issuer, name, use="serverAuth", common=None):
    # the name of a host stands in its subjectAltName only
    subject = "/O=lwgate interop" + (f"/CN={common}" if common else "")
    holder(openssl, folder, issuer, name, subject, use, "DNS:" + SERVER_NAME)


def device(openssl, folder, issuer, name, common):
    alternative = ("URI:" if ":" in common else "DNS:") + common
    holder(openssl, folder, issuer, name, "/CN=" + common, "clientAuth", alternative)


def make(openssl, folder):
    """An authority "ca", a "server" and a "device"."""
    authority(openssl, folder, "ca")
    server(openssl, folder, "ca", "server")
    device(openssl, folder, "ca", "device", DEVICE_NAME)
