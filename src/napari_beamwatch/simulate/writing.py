"""Write simulated movies as a camera would, frame by frame, with the truth beside them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import tifffile

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.movie import SimulatedMovie

MRC_MODES = {"uint8": 6, "uint16": 6, "float32": 2, "int16": 1, "int8": 0}
"""What the pixels are stored as; MRC has no unsigned bytes, so they take 16 bits."""

LARGEST_PLAIN_TIFF = 2**32 - 2**25
ENDINGS = (".mrc", ".mrcs", ".tif", ".tiff", ".eer")
RAW_PER_FRAME = 32

Progress = Callable[[int, int], None]


def write_movie(
    movie: SimulatedMovie,
    path: str | Path,
    *,
    raw_per_frame: int = RAW_PER_FRAME,
    progress: Progress | None = None,
) -> Path:
    """Write a movie and its truth.

    Parameters
    ----------
    movie : SimulatedMovie
    path : path
        The ending tells the format: .mrc, .mrcs, .tif, .tiff or .eer. Folders are made. Beside
        diffraction patterns, ``<stem>.yaml`` says that they are.
    raw_per_frame : int
        Raw detector frames that a frame becomes in EER.
    progress : callable, optional
        Told the number of frames written, and of all.

    Returns
    -------
    Path
        Of the truth, ``<stem>.truth.json``.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise BeamwatchError(
            f"cannot write a movie as {path.suffix or path.name!r}: choose {', '.join(ENDINGS)}"
        )
    counting = movie.counting
    patterns = movie.truth.camera_constant_A_px is not None
    if ending == ".eer" and patterns:
        raise BeamwatchError("diffraction patterns are written as .tif or .mrc, not as EER")
    if ending == ".eer" and (counting is None or counting.kind != "single"):
        raise BeamwatchError(
            "EER holds single electrons: simulate with the plain counting detector, or write .mrc"
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if ending == ".eer":
            from napari_beamwatch.simulate.eer_writer import write_eer_movie

            write_eer_movie(path, movie, raw_per_frame=raw_per_frame)
        elif ending in (".mrc", ".mrcs"):
            _write_mrc(movie, path, progress)
        else:
            _write_tiff(movie, path, progress)
        if patterns:  # not every format has a word for it
            notes = path.with_suffix(".yaml")
            notes.write_text("imaging_mode: diffraction\n", encoding="utf-8")
        truth = path.with_name(f"{path.stem}.truth.json")
        truth.write_text(movie.truth.to_json() + "\n", encoding="utf-8")
    except OSError as error:
        raise BeamwatchError(f"cannot write {path}: {error.strerror or error}") from error
    return truth


def _write_mrc(movie: SimulatedMovie, path: Path, progress: Progress | None) -> None:
    frames, rows, columns = movie.shape
    if movie.dtype.name not in MRC_MODES:
        raise BeamwatchError(
            f"MRC cannot hold pixels of type {movie.dtype}; write .tif, or frames of less dose"
        )
    mode = MRC_MODES[movie.dtype.name]
    # The header from an empty file of the right shape; the frames go after it one by one.
    with mrcfile.new_mmap(path, shape=(1, rows, columns), mrc_mode=mode, overwrite=True) as mrc:
        if movie.pixel_size is not None:
            mrc.voxel_size = movie.pixel_size
        mrc.set_image_stack()
        mrc.add_label("napari-beamwatch: simulated")
        header, dtype = mrc.header.copy(), mrc.data.dtype
    header.nz = frames
    header.mz = 1
    # Minimum above maximum, and a negative rms: the standard's way of saying "not worked out".
    header.dmin, header.dmax, header.dmean, header.rms = 0, -1, -2, -1
    with path.open("wb") as file:
        file.write(header.tobytes())
        for frame in range(frames):
            file.write(np.ascontiguousarray(movie.frame(frame), dtype).tobytes())
            if progress is not None:
                progress(frame + 1, frames)


def _write_tiff(movie: SimulatedMovie, path: Path, progress: Progress | None) -> None:
    frames, rows, columns = movie.shape
    size = frames * rows * columns * movie.dtype.itemsize
    times = movie.times
    metadata: dict[str, Any] = {"axes": "TYX"}
    if times is not None and frames > 1:
        metadata["finterval"] = float(times[-1] - times[0]) / (frames - 1)
    # ImageJ knows bytes, 16-bit and float, and no BigTIFF.
    imagej = size < LARGEST_PLAIN_TIFF and movie.dtype.name in ("uint8", "uint16", "float32")
    resolution: dict[str, Any] = {}
    if movie.pixel_size is not None:
        per_unit = (10 if imagej else 1e8) / movie.pixel_size
        resolution["resolution"] = (per_unit, per_unit)
        resolution["resolutionunit"] = "NONE" if imagej else "CENTIMETER"
        metadata |= {"unit": "nm"} if imagej else {"pixel_size_A": movie.pixel_size}

    def each() -> Any:
        for frame in range(frames):
            yield movie.frame(frame)
            if progress is not None:
                progress(frame + 1, frames)

    tifffile.imwrite(
        path,
        each(),
        shape=movie.shape,
        dtype=movie.dtype,
        imagej=imagej,
        bigtiff=not imagej and size >= LARGEST_PLAIN_TIFF,
        photometric="minisblack",
        metadata=metadata,
        **resolution,
    )
