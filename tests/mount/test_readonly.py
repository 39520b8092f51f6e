# SPDX-License-Identifier: Apache-2.0
"""Nothing can be written through the mount: every attempt is EROFS, the source untouched."""
import ctypes
import errno
import hashlib
import os
import stat

import pytest

import harness

MS_REMOUNT = 32
MS_NOSUID_NODEV_NOEXEC = 2 | 4 | 8


def digest(path):
    """sha256 of a file."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def errno_of(attempt, *arguments):
    """The error that an attempt ends in, or None if it does what it should not."""
    try:
        attempt(*arguments)
    except OSError as error:
        return error.errno
    return None


def opener(flags):
    """An attempt to open a file that is there."""
    return lambda mnt: os.close(os.open(f"{mnt}/w.bin", flags))


ATTEMPTS = {
    "open for writing": opener(os.O_WRONLY),
    "open for both": opener(os.O_RDWR),
    "open to append": opener(os.O_WRONLY | os.O_APPEND),
    "open to truncate": opener(os.O_WRONLY | os.O_TRUNC),
    "open and truncate for reading": opener(os.O_RDONLY | os.O_TRUNC),
    "open a document": lambda mnt: open(f"{mnt}/w.json", "r+b").close(),
    "open the model's document": lambda mnt: open(f"{mnt}/__metadata__.json", "r+b").close(),
    "open in .view": lambda mnt: open(f"{mnt}/.view/npy/w.npy", "r+b").close(),
    "create": lambda mnt: os.close(os.open(f"{mnt}/new", os.O_CREAT | os.O_WRONLY)),
    "create for reading": lambda mnt: os.close(os.open(f"{mnt}/new", os.O_CREAT)),
    "create deep": lambda mnt: os.close(os.open(f"{mnt}/w/new", os.O_CREAT | os.O_EXCL)),
    "create in .view": lambda mnt: os.close(os.open(f"{mnt}/.view/new", os.O_CREAT)),
    "unnamed file": lambda mnt: os.close(os.open(mnt, os.O_TMPFILE | os.O_RDWR)),
    "mkdir": lambda mnt: os.mkdir(f"{mnt}/new"),
    "unlink": lambda mnt: os.unlink(f"{mnt}/w.bin"),
    "rmdir": lambda mnt: os.rmdir(f"{mnt}/w"),
    "rename": lambda mnt: os.rename(f"{mnt}/w.bin", f"{mnt}/new"),
    "rename a folder": lambda mnt: os.rename(f"{mnt}/w", f"{mnt}/new"),
    "rename over": lambda mnt: os.rename(f"{mnt}/w.bin", f"{mnt}/nul.bin"),
    "link": lambda mnt: os.link(f"{mnt}/w.bin", f"{mnt}/new"),
    "symlink": lambda mnt: os.symlink("w.bin", f"{mnt}/new"),
    "mknod": lambda mnt: os.mknod(f"{mnt}/new", stat.S_IFREG | 0o644),
    "mkfifo": lambda mnt: os.mkfifo(f"{mnt}/new"),
    "truncate": lambda mnt: os.truncate(f"{mnt}/w.bin", 0),
    "extend": lambda mnt: os.truncate(f"{mnt}/w.bin", 100),
    "chmod": lambda mnt: os.chmod(f"{mnt}/w.bin", 0o777),
    "chmod the root": lambda mnt: os.chmod(mnt, 0o777),
    "chown": lambda mnt: os.chown(f"{mnt}/w.bin", os.getuid(), os.getgid()),
    "utime": lambda mnt: os.utime(f"{mnt}/w.bin", (1, 1)),
    "touch": lambda mnt: os.utime(f"{mnt}/w.bin"),
    "setxattr": lambda mnt: os.setxattr(f"{mnt}/w.bin", "user.x", b"1"),
    "removexattr": lambda mnt: os.removexattr(f"{mnt}/w.bin", "user.x"),
}


@pytest.mark.parametrize("what", ATTEMPTS)
def test_erofs(edge, what):
    """One attempt; the file is as before, its neighbours too."""
    before = digest(edge.source)
    listing = sorted(os.listdir(edge.path))
    assert errno_of(ATTEMPTS[what], edge.path) == errno.EROFS
    assert digest(edge.source) == before
    assert sorted(os.listdir(edge.path)) == listing


@pytest.mark.parametrize("options", [(), ("rw",), ("rw", "dev", "suid", "exec")])
def test_flags_of_the_mount(edge_file, mount, options):
    """Read-only and without devices, setuid and programs, whatever was asked for."""
    mounted = mount(edge_file, *options)
    (entry,) = harness.mounts_at(mounted.path)
    assert {"ro", "nosuid", "nodev", "noexec"} <= set(entry["options"])
    if os.geteuid() == 0:  # for others fusermount3 may leave it to the kernel's own checks
        assert "default_permissions" in entry["super_options"]


def remount_for_writing(path):
    """Take the read-only flag away, as only root can."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = ctypes.c_ulong(MS_REMOUNT | MS_NOSUID_NODEV_NOEXEC)
    if libc.mount(b"none", os.fsencode(path), None, flags, None) != 0:
        pytest.skip(f"cannot remount here: {os.strerror(ctypes.get_errno())}")


def test_after_remount(edge_file, mount, root):
    """After remount,rw the kernel lets writes through to the driver, which refuses them."""
    mounted = mount(edge_file)
    before = digest(edge_file)
    remount_for_writing(mounted.path)
    (entry,) = harness.mounts_at(mounted.path)
    assert "rw" in entry["options"] and "rw" in entry["super_options"]
    for what, attempt in ATTEMPTS.items():
        if what in ("unnamed file", "setxattr", "removexattr"):
            continue  # the kernel has answers of its own for these
        assert errno_of(attempt, mounted.path) == errno.EROFS, what
    assert digest(edge_file) == before
