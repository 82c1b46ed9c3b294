"""A lattice that goes in steps is dated by the first, if that was no tilt."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.dips import Event
from napari_beamwatch.damage.course.examining import Examined, examine
from napari_beamwatch.damage.verdict.judging import judge


def in_steps(traces: Any, parts: np.ndarray, seed: int) -> Examined:
    """Spots that lose a part each at 30, and all else at 65."""
    first, rest = (traces.fading(at, 2) / traces.levels[:, None] for at in (30, 65))
    left = (1 - parts)[:, None]
    return examine(traces.scope(traces.levels[:, None] * (left + (1 - left) * first) * rest, seed,
                                windows=12), None)  # fmt: skip


def test_the_first_of_two_losses_is_the_onset_and_what_is_left_is_of_both(traces: Any) -> None:
    one = in_steps(traces, np.full(4, 0.35), 1)
    assert one.loss is not None
    verdict = judge(one)
    assert verdict.status == "onset"
    assert verdict.onset.low < 30 < verdict.onset.high < 40
    assert verdict.onset.value < verdict.detected < 40
    assert verdict.dose_10.value < 40
    assert verdict.half_dose == one.loss.course.half_dose
    assert verdict.half_dose.value > 60
    assert verdict.onset.value + verdict.decay.value == verdict.dose_1e.value
    lost_first = re.search(r"(\d+) % was lost first", verdict.reason)
    assert lost_first is not None
    assert int(lost_first[1]) == pytest.approx(35, abs=3)
    assert verdict.fitted is not None
    assert verdict.fitted.level[[20, 55, 90]] == pytest.approx([1.0, 0.65, 0.0], abs=0.05)


def test_a_first_loss_that_took_some_spots_only_may_be_a_tilt(traces: Any) -> None:
    one = in_steps(traces, np.array([0.0, 0.9, 0.2, 0.6]), 1)
    assert one.loss is not None
    verdict = judge(one)
    assert verdict.onset.value == pytest.approx(65, abs=2)
    assert verdict.onset.low < 30
    assert "a tilt or focus may have taken that" in verdict.reason


def test_a_first_loss_hardly_deeper_than_what_came_back_before_may_be_of_that_kind(
    traces: Any,
) -> None:
    one = in_steps(traces, np.full(4, 0.35), 1)
    assert one.watch is not None
    shallow, deep = (
        judge(replace(one, watch=replace(one.watch, dips=replace(
            one.watch.dips, events=(Event("recovered", 5.0, 10.0, depth),)))))
        for depth in (0.1, 0.6)
    )  # fmt: skip
    assert shallow.onset == judge(one).onset
    assert deep.onset.low < 30 < 40 < deep.onset.value
    assert "a tilt or focus may have taken that" in deep.reason


def test_a_loss_that_waits_half_way_is_dated_by_what_went_before_it_waited(traces: Any) -> None:
    first, rest = (traces.fading(*of) / traces.levels[:, None] for of in ((40, 3), (70, 6)))
    signal = 2 * traces.levels[:, None] * (0.6 + 0.4 * first) * rest
    for seed in range(3):
        one = examine(traces.scope(signal, seed, windows=16), None)
        assert one.loss is not None
        assert one.loss.found.misfit > 1
        verdict = judge(one)
        assert verdict.onset.value == pytest.approx(40, abs=2)
        assert verdict.onset.low < 40 < verdict.onset.high


def test_a_loss_in_steps_is_no_focus_because_one_law_fits_it_badly(traces: Any) -> None:
    first, rest = (traces.fading(*of) / traces.levels[:, None] for of in ((25, 2), (60, 10)))
    signal = 2 * traces.levels[:, None] * (0.6 + 0.4 * first) * rest
    verdicts = [judge(examine(traces.scope(signal, seed, windows=16), None)) for seed in range(3)]
    assert [each.status for each in verdicts] == ["onset"] * 3


def test_one_fade_has_no_first_step(traces: Any) -> None:
    fades = [examine(traces.scope(traces.fading(40, 15), seed), None) for seed in range(3)]
    assert all(one.loss is not None and one.loss.first is None for one in fades)


def test_a_spot_in_one_of_sixteen_windows_that_soon_goes_is_no_first_step(traces: Any) -> None:
    signal = np.vstack([traces.fading(40, 4, frames=70), np.zeros(70)])
    signal[4, :3] = 12.0
    g = np.vstack([traces.g, 2.5 * traces.g[1]])
    lattice, stray = (traces.scope(signal, 2, g, windows) for windows in (16, 1))
    one = examine(replace(lattice, traces=lattice.traces[:4] + stray.traces[4:]), None)
    assert one.loss is not None
    assert one.loss.first is None
    assert one.loss.course.dose_10.value > 38
