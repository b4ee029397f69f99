#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secured packets by lwgate's code and by another's (sms_packet.py, over python3-cryptography):
what the one seals the other opens, octet by octet, and nothing that was touched. Before that: the
other's own proof, by published vectors."""

import glob
import json
import os
import random
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Process, binary, run_tests  # noqa: E402
from sms_packet import (  # noqa: E402
    AES,
    DES3_3,
    LWM2M_CARD,
    LWM2M_DEVICE,
    SPI1,
    Joiner,
    Keys,
    Wrong,
    checksum,
    cut,
    part,
    seal,
    seal_response,
    unseal,
    unseal_response,
    unwrap,
)

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
SEED = random.randrange(1 << 31)
LENGTHS = [0, 1, 2, 13, 14, 15, 16, 17, 98, 99, 127, 128, 255, 256, 600, 1536]


def vectors():
    """All that are published and all that were generated, of tests/data/sms."""
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", "data", "sms", "*.json"))):
        with open(path, encoding="utf-8") as f:
            book = json.load(f)
        for name in ("independent", "derived", "vectors"):
            yield from book.get(name, [])


def octets(vector, *names):
    return [bytes.fromhex(vector[name]) for name in names]


def keys_of(vector):
    spi = vector["spi"] if "spi" in vector else "00" + vector["spi2"]
    kid = int(vector["kid"], 16)
    return Keys(
        *octets(vector, "kic_key", "kid_key"),
        spi=bytes.fromhex(spi),
        kic=int(vector["kic"], 16),
        kid=kid,
        tar=bytes.fromhex(vector["tar"]),
        cc_len=vector.get("cc_len", len(vector.get("cc", "")) // 2),
        check="" if kid & 15 else "crc32",  # where it is agreed otherwise, it is that
    )


def holds_command(vector):
    keys, counter = keys_of(vector), int(vector["cntr"], 16)
    data, packet = octets(vector, "secured_data", "packet")
    if seal(keys, counter, data) != packet or unseal(keys, packet) != (counter, data):
        return False
    if "coap" in vector and unwrap(data) != bytes.fromhex(vector["coap"]):
        return False
    segments = [bytes.fromhex(text) for text in vector.get("tp_ud_segments", [])]
    if not segments:
        return True
    joiner = Joiner()
    joined = [joiner.take(segment) for segment in reversed(segments)][-1]
    wide = segments[0][1] == 8
    return cut(packet, part(segments[0]).reference, wide=wide) == segments and joined[2] == packet


def holds_response(vector):
    keys, counter = keys_of(vector), int(vector["cntr"], 16)
    data, packet = octets(vector, "secured_data", "packet")
    status = int(vector["status"], 16)
    try:
        opened = unseal_response(keys, packet)
    except Wrong:
        return vector.get("expect") == "cc_mismatch_reject"
    sealed = seal_response(keys, counter, status, data)
    return "expect" not in vector and opened == (counter, status, data) and sealed == packet


def holds_checksum(vector):
    key, message = octets(vector, "kid_key", "message")
    nibble = AES if vector["algorithm"].startswith("AES") else 5
    return checksum(nibble, key, message, 8).hex() == vector["cc"]


def test_the_other_implementation_has_what_others_have_published():
    holds = {"command": holds_command, "response": holds_response, "cc_only": holds_checksum}
    all_of_them = list(vectors())
    assert len(all_of_them) >= 70, len(all_of_them)
    broken = [v["id"] for v in all_of_them if not holds[v["kind"]](v)]
    assert not broken, broken
    print(f"# {len(all_of_them)} vectors, both directions")


def test_the_vectors_of_the_tests_in_C_are_these():
    flatten = os.path.join(ROOT, "tests", "data", "sms", "flatten")
    subprocess.run([sys.executable, flatten, "--check"], check=True, timeout=DEADLINE_S)


class Ours:
    """lwgate's gateway/sms behind a pipe: sms_packet_peer.c."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-sms-packet-")
        program = os.path.join(self.folder.name, "peer")
        prefix = subprocess.run(
            [os.path.join(ROOT, "deploy", "openssl-prefix")],
            stdout=subprocess.PIPE,
            check=True,
            timeout=DEADLINE_S,
        )
        ssl = prefix.stdout.decode().strip()
        words = ["cc", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/gateway"]
        words += ["-o", program, os.path.join(HERE, "sms_packet_peer.c")]
        words += [binary("libsms.a"), binary("libbase.a")]
        words += [f"-L{ssl}/lib", f"-Wl,-rpath,{ssl}/lib"] if ssl else []
        subprocess.run([*words, "-lcrypto"], check=True, timeout=120)
        self.peer = Process([program])
        return self

    def __exit__(self, *_):
        self.peer.kill()
        self.folder.cleanup()

    def obey(self, what, keys, *words):
        """The words of its answer, or None."""
        profile = "cr-004" if keys.tar == LWM2M_DEVICE else "lwm2m-1.0"
        agreed = [profile, *(f"{n:02x}" for n in (keys.spi[1], keys.kic, keys.kid))]
        agreed += [keys.tar.hex(), str(keys.cc_len), (keys.cipher_key + keys.check_key).hex()]
        order = " ".join([what, *agreed, *(str(word) or "." for word in words)])
        self.peer.child.stdin.write(order.encode() + b"\n")
        self.peer.child.stdin.flush()
        answer = self.peer.wait_line(lambda line: True)
        return None if answer == "-" else answer.split(" ")

    def seal(self, keys, counter, data):
        answer = self.obey("seal", keys, counter, data.hex())
        return answer and bytes.fromhex(answer[0])

    def open(self, keys, packet):
        answer = self.obey("open", keys, packet.hex())
        return answer and (int(answer[0]), bytes.fromhex(answer[1].strip(".")))

    def respond(self, keys, counter, status, data):
        answer = self.obey("respond", keys, counter, f"{status:02x}", data.hex())
        return answer and bytes.fromhex(answer[0])

    def response(self, keys, packet):
        answer = self.obey("response", keys, packet.hex())
        if not answer:
            return None
        return int(answer[0]), int(answer[1], 16), bytes.fromhex(answer[2].strip("."))


def agreements(luck):
    """What the profiles allow: algorithms, lengths of keys and of the checksum, both profiles."""
    for tar in (LWM2M_CARD, LWM2M_DEVICE):
        for nibble, length, cc_len in [(AES, 16, 8), (AES, 24, 8), (AES, 32, 8), (AES, 16, 4)]:
            yield Keys(
                luck.randbytes(length),
                luck.randbytes(length),
                spi=bytes([SPI1, luck.choice([0x00, 0x39, 0x3A])]),
                kic=0x10 | nibble,
                kid=0x10 | nibble,
                tar=tar,
                cc_len=cc_len,
            )
        spi = bytes([SPI1, 0x39])
        yield Keys(luck.randbytes(24), luck.randbytes(24), spi, 0x10 | DES3_3, 0x10 | DES3_3, tar)


def test_what_one_seals_the_other_opens():
    luck = random.Random(SEED)
    print(f"# seed {SEED}")
    with Ours() as ours:
        for keys in agreements(luck):
            for length in LENGTHS:
                counter = luck.choice([1, 0xFF, 0x100, 0xFFFFFFFF, (1 << 40) - 1])
                data = luck.randbytes(length)
                packet = seal(keys, counter, data)
                assert ours.seal(keys, counter, data) == packet, (keys, counter, data.hex())
                assert ours.open(keys, packet) == (counter, data), (keys, counter, data.hex())


def test_response_packets_go_both_ways_too():
    luck = random.Random(SEED + 1)
    print(f"# seed {SEED + 1}")
    with Ours() as ours:
        for keys in agreements(luck):
            for spi2 in (0x39, 0x29, 0x19, 0x09, 0x01):
                asked = keys.but(spi=bytes([SPI1, spi2]))
                counter, status = luck.randrange(1 << 40), luck.choice([0, 1, 2, 9])
                data = luck.randbytes(luck.choice([0, 1, 7, 8, 9, 100]))
                packet = seal_response(asked, counter, status, data)
                assert ours.respond(asked, counter, status, data) == packet, (asked, data.hex())
                assert ours.response(asked, packet) == (counter, status, data), asked


def flipped(packet):
    for bit in range(8 * len(packet)):
        octet = bytes([packet[bit // 8] ^ 1 << bit % 8])
        yield packet[: bit // 8] + octet + packet[bit // 8 + 1 :]


def test_what_was_touched_is_opened_by_neither():
    luck = random.Random(SEED + 2)
    with Ours() as ours:
        for keys in agreements(luck):
            packet = seal(keys, 77, luck.randbytes(14))
            assert ours.open(keys, packet)
            others = list(flipped(packet))
            others += [packet[:n] for n in range(len(packet))] + [packet + b"\0", packet * 2]
            # As long as it says it is, but not as it was.
            others += [(n - 2).to_bytes(2, "big") + packet[2:n] for n in range(16, len(packet))]
            for other in others:
                assert ours.open(keys, other) is None, (keys, other.hex())
                try:
                    unseal(keys, other)
                except Wrong:
                    continue
                raise AssertionError(other.hex())


def test_R302_who_knows_the_keys_cannot_choose_something_weaker():
    """Each sealed rightly under what it says, with the right keys."""
    luck = random.Random(SEED + 3)
    keys = Keys(luck.randbytes(16), luck.randbytes(16))
    spare = Keys(luck.randbytes(24), luck.randbytes(24))
    with Ours() as ours:
        for other in [
            *(
                keys.but(spi=bytes([spi1, 0]))
                for spi1 in (0x00, 0x02, 0x06, 0x0E, 0x12, 0x14, 0x1E)
            ),
            keys.but(spi=bytes([0x15, 0]), check="crc32"),
            keys.but(kic=0x22),
            keys.but(kid=0x22),
            keys.but(kic=0x15),
            keys.but(kid=0x15),
            keys.but(cc_len=4),
            keys.but(tar=bytes.fromhex("b20204")),
            keys.but(tar=LWM2M_DEVICE),
            keys.but(cipher_key=spare.cipher_key[:16]),
            keys.but(check_key=spare.check_key[:16]),
        ]:
            packet = seal(other, 5, b"\x05\x04\x40\x01\x12\x34")
            assert unseal(other, packet)[0] == 5
            assert ours.open(keys, packet) is None, other
        for counter in (0, 5, (1 << 40) - 1):
            assert ours.open(keys, seal(keys, counter, b"x")) == (counter, b"x")


def parity(key):
    """The same key for DES, which looks at seven bits of each octet."""
    return bytes(octet ^ 1 for octet in key)


def test_R302_what_a_profile_forbids_is_no_agreement():
    luck = random.Random(SEED + 4)
    good = Keys(luck.randbytes(16), luck.randbytes(16))
    one, two, three = luck.randbytes(8), luck.randbytes(8), luck.randbytes(8)
    des = {"kic": 0x19, "kid": 0x19}
    with Ours() as ours:
        assert ours.seal(good, 1, b"x")
        assert ours.seal(Keys(one + two + three, two + three + one, **des), 1, b"x")
        for bad in [
            good.but(kic=0x15, kid=0x15),
            good.but(kic=0x11, kid=0x11),
            good.but(kic=0x1D, kid=0x12),
            good.but(kic=0x13, kid=0x13),
            good.but(cc_len=0),
            good.but(cc_len=2),
            good.but(tar=bytes.fromhex("bffeff")),
            good.but(cipher_key=one, check_key=two),
            Keys(one + two + one, two + three + one, **des),
            Keys(one + one + two, two + three + one, **des),
            Keys(one + parity(one) + two, two + three + one, **des),
            Keys(one + two + three, two + three + three, **des),
        ]:
            assert ours.seal(bad, 1, b"x") is None, bad


run_tests(
    [
        test_the_other_implementation_has_what_others_have_published,
        test_the_vectors_of_the_tests_in_C_are_these,
        test_what_one_seals_the_other_opens,
        test_response_packets_go_both_ways_too,
        test_what_was_touched_is_opened_by_neither,
        test_R302_who_knows_the_keys_cannot_choose_something_weaker,
        test_R302_what_a_profile_forbids_is_no_agreement,
    ]
)
