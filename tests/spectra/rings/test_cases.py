"""What simulated movies of known truth show of rings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.finding import Search, Segment, find_peaks
from napari_beamwatch.spectra.rings import RadialSeries, RadialTracker, find_rings
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


@pytest.mark.parametrize("case", ["survivor", "lif-room-temperature"])
def test_single_crystals_show_no_rings(case: str) -> None:
    series = shown(case, 60.0, drift=None)
    assert find_rings(series.segments, 0.01, single_counts=True) == ()


def test_lithium_grains_show_the_ring_of_lithium_and_only_after_they_came() -> None:
    series = shown("lif-to-li-rings-to-li2o", 60.0, onset=125.0, tau=5.0, oxide=1e4)
    rings = find_rings(series.segments, 0.01, single_counts=True)
    (ring, *_) = [r for r in rings if not r.broad]
    d, d_se = (value * 0.125 for value in ring.d_px())
    assert d == pytest.approx(3.51 / np.sqrt(2), abs=3 * d_se)
    assert d_se < 0.06
    assert ring.seen[1]
