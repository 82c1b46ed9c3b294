"""Every reflection that a noise-free transform of a simulated specimen shows is found."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.simulate import stages
from napari_beamwatch.spectra.finding import threshold
from napari_beamwatch.spectra.windows import Grid

pytestmark = pytest.mark.long

PIXEL = 0.25
COUNTS = 4.0
FRAMES = 5
LONGEST = 5 / 16
"""Part of the frames in the longest segment of time."""

CRYSTALS = [name for name in stages.stage_names() if stages.load_stage(name).reflections][::3]
"""Every third: neighbours are the same crystal a little thicker, or turned."""


def highest(
    image: np.ndarray, grid: Grid, window: int, gy: float, gx: float
) -> tuple[float, float, float] | None:
    """Noise-free peak near a frequency: power over squared mean signal, gy, gx."""
    y0, x0 = grid.corners[window]
    tile = image[y0 : y0 + grid.window, x0 : x0 + grid.window].astype(float)
    taper = np.outer(grid.line, grid.line)
    mean = (tile * taper).sum() / taper.sum()
    off = np.linspace(-1.5, 1.5, 61) / grid.window
    n = np.arange(grid.window)
    wave_y = np.exp(-2j * np.pi * np.outer(gy + off, n))
    wave_x = np.exp(-2j * np.pi * np.outer(gx + off, n))
    power = np.abs(wave_y @ ((tile - mean) * taper) @ wave_x.T) ** 2 / (mean * taper.sum()) ** 2
    iy, ix = np.unravel_index(power.argmax(), power.shape)
    if min(iy, ix) == 0 or max(iy, ix) == 60:
        return None  # the flank of something else
    return float(power[iy, ix]), gy + off[iy], gx + off[ix]


@dataclass(frozen=True)
class Comparison:
    """A reflection in a window: how clear it is, and how far off in standard errors."""

    name: str
    sigmas: float
    found: bool
    away: float


def compare(name: str) -> list[Comparison]:
    stage = stages.load_stage(name)
    pixel = stage.pixel_size_for(PIXEL)
    image = stage.image(PIXEL)
    counts = np.random.default_rng(1).poisson(COUNTS * image, (FRAMES, *image.shape))
    movie = bw.Movie.from_array(counts.astype(np.uint16), pixel, COUNTS / pixel**2)
    found = bw.find_spots(movie, bw.Settings(window=256, step=128, drift="off"))
    grid = Grid(*image.shape, 256, 128)
    limit = threshold(grid, FRAMES, 0.01)
    per_contrast = COUNTS * FRAMES * LONGEST * grid.weight_sum**2 / grid.weight_power
    compared = []
    for reflection in stage.reflections:
        angle, g = math.radians(reflection.angle_deg), pixel / reflection.d_A
        for window in range(len(grid)):
            peak = highest(image, grid, window, -math.sin(angle) * g, math.cos(angle) * g)
            if peak is None:
                continue
            mine = found[found.window == window]
            snr = peak[0] * per_contrast
            sigmas = (snr + 1 - limit) / math.sqrt(1 + 2 * snr)
            y, x = mine.gy_per_px.to_numpy(), mine.gx_per_px.to_numpy()
            off = np.minimum(np.hypot(y - peak[1], x - peak[2]), np.hypot(y + peak[1], x + peak[2]))
            if not off.size or off.min() > 1.5 / grid.window:
                compared.append(Comparison(name, sigmas, False, math.inf))
                continue
            spot = mine.iloc[int(off.argmin())]
            d = pixel / math.hypot(peak[1], peak[2])
            compared.append(Comparison(name, sigmas, True, abs(spot.d_A - d) / spot.d_se_A))
    return compared


@pytest.fixture(scope="module")
def comparisons() -> list[Comparison]:
    return [one for name in CRYSTALS for one in compare(name)]


def test_all_that_pass_the_threshold_by_five_sigma_are_found(
    comparisons: list[Comparison],
) -> None:
    clear = [one for one in comparisons if one.sigmas > 5]
    assert len(clear) > 100
    assert [one for one in clear if not one.found] == []


def test_their_spacings_lie_within_three_standard_errors(comparisons: list[Comparison]) -> None:
    away = np.array([one.away for one in comparisons if one.found and one.sigmas > 5])
    assert (away < 1).mean() > 0.6
    assert (away < 3).mean() > 0.985
