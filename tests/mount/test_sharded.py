# SPDX-License-Identifier: Apache-2.0
"""Models of many files: which files make a model, and what happens where they disagree."""
import hashlib
import os
import shutil

import pytest

import compare
import expected
import harness
import make_model
from make_model import Spec
from safetensors_reader import tree_path

INDEX = "model.safetensors.index.json"
A, B = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def shard(folder, file, *names, key=""):
    """Write a file of small tensors; `key` makes their bytes those of this file alone."""
    os.makedirs(os.path.dirname(os.path.join(folder, file)), exist_ok=True)
    content = hashlib.sha256(key.encode())

    def three(spec):
        content.update(spec.name.encode())
        yield content.digest()[:3]

    specs = [Spec(name, "U8", (3,)) for name in names]
    make_model.write_file(os.path.join(folder, file), specs, {"file": file}, content=three)


@pytest.fixture
def folder(tmp_path):
    """An empty folder for a model."""
    path = tmp_path / "model"
    path.mkdir()
    return path


@pytest.fixture
def pair(folder):
    """Two shards and their index."""
    shard(folder, A, "a", "x.shared", key="A")
    shard(folder, B, "b", key="B")
    make_model.write_index(folder, {"a": A, "x.shared": A, "b": B})
    return folder


def names(mounted):
    """Which tensors of one-component names a mount shows at its root."""
    return {path[:-4] for path in os.listdir(mounted.path) if path.endswith(".bin")}


def refused(fuse, source, work, *options):
    """Start on a source that is no model; returns the message and its last word."""
    (work / "refused").mkdir(exist_ok=True)
    result = harness.run("-f", source, work / "refused", *options, timeout=30)
    assert not harness.mounts_at(work / "refused")
    return result.stderr, harness.error_word(result)


@pytest.mark.parametrize("source", ["", INDEX])
def test_index(sharded_folder, mount, source):
    """The folder and its index are the same model."""
    mounted = mount(sharded_folder / source)
    assert len(mounted.model.shards) == 4
    compare.check_tree(mounted.path, mounted.model)


def test_hugging_face_snapshot(sharded_folder, tmp_path, mount):
    """Links into blobs/ are followed, and shards are looked for beside the link."""
    blobs = tmp_path / "models--org--name" / "blobs"
    snapshot = tmp_path / "models--org--name" / "snapshots" / ("0123456789abcdef" * 2)
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for name in os.listdir(sharded_folder):
        blob = hashlib.sha256(name.encode()).hexdigest()
        shutil.copy(sharded_folder / name, blobs / blob)
        os.symlink(f"../../blobs/{blob}", snapshot / name)
    for source in (snapshot, snapshot / INDEX):
        mounted = mount(source)
        compare.check_tree(mounted.path, mounted.model)
    one = os.path.realpath(next(snapshot.glob("*-00001-of-*")))
    mounted = mount(one)  # a blob by itself: no suffix, and known by its own name
    compare.check_tree(mounted.path, mounted.model)


def test_set_without_index(sharded_folder, folder, mount):
    """X-0000n-of-0000N, all N of them, is a model."""
    for number, path in enumerate(sorted(sharded_folder.glob("*.safetensors"))):
        shutil.copy(path, folder / f"adapter-{number + 1:05d}-of-00004.safetensors")
    mounted = mount(folder)
    assert len(mounted.model.shards) == 4
    compare.check_tree(mounted.path, mounted.model)


def test_incomplete_set(folder, fuse, tmp_path):
    """A set with a gap is not a model, and the message lists what is there."""
    shard(folder, A, "a")
    shard(folder, "model-00003-of-00003.safetensors", "b")
    message, _ = refused(fuse, folder, tmp_path)
    assert A in message


def test_order_of_choice(pair, mount):
    """model.safetensors comes before its index, and this before any other index or file."""
    shard(pair, "other.safetensors", "other")
    make_model.write_index(pair, {"other": "other.safetensors"}, "z.safetensors.index.json")
    assert names(mount(pair)) == {"a", "b"}
    shard(pair, "model.safetensors", "single")
    assert names(mount(pair)) == {"single"}


def test_only_other_index(folder, mount):
    """An index of another name will do if it is the only one."""
    shard(folder, "x-1.safetensors", "a")
    shard(folder, "x-2.safetensors", "b")
    make_model.write_index(folder, {"a": "x-1.safetensors", "b": "x-2.safetensors"},
                           "diffusion_model.safetensors.index.json")
    mounted = mount(folder)
    assert names(mounted) == {"a", "b"}
    compare.check_tree(mounted.path, mounted.model)


def test_only_file(folder, mount):
    """The only *.safetensors of a folder is the model, whatever else lies there."""
    shard(folder, "adapter_model.safetensors", "a")
    (folder / "config.json").write_text("{}")
    (folder / "blob").write_bytes(b"\0" * 100)
    assert names(mount(folder)) == {"a"}


def test_ambiguous_folder(folder, fuse, tmp_path):
    """Two files and no hint which: an error that lists them."""
    shard(folder, "one.safetensors", "a")
    shard(folder, "two.safetensors", "b")
    message, _ = refused(fuse, folder, tmp_path)
    assert "one.safetensors" in message and "two.safetensors" in message


def test_empty_folder(folder, fuse, tmp_path):
    """Nothing there is said, with the folder's name."""
    (folder / "README.md").write_text("none")
    message, _ = refused(fuse, folder, tmp_path)
    assert str(folder) in message


@pytest.mark.parametrize("name", ["/etc/x.safetensors", "../x.safetensors", "..", "",
                                  "sub/../../x.safetensors", "model.bin", "x.safetensors/",
                                  "nul\0.safetensors"])
