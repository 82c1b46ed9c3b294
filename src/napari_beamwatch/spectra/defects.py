"""Rows, columns and pixels of a detector that count wrongly, told from the movie itself.

No gain reference knows of a column that died since. What is the detector's lies at the same place
in all stretches of time, over the full height, however the specimen drifts; a dark line of the
specimen moves with it, or is not straight to the pixel from border to border.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.compiling import in_one_layout, kernel
from napari_beamwatch.movies.frames import DerivedFrames, Frame
from napari_beamwatch.spectra.floor import QUARTILE
from napari_beamwatch.spectra.streaming import level_of, mended
from napari_beamwatch.spectra.windows import Floats32

Floats = NDArray[np.float64]

BANDS = 8
"""Stretches of a column or row, each of which must show that it counts wrongly."""

AROUND = 17
"""Columns whose median tells what the one in their middle should count."""

WIDEST = 6
"""Neighbouring columns or rows from which on they are rather a seam or the specimen's."""

DEAD = 0.1
"""Part of what its neighbours count up to which a line is called dead."""

LEAST, MOST = 0.5, 2.0
"""Parts of what the neighbours count beyond which a line counts wrongly; columns whose gain is
not corrected differ by some per cent."""

EVEN = 0.125
"""Standard deviation of that part over the columns from which up a stretch does not tell: too few
electrons, or a lattice in rank and file."""

FEW_LINES = 0.02
"""Part of the columns from which up it is not single ones that count too much or too little."""

HOT_FRAMES = 0.25
"""Part of the frames in which a hot pixel stands out; the same pixel seldom does by chance."""

MOST_HOT = 4096
"""Pixels of a frame from which up it is not single ones that stand out."""

NAMED = 6
"""Lines or pixels that are named in a note, if there are more."""


@dataclass(frozen=True, eq=False)
class FrameCounts:
    """What tells of a frame how its rows, columns and pixels count.

    Attributes
    ----------
    columns : array of float32 (bands, columns)
        Sums over each of `BANDS` stretches of rows.
    rows : array of float32 (bands, rows)
        Sums over each of `BANDS` stretches of columns.
    hot : array of int64
        Pixels, counted row by row, that hold more than electrons can account for.
    """

    columns: Floats32
    rows: Floats32
    hot: NDArray[np.int64]

    @classmethod
    def of(cls, frame: Frame) -> FrameCounts:
        """Of a frame as the detector gives it."""
        # Numbers are missing where a gain reference divides by nothing: such pixels count nothing.
        known = frame if frame.dtype.kind in "ui" else np.nan_to_num(frame, posinf=0, neginf=0)
        known = in_one_layout(known.astype(known.dtype.newbyteorder("="), copy=False))
        height, width = frame.shape
        columns, rows = np.zeros((BANDS, width), np.float32), np.zeros((BANDS, height), np.float32)
        _add_up(known, _edges(height), _edges(width), columns, rows)
        hot = np.flatnonzero(known > level_of(mended(frame)).cap)
        return cls(columns, rows, hot if len(hot) < MOST_HOT else hot[:0])

    @property
    def varies(self) -> bool:
        """Whether the frame shows anything but one number everywhere."""
        return bool(np.ptp(self.columns, axis=1).any() or np.ptp(self.rows, axis=1).any())


def _edges(size: int) -> NDArray[np.int64]:
    return np.linspace(0, size, BANDS + 1).astype(np.int64)


@kernel()
def _add_up(
    frame: NDArray[Any],
    down: NDArray[np.int64],
    right: NDArray[np.int64],
    columns: Floats32,
    rows: Floats32,
) -> None:
    for band in range(len(down) - 1):
        to = columns[band]
        for y in range(down[band], down[band + 1]):
            line = frame[y]
            for x in range(len(line)):
                to[x] += np.float32(line[x])
            for part in range(len(right) - 1):
                total = np.float32(0)
                for x in range(right[part], right[part + 1]):
                    total += np.float32(line[x])
                rows[part, y] = total


