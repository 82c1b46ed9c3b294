"""What the pixels say: the flux of each frame, and how an electron shows in grey levels.

Poisson noise of single counts has variance = mean in every pixel and in every block of
pixels. Counting cameras whose files draw an electron as a blob of about a hundred grey
levels have a variance far above the mean that grows further when pixels are added to
blocks, since neighbours share electrons. The difference of two neighbouring frames takes
the specimen out of both.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.recording import Counting, Floats, Recording

READ_WHOLE = 512 * 2**20
"""Bytes up to which every pixel of a movie is read to measure its flux."""

SAMPLED_FRAMES = 512
SAMPLED_DECODED_FRAMES = 9
SAMPLED_BANDS = 8
BAND_ROWS = 4
BLOCK = 16

BLOB_LEVELS = 10.0
"""Grey levels an electron from which correlated noise is taken for drawn electrons: the
blur of an integrating camera correlates neighbours too, but its files hold fewer levels."""


def examine(recording: Recording) -> Recording:
    """The recording with its flux and its counting measured, where it states none."""
    if recording.counts is not None:
        return recording
    source = recording.frames
    counts, origin, warnings = measure_flux(source)
    warnings = [*recording.warnings, *warnings]
    if counts is None:
        return replace(recording, warnings=tuple(warnings))
    looked_at = replace(recording, counts=counts, counts_origin=origin)
    counting = recording.counting or measure_counting(source, looked_at.first_lit)
    return replace(looked_at, counting=counting, warnings=tuple(warnings))


def measure_flux(source: FrameSource) -> tuple[Floats | None, str, list[str]]:
    """Mean pixel of each frame.

    Movies up to `READ_WHOLE` bytes are read whole. Of larger ones, bands of rows of evenly
    spaced frames are read, and the flux of frames between is interpolated; the origin says
    so.

    Returns
    -------
    counts : array of float or None
        Grey levels a pixel; None where grey levels are below zero in the mean or not finite,
        so that they cannot be a flux.
    origin : str
        Empty if every pixel was read.
    warnings : list of str
    """
    frames, height, width = source.shape
    pixels = height * width
    whole = frames * pixels * source.dtype.itemsize <= READ_WHOLE
    if whole:
        chosen = np.arange(frames)
    else:
        many = SAMPLED_FRAMES if source.seekable_rows else SAMPLED_DECODED_FRAMES
        chosen = np.unique(np.linspace(0, frames - 1, min(frames, many)).round().astype(int))
    bands = [(0, height)] if whole or not source.seekable_rows else _bands(height)
    means = np.empty(len(chosen))
    broken = 0
    for i, frame in enumerate(chosen):
        values = [_mean_of(source.read_rows(int(frame), y0, y1)) for y0, y1 in bands]
        means[i] = np.mean([mean for mean, _ in values])
        broken += any(missing for _, missing in values)
    warnings = []
    if broken:
        warnings.append(
            f"{broken} of {len(chosen)} frames looked at hold pixels that are NaN or infinite; "
            "they are left out of every mean"
        )
    if not np.isfinite(means).all():
        return None, "", [*warnings, "some frames hold no finite pixel: the flux is unknown"]
    if (means < 0).any():
        return None, "", [*warnings, "grey values lie below zero in the mean: they are no counts"]
    if len(chosen) == frames:
        return means, "" if whole else "from bands of rows", warnings
    counts: Floats = np.interp(np.arange(frames), chosen, means)
    return counts, f"sampled in {len(chosen)} of {frames} frames", warnings


def measure_counting(source: FrameSource, first_lit: int) -> Counting | None:
    """How electrons show as grey levels, from two neighbouring frames in mid-record."""
    frames = source.shape[0]
    if frames - first_lit < 2:
        return None
    at = first_lit + (frames - first_lit - 2) // 2
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


def _mean_of(pixels: Frame) -> tuple[float, bool]:
    """Mean of the finite pixels, and whether others were among them."""
    if pixels.dtype.kind != "f":
        return float(pixels.mean(dtype=np.float64)), False
    finite: NDArray[np.bool_] = np.isfinite(pixels)
    if finite.all():
        return float(pixels.mean(dtype=np.float64)), False
    return (float(pixels[finite].mean(dtype=np.float64)) if finite.any() else np.nan), True
