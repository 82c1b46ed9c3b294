"""Edges, detector patterns and bad pixels are told from lattices, and lattices are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from napari_beamwatch.movies.frames import ArrayFrames
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.spectra.artefact import PeakTable
from napari_beamwatch.spectra.artefacts import Rejected, find_artefacts
from napari_beamwatch.spectra.finding import Search, Segment, find_peaks
from napari_beamwatch.spectra.runners import Threads
from napari_beamwatch.spectra.spots import find_spots_of
from napari_beamwatch.spectra.stack import Stack
from napari_beamwatch.spectra.streaks import streaks
from napari_beamwatch.spectra.windows import Grid

GRID = Grid(512, 512, 128, 64)
Y, X = np.mgrid[:512, :512].astype(float)
NO_DRIFT = np.zeros((1, 2))


def wave(gy: float, gx: float, contrast: float) -> np.ndarray:
    return contrast * np.cos(2 * np.pi * (gy * Y + gx * X) + 0.7)


def counted(expected: np.ndarray, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(expected).astype(np.float32)


def judged(
    still: np.ndarray,
    followed: np.ndarray | None = None,
    shifts: np.ndarray = NO_DRIFT,
    grid: Grid = GRID,
) -> tuple[PeakTable, Rejected]:
    """Peaks of the sum that follows the specimen, and what is rejected of them."""
    followed = still if followed is None else followed
    peaks = find_peaks([Segment(0, 1, followed, True)], grid, Search(0.01))
    table = PeakTable(peaks.window, peaks.gy, peaks.gx, peaks.snr)
    return table, find_artefacts(table, grid, still, followed, shifts)


def near(table: PeakTable, gy: float, gx: float) -> np.ndarray:
    same = np.hypot(table.gy - gy, table.gx - gx)
    mate = np.hypot(table.gy + gy, table.gx + gx)
    return np.minimum(same, mate) * GRID.window < 0.7


LATTICE = ((0.09, 0.05), (-0.05, 0.09))
LEFT = X < 256


def crystal(where: np.ndarray, contrast: float = 0.15) -> np.ndarray:
    return where * sum(wave(gy, gx, contrast) for gy, gx in LATTICE)


@pytest.mark.parametrize("columns", [True, False])
def test_columns_and_rows_of_the_detector_are_rejected_and_a_crystal_is_not(
    columns: bool,
) -> None:
    g = (0.0, 0.125) if columns else (0.125, 0.0)
    table, found = judged(counted(8 * (1 + wave(*g, 0.1) + crystal(LEFT))))
    assert found.peaks[near(table, *g)].all()
    assert not found.peaks[~near(table, *g)].any()
    assert near(table, *LATTICE[0]).sum() > 5
    assert [artefact.kind for artefact in found.artefacts] == ["lines"]
    assert ("columns" if columns else "rows") in found.artefacts[0].note


def test_a_grid_of_rows_and_columns_is_rejected() -> None:
    image = counted(8 * (1 + wave(0.0, 0.125, 0.1) + wave(0.25, 0.0, 0.1)))
    _, found = judged(image)
    assert found.peaks.all()
    assert len(found.artefacts) == 2


@pytest.mark.parametrize(
    "spots",
    [
        ((0.0, 0.0625), (0.0625, 0.0)),  # of one length on both axes, a whole fraction besides
        ((0.0, 0.125), (0.07, 0.0625)),  # one on an axis, one beside it
        ((0.0, 0.1171),),  # alone, but of no fraction
    ],
)
def test_a_crystal_along_an_axis_that_fills_the_field_is_kept(
    spots: tuple[tuple[float, float], ...],
) -> None:
    lattice = sum(wave(gy, gx, 0.12) for gy, gx in spots)
    table, found = judged(counted(8 * (1 + lattice)))
    assert len(table.window) >= len(GRID) * len(spots)
    assert not found.peaks.any()


def test_a_crystal_on_an_axis_in_a_part_of_the_field_is_kept() -> None:
    table, found = judged(counted(8 * (1 + LEFT * wave(0.0, 0.125, 0.12))))
    assert len(table.window) > 10
    assert not found.peaks.any()


@pytest.mark.parametrize("case", ["lif-room-temperature", "polycrystal", "sodium-fluoride"])
def test_simulated_specimens_lose_nothing(case: str) -> None:
    still_stage = {"drift": None} if case == "lif-room-temperature" else {}
    movie = simulate(case, frames=4, frame_dose=20.0, size=512, **still_stage)
    still = np.sum([movie.frame(t) for t in range(4)], axis=0).astype(np.float32)
    table, found = judged(still, shifts=np.zeros((4, 2)))
    assert len(table.window) > 20
    assert not found.peaks.any()


def drifting(specimen: bool, pattern: float, frames: int = 24) -> tuple[np.ndarray, ...]:
    """Sums as they lie and as they follow, and the shifts, of a drifting crystal."""
    shifts = np.stack([np.arange(frames) * 2 // 3, -np.arange(frames) // 2], axis=1)
    still, followed = np.zeros((512, 512), np.float32), np.zeros((512, 512), np.float32)
    for t, (dy, dx) in enumerate(shifts):
        lattice = np.roll(crystal(LEFT, 0.25), (dy, dx), (0, 1)) if specimen else 0.0
        frame = counted(0.8 * (1 + lattice + wave(-0.061, 0.083, pattern)), t)
        still += frame
        followed += np.roll(frame, (-dy, -dx), (0, 1))
    return still, followed, shifts


@pytest.mark.long
def test_what_stands_still_while_the_specimen_drifts_is_rejected() -> None:
    still, followed, shifts = drifting(True, 0.4)
    peaks = find_peaks([Segment(0, 1, still, True)], GRID, Search(0.01))
    seen = PeakTable(peaks.window, peaks.gy, peaks.gx, peaks.snr)
    found = find_artefacts(seen, GRID, still, followed, shifts)
    assert near(seen, -0.061, 0.083).sum() == len(GRID)
    assert found.peaks[near(seen, -0.061, 0.083)].all()
    assert {artefact.kind for artefact in found.artefacts} == {"fixed pattern"}


@pytest.mark.long
def test_what_drifts_with_the_specimen_is_kept() -> None:
    still, followed, shifts = drifting(True, 0.0)
    table, found = judged(still, followed, shifts)
    assert near(table, *LATTICE[0]).sum() > 5
    assert not found.peaks.any()


@pytest.mark.parametrize("upright", [True, False])
def test_a_seam_draws_a_streak_and_spots_on_it_are_kept(upright: bool) -> None:
    along = X if upright else Y
    g = (0.0, 0.1171) if upright else (0.1171, 0.0)
    seam = np.where(np.abs(along - 223.5) < 1, 0.2, 1.0)
    table, found = judged(counted(40 * seam * (1 + wave(*g, 0.4) + crystal(LEFT))))
    spots = near(table, *g) | near(table, *LATTICE[0]) | near(table, *LATTICE[1])
    assert {artefact.kind for artefact in found.artefacts} == {"streak"}
    assert found.peaks.sum() > 20
    assert not found.peaks[spots].any()
    assert found.peaks[table.on_axis(GRID, upright) & ~spots].mean() > 0.8


def test_orders_of_one_spacing_are_no_streak() -> None:
    k = np.arange(1, 8) * 7.0 / 128
    table = PeakTable(np.zeros(7, np.int64), np.zeros(7), k, np.linspace(90, 30, 7))
    assert not streaks(table, GRID)[0].any()


def test_nothing_is_made_of_nothing() -> None:
    table, found = judged(np.zeros((512, 512), np.float32))
    assert not len(table.window)
    assert found.artefacts == ()


def lattice_sum(rate: float, shape: tuple[int, int] = (256, 300)) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    beam = np.exp(-((y - 100) ** 2 + (x - 150) ** 2) / 2e5)
    fringes = 1 + 0.3 * np.cos(0.4 * y + 0.2 * x) * (x < 150)
    edge = np.where(np.hypot(y - 128, x - 220) < 40, 0.6, 1.0)
    return np.asarray(rate * beam * fringes * edge)


def test_a_streak_that_shows_in_parts_in_each_segment_is_one_in_all_of_them() -> None:
    rng = np.random.default_rng(8)
    seam = np.where(np.abs(X - 223.5) < 1, 0.15, 1.0)
    frames = rng.poisson(1.2 * seam * (1 + crystal(LEFT)), (40, 512, 512)).astype(np.uint8)
    still = np.zeros((40, 2))
    stack = Stack(ArrayFrames(frames), None, np.ones(40, bool), True, still.astype(np.int64), still)
    spots = find_spots_of(stack, GRID, (0, 0), Search(0.01), Threads(), lambda _: None)
    peaks = spots.peaks
    table = PeakTable(peaks.window, peaks.gy, peaks.gx, peaks.snr)
    assert near(table, *LATTICE[0]).sum() > 5
    assert "streak" in {artefact.kind for artefact in spots.artefacts}
    assert table.on_axis(GRID, True).sum() <= 4  # of several dozen


def test_a_fine_lattice_that_trembles_between_two_pixels_is_kept() -> None:
    rng = np.random.default_rng(9)
    dy = 0.5 + 0.1 * np.sin(np.arange(40))
    fine = 0.4 * np.cos(
        2 * np.pi * (0.40 * (Y[:256, :256] - dy[:, None, None]) + 0.15 * X[:256, :256])
    )
    frames = rng.poisson(0.8 * (1 + fine)).astype(np.uint8)
    moved = np.stack([dy, np.zeros(40)], axis=1)
    whole = np.rint(moved).astype(np.int64)
    stack = Stack(ArrayFrames(frames), None, np.ones(40, bool), True, whole, moved - whole)
    grid = Grid(256, 256, 64, 32)
    spots = find_spots_of(stack, grid, (0, 0), Search(0.01), Threads(), lambda _: None)
    assert spots.artefacts == ()
    assert (np.hypot(spots.peaks.gy - 0.40, spots.peaks.gx - 0.15) < 0.01).sum() == len(grid)


def test_frequencies_of_blocks_of_eight_pixels_are_a_codecs() -> None:
    blocks = [(0.375, 0.25), (0.25, -0.375), (0.125, 0.375), (0.0, 0.375)]
    grid = sum(wave(*g, 0.08) for g in blocks)
    table, found = judged(counted(8 * (1 + grid + crystal(LEFT))))
    assert {artefact.kind for artefact in found.artefacts} == {"blocks"}
    assert all("blocks of 8 pixels" in artefact.note for artefact in found.artefacts)
    for g in blocks:
        assert found.peaks[near(table, *g)].all()
    for g in LATTICE:
        assert not found.peaks[near(table, *g)].any()
        assert near(table, *g).any()


def test_two_spots_of_whole_eighths_are_a_lattice() -> None:
    lattice = [(0.125, 0.25), (0.25, -0.125)]
    _, found = judged(counted(8 * (1 + sum(wave(*g, 0.08) for g in lattice))))
    assert not found.peaks.any()
