"""What is true of a simulated movie: what changed, where, and from which dose on."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from napari_beamwatch.simulate.composing import Composer
from napari_beamwatch.simulate.inscribed import largest_rectangle
from napari_beamwatch.simulate.laws import Law
from napari_beamwatch.simulate.patterns import PatternComposer
from napari_beamwatch.simulate.scene import (
    Change,
    Criterion,
    Event,
    Interpretation,
    Patch,
    Series,
    State,
    Status,
    pictures_of,
)
from napari_beamwatch.simulate.stages import Reflection

LATE = 0.9
"""Part of the record after which a change is too late to be called."""

AMBIGUOUS_LATE = "the change came in the last tenth of the record"


@dataclass(frozen=True)
class RegionTruth:
    """What is true of one patch.

    Attributes
    ----------
    name : str
    y0, x0, y1, x1 : int
        A rectangle in pixels that lies in the patch in every frame.
    status, criterion, interpretation : str or None
        In the words of the results; criterion and interpretation None without an onset.
    onset_dose_e_per_A2, half_dose_e_per_A2, dose_1e_e_per_A2 : float or None
        On the movie's own dose axis; the latter two of the first state's lattice power.
    onset_frame : int or None
        First frame (0-based) whose end dose exceeds the onset.
    illumination : float
        Beam here relative to the mean of the field: the local dose is so many times the
        movie's.
    phase_before, phase_after : str
        ``"none"`` is no lattice.
    first_seen_dose_e_per_A2 : float or None
        Of `phase_after`, where it is another.
    laws : tuple of dict
        Every change's law with its parameters, against the local dose.
    lattice_power : tuple of float
        Of the first state in each frame, relative to the undamaged one.
    spots_before, spots_after : tuple of Reflection
        Promised reflections that the pixels can show.
    """

    name: str
    y0: int
    x0: int
    y1: int
    x1: int
    status: Status
    criterion: Criterion | None
    interpretation: Interpretation | None
    onset_dose_e_per_A2: float | None  # noqa: N815 - units are part of public names
    onset_frame: int | None
    half_dose_e_per_A2: float | None  # noqa: N815
    dose_1e_e_per_A2: float | None  # noqa: N815
    illumination: float
    phase_before: str
    phase_after: str
    first_seen_dose_e_per_A2: float | None  # noqa: N815
    laws: tuple[dict[str, Any], ...]
    lattice_power: tuple[float, ...]
    spots_before: tuple[Reflection, ...]
    spots_after: tuple[Reflection, ...]


@dataclass(frozen=True)
class RingTruth:
    """What is true of one powder ring of diffraction patterns.

    Attributes
    ----------
    phase, hkl : str
    d_A, radius_px : float
    share : tuple of float
        Part of all electrons of each frame that it holds.
    """

    phase: str
    hkl: str
    d_A: float  # noqa: N815
    radius_px: float
    share: tuple[float, ...]


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated movie.

    Attributes
    ----------
    case, description : str
    status, criterion, interpretation, phase_before, phase_after : str or None
        Of the whole field: those of the earliest onset.
    reason : str
        Why it is ambiguous, if it is.
    acceptable : tuple of str
        Other statuses that would not be wrong.
    onset_dose_e_per_A2, onset_frame : float and int or None
    pixel_size_A : float or None
        None of diffraction patterns.
    seed : int
    size : (rows, columns)
    frame_dose_e_per_A2, dose_e_per_A2 : tuple of float
        What each frame's specimen took, and the total at its end.
    drift_px : tuple of (down, right)
        Mean position of the specimen in each frame relative to where it was at dose 0; of the
        centre of diffraction patterns.
    focus_nm, flux : tuple of float
        Off the stages' own focus; relative to the nominal dose. One value a frame.
    events : tuple of Event
        What recovers.
    regions : tuple of RegionTruth
    parameters : dict
        What the case was made with.
    camera_constant_A_px : float or None
        Of diffraction patterns.
    rings : tuple of RingTruth
    """

    case: str
    description: str
    status: Status
    reason: str
    acceptable: tuple[Status, ...]
    criterion: Criterion | None
    interpretation: Interpretation | None
    onset_dose_e_per_A2: float | None  # noqa: N815
    onset_frame: int | None
    phase_before: str
    phase_after: str
    pixel_size_A: float | None  # noqa: N815
    seed: int
    size: tuple[int, int]
    frame_dose_e_per_A2: tuple[float, ...]  # noqa: N815
    dose_e_per_A2: tuple[float, ...]  # noqa: N815
    drift_px: tuple[tuple[float, float], ...]
    focus_nm: tuple[float, ...]
    flux: tuple[float, ...]
    events: tuple[Event, ...]
    regions: tuple[RegionTruth, ...]
    parameters: dict[str, Any]
    camera_constant_A_px: float | None = None  # noqa: N815
    rings: tuple[RingTruth, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything, in types that JSON knows."""
        plain: dict[str, Any] = json.loads(self.to_json())
        return plain

    def to_json(self) -> str:
        """Everything as JSON text."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False, default=_plain)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Truth:
        """What `to_dict` gave."""
        regions = tuple(
            RegionTruth(
                **{
                    **region,
                    "laws": tuple(region["laws"]),
                    "lattice_power": tuple(region["lattice_power"]),
                    "spots_before": _reflections(region["spots_before"]),
                    "spots_after": _reflections(region["spots_after"]),
                }
            )
            for region in plain["regions"]
        )
        lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list)}
        return cls(
            **{
                **plain,
                **lists,
                "regions": regions,
                "events": tuple(Event(**event) for event in plain["events"]),
                "drift_px": tuple((float(dy), float(dx)) for dy, dx in plain["drift_px"]),
                "rings": tuple(
                    RingTruth(**{**ring, "share": tuple(ring["share"])})
                    for ring in plain.get("rings", ())
                ),
            }
        )

    def sliced(self, first: int, last: int) -> Truth:
        """The truth of frames ``first:last``, on the same dose axis."""
        frames = self._frames(first, last, 1)
        return frames._with_frames_counted(
            lambda frame: max(0, frame - first) if frame < last else None
        )

    def summed(self, n: int) -> Truth:
        """The truth of groups of `n` frames."""
        groups = len(self.dose_e_per_A2) // n
        return self._frames(0, groups * n, n)._with_frames_counted(
            lambda frame: frame // n if frame < groups * n else None
        )

    def cropped(self, y0: int, y1: int, x0: int, x1: int) -> Truth:
        """The truth of a rectangle; regions outside it are left out."""
        kept = []
        for r in self.regions:
            box = (max(r.y0, y0), min(r.y1, y1), max(r.x0, x0), min(r.x1, x1))
            if box[0] < box[1] and box[2] < box[3]:
                top, bottom, left, right = box
                kept.append(replace(r, y0=top - y0, y1=bottom - y0, x0=left - x0, x1=right - x0))
        return replace(self, size=(y1 - y0, x1 - x0), regions=tuple(kept))

    def _frames(self, first: int, last: int, n: int) -> Truth:
        def mean(values: Sequence[Any]) -> tuple[Any, ...]:
            part = np.asarray(values[first:last], float)
            grouped = part.reshape(-1, n, *part.shape[1:]).mean(axis=1)
            return tuple(tuple(v) if np.ndim(v) else float(v) for v in grouped.tolist())

        doses = mean(self.frame_dose_e_per_A2)
        return replace(
            self,
            frame_dose_e_per_A2=tuple(n * dose for dose in doses),
            dose_e_per_A2=self.dose_e_per_A2[first:last][n - 1 :: n],
            drift_px=mean(self.drift_px),
            focus_nm=mean(self.focus_nm),
            flux=mean(self.flux),
            regions=tuple(replace(r, lattice_power=mean(r.lattice_power)) for r in self.regions),
            rings=tuple(replace(ring, share=mean(ring.share)) for ring in self.rings),
        )

    def _with_frames_counted(self, count: Any) -> Truth:
        def moved(onset: int | None) -> int | None:
            return None if onset is None else count(onset)

        return replace(
            self,
            onset_frame=moved(self.onset_frame),
            regions=tuple(replace(r, onset_frame=moved(r.onset_frame)) for r in self.regions),
        )


