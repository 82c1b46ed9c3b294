"""Pictures as OME-Zarr and back: a folder of version 0.4, with axes, units, size of a pixel [1]_.

References
----------
.. [1] J. Moore et al., Histochem. Cell Biol. 160 (2023) 223; OME-NGFF 0.4.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.zarr_store import Store, open_store, read_json
from napari_beamwatch.results.ome_tiff import OURS, OmePicture, limits_of

ENDING = ".ome.zarr"

ATTRIBUTES, ARRAY = ".zattrs", "0/.zarray"

UNITS = {"nm": "nanometer"}
"""Of lengths, as NGFF spells them; pixels have none."""

SPELLED = {word: unit for unit, word in UNITS.items()}


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
    _write(folder / ARRAY, _array(data.shape))
    for plane, name in zip(data.reshape(-1, *data.shape[-2:]), _chunks(data.shape), strict=True):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_bytes(plane.tobytes())


def read_zarr(path: Path) -> OmePicture | None:
    """A picture of ours; None of any other folder, which may come from anybody."""
    try:
        if not is_zarr(path) or not path.is_dir():
            return None
        store = open_store(path)
        said, array = read_json(store, ATTRIBUTES), read_json(store, ARRAY)
        if said is None or array is None or not isinstance(said.get(OURS), dict):
            return None
        return _picture(store, said, array)
    except (
        ArithmeticError, BeamwatchError, LookupError, MemoryError, OSError, RecursionError,
        TypeError, ValueError,
    ):  # fmt: skip
        return None


def _picture(store: Store, said: dict[str, Any], array: dict[str, Any]) -> OmePicture | None:
    """What a store holds that says that it is one of ours."""
    shape = tuple(int(side) for side in array["shape"])
    if len(shape) not in (2, 3) or min(shape) < 1 or array != _array(shape):
        return None
    names, size = _chunks(shape), 4 * shape[-1] * shape[-2]
    # Ours are not packed: no picture is larger than its files.
    if any(store.size(name) != size for name in names):
        return None
    planes = [np.frombuffer(store.read(name, 0, size) or b"", "<f4") for name in names]
    data = np.stack(planes).astype(np.float32).reshape(shape)
    (multiscale,) = said["multiscales"]
    scale, translation = multiscale["datasets"][0]["coordinateTransformations"]
    pixel, corner = float(scale["scale"][-1]), translation["translation"][-2:]
    y, x = float(corner[0]), float(corner[1])
    if not np.isfinite([pixel, y, x]).all() or pixel <= 0:
        return None
    unit = SPELLED.get(multiscale["axes"][-1].get("unit"), "pixel")
    shown = said.get("omero", {}).get("channels", [])
    channels = tuple(str(one["label"]) for one in shown) if len(shape) == 3 else ()
    if len(shape) == 3 and len(channels) != shape[0]:
        return None
    windows = [one.get("window", {}) for one in shown]
    limits = limits_of([(one.get("start"), one.get("end")) for one in windows], len(names))
    return OmePicture(data, pixel, unit, (y, x), channels, said[OURS], limits)


def _array(shape: Sequence[int]) -> dict[str, Any]:
    """What is said of an array: each plane is a chunk that is not packed."""
    return {
        "zarr_format": 2, "shape": list(shape), "chunks": [1] * (len(shape) - 2) + [*shape[-2:]],
        "dtype": "<f4", "order": "C", "compressor": None, "filters": None, "fill_value": "NaN",
        "dimension_separator": "/",
    }  # fmt: skip


def _chunks(shape: Sequence[int]) -> list[str]:
    """Names of the planes of an array."""
    return ["0/0/0"] if len(shape) == 2 else [f"0/{i}/0/0" for i in range(shape[0])]


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
    channels = picture.channels or ((str(multiscale["name"]),) if picture.limits else ())
    limits = picture.limits or [None] * len(channels)
    shown = [_channel(name, ends) for name, ends in zip(channels, limits, strict=True)]
    return known | ({"omero": {"channels": shown}} if shown else {})


def _channel(name: str, limits: tuple[float, float] | None) -> dict[str, Any]:
    known: dict[str, Any] = {}
    if limits is not None:
        low, high = limits
        known["window"] = {"min": low, "max": high, "start": low, "end": high}
    active = not name.startswith(("onset, ", "lost", "place"))
    return {"label": name, "color": "FFFFFF", "active": active, **known}


def _write(path: Path, said: dict[str, Any]) -> None:
    path.write_text(json.dumps(said, indent=1, ensure_ascii=False), "utf-8")