def test_bad_shard_names(pair, fuse, tmp_path, name):
    """A shard is a *.safetensors beside the index or below; other names are refused."""
    shard(pair, "../x.safetensors", "x")
    make_model.write_index(pair, {"a": A, "x": name})
    message, word = refused(fuse, pair, tmp_path)
    assert word == "index", message


@pytest.mark.parametrize("text", [
    "", "[]", "{", "{}", '{"weight_map": []}', '{"weight_map": {"a": 1}}',
    '{"weight_map": {"a": null}}', '{"weight_map": "a"}', '{"weight_map": {}} x', "\0"])
def test_bad_index(pair, fuse, tmp_path, text):
    """An index that is no index is an error of its own kind."""
    (pair / INDEX).write_text(text)
    message, word = refused(fuse, pair, tmp_path)
    assert word == "index", message
    assert INDEX in message


def test_shard_in_a_folder(folder, mount):
    """A shard may lie in a folder below the index, and is named as the index names it."""
    shard(folder, "unet/x.safetensors", "a")
    make_model.write_index(folder, {"a": "unet/x.safetensors"})
    mounted = mount(folder)
    assert mounted.model.tensors["a"].file == "unet/x.safetensors"
    compare.check_tree(mounted.path, mounted.model)


def test_missing_shard(pair, fuse, tmp_path):
    """A shard that the index lists and that is not there is named."""
    os.unlink(pair / B)
    message, _ = refused(fuse, pair, tmp_path)
    assert B in message


def test_missing_tensor(pair, fuse, tmp_path):
    """So is a tensor that its shard does not hold."""
    make_model.write_index(pair, {"a": A, "b": B, "not.there": B})
    message, _ = refused(fuse, pair, tmp_path)
    assert "not.there" in message


def test_bad_shard(pair, fuse, tmp_path):
    """A shard that is broken is named, with the reference's word for what is wrong."""
    (pair / B).write_bytes((pair / B).read_bytes() + b"x")
    message, word = refused(fuse, pair, tmp_path)
    assert B in message
    assert word == "metadata-incomplete-buffer"


def test_missing_skip(pair, mount):
    """-o missing=skip mounts what is there, warns, and lists what is not."""
    os.unlink(pair / B)
    make_model.write_index(pair, {"a": A, "x.shared": A, "b": B, "not.there": A})
    mounted = mount(pair, "missing=skip")
    assert mounted.output().strip(), "no warning"
    assert mounted.model.missing == {"b": B, "not.there": A}
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    assert document["missing"] == {"b": B, "not.there": A}
    compare.check_tree(mounted.path, mounted.model)


def test_missing_skip_with_all_there(pair, mount):
    """Nothing is missing, so nothing is said of it."""
    mounted = mount(pair, "missing=skip")
    assert "missing" not in expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    compare.check_tree(mounted.path, mounted.model)


def test_extra_files(pair, mount):
    """A file that the index does not list is not even opened."""
    shard(pair, "model-00003-of-00003.safetensors", "stale", "a")
    (pair / "broken.safetensors").write_bytes(b"\xff" * 100)
    os.mkfifo(pair / "pipe.safetensors")
    assert names(mount(pair)) == {"a", "b"}


def test_unlisted_tensor(pair, mount):
    """Every tensor of a listed shard is shown, listed or not."""
    make_model.write_index(pair, {"a": A, "b": B})
    mounted = mount(pair)
    assert os.path.exists(mounted.at("x", "shared.bin"))
    compare.check_tree(mounted.path, mounted.model)


@pytest.mark.parametrize("owner", [A, B])
def test_double_listed(folder, mount, owner):
    """A tensor in two shards belongs to the one that weight_map says."""
    shard(folder, A, "a", "both", key="A")
    shard(folder, B, "b", "both", key="B")
    make_model.write_index(folder, {"a": A, "b": B, "both": owner})
    mounted = mount(folder)
    assert mounted.model.tensors["both"].file == owner
    for tensor in mounted.model.tensors.values():
        compare.check_bin(mounted.path, tensor)
        compare.check_json(mounted.path, tensor)


def test_double_unlisted(folder, mount):
    """One that is in two and listed nowhere belongs to the last in file-name order."""
    shard(folder, A, "a", "both", key="A")
    shard(folder, B, "b", "both", key="B")
    make_model.write_index(folder, {"b": B, "a": A})
    mounted = mount(folder)
    assert mounted.model.tensors["both"].file == B
    compare.check_bin(mounted.path, mounted.model.tensors["both"])


def test_too_many_shards(folder, fuse, tmp_path):
    """4,096 files are a model, one more is an error of its own kind."""
    files = [f"{number}.safetensors" for number in range(4097)]
    for number, file in enumerate(files):
        make_model.write_file(folder / file, [Spec(f"t{number}", "U8", (1,))])
    make_model.write_index(folder, {f"t{n}": file for n, file in enumerate(files)})
    message, word = refused(fuse, folder, tmp_path)
    assert word == "limit" and "4096" in message.replace(",", ""), message


def test_first_metadata_wins(pair, mount):
    """The headers' own metadata is joined; of two values the first file's stands."""
    mounted = mount(pair)
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    assert document["metadata"] == {"file": A}
    assert [file["name"] for file in document["files"]] == [A, B]


def test_attributes_of_each_shard(pair, mount):
    """Each tensor has its own shard's times and mode."""
    os.chmod(pair / A, 0o600)
    os.utime(pair / A, ns=(0, 1_000_000_000_123_456_789))
    mounted = mount(pair)
    for tensor in mounted.model.tensors.values():
        source = os.stat(tensor.path)
        st = os.stat(mounted.at(tree_path(tensor.name) + ".bin"))
        assert st.st_mtime_ns == source.st_mtime_ns
        assert st.st_mode & 0o777 == source.st_mode & 0o444
