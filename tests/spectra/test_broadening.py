"""Spots broaden where what is left of a lattice is patchy, and not where it is dimmed."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.spectra.broadening import broadening
from napari_beamwatch.spectra.finding import Peaks, Segment, segment_peaks, tied
from napari_beamwatch.spectra.windows import Grid

GRID = Grid(512, 512, 128, 64)
Y, X = np.mgrid[:512, :512]


def peaks_of(contrasts: list[np.ndarray | float], seed: int = 0) -> Peaks:
    """Of two fringe sets whose contrast may vary over the field, in segments of time."""
    rng = np.random.default_rng(seed)
    fringes = np.cos(2 * np.pi * 0.11 * X) + np.cos(2 * np.pi * (0.07 * X + 0.09 * Y))
    limits = np.full((128, 65), np.float32(15))
    rows = []
    for i, contrast in enumerate(contrasts):
        image = rng.poisson(20 * (1 + 0.2 * contrast * fringes)).astype(np.float32)
        rows.append(segment_peaks(Segment(i, i + 1, image, True), GRID, limits))
    return tied(rows, GRID)


def every(peaks: Peaks) -> np.ndarray:
    return np.ones(len(peaks), bool)


PATCHES = (np.random.default_rng(3).random((16, 16)) < 0.5).repeat(32, 0).repeat(32, 1)


def test_what_goes_in_patches_broadens() -> None:
    peaks = peaks_of([1.0, PATCHES.astype(float)])
    told = broadening(peaks, every(peaks), 2.0)
    assert told is not None
    assert told.change > 0.1
    assert told.change > 4 * told.se


def test_what_is_dimmed_does_not() -> None:
    for seed in range(5):
        peaks = peaks_of([1.0, 0.7], seed)
        told = broadening(peaks, every(peaks), 2.0)
        assert told is not None
        assert abs(told.change) < max(0.05, 4 * told.se)


@pytest.mark.long
def test_the_error_is_how_the_change_scatters() -> None:
    changes, errors = [], []
    for seed in range(12):
        peaks = peaks_of([0.5, 0.4], seed)
        told = broadening(peaks, every(peaks), 1.0)
        assert told is not None
        changes.append(told.change)
        errors.append(told.se)
    # Windows that overlap share electrons.
    assert 0.8 < np.std(changes) / np.mean(errors) < 3.0


@pytest.mark.parametrize("seen", [0, 2])
def test_of_too_few_nothing_is_said(seen: int) -> None:
    peaks = peaks_of([1.0, 0.0])
    assert broadening(peaks, every(peaks), 2.0) is None
    twice = peaks_of([1.0, 1.0])
    assert broadening(twice, np.arange(len(twice)) < seen, 2.0) is None


def test_a_spread_is_there_where_a_peak_is_seen() -> None:
    peaks = peaks_of([1.0, 0.0, 1.0])
    assert (np.isfinite(peaks.spread) == peaks.seen).all()
