"""What is true of simulated diffraction patterns, in the words of the other movies' truth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from napari_beamwatch.simulate.laws import Floats
from napari_beamwatch.simulate.patterns import PatternComposer, PatternScene, Powder
from napari_beamwatch.simulate.powders import OF_RESIDUAL_GAS
from napari_beamwatch.simulate.scene import Criterion, Interpretation, Status
from napari_beamwatch.simulate.truth import (
    AMBIGUOUS_LATE,
    RegionTruth,
    RingTruth,
    Truth,
    recorded,
    status_of,
)

GONE = 0.5
"""Part of a phase below which it is not what is there in the end."""


def truth_of_patterns(composer: PatternComposer, flux: Floats, seed: int, parameters: Any) -> Truth:
    """The truth of what a composer of patterns shows."""
    scene = composer.scene
    last = float(composer.end[-1])
    first = scene.powders[0] if scene.powders else None
    onset, criterion, interpretation = _onset(scene, last)
    status: Status = "survived" if _there(scene, 0.0) else "no_lattice"
    reason = ""
    acceptable: tuple[Status, ...] = ()
    if onset is not None:
        status = status_of(onset, last)
        reason = AMBIGUOUS_LATE if status == "ambiguous" else ""
    if scene.verdict is not None:
        status, reason = scene.verdict.status, scene.verdict.reason
        acceptable = scene.verdict.acceptable
    before, after = _there(scene, 0.0), _there(scene, last)
    frame = None if onset is None else int(np.argmax(composer.end > onset))
    came = [p.amount.lasting_from for p in scene.powders if p.phase in after.split("|")]
    seen = max((dose for dose in came if dose is not None), default=None)
    rows, columns = composer.size
    field = RegionTruth(
        name="field",
        y0=0,
        x0=0,
        y1=rows,
        x1=columns,
        status=status,
        criterion=criterion,
        interpretation=interpretation,
        onset_dose_e_per_A2=onset,
        onset_frame=frame,
        half_dose_e_per_A2=first.amount.crossing(0.5) if first else None,
        dose_1e_e_per_A2=first.amount.crossing(1 / math.e) if first else None,
        illumination=1.0,
        phase_before=before or "none",
        phase_after=after or "none",
        first_seen_dose_e_per_A2=seen if after not in (before, "") else None,
        laws=tuple(powder.amount.to_dict() for powder in scene.powders),
        lattice_power=_amounts(composer, first) if first else (0.0,) * len(composer.start),
        spots_before=(),
        spots_after=(),
    )
    return Truth(
        **recorded(composer, flux, seed, parameters),
        status=status,
        reason=reason,
        acceptable=acceptable,
        criterion=criterion,
        interpretation=interpretation,
        onset_dose_e_per_A2=onset,
        onset_frame=frame,
        phase_before=field.phase_before,
        phase_after=field.phase_after,
        pixel_size_A=None,
        focus_nm=(0.0,) * len(composer.end),
        regions=(field,),
        camera_constant_A_px=scene.camera_constant,
        rings=tuple(ring for powder in scene.powders for ring in _rings(composer, powder)),
    )


def _rings(composer: PatternComposer, powder: Powder) -> list[RingTruth]:
    amounts = _amounts(composer, powder)
    constant = composer.scene.camera_constant
    return [
        RingTruth(powder.phase, hkl, d, constant / d, tuple(share * amount for amount in amounts))
        for hkl, d, share in powder.rings
    ]


def _amounts(composer: PatternComposer, powder: Powder) -> tuple[float, ...]:
    starts = zip(composer.start, composer.end, strict=True)
    return tuple(powder.amount.mean(start, end) for start, end in starts)


def _there(scene: PatternScene, dose: float) -> str:
    """Phases that are there at a dose, joined; an ending one counts down to half."""
    return "|".join(p.phase for p in scene.powders if float(p.amount.at(dose)) >= GONE)


def _onset(
    scene: PatternScene, last: float
) -> tuple[float | None, Criterion | None, Interpretation | None]:
    """First lasting change, by a ring that comes or by those that go."""
    found: list[tuple[float, Criterion, Interpretation]] = []
    for powder in scene.powders:
        starts = powder.amount.lasting_from
        if starts is None or starts >= last:
            continue
        if float(powder.amount.at(last)) > float(powder.amount.at(0.0)):
            gas = powder.phase in OF_RESIDUAL_GAS
            found.append((starts, "new_phase", "environment" if gas else "transformation"))
        else:
            grew = any(halo.amount.lasting_from is not None for halo in scene.halos)
            found.append((starts, "fading", "amorphisation" if grew else "lattice_lost"))
    # Of two that begin together the more specific names the row.
    return min(found, default=(None, None, None), key=lambda e: (e[0], e[1] != "new_phase"))
