"""Spots followed over the frames: everything measured of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.region_traces import RegionTrace, region_trace
from napari_beamwatch.spectra.runners import Runner
from napari_beamwatch.spectra.spots import Spots
from napari_beamwatch.spectra.stack import Stack
from napari_beamwatch.spectra.streaming import (
    Shifts,
    level_of,
    mended,
)
from napari_beamwatch.spectra.tracking import Measured, SpotMeasure, Tracker, WindowTraces

Floats = NDArray[np.float64]

Reduce = Callable[[int, Frame, tuple[int, int]], Any]
"""Of a frame's number, its image and the displacement of the specimen; changes nothing, and can
be sent to another process."""


class Witness(Protocol):
    """Something beside the spots that is measured in every frame."""

    @property
    def reduce(self) -> Reduce:
        """Reduces a frame to what is kept of it."""
        ...

    def add(self, frame: int, reduced: Any) -> None:
        """Take what a frame was reduced to; frames come in order of time."""
        ...


@dataclass(frozen=True, eq=False)
class FrameMeasure:
    """Measures the spots of a frame, and what else is to be known of it."""

    stack: Stack
    spots: SpotMeasure
    window_shifts: Shifts
    others: tuple[Reduce, ...]

    def __call__(self, frame: int) -> tuple[Measured, list[Any]]:
        """Of frame number `frame`, which is read."""
        image = mended(self.stack.frames.read(frame))
        dy, dx = self.window_shifts[frame].tolist()
        measured = self.spots(frame, image, (dy, dx), level_of(image))
        dy, dx = self.stack.shifts[frame].tolist()
        shift = (dy, dx)
        return measured, [reduce(frame, image, shift) for reduce in self.others]


@dataclass(frozen=True, eq=False)
class Signal:
    """Mean signal, in counts or grey values per pixel.

    Attributes
    ----------
    field : array of float64 (frames,)
        Mean of all windows on the detector.
    windows : array of int64 (frames,)
        How many these are.
    frames : array of int64 (all windows,)
        In how many each was on the detector.
    of_spots : array of float32 (frames, spots)
        That of the window of each spot; NaN where it is not on the detector.
    noise : array of float64 (frames, 2, 5)
        Of each frame, as `noise_of`.
    """

    field: Floats
    windows: NDArray[np.int64]
    frames: NDArray[np.int64]
    of_spots: NDArray[np.float32]
    noise: Floats

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Windows that were on the detector in half of the frames and more."""
        return np.asarray(2 * self.frames >= max(1, self.frames.max(initial=0)), np.bool_)

    def of(self, spots: NDArray[np.int64]) -> Floats:
        """Mean over the windows of some spots, one a window; NaN where none is on the detector."""
        total, count = self._summed(spots)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    def _summed(self, spots: NDArray[np.int64]) -> tuple[Floats, NDArray[np.int64]]:
        """Sum over the windows of some spots in each frame, and how many these are."""
        known = np.isfinite(self.of_spots[:, spots])
        own = np.where(known, self.of_spots[:, spots], 0.0)
        return own.sum(axis=1, dtype=np.float64), known.sum(axis=1)

    def beside(self, spots: NDArray[np.int64]) -> Floats:
        """That of the windows of some spots, one a window, over that of all other windows."""
        total, count = self._summed(spots)
        others = self.windows - count
        with np.errstate(divide="ignore", invalid="ignore"):
            rest = (self.field * self.windows - total) / others
            ratio = total / count / rest
        return np.where((others > 0) & (count > 0) & (rest > 0), ratio, np.nan)


