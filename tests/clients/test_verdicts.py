# SPDX-License-Identifier: Apache-2.0
"""The reference reader beside ours: on the corpus, and on files that nobody has seen yet."""
import random
import re

import pytest

import harness
import make_model
from mutants import mutant
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


def words_for(oracle, data):
    """All the words that the reference has for a file.

    It takes tensors that begin and end alike in an order that its hash table makes up anew
    each time; if more than one thing is wrong with them, so is its choice of what to say.
    """
    return {oracle.verdict_of_bytes(data)[0] for _ in range(24)}


def test_mutants(oracle, driver, tmp_path):
    """One run of --check over hundreds of damaged files has the reference's words for all."""
    rng = random.Random(SEED)
    want = {}
    for number in range(MUTANTS):
        path = tmp_path / f"{number}.safetensors"
        path.write_bytes(mutant(rng))
        want[str(path)] = words_for(oracle, path.read_bytes())
    assert len(set().union(*want.values())) >= 8, "the mutants are too much alike"
    result = harness.run("--check", *want)
    found = {re.fullmatch(r"(.+): ok, \d+ tensors?", line).group(1): "ok"
             for line in result.stdout.splitlines()}
    for line in result.stderr.splitlines():
        match = re.fullmatch(r"safetensorsfs: (/\S+\.safetensors): .*\(([a-z-]+)\)", line)
        if match and "warning" not in line:
            found[match.group(1)] = match.group(2)
    wrong = {path: (found.get(path), words) for path, words in want.items()
             if found.get(path) not in words}
    assert not wrong
