# SPDX-License-Identifier: Apache-2.0
"""Slices by name: NAME[SLICE].SUFFIX, against numpy's own slicing of the model file."""
import errno
import math
import mmap
import os
import random
import subprocess
import types

import numpy as np
import pytest

import compare
import expected
import harness
import make_model
import slicing
import views
from make_model import Spec
from safetensors_reader import DTYPE_BITS, read_shard

SEED = 66
COUNT = 10000
KINDS = [("tensors", ".bin"), ("tensors", ".json"), ("npy", ".npy"), ("f32", ".bin"),
         ("f32", ".npy"), ("flat", ".bin"), ("flat", ".json"), ("flat", ".npy"),
         ("safetensors", ".safetensors")]
SHAPES = [(), (0,), (1,), (24,), (8, 16), (3, 8), (5, 0, 4), (4, 6, 8), (2, 3, 4, 8), (1, 16, 1),
          (16, 1), (2, 1, 2, 1, 2, 1, 2, 8)]


def specs():
    """Tensors of every dtype and of many shapes, as far as they end on a byte."""
    for dtype, bits in DTYPE_BITS.items():
        for shape in SHAPES:
            spec = Spec(f"{dtype}.s{'x'.join(map(str, shape))}", dtype, shape)
            if math.prod(shape) * bits % 8 == 0:
                yield spec
    yield Spec("m", "F32", (6, 4))
    yield Spec("w", "F32", (6, 4))
    yield Spec("w[0]", "F32", (2,))  # the tensor's own name
    yield Spec("w[0].more", "U8", (3,))
    yield Spec("r64", "U8", (1,) * 62 + (2, 3))
    yield Spec("r65", "U8", (1,) * 64 + (2,))
    yield Spec("odd.f4", "F4", (4, 3))
    yield Spec("odd.f6", "F6_E2M3", (4, 3))
    yield Spec("wide", "F32", (512, 3, 1024))
    yield Spec("tied", "BF16", (4, 4))


