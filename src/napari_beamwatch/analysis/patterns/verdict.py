"""The verdict on a diffraction movie: its spots and rings as traces that `damage` can judge.

What is judged has the noise of a lattice in windows: the variance of the signal s is
``(2·s + 1) / K``. Counts over a background have ``a·I + b``, so with ``s = I·a / (2·b)`` and
``K = 4·b / a²`` they have the same; for an ideal counter K is four times the electrons of the
background under a spot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.course.examining import examine
from napari_beamwatch.damage.scopes import SpotTrace, Witnesses
from napari_beamwatch.damage.verdict.judging import Verdict, judge
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.diffraction import (
    DiffractionTraces,
    GrownHalo,
    RingTraces,
    RingTracker,
    SpotTracker,
    spacings,
)

Floats = NDArray[np.float64]

CLEAR = 5.0
"""Standard errors of a mean intensity that tells how its own counts spread."""


def judge_pattern(
    movie: Movie,
    settings: Settings,
    tracker: SpotTracker,
    rings: RingTracker,
    halo: GrownHalo | None,
    crystal: int,
    constant: float,
) -> Verdict:
    """The verdict on all spots and rings of the patterns; spacings are in Å, not in pixels.

    Whether a spacing moved is asked of the spots: where rings overlap, one that comes moves others.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    tracker : SpotTracker
        That has seen all frames.
    rings : RingTracker
        Likewise; its rings are numbered after the spots.
    halo : GrownHalo or None
        A second sign, by which a loss is that of the lattice.
    crystal : int
        Number of the crystal that all are taken for.
    constant : float
        Å·px.
    """
    traces = tracker.traces()
    moved = spacings(traces, tracker.spots, constant)
    scale, many = as_windows(traces, tracker.mean)
    of_rings = rings.traces()
    ring_scale, ring_many = as_windows(of_rings, tracker.mean)
    spots = [
        SpotTrace(
            spot=spot,
            crystal=crystal,
            gy=float(tracker.spots.gy[spot]),
            gx=float(tracker.spots.gx[spot]),
            snr=traces.intensity[:, spot] / scale[spot],
            windows=many[:, spot],
            d_px=moved.d[:, spot],
            d_se_px=moved.d_se[:, spot],
            averaged=int(moved.averaged[spot]),
        )
        for spot in range(len(tracker.spots))
        if np.isfinite(scale[spot])
    ] + [
        SpotTrace(
            spot=len(tracker.spots) + ring,
            crystal=crystal,
            gy=0.0,
            gx=float(g),
            snr=of_rings.intensity[:, ring] / ring_scale[ring],
            windows=ring_many[:, ring],
            ring=True,
        )
        for ring, g in enumerate(rings.rings.radius / constant)
        if np.isfinite(ring_scale[ring])
    ]
    examined = examine(
        DoseAxis.of(movie).scope("pattern", spots),
        None,
        rate=rate(settings.false_alarm, "lattice"),
        spacing=rate(settings.false_alarm, "spacing") if "spacing" in settings.criteria else 0.0,
        d_tolerance=settings.d_tolerance,
    )
    witnesses = Witnesses(halo_grew=halo is not None)
    return judge(examined, witnesses=witnesses, criteria=settings.criteria)


def as_windows(traces: DiffractionTraces | RingTraces, mean: Floats) -> tuple[Floats, Floats]:
    """Intensity of a signal of 1, of each spot or ring, and the windows its noise is worth.

    The second is an array (frame, spot): frames of more electrons are worth more.
    """
    value, error = traces.intensity, traces.intensity_se
    known = np.isfinite(value) & (traces.snr != 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        background = np.where(known, (value / traces.snr) ** 2, np.nan)
        usual = np.array([_median(column) for column in background.T])
        total, own = (
            np.where(known, values, 0.0).sum(axis=0) for values in (value, error**2 - background)
        )
        clear = total > CLEAR * np.sqrt(np.where(known, error**2, 0.0).sum(axis=0))
        slope = np.where(clear, own / total, np.nan)
    # Spots that are never clear have counts like the others.
    slope = np.where(slope > 0, slope, _median(slope[slope > 0]))
    slope = np.where(slope > 0, slope, 2 * np.sqrt(usual))
    light = np.nan_to_num(mean / _median(mean))
    return 2 * usual / slope, (4 * usual / slope**2) * light[:, None]


def _median(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else float("nan")
