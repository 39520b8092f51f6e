# SPDX-License-Identifier: Apache-2.0
"""A source whose server dies, hangs or comes back: its readers wait or get an error, nobody
else notices, and nothing has to be mounted anew.

The model has two files: `far` lies on a file system that fails when it is told to, `near`
does not.
"""
import concurrent.futures
import errno
import mmap
import os
import signal
import subprocess

import pytest

import compare
import faults
import harness
import make_model
from make_model import Spec

SIZE = (300 << 10) + 17
COUNT = 40  # tensors in each file: more than the kernel reads ahead at once by itself
FAR, NEAR = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"
WAIT = 20  # seconds; what does not come by then hangs


@pytest.fixture
def two(tmp_path, mount, connection):
    """A mount of both, with its connection, the server that dies and the switch of its faults."""
    remote, folder = tmp_path / "remote", tmp_path / "model"
    remote.mkdir()
    folder.mkdir()
    for file, name in ((remote / FAR, "far"), (folder / NEAR, "near")):
        make_model.write_file(file, [Spec(f"{name}.{i}", "U8", (SIZE,)) for i in range(COUNT)],
                              content=make_model.noise)
    (folder / FAR).symlink_to(tmp_path / "server" / FAR)
    switch = faults.Switch(tmp_path / "switch")
    server = faults.FaultFS(remote, tmp_path / "server", switch)
    try:
        mounted = mount(folder)
        mounted.bytes = {name: tensor.read() for name, tensor in mounted.model.tensors.items()}
        mounted.server, mounted.switch = server, switch
        mounted.waiting = connection(mounted).waiting
        yield mounted
    finally:
        server.close()


def path(mounted, name):
    """Where a tensor is."""
    return mounted.at(*name.split(".")) + ".bin"


def errno_of(function, *arguments):
    """The error that a call ends in, or None."""
    try:
        function(*arguments)
    except OSError as error:
        return error.errno
    return None


def direct(file, length=4096):
    """Read the start of a file past the kernel's cache."""
    fd = os.open(file, os.O_RDONLY | os.O_DIRECT)
    try:
        buffer = mmap.mmap(-1, length)
        return buffer[:os.preadv(fd, [buffer], 0)]
    finally:
        os.close(fd)


def check_all(mounted):
    """Every tensor of both files."""
    for name, data in mounted.bytes.items():
        assert compare.slurp(path(mounted, name)) == data, name


def check_near(mounted):
    """Whatever needs nothing of the far file is answered, though that hangs or is gone."""
    def use(number):
        name = f"near.{number}"
        os.stat(path(mounted, f"far.{number}"))
        assert direct(path(mounted, name)) == mounted.bytes[name][:4096]
        assert compare.slurp(path(mounted, name)) == mounted.bytes[name]
        piece = path(mounted, name).replace(".bin", "[7:107].bin")
        assert compare.slurp(piece) == mounted.bytes[name][7:107]
        compare.check_json(mounted.path, mounted.model.tensors[name])
        assert sorted(os.listdir(mounted.at(".view", "npy", "far"))) == \
            sorted(f"{i}.npy" for i in range(COUNT))
        os.statvfs(mounted.path)

    pool = concurrent.futures.ThreadPoolExecutor(16)
    jobs = [pool.submit(use, number) for number in range(COUNT)]
    pool.shutdown(wait=False)
    done, late = concurrent.futures.wait(jobs, WAIT)
    if late:  # or the interpreter waits for them at its end
        mounted.switch.clear()
    assert not late, "held up"
    for job in done:
        job.result()


