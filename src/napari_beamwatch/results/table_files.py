"""Tables as plain CSV files, and back with the types they had."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from napari_beamwatch.errors import BeamwatchError

DIGITS = "%.9g"

TEXT = "text"
NUMBERS = ("float32", "float64", "Float32", "Float64", "int64", "Int64", "bool", "boolean")


def write_table(table: pd.DataFrame, path: Path) -> dict[str, str]:
    """Write a table; what is missing is left empty.

    Returns
    -------
    dict of str to str
        Type of each column, for `read_table`.
    """
    kinds = {str(name): _kind(table[name]) for name in table.columns}
    shown = table.copy(deep=False)
    for name, kind in kinds.items():
        if kind in ("Float32", "Float64"):  # pandas shows them with all digits otherwise
            shown[name] = table[name].to_numpy(np.float64, na_value=np.nan)
    with path.open("w", encoding="utf-8", newline="") as file:
        shown.to_csv(file, index=False, float_format=DIGITS, lineterminator="\n")
    return kinds


def read_table(path: Path, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Read what `write_table` wrote."""
    unknown = set(kinds.values()) - {TEXT, *NUMBERS}
    if unknown:
        raise ValueError(f"columns of type {', '.join(sorted(unknown))}")
    types = {name: "str" if kind == TEXT else kind for name, kind in kinds.items()}
    try:
        # "NA" is no gap: a movie, or a phase, may be called so.
        table = pd.read_csv(
            path,
            dtype=types,
            encoding="utf-8",
            keep_default_na=False,
            na_values={name: [""] for name in kinds},
            float_precision="round_trip",
            low_memory=False,
        )
    except FileNotFoundError:
        raise BeamwatchError(f"{path} is missing: the run is not complete") from None
    except (ValueError, OverflowError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BeamwatchError(f"{path} cannot be read: {said}") from None
    if list(table.columns) != list(kinds):
        raise BeamwatchError(f"{path} has other columns than its run.json says")
    return table


def _kind(column: pd.Series) -> str:
    kind = str(column.dtype)
    return kind if kind in NUMBERS else TEXT
