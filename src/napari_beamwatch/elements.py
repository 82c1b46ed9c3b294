"""Chemical elements as people name them: ``Li,F,C,O,H``."""

from __future__ import annotations

import re
from collections.abc import Iterable

import gemmi

from napari_beamwatch.errors import BeamwatchError


def elements_of(said: str | Iterable[str]) -> tuple[str, ...]:
    """Symbols of elements, each once, in the order given.

    Parameters
    ----------
    said : str or iterable of str
        Symbols; in one string with commas or spaces between them.
    """
    if isinstance(said, str):
        said = [symbol for symbol in re.split(r"[\s,;]+", said) if symbol]
    elif not isinstance(said, Iterable):
        raise BeamwatchError(f"elements are named by their symbols, as Li,F,O, not as {said!r}")
    named = tuple(dict.fromkeys(said))
    if not named:
        raise BeamwatchError("no element is named; leave elements out, or name some, as Li,F,O")
    for symbol in named:
        if not isinstance(symbol, str) or symbol == "X" or gemmi.Element(symbol).name != symbol:
            raise BeamwatchError(
                f"{symbol!r} is no element; they are named by their symbols, as Li,F,O"
            )
    return named
