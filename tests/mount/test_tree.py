# SPDX-License-Identifier: Apache-2.0
"""What the mounted tree shows: names, bytes, documents, attributes, views, options."""
import os
import stat

import pytest

import compare
import expected
import harness
import make_model
import safetensors_reader
from make_model import Spec

BLOCK = 1 << 20


def every_path(mount):
    """The root and all below it."""
    return [mount.path] + [mount.at(path) for path in compare.walk(mount.path)]


def test_names(edge):
    """Each tensor has its two files under its encoded name, and nothing else is there."""
    found = compare.walk(edge.path)
    assert len(found) == len(set(found))
    assert set(found) == compare.tensors_paths(edge.model)


def test_no_name_is_raw(edge):
    """No name in any listing holds a byte that a terminal or a shell script would act on."""
    for path in compare.walk(edge.path):
        assert not any(map(expected.is_unsafe, path)), path.encode()
        for part in path.rstrip("/").split("/"):
            assert part not in ("", ".", "..") and len(part.encode()) <= 255, path.encode()


def test_unknown_names(edge):
    """A lookup is of exact names: near misses are ENOENT, over-long ones ENAMETOOLONG."""
    for path in ("W.bin", "w.", "w.bin.", "w.npy", "a/b.bin", "a%2fb.bin", "nul%00nul",
                 "%.json.bin", "L" * 243, "dtype.bin", "dtype/F4", ".view/TENSORS"):
        with pytest.raises(FileNotFoundError):
            os.stat(edge.at(path))
    with pytest.raises(OSError, match="File name too long"):
        os.stat(edge.at("n" * 256))
    with pytest.raises(NotADirectoryError):
        os.stat(edge.at("w.bin/x"))


@pytest.mark.parametrize("check", [compare.check_bin, compare.check_json])
def test_files(edge, check):
    """Every .bin and .json, whole."""
    for tensor in edge.model.tensors.values():
        check(edge.path, tensor)


def test_npy(edge):
    """Every .npy, whole; none for a shape that numpy cannot have, and the reason is told."""
    for tensor in edge.model.tensors.values():
        compare.check_npy(edge.at(".view", "npy"), tensor)
    absent = {name for name, t in edge.model.tensors.items() if not expected.has_npy(t)}
    assert absent == {"rank.65", "rank.100", "empty.huge"}
    document = expected.parse_json(compare.slurp(edge.at(compare.METADATA)))
    assert set(document["views"]["npy"]["absent"]) == absent


def test_metadata(edge):
    """The document at the root, whole."""
    compare.check_metadata(edge.path, edge.model)


def test_exact_integers(tmp_path, mount):
    """Numbers past 2^53 are printed digit for digit."""
    huge = (1 << 64) - 1
    make_model.write_file(tmp_path / "m.safetensors", [
        Spec("a", "U8", (huge, 0)), Spec("b", "F64", (0, (1 << 53) + 1))])
    mounted = mount(tmp_path / "m.safetensors")
    assert str(huge).encode() in compare.slurp(mounted.at("a.json"))
    assert str((1 << 53) + 1).encode() in compare.slurp(mounted.at("b.json"))
    compare.check_tree(mounted.path, mounted.model)


def test_more_than_a_thousand_reasons(tmp_path, mount):
    """The list of absent tensors is cut at 1,000 and the rest is counted."""
    make_model.write_file(tmp_path / "m.safetensors", [
        Spec(f"t{number}", "U8", (1,) * 65) for number in range(1005)])
    mounted = mount(tmp_path / "m.safetensors")
    compare.check_metadata(mounted.path, mounted.model)
    document = expected.parse_json(compare.slurp(mounted.at(compare.METADATA)))
    assert document["views"]["npy"]["more"] == 5


def test_rank_100000(tmp_path, mount):
    """A shape as long as the format allows is still described whole."""
    make_model.write_file(tmp_path / "m.safetensors", [Spec("t", "U8", (1,) * 100000)])
    mounted = mount(tmp_path / "m.safetensors")
    compare.check_tree(mounted.path, mounted.model)


@pytest.mark.parametrize("metadata", [None, {}])
def test_no_tensors(tmp_path, mount, metadata):
    """A file without tensors is a folder with one document."""
    make_model.write_file(tmp_path / "m.safetensors", [], metadata)
    mounted = mount(tmp_path / "m.safetensors")
    assert os.listdir(mounted.path) == [compare.METADATA]
    compare.check_tree(mounted.path, mounted.model)


