# SPDX-License-Identifier: Apache-2.0
"""pread() of the source fails, is interrupted, or returns less than was asked for.

What is read whole is right, what cannot be is an error, and nothing of it stays when the
fault is gone. The library that stands between needs a driver without sanitizers.
"""
import errno
import mmap
import os
import subprocess

import numpy
import pytest

import faults
import harness
import make_model
from make_model import Spec

SIZE = (1 << 20) + 123
SPECS = [Spec("a.bytes", "U8", (SIZE,)), Spec("b.halves", "BF16", (1 << 18,)),
         Spec("c.few", "F32", (3, 5))]
ATTEMPTS = 12


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A file of several types."""
    path = tmp_path_factory.mktemp("faulty") / "m.safetensors"
    make_model.write_file(path, SPECS, content=make_model.noise)
    return path


@pytest.fixture
def faulty(source, mount, tmp_path):
    """A mount with a .switch for its reads, and .bytes, what its files hold without faults."""
    switch = faults.Switch(tmp_path / "switch")
    mounted = mount(source, "io=pread", env=switch.preload(source),
                    driver=faults.plain_driver())
    mounted.switch = switch
    mounted.bytes = {path: read(mounted.at(path)) for path in FILES}
    for spec in SPECS:
        want = b"".join(make_model.noise(spec))
        assert mounted.bytes[spec.name.replace(".", "/") + ".bin"] == want
    return mounted


FILES = ["a/bytes.bin", "b/halves.bin", "c/few.bin", ".view/npy/b/halves.npy",
         ".view/f32/b/halves.bin", ".view/model/model.safetensors",
         ".view/torch/pytorch_model.bin", ".view/npz/model.npz"]


def read(path):
    """A whole file past the kernel's cache, or the error of it."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        size = os.fstat(fd).st_size
        buffer = mmap.mmap(-1, size + 4096)
        done = 0
        while done < size:
            got = os.preadv(fd, [memoryview(buffer)[done:]], done)
            assert got > 0, f"{path} ends at {done} of {size}"
            done += got
        return buffer[:done]
    except OSError as error:
        return error.errno
    finally:
        os.close(fd)


# A fault of the switch, and the error that readers get; None: they do not notice.
FAULTS = [
    ("e", errno.EIO),
    ("0", errno.EIO),  # the file ends, though its size says otherwise
    ("s", errno.ESTALE),
    ("i", None),
    ("1", None),
]


@pytest.mark.parametrize("fault, error, every", [
    (*fault, every) for fault in FAULTS for every in (1, 2, 3, 7)
    if (fault[0], every) != ("i", 1)])  # which never ends
def test_fault(faulty, fault, error, every):
    """The right bytes or the error, in every kind of file; without the fault all is well."""
    faulty.switch.set(read=fault, every=every)
    met = 0
    for path in FILES:
        for _ in range(ATTEMPTS):
            got = read(faulty.at(path))
            assert got in (error, faulty.bytes[path]), (path, got)
            met += got == error
    assert (met > 0) == (error is not None)
    faulty.switch.clear()
    for path in FILES:
        assert read(faulty.at(path)) == faulty.bytes[path], path
    check_messages(faulty, error)


def check_messages(faulty, error):
    """A line about the file for an error, though not for each."""
    lines = faulty.output().splitlines()
    assert len(lines) < 30
    if error == errno.EIO:
        assert all(os.path.basename(faulty.source) in line and "(io)" in line
                   for line in lines) and lines, lines
    else:
        assert not lines


@pytest.mark.parametrize("fault, error", [("e", errno.EIO), ("0", errno.EIO)])
def test_cached_reader(faulty, fault, error):
    """An error is not remembered, neither by the kernel nor by us."""
    with open(faulty.at("a", "bytes.bin"), "rb", buffering=0) as file:
        faulty.switch.set(read=fault)
        for _ in range(3):
            with pytest.raises(OSError) as caught:
                file.readall()
            assert caught.value.errno == error
            file.seek(0)
        faulty.switch.clear()
        assert file.readall() == faulty.bytes["a/bytes.bin"]


def test_checksums(faulty):
    """A checksum that could not be computed is not kept."""
    path = ".view/npz/model.npz"
    faulty.switch.set(read="e", every=5)
    for _ in range(ATTEMPTS):
        assert read(faulty.at(path)) in (errno.EIO, faulty.bytes[path])
    faulty.switch.clear()
    with numpy.load(faulty.at(path)) as arrays:
        assert arrays["a.bytes"].tobytes() == faulty.bytes["a/bytes.bin"]
    subprocess.run(["unzip", "-tqq", faulty.at(path)], check=True)


OPENINGS = [("e", 1, "io"), ("e", 2, "io"), ("0", 1, "io"), ("0", 2, "io"), ("s", 1, "changed"),
            ("i", 2, None), ("1", 1, None), ("1", 3, None)]


@pytest.mark.parametrize("fault, every, word", OPENINGS)
def test_opening(source, tmp_path, fault, every, word):
    """The same while the header is read."""
    switch = faults.Switch(tmp_path / "switch")
    switch.set(read=fault, every=every)
    result = subprocess.run([faults.plain_driver(), "--check", source], check=False,
                            capture_output=True, text=True, timeout=60,
                            env=switch.preload(source))
    if word is None:
        assert (result.returncode, result.stderr) == (0, "")
    else:
        assert harness.error_word(result) == word
        assert str(source) in result.stderr
