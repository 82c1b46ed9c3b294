"""Whether the picture was stretched and not the lattices: by the magnification or the scan.

A lens that warms up magnifies all of the field alike, and a stage that drifts under a slow scan
shears it. Either moves the spacings of all crystals by one and the same distortion; swelling
crystals have a course each, and those that hold refute it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.damage.course.estimate import CLEAR
from napari_beamwatch.damage.course.examining import Examined
from napari_beamwatch.damage.course.spacing import known_spacing
from napari_beamwatch.damage.parts import FIFTH, HARDLY
from napari_beamwatch.damage.scopes import SpotTrace

Floats = NDArray[np.float64]

PARTS = 5
"""Parts of the record in each of which one distortion must do."""

SPARE = 2
"""Spots beyond the three that one distortion takes: it must foretell something."""


def stretched(one: Examined, others: Sequence[Examined]) -> float | None:
    """Largest part by which one distortion changed the spacings of all places; None if none did.

    Parameters
    ----------
    one : Examined
        A place whose spacings moved.
    others : sequence of Examined
        The other places of the field.
    """
    places = [place.old.traces for place in (one, *others)]
    traces = [t for some in places for t in some if not t.ring and len(t.d_px) == len(t.snr)]
    place = np.repeat(np.arange(len(places)), [len(some) for some in places])
    return None if len(traces) < len(place) else _alike(traces, place)


def _alike(traces: Sequence[SpotTrace], place: NDArray[np.int64]) -> float | None:
    """That of spots of these places."""
    moved, error = (np.array(values) for values in zip(*map(_moved, traces), strict=True))
    crystal = np.array([trace.crystal for trace in traces])
    along = np.array([(trace.gy, trace.gx) for trace in traces]) / np.array(
        [[trace.g] for trace in traces]
    )
    terms = np.column_stack([along**2, 2 * along.prod(axis=1)])
    most = 0.0
    for part in range(PARTS - 1):
        seen = np.isfinite(moved[:, part]) & np.isfinite(error[:, part])
        if seen.sum() < terms.shape[1] + SPARE:
            return None
        weight = seen / np.where(seen, error[:, part], 1.0)
        value = np.where(seen, moved[:, part], 0.0)
        fit = np.linalg.lstsq(terms * weight[:, None], value * weight, rcond=None)[0]
        expected = terms @ fit
        size = float(np.abs(expected).max())
        most = max(most, size)
        # A peak between two bins is pulled a bit.
        off = np.abs(value - expected) > CLEAR * error[:, part] + FIFTH * size
        # Spots whose errors hide the distortion say nothing.
        tells = seen & (CLEAR * error[:, part] < size / 2)
        if part == PARTS - 2 and len(np.unique(crystal[tells])) < 2:
            return None
        for number in np.unique(place[tells]):
            mine = tells & (place == number)
            if 2 * off[mine].sum() > mine.sum():
                return None
    # No lens or scan goes further astray by itself.
    return most if most <= HARDLY else None


def _moved(trace: SpotTrace) -> tuple[Floats, Floats]:
    """Part by which its spacing differs from that of the first part of the record, with errors."""
    known = known_spacing(trace)
    mean, error = np.full(PARTS, np.nan), np.full(PARTS, np.nan)
    for i, frames in enumerate(np.array_split(np.arange(len(known)), PARTS)):
        mine = frames[known[frames]]
        if 2 * len(mine) >= len(frames):
            independent = max(1.0, len(mine) / max(1, trace.averaged))
            mean[i] = trace.d_px[mine].mean()
            error[i] = np.sqrt((trace.d_se_px[mine] ** 2).mean() / independent)
    return mean[1:] / mean[0] - 1, np.hypot(error[1:], error[0]) / mean[0]
