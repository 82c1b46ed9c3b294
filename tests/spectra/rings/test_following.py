"""Traces of rings have errors that are true, and a beam that dims changes nothing in them."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.spectra.rings import find_rings, follow_rings


@pytest.mark.long
def test_traces_of_a_steady_ring_scatter_as_stated(specimen) -> None:  # type: ignore[no-untyped-def]
    heights, places = [], []
    for seed in range(6):
        contrast = specimen.powder(0.15, 0.006, 0.1, seed)
        (ring,) = find_rings([specimen.counted(contrast, 4.0, seed)], 0.01, single_counts=True)
        stretches = [specimen.counted(contrast, 1.0, 100 * seed + i, (i, i + 1)) for i in range(8)]
        (trace,) = follow_rings(stretches, [ring], single_counts=True)
        freedom = np.sqrt(8 / 7)
        heights.append((trace.intensity - trace.intensity.mean()) / trace.intensity_se * freedom)
        alone = slice(0, None, trace.averaged)
        places.append(((trace.k - np.nanmean(trace.k[alone])) / trace.k_se)[alone])
    assert np.std(heights) == pytest.approx(1, abs=0.25)
    assert 0.5 < np.nanstd(np.concatenate(places)) < 1.3


def test_a_beam_that_dims_changes_nothing(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.powder(0.15, 0.006, 0.15, 3)
    (ring,) = find_rings([specimen.counted(contrast, 4.0, 3)], 0.01, single_counts=True)
    doses = (4.0, 3.0, 2.0, 1.0)
    stretches = [specimen.counted(contrast, dose, i, (i, i + 1)) for i, dose in enumerate(doses)]
    (trace,) = follow_rings(stretches, [ring], single_counts=True)
    assert np.abs((trace.intensity / 0.15**2 - 1) / 0.15).max() < 1
    assert (np.diff(trace.intensity_se) > 0).all()


def test_a_ring_that_fades_and_one_that_moves_are_told(specimen) -> None:  # type: ignore[no-untyped-def]
    steady = specimen.powder(0.15, 0.006, 0.15, 5)
    moved = specimen.powder(0.153, 0.006, 0.15, 5)
    (ring,) = find_rings([specimen.counted(steady, 6.0, 5)], 0.01, single_counts=True)
    shown = [steady, steady, moved, moved, 0 * steady, 0 * steady]
    stretches = [specimen.counted(c, 3.0, i, (i, i + 1)) for i, c in enumerate(shown)]
    (trace,) = follow_rings(stretches, [ring], single_counts=True)
    shift = trace.k[2:4].mean() - trace.k[:2].mean()
    assert shift == pytest.approx(0.003, abs=3 * float(np.hypot(*trace.k_se[1:3])))
    assert shift > 0.0015
    assert (trace.intensity[:2] > 10 * trace.intensity_se[:2]).all()
    assert (np.abs(trace.intensity[4:]) < 4 * trace.intensity_se[4:]).all()


def test_a_ring_too_weak_for_its_spacing_says_over_how_many_stretches(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.powder(0.15, 0.006, 0.08, 6)
    (ring,) = find_rings([specimen.counted(contrast, 6.0, 6)], 0.01, single_counts=True)
    stretches = [specimen.counted(contrast, 0.4, i, (i, i + 1)) for i in range(12)]
    (trace,) = follow_rings(stretches, [ring], single_counts=True)
    assert trace.averaged > 1
    assert trace.averaged % 2 == 1


def test_dark_stretches_have_no_values(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.powder(0.15, 0.006, 0.15, 7)
    bright = specimen.counted(contrast, 4.0, 7)
    (ring,) = find_rings([bright], 0.01, single_counts=True)
    (trace,) = follow_rings([specimen.counted(-1.0, 1.0, 0), bright], [ring], single_counts=True)
    assert np.isnan(trace.intensity).tolist() == [True, False]
    assert follow_rings([], [ring], single_counts=True)[0].intensity.size == 0
