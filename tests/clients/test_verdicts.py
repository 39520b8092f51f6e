# SPDX-License-Identifier: Apache-2.0
"""The reference reader beside ours: on the corpus, and on files that nobody has seen yet."""
import random
import re
import struct

import pytest

import harness
import make_model
from make_model import Spec
from safetensors_reader import read_model
from verdicts import CORPUS, rows

SEED = 20240229
MUTANTS = 600


def test_corpus_table(oracle):
    """The table says what this wheel says, of files and of the same bytes in memory."""
    for file, words in rows():
        path = CORPUS / file
        assert oracle.verdict(path)[0] in words, file
        assert oracle.verdict_of_bytes(path.read_bytes())[0] in words, file


@pytest.mark.parametrize("kind", ["edge", "many", "big"])
def test_generated_files_are_valid(oracle, tmp_path, kind):
    """The reference accepts what our generator writes, so our tests are about real files."""
    path = tmp_path / "x.safetensors"
    make_model.main([kind, str(path), "--count", "5000"])
    word, count = oracle.verdict(path)
    assert word == "ok"
    assert count == len(read_model(path).tensors)


def test_generated_shards_are_valid(oracle, sharded_folder):
    """The same of a sharded model."""
    model = read_model(sharded_folder)
    for shard in model.shards:
        assert oracle.verdict(shard.path) == ("ok", len(shard.tensors))


PIECES = (b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"-1", b"1.0", b"null", b"true",
          b"\\", b"\\u0000", b"\\ud800", b"\xff", b"\xc3\xa9", b"\x00", b" ", b"\n", b"1e400",
          b"18446744073709551616", b'"F4"', b'"BF16"', b'"__metadata__"', b'"dtype"')


def mutate(data, rng):
    """Change a number in the header of a valid file, or damage it in one to three places."""
    (length,) = struct.unpack("<Q", data[:8])
    header, body = bytearray(data[8:8 + length]), data[8 + length:]
    numbers = [match.span() for match in re.finditer(rb"(?<=[\[,])\d+", bytes(header))]
    if numbers and rng.random() < 0.5:  # still JSON, and of the right types
        start, end = rng.choice(numbers)
        header[start:end] = rng.choice((b"0", b"1", b"3", b"8", b"%d" % (1 << 62)))
    else:
        for _ in range(rng.randrange(1, 4)):
            at, cut = rng.randrange(len(header)), rng.choice((0, 0, 1, 1, 3, rng.randrange(20)))
            header[at:at + cut] = rng.choice(PIECES) if rng.random() < 0.8 else b""
    body += b"x" if rng.random() < 0.05 else b""
    field = len(header) + (rng.randrange(-3, 4) if rng.random() < 0.05 else 0)
    return struct.pack("<Q", max(0, field)) + bytes(header) + body


def seeds(tmp_path):
    """Small valid files to start from."""
    path = tmp_path / "seed"
    shapes = [Spec("a", "F32", (2, 1)), Spec("b.c", "F4", (2,)), Spec("e", "BF16", (0, 3))]
    for specs, metadata in ((shapes, {"k": "v"}), (shapes[:1], None), ([], {})):
        make_model.write_file(path, specs, metadata)
        yield path.read_bytes()


def words_for(oracle, data):
    """All the words that the reference has for a file.

    It takes tensors that begin and end alike in an order that its hash table makes up anew
    each time; if more than one thing is wrong with them, so is its choice of what to say.
    """
    return {oracle.verdict_of_bytes(data)[0] for _ in range(24)}


def test_mutants(oracle, driver, tmp_path):
    """One run of --check over hundreds of damaged files has the reference's words for all."""
    rng = random.Random(SEED)
    originals = list(seeds(tmp_path))
    want = {}
    for number in range(MUTANTS):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(mutate(rng.choice(originals), rng))
        want[str(path)] = words_for(oracle, path.read_bytes())
    assert len(set().union(*want.values())) >= 8, "the mutants are too much alike"
    result = harness.run("--check", *want)
    found = {re.fullmatch(r"(.+): ok, \d+ tensors", line).group(1): "ok"
             for line in result.stdout.splitlines()}
    for line in result.stderr.splitlines():
        match = re.fullmatch(r"safetensorsfs: (/\S+\.safetensors): .*\(([a-z-]+)\)", line)
        if match and "warning" not in line:
            found[match.group(1)] = match.group(2)
    wrong = {path: (found.get(path), words) for path, words in want.items()
             if found.get(path) not in words}
    assert not wrong
