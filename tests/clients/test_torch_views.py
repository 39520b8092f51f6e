# SPDX-License-Identifier: Apache-2.0
"""pytorch_model.bin by torch itself, beside what safetensors loads and what torch would save."""
import os
import struct
import zipfile

import pytest

import make_model
import views
from make_model import Spec
from safetensors_reader import DTYPE_BITS

pytestmark = pytest.mark.heavy

MODES = [(only, mapped) for only in (True, False) for mapped in (True, False)]
ALIGNMENT = 64
MAX32 = 0xffffffff


@pytest.fixture(scope="module")
def typed(tmp_path_factory, module_mount, torch):
    """Two shards with a matrix, a scalar and an empty tensor of every type, and aliases."""
    from safetensors.torch import load_file

    folder = tmp_path_factory.mktemp("models") / "typed"
    specs = [Spec("odd", "U8", (1,))]
    for dtype, bits in DTYPE_BITS.items():
        specs += [Spec(f"matrix.{dtype}", dtype, (33, 8)),
                  Spec(f"none.{dtype}", dtype, (3, 0, 4))]
        specs += [Spec(f"scalar.{dtype}", dtype, ())] * (bits >= 8)
    specs += [Spec("large", "BF16", (1000, 1001)), Spec("rank", "I64", (1, 2) * 16),
              Spec("d\u00e9j\u00e0 vu/\n\0", "F16", (300,)), Spec("", "U8", (65536,))]
    kept = [spec for spec in specs if spec.dtype not in views.TORCH_LACKS]
    folder.mkdir()
    files = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    aliases = {"tied.weight": "large", "tied.F8": "matrix.F8_E4M3", "tied.F6": "matrix.F6_E2M3"}
    for number, file in enumerate(files):
        make_model.write_file(folder / file, specs[number::2], aliases, make_model.WHOLE)
    make_model.write_index(folder, {spec.name: files[n % 2] for n, spec in enumerate(specs)})
    # safetensors cannot read what torch does not have, so it gets a copy without
    make_model.write_file(folder.parent / "kept", kept, fill=make_model.WHOLE)
    mounted = module_mount(folder)
    mounted.loaded = load_file(folder.parent / "kept")
    return mounted


def binary(mounted):
    """The path of the checkpoint."""
    return mounted.at(".view", "torch", "pytorch_model.bin")


def load(torch, mounted, only=True, mapped=True):
    """torch.load in one of its modes."""
    return torch.load(binary(mounted), weights_only=only, mmap=mapped)


def same(torch, left, right):
    """Equal in type, shape, strides and every bit."""
    if (left.dtype, left.shape, left.stride()) != (right.dtype, right.shape, right.stride()):
        return False
    left, right = (t.reshape(-1).view(torch.uint8) for t in (left, right))
    return torch.equal(left, right)


@pytest.mark.parametrize("only, mapped", MODES)
def test_load(typed, torch, only, mapped):
    """All tensors but F6, as safetensors loads them; aliases are second names."""
    got = load(torch, typed, only, mapped)
    assert {*typed.loaded, "tied.weight", "tied.F8"} == set(got)
    for name, want in typed.loaded.items():
        assert same(torch, got[name], want), name
        assert not got[name].requires_grad and type(got[name]) is torch.Tensor


@pytest.mark.parametrize("only, mapped", MODES)
def test_aliases_share(typed, torch, only, mapped):
    """An alias has the memory of its tensor; no other two tensors do."""
    got = load(torch, typed, only, mapped)
    for alias, name in (("tied.weight", "large"), ("tied.F8", "matrix.F8_E4M3")):
        assert got[alias].data_ptr() == got[name].data_ptr()
        assert same(torch, got[alias], got[name])
    got["tied.weight"].view(torch.int16)[0, 0] = 1234  # in memory: nothing is written back
    assert got["large"].view(torch.int16)[0, 0] == 1234
    places = [t.untyped_storage().data_ptr() for t in got.values() if t.numel()]
    assert len(set(places)) == len(places) - 2
    assert same(torch, load(torch, typed)["large"], typed.loaded["large"])


def test_single_file(edge, torch, safetensors):
    """The worst file there is: whatever the reference can hand to torch is there, equal."""
    got = load(torch, edge)
    absent = {t.name for t in edge.model.tensors.values() if views.must_lack("torch", t)}
    optional = {t.name for t in edge.model.tensors.values() if views.may_lack("torch", t)}
    assert set(edge.model.tensors) - absent - optional <= set(got)
    assert set(got) <= set(edge.model.tensors) - absent
    with safetensors.safe_open(edge.source, framework="pt") as file:
        for name in set(got) - optional:
            assert same(torch, got[name], file.get_tensor(name)), name


