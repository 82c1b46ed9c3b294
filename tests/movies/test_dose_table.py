"""A dose table tells when frames began and ended, and what nobody recorded in between."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch import BeamwatchError, DoseTable, Movie

FRAMES = np.zeros((3, 4, 4), np.float32)


def movie_with(table: Any) -> Movie:
    return Movie.from_array(FRAMES, 1.0, dose_table=table)


def test_start_and_end_are_taken_as_they_are() -> None:
    movie = movie_with({"start": [0, 10, 30], "end": [5, 20, 31]})
    assert movie.dose == pytest.approx([5, 20, 31])
    assert movie.dose_start == pytest.approx([0, 10, 30])
    assert movie.frame_dose == pytest.approx([5, 10, 1])
    assert movie.dose_source == "user: dose table"


def test_unrecorded_dose_is_added_to_its_frame_and_all_later_ones() -> None:
    movie = movie_with({"dose": [5, 5, 5], "unrecorded": [2, 0, 7]})
    assert movie.dose == pytest.approx([7, 12, 24])
    assert movie.frame_dose == pytest.approx([5, 5, 5])


def test_sums_and_slices_keep_the_gaps() -> None:
    movie = movie_with([[0, 10], [20, 30], [30, 40]])
    assert movie[1:].dose == pytest.approx([30, 40])
    summed = movie.sum(2)
    assert summed.dose == pytest.approx([30])
    assert summed.dose_start == pytest.approx([0])
    assert summed.frame_dose == pytest.approx([20])


def test_pre_exposure_moves_the_table() -> None:
    movie = movie_with([[0, 10], [20, 30], [30, 40]]).with_(pre_exposure=5.0)
    assert movie.dose == pytest.approx([15, 35, 45])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_csv_files_may_name_units_and_use_any_separator(tmp_path: Path, separator: str) -> None:
    rows = [["start_e_per_A2", "end_e_per_A2"], ["0", "2"], ["2", "4"], ["5", "7"]]
    path = tmp_path / "doses.csv"
    path.write_text("\n".join(separator.join(row) for row in rows))
    assert movie_with(path).dose == pytest.approx([2, 4, 7])


def test_a_data_frame_will_do() -> None:
    frame = pd.DataFrame({"Start": [0, 1, 2], "End": [1, 2, 3], "comment": ["a", "b", "c"]})
    assert len(DoseTable.of(frame)) == 3


@pytest.mark.parametrize(
    "table",
    [
        {"start": [0, 1], "end": [1, 2]},  # two rows for three frames
        {"start": [0, 5, 4], "end": [5, 6, 8]},  # begins before the one above it ended
        {"start": [0, 5, 9], "end": [5, 4, 10]},  # ends before it starts
        {"start": [0, 1, np.nan], "end": [1, 2, 3]},
        {"start": ["a", "b", "c"], "end": [1, 2, 3]},
        {"end": [1, 2, 3]},
        {"dose": [1, 1, 1], "unrecorded": [0, -1, 0]},
        [[1, 2, 3, 4]] * 3,
        [],
        "no-such-file.csv",
    ],
)
def test_a_table_that_cannot_be_is_refused(table: Any) -> None:
    with pytest.raises(BeamwatchError):
        movie_with(table)


def test_one_endless_word_in_a_table_costs_no_more_than_its_letters(tmp_path: Path) -> None:
    path = tmp_path / "doses.csv"
    path.write_text("dose\n" + "5\n" * 2000 + "x" * 100_000)
    tracemalloc.start()
    with pytest.raises(BeamwatchError, match="100000 letters is no number"):
        DoseTable.of(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


@pytest.mark.parametrize(
    "text",
    [
        "start;end\n0;12,5\n12,5;25\n25;37,5\n",
        "start [e-/Å2],end [e-/Å2]\n0,12.5\n12.5,25\n25,37.5\n",
        "start_e_per_nm2\tend_e_per_nm2\n0\t1250\n1250\t2500\n2500\t3750\n",
        "dose\n12.5 e⁻/Å²\n12.5 e/A^2\n12.5 e-/Å2\n",
    ],
)
def test_doses_in_a_file_are_read_as_people_write_them(tmp_path: Path, text: str) -> None:
    path = tmp_path / "doses.csv"
    path.write_text(text, encoding="utf-8")
    assert movie_with(path).dose == pytest.approx([12.5, 25, 37.5])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('dose\n5\n"1,000"\n5\n', "row 2: '1,000' can be 1000 or 1.000"),
        ("dose\n5\n5 e/px\n5\n", r"type a number in e/Å² \(or e/nm²\)"),
        ("dose [e/px]\n5\n5\n5\n", r"type a number in e/Å² \(or e/nm²\)"),
        ("dose\n5\n?\n5\n", "must not have gaps"),
    ],
)
def test_doses_in_a_file_that_can_be_misread_are_refused(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "doses.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BeamwatchError, match=said):
        DoseTable.of(path)


def test_a_column_of_accumulated_doses_is_not_taken_for_those_of_frames() -> None:
    with pytest.raises(BeamwatchError, match="write start and end"):
        DoseTable.of_text({"dose": ["5", "10", "15.1", "20"]})
    assert DoseTable.of_text({"dose": ["1", "2", "4"]}).end.tolist() == [1, 3, 7]
    assert DoseTable.of_text({"dose": ["5", "5", "5"]}).end.tolist() == [5, 10, 15]
