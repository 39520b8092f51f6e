# SPDX-License-Identifier: Apache-2.0
"""--info: a screen about a model, or about what models differ in; and --json.

What a person sees is tried on pseudo-terminals of several sizes, what a program reads is
held against an independent count.
"""
import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import shutil
import struct
import subprocess
import sys
import termios
import time
import unicodedata
from pathlib import Path

import pytest

import expected
import harness
import make_model
from make_model import Spec
from safetensors_reader import DTYPE_BITS, read_model

pytestmark = pytest.mark.usefixtures("driver")

COLOUR = re.compile(r"\x1b\[\d+m")
REAL = sorted(Path(os.environ["MODELS"]).glob("**/*.safetensors")) if "MODELS" in os.environ \
    else []
WIDE = [*(f"模型.層.{i}.權重" for i in range(4)), "e\u0301" * 60 + ".w", "\U0001f600" * 40 + ".x"]


@pytest.fixture(scope="module")
def sources(tmp_path_factory, edge_file, sharded_folder):
    """Models to look at, by name; the large ones are sparse, and deleted after the tests."""
    folder = tmp_path_factory.mktemp("info")
    made = {"edge": edge_file, "sharded": sharded_folder,
            **{path.stem: path for path in REAL}}
    for name, kind in (("DeepSeek-V3", "deepseek-v3"), ("base", "mixtral-8x22b")):
        made[name] = folder / name
        make_model.main([kind, str(made[name]), "--fill", "0"])
    made["sample"] = folder / "sample.safetensors"
    subprocess.run([sys.executable, harness.ROOT / "scripts" / "sample-model", made["sample"]],
                   check=True)
    for name, specs, metadata in (
            ("wide", [Spec(name, "F16", (3,)) for name in WIDE], {"名前": "値" * 99}),
            ("unrelated", unrelated(20000), None),
            ("lora", lora(), {f"ss_key_{i}": "v" * i for i in range(60)}),
            ("empty", [], None)):
        made[name] = folder / f"{name}.safetensors"
        make_model.write_file(made[name], list(specs), metadata, fill=0)
    yield made
    shutil.rmtree(folder)


def unrelated(count):
    """Names that have nothing in common."""
    for number in range(count):
        yield Spec("%x" % (number * 0x9e3779b97f4a7c15 % 2**64), "F16", (number % 7,))


def lora():
    """An adapter in a flat spelling, where numbers are within the names."""
    for layer in range(12):
        for part in ("q_proj", "k_proj"):
            name = f"lora_te_text_model_encoder_layers_{layer}_self_attn_{part}"
            yield Spec(f"{name}.alpha", "F16", ())
            yield Spec(f"{name}.lora_down.weight", "F16", (8, 768))
            yield Spec(f"{name}.lora_up.weight", "F16", (768, 8))


KINDS = ["edge", "sharded", "DeepSeek-V3", "base", "sample", "wide", "unrelated", "lora",
         "empty", *(path.stem for path in REAL)]


def environment(**more):
    """No size and no wish but what is asked for here; None takes a variable away."""
    env = harness.environment()
    for name in ("COLUMNS", "LINES", "NO_COLOR"):
        env.pop(name, None)
    env.update(TERM="xterm-256color")
    env.update(more)
    return {name: value for name, value in env.items() if value is not None}


def piped(*words, status=0, cwd=None, **more):
    """What --info prints into a pipe."""
    result = harness.run("--info", *words, env=environment(**more), cwd=cwd)
    assert (result.returncode, result.stderr) == (status, "")
    return result.stdout


def on_terminal(columns, lines, *words, status=0, **more):
    """What --info prints on a pseudo-terminal of this size."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    command = [harness.find_driver(), "--info", *map(os.fspath, words)]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=subprocess.PIPE,
                               env=environment(**more))
    os.close(slave)
    out = b""
    with contextlib.suppress(OSError):  # EIO: the other end is closed
        while chunk := os.read(master, 65536):
            out += chunk
    os.close(master)
    errors = process.communicate(timeout=60)[1]
    assert (process.returncode, errors) == (status, b"")
    text = out.decode()
    harness.check_words(text)
    return text.replace("\r\n", "\n")


def width(text):
    """Cells that text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1
               for character in text if not unicodedata.combining(character))


