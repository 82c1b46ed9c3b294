"""Which phases crystals are, before and after a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch.damage.judging import Verdict
from napari_beamwatch.damage.pooling import WindowVerdicts
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases import Match, SpotSet, match
from napari_beamwatch.settings import Settings

GONE = "none"
"""What is there when the lattice is gone."""


@dataclass(frozen=True, eq=False)
class Phases:
    """Phases of the crystals of a region, in the words of the tables; empty where unknown.

    Attributes
    ----------
    of_crystal : dict of int to Match
    """

    of_crystal: dict[int, Match]

    @classmethod
    def of(cls, movie: Movie, settings: Settings, rows: pd.DataFrame) -> Phases:
        """Phases of the crystals in the rows of spots of one region."""
        if movie.pixel_size is None:
            return cls({})
        found: dict[int, Match] = {}
        before = ""
        # The strongest first: what came in its place shares its elements.
        strength = rows.groupby("crystal").snr.sum().sort_values(ascending=False)
        for crystal in strength.index:
            mine = rows[rows.crystal == crystal]
            found[int(crystal)] = match(
                SpotSet(*(mine[name].to_numpy(float) for name in ("d_A", "d_se_A", "angle_deg"))),
                phases=settings.phases or None,
                pixel_size_uncertainty=settings.pixel_size_uncertainty,
                temperature_C=movie.conditions.temperature_C,
                phase_before=before,
            )
            before = before or found[int(crystal)].answer
        return cls(found)

    def name(self, crystal: int) -> str | None:
        """Phase of a crystal, best first."""
        known = self.of_crystal.get(crystal)
        return (known.answer or None) if known is not None else None

    def label(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of spots with phase and reflection."""
        rows = rows.astype({"phase": object, "hkl": object})
        for crystal, found in self.of_crystal.items():
            mine = rows.index[rows.crystal == crystal]
            rows.loc[mine, "phase"] = found.answer or None
            if len(found.hkl) == len(mine):
                rows.loc[mine, "hkl"] = [hkl or None for hkl in found.hkl]
        return rows

    def before_and_after(self, verdict: Verdict, rows: pd.DataFrame) -> dict[str, Any]:
        """Columns of the table of onsets."""
        if not self.of_crystal or not len(rows):
            return {}
        new = rows[rows.spot.isin(verdict.new_spots)]
        old = rows[~rows.crystal.isin(new.crystal.unique())]
        old = old if len(old) else rows
        before = self.name(_strongest(old))
        said: dict[str, Any] = {"phase_before": before}
        if verdict.status not in ("onset", "damaged_at_start"):
            return said | ({"phase_after": before} if verdict.status == "survived" else {})
        if len(new):
            after = self.name(_strongest(new))
            return said | {
                "phase_after": after,
                "first_seen_dose_e_per_A2": verdict.new_phase_onset.value,
            }
        lost = np.isfinite(verdict.lost) and verdict.criterion == "fading"
        return said | ({"phase_after": GONE} if lost else {})

    def of_windows(self, windows: pd.DataFrame, told: WindowVerdicts) -> pd.DataFrame:
        """The table of windows with phases before and after."""
        windows = windows.astype({"phase_before": object, "phase_after": object})
        before = [self.name(c) if c >= 0 else None for c in told.crystal.tolist()]
        after = [
            self.name(new) if new >= 0 and status == "onset"
            else GONE if status == "onset" and np.isfinite(lost)
            else now if status == "survived"
            else None
            for new, status, lost, now in zip(
                told.new_crystal.tolist(), told.status, told.lost.tolist(), before, strict=True
            )
        ]  # fmt: skip
        windows["phase_before"], windows["phase_after"] = before, after
        return windows


def _strongest(rows: pd.DataFrame) -> int:
    """The crystal whose spots hold most."""
    power = rows.groupby("crystal").snr.sum()
    return int(power.index.to_numpy()[int(power.to_numpy().argmax())])
