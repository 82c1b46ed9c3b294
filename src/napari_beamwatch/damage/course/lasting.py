"""A loss that lasts, told while the frames come in: one test that may be read after every frame.

Of each frame there is one number v, what is there of the lattice relative to what was found. What
is asked is whether, from some frame on, less than a part r is left of the level before. For a place
at which the level held until c₁ and was low from c₂ on, with weights W and means m on the two
sides, the contrast ``D = r·m₁ − m₂`` has the variance ``V = r²/W₁ + 1/W₂``, and

    B = exp((d·D − d²/2) / V)

is the likelihood ratio of "r of the level is left, less d" to "r is left". The level itself is
integrated out over a flat prior, so that nothing of it need be known [1]_. As long as at least r is
left, B is a nonnegative supermartingale whatever else the lattice does, and so is any mixture of
such over c₁, c₂, d and over crystals and parts of the field: the chance that it ever reaches 1/α is
at most α (Ville [2]_, [3]_). A mean of powers has a lower tail that is lighter than Gaussian
with the same variance, and the loss is in the lower tail, so nothing is assumed of its shape.

References
----------
.. [1] T. L. Lai, Annals of Statistics 4 (1976) 265 (invariant sequential tests).
.. [2] J. Ville, Étude critique de la notion de collectif, Gauthier-Villars 1939.
.. [3] A. Ramdas, P. Grünwald, V. Vovk, G. Shafer, Statistical Science 38 (2023) 576.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.dips import Dips, find_dips
from napari_beamwatch.damage.parts import HALF, SEVERAL
from napari_beamwatch.damage.scopes import Samples

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

GAPS = (0, 2, 5, 12, 30)
"""Samples between the end of a plateau and the beginning of what is left: a fade takes its time."""

DEPTHS = (0.15, 0.3, 0.5, 0.8)
"""How much less may be left, as parts of what must be."""

MOST_SAMPLES = 256
"""Kept of a trace; when there are more, neighbours are added up, so that hours take no memory."""

DIPS_AGAIN = 16
"""Looks for dips while the samples double, about; whoever wants to know asks for more."""

PRIOR_PAIRS = 5.0
"""Differences of neighbours that are taken to have followed the noise law before there were any."""

LARGEST_JUMP = 9.0
"""Squared standard errors that one difference counts at most, or a loss would hide itself."""


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss as it looks, given that there is one.

    Attributes
    ----------
    onset : array (samples,)
        Posterior of the sample with which it began.
    left, lowest : float
        What the last third, and the lowest third, of the samples since the likeliest onset have of
        the level before; 1 where nothing tells.
    """

    onset: Floats
    left: float
    lowest: float

    def place(self, part: float) -> int:
        """Sample that has that part of the posterior before it."""
        return int(np.searchsorted(np.cumsum(self.onset), part * self.onset.sum()))


def evidence(
    value: Floats, weight: Floats, lower: Floats, first: Ints, count: int, left: float
) -> float:
    """Evidence that less than a part `left` of an earlier level is there since some sample.

    The logarithm of a mixture of likelihood ratios: that it ever passes ln(1/α) has a chance of α
    at most.

    Parameters
    ----------
    value : array (samples,)
    weight : array (samples,)
        One over the variance; 0 where nothing was measured.
    lower : array (samples,)
        The same if no more than `left` of the level is there: fewer phasors spread less. With more
        left the variance is more, but the mean is as much further from a loss.
    first : array of int64 (samples,)
        Number of the first frame of each sample.
    count : int
        Frames in all of them.
    left : float
    """
    samples = len(value)
    if samples <= SEVERAL:
        return 0.0
    sums = np.concatenate([[0.0], np.cumsum(weight)])
    moments = np.concatenate([[0.0], np.cumsum(weight * value)])
    sums_after = np.concatenate([[0.0], np.cumsum(lower)])
    moments_after = np.concatenate([[0.0], np.cumsum(lower * value)])
    measured = np.concatenate([[0], np.cumsum(weight > 0)])
    later = np.arange(SEVERAL, samples)
    prior = _prior(first, count)
    depths = left * np.array(DEPTHS)
    logs = np.full((len(GAPS), samples), -np.inf)
    for row, gap in enumerate(GAPS):
        after = later[later - gap >= SEVERAL]
        before = after - gap
        w_before, w_after = sums[before], sums_after[-1] - sums_after[after]
        known = (measured[before] >= SEVERAL) & (w_after > 1e-12 * sums_after[-1])
        before, after = before[known], after[known]
        w_before, w_after = w_before[known], w_after[known]
        later_mean = (moments_after[-1] - moments_after[after]) / w_after
        contrast = left * moments[before] / w_before - later_mean
        variance = left**2 / w_before + 1 / w_after
        each = (depths[:, None] * contrast - depths[:, None] ** 2 / 2) / variance
        logs[row, after] = _log_mean(each) + np.log(prior[after] / len(GAPS))
    spent = float(np.isfinite(logs).any(axis=0) @ prior)
    highest = float(logs.max())
    if not math.isfinite(highest):
        return 0.0
    # What has no say yet, later frames among it, stands at a ratio of 1.
    found = highest + math.log(float(np.exp(logs - highest).sum()))
    return float(np.logaddexp(found, math.log(max(1 - spent, 1e-300))))


