"""What the dose goes with: rate, voltage and temperature, or why nobody can tell."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from napari_beamwatch.campaign.censored_line import fit_line
from napari_beamwatch.campaign.measures import told
from napari_beamwatch.campaign.regression import Coefficient, reciprocity, regression
from napari_beamwatch.campaign.runs import Run

RATES = (2.0, 8.0, 30.0, 100.0) * 3


def found_of(runs: list[Run]) -> dict[str, Coefficient]:
    rows = pd.concat([told(run, "onset") for run in runs], ignore_index=True)
    return {one.name: one for one in regression(rows, runs)}


def at_rates(campaign: Any, b: float, seed: int, **field: Any) -> list[Run]:
    rng = np.random.default_rng(seed)
    return [
        run
        for i, rate in enumerate(RATES)
        for run in campaign.movies_of(
            rng, 1, f"m{i}", 100 * (rate / 15) ** b, dose_rate_e_per_A2_s=rate, **field
        )
    ]


@pytest.mark.parametrize("b", [0.0, 0.3, 1.0])
def test_the_slope_of_the_dose_rate_is_recovered(campaign: Any, b: float) -> None:
    found = found_of(at_rates(campaign, b, 1))["b"]
    assert found.low < b < found.high
    assert found.high - found.low < 0.8


def test_what_movies_do_not_vary_is_said(campaign: Any) -> None:
    found = found_of(at_rates(campaign, 0.0, 2, voltage_kV=300.0))
    assert (found["c"].words, found["d"].words) == ("not varied", "not varied")
    assert np.isnan(found["c"].value)


def test_a_condition_that_one_movie_varies_takes_no_part(campaign: Any) -> None:
    runs = at_rates(campaign, 0.0, 3)
    runs[0].field["temperature_C"] = -170.0
    assert found_of(runs)["d"].words == "varied by one movie only"


def test_conditions_that_go_together_cannot_be_told_apart(campaign: Any) -> None:
    rng = np.random.default_rng(4)
    runs = campaign.movies_of(rng, 4, "warm", dose_rate_e_per_A2_s=5.0)
    runs += campaign.movies_of(
        rng, 4, "cold", 2500.0, temperature_C=-170.0, dose_rate_e_per_A2_s=50.0
    )
    found = found_of(runs)
    assert found["d"].words == "varied with dose rate only: the two cannot be told apart"


def test_few_movies_are_said_to_be_few(campaign: Any) -> None:
    rng = np.random.default_rng(5)
    runs = campaign.movies_of(rng, 3, "m")
    for run, rate in zip(runs, (1.0, 10.0, 100.0), strict=True):
        run.field["dose_rate_e_per_A2_s"] = rate
    assert found_of(runs)["b"].words == "3 movies are too few for 2 coefficients"


def test_a_dose_rate_that_nobody_said_takes_no_part(campaign: Any) -> None:
    runs = at_rates(campaign, 0.0, 6)
    runs[3].field["dose_rate_e_per_A2_s"] = np.nan
    assert found_of(runs)["b"].words == "stated for 11 of 12 movies"


def test_censored_doses_do_not_bend_the_line() -> None:
    rng = np.random.default_rng(7)
    movie = np.repeat(np.arange(30), 20)
    x = np.linspace(-1, 1, 30)[movie]
    true = 3 + 0.5 * x + 0.4 * rng.standard_normal(600)
    seen = true < 3.2  # what is later is known to be later
    low = np.where(seen, true, 3.2)
    line = fit_line(
        np.column_stack([np.ones(600), x]), low, np.where(seen, true, np.inf), np.ones(600), movie
    )
    assert line.value == pytest.approx([3, 0.5], abs=0.08)
    assert line.low[1] < 0.5 < line.high[1]


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (-0.2, 0.2, "the dose decides"),
        (0.7, 1.2, "the time decides"),
        (0.2, 0.5, "neither dose nor time alone"),
        (-0.1, 1.1, "cannot tell"),
        (-1.5, 0.4, "b = 0 is possible, b = 1 is not"),
    ],
)
def test_reciprocity_is_told_by_the_interval_of_b(low: float, high: float, words: str) -> None:
    assert reciprocity(low, high).startswith(words)
