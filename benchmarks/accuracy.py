"""How well spacings and intensities are known, against what they state and what is possible.

    python benchmarks/accuracy.py [--windows 2500]

Counted fringes of random direction and spacing (6 to 30 bins) in windows of 64 pixels under a
Hann taper, one frequency a window. For each signal-to-noise ratio: the root mean square error of
the frequency along an axis, over the bound of the tapered estimate and over the Cramér-Rao bound
of the whole window's data; and how often d, and the intensity of a tracked spot, lie within one
and two of their stated standard errors (68.3 and 95.4 % for a Gaussian).
"""

from __future__ import annotations

import argparse

import numpy as np

from napari_beamwatch.spectra.block_transform import offset_error
from napari_beamwatch.spectra.finding import Search, Segment, find_peaks
from napari_beamwatch.spectra.tracking import SpotMeasure, Tracker
from napari_beamwatch.spectra.walking import Paths
from napari_beamwatch.spectra.windows import Grid

WINDOW = 64
RATE = 4.0
FRAMES = 40


def fringes(
    grid: Grid, snr: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """A picture of expected counts, the frequency in each window, and the contrast."""
    count = len(grid)
    angle, bins = rng.uniform(-np.pi / 2, np.pi / 2, count), rng.uniform(6, 30, count)
    gy, gx = bins * np.sin(angle) / WINDOW, bins * np.cos(angle) / WINDOW
    contrast = 2 * np.sqrt(snr * grid.weight_power / RATE) / grid.weight_sum
    image = np.empty((grid.height, grid.width))
    y, x = np.mgrid[:WINDOW, :WINDOW]
    for i, (y0, x0) in enumerate(grid.corners):
        phase = 2 * np.pi * (gy[i] * y + gx[i] * x) + rng.uniform(0, 2 * np.pi)
        image[y0 : y0 + WINDOW, x0 : x0 + WINDOW] = RATE * (1 + contrast * np.cos(phase))
    return image, gy, gx, contrast


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--windows", type=int, default=2500)
    args = parser.parse_args()
    side = round(np.sqrt(args.windows)) * WINDOW
    grid = Grid(side, side, WINDOW, WINDOW)
    print(f"{len(grid)} windows a line; errors along an axis, in bounds; within 1 and 2 σ, in %")
    print("  SNR  found | error/tapered bound  error/full bound | d: 1σ    2σ")
    for snr in (20, 30, 50, 100, 300):
        rng = np.random.default_rng(snr)
        image, gy, gx, _ = fringes(grid, snr, rng)
        counts = rng.poisson(image).astype(np.float32)
        peaks = find_peaks([Segment(0, 1, counts, True)], grid, Search(0.01))
        side_of = np.sign(peaks.gy * gy[peaks.window] + peaks.gx * gx[peaks.window])
        off_y = side_of * peaks.gy - gy[peaks.window]
        off_x = side_of * peaks.gx - gx[peaks.window]
        near = np.hypot(off_y, off_x) * WINDOW < 1.5
        off = np.concatenate([off_y[near], off_x[near]]) * WINDOW
        tapered = offset_error(grid) / np.sqrt(snr)
        # In all N² pixels of a window the fringe holds this signal-to-noise ratio [Rife 1974].
        whole = snr * WINDOW**2 * grid.weight_power / grid.weight_sum**2
        full = np.sqrt(6 / whole) / (2 * np.pi)
        g = np.hypot(gy, gx)[peaks.window][near]
        away = np.hypot(peaks.gy, peaks.gx)[near] / g - 1
        pull = np.abs(away * g / peaks.g_se[near])
        error = np.sqrt(np.mean(off**2))
        print(
            f"{snr:5d}  {near.sum() / len(grid):5.1%} | {error / tapered:12.3f}"
            f"{error / full:21.2f}       | {(pull < 1).mean():6.1%} {(pull < 2).mean():6.1%}"
        )
    print("  SNR a frame | intensity: 1σ    2σ")
    for snr in (0.3, 1, 3, 10, 30):
        rng = np.random.default_rng(int(10 * snr) + 1)
        small = Grid(16 * WINDOW, 16 * WINDOW, WINDOW, WINDOW)
        image, gy, gx, contrast = fringes(small, snr, rng)
        measure = SpotMeasure(small, np.arange(len(small)), Paths.standing(FRAMES, gy, gx))
        tracker = Tracker(measure)
        for t in range(FRAMES):
            tracker.add(t, measure(t, rng.poisson(image).astype(np.uint8)))
        traces = tracker.traces(np.ones(len(small)))
        pull = np.abs(traces.intensity - contrast**2 / 4) / traces.intensity_se
        print(f"{snr:13.1f} | {(pull < 1).mean():13.1%} {(pull < 2).mean():7.1%}")


if __name__ == "__main__":
    main()