@dataclass(frozen=True)
class Defects:
    """Rows, columns and pixels that count wrongly.

    Attributes
    ----------
    columns, rows : tuple of int
        Ascending.
    dead_columns, dead_rows : tuple of int
        Those of them that count next to nothing.
    pixels : tuple of (y, x)
        Hot ones, elsewhere.
    """

    columns: tuple[int, ...] = ()
    rows: tuple[int, ...] = ()
    dead_columns: tuple[int, ...] = ()
    dead_rows: tuple[int, ...] = ()
    pixels: tuple[tuple[int, int], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.columns or self.rows or self.pixels)

    @property
    def notes(self) -> list[str]:
        """What they are, a sentence for each kind."""
        said = []
        for name, axis, lines, dead in (
            ("column", "x", self.columns, self.dead_columns),
            ("row", "y", self.rows, self.dead_rows),
        ):
            astray = tuple(line for line in lines if line not in dead)
            said += [_sentence(name, "dead", axis, dead), _sentence(name, "astray", axis, astray)]
        said.append(_sentence("pixel", "hot", "(y, x)", self.pixels))
        return [sentence for sentence in said if sentence]

    def mend(self, frame: Frame) -> Frame:
        """The frame with what counts wrongly replaced by what lies beside it.

        Copies keep the noise, and whole numbers whole; means of neighbours would do neither.
        """
        filled = frame.copy()
        for line, source in _mirrored(self.columns, frame.shape[1]):
            filled[:, line] = frame[:, source]
        for line, source in _mirrored(self.rows, frame.shape[0]):
            filled[line] = filled[source]
        for y, x in self.pixels:
            filled[y, x] = filled[y, x - 1 if x else x + 1]
        return filled


def _sentence(name: str, what: str, axis: str, which: Sequence[object]) -> str:
    if not which:
        return ""
    one = len(which) == 1
    subject = f"1 {name}" if one else f"{len(which)} {name}s"
    counted = {
        "dead": "is dead" if one else "are dead",
        "astray": "counts far off those beside it" if one else "count far off those beside them",
        "hot": "is hot" if one else "are hot",
    }[what]
    named = ", ".join(str(item) for item in which[:NAMED])
    more = f" and {len(which) - NAMED} more" if len(which) > NAMED else ""
    mended_too = "was" if one else "were"
    return f"{subject} of the detector {counted} and {mended_too} mended: {axis} = {named}{more}"


def _mirrored(lines: Sequence[int], size: int) -> list[tuple[int, int]]:
    """For each line the one that stands in: mirrored at the nearer border of its group."""
    pairs = []
    for first, stop in _groups(lines):
        for line in range(first, stop):
            left, right = 2 * first - 1 - line, 2 * stop - 1 - line
            nearer_left = line - first < stop - 1 - line
            source = left if (nearer_left and left >= 0) or right >= size else right
            pairs.append((line, source))
    return pairs


def _groups(lines: Sequence[int]) -> list[tuple[int, int]]:
    """First line of each group of neighbours and the line after it."""
    if not lines:
        return []
    starts = [lines[0], *(b for a, b in pairwise(lines) if b > a + 1)]
    ends = [*(a + 1 for a, b in pairwise(lines) if b > a + 1), lines[-1] + 1]
    return list(zip(starts, ends, strict=True))


