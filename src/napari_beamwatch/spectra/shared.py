"""Spots that windows share and none shows.

A superstructure, or a faint lattice beneath another, may be in every window of the field and in
none of them above the threshold of a single one. The mean over n windows scatters by 1 / √n of the
floor: what a hundred windows share shows from a tenth of that power on. The power of each is cut
off first, since what a few show is theirs and found there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, uniform_filter

from napari_beamwatch.spectra.block_transform import BlockTransform, offset_error
from napari_beamwatch.spectra.floor import CUT, QUARTILE, cut_mean, half_plane
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.peaks import MAIN_LOBE, SIDE_LOBES, SPREAD, summit
from napari_beamwatch.spectra.windows import Floats32, Grid, Taper

Floats = NDArray[np.float64]

AROUND = 5
"""Bins to each side whose median is what a peak of the mean stands on: the lobes of strong spots,
and what the floor misses."""

OFF_AXIS = 0.75
"""Bins from an axis up to which nothing is looked for: there lie the readout of the detector, seams
and the edges of what stands upright, in many windows alike."""

FAINT_LOBES = 0.05
"""Power over the floor up to which the lobes of a spot's taper do not count."""

FAINT_SIDE = 0.02
"""Part of a peak's signal that the bins beside it have at least, where noise takes it away."""

SHARED = 0.5
"""Part of the windows that share a spot, at least. At the border of a grain that has fewer, windows
hold a part of it, and are not to be counted to it."""

AT_A_TIME = 16
"""Peaks whose power in all windows is worked out together: what that takes grows with them."""

ROUNDS = 20
"""In which it is settled which windows have their part of a spot."""


