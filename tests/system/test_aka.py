#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab's AKA against the test data of TS 35.207 and TS 35.208 and against osmo-auc-gen
(libosmocore), and its derivation of GBA keys against the openssl program."""

import concurrent.futures
import json
import os
import random
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(1, os.path.join(HERE, "..", "lab"))
import aka  # noqa: E402
import bsf_gpi  # noqa: E402
import usim  # noqa: E402
from aka import Milenage, Refused  # noqa: E402
from harness import Skip, run_tests  # noqa: E402

DATA = os.path.join(HERE, "..", "data", "aka")
SETS = int(os.environ.get("AKA_SETS", "1000"))
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))
IMPI = "001010123456789@ims.mnc001.mcc001.3gppnetwork.org"
NAF = aka.naf_id("lwm2m.example", bytes.fromhex("0100000005"))


def sets(name):
    with open(os.path.join(DATA, name), encoding="ascii") as f:
        return json.load(f)["sets"]


def octets(row):
    return {k: bytes.fromhex(v) for k, v in row.items() if k not in ("id", "source")}


def refused(call, kind=Refused):
    try:
        call()
    except kind as why:
        return why
    raise AssertionError("it was taken")


def test_the_sets_of_the_standard():
    rows = sets("milenage.json")
    assert len(rows) == 21
    for row in rows:
        s = octets(row)
        m = Milenage(s["k"], Milenage.opc_of(s["k"], s["op"]))
        got = {
            "opc": m.opc,
            "mac_a": m.f1(s["rand"], s["sqn"], s["amf"]),
            "mac_s": m.f1_star(s["rand"], s["sqn"], s["amf"]),
            "res": m.f2(s["rand"]),
            "ck": m.f3(s["rand"]),
            "ik": m.f4(s["rand"]),
            "ak": m.f5(s["rand"]),
            "ak_star": m.f5_star(s["rand"]),
        }
        for name, value in got.items():
            assert value == s[name], (row["id"], name, value.hex(), row[name])
        print(f"# {row['id']}: {row['source']}")


def auc(*words):
    done = subprocess.run(
        ["osmo-auc-gen", "-3", "-a", "MILENAGE", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise AssertionError(f"osmo-auc-gen {words}: {done.stderr}{done.stdout}")
    said = {}
    for line in done.stdout.splitlines():
        name, _, value = line.partition(":")
        said[name.strip()] = value.strip().replace(" ", "")
    return said


def with_osmo():
    if not shutil.which("osmo-auc-gen"):
        raise Skip("osmo-auc-gen is not here (Debian: libosmocore-utils)")
    return random.Random(SEED)


def in_threads(work, rows):
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        return sum(pool.map(work, rows))


def osmo_vector(row):
    k, opc, rand, sqn, amf = row
    m = Milenage(k, opc)
    words = ["-k", k.hex(), "-o", opc.hex(), "-r", rand.hex(), "-f", amf.hex(), "-s", str(sqn)]
    said = auc(*words)
    v = aka.vector(m, rand, sqn, amf)
    ours = {"AUTN": v.autn, "IK": v.ik, "CK": v.ck, "RES": v.xres}
    for name, value in ours.items():
        assert said[name].lower() == value.hex(), (row, name, said)
    return 1


def test_osmo_auc_gen_makes_the_same_vectors():
    luck = with_osmo()
    rows = []
    for _ in range(SETS):
        k, opc, rand = (luck.randbytes(16) for _ in range(3))
        rows.append((k, opc, rand, luck.randrange(1, 1 << 48), luck.randbytes(2)))
    print(f"# seed {SEED}: {in_threads(osmo_vector, rows)} sets agree")


def osmo_resync(row):
    k, opc, rand, sqn_ms = row
    m = Milenage(k, opc)
    auts = aka.auts(m, rand, sqn_ms)
    assert aka.read_auts(m, rand, auts) == sqn_ms
    words = ["-k", k.hex(), "-o", opc.hex(), "-r", rand.hex(), "-A", auts.hex(), "-i", "1"]
    said = auc(*words)
    assert int(said["SQN.MS"]) == sqn_ms, (row, said)
    # What it makes of it is what our USIM takes.
    known = aka.Sequence([sqn_ms >> aka.IND_BITS] * aka.IND_COUNT)
    assert known.take(int(said["SQN"])), (row, said)
    return 1


def test_osmo_auc_gen_reads_our_AUTS():
    luck = with_osmo()
    rows = [
        (*(luck.randbytes(16) for _ in range(3)), luck.randrange(1, 1 << 40))
        for _ in range(max(1, SETS // 5))
    ]
    print(f"# seed {SEED}: {in_threads(osmo_resync, rows)} resynchronisations agree")


def openssl_mac(key, text):
    done = subprocess.run(
        ["openssl", "mac", "-digest", "SHA256", "-macopt", "hexkey:" + key.hex(), "HMAC"],
        input=text,
        capture_output=True,
        check=True,
    )
    return bytes.fromhex(done.stdout.decode().strip())


def by_hand(label, rand, impi, naf):
    """S as a shell script would write it, field by field."""
    return b"".join(
        (
            b"\x01",
            *(
                piece + bytes([len(piece) >> 8, len(piece) & 0xFF])
                for piece in (label, rand, impi.encode("utf-8"), naf)
            ),
        )
    )


def test_keys_of_GBA_are_those_that_openssl_derives():
    for row in sets("gba.json"):
        ks, rand = bytes.fromhex(row["ks"]), bytes.fromhex(row["rand"])
        naf = aka.naf_id(row["naf_fqdn"], bytes.fromhex(row["ua_security_protocol_id"]))
        assert naf.hex() == row["naf_id"]
        s = by_hand(row["p0"].encode(), rand, row["impi"], naf)
        assert (
            s.hex() == row["s"] == aka.kdf_input(row["p0"].encode(), rand, row["impi"], naf).hex()
        )
        got = aka.ks_naf(ks, rand, row["impi"], naf, in_uicc=row["p0"] == "gba-u")
        assert got.hex() == row["ks_naf"], row["id"]
        assert got == openssl_mac(ks, s), row["id"]
    luck = random.Random(SEED)
    for _ in range(50):
        ks, rand = luck.randbytes(32), luck.randbytes(16)
        impi = "é" * luck.randrange(200) + f"{luck.random()}@example"
        for in_uicc, label in ((False, b"gba-me"), (True, b"gba-u")):
            got = aka.ks_naf(ks, rand, impi, NAF, in_uicc)
            assert got == openssl_mac(ks, by_hand(label, rand, impi, NAF)), SEED
            kic, kid = aka.sms_keys(got)
            assert kic == openssl_mac(got, b"DMBEK")[:16] and kid == openssl_mac(got, b"DMBIK")[:16]


def test_21_octets_become_a_key_of_3DES():
    luck = random.Random(SEED)
    for _ in range(200):
        octets_in = luck.randbytes(21)
        key = aka.with_parity(octets_in)
        assert len(key) == 24 and all(bin(o).count("1") % 2 for o in key)
        text = "".join(f"{o >> 1:07b}" for o in key)
        assert text == "".join(f"{o:08b}" for o in octets_in)
    kic, kid = aka.sms_keys(bytes(32), triple_des=True)
    assert kic == aka.with_parity(openssl_mac(bytes(32), b"DMBEK")[:21])
    assert kid == aka.with_parity(openssl_mac(bytes(32), b"DMBIK")[:21])


# --- the USIM


def subscriber(luck):
    k, opc = luck.randbytes(16), luck.randbytes(16)
    return Milenage(k, opc), usim.Usim(IMPI, k, opc)


def test_a_USIM_takes_each_challenge_once():
    luck = random.Random(SEED)
    home, card = subscriber(luck)
    sqn, last = 0, None
    for _ in range(100):
        sqn = aka.next_sqn(sqn)
        v = aka.vector(home, luck.randbytes(16), sqn, usim.AUTH_AMF)
        ck, ik, got = card.authenticate(v.rand, v.autn)
        assert (ck, ik, got) == (v.ck, v.ik, sqn)
        for again in filter(None, (v, last)):
            out = refused(lambda a=again: card.authenticate(a.rand, a.autn), usim.OutOfSync)
            assert aka.read_auts(home, again.rand, out.auts) == sqn
        last = v


def test_challenges_of_other_slots_may_be_late():
    luck = random.Random(SEED)
    home, card = subscriber(luck)
    made, sqn = [], 0
    for _ in range(aka.IND_COUNT):
        sqn = aka.next_sqn(sqn)
        made.append(aka.vector(home, luck.randbytes(16), sqn, usim.AUTH_AMF))
    luck.shuffle(made)
    for v in made:
        card.authenticate(v.rand, v.autn)
    for v in made:
        refused(lambda a=v: card.authenticate(a.rand, a.autn), usim.OutOfSync)


def test_what_is_not_authentic_changes_nothing():
    luck = random.Random(SEED)
    home, card = subscriber(luck)
    sqn = aka.next_sqn(0)
    for uicc in (False, True):
        sqn = aka.next_sqn(sqn)
        v = aka.vector(home, luck.randbytes(16), sqn, usim.AUTH_AMF)
        autn = aka.autn_star(v.autn, v.ik) if uicc else v.autn
        for bit in range(128):
            bad = aka.xor(autn, (1 << bit).to_bytes(16, "big"))
            why = refused(lambda b=bad, r=v.rand, u=uicc: card.authenticate(r, b, u))
            assert not isinstance(why, usim.OutOfSync), bit
        refused(lambda a=autn, r=v.rand, u=not uicc: card.authenticate(r, a, u))
        assert card.authenticate(v.rand, autn, uicc)[2] == sqn, "the good one is still good"


def test_AUTN_of_GBA_U():
    luck = random.Random(SEED)
    for _ in range(20):
        autn, ik = luck.randbytes(16), luck.randbytes(16)
        done = subprocess.run(
            ["openssl", "dgst", "-sha1", "-binary"], input=ik, capture_output=True, check=True
        )
        assert aka.autn_star(autn, ik) == autn[:8] + aka.xor(autn[8:], done.stdout[:8])


def test_a_home_that_has_lost_its_SQN_comes_back():
    luck = random.Random(SEED)
    home, card = subscriber(luck)
    ahead = 5000 << aka.IND_BITS
    card.sequence = aka.Sequence([5000] * aka.IND_COUNT)
    for sqn_he in (0, 40, ahead - 64, ahead + (aka.DELTA + 7 << aka.IND_BITS)):
        v = aka.vector(home, luck.randbytes(16), aka.next_sqn(sqn_he), usim.AUTH_AMF)
        out = refused(lambda a=v: card.authenticate(a.rand, a.autn), usim.OutOfSync)
        sqn_ms = aka.read_auts(home, v.rand, out.auts)
        bad = out.auts[:-1] + bytes([out.auts[-1] ^ 1])
        refused(lambda r=v.rand, a=bad: aka.read_auts(home, r, a))
        sqn_he = aka.resynchronised(sqn_he, sqn_ms)
        v = aka.vector(home, luck.randbytes(16), aka.next_sqn(sqn_he), usim.AUTH_AMF)
        card.authenticate(v.rand, v.autn)
    # An authentic AUTS that is old does not turn a home back that is ahead.
    assert aka.resynchronised(900 << 5, 800 << 5) == 900 << 5


def push_info(home, sqn, luck, uicc=False, until=2000, **other):
    v = aka.vector(home, luck.randbytes(16), sqn, usim.AUTH_AMF)
    fields = {
        bsf_gpi.RAND: v.rand,
        bsf_gpi.AUTN: aka.autn_star(v.autn, v.ik) if uicc else v.autn,
        bsf_gpi.NAF_ID: NAF,
        bsf_gpi.P_TID: b"p@lwm2m.example",
        bsf_gpi.UNTIL: until.to_bytes(8, "big"),
        bsf_gpi.UICC: bytes([uicc]),
        **other,
    }
    return v, bsf_gpi.write(v.ks, {k: x for k, x in fields.items() if x is not None})


def test_push_info_gives_both_sides_the_same_keys():
    luck = random.Random(SEED)
    home, card = subscriber(luck)
    sqn = 0
    for uicc in (False, True):
        sqn = aka.next_sqn(sqn)
        v, gpi = push_info(home, sqn, luck, uicc)
        agreed = card.push(gpi, now=1000)
        assert agreed.me_key == aka.ks_naf(v.ks, v.rand, IMPI, NAF)
        assert agreed.uicc_key == (aka.ks_naf(v.ks, v.rand, IMPI, NAF, True) if uicc else b"")
        assert agreed.secret == (agreed.uicc_key if uicc else agreed.me_key)
        assert agreed.until == 2000 and agreed.p_tid == "p@lwm2m.example"
        refused(lambda g=gpi: card.push(g, 1000), usim.OutOfSync)


def test_push_info_that_was_altered_uses_up_nothing():
    luck = random.Random(SEED)
    home, card = subscriber(luck)
    v, gpi = push_info(home, aka.next_sqn(0), luck)
    for at in range(len(gpi)):
        bad = gpi[:at] + bytes([gpi[at] ^ 1 << luck.randrange(8)]) + gpi[at + 1 :]
        refused(lambda b=bad: card.push(b, 1000), (Refused, bsf_gpi.Malformed))
    for at in range(len(gpi)):
        refused(lambda b=gpi[:at]: card.push(b, 1000), (Refused, bsf_gpi.Malformed))
    _, over = push_info(home, aka.next_sqn(0), luck, until=999)
    assert "over" in str(refused(lambda: card.push(over, 1000)))
    _, less = push_info(home, aka.next_sqn(0), luck, **{})
    fields, _, _ = bsf_gpi.read(less)
    del fields[bsf_gpi.NAF_ID]
    refused(lambda: card.push(bsf_gpi.write(v.ks, fields), 1000), bsf_gpi.Malformed)
    _, covered, _ = bsf_gpi.read(gpi)
    twice = covered + covered[len(bsf_gpi.HEAD) :][:18]  # RAND, which is the first
    twice += bytes([bsf_gpi.CHECK, bsf_gpi.CHECK_LEN]) + aka.mac(v.ks, b"lab-gpi" + twice)[:8]
    assert "twice" in str(refused(lambda: card.push(twice, 1000), bsf_gpi.Malformed))
    assert card.push(gpi, 1000).sqn == aka.next_sqn(0)


run_tests(
    [
        test_the_sets_of_the_standard,
        test_osmo_auc_gen_makes_the_same_vectors,
        test_osmo_auc_gen_reads_our_AUTS,
        test_keys_of_GBA_are_those_that_openssl_derives,
        test_21_octets_become_a_key_of_3DES,
        test_a_USIM_takes_each_challenge_once,
        test_challenges_of_other_slots_may_be_late,
        test_what_is_not_authentic_changes_nothing,
        test_AUTN_of_GBA_U,
        test_a_home_that_has_lost_its_SQN_comes_back,
        test_push_info_gives_both_sides_the_same_keys,
        test_push_info_that_was_altered_uses_up_nothing,
    ]
)
