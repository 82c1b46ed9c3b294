"""Cases: named movies that are lazy, repeatable and know their truth."""

import json
import pickle

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.cases import case_names, load_case, simulate
from napari_beamwatch.simulate.truth import Truth

SMALL = {"pixel_size": 0.3, "size": 300}
FEW = {**SMALL, "frames": 3}


def test_the_cases_that_others_count_on_are_there():
    promised = """lif-room-temperature lif-to-li2o survivor fading-no-plateau stretched
    recovering-tilt focus-drift lasting-tilt flicker swelling shrinking-particle void no-lattice
    polycrystal reorientation end-in-dip contamination coarse-frames lif-to-li-rings-to-li2o
    carbonate sodium-fluoride"""
    assert set(promised.split()) <= set(case_names())
    assert all(load_case(name).description for name in case_names())


@pytest.mark.parametrize("name", case_names())
def test_every_case_makes_frames_and_a_truth_that_survives_json(name):
    small = SMALL if load_case(name).pixel_size else {"size": 300}  # patterns have none
    movie = simulate(name, **small)
    frame = movie.frame(2)
    assert frame.shape == (300, 300)
    assert frame.mean() == pytest.approx(movie.counts[2], rel=0.03)
    truth = movie.truth
    assert Truth.from_dict(json.loads(truth.to_json())).to_dict() == truth.to_dict()
    assert len(truth.dose_e_per_A2) == len(truth.drift_px) == len(movie)
    np.testing.assert_allclose(truth.dose_e_per_A2, movie.dose)
    for region in truth.regions:
        assert 0 <= region.y0 < region.y1 <= 300
        assert 0 <= region.x0 < region.x1 <= 300
        assert len(region.lattice_power) == len(movie)
        if region.onset_frame is not None:
            assert movie.dose[region.onset_frame] > region.onset_dose_e_per_A2
            assert movie.dose_start[region.onset_frame] <= region.onset_dose_e_per_A2