def check_screen(text, columns, lines):
    """Safe to print, no wider and no higher than this, and no space at the end of a line."""
    assert not {c for c in text if expected.is_unsafe(c) and c != "\n"}
    rows = text.splitlines()
    assert max(map(width, rows)) <= columns, max(rows, key=width)
    assert len(rows) <= lines, text
    assert not [row for row in rows if row != row.rstrip()]


# ---- what a person sees ----


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("kind", KINDS)
def test_terminal(sources, kind, columns):
    """It fits the terminal; without its colours it is what a pipe of that size gets."""
    shown = on_terminal(columns, 40, sources[kind])
    assert COLOUR.search(shown)
    plain = COLOUR.sub("", shown)
    check_screen(plain, columns, 39)  # the prompt needs a line as well
    assert plain == piped(sources[kind], COLUMNS=str(columns), LINES="39")


@pytest.mark.parametrize("lines", [24, 60])
def test_height(sources, lines):
    """A low terminal is not scrolled, a high one is used."""
    rows = on_terminal(80, lines, sources["DeepSeek-V3"]).splitlines()
    assert lines - 6 < len(rows) < lines


@pytest.mark.parametrize("kind", KINDS)
def test_low_terminal(sources, kind):
    """All of it is on the terminal that most people have."""
    check_screen(COLOUR.sub("", on_terminal(80, 24, sources[kind])), 80, 23)


def test_low_terminal_of_everything(tmp_path):
    """Many types, aliases and metadata leave the tree some lines, and one another."""
    specs = [Spec(f"{dtype}.{part}", dtype, (8, 8)) for dtype in DTYPE_BITS for part in "ab"]
    make_model.write_file(tmp_path / "m", specs, {f"k{i}": "v" for i in range(9)} | {
        f"tied.{i}": specs[i].name for i in range(9)})
    text = COLOUR.sub("", on_terminal(80, 24, tmp_path / "m"))
    check_screen(text, 80, 23)
    for title in ("metadata", "aliases"):
        assert re.search(rf"\n{title}\n  \S.*\n(  \S.*\n)*  … \d+ more\n", text), text


def test_empty(tmp_path):
    """Of a model without tensors there is nothing to count, and so no table."""
    make_model.write_file(tmp_path / "m", [], {"format": "pt"})
    assert piped("m", cwd=tmp_path) == (
        "m\n1 file · 40 B · 0 tensors · 0 parameters\n\nmetadata\n  format  pt\n")
    make_model.write_file(tmp_path / "m", [])
    assert piped("m", cwd=tmp_path) == "m\n1 file · 16 B · 0 tensors · 0 parameters\n"
    make_model.write_file(tmp_path / "m", [Spec("a", "F32", (0,))])
    assert "\na " in piped("m", cwd=tmp_path)


@pytest.mark.parametrize("more", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}])
def test_no_colour(sources, more):
    """Whoever wants no colours gets none."""
    shown = on_terminal(80, 30, sources["sample"], **more)
    assert "\x1b" not in shown
    assert shown == piped(sources["sample"], COLUMNS="80", LINES="29")
    assert "\x1b" in on_terminal(80, 30, sources["sample"], NO_COLOR="")


@pytest.mark.parametrize("kind", KINDS)
def test_pipe(sources, kind):
    """Plain text of 80 columns, and of 50 lines at most."""
    check_screen(piped(sources[kind]), 80, 50)


@pytest.mark.parametrize("kind", KINDS)
def test_ascii(sources, kind):
    """Where the locale has only ASCII, nothing else is printed; bars and trees remain."""
    text = piped(sources[kind], LC_ALL="C")
    check_screen(text, 80, 50)
    assert text.isascii()
    if kind == "sample":
        assert "####" in text and "|-" in text and "`-" in text


