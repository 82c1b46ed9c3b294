"""Power spectra as pictures of few pixels: the part of the live spectrum that knows no Qt."""

from __future__ import annotations

import weakref
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies import Movie
from napari_beamwatch.regions import Region
from napari_beamwatch.spectra.diffraction import PatternProfile, pattern_profile
from napari_beamwatch.spectra.power import PowerSpectrum, power_spectrum
from napari_beamwatch.spectra.rings import RadialProfile, radial_profile

Stretch = tuple[int, int]
"""Frame and number of frames of a running sum, as `power_spectrum` takes them."""

SIDE = 512
"""Most pixels of a picture along either side: a dock is not larger."""

CENTRE = 4
"""Bins around frequency zero that do not set the brightness: the taper and the beam."""


@dataclass(frozen=True)
class Request:
    """What is to be shown.

    Attributes
    ----------
    movie : Movie
    region : Region or None
        None is the whole field.
    stretches : tuple of Stretch
        One, or two to compare.
    band : float
        Highest frequency shown along x and y, in cycles per pixel.
    logarithmic : bool
    patterns : bool
        Frames are diffraction patterns: nothing is transformed.
    """

    movie: Movie
    region: Region | None
    stretches: tuple[Stretch, ...]
    band: float
    logarithmic: bool
    patterns: bool = False

    def is_of_the_same(self, other: Request) -> bool:
        """Whether the other is of this region, wherever it has been dragged to, of this movie."""
        names = [None if r.region is None else r.region.name for r in (self, other)]
        counts = [len(r.stretches) for r in (self, other)]
        same = self.movie is other.movie and self.patterns == other.patterns
        return same and names[0] == names[1] and counts[0] == counts[1]


@dataclass(frozen=True, eq=False)
class Picture:
    """A power spectrum as it is shown.

    Attributes
    ----------
    spectrum : PowerSpectrum
    profile : RadialProfile
    pixels : array of uint8 (rows, columns)
        From the bottom up, each the strongest of the bins in it.
    box : tuple of float
        Left, bottom, width and height of all pixels in cycles per pixel, upwards as displayed.
    """

    spectrum: PowerSpectrum
    profile: RadialProfile
    pixels: NDArray[np.uint8]
    box: tuple[float, float, float, float]


class Painter:
    """Makes the pictures of a request; the last spectra are kept, for a zoom needs no other."""

    def __init__(self) -> None:
        # Weakly: a movie that is taken out of the window must not stay for its last spectra.
        self._movie: weakref.ref[Movie] | None = None
        self._region: Region | None = None
        self._kept: dict[Stretch, tuple[PowerSpectrum, RadialProfile]] = {}

    def __call__(self, request: Request) -> tuple[Picture, ...] | tuple[PatternProfile, ...]:
        """Pictures of all stretches, of one brightness so that they can be compared.

        Of patterns their profiles: the patterns themselves are seen already.
        """
        if request.patterns:
            return tuple(pattern_profile(request.movie, *one) for one in request.stretches)
        of = None if self._movie is None else self._movie()
        if request.movie is not of or request.region != self._region:
            self._movie, self._region, self._kept = weakref.ref(request.movie), request.region, {}
        self._kept = {s: self._kept.get(s) or self._made(request, s) for s in request.stretches}
        found = [self._kept[stretch] for stretch in request.stretches]
        cut = [cut_out(spectrum, request.band) for spectrum, _ in found]
        low, high = brightness(cut[0][0], request.logarithmic)
        return tuple(
            Picture(spectrum, profile, as_grey(power, low, high, request.logarithmic), box)
            for (spectrum, profile), (power, box) in zip(found, cut, strict=True)
        )

    @staticmethod
    def _made(request: Request, stretch: Stretch) -> tuple[PowerSpectrum, RadialProfile]:
        spectrum = power_spectrum(request.movie, request.region, *stretch)
        return spectrum, radial_profile(spectrum)


