# SPDX-License-Identifier: Apache-2.0
"""A disk with bad blocks: errors for what lies on them, and nothing else.

The disk is a file that ext4 was made on, and that is cut short while it is mounted.
"""
import array
import errno
import fcntl
import mmap
import os
import signal
import subprocess
import sys

import pytest

import harness
import make_model
from make_model import Spec

FIBMAP = 1
BLOCK = 4096
SIZE = 4 << 20
NAMES = ("before", "across", "behind")


def run(*command):
    """Run a system command that has to work."""
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


def place_of(path, offset):
    """Where a byte of a file lies on its disk."""
    number = array.array("i", [offset // BLOCK])
    with open(path, "rb") as file:
        fcntl.ioctl(file.fileno(), FIBMAP, number)
    assert number[0] > 0
    return number[0] * BLOCK + offset % BLOCK


@pytest.fixture
def disk(tmp_path, root):
    """A mounted disk in a file: (image, folder)."""
    image, folder = tmp_path / "disk", tmp_path / "disk.mnt"
    folder.mkdir()
    image.touch()
    os.truncate(image, 64 << 20)
    run("mke2fs", "-q", "-t", "ext4", "-b", BLOCK, "-O", "^has_journal", image)
    result = subprocess.run(["mount", "-o", "loop", image, folder], check=False,
                            capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip(f"no loop devices: {result.stderr.strip()}")
    yield image, folder
    run("umount", folder)


@pytest.fixture(params=["map", "pread"])
def bad(request, disk, mount):
    """A mount of a model whose tensor `across` begins on good blocks and ends on bad ones.

    Its .limit is the first byte of that tensor that cannot be read.
    """
    image, folder = disk
    source = folder / "m.safetensors"
    make_model.write_file(source, [Spec(name, "U8", (SIZE,)) for name in NAMES],
                          content=make_model.noise)
    run("sync", "-f", source)
    mounted = mount(source, f"io={request.param}")
    mounted.bytes = {name: tensor.read() for name, tensor in mounted.model.tensors.items()}
    start = mounted.model.tensors["across"].file_offset
    limit = SIZE // 2 - (start + SIZE // 2) % BLOCK  # a block of the disk begins there
    places = [place_of(source, start + limit + step) for step in (-1, 0, SIZE)]
    assert places == sorted(places), "the file is in pieces"
    with open(source, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    os.truncate(image, places[1])
    mounted.limit = limit
    return mounted


def read(path, offset, length):
    """Read past the cache, or the error of it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        buffer = mmap.mmap(-1, length)
        return buffer[:os.preadv(fd, [buffer], offset)]
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)


def test_bad_blocks(bad):
    """EIO for exactly the blocks that are bad, however they are read, and as often."""
    across, data = bad.at("across.bin"), bad.bytes["across"]
    for _ in range(2):
        for offset in range(0, bad.limit, 256 << 10):
            length = min(256 << 10, bad.limit - offset)
            assert read(across, offset, length) == data[offset:offset + length]
        assert read(across, bad.limit, BLOCK) == errno.EIO
        assert read(across, bad.limit - BLOCK, 2 * BLOCK) == errno.EIO
        assert read(bad.at("behind.bin"), 0, BLOCK) == errno.EIO
        with open(bad.at("before.bin"), "rb") as file:
            assert file.read() == bad.bytes["before"]
    assert len(os.listdir(bad.path)) == 2 * len(NAMES) + 1


def test_cached_reader(bad):
    """A reader through the cache gets what is good, and then the error."""
    got = b""
    with open(bad.at("across.bin"), "rb", buffering=0) as file:
        with pytest.raises(OSError) as caught:
            while True:
                part = file.read(64 << 10)
                assert part, "the file ends too early"
                got += part
    assert caught.value.errno == errno.EIO
    assert got and got == bad.bytes["across"][:len(got)]
    assert len(got) <= bad.limit


MAPPER = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    view = mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)
print(view[0], view[int(sys.argv[2])])
"""


def test_mapped_reader(bad):
    """Who mapped the file gets SIGBUS, as from any bad disk."""
    result = subprocess.run([sys.executable, "-c", MAPPER, bad.at("across.bin"),
                             str(bad.limit + BLOCK)], capture_output=True, check=False)
    assert (result.returncode, result.stdout) == (-signal.SIGBUS, b"")
    assert len(os.listdir(bad.path)) == 2 * len(NAMES) + 1


def test_bad_header(disk, fuse, tmp_path):
    """A model whose header cannot be read is refused with the system's reason."""
    image, folder = disk
    source = folder / "m.safetensors"
    make_model.write_file(source, [Spec(name, "U8", (SIZE,)) for name in NAMES])
    run("sync", "-f", source)
    with open(source, "rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    os.truncate(image, place_of(source, 0))
    (tmp_path / "mnt").mkdir()
    result = harness.run("-f", source, tmp_path / "mnt")
    assert harness.error_word(result) == "io"
    assert "byte 0: cannot read: Input/output error" in result.stderr
