# SPDX-License-Identifier: Apache-2.0
"""From start to end: the background, signals, and processes that die before their time."""
import contextlib
import ctypes
import errno
import hashlib
import itertools
import os
import signal
import subprocess

import pytest

import compare
import harness
import make_model
from make_model import Spec

SIZE = 8 << 20
MNT_FORCE = 1
DEAD = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO}


@pytest.fixture
def source(tmp_path):
    """Three tensors: large enough that a reader is still at it when a signal comes."""
    path = tmp_path / "m.safetensors"
    specs = [Spec(name, "U8", (SIZE,)) for name in ("a", "b", "c")]
    make_model.write_file(path, specs, content=make_model.noise)
    return path


@pytest.fixture
def where(tmp_path, fuse):
    """An empty folder to mount at; whatever is left there is unmounted."""
    path = tmp_path / "where"
    path.mkdir()
    yield path
    while harness.mounts_at(path):
        assert harness.unmount(path, lazy=True)
    for pid in harness.processes(str(path)):
        os.kill(pid, signal.SIGKILL)


def start(tmp_path, *arguments, **options):
    """Start in the background; nothing may hold our pipes open once the parent has ended."""
    env = harness.environment(log=tmp_path / "sanitizer")
    return harness.run(*arguments, env=env, timeout=30, **options)


def end(tmp_path, where):
    """Unmount, see all processes end, and read what a sanitizer wrote meanwhile."""
    assert harness.unmount(where)
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(where)))
    for log in tmp_path.glob("sanitizer*"):
        harness.check_words(log.read_text(errors="replace"))


def gone(path):
    """A condition: nothing is mounted there."""
    return lambda: not harness.mounts_at(path)


def expect_errno(numbers, function, *arguments):
    """The call must fail with one of these errors."""
    with pytest.raises(OSError) as error:
        function(*arguments)
    assert error.value.errno in numbers, error.value


def expect_orphan(fd):
    """A file whose daemon is dead gives errors, to a read of what is not cached and to close."""
    expect_errno(DEAD, os.pread, fd, 100, SIZE // 2)
    with contextlib.suppress(OSError):
        os.close(fd)


def test_background(source, where, tmp_path):
    """The parent returns 0 when the mount answers: the very next call may use it."""
    result = start(tmp_path, source, where)
    size = os.stat(where / "a.bin").st_size
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert size == SIZE
    assert harness.processes(str(where))
    end(tmp_path, where)


def test_relative_paths(source, where, tmp_path):
    """SOURCE and MOUNTPOINT may be relative, though the daemon leaves the folder it began in."""
    assert start(tmp_path, source.name, where.name, cwd=tmp_path).returncode == 0
    assert os.stat(where / "b.bin").st_size == SIZE
    (entry,) = harness.mounts_at(where)
    assert entry["source"] == str(source)
    assert harness.unmount(where)
    harness.wait_for("the daemon's end", lambda: not harness.processes(where.name))


def test_failure_in_the_background(where, tmp_path):
    """A bad source is told before anything is mounted or left to run."""
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"\x02\0\0\0\0\0\0\0{]")
    result = start(tmp_path, bad, where)
    assert harness.error_word(result) == "invalid-header-deserialization"
    assert str(bad) in result.stderr
    assert not harness.mounts_at(where)
    assert not harness.processes(str(where))


STREAMS = ("<&-", ">&-", "2>&-")
CLOSED = [" ".join(words) for count in (1, 2, 3)
          for words in itertools.combinations(STREAMS, count)]


