"""Tables as plain CSV files, and back with the types they had."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import cell

DIGITS = "%.9g"

TEXT = "text"
FLOATS = ("float32", "float64", "Float32", "Float64")
NUMBERS = (*FLOATS, "int64", "Int64", "bool", "boolean")

INDICES = "hkl"
"""Column of words that begin with a minus sign and are nobody's but ours."""

LONGEST_HEADER = 2**16
"""Bytes of the names of a table's columns."""

LARGEST = 4 * 2**30
"""Bytes of a table; 50 million rows of traces take as many."""


def write_table(table: pd.DataFrame, path: Path) -> dict[str, str]:
    """Write a table; what is missing is left empty.

    Returns
    -------
    dict of str to str
        Type of each column, for `read_table`.
    """
    kinds = {str(name): _kind(table[name]) for name in table.columns}
    shown = harmless(table)
    for name, kind in kinds.items():
        if kind in ("Float32", "Float64"):  # pandas shows them with all digits otherwise
            shown[name] = table[name].to_numpy(np.float64, na_value=np.nan)
    with path.open("w", encoding="utf-8", newline="") as file:
        shown.to_csv(file, index=False, float_format=DIGITS, lineterminator="\n")
    return kinds


def harmless(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose words a spreadsheet does not compute; numbers stay numbers."""
    shown = table.copy(deep=False)
    for name in table.columns:
        if _kind(table[name]) == TEXT and name != INDICES:
            shown[name] = _reworded(table[name], cell)
    return shown


def read_table(
    path: Path, kinds: Mapping[str, str], names: Iterable[str] = (), columns: Iterable[str] = ()
) -> pd.DataFrame:
    """Read what `write_table` wrote.

    Parameters
    ----------
    path : Path
    kinds : mapping of str to str
        Type of each column.
    names : iterable of str
        Words of others, which come back as they were; marks for control characters stay in others.
    columns : iterable of str
        That must be among those of the table.
    """
    unknown = set(kinds.values()) - {TEXT, *NUMBERS}
    if unknown:
        raise ValueError(f"columns of type {', '.join(sorted(unknown))}")
    missing = [name for name in columns if name not in kinds]
    if missing:
        raise ValueError(f"{path.name} lacks {', '.join(missing)}")
    if not path.is_file():
        raise BeamwatchError(f"{path} is missing: the run is not complete")
    if path.stat().st_size > LARGEST:
        raise BeamwatchError(f"{path} is larger than a table of a run: {LARGEST >> 30} GB at most")
    with path.open("rb") as file:  # pandas would rename columns of one name, for hours
        header = file.readline(LONGEST_HEADER)
    if header.rstrip(b"\r\n") != ",".join(kinds).encode():
        raise BeamwatchError(f"{path} has other columns than its run.json says")
    floats = [name for name, kind in kinds.items() if kind in FLOATS]
    types = {name: "str" if kind == TEXT else kind for name, kind in kinds.items()}
    try:
        # "NA" is no gap: a movie, or a phase, may be called so.
        table = pd.read_csv(
            path,
            dtype={name: kind for name, kind in types.items() if name not in floats},
            # Up to pandas 3.0 the reader's own way is off in the last digit now and then.
            converters=dict.fromkeys(floats, _number),
            encoding="utf-8",
            compression=None,
            keep_default_na=False,
            na_values={name: [""] for name in kinds},
            low_memory=False,
        )
        read = table.dtypes
        if other := {name: types[name] for name in floats if read[name] != types[name]}:
            table = table.astype(other)  # of all columns, whichever are named
    except (
        KeyError, ValueError, OverflowError, pd.errors.ParserError, pd.errors.EmptyDataError
    ) as error:  # fmt: skip
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BeamwatchError(f"{path} cannot be read: {said}") from None
    known = {cell(name): name for name in names}
    for name, kind in kinds.items():
        if kind == TEXT and name != INDICES:
            table[name] = _reworded(table[name], lambda text: _restored(text, known))
    return table


def _reworded(column: pd.Series, reword: Callable[[str], str]) -> pd.Series:
    """A column of words with others for some, most of which come many times."""
    new = {
        text: reword(text) if isinstance(text, str) else text for text in column.dropna().unique()
    }
    if all(text == said for text, said in new.items()):
        return column
    return column.map(lambda value: new.get(value, value), na_action="ignore")


def _number(text: str) -> float:
    return float(text) if text else math.nan


def _restored(text: str, known: Mapping[str, str]) -> str:
    """Words as they were before `cell`."""
    if text in known:
        return known[text]
    bare = text.removeprefix("'")
    return bare if bare != text and cell(bare) == text else text


def _kind(column: pd.Series) -> str:
    kind = str(column.dtype)
    return kind if kind in NUMBERS else TEXT
