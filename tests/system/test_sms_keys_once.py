#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Keys whose time is over, used all the same and as often as one likes: 4.00 each time, and one
question to the BSF in all; of a whole gateway."""

import sys

sys.dont_write_bytecode = True
import sms_coap as coap  # noqa: E402
from harness import run_tests  # noqa: E402
from sms_coap import BAD_REQUEST, CHANGED, CREATED  # noqa: E402
from sms_keyed import PUSH_PORT  # noqa: E402
from sms_keyed_gateway import KeyedGateway, Subscriber, judge  # noqa: E402
from sms_packet import part  # noqa: E402

NUMBER = "447700900121"
# No time of its own brings others: only what is heard does.
RULES = "overlap_s = 3600; rest_s = 3600; most_s = 3600; retry_s = 1; tries = 100;"


def is_push(submit):
    p = part(bytes.fromhex(submit["hex"]))
    return p.port == PUSH_PORT or (p.total > 1 and p.number > 1)


def asked(w, device):
    """By its row, and by the BSF."""
    return w.keys_of(device)["asked"], len(w.bsf.events("asked"))


def test_R315_expired_keys_cause_one_refresh():
    with KeyedGateway([Subscriber(NUMBER)], keys=RULES) as w:
        device = w.devices[0]
        device.until_keys()
        assert device.register().code == CREATED
        device.until_keys(after=1)
        assert device.update().code == CHANGED
        device.until_keys(after=2)
        w.until_state(device, "delivered")
        ended, location = (device.current, device.keys), device.location
        device.deregister()
        w.until_state(device, "expired")
        before, w.network.lossy = asked(w, device), is_push
        device.current, device.keys = ended
        for n in range(5):
            assert device.ask(device.begin(coap.POST, location)).code == BAD_REQUEST
            if n == 0:
                w.until_state(device, "delivered", "fresh")
        assert asked(w, device) == (before[0] + 1, before[1] + 1)
        assert w.status()["sms_old"] >= 5 and w.keys_of(device)["refused"] == 5
        good, w.network.lossy = device.pushes["good"], None
        device.until_keys(after=good)
        assert asked(w, device) == (before[0] + 1, before[1] + 1), "the same ones, once more"
        assert device.register().code == CREATED
        judge(device)


run_tests([test_R315_expired_keys_cause_one_refresh])
