# SPDX-License-Identifier: Apache-2.0
"""gateway/sms/card and efbootstrap behind a pipe (sms_card_peer.c): lwgate's half of what a
server and a smartcard say to each other."""

import os
import subprocess
import tempfile

from harness import DEADLINE_S, Process, binary

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
BOOTSTRAP = bytes.fromhex("7fff6432")
NOTHING, TO_SEND, WAITING, HAS_IT, GIVEN_UP = range(5)
NOT_OURS, HINT, LATER, AGAIN, NEXT, PROVED, GAVE_UP = range(7)


class Ours:
    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-sms-card-")
        program = os.path.join(self.folder.name, "peer")
        prefix = subprocess.run(
            [os.path.join(ROOT, "deploy", "openssl-prefix")],
            stdout=subprocess.PIPE,
            check=True,
            timeout=DEADLINE_S,
        )
        ssl = prefix.stdout.decode().strip()
        words = ["cc", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/gateway"]
        words += ["-o", program, os.path.join(HERE, "sms_card_peer.c")]
        words += [binary("libsms.a"), binary("libbase.a")]
        words += [f"-L{ssl}/lib", f"-Wl,-rpath,{ssl}/lib"] if ssl else []
        subprocess.run([*words, "-lcrypto"], check=True, timeout=120)
        self.peer = Process([program])
        return self

    def __exit__(self, *_):
        self.peer.kill()
        self.folder.cleanup()

    def say(self, *words):
        line = " ".join(w.hex() or "." if isinstance(w, bytes) else str(w) for w in words)
        self.peer.child.stdin.write(line.encode() + b"\n")
        self.peer.child.stdin.flush()
        return self.peer.wait_line(lambda _: True)

    def ota(self, keys, form, path=BOOTSTRAP, segments=2, retry_ms=0):
        octets = [f"{n:02x}" for n in (keys.spi[1], keys.kic, keys.kid)]
        key = keys.cipher_key + keys.check_key
        words = [*octets, keys.tar, keys.cc_len, key, path, form, segments, retry_ms]
        return self.say("ota", *words)

    def account(self, file, mode, params, key, number=""):
        answer = self.say("account", file, f"{mode:02x}", params, key, number).split(" ", 1)
        assert answer[0] != "-", answer
        return bytes.fromhex(answer[0])

    def begin(self, was, content, now):
        return self.say("begin", was, content, now) == "1"

    def is_due(self, now):
        return self.say("due", now) == "1"

    def packet(self, counter, now):
        return bytes.fromhex(self.say("packet", counter, now))

    def open(self, packet, now):
        event, status = self.say("open", packet, now).split()
        return int(event), int(status, 16)

    def state(self):
        words = self.say("state").split(" ", 6)
        return {
            "phase": int(words[0]),
            "sw": words[2],
            "packets": int(words[3]),
            "proved": words[4] == "1",
            "due": int(words[5]),
            "why": words[6] if len(words) > 6 else "",
        }
