# SPDX-License-Identifier: Apache-2.0
"""Who may mount, who may look, and what is said where the system refuses.

All of this needs root, to become somebody else and to hide parts of the system from the
driver in a mount namespace of its own.
"""
import ctypes
import os
import re
import shutil
import subprocess

import pytest

import compare
import harness
import make_model
import users
from users import FUSE_FOR_ALL, NOBODY, OWN_DEV, run, without

pytestmark = pytest.mark.usefixtures("fuse", "root")


@pytest.fixture
def program(driver, place):
    """The driver, where another user can run it."""
    return users.reachable(driver, place)


def test_private_source(place, mount):
    """A model that only its owner can read stays so under allow_other; others are shown."""
    source = os.path.join(place, "m.safetensors")
    mounted = mount(source, "allow_other", work=place, name="open")
    path = mounted.at("lm_head", "weight.bin")
    want = mounted.model.tensors["lm_head.weight"].read()
    shown = subprocess.run([*NOBODY, "cat", path], capture_output=True, check=True)
    assert shown.stdout == want
    os.chmod(source, 0o600)
    mounted = mount(source, "allow_other", work=place, name="private")
    assert compare.slurp(mounted.at("lm_head", "weight.bin")) == want
    for command in (["cat", mounted.at("lm_head", "weight.bin")], ["ls", mounted.path],
                    ["cat", mounted.at("__metadata__.json")]):
        result = run(*NOBODY, *command)
        assert result.returncode != 0 and "Permission denied" in result.stderr


def test_without_allow_other(place, mount):
    """Without it the mount is its owner's alone, as with every FUSE file system."""
    mounted = mount(os.path.join(place, "m.safetensors"), work=place, name="alone")
    result = run(*NOBODY, "ls", mounted.path)
    assert result.returncode != 0 and "Permission denied" in result.stderr


def test_unreadable_source(place, program):
    """A user who cannot read the source hears just that."""
    source = os.path.join(place, "m.safetensors")
    os.chmod(source, 0o600)
    result = run(*NOBODY, program, "-f", source, os.path.join(place, "theirs"))
    assert harness.error_word(result) == "io"
    assert source in result.stderr


def test_no_device(place, driver):
    """No /dev/fuse, as in many containers: said so, with what to do instead."""
    result = without(OWN_DEV, driver, "-f", os.path.join(place, "m.safetensors"),
                     os.path.join(place, "mine"))
    assert harness.error_word(result) == "mount"
    assert "/dev/fuse" in result.stderr
    for word in ("Docker", "--device /dev/fuse --cap-add SYS_ADMIN", "Podman", "Kubernetes",
                 "privileged: true"):
        assert word in result.stderr
    names_the_modes(result)


def names_the_modes(result):
    """A message says what can be done without a mount, by all options that do."""
    text = harness.run("--help").stdout.replace("\n" + " " * 21, " ")
    modes = re.findall(r"^    (--[a-z]+) .*mount nothing$", text, re.MULTILINE)
    assert {"--list", "--cat", "--extract", "--check"} <= set(modes)
    assert all(mode in result.stderr for mode in modes), result.stderr


@pytest.mark.parametrize("capabilities", [[], ["setpriv", "--bounding-set", "-sys_admin"]],
                         ids=["all", "no sys_admin"])
def test_container(place, program, capabilities):
    """Beside the device a container needs CAP_SYS_ADMIN over its own namespaces, and no helper.

    So it is in a user namespace, too, as rootless Podman has it.
    """
    source, where = os.path.join(place, "m.safetensors"), os.path.join(place, "theirs")
    script = '"$0" "$1" "$2" && cat "$2/__metadata__.json" && "$0" -u "$2"'
    hide = f"{FUSE_FOR_ALL} && mount --bind /dev/null {shutil.which('fusermount3')}"
    result = without(hide, *NOBODY, "unshare", "-Urm", *capabilities, "sh", "-c", script, program,
                     source, where)
    if capabilities:
        assert harness.error_word(result) == "mount"
        assert "container" in result.stderr and "SYS_ADMIN" in result.stderr
        names_the_modes(result)
    else:
        assert (result.returncode, result.stderr) == (0, "")
        assert result.stdout.startswith("{")


