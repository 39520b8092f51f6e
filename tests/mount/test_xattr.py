# SPDX-License-Identifier: Apache-2.0
"""-o xattr: what there is to say of a tensor, as attributes of its files; else there are none."""
import ctypes
import errno
import os
import shutil
import subprocess
import sys

import pytest

import faults
import harness
import make_model
import views
from make_model import Spec

PREFIX = "user.safetensors."
NAMES = {PREFIX + name for name in ("dtype", "shape", "file", "offset")}
DIGEST = PREFIX + "xxh128"
MIB = 1 << 20
SOON = 15  # seconds

pytestmark = pytest.mark.skipif(shutil.which("xxhsum") is None, reason="no xxhsum (xxhash)")


@pytest.fixture(scope="module")
def told(edge_file, module_mount):
    """A mount of every dtype, shape and name, with the option."""
    return module_mount(edge_file, "xattr")


def attributes(path):
    """All that is listed, with the values."""
    return {name: os.getxattr(path, name).decode() for name in os.listxattr(path)}


def errno_of(function, *arguments, **more):
    """The error that a call ends in, or None."""
    try:
        function(*arguments, **more)
    except OSError as error:
        return error.errno
    return None


def facts(tensor):
    """What the attributes of a tensor must be."""
    return {PREFIX + "dtype": tensor.dtype, PREFIX + "shape": str(list(tensor.shape)),
            PREFIX + "file": tensor.file, PREFIX + "offset": str(tensor.file_offset)}


@pytest.mark.parametrize("view", views.TREES)
def test_facts(told, view):
    """Of each tensor, in every form that it has."""
    if view == "safetensors":  # where a folder of the same name has the file
        groups = views.groups(told.model)
    for name, tensor in told.model.tensors.items():
        if view == "safetensors" and len(groups[views.base(view, name)]) > 1:
            continue
        for suffix in views.suffixes(view, tensor):
            path = told.at(".view", view, views.base(view, name) + suffix)
            assert attributes(path) == facts(tensor), path


def test_shards(sharded_folder, mount):
    """The file is the shard's, and the offset is in that."""
    mounted = mount(sharded_folder, "xattr")
    for name, tensor in mounted.model.tensors.items():
        got = attributes(mounted.at(views.base("tensors", name) + ".bin"))
        assert got == facts(tensor)
        with open(sharded_folder / got[PREFIX + "file"], "rb") as file:
            file.seek(int(got[PREFIX + "offset"]))
            assert file.read(tensor.size) == tensor.read()


def test_digest(told):
    """By name it is there, and that of the list; it is not listed."""
    listed = open(told.at(".view/sums/XXH128SUMS"), encoding="utf-8").read().splitlines()
    for line in listed:
        digest, path = line.split("  ", 1)
        assert os.getxattr(told.at(path), DIGEST).decode() == digest
    assert DIGEST not in os.listxattr(told.at("w.bin"))


SLICES = [("[0]", [8], 0), ("[1:3]", [2, 8], 1), ("[:,0:4]", [4, 4], None), ("[2,3]", [], None)]


def test_slices(told):
    """Of a slice: its shape, its place if it is in one piece, and the digest of its bytes."""
    tensor = told.model.tensors["dtype.F32"]
    for text, shape, row in SLICES:
        path = told.at(f"dtype/F32{text}.bin")
        want = facts(tensor)
        want[PREFIX + "shape"] = str(shape)
        want[PREFIX + "offset"] = str(tensor.file_offset + 32 * row) if row is not None else None
        if text == "[2,3]":
            want[PREFIX + "offset"] = str(tensor.file_offset + 4 * (2 * 8 + 3))
        if want[PREFIX + "offset"] is None:
            del want[PREFIX + "offset"]
            assert errno_of(os.getxattr, path, PREFIX + "offset") == errno.ENODATA
        assert attributes(path) == want, text
        digest = subprocess.run(["xxhsum", "-H2", path], check=True, capture_output=True,
                                text=True).stdout.split()[0]
        assert os.getxattr(path, DIGEST).decode() == digest


