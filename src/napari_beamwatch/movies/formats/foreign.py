"""Formats of other programs: DM3/DM4, Velox and Berkeley EMD, HSpy, zspy, SER/EMI, TVIPS.

All are read by hand. A library that knows them all would walk whatever a file holds before
its first frame is asked for, follow links out of it, and unpack without a bound.
"""

from __future__ import annotations

from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.dm import dm_signals
from napari_beamwatch.movies.formats.emd import emd_signals
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.hyperspy_files import hspy_signals, zspy_signals
from napari_beamwatch.movies.formats.insitu_folders import insitu_of, open_insitu
from napari_beamwatch.movies.formats.ser import open_emi, open_ser
from napari_beamwatch.movies.formats.signals import Signal, recording_of
from napari_beamwatch.movies.formats.tvips import open_tvips
from napari_beamwatch.movies.recording import Recording

FORMATS = {
    ".dm3": "a DM3 file",
    ".dm4": "a DM4 file",
    ".emd": "an EMD file",
    ".hspy": "an HSpy file",
    ".zspy": "a zspy file",
}
SUFFIXES = (*FORMATS, ".ser", ".emi", ".tvips")


def open_foreign(path: Path, dataset: str | None = None) -> Recording:
    """A movie or an image that another program wrote.

    Parameters
    ----------
    path : Path
        Any of `SUFFIXES`.
    dataset : str, optional
        Title or number of the signal, where a file holds several.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".ser":
        return open_ser(path)
    if suffix == ".emi":
        return open_emi(path)
    if suffix == ".tvips":
        return open_tvips(path)
    if suffix not in FORMATS:
        raise BeamwatchError(f"{path}: no reader knows the ending {suffix or '(none)'}")
    if suffix in (".dm3", ".dm4") and (folder := insitu_of(path)) is not None:
        return open_insitu(folder)
    with explained(path, FORMATS[suffix]):
        return recording_of(path, _signals(path, suffix), dataset)


def _signals(path: Path, suffix: str) -> list[Signal]:
    if suffix == ".zspy" and path.is_dir():
        return zspy_signals(path)
    size = file_size(path, FORMATS[suffix])
    if suffix == ".zspy":
        return zspy_signals(path)
    if suffix == ".hspy":
        return hspy_signals(path)
    return emd_signals(path) if suffix == ".emd" else dm_signals(path, size)
