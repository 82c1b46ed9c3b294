"""How much a texture was blurred, in each direction.

Of a Gaussian of covariance S in pixels ``exp(-4π² kᵀSk)`` of its power is left: what shakes does so
along a holder or an arm more than across it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from napari_beamwatch.spectra.drift.arrays import Floats

STEPS = 12
"""Of the fit, each no longer than what damps the texture to 1/e."""


@dataclass(frozen=True, eq=False)
class Blur:
    """Rates Q of ``exp(-kᵀQk)``, in pixels².

    Attributes
    ----------
    rates : array (3,)
        Qyy, Qxx and Qyx.
    covariance : array (3, 3)
        Of their errors.
    """

    rates: Floats
    covariance: Floats

    @cached_property
    def sure(self) -> float:
        """Standard errors by which the rate that is common to all directions is above 0."""
        even = np.linalg.solve(self.covariance, np.array([1.0, 1.0, 0.0]))
        return float(even @ self.rates / np.sqrt(even[0] + even[1]))

    @cached_property
    def sure_along(self) -> float:
        """Those of the rate in the direction of the strongest, which is chosen for that."""
        yy, xx, yx = self.rates
        values, vectors = np.linalg.eigh(np.array([[yy, yx], [yx, xx]]))
        along = terms(*vectors[:, -1])
        return float(values[-1] / np.sqrt(max(float(along @ self.covariance @ along), 1e-300)))

    def off(self, rates: Floats) -> float:
        """Squared distance of others from these, in errors."""
        away = rates - self.rates
        return float(away @ np.linalg.solve(self.covariance, away))

    def most_left(self, ky: Floats, kx: Floats, *, errors: float) -> Floats:
        """Part of the power that is left at the most, with so many errors."""
        along = terms(ky, kx)
        error = np.sqrt(np.einsum("ki,ij,kj->k", along, self.covariance, along))
        return np.asarray(np.exp(errors * error - along @ self.rates), np.float64)


def terms(y: Floats | float, x: Floats | float) -> Floats:
    """What the rates are multiplied by to give kᵀQk, the last axis."""
    y, x = np.asarray(y), np.asarray(x)
    return np.stack([y**2, x**2, 2 * y * x], axis=-1)


def blur_of(
    before: Floats, after: Floats, mean: Floats, va: Floats, vb: Floats, ky: Floats, kx: Floats
) -> Blur | None:
    """The blur by which one power became another, by weighted squares; None if nothing tells.

    Parameters
    ----------
    before, after : array
        Power of each coefficient, without bias.
    mean : array
        Of both, smoothed.
    va, vb : array
        Variances of the noise in either.
    ky, kx : array
        Cycles per pixel.
    """
    along = terms(ky, kx)
    k2 = along[:, 0] + along[:, 1]
    step = float(mean.sum()) / max(float(mean @ k2), 1e-300)
    rates, known = np.zeros(3), np.zeros((3, 3))
    for _ in range(STEPS):
        left = np.exp(-np.clip(along @ rates, -1.0, STEPS))
        power = 2 * mean / (1 + left)
        variance = vb**2 + 2 * power * left * vb + left**2 * (va**2 + 2 * power * va)
        slope = -along * (left * power)[:, None]
        known = slope.T @ (slope / variance[:, None])
        if not np.linalg.cond(known) < 1e12:
            return None
        pull = np.linalg.solve(known, slope.T @ ((after - left * before) / variance))
        rates = np.clip(rates + np.clip(pull, -step, step), -STEPS * step, STEPS * step)
    return Blur(rates, np.asarray(np.linalg.inv(known), np.float64))
