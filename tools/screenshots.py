"""Screenshots of the real window for README and docs: the sample, before and after a run.

tools/with_display.sh .venv/bin/python tools/screenshots.py FOLDER
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import napari
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch.regions import Region
from napari_beamwatch.simulate.cases import simulate

SIZE = (1280, 800)
LONGEST = 300.0
"""Seconds an analysis may take."""


def wait_until(done: Callable[[], bool], seconds: float = LONGEST) -> None:
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("the window did not get ready")
        QApplication.processEvents()
        time.sleep(0.02)


def settle(seconds: float = 0.6) -> None:
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > end)


def shoot(viewer: napari.Viewer, path: Path) -> None:
    settle()
    viewer.screenshot(str(path), canvas_only=False, flash=False)
    print(path)


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.setWindowFlag(Qt.WindowType.FramelessWindowHint)
    window.show()
    window.resize(*SIZE)
    window.move(0, 0)
    _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
    shoot(viewer, folder / "empty.png")
    movie = simulate("lif-room-temperature", frames=120, size=768, seed=0)
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    viewer.canvas.overlays.scale_bar.visible = True
    viewer.reset_view()
    shoot(viewer, folder / "before.png")
    panel.session.draw(
        (
            Region.rectangle("A", 96, 352, 96, 352),
            Region.rectangle("B", 384, 704, 416, 704),
        )
    )
    panel.run()
    settle(2.0)
    shoot(viewer, folder / "running.png")
    wait_until(lambda: not panel.session.running)
    shoot(viewer, folder / "after.png")
    panel.session.choose("A")
    panel.canvas.go_to(70)
    shoot(viewer, folder / "region.png")
    panel.canvas.toggle_map()
    for layer in panel.canvas.ours():
        if layer.name == "Lattice over dose":
            layer.visible = True
    shoot(viewer, folder / "lattice.png")
    panel.canvas.toggle_map()
    for layer in panel.canvas.ours():
        if layer.name == "Lattice over dose":
            layer.visible = False
    panel.beside.open()
    viewer.window._qt_viewer.dockLayerControls.hide()
    settle(2.0)
    viewer.reset_view()
    shoot(viewer, folder / "desk.png")
    viewer.theme = "light"
    shoot(viewer, folder / "light.png")
    viewer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