def test_check_and_list_without_device(place, driver):
    """What needs no mount needs no device."""
    source = os.path.join(place, "m.safetensors")
    result = without(OWN_DEV, driver, "--check", source)
    assert (result.returncode, result.stdout) == (0, f"{source}: ok, 15 tensors\n")
    result = without(OWN_DEV, driver, "--list", source)
    assert result.returncode == 0 and "lm_head/weight.bin\n" in result.stdout


def test_no_permission_for_device(place, program):
    """A device that only root may open."""
    result = without(OWN_DEV + " && mknod -m 600 /dev/fuse c 10 229", *NOBODY, program, "-f",
                     os.path.join(place, "m.safetensors"), os.path.join(place, "theirs"))
    assert harness.error_word(result) == "mount"


def test_no_fusermount(place, program):
    """A user without fusermount3 is told which program is wanted."""
    hide = FUSE_FOR_ALL + f" && mount --bind /dev/null {shutil.which('fusermount3')}"
    result = without(hide, *NOBODY, program, "-f", os.path.join(place, "m.safetensors"),
                     os.path.join(place, "theirs"))
    assert harness.error_word(result) == "mount"
    assert "fusermount3" in result.stderr


def test_mountpoint_of_another_user(place, program):
    """A user may mount on folders of their own only."""
    result = without(FUSE_FOR_ALL, *NOBODY, program, "-f", os.path.join(place, "m.safetensors"),
                     os.path.join(place, "mine"))
    assert harness.error_word(result) == "mount"
    assert os.path.join(place, "mine") in result.stderr


def test_unreachable_mountpoint(place, program):
    """In a folder that is closed to the user."""
    os.chmod(os.path.join(place, "mine"), 0o700)
    os.mkdir(os.path.join(place, "mine", "deep"))
    where = os.path.join(place, "mine", "deep")
    result = run(*NOBODY, program, "-f", os.path.join(place, "m.safetensors"), where)
    assert harness.error_word(result) == "mount"
    assert where in result.stderr and "Permission denied" in result.stderr


def test_no_new_privileges(place, program):
    """Where fusermount3 cannot become root, as in many sandboxes, the message says so."""
    result = without(FUSE_FOR_ALL, *NOBODY, "--no-new-privs", program, "-f",
                     os.path.join(place, "m.safetensors"), os.path.join(place, "theirs"))
    assert harness.error_word(result) == "mount"
    assert "no_new_privs" in result.stderr


def test_allow_other_is_not_allowed(place, program):
    """A user whose system does not allow it is pointed to /etc/fuse.conf."""
    hide = FUSE_FOR_ALL + " && mount --bind /dev/null /etc/fuse.conf"
    result = without(hide, *NOBODY, program, "-f", os.path.join(place, "m.safetensors"),
                     os.path.join(place, "theirs"), "-o", "allow_other")
    assert harness.error_word(result) == "mount"
    assert "fuse.conf" in result.stderr


def test_as_a_user(place, program):
    """Mount, read and unmount without root, through fusermount3."""
    source, where = os.path.join(place, "m.safetensors"), os.path.join(place, "theirs")
    script = ('"$0" "$1" "$2" && cat "$2/lm_head/weight.bin" | cmp - "$3" '
              '&& fusermount3 -u "$2"')
    piece = os.path.join(place, "piece")
    spec = next(s for s in make_model.small_sharded() if s.name == "lm_head.weight")
    with open(piece, "wb") as file:
        file.write(make_model.expected(spec))
    result = without(FUSE_FOR_ALL, *NOBODY, "sh", "-c", script, program, source, where, piece)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    harness.wait_for("the daemon's end", lambda: not harness.processes(where))


def test_dead_mount_of_another(place, driver):
    """A dead mount of some other program is not ours to remove."""
    where = os.path.join(place, "mine")
    fd = os.open("/dev/fuse", os.O_RDWR)
    data = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.mount(b"other", where.encode(), b"fuse.other", None, data) == 0
    os.close(fd)
    result = run(driver, "-f", os.path.join(place, "m.safetensors"), where)
    assert harness.error_word(result) == "mount"
    assert where in result.stderr
    (entry,) = harness.mounts_at(where)
    assert entry["type"] == "fuse.other"
