"""Particles that shrink, round or open voids, or only seem to."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from napari_beamwatch.damage.course.estimate import Estimate
from napari_beamwatch.damage.field.signs import with_shapes
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict import mass
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.damage.verdict.mass import (
    ShapeChange,
    ShapeTrace,
    find_shape_changes,
    first_loss,
    path_of,
)

BINS = 16
EDGES = np.linspace(0, 600, BINS + 1)
DOSES = np.linspace(0, 600, 9601)


def binned(course: np.ndarray) -> np.ndarray:
    """Means over the bins of a course on `DOSES`."""
    inner = DOSES[:-1] + np.diff(DOSES) / 2
    each = (course[1:] + course[:-1]) / 2
    return np.histogram(inner, EDGES, weights=each)[0] / np.histogram(inner, EDGES)[0]


def ramp(onset: float, length: float, loss: float) -> np.ndarray:
    return binned(1 - loss * np.clip((DOSES - onset) / length, 0, 1))


def shape(
    area: np.ndarray,
    roundness: np.ndarray | None = None,
    voids: np.ndarray | None = None,
    *,
    seed: int = 0,
    error: float = 0.01,
    scatter: float = 1.0,
    neighbours: float = 0.0,
) -> ShapeTrace:
    """A particle of area 1 with the errors that real ones have, or `scatter` times as much."""
    rng = np.random.default_rng(seed)
    count = len(area)

    def seen(course: np.ndarray, se: float) -> np.ndarray:
        noise = rng.standard_normal(count)
        for i in range(1, count):
            noise[i] = neighbours * noise[i - 1] + np.sqrt(1 - neighbours**2) * noise[i]
        return np.stack([course + se * scatter * noise, np.full(count, se)], axis=1)

    flat = np.zeros(count)
    edges = np.linspace(0, 600, count + 1)
    return ShapeTrace(
        1, edges[:-1], edges[1:],
        seen(area, error),
        seen(flat + 0.9 if roundness is None else roundness, 0.8 * error),
        seen(flat if voids is None else voids, 0.5 * error),
    )  # fmt: skip


def kinds(*changes: ShapeChange) -> list[str]:
    return [one.kind for one in changes]


def test_a_particle_that_shrinks_is_dated() -> None:
    (change,) = find_shape_changes([shape(ramp(150, 200, 0.3), seed=1)])
    assert change.kind == "shrank"
    assert change.onset.low <= 150 <= change.onset.high
    assert change.onset.high - change.onset.low < 4 * 37.5
    assert 150 < change.detected < 350
    assert change.after / change.before == pytest.approx(0.7, abs=0.03)
    assert change.no_plateau < 0.025
    assert not change.late
    assert re.fullmatch(
        r"particle 1 lost (29|30|31) % of its area from \d+ on \(.*–\d+, in bins of 37.5\)",
        change.words,
    )


@pytest.mark.parametrize(
    ("course", "kind"),
    [
        ({"roundness": 0.9 + 0.08 * (1 - ramp(200, 100, 1))}, "rounded"),
        ({"voids": 0.06 * (1 - ramp(200, 100, 1))}, "voids"),
    ],
)
def test_rounding_and_voids_are_losses_by_themselves(
    course: dict[str, np.ndarray], kind: str
) -> None:
    (change,) = find_shape_changes([shape(np.ones(BINS), **course)])
    assert change.kind == kind
    assert change.onset.low <= 200 <= change.onset.high


def test_growth_is_no_loss_even_if_it_evens_the_outline() -> None:
    growing = 2 - ramp(60, 300, 0.15)
    changes = find_shape_changes([shape(growing, 0.9 + 0.08 * (1 - ramp(60, 300, 1)))])
    assert kinds(*changes) == ["grew"]
    assert first_loss(changes) is None
    assert "particle 1 grew by 14 %" in changes[0].words


def test_a_decline_from_the_first_bin_has_no_plateau() -> None:
    (change,) = find_shape_changes([shape(ramp(0, 600, 0.5))])
    assert change.no_plateau > 0.025
    assert change.onset.low == pytest.approx(0, abs=1)


def test_a_change_that_recovers_is_none() -> None:
    dip = np.ones(BINS)
    dip[5:10] = 0.7
    assert find_shape_changes([shape(dip)]) == ()


def test_a_change_in_the_last_tenth_is_late() -> None:
    (change,) = find_shape_changes([shape(ramp(560, 1, 0.3))])
    assert change.late


def test_a_small_change_is_left_to_tilt_and_film() -> None:
    assert find_shape_changes([shape(ramp(200, 100, 0.03), error=0.002)]) == ()


def test_a_record_of_few_bins_says_nothing() -> None:
    area = np.array([1.0, 1.0, 0.7, 0.7, 0.7])
    assert find_shape_changes([shape(area)]) == ()


def test_bins_in_which_a_particle_is_not_seen_are_left_out() -> None:
    seen = shape(ramp(150, 200, 0.3))
    area = seen.area.copy()
    area[[3, 14]] = np.nan
    (change,) = find_shape_changes([replace(seen, area=area)])
    assert change.onset.low <= 150 <= change.onset.high
    never = replace(seen, area=np.full_like(area, np.nan))
    assert find_shape_changes([never]) == ()


def test_the_loss_that_had_surely_begun_first_is_taken() -> None:
    early, late = shape(ramp(150, 200, 0.3)), shape(ramp(350, 50, 0.3), seed=1)
    changes = find_shape_changes([late, replace(early, particle=2)])
    first = first_loss(changes)
    assert first is not None
    assert first.particle == 2


@pytest.mark.long
@pytest.mark.parametrize("bins", [8, 16])
@pytest.mark.parametrize(("scatter", "neighbours"), [(1.12, 0.0), (1.4, 0.0), (1.0, 0.3)])
def test_false_changes_are_no_more_than_stated(
    bins: int, scatter: float, neighbours: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a rate that can be counted, and however small a change may be."""
    for name in ("HARDLY", "LEAST_ROUNDNESS", "LEAST_VOIDS"):
        monkeypatch.setattr(mass, name, 0.0)
    still = [
        shape(np.ones(bins), seed=seed, scatter=scatter, neighbours=neighbours)
        for seed in range(100)
    ]
    false = sum(bool(find_shape_changes([one], 0.05)) for one in still)
    assert false <= 11  # 5 of 100 are expected at most; 12 or more have a chance of 0.4 %


