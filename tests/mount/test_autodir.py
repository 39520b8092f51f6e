# SPDX-License-Identifier: Apache-2.0
"""Without a MOUNTPOINT: the folder that is made, where it is told, and that it goes again."""
import ctypes
import os
import pty
import shutil
import signal
import subprocess
import time

import pytest

import compare
import harness
import make_model
import users
from make_model import Spec
from safetensors_reader import read_model

MNT_FORCE = 1
MNT_DETACH = 2
SPECS = [Spec("w", "F32", (2, 3)), Spec("b", "U8", (8 << 20,))]

pytestmark = pytest.mark.usefixtures("fuse")


@pytest.fixture
def here(tmp_path):
    """An empty folder to be in; a model is beside it. At the end nothing may be left of ours."""
    path = tmp_path / "here"
    path.mkdir()
    make_model.write_file(tmp_path / "m.safetensors", SPECS)
    yield path
    for entry in harness.mount_table():
        if entry["path"].startswith(str(tmp_path)):
            assert harness.unmount(entry["path"], lazy=True)
    for pid in harness.processes(str(tmp_path / "m.safetensors")):
        os.kill(pid, signal.SIGKILL)


def start(here, source, *options, program=None):
    """Mount in the background; returns where, as it is printed."""
    command = [program or harness.find_driver(), *options, "--", os.fspath(source)]
    result = subprocess.run(command, cwd=here, capture_output=True, timeout=60, check=False,
                            stdin=subprocess.DEVNULL, env=harness.environment(),
                            encoding="utf-8", errors="surrogateescape")
    harness.check_words(result.stdout + result.stderr)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("\n")
    where = result.stdout[:-1]
    assert harness.answers(where)
    return where


def refused(here, source, *options):
    """It fails with a message, which is returned; nothing of the folder has changed."""
    before = sorted(os.listdir(here))
    result = harness.run(source, *options, cwd=here)
    assert harness.error_word(result) == "mount"
    assert result.stdout == "" and sorted(os.listdir(here)) == before
    return result.stderr


def gone(path):
    """Wait until the folder is: that is the last thing its supervisor does."""
    harness.wait_for("the folder to go", lambda: not os.path.lexists(path))


def test_file(here):
    """FILE for FILE.safetensors, there when the command ends, away when -u does."""
    source = here.parent / "m.safetensors"
    where = start(here, source)
    assert where == str(here / "m")
    compare.check_tree(where, read_model(source))
    assert harness.run("-u", "m", cwd=here).returncode == 0
    assert os.listdir(here) == []
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(source)))


def test_names(here, sharded_folder):
    """NAME.mnt for all that is no FILE.safetensors, wherever it is and however it is written."""
    folder = here.parent / "sharded"
    shutil.copytree(sharded_folder, folder)
    os.symlink(here.parent / "m.safetensors", here.parent / "link.safetensors")
    for name in ("0123abcd", ".safetensors", "-x.safetensors", "new\nline.safetensors", "x.mnt"):
        shutil.copy(here.parent / "m.safetensors", here.parent / name)
    for source, name in (
            ("../sharded", "sharded.mnt"), ("../sharded//", "sharded.mnt"),
            (folder / "model.safetensors.index.json", "model.mnt"),
            (folder / ".", "sharded.mnt"), (folder / "x" / "..", "sharded.mnt"),
            ("../0123abcd", "0123abcd.mnt"), ("../link.safetensors", "link"),
            ("../.safetensors", ".safetensors.mnt"), ("../-x.safetensors", "-x"),
            ("../new\nline.safetensors", "new\nline"), ("../x.mnt", "x.mnt.mnt")):
        (folder / "x").mkdir(exist_ok=True)
        where = start(here, source)
        assert where == str(here / name)
        assert os.listdir(here) == [name]
        assert harness.run("-u", where).returncode == 0
        assert os.listdir(here) == []


def test_in_the_source(here, sharded_folder):
    """The source may be where one is."""
    folder = here / "model"
    shutil.copytree(sharded_folder, folder)
    where = start(folder, ".")
    assert where == str(folder / "model.mnt")
    compare.check_tree(where, read_model(folder))
    assert harness.run("-u", where).returncode == 0
    assert not os.path.exists(where)


