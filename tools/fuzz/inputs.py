"""What is handed to the program: some files in a folder of their own, and the door they go to."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Odd(Enum):
    """What may lie where a file is expected."""

    PIPE = "a pipe that nobody writes to"
    FOLDER = "an empty folder"
    LOOP = "a link to itself"
    ENDLESS = "a link to a device that never ends"


Content = bytes | Odd
Files = Mapping[str, Content]


@dataclass(frozen=True)
class Seed:
    """A good input, that bad ones are made from.

    Attributes
    ----------
    name : str
    opened : str
        Path in the folder that is handed to the door; empty for the folder itself.
    write : callable
        Writes the files into an empty folder.
    whole : bool
        It is read; others are refused in words as they are.
    """

    name: str
    opened: str
    write: Callable[[Path], object]
    whole: bool = True


@dataclass(frozen=True)
class Made:
    """A seed's files."""

    name: str
    opened: str
    files: Files
    whole: bool = True


def lay(files: Files, folder: Path) -> None:
    """Put files into a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif content is Odd.PIPE:
            os.mkfifo(path)
        elif content is Odd.FOLDER:
            path.mkdir()
        else:
            path.symlink_to("/dev/zero" if content is Odd.ENDLESS else path.name)


def lifted(folder: Path) -> dict[str, Content]:
    """The files in a folder, by their paths in it."""
    return {
        path.relative_to(folder).as_posix(): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or not path.is_dir() or not any(path.iterdir())
    }


def _content(path: Path) -> Content:
    if path.is_symlink():
        return Odd.ENDLESS if path.readlink().is_absolute() else Odd.LOOP
    if path.is_dir():
        return Odd.FOLDER
    return Odd.PIPE if path.is_fifo() else path.read_bytes()
