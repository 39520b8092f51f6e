#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""load: a driver under mixed work for a while, and whether it is afterwards as it was before.

    tests/load.py [--minutes N] [--cycles N] [--readers N] [--listers N] [--prefix WORDS]

One mount is read in every way (tests/stress.py), mapped, listed in all views and cut into
slices; beside it the same model is checked, extracted and mounted again and again. Every byte
is compared. In between all work stops, and what the two processes hold is looked at: after
the first rounds, which fill caches, neither descriptors nor threads nor private memory may
grow. At the end no process and no mount may be left. Exits with 0 if so.

The driver is $SAFETENSORSFS, or what a usual build left. Needs Python's standard library.
"""
import argparse
import collections
import contextlib
import itertools
import mmap
import multiprocessing
import os
import random
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import harness
import make_model
import stress
from make_model import Spec
from stress import Wrong, expect

SIZES = [0, 1, 4095, 4096, 4097, 131072, (1 << 20) + 1, (5 << 20) + 3]
ROWS, COLUMNS = 400, 300
SPECS = [*(Spec(f"s.{size}", "U8", (size,)) for size in SIZES),
         *(Spec(f"layers.{n}.weight", "U8", (ROWS, COLUMNS)) for n in range(40))]
VIEWS = ("tensors", "npy", "f32", "flat", "safetensors", "model", "torch", "npz", "offload")
ROUNDS = 6  # looked at after each; the first two may grow
GROWTH = 2 << 20  # bytes of private memory between the second round and the last
SETTLE_SECONDS = 20


class Scene:
    """A model, and beside it a tree of what its mount must hold."""

    def __init__(self, folder, prefix):
        self.folder, self.prefix = Path(folder), prefix
        self.source, self.reference = self.folder / "m.safetensors", self.folder / "reference"
        make_model.write_file(self.source, SPECS, content=make_model.noise)
        for spec in SPECS:
            path = self.reference / (spec.name.replace(".", "/") + ".bin")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(make_model.noise(spec)))
        copy = self.reference / ".view" / "model" / "model.safetensors"
        copy.parent.mkdir(parents=True)
        copy.write_bytes(self.source.read_bytes())

    def mount(self, name, *options):
        """A mount of it that is not started yet."""
        if self.prefix:  # a program that watches may do what the sandbox forbids
            options = (*options, "sandbox=off")
        return harness.Mount(self.source, self.folder, *options, name=name, prefix=self.prefix)

    def run(self, *words):
        """Run the driver without a mount; returns what it printed."""
        result = subprocess.run([*self.prefix, harness.find_driver(), *map(str, words)],
                                capture_output=True, check=False, env=harness.environment())
        expect((result.returncode, result.stderr), (0, b""), words)
        return result.stdout


def compare_tree(folder, reference):
    """All tensors below a folder."""
    for name in stress.files_below(reference):
        if not name.startswith("."):
            expect((Path(folder) / name).read_bytes(), (Path(reference) / name).read_bytes(), name)


# ---- what is done: each with a number that makes it different, until a deadline ----

def read(scene, path, number, deadline):
    """One of those who read in every way."""
    names = stress.files_below(scene.reference)
    return sum(stress.work(path, scene.reference, names, number, deadline, False).values())


def hold_maps(scene, path, number, deadline):
    """Has several files mapped at once, and looks here and there."""
    rng, done = random.Random(number), 0
    names = [name for name in stress.files_below(scene.reference)
             if (scene.reference / name).stat().st_size]
    while time.monotonic() < deadline:
        with contextlib.ExitStack() as stack:
            held = []
            for name in rng.sample(names, 12):
                file = stack.enter_context(open(os.path.join(path, name), "rb"))
                held.append((stack.enter_context(
                    mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)),
                    (scene.reference / name).read_bytes(), name))
            for view, data, name in rng.choices(held, k=60):
                at = rng.randrange(len(data))
                expect(view[at:at + 3000], data[at:at + 3000], name, at)
                done += 1
    return done


def list_all(_scene, path, _number, deadline):
    """Walks every view and asks for all attributes; a view never changes."""
    seen, done = {}, 0
    for view in itertools.cycle(VIEWS):
        if time.monotonic() >= deadline:
            break
        found = []
        for where, _, names in os.walk(os.path.join(path, ".view", view)):
            found += [(where, name, os.lstat(os.path.join(where, name)).st_size)
                      for name in names]
        expect(sorted(found), seen.setdefault(view, sorted(found)), view)
        done += len(found)
    expect(all(seen.values()), True, "views that hold something")
    return done


def cut(scene, path, number, deadline):
    """Reads slices that nobody else does: of rows, of columns, of both."""
    rng, done = random.Random(number), 0
    while time.monotonic() < deadline:
        name = f"layers/{rng.randrange(40)}/weight"
        data = (scene.reference / (name + ".bin")).read_bytes()
        top, left = rng.randrange(ROWS), rng.randrange(COLUMNS)
        bottom, right = rng.randint(top + 1, ROWS), rng.randint(left + 1, COLUMNS)
        with open(os.path.join(path, f"{name}[{top}:{bottom},{left}:{right}].bin"), "rb") as file:
            got = file.read()
        expect(got, b"".join(data[row * COLUMNS + left:row * COLUMNS + right]
                             for row in range(top, bottom)), name, top, bottom, left, right)
        done += 1
    return done


def without_mount(scene, _path, number, deadline):
    """--check, --list, --cat and --extract, each compared."""
    done = 0
    while time.monotonic() < deadline:
        expect(b": ok, " in scene.run("--check", scene.source), True, "--check")
        expect(scene.run("--list", scene.source).count(b"\n") >= len(SPECS), True, "--list")
        expect(scene.run("--cat", scene.source, "s/4097.bin"),
               (scene.reference / "s" / "4097.bin").read_bytes(), "--cat")
        with tempfile.TemporaryDirectory(dir=scene.folder) as folder:
            scene.run("--extract", scene.source, os.path.join(folder, "to"))
            compare_tree(os.path.join(folder, "to"), scene.reference)
        done += 4
    return done


def cycle(scene, number):
    """Mounts it anew, reads a little, unmounts; nothing of it may be left."""
    mounted = scene.mount(f"cycle-{os.getpid()}", ("io=map", "io=pread")[number % 2])
    with mounted:
        name = f"layers/{number % 40}/weight.bin"
        expect(Path(mounted.at(name)).read_bytes(), (scene.reference / name).read_bytes(), name)
        os.listdir(mounted.at("s"))
    expect(mounted.output(), "", "what the driver said")
    expect(harness.processes(mounted.path), [], "processes left")


def remount(scene, _path, number, deadline):
    """Cycles until the deadline."""
    done = 0
    while time.monotonic() < deadline:
        cycle(scene, number + done)
        done += 1
    return done


# ---- what it holds ----

def held_by(pid):
    """Descriptors, threads and private bytes of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    words = dict(line.split(":\t", 1) for line in status.splitlines())
    return {"fds": len(os.listdir(f"/proc/{pid}/fd")), "threads": int(words["Threads"]),
            "private": int(words["RssAnon"].split()[0]) * 1024}


