"""``.mdoc`` files of SerialEM.

They hold ``key = value`` lines, first of all images, then below ``[ZValue = 0]`` of each image of
a stack, or below ``[FrameSet = 0]`` of a file of frames (SerialEM, "File Formats": image metadata
files). ``ExposureDose`` and ``PriorRecordDose`` are e/Å², ``FrameDosesAndNumber`` is pairs of e/Å²
a frame and the number of frames, ``DoseRate`` is electrons per unbinned pixel of the camera and
second, ``PixelSpacing`` is Å, ``TargetDefocus`` µm (underfocus negative), ``Voltage`` kV.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import read_bytes
from napari_beamwatch.movies.formats.signals import number
from napari_beamwatch.movies.names import is_same, last_part
from napari_beamwatch.movies.recording import MOST_FRAMES, stated_conditions
from napari_beamwatch.movies.sidecars.numbers import CLOSE, count, positive, times
from napari_beamwatch.movies.sidecars.words import Words

LARGEST = 16 * 2**20
"""Bytes; an image takes about one thousand of them."""

_SECTION = re.compile(r"\[\s*(\w+)\s*=\s*(.*?)\s*\]")


@dataclass(frozen=True)
class _Section:
    """One image, or one set of frames."""

    kind: str
    values: Mapping[str, str]

    def text(self, key: str) -> str | None:
        return self.values.get(key)

    @property
    def frames_file(self) -> str:
        """Name of the file of its frames."""
        return last_part(self.values.get("SubFramePath", ""))


def read_mdoc(path: Path, movie: Path) -> Words:
    """What an ``.mdoc`` says of a movie.

    Raises
    ------
    BeamwatchError
        If it is about another movie.
    """
    header, sections = _parsed(path)
    stack = last_part(header.get("ImageFile", ""))
    about = [one for one in sections if one.frames_file and is_same(one.frames_file, movie)]
    if stack and is_same(stack, movie):
        return _of_stack(path, sections)
    if len(about) == 1:
        return _of_frames(path, about[0])
    named = list(dict.fromkeys([stack, *(one.frames_file for one in sections)]))
    if named := [name for name in named if name]:
        raise BeamwatchError(f"it is about {named[0]}, not about {movie.name}")
    if len(sections) == 1 and sections[0].kind == "frameset":
        return _of_frames(path, sections[0])
    return _of_stack(path, sections)


def _parsed(path: Path) -> tuple[dict[str, str], list[_Section]]:
    """What holds for all images, and each image with that included."""
    # Titles may hold anything in the microscope's own encoding; nothing else does.
    text = read_bytes(path, "a file of SerialEM", LARGEST).decode("utf-8", "replace")
    header: dict[str, str] = {}
    found: list[tuple[str, dict[str, str]]] = []
    for line in text.splitlines():
        line = line.strip()
        if section := _SECTION.fullmatch(line):
            kind = section[1].casefold()
            if kind in ("zvalue", "frameset", "image"):
                found.append((kind, {}))
            continue
        key, sign, value = line.partition("=")
        if sign:
            (found[-1][1] if found else header)[key.strip()] = value.strip()
    if len(found) > MOST_FRAMES:
        raise BeamwatchError(f"it lists {len(found)} images, more than a movie can have")
    if not found:
        raise BeamwatchError("it lists no images")
    return header, [_Section(kind, ChainMap(values, header)) for kind, values in found]


def _of_frames(path: Path, section: _Section) -> Words:
    """Of a file that holds the frames of one exposure."""
    warnings: list[str] = []
    doses, frames = _frame_doses(section)
    total = positive(section.text("ExposureDose"))
    stated = count(section.text("NumSubFrames"))
    if doses is not None and frames is not None and total is not None:
        summed = doses * frames if isinstance(doses, float) else sum(doses)
        if abs(summed / total - 1) > CLOSE:
            warnings.append(
                f"its FrameDosesAndNumber adds up to {summed:.4g} e/Å², its ExposureDose is "
                f"{total:.4g}: the former is used"
            )
    if doses is not None and stated is not None and stated != frames:
        raise BeamwatchError(
            f"its FrameDosesAndNumber is of {frames} frames, its NumSubFrames is {stated}"
        )
    return _words(
        path,
        section,
        frame_dose=doses,
        total_dose=None if doses is not None else total,
        frames=stated or frames,
        exposure_time=positive(section.text("ExposureTime")),
        warnings=tuple(warnings),
    )


def _of_stack(path: Path, sections: Sequence[_Section]) -> Words:
    """Of a stack of images, each with an exposure of its own."""
    first = sections[0]
    warnings: tuple[str, ...] = ()
    doses = [positive(one.text("ExposureDose")) for one in sections]
    known = tuple(dose for dose in doses if dose is not None)
    complete = len(known) == len(doses)
    priors = [number(one.text("PriorRecordDose")) for one in sections]
    if complete and all(prior is not None for prior in priors):
        told = [prior for prior in priors if prior is not None]
        between = told[-1] - told[0] - sum(known[:-1])
        if abs(between) > CLOSE * sum(known):
            warnings = (
                f"by its PriorRecordDose {between:.4g} e/Å² came between the images, which is in "
                "no frame: give a dose table if they reached the specimen",
            )
    exposures = {positive(one.text("ExposureTime")) for one in sections}
    return _words(
        path,
        first,
        frame_dose=None if not complete else known[0] if len(set(known)) == 1 else known,
        frames=len(sections),
        frame_time=exposures.pop() if len(exposures) == 1 else None,
        warnings=warnings,
    )


def _words(path: Path, section: _Section, **said: Any) -> Words:
    """What images of both kinds have in common."""
    spacing = positive(section.text("PixelSpacing"))
    binning = positive(section.text("Binning"))
    rate = positive(section.text("DoseRate"))
    prior = positive(section.text("PriorRecordDose"))
    diffraction = positive(section.text("CameraLength")) is not None
    notes = []
    if prior is not None:
        notes.append("its PriorRecordDose counts earlier Record exposures, not search and focus")
    told = said.get("frame_dose") is not None or said.get("total_dose") is not None
    if told or spacing is None or binning is None or diffraction:
        rate = None
    elif rate is not None:
        rate /= (spacing / binning) ** 2
        notes.append("its DoseRate was measured on the camera, behind the specimen: a lower bound")
    conditions, _ = stated_conditions(
        {
            "voltage_kV": positive(section.text("Voltage")),
            "magnification": None if diffraction else positive(section.text("Magnification")),
            "defocus_nm": times(number(section.text("TargetDefocus")), -1000.0),
            "tilt_deg": number(section.text("TiltAngle")),
            "imaging_mode": "diffraction" if diffraction else None,
            "recorded": " ".join((section.text("DateTime") or "").split()) or None,
        },
        path.name,
    )
    return Words(
        source=f"SerialEM {path.name}",
        pixel_size=None if diffraction else spacing,
        dose_rate=rate,
        pre_exposure=prior,
        conditions=conditions,
        size=_size(section.text("ImageSize")),
        notes=tuple(notes),
        **said,
    )


def _frame_doses(section: _Section) -> tuple[float | tuple[float, ...] | None, int | None]:
    """Dose of each frame, and the number of frames; one dose if it is the same of all."""
    parts = (section.text("FrameDosesAndNumber") or "").split()
    pairs = [(positive(dose), count(many)) for dose, many in zip(*[iter(parts)] * 2)]  # noqa: B905
    if not pairs or len(parts) % 2:
        return None, None
    doses: list[float] = []
    for dose, many in pairs:
        if dose is None or many is None or len(doses) + many > MOST_FRAMES:
            return None, None
        doses += [dose] * many
    return (doses[0] if len(set(doses)) == 1 else tuple(doses)), len(doses)


def _size(text: str | None) -> tuple[int, int] | None:
    parts = [count(part) for part in (text or "").split()]
    if len(parts) != 2 or parts[0] is None or parts[1] is None:
        return None
    return parts[1], parts[0]
