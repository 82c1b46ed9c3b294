"""From a file to a saved run in a real window, each number beside the command line's."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel, QLineEdit, QPushButton, QSlider

from napari_beamwatch import Region, Settings, load_result, power_spectrum
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch._qt.sections.map_legend import MapLegend
from napari_beamwatch.cli import main
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from tests.waiting import wait_until

pytestmark = pytest.mark.gui

SETTINGS = Settings(window=128, step=64, drift="off", criteria=("fading",))
ROI = (64, 320, 0, 192)
"""Rows and columns, half-open."""


@pytest.fixture(scope="module")
def eer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journey") / "lif.eer"
    movie = simulate("lif-room-temperature", frames=40, frame_dose=15.0, size=384, seed=0)
    write_movie(movie, path, raw_per_frame=4)
    return path


@pytest.fixture(scope="module")
def run_folder(eer: Path) -> Path:
    """What the command line makes of the same file."""
    folder, settings = eer.parent / "run", eer.parent / "settings.json"
    settings.write_text(SETTINGS.to_json())
    y0, y1, x0, x1 = ROI
    words = ["analyze", str(eer), "--out", str(folder), "--settings", str(settings)]
    assert main([*words, "--roi", f"{y0}:{y1},{x0}:{x1}", "--fraction-frames", "4"]) == 0
    return folder


def numbers(onsets: pd.DataFrame) -> pd.DataFrame:
    return onsets.select_dtypes("number").astype(float).reset_index(drop=True)


def draw(viewer: Any, panel: Beamwatch) -> None:
    y0, y1, x0, x1 = ROI
    panel.canvas.regions.start_drawing()
    corners = np.array([[y0, x0], [y0, x1], [y1, x1], [y1, x0]]) - 0.5
    viewer.layers["Regions"].add_rectangles(corners)


def test_a_file_is_opened_drawn_on_analysed_and_saved_as_the_command_line_does(
    viewer: Any, panel: Beamwatch, eer: Path, run_folder: Path, tmp_path: Path
) -> None:
    from napari_beamwatch import open_movie
    from napari_beamwatch._napari.layers import movie_layer

    data, known, _ = movie_layer(open_movie(eer, fraction_frames=4))
    layer = viewer.add_image(data, **known)
    assert [str(unit) for unit in layer.units] == ["second", "nanometer", "nanometer"]
    draw(viewer, panel)
    assert [region.box for region in panel.session.regions] == [(64, 0, 320, 192)]
    panel.findChild(QPushButton, "run").click()
    wait_until(lambda: not panel.session.running)
    expected = load_result(run_folder)
    found = panel.session.result
    assert found is not None
    pd.testing.assert_frame_equal(numbers(found.onsets), numbers(expected.onsets), rtol=1e-7)
    assert list(found.onsets["status"]) == list(expected.onsets["status"])
    assert len(found.spots) == len(expected.spots)
    panel._export.save(tmp_path / "run")
    wait_until(lambda: not panel.session.running)
    again = load_result(tmp_path / "run")
    pd.testing.assert_frame_equal(numbers(again.onsets), numbers(expected.onsets), rtol=1e-7)


def test_a_run_of_the_command_line_is_opened_with_its_answer_and_its_regions(
    viewer: Any, panel: Beamwatch, run_folder: Path
) -> None:
    viewer.open(str(run_folder / "run.json"), plugin="napari-beamwatch")
    expected = load_result(run_folder)
    assert [region.name for region in panel.session.regions] == ["roi1"]
    assert {"Regions", "Onset map"} <= {layer.name for layer in viewer.layers}
    dose = expected.onsets.iloc[0].onset_dose_e_per_A2
    said = panel.findChild(QLabel, "answer").text()
    assert f"{dose:.3g}" in said if pd.notna(dose) else said


@pytest.mark.long
def test_the_threshold_moved_by_hand_is_the_command_lines(
    viewer: Any, panel: Beamwatch, eer: Path, run_folder: Path
) -> None:
    viewer.open(str(run_folder / "run.json"), plugin="napari-beamwatch")
    before = panel.session.result.onsets["onset_dose_e_per_A2"].tolist()
    panel.findChild(QSlider, "fraction").setValue(60)
    folder = eer.parent / "other"
    words = ["analyze", str(eer), "--out", str(folder), "--force", "--fraction-frames", "4"]
    settings = eer.parent / "settings.json"
    assert main([*words, "--settings", str(settings), "--fraction", "0.6"]) == 0
    other = load_result(folder).onsets.iloc[0]
    mine = panel.session.result.onsets.iloc[0]
    assert mine.threshold_dose_e_per_A2 == pytest.approx(other.threshold_dose_e_per_A2, rel=1e-6)
    assert panel.session.result.onsets["onset_dose_e_per_A2"].tolist() == pytest.approx(
        before, nan_ok=True
    )


@pytest.mark.long
def test_the_panel_opens_a_file_as_the_command_line_describes_it(
    viewer: Any, panel: Beamwatch, eer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(eer), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    panel.open_movie(eer)
    wait_until(lambda: not panel.session.running)
    movie, (layer,) = panel.session.movie, viewer.layers
    assert list(movie.shape) == [told["frames"], told["height_px"], told["width_px"]]
    assert movie.pixel_size == told["pixel_size_A"]
    assert layer.scale[1] == pytest.approx(told["pixel_size_A"] / 10)
    assert panel.canvas.layer is layer


@pytest.mark.long
def test_raw_frames_are_added_up_another_way_on_the_same_layer(
    viewer: Any, panel: Beamwatch, eer: Path
) -> None:
    from napari_beamwatch import open_movie

    mine = viewer.add_points(np.zeros((1, 3)), name="mine")
    panel.open_movie(eer)
    wait_until(lambda: not panel.session.running)
    draw(viewer, panel)
    layer, regions = panel.canvas.layer, panel.session.regions
    field = panel.findChild(QLineEdit, "fractionation")
    for typed, how in (
        ("8 raw frames", {"fraction_frames": 8}),
        ("30 e/Å²", {"fraction_dose": 30}),
    ):
        field.setText(typed)
        field.editingFinished.emit()
        wait_until(lambda: not panel.session.running)
        expected = open_movie(eer, **how)
        assert panel.session.movie.dose == pytest.approx(expected.dose)
        assert field.text() == "8 raw frames"
        assert len(layer.data) == len(expected) == 20
        np.testing.assert_array_equal(layer.data[7], expected.frame(7))
        assert {one.name for one in viewer.layers} == {"mine", "lif", "Regions"}
        assert panel.canvas.layer is layer
        assert mine in viewer.layers
        assert panel.session.regions == regions


@pytest.mark.long
def test_a_dose_that_was_said_of_a_frame_goes_with_its_raw_frames(
    viewer: Any, panel: Beamwatch, eer: Path
) -> None:
    panel.open_movie(eer)
    wait_until(lambda: not panel.session.running)
    raw = panel.findChild(QLineEdit, "fractionation").text()
    assert raw == "1 raw frames"
    panel.session.recalibrate(frame_dose=2.0)
    panel.add_up({"fraction_frames": 5})
    wait_until(lambda: not panel.session.running)
    assert panel.session.movie.frame_dose == pytest.approx(10.0)
    assert panel.findChild(QLineEdit, "frame_dose").text() == "10 e/Å²"


@pytest.mark.long
def test_the_transform_follows_a_region_that_is_dragged(
    viewer: Any, panel: Beamwatch, run_folder: Path
) -> None:
    viewer.open(str(run_folder / "run.json"), plugin="napari-beamwatch")
    panel.beside.open()
    spectrum = panel.beside.spectrum
    panel.session.choose("roi1")
    seen: list[Any] = []
    spectrum.shown.connect(lambda request: seen.append(request.region))
    layer = viewer.layers["Regions"]
    layer.data = [np.add(layer.data[0], (0, 32))]
    wait_until(lambda: bool(seen) and seen[-1] is not None and seen[-1].box == (64, 32, 320, 224))


def state(viewer: Any, panel: Beamwatch) -> dict[str, Any]:
    """What a person sees."""
    said = {
        name: panel.findChild(QLabel, name).text()
        for name in ("answer", "beside", "why", "threshold")
    }
    return {
        **said,
        "settings": panel.session.settings,
        "regions": panel.session.regions,
        "layers": {layer.name for layer in viewer.layers},
        "map": panel.findChild(MapLegend)._scale,
        "labels": viewer.layers["Regions"].features["label"].tolist(),
        "spots": panel._lattice._table.rowCount(),
        "legend": panel.beside.curves.legend.text(),
        "limits": [
            panel.findChild(QLineEdit, name).text() for name in ("pixel_size", "frame_dose")
        ],
    }


@pytest.mark.long
def test_a_run_that_is_saved_and_opened_again_looks_the_same(
    viewer: Any, panel: Beamwatch, run_folder: Path, tmp_path: Path
) -> None:
    viewer.open(str(run_folder / "run.json"), plugin="napari-beamwatch")
    panel.beside.open()
    panel.findChild(QSlider, "fraction").setValue(60)
    before = state(viewer, panel)
    panel._export.save(tmp_path / "run")
    wait_until(lambda: not panel.session.running)
    viewer.layers.remove(panel.canvas.layer)
    assert len(viewer.layers) == 0
    viewer.open(str(tmp_path / "run" / "run.json"), plugin="napari-beamwatch")
    wait_until(lambda: state(viewer, panel)["legend"] == before["legend"])
    assert state(viewer, panel) == before


@pytest.mark.long
def test_map_and_curves_show_the_numbers_of_the_command_lines_tables(
    viewer: Any, panel: Beamwatch, run_folder: Path
) -> None:
    viewer.open(str(run_folder / "run.json"), plugin="napari-beamwatch")
    panel.beside.open()
    windows = pd.read_csv(run_folder / "windows.csv")
    traces = pd.read_csv(run_folder / "traces.csv")
    onsets = windows["onset_dose_e_per_A2"].dropna()
    scale = panel.findChild(MapLegend)._scale
    assert (scale.low, scale.high) == pytest.approx((onsets.min(), onsets.max()))
    curves = panel.beside.curves
    wait_until(lambda: len(curves._curves) > 0)
    for curve in curves._curves:
        region, spot = curve.key
        rows = traces[(traces["region"] == region) & (traces["spot"] == spot)]
        told = rows["intensity"].to_numpy() / curve.plateau
        np.testing.assert_allclose(curve.intensity, told, rtol=1e-6)


@pytest.mark.long
def test_a_rectangle_that_is_dragged_with_the_mouse_has_its_own_transform(
    viewer: Any, panel: Beamwatch, eer: Path
) -> None:
    panel.open_movie(eer)
    wait_until(lambda: not panel.session.running)
    panel.beside.open()
    spectrum = panel.beside.spectrum
    panel.canvas.regions.start_drawing()
    canvas = viewer.window._qt_viewer.canvas
    for _ in range(10):
        QApplication.processEvents()
    size = canvas.native.size()

    def at(y: float, x: float) -> QPoint:
        """Where on the screen a place of the movie is, in its pixels."""
        nm = panel.session.movie.pixel_size / 10
        dy, dx = np.array([y * nm, x * nm]) - np.array(viewer.camera.center[-2:])
        zoom = viewer.camera.zoom
        return QPoint(round(size.width() / 2 + dx * zoom), round(size.height() / 2 + dy * zoom))

    left = Qt.MouseButton.LeftButton
    QTest.mousePress(canvas.native, left, pos=at(80, 60))
    for part in np.linspace(0, 1, 5):
        QTest.mouseMove(canvas.native, at(80 + 200 * part, 60 + 200 * part))
        QApplication.processEvents()
    QTest.mouseRelease(canvas.native, left, pos=at(280, 260))
    QApplication.processEvents()
    (region,) = panel.session.regions
    assert region.box == pytest.approx((80, 60, 280, 260), abs=4)
    panel.session.choose(region.name)
    wait_until(lambda: spectrum._drawn is not None and spectrum._drawn.region == region)
    picture = spectrum.pair.views[0].picture
    first, last = picture.spectrum.first, picture.spectrum.last
    told = power_spectrum(
        panel.session.movie,
        Region("A", region.vertices),
        panel.canvas.frame,
        spectrum.running_sum.value(),
    )
    assert (first, last) == (told.first, told.last)
    np.testing.assert_array_equal(picture.spectrum.power, told.power)


@pytest.mark.long
def test_a_spot_is_added_by_a_click_and_removed_and_the_engine_does_as_the_command_line(
    viewer: Any, panel: Beamwatch, eer: Path, run_folder: Path, tmp_path: Path
) -> None:
    panel.open_movie(eer)
    wait_until(lambda: not panel.session.running)
    panel.add_up({"fraction_frames": 4})
    wait_until(lambda: not panel.session.running)
    spots = load_result(run_folder).spots
    found = spots[spots["region"] == "field"].nlargest(1, "snr").iloc[0]
    panel.beside.open()
    spectrum = panel.beside.spectrum
    spectrum.set_running_sum(10)
    wait_until(lambda: spectrum._drawn is not None and spectrum._drawn == spectrum._wanted)
    view = spectrum.pair.views[0]
    for _ in range(20):  # until the docks have found their sizes
        QApplication.processEvents()
        time.sleep(0.01)
    per_px = 10 / panel.session.movie.pixel_size
    place = QPointF(found["gx_per_px"] * per_px, -found["gy_per_px"] * per_px)
    scene = view.plot.getViewBox().mapViewToScene(place)
    viewport = view.plot_widget.viewport()
    QTest.mouseClick(viewport, Qt.MouseButton.LeftButton, pos=view.plot_widget.mapFromScene(scene))
    wait_until(lambda: len(panel.session.settings.added_spots) == 1, 10)
    (added,) = panel.session.settings.added_spots
    assert added == pytest.approx((found["gy_per_px"], found["gx_per_px"]), abs=0.01)
    settings = tmp_path / "settings.json"
    settings.write_text(panel.session.settings.to_json())
    panel.findChild(QPushButton, "run").click()
    wait_until(lambda: not panel.session.running)
    words = ["analyze", str(eer), "--out", str(tmp_path / "run"), "--fraction-frames", "4"]
    assert main([*words, "--settings", str(settings)]) == 0
    told = pd.read_csv(tmp_path / "run" / "spots.csv")
    mine = panel.session.result.spots
    assert len(mine) == len(told)
    np.testing.assert_allclose(mine["d_A"].astype(float), told["d_A"], rtol=1e-6)
    panel.session.remove_spot(*added)
    assert panel.session.settings.added_spots == ()
    assert panel.session.outdated
