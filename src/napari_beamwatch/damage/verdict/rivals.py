"""What explains a lasting loss but damage: focus, beam and thickness, tilt, a layer on top.

Each acts where it acts. A path of focus or beam, and the film, act on all places of a field at
once: a place with spots of the same |g| that held, or went at another dose, refutes them, as do
several crystals with spots of greater |g| that held, and one that lost several as no focus does. A
tilt acts on all of a crystal: a place of it that held refutes that, unless the spots brightened
there: a crystal that bends or slides takes them from one place to another. Where all went at one
dose the spots must tell. What damage does and focus and tilt do not is to take all spots of a
crystal, whatever their g, in one course and to nothing. In multislice LiF 5 nm of focus took 200 to
4 % and 111 to 128 %; 15 mrad of tilt left 54, 66 and 26 % of 111, 200 and 220. A layer, thickness
and contrast take an equal part of all: less than half of the lattice lost says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.averaging import Average
from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.course.examining import Examined, Loss, Watch
from napari_beamwatch.damage.course.left import PARTIAL, Left
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.course.power import SMALLEST_LOSS
from napari_beamwatch.damage.likeness import SAME_G, called, distinct, independent
from napari_beamwatch.damage.scopes import Samples, Scope, SpotTrace
from napari_beamwatch.damage.verdict.focus import AMOUNTS, focus_misfit

Floats = NDArray[np.float64]

GONE = 0.2
"""Part of the plateau that may be left where a loss is called complete, at 95 %."""

RISEN = 1.25
"""Part of its plateau above which a spot rose: some rise by 20 % at slight disorder."""

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

DARK_SPACINGS, DARK = 3, 0.05
"""Different |g| that no focus takes to less than a part of their plateaus and leaves there."""

WANDERED = 0.5
"""Part of the spots that fell which brightened elsewhere in a crystal that bends or slides."""

KEPT, CRYSTALS = 0.75, 4
"""Part of their plateaus that other crystals kept while one was lost, and how many of these, with
spots of greater |g|, refute a focus: one moves their phases more, and each has one of its own."""

APART = 0.35
"""Part of their plateaus by which two places differ, bands apart, if they do not share a path."""

FAINT = 0.25
"""Part of the strongest spot's level from which one counts that stays where the others went."""

BROADER, SURE_BROADER = 0.1, 4.0
"""Squared cycles per window, and standard errors, by which spots must broaden: layers, tilts and
focus make it 0.04 at the most, a crystal that goes in patches half a window wide 0.2 to 0.4."""

FEWEST_SIGNALS = 3
LEAST_MASS, SURE_MASS, MASS_LEFT = 0.01, 5.0, 0.25
"""Part of the signal, and standard errors, by which a place must be darker than what lies around
to tell of its mass; part of that which may be left of what went."""

DISORDER_SPOTS = 3
"""Different |g| from which their order tells."""


@dataclass(frozen=True)
class Finding:
    """What a lasting loss is taken for.

    Attributes
    ----------
    damage : bool
    evidence : str
        ``strong`` or ``single``; empty if it is no damage.
    why : str
    kind : str
        ``disorder`` where high |g| went first, ``mass_loss`` where the specimen itself went, or
        nothing.
    """

    damage: bool
    evidence: str
    why: str
    kind: str = ""


@dataclass(frozen=True)
class Refuted:
    """What others show that it was not.

    Attributes
    ----------
    path : bool
        A path of focus, beam or thickness of the film that all share.
    tilt : bool
        A tilt of the crystal.
    focus_moved : bool
        The measured focus did move.
    moved : bool
        None of them: spots that fell here brightened elsewhere in the crystal, which moved.
    why : str
        What refutes them both.
    """

    path: bool = False
    tilt: bool = False
    focus_moved: bool = False
    moved: bool = False
    why: str = "another place of the crystal held or went at another dose"


