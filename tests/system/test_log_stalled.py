#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whoever reads lwgated's log has stopped reading: devices and operators do not notice, and what
was lost is said afterwards."""

import fcntl
import os
import re
import sys

sys.dont_write_bytecode = True
from harness import Device, Lab, binary, coap_client, run_tests  # noqa: E402

DEVICE = Device("urn:dev:0")
SETTINGS = 'log = { level = "debug"; };\n'


def test_a_log_that_nobody_reads_stops_nobody():
    """A container's log driver that stalls, a journald that is stopped: the pipe is full."""
    with Lab([DEVICE], settings=SETTINGS) as lab:
        assert lab.gateway.stop() == 0
        ours, theirs = os.pipe()
        fcntl.fcntl(theirs, fcntl.F_SETPIPE_SZ, 4096)
        argv = [binary("lwgated"), "-c", lab.path("lwgate.conf")]
        gateway = lab.start(argv, stderr=theirs)
        os.close(theirs)
        lab.until(lambda: lab.ctl("status", check=False).returncode == 0)
        for _ in range(60):
            lab.ctl("reload")
        assert "2.01" in coap_client(lab, DEVICE, "/rd?ep=urn:dev:0&lt=300")
        # A short line may still find room where a long one does not.
        said = os.read(ours, 65536)
        lab.ctl("reload")
        said += os.read(ours, 65536)
        assert re.search(rb"\S+ warn log-lost lines=[1-9]\d* why=", said), said
        assert gateway.stop() == 0
        os.close(ours)


run_tests([test_a_log_that_nobody_reads_stops_nobody])
