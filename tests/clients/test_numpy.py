# SPDX-License-Identifier: Apache-2.0
"""numpy opens what is mounted, and gets what the reference reader gets from the original."""
import os

import pytest

import expected
from safetensors_reader import DTYPE_BITS, tree_path

NATIVE = {"BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "I32": "<i4",
          "U32": "<u4", "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
          "C64": "<c8"}
WITH_ML_DTYPES = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
                  "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz",
                  "F8_E5M2FNUZ": "float8_e5m2fnuz"}
PACKED = [dtype for dtype, bits in DTYPE_BITS.items() if bits < 8]


def npy(mount, name):
    """The path of a tensor's array."""
    return mount.at(".view", "npy", tree_path(name) + ".npy")


def names_of(dtype):
    """The tensors of one type in the edge file: a matrix, an empty one, a scalar."""
    kinds = ("dtype", "none") if dtype in PACKED else ("dtype", "none", "scalar")
    return [f"{kind}.{dtype}" for kind in kinds]


def same(array, entry):
    """Bytes of an array against those the reference has."""
    return array.tobytes() == bytes(entry["data"])


def test_all_types_are_here():
    """The three tables cover the format."""
    assert {*NATIVE, *WITH_ML_DTYPES, *PACKED} == set(DTYPE_BITS)


@pytest.mark.parametrize("mode", [None, "r", "c"])
@pytest.mark.parametrize("dtype", DTYPE_BITS)
def test_load(edge, numpy, original, dtype, mode):
    """np.load, into memory and mapped: type, shape and bytes."""
    for name in names_of(dtype):
        array = numpy.load(npy(edge, name), mmap_mode=mode)
        assert array.dtype == numpy.dtype(expected.NPY_DESCR[dtype]), name
        assert array.shape == expected.npy_shape(edge.model.tensors[name]), name
        assert array.flags.c_contiguous and array.flags.aligned
        assert same(array, original[name]), name


@pytest.mark.parametrize("dtype", NATIVE)
def test_equal_to_safe_open(edge, numpy, safetensors, dtype):
    """The same array as the reference makes itself, in every respect."""
    with safetensors.safe_open(edge.source, framework="np") as file:
        for name in names_of(dtype):
            want = file.get_tensor(name)
            for got in (numpy.load(npy(edge, name)), numpy.load(npy(edge, name), mmap_mode="r")):
                assert (got.dtype, got.shape) == (want.dtype, want.shape), name
                assert got.tobytes() == want.tobytes(), name


@pytest.mark.parametrize("dtype", NATIVE)
def test_memmap(edge, numpy, original, dtype):
    """np.memmap of the raw bytes, with the type and shape that the JSON beside them gives."""
    name = f"dtype.{dtype}"
    path = edge.at(tree_path(name))
    with open(path + ".json", "rb") as file:
        about = expected.parse_json(file.read())
    array = numpy.memmap(path + ".bin", dtype=NATIVE[about["dtype"]], mode="r",
                         shape=tuple(about["shape"]))
    assert same(array, original[name])
    with pytest.raises(OSError):
        numpy.memmap(path + ".bin", dtype="u1", mode="r+")


@pytest.mark.parametrize("dtype", DTYPE_BITS)
def test_fromfile(edge, numpy, original, dtype):
    """np.fromfile and np.frombuffer read the bytes of any type."""
    name = f"dtype.{dtype}"
    path = edge.at(tree_path(name) + ".bin")
    assert same(numpy.fromfile(path, dtype="u1"), original[name])
    with open(path, "rb") as file:
        assert same(numpy.frombuffer(file.read(), dtype="u1"), original[name])


@pytest.mark.parametrize("dtype", WITH_ML_DTYPES)
def test_ml_dtypes(edge, numpy, ml_dtypes, original, dtype):
    """A view turns what numpy calls V2 or V1 into numbers, mapped or not."""
    kind = numpy.dtype(getattr(ml_dtypes, WITH_ML_DTYPES[dtype]))
    for name in names_of(dtype):
        shape = original[name]["shape"]
        want = numpy.frombuffer(original[name]["data"], kind).reshape(shape)
        for mode in (None, "r"):
            got = numpy.load(npy(edge, name), mmap_mode=mode).view(kind)
            assert got.shape == tuple(shape)
            assert numpy.array_equal(got.astype("f4"), want.astype("f4"), equal_nan=True)


def test_bfloat16_as_saved(edge, numpy, ml_dtypes, tmp_path):
    """Our header of a bfloat16 array is the one that np.save writes."""
    name = "dtype.BF16"
    tensor = edge.model.tensors[name]
    array = numpy.frombuffer(tensor.read(), ml_dtypes.bfloat16).reshape(tensor.shape)
    numpy.save(tmp_path / "x.npy", array)
    saved = (tmp_path / "x.npy").read_bytes()
    with open(npy(edge, name), "rb") as file:
        mounted = file.read()
    assert expected.split_npy(saved) == expected.split_npy(mounted)


@pytest.mark.parametrize("rank", [8, 32, 33, 64])
def test_rank(edge, numpy, original, rank):
    """As many dimensions as this numpy has."""
    limit = 64 if int(numpy.__version__.split(".", maxsplit=1)[0]) >= 2 else 32
    if rank > limit:
        assert os.path.exists(npy(edge, f"rank.{rank}"))
        return
    array = numpy.load(npy(edge, f"rank.{rank}"))
    assert array.ndim == rank
    assert same(array, original[f"rank.{rank}"])


def test_every_name(edge, numpy, original):
    """All of the file, the worst names included."""
    for name, tensor in edge.model.tensors.items():
        if len(tensor.shape) <= 32 and max(tensor.shape, default=0) < 1 << 63:
            assert same(numpy.load(npy(edge, name)), original[name]), name


def test_sharded(sharded_folder, mount, numpy, safetensors):
    """Arrays from several files, through a mount whose root is npy."""
    mounted = mount(sharded_folder, "view=npy")
    for tensor in mounted.model.tensors.values():
        data = dict(safetensors.deserialize(open(tensor.path, "rb").read()))[tensor.name]
        array = numpy.load(mounted.at(tree_path(tensor.name) + ".npy"), mmap_mode="r")
        assert same(array, data)
