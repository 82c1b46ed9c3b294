"""Numbers that somebody gives: read in one way, kept within what can be, and written for a reader.

Text is a number only if it cannot be misread: "1,000" is a thousand to some and one to others,
and a number with a unit behind it may be in another unit than is asked for.
"""

from __future__ import annotations

import math
import numbers
import re
from typing import Any

from napari_beamwatch.errors import BeamwatchError

_TEXT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def number(value: Any, what: str, low: float, high: float, unit: str = "") -> float:
    """`value` as a number within ``low…high``.

    Parameters
    ----------
    value : object
        A real number of any kind, or its text; True and False are none.
    what : str
        What is asked for, as a sentence begins.
    low, high : float
    unit : str
        For the words.
    """
    read = _read(value)
    if read is None:
        hint = ""
        if isinstance(value, str) and "," in value:
            hint = "; write the decimal point as a point, and no comma between thousands"
        raise BeamwatchError(f"{what} must be a number{_in(unit)}, not {value!r}{hint}")
    if not low <= read <= high:
        raise BeamwatchError(
            f"{what} cannot be {read:g}: it lies between {low:g} and {high:g}{unit and ' '}{unit}"
        )
    return read


def whole(value: Any, what: str, low: int, high: int, unit: str = "") -> int:
    """`value` as a whole number within ``low…high``; numbers with a point are none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise BeamwatchError(f"{what} must be a whole number{_in(unit)}, not {value!r}")
    return int(number(int(value), what, low, high, unit))


def counted(count: int, what: str) -> str:
    """So many of something, in words."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def dose_text(dose: float, digits: int = 3) -> str:
    """A dose as a person writes it: of as many digits, and never as a power of ten."""
    return f"{dose:.0f}" if abs(dose) >= 10 ** (digits - 1) else f"{dose:.{digits}g}"


def _read(value: Any) -> float | None:
    if getattr(value, "shape", None) == () and hasattr(value, "item"):  # of NumPy
        value = value.item()
    if isinstance(value, str):
        value = value.strip() if _TEXT.fullmatch(value.strip()) else None
    elif isinstance(value, bool) or not isinstance(value, numbers.Real):
        return None
    try:
        return None if value is None else float(value)
    except OverflowError:
        return math.inf


def _in(unit: str) -> str:
    return f" in {unit}" if unit else ""
