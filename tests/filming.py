"""Simulated movies that are filmed once: each pass of an analysis would film them anew."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.movie import SimulatedMovie


def filmed(case: Any, **how: Any) -> SimulatedMovie:
    """As `simulate` makes it, with its frames in memory."""
    movie = simulate(case, **how)
    frames = ArrayFrames(movie.frames.compute())
    return replace(movie, recording=replace(movie.recording, frames=frames))
