"""Which reflections are one crystal's: by lattice, and by where, when and how strong they are.

Reflections of a crystal fade towards its border together, so that their powers over the windows
are alike; a crystal beside it is strong where the first is faint. And the third of two
reflections is their sum or difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SHARED_WINDOWS = 0.5
"""Part of the smaller one's windows that two reflections of a crystal share."""

ALIKE = 0.5
"""Cosine between the powers over the windows of two reflections from which on they may be one
crystal's: measured, of one crystal 0.7 and more, of two that meet 0.1 to 0.5."""

SUM = 0.6
"""Bins by which a sum of two reflections may miss a third."""

INSIDE = 0.8
"""Part of a fragment's windows that lie inside those of its crystal."""

FRAGMENT = 2
"""Reflections up to which a crystal may be a piece of a larger one."""

ORDERS = 4
"""Times that a lattice is looked for along each of two of its reflections."""

PARTS = (2, 3)
"""Parts of two reflections that a lattice may have: those between which one is not excited."""

SLANTED = 0.3
"""Sine of the angle between two reflections from which on they span a lattice."""


@dataclass(frozen=True, eq=False)
class Footprints:
    """Where and when reflections are seen.

    Attributes
    ----------
    g : array of float64 (reflections, 2)
        Frequencies, (gy, gx), in bins.
    power : array of float64 (reflections, windows)
        Signal-to-noise ratios; 0 where it is not seen.
    seen : array of bool (reflections, segments)
        When it is.
    everywhere : array of bool (reflections,)
        Whether it is told by what most windows of the field have in common.
    """

    g: Floats
    power: Floats
    seen: NDArray[np.bool_]
    everywhere: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.g)

    @cached_property
    def faintest(self) -> float:
        """The least that is seen anywhere."""
        return float(self.power[self.power > 0].min(initial=np.inf))

    def joined(self, label: NDArray[np.int64]) -> Footprints:
        """Of crystals: the strongest power of their reflections; they have no frequency."""
        count = int(label.max(initial=-1)) + 1
        power = np.zeros((count, self.power.shape[1]))
        seen = np.zeros((count, self.seen.shape[1]), bool)
        everywhere = np.ones(count, bool)
        np.maximum.at(power, label, self.power)
        np.logical_or.at(seen, label, self.seen)
        np.logical_and.at(everywhere, label, self.everywhere)
        return Footprints(np.full((count, 2), np.nan), power, seen, everywhere)

    @cached_property
    def inside(self) -> Floats:
        """Part of the windows of the first that are windows of the second, too."""
        there = np.asarray(self.power > 0, np.float64)
        return np.asarray(there @ there.T / there.sum(axis=1)[:, None], np.float64)

    @cached_property
    def follows(self) -> NDArray[np.bool_]:
        """Whether the first came after the second did and outlasts it: another phase there."""
        first = self.seen.argmax(axis=1)
        last = self.seen.shape[1] - self.seen[:, ::-1].argmax(axis=1)
        return np.asarray((first[:, None] > first) & (last[:, None] > last), np.bool_)

    def alike(self, a: int, b: int) -> float:
        """Cosine between the powers of two of them over their windows.

        Where one is not seen it may be as strong as the faintest that is, if the other tells so.
        """
        one, other = self.power[a], self.power[b]
        both = (one > 0) & (other > 0)
        if not both.any():
            return 0.0
        ratio = one[both].sum() / other[both].sum()
        one = np.where(one > 0, one, np.minimum(ratio * other, self.faintest))
        other = np.where(other > 0, other, np.minimum(self.power[a] / ratio, self.faintest))
        return float(one @ other / np.sqrt((one @ one) * (other @ other)))

    def together(self, a: int, b: int) -> bool:
        """Whether neither came in place of the other, or they lasted for some time together."""
        common = (self.seen[a] & self.seen[b]).sum()
        fewer = min(self.seen[a].sum(), self.seen[b].sum())
        apart = self.follows[a, b] or self.follows[b, a]
        return bool(common and (not apart or 2 * common > fewer))


