# SPDX-License-Identifier: Apache-2.0
"""The reference reader on what is made for it: parts of a model, and shards as one file."""
import os

import pytest

import compare
import make_model
import views
from make_model import Spec
from safetensors_reader import DTYPE_BITS, tree_path

NUMPY_LACKS = {"BF16", "F4", "F6_E2M3", "F6_E3M2", *(f"F8_{kind}" for kind in (
    "E4M3", "E5M2", "E8M0", "E4M3FNUZ", "E5M2FNUZ"))}


@pytest.fixture(scope="module")
def sharded(sharded_folder, module_mount):
    """A mount of the model of four shards."""
    return module_mount(sharded_folder)


@pytest.fixture(scope="module")
def sources(sharded, safetensors):
    """What the reference reads from the shards themselves."""
    found = {}
    for shard in sharded.model.shards:
        with open(shard.path, "rb") as file:
            found.update(safetensors.deserialize(file.read()))
    return found


def check_entries(safetensors, path, want):
    """The reference reads from the file these tensors, each of the type, shape and bytes."""
    got = dict(safetensors.deserialize(compare.slurp(path)))
    assert set(got) == set(want)
    for name, entry in got.items():
        assert (entry["dtype"], entry["shape"]) == (want[name]["dtype"], want[name]["shape"])
        assert bytes(entry["data"]) == bytes(want[name]["data"]), name


def test_every_part(edge, safetensors, original):
    """Each tensor and each folder of the worst model there is, read by the reference."""
    for path, tensors in views.groups(edge.model).items():
        check_entries(safetensors, edge.at(".view", "safetensors", path + ".safetensors"),
                      {tensor.name: original[tensor.name] for tensor in tensors})


def test_every_part_of_shards(sharded, safetensors, sources):
    """The same where a folder's tensors come from several files."""
    for path, tensors in views.groups(sharded.model).items():
        check_entries(safetensors, sharded.at(".view", "safetensors", path + ".safetensors"),
                      {tensor.name: sources[tensor.name] for tensor in tensors})


def test_one_layer(sharded, numpy, safetensors):
    """A layer by name, through safe_open: keys, metadata, slices."""
    from safetensors.numpy import load_file

    path = sharded.at(".view", "safetensors", "model", "layers", "1.safetensors")
    with safetensors.safe_open(path, framework="np") as file:
        assert set(file.keys()) == {name for name in sharded.model.tensors
                                    if name.startswith("model.layers.1.")}
        assert file.metadata() == {"format": "pt"}
        name = "model.layers.1.self_attn.rotary.inv_freq"
        want = numpy.frombuffer(sharded.model.tensors[name].read(), "<f8")
        assert file.get_slice(name)[2:5].tobytes() == want[2:5].tobytes()
    part = load_file(sharded.at(".view", "safetensors", tree_path(name) + ".safetensors"))
    assert list(part) == [name] and part[name].tobytes() == want.tobytes()


def test_quantised_weight(tmp_path, mount, safetensors):
    """A weight comes with what hangs below it, as bitsandbytes names it."""
    source = tmp_path / "m.safetensors"
    names = ["l.weight", "l.weight.absmax", "l.weight.quant_state.nf4", "l.bias"]
    make_model.write_file(source, [Spec(name, "U8", (3,)) for name in names])
    mounted = mount(source)
    whole = dict(safetensors.deserialize(source.read_bytes()))
    for path, count in (("l/weight", 3), ("l/weight/quant_state", 1), ("l", 4), ("l/bias", 1)):
        want = {name: whole[name] for name in names
                if tree_path(name) == path or tree_path(name).startswith(path + "/")}
        assert len(want) == count
        check_entries(safetensors, mounted.at(".view", "safetensors", path + ".safetensors"), want)


@pytest.mark.parametrize("dtype", sorted(set(DTYPE_BITS) - NUMPY_LACKS))
def test_alignment(edge, numpy, safetensors, dtype):
    """A mapped tensor of a one-tensor file begins on a page; in any file it is aligned."""
    name = f"dtype.{dtype}"
    path = edge.at(".view", "safetensors", tree_path(name) + ".safetensors")
    with open(path, "rb") as file:
        assert (int.from_bytes(file.read(8), "little") + 8) % 4096 == 0
    with safetensors.safe_open(path, framework="np") as file:
        array = file.get_tensor(name)
    assert array.flags.aligned
    assert array.tobytes() == edge.model.tensors[name].read()


def test_merged(sharded, safetensors, sources):
    """The shards as one file."""
    path = sharded.at(".view", "model", "model.safetensors")
    check_entries(safetensors, path, sources)
    with safetensors.safe_open(path, framework="np") as file:
        assert file.metadata() == {"format": "pt"}


def test_single(edge, safetensors, original):
    """A model of one file is that file."""
    path = edge.at(".view", "model", "model.safetensors")
    assert os.path.getsize(path) == os.path.getsize(edge.source)
    check_entries(safetensors, path, original)


def test_accepted(edge, sharded, oracle):
    """The reference's verdict on each of these files."""
    for mounted in (edge, sharded):
        for view in ("safetensors", "model"):
            root = mounted.at(".view", view)
            for path in compare.files_below(root):
                assert oracle.verdict(os.path.join(root, path))[0] == "ok", path


def test_beyond_4_gib(tmp_path, mount, safetensors, numpy):
    """Merged shards that are longer than 32 bits can say, opened and sliced by the reference."""
    folder = tmp_path / "big"
    make_model.write_sharded(folder, list(make_model.big()), 2)
    mounted = mount(folder)
    specs = {spec.name: spec for spec in make_model.big()}
    with safetensors.safe_open(mounted.at(".view", "model", "model.safetensors"),
                               framework="np") as file:
        assert set(file.keys()) == set(specs)
        for name in ("before", "behind.it"):
            assert file.get_tensor(name).tobytes() == make_model.expected(specs[name])
        last = file.get_slice("big")[4099:, 1023:, :].tobytes()
    assert last == make_model.expected(specs["big"], specs["big"].size - 1025)
