"""What simulated movies of known truth show of rings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.laws import Knots
from napari_beamwatch.simulate.scene import Patch, Picture, Scene
from napari_beamwatch.spectra.finding import Search, Segment, find_peaks
from napari_beamwatch.spectra.rings import (
    Lens,
    RadialSeries,
    RadialTracker,
    defocus_over_dose,
    find_rings,
)
from napari_beamwatch.spectra.rings.masks import LatticeSpots
from napari_beamwatch.spectra.windows import Grid

FRAMES = 6


def shown(case: str, frame_dose: float, **parameters: Any) -> RadialSeries:
    """Radial power of a simulated movie whose lattice spots were found before."""
    movie = simulate(case, size=640, frames=FRAMES, frame_dose=frame_dose, seed=1, **parameters)
    frames = [movie.recording.frames.read(t) for t in range(FRAMES)]
    grid = Grid(640, 640, 256, 128)
    edges = [(0, 2), (2, FRAMES)]
    segments = [
        Segment(a, b, np.sum(frames[a:b], axis=0, dtype=np.float32), True) for a, b in edges
    ]
    spots = LatticeSpots.of_peaks(find_peaks(segments, grid, Search(0.01)))
    tracker = RadialTracker(grid, np.ones(FRAMES, bool), edges, spots)
    for t, frame in enumerate(frames):
        tracker.add(t, tracker.reduce(t, frame, (0, 0)))
    return tracker.series()


@pytest.mark.long
def test_a_creeping_focus_is_told_from_the_film() -> None:
    dose = 15 * 200.0
    focus = Knots((0.2 * dose, dose), (0.0, 5.0))
    scene = Scene("film", "carbon film", (Patch("film", Picture("carbon", 17.0)),), focus=focus)
    movie = simulate(scene, size=640, frames=15, frame_dose=200.0, seed=1)
    tracker = RadialTracker(
        Grid(640, 640, 256, 128), np.ones(15, bool), [(0, 5), (5, 10), (10, 15)]
    )
    for t in range(15):
        tracker.add(t, tracker.reduce(t, movie.recording.frames.read(t), (0, 0)))
    segments = tracker.series().segments
    found = defocus_over_dose(segments, Lens(300.0), movie.pixel_size, single_counts=True)
    true = np.array([np.mean(movie.truth.focus_nm[s.first : s.last]) for s in segments])
    assert not found.reason
    assert found.change_nm[1:] == pytest.approx(
        (true - true[0])[1:], abs=3 * float(found.change_se_nm.max())
    )
    assert found.change_nm[-1] > 2 * found.change_se_nm[-1]


@pytest.mark.parametrize("case", ["survivor", "lif-room-temperature"])
def test_single_crystals_show_no_rings(case: str) -> None:
    series = shown(case, 60.0, drift=None)
    assert find_rings(series.segments, 0.01, single_counts=True) == ()


@pytest.mark.long
def test_lithium_grains_show_the_ring_of_lithium_and_only_after_they_came() -> None:
    series = shown("lif-to-li-rings-to-li2o", 60.0, onset=125.0, tau=5.0, oxide=1e4)
    rings = find_rings(series.segments, 0.01, single_counts=True)
    (ring, *_) = [r for r in rings if not r.broad]
    d, d_se = (value * 0.125 for value in ring.d_px())
    assert d == pytest.approx(3.51 / np.sqrt(2), abs=3 * d_se)
    assert d_se < 0.06
    assert ring.seen[1]
