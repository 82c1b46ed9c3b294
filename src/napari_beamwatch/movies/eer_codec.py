"""The electron-event codec: runs of empty pixels, then an event with its place in the pixel.

A raw detector frame is a bit stream, least significant bit first. A run of all ones skips
that many pixels without an event; any other run is followed by one event with horizontal,
then vertical sub-pixel bits, each exclusive-or binary 10...0. It ends when the pixels are
used up [1]_.

Raw frames are added into a frame band by band: the streams of all of them are followed
side by side through a few rows at a time, so that the counts being incremented stay in the
processor's cache. That, and reading codes from a 64-bit word, is where the speed comes from.

References
----------
.. [1] Thermo Fisher Scientific, EER File Format 3.0, 2023; H. Guo et al., IUCrJ 7 (2020)
   860, doi 10.1107/S205225252000929X.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel

Bytes = NDArray[np.uint8]
Offsets = NDArray[np.int64]

PAD = 16
"""Bytes that must follow the last stream in a buffer: words are read ahead of the end."""

BAND_BYTES = 256 * 1024
"""Size of the band of counts kept in the cache."""


@dataclass(frozen=True)
class Scheme:
    """Bits of a code: those of the run, and of the place in the pixel along x and y."""

    run: int
    x: int
    y: int

    @property
    def superres(self) -> int:
        """Finest grid the events can be placed on, per pixel and axis.

        Cameras write one or two bits; what more would mean is nowhere defined.
        """
        return 1 << min(self.x, self.y) if max(self.x, self.y) <= 2 else 1


@kernel(inline="always")
def _word(data: Bytes, bit: np.uint64) -> np.uint64:
    """At least 57 bits of `data` from `bit` on."""
    # Unsigned indices: signed ones may be negative, and the check for that keeps the compiler
    # from making one load of these eight.
    at = bit >> np.uint64(3)
    word = np.uint64(data[at])
    word |= np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
    word |= np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
    word |= np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
    word |= np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
    word |= np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
    word |= np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
    word |= np.uint64(data[at + np.uint64(7)]) << np.uint64(56)
    return word >> (bit & np.uint64(7))


@kernel()
def add_events(
    data: Bytes,
    start_bits: Offsets,
    stop_bits: Offsets,
    pixels: int,
    band: int,
    run_bits: int,
    place_bits: int,
    counts: NDArray[Any],
) -> int:
    """Add the events of several raw frames to `counts`, one grid point a pixel.

    Parameters
    ----------
    data : array of uint8
        The streams, followed by `PAD` bytes.
    start_bits, stop_bits : array of int64
        First bit of each stream and the one after its last; `start_bits` is used up.
    pixels : int
        Pixels of a raw frame.
    band : int
        Pixels to do in one go.
    run_bits, place_bits : int
        Bits of a run, and of an event's place in its pixel (x and y together).
    counts : array
        Flat, `pixels` long.

    Returns
    -------
    int
        -1, or the index of the first stream that ended before its pixels did.
    """
    n = len(start_bits)
    at = np.zeros(n, np.uint64)
    run_size, place_size = np.uint64(run_bits), np.uint64(place_bits)
    skip = np.uint64((1 << run_bits) - 1)
    codes = 57 // (run_bits + place_bits)
    last = np.uint64(pixels)
    for band_start in range(0, pixels, band):
        band_end = np.uint64(min(band_start + band, pixels))
        # As long as a whole word of codes cannot leave the band, nothing is checked in it.
        unchecked = np.uint64(max(0, int(band_end) - codes * (int(skip) + 1)))
        for i in range(0, n - 1, 2):
            # Two streams at a time: in each, a code must wait for the one before it.
            j = i + 1
            pixel_i, pixel_j = at[i], at[j]
            bit_i, bit_j = np.uint64(start_bits[i]), np.uint64(start_bits[j])
            stop_i, stop_j = np.uint64(stop_bits[i]), np.uint64(stop_bits[j])
            while pixel_i < unchecked and pixel_j < unchecked and bit_i < stop_i and bit_j < stop_j:
                word_i, word_j = _word(data, bit_i), _word(data, bit_j)
                for _ in range(codes):
                    run_i, run_j = word_i & skip, word_j & skip
                    pixel_i += run_i
                    pixel_j += run_j
                    # Without a branch: a skip adds nothing and moves on by fewer bits.
                    event_i, event_j = np.uint64(run_i != skip), np.uint64(run_j != skip)
                    counts[pixel_i] += event_i
                    counts[pixel_j] += event_j
                    pixel_i += event_i
                    pixel_j += event_j
                    used_i = run_size + place_size * event_i
                    used_j = run_size + place_size * event_j
                    bit_i += used_i
                    bit_j += used_j
                    word_i >>= used_i
                    word_j >>= used_j
            at[i], at[j] = pixel_i, pixel_j
            start_bits[i], start_bits[j] = np.int64(bit_i), np.int64(bit_j)
        for i in range(n):
            # What is left of the band, code by code.
            pixel = at[i]
            bit = np.uint64(start_bits[i])
            stop = np.uint64(stop_bits[i])
            while pixel < band_end:
                if bit >= stop:
                    return i
                run = _word(data, bit) & skip
                pixel += run
                bit += run_size
                if run != skip and pixel < last:
                    counts[pixel] += np.uint64(1)
                    pixel += np.uint64(1)
                    bit += place_size
            at[i] = pixel
            start_bits[i] = np.int64(bit)
    for i in range(n):
        if start_bits[i] > stop_bits[i]:
            return i
    return -1


@kernel()
def add_placed_events(
    data: Bytes,
    start_bits: Offsets,
    stop_bits: Offsets,
    width: int,
    height: int,
    rows: int,
    run_bits: int,
    x_bits: int,
    y_bits: int,
    zoom_bits: int,
    counts: NDArray[Any],
) -> int:
    """As `add_events`, with each event on a grid ``2**zoom_bits`` times finer per axis.

    `rows` is the number of pixel rows to do in one go, `counts` the two-dimensional finer
    grid.
    """
    n = len(start_bits)
    at = np.zeros(n, np.int64)
    pixels = width * height
    skip = np.int64((1 << run_bits) - 1)
    place_bits = x_bits + y_bits
    x_flip, y_flip = 1 << (x_bits - 1), 1 << (y_bits - 1)
    x_mask, y_mask = (1 << x_bits) - 1, (1 << y_bits) - 1
    for row_start in range(0, height, rows):
        row_end = min(row_start + rows, height)
        band_end = row_end * width
        for i in range(n):
            pixel = at[i]
            bit = start_bits[i]
            stop = stop_bits[i]
            row = pixel // width
            row_pixel = row * width
            while pixel < band_end:
                if bit >= stop:
                    return i
                word = np.int64(_word(data, np.uint64(bit)) & np.uint64(0x1FFFFFFFFFFFFFF))
                run = word & skip
                bit += run_bits
                pixel += run
                if run == skip or pixel >= pixels:
                    continue
                place = word >> run_bits
                bit += place_bits
                while pixel >= row_pixel + width:
                    row += 1
                    row_pixel += width
                x = ((place & x_mask) ^ x_flip) >> (x_bits - zoom_bits)
                y = (((place >> x_bits) & y_mask) ^ y_flip) >> (y_bits - zoom_bits)
                counts[(row << zoom_bits) + y, ((pixel - row_pixel) << zoom_bits) + x] += 1
                pixel += 1
            at[i] = pixel
            start_bits[i] = bit
    for i in range(n):
        if start_bits[i] > stop_bits[i]:
            return i
    return -1


@kernel()
def count_events(
    data: Bytes, start: int, stop: int, pixels: int, run_bits: int, place_bits: int
) -> int:
    """Events of one raw frame between two bits of `data`; -1 if the stream is too short."""
    skip = np.uint64((1 << run_bits) - 1)
    pixel = np.int64(0)
    bit = start
    events = 0
    while pixel < pixels:
        if bit >= stop:
            return -1
        run = _word(data, np.uint64(bit)) & skip
        bit += run_bits
        pixel += np.int64(run)
        if run != skip and pixel < pixels:
            bit += place_bits
            pixel += 1
            events += 1
    return events if bit <= stop else -1


def expected_bits(
    events_per_pixel: NDArray[np.float64], pixels: int, scheme: Scheme
) -> NDArray[np.float64]:
    """Length of the stream of a raw frame under uniform illumination.

    Between events lie geometrically distributed gaps, each of which takes a whole number of
    skips and one run: with q = 1 − p and M the longest run, ``q**M / (1 − q**M)`` skips.
    """
    p = np.clip(events_per_pixel, 1e-12, 1 - 1e-12)
    longest = (1 << scheme.run) - 1
    through = np.exp(longest * np.log1p(-p))
    skips = through / -np.expm1(longest * np.log1p(-p))
    bits: NDArray[np.float64] = pixels * p * (scheme.run + scheme.x + scheme.y + scheme.run * skips)
    return bits
