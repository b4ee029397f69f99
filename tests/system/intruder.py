# SPDX-License-Identifier: Apache-2.0
"""One who has taken over a thread of a daemon: it hangs, or makes a system call of his choice."""

import ctypes
import os
import platform
import signal
import struct
import time

from harness import DEADLINE_S, Skip

GETREGS, SETREGS, DETACH, SYSCALL, SEIZE, INTERRUPT = (12, 13, 17, 24, 0x4206, 0x4207)
TRACESYSGOOD = 1
WALL = 0x40000000
REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss "
    "fs_base gs_base ds es fs gs"
).split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
BELOW_STACK = 4096  # room for texts, beyond the red zone
LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
LIBC.ptrace.restype = ctypes.c_long


def thread_named(pid, name):
    """A thread names itself when it begins to run."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as f:
                if f.read().strip() == name:
                    return int(tid)
        time.sleep(0.01)
    raise TimeoutError(f"{pid} has no thread {name}")


def ptrace(what, tid, address=None, data=None):
    if LIBC.ptrace(what, tid, address, data) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Hung:
    """with Hung(tid): that thread stands still, all others go on."""

    def __init__(self, tid):
        self.tid = tid

    def __enter__(self):
        try:
            ptrace(SEIZE, self.tid, None, TRACESYSGOOD)
        except OSError as why:
            raise Skip(f"a thread cannot be stopped here: {why}") from why
        ptrace(INTERRUPT, self.tid)
        os.waitpid(self.tid, WALL)
        return self

    def __exit__(self, *error):
        try:
            ptrace(DETACH, self.tid)
        except OSError:
            pass  # it has ended, or was let go


def registers_of(tid):
    area = ctypes.create_string_buffer(8 * len(REGISTERS))
    ptrace(GETREGS, tid, None, ctypes.addressof(area))
    return dict(zip(REGISTERS, struct.unpack(f"{len(REGISTERS)}Q", area.raw)))


def set_registers(tid, values):
    numbers = [values[name] & (1 << 64) - 1 for name in REGISTERS]
    area = ctypes.create_string_buffer(struct.pack(f"{len(REGISTERS)}Q", *numbers))
    ptrace(SETREGS, tid, None, ctypes.addressof(area))


def step(tid):
    """To the beginning or the end of a system call, or to a signal; which signal."""
    ptrace(SYSCALL, tid)
    status = os.waitpid(tid, WALL)[1]
    assert os.WIFSTOPPED(status), status
    return os.WSTOPSIG(status)


def place(tid, values, arguments):
    """Texts go below the stack: the arguments as numbers."""
    at, numbers = values["rsp"] - BELOW_STACK, []
    with open(f"/proc/{tid}/mem", "r+b", buffering=0) as memory:
        for argument in arguments:
            if isinstance(argument, str):
                memory.seek(at)
                memory.write(argument.encode() + b"\0")
                numbers.append(at)
                at += 1024
            else:
                numbers.append(argument)
    return numbers


def call(tid, number, *arguments):
    """What the system call returned to the thread. Where a filter trapped it, that is nothing of
    use, and the thread goes on to its signal."""
    if platform.machine() != "x86_64":
        raise Skip("the registers of x86-64 are wanted")
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        with Hung(tid):
            before = registers_of(tid)
            with open(f"/proc/{tid}/mem", "rb", buffering=0) as memory:
                memory.seek(before["rip"] - 2)
                waits = memory.read(2) == b"\x0f\x05"  # in a system call: there it is made again
            if not waits:
                continue
            now = dict(before, rip=before["rip"] - 2, rax=number, orig_rax=-1)
            now.update(zip(ARGUMENTS, place(tid, before, arguments)))
            set_registers(tid, now)
            if step(tid) == signal.SIGSYS or step(tid) == signal.SIGSYS:
                ptrace(DETACH, tid, None, signal.SIGSYS)
                return None
            result = registers_of(tid)["rax"]
            set_registers(tid, dict(before, rax=-4, orig_rax=-1))  # EINTR: it waits again
            return result - (1 << 64) if result >> 63 else result
    raise TimeoutError("it is never in a system call")
