"""Screenshots of the real window for README and docs, each journey once, and the figure of the run.

tools/with_display.sh .venv/bin/python tools/screenshots.py docs/img [--all]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import mrcfile
import napari
import numpy as np
from PIL import Image
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QSpinBox

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch._qt.live.watcher import Order
from napari_beamwatch._qt.panel import Beamwatch
from napari_beamwatch.regions import Region
from napari_beamwatch.results.figure import write_figure
from napari_beamwatch.simulate.cases import simulate

SIZE = (1280, 800)
COLOURS, WIDEST = 256, 1400
MEAN = 12
"""Frames whose mean the picture shows: the lattice is seen in it."""

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
    shrink(path)


def shrink(path: Path) -> None:
    """Few colours and pixels are enough, and keep the repository small."""
    picture = Image.open(path).convert("RGB")
    picture.thumbnail((WIDEST, WIDEST))
    picture = picture.quantize(
        COLOURS, method=Image.Quantize.MAXCOVERAGE, kmeans=2, dither=Image.Dither.NONE
    )
    picture.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1024} kB")


def main(folder: Path, every: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=False)
    window = viewer.window._qt_window
    window.setWindowFlag(Qt.WindowType.FramelessWindowHint)
    window.show()
    window.resize(*SIZE)
    window.move(0, 0)
    _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
    movie = simulate("lif-room-temperature", frames=120, size=768, seed=0)
    frames, known, _ = movie_layer(movie)
    viewer.add_image(frames, **known)
    viewer.reset_view()
    if every:
        shoot(viewer, folder / "before.png")
    panel.session.draw(
        (
            Region.rectangle("A", 96, 352, 96, 352),
            Region.rectangle("B", 384, 704, 416, 704),
        )
    )
    panel.run()
    if every:
        settle(2.0)
        shoot(viewer, folder / "running.png")
    wait_until(lambda: not panel.session.running)
    panel.session.choose("A")
    panel.canvas.go_to(panel.canvas.onset_frame or 0)
    viewer.window._qt_viewer.dockLayerControls.hide()
    settle()
    window.resize(*SIZE)
    panel.findChild(QSpinBox, "averaged").setValue(MEAN)
    panel.beside.open()
    wait_until(lambda: panel.beside.spectrum.pair.views[0].picture is not None)
    settle(1.0)
    viewer.reset_view()
    shoot(viewer, folder / "desk.png")
    panel.beside.spectrum.compare.setChecked(True)
    panel.beside.curves.controls.page.setCurrentIndex(1)
    show(panel, "Phase over dose")
    panel.canvas.overlays.toggle_map()
    viewer.theme = "light"
    settle(2.0)
    shoot(viewer, folder / "light.png")
    viewer.theme = "dark"
    settle()
    watch(panel, folder / "live.png")
    write_figure(panel.session.result, movie, folder / "figure.png")
    shrink(folder / "figure.png")
    viewer.close()


def watch(panel: Beamwatch, path: Path) -> None:
    """A movie that is written frame by frame, watched until the word is stop."""
    movie = simulate("lif-room-temperature", frames=60, size=512, frame_dose=8.0, seed=31)
    with TemporaryDirectory() as day:
        whole, growing = Path(day, "whole"), Path(day, "today.mrc")
        with mrcfile.new(whole) as file:
            file.set_data(np.asarray(movie.frames).astype(np.uint16))
        data, frame = whole.read_bytes(), 2 * movie.shape[1] * movie.shape[2]
        whole.unlink()
        told = {"pixel_size": movie.pixel_size, "frame_dose": 8.0, "sidecars": False}
        panel.watch(Order(growing, opening=told, more={"settle": 60.0}))
        live = panel.docks.live
        with growing.open("wb") as camera:
            camera.write(data[: len(data) - len(movie) * frame])
            for i in range(len(movie)):
                begin = len(data) - (len(movie) - i) * frame
                camera.write(data[begin : begin + frame])
                camera.flush()
                settle(0.15)
        wait_until(lambda: any(one.status == "stop" for one in live.states.values()))
        settle(1.0)
        live.grab().save(str(path))
        live.end()
        live.wait(LONGEST)
    shrink(path)


def show(panel: Beamwatch, name: str) -> None:
    for layer in panel.canvas.overlays.layers():
        if layer.name == name:
            layer.visible = True


if __name__ == "__main__":
    main(Path(sys.argv[1]), "--all" in sys.argv)
