"""The rim of a frame that was filled, not recorded.

A movie that was aligned before it came here has frames which were moved over each other: where
nothing was recorded they hold zeros, another constant or NaN, the more of it the further the
specimen had drifted. What lies there is as good as off the detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_beamwatch.movies.frames import Frame

NEAR = 16
"""Lines beside the rim that tell how often its value is met where electrons were counted."""

CERTAIN = 50.0
"""Negative logarithm of the chance from which on lines that are all alike were filled: of counted
frames at 0.1 electrons a pixel one line of 512 zeros is enough, at 0.01 it takes ten."""

TOLD = 4
"""Pixels from which on a rim is told of: the taper of most windows hides a narrower one."""


@dataclass(frozen=True)
class Rim:
    """Lines at each border of a frame that hold one value only."""

    top: int = 0
    bottom: int = 0
    left: int = 0
    right: int = 0

    def __bool__(self) -> bool:
        return self != NO_RIM

    @property
    def widest(self) -> int:
        """Pixels of the widest side."""
        return max(self.top, self.bottom, self.left, self.right)

    def inside(self, frame: Frame) -> Frame:
        """What is left of the frame."""
        height, width = frame.shape
        return frame[self.top : height - self.bottom, self.left : width - self.right]


NO_RIM = Rim()


def rim_of(frame: Frame) -> Rim:
    """The rim of a frame; none where all of the frame is alike.

    From each border no more is looked at than up to the first line that is not alike, and the
    lines beside it.
    """
    height, width = frame.shape
    if _alike_lines(frame) == height:
        return NO_RIM  # before thousands of columns are asked the same
    top, bottom = _filled(frame), _filled(frame[::-1])
    if top + bottom >= height:
        return NO_RIM
    # Columns between them: other sides may be filled with another value.
    turned = frame[top : height - bottom].T
    left, right = _filled(turned), _filled(turned[::-1])
    return Rim(top, bottom, left, right) if left + right < width else NO_RIM


def _filled(lines: Frame) -> int:
    """How many of the first lines were filled."""
    count = _alike_lines(lines)
    if count in (0, len(lines)):
        return 0
    near = _alike(lines[count : count + NEAR], lines[0, 0])
    share = max(float(near.mean()), 1 / near.size)
    return count if -np.log(share) * count * lines.shape[1] >= CERTAIN else 0


def _alike_lines(lines: Frame) -> int:
    """How many of the first lines hold nothing but the value of the first pixel."""
    count = 0
    while count < len(lines) and bool(_alike(lines[count], lines[0, 0]).all()):
        count += 1
    return count


def _alike(pixels: Frame, value: object) -> Frame:
    same: Frame = pixels == value if value == value else np.isnan(pixels)
    return same
