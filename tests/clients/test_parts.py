# SPDX-License-Identifier: Apache-2.0
"""Parts and new names, loaded by those who want them: slices, re-keyed and trimmed models."""
import re
import subprocess

import pytest

import compare
import harness
import make_model
from make_model import Spec

LAYERS = 3
NAMES = ["model.embed_tokens.weight", "model.norm.gamma",
         *(f"model.layers.{layer}.{part}" for layer in range(LAYERS) for part in (
             "attn.q_proj.weight", "attn.q_proj.lora_A.weight", "attn.q_proj.lora_B.weight",
             "ln.gamma"))]
RENAMES = {
    "prefix": ([r"s/^model\.//"], lambda name: re.sub(r"^model\.", "", name)),
    "gamma": ([r"s/\.gamma$/.weight/"], lambda name: re.sub(r"\.gamma$", ".weight", name)),
    # Layers move up by one: the last first, so that no two ever have one name.
    "shift": ([f"s/layers\\.{layer}\\./layers.{layer + 1}./" for layer in reversed(range(LAYERS))],
              lambda name: re.sub(r"layers\.(\d+)\.",
                                  lambda match: f"layers.{int(match[1]) + 1}.", name)),
    "any": ([r"s|^model\.layers\.([0-9]+)\.|blocks[\1].|", "s/LN/norm/i"],
            lambda name: re.sub(r"^model\.layers\.(\d+)\.", r"blocks[\1].",
                                name).replace("ln", "norm", 1)),
}


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """A model with adapters, in three shards."""
    path = tmp_path_factory.mktemp("models") / "adapted"
    make_model.write_sharded(path, [Spec(name, "F16", (8, 6)) for name in NAMES], 3)
    return path


def words(option, values):
    """An option for each value."""
    return [word for value in values for word in (option, value)]


def load_all(mounted, torch):
    """The merged file and the pickle, by the loaders that people use; equal, and returned."""
    from safetensors.torch import load_file

    found = copies(load_file(mounted.at(".view", "model", "model.safetensors")))
    again = torch.load(mounted.at(".view", "torch", "pytorch_model.bin"), weights_only=True)
    assert set(found) == set(again)
    assert all(raw(found[name]) == raw(again[name]) for name in found)
    return found


def copies(tensors):
    """The same without the mapped file, which would keep the mount busy."""
    return {name: tensor.clone() for name, tensor in tensors.items()}


def raw(tensor):
    """The bytes of an F16 tensor, of which some are no numbers."""
    return tensor.contiguous().numpy().tobytes()


def check(found, want, model):
    """These tensors and no others: new name -> old name."""
    assert set(found) == set(want)
    for name, old in want.items():
        tensor = model.tensors[old]
        assert tuple(found[name].shape) == tensor.shape
        assert raw(found[name]) == tensor.read(), name


@pytest.mark.parametrize("kind", RENAMES)
def test_renamed(kind, adapted, mount, torch, safetensors):
    """Renames that checkpoints need, in both files that hold all of a model."""
    rules, rename = RENAMES[kind]
    mounted = mount(adapted, words=words("--rename", rules))
    check(load_all(mounted, torch), {rename(name): name for name in NAMES}, mounted.model)


def test_adapter_alone(adapted, mount, torch, safetensors):
    """What a LoRA file has: the adapters, under the names of the base model's prefix."""
    mounted = mount(adapted, words=["--include", "*.lora_[AB].weight",
                                    "--rename", "s/^/base_model.model./"])
    want = {f"base_model.model.{name}": name for name in NAMES if ".lora_" in name}
    assert len(want) == 2 * LAYERS
    check(load_all(mounted, torch), want, mounted.model)


def test_slices(adapted, mount, torch, safetensors):
    """Slices by the loaders of each view, against slicing of the loaded tensor."""
    import numpy as np
    from safetensors.torch import load_file

    mounted = mount(adapted)
    whole = load_all(mounted, torch)
    for text in ("2", "-3:", ":,1:4", "...,0", "1:3,-1", "0:0", ":"):
        index = eval(f"np.s_[{text}]", {"np": np})  # pylint: disable=eval-used
        for name, tensor in whole.items():
            want, base = tensor[index], f"{name.replace('.', '/')}[{text}]"
            part = copies(load_file(mounted.at(".view", "safetensors", base + ".safetensors")))
            assert list(part) == [name] and part[name].shape == want.shape
            assert raw(part[name]) == raw(want)
            for path in (f"npy/{base}.npy", f"flat/{name}[{text}].npy"):
                array = np.load(mounted.at(".view", path), mmap_mode="r")
                assert (array.shape, array.dtype) == (want.shape, np.float16)
                assert array.tobytes() == raw(want)
                del array
            f32 = np.load(mounted.at(".view", "f32", base + ".npy"))
            assert np.array_equal(f32, want.to(torch.float32).numpy(), equal_nan=True)


def test_same_without_a_mount(adapted, mount):
    """--cat writes the same merged file, slice and all."""
    rules = words("--rename", RENAMES["prefix"][0])
    mounted = mount(adapted, words=rules)
    for path in (".view/model/model.safetensors", ".view/npy/embed_tokens/weight[1:,2].npy"):
        out = subprocess.run([harness.find_driver(), "--cat", *rules, adapted, path],
                             capture_output=True, check=True, env=harness.environment())
        assert out.stdout == compare.slurp(mounted.at(path)), path