@dataclass(frozen=True)
class Gone:
    """A spot that went for good, and that no focus took.

    Attributes
    ----------
    g : float
        Length of its g-vector.
    onset : Estimate
    """

    g: float
    onset: Estimate

    def with_it(self, spot: SpotTrace, onset: Estimate) -> bool:
        """Whether a spot is of its |g| and went at about its dose: what took both was no focus."""
        when = onset.low <= self.onset.high and self.onset.low <= onset.high
        return when and abs(spot.g / self.g - 1) <= SAME_G


@dataclass(frozen=True)
class Fates:
    """What became of all places of a field.

    Attributes
    ----------
    in_part : bool
        Most of those that lost something for good kept a part, as a focus, a tilt and a layer have
        it: then crystals have phases of their own, and one that held says nothing of the next.
    gone : tuple of Gone
        Spots of crystals of which several |g| went to nothing as no focus takes them.
    """

    in_part: bool = False
    gone: tuple[Gone, ...] = ()

    @classmethod
    def of(cls, places: Sequence[Examined]) -> Fates:
        """Those of all places of a field."""
        lost = [one for one in places if one.loss is not None]
        part = sum(one.loss is not None and _kept_a_part(one.loss) for one in lost)
        whole = [one for one in lost if one.loss is not None and _complete(one.loss.left)]
        if part >= CRYSTALS and part > len(whole):
            return cls(in_part=True)
        return cls(gone=tuple(gone for one in whole for gone in _not_by_focus(one)))


UNTOLD = Fates()
"""Where nothing is known of other places."""


def _complete(left: Left) -> bool:
    return left.total + 1.645 * left.total_se < GONE


def _kept_a_part(loss: Loss) -> bool:
    surely = loss.left.total - 1.645 * loss.left.total_se > GONE
    return surely and loss.course.loss >= SMALLEST_LOSS


def _not_by_focus(one: Examined) -> list[Gone]:
    """Spots of a crystal that lost several |g|, if no focus explains that."""
    assert one.loss is not None
    assert one.watch is not None
    left = one.loss.left
    traces = _some(one.old, left.measured & (left.ratio + 1.645 * left.se < 0.6))
    if not independent(traces):
        return []
    if focus_explains(one.old, one.watch.samples, one.loss.found, distinct(traces)):
        return []
    return [Gone(trace.g, one.loss.course.onset) for trace in traces]


def refuted(one: Examined, others: Sequence[Examined], fates: Fates = UNTOLD) -> Refuted:
    """What the other places say of the loss of one.

    Parameters
    ----------
    one : Examined
    others : sequence of Examined
    fates : Fates
        Of all places of the field.
    """
    assert one.loss is not None
    lost = [t for t, ratio in zip(one.old.traces, one.loss.left.ratio, strict=True) if ratio < 0.6]
    if lost and all(trace.ring for trace in lost):
        return Refuted(path=True, tilt=True, why="powder rings of a pattern know of none")
    crystal = {trace.crystal for trace in one.old.traces}
    onset = one.loss.course.onset
    path = any(each.with_it(trace, onset) for each in fates.gone for trace in lost)
    tilt = False
    brighter: set[int] = set()
    held: set[int] = set()
    for other in others:
        brighter |= {trace.spot for trace in other.brighter if trace.crystal in crystal}
        if other.watch is None or not _apart(one, other):
            continue
        beside = other.old.traces
        tilt |= bool(crystal & {trace.crystal for trace in beside})
        path |= any(abs(a.g / b.g - 1) <= SAME_G for a in lost for b in beside)
        if _kept(one, other) > KEPT:
            held |= {b.crystal for b in beside if any(b.g > a.g for a in lost)}
    path = (path or len(held) >= CRYSTALS) and not fates.in_part
    moved = sum(trace.spot in brighter for trace in lost) >= max(1.0, WANDERED * len(lost))
    return Refuted(path, tilt, moved=moved)


def _kept(one: Examined, other: Examined) -> float:
    """What another place surely had left when half of one was gone."""
    assert one.loss is not None
    half = float(one.loss.course.half_dose.value)
    return other.kept_at(half * other.scope.exposure / one.scope.exposure)[0]


