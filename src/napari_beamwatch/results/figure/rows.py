"""The upper rows of the figure of a result: pictures with transforms and the map, or patterns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.results.figure.choices import (
    Box,
    FigureSpot,
    Shot,
    around,
    phases_of,
    place,
    shots,
    spots_at,
    track_of,
    within,
)
from napari_beamwatch.results.figure.map import draw_map, field_of
from napari_beamwatch.results.figure.pictures import (
    blur_for,
    draw_exposure,
    draw_picture,
    draw_scale,
    followed,
    limits_of,
    smoothed,
)
from napari_beamwatch.results.figure.sheet import (
    GAP,
    LEFT,
    MAP_SIDE,
    PATTERN_SIDE,
    RIGHT,
    SIDE,
    Sheet,
)
from napari_beamwatch.results.figure.spectra import (
    NAMED,
    draw_spectrum,
    named,
    reach_of,
    spectrum_of_pattern,
    spectrum_of_tile,
    strongest,
)
from napari_beamwatch.results.figure.style import SPOT_COLOUR
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.spectra.windows import SMALLEST_WINDOW

Taken = list[tuple[str, Shot]]


def draw_pictures(
    sheet: Sheet, top: float, result: Findings, movie: Movie, row: pd.Series | None
) -> Taken:
    """Pictures with their transforms below and the map beside.

    Returns
    -------
    list of (str, Shot)
        Letter and frames of each picture.
    """
    shape = movie.shape[1:]
    where = place(result, row, shape)
    box = where.box
    taken = shots(movie, row)
    track = track_of(result, len(movie))
    moved = np.concatenate([track[shot.first : shot.last] for shot in taken])
    shrinking = row is not None and row["criterion"] == "mass_loss"
    field = (0, 0, *shape)
    part = field if shrinking else around(box, shape, moved)
    cuts = [
        followed(movie, shot, [part, box, field] if i == 0 else [part, box], track)
        for i, shot in enumerate(taken)
    ]
    spots = spots_at(result, where)
    size = part[2] - part[0], part[3] - part[1]
    sigma = blur_for(spots, size)
    shown = [smoothed(cut[0], sigma) for cut in cuts]
    transformed = min(box[2] - box[0], box[3] - box[1]) >= SMALLEST_WINDOW
    inner = within(box, part)
    for i, shot in enumerate(taken):
        left = LEFT + i * (SIDE + GAP)
        axes = sheet.axes(left, top, SIDE, SIDE)
        outlines = _outlines(result, shot, part, track) if shrinking else []
        known = inner if transformed else None
        draw_picture(axes, shown[i], size, limits_of(shown[0]), known, outlines)
        draw_exposure(axes, movie, shot)
        sheet.letter("abc"[i], left, top - 3.6)
        if i == 0 and movie.pixel_size is not None:
            draw_scale(axes, size[1] * movie.pixel_size / 10, "nm")
    if transformed:
        _draw_transforms(sheet, top + SIDE + GAP, movie, row, [cut[1] for cut in cuts], spots)
    key = []
    if transformed and spots:
        key.append(
            Line2D([], [], ls="none", marker="o", mfc="none", mec=SPOT_COLOUR, ms=5, mew=0.6,
                   label="spot that was followed")
        )  # fmt: skip
    draw_map_column(sheet, "d", top, result, cuts[0][2], key)
    return [("abc"[i], shot) for i, shot in enumerate(taken)]


def draw_map_column(
    sheet: Sheet,
    letter: str,
    top: float,
    result: Findings,
    under: NDArray[np.float32] | None = None,
    key: Sequence[Line2D] = (),
) -> None:
    """The map at the right edge, its colour bar and what its hatching means below."""
    left = RIGHT - MAP_SIDE
    rows, columns = field_of(result)
    height = MAP_SIDE * min(1.0, rows / columns)
    axes = sheet.axes(left, top, MAP_SIDE, height)
    bar = sheet.axes(left, top + height + 1.0, MAP_SIDE, 2.0)
    said = [*draw_map(axes, bar, result, under), *key]
    sheet.letter(letter, left, top - 3.6)
    if said:
        below = -4.6 if bar.axison else 0.0  # the numbers of the colour bar
        bar.legend(
            handles=said, loc="upper left", bbox_to_anchor=(0, below), borderaxespad=0, borderpad=0,
            ncols=2, fontsize=6, handlelength=1.6, columnspacing=1.2,
        )  # fmt: skip


def draw_patterns(
    sheet: Sheet, top: float, result: Findings, movie: Movie, row: pd.Series | None
) -> Taken:
    """Diffraction patterns about their centre.

    Returns
    -------
    list of (str, Shot)
        Letter and frames of each.
    """
    constant = result.settings.camera_constant
    assert constant is not None
    rows, columns = movie.shape[1:]
    taken = shots(movie, row)
    spots = spots_at(result, place(result, row, (rows, columns)))
    phases = phases_of(row)
    centre = rows / 2, columns / 2
    if spots:
        centre = float(result.spots["y_px"].iloc[0]), float(result.spots["x_px"].iloc[0])
    reach = reach_of(spots, phases, 1.0, max(rows, columns) / 2 / constant)
    still = track_of(result, len(movie))
    whole = (0, 0, rows, columns)
    spectra = [
        spectrum_of_pattern(followed(movie, shot, [whole], still)[0], centre, constant, reach)
        for shot in taken
    ]
    black = strongest(spectra, spots)
    for i, (shot, spectrum) in enumerate(zip(taken, spectra, strict=True)):
        left = LEFT + i * (PATTERN_SIDE + GAP)
        axes = sheet.axes(left, top, PATTERN_SIDE, PATTERN_SIDE)
        draw_spectrum(axes, spectrum, black, spots, spots[:NAMED] if i == 0 else [], phases[i], 10)
        draw_exposure(axes, movie, shot)
        sheet.letter("abc"[i], left, top - 3.6)
        if i == 0:
            draw_scale(axes, 20 * spectrum.reach, "nm⁻¹", "white")
    return [("abc"[i], shot) for i, shot in enumerate(taken)]


def _draw_transforms(
    sheet: Sheet,
    top: float,
    movie: Movie,
    row: pd.Series | None,
    tiles: Sequence[NDArray[np.float32]],
    spots: Sequence[FigureSpot],
) -> None:
    phases = phases_of(row)
    reach = reach_of(spots, phases, movie.pixel_size, 0.5)
    spectra = [spectrum_of_tile(tile, reach) for tile in tiles]
    black = strongest(spectra, spots)
    unit = 10 / movie.pixel_size if movie.pixel_size is not None else 0.0
    for i, names in enumerate(named(spectra, spots)):
        left = LEFT + i * (SIDE + GAP)
        axes = sheet.axes(left, top, SIDE, SIDE)
        draw_spectrum(axes, spectra[i], black, spots, names, phases[i], unit)
        sheet.letter("efg"[i], left + 0.8, top + 0.8)
        if i == 0:
            across = 2 * spectra[0].reach
            draw_scale(axes, across * (unit or 1.0), "nm⁻¹" if unit else "px⁻¹", "white")


def _outlines(
    result: Findings, shot: Shot, part: Box, track: NDArray[np.int64]
) -> list[NDArray[np.float64]]:
    """Outlines of the particles in the middle of a shot, from the corner of a part of the field."""
    if result.particles is None:
        return []
    middle = (shot.first + shot.last - 1) // 2
    table = result.particles.table
    rows = table[(table["frame_first"] <= middle) & (table["frame_last"] >= middle)]
    rows = rows[rows["area_px"].notna()]
    corner = track[middle] + part[:2]
    return [
        result.particles.outline(int(particle), int(number)) - corner
        for particle, number in zip(rows["particle"], rows["bin"], strict=True)
    ]
