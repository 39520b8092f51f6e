# SPDX-License-Identifier: Apache-2.0
"""Start the driver, wait until its mount answers, and take it down again whatever happens.

Nothing here waits for a fixed time: a mount is ready when the kernel lists it and its root
answers, a daemon is gone when its process is. Every process that was started is known by its
id, so that a test that hangs can be freed by killing exactly those.
"""
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from functools import cached_property
from pathlib import Path

import safetensors_reader

PROGRAM = "safetensorsfs"
ROOT = Path(__file__).resolve().parent.parent
TYPE = "fuse." + PROGRAM
READY_SECONDS = 60
EXIT_SECONDS = 60
SUSPICIOUS = re.compile(r"Sanitizer|runtime error|assert|\bleak|Segmentation|stack smashing|"
                        r"core dumped|corrupted|double free", re.IGNORECASE)
ERROR_LINE = re.compile(rf"{PROGRAM}: .+ \(([a-z][a-z-]*)\)")

running = {}  # pid -> Popen, of every driver in the foreground that has not been waited for
touched = []  # Mounts alive or used since the last test began


def find_driver():
    """The driver's path: $SAFETENSORSFS, or the first that a usual build left; or None."""
    if os.environ.get("SAFETENSORSFS"):
        return os.path.abspath(os.environ["SAFETENSORSFS"])
    for folder in ("build-dev", "build"):
        path = ROOT / folder / "fs" / PROGRAM
        if path.exists():
            return str(path)
    return None


def find_plain_driver():
    """A driver without sanitizers: $SAFETENSORSFS_PLAIN, or the usual one if it is; or None."""
    path = os.environ.get("SAFETENSORSFS_PLAIN") or find_driver()
    if path is None or not os.access(path, os.X_OK) or is_sanitized(path):
        return None
    return os.path.abspath(path)


def is_sanitized(path):
    """Does this program watch itself? Then its sandbox is off unless it is asked for."""
    return re.search(rb"__[a-z]+san_", Path(path).read_bytes()) is not None


def why_no_fuse():
    """Why nothing can be mounted here, or None."""
    if shutil.which("fusermount3") is None:
        return "fusermount3 is not installed (package fuse3)"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened: {error.strerror}"
    return None


def environment(log=None):
    """The driver's environment: plain messages, and sanitizer reports that are not lost."""
    env = dict(os.environ, LC_ALL="C.UTF-8")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    if log:  # in the background standard error goes nowhere
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            env[name] = ":".join(filter(None, [env.get(name), f"log_path={log}"]))
    return env


def run(*arguments, timeout=120, driver=None, **options):
    """Run the driver to its end; its output is captured as text and must not be suspicious."""
    command = [driver or find_driver(), *map(os.fspath, arguments)]
    options.setdefault("env", environment())
    options.setdefault("stdin", subprocess.DEVNULL)
    result = subprocess.run(command, capture_output=True, timeout=timeout, check=False,
                            encoding="utf-8", errors="surrogateescape", **options)
    check_words(result.stdout + result.stderr)
    return result


def check_words(text):
    """Fail on what a sanitizer or a dying program would say."""
    found = SUSPICIOUS.search(text)
    assert not found, f"suspicious word {found.group()!r} in:\n{text}"


def error_word(result, status=1):
    """The word in parentheses that ends a failed run's last line, after checks of its form."""
    assert result.returncode == status, f"exit {result.returncode}: {result.stderr}"
    lines = result.stderr.splitlines()
    assert lines, "no message"
    match = ERROR_LINE.fullmatch(lines[-1])
    assert match, f"not an error line: {lines[-1]!r}"
    return match.group(1)


def mount_table():
    """The kernel's mounts: dicts of path, type, source, options and super_options."""
    table = []
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file.read().rstrip(b"\n").split(b"\n"):  # a path may hold a \r
            left, right = line.split(b" - ", 1)
            left, right = left.split(b" "), right.split(b" ")
            table.append({
                "id": int(left[0]), "device": left[2].decode(), "path": unescape(left[4]),
                "options": left[5].decode().split(","), "type": right[0].decode(),
                "source": unescape(right[1]), "super_options": right[2].decode().split(",")})
    return table


def unescape(field):
    """Undo the kernel's octal spelling of space, tab, newline, backslash and hash."""
    plain = re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), field)
    return os.fsdecode(plain)


def ids_are_unique():
    """Does the kernel tell a mount from a later one of the same id? Linux 6.8 and later do."""
    return tuple(map(int, re.findall(r"\d+", os.uname().release)[:2])) >= (6, 8)


