"""A crystal that changes patch after patch: its onset is that of the first of them.

The sum of windows that change one after the other is no stretched exponential, and its fit begins
before any of them did. Where the onsets of a crystal's windows differ by more than their errors,
those that may have changed with the first are judged once more, alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.analysis.verdicts import crystal_scopes, judged_scope, witnesses_of
from napari_beamwatch.damage.judging import Verdict
from napari_beamwatch.damage.pooling import Judged, RegionVerdict, WindowVerdicts, pooled
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.following import FollowedReflection, FollowedSpots

UNLIKE = 4.0
"""Mean square of the windows' onsets from their median, in standard errors, from which they did
not change together: what decays at once has 1 to 2."""

FEWEST = 16
"""Windows with an onset that tell whether they changed together."""

FIRST = 0.1
"""Part of the windows by whose onsets the first patch had begun."""


def first_patches(
    movie: Movie,
    settings: Settings,
    followed: FollowedSpots,
    reflections: Sequence[FollowedReflection],
    windows: WindowVerdicts,
    field: FieldTrace,
    diffuse: Diffuse,
    told: RegionVerdict,
) -> RegionVerdict:
    """The verdict on a region, its crystals as early as their first patches.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    followed : FollowedSpots
        On the grid of the map.
    reflections : sequence of FollowedReflection
        Of the region.
    windows : WindowVerdicts
        The map.
    field : FieldTrace
    diffuse : Diffuse
    told : RegionVerdict
    """
    mine = np.zeros(len(windows.status), bool)
    for reflection in reflections:
        mine[followed.spots.peaks.window[reflection.spots]] = True
    crystals: list[Judged] = []
    for one in told.crystals:
        judged = one
        bearing = (windows.crystal == one.crystal) | (windows.new_crystal == one.crystal)
        early = _first(windows, mine & bearing)
        if one.verdict.status == "onset" and one.verdict.criterion != "spacing" and early.any():
            some = followed.within(reflections, early)
            scopes = crystal_scopes(DoseAxis.of(movie), followed.spots, some, movie)
            own = [scope for number, _, _, scope in scopes if number == one.crystal]
            others = tuple(alone for number, _, alone, _ in scopes if number != one.crystal)
            if own:
                witnesses = witnesses_of(field, others, diffuse)
                alone = judged_scope(own[0], witnesses, max(1, len(told.crystals)), settings)
                judged = replace(one, verdict=_with_first(one.verdict, alone, int(early.sum())))
        crystals.append(judged)
    if all(new is old for new, old in zip(crystals, told.crystals, strict=True)):
        return told
    return RegionVerdict(pooled(crystals)[0], tuple(crystals))


def _first(windows: WindowVerdicts, mine: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Windows that may have changed with the first; none if all may have changed together."""
    known = mine & np.isfinite(windows.onset)
    none = np.zeros(len(mine), bool)
    if known.sum() < FEWEST:
        return none
    width = windows.high - windows.low
    error = np.maximum(width, np.median(width[known])) / (2 * 1.96)
    onset = windows.onset[known]
    if np.mean(((onset - np.median(onset)) / error[known]) ** 2) < UNLIKE:
        return none
    return known & (windows.onset <= np.quantile(onset, FIRST) + 1.96 * error)


def _with_first(whole: Verdict, first: Verdict, count: int) -> Verdict:
    """The verdict on a crystal with the onset of its first patch, if that is one."""
    if first.status != "onset":
        return whole
    said = (
        f"its patches changed one after the other: the onset is that of the first {count} windows"
    )
    return replace(
        whole, onset=first.onset, onset_frame=first.onset_frame, detected=first.detected,
        fading_onset=first.fading_onset, new_phase_onset=first.new_phase_onset
        if np.isfinite(first.new_phase_onset.value) else whole.new_phase_onset,
        no_plateau=first.no_plateau, reason=f"{whole.reason}; {said}",
    )  # fmt: skip
