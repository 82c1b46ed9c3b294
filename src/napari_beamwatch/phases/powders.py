"""Powder rings to phases, by all that a pattern shows along its radius.

The lines of a crystal of low symmetry lie closer than rings are wide. What is found as one ring is
then a blend of several, at no spacing of the crystal, and tells nothing by itself. So the counts
along the radius are held against the whole powder pattern of each phase [1]_: its lines at their
places times one scale, as wide as the rings are, with kinematic strengths from which each may
depart (texture, few grains, dynamical scattering). All of that is Gaussian, and so the evidence of
a phase is known in closed form but for its scale, width and amount, which are summed over.

What a phase must be better than is a crystal outside the library, and for that stand the powders
of all known phases with their cells stretched by any factor: they have as many lines as crystals
have, as strong, as far apart.

References
----------
.. [1] H. M. Rietveld, J. Appl. Cryst. 2 (1969) 65.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.phases.matching import (
    LEAST_SCORE,
    SOMETHING_ELSE,
    Candidate,
    Match,
    answered,
    nothing,
    prior_of,
)
from napari_beamwatch.phases.reflections import FINEST, all_reflections, label
from napari_beamwatch.phases.structures import Phase, candidates, known_phases, phase
from napari_beamwatch.phases.unknown import CUBIC

Floats = NDArray[np.float64]

STRETCH = 0.2
"""Logarithm of the factors between which cells of unlisted crystals are those of known ones."""

SAME = 0.06
"""Logarithm of the factor below which a stretched cell may still be that of the phase itself."""

SCALE_STEP = 0.003
"""Of the logarithm of scales that are tried; the floor of the error of spacings blurs as much."""

REACH = 3.0
"""Standard deviations of the scale that are tried to either side."""

MOST_STEPS = 100
"""To either side."""

TRIED = 8
"""Scales of a powder whose evidence is told, those at which it is most like the profile; what that
of the others adds is neglected."""

WIDTHS = (0.75, 1.0, 1.35)
"""Of the lines over the usual width of the rings that were found: some of these are blends."""

AMOUNTS = np.exp(np.arange(-1.5, 0.8, 0.5))
"""Of a phase over what all rings hold that were found."""

UNEVEN, FAINT = 0.4, 0.02
"""Standard deviation of the strength of a line: part of itself, and of the strongest."""

FINE, LEAST_WIDTH = 0.1, 1.5
"""Widths to which places of lines are rounded; that of narrower lines, in steps of the radius, for
this: tables of all pairs of places take memory."""

LEFT = 1.25
"""Chi-square for each degree of freedom beyond which a phase does not explain the profile, whatever
else does not, either."""

TOGETHER = 0.3
"""Widths within which lines are taken as one."""

COARSE = 20
"""Parts of an Å to which the finest spacing is rounded down: phases are counted out once."""

FLANK = 2.0
"""Widths that lines beyond the ends of the profile reach into it."""

OWN = 2.0
"""Widths within which a ring is named after a line."""


@dataclass(frozen=True, eq=False)
class RingProfile:
    """Counts along the radius of a pattern, with what is not asked about, and the rings in it.

    Attributes
    ----------
    g : array of float64 (radius,)
        1/Å, ascending.
    value, variance : array of float64 (radius,)
        Counts per pixel, and by how much they may be wrong.
    background : array of float64 (radius, shapes)
        What may be in it in any amount.
    there : array of float64 (radius, shapes)
        What was there before: shapes of which there is one standard deviation more or less.
    d, d_se, width, power : array of float64 (ring,)
        Rings that were found: spacing in Å and its standard error, standard deviation in 1/Å, and
        counts, all round.
    """

    g: Floats
    value: Floats
    variance: Floats
    background: Floats
    there: Floats
    d: Floats
    d_se: Floats
    width: Floats
    power: Floats

    @property
    def usual_width(self) -> float:
        """That of the rings, the clearest counting most; in 1/Å.

        Not the strongest: what is no ring, but an unevenness of the background, may be strong.
        """
        order = np.argsort(self.width)
        share = np.cumsum((self.d / self.d_se)[order] ** 2)
        return float(self.width[order][np.searchsorted(share, share[-1] / 2)])

    @cached_property
    def at_widths(self) -> tuple[Sampled, ...]:
        """What lines of each of the widths that are tried have to do with it."""
        covariance = np.diag(self.variance) + self.there @ self.there.T
        white = np.linalg.inv(np.linalg.cholesky(covariance))
        basis = np.linalg.qr(white @ self.background)[0]
        white = white - basis @ (basis.T @ white)
        value = white @ self.value
        free = len(self.g) - basis.shape[1]
        sampled = []
        for width in (factor * self.usual_width for factor in WIDTHS):
            step = FINE * max(width, LEAST_WIDTH * float(self.g[1] - self.g[0]))
            first, last = self.g[0] - FLANK * width, self.g[-1] + FLANK * width
            at = np.arange(max(first, width), last, step)
            x = (self.g[:, None] - at) / width
            shape = np.exp(-(x**2) / 2) / (2 * math.pi * at * math.sqrt(2 * math.pi) * width)
            seen = white @ shape
            sampled.append(
                Sampled(width, step, at, seen.T @ seen, value @ seen, value @ value, free)
            )
        return tuple(sampled)


@dataclass(frozen=True, eq=False)
class Sampled:
    """Lines of one width, close to each other, as the profile sees them: in its errors.

    Attributes
    ----------
    width, step : float
        Of a line, and from one to the next; 1/Å.
    at : array of float64 (line,)
        Their g in 1/Å.
    product : array of float64 (line, line)
        Of each with each.
    of_value : array of float64 (line,)
        Of each with the profile.
    square : float
        Of the profile itself: its chi-square if there is nothing but background.
    free : int
        Degrees of freedom of that.
    """

    width: float
    step: float
    at: Floats
    product: Floats
    of_value: Floats
    square: float
    free: int

    def nearest(self, g: Floats) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The lines nearest to some places, and which of these are seen."""
        index = np.rint((g - self.at[0]) / self.step).astype(np.int64)
        return np.clip(index, 0, len(self.at) - 1), (index >= 0) & (index < len(self.at))


