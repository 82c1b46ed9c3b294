"""Reflections of two phases that an image may not tell apart."""

from __future__ import annotations

import numpy as np
import pandas as pd

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases.reflections import label, reflections
from napari_beamwatch.phases.structures import Phase

HANN_BINS = 1.44
"""Full width at half maximum of a spot's power under a Hann window, in bins."""


def confusable(
    one: str | Phase,
    other: str | Phase,
    *,
    window_A: float | None = None,  # noqa: N803
    tolerance: float = 0.02,
    d_min: float = 1.0,
    temperature_C: float | None = None,  # noqa: N803
) -> pd.DataFrame:
    """Pairs of reflections of two phases whose spacings differ by less than a tolerance.

    A tolerance of the pixel size's uncertainty gives those that a single spacing cannot tell
    apart. With the length of a window, `resolved` says whether both would be seen as two spots in
    one direction; where not, they merge into one between them.

    Returns
    -------
    DataFrame
        hkl_one, d_one_A, hkl_other, d_other_A, difference_percent (of the other from the one),
        window_width_percent (full width at half maximum under a Hann window; NaN without one),
        resolved; closest first.
    """
    if window_A is not None and not window_A > d_min:
        raise BeamwatchError(f"a window of {window_A!r} Å holds no fringes")
    if not 0 < tolerance < 1:
        raise BeamwatchError(f"the tolerance is a part from 0 to 1, not {tolerance!r}")
    a = reflections(one, d_min, temperature_C)
    b = reflections(other, d_min, temperature_C)
    relative = b["d_A"].to_numpy()[None, :] / a["d_A"].to_numpy()[:, None] - 1
    i, j = np.nonzero(np.abs(relative) <= tolerance)
    order = np.argsort(np.abs(relative[i, j]), kind="stable")
    i, j = i[order], j[order]
    d = a["d_A"].to_numpy()[i]
    width = np.full(len(d), np.nan) if window_A is None else 100 * HANN_BINS * d / window_A
    difference = 100 * relative[i, j]
    return pd.DataFrame(
        {
            "hkl_one": [_label(a, int(k)) for k in i],
            "d_one_A": d,
            "hkl_other": [_label(b, int(k)) for k in j],
            "d_other_A": b["d_A"].to_numpy()[j],
            "difference_percent": difference,
            "window_width_percent": width,
            "resolved": np.abs(difference) > width,
        }
    )


def _label(table: pd.DataFrame, row: int) -> str:
    return label(int(table[index].iloc[row]) for index in ("h", "k", "l"))
