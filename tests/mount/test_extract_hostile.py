# SPDX-License-Identifier: Apache-2.0
"""--extract where it cannot, or must not: things in the way, full disks, other users' folders.

Nothing outside DIR is ever touched, whatever stands in DIR and whoever moves it about.
"""
import os
import resource
import shutil
import stat
import subprocess
import threading

import pytest

import compare
import extracting
import harness
import make_model
from extracting import check_same, extract, finish, parts, start, stopped_in
from make_model import Spec
from users import NOBODY, reachable, run

pytestmark = pytest.mark.usefixtures("driver")

SPECS = [Spec("a.b.c", "U8", (50,)), Spec("a.b.d", "F16", (60,)), Spec("a.e", "F32", (70,)),
         Spec("f", "U8", (80,))]
ALIASES = {"l.inked": "f"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A small model with folders and a link."""
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    make_model.write_file(path, SPECS, ALIASES, content=make_model.noise)
    return path


@pytest.fixture(scope="module")
def whole(source, tmp_path_factory):
    """All of it, extracted; tests only look at it."""
    folder = tmp_path_factory.mktemp("whole") / "out"
    extract(source, folder)
    return folder


@pytest.fixture
def outside(tmp_path):
    """A folder that is none of ours; its content must be what it was."""
    folder = tmp_path / "outside"
    (folder / "b").mkdir(parents=True)
    (folder / "mine").write_text("mine")
    (folder / "b" / "c.bin").write_text("mine, too")
    os.utime(folder, ns=(0, 5))
    os.utime(folder / "b", ns=(0, 6))
    before = {path: (os.lstat(folder / path), os.path.isfile(folder / path) and
                     (folder / path).read_bytes()) for path in [".", *compare.walk(folder)]}
    yield folder
    for path in before:
        info = os.lstat(folder / path)
        assert (info.st_mtime_ns, info.st_mode, info.st_size, info.st_nlink) == (
            before[path][0].st_mtime_ns, before[path][0].st_mode, before[path][0].st_size,
            before[path][0].st_nlink), path
        assert not before[path][1] or (folder / path).read_bytes() == before[path][1]
    assert {".", *compare.walk(folder)} == set(before)


def others(whole, folder, *excepted):
    """All but what begins with some paths has been extracted as it should be."""
    paths = [path for path in compare.walk(whole) if not path.startswith(excepted)]
    check_same(whole, folder, [path for path in paths if path[-1] != "/"])
    assert parts(folder) == []


# ---- things in the way ----


@pytest.mark.parametrize("where", ["a", "a/b", "l"])
@pytest.mark.parametrize("kind", ["link", "dangling", "loop", "up", "file", "pipe"])
def test_no_folder(source, whole, tmp_path, outside, where, kind):
    """Something else where a folder must be: named, not followed; the rest is written."""
    folder = tmp_path / "out"
    place = folder / where
    place.parent.mkdir(parents=True)
    if kind == "file":
        place.write_text("mine")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.symlink_to({"link": outside, "dangling": "nowhere", "loop": place.name,
                          "up": "../outside" if where != "a/b" else "../../outside"}[kind])
    before = os.lstat(place)
    result = extract(source, folder, status=1)
    assert harness.error_word(result) == "io"
    (line,) = result.stderr.splitlines()
    assert f"{place}: a {'symbolic link' if stat.S_ISLNK(before.st_mode) else 'file'} stands" in line
    assert os.lstat(place).st_ino == before.st_ino
    others(whole, folder, where)
    assert result.failed == 1


def make(path, kind, outside):
    """Put something where a file will be."""
    if kind == "link":
        path.symlink_to(outside / "mine")
    elif kind == "dangling":
        path.symlink_to(outside / "new")
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "hard link":
        os.link(outside / "mine", path)
    elif kind == "unreadable":
        path.write_text("x")
        path.chmod(0)
    elif kind == "folder":
        path.mkdir()
    elif kind == "full folder":
        path.mkdir()
        (path / "mine").write_text("mine")


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "unreadable"])
@pytest.mark.parametrize("name", ["a/b/c.bin", "a/b/c.json", "l/inked.bin"])
def test_replaced(source, whole, tmp_path, outside, name, kind):
    """Something else that has a file's name gives way, and what it leads to does not."""
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True)
    make(path, kind, outside)
    extract(source, tmp_path / "out")
    others(whole, tmp_path / "out")


def test_hard_link(source, whole, tmp_path):
    """A file that has another name elsewhere is replaced, not written to."""
    (tmp_path / "elsewhere").write_text("mine")
    (tmp_path / "out").mkdir()
    os.link(tmp_path / "elsewhere", tmp_path / "out" / "f.bin")
    extract(source, tmp_path / "out")
    assert (tmp_path / "elsewhere").read_text() == "mine"
    others(whole, tmp_path / "out")


