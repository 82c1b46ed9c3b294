"""The map's fits find where windows change, at once, and are those of plain least squares."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import nnls

from napari_beamwatch.damage.mapping import (
    TOGETHER,
    _fits,
    _shapes,
    common_traces,
    find_changes,
)

FRAMES = 80
START = np.arange(FRAMES) * 5.0
END = START + 5.0


def windows(onset: np.ndarray, snr: float, seed: int = 0, tau: float = 20.0) -> np.ndarray:
    """Power over floor, less 1, of one spot a window that decays from an onset (NaN: never)."""
    rng = np.random.default_rng(seed)
    middle = (START + END) / 2
    left = np.exp(-np.maximum(middle[:, None] - np.nan_to_num(onset, nan=1e9), 0) / tau)
    phasor = np.sqrt(snr * left) + (
        rng.normal(size=left.shape) + 1j * rng.normal(size=left.shape)
    ) / np.sqrt(2)
    return np.abs(phasor) ** 2 - 1


def changes(onset: np.ndarray, snr: float, seed: int = 0):
    count = len(onset)
    trace, weight, quiet = common_traces(
        windows(onset, snr, seed), np.arange(count), np.full(count, snr), np.ones(FRAMES), count
    )
    return find_changes(trace, weight, quiet, START, END, threshold=25.0)


def test_onsets_of_windows_are_found_with_intervals_that_cover() -> None:
    truth = np.random.default_rng(1).uniform(60, 300, 400)
    found = changes(truth, 15.0)
    seen = np.isfinite(found.onset)
    assert seen.mean() > 0.98
    assert np.sqrt(np.mean((found.onset - truth)[seen] ** 2)) < 12
    inside = (found.low <= truth) & (truth <= found.high)
    assert inside[seen].mean() > 0.88
    assert np.nanmedian(found.lost) > np.median(truth)


def test_windows_that_stay_have_no_onset() -> None:
    found = changes(np.full(400, np.nan), 15.0)
    assert np.isfinite(found.onset).mean() < 0.005
    assert found.survived.mean() > 0.95


def test_windows_too_weak_to_tell_are_not_said_to_survive() -> None:
    assert changes(np.full(50, np.nan), 0.05).survived.mean() < 0.1


def test_a_beam_that_dims_is_no_change() -> None:
    beam = np.where(np.arange(FRAMES) < 40, 1.0, 0.6)
    rng = np.random.default_rng(2)
    count = 200
    phasor = np.sqrt(8.0 * beam)[:, None] + (
        rng.normal(size=(FRAMES, count)) + 1j * rng.normal(size=(FRAMES, count))
    ) / np.sqrt(2)
    trace, weight, quiet = common_traces(
        np.abs(phasor) ** 2 - 1, np.arange(count), np.full(count, 8.0), beam, count
    )
    found = find_changes(trace, weight, quiet, START, END, 25.0)
    assert np.isfinite(found.onset).mean() < 0.01


def test_fits_are_least_squares_without_negative_parts() -> None:
    rng = np.random.default_rng(3)
    trace, weight = rng.normal(0.5, 0.5, (3, FRAMES)), rng.uniform(0.5, 2, (3, FRAMES))
    shapes, _ = _shapes(START, END)
    _, _, left = _fits(trace, weight, shapes)
    for w in range(3):
        root = np.sqrt(weight[w])
        for s in range(0, len(shapes), 97):
            design = np.stack([shapes[s], np.ones(FRAMES)], axis=1) * root[:, None]
            _, misfit = nnls(design, trace[w] * root)
            assert left[w, s] == pytest.approx(misfit**2, rel=1e-6, abs=1e-6)


def test_gaps_are_left_out() -> None:
    truth = np.full(100, 150.0)
    snr = windows(truth, 15.0)
    snr[20:25] = np.nan
    snr[:, 5] = np.nan
    trace, weight, quiet = common_traces(
        snr, np.arange(100), np.full(100, 15.0), np.ones(FRAMES), 100
    )
    found = find_changes(trace, weight, quiet, START, END, 25.0)
    assert np.isnan(found.onset[5])
    assert np.nanmedian(found.onset) == pytest.approx(150, abs=10)


def test_a_thousand_windows_take_a_moment() -> None:
    truth = np.full(1000, 150.0)
    changes(truth[:10], 15.0)
    began = time.perf_counter()
    changes(truth, 15.0)
    assert time.perf_counter() - began < 2.0


def test_a_record_of_very_many_frames_is_fitted_in_no_more_than_a_moment_and_little_memory() -> (
    None
):
    frames, onset = 20_000, 400.0
    end = np.arange(1, frames + 1) / 20
    level = np.exp(-np.maximum(end - onset, 0) / 50)
    trace = level + 2 * np.random.default_rng(0).normal(size=(1, frames))
    weight = np.full((1, frames), 0.25)
    tracemalloc.start()
    try:
        found = find_changes(trace, weight, weight, end - 0.05, end, threshold=25.0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.low[0] < onset < found.high[0]
    assert peak < 100e6  # every shape over every frame would be 270 MB, several times


def test_windows_are_fitted_some_at_a_time_and_answer_as_they_do_alone() -> None:
    truth = np.linspace(60, 300, 2 * TOGETHER + 3)
    trace, weight, quiet = common_traces(
        windows(truth, 15.0), np.arange(len(truth)), np.full(len(truth), 15.0),
        np.ones(FRAMES), len(truth),
    )  # fmt: skip
    together = find_changes(trace, weight, quiet, START, END, threshold=25.0)
    for some in (slice(TOGETHER), slice(TOGETHER, 2 * TOGETHER), slice(2 * TOGETHER, None)):
        alone = find_changes(trace[some], weight[some], quiet[some], START, END, 25.0)
        for name in ("onset", "low", "high", "lost", "loss", "gain", "survived"):
            assert np.array_equal(getattr(alone, name), getattr(together, name)[some], True)


def test_an_interval_is_never_narrower_than_what_was_tried() -> None:
    # So strong that the next onset that is tried is excluded: its width was 0, its error too.
    found = changes(np.full(4, 200.0), 5000.0, seed=3)
    seen = np.isfinite(found.onset)
    assert seen.any()
    assert (found.high - found.low)[seen].min() >= (END[-1] - START[0]) / (4 * FRAMES) * 0.99


def test_windows_of_which_nothing_was_measured_have_no_change() -> None:
    none = np.zeros((3, 0))
    found = find_changes(none, none, none, np.zeros(0), np.zeros(0), threshold=25.0)
    assert np.isnan(found.onset).all()
    assert not found.survived.any()