def test_nothing_to_say(told):
    """Folders, and files that are of no one tensor, have none."""
    for path in ("", "dtype", ".view", ".view/npy/dtype", "__metadata__.json",
                 ".view/sums/XXH128SUMS", ".view/offload/index.json",
                 ".view/safetensors/dtype.safetensors"):
        assert os.listxattr(told.at(path)) == []
        for name in NAMES | {DIGEST}:
            assert errno_of(os.getxattr, told.at(path), name) == errno.ENODATA, (path, name)


@pytest.mark.parametrize("name", [
    PREFIX, PREFIX + "x", PREFIX + "dtyp", PREFIX + "dtypes", "user.safetensors", "user.dtype",
    "security.capability", "security.selinux", "trusted.safetensors.dtype"])
def test_no_such(told, name):
    """Other names are not there."""
    assert errno_of(os.getxattr, told.at("w.bin"), name) in (errno.ENODATA, errno.EOPNOTSUPP)


def test_link(tmp_path, mount):
    """An alias leads to what its tensor has; by itself it has nothing."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("kept", "F32", (3,))], {"dropped": "kept"})
    mounted = mount(path, "xattr")
    assert attributes(mounted.at("dropped.bin")) == attributes(mounted.at("kept.bin"))
    assert os.listxattr(mounted.at("dropped.bin"), follow_symlinks=False) == []


# ---- the protocol ----

LIBC = ctypes.CDLL(None, use_errno=True)


def raw(function, *arguments):
    """(what the call returns, its errno, the buffer of 100 bytes) of one with so much room."""
    *arguments, size = arguments
    buffer = ctypes.create_string_buffer(b"\xee" * 100, 100)
    result = getattr(LIBC, function)(*map(os.fsencode, arguments), buffer, ctypes.c_size_t(size))
    return result, ctypes.get_errno() if result < 0 else 0, buffer.raw


@pytest.mark.parametrize("name, value", [
    (PREFIX + "dtype", b"F32"), (PREFIX + "shape", b"[4, 8]"), (DIGEST, None)])
def test_sizes(told, name, value):
    """Asked with no room it tells the length, with too little ERANGE, else the value."""
    path = told.at("dtype/F32.bin")
    value = value or os.getxattr(path, name)
    assert raw("getxattr", path, name, 0)[:2] == (len(value), 0)
    for size in (1, len(value) - 1):
        assert raw("getxattr", path, name, size)[:2] == (-1, errno.ERANGE)
    for size in (len(value), len(value) + 1, 100):
        assert raw("getxattr", path, name, size) == (len(value), 0, value.ljust(100, b"\xee"))


def test_sizes_of_the_list(told):
    """The same of the names."""
    path = told.at("dtype/F32.bin")
    want = b"".join(name.encode() + b"\0" for name in os.listxattr(path))
    assert raw("listxattr", path, 0)[:2] == (len(want), 0)
    assert raw("listxattr", path, len(want) - 1)[:2] == (-1, errno.ERANGE)
    assert raw("listxattr", path, len(want)) == (len(want), 0, want.ljust(100, b"\xee"))
    assert raw("listxattr", told.at("dtype"), 0)[:2] == raw("listxattr", told.path, 1)[:2] == (0, 0)


def test_long_shape(tmp_path, mount):
    """A shape of more than an attribute can hold is told of, and does no harm."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("long", "U8", (1,) * 30000), Spec("fits", "U8", (1,) * 20000)])
    mounted = mount(path, "xattr")
    assert errno_of(os.getxattr, mounted.at("long.bin"), PREFIX + "shape") in (errno.E2BIG,
                                                                            errno.ERANGE)
    assert os.getxattr(mounted.at("fits.bin"), PREFIX + "shape").decode() == str([1] * 20000)
    assert os.getxattr(mounted.at("long.bin"), PREFIX + "dtype") == b"U8"


