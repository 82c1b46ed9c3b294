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
from napari_beamwatch.analysis.pattern_rings import ring_rows, ring_table
from napari_beamwatch.analysis.pattern_verdict import judge_pattern
from napari_beamwatch.analysis.progress import OFTEN, Progress, Teller
from napari_beamwatch.damage.budget import rate
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
    CentreDrift,
    CoarsePattern,
    DiffractionSpots,
    DiffractionTraces,
    FrameReading,
    Geometry,
    PatternRings,
    RingTracker,
    SegmentPattern,
    SpotReader,
    SpotTracker,
    centre_drift,
    find_pattern_rings,
    find_spots,
    grown_halo,
    spacings,
    stretches,
)
from napari_beamwatch.spectra.drift import Drift
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

POWDER, LATE_POWDER = 2, 3
"""Of rings: they may be of another phase than the spots."""

PASSES = 2
"""Without that for the drift of the centre."""


def analyze_diffraction(
    movie: Movie,
    settings: Settings,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> Result:
    """Find the spots and rings of a diffraction movie and follow them through its frames.

    Parameters as those of `analyze`; `settings.camera_constant` is given.

    Returns
    -------
    Result
        Its tables of windows, places and phases are empty: patterns have no windows.
    """
    constant = _checked(movie, settings, regions)
    run = DiffractionPasses(movie, settings, constant, progress, client)
    found = run.find()
    tracker, powder = run.follow(found)
    traces = tracker.traces(settings.running_sum)
    run.teller.begin("judging")
    notes: list[str] = []
    failures = Failures(notes)
    halo = failures.tried(
        "looking for a halo", lambda _: None,
        grown_halo, powder, rate(settings.false_alarm, "rings"),
    )  # fmt: skip
    verdict = failures.tried(
        "judging the pattern", unclear,
        judge_pattern, movie, settings, tracker, powder, halo, CRYSTAL, constant,
    )  # fmt: skip
    named = failures.tried(
        "naming phases", lambda why: Named.unclear(movie, found, constant, why),
        Named.of, movie, settings, found, constant, verdict,
    )  # fmt: skip
    verdict = named.verdict or verdict
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
        spots=named.spots,
        traces=trace_table(movie, constant, tracker, settings.running_sum),
        events=event_table(event_rows(FIELD, verdict, movie.dose is not None)),
        places=pd.DataFrame(columns=list(columns.PLACES)),
        courses=course_table(movie, FIELD, _as_place(verdict)),
        phases=pd.DataFrame(columns=list(columns.PHASES)),
        phase_area=pd.DataFrame(columns=list(columns.PHASE_AREA)),
        field=field_table(movie, _field_trace(traces, tracker.mean), (unknown, unknown)),
        rings=ring_table(movie, found.rings, powder.traces(), halo, constant, named.of_rings),
        drift=drift_table(run.moved(), frames),
        particles=None,
        window_traces=WindowTraces(*(np.empty((frames, 0), np.float32) for _ in range(5))),
        notes=(),
        timings=run.teller.timings,
    )
    result = failures.tried("applying thresholds", lambda _: result, with_thresholds, result)
    result = replace(result, notes=(*movie.notes, *_notes(found, constant), *run.notes(), *notes))
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
    return Named.of(movie, settings, run.find(), constant).spots


