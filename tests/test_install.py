# SPDX-License-Identifier: Apache-2.0
"""What `meson install` installs, used where it is looked for.

It is put over /usr/local in a mount namespace, so that this machine keeps its own. The build
is in $BUILD; without it, these tests are skipped.
"""
import json
import os
import re
import shutil
import subprocess

import pytest

import harness
import make_model
from make_model import Spec

PUBLIC = ["bytes", "digest", "error", "facts", "filtering", "info", "sft", "tensors"]
FILES = ["bin/safetensorsfs", "share/man/man1/safetensorsfs.1",
         "share/bash-completion/completions/safetensorsfs",
         "share/zsh/site-functions/_safetensorsfs",
         "share/fish/vendor_completions.d/safetensorsfs.fish",
         "lib/systemd/user/safetensorsfs@.service", "share/doc/safetensorsfs/LICENSE",
         *(f"include/safetensorsfs/{name}.h" for name in PUBLIC)]


@pytest.fixture(scope="module")
def tree(tmp_path_factory, driver):
    """The installed tree, as it would be below /usr/local."""
    build = os.environ.get("BUILD")
    if not build:
        pytest.skip("no $BUILD given")
    options = subprocess.run(["meson", "introspect", "--buildoptions", build], check=True,
                             capture_output=True).stdout
    prefix = {option["name"]: option["value"] for option in json.loads(options)}["prefix"]
    where = tmp_path_factory.mktemp("install")
    subprocess.run(["meson", "install", "-C", build, "--no-rebuild", "--destdir", where],
                   check=True, stdout=subprocess.DEVNULL)
    assert prefix == "/usr/local"
    return where / "usr" / "local"


@pytest.fixture
def installed(tree, root):
    """installed(WORDS, ...): run a command where the tree is /usr/local."""
    def run(*words, flags="-m", **options):
        command = ["unshare", *flags.split(), "sh", "-c",
                   'mount --bind "$0" /usr/local && exec "$@"', tree, *words]
        options = {"env": harness.environment(), "timeout": 120} | options
        return subprocess.run(command, capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, **options)

    return run


def need(*programs):
    """Skip without them."""
    for program in programs:
        if shutil.which(program) is None and not os.path.exists(program):
            pytest.skip(f"{program} is not installed")


def test_files(tree):
    """Each in its place, to be read by all, and the program to be run by all."""
    for name in FILES:
        path = tree / name
        assert path.is_file(), name
        assert path.stat().st_mode & 0o777 == (0o755 if name.startswith("bin/") else 0o644), name
    assert not [path for path in tree.rglob("*") if b"@bindir@" in read(path)]
    assert read(tree / "share/doc/safetensorsfs/LICENSE") == read(harness.ROOT / "LICENSE")


def read(path):
    """The bytes of a file; none of a folder."""
    return path.read_bytes() if path.is_file() else b""


def test_program(installed):
    """It is found, and runs."""
    result = installed("safetensorsfs", "-V")
    assert (result.returncode, result.stdout) == (0, harness.run("-V").stdout)


def test_page(installed):
    """man(1) finds the page by its name."""
    need("man")
    result = installed("man", "-P", "cat", "safetensorsfs")
    assert result.returncode == 0 and "mount a safetensors model" in result.stdout


@pytest.fixture
def library(tree):
    """Where the library is: lib, lib64, or a folder for the architecture in it."""
    (path,) = tree.glob("lib*/**/libsafetensorsfs.so")
    return path


@pytest.mark.parametrize("static", [False, True], ids=["shared", "static"])
def test_example(tree, library, tmp_path, static):
    """The example is built by pkg-config's word alone, and finds and maps a tensor."""
    need("cc", "pkg-config")
    env = dict(harness.environment(), PKG_CONFIG_PATH=str(library.parent / "pkgconfig"),
               PKG_CONFIG_SYSROOT_DIR="", LD_LIBRARY_PATH=str(library.parent))
    words = subprocess.run(["pkg-config", f"--define-variable=prefix={tree}", "--cflags", "--libs",
                            *(["--static"] if static else []), "safetensorsfs"], env=env,
                           check=True, capture_output=True, text=True).stdout.split()
    if static:
        assert "-pthread" in words
        words = ["-l:libsafetensorsfs.a" if word == "-lsafetensorsfs" else word for word in words]
    program = tmp_path / "example"
    subprocess.run(["cc", "-std=gnu99", "-Wall", "-Wextra", "-Werror", "-Wpedantic",
                    harness.ROOT / "tests/example.c", "-o", program, *words], env=env, check=True)
    source = tmp_path / "m.safetensors"
    spec = Spec("a.weight", "BF16", (3, 5))
    make_model.write_file(source, [spec])
    offset = os.path.getsize(source) - spec.size
    result = subprocess.run([program, source, "a.weight"], env=env, capture_output=True, text=True,
                            check=True)
    assert result.stdout == (f"BF16 of rank 2, 30 bytes at {offset} of {source}, "
                             f"sum {sum(make_model.expected(spec))}\n")
    for words in ((source, "nosuch"), ("/nosuch", "a")):
        result = subprocess.run([program, *words], env=env, capture_output=True, text=True,
                                check=False)
        assert result.returncode == 1 and "nosuch" in result.stderr


