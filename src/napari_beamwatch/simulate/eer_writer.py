"""Write EER movies: the inverse of the codec, for tests, samples and documentation.

Follows Thermo Fisher's *EER File Format 3.0* (2023): a BigTIFF whose first directory may be
a 16-bit sum of all frames, then one directory a raw frame, acquisition and frame metadata as
XML in private tags.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.compiling import kernel
from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies import Movie
from napari_beamwatch.movies.eer_codec import Scheme
from napari_beamwatch.movies.eer_directory import (
    ACQUISITION_XML,
    COMPRESSION,
    FIXED_SCHEMES,
    FRAME_XML,
    HEIGHT,
    RUN_BITS,
    STRIP_LENGTHS,
    STRIP_OFFSETS,
    VARIABLE_SCHEME,
    WIDTH,
    X_BITS,
    Y_BITS,
)

SHORT, LONG, UNDEFINED, LONG8 = 3, 4, 7, 16


@dataclass(frozen=True, eq=False)
class RawFrame:
    """Events of one raw detector frame, at most one a pixel.

    Attributes
    ----------
    pixels : array of int64
        Flat indices of the pixels with an event, ascending.
    places : array of uint8
        Place in the pixel on the 4 × 4 grid: ``4 * y + x``.
    """

    pixels: NDArray[np.int64]
    places: NDArray[np.uint8]

    @classmethod
    def of_image(cls, events: NDArray[Any], rng: np.random.Generator | None = None) -> RawFrame:
        """From an image that is not zero where an event is; places at random, or all zero."""
        pixels = np.flatnonzero(events).astype(np.int64)
        if rng is None:
            return cls(pixels, np.zeros(len(pixels), np.uint8))
        return cls(pixels, rng.integers(0, 16, len(pixels), dtype=np.uint8))


@dataclass(frozen=True)
class EerMetadata:
    """What the camera says of the acquisition; None leaves an item out.

    Attributes
    ----------
    exposure_time : float or None
        Seconds.
    pixel_size : float or None
        Å, of the specimen.
    total_dose, compensated_dose : float or None
        e/pixel.
    camera, timestamp : str or None
    number_of_frames : int or None
        Raw frames, if not as many as are written.
    others : mapping
        Further items by name: text.
    """

    exposure_time: float | None = None
    pixel_size: float | None = None
    total_dose: float | None = None
    compensated_dose: float | None = None
    camera: str | None = "Falcon 4i (simulated)"
    timestamp: str | None = None
    number_of_frames: int | None = None
    others: Mapping[str, str] = field(default_factory=dict)

    def items(self, frames: int, mean_dose: float) -> dict[str, tuple[str, str]]:
        """Items of the acquisition XML: name, then text and unit."""
        items = {
            "numberOfFrames": (str(self.number_of_frames or frames), ""),
            "commercialName": (self.camera or "", ""),
            "timestamp": (self.timestamp or "", ""),
        }
        if self.exposure_time is not None:
            items["exposureTime"] = (f"{self.exposure_time:.9g}", "s")
            items["meanDoseRate"] = (f"{mean_dose * frames / self.exposure_time:.9g}", "e/pixel/s")
        if self.pixel_size is not None:
            items["sensorPixelSize.width"] = (f"{self.pixel_size * 1e-10:.9g}", "m")
            items["sensorPixelSize.height"] = (f"{self.pixel_size * 1e-10:.9g}", "m")
        for name, dose in (
            ("totalDose", self.total_dose),
            ("coincidenceCompensatedDose", self.compensated_dose),
        ):
            if dose is not None:
                items[name] = (f"{dose:.9g}", "e/pixel")
        items.update({name: (text, "") for name, text in self.others.items()})
        return {name: item for name, item in items.items() if item[0]}


def encode(frame: RawFrame, pixels: int, scheme: Scheme) -> bytes:
    """The stream of one raw frame.

    Parameters
    ----------
    frame : RawFrame
    pixels : int
        Pixels of the frame.
    scheme : Scheme
        Bits of a code; places are coarsened where it has less than two bits an axis.
    """
    positions = np.asarray(frame.pixels, np.int64)
    if len(positions) and (
        positions[0] < 0 or positions[-1] >= pixels or (np.diff(positions) <= 0).any()
    ):
        raise BeamwatchError("events must stand in ascending order, at most one a pixel")
    longest = (1 << scheme.run) - 1
    gaps = np.diff(positions, prepend=-1) - 1
    tail = pixels - (int(positions[-1]) + 1 if len(positions) else 0)
    bits = int((gaps // longest + 1).sum()) * scheme.run + len(gaps) * (scheme.x + scheme.y)
    bits += (tail // longest + 1) * scheme.run
    out = np.zeros(bits // 8 + 17, np.uint8)
    used = _encode(
        positions,
        frame.places.astype(np.int64),
        pixels,
        scheme.run,
        scheme.x,
        scheme.y,
        out,
    )
    # imagecodecs wants an even number of bytes.
    return out[: (used + 15) // 16 * 2].tobytes()


@kernel()
def _put(out: NDArray[np.uint8], bit: int, value: int, size: int) -> int:
    for i in range(size):
        if (value >> i) & 1:
            out[(bit + i) >> 3] |= np.uint8(1 << ((bit + i) & 7))
    return bit + size


@kernel()
def _encode(
    positions: NDArray[np.int64],
    places: NDArray[np.int64],
    pixels: int,
    run_bits: int,
    x_bits: int,
    y_bits: int,
    out: NDArray[np.uint8],
) -> int:
    longest = (1 << run_bits) - 1
    at = 0
    bit = 0
    for i in range(len(positions)):
        gap = positions[i] - at
        while gap >= longest:
            bit = _put(out, bit, longest, run_bits)
            gap -= longest
        bit = _put(out, bit, gap, run_bits)
        x, y = places[i] & 3, places[i] >> 2
        # Two bits of place; fewer keep the upper, more are filled with zeros.
        x = x >> (2 - x_bits) if x_bits < 2 else x << (x_bits - 2)
        y = y >> (2 - y_bits) if y_bits < 2 else y << (y_bits - 2)
        if x_bits:
            bit = _put(out, bit, x ^ (1 << (x_bits - 1)), x_bits)
        if y_bits:
            bit = _put(out, bit, y ^ (1 << (y_bits - 1)), y_bits)
        at = positions[i] + 1
    left = pixels - at
    while left >= longest:
        bit = _put(out, bit, longest, run_bits)
        left -= longest
    if left > 0:
        bit = _put(out, bit, left, run_bits)
    return bit


def write_eer(
    path: Path,
    frames: Iterable[RawFrame],
    shape: tuple[int, int],
    *,
    compression: int = 65001,
    scheme: Scheme | None = None,
    metadata: EerMetadata | None = EerMetadata(),
    frame_xml: bool = True,
    final_image: bool = False,
    strips: int = 1,
) -> int:
    """Write an EER file, raw frame by raw frame.

    Parameters
    ----------
    path : Path
    frames : iterable of RawFrame
    shape : (rows, columns)
    compression : {65000, 65001, 65002}
    scheme : Scheme, optional
        Bits of a code, only for 65002.
    metadata : EerMetadata, optional
        None writes no acquisition XML.
    frame_xml : bool
        Write each raw frame's dose beside it.
    final_image : bool
        Begin with a 16-bit sum of all frames, as some software does.
    strips : int
        Pieces that each stream is cut into.

    Returns
    -------
    int
        Events written.
    """
    height, width = shape
    pixels = height * width
    scheme = FIXED_SCHEMES.get(compression) or scheme or Scheme(7, 2, 2)
    if compression not in (*FIXED_SCHEMES, VARIABLE_SCHEME):
        raise BeamwatchError(f"unknown EER compression {compression}")
    total = np.zeros(pixels, np.uint16) if final_image else None
    events = written = 0
    with path.open("w+b") as file:
        file.write(struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0))
        link = 8
        head = _Directory(file)
        # The first directory, whatever it holds, names the acquisition's XML; room is left
        # for it, since its totals are known only at the end.
        acquisition: dict[int, tuple[int, Any]] = {}
        if metadata is not None:
            acquisition[ACQUISITION_XML] = (UNDEFINED, (_XML_AT, _XML_ROOM))
            file.write(b" " * _XML_ROOM)
        if total is not None:
            link = head.write_sum(link, total.reshape(shape), acquisition)
        for frame in frames:
            stream = encode(frame, pixels, scheme)
            cuts = np.linspace(0, len(stream), strips + 1).astype(int)
            tags: dict[int, tuple[int, Any]] = {
                WIDTH: (LONG, width),
                HEIGHT: (LONG, height),
                258: (SHORT, 8),
                COMPRESSION: (SHORT, compression),
                262: (SHORT, 1),
                STRIP_OFFSETS: (LONG8, [file.seek(0, 2) + int(cut) for cut in cuts[:-1]]),
                277: (SHORT, 1),
                278: (LONG, -(-height // strips)),
                STRIP_LENGTHS: (LONG8, [int(n) for n in np.diff(cuts)]),
            }
            if compression == VARIABLE_SCHEME:
                tags[RUN_BITS] = (SHORT, scheme.run)
                tags[X_BITS] = (SHORT, scheme.x)
                tags[Y_BITS] = (SHORT, scheme.y)
            file.write(stream)
            if written == 0 and not final_image:
                tags.update(acquisition)
            if frame_xml:
                xml = _xml({"dose": (f"{len(frame.pixels) / pixels:.9g}", "e/pixel")})
                tags[FRAME_XML] = (UNDEFINED, xml)
            link = head.write(link, tags)
            if total is not None:
                total[frame.pixels] += 1
            events += len(frame.pixels)
            written += 1
        if metadata is not None:
            items = metadata.items(written, events / pixels / max(1, written))
            xml = _xml(items)
            if len(xml) > _XML_ROOM:
                raise BeamwatchError("the acquisition metadata is too long")
            file.seek(_XML_AT)
            file.write(xml)
        if total is not None:
            file.seek(head.sum_at)
            file.write(total.tobytes())
    return events


_XML_AT, _XML_ROOM = 16, 4096


class _Directory:
    """Writes TIFF directories and links each to the one before."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.sum_at = 0

    def write_sum(
        self, link: int, image: NDArray[np.uint16], others: dict[int, tuple[int, Any]]
    ) -> int:
        """The directory of an uncompressed image; returns where the next link belongs."""
        self.sum_at = self.file.seek(0, 2)
        self.file.write(image.tobytes())
        return self.write(
            link,
            {
                WIDTH: (LONG, image.shape[1]),
                HEIGHT: (LONG, image.shape[0]),
                258: (SHORT, 16),
                COMPRESSION: (SHORT, 1),
                262: (SHORT, 1),
                STRIP_OFFSETS: (LONG8, [self.sum_at]),
                277: (SHORT, 1),
                278: (LONG, image.shape[0]),
                STRIP_LENGTHS: (LONG8, [image.nbytes]),
                **others,
            },
        )

    def write(self, link: int, tags: dict[int, tuple[int, Any]]) -> int:
        """Write a directory, link it at `link`; returns where the next link belongs."""
        file = self.file
        entries = b""
        for tag in sorted(tags):
            kind, value = tags[tag]
            count, raw = self._value(kind, value)
            entries += struct.pack("<HHQ8s", tag, kind, count, raw)
        at = file.seek(0, 2)
        file.write(struct.pack("<Q", len(tags)) + entries + struct.pack("<Q", 0))
        file.seek(link)
        file.write(struct.pack("<Q", at))
        return at + 8 + len(entries)

    def _value(self, kind: int, value: Any) -> tuple[int, bytes]:
        if kind == UNDEFINED:
            if isinstance(value, tuple):  # bytes that lie in the file already
                return value[1], struct.pack("<Q", value[0])
            count, raw = len(value), value
        else:
            values = value if isinstance(value, list) else [value]
            letter = {SHORT: "H", LONG: "I", LONG8: "Q"}[kind]
            count, raw = len(values), struct.pack(f"<{len(values)}{letter}", *values)
        if len(raw) > 8:
            at = self.file.seek(0, 2)
            self.file.write(raw)
            raw = struct.pack("<Q", at)
        return count, raw.ljust(8, b"\0")


