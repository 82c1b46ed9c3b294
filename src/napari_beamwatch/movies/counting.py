"""What the pixels say: the flux of each frame, and how an electron shows in grey levels.

Poisson noise of single counts has variance = mean in every pixel and in every block of
pixels. Counting cameras whose files draw an electron as a blob of about a hundred grey
levels have a variance far above the mean that grows further when pixels are added to
blocks, since neighbours share electrons. The difference of two neighbouring frames takes
the specimen out of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.beam import DARK, usual_counts
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.pixels import LARGEST, SMALLEST, admitted
from napari_beamwatch.movies.recording import Counting, Floats, Recording
from napari_beamwatch.movies.rim import TOLD, Rim, rim_of

READ_WHOLE = 512 * 2**20
"""Bytes up to which every pixel of a movie is read to measure its flux."""

MOST_READ = 16384
"""Frames up to which it is: each takes its time, however small it is."""

SAMPLED_FRAMES = 512
SAMPLED_DECODED_FRAMES = 9
ALIKE = 1e-4
"""Of the largest grey value: pixels that differ by less are lost when frames are added up in single
precision."""

SATURATED = 0.1
"""Part of the pixels at the end of their range from which a frame says nothing. Of normal noise of
which the highest tenth is cut off fringes keep 97 % of their power over its floor; of video 2 %
often are."""

MOST_CHANGES = 16
"""Comings and goings of the beam that are traced to their frame in a movie that is sampled."""

SAMPLED_BANDS = 8
BAND_ROWS = 4
BLOCK = 16

BLOB_LEVELS = 10.0
"""Grey levels an electron from which correlated noise is taken for drawn electrons: the
blur of an integrating camera correlates neighbours too, but its files hold fewer levels."""


def examine(recording: Recording) -> Recording:
    """The recording as everybody else sees it.

    Its pixels are of a type and size that can be computed with, and its flux and its counting
    are measured where it states none.
    """
    recording = replace(recording, frames=admitted(recording.frames))
    if recording.counts is not None:
        return recording
    what = recording.path or "the array"
    measured = measure_flux(recording.frames, what)
    warnings = (*recording.warnings, *measured.warnings)
    looked_at = replace(recording, lost=measured.lost, warnings=warnings)
    if measured.counts is None:
        return looked_at
    looked_at = replace(looked_at, counts=measured.counts, counts_origin=measured.origin)
    counting = recording.counting or measure_counting(recording.frames, looked_at.lit)
    return replace(looked_at, counting=counting)


@dataclass(frozen=True, eq=False)
class Flux:
    """Mean pixel of each frame.

    Attributes
    ----------
    counts : array of float or None
        Grey levels a pixel; None where they are not above zero in the mean, so that they
        cannot be a flux.
    origin : str
        How it was found; empty if every pixel was read.
    lost : array of bool or None
        Frames that hold no picture; None if there is none. Where they hold no number either,
        their counts are those between their neighbours'.
    warnings : tuple of str
    """

    counts: Floats | None
    origin: str
    lost: NDArray[np.bool_] | None
    warnings: tuple[str, ...]


def measure_flux(source: FrameSource, what: str) -> Flux:
    """Mean pixel of each frame.

    Movies up to `READ_WHOLE` bytes and `MOST_READ` frames are read whole, of more frames so many.
    Of larger ones, bands of rows of evenly spaced frames are read, more where a beam came or went
    between two of them. The flux of frames between is interpolated; the origin says so.
    """
    frames, height, width = source.shape
    small = frames * height * width * source.dtype.itemsize <= READ_WHOLE
    whole = small and frames <= MOST_READ
    bands = [(0, height)] if small or not source.seekable_rows else _bands(height)
    seen: dict[int, _Seen] = {}

    def look(chosen: Iterable[int]) -> None:
        for frame in chosen:
            seen[frame] = _look(source, frame, bands)

    if whole:
        look(range(frames))
    else:
        many = SAMPLED_FRAMES if source.seekable_rows else SAMPLED_DECODED_FRAMES
        many = MOST_READ if small else many
        look(np.unique(np.linspace(0, frames - 1, min(frames, many)).round().astype(int)).tolist())
        _look_where_the_beam_changed(seen, look)
    chosen = np.array(sorted(seen))
    means = np.array([seen[t].mean for t in chosen])
    largest = max(one.largest for one in seen.values())
    known = np.isfinite(means)
    if not known.any():
        raise BeamwatchError(
            f"{what} holds no pixel that is a grey value: all looked at are NaN, infinite or "
            f"beyond ±{LARGEST:g}"
        )
    if 0 < largest < SMALLEST:
        raise BeamwatchError(
            f"{what} holds grey values of {largest:g} at most, too small to compute with "
            f"(below {SMALLEST:g}): multiply its frames, so that an electron makes about 1"
        )
    warnings = []
    broken = sum(one.broken for one in seen.values())
    if broken:
        warnings.append(
            f"{broken} of {len(chosen)} frames looked at hold pixels that are NaN, infinite or "
            f"beyond ±{LARGEST:g}; they are left out of every mean"
        )
    rims = [one.rim for one in seen.values() if one.rim]
    if rims:
        warnings.append(
            f"in {len(rims)} of {len(chosen)} frames looked at the outermost rows or columns, up "
            f"to {max(rims)} px, hold one value only: they were filled, not recorded, as when a "
            "movie is aligned, and count as off the detector"
        )
    blank = ~known | np.array([seen[t].blank for t in chosen])
    lost = None
    if blank.any():
        lost = np.zeros(frames, bool)
        lost[chosen[blank]] = True
    usual = usual_counts(means[known])
    if means[known].min() < -DARK * usual or (usual <= 0 and largest > 0):
        said = "grey values are not above zero in the mean: they are no counts"
        return Flux(None, "", lost, (*warnings, said))
    means = np.maximum(means, 0.0)  # a dark frame may be a little below what is taken for dark
    counts: Floats = np.interp(np.arange(frames), chosen[known], means[known])
    origin = f"sampled in {len(chosen)} of {frames} frames"
    if len(chosen) == frames:
        origin = "" if whole else "from bands of rows"
    return Flux(counts, origin, lost, tuple(warnings))


@dataclass(frozen=True)
class _Seen:
    """What was seen of a frame.

    Attributes
    ----------
    mean, low, high : float
        Of its finite pixels; the mean is NaN if there are none.
    broken : bool
        It has others.
    saturated : float
        Part of the pixels at the end of the range of their type.
    rim : int
        Pixels of the border that were filled; left out of all others.
    """

    mean: float
    low: float
    high: float
    broken: bool
    saturated: float
    rim: int = 0

    @property
    def largest(self) -> float:
        """Absolute value."""
        return max(-self.low, self.high)

    @property
    def blank(self) -> bool:
        """Whether all pixels are alike, as far as single precision goes, or many saturated."""
        alike = self.largest > 0 and self.high - self.low <= ALIKE * self.largest
        return alike or self.saturated > SATURATED


def _look(source: FrameSource, frame: int, bands: list[tuple[int, int]]) -> _Seen:
    read = [source.read_rows(frame, y0, y1) for y0, y1 in bands]
    whole = read[0] if len(read) == 1 else np.concatenate(read)
    rim = rim_of(whole)
    told = rim.widest >= TOLD
    parts = [_part(pixels) for pixels in ([rim.inside(whole)] if told else read)]
    known = [part for part in parts if np.isfinite(part.mean)]
    return _Seen(
        float(np.mean([part.mean for part in known])) if known else np.nan,
        min((part.low for part in known), default=0.0),
        max((part.high for part in known), default=0.0),
        any(part.broken for part in parts),
        float(np.mean([part.saturated for part in parts])),
        _width(rim, bands) if told else 0,
    )


def _width(rim: Rim, bands: list[tuple[int, int]]) -> int:
    """Pixels of a rim of the frame that these bands of rows are of, at least."""
    rows = [y for y0, y1 in bands for y in range(y0, y1)]
    top = rows[rim.top - 1] + 1 if rim.top else 0
    bottom = rows[-1] + 1 - rows[-rim.bottom] if rim.bottom else 0
    return max(top, bottom, rim.left, rim.right)


def _part(pixels: Frame) -> _Seen:
    broken = False
    if pixels.dtype.kind == "f":
        finite: NDArray[np.bool_] = np.isfinite(pixels)
        broken = not finite.all()
        if broken:
            pixels = pixels[finite]
    if pixels.size == 0:
        return _Seen(np.nan, 0.0, 0.0, broken, 0.0)
    mean, low, high = float(pixels.mean(dtype=np.float64)), pixels.min(), pixels.max()
    full = pixels.dtype.kind in "iu" and high == np.iinfo(pixels.dtype).max
    saturated = float((pixels == high).mean()) if full else 0.0
    return _Seen(mean, float(low), float(high), broken, saturated)


def _look_where_the_beam_changed(
    seen: dict[int, _Seen], look: Callable[[Iterable[int]], None]
) -> None:
    """Look at more frames, until those on either side of a change of the beam are neighbours."""
    chosen = sorted(seen)
    means = np.nan_to_num([seen[t].mean for t in chosen])
    dark = means < DARK * usual_counts(means)
    for i in np.flatnonzero(np.diff(dark))[:MOST_CHANGES]:
        low, high = chosen[i], chosen[i + 1]
        while high - low > 1:
            middle = (low + high) // 2
            look([middle])
            as_low = (seen[middle].mean < DARK * usual_counts(means)) == dark[i]
            low, high = (middle, high) if as_low else (low, middle)
        look(t for t in (low - 1, high + 1) if 0 <= t <= chosen[-1] and t not in seen)


def measure_counting(source: FrameSource, lit: NDArray[np.bool_]) -> Counting | None:
    """How electrons show as grey levels, from two neighbouring lit frames in mid-record."""
    pairs = np.flatnonzero(lit[:-1] & lit[1:])
    if not len(pairs):
        return None
    at = int(pairs[(len(pairs) - 1) // 2])
    y0, y1 = _middle(source.shape[1])
    x0, x1 = _middle(source.shape[2])
    a, b = (source.read_rows(t, y0, y1)[:, x0:x1] for t in (at, at + 1))
    whole_numbers = bool((a == np.rint(a)).all() and (b == np.rint(b)).all())
    return judge_counting(a.astype(np.float64), b.astype(np.float64), whole_numbers)


def judge_counting(a: Floats, b: Floats, whole_numbers: bool) -> Counting | None:
    """How electrons show, from the same part of two neighbouring frames."""
    mean = float((a.mean() + b.mean()) / 2)
    if not np.isfinite(mean) or mean <= 0 or min(a.shape) < 2 * BLOCK:
        return None
    noise = (a - b) / np.sqrt(2.0)
    fano = float(noise.var()) / mean
    # Corner of the spectrum: a drifting lattice puts nothing there, white noise its share.
    corner = (noise[1:, 1:] - noise[1:, :-1] - noise[:-1, 1:] + noise[:-1, :-1]) / 2
    fano_corner = float((corner**2).mean()) / mean
    height, width = (n // BLOCK * BLOCK for n in noise.shape)
    blocks = noise[:height, :width].reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK)
    per_electron = float(blocks.sum(axis=(1, 3)).var()) / (mean * BLOCK**2)
    if fano <= 0:
        return None
    said = f"variance/mean = {fano:.3g}"
    if whole_numbers and 0.8 <= fano_corner <= 1.2 and fano < 2.5:
        return Counting("single", 1.0, fano, f"whole numbers, {said}")
    if per_electron > 1.5 * fano and per_electron > BLOB_LEVELS:
        return Counting(
            "blob", per_electron, fano, f"{said}, {per_electron:.3g} in blocks of {BLOCK} px"
        )
    return Counting("grey", per_electron, fano, said)


def _bands(height: int) -> list[tuple[int, int]]:
    if height <= SAMPLED_BANDS * BAND_ROWS:
        return [(0, height)]
    starts = np.linspace(0, height - BAND_ROWS, SAMPLED_BANDS).astype(int)
    return [(int(y), int(y) + BAND_ROWS) for y in starts]


def _middle(size: int, most: int = 512) -> tuple[int, int]:
    start = max(0, (size - most) // 2)
    return start, min(size, start + most)
