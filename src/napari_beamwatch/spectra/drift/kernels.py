"""Compiled sums over the coefficients of one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from napari_beamwatch.compiling import kernel
from napari_beamwatch.spectra.drift.arrays import Complex64, Floats
from napari_beamwatch.spectra.drift.low_frequencies import Band
from napari_beamwatch.threads import spread


def phases(band: Band, shift: Floats) -> tuple[Complex64, Complex64]:
    """Factors along y and x that move a frame back by `shift` pixels."""
    py: Complex64 = np.exp(2j * np.pi * band.ky * shift[0]).astype(np.complex64)
    px: Complex64 = np.exp(2j * np.pi * band.kx * shift[1]).astype(np.complex64)
    return py, px


@kernel()
def lay_frame(y: Any, a: Any, py: Any, px: Any, moved: Any, still: Any, coherence: Any) -> None:
    """Add a frame to the sums, moved back and as it lies."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            phase = py[i] * px[j]
            value = a * y[i, j]
            moved[i, j] += value * phase
            still[i, j] += value
            coherence[i, j] += a * a * phase


@kernel()
def frame_against(
    y: Any, own_a: Any, py: Any, px: Any, moving: Any, own: Any, other: Any, fixed: Any,
    a: Any, product: Any,
) -> None:  # fmt: skip
    """A frame without the detector's pattern, times the image without this frame."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            mine = own_a * y[i, j]
            image = moving[i, j] - own[i, j] * mine * py[i] * px[j] - other[i, j] * mine
            product[i, j] = (y[i, j] - a * fixed[i, j]) * np.conj(image)


@kernel()
def frame_slope(
    product: Any, moving: Any, a: Any, py: Any, px: Any, ky: Any, kx: Any
) -> tuple[float, float, float, float]:
    """Slope and curvature along y and x of Re Σ product e^(2πi k·d) at d."""
    two_pi = 2 * np.pi
    gy, gx, hy, hx = 0.0, 0.0, 0.0, 0.0
    for i in range(product.shape[0]):
        wy = two_pi * ky[i]
        for j in range(product.shape[1]):
            wx = two_pi * kx[j]
            turned = (product[i, j] * py[i] * px[j]).imag
            power = a * a * (moving[i, j].real ** 2 + moving[i, j].imag ** 2)
            gy -= wy * turned
            gx -= wx * turned
            hy += wy * wy * power
            hx += wx * wx * power
    return gy, gx, hy, hx


def for_each(
    work: Callable[[int], None], items: Iterable[int], check: Callable[[], object]
) -> None:
    """Run `work` on each item, over the shared threads unless called from one of them.

    `check` is called in this thread after each and may raise to stop.
    """
    for _ in spread(work, items):
        check()
