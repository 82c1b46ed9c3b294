"""Spots are named when they can be, joined when they cannot, and left alone when nothing fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_beamwatch import BeamwatchError
from napari_beamwatch.phases import (
    Match,
    SpotSet,
    known_phases,
    match,
    match_many,
    phase,
    phase_from_cif,
)
from napari_beamwatch.phases.reflections import all_reflections
from napari_beamwatch.simulate.stages import load_stage

PACKAGED = known_phases()

SIGMA = 0.005
"""Relative error of simulated spacings: that of a spot of SNR 30 in the tenth bin."""


def projected(g: np.ndarray) -> np.ndarray:
    """g-vectors of one zone in the plane, y up; the first is along x."""
    e1 = g[0] / np.linalg.norm(g[0])
    normal = next(v for v in np.cross(g[0], g[1:]) if np.linalg.norm(v) > 1e-9)
    e2 = np.cross(normal / np.linalg.norm(normal), e1)
    return np.column_stack([g @ e1, g @ e2])


def seen(
    name: str,
    rng: np.random.Generator,
    *,
    sigma: float = SIGMA,
    rings: bool = False,
    spots: int | None = None,
    stray: bool = False,
) -> SpotSet:
    """Spots, or rings, of a random low zone of a phase, at a pixel size that is wrong by 2 %."""
    found = all_reflections(phase(name), 1.1)
    strong = np.flatnonzero((found.strength > 0.01) & (found.d > 1.2))
    if rings:
        candidates = strong[found.unique[strong]]
    else:
        low = strong[found.d[strong] > 1.6]
        while True:
            i, j = rng.choice(low, 2, replace=False)
            zone = np.cross(found.hkl[i], found.hkl[j])
            if zone.any():
                break
        # One of each Friedel pair.
        half = found.hkl @ np.array([1e4, 1e2, 1.0]) > 0
        candidates = strong[(found.hkl[strong] @ zone == 0) & half[strong]]
    count = min(spots or int(rng.integers(3, 6)), len(candidates))
    chosen = rng.choice(candidates, count, replace=False)
    d = found.d[chosen] * np.exp(rng.normal(0, 0.02)) * (1 + rng.normal(0, sigma, count))
    if rings:
        return SpotSet(d, sigma * d, ring=np.ones(count, bool))
    if count == 1:
        return SpotSet(d, sigma * d, rng.uniform(0, 180, 1))
    xy = projected(found.g[[i, j, *chosen]])[2:]
    angle = np.degrees(np.arctan2(xy[:, 1], xy[:, 0])) * rng.choice([-1, 1])
    angle += rng.uniform(0, 360) + np.degrees(rng.normal(0, sigma, count))
    if stray:
        d = np.append(d, rng.uniform(1.2, 4))
        angle = np.append(angle, rng.uniform(0, 180))
    return SpotSet(d, sigma * d, angle)


def right(found: list[Match], truth: list[str]) -> np.ndarray:
    return np.array([t in m.answer.split("|") for m, t in zip(found, truth, strict=True)])


def wrongly_named(found: list[Match], truth: list[str]) -> np.ndarray:
    named = np.array([m.answer != "" and "|" not in m.answer for m in found])
    return named & ~right(found, truth)


@pytest.mark.parametrize(
    ("sigma", "rings", "spots", "stray"),
    [
        (0.003, False, None, False),
        (0.01, False, None, False),
        (0.005, True, None, False),
        (0.005, False, 1, False),
        (0.005, False, None, True),
    ],
    ids=["sharp", "blurred", "rings", "single spots", "with a stray spot"],
)
def test_the_truth_is_among_the_phases_named_and_seldom_another_alone(
    sigma: float, rings: bool, spots: int | None, stray: bool
) -> None:
    rng = np.random.default_rng(11)
    truth = [name for name in PACKAGED for _ in range(25)]
    sets = [seen(t, rng, sigma=sigma, rings=rings, spots=spots, stray=stray) for t in truth]
    found = match_many(sets, phases=PACKAGED)
    assert right(found, truth).mean() >= 0.95
    assert wrongly_named(found, truth).mean() <= 0.01


def test_with_few_phases_to_choose_from_most_sets_have_one_name() -> None:
    rng = np.random.default_rng(12)
    few = ("LiF", "Li2O", "Li", "Li2CO3")
    truth = [name for name in few for _ in range(100)]
    found = match_many([seen(t, rng) for t in truth], phases=few)
    alone = np.array([m.answer == t for m, t in zip(found, truth, strict=True)])
    assert right(found, truth).mean() >= 0.95
    assert alone.mean() > 0.8
    assert wrongly_named(found, truth).mean() <= 0.01


def test_spots_of_no_crystal_are_seldom_named() -> None:
    rng = np.random.default_rng(13)
    d = rng.uniform(1.2, 4, (300, 4))
    sets = [SpotSet(row, 0.003 * row, rng.uniform(0, 180, 4)) for row in d]
    found = match_many(sets, phases=("LiF", "Li2O", "Li", "Na", "NaF"))
    assert np.mean([m.answer == "" for m in found]) > 0.8


def lif_110(scale: float = 1.0, a: float = 4.0263) -> SpotSet:
    d = scale * a / np.sqrt([3, 3, 4, 8])
    return SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])


def test_lif_and_lih_are_joined_where_the_pixel_size_is_not_known_and_told_where_it_is() -> None:
    pair = ("LiF", "LiH")
    assert match(lif_110(), phases=pair).answer == "LiF|LiH"
    assert match(lif_110(a=4.0834), phases=pair).answer == "LiH|LiF"
    assert match(lif_110(), phases=pair, pixel_size_uncertainty=0.001).answer == "LiF"
    assert match(lif_110(a=4.0834), phases=pair, pixel_size_uncertainty=0.001).answer == "LiH"


def test_one_spot_cannot_tell_hard_pairs_apart() -> None:
    for d, names in ((1.6358, {"NaF", "Li2O"}), (3.03, {"Na", "Li2CO3"}), (2.33, {"LiF", "LiH"})):
        found = match(SpotSet([d], [0.01], [20.0]), phases=tuple(names))
        assert set(found.answer.split("|")) == names


def test_a_second_spot_tells_sodium_from_its_carbonates_neighbour() -> None:
    d = 4.2906 / np.sqrt([2, 2, 4])
    found = match(SpotSet(d, 0.004 * d, [45, -45, 0]), phases=("Na", "Li2CO3"))
    assert found.answer == "Na"


def test_lithium_oxide_and_sodium_fluoride_stay_joined_on_the_spots_they_share() -> None:
    """Both are face-centred cubic, 0.3 % apart: no ratio or angle differs."""
    d = 4.619 / np.sqrt([3, 3, 4, 8])
    spots = SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])
    assert set(match(spots, phases=("Li2O", "NaF")).answer.split("|")) == {"Li2O", "NaF"}


def test_what_shares_no_element_with_the_phase_before_ranks_lower() -> None:
    d = 4.619 / np.sqrt([3, 3, 4, 8])
    spots = SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])
    pair = ("Li2O", "NaF")
    assert match(spots, phases=pair, phase_before="LiF").answer.startswith("Li2O")
    assert match(spots, phases=pair, phase_before="Na|Na2O").answer.startswith("NaF")
    assert match(spots, phases=pair, phase_before="none").answer.count("|") == 1


def test_a_phase_of_ones_own_relates_to_others_by_its_elements(tmp_path: Path) -> None:
    path = tmp_path / "mine.cif"
    path.write_text(phase("Na").small_structure().make_cif_block().as_string())
    d = 4.619 / np.sqrt([3, 3, 4, 8])
    spots = SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])
    found = match(spots, phases=("Li2O", "NaF", phase_from_cif(path)), phase_before="mine")
    assert found.answer.startswith("NaF")


def test_a_common_factor_of_all_spacings_is_the_pixel_sizes() -> None:
    for scale in (0.97, 1.0, 1.03):
        best = match(lif_110(scale), phases=("LiF", "Li2O", "Li")).candidates[0]
        assert best.phase == "LiF"
        assert best.scale == pytest.approx(scale, abs=3 * best.scale_se)
        assert best.zone is not None
        assert sorted(map(abs, best.zone)) == [0, 1, 1]


def test_turned_and_mirrored_spots_are_the_same_crystal() -> None:
    spots = lif_110()
    scores = []
    for turn, hand in ((0, 1), (33, 1), (190, 1), (77, -1)):
        angle = hand * np.asarray(spots.angle_deg) + turn
        scores.append(match(SpotSet(spots.d_A, spots.d_se_A, angle)).candidates[0].score)
    assert scores == pytest.approx([scores[0]] * 4)


def test_every_spot_has_its_reflection_and_a_stray_one_has_none() -> None:
    spots = lif_110()
    d = np.append(np.asarray(spots.d_A), 3.4)
    found = match(
        SpotSet(d, 0.003 * d, np.append(np.asarray(spots.angle_deg), 21.0)), phases=("LiF", "Li2O")
    )
    assert found.answer == "LiF"
    assert found.hkl[4] == ""
    families = ["".join(sorted(h.replace("-", ""), reverse=True)) for h in found.hkl[:4]]
    assert families == ["111", "111", "200", "220"]


def test_an_extinct_reflection_is_told_as_doubly_diffracted() -> None:
    d = 5.43102 / np.sqrt([3, 3, 4, 8])
    spots = SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])
    best = match(spots, phases=("Si",)).candidates[0]
    assert [h.replace("-", "") for h in best.doubly_diffracted] == ["002"]
    alone = match(SpotSet(d[2:3], 0.003 * d[2:3], [0.0]), phases=("Si", "Na2O", "LiF"))
    assert alone.answer.split("|")[0] != "Si"


def test_a_cold_specimen_is_matched_with_smaller_cells() -> None:
    cold = lif_110(1 - 0.00494)
    warm, frozen = (
        match(cold, phases=("LiF",), pixel_size_uncertainty=0.01, temperature_C=t).candidates[0]
        for t in (20.0, -170.0)
    )
    assert frozen.scale == pytest.approx(1, abs=5e-4)
    assert warm.scale == pytest.approx(0.995, abs=1e-3)


@pytest.mark.parametrize("stage", ["lif-110", "li2o-110", "li2co3-grain", "naf-grain"])
def test_spots_of_simulated_crystals_are_named(stage: str) -> None:
    reflections = load_stage(stage).reflections
    spots = SpotSet(
        [r.d_A for r in reflections],
        [0.004 * r.d_A for r in reflections],
        [r.angle_deg for r in reflections],
    )
    found = match(spots, phases=("LiF", "Li2O", "Li", "Li2CO3"))
    truth = reflections[0].phase
    if truth == "NaF":
        assert match(spots, phases=("LiF", "NaF", "Na", "Na2CO3")).answer == "NaF"
    else:
        assert found.answer == truth
        assert all(found.hkl)


def test_many_sets_are_matched_each_on_its_own() -> None:
    rng = np.random.default_rng(3)
    sets = [seen(name, rng) for name in ("LiF", "Li", "Na", "Si")] + [SpotSet([], [])]
    together = match_many(sets, phase_before=["", "LiF", "", "", ""])
    assert together[1] == match(sets[1], phase_before="LiF")
    assert together[3] == match(sets[3])
    assert together[4].answer == ""


def test_spots_without_a_spacing_are_left_out() -> None:
    spots = lif_110()
    d = np.append(np.asarray(spots.d_A), [np.nan, -1.0, 0.3])
    angle = np.append(np.asarray(spots.angle_deg), [0.0, 0.0, 0.0])
    found = match(SpotSet(d, 0.003 * np.abs(d), angle), phases=("LiF", "Li2O"))
    assert found.answer == "LiF"
    assert found.hkl[4:] == ("", "", "")


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ({"phases": ("LiG",)}, "unknown phase"),
        ({"pixel_size_uncertainty": -1}, "uncertain"),
        ({"temperature_C": -300.0}, "no specimen"),
        ({"temperature_C": float("nan")}, "no specimen"),
    ],
)
def test_what_makes_no_sense_is_refused(kept: dict[str, object], said: str) -> None:
    with pytest.raises(BeamwatchError, match=said):
        match(lif_110(), **kept)  # type: ignore[arg-type]


def test_spots_and_angles_of_different_number_are_refused() -> None:
    with pytest.raises(BeamwatchError, match="each spot needs"):
        match(SpotSet([2.0, 3.0], [0.01, 0.01], [10.0]))


numbers = st.floats(allow_nan=True, allow_infinity=True, width=64) | st.floats(0.9, 6)


@given(st.lists(st.tuples(numbers, numbers, numbers, st.booleans()), max_size=8))
@settings(max_examples=200, deadline=None)
def test_whatever_the_spots_are_scores_are_probabilities(
    rows: list[tuple[float, float, float, bool]],
) -> None:
    d, se, angle, ring = (list(column) for column in zip(*rows, strict=True)) if rows else [[]] * 4
    found = match(SpotSet(d, se, angle, ring), phases=("LiF", "Li2CO3", "Au"))
    scores = [candidate.score for candidate in found.candidates]
    assert np.isfinite(scores).all()
    assert sum(scores) + found.something_else <= 1 + 1e-9
    assert len(found.hkl) == len(rows)
    assert scores == sorted(scores, reverse=True)


def test_a_ring_beside_spots_is_a_further_witness() -> None:
    spots = lif_110()
    d = np.append(np.asarray(spots.d_A)[:2], 4.0263 / np.sqrt(11))
    se = np.array([0.01, 0.01, 0.001])
    mixed = SpotSet(d, se, [54.7356, -54.7356, np.nan], [False, False, True])
    found = match(mixed, phases=("LiF", "Na", "Li"))
    assert found.answer == "LiF"
    assert found.hkl[2] == "311"
