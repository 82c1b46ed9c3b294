"""From followed spots and particles to verdicts on regions and their crystals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.damage.failures import Failures
from napari_beamwatch.damage.judging import Verdict, judge, unclear
from napari_beamwatch.damage.mass import ShapeTrace, find_shape_changes
from napari_beamwatch.damage.pooling import (
    Judged,
    RegionVerdict,
    pooled,
    with_ring,
    with_shapes,
)
from napari_beamwatch.damage.scopes import Scope, SpotTrace, Witnesses
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import Particles
from napari_beamwatch.regions import Region
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.field import FieldTrace
from napari_beamwatch.spectra.following import FollowedReflection, Spots
from napari_beamwatch.spectra.region_traces import overlap_factors
from napari_beamwatch.threads import shared_pool

Floats = NDArray[np.float64]

BESIDE = 0.5
"""Part of its windows that a late crystal shares with one that may have turned into it."""


def judge_regions(
    movie: Movie,
    settings: Settings,
    parts: Sequence[tuple[Spots, Sequence[FollowedReflection]]],
    field: FieldTrace,
    diffuse: Diffuse,
    failures: Failures,
) -> list[RegionVerdict]:
    """Verdicts on regions, the field among them.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    parts : sequence of (Spots, followed reflections)
        Of each region.
    field : FieldTrace
    diffuse : Diffuse
    failures : Failures
        That cost the verdict on one crystal.
    """
    axis = DoseAxis.of(movie)
    scopes = [crystal_scopes(axis, spots, followed, movie) for spots, followed in parts]
    looks = sum(len(some) for some in scopes)
    jobs: list[tuple[Scope, Witnesses, int]] = []
    for some in scopes:
        for _, _, _, scope in some:
            others = tuple(alone for _, _, alone, other in some if other is not scope)
            jobs.append((scope, witnesses_of(field, others, diffuse), max(1, looks)))
    pool = shared_pool()
    futures = [pool.submit(judged_scope, *job, settings) for job in jobs]
    verdicts = [
        failures.tried(f"judging {scope.name}", unclear, future.result)
        for (scope, _, _), future in zip(jobs, futures, strict=True)
    ]
    told = []
    for some in scopes:
        mine = [
            Judged(crystal, name if len(some) > 1 else "", verdicts.pop(0))
            for crystal, name, _, _ in some
        ]
        told.append(RegionVerdict(pooled(mine)[0], tuple(mine)))
    return told


def judge_rings(
    movie: Movie, settings: Settings, diffuse: Diffuse, told: RegionVerdict
) -> RegionVerdict:
    """The verdict on the field, with the powder ring that came first."""
    axis = DoseAxis.of(movie)
    came, ring = diffuse.came(axis.start, axis.end)
    if ring is None or "new_phase" not in settings.criteria:
        return told
    d_px = ring.d_px()[0]
    name = f"{d_px:.3g} px" if movie.pixel_size is None else f"{d_px * movie.pixel_size:.3g} Å"
    return replace(told, verdict=with_ring(told.verdict, came, name))


def judge_particles(
    movie: Movie,
    settings: Settings,
    particles: Particles,
    regions: Sequence[Region | None],
    told: Sequence[RegionVerdict],
) -> list[RegionVerdict]:
    """Verdicts on regions, with what the particles say whose middles lie in them at first.

    Parameters
    ----------
    movie : Movie
    settings : Settings
    particles : Particles
    regions : sequence of Region or None
        None is the field.
    told : sequence of RegionVerdict
        What their lattices say.
    """
    axis = DoseAxis.of(movie)
    last = float(axis.end[np.flatnonzero(axis.lit)[-1]])
    changes = find_shape_changes(shape_traces(particles, axis), settings.false_alarm)
    first = particles.table.drop_duplicates("particle").set_index("particle")
    middle = first[["y_px", "x_px"]].round().astype(np.int64)
    judged = []
    for region, verdict in zip(regions, told, strict=True):
        mine = [
            one
            for one in changes
            if region is None or bool(region.holds(middle.loc[[one.particle]].to_numpy(), 0)[0])
        ]
        changed = with_shapes(verdict, mine, last)
        frame = axis.frame_after(changed.verdict.onset.value)
        judged.append(replace(changed, verdict=replace(changed.verdict, onset_frame=frame)))
    return judged


def shape_traces(particles: Particles, axis: DoseAxis) -> list[ShapeTrace]:
    """Shapes of the particles of a movie over its doses, or frames if it has none."""
    traces = []
    for number, rows in particles.table.groupby("particle"):
        values = {name: rows[name].to_numpy() for name in rows.columns}
        traces.append(
            ShapeTrace(
                int(str(number)),
                axis.start[values["frame_first"]],
                axis.end[values["frame_last"]],
                *(
                    np.stack([values[name], values[error]], axis=1).astype(float)
                    for name, error in (
                        ("area_px", "area_se_px"),
                        ("roundness", "roundness_se"),
                        ("void_area_px", "void_area_se_px"),
                    )
                ),
            )
        )
    return traces


def judged_scope(scope: Scope, witnesses: Witnesses, looks: int, settings: Settings) -> Verdict:
    """The verdict on one of so many scopes."""
    return judge(
        scope,
        witnesses,
        false_alarm=settings.false_alarm,
        looks=looks,
        criteria=settings.criteria,
        d_tolerance=settings.d_tolerance,
    )


def witnesses_of(field: FieldTrace, others: tuple[Scope, ...], diffuse: Diffuse) -> Witnesses:
    """What was seen beside a crystal."""
    change, error = diffuse.focus_of_frames(len(field.mean))
    known = bool(np.isfinite(change).any())
    return Witnesses(
        mean_counts=field.mean,
        defocus_nm=change if known else None,
        defocus_se_nm=error if known else None,
        lattice_power=field.lattice_power,
        lattice_power_se=field.lattice_power_se,
        others=others,
    )


def crystal_scopes(
    axis: DoseAxis, spots: Spots, followed: Sequence[FollowedReflection], movie: Movie
) -> list[tuple[int, str, Scope, Scope]]:
    """Number, name and scopes of each crystal: alone, and with what came in its place."""
    traces = [_spot_trace(spots, one) for one in followed]
    numbers = sorted({trace.crystal for trace in traces})
    windows, first = {}, {}
    for number in numbers:
        mine = np.concatenate(
            [one.spots for one, t in zip(followed, traces, strict=True) if t.crystal == number]
        )
        windows[number] = set(spots.peaks.window[mine].tolist())
        first[number] = int(np.flatnonzero(spots.peaks.seen[mine].any(axis=0))[0])
    found = []
    for number in numbers:
        late = {
            other
            for other in numbers
            if first[other] > first[number]
            and len(windows[other] & windows[number]) >= BESIDE * len(windows[other])
        }
        alone = [trace for trace in traces if trace.crystal == number]
        both = alone + [trace for trace in traces if trace.crystal in late]
        name = f"crystal {number} ({_spacings(alone, movie)})"
        found.append((number, name, axis.scope(name, alone), axis.scope(name, both)))
    return found


def _spacings(traces: Sequence[SpotTrace], movie: Movie) -> str:
    size, unit = (movie.pixel_size, "Å") if movie.pixel_size is not None else (1.0, "px")
    strongest = sorted(traces, key=lambda trace: -float(np.nansum(trace.snr)))[:3]
    return ", ".join(f"{size / trace.g:.3g}" for trace in strongest) + f" {unit}"


def _spot_trace(spots: Spots, followed: FollowedReflection) -> SpotTrace:
    trace, mine = followed.trace, followed.spots
    gy, gx, _ = followed.mean_frequency(spots)
    in_phase, own = overlap_factors(spots.grid, spots.peaks.window[mine])
    g = np.hypot(trace.gy, trace.gx)
    return SpotTrace(
        spot=followed.number,
        crystal=int(spots.reflections.crystal[followed.number]),
        gy=gy,
        gx=gx,
        snr=trace.mean_snr,
        windows=trace.windows,
        in_phase=in_phase,
        own=own,
        d_px=1 / g,
        d_se_px=trace.g_se / g**2,
        averaged=trace.averaged,
    )
