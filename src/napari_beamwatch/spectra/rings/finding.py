"""Finding rings: at which frequency, how wide, how strong, at a stated false-alarm rate.

Radial power over the smooth background and Thon rings under it (`background`) is compared with
its standard error, averaged over widths from that of the taper on. There is a ring where such a
value passes what noise passes anywhere in all segments, radii and widths with probability α. It is
the median over twelve sectors that is looked at: the spots of a crystal or two move it little.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit

from napari_beamwatch.spectra.peaks import FWHM
from napari_beamwatch.spectra.rings.background import (
    FEWEST_RADII,
    MISFIT,
    Shapes,
    defocus_steps,
    fitted,
    noise_level,
    search_thon,
)
from napari_beamwatch.spectra.rings.radial import SECTORS, RadialPower, tied

Floats = NDArray[np.float64]

TAPER_SIGMA = 0.65
"""Standard deviation in bins of a line's radial power under a Hann taper and rings of one bin."""

WIDTHS = (0.8, 1.6, 3.2)
"""Standard deviations in bins of the Gaussians that are looked for."""

BROAD = 0.15
"""Full width over frequency from which a ring is a halo: a coherence of 12 Å at d = 2 Å."""

LOWEST = 6.0
"""Bins from the centre at which the first ring can be told from the background."""

MOST_RINGS = 8
"""Of a segment."""


@dataclass(frozen=True)
class Ring:
    """A powder ring or a halo.

    Attributes
    ----------
    k, k_se : float
        Frequency and its standard error, in cycles per pixel.
    width, width_se : float
        Full width at half maximum beyond that of the taper, in cycles per pixel.
    intensity, intensity_se : float
        Mean square contrast of the ring where it is strongest.
    segment : int
        Segment of time in which it is strongest.
    seen : tuple of bool
        In which segments it is found.
    significance : float
        Standard errors above the background there, as it was found.
    broad : bool
        A halo.
    """

    k: float
    k_se: float
    width: float
    width_se: float
    intensity: float
    intensity_se: float
    segment: int
    seen: tuple[bool, ...]
    significance: float
    broad: bool

    def d_px(self) -> tuple[float, float]:
        """Spacing in pixels, and its standard error; times the pixel size it is in Å."""
        return 1 / self.k, self.k_se / self.k**2

    def finer(self, by: int) -> Ring:
        """The same in pixels of which `by` a side make up one of those it was told in."""
        return replace(
            self,
            k=self.k / by,
            k_se=self.k_se / by,
            width=self.width / by,
            width_se=self.width_se / by,
        )

    @property
    def sigma(self) -> float:
        """Standard deviation of the Gaussian it is beyond the taper, in cycles per pixel."""
        return float(self.width / FWHM)


def find_rings(
    segments: Sequence[RadialPower], alpha: float, *, single_counts: bool
) -> tuple[Ring, ...]:
    """Rings in the radial power of segments of time, strongest first.

    Parameters
    ----------
    segments : sequence of RadialPower
        Of one size of window; those without counts hold none.
    alpha : float
        Chance of one or more false rings in all.
    single_counts : bool
        The noise is that of single counts: 1.

    Returns
    -------
    tuple of Ring
    """
    lit = [i for i, segment in enumerate(segments) if segment.mean > 0]
    if not lit:
        return ()
    limit = threshold(segments[lit[0]].power.shape[1] * len(lit), alpha)
    over = {i: _Seen.of(segments[i], single_counts=single_counts) for i in lit}
    lit = [i for i in lit if len(over[i].k) >= FEWEST_RADII]
    if not lit:
        return ()
    over = {i: over[i] for i in lit}
    thon = _thon_steps(list(over.values()), segments[lit[0]].window)
    found = [
        (i, line, significance)
        for i in lit
        for line, significance in rings_of(over[i], thon, limit)
    ]
    rings: list[Ring] = []
    for i, line, significance in sorted(found, key=lambda each: -each[2]):
        window = segments[i].window
        near = [r for r, ring in enumerate(rings) if _same(ring, line, window)]
        if near:
            ring = rings[near[0]]
            seen = tuple(s or j == i for j, s in enumerate(ring.seen))
            rings[near[0]] = Ring(**{**vars(ring), "seen": seen})
            continue
        rings.append(_ring(line, window, i, len(segments), significance, segments[i].mean))
    return tuple(rings)


