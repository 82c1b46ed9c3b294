"""The panel in a real window: what a person does, and what can go wrong meanwhile."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from app_model.types import KeyBinding
from napari.components import ViewerModel
from napari.layers import Layer
from qtpy.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QLabel,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSlider,
    QSpinBox,
    QTableWidget,
)

from napari_beamwatch import Movie, Settings, analyze
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.preferences import preferred_settings
from napari_beamwatch._qt.frame_mean import usual_mean
from napari_beamwatch._qt.opening import Opened
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch._qt.region_labels import CHARACTER, LINE
from napari_beamwatch._qt.worker import POLITE, Worker
from napari_beamwatch.analysis import Step
from napari_beamwatch.regions import Region
from napari_beamwatch.simulate.cases import simulate
from tests.waiting import wait_until

pytestmark = pytest.mark.gui

OVERLAYS = {"Onset map", "Lattice over dose"}


def show(viewer: Any, movie: Movie) -> Any:
    frames, known, _ = movie_layer(movie)
    return viewer.add_image(frames, **known)


def run(panel: Beamwatch) -> None:
    the(panel, QPushButton, "run").click()
    wait_until(lambda: not panel.session.running)


def let_go(panel: Beamwatch, held: Any) -> None:
    """Let the run that is held in its middle end."""
    held.gate.set()
    assert panel._worker.wait(20)
    QApplication.processEvents()


def answer(panel: Beamwatch, result: Any) -> None:
    """As if it had been run."""
    assert panel.session.answer(panel.session.begin("analysing").generation, result)


def the(panel: Beamwatch, kind: Any, name: str) -> Any:
    found = panel.findChild(kind, name)
    assert found is not None, name
    return found


def parted(result: Any) -> Any:
    """The result with its largest place cut into three that changed at 100, 200 and 300 e/Å²."""
    place = result.places.iloc[0]
    doses = [300.0, 100.0, 200.0]
    places = pd.DataFrame([place] * 3).astype(result.places.dtypes.to_dict())
    places = places.reset_index(drop=True).assign(
        place=pd.array([0, 1, 2], "Int64"), onset_dose_e_per_A2=doses, status="onset",
        onset_frame=pd.array([20, 6, 13], "Int64"),
    )  # fmt: skip
    mine = result.windows["place"] == place["place"]
    windows = result.windows.assign(
        place=(result.windows["window"] % 3).astype("Int64").where(mine, pd.NA)
    )
    onsets = result.onsets.assign(onset_dose_e_per_A2=100.0, median_onset_e_per_A2=200.0)
    return replace(result, places=places, windows=windows, onsets=onsets)


def names(viewer: Any) -> set[str]:
    return {layer.name for layer in viewer.layers}


def drawn(viewer: Any) -> set[str]:
    """Overlays that show something."""
    return {
        layer.name
        for layer in viewer.layers
        if layer.name in OVERLAYS and np.nan_to_num(np.asarray(layer.data)).any()
    }


def test_a_run_shows_the_engines_answer_and_its_layers(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    assert the(panel, QLabel, "answer").text() == "not analysed yet"
    so_far: list[Any] = []
    panel.session.progressed.connect(lambda step: step.partial and so_far.append(step.partial()))
    run(panel)
    assert {"intensity", "dose_e_per_A2"} <= set(so_far[0].columns)
    assert panel.session.settings == result.settings
    told = result.onsets.iloc[0]
    assert the(panel, QLabel, "answer").text() == f"{told['onset_dose_e_per_A2']:.3g}"
    assert "e/Å²" in the(panel, QLabel, "beside").text()
    assert names(viewer) >= OVERLAYS
    before = len(viewer.layers)
    run(panel)
    assert len(viewer.layers) == before
    assert [str(unit) for unit in viewer.layers.extent.units] == [
        "second",
        "nanometer",
        "nanometer",
    ]


def test_calibrations_are_shown_with_units_and_can_be_changed(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    layer = show(viewer, movie)
    field = the(panel, QLineEdit, "pixel_size")
    assert field.text() == "0.125 Å"
    field.setText("0.02 nm")
    field.editingFinished.emit()
    assert panel.session.movie is not None
    assert panel.session.movie.pixel_size == pytest.approx(0.2)
    assert field.text() == "0.2 Å"
    assert layer.scale[1:] == pytest.approx([0.02, 0.02])


def test_what_is_missing_is_marked(viewer: Any, panel: Beamwatch) -> None:
    viewer.add_image(np.random.default_rng(0).poisson(1.0, (6, 128, 128)).astype(np.uint8))
    field = the(panel, QLineEdit, "frame_dose")
    assert field.text() == ""
    assert field.property("missing") == "true"
    field.setText("4 e/Å²")
    field.editingFinished.emit()
    assert field.property("missing") == "false"
    assert panel.session.movie is not None
    assert panel.session.movie.frame_dose == pytest.approx(4.0)


def test_a_wrong_value_is_refused_and_the_old_one_stays(
    viewer: Any, panel: Beamwatch, movie: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_beamwatch._qt.panel.show_error", said.append)
    show(viewer, movie)
    for name, wrong in (
        ("pixel_size", "five"),
        ("pixel_size", "-3 Å"),
        ("frame_dose", "1,000 e/A2"),
        ("voltage_kV", "300000 kV"),
        ("temperature_C", "-400 °C"),
    ):
        field = the(panel, QLineEdit, name)
        was = field.text()
        field.setText(wrong)
        field.editingFinished.emit()
        assert field.text() == was
    assert len(said) == 5


@pytest.mark.long
def test_moving_a_slider_moves_the_threshold_and_not_the_onset(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    onset = the(panel, QLabel, "answer").text()
    shown = []
    for percent in (80, 20):
        the(panel, QSlider, "fraction").setValue(percent)
        words = the(panel, QLabel, "threshold").text()
        assert "e/Å²" in words
        shown.append(float(words.split()[0]))
    assert shown[0] < shown[1]
    assert the(panel, QLabel, "answer").text() == onset
    the(panel, QSlider, "d_tolerance").setValue(20)
    the(panel, QSlider, "persistence").setValue(4)
    assert panel.session.settings.d_tolerance == 2.0
    assert panel.session.settings.persistence == 4


@pytest.mark.long
def test_a_drawn_rectangle_is_a_region_and_gets_its_answer(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    panel.canvas.regions.start_drawing()
    layer = viewer.layers["Regions"]
    layer.add_rectangles(np.array([[63.5, 63.5], [63.5, 330.2], [390.0, 330.2], [390.0, 63.5]]))
    (region,) = panel.session.regions
    assert region.name == "A"
    assert region.box == (64, 64, 384, 331)
    run(panel)
    assert list(panel.session.result.onsets["region"]) == ["field", "A"]  # type: ignore[union-attr]
    assert str(layer.features["label"][0]).startswith("A · ")
    panel.session.choose("A")
    assert "region A" in the(panel, QLabel, "beside").text()
    layer.add_rectangles(np.array([[0, 0], [0, 99], [99, 99], [99, 0]]))
    assert [one.name for one in panel.session.regions] == ["A", "B"]
    layer.selected_data = {0}
    layer.remove_selected()
    assert [one.name for one in panel.session.regions] == ["B"]
    assert panel.session.chosen == "field"


def test_cancel_stops_and_nothing_is_drawn(viewer: Any, panel: Beamwatch, movie: Any) -> None:
    show(viewer, movie)
    the(panel, QPushButton, "run").click()
    assert panel.session.running
    the(panel, QPushButton, "cancel").click()
    assert not panel.session.running
    assert panel._worker.wait(20)
    QApplication.processEvents()
    assert panel.session.result is None
    assert not drawn(viewer)


@pytest.mark.long
def test_curves_grow_during_a_run_and_cancel_brings_the_last_ones_back(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel.beside.open()
    curves = panel.beside.curves
    assert curves is not None
    wait_until(lambda: len(curves._curves) > 0)
    before, onset = curves.legend.text(), the(panel, QLabel, "answer").text()
    request = panel.session.begin("analysing")
    field = result.traces[result.traces["region"] == "field"]
    known = field.assign(intensity=field["intensity"].mask(field["frame"] >= 10))
    panel.session.tell(request.generation, Step(50, 120, "following spots", lambda: known))
    assert curves.legend.text().endswith("so far")
    the(panel, QPushButton, "cancel").click()
    assert the(panel, QLabel, "answer").text() == onset
    assert panel.session.result is result
    wait_until(lambda: curves.legend.text() == before)


@pytest.mark.long
def test_deleting_the_movie_in_the_middle_of_a_run_ends_it(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    layer = show(viewer, movie)
    the(panel, QPushButton, "run").click()
    viewer.layers.remove(layer)
    assert not panel.session.running
    assert panel._worker.wait(20)
    QApplication.processEvents()
    assert the(panel, QLabel, "answer").text() == "no movie"
    assert len(viewer.layers) == 0


@pytest.mark.long
def test_the_dock_may_be_closed_in_the_middle_of_a_run(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    the(panel, QPushButton, "run").click()
    viewer.window.remove_dock_widget(panel)
    assert panel._worker.wait(20)
    QApplication.processEvents()
    assert panel.session.result is None
    assert not drawn(viewer)
    viewer.dims.set_current_step(0, 3)
    viewer.add_image(np.zeros((4, 32, 32)))
    viewer.theme = "light"


@pytest.mark.long
def test_closing_the_dock_gives_the_corner_text_back(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    overlay = viewer.canvas.overlays.text if hasattr(viewer, "canvas") else viewer.text_overlay
    show(viewer, movie)
    viewer.dims.set_current_step(0, 9)
    assert overlay.visible
    wait_until(lambda: overlay.text.startswith("150 e/Å²"))
    panel.close_desk()
    assert not overlay.visible


@pytest.mark.long
def test_layers_that_are_no_movies_are_left_alone(viewer: Any, panel: Beamwatch) -> None:
    rng = np.random.default_rng(0)
    viewer.add_image(rng.random((32, 32)))
    viewer.add_image(rng.random((4, 32, 32, 3)), rgb=True)
    viewer.add_image(rng.random((2, 4, 32, 32)))
    viewer.add_labels(np.zeros((4, 32, 32), int))
    viewer.add_points(rng.random((4, 3)))
    assert panel.canvas.candidates() == []
    assert panel.session.movie is None
    assert not the(panel, QPushButton, "run").isEnabled()


@pytest.mark.long
def test_of_two_movies_one_is_looked_at_and_layers_of_the_other_go(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    first = show(viewer, movie)
    answer(panel, result)
    second = viewer.add_image(np.random.default_rng(0).random((6, 128, 128)), name="other")
    assert panel.canvas.layer is first
    panel.canvas.choose(second)
    assert not drawn(viewer)
    assert panel.session.result is None
    viewer.layers.remove(second)
    assert panel.canvas.layer is first


@pytest.mark.long
def test_a_panel_that_comes_after_a_movie_names_it_in_its_box(viewer: Any, movie: Any) -> None:
    layer = show(viewer, movie)
    _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
    assert panel.canvas.layer is layer
    assert the(panel, QComboBox, "movie_layer").currentText() == layer.name
    panel.close_desk()


@pytest.mark.long
def test_a_movie_that_is_opened_second_is_looked_at_or_offered_where_an_answer_would_go(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    box, offer = the(panel, QComboBox, "movie_layer"), the(panel, QLabel, "offer")
    show(viewer, movie)
    second = show(viewer, Movie.from_array(movie.frames[:9], pixel_size=0.125, frame_dose=15.0))
    assert panel.canvas.layer is second
    assert box.currentText() == second.name
    panel.session.draw((Region.rectangle("A", 0, 64, 0, 64),))
    third = show(viewer, movie)
    assert panel.canvas.layer is second
    assert offer.isVisibleTo(panel)
    assert third.name in offer.text()
    the(panel, QPushButton, "take").click()
    assert panel.canvas.layer is third
    assert box.currentText() == third.name
    assert not offer.isVisibleTo(panel)
    answer(panel, result)
    fourth = show(viewer, movie)
    assert offer.isVisibleTo(panel)
    viewer.layers.remove(fourth)
    assert not offer.isVisibleTo(panel)


@pytest.mark.long
def test_labels_of_regions_take_no_more_room_than_they_are_given(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    viewer.window._qt_window.resize(1000, 600)
    layer = show(viewer, movie)
    layer.visible = False
    shown = replace(result, windows=result.windows[:0])
    panel.session.draw((Region.rectangle("A", 200, 300, 20, 120),))
    answer(panel, replace(shown, onsets=result.onsets.assign(region="A")))
    regions = viewer.layers["Regions"]
    (label,) = regions.features["label"]
    assert len(label) > 15
    regions.edge_color = "transparent"
    picture = viewer.screenshot(canvas_only=True, flash=False)
    rows, columns = np.nonzero(picture[: len(picture) // 2 + 40, :, 1] > 60)
    assert 0.6 * CHARACTER * len(label) < np.ptp(columns) < CHARACTER * len(label)
    assert LINE / 3 < np.ptp(rows) < LINE


@pytest.mark.long
def test_zooming_out_raises_a_label_that_would_lie_on_its_neighbours(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    panel.session.draw(
        (Region.rectangle("A", 100, 200, 20, 90), Region.rectangle("B", 100, 200, 100, 170))
    )
    assert list(viewer.layers["Regions"].features["label"]) == ["A", "B"]
    viewer.camera.zoom /= 16
    assert list(viewer.layers["Regions"].features["label"]) == ["A", "B\n "]


@pytest.mark.long
def test_our_layers_may_be_deleted(viewer: Any, panel: Beamwatch, movie: Any, result: Any) -> None:
    layer = show(viewer, movie)
    panel.canvas.regions.start_drawing()
    answer(panel, result)
    for one in list(viewer.layers):
        if one is not layer:
            viewer.layers.remove(one)
    viewer.dims.set_current_step(0, 5)
    panel.canvas.regions.start_drawing()
    answer(panel, result)
    assert names(viewer) >= OVERLAYS | {"Regions"}


@pytest.mark.long
def test_pure_noise_ends_in_an_answer_without_layers_of_spots(
    viewer: Any, panel: Beamwatch
) -> None:
    noise = np.random.default_rng(1).poisson(0.5, (12, 256, 256)).astype(np.uint8)
    show(viewer, Movie.from_array(noise, pixel_size=0.2, frame_dose=5.0))
    run(panel)
    assert the(panel, QLabel, "answer").text() in ("no lattice", "ambiguous")
    assert "Lattice over dose" not in names(viewer)


@pytest.mark.long
def test_a_run_that_is_cancelled_has_no_answer_even_if_it_comes_to_one(
    viewer: Any, panel: Beamwatch, movie: Any, held: Any
) -> None:
    show(viewer, movie)
    the(panel, QPushButton, "run").click()
    assert held.begun.wait(10)
    the(panel, QPushButton, "cancel").click()
    let_go(panel, held)
    assert panel.session.result is None
    assert the(panel, QLabel, "answer").text() == "not analysed yet"
    assert not drawn(viewer)


@pytest.mark.long
def test_our_layers_may_be_deleted_in_the_middle_of_a_run(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any, held: Any
) -> None:
    layer = show(viewer, movie)
    panel.canvas.regions.start_drawing()
    answer(panel, result)
    the(panel, QPushButton, "run").click()
    assert held.begun.wait(10)
    for one in list(viewer.layers):
        if one is not layer:
            viewer.layers.remove(one)
    held.gate.set()
    wait_until(lambda: not panel.session.running)
    assert names(viewer) >= OVERLAYS


@pytest.mark.long
def test_another_movie_that_is_chosen_in_the_middle_of_a_run_gets_no_answer_of_the_first(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any, held: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    other = viewer.add_image(np.random.default_rng(0).random((6, 128, 128)), name="other")
    the(panel, QPushButton, "run").click()
    assert held.begun.wait(10)
    panel.canvas.choose(other)
    let_go(panel, held)
    assert panel.session.result is None
    assert the(panel, QLabel, "answer").text() == "not analysed yet"
    assert not drawn(viewer)


@pytest.mark.long
def test_a_calibration_that_changes_in_the_middle_of_a_run_leaves_no_stale_answer(
    viewer: Any, panel: Beamwatch, movie: Any, held: Any
) -> None:
    show(viewer, movie)
    the(panel, QPushButton, "run").click()
    assert held.begun.wait(10)
    panel.session.recalibrate(frame_dose=3.0)
    let_go(panel, held)
    assert panel.session.result is None
    assert not drawn(viewer)


@pytest.mark.long
def test_a_run_with_other_settings_replaces_what_the_first_one_drew(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel.session.choose_settings(window=192, step=96)
    assert panel.session.outdated
    run(panel)
    assert not panel.session.outdated
    again = panel.session.result
    assert again is not None
    assert len(again.windows) != len(result.windows)
    (shown,) = (layer for layer in viewer.layers if layer.name == "Onset map")
    assert not shown.editable
    assert len(np.unique(shown.data)) == again.windows["place"].nunique() + 1
    the(panel, QCheckBox, "map_windows").setChecked(True)
    assert not shown.editable
    assert len(np.unique(shown.data)) == len(again.windows) + 1
    assert not viewer.layers["Onset doses"].visible


@pytest.mark.long
def test_whichever_layer_is_chosen_nothing_but_a_movie_is_analysed(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    viewer.add_shapes(np.array([[0, 0], [0, 9], [9, 9], [9, 0]]))
    viewer.add_labels(np.zeros((4, 32, 32), int))
    viewer.add_image(np.zeros((2, 4, 32, 32)))
    viewer.add_vectors(np.zeros((2, 2, 3)))
    for layer in viewer.layers:
        viewer.layers.selection.active = layer
        panel.run()
        assert panel.session.movie is None
        assert not panel.session.running
    layer = show(viewer, movie)
    assert panel.canvas.layer is layer
    viewer.dims.set_point(viewer.dims.ndim - 3, panel.canvas.placement.world_of(7))  # type: ignore[union-attr]
    assert panel.canvas.frame == 7  # of a viewer with an axis more


@pytest.mark.long
@pytest.mark.parametrize("frames", [1, 2])
def test_a_movie_of_one_frame_or_two_ends_in_words(
    viewer: Any, panel: Beamwatch, movie: Any, frames: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_beamwatch._qt.panel.show_error", said.append)
    short = Movie.from_array(movie.frames[:frames], pixel_size=0.125, frame_dose=15.0)
    panel.canvas.show(Opened(Layer.create(*movie_layer(short)), short), lambda: None)
    wait_until(lambda: panel.session.movie is not None)
    panel.beside.open()
    run(panel)
    if panel.session.result is None:
        assert len(said) == 1
        assert " " in said[0].strip()
        assert "Error" not in said[0]
        assert not drawn(viewer)
    else:
        assert the(panel, QLabel, "answer").text() in ("ambiguous", "no lattice")


@pytest.mark.long
def test_a_frame_that_is_no_number_is_no_obstacle(
    viewer: Any, panel: Beamwatch, movie: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_beamwatch._qt.panel.show_error", said.append)
    frames = np.asarray(movie.frames[:12]).astype(np.float32)
    frames[7] = np.nan
    show(viewer, Movie.from_array(frames, pixel_size=0.125, frame_dose=15.0))
    panel.beside.open()
    panel.canvas.go_to(7)
    the(panel, QSpinBox, "averaged").setValue(3)
    run(panel)
    assert not [one for one in said if "Error" in one]
    assert panel.session.result is not None or said


@pytest.mark.long
def test_pixels_that_are_not_square_leave_the_pixel_size_to_be_asked_for(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    viewer.add_image(np.asarray(movie.frames[:6]), scale=(1, 0.01, 0.02), units=("s", "nm", "nm"))
    field = the(panel, QLineEdit, "pixel_size")
    assert panel.session.movie is not None
    assert panel.session.movie.pixel_size is None
    assert field.property("missing") == "true"
    assert list(viewer.layers[0].scale) == [1, 0.01, 0.02]


@pytest.mark.long
def test_found_spots_are_listed_and_one_can_be_removed(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    the(panel, QPushButton, "find_spots").click()
    wait_until(lambda: not panel.session.running)
    table = panel._lattice._table
    assert table.rowCount() == len(panel.session.spots) > 0
    assert "±" in table.item(0, 1).text()
    table.selectRow(0)
    panel._lattice._remove.click()
    assert len(panel.session.settings.removed_spots) == 1
    panel._lattice._undo.click()
    assert panel.session.settings.removed_spots == ()


def test_buttons_and_keys_jump_to_just_before_and_to_the_onset_and_a_key_hides_the_map(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    def press(key: str) -> None:
        ViewerModel.class_keymap[KeyBinding.from_str(key)](viewer)

    show(viewer, movie)
    answer(panel, result)
    onset = int(panel.session.onset["onset_frame"])  # type: ignore[index]
    ways: list[tuple[Callable[[], object], Callable[[], object]]] = [
        (panel._damage._before.click, panel._damage._after.click),
        (lambda: press("Shift+B"), lambda: press("Shift+A")),
    ]
    for before, after in ways:
        after()
        assert panel.canvas.frame == viewer.dims.current_step[0] == onset
        before()
        assert panel.canvas.frame == viewer.dims.current_step[0] == onset - 1
    (shown,) = (layer for layer in viewer.layers if layer.name == "Onset map")
    assert not shown.editable
    press("Shift+O")
    assert not shown.visible


@pytest.mark.long
def test_the_docks_beside_the_picture_follow_and_lead(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel.beside.open()
    curves, spectrum = panel.beside.curves, panel.beside.spectrum
    assert curves is not None
    assert spectrum is not None
    assert curves.isVisible()
    curves.frame_chosen.emit(7)
    assert panel.canvas.frame == 7
    spectrum.spot_clicked.emit(0.1, 0.05)
    assert panel.session.settings.added_spots == ((0.1, 0.05),)
    panel.session.set_threshold(fraction=0.5)
    viewer.dims.set_current_step(0, 3)
    viewer.window.remove_dock_widget(panel)
    viewer.dims.set_current_step(0, 5)
    assert panel.beside.curves is None


@pytest.mark.long
def test_a_run_whose_movie_has_moved_asks_where_it_is(
    viewer: Any, panel: Beamwatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_beamwatch import open_movie
    from napari_beamwatch.simulate.writing import write_movie

    before, after = tmp_path / "before.eer", tmp_path / "elsewhere" / "after.eer"
    small = simulate("survivor", frames=8, frame_dose=40.0, size=128, seed=0)
    write_movie(small, before, raw_per_frame=4)
    analyze(open_movie(before), Settings(drift="off", criteria=("fading",))).save(tmp_path / "run")
    after.parent.mkdir()
    before.rename(after)
    asked = []

    def ask(why: str) -> Path:
        asked.append(why)
        return after

    monkeypatch.setattr(panel._export, "ask_for_movie", ask)
    panel.open_run(tmp_path / "run")
    wait_until(lambda: not panel.session.running and panel.session.movie is not None)
    assert len(asked) == 1
    assert panel.session.movie is not None
    assert Path(panel.session.movie.source) == after
    assert panel.session.onset is not None


@pytest.mark.long
def test_the_figure_is_saved_while_the_window_lives(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any, tmp_path: Path
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel._export.save_figure(tmp_path / "figure.pdf")
    assert panel.session.running
    wait_until(lambda: not panel.session.running)
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert panel.session.result is result


@pytest.mark.long
def test_onsets_are_marked_on_the_time_slider_where_the_handle_stops(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    assert panel._marks.marks == ()
    answer(panel, result)
    onset = int(result.onsets.iloc[0].onset_frame)
    assert [step for step, _ in panel._marks.marks] == [onset]
    overlay = panel._marks._overlay
    assert overlay is not None
    wait_until(lambda: overlay.width() > 100)
    assert 0 < overlay.place(0) < overlay.place(onset) < overlay.place(39) < overlay.width()
    panel.session.take(None)
    assert panel._marks.marks == ()


@pytest.mark.long
def test_the_picture_shows_a_mean_of_frames_and_single_ones_again(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    limits = movie_layer(movie)[1]["contrast_limits"]
    layer = show(viewer, movie)
    panel.canvas.go_to(20)
    the(panel, QSpinBox, "averaged").setValue(5)
    shown = np.asarray(layer._slice.image.raw)
    assert shown == pytest.approx(np.mean([movie.frame(i) for i in range(18, 23)], axis=0))
    assert layer.contrast_limits[1] < limits[1]
    assert panel.session.movie is movie
    the(panel, QSpinBox, "averaged").setValue(1)
    assert np.asarray(layer._slice.image.raw) == pytest.approx(movie.frame(20))
    assert layer.contrast_limits == pytest.approx(limits)
    assert layer.interpolation2d == "nearest"


@pytest.mark.long
def test_as_many_frames_are_shown_at_once_as_show_the_lattice_and_are_read_in_a_moment() -> None:
    def shown(frames: int, side: int, dose: float | None) -> int:
        counts = np.broadcast_to(np.uint8(0), (frames, side, side))
        return usual_mean(Movie.from_array(counts, pixel_size=0.125, frame_dose=dose))

    assert shown(200, 512, 5.0) == 7  # half an electron a pixel
    assert shown(60, 512, 64.0) == 1
    assert shown(40, 512, 5.0) == 4  # a tenth of the record
    assert shown(40, 1448, 5.0) == 3  # eight million pixels
    assert shown(20, 4096, 5.0) == 1
    assert shown(60, 512, None) == 1


@pytest.mark.long
@pytest.mark.parametrize(("size", "opened"), [((1280, 800), True), ((900, 600), False)])
def test_the_docks_open_with_the_first_movie_where_there_is_room(
    viewer: Any, panel: Beamwatch, movie: Any, size: tuple[int, int], opened: bool
) -> None:
    viewer.window._qt_window.resize(*size)
    show(viewer, movie)
    assert (panel.beside.curves is not None) == opened


@pytest.mark.long
def test_selected_spots_are_those_whose_curves_are_drawn(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel.beside.open()
    curves = panel.beside.curves
    assert curves is not None
    wait_until(lambda: bool(curves._curves))
    before = [curve.key for curve in curves._curves]
    table = the(panel, QTableWidget, "spots")
    table.selectRow(1)
    number = int(table.item(1, 0).text()) - 1
    assert [curve.key for curve in curves._curves] == [("field", number)]
    table.clearSelection()
    assert [curve.key for curve in curves._curves] == before


@pytest.mark.long
def test_a_place_that_is_chosen_has_its_curve_beside_those_that_speak(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, parted(result))
    panel.beside.open()
    curves = panel.beside.curves
    assert curves is not None
    wait_until(lambda: bool(curves._curves))
    assert [curve.label for curve in curves._curves] == ["first", "place\u00a02"]
    the(panel, QTableWidget, "spots").selectRow(1)
    panel.session.choose_place(0)
    wait_until(lambda: len(curves._curves) == 3)
    assert curves._curves[-1].label == "place\u00a00"
    assert not panel.session.selected
    panel.session.choose_place(0)  # again: no more
    wait_until(lambda: len(curves._curves) == 2)


def test_the_preferences_page_is_where_a_new_panel_begins(viewer: Any) -> None:
    settings = pytest.importorskip("napari.settings")
    if not hasattr(settings, "get_plugin_settings"):
        pytest.skip("napari 0.8 keeps no settings of plugins")
    page = settings.get_plugin_settings("napari-beamwatch").defaults
    assert preferred_settings() == Settings()
    page.alpha_percent, page.fraction_percent = 5.0, 50
    try:
        _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
        assert panel.session.settings == Settings(alpha=0.05, fraction=0.5)
        panel.close_desk()
    finally:
        page.alpha_percent, page.fraction_percent = 1.0, 0


@pytest.mark.long
def test_the_table_of_onsets_can_be_copied(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel._export.copy_table()
    clipboard = QApplication.clipboard()
    assert clipboard is not None
    assert clipboard.text().startswith("movie\tregion\t")
    panel._export.copy_methods()
    assert "false onset" in clipboard.text()


@pytest.mark.parametrize("yes", [True, False])
def test_a_run_is_saved_beside_other_files_only_when_that_is_wanted(
    panel: Beamwatch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    (tmp_path / "thesis.docx").write_text("mine")
    asked: list[str] = []
    saved: list[tuple[Path, bool]] = []

    def question(*words: Any) -> QMessageBox.StandardButton:
        asked.append(words[-1])
        return QMessageBox.StandardButton.Yes if yes else QMessageBox.StandardButton.No

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path))
    monkeypatch.setattr(QMessageBox, "question", question)
    monkeypatch.setattr(panel._export, "save", lambda to, *, force: saved.append((to, force)))
    panel._export._on_save()
    (said,) = asked
    assert "holds no run, but thesis.docx. Save there all the same" in said
    assert saved == ([(tmp_path, True)] if yes else [])


@pytest.mark.long
def test_with_both_docks_open_the_window_fits_a_small_screen(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    assert panel.minimumWidth() <= 400
    window = panel.window()
    window.resize(1280, 800)
    panel.session.draw((Region.rectangle("A", 10, 200, 10, 200),))
    viewer.layers.selection.active = viewer.layers["Regions"]
    panel.beside.open()
    for _ in range(20):
        QApplication.processEvents()
    assert window.width() <= 1280
    assert window.height() <= 800


def test_the_theme_is_followed(viewer: Any, panel: Beamwatch) -> None:
    dark = panel.styleSheet()
    viewer.theme = "light"
    assert panel.styleSheet() != dark


@pytest.mark.long
def test_a_step_is_chosen_as_a_part_of_the_window(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    step, window = the(panel, QComboBox, "step"), the(panel, QComboBox, "window")
    step.textActivated.emit("auto")
    assert step.currentText() == "auto"
    window.setCurrentIndex(window.findData(128))
    window.activated.emit(window.currentIndex())
    step.textActivated.emit("¼")
    assert (panel.session.settings.window, panel.session.settings.step) == (128, 32)
    assert step.currentText() == "¼"
    step.textActivated.emit("auto")
    assert panel.session.settings.step is None


@pytest.mark.long
def test_what_the_windows_resolve_is_said_before_a_run(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    panel.session.choose_settings(window=256)
    assert panel._lattice._said.text().startswith("256 px = 3.2 nm · δd 12 %")
    assert "e/Å² a point" in panel._lattice._said.text()


@pytest.mark.long
def test_a_run_that_is_shown_brings_its_own_regions(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    panel.session.draw((Region.rectangle("A", 0, 64, 0, 64),))
    other = Region.rectangle("B", 100, 200, 120, 240)
    panel.session.show(replace(result, regions=(other,)))
    (layer,) = (one for one in viewer.layers if one.name == "Regions")
    assert list(layer.features["name"]) == ["B"]
    assert np.asarray(layer.data[0]) == pytest.approx(np.array(other.vertices) - 0.5)
    assert panel.session.regions == (other,)


def test_regions_go_with_their_layer(viewer: Any, panel: Beamwatch, movie: Any) -> None:
    show(viewer, movie)
    panel.session.draw((Region.rectangle("A", 0, 64, 0, 64),))
    viewer.layers.remove(viewer.layers["Regions"])
    assert panel.session.regions == ()
    assert the(panel, QComboBox, "region").count() == 1


@pytest.mark.long
def test_a_frame_time_that_is_typed_keeps_frame_mean_and_contrast(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    layer = show(viewer, movie)
    panel.canvas.go_to(20)
    the(panel, QSpinBox, "averaged").setValue(5)
    layer.contrast_limits = (0.1, 2.0)
    panel.session.recalibrate(frame_time=0.01)
    assert panel.canvas.frame == 20
    assert the(panel, QSpinBox, "averaged").value() == 5
    assert viewer.dims.margin_left[-3] == pytest.approx(0.02)
    assert layer.contrast_limits == pytest.approx([0.1, 2.0])
    the(panel, QSpinBox, "averaged").setValue(1)
    assert layer.contrast_limits == pytest.approx([0.1, 2.0])


@pytest.mark.long
def test_of_a_region_without_an_onset_before_and_after_are_not_those_of_another(
    viewer: Any, panel: Beamwatch, movie: Any, result: Any
) -> None:
    show(viewer, movie)
    answer(panel, result)
    panel.beside.open()
    spectrum = panel.beside.spectrum
    assert spectrum is not None
    assert spectrum._after == int(result.onsets.iloc[0].onset_frame)
    panel.session.draw((Region.rectangle("A", 0, 64, 0, 64),))
    panel.session.choose("A")
    assert spectrum._after is None


@pytest.mark.long
def test_a_run_that_is_opened_beside_another_movie_is_looked_at(
    viewer: Any, panel: Beamwatch, movie: Any, tmp_path: Path
) -> None:
    from napari_beamwatch import open_movie
    from napari_beamwatch.simulate.writing import write_movie

    path = tmp_path / "small.eer"
    small = simulate("survivor", frames=8, frame_dose=40.0, size=128, seed=0)
    write_movie(small, path, raw_per_frame=4)
    analyze(open_movie(path), Settings(drift="off", criteria=("fading",))).save(tmp_path / "run")
    show(viewer, movie)
    viewer.open(str(tmp_path / "run" / "run.json"), plugin="napari-beamwatch")
    assert panel.session.movie is not None
    assert Path(panel.session.movie.source) == path
    assert panel.session.onset is not None


@pytest.mark.long
def test_windows_that_are_not_on_the_list_are_said_all_the_same(
    viewer: Any, panel: Beamwatch, movie: Any
) -> None:
    show(viewer, movie)
    boxes = [the(panel, QComboBox, name) for name in ("window", "step")]
    for settings, words in (
        ({"window": 200, "step": None}, ["200 px", "auto"]),
        ({"window": 128, "step": 96}, ["128 px", "96 px"]),
        ({"window": "20 Å", "step": None}, ["20 Å", "auto"]),
    ):
        panel.session.choose_settings(**settings)
        assert [box.currentText() or box.placeholderText() for box in boxes] == words


def test_however_runs_overlap_the_interpreter_is_handed_over_as_usual_in_the_end() -> None:
    wait_until(lambda: not POLITE._at_work)  # what tests before this one have cancelled
    usual, gates = sys.getswitchinterval(), (threading.Event(), threading.Event())
    workers = [Worker(), Worker()]
    for worker, gate in zip(workers, gates, strict=True):
        worker.start(1, lambda _, gate=gate: gate.wait(20))
    wait_until(lambda: sys.getswitchinterval() < usual)
    for worker, gate in zip(workers, gates, strict=True):
        assert sys.getswitchinterval() < usual
        gate.set()
        assert worker.wait(10)
    assert sys.getswitchinterval() == pytest.approx(usual)
