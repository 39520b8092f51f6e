# SPDX-License-Identifier: Apache-2.0
"""The rules of the code's structure that no compiler enforces.

The symbol tests look at a build without sanitizers, whose folder is in $BUILD; they are
skipped without.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted([*ROOT.glob("core/**/*.[ch]"), *ROOT.glob("fs/*.[ch]")])
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
# The one mutable object with static storage: where a process's messages go.
STATIC_OBJECTS = {("fs/log.c", "state")}


def includes(path):
    """What a file includes."""
    return re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(), re.MULTILINE)


def who_includes(pattern, folder):
    """Files below a folder that include something like this."""
    return {str(path.relative_to(ROOT)) for path in SOURCES
            if path.is_relative_to(ROOT / folder)
            and any(re.search(pattern, name) for name in includes(path))}


def test_core_does_not_know_fuse():
    assert who_includes("fuse", "core") == set()
    assert who_includes("^fs/", "core") == set()


def test_libraries_stay_in_their_files():
    assert who_includes("cJSON", ".") == {"core/document.h"}
    assert who_includes("libdeflate", ".") == {"core/crc.c"}
    assert who_includes("nettle", ".") == {"core/digest.c"}
    assert who_includes("xxhash", ".") == {"core/hash.c", "core/layout.c", "core/name.c",
                                           "core/slice.c", "core/xxh128.c"}


def test_fs_uses_the_public_interface():
    known = {name for path in SOURCES if path.is_relative_to(ROOT / "fs")
             for name in includes(path) if name.startswith("core/")}
    assert known == {"core/sft.h", "core/cleanup.h"}  # the latter has no symbols


def test_no_headers_for_everything():
    assert not [path for path in SOURCES
                if re.fullmatch(r"utils?|misc|common|helpers?", path.stem)]


def test_own_header_comes_first():
    for path in SOURCES:
        if path.suffix == ".c" and path.with_suffix(".h").exists():
            assert includes(path)[0] == str(path.with_suffix(".h").relative_to(ROOT)), path


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_sizes(path):
    lines = path.read_text().splitlines()
    assert len(lines) <= FILE_LINES_MAX
    begin = None
    for number, line in enumerate(lines):
        if line == "{":
            begin = number
        elif line == "}" and begin is not None:
            assert number - begin <= FUNCTION_LINES_MAX, f"line {begin}"
            begin = None


def test_paths_in_documents_exist():
    for document in ROOT.glob("*.md"):
        for path in re.findall(r"`((?:core|fs|scripts|tests)/[\w./-]+)`", document.read_text()):
            assert (ROOT / path).exists(), f"{document.name}: {path}"


def objects():
    """The object files of a build, with the sources that they come from."""
    if not os.environ.get("BUILD"):
        pytest.skip("no $BUILD given")
    found = []
    for path in sorted(Path(os.environ["BUILD"]).glob("*/*.p/*.o")):
        folder = path.parent.parent.name
        if folder in ("core", "fs"):
            found.append((path, f"{folder}/{path.stem}".replace("views_", "views/")))
    assert found
    return found


def test_external_symbols_have_prefixes():
    for path, source in objects():
        prefix = "sft_" if source.startswith("core/") else "fs_"
        listing = subprocess.run(["nm", "-g", "--defined-only", path], check=True,
                                 capture_output=True, text=True).stdout
        for line in listing.splitlines():
            name = line.split()[-1]
            assert name.startswith(prefix) or (source, name) == ("fs/main.c", "main"), source


def test_no_mutable_statics():
    for path, source in objects():
        listing = subprocess.run(["objdump", "-t", path], check=True,
                                 capture_output=True, text=True).stdout
        for line in listing.splitlines():
            fields = line.split()
            if " O " in line and re.fullmatch(r"\.(data|bss)(?!\.rel\.ro).*", fields[-3]):
                assert (source, fields[-1]) in STATIC_OBJECTS


def test_tests_named_in_the_readme_exist():
    """Each `file::test` of tests/README.md, so that the table of faults stays true."""
    tests = ROOT / "tests"
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", (tests / "README.md").read_text())
    assert len(named) > 48
    for file, name in named:
        path = tests / file if "/" in file else tests / "mount" / file
        assert re.search(rf"^def {name}\(", path.read_text(), re.MULTILINE), (file, name)