@dataclass(frozen=True, eq=False)
class Found:
    """What the patterns of a movie show."""

    spots: DiffractionSpots
    rings: PatternRings


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
        passes = PASSES + (settings.drift == "auto")
        self.teller = Teller(progress, passes * int(movie.lit.sum()), "reading")
        tick = self.teller.tick
        runner: Runner = Threads() if client is None else Cluster(client, tick, self.teller.say)
        self.runner: Runner = Watched(runner, movie.recording.files.certify)
        self.drift = CentreDrift.none(len(movie))

    def _follow_centre(self) -> None:
        """How the centre moves."""
        lit = np.asarray(self.movie.lit)
        if self.settings.drift != "auto" or not lit.any():
            return
        self.teller.begin("following the centre")
        work, edges = CoarsePattern.of(self.movie.recording.frames, lit), stretches(lit)
        sums = list(self.runner.segments(work, edges, self.teller.tick))
        shape = self.movie.shape
        if any(one is not None for one in sums):
            self.drift = self._patiently(lambda _: centre_drift(sums, edges, shape, work.by))

    def find(self) -> Found:
        """Spots and rings of the patterns of all segments."""
        self._follow_centre()
        self.teller.begin("adding up patterns")
        lit, drift = np.asarray(self.movie.lit), self.drift
        work = SegmentPattern(self.movie.recording.frames, lit, drift.shifts, drift.hidden)
        sums = list(self.runner.segments(work, segment_edges(lit), self.teller.tick))
        patterns = [pattern for pattern in sums if pattern is not None]
        if not patterns:
            raise BeamwatchError(f"{self.movie.name} is dark: no frame holds a diffraction pattern")
        self.teller.begin("finding spots")
        alpha, constant = self.settings.alpha, self.constant

        def found(tick: Callable[[], None]) -> Found:
            spots = find_spots(patterns, constant, alpha, tick=tick)
            centre = spots.centre
            left_out = ~centre.seen | SpotReader.of(spots).near  # where the pattern lies on average
            first = Geometry(centre.y, centre.x)
            return Found(
                spots,
                find_pattern_rings(patterns, first, left_out, spots.spread, alpha, tick),
            )

        return self._patiently(found)

    def moved(self) -> Drift | None:
        """How far the centre lies from where it was at first, if it moved."""
        if not self.drift.moved:
            return None
        first = int(np.flatnonzero(self.movie.lit)[0])
        dy, dx = self.drift.dy, self.drift.dx
        return Drift(dy - dy[first], dx - dx[first], self.drift.se)

    def notes(self) -> list[str]:
        """What was done about a centre that moved."""
        moved = self.moved()
        if moved is None:
            return []
        away = np.hypot(moved.dy_px, moved.dx_px)
        return [f"the centre moved by up to {away.max():.1f} px; patterns are read where it lies"]

    def follow(self, found: Found) -> tuple[SpotTracker, RingTracker]:
        """The spots and the rings in every frame."""
        self.teller.begin("following spots")
        tracker = SpotTracker(found.spots, len(self.movie), self.drift.hidden)
        powder = RingTracker(found.rings, len(self.movie))
        radial = found.rings.reader(self.drift.hidden)

        def so_far() -> pd.DataFrame:
            return trace_table(self.movie, self.constant, tracker, self.settings.running_sum)

        shifts = self.drift.shifts
        work = FrameReading(self.movie.recording.frames, tracker.reader, radial, shifts)
        for frame, read in self.runner.frames(work, np.flatnonzero(self.movie.lit).tolist()):
            tracker.keep(frame, read.spots)
            powder.keep(frame, read.radial, read.spots.total)
            self.teller.tick(1, so_far)
        return tracker, powder

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
        phases = matched(movie, settings, bare.rows)
        return replace(bare, phases=phases, rows=phases.label(bare.rows))

    @classmethod
    def unclear(cls, movie: Movie, found: Found, constant: float, why: str) -> Named:
        """Without any name, and with no verdict but why."""
        return cls._bare(movie, found, constant, unclear(why))

    @classmethod
    def _bare(cls, movie: Movie, found: Found, constant: float, verdict: Verdict | None) -> Named:
        count = len(found.spots)
        rings = ring_rows(movie, found.rings, constant, count, (POWDER, LATE_POWDER), verdict)
        rows = joined([spot_rows(movie, found.spots, verdict), rings], columns.SPOTS)
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


def matched(movie: Movie, settings: Settings, rows: pd.DataFrame) -> Phases:
    """Phases of spots and rings, those that were there at first and those that came apart."""
    phases: dict[int, Match] = {}
    before = ""
    for crystal in (CRYSTAL, POWDER, LATE_CRYSTAL, LATE_POWDER):
        mine = rows[rows.crystal == crystal]
        if not len(mine):
            continue
        ring = np.full(len(mine), crystal in (POWDER, LATE_POWDER))
        d, d_se, angle = (mine[name].to_numpy(float) for name in ("d_A", "d_se_A", "angle_deg"))
        phases[crystal] = match(
            SpotSet(d, d_se, angle, ring),
            phases=settings.phases or None,
            elements=movie.conditions.elements,
            pixel_size_uncertainty=settings.pixel_size_uncertainty,
            temperature_C=movie.conditions.temperature_C,
            phase_before=before,
        )
        before = before or phases[crystal].answer
    return Phases(phases)


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
    verdict, spots = named.verdict, named.spots
    assert verdict is not None
    more = {
        "d_before_A": verdict.d_before_px,
        "d_after_A": verdict.d_after_px,
        "d_before_px": None,
        "d_after_px": None,
        "n_windows": 0,
        "n_spots": len(spots),
        "n_crystals": spots.crystal.nunique(),
    }
    told = named.phases.before_and_after(verdict, named.rows)
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


def _notes(found: Found, constant: float) -> list[str]:
    centre, rings = found.spots.centre, found.rings
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
    if len(rings):
        shape = rings.geometry
        notes.append(
            f"{len(rings)} powder rings about ({shape.y:.2f}, {shape.x:.2f}) px, ellipses of "
            f"{shape.ratio:.4f} with their longest diameter at {shape.angle:.0f}°: spacings are "
            "those of mean radii"
        )
    if not len(found.spots) and not len(rings):
        notes.append("no spot stands out of the patterns")
    return notes
