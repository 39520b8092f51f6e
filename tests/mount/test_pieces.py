# SPDX-License-Identifier: Apache-2.0
"""Whole files of the synthesised views, read in odd pieces: the seams must not show.

A piece is read with O_DIRECT, so that each comes from the driver and none from the cache.
"""
import concurrent.futures
import os
import random

import pytest

import compare
import expected
import make_model
from make_model import Spec
from safetensors_reader import DTYPE_BITS

SEED = 20240229
PIECES = (1, 2, 3, 5, 7, 13, 61, 127, 511, 4095, 4097, 65537, 131071, (1 << 20) - 1, (1 << 20) + 1)
THREADS = 8


def specs():
    """Every type in an odd length, some longer than a request, some empty, all unaligned."""
    for dtype in DTYPE_BITS:
        yield Spec(f"small.{dtype}", dtype, (3, 7, 8))
        yield Spec(f"empty.{dtype}", dtype, (0,))
    yield Spec("odd", "U8", (1,))
    for dtype in ("BF16", "F8_E4M3", "F64", "I64"):
        yield Spec(f"large.{dtype}", dtype, (1031, 677))
    yield Spec("large.F4", "F4", (1031, 678))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The model in three shards, with an alias and a file to carry."""
    path = tmp_path_factory.mktemp("models") / "model"
    path.mkdir()
    groups = [list(specs())[number::3] for number in range(3)]
    files = [f"model-{number + 1:05d}-of-00003.safetensors" for number in range(3)]
    for file, group in zip(files, groups):
        make_model.write_file(path / file, group, {"tied": "large.F64"},
                              content=make_model.noise)
    make_model.write_index(path, {spec.name: file for file, group in zip(files, groups)
                                  for spec in group})
    (path / "tokenizer.json").write_bytes(random.Random(SEED).randbytes(1_234_567))
    return path


@pytest.fixture(scope="module", params=["map", "pread"])
def mounted(request, folder, module_mount):
    """A mount of it for either way to read the source."""
    return module_mount(folder, f"io={request.param}")


def cuts(size, rng):
    """Cut a file into pieces of odd lengths: (offset, length), in order."""
    found, offset = [], 0
    while offset < size:
        length = min(rng.choice(PIECES), size - offset)
        found.append((offset, length))
        offset += length
    return found


def pread(fd, length, offset):
    """Read all of a range, as a read may return less than it was asked for."""
    data = b""
    while len(data) < length:
        part = os.pread(fd, length - len(data), offset + len(data))
        assert part, f"nothing at {offset + len(data)}"
        data += part
    return data


def check_pieces(path, whole, pieces):
    """Each piece of a file is what one straight read has there."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        for offset, length in pieces:
            got = pread(fd, length, offset)
            assert got == whole[offset:offset + length], (path, offset, length)
    finally:
        os.close(fd)


@pytest.mark.parametrize("view", expected.VIEWS)
def test_pieces(mounted, view):
    """Forwards in odd pieces, and backwards in others."""
    root = mounted.at(".view", view)
    rng = random.Random(f"{SEED}/{view}")
    for path in sorted(compare.files_below(root)):
        path = os.path.join(root, path)
        whole = compare.slurp(path)
        check_pieces(path, whole, cuts(len(whole), rng))
        check_pieces(path, whole, reversed(cuts(len(whole), rng)))


@pytest.mark.parametrize("view", expected.VIEWS)
def test_threads(mounted, view):
    """Eight at once, each in an order of its own, in all files of the view."""
    root = mounted.at(".view", view)
    whole = {path: compare.slurp(os.path.join(root, path)) for path in compare.files_below(root)}
    large = sorted(whole, key=lambda path: (len(whole[path]), path))[-12:]

    def read(number):
        rng = random.Random(f"{SEED}/{number}")
        for path in rng.sample(large, len(large)):
            pieces = cuts(len(whole[path]), rng)
            rng.shuffle(pieces)
            check_pieces(os.path.join(root, path), whole[path], pieces)
        return len(large)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        assert sum(pool.map(read, range(THREADS))) == THREADS * len(large)


def test_both_ways_alike(folder, mount):
    """What is mapped and what is read is the same, file for file."""
    one, two = mount(folder, "io=map"), mount(folder, "io=pread")
    for view in expected.VIEWS:
        names = compare.files_below(one.at(".view", view))
        assert names == compare.files_below(two.at(".view", view))
        for name in names:
            left, right = (compare.slurp(m.at(".view", view, name)) for m in (one, two))
            assert left == right, (view, name)
