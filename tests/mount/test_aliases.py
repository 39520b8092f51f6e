# SPDX-License-Identifier: Apache-2.0
"""Aliases: names that save_model dropped because another tensor had the same memory.

Its metadata maps each dropped name to the kept one. The trees show such a name as relative
symbolic links.
"""
import os
import stat

import pytest

import compare
import expected
import make_model
import views
from make_model import Spec

SPECS = [Spec("model.embed_tokens.weight", "BF16", (7, 3)), Spec("top", "F16", (2,)),
         Spec("complex.one", "C64", (2,)), Spec("deep.er.and.deeper", "I32", (4,)),
         Spec("folder.inner", "U8", (3,)), Spec("flat.many", "F32", (1,) * 65),
         Spec("real", "F64", (1,))]
METADATA = {
    "format": "pt", "lm_head.weight": "model.embed_tokens.weight", "other": "top",
    "x.y.z.w": "top", "top.below": "top", "folder": "real", "complex.two": "complex.one",
    "deep.er.and.dearer": "deep.er.and.deeper", "fl\u00e4t/r%nk": "flat.many", "": "real",
    "real": "top", "nowhere": "not.there", "chain": "lm_head.weight", "Format": "BF16",
    "almost": "top ", "L" * 300: "real",
}
ALIASES = {"lm_head.weight", "other", "x.y.z.w", "top.below", "folder", "complex.two",
           "deep.er.and.dearer", "fl\u00e4t/r%nk", "", "L" * 300}
LINKED = ["tensors", "npy", "f32", "flat", "safetensors"]


@pytest.fixture(scope="module")
def tied_file(tmp_path_factory):
    """A model with aliases of every kind, and metadata that only looks like one."""
    path = tmp_path_factory.mktemp("models") / "tied.safetensors"
    make_model.write_file(path, SPECS, METADATA, make_model.WHOLE)
    return path


@pytest.fixture(scope="module")
def tied(tied_file, module_mount):
    """A mount of it."""
    return module_mount(tied_file)


def test_which_are_aliases(tied):
    """A key that is no tensor, with a value that is one; nothing else."""
    assert set(views.aliases(tied.model)) == ALIASES


def test_tree(tied):
    """All that is in a mount with aliases: every listing and link, every file."""
    compare.check_tree(tied.path, tied.model)


@pytest.mark.parametrize("view", LINKED)
def test_links(tied, view):
    """A relative link for each file of the target, that leads to that file."""
    root = tied.at(".view", view)
    links = compare.links_below(root)
    assert links == views.links(view, tied.model)
    assert len(links) >= 7
    for path, text in links.items():
        st = os.lstat(os.path.join(root, path))
        assert stat.S_ISLNK(st.st_mode) and st.st_size == len(os.fsencode(text))
        target = os.path.join(root, os.path.dirname(path), text)
        assert os.path.samefile(os.path.join(root, path), target)
        assert stat.S_ISREG(os.lstat(target).st_mode), path


def test_texts(tied):
    """A few of them, spelled out."""
    def link(*parts):
        return os.readlink(tied.at(*parts))

    assert link("lm_head", "weight.bin") == "../model/embed_tokens/weight.bin"
    assert link("lm_head", "weight.json") == "../model/embed_tokens/weight.json"
    assert link("x", "y", "z", "w.bin") == "../../../top.bin"
    assert link("deep", "er", "and", "dearer.bin") == "deeper.bin"
    assert link("top", "below.json") == "../top.json"
    flat = "lm_head.weight.npy"
    assert link(".view", "flat", flat) == "model.embed_tokens.weight.npy"
    part = tied.at(".view", "safetensors", "lm_head", "weight.safetensors")
    assert os.readlink(part) == "../model/embed_tokens/weight.safetensors"


def test_only_files_that_are_there(tied):
    """No link to a file that the target does not have in that view."""
    for path in ("complex/two.bin", "complex/two.npy"):
        assert not os.path.lexists(tied.at(".view", "f32", path))
    assert not os.path.lexists(tied.at(".view", "npy", "fl\u00e4t%2Fr%25nk.npy"))
    assert os.path.exists(tied.at("fl\u00e4t%2Fr%25nk.bin"))


def test_folder_wins(tied):
    """folder.safetensors is what lies below `folder`, not the alias of that name."""
    path = tied.at(".view", "safetensors", "folder.safetensors")
    assert not os.path.islink(path)
    assert os.path.islink(tied.at("folder.bin")) and os.path.isdir(tied.at("folder"))


@pytest.mark.parametrize("view", ["offload", "model", "npz"])
def test_nothing_elsewhere(tied, view):
    """The other views have no links."""
    assert compare.links_below(tied.at(".view", view)) == {}


def test_links_are_read_only(tied):
    """They can be read by all and followed, and open for writing through none."""
    with open(tied.at("other.bin"), "rb") as file:
        assert file.read() == tied.model.tensors["top"].read()
    with pytest.raises(OSError, match="Read-only file system"):
        open(tied.at("other.bin"), "r+b").close()
    with pytest.raises(OSError, match="Read-only file system"):
        os.unlink(tied.at("other.bin"))
    with pytest.raises(OSError, match="Invalid argument"):
        os.readlink(tied.at("top.bin"))


def test_as_root(tied_file, mount):
    """The links of a view that is the root are the same."""
    for view in LINKED:
        mounted = mount(tied_file, f"view={view}")
        compare.check_listing(mounted.path, view, mounted.model)


def test_across_shards(tmp_path, mount):
    """The alias of a tensor in another shard; of two values the first file's stands."""
    folder = tmp_path / "model"
    folder.mkdir()
    a, b = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
    make_model.write_file(folder / a, [Spec("one", "U8", (1,))], {"tied": "two"})
    make_model.write_file(folder / b, [Spec("two", "U8", (2,))], {"tied": "one", "too": "one"})
    make_model.write_index(folder, {"one": a, "two": b})
    mounted = mount(folder)
    assert views.aliases(mounted.model) == {"tied": "two", "too": "one"}
    compare.check_tree(mounted.path, mounted.model)


def test_many(tmp_path, mount):
    """Thousands of them among as many tensors, all in one folder."""
    count = 3000
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec(f"w.{n:05d}", "U8", (1,)) for n in range(count)],
                          {f"w.{n:05d}x": f"w.{n:05d}" for n in range(count)})
    mounted = mount(source)
    compare.check_listing(mounted.path, "tensors", mounted.model)
    assert len(compare.links_below(mounted.path)) == 2 * count
    document = expected.parse_json(compare.slurp(mounted.at("w", "00007x.json")))
    assert document["name"] == "w.00007"
