"""Places: connected pieces of a crystal whose cells share one course.

Neighbouring cells join while their courses, weighed together, lose less than a further onset and
the line between them are worth [1]_ [2]_, the likeliest pair first. A cell on the border of two
places shows the sum of their amplitudes; where that explains it, it is of the greater part and
pulls neither.

References
----------
.. [1] J. H. Ward, J. Am. Stat. Assoc. 58 (1963) 236.
.. [2] Y. G. Leclerc, Int. J. Comput. Vis. 3 (1989) 73.
.. [3] R. DerSimonian, N. Laird, Control. Clin. Trials 7 (1986) 177.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from napari_beamwatch.compiling import kernel
from napari_beamwatch.damage.field.cells import Cells, Courses, log_likelihoods

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARTS = np.linspace(0.1, 0.9, 9)
"""Of the amplitude of a cell on a border that are tried."""

CONTOUR = float(np.log(3)) / 3
"""Log likelihood that a pair of neighbours costs which a line parts: every step of a line goes one
of three ways and parts three pairs. Without it noise is cut along whatever winds around it."""

SEPARATE = 3.0
"""Log likelihood from which a border explains a cell better than its own place does."""


@dataclass(frozen=True, eq=False)
class Partition:
    """Which place each cell is of.

    Attributes
    ----------
    place : array of int64 (cells,)
        From 0 on, largest first.
    pure : array of bool (cells,)
        Not on the border of two places; every place has one or more.
    onset : array of float64 (cells,)
        Dose of that of the likeliest course of each alone; NaN where nothing need have changed.
    scatter : array of float64 (places,)
        Standard deviation of the onsets of a place's cells beyond their errors, e/Å²: two that go
        nearly at once are one place.
    """

    place: Ints
    pure: NDArray[np.bool_]
    onset: Floats
    scatter: Floats


def partition(cells: Cells, shape: tuple[int, int], shared: float) -> Partition:
    """Cut the crystals of a field into places.

    Parameters
    ----------
    cells : Cells
    shape : (rows, columns)
        Of the grid of windows.
    shared : float
        Windows in which the same electrons tell, for they overlap.
    """
    if not len(cells):
        return Partition(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0), np.zeros(0))
    courses = Courses.of(cells.start, cells.end)
    told = log_likelihoods(cells, courses) / np.float32(shared)
    price = 2 * float(np.log(max(2, len(cells.end)) * max(2, shape[0] * shape[1])))
    links = _neighbours(cells, shape)
    label = _merged(told, links, price)
    label, pure = _without_borders(cells, courses, told, links, label, price, shared)
    order = np.argsort(-np.bincount(label), kind="stable")
    rank = np.argsort(order, kind="stable")
    alone = np.where(
        told.max(axis=1) - told[:, -1] > price, courses.onset[told.argmax(axis=1)], np.nan
    )
    place = rank[label].astype(np.int64)
    return Partition(place, pure, alone, _scatter(told, courses, place, pure, shared))


def _neighbours(cells: Cells, shape: tuple[int, int]) -> list[set[int]]:
    """Cells of the same crystal in windows that touch each."""
    at = {pair: i for i, pair in enumerate(zip(cells.crystal.tolist(), cells.window.tolist(),
                                               strict=True))}  # fmt: skip
    rows, columns = shape
    links: list[set[int]] = [set() for _ in range(len(cells))]
    for (crystal, window), i in at.items():
        y, x = divmod(window, columns)
        for dy, dx in ((0, 1), (1, -1), (1, 0), (1, 1)):
            if y + dy < rows and 0 <= x + dx < columns:
                j = at.get((crystal, (y + dy) * columns + x + dx))
                if j is not None:
                    links[i].add(j)
                    links[j].add(i)
    return links


def _merged(told: NDArray[np.float32], links: list[set[int]], price: float) -> Ints:
    """Label of each cell."""
    joint = [row.astype(np.float32) for row in told]
    best = [float(row.max()) for row in joint]
    parted = [dict.fromkeys(some, 1) for some in links]  # pairs of neighbours between two
    members = [[i] for i in range(len(joint))]
    turn = [0] * len(joint)
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(i: int, j: int) -> None:
        cost = best[i] + best[j] - most_together(joint[i], joint[j]) - CONTOUR * parted[i][j]
        if cost <= price:
            heapq.heappush(heap, (cost, i, j, turn[i], turn[j]))

    for i, some in enumerate(links):
        for j in some:
            if i < j:
                offer(i, j)
    while heap:
        _, i, j, at_i, at_j = heapq.heappop(heap)
        if not members[i] or not members[j] or (turn[i], turn[j]) != (at_i, at_j):
            continue
        joint[i] += joint[j]
        best[i] = float(joint[i].max())
        members[i] += members[j]
        members[j] = []
        turn[i] += 1
        for k, pairs in parted[j].items():
            del parted[k][j]
            if k != i:
                parted[i][k] = parted[k][i] = parted[i].get(k, 0) + pairs
        for k in parted[i]:
            offer(min(i, k), max(i, k))
    label = np.zeros(len(joint), np.int64)
    for number, mine in enumerate(some for some in members if some):
        label[mine] = number
    return label


@kernel()
def most_together(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The greatest sum of what two say of the same course."""
    most = -np.inf
    for i in range(len(one)):
        most = max(most, one[i] + other[i])
    return float(most)