@dataclass(frozen=True, eq=False)
class Lines:
    """Lines of a powder: g in 1/Å, counts they hold relative to each other, and indices."""

    g: Floats
    power: Floats
    hkl: tuple[str, ...]

    @classmethod
    def of(cls, phase: Phase, g_max: float, temperature_C: float | None) -> Lines:  # noqa: N803
        """Of all spacings up to there, and some more."""
        d_min = max(FINEST, math.floor(COARSE / g_max) / COARSE)
        found = all_reflections(phase, d_min, temperature_C)
        some = found.unique & (found.strength > 0)
        power = (found.strength * found.multiplicity * found.d)[some]
        return cls(1 / found.d[some], power, tuple(label(hkl) for hkl in found.hkl[some]))

    def merged(self, width: float) -> tuple[Floats, Floats]:
        """Places and powers, those that lie together taken as one."""
        if not len(self.g):
            return self.g, self.power
        group = np.floor(self.g / (TOGETHER * width)).astype(np.int64)
        group = np.unique(group, return_inverse=True)[1]
        power = np.bincount(group, self.power).astype(np.float64)
        return np.bincount(group, self.power * self.g) / power, power


def match_rings(
    profile: RingProfile,
    *,
    phases: Iterable[str | Phase] | None = None,
    elements: Iterable[str] | None = None,
    scale: tuple[float, float] = (1.0, 0.02),
    temperature_C: float | None = None,  # noqa: N803
    phase_before: str = "",
) -> Match:
    """Phases that the rings of a pattern may come from.

    Parameters
    ----------
    profile : RingProfile
    phases, elements, temperature_C, phase_before
        As for `match`.
    scale : (float, float)
        Observed spacings over true ones, and its relative standard deviation: that of the camera
        constant, or what rings of the same movie told that have their names.
    """
    chosen, mentioned = candidates(phases, elements)
    count = len(profile.d)
    if count < 2 or not chosen:
        return nothing(count)
    middle, sd = math.log(scale[0]), max(scale[1], 1e-4)
    g_max = float(profile.g[-1]) * math.exp(max(STRETCH, REACH * sd) + abs(middle))
    steps = min(math.ceil(REACH * sd / min(SCALE_STEP, sd / 2)), MOST_STEPS)
    near, step = np.linspace(middle - REACH * sd, middle + REACH * sd, 2 * steps + 1, retstep=True)
    weight = -(((near - middle) / sd) ** 2) / 2
    weight -= np.logaddexp.reduce(weight)
    lines = [Lines.of(one, g_max, temperature_C) for one in chosen]
    told = [weight + evidence(profile, one, near, LEFT) for one in lines]
    each = np.array([np.logaddexp.reduce(one) for one in told])
    other = _unlisted(profile, middle, g_max)
    joint = each + prior_of(chosen, mentioned, phase_before)
    unlisted = math.log(SOMETHING_ELSE) + other
    total = float(np.logaddexp(np.logaddexp.reduce(joint), unlisted))
    score = np.exp(joint - total)
    known = float(np.logaddexp.reduce(joint[mentioned])) - math.log(1 - SOMETHING_ELSE)
    ranked = []
    for p in np.lexsort((-score, ~mentioned)).tolist():
        if score[p] < LEAST_SCORE:
            continue
        share = np.exp(told[p] - each[p])  # of the scales
        best = float(share @ near)
        hkl = _named(profile, lines[p], best)
        ranked.append(
            Candidate(
                phase=chosen[p].name,
                score=float(score[p]),
                log_evidence=float(each[p]),
                hkl=hkl,
                n_spots=sum(map(bool, hkl)),
                zone=None,
                scale=math.exp(best),
                scale_se=math.exp(best)
                * math.sqrt(float(share @ (near - best) ** 2) + step**2 / 12),
                doubly_diffracted=(),
                from_residual_gas=chosen[p].from_residual_gas,
            )
        )
    return answered(
        ranked,
        spoken=float(score[mentioned].sum()),
        something_else=math.exp(unlisted - total),
        by_accident=math.exp(min(other - known, 0.0)),
        count=count,
    )


