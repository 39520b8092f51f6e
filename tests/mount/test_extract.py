# SPDX-License-Identifier: Apache-2.0
"""--extract: the tree as files, compared with the mount, with --cat and with the model file."""
import os
import re
import subprocess

import pytest

import compare
import expected
import extracting
import harness
import make_model
import slicing
import views
from carried import write
from extracting import check_copy, check_same, extract
from make_model import Spec

pytestmark = pytest.mark.usefixtures("driver")

TIED = {"format": "pt", "lm_head.weight": "model.embed_tokens.weight", "top": "model.norm.weight"}


@pytest.fixture(scope="module", autouse=True)
def usual_umask():
    """Modes are compared with the mount's: nothing is taken from them that these have."""
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture(scope="module")
def tied_folder(tmp_path_factory):
    """A model folder with aliases and other files."""
    folder = tmp_path_factory.mktemp("models") / "tied"
    folder.mkdir()
    specs = [Spec("model.embed_tokens.weight", "BF16", (70, 30)), Spec("top.below", "F4", (4, 4)),
             Spec("model.norm.weight", "F16", (11,)), Spec("model.complex", "C64", (2, 2))]
    make_model.write_file(folder / "model.safetensors", specs, TIED, content=make_model.noise)
    for path in ("config.json", "1_Pooling/config.json", "a/b/c/deep.txt"):
        write(folder, path)
    os.utime(folder / "config.json", ns=(1, 1_234_567_890_123_456_789))
    return folder


@pytest.fixture(scope="module", params=["edge", "sharded", "tied"])
def mounted(request, module_mount):
    """Mounts of models with hostile names, with shards, with aliases and other files."""
    if request.param == "edge":
        return request.getfixturevalue("edge")
    return module_mount(request.getfixturevalue(f"{request.param}_folder"))


@pytest.mark.parametrize("view", expected.VIEWS)
def test_equals_the_mount(mounted, tmp_path, view):
    """Every view, as the root: all names, bytes, links, times, and modes with the owner's."""
    shown = mounted.at(".view", view)
    result = extract(mounted.source, tmp_path / "out", options=["-o", f"view={view}"])
    check_copy(shown, tmp_path / "out")
    paths = compare.files_below(shown)
    links = compare.links_below(shown)
    assert (result.files, result.links) == (len(paths) - len(links), len(links))
    assert result.kept == result.failed == 0


def test_equals_cat(mounted, tmp_path):
    """The files of all views have the bytes that --cat writes."""
    extract(mounted.source, tmp_path / "out", ".view")
    assert sorted(os.listdir(tmp_path / "out" / ".view")) == expected.VIEWS
    for view in expected.VIEWS:
        paths = sorted(os.path.join(".view", view, path)
                       for path in compare.files_below(mounted.at(".view", view)))
        result = subprocess.run([harness.find_driver(), "--cat", "--", mounted.source, *paths],
                                env=harness.environment(), capture_output=True, check=False)
        assert (result.returncode, result.stderr) == (0, b"")
        got = b"".join((tmp_path / "out" / path).read_bytes() for path in paths)
        assert got == result.stdout, view


def test_equals_the_model(mounted, tmp_path):
    """Tensors and documents are what the oracle reads out of the model file."""
    extract(mounted.source, tmp_path / "out")
    extract(mounted.source, tmp_path / "npy", options=["-o", "view=npy"])
    compare.check_metadata(tmp_path / "out", mounted.model)
    for tensor in mounted.model.tensors.values():
        compare.check_bin(tmp_path / "out", tensor)
        compare.check_json(tmp_path / "out", tensor)
        compare.check_npy(tmp_path / "npy", tensor)


def test_filtered(tied_folder, tmp_path, mount):
    """Rules of the filter hold, in the whole files as well."""
    rules = ["--exclude", "top*", "--rename", r"s/^model\./m./"]
    mounted = mount(tied_folder, words=rules)
    for view in ("tensors", "model", "torch"):
        extract(tied_folder, tmp_path / view, options=[*rules, "-o", f"view={view}"])
        check_copy(mounted.at(".view", view), tmp_path / view)


# ---- parts of the tree ----


