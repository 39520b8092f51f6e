# SPDX-License-Identifier: Apache-2.0
"""--include, --exclude and --rename: some of the tensors, under other names, in every view."""
import fnmatch
import json
import os
import re
import subprocess

import pytest

import compare
import harness
import make_model
import safetensors_reader
from make_model import Spec

pytestmark = pytest.mark.usefixtures("driver")

NAMES = ["model.embed_tokens.weight", "model.norm.weight", "lm_head.bias",
         *(f"model.layers.{layer}.{part}" for layer in range(12)
           for part in ("q_proj.weight", "q_proj.bias", "q_proj.lora_A.weight", "ln.gamma"))]
METADATA = {"format": "pt", "lm_head.weight": "model.embed_tokens.weight"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model with the names that people filter and rename, and one alias."""
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    make_model.write_file(path, [Spec(name, "U8", (5,)) for name in NAMES], METADATA,
                          content=make_model.noise)
    return path


@pytest.fixture(scope="module")
def original(source):
    """Its tensors, by another reader."""
    return safetensors_reader.read_model(source).tensors


def merged(tmp_path, source, *words):
    """model.safetensors of a filtered model, by another reader."""
    path = tmp_path / "out.safetensors"
    with open(path, "wb") as file:
        result = subprocess.run(
            [harness.find_driver(), "--cat", *words, source, ".view/model/model.safetensors"],
            stdout=file, stderr=subprocess.PIPE, env=harness.environment(), check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    return safetensors_reader.read_model(path)


def check(model, want, original):
    """The model must hold exactly these tensors: new name -> name in the source."""
    assert set(model.tensors) == set(want)
    for name, old in want.items():
        assert model.tensors[name].read() == original[old].read(), name


@pytest.mark.parametrize("include,exclude", [
    (["model.layers.1.*"], []), (["*.weight"], []), (["*lora*", "*norm*"], []),
    ([], ["*bias", "model.layers.1?.*"]), (["model.*"], ["*.ln.*"]), (["*[02468].q*"], []),
    (["lm_head.????"], []), (["[!m]*"], []),
])
def test_choice(tmp_path, source, original, include, exclude):
    """First what is included, then what is excluded; names are the file's."""
    words = [word for glob in include for word in ("--include", glob)]
    words += [word for glob in exclude for word in ("--exclude", glob)]
    want = {name for name in NAMES
            if (not include or any(fnmatch.fnmatchcase(name, glob) for glob in include))
            and not any(fnmatch.fnmatchcase(name, glob) for glob in exclude)}
    assert want
    check(merged(tmp_path, source, *words), {name: name for name in want}, original)


@pytest.mark.parametrize("renames,function", [
    (["s/^model\\.//"], lambda name: re.sub(r"^model\.", "", name)),
    (["s/\\.gamma$/.weight/"], lambda name: re.sub(r"\.gamma$", ".weight", name)),
    (["s/layers\\.([0-9]+)\\./h.1\\1./"],
     lambda name: re.sub(r"layers\.([0-9]+)\.", r"h.1\1.", name, count=1)),
    (["s|_|-|g", "s/Q-PROJ/query/i"],
     lambda name: re.sub("q-proj", "query", name.replace("_", "-"), count=1)),
    (["s/^/base_model./", "s/weight/&_orig/g"],
     lambda name: ("base_model." + name).replace("weight", "weight_orig")),
])
def test_renames(tmp_path, source, original, renames, function):
    """What people do with keys, as sed does it, one expression after the other."""
    words = [word for rename in renames for word in ("--rename", rename)]
    model = merged(tmp_path, source, *words)
    check(model, {function(name): name for name in NAMES}, original)
    assert model.metadata == {"format": "pt",
                              function("lm_head.weight"): function("model.embed_tokens.weight")}


@pytest.mark.parametrize("words,alias", [
    (["--exclude", "lm_head.weight"], {}),
    (["--rename", "s/^lm_head.weight$/head/"], {"head": "model.embed_tokens.weight"}),
])
def test_alias_alone(tmp_path, source, original, words, alias):
    """A rule that touches nothing but an alias changes the merged file as well."""
    model = merged(tmp_path, source, *words)
    check(model, {name: name for name in NAMES}, original)
    assert model.metadata == {"format": "pt", **alias}


@pytest.mark.parametrize("words,metadata", [
    ([], {"y": "x", "note": "z"}), (["--exclude", "y"], {"note": "z"}),
    (["--rename", "s/^y$/q/"], {"note": "z"}), (["--exclude", "x"], {"y": "x", "note": "z"}),
    (["--rename", "s/^x$/q/"], {"y": "x", "note": "z"}),
])
def test_no_alias_arises(tmp_path, words, metadata):
    """A key that is a tensor is no alias, and becomes none when that tensor is gone."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec(name, "U8", (3,)) for name in "xy"],
                          {"y": "x", "note": "z"})
    model = merged(tmp_path, path, *words)
    assert model.metadata == metadata


def test_everywhere(source, original, mount, fuse):
    """The mount shows the new names in every view, links and documents included."""
    mounted = mount(source, "include=model.*", "include=lm_head*", "exclude=*.bias",
                    "rename=s/^model\\\\.(layers)/\\\\1/",
                    "rename=s/lm_head/out\\,put/")
    paths = compare.walk(mounted.path)
    assert "layers/3/q_proj/weight.bin" in paths and "layers/3/q_proj/bias.bin" not in paths
    assert os.readlink(mounted.at("out,put/weight.bin")) == "../model/embed_tokens/weight.bin"
    with open(mounted.at("layers/3/ln/gamma.json"), encoding="utf-8") as file:
        document = json.load(file)
    assert document["name"] == "layers.3.ln.gamma"
    assert document["source_name"] == "model.layers.3.ln.gamma"
    with open(mounted.at("model/norm/weight.json"), encoding="utf-8") as file:
        assert "source_name" not in json.load(file)
    with open(mounted.at("layers/3/ln/gamma.bin"), "rb") as file:
        assert file.read() == original["model.layers.3.ln.gamma"].read()
    assert "layers.3.ln.gamma.npy" in os.listdir(mounted.at(".view/flat"))
    assert "layers.3.ln.gamma.dat" in os.listdir(mounted.at(".view/offload"))
    with open(mounted.at(".view/torch/pytorch_model.bin"), "rb") as file:
        pickled = file.read(1 << 16)
    assert b"layers.3.ln.gamma" in pickled and b"model.layers.3.ln.gamma" not in pickled
    assert b"out,put.weight" in pickled and b"bias" not in pickled
    with open(mounted.at("__metadata__.json"), encoding="utf-8") as file:
        assert json.load(file)["tensors"] == 38


@pytest.mark.parametrize("words,hint", [
    (["--include", "a[b"], "character 2"), (["--exclude", "a\\"], "character 2"),
    (["--rename", "s/a/b"], ""), (["--rename", "y/a/b/"], "character 1"),
    (["--rename", "s/(/b/"], "character 3"), (["--rename", "s/a/\\1/"], "character"),
    (["--rename", "s/a/b/q"], "character 7"), (["-o", "include=[a"], "character 1"),
    (["--rename", ""], ""), (["--include"], "wants a value"),
])
def test_malformed(source, words, hint):
    """A rule that is none is named with the place, before anything is opened."""
    result = harness.run("--list", source, *words)
    assert harness.error_word(result, 2) == "usage"
    assert hint in result.stderr
    assert not result.stdout


@pytest.mark.parametrize("words,names", [
    (["--rename", "s/q_proj.*/x/"], ["model.layers.0.q_proj.weight", "model.layers.0.x"]),
    (["--rename", "s/^lm_head.weight$/model.norm.weight/"], ["lm_head.weight"]),
    (["--rename", "s/^model.norm.weight$/__metadata__/"], ["model.norm.weight"]),
    (["--include", "nothing*"], []), (["--exclude", "*"], []),
])
def test_clashes(source, words, names):
    """Two names that become one, the reserved name, and nothing at all."""
    result = harness.run("--list", source, *words)
    assert harness.error_word(result) == "name"
    assert all(name in result.stderr for name in names)
