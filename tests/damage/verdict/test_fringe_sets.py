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
