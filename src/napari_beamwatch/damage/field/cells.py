"""What one window shows of one crystal, and how likely every course is of it.

A cell is a crystal in a window. Its spots, weighted by how strong they are, are one trace; every
course of a grid of onsets, decays and parts that are kept (or none of these: it stays) has a
likelihood, and those of cells that share a course add up. Three things scatter: the counts, whose
noise falls with the signal; the amorphous film, a phasor of its own that stands still and beats
with that of a spot as it fades [1]_; and the spots themselves, for dynamical scattering gives each
a course that is not quite the others'. The last two go as the derivative of the power by the
amplitude, so they are one random effect a cell.

References
----------
.. [1] J. W. Goodman, Statistical Optics, 2nd ed., Wiley 2015, section 2.9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.threads import spread

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_ONSETS = 240
"""Onsets that are tried, four a frame in a short record: two cut a strong crystal that goes in one
step into places."""

MOST_SAMPLES = 256
"""Samples that a record is binned to: onsets are dated by the pooled traces, not here."""

DECAYS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""1/e doses of a decay, in lengths of the record; 0 is a step."""

KEPT = (0.0, 0.25, 0.5, 0.75)
"""Parts of the plateau that stay for good."""

AT_FIRST = 8
"""What is there within the first part of a record, one in so many, was there at first."""

UNLIKE_SPOTS = 0.02
"""Variance of a spot's course about that of its crystal, where it falls fastest: the exponents of
the multislice LiF spread by 8 % (`rivals.DAMAGE_SPREAD`), its amplitudes beat by 14 %."""

TOGETHER = 128
"""Cells that are weighed at a time: every course takes a number for each."""


@dataclass(frozen=True, eq=False)
class Cells:
    """Cells of a field; arrays over the cells, and samples.

    Attributes
    ----------
    crystal, window : array of int64 (cells,)
    spots : array of int64 (cells,)
        How many they have.
    pull, known, cubed : array (cells, samples)
        Sums over the spots of E·y, E² and E³ of what was measured, E what is expected of y: the
        trace is ``pull / known`` with the variance ``(known + 2·course·cubed) / known²``.
    film : array (cells,)
        Variance of the trace's beating with the film.
    power : array (cells,)
        Of the lattice where it is strongest, times the part of the record it was measured in.
    start, end : array (samples,)
        Doses.
    """

    crystal: Ints
    window: Ints
    spots: Ints
    pull: Floats
    known: Floats
    cubed: Floats
    film: Floats
    power: Floats
    start: Floats
    end: Floats

    def __len__(self) -> int:
        return len(self.crystal)

    def some(self, which: slice) -> Cells:
        """Some of them."""
        names = ("crystal", "window", "spots", "pull", "known", "cubed", "film", "power")
        return replace(self, **{name: getattr(self, name)[which] for name in names})


