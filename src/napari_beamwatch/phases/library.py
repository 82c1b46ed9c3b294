"""Reflections of many phases, packed for the kernel that weighs spots against them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.phases.evidence import (
    LOG_STRAY_D,
    LOG_STRAY_D_OF_LARGE,
    WIDEST_STRAY,
    Packed,
)
from napari_beamwatch.phases.reflections import all_reflections, primitive_volume
from napari_beamwatch.phases.structures import Phase, reciprocal_axes

FINEST_SPOT = 0.95
"""Å. Finer spots are left out: fringes of so small a spacing are seldom seen, and a cell of low
symmetry has a reflection for each."""

REACH = 1.2
"""Å. Reflections are expected less the finer they are, as exp(−(REACH/d)²): envelope of an
electron microscope at low dose."""

LARGE = 10.0
"""Å. Frameworks with longer edges of their primitive cell than this lose their order, and their
reflections, at spacings wider in proportion."""

PLAIN = 0.05
"""Part of the strongest reflection's strength from which on all are expected alike: which of them
an image shows is up to its contrast transfer."""

FAINTEST = 0.25
"""Least part to which a reflection is expected that is not extinct. Form factors are those of
atoms, and in an ionic crystal a weak reflection is a difference of two of them."""

DOUBLY_DIFFRACTED = 0.03
"""Part to which an extinct reflection is expected."""


@dataclass(frozen=True, eq=False)
class Library:
    """Reflections of some phases, one after the other.

    Attributes
    ----------
    phases : tuple of Phase
    packed : Packed
    extinct : array of bool
        Reflections that only double diffraction shows.
    """

    phases: tuple[Phase, ...]
    packed: Packed
    extinct: NDArray[np.bool_]


def reach_of(edge: float) -> float:
    """`REACH` of a cell with a mean edge in Å."""
    return REACH * max(1.0, edge / LARGE)


@lru_cache(maxsize=32)
def library(phases: tuple[Phase, ...], temperature_C: float | None = None) -> Library:  # noqa: N803
    """Pack the reflections of phases at a temperature."""
    parts = [all_reflections(phase, FINEST_SPOT, temperature_C) for phase in phases]
    expected, family, reach, place = [], [], [], []
    for one, found in zip(phases, parts, strict=True):
        seen = np.where(
            found.strength > 0,
            np.clip((found.strength / PLAIN) ** 0.25, FAINTEST, 1),
            DOUBLY_DIFFRACTED,
        ) * np.exp(-((reach_of(primitive_volume(one) ** (1 / 3)) / found.d) ** 2))
        seen *= 2 / seen.sum()
        expected.append(seen)
        family.append(np.where(found.unique, seen * found.multiplicity / 2, 0))
        most = np.abs(found.hkl).max(axis=0)
        table = np.full(2 * most + 1, -1, np.int64)
        table[tuple((found.hkl + most).T)] = np.arange(len(found))
        reach.append(most)
        place.append(table.ravel())
    packed = Packed(
        start=np.cumsum([0, *(len(found) for found in parts)]),
        hkl=np.ascontiguousarray(np.concatenate([found.hkl for found in parts])),
        g=np.ascontiguousarray(np.concatenate([found.g for found in parts])),
        log_d=np.log(np.concatenate([found.d for found in parts])),
        expected=np.concatenate(expected),
        family=np.concatenate(family),
        axes=np.ascontiguousarray(
            [np.linalg.inv(reciprocal_axes(each, temperature_C)).T for each in phases]
        ),
        reach=np.stack(reach),
        place=np.concatenate(place),
        place_start=np.cumsum([0, *(len(table) for table in place)]),
        log_stray_d=LOG_STRAY_D_OF_LARGE
        if any(len(found) and found.d[0] > WIDEST_STRAY for found in parts)
        else LOG_STRAY_D,
    )
    extinct = np.concatenate([found.strength == 0 for found in parts])
    return Library(phases, packed, extinct)
