"""FEI's extended headers of MRC files: what the microscope says of each section.

References
----------
1. "MRC Image File Format", FEI/Thermo Fisher: the FEI1 and FEI2 extended headers.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.formats.raw_frames import read_bytes
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import Floats, Stated, StatedDose, stated_conditions

HEADER_BYTES = 1024
"""Of the main header, before them."""

MOST_SECTIONS = 1_000_000
"""Sections whose extended headers are looked at."""


def fei_sections(path: Path, kind: bytes, order: str, end: int, count: int) -> NDArray[Any] | None:
    """Extended headers of the sections, as many as are there; None if they are not FEI's.

    Parameters
    ----------
    path : Path
    kind : bytes
        What the main header calls them.
    order : str
        Of bytes, as NumPy has it.
    end : int
        Bytes before the first pixel, or of the file.
    count : int
        Sections.
    """
    from mrcfile.dtypes import get_ext_header_dtype

    if kind not in (b"FEI1", b"FEI2"):
        return None
    dtype = get_ext_header_dtype(kind, order)
    there = end - HEADER_BYTES
    if there < dtype.itemsize:
        return None
    first = np.frombuffer(read_bytes(path, HEADER_BYTES, dtype.itemsize), dtype)
    # Records may be longer than the fields that are known of them.
    step = int(first["Metadata size"][0])
    if not dtype.itemsize <= step <= there:
        step = dtype.itemsize
    records = min(count, there // step, MOST_SECTIONS)
    raw = read_bytes(path, HEADER_BYTES, records * step)
    rows = np.frombuffer(raw, np.dtype((np.void, step)))
    return np.ndarray((len(rows),), dtype, raw, strides=(step,)).copy()


class FeiHeader:
    """Fields of FEI's extended headers, where the bit mask says that they are filled.

    Parameters
    ----------
    sections : array
        As `fei_sections` reads them.
    origin : str
        What they are called where it is told who said something.
    """

    def __init__(self, sections: NDArray[Any], origin: str) -> None:
        self.sections, self.origin = sections, origin
        names = list(sections.dtype.names or ())
        masks = [name for name in names if name.startswith("Bitmask")]
        self._bit: dict[str, tuple[str, int]] = {}
        for mask in masks[:2]:  # the two whose bits follow the fields' order are enough
            bit = 0
            for name in names[names.index(mask) + 1 :]:
                if name.startswith("Bitmask"):
                    break
                self._bit[name] = (mask, bit)
                bit += 6 if name == "Unused range" else 1

    def column(self, name: str) -> Floats | None:
        """A number of every section, or None where one section lacks it."""
        if name not in (self.sections.dtype.names or ()) or not self._filled(name):
            return None
        values: Floats = self.sections[name].astype(np.float64)
        return values if np.isfinite(values).all() else None

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number of the first section within ``low…high``."""
        values = self.column(name)
        return None if values is None else believable(float(values[0]), low, high)

    def text(self, name: str) -> str | None:
        """A word of the first section."""
        if name not in (self.sections.dtype.names or ()) or not self._filled(name):
            return None
        raw = bytes(self.sections[name][0]).split(b"\0")[0]
        said = "".join(c for c in raw.decode("ascii", "ignore") if c.isprintable()).strip()
        return said or None

    @property
    def is_diffraction(self) -> bool:
        """Whether the microscope was in diffraction mode."""
        instrument, projection = (
            self.number(name, 1, 1) for name in ("Instrument mode", "Projection mode")
        )
        return instrument == 1 and projection == 1

    def pixel_size(self) -> tuple[Stated | None, tuple[str, ...]]:
        """In Å, and what is odd about it."""
        x, y = self.column("Pixel size X"), self.column("Pixel size Y")
        if x is None or y is None or (x[0] == 0 and y[0] == 0):
            return None, ()
        if y[0] == 0 or abs(x[0] / y[0] - 1) > 0.01:
            return None, (
                f"the pixel sizes along x ({x[0] * 1e10:g} Å) and y ({y[0] * 1e10:g} Å) in the "
                f"{self.origin} differ: neither is used",
            )
        return believable_pixel_size(float(x[0]) * 1e10, self.origin)

    def dose(self, frames: int) -> tuple[StatedDose | None, tuple[str, ...]]:
        """Dose of each frame in e/Å² from e/m² of sections."""
        said = self.column("Dose")
        if said is None or not ((said >= 0) & (said < 1e28)).all() or not (said > 0).any():
            return None, ()
        doses = said * 1e-20
        if len(doses) < frames or frames == 1:
            how = (
                ""
                if frames == 1
                else f" of {doses[0]:.4g} e/Å² shared equally among {frames} frames"
            )
            shared = np.full(frames, doses[0] / frames)
            return StatedDose(shared, "e/A2", f"{self.origin}, dose{how}"), ()
        steps = np.diff(doses)
        if (steps > 0).all() and doses[-1] > 1.5 * doses[0]:
            own = np.concatenate([[doses[0]], steps])
            return StatedDose(
                own, "e/A2", f"{self.origin}, dose accumulated up to each section"
            ), ()
        warning = (
            f"every section of the {self.origin} states its own dose ({doses[0]:.4g} e/Å² in the "
            "first), taken as that of one frame; if it is the dose of the whole movie, give "
            "frame_dose"
        )
        return StatedDose(doses, "e/A2", f"{self.origin}, dose of each section"), (warning,)

    def times(self, frames: int) -> tuple[Stated | None, Floats | None]:
        """Seconds of a frame, and the times at which frames ended if they differ."""
        seconds = self.column("Integration time")
        if seconds is None or not ((seconds > 0) & (seconds < 1e6)).all():
            return None, None
        if len(seconds) < frames or frames == 1:
            how = "integration time" if frames == 1 else f"integration time over {frames} frames"
            return Stated(float(seconds[0]) / frames, f"{self.origin}, {how}"), None
        where = f"{self.origin}, integration time of each section"
        if np.ptp(seconds) <= 1e-6 * seconds[0]:
            return Stated(float(seconds[0]), where), None
        return Stated(float(np.median(seconds)), where), np.cumsum(seconds)

    def conditions(self) -> tuple[Conditions, dict[str, str]]:
        """Conditions, and who said them."""
        applied = self.number("Applied defocus", -1e-3, 1e-3)
        return stated_conditions(
            {
                "voltage_kV": _scaled(self.number("HT", 1e3, 4e6), 1e-3),
                "magnification": self.number("Magnification", 1, 1e8),
                # FEI counts underfocus negative.
                "defocus_nm": _scaled(applied or None, -1e9),
                "imaging_mode": self._imaging_mode(),
                "camera": self.text("Detector commercial name") or self.text("Camera name"),
                "microscope": self.text("Microscope type"),
                "recorded": _timestamp(self.number("Timestamp", 20000, 90000)),
            },
            self.origin,
        )

    def _imaging_mode(self) -> str | None:
        if self.is_diffraction:
            return "diffraction"
        instrument = self.number("Instrument mode", 1, 2)
        return None if instrument is None else ("TEM" if instrument == 1 else "STEM")

    def _filled(self, name: str) -> bool:
        if name not in self._bit:
            return True
        mask, bit = self._bit[name]
        masks = self.sections[mask].astype(np.uint32)
        # Writers that fill no mask at all mean every field.
        return bool(((masks == 0) | ((masks >> np.uint32(bit)) & 1 == 1)).all())


def _timestamp(days: float | None) -> str | None:
    """Local time from days since 30 December 1899."""
    if days is None:
        return None
    when = datetime.datetime(1899, 12, 30) + datetime.timedelta(days=days)
    return when.isoformat(timespec="milliseconds")


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor
