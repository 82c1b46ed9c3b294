"""The image of the undamaged specimen, made in the window."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from qtpy.QtWidgets import QLabel, QMessageBox, QPushButton

from napari_beamwatch import Movie, sum_undamaged
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._napari.ours import SUM
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch._qt.sum_form import WORTH, SumForm
from napari_beamwatch.summing.writing import write_image
from tests.waiting import wait_until

pytestmark = pytest.mark.gui


@pytest.fixture
def form(viewer: Any, panel: Beamwatch, movie: Movie, result: Any) -> SumForm:
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    panel.show_sum()
    assert panel.windows.sum is None  # nothing is known of damage yet
    answered = panel.session.answer(panel.session.begin("analysing").generation, result)
    assert answered
    panel.findChild(QPushButton, "show_sum").click()
    assert panel.windows.sum is not None
    return panel.windows.sum


def test_the_sum_becomes_a_layer_over_the_movie_and_a_file(
    viewer: Any, panel: Beamwatch, form: SumForm, movie: Movie, result: Any, tmp_path: Path
) -> None:
    form.file.line_edit.value = str(tmp_path / "best.mrc")
    form.findChild(QPushButton, "sum").click()
    wait_until(lambda: not panel.session.running)
    image = sum_undamaged(movie, result)
    np.testing.assert_array_equal(viewer.layers[SUM].data, image.image)
    np.testing.assert_array_equal(viewer.layers[WORTH].data, image.worth)
    names = [layer.name for layer in viewer.layers]
    assert names.index(panel.canvas.layer.name) + 1 == names.index(SUM)
    assert names.index(SUM) < names.index("Onset map")
    assert not viewer.layers[WORTH].visible
    assert viewer.layers[SUM].scale[-1] == viewer.layers[0].scale[-1]
    assert panel.session.movie is movie  # it is no movie to work on
    assert "written to best.mrc" in form.findChild(QLabel, "told").text()
    for ending in (".ome.zarr", ".ome.tif", ".mrc"):  # opened again it is the same layer
        write_image(image, tmp_path / f"best{ending}", force=True)
        again, shown = (
            viewer.open(tmp_path / f"best{ending}", plugin="napari-beamwatch")[0],
            viewer.layers[SUM],
        )
        np.testing.assert_array_equal(again.data, shown.data)
        for name in ("units", "axis_labels", "interpolation2d"):
            assert getattr(again, name) == getattr(shown, name)
        assert again.contrast_limits == pytest.approx(shown.contrast_limits)
        assert (again.colormap.name, again.name) == (shown.colormap.name, f"{SUM} [1]")
        assert again.scale == pytest.approx(shown.scale)
        viewer.layers.remove(again)
    with mrcfile.open(tmp_path / "best.mrc") as mrc:
        assert mrc.voxel_size.x == pytest.approx(movie.pixel_size)
        np.testing.assert_array_equal(mrc.data, image.image)


@pytest.mark.long
def test_frames_that_count_alike_are_those_before_the_part_is_gone(
    viewer: Any, panel: Beamwatch, form: SumForm, movie: Movie, result: Any
) -> None:
    assert not form.survive.enabled
    form.weights.value = True
    form.survive.value = "80 %"
    form.sum()
    wait_until(lambda: not panel.session.running)
    image = sum_undamaged(movie, result, survive=0.8)
    np.testing.assert_array_equal(viewer.layers[SUM].data, image.image)


@pytest.mark.long
def test_what_cannot_be_is_refused_and_a_file_is_replaced_only_if_somebody_says_so(
    viewer: Any, panel: Beamwatch, form: SumForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(form, "_say", said.append)
    form.file.line_edit.value = str(tmp_path / "best.png")
    form.sum()
    form.file.line_edit.value = ""
    form.weights.value = True
    form.survive.value = "most"
    form.sum()
    assert said[0].startswith("best.png: ")
    assert "'most' is not understood" in said[1]
    there = tmp_path / "best.tif"
    there.write_text("kept")
    form.survive.value = "90 %"
    form.file.line_edit.value = str(there)
    no = QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *_: no)
    form.sum()
    assert not panel.session.running
    assert there.read_text() == "kept"


@pytest.mark.long
def test_a_sum_can_be_cancelled_and_leaves_nothing(
    viewer: Any, panel: Beamwatch, form: SumForm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forever(*_: Any, tick: Any, **__: Any) -> Any:
        while True:
            tick(1, 2)
            time.sleep(0.01)

    monkeypatch.setattr("napari_beamwatch._qt.sum_form.sum_undamaged", forever)
    form.file.line_edit.value = str(tmp_path / "best.mrc")
    form.sum()
    assert panel.session.running == "adding up frames"
    panel.cancel()
    assert panel._worker.wait(20)
    assert SUM not in viewer.layers
    assert not list(tmp_path.iterdir())
