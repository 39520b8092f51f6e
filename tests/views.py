# SPDX-License-Identifier: Apache-2.0
"""Which files each view must have, and which tensors it must leave out.

Computed from the oracle's model alone. What a view leaves out is told in two sets: what it
must, because the format cannot hold it, and what it may, because loaders do not agree on it.
"""
import math
import os

from expected import NPY_RANK_MAX, REASONS_MAX, VIEWS, has_npy
from safetensors_reader import DTYPE_BITS, dotted, tree_path

METADATA = "__metadata__.json"
TREES = ["f32", "flat", "npy", "offload", "safetensors", "tensors"]  # a file or more a tensor
WHOLE = {"model": "model.safetensors", "torch": "pytorch_model.bin", "npz": "model.npz"}
F32_LACKS = {"C64", "F6_E2M3", "F6_E3M2"}
TORCH_LACKS = {"F6_E2M3", "F6_E3M2"}
OFFLOAD_LACKS = {"F4", "F6_E2M3", "F6_E3M2"}
MEMBER_MAX = 65535  # bytes of a name in a zip


def flat_name(name):
    """A tensor's name as one component, without the suffix."""
    return dotted(name.split("."))


def base(view, name):
    """The path of a tensor in a view that has one or more files for each, without suffix."""
    return flat_name(name) if view in ("flat", "offload") else tree_path(name)


def has_f32(tensor):
    """Whether the tensor has a value for each element that float32 can hold."""
    return tensor.dtype not in F32_LACKS


def has_f32_npy(tensor):
    """Whether numpy has the float32 array: the limits of has_npy, four bytes an element."""
    size = math.prod(dim for dim in tensor.shape if dim) * 4
    return has_f32(tensor) and len(tensor.shape) <= NPY_RANK_MAX and size < 1 << 63


def has_offload(tensor):
    """Whether accelerate can write it, under a name that is no other in the mount."""
    return (tensor.dtype not in OFFLOAD_LACKS and flat_name(tensor.name) == tensor.name
            and len(tensor.shape) <= NPY_RANK_MAX and max(tensor.shape, default=0) < 1 << 63)


def has_torch(tensor):
    """Whether torch has it: dimensions of 63 bits, and F4 in pairs within a row."""
    odd = tensor.dtype == "F4" and tensor.size and tensor.shape[-1] % 2
    return (tensor.dtype not in TORCH_LACKS and not odd
            and max(tensor.shape, default=0) < 1 << 63)


def is_member(name):
    """Whether a zip may have a member of this name."""
    parts = f"{name}.npy".split("/")
    return not ("\0" in name or "\\" in name or name.startswith("/") or ".." in parts
                or len(name.encode()) + len(".npy") > MEMBER_MAX)


def must_lack(view, tensor):
    """Whether a view cannot but leave out the tensor, or one of its files."""
    if view in ("npy", "flat"):
        return not has_npy(tensor)
    if view == "npz":
        return not has_npy(tensor) or not is_member(tensor.name)
    rule = {"f32": has_f32_npy, "offload": has_offload, "torch": has_torch}.get(view)
    return rule is not None and not rule(tensor)


def may_lack(view, tensor):
    """Whether a view may leave out the tensor where another reading of the rules would not."""
    if view == "npz":
        return tensor.name.split("/")[-1] == ".."
    if view == "torch":
        odd = tensor.dtype == "F4" and tensor.shape and tensor.shape[-1] % 2
        return bool(odd) or not has_npy(tensor)
    return view == "offload" and not has_npy(tensor)


def check_reasons(view, about, model):
    """One view's part of __metadata__.json: what is absent, a reason each, the rest counted."""
    assert set(about) <= {"absent", "absent_files", "more"}, view
    empty = view == "offload" and not any(map(has_offload, model.tensors.values()))
    assert set(about.get("absent_files", {})) == ({"index.json"} if empty else set()), view
    must = {t.name for t in model.tensors.values() if must_lack(view, t)}
    may = {t.name for t in model.tensors.values() if may_lack(view, t)}
    given, more = about.get("absent", {}), about.get("more", 0)
    assert set(given) <= must | may, (view, set(given) - must - may)
    assert more or must <= set(given), (view, must - set(given))
    assert len(must) <= len(given) + more <= len(must | may), view
    assert len(given) == min(len(given) + more, REASONS_MAX), view
    assert all(isinstance(reason, str) and reason for reason in given.values()), view


def check_views(views, model):
    """The tensors that each view leaves out, each with a reason."""
    assert set(views) <= set(VIEWS), views
    for view in VIEWS:
        check_reasons(view, views.get(view, {}), model)


def suffixes(view, tensor):
    """The files that a tensor has in a view of TREES, by their suffixes."""
    if view == "f32":
        return [".bin"] * has_f32(tensor) + [".npy"] * has_f32_npy(tensor)
    if view == "offload":
        return [".dat"] * has_offload(tensor)
    if view == "safetensors":
        return [".safetensors"]
    return ([".bin", ".json"] if view in ("tensors", "flat") else []) + (
        [".npy"] * has_npy(tensor) if view in ("npy", "flat") else [])


def aliases(model):
    """Dropped name -> the tensor that it was: metadata that save_model writes."""
    return {key: value for key, value in model.metadata.items()
            if key != "__metadata__" and key not in model.tensors and value in model.tensors}


def groups(model):
    """Path -> the tensors at it and below it, for every tensor and every folder."""
    found = {}
    for tensor in model.tensors.values():
        parts = tree_path(tensor.name).split("/")
        for count in range(1, len(parts) + 1):
            found.setdefault("/".join(parts[:count]), []).append(tensor)
    return found


def links(view, model):
    """The symbolic links of a view: path -> text."""
    found = {}
    folders = groups(model) if view == "safetensors" else {}
    for name, kept in aliases(model).items():
        if view == "offload" or base(view, name) in folders:
            continue
        for suffix in suffixes(view, model.tensors[kept]):
            path = base(view, name) + suffix
            target = base(view, kept) + suffix
            found[path] = os.path.relpath(target, os.path.dirname(path) or ".")
    return found


def files(view, model):
    """Every path of a view of TREES but for its folders, links included."""
    found = set(links(view, model))
    if view == "safetensors":
        return found | {path + ".safetensors" for path in groups(model)}
    for tensor in model.tensors.values():
        found |= {base(view, tensor.name) + suffix for suffix in suffixes(view, tensor)}
    if view == "tensors":
        found.add(METADATA)
    if view == "offload" and found:
        found.add("index.json")
    return found
