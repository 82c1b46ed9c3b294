"""Rigid drift of the specimen over a movie, from its low frequencies.

Frames hold 0.05 electrons a pixel and less, so two of them seldom correlate; all of them
together do. Each frame is kept as its low Fourier coefficients, whitened so that lattice spots
weigh no more than the speckle beside them: a lattice alone knows a shift only up to a lattice
vector, the speckle, edges and borders tell which. Then, latest frames first because a stage
settles:

1. The velocity over the later half that makes its pair correlations agree (`_velocity`).
2. Frame after frame towards the beginning, a map of log likelihoods over all shifts against
   the sum of the frames placed so far; paths through the maps are weighted by forward-backward
   smoothing [1]_, so that a frame alone never decides, nor does a single best peak.
3. The same against the sum of all others, each frame left out of its own reference, which is
   weighted towards frames near in time since specimens change [2]_. What stands still on the
   detector (gain, hot pixels) is a second image beside the moving one, each with a variance
   of its own; otherwise it would hold the answer at zero.
4. Within the peak that was found, Newton steps with a random walk as the prior, whose step is
   estimated on the way; their covariance gives the standard errors.

References
----------
.. [1] Rabiner, L. R. A tutorial on hidden Markov models. Proc. IEEE 77, 257-286 (1989).
.. [2] Zheng, S. Q. et al. MotionCor2. Nature Methods 14, 331-332 (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy import fft, ndimage

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.threads import free_threads, shared_pool

Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Complex64 = NDArray[np.complex64]
Steps = tuple[tuple[float, float], ...]

BINNED = 512
"""Frames are binned to between this and twice this many pixels on their longer side."""

BAND = 128
"""Highest Fourier index that is kept along the longer side."""

HIGHEST = 1 / 3
"""Cycles per binned pixel; beyond, small frames have cells for nothing."""

LOWEST = 5
"""Lower ones are shading, beam and borders of the frame rather than specimen."""

FIRST_FRAMES = 64
"""Frames kept one by one, where drift is fastest; later ones may be added up."""

MOST_GROUPS = 192
"""Groups of frames kept: 50 MB."""

SPOT_AMPLITUDE = 0.5
"""What a lattice spot is brought down to, in units of the noise of a frame."""

LATTICE = 7.0
"""Excess over the median from which a coefficient is a lattice's, in units of the excess of the
highest tenth."""

HOT = 8.0
"""Standard deviations of a frame above its mean from which a pixel is taken for hot."""

REACH = 96.0
"""Largest displacement from the later frames that is looked for, in pixels."""

STEPS = ((0.96, 1.0), (0.038, 3.0), (0.002, 10.0))
"""Steps off a smooth path from frame to frame: probability, standard deviation in pixels."""

MOST_CELLS = 36
"""Cells of a map either way, along each axis."""

SMEARED = 1.0
"""Pixels of movement during a frame from which its smear is taken into account."""

SMEAR_ERROR = 0.4
"""Standard error of the mean place in a frame that is wholly smeared, in units of the smear."""

FIRST_STEPS = ((0.90, 1.0), (0.08, 4.0), (0.02, 10.0))
"""The same before there is such a path."""

FEWEST = 2
"""Lit frames needed."""

FAINTEST = 15.0
"""Pair correlation of all frames (standard deviations) below which no drift is stated: paths
fitted to pure noise reach 8, a specimen that can be followed 40."""

LEAST_GAIN = 4.0
"""Log likelihood that a frame must add on average. With less, single frames do not find
themselves (measured: 2.9 lost, 4.6 found), and a path may hop by a lattice vector."""

TOO_FAINT = "too few electrons or too little contrast to see a drift"

MOVED = 30.0
"""Log likelihood by which a path must be better than standing still to count as movement."""

MOST_ROUNDS = 4

SETTLED = 2.0
"""Pixels: when no step of a path changes by more, another round is not needed."""

MOST_HOPS = 4
"""Corrections of a path that are tried."""

HOP_SEEN = 0.5
"""Standard deviations of a correlation map by which another shift must fit better."""

CLIPPED = 1.5
"""Amplitude, in units of noise, above which a sum's coefficients say no more there."""

