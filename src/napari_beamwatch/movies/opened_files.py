"""The files a movie was opened from, as they were then.

Frames are read when somebody needs them, minutes or days after a movie was opened, and its file
may be another by then. Sizes and times of writing tell that it is: `OpenedFiles.check` after each
pass over the frames, `OpenedFiles.hash` for the record of what was analysed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.fingerprint import files_in, fingerprint
from napari_beamwatch.movies.frames import FrameSource

State = tuple[int, int]
"""Size in bytes, and ns at which it was written last. Not the inode, which disks on a network
give anew to a file that stayed the same."""


@dataclass(frozen=True, eq=False)
class OpenedFiles:
    """What a movie was opened from.

    Attributes
    ----------
    paths : tuple of Path
        Absolute: a file, a folder of chunks, or the images of a series in order. None for a movie
        of an array.
    beside : tuple of Path
        Other files in the folder of that file which hold frames of it, in order.
    states : mapping of Path to State
        Of every file that frames are read from or were unpacked from, when the movie was opened.
    """

    paths: tuple[Path, ...] = ()
    beside: tuple[Path, ...] = ()
    states: Mapping[Path, State] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, path: str, frames: FrameSource, before: Mapping[Path, State]) -> OpenedFiles:
        """Those of a movie that has just been opened.

        Parameters
        ----------
        path : str
            What it says it comes from.
        frames : FrameSource
        before : mapping of Path to State
            `states_before` it was looked into.
        """
        paths = tuple(Path(one).absolute() for one in _images(frames) or (path,))
        read = [Path(leaf.path).absolute() for leaf in _leaves(frames) if hasattr(leaf, "path")]
        files = {file: None for path in (*paths, *read) for file in _files_of(path)}
        states = {file: before.get(file) or _state(file) for file in files}
        known = {file: state for file, state in states.items() if state is not None}
        folders = {path.parent for path in paths}
        beside = [file for file in read if file.parent in folders and file not in paths]
        return cls(paths, tuple(dict.fromkeys(beside)), known)

    def check(self) -> None:
        """Say so if a file is not what it was."""
        for path, then in self.states.items():
            if (now := _state(path)) != then:
                raise BeamwatchError(
                    f"{path} has changed since it was opened ({_difference(now, then)}): what was "
                    "read may be of two movies, so there is no result; open it again"
                )

    def certify(self) -> None:
        """Say so if a file is not what it was, and take the hash the first time."""
        self.hash  # noqa: B018 - kept from then on
        self.check()

    @cached_property
    def hash(self) -> str | None:
        """The `fingerprint` of what was opened, taken once; None for a movie of an array."""
        if not self.paths:
            return None
        try:
            found = fingerprint((*self.paths, *self.beside))
        except OSError as error:
            self.check()
            raise BeamwatchError(f"{self.paths[0]} cannot be read: {error}") from None
        self.check()
        return found


def states_before(source: Sequence[Path]) -> dict[Path, State]:
    """States of files that are about to be opened, and of those that lie in folders."""
    files = [
        file
        for path in map(Path.absolute, source)
        for file in (_directly_in(path) if path.is_dir() else (path,))
    ]
    return {file: state for file in files if (state := _state(file)) is not None}


def _directly_in(folder: Path) -> list[Path]:
    return [Path(where, name) for where, _, names in islice(os.walk(folder), 1) for name in names]


def _files_of(path: Path) -> Sequence[Path]:
    return files_in(path) if path.is_dir() else (path,)


def _state(path: Path) -> State | None:
    try:
        known = path.stat()
    except (OSError, ValueError):  # a name with a zero byte in it
        return None
    return known.st_size, known.st_mtime_ns


def _difference(now: State | None, then: State) -> str:
    if now is None:
        return "it is gone"
    if now[0] != then[0]:
        return f"it has {now[0]} bytes, it had {then[0]}"
    written = datetime.fromtimestamp(now[1] / 1e9)
    return f"it was written at {written:%H:%M:%S on %Y-%m-%d}"


def _leaves(frames: Any) -> Iterator[Any]:
    """The sources at the bottom, however they are wrapped."""
    base = getattr(frames, "base", None)
    below = [*getattr(frames, "images", ()), *getattr(frames, "parts", ())]
    below += [] if base is None else [base]
    if not below:
        yield frames
    for one in below:
        yield from _leaves(one)


def _images(frames: Any) -> tuple[str, ...]:
    """Files of the images of a series, in order."""
    while getattr(frames, "base", None) is not None:
        frames = frames.base
    files: tuple[str, ...] = getattr(frames, "files", ())
    return files
