#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab, small, with four devices more that are reached by short messages only."""

import lab_as_tap

lab_as_tap.run(LAB_DEVICES="20", LAB_S="8", LAB_IMPAIR="0", LAB_SMS="1")
