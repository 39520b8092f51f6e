# SPDX-License-Identifier: Apache-2.0
"""Files that are nearly safetensors: made up at random, the same for the same numbers.

A file starts as a plan that is valid: tensors that follow on one another. Then things go
wrong at several levels, each of which keeps what is below it intact: in the plan (offsets,
shapes, dtypes, names that stand twice), in the way it is written down as JSON (escapes, forms
that only serde knows, fields of others, numbers, depth), in the tokens of the text, in its
bytes, and in the frame around it (length field, a file cut short or made longer). About a
third comes out valid.
"""
import re
import struct

WIDTHS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8,
          "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16,
          "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64,
          "I64": 64, "U64": 64}
DTYPES = tuple(WIDTHS)
NO_DTYPES = ("f32", "F128", "F8", "F32 ", " F32", "", "F4_E2M1", "C128", "I4", "F8_E4M3FN",
             "dtype", "F32\0", "null")
NAMES = ("", "a", "b", "a.b", "a.b.weight", "w", "/", "..", "é", "e\u0301", "\u202e", "\0", "a\0",
         "\x7f", "\U0001f600", "\uffff", "dtype", "shape", "__metadata", "__metadata__ ", "\\",
         '"', "\n", "x" * 300, "model.layers.0.self_attn.q_proj.weight")
KEYS = ("format", "a", "", "é", "\0", "__metadata__", "dtype", "a.b")
EDGES = (0, 1, 7, 8, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**53 + 1, 2**60, 2**61 - 1,
         2**61, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 9, 2**64 - 8, 2**64 - 1, 2**64, 2**64 + 1,
         10**19, 10**20, 10**30)
NO_UINTS = (b"-0", b"-1", b"1.0", b"1e0", b"0e0", b"01", b"00", b"+1", b"0x1", b'"1"', b"null",
            b"true", b"[1]", b"{}", b"1.", b".5", b"1E2", b"NaN", b"Infinity", b"")
WORDS = (b"null", b"true", b"false", b"nul", b"nulll", b"True", b"NaN", b"-Infinity", b"None")
SPACES = (b" ", b"\t", b"\n", b"\r", b"  ", b"\r\n")
NO_SPACES = (b"\0", b"\x0b", b"\x0c", b"\xc2\xa0", b"\xef\xbb\xbf", b"/**/", b"\xe2\x80\xa8", b"#")
NO_UTF8 = (b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82",
           b"\xf8\x88\x80\x80\x80", b"\x80")
NO_ESCAPES = (b"\\x41", b"\\'", b"\\u12", b"\\u00g0", b"\\ud800", b"\\udc00", b"\\udc00\\ud800",
              b"\\ud800\\u0041", b"\\ud800x", b"\\ud83d\\ud83d", b"\\U0041", b"\\", b"\\0",
              b"\x00", b"\x1f", b"\n", b"\\ud800\\n", b"\\uD83D\\uDE00", b"\\u0000")
PLANES = ((0, 0x80), (0x80, 0x800), (0x800, 0xd800), (0xe000, 0x10000), (0x10000, 0x110000))
BYTES = (b'"', b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b".", b"e", b"\\", b" ", b"\0")
TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[0-9.eE+-]+|[a-z]+|.', re.DOTALL)


# ---- the plan ----

class Tensor:
    """What a header says of one tensor, while it can still be anything."""

    def __init__(self, name, dtype, shape, begin, end):
        self.name, self.dtype, self.shape = name, dtype, shape
        self.begin, self.end = begin, end

    def copy(self):
        """Another one that says the same."""
        return Tensor(self.name, self.dtype, list(self.shape), self.begin, self.end)


def pick_name(rng):
    """A name that means trouble, or a few characters from anywhere."""
    if rng.random() < 0.8:
        return rng.choice(NAMES)
    return "".join(chr(rng.randrange(*rng.choice(PLANES))) for _ in range(rng.randrange(1, 5)))


