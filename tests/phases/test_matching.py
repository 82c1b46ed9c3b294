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
    Phase,
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
    name: str | Phase,
    rng: np.random.Generator,
    *,
    sigma: float = SIGMA,
    rings: bool = False,
    stray: bool = False,
    scale_sd: float = 0.02,
    whole: bool = False,
) -> SpotSet:
    """Spots, or rings, of a random low zone of a phase, at a pixel size that is wrong by 2 %.

    They are three to five of the zone's, or its seven widest.
    """
    found = all_reflections(phase(name) if isinstance(name, str) else name, 1.1)
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
    count = min(7 if whole else int(rng.integers(3, 6)), len(candidates))
    chosen = candidates[:count] if whole else rng.choice(candidates, count, replace=False)
    d = found.d[chosen] * np.exp(rng.normal(0, scale_sd)) * (1 + rng.normal(0, sigma, count))
    if rings:
        return SpotSet(d, sigma * d, ring=np.ones(count, bool))
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


@pytest.mark.long
@pytest.mark.parametrize(
    ("sigma", "rings", "stray", "often"),
    [
        (0.003, False, False, 0.9),
        (0.01, False, False, 0.8),
        (0.005, True, False, 0.4),
        (0.005, False, True, 0.8),
    ],
    ids=["sharp", "blurred", "rings", "with a stray spot"],
)
def test_the_truth_is_among_the_phases_wherever_any_is_named(
    sigma: float, rings: bool, stray: bool, often: float
) -> None:
    rng = np.random.default_rng(11)
    truth = [name for name in PACKAGED for _ in range(12)]
    sets = [seen(t, rng, sigma=sigma, rings=rings, stray=stray) for t in truth]
    found = match_many(sets, phases=PACKAGED)
    named = np.array([m.answer != "" for m in found])
    assert right(found, truth).mean() >= often
    assert right(found, truth)[named].mean() >= 0.97
    assert wrongly_named(found, truth).mean() <= 0.01


def test_one_spot_names_nothing() -> None:
    """Within the error of a pixel size, any spacing is that of some reflection."""
    for d, names in ((1.6358, ("NaF", "Li2O")), (2.33, ("LiF", "LiH")), (2.0, PACKAGED)):
        found = match(SpotSet([d], [0.005], [20.0]), phases=names)
        assert found.answer == ""
        assert found.by_accident > 0.1
        assert found.in_words() == "none of the known phases"


@pytest.mark.long
def test_with_few_phases_to_choose_from_most_sets_have_one_name() -> None:
    rng = np.random.default_rng(12)
    few = ("LiF", "Li2O", "Li", "Li2CO3")
    truth = [name for name in few for _ in range(50)]
    found = match_many([seen(t, rng) for t in truth], phases=few)
    alone = np.array([m.answer == t for m, t in zip(found, truth, strict=True)])
    assert right(found, truth).mean() >= 0.95
    assert alone.mean() > 0.8
    assert wrongly_named(found, truth).mean() <= 0.01


@pytest.mark.long
def test_spots_of_no_crystal_are_seldom_named() -> None:
    rng = np.random.default_rng(13)
    d = rng.uniform(1.2, 4, (300, 4))
    sets = [SpotSet(row, 0.003 * row, rng.uniform(0, 180, 4)) for row in d]
    found = match_many(sets, phases=("LiF", "Li2O", "Li", "Na", "NaF"))
    assert np.mean([m.answer == "" for m in found]) > 0.8


def stranger(name: str, cell: tuple[float, ...], group: str, *sites: tuple[str, tuple]) -> Phase:
    """A crystal that no library here has."""
    a, b, c, beta, gamma = (*cell, 90.0, 90.0)[:5] if len(cell) == 3 else cell
    atoms = tuple((element, position, 1.0) for element, position in sites)
    return Phase(name, (a, b, c, 90.0, beta, gamma), group, atoms)


CORNER, CENTRE, FACE = (0.0, 0.0, 0.0), (0.5, 0.5, 0.5), (0.5, 0.5, 0.0)

