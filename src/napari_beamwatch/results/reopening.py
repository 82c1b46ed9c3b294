"""How a movie was opened and cut, in plain words, so that it can be opened like that again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Conditions, DoseCalibration, DoseTable, Movie, open_movie
from napari_beamwatch.movies.eer_frames import EerFrames
from napari_beamwatch.movies.frames import (
    CroppedFrames,
    FrameSource,
    SlicedFrames,
    SummedFrames,
)
from napari_beamwatch.movies.gain import GainFrames
from napari_beamwatch.movies.given import Given
from napari_beamwatch.movies.pixels import AdmittedFrames

CLOSE = 1e-6
"""Relative difference of doses and times that is rounding."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """What turns files into a movie.

    Attributes
    ----------
    files : tuple of Path
        Absolute; empty for a movie of an array. Several are the stills of a series.
    opening : mapping
        Keywords of `open_movie`.
    steps : tuple of (str, tuple of int)
        ``frames`` (first, last), ``crop`` (y0, y1, x0, x1) and ``sum`` (n), in order.
    gain : str
        What was done with a gain reference, in words; empty without one.
    gain_file : Path or None
        Of the reference, absolute; None for one that was an array.
    gain_hash : str or None
        Its `fingerprint`.
    """

    files: tuple[Path, ...]
    opening: Mapping[str, Any]
    steps: tuple[tuple[str, tuple[int, ...]], ...]
    gain: str
    gain_file: Path | None = None
    gain_hash: str | None = None

    @classmethod
    def of(cls, movie: Movie) -> Recipe:
        """How a movie came about."""
        steps: list[tuple[str, tuple[int, ...]]] = []
        gain: tuple[str, Path | None, str | None] = "", None, None
        frames = movie.recording.frames
        while isinstance(
            frames, SlicedFrames | CroppedFrames | SummedFrames | GainFrames | AdmittedFrames
        ):
            if isinstance(frames, SlicedFrames):
                steps.append(("frames", (frames.first, frames.last)))
            elif isinstance(frames, CroppedFrames):
                steps.append(("crop", (frames.y0, frames.y1, frames.x0, frames.x1)))
            elif isinstance(frames, SummedFrames):
                steps.append(("sum", (frames.n,)))
            elif isinstance(frames, GainFrames):
                gain = frames.gain.note, frames.gain.file, frames.gain.hash
            frames = frames.base
        ordered = tuple(reversed(steps))
        return cls(movie.recording.files.paths, _opening(frames), ordered, *gain)

    def movie(self, files: Sequence[Path], given: Given) -> Movie:
        """The movie of files that may lie elsewhere now, with the calibrations that were given."""
        several = files[0] if len(files) == 1 else files
        # What stood beside the movie then is in what was given.
        movie = open_movie(several, gain=self.gain_file, sidecars=False, **self.opening)
        for word, numbers in self.steps:
            if word == "frames":
                movie = movie[slice(*numbers)]
            elif word == "crop":
                movie = movie.crop(*numbers)
            elif word == "sum":
                movie = movie.sum(*numbers)
            else:
                raise BeamwatchError(f"nobody knows how to {word!r} a movie")
        return replace(movie, given=given)

    def to_plain(self) -> dict[str, Any]:
        """As JSON holds it, without the files."""
        steps = [[word, list(numbers)] for word, numbers in self.steps]
        return {
            "opening": dict(self.opening),
            "steps": steps,
            "gain": self.gain,
            "gain_file": None if self.gain_file is None else str(self.gain_file),
            "gain_hash": self.gain_hash,
        }

    @classmethod
    def from_plain(cls, said: Mapping[str, Any], files: Sequence[str]) -> Recipe:
        """From what JSON held; keywords other than those `to_plain` writes are refused."""
        opening = dict(said["opening"])
        if not set(opening) <= {"fraction_frames", "superres", "dataset"}:
            raise ValueError(f"unknown ways to open a movie: {', '.join(opening)}")
        steps = tuple(
            (str(word), tuple(int(n) for n in numbers)) for word, numbers in said["steps"]
        )
        gain_file = None if said["gain_file"] is None else Path(str(said["gain_file"]))
        paths = tuple(Path(file) for file in files)
        return cls(paths, opening, steps, str(said["gain"]), gain_file, said["gain_hash"])


def _opening(frames: FrameSource) -> dict[str, Any]:
    if isinstance(frames, EerFrames):
        return {"fraction_frames": frames.raw_per_frame, "superres": frames.superres}
    if dataset := getattr(frames, "dataset", ""):  # of those that can lie beside others
        return {"dataset": dataset}
    return {}


def given_to_plain(given: Given) -> dict[str, Any]:
    """What the user said, as JSON holds it; without a beam profile, which is an image."""
    plain: dict[str, Any] = {}
    for field in fields(given):
        value = getattr(given, field.name)
        if field.name == "beam_profile" or value is None:
            continue
        if isinstance(value, Conditions):
            value = value.stated()
        elif isinstance(value, DoseTable):
            value = {f.name: getattr(value, f.name).tolist() for f in fields(value)}
        elif isinstance(value, DoseCalibration):
            value = asdict(value)
        elif isinstance(value, np.ndarray):
            value = value.tolist()
        plain[field.name] = value
    return plain


def given_from_plain(
    plain: Mapping[str, Any], beam_profile: NDArray[np.float32] | None = None
) -> Given:
    """What the user said, from JSON."""
    said = dict(plain)
    said["conditions"] = Conditions.of(said.get("conditions"))
    if "dose_table" in said:
        table = {name: np.asarray(v, np.float64) for name, v in said["dose_table"].items()}
        said["dose_table"] = DoseTable(**table)
    if "dose_calibration" in said:
        said["dose_calibration"] = DoseCalibration(**said["dose_calibration"])
    return Given(**said, beam_profile=beam_profile)


def differences(movie: Movie, facts: Mapping[str, Any]) -> str:
    """What is not as in the record of a run, in words; empty if all is."""
    shape = [facts["frames"], facts["height_px"], facts["width_px"]]
    if list(movie.shape) != shape:
        return f"it has {_size(movie.shape)} and not {_size(shape)}"
    if str(movie.dtype) != facts["dtype"]:
        return f"its pixels are {movie.dtype} and not {facts['dtype']}"
    total = None if movie.dose is None else float(movie.dose[-1])
    duration = None if movie.times is None else float(movie.times[-1])
    for what, now, then in (
        ("pixel size", movie.pixel_size, facts["pixel_size_A"]),
        ("dose", total, facts["total_dose_e_per_A2"]),
        ("duration", duration, facts["duration_s"]),
    ):
        if (now is None) != (then is None) or (
            now is not None and abs(now - float(then)) > CLOSE * abs(float(then))
        ):
            return f"its {what} is {_said(now)} and not {_said(then)}"
    return ""


def _size(shape: Sequence[int]) -> str:
    return f"{shape[0]} frames of {shape[1]} by {shape[2]} px"


def _said(value: float | None) -> str:
    return "unknown" if value is None else f"{value:g}"