def test_tools(told, tmp_path):
    """getfattr shows them; cp takes them along, where the other file system has any."""
    path = told.at("dtype/BF16.bin")
    shown = subprocess.run(["getfattr", "-d", "--absolute-names", path], check=True,
                           capture_output=True, text=True).stdout
    assert 'user.safetensors.dtype="BF16"\n' in shown and "xxh128" not in shown
    copy = tmp_path / "copy"
    subprocess.run(["cp", "--preserve=xattr", path, copy], check=True)
    assert attributes(copy) == attributes(path)
    subprocess.run(["ls", "-lR", told.at("dtype")], check=True, stdout=subprocess.DEVNULL)


# ---- else ----

def test_not_by_default(edge):
    """Without the option there are none, and the kernel asks once."""
    for name in ("w.bin", "dtype", ""):
        assert errno_of(os.listxattr, edge.at(name)) in (None, errno.EOPNOTSUPP)
        assert errno_of(os.getxattr, edge.at(name), PREFIX + "dtype") == errno.EOPNOTSUPP
        assert errno_of(os.getxattr, edge.at(name), DIGEST) == errno.EOPNOTSUPP


@pytest.mark.parametrize("call", ["setxattr", "removexattr"])
def test_read_only(told, call):
    """Nobody sets or removes one."""
    more = [b"x"] if call == "setxattr" else []
    assert errno_of(getattr(os, call), told.at("w.bin"), PREFIX + "dtype", *more) == errno.EROFS


def test_change(tmp_path, mount):
    """Of a source that changed nothing is told any more."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (10,))])
    mounted = mount(path, "xattr")
    assert len(os.getxattr(mounted.at("a.bin"), DIGEST)) == 32
    os.utime(path, ns=(1, 1))
    assert errno_of(os.getxattr, mounted.at("a.bin"), DIGEST) == errno.ESTALE
    assert errno_of(os.getxattr, mounted.at("a.bin"), PREFIX + "dtype") == errno.ESTALE
    assert errno_of(os.listxattr, mounted.at("a.bin")) == errno.ESTALE


@pytest.fixture
def slow(tmp_path, mount):
    """A mount of which a digest takes 40 seconds."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("b", "U8", (256 * MIB,)), Spec("c", "U8", (3,))])
    os.utime(path, ns=(10**18, 10**18))
    switch = faults.Switch(tmp_path / "switch")
    mounted = mount(path, "xattr", env=switch.preload(path), driver=faults.plain_driver())
    switch.set(delay=1)
    yield mounted
    switch.clear()


def ask(mounted, name="b.bin"):
    """A process that asks for a digest."""
    script = "import os, sys; print(os.getxattr(sys.argv[1], sys.argv[2]).decode())"
    return subprocess.Popen([sys.executable, "-c", script, mounted.at(name), DIGEST],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_killed(slow, connection):
    """Who asked and is killed ends, and holds nothing; its length is known all the while."""
    waiting = connection(slow).waiting
    job = ask(slow)
    harness.wait_for("a request", lambda: waiting() > 0)
    assert raw("getxattr", slow.at("b.bin"), DIGEST, 0)[:2] == (32, 0)
    assert os.getxattr(slow.at("b.bin"), PREFIX + "dtype") == b"U8"
    job.kill()
    job.communicate(timeout=SOON)
    assert harness.unmount(slow.path)
    assert slow.wait(SOON) == 0


def test_change_meanwhile(slow, connection):
    """A digest under which the source changes is none."""
    waiting = connection(slow).waiting
    job = ask(slow)
    harness.wait_for("a request", lambda: waiting() > 0)
    os.utime(slow.source)
    out, message = job.communicate(timeout=SOON)
    assert (job.returncode, out) == (1, "")
    assert os.strerror(errno.ESTALE) in message


def test_sandboxed(sharded_folder, mount, plain):
    """The process that has given up its rights can do it all the same."""
    mounted = mount(sharded_folder, "xattr", "sandbox=on", driver=plain)
    path = mounted.at("model/position_ids.bin")
    digest = subprocess.run(["xxhsum", "-H2", path], check=True, capture_output=True,
                            text=True).stdout.split()[0]
    assert os.getxattr(path, DIGEST).decode() == digest
    assert attributes(path)[PREFIX + "dtype"] == "I64"
