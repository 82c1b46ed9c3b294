"""Whether two runs measured the same, to the last digit that is written."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.array_files import read_arrays
from napari_beamwatch.results.older import YOUNGER
from napari_beamwatch.results.run_folder import PARTICLE_TABLES, TABLES, WINDOW_TRACES

LONGEST_SHOWN = 60
"""Letters of a cell in a sentence."""


@dataclass(frozen=True)
class Difference:
    """The first thing that is not the same.

    Attributes
    ----------
    file : str
        Name of the table, or of the file of arrays.
    column : str
        Of the table, or the array; empty where the file as a whole differs.
    words : str
        In which way.
    """

    file: str
    column: str
    words: str

    def __str__(self) -> str:
        return f"{self.file}{f', column {self.column}' if self.column else ''}: {self.words}"


def first_difference(then: Path, now: Path, unequal: Sequence[str] = ()) -> Difference | None:
    """The first column that differs in the first table that does, as the text of the files has it.

    Columns and tables that only the new one has are no difference: later versions append some.

    Parameters
    ----------
    then, now : Path
        Folders of the run and of what was found anew, which need not be a whole run.
    unequal : sequence of str
        Columns that cannot be the same.
    """
    for name in (*TABLES, *PARTICLE_TABLES):
        found = _table(then / f"{name}.csv", now / f"{name}.csv", unequal)
        if found is not None:
            return found
    return _arrays(then / WINDOW_TRACES, now / WINDOW_TRACES)


def _table(then: Path, now: Path, unequal: Sequence[str]) -> Difference | None:
    if not then.is_file():
        if then.stem in YOUNGER:
            return None
        return Difference(then.name, "", "the run does not have it")
    old, new = _rows(then), _rows(now)
    heads, known = next(old, []), next(new, [])
    first: tuple[int, int, str, str] | None = None
    where = [known.index(head) if head in known else -1 for head in heads]
    for head, place in zip(heads, where, strict=True):
        if place < 0 and head not in unequal:
            return Difference(then.name, head, "is only in the run")
    compared = [(i, j) for i, j in enumerate(where) if heads[i] not in unequal]
    more = 0
    for number, (was, is_) in enumerate(zip_longest(old, new), start=1):
        if was is None or is_ is None:
            more += 1
            continue
        for i, j in compared:
            if first is not None and i >= first[0]:
                break  # only columns further to the left are of interest now
            if was[i] != is_[j]:
                first = (i, number, was[i], is_[j])
    if more:
        return Difference(then.name, "", f"{more} rows are in one of the two only")
    if first is None:
        return None
    column, number, was_, now_ = first
    return Difference(
        then.name, heads[column], f"{_shown(was_)} in row {number} of the run, {_shown(now_)} now"
    )


def _rows(path: Path) -> Iterator[list[str]]:
    """Rows of a table, all of one length."""
    length: int | None = None
    with path.open(encoding="utf-8", newline="") as file:
        try:
            for row in csv.reader(file, strict=True):
                length = len(row) if length is None else length
                if len(row) != length:
                    raise BeamwatchError(f"{path} is damaged: a row of {len(row)} in {length}")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise BeamwatchError(f"{path} is damaged: {error}") from None


def _shown(cell: str) -> str:
    if len(cell) > LONGEST_SHOWN:
        return repr(cell[:LONGEST_SHOWN] + "…")
    return repr(cell) if cell else "nothing"


def _arrays(then: Path, now: Path) -> Difference | None:
    with np.load(now, allow_pickle=False) as file:
        new = {name: file[name] for name in file.files}
    try:
        old = read_arrays(then, {name: array.shape for name, array in new.items()})
    except (KeyError, ValueError, OSError) as error:
        return Difference(then.name, "", f"has other arrays ({error})")
    for name, array in new.items():
        if name not in old:
            return Difference(then.name, name, "the run does not have it")
        if not np.array_equal(old[name], array, equal_nan=True):
            return Difference(then.name, name, "has other values")
    return None
