"""What an analysis will take, before it is begun: memory and time, from a few numbers.

The numbers were measured on movies whose field is full of lattice; others take less. Memory that
is not there is refused at the door, and once more when the spots are known, for their traces are
the most of it. A long time is only said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.settings import Settings
from napari_beamwatch.spectra.drift.estimator import kept_coefficients
from napari_beamwatch.spectra.windows import Grid

GIB = 2**30

SPOTS_PER_WINDOW = 2.5
"""Of a window full of crystal, before anybody has looked."""

REFLECTIONS = 10
"""Of a region."""

BYTES = 60e6
"""That judging takes, however little there is to judge."""

PER_PIXEL = 40.0
"""Bytes: frames under way, and their sums."""

PER_COEFFICIENT = 8.0
"""Bytes of a low coefficient of a group of frames, kept for as long as their texture is asked for:
50 MB of them at the most."""

SOLVING = 2.5
"""Times what is kept that finding the drift takes beside it; all else comes later."""

PER_WINDOW = 3e3
"""Bytes: of its row in the tables, and of what judges it."""

PER_SPOT = 4e3
"""Bytes of a spot in a window, without its traces."""

PER_TRACE = 180.0
"""Bytes of a spot in a window in a frame: what is kept, and what its traces are made with."""

PER_REGION_TRACE = 600.0
"""Bytes of a reflection of a region in a frame."""

SECONDS_PER_PIXEL = 2e-8
"""Of a frame, read three times."""

SECONDS_PER_BIN = 2e-8
"""Of the spectrum of a window, in all segments of time."""

SECONDS_PER_WINDOW = 2e-4
"""To judge it."""

SECONDS_PER_TRACE = 4e-6
"""Of a spot in a window in a frame."""

SECONDS_PER_REGION = 0.3
"""To judge its crystals."""

LONG = 600.0
"""Seconds from which they are told before."""


@dataclass(frozen=True)
class Effort:
    """What an analysis takes, about.

    Attributes
    ----------
    frames, pixels, windows, window, spots, regions : int
        Exposed frames, pixels of one, windows, their side, spots in all of them, regions.
    coefficients : int
        Low Fourier coefficients that the drift is found from; 0 where it is not looked for.
    """

    frames: int
    pixels: int
    windows: int
    window: int
    spots: int
    regions: int
    coefficients: int = 0

    @classmethod
    def of(cls, movie: Movie, settings: Settings, grid: Grid, regions: int) -> Effort:
        """Of a movie, with as many spots as there may be."""
        frames, (height, width) = int(movie.lit.sum()), movie.shape[1:]
        spots = round(float(f"{SPOTS_PER_WINDOW * len(grid):.2g}"))
        kept = kept_coefficients((height, width), frames) if settings.drift == "auto" else 0
        return cls(frames, height * width, len(grid), grid.window, spots, regions, kept)

    @property
    def memory(self) -> float:
        """Bytes at most."""
        traces = self.spots * (PER_SPOT + PER_TRACE * self.frames)
        of_regions = (1 + self.regions) * REFLECTIONS * PER_REGION_TRACE * self.frames
        kept = PER_COEFFICIENT * self.coefficients
        whole = PER_PIXEL * self.pixels + PER_WINDOW * self.windows + kept
        return whole + max(SOLVING * kept, BYTES + traces + of_regions)

    @property
    def seconds(self) -> float:
        """On two processors."""
        reading = self.frames * (SECONDS_PER_PIXEL * self.pixels + SECONDS_PER_TRACE * self.spots)
        of_windows = self.windows * (SECONDS_PER_WINDOW + SECONDS_PER_BIN * self.window**2)
        return reading + of_windows + SECONDS_PER_REGION * (1 + self.regions)

    def check(self) -> None:
        """Refuse what the memory of this computer does not hold."""
        free = free_memory()
        if self.memory > free:
            raise BeamwatchError(
                f"{self._words()} need about {_gib(self.memory)} of memory, and {_gib(free)} are "
                f"free: {self._advice()}"
            )

    def notes(self) -> list[str]:
        """How long it takes, in a sentence; none if it is not long."""
        if self.seconds < LONG:
            return []
        return [f"effort: {self._words()} take about {_duration(self.seconds)}; {self._advice()}"]

    def _words(self) -> str:
        said = f"{self.windows:,} windows with some {self.spots:,} spots over {self.frames} frames"
        return said + (f" and {self.regions:,} regions" if self.regions else "")

    def _advice(self) -> str:
        if self.regions * SECONDS_PER_REGION > self.seconds / 2:
            return "fewer regions need less"
        return "a larger step, or frames that are added up, need less"


def free_memory() -> float:
    """Bytes that this process may still take; infinite where the system does not say."""
    free = [_meminfo(), _cgroup()]
    known = [value for value in free if value is not None]
    if not known:
        try:
            known = [float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))]
        except (AttributeError, ValueError, OSError):  # Windows
            return float("inf")
    return min(known)


def _meminfo() -> float | None:
    """Of the computer, with what the system would give back (Linux)."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return float(found[0]) * 1024 if found else None


def _cgroup() -> float | None:
    """Of a container or a job of a cluster (Linux)."""
    folder = Path("/sys/fs/cgroup")
    try:
        most = (folder / "memory.max").read_text(encoding="ascii").strip()
        used = float((folder / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if most == "max" else max(0.0, float(most) - used)


def _gib(count: float) -> str:
    gib = count / GIB
    return f"{gib:,.0f} GiB" if gib >= 10 else f"{gib:.2g} GiB"


def _duration(seconds: float) -> str:
    hours = seconds / 3600
    if hours >= 48:
        return f"{hours / 24:.2g} days"
    return f"{hours:.2g} h" if hours >= 1.5 else f"{seconds / 60:.0f} min"
