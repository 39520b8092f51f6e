# SPDX-License-Identifier: Apache-2.0
"""Reads of any length at any place, by every road, return the source's bytes and no others."""
import concurrent.futures
import hashlib
import mmap
import os
import random
import subprocess

import pytest

import compare
import expected
import make_model
from make_model import Spec
from safetensors_reader import tree_path

PAGE = 4096
EDGES = (PAGE, 2 * PAGE, 1 << 17, 1 << 20, 3 << 20)  # pages, and the kernel's request sizes
SIZES = sorted({0, 1, 2, 63, *(edge + step for edge in EDGES for step in (-1, 0, 1))})
SEED = 20240229


@pytest.fixture(scope="module")
def sized_file(tmp_path_factory):
    """One tensor of each size that has an edge in it, all of random bytes."""
    path = tmp_path_factory.mktemp("models") / "sized.safetensors"
    specs = [Spec(f"size.{size}", "U8", (size,)) for size in SIZES]
    make_model.write_file(path, specs, content=make_model.noise)
    return path


@pytest.fixture(scope="module", params=["map", "pread", "auto"])
def sized(request, sized_file, module_mount):
    """A mount of it for each way that the driver reads its source."""
    return module_mount(sized_file, f"io={request.param}")


def places(size, start=0):
    """Offsets on either side of every edge of a file, its end and what lies behind included."""
    points = {0, start, start + size, *EDGES}
    near = {point + step for point in points for step in (-1, 0, 1)}
    return sorted(offset for offset in near if 0 <= offset <= start + size + 1)


def aligned(fd, length, offset):
    """pread into memory on a page boundary, as O_DIRECT wants it."""
    buffer = mmap.mmap(-1, max(length, 1))
    count = os.preadv(fd, [memoryview(buffer)[:length]], offset)
    return buffer[:count]


def check_edges(path, whole, read, flags=0, start=0):
    """Read from each edge of a file to its next ones and to the end; compare each time."""
    fd = os.open(path, os.O_RDONLY | flags)
    points = places(len(whole) - start, start)
    try:
        for number, begin in enumerate(points):
            for end in [begin + 100, *points[number + 1:number + 6], points[-1]]:
                assert read(fd, end - begin, begin) == whole[begin:end], (begin, end)
    finally:
        os.close(fd)


@pytest.mark.parametrize("flags", [0, os.O_DIRECT])
def test_edges(sized, flags):
    """Every pair of edges; past the end a read is short, behind it empty."""
    for tensor in sized.model.tensors.values():
        path = sized.at(tree_path(tensor.name) + ".bin")
        check_edges(path, tensor.read(), aligned if flags else os.pread, flags)


@pytest.mark.parametrize("flags", [0, os.O_DIRECT])
def test_npy_edges(sized, flags):
    """The same where a file begins with made bytes: the seam must not show."""
    for tensor in sized.model.tensors.values():
        path = sized.at(".view", "npy", tree_path(tensor.name) + ".npy")
        with open(path, "rb") as file:
            head = file.read(PAGE)
        start = expected.check_npy_header(head, tensor)
        whole = head[:start] + tensor.read()
        check_edges(path, whole, aligned if flags else os.pread, flags, start)


def test_behind_the_end(sized):
    """No offset is too large to be answered with nothing."""
    with open(sized.at("size", "63.bin"), "rb", buffering=0) as file:
        for offset in (63, 64, PAGE, 1 << 32, 1 << 40, (1 << 63) - PAGE):
            assert os.pread(file.fileno(), 10, offset) == b""


def test_unaligned_direct(sized):
    """O_DIRECT with odd offsets, lengths and addresses."""
    tensor = sized.model.tensors[f"size.{(3 << 20) + 1}"]
    whole = tensor.read()
    rng = random.Random(SEED)
    fd = os.open(sized.at(tree_path(tensor.name) + ".bin"), os.O_RDONLY | os.O_DIRECT)
    buffer = bytearray((1 << 20) + 17)
    try:
        for _ in range(200):
            offset = rng.randrange(len(whole))
            window = memoryview(buffer)[rng.randrange(17):][:rng.randrange(1, 1 << 20)]
            count = os.preadv(fd, [window], offset)
            assert count == min(len(window), len(whole) - offset)
            assert window[:count] == whole[offset:offset + count]
    finally:
        os.close(fd)


