"""The paragraph of a campaign for the methods section of a paper."""

from __future__ import annotations

from collections.abc import Iterable

from napari_beamwatch.campaign.between import DRAWS
from napari_beamwatch.campaign.groups import short_name
from napari_beamwatch.campaign.measures import MEASURES
from napari_beamwatch.campaign.tables import CampaignTables


def campaign_methods(campaign: CampaignTables, version: str) -> str:
    """How the numbers of a campaign were made, with its own numbers in it.

    Parameters
    ----------
    campaign : CampaignTables
    version : str
        That summed it up.
    """
    table = campaign.summary[campaign.summary["measure"] == campaign.measure]
    counts = [f"{int(table[name].sum())} {name}" for name in ("places", "crystals", "movies")]
    grouped = f", grouped by {_listed(campaign.by)}" if campaign.by else ""
    parts = [
        f"The dose of one event ({MEASURES[campaign.measure].words}) was taken of {counts[0]} "
        f"(connected pieces of crystal that share one course) of {counts[1]} in {counts[2]}"
        f"{grouped}. Each movie counts once, and in it each place by its area. Places that had "
        "changed before anything was seen, that changed at an unknown dose, or that held to the "
        "end of what was seen of them are left-, interval- and right-censored (Turnbull's "
        "estimate); the median is the dose by which half of the lattice of a movie has changed.",
        f"Intervals of 95 % are between movies: the spread of {DRAWS} resamplings of whole movies, "
        "in log dose, by Student's t with as many degrees of freedom as movies less one.",
    ]
    compared = campaign.comparisons
    if len(compared[compared["measure"] == campaign.measure]):
        parts.append(
            "Ratios of medians have intervals put together from those of both; p is that of "
            "studentized log-rank scores under permutation of movies."
        )
    lines = campaign.regression
    fitted = lines[(lines["measure"] == campaign.measure) & lines["value"].notna()]
    if len(fitted):
        parts.append(
            f"What the dose goes with ({_listed(dict.fromkeys(fitted['condition']))}) was fitted "
            "as a log-normal law of censored doses, with errors from leaving out one movie after "
            "the other (CR3)."
        )
    return " ".join([*parts, f"Computed with napari-beamwatch {version}."])


def _listed(conditions: Iterable[str]) -> str:
    words = [short_name(one).replace("_", " ") for one in conditions]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