def truth_of(composer: Composer, flux: Sequence[float], seed: int, parameters: Any) -> Truth:
    """The truth of what a composer shows."""
    scene = composer.scene
    regions = tuple(_region(composer, patch) for patch in scene.patches)
    changed = [r for r in regions if r.onset_dose_e_per_A2 is not None]
    earliest = min(changed, key=lambda r: r.onset_dose_e_per_A2 or 0.0, default=None)
    with_lattice = [r for r in regions if r.status != "no_lattice"]
    first = earliest or (with_lattice[0] if with_lattice else regions[0] if regions else None)
    status: Status = first.status if first else "no_lattice"
    reason = AMBIGUOUS_LATE if status == "ambiguous" else ""
    acceptable: tuple[Status, ...] = ()
    if scene.verdict is not None:
        status, reason, acceptable = (
            scene.verdict.status,
            scene.verdict.reason,
            scene.verdict.acceptable,
        )
        regions = tuple(
            r if r.status == "no_lattice" else replace(r, status=status) for r in regions
        )
    mid = zip(composer.start, composer.end, strict=True)
    return Truth(
        **recorded(composer, flux, seed, parameters),
        status=status,
        reason=reason,
        acceptable=acceptable,
        criterion=earliest.criterion if earliest else None,
        interpretation=earliest.interpretation if earliest else None,
        onset_dose_e_per_A2=earliest.onset_dose_e_per_A2 if earliest else None,
        onset_frame=earliest.onset_frame if earliest else None,
        phase_before=first.phase_before if first else "none",
        phase_after=first.phase_after if first else "none",
        pixel_size_A=composer.pixel_size,
        focus_nm=tuple(scene.focus.mean(a, b) for a, b in mid),
        regions=regions,
    )


