"""Grey levels to show a movie with, found without decoding it."""

from __future__ import annotations

import numpy as np

from napari_beamwatch.movies.frames import cached_read
from napari_beamwatch.movies.movie import Movie

NOISE_SHOWN = 4.0
"""Standard deviations of the shot noise between black or white and the mean."""

DARKEST, BRIGHTEST = 2.0, 4.0
"""Standard deviations from black to the mean of several frames, and from there to white."""

SAMPLED_ROWS = 64


def display_range(movie: Movie) -> tuple[float, float]:
    """Grey levels for black and white that suit most frames.

    Counted electrons need no look: their mean tells the noise. Otherwise some rows of the
    middle frame, the one that viewers show first, are looked at.
    """
    counts, counting = movie.counts, movie.counting
    lit = movie.lit
    if counts is not None and counting is not None and counting.kind == "single" and lit.any():
        mean = float(np.median(counts[lit]))
        reach = NOISE_SHOWN * np.sqrt(mean)
        return max(0.0, mean - reach), max(1.0, mean + reach)
    source = movie.recording.frames
    frames, height, _ = source.shape
    middle = frames // 2
    if source.seekable_rows:
        start = max(0, (height - SAMPLED_ROWS) // 2)
        pixels = source.read_rows(middle, start, start + SAMPLED_ROWS)
    else:  # decoded whole in any case, and kept for the viewer
        pixels = cached_read(source, middle)[:: max(1, height // SAMPLED_ROWS)]
    finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels.ravel()
    if finite.size == 0:
        return 0.0, 1.0
    low, high = np.percentile(finite.astype(np.float64), (0.5, 99.5))
    if high <= low:
        high = low + 1.0
    return float(low), float(high)
