# SPDX-License-Identifier: Apache-2.0
"""Hostile folders: what is no regular file beneath the folder is not shown.

It is not waited for either, and stands in __metadata__.json with a reason.
"""
import os
import shutil
import signal
import socket
import stat
import subprocess

import pytest

import compare
import expected
import harness
import make_model
from carried import carried, check_carried, left_out, write
from make_model import Spec

SPECS = [Spec("a.weight", "F32", (300,)), Spec("a.bias", "BF16", (7,))]
FILES_MAX = 1000


@pytest.fixture
def folder(tmp_path):
    """A folder that holds a model and nothing else yet."""
    path = tmp_path / "model"
    path.mkdir()
    make_model.write_file(path / "model.safetensors", SPECS, fill=make_model.WHOLE)
    return path


def test_too_many_files(folder, mount):
    """A thousand are carried, the rest is counted among what is left out."""
    for number in range(FILES_MAX + 5):
        write(folder, f"{number % 7}/{number:04d}.txt")
    mounted = mount(folder)
    found = carried(mounted)
    assert len(found) == FILES_MAX
    assert all(compare.slurp(mounted.at(".view", "npz", path)) for path in found)
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    assert len(document["left_out"]) + document.get("left_out_more", 0) >= 5
    assert not found & set(document["left_out"])


def test_too_many_weights(folder, mount):
    """What could not be carried anyway does not count."""
    for number in range(FILES_MAX + 5):
        write(folder, f"{number:04d}.pt", "")
    write(folder, "zzz.txt")
    check_carried(mount(folder), ["zzz.txt"], folder)


def test_depth(folder, mount):
    """Four folders deep and no deeper."""
    good, bad = "1/2/3/4/x.txt", "1/2/3/4/5/x.txt"
    write(folder, good)
    write(folder, bad)
    mounted = mount(folder)
    check_carried(mounted, [good], folder)
    assert any(bad.startswith(path.rstrip("/")) for path in left_out(mounted))


