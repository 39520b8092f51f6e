# SPDX-License-Identifier: Apache-2.0
"""Completion in a real bash, a real zsh and a real fish."""
import os
import shlex
import shutil
import subprocess

import pytest

import documented
import harness
import make_model
import shells
from harness import ROOT
from make_model import Spec

FOLDER = ROOT / "share" / "completions"
SHELLS = {"bash": (shells.Bash, FOLDER / "safetensorsfs.bash"),
          "zsh": (shells.Zsh, FOLDER / "_safetensorsfs"),
          "fish": (shells.Fish, FOLDER / "safetensorsfs.fish")}
NAMES = ["lm_head.weight", "model.layers.0.weight", "model.layers.1.weight", "odd.with space",
         "odd.with$dollar", "odd.with'quote", "odd.a:b=c", "odd.(x)&;|<y>*?[z]", "odd.~",
         "odd.caf\u00e9"]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with models and other things in it."""
    folder = tmp_path_factory.mktemp("here")
    make_model.write_file(folder / "m.safetensors", [Spec(name, "U8", (1,)) for name in NAMES])
    shutil.copy(folder / "m.safetensors", folder / "my model.safetensors")
    make_model.main(["sharded", str(folder / "sharded")])
    (folder / "home").mkdir()
    shutil.copy(folder / "m.safetensors", folder / "home")
    (folder / "notes.txt").write_text("x")
    (folder / "bin").mkdir()
    return folder


@pytest.fixture(scope="module", params=SHELLS)
def shell(request, here, driver):
    """A shell in that folder, with the program in its PATH."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    if not (here / "bin" / "safetensorsfs").exists():
        os.symlink(driver, here / "bin" / "safetensorsfs")
    env = {"PATH": f"{here}/bin:{os.environ['PATH']}", "HOME": str(here / "home"), "TERM": "dumb",
           "PS1": "", "LC_ALL": "C.UTF-8", "INPUTRC": "/dev/null", "COLUMNS": "1000"}
    kind, script = SHELLS[request.param]
    running = kind(script, env, here)
    yield running
    running.close()


def names(offers):
    """The last parts of what is offered: of lists, of values, of paths."""
    last = [offer.rstrip(",").rpartition(",")[2] for offer in offers]
    last = [offer if offer.endswith("=") else offer.rpartition("=")[2] for offer in last]
    return sorted(filter(None, (offer.removesuffix("=") for offer in last)))


def paths(offers):
    """The last names of paths; a folder's has a slash."""
    return sorted(offer.rstrip("/").rpartition("/")[2] + "/" * offer.endswith("/")
                  for offer in offers)


def files(offers):
    """The same of files on the disk, whose slash may come later."""
    return [name.rstrip("/") for name in paths(offers)]


def test_options(shell):
    """Every option of --help, and no other."""
    offered = set(shell.offers("safetensorsfs -")) | set(shell.offers("safetensorsfs --"))
    assert {offer.removesuffix("=") for offer in offered} == documented.switches()


def test_one_option(shell):
    """What begins like one only is that one."""
    assert shell.complete("safetensorsfs --che") == "safetensorsfs --check "
    assert shell.complete("safetensorsfs --unm") == "safetensorsfs --unmount "


@pytest.mark.parametrize("before", ["-o ", "-f -o ", "-o nonempty,", "-o view=npy,io=map,"])
def test_mount_options(shell, before):
    """Every mount option of --help, after any others."""
    want = set(documented.mount_options()) - {"view", "io", "nonempty"}
    assert want <= set(names(shell.offers("safetensorsfs " + before)))
    assert set(names(shell.offers("safetensorsfs " + before))) <= set(documented.mount_options())


@pytest.mark.parametrize("before", ["-o ", "-o nonempty,", "-o uid=3,"])
def test_values(shell, before):
    """The values of each option that has some."""
    for option, values in documented.mount_options().items():
        if values:
            offers = shell.offers(f"safetensorsfs {before}{option}=")
            assert names(offers) == sorted(values), option


def test_attached_options(shell):
    """-o needs no space."""
    assert shell.complete("safetensorsfs -ononem").rstrip(" ,") == "safetensorsfs -ononempty"
    assert shell.complete("safetensorsfs -oio=pr").rstrip(" ,") == "safetensorsfs -oio=pread"


def test_kinds_of_digest(shell):
    """What --sum takes, behind its equals sign."""
    assert names(shell.offers("safetensorsfs --sum=")) == ["sha256", "xxh128"]
    assert shell.complete("safetensorsfs --sum=sh") == "safetensorsfs --sum=sha256 "


def test_sources(shell):
    """Models and folders, for what takes a source; any file where there is no model."""
    for words in ("", "-f ", "--check ", "--check m.safetensors ", "--list ", "--cat ", "--extract ",
                  "--sum ", "--sum=sha256 m.safetensors "):
        assert files(shell.offers(f"safetensorsfs {words}")) == [
            "bin", "home", "m.safetensors", "my model.safetensors", "sharded"], words
    assert shell.complete("safetensorsfs ho") == "safetensorsfs home/"
    assert "model.safetensors.index.json" in paths(shell.offers("safetensorsfs sharded/"))
    assert shell.complete("safetensorsfs no").rstrip() == "safetensorsfs notes.txt"
    line = shell.complete("safetensorsfs my").rstrip()
    assert line in (r"safetensorsfs my\ model.safetensors", "safetensorsfs my model.safetensors")


