"""A lattice whose spacing moves for good: swelling, or another phase in the same orientation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from napari_beamwatch.damage.course.estimate import LEVELS, Estimate
from napari_beamwatch.damage.likeness import SAME_DIRECTION
from napari_beamwatch.damage.parts import LITTLE
from napari_beamwatch.damage.scopes import Scope, SpotTrace

Floats = NDArray[np.float64]

FEWEST = 5
"""Frames with a spacing that a trace must have before and after."""

RAMPS = 12
"""Lengths tried for a gradual shift, geometrically from a frame to the record."""


@dataclass(frozen=True, eq=False)
class Shift:
    """A spacing that moved.

    Attributes
    ----------
    onset : Estimate
        Dose at which it began to.
    before_px, after_px : float
        Spacing of the strongest of the spots.
    spots : tuple of int
        Those that moved.
    """

    onset: Estimate
    before_px: float
    after_px: float
    spots: tuple[int, ...]


def find_shift(scope: Scope, tolerance: float, false_alarm: float) -> Shift | None:
    """The lasting shift that two or more spots in different directions share, or None.

    The spacing of every spot is fitted by a level, and from the onset on by a ramp to another level
    or an exponential approach to it, common to all: a ramp alone begins too early where the change
    is fastest at first. Neighbouring values share frames, so their weights are divided by the
    frames each was averaged over.

    Parameters
    ----------
    scope : Scope
    tolerance : float
        Part of a spacing below which a shift is none: two grains in turn look like one that moved.
    false_alarm : float
        Chance of finding one where there is none.
    """
    sure = float(stats.norm.isf(false_alarm / (2 * max(1, len(scope.traces)))))
    traces = [t for t in scope.traces if len(t.d_px) == len(scope.lit)]
    moved = [t for t in traces if _stays_moved(t, tolerance, sure)]
    if not _two_directions(moved):
        return None
    starts, misfit = _profile(scope, moved)
    weight = np.exp(-(misfit - misfit.min()) / 2)
    weight /= weight.sum()
    order = np.argsort(starts, kind="stable")
    cumulative = np.cumsum(weight[order])
    quantiles = np.interp(LEVELS, cumulative, starts[order])
    low, middle, high = (float(value) for value in quantiles)
    frame = float(np.median(scope.dose_end - scope.dose_start))
    # Averaging over frames smears a shift over so many.
    unsure = (max(t.averaged for t in moved) + 1) / 2 * frame
    first = float(scope.dose_start[0])
    strongest = max(moved, key=lambda t: float(np.nanmean(t.snr)))
    before, after = _levels(strongest)
    onset = Estimate(max(middle, first), max(low - unsure, first), high + unsure)
    return Shift(onset, before, after, tuple(t.spot for t in moved))


def its_own(snr: Floats) -> NDArray[np.bool_]:
    """Frames in which a spot is strong enough for what is read there to be its own spacing."""
    seen = np.isfinite(snr)
    usual = float(np.quantile(snr[seen], 0.9)) if seen.any() else 0.0
    # Of less what is left there may be the foot of another spot.
    return np.asarray(np.nan_to_num(snr, nan=-np.inf) >= LITTLE * usual)


def known_spacing(trace: SpotTrace) -> NDArray[np.bool_]:
    """Frames that tell the spot's own spacing."""
    return np.isfinite(trace.d_px) & (trace.d_se_px > 0) & its_own(trace.snr)


def _levels(trace: SpotTrace) -> tuple[float, float]:
    """Mean spacing of the first and the last fifth of what was measured."""
    known = np.flatnonzero(known_spacing(trace))
    part = max(1, len(known) // 5)
    return float(np.mean(trace.d_px[known[:part]])), float(np.mean(trace.d_px[known[-part:]]))


def _stays_moved(trace: SpotTrace, tolerance: float, sure: float) -> bool:
    """Whether the last fifth lies off the first by more than the errors and the tolerance."""
    known = np.flatnonzero(known_spacing(trace))
    if len(known) < 2 * FEWEST:
        return False
    part = max(FEWEST, len(known) // 5)
    before, after = known[:part], known[-part:]
    averaged = max(1, trace.averaged)
    errors = [
        float(np.sqrt(np.mean(trace.d_se_px[side] ** 2) / max(1.0, len(side) / averaged)))
        for side in (before, after)
    ]
    start = float(np.mean(trace.d_px[before]))
    shift = float(np.mean(trace.d_px[after])) - start
    return abs(shift) > max(sure * float(np.hypot(errors[0], errors[1])), tolerance * start)


def _two_directions(traces: list[SpotTrace]) -> bool:
    least = np.sin(np.radians(SAME_DIRECTION))
    return any(
        abs(a.gy * b.gx - a.gx * b.gy) / (a.g * b.g) > least
        for i, a in enumerate(traces)
        for b in traces[:i]
    )


def _profile(scope: Scope, traces: list[SpotTrace]) -> tuple[Floats, Floats]:
    """Beginnings of shifts and the misfit of each, with the levels fitted."""
    first, last = float(scope.dose_start[0]), float(scope.dose_end[-1])
    middle = (scope.dose_start + scope.dose_end) / 2
    frame = float(np.median(scope.dose_end - scope.dose_start))
    begins, lengths = np.meshgrid(
        np.arange(first, last, frame / 2),
        np.geomspace(frame / 2, last - first, RAMPS),
        indexing="ij",
    )
    gone = np.maximum(middle - begins.reshape(-1, 1), 0) / lengths.reshape(-1, 1)
    starts = np.tile(begins.ravel(), 2)
    path = np.concatenate([np.minimum(gone, 1), 1 - np.exp(-gone)])
    misfit = np.zeros(len(starts))
    for trace in traces:
        known = known_spacing(trace)
        w = 1 / (trace.d_se_px[known] ** 2 * max(1, trace.averaged))
        d, p = trace.d_px[known], path[:, known]
        total, mean_d = w.sum(), float(w @ d / w.sum())
        mean_p = p @ w / total
        away = p - mean_p[:, None]
        pp, pd = (away**2) @ w, away @ (w * (d - mean_d))
        misfit += float(w @ (d - mean_d) ** 2) - np.where(
            pp > 1e-12 * total, pd**2 / np.maximum(pp, 1e-300), 0
        )
    return starts, misfit
