"""Playback of a movie with the desk open and without it: frames a second, in one process.

    tools/with_display.sh .venv/bin/python benchmarks/playback.py [--frames 120] [--size 1024]

The slider is stepped as fast as the window draws. Rounds with and without the docks alternate, so
that a busy machine slows both; the medians are compared.
"""

from __future__ import annotations

import argparse
import time
from statistics import median
from typing import Any

import napari
from qtpy.QtWidgets import QApplication

from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch.analysis import analyze
from napari_beamwatch.settings import Settings
from napari_beamwatch.simulate.cases import simulate

ROUNDS = 5


def play(viewer: Any, first: int, frames: int) -> float:
    """Frames a second."""
    began = time.perf_counter()
    for step in range(first, first + frames):
        viewer.dims.set_current_step(0, step)
        viewer.window._qt_viewer.canvas._scene_canvas.native.repaint()
        QApplication.processEvents()
    return frames / (time.perf_counter() - began)


def settle(seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QApplication.processEvents()
        time.sleep(0.01)


def main(frames: int, size: int) -> None:
    movie = simulate("lif-room-temperature", frames=frames, size=size, seed=0)
    for t in range(frames):  # made, and kept where napari keeps frames: both play the same
        movie.frame(t)
    result = analyze(movie, Settings(drift="off", criteria=("fading",)))
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    data, known, _ = movie_layer(movie)
    viewer.add_image(data, **known)
    settle(1)
    play(viewer, 0, frames)
    _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
    assert panel.session.answer(panel.session.begin("analysing").generation, result)
    panel.beside.open()
    docks = [panel.parent(), *(_dock(one) for one in (panel.beside.curves, panel.beside.spectrum))]
    rates: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(ROUNDS):
        for shown in (True, False):
            for dock in docks:
                dock.setVisible(shown)
            for layer in panel.canvas.overlays.layers():
                layer.visible = shown and layer.name == "Onset map"
            if not shown:
                panel.canvas._corner.hide()
            settle(0.5)
            rates[shown].append(play(viewer, 0, frames))
    with_, without = median(rates[True]), median(rates[False])
    print(f"{frames} frames of {size} × {size} px, {ROUNDS} rounds each, medians:")
    print(f"  {without:6.1f} frames/s without the docks")
    print(f"  {with_:6.1f} frames/s with panel, curves, live FFT and onset map open")
    print(f"  {100 * (1 - with_ / without):.0f} % slower")
    viewer.close()


def _dock(widget: Any) -> Any:
    while widget is not None and type(widget).__name__ not in ("QDockWidget", "QtViewerDockWidget"):
        widget = widget.parent()
    return widget


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--size", type=int, default=1024)
    args = parser.parse_args()
    main(args.frames, args.size)
