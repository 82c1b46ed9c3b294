"""What a movie must be told, or says itself: values with units, and who said them. No Qt."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie


@dataclass(frozen=True)
class Quantity:
    """Something that is entered.

    Attributes
    ----------
    name : str
        As `Movie.with_` or `Conditions` calls it; the field's object name.
    label, unit, tip : str
    needed : bool
        Without it the answer lacks something.
    other_units : tuple of (str, float)
        Units that are understood, too, and what they are in `unit`.
    """

    name: str
    label: str
    unit: str
    tip: str
    needed: bool = False
    other_units: tuple[tuple[str, float], ...] = ()


_DOSE = (("e/A2", 1.0), ("e/nm²", 0.01), ("e/nm2", 0.01))
_RATE = (("e/A2/s", 1.0), ("e/nm²/s", 0.01), ("e/nm2/s", 0.01))

QUANTITIES = (
    Quantity(
        "pixel_size", "pixel size", "Å", "Å a pixel, at the specimen; nm and pm are understood.",
        True, (("A", 1.0), ("nm", 10.0), ("pm", 0.01)),
    ),
    Quantity(
        "frame_dose", "dose per frame", "e/Å²", "Electrons per Å² in one frame as analysed.",
        True, _DOSE,
    ),
    Quantity(
        "dose_rate", "dose rate", "e/Å²/s", "Electrons per Å² and second; needs the frame time.",
        False, _RATE,
    ),
    Quantity("frame_time", "frame time", "s", "Seconds a frame.", False, (("ms", 1e-3),)),
    Quantity(
        "pre_exposure", "pre-exposure", "e/Å²",
        "Dose before the record began: focusing, searching. 0 if there was none; unknown if "
        "empty, and then every dose is a lower limit.",
        True, _DOSE,
    ),
    Quantity("temperature_C", "temperature", "°C", "Of the specimen.", False, (("C", 1.0),)),
    Quantity("voltage_kV", "voltage", "kV", "Accelerating voltage.", False, (("V", 1e-3),)),
)  # fmt: skip


def value_of(movie: Movie, name: str) -> float | None:
    """What is known of a quantity, in its unit."""
    if name == "frame_dose":
        dose = movie.frame_dose
        return None if dose is None else float(np.median(dose[movie.lit]))
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
    text = text.strip()
    if text in ("", "?"):
        return None
    found = re.fullmatch(r"([-+−]?[\d.,]+(?:[eE][-+]?\d+)?)\s*(.*)", text)
    units = {quantity.unit: 1.0, "": 1.0, **dict(quantity.other_units)}
    if found is None or found[2].strip() not in units:
        others = ", ".join(unit for unit, _ in quantity.other_units)
        raise BeamwatchError(
            f"{quantity.label}: {text!r} is not understood; type a number in {quantity.unit}"
            + (f" (or {others})" if others else "")
        )
    try:
        number = float(found[1].replace("−", "-").replace(",", "."))
    except ValueError:
        raise BeamwatchError(f"{quantity.label}: {text!r} is no number") from None
    return number * units[found[2].strip()]


FRACTION = Quantity(
    "fractionation", "a frame is", "raw frames",
    "Raw frames of the detector added up into a frame: type their number, or the dose of a frame "
    "with its unit, such as 5 e/Å².",
    False, (("raw", 1.0), ("raw frame", 1.0), ("frames", 1.0)),
)  # fmt: skip


def read_fraction(text: str) -> dict[str, float]:
    """What `open_movie` is told of how frames are made: by number, or by dose."""
    if "e/" in text:
        dose = read(text, Quantity("fractionation", "dose of a frame", "e/Å²", "", True, _DOSE))
        return {} if dose is None else {"fraction_dose": dose}
    number = read(text, FRACTION)
    if number is None:
        return {}
    if number != round(number):
        raise BeamwatchError(f"a frame is a whole number of raw frames, not {number:g}")
    return {"fraction_frames": round(number)}


def shown(value: float | None, quantity: Quantity) -> str:
    """A value with its unit, as it is shown and can be typed."""
    return "" if value is None else f"{value:.6g} {quantity.unit}"


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