@pytest.mark.parametrize("words", ["", "-f"])
@pytest.mark.parametrize("closed", CLOSED)
def test_closed_standard_streams(source, where, tmp_path, words, closed):
    """Without some of the descriptors 0 to 2 the source must not become one of them."""
    script = f'"$0" {words} "$1" "$2" {closed}'
    job = subprocess.Popen(["sh", "-c", script, harness.find_driver(), source, where],
                           env=harness.environment(log=tmp_path / "sanitizer"))
    harness.wait_for("a mount", lambda: harness.answers(str(where)))
    want = make_model.noise(Spec("a", "U8", (SIZE,)))
    assert (where / "a.bin").read_bytes() == b"".join(want)
    end(tmp_path, where)
    assert job.wait(60) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal(source, mount, number):
    """The mount is gone at once, and the daemon ends with 0."""
    mounted = mount(source)
    compare.check_tree(mounted.path, mounted.model)
    mounted.signal(number)
    assert mounted.wait() == 0
    assert not harness.mounts_at(mounted.path)


def test_signal_with_open_files(source, mount):
    """SIGTERM detaches, and whoever has a file open reads it to its end."""
    mounted = mount(source)
    tensors = mounted.model.tensors
    files = [open(mounted.at(name + ".bin"), "rb", buffering=0) for name in "abc" for _ in "xy"]
    heads = [file.read(1000) for file in files]
    mounted.signal()
    harness.wait_for("the mount to go", gone(mounted.path))
    assert os.listdir(mounted.path) == []
    for file, head, name in zip(files, heads, "aabbcc"):
        assert mounted.process.poll() is None, "ended while files were open"
        assert head + file.readall() == tensors[name].read()
        file.close()
    assert mounted.wait() == 0


