"""Which peak of a power spectrum a click means."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.peaks import MAIN_LOBE, SIDE_LOBES
from napari_beamwatch.spectra.power import PowerSpectrum

Floats = NDArray[np.float64]

ALPHA = 0.01
"""Chance that noise is taken for a peak, over all bins that a click may mean."""

NEAR = 3.0
"""Bins from a peak within which a click means it, where the screen shows bins apart."""

BEAM = 4.0
"""Bins around frequency zero that hold the taper and the thickness, no lattice."""

BROADEST = 0.1
"""Of the frequency: the ring whose noise counts is not broader on either side."""


@dataclass(frozen=True, eq=False)
class Click:
    """A place of a spectrum that was clicked.

    Attributes
    ----------
    spectrum : PowerSpectrum
        As it is shown: of the region and the frames in sight.
    gy, gx : float
        Cycles per pixel.
    reach : float
        How far the click may be from a peak, in cycles per pixel, as the screen resolves it.
    """

    spectrum: PowerSpectrum
    gy: float
    gx: float
    reach: float


def nearest_peak(click: Click) -> tuple[float, float]:
    """The peak next to a click, (gy, gx) in cycles per pixel with gx ≥ 0, between the bins.

    It is looked for in the spectrum that is shown, whatever the outline of its region: what
    stands out on the screen can be pointed at, and nothing else can.

    Raises
    ------
    BeamwatchError
        If there is noise alone.
    """
    spectrum = click.spectrum
    rows, columns = len(spectrum.ky), len(spectrum.kx)
    reach_y, reach_x = (max(click.reach, NEAR / size) for size in (rows, columns))
    # A broad margin, so that what a peak is a side lobe of is looked at as well.
    y = _bins(click.gy, reach_y, rows)
    x = _bins(click.gx, reach_x, columns)
    power = spectrum.power[np.ix_(y % rows, x % columns)].astype(np.float64)
    ky, kx = (y - rows // 2) / rows, (x - columns // 2) / columns
    away = np.hypot((ky - click.gy)[:, None] / reach_y, (kx - click.gx) / reach_x)
    meant = away <= 1
    limit = _floor(spectrum, float(np.hypot(click.gy, click.gx))) * np.log(meant.sum() / ALPHA)
    off_zero = np.hypot(ky[:, None] * rows, kx * columns) >= BEAM
    tops = np.argwhere(_highest(power) & off_zero[1:-1, 1:-1]) + 1
    heights = power[tops[:, 0], tops[:, 1]]
    high = heights > limit if limit > 0 else np.zeros(len(tops), bool)
    own = [i for i in np.flatnonzero(high).tolist() if not _is_lobe(i, tops, heights)]
    near = [i for i in own if meant[tuple(tops[i])]]
    if not near:
        raise BeamwatchError(_refusal(click, float(np.hypot(click.gy, click.gx))))
    i, j = tops[near[int(away[tops[near, 0], tops[near, 1]].argmin())]]
    dy, dx = _between(power[i - 1 : i + 2, j - 1 : j + 2])
    gy, gx = float(ky[i] + dy / rows), float(kx[j] + dx / columns)
    return (gy, gx) if gx >= 0 else (-gy, -gx)


def _bins(g: float, reach: float, size: int) -> NDArray[np.int64]:
    """Indices of the bins around a frequency; those beyond an edge lie at the other."""
    margin = reach * size + SIDE_LOBES + 1
    middle = g * size + size // 2
    return np.arange(int(np.floor(middle - margin)), int(np.ceil(middle + margin)) + 1)


def _floor(spectrum: PowerSpectrum, g: float) -> float:
    """Power of the noise at a frequency: few of the bins of a ring belong to a lattice.

    The median of an exponential distribution is ln 2 of its mean.
    """
    rows, columns = spectrum.power.shape
    broad = max(BROADEST * g, 2 / min(rows, columns))
    # As many bins as a large region has are not needed: some thousand angles and radii are.
    angle, radius = np.meshgrid(
        np.linspace(0, pi, 256, endpoint=False), np.linspace(max(0.0, g - broad), g + broad, 32)
    )
    y = np.rint(radius * np.sin(angle) * rows).astype(np.int64)
    x = np.rint(radius * np.cos(angle) * columns).astype(np.int64)
    off_zero = np.hypot(y, x) >= BEAM
    at = np.unique((y % rows * columns + x % columns)[off_zero])
    y, x = at // columns, at % columns
    ring = spectrum.power[(y + rows // 2) % rows, (x + columns // 2) % columns]
    return float(np.median(ring)) / float(np.log(2)) if len(ring) else 0.0


def _highest(power: Floats) -> NDArray[np.bool_]:
    """Bins, but for those at the edge, that none of their eight neighbours surpasses."""
    rows, columns = power.shape
    here = power[1:-1, 1:-1]
    highest = np.ones(here.shape, bool)
    for dy in range(3):
        for dx in range(3):
            highest &= here >= power[dy : rows - 2 + dy, dx : columns - 2 + dx]
    return highest


def _is_lobe(i: int, tops: NDArray[np.int64], heights: Floats) -> bool:
    """Whether a peak belongs to a much stronger one nearby: the outline of a region spreads it."""
    away = np.hypot(*(tops - tops[i]).T)
    stronger = (heights > heights[i]) & (away < MAIN_LOBE)
    stronger |= (heights > 10 * heights[i]) & (away < SIDE_LOBES)
    return bool(stronger.any())


def _between(power: Floats) -> tuple[float, float]:
    """Where a paraboloid through the logarithms of 3 by 3 bins is highest, from the middle one.

    Right for a Hann taper to 0.02 bins, and for any even one where that is broader, narrower or
    aslant.
    """
    log = np.log(np.maximum(power, 1e-12))
    (_, above, _), (left, here, right), (_, below, _) = log
    slope = np.array([below - above, right - left]) / 2
    aslant = (log[0, 2] + log[2, 0] - log[0, 0] - log[2, 2]) / 4
    bend = np.array([[2 * here - above - below, aslant], [aslant, 2 * here - left - right]])
    if not np.linalg.det(bend) > 0:
        return 0.0, 0.0
    y, x = np.clip(np.linalg.solve(bend, slope), -0.5, 0.5)
    return float(y), float(x)


def _refusal(click: Click, g: float) -> str:
    size = click.spectrum.pixel_size
    if not g > 0:
        place = "frequency zero"
    else:
        place = f"{1 / g:.2f} px" if size is None else f"{size / g:.3f} Å"
    return (
        f"nothing stands above the noise at {place} in these frames, so no spot is added; "
        "sum more frames, or click nearer to a peak"
    )
