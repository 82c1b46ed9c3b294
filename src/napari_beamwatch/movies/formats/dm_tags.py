"""The tags of a DM3 or DM4 file.

A damaged length makes a reader take pixels for tags, one by one, for hours. Here the tree is
followed within bounds, a file whose tags do not lie one in the other is refused, and of
arrays it is kept where they lie.

References
----------
1. Boothroyd C. "DM3/DM4 file format", https://www.er-c.org/cbb/info/dmformat/
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from napari_beamwatch.errors import BeamwatchError

GROUP, DATA = 20, 21
STRUCT, STRING, ARRAY = 15, 18, 20
_KINDS = {
    2: "i2", 3: "i4", 4: "u2", 5: "u4", 6: "f4", 7: "f8", 8: "u1", 9: "i1", 10: "i1", 11: "i8",
    12: "u8",
}  # fmt: skip
_FORMATS = {
    2: "h", 3: "i", 4: "H", 5: "I", 6: "f", 7: "d", 8: "B", 9: "b", 10: "b", 11: "q", 12: "Q",
}  # fmt: skip
_TEXT = 4
_BYTES = {code: int(kind[1]) for code, kind in _KINDS.items()}
DEEPEST = 64
MOST_TAGS = 1_000_000
LONGEST_TYPE = 10_000
"""Words that describe one tag's type."""
LONGEST_TEXT = 1024
"""Characters; longer arrays of 16-bit words are no text that is needed."""
KEPT = ("ImageList", "Thumbnails")
"""Branches of the tree that anybody asks for."""

Tags = dict[str, Any]


@dataclass(frozen=True)
class Extent:
    """An array of numbers in the file.

    Attributes
    ----------
    start, nbytes : int
        Where it begins, how many bytes it takes.
    text : str
        What it says if it is a short one of 16-bit words, as texts are stored.
    """

    start: int
    nbytes: int
    text: str = ""


class _BrokenError(Exception):
    """The tags do not lie one in the other."""


def read_tags(path: Path, size: int) -> tuple[Tags, str]:
    """Tags of a file of `size` bytes, and the byte order of its numbers, ``<`` or ``>``.

    Values are numbers, `Extent` and mappings; what has no name is named by its place
    among its neighbours. A file whose tags are damaged or cut off is refused.
    """
    with open(path, "rb") as file:
        head = file.read(16)
        version = int.from_bytes(head[:4], "big")
        if version not in (3, 4):
            raise BeamwatchError(f"{path} is not a DM3 or DM4 file: it does not begin like one")
        little = head[12:16] if version == 4 else head[8:12]
        order = "<" if int.from_bytes(little, "big") else ">"
        try:
            return _Walk(file, size, version, order).root(), order
        except (_BrokenError, struct.error):
            raise BeamwatchError(
                f"{path} is damaged, or breaks off: its tags do not hold together (an interrupted "
                "copy?)"
            ) from None


class _Walk:
    def __init__(self, file: IO[bytes], size: int, version: int, order: str) -> None:
        self.file = file
        self.size = size
        self.wide = version == 4
        self.order = order
        self.tags = 0

    def root(self) -> Tags:
        self.file.seek(16 if self.wide else 12)
        tree: Tags = {}
        self._group(0, tree)
        return tree

    def _group(self, depth: int, into: Tags | None) -> None:
        if depth > DEEPEST:
            raise _BrokenError
        self._skip(2)
        count = self._word()
        if count > self.size:
            raise _BrokenError
        for place in range(count):
            self._tag(depth, place, into)

    def _tag(self, depth: int, place: int, into: Tags | None) -> None:
        self.tags += 1
        if self.tags > MOST_TAGS:
            raise _BrokenError
        kind, length = struct.unpack(">BH", self.file.read(3))
        name = self._bytes(length).decode("latin-1") or str(place)
        if self.wide:
            self._skip(8)
        kept = into is not None and (depth > 0 or name in KEPT)
        if kind == GROUP:
            below: Tags | None = {} if kept else None
            if into is not None and below is not None:
                into[name] = below
            self._group(depth + 1, below)
        elif kind == DATA:
            value = self._data()
            if into is not None and kept and value is not None:
                into[name] = value
        else:
            raise _BrokenError

    def _data(self) -> Any:
        if self.file.read(4) != b"%%%%":
            raise _BrokenError
        words = self._word()
        if not 1 <= words <= LONGEST_TYPE:
            raise _BrokenError
        kind = [self._word() for _ in range(words)]
        length = _length(kind)
        if kind[0] in _FORMATS:
            return struct.unpack(self.order + _FORMATS[kind[0]], self._bytes(length))[0]
        start, text = self.file.tell(), ""
        if kind[0] == ARRAY and kind[1] == _TEXT and kind[-1] <= LONGEST_TEXT:
            encoding = "utf-16-le" if self.order == "<" else "utf-16-be"
            text = self._bytes(length).decode(encoding, "replace")
        else:
            self._skip(length)
        return Extent(start, length, text) if kind[0] == ARRAY and kind[1] in _BYTES else None

    def _word(self) -> int:
        form, length = (">Q", 8) if self.wide else (">I", 4)
        value: int = struct.unpack(form, self.file.read(length))[0]
        return value

    def _bytes(self, count: int) -> bytes:
        got = self.file.read(count)
        if len(got) < count:
            raise _BrokenError
        return got

    def _skip(self, count: int) -> None:
        if self.file.seek(count, 1) > self.size:
            raise _BrokenError


def _length(kind: list[int]) -> int:
    """Bytes that a tag's value takes, from the words that describe its type."""
    first = kind[0]
    if first in _BYTES:
        return _BYTES[first]
    if first == STRING and len(kind) >= 2:
        return kind[1] * 2
    if first == STRUCT:
        return _struct_length(kind)
    if first == ARRAY and len(kind) >= 3:
        if kind[1] in _BYTES:
            return _BYTES[kind[1]] * kind[-1]
        if kind[1] == STRUCT:
            return _struct_length(kind[1:-1]) * kind[-1]
    raise _BrokenError


def _struct_length(kind: list[int]) -> int:
    """Of ``15, name length, fields, (name length, type) …``."""
    if len(kind) < 3 or len(kind) < 3 + 2 * kind[2]:
        raise _BrokenError
    fields = kind[4 : 4 + 2 * kind[2] : 2]
    if any(field not in _BYTES for field in fields):
        raise _BrokenError
    return sum(_BYTES[field] for field in fields)


def below(tree: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The mapping at the end of a path; an empty one where there is none."""
    found: Any = tree
    for name in names:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, dict) else {}
