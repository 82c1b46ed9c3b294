"""What a movie can be told stands on the panel: the beam, the conditions, how it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from qtpy.QtCore import QObject
from qtpy.QtWidgets import (
    QFileDialog,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
)
from superqt import QElidingLabel

from napari_beamwatch import Movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch._qt.sections.movie import IN_FOLD
from napari_beamwatch.asked import CALIBRATIONS, OPENINGS, QUANTITIES
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from tests.waiting import wait_until

pytestmark = pytest.mark.gui

COUNTS = np.random.default_rng(0).poisson(1.0, (6, 64, 48)).astype(np.uint8)


def the(panel: Beamwatch, kind: Any, name: str) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def show(viewer: Any, movie: Movie) -> None:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    words: list[str] = []
    monkeypatch.setattr("napari_beamwatch._qt.panel.show_error", words.append)
    return words


def type_into(panel: Beamwatch, name: str, text: str) -> QLineEdit:
    line = the(panel, QLineEdit, name)
    line.setText(text)
    line.editingFinished.emit()
    wait_until(lambda: not panel.session.running)
    return line


def the_movie(panel: Beamwatch) -> Movie:
    assert panel.session.movie is not None
    return panel.session.movie


def test_everything_that_a_movie_can_be_told_has_a_place(panel: Beamwatch) -> None:
    for one in (*QUANTITIES, *CALIBRATIONS, *IN_FOLD):
        the(panel, QObject, one.name)
    panel.show_opening()
    form = panel.windows.opening
    assert form is not None
    named = {"fraction_frames": "fraction", "fraction_dose": "fraction"}
    for one in OPENINGS:
        assert hasattr(form, named.get(one.name, one.name))
    form.close()


@pytest.mark.long
def test_the_rate_of_a_beam_is_reckoned_while_it_is_typed_and_then_used(
    viewer: Any, panel: Beamwatch
) -> None:
    show(viewer, Movie.from_array(COUNTS, pixel_size=2.0, frame_dose=3.0, frame_time=0.1))
    rate, use = the(panel, QElidingLabel, "beam_rate"), the(panel, QPushButton, "use_beam")
    the(panel, QLineEdit, "beam_current_nA").setText("500 pA ± 3 %")
    assert not use.isEnabled()
    the(panel, QLineEdit, "beam_diameter_um").setText("1 ± 2 %")
    assert rate.text() == "39.73 e/Å²/s ± 5%"
    use.click()
    assert the_movie(panel).dose_uncertainty == pytest.approx(0.05)
    assert the(panel, QLineEdit, "dose_calibration").text() == "39.7347 ± 5 %"
    assert the_movie(panel).dose_rate == pytest.approx(39.7347)
    type_into(panel, "frame_dose", "2")  # what is said last counts
    assert the_movie(panel).given.dose_calibration is None
    assert the(panel, QLineEdit, "dose_calibration").text() == ""


@pytest.mark.long
def test_a_beam_profile_and_a_dose_table_are_read_and_what_is_wrong_is_refused(
    viewer: Any, panel: Beamwatch, said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(viewer, Movie.from_array(COUNTS, pixel_size=2.0, frame_dose=3.0))
    line = type_into(panel, "beam_profile", "gauss:fwhm=8nm")
    assert the_movie(panel).given.beam_source == line.text() == "gauss:fwhm=8nm"
    for name, image in (("small", np.ones((3, 3))), ("dark", np.zeros((64, 48)))):
        np.save(tmp_path / f"{name}.npy", image)
        type_into(panel, "beam_profile", str(tmp_path / f"{name}.npy"))
        assert line.text() == "gauss:fwhm=8nm"
    assert "the beam profile is 3 by 3 px" in said[0]
    assert "not all zero" in said[1]
    np.save(tmp_path / "beam.npy", 1 + np.arange(64 * 48.0).reshape(64, 48))
    chosen = (str(tmp_path / "beam.npy"), "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: chosen)
    the(panel, QToolButton, "beam_profile_file").click()
    wait_until(lambda: line.text() == "beam.npy")
    type_into(panel, "beam_profile", "")
    assert the_movie(panel).given.beam_profile is None
    table = tmp_path / "doses.csv"
    table.write_text("dose\n" + "2\n" * 6)
    assert type_into(panel, "dose_table", str(table)).text() == "6 frames"
    assert the_movie(panel).dose[-1] == 12.0  # type: ignore[index]


@pytest.mark.long
def test_a_movie_without_specimen_measures_the_dose_rate(
    viewer: Any, panel: Beamwatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show(viewer, Movie.from_array(COUNTS, pixel_size=2.0, frame_time=0.1))
    np.save(tmp_path / "vacuum.npy", COUNTS)
    (tmp_path / "vacuum.yaml").write_text("pixel_size: 2\nframe_time: 0.1\n")
    chosen = (str(tmp_path / "vacuum.npy"), "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: chosen)
    the(panel, QPushButton, "vacuum_movie").click()
    wait_until(lambda: the_movie(panel).given.dose_calibration is not None)
    assert the_movie(panel).dose_rate == pytest.approx(2.5, rel=0.05)


def test_conditions_are_typed_taken_back_and_what_is_missing_stands_in_a_line(
    viewer: Any, panel: Beamwatch, said: list[str]
) -> None:
    show(viewer, Movie.from_array(COUNTS, pixel_size=2.0, frame_dose=3.0))
    line = the(panel, QLabel, "not_stated")
    assert line.text().startswith("not stated: compound, voltage, dose rate")
    type_into(panel, "thickness_nm", "0.06 µm")
    type_into(panel, "elements", "Li, F")
    type_into(panel, "compound", "LiF on carbon")
    conditions = the_movie(panel).conditions
    assert conditions.stated() == {
        "thickness_nm": 60.0, "elements": "Li,F", "compound": "LiF on carbon",
    }  # fmt: skip
    assert "compound" not in line.text()
    assert the(panel, QLineEdit, "thickness_nm").text() == "60 nm"
    assert type_into(panel, "elements", "Li, Unobtainium").text() == "Li,F"
    assert type_into(panel, "particle_size_nm", "-3 nm").text() == ""
    assert len(said) == 2
    type_into(panel, "compound", "")
    type_into(panel, "elements", "")
    assert the_movie(panel).conditions.stated() == {"thickness_nm": 60.0}
    assert "compound" in line.text()


@pytest.mark.long
def test_a_movie_is_opened_with_a_gain_reference_and_added_up(
    viewer: Any, panel: Beamwatch, said: list[str], tmp_path: Path
) -> None:
    path, gain = tmp_path / "survivor.eer", tmp_path / "gain.npy"
    write_movie(simulate("survivor", size=64, frames=8), path, raw_per_frame=4)
    np.save(gain, np.ones((64, 64), np.float32))
    the(panel, QPushButton, "open_with").click()
    form = panel.windows.opening
    assert form is not None
    form.findChild(QPushButton, "open").click()
    assert said == ["choose a movie first"]
    form.file.value, form.gain.value, form.fraction.value = path, gain, "16"
    form.superres.value, form.sidecars.value = 2, False
    form.findChild(QPushButton, "open").click()
    wait_until(lambda: panel.session.movie is not None)
    assert the_movie(panel).shape == (2, 128, 128)
    assert any("gain.npy" in note for note in the_movie(panel).notes)


@pytest.mark.long
def test_the_scale_bar_is_on_once_the_size_of_a_pixel_is_known_however_a_movie_came(
    viewer: Any, panel: Beamwatch, tmp_path: Path
) -> None:
    overlays = viewer.canvas.overlays if hasattr(viewer, "canvas") else viewer
    viewer.add_image(COUNTS)  # of napari's own reader, without a unit
    assert not overlays.scale_bar.visible
    type_into(panel, "pixel_size", "2 Å")
    assert overlays.scale_bar.visible
    viewer.layers.clear()
    np.save(tmp_path / "movie.npy", COUNTS)
    (tmp_path / "movie.yaml").write_text("pixel_size: 2\n")
    for way in (
        lambda: panel.open_movie(tmp_path / "movie.npy"),
        lambda: panel.open_movie(tmp_path / "movie.npy", {"fraction_frames": 2}),
        lambda: viewer.open(str(tmp_path / "movie.npy"), plugin="napari-beamwatch"),
    ):
        overlays.scale_bar.visible = False
        way()
        wait_until(lambda: panel.session.movie is not None and not panel.session.running)
        assert overlays.scale_bar.visible
        viewer.layers.clear()
