"""What many movies say together, as tables: their columns, and all of them in one place."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from napari_beamwatch.campaign.measures import TOLD


def _dose(name: str, meaning: str) -> dict[str, str]:
    ends = (("", ""), ("_low", "lower end of 95 % between movies: "), ("_high", "upper end: "))
    return {f"{name}{end}_e_per_A2": said + meaning for end, said in ends}


SUMMARY: dict[str, str] = {
    "group": "conditions of the movies, in words; then each in a column of its own",
    "measure": "onset, detected or half_gone: what the doses of the row are of",
    "movies": "that tell something",
    "crystals": "of these",
    "places": "of these",
    "dated": "places whose dose is known",
    "before": "places that had changed before anything could be seen",
    "within": "places that changed, nobody knows when",
    "held": "places that held to the end",
    "ambiguous": "places of which is known how long they held",
    **_dose("median", "dose at which half of the lattice of a movie has changed"),
    "median_words": "the same in words, with what is censored",
    **_dose("gone_10", "dose at which a tenth of it has"),
    "gone_10_words": "the same in words",
    "known_until_e_per_A2": "dose beyond which the group tells nothing",
    "dose_scale_sd_percent": "the largest of its movies; in no interval",
    "median_time_s": "seconds to the median at the dose rate that was asked for",
    "remark": "what to be wary of",
}
"""Columns of the table of groups."""

COMPARISONS: dict[str, str] = {
    "varied": "the condition the two groups differ in",
    "above": "the colder group, or that of the higher number",
    "below": "the other",
    "measure": SUMMARY["measure"],
    "ratio": "median of the first over that of the second; empty where it is not known",
    "ratio_low": "lower end of its 95 % interval",
    "ratio_high": "upper end; empty where it is open",
    "words": "the ratio in words",
    "p_permutation": "of no difference: movies change places between the groups",
    "least_p": "the smallest that so few movies can give",
    "chi2_logrank": "log-rank test over movies",
    "p_logrank": "its p by a normal law",
}
"""Columns of the table of comparisons."""

REGRESSION: dict[str, str] = {
    "compound": "of the movies",
    "measure": SUMMARY["measure"],
    "coefficient": "b, c or d in log D = a + b log rate + c kV + d / T",
    "condition": "what it belongs to",
    "unit": "of the coefficient",
    "value": "empty where the condition takes no part",
    "low": "lower end of its 95 % interval between movies",
    "high": "upper end",
    "movies": "that tell something",
    "movie_sd": "scatter of movies about the line, natural logarithm of the dose",
    "words": "what that says, or why the condition takes no part",
}
"""Columns of the table of coefficients."""

CURVES: dict[str, str] = {
    "group": SUMMARY["group"],
    "measure": SUMMARY["measure"],
    "dose_e_per_A2": "dose",
    "survival": "part of the lattice of a movie that has not changed by it",
    "survival_low": "lower end of its 95 % band between movies",
    "survival_high": "upper end",
}
"""Columns of the table of curves."""

PHASES: dict[str, str] = {
    "group": SUMMARY["group"],
    "phase": "crystal structures it may be, best first, as most movies say",
    "verdict": "native, made, native, and made, or cannot tell",
    "movies": "of the group",
    "seen": "movies that saw it",
    "native": "of these, that saw it well below the published limits of what it could be made of, "
    "and before any of that changed in the group",
    "appeared": "of these, in which it appeared under the beam",
    "seen_by_e_per_A2": "dose, pre-exposure included, by which it was seen: median of those in "
    "which it did not appear",
    "appeared_from_e_per_A2": "dose from which on it appeared: median of the others",
    "limit_e_per_A2": "smallest published limit of what the beam could make it of",
    "own_limit_e_per_A2": "dose before which nothing of that had begun to change in the group",
    "sources": "what it can come of, each with its smallest published limit in e/Å²",
    "words": "all that in words",
}
"""Columns of the table of phases."""

PLACES: dict[str, str] = {"group": SUMMARY["group"], **TOLD}
"""Columns of the table of places."""

MOVIES: dict[str, str] = {
    "group": SUMMARY["group"],
    "movie": TOLD["movie"],
    "source": "where its run lies",
    "places": "that were judged",
    "last_dose_e_per_A2": "dose at the end of the record",
    "dose_rate_e_per_A2_s": "dose rate",
    "temperature_C": "of the specimen",
    "voltage_kV": "accelerating voltage",
    "compound": "what the specimen is said to be",
    "dose_scale_sd_percent": "relative standard deviation of the dose scale",
    "pixel_size_A": "Å",
}
"""Columns of the table of movies."""


@dataclass(frozen=True, eq=False)
class CampaignTables:
    """What many movies say together.

    Attributes
    ----------
    by : tuple of str
        Conditions that movies are grouped by.
    measure : str
        What is shown first; the tables hold all measures.
    dose_rate : float or None
        At which doses are told in seconds, e/Å²/s.
    summary, comparisons, regression, phases, curves, places, movies : DataFrame
        Columns as documented in `SUMMARY`, `COMPARISONS`, `REGRESSION`, `PHASES`, `CURVES`,
        `PLACES` and `MOVIES`.
    notes : tuple of str
        What was left out and what is odd, a sentence each.
    unread : tuple of str
        What could not be read, a sentence each.
    """

    by: tuple[str, ...]
    measure: str
    dose_rate: float | None
    summary: pd.DataFrame
    comparisons: pd.DataFrame
    regression: pd.DataFrame
    phases: pd.DataFrame
    curves: pd.DataFrame
    places: pd.DataFrame
    movies: pd.DataFrame
    notes: tuple[str, ...]
    unread: tuple[str, ...]
