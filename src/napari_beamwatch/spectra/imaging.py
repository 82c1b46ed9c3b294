"""Whether frames are images: Fourier transforms of diffraction patterns mean nothing."""

from __future__ import annotations

import re

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie

PATTERNS = re.compile(
    r"(?:diffra|difrac)(?!\w*[- ]contrast)"
    r"|\b(?:diff|SAE?DP?|[NCP]BED|NBD|PED|(?:micro|c?R|3D ?)?ED|4D[- ]?STEM)\b",
    re.IGNORECASE,
)
"""What people and files call a mode whose frames are diffraction patterns: in full in some
languages, or by the usual abbreviations (selected area, nano beam, convergent, precession, …).
Diffraction contrast is seen in images."""


def is_diffraction(movie: Movie) -> bool:
    """Whether a movie says of itself, or somebody says of it, that it is diffraction."""
    return PATTERNS.search(movie.conditions.imaging_mode or "") is not None


def check_images(movie: Movie) -> None:
    """Refuse a movie whose frames are said to be diffraction patterns."""
    if is_diffraction(movie):
        raise BeamwatchError(
            f"{movie.name} is said to be diffraction (imaging mode "
            f"{movie.conditions.imaging_mode!r}), which is not Fourier-transformed: set "
            "camera_constant (Å·px; a ring of a known phase gives it) to analyse the patterns as "
            "what they are, or state another imaging mode ('image') if these are images"
        )
