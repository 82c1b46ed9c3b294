"""Which phases crystals are, before and after a change, and what the change means by that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch.damage.field.by_window import WindowVerdicts
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases import Match, SpotSet, match
from napari_beamwatch.phases.structures import GASES, Phase, candidates, known_phases, phase
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.rings import Ring

GONE = "none"
"""What is there when the lattice is gone."""

CHANGED = ("onset", "damaged_at_start")

FEW = 2
"""Spots that alone are too few to name a crystal by."""

SAME_SCALE = 0.002
"""Relative difference of scale between crystals or powders of a movie: distortion and strain."""

SWOLLEN = 0.03
"""Part by which all spacings of a lattice may move while it is still the same phase."""


@dataclass(frozen=True, eq=False)
class Phases:
    """Phases of the crystals of a region, in the words of the tables; empty where unknown.

    Attributes
    ----------
    of_crystal : dict of int to Match
        From the spots that were there at first, or that came alone.
    of_new : dict of int to Match
        From the spots of a crystal that came in place of others: what was there is not there
        any more, and the two are matched apart.
    of_rings : Match, optional
        Of powder rings that came.
    new_spots : frozenset of int
        Those that came.
    gone : frozenset of int
        Crystals of which little is left.
    """

    of_crystal: dict[int, Match]
    of_new: dict[int, Match] = field(default_factory=dict)
    of_rings: Match | None = None
    new_spots: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        movie: Movie,
        settings: Settings,
        rows: pd.DataFrame,
        told: RegionVerdict | None = None,
        rings: Sequence[Ring] = (),
        seen: Mapping[int, int] | None = None,
    ) -> Phases:
        """Phases of the crystals in the rows of spots of one region.

        Parameters
        ----------
        movie : Movie
        settings : Settings
        rows : DataFrame
            Of the table of spots.
        told : RegionVerdict, optional
            Which spots came, and which spacings moved.
        rings : sequence of Ring
            That came.
        seen : mapping of int to int, optional
            Segment of time in which each spot was seen first.
        """
        if movie.pixel_size is None:
            return cls({})
        verdicts = {} if told is None else told.crystals
        came = frozenset(spot for one in verdicts.values() for spot in one.new_spots)
        came |= _no_sooner(rows, came, seen or {})
        new = rows.spot.isin(came)
        # A lattice that orders is what it was: points between its own are of no other phase.
        ordered = [number for number, one in verdicts.items() if one.kind == "ordering"]

        def matched(spots: SpotSet, before: str) -> Match:
            return match(
                spots,
                phases=settings.phases or None,
                elements=movie.conditions.elements,
                pixel_size_uncertainty=settings.pixel_size_uncertainty,
                temperature_C=movie.conditions.temperature_C,
                phase_before=before,
                stated=movie.conditions.compound or "",
            )

        before = ""
        first: Match | None = None
        found: list[dict[int, Match]] = []
        for some in (rows[~new], rows[new & ~rows.crystal.isin(ordered)]):
            mine: dict[int, Match] = {}
            # The strongest first: what came in its place shares its elements.
            for crystal in by_strength(some):
                spots = some[some.crystal == crystal]
                scale = _at_first(verdicts.get(crystal), spots)
                d, d_se, angle = (
                    spots[name].to_numpy(float) for name in ("d_A", "d_se_A", "angle_deg")
                )
                own = matched(SpotSet(scale * d, d_se, angle), before)
                if not own.answer and first is not None and len(spots) <= FEW:
                    own = _like(first, scale * d, d_se, angle, movie, settings) or own
                mine[crystal] = own
                if own.answer and first is None:
                    before, first = own.answer, own
            found.append(mine)
        of_rings = None
        if rings:
            d = np.array([ring.d_px() for ring in rings]) * movie.pixel_size
            of_rings = matched(SpotSet(d[:, 0], d[:, 1]), before)
        gone = frozenset(number for number, one in verdicts.items() if _mostly_gone(one))
        return cls(found[0], found[1], of_rings, came, gone)

    @property
    def in_rings(self) -> str:
        """Phase of the rings that came; empty if they name none."""
        return self.of_rings.answer if self.of_rings is not None else ""

    def name(self, crystal: int) -> str | None:
        """Phase of a crystal, best first; of what was there at first, where something came."""
        known = self.of_crystal.get(crystal) or self.of_new.get(crystal)
        return (known.answer or None) if known is not None else None

    def new_name(self, crystal: int) -> str | None:
        """Phase of what came in a crystal, or of a crystal that came as a whole."""
        known = self.of_new.get(crystal) or self.of_crystal.get(crystal)
        return (known.answer or None) if known is not None else None

    def label(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of spots with phase and reflection."""
        rows = rows.astype({"phase": object, "hkl": object})
        new = rows.spot.isin(self.new_spots)
        for matches, some in ((self.of_crystal, ~new), (self.of_new, new)):
            for crystal, found in matches.items():
                mine = rows.index[some & (rows.crystal == crystal)]
                rows.loc[mine, "phase"] = found.answer or None
                if len(found.hkl) == len(mine):
                    rows.loc[mine, "hkl"] = [hkl or None for hkl in found.hkl]
        return rows

    def before_and_after(self, verdict: Verdict, rows: pd.DataFrame) -> dict[str, Any]:
        """Columns of the table of onsets."""
        said: dict[str, Any] = {"interpretation": meaning(verdict, None, None)}
        if not self.of_crystal or not len(rows):
            return said
        # What is there in the end: a first product may have been used up.
        came = self.new_spots.union(verdict.new_spots)
        new, old = rows[rows.spot.isin(came)], rows[~rows.spot.isin(came)]
        # A crystal that came without a word of it is not what was there.
        there = old[old.status != "no_lattice"]
        old = next(some for some in (there, old, rows) if len(some))
        before = next((name for name in map(self.name, by_strength(old)) if name is not None), None)
        after = self._after(verdict, before, new)
        said["interpretation"] = meaning(verdict, before, after)
        said |= {"phase_before": before, "phase_after": after}
        if verdict.criterion == "new_phase" or (verdict.changed and len(new)):
            said["first_seen_dose_e_per_A2"] = verdict.new_phase_onset.value
        return said

    def _after(self, verdict: Verdict, before: str | None, new: pd.DataFrame) -> str | None:
        if verdict.status == "survived":
            return before
        if not verdict.changed:
            return None
        if len(new) and verdict.criterion in ("new_phase", "fading"):
            names = map(self.new_name, by_strength(new))
            return next((name for name in names if name is not None), None)
        if verdict.criterion == "new_phase":
            return self.in_rings or None
        if verdict.criterion == "spacing":
            moved = abs(np.log(verdict.d_after_px / verdict.d_before_px))
            return before if moved < SWOLLEN else None
        if verdict.criterion == "fading":
            return GONE if _mostly_gone(verdict) else before
        return before

    def of_places(self, places: pd.DataFrame, told: RegionVerdict) -> pd.DataFrame:
        """The table of places with phases before and after, and what that means."""
        before = [self.name(one.crystal) for one in told.places]
        after = [
            None if not one.verdict.changed and one.verdict.status != "survived"
            else was if one.verdict.status == "survived"
            else self.of_new[one.crystal].answer or None
            if one.verdict.new_spots and one.crystal in self.of_new
            else GONE if _mostly_gone(one.verdict)
            else was
            for one, was in zip(told.places, before, strict=True)
        ]  # fmt: skip
        meant = [
            meaning(one.verdict, was, now)
            for one, was, now in zip(told.places, before, after, strict=True)
        ]
        words = {"phase_before": before, "phase_after": after, "interpretation": meant}
        return places.assign(**{name: pd.array(some, dtype=object) for name, some in words.items()})

    def of_windows(self, windows: pd.DataFrame, told: WindowVerdicts) -> pd.DataFrame:
        """The table of windows with phases before and after."""
        windows = windows.astype({"phase_before": object, "phase_after": object})
        before = [self.name(c) if c >= 0 else None for c in told.crystal.tolist()]
        after = [
            self.new_name(new) if new >= 0 and status == "onset"
            else GONE if status in CHANGED and (np.isfinite(lost) or crystal in self.gone)
            else now if status == "survived"
            else None
            for crystal, new, status, lost, now in zip(
                told.crystal.tolist(), told.new_crystal.tolist(), told.status, told.lost.tolist(),
                before, strict=True,
            )
        ]  # fmt: skip
        windows["phase_before"], windows["phase_after"] = before, after
        return windows


