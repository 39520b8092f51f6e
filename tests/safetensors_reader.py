# SPDX-License-Identifier: Apache-2.0
"""What a safetensors model holds, and where its mount must show it.

This is the oracle of the mount tests: a second reader of the format and a second writer of
the tree's names, in another language than the driver and with none of its code. It is plain
rather than quick, and it trusts its input: whether a file is *valid* is another question,
which `oracle.py` and the corpus answer.
"""
import json
import math
import os
import re
import struct
from typing import NamedTuple

DTYPE_BITS = {
    "BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8,
    "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16,
    "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64,
    "I64": 64, "U64": 64,
}

INDEX_SUFFIX = ".safetensors.index.json"
SET_NAME = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.safetensors", re.DOTALL)

COMPONENT_MAX = 243  # bytes: 255 less the longest suffix a view will ever add
FOLDERS_MAX = 32
FOLDER_PATH_MAX = 2048  # bytes, slashes between the folders included
BIDI_AND_SEPARATORS = set("\u061c\u200e\u200f\u2028\u2029"
                          "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Tensor(NamedTuple):
    """One tensor, and where its bytes lie in the file `path`."""

    name: str
    dtype: str
    shape: tuple
    begin: int  # as in the header
    end: int
    file: str  # as the index writes it, or the file's base name
    path: str
    file_offset: int  # bytes from the start of the file

    @property
    def elements(self):
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)

    @property
    def size(self):
        """Length in bytes."""
        return self.end - self.begin

    def read(self, offset=0, length=None):
        """The tensor's bytes, cut out of the model file."""
        left = max(0, self.size - offset)
        length = left if length is None else min(length, left)
        with open(self.path, "rb", buffering=0) as file:
            parts = []
            while length > 0:
                part = os.pread(file.fileno(), length, self.file_offset + offset)
                if not part:
                    raise EOFError(f"{self.path} ends inside {self.name!r}")
                parts.append(part)
                offset += len(part)
                length -= len(part)
        return b"".join(parts)


class Shard(NamedTuple):
    """One file of a model."""

    name: str
    path: str
    size: int
    header_bytes: int  # the value of the length field
    tensors: dict
    metadata: dict


class Model(NamedTuple):
    """A file, or the files that an index or a folder stands for."""

    shards: list  # in file-name order
    tensors: dict  # name -> Tensor
    missing: dict  # name -> file, as listed by the index and absent

    @property
    def metadata(self):
        """The union of the headers' `__metadata__`; the first shard that has a key wins."""
        union = {}
        for shard in self.shards:
            for key, value in shard.metadata.items():
                union.setdefault(key, value)
        return union


def last_wins(pairs):
    """Build a JSON object as the reference does: of equal keys the last one counts."""
    return dict(pairs)


def read_shard(path, name=None):
    """Parse the header of one valid safetensors file."""
    path = os.fspath(path)
    name = os.path.basename(path) if name is None else name
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        text = file.read(length)
    header = json.loads(text.decode("utf-8"), object_pairs_hook=last_wins)
    metadata = header.pop("__metadata__", None) or {}
    tensors = {}
    for key, value in header.items():
        dtype, shape, (begin, end) = fields(value)
        assert all(type(number) is int for number in (*shape, begin, end)), key
        tensors[key] = Tensor(key, dtype, tuple(shape), begin, end, name, path,
                              8 + length + begin)
    return Shard(name, path, os.path.getsize(path), length, tensors, metadata)


def fields(value):
    """(dtype, shape, data_offsets) of an entry, in either spelling that the reference takes."""
    if isinstance(value, list):
        dtype, shape, offsets = value
    else:
        dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if isinstance(dtype, dict):
        (dtype,) = dtype
    return dtype, shape, offsets


def read_model(source):
    """Read what SOURCE stands for: a file, an index, or a folder that holds either."""
    source = os.fspath(source)
    if os.path.isdir(source):
        return read_folder(source)
    if source.endswith(INDEX_SUFFIX):
        return read_index(source)
    return join([read_shard(source)], {})


