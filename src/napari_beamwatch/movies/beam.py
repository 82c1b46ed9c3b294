"""Frames without beam: before it was let in, while it was blanked, after it was shut off."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DARK = 0.2
"""Part of the usual counts below which a frame may be without beam."""

ABRUPT = 0.25
"""Part to which the counts fall, or from which they rise, where a beam is blanked: within a frame
or two. A specimen that thins or thickens takes longer, and is not mistaken for the beam."""


def usual_counts(counts: NDArray[np.float64]) -> float:
    """Counts of a frame with beam; 0 if none holds any.

    The upper half of the frames tells it, also if half were dark.
    """
    return float(np.median(np.sort(counts)[len(counts) // 2 :]))


def unlit_frames(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which frames were taken without beam, by the mean of their pixels.

    Those before the first bright one, and runs of dark ones that begin and end abruptly. None if
    the movie is empty: then nothing tells.
    """
    usual = usual_counts(counts)
    if usual <= 0:
        return np.zeros(len(counts), bool)
    dark = counts < DARK * usual
    unlit = np.zeros(len(counts), bool)
    edges = np.flatnonzero(np.diff(dark, prepend=False, append=False))
    for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        falls = _steps(counts[max(0, first - 2) : first], counts[first : min(first + 2, last)])
        rises = _steps(counts[last : last + 2], counts[max(first, last - 2) : last])
        at_end = last == len(counts)
        unlit[first:last] = first == 0 or (falls and (rises or at_end))
    return unlit


def in_keeping(
    counts: NDArray[np.float64], doses: NDArray[np.float64], lit: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Which frames hold about the counts that their doses let expect, by those with beam.

    A frame that got little, and is said to have got little, is not one without beam.
    """
    known = lit & (counts > 0) & (doses > 0)
    if not known.any():
        return np.zeros(len(counts), bool)
    a_dose = float(np.median(counts[known] / doses[known]))
    return np.asarray((doses > 0) & (counts >= DARK * a_dose * doses), np.bool_)


def _steps(bright: NDArray[np.float64], dark: NDArray[np.float64]) -> bool:
    """Whether counts step between two frames with beam and two without.

    Two, since the beam may be blanked in the middle of a frame.
    """
    return len(bright) > 0 and bool(dark.min() < ABRUPT * bright.max())
