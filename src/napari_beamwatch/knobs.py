"""What somebody can choose: in words, and how a value is checked, read from text and written.

One `Knob` makes the option of the command line, the row of the form, the line of the docs and the
check in Python, so that they cannot differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import Field, dataclass, fields
from typing import Any, Protocol

from napari_beamwatch import spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.quantities import number, whole

LONGEST = 100_000
"""Of windows and steps, whatever the unit."""

SHOWN = 6
"""Digits of a number as it is written."""

_RING = re.compile(
    r"(?:ring\s+(?:of\s+)?)?(?P<d>.+?)\s*(?:\bat\b|@)\s*(?P<radius>.+)", re.IGNORECASE
)
"""A ring of a diffraction pattern: its spacing and its radius."""

PairsOfNumbers = tuple[tuple[float, float], ...]


class Value(Protocol):
    """What a value can be."""

    def check(self, value: Any, what: str) -> Any:
        """The value as it is kept; what cannot be is refused in a sentence about `what`."""

    def read(self, text: str) -> Any:
        """The value that a text means; whether it can be is not looked at."""

    def written(self, value: Any) -> str:
        """The value as text, which `read` understands."""

    @property
    def range(self) -> str:
        """What it can be, in words."""


@dataclass(frozen=True)
class Knob:
    """Something to be chosen.

    Attributes
    ----------
    value : Value
        What it can be.
    what : str
        As a sentence about it begins.
    label : str
        In a form.
    help : str
        What it does; a sentence without its full stop.
    group : str
        In a form.
    metavar : str
        What is typed, on the command line.
    flag : str
        Its option there; made of the name where it is empty.
    unset : str
        The word for None, where it can be that.
    """

    value: Value
    what: str
    label: str
    help: str
    group: str
    metavar: str
    flag: str = ""
    unset: str = ""

    def check(self, value: Any) -> Any:
        """The value as it is kept."""
        return None if value is None and self.unset else self.value.check(value, self.what)

    def read(self, text: str) -> Any:
        """The value that a text means; nothing is what was not chosen."""
        if self.unset and text.strip() in ("", self.unset):
            return None
        return self.value.read(text)

    def written(self, value: Any) -> str:
        """The value as text."""
        return self.unset if value is None else self.value.written(value)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return f"{self.value.range}, or {self.unset}" if self.unset else self.value.range

    @property
    def sentence(self) -> str:
        """What it does, as a sentence."""
        return f"{self.help[0].upper()}{self.help[1:]}."

    @property
    def tip(self) -> str:
        """What it does and can be."""
        return f"{self.sentence} ({self.range})"


def knob_of(field: Field[Any]) -> Knob:
    """The knob of a field of a dataclass."""
    knob: Knob = field.metadata["knob"]
    return knob


def knobs_of(kind: type) -> Iterator[tuple[str, Knob, Any]]:
    """Name, knob and usual value of each field of a dataclass that has one."""
    for field in fields(kind):
        if "knob" in field.metadata:
            yield field.name, knob_of(field), field.default


@dataclass(frozen=True)
class Number:
    """A number from `low` to `high`.

    Attributes
    ----------
    low, high : float
    kind : spelling.Kind
        How it is written, and in which unit it is kept.
    names : tuple of (str, float)
        Words for some of them.
    """

    low: float
    high: float
    kind: spelling.Kind = spelling.NUMBER
    names: tuple[tuple[str, float], ...] = ()

    def check(self, value: Any, what: str) -> float:
        """The value as it is kept."""
        if isinstance(value, str):
            raise BeamwatchError(f"{what} must be a number, not the text {value!r}")
        return number(value, what, self.low, self.high, self.kind.unit)

    def read(self, text: str) -> float:
        """The value that a text means."""
        return dict(self.names).get(text.strip()) or spelling.read_quantity(text, self.kind)

    def written(self, value: Any) -> str:
        """The value as text."""
        named = {worth: name for name, worth in self.names}
        if value in named:
            return named[value]
        shown, unit = (100 * value, "%") if self.kind is spelling.PART else (value, self.kind.unit)
        return f"{shown:.{SHOWN}g} {unit}".strip()

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return f"{self.low:g} to {self.high:g} {self.kind.unit}".strip()


@dataclass(frozen=True)
class CameraConstant(Number):
    """A camera constant as a number, or by a ring whose spacing is known: ``2.34 Å at 120 px``."""

    def read(self, text: str) -> float:
        """The value that a text means."""
        said = _RING.fullmatch(text.strip())
        if said is None:
            return super().read(text)
        spacing = spelling.read_quantity(said["d"], spelling.PIXEL_SIZE)
        return spacing * spelling.read_quantity(said["radius"], spelling.RADIUS)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return f"{super().range}, a ring of known d at its radius (2.34 Å at 120 px)"


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, or one of some words."""

    low: int
    high: int
    unit: str = ""
    words: tuple[str, ...] = ()

    def check(self, value: Any, what: str) -> int | str:
        """The value as it is kept."""
        if isinstance(value, str) and value in self.words:
            return value
        if self.words:
            what = f"{what}, if not {_either(self.words)},"
        return whole(value, what, self.low, self.high, self.unit)

    def read(self, text: str) -> int | str:
        """The value that a text means."""
        text = text.strip()
        if text in self.words:
            return text
        plain = text.removesuffix(self.unit).removesuffix(self.unit.removesuffix("s")).strip()
        try:
            return int(plain)
        except ValueError:
            counted = f"a number of {self.unit}" if self.unit else "a whole number"
            if self.words:
                said = f"{text!r} is neither {counted} nor {_either(self.words)}"
            else:
                said = f"{text!r} is not {counted}"
            raise BeamwatchError(said) from None

    def written(self, value: Any) -> str:
        """The value as text."""
        return str(value)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        counted = f"{self.low} or more {self.unit}".strip()
        return ", or ".join((counted, *self.words))