STRANGERS = (
    stranger(
        "ZrO2", (5.1505, 5.2116, 5.3173, 99.23, 90), "P 1 21/c 1",
        ("Zr", (0.2754, 0.0395, 0.2083)), ("O", (0.07, 0.3317, 0.3447)),
        ("O", (0.4496, 0.7569, 0.4792)),
    ),
    stranger("SrTiO3", (3.905,) * 3, "P m -3 m", ("Sr", CORNER), ("Ti", CENTRE), ("O", FACE)),
    stranger("MAPbI3", (6.28,) * 3, "P m -3 m", ("N", CORNER), ("Pb", CENTRE), ("I", FACE)),
    stranger("CeO2", (5.411,) * 3, "F m -3 m", ("Ce", CORNER), ("O", (0.25,) * 3)),
    stranger("MgO", (4.212,) * 3, "F m -3 m", ("Mg", CORNER), ("O", CENTRE)),
    stranger(
        "rutile", (4.594, 4.594, 2.959), "P 42/m n m", ("Ti", CORNER), ("O", (0.305, 0.305, 0)),
    ),
    stranger(
        "ZnO", (3.25, 3.25, 5.207, 90, 120), "P 63 m c",
        ("Zn", (1 / 3, 2 / 3, 0)), ("O", (1 / 3, 2 / 3, 0.382)),
    ),
    stranger(
        "corundum", (4.759, 4.759, 12.991, 90, 120), "R -3 c :H",
        ("Al", (0, 0, 0.352)), ("O", (0.306, 0, 0.25)),
    ),
)  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize(
    ("elements", "scale_sd", "whole", "at_most", "at_least"),
    [
        ("Li,F,C,O,H", 0.005, True, 0.05, 0.97),
        ("Li,F,C,O,H", 0.005, False, 0.06, 0.96),
        ("Li,F,C,O,H", 0.02, True, 0.2, 0.94),
        (None, 0.005, True, 0.1, 0.96),
    ],
    ids=["whole zones", "three to five spots", "pixel size to 2 %", "elements not named"],
)
def test_crystals_outside_the_library_are_named_seldom_and_those_in_it_as_before(
    elements: str | None, scale_sd: float, whole: bool, at_most: float, at_least: float
) -> None:
    """At a pixel size known to 2 % some cubic strangers (MgO) are at the edge of a known one."""
    rng = np.random.default_rng(14)
    there = set((elements or "Li,Na,F,C,O,H,N").split(","))
    inside = [name for name in PACKAGED if phase(name).elements <= there]
    truth = [
        *(each for each in STRANGERS for _ in range(25)),
        *(n for n in inside for _ in range(20)),
    ]
    sets = [seen(each, rng, scale_sd=scale_sd, whole=whole) for each in truth]
    found = match_many(sets, elements=elements, pixel_size_uncertainty=scale_sd)
    outside = 25 * len(STRANGERS)
    assert np.mean([m.answer != "" for m in found[:outside]]) <= at_most
    assert right(found[outside:], truth[outside:]).mean() >= at_least


def test_spacings_near_those_of_a_phase_at_other_angles_are_none_of_the_known() -> None:
    spots = lif_110()
    found = match(SpotSet(spots.d_A, spots.d_se_A, [54.7, -40.0, 10, 81]), phases=("LiF", "Li2O"))
    assert found.answer == ""
    assert found.in_words() == "none of the known phases"


def test_a_phase_whose_zone_should_show_far_more_is_none_of_the_known() -> None:
    """A cell twice as wide fits as well, and seven of eight of its reflections are missing."""
    wide = stranger("wide", (2 * 4.0263,) * 3, "P m -3 m", ("Si", CORNER))
    found = match(lif_110(), phases=(wide,))
    assert found.candidates[0].n_spots == 4
    assert found.answer == ""
    assert match(lif_110(), phases=("LiF",)).answer == "LiF"
    assert found.by_accident > 100 * match(lif_110(), phases=("LiF",)).by_accident


def test_phases_of_elements_nobody_spoke_of_rank_last_and_are_not_in_the_answer() -> None:
    found = match(lif_110())
    assert found.answer == "LiF|LiH"
    assert [each.phase for each in found.candidates][-1] == "Au"
    assert match(lif_110(a=3.615), pixel_size_uncertainty=0.005).answer == ""
    for asked in ({"elements": "Cu,O"}, {"phases": ("Cu", "LiF")}):
        assert match(lif_110(a=3.615), pixel_size_uncertainty=0.005, **asked).answer == "Cu"  # type: ignore[arg-type]


def test_elements_choose_the_candidates() -> None:
    assert match(lif_110(), elements="Li,F,O").answer == "LiF"
    assert match(lif_110(), elements=("Au", "C")).answer == "Au"
    assert match(lif_110(), elements="W").candidates == ()
    with pytest.raises(BeamwatchError, match="'Lif' is no element"):
        match(lif_110(), elements="Lif")


def lif_110(scale: float = 1.0, a: float = 4.0263) -> SpotSet:
    d = scale * a / np.sqrt([3, 3, 4, 8])
    return SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])


def test_lif_and_lih_are_joined_where_the_pixel_size_is_not_known_and_told_where_it_is() -> None:
    pair = ("LiF", "LiH")
    assert match(lif_110(), phases=pair).answer == "LiF|LiH"
    assert match(lif_110(a=4.0834), phases=pair).answer == "LiH|LiF"
    assert match(lif_110(), phases=pair, pixel_size_uncertainty=0.001).answer == "LiF"
    assert match(lif_110(a=4.0834), phases=pair, pixel_size_uncertainty=0.001).answer == "LiH"


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


@pytest.mark.parametrize("stated", ["Li2O", "NaF"])
def test_of_phases_that_are_not_told_apart_what_the_specimen_is_said_to_be_is_first(
    stated: str,
) -> None:
    d = 4.619 / np.sqrt([3, 3, 4, 8])
    spots = SpotSet(d, 0.003 * d, [54.7356, -54.7356, 0, 90])
    said = match(spots, phases=("Li2O", "NaF"), stated=stated).answer.split("|")
    assert said[0] == stated
    # A word is no measurement.
    assert match(spots, phases=("Li2O", "Au"), stated="Au").answer == "Li2O"


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
@settings(max_examples=100, deadline=None, derandomize=True)
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
