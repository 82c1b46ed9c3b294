"""What a paper would say of an analysis."""

from __future__ import annotations

import math

import numpy as np

from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.checklist import is_low_dose, not_stated, reported
from napari_beamwatch.movies.dose_scale import dose_scale
from napari_beamwatch.settings import Settings


def methods_sentence(movie: Movie, settings: Settings, version: str) -> str:
    """How the result was found, with the numbers of this analysis."""
    lit = np.asarray(movie.lit)
    said = f"{int(lit.sum())} frames"
    if movie.frame_dose is not None:
        said += f" of {float(np.median(movie.frame_dose[lit])):.3g} e/Å²"
    if movie.dose_rate is not None:
        low = ", low dose" if is_low_dose(movie.dose_rate) else ""
        said += f" at {movie.dose_rate:.3g} e/Å²/s{low}"
    said += f" (dose: {movie.dose_source})"
    parts = [
        _conditions(movie),
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
        *_scale(movie, settings),
        f"Computed with napari-beamwatch {version}.",
    ]
    return " ".join(parts)


def _scale(movie: Movie, settings: Settings) -> list[str]:
    """How well the dose scale is known."""
    scale = dose_scale(movie, settings.specimen_pixel_uncertainty)
    if scale is None or not scale.sd:
        return []
    return [
        f"The scale of all doses is known to ± {100 * scale.sd:.2g} % ({scale.words}), which is "
        "not in the intervals."
    ]


def _conditions(movie: Movie) -> str:
    """What was looked at, and under which conditions, as far as anybody said."""
    known = reported(movie)
    said = []
    for name, before, after in _CONDITIONS:
        value = known[name]
        if value is not None:
            said.append(f"{before}{value:g}{after}" if after else f"{before}{value}")
    missing = not_stated(known)
    parts = [f"{', '.join(said)}." if said else ""]
    parts.append(f"Not stated: {', '.join(missing)}." if missing else "")
    return "Conditions: " + " ".join(part for part in parts if part)


_CONDITIONS = (
    ("compound", "", ""),
    ("voltage_kV", "", " kV"),
    ("imaging_mode", "", ""),
    ("temperature_C", "", " °C"),
    ("thickness_nm", "thickness ", " nm"),
    ("particle_size_nm", "particle size ", " nm"),
    ("preparation", "preparation: ", ""),
    ("transfer", "transfer: ", ""),
    ("pre_exposure_e_per_A2", "pre-exposure ", " e/Å²"),
)
"""What must be reported beside the dose, with the words before and the unit behind it."""


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
