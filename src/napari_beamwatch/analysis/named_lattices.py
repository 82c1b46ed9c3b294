"""Lattices of the field by the phases they are: crystals, and what came in their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.phases.reflections import all_reflections
from napari_beamwatch.phases.structures import known_phases, phase
from napari_beamwatch.spectra.following import FollowedSpots

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNNAMED = "unknown"
"""Phase of a lattice that fits none."""

FINEST = 0.95
"""Å, down to which spacings are compared."""

ALIKE, OFF = 0.01, 0.03
"""Relative difference of spacings that are the same; by which the pixel size may be off."""

MOST = 0.9
"""Part of the power of a lattice's spots that must be at spacings of a phase."""

FEWEST = 3
"""Spots that a lattice must have to be known by its spacings."""


@dataclass(frozen=True, eq=False)
class Named:
    """Lattices of the field.

    Attributes
    ----------
    phase : list of str
        Of each, best first.
    of_spot : array of int64 (spots of windows,)
        Number of the lattice that each is of.
    """

    phase: list[str]
    of_spot: Ints

    @classmethod
    def of(cls, followed: FollowedSpots, rows: pd.DataFrame, temperature_C: float | None) -> Named:  # noqa: N803
        """From the field's rows of the table of spots, whose phases are named.

        Crystals that meet may have been taken for one, which fits no phase. Where the spacings of a
        lattice without a name are those of a phase that another one is, it is that, too.
        """
        reflections = followed.spots.reflections
        rows = rows.assign(phase=rows.phase.where(rows.phase.notna(), UNNAMED))
        known = _known(rows, temperature_C)
        unnamed = rows[rows.phase == UNNAMED]
        for crystal, mine in unnamed.groupby("crystal"):
            which = (rows.crystal == crystal) & (rows.phase == UNNAMED)
            rows.loc[which, "phase"] = _by_spacings(mine, known)
        named = dict(zip(rows.spot, rows.phase, strict=True))
        keys = [
            (int(crystal), str(named.get(spot, UNNAMED)))
            for spot, crystal in enumerate(reflections.crystal.tolist())
        ]
        lattices = sorted(set(keys))
        number = np.array([lattices.index(key) for key in keys], np.int64)
        return cls([name for _, name in lattices], number[reflections.of_peak])


def _known(rows: pd.DataFrame, temperature_C: float | None) -> dict[str, Floats]:  # noqa: N803
    """Spacings of the phases that lattices are, on the scale of those: the strongest first."""
    found = {}
    strongest = rows.groupby("phase").snr.sum().sort_values(ascending=False, kind="stable")
    for name in strongest.index:
        best = str(name).split("|")[0]
        if best not in known_phases():
            continue
        every = all_reflections(phase(best), FINEST, temperature_C)
        d = every.d[every.strength > 0]
        nearest = _ratio(rows.d_A[rows.phase == name], d)
        nearest = nearest[np.abs(np.log(nearest)) < OFF]
        if len(nearest):
            found[str(name)] = d * float(np.median(nearest))
    return found


def _by_spacings(rows: pd.DataFrame, known: dict[str, Floats]) -> str:
    """The phase that the spots of a lattice without a name have the spacings of."""
    if len(rows) < FEWEST:
        return UNNAMED
    power = rows.snr.to_numpy(float)
    for name, d in known.items():
        fits = np.abs(np.log(_ratio(rows.d_A, d))) < ALIKE
        if power[fits].sum() >= MOST * power.sum():
            return name
    return UNNAMED


def _ratio(seen: Iterable[float], d: Floats) -> Floats:
    """Spacings over the nearest ones."""
    ratio = np.asarray(list(seen), np.float64)[:, None] / d[None]
    return np.asarray(ratio[np.arange(len(ratio)), np.abs(np.log(ratio)).argmin(axis=1)])


def joined(names: Sequence[str], weight: Floats) -> list[str]:
    """One name for lattices that may be the same phase: that of the one with the largest area."""
    told, known = list(names), list[str]()
    for i in np.argsort(-weight, kind="stable").tolist():
        mine = set(names[i].split("|"))
        alike = [one for one in known if mine & set(one.split("|"))]
        known += [] if alike else [names[i]]
        told[i] = alike[0] if alike else names[i]
    return told
