# SPDX-License-Identifier: Apache-2.0
"""model.npz by numpy, by Python's zipfile and by unzip, all of which check its CRCs."""
import shutil
import subprocess
import zipfile

import pytest

import expected
import make_model
import views
from make_model import Spec
from safetensors_reader import DTYPE_BITS

MEMBERS_MAX = 65534  # without zip64
BAD = {"nul\0nul", "/etc/passwd", "x/../../y", "../up", "back\\slash", "new\\nline", "H" * 70000}


def npz(mounted):
    """The path of the archive."""
    return mounted.at(".view", "npz", "model.npz")


@pytest.fixture(scope="module")
def typed(tmp_path_factory, module_mount):
    """Two shards with a matrix, a scalar and an empty tensor of every type, unaligned."""
    folder = tmp_path_factory.mktemp("models") / "typed"
    specs = [Spec("odd", "U8", (1,))]
    for dtype, bits in DTYPE_BITS.items():
        specs += [Spec(f"matrix.{dtype}", dtype, (33, 8)), Spec(f"none.{dtype}", dtype, (3, 0))]
        specs += [Spec(f"scalar.{dtype}", dtype, ())] * (bits >= 8)
    specs.append(Spec("large", "BF16", (1000, 1001)))
    make_model.write_sharded(folder, specs, 2, make_model.WHOLE)
    return module_mount(folder)


def members(model):
    """Member name -> tensor, of those that must be there and of those that may."""
    there = [t for t in model.tensors.values() if not views.must_lack("npz", t)]
    return {f"{t.name}.npy": t for t in there}


def check_names(names, model):
    """The archive's list of names, each once."""
    want = members(model)
    optional = {name for name, tensor in want.items() if views.may_lack("npz", tensor)}
    assert len(names) == len(set(names))
    assert set(want) - optional <= set(names) <= set(want)


def check_array(array, tensor):
    """The same type, shape and bytes as the .npy view has; in memory, whatever was asked for."""
    assert array.dtype.str.lstrip("<|") == expected.NPY_DESCR[tensor.dtype].lstrip("<|")
    assert array.shape == expected.npy_shape(tensor), tensor.name
    assert array.tobytes() == tensor.read(), tensor.name


@pytest.mark.parametrize("mode", [None, "r"])
def test_load(typed, numpy, mode):
    """np.load: every array; numpy ignores mmap_mode for an archive, and so it must work."""
    with numpy.load(npz(typed), mmap_mode=mode) as archive:
        assert set(archive.files) == set(typed.model.tensors)
        for name, tensor in typed.model.tensors.items():
            check_array(archive[name], tensor)
            assert not isinstance(archive[name], numpy.memmap)


def test_equal_to_safe_open(sharded_folder, mount, numpy, safetensors):
    """The same arrays as the reference makes of the shards."""
    mounted = mount(sharded_folder)
    with numpy.load(npz(mounted)) as archive:
        for tensor in mounted.model.tensors.values():
            data = dict(safetensors.deserialize(open(tensor.path, "rb").read()))[tensor.name]
            assert list(archive[tensor.name].shape) == data["shape"]
            assert archive[tensor.name].tobytes() == bytes(data["data"])


def test_ml_dtypes(typed, numpy, ml_dtypes):
    """What numpy calls V2 is bfloat16 again by a view."""
    tensor = typed.model.tensors["large"]
    want = numpy.frombuffer(tensor.read(), ml_dtypes.bfloat16).reshape(tensor.shape)
    with numpy.load(npz(typed)) as archive:
        got = archive["large"].view(ml_dtypes.bfloat16)
    assert numpy.array_equal(got.astype("f4"), want.astype("f4"), equal_nan=True)


