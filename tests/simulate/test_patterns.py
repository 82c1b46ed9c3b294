"""Simulated diffraction patterns: rings where they are said to be, with the electrons they hold."""

import json

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.phases.reflections import all_reflections
from napari_beamwatch.phases.structures import phase
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.laws import Saturating
from napari_beamwatch.simulate.patterns import Halo, PatternScene, Powder
from napari_beamwatch.simulate.powders import POWDERS
from napari_beamwatch.simulate.scene import Drift
from napari_beamwatch.simulate.writing import write_movie

GOLD = Powder("Au", 0.2, grain_nm=20.0)


def scene(*powders, **rest):
    return PatternScene("own", "rings of one's own", powders, **rest)


def radial(picture, middle):
    """Sum over rings of one pixel about a centre, and of the pixels in them."""
    y, x = np.indices(picture.shape)
    ring = np.rint(np.hypot(y - middle[0], x - middle[1])).astype(int)
    return np.bincount(ring.ravel(), picture.ravel()), np.bincount(ring.ravel())


@pytest.mark.parametrize("name", POWDERS)
def test_powders_have_the_spacings_and_strengths_of_their_structures(name):
    known = all_reflections(phase(name), 1.1)
    electrons = known.strength * known.multiplicity * known.d
    for _, d, strength in POWDERS[name]:
        same = known.unique & (np.abs(known.d / d - 1) < 5e-5)
        ratio = electrons[same].sum() / max(
            electrons[known.unique & (np.abs(known.d / one - 1) < 5e-5)].sum()
            for _, one, _ in POWDERS[name]
        )
        assert ratio == pytest.approx(strength, abs=2e-3)


def test_a_ring_holds_its_share_of_the_electrons_where_its_spacing_says():
    movie = simulate(scene(GOLD), frames=1, size=400)
    composer = movie.recording.frames.composer
    without = simulate(scene(), frames=1, size=400).recording.frames.composer
    picture = composer.frame(0).astype(float)
    ring = movie.truth.rings[0]
    rest = without.frame(0).astype(float)
    r = np.arange(60, 92)  # 111 and no other
    assert (ring.d_A, ring.radius_px) == pytest.approx((2.3548, 200 / 2.3548))
    sums = radial(picture - rest, composer.middle)[0][r]
    assert sums.sum() == pytest.approx(ring.share[0], rel=0.01)
    assert (sums * r).sum() / sums.sum() == pytest.approx(ring.radius_px, abs=0.1)
    assert picture.sum() == pytest.approx(1.0, abs=0.1)


def test_small_grains_make_wide_rings():
    widths = []
    for size in (3.0, 30.0):
        picture = simulate(scene(Powder("Au", 0.2, grain_nm=size)), frames=1, size=400)
        composer = picture.recording.frames.composer
        sums, pixels = (part[70:100] for part in radial(composer.frame(0), composer.middle))
        profile = sums / pixels - (sums / pixels)[[0, -1]].mean()
        widths.append((profile > profile.max() / 2).sum())
    assert widths[0] > 1.5 * widths[1]


def test_an_ellipse_is_as_long_as_it_is_said_to_be():
    composer = simulate(
        scene(GOLD, ellipse=0.1, ellipse_deg=0.0), frames=1, size=400
    ).recording.frames.composer
    picture = composer.frame(0)
    y, x = (round(m) for m in composer.middle)
    along = np.argmax(picture[y, x + 60 : x + 98]) + 60
    across = np.argmax(picture[y + 60 : y + 98, x]) + 60
    assert along / across == pytest.approx(1.1, abs=0.025)


