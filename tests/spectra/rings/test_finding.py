"""Rings are found at the stated false-alarm rate, where they are, and lattices are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import convolve
from scipy.stats import binom

from napari_beamwatch.spectra.rings import find_rings
from napari_beamwatch.spectra.rings.finding import threshold
from napari_beamwatch.spectra.windows import Grid

ALPHA = 0.1
TRIALS = 30
BLOB = np.array([[6, 11, 6], [11, 32, 11], [6, 11, 6]])


def blobs(counts: np.ndarray) -> np.ndarray:
    return convolve(counts, BLOB, mode="wrap")


@pytest.mark.long
@pytest.mark.parametrize("camera", [None, blobs])
def test_noise_alone_raises_no_more_alarms_than_stated(specimen, camera) -> None:  # type: ignore[no-untyped-def]
    hits = 0
    for seed in range(TRIALS):
        segment = specimen.counted(0.0, 1.0, seed, camera=camera)
        hits += len(find_rings([segment], ALPHA, single_counts=camera is None)) > 0
    assert hits <= binom.ppf(0.9995, TRIALS, ALPHA)


def test_a_powder_ring_is_where_it_is_and_as_strong_as_it_is(specimen) -> None:  # type: ignore[no-untyped-def]
    off, strength = [], []
    for seed in range(12):
        contrast = specimen.powder(0.15, 0.006, 0.12, seed)
        (ring,) = find_rings([specimen.counted(contrast, 3.0, seed)], 0.01, single_counts=True)
        off.append((ring.k - 0.15) / ring.k_se)
        strength.append(ring.intensity / 0.12**2)
        assert ring.k == pytest.approx(0.15, rel=0.01)
        assert not ring.broad
    assert np.abs(off).max() < 3
    assert np.mean(strength) == pytest.approx(1, abs=0.05)


def test_a_halo_is_told_by_its_width(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.powder(0.18, 0.016, 0.2, 0)
    rings = find_rings([specimen.counted(contrast, 4.0, 0)], 0.01, single_counts=True)
    assert rings[0].broad
    assert rings[0].width == pytest.approx(2.355 * 0.016, abs=3 * rings[0].width_se)


def test_rings_of_drawn_electrons_are_found_with_their_contrast(specimen) -> None:  # type: ignore[no-untyped-def]
    contrast = specimen.powder(0.12, 0.006, 0.15, 1)
    segment = specimen.counted(contrast, 4.0, 1, camera=blobs)
    (ring,) = find_rings([segment], 0.01, single_counts=False)
    assert ring.k == pytest.approx(0.12, abs=3 * ring.k_se)
    # The camera's transfer at 0.12 cycles a pixel, and nothing else, lessens it.
    line = np.fft.rfft2(BLOB, s=(100, 100)) / BLOB.sum()
    passed = np.abs(line[12, 0]) ** 2 / 2 + np.abs(line[8, 8]) ** 2 / 2
    assert ring.intensity / 0.15**2 == pytest.approx(passed, rel=0.2)


def test_a_ring_that_comes_late_is_known_to_be_late(specimen) -> None:  # type: ignore[no-untyped-def]
    before = specimen.counted(0.0, 3.0, 2, (0, 2))
    after = specimen.counted(specimen.powder(0.2, 0.005, 0.12, 2), 3.0, 3, (2, 4))
    (ring,) = find_rings([before, after], 0.01, single_counts=True)
    assert ring.seen == (False, True)
    assert ring.segment == 1


def test_spots_of_a_crystal_are_no_ring_even_if_looked_at(specimen) -> None:  # type: ignore[no-untyped-def]
    y, x = np.mgrid[:512, :512]
    contrast = np.zeros((512, 512))
    for turn in (0.3, 0.3 + np.pi / 2):
        contrast += 0.05 * np.cos(2 * np.pi * 0.2 * (y * np.sin(turn) + x * np.cos(turn)))
    assert find_rings([specimen.counted(contrast, 2.0, 4)], 0.01, single_counts=True) == ()


def test_thon_rings_are_no_powder_rings(specimen) -> None:  # type: ignore[no-untyped-def]
    def film(k: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.sin(np.pi * 110 * k**2) * np.exp(-((k / 0.2) ** 2))

    for seed in range(4):
        contrast = specimen.field(film, seed)
        contrast *= 0.08 / contrast.std()
        segment = specimen.counted(contrast, 8.0, seed, grid=Grid(512, 512, 256, 128))
        assert not [r for r in find_rings([segment], 0.01, single_counts=True) if not r.broad]


def test_the_threshold_counts_everything_that_is_looked_at() -> None:
    assert threshold(240, 0.01) ** 2 - threshold(60, 0.01) ** 2 == pytest.approx(2 * np.log(4))
    assert threshold(60, 0.001) > threshold(60, 0.01)


def test_without_counts_there_are_no_rings(specimen) -> None:  # type: ignore[no-untyped-def]
    assert find_rings([], 0.01, single_counts=True) == ()
    assert find_rings([specimen.counted(-1.0, 1.0, 0)], 0.01, single_counts=True) == ()