def loss(value: Floats, weight: Floats) -> Loss:
    """When a loss began, given that there is one, and what is left.

    A level, a straight fall of a length of `GAPS` that may begin with any sample, and another
    level are fitted by least squares; all beginnings are as likely as each other before.

    Parameters
    ----------
    value, weight : array (samples,)
        As in `evidence`.
    """
    samples = len(value)
    at = np.arange(samples, dtype=np.float64)
    columns = (weight, weight * value, weight * at, weight * at**2, weight * at * value)
    w, y, t, tt, ty = (np.concatenate([[0.0], np.cumsum(column)]) for column in columns)
    gain = np.full((len(GAPS), samples), -np.inf)
    for row, gap in enumerate(GAPS):
        begin = np.arange(SEVERAL, samples - gap)
        if not len(begin):
            continue
        end = begin + gap
        x, xx, xy = w[-1] - w[end], w[-1] - w[end], y[-1] - y[end]
        if gap:  # in the fall x = (t − begin + ½) / gap
            zero = begin - 0.5
            dw, dt, dtt = w[end] - w[begin], t[end] - t[begin], tt[end] - tt[begin]
            dy, dty = y[end] - y[begin], ty[end] - ty[begin]
            x = x + (dt - zero * dw) / gap
            xx = xx + (dtt - 2 * zero * dt + zero**2 * dw) / gap**2
            xy = xy + (dty - zero * dy) / gap
        fall = x * y[-1] / w[-1] - xy
        spread = xx - x**2 / w[-1]
        known = (spread > 1e-12 * w[-1]) & (w[begin] > 0)
        gain[row, begin] = np.where(
            known, np.maximum(fall, 0.0) ** 2 / np.where(known, spread, 1.0) / 2, -np.inf
        )
    if not np.isfinite(gain.max()):
        return Loss(np.full(samples, 1 / samples), 1.0, 1.0)
    # Half of the likelihood counts: a straight fall is no fade.
    onset = np.exp(HALF * (gain - gain.max())).sum(axis=0)
    return Loss(onset / onset.sum(), *_left(w, y, int(onset.argmax())))


def _prior(first: Ints, count: int) -> Floats:
    """Share of each sample in ``1 / (k (k + 1))`` over the frames k from the first possible on."""
    at = np.maximum(np.append(first, count) - first[0] - SEVERAL + 1, 1).astype(np.float64)
    return np.asarray(1 / at[:-1] - 1 / at[1:])


def _log_mean(rows: Floats) -> Floats:
    top = rows.max(axis=0)
    return np.asarray(top + np.log(np.exp(rows - top).mean(axis=0)))


NEWEST, BACK = 5, 2.5
"""Samples at most, and standard errors, by which a lattice is seen to come back."""

SURELY = 0.02
"""Variance of what is said to be left, if there are frames enough."""


