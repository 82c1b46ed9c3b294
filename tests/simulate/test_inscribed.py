"""The largest rectangle within a patch."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_beamwatch.simulate.inscribed import largest_rectangle

PATCHES = hnp.arrays(bool, st.tuples(st.integers(1, 7), st.integers(1, 7)))


def naive(inside: np.ndarray) -> int:
    """Cells of the largest, of all that there are."""
    rows, columns = inside.shape
    return max(
        (y1 - y0) * (x1 - x0) * int(inside[y0:y1, x0:x1].all())
        for y0 in range(rows) for y1 in range(y0 + 1, rows + 1)
        for x0 in range(columns) for x1 in range(x0 + 1, columns + 1)
    )  # fmt: skip


@given(PATCHES)
def test_no_rectangle_of_the_patch_is_larger(inside: np.ndarray) -> None:
    y0, x0, y1, x1 = largest_rectangle(inside)
    assert inside[y0:y1, x0:x1].all()
    assert (y1 - y0) * (x1 - x0) == naive(inside)
