"""What the camera makes of the electrons that are expected: counts, blobs, textures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.errors import BeamwatchError

Image = NDArray[np.float32]

BLOBS = np.array(
    [
        [[9, 14, 3], [14, 38, 7], [3, 7, 5]],
        [[3, 14, 9], [7, 38, 14], [5, 7, 3]],
        [[3, 7, 5], [14, 38, 7], [9, 14, 3]],
        [[5, 7, 3], [7, 38, 14], [3, 14, 9]],
    ],
    dtype=np.int32,
)
"""Grey levels of an electron that fell into one quarter of a pixel or another; 100 each."""

LEVELS_PER_ELECTRON = 100


@dataclass(frozen=True)
class Detector:
    """A counting camera.

    Parameters
    ----------
    rendering : {"counts", "blobs"}
        One count an electron, or a 3 × 3 blob of 100 grey levels as some cameras save.
    mtf_nyquist : float
        Modulation transfer at the Nyquist frequency.
    gain_texture : float
        Relative standard deviation of the pixels' efficiency, with columns that differ more.
    gain_corrected : bool
        Divide it out again, which leaves noise that is not the same everywhere (float32).
    hot_pixels : int
        Pixels that count fifty times too much.
    dead_columns : int
        Neighbouring columns that count nothing; no gain reference knows of them.
    smoothing : float
        Standard deviation in pixels of a filter over the counts, as by interpolation or
        denoising, which colours the noise (float32).
    """

    rendering: Literal["counts", "blobs"] = "counts"
    mtf_nyquist: float = 0.6
    gain_texture: float = 0.0
    gain_corrected: bool = False
    hot_pixels: int = 0
    dead_columns: int = 0
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if self.rendering not in ("counts", "blobs"):
            raise BeamwatchError(
                f"a detector renders electrons as counts or blobs, not {self.rendering!r}"
            )
        if not 0 < self.mtf_nyquist <= 1:
            raise BeamwatchError(f"the MTF at Nyquist lies in 0…1, not {self.mtf_nyquist}")

    @property
    def border(self) -> int:
        """Pixels around the frame from which electrons reach into it."""
        return 1 if self.rendering == "blobs" else 0

    @property
    def levels_per_electron(self) -> float:
        """Grey levels that an electron adds in all."""
        return float(LEVELS_PER_ELECTRON) if self.rendering == "blobs" else 1.0

    def dtype_for(self, most: float) -> np.dtype[Any]:
        """Type of the pixels where up to `most` electrons are expected in one."""
        if self.gain_corrected or self.smoothing > 0:
            return np.dtype(np.float32)
        # Seven standard deviations: once in 10¹² pixels, and then it is clipped, not wrapped.
        highest = most + 7 * np.sqrt(most) + 12
        if self.rendering == "blobs":
            highest *= LEVELS_PER_ELECTRON
        if highest > np.iinfo(np.uint16).max:
            return np.dtype(np.uint32)
        return np.dtype(np.uint8) if highest <= np.iinfo(np.uint8).max else np.dtype(np.uint16)

    def efficiency(self, shape: tuple[int, int], seed: int) -> Image | None:
        """Counts per electron of each pixel, or None where they are all 1."""
        if not self.gain_texture and not self.hot_pixels and not self.dead_columns:
            return None
        rng = np.random.default_rng([seed, 1, 1])
        rows, columns = shape
        texture = ndimage.gaussian_filter(rng.normal(size=shape), 1.0, mode="wrap")
        stripes = rng.normal(size=columns) * 0.5
        pattern = texture / texture.std() + stripes
        efficiency = np.asarray(1 + self.gain_texture * pattern, np.float32).clip(0.1)
        efficiency /= efficiency.mean()
        if self.hot_pixels:
            efficiency.flat[rng.choice(rows * columns, self.hot_pixels, replace=False)] *= 50
        if self.dead_columns:
            first = int(rng.integers(0, columns - self.dead_columns + 1))
            efficiency[:, first : first + self.dead_columns] = 0
        return efficiency

    def expose(
        self, expected: Image, rng: np.random.Generator, efficiency: Image | None = None
    ) -> NDArray[Any]:
        """Grey levels of a frame.

        Parameters
        ----------
        expected : ndarray of float32
            Electrons expected in each pixel, `border` pixels larger than the frame.
        rng : Generator
        efficiency : ndarray, optional
            As `efficiency`, of the frame's size.
        """
        if efficiency is not None:
            expected = expected * np.pad(efficiency, self.border, mode="edge")
        counts: NDArray[Any] = rng.poisson(expected.clip(0))
        if self.rendering == "blobs":
            counts = draw_blobs(counts, rng)
        if self.gain_corrected and efficiency is not None:
            counts = counts / np.where(efficiency > 0, efficiency, 1)
        if self.smoothing > 0:
            counts = ndimage.gaussian_filter(
                counts.astype(np.float32), self.smoothing, mode="nearest"
            )
        return counts


def draw_blobs(counts: NDArray[Any], rng: np.random.Generator) -> NDArray[np.int32]:
    """Every electron as a 3 × 3 blob; the frame without the border of one pixel."""
    height, width = counts.shape
    # Electrons of one pixel and frame share their place in it: they seldom are two.
    y, x = np.nonzero(counts)
    blobs = BLOBS[rng.integers(0, 4, len(y))] * counts[y, x].astype(np.int32)[:, None, None]
    drawn = np.zeros((height + 2, width + 2), np.int32)
    flat = drawn.ravel()
    corner = y * (width + 2) + x
    for dy in range(3):
        for dx in range(3):
            # No place comes twice for one part of the blob, so that this adds them all.
            flat[corner + dy * (width + 2) + dx] += blobs[:, dy, dx]
    return drawn[2:-2, 2:-2].copy()