def status_of(onset: float, last: float) -> Status:
    """What a lasting change that began at a dose is called, in a record that ends at another."""
    if onset > LATE * last:
        return "ambiguous"
    return "onset" if onset > 0 else "damaged_at_start"


def recorded(
    composer: Composer | PatternComposer, flux: Iterable[float], seed: int, parameters: Any
) -> dict[str, Any]:
    """What is true of a movie as it was filmed, whatever its frames show: parts of a `Truth`."""
    scene = composer.scene
    return {
        "case": scene.name,
        "description": scene.description,
        "seed": seed,
        "size": composer.size,
        "frame_dose_e_per_A2": tuple((composer.end - composer.start).tolist()),
        "dose_e_per_A2": tuple(composer.end.tolist()),
        "drift_px": tuple((float(dy), float(dx)) for dy, dx in composer.drift_px),
        "flux": tuple(float(f) for f in flux),
        "events": scene.events,
        "parameters": dict(parameters),
    }


def _region(composer: Composer, patch: Patch) -> RegionTruth:
    y0, x0, y1, x1 = _inner_rectangle(composer, patch)
    light = composer.illumination_at((y0 + y1) / 2, (x0 + x1) / 2)
    last = float(composer.end[-1])
    onset, criterion, interpretation = _onset(patch)
    if onset is not None:
        onset /= light
    final = _final(patch, last * light)
    before, after = _phases(patch.state), _phases(final)
    status: Status = "survived"
    if before == "none":
        status = "no_lattice"
    elif onset is not None and onset < last:
        status = status_of(onset, last)
    if status not in ("onset", "damaged_at_start", "ambiguous"):
        onset = criterion = interpretation = None
        after = before
    first = patch.changes[0].law if patch.changes else None
    seen = None
    if after not in (before, "none"):
        seen = _scaled(patch.changes[-1].law.lasting_from, light)
    return RegionTruth(
        name=patch.name,
        y0=y0,
        x0=x0,
        y1=y1,
        x1=x1,
        status=status,
        criterion=criterion,
        interpretation=interpretation,
        onset_dose_e_per_A2=onset,
        onset_frame=None if onset is None else int(np.argmax(composer.end > onset)),
        half_dose_e_per_A2=_scaled(first.crossing(0.5), light) if first else None,
        dose_1e_e_per_A2=_scaled(first.crossing(1 / math.e), light) if first else None,
        illumination=light,
        phase_before=before,
        phase_after=after,
        first_seen_dose_e_per_A2=seen,
        laws=tuple(law.to_dict() for law in _laws(patch)),
        lattice_power=tuple(
            patch.first_power(a, b, light)
            for a, b in zip(composer.start, composer.end, strict=True)
        ),
        spots_before=_spots(patch.state, patch.turn, composer.pixel_size, 0),
        spots_after=_spots(final, patch.turn, composer.pixel_size, -1),
    )


