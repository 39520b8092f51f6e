# SPDX-License-Identifier: Apache-2.0
"""The command line without a mount: help, misuse, --check, --list, and what errors say."""
import os
import re
import struct
import subprocess
import zipfile

import pytest

import compare
import expected
import harness
import make_model
from make_model import Spec
from safetensors_reader import read_model

pytestmark = pytest.mark.usefixtures("driver")

LINE = re.compile(r"safetensorsfs: (?P<file>.+?): (byte (?P<byte>\d+): )?(?P<text>.+) "
                  r"\((?P<word>[a-z-]+)\)")


VERBOSE = re.compile(r"safetensorsfs: (?P<source>.+): (?P<tensors>\d+) tensors in "
                     r"(?P<files>\d+ files?) of (?P<bytes>\d+) bytes \((?P<size>[\d.]+) kB\), "
                     r"opened in \d+\.\d{3} s\n")


def header_file(path, text, data=b""):
    """Write a file with any header text at all."""
    text = text.encode() if isinstance(text, str) else text
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def safe(text):
    """No character of an output is one that a terminal acts upon, line ends aside."""
    return not {c for c in text if expected.is_unsafe(c) and c != "\n"}


def test_help():
    """On standard output, no wider than a terminal, with every option by name."""
    result = harness.run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert result.stdout.lower().startswith("usage: safetensorsfs")
    for word in ("SOURCE", "MOUNTPOINT", "-f", "-d", "-s", "-o", "-h", "-V", "view=", "io=",
                 "missing=", "sandbox=", "nonempty", "uid=", "gid=", "umask=", "--check", "--list",
                 "-l", "--cat", "--extract", "--force",
                 "--info", "--json"):
        assert word in result.stdout, word
    assert harness.run("-h").stdout == result.stdout


def test_version():
    """The program's name and version on the first line."""
    result = harness.run("-V")
    assert (result.returncode, result.stderr) == (0, "")
    assert re.match(r"safetensorsfs \d+\.\d+", result.stdout)


@pytest.mark.parametrize("words", [
    [], [""], ["x", "y", "z"], ["--nosuch"], ["-q", "x", "y"], ["--check"], ["--list"],
    ["--list", "x", "y", "z"], ["--cat"], ["--cat", "x"], ["-o"],
    ["--list", "--depth", "0", "x"], ["--list", "--depth", "-1", "x"], ["--list", "--depth=x", "x"],
    ["--list", "--depth", "x"], ["--depth", "1", "--check", "x"],
    ["--info"], ["--info", ""], ["--json", "x", "y"], ["--list", "--json", "x"],
    ["--info", "--list", "x"], ["--sum", "--check", "x"], ["-u", "--cat", "x", "y"],
    ["--list", "-u", "x"]])
def test_misuse(words, tmp_path):
    """Exit 2 and a line on standard error, nothing on standard output."""
    result = harness.run(*words, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, ""), result.stderr
    assert result.stderr.startswith("safetensorsfs: ")


@pytest.mark.parametrize("words", [
    ["--check"], ["--list"], ["--cat", "w.bin"], ["--extract", "out"], ["--info"],
    ["--sum"]])
@pytest.mark.parametrize("option", ["includ=w", "include", "rename", "nosuch"])
def test_unknown_option(edge_file, tmp_path, words, option):
    """A misspelt rule is refused without a mount, too: else it would choose everything."""
    result = harness.run(words[0], "-o", f"ro,{option},allow_other", edge_file, *words[1:],
                         cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "") and option in result.stderr
    assert os.listdir(tmp_path) == []


def test_known_options(edge_file):
    """Those of a mount are no mistake: they come with the rest of a line of fstab."""
    options = "allow_other,nofail,x-systemd.requires=y,max_read=4096,view=npy"
    result = harness.run("--list", "-o", options, edge_file, "w.npy")
    assert (result.returncode, result.stdout, result.stderr) == (0, "w.npy\n", "")


def test_verbose(edge_file, sharded_folder, tmp_path):
    """-v tells what was opened, whatever for; nothing else changes, and without it is silence."""
    model = read_model(edge_file)
    index = sharded_folder / "model.safetensors.index.json"
    for source, tensors, shards in ((edge_file, len(model.tensors), [edge_file]),
                                    (index, 15, sorted(sharded_folder.glob("*.safetensors")))):
        size = sum(path.stat().st_size for path in shards)
        for words in (["--check"], ["--list"], ["--cat"], ["--info"], ["--sum"]):
            operands = [source, "__metadata__.json"][:1 + (words == ["--cat"])]
            plain = harness.run(*words, *operands)
            loud = harness.run("-v", *words, *operands)
            assert (loud.returncode, loud.stdout) == (0, plain.stdout) and not plain.stderr
            match = VERBOSE.fullmatch(loud.stderr)
            assert match, loud.stderr
            assert match["source"] == str(source)
            assert int(match["tensors"]) == tensors and int(match["bytes"]) == size
            assert match["files"] == ("1 file" if len(shards) == 1 else f"{len(shards)} files")
            assert abs(float(match["size"]) * 1000 - size) <= 51  # rounded


