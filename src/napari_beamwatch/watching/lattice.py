"""The lattice of a movie that is being written: spots found so far, one number a part and frame.

Spots are looked for in the sum of the frames so far and in that of their later half, again and
again as there are more of them, each time at its share of `alpha`. Then all frames are measured,
those that were looked at as well, for without them there would be no plateau. But noise had a hand
in which spots were found: it added to those that were. In the sum the amplitude of a spot is
Gaussian, and it was seen because it passed a threshold; the likeliest amplitude given that [1]_ is
less, the more so the nearer it is to the threshold, and as much less is taken for what these frames
showed.

References
----------
.. [1] A. C. Cohen, Annals of Mathematical Statistics 21 (1950) 557 (truncated normal samples).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_beamwatch.damage.course.alarm import Frame as Told
from napari_beamwatch.movies.frames import Frame
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.spots import Spots
from napari_beamwatch.spectra.stack import Stack
from napari_beamwatch.spectra.streaming import level_of, mended
from napari_beamwatch.spectra.tracking import SpotMeasure
from napari_beamwatch.spectra.walking import Paths
from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKS = (
    2, 3, 4, 5, 6, 8, 10, 12, 14, 17, 20, 24, 28, 34, 40, 48, 58, 70, 84, 100, 120, 144, 172, 206,
    248, 298, 358,
)  # fmt: skip
"""Frames with beam after which spots are looked for."""

AMPLITUDE_SD = math.sqrt(0.5)
"""Of the amplitude of a spot in units of the floor's: one of the two parts of the noise."""

HALVINGS = 30
"""Of an interval that holds an amplitude."""

MOST_CRYSTALS = 8
"""That are judged by themselves, the strongest."""

LEAST_MEASURED = 0.2
"""Of a part's lattice that must be on the detector for the part to be measured."""


@dataclass(frozen=True, eq=False)
class Parts:
    """Parts of the field, each with one trace.

    Attributes
    ----------
    names : tuple of str
    shares : tuple of float
        Of the evidence; they add up to 1 at most.
    members : array of bool (parts, spots)
    """

    names: tuple[str, ...]
    shares: tuple[float, ...]
    members: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Followed:
    """Spots found in one look, and what is needed to measure them in later frames.

    Attributes
    ----------
    spots : Spots
    parts : Parts
    measure : SpotMeasure
    floor, expected : array (spots,)
        Of a frame: the floor over that of single counts, and the signal over the floor.
    in_phase, own : array (spots,)
        Overlap factors, see `SpotTrace`.
    beam : float
        Mean signal of the frames that were looked at.
    due : array (spots,)
        Part of what those frames showed that the choice did not add.
    """

    spots: Spots
    parts: Parts
    measure: SpotMeasure
    floor: Floats
    expected: Floats
    in_phase: Floats
    own: Floats
    beam: float
    due: Floats

    @classmethod
    def of(
        cls, spots: Spots, stack: Stack, beam: float, limits: tuple[float, float], share: float
    ) -> Followed | None:
        """Spots of a look; None if chance explains them all.

        Parameters
        ----------
        spots : Spots
        stack : Stack
            Frames that were looked at.
        beam : float
            Their mean signal.
        limits : (least, greatest)
            Power over the floor from which a spot is one: where its reflection is known from
            another window, and where it is not.
        share : float
            Of the evidence, for all of its parts.
        """
        limit = np.full(len(spots.peaks), limits[0])
        for r in range(len(spots.reflections)):
            mine = np.flatnonzero(spots.reflections.of_peak == r)
            limit[mine[spots.peaks.snr[mine].argmax()]] = limits[1]
        snr = unchosen(spots.peaks.snr, limit)
        kept = np.flatnonzero(snr > 0)
        if not len(kept):
            return None
        snr, window = snr[kept], spots.peaks.window[kept]
        floor = spots.frame_floor(stack.single_counts)[kept]
        added_up = np.array([stack.lit[first:last].sum() for first, last in spots.segments])
        frames = added_up[spots.peaks.segment[kept]]
        expected = snr * spots.peaks.floor[kept] / floor / frames
        in_phase, own = np.ones(len(kept)), np.ones(len(kept))
        reflection = spots.reflections.of_peak[kept]
        for r in np.unique(reflection):
            mine = reflection == r
            in_phase[mine], own[mine] = overlap_factors(spots.grid, window[mine])
        standing = Paths.standing(1, spots.gy[kept], spots.gx[kept])
        measure = SpotMeasure(spots.grid, window, standing)
        parts = _parts(spots, kept, expected, share)
        due = snr / spots.peaks.snr[kept]
        return cls(spots, parts, measure, floor, expected, in_phase, own, beam, due)

    @property
    def information(self) -> float:
        """One over the variance of the field's lattice in a frame, relative to itself."""
        return float((self.expected**2 / self._spread).sum())

    @property
    def _spread(self) -> Floats:
        return 2 * self.expected * self.in_phase + self.own

    def told(self, image: Frame, shift: tuple[int, int], *, looked_at: bool) -> list[Told]:
        """What each part shows in a frame, relative to what was found."""
        image = mended(image)
        measured = self.measure(0, image, shift, level_of(image))
        moments = measured.moments[:, 0]
        power = moments.real.astype(np.float64) ** 2 + moments.imag.astype(np.float64) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            level = self.floor * measured.means * self.spots.grid.weight_power
            snr = power / np.where(level > 0, level, np.nan) - 1
        beam = measured.field_mean / self.beam
        return self.pooled(snr * self.due if looked_at else snr, beam)

    def pooled(self, snr: Floats, beam: float) -> list[Told]:
        """One number for each part, with its noise law.

        Weights are those that tell most of a loss that all spots share: signal over variance.

        Parameters
        ----------
        snr : array (spots,)
            NaN where it was not measured.
        beam : float
            Over that of the frames that were looked at: the signal goes with it.
        """
        weight = self.expected / self._spread
        known = np.isfinite(snr)
        filled = np.where(known, snr, 0.0)
        members = self.parts.members
        all_of = members @ (weight * self.expected)
        scale = members @ (known * weight * self.expected)
        signal = members @ (known * weight**2 * 2 * self.expected * self.in_phase)
        noise = members @ (known * weight**2 * self.own)
        value = members @ (weight * filled)
        told = []
        for i in range(len(members)):
            if not beam > 0 or scale[i] < LEAST_MEASURED * all_of[i]:
                told.append(Told(np.nan, 1.0, 1.0))
                continue
            by = scale[i] * beam
            told.append(
                Told(
                    float(value[i] / by), float(signal[i] / by / scale[i]), float(noise[i] / by**2)
                )
            )
        return told


