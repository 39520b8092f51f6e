# SPDX-License-Identifier: Apache-2.0
"""Run --extract, stop it half way, and compare what it left with what must be there."""
import os
import re
import signal
import stat
import subprocess
import time

import compare
import harness

PART = re.compile(r"\.%part\.[0-9a-f]{16}")
SUMMARY = re.compile(r"(?P<dir>.+): (?P<files>\d+) files? and (?P<links>\d+) links? written, "
                     r"(?P<size>[\d.]+ \w+) at [\d.]+ \w+/s; (?P<kept>\d+) kept"
                     r"(; (?P<failed>\d+) failed)?\n")


def command(source, folder, *words, options=()):
    """The words of an extraction; `words` are paths of the tree."""
    return [harness.find_driver(), "--extract", *map(str, options), "--", os.fspath(source),
            os.fspath(folder), *words]


def extract(source, folder, *words, options=(), status=0, **more):
    """Extract to the end. Returns the result, with the numbers of its summary as attributes."""
    result = harness.run(*command(source, folder, *words, options=options)[1:], **more)
    assert result.returncode == status, (result.returncode, result.stderr)
    match = SUMMARY.fullmatch(result.stdout)
    assert match or (status and not result.stdout), result.stdout
    if match:
        for name in ("files", "links", "kept", "failed"):
            setattr(result, name, int(match[name] or 0))
    if status == 0:
        assert "(" not in result.stderr, result.stderr  # no error has been told
    return result


def start(source, folder, *words, options=(), **more):
    """Start an extraction, and do not wait for it."""
    return subprocess.Popen(command(source, folder, *words, options=options),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, env=harness.environment(), **more)


def finish(process, seconds=120):
    """Wait for one that was started: (exit status, standard output, standard error)."""
    out, err = process.communicate(timeout=seconds)
    harness.check_words(out + err)
    return process.returncode, out, err


def parts(folder):
    """Paths of all files that are not complete, below a folder."""
    return [path for path in compare.walk(folder) if PART.fullmatch(os.path.basename(path))]


def stopped_in(process, folder, size=1):
    """Stop a process while it writes a file; returns the path of the part, or None.

    None: it has ended, or is between two files. The part has `size` bytes at least.
    """
    while process.poll() is None:
        for path in parts(folder) if os.path.isdir(folder) else ():
            path = os.path.join(folder, path)
            try:
                if os.stat(path).st_size < size:
                    continue
            except FileNotFoundError:
                continue
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if os.path.exists(path):
                return path
            process.send_signal(signal.SIGCONT)
        time.sleep(0.001)
    return None


def describe(root, path):
    """What a comparison of trees looks at: type, permissions, size, time, target."""
    info = os.lstat(os.path.join(root, path))
    if stat.S_ISLNK(info.st_mode):
        return "link", os.readlink(os.path.join(root, path))
    if stat.S_ISDIR(info.st_mode):
        return "folder", stat.S_IMODE(info.st_mode)
    return "file", stat.S_IMODE(info.st_mode), info.st_size, info.st_mtime_ns


def check_same(left, right, paths=None):
    """Two folders hold the same: names, types, permissions, sizes, times, links and bytes."""
    if paths is None:
        paths = sorted(compare.walk(left))
        assert sorted(compare.walk(right)) == paths
    for path in paths:
        assert describe(left, path) == describe(right, path), path
        if describe(left, path)[0] == "file":
            check_bytes(os.path.join(left, path), os.path.join(right, path))


def check_copy(shown, folder, paths=None):
    """A folder holds what a mount shows: all of it, or these paths and the folders to them."""
    if paths is None:
        paths = compare.walk(shown)
    assert sorted(compare.walk(folder)) == sorted(paths)
    for path in paths:
        kind, *about = describe(shown, path)
        copied, *about_copy = describe(folder, path)
        assert kind == copied, path
        if kind == "link":
            assert about == about_copy, path
            continue
        owner = 0o700 if kind == "folder" else 0o600
        assert about_copy[0] == about[0] | owner, path
        assert (os.lstat(os.path.join(folder, path)).st_mtime_ns
                == os.lstat(os.path.join(shown, path)).st_mtime_ns), path
        if kind == "file":
            check_bytes(os.path.join(shown, path), os.path.join(folder, path))


def check_bytes(left, right):
    """Two files hold the same bytes."""
    with open(left, "rb") as one, open(right, "rb") as two:
        while True:
            chunk = one.read(1 << 20)
            assert chunk == two.read(1 << 20), right
            if not chunk:
                return
