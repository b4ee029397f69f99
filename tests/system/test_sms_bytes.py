#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What our bridge writes for the air, decoded by tshark: number, protocol identifier, data coding
and class, user data header, concatenation, and the octets that it puts together of them."""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Skip, binary, run_tests  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
DLT = 147  # of a user: tshark is told that it holds transfer units
NUMBER = "491701234567"
ME, CARD = 0x7D, 0x7F  # data download to the device, to its card
PACKET = bytes(range(256)) * 3  # cut, it has no two equal segments


class Bench:
    """Our writer as a program, and tshark."""

    def __enter__(self):
        if not shutil.which("tshark") or not shutil.which("text2pcap"):
            raise Skip("tshark is not installed")
        self.folder = tempfile.TemporaryDirectory(prefix="lwgate-sms-bytes-")
        self.program = os.path.join(self.folder.name, "peer")
        words = ["cc", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT}", f"-I{ROOT}/gateway"]
        words += ["-o", self.program, os.path.join(HERE, "sms_bytes_peer.c")]
        words += [binary("libpdu.a"), binary("libwire.a"), binary("libbase.a")]
        subprocess.run(words, check=True, timeout=120)
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def units(self, kind, data, pid=ME, dcs=0xF5, marker=0x70, port=0, reference=42, valid_s=0):
        words = [kind, NUMBER, f"{pid:x}", f"{dcs:x}", f"{marker:x}", port, reference, valid_s]
        argv = [self.program, *(str(word) for word in words), data.hex()]
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=DEADLINE_S)
        return [bytes.fromhex(line) for line in done.stdout.decode().split()]

    def tshark(self, kind, units, *words):
        text, pcap = (os.path.join(self.folder.name, name) for name in ("units", "units.pcapng"))
        direction = "I" if kind == "submit" else "O"
        with open(text, "w", encoding="ascii") as f:
            f.writelines(f"{direction}\n0000 {unit.hex(' ')}\n\n" for unit in units)
        run = {"timeout": DEADLINE_S, "stderr": subprocess.DEVNULL}
        words_in = ["text2pcap", "-q", "-D", "-l", str(DLT), text, pcap]
        subprocess.run(words_in, check=True, **run)
        argv = ["tshark", "-n", "-r", pcap, *words]
        argv += ["-o", f'uat:user_dlts:"User 0 (DLT={DLT})","gsm_sms","0","","0",""']
        done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, **run)
        return done.stdout.decode()

    def decode(self, kind, units, *fields):
        """The fields of each unit, as tshark says them; lists, for there may be some of one."""
        words = ["-T", "fields", "-E", "separator=|"]
        for field in ("_ws.malformed", *fields):
            words += ["-e", field]
        said = self.tshark(kind, units, *words)
        lines = [line.split("|") for line in said.splitlines()]
        assert len(lines) == len(units), lines
        assert not [line for line in lines if line[0]], ("malformed", lines)
        return [[value.split(",") if value else [] for value in line[1:]] for line in lines]


def numbers(values):
    return [int(value, 0) for value in values]


def test_a_command_packet_has_its_number_protocol_and_class():
    fields = ["gsm_sms.tp-pid", "gsm_sms.tp.pid.message_type", "gsm_sms.tp-dcs"]
    fields += ["gsm_sms.dcs.message_class", "gsm_sms.tp-mti", "gsm_sms.ie_identifier"]
    with Bench() as bench:
        for kind, address in (("submit", "gsm_sms.tp-da"), ("deliver", "gsm_sms.tp-oa")):
            for pid, dcs, what in ((ME, 0xF5, 1), (CARD, 0xF6, 2)):
                units = bench.units(kind, PACKET[:100], pid=pid, dcs=dcs)
                (seen,) = bench.decode(kind, units, address, *fields)
                assert seen[0] == [NUMBER], seen
                mti = 1 if kind == "submit" else 0
                expected = [[pid], [pid & 0x3F], [dcs], [what], [mti], [0x70]]
                assert [numbers(values) for values in seen[1:]] == expected, seen


def test_a_header_is_said_where_there_is_one_and_only_there():
    fields = ["gsm_sms.tp-udhi", "gsm_sms.tp.user_data_length", "gsm_sms.ie_identifier"]
    with Bench() as bench:
        for kind in ("submit", "deliver"):
            for marker, said, length in ((0x70, True, 103), (0x71, True, 103), (0, False, 100)):
                units = bench.units(kind, PACKET[:100], marker=marker)
                ((header, size, names),) = bench.decode(kind, units, *fields)
                assert header[0] in (("1", "True") if said else ("0", "False")), header
                assert numbers(size) == [length], size
                assert numbers(names) == ([marker] if said else []), names


def test_segments_are_put_together_to_what_was_cut():
    fields = ["gsm_sms.udh.mm.msg_id", "gsm_sms.udh.mm.msg_parts", "gsm_sms.udh.mm.msg_part"]
    fields += ["gsm_sms.ie_identifier", "gsm_sms.reassembled.length", "gsm_sms.sms_body"]
    with Bench() as bench:
        for kind in ("submit", "deliver"):
            for length, count in ((138, 2), (266, 2), (267, 3), (300, 3), (768, 6)):
                units = bench.units(kind, PACKET[:length], reference=0x12C8)
                assert len(units) == count, len(units)
                seen = bench.decode(kind, units, *fields)
                for i, (reference, total, part, names, _, _) in enumerate(seen):
                    assert numbers(reference + total + part) == [0xC8, count, i + 1], seen[i]
                    # The marker is in the first only, behind the concatenation (TS 31.115 4.3).
                    assert numbers(names) == ([0, 0x70] if i == 0 else [0]), seen[i]
                assert numbers(seen[-1][4]) == [length], seen[-1]
                whole = seen[-1][5][0].replace(":", "")
                assert whole == PACKET[:length].hex(), whole


def test_a_port_is_in_each_segment():
    fields = ["gsm_sms.ie_identifier", "gsm_sms.destination_port"]
    with Bench() as bench:
        units = bench.units("submit", PACKET[:300], marker=0, dcs=0x15, port=5683)
        for names, port in bench.decode("submit", units, *fields):
            assert numbers(names) == [0, 5], names
            assert numbers(port) == [5683], port


def test_validity_is_relative_and_long_enough():
    minute, hour, day, week = 60, 3600, 86400, 604800
    rows = [(1, "10 minutes"), (15 * minute, "15 minutes")]
    rows += [(12 * hour, "12 hours 0 minutes"), (12 * hour + 1, "12 hours 30 minutes")]
    rows += [(day, "24 hours 0 minutes"), (day + 1, "2 day(s)"), (30 * day, "30 day(s)")]
    rows += [(30 * day + 1, "5 week(s)"), (63 * week, "63 week(s)"), (0, None)]
    with Bench() as bench:
        for valid_s, period in rows:
            units = bench.units("submit", PACKET[:20], valid_s=valid_s)
            said = bench.tshark("submit", units, "-O", "gsm_sms")
            seen = re.findall(r"TP-Validity-Period: (.*)", said)
            assert seen == ([period] if period else []), (valid_s, seen)
            assert "TP-User-Data-Length: (23)" in said and "Malformed" not in said, said


if __name__ == "__main__":
    run_tests(
        [
            test_a_command_packet_has_its_number_protocol_and_class,
            test_a_header_is_said_where_there_is_one_and_only_there,
            test_segments_are_put_together_to_what_was_cut,
            test_a_port_is_in_each_segment,
            test_validity_is_relative_and_long_enough,
        ]
    )
