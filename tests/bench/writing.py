# SPDX-License-Identifier: Apache-2.0
"""Files that are made: --extract beside cp, and pytorch_model.bin and model.npz beside a copy."""
import os
import shutil
import subprocess
import sys

import make_model
from bench import peers, tools
from bench.measure import Table, run_rounds

# What people write in place of --extract: load each tensor, write it to a file.
LOOP = """
import os, sys
from safetensors import safe_open
source, folder = sys.argv[1:]
os.mkdir(folder)
with safe_open(source, framework="np") as file:
    for name in file.keys():
        file.get_tensor(name).tofile(os.path.join(folder, name + ".bin"))
"""


def remove(path):
    """A file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def contest(report, setup, title, base, amount, unit, ways):
    """Ways to write one path, each from nothing."""
    table = Table(title, unit, base)
    target = setup.work / "written"

    def way_of(name, way):
        def run(counts):
            os.sync()  # what the one before has left to be written
            took = tools.seconds(way, target)
            remove(target)
            if counts:
                table.add(name, amount / took if unit == "GB/s" else took)
        return run

    run_rounds(report, [way_of(*way) for way in ways.items()])
    report.finish(table)
    return table


def measure_extract(report, setup):
    """A few large tensors, and many small ones."""
    source, files = setup.work / "dense.safetensors", setup.work / "files"
    specs = [spec._replace(dtype="F16") for spec in make_model.dense(setup.size)]  # numpy has it
    make_model.write_file(source, specs, content=make_model.noise)
    program = str(setup.program)
    ways = {
        "cp of the model file": lambda target: tools.run("cp", source, target),
        "--extract": lambda target: tools.run(program, "--extract", source, target),
        "cp -r of the extracted files": lambda target: tools.run("cp", "-r", files, target),
        "--extract -o view=model": lambda target: tools.run(
            program, "--extract", "-o", "view=model", source, target),
    }
    if subprocess.run([sys.executable, "-c", "import safetensors, numpy"], check=False,
                      stderr=subprocess.DEVNULL).returncode == 0:
        ways["safetensors in a Python loop"] = lambda target: tools.run(
            sys.executable, "-c", LOOP, source, target)
    tools.run(program, "--extract", source, files)
    contest(report, setup, f"{len(specs)} tensors, {setup.size / 2**30:g} GiB, to the same disk, "
            "source hot", "cp of the model file", setup.size / 1e9, "GB/s", ways)
    remove(files)
    remove(source)
    count = 500 if setup.quick else 5000
    make_model.main(["many", str(source), "--count", str(count)])
    tools.run(program, "--extract", source, files)
    contest(report, setup, f"{count:,} tensors of 8 bytes", "cp -r of the extracted files", 0, "s",
            {"cp -r of the extracted files": ways["cp -r of the extracted files"],
             "--extract": ways["--extract"]})
    remove(files)
    remove(source)


def measure_made(report, setup):
    """The first full read, as cat reads, of files that are put together, and of copies."""
    source = setup.work / "made.safetensors"
    make_model.write_file(source, list(make_model.dense(setup.size)), content=make_model.noise)

    content = peers.Model(setup.work, source)
    for view, name in (("torch", "pytorch_model.bin"), ("npz", "model.npz")):
        mount = peers.Ours(setup.program, content, *setup.options, path=f".view/{view}/{name}")
        table = Table(f"{name} of a new mount, cat's 128 KiB reads, source hot", "GB/s",
                      "the model file")

        def way_of(name, path, table=table):
            def run(counts):
                setup.tools.read("read", path)
                took = setup.tools.read("read:131072", path)
                if counts:
                    table.add(name, os.path.getsize(path) / took)
            return run

        def ours(counts, mount=mount, table=table, name=name):
            setup.tools.read("read", source)
            with mount.mount() as mounted:
                for which in ("first", "again"):
                    took = setup.tools.read("read:131072", mounted.path)
                    if counts:
                        table.add(f"{name}, {which}", os.path.getsize(mounted.path) / took)

        copy = setup.work / "copy"
        with mount.mount() as mounted:
            shutil.copyfile(mounted.path, copy)
        run_rounds(report, [way_of("the model file", source), way_of(f"a copy of {name}", copy),
                            ours])
        report.finish(table)
        remove(copy)
    remove(source)
