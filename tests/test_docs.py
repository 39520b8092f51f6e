# SPDX-License-Identifier: Apache-2.0
"""The manual page and the README say what --help says, and the page can be read.

Completions are compared with --help where they are driven: tests/test_completions.py.
"""
import re
import shlex
import shutil
import subprocess
import sys

import pytest

import documented
import harness
from harness import ROOT

PAGE = ROOT / "share" / "man" / "safetensorsfs.1"
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "THE MOUNTED TREE", "VIEWS", "NAMES",
            "NOTES", "LIMITATIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES",
            "DIAGNOSTICS", "SEE ALSO", "SECURITY"]

pytestmark = pytest.mark.usefixtures("driver")


def section(name):
    """The source of a section of the page, or of a subsection."""
    text = PAGE.read_text(encoding="ascii")
    pattern = rf"^\.S[hs] {re.escape(name)}\n(.*?)(?=^\.S[hs] |\Z)"
    return re.search(pattern, text, re.DOTALL | re.MULTILINE).group(1)


def items(text):
    """The heads of its lists, as a reader sees them."""
    heads = re.findall(r"^\.It (.*)", text, re.MULTILINE)
    return [re.sub(r" ?\bNs\b ?", "", re.sub(r"\b(Cm|Ar|Pa|Ev) ", "", head)) for head in heads]


def test_sections():
    """All that a page should have, in their order."""
    found = re.findall(r"^\.Sh (.*)", PAGE.read_text(), re.MULTILINE)
    assert found == SECTIONS


def test_options():
    """Each option, by all its names."""
    found = set()
    for head in items(section("OPTIONS")):
        found |= {"-" + name for name in re.findall(r"\bFl (-?[A-Za-z-]+)", head)}
    assert found == documented.switches()


def test_synopsis():
    """No option that is not explained, and each that says what to do."""
    used = set(re.findall(r"\bFl (-?[A-Za-z-]+)", section("SYNOPSIS")))
    letters = {letter for word in used if word[0] != "-" for letter in word}
    words = {word for word in used if word[0] == "-"}
    assert {"-" + name for name in letters | words} <= documented.switches()
    assert {"u", "f"} <= letters and {"-list", "-cat", "-check"} <= words


def test_mount_options():
    """Each name for -o, with the values that it may have."""
    found = {}
    for head in items(section("Mount options")):
        for name, _, values in (part.partition("=") for part in head.split(" , ")):
            found[name] = values.split(" | ") if " | " in values else []
    want = documented.mount_options()
    assert found.keys() == want.keys()
    for name, values in want.items():
        if name != "view":
            assert set(found[name]) == set(values), name


def test_views():
    """Each view has its item."""
    assert set(items(section("VIEWS"))) == set(documented.mount_options()["view"])


def test_environment():
    """Every variable that is asked for; PATH alone needs no word."""
    found = set()
    for path in ROOT.glob("fs/*.c"):
        found |= set(re.findall(r'(?:getenv|env_number)\("(\w+)"\)', path.read_text()))
    words = {name for head in items(section("ENVIRONMENT")) for name in re.findall(r"[A-Z_]+", head)}
    assert len(found) > 4 and words == found - {"PATH"}


def test_words_of_messages():
    """Every word that a message can end in."""
    words = re.findall(r'return "([a-z-]+)";', (ROOT / "core" / "error.c").read_text())
    found = re.findall(r"^\.(?:Cm|It Cm) ([a-z-]+)", section("DIAGNOSTICS"), re.MULTILINE)
    assert set(found) == set(words) - {"ok", "unknown"}


def test_readme():
    """The README has all options and views, too."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    words = set(re.findall(r"-{0,2}[A-Za-z_0-9]+", "\n".join(re.findall(r"`([^`\n]+)`", text))))
    assert documented.mount_options().keys() - {"exclude", "rename"} <= words
    assert set(documented.mount_options()["view"]) <= words
    assert {name for name in documented.switches() if name[1] == "-"} <= words | {
        "--help", "--version", "--verbose", "--unmount"}  # which have letters


def test_readme_sessions(tmp_path):
    """What the README shows of the sample model without a mount is what comes out of it."""
    subprocess.run([sys.executable, ROOT / "scripts" / "sample-model",
                    tmp_path / "model.safetensors"], check=True)
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    def words_of(output):
        """The words of its lines but for owners, dates and speeds."""
        output = re.sub(r"(?m)^(-\S+ \d+) \S+ \S+( +\d+) \S+ \S+", r"\1\2", output)
        return re.sub(r" at [\d.]+ \w+/s", "", output).split()

    seen = 0
    for session in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for command, output in re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", session, re.MULTILINE):
            if command.startswith("cat mnt/"):
                words = ["--cat", "model.safetensors", command.removeprefix("cat mnt/")]
            elif re.match(r"safetensorsfs --(check|list -l|extract) model", command):
                words = shlex.split(command)[1:]
            else:
                continue
            result = harness.run(*words, cwd=tmp_path)
            assert (result.returncode, result.stderr) == (0, "")
            assert words_of(result.stdout) == words_of(output), command
            seen += 1
    assert seen == 4


def need(program):
    """Skip without it."""
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def test_lint():
    """mandoc finds nothing to warn of."""
    need("mandoc")
    result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True,
                            text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "")


def test_rendering():
    """man(1) shows it without a complaint, and no line of it is wider than a terminal."""
    need("man")
    result = subprocess.run(["man", "--warnings", "-l", PAGE], capture_output=True, text=True,
                            env={"MANWIDTH": "80", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
                                 "MAN_KEEP_FORMATTING": "", "MANROFFOPT": "-c"}, check=False)
    text = re.sub(".\b", "", result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    lines = text.splitlines()
    assert [line for line in lines if re.fullmatch(r"[A-Z][A-Z ]+", line)] == SECTIONS
    assert max(map(len, lines)) <= 80