def threshold(radii: int, alpha: float) -> float:
    """Standard errors that noise alone passes anywhere with probability `alpha` at most.

    Noise under a Gaussian of standard deviation s passes upwards through z on average
    exp(-z²/2) / (2π √2 s) times in one radius [1]_.

    Parameters
    ----------
    radii : int
        That are looked at, in all segments together.
    alpha : float

    References
    ----------
    .. [1] Rice, S. O. Bell Syst. Tech. J. 24, 46-156 (1945).
    """
    passes = sum(radii / (2 * np.pi * np.sqrt(2) * width) for width in WIDTHS)
    return float(np.sqrt(2 * np.log(max(passes / alpha, 2.0))))


@dataclass(frozen=True, eq=False)
class Line:
    """A Gaussian, in bins; height over the power of single counts."""

    middle: float
    sigma: float
    height: float
    covariance: Floats

    def times(self, scale: float) -> Line:
        """The same, higher by a factor."""
        by = np.array([1.0, 1.0, scale])
        return Line(
            self.middle, self.sigma, self.height * scale, self.covariance * np.outer(by, by)
        )


@dataclass(frozen=True, eq=False)
class _Seen:
    """What is looked at of a segment, where the median over sectors is known.

    Attributes
    ----------
    segment : RadialPower
        Over its noise.
    colour : array
        The noise.
    floor_known : bool
        The noise was known or measured.
    k, median, se : array
        Frequency in cycles per pixel, median over sectors, and its standard error.
    """

    segment: RadialPower
    colour: Floats
    floor_known: bool
    k: Floats
    median: Floats
    se: Floats

    @classmethod
    def of(cls, segment: RadialPower, *, single_counts: bool) -> _Seen:
        noise = np.ones_like(segment.power) if single_counts else noise_level(segment)
        over = replace(segment, power=segment.power / noise, noise=segment.noise / noise)
        k, median, se = sector_median(over)
        colour = noise.mean(axis=0)[np.isin(segment.k, k)]
        known = single_counts or bool(np.isfinite(segment.noise).any())
        return cls(over, colour, known, k, median, se)


def _thon_steps(seen: Sequence[_Seen], window: int) -> Floats | None:
    """Values of λ·Δf around that of the Thon rings in all segments, or None where none are."""
    same = [each for each in seen if np.array_equal(each.k, seen[0].k)]
    weight = np.stack([1 / each.se**2 for each in same])
    total = weight.sum(axis=0)
    mean = (weight * np.stack([each.median for each in same])).sum(axis=0) / total
    steps = defocus_steps(window)
    thon = search_thon(seen[0].k, mean, 1 / np.sqrt(total), steps, plain_phase)
    if thon.chance > THON_CHANCE:
        return None
    near: Floats = steps[np.abs(steps - thon.step) <= max(3.0, THON_REACH * thon.step)]
    return near


def rings_of(seen: _Seen, thon: Floats | None, limit: float) -> list[tuple[Line, float]]:
    """Rings of one segment, each with its significance.

    Parameters
    ----------
    seen : _Seen
    thon : array or None
        Values of λ·Δf in square pixels, one of which is that of its Thon rings.
    limit : float
        Least significance.
    """
    segment, k, se = seen.segment, seen.k, seen.se
    kept = np.isin(segment.k, k)
    around, _, bins = (values[kept] for values in segment.around())
    level = background_of(k, seen.median, se, thon)
    # The model may be wrong by a part of what is above the noise.
    slack = MISFIT * np.maximum(level - (1.0 if seen.floor_known else level.min()), 0)
    scale = np.sqrt(se**2 + slack**2)
    mean_se = np.hypot(around / np.sqrt(bins), slack)
    radius = k * segment.window
    found: list[tuple[Line, float]] = []
    left = seen.median - level
    for _ in range(MOST_RINGS):
        z, at, width = _highest(left, scale, radius)
        if z < limit:
            break
        line = fit_line(radius, around - level, mean_se, radius[at], width)
        if line is not None:
            parts = [segment.around(sector)[0][kept] for sector in range(SECTORS)]
            line = _uneven(
                line, [fit_line(radius, p - level, mean_se, radius[at], width) for p in parts]
            )
            found.append((line.times(float(np.interp(line.middle, radius, seen.colour))), z))
        reach = 2.0 * (line.sigma if line is not None else width) + 1.5
        left = np.where(np.abs(radius - radius[at]) < reach, np.minimum(left, 0), left)
    return found


