"""The focus is told from Thon rings within its errors, and only where there are any."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from napari_beamwatch import BeamwatchError
from napari_beamwatch.spectra.rings import Lens, defocus_over_dose
from napari_beamwatch.spectra.windows import Grid

PIXEL = 0.25
LENS = Lens(300.0)
WIDE = Grid(512, 512, 256, 128)
TRUE = np.array([40, 40, 41, 43, 45.0])
DOSES = (1.0, 1.6, 3.0, 3.0, 4.0)


def film(specimen, focus: float, seed: int, lens: Lens = LENS) -> np.ndarray:  # type: ignore[no-untyped-def]
    def amplitude(k: np.ndarray, _: np.ndarray) -> np.ndarray:
        return np.sin(lens.phase(k / PIXEL, focus)) * np.exp(-((k / 0.14) ** 2))

    made: np.ndarray = specimen.field(amplitude, seed)
    return made * 0.08 / made.std()


@pytest.mark.long
def test_the_change_of_focus_is_told_within_its_errors(specimen) -> None:  # type: ignore[no-untyped-def]
    off, values = [], []
    for seed in range(8):
        films = [film(specimen, focus, seed) for focus in TRUE]
        segments = [
            specimen.counted(one, dose, 10 * seed + i, (i, i + 1), grid=WIDE)
            for i, (one, dose) in enumerate(zip(films, DOSES, strict=True))
        ]
        found = defocus_over_dose(segments, LENS, PIXEL, single_counts=True)
        assert not found.reason
        off.append((found.change_nm - (TRUE - 40))[1:] / found.change_se_nm[1:])
        values.append(found.defocus_nm)
    assert np.std(off) < 1.3
    assert np.abs(off).max() < 4
    assert np.mean(values, axis=0) == pytest.approx(TRUE, abs=1.5)


@pytest.mark.long
@pytest.mark.parametrize("rings", [False, True])
def test_noise_and_powder_rings_are_no_thon_rings(specimen, rings: bool) -> None:  # type: ignore[no-untyped-def]
    told = 0
    for seed in range(20):
        contrast = specimen.powder(0.15, 0.004, 0.08, seed) if rings else 0.0
        segment = specimen.counted(contrast, 2.0, seed, grid=WIDE)
        found = defocus_over_dose([segment], LENS, PIXEL, 0.05, single_counts=True)
        told += not found.reason
    assert told <= binom.ppf(0.9995, 20, 0.05)


def test_spherical_aberration_tells_the_sign(specimen) -> None:  # type: ignore[no-untyped-def]
    lens = Lens(300.0, 0.2)
    made = film(specimen, -35.0, 1, lens)
    segment = specimen.counted(made, 8.0, 1, grid=WIDE)
    found = defocus_over_dose([segment], lens, PIXEL, single_counts=True)
    assert not found.reason
    assert found.defocus_nm[0] == pytest.approx(-35, abs=4 * found.defocus_se_nm[0])


def test_what_is_not_known_is_said(specimen) -> None:  # type: ignore[no-untyped-def]
    segment = specimen.counted(0.0, 1.0, 0)
    no_voltage = defocus_over_dose([segment], None, PIXEL, single_counts=True)
    no_pixel = defocus_over_dose([segment], LENS, None, single_counts=True)
    assert "voltage" in no_voltage.reason
    assert "pixel size" in no_pixel.reason
    assert np.isnan(no_voltage.defocus_nm).all()
    assert defocus_over_dose([], LENS, PIXEL, single_counts=True).reason


def test_lenses_that_cannot_be_are_refused() -> None:
    assert LENS.wavelength == pytest.approx(0.019687, rel=1e-4)
    with pytest.raises(BeamwatchError, match="voltage"):
        Lens(0.3)
    with pytest.raises(BeamwatchError, match="aberration"):
        Lens(300.0, 2.7e6)
