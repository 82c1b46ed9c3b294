"""The user's own criterion reads stored traces, and fast."""

from __future__ import annotations

import time

import numpy as np
import pytest

from napari_beamwatch.damage.thresholds import below_fraction, moved_spacing
from napari_beamwatch.errors import BeamwatchError

DOSE = np.arange(1.0, 101)


def test_a_crossing_lies_where_the_trace_passes_the_fraction() -> None:
    curve = np.exp(-np.clip(DOSE - 40, 0, None) / 10)[None]
    assert below_fraction(curve, np.ones(1), DOSE)[0] == pytest.approx(50, abs=0.5)
    assert below_fraction(curve, np.ones(1), DOSE, 0.5)[0] == pytest.approx(46.9, abs=0.5)


def test_what_recovers_counts_only_for_a_persistence_it_reaches() -> None:
    curve = np.ones((1, 100))
    curve[0, 30:50] = 0.1
    assert np.isnan(below_fraction(curve, np.ones(1), DOSE)[0])
    assert below_fraction(curve, np.ones(1), DOSE, persistence=10)[0] == pytest.approx(31, abs=1)
    assert np.isnan(below_fraction(curve, np.ones(1), DOSE, persistence=30)[0])


def test_gaps_neither_keep_nor_break_a_run() -> None:
    curve = np.ones((1, 100))
    curve[0, 60:] = 0.1
    curve[0, 70:80] = np.nan
    assert below_fraction(curve, np.ones(1), DOSE)[0] == pytest.approx(61, abs=1)


def test_a_spacing_is_off_either_way() -> None:
    d = np.full((2, 100), 20.0)
    d[0, 50:], d[1, 50:] = 20.4, 19.6
    assert moved_spacing(d, np.full(2, 20.0), DOSE) == pytest.approx([51, 51], abs=1)
    assert np.isnan(moved_spacing(d, np.full(2, 20.0), DOSE, tolerance=3.0)).all()


def test_all_windows_of_a_large_movie_take_a_moment() -> None:
    curves = np.random.default_rng(0).random((4000, 200)).astype(np.float32)
    dose = np.arange(1.0, 201)
    below_fraction(curves[:2], np.ones(2), dose)
    began = time.perf_counter()
    below_fraction(curves, np.ones(4000), dose)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1])
def test_odd_fractions_are_refused(fraction: float) -> None:
    with pytest.raises(BeamwatchError, match="between 0 and 1"):
        below_fraction(np.ones((1, 100)), np.ones(1), DOSE, fraction)