@dataclass(frozen=True)
class Length:
    """Pixels as a whole number, or a length as text with its unit."""

    def check(self, value: Any, what: str) -> int | str:
        """The value as it is kept."""
        if isinstance(value, str):
            parsed_length(what, value)
            return value
        return whole(value, f"{what}, where it is no text with a unit,", 1, LONGEST, "px")

    def read(self, text: str) -> int | str:
        """The value that a text means."""
        text = text.strip()
        plain = text.removesuffix("px").strip()
        if plain.isascii() and plain.isdigit():
            return int(plain)
        parsed_length("a length", text)
        return text

    def written(self, value: Any) -> str:
        """The value as text."""
        return value if isinstance(value, str) else f"{value} px"

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return "px, or a length in nm or Å"


@dataclass(frozen=True)
class Word:
    """One of some words."""

    among: tuple[str, ...]

    def check(self, value: Any, what: str) -> str:
        """The value as it is kept."""
        if not isinstance(value, str) or value not in self.among:
            raise BeamwatchError(f"{what} is one of {', '.join(self.among)}, not {value!r}")
        return value

    def read(self, text: str) -> str:
        """The value that a text means."""
        return self.check(text.strip(), "it")

    def written(self, value: Any) -> str:
        """The value as text."""
        return str(value)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return " or ".join(self.among)


@dataclass(frozen=True)
class Names:
    """Names with commas between them; of some that are known, in their order, or any.

    Attributes
    ----------
    among : tuple of str
        Those that are known; any may be said if it is empty.
    one : str
        What each is called.
    every : str
        The word for all, where none stands for that.
    """

    among: tuple[str, ...] = ()
    one: str = "a name"
    every: str = ""

    def check(self, value: Any, what: str) -> tuple[str, ...]:
        """The value as it is kept."""
        if not isinstance(value, tuple | list) or not all(isinstance(one, str) for one in value):
            raise BeamwatchError(f"{what} are a list of names, not {value!r}")
        if not self.among:
            return tuple(value)
        for one in value:
            Word(self.among).check(one, self.one)
        return tuple(one for one in self.among if one in value)

    def read(self, text: str) -> tuple[str, ...]:
        """The value that a text means."""
        if self.every and text.strip() in ("", self.every):
            return ()
        names = tuple(name.strip() for name in text.split(","))
        if not all(names):
            example = ",".join(self.among) or "LiF,Li2O"
            raise BeamwatchError(f"{text!r} is no list of names: give {example}")
        return names

    def written(self, value: Any) -> str:
        """The value as text."""
        return ",".join(value) or self.every

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return ", ".join(self.among) or f"names with commas between them, or {self.every}"


@dataclass(frozen=True)
class Pairs:
    """Pairs of numbers (y, x) from −`most` to `most`, or one of some words."""

    most: float
    unit: str
    words: tuple[str, ...] = ()

    def check(self, value: Any, what: str) -> PairsOfNumbers | str:
        """The value as it is kept."""
        if isinstance(value, str):
            if self.words:
                return Word(self.words).check(value, f"{what}, where it is not given,")
            raise BeamwatchError(f"{what}: pairs of numbers (y, x) are needed, not {value!r}")
        try:
            rows = [tuple(row) for row in value]
        except TypeError:
            rows = [()]
        if any(len(row) != 2 for row in rows):
            raise BeamwatchError(f"{what}: pairs of numbers (y, x) are needed")
        y, x = (
            [number(row[i], what, -self.most, self.most, self.unit) for row in rows] for i in (0, 1)
        )
        return tuple(zip(y, x, strict=True))

    def read(self, text: str) -> PairsOfNumbers | str:
        """The value that a text means."""
        if text.strip() in self.words:
            return text.strip()
        rows = [row.split(",") for row in text.split(";") if row.strip()]
        if any(len(row) != 2 for row in rows):
            nor = f", nor {_either(self.words)}" if self.words else ""
            raise BeamwatchError(f"{text!r} are no pairs of numbers{nor}: give y,x;y,x;…")
        y, x = ([spelling.read_quantity(row[i], spelling.NUMBER) for row in rows] for i in (0, 1))
        return tuple(zip(y, x, strict=True))

    def written(self, value: Any) -> str:
        """The value as text."""
        return value if isinstance(value, str) else ";".join(f"{y:.9g},{x:.9g}" for y, x in value)

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return ", or ".join((*self.words, f"pairs y,x;y,x;… in {self.unit}"))


def parsed_length(what: str, length: int | str) -> tuple[float, str]:
    """A window or step as a number and its unit: "px", "nm" or "Å"."""
    if not isinstance(length, str):
        return length, "px"
    found = re.fullmatch(r"\s*(\S*?)\s*(px|nm|Å|A|)\s*", length)
    if found is None:
        raise BeamwatchError(f"{what}: {length!r} is no length; give pixels, or so many nm or Å")
    unit = {"": "px", "A": "Å"}.get(found[2], found[2])
    return number(found[1], f"{what}, {length!r},", 1e-3, LONGEST, unit), unit


def _either(words: tuple[str, ...]) -> str:
    return " or ".join(repr(word) for word in words)