def test_modes_owner_times(edge):
    """Files are as readable as the source, folders searchable where readable; times are its."""
    source = os.stat(edge.source)
    mode = source.st_mode & 0o444
    for path in every_path(edge):
        st = os.lstat(path)
        if stat.S_ISDIR(st.st_mode):
            assert st.st_mode == stat.S_IFDIR | mode | mode >> 2, path
        else:
            assert st.st_mode == stat.S_IFREG | mode, path
        assert (st.st_uid, st.st_gid) == (source.st_uid, source.st_gid), path
        assert st.st_mtime_ns == source.st_mtime_ns, path


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o400, 0o755])
def test_source_mode(tmp_path, mount, edge_file, mode):
    """The source's read bits, and only these, are the mount's."""
    source = tmp_path / "m.safetensors"
    source.write_bytes(edge_file.read_bytes())
    source.chmod(mode)
    mounted = mount(source)
    read = mode & 0o444
    assert stat.S_IMODE(os.stat(mounted.at("w.bin")).st_mode) == read
    assert stat.S_IMODE(os.stat(mounted.at("w.json")).st_mode) == read
    assert stat.S_IMODE(os.stat(mounted.at("dtype")).st_mode) == read | read >> 2
    assert stat.S_IMODE(os.stat(mounted.path).st_mode) == read | read >> 2


def test_uid_gid_umask(edge_file, mount):
    """The options replace owner, group and mode everywhere."""
    mounted = mount(edge_file, "uid=1234", "gid=4321", "umask=072")
    for path in every_path(mounted):
        st = os.lstat(path)
        assert (st.st_uid, st.st_gid) == (1234, 4321)
        want = 0o505 if stat.S_ISDIR(st.st_mode) else 0o404
        assert stat.S_IMODE(st.st_mode) == want, path


def test_sizes(edge):
    """Sizes, blocks and the preferred block size are those of real files."""
    for tensor in edge.model.tensors.values():
        st = os.stat(edge.at(safetensors_reader.tree_path(tensor.name) + ".bin"))
        assert st.st_size == tensor.size
        assert st.st_blksize == BLOCK
        assert st.st_blocks == -(-tensor.size // 512)
    # The C library takes that of a folder for its buffer, and the kernel as much each time.
    assert os.stat(edge.path).st_blksize == 4096


def test_access(edge):
    """Files can be read and not run; there is nothing that can be written."""
    assert os.access(edge.at("w.bin"), os.R_OK)
    assert not os.access(edge.at("w.bin"), os.X_OK)
    assert not os.access(edge.at("w.bin"), os.W_OK)
    assert os.access(edge.at("w"), os.R_OK | os.X_OK)
    assert not os.access(edge.at("w"), os.W_OK)


def test_statfs(edge):
    """df tells how much the model holds: all of it used, on a file system for reading."""
    st = os.statvfs(edge.path)
    tensors = sum(tensor.size for tensor in edge.model.tensors.values())
    total = st.f_blocks * st.f_frsize
    assert tensors <= total <= os.path.getsize(edge.source) + st.f_frsize
    assert (st.f_bfree, st.f_bavail, st.f_ffree) == (0, 0, 0)
    assert st.f_files >= len(edge.model.tensors)
    assert st.f_flag & os.ST_RDONLY
    assert st.f_namemax == 255


def inodes(root):
    """Inode numbers by path, as readdir gives them and as stat does: the two must agree."""
    found = {}
    stack = [root, *(os.path.join(root, ".view", view) for view in expected.VIEWS)]
    while stack:
        folder = stack.pop()
        for entry in os.scandir(folder):
            st = os.lstat(entry.path)
            assert entry.inode() == st.st_ino, entry.path
            found[os.path.relpath(entry.path, root)] = st.st_ino
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
    return found


def test_inode_numbers(edge, mount):
    """They are unique, agree between listing and stat, and are the same at every mount."""
    first = inodes(edge.path)
    assert len(set(first.values())) == len(first)
    assert inodes(mount(edge.source).path) == first


def test_views(edge):
    """.view is found by name and never listed; it holds the views."""
    assert ".view" not in os.listdir(edge.path)
    assert sorted(os.listdir(edge.at(".view"))) == expected.VIEWS
    again = edge.at(".view", "tensors")
    assert set(compare.walk(again)) == compare.tensors_paths(edge.model)
    assert ".view" not in os.listdir(again)
    for tensor in edge.model.tensors.values():
        compare.check_bin(again, tensor)


def test_view_npy_as_root(edge_file, mount):
    """-o view=npy shows the arrays at the root; the others stay reachable."""
    mounted = mount(edge_file, "view=npy")
    found = {path for path in compare.walk(mounted.path) if path[-1] != "/"}
    assert found == compare.npy_paths(mounted.model)
    for tensor in mounted.model.tensors.values():
        compare.check_npy(mounted.path, tensor)
        compare.check_bin(mounted.at(".view", "tensors"), tensor)
    compare.check_metadata(mounted.at(".view", "tensors"), mounted.model)


def test_unknown_view(edge_file, fuse, tmp_path):
    """A view that is not there is misuse, and the message lists those that are."""
    result = harness.run("-f", edge_file, tmp_path, "-o", "view=nosuch")
    assert result.returncode == 2, result.stderr
    assert all(view in result.stderr for view in [*expected.VIEWS, "nosuch"])
    assert not harness.mounts_at(tmp_path)
