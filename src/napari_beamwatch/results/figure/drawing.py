"""The figure of a result: pictures before, at and after the onset, curves, and the onset map.

Imports matplotlib, so it is imported only where a figure is drawn. No display is needed.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.results.figure.choices import subject
from napari_beamwatch.results.figure.curves import FigureAxis, areas, curves
from napari_beamwatch.results.figure.panels import (
    conditions,
    draw_areas,
    draw_intensity,
    draw_spacing,
    heading,
    key_rows,
)
from napari_beamwatch.results.figure.rows import (
    Taken,
    draw_map_column,
    draw_patterns,
    draw_pictures,
)
from napari_beamwatch.results.figure.sheet import (
    GAP,
    INTENSITY,
    LEFT,
    LOWER,
    MAP_SIDE,
    PATTERN_SIDE,
    RIGHT,
    SIDE,
    Sheet,
)
from napari_beamwatch.results.figure.style import MM, STYLE, WIDTH, write_drawn
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.frame_axis import LABELS, Along


def figure(result: Findings, movie: Movie | None = None, *, along: Along | None = None) -> Figure:
    """Draw a result for print: vector, readable in grey and by the colour-blind.

    Parameters
    ----------
    result : Findings
    movie : Movie, optional
        Whose frames are shown; without one the pictures are left out.
    along : {"dose", "time", "frame"}, optional
        What the curves are drawn against; left open, dose if it is known, else frames.

    Returns
    -------
    Figure
        180 mm wide. Not registered with pyplot: nothing needs to be closed.
    """
    if movie is not None and len(movie) != len(result.field):
        raise BeamwatchError(
            f"the movie has {len(movie)} frames, the one that was analysed {len(result.field)}"
        )
    with mpl.rc_context(STYLE):
        axis = FigureAxis.of(result, along)
        row = subject(result.onsets)
        found = curves(result, axis)
        lines = heading(result, row)
        patterns = result.settings.camera_constant is not None
        side = PATTERN_SIDE if patterns else 2 * SIDE + GAP
        head = 1.5 + 3.6 * len(lines) + 8.5
        top = head + (2.0 if movie is None else side + 8.0) + 3.0 * key_rows(found)
        height = top + INTENSITY + LOWER + 11.5
        made = Figure(figsize=(WIDTH * MM, height * MM))
        sheet = Sheet(made, height)
        for i, line in enumerate(lines):
            sheet.words(1.5 + 3.6 * i, line, fontsize=8, fontweight="bold")
        known = result.movie if movie is None else movie
        sheet.words(1.9 + 3.6 * len(lines), conditions(known), fontsize=6.5, color="0.25",
                    parse_math=False)  # fmt: skip
        taken: Taken = []
        right, letters = RIGHT, "hi"
        if movie is None:
            letters = "ab"
            if not patterns:
                right -= MAP_SIDE + 6.0
                draw_map_column(sheet, "c", top, result)
        elif patterns:
            taken, letters = draw_patterns(sheet, head, result, movie, row), "de"
        else:
            taken = draw_pictures(sheet, head, result, movie, row)
        intensity = sheet.axes(LEFT, top, right - LEFT, INTENSITY)
        lower = sheet.axes(LEFT, top + INTENSITY + 2.5, right - LEFT, LOWER)
        lower.sharex(intensity)
        draw_intensity(intensity, result, axis, found, taken)
        shrunk = areas(result, axis)
        if shrunk and row is not None and row["criterion"] == "mass_loss":
            draw_areas(lower, result, axis, shrunk)
        else:
            draw_spacing(lower, result, axis, found)
        lower.set_xlabel(LABELS[axis.along], labelpad=2)
        intensity.tick_params(labelbottom=False)
        made.align_ylabels([intensity, lower])
        sheet.letter(letters[0], 1.5, top - 1.5)
        sheet.letter(letters[1], 1.5, top + INTENSITY + 1.5)
    return made


def write_figure(
    result: Findings, movie: Movie | None, *paths: Path, along: Along | None = None
) -> None:
    """Draw a result and write it, as the ending of each path says: .png, .svg or .pdf.

    A movie whose file cannot be read any more costs the pictures, not the figure.
    """

    def draw() -> Figure:
        FigureAxis.of(result, along)  # an axis that is not known is no fault of the movie's file
        try:
            return figure(result, movie, along=along)
        except (BeamwatchError, OSError):
            if movie is None:
                raise
            return figure(result, None, along=along)

    write_drawn(draw, *paths)
