# SPDX-License-Identifier: Apache-2.0
"""--extract a second time: what is kept, what is written again, and what a killed run left."""
import fcntl
import os
import random
import signal
import subprocess
import time

import pytest

import compare
import extracting
import harness
import make_model
from extracting import check_same, extract, finish, parts, start, stopped_in
from make_model import Spec
from safetensors_reader import read_model

pytestmark = pytest.mark.usefixtures("driver")

SEED = 6
MANY = ["", ".view/npy", ".view/f32", ".view/model", ".view/torch", ".view/npz"]
LARGE = 160 << 20  # bytes as float32
F32 = ("-o", "view=f32")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model of a few large tensors, of many small ones, and of aliases."""
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    specs = [Spec(f"large.{number}", "BF16", (1 << 19, 3)) for number in range(4)]
    specs += [Spec(f"layers.{number}.part.weight", "F16", (33,)) for number in range(200)]
    aliases = {f"alias.{number}": f"layers.{number}.part.weight" for number in range(20)}
    make_model.write_file(path, specs, aliases, content=make_model.noise)
    return path


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    """All of it, extracted at once; tests only look at it."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    extract(source, folder, *MANY)
    return folder


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A model of one tensor that takes a while to be written."""
    path = tmp_path_factory.mktemp("models") / "large.safetensors"
    make_model.write_file(path, [Spec("t", "BF16", (LARGE // 4,))], content=make_model.noise)
    return path


def inodes(folder):
    """Path -> inode number, of what is no folder."""
    return {path: os.lstat(os.path.join(folder, path)).st_ino
            for path in compare.files_below(folder)}


def test_all_is_kept(source, tmp_path):
    """A second run writes nothing."""
    first = extract(source, tmp_path / "out")
    before = inodes(tmp_path / "out")
    second = extract(source, tmp_path / "out")
    assert (second.files, second.links, second.kept) == (0, 0, first.files + first.links)
    assert second.stdout.count("0 B at 0 B/s") == 1
    assert inodes(tmp_path / "out") == before


def test_force(source, whole, tmp_path):
    """--force writes every file, good or not."""
    extract(source, tmp_path / "out")
    before = inodes(tmp_path / "out")
    victim = tmp_path / "out" / "layers" / "7" / "part" / "weight.bin"
    info = victim.stat()
    victim.write_bytes(b"x" * info.st_size)
    os.utime(victim, ns=(0, info.st_mtime_ns))
    assert extract(source, tmp_path / "out").files == 0  # it looks right
    again = extract(source, tmp_path / "out", options=["--force"])
    after = inodes(tmp_path / "out")
    links = compare.links_below(tmp_path / "out")
    assert (again.files, again.kept) == (len(after) - len(links), len(links))
    assert not {path for path in after if after[path] == before[path]} - set(links)
    check_same(whole, tmp_path / "out", compare.walk(tmp_path / "out"))


def spoil(path, how):
    """Change a file so that another run has to write it."""
    if how == "gone":
        path.unlink()
    elif how == "short":
        os.truncate(path, path.stat().st_size - 1)
    elif how == "long":
        os.truncate(path, path.stat().st_size + 1)
    elif how == "newer":
        os.utime(path)
    elif how == "a nanosecond":
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 1))
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "a link":
        path.rename(f"{path}.away")
        path.symlink_to(f"{path.name}.away")
    elif how == "a pipe":
        path.unlink()
        os.mkfifo(path)


@pytest.mark.parametrize("how", ["gone", "short", "long", "newer", "a nanosecond", "empty",
                                 "a link", "a pipe"])
def test_what_differs_is_written(source, whole, tmp_path, how):
    """A file of another length, time or kind is written again, the others are kept."""
    extract(source, tmp_path / "out", "layers")
    victims = [f"layers/{number}/part/weight.{kind}" for number in (3, 77) for kind in
               ("bin", "json")]
    for path in victims:
        spoil(tmp_path / "out" / path, how)
    result = extract(source, tmp_path / "out", "layers")
    assert (result.files, result.kept) == (4, 396)
    paths = [path for path in compare.walk(tmp_path / "out") if not path.endswith(".away")]
    check_same(whole, tmp_path / "out", paths)
    for path in victims if how == "a link" else ():  # what it led to was not touched
        away = tmp_path / "out" / f"{path}.away"
        assert away.read_bytes() == (whole / path).read_bytes()


@pytest.mark.parametrize("unit", [100, 1000, 10**6, 10**9, 2 * 10**9])
def test_coarse_times(tmp_path, unit):
    """Times are compared as finely as a file system keeps them: FAT to two seconds."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("a", "U8", (3,))])
    os.utime(source, ns=(0, 1_700_000_001_987_654_321))
    extract(source, tmp_path / "out")
    kept = tmp_path / "out" / "a.bin"
    os.utime(kept, ns=(0, 1_700_000_001_987_654_321 // unit * unit))
    assert extract(source, tmp_path / "out").kept == 3
    os.utime(kept, ns=(0, 1_700_000_001_987_654_321 // unit * unit + 1))
    assert extract(source, tmp_path / "out").kept == 2


def test_links_that_differ(source, whole, tmp_path):
    """A link that leads elsewhere, or is something else, is made anew; a good one is kept."""
    extract(source, tmp_path / "out", "alias", "layers")
    paths = [f"alias/{number}.bin" for number in range(3)]
    for path in paths:
        (tmp_path / "out" / path).unlink()
    (tmp_path / "out" / paths[1]).symlink_to("/etc/passwd")
    (tmp_path / "out" / paths[2]).write_text("mine")
    result = extract(source, tmp_path / "out", "alias", "layers")
    assert (result.files, result.links, result.kept) == (0, 3, 437)
    check_same(whole, tmp_path / "out", compare.walk(tmp_path / "out"))


# ---- runs that are killed ----


def test_killed_ten_times(source, whole, tmp_path):
    """Killed at ten random moments and run again: identical to what one run writes."""
    rng = random.Random(SEED)
    folder = tmp_path / "out"
    begin = time.monotonic()
    extract(source, tmp_path / "other", *MANY)
    seconds = time.monotonic() - begin
    killed = 0
    for _ in range(100):
        process = start(source, folder, *MANY)
        try:
            process.wait(rng.random() * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
        killed += finish(process)[0] == -signal.SIGKILL
        if killed == 10:
            break
        if process.returncode == 0:  # all was done: begin again
            subprocess.run(["rm", "-r", folder], check=True)
    assert killed == 10
    check_complete(whole, folder)
    extract(source, folder, *MANY)
    check_same(whole, folder)
    assert parts(folder) == []


def check_complete(whole, folder):
    """Whatever has its own name is complete; nothing else is there but parts."""
    if not folder.exists():
        return
    for path in set(compare.files_below(folder)) - set(parts(folder)):
        assert extracting.describe(folder, path) == extracting.describe(whole, path)
        if not os.path.islink(folder / path):
            extracting.check_bytes(whole / path, folder / path)


def kill_in_part(large, folder, size, number=signal.SIGKILL, options=F32):
    """Kill a run when a part has some bytes; returns the part's path and what the run said."""
    for _ in range(20):
        process = start(large, folder, options=options)
        path = stopped_in(process, folder, size)
        if path:
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            return path, finish(process)
        finish(process)
        subprocess.run(["rm", "-r", folder], check=True)
    pytest.fail("never met a part that has so many bytes")


def written(result):
    """Bytes that a run says it wrote."""
    number, unit = extracting.SUMMARY.fullmatch(result.stdout)["size"].split()
    return float(number) * {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}[unit]


def test_goes_on_in_a_part(large, tmp_path):
    """What a killed run wrote of a large file is not written again."""
    kill_in_part(large, tmp_path / "out", 32 << 20)
    before = inodes(tmp_path / "out")
    there = sum(os.stat(tmp_path / "out" / path).st_size for path in before)
    assert set(before) == set(parts(tmp_path / "out"))  # t.bin, and perhaps t.npy
    result = extract(large, tmp_path / "out", options=["-o", "view=f32"])
    total = sum(os.stat(tmp_path / "out" / path).st_size for path in ("t.bin", "t.npy"))
    assert abs(written(result) - (total - there)) < 1 << 20
    assert set(before.values()) <= set(inodes(tmp_path / "out").values())
    extract(large, tmp_path / "whole", options=["-o", "view=f32"])
    check_same(tmp_path / "whole", tmp_path / "out")


def test_force_begins_anew(large, tmp_path):
    """With --force a part is worth nothing."""
    part, _ = kill_in_part(large, tmp_path / "out", 32 << 20)
    with open(part, "r+b") as file:
        file.write(b"wrong")
    extract(large, tmp_path / "out", options=["-o", "view=f32", "--force"])
    extract(large, tmp_path / "whole", options=["-o", "view=f32"])
    check_same(tmp_path / "whole", tmp_path / "out")


def test_part_of_another_source(large, tmp_path):
    """A part of what the source was before is removed, not completed."""
    source = tmp_path / "m.safetensors"
    source.write_bytes(large.read_bytes())
    part, _ = kill_in_part(source, tmp_path / "out", 1 << 20)
    os.utime(source)
    extract(source, tmp_path / "out", options=["-o", "view=f32"])
    assert not os.path.exists(part)
    assert sorted(os.listdir(tmp_path / "out")) == ["t.bin", "t.npy"]


def test_part_of_another_tensor(tmp_path):
    """Nor is a part completed of what other options made a file of that name and length of."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("a", "U8", (48 << 20,)), Spec("b", "U8", (48 << 20,))],
                          content=make_model.noise)
    part, _ = kill_in_part(source, tmp_path / "out", 1 << 20,
                           options=["--include", "a", "--rename", "s/a/x/"])
    extract(source, tmp_path / "out", options=["--include", "b", "--rename", "s/b/x/"])
    assert not os.path.exists(part)
    data = (tmp_path / "out" / "x.bin").read_bytes()
    assert data == read_model(source).tensors["b"].read()


def test_leftover_parts(source, tmp_path):
    """Parts that nobody writes go, in all folders that a run comes to; those of a living run stay."""
    extract(source, tmp_path / "out", "layers/1", "layers/2")
    name = ".%part.0123456789abcdef"
    paths = [tmp_path / "out" / folder / name for folder in
             (".", "layers", "layers/1", "layers/1/part", "layers/2")]
    for path in paths:
        path.write_text("half")
    with open(paths[-1], "rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        extract(source, tmp_path / "out", "layers/1")
        extract(source, tmp_path / "out", "layers/2")
        assert [path for path in paths if path.exists()] == [paths[-1]]
    extract(source, tmp_path / "out", "layers/2")
    assert parts(tmp_path / "out") == []


def test_two_at_once(source, whole, tmp_path):
    """Two runs for different parts of a tree do not disturb each other."""
    folder = tmp_path / "out"
    jobs = [start(source, folder, *words) for words in (
        ["layers"], ["large"], ["alias", "__metadata__.json"], MANY[1:3], MANY[3:])]
    for job in jobs:
        assert finish(job)[::2] == (0, "")
    check_same(whole, folder)
    assert parts(folder) == []


def test_the_same_twice_at_once(large, tmp_path):
    """Of two runs that write one file one does, and the other says so."""
    folder = tmp_path / "out"
    for _ in range(20):
        process = start(large, folder, options=["-o", "view=f32"])
        part = stopped_in(process, folder)
        if part:
            break
        finish(process)
        subprocess.run(["rm", "-r", folder], check=True)
    result = extract(large, folder, options=["-o", "view=f32"], status=1)
    assert "another extraction is writing this file" in result.stderr
    assert os.path.exists(part)
    process.send_signal(signal.SIGCONT)
    finish(process)
    extract(large, folder, options=["-o", "view=f32"])
    extract(large, tmp_path / "whole", options=["-o", "view=f32"])
    check_same(tmp_path / "whole", folder)


# ---- signals ----


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal(large, tmp_path, number):
    """It ends by the signal, says what to do, keeps no small part; the next run completes."""
    _, (status, out, err) = kill_in_part(large, tmp_path / "out", 1, number)
    assert status == -number
    assert extracting.SUMMARY.fullmatch(out)
    assert err == "safetensorsfs: stopped by a signal; the same command goes on from here\n"
    for path in parts(tmp_path / "out"):
        assert os.stat(tmp_path / "out" / path).st_size >= 64 << 20
    extract(large, tmp_path / "out", options=["-o", "view=f32"])
    assert sorted(os.listdir(tmp_path / "out")) == ["t.bin", "t.npy"]


def test_signal_keeps_much(large, tmp_path):
    """Of a large file what is there stays for the next run."""
    part, (status, _, _) = kill_in_part(large, tmp_path / "out", 65 << 20, signal.SIGTERM)
    assert status == -signal.SIGTERM
    inode = os.stat(part).st_ino
    extract(large, tmp_path / "out", options=["-o", "view=f32"])
    assert inode in inodes(tmp_path / "out").values()
    assert parts(tmp_path / "out") == []


def test_ignored_signal(large, tmp_path):
    """What the caller has ignored, as nohup does, ends nothing."""
    for _ in range(20):
        process = start(large, tmp_path / "out", options=["-o", "view=f32"],
                        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
        if stopped_in(process, tmp_path / "out"):
            break
        finish(process)
        subprocess.run(["rm", "-r", tmp_path / "out"], check=True)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGCONT)
    assert finish(process)[0] == 0
    assert sorted(os.listdir(tmp_path / "out")) == ["t.bin", "t.npy"]


# ---- the source changes ----


def change(path, how):
    """Change a model file whose data was opened before."""
    if how == "touched":
        os.utime(path)
    elif how == "cut":
        os.truncate(path, path.stat().st_size // 2)
    else:
        with open(path, "ab") as file:
            file.write(b"x")


@pytest.mark.parametrize("view", ["f32", "model", "npz"])
@pytest.mark.parametrize("how", ["touched", "cut", "grown"])
def test_source_changes(large, tmp_path, how, view):
    """The file in the making never gets its name, the run fails, and no part stays."""
    source = tmp_path / "m.safetensors"
    for _ in range(20):
        subprocess.run(["rm", "-rf", source, tmp_path / "out"], check=True)
        source.write_bytes(large.read_bytes())
        os.utime(source, ns=(0, 10**18))
        process = start(source, tmp_path / "out", options=["-o", f"view={view}"])
        if stopped_in(process, tmp_path / "out"):
            break
        finish(process)
    done = set(compare.files_below(tmp_path / "out")) - set(parts(tmp_path / "out"))
    change(source, how)
    process.send_signal(signal.SIGCONT)
    status, out, err = finish(process)
    assert status == 1 and "1 failed" in out
    assert err.count("\n") == 1 and err.endswith(" (changed)\n"), err
    assert set(compare.files_below(tmp_path / "out")) == done


def test_replaced_source(large, tmp_path):
    """A source that another file replaces stays open, and what it held is extracted."""
    source = tmp_path / "m.safetensors"
    for _ in range(20):
        subprocess.run(["rm", "-rf", source, tmp_path / "out"], check=True)
        source.write_bytes(large.read_bytes())
        process = start(source, tmp_path / "out", options=["-o", "view=f32"])
        if stopped_in(process, tmp_path / "out"):
            break
        finish(process)
    (tmp_path / "other").write_bytes(b"x")
    os.rename(tmp_path / "other", source)
    process.send_signal(signal.SIGCONT)
    assert finish(process)[0] == 0
    extract(large, tmp_path / "whole", options=["-o", "view=f32"])
    extracting.check_bytes(tmp_path / "whole" / "t.bin", tmp_path / "out" / "t.bin")


# ---- into the source's own folder ----


def refused(folder, *more, view="model"):
    """An extraction to the source's own folder fails, and changes nothing that was there."""
    before = {path: (os.lstat(folder / path).st_ino, (folder / path).read_bytes())
              for path in compare.files_below(folder)}
    result = extract(folder, folder, options=["-o", f"view={view}", *more], status=1)
    assert harness.error_word(result) == "io" and "a file of the source" in result.stderr
    for path, (inode, data) in before.items():
        assert (os.lstat(folder / path).st_ino, (folder / path).read_bytes()) == (inode, data)
    assert parts(folder) == []


def test_own_folder(tmp_path, source):
    """A file of the source is never replaced, not even by a part of itself; others may come."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(source.read_bytes())
    (folder / "config.json").write_text("{}")
    assert extract(folder, folder, options=["-o", "view=model"]).kept == 2  # the same, and there
    refused(folder, "--force")
    refused(folder, "--include", "layers.*")
    assert extract(folder, folder, "layers").failed == 0


def test_own_folder_of_links(tmp_path, source):
    """Nor is a link to one, as in the cache of the Hugging Face libraries."""
    (tmp_path / "blob").write_bytes(source.read_bytes())
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").symlink_to("../blob")
    refused(tmp_path / "model", "--include", "layers.*")
    assert os.readlink(tmp_path / "model" / "model.safetensors") == "../blob"


def test_own_folder_of_shards(tmp_path):
    """Nor is a shard, by a whole file, a tensor's file, or a link."""
    folder = tmp_path / "model"
    folder.mkdir()
    names = {"model.safetensors": "a", "b.safetensors": "b", "c.safetensors": "x.y"}
    for file, name in names.items():
        make_model.write_file(folder / file, [Spec(name, "U8", (3,))], {"c": "a"})
    make_model.write_index(folder, {name: file for file, name in names.items()}, "i.safetensors.index.json")
    index = folder / "i.safetensors.index.json"
    before = inodes(folder)
    for view, count in (("model", 1), ("safetensors", 2)):
        result = extract(index, folder, options=["-o", f"view={view}"], status=1)
        assert result.failed == count and result.stderr.count("a file of the source") == count
        assert before.items() <= inodes(folder).items()
