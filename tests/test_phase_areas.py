"""What is told of phases that were looked for and are not there."""

from __future__ import annotations

import numpy as np
import pytest

import napari_beamwatch as bw
from napari_beamwatch.analysis.phase_areas import UNNAMED, _not_seen
from napari_beamwatch.damage.field.areas import Areas, Lattices
from napari_beamwatch.spectra.windows import Grid


@pytest.mark.parametrize(("of_lif", "told"), [(3.0, True), (0.0, False)])
def test_how_large_a_piece_would_have_been_a_lattice_with_a_name_must_tell(
    of_lif: float, told: bool
) -> None:
    movie = bw.Movie.from_array(np.ones((4, 128, 128), np.uint8), 0.3, 5.0)
    stretches, windows = np.ones((2, 1, 2)), np.ones((2, 1), bool)
    lattices = Lattices(
        stretches, 0.1 * stretches, windows, 20.0 * windows, np.ones((1, 2), bool),
        np.zeros(1, np.int64), 1.0, 9.0,
    )  # fmt: skip
    areas = Areas(0.5 * np.ones((2, 2)), np.zeros((2, 2)), np.zeros(2), np.array([5.0, of_lif]))
    rows = _not_seen(
        movie, bw.Settings(phases=("LiF", "Li2O")), lattices, areas, [UNNAMED, "LiF"],
        {UNNAMED, "LiF"}, Grid(128, 128, 64, 32),
    )  # fmt: skip
    assert ("Li2O" in [row.phase[0] for row in rows]) is told
