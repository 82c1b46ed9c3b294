"""Bytes, words and trees of a good input, damaged."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import re
import struct
import zipfile
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tools.fuzz.inputs import Content, Made, Odd

HEAD, TAIL = 2048, 512
"""Bytes at the ends of a file, where most of its metadata is."""

WHOLE = (0, 1, -1, 2, 255, 256, 32767, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**53 + 1,
         2**63 - 1, 2**63, 2**64 - 1, 10**8, 10**20)  # fmt: skip
REAL = (0.0, -0.0, 1.0, -1.0, 1e-30, 1e30, 1e300, -1e300, 5e-324, 1.7e308, float("nan"),
        float("inf"), float("-inf"))  # fmt: skip
WORDS = ("", "\0", "nan", "inf", "-", "1e999", "１２", "=1+1", "@x", "\x1b[31mred\x1b]0;x\x07",
         "\ud800", "a\nb", "../../outside/x", "/usr", "/dev/zero", "pickle", "numcodecs.pickle",
         "|O", "<f16", ">u8", "<c16", "<U8", "<M8[ns]", "|V3", "bool", "float16", "gzip", "bytes",
         "A" * 70_000, "9" * 5000)  # fmt: skip
NUMBER = re.compile(rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
PRINTABLE = re.compile(rb"[\x09\x0a\x0d\x20-\x7e]{12,}")
TEXTS = (".json", ".csv", ".tsv", ".txt", ".cif", ".xml", ".zarray", ".zattrs", ".zgroup",
         ".zmetadata")  # fmt: skip
DEEP = 100_000
MOST_ADDED = 2**20
"""Bytes that lines said again and again may take."""


class _Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("true",)


CODE = pickle.dumps(_Code())
"""A pickle that runs a command when somebody loads it."""


def damaged(seed: Made, others: Sequence[Made], rng: Random) -> dict[str, Content]:
    """Files of a seed after one to four accidents."""
    files = dict(seed.files)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        if rng.random() < (0.04 if len(files) == 1 else 0.1):
            _in_the_tree(files, rng)
        names = [name for name, content in files.items() if isinstance(content, bytes)]
        if not names:
            break
        name = _chosen(names, rng)
        content = files[name]
        assert isinstance(content, bytes)
        files[name] = _changed(name, content, others, rng)
    return files


def _chosen(names: Sequence[str], rng: Random) -> str:
    texts = [name for name in names if name.endswith(TEXTS)]
    return rng.choice(texts if texts and rng.random() < 0.6 else names)


def _in_the_tree(files: dict[str, Content], rng: Random) -> None:
    name = rng.choice(list(files))
    kind = rng.randrange(5)
    if kind == 0 and len(files) > 1:
        del files[name]
    elif kind == 1:
        files[name] = rng.choice(list(Odd))
    elif kind == 2:
        other = rng.choice(list(files))
        files[name], files[other] = files[other], files[name]
    elif kind == 3 and not name.endswith("/"):
        files[f"{name}.bak"] = files[name]
    else:
        files[name] = rng.choice((b"", CODE))


def _changed(name: str, data: bytes, others: Sequence[Made], rng: Random) -> bytes:
    """A file with one accident, inside its packing as often as outside."""
    if rng.random() < 0.6:
        if name.endswith((".gz", ".bz2")):
            return _repacked(name, data, others, rng)
        if name.endswith(".npz"):
            return _rezipped(data, others, rng)
    if name.endswith(TEXTS) or data[:1] in (b"{", b"["):
        return _text(data, rng) if rng.random() < 0.8 else _bytes(data, others, rng)
    return _bytes(data, others, rng)


def _repacked(name: str, data: bytes, others: Sequence[Made], rng: Random) -> bytes:
    module = gzip if name.endswith(".gz") else bz2
    try:
        inner = module.decompress(data)
    except Exception:  # an accident before this one
        return data
    return module.compress(_bytes(inner, others, rng), 1)


def _rezipped(data: bytes, others: Sequence[Made], rng: Random) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            members = {name: packed.read(name) for name in packed.namelist()}
    except Exception:  # an accident before this one
        return data
    if members:
        name = rng.choice(list(members))
        members[name] = _bytes(members[name], others, rng)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, content in members.items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


# Bytes


def _bytes(data: bytes, others: Sequence[Made], rng: Random) -> bytes:
    if not data:
        return rng.randbytes(rng.randrange(1, 5000))
    kind = rng.choices(_KINDS, _OFTEN)[0]
    return kind(data, rng) if kind is not _spliced else _spliced(data, rng, others)


def _place(size: int, rng: Random) -> int:
    where = rng.random()
    if where < 0.65:
        return rng.randrange(min(size, HEAD))
    if where < 0.8:
        return size - 1 - rng.randrange(min(size, TAIL))
    return rng.randrange(size)


def _flipped(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        changed[_place(len(data), rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _scribbled(data: bytes, rng: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        changed[_place(len(data), rng)] = rng.randrange(256)
    return bytes(changed)


def _field(data: bytes, rng: Random) -> bytes:
    """A header's field at the edge of what it can hold."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        width = rng.choice((1, 2, 4, 4, 8, 8))
        at = _place(len(data), rng) // width * width
        order = rng.choice(("little", "little", "big"))
        if width >= 4 and rng.random() < 0.3:
            letter = ("<" if order == "little" else ">") + ("f" if width == 4 else "d")
            value = rng.choice(REAL)
            try:
                raw = struct.pack(letter, value)
            except OverflowError:
                raw = struct.pack(letter, float("inf"))
        else:
            raw = (rng.choice(WHOLE) % (1 << 8 * width)).to_bytes(width, order)
        changed[at : at + width] = raw[: len(changed) - at]
    return bytes(changed)