START_BEND = 0.03
LEAST_BEND = 0.01
"""Pixels by which a step differs from the one before at the least, for all that is known."""


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
    """

    dy_px: Floats
    dx_px: Floats
    se_px: Floats
    reason: str = ""

    @property
    def measured(self) -> bool:
        """True unless there is a reason why not."""
        return not self.reason


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
        self._band = _Band.of(shape)
        self._first: list[int] = []
        self._last: list[int] = []
        self._kept: list[Complex64] = []
        self._next = 0

    def reduce(self, frame: Frame) -> Complex64 | None:
        """Low Fourier coefficients of a frame's contrast; None if it is empty.

        Touches nothing of the estimator: may run in any thread, for `add_reduced` in order.
        """
        return self._band.reduce(frame)

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

    def solve(self, n_frames: int | None = None) -> Drift:
        """The drift in frames 0 to `n_frames` (the last one added unless given)."""
        count = self._next if n_frames is None else n_frames
        if len(self._kept) < FEWEST:
            return _unmeasured(count, "fewer than two frames with beam")
        first, last = np.array(self._first), np.array(self._last)
        problem = _Problem.of(self._band, self._kept, last - first + 1.0)
        path, covariance, reason = _solve(problem)
        if reason:
            return _unmeasured(count, reason)
        middle = (first + last) / 2
        variance = np.diag(covariance) + covariance[0, 0] - 2 * covariance[0]
        smeared = _smear_variance(problem, path)
        variance[1:] += smeared[1:] + smeared[0]
        frames = np.arange(count)
        # LAPACK's last digits depend on its threads; a millionth of a pixel does not.
        dy, dx, se = (
            np.round(np.interp(frames, middle, values), 6) + 0.0
            for values in (*(path - path[0]).T, np.sqrt(variance.clip(0)))
        )
        return Drift(dy, dx, se)

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


# --- From a frame to its low frequencies -----------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Band:
    """Which coefficients are kept of frames of a shape.

    Arrays of coefficients have rows of ky = 0 … ry − 1, −ry … −1 and columns of kx = 0 … rx − 1.
    """

    shape: tuple[int, int]
    bin: int
    ry: int
    rx: int
    taper_y: Floats32
    taper_x: Floats32

    @classmethod
    def of(cls, shape: tuple[int, int]) -> _Band:
        binning = max(1, max(shape) // BINNED)
        ny, nx = (n // binning for n in shape)
        if min(ny, nx) < 4 * LOWEST:
            raise BeamwatchError(
                f"frames of {shape[0]} by {shape[1]} pixels are too small to find a drift in"
            )
        highest = min(BAND / max(ny, nx), HIGHEST)
        ry, rx = (min(math.ceil(highest * n), n // 2 - 1) for n in (ny, nx))
        return cls((ny * binning, nx * binning), binning, ry, rx, _taper(ny), _taper(nx))

    @property
    def ky(self) -> Floats32:
        """Cycles per pixel of the frame of each row."""
        cycles: Floats32 = (np.r_[0 : self.ry, -self.ry : 0] / self.shape[0]).astype(np.float32)
        return cycles

    @property
    def kx(self) -> Floats32:
        """Cycles per pixel of the frame of each column."""
        return (np.arange(self.rx) / self.shape[1]).astype(np.float32)

    @property
    def overlap(self) -> float:
        """Coefficients that the taper makes of one independent one."""
        y, x = (
            len(taper) * float((taper**4).sum()) / float((taper**2).sum()) ** 2
            for taper in (self.taper_y, self.taper_x)
        )
        return y * x

    def reduce(self, frame: Frame) -> Complex64 | None:
        ny, nx = len(self.taper_y), len(self.taper_x)
        if frame.shape[0] < self.shape[0] or frame.shape[1] < self.shape[1]:
            raise BeamwatchError(f"a frame of {frame.shape} differs from the others in shape")
        if frame.dtype.kind not in "uif":
            frame = frame.astype(np.float32)
        if not frame.dtype.isnative:
            frame = frame.astype(frame.dtype.newbyteorder("="))
        mean, sd = _sample(frame)
        if not mean > 0:
            mean, sd = _sample(frame, 1)
        if not mean > 0:
            return None
        binned = np.empty((ny, nx), np.float32)
        _bin(frame, self.bin, np.float32(mean), np.float32(mean + HOT * sd), binned)
        level = float(binned.mean(dtype=np.float64))
        if not level > 0:
            return None
        binned -= np.float32(level)
        binned *= self.taper_y[:, None]
        binned *= self.taper_x * np.float32(1 / level)
        # Rows of the band only, then columns of it: half of a whole transform.
        rows = fft.rfft(binned, axis=1)[:, : self.rx]
        whole = fft.fft(rows, axis=0, overwrite_x=True)
        kept: Complex64 = np.concatenate([whole[: self.ry], whole[ny - self.ry :]])
        return kept


def _taper(n: int) -> Floats32:
    """Half a cosine over an eighth of the side at both ends."""
    ramp = np.minimum(1, (np.arange(n) + 0.5) / (n / 8))
    taper: Floats32 = (0.5 - 0.5 * np.cos(np.pi * np.minimum(ramp, ramp[::-1]))).astype(np.float32)
    return taper


def _sample(frame: Frame, every: int = 16) -> tuple[float, float]:
    """Mean and standard deviation of the finite pixels in some rows."""
    count, total, squares = _moments(frame, max(1, min(every, frame.shape[0] // 32)))
    if count == 0:
        return 0.0, 0.0
    mean = total / count
    return mean, math.sqrt(max(0.0, squares / count - mean * mean))


@njit(nogil=True, cache=True)
def _moments(frame: Any, every: int) -> tuple[int, float, float]:
    count, total, squares = 0, 0.0, 0.0
    for y in range(0, frame.shape[0], every):
        row_count, row_total, row_squares = 0, np.float32(0), np.float32(0)
        for x in range(frame.shape[1]):
            value = np.float32(frame[y, x])
            if abs(value) < np.float32(3e38):
                row_count += 1
                row_total += value
                row_squares += value * value
        count += row_count
        total += float(row_total)
        squares += float(row_squares)
    return count, total, squares


@njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz"})
def _bin(frame: Any, b: int, mean: Any, most: Any, out: Any) -> None:
    """Sums of b × b pixels; those above `most`, and no numbers, count as the mean."""
    ny, nx = out.shape
    line = np.empty(nx * b, np.float32)
    for i in range(ny):
        line[:] = 0
        for y in range(i * b, (i + 1) * b):
            for x in range(nx * b):
                value = np.float32(frame[y, x])
                line[x] += value if abs(value) <= most else mean
        for j in range(nx):
            total = np.float32(0)
            for x in range(j * b, (j + 1) * b):
                total += line[x]
            out[i, j] = total


# --- The movie as whitened coefficients ------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Problem:
    """Whitened coefficients Y_t = a_t (S e^(−2πi k·d_t) + G) + noise of variance 1.

    Attributes
    ----------
    y : array (frames, ky, kx) of complex64
    a : array of float32
        Relative strength of the signal in each.
    used : array (ky, kx) of bool
    ring : array (ky, kx) of int64
        Four indices wide.
    has_spots : bool
        There is a lattice: what stands still is a specimen.
    """

    band: _Band
    y: Complex64
    a: Floats32
    used: NDArray[np.bool_]
    ring: NDArray[np.int64]
    has_spots: bool
    block: NDArray[np.int64]
    lengths: Floats
    cells: _Cells = field(repr=False)

    @classmethod
    def of(cls, band: _Band, kept: list[Complex64], lengths: Floats) -> _Problem:
        y = np.stack(kept)
        row = np.abs(band.ky[:, None] * band.shape[0])
        column = np.broadcast_to(band.kx * band.shape[1], y.shape[1:])
        longer = max(band.shape)
        index = np.hypot(band.ky[:, None] * longer, band.kx * longer)
        # The cross in the middle holds the frame's borders and a detector's rows and columns.
        used = (row >= 2) & (column >= 2) & (index >= LOWEST)
        used &= index < longer * max(band.ry / band.shape[0], band.rx / band.shape[1])
        noise = np.array([np.median(_power(frame[used])) for frame in y])
        noise = np.maximum(noise / math.log(2), 1e-30)
        y /= np.sqrt(noise).astype(np.float32)[:, None, None]
        mean_power = _mean_power(y)
        ring = (index / 4).astype(np.int64)
        level, high = np.ones_like(mean_power), np.ones_like(mean_power)
        for r in np.unique(ring[used]):
            here = used & (ring == r)
            middle, tenth = np.quantile(mean_power[here], (0.5, 0.9))
            level[here], high[here] = max(middle, 1e-12), max(tenth, 1e-12)
        relative = mean_power / level
        # The mean of T exponentials; a spot that lasts part of the record lies far above it.
        spots = used & (relative > 1 + 6 / math.sqrt(len(y)) + 6 / len(y))
        # Of speckle, moving or of the detector, the highest coefficients reach three times the
        # excess of the highest tenth; those of a lattice stand out by far.
        lattice = spots & (mean_power - level > LATTICE * (high - level))
        factor = np.where(spots, SPOT_AMPLITUDE / np.sqrt(relative.clip(1e-12)), 1.0)
        y *= (factor / np.sqrt(level) * used).astype(np.float32)
        a = 1 / np.sqrt(noise)
        a /= math.sqrt(float(np.mean(a**2)))
        blocks = int(np.clip(len(y) // 8, 1, 8))
        return cls(
            band=band,
            y=y,
            a=a.astype(np.float32),
            used=used,
            ring=ring,
            has_spots=int(lattice.sum()) >= 4,
            block=np.arange(len(y)) * blocks // len(y),
            lengths=lengths,
            cells=_Cells.of(band),
        )

    @property
    def blocks(self) -> int:
        return int(self.block[-1]) + 1


@dataclass(frozen=True, eq=False)
class _Cells:
    """The displacements that are weighed: cells of a map around zero."""

    map_shape: tuple[int, int]
    spacing: tuple[float, float]
    half: tuple[int, int]

    @classmethod
    def of(cls, band: _Band) -> _Cells:
        sizes, spacings, halves = [], [], []
        for r, n in zip((band.ry, band.rx), band.shape, strict=True):
            size = fft.next_fast_len(max(2 * r + 2, min(3 * r, n)), real=True)
            size += size % 2
            spacing = n / size
            sizes.append(size)
            spacings.append(spacing)
            halves.append(int(np.clip(min(REACH, n / 6) / spacing, 2, MOST_CELLS)))
        return cls((sizes[0], sizes[1]), (spacings[0], spacings[1]), (halves[0], halves[1]))

    @property
    def axes(self) -> tuple[Floats, Floats]:
        """Displacement in pixels of rows and columns of cells."""
        (hy, hx), (sy, sx) = self.half, self.spacing
        y = np.arange(-hy, hy + 1, dtype=np.float64) * sy
        x = np.arange(-hx, hx + 1, dtype=np.float64) * sx
        return np.asarray(y, np.float64), np.asarray(x, np.float64)

    def correlation(self, product: Complex64) -> Floats32:
        """Sums of the half plane's Re(c e^(2πi k·d)) for every d of the whole map."""
        rows, columns = self.map_shape
        r = product.shape[0] // 2
        padded = np.zeros((rows, columns // 2 + 1), np.complex64)
        padded[:r, : product.shape[1]] = product[:r]
        padded[rows - r :, : product.shape[1]] = product[r:]
        full: Floats32 = fft.irfft2(padded, s=self.map_shape, norm="forward", overwrite_x=True)
        full *= np.float32(0.5)
        return full

    def cut(self, full: Floats32) -> Floats32:
        """The cells around zero of a whole map."""
        (hy, hx), (rows, columns) = self.half, self.map_shape
        part: Floats32 = full[
            np.ix_(np.arange(-hy, hy + 1) % rows, np.arange(-hx, hx + 1) % columns)
        ]
        return part


def _power(values: Complex64) -> Floats32:
    squares: Floats32 = values.real**2 + values.imag**2
    return squares


def _mixture(weights: Floats | Floats32, images: Complex64) -> Complex64:
    # Not a product of matrices: what threads BLAS runs on must not show in the last digit.
    total = np.zeros(images.shape[1:], np.complex64)
    for weight, image in zip(weights, images, strict=True):
        total += np.float32(weight) * image
    return total


def _mean_power(y: Complex64) -> Floats:
    total = np.zeros(y.shape[1:])
    for frame in y:
        total += _power(frame)
    return total / len(y)


# --- Images of the specimen and of the detector ------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Sums:
    """What the frames add up to when they are laid where a path says.

    For each block of time: frames moved back (`moved`), as they lie (`still`), and the sum of
    the squared strengths moved back (`coherence`); `weight` is that sum unmoved.
    """

    moved: Complex64
    still: Complex64
    coherence: Complex64
    weight: Floats

    @classmethod
    def of(cls, problem: _Problem, path: Floats, use: NDArray[np.bool_]) -> _Sums:
        shape = (problem.blocks, *problem.y.shape[1:])
        moved, still, coherence = (np.zeros(shape, np.complex64) for _ in range(3))
        used = np.flatnonzero(use)

        def lay(block: int) -> None:
            for t in used[problem.block[used] == block]:
                py, px = _phases(problem.band, path[t])
                _lay(
                    problem.y[t], problem.a[t], py, px, moved[block], still[block],
                    coherence[block],
                )  # fmt: skip

        _each(lay, range(problem.blocks))
        counted = np.bincount(
            problem.block[used], problem.a[used].astype(np.float64) ** 2, problem.blocks
        )
        weight = np.asarray(counted, np.float64)
        return cls(moved, still, coherence, weight)

    def near(self, block: int) -> _Total:
        """The sum over all blocks, those near in time weighted more."""
        distance = np.abs(np.arange(len(self.weight)) - block)
        return self._total(np.maximum(0.35, 1 - distance / 6))

    def all(self) -> _Total:
        """The sum over all blocks."""
        return self._total(np.ones(len(self.weight)))

    def _total(self, weights: Floats) -> _Total:
        return _Total(
            _mixture(weights, self.moved),
            _mixture(weights, self.still),
            _mixture(weights, self.coherence),
            float(weights @ self.weight),
        )


@dataclass(frozen=True, eq=False)
class _Total:
    moved: Complex64
    still: Complex64
    coherence: Complex64
    weight: float


@dataclass(frozen=True, eq=False)
class _Variances:
    """Expected power of the moving and of the still image in each ring, per frame."""

    moving: Floats
    still: Floats

    @classmethod
    def of(cls, problem: _Problem, total: _Total, still: bool) -> _Variances:
        used, ring = problem.used, problem.ring[problem.used]
        n = max(total.weight, 1e-9)
        rings = int(problem.ring.max()) + 1
        # A few strong coefficients must not speak for a ring.
        moved = np.minimum(_power(total.moved[used]) / n, 12.0) - 1
        lying = np.minimum(_power(total.still[used]) / n, 12.0) - 1
        share = np.minimum(_power(total.coherence[used]) / n**2, 1.0)
        known = 1 - share**2
        fixed = np.zeros(rings)
        if still:
            # E moved = n (pS + share pG), E still = n (share pS + pG).
            top = _smooth(_binned(ring, known * (lying - share * moved), rings), 4)
            bottom = _smooth(_binned(ring, known**2, rings), 4)
            z = (known * (lying - share * moved)).sum() / math.sqrt(
                problem.band.overlap * ((known * 1.0) ** 2 * (1 + share**2)).sum() + 1e-9
            )
            if z > 4:
                fixed = (top / np.maximum(bottom, 1e-9) / n).clip(0)
        counts = np.maximum(_smooth(_binned(ring, np.ones(len(ring), np.float32), rings), 1), 1e-9)
        level = _smooth(_binned(ring, moved - share * n * fixed[ring], rings), 1) / counts
        return cls((level / n).clip(0), fixed)


def _binned(ring: NDArray[np.int64], values: Floats32, rings: int) -> Floats:
    return np.asarray(np.bincount(ring, values, rings), np.float64)


def _smooth(values: Floats, times: int) -> Floats:
    for _ in range(times):
        padded = np.pad(values, 1)
        values = 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
    return values


@dataclass(frozen=True, eq=False)
class _Images:
    """Most probable moving image as ``own · moved + other · still``, and the still one."""

    own: Floats32
    other: Complex64
    moving: Complex64
    fixed: Complex64
    total: _Total

    @classmethod
    def of(cls, problem: _Problem, total: _Total, variances: _Variances) -> _Images:
        p_s = np.maximum(variances.moving, 1e-12)[problem.ring]
        p_g = np.maximum(variances.still, 1e-12)[problem.ring]
        n = total.weight
        a, d, c = 1 / p_s + n, 1 / p_g + n, total.coherence
        determinant = a * d - _power(c)
        own = (d / determinant * problem.used).astype(np.float32)
        other = (-c / determinant * problem.used).astype(np.complex64)
        moving = own * total.moved + other * total.still
        fixed = ((a * total.still - np.conj(c) * total.moved) / determinant * problem.used).astype(
            np.complex64
        )
        return cls(own, other, moving, fixed, total)


def _evidence(problem: _Problem, path: Floats, still: bool) -> tuple[float, float]:
    """Log likelihood of a path over no image at all, and its pair correlation in sigmas."""
    total = _Sums.of(problem, path, np.ones(len(path), bool)).all()
    variances = _Variances.of(problem, total, still)
    images = _Images.of(problem, total, variances)
    used, n = problem.used, total.weight
    p_s, p_g = variances.moving[problem.ring][used], variances.still[problem.ring][used]
    share = _power(total.coherence[used])
    fit = (np.conj(images.moving[used]) * total.moved[used]).real + (
        np.conj(images.fixed[used]) * total.still[used]
    ).real
    determinant = (1 + n * p_s) * (1 + n * p_g) - p_s * p_g * share
    gain = float((fit - np.log(determinant)).sum()) / problem.band.overlap
    squares = problem.a.astype(np.float64) ** 2
    own = np.zeros(int(used.sum()))
    for square, frame in zip(squares, problem.y, strict=True):
        own += square * _power(frame[used])
    w = n * p_s / (1 + n * p_s)
    pairs = float((w * (_power(total.moved[used]) - own)).sum())
    spread = problem.band.overlap * float((w**2).sum()) * float(n**2 - (squares**2).sum())
    return gain, pairs / math.sqrt(max(spread, 1e-30))


# --- Paths -------------------------------------------------------------------------------------


def _solve(problem: _Problem) -> tuple[Floats, Floats, str]:
    """Path (frames, 2), covariance of its steps along an axis, and why there is none."""
    frames = len(problem.a)
    nothing = np.zeros((frames, 2)), np.zeros((frames, frames))
    standing = np.zeros((frames, 2))
    best: tuple[float, float, Floats] | None = None
    still_gain, still_pairs = _evidence(problem, standing, False)
    path = _settled(problem)
    for against_pattern in (False, True):
        if against_pattern:
            # A pattern of the detector may have held the path: what if all that lies still
            # is taken for it?
            if (
                best is not None
                and best[0] > still_gain + MOVED
                and not _has_pattern(problem, best[2])
            ):
                break
            path = _trace_back(problem, np.zeros((frames, 2)), without_still=True)
        else:
            path = _trace_back(problem, path, without_still=False)
        for _ in range(MOST_ROUNDS):
            before, path = path, _round(problem, path)
            if np.abs(np.diff(path - before, axis=0)).max() < SETTLED:
                break
        path, gain, pairs = _mended(problem, path)
        if best is None or gain > best[0]:
            best = gain, pairs, path
    assert best is not None
    gain, pairs, path = best
    if max(pairs, still_pairs) < FAINTEST or max(gain, still_gain) < LEAST_GAIN * frames:
        return *nothing, TOO_FAINT
    if gain < still_gain + MOVED and not problem.has_spots:
        return *nothing, (
            "what the frames share stands still: no drift, or nothing but the detector's pattern"
        )
    if gain < still_gain + MOVED:
        path = standing
    path, covariance = _refine(problem, path)
    return path, covariance, ""


def _mended(problem: _Problem, path: Floats) -> tuple[Floats, float, float]:
    """The path without the hops that comparing what comes before and after a time shows."""
    gain, pairs = _evidence(problem, path, True)
    for _ in range(MOST_HOPS):
        hop = _hop(problem, path)
        if hop is None:
            break
        cut, shift = hop
        tried = path.copy()
        tried[:cut] += shift
        tried = _round(problem, tried - tried[-1])
        better, tried_pairs = _evidence(problem, tried, True)
        if better <= gain:
            break
        path, gain, pairs = tried, better, tried_pairs
    return path, gain, pairs


def _hop(problem: _Problem, path: Floats) -> tuple[int, Floats] | None:
    """The time at which, and the shift by which, all earlier frames would fit better."""
    cells = problem.cells
    sums = _Sums.of(problem, path, np.ones(len(path), bool))
    best: tuple[float, int, Floats] | None = None
    for block in range(1, problem.blocks):
        sides = []
        for part in (slice(max(0, block - 3), block), slice(block, block + 3)):
            side = sums.moved[part].sum(axis=0) / np.float32(math.sqrt(sums.weight[part].sum()))
            side /= np.maximum(1, np.abs(side) / np.float32(CLIPPED))
            sides.append(side)
        fit = cells.cut(cells.correlation(sides[0] * np.conj(sides[1])))
        spread = float(fit.std())
        hy, hx = cells.half
        here = float(fit[hy - 1 : hy + 2, hx - 1 : hx + 2].max())
        i, j = np.unravel_index(int(fit.argmax()), fit.shape)
        excess = (float(fit[i, j]) - here) / spread
        if excess > HOP_SEEN and (best is None or excess > best[0]):
            shift = np.array([cells.axes[0][i], cells.axes[1][j]])
            best = excess, int(np.argmax(problem.block == block)), shift
    return None if best is None else best[1:]


def _has_pattern(problem: _Problem, path: Floats) -> bool:
    total = _Sums.of(problem, path, np.ones(len(path), bool)).all()
    return bool(_Variances.of(problem, total, True).still.any())


def _settled(problem: _Problem) -> Floats:
    """A path of constant velocity through the later half, the best one."""
    frames = len(problem.a)
    start = frames // 2
    cuts = np.unique(np.linspace(start, frames, min(16, frames - start) + 1).astype(int))
    groups = [_mixture(problem.a[i:j], problem.y[i:j]) for i, j in pairwise(cuts)]
    path = np.zeros((frames, 2))
    if len(groups) < 2:
        return path
    cells = problem.cells
    reach = [min(40.0, half * s) for half, s in zip(cells.half, cells.spacing, strict=True)]
    y, x = np.meshgrid(*(np.arange(-int(r), int(r) + 1.0) for r in reach), indexing="ij")
    score = np.zeros(y.shape)
    for lag in range(1, len(groups)):
        product = np.zeros_like(groups[0])
        for earlier, later in zip(groups[:-lag], groups[lag:], strict=True):
            product += later * np.conj(earlier)
        part = lag / len(groups)
        where = [part * y / cells.spacing[0], part * x / cells.spacing[1]]
        score += ndimage.map_coordinates(
            cells.correlation(product), where, order=1, mode="grid-wrap"
        )
    best = np.unravel_index(int(score.argmax()), score.shape)
    moved = np.array([y[best], x[best]])
    path[start:] = (np.arange(start, frames) - frames + 1)[:, None] / (frames - start) * moved
    return path


def _trace_back(problem: _Problem, path: Floats, without_still: bool) -> Floats:
    """Places the later half together, then block by block towards the beginning."""
    frames = len(problem.a)
    path = path.copy()
    use = np.arange(frames) >= frames // 2
    use |= problem.block >= problem.block[frames // 2]
    held = np.zeros(problem.y.shape[1:], np.complex64)
    if without_still:
        held = _mixture(problem.a, problem.y) / np.float32((problem.a**2).sum())
    first = int(problem.block[frames // 2])
    ahead: Floats | None = None
    for number in range(first, -1, -1):
        now = problem.block == number if number < first else use.copy()
        sums = _Sums.of(problem, path, use)
        total = sums.near(number)
        variances = _Variances.of(problem, total, False)
        images = _Images.of(problem, total, variances)
        chosen = np.flatnonzero(now)
        own = use & now
        middle = path.copy()
        if number < first:
            # As fast as in the frames after it; what is wrong in that, the steps allow for.
            begin = int(chosen[-1]) + 1
            end = min(frames - 1, begin + 8)
            velocity = (path[end] - path[begin]) / max(1, end - begin)
            middle[chosen] = path[begin] + (chosen - begin)[:, None] * velocity
        maps = _maps(problem, chosen, path, [images] * problem.blocks, own, held, middle)
        weights = _smoothed(problem, maps, FIRST_STEPS, ahead)
        path[chosen] = middle[chosen] + _centres(problem.cells, weights)
        ahead = np.zeros_like(weights[0])
        ahead[problem.cells.half] = 1.0
        use |= now
    return path


def _round(problem: _Problem, path: Floats) -> Floats:
    """All frames against all others."""
    everything = np.ones(len(path), bool)
    images, fixed = _all_images(problem, path)
    middle = _smooth_path(path)
    maps = _maps(
        problem,
        np.arange(len(path)),
        path,
        images,
        everything,
        fixed,
        middle,
    )
    return middle + _centres(problem.cells, _smoothed(problem, maps, STEPS))


def _all_images(problem: _Problem, path: Floats) -> tuple[list[_Images], Complex64]:
    """Images seen from each block, and the detector's pattern."""
    sums = _Sums.of(problem, path, np.ones(len(path), bool))
    total = sums.all()
    variances = _Variances.of(problem, total, True)
    fixed = _Images.of(problem, total, variances).fixed
    return [
        _Images.of(problem, sums.near(block), variances) for block in range(problem.blocks)
    ], fixed


def _maps(
    problem: _Problem,
    chosen: NDArray[np.int64],
    path: Floats,
    images: list[_Images],
    own: NDArray[np.bool_],
    fixed: Complex64,
    middle: Floats,
) -> Floats32:
    """Log likelihood of each displacement from `middle` for each chosen frame.

    The frame itself is left out of the image.
    """
    cells, band = problem.cells, problem.band
    maps = np.empty((len(chosen), 2 * cells.half[0] + 1, 2 * cells.half[1] + 1), np.float32)
    scale = np.float32(2 / band.overlap)

    def one(i: int) -> None:
        t = int(chosen[i])
        image = images[problem.block[t]]
        py, px = _phases(band, path[t])
        product = np.empty(problem.y.shape[1:], np.complex64)
        _against(
            problem.y[t], problem.a[t] if own[t] else np.float32(0), py, px, image.moving,
            image.own, image.other, fixed, problem.a[t], product,
        )  # fmt: skip
        smear = _smear(problem, middle, t)
        if smear is not None:
            product *= smear
        my, mx = _phases(band, middle[t])
        product *= my[:, None]
        product *= mx
        maps[i] = cells.cut(cells.correlation(product)) * (problem.a[t] * scale)

    _each(one, range(len(chosen)))
    return maps


def _smoothed(problem: _Problem, maps: Floats32, law: Steps, after: Floats | None = None) -> Floats:
    """Probability of each displacement in each frame, all frames considered."""
    steps = [
        [(p, _kernel(axis, max(s, 0.5 * spacing))) for p, s in law]
        for axis, spacing in zip(problem.cells.axes, problem.cells.spacing, strict=True)
    ]

    def move(p: Floats) -> Floats:
        moved = np.zeros_like(p)
        for (share, ky), (_, kx) in zip(*steps, strict=True):
            moved += share * (ky @ p @ kx.T)
        return moved

    # A floor keeps underflow (slow, and final) out.
    likelihood = np.exp(maps - maps.max(axis=(1, 2), keepdims=True), dtype=np.float64) + 1e-25
    count = len(maps)
    forward: Floats = np.empty_like(likelihood)
    state = np.full(maps.shape[1:], 1.0 / maps[0].size)
    for t in range(count):
        state = (move(state) if t else state) * likelihood[t]
        state = state / state.sum() + 1e-30
        forward[t] = state
    later = np.ones(maps.shape[1:]) if after is None else move(after) + 1e-30
    for t in range(count - 1, -1, -1):
        forward[t] *= later / later.max()
        forward[t] /= forward[t].sum()
        later = move(later * likelihood[t])
        later = later / later.max() + 1e-30
    return forward


def _kernel(axis: Floats, sigma: float) -> Floats:
    kernel: Floats = np.exp(-0.5 * ((axis[:, None] - axis) / sigma) ** 2)
    kernel /= kernel.sum(axis=0)
    return kernel


def _centres(cells: _Cells, weights: Floats) -> Floats:
    """Mean displacement around the most probable one of each frame."""
    centres = np.empty((len(weights), 2))
    axes = cells.axes
    near = [max(1, round(4.0 / spacing)) for spacing in cells.spacing]
    for t, weight in enumerate(weights):
        i, j = np.unravel_index(int(weight.argmax()), weight.shape)
        rows = slice(max(0, int(i) - near[0]), int(i) + near[0] + 1)
        columns = slice(max(0, int(j) - near[1]), int(j) + near[1] + 1)
        part = weight[rows, columns]
        part = part / part.sum()
        centres[t] = part.sum(axis=1) @ axes[0][rows], part.sum(axis=0) @ axes[1][columns]
    return centres


# --- Newton steps within the peak ----------------------------------------------------------------


def _refine(problem: _Problem, path: Floats, rounds: int = 4) -> tuple[Floats, Floats]:
    """Path that maximises likelihood and prior, and the covariance along an axis."""
    frames = len(path)
    # From where the frames around place it, so that a frame astray finds the right peak.
    path = _smooth_path(path).copy()
    covariance = np.zeros((frames, frames, 2))
    bends = _bends(frames)
    # Noise must not pass for a stage that shakes: begin with the bends of a smooth path.
    given = _local_mean((bends @ path) ** 2) + START_BEND**2
    for _ in range(rounds):
        images, fixed = _all_images(problem, path)
        slope, curvature = _slopes(problem, path, images, fixed)
        spread = np.empty_like(given)
        for axis in (0, 1):
            # Only bends matter; the mean and the velocity are held, weakly.
            prior = bends.T @ (bends / given[:, axis, None]) + 1e-4 * np.eye(frames)
            information = np.diag(curvature[:, axis]) + prior
            covariance[:, :, axis] = np.linalg.inv(information)
            step = covariance[:, :, axis] @ (slope[:, axis] - prior @ path[:, axis])
            limit = 1.5 * problem.cells.spacing[axis]
            path[:, axis] += step.clip(-limit, limit)
            spread[:, axis] = ((bends @ covariance[:, :, axis]) * bends).sum(axis=1)
        given = np.maximum(_local_mean((bends @ path) ** 2 + spread), LEAST_BEND**2)
    return path, covariance.mean(axis=2)


def _bends(frames: int) -> Floats:
    """Matrix of second differences, or of first ones where there are but two frames."""
    bends: Floats = np.diff(np.eye(frames), n=2 if frames > 2 else 1, axis=0)
    return bends


def _smooth_path(path: Floats) -> Floats:
    """Parabolas through eleven neighbours, which frames astray hardly move."""
    frames = len(path)
    width = min(11, frames)
    if width < 5:
        return path
    first = np.clip(np.arange(frames) - width // 2, 0, frames - width)
    near = first[:, None] + np.arange(width)
    place = (near - np.arange(frames)[:, None]) / width
    design = np.stack([np.ones_like(place), place, place**2], axis=2)
    values = path[near]
    weight = np.ones(near.shape)
    fitted = np.zeros((frames, 3, 2))
    for _ in range(8):
        weighted = design * weight[:, :, None]
        normal = np.swapaxes(design, 1, 2) @ weighted + 1e-9 * np.eye(3)
        fitted = np.linalg.solve(normal, np.swapaxes(weighted, 1, 2) @ values)
        off = np.hypot(*np.moveaxis(values - design @ fitted, 2, 0))
        scale = 2 * np.maximum(np.median(off, axis=1), 0.3)[:, None]
        weight = 1 / (1 + (off / scale) ** 2) ** 2
    smooth: Floats = fitted[:, 0]
    return smooth


def _local_mean(values: Floats) -> Floats:
    """Over seven neighbours, the two axes together: how fast the stage was moving."""
    both = values.mean(axis=1)
    mean: Floats = ndimage.uniform_filter1d(both, min(7, len(both)), mode="nearest")
    return np.stack([mean, mean], axis=1)


def _slopes(
    problem: _Problem, path: Floats, images: list[_Images], fixed: Complex64
) -> tuple[Floats, Floats]:
    """Slope and expected curvature of each frame's log likelihood along both axes."""
    found = np.empty((len(path), 4))
    band = problem.band

    def one(t: int) -> None:
        image = images[problem.block[t]]
        py, px = _phases(band, path[t])
        product = np.empty(problem.y.shape[1:], np.complex64)
        _against(
            problem.y[t], problem.a[t], py, px, image.moving, image.own, image.other, fixed,
            problem.a[t], product,
        )  # fmt: skip
        shown, smear = image.moving, _smear(problem, path, t)
        if smear is not None:
            product *= smear
            shown = shown * smear
        found[t] = _slope(product, shown, problem.a[t], py, px, band.ky, band.kx)

    _each(one, range(len(path)))
    found *= 2 / band.overlap
    return found[:, :2] * problem.a[:, None].astype(np.float64), found[:, 2:]


def _smear_variance(problem: _Problem, path: Floats) -> Floats:
    """Of the mean place during a frame, along an axis, when the movement in it is unknown."""
    if len(path) < 2:
        return np.zeros(len(path))
    middle = np.cumsum(problem.lengths) - problem.lengths / 2
    speed = np.hypot(*np.gradient(path, middle, axis=0).T) * problem.lengths
    # Where it is more than the finest detail, the slower part of the movement weighs more.
    blurred = (speed / (6 * problem.cells.spacing[0])).clip(0, 1)
    variance: Floats = (SMEAR_ERROR * speed * blurred) ** 2 / 2
    return variance


def _smear(problem: _Problem, path: Floats, t: int) -> Floats32 | None:
    """What is left of each coefficient of a frame during which the specimen moved on."""
    before, after = max(0, t - 1), min(len(path) - 1, t + 1)
    apart = (problem.lengths[before] + problem.lengths[after]) / 2
    apart += problem.lengths[t] if after - before == 2 else 0.0
    moved = (path[after] - path[before]) / max(apart, 1.0) * problem.lengths[t]
    if np.hypot(*moved) < SMEARED:
        return None
    band = problem.band
    smear: Floats32 = np.sinc(
        band.ky[:, None] * np.float32(moved[0]) + band.kx * np.float32(moved[1])
    ).astype(np.float32)
    return smear


# --- Kernels -------------------------------------------------------------------------------------


def _phases(band: _Band, shift: Floats) -> tuple[Complex64, Complex64]:
    """Factors along y and x that move a frame back by `shift` pixels."""
    py: Complex64 = np.exp(2j * np.pi * band.ky * shift[0]).astype(np.complex64)
    px: Complex64 = np.exp(2j * np.pi * band.kx * shift[1]).astype(np.complex64)
    return py, px


@njit(nogil=True, cache=True)
def _lay(y: Any, a: Any, py: Any, px: Any, moved: Any, still: Any, coherence: Any) -> None:
    """Add a frame to the sums, moved back and as it lies."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            phase = py[i] * px[j]
            value = a * y[i, j]
            moved[i, j] += value * phase
            still[i, j] += value
            coherence[i, j] += a * a * phase


@njit(nogil=True, cache=True)
def _against(
    y: Any, own_a: Any, py: Any, px: Any, moving: Any, own: Any, other: Any, fixed: Any,
    a: Any, product: Any,
) -> None:  # fmt: skip
    """A frame without the detector's pattern, times the image without this frame."""
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            mine = own_a * y[i, j]
            image = moving[i, j] - own[i, j] * mine * py[i] * px[j] - other[i, j] * mine
            product[i, j] = (y[i, j] - a * fixed[i, j]) * np.conj(image)


@njit(nogil=True, cache=True)
def _slope(
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


def _each(work: Callable[[int], None], items: Iterable[int]) -> None:
    """Run `work` on each item, over the shared threads unless called from one of them."""
    if free_threads() == 1:
        for item in items:
            work(item)
    else:
        for _ in shared_pool().map(work, items):
            pass
