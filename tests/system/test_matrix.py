#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Our DTLS engine against other stacks, suite by suite and credential by credential: see
tests/interop/matrix."""

import os
import subprocess
import sys

MATRIX = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "interop", "matrix")

if __name__ == "__main__":
    sys.exit(subprocess.call([MATRIX, "--tap", *sys.argv[1:]]))
