"""Whether a lasting loss is damage: the spots go together, and nothing else explains it.

A focus that drifts and a crystal that tilts persist too. What damage does and they do not is to
take all spots of a crystal, whatever their g, in one course and to nothing. In multislice LiF 5 nm
of focus took 200 to 4 % and 111 to 128 %; 15 mrad of tilt left 54, 66 and 26 % of 111, 200 and 220.
So a loss counts that is complete in spots of several g; one that is partial counts only if the
spots fell by the same part and that is known better than a tilt would spread them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.averaging import Average
from napari_beamwatch.damage.focus import AMOUNTS, focus_misfit
from napari_beamwatch.damage.models import remaining
from napari_beamwatch.damage.scanning import running_sums
from napari_beamwatch.damage.scopes import Samples, Scope

Floats = NDArray[np.float64]

SMALLEST_LOSS = 0.1
"""Part of the plateau below which a lasting loss is not told from what focus and tilt do all the
time."""

GONE = 0.2
"""Part of the plateau that may be left where a loss is called complete, at 95 %."""

RISEN = 1.25
"""Part of its plateau above which a spot rose: some rise by 20 % at slight disorder."""

SAME_G, SAME_DIRECTION = 0.03, 5.0
"""Relative difference of |g| and degrees within which two spots are no two witnesses."""

DAMAGE_SPREAD, TILT_SPREAD = 0.08, 0.45
"""Spread of the spots' exponents over their mean, if it is damage or a tilt."""

LEAST_COURSE = 1e-3
"""Part of the plateau below which nothing is left to tell spots apart by."""

SHARE_STEPS, SHARE_LIMITS, MEASURED_SHARE = 8, (0.02, 5.0), 1.0
"""Steps of the fit of the exponents, between what they lie, and the error above which one tells
nothing."""

CONVINCING, CONVINCING_DEEP, DEEP = 20.0, 3.0, 0.35
"""Ratio of the probabilities from which the spots fell together; that for a loss that leaves less
than a part, which a tilt makes more uneven still."""

BY_CHANCE = 0.15
"""Chance that a focus that moves anywhere leaves a spot as good as gone."""

FOCUS_SAMPLES, FOCUS_KNOTS = 40, 6
"""Samples, and doses for a ramp's ends, with which a drifting focus is fitted."""

FOCUS_MARGIN = 2.0
"""χ² by which damage must explain the traces better."""


