"""A walk through the tags of a DM3 or DM4 file, before anybody builds on them.

A damaged length makes readers take pixels for tags, one by one, for hours. This follows the
tree without keeping anything and refuses a file whose tags do not lie one in the other.

References
----------
1. Boothroyd C. "DM3/DM4 file format", https://www.er-c.org/cbb/info/dmformat/
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO

from napari_beamwatch.errors import BeamwatchError

GROUP, DATA = 20, 21
STRUCT, STRING, ARRAY = 15, 18, 20
_BYTES = {2: 2, 3: 4, 4: 2, 5: 4, 6: 4, 7: 8, 8: 1, 9: 1, 10: 1, 11: 8, 12: 8}
DEEPEST = 64
MOST_TAGS = 1_000_000
LONGEST_TYPE = 10_000
"""Words that describe one tag's type."""


class _BrokenError(Exception):
    """The tags do not lie one in the other."""


def check_tags(path: Path, size: int) -> None:
    """Refuse a file of `size` bytes whose tags are damaged or cut off."""
    with open(path, "rb") as file:
        head = file.read(8)
        version = int.from_bytes(head[:4], "big")
        if version not in (3, 4):
            raise BeamwatchError(f"{path} is not a DM3 or DM4 file: it does not begin like one")
        try:
            _Walk(file, size, version).root()
        except (_BrokenError, struct.error):
            raise BeamwatchError(
                f"{path} is damaged, or breaks off: its tags do not hold together (an interrupted "
                "copy?)"
            ) from None


class _Walk:
    def __init__(self, file: IO[bytes], size: int, version: int) -> None:
        self.file = file
        self.size = size
        self.wide = version == 4
        self.tags = 0

    def root(self) -> None:
        self.file.seek(16 if self.wide else 12)
        self._group(0)

    def _group(self, depth: int) -> None:
        if depth > DEEPEST:
            raise _BrokenError
        self._skip(2)
        count = self._word()
        if count > self.size:
            raise _BrokenError
        for _ in range(count):
            self._tag(depth)

    def _tag(self, depth: int) -> None:
        self.tags += 1
        if self.tags > MOST_TAGS:
            raise _BrokenError
        kind, name = struct.unpack(">BH", self.file.read(3))
        self._skip(name + (8 if self.wide else 0))
        if kind == GROUP:
            self._group(depth + 1)
        elif kind == DATA:
            self._data()
        else:
            raise _BrokenError

    def _data(self) -> None:
        if self.file.read(4) != b"%%%%":
            raise _BrokenError
        words = self._word()
        if not 1 <= words <= LONGEST_TYPE:
            raise _BrokenError
        self._skip(_length([self._word() for _ in range(words)]))

    def _word(self) -> int:
        form, length = (">Q", 8) if self.wide else (">I", 4)
        value: int = struct.unpack(form, self.file.read(length))[0]
        return value

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
