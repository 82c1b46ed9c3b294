"""Amorphous matter that grew: a broad ring that the end of a record has and its beginning has not.

What is asked is the difference of the two, so that whatever stays goes out. All of the background
may change by a factor, and one that falls smoothly with the radius may come or go, as where the
specimen thickens; what a broad Gaussian explains beside that, and beside powder rings, is a halo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_beamwatch.spectra.diffraction.following import RingTracker
from napari_beamwatch.spectra.diffraction.profile import RING_MISFIT, Lines
from napari_beamwatch.spectra.peaks import FWHM
from napari_beamwatch.spectra.rings.finding import BROAD

Floats = NDArray[np.float64]

WIDTHS = (1.3 * BROAD, 2 * BROAD, 3 * BROAD)
"""Full widths over radius that are looked for; below `BROAD` a ring is that of a powder."""

MARGIN = 0.5
"""Full widths by which a halo's middle lies inside of what is seen."""

PARTS = 3
"""The last of so many parts of the record is compared with the first."""

PLACES = 60
"""Places and widths that say something of their own, about."""

MISFIT = 0.01
"""Part of the background by which its change may differ from a smooth one anywhere."""

OWN = 0.2
"""Part of a halo that nothing beside it makes, at least: of one that was there at first all is made
by the background as it was."""

REALLY, CLEAR = 0.4, 2.5
"""Part of what a halo is fitted to have gained that the counts at its place gained themselves, at
least, so many standard deviations from any ring."""

FALLS = 5
"""Powers of the radius, from 0 down, that a background that comes falls off with."""

FEWEST_FRAMES = 8


@dataclass(frozen=True, eq=False)
class GrownHalo:
    """A halo that grew.

    Attributes
    ----------
    radius, width : float
        Mean radius and full width at half maximum, in pixels.
    significance : float
        Standard errors by which it grew.
    intensity, intensity_se : array of float64 (frames,)
        Part of all electrons that it holds beyond what it held in the first part of the record.
    """

    radius: float
    width: float
    significance: float
    intensity: Floats
    intensity_se: Floats


def grown_halo(tracker: RingTracker, false_alarm: float) -> GrownHalo | None:
    """The halo that grew most, if any did.

    Parameters
    ----------
    tracker : RingTracker
        That has seen all frames.
    false_alarm : float
        Chance of one where none grew.
    """
    rings = tracker.rings
    radius = np.flatnonzero(rings.used).astype(np.float64)
    known = tracker.lit & (tracker.pixels > 0).all(axis=1)
    if known.sum() < FEWEST_FRAMES or len(radius) < PLACES // 2:
        return None
    counts, pixels, total = (
        part[known] for part in (tracker.counts, tracker.pixels, tracker.total)
    )
    part = max(2, len(total) // PARTS)
    first, last = slice(None, part), slice(-part, None)
    ends = [
        (counts[side].sum(axis=0) / (pixels[side] * total[side, None]).sum(axis=0))
        for side in (first, last)
    ]
    share = counts / (pixels * total[:, None])
    usual = np.maximum(counts.sum(axis=0) / (pixels * total[:, None]).sum(axis=0), 1e-300)
    single = usual / (pixels * total[:, None])
    # Neighbouring frames tell by how much counts vary more than single ones.
    spread = float(
        np.median((np.diff(share, axis=0) ** 2).mean(axis=0) / (2 * single.mean(axis=0)))
    )
    noise = spread * sum(1 / (1 / single[side]).sum(axis=0) for side in (first, last))
    falls = (radius.mean() / radius[:, None]) ** np.arange(FALLS) * usual.mean()
    smooth = np.hstack([usual[:, None], falls])
    beside = np.hstack([rings.lines.shapes(radius), rings.lines.slopes(radius), smooth])
    slack = noise + (MISFIT * usual) ** 2
    came = np.linalg.pinv(beside / np.sqrt(slack)[:, None]) @ ((ends[1] - ends[0]) / np.sqrt(slack))
    of_rings = rings.lines.shapes(radius) @ came[: len(rings)]
    weight = 1 / np.sqrt(slack + (RING_MISFIT * of_rings) ** 2)
    basis = np.linalg.qr(beside * weight[:, None])[0]
    change = (ends[1] - ends[0]) * weight
    change = change - basis @ (basis.T @ change)
    best: tuple[float, float, float] = (0.0, 0.0, 0.0)
    for relative in WIDTHS:
        width = relative * radius
        inside = (radius - MARGIN * width > radius[0]) & (radius + MARGIN * width < radius[-1])
        if not inside.any():
            continue
        lines = Lines(radius[inside], width[inside] / FWHM, np.ones(int(inside.sum())))
        shapes = lines.shapes(radius) * weight[:, None]
        own = shapes - basis @ (basis.T @ shapes)
        size = np.sqrt((own**2).sum(axis=0))
        z = (change @ own) / np.maximum(size, 1e-300)
        z[size < OWN * np.sqrt((shapes**2).sum(axis=0))] = 0
        at = int(np.argmax(z))
        if z[at] > best[0]:
            best = (float(z[at]), float(radius[inside][at]), float(width[inside][at]))
    if best[0] < stats.norm.isf(false_alarm / PLACES):
        return None
    z, middle, width_there = best
    line = Lines(np.array([middle]), np.array([width_there / FWHM]), np.ones(1))
    design = np.hstack([line.shapes(radius), beside]) * weight[:, None]
    read = np.linalg.pinv(design)[0] * weight
    raw = ends[1] - ends[0]
    apart = np.abs(radius[:, None] - rings.lines.middle) > CLEAR * rings.lines.sigma
    near = (np.abs(radius - middle) < width_there / 2) & apart.all(axis=1)
    # A ring that nobody found and that goes leaves the rest of the fit too high elsewhere.
    if not near.any() or raw[near].mean() < REALLY * float(read @ raw):
        return None
    electrons = line.electrons(rings.step)[0]
    intensity, error = np.full((2, len(tracker.lit)), np.nan)
    intensity[known] = electrons * ((share - ends[0]) @ read)
    error[known] = electrons * np.sqrt(spread * (single @ read**2))
    return GrownHalo(middle * rings.step, width_there * rings.step, z, intensity, error)
