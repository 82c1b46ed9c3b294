"""Defocus over dose from Thon rings, where there are any.

The power of an amorphous film under a lens goes as sin² χ(k),
``χ = π λ Δf k² − π/2 C_s λ³ k⁴`` with the defocus Δf positive for underfocus [1]_. All segments of
a movie share the smooth envelopes N and A of ``N + A sin² χ``; each has a focus and an amplitude
of its own. Since the shape of N and A is taken from the data, the *change* of Δf is known better
than Δf. Without spherical aberration over- and underfocus look the same: |Δf| is told.

References
----------
.. [1] Rohou, A. & Grigorieff, N. J. Struct. Biol. 192, 216-221 (2015).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spectra.rings.background import (
    FEWEST_RADII,
    Shapes,
    defocus_steps,
    search_thon,
)
from napari_beamwatch.spectra.rings.finding import LOWEST
from napari_beamwatch.spectra.rings.radial import RadialPower

Floats = NDArray[np.float64]

STEPS = 25
"""Of Gauss and Newton."""

SCANS = 4
"""Steps before those, in which each segment takes the best of some values of its focus."""

NEAR = 0.25
"""Part of the mean focus by which these reach to either side."""

PLACES = 41

LARGEST_STEP = 2.0
"""nm by which a focus moves in one of them."""

UNDERSTATED = 1.3
"""What scatters in simulated films over the error of the linear law (docs/rings.md)."""

SHAPE = 0.02
"""Part of a focus by which envelopes of a wrong shape move it, in multislice films."""

DAMPED = 4.0
"""Standard errors above the model from which a value weighs less."""

PLANCK = 12398.419843
"""h·c in eV Å."""

REST = 510998.95
"""Rest energy of the electron in eV."""


@dataclass(frozen=True)
class Lens:
    """What bends χ beside the focus.

    Attributes
    ----------
    voltage_kV : float
        Accelerating voltage.
    cs_mm : float
        Spherical aberration; 0 for a corrected lens, about 1 to 2.7 for others.
    """

    voltage_kV: float  # noqa: N815 - units are part of public names
    cs_mm: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= self.voltage_kV <= 3000:
            raise BeamwatchError(f"a voltage is 1 to 3000 kV, not {self.voltage_kV!r}")
        if not abs(self.cs_mm) <= 10:
            raise BeamwatchError(f"a spherical aberration is up to 10 mm, not {self.cs_mm!r}")

    @property
    def wavelength(self) -> float:
        """Å."""
        energy = 1000 * self.voltage_kV
        return PLANCK / math.sqrt(energy * (energy + 2 * REST))

    def phase(self, k: Floats, defocus_nm: float) -> Floats:
        """χ at k in 1/Å."""
        focus = self.wavelength * 10 * defocus_nm * k**2
        bent = 1e7 * self.cs_mm * self.wavelength**3 * k**4 / 2
        return np.asarray(np.pi * (focus - bent), np.float64)


@dataclass(frozen=True, eq=False)
class Defocus:
    """Defocus of each segment of time.

    Attributes
    ----------
    first, last : array of int64
        Frames ``first:last``.
    defocus_nm, defocus_se_nm : array of float64
        Underfocus positive; without spherical aberration to tell its sign, its size. NaN where
        nothing is seen.
    change_nm, change_se_nm : array of float64
        Of its size since the first segment with beam; better known than the values.
    chance : float
        Of Thon rings as clear as these where there are none.
    reason : str
        Why there are no values; empty if there are.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    defocus_nm: Floats
    defocus_se_nm: Floats
    change_nm: Floats
    change_se_nm: Floats
    chance: float
    reason: str


def defocus_over_dose(
    segments: Sequence[RadialPower],
    lens: Lens | None,
    pixel_size: float | None,
    alpha: float = 0.01,
    *,
    single_counts: bool,
) -> Defocus:
    """Defocus of each segment of a movie.

    Parameters
    ----------
    segments : sequence of RadialPower
        Whose noise is known (two halves of frames).
    lens : Lens or None
        None where nobody said the voltage: then there is no defocus.
    pixel_size : float or None
        Å.
    alpha : float
        Chance of telling a defocus where there are no Thon rings.
    single_counts : bool
        The noise is that of single counts, 1; else that of the halves' difference is taken.
    """
    if lens is None:
        return _none(segments, 1.0, "the voltage is not known: no defocus")
    if pixel_size is None:
        return _none(segments, 1.0, "the pixel size is not known: no defocus")
    lit = [s for s in segments if s.mean > 0 and (single_counts or np.isfinite(s.noise).any())]
    if not lit:
        return _none(segments, 1.0, "too few frames with beam: no defocus")
    seen = [_Seen.of(segment, pixel_size, single_counts) for segment in lit]
    if len(seen[0].k) < FEWEST_RADII or not all((each.se > 0).all() for each in seen):
        return _none(segments, 1.0, "too little is seen between the spots: no defocus")
    weight = np.stack([1 / each.se**2 for each in seen])
    mean = (weight * np.stack([each.power for each in seen])).sum(axis=0) / weight.sum(axis=0)
    mean_se = 1 / np.sqrt(weight.sum(axis=0))
    k = seen[0].k

    def phase(_: Floats, step: float) -> Floats:
        return lens.phase(k, step * to_nm)

    to_nm = pixel_size**2 / lens.wavelength / 10
    steps = defocus_steps(lit[0].window)
    if lens.cs_mm != 0:
        steps = np.concatenate([-steps[::-1], steps])
    found = search_thon(k, mean, mean_se, steps, phase)
    if found.chance > alpha:
        return _none(segments, found.chance, "no Thon rings are seen: no defocus")
    focus, covariance = _fitted(seen, lens, found.step * to_nm)
    values, errors, change, change_se = np.full((4, len(segments)), np.nan)
    places = [i for i, segment in enumerate(segments) if any(segment is s for s in lit)]
    values[places], errors[places] = focus, np.sqrt(np.diag(covariance))
    change[places] = (focus - focus[0]) * np.sign(focus[0])
    apart = np.diag(covariance) + covariance[0, 0] - 2 * covariance[0]
    change_se[places] = np.sqrt(np.maximum(apart, 0))
    edges = np.array([(s.first, s.last) for s in segments], np.int64).T
    return Defocus(edges[0], edges[1], values, errors, change, change_se, found.chance, "")