def test_intervals_hold_the_onset_whatever_the_course() -> None:
    rng = np.random.default_rng(3)
    held, count = 0, 60
    for seed in range(count):
        onset = rng.uniform(60, 400)
        since = np.maximum(DOSES - onset, 0)
        course = [
            1 - 0.5 * np.clip(since / 250, 0, 1),
            1 - 0.3 * (1 - np.exp(-since / 250)),
            np.maximum(1 - since / 900, 0) ** 2,
            np.where(since > 0, 0.7, 1.0),
        ][seed % 4]
        changes = find_shape_changes([shape(binned(course), seed=seed, error=0.01)])
        found = first_loss(changes)
        held += found is not None and found.onset.low <= onset <= found.onset.high
    assert held >= 51  # 57 of 60 are expected; 50 or fewer have a chance of 0.3 %


@pytest.mark.parametrize(("onset", "length"), [(0.0, 100.0), (130.0, 5.0), (200.0, 900.0)])
@pytest.mark.parametrize(("start", "end"), [(1.0, 1.0), (2.5, 1.0), (1.0, 4.0)])
def test_a_path_is_what_adding_up_gives(
    onset: float, length: float, start: float, end: float
) -> None:
    since = np.clip((DOSES - onset) / length, 0, 1)
    course = 1 - (1 - since**start) ** end
    path = path_of(EDGES, np.array(onset), np.array(length), start, end)
    assert np.diff(path) / np.diff(EDGES) == pytest.approx(binned(course), abs=1e-3)


