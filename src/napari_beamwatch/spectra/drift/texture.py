"""The texture of what is in view beside the lattice, before a time and after it.

The low Fourier coefficients that a drift is told from hold film, edges, holes and thickness. Damage
of a crystal leaves most of that as it was. A stage that was moved shows another film; what shakes
for good blurs it, the finer the more. Frames of a side, laid where the specimen is, have a mean a
with noise of variance v. What persists in them is told by pairs of different frames,
``P = (|Σy|² - Σ|y|²) / n(n - 1)``, to which noise adds nothing; what two sides share is
``Re a*b``, as in a Fourier ring correlation [1]_. Rings are weighed by ``P / ((P + v)(P + v'))``,
spots are left out.

References
----------
.. [1] W. O. Saxton, W. Baumeister, J. Microsc. 127 (1982) 127.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from napari_beamwatch.spectra.drift.arrays import Complex64, Floats
from napari_beamwatch.spectra.drift.blurring import Blur, blur_of
from napari_beamwatch.spectra.drift.kernels import phases
from napari_beamwatch.spectra.drift.low_frequencies import LOWEST, Band, overlap_of
from napari_beamwatch.spectra.drift.paths import TOO_FAINT, solve_path
from napari_beamwatch.spectra.drift.refocusing import SEEN, Transfer, transfer_of
from napari_beamwatch.spectra.drift.whitening import Cells, Problem, squared

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BRIGHT, SPOT = 7.0, 2
"""Times the usual power of its ring from which a coefficient is a spot's, and how many around it
are, too: a texture has one in a thousand."""

AROUND = 1.25
"""Ratio of |k| over which the power of a texture is taken to be even."""

REACH, REACH_CELLS = 8.0, 3
"""Pixels, and cells of a map of correlations, by which the drift may be wrong between sides."""

ELSEWHERE = 5.0
"""Standard errors from which they are found to lie on each other farther off."""

RIM = 3.0
"""Pixels of a picture of the band over which a part of the field ends."""

HALF = 0.5
"""Part of a texture that is found again where the view is the same, at the least."""


@dataclass(frozen=True)
class Comparison:
    """How the texture of some frames compares to that of later ones.

    Attributes
    ----------
    before, after : float
        Standard errors by which the power of each is above 0.
    shared : float
        Part of the weaker that is found in the other: all of it where a crystal only went, or
        something came to lie on the film.
    below_half : float
        Standard errors by which that is less than `HALF`.
    blur : Blur or None
        Of the later ones beside the others.
    transfer : Transfer or None
        Through which the later ones show what both share.
    """

    before: float
    after: float
    shared: float
    below_half: float
    blur: Blur | None
    transfer: Transfer | None = None

    @property
    def seen(self) -> bool:
        """Whether both have one."""
        return min(self.before, self.after) > SEEN


@dataclass(frozen=True, eq=False)
class _Side:
    """Some frames as one picture.

    Attributes
    ----------
    mean : array of complex64
    power : array of float64
        What persists in each coefficient, without bias.
    noise : array of float64
        Of a group of weight 1.
    weight : float
        Of all.
    """

    mean: Complex64
    power: Floats
    noise: Floats
    weight: float


@dataclass(frozen=True, eq=False)
class Texture:
    """Low Fourier coefficients of a movie, and where the specimen lies in its frames.

    Attributes
    ----------
    band : Band
    kept : tuple of array
        Coefficients of the contrast of groups of frames.
    first, last : array of int64
        Frames of each group.
    path : array (groups, 2)
        Pixels by which the specimen lies down and right.
    measured : bool
        That is known.
    anywhere : bool
        Both sides may lie apart as far as the drift is looked for.
    overlap : float, optional
        Coefficients that are one independent one; as the taper of the frames has it, unless given.
    left_out : array of bool, optional
        Coefficients that are not asked, for they hold spots.
    """

    band: Band
    kept: tuple[Complex64, ...] = field(repr=False)
    first: Ints
    last: Ints
    path: Floats
    measured: bool = True
    anywhere: bool = False
    overlap: float | None = None
    left_out: Bools | None = field(default=None, repr=False)
    _known: dict[bytes, Comparison | None] = field(default_factory=dict, init=False, repr=False)

    def compared(self, before: Bools, after: Bools) -> Comparison | None:
        """The texture of some frames, and of later ones.

        None where either are fewer than two, or where the specimen lies in them is not known.

        Parameters
        ----------
        before, after : array of bool (frames,)
        """
        sides = [self._groups(frames) for frames in (before, after)]
        key = np.packbits(sides).tobytes()
        if key not in self._known:
            told = self.measured and min(int(side.sum()) for side in sides) >= 2
            self._known[key] = self._compared(*map(self._side, sides)) if told else None
        return self._known[key]

    def apart(self, before: Bools, after: Bools) -> Texture:
        """The same with a path for each side that the other had no part in, if both have one.

        A drift that is told from all frames finds no way where the specimen is another.

        Parameters
        ----------
        before, after : array of bool (frames,)
        """
        path, measured = self.path.copy(), True
        for groups in (self._groups(frames) for frames in (before, after)):
            kept = [self.kept[t] for t in np.flatnonzero(groups).tolist()]
            if len(kept) < 2:
                continue
            lengths = np.asarray(self.last[groups] - self.first[groups] + 1, np.float64)
            own, _, reason = solve_path(Problem.of(self.band, kept, lengths, lambda: None))
            measured &= reason != TOO_FAINT
            if not reason or not self.measured:
                path[groups] = own - own.mean(axis=0) + self.path[groups].mean(axis=0)
        return replace(self, path=path, measured=measured, anywhere=True)

    def within(self, boxes: Ints, before: Bools, after: Bools) -> Texture:
        """That of a part of the field, to compare frames with later ones.

        Parameters
        ----------
        boxes : array (boxes, 4)
            First and last rows and columns, (y0, x0, y1, x1), where the specimen lies at first.
        before, after : array of bool (frames,)
        """
        spots = np.zeros(self._used.shape, bool)
        for groups in (self._groups(frames) for frames in (before, after)):
            if groups.sum() >= 2:
                spots |= self._spots(self._side(groups))
        rows, columns = 2 * self.band.ry, 2 * self.band.rx
        scale = np.array([rows, columns, rows, columns]) / np.tile(self.band.shape, 2)
        inside = np.zeros((rows, columns), np.float32)
        for y0, x0, y1, x1 in np.rint(boxes * scale).astype(np.int64):
            inside[y0:y1, x0:x1] = 1
        inside = ndimage.gaussian_filter(inside, RIM)
        kept = []
        for one, moved in zip(self.kept, self.path - self.path[0], strict=True):
            py, px = phases(self.band, moved)
            # What leaks out of a spot where it is cut would pass for texture.
            laid = np.where(spots, 0, one * py[:, None] * px)
            picture = fft.irfft2(np.pad(laid, ((0, 0), (0, 1))), (rows, columns))
            kept.append(fft.rfft2(picture * inside)[:, : self.band.rx].astype(np.complex64))
        seen = inside * self.band.tapered((rows, columns))
        return replace(
            self, kept=tuple(kept), path=np.zeros_like(self.path), overlap=overlap_of(seen),
            left_out=spots,
        )  # fmt: skip

    def below(self, frequency: float) -> Texture:
        """That which is coarser than so many cycles per pixel."""
        finer = self._index >= frequency * max(self.band.shape)
        return replace(self, left_out=finer if self.left_out is None else finer | self.left_out)

    def _groups(self, frames: Bools) -> Bools:
        """Those that lie wholly among some frames."""
        outside = np.concatenate([[0], np.cumsum(~frames)])
        return np.asarray(outside[self.last + 1] == outside[self.first])

    def _side(self, groups: Bools) -> _Side:
        weights = self._weights[groups]
        total = np.zeros(self._used.shape, np.complex64)
        squares, noise = np.zeros(total.shape), np.zeros(total.shape)
        for t, weight in zip(np.flatnonzero(groups).tolist(), weights.tolist(), strict=True):
            py, px = phases(self.band, self.path[t])
            total += np.float32(weight) * (self.kept[t] * py[:, None] * px)
            power = squared(self.kept[t])
            squares += weight**2 * power
            noise += weight * power
        all_of_them = float(weights.sum())
        pairs = all_of_them**2 - float((weights**2).sum())
        return _Side(
            total / np.float32(all_of_them), (squared(total) - squares) / pairs,
            noise / len(weights), all_of_them,
        )  # fmt: skip

    def _compared(self, a: _Side, b: _Side) -> Comparison:
        used = self._used & ~(self._spots(a) | self._spots(b))
        index, overlap = self._index[used], self.overlap or self.band.overlap
        rings = _Rings(np.rint(index).astype(np.int64))
        noise = rings.mean((a.noise + b.noise)[used] / 2)
        power = rings.mean((a.power + b.power)[used] / 2).clip(0)
        va, vb = noise / a.weight, noise / b.weight
        weight = power / np.maximum((power + va) * (power + vb), 1e-300)
        own, own_se = (
            np.array([float(weight @ side.power[used]) for side in (a, b)]),
            np.array(
                [math.sqrt(overlap * float(weight**2 @ (v**2 + 2 * power * v))) for v in (va, vb)]
            ),
        )
        both_se = math.sqrt(overlap * float(weight**2 @ ((power + va) * (power + vb))) / 2)
        product = np.zeros(self._used.shape, np.complex64)
        product[used] = weight * (np.conj(a.mean) * b.mean)[used]
        both = self._nearest(product, both_se)
        weaker = int(own.argmin())
        error = math.hypot(both_se, HALF * own_se[weaker])
        ky, kx = np.broadcast_arrays(self.band.ky[:, None], self.band.kx)
        blur = blur_of(a.power[used], b.power[used], power, va, vb, ky[used], kx[used])
        if blur is not None:
            blur = replace(blur, covariance=blur.covariance * overlap)
        transfer = transfer_of(
            (np.conj(a.mean) * b.mean)[used].real.astype(np.float64), a.power[used], b.power[used],
            rings.mean(a.power[used]).clip(0), va, vb, index, overlap,
        )  # fmt: skip
        sure = own / np.maximum(own_se, 1e-300)
        return Comparison(
            float(sure[0]), float(sure[1]), both / max(float(own[weaker]), 1e-300),
            (HALF * float(own[weaker]) - both) / max(error, 1e-300),
            blur,
            transfer,
        )  # fmt: skip

    def _nearest(self, product: Complex64, error: float) -> float:
        """Sum of a product over the half plane, the sides laid on each other as well as they go."""
        full = np.roll(self._cells.correlation(product), self._cells.half, axis=(0, 1))
        far = full[tuple(slice(2 * half + 1) for half in self._cells.half)]
        near = far[
            tuple(
                slice(half - reach, half + reach + 1)
                for half, reach in zip(self._cells.half, self._near, strict=True)
            )
        ]
        best, elsewhere = (float(part.max()) * self._per_cell for part in (near, far))
        # A drift may lose its way where the specimen changes; a field that is moved has no peak.
        return elsewhere if self.anywhere or elsewhere > ELSEWHERE * error else best

    @cached_property
    def _near(self) -> tuple[int, ...]:
        cells = self._cells
        return tuple(
            min(half, max(REACH_CELLS, math.ceil(REACH / spacing)))
            for half, spacing in zip(cells.half, cells.spacing, strict=True)
        )

    @cached_property
    def _per_cell(self) -> float:
        """What makes plain sums of coefficients of a map of correlations."""
        one = np.zeros(self._used.shape, np.complex64)
        one[2, 2] = 1
        return 1 / float(self._cells.correlation(one)[0, 0])

    def _spots(self, side: _Side) -> Bools:
        power, rings = squared(side.mean), np.rint(self._index).astype(np.int64)
        usual = np.zeros(int(rings.max()) + 1)
        for ring in np.unique(rings[self._used]):
            usual[ring] = np.median(power[self._used & (rings == ring)]) / math.log(2)
        # Rows are those of ky = 0 … and −… again: neighbours across 0 are neighbours.
        bright = np.fft.fftshift(self._used & (power > BRIGHT * usual[rings]), axes=0)
        wide = ndimage.binary_dilation(bright, np.ones((2 * SPOT + 1,) * 2))
        return np.asarray(np.fft.ifftshift(wide, axes=0))

    @cached_property
    def _cells(self) -> Cells:
        return Cells.of(self.band)

    @cached_property
    def _index(self) -> Floats:
        """|k| in cycles along the longer side."""
        longer = max(self.band.shape)
        return np.hypot(self.band.ky[:, None] * longer, self.band.kx * longer).astype(np.float64)

    @cached_property
    def _used(self) -> Bools:
        band = self.band
        row, column = np.abs(band.ky[:, None] * band.shape[0]), band.kx * band.shape[1]
        highest = max(band.shape) * max(band.ry / band.shape[0], band.rx / band.shape[1])
        within = (self._index >= LOWEST) & (self._index < highest)
        used = (row >= 2) & (column >= 2) & within
        return np.asarray(used if self.left_out is None else used & ~self.left_out)

    @cached_property
    def _weights(self) -> Floats:
        """One over the noise of each group, 1 on average."""
        noise = np.array([np.median(squared(each[self._used])) for each in self.kept])
        weight = 1 / np.maximum(noise, 1e-30)
        return np.asarray(weight / weight.mean())


class _Rings:
    """Means over rings that are `AROUND` wide either way."""

    def __init__(self, ring: Ints) -> None:
        self._ring = ring
        self._count = np.concatenate([[0], np.cumsum(np.bincount(ring))])
        at = np.arange(len(self._count) - 1)
        self._low = np.ceil(at / AROUND).astype(np.int64)
        self._high = np.minimum(np.floor(at * AROUND).astype(np.int64), at[-1]) + 1

    def mean(self, values: Floats) -> Floats:
        """That around each coefficient."""
        total = np.concatenate([[0.0], np.cumsum(np.bincount(self._ring, values))])
        count = np.maximum(self._count[self._high] - self._count[self._low], 1)
        return np.asarray(((total[self._high] - total[self._low]) / count)[self._ring])