def cut_out(
    spectrum: PowerSpectrum, band: float
) -> tuple[NDArray[np.float32], tuple[float, float, float, float]]:
    """Power up to a frequency, from the bottom up, and the box it fills.

    Blocks of bins are given by their strongest: a lattice spot is one or two bins wide and would
    be lost between the pixels of the screen.
    """
    rows, high, low_y = _blocks(spectrum.ky, band)
    columns, wide, low_x = _blocks(spectrum.kx, band)
    power = spectrum.power[rows, columns]
    power = np.maximum.reduceat(power, np.arange(0, power.shape[0], high), axis=0)
    power = np.maximum.reduceat(power, np.arange(0, power.shape[1], wide), axis=1)
    height = (rows.stop - rows.start) / len(spectrum.ky)
    width = (columns.stop - columns.start) / len(spectrum.kx)
    return power[::-1], (low_x, -low_y - height, width, height)


def _blocks(k: NDArray[np.float64], band: float) -> tuple[slice, int, float]:
    """Bins to show, how many make a pixel, and the frequency where the first begins."""
    shown = np.flatnonzero(np.abs(k) <= band + 1e-9)
    size = -(-len(shown) // SIDE)
    first = int(shown[0])
    step = 1 / len(k)
    return slice(first, first + len(shown) // size * size), size, float(k[first]) - step / 2


def brightness(power: NDArray[np.float32], logarithmic: bool) -> tuple[float, float]:
    """Powers that are shown black and white: noise is dark, all but a few spots are below white."""
    y, x = (np.abs(np.arange(n) - n // 2) for n in power.shape)
    away = power[(y[:, None] > CENTRE) | (x[None, :] > CENTRE)]
    if not away.size or not away.max() > 0:
        return 0.0, 1.0
    if logarithmic:
        return float(np.median(away)), float(max(away.max(), 10.0))
    return 0.0, float(max(np.quantile(away, 0.9995), 4.0))


def as_grey(
    power: NDArray[np.float32], low: float, high: float, logarithmic: bool
) -> NDArray[np.uint8]:
    """Power as grey levels."""
    if logarithmic:
        tiny = max(low, 1e-3)
        part = np.log(np.maximum(power, tiny) / tiny) / np.log(high / tiny)
    else:
        part = (power - low) / (high - low)
    grey: NDArray[np.uint8] = np.rint(np.clip(part, 0, 1) * 255).astype(np.uint8)
    return grey


def compared(before: int, after: int, n: int, frames: int) -> tuple[Stretch, Stretch]:
    """Two running sums of as many frames each: one ends with a frame, one begins with another.

    Neither reaches beyond its frame, or damage would show in what was before it; and both have
    the same number of frames, or fewer electrons would look like fading.
    """
    n = max(1, min(n, before + 1, frames - after))
    return (before - n + 1 + (n - 1) // 2, n), (after + (n - 1) // 2, n)


def nearest_power(spectrum: PowerSpectrum, gy: float, gx: float) -> float:
    """Power in the bin of a frequency (cycles per pixel); NaN outside."""
    bins = []
    for g, k in ((gy, spectrum.ky), (gx, spectrum.kx)):
        at = round(g * len(k)) + len(k) // 2
        if not 0 <= at < len(k):
            return float("nan")
        bins.append(at)
    return float(spectrum.power[bins[0], bins[1]])


def first_band(pixel_size: float | None, finest: float = 1.0) -> float:
    """Frequency to begin with: the octave that holds spacings down to `finest` Å."""
    if pixel_size is None:
        return 0.25
    return octave_of(pixel_size / finest)


def octave_of(band: float) -> float:
    """The lowest of 1/2, 1/4, … 1/64 cycles per pixel that reaches to a frequency, or 1/2."""
    octave = 0.5
    while octave / 2 >= band - 1e-9 and octave > 1 / 64:
        octave /= 2
    return octave


def exposure(movie: Movie, spectrum: PowerSpectrum | PatternProfile, brief: bool = False) -> str:
    """Which frames, counted from 1, and doses a spectrum is of; in brief the doses alone."""
    first, last = spectrum.first, spectrum.last
    frames = f"frame {last}" if last == first + 1 else f"frames {first + 1}–{last}"
    if movie.dose is None or movie.dose_start is None:
        return frames
    dose = f"{movie.dose_start[first]:.0f}–{movie.dose[last - 1]:.0f} e/Å²"
    return dose if brief else f"{frames} · {dose}"
