"""Onsets of many windows at once, for the map.

Windows overlap and share their electrons: the map shows where and when, the verdict on a crystal
says whether. So a window is fitted by weighted least squares on its common trace, with a plateau,
an exponential or a step from the onset on, and what remains; all windows and all onsets of a fine
grid at once, as products of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ONSETS = 4
"""Onsets that are tried in a frame, up to `MOST_ONSETS` in all."""

MOST_ONSETS = 240

TOGETHER = 256
"""Windows that are fitted at a time: every shape takes a number for each."""

FINEST = 4 * MOST_ONSETS
"""Samples of a record that the shapes are fitted to; neighbouring frames of a longer one are
averaged."""

DECAYS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Doses of the 1/e decay that are tried, in lengths of the record; 0 is a step."""

WITHIN = 3.84
"""Fall of twice the log likelihood at the ends of a 95 % interval."""

LEAST_LOSS = 0.2
"""Part of the plateau that must be gone at the end."""

GONE = 2.6
"""Standard errors below which nothing is left."""


@dataclass(frozen=True, eq=False)
class Changes:
    """One value a window; doses are NaN where nothing was found.

    Attributes
    ----------
    onset, low, high : array
        Dose at which the change began, and its 95 % interval.
    lost : array
        Dose from which nothing is left to the end.
    loss : array
        Part of the plateau gone at the end.
    gain : array
        Twice the log likelihood by which a change fits better than none.
    survived : array of bool
        A loss to 1/e in the middle of the record would have been found.
    """

    onset: Floats
    low: Floats
    high: Floats
    lost: Floats
    loss: Floats
    gain: Floats
    survived: NDArray[np.bool_]


def common_traces(
    snr: NDArray[np.floating], window: NDArray[np.int64], strength: Floats, beam: Floats, count: int
) -> tuple[Floats, Floats, Floats]:
    """Trace of each window over its spots, about 1 on the plateau, and the weight of each value.

    Parameters
    ----------
    snr : array (frames, spots)
        Power over the floor, less 1; NaN where not measured.
    window : array (spots,)
    strength : array (spots,)
        What `snr` is on the plateau, about: spots are weighted by it.
    beam : array (frames,)
        Relative to its median.
    count : int
        Windows there are.

    Returns
    -------
    trace, weight, quiet : array (count, frames)
        Weights are one over the variance at the plateau, and where no signal is left; 0 where
        nothing was measured.
    """
    sums = np.zeros((count, snr.shape[0]))
    squares, variance = np.zeros_like(sums), np.zeros_like(sums)
    expected = np.maximum(strength, 1e-6) * beam[:, None]
    known = np.isfinite(snr)
    np.add.at(sums, window, (np.where(known, snr, 0.0) * expected).T)
    np.add.at(squares, window, (known * expected**2).T)
    np.add.at(variance, window, (known * expected**2 * (1 + 2 * expected)).T)
    with np.errstate(divide="ignore", invalid="ignore"):
        trace = np.where(squares > 0, sums / squares, 0.0)
        weight = np.where(squares > 0, squares**2 / variance, 0.0)
    return trace, np.nan_to_num(weight), squares


