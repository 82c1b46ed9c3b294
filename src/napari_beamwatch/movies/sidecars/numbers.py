"""Numbers that instruments write as text."""

from __future__ import annotations

import math


def decimal(text: str | None) -> float | None:
    """A finite number, or None where there is none."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def positive(text: str | None) -> float | None:
    """A finite number above zero: instruments write 0 or −1 for what they do not know."""
    value = decimal(text)
    return value if value is not None and value > 0 else None


def count(text: str | None) -> int | None:
    """A whole number above zero."""
    value = positive(text)
    return int(value) if value is not None and value == int(value) else None


def times(value: float | None, factor: float) -> float | None:
    """A number in another unit."""
    return None if value is None else value * factor
