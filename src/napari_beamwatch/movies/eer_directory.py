"""Where the raw frames of an EER file lie: its chain of TIFF directories, walked once.

A 100 GB file has some two hundred thousand directories. They are read with one short
read each, and as long as their tags repeat only the fields that differ are looked at.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.eer_codec import Scheme
from napari_beamwatch.movies.formats.foreign_errors import file_size

WIDTH, HEIGHT, COMPRESSION, STRIP_OFFSETS, STRIP_LENGTHS = 256, 257, 259, 273, 279
ACQUISITION_XML, FRAME_XML = 65001, 65002
RUN_BITS, X_BITS, Y_BITS = 65007, 65008, 65009

FIXED_SCHEMES = {65000: Scheme(8, 2, 2), 65001: Scheme(7, 2, 2)}
VARIABLE_SCHEME = 65002

LARGEST_SIDE = 16384
MOST_TAGS = 256
ENTRY = 20  # bytes of a BigTIFF tag

# Bytes of the TIFF types that may hold one of our numbers.
INTEGER_TYPES = {1: 1, 3: 2, 4: 4, 13: 4, 16: 8, 18: 8}

Span = tuple[int, int]


@dataclass(frozen=True, eq=False)
class EerDirectory:
    """Raw frames of an EER file.

    Attributes
    ----------
    height, width : int
        Pixels.
    scheme : Scheme
        Bits of the event codes.
    compression : int
        65000, 65001 or 65002.
    offsets, lengths : array of int64
        Bytes of the strips, in file order.
    first_strip : array of int64
        Index of the first strip of each raw frame, and one past the last of all: the stream
        of a raw frame is its strips one after the other.
    acquisition_xml : (offset, length) or None
    frame_xml : tuple of (offset, length)
        One a raw frame, or none at all.
    final_image : bool
        The file begins with a sum of all frames, which is not used.
    warnings : tuple of str
    """

    height: int
    width: int
    scheme: Scheme
    compression: int
    offsets: NDArray[np.int64]
    lengths: NDArray[np.int64]
    first_strip: NDArray[np.int64]
    acquisition_xml: Span | None
    frame_xml: tuple[Span, ...]
    final_image: bool
    warnings: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.first_strip) - 1

    @property
    def stream_lengths(self) -> NDArray[np.int64]:
        """Bytes of the stream of each raw frame."""
        return np.add.reduceat(self.lengths, self.first_strip[:-1])


@dataclass(frozen=True)
class _Entry:
    """One tag of a directory: its type, how many values, and the eight bytes of its value."""

    kind: int
    count: int
    raw: bytes
    at: int

    def span(self, order: str) -> Span:
        """Where its bytes lie in the file."""
        size = self.count * INTEGER_TYPES.get(self.kind, 1)
        if size <= 8:
            return self.at, size
        return struct.unpack(order + "Q", self.raw)[0], size


@dataclass(frozen=True)
class _Pattern:
    """What the directories of successive raw frames share, and where they differ."""

    block: bytes
    fixed: tuple[slice, ...]
    strip: int
    length: int
    xml: int

    @classmethod
    def of(cls, block: bytes, entries: dict[int, _Entry], at: int, end: int) -> _Pattern:
        strip = entries[STRIP_OFFSETS].at - at
        length = entries[STRIP_LENGTHS].at - at
        xml = entries[FRAME_XML].at - at - 8 if FRAME_XML in entries else 0
        varying = sorted([(strip, 8), (length, 8), *([(xml, 16)] if xml else [])])
        edges = [0, *(edge for start, size in varying for edge in (start, start + size)), end]
        fixed = tuple(slice(*edges[i : i + 2]) for i in range(0, len(edges), 2))
        return cls(block, fixed, strip, length, xml)

    def fits(self, block: bytes) -> bool:
        """Whether `block` differs from the pattern only in where its data lie."""
        return all(block[part] == self.block[part] for part in self.fixed)

    def spans(self, block: bytes, order: str) -> tuple[list[Span], Span | None]:
        """The strip of a block that fits, and its XML."""
        (offset,) = struct.unpack_from(order + "Q", block, self.strip)
        (length,) = struct.unpack_from(order + "Q", block, self.length)
        if not self.xml:
            return [(offset, length)], None
        count, value = struct.unpack_from(order + "QQ", block, self.xml)
        return [(offset, length)], (value, count)


def read_directory(path: Path) -> EerDirectory:
    """Walk the directories of an EER file."""
    file_size(path, "an EER file")
    with path.open("rb", buffering=0) as file:
        return _Walk(path, file).walk()


class _Walk:
    """One pass over the chain of directories of a file."""

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.order = "<"
        self.shape: tuple[int, int] | None = None
        self.scheme: Scheme | None = None
        self.compression = 0
        self.offsets: list[int] = []
        self.lengths: list[int] = []
        self.first_strip = [0]
        self.claimed = 0
        self.acquisition_xml: Span | None = None
        self.frame_xml: list[Span] = []
        self.final_image = False
        self.skipped = 0
        self.truncated = ""

    def walk(self) -> EerDirectory:
        at = self._header()
        seen = set()
        block_size = 4096
        pattern: _Pattern | None = None
        while at:
            if at in seen:
                self.truncated = "its directories run in a circle"
                break
            seen.add(at)
            block = self._read(block_size, at)
            if len(block) < 8:
                self.truncated = "it ends in the middle"
                break
            (tags,) = struct.unpack_from(self.order + "Q", block)
            if not 0 < tags <= MOST_TAGS:
                self.truncated = "a directory is damaged"
                break
            end = 8 + tags * ENTRY
            if len(block) < end + 8:
                block = self._read(end + 8, at)
                if len(block) < end + 8:
                    self.truncated = "it ends in the middle"
                    break
            block_size = max(512, end + 8)
            if pattern is not None and pattern.fits(block):
                kept = self._add(*pattern.spans(block, self.order))
            else:
                entries = self._entries(block, tags, at)
                kept, repeatable = self._directory(entries)
                pattern = _Pattern.of(block, entries, at, end) if repeatable else None
            if not kept:
                break
            (at,) = struct.unpack_from(self.order + "Q", block, end)
        return self._result()

    def _read(self, size: int, offset: int) -> bytes:
        if offset >= self.size:
            return b""
        self.file.seek(offset)
        return self.file.read(size)

    def _header(self) -> int:
        head = self._read(16, 0)
        if head[:2] == b"MM":
            self.order = ">"
        if len(head) < 16 or head[:2] not in (b"II", b"MM") or head[2:4] not in (b"+\0", b"\0+"):
            raise BeamwatchError(f"{self.path} is not an EER file: it is no BigTIFF")
        first: int = struct.unpack_from(self.order + "Q", head, 8)[0]
        return first

    def _entries(self, block: bytes, tags: int, at: int) -> dict[int, _Entry]:
        entries = {}
        for i in range(tags):
            start = 8 + i * ENTRY
            tag, kind, count = struct.unpack_from(self.order + "HHQ", block, start)
            entries[tag] = _Entry(kind, count, block[start + 12 : start + 20], at + start + 12)
        return entries

    def _directory(self, entries: dict[int, _Entry]) -> tuple[bool, bool]:
        """Take in a directory; whether to go on, and whether its layout may be followed."""
        if self.acquisition_xml is None and ACQUISITION_XML in entries:
            self.acquisition_xml = entries[ACQUISITION_XML].span(self.order)
        compression = self._number(entries, COMPRESSION, 1)
        if compression not in (*FIXED_SCHEMES, VARIABLE_SCHEME):
            if compression == 1 and self.shape is None and not self.final_image:
                self.final_image = True
            else:
                self.skipped += 1
            return True, False
        shape = self._number(entries, HEIGHT, 0), self._number(entries, WIDTH, 0)
        scheme = self._scheme(entries, compression)
        if self.shape is None:
            self._check_geometry(shape, scheme)
            self.shape, self.scheme, self.compression = shape, scheme, compression
        elif (shape, scheme) != (self.shape, self.scheme):
            self.skipped += 1
            return True, False
        offsets = self._numbers(entries, STRIP_OFFSETS)
        lengths = self._numbers(entries, STRIP_LENGTHS)
        if not offsets or len(offsets) != len(lengths):
            self.truncated = "a raw frame has no data"
            return False, False
        xml = entries.get(FRAME_XML)
        span = xml.span(self.order) if xml else None
        kept = self._add(list(zip(offsets, lengths, strict=True)), span)
        eight_bytes = all(
            entries[tag].kind in (16, 18) and entries[tag].count == 1
            for tag in (STRIP_OFFSETS, STRIP_LENGTHS)
        )
        return kept, kept and eight_bytes and (xml is None or xml.count > 8)

    def _add(self, strips: list[Span], xml: Span | None) -> bool:
        """Take in the strips of a raw frame; False if they are not in the file."""
        if any(offset + length > self.size or length <= 0 for offset, length in strips):
            self.truncated = "it ends in the middle of a raw frame"
            return False
        # Strips that share bytes could claim any amount of memory.
        self.claimed += sum(length for _, length in strips)
        if self.claimed > self.size:
            raise BeamwatchError(
                f"{self.path} claims more bytes of raw frames than it has: they overlap, which no "
                "camera writes"
            )
        for offset, length in strips:
            self.offsets.append(offset)
            self.lengths.append(length)
        self.first_strip.append(len(self.offsets))
        if xml is not None:
            self.frame_xml.append(xml)
        return True

    def _number(self, entries: dict[int, _Entry], tag: int, default: int) -> int:
        entry = entries.get(tag)
        if entry is None or entry.kind not in INTEGER_TYPES or entry.count != 1:
            return default
        size = INTEGER_TYPES[entry.kind]
        return int.from_bytes(entry.raw[:size], "little" if self.order == "<" else "big")

    def _numbers(self, entries: dict[int, _Entry], tag: int) -> list[int]:
        entry = entries.get(tag)
        if entry is None or entry.kind not in INTEGER_TYPES or entry.count > LARGEST_SIDE:
            return []
        offset, size = entry.span(self.order)
        raw = self._read(size, offset) if offset + size <= self.size else b""
        if len(raw) < size:
            return []
        width = INTEGER_TYPES[entry.kind]
        return [int(n) for n in np.frombuffer(raw, np.dtype(f"{self.order}u{width}"))]

    def _scheme(self, entries: dict[int, _Entry], compression: int) -> Scheme:
        if compression in FIXED_SCHEMES:
            return FIXED_SCHEMES[compression]
        return Scheme(
            self._number(entries, RUN_BITS, 7),
            self._number(entries, X_BITS, 2),
            self._number(entries, Y_BITS, 2),
        )

    def _check_geometry(self, shape: tuple[int, int], scheme: Scheme) -> None:
        height, width = shape
        if not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
            raise BeamwatchError(f"{self.path} claims frames of {width} by {height} px: damaged")
        if not (2 <= scheme.run <= 16 and 0 <= scheme.x <= 4 and 0 <= scheme.y <= 4):
            raise BeamwatchError(
                f"{self.path} claims event codes of {scheme.run} + {scheme.x} + {scheme.y} bits, "
                "which no camera writes"
            )

    def _result(self) -> EerDirectory:
        frames = len(self.first_strip) - 1
        if frames == 0 or self.shape is None or self.scheme is None:
            why = f": {self.truncated}" if self.truncated else ""
            raise BeamwatchError(f"{self.path} holds no electron-event frames{why}")
        offsets, lengths = np.array(self.offsets, np.int64), np.array(self.lengths, np.int64)
        order = np.argsort(offsets, kind="stable")
        if (offsets[order][1:] < (offsets + lengths)[order][:-1]).any():
            raise BeamwatchError(f"{self.path} is damaged: its raw frames share bytes")
        warnings = []
        if self.truncated:
            warnings.append(f"{self.path.name}: {self.truncated}; {frames} whole raw frames read")
        if self.skipped:
            warnings.append(
                f"{self.path.name}: {self.skipped} images of another kind or size were skipped"
            )
        return EerDirectory(
            height=self.shape[0],
            width=self.shape[1],
            scheme=self.scheme,
            compression=self.compression,
            offsets=offsets,
            lengths=lengths,
            first_strip=np.array(self.first_strip, np.int64),
            acquisition_xml=self.acquisition_xml,
            frame_xml=tuple(self.frame_xml) if len(self.frame_xml) == frames else (),
            final_image=self.final_image,
            warnings=tuple(warnings),
        )


def read_xml(path: Path, span: tuple[int, int]) -> bytes:
    """XML metadata of a file or of a raw frame, by its offset and length in bytes."""
    offset, length = span
    size = path.stat().st_size
    if offset + length > size or length > 16 * 2**20:
        raise BeamwatchError("its XML metadata lies outside the file: not read")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)
