"""Mosaics: grains and patches whose fates are known, one by one."""

import numpy as np
import pytest

from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.laws import Swing

SMALL = {"pixel_size": 0.4, "size": 256, "frames": 20, "frame_dose": 20.0}


def test_every_grain_of_a_mosaic_has_a_fate_and_the_first_to_change_speaks_for_the_field():
    truth = simulate("mosaic", **SMALL, seed=1, grains=9).truth
    changed = [r.onset_dose_e_per_A2 for r in truth.regions if r.status == "onset"]
    assert {r.status for r in truth.regions} == {"onset", "survived"}
    assert {r.phase_after for r in truth.regions} == {"LiF", "Li2O", "none"}
    assert truth.onset_dose_e_per_A2 == min(changed)
    assert len(set(changed)) == len(changed)


def test_patches_are_of_one_crystal():
    truth = simulate("mosaic", **SMALL, seed=1, layout="patches", grains=5).truth
    assert len(truth.regions) == 5
    assert len({r.spots_before for r in truth.regions}) == 1


def test_a_tilted_grain_comes_back_and_is_no_damage():
    truth = simulate("mosaic", **SMALL, seed=1, grains=9, survive=1.0, transform=0.0, tilted=True)
    assert [event.kind for event in truth.truth.events] == ["tilt"]
    assert truth.truth.status == "survived"


def test_a_swing_returns_to_nothing_in_every_period():
    swing = Swing(30.0, 100.0, 0.25)
    np.testing.assert_allclose(swing.at([75.0, 175.0]), 0.0, atol=1e-12)
    assert swing.at(25.0) == pytest.approx(30.0)
    assert swing.lasting_from is None


def test_grains_that_rock_survive_unless_they_fade_together():
    assert simulate("rocking-grains", **SMALL).truth.status == "survived"
    faded = simulate("rocking-grains", **SMALL, onset=150.0).truth
    assert {r.onset_dose_e_per_A2 for r in faded.regions} == {150.0}


def test_a_layer_takes_part_of_the_fringes_and_of_the_counts_but_harms_nothing():
    movie = simulate("grown-over", **SMALL, darkness=0.1, loss=0.36)
    first, last = (movie.expected(frame).astype(float) for frame in (0, 19))
    assert last.mean() / first.mean() == pytest.approx(0.9, abs=0.01)
    assert movie.truth.status == "survived"
    before, after = (np.abs(np.fft.fft2(a / a.mean())) ** 2 for a in (first, last))
    spots = before > 0.3 * before[1:, 1:].max()
    spots[0, 0] = False
    assert after[spots].sum() / before[spots].sum() == pytest.approx(0.64, abs=0.08)
