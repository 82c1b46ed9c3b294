"""Powder rings over the frames: the part of all electrons that each holds, and its spacing.

In every frame the rings that were found, as wide as they were and where they were, are fitted at
once with the background beside them. That is linear in the counts, so that a value is a weighted
sum of them and its error is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.diffraction.polar import Polar
from napari_beamwatch.spectra.diffraction.profile import background
from napari_beamwatch.spectra.diffraction.rings import PatternRings
from napari_beamwatch.spectra.region_traces import running_sum
from napari_beamwatch.spectra.tracking import NEIGHBOURS, running_mean

Floats = NDArray[np.float64]

ENOUGH = 8.0
"""Standard errors of the counts behind a spacing."""

LONGEST_AVERAGE = 61
"""Frames a spacing is averaged over at most."""

FARTHEST = 1.5
"""Standard deviations of a ring by which it may move to be told from where it was."""

LEAST_BACKGROUND = 0.02
"""Part of the variance of a ring that is its background's, at least."""

WIDER = 4.0
"""Standard errors by which a ring must scatter more than the others to have a law of its own."""


@dataclass(frozen=True, eq=False)
class RingTraces:
    """Rings over the frames; arrays (frame, ring), NaN where nothing was measured.

    Attributes
    ----------
    intensity, intensity_se : array of float64
        Part of all electrons of the frame that the ring holds.
    snr : array of float64
        That over the standard deviation of the background alone.
    radius, radius_se : array of float64
        In pixels, around each frame.
    averaged : array of int64 (ring,)
        Frames behind each radius.
    """

    intensity: Floats
    intensity_se: Floats
    snr: Floats
    radius: Floats
    radius_se: Floats
    averaged: NDArray[np.int64]


