"""The map of onsets for print: windows coloured by their onset, others told by hatching."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Patch, Polygon, Rectangle
from numpy.typing import NDArray

from napari_beamwatch.results.figure.pictures import UNSEEN, bare, binned
from napari_beamwatch.results.figure.style import plain
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.tables import onset_values

MAP = "viridis"
"""Its lightness grows evenly, so that a grey copy keeps the order."""

HATCHES = {
    "survived": ("", "survived"),
    "ambiguous": ("////", "ambiguous"),
    "damaged_at_start": ("xxxx", "damaged at start"),
    "no_lattice": (None, "no lattice"),
}
"""Of windows without an onset; None is not drawn at all."""


def draw_map(
    axes: Axes, bar_axes: Axes, result: Findings, under: NDArray[np.float32] | None
) -> list[Patch]:
    """Windows coloured by their onset over a picture of the field; a colour bar beside.

    Returns
    -------
    list of Patch
        What a legend is to say of the windows without an onset.
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
    values, unit = onset_values(windows)
    known = values[np.isfinite(values)]
    norm = Normalize(*_span(known))
    box = windows[["y0", "x0", "y1", "x1"]].to_numpy(float)
    step = result.settings.step if isinstance(result.settings.step, int) else box[0, 2] - box[0, 0]
    seen: dict[str, Patch] = {}
    for (y0, x0, y1, x1), value, status in zip(box, values, windows["status"], strict=True):
        corner = ((x0 + x1 - step) / 2, (y0 + y1 - step) / 2)
        if np.isfinite(value):
            colour = colormaps[MAP](norm(value), alpha=0.85 if under is not None else 1.0)
            axes.add_patch(Rectangle(corner, step, step, fc=colour, ec="white", lw=0.5))
            continue
        hatch, name = HATCHES.get(str(status), HATCHES["ambiguous"])
        if hatch is None:
            continue
        kind: dict[str, Any] = {"fc": (1, 1, 1, 0.6), "ec": "black", "lw": 0.5, "hatch": hatch}
        axes.add_patch(Rectangle(corner, step, step, **kind))
        seen[name] = Patch(**kind, label=name)
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
