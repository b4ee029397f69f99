#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the server's requests cost a slow radio, with the governor and without: a short form of
tests/bench/radio, on a path that loses nothing and takes longer than the server's first timer."""

import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "radio")


def test_R231_no_copy_of_the_servers_goes_over_a_slow_radio():
    done = subprocess.run(
        [BENCH, "--quick"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=240,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, said
    ethernet, slow = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    for row in ethernet, slow:
        assert row["answered"] == row["asked"], row
    assert ethernet["down"] >= 2 * ethernet["asked"], ethernet
    assert (slow["down"], slow["up"]) == (slow["asked"], slow["asked"]), slow
    assert slow["kept_bytes"] > 0 and ethernet["kept_bytes"] == 0
    assert ethernet["copies inside the timer"] > 0 and slow["copies inside the timer"] == 0
    for row in ethernet, slow:
        assert row["register"] == row["notify"] == {"begun": 5, "answered": 5}, row


if __name__ == "__main__":
    run_tests([test_R231_no_copy_of_the_servers_goes_over_a_slow_radio])