def _no_sooner(rows: pd.DataFrame, came: frozenset[int], seen: Mapping[int, int]) -> frozenset[int]:
    """Spots of crystals in which others came that were seen no sooner than those."""
    late = set[int]()
    for _, mine in rows.groupby("crystal"):
        when = {int(spot): seen.get(int(spot), 0) for spot in mine.spot}
        theirs = [when[spot] for spot in when if spot in came]
        some = {spot for spot in when if theirs and when[spot] >= min(theirs)}
        late |= some if len(some) < len(when) else set()
    return frozenset(late)


def _like(
    known: Match,
    d: NDArray[np.float64],
    d_se: NDArray[np.float64],
    angle: NDArray[np.float64],
    movie: Movie,
    settings: Settings,
) -> Match | None:
    """A crystal of too few spots, if it is what another of the movie is, by that one's scale."""
    best = known.candidates[0]
    there = candidates(settings.phases, movie.conditions.elements)[0]
    found = match(
        SpotSet(d / best.scale, d_se / best.scale, angle),
        phases=[one for one in there if one.name == best.phase],
        pixel_size_uncertainty=float(np.hypot(best.scale_se / best.scale, SAME_SCALE)),
        temperature_C=movie.conditions.temperature_C,
    )
    # Phases that the other's spots cannot tell apart differ by their scales.
    return replace(found, answer=known.answer) if found.answer else None


