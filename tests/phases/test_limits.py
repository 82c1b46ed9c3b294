"""Published limits are compared with what they are comparable with."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch import BeamwatchError
from napari_beamwatch.phases import (
    LIMITS,
    critical_exposure,
    known_phases,
    published_limits,
    remaining_power,
)
from napari_beamwatch.phases.origin import source_limit


def test_every_row_says_what_it_is() -> None:
    table = published_limits()
    assert list(table) == list(LIMITS)
    assert (table["citation"] != "").all()
    assert set(table["phase"]) <= {*known_phases(), "electrolyte"}
    bounds = table[["low_e_per_A2", "high_e_per_A2"]]
    assert bounds[table["status"] == "measured"].notna().all(axis=None)
    assert table["high_e_per_A2"].isna()[table["status"] == "at_least"].all()
    assert table["low_e_per_A2"].isna()[table["status"] == "at_most"].all()
    assert bounds[table["status"] == "no_number"].isna().all(axis=None)
    assert not (bounds["low_e_per_A2"] > bounds["high_e_per_A2"]).any()


def test_lithium_fluoride_lasts_longer_in_the_cold() -> None:
    warm = published_limits("LiF", 20, "detected")["high_e_per_A2"].item()
    cold = published_limits("LiF", -170, "detected")["high_e_per_A2"].item()
    assert (warm, cold) == (400, 10_000)


def test_values_that_contradict_each_other_are_all_shown_and_flagged() -> None:
    table = published_limits("Li2CO3", 25)
    assert sorted(table["high_e_per_A2"]) == [7, 100, 750]
    ours = table["citation"].str.contains("Bai")
    assert table.loc[ours, "note"].str.contains("inconsistent").all()
    assert "200" in published_limits("Na2CO3", -170)["note"].item()


def test_what_others_detected_lies_below_what_is_lost() -> None:
    assert published_limits("LiF", 20, "lost").equals(published_limits("LiF", 20, "detected"))
    assert set(published_limits(criterion="lost")["compare_with"]) == {"detected"}


def test_a_dose_before_which_nothing_began_is_an_onset() -> None:
    (row,) = published_limits("Na2CO3", 20).itertuples()
    assert (row.compare_with, row.low_e_per_A2) == ("onset", 20)
    assert published_limits("Na2CO3", 20, "detected").empty


def test_powders_were_looked_at_and_no_interphase() -> None:
    table = published_limits()
    assert not table["specimen"].str.contains("interphase").any()
    salts = table["citation"].str.contains("Bai") & ~table["phase"].isin(["Li", "Na"])
    assert set(table.loc[salts, "specimen"]) == {"crushed commercial powder"}


def test_where_a_source_is_cited_by_another_both_are_named() -> None:
    cited = published_limits("LiOH", -170)["citation"].item()
    assert "Zachman" in cited
    assert "10.1039/d6eb00054a" in cited


def test_a_rate_that_nobody_stated_is_empty() -> None:
    row = published_limits("Na", 20)
    assert row[["dose_rate_low_e_per_A2_s", "dose_rate_high_e_per_A2_s"]].isna().all(axis=None)


def test_what_was_detected_is_not_set_beside_a_conversion() -> None:
    assert published_limits("NaF", 20, "detected").empty
    assert published_limits("NaF", 20, "new_phase")["low_e_per_A2"].item() == 1800


def test_a_specimen_neither_warm_nor_cold_has_nothing_to_compare() -> None:
    assert published_limits(temperature_C=-60).empty


def test_phases_that_cannot_be_told_apart_show_the_limits_of_both() -> None:
    assert set(published_limits("Li2O|NaF")["phase"]) == {"Li2O", "NaF"}


def test_fading_has_no_published_counterpart() -> None:
    with pytest.raises(BeamwatchError, match="detected, lost, onset, new_phase, mass_loss"):
        published_limits("LiF", 20, "fading")


def test_a_table_that_was_changed_is_not_the_next_one() -> None:
    changed = published_limits()
    changed.loc[0, "high_e_per_A2"] = -1
    assert (published_limits()["high_e_per_A2"].dropna() > 0).all()


def test_the_protein_curve_is_the_published_one() -> None:
    k = np.array([0.05, 0.1, 0.25])
    assert critical_exposure(1 / k) == pytest.approx(0.24499 * k**-1.6649 + 2.8141)
    assert critical_exposure(3.0, 200) == pytest.approx(0.8 * critical_exposure(3.0))
    assert remaining_power(3.0, critical_exposure(3.0)) == pytest.approx(np.exp(-1))
    with pytest.raises(BeamwatchError, match="300 and 200 kV"):
        critical_exposure(3.0, 60)
    with pytest.raises(BeamwatchError, match="above 0"):
        critical_exposure([2.0, -1.0])


@pytest.mark.parametrize(
    ("name", "temperature", "limit"),
    [
        ("Li2O", 20.0, 7),
        ("Li2O", -170.0, 2000),
        ("Na", -170.0, 900),
        ("Na", None, 20),
        ("LiF", -170.0, 10000),
        ("Li2O|NaF", -170.0, 2000),
    ],
    ids=["carbonate", "cold carbonate", "sodium's", "as if warm", "electrolyte", "either"],
)
def test_a_phase_may_be_made_of_what_holds_least(
    name: str, temperature: float | None, limit: float
) -> None:
    assert source_limit(name, temperature) == limit


@pytest.mark.parametrize(("name", "temperature"), [("LiF", 20.0), ("mine", 20.0), ("Li2O", -50.0)])
def test_where_no_limit_of_a_source_is_published_there_is_none(
    name: str, temperature: float
) -> None:
    assert np.isnan(source_limit(name, temperature))
