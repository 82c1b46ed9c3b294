"""Where the spots of a pattern lie, and the centre that their pairs have.

Places are those where the Gaussian-weighted centre of gravity stays where it is, of the spot and
of its mirror image at once: what is wrong with the centre cancels. The centre is that of the
pairs which are clear enough for each mate to have a place of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.diffraction.background import RADIUS, Background, disc
from napari_beamwatch.spectra.diffraction.centre import Centre, Mask

Floats = NDArray[np.float64]

WEIGHT = 1.5
"""Pixels: standard deviation of the weights that places and intensities are read with."""

WHOLE = 0.98
"""Part of what the centre of gravity looks at that must be seen."""

STEPS = 30
"""Most steps to the place where the centre of gravity stays."""

GRAVITY_RADIUS = RADIUS + 1
"""Pixels: how far the weighted centre of gravity looks."""

CLEAR = 15.0
"""Standard deviations of the background from which each mate of a pair has a place of its own."""


def usable_in(centre: Centre) -> Mask:
    """Pixels around which enough of a disc is seen."""
    whole = disc(GRAVITY_RADIUS)
    part = ndimage.convolve(centre.seen.astype(np.float64), whole, mode="constant") / whole.sum()
    return np.asarray(part >= WHOLE, np.bool_)


def placed_in(
    rows: Floats, images: Sequence[Floats], backgrounds: Sequence[Background], centre: Centre
) -> tuple[Floats, Centre]:
    """Columns ry, rx, r_se, whether each mate is seen, and the response; and the centre."""
    usable = usable_in(centre)

    def whole_at(places: Floats) -> NDArray[np.bool_]:
        known = np.asarray(np.isfinite(places).all(axis=1), np.bool_)
        at = np.rint(np.where(known[:, None], places, -1)).astype(np.int64)
        y, x = at[:, 0], at[:, 1]
        inside: Mask = (y >= 0) & (y < usable.shape[0]) & (x >= 0) & (x < usable.shape[1])
        whole: Mask = inside.copy()
        whole[inside] = usable[y[inside], x[inside]]
        return whole

    def place(row: Floats, at: Floats, mates: NDArray[np.bool_]) -> tuple[float, ...]:
        segment = int(row[6])
        level = backgrounds[segment].level
        found: tuple[float, ...] = settle(images[segment], level, centre.seen, at, mates, row[5])
        return found

    middle = np.array([centre.y, centre.x])
    away = rows[:, :2] - middle
    at = np.stack([middle + away, middle - away], axis=1)
    seen = whole_at(at.reshape(-1, 2)).reshape(-1, 2)
    pairs = []
    for i in np.flatnonzero(seen.all(axis=1) & (rows[:, 4] > CLEAR)).tolist():
        first = place(rows[i], at[i], np.array([True, False]))
        second = place(rows[i], at[i, ::-1], np.array([True, False]))
        pairs.append([*(at[i, 0] + first[:2]), *first[2:4], *(at[i, 1] + second[:2]), *second[2:4]])
    centre = _centre_of_pairs(np.array(pairs).reshape(-1, 2, 4), centre)
    middle = np.array([centre.y, centre.x])
    placed = np.full((len(rows), 6), np.nan)
    for i in range(len(rows)):
        mates, vector = seen[i], away[i]
        for _ in range(2):  # again, should a mate turn out to lie across an edge
            start = np.stack([middle + away[i], middle - away[i]])
            dy, dx, vy, vx, response, lean = place(rows[i], start, mates)
            vector = away[i] + [dy, dx]
            here = mates & whole_at(np.stack([middle + vector, middle - vector]))
            if (here == mates).all():
                break
            mates = here
        if not (mates.any() and (here == mates).all()):
            continue  # a spot that is cut off has no place
        length = float(np.hypot(*vector))
        variance = np.array([vy, vx]) + (lean * centre.se) ** 2
        se = float(np.sqrt((vector / length) ** 2 @ variance))
        flip = vector[1] < 0 or (vector[1] == 0 and vector[0] < 0)
        told = mates[::-1] if flip else mates
        placed[i] = [*(-vector if flip else vector), se, *told, response]
    return placed, centre


def _centre_of_pairs(pairs: Floats, centre: Centre) -> Centre:
    """The centre as the middles of pairs have it, those that stand out left out.

    Parameters
    ----------
    pairs : array (pair, mate, 4)
        Place and variance along y and x.
    centre : Centre
        Where there is no pair.
    """
    pairs = pairs[np.isfinite(pairs).all(axis=(1, 2))]
    if not len(pairs):
        return centre
    middle = pairs[:, :, :2].mean(axis=1)
    variance = pairs[:, :, 2:].sum(axis=1) / 4
    away = np.abs(middle - np.median(middle, axis=0)) / np.sqrt(variance)
    plain = (away < 5).all(axis=1)
    if not plain.any():
        return centre
    weight = 1 / variance[plain]
    mean = (weight * middle[plain]).sum(axis=0) / weight.sum(axis=0)
    excess = 1.0
    if plain.sum() > 1:
        chi = (weight * (middle[plain] - mean) ** 2).sum(axis=0).mean() / (plain.sum() - 1)
        excess = max(1.0, float(chi))
    se = float(np.sqrt(excess / weight.sum(axis=0).min()))
    return Centre(float(mean[0]), float(mean[1]), se, centre.seen)


@kernel()
def settle(
    image: Floats,
    level: Floats,
    seen: NDArray[np.bool_],
    at: Floats,
    mates: NDArray[np.bool_],
    dispersion: float,
) -> tuple[float, float, float, float, float, float]:
    """How far a spot must be moved, and its mate the other way, for the centre of gravity to stay.

    Parameters
    ----------
    image, level : array
        Counts and background.
    seen : array of bool
    at : array (2, 2)
        (y, x) of the spot and of its mate.
    mates : array of bool (2,)
        Which of them count.
    dispersion : float
        Variance over mean of a pixel.

    Returns
    -------
    dy, dx : float
    variance_y, variance_x : float
    response : float
        By what part of its distance a spot moves the weighted centre of gravity.
    lean : float
        How much more the spot weighs than its mate, from −1 to 1: by so much the centre matters.
        All are NaN where it runs away further than the radius of a disc: there is no peak.
    """
    reach = int(np.ceil(GRAVITY_RADIUS))
    square = WEIGHT * WEIGHT
    nothing = (np.nan, np.nan, np.nan, np.nan, np.nan, np.nan)
    dy = dx = 0.0
    noise_y = noise_x = bend_y = bend_x = total = lean = 0.0
    for _ in range(STEPS):
        pull_y = pull_x = total = lean = 0.0
        noise_y = noise_x = bend_y = bend_x = 0.0
        for m in range(2):
            if not mates[m]:
                continue
            sign = 1 - 2 * m
            y, x = at[m, 0] + sign * dy, at[m, 1] + sign * dx
            iy, ix = int(np.rint(y)), int(np.rint(x))
            for i in range(max(0, iy - reach), min(image.shape[0], iy + reach + 1)):
                for j in range(max(0, ix - reach), min(image.shape[1], ix + reach + 1)):
                    v, u = sign * (i - y), sign * (j - x)
                    away = v * v + u * u
                    if not seen[i, j] or away > GRAVITY_RADIUS * GRAVITY_RADIUS:
                        continue
                    weight = np.exp(-away / (2 * square))
                    signal = image[i, j] - level[i, j]
                    variance = dispersion * max(image[i, j], level[i, j])
                    total += weight * signal
                    lean += sign * weight * signal
                    pull_y += weight * v * signal
                    pull_x += weight * u * signal
                    noise_y += (weight * v) ** 2 * variance
                    noise_x += (weight * u) ** 2 * variance
                    bend_y += weight * (1 - v * v / square) * signal
                    bend_x += weight * (1 - u * u / square) * signal
        if total <= 0:
            return nothing
        # Twice: a spot as wide as the weights pulls them by half its distance.
        step_y, step_x = 2 * pull_y / total, 2 * pull_x / total
        dy += min(max(step_y, -1.0), 1.0)
        dx += min(max(step_x, -1.0), 1.0)
        if np.hypot(dy, dx) > RADIUS:
            return nothing
        if np.hypot(step_y, step_x) < 1e-3:
            break
    if bend_y <= 0 or bend_x <= 0:
        return nothing
    response = (bend_y + bend_x) / 2 / total
    return dy, dx, noise_y / bend_y**2, noise_x / bend_x**2, response, lean / total
