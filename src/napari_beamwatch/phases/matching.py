"""Spots to phases: which crystal structures a set of spots may come from, and how sure that is.

The score of a phase is its posterior probability among the phases asked for and "something else",
from the evidence of `napari_beamwatch.phases.evidence`. The intensities of spots are not used:
they are the contrast transfer's as much as the crystal's. Phases that together have 97 % are
joined in the answer, best first, if a crystal outside the library would be named so seldom that
it can be excluded (`napari_beamwatch.phases.unknown`); else the answer is none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases.evidence import weigh
from napari_beamwatch.phases.library import FINEST_SPOT, Library, library
from napari_beamwatch.phases.reflections import label
from napari_beamwatch.phases.structures import GASES, Phase, candidates, known_phases, phase
from napari_beamwatch.phases.unknown import unknown

Floats = NDArray[np.float64]

CREDIBLE = 0.97
"""Probability that the phases joined in an answer hold together."""

SOMETHING_ELSE = 0.05
"""Probability beforehand that the phase is none of those asked for."""

BY_ACCIDENT = 0.1
"""Largest bound on the chance that phases are named for a crystal that is none of them. It is a
bound: measured are rates of half of it, see docs/phases.md."""

NOT_MENTIONED = 0.01
"""How much less a phase is expected that needs an element of which nobody spoke."""

UNRELATED = 0.02
"""How much less a phase is expected that shares no element with the one before but gases."""

STATED = 10.0
"""How much more a phase is expected that the specimen is said to be."""

SPACING_FLOOR = 0.003
"""Relative error of a spacing beyond its statistical one: projector distortion, strain, and
crystals not quite on their zone axis."""

ANGLE_FLOOR = np.radians(1.0)
"""The same of an angle."""

NONE_KNOWN = "none of the known phases"

LEAST_SCORE = 1e-3
"""Candidates below it are not listed."""


@dataclass(frozen=True, eq=False)
class SpotSet:
    """Spots that belong together: of one crystal, one window, or the rings of one region.

    Attributes
    ----------
    d_A : array of float
        Spacings in Å; what is no number or finer than 0.95 Å is left out.
    d_se_A : array of float
        Their standard errors, without that of the pixel size.
    angle_deg : array of float, optional
        Directions of g; NaN, or none at all, where unknown.
    ring : array of bool, optional
        Which of them are rings, that have no direction.
    """

    d_A: ArrayLike  # noqa: N815
    d_se_A: ArrayLike  # noqa: N815
    angle_deg: ArrayLike | None = None
    ring: ArrayLike | None = None


@dataclass(frozen=True)
class Candidate:
    """A phase that may have made the spots.

    Attributes
    ----------
    phase : str
    score : float
        Posterior probability.
    log_evidence : float
    hkl : tuple of str
        Of each spot; empty where it fits none.
    n_spots : int
        Spots that fit.
    zone : tuple of 3 int, or None
        Zone axis [uvw], if two directions are known.
    scale, scale_se : float
        Observed spacings over true ones, as fitted, and its standard error.
    doubly_diffracted : tuple of str
        Reflections among `hkl` that are extinct but for double diffraction.
    from_residual_gas : bool
    """

    phase: str
    score: float
    log_evidence: float
    hkl: tuple[str, ...]
    n_spots: int
    zone: tuple[int, int, int] | None
    scale: float
    scale_se: float
    doubly_diffracted: tuple[str, ...]
    from_residual_gas: bool


@dataclass(frozen=True)
class Match:
    """What a set of spots may be.

    Attributes
    ----------
    answer : str
        Phases that cannot be told apart, best first, joined by "|"; empty if none of the known
        phases fits, or too little was seen to exclude that an unknown one does.
    candidates : tuple of Candidate
        Best first; those that need an element of which nobody spoke below all others.
    score : float
        Probability of the phases in the answer together.
    something_else : float
        Probability that it is no phase of those asked for.
    by_accident : float
        Bound on the chance that a crystal outside the library fits it as well as these spots do.
    hkl : tuple of str
        Of each spot in the best candidate of the answer.
    """

    answer: str
    candidates: tuple[Candidate, ...]
    score: float
    something_else: float
    by_accident: float
    hkl: tuple[str, ...]

    def in_words(self) -> str:
        """The answer as a person reads it."""
        return self.answer or NONE_KNOWN


def match(
    spots: SpotSet,
    *,
    phases: Iterable[str | Phase] | None = None,
    elements: Iterable[str] | None = None,
    pixel_size_uncertainty: float = 0.02,
    temperature_C: float | None = None,  # noqa: N803
    phase_before: str = "",
    stated: str = "",
) -> Match:
    """Phases that one set of spots may come from.

    Parameters
    ----------
    spots : SpotSet
    phases : iterable of str or Phase, optional
        Names, paths of CIF files, or phases; all that are known if None or empty.
    elements : str or iterable of str, optional
        Symbols of those that are there, of gases that the beam may bring too: where no phases are
        given, only known phases of these alone are candidates. Without both, phases of other
        elements than those of battery interphases and residual gas are never in the answer.
    pixel_size_uncertainty : float
        Relative; one factor, common to all spots.
    temperature_C : float, optional
        Of the specimen; cells are as published if not given.
    phase_before : str
        What was there before, joined by "|": others that share no element with it, gases apart,
        rank lower.
    stated : str
        Name of the phase that the specimen is said to be: of those that fit as well it is first.
    """
    return match_many(
        [spots],
        phases=phases,
        elements=elements,
        pixel_size_uncertainty=pixel_size_uncertainty,
        temperature_C=temperature_C,
        phase_before=[phase_before],
        stated=stated,
    )[0]


def match_many(
    sets: Sequence[SpotSet],
    *,
    phases: Iterable[str | Phase] | None = None,
    elements: Iterable[str] | None = None,
    pixel_size_uncertainty: float = 0.02,
    temperature_C: float | None = None,  # noqa: N803
    phase_before: Sequence[str] | None = None,
    stated: str = "",
) -> list[Match]:
    """`match` for many sets, each on its own."""
    if not 0 <= pixel_size_uncertainty < 0.5:
        raise BeamwatchError(
            f"the pixel size is uncertain by 0 to 0.5 of it, not {pixel_size_uncertainty!r}"
        )
    if temperature_C is not None and not -273.15 <= temperature_C < 2000:
        raise BeamwatchError(f"no specimen is at {temperature_C!r} °C")
    if phase_before is not None and len(phase_before) != len(sets):
        raise BeamwatchError(f"{len(phase_before)} phases before for {len(sets)} sets of spots")
    chosen, mentioned = candidates(phases, elements)
    tables = [_table(each) for each in sets]
    if not chosen:
        return [nothing(len(table)) for table in tables]
    lib = library(chosen, temperature_C)
    kept = [_order(table) for table in tables]
    set_start = np.cumsum([0, *(len(order) for order in kept)])
    spots = np.concatenate([t[o] for t, o in zip(tables, kept, strict=True)] or [np.empty((0, 4))])
    evidence = np.full((len(sets), len(chosen)), -np.inf)
    scale = np.zeros((len(sets), len(chosen), 2))
    zones = np.zeros((len(sets), len(chosen), 3), np.int64)
    found = np.full((len(chosen), len(spots)), -1, np.int64)
    weigh(
        lib.packed,
        set_start,
        spots,
        max(pixel_size_uncertainty, 1e-4),
        evidence,
        scale,
        zones,
        found,
    )
    other = unknown(
        [t[o] for t, o in zip(tables, kept, strict=True)], float(lib.packed.log_stray_d)
    )
    matches = []
    for s, (table, order) in enumerate(zip(tables, kept, strict=True)):
        mine = slice(set_start[s], set_start[s + 1])
        prior = prior_of(chosen, mentioned, phase_before[s] if phase_before else "", stated)
        matches.append(
            _judge(lib, mentioned, len(table), order, other[s], evidence[s] + prior, evidence[s],
                   scale[s], zones[s], found[:, mine])
        )  # fmt: skip
    return matches


def nothing(count: int) -> Match:
    """What is said of so many spots of which nothing can be."""
    return Match("", (), 0.0, 1.0, 1.0, ("",) * count)


def _table(spots: SpotSet) -> Floats:
    """Logarithm of d, its error, angle in radians, its error, in the order given."""
    d = np.atleast_1d(np.asarray(spots.d_A, np.float64))
    se = np.atleast_1d(np.asarray(spots.d_se_A, np.float64))
    angle = np.full(len(d), np.nan) if spots.angle_deg is None else spots.angle_deg
    angle = np.atleast_1d(np.asarray(angle, np.float64))
    ring = np.zeros(len(d), bool) if spots.ring is None else spots.ring
    ring = np.atleast_1d(np.asarray(ring, bool))
    if d.ndim != 1 or not d.shape == se.shape == angle.shape == ring.shape:
        raise BeamwatchError("each spot needs a spacing, its error, and an angle or none")
    with np.errstate(all="ignore"):
        relative = np.hypot(se / d, SPACING_FLOOR)
        table = np.column_stack(
            [
                np.log(np.where(d > 0, d, np.nan)),
                np.where(se >= 0, relative, np.nan),
                np.radians(np.where(ring | ~np.isfinite(angle), np.nan, angle % 180)),
                np.hypot(se / d, ANGLE_FLOOR),
            ]
        )
    return table


def _order(table: Floats) -> NDArray[np.int64]:
    """Spots that can be matched: those with an angle first, and of these the clearest."""
    with np.errstate(invalid="ignore"):
        usable = (table[:, 0] > np.log(FINEST_SPOT)) & (table[:, 0] < 10) & (table[:, 1] < 1)
    rows = np.flatnonzero(usable)
    return rows[np.lexsort((-table[rows, 0], table[rows, 1], np.isnan(table[rows, 2])))]


def prior_of(
    phases: tuple[Phase, ...], mentioned: NDArray[np.bool_], before: str, stated: str = ""
) -> Floats:
    """Log probability of each phase beforehand."""
    known = {name: phase(name) for name in known_phases()} | {each.name: each for each in phases}
    old = [known[name] for name in before.split("|") if name in known]
    elements = frozenset().union(*(each.elements for each in old)) - GASES
    weight = np.array(
        [1.0 if not elements or each.elements & elements else UNRELATED for each in phases]
    )
    weight[~mentioned] *= NOT_MENTIONED
    weight[[each.name == stated for each in phases]] *= STATED
    log_prior: Floats = np.log(weight / weight.sum() * (1 - SOMETHING_ELSE))
    return log_prior


def _judge(
    lib: Library,
    mentioned: NDArray[np.bool_],
    count: int,
    order: NDArray[np.int64],
    unlisted: float,
    joint: Floats,
    evidence: Floats,
    scale: Floats,
    zones: NDArray[np.int64],
    found: NDArray[np.int64],
) -> Match:
    if not len(order):
        return nothing(count)
    other = np.log(SOMETHING_ELSE) + unlisted
    top = max(joint.max(), other)
    total = np.exp(joint - top).sum() + np.exp(other - top)
    score = np.exp(joint - top) / total
    something_else = float(np.exp(other - top) / total)
    # The prior adds up to that of all phases together: this is the mean over them.
    known = np.logaddexp.reduce(joint[mentioned]) - np.log(1 - SOMETHING_ELSE)
    by_accident = float(np.exp(min(unlisted - known, 0.0)))
    ranked = []
    for p in np.lexsort((-score, ~mentioned)):
        if score[p] < LEAST_SCORE:
            continue
        hkl = [""] * count
        doubly = []
        for spot, reflection in zip(order, found[p], strict=True):
            if reflection >= 0:
                hkl[spot] = label(lib.packed.hkl[reflection])
                if lib.extinct[reflection]:
                    doubly.append(hkl[spot])
        h, k, l = (int(i) for i in _coprime(zones[p]))  # noqa: E741
        ranked.append(
            Candidate(
                phase=lib.phases[p].name,
                score=float(score[p]),
                log_evidence=float(evidence[p]),
                hkl=tuple(hkl),
                n_spots=int((found[p] >= 0).sum()),
                zone=(h, k, l) if zones[p].any() else None,
                scale=float(np.exp(scale[p, 0])),
                scale_se=float(np.exp(scale[p, 0]) * scale[p, 1]),
                doubly_diffracted=tuple(doubly),
                from_residual_gas=lib.phases[p].from_residual_gas,
            )
        )
    return answered(ranked, float(score[mentioned].sum()), something_else, by_accident, count)


def answered(
    ranked: Sequence[Candidate],
    spoken: float,
    something_else: float,
    by_accident: float,
    count: int,
) -> Match:
    """The match of candidates, best first: which of them are named, if any is.

    Parameters
    ----------
    ranked : sequence of Candidate
    spoken : float
        Probability of all those that need no element of which nobody spoke.
    something_else, by_accident : float
        As in `Match`.
    count : int
        Of the spots.
    """
    joined: list[str] = []
    held = 0.0
    # What only an element explains of which nobody spoke is none of what is asked for.
    if by_accident <= BY_ACCIDENT and spoken >= 0.5:
        for candidate in ranked:
            joined.append(candidate.phase)
            held += candidate.score
            if held >= CREDIBLE * spoken:
                break
    return Match(
        answer="|".join(joined),
        candidates=tuple(ranked),
        score=held,
        something_else=something_else,
        by_accident=by_accident,
        hkl=ranked[0].hkl if joined else ("",) * count,
    )


def _coprime(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    divisor = max(int(np.gcd.reduce(indices)), 1)
    return indices // divisor