def test_maps(sized):
    """Mapped shared and private; what is written to a private map stays there."""
    for tensor in sized.model.tensors.values():
        if tensor.size == 0:
            continue
        want = tensor.read()
        with open(sized.at(tree_path(tensor.name) + ".bin"), "rb") as file:
            with mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as shared:
                assert shared[:] == want
            flags = mmap.PROT_READ | mmap.PROT_WRITE
            with mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, flags) as private:
                assert private[:] == want
                private[0] ^= 0xff
            with pytest.raises(PermissionError):
                mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, flags)
            assert file.read() == want


def random_reads(mounted, seed):
    """Two hundred reads anywhere; returns how many bytes they were."""
    rng = random.Random(seed)
    tensors = [tensor for tensor in mounted.model.tensors.values() if tensor.size]
    total = 0
    for _ in range(200):
        tensor = rng.choice(tensors)
        offset, length = rng.randrange(tensor.size), rng.choice((1, 100, PAGE, 300000))
        with open(mounted.at(tree_path(tensor.name) + ".bin"), "rb", buffering=0) as file:
            if rng.random() < 0.3:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            got = os.pread(file.fileno(), length, offset)
        assert got == tensor.read(offset, length), (tensor.name, offset, length)
        total += len(got)
    return total


def test_threads(sized):
    """64 threads at once, each anywhere."""
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        totals = list(pool.map(lambda seed: random_reads(sized, seed), range(SEED, SEED + 64)))
    assert all(totals)


def test_processes(sized):
    """Twelve processes hash files that nobody has read yet, two of them the same one."""
    tensors = sorted(sized.model.tensors.values(), key=lambda tensor: tensor.size)[-6:]
    paths = [sized.at(tree_path(tensor.name) + ".bin") for tensor in tensors]
    for path in paths:
        fd = os.open(path, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)
    jobs = [subprocess.Popen(["sha256sum", path], stdout=subprocess.PIPE, text=True)
            for path in paths * 2]
    for job, tensor in zip(jobs, tensors * 2):
        assert job.communicate()[0].split()[0] == hashlib.sha256(tensor.read()).hexdigest()


def test_empty(edge):
    """Empty tensors are empty files, and can be read as such."""
    empty = [tensor for tensor in edge.model.tensors.values() if tensor.size == 0]
    assert len(empty) >= 22
    for tensor in empty:
        path = edge.at(tree_path(tensor.name) + ".bin")
        assert os.stat(path).st_size == 0
        assert compare.slurp(path) == b""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        assert aligned(fd, PAGE, 0) == b""
        os.close(fd)


@pytest.mark.parametrize("words", [("-s",), ("-d",)])
def test_single_thread_and_debug(sized_file, mount, words):
    """One thread, or libfuse's debugging output, changes nothing about the bytes."""
    mounted = mount(sized_file, words=words)
    for tensor in mounted.model.tensors.values():
        compare.check_bin(mounted.path, tensor)


@pytest.mark.parametrize("io", ["map", "pread"])
def test_beyond_4_gib(tmp_path, mount, io):
    """Offsets that 32 bits cannot hold: inside a tensor, inside the file, and in a map."""
    source = tmp_path / "big.safetensors"
    make_model.main(["big", str(source)])
    mounted = mount(source, f"io={io}")
    for spec in make_model.big():
        path = mounted.at(tree_path(spec.name) + ".bin")
        assert os.stat(path).st_size == spec.size
        near = {0, spec.size, *make_model.MARKS} if spec.size > 1 << 32 else {0, spec.size}
        with open(path, "rb", buffering=0) as file:
            for point in near:
                offset = max(0, point - 100)
                got = os.pread(file.fileno(), 200, offset)
                assert got == make_model.expected(spec, offset, 200), (spec.name, point)
            with mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as shared:
                for point in near:
                    window = shared[max(0, point - 100):point + 100]
                    assert window == make_model.expected(spec, max(0, point - 100),
                                                         len(window))
    for tensor in mounted.model.tensors.values():
        compare.check_json(mounted.path, tensor)