@dataclass(frozen=True, eq=False)
class Left:
    """What is left of each spot at the end, relative to before.

    Attributes
    ----------
    ratio, se : array (spots,)
    highest, highest_se : array (spots,)
        Of the highest tenth of the record after the onset.
    total, total_se : float
        Of all spots together.
    """

    ratio: Floats
    se: Floats
    highest: Floats
    highest_se: Floats
    total: float
    total_se: float

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Spots of which a loss by half would be seen."""
        return self.se < 0.3


@dataclass(frozen=True)
class Finding:
    """What a lasting loss is taken for.

    Attributes
    ----------
    damage : bool
    evidence : str
        ``strong`` or ``single``; empty if it is no damage.
    why : str
    """

    damage: bool
    evidence: str
    why: str


def what_is_left(samples: Samples, found: Average, dispersion: float) -> Left:
    """Levels in the last part of the record over those before the onset."""
    best = found.best
    plateau = found.weighed.plateau[best]
    models = found.weighed.models
    onset, tau, beta = (float(a[best]) for a in (models.onset, models.tau, models.beta))
    shape = remaining(samples.start, samples.end, onset, tau, beta)
    after = np.flatnonzero(samples.end > onset)
    settled = after[shape[after] < 0.03]
    last = after[-max(3, len(after) // 4) :]
    final = settled if len(settled) > len(last) else last
    sums = running_sums(samples, plateau, dispersion)
    # A plateau that was never seen is known as well as the models agree on it.
    spread = np.sqrt(found.weight @ (found.weighed.plateau - plateau) ** 2)
    half = int(np.searchsorted(-shape, -0.5))
    before = np.maximum(sums.weight[:, max(half, 1)], 1e-300)
    safe = np.maximum(plateau, 1e-12)
    plateau_se = np.minimum(np.hypot(before**-0.5, spread), safe)
    low = running_sums(samples, found.weighed.residual[best], dispersion)
    level, error = _mean(low.weight, low.moment, int(final[0]), int(final[-1]) + 1)
    ratio = level / safe
    se = np.hypot(error, ratio * plateau_se) / safe
    block = max(3, len(samples) // 10)
    highest, highest_se = ratio.copy(), se.copy()
    for a in range(int(after[0]), len(samples) - block + 1, max(1, block // 2)):
        part, part_error = _mean(sums.weight, sums.moment, a, a + block)
        higher = part / safe > highest
        highest = np.where(higher, part / safe, highest)
        highest_se = np.where(
            higher, np.hypot(part_error, part / safe * plateau_se) / safe, highest_se
        )
    # Spots count by what is known of them, as one trace.
    weight = 1 / np.maximum(se, 1e-9) ** 2
    total = float(weight @ ratio / weight.sum())
    return Left(ratio, se, highest, highest_se, total, float(weight.sum() ** -0.5))


def _mean(weight: Floats, moment: Floats, a: int, b: int) -> tuple[Floats, Floats]:
    known = np.maximum(weight[:, b] - weight[:, a], 1e-300)
    return (moment[:, b] - moment[:, a]) / known, known**-0.5


def independent(scope: Scope, spots: NDArray[np.bool_]) -> bool:
    """Whether two of the spots differ in |g| and in direction."""
    chosen = [trace for trace, wanted in zip(scope.traces, spots, strict=True) if wanted]
    for i, a in enumerate(chosen):
        for b in chosen[:i]:
            sine = abs(a.gy * b.gx - a.gx * b.gy) / (a.g * b.g)
            if abs(a.g / b.g - 1) > SAME_G and sine > np.sin(np.radians(SAME_DIRECTION)):
                return True
    return False


def judge_loss(
    scope: Scope,
    samples: Samples,
    found: Average,
    left: Left,
    *,
    witnesses_stay: bool | None,
    dispersion: float = 1.0,
) -> Finding:
    """Damage, or something that lasts too.

    Parameters
    ----------
    scope : Scope
        Of the traces of `samples`.
    samples : Samples
    found : Average
    left : Left
    witnesses_stay : bool or None
        Whether focus and other crystals held; None if there were none to say so.
    dispersion : float
        How much wider than the noise law the samples scatter.
    """
    seen = left.measured
    if not seen.any():
        return Finding(False, "", "the record is too weak to say which spots were lost")
    rose = seen & (left.highest - 2.5 * left.highest_se > RISEN)
    if rose.any():
        which = int(np.flatnonzero(rose)[0])
        return Finding(
            False, "", f"a spot of d = {1 / scope.traces[which].g:.3g} px rose while others fell: "
            "a change of focus or tilt",
        )  # fmt: skip
    fell = seen & (left.ratio + 1.645 * left.se < 0.6)
    complete = left.total + 1.645 * left.total_se < GONE
    complete &= not (seen & (left.ratio - 2.5 * left.se > GONE)).any()
    if not independent(scope, seen):
        if not complete:
            return Finding(False, "", "one fringe set alone, and not lost completely")
        if witnesses_stay is None:
            return Finding(False, "", "one fringe set alone, and nothing to witness focus and tilt")
        if not witnesses_stay:
            return Finding(False, "", "one fringe set alone, and the focus moved")
        return Finding(True, "single", "one fringe set was lost completely")
    if focus_explains(scope, samples, found, distinct(scope, fell) if complete else 0):
        return Finding(False, "", "a drifting focus explains the traces as well")
    if complete and independent(scope, fell):
        return Finding(True, "strong", f"{int(fell.sum())} spots of several g were lost together")
    deep = left.total + 1.645 * left.total_se < DEEP
    together = fell_together(shares(samples, found, dispersion))
    if together < (CONVINCING_DEEP if deep else CONVINCING):
        return Finding(
            False, "", f"{100 * max(left.total, 0):.0f} % of the lattice is left and its spots did "
            "not verifiably fall together: a lasting tilt or focus is not excluded",
        )  # fmt: skip
    return Finding(True, "strong", f"{int(seen.sum())} spots of several g fell by the same part")


@dataclass(frozen=True, eq=False)
class Shares:
    """How much of the common course each spot takes: its power goes as the course to that power.

    Attributes
    ----------
    exponent, se : array (spots,)
        1 for a spot that goes as all do.
    """

    exponent: Floats
    se: Floats


def shares(samples: Samples, found: Average, dispersion: float) -> Shares:
    """Exponent of each spot, from the whole of its course and not only its end.

    Damage takes all spots alike; a tilt of θ leaves ``exp(−c·θ²)`` of each, with a c of its own.
    """
    best, models = found.best, found.weighed.models
    onset, tau, beta = (float(a[best]) for a in (models.onset, models.tau, models.beta))
    shape = remaining(samples.start, samples.end, onset, tau, beta)
    plateau, residual = found.weighed.plateau[best], found.weighed.residual[best]
    kept = residual.sum() / max(float(plateau.sum()), 1e-12)
    log_course = np.log(np.maximum(shape + kept * (1 - shape), LEAST_COURSE))
    level, exponent = np.maximum(plateau, 1e-6), np.ones(len(plateau))
    for _ in range(SHARE_STEPS):
        signal = samples.beam * level[:, None] * np.exp(exponent[:, None] * log_course)
        variance = 2 * samples.in_phase[:, None] * signal + samples.own[:, None]
        weight = samples.windows / (variance * dispersion)
        # Newton's step in the logarithm of the level and in the exponent.
        pull = weight * signal * (samples.y - signal)
        known = weight * signal**2
        aa, ab, bb = (known @ log_course**k for k in range(3))
        ay, by = pull.sum(axis=1), pull @ log_course
        det = np.maximum(aa * bb - ab**2, 1e-12 * aa * bb + 1e-300)
        step = np.clip((aa * by - ab * ay) / det, -0.5, 0.5)
        level = level * np.exp(np.clip((bb * ay - ab * by) / det, -0.5, 0.5))
        exponent = np.clip(exponent + step, *SHARE_LIMITS)
    return Shares(exponent, np.sqrt(aa / det))


def fell_together(shares: Shares) -> float:
    """Probability of the spots' exponents if it is damage, over that if it is a tilt."""
    some = shares.se < MEASURED_SHARE
    if some.sum() < 2:
        return 1.0
    value, variance = shares.exponent[some], shares.se[some] ** 2
    usual = float((value / variance).sum() / (1 / variance).sum())

    def density(spread: float) -> float:
        weight = 1 / (variance + (spread * usual) ** 2)
        mean = weight @ value / weight.sum()
        misfit = weight @ (value - mean) ** 2
        return float((np.log(weight).sum() - np.log(weight.sum()) - misfit) / 2)

    return float(np.exp(min(density(DAMAGE_SPREAD) - density(TILT_SPREAD), 50.0)))


