"""Spots and rings of a diffraction movie with what is said of them, and the phases they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.analysis.naming import Phases
from napari_beamwatch.analysis.patterns.passes import Found
from napari_beamwatch.analysis.patterns.ring_phases import profile_of, scale_of
from napari_beamwatch.analysis.patterns.rings import ring_rows
from napari_beamwatch.analysis.patterns.tables import spot_rows
from napari_beamwatch.damage.verdict.judging import Verdict, unclear
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases import Match, SpotSet, match
from napari_beamwatch.phases.powders import match_rings
from napari_beamwatch.results.tables import joined
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.diffraction import DiffractionSpots

CRYSTAL, LATE_CRYSTAL = 0, 1
"""Of all spots, and of those that came later: which of them share a crystal, one pattern of the
whole field does not tell."""

POWDER, LATE_POWDER = 2, 3
"""Of rings: they may be of another phase than the spots."""


@dataclass(frozen=True, eq=False)
class Named:
    """Spots and rings with the verdict on them and the phases they are.

    Attributes
    ----------
    verdict : Verdict or None
    phases : Phases
    rows : DataFrame
        Spots, then rings, as rows of the table of spots.
    count : int
        Spots among them.
    """

    verdict: Verdict | None
    phases: Phases
    rows: pd.DataFrame
    count: int

    @classmethod
    def of(
        cls,
        movie: Movie,
        settings: Settings,
        found: Found,
        constant: float,
        verdict: Verdict | None = None,
    ) -> Named:
        """With what was matched."""
        bare = cls._bare(movie, found, constant, verdict)
        phases = matched(movie, settings, found, bare.rows, constant)
        return replace(bare, phases=phases, rows=phases.label(bare.rows))

    @classmethod
    def unclear(cls, movie: Movie, found: Found, constant: float, why: str) -> Named:
        """Without any name, and with no verdict but why."""
        return cls._bare(movie, found, constant, unclear(why))

    @classmethod
    def _bare(cls, movie: Movie, found: Found, constant: float, verdict: Verdict | None) -> Named:
        count = len(found.spots)
        rings = ring_rows(movie, found.rings, constant, count, (POWDER, LATE_POWDER), verdict)
        spots = spot_rows(movie, found.spots, verdict, (CRYSTAL, LATE_CRYSTAL))
        rows = joined([spots, rings], columns.SPOTS)
        return cls(verdict, Phases({}), rows.astype({"phase": object, "hkl": object}), count)

    @property
    def spots(self) -> pd.DataFrame:
        """The table of spots."""
        return self.rows[self.rows.spot < self.count].reset_index(drop=True)

    @property
    def of_rings(self) -> list[str | None]:
        """Phase of each ring."""
        named = self.rows[self.rows.spot >= self.count].phase
        return [None if pd.isna(name) else str(name) for name in named]


def matched(
    movie: Movie, settings: Settings, found: Found, rows: pd.DataFrame, constant: float
) -> Phases:
    """Phases of spots and rings, those that were there at first and those that came apart.

    All have one camera constant: what was named tells it better than it was given.
    """
    phases: dict[int, Match] = {}
    before = ""
    scale = (1.0, settings.pixel_size_uncertainty)
    of_rings = rows.crystal[rows.spot >= len(found.spots)].to_numpy()
    changed = bool((of_rings == LATE_POWDER).any())
    for crystal in (CRYSTAL, POWDER, LATE_CRYSTAL, LATE_POWDER):
        mine = rows[rows.crystal == crystal]
        if not len(mine):
            continue
        if crystal in (CRYSTAL, LATE_CRYSTAL):
            phases[crystal] = _crystal(movie, settings, mine, before)
        else:
            came = crystal == LATE_POWDER
            phases[crystal] = match_rings(
                profile_of(found.rings, of_rings == crystal, constant, came=came, changed=changed),
                phases=settings.phases or None,
                elements=movie.conditions.elements,
                scale=scale,
                temperature_C=movie.conditions.temperature_C,
                phase_before=before,
            )
            scale = scale_of(phases[crystal]) or scale
        before = before or phases[crystal].answer
    return Phases(phases)


def named_spots(movie: Movie, settings: Settings, spots: DiffractionSpots) -> pd.DataFrame:
    """The table of spots that nobody followed, with the phase they are."""
    rows = joined([spot_rows(movie, spots, None, (CRYSTAL, LATE_CRYSTAL))], columns.SPOTS)
    rows = rows.astype({"phase": object, "hkl": object})
    return Phases({CRYSTAL: _crystal(movie, settings, rows)} if len(rows) else {}).label(rows)


def _crystal(movie: Movie, settings: Settings, rows: pd.DataFrame, before: str = "") -> Match:
    """The phase that spots are of."""
    d, d_se, angle = (rows[name].to_numpy(float) for name in ("d_A", "d_se_A", "angle_deg"))
    return match(
        SpotSet(d, d_se, angle),
        phases=settings.phases or None,
        elements=movie.conditions.elements,
        pixel_size_uncertainty=settings.pixel_size_uncertainty,
        temperature_C=movie.conditions.temperature_C,
        phase_before=before,
    )