def test_mountpoint(shell):
    """The second operand of a mount is a folder, and there is no third. --extract has one, too."""
    assert files(shell.offers("safetensorsfs --extract m.safetensors ")) == [
        "bin", "home", "sharded"]
    assert files(shell.offers("safetensorsfs m.safetensors ")) == ["bin", "home", "sharded"]
    assert shell.offers("safetensorsfs m.safetensors home ") == []


@pytest.mark.parametrize("words", ["--cat m.safetensors", "--list m.safetensors",
                                   "-f m.safetensors --cat", "--extract m.safetensors home",
                                   "--extract --force m.safetensors . lm_head"])
def test_paths(shell, words):
    """Paths of the source, a folder at a time."""
    line = f"safetensorsfs {words} "
    assert paths(shell.offers(line)) == ["__metadata__.json", "lm_head/", "model/", "odd/"]
    assert shell.complete(line + "lm") == line + "lm_head/"
    assert paths(shell.offers(line + "lm_head/")) == ["weight.bin", "weight.json"]
    assert paths(shell.offers(line + "model/layers/")) == ["0/", "1/"]
    assert shell.complete(line + "model/layers/1/weight.b") == line + "model/layers/1/weight.bin "
    assert shell.offers(line + "nosuch/") == []
    assert shell.complete(line + ".v") == line + ".view/"
    assert paths(shell.offers(line + ".view/")) == sorted(
        view + "/" for view in documented.mount_options()["view"])
    assert paths(shell.offers(line + ".view/npy/lm_head/")) == ["weight.npy"]


def test_more_paths(shell):
    """--cat takes many, --list one."""
    line = "m.safetensors lm_head/weight.bin "
    assert "odd/" in paths(shell.offers("safetensorsfs --cat " + line))
    assert shell.offers("safetensorsfs --list " + line) == []


def test_paths_of_what_is_asked_for(shell):
    """Options before the cursor count: what the program would find is what is offered."""
    line = "safetensorsfs -o view=npy --include 'lm*' --cat m.safetensors "
    assert paths(shell.offers(line)) == ["lm_head/"]
    assert paths(shell.offers(line + "lm_head/")) == ["weight.npy"]
    assert paths(shell.offers("safetensorsfs --rename=s/model/x/ --list m.safetensors x/")) == [
        "layers/"]


@pytest.mark.parametrize("source", ["'my model.safetensors'", '"my model.safetensors"',
                                    r"my\ model.safetensors", "~/m.safetensors", "./m.safetensors",
                                    "-- m.safetensors", "sharded/model.safetensors.index.json"])
def test_ways_to_write_a_source(shell, source):
    """Quotes, a home folder, and an end of options."""
    assert "lm_head/" in paths(shell.offers(f"safetensorsfs --cat {source} "))
    assert shell.complete(f"safetensorsfs --cat {source} lm") == (
        f"safetensorsfs --cat {source} lm_head/")


def test_odd_paths(shell, here):
    """What a shell would take for something else is offered so that it does not."""
    line = "safetensorsfs --cat m.safetensors odd/"
    want = {name.partition(".")[2] + suffix for name in NAMES if name.startswith("odd.")
            for suffix in (".bin", ".json")}
    assert set(paths(shell.offers(line))) == want
    if isinstance(shell, shells.Fish):
        return  # it quotes what it inserts by itself
    result = shell.carry_out(shell.press(line, shells.ALL))
    plain = subprocess.run([harness.find_driver(), "--cat", "m.safetensors",
                            *shell.offers(line)], cwd=here, check=False,
                           capture_output=True)
    assert (result.returncode, result.stderr) == (0, b"")
    assert sorted(result.stdout) == sorted(plain.stdout) and result.stdout


@pytest.mark.parametrize("typed, word", [
    ("'odd/with s", "odd/with space."), ('"odd/with s', "odd/with space."),
    (r"odd/with\ s", "odd/with space."), (r"odd/with\$", "odd/with$dollar."),
    ("odd/a:", "odd/a:b=c."), ("odd/a:b=", "odd/a:b=c."), ("'odd/a:", "odd/a:b=c."),
    ("'model/la", "model/layers/"), (r"odd/\(", "odd/(x)&;|<y>*?[z]."),
    ("odd/c", "odd/caf\u00e9.")])
def test_begun_words(shell, typed, word):
    """A word that was begun in quotes, or has a colon in it, is gone on with."""
    if isinstance(shell, shells.Fish):
        assert all(offer.startswith(word) for offer in
                   shell.offers("safetensorsfs --cat m.safetensors " + typed))
        return
    line = shell.complete("safetensorsfs --cat m.safetensors " + typed)
    open_quote = typed[0] if typed[0] in "'\"" and line.count(typed[0]) == 1 else ""
    assert shlex.split(line + open_quote)[-1] == word


def test_source_that_is_none(shell):
    """No error reaches the terminal, and nothing is offered."""
    for source in ("nosuch", "notes.txt"):
        line = f"safetensorsfs --cat {source} "
        assert shell.offers(line) == []
        assert isinstance(shell, shells.Fish) or shell.complete(line + "x") == line + "x"


def test_unmount(shell, here, fuse, tmp_path):
    """What is mounted, by its whole path, however odd; else folders."""
    with harness.Mount(here / "m.safetensors", tmp_path, name="place to 'mount") as mounted:
        for option in ("-u", "--unmount", "-uz"):
            offers = shell.offers(f"safetensorsfs {option} {tmp_path}/")
            assert [offer.rstrip("/") for offer in offers] == [mounted.path]
        assert shell.complete("safetensorsfs -u ho") == "safetensorsfs -u home/"
