"""Crystals of the package are those of the literature; CIF files of others are read or refused."""

from __future__ import annotations

from pathlib import Path

import gemmi
import numpy as np
import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.phases import add_phase, known_phases, phase, phase_from_cif, reflections
from napari_beamwatch.phases.structures import resolve

DENSITIES = {  # g/cm³, of handbooks; hydroxide and peroxide of sodium from X-rays
    "LiF": 2.64,
    "Li2O": 2.013,
    "Li": 0.534,
    "Li2CO3": 2.11,
    "LiOH": 1.46,
    "Li2O2": 2.31,
    "Li3N": 1.29,
    "Li2S": 1.64,
    "LiH": 0.78,
    "NaF": 2.80,
    "Na2O": 2.39,
    "Na": 0.968,
    "Na2CO3": 2.54,
    "NaOH": 2.02,
    "Si": 2.329,
    "Au": 19.3,
    "C": 2.26,
    "ice-Ih": 0.92,
    "ice-Ic": 0.93,
    "Na2O2": 2.60,
    "NaH": 1.38,
    "Cu": 8.93,
    "Cu2O": 6.11,
    "CuO": 6.51,
}

CIF = """data_salt
_cell_length_a 4.0263
_cell_length_b 4.0263
_cell_length_c 4.0263
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_space_group_name_H-M_alt 'F m -3 m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Li 0 0 0
F 0.5 0.5 0.5
"""


def test_the_package_has_the_phases_it_promises() -> None:
    assert set(known_phases()) >= set(DENSITIES)


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_are_those_of_handbooks(name: str) -> None:
    assert phase(name).density == pytest.approx(DENSITIES[name], rel=0.015)


@pytest.mark.parametrize("name", DENSITIES)
def test_each_structure_says_where_it_is_from(name: str) -> None:
    assert any(year in phase(name).source for year in map(str, range(1920, 2020)))
    assert phase(name).expansion_source


@pytest.mark.parametrize("name", DENSITIES)
def test_no_two_atoms_are_nearer_than_bonds_allow(name: str) -> None:
    small = phase(name).small_structure()
    heavy = [s for s in small.get_all_unit_cell_sites() if s.element.name != "H" and s.occ == 1]
    images = [gemmi.Fractional(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]
    for a in heavy:
        for b in heavy:
            for image in images:
                apart = small.cell.orthogonalize(a.fract - b.fract + image).length()
                # 1.28 Å is C–O of a carbonate; graphite has 1.42 Å, peroxides 1.49 Å.
                assert apart < 1e-3 or apart > 1.2


def test_oxides_hydroxides_carbonates_and_ice_may_be_of_residual_gas() -> None:
    flagged = {name for name in DENSITIES if phase(name).from_residual_gas}
    assert flagged == {
        *("Li2O", "Li2CO3", "LiOH", "Na2O", "Na2CO3", "NaOH"),
        *("Cu2O", "CuO", "ice-Ih", "ice-Ic"),
    }


def test_cooling_shrinks_lif_by_half_a_percent_and_sodium_by_more_than_one() -> None:
    def shrunk(name: str) -> float:
        warm, cold = (reflections(name, 1.5, t)["d_A"].iloc[0] for t in (20.0, -170.0))
        return 100 * (1 - cold / warm)

    assert shrunk("LiF") == pytest.approx(0.5, abs=0.05)
    assert shrunk("Na") == pytest.approx(1.2, abs=0.05)
    assert shrunk("Si") < 0.05


def test_a_cif_file_gives_back_the_phase_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "salt.cif"
    path.write_text(CIF)
    own, packaged = phase_from_cif(path), phase("LiF")
    assert own.name == "salt"
    assert own.density == pytest.approx(packaged.density)
    ours, theirs = reflections(own, 1.0), reflections(packaged, 1.0)
    assert ours.equals(theirs)


@pytest.mark.parametrize("name", ["LiF", "Li2CO3", "Na2CO3", "LiOH", "ice-Ih", "Cu2O"])
def test_a_structure_survives_being_written_and_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / "written.cif"
    path.write_text(phase(name).small_structure().make_cif_block().as_string())
    back = reflections(phase_from_cif(path), 1.2)
    there = reflections(name, 1.2)
    assert np.allclose(back["d_A"], there["d_A"], rtol=1e-4)
    assert np.allclose(back["intensity"], there["intensity"], atol=2e-3)


def test_an_added_phase_is_known_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "kitchen.cif"
    path.write_text(CIF.replace("4.0263", "5.64"))
    added = add_phase(path)
    assert phase("kitchen") is added
    assert "kitchen" in known_phases()


def test_a_cif_file_is_named_among_the_phases_as_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "salt.cif"
    path.write_text(CIF)
    assert [p.name for p in resolve(["Li", str(path)])] == ["Li", "salt"]


def test_two_phases_of_one_name_are_not_matched_together(tmp_path: Path) -> None:
    path = tmp_path / "LiF.cif"
    path.write_text(CIF)
    assert [p.name for p in resolve(["LiF", "LiF"])] == ["LiF"]
    with pytest.raises(BeamwatchError, match="two phases are called 'LiF'"):
        resolve(["LiF", str(path)])


def test_an_unknown_phase_is_told_from_those_known() -> None:
    with pytest.raises(BeamwatchError, match=r"unknown phase 'LIF'; known are LiF, Li2O"):
        phase("LIF")


@pytest.mark.parametrize("name", ["LiF", "a|b", "a,b", "", "none"])
def test_a_phase_is_not_added_under_a_name_that_means_something_else(
    tmp_path: Path, name: str
) -> None:
    path = tmp_path / "salt.cif"
    path.write_text(CIF)
    with pytest.raises(BeamwatchError, match=r"name|called"):
        add_phase(path, name)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("4.0263", "0.1", "is none"),
        ("4.0263", "400", "a cell of"),
        ("F m -3 m", "Q q", "space group"),
        ("F m -3 m", "P 63/m m c", "no cell"),
        ("Li 0 0 0", "Li 1e9 0 0", "nowhere"),
        ("Li 0 0 0", "Zz 0 0 0", "no element"),
        ("Li 0 0 0", "Li nan 0 0", "no element"),
        ("alpha 90", "alpha 179", "Å³|no cell"),
        ("\nF 0.5", "\nCn 0.5", "how Cn .* scatters electrons is not known"),
        ("data_salt", "", "no valid CIF"),
        ("_atom_site", "_other", "no cell with atoms"),
    ],
)
def test_a_cif_file_that_holds_no_crystal_is_refused(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "odd.cif"
    path.write_text(CIF.replace(old, new))
    with pytest.raises(BeamwatchError, match=said):
        phase_from_cif(path)


def test_a_large_or_missing_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.cif"
    path.write_text(CIF + "#" * 2_000_000)
    with pytest.raises(BeamwatchError, match="larger than"):
        phase_from_cif(path)
    with pytest.raises(BeamwatchError, match="No such file"):
        phase_from_cif(tmp_path / "nowhere.cif")
