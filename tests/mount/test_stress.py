# SPDX-License-Identifier: Apache-2.0
"""Random reads of every kind against a reference tree, and fio's verification.

STRESS_SECONDS=N makes the first longer.
"""
import os
import shutil
import subprocess
import sys

import pytest

import make_model
import stress
from make_model import Spec

SECONDS = float(os.environ.get("STRESS_SECONDS", "4"))
SEED = int(os.environ.get("STRESS_SEED", "20240229"))
DROPS = ["--drop-caches"] if os.geteuid() == 0 else []
SIZES = [0, 1, 4095, 4096, 4097, 131072, (1 << 20) - 1, (1 << 20) + 1, (5 << 20) + 3]
SPECS = [Spec(f"s.{size}", "U8", (size,)) for size in SIZES]
FIO_SIZE = 16 << 20


@pytest.fixture(scope="module")
def trees(tmp_path_factory):
    """A model, and the reference tree: its tensors, and itself as the view `model` shows it."""
    folder = tmp_path_factory.mktemp("stress")
    source, reference = folder / "model.safetensors", folder / "reference"
    make_model.write_file(source, SPECS, content=make_model.noise)
    (reference / "s").mkdir(parents=True)
    (reference / ".view" / "model").mkdir(parents=True)
    for spec in SPECS:
        (reference / "s" / f"{spec.shape[0]}.bin").write_bytes(b"".join(make_model.noise(spec)))
    shutil.copy(source, reference / ".view" / "model")
    return source, reference


def run_stress(mount, reference, seconds, *words):
    """Run it as a program."""
    return subprocess.run([sys.executable, stress.__file__, mount, reference, "--seconds",
                           str(seconds), "--seed", str(SEED), *words], capture_output=True,
                          text=True, check=False, timeout=seconds + 120)


@pytest.mark.parametrize("io", ["map", "pread"])
def test_stress(trees, mount, io):
    """Four processes; each way is gone."""
    source, reference = trees
    mounted = mount(source, f"io={io}")
    result = run_stress(mounted.path, reference, SECONDS, *DROPS)
    assert result.returncode == 0, result.stderr
    for way in stress.WAYS:
        assert f" {way.__name__[3:]}" in result.stdout, result.stdout


def test_stress_finds_a_wrong_byte(trees, mount, tmp_path):
    """It would see it: here the reference is what is wrong."""
    source, reference = trees
    wrong = tmp_path / "wrong"
    shutil.copytree(reference, wrong)
    with open(wrong / "s" / "1048577.bin", "r+b") as file:
        file.seek(777_777)
        byte = file.read(1)[0]
        file.seek(777_777)
        file.write(bytes([byte ^ 1]))
    mounted = mount(source)
    result = run_stress(mounted.path, wrong, 60)
    assert result.returncode == 1 and "WRONG: ('s/1048577.bin'" in result.stderr, result.stderr


ENGINES = [("psync", 0), ("psync", 1), ("libaio", 1), ("io_uring", 0), ("io_uring", 1),
           ("mmap", 0)]


def fio(*words):
    """Run it; returns its exit status and what it said."""
    if shutil.which("fio") is None:
        pytest.skip("fio is not installed (package fio)")
    result = subprocess.run(["fio", f"--size={FIO_SIZE}", "--bs=64k", "--verify=crc32c",
                             "--verify_state_save=0", *words],  # it would lie where we stand
                            capture_output=True, text=True, timeout=120, check=False)
    return result.returncode, result.stdout + result.stderr


@pytest.fixture(scope="module")
def verified(tmp_path_factory):
    """A model whose tensors are files that fio wrote with checksums; one byte of `bad` is not."""
    folder = tmp_path_factory.mktemp("fio")
    written = folder / "written"
    status, text = fio("--name=w", f"--filename={written}", "--rw=write", "--do_verify=0")
    assert status == 0, text
    good = written.read_bytes()
    bad = bytearray(good)
    bad[FIO_SIZE // 3] ^= 1
    source = folder / "m.safetensors"
    make_model.write_file(source, [Spec("good", "U8", (FIO_SIZE,)), Spec("bad", "U8", (FIO_SIZE,))],
                          content=lambda spec: [good if spec.name == "good" else bytes(bad)])
    return source


def verify(path, engine, direct, rw="read"):
    """Have fio read and verify a file."""
    return fio("--name=v", f"--filename={path}", "--readonly", f"--rw={rw}", "--verify_only=1",
               "--verify_fatal=1", f"--ioengine={engine}", f"--direct={direct}", "--iodepth=8")


@pytest.mark.parametrize("engine, direct", ENGINES)
def test_fio(verified, mount, engine, direct):
    """Each of its engines finds what it wrote, and the byte that is not."""
    mounted = mount(verified)
    status, text = verify(mounted.at("good.bin"), engine, direct)
    if status != 0 and "io_uring" in engine and "Operation not permitted" in text:
        pytest.skip("io_uring is not allowed here")
    assert status == 0, text
    status, text = verify(mounted.at("good.bin"), engine, direct, rw="randread")
    assert status == 0, text
    status, text = verify(mounted.at("bad.bin"), engine, direct)
    assert status != 0 and "verify" in text, text