def cells_of(
    snr: NDArray[np.floating],
    crystal: Ints,
    window: Ints,
    strength: Floats,
    film: Floats,
    beam: Floats,
    start: Floats,
    end: Floats,
) -> Cells:
    """The cells that spots of windows make.

    Parameters
    ----------
    snr : array (frames, spots)
        Power over the floor, less 1; NaN where not measured.
    crystal, window : array of int64 (spots,)
    strength : array (spots,)
        What `snr` is on the plateau, about.
    film : array (spots,)
        Power of the film at the spot, over that of the counts of a frame.
    beam : array (frames, spots) or (frames, 1)
        Relative to its median.
    start, end : array (frames,)
        Doses.
    """
    size = int(window.max(initial=0)) + 1
    keys, cell = np.unique(crystal * size + window, return_inverse=True)
    edges = np.arange(0, len(end), max(1, -(-len(end) // MOST_SAMPLES)))
    last = np.append(edges[1:], len(end)) - 1

    def summed(values: Floats) -> Floats:
        sums = np.zeros((len(keys), len(edges)))
        np.add.at(sums, cell, np.add.reduceat(values, edges, axis=0).T)
        return sums

    known = np.isfinite(snr)
    usual = np.maximum(strength, 1e-6)
    expected = usual * np.nan_to_num(beam)
    squares = np.bincount(cell, usual**2, len(keys))
    return Cells(
        keys // size, keys % size, np.bincount(cell, minlength=len(keys)).astype(np.int64),
        summed(np.where(known, snr, 0.0) * expected),
        summed(known * expected**2),
        summed(known * expected**3),
        np.bincount(cell, 2 * film * usual**3, len(keys)) / squares**2,
        np.bincount(cell, usual * known.mean(axis=0), len(keys)).astype(np.float64),
        start[edges], end[last],
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Courses:
    """Courses that are tried: what goes, what comes, and last that nothing changes.

    Attributes
    ----------
    onset : array (courses,)
        Dose; infinite for the last.
    family : array of int64 (courses,)
        The same for those that differ in their onset only.
    level : array (courses, samples)
        Power, 1 on the plateau.
    beat : array (courses, samples)
        How the power goes with an amplitude that is added.
    """

    onset: Floats
    family: Ints
    level: Floats
    beat: Floats

    @classmethod
    def of(cls, start: Floats, end: Floats) -> Courses:
        """Those of a record."""
        count = int(min(MOST_ONSETS, 4 * len(end)))
        length, frame = end[-1] - start[0], end - start
        onsets = np.linspace(start[0], end[-1], count, endpoint=False)
        since, until = (np.maximum(edge[None] - onsets[:, None], 0.0) for edge in (start, end))
        before = frame - (until - since)
        parts = []
        for decay in DECAYS:
            tau = 2 * decay * length  # of the amplitude
            after = tau * (np.exp(-since / tau) - np.exp(-until / tau)) if tau else 0.0
            parts.append(((before + after) / frame) ** 2)
        gone = np.stack(parts, axis=1).reshape(-1, len(end))
        came = np.maximum(1 - gone[count // AT_FIRST * len(DECAYS) :], 0.0)  # powers of pieces add
        level = [*(kept + (1 - kept) * gone for kept in KEPT), came]
        beat = [*((1 - kept) * (np.sqrt(gone) - gone) for kept in KEPT), np.sqrt(came) - came]
        onset, which = np.repeat(onsets, len(DECAYS)), np.tile(np.arange(len(DECAYS)), count)
        family = [which[-len(some) :] + i * len(DECAYS) for i, some in enumerate(level)]
        return cls(
            np.concatenate([*(onset[-len(some) :] for some in level), [np.inf]]),
            np.concatenate([*family, [-1]]),
            np.concatenate([*level, np.ones((1, len(end)))]),
            np.concatenate([*beat, np.zeros((1, len(end)))]),
        )

    def like(self, one: int) -> Ints:
        """Those that go on as one does, by their onsets."""
        return np.flatnonzero(self.family == self.family[one])

    def mixed(self, one: int, other: int, parts: Floats) -> Courses:
        """What a window shows that lies in two places: parts of their amplitudes, added."""
        a, b = (np.sqrt(self.level[i]) for i in (one, other))
        level = (parts[:, None] * a + (1 - parts[:, None]) * b) ** 2
        alone = np.full(len(parts), np.nan), np.arange(len(parts))
        return Courses(*alone, level, np.sqrt(level) - level)


def log_likelihoods(cells: Cells, courses: Courses) -> NDArray[np.float32]:
    """Of every course in every cell, the level fitted: array (cells, courses)."""
    firsts = range(0, len(cells), TOGETHER)
    parts = spread(
        lambda first: _log_likelihoods(cells, slice(first, first + TOGETHER), courses), firsts
    )
    return np.concatenate([np.zeros((0, len(courses.onset)), np.float32), *parts])


def _log_likelihoods(cells: Cells, some: slice, courses: Courses) -> NDArray[np.float32]:
    pull, known, cubed = cells.pull[some], cells.known[some], cells.cubed[some]
    spread = cells.film[some] + UNLIKE_SPOTS / cells.spots[some]
    trace = pull / np.maximum(known, 1e-300)
    level, beat = courses.level, courses.beat
    squares = (level**2).T
    # Once by the noise of a plateau, then by that of the course that was found.
    course: Floats = np.ones_like(known)
    for _ in range(2):
        weight = known**2 / np.maximum(known + 2 * course * cubed, 1e-300)
        moment = weight * trace
        ll, ly = weight @ squares, moment @ level.T
        best, height = _likeliest(ll, ly)
        course = height[:, None] * level[best]
    by, bl, bb = moment @ beat.T, weight @ (beat * level).T, weight @ (beat**2).T
    return np.asarray(_told(ll, ly, by, bl, bb, (moment * trace).sum(axis=1), spread), np.float32)


@kernel()
def _likeliest(ll: Floats, ly: Floats) -> tuple[Ints, Floats]:
    """The course of each cell that leaves least of it, and the level of its plateau.

    Parameters
    ----------
    ll, ly : array (cells, courses)
        Weighed sums of courses squared, and of courses times traces.
    """
    best, height = np.zeros(len(ll), np.int64), np.zeros(len(ll))
    for i in range(len(ll)):
        most = -1.0
        for j in range(ll.shape[1]):
            level = max(ly[i, j], 0.0) / max(ll[i, j], 1e-300)
            if level * ly[i, j] > most:
                most, best[i], height[i] = level * ly[i, j], j, level
    return best, height


@kernel()
def _told(
    ll: Floats, ly: Floats, by: Floats, bl: Floats, bb: Floats, yy: Floats, spread: Floats
) -> NDArray[np.float32]:
    """Log likelihood of each course, its level and how much it beats with the film fitted.

    Parameters
    ----------
    ll, ly, by, bl, bb : array (cells, courses)
        Weighed sums of products of courses l, traces y and beats b.
    yy : array (cells,)
    spread : array (cells,)
        Variance of the beat's amplitude.
    """
    told = np.empty(ll.shape, np.float32)
    for i in range(len(ll)):
        for j in range(ll.shape[1]):
            level = max(ly[i, j] / max(ll[i, j], 1e-300), 0.0)
            own = level * level * bb[i, j]
            # The level beside the beat: without it a strong plateau is pulled off what it shows.
            taken = spread[i] * level * level / (1 + spread[i] * own)
            seen = max(ll[i, j] - taken * bl[i, j] ** 2, 1e-12 * ll[i, j] + 1e-300)
            level = max((ly[i, j] - taken * bl[i, j] * by[i, j]) / seen, 0.0)
            left = yy[i] - 2 * level * ly[i, j] + level * level * ll[i, j]
            along = level * (by[i, j] - level * bl[i, j])
            own = level * level * bb[i, j]
            gained = along * along / (1 / spread[i] + own) - np.log1p(spread[i] * own)
            told[i, j] = (gained - left) / 2
    return told
