"""Numbers and quantities as people write them: ``12,5``, ``5 e-/Å^2``, ``100 K``, ``40 fps``.

What can be read in two ways is refused: a dose that is a thousand times too small looks like any
other.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from napari_beamwatch.errors import BeamwatchError

_MINUS = str.maketrans("−–", "--")
_DEGREE = str.maketrans("º˚", "°°")

_GAPS = "'’ \u00a0\u2009\u202f"
_QUANTITY = re.compile(
    rf"(?P<sign>[-+−–]?)\s*(?P<digits>[0-9.,](?:[0-9.,{_GAPS}]*[0-9.,])?)"
    r"(?P<power>[eE][-+−–]?[0-9]+)?\s*(?P<unit>.*)",
    re.DOTALL,
)
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_POWER = re.compile(
    r"(?<=[0-9.,])\s*[x×·⋅*]\s*10(?:(?:\^|\*\*)([-+−–]?[0-9]+)|([⁻⁺]?[⁰¹²³⁴-⁹]+))(?![0-9])"
)
_EACH_SECOND = re.compile(r"(?<=[0-9.,])\s+1\s*/\s*(?=s\b)")
_USUAL = re.compile(r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+")
_EITHER = re.compile(r"[1-9][0-9]{0,2},[0-9]{3}")
_FIRST = "[1-9][0-9]{0,2}"
_READINGS = (
    (re.compile(r"[0-9]*,[0-9]+"), ","),
    # Two groups, or another sign behind them: nothing but groups of three can be meant.
    (re.compile(rf"{_FIRST}(?:,[0-9]{{3}})+\.[0-9]*|{_FIRST}(?:,[0-9]{{3}}){{2,}}"), "."),
    (re.compile(rf"{_FIRST}(?:\.[0-9]{{3}})+,[0-9]+|{_FIRST}(?:\.[0-9]{{3}}){{2,}}"), ","),
    (re.compile(rf"{_FIRST}([{_GAPS}])[0-9]{{3}}(?:\1[0-9]{{3}})*(?:[.,][0-9]+)?"), ".,"),
)
"""How numbers are written that Python does not know, and the decimal sign of each way."""


_EITHER_WAY = re.compile(r"\+\s*/?\s*[-−–]")


@dataclass(frozen=True)
class Unit:
    """A unit as it is told to the user, and what it comes to.

    Attributes
    ----------
    name : str
    convert : callable
        From a number in this unit to one in the unit of the kind.
    also : tuple of str
        Other names of it.
    """

    name: str
    convert: Callable[[float], float]
    also: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """What is measured.

    Attributes
    ----------
    units : tuple of Unit
        The first is the one that values are in.
    per : tuple of str
        What may be added behind ``/``, since it is meant anyway.
    """

    units: tuple[Unit, ...]
    per: tuple[str, ...] = ()

    @property
    def unit(self) -> str:
        """The unit that values are in."""
        return self.units[0].name

    @property
    def asked(self) -> str:
        """What to type."""
        others = ", ".join(unit.name for unit in self.units[1:])
        said = f"a number in {self.unit}" if self.unit else "a number"
        return said + (f" (or {others})" if others else "")

    def converter(self, text: str) -> Callable[[float], float] | None:
        """What a unit as it was typed comes to; None if it is not known."""
        if not text:
            return self.units[0].convert
        typed = _plain(text)
        for unit in self.units:
            for name in map(_plain, (unit.name, *unit.also)):
                if name and typed in (name, *(f"{name}/{one}" for one in self.per)):
                    return unit.convert
        return None


def _times(factor: float) -> Callable[[float], float]:
    return lambda number: number * factor


def _every(number: float) -> float:
    """Seconds from one to the next of so many a second."""
    return 1 / number if number else math.inf


NUMBER = Kind((Unit("", _times(1)),))
PART = Kind((Unit("", _times(1)), Unit("%", _times(0.01))))
PERCENT = Kind((Unit("%", _times(1)),))
PIXEL_SIZE = Kind(
    (
        Unit("Å", _times(1), ("Ångström", "angstrom", "angstroms")),
        Unit("nm", _times(10)),
        Unit("pm", _times(0.01)),
    ),
    per=("px", "pix", "pixel"),
)
DOSE = Kind((Unit("e/Å²", _times(1)), Unit("e/nm²", _times(0.01))))
FRAME_DOSE = Kind(DOSE.units, per=("frame", "fr", "image"))
DOSE_RATE = Kind((Unit("e/Å²/s", _times(1)), Unit("e/nm²/s", _times(0.01))))
FRAME_TIME = Kind(
    (
        Unit("s", _times(1)),
        Unit("ms", _times(1e-3), ("milliseconds",)),
        Unit("µs", _times(1e-6), ("us", "microseconds")),
        Unit("fps", _every, ("Hz", "s^-1", "1/s", "frames/s", "images/s", "frame/s", "image/s")),
    ),
    per=("frame", "image"),
)
TEMPERATURE = Kind(
    (
        Unit("°C", _times(1), ("C", "degC", "degrees C", "Celsius")),
        Unit("K", lambda kelvin: kelvin - 273.15, ("°K", "Kelvin", "Kelvins")),
    )
)
VOLTAGE = Kind((Unit("kV", _times(1), ("keV",)), Unit("V", _times(1e-3), ("eV",))))
CURRENT = Kind((Unit("nA", _times(1)), Unit("pA", _times(1e-3))))
WIDTH = Kind((Unit("µm", _times(1), ("um", "micron", "microns")), Unit("nm", _times(1e-3))))
ABERRATION = Kind((Unit("mm", _times(1)), Unit("µm", _times(1e-3), ("um",))))
CAMERA_CONSTANT = Kind((Unit("Å·px", _times(1)), Unit("nm·px", _times(10))))
RADIUS = Kind((Unit("px", _times(1), ("pixel", "pixels")),))
ANGLE = Kind((Unit("°", _times(1), ("deg", "degrees")),))
LENGTH = Kind(
    (
        Unit("nm", _times(1)),
        Unit("Å", _times(0.1), PIXEL_SIZE.units[0].also),
        Unit("µm", _times(1e3), ("um", "micron", "microns")),
    )
)


def read_quantity(text: str, kind: Kind) -> float:
    """A number that may have a unit, in the unit of its kind.

    Parameters
    ----------
    text : str
        The decimal sign is a point or a comma; digits may stand in groups of three with a comma,
        a point, a space or an apostrophe between them where nothing else can be meant.
    kind : Kind

    Raises
    ------
    BeamwatchError
        If it is no number, has another unit, or can be read in two ways.
    """
    text = text.strip()
    found = _QUANTITY.fullmatch(_EACH_SECOND.sub(" /", in_one_line(text)))
    convert = None if found is None else kind.converter(found["unit"])
    if found is None or convert is None:
        raise BeamwatchError(f"{text!r} is not understood; type {kind.asked}")
    power = found["power"] or ""
    number = (found["sign"] + _number(found["digits"]) + power).translate(_MINUS)
    value = convert(float(number))
    if not math.isfinite(value):
        raise BeamwatchError(f"{text!r} is beyond all numbers; type {kind.asked}")
    return value


def in_one_line(text: str) -> str:
    """Powers of ten as `float` reads them: ``5×10³`` is ``5e3``."""
    return _POWER.sub(lambda found: "e" + (found[1] or found[2].translate(_RAISED)), text)


def read_measured(text: str, kind: Kind) -> tuple[float, float | None]:
    """A number and its relative standard uncertainty: ``12.5 ± 5 %``, ``80 e/Å²/s +- 4``.

    None for the latter where none is said. The sign may also be written ``+-`` or ``+/-``.
    """
    value, is_said, spread = _EITHER_WAY.sub("±", text).partition("±")
    number = read_quantity(value, kind)
    if not is_said:
        return number, None
    if spread.strip().endswith("%"):
        return number, abs(read_quantity(spread, PERCENT)) / 100
    width = abs(read_quantity(spread, kind))
    return number, width / abs(number) if number else math.inf


def _number(digits: str) -> str:
    """Digits as Python writes them."""
    if _USUAL.fullmatch(digits):
        return digits
    if _EITHER.fullmatch(digits):
        whole, decimals = digits.replace(",", ""), digits.replace(",", ".")
        raise BeamwatchError(f"{digits!r} can be {whole} or {decimals}: type one of them")
    for written, sign in _READINGS:
        if written.fullmatch(digits):
            kept = ["." if one in sign else one for one in digits if one in sign or one.isdigit()]
            return "".join(kept)
    raise BeamwatchError(f"{digits!r} is no number: its points and commas do not fit together")


def _plain(unit: str) -> str:
    """A unit without what people write in different ways: ``e⁻ Å^-2 s⁻¹`` is ``e/a2/s``."""
    text = unicodedata.normalize("NFKC", unit.translate(_DEGREE)).casefold().translate(_MINUS)
    text = re.sub(r"\bper\b", "/", text.replace("å", "a"))
    text = re.sub(r"\bang(?:str[oö]ms?|\.)?(?=[\W\d]|$)", "a", text)
    text = re.sub(r"\bsq(?:uare|\.)?\s+a\b", "a2", text)
    text = re.sub(r"\b([muμ]?)sec(?:onds?)?\b", r"\1s", text)
    text = re.sub(r"[\s^*·⋅()]", "", text)
    text = re.sub(r"^(?:electrons?|el\.?|e-)(?=/|a|nm|s-1)", "e", text)
    text = re.sub(r"(a|nm)-2", r"/\g<1>2", text)
    text = re.sub(r"^e(?:/s|s-1)(/(?:a|nm)2)$", r"e\1/s", text)
    # What stands behind a stroke is all below it.
    return re.sub(r"(?<=2)s$|s-1$", "/s", text)