def test_for_a_script(here):
    """cd "$(safetensorsfs FILE)" is a way in."""
    script = 'cd "$("$0" ../m.safetensors)" && pwd && cat w.bin | wc -c'
    result = subprocess.run(["sh", "-c", script, harness.find_driver()], cwd=here, text=True,
                            capture_output=True, timeout=60, env=harness.environment(),
                            check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split() == [str(here / "m"), "24"]


def test_on_a_terminal(here):
    """A name that could command the terminal is shown in another form."""
    shutil.copy(here.parent / "m.safetensors", here.parent / "\x1b[31m.safetensors")
    master, slave = pty.openpty()
    subprocess.run([harness.find_driver(), "../\x1b[31m.safetensors"], cwd=here, stdout=slave,
                   stderr=slave, stdin=subprocess.DEVNULL, timeout=60, check=True,
                   env=harness.environment())
    os.close(slave)
    shown = os.read(master, 10000)
    os.close(master)
    assert b"\\u001B[31m" in shown.replace(b"\\u001b", b"\\u001B") and b"\x1b" not in shown
    assert harness.run("-u", here / "\x1b[31m").returncode == 0
    assert os.listdir(here) == []


def in_foreground(here):
    """Start in the foreground; returns the process, when its mount answers."""
    process = subprocess.Popen([harness.find_driver(), "-f", "../m.safetensors"], cwd=here,
                               stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
                               env=harness.environment(), start_new_session=True)
    harness.running[process.pid] = process
    assert process.stdout.readline() == f"{here}/m\n"
    assert harness.answers(str(here / "m"))
    return process


def finish(process, status=0):
    """See it end."""
    assert process.wait(60) == status
    harness.running.pop(process.pid)
    process.stdout.close()


def test_signal(here):
    """SIGTERM takes the folder away at once, though a file is open."""
    process = in_foreground(here)
    with open(here / "m" / "b.bin", "rb", buffering=0) as file:
        process.send_signal(signal.SIGTERM)
        gone(here / "m")
        assert process.poll() is None
        assert len(file.readall()) == 8 << 20
    finish(process)
    assert os.listdir(here) == []


@pytest.mark.parametrize("way", ["fusermount3", "worker", "forced", "lazy"])
def test_other_ends(here, way, root):
    """Whichever way the mount ends, its folder goes, too."""
    process = in_foreground(here)
    libc = ctypes.CDLL(None)
    if way == "fusermount3":
        assert harness.unmount(here / "m")
    elif way == "worker":
        for worker in harness.children(process.pid):
            os.kill(worker, signal.SIGKILL)
    elif way == "forced":
        libc.umount2(os.fsencode(here / "m"), MNT_FORCE)
    else:
        with open(here / "m" / "b.bin", "rb", buffering=0) as file:
            libc.umount2(os.fsencode(here / "m"), MNT_DETACH)
            assert len(file.readall()) == 8 << 20
    assert (process.wait(60) == 0) == (way != "worker")
    finish(process, process.returncode)
    assert os.listdir(here) == []
    assert not harness.mounts_at(here / "m")


def test_existing_folder(here):
    """One that is empty serves as well, and stays."""
    (here / "m").mkdir()
    where = start(here, "../m.safetensors")
    assert where == str(here / "m")
    assert harness.run("-u", where).returncode == 0
    harness.wait_for("the daemon's end", lambda: not harness.processes("../m.safetensors"))
    assert os.listdir(here) == ["m"]


def test_refusals(here):
    """A folder that is not empty, a file, a mount: each is named, and left as it is."""
    (here / "m").mkdir()
    (here / "m" / "precious").write_text("x")
    for options in ((), ("-o", "nonempty")):
        assert "m: is there already, and not empty" in refused(here, "../m.safetensors", *options)
    shutil.rmtree(here / "m")
    (here / "m").write_text("x")
    assert "not a folder" in refused(here, "../m.safetensors")
    (here / "m").unlink()
    start(here, "../m.safetensors")
    assert "mounted here already" in refused(here, "../m.safetensors")
    assert harness.run("-u", "m", cwd=here).returncode == 0
    name = "x" * 252 + ".safetensors"
    with pytest.raises(OSError):
        (here.parent / name).write_text("")  # no file has such a name
    name = "x" * 252
    shutil.copy(here.parent / "m.safetensors", here.parent / name)
    assert "too long" in refused(here, here.parent / name)


def test_nothing_is_left_of_a_failure(here, root):
    """What is no model, and what cannot be mounted, leave no folder."""
    (here.parent / "bad.safetensors").write_bytes(b"x" * 100)
    result = harness.run("../bad.safetensors", cwd=here)
    assert result.returncode == 1 and os.listdir(here) == []
    for script in (users.OWN_DEV, users.OWN_DEV + " && mknod /dev/fuse c 10 228"):
        result = users.without(f"{script} && cd {here}", harness.find_driver(),
                               "../m.safetensors")
        assert harness.error_word(result) == "mount"
        assert os.listdir(here) == []
    result = users.run("setpriv", "--bounding-set", "-sys_admin", "sh", "-c",
                       f'cd {here} && exec "$0" ../m.safetensors', harness.find_driver())
    assert harness.error_word(result) == "mount"
    assert os.listdir(here) == []


def test_renamed_folder_above(here):
    """It is removed where it is by then."""
    process = in_foreground(here)
    os.rename(here, here.parent / "there")
    assert harness.unmount(here.parent / "there" / "m")
    finish(process)
    assert os.listdir(here.parent / "there") == []
    here.mkdir()


def test_only_an_empty_folder_goes(here):
    """What somebody put there after the unmount, or put in its place, stays."""
    process = in_foreground(here)
    process.send_signal(signal.SIGSTOP)
    assert harness.unmount(here / "m")
    (here / "m" / "precious").write_text("x")
    process.send_signal(signal.SIGCONT)
    finish(process)
    assert (here / "m" / "precious").read_text() == "x"
    shutil.rmtree(here / "m")
    process = in_foreground(here)
    process.send_signal(signal.SIGSTOP)
    assert harness.unmount(here / "m")
    (here / "m").rename(here / "moved")
    (here / "m").mkdir()
    process.send_signal(signal.SIGCONT)
    finish(process)
    assert sorted(os.listdir(here)) == ["m", "moved"]


def test_again_at_once(here):
    """The next mount does not meet the end of the one before, however long that takes."""
    first = in_foreground(here)
    first.send_signal(signal.SIGSTOP)
    assert harness.unmount(here / "m")
    second = subprocess.Popen([harness.find_driver(), "../m.safetensors"], cwd=here,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              env=harness.environment())
    time.sleep(0.5)  # long enough to mount, were it not for the first
    assert second.poll() is None and not harness.mounts_at(here / "m")
    first.send_signal(signal.SIGCONT)
    finish(first)
    assert second.wait(60) == 0
    assert harness.run("-u", here / "m").returncode == 0
    assert os.listdir(here) == []


def test_unmount_waits_for_the_end(here):
    """When -u returns the folder is gone."""
    process = in_foreground(here)
    process.send_signal(signal.SIGSTOP)
    leave = subprocess.Popen([harness.find_driver(), "-u", here / "m"],
                             env=harness.environment())
    harness.wait_for("the unmount", lambda: not harness.mounts_at(here / "m"))
    time.sleep(0.3)
    assert leave.poll() is None
    process.send_signal(signal.SIGCONT)
    assert leave.wait(60) == 0
    assert os.listdir(here) == []
    finish(process)


def test_a_mount_that_lingers(here):
    """One that is still read from is not waited for, and its end touches the next one not."""
    first = in_foreground(here)
    with open(here / "m" / "b.bin", "rb", buffering=0) as file:
        assert harness.unmount(here / "m", lazy=True)
        where = start(here, "../m.safetensors")
        assert len(file.readall()) == 8 << 20
    finish(first)
    assert harness.answers(where)
    assert harness.run("-u", where).returncode == 0


def test_as_root_in_a_users_folder(place, plain, root):
    """Of root's rights the supervisor keeps the one that this takes."""
    theirs = os.path.join(place, "theirs")
    where = start(theirs, os.path.join(place, "m.safetensors"), program=plain)
    assert where == os.path.join(theirs, "m")
    assert harness.unmount(where)
    gone(where)


def test_as_a_user(place, driver, root):
    """In a folder of one's own; elsewhere it cannot be made, and the message says where to."""
    program = users.reachable(driver, place)
    script = 'cd "$1" && "$0" ../m.safetensors && cat m/__metadata__.json && "$0" -u m && ls -A'
    result = users.without(users.FUSE_FOR_ALL, *users.NOBODY, "sh", "-c", script, program,
                           os.path.join(place, "theirs"))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(os.path.join(place, "theirs", "m") + "\n{")
    assert result.stdout.endswith("}\n")
    result = users.without(users.FUSE_FOR_ALL, *users.NOBODY, "sh", "-c", script, program,
                           os.path.join(place, "mine"))
    assert harness.error_word(result) == "mount"
    assert "Permission denied" in result.stderr and "give a MOUNTPOINT" in result.stderr
