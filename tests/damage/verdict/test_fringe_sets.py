"""Fringe sets of one spacing, or one direction, witness nothing for each other; words say which."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.verdict.judging import judge


@pytest.mark.parametrize(
    ("g", "what"),
    [
        ([[0.06, 0.0]], "one fringe set alone"),
        ([[0.06, 0.0], [0.0, 0.06]], "fringe sets of one spacing alone"),
        ([[0.06, 0.0], [0.12, 0.0]], "fringe sets of one direction alone"),
    ],
)
def test_fringe_sets_alone_are_told_as_what_they_are(
    traces: Any, g: list[list[float]], what: str
) -> None:
    scope = traces.scope(traces.fading(40, 8)[: len(g)], 5, np.array(g), windows=8)
    verdict = judge(examine(scope, None))
    assert verdict.reason == f"{what}, and nothing to witness focus and tilt"


def test_a_faint_spot_of_which_nothing_is_known_is_no_second_fringe_set(traces: Any) -> None:
    g = np.array([[0.06, 0.0], [0.12, 0.0], [0.01, 0.09]])
    courses = np.concatenate([traces.fading(40, 8)[:2], [0.3 - 0.2 * (np.arange(100) > 45)]])
    lost = examine(traces.scope(courses, 5, g, windows=8), None)
    assert lost.loss is not None
    assert lost.loss.left.measured.all()
    assert not lost.loss.left.fell[2]
    alone = judge(lost)
    assert (
        alone.reason == "fringe sets of one direction alone, and nothing to witness focus and tilt"
    )
    held = examine(traces.scope(traces.steady()[:2], 8, g[:2], windows=8), None)
    beside = judge(lost, [held])
    assert (beside.status, beside.evidence) == ("onset", "single")
