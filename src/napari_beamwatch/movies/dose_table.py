"""A table of doses: for frames that were not recorded one right after the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text
from napari_beamwatch.movies.plausible import ACCUMULATED_DOSE
from napari_beamwatch.movies.recording import MOST_FRAMES, Floats, add_groups
from napari_beamwatch.movies.written import name_and_unit, read_written, rows_of
from napari_beamwatch.quantities import number
from napari_beamwatch.spelling import FRAME_DOSE

WHAT = "a dose table"
LARGEST_TABLE = 16 * 2**20
"""Bytes; a million rows have room."""

COLUMNS = ("start", "end", "unrecorded")
FEWEST, ALIKE = 3, 0.02
"""Frames, and the part by which doses may be off, for one dose to be told from their sums."""

NAMES = dict.fromkeys((*COLUMNS, "dose"), FRAME_DOSE)
"""Of columns, and what each measures."""


@dataclass(frozen=True, eq=False)
class DoseTable:
    """Accumulated dose at start and end of each frame, in e/Å².

    Attributes
    ----------
    start, end : array of float
        Accumulated when the frame began and when it ended; a gap between one frame's end and
        the next one's start is dose that nobody recorded (focusing, search, beam-on time).
    recorded : array of float
        Dose of the frame itself: ``end - start`` but for sums of frames with gaps between.
    """

    start: Floats
    end: Floats
    recorded: Floats

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, kept: slice) -> DoseTable:
        return DoseTable(self.start[kept], self.end[kept], self.recorded[kept])

    def summed(self, n: int) -> DoseTable:
        """The table of sums of `n` frames; an incomplete last group is dropped."""
        used = len(self) // n * n
        return DoseTable(
            self.start[:used:n], self.end[n - 1 : used : n], add_groups(self.recorded, n)
        )

    @classmethod
    def of_text(cls, columns: Mapping[str, list[str]]) -> DoseTable:
        """A table of text as people write it, units in the names or behind the values."""
        return cls.of(_read_as_written(columns))

    @classmethod
    def of(cls, given: Any) -> DoseTable:
        """A table from what a user may have.

        Parameters
        ----------
        given : DoseTable, path, DataFrame, mapping or array
            A CSV file with a header, a data frame or a mapping with the columns ``start``,
            ``end`` and, optionally, ``unrecorded`` (units may follow: ``start_e_per_A2``);
            ``dose`` may stand for the former two when frames follow each other. Or rows of
            two or three numbers in that order. ``unrecorded`` is dose that reached the
            specimen before that frame and that start and end do not include yet.
        """
        if isinstance(given, DoseTable):
            return given
        columns = _columns(given)
        unrecorded = columns.get("unrecorded")
        if "start" in columns and "end" in columns:
            start, end = columns["start"], columns["end"]
        elif "dose" in columns:
            if looks_accumulated(columns["dose"]):
                raise BeamwatchError(
                    "the column dose grows by one step from frame to frame, as an accumulated dose "
                    "does, but is that of each frame by itself: write start and end of each frame"
                )
            end = np.cumsum(columns["dose"])
            start = end - columns["dose"]
        else:
            raise BeamwatchError(
                "a dose table needs the columns start and end (or dose), in e/Å²; found "
                + (", ".join(columns) or "none")
            )
        if unrecorded is not None:
            if (unrecorded < 0).any():
                raise BeamwatchError("unrecorded dose cannot be negative")
            start, end = start + np.cumsum(unrecorded), end + np.cumsum(unrecorded)
        _check(start, end)
        return cls(start, end, end - start)


def looks_accumulated(doses: Floats) -> bool:
    """Whether doses are 1, 2, 3, … times one dose: those of frames by themselves hardly are."""
    steps = np.arange(1, len(doses) + 1) * doses[0] if len(doses) else doses
    return len(doses) >= FEWEST and doses[0] > 0 and bool(np.allclose(doses, steps, rtol=ALIKE))


def _columns(given: Any) -> dict[str, Floats]:
    if isinstance(given, str | Path):
        given = _read_as_written(read_table(Path(given).expanduser()))
    if hasattr(given, "columns"):  # a DataFrame
        given = {str(name): given[name].to_numpy() for name in given.columns}
    if isinstance(given, Mapping):
        wanted = {}
        for name, values in given.items():
            word = str(name).strip().lower().removesuffix("_e_per_a2")
            if word in (*COLUMNS, "dose"):
                wanted[word] = numbers_of(values, WHAT)
                if wanted[word].ndim != 1:
                    raise BeamwatchError(f"{WHAT} has one column {word}, of one number a frame")
        return wanted
    rows = numbers_of(given, WHAT)
    if rows.ndim != 2 or rows.shape[1] not in (2, 3):
        raise BeamwatchError(
            "a dose table has rows of start, end and, optionally, unrecorded dose in e/Å²"
        )
    return {name: rows[:, i] for i, name in enumerate(COLUMNS[: rows.shape[1]])}


def read_table(path: Path) -> dict[str, list[str]]:
    """Columns of a CSV file by their names in the first row; lines that begin with # are none."""
    lines = [
        line
        for line in read_text(path, "a table of doses", LARGEST_TABLE).splitlines()
        if line.strip() and not line.startswith("#")
    ]
    if len(lines) < 2:
        raise BeamwatchError(f"{path} is no table of doses: it needs a header and a row a frame")
    if len(lines) > MOST_FRAMES:
        raise BeamwatchError(f"{path} has {len(lines)} rows, more than a movie can have frames")
    names, *rows = rows_of(path, lines)
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}


