"""Places as areas: which squares they own, their outlines, and what has room in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch.results.figure.map import free_height
from napari_beamwatch.results.place_map import (
    NOWHERE,
    Room,
    Squares,
    outlines_of,
    place_at,
    place_numbers,
    place_words,
    rooms_of,
)


def area(outline: np.ndarray) -> float:
    y, x = outline.T
    return float(np.sum(y[:-1] * x[1:] - y[1:] * x[:-1]) / 2)


def test_the_outline_of_a_square_has_its_corners() -> None:
    (loop,) = outlines_of(np.array([[False, True]]))
    assert sorted(map(tuple, loop[:-1])) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert (loop[0] == loop[-1]).all()


def test_a_hole_runs_the_other_way_round() -> None:
    inside = np.ones((3, 3), bool)
    inside[1, 1] = False
    areas = sorted(area(loop) for loop in outlines_of(inside))
    assert np.sign(areas[0]) == -np.sign(areas[1])
    assert sum(np.abs(areas)) == 9 + 1


def test_outlines_hold_as_much_as_the_squares() -> None:
    inside = np.random.default_rng(0).random((12, 17)) < 0.5
    assert abs(sum(area(loop) for loop in outlines_of(inside))) == inside.sum()


def test_there_is_most_room_where_a_place_is_widest() -> None:
    numbers = np.array([[0, 0, 1, 1], [0, 0, 0, 1], [0, NOWHERE, 0, 0]])
    squares = Squares((3, 4), np.zeros(0, np.int64), np.zeros(0, np.int64), (10.0, 20.0), 8.0)
    wide, other = rooms_of(numbers, squares)
    assert (wide.place, wide.y, wide.x, wide.width, wide.height) == (0, 22, 32, 24, 8)
    assert (wide.above, wide.below) == (0, 0)  # the rows above and below do not hold all of it
    assert (other.place, other.y, other.x, other.width) == (1, 14, 44, 16)
    (all_of_it,) = rooms_of(np.zeros((4, 3), np.int64), squares)
    assert (all_of_it.y, all_of_it.above, all_of_it.below) == (30, 16, 8)


def test_each_window_owns_the_square_around_its_middle(result: bw.Result) -> None:
    squares = Squares.of(result)
    numbers = place_numbers(result, squares)
    assert numbers is not None
    for _, window in result.windows.iterrows():
        y, x = (window["y0"] + window["y1"]) / 2, (window["x0"] + window["x1"]) / 2
        expected = None if pd.isna(window["place"]) else window["place"]
        assert place_at(result, y, x) == expected
    corner = squares.corner
    assert place_at(result, corner[0] - 1, corner[1] - 1) is None


def test_runs_of_when_nobody_knew_of_places_have_none(result: bw.Result) -> None:
    unknown = pd.array([pd.NA] * len(result.windows), "Int64")
    old = replace(
        result, places=result.places.iloc[:0], windows=result.windows.assign(place=unknown)
    )
    assert place_numbers(old, Squares.of(old)) is None
    assert place_at(old, 128, 128) is None


@pytest.mark.parametrize(
    ("status", "dose", "held", "said"),
    [
        ("onset", 148.86, np.nan, ("149 e/Å²", "149")),
        ("onset", 12345.0, np.nan, ("12345 e/Å²", "12345")),
        ("onset", 12.3, np.nan, ("7.27–17.3 e/Å²", "7.27–17.3", "~12")),
        ("survived", np.nan, 560.0, ("survived", "> 560")),
        ("survived", np.nan, 1560.0, ("survived", "> 1560")),
        ("damaged_at_start", np.nan, np.nan, ("at start", "0")),
        ("ambiguous", np.nan, 300.0, ("?",)),
    ],
)
def test_what_is_written_in_a_place_is_short(
    status: str, dose: float, held: float, said: tuple[str, ...]
) -> None:
    table = pd.DataFrame(
        {
            "place": [3], "status": [status], "onset_dose_e_per_A2": [dose],
            "onset_low_e_per_A2": [dose - 5.03], "onset_high_e_per_A2": [dose + 5.03],
            "onset_frame": pd.array([pd.NA], "Int64"), "survived_dose_e_per_A2": [held],
        }
    )  # fmt: skip
    assert place_words(table) == {3: said}


def test_without_doses_frames_are_written_in_places() -> None:
    table = pd.DataFrame(
        {
            "place": [0], "status": ["onset"], "onset_dose_e_per_A2": [np.nan],
            "onset_low_e_per_A2": [np.nan], "onset_high_e_per_A2": [np.nan],
            "onset_frame": pd.array([29], "Int64"), "survived_dose_e_per_A2": [np.nan],
        }
    )  # fmt: skip
    assert place_words(table) == {0: ("frame 30", "30")}


def test_words_lie_beside_the_outline_of_a_region_where_the_place_reaches_there() -> None:
    room = Room(0, 50.0, 50.0, 80.0, 10.0, above=0.0, below=40.0)
    half, drawn = (20.0, 4.0), [bw.Region.rectangle("A", 10, 52, 10, 60)]
    y = free_height(room, half, drawn)
    assert 52 + half[1] <= y <= 95 - half[1]
    assert free_height(room, half, []) == 50.0
    nowhere = Room(0, 50.0, 50.0, 80.0, 10.0)
    assert free_height(nowhere, half, drawn) == 50.0
