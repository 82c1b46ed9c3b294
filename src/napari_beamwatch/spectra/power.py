"""The power spectrum of one place at one time: what a live Fourier transform shows.

With x the counts less their mean under the taper w and λ that mean,
``|FFT(x · w)|² / (λ · Σw²)`` is 1 on average in every bin where single counts are all there is,
whatever the dose, the size of the region or its outline.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.imaging import check_images
from napari_beamwatch.spectra.windows import SMALLEST_WINDOW, Floats32, taper_line
from napari_beamwatch.threads import free_threads

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PowerSpectrum:
    """Power over that of single counts, frequency zero in the middle.

    Attributes
    ----------
    power : array of float32 (rows, columns)
        Of the whole plane; frequency zero is at ``[rows // 2, columns // 2]``. All 0 where no
        electron was counted.
    ky, kx : array of float64
        Frequency of each row and column, in cycles per pixel.
    mean : float
        Counts per pixel of the sum, under the taper.
    first, last : int
        Frames ``first:last`` were added up.
    pixel_size : float or None
        Å.
    """

    power: Floats32
    ky: Floats
    kx: Floats
    mean: float
    first: int
    last: int
    pixel_size: float | None

    @property
    def ky_per_A(self) -> Floats | None:  # noqa: N802 - the unit's own letter
        """Frequency of each row in 1/Å, or None without a pixel size."""
        return None if self.pixel_size is None else self.ky / self.pixel_size

    @property
    def kx_per_A(self) -> Floats | None:  # noqa: N802
        """Frequency of each column in 1/Å, or None without a pixel size."""
        return None if self.pixel_size is None else self.kx / self.pixel_size


def power_spectrum(movie: Movie, region: Region | None, frame: int, n: int = 1) -> PowerSpectrum:
    """Power spectrum of a region around a frame, under a Hann taper.

    Parameters
    ----------
    movie : Movie
    region : Region or None
        None is the whole field. Of a polygon its bounding box is transformed; pixels outside
        it, and those that are no numbers, count as the mean and leave the floor at 1.
    frame : int
        0-based.
    n : int
        Frames added up, the given one in their middle (with an even number, one more lies
        after it), so that a change shows at its own frame. At the ends of the movie the
        stretch is moved, not shortened: fewer electrons there would look like fading. Of a
        movie shorter than `n` all frames are added up. The drift is not taken out.

    Returns
    -------
    PowerSpectrum
    """
    check_images(movie)
    frames, height, width = movie.shape
    if not isinstance(frame, int | np.integer) or not 0 <= frame < frames:
        raise BeamwatchError(f"there is no frame {frame}: the movie has {frames}, from 0 on")
    if not isinstance(n, int | np.integer) or n < 1:
        raise BeamwatchError(f"a running sum is of 1 or more frames, not {n}")
    y0, x0, y1, x1 = 0, 0, height, width
    if region is not None:
        region.check_inside(height, width)
        y0, x0, y1, x1 = region.box
    if min(y1 - y0, x1 - x0) < SMALLEST_WINDOW:
        name = "the field" if region is None else f"region {region.name!r}"
        raise BeamwatchError(
            f"{name} is {y1 - y0} by {x1 - x0} px; a spectrum needs {SMALLEST_WINDOW} by "
            f"{SMALLEST_WINDOW} or more"
        )
    first, last = summed_frames(int(frame), int(n), frames)
    total = np.zeros((y1 - y0, x1 - x0), np.float32)
    for t in range(first, last):
        total += movie.frame(t)[y0:y1, x0:x1]
    inside = np.ones(total.shape, bool)
    if region is not None:
        corners = np.asarray(region.vertices, np.float64) - [y0, x0]
        fill_polygon(corners, inside)
    power, mean = spectrum_of(total, inside)
    return PowerSpectrum(
        power,
        np.fft.fftshift(np.fft.fftfreq(total.shape[0])),
        np.fft.fftshift(np.fft.fftfreq(total.shape[1])),
        mean,
        first,
        last,
        movie.pixel_size,
    )


def summed_frames(frame: int, n: int, frames: int) -> tuple[int, int]:
    """First and last (exclusive) of the `n` frames of a running sum around one."""
    n = min(n, frames)
    first = min(max(0, frame - (n - 1) // 2), frames - n)
    return first, first + n


def spectrum_of(image: Floats32, inside: NDArray[np.bool_]) -> tuple[Floats32, float]:
    """Power over that of single counts, frequency zero in the middle, and the mean.

    Parameters
    ----------
    image : array of float32
    inside : array of bool
        Pixels that count; those that are no numbers do not in any case.
    """
    rows, columns = image.shape
    line_y = taper_line("hann", rows).astype(np.float32)
    line_x = taper_line("hann", columns).astype(np.float32)
    tapered = np.empty_like(image)
    mean, weight_power = taper_inside(image, inside, line_y, line_x, tapered)
    power = np.zeros((rows, columns), np.float32)
    if not mean > 0:
        return power, 0.0
    half = scipy.fft.rfft2(tapered, workers=free_threads(), overwrite_x=True)
    whole_plane(half, np.float32(1 / (mean * weight_power)), power)
    return power, mean


@kernel()
def fill_polygon(corners: Floats, inside: NDArray[np.bool_]) -> None:
    """Set which pixels have their middle in a polygon; of even-odd kind where it meets itself.

    Parameters
    ----------
    corners : array (corner, 2)
        (y, x); the upper left corner of the first pixel is (0, 0).
    inside : array of bool
        Overwritten.
    """
    count = len(corners)
    crossings = np.empty(count)
    for y in range(inside.shape[0]):
        middle = y + 0.5
        found = 0
        for i in range(count):
            ya, xa = corners[i, 0], corners[i, 1]
            yb, xb = corners[(i + 1) % count, 0], corners[(i + 1) % count, 1]
            if (ya > middle) != (yb > middle):
                crossing = xa + (middle - ya) * (xb - xa) / (yb - ya)
                place = found
                while place > 0 and crossings[place - 1] > crossing:
                    crossings[place] = crossings[place - 1]
                    place -= 1
                crossings[place] = crossing
                found += 1
        row = inside[y]
        row[:] = False
        for i in range(0, found - 1, 2):
            start = max(0, int(np.ceil(crossings[i] - 0.5)))
            stop = min(len(row), int(np.ceil(crossings[i + 1] - 0.5)))
            for x in range(start, stop):
                row[x] = True


@kernel(fastmath={"reassoc", "contract", "arcp", "nsz"})
def taper_inside(
    image: Floats32,
    inside: NDArray[np.bool_],
    line_y: Floats32,
    line_x: Floats32,
    tapered: Floats32,
) -> tuple[float, float]:
    """Write what counts of an image less its mean, times the taper; 0 elsewhere.

    Not with all of fastmath: that takes it that no pixel is NaN.

    Returns
    -------
    mean : float
        Under the taper, of what counts.
    weight_power : float
        Σ w² of that.
    """
    total = weight = power = 0.0
    rows, columns = image.shape
    for y in range(rows):
        row, here = image[y], inside[y]
        along = width = squares = np.float32(0)
        for x in range(columns):
            if here[x] and np.isfinite(row[x]):
                along += row[x] * line_x[x]
                width += line_x[x]
                squares += line_x[x] * line_x[x]
        total += float(line_y[y]) * float(along)
        weight += float(line_y[y]) * float(width)
        power += float(line_y[y]) ** 2 * float(squares)
    mean = total / weight if weight > 0 else 0.0
    level = np.float32(mean)
    for y in range(rows):
        row, here, to = image[y], inside[y], tapered[y]
        for x in range(columns):
            counts = here[x] and np.isfinite(row[x])
            to[x] = (row[x] - level) * line_y[y] * line_x[x] if counts else np.float32(0)
    return mean, power


@kernel(fastmath=True)
def whole_plane(half: NDArray[np.complex64], scale: np.float32, power: Floats32) -> None:
    """Squares of a real transform over the whole plane, frequency zero in the middle."""
    rows, columns = power.shape
    middle_y, middle_x = rows // 2, columns // 2
    for y in range(rows):
        source = half[(y - middle_y) % rows]
        mate = half[(middle_y - y) % rows]
        to = power[y]
        for x in range(middle_x):
            value = mate[middle_x - x]
            to[x] = (value.real * value.real + value.imag * value.imag) * scale
        for x in range(middle_x, columns):
            value = source[x - middle_x]
            to[x] = (value.real * value.real + value.imag * value.imag) * scale