def unchosen(snr: Floats, threshold: Floats | float) -> Floats:
    """Signal of spots that were found, less what being found adds to it on average.

    Parameters
    ----------
    snr : array
        Power over the floor, less one, as it was found.
    threshold : array or float
        Power over the floor from which a spot is one; what is below it was not chosen for that.
    """
    least = np.sqrt(threshold)
    found = np.sqrt(snr + 1)
    low, high = np.zeros(len(found)), found.copy()
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        away = (least - middle) / AMPLITUDE_SD
        hazard = np.exp(stats.norm.logpdf(away) - stats.norm.logsf(away))
        above = middle + AMPLITUDE_SD * hazard > found
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    # The other part of the noise adds half of its power to the square.
    return np.where(found < least, snr, np.maximum(high**2 - 0.5, 0.0))


def _parts(spots: Spots, kept: Ints, expected: Floats, share: float) -> Parts:
    """All of the field, its crystals, and blocks of it."""
    every = np.ones(len(expected), bool)
    crystal = spots.reflections.crystal[spots.reflections.of_peak[kept]]
    names, shares, members = ["the field"], [share / 3], [every]
    strength = {c: float(expected[crystal == c].sum()) for c in np.unique(crystal).tolist()}
    strongest = sorted(strength, key=strength.__getitem__, reverse=True)[:MOST_CRYSTALS]
    if len(strength) > 1:
        for c in strongest:
            names.append(f"crystal {c + 1}")
            shares.append(share / 3 / len(strongest))
            members.append(crystal == c)
    for side in (2, 4):
        block = _blocks(spots.grid, side)[spots.peaks.window[kept]]
        filled = np.unique(block)
        if len(filled) < 2:
            continue
        for b in filled.tolist():
            names.append(f"the part in {_place(b, side)}")
            shares.append(share / 6 / len(filled))
            members.append(block == b)
    return Parts(tuple(names), tuple(shares), np.array(members))


def _blocks(grid: Grid, side: int) -> NDArray[np.int64]:
    """Number of the block, of side × side, that the middle of each window lies in."""
    size = np.array([grid.height, grid.width])
    at = (grid.corners + grid.window // 2) * side // size
    return np.asarray(np.minimum(at, side - 1) @ np.array([side, 1]), np.int64)


def _place(block: int, side: int) -> str:
    return f"row {block // side + 1}, column {block % side + 1} of {side} by {side}"
