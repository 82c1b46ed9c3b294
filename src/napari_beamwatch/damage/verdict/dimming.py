"""What dims a lattice that holds: beam or layer, a specimen that moves, frames that were filtered.

All are measured in the same frames. Of a layer that grows the lattice loses contrast beside its
part of the signal, so that its power falls with some power of the signal. A specimen that drifts by
v within a frame smears the fringes of g to sinc(g·v) of their amplitude: those across the
drift most, those along it not at all. For how much of a frame the camera was open nobody says, and
how far a fast specimen went is not known to a fringe, so that it is enough that a drift that set in
with the loss would have taken most of it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from napari_beamwatch.damage.course.appearing import outer_quarters
from napari_beamwatch.damage.course.averaging import Average
from napari_beamwatch.damage.course.estimate import CLEAR
from napari_beamwatch.damage.course.examining import Loss
from napari_beamwatch.damage.course.fitting import Models, weighed
from napari_beamwatch.damage.parts import HALF, HARDLY, LITTLE
from napari_beamwatch.damage.scopes import Samples, Scope
from napari_beamwatch.spectra.filtered import left_by_filters

Floats = NDArray[np.float64]

SIGNAL_POWERS = (-1.0, 6.0)
"""Least and greatest of the mean signal that the power of a lattice may go with; 1 is that of a
beam alone."""

SIGNAL_MARGIN = 12.0
"""Log likelihood by which an onset must explain the traces better than the signal does."""


def signal_explains(samples: Samples, found: Average) -> bool:
    """Whether the lattice went with the mean signal of the field, as beam and thickness have it."""
    if np.ptp(samples.beam) < LITTLE:
        return False
    never = Models(samples.end[-1:] + 1.0, np.ones(1), np.ones(1))

    def misfit(power: float) -> float:
        dimmed = replace(samples, beam=samples.beam**power)
        return -float(weighed(dimmed, never, exact=True).log_likelihood.max())

    # Where there are many electrons no power but the right one will do.
    alike = optimize.minimize_scalar(misfit, bounds=SIGNAL_POWERS, method="bounded")
    best = float(found.weighed.log_likelihood.max())
    # No layer follows a power to the last electron.
    margin = max(SIGNAL_MARGIN, HARDLY * (best + misfit(1.0)))
    return bool(-alike.fun > best - margin)


def drift_smears(scope: Scope, loss: Loss, moved_px: Floats | None) -> bool:
    """Whether the specimen began to move within the frames as the lattice fell.

    Parameters
    ----------
    scope : Scope
    loss : Loss
    moved_px : array (frames, 2), optional
        How far it moves in each frame, (dy, dx); 0 where that is not sure.
    """
    if moved_px is None:
        return False
    start, half = loss.course.onset.value, loss.course.half_dose.value
    length = scope.dose_end[-1] - scope.dose_start[0]
    before = scope.lit & (scope.dose_end <= start)
    after = scope.lit & (scope.dose_end >= half) & (scope.dose_end <= half + LITTLE * length)
    if not (before.any() and after.any()):
        return False
    left = np.sinc(scope.g @ moved_px.T) ** 2
    return takes_most(np.median(left[:, after], axis=1) / np.median(left[:, before], axis=1), loss)


def filters_take(scope: Scope, loss: Loss, noise: Floats | None) -> bool:
    """Whether filters that come and go take as much of most spots that fell.

    Parameters
    ----------
    scope : Scope
    loss : Loss
    noise : array (frames, 2, 5), optional
        As `noise_of`.
    """
    lit = np.flatnonzero(scope.lit)
    if noise is None or not len(lit):
        return False
    left = left_by_filters(noise[lit], *scope.g.T)
    first, last = (left[:, side].mean(axis=1) for side in outer_quarters(len(lit)))
    return takes_most(last / first, loss)


def takes_most(left: Floats, loss: Loss) -> bool:
    """Whether what leaves so much of each spot takes half of what most that fell have lost.

    Parameters
    ----------
    left : array (spots,)
    loss : Loss
    """
    measured = loss.left.measured
    lost = 1 - loss.left.ratio
    fell = measured & (lost > max(LITTLE, HALF * float(lost[measured].max(initial=0.0))))
    return bool(fell.any() and np.mean((1 - left >= HALF * lost)[fell]) >= HALF)


def moved_within(drift_px: Floats, se_px: Floats) -> Floats:
    """How far a specimen moves in each frame, (dy, dx) in pixels; 0 where that is not sure.

    The lesser of its steps from the frame before and to the next: one that jumped between two
    frames moved in neither.

    Parameters
    ----------
    drift_px : array (frames, 2)
    se_px : array (frames,)
    """
    steps = np.diff(drift_px, axis=0)
    before, after = np.concatenate([steps[:1], steps]), np.concatenate([steps, steps[-1:]])
    lesser = np.where(np.abs(before) < np.abs(after), before, after)
    moved = np.where(before * after > 0, lesser, 0.0)
    sure = np.hypot(*moved.T) > CLEAR * np.nan_to_num(se_px, nan=np.inf)
    return np.where(sure[:, None], moved, 0.0)