def test_verbose_one(tmp_path):
    """One is not many."""
    path = tmp_path / "m"
    make_model.write_file(path, [Spec("a", "U8", (1,))])
    result = harness.run("--check", "--verbose", path)
    assert f": 1 tensor in 1 file of {path.stat().st_size} bytes, opened" in result.stderr


def test_check_goes_on(edge_file, sharded_folder, tmp_path):
    """Each source has its line; a bad one fails the run and stops nothing."""
    bad = header_file(tmp_path / "bad", "{}", b"x")
    model = read_model(edge_file)
    good = f"{edge_file}: ok, {len(model.tensors)} tensors\n{sharded_folder}: ok, 15 tensors\n"
    result = harness.run("--check", edge_file, sharded_folder)
    assert (result.returncode, result.stdout, result.stderr) == (0, good, "")
    result = harness.run("--check", bad, edge_file, tmp_path / "none", sharded_folder)
    assert (result.returncode, result.stdout) == (1, good)
    first, second = result.stderr.splitlines()
    assert LINE.fullmatch(first)["file"] == str(bad)
    assert LINE.fullmatch(second)["word"] == "io"


def test_check_index(sharded_folder):
    """An index counts as one source, too."""
    index = sharded_folder / "model.safetensors.index.json"
    result = harness.run("--check", index)
    assert (result.returncode, result.stdout) == (0, f"{index}: ok, 15 tensors\n")


