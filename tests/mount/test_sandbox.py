# SPDX-License-Identifier: Apache-2.0
"""Out of the sandbox: what a serving process that was taken over may try, and what it gets.

The probe (tests/sandbox/probe.c) is the plain driver with system calls of our choice in it,
made by the threads that serve. A name that is looked up in the mount says which.
"""
import concurrent.futures
import contextlib
import errno
import itertools
import os
import re
import signal
import socket
import subprocess

import pytest

import faults
import harness
import make_model
from make_model import Spec

CWD = -100
READ, WRITE, EXEC = 1, 2, 4
PRIVATE_ANONYMOUS = 0x22
NEW_USER, NEW_NET = 0x10000000, 0x40000000
THREAD = 0x3D0F00  # the flags of a thread, as the C library starts it
ABSENT = -10000  # the probe's machine has no such call
GATHERED = ("npy", "f32", "flat", "torch")  # views: the kernel asks one thing at a time of each


class Probe:
    """A mount of the probe, and calls from inside."""

    def __init__(self, mounted):
        self.mounted = mounted
        self.ids = itertools.count()

    def send(self, *words, first="probe", folder=""):
        """Have a call made; returns the thread and the result, or None if it never came back."""
        number = next(self.ids)
        name = ".".join(map(str, (first, number, *words)))
        with contextlib.suppress(OSError):
            os.stat(self.mounted.at(folder, name))
        line = re.compile(rf"^probe: {number} (\d+) (-?\d+)$", re.MULTILINE)

        def answer():
            dead = self.mounted.process.poll() is not None
            return line.search(self.mounted.output()) or dead

        found = harness.wait_for(f"an answer to {name}", answer)
        return None if found is True else (int(found[1]), int(found[2]))

    def call(self, *words):
        """The result of a call: negative errno, as the kernel has it."""
        answer = self.send(*words)
        assert answer, f"{words} did not come back: {self.mounted.output()}"
        return answer[1]

    def check_calls(self, calls, result):
        """All of the calls that this machine has come to the same result."""
        results = {words: self.call(*words) for words in calls}
        there = {words: got for words, got in results.items() if got != ABSENT}
        assert there and there == dict.fromkeys(there, result)

    def check_killed(self, *words):
        """The call ends the process, and the mount with it."""
        answer = self.send(*words)
        if answer and answer[1] == ABSENT:
            pytest.skip("no such call on this machine")
        assert answer is None
        check_end(self.mounted)


def wait_for_words(mounted, words):
    """What the driver said, once it said this: its lines come by way of the supervisor."""
    return harness.wait_for(f"the words {words}", lambda: words in mounted.output()
                            and mounted.output())


def check_end(mounted):
    """The worker was killed for a forbidden call: said so, and nothing is left."""
    mounted.expect_exit = None
    assert mounted.wait() == 1
    assert "tried to leave its sandbox" in mounted.output()
    assert not harness.mounts_at(mounted.path)


@pytest.fixture(scope="session")
def program(fuse, plain):
    """The probe's path."""
    path = os.path.join(os.path.dirname(os.path.dirname(plain)), "tests", "sandbox",
                        "safetensorsfs-probe")
    if not os.access(path, os.X_OK):
        pytest.skip(f"no {path}: build it with ninja tests/sandbox/safetensorsfs-probe")
    return path


@pytest.fixture
def victim(tmp_path):
    """A file outside the mount that nobody may touch."""
    path = tmp_path / "victim"
    path.write_text("untouched")
    before = os.stat(path)
    yield path
    after = os.stat(path)
    assert path.read_text() == "untouched"
    assert (after.st_mode, after.st_uid, after.st_nlink, after.st_mtime_ns, after.st_ctime_ns) \
        == (before.st_mode, before.st_uid, before.st_nlink, before.st_mtime_ns,
            before.st_ctime_ns)


@pytest.fixture
def bystander():
    """A process of the same user that nobody may end."""
    process = subprocess.Popen(["sleep", "1000"])
    yield process
    assert process.poll() is None
    process.kill()
    process.wait()


@pytest.fixture
def probe(program, victim, bystander, mount, tmp_path):
    """probe('option', ..., refused=[ERRNO, NAMES]) mounts the probe, on such a kernel."""
    source = tmp_path / "m.safetensors"
    make_model.write_file(source, [Spec("a", "U8", (100000,))])

    def start(*options, refused=(), **variables):
        env = dict(harness.environment(), PROBE_PATH=str(victim), PROBE_PID=str(bystander.pid),
                   **variables)
        prefix = [faults.tool("refuse"), *refused] if refused else []
        return Probe(mount(source, *options, driver=program, env=env, prefix=prefix))

    return start


