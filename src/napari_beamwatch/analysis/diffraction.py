"""The road of movies whose frames are diffraction patterns: the same tables, nothing transformed.

A spot at r pixels from the centre has the spacing d = C/r, C being the camera constant. Frequencies
in the tables are in cycles per Å: those of a picture with pixels of 1 Å.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, replace
from threading import Event
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.analysis.answers import with_thresholds
from napari_beamwatch.analysis.checks import check_record
from napari_beamwatch.analysis.naming import Phases
from napari_beamwatch.analysis.pattern_verdict import judge_pattern
from napari_beamwatch.analysis.progress import OFTEN, Progress, Teller
from napari_beamwatch.damage.failures import Failures
from napari_beamwatch.damage.judging import Verdict, unclear
from napari_beamwatch.damage.whole import Place, RegionVerdict, Summed
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases import Match, SpotSet, match
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.results.onsets import (
    event_rows,
    event_table,
    onset_row,
    onset_table,
    scale_column,
)
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.tables import (
    course_table,
    drift_table,
    field_table,
    joined,
    said_of_spots,
)
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.cluster import Cluster
from napari_beamwatch.spectra.diffraction import (
    DiffractionSpots,
    DiffractionTraces,
    FrameReading,
    SegmentPattern,
    SpotTracker,
    find_spots,
    spacings,
)
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.runners import Runner, Threads, Watched
from napari_beamwatch.spectra.streaming import segment_edges
from napari_beamwatch.spectra.tracking import WindowTraces
from napari_beamwatch.threads import shared_pool

Floats = NDArray[np.float64]
Out = TypeVar("Out")


CRYSTAL, LATE_CRYSTAL = 0, 1
"""Of all spots, and of those that came later: which of them share a crystal, one pattern of the
whole field does not tell."""

PASSES = 2


def analyze_diffraction(
    movie: Movie,
    settings: Settings,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> Result:
    """Find the spots of a diffraction movie and follow them through its frames.

    Parameters as those of `analyze`; `settings.camera_constant` is given.

    Returns
    -------
    Result
        Its tables of windows, places, phases and rings are empty: patterns have no windows.
    """
    constant = _checked(movie, settings, regions)
    run = DiffractionPasses(movie, settings, constant, progress, client)
    spots = run.find()
    tracker = run.follow(spots)
    traces = tracker.traces(settings.running_sum)
    run.teller.begin("judging")
    notes: list[str] = []
    failures = Failures(notes)
    verdict = failures.tried(
        "judging the pattern", unclear, judge_pattern, movie, settings, tracker, CRYSTAL, constant
    )
    named = failures.tried(
        "naming phases", lambda why: Named.unclear(movie, spots, why),
        Named.of, movie, settings, spots, verdict,
    )  # fmt: skip
    verdict = named.verdict
    row = failures.tried(
        "summing up", lambda why: onset_row(movie, None, unclear(why), {}), _onset_row, movie, named
    )
    frames = len(movie)
    unknown = np.full(frames, np.nan)
    result = Result(
        movie=movie,
        settings=settings,
        regions=(),
        onsets=onset_table([row | scale_column(movie, settings)]),
        windows=pd.DataFrame(columns=list(columns.WINDOWS)),
        spots=named.rows,
        traces=trace_table(movie, constant, tracker, settings.running_sum),
        events=event_table(event_rows(FIELD, verdict, movie.dose is not None)),
        places=pd.DataFrame(columns=list(columns.PLACES)),
        courses=course_table(movie, FIELD, _as_place(verdict)),
        phases=pd.DataFrame(columns=list(columns.PHASES)),
        field=field_table(movie, _field_trace(traces, tracker.mean), (unknown, unknown)),
        rings=pd.DataFrame(columns=list(columns.RINGS)),
        drift=drift_table(None, frames),
        particles=None,
        window_traces=WindowTraces(*(np.empty((frames, 0), np.float32) for _ in range(5))),
        notes=(),
        timings=run.teller.timings,
    )
    result = failures.tried("applying thresholds", lambda _: result, with_thresholds, result)
    result = replace(result, notes=(*movie.notes, *_notes(spots, constant), *notes))
    run.teller.finish(result.notes)
    return result


def find_diffraction_spots(
    movie: Movie,
    settings: Settings,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> pd.DataFrame:
    """Find the spots of a diffraction movie, without following them.

    Parameters as those of `analyze_diffraction`.

    Returns
    -------
    DataFrame
        The table of spots, its columns as documented in `columns`.
    """
    constant = _checked(movie, settings, regions)
    run = DiffractionPasses(movie, settings, constant, progress, client)
    return spot_table(movie, settings, run.find())[1]


class DiffractionPasses:
    """The two passes over a diffraction movie, and what is told meanwhile."""

    def __init__(
        self,
        movie: Movie,
        settings: Settings,
        constant: float,
        progress: Progress | None,
        client: Any,
    ) -> None:
        self.movie, self.settings, self.constant = movie, settings, constant
        self.teller = Teller(progress, PASSES * int(movie.lit.sum()), "adding up patterns")
        tick = self.teller.tick
        runner: Runner = Threads() if client is None else Cluster(client, tick, self.teller.say)
        self.runner: Runner = Watched(runner, movie.recording.files.certify)

    def find(self) -> DiffractionSpots:
        """Spots of the patterns of all segments."""
        lit = np.asarray(self.movie.lit)
        work = SegmentPattern(self.movie.recording.frames, lit)
        sums = list(self.runner.segments(work, segment_edges(lit), self.teller.tick))
        patterns = [pattern for pattern in sums if pattern is not None]
        if not patterns:
            raise BeamwatchError(f"{self.movie.name} is dark: no frame holds a diffraction pattern")
        self.teller.begin("finding spots")
        alpha, constant = self.settings.alpha, self.constant
        return self._patiently(lambda tick: find_spots(patterns, constant, alpha, tick=tick))

    def follow(self, spots: DiffractionSpots) -> SpotTracker:
        """The spots in every frame."""
        self.teller.begin("following spots")
        tracker = SpotTracker(spots, len(self.movie))

        def so_far() -> pd.DataFrame:
            return trace_table(self.movie, self.constant, tracker, self.settings.running_sum)

        work = FrameReading(self.movie.recording.frames, tracker.reader)
        for frame, read in self.runner.frames(work, np.flatnonzero(self.movie.lit).tolist()):
            tracker.keep(frame, read)
            self.teller.tick(1, so_far)
        return tracker

    def _patiently(self, work: Callable[[Callable[[], None]], Out]) -> Out:
        """Do what takes seconds at a time in the pool: whoever wants it stopped need not wait."""
        stopped = Event()

        def unless_stopped() -> None:
            if stopped.is_set():
                raise CancelledError

        future = shared_pool().submit(work, unless_stopped)
        try:
            while True:
                try:
                    return future.result(timeout=OFTEN)
                except TimeoutError:
                    self.teller.tick(0)
        finally:
            stopped.set()


@dataclass(frozen=True, eq=False)
class Named:
    """Spots with the verdict on them and the phases they are.

    Attributes
    ----------
    verdict : Verdict
    phases : Phases
    rows : DataFrame
        The table of spots.
    """

    verdict: Verdict
    phases: Phases
    rows: pd.DataFrame

    @classmethod
    def of(
        cls, movie: Movie, settings: Settings, spots: DiffractionSpots, verdict: Verdict
    ) -> Named:
        """With what was matched."""
        return cls(verdict, *spot_table(movie, settings, spots, verdict))

    @classmethod
    def unclear(cls, movie: Movie, spots: DiffractionSpots, why: str) -> Named:
        """Without any name, and with no verdict but why."""
        return cls(unclear(why), Phases({}), spot_rows(movie, spots, unclear(why)))


def spot_table(
    movie: Movie, settings: Settings, spots: DiffractionSpots, verdict: Verdict | None = None
) -> tuple[Phases, pd.DataFrame]:
    """Phases, and the table of spots."""
    rows = spot_rows(movie, spots, verdict)
    if not len(rows):
        return Phases({}), rows
    phases: dict[int, Match] = {}
    for crystal in (CRYSTAL, LATE_CRYSTAL):
        mine = (rows.crystal == crystal).to_numpy()
        if mine.any():
            phases[crystal] = match(
                SpotSet(spots.d[mine], spots.d_se[mine], spots.angle[mine]),
                phases=settings.phases or None,
                elements=movie.conditions.elements,
                pixel_size_uncertainty=settings.pixel_size_uncertainty,
                temperature_C=movie.conditions.temperature_C,
                phase_before=phases[CRYSTAL].answer if CRYSTAL in phases else "",
            )
    return Phases(phases), Phases(phases).label(rows)


def spot_rows(movie: Movie, spots: DiffractionSpots, verdict: Verdict | None) -> pd.DataFrame:
    """The table of spots without phases; places are those of the pattern's centre."""
    count = len(spots)
    new = () if verdict is None else verdict.new_spots
    return pd.DataFrame(
        {
            "movie": movie.name,
            "region": FIELD,
            "spot": np.arange(count),
            "crystal": np.where(np.isin(np.arange(count), new), LATE_CRYSTAL, CRYSTAL),
            "y_px": spots.centre.y,
            "x_px": spots.centre.x,
            "gy_per_px": spots.gy,
            "gx_per_px": spots.gx,
            "d_A": spots.d,
            "d_se_A": spots.d_se,
            "angle_deg": spots.angle,
            "snr": spots.snr,
            **said_of_spots(movie, verdict),
        }
    ).reindex(columns=list(columns.SPOTS))


