"""Neighbouring windows whose crystal goes alike are one place, and others are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.field.cells import Cells
from napari_beamwatch.damage.field.partition import Partition, most_together, partition

FRAMES = 60
ENDS = np.arange(1.0, FRAMES + 1)
STEADY = np.ones(FRAMES)


def fading(onset: float, tau: float = 8.0) -> np.ndarray:
    return np.asarray(remaining(ENDS - 1, ENDS, onset, tau, 1.0))


def grid(traces: Any, courses: np.ndarray, seed: int, **options: Any) -> Cells:
    """A crystal that fills a grid of windows, courses (rows, columns, frames)."""
    cells: Cells = traces.cells(courses.reshape(-1, FRAMES), seed, **options)
    return cells


def cut(cells: Cells, shape: tuple[int, int], shared: float = 1.0) -> Partition:
    return partition(cells, shape, shared)


def groups(found: Partition, cells: Cells) -> set[frozenset[tuple[int, int]]]:
    """Crystals and windows of each place."""
    return {
        frozenset(zip(cells.crystal[mine].tolist(), cells.window[mine].tolist(), strict=True))
        for mine in (found.place == number for number in np.unique(found.place))
    }


@pytest.mark.parametrize(
    "course", [STEADY, fading(20.0), fading(15.0, 30.0), fading(0.0, 12.0), fading(20.3, 0.1)]
)
@pytest.mark.parametrize("film", [0.0, 0.1])
def test_a_crystal_that_goes_alike_is_one_place(
    traces: Any, course: np.ndarray, film: float
) -> None:
    cut_up = 0
    for seed in range(10):
        cells = grid(traces, np.tile(course, (6, 6, 1)), seed, film=film)
        cut_up += cut(cells, (6, 6)).place.max() > 0
    assert cut_up <= 1


@pytest.mark.parametrize("course", [STEADY, fading(20.0), fading(15.0, 30.0)])
def test_the_more_windows_the_less_noise_is_taken_for_places(
    traces: Any, course: np.ndarray
) -> None:
    for seed in range(3):
        cells = grid(traces, np.tile(course, (12, 12, 1)), seed)
        assert cut(cells, (12, 12)).place.max() == 0


def test_a_strong_crystal_that_goes_in_one_step_is_one_place(traces: Any) -> None:
    courses = np.tile(fading(20.3, 0.01), (6, 6, 1))
    assert cut(grid(traces, courses, 1, strength=10 * traces.levels), (6, 6)).place.max() == 0


def test_halves_that_fade_at_different_doses_are_two_places(traces: Any) -> None:
    courses = np.tile(fading(15.0), (6, 6, 1))
    courses[:, 4:] = fading(35.0)
    for seed in range(5):
        found = cut(grid(traces, courses, seed), (6, 6))
        place = found.place.reshape(6, 6)
        # The greater is counted first.
        assert (place == np.array([0, 0, 0, 0, 1, 1])).all()
        assert found.pure.mean() > 0.9


def test_what_came_is_a_place_beside_what_was_there_and_held(traces: Any) -> None:
    # One that comes of a neighbour may share spacings with it, and be taken for the same crystal.
    courses = np.tile(STEADY, (6, 6, 1))
    courses[:, 4:] = 1 - fading(25.0, 4.0)
    for seed in range(5):
        place = cut(grid(traces, courses, seed), (6, 6)).place.reshape(6, 6)
        assert (place == np.array([0, 0, 0, 0, 1, 1])).all()


def test_what_grows_stronger_as_it_settles_came_not(traces: Any) -> None:
    settling = np.interp(np.arange(FRAMES), [0, 12], [0.5, 1.0])
    for seed in range(5):
        assert cut(grid(traces, np.tile(settling, (6, 6, 1)), seed), (6, 6)).place.max() == 0


def test_a_quadrant_that_survives_is_a_place_of_its_own(traces: Any) -> None:
    courses = np.tile(fading(25.0), (6, 6, 1))
    courses[:3, :3] = STEADY
    for seed in range(5):
        place = cut(grid(traces, courses, seed), (6, 6)).place.reshape(6, 6)
        assert (place[:3, :3] == 1).all()
        assert (place == 1).sum() == 9
        assert place.max() == 1


def bordered(part: float) -> np.ndarray:
    """Two halves and between them a column that shows a part of the amplitude of the first."""
    first, last = fading(15.0, 4.0), fading(40.0, 4.0)
    courses = np.tile(first, (6, 7, 1))
    courses[:, 4:] = last
    courses[:, 3] = (part * np.sqrt(first) + (1 - part) * np.sqrt(last)) ** 2
    return courses


@pytest.mark.parametrize("part", [0.3, 0.7])
def test_windows_on_a_border_are_of_the_greater_part_and_do_not_pull(
    traces: Any, part: float
) -> None:
    for seed in range(4):
        cells = grid(traces, bordered(part), seed, strength=3 * traces.levels)
        found = cut(cells, (6, 7))
        place = found.place.reshape(6, 7)
        assert place.max() == 1
        assert len(np.unique(place[:, :3])) == len(np.unique(place[:, 4:])) == 1
        assert not found.pure.reshape(6, 7)[:, 3].any()
        assert found.pure.reshape(6, 7)[:, [0, 1, 2, 4, 5, 6]].mean() > 0.9
        greater = place[0, 0] if part > 0.5 else place[0, -1]
        assert (place[:, 3] == greater).all()


def test_islands_that_do_not_touch_are_two_places(traces: Any) -> None:
    window = np.arange(36).reshape(6, 6)[:, [0, 1, 4, 5]].ravel()
    cells = traces.cells(np.tile(fading(20.0), (24, 1)), 3, window)
    place = cut(cells, (6, 6)).place.reshape(6, 4)
    assert (place == np.array([0, 0, 1, 1])).all()


def test_windows_that_touch_at_a_corner_are_one_place(traces: Any) -> None:
    cells = traces.cells(np.tile(fading(20.0), (2, 1)), 1, np.array([1, 2]))
    assert cut(cells, (2, 2)).place.tolist() == [0, 0]


def test_the_end_of_a_row_does_not_touch_the_next(traces: Any) -> None:
    cells = traces.cells(np.tile(fading(20.0), (2, 1)), 1, np.array([5, 6]))
    assert cut(cells, (2, 6)).place.tolist() == [0, 1]


def test_crystals_in_the_same_windows_are_places_of_their_own(traces: Any) -> None:
    window, crystal = np.tile(np.arange(16), 2), np.repeat([3, 8], 16)
    cells = traces.cells(np.tile(STEADY, (32, 1)), 1, window, crystal)
    assert cut(cells, (4, 4)).place.tolist() == (crystal == 8).astype(int).tolist()


def test_an_empty_field_has_no_places(traces: Any) -> None:
    none = traces.cells(np.tile(STEADY, (1, 1))).some(slice(0, 0))
    found = cut(none, (4, 4))
    assert len(found.place) == len(found.pure) == 0


def test_a_single_window_is_a_place(traces: Any) -> None:
    found = cut(traces.cells(np.tile(fading(20.0), (1, 1))), (1, 1))
    assert (found.place.tolist(), found.pure.tolist()) == ([0], [True])


def test_windows_that_share_electrons_tell_less(traces: Any) -> None:
    courses = np.tile(fading(25.0), (3, 4, 1))
    courses[:, 2:] = fading(32.0)
    cells = grid(traces, courses, 2)
    assert cut(cells, (3, 4)).place.max() == 1
    assert cut(cells, (3, 4), shared=20.0).place.max() == 0


def patchwork(traces: Any, seed: int) -> tuple[Cells, tuple[int, int]]:
    """Crystals strewn over a grid, of any courses."""
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 6)), int(rng.integers(1, 6)))
    keys = np.flatnonzero(rng.random(2 * shape[0] * shape[1]) < 0.7)
    keys = keys if len(keys) else np.array([0])
    crystal, window = np.divmod(keys, shape[0] * shape[1])
    kinds = np.array([STEADY, fading(10.0), fading(35.0, 3.0), fading(20.0, 20.0)])
    # Halves of their own, and a few windows of anything.
    kind = np.where(window % shape[1] < shape[1] / 2, *rng.integers(4, size=2))
    kind = np.where(rng.random(len(keys)) < 0.2, rng.integers(4, size=len(keys)), kind)
    mixed = (rng.random(len(keys)) < 0.2)[:, None]
    beside = kinds[rng.integers(4, size=len(keys))]
    courses = np.where(mixed, (np.sqrt(kinds[kind]) + np.sqrt(beside)) ** 2 / 4, kinds[kind])
    return traces.cells(courses, seed, window, crystal, film=0.05), shape


def pieces(windows: set[int], columns: int) -> int:
    """How many pieces windows are in, of which each touches another of its own."""
    left, count = set(windows), 0
    while left:
        count += 1
        near = [left.pop()]
        while near:
            y, x = divmod(near.pop(), columns)
            touching = {w for w in left if max(abs(w // columns - y), abs(w % columns - x)) <= 1}
            left -= touching
            near += touching
    return count


def shuffled(cells: Cells, order: np.ndarray) -> Cells:
    names = ("crystal", "window", "spots", "pull", "known", "cubed", "film", "power")
    return replace(cells, **{name: getattr(cells, name)[order] for name in names})


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_cells_does_not_matter(traces: Any, seed: int) -> None:
    courses = np.concatenate([bordered(0.7), np.tile(fading(25.0), (6, 7, 1))])
    window, crystal = np.tile(np.arange(42), 2), np.repeat([0, 1], 42)
    cells = traces.cells(courses.reshape(-1, FRAMES), seed, window, crystal)
    order = np.random.default_rng(seed).permutation(len(cells))
    mine, other = cut(cells, (6, 7)), cut(shuffled(cells, order), (6, 7))
    assert groups(mine, cells) == groups(other, shuffled(cells, order))
    assert (mine.pure[order] == other.pure).all()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_place_is_of_one_crystal_and_has_an_inside(traces: Any, seed: int) -> None:
    cells, shape = patchwork(traces, seed)
    found = cut(cells, shape)
    sizes = np.bincount(found.place)
    assert (sizes > 0).all()
    assert (np.diff(sizes) <= 0).all()
    for number in range(len(sizes)):
        mine = found.place == number
        assert len(np.unique(cells.crystal[mine])) == 1
        assert found.pure[mine].any()


@pytest.mark.parametrize("seed", [0, 1, 2, 787874])
def test_a_place_is_connected(traces: Any, seed: int) -> None:
    cells, shape = patchwork(traces, seed)
    found = cut(cells, shape)
    for number in np.unique(found.place):
        assert pieces(set(cells.window[found.place == number].tolist()), shape[1]) == 1


def test_what_two_say_together_is_the_greatest_sum() -> None:
    one, other = np.random.default_rng(0).standard_normal((2, 300)).astype(np.float32)
    assert most_together(one, other) == (one + other).max()


@pytest.mark.long
def test_onsets_that_scatter_within_a_place_are_told_by_how_much(traces: Any) -> None:
    told = {}
    for sd in (0.0, 1.0, 2.0):  # with more they are several places
        found = []
        for seed in range(8):
            onsets = 25 + sd * np.random.default_rng(seed).standard_normal(36)
            courses = np.array([fading(onset) for onset in onsets]).reshape(6, 6, FRAMES)
            scatter = cut(grid(traces, courses, seed), (6, 6)).scatter
            found.append(scatter[0])
        told[sd] = float(np.mean(found))
    assert told[0.0] < 0.7
    assert told[2.0] == pytest.approx(2.0, abs=0.8)
    assert told[1.0] == pytest.approx(1.0, abs=0.5)


def test_a_place_that_stays_or_is_small_scatters_by_nothing(traces: Any) -> None:
    steady = cut(grid(traces, np.tile(STEADY, (4, 4, 1)), 1), (4, 4))
    assert steady.scatter.tolist() == [0.0]
    small = cut(grid(traces, np.tile(fading(20.0), (1, 2, 1)), 1), (1, 2))
    assert small.scatter.max() == 0.0
