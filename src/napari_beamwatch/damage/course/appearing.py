"""Spots that were not there at first: those that came to stay, and those that went again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.averaging import average
from napari_beamwatch.damage.course.detection import FEWEST_SIDE, threshold
from napari_beamwatch.damage.course.estimate import NOTHING, ONE_SIDED, SURE, Estimate, quantiles
from napari_beamwatch.damage.course.fitting import mean_levels
from napari_beamwatch.damage.course.scanning import falls, running_sums
from napari_beamwatch.damage.parts import FIFTH, HALF, LITTLE
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Appearance:
    """A spot that came.

    Attributes
    ----------
    index : int
        Of its trace in the scope.
    first_seen : Estimate
        Dose from which it grew; `NOTHING` if it went again.
    """

    index: int
    first_seen: Estimate

    @property
    def stayed(self) -> bool:
        """Whether it is there to the end, as what a phase left behind is."""
        return math.isfinite(self.first_seen.value)


def appeared(
    samples: Samples, false_alarm: float, dispersion: float, powder: NDArray[np.bool_]
) -> tuple[Appearance, ...]:
    """Spots of a scope that came; those there from the first frame are none.

    That they were not there each must show, or several together: of a faint lattice none may.

    Parameters
    ----------
    samples : Samples
    false_alarm : float
        For all of them.
    dispersion : float
        How much wider than the noise law the traces scatter.
    powder : array of bool (spots,)
        Which are powder rings.
    """
    count = len(samples)
    if count < 2 * FEWEST_SIDE:
        return ()
    rise = -falls(samples, dispersion)
    rise[:, :FEWEST_SIDE] = 0
    rise[:, count - FEWEST_SIDE + 1 :] = 0
    limit = threshold(1, count, false_alarm / max(1, len(samples.y)))
    nothing = running_sums(samples, np.zeros(len(samples.y)), dispersion)
    usual = running_sums(samples, mean_levels(samples), dispersion)
    spots, before, known = [], [], []
    for i in range(len(samples.y)):
        place = int(rise[i].argmax())
        if rise[i, place] ** 2 <= limit or rise[i, place] <= 0:
            continue
        # A slow rise reaches back before its steepest place: absence is asked of the first half.
        early = max(FEWEST_SIDE, place // 2)
        after = usual.moment[i, -1] - usual.moment[i, place]
        after /= max(usual.weight[i, -1] - usual.weight[i, place], 1e-300)
        if nothing.weight[i, early] > 0 and after > 0:
            spots.append(i)
            before.append(nothing.moment[i, early] / nothing.weight[i, early] / after)
            known.append(nothing.weight[i, early] * after**2)
    came = _absent(np.array(before), np.array(known))
    return tuple(
        Appearance(i, grown_from(samples, [i], dispersion, powder=bool(powder[i])))
        for i, is_one in zip(spots, came.tolist(), strict=True)
        if is_one
    )


def _absent(part: Floats, weight: Floats) -> NDArray[np.bool_]:
    """Which spots had less than a fifth at first of what they have in the end.

    Each by itself, or those together of which none is known to have had more.

    Parameters
    ----------
    part, weight : array (spots,)
        That part, and one over its variance.
    """
    error = ONE_SIDED / np.sqrt(weight)
    absent = part + error <= FIFTH
    some = ~absent & (part - error <= FIFTH)
    total = float(weight[some].sum())
    if total > 0 and (part[some] @ weight[some] + ONE_SIDED * math.sqrt(total)) / total <= FIFTH:
        absent = absent | some
    return np.asarray(absent, np.bool_)


def grown_from(
    samples: Samples, spots: Sequence[int], dispersion: float, *, powder: bool
) -> Estimate:
    """Dose from which spots grew together: the same models, whose residual is the higher level.

    They have one change. Of a spot that rocks into view and out again the fall explains more. What
    grows may be pieces that add their powers, as those of a powder do, or one crystal; which,
    nobody knows beforehand.
    """
    some = samples.of_spots(np.array(spots))
    coherent = (False,) if powder else (False, True)
    ways = [average(some, dispersion=dispersion, coherent=one) for one in coherent]
    evidence = np.array([way.log_evidence for way in ways])
    share = np.exp(evidence - evidence.max())
    grows = [way.weighed.residual.sum(axis=1) > way.weighed.plateau.sum(axis=1) for way in ways]
    weight = np.concatenate(
        [part * w.weight * it for part, w, it in zip(share / share.sum(), ways, grows, strict=True)]
    )
    if weight.sum() < HALF:
        return NOTHING
    onset = np.concatenate([way.weighed.models.onset for way in ways])
    return Estimate(*quantiles(onset, weight / weight.sum()))


def faded(samples: Samples) -> NDArray[np.bool_]:
    """Spots of which less than half is left in the last quarter of what was there in the first."""
    (first, last), _ = quarters(samples)
    return np.asarray(last < 0.5 * first, np.bool_)


def brightened(samples: Samples, dispersion: float) -> NDArray[np.bool_]:
    """Spots that are surely half brighter in the last quarter than in the first, and not faint."""
    (first, last), (first_var, last_var) = quarters(samples)
    error = np.sqrt(dispersion * (last_var + (1 + HALF) ** 2 * first_var))
    strong = last > LITTLE * max(float(first.max()), float(last.max()))
    return np.asarray(strong & (last - (1 + HALF) * first > SURE * error), np.bool_)


def solid(samples: Samples) -> NDArray[np.bool_]:
    """Spots that were there in the first quarter, with a tenth of what the strongest ever has."""
    return _solid(quarters(samples)[0])


def _solid(means: Floats) -> NDArray[np.bool_]:
    return np.asarray(means[0] > LITTLE * max(float(means.max()), 1e-12), np.bool_)


def there_at_first(
    samples: Samples, fresh: NDArray[np.bool_], lattice: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Spots of what was there at first.

    Beside spots that appeared, faint ones that may have been there or not tell nothing, nor do a
    few strong ones of a lattice that came.

    Parameters
    ----------
    samples : Samples
    fresh : array of bool (spots,)
        Which appeared.
    lattice : array of int64 (spots,)
        Of which lattice each is.
    """
    if not fresh.any():
        return ~fresh
    means, _ = quarters(samples)
    there = ~fresh & _solid(means)
    power = np.maximum(means, 0.0) * samples.windows.mean(axis=1)
    at_first, ever = np.bincount(lattice, power[0] * there), np.bincount(lattice, power.max(axis=0))
    # Spots of neighbours that happen to lie where those of newcomers will had 0.001 to 0.007 of it,
    # lattices that were there 0.65 and more.
    return np.asarray(there & (at_first > LITTLE * ever)[lattice], np.bool_)


def outer_quarters(count: int) -> tuple[slice, slice]:
    """The first and the last quarter of so many samples or frames."""
    quarter = max(1, count // 4)
    return slice(None, quarter), slice(-quarter, None)


def quarters(samples: Samples) -> tuple[Floats, Floats]:
    """Levels of the spots in the first and the last quarter, and their variances.

    Of what was not measured the level is 0 and the variance infinite.
    """
    means, variances = [], []
    for side in outer_quarters(len(samples)):
        windows, beam = samples.windows[:, side], samples.beam[side]
        known = (windows * beam).sum(axis=1)
        mean = (windows * samples.y[:, side]).sum(axis=1) / np.maximum(known, 1e-300)
        lit = 2 * (samples.in_phase * np.maximum(mean, 0.0))[:, None] * beam
        spread = (windows * (lit + samples.own[:, None])).sum(axis=1)
        means.append(mean)
        variances.append(np.where(known > 0, spread / np.maximum(known, 1e-150) ** 2, np.inf))
    return np.array(means), np.array(variances)