def source_fd(probe):
    """The descriptor that the worker has of the source."""
    (worker,) = harness.children(probe.mounted.process.pid)
    folder = f"/proc/{worker}/fd"
    (fd,) = [fd for fd in os.listdir(folder)
             if os.readlink(f"{folder}/{fd}") == probe.mounted.source]
    return fd


OPENING = [
    ("open", "PATH", 0), ("open", "PATH", os.O_RDWR), ("openat", CWD, "PATH", 0),
    ("openat", CWD, "PATH", os.O_WRONLY | os.O_CREAT, 0o600), ("openat", CWD, "DOT", 0),
    ("openat", CWD, "MEM", os.O_RDWR), ("openat", CWD, "FUSE", os.O_RDWR),
    ("openat2", CWD, "PATH", "ZEROS", 24),
]
BY_NAME = OPENING + [
    ("openat", CWD, "DOT", os.O_PATH), ("creat", "PATH", 0o600), ("access", "PATH", 0),
    ("faccessat", CWD, "PATH", 0),
    ("readlink", "MEM", "ZEROS", 100), ("readlinkat", CWD, "MEM", "ZEROS", 100),
    ("statfs", "PATH", "ZEROS"), ("stat", "PATH", "ZEROS"), ("lstat", "PATH", "ZEROS"),
]


def test_files_by_name(probe):
    """No path can be opened, on any thread, nor the descriptors' own files."""
    probe().check_calls(BY_NAME, -errno.EACCES)


def test_state_of_paths(probe):
    """What SECURITY.md admits: stat by path is left, as the C library's fstat() may be it."""
    assert probe().call("newfstatat", CWD, "PATH", "ZEROS", 0) == 0


UNKNOWN = [
    ("memfd_create", "PATH", 0), ("io_uring_setup", 8, "ZEROS"), ("clone3", "ZEROS", 88),
    ("fcntl", 0, 3), ("ioctl", 0, 0x5413, "ZEROS"), ("dup", 0), ("pipe2", "ZEROS", 0),
    ("prlimit64", 0, 7, 0, "ZEROS"), ("setrlimit", 7, "ZEROS"), ("personality", 0x400000),
    ("pwrite64", 0, "ZEROS", 1, 0), ("sendfile", 2, 0, 0, 1), ("splice", 0, 0, 2, 0, 1, 0),
    ("copy_file_range", 0, 0, 2, 0, 1, 0), ("flock", 0, 2), ("inotify_init1", 0),
    ("chdir", "PATH"), ("fchdir", 0), ("getdents64", 0, "ZEROS", 100), ("epoll_create1", 0),
    ("shmget", 1, 4096, 0o1600), ("mq_open", "PATH", 0o102, 0o600, 0), ("remap_file_pages",),
    ("landlock_create_ruleset", 0, 0, 1), ("seccomp", 2, 0, 0), ("prctl", 1, 0),
    ("prctl", 4, 0), ("prctl", 22, 2, 0), ("prctl", 38, 0), ("pkey_mprotect",),
    ("setpriority", 0, 0, 19), ("swapon", "PATH", 0), ("iopl", 3), ("ioperm", 0, 1, 1),
    ("clock_settime", 0, "ZEROS"), ("acct", "PATH"), ("syslog", 3, "ZEROS", 100),
    ("vmsplice", 2, "ZEROS", 1, 0), ("100000",),
]


def test_unknown_calls(probe):
    """What serving does not take is not there: libraries do without, and so must others."""
    probe().check_calls(UNKNOWN, -errno.ENOSYS)


def test_memory(probe):
    """Memory as usual, but nothing in it becomes code, whether it can be written or not."""
    inside = probe()
    area = inside.call("mmap", 0, 8192, READ | WRITE, PRIVATE_ANONYMOUS, -1, 0)
    assert area > 0
    assert inside.call("mprotect", area, 4096, READ) == 0
    for rights in (EXEC, READ | EXEC, READ | WRITE | EXEC):
        assert inside.call("mprotect", area, 4096, rights) == -errno.ENOSYS
        assert inside.call("mmap", 0, 4096, rights, PRIVATE_ANONYMOUS, -1, 0) == -errno.ENOSYS
    assert inside.call("munmap", area, 8192) == 0


def test_itself(probe):
    """It may do to itself what abort() and the end of a thread take."""
    inside = probe()
    thread, _ = inside.send("getpid")
    assert inside.call("tgkill", "SELF", thread, 0) in (0, -errno.ESRCH)
    assert inside.call("prctl", 15, "ZEROS") == 0  # a thread's name
    assert inside.call("clone", THREAD | NEW_NET, 0, 0, 0, 0) == -errno.ENOSYS


