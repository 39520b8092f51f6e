# SPDX-License-Identifier: Apache-2.0
"""Never torn: readers, and a writer who changes the source meanwhile.

No byte of the new content is shown by a request that began after the change, and by none
at all with io=pread. Old bytes are below 128, new ones above, so that one is told from
the other wherever it stands. Readers go past the kernel's cache or open anew, so that each
request is one of the driver's.
"""
import errno
import mmap
import os
import random
import re
import threading
import time

import pytest

import harness
import make_model
from make_model import Spec

SIZE = 2 << 20
COUNT = 8
READERS = 6
ROUNDS = int(os.environ.get("TORN_ROUNDS", "3"))
SECONDS = 0.3  # of reading after the change
LONG_AGO = 1_500_000_000_000_000_000  # so that the next write surely moves the time
NEW = re.compile(rb"[\x80-\xff]")
FILES = [f"t{number}.bin" for number in range(COUNT)] + [
    ".view/npy/t1.npy", ".view/model/model.safetensors", "t2[0:1000000].bin"]


def old_bytes(spec):
    """Noise below 128."""
    yield bytes(random.Random(spec.name).randbytes(spec.size)).translate(
        bytes(range(128)) * 2)


@pytest.fixture
def source(tmp_path):
    """A file of old bytes alone, but for the header's length."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec(f"t{n}", "U8", (SIZE,)) for n in range(COUNT)],
                          content=old_bytes)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


class Reader(threading.Thread):
    """Reads somewhere, again and again; notes what was wrong with what it got."""

    def __init__(self, mounted, seed, way):
        super().__init__()
        self.mounted, self.way = mounted, way
        self.rng = random.Random(seed)
        self.fds = [os.open(mounted.at(name), os.O_RDONLY | os.O_DIRECT) for name in FILES]
        self.buffer = mmap.mmap(-1, 1 << 20)
        self.over = False
        self.failures = []  # (when it ended, errno)
        self.news = []  # when each request began that showed new bytes
        self.done = 0  # requests that were answered with bytes

    def read(self, number):
        """One request: of an open file past the cache, or of a file that is opened anew."""
        offset = self.rng.randrange(4096, SIZE // 4096 * 3 // 4 * 4096)  # behind all headers
        length = self.rng.choice([1, 4096, 65536, 1 << 20])
        if self.way == "direct":
            fd = self.fds[number]
            got = os.preadv(fd, [memoryview(self.buffer)[:length]], offset)
            return self.buffer[:got]
        fd = os.open(self.mounted.at(FILES[number]), os.O_RDONLY | os.O_DIRECT)
        try:
            got = os.preadv(fd, [memoryview(self.buffer)[:length]], offset)
            return self.buffer[:got]
        finally:
            os.close(fd)

    def run(self):
        while not self.over:
            began = time.monotonic()
            try:
                data = self.read(self.rng.randrange(len(FILES)))
            except OSError as error:
                self.failures.append((time.monotonic(), error.errno))
                continue
            self.done += 1
            if NEW.search(data):
                self.news.append(began)

    def close(self):
        """Stop it."""
        self.over = True
        self.join()
        for fd in self.fds:
            os.close(fd)


class Writer:
    """Changes a file, and notes when that .began and when the first of it was .done."""

    def __init__(self, path):
        self.file = open(path, "r+b", buffering=0)
        self.began, self.done = time.monotonic(), None

    def write(self, offset, length):
        """New bytes."""
        os.pwrite(self.file.fileno(), b"\xee" * length, offset)
        self.done = self.done or time.monotonic()


def overwrite(path):
    """All of it, from the end to the start, in small pieces."""
    writer = Writer(path)
    for offset in range(os.path.getsize(path) - 65536, 65536, -65536):
        writer.write(offset, 65536)
    return writer


def overwrite_at_once(path):
    """All of it with one call."""
    writer = Writer(path)
    writer.write(4096, os.path.getsize(path) - 4096)
    return writer


def overwrite_a_little(path):
    """A page of each tensor."""
    writer = Writer(path)
    for number in range(COUNT):
        writer.write(200_000 + number * SIZE, 4096)
    return writer


def touch_and_map(path):
    """Through a mapping, by a writer who moves the time first."""
    writer = Writer(path)
    os.utime(path)
    writer.done = time.monotonic()
    with mmap.mmap(writer.file.fileno(), 0) as view:
        view[200_000:200_000 + SIZE] = b"\xee" * SIZE
    return writer


@pytest.mark.parametrize("io", ["map", "pread"])
@pytest.mark.parametrize("write", [overwrite, overwrite_at_once, overwrite_a_little,
                                   touch_and_map])
def test_readers_and_a_writer(source, mount, io, write):
    """Each round: read, change, read on; then judge each request by when it began."""
    for number in range(ROUNDS):
        make_model.write_file(source, [Spec(f"t{n}", "U8", (SIZE,)) for n in range(COUNT)],
                              content=old_bytes)
        os.utime(source, ns=(LONG_AGO, LONG_AGO))
        mounted = mount(source, f"io={io}", name="mnt")
        readers = [Reader(mounted, 100 * number + seed, ("direct", "anew")[seed % 2])
                   for seed in range(READERS)]
        for reader in readers:
            reader.start()
        harness.wait_for("some reads", lambda: all(reader.done > 3 for reader in readers))
        writer = write(source)
        time.sleep(SECONDS)
        for reader in readers:
            reader.close()
        check(mounted, readers, io, writer)
        mounted.close()


def check(mounted, readers, io, writer):
    """No error before the change, no new byte after it, ESTALE and one message for it."""
    for reader in readers:
        assert reader.failures, "nobody noticed"
        assert {error for _, error in reader.failures} == {errno.ESTALE}
        assert min(end for end, _ in reader.failures) > writer.began, "before the change"
        assert not [start for start in reader.news if start > writer.done]
        if io == "pread":
            assert not reader.news
    writer.file.close()
    lines = [line for line in mounted.output().splitlines() if "(changed)" in line]
    assert len(lines) == 1
    assert lines == mounted.output().splitlines()
