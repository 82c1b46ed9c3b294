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
    """Each phase of each group: native, made under the beam, or not to be told."""
    rows = [
        {"group": group.words, **_row(group, name)} for group in groups for name in _names(group)
    ]
    return pd.DataFrame(rows, columns=list(PHASES))


def _names(group: Group) -> list[str]:
    """Phases that its movies saw, those that most did first."""
    seen = [name for run in group.runs for name in _seen(run)]
    return sorted(dict.fromkeys(seen), key=lambda name: -seen.count(name))


def _seen(run: Run) -> dict[str, pd.Series]:
    """Rows of the phases of a run's field, by the best name of each; the strongest of one name."""
    found: dict[str, pd.Series] = {}
    for _, row in run.phases[run.phases["region"] == FIELD].iterrows():
        found.setdefault(str(row["phase"]).split("|")[0], row)
    return found


def _row(group: Group, name: str) -> dict[str, Any]:
    rows = [seen[name] for run in group.runs if name in (seen := _seen(run))]
    since = [str(row["since"]) for row in rows]
    dose = np.array([row["first_seen_dose_e_per_A2"] for row in rows], float)
    limits = source_limits(name, _temperature(group)) if name in known_phases() else {}
    own, source = _first_change(group, name)
    native = sum(told == NATIVE and not at >= own for told, at in zip(since, dose, strict=True))
    appeared = np.array([told == APPEARED for told in since])
    verdict = _verdict(native, int(appeared.sum()), len(rows))
    least = min(limits.values(), default=np.nan)
    row = {
        "phase": name, "verdict": verdict, "movies": len(group.runs), "seen": len(rows),
        "native": native, "appeared": int(appeared.sum()),
        "seen_by_e_per_A2": _median(dose[~appeared]),
        "appeared_from_e_per_A2": _median(dose[appeared]),
        "limit_e_per_A2": least, "own_limit_e_per_A2": own,
        "sources": ", ".join(f"{one} {dose_text(limit)}" for one, limit in limits.items()),
    }  # fmt: skip
    return {**row, "words": _words(row, source)}


def _verdict(native: int, appeared: int, seen: int) -> str:
    sure = native >= min(ENOUGH, seen)
    if sure:
        return BOTH if appeared else NATIVE
    return MADE if appeared and not native else UNKNOWN


def _temperature(group: Group) -> float | None:
    told = group.number("temperature_C")
    return None if np.isnan(told) else told


def _first_change(group: Group, name: str) -> tuple[float, str]:
    """Dose at which the first source of a phase may have begun to change in a group, and which."""
    found = [(np.inf, "")]
    if name not in known_phases():
        return np.nan, ""
    product = phase(name)
    for run in group.runs:
        for _, place in run.places[run.places["status"].isin(CHANGED)].iterrows():
            before = place["phase_before"]
            names = before.split("|") if isinstance(before, str) else []
            sources = [one for one in names if one in known_phases() and one != name]
            if name not in names and any(makes(one, product) for one in sources):
                low = place["onset_low_e_per_A2"]
                found.append((run.first_dose if pd.isna(low) else float(low), sources[0]))
    dose, source = min(found)
    return (dose, source) if np.isfinite(dose) else (np.nan, "")


def _median(dose: Any) -> float:
    known = dose[np.isfinite(dose)]
    return float(np.median(known)) if len(known) else np.nan


def _words(row: dict[str, Any], source: str) -> str:
    said = [f"{row['phase']}: {row['verdict']}", f"seen in {row['seen']} of {row['movies']} movies"]
    if np.isfinite(row["seen_by_e_per_A2"]):
        said[-1] += f" by {dose_text(row['seen_by_e_per_A2'])} e/Å²"
    if row["appeared"]:
        said.append(
            f"appeared at {dose_text(row['appeared_from_e_per_A2'])} e/Å² in {row['appeared']}"
        )
    if row["sources"]:
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
