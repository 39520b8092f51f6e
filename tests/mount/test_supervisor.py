# SPDX-License-Identifier: Apache-2.0
"""The supervisor touches its own mount only, wherever that is, and never hangs on a reader."""
import os
import resource
import signal
import subprocess
import time

import pytest

import harness
import make_model
from make_model import Spec


@pytest.fixture
def source(tmp_path):
    """One small tensor."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (4096,))])
    return path


def test_next_mount_is_left_alone(source, mount, tmp_path):
    """A supervisor that comes late finds another mount of the same id at its path."""
    first = mount(source, name="mnt")
    first.signal(signal.SIGSTOP)
    assert harness.unmount(first.path)
    harness.wait_for("the first mount to go", lambda: not harness.mounts_at(first.path))
    second = mount(source, name="mnt")
    first.signal(signal.SIGCONT)
    assert first.wait() == 0
    first.closed = True
    assert len(harness.mounts_at(second.path)) == 1
    assert os.path.getsize(second.at("a.bin")) == 4096


def mount_of_id(mount, source, wanted):
    """A mount that got an id which was free: others on the machine may get it first."""
    for _ in range(50):
        mounted = mount(source, name="mnt")
        (entry,) = harness.mounts_at(mounted.path)
        if entry["id"] == wanted:
            return mounted
        mounted.close()
    pytest.skip("the kernel does not give the id to another mount")


@pytest.mark.parametrize("told_to_end", [False, True])
def test_next_mount_is_not_asked(source, mount, told_to_end):
    """Late like that, it does not look at the other mount, which may hang, or have it go.

    It used to: unmounting was busy while it waited for the answer, and SIGTERM to it took the
    other mount away.
    """
    if not harness.ids_are_unique():
        pytest.skip("before Linux 6.8 no mount can be told from another of its id")
    first = mount(source, name="mnt")
    (entry,) = harness.mounts_at(first.path)
    first.signal(signal.SIGSTOP)
    assert harness.unmount(first.path)
    harness.wait_for("the worker's end", lambda: not harness.children(first.process.pid))
    second = mount_of_id(mount, source, entry["id"])
    (worker,) = harness.children(second.process.pid)
    os.kill(worker, signal.SIGSTOP)
    try:
        if told_to_end:
            first.signal()
        first.signal(signal.SIGCONT)
        assert first.wait(20) == 0
    finally:
        os.kill(worker, signal.SIGCONT)
    first.closed = True
    assert len(harness.mounts_at(second.path)) == 1
    assert os.path.getsize(second.at("a.bin")) == 4096


@pytest.mark.parametrize("name", ["cr\rx", "ff\fx", "vt\vx", "tab\tx", "space x", "new\nline"])
def test_odd_mount_points(source, mount, name):
    """White space that the kernel does not escape is part of the path."""
    mounted = mount(source, name=name)
    again = harness.run("-f", source, mounted.path)
    assert harness.error_word(again) == "mount"
    mounted.signal()
    assert mounted.wait() == 0
    assert not harness.mounts_at(mounted.path)


def test_renamed_folder(source, mount, tmp_path):
    """SIGTERM unmounts where the mount is now."""
    (tmp_path / "before").mkdir()
    mounted = mount(source, work=tmp_path / "before")
    os.rename(tmp_path / "before", tmp_path / "after")
    mounted.path = str(tmp_path / "after" / "mnt")
    mounted.log = tmp_path / "after" / "mnt.err"
    assert harness.mounts_at(mounted.path)
    mounted.signal()
    assert mounted.wait() == 0
    assert not harness.mounts_at(mounted.path)


def test_something_on_top(source, mount, tmp_path, root):
    """What was mounted over it is not ours to unmount; a message says so."""
    mounted = mount(source)
    subprocess.run(["mount", "-t", "tmpfs", "none", mounted.path], check=True)
    try:
        mounted.signal()
        harness.wait_for("a message", lambda: "mounted on top" in mounted.output())
        assert [entry["type"] for entry in harness.mounts_at(mounted.path)] == \
            [harness.TYPE, "tmpfs"]
    finally:
        subprocess.run(["umount", mounted.path], check=True)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_ignored_signal(source, mount, number):
    """What the caller had ignored, as nohup does, stays ignored."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        mounted = mount(source)
    finally:
        signal.signal(number, before)
    mounted.signal(number)
    time.sleep(0.2)
    assert harness.answers(mounted.path)
    mounted.signal(signal.SIGTERM)
    assert mounted.wait() == 0


def test_ignored_children(source, mount):
    """An inherited SIGCHLD=SIG_IGN does not hide how the worker ended."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        mounted = mount(source)
    finally:
        signal.signal(signal.SIGCHLD, before)
    mounted.expect_exit = None
    for pid in harness.children(mounted.process.pid):
        os.kill(pid, signal.SIGKILL)
    assert mounted.wait() == 1
    assert "killed by signal 9" in mounted.output()
    assert not harness.mounts_at(mounted.path)


def test_messages_that_nobody_reads(source, fuse, tmp_path):
    """A full pipe behind -d holds up neither a request nor a signal."""
    path = tmp_path / "mnt"
    path.mkdir()
    process = subprocess.Popen([fuse, "-d", source, path], stderr=subprocess.PIPE,
                               stdin=subprocess.DEVNULL, start_new_session=True)
    harness.running[process.pid] = process
    try:
        harness.wait_for("the mount", lambda: harness.answers(str(path)))
        for _ in range(2000):  # each is a request, and lines of it
            os.statvfs(path)
        process.send_signal(signal.SIGTERM)
        harness.wait_for("the unmount", lambda: not harness.mounts_at(str(path)), 10)
        assert b"INIT" in process.stderr.read()
        assert process.wait(10) == 0
    finally:
        harness.unmount(str(path), lazy=True)
        process.kill()
        process.wait()
        harness.running.pop(process.pid, None)
        process.stderr.close()


@pytest.mark.parametrize("limit", range(4, 14))
def test_few_descriptors(source, fuse, tmp_path, limit):
    """It mounts, or it says why not and leaves nothing behind."""
    path = tmp_path / "mnt"
    path.mkdir()
    result = harness.run(source, path, preexec_fn=lambda: resource.setrlimit(
        resource.RLIMIT_NOFILE, (limit, limit)))
    if result.returncode == 0:
        assert harness.unmount(str(path))
    else:
        assert harness.error_word(result) in ("io", "mount", "no-memory")
    assert not harness.mounts_at(str(path))


def test_change_and_unmount_at_once(tmp_path, mount):
    """The thread that drops pages stops with the session, however much is left to drop."""
    path = tmp_path / "many.safetensors"
    make_model.write_file(path, [Spec(f"t{i}", "U8", (1,)) for i in range(3000)])
    mounted = mount(path)
    for i in range(3000):
        with open(mounted.at(f"t{i}.bin"), "rb") as file:
            file.read()
    os.utime(path)
    with pytest.raises(OSError):
        open(mounted.at("t0.bin"), "rb").close()
    assert harness.unmount(mounted.path, lazy=True)
    assert mounted.wait() == 0
    assert "Bad file descriptor" not in mounted.output()
