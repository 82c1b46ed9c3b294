"""How the centre of diffraction patterns moves over the frames.

Sums of short stretches are laid over the sum of all, by least squares along its slopes: what is
everywhere like its mirror image, spots or rings that fade with it, does not pull. A beam stop
stands still on the camera and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.compiling import kernel
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.spectra.diffraction.background import rough_dispersion
from napari_beamwatch.spectra.diffraction.centre import Centre, find_centre
from napari_beamwatch.spectra.diffraction.patterns import SegmentPattern
from napari_beamwatch.spectra.runners import Tick

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MOST_STRETCHES = 40
MOST_PIXELS = 256
"""A side of the patterns that are laid over each other; larger ones are added up to that."""

BLUR = 1.5
"""Pixels by which they are smoothed: a spot that is narrower than its move has no slope there."""

ROUNDS, STEPS = 3, 12
"""Times that the sum of all is made anew, and steps of each stretch."""

STILL = 0.01
"""Pixels below which a step is the last."""

LONGEST_STEP = 1.0

MOVED, SURELY = 0.4, 5.0
"""Pixels of the camera, and standard errors, from which a centre has moved: less blurs no spot."""

EDGE = 6
"""Pixels at the edge that another part of the pattern may have come into."""


@dataclass(frozen=True, eq=False)
class CentreDrift:
    """Where the centre lies in each frame, relative to its mean place.

    Attributes
    ----------
    dy, dx, se : array of float64 (frames,)
        In pixels; zero, and NaN, where nothing is known.
    hidden : array of bool or None
        Pixels of the camera behind a beam stop; None where the centre stays.
    """

    dy: Floats
    dx: Floats
    se: Floats
    hidden: Mask | None

    @classmethod
    def none(cls, frames: int) -> CentreDrift:
        """A centre that stays where it is."""
        return cls(np.zeros(frames), np.zeros(frames), np.full(frames, np.nan), None)

    @property
    def moved(self) -> bool:
        """Whether it moved at all."""
        return self.hidden is not None

    @property
    def shifts(self) -> Floats | None:
        """(frames, 2), down and right; None where the centre stays."""
        return np.stack([self.dy, self.dx], axis=1) if self.moved else None


@dataclass(frozen=True, eq=False)
class CoarsePattern:
    """Adds up the frames of a stretch, and their pixels to squares of `by` a side."""

    segment: SegmentPattern
    by: int

    @classmethod
    def of(cls, frames: FrameSource, lit: NDArray[np.bool_]) -> CoarsePattern:
        """Of patterns of any size."""
        return cls(SegmentPattern(frames, lit), max(1, -(-max(frames.shape[1:]) // MOST_PIXELS)))

    def __call__(self, edges: tuple[int, int], tick: Tick) -> Floats | None:
        """Counts, NaN where there are none; None of a stretch that shows nothing."""
        total = self.segment(edges, tick)
        if total is None or self.by == 1:
            return total
        by = self.by
        rows, columns = (n // by for n in total.shape)
        parts = total[: rows * by, : columns * by].reshape(rows, by, columns, by)
        return np.asarray(parts.sum(axis=(1, 3)), np.float64)


def stretches(lit: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last frames of short stretches, alike in length."""
    frames = np.flatnonzero(lit)
    count = min(MOST_STRETCHES, len(frames))
    cuts = np.round(np.linspace(0, len(frames), count + 1)).astype(int)
    return [(int(frames[first]), int(frames[last - 1]) + 1) for first, last in pairwise(cuts)]


def centre_drift(
    sums: Sequence[Floats | None],
    edges: Sequence[tuple[int, int]],
    shape: tuple[int, int, int],
    by: int,
) -> CentreDrift:
    """The drift of the centre from sums of stretches.

    Parameters
    ----------
    sums : sequence of array or None
        As `CoarsePattern` makes them.
    edges : sequence of (first, last)
        Frames of each.
    shape : (frames, rows, columns)
        Of the movie.
    by : int
        Pixels of the camera a side of each of theirs.
    """
    known = [(one, edge) for one, edge in zip(sums, edges, strict=True) if one is not None]
    if len(known) < 2:
        return CentreDrift.none(shape[0])
    images = [image for image, _ in known]
    total = np.sum(images, axis=0)
    centre = find_centre(total)
    spread = max(1e-12, rough_dispersion(total, centre))
    away, error = _laid(images, centre, spread)
    moved = np.hypot(*(away - away.mean(axis=0)).T)
    if not (moved > np.maximum(MOVED / by, SURELY * error)).any():
        return CentreDrift.none(shape[0])
    middle = np.array([(first + last - 1) / 2 for _, (first, last) in known])
    frames = np.arange(shape[0])
    weight = np.array([last - first for _, (first, last) in known], np.float64)
    away = away - np.average(away, axis=0, weights=weight)
    dy, dx = (np.interp(frames, middle, by * column) for column in away.T)
    hidden = np.zeros(shape[1:], bool)
    full = np.repeat(np.repeat(~centre.seen, by, axis=0), by, axis=1)
    hidden[: full.shape[0], : full.shape[1]] = full
    return CentreDrift(dy, dx, np.interp(frames, middle, by * error), hidden)