def test_exports(library):
    """The shared library gives what its headers declare, and nothing else: that is its ABI."""
    need("nm")
    listing = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                             capture_output=True, text=True).stdout
    found = {name.partition("@@")[0] for _, kind, name in map(str.split, listing.splitlines())
             if kind == "T"}
    declared = set()
    for name in PUBLIC:
        text = (harness.ROOT / "core" / f"{name}.h").read_text()
        text = re.sub(r"/\*.*?\*/|static inline[^;{]*", "", text, flags=re.DOTALL)
        declared |= set(re.findall(r"\b(sft_[a-z0-9_]+)\(", text))
    assert found == declared
    exported = re.findall(r"^\t(sft_\w+);$", (harness.ROOT / "core/exports.map").read_text(),
                          re.MULTILINE)
    assert exported == sorted(found)


def test_headers_from_cxx(tree, tmp_path):
    """A C++ program can include them."""
    need("c++")
    source = tmp_path / "x.cpp"
    source.write_text("#include <safetensorsfs/sft.h>\n"
                      "int main() { return sft_view_count() == 0; }\n")
    subprocess.run(["c++", "-Wall", "-Werror", "-c", source, "-o", tmp_path / "x.o",
                    f"-I{tree}/include"], check=True)
    names = subprocess.run(["nm", "-u", tmp_path / "x.o"], check=True, capture_output=True,
                           text=True).stdout
    assert "sft_view_count" in names.split()


@pytest.mark.parametrize("shell, script, want", [
    ("bash", ". /usr/share/bash-completion/bash_completion; _completion_loader safetensorsfs; "
             "complete -p safetensorsfs", "complete -F _safetensorsfs safetensorsfs"),
    ("zsh", "autoload -Uz compinit; compinit -u -D; print $_comps[safetensorsfs]",
     "_safetensorsfs"),
    ("fish", "complete -C 'safetensorsfs --che'", "--check\tCheck models")])
def test_completions(installed, tmp_path, shell, script, want):
    """Each shell loads them when they are first wanted."""
    need(shell, *(["/usr/share/bash-completion/bash_completion"] if shell == "bash" else []))
    env = dict(harness.environment(), HOME=str(tmp_path),
               XDG_DATA_DIRS="/usr/local/share:/usr/share")  # as any login sets it; fish asks
    result = installed(shell, "-c", script, env=env)
    assert result.stdout.strip() == want, result.stderr


def test_unit(installed, tmp_path):
    """systemd finds no fault in the unit, its program and its page."""
    need("systemd-analyze", "man")
    env = dict(harness.environment(), HOME=str(tmp_path), XDG_RUNTIME_DIR=str(tmp_path))
    result = installed("systemd-analyze", "--user", "verify", "safetensorsfs@x.service", env=env)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


# A user manager of our own, process 1 in a namespace: all that it starts ends with it.
MANAGER = """
mount -t tmpfs none /run && mkdir -p /run/systemd/system /run/user && mkdir -m 700 /run/user/0
umount -l /sys/fs/cgroup/unified 2>/dev/null
/usr/lib/systemd/systemd --user </dev/null >/dev/null 2>&1 &
for i in $(seq 300); do [ -S /run/user/0/systemd/private ] && break; sleep 0.1; done
[ -S /run/user/0/systemd/private ] || { echo none; exit; }
unit=safetensorsfs@a
show() { systemctl --user show -P StatusText $unit; systemctl --user is-active $unit; }
systemctl --user start $unit; echo "started $?"; show
cat "$1/mnt of a/w.bin"
systemctl --user stop $unit; echo "stopped $?"; show
grep -c "$1/mnt" /proc/self/mountinfo
unit=safetensorsfs@b
systemctl --user start $unit; echo "started $?"; show
cat /run/user/0/safetensorsfs/b/w.bin
while [ "$(systemctl --user is-active $unit)" = active ]; do sleep 0.1; done
show
unit=safetensorsfs@none
systemctl --user start $unit 2>/dev/null; echo "started $?"
"""


def test_example_of_a_service():
    """What the unit and the README write for NAME.conf is what systemd reads: to it, a '#' behind
    a value is a part of it."""
    unit = (harness.ROOT / "share/systemd/safetensorsfs@.service.in").read_text()
    readme = (harness.ROOT / "README.md").read_text(encoding="utf-8")
    for text in (unit, readme):
        lines = re.findall(r"^(?:#\t)?((?:SOURCE|MOUNTPOINT|OPTIONS)=.*)$", text, re.MULTILINE)
        assert [line.partition("=")[0] for line in lines] == ["SOURCE", "MOUNTPOINT", "OPTIONS"]
        assert not [line for line in lines if re.search(r"\s", line)], lines


def test_service(installed, tmp_path, fuse):
    """Started, the mount is there; stopped, it is not; unused, it stops by itself."""
    need("/usr/lib/systemd/systemd", "systemctl")
    make_model.write_file(tmp_path / "m.safetensors", [Spec("w", "U8", (3,))],
                          content=lambda spec: [b"abc"])
    config = tmp_path / ".config" / "safetensorsfs"
    config.mkdir(parents=True)
    source = f"SOURCE={tmp_path}/m.safetensors\n"
    (config / "a.conf").write_text(f"{source}MOUNTPOINT={tmp_path}/mnt of a\n")
    (config / "b.conf").write_text(f"{source}OPTIONS=io=pread,idle=2\n")
    env = dict(harness.environment(), HOME=str(tmp_path), XDG_RUNTIME_DIR="/run/user/0")
    result = installed("sh", "-c", MANAGER, "sh", tmp_path, flags="-mpfC --mount-proc", env=env)
    if result.stdout == "none\n":
        pytest.skip("no user manager of systemd can run here")
    assert result.stdout.splitlines() == [
        "started 0", f"Mounted on {tmp_path}/mnt of a", "active", "abcstopped 0", "", "inactive",
        "0", "started 0", "Mounted on /run/user/0/safetensorsfs/b", "active", "abc", "inactive",
        "started 1"], result.stderr
