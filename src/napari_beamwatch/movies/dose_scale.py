"""How well the scale of the dose axis is known: an error that all doses of a movie share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from napari_beamwatch.movies.given import VACUUM
from napari_beamwatch.movies.movie import Movie


@dataclass(frozen=True)
class DoseScale:
    """Relative standard deviations of what the scale is made of; 0 for what does not enter.

    Attributes
    ----------
    pixel_size : float
        Of the pixel size: a dose goes with its square.
    calibration : float
        Of the dose rate that was measured without the specimen.
    method : str
        How that was measured.
    """

    pixel_size: float = 0.0
    calibration: float = 0.0
    method: str = ""

    @property
    def sd(self) -> float:
        """Relative standard deviation of the dose scale."""
        return math.hypot(2 * self.pixel_size, self.calibration)

    @property
    def words(self) -> str:
        """What it is made of."""
        parts = []
        if self.pixel_size:
            parts.append(f"pixel size ± {100 * self.pixel_size:.2g} %, twice")
        if self.calibration:
            parts.append(f"{self.method} ± {100 * self.calibration:.2g} %")
        return ", ".join(parts)

    def total(self, value: float, low: float, high: float) -> tuple[float, float]:
        """The 95 % interval of a dose with the error of the scale in it.

        Parameters
        ----------
        value, low, high : float
            The dose and its statistical 95 % interval.
        """
        wide = 1.96 * self.sd * value
        return value - math.hypot(value - low, wide), value + math.hypot(high - value, wide)


def dose_scale(movie: Movie, pixel_size_uncertainty: float | None) -> DoseScale | None:
    """That of a movie; None without doses, and where nobody knows how well they are known.

    A Faraday cup measures electrons per area on the specimen by itself; whatever is counted in
    pixels, or was told by who counted so, takes their area.

    Parameters
    ----------
    movie : Movie
    pixel_size_uncertainty : float or None
        Relative, one standard deviation; None for diffraction patterns, whose pixels are no area
        of the specimen.
    """
    if movie.dose is None:
        return None
    calibration = movie.given.dose_calibration
    if calibration is None or movie.dose_uncertainty is None:
        return None if pixel_size_uncertainty is None else DoseScale(pixel_size_uncertainty)
    in_pixels = (pixel_size_uncertainty or 0.0) if calibration.method == VACUUM else 0.0
    return DoseScale(in_pixels, movie.dose_uncertainty, calibration.method)