def _without_borders(
    cells: Cells,
    courses: Courses,
    told: NDArray[np.float32],
    links: list[set[int]],
    label: Ints,
    price: float,
    shared: float,
) -> tuple[Ints, NDArray[np.bool_]]:
    """Labels once the cells on borders have gone to the greater part, and which are on none."""
    label, pure = label.copy(), np.ones(len(label), bool)
    course = _likeliest(told, label)
    size = np.bincount(label)
    for place in np.argsort(size, kind="stable").tolist():
        mine = np.flatnonzero(label == place)
        told_by = [
            _border(cells, courses, i, _around(label, links, i, place), course, shared)
            for i in mine.tolist()
        ]
        if any(gain is None for gain, _ in told_by):
            continue
        own = float(told[mine, course[place]].sum())
        if own - sum(gain for gain, _ in told_by if gain is not None) <= price:
            label[mine], pure[mine] = [greater for _, greater in told_by], False
    for i, some in enumerate(links):
        own_place = int(label[i])
        for other in {int(label[j]) for j in some} - {own_place} if pure[i] else ():
            gain, greater = _border(cells, courses, i, (own_place, other), course, shared)
            if gain is not None and gain > float(told[i, course[own_place]]) + SEPARATE:
                label[i], pure[i] = greater, False
                break
    return _connected(label, pure, links)


def _connected(
    label: Ints, pure: NDArray[np.bool_], links: list[set[int]]
) -> tuple[Ints, NDArray[np.bool_]]:
    """Labels of connected places, for a cell may lie on the border of one it does not touch.

    Such cells go to a place that they do touch.
    """
    pairs = [(i, j) for i, some in enumerate(links) for j in some if label[i] == label[j]]
    rows, columns = np.array(pairs, np.int64).reshape(-1, 2).T
    touching = sparse.coo_array((np.ones(len(rows)), (rows, columns)), (len(label), len(label)))
    _, label = csgraph.connected_components(touching, directed=False)
    label, pure = label.astype(np.int64), pure.copy()
    for place in np.unique(label[~pure]).tolist():
        mine = np.flatnonzero(label == place)
        if pure[mine].any():
            continue
        near = [int(label[j]) for i in mine.tolist() for j in links[i] if label[j] != place]
        if near:
            label[mine] = np.bincount(near).argmax()
        else:
            pure[mine] = True
    return np.unique(label, return_inverse=True)[1].astype(np.int64), pure


def _scatter(
    told: NDArray[np.float32], courses: Courses, place: Ints, pure: NDArray[np.bool_], shared: float
) -> Floats:
    """How far the onsets of the cells of each place lie apart, beyond their errors [3]_.

    Of each cell the onset is what its own likelihood says, with the decay of its place. Cells that
    overlap err alike, so that they scatter less than their errors: by as much as `shared` of them
    that do not.

    Parameters
    ----------
    told : array (cells, courses)
        Log likelihoods, over `shared`.
    """
    found = np.zeros(int(place.max()) + 1)
    for number, at in enumerate(_likeliest(told, place).tolist()):
        mine = np.flatnonzero((place == number) & pure)
        if len(mine) <= shared + 1 or not np.isfinite(courses.onset[at]):
            continue
        alike = courses.like(at)
        doses = courses.onset[alike]
        step = float(doses[1] - doses[0])
        likely = shared * told[np.ix_(mine, alike)].astype(np.float64)
        weight = np.exp(likely - likely.max(axis=1)[:, None])
        weight /= weight.sum(axis=1)[:, None]
        mean = weight @ doses
        known = 1 / (weight @ doses**2 - mean**2 + step**2 / 12)
        whole = known.sum()
        apart = known @ (mean - known @ mean / whole) ** 2 - (len(mine) - shared)
        found[number] = np.sqrt(max(0.0, apart) / (whole - (known**2).sum() / whole))
    return found


def _likeliest(told: NDArray[np.float32], label: Ints) -> Ints:
    """Course of each place."""
    places = (told[label == place] for place in range(int(label.max()) + 1))
    return np.array([some.sum(axis=0, dtype=np.float64).argmax() for some in places], np.int64)


def _around(label: Ints, links: list[set[int]], cell: int, place: int) -> tuple[int, ...]:
    """Other places that a cell touches, itself or across one of its own."""
    near = links[cell] | {k for j in links[cell] if label[j] == place for k in links[j]}
    return tuple(sorted({int(label[j]) for j in near} - {place}))


def _border(
    cells: Cells, courses: Courses, cell: int, between: Iterable[int], course: Ints, shared: float
) -> tuple[float | None, int]:
    """Log likelihood of a cell as the border of two places, and which has the greater part."""
    places = tuple(between)
    found: tuple[float | None, int] = (None, -1)
    one = cells.some(slice(cell, cell + 1))
    for k, a in enumerate(places):
        for b in places[:k]:
            mixed = courses.mixed(int(course[a]), int(course[b]), PARTS)
            told = log_likelihoods(one, mixed)[0] / shared
            best = int(told.argmax())
            if found[0] is None or told[best] > found[0]:
                found = (float(told[best]), a if PARTS[best] >= 0.5 else b)
    return found
