"""What users write themselves: notes beside a movie, and one table for a whole campaign.

``movie.yaml`` holds ``name: value`` lines; ``movie.csv`` a header and one row, or the doses of the
frames, a row each; ``conditions.csv`` a header and a row for each movie of its folder. Names may
carry units (``temperature_K``, ``dose rate [e/Å²/s]``), and so may values (``100 K``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from napari_beamwatch import asked, spelling
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_text
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.dose_table import NAMES as DOSES
from napari_beamwatch.movies.dose_table import DoseTable, read_table
from napari_beamwatch.movies.given import Given
from napari_beamwatch.movies.names import is_same, last_part, unpacked_name
from napari_beamwatch.movies.sidecars.words import Words
from napari_beamwatch.movies.written import (
    UNKNOWN,
    meant_name,
    name_and_unit,
    plain_name,
    read_written,
)

LARGEST_NOTES = 64 * 2**10
"""Bytes; a page of notes takes four thousand."""

LONGEST_HEADER = 2**16

FILE = ("file", "filename", "movie", "name")

_GIVEN = {
    one.name: one.kind
    for one in asked.QUANTITIES
    if one.kind is not None and one.name not in asked.CONDITION_NAMES
}
"""What `open_movie` takes itself."""

QUANTITIES: dict[str, spelling.Kind] = {
    **_GIVEN,
    "total_dose": spelling.DOSE,
    "exposure_time": spelling.FRAME_TIME,
}
"""Of a frame of the file, or of the record."""

CONDITIONS: dict[str, tuple[str, spelling.Kind]] = {
    one.word: (one.name, one.kind) for one in asked.CONDITIONS if one.kind is not None
}
TEXTS = tuple(one.name for one in asked.CONDITIONS if one.kind is None)
ALSO = {
    "accelerating_voltage": "voltage",
    "cumulative_dose": "total_dose",
    "preexposure": "pre_exposure",
    "exposure": "exposure_time",
    "sample": "specimen",
    "date": "recorded",
    "mode": "imaging_mode",
    "pixelsize": "pixel_size",
}
"""Other names of them."""


_NAMES: dict[str, spelling.Kind | None] = {
    **QUANTITIES,
    **{name: kind for name, (_, kind) in CONDITIONS.items()},
    **dict.fromkeys(TEXTS),
}
KNOWN = {**_NAMES, **{other: _NAMES[name] for other, name in ALSO.items()}}
"""All names, and what each measures; None for words."""


def read_yaml(path: Path, _: Path) -> Words:
    """Notes in YAML: one name and one value a line, or a list of words."""
    text = read_text(path, "notes in YAML", LARGEST_NOTES)
    try:
        # Composed, not loaded: nothing is made of it, "on" and "1_000" stay what was typed, and
        # a name that stands there twice is seen.
        root = yaml.compose(text, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        why = " ".join(str(getattr(error, "problem", None) or "it cannot be read").split())
        raise BeamwatchError(f"{path.name} is no YAML: {why}") from None
    if root is None:
        return Words(source=path.name, own=True)
    if not isinstance(root, yaml.MappingNode):
        raise BeamwatchError(f"{path.name} needs lines of a name and a value, as compound: LiF")
    said: dict[str, str] = {}
    for name, value in root.value:
        if not isinstance(name, yaml.ScalarNode) or name.value in said:
            raise BeamwatchError(f"{path.name} has a name twice, or one that is no word")
        said[name.value] = _plain_value(path, name.value, value)
    return words_of(path.name, said)


def read_csv(path: Path, _: Path) -> Words:
    """A header and one row of notes, or a row of doses for each frame."""
    try:
        columns = read_table(path)
    except BeamwatchError:
        if any(name_and_unit(name, {**KNOWN, **DOSES})[0] for name in _header(path)):
            raise
        return _unknown(path.name, dict.fromkeys(_header(path)))
    rows = len(next(iter(columns.values())))
    if _are_doses(columns):
        return Words(source=path.name, own=True, dose_table=DoseTable.of_text(columns))
    if rows != 1:
        return _unknown(path.name, columns)
    return words_of(path.name, {name: values[0] for name, values in columns.items()})


def read_campaign(path: Path, movie: Path) -> Words:
    """The row of a table of many movies that is about this one."""
    named, columns = _campaign(path)
    own = (unpacked_name(movie).casefold(), movie.name.casefold())
    files = list(map(last_part, named))
    rows = [i for i, file in enumerate(files) if file.casefold() in own]
    rows = rows or [i for i, file in enumerate(files) if file and is_same(file, movie)]
    if len(rows) > 1:
        raise BeamwatchError(f"{path.name} has {len(rows)} rows for {movie.name}")
    if not rows:
        note = f"{path.name} has no row for {movie.name}"
        return Words(source=path.name, own=True, notes=(note,))
    return words_of(path.name, {name: values[rows[0]] for name, values in columns.items()})


def movies_of(path: Path) -> list[Path]:
    """Movies that a table of many is about, in its order; their names are relative to it.

    Raises
    ------
    BeamwatchError
        If it is no such table, or a row names no movie.
    """
    named, _ = _campaign(path)
    for row, name in enumerate(named, start=1):
        if not name.strip():
            raise BeamwatchError(f"{path}: row {row} names no file")
    return [path.parent / Path(name.strip()).expanduser() for name in named]


def unused_columns(path: Path) -> str:
    """What a table of many movies says to nobody, in a sentence; empty if all is understood."""
    _, columns = _campaign(path)
    slips = _slips(columns)
    unknown = [
        f"{title} (did you mean {slips[title]}?)" if title in slips else title
        for title in columns
        if not name_and_unit(title, KNOWN)[0]
    ]
    words = f"{path.name}: no known name, so not used: {', '.join(unknown)}"
    return printable(words) if unknown else ""


def slips_of(path: Path) -> tuple[str, ...]:
    """What a movie's warnings say of slips in the columns of a table of many movies."""
    _, columns = _campaign(path)
    slips = _slips(columns)
    return tuple(f"{path.name}: {_unlike(title, meant)}" for title, meant in slips.items())