def _word_inside(data: bytes, rng: Random) -> bytes:
    """A number in a text within a binary file, of the same length, so that nothing moves."""
    runs = [match.span() for match in PRINTABLE.finditer(data)]
    if not runs:
        return _field(data, rng)
    first, last = rng.choice(runs)
    numbers = [match.span() for match in NUMBER.finditer(data, first, last)]
    if not numbers:
        return _scribbled(data, rng)
    start, end = rng.choice(numbers)
    said = rng.choice((b"0", b"-1", b"nan", b"inf", b"1e9", b"9" * (end - start), b"1e99", b"x"))
    return data[:start] + said[: end - start].ljust(end - start) + data[end:]


def _cut(data: bytes, rng: Random) -> bytes:
    at = _place(len(data), rng) if rng.random() < 0.5 else rng.randrange(len(data))
    return data[:at]


def _grown(data: bytes, rng: Random) -> bytes:
    size = rng.choice((1, 7, 512, 4096, len(data)))
    more = rng.choice((b"\0" * size, b"\xff" * size, rng.randbytes(min(size, 4096)), data[:size]))
    return data + more


def _blanked(data: bytes, rng: Random) -> bytes:
    at, size = _place(len(data), rng), rng.choice((4, 16, 64, 512, max(1, len(data) // 3)))
    size = min(size, len(data) - at)
    return data[:at] + rng.choice((b"\0", b"\xff", b" ")) * size + data[at + size :]


def _left_out(data: bytes, rng: Random) -> bytes:
    at = _place(len(data), rng)
    return data[:at] + data[at + rng.choice((1, 2, 4, 8, 64, 512)) :]


def _twice(data: bytes, rng: Random) -> bytes:
    at, size = _place(len(data), rng), rng.choice((1, 2, 4, 8, 12, 64, 512))
    block = data[at : at + size]
    if rng.random() < 0.5:
        return data[:at] + block + data[at:]
    to = _place(len(data), rng)  # over what was there: nothing moves
    return data[:to] + block + data[to + len(block) :]


def _spliced(data: bytes, rng: Random, others: Sequence[Made]) -> bytes:
    """A block of another good file."""
    blocks = [c for c in rng.choice(others).files.values() if isinstance(c, bytes) and c]
    other = rng.choice(blocks) if blocks else data
    at, start = _place(len(data), rng), _place(len(other), rng)
    block = other[start : start + rng.choice((8, 64, 512, 4096))]
    return data[:at] + block + data[at + len(block) :]


_KINDS: tuple[Callable[..., bytes], ...] = (
    _field, _flipped, _scribbled, _word_inside, _cut, _grown, _blanked, _left_out, _twice, _spliced,
)  # fmt: skip
_OFTEN = (35, 14, 8, 9, 9, 4, 8, 4, 5, 4)


# Texts


def _text(data: bytes, rng: Random) -> bytes:
    if data[:1] in (b"{", b"[") and rng.random() < 0.85:
        try:
            tree = json.loads(data)
        except (ValueError, RecursionError):
            pass
        else:
            return _json(tree, rng)
    return rng.choice((_number, _number, _number, _line, _signs, _coded, _endless))(data, rng)


def _number(data: bytes, rng: Random) -> bytes:
    numbers = [match.span() for match in NUMBER.finditer(data)]
    if not numbers:
        return _signs(data, rng)
    start, end = rng.choice(numbers)
    value = rng.choice((*WHOLE, *REAL, *WORDS))
    return data[:start] + str(value).encode("utf-8", "surrogatepass") + data[end:]


def _line(data: bytes, rng: Random) -> bytes:
    lines = data.split(b"\n")
    at, kind = rng.randrange(len(lines)), rng.randrange(5)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[at])
    elif kind == 2:
        lines.insert(at, lines.pop(rng.randrange(len(lines))))
    else:
        often = min(rng.choice((2, 50, 2000)), 1 + MOST_ADDED // (1 + len(lines[at])))
        lines[at : at + 1] = [lines[at]] * often if kind == 3 else [lines[at] * often]
    return b"\n".join(lines)


def _signs(data: bytes, rng: Random) -> bytes:
    """One sign for another, everywhere."""
    one = rng.choice((b",", b"\n", b".", b'"', b"_", b":", b" ", b"'", b"{"))
    other = rng.choice((b"", b";", b"\t", b"\0", b'"', b"\r", b",,", b"\xa0", b"\xff", b"'"))
    return data.replace(one, other, rng.choice((1, 3, -1)))


def _coded(data: bytes, rng: Random) -> bytes:
    text = data.decode("utf-8", "replace")
    code = rng.choice(("utf-16", "utf-8-sig", "utf-32", "cp500"))
    return text.encode(code, "replace")


def _endless(data: bytes, rng: Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    sign = rng.choice((b"[", b"(", b'"', b"{", b",", b"\n", b"#", b"a", b"9", b"<a>", b"\\"))
    return data[:at] + sign * DEEP + data[at:]


_MARK = "\u2603"


def _json(tree: Any, rng: Random) -> bytes:
    """JSON with one value replaced, taken out, put elsewhere, or nested deeply."""
    places = _places(tree)
    deep = False
    for _ in range(rng.choice((1, 1, 2))):
        if not places:
            return b"[" * DEEP
        holder, key = rng.choice(places)
        try:
            value = holder[key]
        except (KeyError, IndexError):  # taken out by the accident before
            continue
        kind = rng.randrange(12)
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = rng.choice(places)[0]
        elif kind == 2:
            holder[key], deep = _MARK, True
        elif kind == 3:
            large = isinstance(value, list | dict | str)
            holder[key] = [value] * rng.choice((2, 3, 5 if large else 1000))
        elif kind == 4:
            holder[key] = rng.choice(([], {}, [[]], {"": None}, None, True, [None] * 3))
        elif kind == 5 and isinstance(holder, dict):
            holder[rng.choice((*WORDS[:20], "path", "id", "shape"))] = value
        elif kind == 6:
            holder[key] = [value]
        elif kind == 7:
            holder[key] = str(value)
        elif kind in (8, 9):
            holder[key] = rng.choice(WORDS)
        else:
            holder[key] = rng.choice((*WHOLE, *REAL))
    try:
        said = json.dumps(tree).encode()
    except (ValueError, RecursionError):  # it holds itself
        return b"{" * DEEP
    if deep:
        nested = rng.choice((b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP))
        said = said.replace(json.dumps(_MARK).encode(), nested, 1)
    return said


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every value in a tree: what holds it, and its key there."""
    found: list[tuple[Any, Any]] = []
    left = [tree]
    while left and len(found) < 5000:
        holder = left.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder))
        for key in list(keys):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                left.append(holder[key])
    return found
