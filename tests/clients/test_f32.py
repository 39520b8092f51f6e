# SPDX-License-Identifier: Apache-2.0
"""The f32 view against numpy and ml_dtypes: every code of the small types, bit for bit.

Only the payload of a NaN may differ, which none of them promises to keep.
"""
import math
import random

import pytest

import make_model
import views
from make_model import Spec
from safetensors_reader import DTYPE_BITS

SEED = 20240229
NATIVE = {"BOOL": "?", "U8": "u1", "I8": "i1", "I16": "<i2", "U16": "<u2", "I32": "<i4",
          "U32": "<u4", "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8"}
WITH_ML_DTYPES = {"BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
                  "F8_E8M0": "float8_e8m0fnu", "F8_E4M3FNUZ": "float8_e4m3fnuz",
                  "F8_E5M2FNUZ": "float8_e5m2fnuz", "F4": "float4_e2m1fn"}
CONVERTED = [*NATIVE, *WITH_ML_DTYPES]
LENGTHS = range(0, 132)  # of rows: all ways to end a step of any vector unit


def every_code(dtype):
    """All that a type of up to 16 bits can hold, in order; for F4 all pairs."""
    if dtype == "BOOL":
        return bytes([0, 1, 1, 0])
    width = max(DTYPE_BITS[dtype], 8) // 8
    return b"".join(code.to_bytes(width, "little") for code in range(1 << 8 * width))


