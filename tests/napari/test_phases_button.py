"""The button of phases: which ones spots are matched to, the user's own from a CIF file too."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from napari_beamwatch._qt.beside import rings_of
from napari_beamwatch._qt.sections.phases_button import PhasesButton
from napari_beamwatch._qt.session import Session

CIF = """data_toy
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P m -3 m'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Au1 Au 0 0 0
"""


@pytest.fixture
def session() -> Session:
    return Session()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def button(qtbot: QtBot, session: Session, said: list[str]) -> PhasesButton:
    button = PhasesButton(session, said.append)
    qtbot.addWidget(button)
    session.settings_changed.connect(button.show_phases)
    return button


def choose(button: PhasesButton, name: str) -> None:
    button._fill()
    (action,) = (one for one in button._choices.actions() if one.text() == name)
    action.trigger()


def test_phases_are_chosen_one_by_one_and_all_at_once(
    button: PhasesButton, session: Session
) -> None:
    assert button.text() == "all phases"
    choose(button, "LiF")
    choose(button, "Li2O")
    assert session.settings.phases == ("LiF", "Li2O")
    assert button.text() == "LiF, Li2O"
    choose(button, "Li")
    assert button.text() == "3 phases"
    choose(button, "LiF")
    assert session.settings.phases == ("Li2O", "Li")
    choose(button, "all that are known")
    assert session.settings.phases == ()


def test_a_structure_of_the_user_has_rings(
    button: PhasesButton, session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "toy.cif"
    path.write_text(CIF)
    button.add_cif(path)
    assert session.settings.phases == (str(path),)
    assert button.text() == "toy"
    found = rings_of(str(path), None)
    assert found is not None
    assert found.name == "toy"
    assert found.d_A == pytest.approx([4.0, 4.0 / 2**0.5, 4.0 / 3**0.5])
    path.unlink()
    assert rings_of(str(path), None) is None


def test_a_file_that_is_no_structure_is_refused_in_words(
    button: PhasesButton, session: Session, said: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "no.cif"
    path.write_text("hello")
    button.add_cif(path)
    assert session.settings.phases == ()
    assert len(said) == 1
    assert "no.cif" in said[0]


def test_rings_shrink_with_the_cold() -> None:
    warm, cold = rings_of("LiF", 20.0), rings_of("LiF", -170.0)
    assert warm is not None
    assert cold is not None
    assert 0.99 < cold.d_A[0] / warm.d_A[0] < 0.999
