"""The door for files that a user names: regular ones only, and no more of them than is asked for.

A pipe, a socket or a device may wait for ever, or never end; neither may hold up whoever meant to
open a movie. What is written here is there whole, or not at all.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError

_KINDS = (
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def regular_size(path: Path) -> int:
    """Bytes of a regular file, without opening it.

    Raises
    ------
    BeamwatchError
        If it is a pipe, a socket or a device.
    OSError
        If it is a folder, is not there or may not be looked at.
    """
    status = os.stat(path)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise BeamwatchError(f"{path} is {kind}, not a file: save what comes out of it first")
    return status.st_size


def read_text(path: Path, what: str, largest: int) -> str:
    """All of a text file, decoded as UTF-8 with or without a mark at its beginning.

    Parameters
    ----------
    path : Path
    what : str
        What the file should be, with its article: "a dose table".
    largest : int
        Bytes.
    """
    raw = read_bytes(path, what, largest)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BeamwatchError(
            f"{path} is not {what}: byte {error.start} is no text in UTF-8; save it as UTF-8"
        ) from None


def read_bytes(path: Path, what: str, largest: int) -> bytes:
    """All of a file; see `read_text`."""
    try:
        size = regular_size(path)
        if size > largest:
            raise BeamwatchError(
                f"{path} has {size / 2**20:.0f} MB; {what} has {largest / 2**20:.0f} at most"
            )
        with path.open("rb") as file:
            return file.read(largest + 1)[:largest]
    except IsADirectoryError:
        raise BeamwatchError(f"{path} cannot be read: it is a folder, not {what}") from None
    except OSError as error:
        raise BeamwatchError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:  # a null character in the name
        raise BeamwatchError(f"{path} cannot be read: {error}") from None


def write_whole(path: Path, text: str) -> None:
    """Write a text so that whoever reads the file finds the old one or the new one, whole.

    Lone surrogates, of names of files that are no text, become question marks.
    """
    begun = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        begun.write_text(text, encoding="utf-8", errors="replace", newline="\n")
        begun.replace(path)
    finally:
        with suppress(OSError):
            begun.unlink()
