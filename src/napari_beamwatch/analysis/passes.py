"""The passes over the frames of a movie: drift, spots, traces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from napari_beamwatch.analysis.diffuse import Diffuse
from napari_beamwatch.analysis.progress import Progress, Teller
from napari_beamwatch.damage.failures import WARNING, Failures
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.particles import ParticleBins, Particles, solve
from napari_beamwatch.particles.bins import Reduced
from napari_beamwatch.phases.structures import resolve
from napari_beamwatch.regions import Region
from napari_beamwatch.results.tables import region_traces
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.cluster import Cluster
from napari_beamwatch.spectra.copies import copies_note
from napari_beamwatch.spectra.defects import MendedFrames
from napari_beamwatch.spectra.drift import Drift
from napari_beamwatch.spectra.finding import Search
from napari_beamwatch.spectra.following import FollowedSpots, Reduce, Witness, follow
from napari_beamwatch.spectra.rings import (
    Lens,
    RadialTracker,
    defocus_over_dose,
    find_rings,
    follow_rings,
)
from napari_beamwatch.spectra.rings.masks import LatticeSpots
from napari_beamwatch.spectra.runners import Runner, Threads, Watched
from napari_beamwatch.spectra.spots import Spots, find_spots_of
from napari_beamwatch.spectra.stack import Stack, first_look
from napari_beamwatch.spectra.streaming import FollowedFrames
from napari_beamwatch.spectra.windows import Grid, coarsening

LOOSE = 3.0
"""Pixels: a standard error of the drift from which up it is told. With 1 to 2, as usual where
frames are faint, a fringe is blurred but followed."""

PASSES = 3
"""Over the frames: a first look, finding spots, following them."""


@dataclass(frozen=True, eq=False)
class _ParticleWitness:
    """Bins of particles, shown every frame."""

    bins: ParticleBins

    @property
    def reduce(self) -> Reduce:
        return self._reduced

    def _reduced(self, frame: int, image: Frame, shift: tuple[int, int]) -> Reduced:
        return self.bins.reduce(image, shift)

    def add(self, frame: int, reduced: Reduced) -> None:
        self.bins.add(frame, reduced)


class Passes:
    """What the passes over one movie share."""

    def __init__(
        self,
        movie: Movie,
        settings: Settings,
        grid: Grid,
        progress: Progress | None,
        client: Any,
    ) -> None:
        if settings.phases:
            resolve(settings.phases)  # an unknown name is better said now than at the end
        self.movie, self.settings, self.grid = movie, settings, grid
        self.notes: list[str] = []
        self.failures = Failures(self.notes)
        self.teller = Teller(progress, PASSES * int(movie.lit.sum()), "reading")
        self.search = Search(settings.alpha, settings.added_spots, settings.removed_spots)
        tick = self.teller.tick
        runner: Runner = Threads() if client is None else Cluster(client, tick, self.teller.say)
        self.runner: Runner = Watched(runner, movie.recording.files.certify)

    def stack(self) -> tuple[Stack, Drift | None]:
        """The movie's frames, with the drift that windows are to follow."""
        movie, lit = self.movie, np.asarray(self.movie.lit)
        frames: FrameSource = movie.recording.frames
        given, drift = self.settings.drift, None
        if given not in ("auto", "off"):
            drift = given_drift(given, len(movie))
        self.teller.begin("finding the drift" if given == "auto" else "looking at the detector")
        seen = first_look(frames, lit, self.runner, self.teller.tick, for_drift=given == "auto")
        drift, defects = drift or seen.drift, seen.defects
        moved = np.zeros((len(movie), 2))
        if drift is not None:
            moved = np.stack([drift.dy_px, drift.dx_px], axis=1)
        if seen.copies.any():
            lit = lit & ~seen.copies
            self.teller.more(-2 * int(seen.copies.sum()))  # two passes do not read them
            self.notes.append(WARNING + copies_note(seen.copies))
        if defects:
            frames = MendedFrames(frames, defects)
            self.notes += defects.notes
        self.notes.append(_drift_note(drift))
        shifts = np.rint(moved).astype(np.int64)
        single = movie.counting is not None and movie.counting.kind == "single"
        return Stack(frames, movie.pixel_size, lit, single, shifts, moved - shifts), drift

    def find(self, stack: Stack, grid: Grid) -> Spots:
        """Spots of the field, in larger windows where the usual ones merge two lattices."""
        self.teller.begin("finding spots")

        def found(grid: Grid) -> Spots:
            return find_spots_of(stack, grid, (0, 0), self.search, self.runner, self.teller.tick)

        spots = found(grid)
        wider = grid.wider if self.settings.window is None and spots.merged else None
        if wider is not None:
            self.notes.append(
                f"windows of {grid.window} px took spots of two lattices for one that walks"
            )
            self.teller.more(len(stack.exposed))
            spots = found(wider if self.settings.step is None else replace(wider, step=grid.step))
        self.notes += [f"no lattice: {one.note}" for one in spots.artefacts]
        return spots

    def follow(self, spots: Spots, stack: Stack) -> tuple[FollowedSpots, Particles | None, Diffuse]:
        """Spots of the field and their traces, and the particles in it if they were wanted."""
        self.teller.begin("following spots")

        def tell(so_far: Callable[[], FollowedSpots]) -> None:
            self.teller.tick(1, lambda: region_traces(self.movie, None, so_far().region(None)))

        width = self.settings.running_sum
        by = coarsening(spots.grid, stack.pixel_size)
        known = LatticeSpots.of_peaks(spots.peaks).coarser(by)
        radial = RadialTracker(spots.grid.coarser(by), stack.lit, spots.segments, known, by)
        bins = ParticleBins(self.movie) if "mass_loss" in self.settings.criteria else None
        witnesses: list[Witness] = [radial]
        if bins is not None:
            witnesses.append(_ParticleWitness(bins))
        followed = follow(spots, stack, self.runner, width, tell, witnesses)
        particles = None
        if bins is not None:
            particles = self.failures.tried("finding particles", Particles.none, solve, bins)
            self.notes += particles.notes or (f"particles: {particles.reason}",)
        diffuse = self.failures.tried(
            "finding rings and focus", Diffuse.unknown, self._amorphous, radial, stack, by, spots
        )
        return followed, particles, diffuse

    def _amorphous(self, radial: RadialTracker, stack: Stack, by: int, spots: Spots) -> Diffuse:
        """Rings, halo and focus, from the power around the centre."""
        series = radial.series()
        single = stack.single_counts
        rings = find_rings(series.segments, self.settings.alpha, single_counts=single)
        traces = follow_rings(series.stretches, rings, single_counts=single)
        voltage, lens = self.movie.conditions.voltage_kV, None
        if voltage is not None:
            lens = Lens(voltage, self.settings.cs_mm)
        size = None if self.movie.pixel_size is None else self.movie.pixel_size * by
        focus = defocus_over_dose(series.segments, lens, size, single_counts=single)
        self.notes.append(
            f"focus: {focus.reason}" if focus.reason else "focus: Thon rings tell it over the dose"
        )
        return Diffuse(
            tuple(ring.finer(by) for ring in rings),
            tuple(trace.finer(by) for trace in traces),
            focus,
            tuple(np.hypot(*g[np.isfinite(g[:, 0])].T) for g in spots.peaks.at.transpose(1, 0, 2)),
        )

    def own_window(self, region: Region, stack: Stack) -> FollowedSpots:
        """A region smaller than the grid's windows, in one window of its own."""
        self.teller.begin(f"looking at region {region.name}")
        y0, x0, y1, x1 = region.box
        size = min(y1 - y0, x1 - x0) // 2 * 2
        top, left = y0 + (y1 - y0 - size) // 2, x0 + (x1 - x0 - size) // 2
        frames = FollowedFrames(stack.frames, top, left, size, stack.shifts)
        own = replace(stack, frames=frames, shifts=np.zeros_like(stack.shifts))
        grid = Grid(size, size, size, size, self.grid.taper)

        def tick(_: object) -> None:
            self.teller.tick(0)

        spots = find_spots_of(own, grid, (top, left), self.search, self.runner, tick)
        return follow(spots, own, self.runner, self.settings.running_sum, tick)


def given_drift(moved: Any, frames: int) -> Drift:
    """The drift as the user says it is."""
    if len(moved) != frames:
        raise BeamwatchError(f"the drift is given for {len(moved)} frames; there are {frames}")
    dy, dx = (np.array(moved) - moved[0]).T
    return Drift(dy, dx, np.full(frames, np.nan))


def _drift_note(drift: Drift | None) -> str:
    if drift is None:
        return "drift: not looked for, windows stay where they are"
    if drift.reason:
        return f"drift: {drift.reason}; windows stay where they are"
    away = np.hypot(drift.dy_px, drift.dx_px)
    said = f"drift: the specimen moved by up to {away.max():.0f} px; windows follow it"
    known = drift.se_px[np.isfinite(drift.se_px)]
    if not known.size:
        return f"{said}, but how far the drift may be wrong is not known"
    if known.max() > LOOSE:
        return WARNING + (
            f"{said}, but they may miss it: the drift is known to {np.median(known):.1f} px only, "
            f"in the worst frame to {known.max():.1f} px (standard errors)"
        )
    return said
