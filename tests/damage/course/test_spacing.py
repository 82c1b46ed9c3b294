"""A spacing that moves for good is a spot's own, or nothing."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.damage.course.spacing import find_shift
from napari_beamwatch.damage.scopes import Scope, SpotTrace

FRAMES = 60
ENDS = np.arange(1.0, FRAMES + 1)


def scope(left: float, shift: float = 0.06) -> Scope:
    """Two spots whose spacing reads another value from frame 30 on, where a part is left."""
    rng = np.random.default_rng(0)
    level = np.where(ENDS <= 30, 1.0, left)
    traces = []
    for number, (gy, gx) in enumerate(((0.0, 0.1), (0.1, 0.0))):
        d = 10 * (1 + shift * (ENDS > 30)) + 0.02 * rng.standard_normal(FRAMES)
        traces.append(SpotTrace(number, 0, gy, gx, 40 * level, 16, d_px=d,
                                d_se_px=np.full(FRAMES, 0.02)))  # fmt: skip
    return Scope("crystal", tuple(traces), ENDS - 1, ENDS, np.ones(FRAMES, bool))


def test_a_lattice_that_swells_is_dated() -> None:
    shift = find_shift(scope(left=0.8), 0.01, 0.01)
    assert shift is not None
    assert shift.onset.low <= 30 <= shift.onset.high
    assert shift.after_px / shift.before_px == pytest.approx(1.06, abs=0.005)


def test_what_is_read_where_a_spot_is_gone_is_the_foot_of_another() -> None:
    assert find_shift(scope(left=0.02), 0.01, 0.01) is None