def _apart(one: Examined, other: Examined) -> bool:
    """Whether at some dose one place had half of what the other still had, or less.

    Asked where half is gone, and where that is sure: of a steep fall the half dose is well known
    and what is left at it is not.
    """
    for a, b in ((one, other), (other, one)):
        if a.loss is None or a.watch is None:
            continue
        sure = a.watch.samples.end[a.loss.fitted.high < PARTIAL]
        for dose in (a.loss.course.half_dose.value, *sure[:1]):
            # Paths are of time: what two places had at the same frame.
            same = float(dose) * b.scope.exposure / a.scope.exposure
            here, there = a.kept_at(float(dose)), b.kept_at(same)
            if there[0] - max(here[1], PARTIAL) > APART:
                return True
    return False


def judge_loss(
    one: Examined, watch: Watch, loss: Loss, against: Refuted, *, halo_grew: bool = False
) -> Finding:
    """Damage, or something that lasts too.

    Parameters
    ----------
    one : Examined
    watch : Watch
    loss : Loss
        Of the same place.
    against : Refuted
    halo_grew : bool
        A second sign, which a layer, thickness or contrast do not make.
    """
    scope, left, samples, found = one.old, loss.left, watch.samples, loss.found
    seen = left.measured
    if against.moved:
        return Finding(
            False, "", "spots that fell here brightened elsewhere in the crystal: it bends or moves"
        )
    if not seen.any():
        return Finding(False, "", "the record is too weak to say which spots were lost")
    fell = seen & (left.ratio + 1.645 * left.se < 0.6)
    # A faint spot that stays may be another grain's, or the film's.
    level = found.weighed.plateau[found.best]
    strong = seen & (level > FAINT * level.max())
    complete = _complete(left)
    complete &= not (strong & (left.ratio - 2.5 * left.se > GONE)).any()
    whole = complete and independent(_some(scope, fell))
    rose = seen & (left.highest - 2.5 * left.highest_se > RISEN)
    if rose.any() and not whole:
        which = int(np.flatnonzero(rose)[0])
        return Finding(
            False, "", f"a spot of d = {1 / scope.traces[which].g:.3g} px rose while others fell: "
            "a change of focus, tilt or thickness",
        )  # fmt: skip
    patchy = broadened(scope)
    if left.total > PARTIAL and not (halo_grew or patchy):
        return Finding(
            False, "", f"{100 * max(left.total, 0):.0f} % of the lattice is left: a layer on top, "
            "thickness and contrast take a part of all spots, too",
        )  # fmt: skip
    if not independent(_some(scope, seen)):
        return _single(complete, against)
    if whole and mass_went(scope, loss.course.onset.value):
        said = "all spots went, and the signal came to that of what lies around"
        return Finding(True, "strong", said, "mass_loss")
    gone = distinct(_some(scope, fell)) if complete else 0
    dark = gone >= DARK_SPACINGS and left.total < DARK
    if not against.path and not dark and focus_explains(scope, samples, found, gone):
        return Finding(False, "", "a drifting focus explains the traces as well")
    exponents = shares(samples, found, watch.dispersion)
    kind = "disorder" if high_first(exponents, scope) > CONVINCING else ""
    if whole:
        said = f"{called(_some(scope, fell))} of several g were lost together"
        return Finding(True, "strong", said + _order(kind), kind)
    if against.path and against.tilt and independent(_some(scope, fell)):
        said = f"neither focus nor tilt: {against.why}"
        return Finding(True, "strong", said + _order(kind), kind)
    if kind:
        said = f"{called(_some(scope, seen))} fell{_order(kind)}"
        return Finding(True, "strong", said, kind)
    deep = left.total + 1.645 * left.total_se < DEEP
    if fell_together(exponents) < (CONVINCING_DEEP if deep else CONVINCING):
        return Finding(
            False, "", f"{100 * max(left.total, 0):.0f} % of the lattice is left and its spots did "
            "not verifiably fall together: a lasting tilt or focus is not excluded",
        )  # fmt: skip
    said = f"{called(_some(scope, seen))} of several g fell by the same part"
    return Finding(True, "strong", said + (" and broadened" if patchy else ""))


