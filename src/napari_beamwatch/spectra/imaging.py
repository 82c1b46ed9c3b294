"""Whether frames are images: Fourier transforms of diffraction patterns mean nothing."""

from __future__ import annotations

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie


def check_images(movie: Movie) -> None:
    """Refuse a movie that says of itself that its frames are diffraction patterns."""
    mode = movie.conditions.imaging_mode or ""
    if "diffraction" in mode.lower():
        raise BeamwatchError(
            f"{movie.name} says that its frames are diffraction patterns (imaging mode {mode!r}), "
            "which are not Fourier-transformed: set camera_constant (Å·px, in the settings or "
            "their file) to analyse them as what they are, or open the movie with "
            "conditions={'imaging_mode': 'image'} if they are images"
        )
