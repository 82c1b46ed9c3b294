"""The lattice of a movie that is being written: spots found so far, one number a part and frame.

Spots are looked for in the sum of the first frames, again and again as there are more of them, each
time at its share of `alpha`. What is found is measured from the next frame on only, for noise had
a hand in which spots were found, and the frames that showed them are biased. Where spots twice as
strong as that takes tell half of all there is to tell, they alone are followed, and from the first
frame on: their bias is less than the margin of the test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.alarm import Frame as Told
from napari_beamwatch.movies.frames import Frame
from napari_beamwatch.spectra.following import Spots, Stack
from napari_beamwatch.spectra.region_traces import overlap_factors
from napari_beamwatch.spectra.streaming import level_of, mended
from napari_beamwatch.spectra.tracking import SpotMeasure
from napari_beamwatch.spectra.walking import Paths
from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOOKS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384)
"""Frames with beam after which spots are looked for."""

SURE = 2.0
"""Times the threshold from which a spot would have been found whatever the noise."""

ENOUGH = 0.5
"""Of the information that such spots must hold to do without the others."""

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
    sure : bool
        Noise had no hand in the choice: the frames that were looked at may be measured, too.
    """

    spots: Spots
    parts: Parts
    measure: SpotMeasure
    floor: Floats
    expected: Floats
    in_phase: Floats
    own: Floats
    beam: float
    sure: bool

    @classmethod
    def of(
        cls, spots: Spots, stack: Stack, beam: float, share: float, threshold: float
    ) -> Followed:
        """Spots of a look.

        Parameters
        ----------
        spots : Spots
        stack : Stack
            Frames that were looked at.
        beam : float
            Their mean signal.
        share : float
            Of the evidence, for all of its parts.
        threshold : float
            Power over the floor from which a spot is one.
        """
        frames = int(stack.lit.sum())
        floor = spots.frame_floor(stack.single_counts)
        expected = spots.peaks.snr * spots.peaks.floor / floor / frames
        in_phase, own = np.ones(len(floor)), np.ones(len(floor))
        reflection, window = spots.reflections.of_peak, spots.peaks.window
        surely = spots.peaks.snr > SURE * threshold
        told = expected**2 / (2 * expected + 1)
        sure = bool(told[surely].sum() >= ENOUGH * told.sum())
        if not sure:
            surely[:] = True
        kept = np.flatnonzero(surely)
        for r in np.unique(reflection):
            mine = (reflection == r) & surely
            if not mine.any():
                continue
            in_phase[mine], own[mine] = overlap_factors(spots.grid, window[mine])
        standing = Paths.standing(1, spots.gy[kept], spots.gx[kept])
        measure = SpotMeasure(spots.grid, window[kept], standing)
        parts = _parts(spots, kept, expected[kept], share)
        rest = (floor[kept], expected[kept], in_phase[kept], own[kept], beam, sure)
        return cls(spots, parts, measure, *rest)

    @property
    def information(self) -> float:
        """One over the variance of the field's lattice in a frame, relative to itself."""
        return float((self.expected**2 / self._spread).sum())

    @property
    def _spread(self) -> Floats:
        return 2 * self.expected * self.in_phase + self.own

    def told(self, image: Frame, shift: tuple[int, int]) -> list[Told]:
        """What each part shows in a frame, relative to what was found."""
        image = mended(image)
        measured = self.measure(0, image, shift, level_of(image))
        moments = measured.moments[:, 0]
        power = moments.real.astype(np.float64) ** 2 + moments.imag.astype(np.float64) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            level = self.floor * measured.means * self.spots.grid.weight_power
            snr = power / np.where(level > 0, level, np.nan) - 1
        beam = measured.field_mean / self.beam
        return self.pooled(snr, beam)

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
