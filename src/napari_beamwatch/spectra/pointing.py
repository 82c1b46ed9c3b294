"""Which peak a click in a spectrum means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.finding import Search, Segment, find_peaks
from napari_beamwatch.spectra.peaks import distance
from napari_beamwatch.spectra.windows import Grid

ALPHA = 0.01
"""Chance that noise is taken for a peak, over all bins that a click may mean."""

NEAR = 3.0
"""Bins from a peak within which a click means it, where the screen shows bins apart."""

LARGEST = 1024
"""Pixels of a window: of a larger region the windows lie side by side."""


@dataclass(frozen=True, eq=False)
class Click:
    """A place of a spectrum that was clicked.

    Attributes
    ----------
    movie : Movie
    region : Region or None
        None is the whole field.
    first, last : int
        Frames ``first:last`` are added up in the spectrum.
    gy, gx : float
        Cycles per pixel.
    reach : float
        How far the click may be from a peak, in cycles per pixel, as the screen resolves it.
    """

    movie: Movie
    region: Region | None
    first: int
    last: int
    gy: float
    gx: float
    reach: float


def nearest_peak(click: Click) -> tuple[float, float]:
    """The peak next to a click, (gy, gx) in cycles per pixel with gx ≥ 0, between the bins.

    Raises
    ------
    BeamwatchError
        If there is noise alone.
    """
    movie = click.movie[click.first : click.last]
    if click.region is not None:
        y0, x0, y1, x1 = click.region.box
        movie = movie.crop(y0, y1, x0, x1)
    _, height, width = movie.shape
    side = min(height, width, LARGEST) // 2 * 2
    grid = Grid(height, width, side, max(1, side // 2))
    image = np.asarray(movie.sum(len(movie)).frame(0), np.float32)
    single = click.movie.counting is not None and click.movie.counting.kind == "single"
    segment = Segment(click.first, click.last, image, single)
    peaks = find_peaks([segment], grid, Search(ALPHA, added=((click.gy, click.gx),)))
    away = [distance(gy, gx, click.gy, click.gx) for gy, gx in zip(peaks.gy, peaks.gx, strict=True)]
    reach = max(click.reach, NEAR / side)
    if not away or min(away) > reach:
        raise BeamwatchError(_refusal(click, float(np.hypot(click.gy, click.gx))))
    # Windows of a region show one spot several times: of those nearby the strongest speaks.
    near = np.flatnonzero(np.array(away) <= min(away) + NEAR / 2 / side)
    best = int(near[np.argmax(peaks.snr[near])])
    return float(peaks.gy[best]), float(peaks.gx[best])


def _refusal(click: Click, g: float) -> str:
    if click.movie.pixel_size is None:
        place = f"{1 / g:.2f} px"
    else:
        place = f"{click.movie.pixel_size / g:.3f} Å"
    return (
        f"nothing stands above the noise at {place} in these frames, so no spot is added; "
        "sum more frames, or click nearer to a peak"
    )