SAMPLE = """\
sample.safetensors
1 file · 266.2 kB · 22 tensors · 164,164 parameters

                                             params     bytes  share
BF16        ██████████████████████▍          98,304  196.6 kB   74 %
F8_E4M3     ███████▌                         65,536   65.5 kB   25 %
I64         ▏                                   128    1.0 kB   <1 %
F32         ▏                                   196     784 B   <1 %

lm_head.weight              BF16 [512, 64]   32,768   65.5 kB   25 %
model                                       131,396  198.4 kB   75 %
├─embed_tokens.weight       BF16 [512, 64]   32,768   65.5 kB   25 %
├─layers.0-1 ×2             each 65.8 kB     98,436  131.6 kB   50 %
│ ├─input_layernorm.weight  F32  [64]           128     512 B   <1 %
│ ├─mlp                                      65,540   65.6 kB   25 %
│ │ ├─down_proj             4 tensors        32,770   32.8 kB   12 %
│ │ └─up_proj               4 tensors        32,770   32.8 kB   12 %
│ └─self_attn               8 tensors        32,768   65.5 kB   25 %
├─norm.weight               F32  [64]            64     256 B   <1 %
└─position_ids              I64  [1, 128]       128    1.0 kB   <1 %

metadata
  format  pt
  title   a sample
"""


def test_sample(sources):
    """All of a screen, as it has to be."""
    source = sources["sample"]
    assert piped(source.name, cwd=source.parent, LINES="24") == SAMPLE


def pictures():
    """The sessions in the README that show --info, as (words, output)."""
    readme = (harness.ROOT / "README.md").read_text(encoding="utf-8")
    found = re.findall(r"```console\n\$ safetensorsfs --info (.+)\n((?:.*\n)+?)```", readme)
    return [(words.split(), text) for words, text in found]


def test_readme(sources):
    """The README shows what is printed."""
    folder = sources["DeepSeek-V3"].parent
    base = list(make_model.mixtral_8x22b())
    tuned = [Spec("lm_head.bias", "BF16", (32001,))]
    for spec in base:
        if spec.shape[0] == 32000:
            spec = spec._replace(shape=(32001, *spec.shape[1:]))
        if spec.name.endswith(".gate.weight"):
            spec = spec._replace(dtype="F32")
        tuned.append(spec)
    make_model.write_sharded(folder / "tuned", tuned, 59, 0)
    (one, picture), (two, comparison) = pictures()
    assert piped(*one, cwd=folder, COLUMNS="84", LINES="24") == picture
    assert piped(*two, cwd=folder, status=1) == comparison


def test_deepseek(sources):
    """Layers and experts that are alike are a line each; what has its own shape is apart."""
    begin = time.monotonic()
    text = piped(sources["DeepSeek-V3"])
    print(f"DeepSeek-V3: {time.monotonic() - begin:.2f} s, "
          f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10} MiB")
    model = read_model(sources["DeepSeek-V3"])
    assert f"163 files · 684.7 GB (637.7 GiB) · {len(model.tensors):,} tensors" in text
    for line in ("├─0-2 ×3 ", "└─3-61 ×59 ", "├─experts.0-255 ×256 "):
        assert line in text, line
    expert = re.search(r"─down_proj  .* (\S+ B)  +(\S+ GB)  +32 %", text)
    size = 59 * 256 * (2048 * 7168 + 16 * 56 * 4)
    assert expert[2] == f"{size / 1e9:.1f} GB"


def tree_of(text):
    """The lines of the tree: behind the totals and the dtypes."""
    return text.split("\n\n")[2].splitlines()


