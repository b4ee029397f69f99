# SPDX-License-Identifier: Apache-2.0
"""A lwgated before OpenSSL's server, so that a test says each octet of the server's."""

from harness import option

BOOTSTRAP, FORMAT, URI_QUERY = b"bs", 12, 15
GET, POST, PUT, DELETE = 1, 2, 3, 4


def start_scripted(lab, device):
    """The s_server of a Lab, which knows what the gateway shows for this device."""
    server = lab.start(
        [
            *("openssl", "s_server", "-dtls1_2", "-accept", str(lab.server_port)),
            *("-psk", device.up_key, "-psk_identity", device.up_identity, "-nocert"),
            *("-cipher", "PSK-AES128-CCM8:@SECLEVEL=0"),
        ],
        raw=True,
    )
    server.wait_bytes(rb"ACCEPT\n")
    return server


def say(program, message):
    """One record. OpenSSL's programs take some letters at its beginning for commands."""
    assert message[:1] not in b"qQPBrRSsckK", message
    program.child.stdin.write(message)
    program.child.stdin.flush()


def answer(code, request_id, token, options=b"", payload=b""):
    """A piggybacked response."""
    head = bytes([0x60 | len(token), code]) + request_id.to_bytes(2, "big") + token
    return head + options + (b"\xff" + payload if payload else b"")


def request(method, path, message_id, token, payload=b"", form=None, query=None):
    """A confirmable one; form: its Content-Format."""
    out = bytes([0x40 | len(token), method]) + message_id.to_bytes(2, "big") + token
    last = 0
    options = [(11, part.encode()) for part in path.split("/")]
    if form is not None:
        options.append((FORMAT, form.to_bytes(2, "big")))
    if query is not None:
        options.append((URI_QUERY, query.encode()))
    for number, value in options:
        out += option(number - last, value)
        last = number
    return out + (b"\xff" + payload if payload else b"")
