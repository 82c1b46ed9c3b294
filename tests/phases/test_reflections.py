"""Spacings are those of powder files, structure factors those of a sum over the cell's atoms."""

from __future__ import annotations

import gemmi
import numpy as np
import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.phases import confusable, known_phases, phase, reflections
from napari_beamwatch.phases.reflections import all_reflections

LITERATURE = {  # Å, of powder diffraction files; each measured for itself, so to 0.5 %
    ("LiF", 1, 1, 1): 2.325,
    ("LiF", 2, 0, 0): 2.013,
    ("LiF", 2, 2, 0): 1.424,
    ("Li2O", 1, 1, 1): 2.664,
    ("Li2O", 2, 2, 0): 1.632,
    ("Li", 1, 1, 0): 2.480,
    ("Li", 2, 0, 0): 1.754,
    ("Li2CO3", 1, 1, 0): 4.16,
    ("Li2CO3", 2, 0, 0): 3.80,
    ("Li2CO3", 1, 1, 1): 3.03,
    ("Li2CO3", 2, 0, -2): 2.918,
    ("Li2CO3", 0, 0, 2): 2.812,
    ("LiOH", 1, 0, 1): 2.75,
    ("Li2O2", 1, 0, 1): 2.56,
    ("Li3N", 0, 0, 1): 3.87,
    ("Li2S", 1, 1, 1): 3.30,
    ("LiH", 1, 1, 1): 2.358,
    ("LiH", 2, 0, 0): 2.042,
    ("NaF", 2, 0, 0): 2.319,
    ("NaF", 2, 2, 0): 1.639,
    ("Na2O", 2, 2, 0): 1.965,
    ("Na", 1, 1, 0): 3.03,
    ("Na2CO3", 0, 0, 2): 2.966,
    ("Na2CO3", 1, 1, 2): 2.368,
    ("Si", 1, 1, 1): 3.1355,
    ("Si", 2, 2, 0): 1.9201,
    ("Au", 1, 1, 1): 2.355,
    ("Au", 2, 0, 0): 2.039,
    ("C", 0, 0, 2): 3.356,
    ("ice-Ih", 1, 0, 0): 3.90,
    ("ice-Ih", 0, 0, 2): 3.67,
    ("NaH", 2, 0, 0): 2.44,
    ("Cu", 1, 1, 1): 2.088,
    ("Cu2O", 1, 1, 1): 2.465,
    ("CuO", 1, 1, 1): 2.323,
    ("CuO", 2, 0, -2): 1.866,
}


@pytest.mark.parametrize("indices", LITERATURE, ids=str)
def test_spacings_are_those_of_powder_files(indices: tuple[str, int, int, int]) -> None:
    name, h, k, l = indices  # noqa: E741
    table = reflections(name, 1.2)
    row = table[(table.h == h) & (table.k == k) & (table.l == l)]
    assert row["d_A"].item() == pytest.approx(LITERATURE[indices], rel=0.005)


def naive_strength(name: str, hkl: np.ndarray) -> np.ndarray:
    """|F|² by adding up all atoms of the cell."""
    small = phase(name).small_structure()
    atoms = small.get_all_unit_cell_sites()
    found = []
    for index in hkl.tolist():
        s2 = small.cell.calculate_1_d2(index) / 4
        f = [atom.occ * gemmi.Element(atom.element.name).c4322.calculate_sf(s2) for atom in atoms]
        waves = [np.exp(2j * np.pi * np.dot(index, atom.fract.tolist())) for atom in atoms]
        found.append(abs(np.dot(f, waves)) ** 2)
    return np.array(found)


@pytest.mark.parametrize("name", ["LiF", "Li2O", "Li2CO3", "LiOH", "ice-Ih", "Cu2O", "Si"])
def test_strengths_are_those_of_a_sum_over_the_atoms(name: str) -> None:
    found = all_reflections(phase(name), 1.2)
    naive = naive_strength(name, found.hkl)
    assert np.allclose(found.strength, naive / naive.max(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", known_phases())
def test_every_reflection_belongs_to_one_family(name: str) -> None:
    found = all_reflections(phase(name), 1.1)
    assert found.multiplicity[found.unique].sum() == len(found)
    assert (np.diff(found.d) < 1e-8).all()
    assert np.allclose(1 / np.linalg.norm(found.g, axis=1), found.d)


def test_cubic_families_have_their_multiplicities() -> None:
    table = reflections("Au", 1.1)
    assert table["multiplicity"].tolist() == [8, 6, 12, 24, 8][: len(table)]


def test_what_centring_forbids_is_no_reflection_and_what_a_glide_plane_forbids_may_show() -> None:
    lif = all_reflections(phase("LiF"), 1.2)
    assert not (lif.hkl.sum(axis=1) % 2 == 1).any() or (np.ptp(lif.hkl % 2, axis=1) == 0).all()
    silicon = all_reflections(phase("Si"), 1.2)
    forbidden = (np.abs(silicon.hkl) == [2, 0, 0]).all(axis=1)
    assert forbidden.any()
    assert not silicon.strength[forbidden].any()
    assert not reflections("Si", 1.2).query("h == 2 and k == 0 and l == 0").size


def test_a_resolution_that_no_image_has_is_refused() -> None:
    for d_min in (0.0, -1.0, float("nan"), 0.01):
        with pytest.raises(BeamwatchError):
            reflections("LiF", d_min)


def test_confusable_reflections_are_the_hard_pairs() -> None:
    table = confusable("NaF", "Li2O")
    row = table[(table.hkl_one == "220") & (table.hkl_other == "220")]
    assert row["difference_percent"].item() == pytest.approx(-0.33, abs=0.02)
    nearest = confusable("Na", "Li2CO3").query("hkl_one == '110'").iloc[0]
    assert nearest.hkl_other == "111"
    assert abs(nearest.difference_percent) < 0.3


def test_a_window_says_which_of_two_spots_would_merge() -> None:
    small = confusable("LiF", "Li", tolerance=0.1, window_A=32).query("hkl_one == '111'")
    large = confusable("LiF", "Li", tolerance=0.1, window_A=100).query("hkl_one == '111'")
    assert small["window_width_percent"].item() == pytest.approx(10.5, abs=0.1)
    assert not small["resolved"].item()
    assert large["resolved"].item()
