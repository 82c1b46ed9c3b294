"""Lengths in Å and times in s from the units that files name."""

from __future__ import annotations

import math

_ANGSTROM = {
    "pm": 1e-2, "picometer": 1e-2, "picometre": 1e-2,
    "å": 1.0, "a": 1.0, "ang": 1.0, "angstrom": 1.0, "angstroms": 1.0, "ångström": 1.0,
    "ångstrom": 1.0,
    "nm": 10.0, "nanometer": 10.0, "nanometre": 10.0,
    "µm": 1e4, "um": 1e4, "micron": 1e4, "microns": 1e4, "micrometer": 1e4, "micrometre": 1e4,
    "mm": 1e7, "millimeter": 1e7, "millimetre": 1e7,
    "cm": 1e8, "centimeter": 1e8, "centimetre": 1e8,
    "m": 1e10, "meter": 1e10, "metre": 1e10,
    "inch": 2.54e8, "in": 2.54e8,
}  # fmt: skip

_SECONDS = {
    "s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0,
    "ms": 1e-3, "msec": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3,
    "µs": 1e-6, "us": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6,
    "ns": 1e-9, "nanosecond": 1e-9,
    "min": 60.0, "minute": 60.0, "minutes": 60.0, "h": 3600.0, "hour": 3600.0,
}  # fmt: skip


def plain_unit(unit: object) -> str:
    """A unit's name in lower case with one spelling of micro and Ångström."""
    if isinstance(unit, bytes):
        unit = unit.decode("utf-8", "replace")
    if not isinstance(unit, str):
        return ""
    text = unit.strip().strip("\0").lower()
    # ImageJ escapes; micro sign and Greek mu; the sign and the letter for Ångström.
    for spelling, plain in (("\\u00b5", "µ"), ("\N{GREEK SMALL LETTER MU}", "µ")):
        text = text.replace(spelling, plain)
    return text.replace("\\u00c5", "å").replace("\N{ANGSTROM SIGN}", "å")


def to_angstrom(value: float, unit: object) -> float | None:
    """`value` in Å, or None where the unit is no length."""
    factor = _ANGSTROM.get(plain_unit(unit))
    return None if factor is None or not math.isfinite(value) else float(value) * factor


def to_seconds(value: float, unit: object) -> float | None:
    """`value` in s, or None where the unit is no time."""
    factor = _SECONDS.get(plain_unit(unit))
    return None if factor is None or not math.isfinite(value) else float(value) * factor


def is_reciprocal(unit: object) -> bool:
    """Whether a unit counts per length or angle, as in diffraction patterns."""
    text = plain_unit(unit).replace(" ", "")
    if text.startswith("1/"):
        return text[2:] in _ANGSTROM
    for power in ("^-1", "-1", "**-1", "⁻¹"):
        if text.endswith(power):
            return text.removesuffix(power) in _ANGSTROM
    return text in {"mrad", "rad"}
