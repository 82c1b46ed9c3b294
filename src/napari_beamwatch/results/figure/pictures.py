"""Pictures of a movie for print: means of frames that follow the specimen, with scale and dose."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_beamwatch.movies import Movie
from napari_beamwatch.quantities import dose_text
from napari_beamwatch.results.figure.choices import Box, FigureSpot, Shot
from napari_beamwatch.results.figure.style import SPOT_COLOUR

Picture = NDArray[np.float32]

MOST_PIXELS = 512
"""Of a picture along a side: what is printed shows no more."""

BLUR = 0.2
"""Standard deviation of the smoothing over the spacing of the fringes: they keep 45 % of their
contrast, noise 9 % where fringes have 16 pixels."""

PLAIN_BLUR = 1 / 300
"""The same of a picture without a lattice, over its side."""

UNSEEN = "0.85"
"""Grey of what lay outside the frames."""


def followed(
    movie: Movie, shot: Shot, boxes: Sequence[Box], track: NDArray[np.int64]
) -> list[Picture]:
    """Mean of the frames of a shot in some boxes that move along with the specimen.

    Parameters
    ----------
    movie : Movie
    shot : Shot
    boxes : sequence of (y0, x0, y1, x1)
        In the first lit frame; they may reach out of it.
    track : array (frames, 2)
        Whole pixels (dy, dx) that the specimen lies below and right of where it was.

    Returns
    -------
    list of array of float32
        One a box; NaN where none of the frames saw anything.
    """
    sums = [np.zeros((y1 - y0, x1 - x0), np.float32) for y0, x0, y1, x1 in boxes]
    seen = [np.zeros(total.shape, np.float32) for total in sums]
    for t in range(shot.first, shot.last):
        frame = np.asarray(movie.frame(t), np.float32)
        for (y0, x0, y1, x1), total, count in zip(boxes, sums, seen, strict=True):
            dy, dx = track[t]
            rows = slice(max(0, y0 + dy), max(0, min(frame.shape[0], y1 + dy)))
            columns = slice(max(0, x0 + dx), max(0, min(frame.shape[1], x1 + dx)))
            part = frame[rows, columns]
            known = np.isfinite(part)
            to = np.s_[
                rows.start - y0 - dy : rows.start - y0 - dy + part.shape[0],
                columns.start - x0 - dx : columns.start - x0 - dx + part.shape[1],
            ]
            total[to] += np.where(known, part, 0)
            count[to] += known
    with np.errstate(invalid="ignore"):
        return [total / count for total, count in zip(sums, seen, strict=True)]


def smoothed(image: Picture, sigma: float) -> Picture:
    """A picture relative to its mean, smoothed, of no more pixels than are printed."""
    known = np.isfinite(image)
    mean = float(image[known].mean()) if known.any() else 0.0
    relative = np.where(known, image / mean, 1.0).astype(np.float32) if mean > 0 else 0 * image
    blurred = gaussian_filter(relative, sigma) if sigma > 0 else relative
    return binned(np.where(known, blurred, np.nan).astype(np.float32))


def blur_for(spots: Sequence[FigureSpot], size: tuple[int, int]) -> float:
    """How far a picture is smoothed, in pixels: by the fringes of its strongest spot, the first."""
    if not spots:
        return PLAIN_BLUR * max(size)
    return float(BLUR / np.hypot(spots[0].gy, spots[0].gx))


def binned(image: Picture) -> Picture:
    """A picture of no more pixels than are printed, each the mean of those it stands for."""
    n = -(-max(image.shape) // MOST_PIXELS)
    if n == 1:
        return image
    height, width = (size // n * n for size in image.shape)
    parts = image[:height, :width].reshape(height // n, n, width // n, n)
    return np.asarray(parts.mean(axis=(1, 3)), np.float32)


def limits_of(picture: Picture) -> tuple[float, float]:
    """Black and white of all pictures of a figure, from the first: else no fading would be seen."""
    known = picture[np.isfinite(picture)]
    low, high = np.percentile(known, (0.5, 99.5)) if len(known) else (0.0, 1.0)
    return float(low), max(float(high), float(low) + 1e-6)


def draw_picture(
    axes: Axes,
    picture: Picture,
    size: tuple[int, int],
    limits: tuple[float, float],
    box: Box | None,
    outlines: Sequence[NDArray[np.float64]] = (),
) -> None:
    """A smoothed mean of frames, where the transform is taken, and outlines of particles.

    Parameters
    ----------
    axes : Axes
    picture : array of float32
        As made by `smoothed`.
    size : (rows, columns)
        In pixels of the movie.
    limits : (float, float)
        What is black and what is white.
    box : tuple of int or None
        (y0, x0, y1, x1) in pixels of the movie, from the corner of the picture.
    outlines : sequence of array (n, 2)
        (y, x) likewise.
    """
    axes.set_facecolor(UNSEEN)
    extent = (0.0, float(size[1]), float(size[0]), 0.0)
    axes.imshow(picture, cmap="gray", vmin=limits[0], vmax=limits[1], extent=extent)
    for points in outlines:
        outline = Polygon(points[:, ::-1], fill=False, ec=SPOT_COLOUR, lw=0.9)
        axes.add_patch(outline)
    if box is not None:
        y0, x0, y1, x1 = box
        # White on black: seen on any ground.
        for colour, width, dash in (("black", 1.6, "-"), ("white", 0.8, "--")):
            axes.add_patch(
                Rectangle((x0, y0), x1 - x0, y1 - y0, fill=False, ec=colour, lw=width, ls=dash)
            )
    bare(axes)


def draw_scale(axes: Axes, across: float, unit: str, ground: str = "black") -> None:
    """A bar of a round length, near a quarter of the width, in the lower left corner.

    Parameters
    ----------
    axes : Axes
    across : float
        Width of the picture, in `unit`.
    unit : str
    ground : {"black", "white"}
        Of the box behind; the bar is in the other.
    """
    target = across / 4
    power = 10.0 ** np.floor(np.log10(target))
    length = float(max(n * power for n in (1, 2, 5) if n * power <= target))
    part = length / across
    ink = "white" if ground == "black" else "black"
    known: dict[str, Any] = {"transform": axes.transAxes, "ec": "none", "zorder": 4}
    words = f"{length:g} {unit}"
    wide = max(part, 0.042 * len(words)) + 0.06
    box = Rectangle((0.03, 0.03), wide, 0.15, fc=ground, alpha=0.65, **known)
    axes.add_patch(box)
    axes.add_patch(Rectangle((0.06, 0.06), part, 0.022, fc=ink, **known))
    axes.text(
        0.06, 0.092, words, transform=axes.transAxes, color=ink, fontsize=6, va="bottom", zorder=5,
    )  # fmt: skip


def draw_exposure(axes: Axes, movie: Movie, shot: Shot) -> None:
    """What a picture shows, and the dose it took."""
    axes.set_title(shot.word, loc="left", x=0.09, fontsize=6.5, pad=2.5)
    axes.set_title(exposure(movie, shot), loc="right", fontsize=6.5, pad=2.5)


def exposure(movie: Movie, shot: Shot) -> str:
    """Doses at the start and end of a shot, or its frames where no dose is known."""
    if movie.dose is None or movie.dose_start is None:
        return f"frames {shot.first + 1}–{shot.last}"
    ends = movie.dose_start[shot.first], movie.dose[shot.last - 1]
    return "–".join(dose_text(dose, 4) for dose in ends) + " e/Å²"


def bare(axes: Axes) -> None:
    """Neither ticks nor spines."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
