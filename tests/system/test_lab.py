#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab, small: every device registers, and every operation of the server is answered."""

import lab_as_tap

lab_as_tap.run(LAB_DEVICES="50", LAB_S="8", LAB_IMPAIR="0")