def test_grains_are_spots_on_the_ring_and_hold_its_share():
    few = Powder("Au", 0.2, grains=12, grain_nm=20.0)
    composer = simulate(scene(few), frames=1, size=400).recording.frames.composer
    rest = simulate(scene(), frames=1, size=400).recording.frames.composer.frame(0)
    extra = composer.frame(0).astype(float) - rest
    sums = radial(extra, composer.middle)[0]
    assert sums[75:95].sum() == pytest.approx(few.rings[0][2], rel=0.02)
    y, x = np.indices(extra.shape)
    r = np.hypot(y - composer.middle[0], x - composer.middle[1])
    on = extra[np.abs(r - 200 / 2.3548) < 1]
    assert np.median(on) < 0.05 * on.max()


def test_rings_move_with_the_centre_and_what_hides_them_does_not():
    far = Drift(Saturating(6.0, 5.0, 10.0), Saturating(-4.0, 5.0, 10.0))
    movie = simulate(scene(GOLD, drift=far, stop_px=15.0), frames=50)
    stopped = movie.recording.frames.composer
    composer = simulate(scene(GOLD, drift=far), frames=50).recording.frames.composer
    np.testing.assert_allclose(movie.truth.drift_px, composer.drift_px)
    assert composer.drift_px[-1] == pytest.approx((6, -4), abs=0.1)
    moved = np.roll(composer.frame(0), (6, -4), (0, 1))
    assert np.corrcoef(moved[20:-20, 20:-20].ravel(), composer.frame(49)[20:-20, 20:-20].ravel())[
        0, 1
    ] == pytest.approx(1.0, abs=0.02)
    hidden = [stopped.frame(t) < 0.5 * composer.frame(t) for t in (0, 49)]
    np.testing.assert_array_equal(*hidden)
    assert hidden[0].sum() > np.pi * 14**2


def test_the_truth_tells_what_came_and_what_went():
    truth = simulate("sodium-rings").truth
    assert (truth.status, truth.criterion, truth.phase_before, truth.phase_after) == (
        "onset", "new_phase", "Na", "Na2CO3",
    )  # fmt: skip
    assert truth.onset_dose_e_per_A2 == truth.regions[0].first_seen_dose_e_per_A2 == 70.0
    went, came = truth.rings[0], truth.rings[-1]
    assert (went.share[0] > went.share[-1], came.share[0], came.share[-1] > 0) == (True, 0.0, True)
    gone = simulate("fading-rings", halo=0.05).truth
    assert (gone.criterion, gone.interpretation, gone.phase_after) == (
        "fading", "amorphisation", "none",
    )  # fmt: skip
    assert truth.camera_constant_A_px == 200.0
    assert truth.pixel_size_A is None


def test_a_halo_grows_at_its_spacing():
    wide = Halo(2.0, 0.1, amount=Saturating(1.0, 50.0, 20.0))
    composer = simulate(scene(halos=(wide,)), frames=60, size=400).recording.frames.composer
    gained = composer.frame(59).astype(float) - composer.frame(0)
    sums, pixels = radial(gained, composer.middle)
    assert np.argmax(sums[40:160] / pixels[40:160]) + 40 == pytest.approx(100, abs=4)


@pytest.mark.parametrize("ending", ["tif", "mrc"])
def test_patterns_that_are_written_say_that_they_are_diffraction(tmp_path, ending):
    movie = simulate("sodium-rings", frames=2, size=64)
    truth = write_movie(movie, tmp_path / f"rings.{ending}")
    opened = bw.open_movie(tmp_path / f"rings.{ending}")
    assert opened.conditions.imaging_mode == "diffraction"
    assert opened.pixel_size is None
    np.testing.assert_array_equal(opened.frame(1), movie.frame(1))
    assert json.loads(truth.read_text(encoding="utf-8"))["camera_constant_A_px"] == 200.0


def test_what_patterns_do_not_have_is_refused_in_words(tmp_path):
    with pytest.raises(bw.BeamwatchError, match="no pixel size"):
        simulate("sodium-rings", pixel_size=0.1)
    with pytest.raises(bw.BeamwatchError, match="not as EER"):
        write_movie(simulate("sodium-rings", frames=1, size=64), tmp_path / "a.eer")