def plan(rng):
    """Tensors that follow on one another, and the length of their data."""
    tensors, end = [], 0
    for name in {pick_name(rng): None for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 5)))}:
        dtype = rng.choice(DTYPES)
        shape = [rng.choice((0, 1, 1, 2, 2, 3, 4, 8)) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        bits = WIDTHS[dtype]
        for dim in shape:
            bits *= dim
        if bits % 8:
            shape.append(4)
            bits *= 4
        tensors.append(Tensor(name, dtype, shape, end, end + bits // 8))
        end += bits // 8
    return tensors, end


def move_offset(rng, tensors):
    """One of the offsets of a tensor is another number."""
    tensor = rng.choice(tensors)
    field = rng.choice(("begin", "end"))
    value = getattr(tensor, field)
    setattr(tensor, field, rng.choice((max(0, value - 1), value + 1, value + 8, rng.choice(EDGES))))


def move_both(rng, tensors):
    """A tensor lies where another one does, or the other way round, or further on."""
    tensor, other = rng.choice(tensors), rng.choice(tensors)
    tensor.begin, tensor.end = rng.choice((
        (other.begin, other.end), (tensor.end, tensor.begin), (tensor.begin + 1, tensor.end + 1),
        (tensor.begin, tensor.begin), (tensor.end, tensor.end), (other.begin, tensor.end)))


def move_rest(rng, tensors):
    """All from one tensor on lie further on, or not as far: a hole, or an overlap."""
    step = rng.choice((-1, 1, 2, 8, 2**32, 2**63))
    for tensor in tensors[rng.randrange(len(tensors)):]:
        tensor.begin, tensor.end = max(0, tensor.begin + step), max(0, tensor.end + step)


def change_dim(rng, tensors):
    """One dimension is another number, or there is one more or less."""
    shape = rng.choice(tensors).shape
    if shape and rng.random() < 0.7:
        shape[rng.randrange(len(shape))] = rng.choice((0, 1, 2, 3, 16, rng.choice(EDGES)))
    elif shape and rng.random() < 0.5:
        del shape[rng.randrange(len(shape))]
    else:
        shape.insert(rng.randrange(len(shape) + 1), rng.choice((0, 1, 2, rng.choice(EDGES))))


def grow_shape(rng, tensors):
    """The product of the dimensions comes near 2^64, with or without a zero on the way."""
    tensor = rng.choice(tensors)
    total = rng.choice((60, 61, 62, 63, 64, 65))
    parts = rng.choice((1, 2, 3))
    shape = [2 ** (total // parts)] * (parts - 1)
    shape.append(2 ** (total - total // parts * (parts - 1)) - rng.choice((0, 0, 0, 1)))
    if rng.random() < 0.4:
        shape.insert(rng.randrange(len(shape) + 1), 0)
    tensor.shape = shape
    if rng.random() < 0.5:
        tensor.end = tensor.begin


def change_dtype(rng, tensors):
    """Another dtype, perhaps of the same width, or none that there is."""
    rng.choice(tensors).dtype = rng.choice(DTYPES if rng.random() < 0.7 else NO_DTYPES)


def break_byte(rng, tensors):
    """The elements of a tensor do not fill its last byte."""
    tensor = rng.choice(tensors)
    tensor.dtype = rng.choice(("F4", "F6_E2M3", "F6_E3M2"))
    tensor.shape = [rng.choice((1, 3, 5, 2**60 + 1))] + tensor.shape[:1]


def double_tensor(rng, tensors):
    """A name stands twice: the last one counts."""
    twin = rng.choice(tensors).copy()
    if rng.random() < 0.6:
        rng.choice((change_dim, change_dtype, move_offset))(rng, [twin])
    tensors.insert(rng.choice((0, len(tensors))), twin)


def add_empty(rng, tensors):
    """A tensor without bytes, on a border or not."""
    other = rng.choice(tensors)
    at = rng.choice((other.begin, other.end, other.end, other.begin + 1))
    tensors.append(Tensor(pick_name(rng), rng.choice(DTYPES), [rng.choice((0, 0, 1))], at, at))


def tie(rng, tensors):
    """Another name for the very same bytes."""
    twin = rng.choice(tensors).copy()
    twin.name = pick_name(rng)
    tensors.append(twin)


def rename(rng, tensors):
    """Another name, one that means something perhaps."""
    rng.choice(tensors).name = rng.choice(NAMES + ("__metadata__",))


PLAN_CHANGES = (move_offset, move_offset, move_both, move_rest, change_dim, change_dim, grow_shape,
                change_dtype, break_byte, double_tensor, add_empty, tie, rename)


# ---- JSON ----

class Writer:
    """Writes plans as JSON; @odds: how often something is odd, and how often it is wrong."""

    def __init__(self, rng, odd, wrong):
        self.rng, self.odd, self.wrong = rng, odd, wrong

    def is_odd(self):
        """Whether the next thing is written in an unusual way."""
        return self.rng.random() < self.odd

    def is_wrong(self):
        """Whether the next thing is not what should be there."""
        return self.rng.random() < self.wrong

    def space(self):
        """What may stand between two tokens."""
        if self.is_wrong():
            return self.rng.choice(NO_SPACES)
        return self.rng.choice(SPACES) if self.is_odd() else b""

    def string(self, text):
        """A string, with some of its characters as escapes."""
        out = [b'"']
        odd = self.is_odd()
        for char in text:
            code = ord(char)
            if code < 0x20 or char in '"\\' or (odd and self.rng.random() < 0.5):
                if code > 0xffff:
                    code -= 0x10000
                    out.append(b"\\u%04x\\u%04X" % (0xd800 + (code >> 10), 0xdc00 + (code & 0x3ff)))
                elif char in '"\\/' and odd:
                    out.append(b"\\" + char.encode())
                else:
                    out.append((b"\\u%04x" if self.rng.random() < 0.5 else b"\\u%04X") % code)
            else:
                out.append(char.encode())
        if self.is_wrong():
            at = self.rng.randrange(1, len(out) + 1)
            out.insert(at, self.rng.choice(NO_UTF8 if self.rng.random() < 0.3 else NO_ESCAPES))
        out.append(b'"')
        return b"".join(out)

    def uint(self, value):
        """An unsigned integer."""
        return self.rng.choice(NO_UINTS) if self.is_wrong() else b"%d" % value

    def list_of(self, items, ends):
        """Items between brackets or braces."""
        comma = b","
        out = ends[:1] + self.space()
        for number, item in enumerate(items):
            if self.is_wrong():
                comma = self.rng.choice((b"", b";", b",,", b":"))
            out += (self.space() + comma if number else b"") + self.space() + item
        if self.is_wrong():
            out += b","
        return out + self.space() + ends[1:]

    def pair(self, key, value):
        """A key, which is text, and its value, which is written already."""
        colon = b"=" if self.is_wrong() else b":"
        return self.string(key) + self.space() + colon + self.space() + value

    def huge(self):
        """A number about the largest double: any count of digits, the point anywhere."""
        rng = self.rng
        count = rng.choice((1, 2, 16, 17, 18, 19, 20, 21, 22, 40, 308, 309, 310, 330, 400))
        first = rng.choice((17976931348623157, 17976931348623158, 18446744073709551, 10**16))
        digits = str(first + rng.choice((0, 0, rng.randrange(-200, 200))))
        digits += "".join(rng.choices("0123456789", k=8)) + rng.choice("0059") * 400
        digits = digits[:count]
        point = rng.choice((rng.randrange(-30, count + 1), 1, count))
        if point <= 0:
            text = "0." + "0" * -point + digits
        else:
            text = digits[:point] + ("." + digits[point:] if point < count else "")
        exponent = 309 - point + rng.choice((-1, 0, 0, 0, 0, 1))
        sign = rng.choice(("", "", "-"))
        return f"{sign}{text}{rng.choice('eE')}{exponent}".encode()

    def number(self):
        """A number of a field that nobody reads, where it is hard to tell if it is too large."""
        rng = self.rng
        kind = rng.randrange(4)
        if kind == 0:
            return b"%d" % (rng.choice(EDGES) * rng.choice((1, -1)))
        if kind == 1:
            exponent = rng.choice((308, 309, 400, 2**31 - 1, 2**31, 2**31 + 1, 2**63, 2**64))
            return rng.choice((b"0", b"-0", b"0.0", b"1", b"1.5", b"-2", b"0.1")) + rng.choice(
                (b"e", b"E", b"e+", b"e-")) + b"%d" % exponent
        if kind == 2 and self.is_wrong():
            return rng.choice(NO_UINTS)
        return self.huge()

    def anything(self, depth=0):
        """Any value of JSON."""
        kind = self.rng.randrange(9 if depth < 3 else 6)
        if kind < 2:
            return self.number()
        if kind == 2:
            return self.rng.choice(WORDS[:3] if not self.is_wrong() else WORDS)
        if kind < 5:
            return self.string(pick_name(self.rng))
        if kind == 5:
            return b"%d" % self.rng.randrange(100)
        items = [self.anything(depth + 1) for _ in range(self.rng.randrange(4))]
        if kind < 8:
            return self.list_of(items, b"[]")
        return self.list_of([self.pair(self.rng.choice(KEYS), item) for item in items], b"{}")

    def surrogates(self):
        """A string of escapes that go together, or just do not."""
        units = (0, 0x41, 0xd7ff, 0xd800, 0xd83d, 0xdbff, 0xdc00, 0xde00, 0xdfff, 0xe000, 0xffff)
        pairs = [self.rng.choice(units) for _ in range(self.rng.randrange(1, 4))]
        if self.rng.random() < 0.6:
            pairs = [unit for unit in pairs if not 0xd800 <= unit < 0xe000]
            pairs += [self.rng.choice(units[3:6]), self.rng.choice(units[6:9])]
        return b'"%s"' % b"".join(b"\\u%04x" % unit for unit in pairs)

    def deep(self, outer):
        """A value in as many containers as there may be, @outer of them around it already."""
        count = self.rng.choice((125, 126, 127, 128, 129)) - outer
        kinds = [self.rng.choice((b"[]", b"[]", b"{}")) for _ in range(count)]
        if self.rng.random() < 0.5:
            kinds = kinds[:1] * count
        core = self.rng.choice((b"", b"1", b"[]", b"{}", b'"x"')) if kinds[-1:] == [b"[]"] else b""
        before = b"".join(b'{"":' if kind == b"{}" else b"[" for kind in kinds[:-1])
        after = b"".join(kind[1:] for kind in reversed(kinds[:-1]))
        return before + kinds[-1][:1] + core + kinds[-1][1:] + after if kinds else b"1"

    def field_of_others(self):
        """A field that the format does not know."""
        key = self.rng.choice(KEYS[:5] + ("Dtype", "dtype\0", "offsets"))
        value = self.deep(2) if self.rng.random() < 0.15 else self.anything()
        return self.pair(key, value)

    def dtype(self, name):
        """A dtype, as a string or as serde reads an enum."""
        if self.is_wrong():
            return self.rng.choice((b'{"F32":{}}', b'{"F32":null,"F16":null}', b"{}", b"17",
                                    b'["F32"]', b'{"F32":[]}', b"null", b'{"F128":null}'))
        if self.is_odd():
            return self.list_of([self.pair(name, b"null")], b"{}")
        return self.string(name)

    def tensor(self, tensor):
        """A tensor, as an object or as serde reads a struct."""
        shape = self.list_of([self.uint(dim) for dim in tensor.shape], b"[]")
        offsets = [self.uint(tensor.begin), self.uint(tensor.end)]
        if self.is_wrong():
            offsets = self.rng.choice((offsets[:1], offsets + offsets[:1], []))
        fields = [("dtype", self.dtype(tensor.dtype)), ("shape", shape),
                  ("data_offsets", self.list_of(offsets, b"[]"))]
        if self.is_wrong():
            fields.insert(self.rng.randrange(4), self.rng.choice(fields))
        if self.is_wrong():
            del fields[self.rng.randrange(len(fields))]
        if self.is_wrong():
            key = self.rng.randrange(len(fields))
            fields[key] = (fields[key][0], self.anything())
        if self.is_odd():
            return self.list_of([value for _, value in fields], b"[]")
        if self.is_odd():
            self.rng.shuffle(fields)
        items = [self.pair(key, value) for key, value in fields]
        while self.is_odd():
            items.insert(self.rng.randrange(len(items) + 1), self.field_of_others())
        return self.list_of(items, b"{}")

    def metadata(self):
        """The value of __metadata__."""
        if self.is_odd():
            return b"null"
        if self.is_wrong():
            return self.anything()
        items = []
        while self.rng.random() < 0.5:
            value = self.anything() if self.is_wrong() else self.string(pick_name(self.rng))
            items.append(self.pair(self.rng.choice(KEYS), value))
        return self.list_of(items, b"{}")

    def header(self, tensors):
        """The whole text."""
        rng = self.rng
        items = [self.pair(tensor.name, self.tensor(tensor)) for tensor in tensors]
        if self.is_odd():
            rng.shuffle(items)
        if rng.random() < 0.4:
            items.insert(rng.choice((0, len(items))), self.pair("__metadata__", self.metadata()))
        if self.is_wrong():
            value = self.deep(1) if rng.random() < 0.5 else self.metadata()
            items.append(self.pair(rng.choice(("__metadata__", "q")), value))
        text = self.space() + self.list_of(items, b"{}") + self.space()
        if rng.random() < 0.3:
            text += b" " * (-len(text) % 8)
        return text


# ---- tokens, bytes, the frame ----

def change_tokens(rng, text):
    """Drop a token, write one twice, swap two, or put another in the place of one."""
    tokens = TOKENS.findall(text)
    for _ in range(rng.choice((1, 1, 2))):
        if not tokens:
            break
        at, other = rng.randrange(len(tokens)), rng.randrange(len(tokens))
        kind = rng.randrange(4)
        if kind == 0:
            del tokens[at]
        elif kind == 1:
            tokens.insert(other, tokens[at])
        elif kind == 2:
            tokens[at], tokens[other] = tokens[other], tokens[at]
        else:
            tokens[at] = rng.choice((tokens[other], rng.choice(NO_UINTS), rng.choice(WORDS),
                                     b"%d" % rng.choice(EDGES), b'"%s"' % rng.choice(NO_ESCAPES)))
    return b"".join(tokens)


def change_bytes(rng, text):
    """Flip a bit, put bytes in, or take some out, in one to three places."""
    text = bytearray(text)
    for _ in range(rng.choice((1, 1, 2, 3))):
        at = rng.randrange(len(text) + 1)
        kind = rng.randrange(4)
        if kind == 0 and at < len(text):
            text[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            text[at:at] = rng.choice(BYTES + NO_UTF8)
        elif kind == 2:
            del text[at:at + rng.choice((1, 1, 2, 8))]
        else:
            text[at:at + 1] = rng.choice(BYTES + NO_SPACES)
    return bytes(text)


def change_frame(rng, field, text, data):
    """The file around the header: its length field, and what comes before and behind."""
    kind = rng.randrange(9)
    if kind == 0:
        field = max(0, field + rng.choice((-8, -1, 1, 2, 8, len(data), len(data) + 1)))
    elif kind == 1:
        field = rng.choice((0, 1, 2, 10**8, 10**8 + 1, 2**32, 2**32 + field, 2**63, 2**64 - 1,
                            2**64 - 8, 2**64 - 7, field << 8))
    elif kind == 2:
        data = data[:-rng.choice((1, 1, 4))]
    elif kind == 3:
        data += data[:rng.choice((1, 8))] or b"\0"
    elif kind == 4:
        whole = struct.pack("<Q", field) + text + data
        return whole[:rng.randrange(len(whole) + 1)]
    elif kind == 5:
        text += rng.choice(SPACES + NO_SPACES) * rng.choice((1, 2, 7))
        field = len(text)
    elif kind == 6:
        text = rng.choice(SPACES + NO_SPACES) + text
        field = len(text)
    elif kind == 7:
        text = rng.choice((text + text, text + b"{}", b"[" + text + b"]", b"", b"{}", b"[]", b"0",
                           b"null", b'""', text[:rng.randrange(len(text) + 1)]))
        field = len(text)
    else:
        return rng.choice((b"", struct.pack(">Q", field), b"PK\3\4", b"version https://git-lfs",
                           text)) + rng.choice((b"", text + data))
    return struct.pack("<Q", field) + text + data


def body(length):
    """Data of which no two stretches of a few bytes are equal."""
    return b"".join(struct.pack("<H", number * 40503 & 0xffff)
                    for number in range(length // 2 + 1))[:length]


def framed(text, data):
    """A file."""
    return struct.pack("<Q", len(text)) + text + data


def small(rng):
    """A file of which all hangs on one number, one string, or the depth of one value."""
    writer = Writer(rng, 0, 0.02)
    value = rng.choice((writer.number, writer.huge, writer.huge, writer.surrogates,
                        lambda: writer.deep(2)))()
    where = rng.choice((b'{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":%s}}',
                        b'{"a":{"x":[%s],"dtype":"U8","shape":[],"data_offsets":[0,1]}}'))
    if value[:1] == b'"' and rng.random() < 0.6:
        where = rng.choice((b'{%s:["U8",[],[0,1]]}',
                            b'{"__metadata__":{"a":%s},"":["U8",[],[0,1]]}',
                            b'{"__metadata__":{%s:"a"},"":["U8",[],[0,1]]}'))
    return framed(where % value, b"x")


def mutant(rng):
    """One file; it depends on nothing but @rng."""
    if rng.random() < 0.15:
        return small(rng)
    tensors, length = plan(rng)
    level = rng.random()
    while tensors and rng.random() < 0.35:
        rng.choice(PLAN_CHANGES)(rng, tensors)
    odd = rng.choice((0, 0.02, 0.1, 0.3))
    text = Writer(rng, odd, 0.01 if level < 0.3 else 0).header(tensors)
    if 0.3 < level < 0.4:
        text = change_tokens(rng, text)
    if 0.4 < level < 0.5:
        text = change_bytes(rng, text)
    if 0.5 < level < 0.65:
        return change_frame(rng, len(text), text, body(length))
    return framed(text, body(length))
