"""Movies of Gatan's In-Situ cameras: a DM file a frame, in a folder for each second.

``a/Hour_00/Minute_00/Second_00/a_Hour_00_Minute_00_Second_00_Frame_0000.dm4`` is the first frame.
The tags of a file are read when its frame is, since thousands of files would take minutes.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.dm import dm_signals
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.signals import recording_of
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.plausible import FRAME_TIME, believable
from napari_beamwatch.movies.recording import MOST_FRAMES, Floats, Recording, Stated

WHAT = "a folder of an In-Situ movie"
LEVELS = ("hour", "minute", "second")
SECONDS = (3600, 60, 1)
ENDINGS = (".dm4", ".dm3")

_FOLDER = re.compile(r"(hour|minute|second)_(\d{1,6})", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(\d{1,9})\D*$")


@dataclass(frozen=True)
class Shot:
    """One file.

    Attributes
    ----------
    second : int
        Since the recording began, by its folders.
    number : int
        Within that second, by its name.
    name : str
        Path below the movie's folder.
    """

    second: int
    number: int
    name: str


@dataclass(frozen=True, eq=False)
class InSituFrames(FrameSource):
    """Frames of a folder, each in a file of its own.

    Attributes
    ----------
    path : str
        The folder.
    names : tuple of str
        Files below it.
    size : tuple of int
        Rows, columns.
    pixels : dtype
    """

    path: str
    names: tuple[str, ...]
    size: tuple[int, int]
    pixels: np.dtype[Any]

    costly: ClassVar[bool] = False
    seekable_rows: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.names), *self.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.size[0])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        path = Path(self.path, self.names[frame])
        frames = _one(path).frames
        _check_alike(path, frames, self.size, self.pixels)
        return frames.read_rows(0, y0, y1)


def holds_insitu(folder: Path) -> bool:
    """Whether a folder is laid out by hours, minutes and seconds, by names alone; never raises."""
    try:
        return _level(folder) is not None
    except (OSError, ValueError):
        return False


def insitu_of(path: Path) -> Path | None:
    """The folder whose frames a DM file beside ``Hour_00`` stands for, by the names of them."""
    folder = path.parent
    if path.suffix.lower() not in ENDINGS or not holds_insitu(folder):
        return None
    with explained(folder, WHAT):
        first = next(_shots(folder, 0), None)
    ours = first is not None and Path(first.name).name.startswith(f"{path.stem}_Hour_")
    return folder if ours else None


def open_insitu(folder: Path) -> Recording:
    """All frames below a folder, in the order of their times.

    Parameters
    ----------
    folder : Path
        That holds ``Hour_…`` folders, or an ``Hour_…`` or ``Minute_…`` folder itself.
    """
    with explained(folder, WHAT):
        level = _level(folder)
        shots = sorted(
            _shots(folder, 0 if level is None else level), key=lambda s: (s.second, s.number)
        )
    if not shots:
        raise BeamwatchError(f"{folder} has folders of an In-Situ movie, but no DM files in them")
    _check_one_recording(folder, shots)
    first = _one(folder / shots[0].name)
    size = first.frames.shape[1:]
    last = folder / shots[-1].name
    _check_alike(last, _one(last).frames, size, first.frames.dtype)
    clock = _Clock(tuple(shots))
    step = clock.step
    if step is None:
        frame_time, times = first.frame_time, None
    else:
        frame_time, times = Stated(step, "names of the files, a folder a second"), clock.times
    return replace(
        first,
        frames=InSituFrames(
            str(folder), tuple(shot.name for shot in shots), size, first.frames.dtype
        ),
        path=str(folder),
        frame_time=frame_time,
        times=times,
        warnings=(*first.warnings, *clock.warnings),
        notes=(*first.notes, f"{len(shots)} DM files, a frame each"),
    )


def _level(folder: Path) -> int | None:
    """Which of `LEVELS` lies directly in a folder; None where that is none.

    Below the first, the folder's own name has to be one of the level above.
    """
    own = _FOLDER.fullmatch(folder.resolve().name)
    level = 0 if own is None else LEVELS.index(own.group(1).lower()) + 1
    return level if level < len(LEVELS) and any(_folders(folder, level)) else None


def _folders(folder: Path, level: int) -> Iterator[tuple[int, os.DirEntry[str]]]:
    with os.scandir(folder) as found:
        for entry in found:
            named = _FOLDER.fullmatch(entry.name)
            # A link may lead anywhere, and round in a circle.
            if (
                named
                and named.group(1).lower() == LEVELS[level]
                and entry.is_dir(follow_symlinks=False)
            ):
                yield int(named.group(2)), entry


def _shots(folder: Path, level: int, second: int = 0, below: str = "") -> Iterator[Shot]:
    """Files below a folder, each level in the order of its numbers."""
    if level < len(LEVELS):
        for number, entry in sorted(_folders(folder, level), key=lambda found: found[0]):
            yield from _shots(
                Path(entry.path),
                level + 1,
                second + number * SECONDS[level],
                f"{below}{entry.name}/",
            )
        return
    with os.scandir(folder) as found:
        for count, entry in enumerate(found):
            if count > MOST_FRAMES:
                raise BeamwatchError(f"{folder} holds more than {MOST_FRAMES} files")
            name, ending = os.path.splitext(entry.name)
            numbered = _LAST_NUMBER.search(name)
            if ending.lower() in ENDINGS and numbered and not name.startswith("."):
                if not entry.is_file(follow_symlinks=False):
                    raise BeamwatchError(f"{entry.path} is no plain file: not read")
                yield Shot(second, int(numbered.group(1)), below + entry.name)


def _check_one_recording(folder: Path, shots: list[Shot]) -> None:
    seen: dict[tuple[int, int], str] = {}
    kinds: dict[str, str] = {}
    for shot in shots:
        name = Path(shot.name).name
        kinds.setdefault(re.sub(r"\d+", "0", name.lower()), name)
        other = seen.setdefault((shot.second, shot.number), name)
        if len(kinds) > 1 or other != name:
            one, two = list(kinds.values())[:2] if len(kinds) > 1 else (other, name)
            raise BeamwatchError(
                f"{folder} holds frames of several recordings ({one} and {two}): put each into a "
                "folder of its own"
            )


def _one(path: Path) -> Recording:
    """What one file says."""
    with explained(path, "a DM file"):
        recording = recording_of(path, dm_signals(path, file_size(path, "a DM file")), None)
    if recording.frames.shape[0] != 1:
        raise BeamwatchError(f"{path} holds {recording.frames.shape[0]} frames: one was expected")
    return recording


def _check_alike(
    path: Path, frames: FrameSource, size: tuple[int, int], pixels: np.dtype[Any]
) -> None:
    if frames.shape[1:] != size or frames.dtype != pixels:
        _, height, width = frames.shape
        raise BeamwatchError(
            f"{path} has {height} by {width} pixels of {frames.dtype}, the first frame {size[0]} "
            f"by {size[1]} of {pixels}: frames of a movie must be alike"
        )


@dataclass(frozen=True, eq=False)
class _Clock:
    """Times by the names of the files."""

    shots: tuple[Shot, ...]

    @cached_property
    def _pairs(self) -> list[tuple[Shot, Shot]]:
        """Neighbours whose numbers follow each other: within a second, or all."""
        pairs = list(itertools.pairwise(self.shots))
        restarts = any(one.number >= two.number for one, two in pairs)
        return [(a, b) for a, b in pairs if not restarts or a.second == b.second]

    def _missing(self, until: int) -> int:
        """Numbers left out before a second."""
        return sum(b.number - a.number - 1 for a, b in self._pairs if b.second < until)

    @cached_property
    def step(self) -> float | None:
        """Seconds a frame: those before the last folder over the frames in them.

        None where all frames lie in one second, which was not over, perhaps.
        """
        seconds = np.array([shot.second for shot in self.shots])
        span, last = int(seconds[-1] - seconds[0]), int(seconds[-1])
        if span == 0:
            return None
        before = int((seconds < last).sum()) + self._missing(last)
        seen = len(np.unique(seconds)) - 1
        # Of many frames a second, one without any was lost; of few, there was none.
        return believable((seen if before >= 2 * seen else span) / before, *FRAME_TIME)

    @cached_property
    def gaps(self) -> int:
        """Frames that are missing, by the numbers and the seconds in the names."""
        missing = self._missing(self.shots[-1].second + 1)
        if self.step is not None and self.step <= 0.5:
            seconds = np.unique([shot.second for shot in self.shots])
            lost = int((np.diff(seconds) - 1).sum())
            missing += round(lost / self.step) if len(self._pairs) < len(self.shots) - 1 else 0
        return missing

    @cached_property
    def times(self) -> Floats | None:
        """Ends of the frames, where frames are missing; None if none is, or times do not grow."""
        if self.step is None or not self.gaps:
            return None
        numbers = np.array([shot.number for shot in self.shots], np.float64)
        ends: Floats = (numbers - numbers.min() + 1) * self.step
        if len(self._pairs) < len(self.shots) - 1:  # numbers begin anew each second
            ends += np.array([shot.second - self.shots[0].second for shot in self.shots])
        return ends if (np.diff(ends) > 0).all() else None

    @property
    def warnings(self) -> tuple[str, ...]:
        """About frames that are missing."""
        if not self.gaps:
            return ()
        said = f"{self.gaps} frames are missing by the names of the files"
        if self.times is not None:
            said += "; what the specimen received in them is counted with the frame that follows"
        return (said,)
