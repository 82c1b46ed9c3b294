"""How something changes with the dose: the lattice fades, the focus creeps, the beam dims.

A law is a function of the accumulated dose in e/Å². Those of a lattice give its *power*
(squared fringe amplitude) relative to the undamaged one. A frame is an average of pictures,
so what it shows of a fading lattice is the mean *amplitude* over its exposure.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_beamwatch.errors import BeamwatchError

Floats = NDArray[np.float64]

SUB_DOSES = 64
"""Points at which the exposure of one frame is sampled."""


def sub_doses(start: float, end: float, n: int = SUB_DOSES) -> Floats:
    """Middles of `n` equal parts of an exposure (e/Å²)."""
    parts: Floats = start + (end - start) * (np.arange(n) + 0.5) / n
    return parts


class Law(ABC):
    """A quantity as a function of the accumulated dose."""

    @abstractmethod
    def at(self, dose: ArrayLike) -> Floats:
        """Value at each dose (e/Å²)."""

    def mean(self, start: float, end: float) -> float:
        """Mean over an exposure between two doses (e/Å²)."""
        return float(self.at(sub_doses(start, end)).mean())

    @property
    def lasting_from(self) -> float | None:
        """Dose (e/Å²) from which it is never again what it was, or None."""
        return None

    def crossing(self, fraction: float) -> float | None:
        """Dose (e/Å²) at which a lasting loss passes `fraction` of the plateau, or None."""
        return None

    def to_dict(self) -> dict[str, Any]:
        """Name and parameters."""
        values: dict[str, Any] = {"law": type(self).__name__}
        for each in fields(self):  # type: ignore[arg-type]
            value = getattr(self, each.name)
            if isinstance(value, tuple):
                value = [v.to_dict() if isinstance(v, Law) else v for v in value]
            values[each.name] = value
        return values


@dataclass(frozen=True)
class Steady(Law):
    """Always the same."""

    value: float = 1.0

    def at(self, dose: ArrayLike) -> Floats:
        return np.full(np.shape(dose), self.value, np.float64)


@dataclass(frozen=True)
class Decay(Law):
    """1 up to the onset, then a stretched exponential down to a residual.

    Parameters
    ----------
    onset : float
        Dose (e/Å²) of the onset; 0 is decay from the first electron, without a plateau.
    tau : float
        Dose (e/Å²) after the onset in which the part that goes falls to 1/e.
    beta : float
        Stretch: 1 is exponential, below 1 has a long tail, above 1 a shoulder.
    residual : float
        What stays for ever.
    """

    onset: float
    tau: float
    beta: float = 1.0
    residual: float = 0.0

    def __post_init__(self) -> None:
        if not (self.tau > 0 and self.beta > 0 and 0 <= self.residual < 1 and self.onset >= 0):
            raise BeamwatchError(
                f"a decay needs onset ≥ 0, tau > 0, beta > 0 and 0 ≤ residual < 1, not {self}"
            )

    @property
    def lasting_from(self) -> float | None:
        return self.onset

    def at(self, dose: ArrayLike) -> Floats:
        since = (np.asarray(dose, np.float64) - self.onset).clip(0) / self.tau
        power: Floats = self.residual + (1 - self.residual) * np.exp(-(since**self.beta))
        return power

    def crossing(self, fraction: float) -> float | None:
        if fraction <= self.residual:
            return None
        left = (fraction - self.residual) / (1 - self.residual)
        after: float = self.tau * (-math.log(left)) ** (1 / self.beta)
        return self.onset + after


@dataclass(frozen=True)
class Saturating(Law):
    """0 up to the onset, then towards `limit` with dose constant `tau`, plus a steady `rate`.

    Drift that is fastest first, a layer that grows, a blur that settles (with `start`).

    Parameters
    ----------
    limit, tau : float
        Where it goes and its dose constant (e/Å²).
    onset : float
        Dose (e/Å²) before which nothing happens.
    rate : float
        Per e/Å², for ever.
    start : float
        Value up to the onset.
    """

    limit: float
    tau: float
    onset: float = 0.0
    rate: float = 0.0
    start: float = 0.0

    @property
    def lasting_from(self) -> float | None:
        return self.onset

    def at(self, dose: ArrayLike) -> Floats:
        since = (np.asarray(dose, np.float64) - self.onset).clip(0)
        way = 1 - np.exp(-since / self.tau)
        value: Floats = self.start + (self.limit - self.start) * way + self.rate * since
        return value


@dataclass(frozen=True)
class Excursion(Law):
    """0, then `height` between two doses, then 0 again, with smooth edges.

    Parameters
    ----------
    start, end : float
        Doses (e/Å²) where it leaves 0 and where it is back; `end` None stays.
    height : float
    edge : float
        Dose (e/Å²) that each edge takes.
    """

    start: float
    end: float | None
    height: float
    edge: float = 10.0

    @property
    def lasting_from(self) -> float | None:
        return self.start if self.end is None else None

    def at(self, dose: ArrayLike) -> Floats:
        dose = np.asarray(dose, np.float64)
        up = _smooth((dose - self.start) / self.edge)
        if self.end is None:
            out: Floats = self.height * up
            return out
        back: Floats = self.height * np.minimum(up, _smooth((self.end - dose) / self.edge))
        return back


@dataclass(frozen=True)
class Dip(Law):
    """1, less by `depth` between two doses (e/Å²), then 1 again: a loss that recovers."""

    start: float
    end: float | None
    depth: float
    edge: float = 10.0

    @property
    def lasting_from(self) -> float | None:
        return self.start if self.end is None else None

    def at(self, dose: ArrayLike) -> Floats:
        dipped: Floats = 1 - Excursion(self.start, self.end, self.depth, self.edge).at(dose)
        return dipped


@dataclass(frozen=True)
class Ripple(Law):
    """1 with a sine of relative `amplitude` and a `period` in e/Å²."""

    amplitude: float
    period: float

    def at(self, dose: ArrayLike) -> Floats:
        phase = 2 * np.pi * np.asarray(dose, np.float64) / self.period
        wave: Floats = 1 + self.amplitude * np.sin(phase)
        return wave


@dataclass(frozen=True)
class Swing(Law):
    """From 0 up to `height` and back, without end: a grain that rocks.

    Parameters
    ----------
    height : float
    period : float
        Dose (e/Å²) from one passage through 0 to the next.
    phase : float
        Part of a period that is over at dose 0.
    """

    height: float
    period: float
    phase: float = 0.0

    def at(self, dose: ArrayLike) -> Floats:
        turns = np.asarray(dose, np.float64) / self.period + self.phase
        swung: Floats = self.height * np.abs(np.sin(np.pi * turns))
        return swung


@dataclass(frozen=True)
class Knots(Law):
    """Straight lines through (dose, value) points, level before the first and after the last."""

    doses: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        rising = all(a < b for a, b in zip(self.doses, self.doses[1:], strict=False))
        if not self.doses or len(self.doses) != len(self.values) or not rising:
            raise BeamwatchError("knots need as many values as doses, and doses that rise")

    @property
    def lasting_from(self) -> float | None:
        if self.values[0] == self.values[-1]:
            return None
        # The last time it left its first value.
        level = [i for i, value in enumerate(self.values) if value == self.values[0]]
        return self.doses[level[-1]]

    def at(self, dose: ArrayLike) -> Floats:
        line: Floats = np.interp(np.asarray(dose, np.float64), self.doses, self.values)
        return line


@dataclass(frozen=True)
class Product(Law):
    """Laws multiplied: a dip on a plateau that decays."""

    laws: tuple[Law, ...]

    @property
    def lasting_from(self) -> float | None:
        starts = (law.lasting_from for law in self.laws)
        return min((dose for dose in starts if dose is not None), default=None)

    def at(self, dose: ArrayLike) -> Floats:
        value = np.ones(np.shape(dose))
        for law in self.laws:
            value = value * law.at(dose)
        return value

    def crossing(self, fraction: float) -> float | None:
        found = (law.crossing(fraction) for law in self.laws)
        return min((dose for dose in found if dose is not None), default=None)


def _smooth(t: Floats) -> Floats:
    edge: Floats = (1 - np.cos(np.pi * t.clip(0, 1))) / 2
    return edge
