"""Crystal structures: those in the package, and the user's own from CIF files."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import gemmi
import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.elements import elements_of
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import regular_size

LARGEST_CIF = 2_000_000
"""Bytes. Files of small structures are far below; others are not for lattice fringes."""

LARGEST_CELL = 1e6
"""Å³. MIL-101, whose cell is among the largest that show fringes, has 7·10⁵."""

MOST_SITES = 4000
"""Atoms that are listed, times the points of a centred lattice's cell: each costs some ms, for all
reflections together."""

ROOM_C = 25.0
"""Temperature of cells whose file does not say."""

GASES = frozenset({"H", "D", "N", "O", "F", "Cl", "He", "Ne", "Ar", "Kr", "Xe"})
"""Elements that come and go with the gas: sharing one of them relates no two phases."""

COMMON = frozenset({"Li", "Na", "F", "C", "O", "H", "N"})
"""Elements of lithium and sodium batteries' interphases and of residual gas: where nobody said
which there are, phases of others are not expected."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Phase:
    """One crystal structure.

    Attributes
    ----------
    name : str
    cell : tuple of 6 floats
        a, b, c in Å and α, β, γ in degrees, at `cell_temperature_C`.
    space_group : str
    sites : tuple of (element, (x, y, z), occupancy)
        One of each set of equivalent atoms; fractions of the cell.
    cell_temperature_C : float
    expansion_per_K : tuple of 3 floats
        Mean relative change of a, b and c per kelvin between −170 and 20 °C.
    expansion_source : str
    from_residual_gas : bool
        Oxide, hydroxide, carbonate or ice: what residual gas makes of a specimen, too.
    source : str
        Where the structure was published.
    """

    name: str
    cell: tuple[float, float, float, float, float, float]
    space_group: str
    sites: tuple[tuple[str, Vector, float], ...]
    cell_temperature_C: float = ROOM_C  # noqa: N815
    expansion_per_K: Vector = (0.0, 0.0, 0.0)  # noqa: N815
    expansion_source: str = ""
    from_residual_gas: bool = False
    source: str = ""

    @property
    def elements(self) -> frozenset[str]:
        """Symbols of its elements."""
        return frozenset(element for element, _, _ in self.sites)

    @property
    def density(self) -> float:
        """Of the perfect crystal, in g/cm³."""
        small = self.small_structure()
        mass = sum(
            site.occ * gemmi.Element(site.element.name).weight
            for site in small.get_all_unit_cell_sites()
        )
        return float(mass / small.cell.volume * 1.66053907)

    def small_structure(self, temperature_C: float | None = None) -> gemmi.SmallStructure:  # noqa: N803
        """The structure as gemmi knows it, its cell at a temperature.

        The angles of the cell stay as they are. Occupancies are chemical.
        """
        a, b, c = (
            length * k for length, k in zip(self.cell[:3], self.stretch(temperature_C), strict=True)
        )
        small = gemmi.SmallStructure()
        small.name = self.name
        small.cell = gemmi.UnitCell(a, b, c, *self.cell[3:])
        small.spacegroup_hm = self.space_group
        small.determine_and_set_spacegroup("H.2")
        for number, (element, position, occupancy) in enumerate(self.sites):
            site = gemmi.SmallStructure.Site()
            site.label = f"{element}{number}"
            site.type_symbol = element
            site.element = gemmi.Element(element)
            site.fract = gemmi.Fractional(*position)
            site.occ = occupancy
            small.add_site(site)
        small.setup_cell_images()
        return small

    def stretch(self, temperature_C: float | None) -> tuple[float, float, float]:  # noqa: N803
        """Factors of a, b and c at a temperature; 1 where none is given."""
        if temperature_C is None:
            return 1.0, 1.0, 1.0
        warmer = temperature_C - self.cell_temperature_C
        a, b, c = (1 + alpha * warmer for alpha in self.expansion_per_K)
        return a, b, c


