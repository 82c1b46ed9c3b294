"""Voids: places inside a particle that let more electrons by than what is around them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage import measure

from napari_beamwatch.particles.bins import Floats32
from napari_beamwatch.particles.edges import Edge
from napari_beamwatch.particles.outlines import Mask, box_of, inside, normals
from napari_beamwatch.particles.pictures import SIGMA, smoothed

VOID_SIGMA = 1.5 * SIGMA
"""Pixels of the Gaussian that voids are found under: they have no outline to go by."""

RIM = 2.0 * SIGMA
"""Pixels inside the outline from which on they are looked for."""

PEAK = 5.0
"""Standard deviations of the noise above the particle's level that a void reaches."""

DEPTH = 0.3
"""Part of the particle's contrast that it reaches."""


def find_voids(picture: Floats32, noise: float, edge: Edge) -> Mask:
    """Enclosed places lighter than the particle, each down to half of its height and a rim more.

    Parameters
    ----------
    picture : array
    noise : float
        Standard deviation of a pixel of mean 1.
    edge : Edge
    """
    interior = inside(edge.points - RIM * normals(edge.points), picture.shape)
    voids = np.zeros_like(interior)
    box = box_of(interior, int(3 * VOID_SIGMA))
    own = interior[box]
    if not own.any():
        return voids
    image = smoothed(picture[box], VOID_SIGMA)
    height = image - np.median(image[own])
    of_noise = noise * np.sqrt(edge.inside / (4 * np.pi * VOID_SIGMA**2))
    least = max(PEAK * of_noise, DEPTH * edge.contrast)
    rim = own & ~ndimage.binary_erosion(own, iterations=2)
    kept = np.zeros_like(own)
    labels = measure.label(own & (height > least / 2), connectivity=1)
    for part in measure.regionprops(labels, intensity_image=height):
        if part.intensity_max > least:
            half = (labels == part.label) & (height > part.intensity_max / 2)
            # What is lightest at the rim is a slope of the particle's thickness.
            if not (height[half & rim] == part.intensity_max).any():
                kept |= half
    if kept.any():
        voids[box] = ndimage.distance_transform_edt(~kept) <= SIGMA
    return voids & interior


def void_area(picture: Floats32, noise: float, edge: Edge, voids: Mask) -> tuple[float, float]:
    """Area that holes right through would have to let as many electrons by, and its error.

    Linear in the picture, at places that are the same in all bins: without a void it is 0 on the
    mean.
    """
    interior = inside(edge.points - SIGMA * normals(edge.points), picture.shape)
    box = box_of(interior, int(3 * VOID_SIGMA))
    own, image = interior[box], picture[box]
    hollow = voids[box] & own
    around = (ndimage.distance_transform_edt(~hollow) <= 2 * VOID_SIGMA) & own & ~hollow
    if not hollow.any() or not around.any():
        return float("nan"), float("nan")
    level = float(image[around].mean())
    light = float((image[hollow] - level).sum())
    count = np.count_nonzero(hollow)
    spread_ = noise * np.sqrt(level * count * (1 + count / np.count_nonzero(around)))
    contrast = edge.outside - level
    if contrast <= 0:
        return float("nan"), float("nan")
    return light / contrast, float(spread_ / contrast)
