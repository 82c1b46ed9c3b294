"""`Settings`: every choice of an analysis, flat and frozen; whole in the record of a run.

What each can be, and what is said of it, stands at its field and nowhere else: `KNOBS` is the list
that the command line, the form of the desk and the docs are made of.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from napari_beamwatch import spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.knobs import (
    CameraConstant,
    Knob,
    Length,
    Names,
    Number,
    Pairs,
    PairsOfNumbers,
    Value,
    Whole,
    Word,
    knobs_of,
)

CRITERIA = ("fading", "spacing", "new_phase", "mass_loss")

MOST = 1_000_000
"""Frames that a movie may have, too."""

FARTHEST = 100_000.0
"""Pixels that a specimen may drift."""

RAREST = 1e-12
"""A chance that is that of no movie ever; one above a half means that most answers are false."""

FINDING, MEASURING, THRESHOLD, NAMING, OPTICS = (
    "Finding the lattice",
    "Following it",
    "Your threshold",
    "Naming phases",
    "The microscope",
)
"""Groups of a form."""

CHANCE = Number(RAREST, 0.5, spelling.PART)


def _knob(
    usual: Any,
    value: Value,
    group: str,
    what: str,
    label: str,
    help: str,
    metavar: str,
    **more: str,
) -> Any:
    """A field with a usual value, what it can be, and what is said of it."""
    return field(
        default=usual, metadata={"knob": Knob(value, what, label, help, group, metavar, **more)}
    )


@dataclass(frozen=True)
class Settings:
    """Choices of an analysis; those that are None are made from the movie, and said."""

    window: int | str | None = _knob(
        None,
        Length(),
        FINDING,
        "the window",
        "window",
        "side of the FFT windows; larger ones tell spacings better apart and see fainter fringes, "
        "smaller ones map finer",
        "PX",
        unset="auto",
    )
    step: int | str | None = _knob(
        None,
        Length(),
        FINDING,
        "the step",
        "step",
        "from one window to the next; shorter steps map finer, with windows that share more of "
        "their pixels",
        "PX",
        unset="auto",
    )
    taper: Literal["hann", "cosine"] = _knob(
        "hann",
        Word(("hann", "cosine")),
        FINDING,
        "the taper",
        "taper",
        "laid over each window: hann keeps strong spots from leaking into faint ones, cosine tells "
        "near spacings better apart",
        "hann|cosine",
    )
    alpha: float = _knob(
        0.01,
        CHANCE,
        FINDING,
        "alpha",
        "false spots",
        "chance of one or more false spots in the whole movie",
        "P",
    )
    drift: Literal["auto", "off"] | PairsOfNumbers = _knob(
        "auto",
        Pairs(FARTHEST, "px", ("auto", "off")),
        MEASURING,
        "the drift",
        "drift",
        "let windows follow the specimen, or not, or where it lies in each frame, relative to the "
        "first",
        "auto|off|DY,DX;…",
    )
    added_spots: PairsOfNumbers = _knob(
        (),
        Pairs(0.5, "cycles per pixel"),
        FINDING,
        "added spots",
        "spots added",
        "frequencies at which a spot is expected",
        "GY,GX;…",
    )
    removed_spots: PairsOfNumbers = _knob(
        (),
        Pairs(0.5, "cycles per pixel"),
        FINDING,
        "removed spots",
        "spots removed",
        "frequencies at which no spot is wanted",
        "GY,GX;…",
    )
    false_alarm: float = _knob(
        0.01,
        CHANCE,
        MEASURING,
        "false_alarm",
        "false onsets",
        "chance of a false onset in the movie",
        "P",
    )
    criteria: tuple[str, ...] = _knob(
        CRITERIA,
        Names(CRITERIA, "a criterion"),
        MEASURING,
        "criteria",
        "signs of damage",
        "signs of damage that are looked for; what serves none of them is not measured",
        "fading,…",
    )
    fraction: float = _knob(
        math.exp(-1),
        Number(1e-6, 1 - 1e-6, spelling.PART, (("1/e", math.exp(-1)),)),
        THRESHOLD,
        "the fraction",
        "intensity below",
        "your threshold: part of the plateau below which a spot counts as lost",
        "F",
    )
    d_tolerance: float = _knob(
        1.0,
        Number(1e-6, 99.0, spelling.PERCENT),
        THRESHOLD,
        "d_tolerance",
        "d moves by",
        "your threshold: percent by which a spacing must move to count",
        "PCT",
    )
    persistence: int | Literal["end"] = _knob(
        "end",
        Whole(1, MOST, "frames", ("end",)),
        THRESHOLD,
        "the persistence",
        "persists for",
        "how long your threshold must stay passed: so many frames, or to the end of the record",
        "FRAMES|end",
        flag="--persist",
    )
    phases: tuple[str, ...] = _knob(
        (),
        Names(every="all"),
        NAMING,
        "phases",
        "phases",
        "phases that spots are matched to: names of known ones, or CIF files",
        "LiF,Li2O",
    )
    pixel_size_uncertainty: float = _knob(
        0.02,
        Number(0.0, 0.49, spelling.PART),
        NAMING,
        "the uncertainty of the pixel size",
        "pixel size uncertain by",
        "relative; used in matching phases only",
        "PART",
    )
    cs_mm: float = _knob(
        0.0,
        Number(0.0, 10.0, spelling.ABERRATION),
        OPTICS,
        "the spherical aberration",
        "Cs of the lens",
        "spherical aberration, for the focus that Thon rings tell; 0 for a corrected lens",
        "MM",
    )
    running_sum: int = _knob(
        1,
        Whole(1, MOST, "frames"),
        MEASURING,
        "a running sum",
        "running sum",
        "frames that are added up around each before spots are measured: what is seen of fainter "
        "spots is paid for with dose resolution",
        "FRAMES",
    )
    camera_constant: float | None = _knob(
        None, CameraConstant(1e-3, 1e9, spelling.CAMERA_CONSTANT), OPTICS, "the camera constant",
        "camera constant",
        "frames are diffraction patterns, and d is this over the distance from the centre in "
        "pixels; none for images", "A·PX|RING", unset="none",
    )  # fmt: skip

    def __post_init__(self) -> None:
        for name, knob in KNOBS.items():
            object.__setattr__(self, name, knob.check(getattr(self, name)))

    @property
    def specimen_pixel_uncertainty(self) -> float | None:
        """Relative error of the pixel size, which doses go with; None for diffraction patterns.

        There `pixel_size_uncertainty` is that of the camera constant.
        """
        return self.pixel_size_uncertainty if self.camera_constant is None else None

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


KNOBS: Mapping[str, Knob] = {name: knob for name, knob, _ in knobs_of(Settings)}
"""Of each setting by its name, in the order of the fields."""


def option_of(name: str) -> str:
    """The option of a setting on the command line."""
    return KNOBS[name].flag or "--" + name.replace("_", "-")


def _attributes() -> str:
    """What is said of each setting, as the docstring of a class lists it."""
    lines = ["", "", "    Attributes", "    ----------"]
    kinds = {one.name: str(one.type) for one in fields(Settings)}
    for name, knob in KNOBS.items():
        lines.append(f"    {name} : {kinds[name]}")
        said = f"{knob.help[0].upper()}{knob.help[1:]} ({knob.range})."
        lines += textwrap.wrap(said, 92, initial_indent=" " * 8, subsequent_indent=" " * 8)
    return "\n".join((*lines, "    "))


Settings.__doc__ = (Settings.__doc__ or "") + _attributes()