def test_source_is_read_only(probe):
    """The descriptor of the source reads, and no more."""
    inside = probe()
    fd = source_fd(inside)
    assert inside.call("pread64", fd, "ZEROS", 8, 0) == 8
    assert inside.call("write", fd, "ZEROS", 1) == -errno.EBADF
    assert inside.call("mmap", 0, 4096, READ | WRITE, 1, fd, 0) == -errno.EACCES
    assert inside.call("ioctl", fd, 0x40086602, "ZEROS") == -errno.ENOSYS


DEADLY = [
    ("execve", "TRUE", "PROGRAM", "PROGRAM"), ("execveat", CWD, "TRUE", "PROGRAM", "PROGRAM", 0),
    ("fork",), ("vfork",), ("clone", signal.SIGCHLD), ("clone", signal.SIGCHLD | NEW_USER),
    ("ptrace", 16, "PID", 0, 0), ("ptrace", 0, 0, 0, 0), ("process_vm_readv", "PID"),
    ("process_vm_writev", "PID"), ("pidfd_open", "PID", 0), ("pidfd_getfd", 0, 0, 0),
    ("kill", "PID", signal.SIGKILL), ("kill", "SELF", 0), ("tkill", "PID", signal.SIGKILL),
    ("tgkill", "PID", "PID", signal.SIGKILL), ("rt_sigqueueinfo", "PID", 9, "ZEROS"),
    ("socket", 1, 1, 0), ("socket", 2, 1, 0), ("socket", 16, 3, 0),
    ("socketpair", 1, 1, 0, "ZEROS"), ("connect", 0, "PORT", 16), ("bind", 0, "PORT", 16),
    ("listen", 0, 1), ("accept4", 0, 0, 0, 0), ("sendto", 0, "ZEROS", 1, 0, "PORT", 16),
    ("sendmsg", 0, "ZEROS", 0), ("recvmsg", 0, "ZEROS", 0),
    ("mount", "PATH", "PATH", "PATH", 4096, 0), ("umount2", "PATH", 2), ("chroot", "DOT"),
    ("pivot_root", "DOT", "DOT"), ("unshare", NEW_USER), ("setns", 0, 0),
    ("open_tree", CWD, "PATH", 1), ("move_mount", 0, "DOT", 0, "DOT", 0), ("fsopen", "PATH", 0),
    ("open_by_handle_at", 0, "ZEROS", 0), ("name_to_handle_at", CWD, "PATH", "ZEROS", "ZEROS", 0),
    ("capset", "ZEROS", "ZEROS"), ("setuid", 0), ("setresuid", 0, 0, 0), ("setgroups", 0, 0),
    ("keyctl", 0, 0), ("add_key", "PATH", "PATH", 0, 0, 0), ("bpf", 0, "ZEROS", 0),
    ("perf_event_open", "ZEROS", 0, -1, -1, 0), ("userfaultfd", 0),
    ("init_module", "ZEROS", 0, "ZEROS"), ("kexec_load", 0, 0, 0, 0), ("reboot", 0, 0, 0, 0),
    ("chmod", "PATH", 0o777), ("fchmodat", CWD, "PATH", 0o777, 0), ("chown", "PATH", 1, 1),
    ("fchownat", CWD, "PATH", 1, 1, 0), ("utimensat", CWD, "PATH", 0, 0), ("utimes", "PATH", 0),
    ("link", "PATH", "PATH"), ("linkat", CWD, "PATH", CWD, "PATH", 0), ("unlink", "PATH"),
    ("unlinkat", CWD, "PATH", 0), ("rename", "PATH", "PATH"), ("symlink", "PATH", "PATH"),
    ("mkdir", "PATH", 0o700), ("rmdir", "PATH"), ("mknod", "PATH", 0o10600, 0),
    ("truncate", "PATH", 0), ("setxattr", "PATH", "PATH", 0, 0, 0),
    ("int80",), ("x32",),
]


@pytest.mark.parametrize("words", DEADLY, ids=lambda words: "-".join(map(str, words)))
def test_deadly_calls(probe, words):
    """What no server needs ends it: the mount goes, and a line says why."""
    probe().check_killed(*words)


@pytest.mark.parametrize("words", [("fchmod", 0o777), ("fchown", 1, 1), ("ftruncate", 0),
                                   ("fallocate", 0, 0, 1), ("fsetxattr", "PATH", 0, 0, 0)],
                         ids=lambda words: words[0])
def test_source_by_descriptor(probe, words):
    """Neither can the source be changed through the descriptor that it is read by."""
    inside = probe()
    before = os.stat(inside.mounted.source)
    inside.check_killed(words[0], source_fd(inside), *words[1:])
    after = os.stat(inside.mounted.source)
    assert (after.st_mode, after.st_ctime_ns) == (before.st_mode, before.st_ctime_ns)


