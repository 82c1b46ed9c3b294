"""`analyze`: the one road from a movie to spots and traces."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from napari_beamwatch import columns
from napari_beamwatch.analysis.answers import Answer, Part, with_thresholds
from napari_beamwatch.analysis.checks import check_record
from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.analysis.effort import Effort
from napari_beamwatch.analysis.light import Light, uneven
from napari_beamwatch.analysis.passes import Passes
from napari_beamwatch.analysis.patterns.road import analyze_diffraction, find_diffraction_spots
from napari_beamwatch.analysis.phase_areas import phase_areas, with_rings
from napari_beamwatch.analysis.pieces import pieces_of
from napari_beamwatch.analysis.places import all_of_it, judge_places, witnesses_of
from napari_beamwatch.analysis.progress import Progress
from napari_beamwatch.analysis.signs import judge_particles, judge_rings
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.failures import WARNING, Failures
from napari_beamwatch.damage.field.by_window import WindowVerdicts
from napari_beamwatch.damage.field.place import grains_that_changed
from napari_beamwatch.damage.field.rocking import GRAINS
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.judging import unclear
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.knobs import parsed_length
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases.reflections import widest
from napari_beamwatch.phases.structures import resolve
from napari_beamwatch.regions import FIELD, Region
from napari_beamwatch.results.onsets import event_table, onset_table, scale_column
from napari_beamwatch.results.result import Result
from napari_beamwatch.results.tables import (
    drift_table,
    field_table,
    joined,
    window_spots,
    window_table,
)
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.field import FieldTrace, field_trace
from napari_beamwatch.spectra.imaging import check_images
from napari_beamwatch.spectra.rings import Ring
from napari_beamwatch.spectra.superposed import parted
from napari_beamwatch.spectra.windows import USUAL_CONTRAST, Grid, Resolution, default_grid
from napari_beamwatch.threads import one_blas_thread


def analyze(
    movie: Movie,
    settings: Settings | None = None,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> Result:
    """Find the lattice spots of a movie and follow them through its frames.

    Parameters
    ----------
    movie : Movie
    settings : Settings, optional
    regions : sequence of Region
        Reported beside the whole field.
    progress : callable, optional
        Called with a `Step` after every frame of every pass and in between; what it raises
        stops the analysis.
    client : dask.distributed.Client, optional
        Whose workers do the work; they read the movie's file themselves.

    Returns
    -------
    Result
    """
    settings = settings or Settings()
    if settings.camera_constant is not None:
        return analyze_diffraction(movie, settings, regions, progress, client)
    grid = _checked(movie, settings, regions)
    effort = Effort.of(movie, settings, grid, len(regions))
    effort.check()
    run = Passes(movie, settings, grid, progress, client)
    run.notes += effort.notes()
    stack, drift = run.stack()
    spots = run.find(stack, grid)
    grid = spots.grid
    replace(effort, spots=len(spots.peaks)).check()
    followed, particles, diffuse = run.follow(spots, stack)
    shown = followed.region(None)
    followed = parted(followed, shown)
    parts = [Part(None, followed, shown)]
    for region in regions:
        if spots.owned(region).any():
            parts.append(Part(region, followed, followed.region(region)))
        else:
            own = run.own_window(region, stack)
            shown = own.region(region)
            parts.append(Part(region, parted(own, shown), shown))
    run.teller.begin("judging")
    trace, failures = field_trace(followed), run.failures
    with one_blas_thread():
        verdicts, windows = failures.tried(
            "judging places", lambda why: _unjudged(parts, why),
            _judged, movie, settings, parts, trace, diffuse, drift, failures,
        )  # fmt: skip
    if particles is not None:
        wanted = [part.region for part in parts]
        verdicts = failures.tried(
            "judging particles", lambda why: [one.unclear(why) for one in verdicts],
            judge_particles, movie, settings, particles, wanted, verdicts,
        )  # fmt: skip
    came = failures.tried(
        "telling which rings came", lambda _: [], _rings_that_came, movie, settings, diffuse
    )
    answers = []
    for part, told in zip(parts, verdicts, strict=True):
        bare = Answer.of(movie, part, told)
        rings = came if part.region is None else []
        answers.append(
            failures.tried(
                f"naming phases of {part.name}", bare.unclear, bare.named, settings, rings
            )
        )
    rows = [
        failures.tried(f"summing up {one.part.name}", one.unclear_rows, one.rows) for one in answers
    ]
    spots = followed.spots
    if in_rings := answers[0].phases.in_rings:
        run.notes.append(f"areas of phases: {in_rings} is seen in rings, which tell none")
    of_windows = window_table(movie, spots, windows)
    scale = scale_column(movie, settings)
    result = Result(
        movie=movie,
        settings=replace(settings, window=grid.window, step=grid.step),
        regions=tuple(regions),
        onsets=onset_table([one.onset | scale for one in rows]),
        windows=failures.tried(
            "naming phases of windows", lambda _: of_windows,
            answers[0].phases.of_windows, of_windows, windows,
        ),
        spots=joined(
            [*(one.spots for one in answers), window_spots(movie, spots, windows)], columns.SPOTS
        ),
        traces=joined([one.traces for one in answers], columns.TRACES),
        events=event_table([event for one in rows for event in one.events]),
        places=failures.tried(
            "telling of places", lambda _: pd.DataFrame(columns=list(columns.PLACES)),
            answers[0].places,
        ),
        courses=joined([one.courses for one in rows], columns.COURSES),
        phases=joined([one.since for one in answers], columns.PHASES),
        phase_area=with_rings(failures.tried(
            "measuring areas of phases", lambda _: pd.DataFrame(columns=list(columns.PHASE_AREA)),
            phase_areas, movie, settings, followed, drift, answers[0].spots, windows.place,
        ), in_rings),
        field=field_table(movie, trace, diffuse.focus_of_frames(len(movie))),
        rings=diffuse.table(movie),
        drift=drift_table(drift, len(movie)),
        particles=particles,
        window_traces=followed.traces,
        notes=(),
        timings=run.teller.timings,
    )  # fmt: skip
    result = failures.tried("applying thresholds", lambda _: result, with_thresholds, result)
    result = replace(result, notes=(*movie.notes, grid_note(grid, movie), *run.notes))
    run.teller.finish(result.notes)
    return result


def _judged(
    movie: Movie,
    settings: Settings,
    parts: Sequence[Part],
    trace: FieldTrace,
    diffuse: Diffuse,
    drift: Drift | None,
    failures: Failures,
) -> tuple[list[RegionVerdict], WindowVerdicts]:
    """What lattice and rings say of the field and the regions, and the map."""
    axis, field = DoseAxis.of(movie), parts[0].followed
    witnesses = witnesses_of(diffuse, axis, settings, drift, field.signal.noise)
    pieces = pieces_of(movie, field, trace)
    if axis.known and movie.given.beam_profile is None:
        said = failures.tried(
            "looking at the beam", lambda _: "", uneven, field, pieces.cells.window,
            pieces.of.onset,
        )  # fmt: skip
        failures.notes += [WARNING + said] if said else []
    cut = [pieces.within(part.followed, part.region, movie, trace) for part in parts]
    looks = sum(len(some) for some in cut)
    verdicts = []
    for part, some in zip(parts, cut, strict=True):
        seen, shown = part.followed, part.reflections
        told = judge_places(movie, settings, seen, shown, some, looks, trace, witnesses, failures)
        whole, exposure = None, 1.0 if part.region is None else movie.exposure(part.region.box)
        if grains_that_changed(told) >= GRAINS:
            whole = all_of_it(movie, settings, seen, shown, told, trace, exposure)
        verdicts.append(RegionVerdict.of(told, axis.start, axis.end, whole, exposure, axis.lit))
    windows = WindowVerdicts.of(
        verdicts[0].places, pieces.bearing(len(field.spots.grid)),
        field.spots.reflections.crystal, axis.end, axis.lit,
        Light.of(movie, field.spots).windows,
    )  # fmt: skip
    verdicts[0] = failures.tried(
        "judging rings", verdicts[0].unclear, judge_rings, movie, settings, diffuse, verdicts[0]
    )
    return verdicts, windows


def _unjudged(parts: Sequence[Part], why: str) -> tuple[list[RegionVerdict], WindowVerdicts]:
    windows = len(parts[0].followed.spots.grid)
    return [RegionVerdict(unclear(why)) for _ in parts], WindowVerdicts.unclear(windows)


def _rings_that_came(movie: Movie, settings: Settings, diffuse: Diffuse) -> list[Ring]:
    axis, share = DoseAxis.of(movie), rate(settings.false_alarm, "rings")
    return [ring for _, ring in diffuse.coming(axis.start, axis.end, share)]


def find_spots(
    movie: Movie,
    settings: Settings | None = None,
    regions: Sequence[Region] = (),
    progress: Progress | None = None,
    client: Any = None,
) -> pd.DataFrame:
    """Find the lattice spots of a movie, without following them; one frame will do.

    Parameters as those of `analyze`.

    Returns
    -------
    DataFrame
        The table of spots of the windows, its columns as documented in `columns`; with regions,
        of their windows only.
    """
    settings = settings or Settings()
    if settings.camera_constant is not None:
        return find_diffraction_spots(movie, settings, regions, progress, client)
    grid = _checked(movie, settings, regions)
    replace(Effort.of(movie, settings, grid, 0), frames=0).check()  # nothing is followed
    run = Passes(movie, settings, grid, progress, client)
    stack, _ = run.stack()
    spots = run.find(stack, grid)
    table = window_spots(movie, spots)
    if not regions:
        return table
    owned = np.any([spots.owned(region) for region in regions], axis=0)
    return table[owned].reset_index(drop=True)


def _checked(movie: Movie, settings: Settings, regions: Sequence[Region]) -> Grid:
    """The grid of windows, once nothing speaks against it."""
    check_images(movie)
    height, width = movie.shape[1:]
    for region in regions:
        region.check_inside(height, width)
    names = [region.name for region in regions]
    if len({FIELD, *names}) <= len(names):
        raise BeamwatchError(f"regions need names of their own, none of them {FIELD!r}")
    check_record(movie, settings)
    grid = chosen_grid(movie, settings)
    for region in regions:
        if not region.holds(grid.corners, grid.window).any():
            region.check_size()
    return grid


def said_before(movie: Movie, settings: Settings, regions: Sequence[Region] = ()) -> list[str]:
    """What is to be known before an analysis is begun, a sentence each: that it takes long."""
    if settings.camera_constant is not None:
        return []
    return Effort.of(movie, settings, chosen_grid(movie, settings), len(regions)).notes()


def chosen_grid(movie: Movie, settings: Settings) -> Grid:
    """The windows that the settings ask for."""
    window, step = (in_pixels(length, movie) for length in (settings.window, settings.step))
    return default_grid(movie, window, step, settings.taper, _widest(settings.phases))


def _widest(phases: tuple[str, ...]) -> float | None:
    """Widest spacing in Å of the phases that the user expects; None if nothing is expected."""
    if not phases:
        return None
    # What is wrong with them is said where spots are named.
    with suppress(BeamwatchError):
        return max(map(widest, resolve(phases)))
    return None


def in_pixels(length: int | str | None, movie: Movie) -> int | None:
    """A window or step that may be given as a length ("3.2 nm", "40 Å"), in pixels."""
    if length is None:
        return None
    value, unit = parsed_length("the length", length)
    if unit == "px":
        return round(value)
    if movie.pixel_size is None:
        raise BeamwatchError(f"{length!r} needs a pixel size; give the window in pixels")
    return 2 * round(value * {"nm": 10.0, "Å": 1.0}[unit] / movie.pixel_size / 2)


def grid_note(grid: Grid, movie: Movie) -> str:
    """What the windows resolve, in a sentence."""
    rows, cols = grid.shape
    known = Resolution.of(grid, movie)
    said = f"windows of {grid.window} px every {grid.step} px, {rows} by {cols} of them"
    if known.extent_nm is not None and known.spacing is not None:
        said += f": {known.extent_nm:.3g} nm wide, two spacings near 2 Å are told apart "
        said += f"from {known.spacing:.1%} on"
    if known.frames is not None and known.dose is not None:
        said += f"; one window shows a fringe of {USUAL_CONTRAST:.0%} contrast in "
        said += f"{known.dose:.3g} e/Å² ({known.frames} frame{'s' if known.frames > 1 else ''})"
    return said
