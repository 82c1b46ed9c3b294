"""Conditions of a recording: what a study of beam damage must report beside the dose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from napari_beamwatch.elements import elements_of
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.quantities import number

RANGES: dict[str, tuple[float, float, str]] = {
    "voltage_kV": (0.1, 4000.0, "kV"),
    "temperature_C": (-273.15, 3000.0, "°C"),
    "thickness_nm": (0.1, 1e6, "nm"),
    "particle_size_nm": (0.1, 1e7, "nm"),
    "defocus_nm": (-1e7, 1e7, "nm"),
    "magnification": (1.0, 1e9, ""),
    "tilt_deg": (-90.0, 90.0, "°"),
}
"""What each can be; beyond it is a slip of the unit."""


@dataclass(frozen=True)
class Conditions:
    """Circumstances of a recording, each None where nobody said.

    Attributes
    ----------
    voltage_kV : float or None
        Accelerating voltage.
    temperature_C : float or None
        Temperature of the specimen.
    thickness_nm, particle_size_nm, defocus_nm : float or None
        Specimen thickness, particle size, and defocus (positive is underfocus).
    magnification : float or None
        Nominal magnification.
    imaging_mode, camera, microscope, specimen, recorded : str or None
        Imaging mode (HRTEM, STEM, diffraction), camera, microscope, specimen, when recorded.
    tilt_deg : float or None
        Tilt of the stage about its holder's axis.
    compound : str or None
        What the specimen is said to be, as ``LiF`` or "Li2CO3 on Li".
    preparation, storage, transfer, vacuum, grid : str or None
        How the specimen was made, kept and brought into the microscope, the vacuum there, and
        what it lay on.
    elements : str or None
        Symbols of the elements that can be there, with commas between them (``Li,F,C,O,H``);
        given so or as a sequence. Spots are matched to phases of these.
    """

    voltage_kV: float | None = None  # noqa: N815 - units are part of public names
    temperature_C: float | None = None  # noqa: N815
    thickness_nm: float | None = None
    particle_size_nm: float | None = None
    defocus_nm: float | None = None
    magnification: float | None = None
    imaging_mode: str | None = None
    camera: str | None = None
    microscope: str | None = None
    specimen: str | None = None
    recorded: str | None = None
    preparation: str | None = None
    storage: str | None = None
    vacuum: str | None = None
    transfer: str | None = None
    compound: str | None = None
    grid: str | None = None
    tilt_deg: float | None = None
    elements: str | None = None

    def __post_init__(self) -> None:
        for name, value in self.stated().items():
            if name in RANGES:
                object.__setattr__(self, name, number(value, name, *RANGES[name]))
            elif name == "elements":
                object.__setattr__(self, name, ",".join(elements_of(value)))
            elif not isinstance(value, str):
                raise BeamwatchError(f"{name} is told in words, not {value!r}")

    @classmethod
    def of(cls, given: Conditions | Mapping[str, Any] | None) -> Conditions:
        """Conditions from a mapping of their names; an unknown name is refused."""
        if given is None:
            return cls()
        if isinstance(given, Conditions):
            return given
        if not isinstance(given, Mapping):
            raise BeamwatchError(f"conditions are given by their names, not as {given!r}")
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(map(str, given)) - set(known))
        if unknown:
            raise BeamwatchError(
                f"unknown condition {', '.join(unknown)}; the known ones are {', '.join(known)}"
            )
        return cls(**given)

    def stated(self) -> dict[str, Any]:
        """The conditions that are known, by name."""
        every = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in every.items() if value is not None}

    def overridden_by(self, other: Conditions) -> Conditions:
        """These conditions, with those that `other` states in their place."""
        return replace(self, **other.stated())