def _as_place(verdict: Verdict) -> RegionVerdict:
    """The whole pattern as the one place that it is."""
    summed = Summed(1, float(verdict.changed), verdict.onset, verdict.fitted)
    place = Place(0, CRYSTAL, "pattern", np.zeros(0, np.int64), 1.0, verdict)
    return RegionVerdict(verdict, (place,), summed=summed)


def _onset_row(movie: Movie, named: Named) -> dict[str, Any]:
    """The row of the field. Spacings of the verdict are in Å, and no pixel has a length here."""
    verdict, spots = named.verdict, named.rows
    more = {
        "d_before_A": verdict.d_before_px,
        "d_after_A": verdict.d_after_px,
        "d_before_px": None,
        "d_after_px": None,
        "n_windows": 0,
        "n_spots": len(spots),
        "n_crystals": spots.crystal.nunique(),
    }
    told = named.phases.before_and_after(verdict, spots)
    return onset_row(movie, None, verdict, more, summed=_as_place(verdict).summed) | told


def trace_table(
    movie: Movie, constant: float, tracker: SpotTracker, running_sum: int
) -> pd.DataFrame:
    """The table of traces, as far as frames were read."""
    frames, nothing = np.arange(len(movie)), np.full(len(movie), np.nan)
    traces = tracker.traces(running_sum)
    # Spacings choose themselves how many frames they are told from.
    found = spacings(tracker.traces(), tracker.spots, constant)
    parts = [
        pd.DataFrame(
            {
                "region": FIELD,
                "spot": spot,
                "frame": frames,
                "dose_e_per_A2": nothing if movie.dose is None else movie.dose,
                "time_s": nothing if movie.times is None else movie.times,
                "intensity": traces.intensity[:, spot],
                "intensity_se": traces.intensity_se[:, spot],
                "snr": traces.snr[:, spot],
                "d_A": found.d[:, spot],
                "d_se_A": found.d_se[:, spot],
            }
        )
        for spot in range(len(tracker.spots))
    ]
    return joined(parts, columns.TRACES)


