"""What an analysis takes is known before it is begun."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis import effort, said_before
from napari_beamwatch.analysis.effort import BYTES, PER_COEFFICIENT, SOLVING, Effort
from napari_beamwatch.analysis.road import chosen_grid
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.movie import SimulatedFrames
from napari_beamwatch.spectra.drift import DriftEstimator

GIB = 2**30


@pytest.mark.parametrize(("size", "gib"), [(1024, 16), (4096, 1000)])
def test_work_that_the_memory_does_not_hold_is_refused_before_a_frame_is_read(
    size: int, gib: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    movie = simulate("survivor", size=size, pixel_size=0.25)

    def read(self: FrameSource, frame: int) -> np.ndarray:
        raise AssertionError("read")

    monkeypatch.setattr(SimulatedFrames, "read", read)
    monkeypatch.setattr(effort, "free_memory", lambda: gib * GIB)
    with pytest.raises(bw.BeamwatchError, match=r"windows .* GiB of memory, .* a larger step"):
        bw.analyze(movie, bw.Settings(window=64, step=1))


def test_what_the_spots_take_is_refused_before_they_are_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    movie = simulate("survivor", size=192, pixel_size=0.25, frames=8, frame_dose=50.0)
    settings = bw.Settings(window=64, step=16, drift="off")
    found = len(bw.find_spots(movie, settings))
    grid_only = Effort(8, 192**2, 81, 64, 0, 0)
    needed = Effort(8, 192**2, 81, 64, found, 0)
    monkeypatch.setattr(effort, "free_memory", lambda: (grid_only.memory + needed.memory) / 2)
    monkeypatch.setattr(effort, "SPOTS_PER_WINDOW", 0)
    steps = []
    with pytest.raises(bw.BeamwatchError, match=rf"some {found} spots over 8 frames"):
        bw.analyze(movie, settings, progress=lambda step: steps.append(step.doing))
    assert "following spots" not in steps


@pytest.mark.long
def test_the_estimate_is_near_the_memory_that_is_taken() -> None:
    movie = simulate("survivor", size=160, pixel_size=0.25, frames=24, frame_dose=40.0)
    frames = bw.Movie.from_array(movie.frames.compute(), movie.pixel_size, 40.0)
    settings = bw.Settings(window=64, step=6, drift="off", criteria=("fading",))
    tracemalloc.start()
    try:
        result = bw.analyze(frames, settings)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    spots = int(result.spots.window.notna().sum())
    told = Effort(24, 160**2, len(result.windows), 64, spots, 0).memory
    assert peak < told
    assert told - BYTES < 3 * peak


@pytest.mark.long
def test_the_drift_of_a_long_record_is_counted_too() -> None:
    """It takes more than all else where a movie has few windows."""
    counts = np.random.default_rng(0).poisson(5.0, (256, 256)).astype(np.uint16)
    movie = bw.Movie.from_array(np.broadcast_to(counts, (160, 256, 256)), 0.25, 40.0)
    estimator = DriftEstimator(movie.shape[1:])
    estimator.reduce(counts)  # compiled
    tracemalloc.start()
    try:
        for frame in range(len(movie)):
            estimator.add(frame, np.roll(counts, frame // 20, axis=0))
        estimator.solve()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    grid = chosen_grid(movie, bw.Settings())
    told, still = (
        Effort.of(movie, bw.Settings(drift=drift), grid, 0).memory for drift in ("auto", "off")
    )
    kept = Effort.of(movie, bw.Settings(), grid, 0).coefficients * PER_COEFFICIENT
    assert 0.7 * peak < (1 + SOLVING) * kept
    assert peak < told
    assert told > still


def test_work_that_takes_long_says_so_before_and_what_would_take_less() -> None:
    movie = simulate("survivor", size=256)
    assert said_before(movie, bw.Settings()) == []
    regions = [bw.Region.rectangle(f"r{i}", 0, 128, 0, 128) for i in range(10_000)]
    (said,) = said_before(movie, bw.Settings(), regions)
    assert "10,000 regions take about" in said
    assert said.endswith("fewer regions need less")
