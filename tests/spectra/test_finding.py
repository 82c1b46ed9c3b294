"""Spots are found at the stated false-alarm rate, whatever the noise, and where they are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.ndimage import convolve
from scipy.stats import binom

import napari_beamwatch as bw
from napari_beamwatch.spectra.finding import Search, Segment, find_peaks, threshold
from napari_beamwatch.spectra.windows import Grid

GRID = Grid(192, 192, 64, 32)
ALPHA = 0.3
TRIALS = 120
BLOB = np.array([[6, 11, 6], [11, 32, 11], [6, 11, 6]])


def alarms(noise: str, trials: int = TRIALS) -> int:
    """Movies of noise alone in which anything was found."""
    hits = 0
    for seed in range(trials):
        rng = np.random.default_rng([seed, 7])
        texture = 1.0
        if noise == "texture":
            texture = rng.normal(1, 0.05, (192, 192)).clip(0.5)
        segments = []
        for i in range(2):
            counts = rng.poisson(0.8 * texture, (192, 192)).astype(float)
            if noise == "blobs":
                counts = convolve(counts, BLOB, mode="wrap")
            segments.append(Segment(i, i + 1, counts.astype(np.float32), noise != "blobs"))
        hits += len(find_peaks(segments, GRID, Search(ALPHA))) > 0
    return hits


@pytest.mark.long
@pytest.mark.parametrize("noise", ["counts", "blobs", "texture"])
def test_noise_alone_raises_no_more_alarms_than_stated_and_not_far_fewer(noise: str) -> None:
    low, high = (
        binom.interval(0.999, TRIALS, [0.7 * ALPHA, ALPHA])[0][0],
        binom.ppf(0.9995, TRIALS, ALPHA),
    )
    assert low <= alarms(noise) <= high


def fringes(snr: float, gy: float, gx: float, seed: int = 0, rate: float = 2.0) -> np.ndarray:
    """Counted fringes of a power signal-to-noise ratio, in bins of the window."""
    contrast = 2 * np.sqrt(snr * GRID.weight_power / rate) / GRID.weight_sum
    y, x = np.mgrid[:192, :192]
    wave = 1 + contrast * np.cos(2 * np.pi * (gy * y + gx * x) / GRID.window)
    return np.random.default_rng(seed).poisson(rate * wave).astype(np.float32)


@pytest.mark.parametrize(("gy", "gx"), [(8.3, 11.8), (-14.2, 6.1), (9.0, 0.0), (0.0, 17.4)])
def test_a_fringe_is_found_once_a_window_where_it_is(gy: float, gx: float) -> None:
    peaks = find_peaks([Segment(0, 1, fringes(120, gy, gx), True)], GRID, Search(0.01))
    assert sorted(peaks.window.tolist()) == list(range(len(GRID)))
    same = np.hypot(peaks.gy * 64 - gy, peaks.gx * 64 - gx)
    mate = np.hypot(peaks.gy * 64 + gy, peaks.gx * 64 + gx)
    assert np.minimum(same, mate).max() < 0.35
    assert np.median(peaks.snr) == pytest.approx(120, rel=0.3)


def test_a_spot_that_comes_late_is_found_and_known_to_be_late() -> None:
    rng = np.random.default_rng(3)
    early = Segment(0, 1, rng.poisson(2.0, (192, 192)).astype(np.float32), True)
    late = Segment(1, 2, fringes(80, 10, 10), True)
    peaks = find_peaks([early, late], GRID, Search(0.01))
    assert len(peaks) == len(GRID)
    assert peaks.seen.tolist() == [[False, True]] * len(GRID)


def test_side_lobes_of_a_truncated_crystal_are_no_spots() -> None:
    image = fringes(3000, 12.0, 9.0, rate=20.0)
    image[:, 80:] = np.random.default_rng(4).poisson(20.0, (192, 112))
    peaks = find_peaks([Segment(0, 1, image, True)], GRID, Search(0.01))
    _, per_window = np.unique(peaks.window, return_counts=True)
    assert per_window.max() == 1


def test_less_is_enough_where_the_user_expects_a_spot() -> None:
    gy, gx = 10 / 64, 12 / 64
    image = fringes(11, 10, 12, seed=9)
    image[:, 96:] = np.random.default_rng(1).poisson(2.0, (192, 96))
    faint = [Segment(0, 1, image, True)]
    alone = find_peaks(faint, GRID, Search(1e-4))
    told = find_peaks(faint, GRID, Search(1e-4, added=((-gy, -gx),)))
    assert len(alone) < len(told)
    assert (np.hypot(told.gy - gy, told.gx - gx) < 1.5 / 64).all()


@pytest.mark.long
def test_expected_spots_are_not_found_in_noise() -> None:
    hits = 0
    for seed in range(100):
        counts = np.random.default_rng([seed, 5]).poisson(0.8, (192, 192)).astype(np.float32)
        search = Search(0.3, added=((0.1, 0.2), (-0.2, 0.1)))
        hits += len(find_peaks([Segment(0, 1, counts, True)], GRID, search)) > 0
    assert hits <= binom.ppf(0.9995, 100, 0.51)  # 0.3 for those, 0.3 for all others


def test_spots_that_are_not_wanted_are_left_out() -> None:
    both = fringes(120, 10, 12) + fringes(120, -14, 6)
    search = Search(0.01, removed=((-10 / 64, -12 / 64),))
    peaks = find_peaks([Segment(0, 1, both, True)], GRID, search)
    assert len(peaks) == len(GRID)
    assert (np.abs(np.abs(peaks.gy) * 64 - 14) < 0.5).all()


def test_an_empty_image_holds_no_spots() -> None:
    empty = Segment(0, 1, np.zeros((192, 192), np.float32), True)
    assert len(find_peaks([empty], GRID, Search(0.01))) == 0


def test_the_threshold_counts_everything_that_is_looked_at() -> None:
    assert threshold(GRID, 4, 0.01) - threshold(GRID, 1, 0.01) == pytest.approx(np.log(4))
    assert threshold(GRID, 1, 0.001) - threshold(GRID, 1, 0.01) == pytest.approx(np.log(10))


def rescaled(expected: np.ndarray, factor: float, order: int, seed: int = 0) -> np.ndarray:
    """8-bit video of 12 frames, made larger after it was taken."""
    rng = np.random.default_rng(seed)
    frames = [ndimage.zoom(rng.poisson(expected).astype(np.float32), factor, order=order)
              for _ in range(12)]  # fmt: skip
    return np.array([np.clip(np.rint(3 * frame), 0, 255) for frame in frames]).astype(np.uint8)


@pytest.mark.long
@pytest.mark.parametrize(("factor", "order"), [(1.07, 1), (2.0, 1), (1.6, 3), (2.0, 3)])
def test_noise_of_rescaled_video_is_no_lattice(factor: float, order: int) -> None:
    video = rescaled(np.full((300, 300), 30.0), factor, order)
    assert bw.find_spots(bw.Movie.from_array(video), bw.Settings(window=128, drift="off")).empty


@pytest.mark.long
def test_of_a_rescaled_video_the_lattice_is_found_and_nothing_beside_it() -> None:
    y, x = np.mgrid[:300, :300]
    lattice = np.cos(2 * np.pi * (0.18 * y + 0.1 * x)) + np.cos(2 * np.pi * (-0.1 * y + 0.18 * x))
    video = rescaled(30 * (1 + 0.05 * lattice), 2.0, 1)
    settings = bw.Settings(window=128, step=64, drift="off")
    spots = bw.find_spots(bw.Movie.from_array(video), settings)
    assert spots.window.nunique() == 64
    assert spots.d_px.to_numpy() == pytest.approx(2 / np.hypot(0.18, 0.1), rel=0.01)


@pytest.mark.long
def test_fine_lattices_of_video_that_was_not_rescaled_are_found() -> None:
    y, x = np.mgrid[:512, :512]
    waves = [(0.0, 0.46), (0.45, 0.02), (0.3, 0.34), (-0.28, 0.35)]
    lattice = sum(np.cos(2 * np.pi * (gy * y + gx * x)) for gy, gx in waves)
    video = rescaled(30 * (1 + 0.2 * lattice), 1.0, 1)
    settings = bw.Settings(window=128, step=64, drift="off")
    spots = bw.find_spots(bw.Movie.from_array(video), settings)
    assert len(spots) == 49 * len(waves)
