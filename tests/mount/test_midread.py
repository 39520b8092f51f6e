# SPDX-License-Identifier: Apache-2.0
"""The end comes in the middle of reads: signals, killed processes, forced unmounts.

Reads of the source are made to hang, so that the requests are surely under way.
"""
import ctypes
import errno
import hashlib
import os
import signal
import subprocess
import sys

import pytest

import compare
import faults
import harness
import make_model
from make_model import Spec

COUNT = 16
SIZE = (1 << 20) + 5
MNT_FORCE = 1
WAIT = 30  # seconds; what does not come by then hangs
DEAD = {errno.ENOTCONN, errno.ECONNABORTED, errno.EIO}
SPECS = [Spec(f"t{number}", "U8", (SIZE,)) for number in range(COUNT)]

# Opens a file, says so, and reads it in the way it is told; prints a sum or an error.
READER = """
import hashlib, mmap, os, sys
path, way = sys.argv[1:]
fd = os.open(path, os.O_RDONLY | (os.O_DIRECT if way == "direct" else 0))
size = os.fstat(fd).st_size
data = mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ) if way == "mapped" else None
print("open", flush=True)
try:
    if way == "direct":
        data = mmap.mmap(-1, size + 4096)
        assert os.preadv(fd, [data], 0) == size
        data = data[:size]
    elif way == "cached":
        data = open(fd, "rb", closefd=False).read()
    print(hashlib.sha256(data).hexdigest())
except OSError as error:
    print(error.errno)
"""


@pytest.fixture
def source(tmp_path):
    """As many tensors as there are readers."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, SPECS, content=make_model.noise)
    return path


@pytest.fixture
def hanging(source, mount, connection, tmp_path):
    """A mount, and readers who all wait for the source: .jobs and the .way of each."""
    switch = faults.Switch(tmp_path / "switch")
    mounted = mount(source, "io=pread", env=switch.preload(source),
                    driver=faults.plain_driver())
    mounted.switch = switch
    mounted.connection = connection(mounted)
    switch.set(read="h")  # opening a file reads nothing
    mounted.ways = [("cached", "direct", "mapped")[number % 3] for number in range(COUNT)]
    mounted.jobs = [subprocess.Popen([sys.executable, "-c", READER, mounted.at(f"t{number}.bin"),
                                      way], stdout=subprocess.PIPE, text=True)
                    for number, way in enumerate(mounted.ways)]
    try:
        for job in mounted.jobs:
            assert job.stdout.readline() == "open\n"
        harness.wait_for("requests", lambda: mounted.connection.waiting() >= COUNT)
        yield mounted
    finally:
        switch.clear()
        for job in mounted.jobs:
            job.kill()
            job.communicate()


def check_sums(mounted):
    """Every reader got the right bytes."""
    for spec, job in zip(SPECS, mounted.jobs):
        want = hashlib.sha256(b"".join(make_model.noise(spec))).hexdigest()
        assert job.communicate(timeout=WAIT)[0].strip() == want
        assert job.returncode == 0


def check_failures(mounted):
    """Every reader heard that there is nobody any more; who had mapped it, by SIGBUS."""
    for way, job in zip(mounted.ways, mounted.jobs):
        out = job.communicate(timeout=WAIT)[0].strip()
        if way == "mapped":
            assert (job.returncode, out) == (-signal.SIGBUS, "")
        else:
            assert job.returncode == 0 and int(out) in DEAD, out


def gone(mounted):
    """A condition: nothing is mounted there."""
    return lambda: not harness.mounts_at(mounted.path)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signal(hanging, number):
    """All who were reading read on, to the end."""
    hanging.signal(number)
    harness.wait_for("the mount to go", gone(hanging))
    assert all(job.poll() is None for job in hanging.jobs)
    hanging.switch.clear()
    check_sums(hanging)
    assert hanging.wait() == 0


def test_lazy_unmount(hanging):
    """The same by hand."""
    assert not harness.unmount(hanging.path)
    assert harness.unmount(hanging.path, lazy=True)
    assert all(job.poll() is None for job in hanging.jobs)
    hanging.switch.clear()
    check_sums(hanging)
    assert hanging.wait() == 0


def test_second_signal(hanging):
    """The second signal does not wait for the source either."""
    hanging.expect_exit = 1
    hanging.signal()
    harness.wait_for("the mount to go", gone(hanging))
    hanging.signal()
    check_failures(hanging)
    assert hanging.wait(WAIT) == 1


def test_killed_worker(hanging):
    """Readers get errors, and no dead mount is left."""
    hanging.expect_exit = 1
    worker, = harness.children(hanging.process.pid)
    os.kill(worker, signal.SIGKILL)
    check_failures(hanging)
    harness.wait_for("the mount to go", gone(hanging))
    assert hanging.wait(WAIT) == 1
    assert "killed by signal 9" in hanging.output()
    assert os.listdir(hanging.path) == []


def test_killed_supervisor(hanging, source, mount):
    """The worker ends with it; the next start takes the dead mount away."""
    hanging.expect_exit = None
    worker, = harness.children(hanging.process.pid)
    hanging.process.kill()
    hanging.wait(WAIT)
    check_failures(hanging)
    harness.wait_for("the worker's end", lambda: not os.path.exists(f"/proc/{worker}"))
    second = mount(source, name=os.path.basename(hanging.path))
    assert len(harness.mounts_at(second.path)) == 1
    compare.check_tree(second.path, second.model)


@pytest.mark.parametrize("how", ["umount", "abort"])
def test_forced_unmount(hanging, how):
    """An aborted connection: readers get errors at once, and the mount goes."""
    hanging.expect_exit = None
    if how == "umount":
        ctypes.CDLL(None).umount2(os.fsencode(hanging.path), MNT_FORCE)
    else:
        hanging.connection.abort()
    check_failures(hanging)
    hanging.switch.clear()
    harness.wait_for("the mount to go", gone(hanging))
    hanging.wait(WAIT)
