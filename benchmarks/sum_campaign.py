"""The best undamaged image of simulated fades, beside all plain sums and beside what is possible.

    python benchmarks/sum_campaign.py [--seeds 21,22] [--size 512]

The signal is the power of all spots in windows of 128 px over the noise of counting in that window,
or over all that lies beside them there, film included; from the frames as they were counted, moved
back by the drift that the analysis found. Plain sums are of the first n frames, n chosen with
hindsight. What is possible comes of the same frames without noise: weights as the true amplitude,
one course for the whole field, one for each spatial frequency, one for each window, or one for each
spot in each window. docs/sum.md has the numbers.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import fourier_shift

import napari_beamwatch as bw
from napari_beamwatch.simulate.cases import simulate
from napari_beamwatch.simulate.movie import SimulatedMovie

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

FADES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("lif-room-temperature", {}),
    ("fading-no-plateau", {}),
    ("stretched", {}),
    ("disorder", {}),
    ("coarse-frames", {}),
    ("polycrystal", {}),
    ("lif-to-li2o", {}),
    ("mosaic", {}),
    ("stretched", {"onset": 60.0, "tau": 120.0, "beta": 1.0}),
    ("stretched", {"onset": 0.1, "tau": 100.0, "beta": 0.6}),
)

WINDOW, STEP = 128, 64
SEEN = 5.0
"""Signal-to-noise ratio, at the best, from which on a spot in a window counts."""

FAR = (0.40, 0.42, 0.44, 0.46, 0.48)
"""Cycles a pixel at which there is nothing but noise."""


def spots(movie: SimulatedMovie) -> Floats:
    """Of the undamaged specimen, in cycles a pixel."""
    found = {
        (round(f * -np.sin(a), 3), round(f * np.cos(a), 3)): None
        for region in movie.truth.regions
        for spot in region.spots_before
        for f, a in [((movie.pixel_size or 1.0) / spot.d_A, np.deg2rad(spot.angle_deg))]
    }
    return np.array([g for g in found if max(map(abs, g)) < 0.48])


def transforms(image: Floats, g: Floats) -> Complexes:
    """Of an image at each spot in each window (windows, spots)."""
    edge = np.hanning(WINDOW + 1)[:-1]
    waves = [
        np.exp(-2j * np.pi * np.outer(g[:, axis], np.arange(WINDOW))) * edge for axis in (0, 1)
    ]
    tiles = [
        image[y : y + WINDOW, x : x + WINDOW]
        for y in range(0, image.shape[0] - WINDOW + 1, STEP)
        for x in range(0, image.shape[1] - WINDOW + 1, STEP)
    ]
    level = np.array([tile - tile.mean() for tile in tiles])
    rows = np.einsum("wyx,sx->wsy", level, waves[1], optimize=True)
    return np.einsum("wsy,sy->ws", rows, waves[0])


def counting(image: Floats) -> Floats:
    """Power of the noise in each window, from where neither lattice nor film has any."""
    radius, angle = np.meshgrid(FAR, np.linspace(0, np.pi, 16, endpoint=False))
    far = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=-1).reshape(-1, 2)
    return np.asarray((np.abs(transforms(image, far)) ** 2).mean(axis=1))


def beside(image: Floats, g: Floats) -> Floats:
    """Power of noise and film in each window, from beside the spots."""
    angle = np.linspace(0, 2 * np.pi, 8, endpoint=False)
    near = (g[:, None] + 0.05 * np.stack([np.sin(angle), np.cos(angle)], axis=1)).reshape(-1, 2)
    apart = np.hypot(*(near[:, None] - np.concatenate([g, -g])).transpose(2, 0, 1)).min(axis=1)
    power = np.abs(transforms(image, near[apart > 0.03])) ** 2
    return np.asarray(np.median(power, axis=1) / np.log(2))


def moved(image: NDArray[Any], by: Floats) -> Floats:
    return np.fft.ifft2(fourier_shift(np.fft.fft2(image), -by)).real


def possible(frames: Complexes, noise: float) -> tuple[dict[str, float], NDArray[np.bool_]]:
    """Signal with the best weights of each kind over the best plain sum; which spots count."""
    total = frames.sum(axis=0)
    for _ in range(5):
        amplitude = np.clip((frames * (total / np.abs(total)).conj()).real, 0, None)
        total = (amplitude * frames).sum(axis=0)

    def signal(weight: Floats) -> Floats:
        whole = np.abs((weight * frames).sum(axis=0)) ** 2
        return whole / np.maximum((weight**2).sum(axis=0), 1e-12) / noise

    seen = signal(amplitude) > SEEN
    count = np.arange(1, len(frames) + 1)[:, None, None]
    plain = np.abs(np.cumsum(frames, axis=0)) ** 2 / count / noise
    best = plain[:, seen].sum(axis=1).max()
    power = amplitude**2 * seen
    kinds = {"field": (1, 2), "frequency": (1,), "window": (2,), "spot": ()}
    return {
        name: float(signal(np.sqrt(power.sum(axis=axes, keepdims=True)))[seen].sum() / best)
        for name, axes in kinds.items()
    }, seen


def spacings(image: NDArray[np.float32], movie: SimulatedMovie) -> tuple[int, int]:
    """How many spacings of the specimen an image shows, and how many of them within two errors."""
    found = bw.find_spots(bw.Movie.from_array(image[None], movie.pixel_size), bw.Settings())
    d, error = (found[name].to_numpy(float) for name in ("d_A", "d_se_A"))
    angle = found["angle_deg"].to_numpy(float)
    known = within = 0
    for spot in {s for region in movie.truth.regions for s in region.spots_before}:
        turned = np.abs((angle - spot.angle_deg + 90) % 180 - 90)
        near = np.flatnonzero((np.abs(d / spot.d_A - 1) < 0.02) & (turned < 2))
        if len(near):
            away = np.abs(d[near] - spot.d_A) / error[near]
            known, within = known + 1, within + int(away.min() < 2)
    return known, within


def over_noise(image: Floats, g: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Power of all spots that count over the noise of counting, and over all beside them."""
    power = np.abs(transforms(image, g)) ** 2
    noises = counting(image), beside(image, g)
    return np.array([(power / noise[:, None] - 1)[seen].sum() for noise in noises])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", default="21,22")
    parser.add_argument("--size", type=int, default=512)
    args = parser.parse_args()
    print("| fade | sum | over film, too | best by field | by frequency | by window | by spot and "
          "window | spacings within 2 errors |")  # fmt: skip
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    ours, most, right = [], [], np.zeros(2, int)
    for seed in map(int, args.seeds.split(",")):
        frames, dose = ((40, 15.0), (60, 8.0))[seed % 2]
        for name, how in FADES:
            movie = simulate(name, size=args.size, frames=frames, frame_dose=dose, seed=seed, **how)
            result = bw.analyze(movie, bw.Settings(phases=("LiF", "Li2O"), criteria=("fading",)))
            drift = np.nan_to_num(result.drift[["dy_px", "dx_px"]].to_numpy(float))
            g = spots(movie)
            edge = int(np.ceil(np.abs(drift).max()))  # not all frames show what is further out
            shown = np.s_[edge : args.size - edge, edge : args.size - edge]
            clean = np.array(
                [transforms(moved(movie.expected(t), drift[t])[shown], g) for t in range(frames)]
            )
            taper = np.hanning(WINDOW + 1)[:-1]
            noise = float(movie.expected(0).mean() * (taper**2).sum() ** 2)
            best, seen = possible(clean, noise)
            total, plain = np.zeros(movie.shape[1:]), np.zeros(2)
            for t in range(frames):
                total += moved(movie.frame(t), drift[t])
                if t % 2:
                    plain = np.maximum(plain, over_noise(total[shown], g, seen))
            image = bw.sum_undamaged(movie, result).image
            gain = over_noise(image[shown].astype(float), g, seen) / plain
            known = spacings(image, movie)
            ours.append(gain)
            most.append(best["spot"])
            right += known
            told = " | ".join(f"{value:.3f}" for value in (*gain, *best.values()))
            print(f"| {name} | {told} | {known[1]} of {known[0]} |", flush=True)
    for what, gains in zip(("counting", "noise and film"), np.transpose(ours), strict=True):
        print(f"over {what}: {np.sum(gains >= 1)} of {len(gains)} as good as the best plain sum, "
              f"least {gains.min():.3f}, median {np.median(gains):.3f}")  # fmt: skip
    print(f"possible: median {np.median(most):.3f}; spacings within two errors: {right[1]} of "
          f"{right[0]}")  # fmt: skip


if __name__ == "__main__":
    main()
