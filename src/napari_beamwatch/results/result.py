"""`Result`: everything an analysis found, and what is done with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_beamwatch.results.findings import Findings
from napari_beamwatch.results.report import first_screen
from napari_beamwatch.results.saving import save_result
from napari_beamwatch.results.summary import summary_of


@dataclass(frozen=True, eq=False)
class Result(Findings):
    """What an analysis found; its attributes are those of `Findings`."""

    @property
    def summary(self) -> dict[str, Any]:
        """The answer in one place, see `summary_of`."""
        return summary_of(self)

    def _repr_html_(self) -> str:
        return first_screen(self)

    def save(self, folder: str | os.PathLike[str], *, force: bool = False) -> Path:
        """Write a run folder, see `save_result`."""
        return save_result(self, folder, force=force)