class Readers:
    """Processes that each read a far tensor, whole and in order."""

    def __init__(self, mounted, count, *words):
        self.mounted = mounted
        self.jobs = []
        for number in range(count):
            name = f"far.{number % COUNT}"
            job = subprocess.Popen(["dd", f"if={path(mounted, name)}", "bs=64k", *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            self.jobs.append((name, job))

    def wait(self):
        """All must end with the right bytes."""
        with concurrent.futures.ThreadPoolExecutor(len(self.jobs)) as pool:
            results = list(pool.map(lambda job: job[1].communicate(timeout=WAIT)[0], self.jobs))
        for (name, job), data in zip(self.jobs, results):
            assert (job.returncode, data == self.mounted.bytes[name]) == (0, True)

    def kill(self):
        """End those that still run."""
        for _, job in self.jobs:
            job.kill()
            job.communicate()


@pytest.mark.parametrize("words", [(), ("iflag=direct",)], ids=["cached", "direct"])
@pytest.mark.parametrize("ask", ["\0", "h"], ids=["reads", "questions"])
@pytest.mark.parametrize("count", [3, 100])
def test_hangs(two, count, ask, words):
    """However many wait for the far file, the near one is read; and then all of it is."""
    two.switch.set(read="h", ask=ask)
    readers = Readers(two, count, *words)
    try:
        harness.wait_for("readers that hang", lambda: two.waiting() >= min(count, COUNT))
        check_near(two)
        assert all(job.poll() is None for _, job in readers.jobs)
        two.switch.clear()
        readers.wait()
    finally:
        two.switch.clear()
        readers.kill()
    check_all(two)


def test_killed_reader(two):
    """A reader of a source that hangs can be killed, and does not keep others from it later."""
    two.switch.set(read="h")
    readers = Readers(two, 20)
    try:
        harness.wait_for("readers that hang", lambda: two.waiting() >= 20)
        for _, job in readers.jobs:
            job.kill()
        for _, job in readers.jobs:
            assert job.wait(WAIT) == -signal.SIGKILL
        check_near(two)
    finally:
        two.switch.clear()
        readers.kill()
    check_all(two)


def test_dies(two):
    """Without its server the far file is EIO, whatever the system calls that; for good."""
    fd = os.open(path(two, "far.0"), os.O_RDONLY)
    assert os.pread(fd, 4096, 0) == two.bytes["far.0"][:4096]
    two.server.kill()
    for _ in range(3):
        assert errno_of(os.pread, fd, 4096, SIZE - 4096) == errno.EIO
        assert errno_of(compare.slurp, path(two, "far.1")) == errno.EIO
        assert errno_of(direct, path(two, "far.1")) == errno.EIO
        check_near(two)
    os.close(fd)
    assert f"{FAR}: " in two.output() and "(io)" in two.output()


def test_dies_while_it_hangs(two):
    """Those who waited for it get the error then."""
    two.switch.set(read="h")
    readers = Readers(two, 40)
    try:
        harness.wait_for("readers that hang", lambda: two.waiting() >= 40)
        two.server.kill()
        for _, job in readers.jobs:
            assert (job.communicate(timeout=WAIT)[0], job.returncode) == (b"", 1)
    finally:
        readers.kill()
    check_near(two)


@pytest.mark.parametrize("fault, every", [("e", 1), ("e", 3), ("0", 1), ("0", 2)])
def test_fails_and_recovers(two, fault, every):
    """Errors and ends too early are EIO for as long as they last, and never wrong bytes."""
    two.switch.set(read=fault, every=every)
    for name in two.bytes:
        for _ in range(6):
            try:
                data = direct(path(two, name), 8192)
            except OSError as error:
                assert error.errno == errno.EIO and name.startswith("far")
            else:
                assert data == two.bytes[name][:8192]
                assert every > 1 or name.startswith("near")
    two.switch.clear()
    check_all(two)


def test_questions_fail_and_recover(two):
    """A file that cannot be asked for its state is not read: EIO until it can."""
    fd = os.open(path(two, "far.0"), os.O_RDONLY)
    two.switch.set(ask="e")
    assert errno_of(os.pread, fd, 4096, 0) == errno.EIO
    assert errno_of(os.open, path(two, "far.1"), os.O_RDONLY) == errno.EIO
    check_near(two)
    two.switch.clear()
    os.close(fd)
    check_all(two)


def test_mount_on_mount(two, mount, connection, tmp_path):
    """Our own mount as the source of another: stopped, it hangs; continued, it goes on; dead,
    it is an error."""
    inner = mount(tmp_path / "model", name="inner")
    outer = mount(inner.at(".view", "model", "model.safetensors"), name="outer")
    waiting = connection(outer).waiting
    worker, = harness.children(inner.process.pid)
    path_0 = outer.at("near", "0.bin")
    assert direct(path_0) == two.bytes["near.0"][:4096]
    os.kill(worker, signal.SIGSTOP)
    job = subprocess.Popen(["cat", path_0], stdout=subprocess.PIPE)
    try:
        harness.wait_for("a reader that hangs", lambda: waiting() > 0)
        os.statvfs(outer.path)
        assert len(os.listdir(outer.path)) == 3
        assert job.poll() is None
    finally:
        os.kill(worker, signal.SIGCONT)
    assert job.communicate(timeout=WAIT)[0] == two.bytes["near.0"]
    inner.expect_exit = None
    os.kill(worker, signal.SIGKILL)
    assert errno_of(direct, outer.at("near", f"{COUNT - 1}.bin")) == errno.EIO
    assert len(os.listdir(outer.path)) == 3


def test_many_devices(mount, root, tmp_path):
    """Each device of the source is its own affair, those beyond the eighth are one together."""
    names = [f"model-{number:05d}-of-00010.safetensors" for number in range(1, 11)]
    switch = faults.Switch(tmp_path / "switch")
    servers = []
    (tmp_path / "model").mkdir()
    try:
        for number, name in enumerate(names):
            remote = tmp_path / f"remote{number}"
            remote.mkdir()
            make_model.write_file(remote / name, [Spec(f"t{number}", "U8", (SIZE,))])
            servers.append(faults.FaultFS(remote, tmp_path / f"server{number}", switch))
            (tmp_path / "model" / name).symlink_to(os.path.join(servers[-1].path, name))
        mounted = mount(tmp_path / "model")
        want = [mounted.model.tensors[f"t{number}"].read() for number in range(10)]
        switch.set(read="h", name=names[3])
        job = subprocess.Popen(["cat", mounted.at("t3.bin")], stdout=subprocess.PIPE)
        for number in [*range(3), *range(4, 10)]:
            assert compare.slurp(mounted.at(f"t{number}.bin")) == want[number]
        assert job.poll() is None
        switch.clear()
        assert job.communicate(timeout=WAIT)[0] == want[3]
    finally:
        for server in servers:
            server.close()