def distinct(scope: Scope, spots: NDArray[np.bool_]) -> int:
    """How many different |g| spots have."""
    lengths = sorted(t.g for t, wanted in zip(scope.traces, spots, strict=True) if wanted)
    return sum(i == 0 or g / lengths[i - 1] - 1 > SAME_G for i, g in enumerate(lengths))


def focus_explains(scope: Scope, samples: Samples, found: Average, gone: int) -> bool:
    """Whether a drifting focus describes the traces as well as damage does.

    Both by weighted squares and Schwarz' criterion, for the focus has a third term a spot. That it
    should take spots of `gone` different |g| to nothing and leave them there is a chance that
    damage does not need.
    """
    coarse = samples.binned(max(1, -(-len(samples) // FOCUS_SAMPLES)))
    best = found.best
    models = found.weighed.models
    shape = remaining(
        coarse.start, coarse.end,
        float(models.onset[best]), float(models.tau[best]), float(models.beta[best]),
    )  # fmt: skip
    plateau, residual = found.weighed.plateau[best][:, None], found.weighed.residual[best][:, None]
    expected = coarse.beam * (plateau * shape + residual * (1 - shape))
    # Weights must not favour the model they come from: those of the traces themselves, smoothed.
    smooth = np.maximum(coarse.y, 0)
    smooth = (smooth + np.roll(smooth, 1, axis=1) + np.roll(smooth, -1, axis=1)) / 3
    variance = 2 * coarse.in_phase[:, None] * smooth + coarse.own[:, None]
    weight = coarse.windows / variance
    damage = float((weight * (coarse.y - expected) ** 2).sum())
    g = np.array([trace.g for trace in scope.traces])
    y = coarse.y / coarse.beam
    focus = focus_misfit(
        y, weight * coarse.beam**2, g, coarse.start, coarse.end, AMOUNTS, FOCUS_KNOTS
    )
    spots = len(g)
    price = spots * np.log(max(2.0, float((weight > 0).sum()) / spots))
    price -= 2 * gone * np.log(BY_CHANCE)
    # Where the traces hold no more than noise both fit; what is left over scales the difference.
    scale = max(1.0, min(damage, focus) / max(1.0, float((weight > 0).sum())))
    return bool((focus - damage) / scale + price < FOCUS_MARGIN)
