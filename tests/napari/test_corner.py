"""What is written in the picture keeps clear of the words in its corner and of the scale bar."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from napari_beamwatch import Movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.canvas import Canvas
from napari_beamwatch._qt.fft.label_places import Box
from napari_beamwatch._qt.session import Session

pytestmark = pytest.mark.gui


@pytest.fixture
def canvas(viewer: Any, movie: Movie) -> Iterator[Canvas]:
    """A movie in a window, with its scale bar."""
    made = Canvas(viewer, Session())
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    yield made
    made.close()
    viewer.canvas.overlays.scale_bar.position = "bottom_right"


def bar_in(canvas: Canvas) -> tuple[float, float, float, float]:
    """Edges of the scale bar in the window as napari drew it: left, top, right, bottom."""
    drawn = canvas.viewer.window._qt_viewer.canvas
    drawn._update_overlay_canvas_positions()
    (bar,) = drawn._viewer_overlay_to_visual[canvas.viewer.canvas.overlays.scale_bar]
    x, y = bar.node.transform.translate[:2]
    return x, y, x + bar.x_size, y + bar.y_size


def edges(canvas: Canvas, box: Box) -> tuple[float, float, float, float]:
    """Edges in the window of what is said in pixels of the screen from where the movie begins."""
    camera, (height, width) = canvas.viewer.camera, canvas.viewer.canvas.size
    y, x = camera.zoom * (np.array(camera.center[-2:]) - canvas.layer.translate[-2:])
    left, top = box.x - x + width / 2, box.y - y + height / 2
    return (
        left - box.width / 2, top - box.height / 2, left + box.width / 2, top + box.height / 2
    )  # fmt: skip


def meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return all(one[i] < other[i + 2] and other[i] < one[i + 2] for i in (0, 1))


@pytest.mark.parametrize("position", ["bottom_right", "top_left", "bottom_left", "middle_right"])
@pytest.mark.long
def test_the_scale_bar_lies_within_what_is_kept_clear(canvas: Canvas, position: str) -> None:
    canvas.viewer.canvas.overlays.scale_bar.position = position
    for zoom in (0.6, 1.0, 2.7):
        canvas.viewer.camera.zoom = zoom / canvas.layer.scale[-1]
        bar = bar_in(canvas)
        kept = [edges(canvas, box) for box in canvas._corner.covered(canvas.layer)]
        assert any(
            a <= bar[0] and b <= bar[1] and bar[2] <= c and bar[3] <= d for a, b, c, d in kept
        )


@pytest.mark.long
def test_a_label_gives_way_to_the_scale_bar_while_it_is_seen(canvas: Canvas) -> None:
    viewer = canvas.viewer
    viewer.camera.zoom = 1 / canvas.layer.scale[-1]
    left, _, _, bottom = bar_in(canvas)
    height, width = viewer.canvas.size
    middle = np.array(viewer.camera.center[-2:]) / canvas.layer.scale[-1]
    y, x = np.array([bottom - height / 2, left - width / 2]) + middle
    canvas.regions.start_drawing()
    corners = [[y, x], [y, x + 90], [y + 60, x + 90], [y + 60, x]]
    viewer.layers["Regions"].add_rectangles(np.array(corners))

    def on_the_bar() -> bool:
        (label,) = canvas.regions.labels(1.0)
        return meet(edges(canvas, label), bar_in(canvas))

    assert not on_the_bar()
    viewer.canvas.overlays.scale_bar.visible = False
    assert on_the_bar()
    viewer.canvas.overlays.scale_bar.visible = True
    assert not on_the_bar()
