# SPDX-License-Identifier: Apache-2.0
"""What a process gave up, by the kernel's own account of it in /proc."""
import os

import harness

GIVEN_UP = {"CapInh": 0, "CapPrm": 0, "CapEff": 0, "CapBnd": 0, "CapAmb": 0, "NoNewPrivs": 1,
            "Seccomp": 2}


def status(folder):
    """What the kernel says of a process or thread, as numbers where it means one."""
    found = {}
    with open(f"{folder}/status", encoding="utf-8") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name in GIVEN_UP:
                found[name] = int(value, 16)
    return found


def worker_of(supervisor):
    """The process that serves."""
    (worker,) = harness.children(supervisor)
    return worker


def threads(pid):
    """The folders of a process's threads."""
    return [f"/proc/{pid}/task/{thread}" for thread in os.listdir(f"/proc/{pid}/task")]


def check_given_up(pid, **but):
    """Each thread of a worker has nothing left."""
    for folder in threads(pid):
        assert status(folder) == {**GIVEN_UP, **but}, folder
