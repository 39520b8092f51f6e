# SPDX-License-Identifier: Apache-2.0
"""The source changes under the mount: never wrong bytes, never a short read, never a crash.

Changed means another size or another time of last modification. From then on every file of
the model answers ESTALE. What only moves names or permissions disturbs nobody.
"""
import errno
import mmap
import os
import signal
import subprocess
import sys

import pytest

import compare
import harness
import make_model
from make_model import Spec
from safetensors_reader import tree_path

SIZE = (1 << 20) + 123
SPECS = [Spec("warm", "U8", (SIZE,)), Spec("part", "U8", (SIZE,)), Spec("cold", "U8", (SIZE,)),
         Spec("empty", "F32", (0,)), Spec("deep.er", "F64", (1000,))]
LONG_AGO = 1_500_000_000_000_000_000  # so that the next write surely moves the time


@pytest.fixture
def source(tmp_path):
    """A file of random bytes, last written long ago."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, SPECS, content=make_model.noise)
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    return path


@pytest.fixture(params=["map", "pread"])
def mounted(request, source, mount):
    """A mount of it, with the oracle's copy of every tensor made before any change."""
    result = mount(source, f"io={request.param}")
    result.bytes = {name: tensor.read() for name, tensor in result.model.tensors.items()}
    return result


def truncate(path):
    """Cut the file in the middle of a tensor, and not on a page."""
    os.truncate(path, os.path.getsize(path) // 2 + 77)


def overwrite(path):
    """Write other bytes in place."""
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"\xee" * (size - 1000))


def extend(path):
    """Append a byte."""
    with open(path, "ab") as file:
        file.write(b"x")


def touch(path):
    """Move the time alone: the bytes may be the same, but who knows."""
    os.utime(path)


def nudge(path):
    """Move the time by a nanosecond."""
    os.utime(path, ns=(LONG_AGO, LONG_AGO + 1))


def empty(path):
    """Cut everything."""
    os.truncate(path, 0)


def attempt(function, *arguments):
    """The function's result, or the errno that it failed with."""
    try:
        return function(*arguments)
    except OSError as error:
        return error.errno


def open_and_read(path):
    """Open anew and read a little."""
    with open(path, "rb", buffering=0) as file:
        return file.read(100)


def bin_path(mounted, name):
    """Where a tensor is mounted."""
    return mounted.at(tree_path(name) + ".bin")


def settle(fd, old, allowed):
    """Read a cached file until it fails, which a notice to the kernel brings about soon."""
    def failed():
        got = attempt(os.pread, fd, len(old), 0)
        assert got == old or got in allowed, "bytes of neither the old file nor an error"
        return got in allowed

    harness.wait_for("an error from a cached file", failed, seconds=10)


@pytest.mark.parametrize("change", [truncate, overwrite, extend, touch, nudge, empty])
def test_changed(mounted, source, change):
    """Every file fails with ESTALE when opened, an open one when read, for ever."""
    warm = os.open(bin_path(mounted, "warm"), os.O_RDONLY)
    part = os.open(bin_path(mounted, "part"), os.O_RDONLY)
    cold = os.open(bin_path(mounted, "cold"), os.O_RDONLY)
    paths = [mounted.at(path) for path in compare.walk(mounted.path) if path[-1] != "/"]
    paths += [mounted.at(".view", "npy", "cold.npy")]
    assert os.pread(warm, SIZE, 0) == mounted.bytes["warm"]
    assert os.pread(part, 5000, 0) == mounted.bytes["part"][:5000]

    change(source)
    lost = {errno.ESTALE, errno.EIO} if change in (truncate, empty) else {errno.ESTALE}
    assert attempt(os.pread, cold, SIZE, 0) in lost
    for path in paths * 2:
        assert attempt(open_and_read, path) == errno.ESTALE, path
    settle(warm, mounted.bytes["warm"], lost)
    settle(part, mounted.bytes["part"], lost)
    for fd in (warm, part, cold):
        os.close(fd)
    assert os.listdir(mounted.path)  # it still answers