def mounts_at(path):
    """What is mounted at a path, bottom first. Never looks at the path itself."""
    path = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return [entry for entry in mount_table() if entry["path"] == path]


def wait_for(what, condition, seconds=READY_SECONDS):
    """Poll until a condition holds and return its value; fail with `what` past the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.01)


def answers(path):
    """Does a mount of ours at this path answer?

    statvfs is the one question that always reaches the daemon: a root whose daemon is dead
    still answers stat, out of the kernel's cache.
    """
    if not any(entry["type"] == TYPE for entry in mounts_at(path)):
        return False
    try:
        os.statvfs(path)
        return os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
    except OSError:
        return False


def processes(argument):
    """The ids of the driver's processes that have `argument` on their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
            name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
        except OSError:
            continue
        if name == PROGRAM and os.fsencode(argument) in words:
            found.append(int(pid))
    return found


def children(pid):
    """The ids of a process's children."""
    found = []
    for other in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{other}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] != b"Z":
            found.append(int(other))
    return found


def unmount(path, lazy=False):
    """Ask fusermount3 to unmount; True if it did."""
    return subprocess.run(["fusermount3", "-uz" if lazy else "-u", path], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def kill_running():
    """Free a test that hangs: without its daemon every waiting system call ends."""
    for process in list(running.values()):
        process.kill()


class Mount:
    """One run of the driver in the foreground, and its mount."""

    def __init__(self, source, work, *options, name="mnt", words=(), env=None, driver=None,
                 prefix=()):
        self.source = os.fspath(source)
        self.work = Path(work)
        self.path = str(self.work / name)
        self.command = [*prefix, driver or find_driver(), "-f", *words, self.source, self.path]
        self.command += ["-o", ",".join(options)] if options else []
        self.log = self.work / f"{name}.err"
        self.env = env or environment()
        self.process = None
        self.closed = False
        self.expect_exit = 0  # None: any

    def start(self):
        """Start the driver and wait for its mount to answer."""
        if not mounts_at(self.path):  # a dead mount would answer with an error
            os.makedirs(self.path, exist_ok=True)
        touched.append(self)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=self.env, start_new_session=True)
        running[self.process.pid] = self.process
        wait_for(f"a mount at {self.path}", self.ready)
        return self

    def ready(self):
        """Does it answer? A daemon that has ended never will."""
        assert self.process.poll() is None, f"exit {self.process.returncode}: {self.output()}"
        return answers(self.path)

    def output(self):
        """What the driver has said so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @cached_property
    def model(self):
        """The oracle's view of the source."""
        return safetensors_reader.read_model(self.source)

    def at(self, *parts):
        """A path inside the mount."""
        return os.path.join(self.path, *parts)

    def signal(self, number=signal.SIGTERM):
        """Send a signal to the process that was started."""
        self.process.send_signal(number)

    def wait(self, seconds=EXIT_SECONDS):
        """Wait for the driver to end; returns its exit status."""
        status = self.process.wait(seconds)
        running.pop(self.process.pid, None)
        return status

    def close(self):
        """Unmount, wait for the end, and raise if anything about it was not clean."""
        if self.closed:
            return
        self.closed = True
        problems = self.take_down() if self.process else []
        if self.log.exists() and SUSPICIOUS.search(self.output()):
            problems.append("suspicious words in its output")
        if problems:
            raise AssertionError(f"{'; '.join(problems)}\n{self.output()}")

    def take_down(self):
        """End the mount and the daemon, by force if need be; returns what went wrong."""
        problems = []
        patience = EXIT_SECONDS
        deadline = time.monotonic() + 5  # a reader that was killed may still hold a file
        while mounts_at(self.path) and not unmount(self.path):
            if time.monotonic() > deadline:
                problems.append("busy at unmount")
                unmount(self.path, lazy=True)
                patience = 1  # it drains until the failed test's files are closed
                break
            time.sleep(0.02)
        try:
            status = self.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.wait()
            problems.append("did not end after the unmount")
        if self.expect_exit is not None and status != self.expect_exit:
            problems.append(f"exit status {status}")
        if mounts_at(self.path):
            problems.append("left its mount behind")
            unmount(self.path, lazy=True)
        return problems

    def write_repro(self):
        """Leave a script that repeats the mount command; returns its path."""
        script = self.work / "repro.sh"
        lines = ["#!/bin/sh -eux", f"mkdir -p {shlex.quote(self.path)}",
                 f"exec {shlex.join(self.command)}", ""]
        script.write_text("\n".join(lines), encoding="utf-8", errors="surrogateescape")
        script.chmod(0o755)
        return script

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.close()
