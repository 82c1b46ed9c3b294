"""Specimens whose rings are known: Gaussian random fields of a given spectrum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from napari_beamwatch.spectra.rings import RadialPower, window_power
from napari_beamwatch.spectra.rings.radial import spread_windows
from napari_beamwatch.spectra.windows import Grid

SIZE = 512


class Specimen:
    """Makes contrasts of 512² pixels, and their radial power as a counting camera shows it."""

    grid = Grid(SIZE, SIZE, 128, 64)

    def field(
        self, amplitude: Callable[[np.ndarray, np.ndarray], np.ndarray], seed: int
    ) -> np.ndarray:
        """White noise times an amplitude of |k| (cycles per pixel) and angle."""
        ky, kx = np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE)[None]
        white = np.random.default_rng([seed, 1]).normal(size=(SIZE, SIZE))
        wave = np.fft.rfft2(white) * amplitude(np.hypot(ky, kx), np.arctan2(-ky, kx))
        return np.fft.irfft2(wave, s=(SIZE, SIZE))

    def powder(self, k: float, sigma: float, contrast: float, seed: int) -> np.ndarray:
        """A powder: a ring at k, Gaussian in power, of a root mean square contrast."""
        made = self.field(lambda q, _: np.exp(-(((q - k) / sigma) ** 2) / 4), seed)
        return made * contrast / made.std()

    def counted(
        self,
        contrast: np.ndarray | float,
        dose: float,
        seed: int,
        frames: tuple[int, int] = (0, 2),
        camera: Callable[[np.ndarray], np.ndarray] | None = None,
        grid: Grid | None = None,
    ) -> RadialPower:
        """Radial power of two halves of `dose` counts a pixel."""
        grid = grid or self.grid
        rng = np.random.default_rng([seed, 2])
        expected = np.broadcast_to(np.clip(1 + contrast, 0, None) * dose / 2, (SIZE, SIZE))
        one, two = (rng.poisson(expected).astype(np.float32) for _ in range(2))
        if camera is not None:
            one, two = (camera(half).astype(np.float32) for half in (one, two))
        windows = spread_windows(grid)
        nothing = np.zeros((len(windows), grid.window, grid.window // 2 + 1), bool)
        return window_power((one, two), grid, windows, nothing, frames)


@pytest.fixture(scope="session")
def specimen() -> Specimen:
    return Specimen()
