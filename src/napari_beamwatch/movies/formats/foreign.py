"""Formats of other programs: DM3/DM4, Velox and Berkeley EMD, HSpy, zspy, SER/EMI, TVIPS, ….

All are read by hand. A library that knows them all would walk whatever a file holds before
its first frame is asked for, follow links out of it, and unpack without a bound.
"""

from __future__ import annotations

from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.blo import open_blo
from napari_beamwatch.movies.formats.dm import dm_signals
from napari_beamwatch.movies.formats.emd import emd_signals
from napari_beamwatch.movies.formats.foreign_errors import explained, file_size
from napari_beamwatch.movies.formats.hyperspy_files import hspy_signals, zspy_signals
from napari_beamwatch.movies.formats.mib import open_mib
from napari_beamwatch.movies.formats.prz import prz_signals
from napari_beamwatch.movies.formats.ser import open_emi, open_ser
from napari_beamwatch.movies.formats.signals import Signal, recording_of
from napari_beamwatch.movies.formats.tvips import open_tvips
from napari_beamwatch.movies.recording import Recording

FORMATS = {
    ".dm3": "a DM3 file",
    ".dm4": "a DM4 file",
    ".emd": "an EMD file",
    ".de5": "a DE5 file",
    ".prz": "a .prz file",
    ".hspy": "an HSpy file",
    ".zspy": "a zspy file",
}
OPENED_WHOLE = {
    ".ser": open_ser, ".emi": open_emi, ".tvips": open_tvips, ".mib": open_mib, ".blo": open_blo,
}  # fmt: skip
"""Those that hold one movie only."""

SUFFIXES = (*FORMATS, *OPENED_WHOLE)


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
    if suffix in OPENED_WHOLE:
        return OPENED_WHOLE[suffix](path)
    if suffix not in FORMATS:
        raise BeamwatchError(f"{path}: no reader knows the ending {suffix or '(none)'}")
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
    if suffix == ".prz":
        return prz_signals(path)
    return emd_signals(path) if suffix in (".emd", ".de5") else dm_signals(path, size)
