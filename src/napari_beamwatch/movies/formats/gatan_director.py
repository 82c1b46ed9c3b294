"""Movies of Gatan's In-Situ Director: a DM4 file of one picture, and beside it all frames, bare.

``a.raw`` holds the frames one after the other, in the type and size of the picture in ``a.dm4``;
long ones go on in ``a.raw_1``, ``a.raw_2``, …, wherever in a frame the file before ended.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.movies.formats.beside import beside
from napari_beamwatch.movies.formats.dm_tags import below
from napari_beamwatch.movies.formats.raw_frames import RawFrames, broken_off, native, read_into
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.recording import MOST_FRAMES

MOST_PARTS = 10_000
ENDINGS = (".raw", ".RAW", ".Raw")
EXPORT = "open the data set in DigitalMicrograph and save it as a stack (.dm4), MRC or TIFF"


@dataclass(frozen=True)
class RawPart:
    """One of the files that hold the frames, and its bytes."""

    path: str
    nbytes: int


@dataclass(frozen=True, eq=False)
class SplitFrames(FrameSource):
    """Frames that lie in several files as if these were one.

    Attributes
    ----------
    parts : tuple of RawPart
    stored : dtype
        As in the files, byte order included.
    size : tuple of int
        Frames, rows, columns.
    """

    parts: tuple[RawPart, ...]
    stored: np.dtype[Any]
    size: tuple[int, int, int]

    costly: ClassVar[bool] = False
    seekable_rows: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.stored.newbyteorder("=")

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(part.nbytes for part in self.parts)]

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.size[1])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        _, height, width = self.size
        y0, y1, _ = slice(y0, y1).indices(height)
        rows = np.empty((max(0, y1 - y0), width), self.stored)
        flat = rows.reshape(-1).view(np.uint8)
        begin = (frame * height + y0) * width * self.stored.itemsize
        end = begin + flat.nbytes
        for part, start in zip(self.parts, self._starts, strict=False):
            low, high = max(begin, start), min(end, start + part.nbytes)
            if low < high:
                read_into(part.path, low - start, flat[low - begin : high - begin])
        return native(rows)


@dataclass(frozen=True)
class Director:
    """What lies beside a picture.

    Attributes
    ----------
    frames : FrameSource or None
        Of the movie; None where there is none, or none that fits the picture.
    others : tuple of str
        Names of the files that hold them.
    warnings : tuple of str
        Why there is none, or what is odd about it.
    """

    frames: FrameSource | None = None
    others: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def director(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, ...], tags: Mapping[str, Any]
) -> Director:
    """The movie that a DM file of one picture stands for.

    Parameters
    ----------
    path : Path
        Of the DM file.
    dtype, shape
        Of its picture.
    tags : mapping
        ``In-situ`` among the tags of its image.
    """
    promised = _whole(below(tags, "Recorded").get("# Frames"))
    parts = _parts(path)
    if not parts:
        said = (
            f"{path.name} holds one picture of a movie of {promised} frames, which do not lie "
            f"beside it: copy the whole folder, or {EXPORT}"
        )
        return Director(warnings=(said,) if promised > 1 else ())
    names = tuple(Path(part.path).name for part in parts)
    step, there = math.prod(shape) * dtype.itemsize, sum(part.nbytes for part in parts)
    why = _why_not(tags, dtype, shape)
    if not why and (step == 0 or there < step):
        why = "hold no whole frame"
    elif not why and (there > promised * step if promised else there % step):
        why = (
            f"hold {there} bytes, which are not {promised or 'whole'} frames of {shape[-2]} by "
            f"{shape[-1]} pixels of {dtype.itemsize} bytes"
        )
    if why:
        said = (
            f"{path.name} holds one picture; the frames of the movie lie in {', '.join(names[:3])} "
            f"beside it, which {why}, so they are not read: {EXPORT}"
        )
        return Director(warnings=(said,))
    count = min(there // step, MOST_FRAMES)
    height, width = shape[-2:]
    frames: FrameSource = SplitFrames(parts, dtype, (count, height, width))
    if len(parts) == 1:
        starts = range(0, count * step, step)
        frames = RawFrames(parts[0].path, dtype, starts, height, width)
    short = (broken_off(promised, count),) if count < promised else ()
    return Director(frames, names, short)


def director_in(folder: Path) -> Path | None:
    """The picture of the only movie in a folder, by names alone; None if that is not so."""
    try:
        with os.scandir(folder) as found:
            names = [entry.name for entry in islice(found, MOST_PARTS)]
    except OSError:
        return None
    pictures = [name for name in names if name.lower().endswith((".dm3", ".dm4"))]
    if len(pictures) != 1 or len(names) == MOST_PARTS:
        return None
    path = folder / pictures[0]
    return path if any(path.with_suffix(ending).name in names for ending in ENDINGS) else None


def _parts(path: Path) -> tuple[RawPart, ...]:
    """Files of frames in order; none where the first is not there."""
    first = next((e for e in ENDINGS if path.with_suffix(e).is_file()), None)
    if first is None:
        return ()
    parts: list[RawPart] = []
    while len(parts) < MOST_PARTS:
        name = path.with_suffix(f"{first}_{len(parts)}" if parts else first).name
        if not (path.parent / name).is_file():
            break
        found = beside(path, name)
        parts.append(RawPart(str(found), found.stat().st_size))
    return tuple(parts)


def _why_not(tags: Mapping[str, Any], dtype: np.dtype[Any], shape: tuple[int, ...]) -> str:
    """What the tags say of the raw file that is not so of the picture; empty if all fits."""
    said = below(tags, "Raw File Format Info")
    nbytes = _whole(said.get("Data Size (bytes)"))
    if nbytes and nbytes != dtype.itemsize:
        return f"hold pixels of {nbytes} bytes while the picture has {dtype.itemsize}"
    sizes = [_whole(n) for n in below(said, "Dimensions").values()]
    if len(sizes) >= 2 and tuple(reversed(sizes[:2])) != shape[-2:]:
        return f"hold frames of {sizes[1]} by {sizes[0]} pixels while the picture has others"
    return ""


def _whole(value: Any) -> int:
    """A whole number above 0 that a tag states, else 0."""
    if not isinstance(value, int | float) or not 0 < value < 2**63:
        return 0
    return int(value)
