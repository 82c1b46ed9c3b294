"""Every course that is tried is as likely of a cell as the noise makes it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.field.cells import (
    AT_FIRST,
    DECAYS,
    KEPT,
    UNLIKE_SPOTS,
    Cells,
    Courses,
    cells_of,
    log_likelihoods,
)

ENDS = np.arange(1.0, 101)
COURSES = Courses.of(ENDS - 1, ENDS)

WORTH = 2 * np.log(100 * 64)
"""Log likelihood that a further onset must gain in a hundred frames of 64 windows."""


def naive(cells: Cells, courses: Courses) -> np.ndarray:
    """One cell and one course at a time, the covariance written out."""
    told = np.zeros((len(cells), len(courses.onset)))
    for i in range(len(cells)):
        known = cells.known[i] > 0
        trace = cells.pull[i][known] / cells.known[i][known]
        spread = cells.film[i] + UNLIKE_SPOTS / cells.spots[i]

        def fit(signal: np.ndarray, i: int = i, known: Any = known, trace: Any = trace) -> tuple:
            noise = (cells.known[i] + 2 * signal * cells.cubed[i])[known]
            noise = noise / cells.known[i][known] ** 2
            heights, misfits = [], []
            for level in courses.level[:, known]:
                best = (level * trace / noise).sum() / max((level**2 / noise).sum(), 1e-300)
                heights.append(max(best, 0.0))
                misfits.append(((trace - heights[-1] * level) ** 2 / noise).sum())
            return noise, np.array(heights), int(np.argmin(misfits))

        _, heights, best = fit(np.ones(cells.known.shape[1]))
        noise, heights, _ = fit(heights[best] * courses.level[best])
        for k, about in enumerate(heights):
            level, beat = courses.level[k][known], courses.beat[k][known]
            covariance = np.diag(noise) + spread * about**2 * np.outer(beat, beat)
            inverse = np.linalg.inv(covariance)
            height = max(level @ inverse @ trace / max(level @ inverse @ level, 1e-300), 0.0)
            covariance = np.diag(noise) + spread * height**2 * np.outer(beat, beat)
            off = trace - height * level
            told[i, k] = -off @ np.linalg.solve(covariance, off) / 2
            told[i, k] -= (np.linalg.slogdet(covariance)[1] - np.log(noise).sum()) / 2
    return told


def wild(seed: int, frames: int = 12, windows: int = 5) -> Cells:
    """Cells of one to three spots, some of them weak, with gaps."""
    rng = np.random.default_rng(seed)
    window = np.sort(rng.integers(windows, size=2 * windows))
    strength = rng.uniform(0.2, 40, len(window))
    beam = rng.uniform(0.7, 1.3, frames)
    snr = beam[:, None] * strength * rng.uniform(0, 1.2, (frames, len(window)))
    snr[rng.random(snr.shape) < 0.2] = np.nan
    ends = np.cumsum(rng.uniform(1, 3, frames))
    start = np.append(0.0, ends[:-1])
    film = rng.uniform(0, 0.3, len(window))
    return cells_of(
        snr, np.zeros(len(window), int), window, strength, film, beam[:, None], start, ends
    )


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_likelihoods_are_those_of_a_gaussian_with_all_that_scatters(seed: int) -> None:
    cells = wild(seed)
    courses = Courses.of(cells.start, cells.end)
    assert log_likelihoods(cells, courses) == pytest.approx(naive(cells, courses), rel=1e-5)


def test_cells_weighed_at_a_time_are_weighed_as_alone() -> None:
    cells = wild(4, windows=300)
    courses = Courses.of(cells.start, cells.end)
    told = log_likelihoods(cells, courses)
    assert len(told) > 128
    for i in (0, 127, 128, len(cells) - 1):
        alone = log_likelihoods(cells.some(slice(i, i + 1)), courses)
        assert told[i] == pytest.approx(alone[0], rel=1e-5, abs=1e-5)


def test_no_cells_have_no_likelihoods() -> None:
    none = wild(0).some(slice(0, 0))
    assert log_likelihoods(none, COURSES).shape == (0, len(COURSES.onset))


def test_courses_are_what_frames_show_of_a_decay() -> None:
    assert np.isinf(COURSES.onset[-1])
    assert (COURSES.level[-1] == 1).all()
    assert COURSES.family[-1] == -1
    rng = np.random.default_rng(0)
    for i in rng.integers(len(COURSES.onset) - 1, size=60).tolist():
        kind, decay = divmod(int(COURSES.family[i]), len(DECAYS))
        tau = 100 * DECAYS[decay]
        gone = remaining(ENDS - 1, ENDS, float(COURSES.onset[i]), tau, 1.0)
        kept = KEPT[kind] if kind < len(KEPT) else None
        shown = 1 - gone if kept is None else kept + (1 - kept) * gone
        assert COURSES.level[i] == pytest.approx(shown, abs=1e-6)
        assert kept is not None or COURSES.onset[i] >= 100 / AT_FIRST - 1


def test_an_added_amplitude_beats_as_the_power_goes_with_it() -> None:
    courses = Courses.of(ENDS - 1, ENDS)
    step = 1e-6
    for i in (0, 5, 300, 670):  # nothing is kept in the first quarter of them
        amplitude = np.sqrt(courses.level[i])
        power = (amplitude + step) ** 2
        at_plateau = (1 + step) ** 2  # the level is fitted: a part of it is taken for that
        change = (power - at_plateau * courses.level[i]) / (2 * step)
        assert courses.beat[i] == pytest.approx(change, abs=1e-5)


def seen(traces: Any, course: np.ndarray, seed: int, windows: int = 1, film: float = 0.0) -> Cells:
    """Four spots of one crystal in windows, on a film that stands still."""
    return traces.cells(np.tile(course, (windows, 1)), seed, film=film)


def test_a_steady_window_stays(traces: Any) -> None:
    told = log_likelihoods(seen(traces, np.ones(100), 1, 200), COURSES)
    better = told.max(axis=1) - told[:, -1]
    # Some course of thousands fits better by chance, but by less than a change is worth.
    assert np.median(better) < 2
    assert (better < WORTH).all()
    together = told.sum(axis=0)
    assert together.max() - together[-1] < WORTH


@pytest.mark.parametrize(("onset", "tau"), [(30.0, 10.0), (60.0, 5.0), (50.0, 40.0)])
def test_windows_that_fade_find_their_course(traces: Any, onset: float, tau: float) -> None:
    course = remaining(ENDS - 1, ENDS, onset, tau, 1.0)
    told = log_likelihoods(seen(traces, course, 2, 40), COURSES)
    assert (told.max(axis=1) - told[:, -1] > 10).mean() > 0.9
    each = COURSES.onset[told.argmax(axis=1)]
    assert abs(np.median(each) - onset) < 4
    best = int(told.sum(axis=0).argmax())
    assert abs(COURSES.onset[best] - onset) < 4
    assert np.abs(COURSES.level[best] - course).mean() < 0.03


def test_what_was_not_measured_tells_nothing() -> None:
    rng = np.random.default_rng(5)
    snr = 5 * rng.random((100, 4))
    crystal = window = np.zeros(4, int)
    strength, film, beam = np.full(4, 3.0), np.zeros(4), np.ones((100, 1))

    def told(values: np.ndarray) -> np.ndarray:
        cells = cells_of(values, crystal, window, strength, film, beam, ENDS - 1, ENDS)
        return log_likelihoods(cells, COURSES)[0]

    assert (told(np.full_like(snr, np.nan)) == 0).all()
    snr[50:] = np.nan
    went = COURSES.family < len(KEPT) * len(DECAYS)
    late = told(snr)[went & (COURSES.onset >= 50)]
    assert np.ptp(late) == pytest.approx(0, abs=1e-4)
    beyond = cells_of(
        snr[:50], crystal, window, strength, film, beam[:50], ENDS[:50] - 1, ENDS[:50]
    )
    short = log_likelihoods(
        beyond, replace(COURSES, level=COURSES.level[:, :50], beat=COURSES.beat[:, :50])
    )
    assert told(snr) == pytest.approx(short[0], rel=1e-4, abs=1e-4)


def test_samples_that_are_binned_tell_what_frames_do(traces: Any) -> None:
    cells = seen(traces, remaining(np.arange(600.0), np.arange(1.0, 601), 200.0, 50.0, 1.0), 3, 8)
    assert len(cells.end) <= 256
    assert (cells.start[0], cells.end[-1]) == (0, 600)
    assert (cells.start[1:] == cells.end[:-1]).all()
    courses = Courses.of(cells.start, cells.end)
    best = int(log_likelihoods(cells, courses).sum(axis=0).argmax())
    assert abs(courses.onset[best] - 200) < 15


def apart(cells: Cells) -> float:
    """Log likelihood by which two windows rather have a course each than one together."""
    told = log_likelihoods(cells, COURSES)
    return float(told.max(axis=1).sum() - told.sum(axis=0).max())


@pytest.mark.parametrize(("film", "strength"), [(0.0, 60.0), (1.0, 60.0), (1.0, 200.0)])
@pytest.mark.long
def test_windows_that_beat_with_the_film_have_one_course(
    traces: Any, film: float, strength: float
) -> None:
    # Of a decay that lies between those that are tried.
    course = np.tile(remaining(ENDS - 1, ENDS, 30.0, 30.0, 1.0), (2, 1))
    costs = [
        apart(traces.cells(course, seed, film=film, strength=np.full(1, strength)))
        for seed in range(40)
    ]
    assert max(costs) < WORTH
    assert np.mean(np.array(costs) > WORTH / 2) < 0.1


def test_a_film_that_is_not_known_makes_windows_differ(traces: Any) -> None:
    course = np.tile(remaining(ENDS - 1, ENDS, 30.0, 30.0, 1.0), (2, 1))
    gained = []
    for seed in range(20):
        cells = traces.cells(course, seed, film=10.0, strength=np.full(1, 200.0))
        known = apart(cells)
        cells.film[:] = 0
        gained.append(apart(cells) - known)
    assert np.mean(gained) > 2


def test_windows_that_fade_at_other_doses_do_not_have_one(traces: Any) -> None:
    cost = []
    for seed in range(20):
        both = np.array([remaining(ENDS - 1, ENDS, onset, 15.0, 1.0) for onset in (20.0, 60.0)])
        cost.append(apart(traces.cells(both, seed, film=0.02)))
    assert np.mean(np.array(cost) > WORTH) > 0.9


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.sampled_from([1e-9, 1e-3, 1.0, 1e3, 1e7]),
    st.floats(0, 1),
)
def test_likelihoods_are_numbers_whatever_was_measured(
    seed: int, frames: int, scale: float, gaps: float
) -> None:
    rng = np.random.default_rng(seed)
    snr = scale * rng.standard_normal((frames, 6))
    snr[rng.random(snr.shape) < gaps] = np.nan
    ends = np.cumsum(rng.uniform(1e-3, 10, frames))
    cells = cells_of(
        snr, rng.integers(2, size=6), rng.integers(3, size=6), scale * rng.random(6),
        rng.random(6), rng.uniform(0.1, 3, (frames, 1)), np.append(0, ends[:-1]), ends,
    )  # fmt: skip
    told = log_likelihoods(cells, Courses.of(cells.start, cells.end))
    assert np.isfinite(told).all()
