"""Where the movie of a run is now, and whether it is still the one that was analysed.

A run may come from anybody, and the paths in its record may name anything. What they name is
looked into only if it is a regular file of a name that movies have, or a folder that is marked as
Zarr or laid out as Gatan's In-Situ does, and it is opened only if it has the hash of the record.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.fingerprint import fingerprint
from napari_beamwatch.movies.formats.insitu_folders import holds_insitu
from napari_beamwatch.movies.formats.stills import STILLS
from napari_beamwatch.movies.opening import (
    DATASET_READERS,
    EER,
    READERS,
    ZARR_MARKS,
    movie_suffix,
)
from napari_beamwatch.results.reopening import Recipe

PathLike = str | os.PathLike[str]


@dataclass(frozen=True)
class Door:
    """What people are told whose movie is not there.

    Attributes
    ----------
    file : str
        How they say where its file is.
    call : str
        The function that takes a movie which is open.
    changed : str
        What becomes of one that has changed.
    """

    file: str
    call: str
    changed: str


LOADING = Door(
    "load_result(folder, movie=path)", "load_result", "the movie is not shown with this run"
)

ENDINGS = {*EER, *READERS, *DATASET_READERS, *STILLS}


def files_given(
    movie: PathLike | Sequence[PathLike], facts: Mapping[str, Any], door: Door = LOADING
) -> list[Path]:
    """Files the user says are the movie."""
    several = [movie] if isinstance(movie, str | os.PathLike) else list(movie)
    files = [Path(file).expanduser().absolute() for file in several]
    if len(files) == 1 and len(facts["files"]) > 1 and files[0].is_dir():
        files = [files[0] / Path(file).name for file in facts["files"]]
    missing = [file for file in files if not file.exists()]
    if missing or not files:
        raise BeamwatchError(f"there is no file or folder {missing[0] if missing else ''}".rstrip())
    without = gain_missing(facts, door)
    if without:
        raise BeamwatchError(without)
    if not all(map(_may_be_movie, files)) or _hash(files, facts) != facts["hash"]:
        raise BeamwatchError(f"{files[0]} is not the movie of this run: its content is another")
    return files


def files_now(
    folder: Path, recipe: Recipe, facts: Mapping[str, Any], door: Door = LOADING
) -> tuple[list[Path], str]:
    """Files of the movie as they lie today, or why not."""
    if not recipe.files:
        return [], (
            "the movie was analysed from memory and is not part of the run: give it with "
            f"{door.call}(folder, movie=movie)"
        )
    without = gain_missing(facts, door)
    if without:
        return [], without
    changed = False
    from_here = [folder / str(file) for file in facts["files_from_here"] if file is not None]
    for files in (list(recipe.files), from_here):
        there = len(files) == len(recipe.files) and all(file.is_absolute() for file in files)
        if there and all(map(_may_be_movie, files)):
            if _hash(files, facts) == facts["hash"]:
                return files, ""
            changed = True
    if changed:
        return [], (f"{recipe.files[0]} has changed since it was analysed: {door.changed}")
    return [], (f"the movie is not at {recipe.files[0]} any more: give it with {door.file}")


def gain_missing(facts: Mapping[str, Any], door: Door = LOADING) -> str:
    """Why the gain reference that corrected the movie is not at hand; empty if it is."""
    file = facts["gain_file"]
    if not facts["gain"] and file is None:
        return ""
    said = (
        f"the movie {facts['source']} was corrected by a gain reference ({facts['gain']}), which "
    )
    if file is None:
        said += "the run does not hold"
    elif not Path(file).is_absolute() or not Path(file).is_file():
        said += f"is not at {file} any more"
    elif fingerprint([Path(file)]) != facts["gain_hash"]:
        said += f"has changed since: {file}"
    else:
        return ""
    return said + f": give it with {door.call}(folder, movie=open_movie(path, gain=…))"


def _hash(files: Sequence[Path], facts: Mapping[str, Any]) -> str | None:
    """Of the movie, and of what lies beside it and holds frames of it; None if that is not there.

    Runs that were saved before such files were noted have none.
    """
    names = [Path(str(name)).name for name in facts.get("files_beside", ())]
    beside = [files[0].with_name(name) for name in names]
    return fingerprint([*files, *beside]) if all(file.is_file() for file in beside) else None


def _may_be_movie(path: Path) -> bool:
    """Whether to look into it: reading a device might never end, walking a disk takes hours."""
    if path.is_dir():
        return any((path / mark).is_file() for mark in ZARR_MARKS) or holds_insitu(path)
    return path.is_file() and movie_suffix(path) in ENDINGS
