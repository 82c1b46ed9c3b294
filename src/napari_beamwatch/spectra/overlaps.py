"""How much overlapping windows say twice."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.block_transform import middle_distance
from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]


def overlap_factors(
    grid: Grid, windows: NDArray[np.int64], *, odd: bool = False
) -> tuple[float, float]:
    """Variance of a mean over overlapping windows, over that of as many independent ones.

    What the noise of a window adds to its power is twice its part in phase with the signal, and
    its own power. Overlapping windows of one lattice share the former as their tapers overlap,
    the latter as the square of that.

    Parameters
    ----------
    grid : Grid
    windows : array of int
        Which windows.
    odd : bool
        Of the offset of a peak along one axis instead, whose taper is odd: what lies between
        two windows pulls them opposite ways.

    Returns
    -------
    in_phase, own : float
        Factors of the two parts.
    """
    plain = _shared(grid.line, grid.step)
    along = _shared(grid.line * middle_distance(grid.window), grid.step) if odd else plain
    mask = np.zeros(grid.shape, bool)
    mask.flat[windows] = True
    count = max(1, int(mask.sum()))
    in_phase = own = 0.0
    reach = len(plain) - 1
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            pairs = _pairs(mask, dy, dx) / count
            shared = along[abs(dy)] * plain[abs(dx)]
            in_phase += pairs * shared
            own += pairs * shared * plain[abs(dy)] * plain[abs(dx)]
    # Were nothing but the rim left of it, rounding must not make it negative.
    return max(float(in_phase), 1 / count), max(float(own), 1 / count)


def _pairs(mask: NDArray[np.bool_], dy: int, dx: int) -> int:
    """Windows that have another `dy` rows and `dx` columns further."""
    rows, columns = mask.shape
    if abs(dy) >= rows or abs(dx) >= columns:
        return 0
    a = mask[max(0, -dy) : rows - max(0, dy), max(0, -dx) : columns - max(0, dx)]
    b = mask[max(0, dy) : rows - max(0, -dy), max(0, dx) : columns - max(0, -dx)]
    return int((a & b).sum())


def _shared(taper: Floats, step: int) -> Floats:
    """Correlation of tapers none, one, two, … steps apart."""
    lags = range(0, len(taper), step)
    sums = [(taper[lag:] * taper[: len(taper) - lag]).sum() for lag in lags]
    return np.asarray(sums, np.float64) / float(sums[0])
