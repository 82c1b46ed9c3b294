"""Other files that a file names: read only where they lie beside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError


def beside(path: Path, name: str) -> Path:
    """The plain file `name` in the folder of `path`.

    Raises
    ------
    BeamwatchError
        If it lies elsewhere, also through a link, is none, or is not there.
    """
    folder = os.path.realpath(path.parent)
    found = Path(folder, name) if "\0" not in name else Path(folder)
    if os.path.dirname(os.path.realpath(found)) != folder:
        raise BeamwatchError(
            f"{path} takes pixels from {name!r}, which does not lie beside it: not read. Put both "
            "into one folder, or write the movie into one file"
        )
    try:
        mode = os.stat(found).st_mode
    except OSError:
        raise BeamwatchError(
            f"{path} takes pixels from {name!r}, which is not beside it: copy it there"
        ) from None
    if not stat.S_ISREG(mode):
        raise BeamwatchError(f"{path} takes pixels from {name!r}, which is no plain file")
    return path.with_name(os.path.basename(os.path.realpath(found)))
