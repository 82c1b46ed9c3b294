"""The centre of a diffraction pattern: the point about which it is its own mirror image.

Friedel's law makes a pattern equal to itself turned by 180°. The correlation of the two over
what is seen of both [1]_ has its maximum at twice the centre, whether the direct beam is seen,
hidden or burnt in.

References
----------
.. [1] D. Padfield, "Masked object registration in the Fourier domain", IEEE Trans. Image
   Process. 21 (2012) 2706.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.peaks import summit
from napari_beamwatch.threads import free_threads

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

BLUR = 1.5
"""Pixels by which a pattern is smoothed before it is compared: about the width of a spot."""

LEAST_OVERLAP = 0.25
"""Part of the pattern that must have a mirror image to be compared."""

SHADOW = 0.3
"""A beam stop is darker than this part of what the rings outside it show."""

SHADOW_BLUR = 2.0
SHADOW_COUNTS = 0.4
"""Counts a pixel below which a shadow cannot be told from nothing being there: a blurred pixel
holds some fifty of them."""

SMALLEST_SHADOW = 60
"""Pixels; anything smaller is chance."""

SHADOW_REACH = 14
"""Pixels around the centre that the shadow of what hides whole rings reaches into: those of the
direct beam."""

PENUMBRA = 3
"""Pixels around a shadow that are half hidden."""


@dataclass(frozen=True, eq=False)
class Centre:
    """Where a pattern's centre lies, and what of it is seen.

    Attributes
    ----------
    y, x : float
        In pixels; the middle of the first pixel is (0, 0).
    se : float
        Standard error along either axis, in pixels.
    seen : array of bool
        Pixels that are neither hidden by a beam stop nor no numbers.
    """

    y: float
    x: float
    se: float
    seen: Mask


COARSE_SE = 0.25
"""Pixels: what the correlation leaves open; pairs of spots settle it."""


def find_centre(image: NDArray[Any], seen: Mask | None = None) -> Centre:
    """Centre of a diffraction pattern, and the shadow of its beam stop.

    Parameters
    ----------
    image : array
        Counts; best the sum of many frames.
    seen : array of bool, optional
        Pixels that are not hidden. Where it is not given, a shadow is looked for: pixels far
        darker than the ring they lie on, or than rings outside it.
    """
    counts = np.asarray(image, np.float64)
    if counts.ndim != 2 or min(counts.shape) < 32:
        raise BeamwatchError("a diffraction pattern is an image of 32 by 32 pixels or more")
    finite = np.isfinite(counts)
    counts = np.where(finite, counts, 0.0)
    if not (counts > 0).any():
        raise BeamwatchError("the diffraction pattern is empty: it has no centre")
    visible = finite if seen is None else finite & np.asarray(seen, bool)
    y, x = mirror_centre(counts, visible)
    if seen is None:
        for _ in range(2):  # once around the centre that the shadow has pulled, once around it
            visible = finite & ~shadow(counts, finite, y, x)
            y, x = mirror_centre(counts, visible)
    return Centre(y, x, COARSE_SE, visible)


def mirror_centre(counts: Floats, seen: Mask) -> tuple[float, float]:
    """The point about which a pattern is most like itself turned by 180°."""
    # Roots, so that the direct beam does not outweigh all spots.
    smooth = ndimage.gaussian_filter(np.where(seen, counts, 0.0), BLUR)
    weight = ndimage.gaussian_filter(seen.astype(np.float64), BLUR)
    level = np.sqrt(np.maximum(smooth, 0) / np.maximum(weight, 1e-6))
    level = np.where(seen, level - level[seen].mean(), 0.0)
    shape = tuple(scipy.fft.next_fast_len(2 * n - 1, real=True) for n in counts.shape)
    mask, value, square = (
        scipy.fft.rfft2(part, shape, workers=free_threads())
        for part in (seen.astype(np.float64), level, level**2)
    )

    def product(a: NDArray[np.complex128], b: NDArray[np.complex128]) -> Floats:
        sums = scipy.fft.irfft2(a * b, shape, workers=free_threads())
        return np.asarray(sums[: 2 * counts.shape[0] - 1, : 2 * counts.shape[1] - 1])

    overlap = np.maximum(product(mask, mask), 1e-9)
    enough = overlap > LEAST_OVERLAP * seen.sum()
    mean = product(value, mask) ** 2 / overlap
    spread = np.maximum(product(square, mask) - mean, 1e-9 * float((level**2).sum()))
    likeness = np.where(enough, (product(value, value) - mean) / spread, -np.inf)
    row, column = np.unravel_index(int(np.argmax(likeness)), likeness.shape)
    return (
        (row + _vertex(likeness[:, column], int(row))) / 2,
        (column + _vertex(likeness[row], int(column))) / 2,
    )


def _vertex(values: Floats, at: int) -> float:
    """How far the vertex of the parabola through a maximum and its neighbours lies from it."""
    near = values[max(0, at - 1) : at + 2]
    return summit(*near) if len(near) == 3 and np.isfinite(near).all() else 0.0


def shadow(counts: Floats, finite: Mask, y: float, x: float) -> Mask:
    """Pixels far darker than the ring they lie on, or around the centre than any ring outside.

    A beam stop hides a part of the rings, and the innermost ones whole: scattering falls
    outwards, so that a ring darker than one outside it is hidden. Between powder rings it is dark,
    too: only what reaches the centre hides whole rings.
    """
    weight = ndimage.gaussian_filter(finite.astype(np.float64), SHADOW_BLUR)
    level = ndimage.gaussian_filter(counts, SHADOW_BLUR) / np.maximum(weight, 1e-6)
    rows, columns = np.indices(counts.shape)
    ring = np.rint(np.hypot(rows - y, columns - x)).astype(np.int64)
    rings = int(ring.max()) + 1
    median = np.zeros(rings)
    order = np.argsort(ring[finite], kind="stable")
    ends = np.cumsum(np.bincount(ring[finite], minlength=rings))
    for r, part in enumerate(np.split(level[finite][order], ends[:-1])):
        median[r] = np.median(part) if len(part) else 0.0
    outside_in = np.maximum.accumulate(median[::-1])[::-1]
    hidden = np.zeros(counts.shape, bool)
    for expected, reach in ((median[ring], rings), (outside_in[ring], SHADOW_REACH)):
        dark = (level < SHADOW * expected) & (expected > SHADOW_COUNTS) & finite
        labels, _ = ndimage.label(dark)
        large = np.bincount(labels.ravel()) >= SMALLEST_SHADOW
        near = np.bincount(labels[ring <= reach], minlength=len(large)) > 0
        large[0] = False
        hidden |= (large & near)[labels]
    return np.asarray(ndimage.binary_dilation(hidden, iterations=PENUMBRA), np.bool_)
