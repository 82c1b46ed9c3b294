"""Particles in a picture of which nothing is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import filters, measure

from napari_beamwatch.particles.bins import Floats32
from napari_beamwatch.particles.edges import SMALLEST, Edge, fit_edge
from napari_beamwatch.particles.outlines import Mask, inside
from napari_beamwatch.particles.pictures import SHARED, SIGMA, block_means, spread

FOUND = 5.0
"""Contrast of a particle, in standard deviations of the film around it as it is smoothed. The
darker half of a film of one kind has 1.6, its darkest hundredth 2.7."""

FOLLOWED = 4.0
"""Contrast in standard deviations of the noise of a single bin as it is smoothed."""

SLOPE = 1.3
"""Contrast far from the edge over that near it: 1 at an edge, 1.5 on an even slope."""

LEAST = np.float32(0.05)
"""Of the mean: no lower value enters a logarithm."""

COARSE = 256
"""Pixels a side, at the most, of the picture in which it is made out where to look."""

MOST = 16
"""Particles that are followed; the largest."""


def find_edges(smooth: Floats32, noise: float, bin_noise: float) -> list[Edge]:
    """Edges of the particles in a picture, largest first.

    Parameters
    ----------
    smooth : array
        Picture under the Gaussian.
    noise : float
        Standard deviation of one of its pixels before that.
    bin_noise : float
        The same of the picture of a single bin.
    """
    found: list[Edge] = []
    taken = np.zeros(smooth.shape, bool)
    by = -(-max(smooth.shape) // COARSE)
    # A Gaussian beam's logarithm is a parabola.
    image = np.log(np.maximum(block_means(smooth, by), LEAST))
    for bent in (False, True):
        start = image - _parabola(image, np.zeros(image.shape, bool)) if bent else image
        for cut in (float(filters.threshold_otsu(start)), _dark_tail(start)):
            mask, flat = _settled(image, start < cut, bent)
            if not 0 < mask.mean() < 1:
                continue
            film = spread(flat[~mask])
            # What noise does fails here already, where it costs no time.
            shallow = max(FOUND * film, FOLLOWED * bin_noise / np.sqrt(SHARED)) * 0.7
            mask = _deep(mask, flat, shallow)
            for part in _parts(_finer(mask, by, smooth.shape), taken):
                edge = fit_edge(smooth, part, taken & ~part, noise)
                if edge is None or edge.far > SLOPE:
                    continue
                level = (edge.inside + edge.outside) / 2
                least = max(FOUND * film * level, FOLLOWED * bin_noise / np.sqrt(SHARED))
                own = inside(edge.points, smooth.shape)
                if edge.contrast > least and not (own & taken).any():
                    found.append(edge)
                    taken |= own
    return sorted(found, key=lambda edge: -edge.shape[0])[:MOST]


def _parts(mask: Mask, taken: Mask) -> list[Mask]:
    """Connected parts of a mask that are large enough and lie wholly in the picture, filled."""
    labels = measure.label(mask, connectivity=1)
    parts = []
    for part in measure.regionprops(labels):
        top, left, bottom, right = part.bbox
        whole = top > 0 and left > 0 and bottom < mask.shape[0] and right < mask.shape[1]
        if whole and part.area >= np.pi / 4 * (SMALLEST * SIGMA) ** 2:
            filled = np.zeros_like(mask)
            filled[part.slice] = part.image_filled
            if not (filled & taken).any():
                parts.append(filled)
    return parts


def _deep(mask: Mask, flat: Floats32, least: float) -> Mask:
    """The parts of a mask that are darker than the rest by so much on the mean."""
    labels = measure.label(mask, connectivity=1)
    depth = flat[~mask].mean() - np.bincount(labels.ravel(), flat.ravel()) / np.maximum(
        np.bincount(labels.ravel()), 1
    )
    depth[0] = 0
    return np.asarray((depth > least)[labels])


def _finer(mask: Mask, by: int, shape: tuple[int, ...]) -> Mask:
    """The same mask in pixels that are so much smaller."""
    fine = np.zeros(shape, bool)
    whole = np.kron(mask, np.ones((by, by), bool))
    fine[: whole.shape[0], : whole.shape[1]] = whole
    return fine


def _settled(image: Floats32, mask: Mask, bent: bool) -> tuple[Mask, Floats32]:
    """A mask, and the picture less a background, that agree; that is even unless `bent`."""
    flat = image
    for _ in range(6):
        if not 0 < mask.mean() < 1:
            break
        flat = image - _parabola(image, mask) if bent else image
        new = flat < (flat[mask].mean() + flat[~mask].mean()) / 2
        same = np.count_nonzero(new ^ mask) < 1e-3 * mask.size
        mask = new
        if same:
            break
    return mask, flat


def _parabola(image: Floats32, mask: Mask) -> Floats32:
    """A parabola through a picture, beside a step at the mask."""
    height, width = image.shape
    step = max(1, max(height, width) // 128)
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]

    def terms(y: Any, x: Any) -> list[Any]:
        return [y**0 * x**0, y + 0 * x, x + 0 * y, y**2 + 0 * x, y * x, x**2 + 0 * y]

    rows = [term.ravel() for term in terms(y[::step], x[:, ::step])]
    few = mask[::step, ::step].ravel().astype(float)
    if 0 < few.mean() < 1:
        rows.append(few)
    matrix: NDArray[np.float64] = np.stack(rows)
    # A few well-conditioned terms and very many values: normal equations will do.
    solved = np.linalg.lstsq(matrix @ matrix.T, matrix @ image[::step, ::step].ravel())[0]
    surface = np.zeros(image.shape)
    for factor, term in zip(solved, terms(y, x), strict=False):
        surface += factor * term
    return surface.astype(np.float32)


def _dark_tail(flat: Floats32) -> float:
    return float(np.median(flat) - 4 * spread(flat))