def test_no_regular_files(folder, mount):
    """FIFOs, sockets and devices are not opened, or the mount would wait for ever."""
    write(folder, "config.json")
    os.mkfifo(folder / "fifo.json")
    os.makedirs(folder / "sub")
    os.mkfifo(folder / "sub" / "fifo")
    os.symlink("../fifo.json", folder / "sub" / "link")
    listener = socket.socket(socket.AF_UNIX)
    old = os.getcwd()
    os.chdir(folder)  # a socket's path has 107 bytes at most
    listener.bind("socket")
    os.chdir(old)
    special = {"fifo.json", "sub/fifo", "sub/link", "socket"}
    if os.geteuid() == 0:
        os.mknod(folder / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
        special.add("zero")
    mounted = mount(folder)
    check_carried(mounted, ["config.json"], folder)
    assert special <= set(left_out(mounted))
    listener.close()


def test_links(folder, mount, tmp_path):
    """A link to a file beneath the folder is shown as that file; no other link is."""
    write(tmp_path, "outside.json")
    write(folder, "sub/real.json")
    os.chmod(folder / "sub" / "real.json", 0o640)
    inside = {"inside.json": "sub/real.json", "chain.json": "inside.json",
              "sub/up.json": "../sub/real.json"}
    outside = {"passwd": "/etc/passwd", "dead.json": "nowhere", "out.json": "../outside.json",
               "self": "self", "ping": "pong", "pong": "ping", "sub/proc": "/proc/self/fd/0",
               "magic": "/proc/self/cwd/config.json", "via.json": "sub/../../outside.json"}
    for path, text in {**inside, **outside}.items():
        os.symlink(text, folder / path)
    mounted = mount(folder)
    check_carried(mounted, ["sub/real.json", *inside], folder)
    assert set(outside) <= set(left_out(mounted))
    for path in inside:
        assert stat.S_IMODE(os.lstat(mounted.at(".view", "model", path)).st_mode) == 0o440


def test_folder_loops(folder, mount):
    """A folder that leads back to itself is no endless tree."""
    write(folder, "a/b/x.txt")
    for path, text in {"loop": ".", "a/b/up": "../..", "a/me": "../a", "root": "/"}.items():
        os.symlink(text, folder / path)
    mounted = mount(folder)
    check_carried(mounted, ["a/b/x.txt"], folder)
    assert {"loop", "a/b/up", "a/me", "root"} <= set(left_out(mounted))


def test_mount_inside_itself(folder, mount):
    """The mount point lies in the folder that is shown."""
    write(folder, "config.json")
    mounted = mount(folder, work=folder, name="mnt")
    assert carried(mounted) - {"mnt.err"} == {"config.json"}
    assert "mnt" not in os.listdir(mounted.at(".view", "model"))
    again = mount(folder, name="again")  # now it is a mount point that could be entered
    assert carried(again) - {"mnt.err"} == {"config.json"}


def test_other_mounts_inside(folder, edge_file, mount, root):
    """What is mounted in the folder stays outside, and is not asked: it may never answer."""
    write(folder, "config.json")
    (folder / "tmp").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", folder / "tmp"], check=True)
    write(folder, "tmp/x.json")
    inner = mount(edge_file, work=folder, name="inner")
    inner.signal(signal.SIGSTOP)
    try:
        mounted = mount(folder)
        assert carried(mounted) - {"inner.err"} == {"config.json"}
        compare.check_bin(mounted.path, mounted.model.tensors["a.weight"])
        assert any(path.startswith("tmp") for path in left_out(mounted))
    finally:
        inner.signal(signal.SIGCONT)
        subprocess.run(["umount", folder / "tmp"], check=True)


def test_bound_file(folder, tmp_path, mount, root):
    """A file that is a mount point is as far away as a folder that is one."""
    write(folder, "config.json")
    target = write(folder, "secret.json")
    subprocess.run(["mount", "--bind", write(tmp_path, "outside.json"), target], check=True)
    try:
        assert carried(mount(folder)) == {"config.json"}
    finally:
        subprocess.run(["umount", target], check=True)


def test_hugging_face_cache(sharded_folder, tmp_path, mount):
    """In a snapshot links may lead anywhere in the model's own folder, and no further."""
    top = tmp_path / "hub" / "models--org--name"
    snapshot = top / "snapshots" / ("0123456789abcdef" * 2)
    snapshot.mkdir(parents=True)
    names = [path.name for path in sharded_folder.iterdir()]
    for number, name in enumerate([*names, "config.json"]):
        blob = top / "blobs" / f"{number:040x}"
        write(top, blob)
        if name in names:
            blob.write_bytes((sharded_folder / name).read_bytes())
        os.symlink(f"../../blobs/{blob.name}", snapshot / name)
    write(top, "refs/main")
    write(tmp_path, "hub/version.txt")
    write(tmp_path, "hub/models--other/blobs/1")
    outside = {"version.txt": "../../../version.txt", "passwd": "/etc/passwd",
               "other.json": "../../../models--other/blobs/1"}
    for path, text in {**outside, "main.txt": "../../refs/main"}.items():
        os.symlink(text, snapshot / path)
    for source in (snapshot, snapshot / "model.safetensors.index.json"):
        mounted = mount(source)
        check_carried(mounted, ["config.json", "main.txt"], snapshot)
        assert set(outside) <= set(left_out(mounted))
        compare.check_tree(mounted.path, mounted.model)


def test_unreadable_file(open_folder, driver, root):
    """A file that the user may not read is left out, and the rest is shown."""
    folder = os.path.join(open_folder, "model")
    write(folder, "config.json")
    os.chmod(write(folder, "secret.json"), 0o600)
    make_model.write_file(os.path.join(folder, "model.safetensors"), SPECS)
    command = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups",
               shutil.copy(driver, open_folder), "--list", folder, ".view/model"]
    result = subprocess.run(command, text=True, check=False, capture_output=True,
                            env=harness.environment())
    assert (result.returncode, result.stderr) == (0, "")
    found = {line.rpartition("/")[2] for line in result.stdout.splitlines()}
    assert found - {""} == {"model.safetensors", "config.json"}