def loss(
    onset: float, low: float, high: float, *, late: bool = False, no_plateau: float = 0.0
) -> ShapeChange:
    return ShapeChange(
        1, "shrank", Estimate(onset, low, high), high + 50, 100.0, 60.0, no_plateau, late, 40.0
    )


def told(verdict: Verdict, *changes: ShapeChange) -> RegionVerdict:
    return with_shapes(RegionVerdict(verdict), changes, 600.0)


def faded(onset: float, low: float, high: float) -> Verdict:
    return Verdict(
        "onset", "faded", "fading", "strong", onset=Estimate(onset, low, high), detected=300.0
    )


@pytest.mark.parametrize("status", ["survived", "ambiguous", "no_lattice"])
def test_a_particle_that_shrank_is_damage_whatever_the_lattice_says(status: str) -> None:
    found = told(Verdict(status, "lattice"), loss(150, 120, 180))  # type: ignore[arg-type]
    assert (found.verdict.status, found.verdict.criterion) == ("onset", "mass_loss")
    assert found.verdict.onset == found.mass_loss_onset == Estimate(150, 120, 180)
    assert found.verdict.evidence == "single"
    assert found.verdict.reason.startswith("particle 1 lost 40 % of its area from 150 on")


def test_what_seems_to_go_on_from_the_start_gives_way_to_a_sign_that_held_at_first() -> None:
    rounded = replace(loss(5, 0, 40, no_plateau=0.4), kind="rounded")
    found = told(Verdict("survived", "lattice"), rounded, loss(150, 120, 180))
    assert (found.verdict.status, found.verdict.onset.value) == ("onset", 150)
    alone = told(Verdict("survived", "lattice"), rounded)
    assert alone.verdict.status == "damaged_at_start"


def test_fading_at_the_same_dose_is_a_loss_of_mass_at_the_dose_of_that() -> None:
    found = told(faded(140, 130, 150), loss(150, 120, 180)).verdict
    assert (found.criterion, found.evidence) == ("mass_loss", "strong")
    assert found.onset.value == 150
    assert found.detected == 230


def test_what_changed_surely_first_names_the_row() -> None:
    earlier = told(faded(50, 40, 60), loss(150, 120, 180))
    assert earlier.verdict.criterion == "fading"
    assert earlier.mass_loss_onset.value == 150
    later = told(faded(250, 240, 260), loss(150, 120, 180))
    assert later.verdict.criterion == "mass_loss"
    assert later.verdict.onset.value == 150


def test_a_new_phase_says_more_than_a_loss_of_mass_beside_it() -> None:
    found = told(replace(faded(140, 130, 150), criterion="new_phase"), loss(150, 120, 180))
    assert found.verdict.criterion == "new_phase"
    assert found.mass_loss_onset.value == 150
    assert "lost 40 % of its area" in found.verdict.reason


def test_without_a_plateau_a_particle_was_damaged_at_the_start() -> None:
    found = told(Verdict("survived", ""), loss(20, 0, 60, no_plateau=0.4)).verdict
    assert (found.status, found.criterion) == ("damaged_at_start", "mass_loss")


def test_a_loss_too_late_to_call_is_ambiguous() -> None:
    found = told(Verdict("survived", "lattice"), loss(570, 560, 590, late=True))
    assert found.verdict.status == "ambiguous"
    assert "too late" in found.verdict.reason
    assert np.isnan(found.mass_loss_onset.value)
    assert told(faded(140, 130, 150), loss(570, 560, 590, late=True)).verdict.status == "onset"


def test_growth_is_an_event_and_no_onset() -> None:
    grew = replace(loss(60, 40, 80), kind="grew", after=112.0)
    found = told(Verdict("survived", "lattice"), grew)
    assert found.verdict.status == "survived"
    assert found.grown
    (event,) = found.verdict.events
    assert (event.kind, event.dose_from, event.dose_to) == ("growth", 60.0, 600.0)
    assert event.depth == pytest.approx(0.12)
    assert "contamination" in found.verdict.reason