def sector_median(segment: RadialPower) -> tuple[Floats, Floats, Floats]:
    """Frequency, median over sectors of the mean power, and its standard error.

    Only radii with bins in at least half of the sectors, and with power: a picture made by no
    electrons, such as one of stripes, has none at most of them.
    """
    known = segment.bins > 0.5
    power = np.where(known, segment.power, 0.0)
    used = (known.sum(axis=0) >= SECTORS // 2) & (segment.k * segment.window > LOWEST - 2)
    used &= (power > 0).sum(axis=0) > known.sum(axis=0) // 2  # so that the median is above 0
    power = np.where(known, power, np.nan)[:, used]
    bins = np.where(known, segment.bins, np.nan)[:, used]
    each = np.nanmean(bins, axis=0)
    # The median of a Gamma law of shape n is 1 − 1/3n of its mean.
    median = np.nanmedian(power, axis=0) / (1 - 1 / (3 * np.maximum(each, 1)))
    spread = _median_spread(SECTORS) * np.sqrt(SECTORS / known[:, used].sum(axis=0))
    return segment.k[used], median, median * spread / np.sqrt(each)


@cache
def _median_spread(count: int) -> float:
    """Standard deviation of the median of that many normal numbers of unit variance."""
    draws = np.random.default_rng(0).normal(size=(20_000, count))
    return float(np.median(draws, axis=1).std())


def background_of(k: Floats, power: Floats, se: Floats, thon: Floats | None) -> Floats:
    """Smooth radial power, with the Thon rings of one of some values of λ·Δf."""
    shapes = Shapes(k)
    if thon is None:
        return fitted(shapes.smooth, power, se).level
    fits = [fitted(shapes.with_thon(plain_phase(k, step)), power, se) for step in thon]
    return min(fits, key=lambda fit: fit.residual).level


THON_CHANCE = 1e-3
"""Chance of Thon rings where there are none, when only the background depends on it."""

THON_REACH = 0.15
"""Part by which the defocus of a segment may differ from that of all."""


def plain_phase(k: Floats, step: float) -> Floats:
    """χ without spherical aberration, of k in cycles a pixel and λ·Δf in square pixels."""
    return np.asarray(np.pi * step * k**2, np.float64)


def _highest(left: Floats, scale: Floats, radius: Floats) -> tuple[float, int, float]:
    """Highest weighted mean over Gaussians in its standard errors, where, and the width."""
    best = (0.0, 0, WIDTHS[0])
    covariance = tied(scale**2)
    for width in WIDTHS:
        shape = np.exp(-(((radius[:, None] - radius[None, :]) / width) ** 2) / 2)
        weights = shape / scale**2
        spread = np.sqrt(((weights @ covariance) * weights).sum(axis=1))
        z = (weights @ left) / spread
        z[radius < LOWEST] = 0
        at = int(np.argmax(z))
        if z[at] > best[0]:
            best = (float(z[at]), at, width)
    return best


def _uneven(line: Line, parts: Sequence[Line | None]) -> Line:
    """The line with errors that hold what sectors differ by: few grains make no even ring.

    Parameters
    ----------
    line : Line
    parts : sequence of Line
        The same without one sector each (jackknife).
    """
    known = [part for part in parts if part is not None]
    if len(known) < SECTORS // 2:
        return line
    values = np.array([[part.middle, part.sigma, part.height] for part in known])
    variance = (len(known) - 1) * values.var(axis=0)
    own = np.maximum(np.diag(line.covariance), 1e-12)
    ratio = np.sqrt(np.maximum(variance / own, 1))
    return Line(line.middle, line.sigma, line.height, line.covariance * np.outer(ratio, ratio))


def gaussian(x: Floats, middle: float, sigma: float, height: float) -> Floats:
    """A Gaussian."""
    return np.asarray(height * np.exp(-(((x - middle) / sigma) ** 2) / 2), np.float64)


def fit_line(radius: Floats, power: Floats, se: Floats, middle: float, width: float) -> Line | None:
    """Least squares of a Gaussian on a slope, or None where there is none to be fitted."""
    near = np.abs(radius - middle) < max(3.0 * width, 3.0) + 1.5
    if near.sum() < 7:
        return None

    def sloping(
        x: Floats, middle: float, sigma: float, height: float, level: float, slope: float
    ) -> Floats:
        return gaussian(x, middle, sigma, height) + level + slope * (x - start[0])

    x, y, error = radius[near], power[near], se[near]
    lower = [middle - 2 - width, TAPER_SIGMA * 0.8, 0.0, -np.inf, -np.inf]
    upper = [middle + 2 + width, max(6.0, 2.5 * width), np.inf, np.inf, np.inf]
    start = [middle, max(width, TAPER_SIGMA), max(float(y.max()), 1e-6), 0.0, 0.0]
    try:
        # Without limits it is ten times faster, and seldom goes beyond them.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OptimizeWarning)  # then the covariance is infinite
            best, covariance = curve_fit(sloping, x, y, start, error, absolute_sigma=True)
        if not ((lower <= best) & (best <= upper)).all() or not np.isfinite(covariance).all():
            best, covariance = curve_fit(
                sloping, x, y, start, error, absolute_sigma=True, bounds=(lower, upper)
            )
    except RuntimeError:  # no convergence
        return None
    excess = float((((y - sloping(x, *best)) / error) ** 2).sum() / max(1, near.sum() - 5))
    # A ring of few grains is no Gaussian: its errors grow with what the fit leaves.
    middle, sigma, height = (float(value) for value in best[:3])
    return Line(middle, sigma, height, covariance[:3, :3] * max(1.0, excess))


def _ring(
    line: Line, window: int, segment: int, segments: int, significance: float, mean: float
) -> Ring:
    beyond = float(np.sqrt(max(line.sigma**2 - TAPER_SIGMA**2, 0.0)))
    width = FWHM * beyond / window
    sigma_se = float(np.sqrt(line.covariance[1, 1]))
    width_se = FWHM * sigma_se * line.sigma / max(beyond, sigma_se) / window
    middle = line.middle / window
    area = line.height * line.sigma
    sensitive = np.array([0.0, line.height, line.sigma])
    area_se = float(np.sqrt(sensitive @ line.covariance @ sensitive))
    scale = contrast_of_area(line.middle, window, mean)
    return Ring(
        k=middle,
        k_se=float(np.sqrt(line.covariance[0, 0])) / window,
        width=width,
        width_se=width_se,
        intensity=area * scale,
        intensity_se=area_se * scale,
        segment=segment,
        seen=tuple(i == segment for i in range(segments)),
        significance=significance,
        broad=bool(width - width_se > BROAD * middle),
    )


def contrast_of_area(radius: float, window: int, mean: float) -> float:
    """Mean square contrast per height × sigma of a ring of the power over single counts.

    By Parseval's theorem the mean square contrast is the sum of power over single counts over
    all bins of the plane, over the counts of a window [1]_.

    References
    ----------
    .. [1] Saxton, W. O. Scanning Microsc. 11, 257 (1997).
    """
    return float(2 * np.pi * radius * np.sqrt(2 * np.pi) / (mean * window**2))


def _same(ring: Ring, line: Line, window: int) -> bool:
    apart = abs(ring.k * window - line.middle)
    return apart < 1.0 + 0.5 * max(line.sigma, ring.sigma * window)
