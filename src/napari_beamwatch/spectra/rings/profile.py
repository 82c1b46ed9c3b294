"""The radial profile of one power spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.power import PowerSpectrum
from napari_beamwatch.spectra.windows import Floats32

Floats = NDArray[np.float64]

HANN_CORRELATION = (35 / 18) ** 2
"""Bins of a plane that share one independent number under a Hann taper: (N Σw⁴ / (Σw²)²)²."""

LOWEST = 4.0
"""Bins nearer to the centre than this hold the taper and the beam."""


@dataclass(frozen=True, eq=False)
class RadialProfile:
    """Mean power over that of single counts, by frequency.

    Attributes
    ----------
    k : array of float64
        Mean frequency of each ring of bins, in cycles per pixel, ascending.
    power, se : array of float64
        Mean power and its standard error, for power that is exponential in each bin.
    bins : array of float64
        Independent bins behind each.
    pixel_size : float or None
        Å.
    """

    k: Floats
    power: Floats
    se: Floats
    bins: Floats
    pixel_size: float | None

    @property
    def k_per_A(self) -> Floats | None:  # noqa: N802 - the unit's own letter
        """Frequency in 1/Å, or None without a pixel size."""
        return None if self.pixel_size is None else self.k / self.pixel_size


def radial_profile(spectrum: PowerSpectrum) -> RadialProfile:
    """Radial profile of a power spectrum.

    Rings are as wide as the bins of the shorter side. Those of less than 4 such bins are left
    out, where the taper's own transform and the beam are, and those beyond 0.5 cycles a pixel.

    Parameters
    ----------
    spectrum : PowerSpectrum

    Returns
    -------
    RadialProfile
    """
    width = 1.0 / min(spectrum.power.shape)
    rings = round(0.5 / width)
    sums = np.zeros((3, rings))
    add_rings(spectrum.power, spectrum.ky, spectrum.kx, width, sums)
    kept = (np.arange(rings) >= LOWEST) & (sums[0] > 0)
    count, k, power = sums[:, kept]
    # Of each Friedel pair both bins are there; they say the same.
    bins = np.maximum(count / 2 / HANN_CORRELATION, 1)
    power = power / count
    return RadialProfile(k / count, power, power / np.sqrt(bins), bins, spectrum.pixel_size)


@kernel()
def add_rings(power: Floats32, ky: Floats, kx: Floats, width: float, sums: Floats) -> None:
    """Add bins to rings ``width`` wide: how many, their frequencies and their power.

    Parameters
    ----------
    power : array (rows, columns)
    ky, kx : array
        Frequency of each row and column.
    width : float
    sums : array (3, rings)
        Added to.
    """
    rings = sums.shape[1]
    for y in range(power.shape[0]):
        for x in range(power.shape[1]):
            k = np.sqrt(ky[y] ** 2 + kx[x] ** 2)
            ring = int(k / width + 0.5)
            if ring < rings:
                sums[0, ring] += 1.0
                sums[1, ring] += k
                sums[2, ring] += power[y, x]