def _left(sums: Floats, moments: Floats, began: int) -> tuple[float, float]:
    """What the last third of the samples since an onset has of the level before; and the lowest."""
    samples = len(sums) - 1
    many = min(max(SEVERAL, (samples - began) // 3), samples - began)
    if sums[began] <= 0 or moments[began] <= 0 or many < 1:
        return 1.0, 1.0
    level = moments[began] / sums[began]
    starts = np.arange(began, samples - many + 1)
    weight = sums[starts + many] - sums[starts]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = (moments[starts + many] - moments[starts]) / weight / level
    known = mean[weight > 0]
    if not len(known):
        return 1.0, 1.0
    return float(known[-1]), float(known.min())


class Watched:
    """One trace of what is there of a lattice, as its frames come in.

    Keeps `MOST_SAMPLES` samples at the most.
    """

    def __init__(self) -> None:
        self._value: list[float] = []
        self._signal: list[float] = []
        self._noise: list[float] = []
        self._first: list[int] = []
        self._start: list[float] = []
        self._end: list[float] = []
        self._frames = 0
        self._jumps, self._pairs = 0.0, 0
        self._since_dips = 0
        self._dips = Dips(np.zeros(0, np.bool_), (), 0)

    def __len__(self) -> int:
        return len(self._value)

    def add(self, value: float, signal: float, noise: float, start: float, end: float) -> None:
        """Take the next frame.

        Parameters
        ----------
        value : float
            Lattice relative to what was found; NaN where it was not measured.
        signal, noise : float
            Its variance is ``signal·level + noise``.
        start, end : float
            Doses of the frame.
        """
        seen = math.isfinite(value)
        if seen and self._value and math.isfinite(self._value[-1]):
            spread = (signal + self._signal[-1]) * self.level + noise + self._noise[-1]
            self._jumps += min((value - self._value[-1]) ** 2 / spread, LARGEST_JUMP)
            self._pairs += 1
        self._value.append(value if seen else math.nan)
        self._signal.append(signal)
        self._noise.append(noise)
        self._first.append(self._frames)
        self._start.append(start)
        self._end.append(end)
        self._frames += 1
        if len(self._value) > MOST_SAMPLES:
            self._pair_up()
        self._since_dips += 1
        if self._since_dips * DIPS_AGAIN >= len(self._value):
            self.look_for_dips()

    @property
    def level(self) -> float:
        """Mean of what held, as the noise law wants it."""
        value = np.array(self._value)
        held = np.isfinite(value)
        held[: len(self._dips.masked)] &= ~self._dips.masked[: len(held)]
        return float(np.clip(value[held].mean(), 0.05, 20.0)) if held.any() else 1.0

    @property
    def dispersion(self) -> float:
        """How much wider than the noise law neighbouring frames differ; 1 or more."""
        return max(1.0, (PRIOR_PAIRS + self._jumps) / (PRIOR_PAIRS + self._pairs))

    @property
    def dips(self) -> Dips:
        """What was lost and came back."""
        return self._dips

    def evidence(self, left: float) -> float:
        """That less than a part `left` is there of what was."""
        first = np.array(self._first, np.int64)
        value = np.nan_to_num(np.array(self._value))
        weight, lower = self._weights(), self._weights(left)
        return evidence(value, weight, lower, first, self._frames, left)

    def _weights(self, left: float = 1.0) -> Floats:
        """One over the variance of each sample; 0 for what was not measured, or recovered."""
        variance = np.array(self._signal) * self.level * left + np.array(self._noise)
        weight = np.where(np.isfinite(self._value), 1 / (variance * self.dispersion), 0.0)
        weight[: len(self._dips.masked)] *= ~self._dips.masked
        return np.asarray(weight)

    @property
    def recent(self) -> float:
        """What the last samples have of the level; NaN before there is one."""
        if not self._value:
            return math.nan
        spread = float(np.mean(self._signal) * self.level + np.mean(self._noise)) / self.level**2
        many = max(SEVERAL, min(math.ceil(spread / SURELY), len(self._value) // 3))
        value = np.array(self._value)[-many:]
        known = value[np.isfinite(value)]
        return float(known.mean()) / self.level if len(known) else math.nan

    @property
    def end(self) -> float:
        """Dose at the end of the last frame."""
        return self._end[-1]

    def loss(self) -> Loss:
        """When a loss began, given that there is one, and what is left."""
        return loss(np.nan_to_num(np.array(self._value)), self._weights())

    def comes_back(self, loss: Loss) -> bool:
        """Whether the newest samples are surely nearer to the level before a loss than to it."""
        began = loss.place(0.5)
        value, weight = np.array(self._value), self._weights()
        before = weight[:began].sum()
        if before <= 0:
            return False
        level = float(weight[:began] @ np.nan_to_num(value[:began]) / before)
        middle = level * (1 + max(loss.lowest, 0.0)) / 2
        newest = weight[began:][::-1][:NEWEST]
        known = np.cumsum(newest)
        above = np.cumsum(newest * (np.nan_to_num(value[began:][::-1][:NEWEST]) - middle))
        return bool((above > BACK * np.sqrt(known)).any())

    def start_of(self, sample: int) -> float:
        """Dose at the start of a sample; at the end of the last beyond them."""
        return self._start[sample] if sample < len(self._start) else self._end[-1]

    def samples_since(self, dose: float) -> int:
        """Measured samples that began at a dose or later."""
        return sum(
            1
            for start, value in zip(self._start, self._value, strict=True)
            if start >= dose and math.isfinite(value)
        )

    def look_for_dips(self) -> None:
        """Leave out what came back; done by itself now and then."""
        self._since_dips = 0
        value = np.array(self._value)
        known = np.isfinite(value)
        if known.sum() < 2 * SEVERAL:
            self._dips = Dips(np.zeros(len(value), np.bool_), (), 0)
            return
        signal, noise = np.array(self._signal), np.array(self._noise)
        usual, own = float(np.median(signal[known])), float(np.median(noise[known]))
        windows = np.where(known, (usual + own) / (signal + noise), 0.0)
        ends = np.array(self._end)
        samples = Samples(
            np.nan_to_num(value)[None], windows[None], np.array([usual / 2]), np.array([own]),
            np.ones(len(value)), np.array(self._start), ends, np.array(self._first, np.int64),
        )  # fmt: skip
        self._dips = find_dips(samples, self.dispersion)

    def _pair_up(self) -> None:
        """Halve the resolution of all but the newest samples."""
        old = len(self._value) // 4 * 2
        pairs = range(0, old, 2)
        value = [_mean(self._value[i : i + 2]) for i in pairs]
        halves = [0.5 if math.isfinite(sum(self._value[i : i + 2])) else 1.0 for i in pairs]
        signal = [h * _mean(self._signal[i : i + 2]) for i, h in zip(pairs, halves, strict=True)]
        noise = [h * _mean(self._noise[i : i + 2]) for i, h in zip(pairs, halves, strict=True)]
        self._value[:old], self._signal[:old], self._noise[:old] = value, signal, noise
        self._first[:old] = self._first[0:old:2]
        self._start[:old] = self._start[0:old:2]
        self._end[:old] = self._end[1:old:2]
        self.look_for_dips()


def _mean(values: list[float]) -> float:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else math.nan
