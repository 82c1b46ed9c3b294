"""Powder rings in the counts of a pattern along the radius: Gaussians on a smooth background.

All rings are fitted at once with the background, cubic splines whose knots lie further apart than
any ring is wide, by weighted least squares; that is linear but for places and widths, which take
steps of Gauss and Newton. Whether there is one more ring is asked by the score of a Gaussian beside
all that is fitted already [1]_: rings that overlap are told apart, and the background that they
share with it is taken out of what is known of each.

References
----------
.. [1] Rao, C. R. Math. Proc. Cambridge Philos. Soc. 44, 50-57 (1948).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from napari_beamwatch.spectra.rings.finding import WIDTHS

Floats = NDArray[np.float64]

KNOTS = 12.0
"""Steps of the radius between knots of the background."""

NARROWEST, WIDEST = 0.6, 3.6
"""Steps between which the standard deviation of a ring lies: a third of the way between knots."""

MISFIT, RING_MISFIT = 0.02, 0.05
"""Parts of the background and of the rings in it that the model may be wrong by anywhere."""

STEPS = 5
"""Of Gauss and Newton."""

RIDGE = 1e-9
"""Added to the normal matrix, whose diagonal is 1."""

STRIDES = (0.7, 0.3)
"""Steps of the radius, and of the standard deviation, that one of them goes at most."""


@dataclass(frozen=True, eq=False)
class Profile:
    """Counts along the radius.

    Attributes
    ----------
    radius : array of float64
        In steps, ascending, one apart.
    mean : array of float64
        Counts per pixel.
    variance : array of float64
        Of each, if it is as its neighbours are.
    """

    radius: Floats
    mean: Floats
    variance: Floats

    @classmethod
    def of(cls, counts: Floats, pixels: Floats, used: NDArray[np.bool_], spread: float) -> Profile:
        """Of sums over radii; `spread` is the variance over the mean of counts."""
        radius, counts, pixels = np.flatnonzero(used).astype(np.float64), counts[used], pixels[used]
        # Neighbours tell how a value spreads: by its own counts, low ones would seem surer.
        level = np.convolve(np.pad(counts / pixels, 2, mode="edge"), np.ones(5) / 5, "valid")
        variance = spread * (np.maximum(level, 0) * pixels + spread) / pixels**2
        return cls(radius, counts / pixels, variance)


@dataclass(frozen=True, eq=False)
class Lines:
    """Rings along the radius: where, how wide, how high; in steps and counts per pixel."""

    middle: Floats
    sigma: Floats
    height: Floats

    @classmethod
    def none(cls) -> Lines:
        """No rings."""
        return cls(np.empty(0), np.empty(0), np.empty(0))

    def __len__(self) -> int:
        return len(self.middle)

    def with_one(self, middle: float, sigma: float) -> Lines:
        """One more, its height not known."""
        return Lines(
            np.append(self.middle, middle), np.append(self.sigma, sigma), np.append(self.height, 0)
        )

    def taken(self, which: NDArray[np.bool_]) -> Lines:
        """Some of them."""
        return Lines(self.middle[which], self.sigma[which], self.height[which])

    def shapes(self, radius: Floats) -> Floats:
        """Gaussians of height 1: (radius, ring)."""
        x = (radius[:, None] - self.middle) / self.sigma
        return np.asarray(np.exp(-(x**2) / 2), np.float64)

    def slopes(self, radius: Floats) -> Floats:
        """Of those, if they move outwards by a step: (radius, ring)."""
        x = (radius[:, None] - self.middle) / self.sigma
        return np.asarray(self.shapes(radius) * x / self.sigma, np.float64)

    def electrons(self, step: int) -> Floats:
        """All that each holds for every count per pixel of its height; `step` in pixels."""
        round_it = 2 * np.pi * self.middle * step
        return np.asarray(round_it * np.sqrt(2 * np.pi) * self.sigma * step, np.float64)


def background(radius: Floats) -> Floats:
    """Splines of the background: (radius, spline)."""
    inner = np.linspace(radius[0], radius[-1], max(2, round(np.ptp(radius) / KNOTS) + 1))
    knots = np.concatenate([[inner[0]] * 3, inner, [inner[-1]] * 3])
    return np.asarray(BSpline.design_matrix(radius, knots, 3).toarray(), np.float64)


@dataclass(frozen=True, eq=False)
class Fit:
    """Rings and background of a profile.

    Attributes
    ----------
    lines : Lines
    covariance : array (3, ring)
        Variances of middle, sigma and height.
    level, model : array
        Background; background and rings.
    """

    lines: Lines
    covariance: Floats
    level: Floats
    model: Floats


def fit(profile: Profile, lines: Lines, smooth: Floats, steps: int = STEPS) -> Fit:
    """Fit rings and background.

    Parameters
    ----------
    profile : Profile
    lines : Lines
        Where to begin.
    smooth : array (radius, spline)
    steps : int
        0 leaves the rings where they are and as wide as they are.
    """
    count, x = len(lines), profile.radius
    middle, sigma = lines.middle.copy(), lines.sigma.copy()
    weight = 1 / np.sqrt(profile.variance)
    for step in range(steps + 1):
        now = Lines(middle, sigma, np.ones(count))
        shape, slope = now.shapes(x), now.slopes(x)
        parts = [shape, smooth]
        if steps:
            wider = slope * (x[:, None] - middle) / sigma
            parts = [shape, slope, wider, smooth]
        design = np.hstack(parts)
        scaled = design * weight[:, None]
        size = np.maximum(np.sqrt((scaled**2).sum(axis=0)), 1e-300)
        scaled = scaled / size
        # A ring too many, or one on another, must not make the others unknown.
        normal = np.linalg.inv(scaled.T @ scaled + RIDGE * np.eye(scaled.shape[1]))
        solution = normal @ (scaled.T @ (profile.mean * weight)) / size
        height = solution[:count]
        if step == steps:
            break
        safe = np.where(height > 0, height, np.inf)
        middle = middle + np.clip(solution[count : 2 * count] / safe, -STRIDES[0], STRIDES[0])
        wider_by = np.clip(solution[2 * count : 3 * count] / safe, -STRIDES[1], STRIDES[1])
        sigma = np.clip(sigma + wider_by, NARROWEST, WIDEST)
    own = np.diag(normal) / size**2
    safe = np.maximum(np.abs(height), 1e-300)
    nothing = np.zeros(count)
    told = [own[count * i : count * (i + 1)] / safe**2 if steps else nothing for i in (1, 2)]
    lines = Lines(middle, sigma, height)
    level = smooth @ solution[len(solution) - smooth.shape[1] :]
    return Fit(lines, np.stack([*told, own[:count]]), level, level + lines.shapes(x) @ height)


def misfit(fitted: Fit) -> Floats:
    """By how much a fit may be wrong at each radius, in counts per pixel.

    Of strong rings the shape is not known to the last electron, nor is that of the background.
    """
    rings = np.abs(fitted.model - fitted.level)
    return np.asarray(np.hypot(MISFIT * fitted.level, RING_MISFIT * rings), np.float64)


def one_more(
    profile: Profile, fitted: Fit, smooth: Floats, open_to: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """The ring that is missing most: its standard errors, where, and how wide.

    Asked of Gaussians of a few widths at every radius that is open to one.
    """
    x = profile.radius
    weight = 1 / np.sqrt(profile.variance + misfit(fitted) ** 2)
    known = np.linalg.qr(np.hstack([fitted.lines.shapes(x), smooth]) * weight[:, None])[0]
    left = (profile.mean - fitted.model) * weight
    best = (0.0, float(x[0]), WIDTHS[0])
    for width in WIDTHS:
        shapes = Lines(x, np.full(len(x), width), x).shapes(x) * weight[:, None]
        beside = shapes - known @ (known.T @ shapes)
        size = np.sqrt((beside**2).sum(axis=0))
        z = (left @ beside) / np.maximum(size, 1e-12)
        z[size < 0.1 * np.sqrt((shapes**2).sum(axis=0))] = 0  # nothing of it is its own
        z[~open_to] = 0
        at = int(np.argmax(z))
        if z[at] > best[0]:
            best = (float(z[at]), float(x[at]), width)
    return best
