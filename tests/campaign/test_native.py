"""Native or made: what movies of a group say together of each phase."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import napari_beamwatch as bw
from napari_beamwatch import columns
from napari_beamwatch.campaign.groups import Group
from napari_beamwatch.campaign.native import BOTH, MADE, phase_rows
from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.campaign.tables import PHASES
from napari_beamwatch.phases.origin import APPEARED, NATIVE, UNKNOWN, WELL_BELOW, source_limit

COLD = -170.0


def saying(run: Run, *said: tuple[str, str, float]) -> Run:
    """A run that saw phases: name, since when, and the dose."""
    rows = [
        {"region": "field", "phase": phase, "since": since, "first_seen_dose_e_per_A2": dose,
         "n_spots": 3}
        for phase, since, dose in said
    ]  # fmt: skip
    return replace(run, phases=pd.DataFrame(rows).reindex(columns=list(columns.PHASES)))


@pytest.fixture
def verdict(campaign: Any) -> Any:
    """Of movies that each say one thing of Li2O, at −170 °C."""

    def of(*said: tuple[str, float] | None, places: Any = ()) -> pd.Series:
        runs = [
            campaign.run_of(str(i), places or [campaign.held(500.0)], temperature_C=COLD)
            for i in range(len(said))
        ]
        told = [
            run if one is None else saying(run, ("Li2O|NaF", *one))
            for run, one in zip(runs, said, strict=True)
        ]
        return phase_rows([Group({"compound": "LiF"}, tuple(told))]).iloc[0]

    return of


def test_two_movies_that_saw_it_early_call_a_phase_native(verdict: Any) -> None:
    row = verdict((NATIVE, 20.0), (NATIVE, 60.0), (UNKNOWN, 500.0), None)
    assert (row.phase, row.verdict, row.native, row.seen, row.movies) == (
        "Li2O|NaF",
        NATIVE,
        2,
        3,
        4,
    )
    assert row.seen_by_e_per_A2 == 60.0
    assert row.limit_e_per_A2 == 2000.0
    assert row.sources.startswith("Li2O: Li2CO3 2000, ")
    assert row.words.startswith("Li2O or NaF: native; seen in 3 of 4 movies by 60 e/Å²")
    assert "native below 10 % of the least" in row.words


def test_one_of_several_may_be_a_wrong_name(verdict: Any) -> None:
    row = verdict((NATIVE, 20.0), (UNKNOWN, 500.0), (UNKNOWN, 500.0))
    assert row.verdict == UNKNOWN
    assert "native in 1 movie only" in row.words


def test_names_that_cannot_be_told_apart_are_one_phase(campaign: Any) -> None:
    run = campaign.run_of("a", [campaign.held(500.0)], temperature_C=COLD)
    runs = [saying(run, (name, NATIVE, 20.0)) for name in ("LiF|LiH", "LiF", "LiH|LiF", "LiF|LiH")]
    (row,) = phase_rows([Group({}, tuple(runs))]).itertuples()
    assert (row.phase, row.seen) == ("LiF|LiH", 4)


def test_of_a_phase_that_comes_of_what_nobody_published_nothing_is_promised(campaign: Any) -> None:
    run = saying(campaign.run_of("a", [campaign.held(500.0)]), ("LiF", UNKNOWN, 20.0))
    (row,) = phase_rows([Group({}, (run,))]).itertuples()
    assert np.isnan(row.limit_e_per_A2)
    assert "no limit is published of what it can come of" in row.words


def test_the_only_movie_that_saw_it_is_believed(verdict: Any) -> None:
    assert verdict((NATIVE, 20.0), None, None).verdict == NATIVE


def test_what_appeared_and_was_native_nowhere_is_made(verdict: Any) -> None:
    row = verdict((APPEARED, 2500.0), (APPEARED, 3500.0), (UNKNOWN, 900.0))
    assert (row.verdict, row.appeared, row.appeared_from_e_per_A2) == (MADE, 2, 3000.0)


def test_what_was_there_may_be_made_besides(verdict: Any) -> None:
    assert verdict((NATIVE, 20.0), (NATIVE, 30.0), (APPEARED, 2500.0)).verdict == BOTH


def test_it_is_not_native_if_what_it_comes_of_had_begun_to_change(
    verdict: Any, campaign: Any
) -> None:
    places = [campaign.dated(40.0, phase_before="LiF|LiH")]
    row = verdict((NATIVE, 50.0), (NATIVE, 60.0), places=places)
    assert row.verdict == UNKNOWN
    assert row.own_limit_e_per_A2 == pytest.approx(36.0)
    assert "LiF of these movies began to change at 36" in row.words
    other = [campaign.dated(40.0, phase_before="Na")]
    assert verdict((NATIVE, 50.0), (NATIVE, 60.0), places=other).verdict == NATIVE


def made_or_native(rng: np.random.Generator, campaign: Any, native: bool) -> Group:
    """A group of cold movies that saw Li2O, which the beam makes of LiF and Li2CO3.

    This specimen stands another dose than the published one, by a factor of e one time in three,
    and so does each movie; one movie in fifty names a phase wrongly.
    """
    limit = source_limit("Li2O", COLD)
    of_specimen = rng.normal(0, 1.0)
    runs = []
    for i in range(int(rng.integers(1, 9))):
        frame, before = np.exp(rng.uniform(np.log(2), np.log(80))), rng.uniform(0, 50)
        begins = limit * np.exp(of_specimen + 0.3 * rng.standard_normal())
        seen_after = frame * rng.integers(1, 6)
        came = before if native else max(before, begins)
        by = came + seen_after
        appeared = came > before + 5 * frame and rng.random() < 0.6
        since = APPEARED if appeared else NATIVE if by < WELL_BELOW * limit else UNKNOWN
        if rng.random() < 0.02:
            since, by = NATIVE, before + frame
        since = UNKNOWN if since == NATIVE and rng.random() < 0.1 else since  # no pre-exposure
        known = rng.random() < 0.5
        place = campaign.dated(begins, phase_before="LiF") if known else campaign.held(50.0)
        run = campaign.run_of(str(i), [place], temperature_C=COLD)
        runs.append(saying(run, ("Li2O", since, by)) if by < 20 * limit else run)
    return Group({}, tuple(runs))


@pytest.mark.long
def test_native_is_wrong_in_less_than_one_of_twenty(campaign: Any) -> None:
    rng = np.random.default_rng(3)

    def called(native: bool) -> float:
        tables = [phase_rows([made_or_native(rng, campaign, native)]) for _ in range(100)]
        told = [table.verdict.iloc[0] for table in tables if len(table)]
        return float(np.mean([one in (NATIVE, BOTH) for one in told]))

    wrong, right = called(native=False), called(native=True)
    assert wrong < 0.05
    assert right > 0.5


def test_the_summary_has_them_in_its_record_and_in_words(campaign: Any, tmp_path: Path) -> None:
    run = campaign.run_of("a", [campaign.held(600.0)], temperature_C=COLD)
    found = bw.summarize(campaign.write_run(tmp_path / "a", saying(run, ("Li2O", NATIVE, 20.0))))
    assert list(found.phases.columns) == list(PHASES)
    assert "Li2O: native; seen in 1 of 1 movies by 20 e/Å²" in " ".join(found.words().split())
    saved = json.loads((found.save(tmp_path / "sum") / "summary.json").read_text())
    assert saved["phases"][0]["verdict"] == NATIVE


def test_runs_from_before_phases_were_told_have_none(campaign: Any, tmp_path: Path) -> None:
    folder = campaign.write_run(tmp_path / "a", campaign.run_of("a", [campaign.held(600.0)]))
    record = json.loads((folder / "run.json").read_text())
    del record["tables"]["phases"]
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "phases.csv").unlink()
    assert bw.summarize(folder).phases.empty
