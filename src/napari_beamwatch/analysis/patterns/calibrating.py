"""The camera constant of diffraction patterns from powder rings of a known phase.

A ring at r pixels whose spacing d is known tells C = r·d. Which ring is which reflection follows
from the ratios of their radii: of all constants that put some ring on some reflection, that one is
taken by which the rings are likeliest, each on a reflection of the phase or foreign to it, and
strong reflections seldom unseen.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.analysis.checks import check_record
from napari_beamwatch.analysis.patterns.passes import DiffractionPasses
from napari_beamwatch.analysis.progress import Progress
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.phases import Phase, phase
from napari_beamwatch.phases.reflections import all_reflections, label
from napari_beamwatch.settings import Settings

Floats = NDArray[np.float64]

_REFLECTION = re.compile(r"(?P<phase>\S+)\s+\(?(?P<hkl>(?:[-−]?\d[\s,]*){3})\)?")

FINEST = 0.8
"""Å: reflections down to which rings are looked for."""

FAINT = 0.03
"""Part of the strongest ring's electrons below which a reflection is not expected."""

STRONG = 0.25
"""Part of them from which one is missed where it is not seen."""

FLOOR = 0.002
"""Relative error of a radius beyond its statistical one: distortion, rings that overlap."""

NEAR = 4.0
"""Errors within which a ring is a reflection's."""

FOREIGN, UNSEEN = 0.05, 0.2
"""Chance of a ring of another phase, and of a strong reflection that is not seen."""

SURE = math.log(20.0)
"""Log likelihood by which the next best constant must be worse."""

SAME = 0.01
"""Part by which two constants differ that are not one."""


@dataclass(frozen=True)
class CameraConstant:
    """A camera constant and where it comes from.

    Attributes
    ----------
    value, se : float
        Å·px.
    rings : tuple of (str, float, float)
        Reflection, spacing in Å and radius in pixels of each ring it was told by.
    """

    value: float
    se: float
    rings: tuple[tuple[str, float, float], ...]

    @property
    def words(self) -> str:
        """It, with its error and what it was told by."""
        by = ", ".join(
            f"{name} {d:.4g} Å at {radius:.1f} px".strip() for name, d, radius in self.rings
        )
        return f"{self.value:.5g} ± {self.se:.2g} Å·px, by {by}"


@dataclass(frozen=True, eq=False)
class PowderRings:
    """Powder rings of patterns whose spacings nobody has told yet.

    Attributes
    ----------
    movie : str
        Whose they are.
    y, x : float
        Their centre, in pixels.
    radius, error : array of float64
        Mean radii in pixels, innermost first, and their errors.
    temperature_C : float or None
        Of the specimen.
    """

    movie: str
    y: float
    x: float
    radius: Floats
    error: Floats
    temperature_C: float | None  # noqa: N815 - units are part of names

    def nearest(self, radius: float) -> int:
        """The ring whose radius comes nearest to one in pixels."""
        return int(np.abs(self.radius - radius).argmin())

    def constant_by(self, standard: str | Phase, hkl: Sequence[int] | None) -> CameraConstant:
        """The camera constant if they are those of a phase, see `camera_constant_from_ring`."""
        known = phase(standard) if isinstance(standard, str) else standard
        names, d, strength = _lines(known, self.temperature_C)
        wanted = None if hkl is None else _wanted(known, names, hkl)
        if len(self.radius) == 1:
            if wanted is None:
                raise BeamwatchError(
                    f"{self.movie} shows one powder ring: say which reflection of {known.name} it "
                    "is"
                )
            matched = {0: wanted}
        else:
            matched = _assigned(self.movie, known.name, self.radius, self.error, d, strength)
        if wanted is not None:
            matched = {ring: line for ring, line in matched.items() if line == wanted}
            if not matched:
                raise BeamwatchError(
                    f"no ring of {self.movie} is {known.name} {names[wanted]}; leave it out to "
                    "calibrate by the rings that are seen"
                )
        each = np.array(list(matched))
        spacing = d[list(matched.values())]
        value, se = _mean(self.radius[each] * spacing, self.error[each] * spacing)
        told = tuple(
            (names[line], float(d[line]), float(self.radius[ring]))
            for ring, line in matched.items()
        )
        return CameraConstant(value, se, told)

    def constant_by_one(
        self, ring: int, d: float | None = None, line: tuple[str, Sequence[int]] | None = None
    ) -> CameraConstant:
        """The camera constant if one of them is known.

        Parameters
        ----------
        ring : int
        d : float, optional
            Its spacing in Å.
        line : (str, (h, k, l)), optional
            In place of it: a phase and the reflection that the ring is.
        """
        name = ""
        if line is not None:
            known = phase(line[0])
            names, spacings, _ = _lines(known, self.temperature_C)
            wanted = _wanted(known, names, line[1])
            name, d = names[wanted], float(spacings[wanted])
        if d is None or not d > 0:
            raise BeamwatchError("a ring tells the camera constant by its spacing, above 0 Å")
        radius, error = float(self.radius[ring]), float(self.error[ring])
        return CameraConstant(radius * d, error * d, ((name, d, radius),))


def powder_rings(movie: Movie, progress: Progress | None = None) -> PowderRings:
    """Powder rings of the patterns of a movie; one frame will do.

    Parameters
    ----------
    movie : Movie
    progress : callable, optional
        As `analyze` has it.
    """
    settings = Settings(camera_constant=1.0)
    check_record(movie, settings)
    rings = DiffractionPasses(movie, settings, 1.0, progress, None).find().rings
    if not len(rings):
        raise BeamwatchError(f"{movie.name} shows no powder ring to calibrate by")
    return PowderRings(
        movie.name, rings.geometry.y, rings.geometry.x, rings.radius,
        np.hypot(rings.middle_se * rings.step, FLOOR * rings.radius),
        movie.conditions.temperature_C,
    )  # fmt: skip