def _inner_rectangle(composer: Composer, patch: Patch) -> tuple[int, int, int, int]:
    """A rectangle (y0, x0, y1, x1) that lies in the patch and in the field in every frame."""
    rows, columns = composer.size
    if patch.where.covers_all:
        return 0, 0, rows, columns
    drift = composer.drift_px
    low, high = np.floor(drift.min(axis=0)).clip(None, 0), np.ceil(drift.max(axis=0)).clip(0)
    step = max(1, min(rows, columns) // 256)
    y, x = np.arange(0, rows, step), np.arange(0, columns, step)
    depth = patch.where.depth((y * composer.pixel_size)[:, None], (x * composer.pixel_size)[None])
    inside = depth > patch.soft / 2
    y0, x0, y1, x1 = largest_rectangle(inside)
    y0, x0, y1, x1 = y0 * step, x0 * step, min(rows, y1 * step), min(columns, x1 * step)
    # The patch has moved by `low` to `high`; what it covers throughout is the rest.
    y0, y1 = max(0, y0 + int(high[0])), min(rows, y1 + int(low[0]))
    x0, x1 = max(0, x0 + int(high[1])), min(columns, x1 + int(low[1]))
    return y0, x0, max(y0, y1), max(x0, x1)


def _onset(patch: Patch) -> tuple[float | None, Criterion | None, Interpretation | None]:
    """First lasting change of a patch at its local dose, and what it is."""
    found: list[tuple[float, Criterion, Interpretation]] = []
    before = patch.state
    for change in patch.changes:
        starts = change.law.lasting_from
        if starts is not None:
            found.append((starts, *_kind(before, change)))
        before = change.into
    for state in (patch.state, *(change.into for change in patch.changes)):
        if isinstance(state, Series) and state.criterion is not None:
            starts = state.path.lasting_from
            if starts is not None:
                means: dict[Criterion, Interpretation] = {
                    "fading": "amorphisation",
                    "mass_loss": "mass_loss",
                }
                found.append((starts, state.criterion, means.get(state.criterion, "unresolved")))
    return min(found, default=(None, None, None), key=lambda each: each[0] or 0.0)


def _kind(before: State, change: Change) -> tuple[Criterion, Interpretation]:
    after = _phases(change.into)
    if after in ("none", _phases(before)):
        kind: tuple[Criterion, Interpretation] = ("fading", "amorphisation")
    else:
        kind = ("new_phase", "transformation")
    return change.criterion or kind[0], change.interpretation or kind[1]


def _final(patch: Patch, last: float) -> State:
    """The state that a patch has come to, for the most part, at a local dose."""
    state = patch.state
    for change in patch.changes:
        if float(change.law.at(last)) < 0.5:
            state = change.into
    return state


def _phases(state: State) -> str:
    phases = dict.fromkeys(phase for p in pictures_of(state) for phase in p.phases)
    return "|".join(phases) or "none"


def _laws(patch: Patch) -> list[Law]:
    states = (patch.state, *(change.into for change in patch.changes))
    paths = [state.path for state in states if isinstance(state, Series)]
    return [*(change.law for change in patch.changes), *paths]


def _spots(state: State, turn: float, pixel_size: float, which: int) -> tuple[Reflection, ...]:
    reflections = pictures_of(state)[which].reflections(turn)
    return tuple(r for r in reflections if r.d_A > 2 * pixel_size)


def _scaled(dose: float | None, light: float) -> float | None:
    return None if dose is None else dose / light


def _reflections(plain: Sequence[dict[str, Any]]) -> tuple[Reflection, ...]:
    return tuple(Reflection(**{**r, "hkl": tuple(r["hkl"])}) for r in plain)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Law):
        return value.to_dict()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
