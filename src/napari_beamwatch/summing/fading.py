"""What is left of the lattice in each frame, tile by tile, measured on the movie that is summed.

The transform of a frame, cut out around a spot and turned back, is the complex amplitude of these
fringes over the field [1]_. In frames moved back by their drift it keeps its phase while the
crystal does: what of it lies along the sum of the others is what a frame has to give. A tile tells
little alone, so its course departs from that around it, and this one from the field's, as far as
each is known. Courses fall, once the specimen rests: least squares under that [2]_.

References
----------
.. [1] M. J. Hÿtch, E. Snoeck, R. Kilaas, Ultramicroscopy 74 (1998) 131.
.. [2] R. E. Barlow et al., Statistical Inference under Order Restrictions (Wiley, 1972).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.fft
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.optimize import isotonic_regression

from napari_beamwatch.spectra.runners import ahead

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complexes = NDArray[np.complex64]

TILES = 4
"""Tiles along a window of the analysis; one shows a Gaussian of half of a tile's side."""

SPOTS = 24
"""Spots that are followed at the most, the strongest."""

STEPS = 96
"""Steps in which the course of long records is told, so that memory does not grow with them."""

SURE = 20.0
"""Power over the deviation of its noise that the first frames must show to tell the phase."""

STANDS = 0.5
"""Part of the amplitude above which a frame shows the lattice that was there at first."""

DEPARTS = 0.3
"""Part of the amplitude by which a tile is expected to differ from what lies around it."""

AROUND = (4.0, 1.0, 0.0)
"""Tiles around one that are taken together, one after the other (deviations of Gaussians)."""

LEAST = float(np.finfo(float).tiny)
"""In place of nothing, where something is divided by it."""

ROUNDS = 3
"""Times that the phase is told anew from frames as they count."""


@dataclass(frozen=True, eq=False)
class LocalLattice:
    """Complex amplitudes of the fringes of a lattice over tiles, in relation to the mean of frames.

    Attributes
    ----------
    amplitude : array of complex64 (steps, spots, rows, columns)
    seen : array of bool (steps, rows, columns)
        The middle of the tile lies in the frames.
    frame : array (steps,)
        Middle of the frames that a step has.
    y, x : array
        Middles of the rows and columns of tiles, in pixels of the first frame.
    """

    amplitude: Complexes
    seen: NDArray[np.bool_]
    frame: Floats
    y: Floats
    x: Floats


def lattice_frequencies(spots: pd.DataFrame, window: int) -> Floats:
    """Spots (gy, gx) that windows of that size tell apart, strongest first, in cycles a pixel.

    Parameters
    ----------
    spots : DataFrame
        Of a result.
    window : int
        Pixels.
    """
    known = spots[spots["window"].notna()].sort_values("snr", ascending=False)
    kept: list[Floats] = []
    for g in known[["gy_per_px", "gx_per_px"]].to_numpy(float):
        apart = np.array([min(np.hypot(*(g - k)), np.hypot(*(g + k))) for k in kept])
        if (apart * window > TILES).all():
            kept.append(g)
        if len(kept) == SPOTS:
            break
    return np.reshape(kept, (len(kept), 2))


