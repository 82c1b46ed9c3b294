"""What is opened off the main thread: movies, saved runs, EER movies added up another way.

No Qt: layers are made where the files are read, and are only shown in the window.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from napari.layers import Layer

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.ours import RESULT
from napari_beamwatch._napari.overlays import overlay_layers
from napari_beamwatch._napari.placement import Placement
from napari_beamwatch._napari.run_reader import MovieMovedError, read
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie, open_movie
from napari_beamwatch.results.reopening import Recipe
from napari_beamwatch.results.result import Result

FRACTION = "fraction_frames"
"""Of the keywords that open a movie: EER movies alone have it."""


@dataclass(frozen=True, eq=False)
class Opened:
    """Layers that wait to be shown.

    Attributes
    ----------
    layer : Layer
        Of the movie.
    movie : Movie
    result : Result or None
        That came with it.
    overlays : list of Layer
        Of the result.
    """

    layer: Layer
    movie: Movie
    result: Result | None = None
    overlays: tuple[Layer, ...] = ()


def opened_movie(path: Path, how: Mapping[str, Any] | None = None) -> Opened:
    """A movie and its layer; `how` are further words for `open_movie`."""
    movie = open_movie(path, **(how or {}))
    return Opened(Layer.create(*movie_layer(movie)), movie)


def opened_run(folder: Path, movie: Path | None) -> Opened | MovieMovedError:
    """A run with its movie, or that the movie is elsewhere and somebody must say where."""
    try:
        (made, *_) = read(str(folder / "run.json"), movie)
    except MovieMovedError as moved:
        return moved
    result: Result = made[1]["metadata"][RESULT]
    assert result.movie is not None  # or it would have moved
    placed = overlay_layers(result, Placement.of_movie(result.movie))
    return Opened(Layer.create(*made), result.movie, result, tuple(placed))


def raw_per_frame(movie: Movie | None) -> int | None:
    """Raw frames in a frame of an EER movie that can be added up another way; else None."""
    if movie is None:
        return None
    recipe = Recipe.of(movie)
    if FRACTION not in recipe.opening or recipe.steps or len(recipe.files) != 1:
        return None
    return int(recipe.opening[FRACTION])


def fractioned(movie: Movie, how: Mapping[str, Any]) -> Movie:
    """The EER movie with other frames.

    Parameters
    ----------
    movie : Movie
        As it is; what the user said of it still holds.
    how : mapping
        ``fraction_frames`` or ``fraction_dose``, as `open_movie` takes them.
    """
    given, before = movie.given, raw_per_frame(movie)
    if before is None:
        raise BeamwatchError("only a whole EER movie that lies in a file can be added up anew")
    if given.dose_table is not None or isinstance(given.frame_dose, np.ndarray):
        raise BeamwatchError(
            "the dose of each frame was given one by one, so the frames cannot be added up "
            "another way; open the file again"
        )
    recipe = Recipe.of(movie)
    opening = {name: value for name, value in recipe.opening.items() if name != FRACTION}
    again = open_movie(
        recipe.files[0],
        gain=recipe.gain_file,
        pixel_size=given.pixel_size,
        dose_rate=given.dose_rate,
        dose_calibration=given.dose_calibration,
        **opening,
        **how,
    )
    # What was said of one frame is said of its raw frames.
    more = int(Recipe.of(again).opening[FRACTION]) / before
    dose, time = given.frame_dose, given.frame_time
    given = replace(
        given,
        frame_dose=None if dose is None else dose * more,
        frame_time=None if time is None else time * more,
    )
    return replace(again, given=given)