@pytest.mark.parametrize("kind", ["folder", "full folder"])
@pytest.mark.parametrize("name", ["a/b/c.bin", "l/inked.bin", "__metadata__.json"])
def test_folder_in_the_way(source, whole, tmp_path, outside, name, kind):
    """A folder gives way to nothing; all else is written."""
    path = tmp_path / "out" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path, kind, outside)
    result = extract(source, tmp_path / "out", status=1)
    assert harness.error_word(result) == "io"
    assert result.stderr.startswith(f"safetensorsfs: {path}: a folder stands where a ")
    others(whole, tmp_path / "out", name)
    assert os.listdir(path) == (["mine"] if kind == "full folder" else [])


def part_name(source, tmp_path):
    """The name under which f.bin is written: a run that is killed shows it."""
    for _ in range(200):
        folder = tmp_path / "spy"
        process = start(source, folder, "f.bin")
        path = stopped_in(process, folder, 0)
        process.kill()
        finish(process)
        if path:
            shutil.rmtree(folder)
            return os.path.basename(path)
        shutil.rmtree(folder, ignore_errors=True)
    return pytest.fail("never met a part")


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "hard link", "folder",
                                  "full folder"])
def test_part_in_the_way(tmp_path, outside, kind):
    """What stands under a part's name is no part: it goes, and is not written to."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("f", "U8", (3 << 20,))], content=make_model.noise)
    name = part_name(source, tmp_path)
    folder = tmp_path / "out"
    folder.mkdir()
    if kind == "hard link":
        (tmp_path / "elsewhere").write_text("mine")
        os.link(tmp_path / "elsewhere", folder / name)
    else:
        make(folder / name, kind, outside)
    result = extract(source, folder, "f.bin", status=int(kind == "full folder"))
    assert kind != "hard link" or (tmp_path / "elsewhere").read_text() == "mine"
    if kind == "full folder":
        assert harness.error_word(result) == "io"
        assert os.listdir(folder) == [name]
    else:
        assert os.listdir(folder) == ["f.bin"]
        assert (folder / "f.bin").read_bytes() == b"".join(
            make_model.noise(Spec("f", "U8", (3 << 20,))))


def test_swapped_while_it_runs(tmp_path, outside):
    """Somebody who swaps folders for links all the while gets nothing written elsewhere."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec(f"x.y.t{number}", "U8", (50,)) for number in range(300)])
    folder = tmp_path / "out"
    over = threading.Event()

    def swap():
        """Put links in the place of folders, and folders back."""
        while not over.is_set():
            for way in ("x", "x/y"):
                try:
                    os.rename(folder / way, folder / "away")
                    os.symlink(outside, folder / way)
                    os.unlink(folder / way)
                    os.rename(folder / "away", folder / way)
                except OSError:
                    shutil.rmtree(folder / "away", ignore_errors=True)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for _ in range(15):
            status, _, err = finish(start(source, folder))
            assert status in (0, 1), err
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        over.set()
        thread.join()
    extract(source, folder)
    assert len(compare.files_below(folder)) == 601


# ---- disks that are full ----


@pytest.fixture
def small_disk(tmp_path, root):
    """A folder with room for 8 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """A model of 24 MiB."""
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    specs = [Spec(f"t{number}", "U8", (3 << 20,)) for number in range(8)]
    make_model.write_file(path, specs, content=make_model.noise)
    return path


def test_full_disk(big, small_disk, tmp_path):
    """Says so once; what is finished stays, nothing else does; with more room it goes on."""
    result = extract(big, small_disk / "out", status=1)
    assert harness.error_word(result) == "io"
    (line,) = result.stderr.splitlines()
    assert "No space left on device; the disk is full" in line
    assert f": {small_disk}/out/t" in line
    done = compare.files_below(small_disk / "out")
    assert parts(small_disk / "out") == []
    assert 2 <= len(done) == result.files < 17 and result.failed == 1
    extract(big, tmp_path / "whole")
    check_same(tmp_path / "whole", small_disk / "out", done)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    again = extract(big, small_disk / "out")
    assert (again.kept, again.files) == (len(done), 17 - len(done))
    check_same(tmp_path / "whole", small_disk / "out")


def test_no_inodes(big, tmp_path, root):
    """A disk without room for another name is full as well."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "nr_inodes=7", "none", folder], check=True)
    try:
        result = extract(big, folder / "out", status=1)
        assert "the disk is full" in result.stderr and result.stderr.count("\n") == 1
        assert parts(folder / "out") == [] and result.files > 0
    finally:
        subprocess.run(["umount", folder], check=True)


