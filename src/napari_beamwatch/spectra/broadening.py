"""Spots that broaden: pieces of lattice that become smaller than a window.

A layer on top, thickness, focus and tilt take a part of all spots and leave them as sharp as they
were; where a crystal is eaten up piece by piece, what is left of it is patchy [1]_.

References
----------
.. [1] P. Scherrer, Nachr. Ges. Wiss. Göttingen 26 (1918) 98.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.finding import Peaks

FEWEST = 3
"""Spots of windows that must be seen at first and at last."""


class Broadening(NamedTuple):
    """By how much the variance of spots along an axis grew, and its error.

    Attributes
    ----------
    change, se : float
        In squared cycles per window.
    """

    change: float
    se: float


def broadening(peaks: Peaks, mine: NDArray[np.bool_], shared: float) -> Broadening | None:
    """Of some spots, from the first segment of time to the last in which they are seen.

    Parameters
    ----------
    peaks : Peaks
    mine : array of bool (peaks,)
    shared : float
        Windows in which the same electrons tell.

    Returns
    -------
    Broadening or None
        None where too few are seen twice.
    """
    spread, power = peaks.spread[mine], peaks.power[mine]
    twice = np.isfinite(spread[:, :1]) & np.isfinite(spread[:, 1:])
    late = np.flatnonzero(twice.sum(axis=0) >= FEWEST)
    if not late.size:
        return None
    both, last = twice[:, late[-1]], late[-1] + 1
    # Second moments scatter as the noise does over the power.
    weight = 1 / (power[both, 0] ** -2 + power[both, last] ** -2)
    change = spread[both, last] - spread[both, 0]
    mean = float(weight @ change / weight.sum())
    scatter = float(np.sqrt(weight**2 @ (change - mean) ** 2) / weight.sum())
    few = np.sqrt(both.sum() / (both.sum() - 1))
    return Broadening(mean, scatter * float(np.sqrt(max(1.0, shared)) * few))
