# SPDX-License-Identifier: Apache-2.0
"""From the command to a mount that answers, and what reading headers takes."""
import itertools
import json
import os
import struct
import subprocess
import sys

import make_model
from bench import peers, tools
from bench.measure import SMALLER, Table, run_rounds

HEADER_LEN = 100_000_000  # the most that the format allows

# The reference reader in a process of its own: nanoseconds, and the memory that it took
# beyond what Python and the library have before.
REFERENCE = """
import sys, time, numpy
from safetensors import safe_open
def size(name):
    for line in open("/proc/self/status"):
        if line.startswith(name):
            return int(line.split()[1]) * 1024
open("/proc/self/clear_refs", "w").write("5")
before, begin, files = size("VmRSS"), time.perf_counter_ns(), []
for path in sys.argv[1:]:
    files.append(safe_open(path, framework="np"))
    len(files[-1].keys())
print(time.perf_counter_ns() - begin, size("VmHWM") - before)
"""


def has_reference():
    """Is the wheel here?"""
    return subprocess.run([sys.executable, "-c", "import safetensors, numpy"], check=False,
                          stderr=subprocess.DEVNULL).returncode == 0


def reference(paths):
    """Nanoseconds and bytes of safe_open() and keys() of files."""
    said = subprocess.run([sys.executable, "-c", REFERENCE, *map(str, paths)], check=True,
                          capture_output=True, text=True).stdout
    return tuple(map(int, said.split()))


def mounting(report, setup, name, source):
    """Time until a mount answers and memory of its worker; and the others' of the headers."""
    ready = Table(f"{name}: until it can be used", "s", "safe_open and keys()")
    memory = Table(f"{name}: memory", "MiB", "safe_open and keys()")
    files = sorted(source.glob("*.safetensors")) if source.is_dir() else [source]
    mount = peers.Ours(setup.program, peers.Model(setup.work, source), *setup.options)

    def ours(counts):
        with mount.mount() as mounted:
            private = tools.status(mounted.pids[-1])["RssAnon"]
        if counts:
            ready.add("safetensorsfs, mounted", mounted.took)
            memory.add("safetensorsfs, private memory of the worker", private / 2**20)

    def theirs(counts):
        took, peak = reference(files)
        if counts:
            ready.add("safe_open and keys()", took / 1e9)
            memory.add("safe_open and keys()", peak / 2**20)

    def cjson(counts):
        took, peak = setup.tools.open("cjson", *files)
        if counts:
            ready.add("cJSON_Parse of the headers", took / 1e9)
            memory.add("cJSON_Parse of the headers", peak / 2**20)

    run_rounds(report, [ours, cjson] + ([theirs] if has_reference() else []))
    report.finish(ready, memory)
    return ready, memory


def write_many(path, count):
    """A file of so many tensors; a million names have room in a header if they are short."""
    make_model.write_file(path, [make_model.Spec(
        f"layers.{number // 512}.experts.{number // 4 % 128}.{'abcd'[number % 4]}.weight",
        "F16", (4,)) for number in range(count)])


def models(setup):
    """A model of 8 billion parameters, DeepSeek-V3's shape, and a file of many tensors."""
    folder = setup.work / "8b"
    specs = [make_model.Spec(f"model.layers.{layer}.{part}.weight", "BF16", shape)
             for layer in range(32) for part, shape in (
                 ("self_attn.q_proj", (4096, 4096)), ("self_attn.k_proj", (1024, 4096)),
                 ("self_attn.v_proj", (1024, 4096)), ("self_attn.o_proj", (4096, 4096)),
                 ("mlp.gate_proj", (14336, 4096)), ("mlp.up_proj", (14336, 4096)),
                 ("mlp.down_proj", (4096, 14336)), ("input_layernorm", (4096,)),
                 ("post_attention_layernorm", (4096,)))]
    specs += [make_model.Spec("model.embed_tokens.weight", "BF16", (128256, 4096)),
              make_model.Spec("lm_head.weight", "BF16", (128256, 4096))]
    make_model.write_sharded(folder, specs, 4)
    yield "8B parameters, 4 shards, 290 tensors", folder, None
    if not setup.quick:
        deepseek = setup.work / "deepseek-v3"
        if not deepseek.exists():
            make_model.main(["deepseek-v3", str(deepseek)])
        yield "DeepSeek-V3's shape, 163 shards, 91,985 tensors", deepseek, (5, 40)
    count = 10_000 if setup.quick else 1_000_000
    many = setup.work / "many.safetensors"
    write_many(many, count)
    yield f"one file of {count:,} tensors", many, None