@cache
def _packaged() -> dict[str, Phase]:
    folder = files("napari_beamwatch.phases") / "data"
    table = csv.DictReader((folder / "phases.csv").read_text(encoding="utf-8").splitlines())
    found = {}
    for row in table:
        text = (folder / f"{row['name']}.cif").read_text(encoding="utf-8")
        found[row["name"]] = _from_text(
            text,
            row["name"],
            row["name"],
            expansion=(
                float(row["expansion_a_per_K"]),
                float(row["expansion_b_per_K"]),
                float(row["expansion_c_per_K"]),
            ),
            expansion_source=row["expansion_source"],
            from_residual_gas=row["from_residual_gas"] == "yes",
        )
    return found


_ADDED: dict[str, Phase] = {}


def known_phases() -> tuple[str, ...]:
    """Names of all phases: those in the package, then those added."""
    return (*_packaged(), *_ADDED)


def phase(name: str) -> Phase:
    """The phase of that name."""
    found = _packaged().get(name) or _ADDED.get(name)
    if found is None:
        raise BeamwatchError(
            f"unknown phase {name!r}; known are {', '.join(known_phases())}; "
            "others are added by their CIF file"
        )
    return found


def resolve(phases: Iterable[str | Phase] | None) -> tuple[Phase, ...]:
    """Phases by name, by the path of a CIF file, or as they are; all that are known if None."""
    chosen: dict[str, Phase] = {}
    for each in phases if phases else known_phases():
        if isinstance(each, Phase):
            one = each
        elif each.lower().endswith(".cif"):
            one = phase_from_cif(each)
        else:
            one = phase(each)
        if chosen.setdefault(one.name, one) is not one:
            raise BeamwatchError(f"two phases are called {one.name!r}")
    return tuple(chosen.values())


def candidates(
    phases: Iterable[str | Phase] | None = None, elements: Iterable[str] | None = None
) -> tuple[tuple[Phase, ...], NDArray[np.bool_]]:
    """Phases that spots are matched to, and whether someone spoke of all their elements.

    Phases that are asked for are those. Else it is all that are known whose elements are among
    those given, or, if none are, all, and spoken of are the common elements. Phases that the user
    added are spoken of by that.
    """
    if phases:
        chosen = resolve(phases)
        return chosen, np.ones(len(chosen), bool)
    every = resolve(None)
    there = COMMON if elements is None else frozenset(elements_of(elements))
    mentioned = np.array([each.name in _ADDED or each.elements <= there for each in every])
    if elements is None:
        return every, mentioned
    kept = tuple(each for each, is_there in zip(every, mentioned, strict=True) if is_there)
    return kept, np.ones(len(kept), bool)


def add_phase(path: str | Path, name: str | None = None) -> Phase:
    """Read a CIF file and let its phase be matched by name from now on.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        The name of the file without its ending, if not given.
    """
    added = phase_from_cif(path, name)
    if added.name in _packaged():
        raise BeamwatchError(f"{added.name!r} is in the package; give yours another name")
    _ADDED[added.name] = added
    return added


def phase_from_cif(
    path: str | Path,
    name: str | None = None,
    expansion_per_K: float = 0.0,  # noqa: N803
) -> Phase:
    """Phase of a CIF file; the first block with a cell and atoms is taken.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        The name of the file without its ending, if not given.
    expansion_per_K : float
        Mean relative change of all lengths per kelvin.
    """
    path = Path(path)
    try:
        size = regular_size(path)
        with path.open("rb") as file:
            raw = file.read(LARGEST_CIF)
    except IsADirectoryError:
        raise BeamwatchError(f"{path} is a folder, not a CIF file") from None
    except OSError as error:
        raise BeamwatchError(f"{path}: {error.strerror or error}") from None
    if size > LARGEST_CIF:
        raise BeamwatchError(f"{path}: larger than {LARGEST_CIF / 1e6:.0f} MB, no small structure")
    called = name if name is not None else path.stem
    if not called or any(letter in called for letter in "|,\n\r") or called == "none":
        raise BeamwatchError(f"a phase cannot be called {called!r}; give it another name")
    return _from_text(
        raw.decode("utf-8", errors="replace"), called, str(path), expansion=(expansion_per_K,) * 3
    )


