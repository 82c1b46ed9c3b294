"""Names of movies, and of the files that belong to them."""

from __future__ import annotations

import re
from pathlib import Path

PACKED = (".gz", ".bz2")
STORES = (".zarr", ".zspy")
"""Endings of folders that are one movie; others are called as they are."""


def unpacked_name(path: Path) -> str:
    """Name of a movie's file, without the ending of its packing."""
    name = path.name
    for packed in PACKED:
        name = name.removesuffix(packed)
    return name


def stem_of(name: str) -> str:
    """A name without endings, to be compared: of ``A.MRC.gz`` it is ``a``."""
    lower = name.casefold()
    for packed in PACKED:
        lower = lower.removesuffix(packed)
    return re.sub(r"\.[a-z][a-z0-9]{1,5}$", "", lower)


def last_part(path: str) -> str:
    r"""Name at the end of a path of any system: of ``X:\frames\a.tif`` it is ``a.tif``."""
    return re.split(r"[\\/]", path.strip().rstrip("\\/"))[-1]


def is_same(name: str, movie: Path) -> bool:
    """Whether a name that a file states is that of a movie."""
    return stem_of(name) == stem_of(movie.name)
