"""How bright the beam is over the field: an image without a specimen, or a Gaussian that is stated.

The beam is rarely flat, and the dose of a place is that of the beam there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.single_image import read_image
from napari_beamwatch.quantities import number
from napari_beamwatch.spelling import Kind, Unit, read_quantity

GAUSS = "gauss:"
"""What the words for a Gaussian begin with."""

WHAT = "a beam profile"

MOST_IMAGES = 1000
"""Frames of a movie of the beam, of which the mean is taken."""

WIDEST = 1e9
"""Pixels: a beam that wide is flat."""

_PIXELS = Kind((Unit("px", float, ("pixel", "pixels")),))
_LENGTH = re.compile(r"(.*?)\s*(Å|A|nm|µm|um)\s*")
_ANGSTROM = {"Å": 1.0, "A": 1.0, "nm": 10.0, "µm": 1e4, "um": 1e4}


@dataclass(frozen=True, eq=False)
class BeamProfile:
    """The beam over a field.

    Attributes
    ----------
    image : array of float32
        Relative intensity, mean 1.
    source : str
        Where it comes from: a file's name, or the words for a Gaussian.
    """

    image: NDArray[np.float32]
    source: str

    @classmethod
    def of(cls, said: Any, shape: tuple[int, int], pixel_size: float | None = None) -> BeamProfile:
        """The profile of a field.

        Parameters
        ----------
        said : array, path or str
            An image of the field, the file of one (``.npy``, TIFF, MRC, …; of several images the
            mean), or ``gauss:fwhm=400nm`` with, optionally, its centre ``y=…,x=…`` (the middle of
            the field without one), each in px, Å, nm or µm.
        shape : tuple of int
            Rows and columns of the frames.
        pixel_size : float, optional
            Å; for lengths that are not in px.
        """
        if isinstance(said, BeamProfile):
            return said
        if isinstance(said, str) and said.strip().lower().startswith(GAUSS):
            return cls(_normalised(_gauss(said, shape, pixel_size), WHAT), said.strip())
        if isinstance(said, str | os.PathLike):
            path = Path(said).expanduser()
            image = read_image(path, WHAT, most=MOST_IMAGES)
            return cls(_normalised(image, f"{path}, {WHAT},"), printable(path.name))
        return cls(_normalised(said, WHAT), "an image")


def is_gauss_in_lengths(source: str) -> bool:
    """Whether a profile is a Gaussian that is another one where pixels have another size."""
    told = source[len(GAUSS) :].split(",") if source.lower().startswith(GAUSS) else []
    return any(_LENGTH.fullmatch(one) for one in told)


def _gauss(said: str, shape: tuple[int, int], pixel_size: float | None) -> NDArray[np.float64]:
    """The Gaussian that some words mean."""
    example = "as gauss:fwhm=400nm or gauss:fwhm=2000px,y=1024,x=900"
    told: dict[str, float] = {}
    for part in said.strip()[len(GAUSS) :].split(","):
        name, is_one, text = part.partition("=")
        name = name.strip().lower()
        if not is_one or name not in ("fwhm", "y", "x") or name in told:
            raise BeamwatchError(f"{said!r} is no beam profile: write it {example}")
        told[name] = _in_pixels(text, f"the {name} of the beam", pixel_size)
    if "fwhm" not in told:
        raise BeamwatchError(f"{said!r} says no fwhm: write it {example}")
    width = number(told["fwhm"], "the fwhm of the beam", 1.0, WIDEST, "px")
    middle = ((n - 1) / 2 for n in shape)
    y0, x0 = (
        number(told.get(name, usual), f"the {name} of the beam", -WIDEST, WIDEST, "px")
        for name, usual in zip("yx", middle, strict=True)
    )
    fall = 4 * np.log(2) / width**2
    # Relative to the brightest row and column: a centre far outside must not underflow to nothing.
    along_y, along_x = (
        fall * (np.arange(n) - centre) ** 2 for n, centre in zip(shape, (y0, x0), strict=True)
    )
    y, x = (np.exp(along.min() - along) for along in (along_y, along_x))
    return np.outer(y, x)


def _in_pixels(text: str, what: str, pixel_size: float | None) -> float:
    """A length in pixels; one in other units needs the pixel size."""
    found = _LENGTH.fullmatch(text)
    if found is None:
        return read_quantity(text, _PIXELS)
    if pixel_size is None:
        raise BeamwatchError(f"{what} is {text}: say it in px, or give the pixel size first")
    return read_quantity(found[1], _PIXELS) * _ANGSTROM[found[2]] / pixel_size


def _normalised(profile: Any, what: str) -> NDArray[np.float32]:
    """An image with a mean of 1."""
    try:
        image = np.asarray(profile, dtype=np.float64)
    except (TypeError, ValueError):
        raise BeamwatchError(f"{what} must be an image of numbers") from None
    mean = float(image.mean()) if image.size else 0.0
    if not np.isfinite(mean) or mean <= 0 or (image < 0).any():
        raise BeamwatchError(f"{what} must be 0 or more everywhere, and not all zero")
    normalised = (image / mean).astype(np.float32)
    normalised.flags.writeable = False
    return normalised
