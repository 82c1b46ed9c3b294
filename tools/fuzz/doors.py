"""Where an input is handed in, and what a user looks at first in what comes back."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import dask.array as da
import numpy as np

import napari_beamwatch as bw
from napari_beamwatch.cli.analyze import settings_from
from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.movies.gain import GainFrames, load_gain
from napari_beamwatch.phases.reflections import reflections
from napari_beamwatch.phases.structures import phase_from_cif
from tools.fuzz.edges import frame_dose_of, frames_of
from tools.fuzz.pictures import STACK

CANARY = 31337
"""Every pixel of the movies that no input may lead to."""


class ReachedOutError(Exception):
    """What was read lies outside of the input."""


def open_door(door: str, path: Path) -> None:
    """Hand in a file or folder; comes back or raises."""
    DOORS[door](path)


def _movie(path: Path) -> None:
    _look(bw.open_movie(path))


def _gain(path: Path) -> None:
    gain = load_gain(path, STACK.shape[1:], counting_events=True)
    frame = GainFrames(ArrayFrames(STACK), gain).read(0)
    assert frame.shape == STACK.shape[1:]


def _dose_table(path: Path) -> None:
    _look(bw.Movie.from_array(STACK, 0.5).with_(dose_table=path))


def _settings(path: Path) -> None:
    settings = settings_from(Namespace(settings=path))
    assert bw.Settings.from_json(settings.to_json()) == settings


def _run(path: Path) -> None:
    result = bw.load_result(path)
    assert result.summary
    bw.apply_thresholds(result, 0.5)
    if result.movie is not None:
        _look(result.movie)


def _structure(path: Path) -> None:
    rings = reflections(phase_from_cif(path), 1.0)
    assert np.isfinite(rings[["d_A", "intensity"]]).all(axis=None)


def _numbers(path: Path) -> None:
    said = json.loads(path.read_bytes())
    frames = frames_of(said)
    if said["dask"]:
        frames = da.from_array(frames, chunks=-1)
    movie = bw.Movie.from_array(frames, said["pixel_size"], frame_dose_of(said))
    settings = bw.Settings(**said["settings"])
    regions = [bw.Region.rectangle("A", *said["region"])] if said["region"] else []
    if said["call"] == "find_spots":
        bw.find_spots(movie, settings, regions)
    else:
        assert bw.analyze(movie, settings, regions).summary


def _look(movie: bw.Movie) -> None:
    """Its first and last frame, and what is said of it."""
    said = (repr(movie), movie.name, *movie.warnings, *movie.notes, movie.dose_source)
    assert all(isinstance(word, str) for word in said)
    count, height, width = movie.shape
    for axis in (movie.dose, movie.times):
        assert axis is None or (len(axis) == count and np.isfinite(axis).all())
    assert movie.conditions.stated() is not None
    for index in {0, count - 1}:
        frame = movie.frame(index)
        assert frame.shape == (height, width)
        assert frame.dtype == movie.dtype
        if frame.size and (frame == CANARY).all():
            raise ReachedOutError("pixels of a file outside of the input")


DOORS: dict[str, Callable[[Path], None]] = {
    "movie": _movie,
    "gain": _gain,
    "dose table": _dose_table,
    "settings": _settings,
    "run": _run,
    "structure": _structure,
    "numbers": _numbers,
}
