# SPDX-License-Identifier: Apache-2.0
"""What the synthesised files beside a tensor's bytes must say: JSON documents, npy headers.

Computed from the oracle's model alone. JSON is compared as values, for spacing and order are
the driver's affair; the text itself is checked for what a terminal would act on.
"""
import ast
import json
import math
import struct

from safetensors_reader import BIDI_AND_SEPARATORS, DTYPE_BITS

VIEWS = ["f32", "flat", "model", "npy", "npz", "offload", "safetensors", "sums", "tensors",
         "torch"]
NPY_RANK_MAX = 64
NPY_ALIGNMENT = 64
REASONS_MAX = 1000  # that __metadata__.json gives for each view

NPY_DESCR = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "I16": "<i2", "U16": "<u2", "I32": "<i4",
    "U32": "<u4", "I64": "<i8", "U64": "<u8", "F16": "<f2", "F32": "<f4", "F64": "<f8",
    "C64": "<c8", "BF16": "<V2", "F8_E4M3": "|V1", "F8_E5M2": "|V1", "F8_E8M0": "|V1",
    "F8_E4M3FNUZ": "|V1", "F8_E5M2FNUZ": "|V1", "F4": "|u1", "F6_E2M3": "|u1",
    "F6_E3M2": "|u1",
}


def refuse(text):
    """Stand in for a number parser: our documents hold exact integers and no float."""
    raise ValueError(f"not an exact integer: {text}")


def unique(pairs):
    """Build an object and refuse a key that comes twice."""
    keys = [key for key, _ in pairs]
    assert len(keys) == len(set(keys)), f"a key comes twice among {keys[:20]}"
    return dict(pairs)


def parse_json(data):
    """Parse a document of the mount, strictly, after a look at its raw text."""
    text = data.decode("utf-8")
    assert text.endswith("\n"), "no newline at the end"
    bad = {c for c in text if is_unsafe(c) and c not in "\n\t"}
    assert not bad, f"raw in the text: {sorted(map(ord, bad))}"
    return json.loads(text, parse_float=refuse, parse_constant=refuse,
                      object_pairs_hook=unique)


def is_unsafe(character):
    """Is this something that a terminal acts upon instead of showing it?"""
    code = ord(character)
    return code < 0x20 or 0x7f <= code <= 0x9f or character in BIDI_AND_SEPARATORS


def tensor_document(tensor):
    """The content of NAME.json."""
    return {"name": tensor.name, "dtype": tensor.dtype, "shape": list(tensor.shape),
            "data_offsets": [tensor.begin, tensor.end], "elements": tensor.elements,
            "bytes": tensor.size, "file": tensor.file, "file_offset": tensor.file_offset}


def model_document(model):
    """The content of __metadata__.json but for `views`, whose reasons are free text."""
    dtypes = {}
    for tensor in model.tensors.values():
        sums = dtypes.setdefault(tensor.dtype, {"tensors": 0, "parameters": 0, "bytes": 0})
        sums["tensors"] += 1
        sums["parameters"] += tensor.elements
        sums["bytes"] += tensor.size
    owned = [tensor.file for tensor in model.tensors.values()]
    document = {
        "files": [{"name": shard.name, "bytes": shard.size, "tensors": owned.count(shard.name),
                   "header_bytes": shard.header_bytes} for shard in model.shards],
        "tensors": len(model.tensors),
        "parameters": sum(sums["parameters"] for sums in dtypes.values()),
        "bytes": sum(sums["bytes"] for sums in dtypes.values()),
        "dtypes": dtypes,
        "metadata": model.metadata,
    }
    if model.missing:
        document["missing"] = model.missing
    return document


def has_npy(tensor):
    """Whether numpy has such an array: at most 64 dimensions, and 2^63-1 bytes without zeros."""
    size = math.prod(dim for dim in tensor.shape if dim) * -(-DTYPE_BITS[tensor.dtype] // 8)
    return len(tensor.shape) <= NPY_RANK_MAX and size < 1 << 63


def npy_shape(tensor):
    """The shape in an npy header; types under a byte are packed, rows or all in one."""
    bits = DTYPE_BITS[tensor.dtype]
    if bits >= 8:
        return tensor.shape
    row = tensor.shape[-1] * bits
    if row % 8 == 0:
        return tensor.shape[:-1] + (row // 8,)
    return (tensor.size,)


def split_npy(head):
    """Take an npy file's first bytes apart: (header length, descr, fortran_order, shape)."""
    assert head[:6] == b"\x93NUMPY"
    assert head[6:8] == b"\x01\x00", "version 1 is always enough"
    (length,) = struct.unpack("<H", head[8:10])
    text = head[10:10 + length].decode("ascii")
    assert text.endswith("\n")
    header = ast.literal_eval(text)
    assert set(header) == {"descr", "fortran_order", "shape"}
    return 10 + length, header["descr"], header["fortran_order"], header["shape"]


def check_npy_header(head, tensor):
    """Check the first bytes of NAME.npy; returns where its data starts."""
    start, descr, fortran_order, shape = split_npy(head)
    assert start % NPY_ALIGNMENT == 0
    assert descr == NPY_DESCR[tensor.dtype]
    assert fortran_order is False
    assert shape == npy_shape(tensor)
    return start
