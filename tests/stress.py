#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""stress: read a tree in every way there is, at random, and compare with a reference tree.

    tests/stress.py MOUNT REFERENCE [--seconds N] [--processes N] [--seed N] [--drop-caches]

REFERENCE holds the files that MOUNT must have, in the same places; MOUNT may have more.
Exits with 0 if nothing was wrong, and prints how often each way was gone.
"""
import argparse
import collections
import mmap
import multiprocessing
import os
import random
import socket
import sys
import time

PAGE = 4096
MOST = 3 << 20  # bytes of one read


class Wrong(Exception):
    """The mount differs."""


class File:
    """A file of the mount, and what it must hold."""

    def __init__(self, mount, reference, name):
        self.name = name
        self.path = os.path.join(mount, name)
        with open(os.path.join(reference, name), "rb") as file:
            self.data = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) \
                if os.fstat(file.fileno()).st_size else b""


def expect(got, want, *where):
    """Both must be the same."""
    if got != want:
        raise Wrong(f"{where}: {len(got)} bytes that differ from the {len(want)} expected"
                    if isinstance(got, bytes) else f"{where}: {got!r}, not {want!r}")


def place(rng, file):
    """Somewhere in a file, or at its edges, or behind its end: offset and length."""
    size = len(file.data)
    edges = [0, size, size // 2, PAGE, 1 << 17, 1 << 20]
    near = rng.choice(edges) + rng.randrange(-3, 4)
    offset = max(0, rng.choice([near, rng.randrange(size + 1), rng.randrange(size + 1)]))
    return offset, rng.choice([0, 1, rng.randrange(1, PAGE), rng.randrange(1, 1 << 18),
                               rng.randrange(1, MOST)])


def do_pread(rng, file, fd):
    """One pread."""
    offset, length = place(rng, file)
    expect(os.pread(fd, length, offset), file.data[offset:offset + length], file.name, offset)


def do_readv(rng, file, fd):
    """One preadv into several buffers."""
    offset, length = place(rng, file)
    parts = [bytearray(rng.randrange(1, length // 3 + 2)) for _ in range(4)]
    got = os.preadv(fd, parts, offset)
    want = file.data[offset:offset + sum(map(len, parts))]
    expect(b"".join(parts)[:got], want, file.name, offset)


def do_sequence(rng, file, fd):
    """Some reads in a row, which the kernel reads ahead of."""
    offset, length = place(rng, file)
    os.lseek(fd, offset, os.SEEK_SET)
    for _ in range(8):
        step = rng.randrange(1, length // 4 + 2)
        expect(os.read(fd, step), file.data[offset:offset + step], file.name, offset)
        offset += step


def do_mmap(rng, file, _fd):
    """A mapping of a part, touched here and there."""
    if not file.data:
        return
    start = rng.randrange(len(file.data)) // PAGE * PAGE
    length = min(len(file.data) - start, rng.randrange(1, MOST))
    flags = rng.choice([mmap.MAP_SHARED, mmap.MAP_PRIVATE])
    with open(file.path, "rb") as opened, \
            mmap.mmap(opened.fileno(), length, flags, mmap.PROT_READ, offset=start) as view:
        if rng.random() < 0.3:
            view.madvise(rng.choice([mmap.MADV_RANDOM, mmap.MADV_WILLNEED, mmap.MADV_SEQUENTIAL]))
        for _ in range(5):
            at = rng.randrange(length)
            expect(view[at:at + 5000], file.data[start + at:start + min(length, at + 5000)],
                   file.name, start + at)


def do_sendfile(rng, file, fd):
    """The kernel copies it to a socket by itself."""
    offset, length = place(rng, file)
    reader, writer = socket.socketpair()
    with reader, writer:
        want = file.data[offset:offset + min(length, 60_000)]
        while want:
            sent = os.sendfile(writer.fileno(), fd, offset, len(want))
            expect(reader.recv(sent, socket.MSG_WAITALL), want[:sent], file.name, offset)
            offset, want = offset + sent, want[sent:]


def do_direct(rng, file, _fd):
    """Past the cache, with any offset and length."""
    offset, length = place(rng, file)
    fd = os.open(file.path, os.O_RDONLY | os.O_DIRECT)
    try:
        buffer = mmap.mmap(-1, length + PAGE)
        begin = rng.choice([0, rng.randrange(PAGE)])
        got = os.preadv(fd, [memoryview(buffer)[begin:begin + length]], offset)
        expect(buffer[begin:begin + got], file.data[offset:offset + length], file.name, offset)
    finally:
        os.close(fd)


def do_lseek(rng, file, fd):
    """Its end, and that it has no holes."""
    size = len(file.data)
    expect(os.lseek(fd, 0, os.SEEK_END), size, file.name, "end")
    if size:
        at = rng.randrange(size)
        expect(os.lseek(fd, at, os.SEEK_DATA), at, file.name, "data")
        expect(os.lseek(fd, at, os.SEEK_HOLE), size, file.name, "hole")
    os.lseek(fd, 0, os.SEEK_SET)


def do_advise(rng, file, fd):
    """Say what will be read, or that it will not."""
    offset, length = place(rng, file)
    os.posix_fadvise(fd, offset, length, rng.choice([
        os.POSIX_FADV_DONTNEED, os.POSIX_FADV_WILLNEED, os.POSIX_FADV_RANDOM,
        os.POSIX_FADV_SEQUENTIAL, os.POSIX_FADV_NORMAL]))


def do_getdents(rng, file, _fd):
    """List a folder on the way to it, and stat what is there."""
    folder = os.path.dirname(file.path)
    names = os.listdir(folder)
    expect(len(names), len(set(names)), folder, "names twice")
    expect(os.path.basename(file.path) in names, True, file.name, "is listed")
    os.stat(os.path.join(folder, rng.choice(names)))
    expect(os.stat(file.path).st_size, len(file.data), file.name, "size")


def do_whole(_rng, file, _fd):
    """From its start to its end."""
    with open(file.path, "rb", buffering=0) as opened:
        expect(opened.readall(), file.data[:], file.name, "whole")


def do_drop_caches(_rng, _file, _fd):
    """Have the kernel forget all it can."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as switch:
        switch.write("3")


