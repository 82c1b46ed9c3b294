"""`Settings`: every choice of an analysis, flat and frozen; whole in the record of a run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from napari_beamwatch.errors import BeamwatchError


@dataclass(frozen=True)
class Settings:
    """Choices of an analysis; those that are None are made from the movie, and said.

    Attributes
    ----------
    window, step : int, str or None
        Side of a window, and from one to the next, in pixels, or as a length ("3.2 nm").
    taper : {"hann", "cosine"}
        Laid over each window.
    alpha : float
        Chance of one or more false spots in the whole movie.
    drift : {"auto", "off"}
        Let windows follow the specimen, or not.
    running_sum : int
        Frames that are added up around each before spots are measured: what is seen of fainter
        spots is paid for with dose resolution.
    """

    window: int | str | None = None
    step: int | str | None = None
    taper: Literal["hann", "cosine"] = "hann"
    alpha: float = 0.01
    drift: Literal["auto", "off"] = "auto"
    running_sum: int = 1

    def __post_init__(self) -> None:
        if self.taper not in ("hann", "cosine"):
            raise BeamwatchError(f"the taper is 'hann' or 'cosine', not {self.taper!r}")
        if self.drift not in ("auto", "off"):
            raise BeamwatchError(f"drift is 'auto' or 'off', not {self.drift!r}")
        if not isinstance(self.running_sum, int) or self.running_sum < 1:
            raise BeamwatchError(f"a running sum is of 1 frame or more, not {self.running_sum!r}")
        if not isinstance(self.alpha, int | float) or not 0 < self.alpha < 1:
            raise BeamwatchError(f"alpha lies between 0 and 1, not {self.alpha!r}")

    def to_json(self) -> str:
        """All settings as JSON."""
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Settings from JSON; an unknown name is refused."""
        try:
            said: Any = json.loads(text)
        except ValueError as error:
            raise BeamwatchError(f"the settings are no JSON: {error}") from None
        known = {field.name for field in fields(cls)}
        if not isinstance(said, dict) or set(said) - known:
            odd = ", ".join(sorted(set(said) - known)) if isinstance(said, dict) else text[:40]
            raise BeamwatchError(f"unknown settings: {odd}; known are {', '.join(sorted(known))}")
        return cls(**said)
