"""Numbers that instruments write as text."""

from __future__ import annotations

from napari_beamwatch.movies.formats.signals import number

CLOSE = 0.01
"""Relative difference of two numbers up to which they are one."""


def positive(text: str | None) -> float | None:
    """A finite number above zero: instruments write 0 or −1 for what they do not know."""
    value = number(text)
    return value if value is not None and value > 0 else None


def count(text: str | None) -> int | None:
    """A whole number above zero."""
    value = positive(text)
    return int(value) if value is not None and value == int(value) else None


def times(value: float | None, factor: float) -> float | None:
    """A number in another unit."""
    return None if value is None else value * factor


def side_of(
    x: float | None, y: float | None, angstrom: float, unit: str
) -> tuple[float | None, tuple[str, ...]]:
    """Å of a pixel's side by its width and height in a unit of so many Å, and warnings."""
    if x is not None and y is not None and abs(x / y - 1) > CLOSE:
        return None, (f"its pixels are {x:g} by {y:g} {unit}: their size is not used",)
    return times(x, angstrom), ()