WARNED = {  # what the written format forbids and the reference reads
    "space before the brace": ' {"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    "padding that is no space": '{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}\n\t',
    "a name twice": '{"a":{"dtype":"U8","shape":[9],"data_offsets":[0,9]},'
                    '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    "a metadata key twice": '{"__metadata__":{"k":"1","k":"2"},'
                            '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    "null for metadata": '{"__metadata__":null,'
                         '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
    "an array for a tensor": '{"a":["U8",[1],[0,1]]}',
    "an object for a type": '{"a":{"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]}}',
}


@pytest.mark.parametrize("what", WARNED)
def test_check_warns(tmp_path, what):
    """Such a file is good and gets a warning, which does not change the status."""
    path = header_file(tmp_path / "odd.safetensors", WARNED[what], b"x")
    result = harness.run("--check", path)
    assert (result.returncode, result.stdout) == (0, f"{path}: ok, 1 tensor\n")
    assert str(path) in result.stderr and "warning" in result.stderr


def test_check_does_not_warn(edge_file):
    """A file as the libraries write it gets none, however odd its names are."""
    assert harness.run("--check", edge_file).stderr == ""


def listed(*words):
    """The lines of --list, which must be safe to print."""
    result = harness.run("--list", *words)
    assert (result.returncode, result.stderr) == (0, "")
    assert safe(result.stdout)
    return result.stdout.splitlines()


def test_list(edge_file, sharded_folder):
    """Every path of the tree on a line of its own; folders end in a slash."""
    for source in (edge_file, sharded_folder):
        model = read_model(source)
        lines = listed(source)
        assert len(lines) == len(set(lines))
        assert set(lines) == compare.tensors_paths(model)


def test_list_equals_the_mount(edge):
    """--list shows what a walk of the mount finds, in .view as well."""
    assert sorted(listed(edge.source)) == sorted(compare.walk(edge.path))
    below = [f".view/npy/{path}" for path in compare.walk(edge.at(".view", "npy"))]
    lines = [line for line in listed(edge.source, ".view/npy") if line != ".view/npy/"]
    assert sorted(lines) == sorted(below)


def test_list_part(edge_file):
    """A folder is listed alone, a file by itself; both with paths from the root."""
    whole = listed(edge_file)
    for folder in ("dtype", "dtype/", "d/d/d"):
        prefix = folder.rstrip("/") + "/"
        want = {line for line in whole if line.startswith(prefix) and line != prefix}
        assert want
        assert set(listed(edge_file, folder)) - {prefix} == want
    assert listed(edge_file, "w/absmax.json") == ["w/absmax.json"]


@pytest.mark.parametrize("depth", [1, 2, 3, 40, 2**70])
def test_list_depth(edge_file, depth):
    """--depth ends the way down, counted from the folder that is listed; folders are named."""
    for folder in ("", "d/d", ".view/npy", "w.bin"):
        whole = listed(edge_file, folder)
        above = len(folder.split("/")) if folder else 0
        want = [line for line in whole if len(line.rstrip("/").split("/")) <= above + depth]
        assert listed("--depth", str(depth), edge_file, folder) == want
        assert want and (depth > 3 or folder != "" or len(want) < len(whole))


@pytest.mark.parametrize("path", ["nosuch", "w.bin/x", "w.npy", "..", "\x1b[31m"])
def test_list_unknown(edge_file, path):
    """A path that is not there is an error that names it, safely."""
    result = harness.run("--list", edge_file, path)
    harness.error_word(result)
    assert result.stdout == "" and safe(result.stderr)


def cat(*words):
    """--cat as bytes, with its exit status."""
    return subprocess.run([harness.find_driver(), "--cat", *map(os.fspath, words)],
                          env=harness.environment(), capture_output=True, check=False)


def test_cat_equals_the_mount(edge):
    """Every file of every view, links followed, has the bytes that the mount shows."""
    for view in ("", *(f".view/{name}" for name in os.listdir(edge.at(".view")))):
        paths = [path for path in compare.walk(edge.at(view)) if path[-1] != "/"]
        paths = [os.path.join(view, path) for path in sorted(paths)[::7] + sorted(paths)[-1:]]
        want = b"".join(open(edge.at(path), "rb").read() for path in paths)
        result = cat("--", edge.source, *paths)
        assert (result.returncode, result.stderr) == (0, b""), view
        assert result.stdout == want, view


def test_cat_view_as_root(edge):
    """-o view=NAME chooses what the paths begin with."""
    result = cat("-o", "view=npy", edge.source, "dtype/F32.npy")
    assert result.stdout == open(edge.at(".view/npy/dtype/F32.npy"), "rb").read()


def test_cat_errors(edge_file):
    """What is not there, and a folder, are named; the other files are written all the same."""
    result = cat(edge_file, "dtype/nosuch.bin", "dtype", "dtype/U8.bin")
    lines = result.stderr.decode().splitlines()
    assert result.returncode == 1 and len(lines) == 2
    assert "dtype/nosuch.bin" in lines[0] and "dtype/ (name)" in lines[0]
    assert "folder" in lines[1]
    assert result.stdout == cat(edge_file, "dtype/U8.bin").stdout != b""


@pytest.mark.parametrize("path", ["dtype/U8.bin/", "dtype/U8.bin/.", ""])
def test_cat_no_file(edge_file, path):
    """A file is no folder, and the root no file, as on the mount."""
    result = cat(edge_file, path)
    assert (result.returncode, result.stdout) == (1, b"")
    assert (path.encode() or b"the root") in result.stderr


def test_cat_closed_pipe(tmp_path):
    """A reader that leaves early is no failure worth a word."""
    make_model.write_file(tmp_path / "m.safetensors", [Spec("a", "U8", (8 << 20,))])
    script = '"$0" --cat "$1" a.bin | head -c 10 | wc -c'
    result = subprocess.run(["sh", "-c", script, harness.find_driver(),
                             tmp_path / "m.safetensors"],
                            env=harness.environment(), capture_output=True, check=False)
    assert (result.stdout.strip(), result.stderr) == (b"10", b"")
    with open("/dev/full", "wb") as full:
        result = subprocess.run([harness.find_driver(), "--cat", tmp_path / "m.safetensors",
                                 "a.bin", "a.bin"], env=harness.environment(), stdout=full,
                                stderr=subprocess.PIPE, check=False)
    assert result.returncode == 1
    assert result.stderr.count(b"\n") == 1 and b"No space left" in result.stderr



def test_list_long(edge_file):
    """-l shows mode, size and path, and of a tensor its type and shape."""
    lines = harness.run("--list", "-l", edge_file, "dtype").stdout.splitlines()
    files = [line for line in lines if line.startswith("-r")]
    assert len(files) == 44
    (line,) = [line for line in files if "dtype/F8_E8M0.bin" in line.split()]
    assert {"32", "F8_E8M0"} <= set(line.split()) and re.search(r"4\D+8\b", line)
    lines = harness.run("--list", "-l", edge_file).stdout.splitlines()
    assert any(line.startswith("dr") and "w/" in line.split() for line in lines)


ERRORS = [
    ("header-too-small", b"1234567", None),
    ("header-too-large", b"\xff" * 100, 0),
    ("invalid-header-length", struct.pack("<Q", 100) + b"{}", 0),
    ("invalid-header", struct.pack("<Q", 5) + b'{"\xff"}', 10),
    ("invalid-header-deserialization", struct.pack("<Q", 3) + b"{]}", 9),
]


@pytest.mark.parametrize("word, data, byte", ERRORS, ids=[row[0] for row in ERRORS])
def test_error_line(tmp_path, word, data, byte):
    """Program, file, position where one is known, and the reference's word, on one line."""
    path, where = tmp_path / "x.safetensors", tmp_path / "where"
    path.write_bytes(data)
    where.mkdir()
    for words in (["--check", path], ["--list", path], [path, where], ["-f", path, where]):
        result = harness.run(*words)
        assert harness.error_word(result) == word
        match = LINE.fullmatch(result.stderr.rstrip("\n"))
        assert match["file"] == str(path)
        assert byte is None or match["byte"] == str(byte), result.stderr


def test_error_names_the_tensor(tmp_path):
    """Of a tensor that is wrong: its name, what it says, what it needs."""
    text = '{"my.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,12]}}'
    result = harness.run("--check", header_file(tmp_path / "x", text, bytes(12)))
    assert harness.error_word(result) == "tensor-invalid-info"
    match = LINE.fullmatch(result.stderr.rstrip("\n"))
    assert all(word in match["text"] for word in ("my.weight", "12", "16"))
    assert 8 <= int(match["byte"]) < 8 + len(text)


FOREIGN = [  # somebody else's file, its first bytes, the word that must come up
    ("lfs", b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64, "git lfs"),
    ("pickle", b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01u." + bytes(99), "pickle"),
    ("gguf", b"GGUF\x03\0\0\0" + bytes(99), "gguf"),
    ("hdf5", b"\x89HDF\r\n\x1a\n" + bytes(99), "hdf5"),
    ("html", b"<!DOCTYPE html>\n<html><head><title>Sign in</title>" + b" " * 99, "html"),
    ("html2", b"<html>\n<body>404</body></html>" + b" " * 99, "html"),
    ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + bytes(99), "gzip"),
    ("empty", b"", "empty"),
]


@pytest.mark.parametrize("data, word", [row[1:] for row in FOREIGN],
                         ids=[row[0] for row in FOREIGN])
def test_foreign_file(tmp_path, data, word):
    """Somebody else's file is told so by name, in the text and not only in the path."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    result = harness.run("--check", path)
    harness.error_word(result)
    assert word in result.stderr.replace(str(path), "").lower(), result.stderr


@pytest.mark.parametrize("member, word", [("archive/data.pkl", "pytorch"), ("a.txt", "zip")])
def test_zip(tmp_path, member, word):
    """A zip is told from a PyTorch checkpoint, which is one too."""
    path = tmp_path / "x.safetensors"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(member, b"x" * 200)
    result = harness.run("--check", path)
    harness.error_word(result)
    assert word in result.stderr.replace(str(path), "").lower(), result.stderr


def test_unfinished_download(edge_file, tmp_path):
    """A file that the downloader has not finished is called that."""
    path = tmp_path / "0123abcd.incomplete"
    path.write_bytes(edge_file.read_bytes()[:-1])
    result = harness.run("--check", path)
    assert harness.error_word(result) == "metadata-incomplete-buffer"
    assert "download" in result.stderr.replace(str(path), "").lower()


@pytest.mark.parametrize("name", ["esc\x1b[31m", "new\nline", "c1\u009b", "bidi\u202e", "bel\a"])
def test_nothing_raw_on_the_terminal(tmp_path, name):
    """Neither a file's name nor a tensor's reaches the terminal as it is."""
    good, bad = tmp_path / f"good {name}", tmp_path / f"bad {name}"
    make_model.write_file(good, [Spec(name, "U8", (1,))])
    make_model.write_file(bad, [Spec(name, "U8", (1,))])
    bad.write_bytes(bad.read_bytes().replace(b'"shape":[1]', b'"shape":[2]'))
    result = harness.run("--check", good, bad, tmp_path / f"none {name}")
    assert result.returncode == 1
    assert safe(result.stdout + result.stderr)
    assert [len(out.splitlines()) for out in (result.stdout, result.stderr)] == [1, 2]
    for words in (["-f", bad, tmp_path], [good, tmp_path / name], [good, "-o", f"view={name}"]):
        assert safe(harness.run(*words).stderr), words
