"""What one file beside a movie says of it, before anybody is believed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.dose_table import DoseTable


@dataclass(frozen=True)
class Words:
    """What one file says; each None where it says nothing.

    Attributes
    ----------
    source : str
        The kind of file and its name, as it is told to the user.
    own : bool
        Written by the user, and so believed before the movie's own header; an instrument's file
        is believed after it.
    pixel_size : float or None
        Å, of the movie's own pixels, or those of an image of `size`.
    frame_dose : float, tuple of float or None
        e/Å² of a frame of the file, or of each.
    total_dose : float or None
        e/Å² of all of the record, without what came before it.
    dose_rate : float or None
        e/Å²/s.
    frame_time, exposure_time : float or None
        Seconds of a frame of the file, and of all of the record.
    pre_exposure : float or None
        e/Å² before the record.
    dose_table : DoseTable or None
        A row a frame of the file.
    conditions : Conditions
    frames : int or None
        That the movie must have.
    size : tuple of int or None
        Rows and columns of an image whose pixels are of `pixel_size`.
    notes, warnings : tuple of str
        What was decided in reading it, and what is odd.
    """

    source: str
    own: bool = False
    pixel_size: float | None = None
    frame_dose: float | tuple[float, ...] | None = None
    total_dose: float | None = None
    dose_rate: float | None = None
    frame_time: float | None = None
    exposure_time: float | None = None
    pre_exposure: float | None = None
    dose_table: DoseTable | None = None
    conditions: Conditions = field(default_factory=Conditions)
    frames: int | None = None
    size: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


Reader = Callable[[Path, Path], Words]
"""Reads a file that stands beside a movie, given both paths."""