def broadened(scope: Scope) -> bool:
    """Whether the spots did: what is left of the lattice is patchy, which no layer makes it."""
    if scope.broadening is None:
        return False
    change, se = scope.broadening
    return change > max(BROADER, SURE_BROADER * se)


def mass_went(scope: Scope, onset: float) -> bool:
    """Whether a place that was darker than what lies around it came to be as bright in the end.

    Focus does nothing to it; of a tilt the contrast of the mass stays.
    """
    if scope.signal is None:
        return False
    lit = scope.lit & np.isfinite(scope.signal)
    ratio, end = scope.signal[lit], scope.dose_end[lit]
    sides = [end <= onset, end > end[-1] - (end[-1] - onset) / 4] if len(end) else []
    if not sides or not all(side.sum() >= FEWEST_SIGNALS for side in sides):
        return False
    # Neighbours tell how it scatters; slow changes do not count.
    spread = float(np.median(np.abs(np.diff(ratio)))) / 0.95
    before, after = (1 - float(ratio[side].mean()) for side in sides)
    error = spread * math.sqrt(sum(1 / float(side.sum()) for side in sides))
    return before > max(LEAST_MASS, SURE_MASS * error) and abs(after) < MASS_LEFT * before


def _some(scope: Scope, which: NDArray[np.bool_]) -> tuple[SpotTrace, ...]:
    return scope.of_traces(which).traces


def _order(kind: str) -> str:
    return ", those of high |g| first" if kind else ""


def _single(complete: bool, against: Refuted) -> Finding:
    """Of one fringe set alone."""
    if not complete:
        return Finding(False, "", "one fringe set alone, and not lost completely")
    if against.path:
        return Finding(True, "single", "one fringe set was lost completely")
    if against.focus_moved:
        return Finding(False, "", "one fringe set alone, and the focus moved")
    return Finding(False, "", "one fringe set alone, and nothing to witness focus and tilt")


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
    # Of a spot without any signal nothing is known.
    return Shares(exponent, np.sqrt(np.where(aa * bb > 1e-300, aa / det, np.inf)))


def fell_together(shares: Shares) -> float:
    """Probability of the spots' exponents if it is damage, over that if it is a tilt."""
    alike = np.ones(len(shares.exponent))
    return _told(shares, alike)


def high_first(shares: Shares, scope: Scope) -> float:
    """Probability of exponents that go with g², over that of a tilt or of damage to all alike.

    Disorder takes a part of all spots as a thermal motion that grows does [1]_.
    """
    g2 = np.array([trace.g**2 for trace in scope.traces])
    if distinct(_some(scope, shares.se < MEASURED_SHARE)) < DISORDER_SPOTS:
        return 0.0
    as_disorder = _told(shares, g2 / g2.mean())
    return min(as_disorder, as_disorder / max(fell_together(shares), 1e-300))


def _told(shares: Shares, expected: Floats) -> float:
    """Probability of exponents in these proportions, over that of as many of a tilt."""
    some = shares.se < MEASURED_SHARE
    if some.sum() < 2:
        return 1.0

    def density(scale: Floats, spread: float) -> float:
        value, variance = shares.exponent[some] / scale, (shares.se[some] / scale) ** 2
        usual = float((value / variance).sum() / (1 / variance).sum())
        weight = 1 / (variance + (spread * usual) ** 2)
        mean = weight @ value / weight.sum()
        misfit = weight @ (value - mean) ** 2
        told = np.log(weight).sum() - np.log(weight.sum()) - misfit
        return float(told / 2 - np.log(scale).sum())

    alike = np.ones(int(some.sum()))
    gained = density(expected[some], DAMAGE_SPREAD) - density(alike, TILT_SPREAD)
    return float(np.exp(min(gained, 50.0)))


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
