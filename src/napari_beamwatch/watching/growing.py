"""A movie that is being written: how many of its frames are whole, and what is known of them.

Neither the header's number of frames is believed nor the size of the file alone. Of an EER file
the last raw frame counts when another begins behind it. Of an MRC file a frame counts when all its
bytes are there and its last rows hold anything, for some programs make a file as long as it will be
and fill it later; or when a later one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.counting import examine, measure_counting
from napari_beamwatch.movies.eer import FEWEST_FRAMES, fractionation, open_eer
from napari_beamwatch.movies.eer_directory import read_directory, read_xml
from napari_beamwatch.movies.eer_frames import EerFrames
from napari_beamwatch.movies.formats.mrc import open_mrc
from napari_beamwatch.movies.formats.raw_frames import PackedNibbles, RawFrames, read_bytes
from napari_beamwatch.movies.frames import DerivedFrames, FrameSource
from napari_beamwatch.movies.gain import Gain, GainFrames, load_gain
from napari_beamwatch.movies.metadata_xml import parse_items
from napari_beamwatch.movies.opening import EER, movie_suffix
from napari_beamwatch.movies.recording import Counting, Floats, Recording, StatedDose
from napari_beamwatch.movies.sidecars import Heard, believed, hear

MRC = (".mrc", ".mrcs", ".st")

LAST_ROWS = 8
"""Of a frame: where they hold a count it was written to its end."""

MOST_EMPTY = 512
"""Empty frames that are looked over for one that is not."""

USUAL_RAW_FRAMES = 32
"""Added up where neither the dose nor the length of the record is known: an eighth of a second."""

FIXED = ("gain", "sidecars", "fraction_frames", "fraction_dose", "superres", "dataset")
"""What is settled when a file is looked into for the first time."""

HEAD_BYTES = 4096
"""Of the first frame: another movie of the same name begins otherwise."""

EMPTY = blake2b(bytes(HEAD_BYTES), digest_size=16).hexdigest()


def grows_by_frames(path: Path) -> bool:
    """Whether a file of this name can be read while it is being written."""
    return movie_suffix(path) in (*EER, *MRC) and path.suffix.lower() in (*EER, *MRC)


@dataclass(frozen=True, eq=False)
class Growing:
    """A file as it was when somebody looked.

    Attributes
    ----------
    path : Path
    recording : Recording
        What its header says, of as many frames as it was made of.
    frames : FrameSource
        Those that are whole.
    opening : mapping
        What the user says of the movie, as `open_movie` takes it.
    gain : Gain or None
    heard : Heard
        What stands beside it.
    """

    path: Path
    recording: Recording
    frames: FrameSource
    opening: Mapping[str, Any]
    gain: Gain | None
    heard: Heard

    @classmethod
    def of(cls, path: Path, opening: Mapping[str, Any]) -> Growing:
        """Look into a file for the first time.

        Raises
        ------
        BeamwatchError
            If there is no whole frame yet.
        """
        recording = _opened_eer(path, opening) if movie_suffix(path) in EER else open_mrc(path)
        gain = None
        if opening.get("gain") is not None:
            single = recording.counting is not None and recording.dead_time
            shape = recording.frames.shape[1:]
            gain = load_gain(opening["gain"], shape, counting_events=single)
        heard = hear(path) if opening.get("sidecars", True) else Heard()
        new = cls(path, recording, recording.frames, opening, gain, heard)
        return replace(new, frames=new._whole())

    def again(self) -> Growing:
        """The file as it is now."""
        return replace(self, frames=self._whole())

    @property
    def mark(self) -> str:
        """What its first frame begins with; `EMPTY` where that is not written yet."""
        base = self.recording.frames
        if isinstance(base, EerFrames):
            start = int(base.directory.offsets[0])
            length = min(HEAD_BYTES, int(base.directory.lengths[0]))
        else:
            assert isinstance(base, RawFrames | PackedNibbles)
            start, length = int(base.starts[0]), HEAD_BYTES
        return blake2b(read_bytes(self.path, start, length), digest_size=16).hexdigest()

    def movie(self, counts: Floats, known: Counting | None = None) -> Movie:
        """The first frames as a movie.

        Parameters
        ----------
        counts : array
            Their mean counts.
        known : Counting, optional
            How electrons show, if that was looked at already.
        """
        said = {name: value for name, value in self.opening.items() if name not in FIXED}
        base, frames, heard = self.recording, self.frames, self.heard
        each = None
        if (
            isinstance(base.frames, EerFrames)
            and base.dose is not None
            and base.counts is not None
            and base.counts.sum() > 0
        ):
            per_count = float(base.dose.per_frame.sum() / base.counts.sum())
            each = StatedDose(per_count * counts, base.dose.unit, base.dose.origin)
        counting = base.counting or known
        lit = counts > 0
        if counting is None and lit.sum() > 1:
            counting = measure_counting(frames, lit)
        time, n = base.frame_time, self.opening.get("fraction_frames") or 1
        if time is not None and not isinstance(base.frames, EerFrames):
            time = replace(time, value=time.value * n)
        # What is odd about half of a file is not odd about the movie: nothing is said of it yet.
        recording = replace(
            base, frames=_First(frames, len(counts)), counts=counts, times=None, frame_time=time,
            dose=each, counting=counting, lost=None, exposed=None, warnings=(),
        )  # fmt: skip
        movie = Movie(examine(recording)).with_(**said)
        superres = self.opening.get("superres") or 1
        return believed(movie, heard, superres) if heard.words or heard.warnings else movie

    def _whole(self) -> FrameSource:
        whole = self._as_written()
        return whole if self.gain is None else GainFrames(whole, self.gain)

    def _as_written(self) -> FrameSource:
        base = self.recording.frames
        if isinstance(base, EerFrames):
            return _whole_eer(self.path, base)
        assert isinstance(base, RawFrames | PackedNibbles)
        start, step = int(base.starts[0]), _frame_bytes(base)
        try:
            there = (self.path.stat().st_size - start) // step
        except OSError as error:
            raise BeamwatchError(f"{self.path} cannot be read: {error.strerror}") from None
        if there < 1:
            raise BeamwatchError(f"{self.path} holds no whole frame")
        longer = replace(base, starts=range(start, start + there * step, step))
        whole = _written(longer)
        n = self.opening.get("fraction_frames") or 1
        return _First(longer if n == 1 else longer.summed(n), whole // n)


@dataclass(frozen=True, eq=False)
class _First(DerivedFrames):
    """The first frames of another source."""

    count: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return (self.count, *self.base.shape[1:])

    def read(self, frame: int) -> np.ndarray[Any, Any]:
        return self.base.read(frame)

    def read_rows(self, frame: int, y0: int, y1: int) -> np.ndarray[Any, Any]:
        return self.base.read_rows(frame, y0, y1)


def _frame_bytes(base: RawFrames | PackedNibbles) -> int:
    if isinstance(base, PackedNibbles):
        return (base.width + 1) // 2 * base.height
    return base.width * base.height * base.stored.itemsize


def _written(frames: RawFrames | PackedNibbles) -> int:
    """How many frames hold something to their end, or have one behind them that holds anything."""
    count, height, _ = frames.shape
    first = max(0, height - LAST_ROWS)
    for last in range(count - 1, max(-1, count - 1 - MOST_EMPTY), -1):
        if frames.read_rows(last, first, height).any():
            return last + 1
        if frames.read_rows(last, 0, min(LAST_ROWS, height)).any():
            return last  # it is being written
    return max(0, count - MOST_EMPTY)


def _whole_eer(path: Path, base: EerFrames) -> FrameSource:
    directory = read_directory(path)
    if len(directory) < 2:
        raise BeamwatchError(f"{path} holds no whole raw frame")
    frames = replace(base, directory=directory)
    return _First(frames, (len(directory) - 1) // base.raw_per_frame)


def _opened_eer(path: Path, opening: Mapping[str, Any]) -> Recording:
    """With as many raw frames a frame as the whole record will want."""
    said = {name: opening.get(name) for name in ("fraction_frames", "fraction_dose", "pixel_size")}
    said["raw_dose_rate"] = opening.get("dose_rate")
    superres = opening.get("superres") or 1
    once = open_eer(path, superres=superres, pixel_size=said["pixel_size"], fraction_frames=1)
    if said["fraction_frames"] is None and said["fraction_dose"] is None:
        size = said["pixel_size"] or (once.pixel_size.value if once.pixel_size else None)
        raw = None
        counts = once.counts
        if size is not None and counts is not None and (counts > 0).any():
            each = once.dose.per_frame if once.dose is not None else counts
            raw = float(each[counts > 0].mean()) / size**2
        expected = _promised(once) or FEWEST_FRAMES * USUAL_RAW_FRAMES
        said["fraction_frames"] = fractionation(expected, raw, None, None)[0]
    if said["fraction_frames"] is not None and said["fraction_frames"] > once.frames.shape[0]:
        raise BeamwatchError(f"{path} holds no whole frame")
    return open_eer(path, superres=superres, **said)


def _promised(recording: Recording) -> int | None:
    """Raw frames that the camera says it records, if it says so while it does."""
    frames = recording.frames
    assert isinstance(frames, EerFrames)
    if frames.directory.acquisition_xml is None:
        return None
    try:
        said = parse_items(read_xml(frames.path, frames.directory.acquisition_xml))
    except BeamwatchError:
        return None
    promised = said.number("numberOfFrames")
    return None if promised is None or not 1 <= promised <= 1e9 else int(promised)
