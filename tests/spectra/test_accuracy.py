"""Spacings of single windows are as good as the taper allows, and say how good that is."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.finding import Peaks, Search, Segment, find_peaks
from napari_beamwatch.spectra.windows import Grid

GRID = Grid(30 * 64, 30 * 64, 64, 64)
"""900 windows side by side, each with a fringe of its own."""


def measured(snr: float) -> tuple[Peaks, np.ndarray, np.ndarray]:
    """Peaks of counted fringes, and where those are."""
    rng = np.random.default_rng(int(snr))
    angle, bins = rng.uniform(-1.5, 1.5, len(GRID)), rng.uniform(6, 30, len(GRID))
    gy, gx = bins * np.sin(angle) / 64, bins * np.cos(angle) / 64
    contrast = 2 * np.sqrt(snr * GRID.weight_power / 4) / GRID.weight_sum
    y, x = np.mgrid[:64, :64]
    image = np.empty((GRID.height, GRID.width), np.float32)
    for i, (y0, x0) in enumerate(GRID.corners):
        phase = 2 * np.pi * (gy[i] * y + gx[i] * x) + rng.uniform(0, 2 * np.pi)
        image[y0 : y0 + 64, x0 : x0 + 64] = rng.poisson(4 * (1 + contrast * np.cos(phase)))
    peaks = find_peaks([Segment(0, 1, image, True)], GRID, Search(0.01))
    side = np.sign(peaks.gy * gy[peaks.window] + peaks.gx * gx[peaks.window])
    off = np.stack([side * peaks.gy - gy[peaks.window], side * peaks.gx - gx[peaks.window]])
    near = np.hypot(*off) < 1.5 / 64
    peaks = peaks.taken(near)
    return peaks, off[:, near], np.hypot(gy, gx)[peaks.window]


@pytest.mark.parametrize("snr", [50.0, 200.0])
def test_frequencies_are_known_to_within_a_tenth_of_the_bound(snr: float) -> None:
    peaks, off, _ = measured(snr)
    assert len(peaks) > 0.98 * len(GRID)
    bound = offset_error(GRID) / np.sqrt(snr) / 64
    assert np.sqrt(np.mean(off**2)) < 1.1 * bound


@pytest.mark.parametrize("snr", [50.0, 200.0])
def test_spacings_lie_within_their_standard_errors_as_often_as_stated(snr: float) -> None:
    peaks, _, g = measured(snr)
    pull = np.abs(np.hypot(peaks.gy, peaks.gx) - g) / peaks.g_se
    # 900 windows: 1.6 and 0.7 points are one standard error of these.
    assert (pull < 1).mean() == pytest.approx(0.683, abs=0.05)
    assert (pull < 2).mean() == pytest.approx(0.954, abs=0.025)
