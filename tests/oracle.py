#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The reference reader's verdict on a file. Needs the `safetensors` wheel, 0.8.0.

    oracle.py FILE...        one line each: FILE, verdict, detail, between tabs

A verdict is `ok` or the variant of the reference's error in kebab-case, the word that our own
messages end in. The reference tells its variant in words alone, so they are matched here.
"""
import re
import sys

from safetensors import SafetensorError, deserialize, safe_open

# Each variant by the start of its text; no text starts like another one.
WORDING = {
    "header-too-small": "header too small",
    "header-too-large": "header too large",
    "invalid-header-length": "invalid header length",
    "invalid-header": "invalid UTF-8 in header",
    "invalid-header-deserialization": "invalid JSON in header",
    "invalid-offset": "invalid offset for tensor",
    "validation-overflow": "overflow computing buffer size",
    "misaligned-slice": "The slice is slicing for subbytes dtypes",
    "tensor-invalid-info": "invalid shape, data type, or offset",
    "metadata-incomplete-buffer": "incomplete metadata",
}
PREFIX = re.compile(r"Error while deserializing( header)?: ")


def variant(error):
    """Name the variant behind an exception; a wording not known is a failure, not a guess."""
    text = PREFIX.sub("", str(error), count=1)
    for name, start in WORDING.items():
        if text.startswith(start):
            return name
    raise ValueError(f"the reference says something new: {text!r}")


def verdict(path):
    """('ok', number of tensors) or (variant, message) for a file, which may be sparse."""
    try:
        with safe_open(path, framework="np") as file:
            return "ok", len(file.keys())
    except SafetensorError as error:
        return variant(error), str(error)


def verdict_of_bytes(data):
    """The same for a file in memory; a second way in, that must not differ from the first."""
    try:
        return "ok", len(deserialize(data))
    except SafetensorError as error:
        return variant(error), str(error)


def main():
    """Print the verdict on each file of the command line."""
    for path in sys.argv[1:]:
        print(path, *verdict(path), sep="\t")


if __name__ == "__main__":
    main()
