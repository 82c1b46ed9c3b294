"""Pictures as OME-TIFF, with the size of a pixel in nm, and back again.

References
----------
.. [1] I. G. Goldberg et al., Genome Biol. 6 (2005) R47: the Open Microscopy Environment.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import regular_size

ENDINGS = (".ome.tif", ".ome.tiff")

LONGEST = 2**20
"""Bytes of the description of a picture of ours."""

OURS = "napari-beamwatch"
"""Said in the description of a picture of ours."""

LIMITS = "black_and_white"
"""Key in the description of a picture of ours."""


@dataclass(frozen=True, eq=False)
class OmePicture:
    """A picture, or several of one place.

    Attributes
    ----------
    data : array of float32 (y, x) or (channel, y, x)
    pixel : float
        Side of a pixel, in `unit`.
    unit : {"nm", "pixel"}
        Pixels of the movie where nobody knows the size of those.
    corner : (y, x)
        Where the middle of the first pixel lies, in `unit`.
    channels : tuple of str
        Names, with units; empty for one picture.
    about : mapping
        Where it comes from, in plain values.
    limits : tuple of (float, float)
        What is black and what is white in each picture; empty if nobody said.
    """

    data: NDArray[np.float32]
    pixel: float
    unit: str
    corner: tuple[float, float] = (0.0, 0.0)
    channels: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[tuple[float, float], ...] = ()


def is_named(path: Path) -> bool:
    """Whether a file's name is that of an OME-TIFF."""
    return path.name.lower().endswith(ENDINGS)


def write_picture(picture: OmePicture, path: Path) -> None:
    """Write a picture; what was there is replaced only by a whole one."""
    count = len(picture.channels) or 1
    size = {f"PhysicalSize{axis}": picture.pixel for axis in "XY"}
    units = {f"PhysicalSize{axis}Unit": picture.unit for axis in "XY"}
    plane = {
        f"Position{axis}{word}": [value] * count
        for axis, at in zip("YX", picture.corner, strict=True)
        for word, value in (("", at), ("Unit", picture.unit))
    }
    metadata: dict[str, Any] = {
        "axes": "CYX" if picture.channels else "YX", **size, **units, "Plane": plane,
        "Description": json.dumps({"written_by": OURS, LIMITS: picture.limits, **picture.about}),
    }  # fmt: skip
    if picture.channels:
        metadata["Channel"] = {"Name": list(picture.channels)}
    begun = path.with_name(f".{secrets.token_hex(4)}.{path.name}")
    try:
        tifffile.imwrite(
            begun, np.ascontiguousarray(picture.data), ome=True, photometric="minisblack",
            metadata=metadata,
        )  # fmt: skip
        begun.replace(path)
    except OSError as error:
        raise BeamwatchError(f"{path} cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            begun.unlink()


def read_picture(path: Path) -> OmePicture | None:
    """A picture of ours; None of any other file, which may come from anybody."""
    try:
        if not is_named(path):
            return None
        size = regular_size(path)
        with tifffile.TiffFile(path) as tif:
            said = tif.pages[0].description
            if len(said) > LONGEST or OURS not in said or "<!" in said:
                return None  # nothing is expanded from a description
            found = _of(ElementTree.fromstring(said))
            if found is None:
                return None
            # By its pages: series of OME may name other files, whose pages they take.
            pages = [tif.pages[i] for i in range(len(found[3]) or 1)]
            # Ours are not packed: no picture is larger than its file.
            plain = all(page.compression == 1 and page.dtype == np.float32 for page in pages)
            if (
                not plain
                or {len(page.shape) for page in pages} != {2}
                or sum(page.nbytes for page in pages) > size
            ):
                return None
            data = np.stack([page.asarray() for page in pages])
            data = data if found[3] else data[0]
    except (
        ArithmeticError, AttributeError, BeamwatchError, ElementTree.ParseError, LookupError,
        MemoryError, OSError, RecursionError, TypeError, ValueError, tifffile.TiffFileError,
    ):  # fmt: skip
        return None
    pixel, unit, corner, channels, about = found
    limits = limits_of(about.pop(LIMITS, ()), len(pages))
    return OmePicture(data, pixel, unit, corner, channels, about, limits)


def limits_of(said: Any, count: int) -> tuple[tuple[float, float], ...]:
    """What a file says is black and white in each of so many pictures; empty if it says none."""
    try:
        found = tuple((float(low), float(high)) for low, high in said)
    except (TypeError, ValueError):
        return ()
    whole = len(found) == count and all(np.isfinite(one).all() and one[0] < one[1] for one in found)
    return found if whole else ()


def _of(
    root: ElementTree.Element,
) -> tuple[float, str, tuple[float, float], tuple[str, ...], dict[str, Any]] | None:
    """What the description of a picture says."""
    tags: dict[str, list[ElementTree.Element]] = {}
    for one in root.iter():
        tags.setdefault(one.tag.rpartition("}")[2], []).append(one)
    about = json.loads(tags["Description"][0].text or "")
    pixels, plane = tags["Pixels"][0].attrib, tags["Plane"][0].attrib
    pixel, unit = float(pixels["PhysicalSizeX"]), pixels["PhysicalSizeXUnit"]
    corner = float(plane["PositionY"]), float(plane["PositionX"])
    ours = isinstance(about, dict) and about.pop("written_by", None) == OURS
    if not ours or unit not in ("nm", "pixel") or not np.isfinite([pixel, *corner]).all():
        return None
    named = [one.attrib.get("Name") for one in tags.get("Channel", ())]
    channels = tuple(str(name) for name in named) if named != [None] else ()
    return (pixel, unit, corner, channels, about) if pixel > 0 else None
