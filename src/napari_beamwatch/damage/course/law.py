"""How a measured lattice power spreads: a scaled noncentral χ² in every frame.

The Fourier coefficient of one window at a spot is a phasor of power s in a complex Gaussian of unit
power, so that ``2·P/floor`` is noncentral χ² with 2 degrees of freedom and noncentrality 2s. The
mean over K windows that overlap has the variance ``(2·s·in_phase + own) / K``; it is taken as
``c·χ²_ν(λ)`` with

    f = (2·s·in_phase + own) / (1 + 2·s),    ν = 2K/f,    λ = 2K·s/f,    c = f/(2K),

which has that variance and the mean ``1 + s`` at every s, and is exact for windows that do not
overlap [1]_. The density needs the modified Bessel function, here by Debye's expansion, uniform in
its argument, at a high order and the recurrence down from there [2]_.

References
----------
.. [1] J. W. Goodman, Statistical Optics, 2nd ed., Wiley 2015, section 2.9.
.. [2] NIST Digital Library of Mathematical Functions, sections 10.29 and 10.41.
"""

from __future__ import annotations

import math

from napari_beamwatch.compiling import kernel

HIGH_ORDER = 9.0
"""Order from which four terms of Debye's expansion are good to 1e-7."""

SMALLEST_POWER = 1e-9
"""Power over the floor below which a measured one is taken as this."""


@kernel()
def log_density(y: float, s: float, windows: float, in_phase: float, own: float) -> float:
    """Logarithm of the density of a mean signal-to-noise ratio.

    Parameters
    ----------
    y : float
        Measured mean of power over floor, less 1.
    s : float
        Its expectation, 0 or more.
    windows : float
        Windows (times frames) behind the mean.
    in_phase, own : float
        Overlap factors, 1 for windows that do not overlap.
    """
    f = (2 * s * in_phase + own) / (1 + 2 * s)
    c = f / (2 * windows)
    order = max(windows / f - 1, 0.0)
    q = max(y + 1, SMALLEST_POWER) / c
    noncentrality = s / c
    bessel: float = log_scaled_bessel(order, math.sqrt(q * noncentrality))
    return bessel - math.log(2 * c) - (q + noncentrality) / 2 + order * math.log(q / 2)


@kernel()
def log_scaled_bessel(order: float, z: float) -> float:
    """Logarithm of I_order(z)·(z/2)^−order, for orders and arguments from 0 on.

    The factor takes out the zero at z = 0.
    """
    steps = math.ceil(max(0.0, HIGH_ORDER - order)) if order >= 1e-9 else 0
    top = order + steps
    low: float = _log_bessel_zero(z) if top < 1e-9 else _debye(top, z)
    if steps == 0:
        return low
    quarter = z * z / 4
    # J_{k−1} = k·J_k + (z/2)²·J_{k+1}; kept relative to the topmost.
    upper, here = math.exp(_debye(top + 1, z) - low), 1.0
    for i in range(steps):
        upper, here = here, (top - i) * here + quarter * upper
        if here > 1e200:
            upper, low, here = upper / here, low + math.log(here), 1.0
    return low + math.log(here)


@kernel()
def _debye(order: float, z: float) -> float:
    w = math.sqrt(1 + (z / order) ** 2)
    p = 1 / w
    p2 = p * p
    u1 = (3 - 5 * p2) * p / 24
    u2 = (81 + p2 * (-462 + 385 * p2)) * p2 / 1152
    u3 = (30375 + p2 * (-369603 + p2 * (765765 - 425425 * p2))) * p2 * p / 414720
    u4 = (
        (4465125 + p2 * (-94121676 + p2 * (349922430 + p2 * (-446185740 + 185910725 * p2))))
        * p2 * p2 / 39813120
    )  # fmt: skip
    series = 1 + (u1 + (u2 + (u3 + u4 / order) / order) / order) / order
    return order * (w - math.log((1 + w) * order / 2)) + math.log(
        series / math.sqrt(2 * math.pi * order * w)
    )


@kernel()
def _log_bessel_zero(z: float) -> float:
    """Of order 0, by the polynomials of Abramowitz and Stegun 9.8.1 and 9.8.2."""
    if z < 3.75:
        t = (z / 3.75) ** 2
        return math.log(
            1
            + t * (3.5156229 + t * (3.0899424 + t * (1.2067492
            + t * (0.2659732 + t * (0.0360768 + t * 0.0045813)))))
        )  # fmt: skip
    t = 3.75 / z
    series = 0.39894228 + t * (0.01328592 + t * (0.00225319 + t * (-0.00157565
        + t * (0.00916281 + t * (-0.02057706 + t * (0.02635537
        + t * (-0.01647633 + t * 0.00392377)))))))  # fmt: skip
    return z + math.log(series / math.sqrt(z))


@kernel()
def quasi_log_likelihood(y: float, s: float, windows: float, in_phase: float, own: float) -> float:
    """What has the score (y − s)/variance(s): a likelihood from the first two moments alone [1]_.

    With the variance ``(2·s·in_phase + own)/K`` linear in s it is that of a shifted Poisson count,
    so that a constant signal needs no more than a sum over its frames.

    References
    ----------
    .. [1] R. W. M. Wedderburn, Biometrika 61 (1974) 439.
    """
    slope = 2 * in_phase
    shift = own / slope
    return windows / slope * ((y + shift) * math.log(s + shift) - s)
