"""Coefficients of windows by blocks are those of the windows themselves."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.spectra.block_transform import (
    BlockTransform,
    middle_distance,
    offset_error,
    second_moment,
)
from napari_beamwatch.spectra.windows import Grid


def naive(image: np.ndarray, grid: Grid, window: int, gy: float, gx: float) -> list[complex]:
    y0, x0 = grid.corners[window]
    n = np.arange(grid.window)
    tile = image[y0 : y0 + grid.window, x0 : x0 + grid.window].astype(float)
    u = middle_distance(grid.window)
    wave = np.exp(-2j * np.pi * (gy * n[:, None] + gx * n[None, :]))
    plain = tile * np.outer(grid.line, grid.line) * wave
    return [plain.sum(), (plain * u[:, None]).sum(), (plain * u[None, :]).sum()]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize(
    "grid", [Grid(150, 210, 64, 32), Grid(130, 130, 64, 16, "cosine"), Grid(150, 170, 64, 24)]
)
def test_agree_with_whole_windows_in_double_precision(grid: Grid, dtype: type) -> None:
    rng = np.random.default_rng(0)
    image = rng.poisson(3, (grid.height, grid.width)).astype(dtype)
    window = np.sort(rng.integers(0, len(grid), 30))
    gy, gx = rng.uniform(-0.5, 0.5, 30), rng.uniform(0, 0.5, 30)
    found, means = BlockTransform(grid, window, gy, gx)(image)
    exact = np.array([naive(image, grid, *one) for one in zip(window, gy, gx, strict=True)])
    floor = np.sqrt(3 * grid.weight_power)
    assert np.abs(found - exact).max() < 1e-4 * max(floor, np.abs(exact).max())
    tiles = [naive(image, grid, w, 0.0, 0.0)[0].real / grid.weight_sum for w in range(len(grid))]
    assert means == pytest.approx(tiles, rel=1e-5)


@pytest.mark.parametrize("shift", [(5, -7), (-40, 3), (200, 0)])
def test_follow_a_specimen_that_moved(shift: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(size=(128, 160)).astype(np.float32)
    grid = Grid(128, 160, 64, 32)
    window = np.arange(len(grid))
    gy, gx = np.full(len(grid), 0.11), np.full(len(grid), 0.23)
    found, _ = BlockTransform(grid, window, gy, gx)(image, shift)
    moved = np.zeros_like(image)
    for y in range(128):
        for x in range(160):
            if 0 <= y + shift[0] < 128 and 0 <= x + shift[1] < 160:
                moved[y, x] = image[y + shift[0], x + shift[1]]
    expected, _ = BlockTransform(grid, window, gy, gx)(moved)
    assert found == pytest.approx(expected, abs=1e-3)


def test_moments_tell_where_between_bins_a_peak_lies() -> None:
    grid = Grid(128, 128, 128, 64)
    y, x = np.mgrid[:128, :128]
    wave = np.cos(2 * np.pi * ((20.15 * y + 31.9 * x) / 128)).astype(np.float32)
    ((whole, along_y, along_x),), _ = BlockTransform(
        grid, np.array([0]), np.array([20.0]) / 128, np.array([32.0]) / 128
    )(wave)
    per_bin = 2 * np.pi * second_moment(grid)
    assert (along_y / whole).imag / per_bin == pytest.approx(0.15, abs=0.01)
    assert (along_x / whole).imag / per_bin == pytest.approx(-0.1, abs=0.01)


def test_the_error_of_an_offset_is_what_simulated_fringes_show() -> None:
    grid = Grid(64, 64, 64, 32)
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:64, :64]
    transform = BlockTransform(grid, np.array([0]), np.array([10 / 64]), np.array([12 / 64]))
    snr = 50.0
    amplitude = 2 * np.sqrt(snr * grid.weight_power) / grid.weight_sum
    offsets = []
    for _ in range(1500):
        phase = rng.uniform(0, 2 * np.pi)
        fringe = amplitude * np.cos(2 * np.pi * (10 * y + 12 * x) / 64 + phase)
        image = (fringe + rng.normal(size=(64, 64))).astype(np.float32)
        ((whole, along_y, along_x),), _ = transform(image)
        offsets += [(part / whole).imag / (2 * np.pi * second_moment(grid))
                    for part in (along_y, along_x)]  # fmt: skip
    assert np.std(offsets) * np.sqrt(snr) == pytest.approx(offset_error(grid), rel=0.05)
    assert offset_error(grid) == pytest.approx(0.49, abs=0.01)
