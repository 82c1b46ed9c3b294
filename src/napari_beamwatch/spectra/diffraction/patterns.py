"""Patterns of a movie: the sums of segments of time that spots are looked for in, and its frames.

Both can be sent to another process, which reads the frames itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.spectra.diffraction.polar import Polar, PolarReader
from napari_beamwatch.spectra.diffraction.reading import ReadSpots, SpotReader, laid
from napari_beamwatch.spectra.runners import Tick, ahead

Floats = NDArray[np.float64]

KNOWN = 0.8
"""Part of the frames of a segment in which a pixel must be a number to be told from them."""


@dataclass(frozen=True, eq=False)
class SegmentPattern:
    """Adds up the frames of a segment.

    Attributes
    ----------
    frames : FrameSource
    lit : array of bool (frames,)
        Those with beam.
    shifts : array of float64 (frames, 2), optional
        How far down and right the pattern lies in each, to be laid over the others.
    hidden : array of bool, optional
        Pixels of the camera that show nothing, wherever the pattern lies.
    """

    frames: FrameSource
    lit: NDArray[np.bool_]
    shifts: Floats | None = None
    hidden: NDArray[np.bool_] | None = None

    def __call__(self, edges: tuple[int, int], tick: Tick) -> Floats | None:
        """The sum of frames ``first:last``; None if none of them shows anything.

        A pixel that is no number in a few of them holds what the others say, one that is none
        in more of them is none in the sum. Dark frames among them do not count.
        """
        first, last = edges
        total = np.zeros(self.frames.shape[1:])
        missing = np.zeros(total.shape, np.int64)
        shown = 0
        numbers = [t for t in range(first, last) if self.lit[t]]
        for _, (frame, known) in ahead(self._read, numbers):
            if frame is not None:
                shown += 1
                total += frame
                if known is not None:
                    missing += ~known
            tick(1)
        if not shown:
            return None
        there = shown - missing
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(there >= KNOWN * shown, total * (shown / there), np.nan)

    def _read(self, t: int) -> tuple[Frame | None, NDArray[np.bool_] | None]:
        """A frame with 0 for what is no number, and what is one; None if it shows nothing."""
        frame, known = self.frames.read(t), None
        if frame.dtype.kind == "f":
            known = np.isfinite(frame)
            frame = np.where(known, frame, 0)
        if self.shifts is not None:
            there = np.ones(frame.shape, bool) if known is None else known
            if self.hidden is not None:
                there = there & ~self.hidden
            back = -np.rint(self.shifts[t]).astype(np.int64)
            known = laid(there, back)
            frame = np.where(known, laid(frame, back), 0)
        return (frame if frame.any() else None), known


@dataclass(frozen=True, eq=False)
class ReadPattern:
    """What was read in a frame: its spots, and its counts along the radius."""

    spots: ReadSpots
    radial: Polar


@dataclass(frozen=True, eq=False)
class FrameReading:
    """Reads the spots and the rings of a frame of a movie."""

    frames: FrameSource
    reader: SpotReader
    radial: PolarReader
    shifts: Floats | None = None

    def __call__(self, frame: int) -> ReadPattern:
        """Of frame number `frame`."""
        image = self.frames.read(frame)
        shift = (0.0, 0.0)
        if self.shifts is not None:
            shift = (float(self.shifts[frame, 0]), float(self.shifts[frame, 1]))
        return ReadPattern(self.reader(image, shift), self.radial(image, shift))
