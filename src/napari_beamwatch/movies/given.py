"""What the user says about size, time and dose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.dose_table import DoseTable, numbers_of
from napari_beamwatch.movies.plausible import (
    ACCUMULATED_DOSE,
    COUNTS_PER_ELECTRON,
    DOSE_RATE,
    FRAME_DOSE,
    FRAME_TIME,
    PIXEL_SIZE,
)
from napari_beamwatch.movies.recording import Floats, add_groups
from napari_beamwatch.quantities import number
from napari_beamwatch.spelling import DOSE_RATE as DOSE_RATE_WRITTEN
from napari_beamwatch.spelling import read_measured

_RANGES: dict[str, tuple[tuple[float, float], str]] = {
    "pixel_size": (PIXEL_SIZE, "Å"),
    "dose_rate": (DOSE_RATE, "e/Å²/s"),
    "frame_time": (FRAME_TIME, "s"),
    "counts_per_electron": (COUNTS_PER_ELECTRON, "grey levels"),
    "pre_exposure": (ACCUMULATED_DOSE, "e/Å²"),
}


VACUUM = "vacuum image"
"""A calibration that counts electrons in pixels."""

BEAM_SD = 0.05
"""Relative uncertainty of a beam's current, and of its diameter, where nobody says: a Faraday cup
is good to 5 to 10 %."""

ELECTRONS_PER_NA_S = 1e-9 / 1.602176634e-19
ANGSTROM_PER_UM = 1e4


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
        How it was measured: "Faraday cup", "vacuum image", or a current over a size.
    """

    dose_rate: float
    uncertainty: float
    method: str = "Faraday cup"

    def __post_init__(self) -> None:
        rate = number(self.dose_rate, "the calibrated dose rate", *DOSE_RATE, "e/Å²/s")
        object.__setattr__(self, "dose_rate", rate)
        spread = number(self.uncertainty, "the relative uncertainty of a calibration", 0.0, 0.99)
        object.__setattr__(self, "uncertainty", spread)

    @classmethod
    def of(cls, given: Any) -> DoseCalibration:
        """A calibration as such, or from text as ``12.5 e/Å²/s ± 5 %``."""
        if isinstance(given, DoseCalibration):
            return given
        if not isinstance(given, str):
            raise BeamwatchError(f"dose_calibration is a DoseCalibration, not {given!r}")
        rate, spread = read_measured(given, DOSE_RATE_WRITTEN)
        if spread is None:
            raise BeamwatchError(
                f"{given!r} says no uncertainty: a calibration is written as 12.5 ± 5 %, a nominal "
                "rate is given as dose_rate"
            )
        return cls(rate, spread)

    @classmethod
    def of_beam(
        cls,
        current_nA: float,  # noqa: N803 - units are part of public names
        diameter_um: float,
        current_sd: float | None = None,
        diameter_sd: float | None = None,
    ) -> DoseCalibration:
        """The dose rate of a round beam of known current and size: I / (e · area).

        Parameters
        ----------
        current_nA : float
            That reaches the specimen, in nA.
        diameter_um : float
            Of the evenly lit disc on the specimen, in µm.
        current_sd, diameter_sd : float, optional
            Relative standard uncertainties, 0.05 where nobody says; that of the diameter counts
            twice.
        """
        current = number(current_nA, "the beam current", 1e-9, 1e6, "nA")
        diameter = number(diameter_um, "the diameter of the beam", 1e-6, 1e5, "µm")
        spreads = [
            number(BEAM_SD if one is None else one, "a relative uncertainty", 0.0, 0.99)
            for one in (current_sd, diameter_sd)
        ]
        area = np.pi * (diameter * ANGSTROM_PER_UM / 2) ** 2
        rate = current * ELECTRONS_PER_NA_S / area
        spread = min(float(np.hypot(spreads[0], 2 * spreads[1])), 0.99)
        return cls(float(rate), spread, f"beam of {current:g} nA over {diameter:g} µm")


@dataclass(frozen=True, eq=False)
class Given:
    """What is said of a movie from outside its file; each None where nothing was said.

    Most often the user says it; what stands beside the movie is here where nobody more trusted
    said anything.

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
    beam_source : str
        Where that comes from, as `BeamProfile` has it.
    conditions : Conditions
    lead_dose : float
        e/Å² of `frame_dose` values that slicing cut off.
    said_by : mapping of str to str
        For each of these, and each of the conditions, that the user did not give: the file beside
        the movie that says it.
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
    beam_source: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    lead_dose: float = 0.0
    said_by: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (limits, unit) in _RANGES.items():
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, number(value, name, *limits, unit))
        if self.frame_dose is not None:
            object.__setattr__(self, "frame_dose", _frame_doses(self.frame_dose))
        if not isinstance(self.said_by, Mapping):
            raise BeamwatchError(f"said_by names files, and is not {self.said_by!r}")
        by = {str(name): printable(source) for name, source in self.said_by.items()}
        object.__setattr__(self, "said_by", by)
        calibration = self.dose_calibration
        if not isinstance(calibration, DoseCalibration | None):
            raise BeamwatchError(f"dose_calibration is a DoseCalibration, not {calibration!r}")
        if not isinstance(self.dead_time_correction, bool | np.bool_):
            raise BeamwatchError(
                f"dead_time_correction is True or False, not {self.dead_time_correction!r}"
            )
        if not isinstance(self.beam_source, str):
            raise BeamwatchError(f"beam_source is a file's name or words, not {self.beam_source!r}")
        object.__setattr__(self, "beam_source", printable(self.beam_source))
        if self.beam_profile is not None and self.beam_profile.ndim != 2:
            raise BeamwatchError("a beam profile is one image of the field (two dimensions)")

    def who(self, *names: str) -> str:
        """Who said the first of these that a file beside the movie says, or else the user."""
        return next((self.said_by[name] for name in names if name in self.said_by), "user")

    def resaid(self, names: Iterable[str]) -> dict[str, str]:
        """`said_by` without what the user now says."""
        now = set(names)
        return {name: source for name, source in self.said_by.items() if name not in now}

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
        if profile is None:
            return self
        source = f"part of {self.beam_source}"
        return replace(self, beam_profile=profile[y0:y1, x0:x1], beam_source=source)

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


def _frame_doses(value: Any) -> float | Floats:
    """One dose for all frames, or one for each: 0 where the beam was off."""
    if isinstance(value, str) or not hasattr(value, "__len__") or getattr(value, "ndim", 1) == 0:
        return number(value, "frame_dose", *FRAME_DOSE, "e/Å²")
    doses = numbers_of(value, "frame_dose")
    if doses.ndim != 1:
        raise BeamwatchError("frame_dose must be one number, or a row of them, in e/Å²")
    exposed = doses[doses != 0]
    least, most = FRAME_DOSE
    if not len(exposed):
        raise BeamwatchError("frame_dose is 0 for every frame: no frame was exposed")
    if not ((exposed >= least) & (exposed <= most)).all():
        raise BeamwatchError(
            f"frame_dose of a frame is 0 (beam off) or lies between {least:g} and {most:g} e/Å²"
        )
    return doses
