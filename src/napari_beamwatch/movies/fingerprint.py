"""A short hash of long files: enough to know a movie again without reading all of it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate, islice
from pathlib import Path

MIB = 2**20
SPACED = 64
"""Pieces between the first and the last MiB."""

DIGEST_BYTES = 32

MOST_FILES = 200_000
"""Of a folder that are looked at; a movie in chunks holds a few for each frame."""


def fingerprint(paths: Sequence[Path]) -> str:
    """BLAKE2b of a movie's file, or of its files and folders in order.

    The size (8 bytes, little-endian), the first and the last MiB and 64 MiB evenly spaced between
    them are hashed; 66 MiB or less are hashed whole. Several files, and those in a folder, count as
    one that holds them one after the other; then the name and size of each are hashed too.

    Raises
    ------
    OSError
        If one cannot be read.
    """
    files = [(path.name, path) for path in paths if not path.is_dir()]
    for folder in (path for path in paths if path.is_dir()):
        files += [(path.relative_to(folder).as_posix(), path) for path in files_in(folder)]
    sizes = [path.stat().st_size for _, path in files]
    size = sum(sizes)
    digest = blake2b(size.to_bytes(8, "little"), digest_size=DIGEST_BYTES)
    if len(paths) > 1 or paths[0].is_dir():
        for (name, _), own in zip(files, sizes, strict=True):
            digest.update(f"{name}\0{own}\n".encode("utf-8", "surrogateescape"))
    starts = [0, *accumulate(sizes)]
    for first, last in _pieces(size):
        for (_, path), start, own in zip(files, starts, sizes, strict=False):
            if start < last and first < start + own:
                with path.open("rb") as file:
                    file.seek(max(0, first - start))
                    digest.update(file.read(min(last - start, own) - max(0, first - start)))
    return digest.hexdigest()


def files_in(folder: Path) -> list[Path]:
    """Regular files in a folder and those below it, sorted; at most `MOST_FILES`."""
    found = (Path(where, name) for where, _, names in os.walk(folder) for name in names)
    return sorted(path for path in islice(found, MOST_FILES) if path.is_file())


def _pieces(size: int) -> Iterator[tuple[int, int]]:
    """What is read: from where to where."""
    if size <= (SPACED + 2) * MIB:
        for first in range(0, size, MIB):
            yield first, min(first + MIB, size)
    else:
        for i in range(SPACED + 2):
            first = (size - MIB) * i // (SPACED + 1)
            yield first, first + MIB
