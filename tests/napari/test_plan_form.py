"""The next movie, planned in the window from what the desk knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from qtpy.QtWidgets import QApplication, QPushButton

from napari_beamwatch import plan, summarize
from napari_beamwatch._qt.plan_form import PlanForm
from napari_beamwatch._qt.session import Session

pytestmark = pytest.mark.gui

KNOWN = {"compound": "LiF", "d": "2.01 Å", "dose_rate": "20 e/Å²/s"}


@pytest.fixture
def form(qtbot: Any) -> PlanForm:
    made = PlanForm(Session())
    qtbot.addWidget(made)
    made.show()
    return made


def type_into(form: PlanForm, **words: str) -> None:
    for name, text in words.items():
        form.lines[name].value = text
    form.lines["d"].native.editingFinished.emit()


def planned(form: PlanForm, qtbot: Any) -> str:
    asked = form._asked
    assert asked is not None
    qtbot.waitUntil(lambda: form._plan is not None, timeout=20_000)
    return form.words.toPlainText()


def test_what_is_typed_is_planned_as_in_python_and_copied(form: PlanForm, qtbot: Any) -> None:
    type_into(form, **KNOWN, temperature_C="103.15 K", window_nm="90 Å", pixel_size="0,5 Å")
    assert (
        planned(form, qtbot)
        == plan("LiF", -170, d=2.01, window_nm=9, dose_rate=20, pixel_size=0.5).words
    )
    form.findChild(QPushButton, "copy_lines").click()
    assert QApplication.clipboard().text().startswith("SerialEM   SetExposure R")
    form.findChild(QPushButton, "copy_all").click()
    assert QApplication.clipboard().text() == form.words.toPlainText()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"d": ""}, "d to be seen is missing"),
        ({"dose_rate": "fast"}, "dose rate: 'fast' is not understood"),
        ({"compound": "Unobtainium"}, "Unobtainium"),
        ({"window_nm": "0.3 nm"}, "no three fringes"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_said_where_the_plan_would_stand(
    form: PlanForm, qtbot: Any, words: dict[str, str], why: str
) -> None:
    type_into(form, **KNOWN | words)
    qtbot.waitUntil(lambda: why in form.words.toPlainText(), timeout=20_000)
    assert not form.findChild(QPushButton, "copy_lines").isEnabled()


def test_the_movie_that_is_looked_at_fills_the_form_and_what_was_typed_stays(
    form: PlanForm, result: Any, qtbot: Any
) -> None:
    movie = result.movie.with_(
        dose_rate=25.0, frame_time=0.6, frame_dose=None,
        conditions={"compound": "LiF", "temperature_C": -170.0},
    )  # fmt: skip
    session = form._session
    session.take(movie)
    answered = session.answer(session.begin("analysing").generation, result)
    assert answered
    form.lines["window_nm"].value = "8 nm"
    form.suggest(None)
    told = {name: line.value for name, line in form.lines.items()}
    d = session.spots.loc[session.spots["snr"].idxmax(), "d_A"]
    assert told["d"] == f"{d:.4g} Å"
    assert (told["compound"], told["temperature_C"]) == ("LiF", "-170 °C")
    assert (told["dose_rate"], told["pixel_size"]) == ("25 e/Å²/s", "0.125 Å")
    assert told["window_nm"] == "8 nm"
    session.take(movie.with_(conditions={"compound": "Li2O"}))
    form.suggest(None)
    assert (form.lines["compound"].value, form.lines["window_nm"].value) == ("Li2O", "8 nm")


def test_a_summary_that_is_open_is_planned_from(
    form: PlanForm, result: Any, tmp_path: Path, qtbot: Any
) -> None:
    result.save(tmp_path / "run")
    folder = summarize([tmp_path / "run"]).save(tmp_path / "summary")
    type_into(form, **KNOWN | {"compound": "compound not stated"})
    form.suggest(folder)
    qtbot.waitUntil(lambda: "movie" in form.words.toPlainText(), timeout=20_000)
    assert form.source.line_edit.value == str(folder)
    assert form._asked is not None
    assert form._asked.more["source"] == folder
