"""Newton steps within the peak that was found, and what is left uncertain."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_beamwatch.spectra.drift.arrays import Complex64, Floats, Floats32
from napari_beamwatch.spectra.drift.images import Images, all_images
from napari_beamwatch.spectra.drift.kernels import for_each, frame_against, frame_slope, phases
from napari_beamwatch.spectra.drift.whitening import Problem

SMEARED = 1.0
"""Pixels of movement during a frame from which its smear is taken into account."""

SMEAR_ERROR = 0.4
"""Standard error of the mean place in a frame that is wholly smeared, in units of the smear."""

START_BEND = 0.03

LEAST_BEND = 0.01
"""Pixels by which a step differs from the one before at the least, for all that is known."""


def refine(problem: Problem, path: Floats, rounds: int = 4) -> tuple[Floats, Floats]:
    """Path that maximises likelihood and prior, and the covariance along an axis."""
    frames = len(path)
    # From where the frames around place it, so that a frame astray finds the right peak.
    path = smooth_path(path).copy()
    covariance = np.zeros((frames, frames, 2))
    bends = _bends(frames)
    # Noise must not pass for a stage that shakes: begin with the bends of a smooth path.
    given = _local_mean((bends @ path) ** 2) + START_BEND**2
    for _ in range(rounds):
        images, fixed = all_images(problem, path)
        slope, curvature = _slopes(problem, path, images, fixed)
        spread = np.empty_like(given)
        for axis in (0, 1):
            # Only bends matter; the mean and the velocity are held, weakly.
            prior = bends.T @ (bends / given[:, axis, None]) + 1e-4 * np.eye(frames)
            information = np.diag(curvature[:, axis]) + prior
            covariance[:, :, axis] = np.linalg.inv(information)
            step = covariance[:, :, axis] @ (slope[:, axis] - prior @ path[:, axis])
            limit = 1.5 * problem.cells.spacing[axis]
            path[:, axis] += step.clip(-limit, limit)
            spread[:, axis] = ((bends @ covariance[:, :, axis]) * bends).sum(axis=1)
        given = np.maximum(_local_mean((bends @ path) ** 2 + spread), LEAST_BEND**2)
    return path, covariance.mean(axis=2)


def _bends(frames: int) -> Floats:
    """Matrix of second differences, or of first ones where there are but two frames."""
    bends: Floats = np.diff(np.eye(frames), n=2 if frames > 2 else 1, axis=0)
    return bends


def smooth_path(path: Floats) -> Floats:
    """Parabolas through eleven neighbours, which frames astray hardly move."""
    frames = len(path)
    width = min(11, frames)
    if width < 5:
        return path
    first = np.clip(np.arange(frames) - width // 2, 0, frames - width)
    near = first[:, None] + np.arange(width)
    place = (near - np.arange(frames)[:, None]) / width
    design = np.stack([np.ones_like(place), place, place**2], axis=2)
    values = path[near]
    weight = np.ones(near.shape)
    fitted = np.zeros((frames, 3, 2))
    for _ in range(8):
        weighted = design * weight[:, :, None]
        normal = np.swapaxes(design, 1, 2) @ weighted + 1e-9 * np.eye(3)
        fitted = np.linalg.solve(normal, np.swapaxes(weighted, 1, 2) @ values)
        off = np.hypot(*np.moveaxis(values - design @ fitted, 2, 0))
        scale = 2 * np.maximum(np.median(off, axis=1), 0.3)[:, None]
        weight = 1 / (1 + (off / scale) ** 2) ** 2
    smooth: Floats = fitted[:, 0]
    return smooth


def _local_mean(values: Floats) -> Floats:
    """Over seven neighbours, the two axes together: how fast the stage was moving."""
    both = values.mean(axis=1)
    mean: Floats = ndimage.uniform_filter1d(both, min(7, len(both)), mode="nearest")
    return np.stack([mean, mean], axis=1)


def _slopes(
    problem: Problem, path: Floats, images: list[Images], fixed: Complex64
) -> tuple[Floats, Floats]:
    """Slope and expected curvature of each frame's log likelihood along both axes."""
    found = np.empty((len(path), 4))
    band = problem.band

    def one(t: int) -> None:
        image = images[problem.block[t]]
        py, px = phases(band, path[t])
        product = np.empty(problem.y.shape[1:], np.complex64)
        frame_against(
            problem.y[t], problem.a[t], py, px, image.moving, image.own, image.other, fixed,
            problem.a[t], product,
        )  # fmt: skip
        shown, smear = image.moving, smeared_image(problem, path, t)
        if smear is not None:
            product *= smear
            shown = shown * smear
        found[t] = frame_slope(product, shown, problem.a[t], py, px, band.ky, band.kx)

    for_each(one, range(len(path)), problem.check)
    found *= 2 / band.overlap
    return found[:, :2] * problem.a[:, None].astype(np.float64), found[:, 2:]


def smear_variance(problem: Problem, path: Floats) -> Floats:
    """Of the mean place during a frame, along an axis, when the movement in it is unknown."""
    if len(path) < 2:
        return np.zeros(len(path))
    speed = np.hypot(*np.gradient(path, problem.middle, axis=0).T) * problem.lengths
    # Where it is more than the finest detail, the slower part of the movement weighs more.
    blurred = (speed / (6 * problem.cells.spacing[0])).clip(0, 1)
    variance: Floats = (SMEAR_ERROR * speed * blurred) ** 2 / 2
    return variance


def smeared_image(problem: Problem, path: Floats, t: int) -> Floats32 | None:
    """What is left of each coefficient of a frame during which the specimen moved on."""
    before, after = max(0, t - 1), min(len(path) - 1, t + 1)
    apart = (problem.lengths[before] + problem.lengths[after]) / 2
    apart += problem.lengths[t] if after - before == 2 else 0.0
    moved = (path[after] - path[before]) / max(apart, 1.0) * problem.lengths[t]
    if np.hypot(*moved) < SMEARED:
        return None
    band = problem.band
    smear: Floats32 = np.sinc(
        band.ky[:, None] * np.float32(moved[0]) + band.kx * np.float32(moved[1])
    ).astype(np.float32)
    return smear
