"""Rings that come: a powder's do, the halo of matter that lost its lattice does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.spectra.rings import Defocus, Ring, RingTrace

STRETCHES, FRAMES = 20, 40
START = 5.0 * np.arange(FRAMES)
K = 0.05


def diffuse(width: float, width_se: float, *, there: bool = False) -> Diffuse:
    """One ring of a width over its frequency that rises from half of the record on."""
    level = np.where(np.arange(STRETCHES) < STRETCHES // 2, 0.0, 1.0)
    nothing = np.full(STRETCHES, np.nan)
    trace = RingTrace(
        first=2 * np.arange(STRETCHES),
        last=2 * np.arange(STRETCHES) + 2,
        intensity=level,
        intensity_se=np.full(STRETCHES, 0.05),
        k=nothing,
        k_se=nothing,
        width=nothing,
        width_se=nothing,
        averaged=1,
    )
    ring = Ring(
        K, 1e-4, width * K, width_se * K, 1.0, 0.05, 2, (there, False, True), 20.0, broad=False
    )
    empty = np.empty(0)
    whole = np.empty(0, np.int64)
    focus = Defocus(whole, whole, empty, empty, empty, empty, 1.0, "not looked for")
    return Diffuse((ring,), (trace,), focus)


@pytest.mark.parametrize(("width", "width_se", "comes"), [(0.1, 0.016, 1), (0.12, 0.06, 0)])
def test_only_a_ring_that_is_surely_sharp_comes(width, width_se, comes):
    assert len(diffuse(width, width_se).coming(START, START + 5.0, 0.001)) == comes


def test_it_came_when_it_began_to_rise():
    when, ring = diffuse(0.1, 0.016).came(START, START + 5.0, 0.001)
    assert when.value == pytest.approx(100.0, abs=10.0)
    assert ring is not None


def test_a_ring_that_was_there_at_first_does_not_come():
    assert diffuse(0.1, 0.016, there=True).came(START, START + 5.0, 0.001)[1] is None


@pytest.mark.parametrize(
    ("segment", "d", "comes"), [(0, 1.01, 0), (1, 1.01, 0), (2, 1.01, 1), (0, 1.05, 1)]
)
def test_a_spacing_that_a_lattice_showed_before_is_no_ring_that_comes(segment, d, comes):
    lattice = tuple(np.array([K / d]) if i == segment else np.empty(0) for i in range(3))
    seen = replace(diffuse(0.1, 0.016), lattice=lattice)
    assert len(seen.coming(START, START + 5.0, 0.001)) == comes


def test_a_ring_that_flickers_beyond_its_errors_does_not_come():
    steady = diffuse(0.1, 0.016)
    trace = steady.traces[0]
    shown = np.random.default_rng(0).random(STRETCHES) < 0.5
    tracks = replace(trace, intensity=np.where(shown, np.linspace(0.2, 1, STRETCHES), 0.0))
    assert not replace(steady, traces=(tracks,)).coming(START, START + 5.0, 0.001)
    ramp = replace(trace, intensity=np.linspace(-1, 1, STRETCHES).clip(0))
    assert replace(steady, traces=(ramp,)).coming(START, START + 5.0, 0.001)
