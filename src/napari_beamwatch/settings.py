"""`Settings`: every choice of an analysis, flat and frozen; whole in the record of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from napari_beamwatch.errors import BeamwatchError

CRITERIA = ("fading", "spacing", "new_phase", "mass_loss")

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
    fraction: float = float(np.exp(-1))
    d_tolerance: float = 1.0
    persistence: int | Literal["end"] = "end"
    phases: tuple[str, ...] = ()
    pixel_size_uncertainty: float = 0.02
    cs_mm: float = 0.0
    running_sum: int = 1
    camera_constant: float | None = None

    def __post_init__(self) -> None:
        if self.taper not in ("hann", "cosine"):
            raise BeamwatchError(f"the taper is 'hann' or 'cosine', not {self.taper!r}")
        if isinstance(self.drift, str):
            if self.drift not in ("auto", "off"):
                raise BeamwatchError(f"drift is 'auto', 'off' or given, not {self.drift!r}")
        else:
            object.__setattr__(self, "drift", pairs("the drift", self.drift))
        for name in ("added_spots", "removed_spots"):
            spots = pairs(name.replace("_", " "), getattr(self, name))
            if any(max(abs(gy), abs(gx)) > 0.5 for gy, gx in spots):
                raise BeamwatchError(
                    f"{name.replace('_', ' ')}: frequencies are in cycles per pixel, 0.5 at most"
                )
            object.__setattr__(self, name, spots)
        if not isinstance(self.criteria, tuple | list) or not set(self.criteria) <= set(CRITERIA):
            raise BeamwatchError(f"criteria are among {', '.join(CRITERIA)}, not {self.criteria!r}")
        object.__setattr__(self, "criteria", tuple(c for c in CRITERIA if c in self.criteria))
        if not isinstance(self.running_sum, int) or self.running_sum < 1:
            raise BeamwatchError(f"a running sum is of 1 frame or more, not {self.running_sum!r}")
        if self.camera_constant is not None and (
            not isinstance(self.camera_constant, int | float)
            or not 0 < self.camera_constant < float("inf")
        ):
            raise BeamwatchError(
                f"a camera constant is a number of Å·px above 0, not {self.camera_constant!r}"
            )
        if not isinstance(self.false_alarm, int | float) or not 0 < self.false_alarm < 1:
            raise BeamwatchError(f"false_alarm lies between 0 and 1, not {self.false_alarm!r}")
        if not isinstance(self.fraction, int | float) or not 0 < self.fraction < 1:
            raise BeamwatchError(f"the fraction lies between 0 and 1, not {self.fraction!r}")
        if not isinstance(self.d_tolerance, int | float) or not 0 < self.d_tolerance < 100:
            raise BeamwatchError(f"d_tolerance is a percentage above 0, not {self.d_tolerance!r}")
        if self.persistence != "end" and (
            not isinstance(self.persistence, int) or self.persistence < 1
        ):
            raise BeamwatchError(
                f"the persistence is a number of frames or 'end', not {self.persistence!r}"
            )
        if not isinstance(self.phases, tuple | list):
            raise BeamwatchError(f"phases are a list of names, not {self.phases!r}")
        object.__setattr__(self, "phases", tuple(map(str, self.phases)))
        if not isinstance(self.cs_mm, int | float) or not 0 <= self.cs_mm < 10:
            raise BeamwatchError(f"a spherical aberration is 0 to 10 mm, not {self.cs_mm!r}")
        uncertain = self.pixel_size_uncertainty
        if not isinstance(uncertain, int | float) or not 0 <= uncertain < 0.5:
            raise BeamwatchError(
                "the pixel size is uncertain by a part of it from 0 to 0.5, not "
                f"{self.pixel_size_uncertainty!r}"
            )
        if not isinstance(self.alpha, int | float) or not 0 < self.alpha < 1:
            raise BeamwatchError(f"alpha lies between 0 and 1, not {self.alpha!r}")

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


def pairs(what: str, values: Any) -> Pairs:
    """Pairs of numbers, however they are given."""
    try:
        table = np.asarray(values, np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        raise BeamwatchError(f"{what}: pairs of numbers (y, x) are needed") from None
    if not np.isfinite(table).all():
        raise BeamwatchError(f"{what}: a value is no number")
    return tuple((float(y), float(x)) for y, x in table)
