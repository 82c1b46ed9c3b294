"""What of the words beside a movie is believed.

First what the user gives, then what the user wrote beside the movie, then the movie's own header,
then what the instrument wrote beside it, and counted electrons last. What is believed stands in
`Given`, where every other room looks for it, with who said it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.given import Given
from napari_beamwatch.movies.movie import Movie
from napari_beamwatch.movies.recording import Recording, add_groups
from napari_beamwatch.movies.sidecars.finding import Heard
from napari_beamwatch.movies.sidecars.words import Words

APART = 0.01
"""Relative difference from which two statements contradict each other."""

RATIOS = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Pixels of an image per pixel of the movie: binning, and detectors read finer than they are."""

KELVIN = 273.15


def believed(movie: Movie, heard: Heard, superres: int = 1) -> Movie:
    """The movie, with what stands beside it where nobody more trusted said anything.

    Parameters
    ----------
    movie : Movie
        As its file and the user have it.
    heard : Heard
    superres : int
        Pixels of the movie per pixel of its file, along one axis.
    """
    recording = movie.recording
    notes, warnings = list(recording.notes), [*recording.warnings, *heard.warnings]
    fitting: list[Words] = []
    for words in heard.words:
        try:
            fitting.append(_for_frames(words, recording, superres))
        except BeamwatchError as error:
            if words.own:
                raise BeamwatchError(f"{words.source}: {error}") from None
            warnings.append(f"{words.source} beside the movie is not used: {error}")
            continue
        notes += words.notes if words.own else [f"{words.source}: {said}" for said in words.notes]
        warnings += [f"{words.source}: {said}" for said in words.warnings]
    given = movie.given
    for words in fitting:
        before = given
        given = _added(given, recording, words)
        taken = [_called(name) for name in given.said_by if name not in before.said_by]
        if taken:
            notes.append(f"{words.source} beside the movie: {', '.join(taken)} from it")
    heard_all = replace(movie, given=given)
    warnings += list(_contradictions(heard_all, fitting))
    said = replace(recording, notes=tuple(notes), warnings=tuple(warnings))
    return replace(heard_all, recording=said)


def _for_frames(words: Words, recording: Recording, superres: int) -> Words:
    """The words as they are of frames as analysed, each of perhaps several of the file."""
    count, height, width = recording.frames.shape
    group = recording.raw_per_frame
    if words.frames is not None and words.frames // group != count:
        held = f"{count} frames" + (f" of {group} of the file's" if group > 1 else "")
        raise BeamwatchError(f"it is about {words.frames} frames, the movie has {held}")
    per_frame = (words.frame_dose, words.frame_time, words.dose_table)
    if recording.dead_time and words.own and any(one is not None for one in per_frame):
        raise BeamwatchError(
            "a frame of an EER movie is as long as it is chosen: write dose_rate or total_dose, "
            "and exposure_time"
        )
    size = words.pixel_size
    if words.size is None or size is None:
        size = None if size is None else size / superres
    else:
        size *= _ratio(words.size, (height, width))
    doses = words.frame_dose
    if isinstance(doses, tuple):
        added = add_groups(np.asarray(doses), group)
        if len(added) != count:
            raise BeamwatchError(f"it has {len(doses)} doses for {count} frames")
        doses = tuple(map(float, added))
    elif doses is not None:
        doses *= group
    table = words.dose_table
    if table is not None:
        if len(table) // group != count:
            raise BeamwatchError(f"it has {len(table)} rows for {count} frames")
        table = table.summed(group) if group > 1 else table
    time = words.frame_time
    if time is None and words.exposure_time is not None:
        time = words.exposure_time / (words.frames or count * group)
    kept = 1.0 if words.frames is None else count * group / words.frames
    return replace(
        words,
        pixel_size=size,
        frame_dose=doses,
        total_dose=None if words.total_dose is None else words.total_dose * kept,
        frame_time=None if time is None else time * group,
        dose_table=table,
    )


def _ratio(image: tuple[int, int], frame: tuple[int, int]) -> float:
    """Pixels of an image per pixel of a frame of the same field, perhaps turned by 90°."""
    for size in (image, image[::-1]):
        ratios = (size[0] / frame[0], size[1] / frame[1])
        for ratio in RATIOS:
            if all(abs(one / ratio - 1) < APART for one in ratios):
                return ratio
    raise BeamwatchError(
        f"it is about images of {image[0]} by {image[1]} px, the frames have {frame[0]} by "
        f"{frame[1]}"
    )


def _added(given: Given, recording: Recording, words: Words) -> Given:
    """What is given, with these words where nobody more trusted said anything."""
    new: dict[str, Any] = {}
    if given.pixel_size is None and (words.own or recording.pixel_size is None):
        new["pixel_size"] = words.pixel_size
    if given.pre_exposure is None:
        new["pre_exposure"] = words.pre_exposure
    told = (given.frame_dose, given.dose_rate, given.dose_table, given.dose_calibration)
    if all(one is None for one in told) and (words.own or recording.dose is None):
        new |= _doses(words, recording)
    timed = recording.times is not None or recording.frame_time is not None
    follows = isinstance(given.frame_dose, float) and given.dose_rate is not None
    if given.frame_time is None and not follows and (words.own or not timed):
        new["frame_time"] = words.frame_time
    new = {name: value for name, value in new.items() if value is not None}
    known = given.conditions.stated()
    if not words.own:
        known |= recording.conditions.stated()
    conditions = {
        name: value for name, value in words.conditions.stated().items() if name not in known
    }
    return replace(
        given,
        **new,
        conditions=given.conditions.overridden_by(Conditions.of(conditions)),
        said_by={**given.said_by, **dict.fromkeys((*new, *conditions), words.source)},
    )