def local_lattice(
    read: Callable[[int], Floats32],
    shape: tuple[int, int],
    frames: list[int],
    drift: Floats,
    g: Floats,
    window: int,
    tick: Callable[[int], None],
) -> LocalLattice:
    """Follow the fringes of a lattice through frames.

    Parameters
    ----------
    read : callable
        Of the number of a frame.
    shape : (int, int)
        Of frames.
    frames : list of int
        That are read, each once, in this order.
    drift : array (all frames, 2)
        In pixels, which frames are moved back by.
    g : array (spots, 2)
        Cycles a pixel.
    window : int
        Pixels, of the analysis.
    tick : callable
        Told how many frames were read; may raise to stop.
    """
    rows, columns = (max(1, round(TILES * side / window)) for side in shape)
    count = (rows, columns)
    y, x = ((np.arange(n) + 0.5) * side / n for n, side in zip(count, shape, strict=True))
    cuts = [_Cut.around(spot, shape, count, window / (2 * TILES)) for spot in g]

    def transform(t: int) -> Complexes:
        frame = read(t)
        mean = frame.mean()
        if not mean > 0:
            return np.zeros((len(g), *count), np.complex64)
        half = scipy.fft.rfft2(frame / mean - 1)
        return np.array([cut.of(half, drift[t]) for cut in cuts], np.complex64)

    edges = np.linspace(0, len(frames), min(len(frames), STEPS) + 1).round().astype(int)
    sizes = np.diff(edges)
    step_of = np.repeat(np.arange(len(sizes)), sizes)
    amplitude = np.zeros((len(sizes), len(g), *count), np.complex64)
    seen = np.ones((len(sizes), *count), bool)
    for i, (t, some) in enumerate(ahead(transform, frames)):
        step = step_of[i]
        amplitude[step] += some / np.float32(sizes[step])
        inside = [
            (at + by >= 0) & (at + by < side)
            for at, by, side in zip((y, x), drift[t], shape, strict=True)
        ]
        seen[step] &= inside[0][:, None] & inside[1]
        tick(i + 1)
    middle = np.bincount(step_of, frames) / sizes
    return LocalLattice(scipy.fft.ifft2(amplitude, overwrite_x=True), seen, middle, y, x)