def grown(before, after, memory):
    """What a process holds now that it did not before; idle threads may come and go."""
    more = {key for key in ("fds",) if after[key] > before[key]}
    if memory and after["private"] > before["private"] + GROWTH:
        more.add("private")
    return sorted(more)


def look(pids, before, memory):
    """What each process holds once it is at rest: the kernel closes files a little later."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        now = {pid: held_by(pid) for pid in pids}
        if not before or not any(grown(before[pid], now[pid], memory) for pid in pids):
            return now, {}
        if time.monotonic() > deadline:
            return now, {pid: grown(before[pid], now[pid], memory) for pid in pids}
        time.sleep(0.1)


def one_round(pool, scene, path, options, number, seconds):
    """All kinds of work at once; returns how often each was done."""
    deadline = time.monotonic() + seconds
    kinds = [read] * options.readers + [list_all] * options.listers
    kinds += [hold_maps, cut, without_mount, remount]
    jobs = [(kind, pool.apply_async(kind, (scene, path, number * 1000 + index, deadline)))
            for index, kind in enumerate(kinds)]
    done = collections.Counter()
    for kind, job in jobs:
        done[kind.__name__] += job.get()
    return done


def soak(scene, options):
    """Rounds of work, and a look after each."""
    memory = not (options.prefix or harness.is_sanitized(harness.find_driver()))
    done, before = collections.Counter(), {}
    with scene.mount("mnt") as mounted, multiprocessing.get_context("fork").Pool(
            options.readers + options.listers + 4) as pool:
        supervisor = mounted.process.pid
        pids = [supervisor, *harness.children(supervisor)]
        for number in range(ROUNDS):
            done += one_round(pool, scene, mounted.path, options, number,
                              options.minutes * 60 / ROUNDS)
            now, more = look(pids, before, memory)
            print(f"round {number + 1}: " + "; ".join(
                f"{held['fds']} descriptors, {held['threads']} threads, "
                f"{held['private'] / 2**20:.1f} MiB" for held in now.values()), flush=True)
            expect(sorted(pids), sorted([supervisor, *harness.children(supervisor)]), "processes")
            expect({pid: what for pid, what in more.items() if what}, {}, "has grown")
            if number == 1:
                before = now
        said = mounted.output()
    expect(said, "", "what the driver said")
    return done


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--cycles", type=int, default=0, help="mounts one after the other, too")
    parser.add_argument("--readers", type=int, default=4)
    parser.add_argument("--listers", type=int, default=2)
    parser.add_argument("--prefix", type=shlex.split, default=[], help="run the driver by this")
    options = parser.parse_args()
    if harness.find_driver() is None or harness.why_no_fuse():
        parser.error(harness.why_no_fuse() or "no driver: build it, or name it in $SAFETENSORSFS")
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        scene = Scene(folder, options.prefix)
        try:
            done = soak(scene, options) if options.minutes > 0 else {}
            for number in range(options.cycles):
                cycle(scene, number)
            left = [entry["path"] for entry in harness.mount_table()
                    if entry["path"].startswith(folder)]
            expect(left, [], "mounts left")
        except (Wrong, AssertionError, OSError) as wrong:
            sys.exit(f"WRONG: {wrong!r}")
    print(", ".join(f"{count} {kind}" for kind, count in sorted(done.items())))
    print(f"{options.cycles} mounts one after the other" if options.cycles else "nothing grew")


if __name__ == "__main__":
    main()
