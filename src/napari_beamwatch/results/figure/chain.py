"""The chain of phases over the dose: what part of the field each has, LiF → Li → Li2O."""

from __future__ import annotations

from io import BytesIO

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from napari_beamwatch.results.areas import NAMES, REST, leading_phases, limits_said
from napari_beamwatch.results.figure.curves import FigureAxis
from napari_beamwatch.results.figure.panels import draw_curve
from napari_beamwatch.results.figure.style import COLOURS, DPI, MM, STYLE, WIDTH, plain
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.frame_axis import LABELS

HEIGHT = 62.0
"""mm."""

MOST_LIMITS = 6
"""Phases not seen that are named."""


def chain(result: Findings) -> Figure | None:
    """Draw the area of each phase over the dose; None where no area was measured.

    What shows no lattice is a grey line. Phases that were looked for and not seen stand below, with
    the largest piece that may have been overlooked.
    """
    table = result.phase_area
    shown = leading_phases(table, len(COLOURS))
    if not shown:
        return None
    with mpl.rc_context(STYLE):
        axis = FigureAxis.of(result)
        made = Figure(figsize=(WIDTH * MM, HEIGHT * MM), layout="constrained")
        axes = made.add_subplot()
        for i, name in enumerate(shown):
            _draw(axes, axis, table[table["phase"] == name], NAMES.get(name, name), i)
        _draw(axes, axis, table[table["phase"] == REST], NAMES[REST], None)
        axes.set_xlim(axis.edges[0], axis.edges[-1])
        axes.set_ylim(-4, 106)
        axes.set_yticks([0, 25, 50, 75, 100])
        axes.set_ylabel("area of the field (%)")
        axes.set_xlabel(LABELS[axis.along] + _missing(table))
        handles, labels = axes.get_legend_handles_labels()
        # Lines come before points otherwise, and what shows no lattice is last.
        order = sorted(range(len(labels)), key=lambda i: labels[i] == NAMES[REST])
        made.legend([handles[i] for i in order], [labels[i] for i in order],
                    loc="outside upper right", ncols=len(order))  # fmt: skip
    return made


def chain_png(result: Findings) -> bytes | None:
    """The same as a PNG file."""
    made = chain(result)
    if made is None:
        return None
    file = BytesIO()
    with mpl.rc_context(STYLE):
        made.savefig(file, format="png", dpi=DPI / 2)
    return file.getvalue()


def _draw(axes: Axes, axis: FigureAxis, rows: pd.DataFrame, name: str, i: int | None) -> None:
    middle = [
        axis.edges[[first, last + 1]].mean()
        for first, last in zip(rows["frame_first"], rows["frame_last"], strict=True)
    ]
    area, error = (rows[f"area{end}_percent"].to_numpy(float) for end in ("", "_se"))
    label = plain(name.replace("|", " or "))
    if i is None:
        axes.plot(middle, area, color="0.55", lw=0.8, ls=(0, (1, 1)), label=label, zorder=1)
    else:
        draw_curve(axes, np.array(middle), area, error, i, label)


def _missing(table: pd.DataFrame) -> str:
    said = limits_said(table)[:MOST_LIMITS]
    return f"\nnot seen: {plain(', '.join(said))}" if said else ""
