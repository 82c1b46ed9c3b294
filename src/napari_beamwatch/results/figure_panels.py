"""The panels of the figure of a result, each on axes of its own."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Circle, Patch, Rectangle
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.phases import reflections
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.figure_choices import FigureCurve, Shot, along
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.summary import answer

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of Okabe and Ito: told apart by the colour-blind; marks and dashes tell them apart in grey."""

MARKS = ("o", "s", "^", "D")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":")

MAP = "viridis"
"""Its lightness grows evenly, so that a grey copy keeps the order."""

HATCHES = {
    "survived": ("", "survived"),
    "ambiguous": ("////", "ambiguous"),
    "damaged_at_start": ("xxxx", "damaged at start"),
    "no_lattice": (None, "no lattice"),
}
"""Of windows without an onset; None is not drawn at all."""

RINGS = 3
BEYOND_RINGS = 1.4
"""Rings of the phase that are drawn, widest spacing first."""

MOST_PIXELS = 512
"""Of a picture along a side: what is printed shows no more."""


def draw_picture(
    axes: Axes,
    image: NDArray[np.float32],
    movie: Movie,
    shot: Shot,
    box: tuple[int, ...] | None,
    bins: int,
    with_bar: bool,
) -> None:
    """A sum of frames with the dose it took, and where the transform is taken."""
    shown = binned(image, bins)
    low, high = np.percentile(shown, (1, 99))
    extent = (0.0, float(image.shape[1]), float(image.shape[0]), 0.0)
    axes.imshow(shown, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), extent=extent)
    if box is not None:
        y0, x0, y1, x1 = box
        # White on black: seen on any ground.
        for colour, width, dash in (("black", 1.6, "-"), ("white", 0.8, "--")):
            axes.add_patch(
                Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=colour, lw=width, ls=dash)
            )
    axes.set_title(f"{shot.word}\n{_when(movie, shot)}")
    if with_bar and movie.pixel_size is not None:
        _scale_bar(axes, image.shape[1], movie.pixel_size)
    _bare(axes)


def draw_spectrum(
    axes: Axes,
    power: NDArray[np.float32],
    result: Result,
    phase: str | None,
    brightest: float | None,
    with_names: bool,
) -> float:
    """A power spectrum with the rings of the phase; all pictures of one brightness.

    Returns
    -------
    float
        Power that is shown black, to hand on to the next.
    """
    rows, columns = power.shape
    movie = result.movie
    size = None if movie is None else movie.pixel_size
    highest = _band(result, size, phase)
    unit = 1.0 if size is None else 10 / size
    ky, kx = (unit * np.fft.fftshift(np.fft.fftfreq(n)) for n in (rows, columns))
    reach = unit * highest
    part = power[np.ix_(np.abs(ky) <= reach, np.abs(kx) <= reach)]
    if brightest is None:
        away = part.copy()
        middle_y, middle_x = away.shape[0] // 2, away.shape[1] // 2
        away[middle_y - 4 : middle_y + 5, middle_x - 4 : middle_x + 5] = 0
        brightest = max(float(np.quantile(away, 0.9995)), 6.0)
    # Ink for power: rings and names stay readable on paper.
    axes.imshow(
        part, cmap="gray_r", vmin=1, vmax=brightest, extent=(-reach, reach, reach, -reach),
        interpolation="nearest",
    )  # fmt: skip
    if size is not None and phase is not None:
        # A name sits where its ring crosses the diagonal, in turn at either side.
        table = reflections(phase).head(RINGS)
        rings: Any = table.itertuples()
        for i, ring in enumerate(rings):
            radius = 10 / float(ring.d_A)
            if radius > reach:
                break
            colour = COLOURS[1]
            axes.add_patch(Circle((0, 0), radius, fill=False, ec=colour, lw=0.6, ls="--"))
            if with_names:
                angle = np.deg2rad((35, 145, -35)[i % 3])
                axes.text(
                    radius * np.cos(angle), -radius * np.sin(angle), f"{ring.h}{ring.k}{ring.l}",
                    color=colour, fontsize=5.5, ha="center", va="center",
                    bbox={"fc": "white", "ec": "none", "pad": 0.4, "alpha": 0.8},
                )  # fmt: skip
        if with_names:
            axes.text(
                0.02, 0.02, phase, transform=axes.transAxes, color=COLOURS[1], fontsize=6,
                bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.8},
            )  # fmt: skip
    axes.set_xlabel("1/nm" if size is not None else "cycles/px", labelpad=1)
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.4)
    return brightest


