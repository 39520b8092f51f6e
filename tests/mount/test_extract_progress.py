# SPDX-License-Identifier: Apache-2.0
"""The progress of --extract: on terminals of any width, and nowhere else."""
import os
import re
import signal
import subprocess

import pytest

import extracting
import harness
import make_model
from extracting import extract
from make_model import Spec
from terminals import SHORT, TINY, WHOLE, Terminal, lines

pytestmark = pytest.mark.usefixtures("driver")

def shown(source, folder, columns, *words, status=0, **more):
    """Extract on a terminal; returns (the text on it, standard output)."""
    terminal = Terminal(columns)
    process = subprocess.Popen(extracting.command(source, folder, *words, **more),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=terminal.slave, text=True, env=harness.environment())
    out = process.communicate(timeout=120)[0]
    assert process.returncode == status
    return terminal.close(), out


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A model that takes some time in the view f32."""
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    make_model.write_file(path, [Spec(f"t{number}", "BF16", (8 << 20,)) for number in range(8)])
    return path


@pytest.mark.parametrize("columns, form", [
    (20, TINY), (32, SHORT), (40, SHORT), (80, WHOLE), (132, WHOLE), (200, WHOLE), (1000, WHOLE)])
def test_widths(source, tmp_path, columns, form):
    """What has room, in one row that the last column is not a part of; then it is gone."""
    text, out = shown(source, tmp_path / "out", columns, options=["-o", "view=f32"])
    *states, last = lines(text)
    assert last.strip() == "" and len(last) < columns
    for state in states:
        assert len(state) < columns, state
        assert form.fullmatch(state.rstrip(" ")), state
    assert int(states[0].split("%")[0]) <= 10  # it is drawn at once, unless the machine is busy
    assert extracting.SUMMARY.fullmatch(out)
    percents = [int(state.split("%")[0]) for state in states]
    assert percents == sorted(percents) and percents[-1] <= 100


@pytest.mark.parametrize("columns", [1, 2, 4, 5, 6, 12])
def test_narrow(source, tmp_path, columns):
    """Where there is no room there is less, and nothing breaks."""
    text, _ = shown(source, tmp_path / "out", columns)
    assert all(len(state) < max(columns, 2) for state in text.split("\r"))


def test_unknown_width(source, tmp_path):
    """A terminal that does not tell is taken for one of 80 columns."""
    text, _ = shown(source, tmp_path / "out", 0)
    assert all(WHOLE.fullmatch(state.rstrip()) and len(state) == 79 for state in lines(text)[:-1])


def resized(source, out):
    """The lines of a run whose terminal is resized meanwhile, and of them those drawn later."""
    terminal = Terminal(120)
    process = subprocess.Popen(
        extracting.command(source, out, options=["-o", "view=f32"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal.slave,
        env=harness.environment())
    terminal.wait_for(1)  # the first line, which is written in one piece
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
    terminal.resize(50)
    drawn = len(terminal.text)
    process.send_signal(signal.SIGCONT)
    assert process.wait(120) == 0
    text = terminal.close()
    return lines(text), [state for state in text[drawn:].split("\r") if state]


def test_resized(source, tmp_path):
    """Lines are as wide as the terminal is when they are drawn."""
    later = []
    for number in range(10):  # a machine with other work may stop it only when all is done
        if not later:
            states, later = resized(source, tmp_path / f"out{number}")
            assert len(states[0]) > 80
    assert later and all(len(state) <= 49 for state in later)


def test_not_without_terminal(source, tmp_path):
    """No byte of it where standard error is a pipe or a file."""
    assert extract(source, tmp_path / "out").stderr == ""
    terminal = Terminal(80)  # of standard output
    process = subprocess.run(extracting.command(source, tmp_path / "again"), check=True,
                             stdin=terminal.slave, stdout=terminal.slave, stderr=subprocess.PIPE,
                             env=harness.environment())
    assert process.stderr == b""
    assert extracting.SUMMARY.fullmatch(terminal.close().replace("\r\n", "\n"))


def test_messages_between(source, tmp_path):
    """A message has its own line, and none of the progress is left on it."""
    for number in (0, 5):
        (tmp_path / "out" / f"t{number}.bin").mkdir(parents=True)
    text, out = shown(source, tmp_path / "out", 300, status=1)
    assert "; 2 failed" in out
    messages = [line for line in re.split(r"[\r\n]+", text) if "safetensorsfs" in line]
    assert sorted(messages) == [
        f"safetensorsfs: {tmp_path}/out/t{number}.bin: a folder stands where a file must be (io)"
        for number in (0, 5)]


def test_kept_files_count(source, tmp_path):
    """What is there already is done, and says nothing about the speed."""
    extract(source, tmp_path / "out", options=["-o", "view=f32"])
    os.unlink(tmp_path / "out" / "t7.npy")
    text, _ = shown(source, tmp_path / "out", 80, options=["-o", "view=f32"])
    percents = [int(state.split("%")[0]) for state in lines(text)[:-1]]
    assert len(percents) < 2 or percents[-1] >= 87


def test_sizes_of_large_models(tmp_path):
    """Sums of hundreds of gigabytes are right, from the first line on; stopped, it is soon over."""
    folder = tmp_path / "deepseek"
    make_model.main(["deepseek-v3", str(folder)])
    terminal = Terminal(80)
    process = subprocess.Popen(
        extracting.command(folder, tmp_path / "out", options=["-o", "view=model"]),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=terminal.slave,
        env=harness.environment())
    terminal.wait_for(160)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == -signal.SIGTERM
    subprocess.run(["rm", "-r", tmp_path / "out"], check=True)
    text = terminal.close()
    listed = harness.run("--list", "-l", folder, ".view/model/model.safetensors").stdout
    total = int(listed.split()[4])
    assert total > sum(spec.size for spec in make_model.deepseek_v3()) > 680e9
    states = [state for state in text.split("\r") if "%" in state]
    assert states and all(f" of {total / 1e9:.1f} GB " in state for state in states)
