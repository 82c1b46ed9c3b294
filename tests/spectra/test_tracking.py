"""Traces are right on average, their errors cover, and a dimming beam changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.region_traces import region_trace, strengths
from napari_beamwatch.spectra.streaming import mended
from napari_beamwatch.spectra.tracking import SpotMeasure, Tracker, WindowTraces, running_mean
from napari_beamwatch.spectra.walking import Paths
from napari_beamwatch.spectra.windows import EDGE, Grid

GRID = Grid(160, 160, 64, 32)
GY, GX = 9.2 / 64, 7.7 / 64


def tracked(
    contrast: float,
    rate: np.ndarray,
    seed: int = 0,
    shift: np.ndarray | None = None,
    running_sum: int = 1,
) -> WindowTraces:
    frames = len(rate)
    window = np.arange(len(GRID))
    every = np.ones(len(GRID))
    measure = SpotMeasure(GRID, window, Paths.standing(frames, GY * every, GX * every))
    tracker = Tracker(measure)
    y, x = np.mgrid[:160, :160]
    rng = np.random.default_rng(seed)
    for frame in range(frames):
        dy, dx = (0, 0) if shift is None else shift[frame].tolist()
        wave = 1 + contrast * np.cos(2 * np.pi * (GY * (y - dy) + GX * (x - dx)))
        image = rng.poisson(rate[frame] * wave).astype(np.uint8)
        tracker.add(frame, measure(frame, image, (dy, dx)))
    return tracker.traces(every, running_sum)


def truth(contrast: float) -> float:
    """Contrast-normalised intensity of a fringe: the square of half its contrast."""
    return contrast**2 / 4


@pytest.mark.parametrize("contrast", [0.0, 0.1, 0.3])
def test_intensities_are_right_on_average(contrast: float) -> None:
    traces = tracked(contrast, np.full(150, 2.0))
    error = traces.intensity_se.mean() / np.sqrt(150 * 4)  # about four independent windows
    assert traces.intensity.mean() == pytest.approx(truth(contrast), abs=4 * error)


@pytest.mark.long
@pytest.mark.parametrize("contrast", [0.1, 0.2, 0.4])
def test_errors_of_windows_cover_as_stated(contrast: float) -> None:
    traces = tracked(contrast, np.full(800, 2.0))
    away = np.abs(traces.intensity - truth(contrast)) / traces.intensity_se
    # Weak lines are skewed (noncentral χ²); the stated coverage is that of a Gaussian.
    assert (away < 1).mean() == pytest.approx(0.68, abs=0.06)
    assert (away < 2).mean() == pytest.approx(0.95, abs=0.03)


@pytest.mark.long
@pytest.mark.parametrize("contrast", [0.1, 0.3])
def test_errors_of_regions_cover_as_stated(contrast: float) -> None:
    traces = tracked(contrast, np.full(600, 2.0))
    region = region_trace(traces, np.arange(len(GRID)), np.arange(len(GRID)), GY, GX, GRID)
    away = (region.intensity - region.intensity.mean()) / region.intensity_se
    assert (np.abs(away) < 1).mean() == pytest.approx(0.68, abs=0.06)
    assert (np.abs(away) < 2).mean() == pytest.approx(0.95, abs=0.03)


def test_a_dimming_beam_changes_the_errors_only() -> None:
    rate = np.concatenate([np.full(100, 4.0), np.full(100, 1.0)])
    traces = tracked(0.3, rate)
    bright, dim = traces.intensity[:100], traces.intensity[100:]
    assert dim.mean() == pytest.approx(bright.mean(), rel=0.1)
    assert traces.intensity_se[110:].mean() > 1.5 * traces.intensity_se[:90].mean()


def test_windows_follow_a_specimen_that_drifts() -> None:
    shift = np.stack([np.arange(40) // 4, -np.arange(40) // 3], axis=1)
    traces = tracked(0.3, np.full(40, 6.0), shift=shift)
    known = np.isfinite(traces.intensity)
    assert known[0].all()
    assert not known[-1].all()
    assert known[-1].any()
    assert np.nanmean(traces.intensity) == pytest.approx(truth(0.3), rel=0.1)


@pytest.mark.long
def test_running_sums_gain_with_their_length_and_stay_right() -> None:
    one, five = (tracked(0.1, np.full(200, 2.0), running_sum=n) for n in (1, 5))
    assert five.intensity.mean() == pytest.approx(truth(0.1), rel=0.1)
    assert five.snr.mean() == pytest.approx(5 * one.snr.mean(), rel=0.2)
    assert np.median(five.intensity_se) < np.median(one.intensity_se) / 2


def test_dead_frames_have_no_value() -> None:
    traces = tracked(0.3, np.array([2.0, 0.0, 2.0]))
    assert np.isnan(traces.intensity[1]).all()
    assert np.isfinite(traces.intensity[[0, 2]]).all()


def test_a_spacing_is_read_with_the_error_it_states() -> None:
    true_gy, off = GY, 0.3 / 64
    errors = []
    for seed in range(12):
        window = np.arange(len(GRID))
        every = np.ones(len(GRID))
        measure = SpotMeasure(GRID, window, Paths.standing(40, (GY + off) * every, GX * every))
        tracker = Tracker(measure)
        y, x = np.mgrid[:160, :160]
        rng = np.random.default_rng(seed)
        wave = 1 + 0.15 * np.cos(2 * np.pi * (GY * y + GX * x))
        for frame in range(40):
            tracker.add(frame, measure(frame, rng.poisson(3.0 * wave).astype(np.uint8)))
        region = region_trace(tracker.traces(every), window, window, GY + off, GX, GRID)
        middle = slice(5, 35, region.averaged)
        errors += list((region.gy[middle] - true_gy) / region.g_se[middle])
        errors += list((region.gx[middle] - GX) / region.g_se[middle])
    away = np.abs(errors)
    assert len(away) > 50
    assert (away < 1).mean() == pytest.approx(0.68, abs=0.15)
    assert (away < 2.5).mean() > 0.93


def test_overlap_makes_a_mean_less_certain_and_a_spacing_more() -> None:
    apart, grid = Grid(1024, 1024, 64, 64), Grid(1024, 1024, 64, 32)
    assert overlap_factors(apart, np.arange(len(apart))) == (1, 1)
    in_phase, own = overlap_factors(grid, np.arange(len(grid)))
    assert in_phase == pytest.approx((1 + 2 / 6) ** 2, rel=0.03)
    assert own == pytest.approx((1 + 2 / 36) ** 2, rel=0.02)
    assert overlap_factors(grid, np.arange(len(grid)), odd=True)[0] < 1
    assert overlap_factors(grid, np.array([5]), odd=True) == (1, 1)


def test_running_means_leave_gaps_out() -> None:
    values = np.array([[1.0], [np.nan], [3.0], [5.0]], np.float32)
    assert running_mean(values, 3).ravel() == pytest.approx([1, 2, 4, 4])


def test_windows_that_come_and_go_change_nothing_but_the_error() -> None:
    rng = np.random.default_rng(6)
    course = np.concatenate([np.full(40, 5.0), np.full(40, 0.5)])
    true = rng.uniform(0.3, 2.0, 20)
    values = course[:, None] * true * rng.normal(1, 0.02, (80, 20))
    known = np.ones((80, 20), bool)
    known[:40, :6] = False  # these were off the detector before it faded
    known[40:, 6:12] = False  # and these after
    found = strengths(np.where(known, values, 0.0), known)
    assert found / found.mean() == pytest.approx(true / true.mean(), rel=0.06)


@pytest.fixture(scope="module", params=[0.0, np.nan], ids=["zeros", "NaN"])
def aligned(request: pytest.FixtureRequest) -> tuple[Tracker, Tracker]:
    """A lasting lattice as recorded, and with a rim at the top that grows by a pixel a frame."""
    window = np.arange(len(GRID))
    every = np.ones(len(GRID))
    measure = SpotMeasure(GRID, window, Paths.standing(60, GY * every, GX * every))
    whole, filled = Tracker(measure), Tracker(measure)
    y, x = np.mgrid[:160, :160]
    rng = np.random.default_rng(7)
    wave = 1 + 0.3 * np.cos(2 * np.pi * (GY * y + GX * x))
    for frame in range(60):
        image = rng.poisson(3.0 * wave).astype(np.float32)
        whole.add(frame, measure(frame, image))
        image[:frame] = request.param
        filled.add(frame, measure(frame, mended(image)))
    return whole, filled


def test_windows_that_reach_into_a_filled_rim_are_off_the_detector(
    aligned: tuple[Tracker, Tracker],
) -> None:
    whole, filled = (tracker.traces(np.ones(len(GRID))).intensity for tracker in aligned)
    known = np.isfinite(filled)
    top, hidden = GRID.corners[:, 0], GRID.window // EDGE
    np.testing.assert_array_equal(known, np.arange(60)[:, None] <= top + hidden)
    # But for the pixels that the taper hides.
    np.testing.assert_allclose(filled[known], whole[known], atol=2e-4)


def test_an_aligned_movie_does_not_fade_at_its_rim(aligned: tuple[Tracker, Tracker]) -> None:
    windows = np.flatnonzero(GRID.corners[:, 0] < 64)
    trace = region_trace(
        aligned[1].traces(np.ones(len(GRID))), windows, windows, GY, GX, GRID
    ).intensity  # fmt: skip
    assert np.nanmean(trace[30:45]) == pytest.approx(np.nanmean(trace[:15]), rel=0.03)


def test_the_mean_signal_of_an_aligned_movie_is_that_of_what_was_recorded(
    aligned: tuple[Tracker, Tracker],
) -> None:
    whole, filled = aligned
    np.testing.assert_allclose(filled.field_mean, whole.field_mean, rtol=0.01)
    assert np.isnan(filled.means[-1][GRID.corners[:, 0] == 0]).all()
