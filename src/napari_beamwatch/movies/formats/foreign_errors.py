"""What other people's libraries raise, turned into sentences."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import regular_size

LARGEST_FRAME = 4 * 2**30
"""Bytes. No camera makes larger frames, so a header that says so is broken."""

UNSUSPICIOUS_FRAME = 128 * 2**20
"""Bytes up to which a compressed frame may unpack to whatever it says."""

LARGEST_RATIO = 20_000
"""Unpacked over stored bytes of a frame beyond `UNSUSPICIOUS_FRAME`."""


@contextmanager
def explained(path: str | os.PathLike[str], what: str) -> Iterator[None]:
    """Turn whatever is raised inside into a `BeamwatchError` about `path`.

    Parameters
    ----------
    path : path
    what : str
        What the file should have been, with its article: "an MRC file".
    """
    name = os.fspath(path)
    try:
        yield
    except BeamwatchError:
        raise
    except FileNotFoundError:
        raise BeamwatchError(f"there is no file {name}") from None
    except IsADirectoryError:
        raise BeamwatchError(f"{name} is a folder, not {what}") from None
    except PermissionError:
        raise BeamwatchError(f"you may not read {name}") from None
    except MemoryError as error:
        raise BeamwatchError(
            f"{name} asks for more memory than there is: broken, or too large"
        ) from error
    except Exception as error:
        raise BeamwatchError(f"{name} is not {what} that can be read: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """One short line of what an exception says."""
    said = " ".join(str(error).split())
    said = said[:200] + "…" if len(said) > 200 else said
    return said or type(error).__name__


def file_size(path: Path, what: str) -> int:
    """Bytes of a regular file that must exist and hold something."""
    with explained(path, what):
        size = regular_size(path)
    if size == 0:
        raise BeamwatchError(f"{path} is empty (0 bytes)")
    return size


def check_frame_bytes(path: str | os.PathLike[str], nbytes: int, stored: int) -> None:
    """Refuse frames that a header makes larger than what is stored can hold.

    Parameters
    ----------
    path : path
    nbytes : int
        Bytes of one frame in memory.
    stored : int
        Compressed bytes it is made from.
    """
    allowed = min(LARGEST_FRAME, max(UNSUSPICIOUS_FRAME, LARGEST_RATIO * stored))
    if nbytes > allowed:
        raise BeamwatchError(
            f"{os.fspath(path)} promises frames of {nbytes / 2**20:.0f} MB from {stored} bytes: "
            "its header is broken"
        )
