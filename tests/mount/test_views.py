# SPDX-License-Identifier: Apache-2.0
"""The views beside `tensors` and `npy`: what is in each, at its root and below .view."""
import json
import os
import shutil

import pytest

import compare
import expected
import harness
import make_model
import views
from make_model import Spec
from safetensors_reader import DTYPE_BITS, read_shard

ALIGNMENT = 4096  # of the data in a file of the `safetensors` view
NUMPY = {"BOOL": "bool", "U8": "uint8", "I8": "int8", "I16": "int16", "U16": "uint16",
         "I32": "int32", "U32": "uint32", "I64": "int64", "U64": "uint64", "F16": "float16",
         "BF16": "bfloat16", "F32": "float32", "F64": "float64", "C64": "complex64",
         "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2", "F8_E8M0": "float8_e8m0fnu",
         "F8_E4M3FNUZ": "float8_e4m3fnuz", "F8_E5M2FNUZ": "float8_e5m2fnuz"}


@pytest.fixture(scope="module")
def sharded(sharded_folder, module_mount):
    """A mount of the model of four shards."""
    return module_mount(sharded_folder)


@pytest.fixture(scope="module", params=["edge", "sharded"])
def mounted(request):
    """Either model."""
    return request.getfixturevalue(request.param)


def shown(mounted, view, *parts):
    """A path in a view."""
    return mounted.at(".view", view, *parts)


def slurp(mounted, view, path):
    """A whole file of a view."""
    return compare.slurp(shown(mounted, view, path))


def metadata(mounted):
    """The model's document."""
    return expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))


@pytest.mark.parametrize("view", views.TREES)
def test_listing(mounted, view):
    """The files and links that the oracle expects, and no others."""
    compare.check_listing(shown(mounted, view), view, mounted.model)


@pytest.mark.parametrize("view", views.WHOLE)
def test_listing_of_whole_files(mounted, view):
    """One file of weights; this source has no other files to show."""
    assert compare.walk(shown(mounted, view)) == [views.WHOLE[view]]


@pytest.mark.parametrize("view", expected.VIEWS)
def test_as_root(mounted, mount, view):
    """-o view=NAME shows at the root what .view/NAME shows, and all views below .view."""
    again = mount(mounted.source, f"view={view}")
    assert sorted(compare.walk(again.path)) == sorted(compare.walk(shown(mounted, view)))
    assert sorted(os.listdir(again.at(".view"))) == expected.VIEWS
    assert (sorted(compare.walk(again.at(".view", view)))
            == sorted(compare.walk(shown(mounted, view))))
    for path in sorted(compare.files_below(again.path))[:40]:
        assert compare.slurp(again.at(path)) == slurp(mounted, view, path), path


@pytest.mark.parametrize("view", expected.VIEWS)
def test_list_without_mount(mounted, view):
    """--list finds in each view what a walk of the mount finds."""
    result = harness.run("--list", mounted.source, f".view/{view}")
    assert (result.returncode, result.stderr) == (0, "")
    lines = {line for line in result.stdout.splitlines() if line != f".view/{view}/"}
    assert lines == {f".view/{view}/{path}" for path in compare.walk(shown(mounted, view))}


@pytest.mark.parametrize("name", ["", "nosuch", "F32", "f32/", "/f32", ".view/f32", "f3", "f322",
                                  "models", "..", " f32", "0"])
def test_malformed_view(edge_file, fuse, tmp_path, name):
    """A name that is no view's is misuse: it is named, the views are listed, nothing mounts."""
    result = harness.run("-f", edge_file, tmp_path, "-o", f"view={name}")
    assert result.returncode == 2, result.stderr
    assert name in result.stderr
    assert all(view in result.stderr for view in expected.VIEWS)
    assert not harness.mounts_at(tmp_path)


def test_reasons(mounted):
    """Of each view the document names what is absent, and why."""
    compare.check_metadata(mounted.path, mounted.model)


