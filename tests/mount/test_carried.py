# SPDX-License-Identifier: Apache-2.0
"""The other files of the source's folder, which `model`, `torch` and `npz` carry along."""
import errno
import os
import stat

import pytest

import compare
import make_model
import views
from carried import carried, check_carried, left_out, write
from make_model import Spec

SPECS = [Spec("a.weight", "F32", (300,)), Spec("a.bias", "BF16", (7,))]
OTHER_WEIGHTS = ["other.safetensors", "pytorch_model.bin", "training_args.bin", "rank0.pt",
                 "x.pth", "x.ckpt", "tf_model.h5", "flax_model.msgpack", "model.npz", "x.npz",
                 "q4.gguf", "model.onnx", "pytorch_model.bin.index.json",
                 "tf_model.h5.index.json", "some.index.json"]
CARRIED = ["config.json", "tokenizer.json", "merges.txt", "README.md", "1_Pooling/config.json",
           "LICENSE", "no suffix", "bin", "model.safetensors.bak", "index.json", "a.json.txt"]


@pytest.fixture
def folder(tmp_path):
    """A folder that holds a model and nothing else yet."""
    path = tmp_path / "model"
    path.mkdir()
    make_model.write_file(path / "model.safetensors", SPECS, fill=make_model.WHOLE)
    return path


def test_carried(folder, mount):
    """Everything but weights and their indexes, in all three views and in no other."""
    for path in CARRIED:
        write(folder, path)
    write(folder, "tokenizer.json", "x" * 3_000_001)
    write(folder, "empty.txt", "")
    mounted = mount(folder)
    check_carried(mounted, [*CARRIED, "empty.txt"], folder)
    assert not set(left_out(mounted)) & {*CARRIED, "empty.txt"}
    compare.check_tree(mounted.path, mounted.model)


def test_other_weights(folder, mount):
    """At the top level no other weights and no index: loaders would take them for the model."""
    for path in OTHER_WEIGHTS:
        write(folder, path)
        write(folder, f"deeper/{path}")
    mounted = mount(folder)
    check_carried(mounted, [f"deeper/{path}" for path in OTHER_WEIGHTS], folder)
    for view, weights in views.WHOLE.items():
        data = compare.slurp(mounted.at(".view", view, weights))
        assert not data.startswith(b"this is"), view
    assert set(OTHER_WEIGHTS) <= set(left_out(mounted))


def test_index_as_source(sharded_folder, tmp_path, mount):
    """An index and its folder carry the same files; the shards are not among them."""
    copy = tmp_path / "model"
    copy.mkdir()
    for path in sharded_folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    write(copy, "tokenizer.json")
    for source in (copy, copy / "model.safetensors.index.json"):
        check_carried(mount(source), ["tokenizer.json"], copy)


def test_file_as_source(folder, mount):
    """A file carries its folder's files if a config.json lies beside it, else none."""
    write(folder, "tokenizer.json")
    write(folder, "second.safetensors")
    check_carried(mount(folder / "model.safetensors"), [], folder)
    write(folder, "config.json")
    check_carried(mount(folder / "model.safetensors"), ["config.json", "tokenizer.json"], folder)


def test_hidden_files(folder, mount):
    """No name that begins with a dot, at any depth, no folder of that kind either."""
    for path in (".gitattributes", ".env", ".git/config", "sub/.secret", "sub/.cache/x", "..a"):
        write(folder, path)
    write(folder, "sub/seen.txt")
    check_carried(mount(folder), ["sub/seen.txt"], folder)


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o755, 0o440])
def test_attributes(folder, mount, mode):
    """Each file has its own mode, as far as it lets read, and its own time and size."""
    path = write(folder, "sub/config.json")
    os.chmod(path, mode)
    os.utime(path, ns=(0, 1_000_000_000_123_456_789))
    st = os.stat(mount(folder).at(".view", "torch", "sub", "config.json"))
    assert stat.S_IMODE(st.st_mode) == mode & 0o444
    assert st.st_mtime_ns == 1_000_000_000_123_456_789
    assert st.st_size == os.path.getsize(path)


@pytest.mark.parametrize("io", ["map", "pread"])
def test_change(folder, mount, io):
    """One that changed answers ESTALE for ever; the others and the tensors go on."""
    path = write(folder, "config.json")
    write(folder, "tokenizer.json")
    os.utime(path, ns=(0, 1_500_000_000_000_000_000))
    mounted = mount(folder, f"io={io}")
    check_carried(mounted, ["config.json", "tokenizer.json"], folder)
    with open(path, "a", encoding="utf-8") as file:
        file.write("more")
    for view in views.WHOLE:
        for _ in range(2):
            with pytest.raises(OSError) as caught:
                compare.slurp(mounted.at(".view", view, "config.json"))
            assert caught.value.errno == errno.ESTALE
        want = (folder / "tokenizer.json").read_bytes()
        assert compare.slurp(mounted.at(".view", view, "tokenizer.json")) == want
        assert compare.slurp(mounted.at(".view", view, views.WHOLE[view]))
    compare.check_tree(mounted.path, mounted.model)


def test_opened_before_the_mount(folder, mount):
    """A file that is replaced, removed or added later changes nothing."""
    path = write(folder, "config.json", "old")
    write(folder, "gone.txt", "gone")
    mounted = mount(folder)
    os.rename(write(folder, "new.json", "new"), path)
    os.unlink(folder / "gone.txt")
    write(folder, "late.txt")
    assert carried(mounted) == {"config.json", "gone.txt"}
    assert compare.slurp(mounted.at(".view", "model", "config.json")) == b"old"
    assert compare.slurp(mounted.at(".view", "model", "gone.txt")) == b"gone"
