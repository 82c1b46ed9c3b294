"""The noise floor of window spectra, and what stands above it.

Without a lattice the power of a window in one bin, over its expectation, is Exp(1): two
Gaussian numbers squared, also where the expectation varies with |k| as it does for drawn
electrons, interpolated data or the speckle of amorphous carbon. The expectation is taken from
the data: a radial profile common to all windows, times a straight line in |k| for each window.
Both come from means of values cut off at three times the floor, which lattice spots, being few,
hardly move, and which are turned back into means of the exponential law.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.windows import Floats32

Floats = NDArray[np.float64]

CUT = 3.0
BANDS = 8
CLASSES = 64
"""Classes an octave when quartiles are counted out."""

QUARTILE = 0.6745
"""Median of the size of a normal number of unit variance."""

LOWEST_BIN = 4.0
"""Bins nearer to the centre than this hold the taper, the shape of particles and the beam."""

WHITE_SIGMAS = 4.0
"""A floor so many standard errors from that of single counts is not that of single counts."""


@cache
def half_plane(window: int) -> HalfPlane:
    """The half plane of a window; its arrays are worked out once."""
    return HalfPlane(window)


@dataclass(frozen=True)
class HalfPlane:
    """The bins of a real transform that count, one of each Friedel pair.

    Attributes
    ----------
    window : int
        Side in pixels; the transform has ``window × (window // 2 + 1)`` bins.
    """

    window: int

    @cached_property
    def ky(self) -> NDArray[np.float64]:
        """Frequency along y of each row, in bins."""
        return np.asarray(np.fft.fftfreq(self.window, 1 / self.window), np.float64)

    @cached_property
    def radius(self) -> Floats32:
        """|k| in bins."""
        kx = np.arange(self.window // 2 + 1)
        return np.hypot(self.ky[:, None], kx[None, :]).astype(np.float32)

    @cached_property
    def used(self) -> NDArray[np.bool_]:
        """Bins that are looked at."""
        used = (self.radius >= LOWEST_BIN) & (self.radius < self.window / 2 - 1)
        used[self.ky < 0, 0] = False  # the other half of the Friedel pairs on the axis
        used[:, -1] = False
        return used

    @cached_property
    def ring(self) -> NDArray[np.int32]:
        """Index of the ring of each bin, -1 for those that are not used."""
        return np.where(self.used, np.rint(self.radius), -1).astype(np.int32)

    @cached_property
    def band(self) -> NDArray[np.int32]:
        """Index of the broad band of each bin, -1 for those that are not used."""
        span = (self.radius - LOWEST_BIN) / (self.window / 2 - LOWEST_BIN)
        return np.where(self.used, np.clip(span * BANDS, 0, BANDS - 1), -1).astype(np.int32)

    @cached_property
    def band_edges(self) -> NDArray[np.int64]:
        """First column of each band in each row, and the column after the last: (row, band + 1).

        Along a row |k| only grows, so a band is one stretch of it.
        """
        edges = np.zeros((self.window, BANDS + 1), np.int64)
        for y, row in enumerate(self.band):
            inside = np.flatnonzero(row >= 0)
            if inside.size:
                edges[y] = inside[0] + np.searchsorted(row[inside], np.arange(BANDS + 1))
        return edges

    @cached_property
    def band_radius(self) -> NDArray[np.float64]:
        """Mean |k| of each band, relative to the largest."""
        return np.array(
            [self.radius[self.band == b].mean() / (self.window / 2) for b in range(BANDS)]
        )

    @cached_property
    def band_sizes(self) -> NDArray[np.float64]:
        """Bins of each band."""
        return np.array([np.count_nonzero(self.band == b) for b in range(BANDS)], float)

    @cached_property
    def harmonics(self) -> NDArray[np.float64]:
        """How a floor may vary around the centre: two and four times the angle, by |k|."""
        kx = np.arange(self.window // 2 + 1)
        angle = np.arctan2(self.ky[:, None], kx[None, :])
        reach = self.radius.astype(np.float64) / (self.window / 2)
        waves = [np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle), np.sin(4 * angle)]
        return np.stack([wave * reach**power for wave in waves for power in (2, 4, 6)], axis=-1)

    def line_fit(self, correlation: float) -> Floats:
        """How a window's own level and slope follow from the logs of its bands.

        Rows 0 and 1 times the logs are level and slope; rows 2 and 3, two columns wide, are the
        inverse of their covariance.

        Parameters
        ----------
        correlation : float
            Neighbouring bins that say the same, because of the taper.
        """
        # Standard error of the log of a cut mean of n exponential numbers: 1.05 / √n.
        weight = self.band_sizes / correlation / 1.05**2
        design = np.stack([np.ones(BANDS), self.band_radius], axis=1)
        normal = design.T @ (weight[:, None] * design)
        fit = np.zeros((4, BANDS))
        fit[:2] = np.linalg.solve(normal, design.T * weight)
        fit[2:, :2] = normal
        return fit

    @property
    def bins(self) -> int:
        """How many bins are looked at."""
        return int(self.used.sum())


def cut_mean(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of exponential values whose mean after cutting off at `CUT` is `power`."""
    return np.asarray(np.interp(power, _CUT_MEANS, _MEANS), np.float64)


_MEANS = np.concatenate([[0.0], np.geomspace(1e-3, 1e4, 2000)])
_CUT_MEANS = _MEANS * -np.expm1(-CUT / np.maximum(_MEANS, 1e-12))


FEWEST_PLAIN = 8
"""Bins without spots for each term of the floor's course around the centre, or it has none."""


STEEP_FROM = 0.4
"""Cycles per pixel from which on a floor is looked at whether it is one."""

STEEP_TO = 0.27
"""Cycles per pixel down to which that may reach, if it does so from the limit on."""

STEEP_RINGS = 3.0
"""Bins of a ring there."""

STEEP_SECTOR = 16.0
"""Bins of a sector of it, along the limit: many more than a spot has."""

MISFIT = 0.3
"""Part by which noise may lie above its floor there."""

STEEP_SIGMAS = 5.0
"""Standard errors by which it must lie above, where there are few windows."""

DARK = 0.03
"""Part of the noise halfway to the limit; of a detector's own more is left, of blobs too."""

FURTHEST = 20.0
"""Logarithm by which a floor may depart from its ring: no camera comes near it."""


def common_floor(power: Floats32, plane: HalfPlane) -> Floats32:
    """Floor of each bin, common to some windows: smooth along |k| and around it.

    A ring profile, times a low harmonic series of the angle whose strength grows with |k|:
    drawn electrons and pixels are square, lenses astigmatic. Bins that stand out in the mean
    over the windows, the spots of a large crystal, are left out.

    Parameters
    ----------
    power : array (windows, rows, columns)
        Relative to the power of single counts.
    """
    chosen = plane.used
    ring = plane.ring[chosen]
    values = np.ascontiguousarray(power[:, chosen])
    shape = plane.harmonics[chosen]
    rings = np.arange(plane.window // 2 + 1)
    # Lattice spots lift a mean or a median; of a low quantile they move little.
    profile = np.maximum(lower_quartiles(values, ring, len(rings)) / -np.log(0.75), 1e-6)
    floor = profile[ring]
    around = np.zeros(shape.shape[1])
    size = np.asarray(np.bincount(ring, minlength=len(rings)), np.float64)
    for _ in range(3):
        mean = cut_mean(cut_means(values, (1 / floor).astype(np.float32), CUT))
        plain = mean < 1 + 5 * 1.05 / np.sqrt(len(values))
        if plain.sum() < FEWEST_PLAIN * shape.shape[1]:  # a hot pixel lifts all bins alike
            break
        log = np.log(np.maximum(mean[plain], 1e-3))
        size = np.asarray(np.bincount(ring[plain], minlength=len(rings)), np.float64)
        sums = np.bincount(ring[plain], weights=log, minlength=len(rings))
        along = _smooth(sums / np.maximum(size, 1), size)
        profile *= np.exp(along)
        here = shape[plain]
        around += np.linalg.solve(here.T @ here, here.T @ (log - along[ring[plain]]))
        floor = profile[ring] * np.exp(shape @ around)
    filled = np.interp(rings, rings[size > 0], profile[size > 0])
    radial = np.interp(plane.radius, rings, filled)
    # Where nothing was measured, as at the centre of small windows, the harmonics run away.
    shaped = np.clip(plane.harmonics @ around, -FURTHEST, FURTHEST)
    return np.asarray(radial * np.exp(shaped), np.float32)


def misfits(power: Floats32, floor: Floats32, plane: HalfPlane) -> Floats32:
    """Factor of each bin by which the noise near Nyquist's limit lies above its floor, 1 if known.

    What was resampled has noise there that falls steeply, and not alike in all directions: no
    smooth floor goes with it. Next to nothing is left of it but the rounding of grey levels, above
    which the images stand that an interpolation makes of all strong spots. What is found there is
    no lattice; nothing is known from where that begins on to the limit.

    Parameters
    ----------
    power : array (windows, rows, columns)
        Relative to the power of single counts.
    floor : array (rows, columns)
        `common_floor` of them.
    plane : HalfPlane
    """
    factor = np.ones_like(floor)
    far = plane.used & (plane.radius >= STEEP_TO * plane.window)
    radius, reach = plane.radius[far], plane.radius[far].max()
    # From Nyquist's limit inwards, so that the last ring is as wide as the others.
    ring = ((reach - radius) // STEEP_RINGS).astype(np.int64)
    angle = np.arctan2(np.broadcast_to(plane.ky[:, None], plane.radius.shape)[far], _kx(plane)[far])
    sectors = max(1, round(np.pi * reach / STEEP_SECTOR))
    sector = np.minimum((angle / np.pi + 0.5) * sectors, sectors - 1).astype(np.int64)
    group = ring * sectors + sector
    # A lattice lifts a few bins, or a few windows; medians do not see it.
    over = np.median(power[:, far], axis=0) / np.log(2) / floor[far]
    order = np.argsort(group, kind="stable")
    groups, starts, counts = np.unique(group[order], return_index=True, return_counts=True)
    middle = np.array([np.median(part) for part in np.split(over[order], starts[1:])])
    # Of a median of n exponential numbers, 1.44 / √n; every third or fourth bin is independent.
    error = 2.8 / np.sqrt(counts * len(power))
    allowed = np.maximum(MISFIT, STEEP_SIGMAS * error)
    wrong = np.zeros(int(ring.max()) + 2, bool)
    wrong[groups[middle > 1 + allowed] // sectors] = True
    level = np.array([np.median(floor[far][ring == r]) for r in range(int(ring.max()) + 1)])
    middling = np.median(floor[plane.used & (np.abs(plane.radius / plane.window - 0.275) < 0.025)])
    wrong[:-1] |= level < DARK * middling
    begins = np.flatnonzero(wrong)
    if not begins.size or reach - begins[0] * STEEP_RINGS < STEEP_FROM * plane.window:
        return factor
    # Inwards from there, a ring that fits by chance left out of account.
    fits = ~(wrong[begins[0] + 1 :] | np.append(wrong[begins[0] + 2 :], False))
    unknown = ring <= begins[0] + 1 + np.flatnonzero(fits)[0]
    factor[far] = np.where(unknown, np.maximum(middle[np.searchsorted(groups, group)], 1.01), 1)
    return factor


def _kx(plane: HalfPlane) -> Floats:
    kx = np.arange(plane.radius.shape[1], dtype=np.float64)
    return np.asarray(np.broadcast_to(kx, plane.radius.shape), np.float64)


@kernel(fastmath=True)
def cut_means(values: Floats32, inverse: Floats32, cut: float) -> Floats:
    """Mean over windows (first axis) of power over floor, cut off.

    Parameters
    ----------
    values : array (windows, bins)
    inverse : array (bins,)
        One over the floor.
    cut : float
    """
    sums = np.zeros(values.shape[1], np.float32)
    most = np.float32(cut)
    for i in range(len(values)):
        row = values[i]
        for j in range(len(row)):
            sums[j] += min(row[j] * inverse[j], most)
    return sums.astype(np.float64) / len(values)


@kernel()
def lower_quartiles(values: Floats32, ring: NDArray[np.int32], rings: int) -> Floats:
    """Lower quartile of each ring over all windows, to 1 %; 0 for rings without bins.

    By counting in classes of equal ratio: sorting a million numbers would take longer than
    the transforms they come from.

    Parameters
    ----------
    values : array (windows, bins)
        Below 2⁻⁴⁰ counts as 2⁻⁴⁰, above 2⁴⁰ as 2⁴⁰.
    ring : array (bins,)
        Of each bin.
    rings : int
        How many there are.
    """
    classes = np.zeros((rings, 80 * CLASSES), np.int64)
    # The bits of a float32 are, but for a ripple of 9 %, its logarithm in steps of 2⁻²³.
    bits = values.view(np.int32)
    lowest = (127 - 40) << 23
    for i in range(len(values)):
        for j in range(len(ring)):
            c = (bits[i, j] - lowest) // (2**23 // CLASSES)
            classes[ring[j], min(max(c, 0), 80 * CLASSES - 1)] += 1
    quartiles = np.zeros(rings)
    for r in range(rings):
        wanted = classes[r].sum() / 4
        if wanted == 0:
            continue
        below = 0.0
        for c in range(80 * CLASSES):
            here = classes[r, c]
            if below + here >= wanted:
                within = c + (wanted - below) / here
                octave = np.floor(within / CLASSES)
                quartiles[r] = 2.0 ** (octave - 40) * (1 + within / CLASSES - octave)
                break
            below += here
    return quartiles


def _smooth(values: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weighted running mean over five rings."""
    kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0])
    norm = np.convolve(weight, kernel, "same")
    return np.convolve(values * weight, kernel, "same") / np.maximum(norm, 1e-12)


@kernel(fastmath=True)
def band_means(over: Floats32, edges: NDArray[np.int64], cut: float) -> Floats:
    """Mean over each band of power over floor, cut off.

    Every other row will do: under a taper the row between says much the same.

    Parameters
    ----------
    over : array (rows, columns)
    edges : array of int
        `HalfPlane.band_edges`.
    cut : float
    """
    sums = np.zeros(BANDS, np.float64)
    counts = np.zeros(BANDS, np.float64)
    most = np.float32(cut)
    for y in range(0, over.shape[0], 2):
        for b in range(BANDS):
            stretch = over[y, edges[y, b] : edges[y, b + 1]]
            along = np.float32(0)
            for x in range(len(stretch)):
                along += min(stretch[x], most)
            sums[b] += along
            counts[b] += len(stretch)
    return sums / np.maximum(counts, 1.0)


@kernel()
def uncut(mean: float) -> float:
    """Mean of exponential values whose mean after cutting off at `CUT` is `mean`.

    `cut_mean` for one number: Newton's way, from where the cut does nothing.
    """
    full = mean
    for _ in range(20):
        ratio = np.exp(-CUT / full)
        step = (full * (1 - ratio) - mean) / (1 - ratio - CUT / full * ratio)
        full = max(full - step, 1e-3)
        if abs(step) < 1e-6 * full:
            break
    return full


def significance(means: Floats, plane: HalfPlane, correlation: float) -> float:
    """How many standard errors a floor lies from that of single counts.

    Parameters
    ----------
    means : array
        Of the bands, over the floor of single counts, cut off.
    """
    fit = plane.line_fit(correlation)
    line = fit[:2] @ np.log(np.maximum(cut_mean(means), 1e-3))
    normal = fit[2:, :2]
    return float(np.sqrt(line @ normal @ line))
