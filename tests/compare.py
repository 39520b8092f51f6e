# SPDX-License-Identifier: Apache-2.0
"""Compare a mounted tree with the oracle's model, whole: names, bytes and documents.

Every check takes the folder that shows the view, so the same code serves the root, `.view`,
a copy of the mount, and a tree of another root view.
"""
import os

from expected import (check_npy_header, check_views, has_npy, model_document, parse_json,
                      tensor_document)
from safetensors_reader import tree_path

CHUNK = 8 << 20
HEAD = 4096  # longer than the npy header of any tensor of rank 64
METADATA = "__metadata__.json"


def walk(root):
    """All paths below a folder, relative to it; folders end in a slash."""
    found = []
    for folder, folders, files in os.walk(root, onerror=fail):
        prefix = os.path.relpath(folder, root) + "/"
        prefix = "" if prefix == "./" else prefix
        found += [prefix + name + "/" for name in folders]
        found += [prefix + name for name in files]
    return found


def fail(error):
    """Stop a walk at a folder that cannot be listed; os.walk would skip it in silence."""
    raise error


def with_folders(files):
    """Add to a set of paths the folders that they lie in."""
    folders = set()
    for path in files:
        while "/" in path:
            path = path.rpartition("/")[0]
            folders.add(path + "/")
    return set(files) | folders


def tensors_paths(model):
    """Every path of the `tensors` view."""
    paths = [tree_path(name) for name in model.tensors]
    files = {path + suffix for path in paths for suffix in (".bin", ".json")}
    assert len(files) == 2 * len(model.tensors)
    return with_folders(files | {METADATA})


def npy_paths(model):
    """Every path of the `npy` view: a folder whose tensors are all absent may be left out."""
    return {tree_path(t.name) + ".npy" for t in model.tensors.values() if has_npy(t)}


def slurp(path):
    """Read a small file, and hold it to the size it declares."""
    with open(path, "rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.readall()
    assert len(data) == size, f"{path}: {len(data)} bytes, but st_size {size}"
    return data


def check_data(path, start, tensor):
    """The file must hold the tensor's bytes from `start` to its end, in order, no more."""
    with open(path, "rb", buffering=0) as file:
        assert os.fstat(file.fileno()).st_size == start + tensor.size, path
        offset = 0
        while offset < tensor.size:
            want = tensor.read(offset, CHUNK)
            got = b""
            while len(got) < len(want):
                part = os.pread(file.fileno(), len(want) - len(got),
                                start + offset + len(got))
                assert part, f"{path} ends at {offset + len(got)}"
                got += part
            assert got == want, f"{path} differs between {offset} and {offset + len(want)}"
            offset += len(want)
        assert os.pread(file.fileno(), 1, start + tensor.size) == b""


def check_bin(root, tensor):
    """NAME.bin is the tensor's bytes."""
    check_data(os.path.join(root, tree_path(tensor.name) + ".bin"), 0, tensor)


def check_json(root, tensor):
    """NAME.json says what the header says."""
    data = slurp(os.path.join(root, tree_path(tensor.name) + ".json"))
    assert parse_json(data) == tensor_document(tensor)


def check_npy(root, tensor, data=True):
    """NAME.npy is a header and the tensor's bytes; absent where numpy cannot have it."""
    path = os.path.join(root, tree_path(tensor.name) + ".npy")
    if not has_npy(tensor):
        assert not os.path.lexists(path), path
        return
    with open(path, "rb", buffering=0) as file:
        if not data:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)  # no reading ahead
        start = check_npy_header(file.read(HEAD), tensor)
        assert os.fstat(file.fileno()).st_size == start + tensor.size
    if data:
        check_data(path, start, tensor)


def check_metadata(root, model):
    """The root's __metadata__.json sums up the model."""
    document = parse_json(slurp(os.path.join(root, METADATA)))
    check_views(document.pop("views"), model)
    document["files"].sort(key=lambda file: os.fsencode(file["name"]))
    assert document == model_document(model)


def check_tree(root, model):
    """Everything about a mount whose root is the `tensors` view."""
    found = walk(root)
    assert len(found) == len(set(found))
    assert set(found) == tensors_paths(model)
    check_metadata(root, model)
    npy = os.path.join(root, ".view", "npy")
    assert {path for path in walk(npy) if path[-1] != "/"} == npy_paths(model)
    for tensor in model.tensors.values():
        check_bin(root, tensor)
        check_json(root, tensor)
        check_npy(npy, tensor)
