"""Tracking: the counts and the place of each diffraction spot in each frame, with true errors.

The counts of a spot and of its mate are read with Gaussian weights, less the background of a
ring around it, and divided by all counts of the frame that are seen: a beam that dims changes
nothing in them. Their variance is that of the counts they were read from, and so is that of the
place, which is the weighted centre of gravity over the part of its distance that a spot moves
that by: none needs to know how wide spots are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.diffraction.reading import (
    COUNTS,
    FAR,
    FAR_OWN,
    LEVEL,
    OWN,
    PLAIN,
    PULL_X,
    PULL_Y,
    WEIGHED,
    ReadSpots,
    SpotReader,
)
from napari_beamwatch.spectra.diffraction.spots import DiffractionSpots
from napari_beamwatch.spectra.region_traces import running_sum
from napari_beamwatch.spectra.tracking import NEIGHBOURS, running_mean

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class DiffractionTraces:
    """Spots over the frames; arrays (frame, spot), NaN where nothing was measured.

    Attributes
    ----------
    intensity, intensity_se : array of float64
        Counts of a mate (their mean where both are seen) over all counts of the frame.
    snr : array of float64
        Counts over the standard deviation of the background alone.
    offset_y, offset_x, offset_se, weight : array of float64
        `weight` times the distance in pixels of the spot from where it is followed, away from
        the centre: sums of offsets over sums of weights are mean distances, whatever is summed
        over. A shift of the whole pattern is not in it where both mates are seen and alike.
    """

    intensity: Floats
    intensity_se: Floats
    snr: Floats
    offset_y: Floats
    offset_x: Floats
    offset_se: Floats
    weight: Floats


class SpotTracker:
    """Follows the spots of a pattern through frames that come in any order, from any thread.

    Parameters
    ----------
    spots : DiffractionSpots
    frames : int
    hidden : array of bool, optional
        As of `SpotReader`.

    Attributes
    ----------
    reader : SpotReader
        Reads a frame, wherever that is done, for `keep`.
    """

    def __init__(self, spots: DiffractionSpots, frames: int, hidden: Mask | None = None) -> None:
        self.spots = spots
        self.reader = SpotReader.of(spots, hidden)
        self._read = np.full((frames, len(spots), 2, 9), np.nan)
        self._total = np.full(frames, np.nan)

    def add(self, frame: int, image: NDArray[Any], shift: tuple[float, float] = (0, 0)) -> None:
        """Measure the spots in a frame.

        Parameters
        ----------
        frame : int
        image : array
            Counts.
        shift : (dy, dx)
            How far the pattern's centre lies from that of the spots, in pixels; the beam stop
            stands still.
        """
        seen = self.spots.centre.seen
        if image.shape != seen.shape:
            raise BeamwatchError(
                f"frame {frame} has {image.shape[0]} by {image.shape[1]} px, the spots were "
                f"found in {seen.shape[0]} by {seen.shape[1]}"
            )
        self.keep(frame, self.reader(image, shift))

    def keep(self, frame: int, read: ReadSpots) -> None:
        """Keep what `reader` read in a frame; a dark frame tells nothing."""
        if read.total > 0:
            self._total[frame] = read.total
            self._read[frame] = read.values

    @property
    def mean(self) -> Floats:
        """Counts per pixel that is seen, of each frame; NaN where there is nothing."""
        return np.asarray(self._total / self.spots.centre.seen.sum(), np.float64)

    def traces(self, width: int = 1) -> DiffractionTraces:
        """What was measured.

        Parameters
        ----------
        width : int
            Frames that are added up around each.
        """
        read, total = self._read, self._total
        if width > 1:
            read, total = _running_sums(read, total, width)
        flux = total[:, None, None]
        phi = self.spots.dispersion[:, None]
        known = np.isfinite(read[..., COUNTS])
        mates = known.sum(axis=2)
        # Neighbouring frames tell how a value spreads: by a frame's own counts, low values
        # would seem surer than high ones.
        level, own, far_own = (_usual(read[..., i], flux) for i in (LEVEL, OWN, FAR_OWN))
        background = phi * level * read[..., PLAIN]
        sign = np.array([1.0, -1.0])

        def both(values: Floats) -> Floats:
            return np.where(mates > 0, np.where(known, values, 0.0).sum(axis=2), np.nan)

        with np.errstate(divide="ignore", invalid="ignore"):
            share = mates * total[:, None]
            counts = both(read[..., COUNTS])
            return DiffractionTraces(
                intensity=counts / share,
                intensity_se=np.sqrt(both(background + phi * own)) / share,
                snr=counts / np.sqrt(both(background)),
                offset_y=both(sign * read[..., PULL_Y]),
                offset_x=both(sign * read[..., PULL_X]),
                offset_se=np.sqrt(both(phi * (level * read[..., FAR] + far_own))),
                weight=both(read[..., WEIGHED]) * self.spots.response,
            )


def _running_sums(read: Floats, total: Floats, width: int) -> tuple[Floats, Floats]:
    """What sums of neighbouring frames would have told; dark frames add nothing."""
    lit = np.isfinite(total)
    sums = np.full(read.shape, np.nan)
    flat, to = np.where(lit[:, None], read.reshape(len(read), -1), 0.0), sums.reshape(len(read), -1)
    for column in range(flat.shape[1]):
        to[lit, column] = running_sum(flat[:, column], width)[lit]
    # These two tell of the weights, not of what is there.
    sums[..., [PLAIN, FAR]] = read[..., [PLAIN, FAR]]
    totals = np.where(lit, running_sum(np.where(lit, total, 0.0), width), np.nan)
    return sums, totals


def _usual(values: Floats, flux: Floats) -> Floats:
    """Values that go with the flux, as neighbouring frames have them; not below 0."""
    per_flux = (values / flux).reshape(len(values), -1)
    usual = np.maximum(running_mean(per_flux, NEIGHBOURS), 0).reshape(values.shape)
    return np.asarray(usual * flux, np.float64)
