"""`open_movie`: one door for every file, and what the user says about it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.log import LOG
from napari_beamwatch.movies.counting import examine
from napari_beamwatch.movies.dose_table import DoseTable
from napari_beamwatch.movies.eer import open_eer
from napari_beamwatch.movies.formats.foreign import SUFFIXES as FOREIGN
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.gatan_director import director_in
from napari_beamwatch.movies.formats.hdf5 import open_hdf5
from napari_beamwatch.movies.formats.insitu_folders import (
    holds_insitu,
    insitu_of,
    open_insitu,
)
from napari_beamwatch.movies.formats.labelled import Labelled, open_labelled
from napari_beamwatch.movies.formats.mrc import open_mrc
from napari_beamwatch.movies.formats.npy import open_npy
from napari_beamwatch.movies.formats.stills import open_stills
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.formats.unpacked import clear_left_over
from napari_beamwatch.movies.formats.video import CONTAINERS, looks_like_video, open_video
from napari_beamwatch.movies.formats.zarr_arrays import open_zarr
from napari_beamwatch.movies.gain import GainFrames, load_gain
from napari_beamwatch.movies.given import DoseCalibration, Given
from napari_beamwatch.movies.movie import Movie
from napari_beamwatch.movies.names import PACKED, STORES
from napari_beamwatch.movies.opened_files import OpenedFiles, states_before
from napari_beamwatch.movies.recording import Recording
from napari_beamwatch.movies.sidecars import Heard, believed, hear

PathLike = str | os.PathLike[str]
Gain = PathLike | NDArray[Any]

EER = (".eer",)
READERS: dict[str, Callable[[Path], Recording]] = {
    **dict.fromkeys((".mrc", ".mrcs", ".st"), open_mrc),
    **dict.fromkeys((".tif", ".tiff", ".btf", ".tf8"), open_tiff),
    ".npy": open_npy,
    **dict.fromkeys(CONTAINERS, open_video),
}
DATASET_READERS: dict[str, Callable[[Path, str | None], Recording]] = {
    ".zarr": open_zarr,
    **dict.fromkeys((".h5", ".hdf5", ".hdf", ".he5", ".nxs"), open_hdf5),
    **dict.fromkeys(FOREIGN, open_foreign),
}
ZARR_MARKS = ("zarr.json", ".zarray", ".zgroup", ".zattrs")


_AS_WRITTEN: dict[str, Any] = {
    "fraction_frames": None,
    "fraction_dose": None,
    "superres": 1,
    "pixel_size": None,
    "pixel_size_beside": None,
    "raw_dose_rate": None,
}


def open_movie(
    source: PathLike | Sequence[PathLike] | Labelled,
    *,
    pixel_size: float | None = None,
    frame_dose: float | ArrayLike | None = None,
    dose_rate: float | None = None,
    frame_time: float | None = None,
    dose_table: Any = None,
    fraction_frames: int | None = None,
    fraction_dose: float | None = None,
    pre_exposure: float | None = None,
    dose_calibration: DoseCalibration | str | None = None,
    counts_per_electron: float | None = None,
    dead_time_correction: bool = False,
    beam_profile: Any = None,
    gain: Gain | None = None,
    superres: int = 1,
    dataset: str | None = None,
    conditions: Any = None,
    sidecars: bool = True,
    table: PathLike | None = None,
) -> Movie:
    """Open a movie, a folder of stills, or a list of them, without decoding it.

    Parameters
    ----------
    source : path, sequence of paths, signal of HyperSpy or DataArray
        EER, MRC, TIFF, DM, EMD, SER, Zarr, HDF5, ``.npy``, …; several paths, or a folder of
        images, are the frames of one dose series; a folder with ``Hour_00`` in it is a movie of
        Gatan's In-Situ. An array with calibrated axes gives
        what they say of pixel size and time.
    pixel_size : float, optional
        Å per pixel of the frames (at `superres`, for EER).
    frame_dose : float or sequence of float, optional
        e/Å² of a frame as analysed, or of each.
    dose_rate : float, optional
        e/Å²/s.
    frame_time : float, optional
        Seconds per frame as analysed.
    dose_table : path, DataFrame, mapping or rows, optional
        Dose at start and end of each frame, see `DoseTable.of`.
    fraction_frames : int, optional
        Frames of the file to add up for each frame: raw detector frames of an EER movie
        (default: the most that still give 100 frames of at most 5 e/Å²), frames of others
        (default 1).
    fraction_dose : float, optional
        e/Å² for each frame instead; EER only.
    pre_exposure : float, optional
        e/Å² the specimen had received before the record.
    dose_calibration : DoseCalibration or str, optional
        A dose rate that was measured, or text as ``12.5 ± 5 %`` (e/Å²/s).
    counts_per_electron : float, optional
        Grey levels that one electron makes.
    dead_time_correction : bool
        Correct counted events for those that fell on one pixel of a raw frame; EER only.
    beam_profile : array, path or str, optional
        The beam over the field: an image of an empty field, its file, or a Gaussian as
        ``gauss:fwhm=400nm``; see `BeamProfile.of`.
    gain : path or array, optional
        Gain reference; see `load_gain` for what is multiplied and what divided.
    superres : {1, 2, 4}
        Grid points per pixel and axis; EER only.
    dataset : str, optional
        Which array of a file that holds several.
    conditions : mapping, optional
        Voltage, temperature, …: see `Conditions`.
    sidecars : bool
        Also read what stands beside a movie, by its name: notes of your own, ``conditions.csv``,
        ``.mdoc``, ``.xml`` and ``_info.txt`` of instruments.
    table : path, optional
        A table as ``conditions.csv`` that may lie elsewhere, with a row of this movie.

    Returns
    -------
    Movie
    """
    if dose_calibration is not None:
        dose_calibration = DoseCalibration.of(dose_calibration)
    said = Given(pixel_size=pixel_size, dose_rate=dose_rate, dose_calibration=dose_calibration)
    rate = said.dose_rate if dose_calibration is None else dose_calibration.dose_rate
    clear_left_over()
    named = _named(source)
    before = states_before([Path(one).expanduser() for one in named])
    heard = Heard()
    if len(named) == 1:
        campaign = None if table is None else Path(table).expanduser()
        heard = hear(Path(named[0]).expanduser(), campaign, beside=sidecars)
    recording, doses = _recorded(
        source if isinstance(source, str | os.PathLike | Labelled) else named,
        dataset,
        fraction_frames=fraction_frames,
        fraction_dose=fraction_dose,
        superres=superres,
        pixel_size=said.pixel_size or _finer(heard.first("pixel_size", own=True), superres),
        pixel_size_beside=_finer(heard.first("pixel_size", own=False), superres),
        raw_dose_rate=rate or heard.first("dose_rate", own=True),
    )
    if not isinstance(source, Labelled):
        files = OpenedFiles.of(recording.path, recording.frames, before)
        recording = replace(recording, files=files)
    if gain is not None:
        recording = _with_gain(recording, gain)
    movie = Movie(examine(recording)).with_(
        pixel_size=pixel_size,
        frame_dose=frame_dose,
        dose_rate=dose_rate,
        frame_time=frame_time,
        dose_table=dose_table if dose_table is not None else doses,
        pre_exposure=pre_exposure,
        dose_calibration=dose_calibration,
        counts_per_electron=counts_per_electron,
        dead_time_correction=dead_time_correction,
        conditions=conditions,
    )
    if heard.words or heard.warnings:
        movie = believed(movie, heard, superres)
    if beam_profile is not None:  # perhaps in lengths, and the pixel size was beside the movie
        movie = movie.with_(beam_profile=beam_profile)
    frames, height, width = movie.shape
    LOG.info("opened %s: %d frames of %d × %d px", movie.source, frames, height, width)
    LOG.info("dose: %s", movie.dose_source)
    LOG.debug("frames come from %s as %s", type(recording.frames).__name__, movie.dtype)
    for warning in movie.warnings:
        LOG.info("%s", warning)
    return movie


def _named(source: PathLike | Sequence[PathLike] | Labelled) -> list[PathLike]:
    """Paths that were given; none of an array."""
    if isinstance(source, Labelled):
        return []
    if isinstance(source, str | os.PathLike):
        return [source]
    if not isinstance(source, Iterable):
        raise BeamwatchError(f"a movie is opened by its path, not by {source!r}")
    return list(source)


def _finer(size: float | None, superres: int) -> float | None:
    """Size of a pixel of a finer grid; what no grid is finer by is refused elsewhere."""
    return size / superres if size is not None and superres in (1, 2, 4) else None


def movie_suffix(path: Path) -> str:
    """Ending that tells the format: of ``a.mrc.gz`` it is ``.mrc``."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if len(suffixes) == 2 and suffixes[1] in PACKED:
        return suffixes[0]
    return suffixes[-1] if suffixes else ""


