"""Phases of a region before and after a change, and what the change means by that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch.analysis.naming import Phases, meaning, taken_up
from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.spectra.rings import Ring

PIXEL = 0.125
LIF_110 = {"111": (2.3246, 0.0), "1-11": (2.3246, 70.53), "200": (2.0132, -54.74)}
LI2O_110 = {"111": (2.6668, 3.0), "1-11": (2.6668, 73.53), "220": (1.6331, 38.26)}
CHOICE = bw.Settings(phases=("LiF", "Li2O", "Li"))

ONSET = Verdict("onset", "", criterion="fading", evidence="strong", onset=Estimate(50, 40, 60))


@pytest.fixture(scope="module")
def movie() -> Movie:
    return bw.Movie.from_array(np.ones((3, 64, 64), np.uint8), pixel_size=PIXEL, frame_dose=5.0)


def rows_of(*crystals: tuple[int, dict[str, tuple[float, float]]]) -> pd.DataFrame:
    """Rows of the table of spots, numbered through."""
    spots = [(number, d, angle) for number, lattice in crystals for d, angle in lattice.values()]
    table = pd.DataFrame(
        {
            "spot": np.arange(len(spots)),
            "crystal": [number for number, _, _ in spots],
            "d_A": [d for _, d, _ in spots],
            "d_px": [d / PIXEL for _, d, _ in spots],
            "d_se_A": 0.005,
            "angle_deg": [angle for _, _, angle in spots],
            "snr": 100.0,
            "status": "onset",
        }
    )
    return table.reindex(columns=list(columns.SPOTS))


def told(*verdicts: Verdict) -> RegionVerdict:
    return RegionVerdict(verdicts[0], crystals=dict(enumerate(verdicts)))


def test_spots_that_came_are_matched_apart_from_those_of_the_same_windows(movie):
    rows = rows_of((0, LIF_110), (0, LI2O_110))
    came = replace(ONSET, criterion="new_phase", new_spots=(3, 4, 5))
    phases = Phases.of(movie, CHOICE, rows, told(came))
    said = phases.before_and_after(came, rows)
    assert (said["phase_before"], said["phase_after"]) == ("LiF", "Li2O")
    assert phases.label(rows).phase.tolist() == ["LiF"] * 3 + ["Li2O"] * 3


def test_a_spot_seen_no_sooner_than_those_that_came_is_none_of_what_was_there(movie):
    rows = rows_of((0, LIF_110), (0, LI2O_110))
    came = replace(ONSET, criterion="new_phase", new_spots=(4, 5))
    seen = {spot: 0 if spot < 3 else 2 for spot in range(6)}
    bare, phases = (Phases.of(movie, CHOICE, rows, told(came), (), some) for some in (None, seen))
    assert bare.label(rows).phase.tolist()[:4] == ["LiF"] * 4
    assert phases.label(rows).phase.tolist() == ["LiF"] * 3 + ["Li2O"] * 3
    every = Phases.of(movie, CHOICE, rows, told(came), (), dict.fromkeys(range(6), 2))
    assert every.new_spots == {4, 5}


def test_a_lattice_that_orders_is_the_phase_that_it_was(movie):
    halves = {"½½½": (4.6492, 0.0), "½-½½": (4.6492, 70.53)}
    rows = rows_of((0, LIF_110), (0, halves))
    orders = replace(ONSET, criterion="new_phase", kind="ordering", new_spots=(3, 4))
    phases = Phases.of(movie, CHOICE, rows, told(orders))
    said = phases.before_and_after(orders, rows)
    assert (said["phase_before"], said["phase_after"]) == ("LiF", "LiF")
    assert phases.label(rows).phase.isna().tolist() == [False] * 3 + [True] * 2


def test_a_crystal_that_came_is_not_what_was_there(movie):
    rows = rows_of((0, LIF_110), (1, LI2O_110))
    rows.loc[rows.crystal == 1, "snr"] = 1e4
    came = replace(ONSET, criterion="new_phase", new_spots=(3, 4, 5))
    said = Phases.of(movie, CHOICE, rows, told(came)).before_and_after(came, rows)
    assert (said["phase_before"], said["phase_after"]) == ("LiF", "Li2O")


def test_a_single_spot_is_named_by_what_another_crystal_of_the_movie_is(movie):
    alone = {"200": (2.0132, 20.0)}
    rows = rows_of((0, LIF_110), (1, alone), (2, {"": (2.2, 10.0)}))
    phases = Phases.of(movie, CHOICE, rows)
    assert [phases.name(crystal) for crystal in range(3)] == ["LiF", "LiF", None]
    assert Phases.of(movie, CHOICE, rows_of((1, alone))).name(1) is None


def test_elements_of_the_conditions_choose_the_candidates(movie):
    rows = rows_of((0, LIF_110))
    named = {
        said: Phases.of(movie.with_(conditions={"elements": said}), bw.Settings(), rows).name(0)
        for said in ("Li,F", "Li,H,F", "Na,O")
    }
    assert named == {"Li,F": "LiF", "Li,H,F": "LiF|LiH", "Na,O": None}


def test_a_phase_that_only_rings_show_is_named_by_them(movie):
    rows = rows_of((0, LIF_110))
    rings = [ring_at(2.6668), ring_at(1.6331), ring_at(1.3927)]
    verdict = replace(ONSET, criterion="new_phase", new_phase_onset=Estimate(55, 50, 60))
    said = Phases.of(movie, CHOICE, rows, told(verdict), rings).before_and_after(verdict, rows)
    assert said["phase_after"].split("|")[0] == "Li2O"
    assert said["first_seen_dose_e_per_A2"] == 55
    assert said["interpretation"] == "transformation"


def ring_at(d: float) -> Ring:
    k = PIXEL / d
    return Ring(k, 0.002 * k, 0.05 * k, 0.01 * k, 1.0, 0.1, 1, (False, True), 20.0, False)


@pytest.mark.parametrize(
    ("lost", "dose_1e", "after"),
    [(90.0, 70.0, "none"), (np.nan, 70.0, "none"), (np.nan, np.nan, "LiF")],
)
def test_a_lattice_of_which_the_most_is_gone_leaves_none(movie, lost, dose_1e, after):
    rows = rows_of((0, LIF_110))
    verdict = replace(ONSET, lost=lost, dose_1e=Estimate(dose_1e, 60, 80))
    said = Phases.of(movie, CHOICE, rows, told(verdict)).before_and_after(verdict, rows)
    assert (said["phase_before"], said["phase_after"]) == ("LiF", after)
    assert said["interpretation"] == "lattice_lost"


def test_what_came_long_after_the_loss_is_what_is_there_in_the_end(movie):
    rows = rows_of((0, LIF_110), (1, LI2O_110))
    verdict = replace(
        ONSET, lost=90.0, new_phase_onset=Estimate(150, 140, 160), new_spots=(3, 4, 5)
    )
    said = Phases.of(movie, CHOICE, rows, told(verdict)).before_and_after(verdict, rows)
    assert (said["phase_after"], said["interpretation"]) == ("Li2O", "transformation")


def test_a_swollen_lattice_is_what_it_was(movie):
    rows = rows_of((0, LIF_110))
    rows[["d_A", "d_px"]] *= 1.015
    before = 2.3246 / PIXEL
    verdict = replace(
        ONSET, criterion="spacing", d_before_px=before, d_after_px=1.018 * before
    )  # fmt: skip
    told_all = told(verdict)
    settings = replace(CHOICE, phases=("LiF", "LiH"), pixel_size_uncertainty=0.003)
    phases = Phases.of(movie, settings, rows, told_all)
    said = phases.before_and_after(verdict, rows)
    assert (said["phase_before"], said["phase_after"]) == ("LiF", "LiF")
    assert said["interpretation"] == "unresolved"


def test_nothing_is_named_without_a_pixel_size(movie):
    bare = bw.Movie.from_array(np.ones((3, 64, 64), np.uint8))
    rows = rows_of((0, LIF_110))
    said = Phases.of(bare, CHOICE, rows, told(ONSET)).before_and_after(ONSET, rows)
    assert said == {"interpretation": "lattice_lost"}


@pytest.mark.parametrize(
    ("before", "after", "gas"),
    [
        ("Na", "Na2CO3", True),
        ("Li", "Li2O", True),
        ("Li2O", "LiOH|Li2CO3", True),
        ("LiF", "ice-Ic", True),
        ("LiF", "Li2O", False),
        ("NaF", "Na", False),
        (None, "Li2O", False),
        ("Li", None, False),
    ],
)
def test_what_took_up_gas_and_lost_nothing_is_the_environment(before, after, gas):
    assert taken_up(before, after) == gas
    found = meaning(replace(ONSET, criterion="new_phase"), before, after)
    assert found == ("environment" if gas else "transformation")


def test_where_nothing_changed_nothing_is_meant():
    assert meaning(Verdict("survived", ""), "LiF", "LiF") is None
    assert meaning(Verdict("ambiguous", ""), "LiF", None) is None
