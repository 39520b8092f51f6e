# SPDX-License-Identifier: Apache-2.0
"""PyTorch on mapped files, and a trained model as it is published."""
import mmap
import os

import pytest

import compare
import expected
import harness
import make_model
from make_model import Spec
from safetensors_reader import tree_path

pytestmark = pytest.mark.heavy

DTYPES = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16",
          "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64", "F16": "float16",
          "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
          "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
          "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"}


@pytest.fixture(scope="module")
def typed_file(tmp_path_factory):
    """A matrix and a scalar of every type that torch has."""
    path = tmp_path_factory.mktemp("models") / "typed.safetensors"
    specs = [Spec(f"{kind}.{dtype}", dtype, shape) for dtype in DTYPES
             for kind, shape in (("matrix", (33, 7)), ("scalar", ()))]
    make_model.write_file(path, specs, fill=make_model.WHOLE)
    return path


@pytest.fixture(scope="module")
def typed(typed_file, module_mount, torch):
    """Its mount, and what safetensors.torch loads from the file itself."""
    from safetensors.torch import load_file

    mounted = module_mount(typed_file)
    mounted.loaded = load_file(typed_file)
    return mounted


def same(torch, left, right):
    """Equal in type, shape and every bit; floats may be NaN, so bytes are compared."""
    if (left.dtype, left.shape) != (right.dtype, right.shape):
        return False
    left, right = (t.contiguous().reshape(-1).view(torch.uint8) for t in (left, right))
    return torch.equal(left, right)


def from_map(torch, path, dtype, shape):
    """torch.frombuffer over a private map of a file, which is how loaders do it."""
    with open(path, "rb") as file:
        view = mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    return torch.frombuffer(view, dtype=dtype).reshape(shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_frombuffer(typed, torch, dtype):
    """A tensor over mapped bytes equals the one that safetensors loads."""
    for kind in ("matrix", "scalar"):
        name = f"{kind}.{dtype}"
        want = typed.loaded[name]
        got = from_map(torch, typed.at(tree_path(name) + ".bin"),
                       getattr(torch, DTYPES[dtype]), want.shape)
        assert same(torch, got, want), name


@pytest.mark.parametrize("dtype", DTYPES)
def test_from_file(typed, torch, dtype):
    """torch.from_file maps by itself; writing to such a tensor stays in memory."""
    name = f"matrix.{dtype}"
    path, want = typed.at(tree_path(name) + ".bin"), typed.loaded[name]
    got = torch.from_file(path, shared=False, size=want.numel(),
                          dtype=getattr(torch, DTYPES[dtype]))
    assert same(torch, got.reshape(want.shape), want)
    got.view(torch.uint8).fill_(1)
    compare.check_bin(typed.path, typed.model.tensors[name])


def test_shared_for_writing(typed, torch):
    """A map that would write back to the file cannot be had."""
    with pytest.raises(RuntimeError, match="Read-only file system"):
        torch.from_file(typed.at("matrix", "F32.bin"), shared=True, size=231)


def test_from_numpy(typed, torch, numpy):
    """np.load of a mapped array, handed over to torch without a copy."""
    array = numpy.load(typed.at(".view", "npy", "matrix", "F32.npy"), mmap_mode="c")
    assert same(torch, torch.from_numpy(array), typed.loaded["matrix.F32"])


@pytest.mark.parametrize("whole", [False, True])
def test_trained_model(trained, mount, torch, whole):
    """All tensors of a real model, given as a file or as the folder that it lies in."""
    from safetensors.torch import load_file

    mounted = mount(os.path.dirname(trained) if whole else trained)
    loaded = load_file(trained)
    assert set(loaded) == set(mounted.model.tensors)
    assert len(loaded) >= 104
    for name, want in loaded.items():
        with open(mounted.at(tree_path(name) + ".json"), "rb") as file:
            about = expected.parse_json(file.read())
        got = from_map(torch, mounted.at(tree_path(name) + ".bin"),
                       getattr(torch, DTYPES[about["dtype"]]), about["shape"])
        assert same(torch, got, want), name


def test_trained_model_tree(trained, mount):
    """Its tree by the oracle: every byte, every document."""
    mounted = mount(trained)
    compare.check_tree(mounted.path, mounted.model)
    result = harness.run("--check", trained)
    count = len(mounted.model.tensors)
    assert (result.returncode, result.stdout) == (0, f"{trained}: ok, {count} tensors\n")
