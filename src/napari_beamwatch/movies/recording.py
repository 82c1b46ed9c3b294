"""What a file says of itself, before anybody is believed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.beam import unlit_frames
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.frames import CroppedFrames, FrameSource, SlicedFrames
from napari_beamwatch.movies.opened_files import OpenedFiles

Floats = NDArray[np.float64]

MOST_FRAMES = 1_000_000
MOST_PIXELS = 2**32
"""Of a movie, and of one of its frames. Nobody records more, and many things are as long as a
movie, so that a header that claims more must not be believed for a moment."""


@dataclass(frozen=True)
class Stated:
    """A number and who said it."""

    value: float
    origin: str


@dataclass(frozen=True, eq=False)
class StatedDose:
    """Dose of each frame as a file states it.

    Attributes
    ----------
    per_frame : array of float
        One value a frame.
    unit : {"e/A2", "e/px"}
        Per Å² of the specimen, or per pixel of the frames (then a pixel size converts it).
    origin : str
        Which field of the file, and how it was shared among the frames.
    """

    per_frame: Floats
    unit: Literal["e/A2", "e/px"]
    origin: str


@dataclass(frozen=True)
class Counting:
    """How electrons show as grey levels.

    Attributes
    ----------
    kind : {"single", "blob", "grey"}
        Single counts (shot noise only), counted electrons drawn as blobs of many grey
        levels, or grey values whose scale is unknown.
    counts_per_electron : float
        Grey levels that one electron adds to a frame in all; 1 for single counts, an
        estimate otherwise.
    fano : float
        Variance over mean of a pixel, from the difference of two neighbouring frames.
    origin : str
        How it is known.
    """

    kind: Literal["single", "blob", "grey"]
    counts_per_electron: float
    fano: float
    origin: str


@dataclass(frozen=True)
class Lead:
    """What passed through the specimen before the first frame of a sliced movie.

    Attributes
    ----------
    frames : float
        Lit frames that were cut off, in units of the frames that are left.
    counts : float
        Mean grey level or counts of a pixel, added over those frames.
    stated : float
        Their dose in the unit of the file's statement.
    time : float
        Seconds.
    """

    frames: float = 0.0
    counts: float = 0.0
    stated: float = 0.0
    time: float = 0.0


@dataclass(frozen=True, eq=False)
class Recording:
    """Frames, and what the file and the pixels themselves say about size, dose and time.

    Attributes
    ----------
    frames : FrameSource
    path : str
        File or folder; empty for an array.
    pixel_size : Stated or None
        Å.
    dose : StatedDose or None
        What the file states.
    frame_time : Stated or None
        Seconds per frame; used where `times` is None.
    times : array or None
        Seconds since the start of the record at the end of each frame.
    counts : array or None
        Mean of the pixels of each frame: the flux, in grey levels (electrons if
        `counting` says single). NaN is not allowed; None if it is unknown.
    counts_origin : str
        How `counts` was found.
    counting : Counting or None
        How electrons show as grey levels; None if unknown.
    dead_time : bool
        The detector registers at most one event per pixel and raw frame, so that counts
        under-read (EER).
    raw_per_frame : int
        Detector frames added up in each frame.
    conditions : Conditions
    condition_origins : dict
        For each stated condition, who said it.
    warnings : tuple of str
        Everything odd, a sentence each.
    notes : tuple of str
        What was decided, a sentence each: fractionation, orientation.
    lead : Lead
    files : OpenedFiles
        What the frames are read from; `open_movie` notes it.
    exposed : array or None
        Part of each frame during which the beam was on, where that is known better than from
        the counts of these frames alone: of a part or a sum of others.
    lost : array of bool or None
        Frames without a picture: saturated, without a number, or with the same one everywhere.
        None if there is none.
    """

    frames: FrameSource
    path: str
    pixel_size: Stated | None = None
    dose: StatedDose | None = None
    frame_time: Stated | None = None
    times: Floats | None = None
    counts: Floats | None = None
    counts_origin: str = ""
    counting: Counting | None = None
    dead_time: bool = False
    raw_per_frame: int = 1
    conditions: Conditions = field(default_factory=Conditions)
    condition_origins: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lead: Lead = Lead()
    files: OpenedFiles = OpenedFiles()
    exposed: Floats | None = None
    lost: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        t, y, x = self.frames.shape
        what = self.path or "the array"
        if t < 1:
            raise BeamwatchError(f"{what} holds no frames")
        if y < 1 or x < 1:
            raise BeamwatchError(f"{what} holds frames without pixels ({y} by {x})")
        if t > MOST_FRAMES or y * x > MOST_PIXELS:
            raise BeamwatchError(
                f"{what} claims {t} frames of {y} by {x} pixels, more than a movie can have "
                f"({MOST_FRAMES} of {MOST_PIXELS} pixels): its header is broken"
            )
        for name in ("warnings", "notes"):
            object.__setattr__(self, name, tuple(map(printable, getattr(self, name))))
        for name in ("times", "counts", "exposed", "lost"):
            values = getattr(self, name)
            if values is not None and len(values) != t:
                raise BeamwatchError(f"{what} states {len(values)} {name} for {t} frames")
        if self.dose is not None and len(self.dose.per_frame) != t:
            raise BeamwatchError(f"{what} states {len(self.dose.per_frame)} doses for {t} frames")

    @property
    def exposure(self) -> Floats:
        """Part of each frame during which the beam was on; by the counts, unless it is known."""
        if self.exposed is not None:
            return self.exposed
        if self.counts is None:
            return np.ones(self.frames.shape[0])
        return (~unlit_frames(self.counts)).astype(np.float64)

    @property
    def lit(self) -> NDArray[np.bool_]:
        """True for each frame with beam; the analysis skips the others.

        Those without a picture are among the others, unless none has one: then `analyze` says so.
        """
        lit: NDArray[np.bool_] = self.exposure > 0
        seen = lit if self.lost is None else lit & ~self.lost
        return seen if seen.any() else lit

    @property
    def _is_unexamined(self) -> bool:
        return self.exposed is None and self.counts is None

    def sliced(self, first: int, last: int) -> Recording:
        """Frames ``first:last``; the dose of those before them is kept as `lead`."""
        cut = slice(0, first)
        kept = slice(first, last)
        lead = self.lead
        ends: Floats | None = self.times
        if ends is None and self.frame_time is not None:
            ends = lead.time + self.frame_time.value * np.arange(
                1, self.frames.shape[0] + 1, dtype=np.float64
            )
        return replace(
            self,
            frames=SlicedFrames(self.frames, first, last),
            times=None if self.times is None else self.times[kept],
            counts=None if self.counts is None else self.counts[kept],
            dose=None
            if self.dose is None
            else replace(self.dose, per_frame=self.dose.per_frame[kept]),
            exposed=None if self._is_unexamined else self.exposure[kept],
            lost=None if self.lost is None else self.lost[kept],
            lead=Lead(
                frames=lead.frames + float(self.exposure[cut].sum()),
                counts=lead.counts + _total(self.counts, cut),
                stated=lead.stated
                + _total(None if self.dose is None else self.dose.per_frame, cut),
                time=lead.time if first == 0 or ends is None else float(ends[first - 1]),
            ),
        )

    def cropped(self, y0: int, y1: int, x0: int, x1: int) -> Recording:
        """The rectangle ``y0:y1, x0:x1`` of each frame; the flux stays that of the field."""
        return replace(self, frames=CroppedFrames(self.frames, y0, y1, x0, x1))

    def summed(self, n: int) -> Recording:
        """Groups of `n` frames as one frame each; an incomplete last group is dropped."""
        groups = self.frames.shape[0] // n
        lead = self.lead
        return replace(
            self,
            frames=self.frames.summed(n),
            times=None if self.times is None else self.times[n - 1 : groups * n : n],
            frame_time=None
            if self.frame_time is None
            else replace(self.frame_time, value=self.frame_time.value * n),
            counts=None if self.counts is None else add_groups(self.counts, n),
            dose=None
            if self.dose is None
            else replace(self.dose, per_frame=add_groups(self.dose.per_frame, n)),
            raw_per_frame=self.raw_per_frame * n,
            exposed=None if self._is_unexamined else add_groups(self.exposure, n) / n,
            lost=None if self.lost is None else add_groups(self.lost.astype(np.float64), n) > 0,
            lead=replace(lead, frames=lead.frames / n),
        )


def add_groups(values: Floats, n: int) -> Floats:
    """Sums of `n` neighbours; an incomplete last group is dropped."""
    groups = len(values) // n
    sums: Floats = values[: groups * n].reshape(groups, n).sum(axis=1)
    return sums


def _total(values: Floats | None, which: slice) -> float:
    return 0.0 if values is None else float(values[which].sum())


def stated_conditions(said: dict[str, Any], origin: str) -> tuple[Conditions, dict[str, str]]:
    """Conditions of a file and their origins; values that are None or cannot be are left out."""
    kept = {}
    for name, value in said.items():
        # A header may say anything; nonsense is left out.
        with contextlib.suppress(BeamwatchError):
            kept.update(Conditions.of({name: value}).stated())
    return Conditions.of(kept), dict.fromkeys(kept, origin)
