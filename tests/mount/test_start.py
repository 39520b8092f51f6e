# SPDX-License-Identifier: Apache-2.0
"""What can be wrong, or merely odd, about SOURCE, MOUNTPOINT and the options at start."""
import os
import resource
import signal
import stat
import subprocess

import pytest

import compare
import expected
import harness
import make_model
from make_model import Spec
from safetensors_reader import tree_path

SPECS = [Spec("w", "F32", (2, 3)), Spec("w.absmax", "U8", (5,))]


@pytest.fixture
def source(tmp_path):
    """A small model."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, SPECS)
    return path


@pytest.fixture
def refused(fuse, tmp_path):
    """refused(SOURCE, MOUNTPOINT, ...): start, fail with status 1, leave nothing mounted."""
    def start(source, where=None, *options):
        if where is None:
            where = tmp_path / "empty"
            where.mkdir(exist_ok=True)
        before = harness.mounts_at(where)
        result = harness.run("-f", source, where, *options, timeout=30)
        assert harness.mounts_at(where) == before
        assert result.stdout == ""
        return harness.error_word(result), result.stderr

    return start


def test_mountpoint_missing(source, refused, tmp_path):
    """Said by name; nothing is created."""
    word, message = refused(source, tmp_path / "no" / "such")
    assert (word, str(tmp_path / "no" / "such") in message) == ("mount", True), message
    assert not (tmp_path / "no").exists()


def test_mountpoint_is_a_file(source, refused, tmp_path):
    """libfuse would mount on it and then fail; the user should hear of it first."""
    (tmp_path / "file").write_text("x")
    word, message = refused(source, tmp_path / "file")
    assert (word, str(tmp_path / "file") in message) == ("mount", True), message
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("name", ["file/below", "dangling", "loop", "fifo", "n" * 300,
                                  "d/" * 3000, "/dev/null", "/proc/self/mem"],
                         ids=lambda name: name[:20])
def test_no_mountpoint(source, refused, tmp_path, name):
    """Whatever is no folder, or cannot be reached, is named in a message."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "fifo")
    word, message = refused(source, os.path.join(tmp_path, name))
    assert word == "mount"
    assert name[:200] in message


def test_mountpoint_is_a_link(source, mount, tmp_path):
    """A link to a folder is as good as the folder."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    mounted = harness.Mount(source, tmp_path, name="real")
    mounted.command[-1] = str(tmp_path / "link")
    with mounted:
        compare.check_tree(tmp_path / "link", mounted.model)


def test_mountpoint_not_empty(source, mount, tmp_path):
    """What lies below is hidden for a while: a warning, and none with -o nonempty."""
    (tmp_path / "mnt").mkdir()
    (tmp_path / "mnt" / "precious").write_text("x")
    mounted = mount(source)
    assert mounted.path in mounted.output() and "nonempty" in mounted.output()
    assert not os.path.exists(mounted.at("precious"))
    mounted.close()
    assert (tmp_path / "mnt" / "precious").read_text() == "x"
    quiet = mount(source, "nonempty", name="mnt")
    compare.check_tree(quiet.path, quiet.model)
    assert quiet.output() == ""


def test_empty_mountpoint_is_silent(source, mount):
    """A start with nothing to say says nothing."""
    mounted = mount(source)
    compare.check_tree(mounted.path, mounted.model)
    assert mounted.output() == ""


def test_verbose(source, tmp_path, fuse):
    """-v says what was opened and where it is, before the command ends in the background."""
    (tmp_path / "mnt").mkdir()
    result = harness.run("-v", source, "mnt", cwd=tmp_path)
    opened, *passed, mounted = result.stderr.splitlines()
    assert (result.returncode, result.stdout) == (0, "")
    assert opened.startswith(f"safetensorsfs: {source}: 2 tensors in 1 file of ")
    assert passed in ([], ["safetensorsfs: the kernel reads 1 of the files itself (passthrough)"])
    assert mounted == f"safetensorsfs: mounted on {tmp_path}/mnt"
    assert harness.run("-u", tmp_path / "mnt").returncode == 0


def test_already_mounted(source, mount, refused):
    """A second mount over a living one of ours is refused, even with -o nonempty."""
    mounted = mount(source)
    for options in ((), ("-o", "nonempty")):
        word, message = refused(source, mounted.path, *options)
        assert (word, mounted.path in message) == ("mount", True), message
    compare.check_tree(mounted.path, mounted.model)


def test_already_mounted_and_hung(source, mount, refused):
    """The same where the mount does not answer: it used to be asked for ever."""
    mounted = mount(source)
    (worker,) = harness.children(mounted.process.pid)
    os.kill(worker, signal.SIGSTOP)
    try:
        word, message = refused(source, mounted.path)
        assert (word, "already" in message) == ("mount", True), message
    finally:
        os.kill(worker, signal.SIGCONT)
    assert harness.answers(mounted.path)


def test_over_its_own_folder(tmp_path, mount):
    """The source's own folder may be the mountpoint: the source is open before."""
    folder = tmp_path / "mnt"
    folder.mkdir()
    make_model.write_file(folder / "model.safetensors", SPECS)
    data = (folder / "model.safetensors").read_bytes()
    mounted = harness.Mount(folder / "model.safetensors", tmp_path, "nonempty")
    model = mounted.model  # the oracle cannot look there later
    with mounted:
        assert set(compare.walk(mounted.path)) == compare.tensors_paths(model)
        for spec in SPECS:
            path = mounted.at(tree_path(spec.name) + ".bin")
            assert compare.slurp(path) == make_model.expected(spec)
    assert (folder / "model.safetensors").read_bytes() == data


