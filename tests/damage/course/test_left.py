"""What is left of a lattice is told of each spot, and of all of them by what they were."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.left import Left, what_is_left
from napari_beamwatch.damage.scopes import samples_of


def left_of(traces: Any, parts: np.ndarray, seed: int, windows: int = 16) -> Left:
    """Spots that keep these parts from 40 on."""
    path = np.where(np.arange(100) < 40, 1.0, parts[:, None])
    samples = samples_of(traces.scope(traces.steady() * path, seed, windows=windows))
    return what_is_left(samples, average(samples), 1.0)


@pytest.mark.long
@pytest.mark.parametrize(
    "parts", [np.zeros(4), np.array([1.0, 0.0, 1.0, 0.0]), np.array([0.5, 0.7, 0.5, 0.3])]
)
def test_what_is_left_of_each_spot_and_of_all_is_found_within_its_error(
    traces: Any, parts: np.ndarray
) -> None:
    found = [left_of(traces, parts, seed) for seed in range(12)]
    each = np.array([(one.ratio - parts) / one.se for one in found])
    assert np.abs(each.mean(axis=0)).max() < 1
    assert 0.6 < each.std() < 1.4
    # By their power: what is lost is known better, but it was no more of the lattice.
    share = traces.levels / traces.levels.sum()
    assert np.mean([one.total for one in found]) == pytest.approx(share @ parts, abs=0.06)


def test_half_of_the_spots_lost_is_not_a_lattice_that_is_gone(traces: Any) -> None:
    found = left_of(traces, np.array([1.0, 0.0, 1.0, 0.0]), 1)
    assert found.total - 3 * found.total_se > 0.35


def test_a_spot_of_which_a_loss_would_not_be_seen_is_not_measured(traces: Any) -> None:
    path = np.where(np.arange(100) < 40, 1.0, 0.0)
    signal = traces.steady() * path * np.array([1.0, 1.0, 0.01, 1.0])[:, None]
    samples = samples_of(traces.scope(signal, 2))
    found = what_is_left(samples, average(samples), 1.0)
    assert found.measured.tolist() == [True, True, False, True]


def test_the_highest_since_the_onset_is_where_a_spot_rose(traces: Any) -> None:
    path = np.ones((4, 100))
    path[:, 40:] = 0.2
    path[0, 55:75] = 1.6
    samples = samples_of(traces.scope(traces.steady() * path, 3, windows=16))
    found = what_is_left(samples, average(samples), 1.0)
    assert found.highest[0] - 2 * found.highest_se[0] > 1.2
    assert (found.highest[1:] < 0.6).all()


def test_a_spot_whose_windows_left_the_detector_takes_nothing_from_what_is_known_of_the_others(
    traces: Any,
) -> None:
    samples = samples_of(traces.scope(traces.fading(40, 5), 4, windows=16))
    y, windows = samples.y.copy(), samples.windows.copy()
    y[0, 50:] = windows[0, 50:] = 0
    found = what_is_left(replace(samples, y=y, windows=windows), average(samples), 1.0)
    assert found.complete
    assert found.fell.tolist() == [False, True, True, True]
