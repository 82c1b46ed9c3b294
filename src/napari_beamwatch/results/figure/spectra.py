"""Transforms and diffraction patterns for print: ink for power, spots circled, rings dashed.

Power is over its own noise and on one scale in all pictures of a figure, so that fading is seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from napari_beamwatch.phases.reflections import rings
from napari_beamwatch.results.figure.choices import FigureSpot
from napari_beamwatch.results.figure.style import RING_COLOUR, SPOT_COLOUR, hkl_text, mate
from napari_beamwatch.spectra.windows import SMALLEST_WINDOW, taper_line

Floats = NDArray[np.float64]

RINGS = 3
"""Rings of the phase that are drawn, widest spacing first."""

MARGIN = 1.25
"""The picture reaches this far beyond the outermost spot or ring."""

RESOLVED = 80
"""Bins of the transform across the picture at the most: with more, spots are too small to see."""

MOST_TILES = 6
"""Tiles along a side that a transform is averaged over: more are not worth the wait."""

PRINTED = 320
"""Points that are shown across a picture: the transform is padded to them."""

SEEN = 12.0
"""Power over the median at which a spot stands out: noise does so in one of 4000 bins."""

NAMED = 3
"""Spots that are named in a picture, strongest first."""

CORNERS = ((-0.86, -0.9), (0.7, 0.92), (-0.75, 0.88))
"""(x, y) of the letter, the phase and the scale bar, as parts of half a picture."""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A picture in reciprocal space, frequency zero in its middle.

    Attributes
    ----------
    values : array (n, n)
        Over the noise.
    reach : float
        Frequency at the edge, in cycles per pixel (of patterns, per Å).
    bin : float
        What the transform resolves, likewise.
    """

    values: Floats
    reach: float
    bin: float

    def peak(self, spot: FigureSpot) -> tuple[float, float, float]:
        """Highest value within a bin and a half of a spot, and at which frequency (gy, gx)."""
        n = len(self.values)
        step = 2 * self.reach / (n - 1)
        away = max(1, round(1.5 * self.bin / step))
        y, x = (round((g + self.reach) / step) for g in (spot.gy, spot.gx))
        top, left = max(0, y - away), max(0, x - away)
        part = np.nan_to_num(self.values[top : y + away + 1, left : x + away + 1])
        if not part.size:
            return 0.0, spot.gy, spot.gx
        row, column = np.unravel_index(int(part.argmax()), part.shape)
        at = (step * (top + row) - self.reach, step * (left + column) - self.reach)
        return float(part[row, column]), *at


def reach_of(
    spots: Sequence[FigureSpot], phases: Sequence[str | None], size: float | None, highest: float
) -> float:
    """Highest frequency to show: beyond the outermost spot or ring.

    Parameters
    ----------
    spots : sequence of FigureSpot
    phases : sequence of str or None
        Whose rings are drawn.
    size : float or None
        Pixel size in Å (1 for patterns), if it is known.
    highest : float
        Where the picture ends.
    """
    outer = [max(abs(spot.gy), abs(spot.gx)) for spot in spots]
    if size is not None:
        outer += [size / d for phase in phases if phase for d, _ in rings(phase, RINGS)]
        outer = outer or [size / 1.5]
    return min(highest, MARGIN * float(max(outer, default=highest)))


def spectrum_of_tile(tile: NDArray[np.float32], reach: float) -> Spectrum:
    """Power of an image over its noise, averaged over tiles where there is room for some.

    Parameters
    ----------
    tile : array of float32
        NaN where nothing is known.
    reach : float
        Highest frequency to show, in cycles per pixel.
    """
    side = int(min(*tile.shape, max(SMALLEST_WINDOW, RESOLVED / (2 * reach))))
    padded = next_fast_len(max(side, round(PRINTED / (2 * reach))))
    k = np.fft.fftshift(np.fft.fftfreq(padded))
    shown = np.abs(k) <= reach
    line = taper_line("hann", side)
    weight = np.outer(line, line)
    power = np.zeros((shown.sum(), shown.sum()))
    for y0 in _starts(tile.shape[0], side):
        for x0 in _starts(tile.shape[1], side):
            part = tile[y0 : y0 + side, x0 : x0 + side].astype(np.float64)
            w = np.where(np.isfinite(part), weight, 0.0)
            if not w.any():
                continue
            part = np.nan_to_num(part)
            tapered = (part - (part * w).sum() / w.sum()) * w
            rows = np.fft.fftshift(np.fft.fft(tapered, padded, axis=1), axes=1)[:, shown]
            whole = np.fft.fftshift(np.fft.fft(rows, padded, axis=0), axes=0)[shown]
            power += np.abs(whole) ** 2
    return Spectrum(power / _noise(power, k[shown], 3 / side), float(k[shown][-1]), 1 / side)