@pytest.mark.parametrize("kind", ["edge", "sample", "sharded", "unrelated", "wide", "lora"])
def test_sums(sources, kind):
    """The first level adds up to the whole, with what is left out."""
    text = piped(sources[kind], LINES="30", COLUMNS="200")
    tops = [line for line in tree_of(text) if not re.match(r"[│ ]*[├└]─", line)]
    numbers = [re.search(r"([\d,]+) +[\d.]+ k?B +\S+ %$", line)[1] for line in tops]
    total = sum(tensor.elements for tensor in read_model(sources[kind]).tensors.values())
    assert sum(int(number.replace(",", "")) for number in numbers) == total


def test_unrelated_names(sources):
    """What does not fit is counted."""
    text = piped(sources["unrelated"], LINES="24")
    *shown, last = tree_of(text)
    more, tensors = re.search(r"^… ([\d,]+) more +([\d,]+) tensors ", last).groups()
    counts = [re.search(r"(?: ×(\d+))?  +F16 \[", line)[1] for line in shown]
    assert len(shown) > 10 and int(more.replace(",", "")) > 10000
    assert int(tensors.replace(",", "")) == 20000 - sum(int(count or 1) for count in counts)


def test_flat_names(sources):
    """Numbers within names fold as well."""
    text = piped(sources["lora"], COLUMNS="200")
    assert re.search(r"^lora_te_text_.*layers_0-11_self_attn_q_proj ×12 ", text, re.MULTILINE)
    assert len(re.findall(r"^lora", text, re.MULTILINE)) == 2
    assert re.search(r"^  … 45 more$", text, re.MULTILINE)  # of 60 in the metadata


def test_aliases_and_warnings(tmp_path):
    """Further names and what a reader might stumble over have their places."""
    text = ('{"__metadata__":{"format":"pt","lm_head.weight":"embed.weight","a\\u001bb":"\\u202e"},'
            '"embed.weight":["U8",[2],[0,2]],"x":["U8",[1],[2,3]],"x":["U8",[1],[2,3]]}\t')
    path = tmp_path / "m.safetensors"
    path.write_bytes(struct.pack("<Q", len(text)) + text.encode() + b"123")
    shown = piped(path)
    check_screen(shown, 80, 50)
    assert "\naliases\n  lm_head.weight → embed.weight\n" in shown
    assert re.search(r"\nlm_head.weight +alias +0 +0 B ", shown)
    assert "\nmetadata\n  format    pt\n  a\\u001bb  \\u202e\n" in shown
    warnings = re.findall(r"^warning: .+", shown, re.MULTILINE)
    assert len(warnings) == 3
    checked = harness.run("--check", path).stderr
    for warning in json.loads(piped("--json", path))["warnings"]:
        assert warning["file"] == str(path)
        assert f"{path}: " in checked and warning["text"] in checked


def test_partial_download(sharded_folder, tmp_path):
    """What is missing is a warning, once it was asked for."""
    folder = tmp_path / "partial"
    shutil.copytree(sharded_folder, folder)
    os.remove(folder / "model-00002-of-00004.safetensors")
    result = harness.run("--info", folder, env=environment())
    assert harness.error_word(result) in ("io", "index") and "missing=skip" in result.stderr
    missing = len(read_model(folder).missing)
    text = " ".join(piped("-o", "missing=skip", folder).split())
    assert (f"warning: model.safetensors.index.json: {missing} of the 15 tensors of the index "
            "are missing, the first is ") in text
    assert len(json.loads(piped("-o", "missing=skip", "--json", folder))["missing"]) == missing


def test_filters(sources):
    """The model that is shown is the one that the filters leave."""
    words = ["--include", "model.layers.*", "--exclude", "*experts*",
             "--rename", r"s/^model\.layers/h/"]
    text = piped(*words, sources["base"])
    assert f" · {56 * 7} tensors · " in text
    assert "\nh.0-55 ×56 " in text and "experts" not in text
    document = json.loads(piped("--json", *words, sources["base"]))
    assert document["tensors"] == 56 * 7 == len(document["list"])
    assert {row["source_name"].replace("model.layers", "h") for row in document["list"]} == \
        {row["name"] for row in document["list"]}