class Readers:
    """Processes that have a file open, and wait with reading it."""

    def __init__(self, mounted, count):
        self.want = hashlib.sha256(mounted.model.tensors["a"].read()).hexdigest().encode()
        script = 'exec 3<"$0"; echo; read go; exec sha256sum <&3'
        self.jobs = [subprocess.Popen(["sh", "-c", script, mounted.at("a.bin")],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
                     for _ in range(count)]
        for job in self.jobs:
            assert job.stdout.readline() == b"\n"

    def check(self):
        """Have them go on; each must get the right sum."""
        for job in self.jobs:
            job.stdin.write(b"go\n")
            job.stdin.flush()
        sums = [job.communicate()[0].split()[0] for job in self.jobs]
        assert sums == [self.want] * len(self.jobs)


def test_signal_with_readers(source, mount):
    """Sixteen running readers all get the right sum."""
    mounted = mount(source)
    readers = Readers(mounted, 16)
    mounted.signal()
    harness.wait_for("the mount to go", gone(mounted.path))
    readers.check()
    assert mounted.wait() == 0


def test_unmount_with_readers(source, mount):
    """Sixty-four readers: it is busy; detached, it serves them to the end."""
    mounted = mount(source)
    readers = Readers(mounted, 64)
    assert not harness.unmount(mounted.path)
    assert harness.answers(mounted.path)
    assert harness.unmount(mounted.path, lazy=True)
    assert not harness.mounts_at(mounted.path)
    readers.check()
    assert mounted.wait() == 0


def test_unmount_with_a_shell_inside(source, mount):
    """A process whose current folder is in the mount keeps it; nothing has to be open."""
    mounted = mount(source)
    job = subprocess.Popen(["sh", "-c", 'cd "$0" && echo && read go', mounted.path],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert job.stdout.readline() == b"\n"
    assert not harness.unmount(mounted.path)
    assert harness.answers(mounted.path)
    job.communicate(b"go\n")
    assert harness.unmount(mounted.path)
    assert mounted.wait() == 0


def test_second_signal(source, mount):
    """A second SIGTERM ends it whoever still reads; the readers get an error, not bytes."""
    mounted = mount(source)
    mounted.expect_exit = None
    fd = os.open(mounted.at("a.bin"), os.O_RDONLY)
    mounted.signal()
    harness.wait_for("the mount to go", gone(mounted.path))
    assert mounted.process.poll() is None
    mounted.signal()
    mounted.wait(20)
    expect_orphan(fd)


def test_unmount_while_open(source, mount):
    """A plain unmount is refused while a file is open; a lazy one lets the reader finish."""
    mounted = mount(source)
    with open(mounted.at("b.bin"), "rb", buffering=0) as file:
        assert not harness.unmount(mounted.path)
        assert harness.unmount(mounted.path, lazy=True)
        assert file.readall() == mounted.model.tensors["b"].read()
    assert mounted.wait() == 0


def test_unmount_at_the_last_close(source, mount):
    """The release of the last file and the end of the connection meet: still a clean end."""
    for _ in range(30):
        mounted = mount(source, name="mnt")
        file = os.open(mounted.at("c.bin"), os.O_RDONLY)
        assert harness.unmount(mounted.path, lazy=True)
        os.close(file)
        assert (mounted.wait(), mounted.output()) == (0, "")


def test_killed_worker(source, mount):
    """When the process that serves is killed, the other one takes the mount away."""
    mounted = mount(source)
    mounted.expect_exit = None
    workers = harness.children(mounted.process.pid)
    assert workers, "no worker beside the process that owns the mount"
    fd = os.open(mounted.at("a.bin"), os.O_RDONLY)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    harness.wait_for("the mount to go", gone(mounted.path))
    expect_orphan(fd)
    assert mounted.wait() != 0
    assert os.listdir(mounted.path) == []


def test_auto_unmount(source, mount):
    """What fusermount3 would need a process for is done anyway, without that."""
    mounted = mount(source, "auto_unmount")
    mounted.expect_exit = 1
    assert [name_of(pid) for pid in harness.children(mounted.process.pid)] == [harness.PROGRAM]
    worker, = harness.children(mounted.process.pid)
    os.kill(worker, signal.SIGKILL)
    harness.wait_for("the mount to go", gone(mounted.path))
    assert mounted.wait() == 1


def name_of(pid):
    """The program that a process runs."""
    return os.path.basename(os.readlink(f"/proc/{pid}/exe"))


def test_killed_supervisor(source, mount):
    """A dead mount that it leaves is replaced at the next start, which says so."""
    first = mount(source)
    first.expect_exit = None
    first.process.kill()
    first.wait()
    harness.wait_for("the worker's end", lambda: not harness.answers(first.path))
    dead = len(harness.mounts_at(first.path))
    if dead:
        expect_errno(DEAD, os.statvfs, first.path)
    second = mount(source, name="mnt")
    assert len(harness.mounts_at(second.path)) == 1
    lines = second.output().splitlines()
    assert len(lines) == dead and all(second.path in line for line in lines), lines
    compare.check_tree(second.path, second.model)


def test_forced_unmount(source, mount, root):
    """A forced unmount aborts the connection; the mount goes though a file is open."""
    mounted = mount(source)
    mounted.expect_exit = None
    fd = os.open(mounted.at("a.bin"), os.O_RDONLY)
    ctypes.CDLL(None).umount2(os.fsencode(mounted.path), MNT_FORCE)
    harness.wait_for("the mount to go", gone(mounted.path))
    expect_orphan(fd)
    mounted.wait()


def test_many_cycles(source, where, tmp_path):
    """In the background, again and again: each time clean, and nothing is left of any.

    Unmounts are not busy. On a loaded machine up to one in three was: the supervisor of the cycle
    before, late, found a mount of its own's id, which the kernel gives to the next at once, and
    asked whether it was dead. A server of 60 lines that forked as often was busy in 0 of 1,500
    cycles beside it; the driver, since it looks for an id that is not used again, in 1 of 4,600,
    for a reason that is not known.
    """
    busy = 0
    for _ in range(60):
        assert start(tmp_path, source, where).returncode == 0
        assert os.stat(where / "c.bin").st_size == SIZE
        if not harness.unmount(where):
            busy += 1
            harness.wait_for("the unmount", lambda: harness.unmount(where))
    assert busy <= 1 or not harness.ids_are_unique()
    harness.wait_for("the end of all", lambda: not harness.processes(str(where)))
    assert not harness.mounts_at(where)
    for log in tmp_path.glob("sanitizer*"):
        harness.check_words(log.read_text(errors="replace"))