def find_changes(
    trace: Floats, weight: Floats, quiet: Floats, start: Floats, end: Floats, threshold: float
) -> Changes:
    """When each window began to change.

    Parameters
    ----------
    trace, weight, quiet : array (windows, frames)
        Of `common_traces`.
    start, end : array (frames,)
        Doses.
    threshold : float
        Gain from which a change counts.
    """
    if not len(end):  # no frame could be judged
        nothing = np.full(len(trace), np.nan)
        return Changes(*(nothing,) * 6, np.zeros(len(trace), bool))
    trace, weight, quiet, start, end = _binned(trace, weight, quiet, start, end)
    shapes, onsets = _shapes(start, end)
    parts = [
        _changes(
            trace[i : i + TOGETHER], weight[i : i + TOGETHER], quiet[i : i + TOGETHER],
            start, end, shapes, onsets, threshold,
        )
        for i in range(0, max(1, len(trace)), TOGETHER)
    ]  # fmt: skip
    names = [field.name for field in fields(Changes)]
    return Changes(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def _binned(
    trace: Floats, weight: Floats, quiet: Floats, start: Floats, end: Floats
) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """The same in no more samples than are fitted; what scatters within one is of no account."""
    count = -(-len(end) // FINEST)
    if count <= 1:
        return trace, weight, quiet, start, end
    first = np.arange(0, len(end), count)
    sums = [np.add.reduceat(values, first, axis=1) for values in (weight * trace, weight, quiet)]
    mean = sums[0] / np.where(sums[1] > 0, sums[1], 1.0)
    return mean, sums[1], sums[2], start[first], end[np.append(first[1:], len(end)) - 1]


def _changes(
    trace: Floats,
    weight: Floats,
    quiet: Floats,
    start: Floats,
    end: Floats,
    shapes: Floats,
    onsets: Floats,
    threshold: float,
) -> Changes:
    """Changes of some windows."""
    steady = _weighted_mean(trace, weight)
    alone = (weight * trace**2).sum(axis=1) - weight.sum(axis=1) * steady**2
    height, rest, left = _fits(trace, weight, shapes)
    best_of_onset = left.reshape(len(trace), len(onsets), -1).min(axis=2)
    best = left.argmin(axis=1)
    rows = np.arange(len(trace))
    gain = np.maximum(alone - left[rows, best], 0.0)
    plateau = height[rows, best] + rest[rows, best]
    at_end = height[rows, best] * shapes[best, -1] + rest[rows, best]
    with np.errstate(divide="ignore", invalid="ignore"):
        loss = np.nan_to_num(1 - at_end / plateau)
    found = (gain > threshold) & (loss >= LEAST_LOSS) & (plateau > 0)
    near = best_of_onset <= best_of_onset.min(axis=1)[:, None] + WITHIN
    onset = np.where(found, onsets[best // len(DECAYS)], np.nan)
    # An end lies between the last onset within and the first beyond.
    half = (onsets[1] - onsets[0]) / 2 if len(onsets) > 1 else 0.0
    first, last = near.argmax(axis=1), len(onsets) - 1 - near[:, ::-1].argmax(axis=1)
    low = np.where(found, np.maximum(onsets[first] - half, start[0]), np.nan)
    high = np.where(found, np.minimum(onsets[last] + half, end[-1]), np.nan)
    lost = np.where(found, _gone_from(trace, quiet, end), np.nan)
    late = weight[:, weight.shape[1] // 2 :].sum(axis=1)
    would = late * (1 - np.exp(-1)) ** 2 / 2 > threshold
    return Changes(onset, low, high, lost, loss, gain, would)


def _shapes(start: Floats, end: Floats) -> tuple[Floats, Floats]:
    """Part of the plateau that remains in each frame, (onset × decay, frames), and the onsets."""
    count = int(min(MOST_ONSETS, ONSETS * len(end)))
    onsets = np.linspace(start[0], end[-1], count, endpoint=False)
    length = end - start
    since, until = (np.maximum(edge[None] - onsets[:, None], 0.0) for edge in (start, end))
    before = length - (until - since)
    parts = []
    for decay in DECAYS:
        tau = decay * (end[-1] - start[0])
        after = tau * (np.exp(-since / tau) - np.exp(-until / tau)) if tau else 0.0
        parts.append((before + after) / length)
    return np.stack(parts, axis=1).reshape(-1, len(end)), onsets


def _fits(trace: Floats, weight: Floats, shapes: Floats) -> tuple[Floats, Floats, Floats]:
    """Least squares of height · shape + rest, rest ≥ 0: both, and what is left of the squares."""
    n = weight.sum(axis=1)[:, None]
    y = (weight * trace).sum(axis=1)[:, None]
    yy = (weight * trace**2).sum(axis=1)[:, None]
    b, bb, by = weight @ shapes.T, weight @ (shapes**2).T, (weight * trace) @ shapes.T
    determinant = n * bb - b**2
    # A shape that is flat where anything was measured tells nothing of its height.
    told = determinant > 1e-9 * n * bb
    height = np.where(told, (n * by - b * y) / np.where(told, determinant, 1.0), 0.0)
    rest = (y - height * b) / np.where(n > 0, n, 1.0)
    alone = by / np.where(bb > 0, bb, 1.0)
    # Nothing grows, and no less than nothing remains.
    height = np.where(rest < 0, alone, height)
    rest = np.maximum(rest, 0.0)
    grows = height < 0
    height = np.where(grows, 0.0, height)
    rest = np.where(grows, np.nan_to_num(y / np.maximum(n, 1e-300)), rest)
    left = yy - 2 * (height * by + rest * y) + height**2 * bb + 2 * height * rest * b + rest**2 * n
    return height, rest, left


def _weighted_mean(trace: Floats, weight: Floats) -> Floats:
    total = weight.sum(axis=1)
    mean = (weight * trace).sum(axis=1) / np.where(total > 0, total, 1.0)
    return np.asarray(mean, np.float64)


def _gone_from(trace: Floats, weight: Floats, end: Floats) -> Floats:
    """End of the last frame after which something is left; NaN where there is to the end."""
    sums = np.cumsum((weight * trace)[:, ::-1], axis=1)[:, ::-1]
    spread = np.sqrt(np.cumsum(weight[:, ::-1], axis=1)[:, ::-1])
    there = sums > GONE * np.maximum(spread, 1e-300)
    last = there.shape[1] - 1 - there[:, ::-1].argmax(axis=1)
    gone = there.any(axis=1) & (last < there.shape[1] - 1)
    return np.where(gone, end[last], np.nan)
