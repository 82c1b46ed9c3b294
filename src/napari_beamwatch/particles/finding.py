"""`find_particles`: from a movie to traces of the shapes of its particles.

1. Frames are added up into bins of equal dose, laid where the specimen is (`bins`).
2. Particles are looked for in the first quarter of the bins (`starting`), at the finest pixels at
   which they stand out from the film.
3. Each is followed from bin to bin along its edge (`edges`), and looked into (`voids`).

What a trace means is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.particles.bins import Bin, Floats32, ParticleBins
from napari_beamwatch.particles.edges import CLEAR, REACH, SMALLEST, Edge, errors, fit_edge
from napari_beamwatch.particles.outlines import Mask, Points, inside, normals
from napari_beamwatch.particles.pictures import SHARED, SIGMA, Pictures, smoothed, spread
from napari_beamwatch.particles.result import Particles, table_of
from napari_beamwatch.particles.starting import find_edges
from napari_beamwatch.particles.voids import VOID_SIGMA, find_voids, void_area

Progress = Callable[[int, int], object]

COARSER = (1, 2, 4, 8)
"""Factors by which pictures are coarsened until particles stand out."""

CLEARLY = 8.0
"""Contrast, in standard deviations of the noise of a bin as it is smoothed, from which pixels are
not coarsened any more: a particle is to be followed when it gets thin, too."""

PARTS = 4
"""Particles are looked for in the first of so many parts of the record, voids in each."""

POOLED = 4
"""Bins on either side over which standard errors are pooled: each has a few draws of noise."""

SIDE = 32
"""Pixels a side of the smallest picture that is looked at."""

TOO_FEW = "a change of particles needs two frames with beam"
MOVED_OUT = "the specimen moved so far that hardly any of it is in all frames"
NOTHING = "no particle stands out from its surroundings"


def find_particles(
    movie: Movie, drift: ArrayLike | None = None, progress: Progress | None = None
) -> Particles:
    """Particles of a movie, their outlines and shapes over the dose.

    Parameters
    ----------
    movie : Movie
    drift : array (frames, 2), optional
        How far (down, right) the specimen lies from where it was at first, in pixels.
    progress : callable, optional
        Called after every frame with the frames done and in all; what it raises stops the search.
    """
    shifts = np.zeros((len(movie), 2)) if drift is None else np.asarray(drift, float)
    if shifts.shape != (len(movie), 2) or not np.isfinite(shifts).all():
        raise BeamwatchError(f"drift is one (dy, dx) for each of {len(movie)} frames")
    bins = ParticleBins(movie)
    lit = np.flatnonzero(movie.lit).tolist()
    for done, t in enumerate(lit, 1):
        dy, dx = np.rint(shifts[t]).astype(int).tolist()
        bins.add(t, bins.reduce(movie.recording.frames.read(t), (dy, dx)))
        if progress is not None:
            progress(done, len(lit))
    return solve(bins)


def solve(binned: ParticleBins) -> Particles:
    """Particles of the frames that were added so far."""
    bins = binned.bins()
    if len(bins) < 2:
        return Particles.none(TOO_FEW, bins)
    sums, origin = binned.pictures()
    if min(sums.shape[1:]) < SIDE:
        return Particles.none(MOVED_OUT, bins)
    finest = Pictures.of(sums)
    if len(finest) < len(bins):
        return Particles.none("a part of the record holds no counts", bins)
    found: tuple[Pictures, list[Edge]] | None = None
    for by in COARSER:
        pictures = finest.coarser(by)
        if min(pictures.values.shape[1:]) < SIDE:
            break
        edges = _found(pictures, max(1, len(bins) // PARTS))
        if edges:
            found = pictures, edges
            scale = binned.block * by
            if edges[0].contrast > CLEARLY * pictures.worst_noise / np.sqrt(SHARED):
                break
    if found is None:
        return Particles.none(NOTHING, bins)
    grid = _Grid(scale, np.array(origin) * binned.block, binned.pixel_size)
    return _followed(*found, bins, grid)


def _found(pictures: Pictures, count: int) -> list[Edge]:
    """Edges of particles in the sum of the first bins."""
    picture, noise = pictures.joined(0, count)
    return find_edges(smoothed(picture), noise, pictures.worst_noise)


@dataclass(frozen=True, eq=False)
class _Grid:
    """Where the pixels of pictures lie in the field."""

    scale: int
    origin: Points
    pixel_size: float | None

    def in_field(self, points: Points, where: Bin) -> Points:
        """Points of a picture in pixels of the frames of a bin, corner (0, 0)."""
        moved = np.array([where.dy, where.dx])
        return np.asarray((points + 0.5) * self.scale + self.origin + moved)


@dataclass(frozen=True, eq=False)
class _Sighting:
    """A particle in a bin: its edge, or where it was seen last."""

    edge: Edge | None
    points: Points
    off: Points


def _followed(
    pictures: Pictures, edges: list[Edge], bins: tuple[Bin, ...], grid: _Grid
) -> Particles:
    shape = pictures.values.shape[1:]
    latest = [edge.points for edge in edges]
    masks = [inside(points, shape) for points in latest]
    seen: list[list[_Sighting]] = [[] for _ in edges]
    for number in range(len(bins)):
        smooth, noise = pictures.smooth[number], pictures.noise(number)
        everything = _union(masks, shape)
        for n in range(len(edges)):
            others = everything & ~masks[n]
            edge = fit_edge(smooth, masks[n], others, noise)
            off = np.zeros((0, 2))
            if edge is not None:
                latest[n] = edge.points
                masks[n] = inside(edge.points, shape)
                off = errors(smooth, edge, masks[n], others, noise, number)
            seen[n].append(_Sighting(edge, latest[n], off))
    rows = []
    outlines = {}
    everything = _union(masks, shape)
    for n, sightings in enumerate(seen):
        rows += _rows(n + 1, sightings, pictures, everything & ~masks[n], bins, grid)
        for number, one in enumerate(sightings):
            if one.edge is not None:
                outlines[n + 1, number] = grid.in_field(one.points, bins[number])
    unit = "" if grid.pixel_size is None else f" ({SIGMA * grid.scale * grid.pixel_size:.3g} Å)"
    note = (
        f"particles: {len(edges)} followed in {len(bins)} bins of dose, edges seen under a "
        f"Gaussian of {SIGMA * grid.scale:g} px{unit}; smaller than "
        f"{SMALLEST * SIGMA * grid.scale:.0f} px across, or cut by the border of what all frames "
        "show, they are not looked for"
    )
    return Particles(table_of(rows), bins, outlines, notes=(note,))


def _rows(
    particle: int,
    sightings: list[_Sighting],
    pictures: Pictures,
    others: Mask,
    bins: tuple[Bin, ...],
    grid: _Grid,
) -> list[dict[str, float]]:
    edges = [one.edge for one in sightings]
    voids = _voids(edges, pictures)
    px2 = grid.scale**2
    rows = []
    for number, (one, where) in enumerate(zip(sightings, bins, strict=True)):
        picture, noise = pictures.values[number], pictures.noise(number)
        ratio, ratio_se = _ratio(picture, one.points, others, noise)
        y, x = grid.in_field(one.points, where).mean(axis=0).tolist()
        row: dict[str, float] = {
            "particle": particle,
            "bin": number,
            "frame_first": where.first,
            "frame_last": where.last - 1,
            "dose_start_e_per_A2": where.dose_start,
            "dose_end_e_per_A2": where.dose_end,
            "inside_over_outside": ratio,
            "inside_over_outside_se": ratio_se,
            "y_px": y,
            "x_px": x,
        }
        edge = one.edge
        if edge is not None:
            nm = np.nan if grid.pixel_size is None else grid.pixel_size / 10
            hollow, hollow_se = voids[number]
            area_se, roundness_se = _pooled(sightings, number).tolist()
            area, roundness = edge.shape.tolist()
            row |= {
                "area_px": area * px2,
                "area_nm2": area * px2 * nm**2,
                "roundness": roundness,
                "area_se_px": area_se * px2,
                "roundness_se": roundness_se,
                "void_area_px": hollow * px2,
                "void_area_se_px": hollow_se * px2,
            }
        rows.append(row)
    return rows


def _voids(edges: list[Edge | None], pictures: Pictures) -> list[tuple[float, float]]:
    """Area of the voids of a particle in each bin, and its error.

    Where there is a void in any bin, all are measured: an area has its error before it opens too.
    """
    shape = pictures.values.shape[1:]
    first = next(edge for edge in edges if edge is not None)
    places = np.zeros(shape, bool)
    cuts = np.unique(np.linspace(0, len(edges), PARTS + 1).astype(int)).tolist()
    for start, stop in pairwise(cuts):
        seen = [edge for edge in edges[start:stop] if edge is not None]
        if seen:
            middle = seen[len(seen) // 2]
            found = find_voids(*pictures.joined(start, stop), middle)
            places |= _moved(found, _middle(first) - _middle(middle))
    measured = []
    for number, edge in enumerate(edges):
        if edge is None:
            measured.append((np.nan, np.nan))
        elif places.any():
            here = _moved(places, _middle(edge) - _middle(first))
            noise = pictures.noise(number)
            measured.append(void_area(pictures.values[number], noise, edge, here))
        else:
            count = np.pi * VOID_SIGMA**2
            spread = pictures.noise(number) * np.sqrt(edge.inside * count)
            measured.append((0.0, float(spread / edge.contrast)))
    return measured


def _middle(edge: Edge) -> Points:
    return np.asarray(edge.points.mean(axis=0))


def _moved(mask: Mask, step: Points) -> Mask:
    if not mask.any():
        return mask
    return np.asarray(ndimage.shift(mask, np.rint(step), order=0, cval=False), bool)


def _pooled(sightings: list[_Sighting], number: int) -> Points:
    """Standard errors of area and roundness."""
    near = sightings[max(0, number - POOLED) : number + POOLED + 1]
    off = np.concatenate([one.off for one in near])
    if len(off) < 2:
        return np.full(2, np.nan)
    # Noise upon noise may now and then lose an edge that the picture alone would not.
    far = 3 * np.array([spread(column) for column in off.T])
    middle = np.median(off, axis=0)
    return np.asarray(off.clip(middle - far, middle + far).std(axis=0, ddof=1))


def _ratio(picture: Floats32, points: Points, others: Mask, noise: float) -> tuple[float, float]:
    """Mean counts clearly inside an outline over those in a ring around it, and its error."""
    outward = normals(points)
    core = inside(points - min(CLEAR, _depth(points)) * outward, picture.shape) & ~others
    ring = inside(points + REACH * outward, picture.shape)
    ring &= ~inside(points + CLEAR * outward, picture.shape) & ~others
    if not core.any() or not ring.any():
        return np.nan, np.nan
    low, high = float(picture[core].mean()), float(picture[ring].mean())
    if low <= 0 or high <= 0:
        return np.nan, np.nan
    error = noise * np.sqrt(1 / low / np.count_nonzero(core) + 1 / high / np.count_nonzero(ring))
    return low / high, float(low / high * error)


def _depth(points: Points) -> float:
    """Half of the radius of a disc of the same extent."""
    return float(np.hypot(*(points - points.mean(axis=0)).T).mean()) / 2


def _union(masks: list[Mask], shape: tuple[int, ...]) -> Mask:
    union = np.zeros(shape, bool)
    for mask in masks:
        union |= mask
    return union