def _doses(words: Words, recording: Recording) -> dict[str, Any]:
    """The dose by one of the ways in which it can be told, the most detailed one."""
    if words.dose_table is not None:
        return {"dose_table": words.dose_table}
    if words.frame_dose is not None:
        doses = words.frame_dose
        return {"frame_dose": np.array(doses) if isinstance(doses, tuple) else doses}
    exposed = float(recording.exposure.sum())
    if words.total_dose is not None and exposed > 0:
        return {"frame_dose": words.total_dose / exposed}
    return {"dose_rate": words.dose_rate}


def _contradictions(movie: Movie, every: list[Words]) -> Iterator[str]:
    """Statements beside the movie that differ from what is believed, a sentence each."""
    used = _used(movie)
    for words in every:
        told = _told(words, movie)
        for name, value in told.items():
            yield from _apart(name, used.get(name), value, words.source)
    for name, value in _file(movie).items():
        believed_value = used.get(name)
        if believed_value is not None and believed_value[1] in {one.source for one in every}:
            yield from _apart(name, believed_value, value, "the file")


def _apart(
    name: str, used: tuple[float, str] | None, value: float | None, source: str
) -> Iterator[str]:
    if used is None or value is None or used[1] == source:
        return
    least = KELVIN if name == "temperature_C" else 0.0
    if abs(value - used[0]) <= APART * max(abs(used[0] + least), abs(value + least)):
        return
    label, unit = QUANTITIES[name]
    yield printable(f"{label}: {used[0]:.6g} {unit} ({used[1]}) is used, {source} says {value:.6g}")


QUANTITIES = {
    "pixel_size": ("pixel size", "Å"),
    "dose": ("dose of the record", "e/Å²"),
    "frame_time": ("frame time", "s"),
    "pre_exposure": ("pre-exposure", "e/Å²"),
    "voltage_kV": ("voltage", "kV"),
    "temperature_C": ("temperature", "°C"),
    "thickness_nm": ("thickness", "nm"),
    "particle_size_nm": ("particle size", "nm"),
}
"""What is compared, its name and its unit."""


def _used(movie: Movie) -> dict[str, tuple[float, str]]:
    """What is believed of the movie, and who said it."""
    origins = movie.origins
    known: dict[str, float | None] = {
        "pixel_size": movie.pixel_size,
        "dose": None if movie.frame_dose is None else float(movie.frame_dose.sum()),
        "frame_time": _frame_time(movie),
        "pre_exposure": movie.pre_exposure,
        **_numbers(movie.conditions),
    }
    said_by = movie.given.said_by
    doses = ("frame_dose", "dose_rate", "dose_table")
    origins["dose"] = next((said_by[one] for one in doses if one in said_by), movie.dose_source)
    origins["frame_time"] = origins.get("times", "")
    return {
        name: (value, origins.get(name, "")) for name, value in known.items() if value is not None
    }


def _told(words: Words, movie: Movie) -> dict[str, float | None]:
    """The same as one file beside the movie states it."""
    dose: float | None = None
    if words.dose_table is not None:
        dose = float(words.dose_table.recorded.sum())
    elif isinstance(words.frame_dose, tuple):
        dose = sum(words.frame_dose)
    elif words.frame_dose is not None:
        dose = words.frame_dose * float(movie.recording.exposure.sum())
    elif words.total_dose is not None:
        dose = words.total_dose
    elif words.dose_rate is not None and (time := _frame_time(movie)) is not None:
        dose = words.dose_rate * time * float(movie.recording.exposure.sum())
    return {
        "pixel_size": words.pixel_size,
        "dose": dose,
        "frame_time": words.frame_time,
        "pre_exposure": words.pre_exposure,
        **_numbers(words.conditions),
    }


def _file(movie: Movie) -> dict[str, float | None]:
    """The same as the movie's own header states it."""
    recording = movie.recording
    alone = replace(movie, given=Given())
    return {
        "pixel_size": alone.pixel_size,
        "dose": None
        if recording.dose is None or alone.frame_dose is None
        else float(alone.frame_dose.sum()),
        "frame_time": _frame_time(alone),
        **_numbers(recording.conditions),
    }


def _numbers(conditions: Conditions) -> dict[str, float | None]:
    return {name: getattr(conditions, name) for name in QUANTITIES if hasattr(conditions, name)}


def _frame_time(movie: Movie) -> float | None:
    times = movie.times
    if times is None:
        return None
    return float(np.median(np.diff(times, prepend=movie.calibration.time_start)))


def _called(name: str) -> str:
    """What a quantity or condition is called in words."""
    for unit in ("_kV", "_C", "_nm", "_deg"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")
