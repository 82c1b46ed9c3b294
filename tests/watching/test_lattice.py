"""What is believed of spots that were found because they were strong."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.watching.lattice import unchosen

THRESHOLD = 22.0


@pytest.mark.parametrize("truth", [18.0, 25.0, 40.0])
def test_what_the_choice_added_to_spots_is_taken_off(truth: float) -> None:
    rng = np.random.default_rng(1)
    noise = (rng.standard_normal(4000) + 1j * rng.standard_normal(4000)) / np.sqrt(2)
    snr = np.abs(np.sqrt(truth) + noise) ** 2 - 1
    found = snr[snr + 1 > THRESHOLD]
    believed = unchosen(found, THRESHOLD).mean()
    assert truth < found.mean()
    assert 0.7 * truth < believed < 1.02 * truth


def test_spots_far_above_the_threshold_or_below_it_are_believed() -> None:
    snr = np.array([200.0, 12.0])
    np.testing.assert_allclose(unchosen(snr, THRESHOLD), snr, rtol=0.005)
