"""Takes frames one after the other and solves for the drift at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.spectra.drift.arrays import Complex64, Floats
from napari_beamwatch.spectra.drift.low_frequencies import Band
from napari_beamwatch.spectra.drift.paths import solve_path
from napari_beamwatch.spectra.drift.refining import smear_variance
from napari_beamwatch.spectra.drift.texture import Texture
from napari_beamwatch.spectra.drift.whitening import Problem

FIRST_FRAMES = 64
"""Frames kept one by one, where drift is fastest; later ones may be added up."""

MOST_GROUPS = 192
"""Groups of frames kept."""

FEWEST = 2
"""Lit frames needed."""


@dataclass(frozen=True, eq=False)
class Drift:
    """Displacement of the specimen in each frame relative to the first lit one.

    Attributes
    ----------
    dy_px, dx_px : array of float
        Pixels; positive is down and right. Zero where nothing could be measured.
    se_px : array of float
        Standard error along either axis; NaN where nothing could be measured.
    reason : str
        Why not, in words; empty if it was measured.
    texture : Texture, optional
        Of the film that it was told from.
    """

    dy_px: Floats
    dx_px: Floats
    se_px: Floats
    reason: str = ""
    texture: Texture | None = field(default=None, repr=False)

    @property
    def measured(self) -> bool:
        """True unless there is a reason why not."""
        return not self.reason


def kept_coefficients(shape: tuple[int, int], frames: int) -> int:
    """How many coefficients are kept of so many lit frames of a shape, at the most."""
    band = Band.of(shape)
    return min(frames, MOST_GROUPS) * 2 * band.ry * band.rx


def estimate_drift(frames: Iterable[Frame] | FrameSource, *, lit: ArrayLike | None = None) -> Drift:
    """Drift of the specimen over a movie.

    Parameters
    ----------
    frames : iterable of ndarray or FrameSource
        In order of time.
    lit : array of bool, optional
        Frames to use; empty frames are left out in any case.
    """
    if isinstance(frames, FrameSource):
        source = frames
        frames = (source.read(t) for t in range(source.shape[0]))
    use = None if lit is None else np.asarray(lit, bool)
    estimator: DriftEstimator | None = None
    count = 0
    for count, frame in enumerate(frames, 1):
        if use is not None and count > len(use):
            raise BeamwatchError(f"`lit` speaks of {len(use)} frames, there are more")
        if estimator is None:
            estimator = DriftEstimator((frame.shape[0], frame.shape[1]))
        if use is None or use[count - 1]:
            estimator.add(count - 1, frame)
    if estimator is None:
        raise BeamwatchError("there are no frames to find a drift in")
    return estimator.solve(count)


class DriftEstimator:
    """Takes the frames of a movie one after the other and solves for the drift at the end.

    Memory is bounded whatever the number of frames: from `MOST_GROUPS` on, later frames are
    added up in pairs.

    Parameters
    ----------
    shape : (rows, columns)
        Of the frames in pixels.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._band = Band.of(shape)
        self._first: list[int] = []
        self._last: list[int] = []
        self._kept: list[Complex64] = []
        self._next = 0

    @property
    def reduce(self) -> Callable[[Frame], Complex64 | None]:
        """Gives the low Fourier coefficients of a frame's contrast; None if it is empty.

        Touches nothing of the estimator: may run in any thread or process, for `add_reduced` in
        order.
        """
        return self._band.reduce

    def add(self, frame_index: int, frame: Frame) -> None:
        """Take a frame; indices ascend, frames without beam may be left out."""
        self.add_reduced(frame_index, self.reduce(frame))

    def add_reduced(self, frame_index: int, reduced: Complex64 | None) -> None:
        """Take what `reduce` made of a frame."""
        if frame_index < self._next:
            raise BeamwatchError("frames must come in order of time to find their drift")
        self._next = frame_index + 1
        if reduced is None:
            return
        self._first.append(frame_index)
        self._last.append(frame_index)
        self._kept.append(reduced)
        if len(self._kept) > MOST_GROUPS:
            self._pair_up()

    def solve(
        self, n_frames: int | None = None, check: Callable[[], object] = lambda: None
    ) -> Drift:
        """The drift in frames 0 to `n_frames` (the last one added unless given).

        `check` is called now and then and may raise to stop.
        """
        count = self._next if n_frames is None else n_frames
        if len(self._kept) < FEWEST:
            return _unmeasured(count, "fewer than two frames with beam")
        first, last = np.array(self._first), np.array(self._last)
        problem = Problem.of(self._band, self._kept, last - first + 1.0, check)
        path, covariance, reason = solve_path(problem)
        texture = Texture(self._band, tuple(self._kept), first, last, path, measured=not reason)
        if reason:
            return replace(_unmeasured(count, reason), texture=texture)
        middle = (first + last) / 2
        variance = np.diag(covariance) + covariance[0, 0] - 2 * covariance[0]
        smeared = smear_variance(problem, path)
        variance[1:] += smeared[1:] + smeared[0]
        frames = np.arange(count)
        # LAPACK's last digits depend on its threads; a millionth of a pixel does not.
        dy, dx, se = (
            np.round(np.interp(frames, middle, values), 6) + 0.0
            for values in (*(path - path[0]).T, np.sqrt(variance.clip(0)))
        )
        return Drift(dy, dx, se, texture=texture)

    def _pair_up(self) -> None:
        # The coefficients are those of contrast: a mean weighted by the frames in it.
        first = self._first[:FIRST_FRAMES]
        last = self._last[:FIRST_FRAMES]
        kept = self._kept[:FIRST_FRAMES]
        i = FIRST_FRAMES
        while i < len(self._kept):
            j = min(i + 1, len(self._kept) - 1)
            m, n = (self._last[g] - self._first[g] + 1 for g in (i, j))
            merged = self._kept[i] if i == j else _weighted(self._kept[i], m, self._kept[j], n)
            first.append(self._first[i])
            last.append(self._last[j])
            kept.append(merged)
            i += 2
        self._first, self._last, self._kept = first, last, kept


def _weighted(a: Complex64, m: float, b: Complex64, n: float) -> Complex64:
    mixed: Complex64 = a * np.float32(m / (m + n)) + b * np.float32(n / (m + n))
    return mixed


def _unmeasured(count: int, reason: str) -> Drift:
    return Drift(np.zeros(count), np.zeros(count), np.full(count, np.nan), reason)
