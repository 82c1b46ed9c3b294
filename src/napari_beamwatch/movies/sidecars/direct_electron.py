"""``_info.txt`` files of Direct Electron's cameras: ``name = value``, a line each.

Names carry their units; −1 stands for what the camera was not told.
"""

from __future__ import annotations

from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_bytes
from napari_beamwatch.movies.formats.signals import number
from napari_beamwatch.movies.recording import stated_conditions
from napari_beamwatch.movies.sidecars.numbers import count, positive, side_of, times
from napari_beamwatch.movies.sidecars.words import Words

LARGEST = 4 * 2**20

PIXEL = "Specimen Pixel Size {} (nanometers)"
STEM = 1


def read_info(path: Path, movie: Path) -> Words:
    """What an ``_info.txt`` says of a movie."""
    text = read_bytes(path, "a text file of a camera", LARGEST).decode("utf-8", "replace")
    said: dict[str, str] = {}
    for line in text.splitlines():
        name, sign, value = line.partition("=")
        if sign:
            said[name.strip()] = value.strip()
    rate = positive(said.get("Frames Per Second"))
    if rate is None and PIXEL.format("X") not in said:
        raise BeamwatchError(
            f"it is no text file of a camera by Direct Electron about {movie.name}"
        )
    summed = count(said.get("Autosave Movie Sum Count")) or 1
    diffraction = positive(said.get("Instrument Project Camera Length (centimeters)")) is not None
    scanning = number(said.get("Instrument Project TEMorSTEM Mode")) == STEM
    conditions, _ = stated_conditions(
        {
            "voltage_kV": times(positive(said.get("Instrument Accelerating Voltage (V)")), 1e-3),
            "magnification": None
            if diffraction
            else positive(said.get("Instrument Project Magnification")),
            "tilt_deg": number(said.get("Instrument Stage Tilt Alpha (degrees)")),
            "imaging_mode": "diffraction" if diffraction else "STEM" if scanning else None,
            "camera": said.get("Camera Model"),
        },
        path.name,
    )
    pixel_size, warnings = (None, ()) if diffraction else _pixel_size(said)
    return Words(
        source=f"Direct Electron {path.name}",
        pixel_size=pixel_size,
        frame_time=None if rate is None else summed / rate,
        frames=count(said.get("Autosave Movie Frames Written")),
        conditions=conditions,
        warnings=warnings,
    )


def _pixel_size(said: dict[str, str]) -> tuple[float | None, tuple[str, ...]]:
    x, y = (positive(said.get(PIXEL.format(axis))) for axis in "XY")
    return side_of(x, y, 10.0, "nm")
