# SPDX-License-Identifier: Apache-2.0
"""`.view/sums/XXH128SUMS`: a line a tensor as xxhsum(1) checks it, each made when it is read.

What takes long here is a source whose reads are slow when they are told to be, or one whose
holes are longer than anybody would wait for.
"""
import errno
import hashlib
import mmap
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

import faults
import harness
import make_model
from make_model import Spec
from safetensors_reader import tree_path

LIST = ".view/sums/XXH128SUMS"
LINE = re.compile(rb"[0-9a-f]{32}  (.+)\n")
MIB = 1 << 20
SOON = 15  # seconds; what is told to end does by then, and no digest that is slow here

pytestmark = pytest.mark.skipif(shutil.which("xxhsum") is None, reason="no xxhsum (xxhash)")


def slurp(path):
    """All of a file."""
    with open(path, "rb") as file:
        return file.read()


def paths_of(data):
    """The paths of a list, in its order; every byte has to belong to a line."""
    paths = LINE.findall(data)
    assert sum(map(len, paths)) + 35 * len(paths) == len(data)
    return [os.fsdecode(path) for path in paths]


def check(folder, file):
    """Have xxhsum check a list in a folder; returns how many files were right."""
    result = subprocess.run(["xxhsum", "-c", "--strict", file], cwd=folder, check=False,
                            capture_output=True, env=harness.environment())
    assert (result.returncode, result.stderr) == (0, b""), result.stdout[-2000:]
    lines = result.stdout.splitlines()
    assert all(line.endswith(b": OK") for line in lines)
    return len(lines)


def by_hand(folder, paths):
    """The same list, made by xxhsum of the files."""
    return b"".join(subprocess.run(["xxhsum", "-H2", "--", path], cwd=folder, check=True,
                                   capture_output=True).stdout for path in paths)


# ---- what it says ----

def check_list(mounted):
    """A line for each tensor, in the order of --list, and right."""
    data = slurp(mounted.at(LIST))
    paths = paths_of(data)
    assert len(data) == os.path.getsize(mounted.at(LIST))
    assert sorted(paths) == sorted(tree_path(name) + ".bin" for name in mounted.model.tensors)
    listed = harness.run("--list", mounted.source).stdout.splitlines()
    assert paths == [path for path in listed if path in set(paths)]
    assert check(mounted.path, LIST) == len(paths)
    assert harness.run("--cat", mounted.source, LIST).stdout.encode() == data


def test_edge(edge):
    """Every dtype, degenerate shape and hostile name."""
    check_list(edge)


def test_sharded(sharded_folder, mount):
    """Tensors of several files; the list is byte for byte what xxhsum writes."""
    mounted = mount(sharded_folder)
    check_list(mounted)
    data = slurp(mounted.at(LIST))
    assert data == by_hand(mounted.path, paths_of(data))


