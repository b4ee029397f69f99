#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the documents name is there: files, folders, tests and their requirements, targets of make,
man pages; and the rooms of ARCHITECTURE.md are those of the Makefile, with the same arrows."""

import glob
import os
import re
import sys

sys.dont_write_bytecode = True
from harness import run_tests  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.abspath(os.path.join(HERE, "..", ".."))
PARTS = ("gateway", "proxy", "store", "policy", "sms-bridge", "tests", "deploy")
# Where a path that a document names may begin.
BELOW = ("", "gateway", "sms-bridge", "deploy", "tests")
SYSTEM = {"systemd.exec", "sd_listen_fds", "sd_notify", "systemd-machine-id-setup", "openssl-kdf"}


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as f:
        return f.read()


def documents():
    found = [p for p in os.listdir(TREE) if p.endswith(".md")]
    for part in ("tests", "deploy"):
        found += glob.glob(part + "/**/*.md", root_dir=TREE, recursive=True)
    assert len(found) >= 10, found
    return found


def prose(path):
    """Without blocks of code: in these, paths are an operator's."""
    return re.sub(r"^```.*?^```", "", read(path), flags=re.DOTALL | re.MULTILINE)


def is_there(path, document):
    """As it stands, or as a room's file without its suffix."""
    for start in (*BELOW, os.path.dirname(document)):
        whole = os.path.join(TREE, start, path.rstrip("/"))
        if glob.glob(whole) or os.path.exists(whole + ".c") or os.path.exists(whole + ".h"):
            return True
    return False


def names_a_path(word):
    if re.search(r"[<>$…=(){}\[\]\"]|://|\.\.\.", word) or word.startswith(("/", "build/")):
        return False
    first = word.split("/")[0]
    rooms = set(os.listdir(os.path.join(TREE, "gateway")) + os.listdir(TREE) + list(PARTS))
    return "/" in word and first in rooms | set(os.listdir(os.path.join(TREE, "sms-bridge")))


def test_paths_that_are_named_are_there():
    seen = 0
    for document in documents():
        for words in re.findall(r"`([^`\n]+)`", prose(document)):
            for word in words.split()[:1]:
                if names_a_path(word):
                    seen += 1
                    assert is_there(word, document), (document, word)
    assert seen > 150, seen


def test_links_lead_somewhere():
    seen = 0
    for document in documents():
        for target in re.findall(r"\]\(([^)#\s]+)\)", prose(document)):
            if "://" not in target:
                seen += 1
                path = os.path.join(TREE, os.path.dirname(document), target)
                assert os.path.exists(path), (document, target)
    assert seen > 10, seen


def test_tests_that_are_named_are_there():
    seen = 0
    for document in documents():
        for name, rows in re.findall(r"`(test_[a-z0-9_]+)`((?:,? [RIS]\d+\b)*)", prose(document)):
            path = f"tests/system/{name}.py"
            assert os.path.exists(os.path.join(TREE, path)), (document, name)
            text = read(path)
            for row in re.findall(r"[RIS]\d+", rows):
                seen += 1
                assert re.search(rf"_{row}_", text), (document, name, row)
    assert seen > 10, seen


def test_targets_of_make_that_are_named_are_there():
    targets = set(
        re.findall(r"^([a-z][a-z0-9-]*(?: [a-z][a-z0-9-]*)*):", read("Makefile"), re.MULTILINE)
    )
    known = {word for line in targets for word in line.split()}
    known |= {
        "bench-" + os.path.basename(p) for p in glob.glob(os.path.join(TREE, "tests/bench/*"))
    }
    pages = glob.glob("deploy/man/*", root_dir=TREE)
    seen = 0
    for document in [*documents(), *pages]:
        text = read(document)
        for target in re.findall(
            r"`make (?:[A-Z_]+=[^\s`]* )*([a-z][a-z0-9-]*[a-z0-9])(?![-A-Za-z])", text
        ):
            seen += 1
            assert target in known, (document, target)
    assert seen > 20, seen


def test_man_pages_that_are_named_are_there():
    ours = {os.path.basename(p) for p in glob.glob(os.path.join(TREE, "deploy/man/*"))}
    seen = 0
    for path in [*documents(), *glob.glob("deploy/man/*", root_dir=TREE)]:
        text = read(path).replace("\\-", "-")
        for name, section in re.findall(r"\b([a-z][a-z0-9_.-]+) ?\(([1-8])\)", text):
            if name.startswith("lwgate"):
                seen += 1
                assert f"{name}.{section}" in ours, (path, name, section)
            elif path.startswith("deploy/man") and section in "1578":
                assert name in SYSTEM, (path, name, section)
    assert seen > 50, seen


def rooms_of_the_makefile():
    """{room: the rooms that its archive is linked with}"""
    text = read("Makefile")
    need = {}
    for room in re.search(r"^ROOMS := (.*)$", text, re.MULTILINE)[1].split():
        words = re.search(rf"^NEED_{room} :=(.*)$", text, re.MULTILINE)[1]
        words = words.replace("$(NEED_gateway)", " ".join(need.get("gateway", [])))
        need[room] = set(words.split())
    del need["lab"]  # of the tests
    return need


def rooms_of_the_document():
    """[(room, what its row says that it may call)]"""
    rows = []
    for names, may in re.findall(
        r"^\| (`[^|]+`) \| [^|]+ \| ([^|]+) \|$", read("ARCHITECTURE.md"), re.MULTILINE
    ):
        for name in re.findall(r"`([^`]+)`", names):
            if name not in ("tests", "deploy"):
                rows.append((name.rsplit("/", 1)[-1], may))
    return rows


def test_rooms_and_arrows_are_those_of_the_makefile():
    need, called, above = rooms_of_the_makefile(), {}, []
    for room, may in rooms_of_the_document():
        if room not in need:
            continue  # another table of the page
        named = re.sub(r"\([^)]*\)", "", may.split(";")[0])
        named = named.replace("all of the above", " ".join(above))
        named = named.replace("all of sms-bridge", "wire pdu smpp modem")
        named = named.replace("all below it", " ".join(need["gateway"]))
        words = {w.rsplit("/", 1)[-1] for w in re.split(r"[ ,]+", named)} & set(need)
        called[room] = words.union(*(need[w] for w in words))
        above.append(room)
    assert set(called) == set(need), set(called) ^ set(need)
    for room, words in called.items():
        assert words == need[room], (room, words ^ need[room])


def test_documents_of_the_package_are_there_and_lead_to_each_other():
    shipped = read("deploy/debian/lwgate.docs").split()
    for path in shipped:
        assert os.path.exists(os.path.join(TREE, path)), path
    # Those that a user of the package is sent to; OpenWrt and Docker are for who has the tree.
    for path in shipped:
        for target in re.findall(r"\]\(([^)#\s]+\.md)\)", read(path)):
            whole = os.path.normpath(os.path.join(os.path.dirname(path), target))
            if not re.match(r"deploy/(openwrt|docker)/|ARCHITECTURE", whole):
                assert whole in shipped, (path, whole)


if __name__ == "__main__":
    run_tests([value for name, value in list(globals().items()) if name.startswith("test_")])
