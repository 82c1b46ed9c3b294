"""The road of movies whose frames are diffraction patterns: the same tables, nothing transformed.

A spot at r pixels from the centre has the spacing d = C/r, C being the camera constant. Frequencies
in the tables are in cycles per Å: those of a picture with pixels of 1 Å.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.analysis.answers import with_thresholds
from napari_beamwatch.analysis.checks import check_record
from napari_beamwatch.analysis.patterns.naming import CRYSTAL, Named, named_spots
from napari_beamwatch.analysis.patterns.passes import DiffractionPasses, Found
from napari_beamwatch.analysis.patterns.rings import ring_table
from napari_beamwatch.analysis.patterns.tables import field_trace, trace_table
from napari_beamwatch.analysis.patterns.verdict import judge_pattern
from napari_beamwatch.analysis.progress import Progress
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.failures import Failures
from napari_beamwatch.damage.field.place import Place
from napari_beamwatch.damage.field.summed import Summed
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import Verdict, unclear
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.results.onsets import (
    event_rows,
    event_table,
    onset_row,
    onset_table,
    scale_column,
)
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.tables import course_table, drift_table, field_table
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.diffraction import grown_halo
from napari_beamwatch.spectra.tracking import WindowTraces


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
        field=field_table(movie, field_trace(traces, tracker.mean), (unknown, unknown)),
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
    return named_spots(movie, settings, run.find_spots())


def _as_place(verdict: Verdict) -> RegionVerdict:
    """The whole pattern as the one place that it is."""
    summed = Summed(1, float(verdict.changed), verdict.fitted)
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
