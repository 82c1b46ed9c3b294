"""Adding frames up, each moved back by its drift to a part of a pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.display import BRIGHTEST, DARKEST
from napari_beamwatch.movies.frames import FrameSource
from napari_beamwatch.results.findings import Findings
from napari_beamwatch.spectra.copies import copies_note
from napari_beamwatch.spectra.defects import MendedFrames
from napari_beamwatch.spectra.runners import Threads, ahead
from napari_beamwatch.spectra.stack import first_look
from napari_beamwatch.spectra.streaming import level_of, mended
from napari_beamwatch.summing.fading import lattice_frequencies, local_lattice
from napari_beamwatch.summing.weights import (
    FrameWeights,
    between,
    weights_alike,
    weights_as_left,
)
from napari_beamwatch.threads import spread, thread_count

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complexes = NDArray[np.complex64]

MADE_BY = "napari-beamwatch: sum of undamaged frames"

EDGE = 0.5
"""Part of the usual worth below which pixels, of the edges, do not set the brightness."""

BAND = 64
"""Rows that a thread adds at a time."""

PARTS = 8
"""Of a pixel to which frames are moved back: a sixteenth at the most is left, which takes less
than 2 % of the power at half the Nyquist frequency."""


@dataclass(frozen=True, eq=False)
class UndamagedImage:
    """An image of the specimen as it was.

    Attributes
    ----------
    image : array of float32 (y, x)
        Mean counts or grey values a frame.
    worth : array of float32 (y, x)
        How many frames of an undamaged specimen tell as much, at each pixel.
    pixel_size : float or None
        Å.
    frames : int
        That went in anywhere.
    dose : float or None
        e/Å² at the end of the last of them.
    note : str
        Which frames were left out as copies of the one before; empty if none was.
    provenance : dict
        Where it comes from, in plain values.
    """

    image: Floats32
    worth: Floats32
    pixel_size: float | None
    frames: int
    dose: float | None
    note: str
    provenance: dict[str, Any]

    @property
    def shown(self) -> tuple[float, float]:
        """Grey levels for black and white, by the noise of pixels that most frames show."""
        usual = self.image[self.worth >= EDGE * np.median(self.worth)]
        mean, noise = float(usual.mean()), max(float(usual.std()), 1e-6)
        return mean - DARKEST * noise, mean + BRIGHTEST * noise


def sum_undamaged(
    movie: Movie,
    result: Findings,
    *,
    survive: float | None = None,
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> UndamagedImage:
    """Add up the frames of a movie in which the specimen was as it was at first.

    Parameters
    ----------
    movie : Movie
    result : Result
        Of the same movie.
    survive : float, optional
        Part of the lattice power that must be left, 0.5 to 1 (1: frames before the first that
        the course of a place is below its plateau). Frames up to there count alike, each place
        by its own course. Without it every frame counts by what is left of the amplitude of the
        lattice around each pixel, which has the best signal-to-noise ratio.
    tick : callable
        Told how many of how many frames were read; may raise to stop. Weights take a pass first.

    Returns
    -------
    UndamagedImage
    """
    if survive is not None and not 0.5 <= survive <= 1:
        raise BeamwatchError(f"0.5 to 1 of the lattice can be asked for, not {survive!r}")
    if len(result.field) != len(movie):
        raise BeamwatchError(
            f"the run has {len(result.field)} frames and the movie {len(movie)}: it is another "
            "movie, or its frames were added up otherwise"
        )
    lit = np.asarray(movie.lit)
    alike = None if survive is None else weights_alike(result, lit, survive)
    needed = (
        lit if alike is None else lit & (np.arange(len(movie)) <= max(alike.frames, default=-1))
    )
    if not needed.any():
        raise BeamwatchError("no frame shows the specimen undamaged: there is nothing to add up")
    source = movie.recording.frames
    count = int(needed.sum())
    look = first_look(source, needed, Threads(), lambda _: tick(0, count), for_drift=False)
    source = MendedFrames(source, look.defects) if look.defects else source
    drift = np.nan_to_num(result.drift[["dy_px", "dx_px"]].to_numpy(float))
    once = np.flatnonzero(needed & ~look.copies).tolist()
    measured = len(once) if alike is None else 0
    if alike is None:
        weights = _as_left(source, result, once, drift, lambda done: tick(done, 2 * measured))
    else:
        weights = alike.without(look.copies)
    frames = weights.frames
    total, seen, worth = _added(
        source, weights, drift, frames, lambda done: tick(measured + done, measured + len(frames))
    )
    dose = None if movie.dose is None else float(movie.dose[frames[-1]])
    with np.errstate(divide="ignore", invalid="ignore"):
        image = np.where(seen > 0, total / seen, 0.0).astype(np.float32)
    provenance = {
        "movie": movie.name,
        "made_by": MADE_BY,
        "frames": len(frames),
        "weights": "amplitude left" if survive is None else f"frames with {survive:g} left",
        "until_dose_e_per_A2": dose,
        "pixel_size_A": movie.pixel_size,
        "dose_source": movie.dose_source,
    }
    note = copies_note(look.copies)
    if note:
        provenance["left_out"] = note
    return UndamagedImage(image, worth, movie.pixel_size, len(frames), dose, note, provenance)


def _as_left(
    source: FrameSource,
    result: Findings,
    frames: list[int],
    drift: Floats,
    tick: Callable[[int], None],
) -> FrameWeights:
    """Weights as what is left of the lattice; frames count alike where there is none."""
    window = 0 if result.windows.empty else int((result.windows["y1"] - result.windows["y0"]).max())
    g = lattice_frequencies(result.spots, window)
    if not len(g):
        return FrameWeights.alike(frames)
    shape = (source.shape[1], source.shape[2])
    lattice = local_lattice(lambda t: _read(source, t), shape, frames, drift, g, window, tick)
    return weights_as_left(lattice, frames)


def _read(source: FrameSource, frame: int) -> Floats32:
    """A frame without what no electron counts."""
    image = mended(source.read(frame))
    level = level_of(image)
    return np.where(image <= level.cap, image, level.mean).astype(np.float32)


def _added(
    source: FrameSource,
    weights: FrameWeights,
    drift: Floats,
    frames: list[int],
    tick: Callable[[int], None],
) -> tuple[Floats32, Floats32, Floats32]:
    """Weighted sum of frames, of their weights, and of these squared, over the pixels."""
    shape = (source.shape[1], source.shape[2])
    whole = np.rint(drift).astype(np.int64)
    part = np.rint((drift - whole) * PARTS).astype(np.int64)
    # Those that lie alike within a pixel come together: each such sum is transformed.
    alike: dict[tuple[int, int], list[int]] = {}
    for t in frames:
        alike.setdefault((int(part[t, 0]), int(part[t, 1])), []).append(t)
    ways = (
        *between(weights.y, np.arange(shape[0])), *between(weights.x, np.arange(shape[1])),
    )  # fmt: skip
    total, seen, squares = (np.zeros(shape, np.float32) for _ in range(3))
    moved, done = np.zeros((shape[0], shape[1] // 2 + 1), np.complex64), 0
    for key, some in alike.items():
        together = total if key == (0, 0) else np.zeros(shape, np.float32)
        for t, frame in ahead(lambda t: _read(source, t), some):
            _add(together, seen, squares, frame, weights.windows[t].astype(np.float32), ways,
                 whole[t])  # fmt: skip
            done += 1
            tick(done)
        if together is not total:
            moved += _moved_back(together, key)
    if moved.any():
        total += scipy.fft.irfft2(moved, s=shape, workers=thread_count())
    return total, seen, squares


def _add(
    together: Floats32,
    seen: Floats32,
    squares: Floats32,
    frame: Floats32,
    grid: Floats32,
    ways: tuple[NDArray[np.int64], Floats, NDArray[np.int64], Floats],
    shift: NDArray[np.int64],
) -> None:
    """Add a frame with weights between the middles of a grid, over the shared threads."""

    def band(first: int) -> None:
        add_weighted(together, seen, squares, frame, grid, *ways, shift, first, first + BAND)

    list(spread(band, range(0, len(together), BAND)))


@kernel()
def add_weighted(
    together: Floats32,
    seen: Floats32,
    squares: Floats32,
    frame: Floats32,
    grid: Floats32,
    above: NDArray[np.int64],
    part_y: Floats,
    left: NDArray[np.int64],
    part_x: Floats,
    shift: NDArray[np.int64],
    first: int,
    stop: int,
) -> None:
    """Add a frame to rows ``first:stop`` of a sum, of its weights, and of these squared.

    Parameters
    ----------
    together, seen, squares : array
        Added to.
    frame : array
    grid : array
        Weights.
    above, part_y, left, part_x : array
        Row and column of the grid before each pixel, and the way from there to the next.
    shift : array of int64 (2,)
        By which what is in the sum lies further down and to the right in the frame.
    first, stop : int
    """
    rows, columns = together.shape
    dy, dx = shift
    for y in range(max(first, -dy), min(stop, rows, rows - dy)):
        i, down = above[y], part_y[y]
        upper, lower = grid[i], grid[min(i + 1, grid.shape[0] - 1)]
        for x in range(max(0, -dx), min(columns, columns - dx)):
            j, k = left[x], min(left[x] + 1, grid.shape[1] - 1)
            here = upper[j] + down * (lower[j] - upper[j])
            there = upper[k] + down * (lower[k] - upper[k])
            weight = here + part_x[x] * (there - here)
            together[y, x] += weight * frame[y + dy, x + dx]
            seen[y, x] += weight
            squares[y, x] += weight * weight


def _moved_back(image: Floats32, part: tuple[int, int]) -> Complexes:
    """Transform of an image that is moved back by parts of a pixel."""
    ky = scipy.fft.fftfreq(image.shape[0]) * part[0] / PARTS
    kx = scipy.fft.rfftfreq(image.shape[1]) * part[1] / PARTS
    turned: Complexes = scipy.fft.rfft2(image, workers=thread_count())
    turned *= np.exp(2j * np.pi * ky).astype(np.complex64)[:, None]
    turned *= np.exp(2j * np.pi * kx).astype(np.complex64)
    return turned
