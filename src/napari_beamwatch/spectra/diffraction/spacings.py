"""How the spacings of the spots of diffraction patterns go with the frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.diffraction.background import RADIUS
from napari_beamwatch.spectra.diffraction.spots import DiffractionSpots
from napari_beamwatch.spectra.diffraction.tracking import DiffractionTraces
from napari_beamwatch.spectra.region_traces import running_sum

Floats = NDArray[np.float64]

ENOUGH = 8.0
"""Standard errors of the counts behind a spacing."""

LONGEST_AVERAGE = 61
"""Frames a spacing is averaged over at most."""


@dataclass(frozen=True, eq=False)
class Spacings:
    """Spacings of spots over the frames; arrays (frame, spot), NaN where too weak.

    Attributes
    ----------
    d, d_se : array of float64
        Å, around each frame; without the error of the camera constant.
    averaged : array of int64 (spot,)
        Frames behind each value.
    """

    d: Floats
    d_se: Floats
    averaged: NDArray[np.int64]


def spacings(
    traces: DiffractionTraces, spots: DiffractionSpots, camera_constant: float
) -> Spacings:
    """How the spacing of each spot goes with the frames, averaged over as many as it needs.

    Parameters
    ----------
    traces : DiffractionTraces
    spots : DiffractionSpots
    camera_constant : float
        Å·px.
    """
    length = np.hypot(spots.ry, spots.rx)
    along = (traces.offset_y * spots.ry + traces.offset_x * spots.rx) / length
    d, d_se = np.full_like(along, np.nan), np.full_like(along, np.nan)
    averaged = np.ones(len(spots), np.int64)
    for s in range(len(spots)):
        known = np.isfinite(along[:, s])
        clear = np.where(known, traces.intensity[:, s] / traces.intensity_se[:, s], 0.0)
        sums, frames = running_sum(clear, 9), running_sum(known.astype(np.float64), 9)
        usual = float(np.max(sums / np.maximum(frames, 1), initial=0.0))
        width = LONGEST_AVERAGE
        if usual > 0:
            width = min(width, int(np.ceil((ENOUGH / usual) ** 2)) // 2 * 2 + 1)
        averaged[s] = width
        pull, weight, variance, signal, noise = (
            running_sum(np.where(known, values, 0.0), width)
            for values in (
                along[:, s],
                traces.weight[:, s],
                traces.offset_se[:, s] ** 2,
                traces.intensity[:, s],
                traces.intensity_se[:, s] ** 2,
            )
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            away = pull / weight
            r = length[s] + away
            here = camera_constant / r
            error = here / r * np.sqrt(variance) / weight
            sure = (signal > ENOUGH / 2 * np.sqrt(noise)) & (weight > 0) & (np.abs(away) < RADIUS)
        d[sure, s], d_se[sure, s] = here[sure], error[sure]
    return Spacings(d, d_se, averaged)