ANSWERS = {
    "lif-room-temperature": ("onset", "fading", "amorphisation", 152.0, "LiF", "none"),
    "fading-no-plateau": ("damaged_at_start", "fading", "amorphisation", 0.0, "LiF", "none"),
    "lif-to-li2o": ("onset", "new_phase", "transformation", 180.0, "LiF", "Li2O"),
    "lif-to-li-rings-to-li2o": ("onset", "new_phase", "transformation", 150.0, "LiF", "Li2O"),
    "swelling": ("onset", "spacing", "unresolved", 200.0, "LiF", "LiF"),
    "void": ("onset", "mass_loss", "mass_loss", 150.0, "LiF", "LiF"),
    "thinning": ("onset", "mass_loss", "mass_loss", 150.0, "LiF", "none"),
    "ordering": ("onset", "new_phase", "ordering", 200.0, "LiF", "LiF"),
    "carbonate": ("onset", "fading", "amorphisation", 40.0, "Li2CO3", "none"),
    "survivor": ("survived", None, None, None, "LiF", "LiF"),
    "recovering-tilt": ("survived", None, None, None, "LiF", "LiF"),
    "no-lattice": ("no_lattice", None, None, None, "none", "none"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", ANSWERS)
def test_the_truth_is_in_the_words_of_the_results(name):
    truth = simulate(name, **SMALL).truth
    assert (
        truth.status,
        truth.criterion,
        truth.interpretation,
        truth.onset_dose_e_per_A2,
        truth.phase_before,
        truth.phase_after,
    ) == ANSWERS[name]


def test_changes_that_are_no_damage_or_too_late_are_ambiguous():
    for name in ("focus-drift", "lasting-tilt", "reorientation", "end-in-dip"):
        truth = simulate(name, **SMALL).truth
        assert truth.status == "ambiguous"
        assert truth.reason
    late = simulate("stretched", **SMALL, onset=580)
    assert late.truth.status == "ambiguous"
    beyond = simulate("stretched", **SMALL, onset=700)
    assert beyond.truth.status == "survived"
    assert beyond.truth.onset_dose_e_per_A2 is None


def test_two_grains_have_onsets_of_their_own():
    truth = simulate("lif-room-temperature", **SMALL).truth
    a, b = truth.regions
    assert (a.onset_dose_e_per_A2, b.onset_dose_e_per_A2) == (152.0, 351.0)
    assert a.x1 <= b.x0
    assert a.half_dose_e_per_A2 == pytest.approx(152 + 41 * np.log(2))
    assert a.dose_1e_e_per_A2 == pytest.approx(152 + 41)
    assert {s.hkl for s in a.spots_before} != {s.hkl for s in b.spots_before}


def test_parameters_are_set_by_keyword_and_others_are_refused():
    movie = simulate("stretched", **FEW, frame_dose=[1.0, 2.0, 3.0], onset=2.0, tau=9.0, beta=0.8)
    assert movie.dose.tolist() == [1.0, 3.0, 6.0]
    law = {"law": "Decay", "onset": 2.0, "tau": 9.0, "beta": 0.8, "residual": 0.0}
    assert movie.truth.regions[0].laws == (law,)
    assert movie.truth.parameters == {"onset": 2.0, "tau": 9.0, "beta": 0.8}
    with pytest.raises(BeamwatchError, match=r"stretched knows no speed.*onset, tau, beta"):
        simulate("stretched", speed=3)


def test_an_unknown_case_is_answered_with_the_known_ones():
    with pytest.raises(BeamwatchError, match=r"no case 'lif'.*lif-room-temperature.*survivor"):
        simulate("lif")


@pytest.mark.parametrize(
    "wrong",
    [
        {"frames": 0},
        {"frame_dose": 0},
        {"frame_dose": "much"},
        {"frame_dose": [1.0, 2.0]},
        {"size": 3},
        {"size": (64, 64, 64)},
        {"size": "big"},
        {"pixel_size": 0},
        {"pixel_size": 100},
        {"seed": -1},
        {"dose_rate": 0},
        {"onset": (1, 2, 3)},
        {"tau": 0},
    ],
)
def test_what_cannot_be_filmed_is_refused(wrong):
    with pytest.raises(BeamwatchError):
        simulate("lif-room-temperature", **{**FEW, **wrong})


def test_a_frame_is_the_same_in_whatever_order_frames_are_read():
    forward = [simulate("flicker", **FEW, seed=4).frame(t) for t in range(3)]
    movie = simulate("flicker", **FEW, seed=4)
    for t in (2, 0, 1):
        np.testing.assert_array_equal(movie.frame(t), forward[t])
    other = simulate("flicker", **FEW, seed=5)
    assert (other.frame(0) != forward[0]).any()
    assert (forward[0] != forward[1]).any()


def test_frames_can_be_sent_to_another_process():
    source = simulate("lif-room-temperature", **FEW).recording.frames
    there = pickle.loads(pickle.dumps(source))
    np.testing.assert_array_equal(there.read(1), source.read(1))


def test_the_movie_states_where_its_calibrations_come_from():
    movie = simulate("survivor", pixel_size=0.13, size=64, frames=4, frame_dose=5, dose_rate=50)
    assert movie.pixel_size == pytest.approx(0.13, rel=1e-3)
    assert movie.origins["pixel_size"] == "simulated"
    assert movie.dose_source.startswith("simulated")
    np.testing.assert_allclose(movie.times, [0.1, 0.2, 0.3, 0.4])
    assert movie.dose_rate == pytest.approx(50)
    assert movie.conditions.voltage_kV == 300
    assert movie.conditions.temperature_C == 20
    assert movie.conditions.specimen.startswith("simulated: LiF")
    assert movie.counting.kind == "single"
    assert movie.warnings == ()


def test_a_dimming_beam_gives_less_dose():
    movie = simulate("flicker", **SMALL)
    assert movie.frame_dose[-1] == pytest.approx(0.6 * 5, rel=0.3)
    assert movie.truth.flux[-1] == pytest.approx(movie.frame_dose[-1] / 5)


def test_the_truth_follows_slices_sums_and_crops():
    movie = simulate("lif-room-temperature", **SMALL)
    onset = movie.truth.onset_frame
    assert onset == 30
    assert movie[10:].truth.onset_frame == 20
    assert movie[10:].truth.dose_e_per_A2[0] == pytest.approx(movie[10:].dose[0])
    assert movie[:20].truth.onset_frame is None
    summed = movie.sum(4)
    assert summed.truth.onset_frame == 7
    np.testing.assert_allclose(summed.truth.dose_e_per_A2, summed.dose)
    np.testing.assert_array_equal(
        summed.frame(0), sum(movie.frame(t).astype(int) for t in range(4))
    )
    left = movie.crop(0, 300, 0, 120)
    assert [r.name for r in left.truth.regions] == ["A"]
    with pytest.raises(BeamwatchError, match="whole simulated movie"):
        left.expected(0)


@pytest.mark.long
def test_a_large_field_is_filled_from_small_stages():
    movie = simulate("polycrystal", pixel_size=0.4, size=(640, 1000), frames=2, grains=20)
    frame = movie.expected(1)
    assert frame.shape == (640, 1000)
    assert np.isfinite(frame).all()
    assert len(movie.truth.regions) == 20
