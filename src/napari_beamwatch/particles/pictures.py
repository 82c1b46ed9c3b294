"""Pictures of bins: counts relative to the mean of the same picture, and what their noise is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.particles.bins import Floats32

Floats = NDArray[np.float64]

SIGMA = 2.0
"""Blocks of the Gaussian that edges are seen under."""

HOT = 10.0
"""Standard deviations of the blocks above their mean from which one is taken for hot."""

PAIRS = 3
"""Pairs of neighbouring bins that the noise is taken from."""


@dataclass(frozen=True, eq=False)
class Pictures:
    """Bins as they are segmented: a beam that dims or flickers changes nothing in them.

    Attributes
    ----------
    values : array of float32 (bins, rows, columns)
        Of mean 1 each.
    levels : array (bins)
        Mean grey level of a block, added over the frames.
    """

    values: Floats32
    levels: Floats

    @classmethod
    def of(cls, sums: Floats32) -> Pictures:
        """Pictures of sums of blocks, hot ones taken out."""
        total = sums.sum(axis=0)
        highest = np.inf
        for _ in range(3):
            kept = total[total <= highest]
            mean = float(kept.mean(dtype=float))
            highest = mean + HOT * float(kept.std(dtype=float)) + 1e-6 * abs(mean)
        cool = total <= highest
        levels: Floats = np.array([picture[cool].mean(dtype=float) for picture in sums])
        lit = levels > 0
        values = np.asarray(sums[lit] / levels[lit, None, None], np.float32)
        values[:, ~cool] = 1.0
        return cls(values, levels[lit])

    def __len__(self) -> int:
        return len(self.levels)

    def coarser(self, by: int) -> Pictures:
        """Blocks of blocks; what is over is dropped."""
        return self if by == 1 else Pictures(block_means(self.values, by), self.levels * by**2)

    @cached_property
    def smooth(self) -> Floats32:
        """The pictures under the Gaussian."""
        return np.stack([smoothed(picture) for picture in self.values])

    @cached_property
    def grey(self) -> float:
        """Variance over mean of a block's level: 1 for single electrons.

        From the differences of neighbouring bins under the Gaussian, so that it holds what a
        camera spreads over several blocks, and what the specimen's speckle does between bins.
        """
        firsts = np.unique(np.linspace(0, len(self) - 2, PAIRS).astype(int))
        found = []
        for a, b in zip(firsts, firsts + 1, strict=True):
            mean = smoothed((self.values[a] + self.values[b]) / np.float32(2))
            off = smoothed(self.values[b] - self.values[a]) / np.sqrt(np.maximum(mean, 0.01))
            expected = (1 / self.levels[a] + 1 / self.levels[b]) / SHARED
            found.append(spread(off[::2, ::2]) ** 2 / expected)  # neighbours say the same
        return float(np.median(found))

    def noise(self, number: int) -> float:
        """Standard deviation of a pixel of mean 1 of a bin; √SHARED less under the Gaussian."""
        return float(np.sqrt(self.grey / self.levels[number]))

    @property
    def worst_noise(self) -> float:
        """The same of the bin with the fewest electrons."""
        return self.noise(int(self.levels.argmin()))

    def joined(self, first: int, last: int) -> tuple[Floats32, float]:
        """Bins ``first:last`` as one picture, and its noise."""
        levels = self.levels[first:last]
        share = (levels / levels.sum()).astype(np.float32)
        picture = np.tensordot(share, self.values[first:last], 1)
        return picture, float(np.sqrt(self.grey / levels.sum()))


SHARED = 4 * np.pi * SIGMA**2
"""Pixels whose plain mean has as much noise as one under the Gaussian."""


def smoothed(picture: Floats32, sigma: float = SIGMA) -> Floats32:
    """A picture under a Gaussian."""
    image: Floats32 = ndimage.gaussian_filter(picture, sigma, mode="nearest", truncate=3.0)
    return image


def block_means(images: Floats32, by: int) -> Floats32:
    """Means of blocks of `by` × `by` pixels of the last two axes."""
    *rest, height, width = images.shape
    rows, columns = height // by, width // by
    kept = images[..., : rows * by, : columns * by]
    means: Floats32 = kept.reshape(*rest, rows, by, columns, by).mean(axis=(-3, -1))
    return means


def spread(values: NDArray[np.floating]) -> float:
    """Standard deviation of a Gaussian with the same median of deviations."""
    flat = values.ravel()
    return float(1.4826 * np.median(np.abs(flat - np.median(flat))))
