# SPDX-License-Identifier: Apache-2.0
"""-o idle=SECONDS: the mount goes when nobody uses it, and never from under anybody."""
import mmap
import os
import subprocess
import threading
import time

import pytest

import harness
import make_model
import users
from make_model import Spec

SIZE = 8 << 20
PAST = 4.5  # seconds in which a mount with idle=2 that nobody used would have gone

pytestmark = pytest.mark.usefixtures("fuse")


@pytest.fixture
def source(tmp_path):
    """One tensor, more than the kernel reads ahead."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (SIZE,))], content=make_model.noise)
    return path


def gone(mounted, since):
    """Wait until it went by itself, and see that it did so well, and no earlier than it may."""
    harness.wait_for("the mount to go", lambda: not harness.mounts_at(mounted.path))
    assert time.monotonic() - since > 1.9
    assert mounted.wait() == 0
    assert mounted.output() == "safetensorsfs: unmounted: nobody used it for 2 seconds\n"


def test_unused(source, mount):
    """Of one that nobody looks at only a message is left."""
    since = time.monotonic()
    gone(mount(source, "idle=2"), since)


def test_in_use(source, mount):
    """An open file, a mapping of one, and a current folder keep it, for any time.

    From the last close on it counts anew; a mapping needs no descriptor; while it is
    somebody's current folder it is tried again and again, and succeeds in the end.
    """
    opened, mapped, entered = (mount(source, "idle=2") for _ in range(3))
    want = opened.model.tensors["a"].read()
    with subprocess.Popen(["sleep", "600"], cwd=entered.path) as sleeper, \
            open(opened.at("a.bin"), "rb", buffering=0) as file:
        with open(mapped.at("a.bin"), "rb") as other:
            mapping = mmap.mmap(other.fileno(), 0, prot=mmap.PROT_READ)
        head = file.read(4096)
        time.sleep(PAST)
        assert head + file.readall() == want and mapping[:] == want
        assert harness.mounts_at(entered.path) and entered.output() == ""
        sleeper.kill()
        since = time.monotonic()
        mapping.close()
    gone(opened, since)
    gone(mapped, since)
    gone(entered, since - 2)


def test_requests(source, mount):
    """Every request is a use of it, of whatever kind."""
    mounted = mount(source, "idle=2")
    since = begin = time.monotonic()
    longest = number = 0
    while since - begin < PAST:
        if number % 2:
            os.statvfs(mounted.path)
        else:
            assert not os.path.exists(mounted.at(f"none{number}"))
        number += 1
        longest = max(longest, time.monotonic() - since)
        since = time.monotonic()
        time.sleep(0.2)
    assert harness.mounts_at(mounted.path) or longest > 1.5  # a machine that stood still
    gone(mounted, since)


@pytest.mark.parametrize("number", range(3))
def test_meeting(source, mount, number):
    """Who comes just as it goes finds all or nothing: never half a file, never an error."""
    mounts = [mount(source, "idle=1") for _ in range(6)]
    want = mounts[0].model.tensors["a"].read()
    found = {}

    def meet(mounted, delay):
        os.statvfs(mounted.path)
        time.sleep(delay)
        try:
            with open(mounted.at("a.bin"), "rb", buffering=0) as file:
                found[mounted.path] = file.readall()
        except FileNotFoundError:
            found[mounted.path] = None

    threads = [threading.Thread(target=meet, args=(mounted, 0.99 + 0.004 * i + 0.001 * number))
               for i, mounted in enumerate(mounts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == len(mounts)
    assert all(data in (None, want) for data in found.values())
    for mounted in mounts:
        assert mounted.wait() == 0


def test_something_on_top(source, mount, root):
    """What covers it makes it wait, too."""
    mounted = mount(source, "idle=2")
    subprocess.run(["mount", "-t", "tmpfs", "none", mounted.path], check=True)
    try:
        time.sleep(PAST)
        assert len(harness.mounts_at(mounted.path)) == 2
    finally:
        subprocess.run(["umount", mounted.path], check=True)
    gone(mounted, time.monotonic() - 2)


def test_bound_elsewhere(source, mount, tmp_path, root):
    """Where it was bound, too, it goes on to be served."""
    mounted = mount(source, "idle=2")
    (tmp_path / "bound").mkdir()
    subprocess.run(["mount", "--bind", mounted.path, tmp_path / "bound"], check=True)
    try:
        harness.wait_for("the mount to go", lambda: not harness.mounts_at(mounted.path))
        time.sleep(3)
        want = mounted.model.tensors["a"].read()
        assert (tmp_path / "bound" / "a.bin").read_bytes() == want
        assert mounted.process.poll() is None
    finally:
        subprocess.run(["umount", tmp_path / "bound"], check=True)
    gone(mounted, time.monotonic() - 2)


def test_background(source, tmp_path):
    """The daemon ends, and a folder that was made for it goes."""
    result = harness.run("../m.safetensors", "-o", "idle=1", cwd=make_folder(tmp_path / "here"))
    assert result.returncode == 0, result.stderr
    harness.wait_for("the folder to go", lambda: os.listdir(tmp_path / "here") == [])
    harness.wait_for("the end", lambda: not harness.processes("../m.safetensors"))


def make_folder(path):
    """Make it and return it."""
    path.mkdir()
    return path


def test_zero_is_never(source, mount):
    """As without the option."""
    mounted = mount(source, "idle=1,idle=0")
    time.sleep(2.5)
    assert harness.answers(mounted.path) and mounted.output() == ""


def test_descriptor(source):
    """Who handed us the mount has to unmount it."""
    fd = os.open("/dev/fuse", os.O_RDWR)
    result = harness.run("-f", source, f"/dev/fd/{fd}", "-o", "idle=1", pass_fds=[fd])
    os.close(fd)
    assert harness.error_word(result, status=2) == "usage"


def test_as_a_user(place, driver, root):
    """By fusermount3, of course."""
    program = users.reachable(driver, place)
    script = ('"$0" -o idle=1 "$1" "$2" && cd "$2" && sleep 2 && cat __metadata__.json && cd / && '
              'for i in $(seq 600); do grep -q " $2 " /proc/self/mountinfo || exit 7; sleep 0.1; '
              'done')
    result = users.without(users.FUSE_FOR_ALL, *users.NOBODY, "sh", "-c", script, program,
                           os.path.join(place, "m.safetensors"), os.path.join(place, "theirs"))
    assert result.returncode == 7, result.stderr
    assert result.stdout.startswith("{")
