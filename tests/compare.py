# SPDX-License-Identifier: Apache-2.0
"""Compare a mounted tree with the oracle's model, whole: names, bytes and documents.

Every check takes the folder that shows the view, so the same code serves the root, `.view`,
a copy of the mount, and a tree of another root view.
"""
import os

import views
from expected import check_npy_header, has_npy, model_document, parse_json, tensor_document
from safetensors_reader import tree_path
from views import METADATA

CHUNK = 8 << 20
HEAD = 4096  # longer than the npy header of any tensor of rank 64


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
    paths = views.files("tensors", model)
    count = len(model.tensors) + len(views.aliases(model))
    assert len(paths) == 2 * count + 1, "two names in one place"
    return with_folders(paths)


def npy_paths(model):
    """Every path of the `npy` view: a folder whose tensors are all absent may be left out."""
    return views.files("npy", model)


def files_below(root):
    """All paths below a folder but for those of folders."""
    return {path for path in walk(root) if path[-1] != "/"}


def links_below(root):
    """The symbolic links below a folder: path -> text."""
    return {path: os.readlink(os.path.join(root, path)) for path in files_below(root)
            if os.path.islink(os.path.join(root, path))}


def check_listing(root, view, model):
    """The view has the files and links that it must have, and no others."""
    assert files_below(root) == views.files(view, model), view
    assert links_below(root) == views.links(view, model), view


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


def check_left_out(document):
    """What is said of the source folder's other files: a reason for each."""
    left_out = document.pop("left_out", {})
    assert document.pop("left_out_more", 0) == 0 or len(left_out) >= 1000
    assert all(isinstance(reason, str) and reason for reason in left_out.values())


def check_metadata(root, model):
    """The root's __metadata__.json sums up the model."""
    document = parse_json(slurp(os.path.join(root, METADATA)))
    views.check_views(document.pop("views"), model)
    check_left_out(document)
    document["files"].sort(key=lambda file: os.fsencode(file["name"]))
    assert document == model_document(model)


def check_tree(root, model):
    """Everything about a mount whose root is the `tensors` view."""
    found = walk(root)
    assert len(found) == len(set(found))
    assert set(found) == tensors_paths(model)
    check_metadata(root, model)
    npy = os.path.join(root, ".view", "npy")
    for view in views.TREES:
        check_listing(os.path.join(root, ".view", view), view, model)
    for tensor in model.tensors.values():
        check_bin(root, tensor)
        check_json(root, tensor)
        check_npy(npy, tensor)
