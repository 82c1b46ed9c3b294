"""``.xml`` files of EPU and of TIA's successors: a ``MicroscopeImage``.

All lengths are metres, the voltage is volts, angles are radians, and the ``Dose`` among the custom
data is electrons per square metre. ``DoseOnCamera`` is not used: in files of EPU 3.9 it is ``Dose``
times the area of a pixel, and so of the exposure, but others have it of a second. Nor is
``Detectors[…].TotalDose``, of which nothing says whether it is of an Å² or of a pixel.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_bytes
from napari_beamwatch.movies.formats.signals import number
from napari_beamwatch.movies.metadata_xml import LARGEST, local_name, parse_tree, short_text
from napari_beamwatch.movies.recording import stated_conditions
from napari_beamwatch.movies.sidecars.numbers import count, positive, side_of, times
from napari_beamwatch.movies.sidecars.words import Words

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

E_PER_SQUARE_METRE = 1e-20
"""In e/Å²."""


def read_epu(path: Path, movie: Path) -> Words:
    """What an XML file of EPU says of a movie."""
    root = parse_tree(read_bytes(path, "an XML file", LARGEST))
    if local_name(root) != "MicroscopeImage":
        raise BeamwatchError(f"it is no MicroscopeImage of EPU about {movie.name}")
    custom = _custom(root)
    camera = _first(root, "acquisition", "camera")
    optics, gun = _first(root, "optics"), _first(root, "gun")
    diffraction = _text(optics, "ProjectorMode") == "Diffraction"
    pixel_size, warnings = (None, ()) if diffraction else _pixel_size(root)
    dose = times(positive(custom.get("Dose")), E_PER_SQUARE_METRE)
    exposed = positive(_text(camera, "ExposureTime"))
    notes = () if dose is not None else tuple(_unused(custom, pixel_size, exposed))
    conditions, _ = stated_conditions(
        {
            "voltage_kV": times(positive(_text(gun, "AccelerationVoltage")), 1e-3),
            "magnification": None
            if diffraction
            else positive(_text(optics, "NominalMagnification")),
            "defocus_nm": times(number(custom.get("AppliedDefocus")), -1e9),
            "tilt_deg": times(number(_text(_first(root, "stage", "Position"), "A")), 180 / math.pi),
            "imaging_mode": "diffraction" if diffraction else None,
            "camera": custom.get("DetectorCommercialName") or _text(camera, "Name"),
            "microscope": _text(_first(root, "instrument"), "InstrumentModel"),
            "recorded": _text(root, "acquisitionDateTime"),
        },
        path.name,
    )
    area = _first(camera, "ReadoutArea")
    height, width = count(_text(area, "height")), count(_text(area, "width"))
    return Words(
        source=f"EPU {path.name}",
        pixel_size=pixel_size,
        total_dose=dose,
        exposure_time=exposed,
        frames=count(_text(camera, "NumberOffractions")),
        size=None if height is None or width is None else (height, width),
        conditions=conditions,
        notes=notes,
        warnings=warnings,
    )


def _first(root: Element | None, *names: str) -> Element | None:
    """The first element of a name, below the first of the name before it, …."""
    for name in names:
        if root is None:
            return None
        top = root
        root = next((one for one in top.iter() if local_name(one) == name and one is not top), None)
    return root


def _text(root: Element | None, name: str) -> str | None:
    found = _first(root, name)
    return None if found is None else short_text(found) or None


def _custom(root: Element) -> dict[str, str]:
    """Custom data: pairs of a key and a value."""
    pairs = {}
    for pair in root.iter():
        if local_name(pair) == "KeyValueOfstringanyType":
            # Of its own children only: pairs within pairs would be read again and again.
            parts = {local_name(part): short_text(part) for part in pair}
            pairs[parts.get("Key", "")] = parts.get("Value", "")
    return pairs


def _unused(
    custom: dict[str, str], pixel_size: float | None, exposed: float | None
) -> Iterator[str]:
    """What else may be a dose, a sentence each, with what it would mean."""
    electrons = positive(custom.get("DoseOnCamera"))
    if electrons is not None:
        said = "of the exposure", "of a second"
        if pixel_size is not None and exposed is not None:
            dose = electrons / pixel_size**2
            said = (
                f"of the exposure, then {dose:.3g} e/Å²",
                f"of a second, then {dose * exposed:.3g} e/Å²",
            )
        yield f"its DoseOnCamera, {electrons:.4g} e/px, is not used: it may be {' or '.join(said)}"
    for key, value in custom.items():
        total = positive(value) if key.endswith("].TotalDose") else None
        if total is not None:
            yield f"its {key}, {total:.4g}, is not used: it may be of an Å² or of a pixel"


def _pixel_size(root: Element) -> tuple[float | None, tuple[str, ...]]:
    scale = _first(root, "pixelSize")
    x, y = (positive(_text(_first(scale, axis), "numericValue")) for axis in "xy")
    return side_of(x, y, 1e10, "m")