@dataclass(frozen=True, eq=False)
class FollowedSpots:
    """Spots and their traces.

    Attributes
    ----------
    spots : Spots
    traces : WindowTraces
    signal : Signal
    """

    spots: Spots
    traces: WindowTraces
    signal: Signal

    def region(self, region: Region | None) -> list[FollowedReflection]:
        """Each reflection over its windows in a region, or in the whole field."""
        return [self._over(r, mine) for r, mine in self.spots.of_reflections(region)]

    def within(
        self,
        followed: Sequence[FollowedReflection],
        windows: NDArray[np.bool_],
        frames: NDArray[np.int64] | None = None,
    ) -> list[FollowedReflection]:
        """Reflections over some of the windows they were followed in.

        Parameters
        ----------
        followed : sequence of FollowedReflection
        windows : array of bool (windows,)
        frames : array of int64 (frames, windows), optional
            The frame of each window that stands in each row; −1 for none.
        """
        parts = [(one.number, one.spots[windows[self.spots.peaks.window[one.spots]]])
                 for one in followed]  # fmt: skip
        return [self._over(number, mine, frames) for number, mine in parts if mine.size]

    def _over(
        self, number: int, mine: NDArray[np.int64], frames: NDArray[np.int64] | None = None
    ) -> FollowedReflection:
        spots = self.spots
        trace = region_trace(
            self.traces,
            mine,
            spots.peaks.window[mine],
            float(spots.gy[mine].mean()),
            float(spots.gx[mine].mean()),
            spots.grid,
            None if frames is None else frames[:, spots.peaks.window[mine]],
        )
        return FollowedReflection(number, mine, trace)


@dataclass(frozen=True, eq=False)
class FollowedReflection:
    """One reflection in one region.

    Attributes
    ----------
    number : int
        Of the reflection.
    spots : array of int64
        Its spots there.
    trace : RegionTrace
    """

    number: int
    spots: NDArray[np.int64]
    trace: RegionTrace

    def mean_frequency(self, of: Spots) -> tuple[float, float, float]:
        """Frequency over the frames in which it is seen, (gy, gx), and its standard error."""
        mine, trace, peaks = self.spots, self.trace, of.peaks
        weight = np.where(np.isfinite(trace.g_se), 1 / trace.g_se**2, 0.0)
        if not weight.any():
            snr = float(peaks.snr[mine].sum())
            shared = overlap_factors(of.grid, peaks.window[mine], odd=True)[0]
            se = offset_error(of.grid) * np.sqrt(shared / snr) / of.grid.window
            share = peaks.snr[mine] / snr
            return float(share @ of.gy[mine]), float(share @ of.gx[mine]), float(se)
        gy = float((weight * np.nan_to_num(trace.gy)).sum() / weight.sum())
        gx = float((weight * np.nan_to_num(trace.gx)).sum() / weight.sum())
        # Neighbouring values share frames: as many are independent as fit side by side.
        return gy, gx, float(np.sqrt(trace.averaged / weight.sum()))


def follow(
    spots: Spots,
    stack: Stack,
    runner: Runner,
    running_sum: int,
    tell: Callable[[Callable[[], FollowedSpots]], None],
    witnesses: Sequence[Witness] = (),
) -> FollowedSpots:
    """Measure the spots in every frame.

    Parameters
    ----------
    spots : Spots
    stack : Stack
    runner : Runner
    running_sum : int
        Frames that are added up around each.
    tell : callable
        Told after each frame, with what gives the traces up to it; may raise to stop.
    witnesses : sequence of Witness
        Shown every frame, too.
    """
    measure = SpotMeasure(spots.grid, spots.peaks.window, spots.paths)
    _ = measure.transforms  # before several threads ask for them
    tracker = Tracker(measure)
    shifts = stack.window_shifts(spots.grid.window)
    residual = stack.shifts + stack.residual - shifts
    floor = spots.frame_floor(stack.single_counts, running_sum)

    def so_far() -> FollowedSpots:
        traces = tracker.traces(floor, running_sum, residual)
        signal = Signal(
            tracker.field_mean, tracker.windows, tracker.frames, tracker.means, tracker.noise
        )
        return FollowedSpots(spots, traces, signal)

    work = FrameMeasure(stack, measure, shifts, tuple(witness.reduce for witness in witnesses))
    for frame, (measured, others) in runner.frames(work, stack.exposed):
        tracker.add(frame, measured)
        for witness, reduced in zip(witnesses, others, strict=True):
            witness.add(frame, reduced)
        tell(so_far)
    return so_far()
