"""Windows: the square FFT tiles of a sliding grid, and the tapers laid over them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.rim import NO_RIM, Rim

Taper = Literal["hann", "cosine"]
Floats32 = NDArray[np.float32]

SMALLEST_WINDOW = 32
DEFAULT_EXTENT = 40.0
"""Å: a window as near to this as powers of two allow holds some twenty fringes of 2 Å, and is
small enough to map where damage began."""

LEAST_EXTENT = 20.0
"""Å: a smaller window hardly parts LiF 111 from the Li2O 111 that it becomes (14 %): of 16 Å it
takes the one for the other, of 25 Å in none of six movies."""

FRINGES = 5
"""Of the widest spacing of the phases that are expected, which a window holds at least: spots are
looked for from the fourth bin on. With 6, LiOH forbade the smaller windows of bright movies, and
the onset of a mosaic was 3.5 frames late instead of 0.05."""

LARGEST_POWERS = 9, 11
"""Of two: the largest window that is chosen, and the largest that wide spacings ask for."""

FEW = 8
"""Windows side by side below which they follow each other in smaller steps: more of them then lie
inside one grain, and few must not be lost for a specimen that drifts by a part of one."""

USUAL_CONTRAST = 0.1
"""Of the fringes of a thin crystal."""

SEEN = 8.0
"""Signal-to-noise ratio at which a fringe is seen for sure in a window at a known frequency."""

FINEST_PART = 0.05
"""Part of the record in which a fringe should be seen in a default window."""

FINEST_SPACING = 0.5
"""Å: no microscope shows lattice fringes finer than this."""

EDGE = 32
"""Part of a window, one in so many, that may be off the detector in a sum, or in a frame's rim:
the taper hides it."""

REACH = 3
"""Bins on either side that tell what lies between two."""

POINTS = 4
"""A side of a step that is asked for the nearest window."""

FINE = 1 / 8
"""Bins between the frequencies at which a peak is looked for."""


def taper_line(name: Taper, size: int) -> NDArray[np.float64]:
    """One axis of a taper, periodic: shifted by half its size it adds up evenly."""
    n = np.arange(size)
    if name == "hann":
        return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * n / size))
    return np.asarray(np.sin(np.pi * (n + 0.5) / size))


def between_bins(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the bins around for frequencies between them: (frequency, bin).

    Least squares over the window, weighted by the square of the taper: where that is low it
    does not matter how well a wave is matched.

    Parameters
    ----------
    line : array
        The taper along one axis.
    """
    u = (np.arange(len(line)) - len(line) / 2) / len(line)
    bins = np.arange(-REACH, REACH + 1, dtype=np.float64)
    wanted = np.arange(-6, 7, dtype=np.float64) * FINE

    def shared(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
        turns = np.cos(2 * np.pi * (a[:, None, None] - b[None, :, None]) * u)
        return np.asarray((line**2 * turns).sum(axis=-1), np.float64)

    weights = np.linalg.solve(shared(bins, bins), shared(bins, wanted))
    return np.ascontiguousarray(weights.T)


@dataclass(frozen=True)
class Grid:
    """Windows of one size, side by side every `step` pixels, wholly inside the field.

    Attributes
    ----------
    height, width : int
        Of the field in pixels.
    window, step : int
        Side of a window, and from one to the next, in pixels.
    taper : {"hann", "cosine"}
    """

    height: int
    width: int
    window: int
    step: int
    taper: Taper = "hann"

    def __post_init__(self) -> None:
        if self.window < SMALLEST_WINDOW or self.window % 2:
            raise BeamwatchError(
                f"a window is an even number of pixels from {SMALLEST_WINDOW} on, not {self.window}"
            )
        if self.window > min(self.height, self.width):
            raise BeamwatchError(
                f"a window of {self.window} px does not fit into frames of {self.height} by "
                f"{self.width} px"
            )
        if not 1 <= self.step <= self.window:
            raise BeamwatchError(f"the step is 1 to {self.window} px (the window), not {self.step}")

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Upper edge of each row of windows."""
        return np.arange(0, self.height - self.window + 1, self.step)

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """Left edge of each column of windows."""
        return np.arange(0, self.width - self.window + 1, self.step)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of windows."""
        return len(self.rows), len(self.columns)

    def __len__(self) -> int:
        return len(self.rows) * len(self.columns)

    @cached_property
    def corners(self) -> NDArray[np.int64]:
        """(y0, x0) of each window, row by row."""
        y, x = np.meshgrid(self.rows, self.columns, indexing="ij")
        return np.stack([y.ravel(), x.ravel()], axis=1)

    def worth(self, seen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """What each window stands for, in squares of a step: what lies nearest to its middle.

        Those at a border reach half a window beyond theirs, and the others half a step: a grain in
        a corner of the field is seen in few windows.

        Parameters
        ----------
        seen : array of bool (windows,)
            Which there are; the others stand for nothing.
        """
        found = np.zeros(len(self))
        if not seen.any():
            return found
        middles = self.corners[seen] + self.window / 2
        lines = (
            np.arange(0.5, size * POINTS / self.step) * self.step / POINTS
            for size in (self.height, self.width)
        )
        points = np.stack(np.meshgrid(*lines, indexing="ij"), axis=-1).reshape(-1, 2)
        _, nearest = cKDTree(middles).query(points)
        # Within its square, and not in a corner that no window reaches.
        inside = (np.abs(points - middles[nearest]) < self.window / 2).all(axis=1)
        count = np.bincount(nearest[inside], minlength=len(middles))
        found[seen] = count / POINTS**2
        return found

    def coarser(self, by: int) -> Grid:
        """The same windows in pixels `by` times as large."""
        return Grid(
            self.height // by, self.width // by, self.window // by, self.step // by, self.taper
        )

    @property
    def wider(self) -> Grid | None:
        """Windows of twice the side in the usual steps; None where two of them do not fit."""
        window = 2 * self.window
        if 2 * window > min(self.height, self.width):
            return None
        step = usual_step(window, self.height, self.width)
        return Grid(self.height, self.width, window, step, self.taper)

    @cached_property
    def line(self) -> NDArray[np.float64]:
        """The taper along one axis."""
        return taper_line(self.taper, self.window)

    @cached_property
    def between(self) -> NDArray[np.float64]:
        """How the transform between two bins follows from those around."""
        return between_bins(self.line)

    @cached_property
    def weights(self) -> Floats32:
        """The taper over a window."""
        return np.asarray(np.outer(self.line, self.line), np.float32)

    @property
    def weight_sum(self) -> float:
        """Σ w over a window."""
        return float(self.line.sum() ** 2)

    @property
    def correlation(self) -> float:
        """Neighbouring bins that say the same: bins over independent ones."""
        return float((self.window * (self.line**4).sum() / (self.line**2).sum() ** 2) ** 2)

    @property
    def weight_power(self) -> float:
        """Σ w² over a window: the power of unit white noise in every bin."""
        return float((self.line**2).sum() ** 2)


def coarsening(grid: Grid, pixel_size: float | None) -> int:
    """Pixels a side that may be added up before spots are looked for: 1 or 2.

    Where pixels are so fine that no lens shows what the coarser ones would not, three quarters
    of the spectrum hold noise alone, and need not be worked out.
    """
    fits = grid.step % 2 == 0 and grid.window % 4 == 0 and grid.window >= 2 * SMALLEST_WINDOW
    known = pixel_size is not None and 4 * pixel_size <= FINEST_SPACING
    return 2 if fits and known else 1


def default_grid(
    movie: Movie, window: int | None, step: int | None, taper: Taper, widest: float | None = None
) -> Grid:
    """The grid that is asked for, or that suits the pixel size and the dose of a frame.

    Parameters
    ----------
    movie : Movie
    window, step : int, optional
        In pixels.
    taper : {"hann", "cosine"}
    widest : float, optional
        Å; the widest spacing of the phases that are expected: frameworks have some of 12 to 50 Å.
    """
    _, height, width = movie.shape
    if window is None:
        usual, most = LARGEST_POWERS
        wanted = 256.0 if movie.pixel_size is None else DEFAULT_EXTENT / movie.pixel_size
        window = 1 << max(6, min(usual, round(np.log2(wanted))))
        least = 0.0
        if movie.pixel_size is not None and widest is not None:
            least = FRINGES * widest / movie.pixel_size
        if window < least:
            window = 1 << min(most, int(np.ceil(np.log2(least))))
        while window >= 2 * max(SMALLEST_WINDOW, least) and 2 * window > min(height, width):
            window //= 2
        window = min(window, min(height, width) // 2 * 2)
        if 8 * window <= min(height, width) and _too_faint(movie, window, taper):
            window *= 2
        elif window % 4 == 0 and window >= 2 * least and _bright(movie, window // 2, taper):
            window //= 2
    if step is None:
        step = usual_step(window, height, width)
    return Grid(height, width, window, step, taper)


def usual_step(window: int, height: int, width: int) -> int:
    """Pixels from one window of a field to the next."""
    return window // (2 if min(height, width) >= FEW * window else 4)


def _too_faint(movie: Movie, window: int, taper: Taper) -> bool:
    frames = frames_to_see(Grid(window, window, window, window, taper), movie)
    return frames is not None and frames > max(1, FINEST_PART * int(movie.lit.sum()))


def _bright(movie: Movie, window: int, taper: Taper) -> bool:
    """Whether smaller windows, which part small grains, do: each frame shows a fringe in them."""
    if movie.pixel_size is None or window < max(SMALLEST_WINDOW, LEAST_EXTENT / movie.pixel_size):
        return False
    return frames_to_see(Grid(window, window, window, window, taper), movie) == 1


def frames_to_see(grid: Grid, movie: Movie) -> int | None:
    """Frames in which a window shows a usual fringe; None if the electrons are not known."""
    if movie.frame_dose is None or movie.pixel_size is None or not movie.lit.any():
        return None
    electrons = float(np.median(movie.frame_dose[movie.lit])) * movie.pixel_size**2
    electrons *= grid.weight_sum**2 / grid.weight_power
    if electrons <= 0:
        return None
    return int(np.ceil(SEEN / snr_of_fringe(USUAL_CONTRAST, electrons)))


def snr_of_fringe(contrast: float, electrons: float) -> float:
    """Signal-to-noise ratio of a fringe: C² n / 4 [1]_.

    Parameters
    ----------
    contrast : float
        C.
    electrons : float
        Those of a window that count, n = λ (Σ w)² / Σ w² with λ electrons a pixel.

    References
    ----------
    .. [1] Saxton, W. O. Quantitative comparison of images and transforms. J. Microsc. 190,
       52-60 (1998).
    """
    return contrast**2 * electrons / 4


def windows_inside(
    grid: Grid, shift: tuple[int, int], margin: int = 0, rim: Rim = NO_RIM
) -> NDArray[np.bool_]:
    """Windows that, moved by `shift`, lie on the detector but for `margin` pixels.

    Of a `rim` that was filled they may hold one part in `EDGE` of their side.
    """
    corners = grid.corners + np.asarray(shift)
    hidden = grid.window // EDGE
    first = np.maximum(np.array([rim.top, rim.left]) - hidden, 0)
    last = np.array([grid.height, grid.width])
    last -= np.maximum(np.array([rim.bottom, rim.right]) - hidden, 0)
    inside = (corners >= first - margin) & (corners + grid.window <= last + margin)
    return np.asarray(inside.all(axis=1))


@dataclass(frozen=True)
class Resolution:
    """What windows can tell; None where it is not known.

    Attributes
    ----------
    extent_nm : float or None
        Side of a window.
    spacing : float or None
        Part by which two spacings near 2 Å must differ to be told apart.
    frames : int or None
        In which one window shows a fringe of `USUAL_CONTRAST`.
    dose : float or None
        Of these frames, in e/Å²: the resolution of an onset along the dose.
    """

    extent_nm: float | None = None
    spacing: float | None = None
    frames: int | None = None
    dose: float | None = None

    @classmethod
    def of(cls, grid: Grid, movie: Movie) -> Resolution:
        """Of a grid of windows on a movie."""
        extent = None if movie.pixel_size is None else grid.window * movie.pixel_size
        frames = frames_to_see(grid, movie)
        dose = None
        if frames is not None and movie.frame_dose is not None:
            dose = frames * float(np.median(movie.frame_dose[movie.lit]))
        if extent is None:
            return cls(frames=frames, dose=dose)
        # Full width at half maximum of a Hann window's line, 2 bins, at d = 2 Å.
        return cls(extent / 10, 2 * 2.0 / extent, frames, dose)
