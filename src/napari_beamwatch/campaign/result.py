"""`Campaign`: what many movies say together, and what is done with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_beamwatch.campaign.report import campaign_screen
from napari_beamwatch.campaign.saving import record_of, save_campaign
from napari_beamwatch.campaign.tables import CampaignTables
from napari_beamwatch.campaign.telling import in_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Campaign(CampaignTables):
    """What many movies say together; its attributes are those of `CampaignTables`."""

    def words(self, measure: str | None = None) -> str:
        """What the campaign says, on a page a person reads."""
        return in_words(self, measure)

    def figure(self, measure: str | None = None) -> Figure:
        """Draw the doses of all groups, see `campaign_figure`."""
        from napari_beamwatch.campaign.figure import campaign_figure  # matplotlib is slow to import

        return campaign_figure(self, measure)

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write the tables, the figure and the page, see `save_campaign`."""
        return save_campaign(self, folder, force=force)

    def _repr_html_(self) -> str:
        """The answer, for a notebook."""
        return campaign_screen(record_of(self, {}))