def draw_map(axes: Axes, result: Result, under: NDArray[np.float32] | None) -> None:
    """Windows coloured by their onset; those without one are told by hatching."""
    windows = result.windows
    axes.set_title("onset map")
    _bare(axes)
    if not len(windows):
        axes.text(0.5, 0.5, "no windows", ha="center", va="center", transform=axes.transAxes)
        return
    height, width = _field(result, windows)
    if under is not None:
        grey = binned(under, 1)
        low, high = np.percentile(grey, (0.5, 99.7))
        axes.imshow(
            grey, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), alpha=0.6,
            extent=(0, width, height, 0),
        )  # fmt: skip
    dose = windows["onset_dose_e_per_A2"].to_numpy(np.float64, na_value=np.nan)
    unit = "onset (e/Å²)"
    if not np.isfinite(dose).any():
        dose = windows["onset_frame"].astype("Float64").to_numpy(np.float64, na_value=np.nan) + 1
        unit = "onset (frame)"
    known = dose[np.isfinite(dose)]
    norm = Normalize(*((known.min(), known.max()) if len(known) else (0.0, 1.0)))
    colours = colormaps[MAP]
    box = windows[["y0", "x0", "y1", "x1"]].to_numpy(float)
    step = result.settings.step if isinstance(result.settings.step, int) else box[0, 2] - box[0, 0]
    seen: dict[str, Patch] = {}
    for (y0, x0, y1, x1), value, status in zip(box, dose, windows["status"], strict=True):
        corner = ((x0 + x1 - step) / 2, (y0 + y1 - step) / 2)
        if np.isfinite(value):
            patch = Rectangle(corner, step, step, fc=colours(norm(value)), ec="white", lw=0.3)
            patch.set_alpha(0.85 if under is not None else 1.0)
            axes.add_patch(patch)
            continue
        hatch, name = HATCHES.get(str(status), HATCHES["ambiguous"])
        if hatch is None:
            continue
        kind: dict[str, Any] = {"fc": "white", "ec": "black", "lw": 0.4, "hatch": hatch}
        axes.add_patch(Rectangle(corner, step, step, **kind))
        seen[name] = Patch(**kind, label=name)
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal")
    if len(known):
        figure = axes.get_figure()
        assert figure is not None
        bar = figure.colorbar(
            ScalarMappable(norm, colours), ax=axes, location="bottom", pad=0.03, aspect=18
        )
        bar.set_label(unit, labelpad=1)
        bar.outline.set_linewidth(0.4)
    if seen:
        axes.legend(
            handles=list(seen.values()), loc="upper center", bbox_to_anchor=(0.5, 0),
            ncols=len(seen), fontsize=5.5, handlelength=1.4, columnspacing=1,
        )  # fmt: skip


def draw_intensity(axes: Axes, result: Result, found: Sequence[FigureCurve]) -> None:
    """Intensity over the dose relative to the plateau, with the fit, onsets and dips."""
    _draw_onsets(axes, result, found)
    for i, curve in enumerate(found):
        colour = COLOURS[i % len(COLOURS)]
        axes.fill_between(
            curve.fit_x, curve.fit_low, curve.fit_high, color=colour, alpha=0.2, lw=0, zorder=1
        )
        axes.plot(curve.fit_x, curve.fit, color=colour, alpha=0.5, lw=2.2, zorder=1)
        _draw_curve(axes, curve.x, curve.intensity, curve.intensity_se, i, curve.label)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_ylabel("rel. intensity")
    if found:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.2, ncols=len(found))
        top = max(float(np.quantile(curve.intensity, 0.98)) for curve in found if len(curve.x))
        axes.set_ylim(-0.2, max(1.2, 1.15 * top))
    else:
        axes.text(0.5, 0.5, "no lattice", ha="center", va="center", transform=axes.transAxes)


def draw_spacing(axes: Axes, result: Result, found: Sequence[FigureCurve]) -> None:
    """Change of the spacings in percent, where spots are strong enough to tell."""
    _draw_onsets(axes, result, found)
    for i, curve in enumerate(found):
        _draw_curve(axes, curve.change_x, curve.change, curve.change_se, i, None, joined=False)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_ylabel("Δd (%)")
    values = np.concatenate([curve.change for curve in found]) if found else np.empty(0)
    if len(values):
        reach = max(1.0, 1.3 * float(np.quantile(np.abs(values), 0.97)))
        axes.set_ylim(-reach, reach)


def draw_conditions(axes: Axes, result: Result, row: pd.Series | None) -> None:
    """The answer in words, and what it was measured under."""
    axes.axis("off")
    said = "" if row is None else answer(result, row).replace(" · ", "\n").replace("|", " or ")
    lines = _wrapped(said)
    if result.movie is not None:
        lines += ["", *_conditions(result.movie)]
    axes.text(0, 1, "\n".join(lines), va="top", ha="left", fontsize=6.5, transform=axes.transAxes)


