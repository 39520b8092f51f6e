# SPDX-License-Identifier: Apache-2.0
"""Ways by which the kernel gets the bytes: its cache, -o direct, and from the source itself.

The last two take newer kernels and libfuse than some systems have. There -o direct is an
error that says so, and files of the source are read as all others. Which of the two holds is
asked of the driver: what is tested is that it does one of them, wholly.
"""
import ctypes
import errno
import mmap
import os
import re
import threading

import numpy
import pytest

import harness
import make_model
import users
from make_model import Spec

SIZE = (3 << 20) + 4567
SPECS = [Spec("a.weight", "F32", (SIZE // 8, 2)), Spec("b", "U8", (SIZE,)), Spec("e", "U8", (0,))]
PASSED = re.compile(r"the kernel reads (\d+) of the files itself \(passthrough\)")
TOO_OLD = re.compile(r"-o direct: this system cannot map .*; it takes Linux 6\.6 and libfuse "
                     r"3\.17, and this is libfuse 3\.\d+\.\d+ \(mount\)")


@pytest.fixture
def folder(tmp_path):
    """A model of one file, with another file beside it and one that is empty."""
    path = tmp_path / "model"
    path.mkdir()
    make_model.write_file(path / "model.safetensors", SPECS, content=make_model.noise)
    (path / "config.json").write_text('{"a": 1}\n' * 1000)
    (path / "empty.txt").touch()
    return path


def passed(mount):
    """How many files the kernel reads itself, by the driver's own word."""
    found = PASSED.search(mount.output())
    return int(found.group(1)) if found else 0


def read_everywhere(path):
    """The bytes of a file by read(), by mappings of both kinds, and by O_DIRECT."""
    yield open(path, "rb").read()
    with open(path, "rb") as file:
        for kind in (mmap.MAP_SHARED, mmap.MAP_PRIVATE):
            with mmap.mmap(file.fileno(), 0, flags=kind, prot=mmap.PROT_READ) as area:
                yield area[:]
        yield b"".join(os.pread(file.fileno(), 70001, at)
                       for at in range(0, os.path.getsize(path), 70001))
        area = mmap.mmap(-1, -(-os.path.getsize(path) // 4096) * 4096)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        try:
            count = os.preadv(fd, [area], 0)
            yield area[:count]
            yield os.pread(fd, 13, 0) + os.pread(fd, 1 << 23, 13)  # bound to no alignment
        finally:
            os.close(fd)


WHOLE = [".view/model/model.safetensors", ".view/model/config.json", ".view/npz/config.json"]


@pytest.mark.parametrize("options", [[], ["io=pread"], ["sandbox=off"]], ids=" ".join)
def test_whole_files(folder, mount, options):
    """What is a file of the source reads like it, whoever does the reading."""
    mounted = mount(folder, *options, words=["-v"])
    assert passed(mounted) in ((0,) if options == ["io=pread"] else (0, 3))
    for path in WHOLE:
        want = (folder / os.path.basename(path)).read_bytes()
        for got in read_everywhere(mounted.at(path)):
            assert got == want, path
    assert open(mounted.at(".view/model/empty.txt"), "rb").read() == b""
    for name, tensor in mounted.model.tensors.items():  # and what is none is as it was
        path = mounted.at(*name.split(".")) + ".bin"
        assert open(path, "rb").read() == tensor.read(), name


def test_not_for_users(place, driver, root, fuse):
    """Only root can give files to the kernel; of others it reads them as any."""
    program = users.reachable(driver, place)
    script = '"$0" -v "$1" "$2" && cmp "$1" "$2/.view/model/model.safetensors" && "$0" -u "$2"'
    result = users.without(users.FUSE_FOR_ALL, *users.NOBODY, "sh", "-c", script, program,
                           os.path.join(place, "m.safetensors"), os.path.join(place, "theirs"))
    assert result.returncode == 0, result.stderr
    assert "mounted on" in result.stderr and not PASSED.search(result.stderr)


def test_change_of_whole_file(folder, mount):
    """Open, it shows what the source does or ESTALE; opened later, it is ESTALE either way."""
    mounted = mount(folder, words=["-v"])
    path, source = mounted.at(WHOLE[0]), folder / "model.safetensors"
    fd = os.open(path, os.O_RDONLY)
    try:
        before = os.pread(fd, 4096, SIZE)
        with open(source, "r+b") as file:
            os.pwrite(file.fileno(), b"\xee" * 4096, SIZE)
        os.utime(source, ns=(1, 1))
        with pytest.raises(OSError) as error:
            os.close(os.open(path, os.O_RDONLY))
        assert error.value.errno == errno.ESTALE
        if passed(mounted):
            assert os.pread(fd, 4096, SIZE) == b"\xee" * 4096 != before
        else:
            with pytest.raises(OSError) as error:
                os.pread(fd, 4096, SIZE + 8192)
            assert error.value.errno == errno.ESTALE
    finally:
        os.close(fd)


@pytest.fixture
def direct(folder, mount, driver):
    """A mount with -o direct; None after a look at the message where it cannot be."""
    try:
        return mount(folder, "direct", words=["-v"])
    except AssertionError as error:
        assert TOO_OLD.search(str(error)), error
        harness.touched[-1].closed = True
        assert not harness.mounts_at(harness.touched[-1].path)
        return None


def test_direct(folder, direct):
    """The same bytes by every way to read them, at every edge, and mapped as numpy does."""
    if direct is None:
        return
    for name, tensor in direct.model.tensors.items():
        path = direct.at(*name.split(".")) + ".bin"
        want = tensor.read()
        if want:
            assert all(got == want for got in read_everywhere(path)), name
        with open(path, "rb") as file:
            for at in (0, 1, 4095, 4097, len(want) - 1, len(want), len(want) + 1):
                at = max(at, 0)
                assert os.pread(file.fileno(), 5000, at) == want[at:at + 5000]
    array = numpy.load(direct.at(".view/npy/a/weight.npy"), mmap_mode="r")
    want = direct.model.tensors["a.weight"].read()
    assert array.tobytes() == want
    assert numpy.load(direct.at(".view/npy/a/weight.npy")).tobytes() == want
    assert numpy.load(direct.at(".view/npy/a/weight[5:9].npy")).tobytes() == want[40:72]


def pages_in_cache(area):
    """How many pages of a file the kernel holds, by a writable private mapping of it."""
    held = (ctypes.c_ubyte * -(-len(area) // mmap.PAGESIZE))()
    start = ctypes.c_char.from_buffer(area)
    result = ctypes.CDLL(None, use_errno=True).mincore(
        ctypes.c_void_p(ctypes.addressof(start)), ctypes.c_size_t(len(area)), held)
    del start  # or the mapping cannot be closed
    assert result == 0, os.strerror(ctypes.get_errno())
    return sum(byte & 1 for byte in held)


def test_direct_keeps_nothing(folder, direct):
    """What was read is not in the page cache: the daemon is asked again each time."""
    if direct is None:
        return
    with open(direct.at("b.bin"), "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as area:
            assert len(file.read()) == SIZE
            assert pages_in_cache(area) == 0
            assert len(area[:]) == SIZE  # a mapping has to be of something
            assert pages_in_cache(area) > 0


def test_direct_change(folder, direct):
    """A change is seen by the next read, whatever had been read before."""
    if direct is None:
        return
    fd = os.open(direct.at("b.bin"), os.O_RDONLY)
    try:
        os.pread(fd, 100, 0)
        os.utime(folder / "model.safetensors", ns=(1, 1))
        with pytest.raises(OSError) as error:
            os.pread(fd, 100, 0)
        assert error.value.errno == errno.ESTALE
    finally:
        os.close(fd)


def test_many_readers(folder, mount):
    """16 threads that open, read and close whole files and others, all at once."""
    mounted = mount(folder)
    paths = {WHOLE[0]: folder / "model.safetensors", WHOLE[1]: folder / "config.json"}
    want = {mounted.at(path): source.read_bytes() for path, source in paths.items()}
    want[mounted.at("b.bin")] = mounted.model.tensors["b"].read()
    wrong = []

    def read(number):
        for turn in range(10):
            path = list(want)[(number + turn) % 3]
            with open(path, "rb") as file:
                if file.read() != want[path]:
                    wrong.append(path)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
