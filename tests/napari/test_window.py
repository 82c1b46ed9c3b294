"""Real windows: a movie dropped on napari is seen, calibrated, and can be played."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from napari_beamwatch.cli import main
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie

pytestmark = pytest.mark.gui


@pytest.fixture
def eer(tmp_path: Path) -> Path:
    path = tmp_path / "survivor.eer"
    write_movie(simulate("survivor", size=128, frames=8), path, raw_per_frame=4)
    return path


def test_a_dropped_eer_movie_shows_with_a_scale_bar_in_nm(make_napari_viewer, eer: Path) -> None:
    viewer = make_napari_viewer(show=True)
    (layer,) = viewer.open(str(eer), plugin="napari-beamwatch")
    viewer.scale_bar.visible = True
    assert layer.name == "survivor"
    assert [str(unit) for unit in layer.units] == ["second", "nanometer", "nanometer"]
    assert layer.metadata["beamwatch"]["pixel_size_A"] == pytest.approx(0.125)
    picture = viewer.screenshot(canvas_only=True, flash=False)
    assert np.ptp(picture[..., 0]) > 100  # electrons are white on black


def test_the_scale_bar_is_as_long_as_the_command_line_says_a_pixel_is(
    make_napari_viewer, eer: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["info", str(eer), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    viewer = make_napari_viewer(show=True)
    (layer,) = viewer.open(str(eer), plugin="napari-beamwatch")
    if not hasattr(viewer, "canvas"):
        pytest.skip("of this napari the drawn bar is not known")
    bar = viewer.canvas.overlays.scale_bar
    bar.visible = True
    viewer.screenshot(canvas_only=True, flash=False)
    drawn = viewer.window._qt_viewer.canvas._viewer_overlay_to_visual[bar]
    (drawn,) = drawn if isinstance(drawn, list) else [drawn]
    length, unit = drawn.node.text.text.split()
    says_nm = float(length) * {"pm": 1e-3, "nm": 1.0}[unit]
    pixels = drawn._current_length / viewer.camera.zoom / layer.scale[2]  # of the movie
    assert says_nm == pytest.approx(pixels * told["pixel_size_A"] / 10)


def test_the_slider_walks_through_the_frames(make_napari_viewer, eer: Path) -> None:
    viewer = make_napari_viewer(show=True)
    (layer,) = viewer.open(str(eer), plugin="napari-beamwatch")
    shown = set()
    for step in range(4):
        viewer.dims.set_current_step(0, step)
        shown.add(viewer.screenshot(canvas_only=True, flash=False).tobytes())
        assert (np.asarray(layer.data[step]) == np.asarray(layer._slice.image.raw)).all()
    assert len(shown) == 4


def test_samples_stand_in_the_menu(make_napari_viewer) -> None:
    viewer = make_napari_viewer()
    (layer,) = viewer.open_sample("napari-beamwatch", "survivor")
    assert layer.metadata["truth"]["status"] == "survived"