def with_ways(shown, *paths):
    """Paths, all below them, and the folders that lead there."""
    found = set()
    for path in paths:
        if os.path.isdir(os.path.join(shown, path)):
            found |= {os.path.join(path, below)
                      for below in compare.walk(os.path.join(shown, path))} | {path + "/"}
        else:
            found.add(path)
    return compare.with_folders(found) | {path for path in found if path[-1] == "/"}


@pytest.mark.parametrize("words, paths", [
    (["dtype/U8.bin"], ["dtype/U8.bin"]), (["dtype"], ["dtype"]), (["dtype/"], ["dtype"]),
    (["/dtype//U8.json"], ["dtype/U8.json"]), (["w.bin", "w/absmax.bin"], ["w.bin", "w/absmax.bin"]),
    (["d/d/d", "w"], ["d/d/d", "w"]), (["dtype/U8.bin", "dtype", "dtype"], ["dtype"]),
    (["w.bin", "w", "w/absmax.bin", "w.json"], ["w.bin", "w.json", "w"]),
    ([".view/npy/dtype"], [".view/npy/dtype"]),
    ([".view/f32/w.bin", "w.bin", ".view/flat/w.npy"],
     [".view/f32/w.bin", "w.bin", ".view/flat/w.npy"]),
    (["__metadata__.json", ".view/safetensors/d.safetensors"],
     ["__metadata__.json", ".view/safetensors/d.safetensors"])])
def test_paths(edge, tmp_path, words, paths):
    """What is named, at its path below DIR, each file once; nothing else."""
    result = extract(edge.source, tmp_path / "out", *words)
    want = with_ways(edge.path, *paths)
    check_copy(edge.path, tmp_path / "out", want)
    assert result.files == sum(path[-1] != "/" for path in want)


def test_root_and_more(edge, tmp_path):
    """The root holds all but .view, whatever is named beside it."""
    result = extract(edge.source, tmp_path / "out", "w.bin", "/", "dtype", ".view/f32/w.bin")
    want = compare.walk(edge.path) + [".view/", ".view/f32/", ".view/f32/w.bin"]
    check_copy(edge.path, tmp_path / "out", want)
    assert result.files == len(compare.files_below(edge.path)) + 1


def test_link_alone(tied_folder, module_mount, tmp_path):
    """A link that is named stays one."""
    result = extract(tied_folder, tmp_path / "out", "lm_head/weight.bin")
    assert (result.files, result.links) == (0, 1)
    mounted = module_mount(tied_folder)
    check_copy(mounted.path, tmp_path / "out", ["lm_head/", "lm_head/weight.bin"])


@pytest.mark.parametrize("text", ["0:3", "1", ":,2:20", "...,-1", "3:3", ":"])
def test_slices(tied_folder, module_mount, tmp_path, text):
    """A slice has the bytes that numpy cuts, and the mount shows, under the name as written."""
    mounted = module_mount(tied_folder)
    tensor = mounted.model.tensors["model.embed_tokens.weight"]
    base = "model/embed_tokens/weight"
    names = [f"{base}[{text}].bin", f"{base}[{text}].json", f".view/npy/{base}[{text}].npy",
             f".view/f32/{base}[{text}].bin", f".view/flat/{base.replace('/', '.')}[{text}].bin",
             f".view/safetensors/{base}[{text}].safetensors"]
    result = extract(tied_folder, tmp_path / "out", "model", *names)
    want = with_ways(mounted.path, "model") | compare.with_folders(names)
    check_copy(mounted.path, tmp_path / "out", want)
    assert ((tmp_path / "out" / names[0]).read_bytes() == slicing.cut(tensor, text).data
            == (tmp_path / "out" / names[4]).read_bytes())
    assert result.failed == 0


def test_slices_of_longest_name(tied_folder, tmp_path):
    """A name of 255 bytes; and two names of one slice are two files."""
    base = "model/embed_tokens/weight"
    room = 255 - len("weight[0:].bin")
    names = [f"{base}[0:{'9' * room}].bin", f"{base}[:].bin"]
    assert len(os.path.basename(names[0])) == 255
    result = extract(tied_folder, tmp_path / "out", *names)
    assert result.files == 2
    first, second = ((tmp_path / "out" / name).read_bytes() for name in names)
    assert first == second and len(first) == 70 * 30 * 2
    for more in (1, 45, 4000):
        name = f"{base}[0:{'9' * (room + more)}].bin"
        result = extract(tied_folder, tmp_path / "more", name, status=1)
        assert harness.error_word(result) == "name" and not (tmp_path / "more").exists()
        for words in (["--cat"], ["--list"], ["--list", "-l"]):
            assert harness.run(*words, tied_folder, name).returncode == 1


