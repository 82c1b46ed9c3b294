"""The map of a field as a file that other programs measure in: OME-TIFF or OME-Zarr, in nm."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.ome_tiff import ENDINGS, OmePicture, is_named, write_picture
from napari_beamwatch.results.ome_zarr import ENDING, is_zarr, write_zarr
from napari_beamwatch.results.place_map import Squares

DOSES = {
    "onset": "onset_dose_e_per_A2",
    "onset, low": "onset_low_e_per_A2",
    "onset, high": "onset_high_e_per_A2",
    "lost": "lost_dose_e_per_A2",
}
"""Pictures of the map, and the columns of the table of windows that they show."""

WITHOUT_DOSES = {"onset": "onset_frame"}
"""The same where no dose is known."""


def onset_picture(result: Findings) -> OmePicture:
    """Onset, its interval, when the lattice was lost, and the place: a pixel a window.

    What is not known is NaN. A pixel is the square in the middle of a window, as wide as the step.
    """
    if not len(result.windows):
        raise BeamwatchError("this result has no windows, and so no map")
    windows, squares = result.windows, Squares.of(result)
    known = len(result.field) > 0 and result.field["dose_e_per_A2"].notna().any()
    pictures, unit = (DOSES, "e/Å²") if known else (WITHOUT_DOSES, "frame, from 0")
    names = [f"{name} ({unit})" for name in pictures]
    data = np.full((len(names) + 1, *squares.shape), np.nan, np.float32)
    for picture, column in zip(data, (*pictures.values(), "place"), strict=True):
        picture[squares.row, squares.column] = _numbers(windows[column])
    size = None if result.movie is None else result.movie.pixel_size
    nm = 1.0 if size is None else size / 10
    # The middle of the first square, from the middle of the first pixel of the movie.
    y, x = ((at + squares.side / 2 - 0.5) * nm for at in squares.corner)
    about = {
        "movie": str(windows["movie"].iloc[0]), "shows": "onset map",
        "window_px": float(windows["y1"].iloc[0] - windows["y0"].iloc[0]),
    }  # fmt: skip
    onset, lost, place = _range(data[0]), _range(data[-2]), _range(data[-1])
    limits = (*[onset] * (len(names) - 1), lost, place) if known else (onset, place)
    return OmePicture(
        data, squares.side * nm, "pixel" if size is None else "nm", (y, x), (*names, "place"),
        about, limits,
    )  # fmt: skip


def write_map(result: Findings, path: str | os.PathLike[str]) -> Path:
    """Write the map of a result as ``.ome.tif`` or ``.ome.zarr``; what is there is replaced."""
    target = Path(path).expanduser()
    if not is_named(target) and not is_zarr(target):
        raise BeamwatchError(f"{target.name}: a map is written as {ENDINGS[0]} or {ENDING}")
    (write_zarr if is_zarr(target) else write_picture)(onset_picture(result), target)
    return target


def _range(picture: NDArray[np.float32]) -> tuple[float, float]:
    """Least and most of what is known in a picture; of one value what it lies in the middle of."""
    found = picture[np.isfinite(picture)]
    if not len(found):
        return 0.0, 1.0
    low, high = float(found.min()), float(found.max())
    return (low, high) if low < high else (low - 0.5, high + 0.5)


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    return np.asarray(column.to_numpy(np.float64, na_value=np.nan), np.float64)
