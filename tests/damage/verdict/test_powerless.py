"""Where a record could not have shown a loss it is said why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.verdict.judging import judge


@pytest.mark.parametrize(("strength", "what"), [(1.0, "too few frames are left, for the lattice "
                         "grew stronger until"), (0.05, "too few electrons")])  # fmt: skip
def test_a_lattice_that_grew_stronger_for_long_leaves_too_few_frames_and_not_electrons(
    traces: Any, strength: float, what: str
) -> None:
    grows = np.where(np.arange(100) < 86, 0.4, 1.0)
    verdict = judge(examine(traces.scope(strength * traces.steady() * grows, 3, windows=2), None))
    assert verdict.status == "ambiguous"
    assert verdict.reason.startswith(what)
