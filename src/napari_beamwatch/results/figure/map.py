"""The map of onsets for print: places or windows coloured by their onset, others hatched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Patch, PathPatch, Polygon
from matplotlib.path import Path
from numpy.typing import NDArray

from napari_beamwatch.regions import Region
from napari_beamwatch.results.figure.pictures import UNSEEN, bare, binned
from napari_beamwatch.results.figure.sheet import MAP_SIDE
from napari_beamwatch.results.figure.style import plain
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.place_map import (
    Room,
    Squares,
    drawn_places,
    outlines_of,
    place_numbers,
    place_words,
    rooms_of,
)
from napari_beamwatch.results.tables import onset_values

MAP = "viridis"
"""Its lightness grows evenly, so that a grey copy keeps the order."""

HATCHES = {
    "survived": ("", "survived"),
    "ambiguous": ("////", "ambiguous"),
    "damaged_at_start": ("xxxx", "damaged at start"),
    "no_lattice": (None, "no lattice"),
}
"""Of what has no onset; None is not drawn at all."""

LINE, TRIED = 3.4, 40
"""Height of a line in mm, and quarters of it by which words may be moved from the middle."""

LETTER = 1.25
"""mm that a letter of an onset takes."""


def draw_map(
    axes: Axes, bar_axes: Axes, result: Findings, under: NDArray[np.float32] | None
) -> list[Patch]:
    """Places coloured by their onset, which is written in them; a colour bar beside.

    Where no places are known the windows are drawn. Below lies a picture of the field.

    Returns
    -------
    list of Patch
        What a legend is to say of those without an onset.
    """
    windows = result.windows
    axes.set_title("onset map", loc="left", x=0.06, fontsize=6.5, pad=2.5)
    bare(axes)
    bar_axes.set_axis_off()
    if not len(windows):
        axes.text(0.5, 0.5, "no windows", ha="center", va="center", transform=axes.transAxes)
        return []
    height, width = field_of(result)
    if under is not None:
        axes.set_facecolor(UNSEEN)
        grey = binned(under)
        low, high = np.nanpercentile(grey, (0.5, 99.7))
        axes.imshow(
            grey, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), alpha=0.6,
            extent=(0, width, height, 0),
        )  # fmt: skip
    squares = Squares.of(result)
    numbers = place_numbers(result, squares)
    table = windows if numbers is None else drawn_places(result)
    values, unit = onset_values(table)
    known = values[np.isfinite(values)]
    norm = Normalize(*_span(known))
    seen: dict[str, Patch] = {}
    for i, status in enumerate(table["status"]):
        inside = np.zeros(squares.shape, bool)
        if numbers is None:
            inside[squares.row[i], squares.column[i]] = True
        else:
            inside = numbers == table["place"].iloc[i]
        hatch, name = HATCHES.get(str(status), HATCHES["ambiguous"])
        if not inside.any() or (hatch is None and not np.isfinite(values[i])):
            continue
        outline = _path(inside, squares)
        if np.isfinite(values[i]):
            colour = colormaps[MAP](norm(values[i]), alpha=0.85 if under is not None else 1.0)
            axes.add_patch(PathPatch(outline, fc=colour, ec="white", lw=0.5))
            continue
        kind: dict[str, Any] = {"fc": (1, 1, 1, 0.6), "ec": "black", "lw": 0.5, "hatch": hatch}
        axes.add_patch(PathPatch(outline, **kind))
        seen[name] = Patch(**kind, label=name)
    if numbers is not None:
        _write(axes, result, rooms_of(numbers, squares), MAP_SIDE / width, result.regions)
    for region in result.regions:
        corners = np.asarray(region.vertices, float)[:, ::-1]
        for ink, line, dash in (("black", 1.6, "-"), ("white", 0.8, "--")):
            axes.add_patch(Polygon(corners, fill=False, ec=ink, lw=line, ls=dash))
        axes.annotate(
            plain(region.name), corners.min(axis=0), (2, -2), textcoords="offset points", va="top",
            fontweight="bold", bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.8},
        )  # fmt: skip
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal", anchor="N")
    if len(known):
        figure = axes.get_figure()
        assert figure is not None
        bar_axes.set_axis_on()
        bar = figure.colorbar(ScalarMappable(norm, MAP), cax=bar_axes, orientation="horizontal")
        bar.set_label(f"onset ({unit})", labelpad=1)
        bar.outline.set_linewidth(0.5)
    return list(seen.values())


def _path(inside: NDArray[np.bool_], squares: Squares) -> Path:
    """Outline of a set of squares, x before y, in pixels of the movie."""
    corner = np.array(squares.corner)
    loops = [(corner + squares.side * loop)[:, ::-1] for loop in outlines_of(inside)]
    return Path.make_compound_path(*(Path(loop, closed=True) for loop in loops))


def _write(
    axes: Axes, result: Findings, rooms: Sequence[Room], mm: float, regions: Sequence[Region]
) -> None:
    """Write the onset of each place in it, as much as fits.

    Parameters
    ----------
    axes : Axes
    result : Findings
    rooms : sequence of Room
    mm : float
        Of the sheet that a pixel of the movie takes.
    regions : sequence of Region
        Whose outlines and names are not to be written on.
    """
    words = place_words(result.places)
    for room in rooms:
        texts = [text for text in words[room.place] if len(text) * LETTER < room.width * mm]
        if texts:
            half = len(texts[0]) * LETTER / mm / 2, LINE / mm / 2
            axes.text(
                room.x, free_height(room, half, regions), texts[0],
                ha="center", va="center", fontsize=6.5, zorder=5,
                bbox={"fc": "white", "ec": "none", "pad": 0.6, "alpha": 0.75},
            )  # fmt: skip


def free_height(room: Room, half: tuple[float, float], regions: Sequence[Region]) -> float:
    """Where words of half a width and height cross no outline and no name, or else the middle.

    All in pixels of the movie; a polygon is taken for the box around it.
    """
    wide, high = half
    lines: list[tuple[float, float, float, float]] = []
    for region in regions:
        y0, x0, y1, x1 = region.box
        lines += [(x0, x1, y, y) for y in (y0, y1)] + [(x, x, y0, y1) for x in (x0, x1)]
        lines.append((x0, x0 + 2 * high, y0, y0 + 2 * high))  # its name
    spare = room.height / 2 - high
    steps = np.arange(1, TRIED + 1) * high / 2
    for by in (0.0, *np.stack([steps, -steps], axis=1).ravel().tolist()):
        y = room.y + by
        within = -room.above - spare <= by <= room.below + spare
        crossed = any(
            left < room.x + wide and right > room.x - wide and top < y + high and bottom > y - high
            for left, right, top, bottom in lines
        )
        if within and not crossed:
            return y
    return room.y


def _span(known: NDArray[np.float64]) -> tuple[float, float]:
    """Ends of the colours, apart even where all onsets are one."""
    if not len(known):
        return 0.0, 1.0
    low, high = float(known.min()), float(known.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def field_of(result: Findings) -> tuple[float, float]:
    """Rows and columns of the field, as far as they are known."""
    if result.movie is not None:
        return float(result.movie.shape[1]), float(result.movie.shape[2])
    if not len(result.windows):
        return 1.0, 1.0
    return float(result.windows["y1"].max()), float(result.windows["x1"].max())
