# SPDX-License-Identifier: Apache-2.0
"""Faults that a test makes: a switch, what obeys it, and what is preloaded into the driver.

The programs are in tests/faults; a build with tests leaves them beside the unit tests.
"""
import mmap
import os
import subprocess
from pathlib import Path

import pytest

import harness

SWITCH_LEN = 4096
NAME_AT = 4


def tool(name):
    """A program or library of tests/faults, from the build of the driver under test."""
    path = Path(harness.find_driver()).parent.parent / "tests" / name
    if not path.exists():
        pytest.skip(f"{path} is not built (meson configure -Dtests=true)")
    return str(path)


def plain_driver():
    """A driver that the shims can be preloaded into: one without sanitizers."""
    path = harness.find_plain_driver()
    if path is None:
        pytest.skip("no driver without sanitizers; name one in $SAFETENSORSFS_PLAIN")
    return path


class Switch:
    """The file that turns faults on and off, as tests/faults/switch.h has it."""

    def __init__(self, path):
        self.path = os.fspath(path)
        with open(path, "wb+") as file:
            file.truncate(SWITCH_LEN)
            self.map = mmap.mmap(file.fileno(), SWITCH_LEN)

    def set(self, read="\0", ask="\0", every=1, delay=0, name=""):
        """Have reads and questions fail from now on, in the file of a name or in all."""
        self.map[NAME_AT:NAME_AT + len(name) + 1] = os.fsencode(name) + b"\0"
        self.map[2:NAME_AT] = bytes([every, delay])
        self.map[0:2] = (read + ask).encode()

    def clear(self):
        """No faults any more; what hung goes on."""
        self.map[0:NAME_AT] = bytes(NAME_AT)

    def preload(self, source):
        """The environment of a plain driver whose reads of `source` meet these faults."""
        return dict(harness.environment(), LD_PRELOAD=tool("libfaulty.so"),
                    FAULTY_SWITCH=self.path, FAULTY_SOURCE=os.fspath(source))


class FaultFS:
    """A mount of a folder whose server fails when the switch says so."""

    def __init__(self, folder, path, switch):
        self.path = os.fspath(path)
        self.switch = switch
        os.makedirs(path, exist_ok=True)
        self.process = subprocess.Popen(
            [tool("faultfs"), "-f", "-o", "max_threads=200,auto_unmount,allow_other",
             os.fspath(folder), switch.path, self.path], start_new_session=True,
            stderr=subprocess.DEVNULL)  # libfuse 3.14 has something to say
        harness.wait_for("faultfs", self.is_ready)

    def is_ready(self):
        """Is it mounted?"""
        assert self.process.poll() is None, "faultfs did not start"
        return any(entry["type"].endswith("faultfs") for entry in harness.mounts_at(self.path))

    def kill(self):
        """Have the server die: who waits for it gets an error, as does who asks later."""
        self.process.kill()
        self.process.wait()

    def close(self):
        """Let go whoever hangs, and take it away."""
        self.switch.clear()
        if self.process.poll() is None:
            self.kill()
        for _ in harness.mounts_at(self.path):
            harness.unmount(self.path, lazy=True)
