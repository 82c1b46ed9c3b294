"""What one frame of a diffraction movie shows along its radius, at once: for a live view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.spectra.diffraction.background import LOWEST_RADIUS
from napari_beamwatch.spectra.diffraction.centre import find_centre
from napari_beamwatch.spectra.diffraction.drifting import CoarsePattern
from napari_beamwatch.spectra.diffraction.polar import Geometry, PolarReader
from napari_beamwatch.spectra.power import summed_frames

Floats = NDArray[np.float64]

SEEN = 0.3
"""Part of the way round at which a radius must be seen."""


@dataclass(frozen=True, eq=False)
class PatternProfile:
    """Counts along the radius of a sum of frames.

    Attributes
    ----------
    radius : array of float64
        Pixels from the centre, from beyond the direct beam on.
    mean : array of float64
        Counts per pixel that is seen.
    y, x : float
        The centre, in pixels.
    first, last : int
        Frames ``first:last`` were added up.
    """

    radius: Floats
    mean: Floats
    y: float
    x: float
    first: int
    last: int


def pattern_profile(movie: Movie, frame: int, n: int = 1) -> PatternProfile:
    """Counts around the centre of the patterns around a frame; rings are taken for circles.

    Parameters
    ----------
    movie : Movie
    frame : int
        0-based.
    n : int
        Frames added up, as `power_spectrum` takes them.
    """
    first, last = summed_frames(frame, n, len(movie))
    coarse = CoarsePattern.of(movie.recording.frames, np.ones(len(movie), bool))
    total = coarse((first, last), lambda _: None)
    if total is None:
        raise BeamwatchError(f"{movie.name} shows nothing in these frames")
    centre = find_centre(total)
    polar = PolarReader(Geometry(centre.y, centre.x), ~centre.seen)(total)
    counts, pixels = polar.around()
    radius = np.arange(len(counts), dtype=np.float64) * polar.step
    shown = pixels >= SEEN * 2 * np.pi * np.maximum(radius, 1) * polar.step
    shown &= radius * coarse.by >= LOWEST_RADIUS
    by = coarse.by
    return PatternProfile(
        radius=radius[shown] * by,
        mean=counts[shown] / pixels[shown] / by**2,
        y=(centre.y + 0.5) * by - 0.5,
        x=(centre.x + 0.5) * by - 0.5,
        first=first,
        last=last,
    )