def holds_movie(path: Path) -> bool:
    """Whether a file looks like a movie of ours, by its header alone; never raises."""
    if path.is_dir() and movie_suffix(path) not in STORES:
        return holds_insitu(path) or director_in(path) is not None
    if movie_suffix(path) not in (*EER, *READERS, *DATASET_READERS) or path.suffix in PACKED:
        return False
    if movie_suffix(path) in CONTAINERS:  # its frames are not counted without decoding it
        return looks_like_video(path)
    try:
        recording, _ = _recorded(path, None, **_AS_WRITTEN)
    except BeamwatchError:
        return False
    return recording.frames.shape[0] > 1


def _recorded(
    source: PathLike | Sequence[PathLike] | Labelled, dataset: str | None, **eer: Any
) -> tuple[Recording, DoseTable | None]:
    """What the file says; a folder may bring a dose table of its own."""
    fraction_frames, table = eer["fraction_frames"], None
    if isinstance(source, Labelled):
        recording, name = open_labelled(source), "an array"
    elif not isinstance(source, str | os.PathLike):
        paths = [Path(path).expanduser() for path in source]
        if len(paths) == 1:
            return _recorded(paths[0], dataset, **eer)
        recording, table = open_stills(paths)
        name = f"{len(paths)} stills"
    else:
        path = Path(source).expanduser()
        name, suffix = path.name, movie_suffix(path)
        if not path.exists():
            raise BeamwatchError(f"there is no file or folder {path}")
        if suffix in EER:
            return open_eer(path, **eer), None
        if (folder := insitu_of(path)) is not None:
            recording = open_insitu(folder)
        elif suffix in DATASET_READERS:
            recording = DATASET_READERS[suffix](path, dataset)
        elif path.is_dir() and any((path / name).exists() for name in ZARR_MARKS):
            recording = open_zarr(path, dataset)
        elif path.is_dir() and holds_insitu(path):
            recording = open_insitu(path)
        elif path.is_dir() and (picture := director_in(path)) is not None:
            recording = open_foreign(picture)
        elif path.is_dir():
            recording, table = open_stills(path)
        elif suffix in READERS:
            recording = READERS[suffix](path)
        else:
            known = ", ".join(sorted([*EER, *READERS, *DATASET_READERS]))
            raise BeamwatchError(f"{path} has an unknown ending; the known ones are {known}")
    if eer["superres"] != 1:
        raise BeamwatchError(f"{name} has no events to place finer: superres is for EER movies")
    if eer["fraction_dose"] is not None:
        raise BeamwatchError(
            f"{name} is not an EER movie: its frames can be added up by number "
            "(fraction_frames), not by dose"
        )
    if fraction_frames is not None and fraction_frames != 1:
        recording, table = _added_up(recording, table, fraction_frames)
    return recording, table


def _added_up(
    recording: Recording, table: DoseTable | None, n: int
) -> tuple[Recording, DoseTable | None]:
    frames = recording.frames.shape[0]
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or not 1 <= n <= frames:
        raise BeamwatchError(f"cannot add up {n} frames at a time: the movie has {frames}")
    added = recording.summed(n)
    groups, left = divmod(frames, n)
    warnings = list(recording.warnings)
    if left:
        warnings.append(f"the last {left} of {frames} frames were dropped: no whole group of {n}")
    note = f"fractionation: {n} frames of the file a frame (as asked), {groups} frames"
    added = replace(added, notes=(*recording.notes, note), warnings=tuple(warnings))
    return added, None if table is None else table.summed(n)


def _with_gain(recording: Recording, reference: Gain) -> Recording:
    gain = load_gain(
        reference,
        recording.frames.shape[1:],
        counting_events=recording.counting is not None and recording.dead_time,
    )
    return replace(
        recording,
        frames=GainFrames(recording.frames, gain),
        notes=(*recording.notes, gain.note),
    )
