# SPDX-License-Identifier: Apache-2.0
"""--sum: the digests of all tensors, without a mount, by all processors and in order."""
import errno
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time

import pytest

import faults
import harness
import make_model
import safetensors_reader
from make_model import Spec
from safetensors_reader import tree_path
from terminals import SHORT, WHOLE, Terminal, lines

LIST = ".view/sums/XXH128SUMS"
MIB = 1 << 20
LINE = re.compile(r"[0-9a-f]{32}  .+")
SOON = 15  # seconds

pytestmark = pytest.mark.usefixtures("driver")


def sums(*words, **more):
    """What is printed by a run that has to be without a fault."""
    result = harness.run(*words, **more)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout


def paths_of(text):
    """The paths of the lines."""
    return [line.split("  ", 1)[1] for line in text.splitlines()]


def by_hand(source, kind, order):
    """The lines by Python's own digests, for the paths in this order."""
    tensors = safetensors_reader.read_model(source).tensors.items()
    digests = {tree_path(name) + ".bin": hashlib.new(kind, tensor.read()).hexdigest()
               for name, tensor in tensors}
    assert set(order) == set(digests)
    return "".join(f"{digests[path]}  {path}\n" for path in order)


# ---- what it says ----

@pytest.fixture(scope="module", params=["edge", "sharded"])
def source(request, edge_file, sharded_folder):
    """Every dtype and hostile name in a file, and a model of shards."""
    return {"edge": edge_file, "sharded": sharded_folder}[request.param]


def test_xxh128(source):
    """The lines are those of the file that a mount shows."""
    assert sums("--sum", source) == sums("--cat", source, LIST)
    assert sums(source, "--sum=xxh128") == sums("--cat", source, LIST)


def test_sha256(source):
    """In the same order, the digest of each tensor's bytes."""
    order = paths_of(sums("--sum", source))
    assert sums("--sum=sha256", source) == by_hand(source, "sha256", order)


