# SPDX-License-Identifier: Apache-2.0
"""Real files, given by MODELS=DIR: every byte, every document. None given is no skip."""
import os
from pathlib import Path

import pytest

import compare
import harness
from safetensors_reader import read_model

FOLDER = os.environ.get("MODELS")
FILES = sorted(Path(FOLDER).glob("**/*.safetensors")) if FOLDER else []

__test__ = bool(FILES)  # else pytest would make a skip of the empty list


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("io", ["map", "pread"])
def test_whole_model(path, io, mount):
    """All of a real file, by both ways to read it."""
    mounted = mount(path, f"io={io}")
    assert mounted.model.tensors
    compare.check_tree(mounted.path, mounted.model)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_check(path, driver):
    """--check agrees on how many tensors there are, and has nothing to say against it."""
    count = len(read_model(path).tensors)
    result = harness.run("--check", path)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{path}: ok, {count} tensor{'' if count == 1 else 's'}\n"


def test_models_are_there():
    """A folder that was named holds models."""
    assert FILES
