"""Spots of diffraction patterns: where they lie, how clear they are, and in which segments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.diffraction.centre import Centre

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DiffractionSpots:
    """Spots above the threshold, one row each; a Friedel pair is one, seen at right.

    Attributes
    ----------
    ry, rx : array of float64
        From the centre, in pixels, in the half plane rx ≥ 0.
    r_se : array of float64
        Standard error of the distance from the centre, in pixels.
    gy, gx : array of float64
        In 1/Å; NaN without a camera constant.
    d, d_se : array of float64
        Lattice spacing in Å and its standard error, without that of the camera constant.
    angle : array of float64
        Direction in degrees, counter-clockwise from +x as displayed, in (−90, 90].
    counts : array of float64
        In the discs of the pair, above the background, in the segment where they stand out most.
    snr : array of float64
        Those over the standard deviation of the background.
    dispersion : array of float64
        Variance over mean of the background there, of sums over discs.
    response : array of float64
        By what part of its distance a spot moves the weighted centre of gravity: less for wide
        spots.
    mates : array of bool (spots, 2)
        Whether the spot itself and its mate are seen, not hidden or outside the frame.
    segment : array of int64
        Where it stands out most.
    seen : array of bool (spots, segments)
        In which segments it passes the threshold.
    threshold : float
        Chance α/M that a disc must be below.
    centre : Centre
        As the pairs have it.
    pattern : array of float64
        Sum of all patterns, 0 where nothing is seen.
    spread : array of float64 (segments,)
        Variance over mean of the counts of each pattern, of sums over discs.
    """

    ry: Floats
    rx: Floats
    r_se: Floats
    gy: Floats
    gx: Floats
    d: Floats
    d_se: Floats
    angle: Floats
    counts: Floats
    snr: Floats
    dispersion: Floats
    response: Floats
    mates: NDArray[np.bool_]
    segment: NDArray[np.int64]
    seen: NDArray[np.bool_]
    threshold: float
    centre: Centre
    pattern: Floats
    spread: Floats

    def __len__(self) -> int:
        return len(self.ry)


def spots_of(
    rows: Floats,
    placed: Floats,
    seen: NDArray[np.bool_],
    threshold: float,
    centre: Centre,
    pattern: Floats,
    spread: Floats,
    camera_constant: float | None,
) -> DiffractionSpots:
    """Spots of what was found and placed; rows are those of `finding.COLUMNS`."""
    known = np.isfinite(placed).all(axis=1)  # without a place there is no peak
    rows, placed, seen = rows[known], placed[known], seen[known]
    ry, rx, r_se = placed[:, 0], placed[:, 1], placed[:, 2]
    r = np.hypot(ry, rx)
    constant = np.nan if camera_constant is None else camera_constant
    angle = np.degrees(np.arctan2(-ry, rx))
    return DiffractionSpots(
        ry=ry,
        rx=rx,
        r_se=r_se,
        gy=ry / constant,
        gx=rx / constant,
        d=constant / r,
        d_se=constant * r_se / r**2,
        angle=np.where(angle <= -90, angle + 180, angle),
        counts=rows[:, 3],
        snr=rows[:, 4],
        dispersion=rows[:, 5],
        response=np.clip(placed[:, 5], 0.1, 1.0),
        mates=placed[:, 3:5].astype(bool),
        segment=rows[:, 6].astype(np.int64),
        seen=seen,
        threshold=threshold,
        centre=centre,
        pattern=pattern,
        spread=spread,
    )
