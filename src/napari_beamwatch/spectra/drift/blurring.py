"""How much a texture was blurred: a Gaussian of σ pixels leaves exp(-4π²σ²k²) of its power."""

from __future__ import annotations

import math

import numpy as np

from napari_beamwatch.spectra.drift.arrays import Floats

STEPS = 12
"""Of the fit, each no longer than what damps the texture to 1/e."""


def blur_of(
    before: Floats, after: Floats, mean: Floats, va: Floats, vb: Floats, k2: Floats
) -> tuple[float, float]:
    """Rate q of ``after = exp(-q k²) before`` and its standard error, by weighted squares.

    Parameters
    ----------
    before, after : array
        Power of each coefficient, without bias.
    mean : array
        Of both, smoothed.
    va, vb : array
        Variances of the noise in either.
    k2 : array
        |k|² in cycles² per pixel².
    """
    rate, error = 0.0, math.inf
    step = float(mean.sum()) / max(float(mean @ k2), 1e-300)
    for _ in range(STEPS):
        left = np.exp(-rate * k2)
        power = 2 * mean / (1 + left)
        variance = vb**2 + 2 * power * left * vb + left**2 * (va**2 + 2 * power * va)
        slope = -k2 * left * power
        known = float(slope**2 @ (1 / variance))
        if not known > 0:
            break
        pull = float(slope @ ((after - left * before) / variance)) / known
        rate = min(max(rate + min(max(pull, -step), step), -step), STEPS * step)
        error = known**-0.5
    return rate, error
