"""Which files beside a movie are about it, by their names."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.formats.stills import CONDITIONS
from napari_beamwatch.movies.names import STORES, unpacked_name
from napari_beamwatch.movies.sidecars.direct_electron import read_info
from napari_beamwatch.movies.sidecars.epu_xml import read_epu
from napari_beamwatch.movies.sidecars.mdoc import read_mdoc
from napari_beamwatch.movies.sidecars.own import read_campaign, read_csv, read_yaml
from napari_beamwatch.movies.sidecars.words import Reader, Words

_EPU_MOVIE = re.compile(r"_(?:fractions|eer)$", re.IGNORECASE)
_DE_MOVIE = re.compile(r"_movie$", re.IGNORECASE)


@dataclass(frozen=True)
class Heard:
    """What stands beside a movie.

    Attributes
    ----------
    words : tuple of Words
        The most trusted first.
    warnings : tuple of str
        Instruments' files that are not used, and why.
    """

    words: tuple[Words, ...] = ()
    warnings: tuple[str, ...] = ()

    def first(self, name: str, *, own: bool) -> float | None:
        """A quantity as the most trusted of the user's own files, or of the others, states it."""
        told = (getattr(one, name) for one in self.words if one.own is own)
        return next((value for value in told if value is not None), None)


def hear(movie: Path, table: Path | None = None, *, beside: bool = True) -> Heard:
    """Read a table of many movies, and all files beside a movie that are about it by their names.

    Parameters
    ----------
    movie : Path
    table : Path, optional
        Of many movies, wherever it lies: believed before a ``conditions.csv`` beside the movie, and
        after notes about this one.
    beside : bool
        Whether what stands beside the movie is read.

    Raises
    ------
    BeamwatchError
        If one that the user wrote cannot be understood: it is theirs to correct. What an
        instrument wrote is left alone then, with a warning.
    """
    words: list[Words] = []
    warnings: list[str] = []
    told: list[Candidate] = [] if table is None else [(table, read_campaign, True)]
    if beside:
        others = (*_of_campaign(movie, table), *_of_instruments(movie))
        told = [*filter(_lies_there, _notes(movie)), *told, *filter(_lies_there, others)]
    for path, read, own in told:
        try:
            words.append(read(path, movie))
        except BeamwatchError as error:
            if path is table:
                raise
            if own:
                raise BeamwatchError(
                    f"{error} (a file beside the movie: correct it, or open without sidecars)"
                ) from None
            warnings.append(printable(f"{path.name} beside the movie is not used: {error}"))
    return Heard(tuple(words), tuple(warnings))


def campaigns_beside(movies: Iterable[Path], table: Path | None = None) -> list[Path]:
    """Tables of many movies beside these, each once, but for the one that was named."""
    beside = [one for movie in movies for one in _of_campaign(movie, table) if _lies_there(one)]
    return list(dict.fromkeys(path for path, _, _ in beside))


Candidate = tuple[Path, Reader, bool]
"""A file that may be there, its reader, and whether it is the user's own."""


def _notes(movie: Path) -> Iterator[Candidate]:
    """The user's own about this movie."""
    folder, stem = movie.parent, _stem(movie)
    for ending in (".yaml", ".yml"):
        yield folder / f"{stem}{ending}", read_yaml, True
    if movie.suffix.casefold() != ".csv":
        yield folder / f"{stem}.csv", read_csv, True


def _of_campaign(movie: Path, table: Path | None) -> Iterator[Candidate]:
    """The user's own about the movies of the folder, unless it is the table that was named."""
    beside = movie.parent / CONDITIONS
    if table is None or os.path.realpath(beside) != os.path.realpath(table):
        yield beside, read_campaign, True


def _of_instruments(movie: Path) -> Iterator[Candidate]:
    """What instruments write, the most trusted first."""
    folder, name, stem = movie.parent, unpacked_name(movie), _stem(movie)
    for mdoc in dict.fromkeys((f"{movie.name}.mdoc", f"{name}.mdoc", f"{stem}.mdoc")):
        yield folder / mdoc, read_mdoc, False
    for xml in dict.fromkeys((stem, _EPU_MOVIE.sub("", stem))):
        yield folder / f"{xml}.xml", read_epu, False
    for info in dict.fromkeys((stem, _DE_MOVIE.sub("", stem))):
        yield folder / f"{info}_info.txt", read_info, False


def _stem(movie: Path) -> str:
    """What files beside a movie are called."""
    name = unpacked_name(movie)
    is_series = movie.is_dir() and movie.suffix.casefold() not in STORES
    return name if is_series else Path(name).stem


def _lies_there(candidate: Candidate) -> bool:
    """Whether a file lies in that folder: a link may lead to any other file of the machine."""
    path = candidate[0]
    try:
        return path.is_file() and os.path.dirname(os.path.realpath(path)) == os.path.realpath(
            path.parent
        )
    except (OSError, ValueError):
        return False
