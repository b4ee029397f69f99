#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""lwgated, lwgate-smsd and the SMSC are killed (SIGKILL) in any order while messages go both ways:
nothing that a device has said is lost, it goes up once under one message id and is answered once,
and no counter ever leaves with different octets.

Environment: RESTARTS (20), PAUSE "0.3-1.5" seconds between kills, SEED (random)."""

import os
import random
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402
from sms_device import SmsDevice  # noqa: E402
from sms_restarts import Killed  # noqa: E402

RESTARTS = int(os.environ.get("RESTARTS", "20"))
LOW, HIGH = (float(x) for x in os.environ.get("PAUSE", "0.3-1.5").split("-"))
SEED = int(os.environ.get("SEED", random.randrange(1 << 31)))


def test_nothing_is_lost_or_said_twice_when_parts_are_killed():
    print(f"# seed {SEED}, {RESTARTS} kills")
    with Killed([SmsDevice("urn:killed:one", "447700900111")], SEED) as lab:
        lab.begin()
        for _ in range(RESTARTS):
            lab.kill_one(LOW, HIGH)
        lab.end()
        for name, value in lab.judge().items():
            print(f"# {name}: {value}", flush=True)
        assert len(lab.updates) > RESTARTS and sum(lab.kills.values()) == RESTARTS


run_tests([test_nothing_is_lost_or_said_twice_when_parts_are_killed])
