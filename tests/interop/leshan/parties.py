# SPDX-License-Identifier: Apache-2.0
"""Who the sides of a run are: pre-shared keys, raw public keys, certificates, and how each of them
is said to a Leshan device, to the Leshan server and to lwgated."""
import base64
import hashlib
import hmac
import pathlib
import secrets
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import certificates  # noqa: E402  (the path comes first)

KEY_BYTES = 16
KINDS = ("psk", "raw", "x509")
SUITES = {"psk": "TLS_PSK_WITH_AES_128_CCM_8", "raw": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8",
          "x509": "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8"}


def quoted(text):
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


class Psk:
    """A PSK identity and key, made for this run."""

    kind = "psk"

    def __init__(self, identity, key=None):
        self.identity = identity
        self.key = key or secrets.token_hex(KEY_BYTES)
        self.seen = self.name = identity
        self.secret = self.key

    def device_words(self, _server):
        return ["-i", self.identity, "-p", self.key]

    def at_server(self):
        return {"mode": "psk", "details": {"identity": self.identity, "key": self.key}}

    def account(self, _server):
        """What a bootstrap server writes of it: see InteropBootstrapServer."""
        return {"mode": "PSK", "identity": self.identity.encode().hex(), "secret": self.key}

    def octets(self):
        """What nobody else may ever see."""
        return bytes.fromhex(self.key)

    def credential(self):
        return f"identity = {quoted(self.identity)}; key = {quoted(self.key)};"

    def upstream(self):
        return (f" upstream_identity = {quoted(self.identity)};"
                f" upstream_key = {quoted(self.key)};")


class Files:
    """A key pair and a certificate for it; see certificates.holder()."""

    def __init__(self, stem, common):
        self.stem, self.common = pathlib.Path(stem), common

    def file(self, kind):
        return str(self.stem.with_suffix(kind))

    def spki(self):
        return self.read(".spki")

    def digest(self):
        return hashlib.sha256(self.spki())

    @property
    def secret(self):
        """Most octets of the private key, as a PEM file has them (36 of PKCS #8 before them)."""
        lines = pathlib.Path(self.file(".key")).read_text(encoding="ascii").splitlines()
        return "".join(line for line in lines if "-" not in line).lower()[48:88]

    def octets(self):
        """Of the private key, which in PKCS #8 begins there."""
        return self.read(".p8")[36:68]

    def read(self, kind):
        return pathlib.Path(self.file(kind)).read_bytes()

    def upstream(self):
        return ""


class RawKey(Files):
    """seen: how the server shows it (InteropServer); name: how Scandium calls it (RFC 6920)."""

    kind = "raw"

    @property
    def seen(self):
        return self.digest().hexdigest()

    @property
    def name(self):
        digest = base64.urlsafe_b64encode(self.digest().digest()).decode().rstrip("=")
        return "ni:///sha-256;" + digest

    def device_words(self, server):
        return ["-k", self.file(".p8"), "-K", self.file(".spki"), "-s", server.file(".spki")]

    def at_server(self):
        return {"mode": "rpk", "details": {"key": self.spki().hex()}}

    def account(self, server):
        return {"mode": "RPK", "identity": self.spki().hex(),
                "server_key": server.spki().hex(), "secret": self.read(".p8").hex()}

    def credential(self):
        return f'public_key = "sha-256:{self.digest().hexdigest()}";'


class Certificate(Files):
    kind = "x509"

    @property
    def seen(self):
        return self.common

    @property
    def name(self):
        return "CN=" + self.common

    def device_words(self, server):
        return ["-k", self.file(".p8"), "-c", self.file(".der"), "-s", server.file(".der")]

    def at_server(self):
        return {"mode": "x509", "details": {}}

    def account(self, server):
        return {"mode": "X509", "identity": self.read(".der").hex(),
                "server_key": server.read(".der").hex(), "secret": self.read(".p8").hex()}

    def credential(self):
        return f"certificate = {quoted(self.common)};"


OF_KIND = {"raw": RawKey, "x509": Certificate}


class Party:
    """An endpoint: what it shows its gateway, and what the gateway shows the server for it."""

    def __init__(self, name, device, server):
        self.endpoint = name
        self.device, self.server = device, server
        self.derived = False

    def derive(self, master):
        """As a server's operator would: HKDF-SHA256 (RFC 5869) of the master secret."""
        extracted = hmac.digest(b"lwgate upstream psk v1", bytes.fromhex(master), "sha256")
        block = hmac.digest(extracted, self.endpoint.encode() + b"\x01", "sha256")
        self.server = Psk(self.endpoint, block[:KEY_BYTES].hex())
        self.derived = True