# ---- what a program reads ----


@pytest.mark.parametrize("kind", KINDS)
def test_json(sources, kind):
    """Every number and every tensor, by an independent count."""
    text = piped("--json", sources[kind])
    document = expected.parse_json(text.encode())
    model = read_model(sources[kind])
    listed = {row["name"]: row for row in document.pop("list")}
    assert listed == {tensor.name: expected.tensor_document(tensor)
                      for tensor in model.tensors.values()}
    assert document.pop("source") == str(sources[kind])
    assert document.pop("warnings") == [] and document.pop("aliases") == {}
    assert document == expected.model_document(model)


def test_json_is_plain(sources):
    """On a terminal, too; and the size of that does not matter."""
    assert on_terminal(40, 10, "--json", sources["sample"]) == piped("--json", sources["sample"])


# ---- comparisons ----


def specs_of(source):
    """A model's tensors, to be written again."""
    return [Spec(tensor.name, tensor.dtype, tensor.shape)
            for tensor in read_model(source).tensors.values()]


def changed(name, specs):
    """The same tensors, but for one thing."""
    first = next(spec for spec in specs if spec.name.endswith("up_proj.weight"))
    rest = [spec for spec in specs if spec is not first]
    return {
        "order": specs[::-1],
        "more": [*specs, Spec("more.weight", "F16", (5,))],
        "less": rest,
        "dtype": [*rest, first._replace(dtype="I8")],
        "shape": [*rest, first._replace(shape=first.shape[::-1])],
        "both": [*rest, first._replace(dtype="I8", shape=first.shape[::-1])],
    }[name]


