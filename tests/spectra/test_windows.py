"""The grid of windows, its tapers, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError, Movie
from napari_beamwatch.spectra.windows import Grid, default_grid, taper_line


def test_hann_tapers_of_neighbouring_windows_add_up_evenly() -> None:
    line = taper_line("hann", 64)
    assert line[:32] + line[32:] == pytest.approx(np.ones(32))


def test_windows_lie_wholly_inside_row_by_row() -> None:
    grid = Grid(100, 150, 64, 32)
    assert grid.shape == (2, 3)
    assert grid.corners.tolist() == [[0, 0], [0, 32], [0, 64], [32, 0], [32, 32], [32, 64]]


def test_windows_stand_for_all_of_the_field_those_in_its_corners_for_most() -> None:
    grid = Grid(192, 256, 64, 32)
    worth = grid.worth(np.ones(len(grid), bool)).reshape(grid.shape)
    assert worth.sum() * grid.step**2 == grid.height * grid.width
    assert worth[1, 1] == 1
    assert worth[0, 1] == worth[1, 0] == 1.5
    assert worth[0, 0] == 2.25


def test_windows_beside_some_that_were_not_seen_stand_for_as_far_as_they_reach() -> None:
    grid = Grid(192, 192, 64, 32)
    seen = np.ones(grid.shape, bool)
    seen[:, 0] = False
    worth = grid.worth(seen.ravel()).reshape(grid.shape)
    assert (worth[:, 0] == 0).all()
    assert worth[1].tolist() == [0, 1.5, 1, 1, 1.5]


def test_white_noise_has_unit_power_and_the_stated_correlation() -> None:
    grid = Grid(64, 64, 64, 32)
    rng = np.random.default_rng(0)
    powers = np.array([
        np.abs(np.fft.fft2(rng.normal(size=(64, 64)) * grid.weights)) ** 2 / grid.weight_power
        for _ in range(200)
    ])  # fmt: skip
    assert powers.mean() == pytest.approx(1, abs=0.01)
    # The mean over the 4096 bins of one spectrum spreads as that of fewer independent ones
    # would; a real image has each twice.
    spread = powers.mean(axis=(1, 2)).var() * 4096 / 2
    assert spread == pytest.approx(grid.correlation, rel=0.25)


@pytest.mark.parametrize(
    ("pixel_size", "size", "window", "steps"),
    [
        (0.125, 1024, 256, 4),
        (0.25, 1024, 128, 2),
        (0.4, 4096, 128, 2),
        (None, 512, 256, 4),
        (0.125, 200, 64, 4),
    ],
)
def test_the_default_window_suits_pixel_and_field(
    pixel_size: float | None, size: int, window: int, steps: int
) -> None:
    movie = Movie.from_array(np.zeros((2, size, size), np.uint8), pixel_size, 10.0)
    grid = default_grid(movie, None, None, "hann")
    assert (grid.window, grid.step) == (window, window // steps)


@pytest.mark.parametrize(
    ("pixel_size", "size", "widest", "window"),
    [
        (0.125, 4096, 2.3, 256),
        (0.125, 4096, 12.0, 512),
        (0.5, 4096, 14.0, 256),
        (0.5, 512, 14.0, 256),
        (0.5, 300, 14.0, 256),
        (0.5, 100, 14.0, 100),
        (0.01, 8192, 50.0, 2048),
        (None, 512, 12.0, 256),
    ],
)
def test_a_window_holds_several_fringes_of_the_widest_spacing_that_is_expected(
    pixel_size: float | None, size: int, widest: float, window: int
) -> None:
    movie = Movie.from_array(np.zeros((2, size, size), np.uint8), pixel_size, 10.0)
    assert default_grid(movie, None, None, "hann", widest).window == window


@pytest.mark.parametrize(
    ("window", "step"), [(512, 64), (31, 8), (16, 8), (64, 0), (64, -3), (64, 65)]
)
def test_grids_that_cannot_be_are_refused(window: int, step: int) -> None:
    with pytest.raises(BeamwatchError):
        Grid(256, 256, window, step)
