# SPDX-License-Identifier: Apache-2.0
"""--check gives the reference's verdict on every file of the corpus, and its word for it."""
import re
import resource

import pytest

import compare
import expected
import faults
import harness
import make_model
import safetensors_reader
from make_model import Spec
from verdicts import CORPUS, TABLE, rows

SMALL_STACK = 256 << 10


def answers(paths, driver=None, **options):
    """What one run of --check says: {path: (word, number of tensors or None)}."""
    result = harness.run("--check", *paths, timeout=300, driver=driver, **options)
    found = {}
    for line in result.stdout.splitlines():
        path, count = re.fullmatch(r"(.+): ok, (\d+) tensors?", line).groups()
        assert path not in found
        found[path] = ("ok", int(count))
    for line in result.stderr.splitlines():
        if "warning" in line:
            continue
        match = harness.ERROR_LINE.fullmatch(line)
        assert match, f"not an error line: {line!r}"
        path = next(path for path in paths if line.startswith(f"safetensorsfs: {path}: "))
        assert path not in found, f"two answers: {line}"
        found[path] = (match.group(1), None)
    bad = any(word != "ok" for word, _ in found.values())
    assert result.returncode == (1 if bad else 0)
    return found


def test_table_and_files():
    """The table lists the files that are there, and enough of them."""
    files = {path.name for path in CORPUS.iterdir() if path != TABLE and path.is_file()}
    listed = {file for file, _ in rows()}
    assert listed <= files
    assert len(listed) >= 386


def test_verdicts(driver):
    """All files in one run, so that one file's end cannot be another's beginning."""
    table = {str(CORPUS / file): words for file, words in rows()}
    found = answers(list(table))
    assert set(found) == set(table)
    wrong = {path: (found[path][0], words) for path, words in table.items()
             if found[path][0] not in words}
    assert not wrong


def small_stack():
    """What a child does before the program begins; its threads get stacks as small."""
    resource.setrlimit(resource.RLIMIT_STACK, (SMALL_STACK, SMALL_STACK))


def test_small_stack():
    """Nothing recurses on what is in a file: the same verdicts with a stack of 256 KiB."""
    paths = [str(CORPUS / file) for file, _ in rows()]
    plain = faults.plain_driver()
    assert answers(paths, plain, preexec_fn=small_stack) == answers(paths, plain)


def test_small_stack_while_serving(edge_file, tmp_path, mount):
    """The worst names and shapes, and a name 30,000 folders deep, on stacks of 256 KiB."""
    deep = tmp_path / "deep.safetensors"
    make_model.write_file(deep, [Spec("x." * 30_000 + "leaf", "U8", (3,)),
                                 Spec("r", "U8", (1,) * 20_000)])
    before = resource.getrlimit(resource.RLIMIT_STACK)
    for source in (edge_file, deep):
        resource.setrlimit(resource.RLIMIT_STACK, (SMALL_STACK, before[1]))
        try:
            mounted = mount(source, driver=faults.plain_driver())
        finally:
            resource.setrlimit(resource.RLIMIT_STACK, before)
        compare.check_tree(mounted.path, mounted.model)
        for view in expected.VIEWS:
            for path in compare.files_below(mounted.at(".view", view)):
                compare.slurp(mounted.at(".view", view, path))


def test_counts(driver):
    """Of the good ones the number of tensors is told right."""
    paths = [str(CORPUS / file) for file, words in rows() if words == {"ok"}]
    for path, (_, count) in answers(paths).items():
        assert count == len(safetensors_reader.read_shard(path).tensors), path


@pytest.mark.parametrize("file", ["dup_", "pad_", "meta_null", "info_as_array"])
def test_odd_good_files_mount(file, mount):
    """What the written format forbids and the reference reads can be mounted."""
    good = [name for name, words in rows() if words == {"ok"} and name.startswith(file)]
    assert good
    for name in good[:3]:
        mounted = mount(CORPUS / name)
        compare.check_tree(mounted.path, mounted.model)
