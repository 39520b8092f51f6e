# SPDX-License-Identifier: Apache-2.0
"""scripts/bench works: every part measures something. How much it measures is nobody's test."""
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from harness import ROOT

PARTS = ["reads", "random", "parallel", "cold", "whole", "sizes", "loaders", "mounts", "headers",
         "lists", "casts", "made", "extract", "growth"]


def bench(*words):
    """Run it as a person does."""
    return subprocess.run([sys.executable, ROOT / "scripts" / "bench", *words], text=True,
                          capture_output=True, check=False, timeout=280)


@pytest.fixture(scope="module")
def build():
    """A release build, which the bench adds its own programs to."""
    path = os.environ.get("BUILD")
    if path is None:
        pytest.skip("no build; name one in $BUILD")
    return Path(path)


@pytest.mark.parametrize("part", PARTS)
def test_part(part, build, fuse, tmp_path):
    """A quick run of each part ends well, and no row but a peer's is without a value."""
    result = bench("--quick", "--build", build, "--scratch", tmp_path, "--svg", tmp_path,
                   "--json", tmp_path / "out.json", part)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    found = json.loads((tmp_path / "out.json").read_text())
    assert found["tables"] and found["machine"][0]
    for table in found["tables"]:
        assert table["title"] in result.stdout
        ours = [row for name, row in table["rows"].items()
                if name.startswith(("safetensorsfs", "mounted", "--extract", "best"))]
        assert all(value and value > 0 for row in ours for value in row["values"])
        assert table["rows"], table["title"]
    pictures = {"sizes": ["reads.svg"], "growth": ["time.svg", "memory.svg"]}.get(part, [])
    for name in pictures:
        root = ET.parse(tmp_path / name).getroot()
        lines = [path for path in root.iter() if path.get("stroke")]
        assert root.tag.endswith("svg") and lines
        assert all(path.get("d").startswith("M") and "L" in path.get("d") for path in lines)
    assert sorted(tmp_path.glob("*.svg")) == sorted(tmp_path / name for name in pictures)
    assert not list(tmp_path.glob("bench-*")), "its inputs are left behind"


def test_parts_after_each_other(build, fuse, tmp_path):
    """Parts that measure the same mounts do not get into each other's way."""
    result = bench("--quick", "--build", build, "--scratch", tmp_path, "whole", "random", "whole")
    assert (result.returncode, result.stderr) == (0, ""), result.stderr


@pytest.mark.parametrize("words, said", [(["nosuch"], "no such part: nosuch"),
                                         (["--build", "/nosuch"], "no build at /nosuch"),
                                         (["--other", "x"], "--other takes NAME=PROGRAM")])
def test_misuse(words, said, build):
    """What cannot be run is said at once."""
    result = bench(*([] if "--build" in words else ["--build", build]), *words)
    assert result.returncode == 2 and said in result.stderr
