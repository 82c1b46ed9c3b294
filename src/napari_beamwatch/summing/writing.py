"""Writing an image with its pixel size and where it comes from: MRC, TIFF, OME-TIFF or OME-Zarr."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import numpy as np
import tifffile

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.ome_tiff import OmePicture, is_named, write_picture
from napari_beamwatch.results.ome_zarr import check_replaceable, is_zarr, write_zarr
from napari_beamwatch.summing.adding import UndamagedImage
from napari_beamwatch.summing.mrc import ENDING as MRC
from napari_beamwatch.summing.mrc import write_mrc

TIFF = (".tif", ".tiff")


def check_name(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, before the work and not after it."""
    if path.suffix.lower() not in (MRC, *TIFF) and not is_zarr(path):
        raise BeamwatchError(
            f"{path.name}: an image is written as .mrc, .tif, .ome.tif or .ome.zarr"
        )
    if path.exists() and not force:
        raise BeamwatchError(f"{path} is there already; --force replaces it")
    if is_zarr(path):
        check_replaceable(path)
    if not path.parent.is_dir():
        raise BeamwatchError(f"there is no folder {path.parent}")


def write_image(image: UndamagedImage, path: Path, *, force: bool = False) -> None:
    """Write an image; what was there is replaced only by a whole one.

    Parameters
    ----------
    image : UndamagedImage
    path : Path
        Its suffix says what it becomes.
    force : bool
        Replace a file that is there.
    """
    check_name(path, force=force)
    if is_named(path) or is_zarr(path):
        size = image.pixel_size
        known = (1.0, "pixel") if size is None else (size / 10, "nm")
        write_ome = write_zarr if is_zarr(path) else write_picture
        about = {"shows": "undamaged sum", **image.provenance}
        write_ome(OmePicture(image.image, *known, about=about, limits=(image.shown,)), path)
        return
    write = write_mrc if path.suffix.lower() == MRC else _write_tiff
    # Beside it, so that it can take its place in one step.
    with NamedTemporaryFile(dir=path.parent, suffix=path.suffix, delete=False) as file:
        partial = Path(file.name)
    try:
        write(image, partial)
        os.replace(partial, path)
    finally:
        with suppress(FileNotFoundError):
            partial.unlink()


def _write_tiff(image: UndamagedImage, path: Path) -> None:
    size = image.pixel_size
    metadata = {"Info": json.dumps(image.provenance)}
    if size is None:
        tifffile.imwrite(path, image.image, imagej=True, metadata=metadata)
        return
    per_nm = 10 / size
    tifffile.imwrite(
        path, np.ascontiguousarray(image.image), imagej=True, resolution=(per_nm, per_nm),
        metadata={"unit": "nm", **metadata},
    )  # fmt: skip
