"""Powder rings of diffraction patterns as curves: they are followed as spots are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch._qt.curves.data import EARLY
from napari_beamwatch.regions import FIELD
from napari_beamwatch.results.result import Result

HALO = "halo"

THERE = 0.3
"""Part of its greatest intensity that a ring had at first, if it did not come later: relative to
nothing no curve can be drawn."""


def with_rings(result: Result) -> Result:
    """The result with rings that were there at first as further spots of the field."""
    rings = result.rings[result.rings["ring"] != HALO]
    if result.settings.camera_constant is None or not len(rings):
        return result
    first = 0 if not len(result.spots) else int(result.spots["spot"].max()) + 1
    number = rings["ring"].astype(int)
    frame = rings["frame_first"].astype(int)
    times = None if result.movie is None else result.movie.times
    traces = pd.DataFrame(
        {
            "region": FIELD,
            "spot": number + first,
            "frame": frame,
            "dose_e_per_A2": rings["dose_end_e_per_A2"],
            "time_s": np.nan if times is None else np.asarray(times)[frame],
            "intensity": rings["intensity"],
            "intensity_se": rings["intensity_se"],
            "snr": rings["intensity"] / rings["intensity_se"],
            "d_A": rings["d_A"],
            "d_se_A": rings["d_se_A"],
        }
    ).reindex(columns=list(columns.TRACES))
    early = frame < frame.min() + EARLY * (frame.max() + 1 - frame.min())
    by_ring = traces.groupby("spot")
    at_first = traces[early].groupby("spot")["intensity"].mean()
    there = at_first[at_first > THERE * by_ring["intensity"].max()].index
    spots = pd.DataFrame(
        {
            "region": FIELD,
            "spot": there,
            "crystal": 0,  # the place whose course was fitted is of this one
            "d_A": by_ring["d_A"].median()[there].to_numpy(),
            "snr": traces[early].groupby("spot")["snr"].mean()[there].to_numpy(),
        }
    ).reindex(columns=list(columns.SPOTS))
    shown = traces[traces["spot"].isin(there)]
    return replace(
        result,
        traces=shown if not len(result.traces) else pd.concat([result.traces, shown]),
        spots=spots if not len(result.spots) else pd.concat([result.spots, spots]),
    )


def rings_found(result: Result) -> pd.DataFrame:
    """Spacing and phase of each powder ring of diffraction patterns."""
    rings = result.rings[result.rings["ring"] != HALO]
    if result.settings.camera_constant is None:
        rings = rings.iloc[:0]
    # Of a table without a row that was read from a file nobody knows what its columns hold.
    by_ring = rings.astype({"d_A": float}).groupby("ring")
    found = pd.DataFrame({"d_A": by_ring["d_A"].median(), "phase": by_ring["phase"].first()})
    return found.dropna(subset="d_A")
