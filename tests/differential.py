#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference reader and ours on files that nobody has seen: they have to say the same.

    differential.py [--mutants N] [--seed N] [--jobs N] [--tell PROGRAM] [--out FOLDER]

Each file that mutants.py makes up is given to the `safetensors` wheel, from memory and from a
file, and to `tell`, a program of ours that a build leaves in tests/fuzz. Compared are the
verdict, the variant of the error, and of good files the names, dtypes, shapes, offsets and
metadata; what the reference reads of each tensor has to be what lies at our offsets.

A file over which the two differ is left in FOLDER, and the exit status is 1. The same seed and
number of mutants give the same files, whatever the number of jobs.
"""
import argparse
import collections
import multiprocessing
import os
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from safetensors import SafetensorError, deserialize, safe_open

from mutants import mutant
from oracle import variant

ROOT = Path(__file__).resolve().parent.parent
CHUNK = 1000  # mutants for one process of ours
SEED = 20240229
ASKED_MAX = 200  # times, where the reference's error may be one of several


def find_tell():
    """The path of our program: $TELL, or what a usual build left; or None."""
    if os.environ.get("TELL"):
        return os.path.abspath(os.environ["TELL"])
    for folder in ("build-dev", "build"):
        path = ROOT / folder / "tests/fuzz/tell"
        if path.exists():
            return str(path)
    return None


def chunk_of(seed, number):
    """The mutants of a chunk."""
    rng = random.Random(f"{seed}/{number}")
    return [mutant(rng) for _ in range(CHUNK)]


# ---- ours ----

def ask_ours(tell, files):
    """What our program says of each file, as it says it; fewer answers if it died."""
    frames = b"".join(struct.pack("<Q", len(data)) + data for data in files)
    result = subprocess.run([tell], input=frames, capture_output=True, check=False)
    answers = result.stdout.decode().split("\n\n")[:-1]
    problem = result.stderr.decode(errors="replace") if result.returncode else ""
    return answers, problem


def parse(answer):
    """(word, tensors, metadata) of an answer; of equal keys the last one counts."""
    word, *lines = answer.split("\n")
    fields = [line.split(" ") for line in lines]
    tensors = sorted(tuple(rest) for kind, *rest in fields if kind == "T")
    return word, tensors, {rest[0]: rest[1] for kind, *rest in fields if kind == "M"}


# ---- the reference ----

def word_of_bytes(data):
    """The reference's word for a file in memory."""
    try:
        deserialize(data)
    except SafetensorError as error:
        return variant(error)
    return "ok"


def ask_reference(data, path):
    """The same as parse(), by safe_open() of a file at @path."""
    with open(path, "wb") as file:
        file.write(data)
    try:
        with safe_open(path, framework="np") as file:
            metadata = file.metadata() or {}
            keys = file.offset_keys()
            slices = [file.get_slice(key) for key in keys]
    except SafetensorError as error:
        return variant(error), [], {}
    begins = {key.encode().hex(): len(info["data"]) for key, info in deserialize(data)}
    tensors, end = [], 0
    for key, part in zip(keys, slices):  # in the order of their offsets, without holes
        name = key.encode().hex()
        shape = ",".join(map(str, part.get_shape()))
        tensors.append((name, part.get_dtype(), shape, str(end), str(end + begins[name])))
        end += begins[name]
    return "ok", sorted(tensors), {key.encode().hex(): value.encode().hex()
                                   for key, value in metadata.items()}


def check_contents(data, tensors):
    """Whether what the reference reads of each tensor lies at our offsets."""
    base = 8 + struct.unpack("<Q", data[:8])[0]
    ours = {name: data[base + int(begin):base + int(end)] for name, _, _, begin, end in tensors}
    return ours == {key.encode().hex(): bytes(info["data"]) for key, info in deserialize(data)}


# ---- both ----

def difference(data, answer, path):
    """What the two say differently, or None. Also: the word both say."""
    ours, theirs = parse(answer), ask_reference(data, path)
    if ours[0] != theirs[0] and "ok" not in (ours[0], theirs[0]):
        # Tensors that begin and end alike come in an order that the reference's hash table
        # makes up anew; with more than one thing wrong, so does its error.
        words = {word_of_bytes(data) for _ in range(ASKED_MAX)}
        if ours[0] in words:
            return None, theirs[0]
    if ours != theirs:
        return f"ours {ours}, the reference {theirs}", theirs[0]
    if ours[0] == "ok" and not check_contents(data, ours[1]):
        return f"other bytes than the reference at {ours[1]}", theirs[0]
    if (ours[0] == "ok") != (word_of_bytes(data) == "ok"):
        return "the reference differs between file and memory", theirs[0]
    return None, theirs[0]


def run_chunk(job):
    """Compare a chunk. Return: how often each word came, and [(mutant, what differs)]."""
    tell, seed, number, count = job
    files = chunk_of(seed, number)[:count]
    answers, problem = ask_ours(tell, files)
    words, found = collections.Counter(), []
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.NamedTemporaryFile(dir=folder, suffix=".safetensors") as file:
        for data, answer in zip(files, answers):
            what, word = difference(data, answer, file.name)
            words[word] += 1
            if what:
                found.append((data, what))
    if len(answers) < len(files):
        found.append((files[len(answers)], f"our program ended: {problem}"))
    return words, found


def run(tell, mutants, seed=SEED, jobs=2):
    """Compare so many mutants. Yields what run_chunk() does."""
    work = [(tell, seed, first // CHUNK, min(CHUNK, mutants - first))
            for first in range(0, mutants, CHUNK)]
    with multiprocessing.Pool(jobs) as pool:
        yield from pool.imap_unordered(run_chunk, work)


def main():
    """Compare, print and keep the differences."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--mutants", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--tell", default=find_tell(), help="our program, of any build")
    parser.add_argument("--out", type=Path, default=Path("differences"))
    options = parser.parse_args()
    if options.tell is None:
        parser.error("no program `tell`: build first, or say --tell")
    words, differences = collections.Counter(), 0
    for chunk_words, found in run(options.tell, options.mutants, options.seed, options.jobs):
        words += chunk_words
        for data, what in found:
            options.out.mkdir(exist_ok=True)
            path = options.out / f"{differences}.safetensors"
            path.write_bytes(data)
            print(f"{path}: {what}")
            differences += 1
    for word, count in words.most_common():
        print(f"{count:9} {word}")
    print(f"{sum(words.values())} mutants, {differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