def test_every_thread(probe):
    """Threads that serve at the same time are all inside, whichever was started when."""
    inside = probe()
    with concurrent.futures.ThreadPoolExecutor(len(GATHERED)) as pool:
        def send_all(*words):
            jobs = [pool.submit(inside.send, *words, first="gather", folder=f".view/{view}")
                    for view in GATHERED]
            return [job.result() for job in jobs]

        for words, result in ((("openat", CWD, "PATH", 0), -errno.EACCES),
                              (("fcntl", 0, 3), -errno.ENOSYS)):
            answers = send_all(*words)
            assert len({thread for thread, _ in answers}) == len(GATHERED)
            assert {result for _, result in answers} == {result}
        assert send_all("socket", 1, 1, 0) == [None] * len(GATHERED)
    check_end(inside.mounted)


def test_single_thread(probe, program, victim, tmp_path, mount):
    """With -s, too."""
    source = tmp_path / "s.safetensors"
    make_model.write_file(source, [Spec("a", "U8", (1,))])
    env = dict(harness.environment(), PROBE_PATH=str(victim))
    inside = Probe(mount(source, driver=program, env=env, words=["-s"]))
    assert inside.call("openat", CWD, "PATH", 0) == -errno.EACCES
    inside.check_killed("execve", "TRUE", "PROGRAM", "PROGRAM")


def test_closed_messages(probe):
    """A worker that closes its pipe to look as if it had ended is ended."""
    inside = probe()
    inside.mounted.expect_exit = None
    assert inside.send("close", 2) is None  # no pipe, no answer
    assert inside.mounted.wait() == 1
    assert "killed by signal 9" in inside.mounted.output()
    assert not harness.mounts_at(inside.mounted.path)


def test_control_characters(probe):
    """What it says to the terminal behind the supervisor is text."""
    inside = probe()
    assert inside.call("write", 2, "ESCAPES", 17) == 17
    said = wait_for_words(inside.mounted, "red")
    assert not {c for c in said if not c.isprintable() and c != "\n"}


# ---- one wall at a time ----

def test_outside(probe):
    """Without a sandbox the same calls succeed: the probe would notice."""
    inside = probe("sandbox=off")
    for words in (("openat", CWD, "PATH", 0), ("openat", CWD, "MEM", os.O_RDWR),
                  ("memfd_create", "PATH", 0), ("socket", 1, 1, 0), ("fcntl", 0, 3),
                  ("mmap", 0, 4096, READ | WRITE | EXEC, PRIVATE_ANONYMOUS, -1, 0),
                  ("kill", "PID", 0), ("newfstatat", CWD, "PATH", "ZEROS", 0),
                  ("stat", "PATH", "ZEROS"), ("statfs", "PATH", "ZEROS"), ("dup", 0),
                  ("access", "PATH", 0), ("prctl", 4, 1), ("tgkill", "PID", "PID", 0)):
        assert inside.call(*words) >= 0, words


NO_SECCOMP = ["ENOSYS", "seccomp,prctl:22"]
NO_LANDLOCK = ["ENOSYS", "landlock_create_ruleset,landlock_add_rule,landlock_restrict_self"]


def test_landlock_alone(probe, tmp_path):
    """Where seccomp is missing: no path, no port, no abstract socket, no signal, no mount."""
    with socket.create_server(("127.0.0.1", 0)) as tcp, \
            socket.socket(socket.AF_UNIX) as abstract:
        name = f"safetensorsfs-{tmp_path.name}-{os.getpid()}"
        abstract.bind("\0" + name)
        abstract.listen()
        port = str(tcp.getsockname()[1])
        outside = probe("sandbox=off", PROBE_PORT=port, PROBE_SOCKET=name)
        inside = probe("sandbox=on", refused=NO_SECCOMP, PROBE_PORT=port, PROBE_SOCKET=name)
        wait_for_words(inside.mounted, "seccomp")
        length = 2 + 1 + len(name)
        for run, denied in ((outside, (0, 0, 0)),
                            (inside, (-errno.EACCES, -errno.EPERM, -errno.EPERM))):
            results = []
            for family, address in ((2, ("PORT", 16)), (1, ("ABSTRACT", length))):
                fd = run.call("socket", family, 1, 0)
                results.append(run.call("connect", fd, *address))
            results.append(run.call("kill", "PID", 0))
            assert tuple(results) == denied
        inside.check_calls(OPENING, -errno.EACCES)
        inside.check_calls([("ptrace", 16, "PID", 0, 0), ("unshare", 0x20000),
                            ("umount2", "PATH", 2), ("capset", "HEADER", "ALL"),
                            ("setuid", 1), ("chroot", "DOT")], -errno.EPERM)


def test_seccomp_alone(probe):
    """Where Landlock is missing, paths are as closed."""
    inside = probe("sandbox=on", refused=NO_LANDLOCK)
    wait_for_words(inside.mounted, "Landlock")
    inside.check_calls(BY_NAME, -errno.EACCES)
    inside.check_killed("socket", 1, 1, 0)
