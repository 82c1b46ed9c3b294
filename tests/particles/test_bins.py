"""Frames reach their bins whole, wherever the specimen is by then."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch import Movie
from napari_beamwatch.particles.bins import ParticleBins, bin_edges


def counted(frames: int, height: int, width: int, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(3).poisson(0.7, (frames, height, width)).astype(dtype)


def naive(image: np.ndarray, block: int, dy: int, dx: int) -> np.ndarray:
    height, width = image.shape
    sums = np.zeros((height // block, width // block))
    for y in range(sums.shape[0] * block):
        for x in range(sums.shape[1] * block):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                sums[y // block, x // block] += image[y + dy, x + dx]
    return sums


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.int16])
@pytest.mark.parametrize("shift", [(0, 0), (5, -7), (-9, 4), (600, 0), (0, -700)])
def test_sums_of_blocks_are_those_added_one_by_one(shift: tuple[int, int], dtype: type) -> None:
    image = counted(1, 40, 530, dtype)[0]
    bins = ParticleBins(Movie.from_array(image[None]))
    assert bins.block == 2
    assert np.array_equal(bins.reduce(image, shift).sums, naive(image, 2, *shift))


def test_what_is_no_number_counts_as_the_mean() -> None:
    image = np.full((64, 64), 3.0, np.float32)
    image[4:7, 9:30] = np.nan
    bins = ParticleBins(Movie.from_array(image[None]))
    assert bins.reduce(image).sums == pytest.approx(3.0)


def test_pictures_hold_what_all_frames_show_where_the_specimen_is() -> None:
    specimen = counted(1, 140, 150)[0]
    path = [(0, 0), (3, -2), (8, -5), (-4, 6)]
    frames = np.stack([specimen[20 - dy : 120 - dy, 20 - dx : 130 - dx] for dy, dx in path])
    movie = Movie.from_array(frames, frame_dose=1.0)
    bins = ParticleBins(movie)
    for t, shift in enumerate(path):
        bins.add(t, bins.reduce(frames[t], shift))
    sums, (top, left) = bins.pictures()
    assert (top, left) == (4, 5)
    assert sums.shape == (4, 100 - 4 - 8, 110 - 5 - 6)
    for picture in sums:
        assert np.array_equal(picture, specimen[24:112, 25:124])
    assert [(b.dy, b.dx) for b in bins.bins()] == path


def test_bins_hold_equal_doses() -> None:
    doses = np.linspace(1, 3, 40)
    movie = Movie.from_array(np.ones((40, 8, 8), np.uint8), frame_dose=doses)
    edges = bin_edges(movie, 5)
    assert [a for a, _ in edges][1:] == [b for _, b in edges][:-1]
    assert (edges[0][0], edges[-1][1]) == (0, 40)
    assert np.ptp([doses[a:b].sum() for a, b in edges]) < 2 * doses.max()


def test_one_long_exposure_leaves_a_frame_for_each_bin() -> None:
    movie = Movie.from_array(np.ones((6, 8, 8), np.uint8), frame_dose=[1, 1, 1, 100, 1, 1])
    assert bin_edges(movie) == [(t, t + 1) for t in range(6)]


def test_frames_before_the_beam_are_in_no_bin() -> None:
    frames = counted(6, 64, 64)
    frames[:2] = 0
    movie = Movie.from_array(frames, frame_dose=[0, 0, 1, 1, 1, 1])
    bins = ParticleBins(movie)
    for t in range(6):
        bins.add(t, bins.reduce(frames[t]))
    assert [b.first for b in bins.bins()] == [2, 3, 4, 5]
