"""Ways to the power of a few tracked frequencies in every window of a frame, in one run.

    python benchmarks/kernels.py [--side 4096] [--spots 4 6 10 20] [--rounds 5]

256-pixel windows every 128 under a Hann taper; every spot is wanted in every window. Each way is
given the frame as it was read (uint8) and ends with the powers, and all must agree. On one thread
a frame is measured by itself; on two, either the transforms of a frame are shared out, or two
frames go at a time and the time is halved, whichever is the way's own. Rounds alternate. pyFFTW
takes part if it can be imported.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import scipy.fft
from numba import njit

from napari_beamwatch.spectra.block_transform import BlockTransform
from napari_beamwatch.spectra.windows import Grid
from napari_beamwatch.threads import one_blas_thread, shared_pool

try:
    import pyfftw
except ImportError:
    pyfftw = None

WINDOW, STEP = 256, 128
Way = Callable[[np.ndarray], np.ndarray]


def frequencies(spots: int) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies of whole bins, that a transform of the window holds them exactly."""
    rng = np.random.default_rng(spots)
    gy, gx = rng.integers(-60, 60, spots), rng.integers(5, 60, spots)
    return gy / WINDOW, gx / WINDOW


def rows_of_windows(image: np.ndarray, grid: Grid) -> np.ndarray:
    tiles = np.lib.stride_tricks.sliding_window_view(image, (WINDOW, WINDOW))
    return tiles[:: grid.step, :: grid.step]


def by_transforms(grid: Grid, gy: np.ndarray, gx: np.ndarray, rfft2: Callable) -> Way:
    """Every window transformed whole, and a few of its bins taken."""
    iy, ix = np.rint(gy * WINDOW).astype(int), np.rint(gx * WINDOW).astype(int)

    def way(image: np.ndarray) -> np.ndarray:
        powers = []
        for row in rows_of_windows(image, grid):
            fields = rfft2(row * grid.weights)
            powers.append(np.abs(fields[:, iy, ix]) ** 2)
        return np.concatenate(powers)

    return way


def scipy_way(workers: int) -> Callable:
    return lambda tiles: scipy.fft.rfft2(tiles, workers=workers, overwrite_x=True)


def fftw_way(threads: int, tiles: int) -> Callable:
    shape = (tiles, WINDOW, WINDOW)
    plan = pyfftw.builders.rfft2(
        pyfftw.empty_aligned(shape, np.float32),
        threads=threads,
        planner_effort="FFTW_MEASURE",
        overwrite_input=True,
    )

    def transform(row: np.ndarray) -> np.ndarray:
        plan.input_array[:] = row
        return plan()

    return transform


@njit(nogil=True, cache=True, fastmath=True)
def direct(image, corners, line, wave_y, wave_x, powers):
    """Sums over the pixels of each window: along x for every row, then along y."""
    spots, size = wave_x.shape[0], wave_x.shape[2]
    tapered = np.empty(size, np.float32)
    for w in range(len(corners)):
        y0, x0 = corners[w]
        re, im = np.zeros(spots, np.float32), np.zeros(spots, np.float32)
        for y in range(size):
            row = image[y0 + y, x0 : x0 + size]
            for x in range(size):
                tapered[x] = row[x] * line[x]
            for k in range(spots):
                a = b = np.float32(0)
                cosine, sine = wave_x[k, 0], wave_x[k, 1]
                for x in range(size):
                    a += tapered[x] * cosine[x]
                    b += tapered[x] * sine[x]
                c, s = wave_y[k, 0, y], wave_y[k, 1, y]
                re[k] += a * c - b * s
                im[k] += a * s + b * c
        for k in range(spots):
            powers[w, k] = re[k] * re[k] + im[k] * im[k]


def direct_way(grid: Grid, gy: np.ndarray, gx: np.ndarray) -> Way:
    n = np.arange(WINDOW)
    line = grid.line.astype(np.float32)
    waves = [np.exp(-2j * np.pi * g[:, None] * n) for g in (gy, gx)]
    along_y = np.stack([waves[0].real * grid.line, waves[0].imag * grid.line], axis=1)
    along_x = np.stack([waves[1].real, waves[1].imag], axis=1)
    tables = along_y.astype(np.float32), along_x.astype(np.float32)

    def way(image: np.ndarray) -> np.ndarray:
        powers = np.empty((len(grid), len(gy)), np.float32)
        direct(image, grid.corners, line, *tables, powers)
        return powers

    return way


def block_way(grid: Grid, gy: np.ndarray, gx: np.ndarray) -> Way:
    window = np.repeat(np.arange(len(grid)), len(gy))
    transform = BlockTransform(grid, window, np.tile(gy, len(grid)), np.tile(gx, len(grid)))
    transform.prepare()

    def way(image: np.ndarray) -> np.ndarray:
        moments, _ = transform(image)
        return (np.abs(moments[:, 0]) ** 2).reshape(len(grid), len(gy))

    return way


def ways(grid: Grid, gy: np.ndarray, gx: np.ndarray) -> dict[str, tuple[Way, Way | None]]:
    """By name: on one thread, and with a frame shared among two; None goes by two frames."""
    tiles = grid.shape[1]
    known: dict[str, tuple[Way, Way | None]] = {
        "scipy.fft.rfft2": (
            by_transforms(grid, gy, gx, scipy_way(1)),
            by_transforms(grid, gy, gx, scipy_way(2)),
        )
    }
    if pyfftw is not None:
        known["pyfftw rfft2"] = (
            by_transforms(grid, gy, gx, fftw_way(1, tiles)),
            by_transforms(grid, gy, gx, fftw_way(2, tiles)),
        )
    known["direct sums (numba)"] = (direct_way(grid, gy, gx), None)
    known["BlockTransform"] = (block_way(grid, gy, gx), None)
    return known


def seconds(way: Way, images: list[np.ndarray], together: bool) -> float:
    """For one frame."""
    began = time.perf_counter()
    if together:
        list(shared_pool().map(way, images))
        return (time.perf_counter() - began) / len(images)
    way(images[0])
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--spots", type=int, nargs="+", default=[4, 6, 10, 20])
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    grid = Grid(args.side, args.side, WINDOW, STEP)
    rng = np.random.default_rng(0)
    images = [rng.poisson(2.0, (args.side, args.side)).astype(np.uint8) for _ in range(2)]
    print(f"{len(grid)} windows; ms a frame, and relative to scipy.fft.rfft2 on as many threads")
    for spots in args.spots:
        known = ways(grid, *frequencies(spots))
        took: dict[tuple[str, int], list[float]] = {
            (name, threads): [] for name in known for threads in (1, 2)
        }
        with one_blas_thread():
            truth = known["scipy.fft.rfft2"][0](images[0])
            for name, (alone, _) in known.items():
                same = np.allclose(alone(images[0]), truth, rtol=1e-2, atol=1e-3 * truth.max())
                assert same, f"{name} does not agree"
            for _ in range(args.rounds):
                for name, (alone, shared) in known.items():
                    took[name, 1].append(seconds(alone, images, False))
                    by_frames = shared is None
                    took[name, 2].append(seconds(shared or alone, images, by_frames))
        for threads in (1, 2):
            rival = took["scipy.fft.rfft2", threads]
            print(f"{spots} spots, {threads} thread{'s' * (threads > 1)}")
            for name in known:
                mine = took[name, threads]
                ratio = np.median(np.divide(mine, rival))
                print(f"    {name:22s}{1e3 * np.median(mine):8.0f} ms   {ratio:5.2f}")


if __name__ == "__main__":
    main()
