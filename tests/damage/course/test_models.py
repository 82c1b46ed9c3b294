"""A frame shows the squared mean amplitude over its exposure."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.damage.course.models import remaining

ENDS = np.arange(1.0, 13)


def naive(onset: float, tau: float, beta: float) -> np.ndarray:
    shown = []
    for end in ENDS:
        dose = end - 1 + (np.arange(200_000) + 0.5) / 200_000
        since = np.clip(dose - onset, 0, None)
        power = np.where(since > 0, 0.0, 1.0) if tau == 0 else np.exp(-((since / tau) ** beta))
        shown.append(np.sqrt(power).mean() ** 2)
    return np.array(shown)


@pytest.mark.parametrize("onset", [0.0, 3.0, 4.37])
@pytest.mark.parametrize("tau", [0.0, 0.4, 1.0, 8.0, 1e9])
@pytest.mark.parametrize("beta", [0.7, 1.0, 2.0, 3.5])
def test_frames_show_their_mean_amplitude(onset: float, tau: float, beta: float) -> None:
    mine = remaining(ENDS - 1, ENDS, onset, tau, beta)
    # A long tail starts infinitely steep: five points do not see all of it.
    assert mine == pytest.approx(naive(onset, tau, beta), abs=0.015 if beta < 1 else 3e-3)


def test_nothing_is_lost_before_the_onset() -> None:
    assert (remaining(ENDS - 1, ENDS, 12.0, 1.0, 1.0) == 1).all()