class DefectFinder:
    """Takes what `FrameCounts` tells of frames and says what counts wrongly in all of them.

    Parameters
    ----------
    shape : (rows, columns)
        Of the frames.
    segments : sequence of (first, last)
        Stretches of time, frames ``first:last``: in each it must show.
    """

    def __init__(self, shape: tuple[int, int], segments: Sequence[tuple[int, int]]) -> None:
        height, width = shape
        self._width = width
        self._segments = segments
        self._columns = np.zeros((len(segments), BANDS, width))
        self._rows = np.zeros((len(segments), BANDS, height))
        self._hot: dict[int, int] = {}
        self._frames = 0

    def add(self, frame: int, counts: FrameCounts) -> None:
        """Take a frame."""
        for i, (first, last) in enumerate(self._segments):
            if first <= frame < last:
                self._columns[i] += counts.columns
                self._rows[i] += counts.rows
        for pixel in counts.hot.tolist():
            self._hot[pixel] = self._hot.get(pixel, 0) + 1
        self._frames += 1

    def found(self) -> Defects:
        """What counts wrongly."""
        columns, dead_columns = _lines(self._columns)
        rows, dead_rows = _lines(self._rows)
        return Defects(columns, rows, dead_columns, dead_rows, self._hot_pixels(columns, rows))

    def _hot_pixels(
        self, columns: tuple[int, ...], rows: tuple[int, ...]
    ) -> tuple[tuple[int, int], ...]:
        # One frame does not tell a pixel from a cosmic ray, which the sums cut off anyway.
        enough = max(2.0, HOT_FRAMES * self._frames)
        often = (pixel for pixel, frames in self._hot.items() if frames >= enough)
        hot = {divmod(pixel, self._width) for pixel in often}
        return tuple(
            sorted((y, x) for y, x in hot if y not in rows and x not in columns
                   and not any((y + dy, x + dx) in hot for dy, dx in _BESIDE))
        )  # fmt: skip


_BESIDE = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if (dy, dx) != (0, 0)]
"""The specimen's own bright spots are wider than a pixel."""


def _lines(sums: Floats) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Lines that count wrongly in every segment and in every stretch; and the dead of them.

    One that died in between is dead in the last segment.
    """
    times = [part for one in sums.sum(axis=1) if _told(part := _parts(one))]
    places = [part for one in sums.sum(axis=0) if _told(part := _parts(one))]
    # Beyond the beam, or behind a thick edge, some stretches count nothing; short times little.
    if len(times) < min(2, len(sums)) or not times or 2 * len(places) < BANDS:
        return (), ()
    parts = np.array(times + places)
    dead: NDArray[np.bool_] = np.all(parts < DEAD, axis=0) | _died(sums)
    wrong = np.all(parts < LEAST, axis=0) | np.all(parts > MOST, axis=0) | dead
    lines = np.flatnonzero(wrong).tolist()
    kept = [line for first, stop in _groups(lines) if stop - first <= WIDEST
            for line in range(first, stop)]  # fmt: skip
    few = max(WIDEST, FEW_LINES * len(wrong))
    if len(kept) - dead[kept].sum() > few:
        kept = [line for line in kept if dead[line]]
    return tuple(kept), tuple(line for line in kept if dead[line])


def _died(sums: Floats) -> NDArray[np.bool_]:
    """Lines that count nothing at last, in any stretch, and beside which all counted at first.

    A dark line of a specimen that comes to rest was beside it.
    """
    nothing = np.zeros(sums.shape[-1], bool)
    places = [part for one in sums[-1] if _told(part := _parts(one))]
    first = _parts(sums[0].sum(axis=0))
    if 2 * len(places) < BANDS or not _told(first):
        return nothing
    beside = ndimage.maximum_filter1d(first < LEAST, AROUND)
    dead: NDArray[np.bool_] = np.all(np.array(places) < DEAD, axis=0) & ~beside
    return dead


def _parts(counts: Floats) -> Floats:
    """What each line counts as a part of what those around it do; NaN where these do not."""
    around: Floats = ndimage.median_filter(counts, AROUND, mode="reflect")
    parts = np.full(len(counts), np.nan)
    np.divide(counts, around, out=parts, where=around > 0)
    return parts


def _told(part: Floats) -> bool:
    """Whether lines count so evenly that one which counts wrongly is known by it."""
    if np.isnan(part).any():
        return False
    return bool(np.median(np.abs(part - 1)) / QUARTILE < EVEN)


@dataclass(frozen=True, eq=False)
class MendedFrames(DerivedFrames):
    """Frames in which what counts wrongly is replaced by what lies beside it."""

    defects: Defects

    def read(self, frame: int) -> Frame:
        return self.defects.mend(self.base.read(frame))