class RingTracker:
    """Follows the rings of a pattern through frames that come in any order.

    Parameters
    ----------
    rings : PatternRings
    frames : int

    Attributes
    ----------
    counts, pixels : array of float64 (frame, radius)
        Of the radii that are looked at.
    total : array of float64 (frame,)
        All counts of the frame.
    """

    def __init__(self, rings: PatternRings, frames: int) -> None:
        self.rings = rings
        self.counts = np.full((frames, int(rings.used.sum())), np.nan)
        self.pixels = np.zeros(self.counts.shape)
        self.total = np.full(frames, np.nan)

    @property
    def lit(self) -> NDArray[np.bool_]:
        """Frames that tell anything."""
        return np.asarray(np.isfinite(self.total), np.bool_)

    def keep(self, frame: int, read: Polar, total: float) -> None:
        """Keep what was read in a frame, all counts of which are `total`; not if it is dark."""
        if total > 0:
            counts, pixels = read.around()
            self.counts[frame] = counts[self.rings.used]
            self.pixels[frame] = pixels[self.rings.used]
            self.total[frame] = total

    def traces(self) -> RingTraces:
        """What was measured."""
        rings, count = self.rings, len(self.rings)
        frames = len(self.total)
        if not count or not self.lit.any():
            nothing = np.full((frames, count), np.nan)
            one = np.ones(count, np.int64)
            return RingTraces(nothing, nothing, nothing, nothing, nothing, one)
        lit = self.lit
        mean = np.where(self.pixels > 0, self.counts / np.maximum(self.pixels, 1), np.nan)
        flux = self.total[:, None]
        # Neighbouring frames tell how a value spreads: by its own counts, a low one would seem
        # surer than a high one.
        usual = np.maximum(running_mean(mean / flux, NEIGHBOURS), 0) * flux
        many = np.where(self.pixels > 0, self.pixels, np.nan)
        height, moved, variance, moved_variance, own = self._read(mean, usual, many, lit)
        spread = _spread(height / flux, variance / flux**2, lit)  # the beam flickers
        share = rings.lines.electrons(rings.step) / flux
        noise = variance * spread
        radius, radius_se, averaged = _radii(
            rings, height, moved, noise, moved_variance * spread, lit
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            background_only = np.maximum(variance - own, LEAST_BACKGROUND * variance) * spread
            return RingTraces(
                height * share,
                np.sqrt(noise) * share,
                height / np.sqrt(background_only),
                radius,
                radius_se,
                averaged,
            )

    def _read(
        self, mean: Floats, usual: Floats, many: Floats, lit: NDArray[np.bool_]
    ) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """Heights, heights times how far rings moved, and variances for single counts.

        Of heights, of the second, and the part of the first that is the ring's own.
        """
        lines, count = self.rings.lines, len(self.rings)
        radius = np.flatnonzero(self.rings.used).astype(np.float64)
        shape = lines.shapes(radius)
        design = np.hstack([shape, lines.slopes(radius), background(radius)])
        # One set of weights for all frames: what changes must not change how it is read.
        level = np.nanmean(usual / self.total[:, None], axis=0)
        typical = np.nanmedian(many, axis=0)
        weight = np.sqrt(typical / np.maximum(level, 1e-3 * float(level.max())))
        plain = np.delete(design, np.s_[count : 2 * count], axis=1)
        told = [np.full((len(mean), count), np.nan) for _ in range(5)]
        height_of = np.linalg.pinv(plain * weight[:, None])[:count] * weight
        moved_of = np.linalg.pinv(design * weight[:, None])[count : 2 * count] * weight
        known = lit & np.isfinite(mean).all(axis=1)
        told[0][known] = mean[known] @ height_of.T
        told[1][known] = mean[known] @ moved_of.T
        per_pixel = usual[known] / many[known]
        told[2][known] = per_pixel @ (height_of**2).T
        told[3][known] = per_pixel @ (moved_of**2).T
        around = np.maximum(running_mean(told[0] / self.total[:, None], NEIGHBOURS), 0)
        heights = (around * self.total[:, None])[known]
        told[4][known] = heights * ((1 / many[known]) @ (height_of**2 * shape.T).T)
        return told[0], told[1], told[2], told[3], told[4]


def _spread(share: Floats, variance: Floats, lit: NDArray[np.bool_]) -> Floats:
    """Variance of the share of each ring over that by single counts, from neighbouring frames.

    Slow changes do not count. Few grains that rock scatter more than counts do.
    """
    value, expected = share[lit], variance[lit]
    if len(value) < 3:
        return np.ones(share.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.diff(value, axis=0) ** 2 / (expected[1:] + expected[:-1])
    pairs = np.maximum(np.isfinite(ratio).sum(axis=0), 1)
    own = np.where(np.isfinite(ratio), ratio, 0.0).sum(axis=0) / pairs
    usual = float(np.median(own[own > 0])) if (own > 0).any() else 1.0
    return np.where(own > usual * (1 + WIDER * np.sqrt(3 / pairs)), own, usual)


def _radii(
    rings: PatternRings,
    height: Floats,
    moved: Floats,
    variance: Floats,
    moved_variance: Floats,
    lit: NDArray[np.bool_],
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Radius of each ring around each frame in pixels, its error, and how many frames tell it."""
    radius, error = np.full(height.shape, np.nan), np.full(height.shape, np.nan)
    averaged = np.ones(len(rings), np.int64)
    for ring in range(len(rings)):
        known = lit & np.isfinite(height[:, ring])
        columns = [
            np.where(known, values[:, ring], 0.0)
            for values in (height, moved, variance, moved_variance)
        ]
        with np.errstate(divide="ignore", invalid="ignore"):
            clear = np.where(columns[2] > 0, columns[0] / np.sqrt(columns[2]), 0.0)
        usual = float((running_sum(clear, 9) / 9).max(initial=0.0))
        width = LONGEST_AVERAGE
        if usual > 0:
            width = min(width, int(np.ceil((ENOUGH / usual) ** 2)) // 2 * 2 + 1)
        averaged[ring] = width
        signal, pull, noise, pull_noise = (running_sum(values, width) for values in columns)
        with np.errstate(divide="ignore", invalid="ignore"):
            away, away_se = pull / signal, np.sqrt(pull_noise) / signal
        sure = known & (signal > ENOUGH / 2 * np.sqrt(noise))
        sure &= np.abs(away) < FARTHEST * rings.lines.sigma[ring]
        radius[sure, ring] = (rings.lines.middle[ring] + away[sure]) * rings.step
        error[sure, ring] = away_se[sure] * rings.step
    return radius, error, averaged
