# SPDX-License-Identifier: Apache-2.0
"""In the sandbox: the driver as it is shipped serves as before, however it was started.

inside.py reads what the processes gave up.
"""
import hashlib
import os
import subprocess

import pytest

import compare
import faults
import harness
import make_model
from inside import check_given_up, status, threads, worker_of
from users import FUSE_FOR_ALL, NOBODY, reachable, within

SYS_ADMIN, DAC_READ_SEARCH = 1 << 21, 1 << 2
CYCLES = 60


@pytest.fixture
def source(tmp_path):
    """A small model."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, list(make_model.small_sharded()))
    return path


@pytest.fixture
def shipped(fuse, plain, mount):
    """shipped(SOURCE, ...) mounts with the plain driver."""
    return lambda source, *options, **more: mount(source, *options, driver=plain, **more)


def read_all(folder):
    """Every file below, in every view."""
    for view in os.listdir(os.path.join(folder, ".view")):
        for path in compare.files_below(os.path.join(folder, ".view", view)):
            compare.slurp(os.path.join(folder, ".view", view, path))


# ---- what is given up ----

@pytest.mark.parametrize("words", [[], ["-s"], ["-d"]])
def test_every_thread(source, shipped, root, words):
    """No capability in any set, no new privileges, a filter: before and after many requests."""
    mounted = shipped(source, words=words)
    worker = worker_of(mounted.process.pid)
    check_given_up(worker)
    readers = [subprocess.Popen(["cat", mounted.at(".view", view, name)],
                                stdout=subprocess.DEVNULL)
               for view, name in (("npz", "model.npz"), ("torch", "pytorch_model.bin"),
                                  ("model", "model.safetensors")) * 4]
    read_all(mounted.path)
    assert [reader.wait() for reader in readers] == [0] * len(readers)
    check_given_up(worker)
    assert len(threads(worker)) > 1  # the one that drops pages, at least


def test_what_is_inherited(source, shipped, root):
    """What the caller passes on: rights that programs keep, and a file open for writing."""
    before = 'grep CapAmb /proc/self/status >&2; exec 9<>"$0" && exec "$@"'
    caps = "+net_admin,+sys_admin"
    mounted = shipped(source, prefix=["setpriv", f"--inh-caps={caps}", f"--ambient-caps={caps}",
                                      "sh", "-c", before, str(source.with_suffix(".secret"))])
    assert mounted.output() == f"CapAmb:\t{1 << 12 | SYS_ADMIN:016x}\n"
    worker = worker_of(mounted.process.pid)
    check_given_up(worker)
    names = {os.readlink(f"/proc/{worker}/fd/{fd}") for fd in os.listdir(f"/proc/{worker}/fd")}
    assert {name for name in names if not name.startswith("pipe:")} == \
        {str(source), "/dev/fuse", "/dev/null"}


def test_supervisor(source, shipped, root):
    """The process outside keeps what unmounting takes."""
    mounted = shipped(source)
    kept = status(f"/proc/{mounted.process.pid}")
    assert kept["CapInh"] == kept["CapAmb"] == 0
    assert kept["CapPrm"] == kept["CapEff"] == kept["CapBnd"] == SYS_ADMIN | DAC_READ_SEARCH


def test_off(source, shipped, root):
    """With -o sandbox=off nothing is given up."""
    before = status("/proc/self")
    mounted = shipped(source, "sandbox=off")
    for pid in (mounted.process.pid, worker_of(mounted.process.pid)):
        assert status(f"/proc/{pid}") == before


def test_default_of_the_build(source, mount, driver):
    """On, but for a driver that watches itself and has to write reports."""
    mounted = mount(source)
    (found,) = {status(folder)["Seccomp"] for folder in threads(worker_of(mounted.process.pid))}
    assert found == (0 if harness.is_sanitized(driver) else 2)


@pytest.mark.parametrize("value", ["", "yes", "ON", "required", "on "])
def test_malformed_option(source, driver, tmp_path, value):
    """Any other word is misuse."""
    result = harness.run("-f", source, tmp_path, "-o", f"sandbox={value}")
    assert harness.error_word(result, 2) == "usage"
    assert "off, on, require" in result.stderr


# ---- all is served as before ----

@pytest.mark.parametrize("io", ["map", "pread"])
@pytest.mark.parametrize("model", ["edge_file", "sharded_folder"])
def test_same_bytes(request, shipped, model, io):
    """Every file of every view, byte for byte what it is without a sandbox."""
    path = request.getfixturevalue(model)
    inside, outside = shipped(path, f"io={io}", "sandbox=require"), shipped(path, "sandbox=off")
    compare.check_tree(inside.path, inside.model)
    for view in os.listdir(outside.at(".view")):
        files = compare.files_below(outside.at(".view", view))
        assert compare.files_below(inside.at(".view", view)) == files
        for name in files:
            assert compare.slurp(inside.at(".view", view, name)) == \
                compare.slurp(outside.at(".view", view, name)), name
    for mounted in (inside, outside):
        assert mounted.output() == ""


def test_read_ahead(source, shipped, root):
    """What only root can set is set before the rights to it go."""
    mounted = shipped(source)
    (entry,) = harness.mounts_at(mounted.path)
    with open(f"/sys/class/bdi/{entry['device']}/read_ahead_kb", encoding="ascii") as file:
        assert file.read() == "1024\n"


def test_cycles(source, shipped, plain):
    """Mount, read and unmount again and again: no message, no status, nothing left."""
    for number in range(CYCLES):
        mounted = shipped(source, name="mnt", words=["-s"] if number % 6 == 5 else [])
        read_all(mounted.path)
        mounted.close()
        assert mounted.output() == ""


# ---- others than root ----

SERVE = ('"$0" "$1" "$2" && sha256sum <"$2/lm_head/weight.bin" && read line && '
         '(fusermount3 -u "$2" || umount "$2")')


def check_served(prefix, program, place, **but):
    """Somebody else mounts, reads and unmounts; meanwhile the worker has nothing left."""
    source, where = os.path.join(place, "m.safetensors"), os.path.join(place, "theirs")
    spec = next(s for s in make_model.small_sharded() if s.name == "lm_head.weight")
    job = subprocess.Popen([*prefix, "sh", "-c", SERVE, program, source, where],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        digest = hashlib.sha256(make_model.expected(spec)).hexdigest()
        assert job.stdout.readline() == f"{digest}  -\n"
        (worker,) = [pid for pid in harness.processes(where) if harness.children(pid) == []]
        check_given_up(worker, **but)
    finally:
        job.communicate("\n", timeout=60)
    assert job.returncode == 0
    harness.wait_for("the end of all processes", lambda: not harness.processes(where))


def test_user(plain, place, fuse, root):
    """A user mounts by fusermount3; the bounding set stays, for it takes a right to drop it."""
    check_served(within(FUSE_FOR_ALL, *NOBODY), reachable(plain, place), place,
                 CapBnd=status("/proc/self")["CapBnd"])


def test_user_namespace(plain, place, fuse, root):
    """Where a user is root of a namespace of his own."""
    prefix = within(FUSE_FOR_ALL, *NOBODY, "unshare", "-Urm")
    if subprocess.run([*prefix, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("users may not have namespaces here")
    check_served(prefix, reachable(plain, place), place)


# ---- kernels that lack a part ----

SECCOMP = ["seccomp,prctl:22"]
LANDLOCK = ["landlock_create_ruleset"]
LACKS = [(number, calls, name)
         for calls, name in ((SECCOMP, "seccomp"), (LANDLOCK, "Landlock"))
         for number in ("ENOSYS", "EPERM", "EOPNOTSUPP")]


@pytest.mark.parametrize("number, calls, name", LACKS)
def test_part_missing(source, shipped, number, calls, name):
    """The rest is there, all is served, and one line says what is missing."""
    mounted = shipped(source, prefix=[faults.tool("refuse"), number, *calls])
    read_all(mounted.path)
    (line,) = harness.wait_for("a warning", mounted.output).splitlines()
    assert line.startswith("safetensorsfs: warning: ") and name in line
    found = status(f"/proc/{worker_of(mounted.process.pid)}")
    assert found["CapPrm"] == found["CapEff"] == 0 and found["NoNewPrivs"] == 1
    mounted.close()
    quiet = shipped(source, "sandbox=off", name="quiet",
                    prefix=[faults.tool("refuse"), number, *calls])
    assert quiet.output() == ""


@pytest.mark.parametrize("words", [["-f"], []])
@pytest.mark.parametrize("number, calls, name", LACKS)
def test_part_required(source, plain, fuse, tmp_path, number, calls, name, words):
    """With -o sandbox=require there is no mount then, and no process; the person hears why."""
    where = tmp_path / "where"
    where.mkdir()
    result = subprocess.run(
        [faults.tool("refuse"), number, *calls, plain, *words, source, where, "-o",
         "sandbox=require"], capture_output=True, text=True, timeout=60, check=False)
    assert harness.error_word(result) == "mount"
    assert name in result.stderr.splitlines()[-1]
    assert len(result.stderr.splitlines()) == 1
    harness.wait_for("the end of all processes", lambda: not harness.processes(str(where)))
    assert not harness.mounts_at(where)


def test_required_and_there(source, shipped):
    """Where all is there, nothing is said."""
    mounted = shipped(source, "sandbox=require")
    read_all(mounted.path)
    assert mounted.output() == ""