def _field_trace(traces: DiffractionTraces, mean: Floats) -> FieldTrace:
    """All spots together; those that a frame does not show are taken to be as bright as usual."""
    known = np.isfinite(traces.intensity)
    value = np.where(known, traces.intensity, 0.0)
    usual = value.sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = usual.sum() / (known @ usual)
        power = np.where(known.any(axis=1), value.sum(axis=1) * scale, np.nan)
        variance = (np.where(known, traces.intensity_se, 0.0) ** 2).sum(axis=1)
        error = np.sqrt(variance) * np.where(known.any(axis=1), scale, np.nan)
    return FieldTrace(power, error, np.full(len(mean), np.nan), mean)


def _checked(movie: Movie, settings: Settings, regions: Sequence[Region]) -> float:
    """The camera constant, once nothing speaks against it."""
    if regions:
        raise BeamwatchError(
            "regions are parts of an image; diffraction patterns have none: leave them out"
        )
    if not isinstance(settings.drift, str):
        raise BeamwatchError(
            "a given drift is that of a specimen; diffraction patterns are read where they are: "
            "leave the drift at 'auto'"
        )
    if settings.added_spots or settings.removed_spots:
        raise BeamwatchError(
            "added and removed spots are frequencies of an image, not of diffraction patterns: "
            "leave them out"
        )
    check_record(movie, settings)
    if settings.camera_constant is None:
        raise BeamwatchError("diffraction patterns have spacings by a camera constant (Å·px) only")
    return settings.camera_constant


def _notes(spots: DiffractionSpots, constant: float) -> list[str]:
    centre = spots.centre
    hidden = 1 - float(centre.seen.mean())
    notes = [
        f"read as diffraction patterns: d is the camera constant, {constant:g} Å·px, over the "
        "distance from the centre; gy_per_px and gx_per_px are in cycles per Å, y_px and x_px "
        "those of the centre",
        f"centre of the pattern at ({centre.y:.2f}, {centre.x:.2f}) px from the top left, "
        f"± {centre.se:.2g} px",
    ]
    if hidden > 0:
        notes.append(f"{hidden:.2g} of the pattern is hidden by a beam stop or holds no numbers")
    if not len(spots):
        notes.append("no spot stands out of the patterns")
    return notes
