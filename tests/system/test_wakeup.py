#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a wake-up behind a new address costs a device's radio: a short form of tests/bench/wakeup,
whose goals it has: with a connection id one datagram, and no octet more than the id takes."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402

BENCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bench", "wakeup")
LIMIT_S = 300


def test_R159_R281_a_wake_up_with_a_connection_id_is_one_datagram():
    done = subprocess.run(
        [sys.executable, BENCH, "--quick"], capture_output=True, timeout=LIMIT_S, check=False
    )
    text = done.stdout.decode()
    for line in text.splitlines():
        print(("#| " + line[2:]) if line.startswith("# |") else "# " + line)
    assert done.returncode == 0, text[-1000:] + done.stderr.decode()[-2000:]
    assert " MISSED" not in text


if __name__ == "__main__":
    run_tests([test_R159_R281_a_wake_up_with_a_connection_id_is_one_datagram])
