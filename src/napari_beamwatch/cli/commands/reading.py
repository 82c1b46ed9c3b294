"""How the texts behind the options are read; what is refused is wrong usage."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

from napari_beamwatch import spelling
from napari_beamwatch.errors import BeamwatchError

T = TypeVar("T")


def quantity(kind: spelling.Kind) -> Callable[[str], float]:
    """Reads quantities as people write them."""
    return read_by(lambda text: spelling.read_quantity(text, kind))


def quantities(kind: spelling.Kind) -> Callable[[str], tuple[float, ...]]:
    """Reads quantities with commas between them, which are no decimal commas then."""
    return lambda text: tuple(map(quantity(kind), text.split(",")))


def read_by(reading: Callable[[str], T]) -> Callable[[str], T]:
    """Reads a text; what it refuses is wrong usage."""

    def read(text: str) -> T:
        try:
            return reading(text)
        except BeamwatchError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names: give one,two")
    return found


def whole_number(text: str) -> int:
    """A number of things, from 1 on."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is less than 1")
    return number


def box(text: str) -> tuple[int, int, int, int]:
    """A rectangle as ``Y0:Y1,X0:X1``."""
    try:
        (y0, y1), (x0, x1) = (map(int, part.split(":")) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no rectangle: give Y0:Y1,X0:X1 in whole pixels"
        ) from None
    if not (0 <= y0 < y1 and 0 <= x0 < x1):
        raise argparse.ArgumentTypeError(f"{text!r} holds no pixels")
    return y0, y1, x0, x1
