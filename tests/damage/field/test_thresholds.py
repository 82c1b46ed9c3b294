"""The user's own criterion reads fitted courses, and spacings by a test."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.damage.field.thresholds import check_thresholds, crossing, moved_spacing
from napari_beamwatch.errors import BeamwatchError

DOSE = np.arange(1.0, 101)


def test_a_crossing_lies_where_the_course_passes_the_fraction() -> None:
    curve = np.exp(-np.clip(DOSE - 40, 0, None) / 10)
    assert crossing(DOSE, curve, np.exp(-1)) == pytest.approx(50, abs=0.1)
    assert crossing(DOSE, curve, 0.5) == pytest.approx(46.9, abs=0.1)


def test_a_course_that_stays_above_passes_nothing() -> None:
    assert np.isnan(crossing(DOSE, np.full(100, 0.6), 0.5))


def spacings(percent: float, seed: int, error: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    d = 20 * (1 + percent / 100 * np.clip((DOSE - 40) / 20, 0, 1)) * np.ones((3, 1))
    return d + error * rng.standard_normal((3, 100)), np.full((3, 100), error)


def test_a_spacing_is_off_either_way_from_where_it_passes_the_tolerance() -> None:
    for percent in (2.0, -2.0):
        found = moved_spacing(*spacings(percent, 1), DOSE, 1.0, 0.01)
        assert found.low <= 50 <= found.high
        assert found.value == pytest.approx(50, abs=4)


def test_the_last_noisy_value_of_a_spacing_that_stayed_is_no_shift() -> None:
    passed = [
        np.isfinite(moved_spacing(*spacings(0.0, seed, 0.15), DOSE, 1.0, 0.01).value)
        for seed in range(60)
    ]
    assert sum(passed) <= 1


def test_gaps_say_nothing() -> None:
    d, error = spacings(2.0, 3)
    d[:, 60:70] = np.nan
    assert moved_spacing(d, error, DOSE, 1.0, 0.01).value == pytest.approx(50, abs=4)
    d[1:] = np.nan
    assert np.isnan(moved_spacing(d, error, DOSE, 1.0, 0.01).value)


@pytest.mark.parametrize("wrong", [(0.0, 1.0, "end"), (1.0, 1.0, "end"), (0.5, 0.0, "end"),
                                   (0.5, 1.0, 0), (0.5, 1.0, "soon")])  # fmt: skip
def test_what_is_no_threshold_is_refused(wrong: tuple[float, float, int | str]) -> None:
    with pytest.raises(BeamwatchError):
        check_thresholds(*wrong)
