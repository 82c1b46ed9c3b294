"""What the user says about size, time and dose."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.dose_table import DoseTable
from napari_beamwatch.movies.recording import Floats, add_groups


@dataclass(frozen=True)
class DoseCalibration:
    """A dose rate measured without the specimen; the best evidence there is.

    Counts under a specimen under-read the incident dose, so this scales them: the mean
    rate is the measured one, its variation from frame to frame that of the counts.

    Attributes
    ----------
    dose_rate : float
        e/Å²/s, incident on the specimen.
    uncertainty : float
        Relative standard uncertainty of `dose_rate`.
    method : str
        "Faraday cup" or "vacuum image".
    """

    dose_rate: float
    uncertainty: float
    method: str = "Faraday cup"

    def __post_init__(self) -> None:
        _positive(self.dose_rate, "the calibrated dose rate", "e/Å²/s")
        if not 0 <= self.uncertainty < 1:
            raise BeamwatchError(
                f"the relative uncertainty of a calibration lies in 0…1, not {self.uncertainty}"
            )


@dataclass(frozen=True, eq=False)
class Given:
    """What the user says; each None where nothing was said.

    Attributes
    ----------
    pixel_size : float or None
        Å.
    frame_dose : float, array or None
        e/Å² of a frame as analysed; nominal, not modulated by counts.
    dose_rate : float or None
        e/Å²/s, nominal.
    frame_time : float or None
        Seconds.
    dose_table : DoseTable or None
        Dose at start and end of each frame.
    pre_exposure : float or None
        e/Å² before the record began; None is unknown, not zero.
    dose_calibration : DoseCalibration or None
    counts_per_electron : float or None
        Grey levels one electron makes in all: the answer to the question that a
        blob-rendered file raises.
    dead_time_correction : bool
        Correct counted events for those lost because a pixel holds at most one event in a
        raw frame: λ = −ln(1 − p). A lower bound, since clusters are lost too.
    beam_profile : array or None
        Relative intensity of the beam over the field, mean 1.
    conditions : Conditions
    lead_dose : float
        e/Å² of `frame_dose` values that slicing cut off.
    """

    pixel_size: float | None = None
    frame_dose: float | Floats | None = None
    dose_rate: float | None = None
    frame_time: float | None = None
    dose_table: DoseTable | None = None
    pre_exposure: float | None = None
    dose_calibration: DoseCalibration | None = None
    counts_per_electron: float | None = None
    dead_time_correction: bool = False
    beam_profile: NDArray[np.float32] | None = None
    conditions: Conditions = field(default_factory=Conditions)
    lead_dose: float = 0.0

    def __post_init__(self) -> None:
        for name, unit in (
            ("pixel_size", "Å"),
            ("dose_rate", "e/Å²/s"),
            ("frame_time", "s"),
            ("counts_per_electron", "grey levels"),
        ):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, _positive(value, name, unit))
        if self.pre_exposure is not None:
            pre = _number(self.pre_exposure, "pre_exposure")
            if not (np.isfinite(pre) and pre >= 0):
                raise BeamwatchError(f"pre_exposure cannot be {pre} e/Å²; give 0 or more")
            object.__setattr__(self, "pre_exposure", pre)
        if self.frame_dose is not None:
            object.__setattr__(self, "frame_dose", _frame_doses(self.frame_dose))
        if self.beam_profile is not None and self.beam_profile.ndim != 2:
            raise BeamwatchError("a beam profile is one image of the field (two dimensions)")

    def check_against(self, shape: tuple[int, int, int]) -> None:
        """Refuse what does not fit a movie of `shape`."""
        frames = shape[0]
        if isinstance(self.frame_dose, np.ndarray) and len(self.frame_dose) != frames:
            raise BeamwatchError(
                f"frame_dose has {len(self.frame_dose)} values for a movie of {frames} frames"
            )
        if self.dose_table is not None and len(self.dose_table) != frames:
            raise BeamwatchError(
                f"the dose table has {len(self.dose_table)} rows for a movie of {frames} frames"
            )
        if self.beam_profile is not None and self.beam_profile.shape != shape[1:]:
            raise BeamwatchError(
                f"the beam profile is {self.beam_profile.shape[0]} by "
                f"{self.beam_profile.shape[1]} px, the frames are {shape[1]} by {shape[2]}"
            )

    def sliced(self, first: int, last: int) -> Given:
        """The same words for frames ``first:last``."""
        doses = self.frame_dose
        if isinstance(doses, np.ndarray):
            lead = self.lead_dose + float(doses[:first].sum())
            return replace(
                self._with_table_of(slice(first, last)),
                frame_dose=doses[first:last],
                lead_dose=lead,
            )
        return self._with_table_of(slice(first, last))

    def cropped(self, y0: int, y1: int, x0: int, x1: int) -> Given:
        """The same words for a rectangle of the field."""
        profile = self.beam_profile
        return self if profile is None else replace(self, beam_profile=profile[y0:y1, x0:x1])

    def summed(self, n: int) -> Given:
        """The same words for sums of `n` frames."""
        doses = self.frame_dose
        if isinstance(doses, np.ndarray):
            doses = add_groups(doses, n)
        elif doses is not None:
            doses = doses * n
        return replace(
            self,
            frame_dose=doses,
            frame_time=None if self.frame_time is None else self.frame_time * n,
            dose_table=None if self.dose_table is None else self.dose_table.summed(n),
        )

    def _with_table_of(self, kept: slice) -> Given:
        table = self.dose_table
        return self if table is None else replace(self, dose_table=table[kept])


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BeamwatchError(f"{name} must be a number, not {value!r}") from None


def _positive(value: Any, name: str, unit: str) -> float:
    number = _number(value, name)
    if not (np.isfinite(number) and number > 0):
        raise BeamwatchError(f"{name} cannot be {number:g} {unit}; give a positive number")
    return number


def _frame_doses(value: Any) -> float | Floats:
    if isinstance(value, Iterable):
        try:
            doses = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            raise BeamwatchError("frame_dose must be numbers in e/Å²") from None
        if doses.ndim == 0:
            return _positive(doses, "frame_dose", "e/Å²")
        if doses.ndim != 1 or not np.isfinite(doses).all() or (doses < 0).any():
            raise BeamwatchError(
                "frame_dose must be one number, or a row of them, 0 or more, in e/Å²"
            )
        return doses
    return _positive(value, "frame_dose", "e/Å²")
