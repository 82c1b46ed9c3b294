"""The curves of the figure of a result, and the words above it, each on axes of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.figure.choices import Shot
from napari_beamwatch.results.figure.curves import AreaCurve, FigureAxis, FigureCurve
from napari_beamwatch.results.figure.style import COLOURS, DASHES, MARKS, barred, plain
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.named_places import onsets_with, speaking_places
from napari_beamwatch.results.summary import answer

LINE = 100
"""Letters of the heading that fit beside each other."""

WIDEST = 100
"""Letters of all labels that fit beside each other in a key; more take two lines."""


def draw_intensity(
    axes: Axes,
    result: Findings,
    axis: FigureAxis,
    found: Sequence[FigureCurve],
    pictures: Sequence[tuple[str, Shot]],
) -> None:
    """Intensity relative to the plateau, with the fit, onsets, dips, and when pictures were taken.

    Parameters
    ----------
    axes : Axes
    result : Findings
    axis : FigureAxis
    found : sequence of FigureCurve
    pictures : sequence of (str, Shot)
        Letter and frames of each.
    """
    _draw_onsets(axes, result, axis, found)
    for i, curve in enumerate(found):
        colour = COLOURS[i % len(COLOURS)]
        axes.fill_between(
            curve.fit_x, curve.fit_low, curve.fit_high, color=colour, alpha=0.2, lw=0, zorder=1
        )
        axes.plot(curve.fit_x, curve.fit, color=colour, alpha=0.5, lw=2.2, zorder=1)
        draw_curve(axes, curve.x, curve.intensity, curve.intensity_se, i, curve.label)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_xlim(axis.edges[0], axis.edges[-1])
    axes.set_ylabel("intensity / plateau")
    for letter, shot in pictures:
        first, last = axis.edges[[shot.first, shot.last]]
        apart = 0.002 * (axis.edges[-1] - axis.edges[0])  # neighbours stay two bars
        top = axes.get_xaxis_transform()
        axes.plot([first + apart, last - apart], [1, 1], transform=top, color="0.35", lw=2.2,
                  clip_on=False, solid_capstyle="butt")  # fmt: skip
        axes.text((first + last) / 2, 1.03, letter, transform=top, fontweight="bold", ha="center",
                  va="bottom", fontsize=6.5)  # fmt: skip
    if found:
        axes.legend(
            loc="lower right", bbox_to_anchor=(1, 1.13), borderaxespad=0, borderpad=0,
            ncols=-(-len(found) // key_rows(found)),
            columnspacing=1.4,
        )  # fmt: skip
        tops = [curve.intensity + curve.intensity_se for curve in found if len(curve.x)]
        highest = max((float(np.quantile(top, 0.98)) for top in tops), default=1.0)
        axes.set_ylim(min(-0.2, -0.1 * highest), max(1.2, 1.1 * highest))
    else:
        axes.text(0.5, 0.5, "no lattice", ha="center", va="center", transform=axes.transAxes)
        axes.set_yticks([])


def key_rows(found: Sequence[FigureCurve]) -> int:
    """Lines that the key of the curves takes."""
    # Indices with bars are written in more letters than they show.
    shown = sum(len(re.sub(r"\$.*?\$", "hkl", curve.label)) for curve in found)
    return 1 if shown < WIDEST else 2


def draw_spacing(
    axes: Axes, result: Findings, axis: FigureAxis, found: Sequence[FigureCurve]
) -> None:
    """Change of the spacings in percent, where spots are strong enough to tell."""
    _draw_onsets(axes, result, axis, found)
    for i, curve in enumerate(found):
        _draw_points(axes, curve.change_x, curve.change, curve.change_se, i, None)
    axes.axhline(0, color="0.7", lw=0.5, zorder=0)
    axes.set_ylabel("Δd / d (%)")
    ends = [np.abs(curve.change) + curve.change_se for curve in found if len(curve.change)]
    reach = max(1.0, 1.1 * max((float(end.max()) for end in ends), default=0.0))
    axes.set_ylim(-reach, reach)
    if found and not ends:
        axes.text(
            0.5, 0.6, "no spacing was measured well enough", ha="center", transform=axes.transAxes
        )


def draw_areas(axes: Axes, result: Findings, axis: FigureAxis, found: Sequence[AreaCurve]) -> None:
    """Areas of particles relative to those before the onset."""
    _draw_onsets(axes, result, axis, ())
    for i, curve in enumerate(found):
        draw_curve(axes, curve.x, curve.area, curve.area_se, i, curve.label)
    axes.set_ylabel("area / start")
    axes.set_ylim(0, None)
    axes.legend(loc="lower left", ncols=len(found))


def heading(result: Findings, row: pd.Series | None) -> list[str]:
    """The answer, as many lines as it takes."""
    said = "nothing was judged" if row is None else answer(result, row)
    named = row is not None and row["criterion"] == "fading"
    lines = wrap(said.replace("|", " or "), LINE)
    return [barred(line) if named else plain(line) for line in lines]


def conditions(movie: Movie | None) -> str:
    """What was recorded, and how, in a line."""
    if movie is None:
        return ""
    known = movie.conditions
    said = [movie.name]
    if known.voltage_kV is not None:
        said.append(f"{known.voltage_kV:g} kV")
    if known.temperature_C is not None:
        said.append(f"{known.temperature_C:g} °C".replace("-", "−"))
    if movie.dose_rate is not None:
        said.append(f"{movie.dose_rate:.3g} e/Å²/s")
    if movie.frame_dose is not None:
        said.append(f"{np.median(movie.frame_dose[movie.lit]):.3g} e/Å² a frame")
    if movie.pre_exposure is None and movie.dose is not None:
        said.append("pre-exposure unknown")
    return " · ".join(said)


def draw_curve(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    se: NDArray[np.float64],
    i: int,
    label: str,
) -> None:
    """Points joined by a line, but not over what was not measured."""
    if len(x) > 2:
        gaps = np.flatnonzero(np.diff(x) > 2.5 * np.median(np.diff(x))) + 1
        x, y, se = (np.insert(values, gaps, np.nan) for values in (x, y, se))
    _draw_points(axes, x, y, se, i, label, DASHES[i % len(DASHES)])


def _draw_points(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    se: NDArray[np.float64],
    i: int,
    label: str | None,
    dashes: str = "none",
) -> None:
    colour, mark = COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)]
    axes.errorbar(
        x, y, se, color=colour, marker=mark, ms=2.6, mew=0.6, mfc="white" if i % 2 else colour,
        ls=dashes, lw=0.8, elinewidth=0.5, label=label,
    )  # fmt: skip


def _draw_onsets(
    axes: Axes, result: Findings, axis: FigureAxis, found: Sequence[FigureCurve]
) -> None:
    """A line at each onset over its shaded interval; dips that recovered are hatched."""
    regions = list(dict.fromkeys(curve.region for curve in found)) or [FIELD]
    named = {name: place for name, place in speaking_places(result).items() if name in regions}
    onsets = onsets_with(result, named)
    if named:  # the field's onset is that of the first place
        regions = list(named)
    for i, region in enumerate(regions):
        rows = onsets[(onsets["region"] == region)]
        colour = "0.25" if region == FIELD else COLOURS[i % len(COLOURS)]
        for _, row in rows[rows["onset_frame"].notna()].iterrows():
            onset, low, high = (
                axis.place(float(row[f"onset_{name}_e_per_A2"]), frame)
                for name, frame in (
                    ("dose", float(row["onset_frame"])), ("low", np.nan), ("high", np.nan)
                )
            )  # fmt: skip
            axes.axvline(onset, color=colour, lw=0.9, zorder=1)
            if np.isfinite([low, high]).all():
                axes.axvspan(low, high, color=colour, alpha=0.18, lw=0, zorder=0)
    dips = [*regions, FIELD] if named else regions
    for _, event in result.events[result.events["region"].isin(dips)].iterrows():
        ends = [axis.place(float(event[f"dose_{end}_e_per_A2"])) for end in ("from", "to")]
        if np.isfinite(ends).all():
            axes.axvspan(*ends, fc="none", ec="0.6", hatch="\\\\\\", lw=0, zorder=0)
