"""The largest rectangle within a patch, for what is true of it is true all over that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel


@kernel()
def largest_rectangle(inside: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Rows and columns (y0, x0, y1, x1) of the largest rectangle of True cells, or zeros.

    Row by row, the largest under the skyline of True cells above, each column of which is put on
    a stack once and taken from it once [1]_.

    References
    ----------
    .. [1] D. Vandevoorde, Dr. Dobb's Journal 23(4) (1998) 67, "The maximal rectangle problem".
    """
    rows, columns = inside.shape
    height = np.zeros(columns + 1, np.int64)  # ends with a column of none, which clears the stack
    lefts, talls = np.zeros(columns + 1, np.int64), np.zeros(columns + 1, np.int64)
    best, found = 0, (0, 0, 0, 0)
    for row in range(rows):
        stacked = 0
        for column in range(columns + 1):
            if column < columns:
                height[column] = height[column] + 1 if inside[row, column] else 0
            left = column
            while stacked and talls[stacked - 1] >= height[column]:
                stacked -= 1
                left, high = lefts[stacked], talls[stacked]
                if high * (column - left) > best:
                    best = high * (column - left)
                    found = (row + 1 - high, left, row + 1, column)
            lefts[stacked], talls[stacked] = left, height[column]
            stacked += 1
    return found
