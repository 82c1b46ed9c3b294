"""Spots that walk are followed, those that jump are new, harmonics belong together."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.spectra.crystals import join
from napari_beamwatch.spectra.finding import Peaks, Search, Segment, find_peaks
from napari_beamwatch.spectra.walking import paths_of
from napari_beamwatch.spectra.windows import Grid

GRID = Grid(192, 192, 64, 32)
EDGES = [(0, 10), (10, 20), (20, 30), (30, 40)]


def fringes(*spots: tuple[float, float, float], seed: int = 0) -> np.ndarray:
    """Counted fringes of (power signal-to-noise ratio, gy, gx), frequencies in bins."""
    y, x = np.mgrid[:192, :192]
    wave = np.ones((192, 192))
    for snr, gy, gx in spots:
        contrast = 2 * np.sqrt(snr * GRID.weight_power / 4.0) / GRID.weight_sum
        wave += contrast * np.cos(2 * np.pi * (gy * y + gx * x) / GRID.window)
    return np.random.default_rng(seed).poisson(4.0 * wave).astype(np.float32)


def peaks_over_time(*spots_of_segments: list[tuple[float, float, float]]) -> Peaks:
    segments = [
        Segment(*edges, fringes(*spots, seed=i), True)
        for i, (edges, spots) in enumerate(zip(EDGES, spots_of_segments, strict=False))
    ]
    return find_peaks(segments, GRID, Search(0.01))


def test_a_spot_that_walks_is_one_spot_and_followed_where_it_goes() -> None:
    places = [(150, 10.0 + 0.7 * i, 12.0 - 0.4 * i) for i in range(4)]
    peaks = peaks_over_time(*([place] for place in places))
    assert len(peaks) == len(GRID)
    assert peaks.seen.all()
    reflections = join(peaks, GRID)
    assert len(reflections) == 1
    paths = paths_of(peaks, reflections, GRID, EDGES, 40)
    side = np.sign(paths.gx[0, 0])
    for t, (_, gy, gx) in zip((4, 14, 24, 35), places, strict=True):
        leg = paths.leg_of_frame[t]
        assert side * paths.gy[leg] * 64 == pytest.approx(np.full(len(GRID), gy), abs=0.25)
        assert side * paths.gx[leg] * 64 == pytest.approx(np.full(len(GRID), gx), abs=0.25)


def test_a_spot_that_stays_is_followed_at_one_frequency() -> None:
    peaks = peaks_over_time(*([(150, 9.6, 13.2)] for _ in range(4)))
    paths = paths_of(peaks, join(peaks, GRID), GRID, EDGES, 40)
    assert paths.gy.shape == (1, len(GRID))
    assert set(paths.leg_of_frame) == {0}
    assert np.ptp(paths.gy) == 0


def test_a_grain_stays_where_it_is_while_one_beside_it_turned_by_little_fades() -> None:
    left = np.arange(192) < 96
    one, other = (fringes((400, 10.0, 12.0 + off), seed=0) for off in (0.0, 0.75))
    nothing = fringes(seed=1)
    both, alone = np.where(left, one, other), np.where(left, nothing, other)
    peaks = find_peaks(
        [Segment(*edges, image, True) for edges, image in zip(EDGES, (both, both, alone, alone),
                                                              strict=True)],
        GRID, Search(0.01),
    )  # fmt: skip
    reflections = join(peaks, GRID)
    assert len(reflections) == 1
    paths = paths_of(peaks, reflections, GRID, EDGES, 40)
    right = GRID.corners[peaks.window, 1] >= 96
    assert right.any()
    np.testing.assert_allclose(np.abs(paths.gx[:, right]) * 64, 12.75, atol=0.12)


def test_a_spot_that_jumps_is_a_new_spot() -> None:
    before, after = (150, 10.0, 12.0), (150, 13.0, 12.0)
    peaks = peaks_over_time([before], [before], [after], [after])
    assert len(peaks) == 2 * len(GRID)
    assert len(join(peaks, GRID)) == 2


def test_a_weak_phase_near_where_a_strong_one_was_is_no_side_lobe_of_it() -> None:
    before, after = (400, 10.0, 12.0), (35, 11.6, 12.0)
    peaks = peaks_over_time([before], [before], [after], [after])
    late = ~peaks.seen[:, :2].any(axis=1)
    assert set(peaks.window[late]) == set(range(len(GRID)))


def test_harmonics_are_kept_and_linked() -> None:
    peaks = peaks_over_time([(300, 5.0, 6.0), (100, 10.0, 12.0), (200, -9.0, 4.0)])
    reflections = join(peaks, GRID)
    order = {
        (round(gy * 64), round(gx * 64)): int(n)
        for gy, gx, n in zip(reflections.gy, reflections.gx, reflections.order, strict=True)
    }
    assert order == {(5, 6): 1, (10, 12): 2, (-9, 4): 1}


def test_widths_tell_broad_spots_from_those_of_the_taper() -> None:
    sharp = peaks_over_time([(400, 10.0, 12.0)])
    assert np.median(sharp.width) < 0.8
    # A crystal that fills the middle of a window only.
    grid = Grid(64, 64, 64, 64)
    image = fringes((400, 10.0, 12.0))[:64, :64] * 10
    y, x = np.mgrid[:64, :64]
    image = np.where(np.hypot(y - 32, x - 32) < 11, image, 40.0).astype(np.float32)
    broad = find_peaks([Segment(0, 1, image, False)], grid, Search(0.01))
    assert broad.width.max() > 1.5
