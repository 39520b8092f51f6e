# SPDX-License-Identifier: Apache-2.0
"""What loaders take with a mounted file, beside the same call on a real file."""
import subprocess
import sys

import make_model
from bench import peers, tools
from bench.measure import Table, run_rounds

# Run in a process of its own, so that nothing is warm but the page cache, and memory: see
# reader.c. It prints nanoseconds of the call and of using a byte of each page it gave, not
# of the imports.
PROGRAM = """
import mmap, os, sys, time
way, path = sys.argv[1:]
memory = mmap.mmap(-1, 2 * os.path.getsize(path))
for at in range(0, len(memory), mmap.PAGESIZE):
    memory[at] = 1
memory.close()
if way == "np.load":
    import numpy
    call = lambda: int(numpy.load(path, mmap_mode="r").view("u1").reshape(-1)[::4096].sum())
elif way == "load_file":
    import safetensors.numpy
    call = lambda: sum(int(a.reshape(-1).view("u1")[::4096].sum())
                       for a in safetensors.numpy.load_file(path).values())
else:
    import torch
    call = lambda: sum(int(t.reshape(-1).view(torch.uint8)[::4096].sum())
                       for t in torch.load(path, mmap=True, weights_only=True).values())
begin = time.perf_counter_ns()
call()
print(time.perf_counter_ns() - begin)
"""
LOADERS = {"np.load": ("numpy", "np.load(mmap_mode='r')"),
           "load_file": ("safetensors", "safetensors.load_file of the merged file"),
           "torch.load": ("torch", "torch.load(mmap=True)")}


def has(module):
    """Can it be imported here?"""
    return subprocess.run([sys.executable, "-c", f"import {module}"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def load(way, path):
    """Nanoseconds."""
    said = subprocess.run([sys.executable, "-c", PROGRAM, way, path], check=True,
                          capture_output=True, text=True).stdout
    return int(said)


def measure(report, setup):
    """Each loader with the file of a mount, new and known, and with the same file on disk."""
    folder = setup.work / "loaded"
    specs = [make_model.Spec(f"layer.{number}.weight", "F16", (setup.size // 8 // 2048, 1024))
             for number in range(8)]
    make_model.write_sharded(folder, specs, 4)
    size = sum(spec.size for spec in specs)
    mount = peers.Ours(setup.program, peers.Model(setup.work, folder), *setup.options)
    paths = {"np.load": ".view/npy/layer/0/weight.npy",
             "load_file": ".view/model/model.safetensors",
             "torch.load": ".view/torch/pytorch_model.bin"}
    for way, (module, name) in LOADERS.items():
        if not has(module):
            report.say(f"not measured: {name}, for {module} is not installed")
            continue
        copy = setup.work / f"copy.{way}"
        with mount.mount() as mounted:
            root = mounted.path.removesuffix("/weight.bin")
            tools.run("cp", f"{root}/{paths[way]}", copy)
        table = Table(f"{name}, a byte of each page used, source hot", "GB/s", "the same on disk")
        run_rounds(report, [way_of(table, mount, way, paths[way], copy,
                                   specs[0].size if way == "np.load" else size)])
        report.finish(table)
        copy.unlink()


def way_of(table, mount, way, path, copy, size):
    """One round of a loader."""
    def run(counts):
        values = {"the same on disk": load(way, copy)}
        with mount.mount() as mounted:
            inside = mounted.path.removesuffix("weight.bin") + path
            values["mounted, first"] = load(way, inside)
            values["mounted, again"] = load(way, inside)
        for name, took in values.items():
            if counts:
                table.add(name, size / took)
    return run
