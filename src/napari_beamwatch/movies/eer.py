"""Electron-event movies (EER): raw detector frames added up into frames.

What the camera wrote as a list of events per raw frame is decoded straight into the counts
of a frame: how many raw frames make one is `fractionation`, always explicit and always said.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.eer_counts import raw_event_counts
from napari_beamwatch.movies.eer_directory import EerDirectory, read_directory, read_xml
from napari_beamwatch.movies.eer_frames import EerFrames
from napari_beamwatch.movies.formats.units import to_angstrom
from napari_beamwatch.movies.metadata_xml import Items, parse_items
from napari_beamwatch.movies.plausible import FRAME_DOSE, believable, believable_pixel_size
from napari_beamwatch.movies.recording import (
    MOST_FRAMES,
    Counting,
    Floats,
    Recording,
    Stated,
    StatedDose,
    add_groups,
    stated_conditions,
)
from napari_beamwatch.quantities import number, whole

FEWEST_FRAMES = 100
LARGEST_PADDING = 2**16
"""Bytes that may follow the events of a raw frame."""

LARGEST_FRAME_DOSE = 5.0
"""Default fractionation: at least so many frames, at most so many e/Å² each."""


def open_eer(
    path: Path,
    *,
    fraction_frames: int | None = None,
    fraction_dose: float | None = None,
    superres: int = 1,
    pixel_size: float | None = None,
    pixel_size_beside: float | None = None,
    raw_dose_rate: float | None = None,
) -> Recording:
    """Open an EER movie.

    Parameters
    ----------
    path : Path
    fraction_frames : int, optional
        Raw frames a frame.
    fraction_dose : float, optional
        e/Å² a frame, rounded to whole raw frames.
    superres : {1, 2, 4}
        Grid points per pixel and axis.
    pixel_size : float, optional
        Å per pixel at this `superres`, if the user says so: what a dose per pixel means in
        e/Å².
    pixel_size_beside : float, optional
        The same as an instrument's file beside the movie says it, for files that do not.
    raw_dose_rate : float, optional
        e/Å²/s, if the user says so.
    """
    directory = read_directory(path)
    scheme = directory.scheme
    if superres not in (1, 2, 4):
        raise BeamwatchError(f"superres must be 1, 2 or 4, not {superres}")
    if superres > scheme.superres:
        raise BeamwatchError(
            f"{path.name} places events {scheme.superres}× finer than its pixels; "
            f"superres={superres} is not in it"
        )
    warnings = [*directory.warnings]
    acquisition = Items()
    if directory.acquisition_xml is not None:
        try:
            acquisition = parse_items(read_xml(path, directory.acquisition_xml))
        except BeamwatchError as error:
            warnings.append(f"{path.name}: {error}")
    _check_length(path, directory)

    size, said = _pixel_size(acquisition, superres)
    warnings += said
    events, origin, said = raw_event_counts(path, directory)
    warnings += said
    seconds = _raw_time(acquisition, warnings, len(directory))
    pixels = directory.height * directory.width
    dose = _stated_dose(acquisition, events, superres)

    known_size = pixel_size or (size.value if size else pixel_size_beside)
    raw_dose = None
    if raw_dose_rate is not None and seconds is not None:
        raw_dose = raw_dose_rate * seconds
    elif known_size is not None:
        per_pixel = dose.per_frame if dose else events / (pixels * superres**2)
        lit = per_pixel[per_pixel > 0.2 * np.median(per_pixel)]
        raw_dose = float(lit.mean()) / known_size**2 if lit.size else None
    n, note, said = fractionation(len(directory), raw_dose, fraction_frames, fraction_dose)
    warnings += said
    return Recording(
        frames=EerFrames(path, directory, n, superres),
        path=str(path),
        pixel_size=size,
        dose=None if dose is None else replace(dose, per_frame=add_groups(dose.per_frame, n)),
        frame_time=None
        if seconds is None
        else Stated(seconds * n, "file: EER exposureTime / numberOfFrames"),
        counts=add_groups(events, n) / (pixels * superres**2),
        counts_origin=origin,
        counting=Counting("single", 1.0, 1.0, "EER events"),
        dead_time=True,
        raw_per_frame=n,
        **_conditions(acquisition),
        warnings=tuple(warnings),
        notes=(
            note,
            "orientation: pixels in file order, neither flipped nor turned",
            *(
                ("the sum of all frames at the head of the file is not used",)
                if directory.final_image
                else ()
            ),
        ),
    )


def fractionation(
    raw_frames: int,
    raw_dose: float | None,
    fraction_frames: int | None,
    fraction_dose: float | None,
) -> tuple[int, str, list[str]]:
    """How many raw frames make a frame.

    Parameters
    ----------
    raw_frames : int
        Raw frames in the file.
    raw_dose : float or None
        e/Å² of one of them, if known.
    fraction_frames, fraction_dose
        The user's choice; without one the largest number that still gives
        `FEWEST_FRAMES` frames of at most `LARGEST_FRAME_DOSE`.

    Returns
    -------
    n : int
    note : str
        What was decided and why, in words.
    warnings : list of str
        If an incomplete last group is dropped.
    """
    if fraction_frames is not None and fraction_dose is not None:
        raise BeamwatchError("give fraction_frames or fraction_dose, not both")
    if fraction_frames is not None:
        n, why = whole(fraction_frames, "fraction_frames", 1, MOST_FRAMES, "raw frames"), "as asked"
    elif fraction_dose is not None:
        fraction_dose = number(fraction_dose, "fraction_dose", *FRAME_DOSE, "e/Å²")
        if raw_dose is None:
            raise BeamwatchError(
                "fraction_dose needs the dose of a raw frame: give pixel_size, or dose_rate, or "
                "use fraction_frames"
            )
        n = max(1, round(fraction_dose / raw_dose))
        why = f"nearest to {fraction_dose:g} e/Å²"
    else:
        n = max(1, raw_frames // FEWEST_FRAMES)
        why = f"the most that leave {FEWEST_FRAMES} frames"
        if raw_dose is not None and raw_dose * n > LARGEST_FRAME_DOSE:
            n = max(1, int(LARGEST_FRAME_DOSE / raw_dose))
            why = f"the most within {LARGEST_FRAME_DOSE:g} e/Å² a frame"
        elif raw_frames < 2 * FEWEST_FRAMES:
            why = f"the movie is short: {raw_frames} raw frames"
    if n > raw_frames:
        raise BeamwatchError(
            f"a frame of {n} raw frames was asked for, but the movie has only {raw_frames}"
        )
    frames, left = divmod(raw_frames, n)
    dose = "" if raw_dose is None else f" of {raw_dose * n:.3g} e/Å²"
    note = f"fractionation: {n} raw frames a frame ({why}), {frames} frames{dose}"
    warnings = []
    if left:
        last = "raw frame was" if left == 1 else f"{left} raw frames were"
        said = f"the last {last} dropped: no whole group of {n}"
        if fraction_frames is None and fraction_dose is None:
            note += f"; {said}"  # less than a frame, of a number that nobody asked for
        else:
            warnings.append(said)
    return n, note, warnings


def _check_length(path: Path, directory: EerDirectory) -> None:
    """Refuse streams that cannot be those of frames of that size, before anything is allocated."""
    scheme, pixels = directory.scheme, directory.height * directory.width
    longest = (1 << scheme.run) - 1
    fewest_bits = pixels // longest * scheme.run
    most_bits = pixels * (scheme.run + scheme.x + scheme.y)
    bits = int(directory.stream_lengths.max()) * 8
    if bits + 64 < fewest_bits:
        raise BeamwatchError(
            f"{path} claims frames of {directory.width} by {directory.height} px, but its data "
            "cannot fill them: the file is damaged"
        )
    if bits > most_bits + 8 * LARGEST_PADDING:
        raise BeamwatchError(
            f"{path} claims {bits // 8} bytes for a raw frame of {directory.width} by "
            f"{directory.height} px, more than an event in every pixel takes: the file is damaged"
        )


def _pixel_size(acquisition: Items, superres: int) -> tuple[Stated | None, list[str]]:
    width = acquisition.number("sensorPixelSize.width")
    if width is None:
        return None, []
    unit = acquisition.units.get("sensorPixelSize.width", "m")
    angstrom = to_angstrom(width, unit)
    if angstrom is None:
        return None, [f"the pixel size in the file has the unknown unit {unit!r}: not used"]
    size, said = believable_pixel_size(angstrom / superres, "file: EER sensorPixelSize")
    height = acquisition.number("sensorPixelSize.height")
    if size is not None and height is not None and abs(height / width - 1) > 0.01:
        return None, ["the pixels in the file are not square: their size is not used"]
    return size, list(said)


def _raw_time(acquisition: Items, warnings: list[str], raw: int) -> float | None:
    """Seconds of a raw frame."""
    exposure = believable(acquisition.number("exposureTime"), 1e-6, 1e6)
    frames = believable(acquisition.number("numberOfFrames"), 1, 1e9)
    if frames is not None and frames > raw:
        warnings.append(
            f"the camera recorded {frames:.0f} raw frames, the file holds {raw}: it is incomplete"
        )
    if exposure is None:
        return None
    return exposure / (frames or raw)


def _stated_dose(acquisition: Items, events: Floats, superres: int) -> StatedDose | None:
    """The file's dose per (super-resolved) pixel of each raw frame, shared by the counts."""
    for name in ("coincidenceCompensatedDose", "totalDose"):
        dose = believable(acquisition.number(name), 1e-9, 1e9)
        if dose is None:
            continue
        unit = acquisition.units.get(name, "e/pixel").lower()
        if "pix" not in unit and "px" not in unit:
            continue
        if "/s" in unit:
            exposure = believable(acquisition.number("exposureTime"), 1e-6, 1e6)
            if exposure is None:
                continue
            dose *= exposure
        recorded = acquisition.number("numberOfFrames")
        if recorded is not None and recorded > len(events):
            dose *= len(events) / recorded
        total = events.sum()
        share = events / total if total > 0 else np.full(len(events), 1 / len(events))
        return StatedDose(
            dose * share / superres**2, "e/px", f"file: EER {name}, shared by counted events"
        )
    return None


def _conditions(acquisition: Items) -> dict[str, Any]:
    said: dict[str, Any] = {
        "camera": acquisition.text("commercialName"),
        "recorded": acquisition.text("timestamp"),
    }
    conditions, origins = stated_conditions(said, "file: EER metadata")
    return {"conditions": conditions, "condition_origins": origins}