def test_saved_by_save_model(tmp_path, mount, torch):
    """A module with tied weights, as the library itself saves it, loads into its like."""
    from safetensors.torch import save_model

    class Tied(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(50, 8)
            self.head = torch.nn.Linear(8, 50, bias=False)
            self.head.weight = self.embed.weight

    module, other = Tied(), Tied()
    save_model(module, str(tmp_path / "model.safetensors"))
    mounted = mount(tmp_path / "model.safetensors")
    assert len(views.aliases(mounted.model)) == 1
    state = load(torch, mounted)
    assert set(state) == set(module.state_dict())
    other.load_state_dict(state)
    assert torch.equal(other.head.weight, module.head.weight)
    assert state["embed.weight"].data_ptr() == state["head.weight"].data_ptr()


@pytest.mark.parametrize("mapped", [True, False])
def test_calculated_offsets(typed, torch, monkeypatch, mapped):
    """torch may compute where each record lies by its own rule, and checks that when asked."""
    from torch.utils.serialization import config

    monkeypatch.setenv("TORCH_SERIALIZATION_DEBUG", "1")
    monkeypatch.setattr(config.load, "calculate_storage_offsets", True)
    got = load(torch, typed, mapped=mapped)
    for name, want in typed.loaded.items():
        assert same(torch, got[name], want), name


def test_meta(typed, torch):
    """Shapes alone, on the device that has no data."""
    got = torch.load(binary(typed), weights_only=True, map_location="meta")
    assert {name: t.shape for name, t in got.items() if name in typed.loaded} == {
        name: t.shape for name, t in typed.loaded.items()}


def records(path):
    """(name below the root folder, header offset, data offset, size) of each record, in order."""
    found = []
    with zipfile.ZipFile(path) as archive, open(path, "rb") as file:
        roots = {info.filename.split("/")[0] for info in archive.infolist()}
        assert len(roots) == 1
        for info in archive.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.CRC == 0, info.filename
            file.seek(info.header_offset)
            head = file.read(30)
            name, extra = struct.unpack("<HH", head[26:30])
            assert head[:4] == b"PK\3\4" and head[14:18] == bytes(4)
            assert file.read(name) == info.filename.encode()
            found.append((info.filename.partition("/")[2], info.header_offset,
                          info.header_offset + 30 + name + extra, info.file_size, name))
    return found


def check_layout(path):
    """Records follow each other as torch lays them out: padded headers, descriptors between."""
    cursor = 0
    for record, header, start, size, name in records(path):
        assert header == cursor, record
        extra = 16 * (size >= MAX32) + 8 * (header >= MAX32)
        bare = header + 30 + name + 4 + (extra + 4 if extra else 0)
        assert start == bare + -bare % ALIGNMENT, record
        descriptor = 24 if header >= MAX32 or size >= MAX32 else 16
        cursor = start + size + (descriptor if size else 0)


def saved(torch, state, path, monkeypatch):
    """The same state dict as torch.save writes it without CRCs."""
    from torch.utils.serialization import config

    monkeypatch.setattr(config.save, "compute_crc32", False)
    torch.save(state, path)
    return path


def raw(path, name):
    """The bytes of one record, whose CRC zipfile would not like."""
    (found,) = [record for record in records(path) if record[0] == name]
    with open(path, "rb") as file:
        file.seek(found[2])
        return file.read(found[3])


def test_structure(typed, torch, tmp_path, monkeypatch):
    """The same records, of the same sizes, in the same order, as in torch's own file."""
    path = saved(torch, load(torch, typed), tmp_path / "pytorch_model.bin", monkeypatch)
    check_layout(path)
    check_layout(binary(typed))
    ours, theirs = (({name: size for name, _, _, size, _ in records(p)}) for p in
                    (binary(typed), path))
    ours.pop("data.pkl"), theirs.pop("data.pkl")
    assert list(ours.items()) == list(theirs.items())
    for name in ("version", "byteorder", ".format_version", ".storage_alignment"):
        assert raw(binary(typed), name) == raw(path, name), name
    for name in ours:
        if name.startswith("data/"):
            assert raw(binary(typed), name) == raw(path, name), name


def test_beyond_4_gib(tmp_path, mount, torch):
    """A tensor longer than 32 bits can say, and one behind it, mapped and looked at in part."""
    source = tmp_path / "big.safetensors"
    make_model.main(["big", str(source)])
    mounted = mount(source)
    specs = {spec.name: spec for spec in make_model.big()}
    check_layout(binary(mounted))
    got = load(torch, mounted)
    assert set(got) == set(specs)
    for name, spec in specs.items():
        flat = got[name].reshape(-1).view(torch.uint8)
        assert flat.numel() == spec.size
        for place in (0, 1 << 31, 1 << 32, spec.size):
            begin = max(0, min(place, spec.size) - 100)
            part = bytes(flat[begin:begin + 200].tolist())
            assert part == make_model.expected(spec, begin, 200), (name, place)


def test_many(tmp_path, mount, torch):
    """More tensors than an old zip directory can count."""
    source = tmp_path / "many.safetensors"
    make_model.main(["many", str(source), "--count", "70000"])
    mounted = mount(source)
    got = load(torch, mounted)
    assert set(got) == set(mounted.model.tensors)
    for name in list(got)[::9973]:
        data = bytes(got[name].view(torch.uint8).tolist())
        assert data == mounted.model.tensors[name].read()
    assert os.path.getsize(binary(mounted)) > 70000 * ALIGNMENT
