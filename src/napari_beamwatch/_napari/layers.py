"""A movie as a napari layer: calibrated, lazy, and honest about what is not known."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_beamwatch.harmless import printable
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.description import describe
from napari_beamwatch.movies.display import display_range

LayerData = tuple[Any, dict[str, Any], str]

SMOOTH = "gaussian"
"""How pixels of several frames are drawn: the next ones alone, where many fall on one of the
screen, are noise."""


def movie_layer(movie: Movie, truth: dict[str, Any] | None = None) -> LayerData:
    """An image layer of a movie; no frame is decoded.

    The layer's scale is in nm (pixels where the pixel size is unknown) and, along time, in
    s (frames where no time is known). Its metadata holds the movie and what is known of it.
    """
    times = movie.times
    nm = None if movie.pixel_size is None else movie.pixel_size / 10
    step = None if times is None else _step(times)
    metadata: dict[str, Any] = {"movie": movie, "beamwatch": describe(movie)}
    if truth is not None:
        metadata["truth"] = truth
    return (
        movie.frames,
        {
            "name": printable(movie.name),
            "scale": (step or 1.0, nm or 1.0, nm or 1.0),
            "units": ("s" if step else "pixel", *(("nm", "nm") if nm else ("pixel", "pixel"))),
            "axis_labels": ("t", "y", "x"),
            "contrast_limits": display_range(movie),
            "colormap": "gray",
            "metadata": metadata,
        },
        "image",
    )


def _step(times: Any) -> float | None:
    """Seconds between frames, where that is one number."""
    steps = np.diff(times, prepend=0.0)[1:] if len(times) > 1 else times
    step = float(np.median(steps))
    return step if step > 0 else None
