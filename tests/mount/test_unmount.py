# SPDX-License-Identifier: Apache-2.0
"""--unmount: what it takes away, what it leaves alone, and what it says."""
import os
import signal
import subprocess

import pytest

import harness
import make_model
import users
from make_model import Spec

pytestmark = pytest.mark.usefixtures("fuse")


@pytest.fixture
def source(tmp_path):
    """One tensor, more than the kernel reads ahead."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (8 << 20,))])
    return path


def leave(*words, **options):
    """Run `safetensorsfs -u`; it prints nothing on standard output."""
    result = harness.run("-u", *words, **options)
    assert result.stdout == ""
    return result


def refused(*words, **options):
    """Run it, see it fail as it should, and return the last message."""
    result = leave(*words, **options)
    assert harness.error_word(result) == "mount"
    return result.stderr.splitlines()[-1]


def test_unmount(source, mount, tmp_path):
    """The mount goes and the daemon ends well, however the place is written."""
    (tmp_path / "link").symlink_to("mnt")
    for words, cwd in ((["{}"], None), (["{}/"], None), ([tmp_path / "link"], None),
                       (["mnt"], tmp_path), (["--", "mnt"], tmp_path),
                       (["./x/..//mnt/."], tmp_path)):
        mounted = mount(source, name="mnt")
        (tmp_path / "x").mkdir(exist_ok=True)
        words = [str(word).format(mounted.path) for word in words]
        result = leave(*words, cwd=cwd)
        assert (result.returncode, result.stderr) == (0, "")
        assert not harness.mounts_at(mounted.path)
        assert (mounted.wait(), mounted.output()) == (0, "")


def test_several(source, mount, tmp_path):
    """Each operand is tried, whatever became of another; one that failed fails the run."""
    first, second = mount(source), mount(source)
    assert str(tmp_path / "none") in refused(first.path, tmp_path / "none")
    assert not harness.mounts_at(first.path)
    assert "nothing is mounted" in refused(tmp_path, second.path)
    assert (first.wait(), second.wait()) == (0, 0)


def test_in_use(source, mount):
    """An open file is not taken away, unless --lazy says that it may go on for a while."""
    mounted = mount(source)
    want = mounted.model.tensors["a"].read()
    with open(mounted.at("a.bin"), "rb", buffering=0) as file:
        assert "in use" in refused(mounted.path)
        assert harness.answers(mounted.path)
        assert leave("-z", mounted.path).returncode == 0
        assert not harness.mounts_at(mounted.path)
        assert file.readall() == want
    assert mounted.wait() == 0


def test_in_use_and_hung(source, mount):
    """The same where nothing answers: it used to ask for ever whether the mount was dead."""
    mounted = mount(source)
    (worker,) = harness.children(mounted.process.pid)
    # Not open here: what is forked and closes it would wait for the worker.
    reader = subprocess.Popen(["sh", "-c", 'exec <"$0" && echo && exec sleep 1000',
                               mounted.at("a.bin")], stdout=subprocess.PIPE)
    assert reader.stdout.readline() == b"\n"
    os.kill(worker, signal.SIGSTOP)
    try:
        assert "in use" in refused(mounted.path, timeout=30)
    finally:
        os.kill(worker, signal.SIGCONT)
        reader.kill()
        reader.communicate()
    assert leave(mounted.path).returncode == 0


def test_current_folder(source, mount):
    """Nor is anybody's current folder."""
    mounted = mount(source)
    with subprocess.Popen(["sleep", "600"], cwd=mounted.path) as sleeper:
        assert "in use" in refused(mounted.path)
        assert leave("--unmount", "--lazy", mounted.path).returncode == 0
        sleeper.kill()
    assert mounted.wait() == 0


@pytest.mark.parametrize("is_open", [False, True], ids=["idle", "open"])
def test_dead_mount(source, mount, is_open):
    """What a killed daemon left goes, with files open, too: nobody can use them."""
    mounted = mount(source)
    mounted.expect_exit = None
    fd = os.open(mounted.at("a.bin"), os.O_RDONLY) if is_open else None
    mounted.process.kill()
    mounted.wait()
    harness.wait_for("the worker's end", lambda: not harness.answers(mounted.path))
    assert harness.mounts_at(mounted.path), "there is no dead mount to try this on"
    assert leave(mounted.path).returncode == 0
    assert not harness.mounts_at(mounted.path)
    if is_open:
        with pytest.raises(OSError):
            os.close(fd)


def test_not_ours(source, mount, tmp_path, root):
    """A mount of another type is left alone, by itself or over one of ours."""
    mounted = mount(source)
    (tmp_path / "other").mkdir()
    for path in (str(tmp_path / "other"), mounted.path):
        before = len(harness.mounts_at(path))
        subprocess.run(["mount", "-t", "tmpfs", "none", path], check=True)
        try:
            assert "tmpfs" in refused(path)
            assert "tmpfs" in refused("-z", path)
            assert len(harness.mounts_at(path)) == before + 1
        finally:
            subprocess.run(["umount", path], check=True)
    assert harness.answers(mounted.path)


def test_nothing_there(source, tmp_path):
    """A folder, a file and a name that leads nowhere."""
    assert "nothing is mounted" in refused(tmp_path)
    assert "nothing is mounted" in refused(source)
    assert "No such file" in refused(tmp_path / "none")
    assert "No such file" in refused("--", "-x", cwd=tmp_path)


def test_inside(source, mount):
    """A folder of the mount is not its mount point."""
    mounted = mount(source)
    assert "nothing is mounted" in refused(mounted.at(".view"))
    assert harness.answers(mounted.path)


@pytest.mark.parametrize("words", [["-u"], ["-u", ""], ["-z", "x"], ["--lazy", "--list", "x"]])
def test_misuse(words):
    """Without a place there is nothing to do, and -z is part of -u."""
    result = harness.run(*words)
    assert harness.error_word(result, status=2) == "usage"


def test_as_a_user(place, driver, root):
    """A user unmounts what is theirs, through fusermount3, and nobody else's."""
    program = users.reachable(driver, place)
    source = os.path.join(place, "m.safetensors")
    theirs, mine = os.path.join(place, "theirs"), os.path.join(place, "mine")
    with harness.Mount(source, place, "allow_other", name="mine") as mounted:
        result = users.run(*users.NOBODY, program, "-u", mine)
        assert harness.error_word(result) == "mount"
        assert mine in result.stderr and "permitted" in result.stderr, result.stderr
        assert harness.answers(mounted.path)
    script = ('"$0" "$1" "$2" && cd "$2" && ! "$0" -u "$2" && cd / && "$0" -u "$2" '
              '&& grep -c " $2 " /proc/self/mountinfo')
    result = users.without(users.FUSE_FOR_ALL, *users.NOBODY, "sh", "-c", script, program,
                           source, theirs)
    (line,) = result.stderr.splitlines()
    assert "in use" in line
    assert (result.returncode, result.stdout) == (1, "0\n")
    harness.wait_for("the daemon's end", lambda: not harness.processes(theirs))
