"""What a TIFF file says of itself: tags, and words of ImageJ, OME, DigitalMicrograph and TVIPS."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import numpy as np
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from napari_beamwatch.movies.formats.units import is_reciprocal, to_angstrom, to_seconds
from napari_beamwatch.movies.plausible import FRAME_TIME, believable, believable_pixel_size
from napari_beamwatch.movies.recording import Floats, Stated, stated_conditions

COARSEST_RESOLUTION = 1e4
"""Å. Pixels larger than 1 µm are those of a screen or a printer, not of a microscope."""


Said = tuple[str, ...]


def says_diffraction(tif: Any, page: Any) -> str:
    """Who counts pixels per length, as of diffraction patterns; nothing if nobody does."""
    said: list[tuple[str, Any]] = [(origin, unit) for _, unit, origin in _stated_sizes(tif, page)]
    if tif.is_imagej:
        said.append(("ImageJ metadata", (tif.imagej_metadata or {}).get("unit")))
    return next((f"{origin}: in {unit}" for origin, unit in said if is_reciprocal(unit)), "")


def pixel_size_of(tif: Any, page: Any) -> tuple[Stated | None, Said]:
    """Å from whoever states it best."""
    for sides, unit, origin in _stated_sizes(tif, page):
        x, y = (to_angstrom(side, unit) for side in sides)
        if x is None or y is None:
            continue
        if x > 0 and y > 0 and abs(x / y - 1) > 0.01:
            return None, (
                f"the pixel sizes along x ({x:g} Å) and y ({y:g} Å) in the file ({origin}) differ: "
                "neither is used",
            )
        return believable_pixel_size(x, origin)
    return _resolution(tif, page)


def _stated_sizes(tif: Any, page: Any) -> Iterator[tuple[tuple[float, float], str, str]]:
    if tif.is_ome:
        pixels = _ome_pixels(tif)
        if pixels is not None:
            x, y = (_float(pixels.get(f"PhysicalSize{axis}")) for axis in "XY")
            unit = pixels.get("PhysicalSizeXUnit", "µm")
            if x is not None:
                yield (x, x if y is None else y), unit, "OME metadata"
    # DigitalMicrograph: scale of x and y, and their units.
    x, y, unit = (_tag(page, code) for code in (65009, 65010, 65003))
    if isinstance(x, float) and isinstance(y, float) and isinstance(unit, str):
        yield (x, y), unit, "DigitalMicrograph tags"
    tvips = tif.tvips_metadata if tif.is_tvips else None
    if tvips and tvips.get("PixelSizeX"):
        yield (tvips["PixelSizeX"], tvips.get("PixelSizeY", 0.0)), "nm", "TVIPS header"


def _resolution(tif: Any, page: Any) -> tuple[Stated | None, Said]:
    """Pixels per unit in the resolution tags, unless they are for screens and printers."""
    per_unit = [_ratio(_tag(page, code)) for code in (282, 283)]
    x, y = per_unit
    if x is None or y is None or x <= 0 or y <= 0:
        return None, ()
    unit: str | None
    if tif.is_imagej:
        unit, origin = (tif.imagej_metadata or {}).get("unit"), "ImageJ metadata"
    else:
        unit = {2: "inch", 3: "cm"}.get(int(_tag(page, 296) or 2))
        origin = "TIFF resolution"
    size_x, size_y = to_angstrom(1 / x, unit), to_angstrom(1 / y, unit)
    if size_x is None or size_y is None:
        return None, ()
    if unit in ("inch", "cm") and min(size_x, size_y) > COARSEST_RESOLUTION:
        return None, ()  # 72 or 300 dots per inch: for a screen or a printer
    if abs(size_x / size_y - 1) > 0.01:
        return None, (
            f"the pixel sizes along x ({size_x:g} Å) and y ({size_y:g} Å) in the file ({origin}) "
            "differ: neither is used",
        )
    return believable_pixel_size(size_x, origin)


def times_of(tif: Any, frames: int) -> tuple[Stated | None, Floats | None, Said]:
    """Seconds of a frame, or the times at which frames ended, from whoever states them."""
    if tif.is_ome:
        return _ome_times(tif, frames)
    if tif.is_imagej:
        said = tif.imagej_metadata or {}
        step = said.get("finterval")
        if not isinstance(step, int | float):
            rate = said.get("fps")
            step = 1 / rate if isinstance(rate, int | float) and rate > 0 else None
        seconds = to_seconds(step, said.get("tunit", "s")) if step else None
        seconds = believable(seconds, *FRAME_TIME)
        if seconds:
            return Stated(seconds, "ImageJ frame interval"), None, ()
    page = tif.pages.first
    step, unit = _tag(page, 65011), _tag(page, 65005)
    if isinstance(step, float) and frames > 1:
        seconds = believable(to_seconds(step, unit), *FRAME_TIME)
        if seconds:
            return Stated(seconds, "DigitalMicrograph tags"), None, ()
    if tif.is_tvips and frames == 1:
        exposure = believable((tif.tvips_metadata or {}).get("ExposureTime"), 1e-3, 1e8)
        if exposure:
            return Stated(exposure / 1000, "TVIPS header, exposure"), None, ()
    return None, None, ()


def _ome_times(tif: Any, frames: int) -> tuple[Stated | None, Floats | None, Said]:
    pixels = _ome_pixels(tif)
    if pixels is None:
        return None, None, ()
    step = _float(pixels.get("TimeIncrement"))
    seconds = to_seconds(step, pixels.get("TimeIncrementUnit", "s")) if step else None
    seconds = believable(seconds, *FRAME_TIME)
    frame_time = Stated(seconds, "OME time increment") if seconds else None
    starts = np.full(frames, np.nan)
    exposures = np.full(frames, np.nan)
    axes = [axis for axis in "TZC" if (_float(pixels.get(f"Size{axis}")) or 1) > 1]
    axis = axes[0] if axes else "T"
    for plane in pixels:
        if not plane.tag.endswith("Plane"):
            continue
        at = plane.get(f"The{axis}", "")
        if not at.isdigit() or int(at) >= frames:
            continue
        delta, exposure = _float(plane.get("DeltaT")), _float(plane.get("ExposureTime"))
        if delta is not None:
            start = to_seconds(delta, plane.get("DeltaTUnit", "s"))
            starts[int(at)] = np.nan if start is None else start
        if exposure is not None:
            length = to_seconds(exposure, plane.get("ExposureTimeUnit", "s"))
            exposures[int(at)] = np.nan if length is None else length
    if not np.isfinite(starts).all():
        return frame_time, None, ()
    if frames > 1 and not (np.diff(starts) > 0).all():
        return frame_time, None, ("the times of the frames in the OME metadata do not grow",)
    starts -= starts[0]
    if frame_time is None and frames > 1:
        frame_time = Stated(float(np.median(np.diff(starts))), "OME DeltaT of each frame")
    # DeltaT is when a frame began; ends follow from exposures, or from the next beginning.
    if np.isfinite(exposures).all() and (exposures > 0).all():
        ends = starts + exposures
    elif frame_time is not None:
        ends = np.append(starts[1:], starts[-1] + frame_time.value)
    else:
        return None, None, ()
    if frames > 1 and not (np.diff(ends) > 0).all():
        return frame_time, None, ()
    if frame_time is None:
        frame_time = Stated(float(ends[0]), "OME exposure time")
    return frame_time, ends, ()


def conditions_of(tif: Any) -> tuple[Any, dict[str, str]]:
    """Conditions, and who said them."""
    said = (tif.tvips_metadata or {}) if tif.is_tvips else {}
    voltage = believable(_float(said.get("TemHighTension")), 1e3, 4e6)
    return stated_conditions(
        {
            "voltage_kV": voltage / 1000 if voltage else None,
            "magnification": believable(_float(said.get("TemMagnification")), 1, 1e8),
            "camera": _text(said.get("CameraType")),
            "microscope": _text(said.get("TemType")),
        },
        "TVIPS header",
    )


def _ome_pixels(tif: Any) -> Element | None:
    """The ``Pixels`` element of the first image."""
    text = tif.ome_metadata
    if not text:
        return None
    try:
        found: Element | None = fromstring(text, forbid_dtd=True).find(".//{*}Image/{*}Pixels")
    except (DefusedXmlException, ParseError, ValueError):
        return None
    return found


def _tag(page: Any, code: int) -> Any:
    tag = page.tags.get(code)
    return None if tag is None else tag.value


def _ratio(value: Any) -> float | None:
    if not isinstance(value, tuple) or len(value) != 2 or not value[1]:
        return None
    return float(value[0]) / float(value[1])


def _float(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str | None:
    text = str(value or "").strip("\0 ")
    return text or None
