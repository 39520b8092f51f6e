# SPDX-License-Identifier: Apache-2.0
"""The everyday tools that walk a tree, on the tree with the worst names there are."""
import os
import subprocess

import pytest

import compare
import expected
from safetensors_reader import tree_path


def tool(*command, status=0, **options):
    """Run a tool in the C locale; its output as bytes, its complaints a failure."""
    env = dict(os.environ, LC_ALL="C")
    result = subprocess.run(command, capture_output=True, check=False, timeout=240, env=env,
                            **options)
    assert result.returncode == status, result.stderr[-2000:]
    assert result.stderr == b""
    return result.stdout


def paths_of(output):
    """Split NUL-terminated paths that begin with ./"""
    return sorted(os.fsdecode(path)[2:] for path in output.split(b"\0") if path)


def files_of(model):
    """All files of the default view."""
    return sorted(path for path in compare.tensors_paths(model) if path[-1] != "/")


@pytest.fixture
def copied(edge, tmp_path):
    """A copy of the mount, made by cp -r."""
    tool("cp", "-r", edge.path, tmp_path / "copy")
    return tmp_path / "copy"


def test_find(edge):
    """find meets every file once, by type, and none in .view."""
    found = tool("find", ".", "-type", "f", "-print0", cwd=edge.path)
    assert paths_of(found) == files_of(edge.model)
    folders = tool("find", ".", "-mindepth", "1", "-type", "d", "-print0", cwd=edge.path)
    want = sorted(p[:-1] for p in compare.tensors_paths(edge.model) if p[-1] == "/")
    assert paths_of(folders) == want


def test_find_by_size(edge):
    """find -size sees exact sizes."""
    want = sorted(tree_path(tensor.name) + ".bin" for tensor in edge.model.tensors.values()
                  if tensor.size == 3)
    found = tool("find", ".", "-name", "*.bin", "-size", "3c", "-print0", cwd=edge.path)
    assert len(want) > 50
    assert paths_of(found) == want


def test_ls(edge):
    """ls -lR names every file on a line that begins with its mode."""
    lines = tool("ls", "-lR", edge.path).splitlines()
    assert sum(line.startswith(b"-r") for line in lines) == len(files_of(edge.model))
    folders = [p for p in compare.tensors_paths(edge.model) if p[-1] == "/"]
    assert sum(line.startswith(b"dr") for line in lines) == len(folders)


def test_grep(edge):
    """grep -r finds a type in the documents that name it, and in no others."""
    word = "F8_E5M2FNUZ"
    holding = [path for path in files_of(edge.model)
               if word.encode() in compare.slurp(edge.at(path))]
    assert len(holding) == 4  # a matrix, a scalar, an empty tensor, and the model
    found = tool("grep", "-rlZF", word, ".", cwd=edge.path)
    assert paths_of(found) == sorted(holding)


def test_copy(edge, copied):
    """A copy is the tree, byte for byte; diff -r agrees, and sees the smallest change."""
    assert sorted(compare.walk(copied)) == sorted(compare.walk(edge.path))
    for path in files_of(edge.model):
        assert compare.slurp(copied / path) == compare.slurp(edge.at(path)), path
    assert tool("diff", "-r", edge.path, copied) == b""
    victim = copied / "w.bin"
    data = victim.read_bytes()
    victim.chmod(0o600)
    victim.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert b"w.bin" in tool("diff", "-r", edge.path, copied, status=1)


def test_tar(edge, tmp_path):
    """A tree that went through tar equals the mount."""
    (tmp_path / "out").mkdir()
    archive = tmp_path / "tree.tar"
    tool("tar", "--create", "--file", archive, "--directory", edge.path, ".")
    tool("tar", "--extract", "--file", archive, "--directory", tmp_path / "out")
    assert tool("diff", "-r", edge.path, tmp_path / "out") == b""


def test_du(edge):
    """du counts the bytes that the files declare, and the blocks."""
    sizes = {}
    for line in tool("du", "-a0", "--bytes", ".", cwd=edge.path).split(b"\0"):
        if line:
            size, path = line.split(b"\t", 1)
            sizes[os.fsdecode(path)[2:]] = int(size)
    for path in files_of(edge.model):
        assert sizes[path] == os.stat(edge.at(path)).st_size, path
    blocks = tool("du", "-s", "--block-size=512", edge.at("w.bin")).split()[0]
    assert int(blocks) == 1


def test_cmp(edge, tmp_path):
    """cmp finds no difference to a slice cut from the model file."""
    tensor = edge.model.tensors["dtype.BF16"]
    piece = tmp_path / "piece"
    piece.write_bytes(tensor.read())
    path = edge.at("dtype", "BF16.bin")
    assert tool("cmp", path, piece) == b""
    command = ["cmp", f"--ignore-initial=0:{tensor.file_offset}", f"--bytes={tensor.size}"]
    assert tool(*command, path, edge.source) == b""


def test_od(edge):
    """od reads the tensor as it reads any file."""
    out = tool("od", "-An", "-v", "-tx1", edge.at("w.bin")).split()
    assert bytes(int(byte, 16) for byte in out) == edge.model.tensors["w"].read()


def test_cat_is_safe(edge):
    """All documents together hold nothing that a terminal acts upon but newline and tab."""
    paths = [edge.at(path) for path in files_of(edge.model) if path.endswith(".json")]
    text = tool("cat", *paths).decode()
    assert not {c for c in text if expected.is_unsafe(c)} - {"\n", "\t"}
