"""The figure of a result: pictures before, at and after the onset, curves, and the onset map.

Imports matplotlib, so it is imported only where a figure is drawn. No display is needed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.results.figure_choices import (
    along,
    around,
    curves,
    phases_of,
    place,
    shots,
    subject,
)
from napari_beamwatch.results.figure_panels import (
    draw_conditions,
    draw_intensity,
    draw_map,
    draw_picture,
    draw_spacing,
    draw_spectrum,
)
from napari_beamwatch.results.result import Result
from napari_beamwatch.spectra.power import spectrum_of
from napari_beamwatch.spectra.windows import SMALLEST_WINDOW

WIDTH = 7.2
"""Inches: two columns of a journal."""

DPI = 200

STYLE: dict[str, Any] = {
    "font.size": 7,
    "font.family": "sans-serif",
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "none",  # words stay words, for the journal's own hand
    "svg.hashsalt": "beamwatch",  # the same result makes the same file
    "pdf.fonttype": 42,
}


def figure(result: Result, movie: Movie | None = None) -> Figure:
    """Draw a result for print: vector, readable in grey and by the colour-blind.

    Parameters
    ----------
    result : Result
    movie : Movie, optional
        Whose frames are shown; without one the pictures are left out.

    Returns
    -------
    Figure
        Not registered with pyplot: nothing needs to be closed.
    """
    with mpl.rc_context(STYLE):
        row = subject(result.onsets)
        if movie is None:
            made = Figure(figsize=(WIDTH, 3.9), layout="constrained")
            grid = GridSpec(2, 3, made, width_ratios=[1.2, 1.2, 1], height_ratios=[1.25, 1])
            intensity = made.add_subplot(grid[0, :2])
            spacing = made.add_subplot(grid[1, :2], sharex=intensity)
            map_axes, words = made.add_subplot(grid[0, 2]), made.add_subplot(grid[1, 2])
            under = None
        else:
            made = Figure(figsize=(WIDTH, 6.0), layout="constrained")
            grid = GridSpec(4, 4, made, height_ratios=[1.75, 1.4, 1.2, 0.85])
            intensity = made.add_subplot(grid[2, :])
            spacing = made.add_subplot(grid[3, :], sharex=intensity)
            map_axes, words = made.add_subplot(grid[0, 3]), made.add_subplot(grid[1, 3])
            under = _draw_frames(made, grid, result, movie, row)
        draw_map(map_axes, result, under)
        draw_conditions(words, result, row)
        found = curves(result)
        draw_intensity(intensity, result, found)
        draw_spacing(spacing, result, found)
        spacing.set_xlabel(
            "accumulated dose (e/Å²)" if along(result) == "dose" else "frame", labelpad=2
        )
        intensity.tick_params(labelbottom=False)
        _letter(made)
        made.draw_without_rendering()
        made.set_layout_engine("none")  # laid out once, for all files
    return made


def write_figure(result: Result, movie: Movie | None, *paths: Path) -> None:
    """Draw a result and write it, as the ending of each path says: .png, .svg or .pdf.

    A movie whose file cannot be read any more costs the pictures, not the figure.
    """
    try:
        made = figure(result, movie)
    except (BeamwatchError, OSError):
        if movie is None:
            raise
        made = figure(result, None)
    for path in paths:
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        ending = path.suffix.lower().lstrip(".")
        if ending not in ("png", "svg", "pdf"):
            raise BeamwatchError(f"a figure is written as .png, .svg or .pdf, not {path.name}")
        with mpl.rc_context(STYLE):
            made.savefig(path, format=ending, dpi=DPI, metadata=dated.get(ending))


def _draw_frames(
    made: Figure, grid: GridSpec, result: Result, movie: Movie, row: pd.Series | None
) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Pictures and their transforms; the first whole picture, to lie under the map."""
    shape = movie.shape[1:]
    box = place(result, row, shape)
    part = around(box, shape)
    of_images = result.settings.camera_constant is None
    wide = min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_WINDOW
    first: np.ndarray[Any, np.dtype[np.float32]] | None = None
    phases = phases_of(row)
    brightest = None
    finest = result.spots["d_px"].min()
    # Fringes stand out of the noise, and keep five pixels each.
    bins = max(1, int(finest / 5)) if of_images and pd.notna(finest) else 1
    for i, shot in enumerate(shots(movie, row)):
        total = np.zeros(shape, np.float32)
        for t in range(shot.first, shot.last):
            total += np.nan_to_num(np.asarray(movie.frame(t), np.float32))
        first = total if first is None else first
        picture = made.add_subplot(grid[0 if of_images else slice(0, 2), i])
        cut = total[part[0] : part[2], part[1] : part[3]] if of_images else total
        inner = tuple(b - part[k % 2] for k, b in enumerate(box)) if of_images and wide else None
        draw_picture(picture, cut, movie, shot, inner, bins, with_bar=i == 0 and of_images)
        if of_images and wide:
            tile = np.ascontiguousarray(total[box[0] : box[2], box[1] : box[3]])
            power, _ = spectrum_of(tile, np.ones(tile.shape, bool))
            axes = made.add_subplot(grid[1, i])
            brightest = draw_spectrum(axes, power, result, phases[i], brightest, with_names=i != 1)
    assert first is not None
    return first


def _letter(made: Figure) -> None:
    """Give each panel its letter, in the order of reading."""
    axes = [one for one in made.axes if one.axison and one.get_label() != "<colorbar>"]
    for letter, one in zip("abcdefghijkl", sorted(axes, key=_place), strict=False):
        one.set_title(letter, loc="left", fontweight="bold", fontsize=8, pad=3)


def _place(axes: Axes) -> tuple[int, int]:
    spec = axes.get_subplotspec()
    assert spec is not None
    return spec.rowspan.start, spec.colspan.start
