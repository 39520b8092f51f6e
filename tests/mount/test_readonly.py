# SPDX-License-Identifier: Apache-2.0
"""Nothing can be written through the mount: every attempt is EROFS, the source untouched."""
import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import stat
import subprocess

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


def shared_map(fd):
    """A mapping that would write to the file."""
    mmap.mmap(fd, 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE).close()


def from_elsewhere(call):
    """An attempt to have the kernel copy into the file."""
    def attempt(fd):
        source = os.memfd_create("source")
        try:
            os.write(source, b"x" * 4096)
            os.lseek(source, 0, os.SEEK_SET)
            call(source, fd)
        finally:
            os.close(source)

    return attempt


def from_pipe(fd):
    """The same out of a pipe."""
    reader, writer = os.pipe()
    try:
        os.write(writer, b"x")
        os.splice(reader, fd, 1)
    finally:
        os.close(reader)
        os.close(writer)


FS_IOC_SETFLAGS = 0x40086602

# With a file that is open for reading, and what the kernel or the driver says to it.
OPEN_ATTEMPTS = {
    "write": (lambda fd: os.write(fd, b"x"), errno.EBADF),
    "pwritev": (lambda fd: os.pwritev(fd, [b"x"], 0), errno.EBADF),
    "ftruncate": (lambda fd: os.ftruncate(fd, 0), errno.EINVAL),
    "fallocate": (lambda fd: os.posix_fallocate(fd, 0, 1), errno.EBADF),
    "fchmod": (lambda fd: os.fchmod(fd, 0o777), errno.EROFS),
    "fchown": (lambda fd: os.fchown(fd, 1, 1), errno.EROFS),
    "futimens": (os.utime, errno.EROFS),
    "fsetxattr": (lambda fd: os.setxattr(fd, "user.x", b"1"), errno.EROFS),
    "fremovexattr": (lambda fd: os.removexattr(fd, "user.x"), errno.EROFS),
    "map for writing": (shared_map, errno.EACCES),
    "copy_file_range": (from_elsewhere(lambda a, b: os.copy_file_range(a, b, 1)), errno.EBADF),
    "sendfile": (from_elsewhere(lambda a, b: os.sendfile(b, a, 0, 1)), errno.EBADF),
    "splice": (from_pipe, errno.EBADF),
    "flags": (lambda fd: fcntl.ioctl(fd, FS_IOC_SETFLAGS, b"\x10" + bytes(7)), errno.EROFS),
}


@pytest.mark.parametrize("what", OPEN_ATTEMPTS)
def test_open_file(edge, what):
    """What needs a file that is open for writing finds none."""
    attempt, error = OPEN_ATTEMPTS[what]
    before = digest(edge.source)
    fd = os.open(f"{edge.path}/w.bin", os.O_RDONLY)
    try:
        content = os.pread(fd, 100, 0)
        assert errno_of(attempt, fd) == error
        assert os.pread(fd, 100, 0) == content
    finally:
        os.close(fd)
    assert digest(edge.source) == before


def remount_for_writing(path):
    """Take the read-only flag away, as only root can."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = ctypes.c_ulong(MS_REMOUNT | MS_NOSUID_NODEV_NOEXEC)
    if libc.mount(b"none", os.fsencode(path), None, flags, None) != 0:
        pytest.skip(f"cannot remount here: {os.strerror(ctypes.get_errno())}")


def check_attempts(mounted, before):
    """Each is refused still, and the source is what it was."""
    for what, attempt in ATTEMPTS.items():
        if what in ("unnamed file", "setxattr", "removexattr"):
            continue  # the kernel has answers of its own for these
        assert errno_of(attempt, mounted.path) == errno.EROFS, what
    assert digest(mounted.source) == before


def test_after_remount(edge_file, mount, root):
    """After remount,rw the kernel lets writes through to the driver, which refuses them."""
    mounted = mount(edge_file)
    before = digest(edge_file)
    remount_for_writing(mounted.path)
    (entry,) = harness.mounts_at(mounted.path)
    assert "rw" in entry["options"] and "rw" in entry["super_options"]
    check_attempts(mounted, before)


def test_after_bind_remount(edge_file, mount, root):
    """The same where only this place of the mount was remounted."""
    mounted = mount(edge_file)
    before = digest(edge_file)
    subprocess.run(["mount", "-o", "remount,bind,rw", mounted.path], check=True)
    (entry,) = harness.mounts_at(mounted.path)
    assert "rw" in entry["options"]
    check_attempts(mounted, before)
