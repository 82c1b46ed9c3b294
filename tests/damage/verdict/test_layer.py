"""A layer that grows on all of a field takes the same part of every lattice."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.verdict.fates import Fates
from napari_beamwatch.damage.verdict.judging import judge
from napari_beamwatch.damage.verdict.layer import Layer

GROWS = 1 - 0.35 * np.arange(100) / 99


def under_it(traces: Any, power: np.ndarray, number: int) -> Examined:
    """A crystal of its own under the layer."""
    return traces.placed(8 * power * GROWS, number, crystal=number, turn=20 * number)


def test_what_two_crystals_that_hold_lost_alike_is_a_layer_and_no_damage(traces: Any) -> None:
    places = [under_it(traces, traces.steady(), number) for number in (1, 2)]
    layer = Layer.of(places)
    assert layer is not None
    assert layer.left == pytest.approx(GROWS, abs=0.06)
    assert layer.beside == ()
    fates = Fates.of(places, layer=layer)
    for one, other in (places, places[::-1]):
        verdict = judge(one, [other], None, fates)
        assert verdict.status == "ambiguous"
        assert layer.said in verdict.reason


def test_a_crystal_that_went_under_it_lost_something_of_its_own(traces: Any) -> None:
    holds, went = under_it(traces, traces.steady(), 1), under_it(traces, traces.fading(60, 8), 2)
    layer = Layer.of([holds, went])
    assert layer is not None
    assert layer.beside == (went,)


def test_one_crystal_that_holds_all_of_it_lies_under_none(traces: Any) -> None:
    under, went = under_it(traces, traces.steady(), 1), under_it(traces, traces.fading(60, 8), 2)
    assert Layer.of([under, went, traces.placed(8 * traces.steady(), 3, crystal=3)]) is None


def test_what_held_until_it_went_lies_under_none(traces: Any) -> None:
    under = under_it(traces, traces.steady(), 1)
    assert Layer.of([under, traces.placed(8 * traces.fading(60, 8), 2, crystal=2)]) is None


def test_of_one_crystal_alone_it_is_not_told(traces: Any) -> None:
    assert Layer.of([under_it(traces, traces.steady(), 1)]) is None
