"""Laws: what a lattice, a focus or a beam does as the dose grows."""

import numpy as np
import pytest

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.laws import (
    Decay,
    Dip,
    Excursion,
    Knots,
    Product,
    Saturating,
)


def test_a_decay_is_a_plateau_and_then_a_stretched_exponential_to_its_residual():
    law = Decay(onset=100, tau=50, beta=2, residual=0.1)
    dose = np.array([0, 99, 100, 150, 200, 1e5])
    expected = [1, 1, 1, 0.1 + 0.9 / np.e, 0.1 + 0.9 * np.exp(-4), 0.1]
    np.testing.assert_allclose(law.at(dose), expected)


def test_crossings_are_where_the_law_passes_them():
    law = Decay(onset=152, tau=41, beta=1.3, residual=0.05)
    for fraction in (0.5, 1 / np.e):
        assert law.at(law.crossing(fraction)) == pytest.approx(fraction)
    assert law.crossing(0.04) is None
    assert Product((Dip(10, 30, 0.5), law)).crossing(0.5) == law.crossing(0.5)


def test_dips_recover_and_lasting_changes_say_from_when():
    dip = Dip(start=50, end=100, depth=0.7, edge=10)
    np.testing.assert_allclose(dip.at([0, 50, 75, 100, 200]), [1, 1, 0.3, 1, 1])
    assert dip.lasting_from is None
    assert Excursion(50, None, 3.0).lasting_from == 50
    assert Knots((20, 80), (0, 5)).lasting_from == 20
    assert Knots((20, 50, 80), (0, 5, 0)).lasting_from is None
    assert Product((dip, Decay(120, 30))).lasting_from == 120


def test_motion_is_fastest_first():
    steps = np.diff(Saturating(limit=6, tau=40).at(np.arange(0, 200, 10)))
    assert (np.diff(steps) < 0).all()


def test_a_decay_that_cannot_be_is_refused():
    with pytest.raises(BeamwatchError, match="tau > 0"):
        Decay(10, 0)
