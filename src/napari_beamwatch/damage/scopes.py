"""What is judged: the traces of one crystal or window, and what was seen beside it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.broadening import Broadening
from napari_beamwatch.spectra.drift import Texture

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SpotTrace:
    """One lattice spot over the frames of a scope, or a powder ring of diffraction patterns.

    Attributes
    ----------
    spot, crystal : int
    gy, gx : float
        Cycles per pixel.
    snr : array (frames,)
        Mean over the spot's windows of power over floor, less 1; NaN where not measured.
    windows : int or array (frames,)
        Windows behind the mean; of each frame, if some leave the detector.
    in_phase, own : float
        Overlap factors of the two parts of its noise: the variance of the mean is
        ``(2·s·in_phase + own) / windows``.
    d_px, d_se_px : array (frames,)
        Spacing in pixels and its standard error, running over `averaged` frames; NaN where too
        weak.
    averaged : int
    ring : bool
        A powder ring: its grains have every direction, and what `gy` and `gx` tell is none.
    total : array (frames,), optional
        Of all windows together, each as it is: what some have and what the others have is what all
        have, as it is not of a mean that trusts the strong ones. By default that mean, so many
        times.
    """

    spot: int
    crystal: int
    gy: float
    gx: float
    snr: Floats
    windows: int | Floats = 1
    in_phase: float = 1.0
    own: float = 1.0
    d_px: Floats = field(default_factory=lambda: np.empty(0))
    d_se_px: Floats = field(default_factory=lambda: np.empty(0))
    averaged: int = 1
    ring: bool = False
    total: Floats | None = None

    @property
    def g(self) -> float:
        """Length of the g-vector in cycles per pixel."""
        return float(np.hypot(self.gy, self.gx))


def frames_after(end: Floats, lit: NDArray[np.bool_], dose: Floats | float) -> NDArray[np.int64]:
    """First frames with beam by whose ends doses are passed; −1 where there is none.

    Parameters
    ----------
    end : array (frames,)
        Doses at the ends of frames.
    lit : array of bool (frames,)
        Frames with beam.
    dose : float or array
    """
    exposed = np.append(np.flatnonzero(lit), -1)
    return np.asarray(exposed[np.searchsorted(end[exposed[:-1]], dose, side="right")], np.int64)


@dataclass(frozen=True, eq=False)
class Scope:
    """The traces that are judged together, and the dose of their frames.

    Attributes
    ----------
    name : str
    traces : tuple of SpotTrace
        Spots of one crystal.
    dose_start, dose_end : array (frames,)
        e/Å² at the beginning and end of each frame, or counts of frames where doses are unknown.
    lit : array of bool (frames,)
        Frames with beam.
    signal : array (frames,), optional
        Mean signal of its windows over that of what lies around them.
    exposure : float
        Its dose over that of the field.
    broadening : Broadening, optional
        Of its spots.
    scatter : float
        Standard deviation of the onsets of its windows beyond their errors, e/Å².
    boxes : array (windows, 4), optional
        First and last rows and columns of its windows, (y0, x0, y1, x1), where they lie at first.
    crystal : int, optional
        Its own, where spots of others that reach into its windows are among the traces.
    """

    name: str
    traces: tuple[SpotTrace, ...]
    dose_start: Floats
    dose_end: Floats
    lit: NDArray[np.bool_]
    signal: Floats | None = None
    exposure: float = 1.0
    broadening: Broadening | None = None
    scatter: float = 0.0
    boxes: NDArray[np.int64] | None = None
    crystal: int | None = None

    def __post_init__(self) -> None:
        frames = len(self.dose_end)
        if len(self.dose_start) != frames or len(self.lit) != frames:
            raise BeamwatchError(f"{self.name}: doses and lit frames differ in number")
        if any(len(trace.snr) != frames for trace in self.traces):
            raise BeamwatchError(f"{self.name}: a trace has not one value for each dose")
        lit_start, lit_end = self.dose_start[self.lit], self.dose_end[self.lit]
        if not (np.all(lit_end > lit_start) and np.all(lit_start[1:] >= lit_end[:-1] * (1 - 1e-9))):
            raise BeamwatchError(
                f"{self.name}: the accumulated dose must increase from frame to frame; check the "
                "frame doses"
            )

    @property
    def g(self) -> Floats:
        """Spatial frequencies of its spots (gy, gx), in cycles per pixel."""
        return np.array([(trace.gy, trace.gx) for trace in self.traces]).reshape(-1, 2)

    @property
    def own(self) -> NDArray[np.bool_]:
        """Traces of its own crystal."""
        return np.array([self.crystal in (None, trace.crystal) for trace in self.traces], bool)

    def of_traces(self, which: NDArray[np.bool_]) -> Scope:
        """The same with some of the traces."""
        return replace(
            self, traces=tuple(t for t, wanted in zip(self.traces, which, strict=True) if wanted)
        )


@dataclass(frozen=True, eq=False)
class Witnesses:
    """What is known of all of the field, beside its places; None where it was not measured.

    Attributes
    ----------
    defocus_nm, defocus_se_nm : array (frames,), optional
        From Thon rings, and the standard error.
    halo_grew : bool
        The diffuse ring of amorphous matter did.
    texture : Texture, optional
        Of the film around the lattice.
    moved_px : array (frames, 2), optional
        How far the specimen moves in each, (dy, dx); 0 where that is not sure.
    noise : array (frames, 2, 5), optional
        Of the electrons in each, as `noise_of`.
    """

    defocus_nm: Floats | None = None
    defocus_se_nm: Floats | None = None
    halo_grew: bool = False
    texture: Texture | None = None
    moved_px: Floats | None = None
    noise: Floats | None = None


@dataclass(frozen=True, eq=False)
class Samples:
    """The measured frames of a scope as arrays for the kernels.

    Attributes
    ----------
    y : array (spots, samples)
        Mean signal-to-noise ratio; 0 where there is none.
    windows : array (spots, samples)
        Windows times frames behind it; 0 where there is none.
    in_phase, own : array (spots,)
    beam : array (samples,)
        Beam relative to its median: the expected signal goes with it.
    start, end : array (samples,)
        Doses.
    frame : array of int (samples,)
        First frame of each sample.
    """

    y: Floats
    windows: Floats
    in_phase: Floats
    own: Floats
    beam: Floats
    start: Floats
    end: Floats
    frame: NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("y", "windows"):  # kernels are compiled for each layout that they meet
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name)))

    def __len__(self) -> int:
        return len(self.end)

    @property
    def extent(self) -> Floats:
        """Windows that show each spot: its power goes with its level and with them."""
        return np.asarray(self.windows.max(axis=1, initial=0.0), np.float64)

    def variance(self, signal: Floats) -> Floats:
        """Of one window in one frame, where so much signal is expected of the spots."""
        return np.asarray(2 * self.in_phase[:, None] * signal + self.own[:, None], np.float64)

    def without(self, masked: NDArray[np.bool_]) -> Samples:
        """The same with samples left out of every fit, though they keep their dose."""
        windows = np.where(masked, 0.0, self.windows)
        return Samples(
            self.y, windows, self.in_phase, self.own, self.beam, self.start, self.end, self.frame
        )

    def up_to(self, count: int) -> Samples:
        """The first `count` samples."""
        return Samples(
            self.y[:, :count], self.windows[:, :count], self.in_phase, self.own,
            self.beam[:count], self.start[:count], self.end[:count], self.frame[:count],
        )  # fmt: skip

    def of_spots(self, spots: NDArray[np.int64] | NDArray[np.bool_]) -> Samples:
        """Some of the spots."""
        return Samples(
            self.y[spots], self.windows[spots], self.in_phase[spots], self.own[spots],
            self.beam, self.start, self.end, self.frame,
        )  # fmt: skip

    def binned(self, factor: int) -> Samples:
        """Means over `factor` neighbouring frames; the last may be of fewer.

        A mean of m frames spreads as one of m times the windows.
        """
        if factor == 1:
            return self
        edges = np.arange(0, len(self), factor)
        windows = np.add.reduceat(self.windows, edges, axis=1)
        sums = np.add.reduceat(self.y * self.windows, edges, axis=1)
        counts = np.diff(np.append(edges, len(self)))
        last = np.append(edges[1:], len(self)) - 1
        return Samples(
            sums / np.maximum(windows, 1e-300), windows, self.in_phase, self.own,
            np.add.reduceat(self.beam, edges) / counts,
            self.start[edges], self.end[last], self.frame[edges],
        )  # fmt: skip


def samples_of(scope: Scope, mean_counts: Floats | None = None) -> Samples:
    """The lit frames of a scope in which anything was measured.

    The power over the floor of a lattice that stays goes with `mean_counts`.
    """
    snr = np.array([trace.snr for trace in scope.traces], float).reshape(-1, len(scope.lit))
    beam = np.ones(len(scope.lit)) if mean_counts is None else np.asarray(mean_counts, float)
    known = np.isfinite(snr) & np.isfinite(beam) & (beam > 0)
    used = scope.lit & known.any(axis=0) if len(snr) else scope.lit
    many = np.array(
        [np.broadcast_to(trace.windows, len(scope.lit)) for trace in scope.traces], float
    ).reshape(snr.shape)
    usual = float(np.median(beam[used])) if used.any() else 1.0
    return Samples(
        np.where(known, snr, 0.0)[:, used],
        (known * many)[:, used],
        np.array([trace.in_phase for trace in scope.traces], float),
        np.array([trace.own for trace in scope.traces], float),
        beam[used] / usual,
        np.asarray(scope.dose_start, float)[used],
        np.asarray(scope.dose_end, float)[used],
        np.flatnonzero(used),
    )