def spectrum_of_pattern(
    pattern: NDArray[np.float32], centre: tuple[float, float], constant: float, reach: float
) -> Spectrum:
    """A diffraction pattern about its centre, over what lies between its spots.

    Parameters
    ----------
    pattern : array of float32
    centre : (y, x)
        Of the direct beam, in pixels.
    constant : float
        Camera constant in Å·px.
    reach : float
        Highest frequency to show, in cycles per Å.
    """
    half = max(1, int(reach * constant))
    y, x = (round(c) for c in centre)
    padded = np.pad(pattern.astype(np.float64), half + 1, constant_values=np.nan)
    part = padded[y + 1 : y + 2 * half + 2, x + 1 : x + 2 * half + 2]
    k = np.arange(-half, half + 1) / constant
    return Spectrum(part / _noise(part, k, 0.0), half / constant, 2 / constant)


def strongest(spectra: Sequence[Spectrum], spots: Sequence[FigureSpot]) -> float:
    """Value that is black in all pictures: a usual spot's, or well above the noise."""
    peaks = [max(one.peak(spot)[0] for one in spectra) for spot in spots]
    seen = [peak for peak in peaks if peak > SEEN]
    return max(2 * SEEN, float(np.median(seen)) if seen else 0.0)


def named(spectra: Sequence[Spectrum], spots: Sequence[FigureSpot]) -> list[list[FigureSpot]]:
    """Spots whose names are written in each picture: the strongest that are first seen there."""
    left = list(spots)
    made = []
    for spectrum in spectra:
        seen = [spot for spot in left if _is_seen(spectrum, spot, spots)]
        left = [spot for spot in left if spot not in seen]
        made.append(seen[:NAMED])
    return made


def _is_seen(spectrum: Spectrum, spot: FigureSpot, spots: Sequence[FigureSpot]) -> bool:
    """Whether a spot stands out, and not a neighbour in its stead."""
    value, gy, gx = spectrum.peak(spot)
    if not value > SEEN:
        return False
    away = [min(np.hypot(other.gy - s * gy, other.gx - s * gx) for s in (1, -1)) for other in spots]
    return spots[int(np.argmin(away))] is spot


def draw_spectrum(
    axes: Axes,
    spectrum: Spectrum,
    black: float,
    spots: Sequence[FigureSpot],
    names: Sequence[FigureSpot],
    phase: str | None,
    unit: float,
) -> None:
    """A transform or pattern with its spots and the rings of a phase.

    Parameters
    ----------
    axes : Axes
    spectrum : Spectrum
    black : float
        Value that is shown black, see `strongest`.
    spots, names : sequence of FigureSpot
        Those that are circled, and of these the ones whose names are written.
    phase : str or None
        Whose rings are drawn.
    unit : float
        1/nm of a cycle per pixel (of patterns, per Å); 0 where no length is known, and so no rings.
    """
    reach = spectrum.reach
    edge = reach * (1 + 1 / (len(spectrum.values) - 1))
    axes.imshow(
        np.sqrt(spectrum.values), cmap="gray_r", vmin=1, vmax=np.sqrt(black),
        extent=(-edge, edge, edge, -edge), interpolation="bilinear",
    )  # fmt: skip
    with_hkl = any(spot.hkl for spot in spots)
    ring = max(1.6 * spectrum.bin, 0.05 * reach)
    circles = [(sign * spot.gx, sign * spot.gy) for spot in spots for sign in (1, -1)]
    for i, (d, hkl) in enumerate(rings(phase, RINGS) if unit and phase else ()):
        radius = 10 / (d * unit)
        around = np.linspace(0, 2 * np.pi, 721)
        x, y = radius * np.cos(around), radius * np.sin(around)
        for at in circles:  # what lies in a circle is the spot alone
            x[np.hypot(x - at[0], y - at[1]) < ring] = np.nan
        axes.plot(x, y, color=RING_COLOUR, lw=0.5, ls=(0, (5, 4)))
        if not with_hkl:
            # A name sits where its ring crosses the diagonal, in turn at either side.
            angle = np.deg2rad((35, 145, -35)[i % 3])
            _write(axes, radius * np.cos(angle), -radius * np.sin(angle), hkl, RING_COLOUR)
    for at in circles:
        axes.add_patch(Circle(at, ring, fill=False, ec=SPOT_COLOUR, lw=0.6))
    _write_names(axes, names, spots, ring, reach)
    if phase is not None:
        axes.text(
            0.97, 0.03, f"rings: {phase}", transform=axes.transAxes, color=RING_COLOUR, fontsize=6,
            ha="right", va="bottom", bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.8},
        )  # fmt: skip
    axes.set_xlim(-edge, edge)
    axes.set_ylim(edge, -edge)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5)