@pytest.mark.parametrize("path, nearest", [
    ("dtype/nosuch.bin", "dtype/"), ("nosuch", "the root"), ("w.bin/x", "w.bin"),
    (".view/nosuch", ".view/"), ("..", "the root"), ("dtype/../../x", "dtype/"),
    ("w[99999].bin", "the root"), ("esc\x1b[31m", "the root")])
def test_unknown_path(edge_file, tmp_path, path, nearest):
    """A path that is not there is named, with how far it goes; then nothing is written."""
    result = extract(edge_file, tmp_path / "out", "w.bin", path, status=1)
    assert harness.error_word(result) == "name"
    assert nearest in result.stderr and "\x1b" not in result.stderr
    assert os.listdir(tmp_path) == []


# ---- DIR, modes, times ----


def test_dir_is_made(edge_file, tmp_path):
    """DIR may be missing, and so may be what leads to it; or be there, and reached by a link."""
    extract(edge_file, tmp_path / "a" / "b" / "c", "w.bin")
    assert os.listdir(tmp_path / "a" / "b" / "c") == ["w.bin"]
    (tmp_path / "link").symlink_to("a/b")
    extract(edge_file, tmp_path / "link" / "d" / "", "w.bin")
    extract(edge_file, tmp_path / "link", "w.json")
    assert sorted(os.listdir(tmp_path / "a" / "b")) == ["c", "d", "w.json"]
    extract(edge_file, ".", "w.bin", cwd=tmp_path)
    assert (tmp_path / "w.bin").exists()


@pytest.mark.parametrize("folder", ["file", "file/below", "dangling", "", "x" * 300])
def test_no_dir(edge_file, tmp_path, folder):
    """What cannot be a folder is named."""
    (tmp_path / "file").write_text("mine")
    (tmp_path / "dangling").symlink_to("nowhere")
    result = extract(edge_file, folder, "w.bin", status=1, cwd=tmp_path)
    assert harness.error_word(result) == "io"
    assert f"{folder}: cannot make the folder" in result.stderr or not folder
    assert sorted(os.listdir(tmp_path)) == ["dangling", "file"]


@pytest.mark.parametrize("mode, umask, file, folder", [
    (0o644, 0o022, 0o644, 0o755), (0o600, 0o022, 0o600, 0o700), (0o640, 0o022, 0o640, 0o750),
    (0o444, 0o077, 0o600, 0o700), (0o777, 0, 0o644, 0o755), (0o040, 0o022, 0o640, 0o750)])
def test_modes(tmp_path, mode, umask, file, folder):
    """Who may read the model may read the files, as far as the umask lets; the owner may write."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("a.b", "U8", (3,))])
    source.chmod(mode)
    if not os.access(source, os.R_OK):
        pytest.skip("only root can read what its owner may not")
    extract(source, tmp_path / "out", umask=umask)
    assert extracting.describe(tmp_path / "out", "a/b.bin")[1] == file
    assert extracting.describe(tmp_path / "out", "a")[1] == folder


@pytest.mark.parametrize("nanoseconds", [0, 1, 999_999_999, 1_700_000_000_123_456_789,
                                         -1_000_000_001, 4_000_000_000_500_000_000])
def test_times(tmp_path, nanoseconds):
    """To the nanosecond, of files, folders and links; and a second run finds them right."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("a.b", "U8", (3,))], {"c.d": "a.b"})
    os.utime(source, ns=(0, nanoseconds))
    extract(source, tmp_path / "out")
    for path in compare.walk(tmp_path / "out"):
        assert os.lstat(tmp_path / "out" / path).st_mtime_ns == nanoseconds, path
    assert extract(source, tmp_path / "out").files == 0