def _none(segments: Sequence[RadialPower], chance: float, reason: str) -> Defocus:
    edges = np.array([(s.first, s.last) for s in segments], np.int64).reshape(-1, 2).T
    nothing = np.full(len(segments), np.nan)
    return Defocus(edges[0], edges[1], nothing, nothing, nothing, nothing, chance, reason)


@dataclass(frozen=True, eq=False)
class _Seen:
    """Power of the contrast above the noise, per count."""

    k: Floats
    power: Floats
    se: Floats

    @classmethod
    def of(cls, segment: RadialPower, pixel_size: float, single_counts: bool) -> _Seen:
        power, noise, bins = segment.around()
        used = (bins > 0) & (segment.k * segment.window >= LOWEST)
        power, noise, bins = power[used], noise[used], bins[used]
        if single_counts:
            level, own = 1.0, 1.0
        else:
            level, own = float(noise.mean()), 2.0
        above = power - (1.0 if single_counts else noise)
        smooth = np.convolve(np.pad(above, 2, mode="edge"), np.ones(5) / 5, "valid").clip(0)
        # Of a film that is new in every segment; of the same film the error is less.
        variance = (own * level**2 + 2 * level * smooth + smooth**2) / bins
        k = segment.k[used] / pixel_size
        return cls(k, above / segment.mean, np.sqrt(variance) / segment.mean)


def _fitted(seen: Sequence[_Seen], lens: Lens, start: float) -> tuple[Floats, Floats]:
    """Focus of each segment and the covariance; envelopes are common, amplitudes are not."""
    k, count = seen[0].k, len(seen)
    shapes = Shapes(k)
    focus, strength = np.full(count, start), np.ones(count)
    measured = np.concatenate([each.power / each.se for each in seen])
    damping = np.ones_like(measured)
    covariance = np.zeros((count, count))
    near = np.linspace(1 - NEAR, 1 + NEAR, PLACES) * start
    for step_number in range(STEPS):
        weights = damping.reshape(count, -1) / np.stack([each.se for each in seen])
        values = measured * damping
        linear, turned = _designs(lens, k, focus, strength, shapes, weights)
        solution = nnls(linear, values)[0]
        if step_number < SCANS:
            # Newton's way from a common focus ends in the nearest minimum, not the lowest.
            tried = [
                _designs(lens, k, np.full(count, f), strength, shapes, weights)[0] for f in near
            ]
            missed = [(values - each @ solution).reshape(count, -1) for each in tried]
            left_over = np.stack([(each**2).sum(axis=1) for each in missed])
            focus = near[np.argmin(left_over, axis=0)]
            continue
        model = linear @ solution
        columns = [linear[:, solution > 0]]
        by_focus = turned @ solution
        for i in range(count):
            part = slice(i * len(k), (i + 1) * len(k))
            moved, grown = np.zeros((2, len(values)))
            moved[part] = by_focus[part]
            grown[part] = model[part] / strength[i]
            # The first amplitude is that of the envelopes.
            columns.append(np.stack([moved, grown], axis=1)[:, : 2 if i else 1])
        slopes = np.hstack(columns)
        inverse = np.linalg.pinv(slopes.T @ slopes)
        left = values - model
        step = (inverse @ slopes.T @ left)[columns[0].shape[1] :]
        at = np.array([0, *range(1, 2 * count - 1, 2)])
        free = max(1, len(values) - slopes.shape[1])
        scale = UNDERSTATED**2 * max(1.0, float(left @ left) / free)
        place = at + columns[0].shape[1]
        covariance = inverse[np.ix_(place, place)] * scale
        focus = focus + step[at].clip(-LARGEST_STEP, LARGEST_STEP)
        # Rings and spots that stand above what Thon rings explain must not pull at the focus.
        scatter = max(1.0, float(left @ left) / free) ** 0.5
        damping = 1 / np.maximum(left / damping / (DAMPED * scatter), 1)
        strength[1:] = (strength[1:] + step[at[1:] + 1]).clip(strength[1:] / 2, strength[1:] * 2)
    return focus, covariance + np.diag((SHAPE * focus) ** 2)


def _designs(
    lens: Lens,
    k: Floats,
    focus: Floats,
    strength: Floats,
    shapes: Shapes,
    weights: Floats,
) -> tuple[Floats, Floats]:
    """The weighted linear model of all segments, and its derivative by each one's focus."""
    rows, slopes = [], []
    per_nm = lens.phase(k, 1.0) - lens.phase(k, 0.0)
    for f, a, w in zip(focus, strength, weights, strict=True):
        phase = lens.phase(k, f)
        scale = (a * w)[:, None]
        rows.append(shapes.with_thon(phase) * scale)
        turned = (np.sin(2 * phase) * per_nm)[:, None] * shapes.modulated
        slopes.append(np.hstack([np.zeros_like(shapes.smooth), turned]) * scale)
    return np.concatenate(rows), np.concatenate(slopes)