def _write_names(
    axes: Axes, names: Sequence[FigureSpot], spots: Sequence[FigureSpot], ring: float, reach: float
) -> None:
    """Names above or below one of the pair, where no other name is and few spots are covered."""
    taken = list(CORNERS)
    circles = [(s * spot.gx / reach, s * spot.gy / reach) for spot in spots for s in (1, -1)]
    for spot in names:
        half = 0.075 if spot.hkl is None else 0.15
        places: list[tuple[int, int, int, float, float]] = []
        for sign, side in ((1, -1), (1, 1), (-1, -1), (-1, 1)):
            x = float(np.clip(sign * spot.gx / reach, -0.78, 0.78))
            y = (sign * spot.gy + side * 1.15 * ring) / reach + side * half
            free = all(abs(x - b) > 0.46 or abs(y - a) > 0.27 for b, a in taken)
            if free and abs(y) < 0.98 - half:
                covered = sum(
                    abs(x - b) < 0.24 and abs(y - a) < half + ring / reach for b, a in circles
                )
                places.append((covered, len(places), sign, x, y))
        if places:
            _, _, sign, x, y = min(places)
            taken.append((x, y))
            words = spot.length
            if spot.hkl is not None:
                words = f"{hkl_text(spot.hkl if sign > 0 else mate(spot.hkl))}\n{words}"
            _write(axes, x * reach, y * reach, words, SPOT_COLOUR)


def _write(axes: Axes, x: float, y: float, words: str, colour: str) -> None:
    axes.text(
        x, y, words, color=colour, fontsize=6, ha="center", va="center", linespacing=0.95, zorder=3,
        bbox={"fc": "white", "ec": "none", "pad": 0.3, "alpha": 0.75},
    )  # fmt: skip


def _starts(size: int, side: int) -> NDArray[np.int64]:
    """First pixels of tiles from edge to edge that overlap by half, unless that takes too many."""
    count = min(1 + -(-2 * (size - side) // side), MOST_TILES)
    return np.rint(np.linspace(0, size - side, count)).astype(np.int64)


def _noise(power: Floats, k: Floats, lowest: float) -> Floats:
    """Median of the power as a smooth function of k: rings, being narrow, stay in the picture."""
    radius = np.hypot(k[:, None], k)
    which = np.rint(radius / k[-1] * 24).astype(np.int64)
    used = np.isfinite(power) & (power > 0) & (radius > lowest)
    rings = [i for i in range(25) if (used & (which == i)).any()]
    if not rings:
        return np.ones_like(power)
    level = [np.log(np.median(power[used & (which == i)])) for i in rings]
    at = [radius[used & (which == i)].mean() / k[-1] for i in rings]
    course = np.polyfit(at, level, min(2, len(rings) - 1))
    return np.asarray(np.exp(np.polyval(course, np.minimum(radius / k[-1], 1.0))))