def test_old_time_put_back_too_late(mounted, source):
    """A change that was noticed once is not forgotten when size and time come back."""
    touch(source)
    assert attempt(open_and_read, bin_path(mounted, "warm")) == errno.ESTALE
    os.utime(source, ns=(LONG_AGO, LONG_AGO))
    assert attempt(open_and_read, bin_path(mounted, "warm")) == errno.ESTALE
    assert attempt(open_and_read, bin_path(mounted, "cold")) == errno.ESTALE


def test_direct_read_after_change(mounted, source):
    """A read that goes past the cache fails at once, in a file that was opened before."""
    fd = os.open(bin_path(mounted, "cold"), os.O_RDONLY | os.O_DIRECT)
    buffer = mmap.mmap(-1, 4096)
    assert os.preadv(fd, [buffer], 0) == 4096
    overwrite(source)
    assert attempt(os.preadv, fd, [buffer], 8192) == errno.ESTALE
    assert attempt(os.preadv, fd, [buffer], 0) == errno.ESTALE
    os.close(fd)


MAPPER = """
import mmap, sys
with open(sys.argv[1], "rb") as file:
    view = mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ)
print("ready", flush=True)
sys.stdin.readline()
sys.stdout.write(view[len(view) // 2:].hex())
"""


@pytest.mark.parametrize("change", [truncate, overwrite])
def test_mapped_reader(mounted, source, change):
    """Who has mapped a file gets SIGBUS for what was not read before, as on any disk."""
    job = subprocess.Popen([sys.executable, "-c", MAPPER, bin_path(mounted, "cold")],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "ready\n"
    change(source)
    out = job.communicate("\n", timeout=60)[0]
    assert (job.returncode, out) == (-signal.SIGBUS, "")


def test_one_shard_of_many(sharded_folder, tmp_path, mount):
    """When one shard changes, the whole model is stale."""
    folder = tmp_path / "model"
    folder.mkdir()
    for path in sharded_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
        os.utime(folder / path.name, ns=(LONG_AGO, LONG_AGO))
    mounted = mount(folder)
    compare.check_tree(mounted.path, mounted.model)
    touch(folder / mounted.model.shards[2].name)
    paths = {tensor.file: bin_path(mounted, name)
             for name, tensor in mounted.model.tensors.items()}
    assert attempt(open_and_read, paths.pop(mounted.model.shards[2].name)) == errno.ESTALE
    for path in paths.values():
        assert attempt(open_and_read, path) == errno.ESTALE


def replace(path):
    """Put another file in its place, as downloads do."""
    other = path.with_suffix(".new")
    make_model.write_file(other, [Spec("other", "U8", (SIZE * 3,))])
    os.rename(other, path)


def hard_link(path):
    """Give it a second name."""
    os.link(path, path.with_suffix(".link"))


def move(path):
    """Give it another name."""
    os.rename(path, path.with_suffix(".moved"))


def hide(path):
    """Take all permissions away."""
    os.chmod(path, 0)


HARMLESS = [replace, hard_link, move, hide, os.unlink]


@pytest.mark.parametrize("change", HARMLESS)
def test_undisturbed(mounted, source, change):
    """A held file goes on to be served: open files, new ones, documents, arrays."""
    warm = os.open(bin_path(mounted, "warm"), os.O_RDONLY)
    documents = {name: compare.slurp(mounted.at(tree_path(name) + ".json"))
                 for name in mounted.bytes}
    change(source)
    assert os.pread(warm, SIZE, 0) == mounted.bytes["warm"]
    os.close(warm)
    for name, data in mounted.bytes.items():
        assert compare.slurp(bin_path(mounted, name)) == data
        assert compare.slurp(mounted.at(tree_path(name) + ".json")) == documents[name]
        npy = compare.slurp(mounted.at(".view", "npy", tree_path(name) + ".npy"))
        assert npy.endswith(data)


@pytest.mark.parametrize("change", HARMLESS)
def test_undisturbed_mapping(mounted, source, change):
    """Nor is who has mapped a file, and touches it only afterwards."""
    job = subprocess.Popen([sys.executable, "-c", MAPPER, bin_path(mounted, "cold")],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "ready\n"
    change(source)
    out = job.communicate("\n", timeout=60)[0]
    assert (job.returncode, out) == (0, mounted.bytes["cold"][SIZE // 2:].hex())
