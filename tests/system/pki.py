# SPDX-License-Identifier: Apache-2.0
"""Keys, certificates and revocation lists for the system tests, made by the openssl program."""

import os
import shutil
import subprocess
import tempfile

CA_CONF = """
[ca]
default_ca = one
[one]
database = {0}/index.txt
serial = {0}/serial
new_certs_dir = {0}
certificate = {0}/ca.pem
private_key = {0}/ca.key
default_md = sha256
default_crl_days = 10
policy = any
unique_subject = no
[any]
commonName = optional
"""


class Pki:
    """with Pki() as pki: one authority in a folder of its own; pki.path("ca.pem") is its
    certificate."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="lwgate-pki-")
        for name, text in (("index.txt", ""), ("serial", "1000\n")):
            with open(self.path(name), "w", encoding="ascii") as f:
                f.write(text)
        with open(self.path("ca.conf"), "w", encoding="ascii") as f:
            f.write(CA_CONF.format(self.folder))
        self.root("ca")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def openssl(self, *words):
        done = subprocess.run(
            ["openssl", *words], stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"openssl {' '.join(words)}: {done.stderr.decode()}")
        return done.stdout.decode()

    def key(self, name):
        self.openssl(
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            self.path(name + ".key"),
        )
        os.chmod(self.path(name + ".key"), 0o600)
        return self.path(name + ".key")

    def root(self, name):
        """NAME.key and NAME.pem, signed by itself."""
        self.openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            self.key(name),
            "-out",
            self.path(name + ".pem"),
            "-subj",
            f"/CN={name} of the tests",
            "-days",
            "1000",
        )

    def issue(self, name, subject, extensions, until=None, csr=None, out=None):
        """NAME.pem for NAME.key, which is made if there is no csr."""
        if csr is None:
            if not os.path.exists(self.path(name + ".key")):
                self.key(name)
            csr = self.path(name + ".csr")
            self.openssl(
                "req", "-new", "-key", self.path(name + ".key"), "-out", csr, "-subj", subject
            )
        with open(self.path("ext"), "w", encoding="ascii") as f:
            f.write("".join(line + "\n" for line in extensions))
        self.openssl(
            "ca",
            "-batch",
            "-notext",
            "-config",
            self.path("ca.conf"),
            "-in",
            csr,
            "-out",
            self.path((out or name) + ".pem"),
            "-extfile",
            self.path("ext"),
            *(["-startdate", "20200101000000Z"] if until else []),
            *(["-enddate", until] if until else ["-days", "100"]),
        )
        return self.path((out or name) + ".pem")

    def server(self, name, host, **more):
        return self.issue(
            name,
            f"/CN=server {name}",
            [f"subjectAltName=DNS:{host}", "extendedKeyUsage=serverAuth"],
            **more,
        )

    def device(self, name, common_name, **more):
        return self.issue(name, f"/CN={common_name}", ["extendedKeyUsage=clientAuth"], **more)

    def serial(self, name):
        text = self.openssl("x509", "-noout", "-serial", "-in", self.path(name + ".pem"))
        return text.strip().split("=")[1]

    def revoke(self, name):
        self.openssl("ca", "-config", self.path("ca.conf"), "-revoke", self.path(name + ".pem"))

    def crl(self, name="crl"):
        self.openssl("ca", "-config", self.path("ca.conf"), "-gencrl", "-out", self.path(name))
        return self.path(name)