METADATA = {"format": "pt", "alias.of.it": "tied"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model to cut from."""
    path = tmp_path_factory.mktemp("models") / "slices.safetensors"
    make_model.write_file(path, list(specs()), METADATA, content=make_model.noise)
    return path


@pytest.fixture(scope="module", params=["auto", "pread"])
def mounted(request, source, module_mount):
    """Mounts of it, one for each way to read."""
    return module_mount(source, f"io={request.param}")


@pytest.fixture(scope="module")
def plain(source, module_mount):
    """One of them."""
    return module_mount(source)


def slice_path(mounted, name, text, view="tensors", suffix=".bin"):
    """The path of a slice in a view."""
    return mounted.at(".view", view, f"{views.base(view, name)}[{text}]{suffix}")


def part_of(tensor, cut):
    """A slice as the checks of whole tensors take it."""
    return types.SimpleNamespace(dtype=tensor.dtype, shape=cut.shape, size=len(cut.data),
                                 elements=len(cut.elements))


def check_document(data, tensor, cut, text):
    """The JSON of a slice: the tensor's, but for what the slice changes."""
    document = expected.parse_json(data)
    canonical = document.pop("slice")
    whole = expected.tensor_document(tensor)
    one = cut.offset is not None
    assert document == whole | {
        "shape": list(cut.shape), "elements": len(cut.elements), "bytes": len(cut.data),
        "data_offsets": [tensor.begin + cut.offset, tensor.begin + cut.offset + len(cut.data)]
        if one else None,
        "file_offset": tensor.file_offset + cut.offset if one else None}, text
    again = slicing.cut(tensor, canonical)
    assert (again.shape, again.data) == (cut.shape, cut.data), (text, canonical)


def whole_f32(mounted, tensor, cache):
    """A tensor as float32, by the view of whole tensors, as integers of 32 bits."""
    if tensor.name not in cache:
        path = mounted.at(".view", "f32", views.base("f32", tensor.name) + ".bin")
        cache[tensor.name] = np.frombuffer(compare.slurp(path), "<u4")
    return cache[tensor.name]


def check_slice(mounted, tensor, text, cut, kind, cache):
    """One file of a slice."""
    view, suffix = kind
    path = slice_path(mounted, tensor.name, text, *kind)
    data = compare.slurp(path)
    assert os.stat(path).st_size == len(data)
    if view == "f32":
        want = whole_f32(mounted, tensor, cache)[cut.elements].tobytes()
    else:
        want = cut.data
    if suffix == ".json":
        check_document(data, tensor, cut, text)
    elif suffix == ".npy":
        part = part_of(tensor, cut)
        if view == "f32":
            part.dtype = "F32"
        start = expected.check_npy_header(data, part)
        assert data[start:] == want, text
    elif suffix == ".safetensors":
        check_safetensors(mounted, data, tensor, cut)
    else:
        assert data == want, text


def check_safetensors(mounted, data, tensor, cut):
    """A file with the slice alone, under the tensor's name."""
    path = mounted.work / "one.safetensors"
    path.write_bytes(data)
    found = read_shard(path).tensors
    assert list(found) == [tensor.name]
    got = found[tensor.name]
    assert (got.dtype, got.shape, got.read()) == (tensor.dtype, cut.shape, cut.data)


def lacks(kind, tensor):
    """Whether a view has no such file, of the tensor or any of its slices."""
    return kind[0] == "f32" and not views.has_f32(tensor)


def test_random_slices(mounted):
    """Slices of every dtype, shape and view, and those that are none."""
    rng = random.Random(SEED)
    tensors = [t for t in mounted.model.tensors.values() if t.elements < 1 << 16
               and len(t.shape) <= 64 and not t.name.startswith("w[")]
    cache, good = {}, 0
    while good < COUNT // 2:  # on each of the two mounts
        tensor, kind = rng.choice(tensors), rng.choice(KINDS)
        text = slicing.random_slice(rng, tensor.shape)
        cut = slicing.cut(tensor, text)
        if len(os.path.basename(slice_path(mounted, tensor.name, text, *kind))) > 255:
            continue
        if cut is None or lacks(kind, tensor):
            with pytest.raises(FileNotFoundError):
                os.stat(slice_path(mounted, tensor.name, text, *kind))
        else:
            check_slice(mounted, tensor, text, cut, kind, cache)
            good += 1


def test_malformed(plain):
    """What only looks like a slice is not there."""
    rng = random.Random(SEED)
    tensors = [t for t in plain.model.tensors.values()
               if t.elements and len(t.shape) <= 64 and "[" not in t.name]
    for _ in range(COUNT):
        tensor, kind = rng.choice(tensors), rng.choice(KINDS)
        text = slicing.spoilt(rng, slicing.random_slice(rng, tensor.shape))
        path = slice_path(plain, tensor.name, text, *kind)
        if len(os.fsencode(os.path.basename(path))) > 255:
            continue
        with pytest.raises(FileNotFoundError):
            os.stat(path)


@pytest.mark.parametrize("text", [
    "", "+1", "01", " 1", "1 ", "1, 2", "1,", ",1", ",", ":,", "1,,2", "1:2:2", "::-1", "::0",
    "::01", "1:2:3:", "....", "..", ".", "...,...", "None", "True", "1.0", "1e0", "0x1", "1_0",
    "--1", "-", "-:", "-01", "00", "(1)", "[0]", "0][0", "'0'", "6", "-7", "0,4", "0,0,0",
    "0,...,0,0", "18446744073709551616", "-18446744073709551616", "\u0661", "a", "1\n"])
def test_no_slice_of_a_matrix(plain, text):
    """None of these is a slice of [6, 4]."""
    for kind in KINDS:
        with pytest.raises(FileNotFoundError):
            os.stat(slice_path(plain, "m", text, *kind))


@pytest.mark.parametrize("text,canonical", [
    ("5", "5"), ("-1", "5"), ("-0", "0"), (":", ":"), ("::", ":"), ("::1", ":"), ("...", ":"),
    ("0:6", ":"), (":,:", ":"), ("...,0", ":,0"), ("0:128", ":"), ("2:99999999999999999999999", "2:6"),
    ("-99999999999999999999999:-1,1:", "0:5,1:4"), ("3:3", "0:0"), ("5:2", "0:0"), ("0:0,1", "0:0,1"),
    ("1:3,:", "1:3"), ("1,2", "1,2"), ("...,1,2", "1,2"), ("1,...,2", "1,2"), (":,2:3", ":,2:3"),
    ("0:3:,-1", "0:3,3")])
def test_canonical(plain, text, canonical):
    """However it is written, a slice is the same: its text, its inode, its bytes."""
    document = expected.parse_json(compare.slurp(slice_path(plain, "m", text, suffix=".json")))
    assert document["slice"] == canonical
    here, there = (os.stat(slice_path(plain, "m", t)) for t in (text, canonical))
    assert here.st_ino == there.st_ino and here.st_size == there.st_size
    assert compare.slurp(slice_path(plain, "m", text)) == compare.slurp(
        slice_path(plain, "m", canonical))


def test_inodes_differ(plain, source, mount):
    """Other slices, files and views have other numbers; a second mount has the same."""
    texts = ["0", "0:1", "1", ":", ":,0", "0:0"]
    paths = [(text, *kind) for text in texts for kind in KINDS]
    numbers = [os.stat(slice_path(plain, "m", *path)).st_ino for path in paths]
    assert len(set(numbers)) == len(paths)
    again = mount(source)
    assert numbers == [os.stat(slice_path(again, "m", *path)).st_ino for path in paths]
    root = again.at("m[0:1].bin")
    assert os.stat(root).st_ino not in numbers
    assert compare.slurp(root) == compare.slurp(slice_path(again, "m", "0:1"))


def test_attributes(plain):
    """Owner, mode and time are the file's; the size is the slice's; it is one link."""
    whole, part = os.stat(plain.at("w.bin")), os.stat(plain.at("w[1:3].bin"))
    for field in ("st_mode", "st_uid", "st_gid", "st_mtime_ns", "st_nlink", "st_dev", "st_blksize"):
        assert getattr(whole, field) == getattr(part, field), field
    assert part.st_size == 2 * 4 * 4


def test_own_name_comes_first(plain):
    """The tensor `w[0]` hides the slice of `w`, and has slices itself."""
    tensors = plain.model.tensors
    assert compare.slurp(plain.at("w[0].bin")) == tensors["w[0]"].read()
    assert compare.slurp(plain.at("w[-6].bin")) == tensors["w"].read()[:16]
    assert compare.slurp(plain.at("w[0][1].bin")) == tensors["w[0]"].read()[4:]
    assert compare.slurp(plain.at("w[0]", "more[0].bin")) == tensors["w[0].more"].read()[:1]
    assert os.listdir(plain.at("w[0]")) == ["more.bin", "more.json"]


def test_alias(plain):
    """A slice of an alias is that of its tensor: a file, and the same one."""
    path, target = plain.at("alias", "of", "it[1].bin"), plain.at("tied[1].bin")
    assert os.path.islink(plain.at("alias", "of", "it.bin")) and not os.path.islink(path)
    assert os.stat(path).st_ino == os.stat(target).st_ino
    assert compare.slurp(path) == plain.model.tensors["tied"].read()[8:16]
    assert expected.parse_json(compare.slurp(plain.at("alias", "of", "it[1].json")))["name"] == "tied"


def test_other_views_have_none(plain):
    """Only those with a file for each tensor, but for the offload folder."""
    for path in ("offload/w[0:1].dat", "model/model[0].safetensors", "torch/pytorch_model[0].bin",
                 "npz/model[0].npz"):
        assert os.path.exists(plain.at(".view", path.replace("[0:1]", "").replace("[0]", "")))
        assert not os.path.exists(plain.at(".view", path))


def test_not_listed(plain):
    """Slices that were opened do not turn up in listings."""
    before = sorted(os.listdir(plain.path))
    for row in range(6):
        compare.slurp(plain.at(f"w[{row}:].bin"))
    assert sorted(os.listdir(plain.path)) == before


def test_limits_of_names_and_ranks(plain):
    """255 bytes, and 64 dimensions."""
    zeros = "9" * (255 - len("w[0:].bin"))
    assert len(compare.slurp(plain.at(f"w[0:{zeros}].bin"))) == 96
    for path in (f"w[0:{zeros}9].bin", f"w[{zeros}{zeros}].bin"):
        with pytest.raises(OSError) as caught:
            os.stat(plain.at(path))
        assert caught.value.errno == errno.ENAMETOOLONG
    r64 = plain.model.tensors["r64"]
    assert compare.slurp(plain.at("r64[...,1].bin")) == r64.read()[1::3]
    assert compare.slurp(plain.at("r64[" + "0," * 62 + "1,2].bin")) == r64.read()[5:]
    assert not os.path.exists(plain.at("r65[...,1].bin"))


@pytest.mark.parametrize("name", ["odd.f4", "odd.f6"])
def test_sub_byte(plain, name):
    """Types under a byte: where a piece begins and ends on bytes, and there only."""
    tensor = plain.model.tensors[name]
    there = []
    for begin in range(5):
        for end in range(5):
            text = f"{begin}:{end}"
            cut = slicing.cut(tensor, text)
            path = slice_path(plain, name, text)
            assert os.path.exists(path) == (cut is not None), text
            if cut is not None:
                assert compare.slurp(path) == cut.data
                there.append(text)
    assert "0:2" not in there if name == "odd.f6" else "0:2" in there


def test_large_rows_any_way(mounted):
    """Strided rows by read at odd places, by mmap, and with O_DIRECT."""
    tensor = mounted.model.tensors["wide"]
    array = np.frombuffer(tensor.read(), "<u4").reshape(tensor.shape)
    rng = random.Random(SEED)
    for text in (":,1", ":,0:2", "3:500,1:,5:900", ":,:,7", ":,2,0:1000", "...,1:3"):
        want = array[slicing.indices(text)].tobytes()
        path = slice_path(mounted, "wide", text)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
        for _ in range(60):
            off, size = rng.randrange(len(want) + 9), rng.choice([1, 7, 4096, 65536, 300001])
            assert os.pread(fd, size, off) == want[off:off + size], (text, off, size)
        os.close(fd)
        with open(path, "rb") as file, mmap.mmap(
                file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as view:
            assert view[:] == want
        f32 = np.load(slice_path(mounted, "wide", text, "f32", ".npy"), mmap_mode="r")
        assert f32.tobytes() == want and f32.shape == array[slicing.indices(text)].shape


def test_offline_is_the_same(plain, source, tmp_path):
    """--cat and --list -l of slices, against the mount."""
    driver = harness.find_driver()
    for name, text in (("w", "1:3"), ("tied", ":,0"), ("odd.f4", "0:2"), ("wide", "...,5")):
        for view, suffix in KINDS:
            inner = os.path.relpath(slice_path(plain, name, text, view, suffix), plain.path)
            out = tmp_path / "out"
            with open(out, "wb") as file:
                done = subprocess.run([driver, "--cat", source, inner], stdout=file, check=False,
                                      stderr=subprocess.PIPE, env=harness.environment())
            assert (done.returncode, done.stderr) == (0, b"")
            assert out.read_bytes() == compare.slurp(plain.at(inner))
    listed = harness.run("--list", "-l", source, "w[1:3,2].bin").stdout
    assert listed.endswith("w[1:3,2].bin  F32 [2]\n") and " 8 " in listed


def memory_of(mounted):
    """KiB that the worker has for itself; pages of the mapped source are not its own."""
    (worker,) = harness.children(mounted.process.pid)
    with open(f"/proc/{worker}/smaps_rollup", encoding="ascii") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Anonymous:"))


def test_many_slices_leave_memory(source, mount):
    """Hundreds of thousands of slices, one after another: no row stays for ever."""
    env = harness.environment()  # a sanitizer keeps what is freed for a while
    env["ASAN_OPTIONS"] = "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"
    mounted = mount(source, env=env)
    count = int(os.environ.get("SLICES", "40000"))

    def open_slices(first, last):
        for number in range(first, last):
            row, column = divmod(number, 3 * 1024)
            path = mounted.at(f"wide[{row % 512},{column // 1024},{column % 1024}:"
                              f"{column % 1024 + 1 + row // 512}].bin")
            with open(path, "rb") as file:
                assert len(file.read()) % 4 == 0

    open_slices(0, 20000)
    before = memory_of(mounted)
    open_slices(20000, count)
    assert memory_of(mounted) < before + 8192


def test_open_ones_stay(source, mount):
    """A slice that is open is not given back, however many come after it."""
    mounted = mount(source)
    data = mounted.model.tensors["wide"].read()
    kept = [os.open(mounted.at(f"wide[{row}].bin"), os.O_RDONLY) for row in range(300)]
    for number in range(9000):
        os.stat(mounted.at(f"wide[{number % 512},{number // 512 % 3},{number // 1536}:].bin"))
    for row, fd in enumerate(kept):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        assert os.pread(fd, 4096, 0) == data[row * 12288:row * 12288 + 4096]
        assert os.fstat(fd).st_size == 12288
        os.close(fd)
    for row in range(300):  # known to the kernel, given back by now, and found again
        assert compare.slurp(mounted.at(f"wide[{row}].bin")) == data[row * 12288:][:12288]


def test_change_of_the_source(tmp_path, mount):
    """Slices go stale with their tensor, and their pages go."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("w", "F32", (64, 64))], content=make_model.noise)
    mounted = mount(path)
    with open(mounted.at("w[:,0].bin"), "rb", buffering=0) as opened:
        assert len(opened.read()) == 256
        os.utime(path, ns=(1, 1))
        for attempt in (lambda: open(mounted.at("w[1].bin"), "rb").read(),
                        lambda: open(mounted.at("w[:,1].bin"), "rb").read()):
            with pytest.raises(OSError) as caught:
                attempt()
            assert caught.value.errno == errno.ESTALE

        def stale():
            try:
                os.pread(opened.fileno(), 10, 0)
            except OSError as error:
                return error.errno == errno.ESTALE
            return False

        harness.wait_for("the pages to go", stale)
