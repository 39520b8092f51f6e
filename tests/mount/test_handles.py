# SPDX-License-Identifier: Apache-2.0
"""Handles: names for files that outlive what the kernel remembers, as an NFS server has them."""
import ctypes
import errno
import os

import pytest

import compare
import harness

AT_FDCWD = -100
HANDLE_LEN = 128


class Handle(ctypes.Structure):
    """struct file_handle."""

    _fields_ = [("length", ctypes.c_uint), ("type", ctypes.c_int),
                ("bytes", ctypes.c_ubyte * HANDLE_LEN)]


def handle_of(path):
    """name_to_handle_at()."""
    handle, mount_id = Handle(HANDLE_LEN), ctypes.c_int()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.name_to_handle_at(AT_FDCWD, os.fsencode(path), ctypes.byref(handle),
                              ctypes.byref(mount_id), 0) != 0:
        raise OSError(ctypes.get_errno(), "name_to_handle_at")
    return handle


def open_handle(mount_fd, handle):
    """open_by_handle_at() for reading."""
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.open_by_handle_at(mount_fd, ctypes.byref(handle), os.O_RDONLY)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return fd


def forget_inodes():
    """Have the kernel drop names and inodes that nobody uses."""
    with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
        file.write("2")


@pytest.fixture
def mount_fd(edge, root):
    """A descriptor that says which mount handles are of."""
    fd = os.open(edge.path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


def test_every_file(edge, mount_fd):
    """Each file and folder is found again, with the same content and the same number.

    Not so the folders below `.view`: to find the way there from a folder, the kernel lists
    the root, where that does not stand.
    """
    paths = sorted(compare.walk(edge.path))
    paths += [f".view/npy/{path}" for path in compare.files_below(edge.at(".view", "npy"))]
    handles = [handle_of(edge.at(path)) for path in paths]
    numbers = [os.stat(edge.at(path)).st_ino for path in paths]
    files = {path: compare.slurp(edge.at(path)) for path in paths if path[-1] != "/"}
    forget_inodes()
    for path, handle, number in zip(paths, handles, numbers):
        fd = open_handle(mount_fd, handle)
        try:
            assert os.fstat(fd).st_ino == number, path
            if path[-1] != "/":
                assert os.pread(fd, 1 << 20, 0) == files[path], path
            else:
                assert sorted(os.listdir(fd)) == sorted(os.listdir(edge.at(path)))
        finally:
            os.close(fd)


def test_slice(edge, mount_fd):
    """A slice is listed nowhere, so its handle lasts as long as the kernel remembers it."""
    path = edge.at("rank", "8[0,:].bin")
    handle = handle_of(path)
    want = compare.slurp(path)
    fd = open_handle(mount_fd, handle)
    assert os.pread(fd, 1 << 20, 0) == want
    os.close(fd)
    forget_inodes()
    try:
        fd = open_handle(mount_fd, handle)
    except OSError as error:
        assert error.errno == errno.ESTALE
    else:
        assert os.pread(fd, 1 << 20, 0) == want
        os.close(fd)


def test_of_another_model(edge, mount_fd, sharded_folder, mount):
    """A handle that nothing here has is stale: never another file's bytes by accident."""
    handle = handle_of(edge.at("dtype", "U8.bin"))
    other = mount(sharded_folder)
    fd = os.open(other.path, os.O_RDONLY | os.O_DIRECTORY)
    for byte in range(8):
        handle.bytes[byte] = 0xfe
    with pytest.raises(OSError) as caught:
        open_handle(fd, handle)
    assert caught.value.errno == errno.ESTALE
    os.close(fd)
    assert harness.answers(other.path)
