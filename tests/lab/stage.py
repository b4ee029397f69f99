# SPDX-License-Identifier: Apache-2.0
"""The programs of a lab, and their lines in the order in which they come."""

import os
import selectors
import subprocess
import time


class Program:
    """A child process whose output is read as it comes."""

    def __init__(self, lab, name, *arguments):
        self.name = name
        self.process = subprocess.Popen(
            [os.path.join(lab.build, name), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=lab.folder,
        )
        self.summary = None
        self.complaints = []

    def order(self, word):
        try:
            self.process.stdin.write(word.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended; its exit status tells


class Failure(Exception):
    pass


class Stage:
    """Runs the programs and hands out their lines, in the order in which they come."""

    def __init__(self, lab):
        self.lab, self.programs = lab, []
        self.selector = selectors.DefaultSelector()
        self.logs = {}
        self.tails = {}
        self.deadline = time.monotonic() + lab.limit_s

    def start(self, name, *arguments):
        program = Program(self.lab, name, *arguments)
        self.programs.append(program)
        # For LAB_KEEP=1.
        self.logs[program] = open(
            os.path.join(self.lab.folder, f"{len(self.programs)}-{name}.log"), "w", encoding="utf-8"
        )
        for stream in (program.process.stdout, program.process.stderr):
            os.set_blocking(stream.fileno(), False)
            self.selector.register(stream, selectors.EVENT_READ, (program, stream))
            self.tails[stream] = b""
        return program

    def lines(self, wait_s):
        """Yields (program, is_stderr, line) for what comes within wait_s; "" at a stream's end."""
        for key, _ in self.selector.select(max(0, wait_s)):
            program, stream = key.data
            block = stream.read(65536)
            if not block:
                self.selector.unregister(stream)
                yield program, stream is program.process.stderr, ""
                continue
            *whole, self.tails[stream] = (self.tails[stream] + block).split(b"\n")
            for line in whole:
                yield program, stream is program.process.stderr, line.decode("utf-8", "replace")

    def until(self, done, take, what):
        """Takes lines until done(); wakes every 50 ms so that done() may look at the clock."""
        while not done():
            if time.monotonic() > self.deadline:
                raise Failure(f"{what}: not within {self.lab.limit_s:.0f} s")
            for program, is_error, line in self.lines(0.05):
                if line:
                    self.logs[program].write(f"{time.monotonic():.3f} {line}\n")
                    take(program, is_error, line)

    def end(self):
        for program in self.programs:
            if program.process.poll() is None:
                program.process.kill()
            program.process.wait()
            self.logs[program].close()
            for stream in (program.process.stdin, program.process.stdout, program.process.stderr):
                stream.close()
