"""Movies below each other at chosen doses, each picture with its transform: the eye's own check.

What one sees at a dose at room temperature stands above what is left of it in the cold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.figure.choices import (
    Shot,
    around,
    place,
    spots_at,
    subject,
    summed,
    track_of,
    within,
)
from napari_beamwatch.results.figure.pictures import (
    blur_for,
    draw_picture,
    draw_scale,
    exposure,
    followed,
    limits_of,
    smoothed,
)
from napari_beamwatch.results.figure.sheet import GAP, RIGHT, Sheet
from napari_beamwatch.results.figure.spectra import (
    draw_spectrum,
    reach_of,
    spectrum_of_tile,
    strongest,
)
from napari_beamwatch.results.figure.style import MM, STYLE, WIDTH, plain
from napari_beamwatch.results.findings import Findings

LEFT = 3.5
"""mm: where pictures begin."""

LARGEST_SIDE = 42.0
"""mm of a picture: few of them need not fill the sheet."""

WORDS, TITLE, BELOW = 3.6, 3.4, 2.2
"""mm: heights of the words of a row, of the doses below them, and what is left below a row."""

INSET = 0.42
"""Side of a transform, of that of its picture."""

COLUMNS = 5
"""Pictures of a movie where nobody names doses."""

MOST_ROWS, MOST_COLUMNS = 8, 10


@dataclass(frozen=True, eq=False)
class Row:
    """A movie of the strip, and the frames of each of its pictures; None where it had ended."""

    result: Findings
    movie: Movie
    onset: pd.Series | None
    shots: tuple[Shot | None, ...]


def strip(results: Sequence[Findings], doses: Sequence[float] | None = None) -> Figure:
    """Draw movies below each other at chosen doses, each picture with its transform.

    Parameters
    ----------
    results : sequence of Findings
        With their movies, of images.
    doses : sequence of float, optional
        e/Å² at which pictures are shown, in all movies the same; left open, five from the start to
        the end of each.

    Returns
    -------
    Figure
        180 mm wide. Pictures that were taken wholly after the first change are told in bold.

    Raises
    ------
    BeamwatchError
        If a movie is not at hand, is of patterns or knows no dose, or none of the doses is in it.
    """
    if not 1 <= len(results) <= MOST_ROWS:
        raise BeamwatchError(f"a strip shows 1 to {MOST_ROWS} movies, not {len(results)}")
    if doses is not None and not 1 <= len(doses) <= MOST_COLUMNS:
        raise BeamwatchError(f"a strip shows 1 to {MOST_COLUMNS} doses, not {len(doses)}")
    rows = [_row(result, doses) for result in results]
    columns = max(len(row.shots) for row in rows)
    side = min(LARGEST_SIDE, (RIGHT - LEFT - (columns - 1) * GAP) / columns)
    pitch = WORDS + TITLE + side + BELOW
    with mpl.rc_context(STYLE):
        height = 1.0 + pitch * len(rows) + 3.0
        made = Figure(figsize=(WIDTH * MM, height * MM))
        sheet = Sheet(made, height)
        for i, row in enumerate(rows):
            _draw_row(sheet, 1.0 + i * pitch, side, row, "abcdefgh"[i])
        made.text(
            LEFT / WIDTH, 1.0 / height, "dose of each picture in e/Å², the frames before it "
            "included; bold: wholly after the first lasting change", fontsize=6, color="0.3",
        )  # fmt: skip
    return made


def _row(result: Findings, doses: Sequence[float] | None) -> Row:
    movie = result.movie
    if movie is None:
        raise BeamwatchError("a movie of the strip was not found: its pictures cannot be shown")
    if result.settings.camera_constant is not None:
        raise BeamwatchError(f"{movie.name} is of diffraction patterns; a strip is of images")
    lit = np.flatnonzero(movie.lit)
    if not len(lit):
        raise BeamwatchError(f"{movie.name} has no frame with beam")
    begin, end = int(lit[0]), int(lit[-1]) + 1
    n = summed(begin, end)
    if doses is None:
        firsts = np.rint(np.linspace(begin, end - n, min(COLUMNS, end - begin))).astype(int)
        shots: list[Shot | None] = [Shot("", first, first + n) for first in firsts.tolist()]
    else:
        shots = [_at(movie, dose, begin, end, n) for dose in doses]
    if not any(shots):
        raise BeamwatchError(f"none of the doses lies in {movie.name}")
    return Row(result, movie, subject(result.onsets), tuple(shots))


def _at(movie: Movie, dose: float, begin: int, end: int, n: int) -> Shot | None:
    """Frames about the one that ends at a dose or after it; None if the record had ended."""
    if movie.dose is None or movie.dose_start is None:
        raise BeamwatchError(f"{movie.name} knows no doses: leave them open, or give its dose")
    if not movie.dose_start[begin] <= dose <= movie.dose[end - 1]:
        return None
    middle = int(np.searchsorted(movie.dose, dose))
    first = min(max(begin, middle - n // 2), end - n)
    return Shot("", first, first + n)


def _draw_row(sheet: Sheet, top: float, side: float, row: Row, letter: str) -> None:
    movie, shape = row.movie, row.movie.shape[1:]
    sheet.letter(letter, LEFT, top)
    sheet.made.text(
        (LEFT + 3.5) / WIDTH, 1 - top / sheet.height, plain(_said(row)), ha="left", va="top",
        fontsize=7,
    )  # fmt: skip
    top += WORDS + TITLE
    where = place(row.result, row.onset, shape)
    track = track_of(row.result, len(movie))
    shown = [shot for shot in row.shots if shot is not None]
    moved = np.concatenate([track[shot.first : shot.last] for shot in shown])
    part = around(where.box, shape, moved)
    cuts = [followed(movie, shot, [part, where.box], track) for shot in shown]
    spots = spots_at(row.result, where)
    size = part[2] - part[0], part[3] - part[1]
    sigma = blur_for(spots, size)
    pictures = [smoothed(cut[0], sigma) for cut in cuts]
    reach = reach_of(spots, (), movie.pixel_size, 0.5)
    spectra = [spectrum_of_tile(cut[1], reach) for cut in cuts]
    black = strongest(spectra, spots)
    unit = 10 / movie.pixel_size if movie.pixel_size is not None else 0.0
    box = within(where.box, part)
    beside = box[1] + box[3] < size[1]  # on the right where the box lies on the left
    drawn = iter(zip(pictures, spectra, strict=True))
    for i, shot in enumerate(row.shots):
        left = LEFT + i * (side + GAP)
        axes = sheet.axes(left, top, side, side)
        if shot is None:
            _draw_ended(axes)
            continue
        picture, spectrum = next(drawn)
        draw_picture(axes, picture, size, limits_of(pictures[0]), box)
        weight = "bold" if _changed(row, shot) else "normal"
        axes.set_title(exposure(movie, shot), fontsize=6.5, pad=2.0, fontweight=weight)
        inner = sheet.axes(left + beside * (1 - INSET) * side, top, INSET * side, INSET * side)
        draw_spectrum(inner, spectrum, black, spots, [], None, unit)
        if shot is shown[0] and movie.pixel_size is not None:
            draw_scale(axes, size[1] * movie.pixel_size / 10, "nm")


def _changed(row: Row, shot: Shot) -> bool:
    """Whether the first lasting change was over before the pictures were taken."""
    if row.onset is None or pd.isna(row.onset["onset_frame"]):
        return False
    high, start = row.onset["onset_high_e_per_A2"], row.movie.dose_start
    if pd.isna(high) or start is None:
        return shot.first > int(row.onset["onset_frame"])
    return bool(start[shot.first] >= float(high))


def _said(row: Row) -> str:
    """What the movie is, and when it changed."""
    known, rate = row.movie.conditions, row.movie.dose_rate
    said = [known.compound or row.movie.name]
    if known.temperature_C is not None:
        said.append(f"{known.temperature_C:g} °C".replace("-", "−"))
    if rate is not None:
        said.append(f"{rate:.3g} e/Å²/s")
    if row.onset is not None:
        when, survived = row.onset["onset_dose_e_per_A2"], row.onset["survived_dose_e_per_A2"]
        if pd.notna(when):
            said.append(f"first lasting change at {dose_text(float(when))} e/Å²")
        elif pd.notna(survived):
            said.append(f"held to {dose_text(float(survived))} e/Å²")
    return " · ".join(said)


def _draw_ended(axes: Axes) -> None:
    """What stands where a record had ended."""
    axes.text(
        0.5, 0.5, "not recorded", ha="center", va="center", transform=axes.transAxes, color="0.4"
    )
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, linewidth=0.5, color="0.7")
