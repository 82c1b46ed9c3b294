"""Reflections of a phase: spacings, and strengths for electrons.

Structure factors use the electron form factors that gemmi has (International Tables C, 4.3.2.2)
and atoms at rest, and strengths are kinematic [1]_. They say which reflections exist. How strong
a spot is in the transform of an image is up to the contrast transfer.

References
----------
.. [1] M. De Graef, Introduction to Conventional Transmission Electron Microscopy, Cambridge
   2003, ch. 2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import gemmi
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases.structures import Phase, phase, reciprocal_axes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXTINCT = 1e-7
"""Part of the strongest reflection's strength below which one is extinct."""

FINEST = 0.3
"""Å; finer reflections than any image has are not counted out."""

WIDEST, WEAK = 50.0, 0.05
"""Å, and part of the strongest power: fringes that windows are chosen for."""

MOST = 12_000
"""Of a phase. Those of a large cell, whose fringes are seldom seen beyond 2 Å, lie so close where
there are more that any spot fits one."""

MOST_INDICES = 20_000_000
"""That are gone through to find them; cells with angles near 0 or 180° have many more than fit."""


@dataclass(frozen=True, eq=False)
class Reflections:
    """All reflections of a phase up to a resolution, both of each Friedel pair.

    Attributes
    ----------
    hkl : array of int64, (n, 3)
    g : array of float64, (n, 3)
        In Å⁻¹, Cartesian.
    d : array of float64
        Spacing in Å, widest first.
    strength : array of float64
        |F|², relative to the strongest of the phase; 0 if extinct.
    unique : array of bool
        One of each set of equivalent ones.
    multiplicity : array of int64
        Size of that set.
    """

    hkl: Ints
    g: Floats
    d: Floats
    strength: Floats
    unique: NDArray[np.bool_]
    multiplicity: Ints

    def __len__(self) -> int:
        return len(self.d)


@lru_cache(maxsize=256)
def all_reflections(
    phase: Phase,
    d_min: float = 1.0,
    temperature_C: float | None = None,  # noqa: N803
) -> Reflections:
    """Reflections that the lattice has, extinct ones among them if two others add up to them.

    Those that lattice centring forbids are left out: no sum of others reaches them. Those that a
    screw axis, a glide plane or the basis forbids stay, since double diffraction shows them. Of a
    large cell those finer than `finest` are left out, too.
    """
    if not FINEST <= d_min < 100:
        raise BeamwatchError(f"reflections are counted out down to {FINEST} Å, not {d_min} Å")
    d_min = max(d_min, finest(phase))
    small = phase.small_structure(temperature_C)
    small.change_occupancies_to_crystallographic()
    group = small.spacegroup
    operations = group.operations()
    most = [int(n) for n in small.cell.get_hkl_limits(d_min)]
    if math.prod(2 * n + 1 for n in most) > MOST_INDICES:
        raise BeamwatchError(f"{phase.name}: its cell {phase.cell} is too oblique; reduce it")
    axes = [np.arange(-n, n + 1) for n in most]
    hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    hkl = hkl[(hkl != 0).any(axis=1)]
    g = hkl @ reciprocal_axes(phase, temperature_C)
    d = 1 / np.linalg.norm(g, axis=1)
    kept = (d >= d_min) & _on_the_lattice(hkl, operations)
    hkl, g, d = hkl[kept], g[kept], d[kept]
    calculator = gemmi.StructureFactorCalculatorE(small.cell)
    asu = gemmi.ReciprocalAsu(group)
    families: dict[tuple[int, ...], list[int]] = {}
    for i, index in enumerate(hkl.tolist()):
        representative, _ = asu.to_asu(index, operations)
        families.setdefault(tuple(representative), []).append(i)
    strength = np.zeros(len(d))
    unique = np.zeros(len(d), bool)
    multiplicity = np.zeros(len(d), np.int64)
    for (h, k, l), members in families.items():  # noqa: E741
        amplitude = calculator.calculate_sf_from_small_structure(small, (h, k, l))
        strength[members] = abs(amplitude) ** 2
        multiplicity[members] = len(members)
        unique[max(members, key=lambda i: tuple(hkl[i]))] = True
    strength /= _strongest(phase)
    strength[strength < EXTINCT] = 0
    order = np.lexsort((-hkl[:, 2], -hkl[:, 1], -hkl[:, 0], -np.round(d, 9)))
    return Reflections(
        hkl=hkl[order].astype(np.int64),
        g=g[order],
        d=d[order],
        strength=strength[order],
        unique=unique[order],
        multiplicity=multiplicity[order],
    )