def test_sha256sum(source, mount, tmp_path):
    """sha256sum finds every file of a mount as it should be."""
    (tmp_path / "list").write_text(sums("--sum=sha256", source))
    result = subprocess.run(["sha256sum", "-c", "--strict", "--quiet", tmp_path / "list"],
                            cwd=mount(source).path, capture_output=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_other_root(sharded_folder):
    """A list of one model is the same, whatever would be at the root."""
    assert sums("--sum", "-o", "view=npz", sharded_folder) == sums("--sum", sharded_folder)


def test_rules(sharded_folder):
    """The names are those that would be shown."""
    words = ["--include", "*.weight", "--rename", "s/^model/m/"]
    text = sums("--sum", *words, sharded_folder)
    assert text == sums(*words, "--cat", sharded_folder, LIST)
    assert "m/embed_tokens/weight.bin" in paths_of(text)


def test_empty(tmp_path):
    """A model of nothing has no lines."""
    make_model.write_file(tmp_path / "m.safetensors", [])
    assert sums("--sum", tmp_path / "m.safetensors") == ""


# ---- two of them ----

@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A checkpoint, and another that differs in one element; and the name of its tensor."""
    folder = tmp_path_factory.mktemp("pair")
    specs = [Spec(f"model.layers.{i}.{name}.weight", "BF16", (37, 100))
             for i in range(12) for name in ("up", "down")]
    for name in ("a.safetensors", "b.safetensors"):
        make_model.write_file(folder / name, specs, content=make_model.noise)
    make_model.write_sharded(folder / "sharded", specs, 3, fill=1 << 40)
    changed = safetensors_reader.read_model(folder / "b.safetensors").tensors[specs[7].name]
    with open(folder / "b.safetensors", "r+b") as file:
        file.seek(changed.file_offset + 2 * 1234)
        old = file.read(2)
        file.seek(-2, os.SEEK_CUR)
        file.write(bytes([old[0] ^ 1, old[1]]))
    return folder, tree_path(changed.name) + ".bin"


@pytest.mark.parametrize("kind", ["xxh128", "sha256"])
def test_one_element(pair, kind):
    """diff finds the tensor in which two checkpoints differ, and comm does."""
    folder, path = pair
    for name in "ab":
        with open(folder / f"{name}.sums", "w", encoding="utf-8") as file:
            file.write(sums(f"--sum={kind}", folder / f"{name}.safetensors"))
    result = subprocess.run(["diff", "a.sums", "b.sums"], cwd=folder, capture_output=True,
                            text=True, check=False)
    assert result.returncode == 1
    found = re.findall(r"^([<>]) [0-9a-f]+  (.*)$", result.stdout, re.MULTILINE)
    assert found == [("<", path), (">", path)]
    script = "comm -3 <(sort a.sums) <(sort b.sums)"
    result = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True,
                            check=True)
    assert [line.split("  ")[1] for line in result.stdout.splitlines()] == [path] * 2


def test_shards_do_not_matter(tmp_path):
    """The same tensors in other files make the same list."""
    specs = list(make_model.small_sharded())
    make_model.write_file(tmp_path / "one.safetensors", specs[::-1], fill=make_model.WHOLE)
    make_model.write_sharded(tmp_path / "many", specs, 4, fill=make_model.WHOLE)
    assert sums("--sum", tmp_path / "one.safetensors") == sums("--sum", tmp_path / "many")


def test_sources(pair, sharded_folder):
    """Of several, each path begins with its source; what is shared can be seen in them."""
    folder, path = pair
    a, b = (folder / f"{name}.safetensors" for name in "ab")
    text = sums("--sum", a, b, f"{sharded_folder}/")
    want = "".join(line.replace("  ", f"  {prefix}/", 1)
                   for source, prefix in ((a, a), (b, b), (sharded_folder, sharded_folder))
                   for line in sums("--sum", source).splitlines(keepends=True))
    assert text == want
    digests = [line.split("  ") for line in text.splitlines() if line.endswith(path)]
    assert len(digests) == 2 and digests[0][0] != digests[1][0]


def test_hostile_source(tmp_path):
    """The name of a source is shown in such a way that its lines are lines."""
    path = tmp_path / "new\nline\x1b.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (1,))])
    text = sums("--sum", path, path)
    assert [LINE.fullmatch(line) is not None for line in text.splitlines()] == [True] * 2
    assert r"new\u000aline\u001b.safetensors/a.bin" in text


# ---- what goes wrong ----

def test_some_source_is_none(pair, tmp_path):
    """The others are summed, and the exit status tells."""
    folder, _ = pair
    result = harness.run("--sum", folder / "a.safetensors", tmp_path / "nosuch",
                         folder / "b.safetensors")
    assert harness.error_word(result) == "io"
    assert result.stdout.count("\n") == 48
    assert harness.error_word(harness.run("--sum", folder / "a.safetensors", "")) == "io"


@pytest.mark.parametrize("words", [["--sum"], ["--sum=md5", "m"], ["--sum=", "m"], ["--sum", ""],
                                   ["--sum", "--json", "m"], ["--sum", "-l", "m"]])
def test_misuse(words):
    """Called wrongly."""
    assert harness.error_word(harness.run(*words), 2) == "usage"


SPECS = [Spec("a", "U8", (100,)), Spec("b", "U8", (256 * MIB,)), Spec("c", "U8", (0,)),
         Spec("d", "U8", (4 * MIB,))]


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A file that takes a while, and more than 40 seconds where reads are slow."""
    path = tmp_path_factory.mktemp("large") / "m.safetensors"
    make_model.write_file(path, SPECS)
    return path


def start(source, switch, *words):
    """Start it in the background, its reads under the switch; returns the process."""
    return subprocess.Popen([faults.plain_driver(), "--sum", *words, source],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=switch.preload(source), stdin=subprocess.DEVNULL)


@pytest.fixture
def switch(tmp_path):
    """Of slow and failing reads."""
    return faults.Switch(tmp_path / "switch")


def test_unreadable(large, switch):
    """What cannot be read is told, has no line, and is no reason to leave out the others."""
    switch.set(read="e", every=9)  # not of the few reads that open it
    job = start(large, switch)
    out, message = job.communicate(timeout=SOON)
    assert (job.returncode, paths_of(out)) == (1, ["a.bin", "c.bin"])
    assert [line.rpartition(" ")[2] for line in message.splitlines()] == ["(io)"] * 2


def test_change(large, switch, tmp_path):
    """Nothing is printed of a source that changed meanwhile; that is said once."""
    path = shutil.copyfile(large, tmp_path / "m.safetensors")
    os.utime(path, ns=(10**18, 10**18))
    switch.set(delay=1)
    job = start(path, switch)
    first = job.stdout.readline()
    os.utime(path)
    out, message = job.communicate(timeout=SOON)
    assert (job.returncode, paths_of(first + out)[0]) == (1, "a.bin")
    assert "b.bin" not in paths_of(out) and message.count("\n") == 1
    assert message.endswith("(changed)\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal(large, switch, number):
    """It is over soon, by the signal; what was printed are whole lines."""
    switch.set(delay=1)
    job = start(large, switch)
    first = job.stdout.readline()
    job.send_signal(number)
    out, message = job.communicate(timeout=SOON)
    assert (job.returncode, message) == (-number, "")
    assert all(LINE.fullmatch(line) for line in (first + out).splitlines())


def test_reader_has_enough(large, switch):
    """`| head -1` shows the first line at once, and then nothing is read any more."""
    switch.set(delay=1)
    begin = time.monotonic()
    job = start(large, switch)
    assert job.stdout.readline().endswith("  a.bin\n")
    job.stdout.close()
    switch.clear()
    assert job.wait(SOON) == -signal.SIGPIPE
    job.stderr.close()
    assert time.monotonic() - begin < SOON


def test_full_disk(large):
    """Lines that do not arrive are an error."""
    with open("/dev/full", "w", encoding="ascii") as full:
        result = subprocess.run([harness.find_driver(), "--sum", large, large], stdout=full,
                                stderr=subprocess.PIPE, text=True, check=False)
    assert harness.error_word(result) == "io"
    assert result.stderr.count("\n") == 1
    assert os.strerror(errno.ENOSPC) in result.stderr


def test_order(tmp_path):
    """A first tensor that takes long holds up thousands of lines, and loses none."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("0", "U8", (1 << 30,)),
                                 *(Spec(f"{i:05d}", "I16", (i % 7,)) for i in range(1, 12000))])
    found = paths_of(sums("--sum", path))
    assert found == ["0.bin", *(f"{i:05d}.bin" for i in range(1, 12000))]


# ---- on a terminal ----

@pytest.mark.parametrize("columns, form", [(40, SHORT), (80, WHOLE), (200, WHOLE)])
def test_progress(large, columns, form):
    """What has room, in one row; then it is gone. Standard output has the lines alone."""
    terminal = Terminal(columns)
    result = subprocess.run([harness.find_driver(), "--sum=sha256", large], check=True,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                            stderr=terminal.slave, env=harness.environment())
    *states, last = lines(terminal.close())
    assert last.strip() == "" and states
    for state in states:
        assert len(state) < columns and form.fullmatch(state.rstrip(" ")), state
    assert states[0].startswith("  0%")
    percents = [int(state.split("%")[0]) for state in states]
    assert percents == sorted(percents) and percents[-1] <= 100
    assert paths_of(result.stdout) == [f"{spec.name}.bin" for spec in SPECS]


def test_lines_on_the_terminal(large):
    """Both on one terminal: each line has a row of its own."""
    terminal = Terminal(80)
    subprocess.run([harness.find_driver(), "--sum", large], check=True, stdin=subprocess.DEVNULL,
                   stdout=terminal.slave, stderr=terminal.slave, env=harness.environment())
    rows = [row.rpartition("\r")[2] for row in terminal.close().split("\r\n")]
    assert rows[-1].strip() == ""
    assert rows[:-1] == sums("--sum", large).splitlines()


def test_no_progress_without_terminal(large):
    """No byte of it where standard error is a pipe."""
    terminal = Terminal(80)
    result = subprocess.run([harness.find_driver(), "--sum", large], check=True,
                            stdin=terminal.slave, stdout=terminal.slave, stderr=subprocess.PIPE,
                            env=harness.environment())
    assert result.stderr == b""
    assert "%" not in terminal.close()
