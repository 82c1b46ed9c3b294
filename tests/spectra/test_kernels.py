"""Compiled loops do what their plain NumPy twins do."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.spectra.floor import (
    BANDS,
    CUT,
    HalfPlane,
    band_means,
    cut_mean,
    cut_means,
    lower_quartiles,
    uncut,
)
from napari_beamwatch.spectra.peaks import chains, side_lobes, taper_tiles
from napari_beamwatch.spectra.streaming import level_of, sums_of_frames
from napari_beamwatch.spectra.windows import Grid

PLANE = HalfPlane(64)


def powers(windows: int) -> np.ndarray:
    shape = (windows, *PLANE.radius.shape)
    return np.random.default_rng(0).exponential(2.0, shape).astype(np.float32)


def test_band_means_are_means_of_every_other_row_of_a_band() -> None:
    over = powers(1)[0]
    rows = np.arange(len(over)) % 2 == 0
    expected = [
        np.minimum(over, CUT)[(PLANE.band == b) & rows[:, None]].mean() for b in range(BANDS)
    ]
    assert band_means(over, PLANE.band_edges, CUT) == pytest.approx(expected, rel=1e-5)


def test_bands_are_one_stretch_of_every_row() -> None:
    told = np.full_like(PLANE.band, -1)
    for y, edges in enumerate(PLANE.band_edges):
        for b in range(BANDS):
            told[y, edges[b] : edges[b + 1]] = b
    assert (told == PLANE.band).all()


def test_cut_means_are_means_over_windows() -> None:
    values = powers(7)[:, PLANE.used]
    inverse = np.random.default_rng(1).uniform(0.3, 2, values.shape[1]).astype(np.float32)
    expected = np.minimum(values * inverse, CUT).mean(axis=0)
    assert cut_means(values, inverse, CUT) == pytest.approx(expected, rel=1e-5)


def test_cut_means_of_exponential_numbers_are_turned_back() -> None:
    for mean in (0.2, 1.0, 2.5):
        cut = mean * -np.expm1(-CUT / mean)
        assert uncut(cut) == pytest.approx(mean, rel=1e-4)
        assert cut_mean(np.array([cut]))[0] == pytest.approx(mean, rel=1e-3)


def test_quartiles_are_those_of_numpy_to_a_percent() -> None:
    scale = np.geomspace(1e-6, 1e6, PLANE.window // 2 + 1)
    ring = PLANE.ring[PLANE.used]
    values = powers(60)[:, PLANE.used] * scale[ring].astype(np.float32)
    found = lower_quartiles(values, ring, len(scale))
    for r in np.unique(ring):
        assert found[r] == pytest.approx(np.quantile(values[:, ring == r], 0.25), rel=0.02)
    assert found[0] == 0


def test_tiles_are_windows_less_their_mean_under_the_taper() -> None:
    grid = Grid(96, 128, 64, 32)
    image = np.random.default_rng(2).poisson(3.0, (96, 128)).astype(np.float32)
    tiles = np.empty((len(grid), 64, 64), np.float32)
    means = np.zeros(len(grid))
    taper_tiles(image, grid.corners, grid.weights, grid.weight_sum, tiles, means)
    weights = np.outer(grid.line, grid.line)
    for tile, mean, (y, x) in zip(tiles, means, grid.corners, strict=True):
        plain = image[y : y + 64, x : x + 64].astype(float)
        expected = (plain * weights).sum() / weights.sum()
        assert mean == pytest.approx(expected, rel=1e-5)
        assert tile == pytest.approx((plain - expected) * weights, abs=1e-4)


@pytest.mark.parametrize(("count", "by"), [(1, 1), (4, 1), (6, 2)])
def test_frames_are_added_up_where_the_specimen_lies(count: int, by: int) -> None:
    rng = np.random.default_rng(3)
    frames = rng.poisson(2.0, (count, 90, 70)).astype(np.uint8)
    shifts = rng.integers(-9, 10, (count, 2))
    shifts[-1] = (200, 0)  # wholly out of sight
    expected = np.zeros((90, 70))
    for frame, (dy, dx) in zip(frames, shifts.tolist(), strict=True):
        for y in range(max(0, -dy), min(90, 90 - dy)):
            for x in range(max(0, -dx), min(70, 70 - dx)):
                expected[y, x] += frame[y + dy, x + dx]
    told: list[int] = []
    total, still = sums_of_frames(ArrayFrames(frames), range(count), shifts, told.append, by)
    expected = expected.reshape(90 // by, by, 70 // by, by).sum(axis=(1, 3))
    assert (total == expected).all()
    assert (still == frames.sum(axis=0).reshape(90 // by, by, 70 // by, by).sum(axis=(1, 3))).all()
    assert told == [1] * count


def test_hot_pixels_count_as_the_mean() -> None:
    rng = np.random.default_rng(4)
    frames = rng.poisson(0.2, (2, 64, 64)).astype(np.uint16)
    frames[:, 20, 30] = 900
    total, _ = sums_of_frames(ArrayFrames(frames), range(2), np.zeros((2, 2), int), lambda _: None)
    levels = [level_of(frame) for frame in frames]
    assert max(level.cap for level in levels) < 15
    assert total[20, 30] == pytest.approx(sum(level.mean for level in levels))
    total[20, 30] = frames.sum(axis=0)[20, 30] = 0
    others = np.ones((64, 64), bool)
    others[20, 30] = False
    assert (total[others] == frames.sum(axis=0)[others]).all()


@pytest.mark.parametrize("mean", [0.02, 0.5, 20.0])
def test_a_shower_of_cosmic_rays_does_not_widen_what_electrons_may_count(mean: float) -> None:
    rng = np.random.default_rng(5)
    frame = rng.poisson(mean, (512, 512)).astype(np.uint16)
    quiet = level_of(frame)
    assert frame.max() <= quiet.cap
    for y, x in rng.integers(0, 480, (8, 2)):
        along = np.arange(25)
        frame[y + along // 2, x + along] += np.uint16(rng.integers(200, 800))
    assert level_of(frame).cap == pytest.approx(quiet.cap, rel=0.05)


@pytest.mark.parametrize("mean", [0.001, 0.003, 0.02, 0.3, 300.0])
def test_electrons_are_never_taken_for_cosmic_rays(mean: float) -> None:
    frame = np.random.default_rng(6).poisson(mean, (1024, 1024)) * np.float32(1.7)
    assert frame.max() <= level_of(frame).cap


def test_saturated_frames_are_left_out_of_sums() -> None:
    frames = np.random.default_rng(5).poisson(3.0, (3, 64, 64)).astype(np.uint8)
    frames[1] = 255
    assert [level_of(frame).saturated for frame in frames] == [False, True, False]
    total, _ = sums_of_frames(ArrayFrames(frames), range(3), np.zeros((3, 2), int), lambda _: None)
    assert (total == frames[0].astype(float) + frames[2]).all()


def test_frames_cut_off_at_two_percent_keep_their_fringes() -> None:
    rng, y = np.random.default_rng(7), np.arange(512)[:, None]
    grey = 100 * (1 + 0.2 * np.cos(2 * np.pi * 0.11 * y)) + 40 * rng.standard_normal((512, 512))
    whole = (grey * 250 / grey.max()).clip(0, 255).astype(np.uint8)
    cut = (grey * 255 / np.percentile(grey, 98)).clip(0, 255).astype(np.uint8)
    assert not level_of(cut).saturated
    over = []
    for frame in (whole, cut):
        power = np.abs(np.fft.rfft(frame.astype(float), axis=0)) ** 2
        over.append(power[56:57].mean() / power[100:200].mean())
    assert over[1] == pytest.approx(over[0], rel=0.05)


def test_side_lobes_lie_near_a_stronger_peak_of_their_own_segment() -> None:
    rows = np.array(
        [  # window, gy, gx, power, floor, segment
            [0, 10, 10, 500, 1, 0, 0],
            [0, 11.5, 10, 300, 1, 0, 0],  # in its main lobe
            [0, 13, 10, 40, 1, 0, 0],  # a tenth of it within four bins
            [0, 10, 13.5, 100, 1, 0, 0],  # too strong for that
            [0, 11.5, 10, 90, 1, 1, 0],  # of another time
            [1, 11.5, 10, 90, 1, 1, 3],
            [1, 11.5, 13, 60, 1, 1, 0],  # in the main lobe of a wide one
            [1, -13, -10, 8, 1, 1, 0],  # near the Friedel mate
        ],
        float,
    )
    rows[:, 1:3] /= 64
    assert side_lobes(rows, 64).tolist() == [
        False, True, True, False, False, False, True, True
    ]  # fmt: skip


def test_rows_of_different_segments_follow_each_other_to_the_nearest() -> None:
    rows = np.array(
        [
            [0, 10, 10, 50, 1, 0],
            [0, 11.2, 10, 40, 1, 0],
            [0, 10.9, 10, 60, 1, 1],  # nearer to the second
            [0, 10.2, 10, 30, 1, 1],
            [0, -11.4, -10, 30, 1, 2],  # as a Friedel mate
            [0, 20, 10, 30, 1, 2],
            [1, 10, 10, 50, 1, 0],
        ],
        float,
    )
    rows[:, 1:3] /= 64
    assert chains(rows, 1.0 / 64).tolist() == [0, 1, 1, 0, 1, 2, 3]


@pytest.mark.parametrize("taper", ["hann", "cosine"])
def test_transforms_between_bins_follow_from_those_around(taper: str) -> None:
    grid = Grid(64, 64, 64, 64, taper)
    tile = np.random.default_rng(5).normal(size=(64, 64)) * grid.weights
    n = np.arange(64) - 32
    near = np.array(
        [
            [(tile * np.exp(-2j * np.pi * ((9 + a) * n[:, None] + (5 + b) * n) / 64)).sum()
             for b in range(-3, 4)]
            for a in range(-3, 4)
        ]
    )  # fmt: skip
    found = grid.between @ near @ grid.between.T
    wanted = np.arange(-6, 7) / 8
    exact = np.array(
        [
            [(tile * np.exp(-2j * np.pi * ((9 + a) * n[:, None] + (5 + b) * n) / 64)).sum()
             for b in wanted]
            for a in wanted
        ]
    )  # fmt: skip
    size = np.sqrt(grid.weight_power)
    # Noise fills the window to its edge; a lattice in the middle is told better.
    assert np.sqrt(np.mean(np.abs(found - exact) ** 2)) < (0.05 if taper == "hann" else 0.12) * size
