"""The dose at which most places are still intact: a bound over movies, or what others published.

Of one's own campaign it is a lower prediction bound: in further movies of the same conditions the
dose at which that part is left lies above it with the confidence asked for. Those movies have a
scatter of their own, so the bound is wider than one on all movies there could be [1]_, and much
wider than the interval of one crystal. As many movies are meant as the campaign has, unless said.
Ambiguous places are taken to have changed: a plan errs on the safe side.

References
----------
.. [1] G. J. Hahn, W. Q. Meeker, Statistical Intervals, Wiley 1991: prediction and tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch.campaign.between import changed_before, dose_text, of_movies
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.phases import limits
from napari_beamwatch.results.fates import as_changed
from napari_beamwatch.threads import one_blas_thread

CONFIDENCE = 0.95

FEWEST = 3
"""Movies from which a bound over movies can be had."""

OF_A_LIMIT = 0.1
"""Part of a published limit, at which the lattice has gone, that is planned for."""


@dataclass(frozen=True)
class SafeDose:
    """A dose to stop at.

    Attributes
    ----------
    dose : float
        e/Å².
    is_bound : bool
        Whether it is one over movies, with a confidence.
    source : str
        Where it comes from, in words.
    warnings : tuple of str
        What to be wary of.
    """

    dose: float
    is_bound: bool
    source: str
    warnings: tuple[str, ...] = ()


def from_places(
    rows: pd.DataFrame,
    intact: float,
    confidence: float = CONFIDENCE,
    movies: float | None = None,
    name: str = "",
) -> SafeDose:
    """The dose at which a part of the places of further movies is intact.

    Parameters
    ----------
    rows : DataFrame
        What the places of one group tell of one measure, see `measures.TOLD`.
    intact : float
        Part of the places, by area.
    confidence : float
    movies : float, optional
        Further movies; as many as there were if left open.
    name : str
        What the campaign is called.
    """
    with one_blas_thread():
        found = of_movies(as_changed(rows))
    of = f"{name}: " if name else ""
    count = found.clusters
    if count < FEWEST:
        raise BeamwatchError(
            f"{of}{count} movie{'s' if count > 1 else ''} cannot tell how movies "
            f"differ: a bound over movies needs {FEWEST} or more"
        )
    if changed_before(rows) >= 1 - intact:
        raise BeamwatchError(
            f"{of}{100 * changed_before(rows):.0f} % had changed before anything could be seen: at "
            f"no dose {100 * intact:g} % are known to be intact"
        )
    told = f"{of}{count} movies, {len(rows)} places"
    further = float(count) if movies is None else movies
    if not np.isfinite(found.dose_at(intact)):
        held = found.known_in_all
        return SafeDose(
            held, False, f"{told}, of which less than {100 * (1 - intact):.3g} % changed",
            (f"no bound over movies where so little changed: {dose_text(held)} e/Å² is as far as "
             "all movies were looked at",),
        )  # fmt: skip
    # Further movies scatter, too, and are as far from the truth as they are few.
    scatter = float(np.sqrt(1 + count / further))
    dose = found.interval(intact, confidence, scatter=scatter)[0]
    warnings = []
    if len(rows) * (1 - intact) < 1:
        warnings.append(
            f"{len(rows)} places say little of the first {100 * (1 - intact):.2g} % of them"
        )
    if dose > found.known_until:
        dose = found.known_until
        warnings.append("nobody looked beyond this dose")
    in_movies = "all movies" if np.isinf(further) else f"{further:.0f} further movies"
    return SafeDose(
        dose, True,
        f"{told}; ≥ {100 * intact:g} % of the places of {in_movies} intact with "
        f"{100 * confidence:g} % confidence",
        tuple(warnings),
    )  # fmt: skip


def from_published(compound: str, temperature_C: float) -> SafeDose:  # noqa: N803
    """A dose from the published limits of a compound: no bound, for they have no scatter."""
    found = limits.published_limits(compound, temperature_C)
    found = found[found["status"] != "no_number"]
    if not len(found):
        raise BeamwatchError(
            f"no limit of {compound} at {temperature_C:g} °C is published: summarize movies of "
            "your own and plan from these"
        )
    doses = [_of_row(row) for _, row in found.iterrows()]
    dose, row = min(zip(doses, (row for _, row in found.iterrows()), strict=True), key=_dose)
    limit = float(np.nanmin([row["low_e_per_A2"], row["high_e_per_A2"]]))
    sign = {"at_least": "> ", "at_most": "< "}.get(str(row["status"]), "")
    part = "" if row["status"] == "at_least" else "a tenth of "
    return SafeDose(
        dose, False,
        f"published: {part}{sign}{dose_text(limit)} e/Å², {row['criterion_of_source']} "
        f"({row['citation']})",
        ("no bound over movies: one published number, of another specimen and criterion; record "
         "a dose series of your own first",),
    )  # fmt: skip


def regime(temperature_C: float) -> str:  # noqa: N803
    """Room temperature, cryo, or neither."""
    return limits.regime(temperature_C).replace("room", "RT")


def group_for(
    groups: list[Mapping[str, Any]], compound: str, temperature: str
) -> Mapping[str, Any]:
    """The row of a summary that is of a compound at room temperature or cryo."""
    asked = compound.casefold()
    found = []
    for row in groups:
        its = str(row.get("compound", "")).casefold()
        at = str(row.get("temperature_C", temperature))
        if asked in (its, its.partition(" ")[0]) and at.startswith(temperature):
            found.append(row)
    names = dict.fromkeys(str(row["group"]) for row in found)
    if len(names) == 1:
        return found[0]
    known = "; ".join(dict.fromkeys(str(row["group"]) for row in groups))
    if not names:
        raise BeamwatchError(
            f"no group of the summary is {compound}, {temperature}: it has {known}"
        )
    raise BeamwatchError(
        f"several groups of the summary are {compound}, {temperature} ({'; '.join(names)}): "
        "summarize by compound and temperature alone"
    )


def _of_row(row: pd.Series) -> float:
    low, high = float(row["low_e_per_A2"]), float(row["high_e_per_A2"])
    if row["status"] == "at_least":
        return low
    return OF_A_LIMIT * (low if np.isfinite(low) else high)


def _dose(pair: tuple[float, pd.Series]) -> float:
    return pair[0]
