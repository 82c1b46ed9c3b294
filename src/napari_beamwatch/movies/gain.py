"""Gain references: what makes every pixel of a camera count alike, and defective pixels.

Conventions differ and no file says which it follows. As RELION documents them [1]_: with EER
movies a ``.gain`` file holds factors to multiply with, but a TIFF or MRC reference is to be
divided by; with other cameras (K2, K3) a reference is to be multiplied with.

References
----------
.. [1] RELION documentation, "Movie compression", on gain references of EER and TIFF movies.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.frames import DerivedFrames, Frame, FrameSource
from napari_beamwatch.movies.opened_files import OpenedFiles, states_before
from napari_beamwatch.movies.single_image import read_image

MOST_DEFECTIVE = 0.5
"""Share of defective pixels beyond which a reference belongs to something else."""

Factors = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Repair:
    """One round of filling: defective pixels with at least one good neighbour.

    Attributes
    ----------
    pixels : array of int, sorted
        Flat positions.
    neighbours : array of int, shape (n, 8)
        Flat positions; the pixel itself where there is no good one.
    weights : array of float32, shape (n, 8)
        One over the number of good neighbours, 0 for the others.
    """

    pixels: NDArray[np.int64]
    neighbours: NDArray[np.int64]
    weights: Factors


@dataclass(frozen=True, eq=False)
class Gain:
    """A gain reference ready for use.

    Attributes
    ----------
    factor : array of float32
        To multiply frames with; mean 1 over live pixels, NaN where a pixel is defective.
    repairs : tuple of Repair
        How defective pixels are filled from the border of each patch inwards.
    note : str
        What was decided, in a sentence.
    file : Path or None
        Where it was read from, absolute; None for an array.
    hash : str or None
        `fingerprint` of the file.
    """

    factor: Factors
    repairs: tuple[Repair, ...]
    note: str
    file: Path | None = None
    hash: str | None = None

    @property
    def dead(self) -> int:
        """Number of defective pixels."""
        return int(np.isnan(self.factor).sum())


@dataclass(frozen=True, eq=False)
class GainFrames(DerivedFrames):
    """Frames of another source, corrected by a gain reference, as float32."""

    gain: Gain

    def __post_init__(self) -> None:
        if self.gain.factor.shape != self.base.shape[1:]:
            raise BeamwatchError(
                f"the gain reference is {_size(self.gain.factor.shape)}, the frames are "
                f"{_size(self.base.shape[1:])}"
            )

    costly: ClassVar[bool] = True

    @property
    def seekable_rows(self) -> bool:  # type: ignore[override]  # as the frames below
        """Whether the frames below can be read by rows."""
        return self.base.seekable_rows

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def read(self, frame: int) -> Frame:
        return self._corrected(self.base.read(frame), 0)

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        height = self.shape[1]
        y0, y1, _ = slice(y0, y1).indices(height)
        # Each round of filling reaches one row further.
        reach = len(self.gain.repairs)
        first, last = max(0, y0 - reach), min(height, y1 + reach)
        rows = self._corrected(self.base.read_rows(frame, first, last), first)
        return rows[y0 - first : y1 - first]

    def summed(self, n: int) -> FrameSource:
        return GainFrames(self.base.summed(n), self.gain)

    def _corrected(self, raw: Frame, first: int) -> Factors:
        height, width = raw.shape
        factor = self.gain.factor[first : first + height]
        corrected = raw.astype(np.float32)
        corrected *= factor
        flat = corrected.reshape(-1)
        shift, size = first * width, height * width
        for repair in self.gain.repairs:
            # Of pixels on the edge of these rows some neighbours may be outside: they are
            # left as NaN, and so far out that nobody asks for them.
            a, b = np.searchsorted(repair.pixels, (shift, shift + size))
            near = repair.neighbours[a:b] - shift
            whole = ((near >= 0) & (near < size)).all(axis=1)
            weights = repair.weights[a:b][whole]
            good = flat[near[whole]]
            good[weights == 0] = 0  # the pixel itself stands there, and it is NaN
            flat[repair.pixels[a:b][whole] - shift] = (good * weights).sum(axis=1)
        return corrected


def load_gain(
    reference: str | os.PathLike[str] | NDArray[Any],
    shape: tuple[int, int],
    *,
    counting_events: bool,
) -> Gain:
    """A gain reference made to fit frames of `shape`.

    Parameters
    ----------
    reference : path or array
        ``.gain``, TIFF, MRC, DM or ``.npy``; an array is multiplied with.
    shape : tuple of int
        Rows and columns of the frames.
    counting_events : bool
        The frames come from an EER movie; decides whether a reference is divided by.
    """
    files = OpenedFiles()
    if isinstance(reference, np.ndarray):
        image, suffix, name = reference, "", "the gain array"
    elif not isinstance(reference, str | os.PathLike):
        raise BeamwatchError(f"a gain reference is a file or an array, not {reference!r}")
    else:
        path = Path(reference).absolute()
        files = OpenedFiles((path,), states=states_before([path]))
        image, suffix, name = read_image(path, "a gain reference"), path.suffix.lower(), path.name
    if image.ndim != 2 or image.dtype.kind not in "uifb":
        raise BeamwatchError(f"{name} must be one image of real numbers to be a gain reference")
    values = np.array(image, dtype=np.float64)
    live = np.isfinite(values) & (values > 0)
    divisive = counting_events and suffix in (".tif", ".tiff", ".mrc", ".mrcs")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        values = np.where(live, 1 / values if divisive else values, np.nan)
    values, fitted = _fitted(values, shape, name)
    dead = np.isnan(values)
    if dead.mean() > MOST_DEFECTIVE:
        raise BeamwatchError(
            f"{name} calls {dead.mean():.0%} of the pixels defective (zero, negative or not "
            "finite): it is no gain reference for these frames"
        )
    factor = (values / values[~dead].mean()).astype(np.float32)
    factor[~np.isfinite(factor)] = np.nan
    dead = np.isnan(factor)
    factor.flags.writeable = False
    how = "divided by" if divisive else "multiplied with"
    note = f"gain: frames are {how} {name}{fitted}"
    count = int(dead.sum())
    if count:
        note += f"; {count} defective pixels are replaced by the mean of their neighbours"
    file = files.paths[0] if files.paths else None
    return Gain(factor, tuple(_repairs(dead)), note, file, files.hash)


def _fitted(
    values: NDArray[np.float64], shape: tuple[int, int], name: str
) -> tuple[NDArray[np.float64], str]:
    """Factors binned or repeated to `shape`; one defective pixel spoils its whole bin."""
    if values.shape == shape:
        return values, ""
    for n in (2, 4):
        if values.shape == (shape[0] * n, shape[1] * n):
            bins = values.reshape(shape[0], n, shape[1], n)
            binned: NDArray[np.float64] = bins.mean(axis=(1, 3))
            return binned, f" (binned by {n})"
        if (values.shape[0] * n, values.shape[1] * n) == shape:
            return values.repeat(n, axis=0).repeat(n, axis=1), f" (each pixel for {n} by {n})"
    hint = ""
    if values.shape == shape[::-1]:
        hint = ": is it turned by 90°?"
    raise BeamwatchError(
        f"{name} is {_size(values.shape)}, the frames are {_size(shape)}; a gain reference must be "
        f"of the same size, or 2 or 4 times larger or smaller{hint}"
    )


def _repairs(dead: NDArray[np.bool_]) -> list[Repair]:
    """Rounds of filling, each from what was good before it."""
    width = dead.shape[1]
    good = np.pad(~dead, 1)
    left = np.flatnonzero(dead)
    steps = [(dy, dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    rounds = []
    while left.size:
        y, x = np.divmod(left, width)
        near = np.stack([(y + dy) * width + x + dx for dy, dx in steps], axis=1)
        usable = np.stack([good[y + dy + 1, x + dx + 1] for dy, dx in steps], axis=1)
        ready = usable.any(axis=1)
        here, usable = left[ready], usable[ready]
        neighbours = np.where(usable, near[ready], here[:, None])
        weights = (usable / usable.sum(axis=1, keepdims=True)).astype(np.float32)
        rounds.append(Repair(here, neighbours, weights))
        good[y[ready] + 1, x[ready] + 1] = True
        left = left[~ready]
    return rounds


def _size(shape: tuple[int, ...]) -> str:
    return " by ".join(str(n) for n in shape)
