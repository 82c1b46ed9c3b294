"""A stage that was moved, or a blur, is no damage; a film that stays changes nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import Scope, Witnesses
from napari_beamwatch.damage.verdict.judging import Verdict, judge
from napari_beamwatch.damage.verdict.view import view_changed
from napari_beamwatch.spectra.drift import Comparison
from napari_beamwatch.spectra.drift.blurring import Blur, terms
from napari_beamwatch.spectra.drift.refocusing import Transfer


def even(rate: float, error: float) -> Blur:
    """A blur that is the same in all directions."""
    return Blur(np.array([rate, rate, 0.0]), error**2 * np.diag([1.0, 1.0, 0.5]))


HELD = Comparison(20.0, 20.0, 1.0, -8.0, even(0.0, 5.0))
ANOTHER = Comparison(20.0, 20.0, 0.05, 7.0, even(0.0, 5.0))
UNSEEN = Comparison(2.0, 3.0, 0.05, 3.0, None)


@dataclass
class Film:
    """A texture of which it is known what it says."""

    told: Comparison

    def compared(self, before: np.ndarray, after: np.ndarray) -> Comparison | None:
        return self.told if min(before.sum(), after.sum()) > 1 else None

    def apart(self, before: np.ndarray, after: np.ndarray) -> Film:
        return self

    def below(self, frequency: float) -> Film:
        assert frequency > 0
        return self


@dataclass
class Parted(Film):
    """One that says something else of a part of the field."""

    there: Comparison
    asked: list[np.ndarray] = field(default_factory=list)

    def within(self, boxes: np.ndarray, before: np.ndarray, after: np.ndarray) -> Film:
        self.asked.append(boxes)
        return Film(self.there)


@dataclass
class InParts(Film):
    """One that says of each part what is known of it, by the upper edge of that."""

    of: dict[int, Comparison]

    def within(self, boxes: np.ndarray, before: np.ndarray, after: np.ndarray) -> Film:
        return Film(self.of[int(boxes[0, 0])])


def judged(scope: Scope, told: Comparison | None) -> Verdict:
    """The verdict beside a film."""
    film: Any = None if told is None else Film(told)
    return judge(examine(scope, None), (), Witnesses(texture=film))


def test_a_lattice_that_goes_with_its_film_is_another_view(traces: Any) -> None:
    verdict = judged(traces.scope(traces.fading(40, 0.1), 1), ANOTHER)
    assert verdict.status == "ambiguous"
    at = re.match(r"all at once at ([\d.]+)", verdict.reason)
    assert at is not None
    assert float(at[1]) == pytest.approx(40, abs=0.5)
    assert "the stage was moved" in verdict.reason
    assert np.isnan(verdict.onset.value)


@pytest.mark.parametrize("told", [HELD, UNSEEN])
def test_a_sudden_loss_on_a_film_that_stays_or_is_not_seen_is_damage(
    traces: Any, told: Comparison
) -> None:
    scope = traces.scope(traces.fading(40, 0.1), 1)
    verdict, alone = judged(scope, told), judged(scope, None)
    assert verdict.status == "onset"
    assert (verdict.onset, verdict.reason) == (alone.onset, alone.reason)


def test_a_stage_that_moves_does_not_take_a_lattice_slowly(traces: Any) -> None:
    assert judged(traces.scope(traces.fading(40, 8), 1), ANOTHER).status == "onset"


def test_a_blur_that_takes_film_and_spots_is_no_damage(traces: Any) -> None:
    g2 = (traces.g**2).sum(axis=1)[:, None]
    rate = 500.0
    late = np.arange(100) >= 40
    scope = traces.scope(traces.levels[:, None] * np.exp(-rate * g2 * late), 1, windows=16)
    blurred = Comparison(20.0, 10.0, 1.0, -5.0, even(rate, 30.0))
    verdict = judged(scope, blurred)
    assert verdict.status == "ambiguous"
    assert "blurred" in verdict.reason
    assert judged(scope, HELD).status == "onset"


def test_what_shakes_along_one_direction_takes_the_spots_along_it(traces: Any) -> None:
    rates = np.array([900.0, 100.0, 200.0])
    left = np.exp(-terms(*traces.g.T) @ rates)[:, None]
    late = np.arange(100) >= 40
    scope = traces.scope(traces.levels[:, None] * np.where(late, left, 1.0), 1, windows=16)
    one, film = examine(scope, None), Blur(rates, 30.0**2 * np.eye(3))
    assert one.loss is not None
    for blur, said in ((film, True), (replace(film, rates=rates[[1, 0, 2]]), False)):
        seen: Any = Film(Comparison(20.0, 10.0, 1.0, -5.0, blur))
        assert ("blurred" in view_changed(one, [], one.loss.course.onset, seen)) is said


def test_of_a_part_that_shakes_the_film_in_that_part_is_asked(traces: Any) -> None:
    left = np.exp(-500.0 * (traces.g**2).sum(axis=1))[:, None]
    late = np.arange(100) >= 40
    scope = traces.scope(traces.levels[:, None] * np.where(late, left, 1.0), 1, windows=16)
    boxes = np.array([[0, 0, 64, 64]])
    mine = examine(replace(scope, boxes=boxes), None)
    held = examine(traces.scope(np.repeat(traces.levels[:, None], 100, axis=1), 2), None)
    assert mine.loss is not None
    shakes = Comparison(20.0, 10.0, 1.0, -5.0, even(500.0, 30.0))
    for everywhere, there, said in ((HELD, shakes, True), (shakes, HELD, False)):
        film: Any = Parted(everywhere, there)
        told = view_changed(mine, [held], mine.loss.course.onset, film)
        assert ("blurred" in told) is said
        assert film.asked == [boxes]


def test_a_film_is_asked_though_a_first_step_may_have_begun_with_the_record(traces: Any) -> None:
    scope = traces.scope(traces.fading(40, 4), 1)
    mine = examine(replace(scope, boxes=np.array([[0, 0, 64, 64]])), None)
    held = traces.placed(traces.steady(), 2, crystal=1, turn=30)
    assert mine.loss is not None
    film: Any = Parted(HELD, replace(HELD, transfer=Transfer(
        np.array([2.0, 1.3, 0.7]), np.full(3, 0.05), np.full(3, 0.1))))  # fmt: skip
    from_the_first = replace(mine.loss.course.onset, low=0.0)
    assert "seen at another focus" in view_changed(mine, [held], from_the_first, film)


def test_at_the_edge_of_a_part_that_shakes_what_fell_with_it_tells_how_much_that_takes(
    traces: Any,
) -> None:
    late = np.arange(100) >= 40

    left = np.exp(-500.0 * (traces.g**2).sum(axis=1))[:, None]
    scope = traces.scope(traces.levels[:, None] * np.where(late, left, 1.0), 1, windows=16)
    edge, amid = (
        examine(replace(scope, boxes=np.array([[at, at, at + 64, at + 64]])), None)
        for at in (0, 64)
    )
    held = examine(traces.scope(np.repeat(traces.levels[:, None], 100, axis=1), 2), None)
    assert edge.loss is not None
    slight = Comparison(20.0, 10.0, 1.0, -5.0, even(60.0, 15.0))
    shakes = replace(slight, blur=even(500.0, 30.0))
    for there, with_it, said in (
        ({0: slight, 64: shakes}, [amid, held], True),
        ({0: slight, 64: slight}, [amid, held], False),
        ({0: HELD, 64: shakes}, [amid, held], False),
        ({0: slight, 64: shakes}, [held], False),
    ):
        film: Any = InParts(HELD, there)
        told = view_changed(edge, with_it, edge.loss.course.onset, film)
        assert ("blurred" in told) is said


@pytest.mark.parametrize(
    ("ratio", "beside", "said"),
    [((2.0, 1.3, 0.7), 0.1, True), ((0.9, -0.8), 1.0, True), ((3.9, 4.1), 1.0, True),
     ((2.0, 1.3, 0.7), 1.5, False), ((1.0, 0.9, 1.1), 0.1, False), ((0.9, 0.6, 0.4), 0.0, False)],
)  # fmt: skip
def test_of_a_part_whose_film_is_seen_at_another_focus_the_loss_is_no_damage(
    traces: Any, ratio: tuple[float, ...], beside: float, said: bool
) -> None:
    scope = replace(traces.scope(traces.fading(40, 4), 1), boxes=np.array([[0, 0, 64, 64]]))
    held = traces.placed(traces.steady(), 2, crystal=1, turn=30)
    seen = Transfer(np.array(ratio), *np.full((2, len(ratio)), [[0.05], [beside]]))
    film: Any = Parted(HELD, replace(HELD, transfer=seen))
    verdict = judge(examine(scope, None), [held], Witnesses(texture=film))
    assert verdict.status == ("ambiguous" if said else "onset")
    assert ("seen at another focus" in verdict.reason) is said


def test_a_blur_of_the_film_does_not_excuse_spots_that_are_gone(traces: Any) -> None:
    slight = Comparison(20.0, 10.0, 1.0, -5.0, even(50.0, 10.0))
    assert judged(traces.scope(traces.fading(40, 3), 1), slight).status == "onset"


@pytest.mark.parametrize(("doses", "told"), [((40, 40, 40), "ambiguous"), ((40, 40, 60), "onset")])
def test_crystals_that_go_within_one_frame_all_of_them_go_by_the_microscope(
    traces: Any, doses: tuple[int, ...], told: str
) -> None:
    first, *others = (
        traces.placed(8 * traces.fading(dose, 0.05), number, crystal=number, turn=20 * number)
        for number, dose in enumerate(doses)
    )
    verdict = judge(first, others)
    assert verdict.status == told
    assert ("within a frame" in verdict.reason) == (told == "ambiguous")


def test_two_crystals_that_go_within_one_frame_may_do_so_by_chance(traces: Any) -> None:
    first, other = (
        traces.placed(8 * traces.fading(40, 0.05), number, crystal=number, turn=20 * number)
        for number in (0, 1)
    )
    assert judge(first, [other]).status == "onset"
