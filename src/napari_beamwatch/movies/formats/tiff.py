"""TIFF and BigTIFF stacks: plain, ImageJ, OME, DigitalMicrograph's and TVIPS's, compressed.

Uncompressed pages are read straight from the file, also single rows; compressed ones are
decoded by tifffile, page by page. Pixels stay in the order of the file.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.foreign_errors import LARGEST_FRAME, explained, file_size
from napari_beamwatch.movies.formats.raw_frames import read_bytes
from napari_beamwatch.movies.formats.serialem import scaling_note
from napari_beamwatch.movies.formats.tiff_metadata import (
    conditions_of,
    pixel_size_of,
    says_diffraction,
    times_of,
)
from napari_beamwatch.movies.formats.tiff_pages import WHAT, check_compression, frames_of, quiet
from napari_beamwatch.movies.recording import Recording


def open_tiff(path: Path) -> Recording:
    """A movie, or a single image as a movie of one frame."""
    path = Path(path)
    size = file_size(path, WHAT)
    _refuse_entities(path, size)
    from tifffile import TiffFile

    with explained(path, WHAT), quiet(), TiffFile(str(path)) as tif:
        page = tif.pages.first
        _check_page(path, page)
        frames, warnings, notes = frames_of(path, tif, page, size)
        notes.extend(scaling_note(page.description))
        pixel_size, said = pixel_size_of(tif, page)
        warnings.extend(said)
        frame_time, times, said = times_of(tif, frames.shape[0])
        warnings.extend(said)
        conditions, origins = conditions_of(tif)
        patterns = says_diffraction(tif, page)
    if patterns:
        notes.append(f"{patterns}, so this is diffraction and has no pixel size")
        pixel_size = None
        conditions = replace(conditions, imaging_mode="diffraction")
        origins = {**origins, "imaging_mode": patterns}
    return Recording(
        frames=frames,
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time,
        times=times,
        conditions=conditions,
        condition_origins=origins,
        warnings=tuple(warnings),
        notes=tuple(notes),
    )


def _refuse_entities(path: Path, size: int) -> None:
    """XML in a TIFF has no business declaring entities (they can be made to explode)."""
    with explained(path, WHAT):
        for start in {0, max(0, size - 2**20)}:
            part = read_bytes(path, start, 2**20)
            if b"<!ENTITY" in part and (b"<OME" in part or b"<?xml" in part):
                raise BeamwatchError(f"{path} has XML with entities inside: it is not opened")


def _check_page(path: Path, page: Any) -> None:
    if 65000 <= int(page.compression) <= 65002:
        raise BeamwatchError(f"{path} is an EER movie: give it the ending .eer")
    check_compression(str(path), page)
    if page.samplesperpixel > 1 or int(page.photometric) in (2, 3, 6):
        raise BeamwatchError(f"{path} is a colour picture; a movie has grey values only")
    if page.dtype is None or page.dtype.kind not in "uifb" or page.dtype.itemsize > 8:
        raise BeamwatchError(f"{path} holds {page.dtype or 'unknown'} pixels, not real numbers")
    if len(page.shape) != 2 or min(page.shape) < 1:
        raise BeamwatchError(f"{path} holds pages of shape {page.shape}, not images")
    if page.nbytes > LARGEST_FRAME:
        raise BeamwatchError(
            f"{path} has a broken header: frames of {page.shape[0]} by {page.shape[1]} pixels"
        )
