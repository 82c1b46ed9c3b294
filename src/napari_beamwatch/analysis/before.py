"""Whether a run that is there is the one that would be made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.results.array_files import read_arrays
from napari_beamwatch.results.record import (
    explained,
    read_record,
    regions_of,
    settings_of,
    versions_here,
)
from napari_beamwatch.results.reopening import Recipe, given_to_plain
from napari_beamwatch.results.run_folder import FILES, PROFILE, RECORD, WINDOW_TRACES, listed
from napari_beamwatch.settings import KNOBS, Settings

OURS = "napari-beamwatch"


def differs(folder: Path, movie: Movie, settings: Settings, regions: Sequence[Region]) -> str:
    """What sets a run apart from an analysis of this movie with these words; empty if nothing does.

    Parameters
    ----------
    folder : Path
        Of the run.
    movie : Movie
        Opened and told as it would be analysed.
    settings : Settings
    regions : sequence of Region
    """
    wanted = _as_chosen(settings, movie)
    try:
        record = read_record(folder)
        with explained(folder / RECORD):
            return next(_differences(folder, record, movie, wanted, regions), "")
    except BeamwatchError as error:
        return f"but it cannot be read ({error})"


def _differences(
    folder: Path,
    record: Mapping[str, Any],
    movie: Movie,
    wanted: Settings,
    regions: Sequence[Region],
) -> Iterator[str]:
    facts, here = record["movie"], versions_here()[OURS]
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        yield f"but without {listed(missing)}"
    if record["versions"][OURS] != here:
        yield f"made by version {record['versions'][OURS]}, this is {here}"
    if (facts["name"], facts["hash"]) != (movie.name, movie.recording.files.hash):
        yield f"of another movie than {movie.source} is now"
    recipe = Recipe.of(movie).to_plain()
    if any(facts[name] != said for name, said in recipe.items()):
        yield "with frames that were cut or added up otherwise"
    told = _names(_told(facts["given"]), _told(given_to_plain(movie.given)))
    if told or _profile_differs(folder, movie):
        yield f"of the movie told otherwise ({listed(told or ['beam profile'])})"
    was = settings_of(record)
    other = [name for name in KNOBS if getattr(was, name) != getattr(wanted, name)]
    if other:
        yield f"with other settings ({listed(other)})"
    if regions_of(record) != tuple(regions):
        yield "with other regions"


def _as_chosen(settings: Settings, movie: Movie) -> Settings:
    """The settings as the record of a run has them: what was left open, the movie decides."""
    if settings.camera_constant is not None:  # a pattern has no windows
        return settings
    grid = chosen_grid(movie, settings)
    return replace(settings, window=grid.window, step=grid.step)


def _told(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of a movie, one by one; by whom makes no difference."""
    said = {**given, **given["conditions"]}
    return {name: said[name] for name in said if name not in ("conditions", "said_by")}


def _names(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Of what is not the same."""
    return [name for name in {**was, **now} if was.get(name) != now.get(name)]


def _profile_differs(folder: Path, movie: Movie) -> bool:
    height, width = movie.shape[1:]
    path = folder / WINDOW_TRACES
    was = read_arrays(path, {PROFILE: (height, width)}, others=True).get(PROFILE)
    now = movie.given.beam_profile
    if was is None or now is None:
        return was is not now
    return not np.array_equal(was, now)
