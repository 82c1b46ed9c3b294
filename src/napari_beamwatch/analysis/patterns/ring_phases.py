"""Powder rings of a diffraction movie as they are held against the powders of phases."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.naming import SAME_SCALE
from napari_beamwatch.phases import Match
from napari_beamwatch.phases.matching import SPACING_FLOOR
from napari_beamwatch.phases.powders import RingProfile
from napari_beamwatch.spectra.diffraction import PatternRings
from napari_beamwatch.spectra.diffraction.profile import Lines, background, misfit

HELD = 0.15
"""Relative standard deviation by which rings of what was there depart from going together."""


def profile_of(
    rings: PatternRings, mine: NDArray[np.bool_], constant: float, *, came: bool, changed: bool
) -> RingProfile:
    """What the pattern shows of some rings along its radius.

    Parameters
    ----------
    rings : PatternRings
    mine : array of bool (ring,)
    constant : float
        Å·px.
    came : bool
        They were not there at first: what was there is not asked about.
    changed : bool
        Some rings came: what was there is asked of the first segment, else of all together.
    """
    segment = 0 if changed else len(rings.fits) - 1
    before = Lines.none()
    if came:
        clearest = int(np.argmax(np.where(mine, rings.significance, -np.inf)))
        segment, before = int(rings.segment[clearest]), rings.fits[0].lines
    profile, fitted = rings.profiles[segment], rings.fits[segment]
    there = before.shapes(profile.radius) * before.height
    slope = fitted.lines.slopes(profile.radius) @ fitted.lines.height
    displaced = SPACING_FLOOR * profile.radius * slope
    per_step = rings.step / constant
    own = rings.lines.taken(mine)
    g, width = own.middle * per_step, own.sigma * per_step
    return RingProfile(
        g=profile.radius * per_step,
        value=profile.mean,
        variance=profile.variance + misfit(fitted) ** 2 + displaced**2,
        background=np.hstack([background(profile.radius), there.sum(axis=1, keepdims=True)])
        if came and len(before)
        else background(profile.radius),
        there=HELD * there,
        d=1 / g,
        d_se=rings.middle_se[mine] * per_step / g**2,
        width=width,
        power=own.height * 2 * np.pi * g * np.sqrt(2 * np.pi) * width,
    )


def scale_of(found: Match) -> tuple[float, float] | None:
    """Observed spacings over true ones by what was named, and its error; None without a name."""
    named = [one for one in found.candidates if one.phase in found.answer.split("|")]
    if not named:
        return None
    weight = np.array([one.score for one in named])
    weight /= weight.sum()
    scale = np.array([one.scale for one in named])
    mean = float(weight @ scale)
    own = np.array([one.scale_se for one in named])
    return mean, float(np.sqrt(weight @ ((scale - mean) ** 2 + own**2) + SAME_SCALE**2))
