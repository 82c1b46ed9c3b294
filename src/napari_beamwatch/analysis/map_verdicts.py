"""The map: when each window changed, once its crystal is known to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.damage.judging import Verdict
from napari_beamwatch.damage.mapping import Changes, common_traces, find_changes
from napari_beamwatch.damage.pooling import Judged, WindowVerdicts
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.following import FollowedSpots, Spots

Floats = NDArray[np.float64]

SHAPES = 50
"""Onsets and decays of the map's fits that say something of their own, about."""

MOST_OF_IT = 0.5
"""Part of its crystal's strain that a window must show to have taken part in it."""


def judge_windows(
    movie: Movie,
    settings: Settings,
    followed: FollowedSpots,
    field: FieldTrace,
    crystals: Sequence[Judged],
) -> WindowVerdicts:
    """When each window changed.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    followed : FollowedSpots
        Of the field.
    field : FieldTrace
    crystals : sequence of Judged
        Of the field.
    """
    axis = DoseAxis.of(movie)
    verdicts = {one.crystal: one.verdict for one in crystals}
    bearers = _Bearers.of(followed.spots, verdicts)
    changes = _changes(settings, followed, field, axis, verdicts, ~bearers.new)
    strain = _strains(followed)
    status, criterion = [], []
    onset, low, high = (np.full(len(strain), np.nan) for _ in range(3))
    for window, (old, new) in enumerate(zip(bearers.old, bearers.late, strict=True)):
        own = verdicts.get(int(old))
        # Whether the crystal swelled is known; its windows are not judged at a rate of their own.
        whole = 0.0 if own is None else _strain_of(own)
        said, kind, dose = "no_lattice", "", (np.nan, np.nan, np.nan)
        if own is None:
            said = "onset" if new >= 0 and bearers.any_came else said
        elif np.isfinite(changes.onset[window]):
            said = own.status if own.status in ("onset", "damaged_at_start") else "ambiguous"
            kind = own.criterion
            dose = (changes.onset[window], changes.low[window], changes.high[window])
        elif whole and strain[window] / whole > MOST_OF_IT:
            said, kind = "onset", "spacing"
            dose = (own.onset.value, own.onset.low, own.onset.high)
        else:
            said = "survived" if changes.survived[window] else "ambiguous"
        status.append(said)
        criterion.append("" if said != "onset" else "new_phase" if new >= 0 else kind)
        if said == "onset":
            onset[window], low[window], high[window] = dose
    frame = np.searchsorted(axis.end, np.nan_to_num(onset), side="right")
    frame = np.where(np.isfinite(onset), frame, -1)
    return WindowVerdicts(
        status, criterion, onset, low, high, changes.lost, frame, bearers.old, bearers.late
    )


@dataclass(frozen=True, eq=False)
class _Bearers:
    """Which crystals windows hold: the strongest of old, and that which came; −1 without one.

    Attributes
    ----------
    old, late : array of int64 (windows,)
    new : array of bool (peaks,)
        Those of a crystal that came instead of another: they tell of the window by their coming.
    any_came : bool
    """

    old: NDArray[np.int64]
    late: NDArray[np.int64]
    new: NDArray[np.bool_]
    any_came: bool

    @classmethod
    def of(cls, spots: Spots, verdicts: Mapping[int, Verdict]) -> _Bearers:
        peaks, crystal = spots.peaks, _crystal_of_peak(spots)
        new = np.isin(crystal, [c for c, v in verdicts.items() if v.status == "no_lattice"])
        came = {spot for v in verdicts.values() for spot in v.new_spots}
        new |= np.isin(spots.reflections.of_peak, list(came))
        new &= peaks.segment > 0
        order = np.argsort(peaks.snr)
        held = []
        for some in (order[~new[order]], order[new[order]]):
            strongest = np.full(len(spots.grid), -1)
            strongest[peaks.window[some]] = crystal[some]
            held.append(strongest)
        return cls(held[0], held[1], new, bool(came))


def _crystal_of_peak(spots: Spots) -> NDArray[np.int64]:
    return np.asarray(spots.reflections.crystal[spots.reflections.of_peak], np.int64)


def _changes(
    settings: Settings,
    followed: FollowedSpots,
    field: FieldTrace,
    axis: DoseAxis,
    verdicts: Mapping[int, Verdict],
    old: NDArray[np.bool_],
) -> Changes:
    """Changes of the windows' common traces, what recovered in their crystals left out."""
    spots, count = followed.spots, len(followed.spots.grid)
    crystal, beam = _crystal_of_peak(spots), _beam(field, axis)
    used = axis.lit & np.isfinite(beam)
    start, end = axis.start[used], axis.end[used]
    snr = np.array(followed.traces.snr[used], np.float64)
    for number, verdict in verdicts.items():
        for event in verdict.events:
            within = (start >= event.dose_from) & (end <= event.dose_to)
            snr[np.ix_(within, crystal == number)] = np.nan
    trace, weight, quiet = common_traces(
        snr[:, old], spots.peaks.window[old], _strength(spots)[old], beam[used], count
    )
    limit = 2 * float(np.log(max(1, count) * SHAPES / settings.false_alarm))
    return find_changes(trace, weight, quiet, start, end, limit)


def _beam(field: FieldTrace, axis: DoseAxis) -> Floats:
    """Mean signal relative to its median over the exposed frames; NaN where there was none."""
    known = axis.lit & (np.nan_to_num(field.mean) > 0)
    usual = np.median(field.mean[known]) if known.any() else 1.0
    return np.where(known, field.mean / usual, np.nan)


def _strength(spots: Spots) -> Floats:
    """About the signal-to-noise ratio of each spot in a frame, where it is strongest."""
    frames = np.array([last - first for first, last in spots.segments], float)
    return np.asarray(np.maximum(spots.peaks.snr, 1e-6) / frames[spots.peaks.segment], np.float64)


def _strain_of(verdict: Verdict) -> float:
    """Part by which the spacings of a crystal grew for good; 0 if they did not."""
    if verdict.status != "onset" or verdict.criterion != "spacing":
        return 0.0
    return verdict.d_after_px / verdict.d_before_px - 1


def _strains(followed: FollowedSpots) -> Floats:
    """Part by which the spacings of each window grew from the first to the last fifth."""
    spots, traces = followed.spots, followed.traces
    peaks = spots.peaks
    g2 = peaks.gy**2 + peaks.gx**2
    part = max(1, len(traces.snr) // 5)
    moved = []
    for some in (slice(None, part), slice(-part, None)):
        snr, dy, dx = (
            np.nansum(values[some], axis=0, dtype=np.float64)
            for values in (traces.snr, traces.offset_y, traces.offset_x)
        )
        # Each spot tells a strain with a precision that goes with g² and its strength.
        along = (dy * peaks.gy + dx * peaks.gx) / spots.grid.window
        pull, hold = (
            np.bincount(peaks.window, values, minlength=len(spots.grid))
            for values in (-along, np.maximum(snr, 0.0) * g2)
        )
        # A window in which nothing is left then says nothing of its spacings.
        moved.append(np.where(hold > 0, pull / np.where(hold > 0, hold, 1.0), np.nan))
    return np.asarray(np.nan_to_num(moved[1] - moved[0]), np.float64)