@dataclass(frozen=True, eq=False)
class InCommon:
    """What windows have in common.

    Attributes
    ----------
    grid : Grid
    windows : array of int64
        Those that were looked at, ascending.
    mean : array of float64 (rows, columns)
        Mean over them of power over floor, cut off at `CUT`.
    floor : array of float32 (rows, columns)
        Over the power of single counts.
    lines : array of float64 (windows, 2)
        Level and slope of each one's own floor over that, see `peaks_of_windows`.
    limits : array of float32 (rows, columns)
        Power over the floor from which a window shows a spot; infinite where that is not known.
    """

    grid: Grid
    windows: NDArray[np.int64]
    mean: Floats
    floor: Floats32
    lines: Floats
    limits: Floats32

    def peaks(self, image: Floats32, own: Floats) -> Floats:
        """Peaks that most windows share, a row for each window that does not show it by itself.

        Parameters
        ----------
        image : array
            What the windows were cut from.
        own : array
            Rows of their own peaks, as of `finding.segment_peaks`; those returned are like them.
        """
        tops: list[_Top] = []
        for y, x in self._bins():
            top = self._top(own, y, x)
            if top is None:
                continue
            if not any(np.hypot(*np.subtract(top.g, one.g)) < MAIN_LOBE for one in tops):
                tops.append(top)
        tops = [top for top in tops if self._may_be_hidden(top)]
        found = [np.empty((0, own.shape[1]))]
        for first in range(0, len(tops), AT_A_TIME):
            some = tops[first : first + AT_A_TIME]
            found += map(self._rows, some, *self._powers(image, some))
        return np.concatenate(found)

    @property
    def _chance(self) -> float:
        """Minus the logarithm of the chance of a false spot that each look has."""
        return float(self.limits[np.isfinite(self.limits)].max(initial=0.0))

    def _independent(self, which: NDArray[np.bool_]) -> float:
        """As many windows as stand for some that overlap, at the least."""
        windows = self.windows[which]
        if not windows.size:
            return 0.0
        return self._own_part * len(windows) / overlap_factors(self.grid, windows)[0]

    @cached_property
    def _own_part(self) -> float:
        """Part of the windows whose noise is their own, by how the mean scatters over the bins.

        Of frames that repeat themselves, or whose floor is a little off, it scatters more.
        """
        mean = self.mean[self._looked]
        middle = float(np.median(mean)) if mean.size else 0.0
        if not middle > 0:
            return 0.0
        scatter = float(np.median(np.abs(mean / middle - 1))) / QUARTILE
        count = len(self.windows) / overlap_factors(self.grid, self.windows)[1]
        return min(1.0, SPREAD_OF_ONE**2 / max(scatter, 1e-12) ** 2 / count)

    @cached_property
    def _looked(self) -> NDArray[np.bool_]:
        """Bins that are looked at."""
        plane = half_plane(self.grid.window)
        looked = plane.used & np.isfinite(self.limits)
        looked &= np.abs(plane.ky)[:, None] > OFF_AXIS
        return looked & (np.arange(looked.shape[1]) > OFF_AXIS)

    def _bins(self) -> list[tuple[int, int]]:
        """Row and column of bins where the mean has a peak that chance does not explain."""
        plane = half_plane(self.grid.window)
        least = least_cut(self._independent(np.ones(len(self.windows), bool)), self._chance)
        highest = self.mean == maximum_filter(self.mean, 3, mode=("wrap", "nearest"))
        above = np.argwhere(self._looked & highest & (self.mean > least))
        used = np.where(plane.used, self.mean, np.nan)
        return [(y, x) for y, x in above.tolist()
                if self.mean[y, x] > least * max(1.0, _around(used, y, x) / MEAN)]  # fmt: skip

    def _top(self, own: Floats, y: int, x: int) -> _Top | None:
        """A peak, and which windows show it; None if what these show is not it alone."""
        plane, size = half_plane(self.grid.window), self.grid.window
        gy, gx, power = own[:, 1] * size, own[:, 2] * size, own[:, 3]
        sign = np.where(gy * plane.ky[y] + gx * x < 0, -1, 1)
        here = np.hypot(sign * gy - plane.ky[y], gx * sign - x) < MAIN_LOBE
        if here.any():
            shown = sign[here, None] * own[here, 1:3] * size
            g = np.average(shown, axis=0, weights=power[here])
            apart = np.average(((shown - g) ** 2).sum(axis=1), weights=power[here])
            if apart > SPREAD**2 or np.hypot(*(g - (plane.ky[y], x))) > 1:
                return None
        else:
            level = cut_mean(self.mean[np.ix_((y + np.arange(-1, 2)) % size, x + np.arange(-1, 2))])
            signal = np.log(np.maximum(level - 1, FAINT_SIDE * (level[1, 1] - 1)))
            g = np.array([plane.ky[y] + summit(*signal[:, 1]), x + summit(*signal[1])])
        away = np.hypot(*(sign[:, None] * own[:, 1:3] * size - g).T)
        lobes = np.maximum(SIDE_LOBES, lobes_end(self.grid.taper, power))
        showing = np.isin(self.windows, own[away < MAIN_LOBE, 0])
        hidden = ~np.isin(self.windows, own[away < lobes, 0])
        return _Top(y, x, (float(g[0]), float(g[1])), showing, hidden)

    def _may_be_hidden(self, top: _Top) -> bool:
        """Whether windows that do not show a peak can have it, by what all of them have."""
        hidden = top.hidden.sum()
        if not hidden:
            return False
        # Where spots stand the power was cut off: what is left is no less than this.
        rest = self.mean[top.y, top.x] * len(self.windows) - CUT * (~top.hidden).sum()
        return bool(rest > hidden * least_cut(self._independent(top.hidden), self._chance))

    def _powers(self, image: Floats32, tops: list[_Top]) -> tuple[Floats, Floats]:
        """Power over the floor of each window at each peak, and the floor: (peak, window)."""
        grid, count = self.grid, len(self.windows)
        g = np.array([top.g for top in tops])
        transform = BlockTransform(
            grid, np.repeat(self.windows, len(g)), *np.tile(g / grid.window, (count, 1)).T
        )
        moments, means = transform(image)
        field = moments[:, 0].reshape(count, len(g)).T.astype(np.complex128)
        scale = np.maximum(means[self.windows], 1e-12) * grid.weight_power
        level, slope = self.lines.T
        reach = np.hypot(*g.T)[:, None] / (grid.window / 2)
        floor = np.array([self.floor[top.y, top.x] for top in tops])
        floors = floor[:, None] * np.exp(level + slope * reach)
        return (field.real**2 + field.imag**2) / scale / floors, floors

    def _rows(self, top: _Top, power: Floats, floor: Floats) -> Floats:
        """Rows of the windows that have their part of a peak and do not show it."""
        have = self._having(power - 1, top.hidden | top.shown)
        mine = have & top.hidden
        rows = np.zeros((int(mine.sum()), 8))
        if have.sum() < SHARED * len(have) or not mine.any():
            return rows[:0]
        # They are known together, not each by itself: all of them have what they have on average.
        snr = float(power[mine].mean()) - 1
        if not snr > 0:
            return rows[:0]
        size = self.grid.window
        rows[:, 0], rows[:, 1], rows[:, 2] = self.windows[mine], top.g[0] / size, top.g[1] / size
        rows[:, 3], rows[:, 4] = 1 + snr, floor[mine]
        rows[:, 6], rows[:, 7] = offset_error(self.grid) * np.sqrt(1 + snr) / snr / size, 1
        return rows

    def _having(self, snr: Floats, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Windows around which there is at least half of what all of these have on average."""
        shape = self.grid.shape
        total, weight = np.zeros(shape), np.zeros(shape)
        total.flat[self.windows[known]] = snr[known]
        weight.flat[self.windows[known]] = 1.0
        around = uniform_filter(total, 3, mode="constant")
        around /= np.maximum(uniform_filter(weight, 3, mode="constant"), 1e-12)
        mean = around.ravel()[self.windows]
        have = known
        for _ in range(ROUNDS):
            now = known & (mean > mean[have].mean() / 2)
            if not now.any() or (now == have).all():
                break
            have = now
        return have


@dataclass(frozen=True, eq=False)
class _Top:
    """A peak of what windows have in common.

    Attributes
    ----------
    y, x : int
        Its bin.
    g : (gy, gx)
        Where between the bins it is highest, in bins.
    shown, hidden : array of bool (windows,)
        Which show it by themselves, and in which no spot of their own shows there.
    """

    y: int
    x: int
    g: tuple[float, float]
    shown: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


MEAN = -float(np.expm1(-CUT))
SPREAD_OF_ONE = float(np.sqrt(2 * (1 - np.exp(-CUT) * (1 + CUT)) / MEAN**2 - 1))
"""Mean of an exponential number that is cut off, and its standard deviation relative to that."""


def least_cut(count: float, chance: float) -> float:
    """Mean of exponential numbers, cut off at `CUT`, that chance does not pass; infinite if it may.

    Chernoff's bound [1]_: it is passed at most as often as is said.

    Parameters
    ----------
    count : float
        How many numbers.
    chance : float
        Minus the logarithm of the chance to pass it.

    References
    ----------
    .. [1] Chernoff, H. A measure of asymptotic efficiency for tests of a hypothesis based on the
       sum of observations. Ann. Math. Stat. 23, 493-507 (1952).
    """
    if not count * _RATES[-1] > chance:
        return np.inf
    return float(np.interp(chance / count, _RATES, _CUT_MEANS))


def _bound() -> tuple[Floats, Floats]:
    """Chernoff's exponent of a number, and the mean of many that has it."""
    tilt = np.concatenate([np.linspace(0.0, 0.99, 100), np.linspace(1.01, 12.0, 400)])
    past = np.exp(CUT * (tilt - 1))
    moment = (1 - past) / (1 - tilt) + past
    slope = (1 - past * (1 + CUT * (1 - tilt))) / (1 - tilt) ** 2 + CUT * past
    return tilt * slope / moment - np.log(moment), slope / moment


_RATES, _CUT_MEANS = _bound()


def lobes_end(taper: Taper, power: Floats) -> Floats:
    """Bins from spots of some power over the floor beyond which their lobes do not count.

    Lobes have 1 / (π k³)² of the power k bins away under a Hann taper, 1 / (4 k²)² under a cosine.
    """
    over = power / FAINT_LOBES
    if taper == "hann":
        return np.asarray((over / np.pi**2) ** (1 / 6), np.float64)
    return np.asarray((over / 16) ** (1 / 4), np.float64)


def _around(level: Floats, y: int, x: int) -> float:
    """Median around a bin; NaN where nothing is looked at."""
    rows = (y + np.arange(-AROUND, AROUND + 1)) % len(level)
    return float(np.nanmedian(level[rows, max(0, x - AROUND) : x + AROUND + 1]))