def test_stored(typed):
    """Members are stored, with sound headers; arrays begin at a multiple of 64."""
    with zipfile.ZipFile(npz(typed)) as archive, open(npz(typed), "rb") as file:
        check_names(archive.namelist(), typed.model)
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert not info.is_dir()
            file.seek(info.header_offset)
            head = file.read(30)
            assert head[:4] == b"PK\3\4"
            skip = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
            start = info.header_offset + 30 + skip
            assert start % expected.NPY_ALIGNMENT == 0, info.filename
            file.seek(start)
            assert file.read(6) == b"\x93NUMPY"


def test_testzip(typed):
    """zipfile reads all members to their ends and finds every CRC right, twice."""
    for _ in range(2):
        with zipfile.ZipFile(npz(typed)) as archive:
            assert archive.testzip() is None


def test_damage_would_be_found(typed, tmp_path):
    """The CRCs are real: one flipped byte in a copy, and testzip names the member."""
    copy = tmp_path / "copy.npz"
    shutil.copy(npz(typed), copy)
    data = typed.model.tensors["large"].read()
    place = copy.read_bytes().index(data[:1000])
    with open(copy, "r+b") as file:
        file.seek(place + len(data) // 2)
        byte = file.read(1)[0]
        file.seek(place + len(data) // 2)
        file.write(bytes([byte ^ 1]))
    with zipfile.ZipFile(copy) as archive:
        assert archive.testzip() == "large.npy"


def test_unzip(typed, tmp_path):
    """unzip -t is content; what unzip writes are arrays that numpy loads."""
    if shutil.which("unzip") is None:
        pytest.skip("unzip is not installed (package unzip)")
    test = subprocess.run(["unzip", "-t", npz(typed)], capture_output=True, text=True, check=False)
    assert test.returncode == 0, test.stdout + test.stderr
    assert "No errors detected" in test.stdout
    subprocess.run(["unzip", "-q", npz(typed), "-d", tmp_path], check=True)
    for name, tensor in typed.model.tensors.items():
        assert tensor.read() in (tmp_path / f"{name}.npy").read_bytes(), name


def test_hostile_names(edge, numpy):
    """Names that no zip may have are not there; all others are, and load."""
    archive = numpy.load(npz(edge))
    names = archive.zip.namelist()
    check_names(names, edge.model)
    assert BAD <= set(edge.model.tensors)
    assert not {f"{name}.npy" for name in BAD} & set(names)
    for name, tensor in members(edge.model).items():
        if name in names and len(tensor.shape) <= 32:
            check_array(archive[name], tensor)
    assert archive.zip.testzip() is None
    archive.close()


def test_beyond_4_gib(tmp_path, mount, numpy):
    """A member longer than 32 bits can say, and one behind it, without reading the long one."""
    source = tmp_path / "big.safetensors"
    make_model.main(["big", str(source)])
    mounted = mount(source)
    with zipfile.ZipFile(npz(mounted)) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist()}
        assert sizes["big.npy"] > mounted.model.tensors["big"].size > 1 << 32
        assert archive.getinfo("behind.it.npy").header_offset > 1 << 32
        with archive.open("big.npy") as file:
            start = expected.check_npy_header(file.read(256), mounted.model.tensors["big"])
            file.seek(start)
            big = make_model.big()
            spec = next(spec for spec in big if spec.name == "big")
            assert file.read(1000) == make_model.expected(spec, 0, 1000)
    with numpy.load(npz(mounted)) as archive:
        for name in ("before", "behind.it"):
            check_array(archive[name], mounted.model.tensors[name])


def test_more_members_than_16_bits(tmp_path, mount, numpy):
    """More tensors than an old directory can count."""
    source = tmp_path / "many.safetensors"
    make_model.main(["many", str(source), "--count", str(MEMBERS_MAX + 1000)])
    mounted = mount(source)
    with numpy.load(npz(mounted)) as archive:
        assert len(archive.files) == MEMBERS_MAX + 1000
        assert set(archive.files) == set(mounted.model.tensors)
        for name in archive.files[::9973]:
            check_array(archive[name], mounted.model.tensors[name])
