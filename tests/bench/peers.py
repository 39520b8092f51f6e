# SPDX-License-Identifier: Apache-2.0
"""Ways to have the same tensor as a file: the model file, our mount, and other FUSE mounts.

Each peer makes what it needs once, of the same bytes, and can then be mounted again and
again: a mount that was just made has nothing in its cache.
"""
import os
import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import make_model
from bench import tools

FUSE_OTHERS = ("squashfuse_ll", "fuse-zip", "passthrough_hp")


class Mounted:
    """A peer that is there: where to read, what with, who serves, and how soon it was there."""

    def __init__(self, path, prefix=(), folder=None, pids=(), took=None):
        self.took = took  # seconds that the command to mount took, if that was measured
        self.path = str(path)
        self.folder = folder  # that holds bench-reader where the file is seen
        self.prefix = list(prefix)
        self.pids = list(pids)


def wait_until(condition, what):
    """Poll for a mount; a bench that waits for ever helps nobody."""
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} is not there after a minute")
        time.sleep(0.002)


def unmount(point):
    """Unmount, and wait for whoever was still looking."""
    for _ in range(500):
        if subprocess.run(["fusermount3", "-u", point], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0:
            return
        time.sleep(0.01)
    subprocess.run(["fusermount3", "-uz", point], check=False)


class Bytes:
    """Tensors of one size, in a model file and as files of their own for those that want that.

    They have `size` bytes together; the first is `weight`, as is the only one.
    """

    def __init__(self, work, size, count=1):
        self.work = Path(work)
        self.size = size
        self.part = size // count
        self.model = self.work / "one.safetensors"
        names = ["weight", *(f"weight{number}" for number in range(1, count))]
        specs = [make_model.Spec(name, "U8", (self.part,)) for name in names]
        make_model.write_file(self.model, specs, content=make_model.noise)
        begin = os.path.getsize(self.model) - self.part * count
        self.offsets = [begin + number * self.part for number in range(count)]
        self.files = [f"{name}.bin" for name in names]
        self.folder = self.work / "plain"
        self.folder.mkdir()
        with open(self.model, "rb") as source:
            for name, offset in zip(self.files, self.offsets):
                source.seek(offset)
                self.copy(source, self.folder / name)

    def copy(self, source, path):
        """One of the tensors, from where the model file stands."""
        with open(path, "wb") as target:
            for done in range(0, self.part, 1 << 20):
                target.write(source.read(min(1 << 20, self.part - done)))

    def remove(self):
        """Give the disk back."""
        self.model.unlink()
        shutil.rmtree(self.folder)


class Model:
    """A model that is there already, a file or a folder; mounts are made in `work`."""

    def __init__(self, work, model):
        self.work, self.model = work, model


class Source:
    """The model file itself, from where the tensor begins."""

    name = "the model file"

    def __init__(self, content):
        self.paths = [f"{content.model}:{offset}:{content.part}" for offset in content.offsets]

    @contextmanager
    def mount(self):
        """There is nothing to do."""
        yield Mounted(self.paths[0])

    def each(self, _mounted):
        """What to read for each tensor."""
        return self.paths


class Ours:
    """A mount of ours."""

    def __init__(self, program, content, *options, name="safetensorsfs", path="weight.bin"):
        self.name = name
        self.program = str(program)
        self.content = content
        self.source = str(content.model)
        self.options = options
        self.path = path
        self.point = content.work / "ours"
        self.point.mkdir(exist_ok=True)

    def command(self):
        """The words that mount it."""
        options = ["-o", ",".join(self.options)] if self.options else []
        return [self.program, *options, self.source, self.point]

    @contextmanager
    def mount(self):
        """Mount; its processes are the supervisor and the worker."""
        took = tools.seconds(lambda: subprocess.run(self.command(), check=True))
        try:
            yield Mounted(self.point / self.path, took=took, pids=self.processes())
        finally:
            unmount(self.point)
            self.wait_for_end()

    def processes(self):
        """The supervisor and the worker."""
        return tools.processes(str(self.program), str(self.point))

    def wait_for_end(self):
        """Until nobody holds the source any more: what is mapped cannot be dropped."""
        wait_until(lambda: not self.processes(), "the end of the mount")

    def each(self, mounted):
        """What to read for each tensor."""
        return [str(Path(mounted.path).with_name(name)) for name in self.content.files]

    def works(self):
        """Can it be mounted with these options here? Return: why not, or None."""
        result = subprocess.run(self.command(), capture_output=True, text=True, check=False)
        if result.returncode == 0:
            unmount(self.point)
            return None
        return result.stderr.strip().splitlines()[-1]


class Unprivileged(Ours):
    """The same of a user without rights, in a mount namespace where he may use /dev/fuse.

    There the work folder is at /mnt, for he may not go by the way that it has outside.
    """

    NAME = "safetensorsfs, unprivileged"
    SETUP = ('mount --bind "$0" /mnt && mount -t tmpfs none /dev && '
             "mknod -m 666 /dev/null c 1 3 && mknod -m 666 /dev/fuse c 10 229 && "
             "exec sleep 86400")
    NOBODY = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"]

    def __init__(self, program, content, reader):
        super().__init__(program, content, name=self.NAME)
        self.work = content.work
        os.chmod(self.work, 0o755)
        point = self.work / "users"
        point.mkdir(exist_ok=True)
        os.chown(point, 65534, 65534)
        shutil.copy(program, self.work / "safetensorsfs")
        shutil.copy(reader, self.work / "bench-reader")
        self.program, self.point = Path("/mnt/safetensorsfs"), Path("/mnt/users")
        self.source = Path("/mnt") / content.model.name

    @contextmanager
    def mount(self):
        """Mount in a namespace of its own, which ends with its only process."""
        with subprocess.Popen(["unshare", "-m", "sh", "-c", self.SETUP, self.work]) as keeper:
            enter = ["nsenter", "-t", str(keeper.pid), "-m", *self.NOBODY]
            try:
                wait_until(lambda: self.is_set_up(keeper.pid), "the namespace")
                subprocess.run([*enter, self.program, self.source, self.point], check=True)
                yield Mounted(self.point / self.path, prefix=enter, folder="/mnt",
                              pids=self.processes())
                subprocess.run([*enter, "fusermount3", "-u", self.point], check=True)
                self.wait_for_end()
            finally:
                keeper.kill()

    @staticmethod
    def is_set_up(pid):
        """Has the shell become sleep?"""
        try:
            return Path(f"/proc/{pid}/comm").read_text(encoding="ascii") == "sleep\n"
        except OSError:
            return False


class Foreground:
    """A FUSE program that stays in the foreground until it is unmounted."""

    def __init__(self, name, point, command, files):
        self.name = name
        self.point = Path(point)
        self.command = [*map(str, command)]
        self.files = files
        self.path = self.point / files[0]

    def each(self, _mounted):
        """What to read for each tensor."""
        return [str(self.point / name) for name in self.files]

    @contextmanager
    def mount(self):
        """Mount and wait until the file is there."""
        self.point.mkdir(exist_ok=True)
        with subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: os.path.ismount(self.point) and self.path.exists(), self.name)
                yield Mounted(self.path, pids=[process.pid])
            finally:
                unmount(self.point)
                process.wait(60)