def read_folder(folder):
    """Apply the order in which a folder's files are looked for."""
    names = sorted(os.listdir(folder))
    if "model.safetensors" in names:
        return read_model(os.path.join(folder, "model.safetensors"))
    if "model" + INDEX_SUFFIX in names:
        return read_index(os.path.join(folder, "model" + INDEX_SUFFIX))
    indexes = [name for name in names if name.endswith(INDEX_SUFFIX)]
    if len(indexes) == 1:
        return read_index(os.path.join(folder, indexes[0]))
    files = [name for name in names if name.endswith(".safetensors")]
    files = complete_set(files) or files
    if len(files) != 1 and not complete_set(files):
        raise ValueError(f"which one? {names}")
    return join([read_shard(os.path.join(folder, name), name) for name in files], {})


def complete_set(files):
    """The files X-00001-of-0000N to X-0000N-of-0000N, if the folder has one such set."""
    for name in files:
        match = SET_NAME.fullmatch(name)
        if match:
            prefix, count = match[1], int(match[3])
            wanted = [f"{prefix}-{n:05d}-of-{count:05d}.safetensors"
                      for n in range(1, count + 1)]
            if set(wanted) <= set(files):
                return wanted
    return []


def read_index(path):
    """Read the shards that an index lists; those that are not there count as missing."""
    with open(path, encoding="utf-8") as file:
        weight_map = json.load(file)["weight_map"]
    folder = os.path.dirname(path)
    shards = []
    for name in sorted(set(weight_map.values()), key=os.fsencode):
        if os.path.exists(os.path.join(folder, name)):
            shards.append(read_shard(os.path.join(folder, name), name))
    return join(shards, weight_map)


def join(shards, weight_map):
    """Make one model of shards: weight_map decides a double, else the last shard has it."""
    tensors = {}
    for shard in shards:
        tensors.update(shard.tensors)
    by_file = {shard.name: shard.tensors for shard in shards}
    missing = {}
    for name, file in weight_map.items():
        if name in by_file.get(file, {}):
            tensors[name] = by_file[file][name]
        elif name not in tensors:
            missing[name] = file
    return Model(shards, tensors, missing)


def escape(character):
    """Spell one character as a tree name does: itself, or %XX for each of its bytes."""
    code = ord(character)
    unsafe = code < 0x20 or 0x7f <= code <= 0x9f or character in "/%"
    if unsafe or character in BIDI_AND_SEPARATORS:
        return "".join("%%%02X" % byte for byte in character.encode())
    return character


def cut(units, raw):
    """Join escaped characters to a component, short enough for every view's suffix."""
    whole = "".join(units)
    if len(whole.encode()) <= COMPONENT_MAX:
        return whole
    import xxhash  # only long names need it

    tail = "%~" + xxhash.xxh3_128_hexdigest(raw.encode())
    kept, used = [], len(tail)
    for unit in units:
        used += len(unit.encode())
        if used > COMPONENT_MAX:
            break
        kept.append(unit)
    return "".join(kept) + tail


def component(raw):
    """Encode one dot-free part of a name."""
    return cut([escape(character) for character in raw] or ["%"], raw)


def dotted(parts):
    """Encode parts that share a component: each by itself, then joined with dots."""
    units = []
    for part in parts:
        units += ["."] if units else []
        units += [escape(character) for character in part] or ["%"]
    return cut(units, ".".join(parts))


def tree_path(name):
    """The path of tensor `name` relative to the root, without the suffix (`.bin`, ...)."""
    parts = name.split(".")
    folders = []
    while len(parts) > 1 and len(folders) < FOLDERS_MAX:
        deeper = folders + [component(parts[0])]
        if len("/".join(deeper).encode()) > FOLDER_PATH_MAX:
            break
        folders = deeper
        parts = parts[1:]
    return "/".join(folders + [dotted(parts)])