def _laid(images: Sequence[Floats], centre: Centre, spread: float) -> tuple[Floats, Floats]:
    """How far each image lies from the sum of all (image, 2), and the standard errors."""
    seen = ndimage.binary_erosion(
        centre.seen & np.isfinite(np.sum(images, axis=0)), iterations=2, border_value=1
    )
    smooth = [ndimage.gaussian_filter(np.where(seen, image, 0.0), BLUR) for image in images]
    inside = np.zeros(seen.shape, bool)
    inside[EDGE:-EDGE, EDGE:-EDGE] = True
    inside &= ndimage.binary_erosion(seen, iterations=int(3 * BLUR), border_value=1)
    away, error = np.zeros((len(images), 2)), np.zeros(len(images))
    for _ in range(ROUNDS):
        moved = [_moved(image, -shift) for image, shift in zip(smooth, away, strict=True)]
        reference = np.sum(moved, axis=0) / len(images)
        slopes = np.stack(np.gradient(reference))
        mean = float(reference[inside].mean())
        weighed = np.where(inside, slopes / np.maximum(reference, 1e-3 * mean + 1e-12), 0.0)
        normal = np.einsum("iyx,jyx->ij", weighed, slopes)
        inverse = np.linalg.inv(normal + 1e-12 * np.trace(normal) * np.eye(2))
        still, light = (weighed * reference).sum(axis=(1, 2)), float(reference[inside].sum())
        for i, image in enumerate(smooth):
            # From where the one before lay: drift is slow.
            shift = away[i] if away[i].any() else away[max(0, i - 1)].copy()
            for _ in range(STEPS):
                sums = np.zeros(3)
                pulled(image, weighed, inside, float(shift[0]), float(shift[1]), sums)
                scale = max(float(sums[0]) / light, 1e-12)
                step = -inverse @ (sums[1:] / scale - still)
                size = float(np.hypot(*step))
                shift = shift + step * min(1.0, LONGEST_STEP / max(size, 1e-12))
                if size < STILL:
                    break
            away[i] = shift
            # The blur takes as much of the variance as it ties neighbours together.
            error[i] = np.sqrt(spread / scale * float(np.trace(inverse)) / 2)
    return away, error


@kernel()
def pulled(
    image: Floats,
    weighed: Floats,
    inside: NDArray[np.bool_],
    dy: float,
    dx: float,
    sums: Floats,
) -> None:
    """Sums over an image laid so far up and left, between pixels by straight lines.

    Parameters
    ----------
    image : array (rows, columns)
    weighed : array (2, rows, columns)
        Slopes of the reference over its variance.
    inside : array of bool
        Pixels that count.
    dy, dx : float
    sums : array (3,)
        Of the image, and of its products with the slopes; added to.
    """
    rows, columns = image.shape
    down, right = int(np.floor(dy)), int(np.floor(dx))
    v, u = dy - down, dx - right
    for i in range(rows):
        for j in range(columns):
            if not inside[i, j]:
                continue
            k, m = min(max(i + down, 0), rows - 1), min(max(i + down + 1, 0), rows - 1)
            n, o = min(max(j + right, 0), columns - 1), min(max(j + right + 1, 0), columns - 1)
            here = (1 - v) * ((1 - u) * image[k, n] + u * image[k, o]) + v * (
                (1 - u) * image[m, n] + u * image[m, o]
            )
            sums[0] += here
            sums[1] += here * weighed[0, i, j]
            sums[2] += here * weighed[1, i, j]


def _moved(image: Floats, by: Floats) -> Floats:
    """An image moved down and right."""
    moved: Floats = ndimage.shift(image, by, order=1, mode="nearest")
    return moved
