"""`Session`: what the desktop knows. No Qt, no napari: views listen, and ask for changes."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from psygnal import Signal

from napari_beamwatch import columns
from napari_beamwatch._qt.spot_edits import (
    Frequency,
    not_found,
    reach,
    spots_at,
    with_spot,
    without_spots,
)
from napari_beamwatch.analysis import Step
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.thresholds import apply_thresholds
from napari_beamwatch.settings import Settings

THRESHOLD = ("fraction", "d_tolerance", "persistence")
"""Settings of the user's own threshold: nothing needs to be measured again for them."""


@dataclass(frozen=True, eq=False)
class Request:
    """What an analysis is asked: its answer counts only while the generation is the same."""

    generation: int
    movie: Movie
    settings: Settings
    regions: tuple[Region, ...]


class Session:
    """The state of one desktop.

    Attributes
    ----------
    movie : Movie or None
    settings : Settings
        As asked for; what is None is chosen in the analysis.
    regions : tuple of Region
        As drawn, in pixels.
    chosen : str
        Region whose answer is looked at.
    result : Result or None
        Of the movie as it is; settings and regions may have changed since, see `outdated`.
    spots : DataFrame
        Table of spots of the chosen region, of the result or of a search alone.
    selected : tuple of int
        Spots of the table that are looked at more closely; all where empty.
    hidden : frozenset of (str, int)
        Region and spot of what is not drawn; it stays in the analysis. None of another result.
    place : int or None
        The place that is looked at more closely; none of another result.
    generation : int
        Counts what makes running work pointless.
    running : str
        What is being done; empty if nothing is.
    frames_changed : Signal()
        After `movie_changed`, where the movie was not only told another calibration.
    """

    movie_changed = Signal()
    frames_changed = Signal()
    settings_changed = Signal()
    regions_changed = Signal()
    chosen_changed = Signal()
    result_changed = Signal()
    threshold_changed = Signal()
    spots_changed = Signal()
    selected_changed = Signal()
    hidden_changed = Signal()
    place_changed = Signal()
    running_changed = Signal()
    progressed = Signal(Step)
    failed = Signal(str)

    def __init__(self, settings: Settings | None = None) -> None:
        self.movie: Movie | None = None
        self.settings = settings or Settings()
        self.regions: tuple[Region, ...] = ()
        self.chosen = FIELD
        self.result: Result | None = None
        self.selected: tuple[int, ...] = ()
        self.hidden: frozenset[tuple[str, int]] = frozenset()
        self.place: int | None = None
        self.generation = 0
        self.running = ""
        self._found: pd.DataFrame | None = None
        self._asked: Request | None = None
        self._answered: Request | None = None
        self._past: list[Settings] = []

    @property
    def outdated(self) -> bool:
        """The result is of other settings or regions than those asked for now."""
        of = self._answered
        if self.result is None or of is None:
            return False
        return _measured(of.settings) != _measured(self.settings) or of.regions != self.regions

    @property
    def at_stake(self) -> bool:
        """Something would be lost if another movie was taken."""
        edits = self.settings.added_spots or self.settings.removed_spots
        found = self.result is not None or self._found is not None
        return bool(self.running or self.regions or edits or found)

    @property
    def onset(self) -> dict[str, Any] | None:
        """The row of the chosen region in the table of onsets; None if there is none yet."""
        return self.onset_of(self.chosen)

    def onset_of(self, region: str) -> dict[str, Any] | None:
        """The row of a region in the table of onsets."""
        if self.result is None:
            return None
        rows = self.result.onsets[self.result.onsets["region"] == region]
        return {str(k): v for k, v in rows.iloc[0].items()} if len(rows) else None

    @property
    def spots(self) -> pd.DataFrame:
        """Spots to show: of the chosen region, or those that a search alone found."""
        if self.result is not None:
            table = self.result.spots
            return table[table["region"] == self.chosen].reset_index(drop=True)
        if self._found is not None:
            strongest = self._found.sort_values("snr", ascending=False).drop_duplicates("spot")
            return strongest.sort_values("spot").reset_index(drop=True)
        return pd.DataFrame(columns=list(columns.SPOTS))

    def take(self, movie: Movie | None) -> None:
        """Look at another movie, or at none."""
        if movie is self.movie:
            return
        self._forget()
        before, self.movie, self.regions, self.chosen = self.movie, movie, (), FIELD
        self._past = []
        self.settings = replace(self.settings, added_spots=(), removed_spots=())
        self._tell_of_movie(before)
        self.result_changed.emit()
        self.spots_changed.emit()

    def recalibrate(self, **changes: Any) -> None:
        """Say a calibration of the movie, as `Movie.with_`; what was found no longer holds."""
        if self.movie is None:
            raise BeamwatchError("there is no movie to calibrate: choose one first")
        self.replace_movie(self.movie.with_(**changes))

    def replace_movie(self, movie: Movie) -> None:
        """The movie told or opened another way: regions and settings stay, answers do not."""
        self._forget()
        before, self.movie = self.movie, movie
        self._tell_of_movie(before)
        self.result_changed.emit()
        self.spots_changed.emit()

    def choose_settings(self, **changes: Any) -> None:
        """Change settings; `undo` takes it back."""
        settings = replace(self.settings, **changes)
        if settings == self.settings:
            return
        if _measured(settings) != _measured(self.settings):
            self._past.append(self.settings)
        self.settings = settings
        self.settings_changed.emit()

    def set_threshold(self, **changes: Any) -> None:
        """Move the user's own threshold; what was measured stays as it is."""
        self.choose_settings(**changes)
        if self.result is not None:
            self.result = self._judged(self.result)
            self.threshold_changed.emit()

    def undo(self) -> None:
        """Take the last change of the settings back, the threshold excepted."""
        if self._past:
            self.settings = replace(self._past.pop(), **_threshold(self.settings))
            self.settings_changed.emit()

    @property
    def can_undo(self) -> bool:
        """There is a change to take back."""
        return bool(self._past)

    def add_spot(self, gy: float, gx: float) -> None:
        """Expect a spot at a frequency, in cycles per pixel.

        Want it back if it was removed; if the table has it, look at that one.
        """
        within = reach(self.movie, self.settings)
        there = spots_at(self.spots, [(gy, gx)], within)
        if there and not self.unwanted.intersection(there):
            self.hide(there, False)
            self.select(there)
        else:
            self._edit(with_spot(self.settings, (gy, gx), within))

    def remove_spot(self, gy: float, gx: float) -> None:
        """Want no spot at a frequency, in cycles per pixel."""
        self.remove_spots([(gy, gx)])

    def remove_spots(self, frequencies: Iterable[Frequency]) -> None:
        """Want no spots at some frequencies; `undo` brings all of them back."""
        within = reach(self.movie, self.settings)
        self._edit(without_spots(self.settings, frequencies, self.spots, within))

    @property
    def unwanted(self) -> frozenset[int]:
        """Spots of the table that the next analysis will be without."""
        within = reach(self.movie, self.settings)
        return frozenset(spots_at(self.spots, self.settings.removed_spots, within))

    @property
    def expected(self) -> tuple[Frequency, ...]:
        """Where the user expects spots and the table has none."""
        return not_found(self.spots, self.settings, reach(self.movie, self.settings))

    @property
    def hidden_here(self) -> frozenset[int]:
        """Spots of the table that are not drawn."""
        return frozenset(spot for region, spot in self.hidden if region == self.chosen)

    @property
    def drawn(self) -> pd.DataFrame:
        """Rows of the table of spots that are drawn: neither hidden nor unwanted."""
        spots = self.spots
        return spots[~spots["spot"].isin(self.hidden_here | self.unwanted)]

    def hide(self, spots: Collection[int], hidden: bool = True) -> None:
        """Draw spots of the table no more, or again; they stay in the analysis."""
        keys = {(self.chosen, spot) for spot in spots}
        changed = self.hidden | keys if hidden else self.hidden - keys
        if changed != self.hidden:
            self.hidden = changed
            self.hidden_changed.emit()

    def select(self, spots: tuple[int, ...]) -> None:
        """Look at some spots of the table more closely."""
        if spots != self.selected:
            self.selected = spots
            self.selected_changed.emit()

    def point_at(self, spot: int, also: bool) -> None:
        """Look at a spot alone, or at one more, or, if it was one of several, at one less."""
        if not also:
            self.select((spot,))
        elif spot in self.selected:
            self.select(tuple(one for one in self.selected if one != spot))
        else:
            self.select((*self.selected, spot))

    def choose_place(self, place: int | None) -> None:
        """Look at a place more closely, in place of spots; at none if it was that one."""
        self.place = None if place == self.place else place
        self.select(())
        self.place_changed.emit()

    def draw(self, regions: tuple[Region, ...]) -> None:
        """Say which regions there are."""
        if regions == self.regions:
            return
        self.regions = regions
        self.regions_changed.emit()
        if self.chosen not in (FIELD, *(one.name for one in regions)):
            self.choose(FIELD)

    def choose(self, region: str) -> None:
        """Look at the answer for a region."""
        if region != self.chosen:
            self.chosen = region
            self.chosen_changed.emit()
            self.spots_changed.emit()

    def begin(self, doing: str) -> Request:
        """Start work on the movie."""
        if self.movie is None:
            raise BeamwatchError("there is no movie: open one, or choose its layer")
        generation = self.start(doing)
        self._asked = Request(generation, self.movie, self.settings, self.regions)
        return self._asked

    def start(self, doing: str) -> int:
        """Start work that needs no movie; there is one at a time. Its generation is returned."""
        if self.running:
            raise BeamwatchError(f"{self.running} is not done yet: cancel it first")
        self.generation += 1
        self.running = doing
        self._asked = None
        self.running_changed.emit()
        return self.generation

    def tell(self, generation: int, step: Step) -> None:
        """Pass on how far the work is."""
        if generation == self.generation and self.running:
            self.progressed.emit(step)

    def answer(self, generation: int, result: Result) -> bool:
        """Take the result of an analysis; False if nobody waits for it any more."""
        if generation != self.generation or not self.running:
            return False
        asked = self._asked
        if asked is not None and _threshold(asked.settings) != _threshold(self.settings):
            result = self._judged(result)  # it was moved in the meantime
        self.result, self._found, self._answered = result, None, asked
        self.hidden, self.place, self.running = frozenset(), None, ""
        self.result_changed.emit()
        self.spots_changed.emit()
        self.running_changed.emit()
        return True

    def answer_spots(self, generation: int, table: pd.DataFrame) -> bool:
        """Take the spots that a search found; False if nobody waits for them any more."""
        if generation != self.generation or not self.running:
            return False
        self._found, self.hidden, self.place = table, frozenset(), None
        had, self.result = self.result, None
        self._end()
        if had is not None:
            self.result_changed.emit()
        self.spots_changed.emit()
        return True

    def show(self, result: Result) -> None:
        """Show a result that was loaded; its movie, settings and regions become ours."""
        self._forget()
        before, self.movie = self.movie, result.movie
        self.settings, self.regions = result.settings, result.regions
        self.chosen, self.result = FIELD, result
        self._past = []
        if result.movie is not None:
            self._answered = Request(self.generation, result.movie, result.settings, result.regions)
        self._tell_of_movie(before)
        for signal in (
            self.settings_changed,
            self.regions_changed,
            self.result_changed,
            self.spots_changed,
        ):
            signal.emit()

    def finish(self, generation: int) -> None:
        """Work that changes nothing here is done."""
        if generation == self.generation and self.running:
            self._end()

    def fail(self, generation: int, sentence: str) -> None:
        """Say why the work came to nothing."""
        if generation == self.generation and self.running:
            self._end()
            self.failed.emit(sentence)

    def cancel(self) -> None:
        """Wait no longer for what is being done."""
        if self.running:
            self.generation += 1
            self._end()

    def _tell_of_movie(self, before: Movie | None) -> None:
        self.movie_changed.emit()
        frames = [None if one is None else one.recording.frames for one in (before, self.movie)]
        if frames[0] is not frames[1]:
            self.frames_changed.emit()

    def _judged(self, result: Result) -> Result:
        """A result by the user's own threshold as it is now."""
        of = self.settings
        return apply_thresholds(result, of.fraction, of.d_tolerance, of.persistence)

    def _end(self) -> None:
        self.running = ""
        self.running_changed.emit()

    def _edit(self, settings: Settings) -> None:
        """Add and remove spots as some settings do."""
        self.choose_settings(added_spots=settings.added_spots, removed_spots=settings.removed_spots)

    def _forget(self) -> None:
        """What was found is no longer of what is looked at."""
        self.cancel()
        self.generation += 1
        self.hidden, self.place = frozenset(), None
        self.result = self._found = self._asked = self._answered = None


def _measured(settings: Settings) -> Settings:
    """Settings without those that need no new analysis."""
    return replace(settings, **_threshold(Settings()))


def _threshold(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in THRESHOLD}
