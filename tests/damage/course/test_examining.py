"""What was there at first, and what came."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import Scope

MANY, FEW = 40, 2


@pytest.fixture
def come_over_a_neighbour(traces: Any) -> Scope:
    """A lattice that comes; one of its spots lies on a neighbour's, which a few windows show."""
    signal = traces.levels[:, None] * (np.arange(100) >= 50)
    signal[0] = 2.0
    scope = traces.scope(signal, windows=MANY)
    first, *others = scope.traces
    return replace(scope, traces=(replace(first, windows=FEW), *others))


def test_a_lattice_that_came_was_not_there_for_one_of_its_spots_is_a_neighbours(
    come_over_a_neighbour: Scope,
) -> None:
    assert not examine(come_over_a_neighbour, None).there.any()


def test_rings_of_powders_each_stand_for_themselves(come_over_a_neighbour: Scope) -> None:
    rings = tuple(replace(trace, ring=True) for trace in come_over_a_neighbour.traces)
    there = examine(replace(come_over_a_neighbour, traces=rings), None).there
    np.testing.assert_array_equal(there, [True, False, False, False])


def test_a_lattice_whose_spots_are_joined_by_some_that_came_was_there(traces: Any) -> None:
    signal = traces.steady()
    signal[3] *= np.arange(100) >= 50
    there = examine(traces.scope(signal, windows=MANY), None).there
    np.testing.assert_array_equal(there, [True, True, True, False])
