"""Movies whose frames lie in several files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_beamwatch.movies.frames import Frame, FrameSource


@dataclass(frozen=True, eq=False)
class JoinedFrames(FrameSource):
    """Frames of several sources of one size and type, one source after the other.

    Attributes
    ----------
    parts : tuple of FrameSource
    dataset : str
        Under which name they were asked for, where the file holds several movies.
    """

    parts: tuple[FrameSource, ...]
    dataset: str = ""

    @property
    def costly(self) -> bool:  # type: ignore[override]  # as its parts are
        """Whether reading a frame decodes something."""
        return any(part.costly for part in self.parts)

    @property
    def seekable_rows(self) -> bool:  # type: ignore[override]
        """Whether some rows are read with less work than the whole frame."""
        return all(part.seekable_rows for part in self.parts)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (sum(part.shape[0] for part in self.parts), *self.parts[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.parts[0].dtype

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.shape[1])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        for part in self.parts:
            count = part.shape[0]
            if frame < count:
                return part.read_rows(frame, y0, y1)
            frame -= count
        raise IndexError("no such frame")