def kernel(bench_tools, content, *words):
    """What the kernel takes by itself: a server that does nothing; "user": of a user's mount."""
    point = content.work / "responder"
    return Foreground(" of a ".join(["the kernel's own price", *words]), point,
                      [bench_tools.responder(), point, content.part, *words],
                      ["file"])


def squashfuse(content):
    """squashfuse_ll of an image that is not compressed."""
    image, point = content.work / "plain.squashfs", content.work / "squash"
    tools.run("mksquashfs", content.folder, image, "-noI", "-noD", "-noF", "-noX", "-b", "1M",
              "-no-progress", "-noappend")
    return Foreground("squashfuse_ll", point, ["squashfuse_ll", "-f", image, point],
                      content.files)


def fuse_zip(content):
    """fuse-zip of an archive that is not compressed."""
    archive, point = content.work / "plain.zip", content.work / "zip"
    subprocess.run(["zip", "-0", "-q", archive, *content.files], cwd=content.folder, check=True)
    return Foreground("fuse-zip", point, ["fuse-zip", "-r", "-f", archive, point], content.files)


def passthrough_hp(content):
    """libfuse's example of a fast mirror: here of the folder with the file."""
    point = content.work / "mirror"
    return Foreground("passthrough_hp", point,
                      ["passthrough_hp", "--foreground", content.folder, point], content.files)


def others(content, say):
    """The other FUSE file systems that are installed; says which are not."""
    needs = {squashfuse: ("squashfuse_ll", "mksquashfs"), fuse_zip: ("fuse-zip", "zip"),
             passthrough_hp: ("passthrough_hp",)}
    for make, programs in needs.items():
        absent = [name for name in programs if shutil.which(name) is None]
        if absent:
            say(f"not compared with {make.__name__}: {absent[0]} is not installed")
        else:
            yield make(content)