def test_alias(tmp_path, mount):
    """A further name of a tensor has no line: it leads to the same file."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("kept", "F32", (3,))], {"dropped": "kept"})
    mounted = mount(path)
    assert os.path.islink(mounted.at("dropped.bin"))
    assert paths_of(slurp(mounted.at(LIST))) == ["kept.bin"]


def test_filter(sharded_folder, mount):
    """The names are those that are shown."""
    mounted = mount(sharded_folder, words=["--include", "*.weight", "--rename", "s/^model/m/"])
    paths = paths_of(slurp(mounted.at(LIST)))
    assert "m/embed_tokens/weight.bin" in paths and "m/position_ids.bin" not in paths
    assert check(mounted.path, LIST) == len(paths) > 2


@pytest.mark.parametrize("view", ["npy", "f32", "flat", "model", "sums", "tensors"])
def test_other_root(sharded_folder, mount, view):
    """The list is the same whatever is at the root, and right where the files are."""
    mounted = mount(sharded_folder, f"view={view}")
    want = harness.run("--cat", sharded_folder, LIST).stdout.encode()
    assert slurp(mounted.at(LIST)) == want
    assert check(mounted.at(".view/tensors"), "../sums/XXH128SUMS") == want.count(b"\n")
    if view == "sums":
        assert os.listdir(mounted.path) == ["XXH128SUMS"]
        assert slurp(mounted.at("XXH128SUMS")) == want


def test_folder(edge):
    """There is nothing else in there, and it is listed in `.view`."""
    assert os.listdir(edge.at(".view/sums")) == ["XXH128SUMS"]
    assert "sums" in os.listdir(edge.at(".view"))
    assert not os.path.exists(edge.at(".view/sums/w.bin"))


def test_extracted(sharded_folder, tmp_path):
    """It is a file as others for who copies it, and checks what was extracted with it."""
    folder = tmp_path / "copy"
    assert harness.run("--extract", sharded_folder, folder).returncode == 0
    assert harness.run("--extract", sharded_folder, folder, LIST).returncode == 0
    lines = slurp(folder / LIST).count(b"\n")
    assert check(folder, LIST) == lines
    with open(folder / "model/position_ids.bin", "r+b") as file:
        file.write(b"\xff")
    result = subprocess.run(["xxhsum", "-c", LIST], cwd=folder, capture_output=True, check=False)
    assert result.stdout.count(b": OK") == lines - 1
    assert b"model/position_ids.bin: FAILED" in result.stdout


# ---- when ----

@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    """A file of terabytes, but for its first line and one in the middle."""
    path = tmp_path_factory.mktemp("endless") / "m.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (100,)), Spec("b", "U8", (1 << 42,)),
                                 Spec("c", "U8", (100,))])
    return path


def test_head(endless, mount):
    """Of the first line no more is read than its own tensor; later ones can be had alone."""
    mounted = mount(endless)
    first = by_hand(mounted.path, ["a.bin"])
    begin = time.monotonic()
    for program in (["head", "-1"], ["dd", "count=1", "bs=1M", "status=none"]):
        with open(mounted.at(LIST), "rb") as file:
            got = subprocess.run(program, stdin=file, capture_output=True, check=True,
                                 timeout=SOON).stdout
        assert got == first
    size = os.path.getsize(mounted.at(LIST))
    assert size == 3 * len(first)
    fd = os.open(mounted.at(LIST), os.O_RDONLY)
    try:  # a path is no digest
        assert os.pread(fd, len("  b.bin\n"), len(first) + 32) == b"  b.bin\n"
        assert os.pread(fd, MIB, 2 * len(first)) == by_hand(mounted.path, ["c.bin"])
        assert os.pread(fd, MIB, size) == os.pread(fd, MIB, size + 1) == b""
    finally:
        os.close(fd)
    assert time.monotonic() - begin < SOON


def test_head_offline(endless):
    """--cat shows a line when it has it."""
    cat = subprocess.Popen([harness.find_driver(), "--cat", endless, LIST],
                           stdout=subprocess.PIPE)
    try:
        assert cat.stdout.readline().endswith(b"  a.bin\n")
    finally:
        cat.kill()
        cat.communicate()


def test_mapping(edge_file, mount):
    """A private mapping, for which the kernel asks page by page, has all of it."""
    want = harness.run("--cat", edge_file, LIST).stdout.encode()
    mounted = mount(edge_file)
    with open(mounted.at(LIST), "rb") as file:
        with mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as area:
            assert area[:] == want
    assert os.path.getsize(mounted.at(LIST)) == len(want)
    assert slurp(mounted.at(LIST)) == want


def test_parallel(edge_file, mount):
    """Many readers at once, each from its own place on, all get the same."""
    want = harness.run("--cat", edge_file, LIST).stdout.encode()
    mounted = mount(edge_file)
    wrong = []

    def read(number):
        with open(mounted.at(LIST), "rb", buffering=0) as file:
            got = at = number * len(want) // 20
            file.seek(at)
            got = b"".join(iter(lambda: file.read(1000 + 97 * number), b""))
            if got != want[at:]:
                wrong.append(number)

    threads = [threading.Thread(target=read, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- slow ones ----

SPECS = [Spec("a", "U8", (100,)), Spec("b", "U8", (256 * MIB,)), Spec("c", "U8", (4 * MIB,))]
FIRST = 32 + len("  a.bin\n")


@pytest.fixture(scope="module")
def slow_file(tmp_path_factory):
    """A file that takes 41 seconds where reads are slow: each of 64 KiB takes 10 ms."""
    path = tmp_path_factory.mktemp("slow") / "m.safetensors"
    make_model.write_file(path, SPECS)
    return path


@pytest.fixture
def slow(slow_file, mount, tmp_path):
    """A mount of a copy of it; reads are slow, and the first line is known."""
    path = tmp_path / "m.safetensors"
    shutil.copyfile(slow_file, path)
    os.utime(path, ns=(10**18, 10**18))
    switch = faults.Switch(tmp_path / "switch")
    mounted = mount(path, env=switch.preload(path), driver=faults.plain_driver())
    with open(mounted.at(LIST), "rb") as file:
        mounted.first = file.read(FIRST)
    mounted.switch = switch
    switch.set(delay=1)
    return mounted


@pytest.fixture
def reader(slow, connection):
    """A process that waits for the second line."""
    job = subprocess.Popen(["cat", slow.at(LIST)], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    try:
        assert job.stdout.read(FIRST) == slow.first
        harness.wait_for("a request", lambda: connection(slow).waiting() > 0)
        yield job
    finally:
        slow.switch.clear()
        job.kill()
        job.communicate()


def test_killed_reader(slow, reader):
    """It ends, and with it the digest; nothing holds the mount."""
    reader.kill()
    reader.communicate(timeout=SOON)
    assert harness.unmount(slow.path)
    assert slow.wait(SOON) == 0


def test_others_meanwhile(slow, reader):
    """Whatever else is asked is answered; the line that is known, too."""
    with open(slow.at(LIST), "rb") as file:
        assert file.read(FIRST) == slow.first
    assert slurp(slow.at("a.bin")) == make_model.expected(SPECS[0])
    assert os.stat(slow.at("c.bin")).st_size == 4 * MIB
    assert reader.poll() is None


def test_forced_unmount(slow, reader, root):
    """Nobody goes on to read the source for a mount that is no more."""
    subprocess.run(["umount", "-f", slow.path], check=False, stderr=subprocess.DEVNULL)
    reader.communicate(timeout=SOON)
    assert reader.returncode != 0
    slow.wait(SOON)


def test_second_signal(slow, reader):
    """The first has the reader served to the end, the second does not."""
    slow.expect_exit = None
    slow.signal()
    harness.wait_for("the mount to go", lambda: not harness.mounts_at(slow.path))
    assert reader.poll() is None
    slow.signal()
    slow.wait(SOON)
    reader.communicate(timeout=SOON)
    assert reader.returncode != 0


def test_drained(slow, reader):
    """The first signal alone: the reader gets all lines."""
    slow.signal()
    harness.wait_for("the mount to go", lambda: not harness.mounts_at(slow.path))
    slow.switch.clear()
    rest = reader.communicate(timeout=60)[0]
    want = harness.run("--cat", slow.source, LIST).stdout.encode()
    assert (slow.wait(), slow.first + rest) == (0, want)


def test_change(slow, reader):
    """A source that changes under a digest makes none; nor is one shown that was known."""
    os.utime(slow.source)
    rest, message = reader.communicate(timeout=SOON)
    assert (reader.returncode, rest) == (1, b"")
    assert os.strerror(errno.ESTALE).encode() in message
    slow.switch.clear()
    with pytest.raises(OSError) as error:
        slurp(slow.at(LIST))
    assert error.value.errno == errno.ESTALE


DISTURBED = """
import os, signal, sys
signal.signal(signal.SIGALRM, lambda *_: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
fd = os.open(sys.argv[1], os.O_RDONLY)
line = os.pread(fd, 40, int(sys.argv[2]))
signal.setitimer(signal.ITIMER_REAL, 0)  # it would end an interpreter that ends
sys.stdout.buffer.write(line)
"""


def test_disturbed_reader(slow):
    """A reader whom signals wake again and again gets its line, for no work is lost."""
    want = slow.first.replace(b"a.bin", b"c.bin")[32:]
    begin = time.monotonic()
    got = subprocess.run([sys.executable, "-c", DISTURBED, slow.at(LIST), str(2 * FIRST)],
                         capture_output=True, check=True, timeout=60).stdout
    took = time.monotonic() - begin
    assert got[32:] == want and took > 0.6  # 64 reads of 10 ms: many signals
    slow.switch.clear()
    assert got == by_hand(slow.path, ["c.bin"])


def test_content(slow_file):
    """The file of the tests above is what it should be, or they would show nothing."""
    with open(slow_file, "rb") as file:
        file.seek(-4 * MIB, os.SEEK_END)
        got = hashlib.sha256(file.read()).hexdigest()
    assert got == hashlib.sha256(make_model.expected(SPECS[2])).hexdigest()