def measure_mounts(report, setup):
    """Each of them, and whether it is as quick as it should be."""
    for name, source, goals in models(setup):
        ready, memory = mounting(report, setup, name, source)
        if goals and ready.ratio("safetensorsfs, mounted"):
            times, most = goals
            report.goal(f"{name}: times faster than safe_open",
                        1 / ready.ratio("safetensorsfs, mounted"), times)
            report.goal(f"{name}: MiB of private memory",
                        memory.median("safetensorsfs, private memory of the worker"), most,
                        SMALLER)


# ---- headers as long as they can be ----

def entries_realistic():
    """Names, shapes and offsets as in a model with experts."""
    size = 64 * 64 * 2
    for number in itertools.count():
        layer, expert = divmod(number, 3 * 256)
        expert, part = divmod(expert, 3)
        name = f"model.layers.{layer}.mlp.experts.{expert}.{('up', 'gate', 'down')[part]}_proj.weight"
        yield (f'"{name}":{{"dtype":"BF16","shape":[64,64],'
               f'"data_offsets":[{number * size},{(number + 1) * size}]}}')


def entries_short():
    """As many tensors as a header can hold, as objects."""
    for number in itertools.count():
        yield f'"{number:x}":{{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'


def entries_arrays():
    """The same as arrays, which serde reads as well."""
    for number in itertools.count():
        yield f'"{number:x}":["U8",[0],[0,0]]'


def entries_duplicate():
    """One name again and again: the last counts."""
    return itertools.repeat('"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}')


def entries_unknown(length):
    """One tensor with a field that nobody knows, and that fills the header."""
    field = "x" * (length - 100)
    yield f'"a":{{"dtype":"U8","shape":[0],"data_offsets":[0,0],"unknown":"{field}"}}'


def write_header(path, entries, length):
    """A file whose header has just this length: entries as long as there is room, and spaces."""
    parts, used = [], 1
    for entry in entries:
        if used + len(entry) + 1 > length:
            break
        parts.append(entry)
        used += len(entry) + 1
    text = ("{" + ",".join(parts) + "}").ljust(length).encode()
    last = json.loads("{" + parts[-1] + "}").popitem()[1]
    end = last[2][1] if isinstance(last, list) else last["data_offsets"][1]
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", length) + text)
        file.truncate(8 + length + end)
    return len(parts)


def measure_headers(report, setup):
    """The longest headers of five kinds: our reader, the reference, and cJSON."""
    length = 1_000_000 if setup.quick else HEADER_LEN
    kinds = {"realistic": entries_realistic(), "shortest objects": entries_short(),
             "array form": entries_arrays(), "duplicates": entries_duplicate(),
             "one unknown field": entries_unknown(length)}
    path = setup.work / "header.safetensors"
    for kind, entries in kinds.items():
        count = write_header(path, entries, length)
        took = Table(f"header of {length:,} bytes, {kind}, {count:,} entries", "s", "safe_open")
        memory = Table(f"memory for it, {kind}", "MiB", "safe_open")
        readers = {"safetensorsfs": lambda: setup.tools.open("names", path),
                   "safetensorsfs, with the tree": lambda: setup.tools.open("sft", path),
                   "cJSON_Parse": lambda: setup.tools.open("cjson", path)}
        if has_reference():
            readers["safe_open"] = lambda: reference([path])

        def way_of(name, reader, took=took, memory=memory):
            def way(counts):
                nanoseconds, peak = reader()
                if counts:
                    took.add(name, nanoseconds / 1e9)
                    memory.add(name, peak / 2**20)
            return way

        run_rounds(report, [way_of(*reader) for reader in readers.items()])
        report.finish(took, memory)
        ratio = took.ratio("safetensorsfs")
        report.goal(f"header, {kind}: times faster than safe_open", ratio and 1 / ratio, 8)
        report.goal(f"header, {kind}: memory, of safe_open's", memory.ratio("safetensorsfs"), 0.2,
                    SMALLER)
        os.unlink(path)


# ---- how it grows ----

def growth(report, setup):
    """Time and memory from a thousand tensors to a million, for the plot."""
    counts = [1000, 3000] if setup.quick else [1000, 10_000, 100_000, 1_000_000]
    result = []
    for count in counts:
        path = setup.work / "growing.safetensors"
        write_many(path, count)
        ready, memory = mounting(report, setup, f"growth: {count:,} tensors", path)
        result.append((count, ready, memory))
        path.unlink()
    return result
