# SPDX-License-Identifier: Apache-2.0
"""The offload view is the folder that accelerate would have written, byte for byte."""
import os

import pytest

import compare
import make_model
import views
from loaders import HEAVY, loader
from make_model import Spec
from safetensors_reader import DTYPE_BITS

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def accelerate(torch):
    """Hugging Face Accelerate."""
    return loader("accelerate.utils", HEAVY)


@pytest.fixture(scope="module")
def typed_folder(tmp_path_factory):
    """Two shards with a matrix, a scalar and one empty tensor of every type."""
    folder = tmp_path_factory.mktemp("models") / "typed"
    specs = [Spec("odd", "U8", (1,)), Spec("caf\u00e9 \U0001f600 \"quoted\"", "F16", (2, 3))]
    for dtype, bits in DTYPE_BITS.items():
        specs += [Spec(f"matrix.{dtype}", dtype, (33, 8))]
        specs += [Spec(f"scalar.{dtype}", dtype, ())] * (bits >= 8)
    specs += [Spec("..hidden", "I8", (5,)), Spec("a b", "F32", (1000, 1001))]
    make_model.write_sharded(folder, specs, 2, make_model.WHOLE)
    return folder


@pytest.fixture(scope="module")
def typed(typed_folder, module_mount):
    """Its mount."""
    return module_mount(typed_folder)


def state_dict(model, safetensors):
    """What safetensors loads, file by file, in the order of the data; the mount's part of it."""
    state = {}
    for shard in model.shards:
        with safetensors.safe_open(shard.path, framework="pt") as file:
            for name in file.offset_keys():
                if views.has_offload(model.tensors[name]):
                    state[name] = file.get_tensor(name)
    return state


def offload(mounted):
    """The path of the view."""
    return mounted.at(".view", "offload")


def written(accelerate, mounted, safetensors, folder):
    """The folder that accelerate writes for the model."""
    accelerate.offload_state_dict(folder, state_dict(mounted.model, safetensors))
    return folder


def test_same_folder(typed, accelerate, safetensors, tmp_path):
    """The same files with the same bytes, the index among them."""
    theirs = written(accelerate, typed, safetensors, tmp_path / "offload")
    assert compare.files_below(offload(typed)) == compare.files_below(theirs)
    for name in os.listdir(theirs):
        got = compare.slurp(os.path.join(offload(typed), name))
        assert got == (theirs / name).read_bytes(), name


def test_same_types(typed, accelerate, safetensors, tmp_path):
    """A type is left out only if accelerate cannot write it."""
    for tensor in typed.model.tensors.values():
        with safetensors.safe_open(tensor.path, framework="pt") as file:
            try:
                weight = file.get_tensor(tensor.name)
                accelerate.offload_weight(weight, tensor.name, tmp_path)
            except (TypeError, safetensors.SafetensorError):
                assert tensor.dtype in views.OFFLOAD_LACKS, tensor.name
            else:
                assert tensor.dtype not in views.OFFLOAD_LACKS, tensor.name


@pytest.mark.parametrize("dtype", sorted(set(DTYPE_BITS) - views.OFFLOAD_LACKS))
def test_empty(tmp_path, mount, accelerate, safetensors, dtype):
    """Tensors without elements: a file of one zero byte, for numpy maps no empty file."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("none", dtype, (3, 0, 5))])
    mounted = mount(source)
    theirs = written(accelerate, mounted, safetensors, tmp_path / "offload")
    assert set(os.listdir(offload(mounted))) == set(os.listdir(theirs))
    for name in os.listdir(theirs):
        got = compare.slurp(os.path.join(offload(mounted), name))
        assert got == (theirs / name).read_bytes(), name


def test_worst_file(edge, accelerate, safetensors, tmp_path):
    """All names and shapes that accelerate can have; empty ones share a place in the order."""
    theirs = written(accelerate, edge, safetensors, tmp_path / "offload")
    assert compare.files_below(offload(edge)) == compare.files_below(theirs)
    for name in set(os.listdir(theirs)) - {"index.json"}:
        got = compare.slurp(os.path.join(offload(edge), name))
        assert got == (theirs / name).read_bytes(), name
    ours, want = (sorted(open(os.path.join(folder, "index.json"), "rb").read().splitlines())
                  for folder in (offload(edge), theirs))
    assert ours == want


def test_loader(typed, torch, accelerate, safetensors):
    """OffloadedWeightsLoader hands out what safetensors loads."""
    want = state_dict(typed.model, safetensors)
    weights = accelerate.OffloadedWeightsLoader(save_folder=offload(typed))
    assert list(weights) == list(want)
    del want["scalar.U64"]  # which this loader cannot read from accelerate's own folder either
    for name, tensor in want.items():
        got = weights[name]
        assert (got.dtype, got.shape) == (tensor.dtype, tensor.shape), name
        left, right = (t.reshape(-1).view(torch.uint8) for t in (got, tensor))
        assert torch.equal(left, right), name


def test_sharded(sharded_folder, mount, accelerate, safetensors, tmp_path):
    """A model of four shards, in a mount whose root is the view."""
    mounted = mount(sharded_folder, "view=offload")
    theirs = written(accelerate, mounted, safetensors, tmp_path / "offload")
    assert compare.files_below(mounted.path) == compare.files_below(theirs)
    for name in os.listdir(theirs):
        assert compare.slurp(mounted.at(name)) == (theirs / name).read_bytes(), name


def test_dispatch(tmp_path, mount, torch, accelerate):
    """A module whose weights stay in the mount computes what it did before."""
    from accelerate import disk_offload
    from safetensors.torch import save_model

    torch.manual_seed(1)
    module = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))
    data = torch.randn(3, 8)
    with torch.no_grad():
        want = module(data)
    save_model(module, str(tmp_path / "model.safetensors"))
    mounted = mount(tmp_path / "model.safetensors")
    offloaded = disk_offload(module, offload(mounted), execution_device=torch.device("cpu"))
    with torch.no_grad():
        assert torch.equal(offloaded(data), want)
