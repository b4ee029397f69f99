#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store on another machine (S25). A machine is one by its /etc/machine-id: here each lwgated sees
its own, in a mount namespace."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
from harness import DEADLINE_S, Device, Lab, Skip, run_tests  # noqa: E402

DISK = "any_filesystem = true;"
ID = "/etc/machine-id"
HERE, THERE = "4c0a1f2e93b84d0f8a77c5e1d2036b94\n", "4c0a1f2e93b84d0f8a77c5e1d2036b95\n"
AS_ANOTHER = ["unshare", "-m", "sh", "-c", f'mount --bind "$0" {ID} && exec "$@"']


def need_namespaces():
    done = subprocess.run(
        ["unshare", "-m", "test", "-f", ID],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        raise Skip(f"no mount namespaces, or no {ID}")


def machine(lab, name, text):
    return [*AS_ANOTHER, lab.write("machine-" + name, text, 0o644)]


def end(lab):
    assert lab.gateway.stop() == 0


def start(lab, where):
    lab.launch_gateway(*where)
    lab.gateway.wait_line(" ready ")


def start_claiming(lab, where):
    """As lwgated --claim-store."""
    lab.launch_gateway(*where, "sh", "-c", 'exec "$0" "$@" --claim-store')
    lab.gateway.wait_line(" ready ")


def refused(lab, where):
    lab.launch_gateway(*where)
    status = lab.gateway.child.wait(DEADLINE_S)
    lab.gateway.reader.join(5)
    return status, "\n".join(lab.gateway.lines)


def test_S25_a_store_is_refused_on_another_machine_until_it_has_moved():
    need_namespaces()
    with Lab([Device("urn:dev:one")], upstream=False, store=DISK) as lab:
        end(lab)
        here, there = machine(lab, "here", HERE), machine(lab, "there", THERE)
        start_claiming(lab, here)
        end(lab)
        status, said = refused(lab, there)
        assert status == 1, (status, said)
        assert "works on another machine" in said and "--claim-store" in said, said
        start(lab, here)
        end(lab)
        start_claiming(lab, there)
        end(lab)
        start(lab, there)
        end(lab)
        assert refused(lab, here)[0] == 1


def test_S25_machines_that_cannot_be_told_from_each_other_are_one():
    need_namespaces()
    with Lab([Device("urn:dev:one")], upstream=False, store=DISK) as lab:
        end(lab)
        nobody = machine(lab, "nobody", "uninitialized\n")
        start_claiming(lab, machine(lab, "here", HERE))
        end(lab)
        start(lab, nobody)
        end(lab)
        assert refused(lab, machine(lab, "there", THERE))[0] == 1


def test_S25_an_upgrade_does_not_claim_again():
    need_namespaces()
    with Lab([Device("urn:dev:one")], upstream=False, store=DISK) as lab:
        end(lab)
        start_claiming(lab, machine(lab, "here", HERE))
        lab.ctl("upgrade")
        lab.gateway.wait_line(" ready ")
        with open(f"/proc/{lab.gateway.child.pid}/cmdline", "rb") as f:
            words = f.read().split(b"\0")
        assert b"--claim-store" not in words, words
        assert os.path.basename(words[0]) == b"lwgated", words


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