NAMES = ["comma,allow_other.safetensors", "a,b,c", "back\\slash,rw.safetensors", "new\nline",
         "sp ace .safetensors", "octal\\040x", "tab\t", "-f", "--help", "esc\x1b[31m\u202e",
         "caf\u00e9 \U0001f600", "x=y,fsname=z", "a:b#c", "'\"$(id)`*", "n" * 255]


@pytest.mark.parametrize("name", NAMES, ids=[ascii(name[:30]) for name in NAMES])
def test_names_of_the_source(tmp_path, mount, name):
    """A name is a name: it injects no option, and the kernel lists it as it is."""
    source = tmp_path / name
    make_model.write_file(source, SPECS)
    mounted = mount(source)
    (entry,) = harness.mounts_at(mounted.path)
    if "\x1b" not in name:  # which may be shown in a form that is safe for a terminal
        assert entry["source"] == str(source)
    assert "allow_other" not in entry["super_options"]
    assert entry["type"] == harness.TYPE
    compare.check_tree(mounted.path, mounted.model)


def test_name_that_is_not_utf8(tmp_path, mount):
    """JSON has no way to say such a byte: it becomes U+FFFD there."""
    source = os.fsdecode(os.fsencode(tmp_path) + b"/m\xff.safetensors")
    make_model.write_file(source, SPECS)
    mounted = mount(source)
    document = expected.parse_json(compare.slurp(mounted.at("w.json")))
    assert document["file"] == "m\ufffd.safetensors"
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    assert document["files"][0]["name"] == "m\ufffd.safetensors"
    for tensor in mounted.model.tensors.values():
        compare.check_bin(mounted.path, tensor)


def test_source_missing(refused, tmp_path):
    """A file that is not there, and a link that leads nowhere, are named."""
    (tmp_path / "dangling").symlink_to("nowhere")
    for name in ("no.safetensors", "dangling", "no.safetensors.index.json"):
        word, message = refused(tmp_path / name)
        assert word in ("io", "index") and str(tmp_path / name) in message, message


def test_source_is_special(refused, tmp_path):
    """Pipes, devices and sockets are refused at once: nobody waits for a writer."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", "/dev/zero", "/dev/null", "/proc/self/mountinfo"):
        _, message = refused(path)
        assert str(path) in message


def test_shard_is_special(refused, tmp_path):
    """Nor may a folder's only model file be one."""
    os.mkfifo(tmp_path / "model.safetensors")
    _, message = refused(tmp_path)
    assert "model.safetensors" in message


FSTAB = ["defaults", "rw", "dev", "suid", "exec", "atime", "relatime", "ro", "nodev", "nosuid",
         "noexec", "rw,dev,suid,exec,atime,relatime,defaults"]


@pytest.mark.parametrize("options", FSTAB)
def test_options_of_fstab(source, mount, options):
    """What mount(8) passes on is accepted, and changes nothing."""
    mounted = mount(source, options)
    (entry,) = harness.mounts_at(mounted.path)
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(entry["options"])
    compare.check_tree(mounted.path, mounted.model)


@pytest.mark.parametrize("options", [
    "view=", "view=TENSORS", "io=", "io=mmap", "missing=", "missing=maybe", "uid=", "uid=-1",
    "uid=me", "uid=4294967296", "idle=", "idle=-1", "idle=1.5", "idle=1h", "idle=4294967295",
    "gid=x", "umask=8", "umask=", "umask=1000000", "umask=-1"])
def test_bad_options(source, fuse, tmp_path, options):
    """A value that cannot be meant is misuse, before anything is mounted."""
    result = harness.run("-f", source, tmp_path, "-o", options)
    assert result.returncode == 2, (result.returncode, result.stderr)
    assert result.stderr.startswith("safetensorsfs: ")
    assert not harness.mounts_at(tmp_path)


def test_options_in_any_place(source, tmp_path, fuse):
    """Options may come before, between and after the two paths, and in several -o."""
    (tmp_path / "mnt").mkdir()
    mounted = harness.Mount(source, tmp_path)
    mounted.command = [harness.find_driver(), "-o", "umask=070", str(source), "-f",
                       mounted.path, "-o", "uid=7,view=npy", "-ogid=8"]
    with mounted:
        st = os.stat(mounted.at("w.npy"))
        assert (st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)) == (7, 8, 0o404)


def limited(limit, sharded_folder, where):
    """Run --check and a start with a limit on open files; returns both results."""
    script = f'ulimit {limit}; "$0" --check "$1"; exec "$0" -f "$1" "$2"'
    return subprocess.run(["sh", "-c", script, harness.find_driver(), sharded_folder, where],
                          capture_output=True, text=True, timeout=60, check=False,
                          stdin=subprocess.DEVNULL, env=harness.environment())


def test_no_descriptors_left(sharded_folder, fuse, tmp_path):
    """A model of more files than may be open is an error that says so, and nothing hangs."""
    result = limited("-n 5", sharded_folder, tmp_path)
    assert "Too many open files" in result.stderr
    assert harness.error_word(result) == "io"
    assert not harness.mounts_at(tmp_path)


def test_soft_limit_is_raised(tmp_path, mount):
    """The soft limit is for programs that use select(); every shard stays open all the same."""
    names = [f"{number}.safetensors" for number in range(100)]
    for number, name in enumerate(names):
        make_model.write_file(tmp_path / name, [Spec(f"t{number}", "U8", (1,))])
    make_model.write_index(tmp_path, {f"t{n}": name for n, name in enumerate(names)})
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        mounted = mount(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    compare.check_tree(mounted.path, mounted.model)