def binned(image: NDArray[np.float32], bins: int) -> NDArray[np.float32]:
    """A picture of no more pixels than are printed, each the mean of `bins` or more a side."""
    n = max(bins, -(-max(image.shape) // MOST_PIXELS))
    if n == 1:
        return image
    height, width = (size // n * n for size in image.shape)
    parts = image[:height, :width].reshape(height // n, n, width // n, n)
    return np.asarray(parts.mean(axis=(1, 3)), np.float32)


def _draw_curve(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    se: NDArray[np.float64],
    i: int,
    label: str | None,
    joined: bool = True,
) -> None:
    if joined and len(x) > 2:  # no line over what was not measured
        gaps = np.flatnonzero(np.diff(x) > 2.5 * np.median(np.diff(x))) + 1
        x, y, se = (np.insert(values, gaps, np.nan) for values in (x, y, se))
    colour, mark = COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]
    axes.errorbar(
        x, y, se, color=colour, marker=mark, ms=2.4, mew=0.5, mfc="white" if i % 2 else colour,
        ls=DASHES[i % len(DASHES)] if joined else "none", lw=0.8, elinewidth=0.5, label=label,
    )  # fmt: skip


def _draw_onsets(axes: Axes, result: Result, found: Sequence[FigureCurve]) -> None:
    """A line at each onset over its shaded interval; dips that recovered are hatched."""
    regions = list(dict.fromkeys(curve.region for curve in found)) or [FIELD]
    by_dose = along(result) == "dose"
    for i, region in enumerate(regions):
        rows = result.onsets[(result.onsets["region"] == region)]
        colour = "0.25" if region == FIELD else COLOURS[i % len(COLOURS)]
        for _, row in rows.iterrows():
            at = row["onset_dose_e_per_A2"] if by_dose else row["onset_frame"]
            if pd.isna(at):
                continue
            axes.axvline(float(at) + (0 if by_dose else 1), color=colour, lw=0.9, zorder=1)
            low, high = row["onset_low_e_per_A2"], row["onset_high_e_per_A2"]
            if by_dose and pd.notna(low) and pd.notna(high):
                axes.axvspan(float(low), float(high), color=colour, alpha=0.18, lw=0, zorder=0)
    events = result.events[result.events["region"].isin(regions)]
    for _, event in events.iterrows():
        ends = event["dose_from_e_per_A2"], event["dose_to_e_per_A2"]
        if by_dose and pd.notna(ends[0]) and pd.notna(ends[1]):
            axes.axvspan(*map(float, ends), fc="none", ec="0.6", hatch="\\\\\\", lw=0, zorder=0)


def _when(movie: Movie, shot: Shot) -> str:
    if movie.dose is None or movie.dose_start is None:
        return f"frames {shot.first + 1}–{shot.last}"
    return f"{movie.dose_start[shot.first]:.4g}–{movie.dose[shot.last - 1]:.4g} e/Å²"


def _band(result: Result, size: float | None, phase: str | None) -> float:
    """Highest frequency to show: a little beyond the rings, or else the finest spot."""
    if size is not None and phase is not None:
        return min(0.5, BEYOND_RINGS * size / float(reflections(phase).head(RINGS)["d_A"].min()))
    spots = result.spots[result.spots["window"].isna()]
    g = np.hypot(spots["gy_per_px"].to_numpy(float), spots["gx_per_px"].to_numpy(float))
    if len(g):
        return float(min(0.5, 1.25 * np.nanmax(g)))
    return 0.5 if size is None else min(0.5, size / 1.2)


def _conditions(movie: Movie) -> list[str]:
    known = movie.conditions
    said = []
    if known.voltage_kV is not None:
        said.append(f"{known.voltage_kV:g} kV")
    if known.temperature_C is not None:
        said.append(f"{known.temperature_C:g} °C".replace("-", "−"))
    if movie.dose_rate is not None:
        said.append(f"{movie.dose_rate:.3g} e/Å²/s")
    lines = [" · ".join(said)] if said else []
    if movie.frame_dose is not None:
        lines.append(f"{np.median(movie.frame_dose[movie.lit]):.3g} e/Å² a frame")
    if movie.pre_exposure is None and movie.dose is not None:
        lines.append("pre-exposure unknown")
    return [*lines, movie.name]


def _wrapped(text: str, width: int = 34) -> list[str]:
    return [part for line in text.split("\n") for part in wrap(line, width)]


def _field(result: Result, windows: pd.DataFrame) -> tuple[float, float]:
    if result.movie is not None:
        return float(result.movie.shape[1]), float(result.movie.shape[2])
    return float(windows["y1"].max()), float(windows["x1"].max())


def _scale_bar(axes: Axes, width: int, pixel_size: float) -> None:
    """A bar of a round length, near a quarter of the width."""
    target = width * pixel_size / 40  # nm
    power = 10.0 ** np.floor(np.log10(target))
    length = float(max(n * power for n in (1, 2, 5) if n * power <= target))
    pixels = 10 * length / pixel_size
    left, top = 0.05 * width, 0.93 * width
    axes.add_patch(Rectangle((0.02 * width, 0.83 * width), pixels + 0.06 * width, 0.15 * width,
                             fc="black", ec="none", alpha=0.55))  # fmt: skip
    axes.add_patch(Rectangle((left, top), pixels, 0.018 * width, fc="white", ec="none"))
    axes.text(
        left + pixels / 2, top - 0.012 * width, f"{length:g} nm", color="white", fontsize=6,
        ha="center", va="bottom",
    )  # fmt: skip


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