def _campaign(path: Path) -> tuple[list[str], dict[str, list[str]]]:
    """What a table of many movies calls each, and its other columns."""
    columns = read_table(path)
    where = next((name for name in columns if plain_name(name) in FILE), None)
    if where is None:
        raise BeamwatchError(f"{path.name} needs a column file that names the movies")
    return columns.pop(where), columns


def words_of(source: str, said: Mapping[str, str]) -> Words:
    """What notes say, by their names.

    Raises
    ------
    BeamwatchError
        If a value cannot be read, or not be.
    """
    found: dict[str, Any] = {}
    unknown: list[str] = []
    for title, text in said.items():
        name, unit = name_and_unit(title, KNOWN)
        name = ALSO.get(name, name)
        if not name:
            unknown.append(title)
            continue
        what = f"{source}, {title}"
        if name in TEXTS:
            value: Any = None if text.strip().casefold() in UNKNOWN else text.strip()
        elif name in CONDITIONS:
            name, kind = CONDITIONS[name]
            value = read_written(text, unit, kind, what)
        else:
            value = read_written(text, unit, QUANTITIES[name], what)
        if value is None:
            continue
        if name in found:
            raise BeamwatchError(f"{what}: said twice")
        found[name] = value
    slips = _slips(said)
    if not found and unknown and not slips:
        return _unknown(source, said)
    try:
        numbers = {name: found.pop(name) for name in QUANTITIES if name in found}
        Given(**{name: value for name, value in numbers.items() if name in _GIVEN})
        conditions = Conditions.of(found)
    except BeamwatchError as error:
        raise BeamwatchError(f"{source}: {error}") from None
    odd = tuple(_unlike(title, meant) for title, meant in slips.items())
    others = [title for title in unknown if title not in slips]
    notes = (f"{source}: {', '.join(others)} not used: no known name",) if others else ()
    return Words(
        source=source, own=True, conditions=conditions, notes=notes, warnings=odd, **numbers
    )


def _unlike(title: str, meant: str) -> str:
    return f"{title} is not used: did you mean {meant}?"


def _slips(titles: Iterable[str]) -> dict[str, str]:
    """Names that nobody knows, and what each may be a slip of: nothing that is said beside it."""
    known = {title: name_and_unit(title, KNOWN)[0] for title in titles}
    said = {ALSO.get(name, name) for name in known.values()}
    free = [name for name in KNOWN if ALSO.get(name, name) not in said]
    near = {title: meant_name(title, free) for title, name in known.items() if not name}
    return {title: name for title, name in near.items() if name}


def _are_doses(columns: Mapping[str, list[str]]) -> bool:
    """Whether a table holds the doses of frames."""
    names = {name_and_unit(name, DOSES)[0] for name in columns}
    return {"start", "end"} <= names or "dose" in names


def _header(path: Path) -> list[str]:
    """Names in the first line of what may be no table at all."""
    try:
        with path.open("rb") as file:
            line = file.readline(LONGEST_HEADER).decode("utf-8", "replace")
    except OSError:
        return []
    return [name.strip() for name in re.split(r"[,;\t]", line)]


def _unknown(source: str, names: Mapping[str, Any]) -> Words:
    """Of a file that is about something else."""
    first = ", ".join(list(names)[:5])
    note = f"{source} beside it is not used: none of its names is known ({first})"
    return Words(source=source, own=True, notes=(note,))


def _plain_value(path: Path, name: str, node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.SequenceNode):
        words = [one.value for one in node.value if isinstance(one, yaml.ScalarNode)]
        if len(words) == len(node.value):
            return ",".join(words)
    raise BeamwatchError(f"{path.name}, {name}: give one value, or a list of words")
