"""How long the window is ever deaf: the longest gap between two events of a 10 ms timer.

    tools/with_display.sh .venv/bin/python benchmarks/fluency.py [--frames 120] [--size 1024]

Each journey is done once, in one window with all docks open, after everything was compiled. First
what napari needs by itself, for layers like ours that come and go in a window without us.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari
import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QApplication

from napari_beamwatch import Settings, analyze, open_movie
from napari_beamwatch._napari.layers import movie_layer
from napari_beamwatch.movies import Movie
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.writing import write_movie

TICK_MS = 10
LONGEST = 300.0
"""Seconds a journey may take."""


class Gaps:
    """Notes the longest gap between ticks of a timer."""

    def __init__(self) -> None:
        self.longest, self._last = 0.0, time.perf_counter()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(TICK_MS)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self._last)
        self._last = now

    def over(self, do: Callable[[], Any], done: Callable[[], bool]) -> tuple[float, float]:
        """Seconds of a journey, and of the longest gap in it."""
        settle(0.5)
        began = self._last = time.perf_counter()
        self.longest = 0.0
        do()
        QApplication.processEvents()
        while not done():
            if time.perf_counter() > began + LONGEST:
                raise TimeoutError("the journey does not end")
            QApplication.processEvents()
            time.sleep(0.001)
        took = time.perf_counter() - began
        settle(0.3)
        return took, self.longest


def settle(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.001)


def main(frames: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "movie.eer"
        write_movie(
            simulate("lif-room-temperature", frames=frames, size=size, seed=0), path,
            raw_per_frame=4,
        )  # fmt: skip
        measure(folder, path)


def report(words: str, took: float, gap: float) -> None:
    print(f"  {words:28s} {took:6.2f} s, longest gap {1000 * gap:5.0f} ms")


def by_itself(movie: Movie) -> None:
    """How long napari is deaf over layers of its own."""
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    gaps, small = Gaps(), np.ones((64, 64), np.uint8)
    picture, known, _ = movie_layer(movie)
    for words, do in (
        ("napari: first movie", lambda: viewer.add_image(picture, **known)),
        ("napari: first labels", lambda: viewer.add_labels(small)),
        ("napari: another image", lambda: viewer.add_image(small)),
        ("napari: remove a layer", lambda: viewer.layers.pop()),
    ):
        report(words, *gaps.over(do, lambda: True))
    viewer.close()


def measure(folder: Path, path: Path) -> None:
    # Compiled, and the modules imported: that happens once after an installation.
    movie = open_movie(path, fraction_frames=4)
    analyze(movie, Settings()).save(folder / "run")
    print(f"{len(movie)} frames of {movie.shape[1]} px, load {os.getloadavg()[0]:.1f}")
    by_itself(movie)
    viewer = napari.Viewer(show=True)
    viewer.window._qt_window.resize(1280, 800)
    _, panel = viewer.window.add_plugin_dock_widget("napari-beamwatch", "Beamwatch")
    panel.beside.open()
    session, gaps = panel.session, Gaps()

    def idle() -> bool:
        return not session.running

    def run_and_cancel() -> None:
        panel.run()
        settle(1.0)
        panel.cancel()

    def walk() -> None:
        for frame in range(40):
            panel.canvas.go_to(frame)
            settle(0.02)

    def thresholds() -> None:
        for percent in range(20, 80, 5):
            session.set_threshold(fraction=percent / 100)
            settle(0.02)

    for words, do in (
        ("open a movie", lambda: panel.open_movie(path)),
        ("add its raw frames up by 4", lambda: panel.add_up({"fraction_frames": 4})),
        ("cancel a run", run_and_cancel),
        ("run", panel.run),
        ("run again", panel.run),
        ("walk through 40 frames", walk),
        ("move the threshold", thresholds),
        ("save the run", lambda: panel._export.save(folder / "saved")),
        ("open a run", lambda: panel.open_run(folder / "run")),
    ):
        report(words, *gaps.over(do, idle))
    panel.close_desk()
    viewer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--size", type=int, default=1024)
    args = parser.parse_args()
    main(args.frames, args.size)
