"""What a movie must be told, or says itself: values with units, and who said them. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_beamwatch import spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.spelling import Kind, Unit, read_quantity


@dataclass(frozen=True)
class Quantity:
    """Something that is entered.

    Attributes
    ----------
    name : str
        As `Movie.with_` or `Conditions` calls it; the field's object name.
    label, tip : str
    kind : Kind
        With the units that are understood.
    needed : bool
        Without it the answer lacks something.
    """

    name: str
    label: str
    kind: Kind
    tip: str
    needed: bool = False


QUANTITIES = (
    Quantity(
        "pixel_size", "pixel size", spelling.PIXEL_SIZE,
        "Å a pixel, at the specimen; nm and pm are understood.", True,
    ),
    Quantity(
        "frame_dose", "dose per frame", spelling.FRAME_DOSE,
        "Electrons per Å² in one frame as analysed; e/nm² are understood.", True,
    ),
    Quantity(
        "dose_rate", "dose rate", spelling.DOSE_RATE,
        "Electrons per Å² and second; needs the frame time.",
    ),
    Quantity(
        "frame_time", "frame time", spelling.FRAME_TIME,
        "Seconds a frame; ms and fps are understood.",
    ),
    Quantity(
        "pre_exposure", "pre-exposure", spelling.DOSE,
        "Dose before the record began: focusing, searching. 0 if there was none; unknown if "
        "empty, and then every dose is a lower limit.", True,
    ),
    Quantity(
        "temperature_C", "temperature", spelling.TEMPERATURE,
        "Of the specimen; K are understood.",
    ),
    Quantity("voltage_kV", "voltage", spelling.VOLTAGE, "Accelerating voltage."),
)  # fmt: skip


def value_of(movie: Movie, name: str) -> float | None:
    """What is known of a quantity, in its unit."""
    if name == "frame_dose":
        dose = movie.frame_dose
        lit = movie.lit
        return None if dose is None or not lit.any() else float(np.median(dose[lit]))
    if name == "frame_time":
        times = movie.times
        return None if times is None else float(np.median(np.diff(times, prepend=0.0)))
    if name in ("temperature_C", "voltage_kV"):
        value: float | None = getattr(movie.conditions, name)
        return value
    known: float | None = getattr(movie, name)
    return known


def origin_of(movie: Movie, name: str) -> str:
    """Who said it; "missing" if nobody did."""
    if value_of(movie, name) is None:
        return "missing"
    called = {"frame_dose": "dose", "dose_rate": "dose", "frame_time": "times"}.get(name, name)
    return movie.origins.get(called, "")


def read(text: str, quantity: Quantity) -> float | None:
    """The number that was typed, in the quantity's unit; None for an empty field."""
    if text.strip() in ("", "?"):
        return None
    try:
        return read_quantity(text, quantity.kind)
    except BeamwatchError as error:
        raise BeamwatchError(f"{quantity.label}: {error}") from None


FRACTION = Quantity(
    "fractionation", "a frame is",
    Kind((Unit("raw frames", float, ("raw", "raw frame", "frames", "frame")),)),
    "Raw frames of the detector added up into a frame: type their number, or the dose of a frame "
    "with its unit, such as 5 e/Å².",
)  # fmt: skip

_DOSE_OF_A_FRAME = Quantity("fractionation", "dose of a frame", spelling.FRAME_DOSE, "")


def read_fraction(text: str) -> dict[str, float]:
    """What `open_movie` is told of how frames are made: by number, or by dose."""
    if "/" in text or "Å" in text:
        dose = read(text, _DOSE_OF_A_FRAME)
        return {} if dose is None else {"fraction_dose": dose}
    try:
        number = read(text, FRACTION)
    except BeamwatchError as error:
        raise BeamwatchError(f"{error}, or the dose of a frame, such as 5 e/Å²") from None
    if number is None:
        return {}
    if number != round(number):
        raise BeamwatchError(f"a frame is a whole number of raw frames, not {number:g}")
    return {"fraction_frames": round(number)}


def shown(value: float | None, quantity: Quantity) -> str:
    """A value with its unit, as it is shown and can be typed."""
    return "" if value is None else f"{value:.6g} {quantity.kind.unit}"


def changes_for(name: str, value: float | None) -> dict[str, Any]:
    """What `Movie.with_` is told when a quantity was typed.

    Dose a frame and dose rate say the same: the one that was typed last counts.
    """
    if name in ("temperature_C", "voltage_kV"):
        return {"conditions": {name: value}}
    if name == "frame_dose":
        return {"frame_dose": value, "dose_rate": None}
    if name == "dose_rate":
        return {"dose_rate": value, "frame_dose": None}
    return {name: value}
