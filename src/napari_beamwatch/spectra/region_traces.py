"""Traces of regions: each reflection over all its windows there, and its spacing over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.tracking import WindowTraces, running_mean
from napari_beamwatch.spectra.windows import Grid

Floats = NDArray[np.float64]

ENOUGH_FOR_SPACING = 20.0
"""Signal-to-noise ratio at which a spacing is read, over as many frames as that takes."""

ROUNDS = 6
"""Of alternating least squares."""

LONGEST_AVERAGE = 31
"""Frames a spacing is averaged over at the most."""


@dataclass(frozen=True, eq=False)
class RegionTrace:
    """One reflection in one region; arrays over the frames.

    Attributes
    ----------
    intensity, intensity_se : array
    snr : array
        Sum over its windows.
    gy, gx, g_se : array
        Frequency and its standard error per axis, in cycles per pixel; NaN where too weak.
    averaged : int
        Frames behind each frequency.
    mean_snr, windows : array
        Signal-to-noise ratio of a window, and how many alike would tell as much: windows that
        come and go change the second only.
    """

    intensity: Floats
    intensity_se: Floats
    snr: Floats
    gy: Floats
    gx: Floats
    g_se: Floats
    averaged: int
    mean_snr: Floats
    windows: Floats


def region_trace(
    traces: WindowTraces,
    spots: NDArray[np.int64],
    windows: NDArray[np.int64],
    gy: float,
    gx: float,
    grid: Grid,
    frames: NDArray[np.int64] | None = None,
) -> RegionTrace:
    """The trace of a reflection over its spots in the windows of a region.

    Windows are weighted by how strong the reflection is in each over its variance, the same
    weights throughout, so that windows that come and go change nothing but the error.

    Parameters
    ----------
    traces : WindowTraces
    spots : array of int
        The reflection's spots in the region.
    windows : array of int
        The window of each.
    gy, gx : float
        Frequency they are followed at.
    frames : array of int64 (frames, spots), optional
        The frame of each that stands in each row, as `WindowTraces.of` has it.
    """
    traces = traces.of(spots, frames)
    intensity = traces.intensity.astype(np.float64)
    known = np.isfinite(intensity)
    variance = np.where(known, traces.intensity_se.astype(np.float64), 0.0) ** 2
    strength = strengths(np.where(known, intensity, 0.0), known)
    measured = known.sum(axis=0)
    spread = np.where(measured, variance.sum(axis=0) / np.maximum(measured, 1), np.inf)
    strength = np.maximum(strength, 1e-3 * max(float(strength.max(initial=0)), 1e-12))
    weight = strength / np.maximum(spread, 1e-300)
    typical = float((weight * strength).sum() / weight.sum())
    filled = np.where(known, intensity, 0.0)
    base = (known * (weight * strength)).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        curve = (filled * weight).sum(axis=1) / base
        snr = np.where(known, traces.snr, 0.0).sum(axis=1)
        each = np.maximum(running_mean((snr / known.sum(axis=1))[:, None], 9)[:, 0], 0)
        in_phase, own = overlap_factors(grid, windows)
        shared = (2 * each * in_phase + own) / (2 * each + 1)
        spreads = (variance * weight**2 * known).sum(axis=1)
        error = np.sqrt(spreads * shared) / base
    curve[base == 0] = np.nan
    gy_t, gx_t, se, averaged = _frequency(traces, windows, gy, gx, grid, snr)
    return RegionTrace(
        curve * typical,
        error * typical,
        np.where(base > 0, snr, np.nan),
        gy_t,
        gx_t,
        se,
        averaged,
        *_mean_window(traces.snr),
    )


def _mean_window(snr: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Mean over windows weighted by how strong each is, and how many that is worth.

    Were it a plain mean, a strong window that drifts off the detector would look like fading.
    """
    known = np.isfinite(snr)
    filled = np.where(known, snr, 0.0).astype(np.float64)
    strength = strengths(filled, known)
    strength = np.maximum(strength, 0.02 * max(float(strength.max(initial=0)), 1e-9))
    sums, squares = known @ strength, known @ strength**2
    typical = float((strength**2).sum() / strength.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = np.where(squares > 0, filled @ strength / squares * typical, np.nan)
        worth = np.where(squares > 0, sums**2 / squares, 0.0)
    return mean, worth


def strengths(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """How strong each window is, whatever times it was on the detector.

    Least squares of a course that all share times a strength of each, in turns: a window that was
    there only after a fade must not pass for a weak one. What the noise alone makes them differ is
    taken off: with weights that follow the noise, nothing would look like something.

    Parameters
    ----------
    values : array (frames, windows)
        0 where not known.
    known : array of bool
    """
    frames = known.sum(axis=0)
    strength: Floats = np.maximum(values.sum(axis=0) / np.maximum(frames, 1), 0.0)
    if not strength.any():
        return strength
    course = values @ strength / np.maximum(known @ strength**2, 1e-300)
    if not known.all():
        for _ in range(ROUNDS):
            strength = np.maximum(course @ values / np.maximum(course**2 @ known, 1e-300), 0.0)
            course = values @ strength / np.maximum(known @ strength**2, 1e-300)
        # On the scale of a mean over all frames.
        usual = max(float(course.mean()), 0.0)
        strength, course = strength * usual, course / max(usual, 1e-300)
    return _shrunk(strength, np.where(known, values - np.outer(course, strength), 0.0), frames)


def _shrunk(strength: Floats, left: Floats, frames: NDArray[np.int64]) -> Floats:
    """Strengths of windows, nearer to their mean the less of their spread is their own [1]_.

    Parameters
    ----------
    strength : array (windows,)
    left : array (frames, windows)
        What a course that all share leaves of each; 0 where not known.
    frames : array of int64 (windows,)
        In which each is known.

    References
    ----------
    .. [1] Efron, B. & Morris, C. Data analysis using Stein's estimator and its generalizations.
       J. Am. Stat. Assoc. 70, 311-319 (1975).
    """
    seen = frames > 1
    if seen.sum() < 2:
        return strength
    noise = float(((left**2).sum(axis=0)[seen] / frames[seen] / (frames[seen] - 1)).mean())
    spread = float(strength[seen].var(ddof=1))
    own = max(0.0, 1 - noise / spread) if spread > 0 else 0.0
    mean = float(strength[seen].mean())
    return np.where(seen, mean + own * (strength - mean), strength)


def _frequency(
    traces: WindowTraces,
    windows: NDArray[np.int64],
    gy: float,
    gx: float,
    grid: Grid,
    snr: Floats,
) -> tuple[Floats, Floats, Floats, int]:
    """Frequency over time, averaged over as many frames as the signal needs."""
    usual = float(np.nanmax(running_mean(snr[:, None].astype(np.float32), 9), initial=0.0))
    width = LONGEST_AVERAGE
    if usual > 0:
        width = min(LONGEST_AVERAGE, int(np.ceil(ENOUGH_FOR_SPACING / usual)) // 2 * 2 + 1)
    known = np.isfinite(traces.snr)
    sums = [
        running_sum(np.where(known, values, 0.0).sum(axis=1), width)
        for values in (traces.snr, traces.offset_y, traces.offset_x)
    ]
    samples = running_sum(known.sum(axis=1).astype(float), width)
    total = sums[0]
    in_phase, own = overlap_factors(grid, windows, odd=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        dy, dx = sums[1] / total, sums[2] / total
        se = offset_error(grid) * np.sqrt(total * in_phase + samples * own) / total
    weak = ~(total >= ENOUGH_FOR_SPACING / 2) | (np.hypot(dy, dx) > 1)
    size = grid.window
    for values in (dy, dx, se):
        values[weak] = np.nan
    return gy + dy / size, gx + dx / size, se / size, width


def running_sum(values: Floats, width: int) -> Floats:
    """Sum over `width` neighbouring frames, fewer at the ends."""
    sums: Floats = np.convolve(values, np.ones(width), "full")[
        width // 2 : width // 2 + len(values)
    ]
    return sums
