"""Two lattices over each other are two crystals; a tilt takes spots of one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.spectra.finding import Search
from napari_beamwatch.spectra.following import FollowedSpots, follow
from napari_beamwatch.spectra.runners import Threads
from napari_beamwatch.spectra.spots import find_spots_of
from napari_beamwatch.spectra.stack import Stack
from napari_beamwatch.spectra.superposed import parted
from napari_beamwatch.spectra.windows import Grid

SIZE, FRAMES, PIXEL = 256, 48, 0.25
GRID = Grid(SIZE, SIZE, 128, 64)
LIF_110 = ((2.325, 0.0), (2.325, 70.5), (2.013, 125.3))
"""Spacings and angles of 111, 11-1 and 002."""


def one_crystal(*fringes: tuple[float, float, int], seed: int = 0) -> FollowedSpots:
    """Counted fringes of (d, angle, the frame in which they go), all said to be of one crystal."""
    y, x = np.mgrid[:SIZE, :SIZE] * PIXEL
    rng = np.random.default_rng(seed)
    empty, waves = np.zeros((SIZE, SIZE)), []
    for d, angle, _ in fringes:
        turn = np.radians(angle)
        phase = 2 * np.pi * (x * np.cos(turn) + y * np.sin(turn)) / d
        waves.append(0.12 * np.cos(phase + rng.uniform(0, 6)))
    frames = [
        rng.poisson(1.0 + sum((w for w, f in zip(waves, fringes, strict=True) if t < f[2]), empty))
        for t in range(FRAMES)
    ]
    still, movie = np.zeros((FRAMES, 2)), ArrayFrames(np.array(frames, np.uint8))
    stack = Stack(movie, PIXEL, np.ones(FRAMES, bool), True, still.astype(np.int64), still)
    spots = find_spots_of(stack, GRID, (0, 0), Search(0.01), Threads(), lambda _: None)
    alike = np.zeros(len(spots.reflections), np.int64)
    spots = replace(spots, reflections=replace(spots.reflections, crystal=alike))
    return follow(spots, stack, Threads(), 1, lambda _: None)


def crystals(of: FollowedSpots) -> list[set[float]]:
    """Angles of the reflections of each crystal, in degrees."""
    reflections = of.spots.reflections
    angle = np.degrees(np.arctan2(reflections.gy, reflections.gx)) % 180
    each = [angle[reflections.crystal == one] for one in np.unique(reflections.crystal)]
    return sorted({round(a / 5) * 5.0 for a in some} for some in each)


def turned(by: float, goes: int) -> list[tuple[float, float, int]]:
    return [(d, angle + by, goes) for d, angle in LIF_110]


def test_of_two_lattices_over_each_other_the_one_that_is_lost_is_a_crystal_of_its_own() -> None:
    followed = one_crystal(*turned(10.0, FRAMES), *turned(35.0, 24))
    assert crystals(parted(followed, followed.region(None))) == [
        {10.0, 80.0, 135.0},
        {35.0, 105.0, 160.0},
    ]


def test_the_one_that_is_lost_first_is_told_though_both_are_lost_in_the_end() -> None:
    followed = one_crystal(*turned(10.0, 40), *turned(35.0, 16))
    assert len(crystals(parted(followed, followed.region(None)))) == 2


def test_spots_that_one_lattice_loses_make_no_second_one() -> None:
    (d, angle, _), *others = turned(10.0, FRAMES)
    higher = [(1.424, 45.25, FRAMES), (1.213, 164.8, 24)]
    followed = one_crystal((d, angle, 24), *others, *higher)
    assert parted(followed, followed.region(None)) is followed
