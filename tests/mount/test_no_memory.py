# SPDX-License-Identifier: Apache-2.0
"""Memory runs out: at each allocation of the whole program in turn, and by limits from
outside. An error that says so, or it works all the same; nothing is left behind.

tests/unit/test_nomem.c does the first with core alone, under a sanitizer.
"""
import errno
import os
import re
import shutil
import struct
import subprocess

import pytest

import compare
import extracting
import faults
import harness
import inside
import make_model
from make_model import Spec

SIZE = 300_000
PATIENCE = 10  # seconds
# libfuse's, about the kernel's first request: the mount waits for the answer, for a minute
UNANSWERED = "failed to allocate request"
# and the C library's, which aborts: see prepare_cancel() in fs/worker.c
NOT_OURS = (UNANSWERED, "must be installed for pthread_cancel to work")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A small sharded model with a file beside it."""
    folder = tmp_path_factory.mktemp("no-memory")
    specs = [Spec("a.bytes", "U8", (SIZE,)), Spec("b.c", "BF16", (7,)), Spec("d", "F4", (2,))]
    make_model.write_sharded(folder, specs, 2)
    (folder / "config.json").write_text("{}")
    return folder


class Starved:
    """Runs of a driver whose n-th allocation fails."""

    def __init__(self, folder):
        self.count_path = folder / "count"
        self.log_path = folder / "log"
        self.count_path.write_bytes(bytes(8))

    def env(self, nth, goes_on=False):
        """The environment of a run."""
        self.count_path.write_bytes(bytes(8))
        env = dict(harness.environment(), LD_PRELOAD=faults.tool("libnomem.so"),
                   NOMEM_AT=str(nth), NOMEM_COUNT=str(self.count_path))
        return dict(env, NOMEM_ON="1") if goes_on else env

    def count(self):
        """How many allocations there were, or were tried."""
        return struct.unpack("<Q", self.count_path.read_bytes())[0]


@pytest.fixture
def starved(tmp_path):
    """It counts in the test's folder."""
    return Starved(tmp_path)


def check_refusal(text):
    """The last line is one of ours, and says what is missing."""
    last = text.splitlines()[-1]
    assert re.fullmatch(r"safetensorsfs: .+ \((no-memory|io|mount)\)", last), text
    assert re.search(r"memory|prepare the session|mountinfo", last), text


@pytest.mark.parametrize("words, goes_on, least", [
    (["--check"], False, 50), (["--check"], True, 50), (["--cat", "a/bytes.bin"], False, 100),
    (["--sum=sha256"], False, 100), (["--sum"], True, 100), (["--info", "--json"], False, 100)])
def test_without_a_mount(source, starved, words, goes_on, least):
    """Each allocation fails once, or all from there: an error, or the whole output."""
    command = [faults.plain_driver(), words[0], source, *words[1:]]
    want = subprocess.run(command, capture_output=True, check=True).stdout
    refused, nth = 0, 0
    while True:
        nth += 1
        result = subprocess.run(command, capture_output=True, check=False, timeout=60,
                                env=starved.env(nth, goes_on))
        if result.returncode == 0:
            assert result.stdout == want, nth
        else:
            assert (result.returncode, want.startswith(result.stdout)) == (1, True), nth
            check_refusal(result.stderr.decode())
            refused += 1
        if starved.count() < nth:
            break
    assert refused > least


def test_extract(source, starved, tmp_path):
    """The same for files that are written: each is whole or not there, and the rest can follow."""
    def command(folder):
        return [faults.plain_driver(), "--extract", source, folder, "/", ".view/model"]

    subprocess.run(command(tmp_path / "whole"), check=True, capture_output=True)
    whole = set(compare.walk(tmp_path / "whole"))
    folder = tmp_path / "out"
    refused, nth = 0, 0
    while starved.count() >= nth:
        nth += 1
        result = subprocess.run(command(folder), capture_output=True, check=False, timeout=60,
                                env=starved.env(nth))
        assert result.returncode in (0, 1), (nth, result.stderr)
        if result.returncode == 1:
            check_refusal(result.stderr.decode())
            refused += 1
        there = set(compare.walk(folder)) if folder.exists() else set()
        assert there <= whole and (result.returncode or there == whole), nth
        extracting.check_same(tmp_path / "whole", folder, there)
        shutil.rmtree(folder, ignore_errors=True)
    assert refused > 100


def use(path):
    """Use a mount as far as it can be used; what fails must fail for want of memory."""
    for _ in range(2):
        try:
            os.listdir(path)
            with open(os.path.join(path, "a", "bytes.bin"), "rb") as file:
                assert len(file.read()) == SIZE
        except OSError as error:
            gone = error.errno == errno.ENOENT and not harness.mounts_at(path)
            assert gone or error.errno in (errno.ENOMEM, errno.ENOTCONN, errno.ECONNABORTED)


def try_mount(command, starved, nth, path):
    """Start, use and take down; whether it was ready, its exit status, and what it said."""
    with open(starved.log_path, "w+b") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env=starved.env(nth))
        harness.running[process.pid] = process
        try:
            ready = wait_until_ready(process, path, starved.log_path)
            harness.unmount(path, lazy=True)
            status = process.wait(PATIENCE)
        finally:
            process.kill()
            harness.running.pop(process.pid)
    text = starved.log_path.read_text()
    assert not harness.mounts_at(path), nth
    harness.check_words(text)
    return ready, status, text


def test_mount(source, starved, tmp_path, fuse):
    """The same for a mount: it is refused, or it serves from a whole sandbox, or its end is told
    and cleaned up."""
    path = str(tmp_path / "mnt")
    os.mkdir(path)
    command = [faults.plain_driver(), "-f", source, path, "-o", "sandbox=require"]
    refused, nth = 0, 0
    while starved.count() >= nth:
        nth += 1
        ready, status, text = try_mount(command, starved, nth, path)
        if ready:
            assert "by signal" not in text, (nth, text)
        elif not any(words in text for words in NOT_OURS):
            assert status == 1, (nth, status, text)
            check_refusal(text)
        refused += not ready
    assert refused > 100


def wait_until_ready(process, path, log):
    """Whether it came to a mount that answers."""
    def is_over():
        return process.poll() is not None or harness.answers(path) or \
            UNANSWERED in log.read_text()

    harness.wait_for("a mount or an end", is_over)
    if process.poll() is not None or not harness.answers(path):
        return False
    kept = {} if os.geteuid() == 0 else {"CapBnd": inside.status("/proc/self")["CapBnd"]}
    for worker in harness.children(process.pid):
        inside.check_given_up(worker, **kept)
    use(path)
    return True
