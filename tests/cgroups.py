# SPDX-License-Identifier: Apache-2.0
"""Control groups of the test's own, of either version: limit memory, and freeze."""
import os
import uuid

import pytest

import harness

ROOT = "/sys/fs/cgroup"


class Group:
    """A new group with a controller, `memory` or `freezer`; remove() it in the end."""

    def __init__(self, controller):
        parent = os.path.join(ROOT, controller)
        self.is_unified = not os.path.isdir(parent)
        self.path = os.path.join(ROOT if self.is_unified else parent,
                                 f"safetensorsfs-test-{uuid.uuid4().hex[:8]}")
        try:
            os.mkdir(self.path)
        except OSError as error:
            pytest.skip(f"no control groups of our own: {error}")
        if self.is_unified and controller == "memory" and \
                not os.path.exists(os.path.join(self.path, "memory.max")):
            os.rmdir(self.path)
            pytest.skip("the memory controller is not enabled")

    def write(self, name, value):
        """Set a file of the group."""
        with open(os.path.join(self.path, name), "w", encoding="ascii") as file:
            file.write(str(value))

    def read(self, name):
        """A file of the group."""
        with open(os.path.join(self.path, name), encoding="ascii") as file:
            return file.read()

    def add(self, pid):
        """Move a process; those that it forks later begin here."""
        self.write("cgroup.procs", pid)

    def limit_memory(self, limit):
        """Set the most bytes that all processes may use, page cache included."""
        self.write("memory.max" if self.is_unified else "memory.limit_in_bytes", limit)

    def freeze(self):
        """Stop all processes, as a suspend does, and wait until they have stopped."""
        if self.is_unified:
            self.write("cgroup.freeze", 1)
            harness.wait_for("frozen processes", lambda: "frozen 1" in self.read("cgroup.events"))
        else:
            self.write("freezer.state", "FROZEN")
            harness.wait_for("frozen processes", lambda: "FROZEN" in self.read("freezer.state"))

    def thaw(self):
        """Let them go on."""
        if self.is_unified:
            self.write("cgroup.freeze", 0)
        else:
            self.write("freezer.state", "THAWED")

    def remove(self):
        """Remove it, once its processes have ended or been moved elsewhere."""
        parent = os.path.join(os.path.dirname(self.path), "cgroup.procs")
        for pid in self.read("cgroup.procs").split():
            with open(parent, "w", encoding="ascii") as file:
                file.write(pid)
        os.rmdir(self.path)
