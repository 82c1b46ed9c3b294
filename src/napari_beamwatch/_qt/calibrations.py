"""What a movie is told and says itself: values as text, and who said them. No Qt."""

from __future__ import annotations

from typing import Any

import numpy as np

from napari_beamwatch import spelling
from napari_beamwatch.asked import CONDITION_NAMES, DOSES, OPENING, Asked
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.checklist import not_stated, reported
from napari_beamwatch.spectra.imaging import is_diffraction
from napari_beamwatch.spelling import Kind, Unit, read_quantity

Told = float | str | bool | None
"""A value: a number in its unit, words, yes or no; None where nobody said."""


def value_of(movie: Movie, name: str) -> Told:
    """What is known of a quantity, in its unit, or as it is typed."""
    given = movie.given
    if name in CONDITION_NAMES:
        known: Told = getattr(movie.conditions, name)
    elif name == "frame_dose":
        dose, lit = movie.frame_dose, movie.lit
        known = None if dose is None or not lit.any() else float(np.median(dose[lit]))
    elif name == "frame_time":
        times = movie.times
        known = None if times is None else float(np.median(np.diff(times, prepend=0.0)))
    elif name == "dose_calibration":
        measured = given.dose_calibration
        if measured is None:
            return None
        known = f"{measured.dose_rate:.6g} ± {100 * measured.uncertainty:.3g} %"
    elif name == "dose_table":
        known = None if given.dose_table is None else f"{len(given.dose_table)} frames"
    elif name == "beam_profile":
        known = None if given.beam_profile is None else given.beam_source or "an image"
    elif name in ("counts_per_electron", "dead_time_correction"):
        known = getattr(given, name)
    else:
        known = getattr(movie, name)
    return known


def origin_of(movie: Movie, name: str) -> str:
    """Who said it; "missing" if nobody did."""
    if value_of(movie, name) is None:
        return "missing"
    measured = movie.given.dose_calibration
    if name == "dose_calibration" and measured is not None:
        return measured.method
    called = {"frame_dose": "dose", "dose_rate": "dose", "frame_time": "times"}.get(name, name)
    return movie.origins.get(called, "")


def needed(movie: Movie, one: Asked) -> bool:
    """Whether the answer lacks something without it; patterns have no pixels of the specimen."""
    return one.needed and not (one.name == "pixel_size" and is_diffraction(movie))


def read(text: str, one: Asked) -> float | str | None:
    """What was typed, in the quantity's unit; None for an empty field."""
    text = text.strip()
    if text in ("", "?"):
        return None
    if one.kind is None or one.name == "dose_calibration":
        return text
    try:
        return read_quantity(text, one.kind)
    except BeamwatchError as error:
        raise BeamwatchError(f"{one.label}: {error}") from None


FRACTION = Asked(
    "fractionation", "a frame is",
    Kind((Unit("raw frames", float, ("raw", "raw frame", "frames", "frame")),)),
    "raw frames of the detector added up into a frame: type their number, or the dose of a frame "
    "with its unit, such as 5 e/Å²", group=OPENING,
)  # fmt: skip

_DOSE_OF_A_FRAME = Asked("fractionation", "dose of a frame", spelling.FRAME_DOSE, "its dose")


def read_fraction(text: str) -> dict[str, float]:
    """What `open_movie` is told of how frames are made: by number, or by dose."""
    if "/" in text or "Å" in text:
        dose = read(text, _DOSE_OF_A_FRAME)
        return {} if dose is None else {"fraction_dose": float(dose)}
    try:
        number = read(text, FRACTION)
    except BeamwatchError as error:
        raise BeamwatchError(f"{error}, or the dose of a frame, such as 5 e/Å²") from None
    if number is None:
        return {}
    if float(number) != round(float(number)):
        raise BeamwatchError(f"a frame is a whole number of raw frames, not {number:g}")
    return {"fraction_frames": round(float(number))}


def shown(value: Told, one: Asked) -> str:
    """A value with its unit, as it is shown and can be typed."""
    if value is None or isinstance(value, str):
        return value or ""
    return f"{value:.6g} {'' if one.kind is None else one.kind.unit}".strip()


def changes_for(name: str, value: Any) -> dict[str, Any]:
    """What `Movie.with_` is told when something was typed.

    Doses and rates say the same in several ways: the one that was typed last counts.
    """
    if name in CONDITION_NAMES:
        return {"conditions": {name: value}}
    if name in DOSES:
        return {**dict.fromkeys(DOSES), name: value}
    return {name: value}


def stated_words(movie: Movie, conditions: tuple[Asked, ...]) -> str:
    """Some conditions in one line, those that are known; numbers with what they are of."""
    words = [(one, shown(value_of(movie, one.name), one)) for one in conditions]
    return " · ".join(
        word if one.kind is None else f"{one.label} {word}" for one, word in words if word
    )


def gaps(movie: Movie) -> str:
    """What a study must report and nobody said, in a line; empty if all is there."""
    missing = not_stated(reported(movie))
    return f"not stated: {', '.join(missing)}" if missing else ""
