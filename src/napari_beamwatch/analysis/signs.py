"""What rings and particles add to the verdicts on the field and regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.analysis.dose_axis import DoseAxis
from napari_beamwatch.damage.budget import rate
from napari_beamwatch.damage.field.signs import with_ring, with_shapes
from napari_beamwatch.damage.field.whole import RegionVerdict
from napari_beamwatch.damage.verdict.mass import ShapeTrace, find_shape_changes
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles import Particles
from napari_beamwatch.regions import Region
from napari_beamwatch.settings import Settings


def judge_rings(
    movie: Movie, settings: Settings, diffuse: Diffuse, told: RegionVerdict
) -> RegionVerdict:
    """The verdict on the field, with the powder ring that came first."""
    axis = DoseAxis.of(movie)
    came, ring = diffuse.came(axis.start, axis.end, rate(settings.false_alarm, "rings"))
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
    changes = find_shape_changes(
        shape_traces(particles, axis, movie), rate(settings.false_alarm, "particles")
    )
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
        if changed.verdict.onset is not verdict.verdict.onset:
            exposure = 1.0 if region is None or not axis.known else movie.exposure(region.box)
            frame = axis.frame_after(changed.verdict.onset.value / exposure)
            changed = replace(changed, verdict=replace(changed.verdict, onset_frame=frame))
        judged.append(changed)
    return judged


def shape_traces(particles: Particles, axis: DoseAxis, movie: Movie) -> list[ShapeTrace]:
    """Shapes of the particles of a movie over their doses, or frames if it has none."""
    traces = []
    for number, rows in particles.table.groupby("particle"):
        values = {name: rows[name].to_numpy() for name in rows.columns}
        exposure = 1.0
        if axis.known:
            exposure = _exposure(movie, *rows[["y_px", "x_px", "area_px"]].iloc[0])
        traces.append(
            ShapeTrace(
                int(str(number)),
                exposure * axis.start[values["frame_first"]],
                exposure * axis.end[values["frame_last"]],
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


def _exposure(movie: Movie, y: float, x: float, area: float) -> float:
    """Dose of a particle over that of the field."""
    height, width = movie.shape[1:]
    row, column = int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))
    half = int(np.sqrt(max(area, 1.0)) / 2)
    return movie.exposure(
        (max(0, row - half), max(0, column - half), row + half + 1, column + half + 1)
    )