def _unlisted(profile: RingProfile, middle: float, g_max: float) -> float:
    """Log evidence of a crystal outside the library."""
    values: dict[bool, list[float]] = {True: [], False: []}
    scales = np.arange(-STRETCH, STRETCH, SCALE_STEP)
    for name in known_phases():
        one = phase(name)
        apart = scales[np.abs(scales - middle) > SAME]
        told = evidence(profile, Lines.of(one, g_max, None), apart)
        values[_is_cubic(one)].append(float(np.logaddexp.reduce(told)) - math.log(len(apart)))
    means = {
        cubic: float(np.logaddexp.reduce(some)) - math.log(len(some))
        for cubic, some in values.items()
    }
    return float(np.logaddexp(math.log(CUBIC) + means[True], math.log(1 - CUBIC) + means[False]))


def _is_cubic(one: Phase) -> bool:
    a, b, c, *angles = one.cell
    return a == b == c and all(angle == 90 for angle in angles)


def evidence(profile: RingProfile, lines: Lines, scales: Floats, left: float = math.inf) -> Floats:
    """Log evidence of a powder for each logarithm of the scale, over that of background alone.

    Of what leaves more than so much of chi-square for each degree of freedom there is none.
    """
    held = float(profile.power.sum())
    told = [_of_width(one, lines, scales, held, left) for one in profile.at_widths]
    mean: Floats = np.logaddexp.reduce(told, axis=0) - math.log(len(told))
    return mean


def _of_width(sampled: Sampled, lines: Lines, scales: Floats, held: float, left: float) -> Floats:
    """The same for lines of one width; −inf at the scales that are not told."""
    g, power = lines.merged(sampled.width)
    told = np.full(len(scales), -np.inf)
    if not len(g):
        return told
    index, seen = sampled.nearest(g * np.exp(-scales)[:, None])
    powers = np.where(seen, power, 0.0)
    total = powers.sum(axis=1, keepdims=True)
    powers *= np.divide(held, total, out=np.zeros_like(total), where=total > 0)
    of_value = sampled.of_value[index]
    product = sampled.product[index[:, :, None], index[:, None, :]]
    like = (powers * of_value).sum(axis=1)
    size = np.einsum("si,sij,sj->s", powers, product, powers)
    alike = np.where((like > 0) & (size > 0), like / np.sqrt(np.maximum(size, 1e-300)), 0.0)
    best = np.argsort(-alike)[:TRIED]
    powers, of_value, product = powers[best], of_value[best], product[best]
    # Each line may be stronger or weaker than the mean.
    strength = np.hypot(UNEVEN * powers, FAINT * powers.max(axis=1, keepdims=True))
    strength *= powers > 0
    depart = product * strength[:, :, None] * strength[:, None, :]
    with_value = strength * of_value
    with_mean = strength * np.einsum("sij,sj->si", product, powers)
    amount = AMOUNTS[:, None, None, None] ** 2
    spread = np.eye(len(g)) + amount * depart
    both = np.stack([with_value, with_mean], axis=-1)
    solved = np.linalg.solve(spread, np.broadcast_to(both, (len(AMOUNTS), *both.shape)))
    inner = np.einsum("sia,msib->msab", both, solved) * amount
    each = AMOUNTS[:, None]
    fits = each * (like[best] - inner[..., 0, 1]) - each**2 * (size[best] - inner[..., 1, 1]) / 2
    fits += inner[..., 0, 0] / 2
    poor = sampled.square - 2 * fits > left * sampled.free
    fits = np.where(poor, -np.inf, fits - np.linalg.slogdet(spread)[1] / 2)
    told[best] = np.logaddexp.reduce(fits, axis=0) - math.log(len(AMOUNTS))
    return told


def _named(profile: RingProfile, lines: Lines, scale: float) -> tuple[str, ...]:
    """Indices of the line that each ring is most of, at a scale; empty where there is none."""
    at = lines.g * math.exp(-scale)
    named = []
    for d, width in zip(profile.d.tolist(), profile.width.tolist(), strict=True):
        away = np.abs(at - 1 / d) / width
        near = np.where(away < OWN, lines.power * np.exp(-(away**2) / 2), 0.0)
        named.append(lines.hkl[int(near.argmax())] if near.any() else "")
    return tuple(named)
