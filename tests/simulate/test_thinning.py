"""Thinning: the spots follow the thickness, and the mean follows it against the film."""

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.stages import read_reflection

FAST = {"pixel_size": 0.25, "size": 480, "frames": 24, "frame_dose": 20.0}
SHARP = Detector(mtf_nyquist=1.0)


def crystal(movie, frame):
    """A square of nothing but crystal, with mean 1."""
    part = movie.expected(frame)[:320, :320]
    return part / part.mean()


def against_the_film(movie, frame):
    image = movie.expected(frame)
    return image[:, :316].mean() / image[:, 356:].mean()


def test_the_spots_of_30_nm_rise_and_go():
    movie = simulate("thinning", **FAST, detector=SHARP, onset=100, rate=0.1)
    region = movie.truth.regions[0]
    inner = next(spot for spot in region.spots_before if spot.hkl == (-1, 1, 1))
    power = [read_reflection(crystal(movie, f), movie.pixel_size, inner).power for f in range(24)]
    np.testing.assert_allclose(power[:5], power[0], rtol=1e-3)
    assert max(power) > 10 * power[0]
    assert power.index(max(power)) == pytest.approx(12, abs=1)  # 15 nm, at 250 e/Å²
    assert max(power[20:]) < 0.01 * power[0]


@pytest.mark.parametrize("thickness", [15.0, 30.0, 60.0])
def test_the_mean_against_the_film_tells_the_thickness(thickness):
    movie = simulate("thinning", **FAST, thickness=thickness, onset=100, rate=0.1)
    for frame in (0, 4, 10, 16, 23):
        dose = movie.dose_start[frame] + 10
        left = max(0.0, thickness - 0.1 * max(0.0, dose - 100))
        seen = against_the_film(movie, frame)
        assert seen == pytest.approx(np.exp(-left / 175), abs=0.004)


def test_a_longer_free_path_throws_less_shade():
    shorter, longer = (simulate("thinning", **FAST, mean_free_path=path) for path in (100, 300))
    assert against_the_film(shorter, 0) == pytest.approx(np.exp(-0.3), abs=0.004)
    assert against_the_film(longer, 0) == pytest.approx(np.exp(-0.1), abs=0.004)
    # And the detector counts what passes.
    assert shorter.counts[0] < shorter.counts[-1]


def test_what_is_left_keeps_its_lattice():
    truth = simulate("thinning", **FAST, onset=100, left=9.0).truth
    assert (truth.status, truth.phase_after) == ("onset", "LiF")
    assert "ambiguous" in truth.acceptable
    assert truth.regions[0].spots_after
    slow = simulate("thinning", **FAST, onset=100, tau=150.0, left=9.0)
    assert slow.truth.onset_dose_e_per_A2 == 100
    assert against_the_film(slow, 23) == pytest.approx(
        np.exp(-(9 + 21 * np.exp(-370 / 150)) / 175), abs=0.004
    )


def test_thinning_that_begins_too_late_or_at_once_is_told_as_such():
    assert simulate("thinning", **FAST, onset=470).truth.status == "ambiguous"
    assert simulate("thinning", **FAST, onset=0).truth.status == "damaged_at_start"
    assert simulate("thinning", **FAST, onset=600).truth.status == "survived"


@pytest.mark.parametrize(
    "wrong", [{"thickness": 70.0}, {"left": 30.0}, {"rate": 0.0}, {"film": 1.0}, {"tau": 0.0}]
)
def test_a_crystal_thins_from_what_there_are_stages_of(wrong):
    with pytest.raises(BeamwatchError, match="thin"):
        simulate("thinning", **FAST, **wrong)
