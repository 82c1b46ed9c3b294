"""The table of areas: how much of the field each phase has over the dose, and what is not there.

Areas are those of the squares in the middle of windows, as the map has them. Rings tell none: one
ring names no phase, and its power, measured over the whole field, does not say how much of it makes
the ring: few grains that face the beam give what many do that are turned away.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_beamwatch import columns
from napari_beamwatch.analysis.named_lattices import UNNAMED, Named, joined
from napari_beamwatch.analysis.naming import GONE
from napari_beamwatch.damage.course.estimate import ONE_SIDED
from napari_beamwatch.damage.field.areas import Areas, Lattices, areas_of
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases.origin import products
from napari_beamwatch.phases.reflections import scattering_power
from napari_beamwatch.phases.structures import candidates, known_phases, phase
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.finding import threshold
from napari_beamwatch.spectra.following import FollowedSpots
from napari_beamwatch.spectra.overlaps import overlap_factors
from napari_beamwatch.spectra.stack import window_shifts
from napari_beamwatch.spectra.windows import Grid, windows_inside

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRETCHES = 12
"""Of the dose, about."""

MISFIT = 0.15
"""Standard error of an area of half the field that one window sees, beside that of counting: what
borders and film make. Measured, see docs/phases.md."""

SMALL = 0.03
"""Of an area next to nothing or next to all, in place of area times rest."""

OFF_CENTRE = 0.85
"""Part of a small piece's amplitude that is left where it lies between windows, at the least."""

PIECE = 4.0
"""Weight of a window's middle over its mean, of a Hann taper along both axes: a small piece there
has as many times the amplitude of its area."""


def phase_areas(
    movie: Movie,
    settings: Settings,
    followed: FollowedSpots,
    drift: Drift | None,
    rows: pd.DataFrame,
    place: Ints,
) -> pd.DataFrame:
    """The area of each phase of the field, stretch by stretch.

    Parameters
    ----------
    movie : Movie
    settings : Settings
        As asked for: the phases that are looked for are among them.
    followed : FollowedSpots
    drift : Drift, optional
    rows : DataFrame
        The field's, of the table of spots.
    place : array of int64 (windows,)
        Of each window, −1 of none.

    Returns
    -------
    DataFrame
        Columns as in `columns.PHASE_AREA`; none without spots.
    """
    spots = followed.spots
    if not len(spots.peaks) or movie.pixel_size is None:
        return pd.DataFrame(columns=list(columns.PHASE_AREA))
    cut = _stretches(movie)
    named = Named.of(followed, rows, movie.conditions.temperature_C)
    lattices = _lattices(movie, settings, followed, drift, named, place, cut)
    areas = areas_of(lattices)
    weight = areas.full * lattices.found.sum(axis=1)
    names = joined(named.phase, weight)
    size = _windows_worth(spots.grid)
    parts = [
        _rows(movie, name, cut, areas, np.array([one == name for one in names]), size)
        for name in dict.fromkeys(np.array(names)[np.argsort(-weight, kind="stable")].tolist())
    ]
    rest = _rows(movie, GONE, cut, areas, np.ones(len(names), bool), size)
    rest["area_percent"] = 100 - rest["area_percent"]
    rest["area_limit_percent"] = _limit(rest["area_percent"], rest["area_se_percent"])
    seen = {each for name in names for each in name.split("|")}
    unseen = _not_seen(movie, settings, lattices, areas, names, seen, spots.grid)
    return pd.concat([*parts, rest, *unseen], ignore_index=True).reindex(
        columns=list(columns.PHASE_AREA)
    )


def with_rings(table: pd.DataFrame, phases: str) -> pd.DataFrame:
    """The table without limits of phases that rings show: they are there, nobody knows how much.

    Parameters
    ----------
    table : DataFrame
        Columns as in `columns.PHASE_AREA`.
    phases : str
        What the rings may be of, joined by ``|``; empty if they name none.
    """
    if not phases or not len(table):
        return table
    spoken_of = table["area_percent"].notna()
    mine = set(phases.split("|"))
    rest = table[spoken_of | ~table["phase"].isin(mine)]
    if {name for names in rest["phase"] for name in names.split("|")} & mine:
        return rest.reset_index(drop=True)  # there are spots of it, too
    row = {"phase": phases}
    for name in ("frame_first", "dose_start_e_per_A2"):
        row[name] = table[name].iloc[0]
    for name in ("frame_last", "dose_end_e_per_A2"):
        row[name] = table.loc[spoken_of, name].iloc[-1]
    return pd.concat([rest, pd.DataFrame([row])], ignore_index=True).reindex(
        columns=list(columns.PHASE_AREA)
    )


def _stretches(movie: Movie) -> list[tuple[int, int]]:
    """First frames of stretches with beam, and those after their last."""
    lit = np.flatnonzero(movie.lit)
    cuts = np.unique(np.linspace(0, len(lit), STRETCHES + 1).round().astype(int))
    return [(int(lit[a]), int(lit[b - 1]) + 1) for a, b in pairwise(cuts.tolist())]


