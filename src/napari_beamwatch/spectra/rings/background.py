"""What lies under rings: the smooth radial power, and the Thon rings in it.

The model is ``N(k) + A(k) sin² χ(k)`` with smooth N and A, positive splines over log k: amorphous
matter under a lens shows A sin² χ [1]_, and noise, other layers and what does not interfere fill
its zeros. For a given χ it is linear. What stands above it, rings, weighs less and less.

References
----------
.. [1] Thon, F. Z. Naturforsch. 21a, 476-478 (1966).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline
from scipy.optimize import nnls
from scipy.stats import f as fisher

from napari_beamwatch.spectra.rings.radial import RadialPower, radial_bins

Floats = NDArray[np.float64]

SMOOTH = 7
"""Coefficients of N: one every factor of 2.4 in k, wider than any ring."""

MODULATED = 6
"""Coefficients of A."""

FEWEST_RADII = SMOOTH + MODULATED + 1
"""Below so many, the lattice or a detector has taken the rest, nothing is told of a background."""

DAMPED = 2.0
"""Standard errors above the background from which a value weighs less."""

ROUNDS = 12

STRIKING = 4.0
RING_REACH = 3
"""The place that stands out most, if by so many standard errors, is left out, with so many radii
on either side, before Thon rings are looked for."""

COLOURED = 10
"""Coefficients along k of the logarithm of a noise that is not that of single counts."""

MISFIT = 0.03
"""Part of what is above the floor by which the model may be wrong anywhere."""

RESOLVED = 4.0
"""Radii from one Thon ring to the next that a taper leaves apart."""

INNERMOST = 0.1
"""Cycles per pixel at which they must be resolved for a defocus to be looked for."""


@dataclass(frozen=True, eq=False)
class Background:
    """A fit of the radial power.

    Attributes
    ----------
    level : array of float64
        The model at each radius.
    residual : float
        Weighted sum of squares that it leaves.
    weight : array of float64
        Of each radius, one over the variance, less where something stands above.
    """

    level: Floats
    residual: float
    weight: Floats


def splines(k: Floats, count: int) -> Floats:
    """Cubic splines over log k: (radius, spline)."""
    x = np.log(k)
    inner = np.linspace(x[0], x[-1], count - 2)
    knots = np.concatenate([[x[0]] * 3, inner, [x[-1]] * 3])
    return np.asarray(BSpline.design_matrix(x, knots, 3).toarray(), np.float64)


@dataclass(frozen=True, eq=False)
class Shapes:
    """Functions of k that the model adds up.

    Attributes
    ----------
    k : array
        Of any unit.
    """

    k: Floats

    @cached_property
    def smooth(self) -> Floats:
        """Splines of N."""
        return splines(self.k, SMOOTH)

    @cached_property
    def modulated(self) -> Floats:
        """Splines of A."""
        return splines(self.k, MODULATED)

    def with_thon(self, phase: Floats) -> Floats:
        """All of them, where χ is `phase` at each k."""
        return np.hstack([self.smooth, np.sin(phase)[:, None] ** 2 * self.modulated])


def fitted(design: Floats, power: Floats, se: Floats) -> Background:
    """Robust fit of a linear model: what stands above it weighs less."""
    weight = 1 / se**2
    level = power
    for _ in range(ROUNDS):
        root = np.sqrt(weight)
        level = design @ nnls(design * root[:, None], power * root)[0]
        above = np.maximum((power - level) / se / DAMPED, 1)
        weight = 1 / (se * above**2) ** 2
    return Background(level, float((weight * (power - level) ** 2).sum()), weight)


def noise_level(power: RadialPower) -> Floats:
    """Smooth level (sector, radius) of a noise that was measured; 1 where it was not.

    Its logarithm is a sum of splines of k and of waves around the centre that grow with k: drawn
    electrons and pixels are square.
    """
    known = (power.bins > 0) & (np.nan_to_num(power.noise) > 0)
    if not known.any():
        return np.ones_like(power.power)
    bins = radial_bins(power.window)
    k = 2 * bins.k_of_cells / power.window
    angle = np.broadcast_to(np.radians(bins.angles)[:, None], k.shape)[known]
    reach = k[known]
    low, high = reach.min(), reach.max()
    knots = np.concatenate([[low] * 3, np.linspace(low, high, COLOURED - 2), [high] * 3])
    waves = [np.cos(2 * angle), np.sin(2 * angle), np.cos(4 * angle), np.sin(4 * angle)]
    around = [wave * reach**order for wave in waves for order in (2, 4, 6)]
    along = BSpline.design_matrix(reach, knots, 3).toarray()
    design = np.hstack([along, np.stack(around, axis=1)])
    root = np.sqrt(power.bins[known])
    # The mean of the logarithm of a Gamma law of shape n is about 1/2n below its logarithm.
    log = np.log(power.noise[known]) + 0.5 / np.maximum(power.bins[known], 1)
    scaled = design * root[:, None]
    solution = np.linalg.solve(scaled.T @ scaled, scaled.T @ (log * root))
    level = np.ones_like(power.power)
    level[known] = np.exp(design @ solution)
    return level


def defocus_steps(window: int) -> Floats:
    """Values of λ·Δf, in square pixels, at which Thon rings are looked for.

    From the first zero at Nyquist's limit on, in steps of a quarter of a ring there, up to where
    the taper would smear them.
    """
    most = window / (2 * RESOLVED * INNERMOST)
    return np.arange(4.0, max(most, 5.0), 1.0)


@dataclass(frozen=True, eq=False)
class ThonSearch:
    """Thon rings in one profile.

    Attributes
    ----------
    step : float
        λ·Δf that fits best, in square pixels.
    chance : float
        Of as good a fit anywhere without any Thon rings.
    """

    step: float
    chance: float


def search_thon(
    k: Floats,
    power: Floats,
    se: Floats,
    steps: Floats,
    phase: Callable[[Floats, float], Floats],
) -> ThonSearch:
    """The defocus whose Thon rings explain most, and the chance that there are none.

    The improvement is judged against what the better model leaves (an F ratio), so that a
    spectrum that is smooth in another way than splines does not make Thon rings. What stands out
    in one narrow place is left out: it may be a powder ring.

    Parameters
    ----------
    k : array
        Cycles per pixel.
    power, se : array
        Above the noise.
    steps : array
        λ·Δf in square pixels.
    phase : callable
        χ of k and λ·Δf.
    """
    weight = 1 / se
    shapes = Shapes(k)
    smooth = shapes.smooth
    scaled = smooth * weight[:, None]
    over = power * weight - scaled @ nnls(scaled, power * weight)[0]
    at = int(np.argmax(over))
    if over[at] > STRIKING:
        weight = np.where(np.abs(np.arange(len(k)) - at) <= RING_REACH, 0.0, weight)
    left = np.array([_left(shapes.with_thon(phase(k, step)), power, weight) for step in steps])
    alone = _left(smooth, power, weight)
    best = int(np.argmin(left))
    free = int((weight > 0).sum()) - SMOOTH - MODULATED
    if free < 1:  # with as many terms as radii every step fits
        return ThonSearch(float(steps[best]), 1.0)
    # The taper ties radii together: half as many are independent as there are.
    ratio = (alone - left[best]) / MODULATED / (max(left[best], free) / free)
    chance = fisher.sf(ratio, MODULATED, free / 2) * len(steps)
    return ThonSearch(float(steps[best]), float(min(1.0, chance)))


def _left(design: Floats, power: Floats, weight: Floats) -> float:
    """Weighted sum of squares that a linear model leaves."""
    return float(nnls(design * weight[:, None], power * weight)[1] ** 2)
