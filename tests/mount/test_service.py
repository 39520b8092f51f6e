# SPDX-License-Identifier: Apache-2.0
"""What a service manager is told: systemd's protocol, heard on a real socket."""
import os
import signal
import socket
import struct
import subprocess
import tempfile

import pytest

import harness
import make_model
from make_model import Spec

pytestmark = pytest.mark.usefixtures("fuse")


@pytest.fixture
def source(tmp_path):
    """One small tensor."""
    path = tmp_path / "m.safetensors"
    make_model.write_file(path, [Spec("a", "U8", (100,))])
    return path


class Manager:
    """A socket that hears messages, and who sent them."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.settimeout(60)
        self.env = dict(harness.environment(), NOTIFY_SOCKET=name)

    def hear(self):
        """The next message as a dict, with the sender's process id as `sender`."""
        data, control, _, _ = self.socket.recvmsg(4096, 1000)
        (_, _, credentials), = control
        said = dict(line.split("=", 1) for line in data.decode().split("\n"))
        return said | {"sender": struct.unpack("3i", credentials)[0]}

    def silent(self):
        """Has nothing been said that was not heard?"""
        self.socket.settimeout(0)
        try:
            return not self.socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self.socket.settimeout(60)


@pytest.fixture(params=["path", "abstract"])
def manager(request):
    """One at a path, a short one, and one at an abstract name."""
    with tempfile.TemporaryDirectory() as folder:
        is_path = request.param == "path"
        heard = Manager(f"{folder}/s" if is_path else f"@safetensorsfs-{os.getpid()}")
        yield heard
        heard.socket.close()


def test_foreground(source, mount, manager):
    """Ready when the mount answers; stopping when it is told to."""
    mounted = mount(source, env=manager.env)
    pid = mounted.process.pid
    assert manager.hear() == {"READY": "1", "STATUS": f"Mounted on {mounted.path}", "sender": pid}
    assert manager.silent()
    with open(mounted.at("a.bin"), "rb"):
        mounted.signal()
        assert manager.hear() == {"STOPPING": "1", "sender": pid}
        assert mounted.process.poll() is None
    assert mounted.wait() == 0
    assert manager.silent()


def test_ready_means_ready(source, tmp_path, manager):
    """The very next call may use the mount."""
    (tmp_path / "mnt").mkdir()
    process = subprocess.Popen([harness.find_driver(), "-f", source, tmp_path / "mnt"],
                               env=manager.env, stdin=subprocess.DEVNULL)
    harness.running[process.pid] = process
    assert manager.hear()["READY"] == "1"
    assert (tmp_path / "mnt" / "a.bin").stat().st_size == 100
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    harness.running.pop(process.pid)


def test_background(source, tmp_path, manager):
    """The command is who the manager listens to, and names who takes its place."""
    (tmp_path / "mnt").mkdir()
    command = subprocess.Popen([harness.find_driver(), source, tmp_path / "mnt"],
                               env=manager.env, stdin=subprocess.DEVNULL)
    said = manager.hear()
    assert said["READY"] == "1" and said["sender"] == command.pid
    assert command.wait(60) == 0
    main = int(said["MAINPID"])
    assert main in harness.processes(str(source)) and harness.children(main)
    os.kill(main, signal.SIGTERM)
    assert manager.hear() == {"STOPPING": "1", "sender": main}
    harness.wait_for("the daemon's end", lambda: not harness.processes(str(source)))
    assert not harness.mounts_at(tmp_path / "mnt") and manager.silent()


@pytest.mark.parametrize("way", ["fusermount3", "idle", "killed"])
def test_other_ends(source, mount, manager, way):
    """It is stopping as well when it was unmounted, when nobody used it, when it crashed."""
    mounted = mount(source, *(["idle=1"] if way == "idle" else []), env=manager.env)
    assert manager.hear()["READY"] == "1"
    if way == "fusermount3":
        assert harness.unmount(mounted.path)
    elif way == "killed":
        mounted.expect_exit = None
        for pid in harness.children(mounted.process.pid):
            os.kill(pid, signal.SIGKILL)
    assert manager.hear()["STOPPING"] == "1"
    assert (mounted.wait() == 0) == (way != "killed")
    assert manager.silent()


def test_failure(tmp_path, manager):
    """What never was ready says nothing: the manager sees the exit status."""
    (tmp_path / "bad").write_bytes(b"x" * 100)
    for options in ([], ["-f"]):
        result = harness.run(*options, tmp_path / "bad", tmp_path, env=manager.env)
        assert result.returncode == 1
    result = harness.run("--check", tmp_path / "bad", env=manager.env)
    assert result.returncode == 1
    assert manager.silent()


def test_no_manager(source, mount):
    """A variable that is empty names none: there is nothing to say about it."""
    mounted = mount(source, env=dict(harness.environment(), NOTIFY_SOCKET=""))
    assert os.path.getsize(mounted.at("a.bin")) == 100
    mounted.close()
    assert mounted.output() == ""


@pytest.mark.parametrize("name", ["/nosuch/socket", "relative", "vsock:2:1234", "/" + "x" * 200])
def test_nobody_listens(source, mount, name):
    """A manager that is not there is worth a line, and the mount is good."""
    mounted = mount(source, env=dict(harness.environment(), NOTIFY_SOCKET=name))
    harness.wait_for("the line", lambda: "cannot tell the service manager" in mounted.output())
    assert os.path.getsize(mounted.at("a.bin")) == 100
