# SPDX-License-Identifier: Apache-2.0
"""Models of the size that people have: hundreds of gigabytes, tens of thousands of tensors.

The files are sparse, made for the test and deleted after it.
"""
import os
import random
import shutil
import subprocess

import pytest

import compare
import expected
import faults
import harness
import make_model
from make_model import Spec
from safetensors_reader import read_model, tree_path

SEED = 20240229
END = 64 << 10


def made(tmp_path_factory, kind):
    """Make a model, lend it, and delete it."""
    folder = tmp_path_factory.mktemp("scale") / kind
    make_model.main([kind, str(folder)])
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def mixtral(tmp_path_factory, module_mount):
    """59 shards, 1,739 tensors, 281 GB."""
    for folder in made(tmp_path_factory, "mixtral-8x22b"):
        mounted = module_mount(folder)
        yield mounted
        mounted.close()


@pytest.fixture(scope="module")
def deepseek(tmp_path_factory, module_mount):
    """163 shards, 91,985 tensors, 685 GB."""
    for folder in made(tmp_path_factory, "deepseek-v3"):
        mounted = module_mount(folder)
        yield mounted
        mounted.close()


def count(command, folder):
    """How many lines a shell command prints, run in a folder."""
    out = subprocess.run(["sh", "-c", f"{command} | wc -l"], cwd=folder, check=True,
                         capture_output=True, text=True)
    assert out.stderr == ""
    return int(out.stdout)


def check_places(path, tensor, start, rng):
    """Both ends and three random ranges of a file that is too large to read whole."""
    with open(path, "rb", buffering=0) as file:
        assert os.fstat(file.fileno()).st_size == start + tensor.size
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead
        places = [0, max(0, tensor.size - END)]
        places += [rng.randrange(tensor.size) for _ in range(3)]
        for offset in places:
            got = os.pread(file.fileno(), END, start + offset)
            assert got == tensor.read(offset, END), (path, offset)


def test_mixtral_data(mixtral):
    """Each tensor's ends and middle, against the file and against the generator."""
    rng = random.Random(SEED)
    specs = {spec.name: spec for spec in make_model.mixtral_8x22b()}
    assert set(specs) == set(mixtral.model.tensors)
    for tensor in mixtral.model.tensors.values():
        path = mixtral.at(tree_path(tensor.name) + ".bin")
        check_places(path, tensor, 0, rng)
        with open(path, "rb", buffering=0) as file:
            assert file.read(100) == make_model.expected(specs[tensor.name], 0, 100)


def test_mixtral_documents(mixtral):
    """Every .json, every .npy header, and the model's document."""
    for tensor in mixtral.model.tensors.values():
        compare.check_json(mixtral.path, tensor)
        compare.check_npy(mixtral.at(".view", "npy"), tensor, data=False)
    compare.check_metadata(mixtral.path, mixtral.model)


def test_mixtral_listings(mixtral):
    """find and ls -lR meet every file."""
    assert set(compare.walk(mixtral.path)) == compare.tensors_paths(mixtral.model)
    assert count("find . -type f", mixtral.path) == 2 * 1739 + 1
    assert count("ls -lR | grep '^-r'", mixtral.path) == 2 * 1739 + 1
    assert count("find .view/npy -name '*.npy'", mixtral.path) == 1739


def test_deepseek_count(deepseek):
    """One document for each tensor, and the model's."""
    assert len(deepseek.model.shards) == 163
    assert count("find . -name '*.json'", deepseek.path) == 91986


def test_deepseek_samples(deepseek):
    """Some tensors of every shard, whole listing, the model's document."""
    rng = random.Random(SEED)
    tensors = list(deepseek.model.tensors.values())
    assert set(compare.walk(deepseek.path)) == compare.tensors_paths(deepseek.model)
    compare.check_metadata(deepseek.path, deepseek.model)
    for tensor in rng.sample(tensors, 500):
        check_places(deepseek.at(tree_path(tensor.name) + ".bin"), tensor, 0, rng)
        compare.check_json(deepseek.path, tensor)
        compare.check_npy(deepseek.at(".view", "npy"), tensor, data=False)


def test_equal_after_truncation(tmp_path, mount):
    """100,000 names that differ only behind the place where they are cut: all distinct."""
    source = tmp_path / "m.safetensors"
    specs = [Spec("x" * 300 + str(number), "U8", (2,)) for number in range(100000)]
    make_model.write_file(source, specs, content=lambda spec: [spec.name[-2:].encode()])
    mounted = mount(source)
    found = os.listdir(mounted.path)
    assert len(found) == len(set(found)) == 200001
    assert set(found) == compare.tensors_paths(mounted.model)
    rng = random.Random(SEED)
    for tensor in rng.sample(list(mounted.model.tensors.values()), 500):
        compare.check_bin(mounted.path, tensor)
        compare.check_json(mounted.path, tensor)


def test_many_in_one_folder(tmp_path, mount):
    """30,000 entries in a folder, listed by several at once: each sees all of them once."""
    source = tmp_path / "m.safetensors"
    specs = [Spec(f"layer.{number}", "U8", (1,)) for number in range(15000)]
    make_model.write_file(source, specs)
    mounted = mount(source)
    want = sorted(f"{number}{suffix}" for number in range(15000) for suffix in (".bin", ".json"))
    jobs = [subprocess.Popen(["ls", "-U", mounted.at("layer")], stdout=subprocess.PIPE, text=True)
            for _ in range(6)]
    for job in jobs:
        assert sorted(job.communicate()[0].split()) == want
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    assert document["tensors"] == len(read_model(source).tensors) == 15000


MILLION = 1_000_000
RSS_MAX = 300 << 20  # a header of 66 MB, of which names and shapes are kept, and 115 bytes each


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    """A file of as many tensors, of a byte each."""
    path = tmp_path_factory.mktemp("scale") / "million.safetensors"
    rows = (f'"t{n}":{{"dtype":"U8","shape":[1],"data_offsets":[{n},{n + 1}]}}'
            for n in range(MILLION))
    header = ("{" + ",".join(rows) + "}").encode()
    with open(path, "wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        file.write(bytes(n % 251 for n in range(MILLION)))
    yield path
    path.unlink()


def resident(pid):
    """Bytes of memory that a process has, but for what it maps of files."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon:"))


def test_million(million, mount):
    """Mounted in bounded memory, listed whole, and each file where it should be."""
    mounted = mount(million, driver=faults.plain_driver())
    worker, = harness.children(mounted.process.pid)
    assert resident(worker) < RSS_MAX
    assert count("ls -U", mounted.path) == 2 * MILLION + 1
    rng = random.Random(SEED)
    for number in [0, MILLION - 1, *rng.sample(range(MILLION), 300)]:
        assert compare.slurp(mounted.at(f"t{number}.bin")) == bytes([number % 251])
        document = expected.parse_json(compare.slurp(mounted.at(f"t{number}.json")))
        assert (document["name"], document["data_offsets"]) == (f"t{number}", [number, number + 1])
    assert not os.path.exists(mounted.at(f"t{MILLION}.bin"))
    assert resident(worker) < RSS_MAX
    with open(mounted.at(".view", "model", "model.safetensors"), "rb") as file:
        assert os.fstat(file.fileno()).st_size == os.path.getsize(million)
        file.seek(-MILLION, os.SEEK_END)
        assert file.read() == bytes(n % 251 for n in range(MILLION))
