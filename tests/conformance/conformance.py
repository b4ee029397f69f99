#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Counts which requirements have a test: `make conformance`, and a part of `make check`.

usage: tests/conformance/conformance.py [--tap] [--all]

rows.txt has the requirements, an area a section. A test holds a row when its name says the row's
number (test_R122_..., R-122 in a name that a program prints). tests/conformance.md has a line for
each row that has no test, and says why. Prints covered / total of each area and what is missing
(--all: of the areas, too, whose time has not come).

Where tests/run tells, in the file that RESULTS names, what has passed and what was skipped, a test
that did neither counts for nothing.

Status 1: a row of an area that is due has neither test nor line; a line is stale; a test names a
row that there is not.
"""

import ast
import collections
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
AREA = re.compile(r"^([A-Z]) (now|later) (.+)$")
ROW = re.compile(r"^R-(\d{3}) (.+)$")
LINE = re.compile(r"^- R-(\d{3}): (.+)$")
NUMBER = re.compile(r"(?<![A-Za-z0-9])R_?-?(\d{3})(?![0-9])")
RANGE = re.compile(r"(?<![A-Za-z0-9])R(\d{3})_to_R(\d{3})(?![0-9])")
C_TEST = re.compile(r"^static void (test_\w+)\(\s*void \*\*\w+\)", re.M)

Area = collections.namedtuple("Area", "letter due title rows")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def read_rows():
    areas = []
    for number, line in enumerate(read(os.path.join(HERE, "rows.txt")).splitlines(), 1):
        area, row = AREA.match(line), ROW.match(line)
        if area:
            areas.append(Area(area[1], area[2] == "now", area[3], {}))
        elif row and areas and not any(row[1] in a.rows for a in areas):
            areas[-1].rows[row[1]] = row[2]
        elif line and not line.startswith("#"):
            sys.exit(f"rows.txt:{number}: not understood, or twice: {line}")
    return areas


def read_lines():
    found = LINE.finditer
    text = read(os.path.join(TESTS, "conformance.md"))
    return {m[1]: m[2] for line in text.splitlines() for m in found(line)}


def python_tests(text):
    return [
        node.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]


def tests_in_tree(*below):
    """The names of all tests; a C test that no list has is a compiler's error."""
    names = []
    for folder, _, files in os.walk(os.path.join(TESTS, *below)):
        for file in files:
            path = os.path.join(folder, file)
            if file.endswith(".c"):
                names += C_TEST.findall(read(path))
            elif file.endswith(".py"):
                names += python_tests(read(path))
    return names


def numbers(names):
    """What the names say: R122, R-122, R032_to_R037."""
    found = {n for name in names for n in NUMBER.findall(name)}
    for first, last in (pair for name in names for pair in RANGE.findall(name)):
        found |= {f"{n:03}" for n in range(int(first), int(last) + 1)}
    return found


def read_results():
    """What this run has passed and skipped; None: nobody tells."""
    path = os.environ.get("RESULTS")
    if not path:
        return None
    passed, skipped = set(), set()
    for line in read(path).splitlines():
        verdict, _, name = line.partition("\t")
        (passed if verdict == "passed" else skipped).add(name)
    return numbers(passed), numbers(skipped)


class Count:
    def __init__(self):
        self.areas, self.lines = read_rows(), read_lines()
        self.named = numbers(tests_in_tree())
        self.due = numbers(tests_in_tree("unit") + tests_in_tree("system"))
        results = read_results()
        self.held, self.skipped = results if results else (self.named, set())
        self.rows = {n for a in self.areas for n in a.rows}

    def missing(self, area):
        """Rows that nothing in the tree names, and no line explains."""
        return [n for n in area.rows if n not in self.named | self.held and n not in self.lines]

    def unheld(self):
        """Rows whose tests are part of each run, but have not passed in this one."""
        return sorted(self.rows & self.due - self.held - self.skipped)

    def stale(self):
        return sorted(n for n in self.lines if n in self.named or n not in self.rows)

    def unknown(self):
        return sorted(self.named - self.rows)

    def checks(self):
        for area in self.areas:
            if area.due:
                yield f"area {area.letter}: every row has a test or a reason", self.missing(area)
        yield "what has a test has no line in conformance.md", self.stale()
        yield "no test names a row that there is not", self.unknown()
        yield "what has a test was held to it in this run", self.unheld()

    def table(self):
        for area in self.areas:
            held = sum(n in self.held for n in area.rows)
            told = sum(n in self.lines for n in area.rows)
            due = f"{told:2} explained" if area.due else "later       "
            yield f"{area.letter} {held:3}/{len(area.rows):<3} {due}  {area.title}"
        held = sum(n in self.held for n in self.rows)
        yield f"  {held:3}/{len(self.rows)}"


def say_tap(count):
    good = True
    for number, (what, bad) in enumerate(count.checks(), 1):
        print(
            f"{'not ' if bad else ''}ok {number} - {what}"
            + " ".join(["", *(f"R-{n}" for n in bad)])
        )
        good = good and not bad
    print(f"1..{len(list(count.checks()))}")
    for line in count.table():
        print(f"#| {line}")
    return good


def say(count, everything):
    for line in count.table():
        print(line)
    for area in count.areas:
        missing = count.missing(area)
        if missing and (area.due or everything):
            print(f"\n{area.letter}: neither test nor reason" + ("" if area.due else " yet"))
            print("\n".join(f"  R-{n} {area.rows[n]}" for n in missing))
    failed = [(what, bad) for what, bad in count.checks() if bad]
    for what, bad in failed:
        if not what.startswith("area"):
            print(f"\nnot so: {what}: " + " ".join(f"R-{n}" for n in bad))
    return not failed


def main(arguments):
    count = Count()
    good = say_tap(count) if "--tap" in arguments else say(count, "--all" in arguments)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
