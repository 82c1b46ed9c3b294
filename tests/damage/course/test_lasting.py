"""A loss that lasts, told frame by frame, at a rate that holds for the whole watch."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from napari_beamwatch.damage.course.alarm import Alarm, Alarms, Frame
from napari_beamwatch.damage.course.lasting import (
    DEPTHS,
    GAPS,
    MOST_SAMPLES,
    Watched,
    evidence,
    loss,
)
from napari_beamwatch.damage.parts import SEVERAL

SIGMA = 0.1


def naive_evidence(value: np.ndarray, sigma: float, left: float) -> float:
    """Marginal likelihoods by sums over a fine grid of levels, place by place."""
    count = len(value)
    level = np.linspace(-1, 3, 1601)[:, None]
    total, spent = 0.0, 0.0
    for after in range(SEVERAL, count):
        k = after - SEVERAL + 1
        prior = 1 / k - 1 / (k + 1)
        spent += prior
        for gap in GAPS:
            before = after - gap
            if before < SEVERAL:
                continue
            held = stats.norm.logpdf(value[:before], level, sigma).sum(axis=1)
            for depth in DEPTHS:
                likelihoods = [
                    np.exp(held + stats.norm.logpdf(
                        value[after:], left * level - less, sigma).sum(axis=1)).sum()
                    for less in (left * depth, 0.0)
                ]  # fmt: skip
                ratio = likelihoods[0] / likelihoods[1]
                total += prior * ratio / len(GAPS) / len(DEPTHS)
    return math.log(total + 1 - spent)


@pytest.mark.parametrize("left", [0.9, 0.5])
def test_evidence_is_the_ratio_of_marginal_likelihoods(left: float) -> None:
    rng = np.random.default_rng(3)
    value = np.where(np.arange(12) < 7, 1.0, 0.5) + 0.2 * rng.standard_normal(12)
    weight = np.full(12, 1 / 0.2**2)
    quick = evidence(value, weight, weight, np.arange(12), 12, left)
    assert quick == pytest.approx(naive_evidence(value, 0.2, left), abs=1e-6)


@pytest.mark.long
def test_evidence_stays_low_in_forty_frames_that_hold_read_after_every_one() -> None:
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(100):
        value = 1 + 0.3 * rng.standard_normal(40)
        weight, first = np.full(40, 1 / 0.3**2), np.arange(40)
        peak = max(
            evidence(value[:n], weight[:n], weight[:n], first[:n], n, 1.0) for n in range(4, 41)
        )
        passed += peak > math.log(1 / 0.05)
    assert passed <= 11  # 5 expected at most; 99 % of binomials


def test_a_level_that_is_lower_by_less_than_the_margin_is_no_evidence() -> None:
    value, weight = np.where(np.arange(100) < 50, 1.0, 0.92), np.full(100, 1e4)
    assert evidence(value, weight, weight, np.arange(100), 100, 0.9) < 0.1


def test_the_beginning_of_a_fade_is_found_with_its_place() -> None:
    rng = np.random.default_rng(1)
    fade = np.where(np.arange(80) < 40, 1.0, np.exp(-(np.arange(80) - 40) / 8))
    seen = loss(fade + SIGMA * rng.standard_normal(80), np.full(80, SIGMA**-2))
    assert seen.place(0.025) <= 41 <= seen.place(0.975) + 1
    assert seen.left < 0.1


def test_a_trace_of_days_takes_no_more_memory_than_one_of_an_hour() -> None:
    rng = np.random.default_rng(0)
    trace = Watched()
    for t in range(3 * MOST_SAMPLES):
        trace.add(1 + SIGMA * rng.standard_normal(), SIGMA**2 / 2, SIGMA**2 / 2, t, t + 1)
    assert len(trace) <= MOST_SAMPLES
    assert trace.end == 3 * MOST_SAMPLES
    assert trace.evidence(0.9) < 1


def test_frames_that_differ_more_than_the_noise_law_says_widen_it() -> None:
    rng = np.random.default_rng(0)
    trace = Watched()
    for t in range(100):
        trace.add(1 + 2 * SIGMA * rng.standard_normal(), SIGMA**2 / 2, SIGMA**2 / 2, t, t + 1)
    assert 2.5 < trace.dispersion < 6


def watched(course: np.ndarray, seed: int = 0) -> list[Alarm]:
    """What is said after each frame of a lattice of that course."""
    rng = np.random.default_rng(seed)
    alarms, said = Alarms(0.01, [("the field", 0.5)]), []
    for t, v in enumerate(course):
        value = v + SIGMA * rng.standard_normal()
        alarms.add([Frame(value, SIGMA**2 / 2, SIGMA**2 / 2)], t, t + 1)
        said.append(alarms.now)
    return said


def statuses(said: list[Alarm]) -> list[str]:
    """Each status as it changes."""
    words = [one.status for one in said]
    return [word for i, word in enumerate(words) if i == 0 or word != words[i - 1]]


def test_a_lattice_that_goes_for_good_is_said_in_time() -> None:
    said = watched(np.where(np.arange(100) < 50, 1.0, np.exp(-(np.arange(100) - 50) / 5.0)))
    first = next(t for t, one in enumerate(said) if one.status == "lasting")
    assert 50 < first <= 65
    since = said[-1].since
    assert since is not None
    assert since.low <= 50 <= since.high
    assert said[-1].left < 0.1


def test_a_loss_that_recovers_is_never_called() -> None:
    course = np.ones(120)
    course[60:70] = 0.2
    said = watched(course)
    assert statuses(said) == ["holding", "falling", "holding"]
    assert said[-1].dips == 1


def test_a_loss_must_outlast_the_dips_that_recovered_before() -> None:
    course = np.ones(130)
    course[75:89] = 0.2
    course[95:] = 0.2
    said = watched(course)
    first = next(t for t, one in enumerate(said) if one.status == "lasting")
    assert first >= 95 + 1.5 * 14 - 2  # of the dose before it, a fifth would be 19


def test_a_small_loss_that_lasts_is_said_with_what_is_left() -> None:
    said = watched(1 - 0.3 * np.clip((np.arange(100) - 40) / 20, 0, 1))
    assert statuses(said)[-1] == "lasting"
    assert said[-1].left == pytest.approx(0.7, abs=0.08)


def test_frames_in_which_nothing_was_measured_say_nothing() -> None:
    course = np.ones(80)
    course[30:50] = np.nan
    assert statuses(watched(course)) == ["holding"]


def test_a_crystal_that_goes_is_called_beside_a_field_that_holds() -> None:
    rng = np.random.default_rng(2)
    alarms = Alarms(0.01, [("the field", 0.5), ("crystal 2", 0.25)])
    for t in range(100):
        courses = (1.0, 1.0 if t < 50 else 0.1)
        alarms.add(
            [Frame(v + SIGMA * rng.standard_normal(), SIGMA**2 / 2, SIGMA**2 / 2) for v in courses],
            t,
            t + 1,
        )
    now = alarms.now
    assert (now.status, now.where) == ("lasting", "crystal 2")
