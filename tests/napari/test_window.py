"""Real windows: a movie dropped on napari is seen, calibrated, and can be played."""

from __future__ import annotations

import inspect
import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from napari._app_model import get_app_model
from napari._qt.dialogs.qt_reader_dialog import QtReaderDialog
from napari.settings import get_settings
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QFileDialog

from napari_beamwatch import Settings, analyze, open_movie
from napari_beamwatch._qt import commands
from napari_beamwatch._qt.keys import KEYS, desk_in
from napari_beamwatch._qt.window import furnish
from napari_beamwatch.cli import main
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie
from tests.waiting import wait_until
from tools.fuzz.dm_writer import write_dm

pytestmark = pytest.mark.gui


SAMPLES = ("lif-room-temperature", "lif-to-li2o", "survivor")


@pytest.fixture
def eer(tmp_path: Path) -> Path:
    path = tmp_path / "survivor.eer"
    write_movie(simulate("survivor", size=128, frames=8), path, raw_per_frame=4)
    return path


@pytest.mark.long
def test_an_eer_movie_that_is_opened_shows_with_a_scale_bar_in_nm(viewer: Any, eer: Path) -> None:
    (layer,) = viewer.open(str(eer), plugin="napari-beamwatch")
    assert layer.name == "survivor"
    assert [str(unit) for unit in layer.units] == ["second", "nanometer", "nanometer"]
    assert layer.metadata["beamwatch"]["pixel_size_A"] == pytest.approx(0.125)
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert np.ptp(picture[..., 0]) > 100  # electrons are white on black


def drop(viewer: Any, path: Path) -> None:
    """Drop a file on the window, of a user who has told napari whose files these are."""
    get_settings().plugins.extension2reader = {f"*{path.suffix}": "napari-beamwatch"}
    let_fall(viewer, path)


def let_fall(viewer: Any, path: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path))])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    event = QDropEvent(QPointF(9, 9), Qt.DropAction.CopyAction, mime, left, none)
    viewer.window._qt_viewer.dropEvent(event)


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """Three frames, as stills with their doses or as an In-Situ camera lays them out."""
    frames = np.random.default_rng(0).poisson(9, (3, 32, 32)).astype(np.uint16)
    top = tmp_path / "LiF"
    inside = top if request.param == "stills" else top / "Hour_00" / "Minute_00" / "Second_00"
    inside.mkdir(parents=True)
    for i, frame in enumerate(frames):
        if request.param == "stills":
            tifffile.imwrite(inside / f"{i}.tif", frame)
        else:
            name = f"LiF_Hour_00_Minute_00_Second_00_Frame_{i:04d}.dm4"
            write_dm(inside / name, array=frame, version=4)
    if request.param == "stills":
        (top / "dose.csv").write_text("file,dose\n2.tif,4\n0.tif,1\n1.tif,2\n")
    return top


