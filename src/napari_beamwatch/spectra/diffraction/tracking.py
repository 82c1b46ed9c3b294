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

from napari_beamwatch.compiling import kernel
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.diffraction.background import RADIUS
from napari_beamwatch.spectra.diffraction.finding import WEIGHT, DiffractionSpots
from napari_beamwatch.spectra.region_traces import running_sum
from napari_beamwatch.spectra.tracking import NEIGHBOURS, running_mean

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

DISC = 4.0
"""Pixels: radius of the disc that is read; the weights have fallen to 3 % there."""

RING = (5.0, 9.0)
"""Pixels: inner and outer radius of the ring that tells the background."""

FEWEST_RING_PIXELS = 20

WHOLE_DISC = 0.98
"""Part of the disc that must be seen in a frame: less of a spot would look like fading."""

ENOUGH = 8.0
"""Standard errors of the counts behind a spacing."""

LONGEST_AVERAGE = 61
"""Frames a spacing is averaged over at most."""

(COUNTS, LEVEL, PLAIN, OWN, PULL_Y, PULL_X, WEIGHED, FAR, FAR_OWN) = range(9)
"""What `read_spots` tells of a place."""


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


@dataclass(frozen=True, eq=False)
class ReadSpots:
    """What was read in a frame.

    Attributes
    ----------
    values : array of float64 (spot, mate, 9)
        As `read_spots` tells them.
    total : float
        All counts of the frame that are seen; what pixels that are no numbers would have held is
        in it, by the share of the pattern that falls on them.
    """

    values: Floats
    total: float


@dataclass(frozen=True, eq=False)
class SpotReader:
    """Reads the spots of frames; keeps nothing, and can be sent to another process.

    Attributes
    ----------
    pattern : array of float64
        Sum of all patterns, 0 where nothing is seen.
    seen, near : array of bool
        Pixels that are not hidden; those that belong to spots.
    places : array of float64 (spot, mate, 2)
    mates : array of bool (spot, mate)
        Those that are read.
    hidden : array of bool, optional
        Pixels of the camera that show nothing, wherever the pattern lies. Without it, those that
        are not seen stand still when it is shifted.
    """

    pattern: Floats
    seen: Mask
    near: Mask
    places: Floats
    mates: Mask
    hidden: Mask | None = None

    @classmethod
    def of(cls, spots: DiffractionSpots, hidden: Mask | None = None) -> SpotReader:
        """The reader of some spots."""
        vector = np.stack([spots.ry, spots.rx], axis=1)
        middle = np.array([spots.centre.y, spots.centre.x])
        places = np.stack([middle + vector, middle - vector], axis=1)
        seen = spots.centre.seen
        near = _near_spots(seen.shape, places[spots.mates])
        return cls(spots.pattern, seen, near, places, spots.mates, hidden)

    def __call__(self, image: NDArray[Any], shift: tuple[float, float] = (0, 0)) -> ReadSpots:
        """What a frame shows; a shift as for `SpotTracker.add`."""
        pattern, known = self.pattern, self.seen & np.isfinite(image)
        if self.hidden is not None:
            at = np.rint(shift).astype(np.int64)
            known = laid(self.seen, at) & np.isfinite(image) & ~self.hidden
            pattern = laid(pattern, at)
        counts = np.where(known, image, np.nan).astype(np.float64)
        total = float(counts[known].sum())
        missing = 1 - pattern[known].sum() / self.pattern.sum()
        if missing > 0:
            total = total / (1 - missing) if missing < 1 else 0.0
        values = np.full((len(self.places), 2, 9), np.nan)
        if total > 0:
            read_spots(counts, self.near, self.places, self.mates, *shift, values)
        return ReadSpots(values, total)


def laid(values: NDArray[Any], at: NDArray[np.int64]) -> NDArray[Any]:
    """An image laid so many whole pixels further down and right; 0 where nothing comes to lie."""
    moved = np.zeros_like(values)
    to, of = (
        tuple(
            slice(max(0, sign * n), values.shape[axis] + min(0, sign * n))
            for axis, n in enumerate(at.tolist())
        )
        for sign in (1, -1)
    )
    moved[to] = values[of]
    return moved


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