class Cast:
    """All that a run needs: its parties, the gateway's own keys and the server's, in a folder.

    Devices' certificates are of one authority, those of the gateway's upstream side and of the
    server of another.
    """

    GATEWAY = "lwgate of the interop run"

    def __init__(self, folder, device, upstream, direct, names=("one", "two", "three")):
        self.folder, self.device_kind, self.upstream_kind = folder, device, upstream
        self.direct = direct
        self.keys = folder / "keys"
        self.keys.mkdir(mode=0o700)
        self._make()
        self.server = Files(self.keys / "server", "")
        self.listener = Files(self.keys / "listener", "")
        self.parties = [self._party(name) for name in names]

    def _make(self):
        for name in ("devices", "servers"):
            certificates.authority("openssl", self.keys, name)
        # Leshan's server wants its certificate to be good for a client, too, and Leshan's client
        # wants a common name in a server's
        certificates.server("openssl", self.keys, "servers", "server", "serverAuth,clientAuth",
                            "the server")
        certificates.server("openssl", self.keys, "devices", "listener", common="the gateway")
        certificates.holder("openssl", self.keys, "servers", "upstream", "/CN=" + self.GATEWAY,
                            "clientAuth", "DNS:gateway.interop.example")
        for path in self.keys.glob("*.key"):
            path.chmod(0o600)

    def _party(self, name):
        endpoint = f"urn:lwgate:interop:{name}"
        device = self.device(self.device_kind, name, endpoint)
        if self.direct:
            return Party(endpoint, device, device)
        if self.upstream_kind == "psk":
            return Party(endpoint, device, Psk(f"gateway-for-{name}"))
        return Party(endpoint, device,
                     OF_KIND[self.upstream_kind](self.keys / "upstream", self.GATEWAY))

    def device(self, kind, name, endpoint):
        """A new credential of a device."""
        if kind == "psk":
            return Psk(f"device-{name}")
        certificates.device("openssl", self.keys, "devices", name, endpoint)
        return OF_KIND[kind](self.keys / name, endpoint)

    def server_words(self, shown=None):
        """Of InteropServer, which devices show this kind if the run is a direct one; it knows
        their authority then."""
        kind = (shown or self.device_kind) if self.direct else self.upstream_kind
        key = ["-k", self.server.file(".p8")]
        if kind == "raw":
            return [*key, "-K", self.server.file(".spki")]
        if kind == "x509":
            issuer = Files(self.keys / ("devices" if self.direct else "servers"), "")
            certificate = pathlib.Path(issuer.file(".pem"))
            return [*key, "-c", self.server.file(".der"), "-a", str(certificate),
                    "-g", self.GATEWAY]
        return []

    def listener_lines(self):
        key = f' private_key_file = {quoted(self.listener.file(".key"))};'
        if self.device_kind == "raw":
            return key + " raw_public_key = true;"
        if self.device_kind == "x509":
            return (key + f' certificate_file = {quoted(self.listener.file(".pem"))};'
                    f' anchors_file = {quoted(self.keys / "devices.pem")};')
        return ""

    def upstream_lines(self):
        key = f' private_key_file = {quoted(self.keys / "upstream.key")};'
        if self.upstream_kind == "raw":
            return (f' credential = "raw_public_key";{key}'
                    f' server_public_key = [ {quoted(self.server.file(".spki"))} ];')
        if self.upstream_kind == "x509":
            return (f' credential = "certificate";{key}'
                    f' certificate_file = {quoted(self.keys / "upstream.pem")};'
                    f' anchors_file = {quoted(self.keys / "servers.pem")};'
                    f" server_name = {quoted(certificates.SERVER_NAME)};")
        return ' master_secret_file = "upstream.key";'

    def credentials(self):
        entries = ",\n".join(
            f"  {{ endpoint = {quoted(p.endpoint)}; {p.device.credential()}"
            + ("" if p.derived else p.server.upstream()) + " }" for p in self.parties)
        return f"credentials = (\n{entries}\n);\n"


class Learners(Cast):
    """A Cast whose gateway takes every kind of credential."""

    def listener_lines(self):
        return (f' private_key_file = {quoted(self.listener.file(".key"))}; raw_public_key = true;'
                f' certificate_file = {quoted(self.listener.file(".pem"))};'
                f' anchors_file = {quoted(self.keys / "devices.pem")};')
