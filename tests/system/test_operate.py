#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make soak, small: upgrades in place, an interface that goes down, files that are rotated, and no
exchange is lost."""

import os

import lab_as_tap

if os.geteuid() != 0:
    print("ok 1 - operate # SKIP not root: it makes network namespaces of its own\n1..1")
else:
    lab_as_tap.run(
        "soak/operate",
        SOAK_MIN="0.6",
        DEVICES="200",
        LOAD="100",
        UPGRADE_S="12",
        DOWN_S="15",
        ROTATE_S="8",
    )