def _from_text(
    text: str,
    name: str,
    where: str,
    expansion: Vector,
    expansion_source: str = "",
    from_residual_gas: bool = False,
) -> Phase:
    try:
        document = gemmi.cif.read_string(text)
    except (ValueError, RuntimeError) as error:
        raise BeamwatchError(f"{where}: no valid CIF file ({str(error)[:200]})") from None
    small, block = _first_structure(document, where)
    if small.spacegroup is None:
        raise BeamwatchError(
            f"{where}: the space group {small.spacegroup_hm!r} is not known; "
            "write it as in the International Tables"
        )
    kelvin = gemmi.cif.as_number(block.find_value("_cell_measurement_temperature") or "?")
    source = block.find_value("_publ_section_references") or ""
    if not small.cell.is_compatible_with_spacegroup(small.spacegroup):
        raise BeamwatchError(
            f"{where}: no cell {small.cell.parameters} has the space group {small.spacegroup.hm}"
        )
    return Phase(
        name=name,
        cell=small.cell.parameters,
        space_group=small.spacegroup.xhm(),
        sites=_sites(small, where),
        cell_temperature_C=float(kelvin) - 273.15 if 0 < kelvin < 3000 else ROOM_C,
        expansion_per_K=expansion,
        expansion_source=expansion_source,
        from_residual_gas=from_residual_gas,
        source=gemmi.cif.as_string(source) if source else where,
    )


def _first_structure(
    document: gemmi.cif.Document, where: str
) -> tuple[gemmi.SmallStructure, gemmi.cif.Block]:
    for block in document:
        try:
            small = gemmi.make_small_structure_from_block(block)
            small.determine_and_set_spacegroup("S.H2")
        except (ValueError, RuntimeError, IndexError):
            continue
        if len(small.sites) and small.cell.is_crystal():
            _check_cell(small, where)
            return small, block
    raise BeamwatchError(f"{where}: no cell with atoms in this CIF file")


def _check_cell(small: gemmi.SmallStructure, where: str) -> None:
    volume = small.cell.volume
    numbers = np.array(small.cell.parameters)
    if not (np.isfinite(numbers).all() and (numbers > 1).all() and np.isfinite(volume)):
        raise BeamwatchError(f"{where}: the cell {small.cell.parameters} is none")
    if not 5 < volume < LARGEST_CELL:
        raise BeamwatchError(
            f"{where}: a cell of {volume:.4g} Å³; fringes can be told for 5 to {LARGEST_CELL:.0f}"
        )
    centred = 1 if small.spacegroup is None else len(small.spacegroup.operations().cen_ops)
    if len(small.sites) * centred > MOST_SITES:
        raise BeamwatchError(
            f"{where}: more than {MOST_SITES // centred} atoms are listed; list one of each set of "
            "equivalent ones, and the space group"
        )


def _sites(small: gemmi.SmallStructure, where: str) -> tuple[tuple[str, Vector, float], ...]:
    found = []
    for site in small.sites:
        position = (site.fract.x, site.fract.y, site.fract.z)
        element = site.element.name
        if site.element.c4322 is None:
            raise BeamwatchError(
                f"{where}: how {element} (the atom {site.label!r}) scatters electrons is not known"
            )
        if element == "X" or not np.isfinite([*position, site.occ]).all() or site.occ < 0:
            raise BeamwatchError(f"{where}: the atom {site.label!r} has no element or place")
        if max(map(abs, position)) > 100 or site.occ > 1.01:
            raise BeamwatchError(f"{where}: the atom {site.label!r} lies nowhere in the cell")
        found.append((element, position, float(site.occ)))
    return tuple(found)


def reciprocal_axes(phase: Phase, temperature_C: float | None = None) -> NDArray[np.float64]:  # noqa: N803
    """Rows a*, b*, c* in Å⁻¹, Cartesian: h a* + k b* + l c* is g."""
    cell = phase.small_structure(temperature_C).cell
    return np.asarray(cell.frac.mat.tolist(), np.float64)