def _near_spots(shape: tuple[int, ...], places: Floats) -> Mask:
    """Pixels that belong to some spot, not to the background of another."""
    near = np.zeros(shape, bool)
    reach = int(np.ceil(DISC)) + 1
    for y, x in places:
        top, left = max(0, round(y) - reach), max(0, round(x) - reach)
        part = near[top : round(y) + reach + 1, left : round(x) + reach + 1]
        rows, columns = np.indices(part.shape)
        part |= np.hypot(rows + top - y, columns + left - x) <= DISC
    return near


@kernel()
def read_spots(
    counts: Floats,
    near: NDArray[np.bool_],
    places: Floats,
    mates: NDArray[np.bool_],
    shift_y: float,
    shift_x: float,
    read: Floats,
) -> None:
    """Counts and pulls of spots in a frame; places that are not wholly seen are left alone.

    Parameters
    ----------
    counts : array
        NaN where nothing is seen.
    near : array of bool
        Pixels that belong to spots, in the unshifted pattern.
    places : array (spot, mate, 2)
    mates : array of bool (spot, mate)
        Those to be read.
    shift_y, shift_x : float
        Of the pattern.
    read : array (spot, mate, 9)
        Counts, background of a pixel, its factor in the variance of the counts, the spot's own
        part of that variance, pulls along y and x, the weighted counts, factor of the background
        in the variance of the pulls, own part of it.
    """
    rows, columns = counts.shape
    reach = int(np.ceil(RING[1]))
    off_y, off_x = int(np.rint(shift_y)), int(np.rint(shift_x))
    square = WEIGHT * WEIGHT
    for s in range(len(places)):
        for m in range(2):
            if not mates[s, m]:
                continue
            y, x = places[s, m, 0] + shift_y, places[s, m, 1] + shift_x
            top, left = int(np.rint(y)) - reach, int(np.rint(x)) - reach
            around = 0.0
            ring = 0
            for i in range(max(0, top), min(rows, top + 2 * reach + 1)):
                for j in range(max(0, left), min(columns, left + 2 * reach + 1)):
                    r = np.hypot(i - y, j - x)
                    if r < RING[0] or r > RING[1] or np.isnan(counts[i, j]):
                        continue
                    k, n = i - off_y, j - off_x
                    if 0 <= k < rows and 0 <= n < columns and near[k, n]:
                        continue
                    around += counts[i, j]
                    ring += 1
            if ring < FEWEST_RING_PIXELS:
                continue
            level = around / ring
            norm = total = weights = squares = own = 0.0
            pull_y = pull_x = far = far_own = 0.0
            pixels = whole = 0
            for i in range(int(np.ceil(y - DISC)), int(np.floor(y + DISC)) + 1):
                for j in range(int(np.ceil(x - DISC)), int(np.floor(x + DISC)) + 1):
                    v, u = i - y, j - x
                    away = v * v + u * u
                    if away > DISC * DISC:
                        continue
                    whole += 1
                    if not (0 <= i < rows and 0 <= j < columns) or np.isnan(counts[i, j]):
                        continue
                    pixels += 1
                    weight = np.exp(-away / (2 * square))
                    signal = counts[i, j] - level
                    norm += weight * weight / (2 * np.pi * square)
                    weights += weight
                    squares += weight * weight
                    total += weight * signal
                    own += weight * weight * signal
                    pull_y += weight * v * signal
                    pull_x += weight * u * signal
                    far += weight * weight * away / 2
                    far_own += weight * weight * away / 2 * signal
            if pixels < WHOLE_DISC * whole:
                continue
            read[s, m, COUNTS] = total / norm
            read[s, m, LEVEL] = level
            read[s, m, PLAIN] = (squares + weights * weights / ring) / norm**2
            read[s, m, OWN] = own / norm**2
            read[s, m, PULL_Y] = pull_y
            read[s, m, PULL_X] = pull_x
            read[s, m, WEIGHED] = total
            read[s, m, FAR] = far
            read[s, m, FAR_OWN] = far_own


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
