"""Frames that were moved by parts of a pixel before we had them, by interpolation.

Of two neighbours u = f(1 − f) of the power is mixed, f the part of a pixel. They are alike then by
ρ = u/(1 − 2u), and of what goes with k cycles per pixel 1 − 2u(1 − cos 2πk) of the power is left,
of fringes as of the noise of electrons: next to nothing near Nyquist [1]_. With a drift that was
aligned so the fraction comes and goes, and the fine spots with it.

References
----------
.. [1] P. Thévenaz, T. Blu, M. Unser, IEEE Trans. Med. Imaging 19 (2000) 739.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame

Floats = NDArray[np.float64]

SAMPLED = 64
"""Rows, and columns, that tell how alike their neighbours are."""


def neighbours_alike(frame: Frame, cap: float) -> tuple[float, float]:
    """Correlation of pixels with those below and with those to the right; NaN of an even frame.

    Parameters
    ----------
    frame : array
    cap : float
        What a pixel counts at most.
    """
    found = []
    for image in (frame, frame.T):
        first = slice(0, len(image) - 1, max(1, len(image) // SAMPLED))
        here, beside = (
            np.minimum(rows, np.float32(cap)).astype(np.float32)
            for rows in (image[first], image[1:][first])
        )
        mean = float(here.mean())
        spread = float(here.var())
        common = float(((here - mean) * (beside - mean)).mean())
        found.append(common / spread if spread > 0 else np.nan)
    return found[0], found[1]


def left_by_blending(alike: Floats, gy: Floats, gx: Floats) -> Floats:
    """Part of the power of spots that interpolation leaves in each frame, beside the best.

    Parameters
    ----------
    alike : array (frames, 2)
        As `neighbours_alike`. What all frames have is the specimen's, or the camera's.
    gy, gx : array (spots,)
        Cycles per pixel.

    Returns
    -------
    array (spots, frames)
    """
    known = np.where(np.isfinite(alike), alike, np.inf)
    more = np.nan_to_num(alike - known.min(axis=0), nan=0.0)
    mixed = more / (1 + 2 * more)
    left = 1.0
    for share, k in zip(mixed.T, (gy, gx), strict=True):
        left = left * (1 - 2 * share * (1 - np.cos(2 * np.pi * k[:, None])))
    return np.asarray(left, np.float64)
