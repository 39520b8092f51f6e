# SPDX-License-Identifier: Apache-2.0
"""Slices of tensors as numpy makes them, and texts of slices, good and bad.

The oracle numbers a tensor's elements, has numpy cut the numbers, and looks which bytes these
elements are: so it serves every dtype, and tells whether a piece ends within a byte.
"""
import re
from typing import NamedTuple

import numpy as np

from safetensors_reader import DTYPE_BITS

NUMBER = r"-?(?:0|[1-9][0-9]*)"
ITEM = rf"(?:{NUMBER}|(?:{NUMBER})?:(?:{NUMBER})?(?::1?)?|\.\.\.)"
SLICE = re.compile(rf"{ITEM}(?:,{ITEM})*", re.ASCII)


class Cut(NamedTuple):
    """What a slice is."""

    shape: tuple
    data: bytes
    elements: list  # their numbers in the tensor
    offset: object  # of its bytes in the tensor's; None: in several pieces


def indices(text):
    """The text as Python reads it between brackets."""
    return eval(f"np.s_[{text}]", {"np": np})  # pylint: disable=eval-used


def cut(tensor, text):
    """What numpy cuts out of a tensor; None where the text is no slice of it."""
    if not SLICE.fullmatch(text):
        return None
    numbers = np.arange(tensor.elements).reshape(tensor.shape)
    try:
        numbers = numbers[indices(text)]
    except (IndexError, OverflowError):  # the latter for an index past 64 bits
        return None
    numbers = np.asarray(numbers)
    flat = numbers.ravel()
    bits = DTYPE_BITS[tensor.dtype]
    if not flat.size:
        return Cut(numbers.shape, b"", flat, 0)
    starts = np.flatnonzero(np.diff(flat, prepend=-2) != 1)
    begins = flat[starts] * bits
    ends = (flat[np.append(starts[1:], flat.size) - 1] + 1) * bits
    if (begins % 8).any() or (ends % 8).any():
        return None
    raw = tensor.read()
    data = b"".join(raw[begin // 8:end // 8] for begin, end in zip(begins, ends))
    return Cut(numbers.shape, data, flat, int(begins[0]) // 8 if len(begins) == 1 else None)


def random_number(rng, dim):
    """A bound or an index: mostly inside, at times anywhere."""
    if rng.random() < 0.03:
        return str(rng.choice([-1, 1]) * rng.randrange(10 ** rng.randrange(1, 60)))
    if rng.random() < 0.02:
        return "-0"
    return str(rng.randint(-dim - 1, dim + 1) if rng.random() < 0.1
               else rng.randint(-dim, max(dim - 1, 0)))


def random_item(rng, dim):
    """A part of a slice, for a dimension."""
    if rng.random() < 0.35:
        return random_number(rng, dim)
    begin, end = (random_number(rng, dim) if rng.random() < 0.6 else "" for _ in range(2))
    return f"{begin}:{end}" + rng.choice(["", "", "", ":", ":1"])


def random_slice(rng, shape):
    """The text of a slice, not always one that numpy takes."""
    count = rng.randint(0, len(shape))
    if rng.random() < 0.3 or not count:
        last = rng.randint(0, len(shape) - count)  # dimensions behind those that "..." is for
        front = [random_item(rng, dim) for dim in shape[:count]]
        back = [random_item(rng, dim) for dim in shape[len(shape) - last:]]
        return ",".join([*front, "...", *back])
    return ",".join(random_item(rng, dim) for dim in shape[:count + (rng.random() < 0.02)])


def spoilt(rng, text):
    """A text that is no slice, near to one that is."""
    while True:
        at, kind = rng.randrange(len(text) + 1), rng.random()
        piece = rng.choice(list("+-0 .,:_xXeE[]()'\"\t1\u0661") + ["::2", "None", "True", "..", "::-1",
                                                               "01", "1.0", ",,", "0x1"])
        if kind < 0.7:
            bad = text[:at] + piece + text[at:]
        elif kind < 0.85:
            bad = text[:at] + text[at + 1:]
        else:
            bad = rng.choice(["", piece, piece + text, text + piece])
        if not SLICE.fullmatch(bad) or bad.count("...") > 1:
            return bad