def camera_constant_from_ring(
    movie: Movie, standard: str | Phase, hkl: Sequence[int] | None = None
) -> CameraConstant:
    """Camera constant from powder rings of a known phase.

    Parameters
    ----------
    movie : Movie
        Of diffraction patterns; one frame will do.
    standard : str or Phase
        Such as ``"Au"``.
    hkl : (h, k, l), optional
        The one reflection whose ring is to tell it; all that are seen if not given.

    Returns
    -------
    CameraConstant
        Its error is that of the radii; the cell is taken at the temperature of the specimen.
    """
    return powder_rings(movie).constant_by(standard, hkl)


def read_standard(text: str) -> tuple[str, tuple[int, int, int] | None]:
    """A phase and, where one is named, its reflection: ``Au``, ``Au 111``, ``Li2CO3 (-1 1 0)``."""
    found = _REFLECTION.fullmatch(text.strip())
    if found is None:
        return text.strip(), None
    h, k, l = (int(one) for one in re.findall(r"-?\d", found["hkl"].replace("−", "-")))  # noqa: E741
    return found["phase"], (h, k, l)


def _lines(known: Phase, temperature: float | None) -> tuple[list[str], Floats, Floats]:
    """Name, spacing and electrons, relative to the strongest, of the rings of a phase."""
    found = all_reflections(known, FINEST, temperature)
    electrons = found.strength * found.multiplicity * found.d
    lines: dict[float, tuple[str, float]] = {}
    for i in np.flatnonzero(found.unique & (electrons > 0)).tolist():
        key = round(float(found.d[i]), 4)
        name, held = lines.get(key, (label(found.hkl[i]), 0.0))
        lines[key] = (name, held + float(electrons[i]))
    most = max(held for _, held in lines.values())
    kept = [(name, d, held / most) for d, (name, held) in lines.items() if held >= FAINT * most]
    return (
        [name for name, _, _ in kept],
        np.array([d for _, d, _ in kept]),
        np.array([held for _, _, held in kept]),
    )


def _wanted(known: Phase, names: Sequence[str], hkl: Sequence[Any]) -> int:
    """Which line a reflection belongs to."""
    if len(hkl) != 3 or not any(hkl):
        raise BeamwatchError(f"a reflection is three whole numbers, not {hkl!r}")
    found = all_reflections(known, FINEST)
    same = (found.hkl == np.asarray(hkl, np.int64)).all(axis=1)
    if same.any():
        g = float(found.d[same][0])
        for i, name in enumerate(names):
            there = [j for j in np.flatnonzero(found.unique) if label(found.hkl[j]) == name]
            if there and abs(float(found.d[there[0]]) / g - 1) < 1e-4:
                return i
    raise BeamwatchError(f"{known.name} has no ring {label(hkl)} to calibrate by")


def _assigned(
    movie: str, standard: str, radius: Floats, error: Floats, d: Floats, strength: Floats
) -> dict[int, int]:
    """Line of each ring that is one, by the constant that makes the rings likeliest."""
    tried = np.unique(np.round(np.outer(radius, d[strength >= STRONG]).ravel(), 3))
    scored = sorted(
        ((*_score(value, radius, error, d, strength), value) for value in tried.tolist()),
        key=lambda one: -one[0],
    )
    best, matched, value = scored[0]
    other = next((one[0] for one in scored if abs(one[2] / value - 1) > SAME), -math.inf)
    if len(matched) < 2 or best - other < SURE:
        raise BeamwatchError(
            f"the rings of {movie} do not tell which reflections of {standard} they are: "
            f"{len(radius)} are seen, at {', '.join(f'{r:.1f}' for r in radius)} px"
        )
    return matched


def _score(
    value: float, radius: Floats, error: Floats, d: Floats, strength: Floats
) -> tuple[float, dict[int, int]]:
    """Log likelihood of rings by a constant, and which lines they are then."""
    expected = value / d
    inside = (expected > 0.9 * radius.min()) & (expected < 1.05 * radius.max())
    span = math.log(1.05 * radius.max() / (0.9 * radius.min()))
    matched: dict[int, int] = {}
    # A constant known by one ring is wrong by that ring's error, too.
    spread = np.hypot(error, FLOOR * radius)
    told = 0.0
    for ring in np.argsort(-radius / error).tolist():
        away = np.abs(expected - radius[ring]) / spread[ring]
        away[list(matched.values())] = np.inf
        line = int(np.argmin(away))
        if away[line] > NEAR:
            told += math.log(FOREIGN)
            continue
        matched[ring] = line
        density = radius[ring] / (math.sqrt(2 * math.pi) * spread[ring])
        told += math.log(density * span / max(1, int(inside.sum()))) - float(away[line]) ** 2 / 2
    seen = np.isin(np.arange(len(d)), list(matched.values()))
    missed = inside & ~seen & (strength >= STRONG)
    return told + int(missed.sum()) * math.log(UNSEEN), matched


def _mean(values: Floats, errors: Floats) -> tuple[float, float]:
    """Weighted mean and its standard error, by the scatter where that is larger."""
    weight = 1 / errors**2
    mean = float((weight * values).sum() / weight.sum())
    excess = 1.0
    if len(values) > 1:
        excess = max(1.0, float((weight * (values - mean) ** 2).sum() / (len(values) - 1)))
    return mean, math.sqrt(excess / float(weight.sum()))
