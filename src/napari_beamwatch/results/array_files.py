"""Arrays of a run back from their file, which may come from anybody."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError

FLOAT_BYTES = 4
LONGEST_HEADER = 2**16


def read_arrays(
    path: Path, shapes: Mapping[str, tuple[int, int]], *, others: bool = False
) -> dict[str, NDArray[np.float32]]:
    """Arrays by name, once the file says that they are as large as they must be.

    Parameters
    ----------
    path : Path
    shapes : mapping of str to (int, int)
        Of those that can be there.
    others : bool
        Leave out what has another name, rather than refuse the file.
    """
    if not path.is_file():
        raise BeamwatchError(f"{path} is missing: the run is not complete")
    try:
        with zipfile.ZipFile(path) as packed:
            for member in packed.infolist():
                name = member.filename.removesuffix(".npy")
                if others and name not in shapes:
                    continue
                height, width = shapes[name]
                if member.file_size > height * width * FLOAT_BYTES + LONGEST_HEADER:
                    raise ValueError(f"{member.filename} holds {member.file_size} bytes")
        with np.load(path, allow_pickle=False) as file:
            names = [name for name in file.files if name in shapes or not others]
            arrays = {name: np.asarray(file[name], np.float32) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, TokenError) as error:
        raise BeamwatchError(f"{path} is damaged: {error}") from None
    for name, array in arrays.items():
        if array.shape != shapes[name]:
            raise ValueError(f"{name} is of shape {array.shape}, not {shapes[name]}")
    return arrays
