"""An image that belongs to a movie: a gain reference, or the beam without a specimen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign import SUFFIXES as FOREIGN
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.mrc import open_mrc
from napari_beamwatch.movies.formats.npy import open_npy
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.recording import Recording

READERS: dict[str, Callable[[Path], Recording]] = {
    **dict.fromkeys((".gain", ".tif", ".tiff"), open_tiff),
    **dict.fromkeys((".mrc", ".mrcs"), open_mrc),
    ".npy": open_npy,
    **dict.fromkeys(FOREIGN, open_foreign),
}


def read_image(path: Path, what: str, *, most: int = 1) -> NDArray[Any]:
    """The image as stored, without anybody's idea of it; of several their mean.

    Parameters
    ----------
    path : Path
    what : str
        What it should be, with its article: "a gain reference".
    most : int
        Images that the file may hold.
    """
    file_size(path, what)
    if path.suffix.lower() not in READERS:
        raise BeamwatchError(f"{path} cannot be {what}: give a .gain, TIFF, MRC, DM or .npy file")
    frames = READERS[path.suffix.lower()](path).frames
    count = frames.shape[0]
    if count > most:
        raise BeamwatchError(f"{path} holds {count} images; {what} is one")
    with explained(path, what):
        if count == 1:
            return frames.read(0)
        total = np.zeros(frames.shape[1:])
        for i in range(count):
            total += frames.read(i)
        return total / count
