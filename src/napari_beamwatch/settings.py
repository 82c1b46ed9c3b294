"""`Settings`: every choice of an analysis, flat and frozen; whole in the record of a run."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.quantities import number, whole

CRITERIA = ("fading", "spacing", "new_phase", "mass_loss")

MOST = 1_000_000
"""Frames that a movie may have, too."""

LONGEST = 100_000
"""Of windows and steps, whatever the unit."""

FARTHEST = 100_000.0
"""Pixels that a specimen may drift."""

_RANGES: dict[str, tuple[str, float, float, str]] = {
    "alpha": ("alpha", 1e-12, 0.5, ""),
    "false_alarm": ("false_alarm", 1e-12, 0.5, ""),
    "fraction": ("the fraction", 1e-6, 1 - 1e-6, ""),
    "d_tolerance": ("d_tolerance", 1e-6, 99.0, "%"),
    "pixel_size_uncertainty": ("the uncertainty of the pixel size", 0.0, 0.49, ""),
    "cs_mm": ("the spherical aberration", 0.0, 10.0, "mm"),
    "camera_constant": ("the camera constant", 1e-3, 1e9, "Å·px"),
}
"""Between which numbers lie. A chance of 1e-12 is that of no movie ever; one above a half means
that most answers are false."""

Pairs = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Settings:
    """Choices of an analysis; those that are None are made from the movie, and said.

    Attributes
    ----------
    window, step : int, str or None
        Side of a window, and from one to the next, in pixels, or as a length ("3.2 nm").
    taper : {"hann", "cosine"}
        Laid over each window.
    alpha : float
        Chance of one or more false spots in the whole movie.
    drift : {"auto", "off"} or tuple of (dy, dx)
        Let windows follow the specimen, or not, or where it is said to lie in each frame, in
        pixels, relative to the first.
    added_spots, removed_spots : tuple of (gy, gx)
        Frequencies in cycles per pixel at which the user expects a spot, and where none is
        wanted.
    false_alarm : float
        Chance of a false onset in the movie.
    criteria : tuple of str
        Signs of damage that are looked for; what serves none of them is not measured.
    fraction : float
        The user's own threshold: part of the plateau below which a spot counts as lost.
    d_tolerance : float
        Percent by which a spacing must move to count.
    persistence : int or "end"
        Frames for which a threshold must stay passed, or to the end of the record.
    phases : tuple of str
        Those that spots are matched to; all that are known if empty.
    pixel_size_uncertainty : float
        Relative; used in matching phases only.
    cs_mm : float
        Spherical aberration of the lens, in mm; for the focus that Thon rings tell.
    running_sum : int
        Frames that are added up around each before spots are measured: what is seen of fainter
        spots is paid for with dose resolution.
    camera_constant: float or None
        Å·px. Frames are diffraction patterns; d is this over the distance from the centre in
        pixels. None for images.
    """

    window: int | str | None = None
    step: int | str | None = None
    taper: Literal["hann", "cosine"] = "hann"
    alpha: float = 0.01
    drift: Literal["auto", "off"] | Pairs = "auto"
    added_spots: Pairs = ()
    removed_spots: Pairs = ()
    false_alarm: float = 0.01
    criteria: tuple[str, ...] = CRITERIA
    fraction: float = math.exp(-1)
    d_tolerance: float = 1.0
    persistence: int | Literal["end"] = "end"
    phases: tuple[str, ...] = ()
    pixel_size_uncertainty: float = 0.02
    cs_mm: float = 0.0
    running_sum: int = 1
    camera_constant: float | None = None

    def __post_init__(self) -> None:
        for name in ("window", "step"):
            self._set(name, _length(f"the {name}", getattr(self, name)))
        self._set("taper", _among("the taper", self.taper, ("hann", "cosine")))
        if isinstance(self.drift, str):
            _among("the drift, where it is not given,", self.drift, ("auto", "off"))
        else:
            self._set("drift", pairs("the drift", self.drift, FARTHEST, "px"))
        for name in ("added_spots", "removed_spots"):
            said = name.replace("_", " ")
            self._set(name, pairs(said, getattr(self, name), 0.5, "cycles per pixel"))
        criteria = _words("criteria", self.criteria)
        for one in criteria:
            _among("a criterion", one, CRITERIA)
        self._set("criteria", tuple(c for c in CRITERIA if c in criteria))
        self._set("phases", _words("phases", self.phases))
        self._set("running_sum", whole(self.running_sum, "a running sum", 1, MOST, "frames"))
        if self.persistence != "end":
            persistence = whole(self.persistence, "the persistence, if not 'end',", 1, MOST)
            self._set("persistence", persistence)
        for name, (what, low, high, unit) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name == "camera_constant":
                continue
            if isinstance(value, str):
                raise BeamwatchError(f"{what} must be a number, not the text {value!r}")
            self._set(name, number(value, what, low, high, unit))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def to_json(self) -> str:
        """All settings as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Settings from JSON; an unknown name is refused."""
        try:
            said: Any = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BeamwatchError(f"the settings are no JSON: {error}") from None
        known = {field.name for field in fields(cls)}
        if not isinstance(said, dict) or set(said) - known:
            odd = ", ".join(sorted(set(said) - known)) if isinstance(said, dict) else text[:40]
            raise BeamwatchError(f"unknown settings: {odd}; known are {', '.join(sorted(known))}")
        return cls(**said)


def parsed_length(what: str, length: int | str) -> tuple[float, str]:
    """A window or step as a number and its unit: "px", "nm" or "Å"."""
    if not isinstance(length, str):
        return length, "px"
    found = re.fullmatch(r"\s*(\S*?)\s*(px|nm|Å|A|)\s*", length)
    if found is None:
        raise BeamwatchError(f"{what}: {length!r} is no length; give pixels, or so many nm or Å")
    unit = {"": "px", "A": "Å"}.get(found[2], found[2])
    return number(found[1], f"{what}, {length!r},", 1e-3, LONGEST, unit), unit


def pairs(what: str, values: Any, most: float, unit: str) -> Pairs:
    """Pairs of numbers from −`most` to `most`, however they are given."""
    try:
        rows = [tuple(row) for row in values]
    except TypeError:
        rows = [()]
    if any(len(row) != 2 for row in rows):
        raise BeamwatchError(f"{what}: pairs of numbers (y, x) are needed")
    y, x = ([number(row[i], what, -most, most, unit) for row in rows] for i in (0, 1))
    return tuple(zip(y, x, strict=True))


def _length(what: str, length: Any) -> int | str | None:
    if length is None:
        return None
    if isinstance(length, str):
        parsed_length(what, length)
        return length
    return whole(length, f"{what}, where it is no text with a unit,", 1, LONGEST, "px")


def _among(what: str, value: Any, known: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in known:
        raise BeamwatchError(f"{what} is one of {', '.join(known)}, not {value!r}")
    return value


def _words(what: str, values: Any) -> tuple[str, ...]:
    if not isinstance(values, tuple | list) or not all(isinstance(one, str) for one in values):
        raise BeamwatchError(f"{what} are a list of names, not {values!r}")
    return tuple(values)
