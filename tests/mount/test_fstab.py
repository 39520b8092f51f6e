# SPDX-License-Identifier: Apache-2.0
"""As mount(8) and fstab start it: `mount -t fuse.safetensorsfs SOURCE MOUNTPOINT -o ...`.

mount(8) runs mount.fuse3, which runs the program that it finds in the PATH; mount(8) itself
resets the PATH, so that these tests call mount.fuse3 or name the program by its whole path.
"""
import os
import signal
import subprocess

import pytest

import compare
import expected
import harness
import make_model
import safetensors_reader

HELPER = "/sbin/mount.fuse3"

pytestmark = pytest.mark.usefixtures("fuse", "root")


@pytest.fixture
def helper():
    """Where the helper of fuse3 is."""
    if not os.access(HELPER, os.X_OK):
        pytest.skip(f"{HELPER} is not installed (package fuse3)")
    return HELPER


@pytest.fixture
def place(tmp_path):
    """A model and a place to mount it; at the end no mount and no daemon may be left."""
    source, where = tmp_path / "m.safetensors", tmp_path / "where"
    make_model.write_file(source, list(make_model.small_sharded()))
    where.mkdir()
    yield source, where
    while harness.mounts_at(where):
        assert harness.unmount(where, lazy=True)
    for pid in harness.processes(str(source)):
        os.kill(pid, signal.SIGKILL)


def call(*command):
    """Run a mount command to its end: the daemon must not hold on to our pipes."""
    env = harness.environment()
    env["PATH"] = os.path.dirname(harness.find_driver()) + ":" + env["PATH"]
    result = subprocess.run(list(map(str, command)), env=env, capture_output=True, text=True,
                            stdin=subprocess.DEVNULL, timeout=30, check=False)
    harness.check_words(result.stdout + result.stderr)
    return result


def check(source, where, status):
    """The mount is there when the command ends, is right, and goes when it is unmounted."""
    assert status.returncode == 0, status.stderr
    compare.check_tree(str(where), safetensors_reader.read_model(source))
    assert harness.unmount(where)
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(source)))


@pytest.mark.parametrize("options", ["rw", "rw,dev,suid,exec,relatime", "defaults,allow_other"])
def test_helper(helper, place, options):
    """As mount(8) calls it for the type fuse.safetensorsfs."""
    check(*place, call(helper, *place, "-o", options, "-t", harness.TYPE))


def test_helper_with_own_options(helper, place):
    """Our options come through it, by name."""
    source, where = place
    result = call(helper, source, where, "-t", harness.TYPE, "-o", "rw,view=npy,io=pread,uid=3")
    assert result.returncode == 0, result.stderr
    assert sorted(os.listdir(where / ".view")) == expected.VIEWS
    assert os.stat(where / "lm_head" / "weight.npy").st_uid == 3
    (entry,) = harness.mounts_at(where)
    assert entry["source"] == str(source) and "ro" in entry["options"]


def test_mount(helper, place):
    """mount(8) with the whole path of the program, an fstab line's other form."""
    source, where = place
    check(source, where, call("mount", "-t", "fuse", f"{harness.find_driver()}#{source}", where,
                              "-o", "defaults,noauto"))


def test_mount_by_type(helper, place, tmp_path):
    """mount -t fuse.safetensorsfs, with the program where mount(8) looks for it.

    It is put there in a mount namespace of its own, so that nothing is installed.
    """
    source, where = place
    script = ('mount --bind "$1" /usr/local/bin && mount -t fuse.safetensorsfs "$2" "$3" '
              '-o defaults,uid=5 && stat -c %u "$3/lm_head/weight.bin" && umount "$3"')
    result = call("unshare", "-m", "sh", "-c", script, "sh",
                  os.path.dirname(harness.find_driver()), source, where)
    assert (result.returncode, result.stdout) == (0, "5\n"), result.stderr
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(source)))


def test_line(helper, place, tmp_path):
    """A line of fstab, with a space in a name, is mounted and unmounted by its place."""
    _, where = place
    source = tmp_path / "my model.safetensors"
    make_model.write_file(source, list(make_model.small_sharded()))
    escaped = str(source).replace(" ", "\\040")
    (tmp_path / "fstab").write_text(
        f"{escaped}  {where}  {harness.TYPE}  allow_other,nofail,idle=60  0  0\n")
    script = ('mount --bind "$1" /usr/local/bin && '
              'mount -T "$2" "$3" && mount -T "$2" -a && stat -c %s "$3/lm_head/weight.bin" && umount "$3"')
    result = call("unshare", "-m", "sh", "-c", script, "sh",
                  os.path.dirname(harness.find_driver()), tmp_path / "fstab", where)
    size = len(safetensors_reader.read_model(source).tensors["lm_head.weight"].read())
    assert (result.returncode, result.stdout) == (0, f"{size}\n"), result.stderr
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(source)))


def test_line_with_rules(helper, place, tmp_path):
    """Rules in a line of fstab: several of a kind, with libfuse's escapes and fstab's."""
    source, where = place
    rules = (r"include=lm_head.*,include=model.*,exclude=*.layers.*,exclude=*.embed_*,"
             r"rename=s/^model\\./a\,b\040/,rename=s/(pos)i(.*)/\\2\\1/")
    (tmp_path / "fstab").write_text(f"{source}  {where}  {harness.TYPE}  {rules}  0  0\n")
    script = ('mount --bind "$1" /usr/local/bin && mount -T "$2" "$3" && '
              'find "$3" -name "*.bin" -printf "%P\\n" | sort && umount "$3"')
    result = call("unshare", "-m", "sh", "-c", script, "sh",
                  os.path.dirname(harness.find_driver()), tmp_path / "fstab", where)
    assert (result.returncode, result.stdout) == (
        0, "a,b tion_idspos.bin\nlm_head/weight.bin\n"), result.stderr
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(source)))


def test_drop_privileges(helper, place):
    """The helper mounts, and the driver gets /dev/fd/N and no capability."""
    check(*place, call(helper, *place, "-t", harness.TYPE, "-o", "drop_privileges"))


def test_failure_is_reported(helper, place):
    """A source that is no model: a message and a status, and nothing mounted."""
    source, where = place
    source.write_bytes(b"no model")
    result = call(helper, source, where, "-t", harness.TYPE)
    assert result.returncode != 0
    assert str(source) in result.stderr
    assert not harness.mounts_at(where)