def test_file_too_large(big, tmp_path):
    """A limit of a file's size concerns the large ones alone; it is no reason to die of."""
    result = extract(big, tmp_path / "out", "t0.bin", "t1.bin", "t0.json", "t1.json", status=1,
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20,) * 2))
    assert harness.error_word(result) == "io"
    assert sorted(line.split(":")[1].strip() for line in result.stderr.splitlines()) == [
        f"{tmp_path}/out/t0.bin", f"{tmp_path}/out/t1.bin"]
    assert result.stderr.count("File too large; the file is larger than") == 2
    assert sorted(os.listdir(tmp_path / "out")) == ["t0.json", "t1.json"]


def test_read_only_disk(source, small_disk):
    """A disk that takes no writes."""
    (small_disk / "out").mkdir()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    result = extract(source, small_disk / "out", status=1)
    assert result.stderr.count("\n") == 1 and "Read-only file system" in result.stderr


def test_shared_blocks(tmp_path, root):
    """Where the file system can, a file that is a range of the source shares its blocks."""
    image, folder = tmp_path / "image", tmp_path / "disk"
    folder.mkdir()
    image.touch()
    os.truncate(image, 400 << 20)
    if shutil.which("mkfs.xfs") is None:
        pytest.skip("mkfs.xfs is not installed (package xfsprogs)")
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    result = subprocess.run(["mount", "-o", "loop", image, folder], check=False,
                            capture_output=True, text=True)
    if result.returncode != 0:
        pytest.skip(f"no XFS on loop devices: {result.stderr.strip()}")
    try:
        source = folder / "m.safetensors"
        make_model.write_file(source, [Spec("t", "U8", (100 << 20,))], content=make_model.noise)
        before = os.statvfs(folder).f_bfree
        extract(source, folder / "out", options=["-o", "view=model"])
        assert (before - os.statvfs(folder).f_bfree) * os.statvfs(folder).f_bsize < 8 << 20
        extracting.check_bytes(source, folder / "out" / "model.safetensors")
        extract(source, folder / "tensors")
        assert (folder / "tensors" / "t.bin").read_bytes() == b"".join(
            make_model.noise(Spec("t", "U8", (100 << 20,))))
    finally:
        subprocess.run(["umount", folder], check=True)


# ---- other users ----


def test_no_permission(place, root):
    """A folder that the user may not write to is named, with the reason."""
    program = reachable(harness.find_driver(), place)
    source = os.path.join(place, "m.safetensors")
    result = run(*NOBODY, program, "--extract", source, os.path.join(place, "mine"), "lm_head")
    assert harness.error_word(result) == "io"
    assert f"{place}/mine/lm_head: cannot make the folder: Permission denied" in result.stderr
    assert os.listdir(os.path.join(place, "mine")) == []
    result = run(*NOBODY, program, "--extract", source, os.path.join(place, "new"))
    assert f"{place}/new: cannot make the folder: Permission denied" in result.stderr


def test_as_a_user(place, root):
    """An extraction belongs to who made it, who can make it again, and delete it."""
    program = reachable(harness.find_driver(), place)
    source, folder = os.path.join(place, "m.safetensors"), os.path.join(place, "theirs")
    os.chmod(source, 0o444)
    for count in (0, 31):
        result = run(*NOBODY, program, "--extract", source, folder)
        assert (result.returncode, result.stderr) == (0, "")
        assert f"; {count} kept" in result.stdout
    for path in compare.walk(folder):
        info = os.lstat(os.path.join(folder, path))
        assert (info.st_uid, info.st_gid) == (65534, 65534), path
    assert run(*NOBODY, program, "--extract", "--force", source, folder).returncode == 0
    assert run(*NOBODY, "sh", "-c", f"rm -r {folder}/*").returncode == 0


def test_things_of_others(place, root):
    """Where only others may change what is there, that is told, and the rest is written."""
    program = reachable(harness.find_driver(), place)
    source, folder = os.path.join(place, "m.safetensors"), os.path.join(place, "theirs")
    os.makedirs(os.path.join(folder, "model", "layers"))
    result = run(*NOBODY, program, "--extract", source, folder)
    lines = result.stderr.splitlines()
    assert result.returncode == 1 and len(lines) == 6
    assert all("Permission denied (io)" in line for line in lines)
    assert sorted(os.listdir(folder)) == ["__metadata__.json", "lm_head", "model"]
    assert compare.files_below(os.path.join(folder, "model")) == set()