def _lattices(
    movie: Movie,
    settings: Settings,
    followed: FollowedSpots,
    drift: Drift | None,
    named: Named,
    place: Ints,
    cut: list[tuple[int, int]],
) -> Lattices:
    spots, traces = followed.spots, followed.traces
    grid, window = spots.grid, spots.peaks.window
    shape = (len(named.phase), len(grid))
    power, variance = (np.zeros((*shape, len(cut))) for _ in range(2))
    found, snr = np.zeros(shape, bool), np.zeros(shape)
    seen = _on_detector(movie, grid, drift, cut)
    at = (named.of_spot, window)
    found[at] = True
    np.maximum.at(snr, at, spots.peaks.snr)
    for j, (first, last) in enumerate(cut):
        known = np.isfinite(traces.intensity[first:last])
        count = known.sum(axis=0)
        sums = (
            np.where(known, values[first:last], 0.0).sum(axis=0, dtype=np.float64)
            for values in (traces.intensity, traces.intensity_se**2)
        )
        mean, spread = next(sums) / np.maximum(count, 1), next(sums) / np.maximum(count, 1) ** 2
        np.add.at(power[:, :, j], at, mean)
        np.add.at(variance[:, :, j], at, spread)
        there = np.zeros(len(grid), bool)
        there[window[count > 0]] = True
        seen[:, j] = np.where(found.any(axis=0), there, seen[:, j])
    return Lattices(
        power, np.sqrt(variance), found, snr, seen, place,
        overlap_factors(grid, np.arange(len(grid)))[0],
        threshold(grid, len(spots.segments), settings.alpha),
    )  # fmt: skip


def _on_detector(
    movie: Movie, grid: Grid, drift: Drift | None, cut: list[tuple[int, int]]
) -> NDArray[np.bool_]:
    """Windows that were on the detector for most of a stretch."""
    if drift is None:
        return np.ones((len(grid), len(cut)), bool)
    moved = np.nan_to_num(np.column_stack([drift.dy_px, drift.dx_px]))
    shifts = window_shifts(moved, grid.window).tolist()
    inside = np.stack([windows_inside(grid, (dy, dx)) for dy, dx in shifts], axis=1)
    return np.stack([inside[:, a:b].mean(axis=1) > 0.5 for a, b in cut], axis=1)


def _windows_worth(grid: Grid) -> float:
    """How many windows fit side by side into the squares in the middles of all."""
    return max(1.0, len(grid) * (grid.step / grid.window) ** 2)


def _rows(
    movie: Movie,
    name: str,
    cut: list[tuple[int, int]],
    areas: Areas,
    mine: NDArray[np.bool_],
    size: float,
) -> pd.DataFrame:
    """Rows of one phase."""
    share = np.clip(areas.share[mine].sum(axis=0), 0.0, 1.0)
    misfit = MISFIT * np.sqrt(np.maximum(share * (1 - share), SMALL) / size)
    error = np.sqrt((areas.error[mine] ** 2).sum(axis=0) + misfit**2)
    first, last = np.array(cut).T
    dose, start = movie.dose, movie.dose_start
    nothing = np.full(len(cut), np.nan)
    return pd.DataFrame(
        {
            "phase": name,
            "frame_first": first,
            "frame_last": last - 1,
            "dose_start_e_per_A2": nothing if start is None else start[first],
            "dose_end_e_per_A2": nothing if dose is None else dose[last - 1],
            "area_percent": 100 * share,
            "area_se_percent": 100 * error,
            "area_limit_percent": _limit(100 * (share + areas.hidden), 100 * error),
        }
    )


def _limit(area: Any, error: Any) -> Any:
    return np.minimum(area + ONE_SIDED * error, 100.0)


def _not_seen(
    movie: Movie,
    settings: Settings,
    lattices: Lattices,
    areas: Areas,
    names: list[str],
    seen: set[str],
    grid: Grid,
) -> list[pd.DataFrame]:
    """A row for each phase that was looked for and not seen: how large a piece would have been."""
    known = [one for one in sorted(seen) if one in known_phases()]
    named = [name.split("|")[0] in known for name in names]
    if not areas.full[named].any():
        return []  # none that has a name tells how strong a lattice is here
    best = int(np.argmax(areas.full * named))
    asked = settings.phases or movie.conditions.elements
    wanted = candidates(settings.phases, movie.conditions.elements)[0] if asked else ()
    looked = dict.fromkeys([*(one.name for one in wanted), *products(known)])
    host = phase(names[best].split("|")[0])
    there = lattices.found[best]
    strongest = float(np.median(lattices.snr[best, there]))
    # A spot of expected power S over the floor is found in 95 % from S = T + 1.645·√(2T + 1) on.
    limit = lattices.threshold + ONE_SIDED * np.sqrt(2 * lattices.threshold + 1)
    field = len(grid) * grid.step**2
    # A lattice without a name may be any of them.
    unnamed = np.array([name == UNNAMED for name in names])
    other = float(areas.share[unnamed].sum(axis=0).max(initial=0.0))
    found = []
    for name in looked:
        if name in seen:
            continue
        relative = min(1.0, scattering_power(phase(name)) / scattering_power(host))
        amplitude = np.sqrt(limit / (strongest * relative)) if strongest * relative > 0 else np.inf
        piece = amplitude * grid.window**2 / (PIECE * OFF_CENTRE)
        lit = np.flatnonzero(movie.lit)
        row: dict[str, Any] = {
            "phase": name,
            "frame_first": int(lit[0]),
            "frame_last": int(lit[-1]),
            "area_limit_percent": min(100 * (piece / field + other), 100.0)
            if amplitude < 1
            else np.nan,
        }
        if movie.dose is not None and movie.dose_start is not None:
            row["dose_start_e_per_A2"] = float(movie.dose_start[lit[0]])
            row["dose_end_e_per_A2"] = float(movie.dose[lit[-1]])
        found.append(pd.DataFrame([row]))
    return found
