# SPDX-License-Identifier: Apache-2.0
"""Limits on address space, descriptors and memory, at start and while serving; and a freeze.

Never a wrong byte: what is served is right, what is not is an error that says so.
"""
import concurrent.futures
import errno
import hashlib
import os
import resource
import subprocess

import pytest

import cgroups
import compare
import faults
import harness
import make_model
from make_model import Spec

MIB = 1 << 20
SIZE = MIB + 7
COUNT = 16
SPECS = [Spec(f"t{number}", "U8", (SIZE,)) for number in range(COUNT)]
WAIT = 60
DEAD = (errno.ENOTCONN, errno.ECONNABORTED)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Tensors for as many readers, 16 MiB in all."""
    path = tmp_path_factory.mktemp("limits") / "m.safetensors"
    make_model.write_file(path, SPECS, content=make_model.noise)
    return path


@pytest.fixture(scope="module")
def sums(source):
    """The sha256 of each tensor."""
    return [hashlib.sha256(b"".join(make_model.noise(spec))).hexdigest() for spec in SPECS]


class Readers:
    """A process for each tensor, all at once."""

    def __init__(self, mounted):
        self.jobs = [subprocess.Popen(["sha256sum", mounted.at(f"{spec.name}.bin")],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                     for spec in SPECS]

    def sums(self):
        """What each printed, or its message."""
        outs = [job.communicate(timeout=WAIT) for job in self.jobs]
        return [(out.split() or [err])[0] for out, err in outs]


def drop(mounted):
    """Have the kernel forget what it has of the mounted files."""
    for spec in SPECS:
        with open(mounted.at(f"{spec.name}.bin"), "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def limit_space(limit):
    """What a child does before the program begins."""
    return lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


@pytest.mark.parametrize("io", ["auto", "map", "pread"])
def test_address_space_at_start(source, tmp_path, fuse, io):
    """From too little for the model to enough: refused, with no mount left, or served."""
    driver = faults.plain_driver()
    path = tmp_path / "mnt"
    path.mkdir()
    codes = set()
    for limit in range(4 * MIB, 160 * MIB, 6 * MIB):
        start = limit_space(limit)
        if subprocess.run([driver, "-V"], preexec_fn=start, capture_output=True,
                          check=False).returncode != 0:
            continue  # the system cannot even load it
        result = subprocess.run([driver, source, path, "-o", f"io={io}"], preexec_fn=start,
                                capture_output=True, text=True, timeout=WAIT, check=False,
                                env=harness.environment())
        codes.add(result.returncode)
        if result.returncode == 0:
            try:
                assert compare.slurp(path / "t3.bin") == b"".join(make_model.noise(SPECS[3]))
            except OSError as error:
                gone = error.errno == errno.ENOENT and not harness.mounts_at(path)
                assert gone or error.errno in (errno.ENOMEM, *DEAD)
            harness.unmount(path)
        else:
            assert harness.error_word(result) in ("no-memory", "mount", "io"), result.stderr
        assert not harness.mounts_at(path)
        harness.wait_for("all processes' end", lambda: not harness.processes(str(path)))
    assert codes == {0, 1}


def status(pid, name):
    """A number of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(name + ":"))


@pytest.mark.parametrize("io", ["map", "pread"])
def test_address_space_while_serving(source, sums, mount, io):
    """With room for some threads, but not for all: everything is served."""
    mounted = mount(source, f"io={io}", driver=faults.plain_driver())
    worker, = harness.children(mounted.process.pid)
    limits = resource.prlimit(worker, resource.RLIMIT_AS)
    limit = status(worker, "VmSize") * 1024 + 200 * MIB
    resource.prlimit(worker, resource.RLIMIT_AS, (limit, limits[1]))
    for _ in range(2):
        assert Readers(mounted).sums() == sums
        drop(mounted)
    resource.prlimit(worker, resource.RLIMIT_AS, limits)
    assert Readers(mounted).sums() == sums


def test_no_address_space_while_serving(source, sums, mount):
    """With room for nothing: right bytes or errors; and if it cannot go on, a clean end."""
    mounted = mount(source, "io=pread", driver=faults.plain_driver())
    worker, = harness.children(mounted.process.pid)
    limits = resource.prlimit(worker, resource.RLIMIT_AS)
    resource.prlimit(worker, resource.RLIMIT_AS, (status(worker, "VmSize") * 1024, limits[1]))
    for got, want in zip(Readers(mounted).sums(), sums):
        assert got == want or got.startswith("sha256sum: ")
    if not harness.children(mounted.process.pid):
        check_supervised_end(mounted)


def check_supervised_end(mounted):
    """The mount is gone, and a message says why."""
    mounted.expect_exit = 1
    assert mounted.wait() == 1
    assert not harness.mounts_at(mounted.path)
    assert harness.ERROR_LINE.fullmatch(mounted.output().splitlines()[-1])


def test_descriptors_while_serving(source, sums, mount):
    """No descriptor can be opened any more: none is needed."""
    mounted = mount(source)
    worker, = harness.children(mounted.process.pid)
    limits = resource.prlimit(worker, resource.RLIMIT_NOFILE)
    resource.prlimit(worker, resource.RLIMIT_NOFILE, (3, limits[1]))
    assert Readers(mounted).sums() == sums
    compare.check_json(mounted.path, mounted.model.tensors["t1"])
    assert len(os.listdir(mounted.at(".view", "npy"))) == COUNT
    assert mounted.output() == ""
    resource.prlimit(worker, resource.RLIMIT_NOFILE, limits)  # a sanitizer wants some at its end


@pytest.fixture
def group(request, root):
    """A control group with the controller that the test names."""
    made = cgroups.Group(request.param)
    yield made
    made.remove()


@pytest.mark.parametrize("io", ["map", "pread"])
@pytest.mark.parametrize("limit", [8 * MIB, 64 * MIB])
@pytest.mark.parametrize("group", ["memory"], indirect=True)
def test_little_memory(source, sums, mount, group, limit, io):
    """A limit for all of the driver, page cache included, and 16 readers of 16 MiB.

    Twelve requests of 1 MiB at once do not fit in 8 MiB: the kernel may kill the worker.
    """
    with open(source, "rb") as file:  # or its pages would be somebody else's
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    mounted = mount(source, f"io={io}", driver=faults.plain_driver())
    pids = [mounted.process.pid, *harness.children(mounted.process.pid)]
    for pid in pids:
        group.add(pid)
    group.limit_memory(limit)
    for got, want in zip(Readers(mounted).sums(), sums):
        assert got == want or (limit == 8 * MIB and got.startswith("sha256sum: "))
    if not harness.children(mounted.process.pid):
        assert limit == 8 * MIB
        check_supervised_end(mounted)
    mounted.close()


@pytest.mark.parametrize("group", ["freezer"], indirect=True)
def test_frozen(source, sums, mount, group):
    """Frozen, as in a suspend, it keeps its readers waiting; thawed, it goes on."""
    mounted = mount(source)
    for pid in [mounted.process.pid, *harness.children(mounted.process.pid)]:
        group.add(pid)
    group.freeze()
    try:
        readers = Readers(mounted)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            question = pool.submit(os.statvfs, mounted.path)
            with pytest.raises(concurrent.futures.TimeoutError):
                question.result(0.3)
            group.thaw()
            question.result(WAIT)
        assert readers.sums() == sums
    finally:
        group.thaw()
    mounted.close()
