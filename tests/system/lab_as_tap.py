# SPDX-License-Identifier: Apache-2.0
"""Runs tests/lab/lab, or a program like it, with given settings and says its checks as TAP."""

import json
import os
import subprocess
import sys
import tempfile


def run(program="lab/lab", **settings):
    """Ends the program, with 0 when every check holds. settings: LAB_DEVICES=..., LAB_S=..."""
    lab = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", program)
    word = os.path.basename(program)
    with tempfile.TemporaryDirectory(prefix="lwgate-lab-tap-") as folder:
        report = os.path.join(folder, "report.json")
        done = subprocess.run(
            [lab, "--report", report],
            env=dict(os.environ, **settings),
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
        try:
            with open(report, encoding="utf-8") as f:
                checks = json.load(f)
        except OSError:
            checks = [
                {"name": f"it ended with status {done.returncode}", "ok": False, "detail": ""}
            ]
    broken = [c for c in checks if not c["ok"]]
    for number, check in enumerate(checks, 1):
        mark = "ok" if check["ok"] else "not ok"
        detail = "" if check["ok"] else f": {check['detail']}"
        print(f"{mark} {number} - {word}: {check['name']}{detail}")
    print(f"1..{len(checks)}")
    if broken:
        for line in done.stdout.decode("utf-8", "replace").splitlines()[-60:]:
            print(f"# {line}")
    sys.exit(1 if broken or done.returncode != 0 else 0)
