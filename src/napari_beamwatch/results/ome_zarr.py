"""Pictures as OME-Zarr: a folder of version 0.4, with axes, units and the size of a pixel [1]_.

References
----------
.. [1] J. Moore et al., Histochem. Cell Biol. 160 (2023) 223; OME-NGFF 0.4.
"""

from __future__ import annotations

import json
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.results.ome_tiff import OURS, OmePicture

ENDING = ".ome.zarr"

ATTRIBUTES = ".zattrs"

UNITS = {"nm": "nanometer"}
"""Of lengths, as NGFF spells them; pixels have none."""


def is_zarr(path: Path) -> bool:
    """Whether a name is that of an OME-Zarr."""
    return path.name.lower().endswith(ENDING)


def check_replaceable(path: Path) -> None:
    """Refuse to replace what is no picture of ours."""
    if not path.exists() and not path.is_symlink():
        return
    with suppress(OSError, ValueError):
        said = json.loads((path / ATTRIBUTES).read_text("utf-8"))
        if not path.is_symlink() and isinstance(said, dict) and OURS in said:
            return
    raise BeamwatchError(f"{path} is there already, and is no picture that was written here")


def write_zarr(picture: OmePicture, path: Path) -> None:
    """Write a picture as a folder; one of ours that was there is replaced by a whole one only."""
    check_replaceable(path)
    token = secrets.token_hex(4)
    begun, old = (path.with_name(f".{token}.{word}{path.name}") for word in ("", "old."))
    try:
        _fill(picture, begun)
        with suppress(FileNotFoundError):
            path.rename(old)
        begun.rename(path)
    except OSError as error:
        if old.exists() and not path.exists():
            old.rename(path)
        raise BeamwatchError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        for left in (begun, old):
            shutil.rmtree(left, ignore_errors=True)


def _fill(picture: OmePicture, folder: Path) -> None:
    """Groups, attributes and the one array, each plane a chunk that is not packed."""
    data = np.ascontiguousarray(picture.data, "<f4")
    (folder / "0").mkdir(parents=True)
    _write(folder / ".zgroup", {"zarr_format": 2})
    _write(folder / ATTRIBUTES, _attributes(picture))
    chunk = (1,) * (data.ndim - 2) + data.shape[-2:]
    _write(folder / "0" / ".zarray", {
        "zarr_format": 2, "shape": data.shape, "chunks": chunk, "dtype": "<f4", "order": "C",
        "compressor": None, "filters": None, "fill_value": "NaN", "dimension_separator": "/",
    })  # fmt: skip
    for i, plane in enumerate(data.reshape(-1, *data.shape[-2:])):
        name = folder / "0" / "/".join([str(i)] * (data.ndim - 2) + ["0", "0"])
        name.parent.mkdir(parents=True)
        name.write_bytes(plane.tobytes())


def _attributes(picture: OmePicture) -> dict[str, Any]:
    unit = {"unit": UNITS[picture.unit]} if picture.unit in UNITS else {}
    axes: list[dict[str, str]] = [{"name": axis, "type": "space", **unit} for axis in "yx"]
    scale, corner = [picture.pixel] * 2, list(picture.corner)
    if picture.channels:
        axes, scale, corner = (
            [{"name": "c", "type": "channel"}, *axes],
            [1.0, *scale],
            [0.0, *corner],
        )
    placed = [
        {"type": "scale", "scale": scale}, {"type": "translation", "translation": corner}
    ]  # fmt: skip
    multiscale = {
        "version": "0.4", "name": str(picture.about.get("shows", "image")), "axes": axes,
        "datasets": [{"path": "0", "coordinateTransformations": placed}],
    }  # fmt: skip
    known = {"multiscales": [multiscale], OURS: dict(picture.about)}
    return known | ({"omero": {"channels": [_channel(name) for name in picture.channels]}}
                    if picture.channels else {})  # fmt: skip


def _channel(name: str) -> dict[str, Any]:
    return {"label": name, "color": "FFFFFF", "active": name.startswith("onset (")}


def _write(path: Path, said: dict[str, Any]) -> None:
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False), "utf-8")