@pytest.mark.parametrize("name", ["new\nline", "esc\x1b[31m.txt", "tab\t", "sub\r/x.txt", "\x7f"])
def test_names_for_no_terminal(folder, mount, name):
    """A name with control characters is not passed on, and the reason is told, escaped."""
    write(folder, name)
    write(folder, "caf\u00e9 au lait.txt")
    mounted = mount(folder)
    check_carried(mounted, ["caf\u00e9 au lait.txt"], folder)
    assert any(path.startswith(name.split("/")[0]) for path in left_out(mounted))


def test_folder_of_a_generated_name(folder, mount):
    """A folder called like the weights that a view makes does not stand in their way."""
    (folder / "model.safetensors").rename(folder / "m.safetensors")
    write(folder, "config.json")
    for name in ("model.safetensors", "pytorch_model.bin", "model.npz", "sub/model.npz"):
        write(folder, f"{name}/x.txt")
    mounted = mount(folder / "m.safetensors")
    for view, name in (("model", "model.safetensors"), ("torch", "pytorch_model.bin"),
                       ("npz", "model.npz")):
        assert compare.walk(mounted.at(".view", view)).count(name) == 1
        assert os.path.isfile(mounted.at(".view", view, name))
        assert "sub/model.npz/x.txt" in compare.walk(mounted.at(".view", view))
    assert {"model.safetensors", "pytorch_model.bin", "model.npz"} <= set(left_out(mounted))


def test_folder_that_keeps_out(folder, mount):
    """Who may not enter a folder may not read what is in it, by a link neither."""
    for path in ("open/a.txt", "group/b.txt", "closed/c.txt", "open/closed/d.txt"):
        os.chmod(write(folder, path), 0o644)
    os.symlink("closed/c.txt", folder / "link.txt")
    for path, mode in (("open", 0o755), ("group", 0o750), ("closed", 0o700),
                       ("open/closed", 0o700)):
        os.chmod(folder / path, mode)
    mounted = mount(folder)
    modes = {path: stat.S_IMODE(os.stat(mounted.at(".view/model", path)).st_mode)
             for path in ("open/a.txt", "group/b.txt", "closed/c.txt", "open/closed/d.txt",
                          "link.txt")}
    assert modes == {"open/a.txt": 0o444, "group/b.txt": 0o440, "closed/c.txt": 0o400,
                     "open/closed/d.txt": 0o400, "link.txt": 0o400}


def test_folder_of_others(folder, mount, root):
    """Where a folder's owner or group is not the file's, these are others to the folder."""
    cases = {"group/a.txt": (0o750, (0, 42), 0o644, (0, 100), 0o400),
             "owner/b.txt": (0o700, (0, 0), 0o600, (65534, 0), 0o000),
             "wide/c.txt": (0o755, (0, 42), 0o640, (65534, 100), 0o440)}
    for path, (folder_mode, folder_ids, mode, ids, _) in cases.items():
        write(folder, path)
        os.chown(folder / path, *ids)
        os.chmod(folder / path, mode)
        os.chown((folder / path).parent, *folder_ids)
        os.chmod((folder / path).parent, folder_mode)
    mounted = mount(folder)
    for path, (*_, want) in cases.items():
        info = os.stat(mounted.at(".view/model", path))
        assert stat.S_IMODE(info.st_mode) == want, path


def test_few_descriptors(folder, mount):
    """The other files leave enough descriptors for the mount itself."""
    for number in range(200):
        write(folder, f"{number:03}.txt")
    script = harness.Mount(folder, folder.parent)
    os.makedirs(script.path, exist_ok=True)
    command = ["sh", "-c", 'ulimit -n 150; exec "$0" "$@"', script.command[0],
               *script.command[2:]]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                            env=harness.environment(log=folder.parent / "sanitizer"))
    try:
        assert (result.returncode, result.stderr) == (0, "")
        reasons = left_out(script)
        assert 0 < len([path for path in reasons if path.endswith(".txt")]) < 200
        assert "too many open files" in set(reasons.values())
    finally:
        assert harness.unmount(script.path)
        harness.wait_for("the daemon's end", lambda: not harness.processes(script.path))
