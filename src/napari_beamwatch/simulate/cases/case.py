"""What a case is, and the list of them by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.simulate.detector import Detector
from napari_beamwatch.simulate.patterns import PatternScene
from napari_beamwatch.simulate.scene import Scene


@dataclass(frozen=True)
class View:
    """What a case is filmed in: the field in Å, the dose of the whole record in e/Å², a seed.

    Of diffraction patterns, which have no pixel size, the field is in pixels.
    """

    height: float
    width: float
    dose: float
    seed: int


@dataclass(frozen=True)
class Case:
    """A scene by name, and how it is filmed unless somebody says otherwise.

    Attributes
    ----------
    name, description : str
    build : callable
        Makes the scene from a `View` and the case's own parameters.
    frames : int
    frame_dose : float
        e/Å².
    pixel_size : float or None
        Å; None of diffraction patterns.
    size : int
        Pixels a side.
    detector : Detector
    """

    name: str
    description: str
    build: Callable[..., Scene | PatternScene]
    frames: int = 120
    frame_dose: float = 5.0
    pixel_size: float | None = 0.125
    size: int = 1024
    detector: Detector = field(default_factory=Detector)

    @property
    def parameters(self) -> dict[str, Any]:
        """The case's own parameters and their defaults."""
        known = list(inspect.signature(self.build).parameters.values())[1:]
        return {parameter.name: parameter.default for parameter in known}


_CASES: dict[str, Case] = {}


Build = TypeVar("Build", bound=Callable[..., "Scene | PatternScene"])


def case(**filmed: Any) -> Callable[[Build], Build]:
    """Enter a builder in the list of cases, under its own name and first line."""

    def enter(build: Build) -> Build:
        name = _name_of(build)
        description = (build.__doc__ or "").split("\n")[0].rstrip(".")
        _CASES[name] = Case(name, description, build, **filmed)
        return build

    return enter


def case_of(build: Callable[..., Scene | PatternScene]) -> Case:
    """The case that a builder was entered as."""
    return load_case(_name_of(build))


def _name_of(build: Callable[..., Scene | PatternScene]) -> str:
    return build.__name__.replace("_", "-")


def case_names() -> tuple[str, ...]:
    """Names of all cases."""
    return tuple(_CASES)


def load_case(name: str) -> Case:
    """The case of a name.

    Raises
    ------
    BeamwatchError
        If there is none.
    """
    if name not in _CASES:
        raise BeamwatchError(f"there is no case {name!r}; the known ones are {', '.join(_CASES)}")
    return _CASES[name]
