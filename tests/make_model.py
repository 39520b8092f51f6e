#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write safetensors models for tests and benchmarks. Needs Python's standard library only.

Each kind is one of the cases that a mount must get right: hostile names, sizes past 32 bits,
tens of thousands of tensors. Big models are sparse. A tensor has bytes at both ends (--fill
of them), and around 2 and 4 GiB if it is that long, made from its name and the position; so
bytes from a wrong place never look right. All else is a hole and reads as zeros.
`expected()` says what any range of a tensor holds.
"""
import argparse
import hashlib
import json
import math
import os
import random
import struct
from typing import NamedTuple

from safetensors_reader import DTYPE_BITS

FILL = 64  # bytes at either end of a sparse tensor
WHOLE = 1 << 62  # as a fill: no tensor has a hole
MARKS = (1 << 31, 1 << 32)  # where a 32-bit offset goes wrong


class Spec(NamedTuple):
    """A tensor to be written."""

    name: str
    dtype: str
    shape: tuple

    @property
    def size(self):
        """Length in bytes."""
        return math.prod(self.shape) * DTYPE_BITS[self.dtype] // 8


def pattern(spec, offset, length):
    """Bytes that only this place of this tensor has; a BOOL holds 0 and 1 alone."""
    seed = b"%d/%d/" % (offset, spec.size) + spec.name.encode()
    data = hashlib.shake_256(seed).digest(length)
    return bytes(byte & 1 for byte in data) if spec.dtype == "BOOL" else data


def filled(size, fill):
    """The ranges of a tensor that are written, as (offset, length)."""
    if size <= 2 * fill:
        return [(0, size)]
    inner = [mark - fill // 2 for mark in MARKS if mark + fill < size - fill]
    return [(offset, fill) for offset in (0, *inner, size - fill) if fill]


def expected(spec, offset=0, length=None, fill=FILL):
    """What `length` bytes at `offset` of the tensor hold, in a file written with `fill`."""
    left = max(0, spec.size - offset)
    length = left if length is None else min(length, left)
    data = bytearray(length)
    for start, count in filled(spec.size, fill):
        begin, end = max(start, offset), min(start + count, offset + length)
        if begin < end:
            part = pattern(spec, start, count)[begin - start:end - start]
            data[begin - offset:end - offset] = part
    return bytes(data)


def noise(spec, chunk=1 << 24):
    """Random bytes for a whole tensor, in parts: the same for the same name, and quick."""
    for offset in range(0, spec.size, chunk):
        source = random.Random(f"{spec.name}@{offset}")
        yield source.randbytes(min(chunk, spec.size - offset))


def write_file(path, specs, metadata=None, fill=FILL, content=None):
    """Write one file; `content(spec)` yields a tensor's bytes, if the pattern will not do."""
    header = {} if metadata is None else {"__metadata__": metadata}
    end = 0
    for spec in specs:
        begin, end = end, end + spec.size
        header[spec.name] = {"dtype": spec.dtype, "shape": list(spec.shape),
                             "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        start = file.tell()
        file.truncate(start + end)
        for spec in specs:
            if content:
                file.seek(start)
                file.writelines(content(spec))
            else:
                for offset, length in filled(spec.size, fill):
                    file.seek(start + offset)
                    file.write(pattern(spec, offset, length))
            start += spec.size


def write_index(folder, weight_map, name="model.safetensors.index.json", total_size=0):
    """Write an index as the Hugging Face libraries do."""
    text = json.dumps({"metadata": {"total_size": total_size}, "weight_map": weight_map},
                      indent=2)
    with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
        file.write(text + "\n")


def write_sharded(folder, specs, count, fill=FILL):
    """Deal tensors, in order, to `count` files of about one size, and index them."""
    os.makedirs(folder, exist_ok=True)
    total = sum(spec.size for spec in specs)
    shards, begin = {}, 0
    for spec in specs:
        shards.setdefault(min(begin * count // total, count - 1), []).append(spec)
        begin += spec.size
    weight_map = {}
    for number, group in shards.items():
        name = f"model-{number + 1:05d}-of-{count:05d}.safetensors"
        write_file(os.path.join(folder, name), group, {"format": "pt"}, fill)
        weight_map.update((spec.name, name) for spec in group)
    write_index(folder, weight_map, total_size=total)


def mixtral_8x22b():
    """Mixtral 8x22B as published: 56 layers of 8 experts, all of it bfloat16."""
    hidden, kv, inner, vocab = 6144, 1024, 16384, 32000

    def bf16(name, *shape):
        return Spec(name + ".weight", "BF16", shape)

    yield bf16("model.embed_tokens", vocab, hidden)
    for layer in (f"model.layers.{i}" for i in range(56)):
        yield bf16(f"{layer}.self_attn.q_proj", hidden, hidden)
        yield bf16(f"{layer}.self_attn.k_proj", kv, hidden)
        yield bf16(f"{layer}.self_attn.v_proj", kv, hidden)
        yield bf16(f"{layer}.self_attn.o_proj", hidden, hidden)
        yield bf16(f"{layer}.block_sparse_moe.gate", 8, hidden)
        for expert in (f"{layer}.block_sparse_moe.experts.{i}" for i in range(8)):
            yield bf16(f"{expert}.w1", inner, hidden)
            yield bf16(f"{expert}.w2", hidden, inner)
            yield bf16(f"{expert}.w3", inner, hidden)
        yield bf16(f"{layer}.input_layernorm", hidden)
        yield bf16(f"{layer}.post_attention_layernorm", hidden)
    yield bf16("model.norm", hidden)
    yield bf16("lm_head", vocab, hidden)


def deepseek_linear(name, rows, columns):
    """A float8 matrix and the scales of its 128 x 128 blocks."""
    yield Spec(name + ".weight", "F8_E4M3", (rows, columns))
    yield Spec(name + ".weight_scale_inv", "F32", (-(-rows // 128), -(-columns // 128)))


def deepseek_mlp(name, inner, hidden=7168):
    """The three matrices of a gated feed-forward block."""
    yield from deepseek_linear(name + ".gate_proj", inner, hidden)
    yield from deepseek_linear(name + ".up_proj", inner, hidden)
    yield from deepseek_linear(name + ".down_proj", hidden, inner)


def deepseek_v3(hidden=7168, vocab=129280):
    """DeepSeek-V3 as published: 61 layers and one that predicts a second token.

    Left out are the six tensors that this last layer alone has: 91,985 remain.
    """
    yield Spec("model.embed_tokens.weight", "BF16", (vocab, hidden))
    for number in range(62):
        layer = f"model.layers.{number}"
        attention, mlp = f"{layer}.self_attn", f"{layer}.mlp"
        yield from deepseek_linear(f"{attention}.q_a_proj", 1536, hidden)
        yield Spec(f"{attention}.q_a_layernorm.weight", "BF16", (1536,))
        yield from deepseek_linear(f"{attention}.q_b_proj", 24576, 1536)
        yield from deepseek_linear(f"{attention}.kv_a_proj_with_mqa", 576, hidden)
        yield Spec(f"{attention}.kv_a_layernorm.weight", "BF16", (512,))
        yield from deepseek_linear(f"{attention}.kv_b_proj", 32768, 512)
        yield from deepseek_linear(f"{attention}.o_proj", hidden, 16384)
        if number < 3:
            yield from deepseek_mlp(mlp, 18432)
        else:
            yield Spec(f"{mlp}.gate.weight", "BF16", (256, hidden))
            yield Spec(f"{mlp}.gate.e_score_correction_bias", "F32", (256,))
            yield from deepseek_mlp(f"{mlp}.shared_experts", 2048)
            for expert in range(256):
                yield from deepseek_mlp(f"{mlp}.experts.{expert}", 2048)
        yield Spec(f"{layer}.input_layernorm.weight", "BF16", (hidden,))
        yield Spec(f"{layer}.post_attention_layernorm.weight", "BF16", (hidden,))
    yield Spec("model.norm.weight", "BF16", (hidden,))
    yield Spec("lm_head.weight", "BF16", (vocab, hidden))


def small_sharded():
    """A few tensors of several types, enough for four shards."""
    yield Spec("model.embed_tokens.weight", "BF16", (96, 32))
    for layer in range(3):
        name = f"model.layers.{layer}"
        yield Spec(f"{name}.mlp.up_proj.weight", "F8_E4M3", (128, 32))
        yield Spec(f"{name}.mlp.up_proj.weight_scale_inv", "F32", (1, 1))
        yield Spec(f"{name}.self_attn.rotary.inv_freq", "F64", (7,))
        yield Spec(f"{name}.input_layernorm.weight", "F16", (33,))
    yield Spec("model.position_ids", "I64", (1, 64))
    yield Spec("lm_head.weight", "F32", (17, 63))


def many(count):
    """`count` small tensors with names as long and as alike as those of real models."""
    parts = ("gate_proj.weight", "up_proj.weight", "down_proj.weight", "gate_proj.scale")
    for number in range(count):
        rest, part = divmod(number, len(parts))
        layer, expert = divmod(rest, 128)
        yield Spec(f"model.layers.{layer}.mlp.experts.{expert}.{parts[part]}", "F16", (4,))


def dense(size):
    """Sixteen equal bfloat16 matrices, `size` bytes in all or a little less."""
    for layer in range(16):
        yield Spec(f"model.layers.{layer}.mlp.up_proj.weight", "BF16",
                   (max(1, size // (16 * 2 * 1024)), 1024))


def big():
    """A tensor longer than 32 bits can say, and one that begins beyond that."""
    yield Spec("before", "F32", (3,))
    yield Spec("big", "U8", (4100, 1024, 1025))
    yield Spec("behind.it", "I16", (5, 1001))


def hostile_names():
    """Names that are harmless in a JSON header and anything but in a path."""
    yield from ("w", "w.absmax", "w.quant_map", "w.bin", "w.json", "w.npy", "w.bin.json")
    yield from ("", ".", "..", "...", ".hidden", "end.", "a..b", "/etc/passwd", "a/b",
                "x/../../y", "../up", "nul\0nul", "nul", "tab\tnew\nline\rreturn", "bell\a")
    yield from ("esc\x1b[31mred", "c1\u009b31m", "next\u0085line", "del\x7f", "%", "%~",
                "per%2Fcent", "per/cent", "caf\u00e9", "cafe\u0301", "\U0001f600.weight",
                "bidi\u202etxt", "isolate\u2066\u2069", "mark\u200e\u200f\u061c", "\ufeffbom",
                "line\u2028paragraph\u2029", "\uffff", "back\\slash", 'quo"te', "new\\nline")
    yield from ("-rf", "~", "a b", " ", "$(id)", "`id`", "*", "__metadata__.json", ".view",
                "weight[0:1]", "__metadata__x")
    yield from ("L" * 243, "L" * 244, "L" * 255, "L" * 256, "L" * 300, "H" * 70000)
    yield from ("\u00e9" * 200, "a" + "\u00e9" * 200, "\u202e" * 100, "ab" + "\U0001f600" * 90)
    yield from ("d." * depth + "leaf" for depth in (31, 32, 33, 40))
    yield "d." * 33 + "." + "t" * 300 + "./."
    yield ".".join(["wide" + "e" * 200] * 20)
    for last in (38, 39):  # folders of 2,048 bytes exactly, and of one more
        yield ".".join(["p" * 200] * 10 + ["q" * last, "leaf"])


def edge():
    """Every dtype, every degenerate shape and every hostile name, in one file."""
    for dtype in DTYPE_BITS:
        yield Spec(f"dtype.{dtype}", dtype, (4, 8))
        yield Spec(f"none.{dtype}", dtype, (3, 0, 5))
        if DTYPE_BITS[dtype] >= 8:
            yield Spec(f"scalar.{dtype}", dtype, ())
    yield Spec("odd.row.F4", "F4", (2, 1))
    yield Spec("odd.row.F6", "F6_E2M3", (4, 3))
    yield Spec("odd.last.F6", "F6_E3M2", (2, 3, 4))
    yield Spec("empty", "BF16", (0,))
    yield Spec("empty.huge", "U8", ((1 << 64) - 1, 0))
    yield Spec("rank.8", "U8", (1, 2, 1, 2, 1, 2, 1, 2))
    for rank in (32, 33, 64, 65, 100):
        yield Spec(f"rank.{rank}", "F32", (1,) * rank)
    for name in hostile_names():
        yield Spec(name, "U8", (3,))


KINDS = {
    "edge": lambda a: write_file(a.path, list(edge()), {
        "format": "pt", "": "empty key", "hostile\u202e\x1b[31m": "a\0b\u009b\n"}, WHOLE),
    "sharded": lambda a: write_sharded(a.path, list(small_sharded()), 4, WHOLE),
    "mixtral-8x22b": lambda a: write_sharded(a.path, list(mixtral_8x22b()), 59, a.fill),
    "deepseek-v3": lambda a: write_sharded(a.path, list(deepseek_v3()), 163, a.fill),
    "dense": lambda a: write_file(a.path, list(dense(a.bytes)), content=noise),
    "many": lambda a: write_file(a.path, list(many(a.count)), fill=WHOLE),
    "big": lambda a: write_file(a.path, list(big()), fill=a.fill),
}


def main(words=None):
    """Write the model that the command line, or `words` in its place, asks for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("path", help="the file to write, or the folder of a sharded model")
    parser.add_argument("--bytes", type=int, default=1 << 30, help="of 'dense'")
    parser.add_argument("--count", type=int, default=100000, help="of 'many'")
    parser.add_argument("--fill", type=int, default=FILL, help="bytes at a tensor's ends")
    arguments = parser.parse_args(words)
    KINDS[arguments.kind](arguments)


if __name__ == "__main__":
    main()
