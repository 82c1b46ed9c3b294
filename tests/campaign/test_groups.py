"""Movies of the same conditions belong together, and each condition is told in words."""

from __future__ import annotations

from typing import Any

import pytest

import napari_beamwatch as bw
from napari_beamwatch.campaign.groups import condition_named, grouped


def words(campaign: Any, column: str, values: list[Any]) -> list[str]:
    runs = [
        campaign.run_of(str(i), [campaign.held(1.0)], **{column: value})
        for i, value in enumerate(values)
    ]
    found = grouped(runs, [column])
    return [next(g.words for g in found if run in g.runs) for run in runs]


def test_temperatures_are_room_or_cryo(campaign: Any) -> None:
    assert words(campaign, "temperature_C", [20.0, 24.0, -170.0, -60.0, 300.0, None]) == [
        "RT (20 to 24 °C)", "RT (20 to 24 °C)", "cryo (−170 °C)", "cold (−60 °C)",
        "hot (300 °C)", "temperature not stated",
    ]  # fmt: skip


def test_what_nobody_said_comes_last_and_is_named(campaign: Any) -> None:
    told = (("LiF", 20.0), (None, None), ("LiF", None), ("LiF", -170.0))
    runs = [
        campaign.run_of(str(i), [campaign.held(1.0)], compound=compound, temperature_C=at)
        for i, (compound, at) in enumerate(told)
    ]
    assert [group.words for group in grouped(runs, ["compound", "temperature_C"])] == [
        "LiF, RT (20 °C)", "LiF, cryo (−170 °C)", "LiF, temperature not stated",
        "compound not stated, temperature not stated",
    ]  # fmt: skip


def test_no_edge_of_a_bin_runs_between_dose_rates_that_are_alike(campaign: Any) -> None:
    told = words(campaign, "dose_rate_e_per_A2_s", [9.5, 10.5, 100.0])
    assert told == ["9.5 to 10.5 e/Å²/s", "9.5 to 10.5 e/Å²/s", "100 e/Å²/s"]


def test_high_tensions_are_a_matter_of_kilovolts(campaign: Any) -> None:
    assert words(campaign, "voltage_kV", [200.0, 300.0]) == ["200 kV", "300 kV"]


def test_room_temperature_comes_before_cryo_in_each_compound(campaign: Any) -> None:
    runs = [
        campaign.run_of(f"{name} {t}", [campaign.held(1.0)], compound=name, temperature_C=t)
        for name in ("NaF", "LiF")
        for t in (-170.0, 20.0)
    ]
    assert [g.words for g in grouped(runs, ["compound", "temperature_C"])] == [
        "LiF, RT (20 °C)", "LiF, cryo (−170 °C)", "NaF, RT (20 °C)", "NaF, cryo (−170 °C)",
    ]  # fmt: skip


def test_conditions_are_named_with_or_without_their_units() -> None:
    assert condition_named("dose_rate") == condition_named("dose_rate_e_per_A2_s")


def test_what_is_no_condition_is_refused_with_those_that_are() -> None:
    with pytest.raises(bw.BeamwatchError, match=r"'colour': known are compound.*thickness"):
        condition_named("colour")