def best_partners(of: Footprints) -> list[tuple[int, int]]:
    """Each reflection with the one that is most like it in space, if that is at all.

    With that one only: a few windows at a border lie in two crystals. What is everywhere is like
    all others: of that its lattice tells.
    """
    pairs = []
    shared = (of.inside >= SHARED_WINDOWS) & ~of.follows & ~of.follows.T
    shared &= ~of.everywhere & ~of.everywhere[:, None]
    np.fill_diagonal(shared, False)
    for a in range(len(of)):
        partners = [(of.alike(a, b), b) for b in np.flatnonzero(shared[a]).tolist()]
        if partners and max(partners)[0] >= ALIKE:
            pairs.append((a, max(partners)[1]))
    return pairs


def sums_and_differences(of: Footprints) -> list[tuple[int, int]]:
    """Reflections that are tied since one is the sum or difference of two others.

    All three must be strong at the same places and seen at the same times.
    """
    pairs = []
    shared = of.inside >= SHARED_WINDOWS
    for third in range(len(of)):
        near = np.flatnonzero(shared[third])
        near = near[near != third]
        for first, second in _summands(of.g[third], of.g[near]):
            a, b = int(near[first]), int(near[second])
            three = ((third, a), (third, b), (a, b))
            if all(of.together(*two) and of.alike(*two) >= ALIKE for two in three):
                pairs += [(third, a), (third, b)]
    return pairs


def _summands(g: Floats, of: Floats) -> list[tuple[int, int]]:
    """Pairs of frequencies whose sum or difference is another, or its Friedel mate."""
    total, difference = of[:, None] + of, of[:, None] - of
    away = [np.hypot(*np.moveaxis(one - sign * g, -1, 0))
            for one in (total, difference) for sign in (1, -1)]  # fmt: skip
    first, second = np.nonzero(np.triu(np.min(away, axis=0) < SUM, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def fragments(of: Footprints, crystal: NDArray[np.int64]) -> list[tuple[int, int]]:
    """One or two reflections that were left over, with one of the larger crystal they fit.

    They lie on its lattice, in its windows, at its time. What is everywhere is of a crystal whose
    lattice nothing tells, too.
    """
    members = [np.flatnonzero(crystal == c) for c in range(int(crystal.max(initial=-1)) + 1)]
    whole = of.joined(crystal)
    pairs = []
    for small, mine in enumerate(members):
        if len(mine) > FRAGMENT:
            continue
        larger = [
            (whole.alike(small, big), big)
            for big, its in enumerate(members)
            if big != small
            and len(its) >= len(mine)
            and whole.inside[small, big] >= INSIDE
            and whole.together(small, big)
            and whole.alike(small, big) >= ALIKE
            and (
                lies_on(of.g[mine], of.g[its]).all()
                or (of.everywhere[mine].all() and not spans(of.g[its]))
            )
        ]
        if larger:
            pairs.append((int(mine[0]), int(members[max(larger)[1]][0])))
    return pairs


def spans(g: Floats) -> bool:
    """Whether some frequencies have two that span a lattice."""
    return _basis(g) is not None


def _basis(g: Floats) -> tuple[int, int] | None:
    """The shortest two that span a lattice."""
    lengths = np.hypot(*g.T)
    for i, j in sorted(combinations(range(len(g)), 2), key=lambda ij: lengths[list(ij)].sum()):
        area = g[i, 0] * g[j, 1] - g[i, 1] * g[j, 0]
        if abs(area) >= SLANTED * lengths[i] * lengths[j]:
            return i, j
    return None


def lies_on(g: Floats, of: Floats) -> NDArray[np.bool_]:
    """Which frequencies lie on the lattice that two others span, or on one of its parts."""
    best = np.zeros(len(g), bool)
    basis = _basis(of)
    if basis is None:
        return best
    times = np.arange(-ORDERS * max(PARTS), ORDERS * max(PARTS) + 1)
    for part in PARTS:
        m, n = (axis.ravel() / part for axis in np.meshgrid(times, times))
        points = m[:, None] * of[basis[0]] + n[:, None] * of[basis[1]]
        away = np.hypot(*np.moveaxis(g[:, None] - points, -1, 0)).min(axis=1)
        some = away < SUM
        best = some if some.sum() > best.sum() else best
    return np.asarray(best, np.bool_)