CHANGES = {  # what is said, and the line about it
    "order": ("the same names, dtypes and shapes · 15 alike", None),
    "more": ("1 only in the second · 15 alike", "+ more.weight  F16 [5]"),
    "less": ("1 only in the first · 14 alike",
             "- model.layers.0.mlp.up_proj.weight  F8_E4M3 [128, 32]"),
    "dtype": ("1 of another dtype · 14 alike",
              "~ model.layers.0.mlp.up_proj.weight  F8_E4M3 → I8 [128, 32]"),
    "shape": ("1 of another shape · 14 alike",
              "~ model.layers.0.mlp.up_proj.weight  F8_E4M3 [128, 32] → [32, 128]"),
    "both": ("1 of another dtype · 1 of another shape · 14 alike",
             "~ model.layers.0.mlp.up_proj.weight  F8_E4M3 [128, 32] → I8 [32, 128]"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_compare(sharded_folder, tmp_path, change):
    """Two checkpoints, and what is between them; the same for programs."""
    specs = specs_of(sharded_folder)
    make_model.write_sharded(tmp_path / "b", changed(change, specs), 2)
    counts, line = CHANGES[change]
    status = 0 if line is None else 1
    text = piped(sharded_folder, tmp_path / "b", status=status)
    check_screen(text, 80, 50)
    assert text.split("\n\n")[1].rstrip("\n") == counts
    assert [row for row in text.splitlines()[4:] if row.startswith(("+", "-", "~"))] == \
        ([line] if line else [])
    document = expected.parse_json(
        piped("--json", sharded_folder, tmp_path / "b", status=status).encode())
    sides = [read_model(path).tensors for path in (sharded_folder, tmp_path / "b")]
    shown = [{name: {"dtype": tensor.dtype, "shape": list(tensor.shape)}
              for name, tensor in side.items()} for side in sides]
    want = {name: (shown[0].get(name), shown[1].get(name)) for name in {**shown[0], **shown[1]}
            if shown[0].get(name) != shown[1].get(name)}
    assert {row["name"]: (row["first"], row["second"]) for row in document["differences"]} == want
    assert document["alike"] == len(set(sides[0]) & set(sides[1]) - set(want))
    for key, path in (("first", sharded_folder), ("second", tmp_path / "b")):
        told = document[key]
        assert (told.pop("source"), told.pop("aliases"), told.pop("warnings")) == \
            (str(path), {}, [])
        assert told == expected.model_document(read_model(path))


@pytest.mark.parametrize("columns", [40, 80, 200])
@pytest.mark.parametrize("kinds", [("DeepSeek-V3", "base"), ("wide", "unrelated"),
                                   ("edge", "sample"), ("edge", "edge"), ("empty", "edge")])
def test_compare_on_terminal(sources, kinds, columns):
    """Models that have little in common fit a screen as well."""
    status = 0 if kinds[0] == kinds[1] else 1
    shown = on_terminal(columns, 40, *(sources[kind] for kind in kinds), status=status)
    assert COLOUR.search(shown)
    check_screen(COLOUR.sub("", shown), columns, 39)


def test_compare_folds(tmp_path):
    """What changed in every layer is one line."""
    def layers(dtype):
        for layer in range(32):
            yield Spec(f"h.{layer}.up.weight", dtype, (4, 4))
            yield Spec(f"h.{layer}.norm", "F32", (4,))

    make_model.write_file(tmp_path / "a", list(layers("F16")))
    make_model.write_file(tmp_path / "b", list(layers("BF16")))
    text = piped(tmp_path / "a", tmp_path / "b", status=1)
    assert text.endswith("\n~ h.0-31.up.weight ×32  F16 → BF16 [4, 4]\n")


def test_compare_filtered(tmp_path):
    """Filters hold for all sources: names may be made the same."""
    make_model.write_file(tmp_path / "a", [Spec("model.w", "F16", (2,)), Spec("n", "F16", (1,))])
    make_model.write_file(tmp_path / "b", [Spec("w", "F16", (2,)), Spec("n", "F32", (1,))])
    assert harness.run("--info", tmp_path / "a", tmp_path / "b").returncode == 1
    piped("--rename", r"s/^model\.//", "--exclude", "n", tmp_path / "a", tmp_path / "b")


def test_three(sources, tmp_path):
    """Each is held against the first; the worst decides."""
    a, b = sources["sample"], sources["edge"]
    text = piped(a, a, b, status=1)
    first, second = text.split("\n\n\n") if "\n\n\n" in text else re.split(r"\n\n(?=- )", text)
    assert "22 alike" in first and "22 only in the first" in second
    result = harness.run("--info", a, tmp_path / "none", a)
    assert result.returncode == 2 and "22 alike" in result.stdout
    assert harness.ERROR_LINE.fullmatch(result.stderr.strip())[1] == "io"


# ---- trouble ----


def test_trouble(sources, tmp_path):
    """Exit 1 for one source, and of several 2, as diff has it."""
    bad = tmp_path / "bad"
    bad.write_bytes(b"x")
    for words, status in (([bad], 1), ([tmp_path / "none"], 1), ([bad, sources["sample"]], 2),
                          ([sources["sample"], bad], 2)):
        for more in ([], ["--json"]):
            result = harness.run("--info", *more, *words)
            assert harness.error_word(result, status)
            assert result.stdout == ""
    with open("/dev/full", "wb") as full:
        for words, status in ((["sample"], 1), (["sample", "sample"], 2)):
            result = subprocess.run(
                [harness.find_driver(), "--info", *(sources[word] for word in words)],
                stdout=full, stderr=subprocess.PIPE, env=environment(), check=False)
            assert result.returncode == status and b"No space left" in result.stderr


def test_million(tmp_path):
    """Sizes that nobody has yet; how long it takes is printed, not asserted."""
    make_model.main(["many", str(tmp_path / "m"), "--count", "700000"])
    begin = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    text = piped(tmp_path / "m")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"700,000 tensors: {time.monotonic() - begin:.2f} s, "
          f"{after.ru_utime - before.ru_utime:.2f} s of them computing")
    check_screen(text, 80, 50)
    assert "700,000 tensors" in text and "model.layers" in text