def _read_as_written(columns: Mapping[str, list[str]]) -> dict[str, list[float]]:
    """Columns of doses, which may have units in their names or values, in e/Å²."""
    read: dict[str, list[float]] = {}
    for title, texts in columns.items():
        name, unit = name_and_unit(title, NAMES)
        if not name:
            continue
        values = [
            read_written(text, unit, FRAME_DOSE, f"{WHAT}, {title}, row {i}")
            for i, text in enumerate(texts, start=1)
        ]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            raise BeamwatchError(f"{WHAT} must not have gaps: {title}")
        if name in read:
            raise BeamwatchError(f"{WHAT} has two columns of {name}")
        read[name] = known
    return read


def numbers_of(values: Any, what: str) -> Floats:
    """Numbers in an array, however they are given; text among them is read as `number` reads it."""
    try:
        # As text, every entry of an array would take as much as the longest of them.
        given = values if isinstance(values, np.ndarray) else np.array(values, object)
        if given.dtype.kind in "iuf":
            numbers = given.astype(np.float64)
        elif given.dtype.kind in "bc":
            raise TypeError
        else:
            read = [number(one, what, -np.inf, np.inf) for one in given.ravel()]
            numbers = np.array(read, np.float64).reshape(given.shape)
    except (TypeError, ValueError):
        raise BeamwatchError(f"{what} must hold numbers only") from None
    if not np.isfinite(numbers).all():
        raise BeamwatchError(f"{what} must not have gaps, NaN or infinity")
    return numbers


def _check(start: Floats, end: Floats) -> None:
    if not len(start) == len(end) or len(start) == 0:
        raise BeamwatchError("the columns of a dose table must be equally long, one row a frame")
    if float(np.abs(end).max()) > ACCUMULATED_DOSE[1]:
        raise BeamwatchError(
            f"a dose table ends at {end[-1]:g} e/Å²; at most {ACCUMULATED_DOSE[1]:g} is accumulated"
        )
    slack = 1e-9 * max(1.0, float(np.abs(end).max()))
    if (end < start).any() or start[0] < 0:
        row = int(np.argmax(end < start))
        raise BeamwatchError(f"dose table, row {row + 1}: a frame cannot end before it starts")
    if (start[1:] < end[:-1] - slack).any():
        row = int(np.argmax(start[1:] < end[:-1] - slack)) + 1
        raise BeamwatchError(
            f"dose table, row {row + 1}: the frame starts at {start[row]:g} e/Å², before the one "
            f"above it ended at {end[row - 1]:g}; dose only grows"
        )
