"""Frameworks with large cells, as CIF files: cell, space group and the atoms that are known."""

from __future__ import annotations

from pathlib import Path

from napari_beamwatch.phases import Phase, phase_from_cif

HEAD = """data_{name}
_cell_length_a {a}
_cell_length_b {b}
_cell_length_c {c}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt '{group}'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
"""

CELLS = {
    "UiO-66": ((20.75, 20.75, 20.75), "F m -3 m"),
    "FAU": ((24.3, 24.3, 24.3), "F d -3 m :2"),
    "MFI": ((20.07, 19.92, 13.42), "P n m a"),
}

ATOMS = {
    # Zr6 octahedra of 3.51 Å edges, terephthalate by usual lengths of bonds.
    "UiO-66": """
        Zr 0.1197 0 0, O 0.055 0.055 0.055, O 0 0.0939 0.1737, C 0 0.1527 0.1527,
        C 0 0.2038 0.2038, C 0 0.2672 0.1854
    """,
    # As in the Database of Zeolite Structures.
    "FAU": """
        Si -0.0538 0.1253 0.0358, O 0 -0.1060 0.1060, O -0.0030 -0.0030 0.1430,
        O 0.1750 0.1750 -0.0350, O 0.1750 0.1750 0.3200
    """,
    # Silicon of silicalite-1 (van Koningsveld et al., Acta Cryst. B43 (1987) 127).
    "MFI": """
        Si 0.4224 0.0565 -0.3360, Si 0.3072 0.0277 -0.1893, Si 0.2791 0.0613 0.0312,
        Si 0.1222 0.0630 0.0267, Si 0.0713 0.0272 -0.1855, Si 0.1864 0.0590 -0.3282,
        Si 0.4227 -0.1725 -0.3272, Si 0.3078 -0.1302 -0.1855, Si 0.2755 -0.1728 0.0311,
        Si 0.1206 -0.1731 0.0298, Si 0.0704 -0.1304 -0.1820, Si 0.1871 -0.1733 -0.3193
    """,
}


def framework(name: str, folder: Path) -> Phase:
    """The phase of that name, by way of a CIF file."""
    (a, b, c), group = CELLS[name]
    text = HEAD.format(name=name, a=a, b=b, c=c, group=group)
    for number, atom in enumerate(ATOMS[name].strip().split(",")):
        element, *place = atom.split()
        text += f"{element}{number} {element} {' '.join(place)}\n"
    path = folder / f"{name}.cif"
    path.write_text(text)
    return phase_from_cif(path)