def meaning(verdict: Verdict, before: str | None, after: str | None) -> str | None:
    """What a change means: the column `interpretation`.

    Parameters
    ----------
    verdict : Verdict
    before, after : str or None
        Phases, best first.
    """
    if not verdict.changed:
        return None
    if verdict.kind == "ordering":
        return "ordering"
    # Another phase may come when the lattice has long been lost: the row is that of the loss.
    other = after is not None and after not in (GONE, before)
    if verdict.criterion == "new_phase" or (verdict.criterion == "fading" and other):
        return "environment" if taken_up(before, after) else "transformation"
    if verdict.criterion == "spacing":
        same = not after or not before or set(before.split("|")) & set(after.split("|"))
        return "unresolved" if same else "transformation"
    if verdict.criterion == "mass_loss":
        return "mass_loss"
    if verdict.kind:
        return verdict.kind
    return "lattice_lost" if verdict.evidence == "strong" else "unresolved"


def taken_up(before: str | None, after: str | None) -> bool:
    """Whether a phase came by taking up residual gas: oxide, hydroxide, carbonate, or ice.

    Of what was there nothing has gone: the elements before are among those after. LiF that
    becomes Li2O has lost its fluorine to the beam, and that is a transformation.
    """
    old, new = (_first(name) for name in (before, after))
    if new is None or not new.from_residual_gas:
        return False
    return new.elements <= GASES or (old is not None and old.elements <= new.elements)


def _first(name: str | None) -> Phase | None:
    best = (name or "").split("|")[0]
    return phase(best) if best in known_phases() else None


def by_strength(rows: pd.DataFrame) -> list[int]:
    """Crystals of spots, strongest first."""
    power = rows.groupby("crystal").snr.sum().sort_values(ascending=False, kind="stable")
    return [int(crystal) for crystal in power.index]


def _mostly_gone(verdict: Verdict) -> bool:
    """Whether a lattice that faded is below detection, or less than 1/e of it is left."""
    faded = verdict.changed and verdict.criterion == "fading"
    return faded and bool(np.isfinite([verdict.lost, verdict.dose_1e.value]).any())


def _at_first(verdict: Verdict | None, spots: pd.DataFrame) -> float:
    """Spacings at first over those of the whole record, for a lattice whose spacings moved."""
    if verdict is None or not np.isfinite(verdict.d_before_px):
        return 1.0
    ratio = verdict.d_before_px / spots["d_px"].to_numpy(float)
    nearest = float(ratio[np.argmin(np.abs(np.log(ratio)))])
    return nearest if abs(np.log(nearest)) < SWOLLEN else 1.0