@dataclass(frozen=True, eq=False)
class _Cut:
    """What lies around a spot in the transform of a frame.

    Attributes
    ----------
    rows, columns : array of int (rows, columns)
        In the half of the transform that is told.
    other : array of bool (rows, columns)
        Of the other half: what is told is its conjugate.
    ky, kx : array
        Cycles a pixel.
    share : array of complex64 (rows, columns)
        What of it counts, turned so that tiles begin with the middle of the first.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    other: NDArray[np.bool_]
    ky: Floats
    kx: Floats
    share: Complexes

    @classmethod
    def around(
        cls, g: Floats, shape: tuple[int, int], count: tuple[int, int], breadth: float
    ) -> _Cut:
        """Of one spot, so that a tile shows a Gaussian of that deviation in pixels."""
        bins, share = [], []
        for of, side, n in zip(g.tolist(), shape, count, strict=True):
            away = scipy.fft.fftfreq(n, 1 / n).round().astype(np.int64)
            near = round(of * side) + away
            bins.append(near)
            gauss = np.exp(-2 * (np.pi * breadth * (near / side - of)) ** 2)
            share.append(gauss * np.exp(1j * np.pi * away / n) / side * n)
        rows, columns = np.broadcast_arrays(bins[0][:, None] % shape[0], bins[1] % shape[1])
        other = columns > shape[1] // 2
        return cls(
            np.where(other, -rows, rows), np.where(other, shape[1] - columns, columns), other,
            bins[0] / shape[0], bins[1] / shape[1], np.outer(*share).astype(np.complex64),
        )  # fmt: skip

    def of(self, half: Complexes, drift: Floats) -> Complexes:
        """Of a frame that is moved back."""
        turns = (
            np.exp(2j * np.pi * k * by) for k, by in zip((self.ky, self.kx), drift, strict=True)
        )
        told = half[self.rows, self.columns]
        return np.asarray(np.where(self.other, told.conj(), told) * self.share * np.outer(*turns))


def part_left(local: LocalLattice) -> Floats:
    """What is left of the amplitude (steps, rows, columns), 1 at the most in each tile."""
    amplitude, seen = local.amplitude * local.seen[:, None], local.seen.astype(float)
    noise = _noise(local)
    if not noise > 0:
        return np.ones(seen.shape)
    left = _first(amplitude, noise)
    for _ in range(ROUNDS):
        # A lattice that comes when the first is gone must not tell the phase.
        standing = np.where(left >= STANDS, left, 0.0) * seen
        along, worth, variance = _along(amplitude, standing, noise)
        worth = worth * seen
        field = along.sum(axis=(1, 2)) / np.maximum(worth.sum(axis=(1, 2)), LEAST)
        settled = _settled(field)
        left = np.broadcast_to(_falling(field, settled)[:, None, None], seen.shape)
        for around in AROUND:
            told, of, spread = (_together(each, around) for each in (along, worth, variance))
            # Means of what they tell and what is expected, by the variances of either.
            known = of / np.maximum(spread, LEAST)
            mean = (known * told + left / DEPARTS**2) / (known * of + 1 / DEPARTS**2)
            left = np.apply_along_axis(_falling, 0, mean, settled)
    return left


def _along(amplitude: Complexes, standing: Floats, noise: float) -> tuple[Floats, Floats, Floats]:
    """What steps have along the sum of those in which the lattice stood, and what all of it is.

    Returns
    -------
    along : array (steps, rows, columns)
        Its part of the sum, of all spots, times the power of that.
    worth : array (rows, columns)
        Power of the sum.
    variance : array (steps, rows, columns)
        Of the first, for there is noise in the step and in the sum.
    """
    share = standing / np.maximum(standing.sum(axis=0), LEAST)
    phase = np.einsum("tyx,tsyx->syx", share, amplitude)
    of_phase, spots = noise * (share**2).sum(axis=0), amplitude.shape[1]
    # What a step has of the phase lies along itself, its noise too.
    along = np.einsum("tsyx,syx->tyx", amplitude, phase.conj()).real - share * spots * noise
    worth = np.maximum(_power(phase) - spots * of_phase, 0)
    return along, worth, (worth * noise + _power(amplitude) * of_phase) / 2


def _power(amplitude: Complexes) -> Floats:
    """Over all spots."""
    return np.asarray((np.abs(amplitude) ** 2).sum(axis=-3), np.float64)


def _noise(local: LocalLattice) -> float:
    """Power of the noise of one amplitude, from what steps differ by; 0 of one step alone."""
    both = (local.seen[1:] & local.seen[:-1])[:, None]
    apart = np.abs(np.diff(local.amplitude, axis=0)) ** 2 / 2
    some = apart[np.broadcast_to(both, apart.shape)]
    return float(np.median(some) / np.log(2)) if some.size else 0.0


def _first(amplitude: Complexes, noise: float) -> Floats:
    """1 for as many of the first steps as it takes to see the lattice in a tile.

    No tile takes more than are usual, for what is seen later may have come.
    """
    steps, spots = amplitude.shape[:2]
    number = np.arange(1, steps + 1)
    total = np.cumsum(amplitude, axis=0)
    over = (_power(total) / number[:, None, None] - spots * noise) / (noise * np.sqrt(spots))
    enough = over > SURE
    seen = enough.argmax(axis=0)[enough.any(axis=0)]
    usual = int(np.median(seen)) if len(seen) else steps - 1
    last = np.where(enough[usual], enough.argmax(axis=0), usual)
    return np.asarray(np.arange(steps)[:, None, None] <= last, np.float64)


def _settled(course: Floats) -> Floats:
    """Part of its plateau that a course has in the first frames, in which specimens still move."""
    plateau = float(isotonic_regression(course, increasing=False).x[0])
    settled = np.ones(len(course))
    if plateau > 0:
        before = int((course >= plateau).argmax())
        settled[:before] = np.clip(course[:before] / plateau, 0, 1)
    return settled


def _falling(course: Floats, settled: Floats) -> Floats:
    """The course nearest to one that falls from 1 on, but for frames that were not settled."""
    left, known = np.zeros(len(course)), settled > 0
    shown = settled[known]
    falls = isotonic_regression(course[known] / shown, weights=shown**2, increasing=False).x
    if not falls[0] > 0:
        return settled
    left[known] = np.clip(falls / falls[0], 0, 1) * shown
    return left


def _together(values: Floats, around: float) -> Floats:
    """Sums over tiles around each, the middle one counting once."""
    if not around:
        return values
    sums: Floats = gaussian_filter(values, (0, around, around), mode="constant")
    return sums * (2 * np.pi * around**2)