def hard_integers(bits, signed):
    """Integers at which rounding to 24 bits can go wrong, and a few thousand others."""
    rng = random.Random(SEED)
    low, high = (-1 << bits - 1, 1 << bits - 1) if signed else (0, 1 << bits)
    near = [sign * ((1 << shift) + (1 << max(0, place)) + step)
            for sign in (1, -1) for shift in range(bits)
            for place in (shift - 22, shift - 23, shift - 24) for step in (-2, -1, 0, 1, 2)]
    anywhere = [rng.randrange(low, high) >> rng.randrange(bits) for _ in range(4000)]
    values = [low, low + 1, high - 1, high - 2, *near, *anywhere]
    return b"".join(value.to_bytes(bits // 8, "little", signed=signed)
                    for value in values if low <= value < high)


def hard_doubles(numpy):
    """Doubles between two floats, at the ends of the range, below it, and every sort of NaN."""
    rng = random.Random(SEED)
    floats = numpy.array([rng.getrandbits(32) for _ in range(3000)], "<u4").view("<f4")
    floats = numpy.append(floats, numpy.array(
        [0, 1, 2, 3, 0x7fffff, 0x800000, 0x800001, 0x3f800000, 0x7f7ffffe, 0x7f7fffff], "<u4")
        .view("<f4"))
    floats = floats[numpy.isfinite(floats)].astype("<f8")
    step = numpy.array([math.ulp(abs(x)) for x in floats])
    with numpy.errstate(all="ignore"):
        following = numpy.nextafter(floats.astype("<f4"), numpy.float32("inf")).astype("<f8")
    half = (floats + numpy.where(numpy.isfinite(following), following, floats)) / 2
    special = [0.0, -0.0, math.inf, -math.inf, 2.0 ** 128, 2.0 ** 128 - 2.0 ** 103,
               2.0 ** 128 - 2.0 ** 103 - 2.0 ** 75, 2.0 ** -150, 2.0 ** -149, 2.0 ** -151, 5e-324,
               1.5 * 2.0 ** -150, 2.0 ** -126 - 2.0 ** -151, 1e308, 0.1]
    nans = numpy.array([0x7ff0000000000001, 0xfff0000000000001, 0x7ff8000000000000,
                        0x7ff00000ffffffff, 0xffffffffffffffff], "<u8").view("<f8")
    parts = [floats, half, half + step, half - step, special, numpy.negative(special), nans]
    return numpy.concatenate(parts).astype("<f8").tobytes()


def content(dtype, numpy):
    """The bytes of a type's first tensor."""
    if DTYPE_BITS[dtype] <= 16:
        return every_code(dtype)
    if dtype == "F64":
        return hard_doubles(numpy)
    if dtype == "F32":
        return numpy.append(hard_floats(numpy), numpy.float32([0.1, -0.0])).tobytes()
    return hard_integers(DTYPE_BITS[dtype], dtype[0] == "I")


def hard_floats(numpy):
    """Any float as it is: subnormals and NaNs with their payload among them."""
    codes = [0, 1, 0x80000001, 0x7f800000, 0xff800000, 0x7f800001, 0xffc12345, 0x7fffffff]
    return numpy.array(codes, "<u4").view("<f4")


@pytest.fixture(scope="module")
def coded(tmp_path_factory, module_mount, numpy):
    """A mount of a file with all codes of each type, and rows of each length, unaligned."""
    path = tmp_path_factory.mktemp("models") / "coded.safetensors"
    data = {f"codes.{dtype}": content(dtype, numpy) for dtype in CONVERTED}
    specs = [Spec("odd", "U8", (1,))]
    for name, value in data.items():
        dtype = name.partition(".")[2]
        specs.append(Spec(name, dtype, (len(value) * 8 // DTYPE_BITS[dtype],)))
    for length in LENGTHS:
        for dtype in CONVERTED:
            if length * DTYPE_BITS[dtype] % 8 == 0:
                specs.append(Spec(f"row.{length}.{dtype}", dtype, (length,)))
    make_model.write_file(path, specs, content=lambda spec: [
        data.get(spec.name) or make_model.expected(spec, fill=make_model.WHOLE)])
    return module_mount(path)


def converted(tensor, numpy, ml_dtypes):
    """The tensor as numpy and ml_dtypes convert it."""
    if tensor.dtype in NATIVE:
        array = numpy.frombuffer(tensor.read(), NATIVE[tensor.dtype])
    elif tensor.dtype == "F4":
        packed = numpy.frombuffer(tensor.read(), "u1")
        array = numpy.stack([packed & 15, packed >> 4], -1).reshape(-1)
        array = array.view(ml_dtypes.float4_e2m1fn)
    else:
        array = numpy.frombuffer(tensor.read(), getattr(ml_dtypes, WITH_ML_DTYPES[tensor.dtype]))
    with numpy.errstate(all="ignore"):
        return array.astype("<f4").reshape(tensor.shape)


def check_same(numpy, got, want, name):
    """The same bits, zero's sign included; where one is NaN so is the other."""
    assert (got.dtype, got.shape) == (want.dtype, want.shape), name
    nan = numpy.isnan(want)
    assert numpy.array_equal(numpy.isnan(got), nan), name
    bits = numpy.ascontiguousarray(got).view("<u4"), numpy.ascontiguousarray(want).view("<u4")
    assert numpy.array_equal(bits[0][~nan], bits[1][~nan]), name


def both(mounted, name, numpy):
    """The tensor from its .bin and from its .npy, the latter mapped."""
    path = mounted.at(".view", "f32", views.base("f32", name))
    shape = mounted.model.tensors[name].shape
    yield numpy.fromfile(path + ".bin", "<f4").reshape(shape)
    yield numpy.load(path + ".npy", mmap_mode="r")


def test_all_types_are_here():
    """What is converted, and what is not, is the whole format."""
    assert {*CONVERTED, *views.F32_LACKS} == set(DTYPE_BITS)


@pytest.mark.parametrize("dtype", CONVERTED)
def test_codes(coded, numpy, ml_dtypes, dtype):
    """Every code, or for wide types the ones that are hard to get right."""
    name = f"codes.{dtype}"
    want = converted(coded.model.tensors[name], numpy, ml_dtypes)
    assert want.size >= 4
    for got in both(coded, name, numpy):
        check_same(numpy, got, want, name)


@pytest.mark.parametrize("dtype", CONVERTED)
def test_lengths(coded, numpy, ml_dtypes, dtype):
    """Rows of any length, which begin at any address."""
    names = [name for name in coded.model.tensors
             if name.startswith("row.") and name.endswith(f".{dtype}")]
    assert len(names) >= 66
    for name in names:
        want = converted(coded.model.tensors[name], numpy, ml_dtypes)
        for got in both(coded, name, numpy):
            check_same(numpy, got, want, name)


def test_float32_as_it_is(coded, numpy):
    """Nothing is done to a float32, be it a NaN."""
    got, mapped = both(coded, "codes.F32", numpy)
    want = coded.model.tensors["codes.F32"].read()
    assert got.tobytes() == mapped.tobytes() == want


def test_slices(coded, numpy, ml_dtypes):
    """A slice of a mapped array is that of the converted one."""
    rng = random.Random(SEED)
    for name in ("codes.BF16", "codes.F16", "codes.F4", "codes.I64", "codes.F64"):
        want = converted(coded.model.tensors[name], numpy, ml_dtypes)
        _, mapped = both(coded, name, numpy)
        for _ in range(50):
            begin = rng.randrange(want.size)
            part = slice(begin, begin + rng.randrange(1, 300))
            check_same(numpy, numpy.array(mapped[part]), want[part], name)


def test_every_name(edge, numpy, ml_dtypes):
    """All of the file with every shape and name, as far as numpy has the arrays."""
    limit = 64 if int(numpy.__version__.split(".", maxsplit=1)[0]) >= 2 else 32
    tensors = [tensor for tensor in edge.model.tensors.values()
               if views.has_f32_npy(tensor) and len(tensor.shape) <= limit]
    assert len(tensors) > 100
    for tensor in tensors:
        for got in both(edge, tensor.name, numpy):
            check_same(numpy, got, converted(tensor, numpy, ml_dtypes), tensor.name)
