"""Frames as they are analysed: which are lit, how they drift, what the detector counts wrongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.spectra.copies import CopyFinder
from napari_beamwatch.spectra.defects import DefectFinder, Defects, FrameCounts
from napari_beamwatch.spectra.drift import Drift, DriftEstimator
from napari_beamwatch.spectra.runners import Runner, Tick
from napari_beamwatch.spectra.streaming import Shifts, segment_edges

Floats = NDArray[np.float64]

STEPS = 16
"""Steps in which a window follows the specimen by its own size."""

SAMPLED_FRAMES = 16
"""Frames that tell what a detector counts wrongly, where all would be read again and again."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Frames as they are analysed.

    Attributes
    ----------
    frames : FrameSource
    pixel_size : float or None
        In Å.
    lit : array of bool (frames,)
        Those with beam, but copies of the one before.
    single_counts : bool
        Their noise is that of single electrons.
    shifts : array of int64 (frames, 2)
        By how much windows follow the specimen, in pixels.
    residual : array of float64 (frames, 2)
        What that leaves of the drift.
    """

    frames: FrameSource
    pixel_size: float | None
    lit: NDArray[np.bool_]
    single_counts: bool
    shifts: Shifts
    residual: Floats

    def window_shifts(self, window: int) -> Shifts:
        """By how much windows of that many pixels follow."""
        return window_shifts(self.shifts + self.residual, window)

    @property
    def exposed(self) -> list[int]:
        """Numbers of the frames with beam."""
        return [int(t) for t in np.flatnonzero(self.lit)]


def window_shifts(moved: Floats, window: int) -> Shifts:
    """By how much windows follow a specimen that moved so far: in steps of a part of them.

    What a crystal moves within a window changes little in its power; a window that leaves the
    detector for the sake of a pixel is lost.

    Parameters
    ----------
    moved : array of float64 (…, 2)
        In pixels.
    window : int
        Their side in pixels.
    """
    step = max(1, window // STEPS)
    return np.asarray(np.rint(moved / step) * step, np.int64)


@dataclass(frozen=True, eq=False)
class FrameReduction:
    """Reduces a frame to what its drift and the detector's defects are told from."""

    frames: FrameSource
    reduce: Callable[[Frame], NDArray[np.complex64] | None] | None

    def __call__(self, frame: int) -> tuple[NDArray[np.complex64] | None, FrameCounts]:
        """Of frame number `frame`, which is read."""
        image = self.frames.read(frame)
        return None if self.reduce is None else self.reduce(image), FrameCounts.of(image)


@dataclass(frozen=True, eq=False)
class FirstLook:
    """What a first pass over all frames with beam tells.

    Attributes
    ----------
    drift : Drift or None
        Of the specimen, if it was looked for.
    defects : Defects
        What the detector counts wrongly.
    copies : array of bool (frames,)
        Frames that are the one before once more.
    """

    drift: Drift | None
    defects: Defects
    copies: NDArray[np.bool_]


def first_look(
    frames: FrameSource,
    lit: NDArray[np.bool_],
    runner: Runner,
    tick: Tick = lambda _: None,
    *,
    for_drift: bool = True,
) -> FirstLook:
    """The drift of the specimen, what the detector counts wrongly, and copies among the frames."""
    estimator = DriftEstimator((frames.shape[1], frames.shape[2])) if for_drift else None
    finder = DefectFinder((frames.shape[1], frames.shape[2]), segment_edges(lit))
    twice = CopyFinder()
    reduction = FrameReduction(frames, None if estimator is None else estimator.reduce)
    copies = np.zeros(len(lit), bool)
    for t, (reduced, counts) in runner.frames(reduction, np.flatnonzero(lit).tolist()):
        copies[t] = twice.add(counts)
        if estimator is not None:
            estimator.add_reduced(t, None if copies[t] else reduced)
        finder.add(t, counts)
        tick(1)
    drift = None if estimator is None else estimator.solve(len(lit), lambda: tick(0))
    return FirstLook(drift, finder.found(), copies)


def look_for_defects(frames: FrameSource, lit: NDArray[np.bool_], runner: Runner) -> Defects:
    """What the detector counts wrongly, from some frames: of a movie that is being written."""
    finder = DefectFinder((frames.shape[1], frames.shape[2]), segment_edges(lit))
    exposed = np.flatnonzero(lit)
    places = np.linspace(0, len(exposed) - 1, min(len(exposed), SAMPLED_FRAMES))
    chosen = exposed[np.unique(places.round().astype(np.int64))].tolist()
    for t, (_, counts) in runner.frames(FrameReduction(frames, None), chosen):
        finder.add(t, counts)
    return finder.found()