@pytest.mark.parametrize("view", expected.VIEWS)
def test_sizes_and_times(mounted, view):
    """What stat says of a file is what reading it finds; times are those of a source file."""
    times = {os.stat(shard.path).st_mtime_ns for shard in mounted.model.shards}
    for path in compare.files_below(shown(mounted, view)):
        st = os.stat(shown(mounted, view, path))
        assert len(slurp(mounted, view, path)) == st.st_size, path
        assert st.st_blocks == -(-st.st_size // 512), path
        assert st.st_mtime_ns in times, path


def test_flat(mounted):
    """The same files as in the trees, under the whole name."""
    for tensor in mounted.model.tensors.values():
        path = shown(mounted, "flat", views.flat_name(tensor.name))
        compare.check_data(path + ".bin", 0, tensor)
        document = expected.parse_json(compare.slurp(path + ".json"))
        assert document == expected.tensor_document(tensor)
        if expected.has_npy(tensor):
            with open(path + ".npy", "rb") as file:
                start = expected.check_npy_header(file.read(compare.HEAD), tensor)
            compare.check_data(path + ".npy", start, tensor)


def test_offload_data(mounted):
    """A tensor's bytes; for one that has none a zero, since numpy cannot map an empty file."""
    for tensor in filter(views.has_offload, mounted.model.tensors.values()):
        assert slurp(mounted, "offload", tensor.name + ".dat") == (tensor.read() or b"\0")


def test_offload_index(mounted):
    """index.json as json.dump writes it, tensors in the order of the files and of their data."""
    text = slurp(mounted, "offload", "index.json").decode("ascii")
    index = json.loads(text, object_pairs_hook=expected.unique)
    assert text == json.dumps(index, indent=2)
    tensors = {t.name: t for t in mounted.model.tensors.values() if views.has_offload(t)}
    assert index == {name: {"dtype": NUMPY[t.dtype], "shape": list(t.shape)}
                     for name, t in tensors.items()}
    places = [(tensors[name].file, tensors[name].begin) for name in index]
    assert places == sorted(places)


def test_safetensors(mounted):
    """P.safetensors holds P and all below it, each with its own bytes, aligned to its type."""
    for path, tensors in views.groups(mounted.model).items():
        file = read_shard(shown(mounted, "safetensors", path + ".safetensors"))
        assert file.metadata == {"format": "pt"}
        assert (file.header_bytes + 8) % ALIGNMENT == 0
        assert set(file.tensors) == {tensor.name for tensor in tensors}
        assert file.size == 8 + file.header_bytes + sum(tensor.size for tensor in tensors)
        for tensor in tensors:
            copy = file.tensors[tensor.name]
            assert (copy.dtype, copy.shape) == (tensor.dtype, tensor.shape), tensor.name
            assert copy.begin * 8 % DTYPE_BITS[tensor.dtype] == 0, tensor.name
            assert copy.read() == tensor.read(), tensor.name


def test_f32_files(mounted):
    """Four bytes an element, and the same behind the header of the .npy."""
    for tensor in filter(views.has_f32, mounted.model.tensors.values()):
        path = views.base("f32", tensor.name)
        data = slurp(mounted, "f32", path + ".bin")
        assert len(data) == 4 * tensor.elements
        if tensor.dtype == "F32":
            assert data == tensor.read()
        if views.has_f32_npy(tensor):
            array = slurp(mounted, "f32", path + ".npy")
            start, *header = expected.split_npy(array)
            assert header == ["<f4", False, tensor.shape]
            assert start % expected.NPY_ALIGNMENT == 0
            assert array[start:] == data


def test_model_of_one_file(edge):
    """The file itself, byte for byte."""
    with open(edge.source, "rb") as file:
        assert slurp(edge, "model", "model.safetensors") == file.read()


def test_model_of_shards(sharded):
    """All tensors in one file, with the metadata that the shards had."""
    file = read_shard(shown(sharded, "model", "model.safetensors"))
    assert file.metadata == sharded.model.metadata == {"format": "pt"}
    assert set(file.tensors) == set(sharded.model.tensors)
    for tensor in sharded.model.tensors.values():
        assert file.tensors[tensor.name].read() == tensor.read()


def pair(folder, first, second, name="model"):
    """Two shards with the given metadata, both of which hold the tensor `both`."""
    folder.mkdir()
    one, two = f"{name}-00001-of-00002.safetensors", f"{name}-00002-of-00002.safetensors"
    both = Spec("both", "F16", (3,))
    make_model.write_file(folder / one, [Spec("a.x", "I8", (5,)), both], first,
                          content=lambda spec: [b"1" * spec.size])
    make_model.write_file(folder / two, [both, Spec("a.y", "F64", (2,))], second,
                          content=lambda spec: [b"2" * spec.size])
    make_model.write_index(folder, {"a.x": one, "both": one, "a.y": two},
                           f"{name}.safetensors.index.json")
    return folder


@pytest.mark.parametrize("first, second, whole, part", [
    (None, None, {"format": "pt"}, {"format": "pt"}),
    ({}, {}, {"format": "pt"}, {"format": "pt"}),
    ({"format": "np", "k": "1"}, {"k": "2", "l": "3"}, {"format": "np", "k": "1", "l": "3"},
     {"format": "np"}),
    (None, {"format": "tf"}, {"format": "tf"}, {"format": "tf"})])
def test_metadata_of_shards(tmp_path, mount, first, second, whole, part):
    """Joined metadata in the whole file, `pt` if there is none; the format alone in parts."""
    mounted = mount(pair(tmp_path / "pair", first, second))
    file = read_shard(shown(mounted, "model", "model.safetensors"))
    assert file.metadata == whole
    assert read_shard(shown(mounted, "safetensors", "a.safetensors")).metadata == part


def test_double_tensor(tmp_path, mount):
    """One that two shards hold comes once, from the file that the index says."""
    mounted = mount(pair(tmp_path / "pair", None, None))
    for view, path in (("model", "model.safetensors"), ("safetensors", "both.safetensors")):
        file = read_shard(shown(mounted, view, path))
        assert file.tensors["both"].read() == b"1" * 6
    assert slurp(mounted, "offload", "both.dat") == b"1" * 6
    assert json.loads(slurp(mounted, "offload", "index.json")).keys() == {"a.x", "a.y", "both"}


@pytest.mark.parametrize("metadata", [None, {"format": "mlx"}])
def test_one_file_keeps_its_metadata(tmp_path, mount, metadata):
    """A single file is not touched, whatever its metadata; parts of it name a format."""
    source = tmp_path / "any.safetensors"
    make_model.write_file(source, [Spec("a.x", "I8", (5,))], metadata)
    mounted = mount(source)
    assert slurp(mounted, "model", "model.safetensors") == source.read_bytes()
    part = read_shard(shown(mounted, "safetensors", "a", "x.safetensors"))
    assert part.metadata == (metadata or {"format": "pt"})


@pytest.mark.parametrize("name, binary", [("adapter_model", "adapter_model"),
                                          ("diffusion_pytorch_model",) * 2,
                                          ("model", "pytorch_model"), ("x", "pytorch_model")])
@pytest.mark.parametrize("shape", ["file", "folder", "shards", "index"])
def test_names_of_whole_files(tmp_path, mount, name, binary, shape):
    """Adapters and diffusion models keep the names that their loaders look for."""
    folder = tmp_path / "folder"
    if shape in ("shards", "index"):
        pair(folder, None, None, name)
        source = folder / f"{name}.safetensors.index.json" if shape == "index" else folder
    else:
        folder.mkdir()
        make_model.write_file(folder / f"{name}.safetensors", [Spec("a", "I8", (5,))])
        source = folder if shape == "folder" else folder / f"{name}.safetensors"
    mounted = mount(source)
    name = "model" if name == "x" else name
    assert os.listdir(shown(mounted, "model")) == [f"{name}.safetensors"]
    assert os.listdir(shown(mounted, "torch")) == [f"{binary}.bin"]
    assert os.listdir(shown(mounted, "npz")) == [f"{name}.npz"]


def test_no_tensors(tmp_path, mount):
    """Nothing to show is shown as nothing; accelerate, too, writes no index of nothing."""
    make_model.write_file(tmp_path / "m.safetensors", [])
    mounted = mount(tmp_path / "m.safetensors")
    for view in ("f32", "flat", "npy", "offload", "safetensors"):
        assert os.listdir(shown(mounted, view)) == [], view
    for view, file in views.WHOLE.items():
        assert os.listdir(shown(mounted, view)) == [file], view
        assert slurp(mounted, view, file)


def test_header_past_the_limit(tmp_path, mount):
    """Shards whose joined header no reader would take: absent, and the reason is told."""
    folder = tmp_path / "long"
    folder.mkdir()
    files = {f"{letter}.safetensors": letter * 51_000_000 for letter in "ab"}
    for file, name in files.items():
        make_model.write_file(folder / file, [Spec(name, "U8", (3,))])
    make_model.write_index(folder, {name: file for file, name in files.items()})
    mounted = mount(folder)
    absent = metadata(mounted)["views"]["model"]["absent_files"]
    shutil.rmtree(folder)
    assert set(absent) == {"model.safetensors"} and absent["model.safetensors"]
    assert os.listdir(shown(mounted, "model")) == []
    assert not os.path.lexists(shown(mounted, "model", "model.safetensors"))
    assert os.listdir(shown(mounted, "torch")) == ["pytorch_model.bin"]