def test_beside_other_files(edge_file, tmp_path):
    """What is in DIR already and has no part in this stays as it is."""
    (tmp_path / "dtype").mkdir(mode=0o700)
    (tmp_path / "dtype" / "mine").write_text("mine")
    (tmp_path / ".%part.mine").write_text("mine")
    (tmp_path / ".%part.0123456789abcdeg").write_text("mine")
    extract(edge_file, tmp_path, "dtype")
    assert (tmp_path / "dtype" / "mine").read_text() == "mine"
    assert {".%part.mine", ".%part.0123456789abcdeg"} < set(os.listdir(tmp_path))
    assert extracting.describe(tmp_path, "dtype") == ("folder", 0o700)


# ---- what is said ----


def test_absent(edge, tmp_path):
    """What a view cannot show is counted in one line, and is no failure."""
    result = extract(edge.source, tmp_path / "out", options=["-o", "view=npy"])
    count = len(edge.model.tensors) - len(compare.files_below(edge.at(".view", "npy")))
    assert count == 3
    assert result.stderr == (f"safetensorsfs: {count} files are absent: their view has no form "
                             "for what they would hold; .view/tensors/__metadata__.json says "
                             "why\n")
    assert extract(edge.source, tmp_path / "part", "dtype",
                   options=["-o", "view=npy"]).stderr == ""


def test_absent_in_each_view(edge, tmp_path):
    """The same over all views: as many files as tensors lack them."""
    result = extract(edge.source, tmp_path / "out", ".view")
    lacking = sum(len(edge.model.tensors) * len(suffixes) - sum(
        len(views.suffixes(view, tensor)) for tensor in edge.model.tensors.values())
        for view, suffixes in (("npy", [1]), ("f32", [1, 2]), ("flat", [1, 2, 3]),
                               ("offload", [1])))
    assert re.match(rf"safetensorsfs: {lacking} files are absent", result.stderr), result.stderr


def test_summary(edge_file, tmp_path):
    """One line on standard output, on standard error nothing; DIR is safe to print."""
    folder = tmp_path / "esc\x1b[31m\nline"
    result = extract(edge_file, folder, "w.bin", "dtype/U8.bin")
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1 and "\x1b" not in result.stdout
    assert ": 2 files and 0 links written, 35 B at " in result.stdout


def test_full_output(edge_file, tmp_path):
    """A summary that cannot be written is a failure of its own; the files are there."""
    with open("/dev/full", "wb") as full:
        result = subprocess.run(extracting.command(edge_file, tmp_path / "out", "w.bin"),
                                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                                env=harness.environment())
    assert result.returncode == 1 and "standard output" in result.stderr
    assert (tmp_path / "out" / "w.bin").read_bytes() == make_model.pattern(
        Spec("w", "U8", (3,)), 0, 3)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-",
                                    "<&- >&- 2>&-"])
def test_closed_standard_streams(edge_file, tmp_path, closed):
    """Without descriptors 0 to 2 no file becomes one of them: messages are written into none."""
    (tmp_path / "out" / "w.json").mkdir(parents=True)  # there is something to be said
    before = edge_file.read_bytes()
    result = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *extracting.command(edge_file, tmp_path / "out")],
        env=harness.environment(log=tmp_path / "sanitizer"), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False)
    assert result.returncode == 1
    assert not list(tmp_path.glob("sanitizer*"))
    assert edge_file.read_bytes() == before
    (tmp_path / "out" / "w.json").rmdir()
    extract(edge_file, tmp_path / "out", "w.json")
    extract(edge_file, tmp_path / "whole")
    check_same(tmp_path / "whole", tmp_path / "out")


def test_cat_to_a_closed_output(edge_file):
    """Nor does it pass for written what went nowhere."""
    result = subprocess.run(["sh", "-c", '"$0" --cat "$1" w.bin >&-', harness.find_driver(),
                             edge_file], env=harness.environment(), stderr=subprocess.PIPE,
                            text=True, check=False)
    assert result.returncode == 1 and "standard output" in result.stderr


@pytest.mark.parametrize("words", [
    ["--extract"], ["--extract", "x"], ["--force", "--list", "x"], ["--force", "x", "y"],
    ["--extract", "-l", "x", "y"], ["--extract", "", "y"]])
def test_misuse(words, tmp_path):
    """Exit 2, a line on standard error, and nothing written."""
    result = harness.run(*words, cwd=tmp_path)
    assert harness.error_word(result, 2) == "usage"
    assert os.listdir(tmp_path) == []
