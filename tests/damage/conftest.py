"""Traces with a known course, straight from the noise law; frames are doses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_beamwatch.damage.course.examining import Examined, examine
from napari_beamwatch.damage.course.models import remaining
from napari_beamwatch.damage.field.cells import Cells, cells_of
from napari_beamwatch.damage.scopes import Scope, SpotTrace


class Traces:
    """Makes crystals whose course is known."""

    # 111, 200, 1-11 and 220 of LiF [110] at 0.125 Å a pixel.
    g = 0.125 * np.array([[0.400, 0.158], [0.117, 0.483], [0.283, -0.325], [0.683, -0.167]])
    levels = np.array([4.0, 3.0, 2.0, 2.5])

    def scope(
        self, signal: np.ndarray, seed: int = 0, g: np.ndarray | None = None, windows: int = 4
    ) -> Scope:
        """A crystal whose spots have the expected signal (spots, frames)."""
        rng = np.random.default_rng(seed)
        shape = (*signal.shape, windows)
        noise = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)
        y = (np.abs(np.sqrt(signal)[..., None] + noise) ** 2).mean(axis=-1) - 1
        g = self.g if g is None else g
        traces = tuple(
            SpotTrace(i, 0, float(g[i, 0]), float(g[i, 1]), y[i], windows) for i in range(len(y))
        )
        ends = np.arange(1.0, signal.shape[1] + 1)
        return Scope("crystal", traces, ends - 1, ends, np.ones(len(ends), bool))

    def placed(self, signal: np.ndarray, seed: int, crystal: int = 0, turn: float = 0) -> Examined:
        """A place of a crystal, at an angle in degrees, examined."""
        c, s = np.cos(np.radians(turn)), np.sin(np.radians(turn))
        scope = self.scope(signal, seed, self.g @ np.array([[c, s], [-s, c]]))
        mine = tuple(replace(trace, crystal=crystal) for trace in scope.traces)
        return examine(replace(scope, traces=mine, crystal=crystal), None)

    def fading(self, onset: float, tau: float, frames: int = 100, beta: float = 1.0) -> np.ndarray:
        """Signals of four spots that fade together."""
        ends = np.arange(1.0, frames + 1)
        return self.levels[:, None] * remaining(ends - 1, ends, onset, tau, beta)

    def steady(self, frames: int = 100) -> np.ndarray:
        return np.tile(self.levels[:, None], (1, frames))

    def cells(
        self,
        courses: np.ndarray,
        seed: int = 0,
        window: np.ndarray | None = None,
        crystal: np.ndarray | None = None,
        film: float = 0.0,
        strength: np.ndarray | None = None,
    ) -> Cells:
        """Crystals in windows that follow courses (cells, frames), with all their spots.

        The film is a phasor of its own at each spot that stands still.
        """
        rng = np.random.default_rng(seed)
        strength = self.levels if strength is None else strength
        count, spots = len(courses), len(strength)
        window = np.arange(count) if window is None else window
        crystal = np.zeros(count, int) if crystal is None else crystal

        def phasors(*shape: int) -> np.ndarray:
            return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)

        still = np.sqrt(film) * phasors(count, spots, 1)
        lattice = np.sqrt(courses[:, None, :] * strength[:, None])
        y = np.abs(lattice + still + phasors(count, spots, courses.shape[1])) ** 2 - 1
        ends = np.arange(1.0, courses.shape[1] + 1)
        return cells_of(
            y.reshape(count * spots, -1).T, np.repeat(crystal, spots), np.repeat(window, spots),
            np.tile(strength, count), np.full(count * spots, film), np.ones((len(ends), 1)),
            ends - 1, ends,
        )  # fmt: skip


@pytest.fixture
def traces() -> Traces:
    return Traces()
