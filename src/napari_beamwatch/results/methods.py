"""What a paper would say of an analysis."""

from __future__ import annotations

import math

import numpy as np

from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings


def methods_sentence(movie: Movie, settings: Settings, version: str) -> str:
    """How the result was found, with the numbers of this analysis."""
    lit = np.asarray(movie.lit)
    said = f"{int(lit.sum())} frames"
    if movie.frame_dose is not None:
        said += f" of {float(np.median(movie.frame_dose[lit])):.3g} e/Å²"
    if movie.dose_rate is not None:
        said += f" at {movie.dose_rate:.3g} e/Å²/s"
    said += f" (dose: {movie.dose_source})"
    parts = [
        f"{said} were searched for lattice reflections {_where(movie, settings)}, with a "
        f"probability of {settings.alpha:g} of one or more false spots in the whole movie.",
        f"The {_what(settings)} was followed through the frames"
        + (f", {settings.running_sum} at a time" if settings.running_sum > 1 else "")
        + f", and lasting changes ({', '.join(settings.criteria).replace('_', ' ')}, powder "
        f"rings) were called with a probability of {settings.false_alarm:g} of a false onset in "
        "the movie, which all signs and places share.",
        "Crystals were cut into places, connected pieces whose windows share one course; the onset "
        "is the estimated change point of the first place beyond the errors of the others. Its "
        "95 % interval includes the choice between models with and without an undamaged plateau.",
        f"Beside it stands the dose at which the fitted course of all of the lattice passes "
        f"{_part(settings.fraction)} of its plateau or a spacing moves by more than "
        f"{settings.d_tolerance:g} %{_lasting(settings)}.",
        f"Computed with napari-beamwatch {version}.",
    ]
    return " ".join(parts)


def _where(movie: Movie, settings: Settings) -> str:
    if settings.camera_constant is not None:
        return (
            f"as diffraction patterns (camera constant {settings.camera_constant:g} Å·px) about "
            "their centre"
        )
    window = f"{settings.window} px"
    if movie.pixel_size is not None and isinstance(settings.window, int):
        window += f" ({settings.window * movie.pixel_size / 10:.3g} nm)"
    taper = {"hann": "Hann", "cosine": "cosine"}[settings.taper]
    drift = {"auto": "which followed the drift of the specimen", "off": "which stood still"}.get(
        settings.drift if isinstance(settings.drift, str) else "",
        "which followed the drift that was given",
    )
    return f"in windows of {window} every {settings.step} px under a {taper} taper, {drift}"


def _what(settings: Settings) -> str:
    if settings.camera_constant is not None:
        return "part of all electrons in each reflection"
    return "power of each reflection over the measured noise floor"


def _part(fraction: float) -> str:
    return "1/e" if math.isclose(fraction, math.exp(-1)) else f"{fraction:.3g}"


def _lasting(settings: Settings) -> str:
    if settings.persistence == "end":
        return ", to the end of the record"
    return f", for {settings.persistence} frames"
