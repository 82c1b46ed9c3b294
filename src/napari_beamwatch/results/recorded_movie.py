"""The movie of a run, opened and cut as its record says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.results.movie_files import (
    LOADING,
    Door,
    PathLike,
    files_given,
    files_now,
)
from napari_beamwatch.results.record import explained
from napari_beamwatch.results.reopening import Recipe, differences, given_from_plain
from napari_beamwatch.results.run_folder import RECORD


def movie_of_record(
    folder: Path,
    record: Mapping[str, Any],
    profile: NDArray[np.float32] | None,
    movie: Movie | PathLike | Sequence[PathLike] | None = None,
    door: Door = LOADING,
) -> tuple[Movie | None, str]:
    """The movie that was analysed, or why it is not at hand.

    Parameters
    ----------
    folder : Path
        Of the run.
    record : mapping
        Of it.
    profile : array or None
        Beam profile of the run.
    movie : Movie or path or sequence of paths, optional
        Itself, or where it is now. It is refused if it is another.
    door : Door
        What people are told.
    """
    with explained(folder / RECORD):
        facts = record["movie"]
        recipe = Recipe.from_plain(facts, facts["files"])
        given = given_from_plain(facts["given"], profile)
        if isinstance(movie, Movie):
            _check_same(movie, facts)
            return movie, ""
        if movie is not None:
            found = recipe.movie(files_given(movie, facts, door), given)
            _check_same(found, facts)
            return found, ""
        files, said = files_now(folder, recipe, facts, door)
        return (None, said) if said else _reopened(recipe, files, given, facts)


def _check_same(movie: Movie, facts: Mapping[str, Any]) -> None:
    other = differences(movie, facts)
    if other:
        raise BeamwatchError(f"{movie.name} is not the movie of this run: {other}")


def _reopened(
    recipe: Recipe, files: Sequence[Path], given: Any, facts: Mapping[str, Any]
) -> tuple[Movie | None, str]:
    try:
        movie = recipe.movie(files, given)
    except BeamwatchError as error:
        return None, f"the movie could not be opened again: {error}"
    other = differences(movie, facts)
    if other:
        return None, f"the movie {files[0]} cannot be opened as it was analysed: {other}"
    return movie, ""
