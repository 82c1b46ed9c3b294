"""How alike the traces of places err: a focus that wanders or a film that beats takes all along."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from napari_beamwatch.damage.course.averaging import stretches
from napari_beamwatch.damage.course.interval import Fitted


def errors_alike(courses: Sequence[Fitted]) -> float:
    """Correlation of what laws leave of the traces of several places; 0 of one.

    Over stretches of the record, for what moves an onset is slow; in the mean over all pairs, less
    the error of that mean.

    Parameters
    ----------
    courses : sequence of Fitted
        Each of the frames in which its place was measured.
    """
    known = [(one.frame, one.off) for one in courses if len(one.off)]
    if len(known) < 2:
        return 0.0
    off = np.zeros((len(known), 1 + max(int(frame[-1]) for frame, _ in known)))
    for row, (frame, left) in zip(off, known, strict=True):
        row[frame] = left
    sums = np.add.reduceat(off, stretches(off.shape[1]), axis=1)
    sums /= np.maximum(np.sqrt((sums**2).sum(axis=1, keepdims=True)), 1e-300)
    pairs = len(sums) * (len(sums) - 1)
    mean = float((sums.sum(axis=0) ** 2).sum() - (sums**2).sum()) / pairs
    error = float(np.sqrt(2 / (pairs * sums.shape[1])))
    return float(np.clip(mean - error, 0.0, 1.0))