@pytest.mark.parametrize("folder", ["stills", "in-situ"], indirect=True)
@pytest.mark.long
def test_a_folder_that_is_dropped_opens_as_one_movie_once_our_reader_is_chosen(
    viewer: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def choose(dialog: Any) -> tuple[str, bool]:
        asked.extend(button.text() for button in dialog.reader_btn_group.buttons())
        return "Beamwatch", False

    monkeypatch.setattr(QtReaderDialog, "get_user_choices", choose)
    let_fall(viewer, folder)
    assert "Beamwatch" in asked  # napari's own reader takes any folder, too
    (layer,) = viewer.layers
    assert (layer.name, layer.data.shape) == ("LiF", (3, 32, 32))
    if "dose.csv" in os.listdir(folder):
        np.testing.assert_allclose(layer.metadata["movie"].dose, [1, 3, 7])


def bar_of(viewer: Any) -> tuple[float, float]:
    """What the scale bar says in nm, and how many pixels of the screen it is long."""
    if not hasattr(viewer, "canvas"):
        pytest.skip("of this napari the drawn bar is not known")
    bar = viewer.canvas.overlays.scale_bar
    assert bar.visible
    viewer.screenshot(canvas_only=True, flash=False)
    drawn = viewer.window._qt_viewer.canvas._viewer_overlay_to_visual[bar]
    (drawn,) = drawn if isinstance(drawn, list) else [drawn]
    length, unit = drawn.node.text.text.split()
    return float(length) * {"pm": 1e-3, "nm": 1.0}[unit], drawn._current_length


@pytest.mark.long
def test_the_scale_bar_of_a_dropped_movie_is_as_long_as_the_command_line_says_a_pixel_is(
    viewer: Any, eer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(eer), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    drop(viewer, eer)
    (layer,) = viewer.layers
    assert list(layer.data.shape) == [told["frames"], told["height_px"], told["width_px"]]
    assert layer.metadata["beamwatch"]["total_dose_e_per_A2"] == told["total_dose_e_per_A2"]
    length, drawn = bar_of(viewer)
    pixels = drawn / viewer.camera.zoom / layer.scale[2]  # of the movie
    assert length == pytest.approx(pixels * told["pixel_size_A"] / 10)


@pytest.mark.long
def test_the_scale_bar_stays_true_when_a_movie_is_zoomed_into(viewer: Any, eer: Path) -> None:
    drop(viewer, eer)
    layer = viewer.layers[0]
    for zoom in (1, 5):
        viewer.camera.zoom *= zoom
        length, drawn = bar_of(viewer)
        assert length == pytest.approx(drawn / viewer.camera.zoom / layer.scale[2] * 0.0125)


def test_the_slider_walks_through_the_frames(viewer: Any, eer: Path) -> None:
    (layer,) = viewer.open(str(eer), plugin="napari-beamwatch")
    shown = set()
    for step in range(4):
        viewer.dims.set_current_step(0, step)
        shown.add(viewer.screenshot(canvas_only=True, flash=False).tobytes())
        assert (np.asarray(layer.data[step]) == np.asarray(layer._slice.image.raw)).all()
    assert len(shown) == 4


@pytest.mark.long
def test_every_command_in_the_palette_can_be_run_and_hooks_are_greyed(
    viewer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr("napari_beamwatch._napari.hooks.show_info", said.append)
    small = partial(simulate, size=128, frames=8)
    monkeypatch.setattr("napari_beamwatch._napari.sample_data.simulate", small)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    app = get_app_model()
    there = [item.command for item in app.menus.get_menu(app.menus.COMMAND_PALETTE_ID)]
    ours = [command for command in there if command.id.startswith("napari-beamwatch.")]
    for command in ours:
        app.commands.execute_command(command.id).result()
        if desk_in(viewer) is not None:  # a run that was started is of the movie of before
            desk_in(viewer).cancel()
    assert [layer.metadata["truth"]["case"] for layer in viewer.layers] == [*SAMPLES]
    docks = ["Beamwatch (Beamwatch)", "Damage curves", "Live FFT"]
    assert sorted(viewer.window.dock_widgets) == docks
    grey = [command for command in ours if command.enablement and not command.enablement.eval({})]
    assert len(grey) == len(said) == 6  # four readers and two writers: they say where files go
    does = {name for name, one in inspect.getmembers(commands, inspect.isfunction)} & {
        command.id.removeprefix("napari-beamwatch.") for command in ours
    }
    assert does >= {key.name for key in KEYS}  # what keys do is in the palette, too
    assert len(ours) == len(SAMPLES) + 1 + len(grey) + len(does)
    desk_in(viewer).close_desk()


def test_the_window_of_the_command_line_shows_the_movie_with_all_docks(
    viewer: Any, eer: Path
) -> None:
    panel = furnish(viewer, eer)
    wait_until(lambda: panel.session.movie is not None)
    assert Path(panel.session.movie.source) == eer
    assert viewer.layers[0].name == panel.session.movie.name
    assert panel.beside.spectrum is not None


@pytest.mark.long
def test_the_window_of_the_command_line_shows_a_run_with_its_answer(
    viewer: Any, eer: Path, tmp_path: Path
) -> None:
    movie = open_movie(eer)
    analyze(movie, Settings(drift="off", criteria=("fading",))).save(tmp_path / "run")
    panel = furnish(viewer, tmp_path / "run" / "run.json")
    wait_until(lambda: panel.session.result is not None)
    assert panel.session.onset is not None