WAYS = [do_pread] * 4 + [do_readv, do_sequence, do_sequence, do_mmap, do_mmap, do_sendfile,
                         do_direct, do_direct, do_lseek, do_advise, do_advise, do_getdents,
                         do_whole]


def work(mount, reference, names, seed, deadline, drops):
    """One process: random ways until the deadline; returns how often each was gone."""
    rng = random.Random(seed)
    files = [File(mount, reference, name) for name in names]
    opened, counts = {}, collections.Counter()
    while time.monotonic() < deadline:
        file = rng.choice(files)
        if file.name not in opened or rng.random() < 0.02:
            if file.name in opened:
                os.close(opened.pop(file.name))
            opened[file.name] = os.open(file.path, os.O_RDONLY)
        way = do_drop_caches if drops and rng.random() < 0.0005 else rng.choice(WAYS)
        way(rng, file, opened[file.name])
        counts[way.__name__[3:]] += 1
    for fd in opened.values():
        os.close(fd)
    return counts


def files_below(folder):
    """Paths of all files, relative to the folder."""
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


def run(mount, reference, seconds, processes=4, seed=1, drops=False):
    """All of it; returns the counts, or raises Wrong."""
    names = files_below(reference)
    deadline = time.monotonic() + seconds
    with multiprocessing.get_context("fork").Pool(processes) as pool:
        jobs = [(mount, reference, names, seed * 1000 + number, deadline, drops and number == 0)
                for number in range(processes)]
        return sum(pool.starmap(work, jobs), collections.Counter())


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("mount")
    parser.add_argument("reference")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--drop-caches", action="store_true", help="now and then; needs root")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    try:
        counts = run(options.mount, options.reference, options.seconds, options.processes,
                     options.seed, options.drop_caches)
    except Wrong as wrong:
        sys.exit(f"WRONG: {wrong}")
    print(", ".join(f"{count} {way}" for way, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
