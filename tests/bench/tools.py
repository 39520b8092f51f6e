# SPDX-License-Identifier: Apache-2.0
"""What measurements need of the machine: programs, caches, memory and processor time."""
import os
import platform
import re
import shutil
import subprocess
import time
from pathlib import Path


class Tools:
    """The programs of tests/bench, built beside the driver."""

    def __init__(self, build):
        self.folder = Path(build) / "tests" / "bench"
        subprocess.run(["ninja", "-C", build, "bench-tools"], check=True,
                       stdout=subprocess.DEVNULL)

    def read(self, way, *files, prefix=(), folder=None):
        """Nanoseconds that reading takes one way: see reader.c. A file may end in :OFF:LEN."""
        return int(self.run("bench-reader", way, *files, prefix=prefix, folder=folder))

    def open(self, way, *sources):
        """Nanoseconds and bytes that opening models takes: see opener.c."""
        return tuple(map(int, self.run("bench-opener", way, *sources).split()))

    def cast(self, dtype, level, count):
        """Nanoseconds that converting takes: see caster.c; None where there is no such level."""
        said = self.run("bench-caster", dtype, level, count).strip()
        return None if said == "none" else int(said)

    def responder(self):
        """The path of the server that does nothing: see responder.c."""
        return self.folder / "bench-responder"

    def run(self, name, *words, prefix=(), folder=None):
        """What a program says."""
        command = [*prefix, Path(folder or self.folder) / name, *map(str, words)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def drop_caches():
    """Have the kernel forget what it read of files. Needs root."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3", encoding="ascii")


def can_drop_caches():
    """May we?"""
    return os.access("/proc/sys/vm/drop_caches", os.W_OK) and os.geteuid() == 0


def status(pid):
    """The sizes in /proc/PID/status, in bytes."""
    fields = {}
    for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if value.endswith(" kB"):
            fields[name] = int(value.split()[0]) * 1024
    return fields


def processor_seconds(pids):
    """What the threads of processes have used of the processor so far."""
    nanoseconds = 0
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            nanoseconds += int((thread / "schedstat").read_text(encoding="ascii").split()[0])
    return nanoseconds / 1e9


def processes(*words):
    """Ids of the processes that have each of some words on their command line."""
    found = []
    wanted = [os.fsencode(word) for word in words]
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            line = Path("/proc", entry, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if all(word in line for word in wanted) and int(entry) != os.getpid():
            found.append(int(entry))
    return sorted(found)


def seconds(work, *arguments):
    """How long a call takes."""
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def run(*command):
    """Run a program that has something to say, and do not listen."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def version(command, *words):
    """A program's name and what it says of its version; None: it is not there."""
    if shutil.which(command) is None:
        return None
    said = subprocess.run([command, *words], capture_output=True, text=True, check=False)
    found = re.search(rf"{command[:5]}\S* .*?(\d+\.\d+[\d.]*)", said.stdout + said.stderr)
    return f"{command} {found.group(1)}" if found else command


def machine():
    """Lines on what this runs on."""
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(("model name", "CPU part")):
            model = line.partition(":")[2].strip()
            break
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    yield f"{model}, {os.cpu_count()} processors, {pages * size / 2**30:.0f} GiB"
    yield f"Linux {platform.release()}, load {os.getloadavg()[0]:.1f}, {time.strftime('%F')}"
