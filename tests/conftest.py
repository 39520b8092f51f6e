# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the mount and client tests, and the rules that hold for all of them.

- REQUIRE=all turns every skip into a failure, so that a machine meant to run all cannot
  quietly run less.
- A test that fails leaves `repro.sh`, the mount command, in its work folder.
- A test that takes too long loses its daemons, which frees it.
- After the last test nothing of ours may be mounted.
"""
import os
import shutil
import subprocess
import tempfile
import threading

import pytest

import harness
import make_model

REQUIRE_ALL = os.environ.get("REQUIRE") == "all"
TEST_SECONDS = 300
DISK_BYTES = 4 << 30  # the most that the work folders take at a time
OPEN_PREFIX = "safetensorsfs-test-"


def pytest_configure(config):
    """Name our marks, so that a misspelt one is an error under --strict-markers."""
    config.addinivalue_line("markers", "heavy: needs torch or a package of its size")


def pytest_sessionstart(session):
    """Say at once that the disk is too small, rather than by a hundred strange failures."""
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if free < DISK_BYTES and not session.config.option.collectonly:
        pytest.exit(f"{folder}: {free >> 20} MiB free, but the tests take up to "
                    f"{DISK_BYTES >> 20}; make room, or set TMPDIR", returncode=3)


def fail_instead_of_skip(report):
    """Turn a skip into a failure with the same reason, if all is required."""
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"REQUIRE=all: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """A file skipped as a whole counts as well."""
    outcome = yield
    fail_instead_of_skip(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Apply REQUIRE=all, and say of a failure how to repeat its mounts."""
    outcome = yield
    report = outcome.get_result()
    fail_instead_of_skip(report)
    if report.failed:
        for mount in harness.touched:
            script = mount.write_repro()
            report.sections.append((f"mount: {script}", mount.output()))


@pytest.fixture(scope="session", autouse=True)
def sweep(tmp_path_factory):
    """When all is over, unmount what a test left behind, and fail for it."""
    yield
    base = str(tmp_path_factory.getbasetemp())
    left = [entry["path"] for entry in harness.mount_table() if entry["type"] == harness.TYPE
            and (entry["path"].startswith(base) or OPEN_PREFIX in entry["path"])]
    for path in left:
        harness.unmount(path, lazy=True)
    assert not left, f"still mounted after the last test: {left}"


@pytest.fixture(autouse=True)
def watchdog():
    """Kill the daemons of a test that hangs, and forget the mounts of the test before."""
    harness.touched[:] = [mount for mount in harness.touched if not mount.closed]
    timer = threading.Timer(TEST_SECONDS, harness.kill_running)
    timer.daemon = True
    timer.start()
    yield
    timer.cancel()


@pytest.fixture(scope="session")
def driver():
    """The path of the program under test."""
    path = harness.find_driver()
    if path is None or not os.access(path, os.X_OK):
        pytest.fail(f"no driver at {path or 'build-dev/fs or build/fs'}: build it first")
    return path


@pytest.fixture(scope="session")
def plain():
    """The path of a driver whose sandbox is on: one without sanitizers."""
    path = harness.find_plain_driver()
    if path is None:
        pytest.skip("no driver without sanitizers; name one in $SAFETENSORSFS_PLAIN")
    return path


@pytest.fixture(scope="session")
def fuse(driver):
    """Skip where nothing can be mounted."""
    reason = harness.why_no_fuse()
    if reason:
        pytest.skip(reason)
    return driver


@pytest.fixture(scope="session")
def root():
    """Skip what only root may try."""
    if os.geteuid() != 0:
        pytest.skip("needs root")


class Connection:
    """What the kernel knows of a mount's connection to its daemon, by its fusectl."""

    def __init__(self, folder, mount):
        minor = harness.mounts_at(mount.path)[-1]["device"].rpartition(":")[2]
        self.folder = os.path.join(folder, minor)

    def waiting(self):
        """How many requests are not answered yet."""
        with open(os.path.join(self.folder, "waiting"), encoding="ascii") as file:
            return int(file.read())

    def abort(self):
        """End it by force."""
        with open(os.path.join(self.folder, "abort"), "w", encoding="ascii") as file:
            file.write("1")


@pytest.fixture(scope="session")
def connection(root, tmp_path_factory):
    """connection(mount): its Connection, which outlives a lazy unmount."""
    folder = tmp_path_factory.mktemp("fusectl")
    if subprocess.run(["mount", "-t", "fusectl", "none", folder], check=False).returncode != 0:
        pytest.skip("the fusectl file system cannot be mounted")
    yield lambda mount: Connection(folder, mount)
    subprocess.run(["umount", folder], check=True)


def close_all(mounts):
    """Close in reverse order; the first problem is raised after all are down."""
    problems = []
    for mount in reversed(mounts):
        try:
            mount.close()
        except AssertionError as error:
            problems.append(str(error))
    assert not problems, "\n".join(problems)


@pytest.fixture
def mount(fuse, tmp_path):
    """mount(SOURCE, 'option', ...) mounts in the test's own folder until the test ends."""
    mounts = []

    def start(source, *options, **more):
        more.setdefault("name", f"mnt{len(mounts) or ''}")
        more.setdefault("work", tmp_path)
        mounts.append(harness.Mount(source, more.pop("work"), *options, **more))
        return mounts[-1].start()

    yield start
    close_all(mounts)


@pytest.fixture(scope="module")
def module_mount(fuse, tmp_path_factory):
    """The same for mounts that all tests of a file share: they only read."""
    mounts = []

    def start(source, *options):
        work = tmp_path_factory.mktemp("shared-mount")
        mounts.append(harness.Mount(source, work, *options))
        return mounts[-1].start()

    yield start
    close_all(mounts)


@pytest.fixture(scope="session")
def edge_file(tmp_path_factory):
    """The file with every dtype, shape and name that ever made trouble."""
    path = tmp_path_factory.mktemp("models") / "edge.safetensors"
    make_model.main(["edge", str(path)])
    return path


@pytest.fixture(scope="module")
def edge(edge_file, module_mount):
    """A mount of it, for one test file."""
    return module_mount(edge_file)


@pytest.fixture(scope="session")
def sharded_folder(tmp_path_factory):
    """A small model of four shards; tests that change it copy it first."""
    path = tmp_path_factory.mktemp("models") / "sharded"
    make_model.main(["sharded", str(path)])
    return path


@pytest.fixture
def open_folder():
    """A work folder that other users can reach, as pytest's own cannot be."""
    path = tempfile.mkdtemp(prefix=OPEN_PREFIX)
    os.chmod(path, 0o755)
    yield path
    for entry in harness.mount_table():
        if entry["path"].startswith(path):
            harness.unmount(entry["path"], lazy=True)
    shutil.rmtree(path)


@pytest.fixture
def place(open_folder):
    """A folder that anyone can reach, with a model and two places to mount it."""
    source = os.path.join(open_folder, "m.safetensors")
    make_model.write_file(source, list(make_model.small_sharded()))
    os.chmod(source, 0o644)
    for name in ("mine", "theirs"):
        os.mkdir(os.path.join(open_folder, name))
    os.chown(os.path.join(open_folder, "theirs"), 65534, 65534)
    return open_folder
