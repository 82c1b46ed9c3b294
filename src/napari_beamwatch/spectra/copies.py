"""Frames that were written twice: a grabber asks faster than the camera counts, or a buffer stays.

No two exposures to electrons are alike. A copy tells nothing that the frame before it did not, and
taken for one more exposure it makes everything look surer than it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.defects import FrameCounts

NAMED = 6
"""Runs of copies that are named in a note, if there are more."""


class CopyFinder:
    """Takes what `FrameCounts` tells of the frames with beam, in order of time."""

    def __init__(self) -> None:
        self._before: FrameCounts | None = None

    def add(self, counts: FrameCounts) -> bool:
        """Take a frame; whether it is a copy of the one before it."""
        before, self._before = self._before, counts
        if before is None or not counts.varies:
            return False
        alike = np.array_equal(counts.columns, before.columns)
        return alike and np.array_equal(counts.rows, before.rows)


def copies_note(copies: NDArray[np.bool_]) -> str:
    """Which frames are copies, in a sentence; empty if none is."""
    edges = np.flatnonzero(np.diff(copies, prepend=False, append=False)).reshape(-1, 2).tolist()
    if not edges:
        return ""
    runs = [str(a) if b == a + 1 else f"{a} to {b - 1}" for a, b in edges]
    more = f" and {len(runs) - NAMED} more runs" if len(runs) > NAMED else ""
    count = int(copies.sum())
    subject, left = f"{count} frames are exact copies", "they are left out, but their dose counts"
    if count == 1:
        subject, left = "1 frame is an exact copy", "it is left out, but its dose counts"
    named = ", ".join(runs[:NAMED])
    return f"{subject} of the one before (written twice?): {left}; 0-based {named}{more}"
