"""Tables and notes of quantities as people write them, with units in names or behind values."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.spelling import Kind, in_one_line, read_quantity

UNKNOWN = frozenset(("", "?", "-", "–", "—", "n/a", "na", "none", "unknown", "nan", "null", "~"))
"""How people write that they do not know."""

LONGEST = 200
"""Letters of a number with its unit."""

NEAR = 0.8
"""How alike two names are of which one may be a slip of the other, from 0 to 1."""

_BRACKETED = re.compile(r"(.*?)\s*[(\[]([^()\[\]]*(?:\([^()]*\))?)[)\]]")
_HAS_UNIT = re.compile(r"[^0-9.,\s'’+\-−–eE]")


def plain_name(name: str) -> str:
    """A name in lower case, its words joined by underscores."""
    return re.sub(r"[\s_\-]+", "_", name.strip().casefold()).strip("_")


def name_and_unit(name: str, known: Mapping[str, Kind | None]) -> tuple[str, str]:
    """A known name and the unit behind it, as in ``dose_rate_e_per_A2_s`` or ``dose [e/Å²]``.

    Parameters
    ----------
    name : str
    known : mapping
        Names and what each measures; None for those that are told in words.

    Returns
    -------
    name : str
        Empty if it is none of them: then what stands behind it is no unit of it either.
    unit : str
        As it is written; empty without one.
    """
    bracketed = _BRACKETED.fullmatch(name.strip())
    if bracketed and plain_name(bracketed[1]) in known:
        return plain_name(bracketed[1]), bracketed[2].strip()
    whole, written = plain_name(name), re.sub(r"[\s_]+", "_", name.strip())
    if whole in known:
        return whole, ""
    for one, kind in known.items():
        unit = written[len(one) + 1 :].replace("_per_", "/").replace("_", "/")
        if kind is not None and whole.startswith(f"{one}_") and kind.converter(unit) is not None:
            return one, unit
    return "", ""


def meant_name(name: str, known: Iterable[str]) -> str:
    """The known name that one of no meaning may be a slip of; empty if none is near."""
    bracketed = _BRACKETED.fullmatch(name.strip())
    plain = plain_name(bracketed[1] if bracketed else name)
    return next(iter(get_close_matches(plain, list(known), 1, NEAR)), "")


def read_written(text: str, unit: str, kind: Kind, what: str) -> float | None:
    """A quantity of a table or of notes; None where somebody wrote that it is not known.

    Parameters
    ----------
    text : str
        A unit behind the number goes before `unit`.
    unit : str
        Of the column.
    kind : Kind
    what : str
        Where it stands, for the words.
    """
    text = text.strip()
    if len(text) > LONGEST:
        raise BeamwatchError(f"{what}: a word of {len(text)} letters is no number")
    text = in_one_line(text)
    if text.casefold() in UNKNOWN:
        return None
    try:
        return read_quantity(text if _HAS_UNIT.search(text) else f"{text} {unit}", kind)
    except BeamwatchError as error:
        raise BeamwatchError(f"{what}: {error}") from None


def rows_of(path: Path, lines: list[str]) -> list[list[str]]:
    """Rows of a CSV file with commas, semicolons, tabs or spaces, the names first."""
    separator = max(",;\t", key=lines[0].count)
    words = lines[0].split()
    if separator not in lines[0] and len(words) > 1 and not _BRACKETED.fullmatch(lines[0].strip()):
        rows = [line.split() for line in lines]
    else:
        try:
            rows = list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
        except csv.Error as error:
            raise BeamwatchError(f"{path.name} is no table: {error}") from None
    names = [name.strip() for name in rows[0]]
    for i, row in enumerate(rows):
        if len(row) != len(names):
            raise BeamwatchError(
                f"{path.name}, row {i}: {len(row)} values for {len(names)} columns (a decimal "
                "comma? separate columns by semicolons, or write a point)"
            )
    if len(set(names)) < len(names):
        raise BeamwatchError(f"{path.name} has two columns of one name")
    return [names, *([value.strip() for value in row] for row in rows[1:])]
