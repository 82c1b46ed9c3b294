"""Tables come back from CSV files as they were, with every pandas."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.table_files import LARGEST, harmless, read_table, write_table

HARD = [-5.94113697e-15, 5.37727898e-15, 1.08351204e-15, -7.06459497e-15, -1.28957688e-15]
"""Numbers whose last digit pandas before 3.1 reads wrongly by itself."""


def test_numbers_come_back_exactly_and_without_a_warning(tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "float64": HARD,
            "float32": np.array(HARD, np.float32),
            "Float64": pd.array([None, *HARD[1:]], "Float64"),
            "Int64": pd.array([None, *range(1, len(HARD))], "Int64"),
        }
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kinds = write_table(table, tmp_path / "a.csv")
        back = read_table(tmp_path / "a.csv", kinds)
    pd.testing.assert_frame_equal(back, table, check_exact=True)


def test_a_column_of_formulas_and_numbers_keeps_its_numbers() -> None:
    table = pd.DataFrame({"a": ["=1+1", -1.5, None], "b": [-1, -2, -3], "hkl": ["-111"] * 3})
    shown = harmless(table)
    assert shown.a.tolist()[:2] == ["'=1+1", -1.5]
    assert shown.b.tolist() == [-1, -2, -3]
    assert shown.hkl.tolist() == ["-111"] * 3
    assert table.a[0] == "=1+1"


def test_a_table_of_no_plausible_size_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(LARGEST + 1)  # which takes no room on most disks
    with pytest.raises(BeamwatchError, match="larger than a table of a run"):
        read_table(tmp_path / "a.csv", {"a": "float64"})
