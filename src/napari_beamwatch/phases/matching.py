"""Spots to phases: which crystal structures a set of spots may come from, and how sure that is.

The score of a phase is its posterior probability among the phases asked for and "something else",
from the evidence of `napari_beamwatch.phases.evidence`. The intensities of spots are not used:
they are the contrast transfer's as much as the crystal's. Phases that together have 97 % are
joined in the answer, best first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases.evidence import LOG_STRAY_ANGLE, LOG_STRAY_D, weigh
from napari_beamwatch.phases.library import FINEST_SPOT, Library, library
from napari_beamwatch.phases.reflections import label
from napari_beamwatch.phases.structures import GASES, Phase, known_phases, phase, resolve

Floats = NDArray[np.float64]

CREDIBLE = 0.97
"""Probability that the phases joined in an answer hold together."""

SOMETHING_ELSE = 0.05
"""Probability beforehand that the phase is none of those asked for."""

UNRELATED = 0.02
"""How much less a phase is expected that shares no element with the one before but gases."""

SPACING_FLOOR = 0.003
"""Relative error of a spacing beyond its statistical one: projector distortion, strain, and
crystals not quite on their zone axis."""

ANGLE_FLOOR = np.radians(1.0)
"""The same of an angle."""

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
        Phases that cannot be told apart, best first, joined by "|"; empty if none fits.
    candidates : tuple of Candidate
        Best first.
    score : float
        Probability of the phases in the answer together.
    something_else : float
        Probability that it is no phase of those asked for.
    hkl : tuple of str
        Of each spot in the best candidate of the answer.
    """

    answer: str
    candidates: tuple[Candidate, ...]
    score: float
    something_else: float
    hkl: tuple[str, ...]


def match(
    spots: SpotSet,
    *,
    phases: Iterable[str | Phase] | None = None,
    pixel_size_uncertainty: float = 0.02,
    temperature_C: float | None = None,  # noqa: N803
    phase_before: str = "",
) -> Match:
    """Phases that one set of spots may come from.

    Parameters
    ----------
    spots : SpotSet
    phases : iterable of str or Phase, optional
        Names, paths of CIF files, or phases; all that are known if None or empty.
    pixel_size_uncertainty : float
        Relative; one factor, common to all spots.
    temperature_C : float, optional
        Of the specimen; cells are as published if not given.
    phase_before : str
        What was there before, joined by "|": others that share no element with it, gases apart,
        rank lower.
    """
    return match_many(
        [spots],
        phases=phases,
        pixel_size_uncertainty=pixel_size_uncertainty,
        temperature_C=temperature_C,
        phase_before=[phase_before],
    )[0]


def match_many(
    sets: Sequence[SpotSet],
    *,
    phases: Iterable[str | Phase] | None = None,
    pixel_size_uncertainty: float = 0.02,
    temperature_C: float | None = None,  # noqa: N803
    phase_before: Sequence[str] | None = None,
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
    chosen = resolve(phases)
    lib = library(chosen, temperature_C)
    tables = [_table(each) for each in sets]
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
    matches = []
    for s, (table, order) in enumerate(zip(tables, kept, strict=True)):
        mine = slice(set_start[s], set_start[s + 1])
        prior = _prior(chosen, phase_before[s] if phase_before else "")
        matches.append(
            _judge(lib, len(table), order, spots[mine], evidence[s] + prior, evidence[s],
                   scale[s], zones[s], found[:, mine])
        )  # fmt: skip
    return matches


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


def _prior(phases: tuple[Phase, ...], before: str) -> Floats:
    """Log probability of each phase beforehand."""
    known = {name: phase(name) for name in known_phases()} | {each.name: each for each in phases}
    old = [known[name] for name in before.split("|") if name in known]
    elements = frozenset().union(*(each.elements for each in old)) - GASES
    weight = np.array(
        [1.0 if not elements or each.elements & elements else UNRELATED for each in phases]
    )
    log_prior: Floats = np.log(weight / weight.sum() * (1 - SOMETHING_ELSE))
    return log_prior


def _judge(
    lib: Library,
    count: int,
    order: NDArray[np.int64],
    spots: Floats,
    joint: Floats,
    evidence: Floats,
    scale: Floats,
    zones: NDArray[np.int64],
    found: NDArray[np.int64],
) -> Match:
    nothing = ("",) * count
    if not len(order):
        return Match("", (), 0.0, 1.0, nothing)
    angles = np.isfinite(spots[:, 2]).sum()
    other = np.log(SOMETHING_ELSE) + len(order) * LOG_STRAY_D + angles * LOG_STRAY_ANGLE
    top = max(joint.max(), other)
    total = np.exp(joint - top).sum() + np.exp(other - top)
    score = np.exp(joint - top) / total
    something_else = float(np.exp(other - top) / total)
    candidates = []
    for p in np.argsort(-score, kind="stable"):
        if score[p] < LEAST_SCORE:
            break
        hkl = list(nothing)
        doubly = []
        for spot, reflection in zip(order, found[p], strict=True):
            if reflection >= 0:
                hkl[spot] = label(lib.packed.hkl[reflection])
                if lib.extinct[reflection]:
                    doubly.append(hkl[spot])
        h, k, l = (int(i) for i in _coprime(zones[p]))  # noqa: E741
        candidates.append(
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
    joined: list[str] = []
    held = 0.0
    if something_else < 0.5:
        for candidate in candidates:
            joined.append(candidate.phase)
            held += candidate.score
            if held >= CREDIBLE * (1 - something_else):
                break
    return Match(
        answer="|".join(joined),
        candidates=tuple(candidates),
        score=held,
        something_else=something_else,
        hkl=candidates[0].hkl if joined else nothing,
    )


def _coprime(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    divisor = max(int(np.gcd.reduce(indices)), 1)
    return indices // divisor
