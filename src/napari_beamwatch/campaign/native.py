"""Native or made: for each phase of a group of movies, from when each movie saw it.

A movie sees a phase by a dose, pre-exposure included, or from a dose on at which it appeared. It
speaks for a native phase where it saw it well below the published limits of all that the beam could
have made it of, and before any such source of the whole group began to change: published limits are
of other specimens. One movie of several may have named a phase wrongly, so two must say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch.campaign.between import dose_text
from napari_beamwatch.campaign.groups import Group
from napari_beamwatch.campaign.runs import Run
from napari_beamwatch.campaign.tables import PHASES
from napari_beamwatch.phases.origin import (
    APPEARED,
    NATIVE,
    UNKNOWN,
    WELL_BELOW,
    makes,
    source_limits,
)
from napari_beamwatch.phases.structures import known_phases, phase
from napari_beamwatch.regions import FIELD

MADE, BOTH = "made", "native, and made"

ENOUGH = 2
"""Movies that must say so, of several."""

CHANGED = ("onset", "damaged_at_start")


def phase_rows(groups: Sequence[Group]) -> pd.DataFrame:
    """Each phase of each group: native, made under the beam, or not to be told.

    Movies name what cannot be told apart in one order or another, or alone: it is one phase.
    """
    rows = []
    for group in groups:
        seen = [_seen(run) for run in group.runs]
        for label in _labels(seen):
            mine = [row for found in seen if (row := _named(found, label)) is not None]
            rows.append({"group": group.words, **_row(group, label, mine)})
    return pd.DataFrame(rows, columns=list(PHASES))


def _seen(run: Run) -> list[pd.Series]:
    """Rows of the phases of a run's field, the strongest first."""
    field = run.phases[run.phases["region"] == FIELD]
    return [row for _, row in field.iterrows()]


def _labels(seen: Sequence[Sequence[pd.Series]]) -> list[str]:
    """Phases that movies saw, those that most did first; names that overlap are one."""
    every = [str(row["phase"]) for found in seen for row in found]
    labels: list[str] = []
    for label in sorted(dict.fromkeys(every), key=lambda one: -every.count(one)):
        if not any(_overlap(label, other) for other in labels):
            labels.append(label)
    return labels


def _named(found: Sequence[pd.Series], label: str) -> pd.Series | None:
    return next((row for row in found if _overlap(str(row["phase"]), label)), None)


def _overlap(one: str, other: str) -> bool:
    return bool(set(one.split("|")) & set(other.split("|")))


def _row(group: Group, label: str, rows: Sequence[pd.Series]) -> dict[str, Any]:
    since = [str(row["since"]) for row in rows]
    dose = np.array([row["first_seen_dose_e_per_A2"] for row in rows], float)
    names = label.split("|")
    limits = {one: _limits(one, _temperature(group)) for one in names}
    own, source = _first_change(group, names)
    native = sum(told == NATIVE and not at >= own for told, at in zip(since, dose, strict=True))
    appeared = np.array([told == APPEARED for told in since])
    verdict = _verdict(native, int(appeared.sum()), len(rows))
    # Of each that it may be, a limit must be known.
    least = [min(of.values(), default=np.nan) for of in limits.values()]
    row = {
        "phase": label, "verdict": verdict, "movies": len(group.runs), "seen": len(rows),
        "native": native, "appeared": int(appeared.sum()),
        "seen_by_e_per_A2": _median(dose[~appeared]),
        "appeared_from_e_per_A2": _median(dose[appeared]),
        "limit_e_per_A2": np.nan if np.isnan(least).any() else min(least),
        "own_limit_e_per_A2": own,
        "sources": _sources(limits),
    }  # fmt: skip
    return {**row, "words": _words(row, source)}


def _verdict(native: int, appeared: int, seen: int) -> str:
    sure = native >= min(ENOUGH, seen)
    if sure:
        return BOTH if appeared else NATIVE
    return MADE if appeared and not native else UNKNOWN


def _limits(name: str, temperature_C: float | None) -> dict[str, float]:  # noqa: N803
    return source_limits(name, temperature_C) if name in known_phases() else {}


def _sources(limits: dict[str, dict[str, float]]) -> str:
    """What a phase can come of, the weakest first, for each that it may be."""
    told = {
        name: ", ".join(f"{one} {dose_text(dose)}" for one, dose in sorted(of.items(), key=_dose))
        for name, of in limits.items()
    }
    if len(told) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{name}: {said or 'nothing published'}" for name, said in told.items())


def _dose(one: tuple[str, float]) -> float:
    return one[1]


def _temperature(group: Group) -> float | None:
    told = group.number("temperature_C")
    return None if np.isnan(told) else told


def _first_change(group: Group, names: Sequence[str]) -> tuple[float, str]:
    """Dose at which the first source of a phase may have begun to change in a group, and which."""
    found = [(np.inf, "")]
    made = [phase(one) for one in names if one in known_phases()]
    for run in group.runs:
        for _, place in run.places[run.places["status"].isin(CHANGED)].iterrows():
            before = place["phase_before"]
            was = before.split("|") if isinstance(before, str) else []
            if set(was) & set(names):
                continue
            sources = [one for one in was if one in known_phases()]
            if any(makes(one, product) for one in sources for product in made):
                low = place["onset_low_e_per_A2"]
                found.append((run.first_dose if pd.isna(low) else float(low), sources[0]))
    dose, source = min(found)
    return (dose, source) if np.isfinite(dose) else (np.nan, "")


def _median(dose: Any) -> float:
    known = dose[np.isfinite(dose)]
    return float(np.median(known)) if len(known) else np.nan


def _words(row: dict[str, Any], source: str) -> str:
    said = [
        f"{row['phase'].replace('|', ' or ')}: {row['verdict']}",
        f"seen in {row['seen']} of {row['movies']} movies",
    ]
    if np.isfinite(row["seen_by_e_per_A2"]):
        said[-1] += f" by {dose_text(row['seen_by_e_per_A2'])} e/Å²"
    if row["appeared"]:
        said.append(
            f"appeared at {dose_text(row['appeared_from_e_per_A2'])} e/Å² in {row['appeared']}"
        )
    if np.isfinite(row["limit_e_per_A2"]):
        said.append(
            f"can come of {row['sources']} e/Å² (published); native below "
            f"{100 * WELL_BELOW:g} % of the least"
        )
    else:
        said.append("no limit is published of what it can come of")
    if np.isfinite(row["own_limit_e_per_A2"]):
        said.append(
            f"{source} of these movies began to change at {dose_text(row['own_limit_e_per_A2'])} "
            "e/Å² or later"
        )
    if row["verdict"] == UNKNOWN and row["native"]:
        said.append(f"native in {row['native']} movie only: may be a wrong name")
    return "; ".join(said)