def _xml(items: Mapping[str, tuple[str, str]]) -> bytes:
    lines = []
    for name, (text, unit) in items.items():
        said = f" unit={quoteattr(unit)}" if unit else ""
        lines.append(f"<item name={quoteattr(name)}{said}>{escape(text)}</item>")
    return ("<metadata>" + "".join(lines) + "</metadata>").encode()


def raw_frames(counts: NDArray[Any], n: int, rng: np.random.Generator) -> Iterable[RawFrame]:
    """Electrons of a counted frame as the events of `n` raw frames.

    Each electron falls into a raw frame and onto a place in its pixel at random. As in the
    camera, a pixel holds at most one event in a raw frame: of two electrons one is lost.
    """
    flat = counts.ravel().astype(np.int64)
    electrons = np.repeat(np.arange(flat.size), flat)
    events = np.unique(rng.integers(0, n, len(electrons)) * flat.size + electrons)
    edges = np.searchsorted(events, np.arange(n + 1) * flat.size)
    for i in range(n):
        pixels = events[edges[i] : edges[i + 1]] - i * flat.size
        yield RawFrame(pixels, rng.integers(0, 16, len(pixels), dtype=np.uint8))


def write_eer_movie(
    path: Path, movie: Movie, *, raw_per_frame: int, compression: int = 65001, seed: int = 0
) -> None:
    """Write a movie of counted electrons as the camera would have recorded it.

    Parameters
    ----------
    path : Path
    movie : Movie
        Single counts, whole numbers.
    raw_per_frame : int
        Raw frames that each frame is spread over.
    compression : {65000, 65001, 65002}
    seed : int
        Of the places in pixels and raw frames.
    """
    if movie.dtype.kind != "u":
        raise BeamwatchError(f"only counted electrons can be written as EER, not {movie.dtype}")
    seconds = None if movie.times is None else float(movie.times[-1])
    per_pixel = None
    if movie.frame_dose is not None and movie.pixel_size is not None:
        per_pixel = float(movie.frame_dose.sum()) * movie.pixel_size**2
    metadata = EerMetadata(
        exposure_time=seconds,
        pixel_size=movie.pixel_size,
        total_dose=per_pixel,
        compensated_dose=per_pixel,
    )
    frames = (
        raw
        for frame in range(len(movie))
        for raw in raw_frames(
            movie.recording.frames.read(frame),
            raw_per_frame,
            np.random.default_rng([seed, frame]),
        )
    )
    write_eer(path, frames, movie.shape[1:], compression=compression, metadata=metadata)
