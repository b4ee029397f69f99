#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab on a bad path (20% loss each way, duplicates, reordering, replays): each exchange
completes or ends in the error that CoAP defines for it."""

import lab_as_tap

lab_as_tap.run(LAB_DEVICES="50", LAB_S="8", LAB_IMPAIR="1")
