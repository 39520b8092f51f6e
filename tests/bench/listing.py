# SPDX-License-Identifier: Apache-2.0
"""Going through a tree of 91,985 tensors with the usual tools, beside the same tree on disk."""
import os
import shutil
from pathlib import Path

import make_model
from bench import peers, tools
from bench.measure import SMALLER, Table, run_rounds

WORK = {
    "ls -lR": ("ls", "-lR"),
    "find -size +1k": ("find", ".", "-size", "+1k"),
    "du -s": ("du", "-s", "--apparent-size"),
    "grep -r BF16 --include=*.json": ("grep", "-r", "BF16", "--include=*.json", "."),
}
DISK = "the same tree on disk"


def copy_tree(root, target):
    """The tree with sparse files: as many names, sizes and descriptions, and no data."""
    for base, folders, files in os.walk(root):
        inside = target / os.path.relpath(base, root)
        for name in folders:
            (inside / name).mkdir()
        for name in files:
            source = os.path.join(base, name)
            if name.endswith(".json"):
                shutil.copyfile(source, inside / name)
            else:
                with open(inside / name, "wb") as file:
                    file.truncate(os.path.getsize(source))


def measure(report, setup):
    """Each tool: first and second pass over a new mount, and over the disk's own."""
    source, target = setup.work / "deepseek-v3", setup.work / "tree"
    if setup.quick:
        source = setup.work / "small"
        make_model.main(["sharded", str(source)])
    elif not source.exists():
        make_model.main(["deepseek-v3", str(source)])

    mount = peers.Ours(setup.program, peers.Model(setup.work, source), *setup.options,
                       path="")
    target.mkdir()
    with mount.mount() as mounted:
        copy_tree(Path(mounted.path), target)
    for name, command in WORK.items():
        table = Table(name, "s", f"{DISK}, hot")

        def disk(counts, table=table, command=command):
            tools.run("env", "-C", target, *command)
            took = tools.seconds(tools.run, "env", "-C", target, *command)
            if counts:
                table.add(f"{DISK}, hot", took)

        def ours(counts, table=table, command=command):
            with mount.mount() as mounted:
                for which in ("first", "again"):
                    took = tools.seconds(tools.run, "env", "-C", mounted.path, *command)
                    if counts:
                        table.add(f"mounted, {which}", took)

        run_rounds(report, [disk, ours])
        report.finish(table)
        report.goal(f"{name}, again, of the disk's", table.ratio("mounted, again"), 1, SMALLER)
        report.goal(f"{name}, first, of the disk's", table.ratio("mounted, first"), 3, SMALLER)
    shutil.rmtree(target)
