"""Runs are compared to the last digit, and the first difference is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.results.comparing import first_difference
from napari_beamwatch.results.run_folder import PARTICLE_TABLES, TABLES


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """Tables and arrays as a run has them, small."""
    folder = tmp_path / "run"
    folder.mkdir()
    for name in (*TABLES, *PARTICLE_TABLES):
        rows = "".join(f"lif,{i},{i / 7:.9g},\n" for i in range(4))
        (folder / f"{name}.csv").write_text(f"movie,frame,intensity,d_A\n{rows}", encoding="utf-8")
    ones = np.ones((4, 3), np.float32)
    np.savez(folder / "window_traces.npz", intensity=ones, snr=ones * np.float32(np.nan))
    return folder


@pytest.fixture
def again(saved: Path, tmp_path: Path) -> Path:
    """The same run, to be changed."""
    return Path(shutil.copytree(saved, tmp_path / "again"))


def edited(path: Path, edit: Callable[[list[str]], list[str]]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(edit(lines)), encoding="utf-8")


def test_a_run_is_identical_to_itself(saved: Path, again: Path) -> None:
    assert first_difference(saved, again) is None


def test_the_leftmost_column_of_the_first_table_is_named(saved: Path, again: Path) -> None:
    edited(again / "field.csv", lambda lines: [one.replace(",1,", ",8,") for one in lines])
    edited(again / "field.csv", lambda lines: [lines[0], *(one[:-1] + "5\n" for one in lines[1:])])
    edited(again / "drift.csv", lambda lines: [one.replace("lif", "LiF") for one in lines])
    found = str(first_difference(saved, again))
    assert found == "field.csv, column frame: '1' in row 2 of the run, '8' now"


def test_the_last_digit_counts(saved: Path, again: Path) -> None:
    edited(again / "onsets.csv", lambda lines: [one.replace("0.142857143", "0.142857144")
                                                for one in lines])  # fmt: skip
    found = first_difference(saved, again)
    assert found is not None
    assert (found.file, found.column) == ("onsets.csv", "intensity")


def test_rows_that_are_missing_are_counted(saved: Path, again: Path) -> None:
    edited(again / "traces.csv", lambda lines: lines[:-2])
    assert str(first_difference(saved, again)) == ("traces.csv: 2 rows are in one of the two only")


def test_a_column_that_came_later_is_no_difference(saved: Path, again: Path) -> None:
    edited(again / "field.csv", lambda lines: [f"{one[:-1]},new\n" for one in lines])
    assert first_difference(saved, again) is None
    found = first_difference(again, saved)
    assert str(found) == "field.csv, column new: is only in the run"


def test_columns_that_cannot_be_the_same_are_left_out(saved: Path, again: Path) -> None:
    edited(again / "onsets.csv", lambda lines: [one.replace("lif,", "other,") for one in lines])
    assert str(first_difference(saved, again)).startswith("onsets.csv, column movie: 'lif'")
    assert first_difference(saved, again, ["movie"]) is None


def test_traces_of_windows_are_compared_bit_by_bit(saved: Path, again: Path) -> None:
    path = again / "window_traces.npz"
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["intensity"] = np.nextafter(arrays["intensity"], np.float32(np.inf))
    np.savez(path, **arrays)
    assert str(first_difference(saved, again)) == (
        "window_traces.npz, column intensity: has other values"
    )


def test_a_table_that_is_gone_is_a_difference(saved: Path, again: Path) -> None:
    (again / "rings.csv").unlink()
    assert str(first_difference(again, saved)) == "rings.csv: the run does not have it"


def test_a_table_that_is_no_table_is_damaged(saved: Path, again: Path) -> None:
    (again / "field.csv").write_bytes(b'frame,"\xff\n')
    with pytest.raises(bw.BeamwatchError, match=r"field\.csv is damaged"):
        first_difference(again, saved)


def test_a_table_that_later_versions_have_is_no_difference(saved: Path, again: Path) -> None:
    (saved / "phase_area.csv").unlink()
    assert first_difference(saved, again) is None
