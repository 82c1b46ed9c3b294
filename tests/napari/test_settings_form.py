"""Every setting in one form, in step with the panel and with what is measured."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from qtpy.QtWidgets import QComboBox, QLineEdit, QPushButton, QSlider

from napari_beamwatch import Settings
from napari_beamwatch._qt.session import Session
from napari_beamwatch._qt.settings_form import SettingsForm
from napari_beamwatch.settings import KNOBS

pytestmark = pytest.mark.gui


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def form(qtbot: Any, said: list[str]) -> SettingsForm:
    made = SettingsForm(Session(), said.append)
    qtbot.addWidget(made)
    made.show()
    return made


def type_into(form: SettingsForm, name: str, text: str) -> QLineEdit:
    line: QLineEdit = form.rows[name].widget.native
    line.setText(text)
    line.editingFinished.emit()
    return line


def test_every_field_of_the_settings_has_a_row_that_tells_its_value(form: SettingsForm) -> None:
    assert list(form.rows) == [field.name for field in fields(Settings)]
    for name, row in form.rows.items():
        assert row.widget.native.isVisibleTo(form)
        assert row.read() == getattr(Settings(), name)
        assert row.widget.tooltip == KNOBS[name].tip


def test_what_is_typed_counts_at_once_and_shows_what_is_not_as_usual(form: SettingsForm) -> None:
    line = type_into(form, "camera_constant", "4 nm·px")
    assert form._session.settings.camera_constant == 40.0
    assert line.text() == "40 Å·px"
    form.rows["running_sum"].widget.value = 3  # type: ignore[attr-defined]
    form.rows["taper"].widget.value = "cosine"  # type: ignore[attr-defined]
    assert form._session.settings == Settings(camera_constant=40.0, running_sum=3, taper="cosine")
    assert form.rows["taper"].widget.label == "• taper"
    assert form.rows["cs_mm"].widget.label == "Cs of the lens"
    form._session.undo()
    assert form.rows["taper"].read() == "hann"
    form.findChild(QPushButton, "usual").click()
    assert form._session.settings == Settings()


def test_a_drift_of_each_frame_is_typed_where_no_word_is_chosen(form: SettingsForm) -> None:
    box, line = (one.native for one in form.rows["drift"].widget)  # type: ignore[attr-defined]
    assert not line.isVisible()
    box.setCurrentText("given")
    assert form._session.settings.drift == "auto"  # nothing is typed yet
    line.setText("0,0;1,-2")
    line.editingFinished.emit()
    assert form._session.settings.drift == ((0.0, 0.0), (1.0, -2.0))
    box.setCurrentText("off")
    assert form._session.settings.drift == "off"
    assert not line.isVisible()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("alpha", "2", "false spots: alpha cannot be 2: it lies between"),
        ("cs_mm", "wide", "'wide' is not understood; type a number in mm (or µm)"),
        ("window", "0", "window"),
    ],
)
def test_what_cannot_be_is_refused_and_the_old_value_comes_back(
    form: SettingsForm, said: list[str], name: str, text: str, why: str
) -> None:
    line = type_into(form, name, text)
    assert why in said[0]
    assert line.text() == KNOBS[name].written(getattr(Settings(), name))


def test_the_form_of_the_panel_and_the_panel_follow_each_other(viewer: Any, panel: Any) -> None:
    more = panel.findChild(QPushButton, "more_settings")
    more.click()
    form = panel.windows.settings
    assert form.isVisible()
    type_into(form, "fraction", "0.9999")
    slider = panel.findChild(QSlider, "d_tolerance")
    slider.setValue(20)
    assert form.rows["d_tolerance"].read() == 2.0
    assert panel.session.settings.fraction == 0.9999  # beyond its slider, and left alone
    type_into(form, "window", "64 px")
    assert panel.findChild(QComboBox, "window").currentText() == "64 px"
    type_into(form, "alpha", "2 %")
    assert panel.findChild(QComboBox, "alpha").placeholderText() == "2 %"
    assert more.text() == "More settings •"  # the window of tests has drift off
    panel.close_desk()
    assert not form.isVisible()
