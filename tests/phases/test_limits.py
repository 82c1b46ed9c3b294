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
from napari_beamwatch.phases.limits import source_limit


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
    warm = published_limits("LiF", 20, "lost")["high_e_per_A2"].item()
    cold = published_limits("LiF", -170, "lost")["high_e_per_A2"].item()
    assert (warm, cold) == (400, 10_000)


def test_both_values_of_an_inconsistent_source_are_shown() -> None:
    table = published_limits("Li2CO3", 25)
    assert sorted(table["high_e_per_A2"]) == [7, 100]
    assert table["note"].str.contains("inconsistent").all()


def test_a_loss_of_fringes_is_not_set_beside_a_conversion() -> None:
    assert published_limits("NaF", 20, "lost").empty
    assert published_limits("NaF", 20, "new_phase")["low_e_per_A2"].item() == 1800


def test_a_specimen_neither_warm_nor_cold_has_nothing_to_compare() -> None:
    assert published_limits(temperature_C=-60).empty


def test_phases_that_cannot_be_told_apart_show_the_limits_of_both() -> None:
    assert set(published_limits("Li2O|NaF")["phase"]) == {"Li2O", "NaF"}


def test_fading_has_no_published_counterpart() -> None:
    with pytest.raises(BeamwatchError, match="lost, new_phase, mass_loss"):
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