def primitive_volume(phase: Phase) -> float:
    """Å³ of a primitive cell."""
    small = phase.small_structure()
    return float(small.cell.volume / len(small.spacegroup.operations().cen_ops))


def finest(phase: Phase) -> float:
    """Spacing in Å down to which a phase has `MOST` reflections."""
    return float((4 / 3 * math.pi * primitive_volume(phase) / MOST) ** (1 / 3))


@lru_cache(maxsize=256)
def widest(phase: Phase) -> float:
    """Widest spacing in Å, up to `WIDEST`, of a reflection that is no weak one.

    Weak are those below `WEAK` of the strongest of spacings down to a quarter of the cell's
    longest edge.
    """
    d, power = _powers(phase, min(max(phase.cell[:3]) / 4, WIDEST / 2), WIDEST)
    strong = power > WEAK * power.max(initial=0.0)
    return float(d[strong].max()) if strong.any() else 0.0


def scattering_power(phase: Phase) -> float:
    """Power of the strongest reflection of as much as fills a volume, in arbitrary units.

    Of a crystal thin enough to scatter once it goes as |F|² over the squared volume of the cell.
    """
    return _strongest(phase) / float(phase.small_structure().cell.volume) ** 2


@lru_cache(maxsize=256)
def _strongest(phase: Phase) -> float:
    """|F|² of the strongest reflection, whatever the resolution asked for."""
    d_min = max(1.2, finest(phase))
    _, power = _powers(phase, d_min)
    strongest = float(power.max(initial=0.0))
    if strongest <= 0:
        raise BeamwatchError(f"{phase.name}: no reflection above {d_min:.3g} Å; is its cell right?")
    return strongest


def _powers(phase: Phase, d_min: float, d_max: float = math.inf) -> tuple[Floats, Floats]:
    """Spacing in Å and |F|² of a reflection of each family between two spacings."""
    small = phase.small_structure()
    small.change_occupancies_to_crystallographic()
    found = gemmi.make_miller_array(small.cell, small.spacegroup, d_min, unique=True)
    d = np.asarray(small.cell.calculate_d_array(found))
    near = d <= d_max
    calculator = gemmi.StructureFactorCalculatorE(small.cell)
    amplitudes = [
        calculator.calculate_sf_from_small_structure(small, index) for index in found[near].tolist()
    ]
    return d[near], np.array([abs(one) ** 2 for one in amplitudes], np.float64)


def _on_the_lattice(hkl: Ints, operations: gemmi.GroupOps) -> NDArray[np.bool_]:
    kept = np.ones(len(hkl), bool)
    for shift in operations.cen_ops:
        kept &= (hkl @ np.asarray(shift)) % gemmi.Op.DEN == 0
    return kept


def reflections(
    name: str | Phase,
    d_min: float = 0.8,
    temperature_C: float | None = None,  # noqa: N803
) -> pd.DataFrame:
    """Rings of a powder of the phase, widest spacing first.

    Returns
    -------
    DataFrame
        h, k, l of one of each set of equivalent reflections; d_A; multiplicity; intensity of the
        ring, |F|² times multiplicity over that of the strongest ring. Extinct ones are left out.
    """
    found = all_reflections(
        phase(name) if isinstance(name, str) else name, float(d_min), temperature_C
    )
    shown = found.unique & (found.strength > 0)
    ring = (found.strength * found.multiplicity)[shown]
    return pd.DataFrame(
        {
            "h": found.hkl[shown, 0],
            "k": found.hkl[shown, 1],
            "l": found.hkl[shown, 2],
            "d_A": found.d[shown],
            "multiplicity": found.multiplicity[shown],
            "intensity": ring / ring.max() if len(ring) else ring,
        }
    )


def rings(
    name: str | Phase,
    count: int,
    temperature_C: float | None = None,  # noqa: N803
) -> list[tuple[float, str]]:
    """Spacings in Å of the widest rings of a phase, and how they are written."""
    table = reflections(name, temperature_C=temperature_C).head(count)
    indices = (label(hkl) for hkl in table[["h", "k", "l"]].itertuples(index=False))
    return list(zip(table["d_A"].astype(float), indices, strict=True))


INDICES = re.compile(r"(?<![^\s,])(?:-?\d){3}(?![^\s,])")
"""Indices as `label` writes them, in a sentence."""


def label(hkl: Iterable[int]) -> str:
    """Indices as they are written: 111, -111, or 1 -1 10 where one has two digits."""
    parts = [str(int(i)) for i in hkl]
    return (" " if any(len(part.lstrip("-")) > 1 for part in parts) else "").join(parts)
