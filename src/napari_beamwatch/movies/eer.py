"""Electron-event movies (EER): raw detector frames added up into frames.

What the camera wrote as a list of events per raw frame is decoded straight into the counts
of a frame: how many raw frames make one is `fractionation`, always explicit and always said.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.eer_codec import (
    BAND_BYTES,
    PAD,
    add_events,
    add_placed_events,
    count_events,
    expected_bits,
)
from napari_beamwatch.movies.eer_directory import EerDirectory, read_directory
from napari_beamwatch.movies.formats.units import to_angstrom
from napari_beamwatch.movies.frames import Frame, FrameSource, smallest_unsigned
from napari_beamwatch.movies.metadata_xml import Items, parse_items
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import (
    Counting,
    Floats,
    Recording,
    Stated,
    StatedDose,
    add_groups,
    stated_conditions,
)
from napari_beamwatch.threads import free_threads, shared_pool

FEWEST_FRAMES = 100
LARGEST_FRAME_DOSE = 5.0
"""Default fractionation: at least so many frames, at most so many e/Å² each."""

STREAM_BYTES = 32 * 2**20
"""Compressed bytes held at a time by each thread."""

CHECKED_FRAMES = 8
"""Raw frames decoded on opening, to tie the counts to the lengths of the streams."""

MOST_FRAME_XML = 20_000
"""Raw frames up to which each one's own XML is read on opening."""


@dataclass(frozen=True, eq=False)
class EerFrames(FrameSource):
    """Sums of raw frames of an EER file.

    Attributes
    ----------
    path : Path
    directory : EerDirectory
    raw_per_frame : int
        Fractionation.
    superres : int
        Grid points per pixel and axis.
    """

    path: Path
    directory: EerDirectory
    raw_per_frame: int
    superres: int = 1

    @property
    def shape(self) -> tuple[int, int, int]:
        return (
            len(self.directory) // self.raw_per_frame,
            self.directory.height * self.superres,
            self.directory.width * self.superres,
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        # A pixel holds at most one event in a raw frame.
        return smallest_unsigned(self.raw_per_frame)

    def summed(self, n: int) -> EerFrames:
        return replace(self, raw_per_frame=self.raw_per_frame * n)

    def read(self, frame: int) -> Frame:
        first = frame * self.raw_per_frame
        return self.add_raw(first, first + self.raw_per_frame)

    def add_raw(self, first: int, last: int) -> Frame:
        """Counts of raw frames ``first:last``, decoded by as many threads as are free."""
        workers = max(1, min(free_threads(), (last - first) // 2))
        edges = np.linspace(first, last, workers + 1).round().astype(int)
        counts = np.zeros(self.shape[1:], self.dtype)
        pool = shared_pool()
        parts: list[tuple[Frame, Future[None]]] = []
        for i in range(1, workers):
            # Scratch of the thread that waits here, so that nobody else can be given it.
            part = _scratch(f"counts {i}", self.shape[1:], self.dtype)
            parts.append((part, pool.submit(self._add_raw_apart, edges[i], edges[i + 1], part)))
        try:
            self._add_raw(int(edges[0]), int(edges[1]), counts)
        finally:
            wait([done for _, done in parts])
        for part, done in parts:
            done.result()
            np.add(counts, part, out=counts)
        return counts

    def _add_raw_apart(self, first: int, last: int, counts: Frame) -> None:
        counts[...] = 0
        self._add_raw(int(first), int(last), counts)

    def _add_raw(self, first: int, last: int, counts: Frame) -> None:
        """Add raw frames ``first:last`` to `counts`, a bounded number of bytes at a time."""
        lengths = self.directory.stream_lengths
        at = first
        while at < last:
            ends = np.cumsum(lengths[at:last])
            many = max(1, int(np.searchsorted(ends, STREAM_BYTES, side="right")))
            data, starts, stops = read_streams(self.path, self.directory, at, at + many)
            bad = self._decode(data, starts, stops, counts)
            if bad >= 0:
                raise BeamwatchError(
                    f"raw frame {at + bad} of {self.path.name} is damaged: its events end before "
                    "its pixels do"
                )
            at += many

    def _decode(
        self,
        data: NDArray[np.uint8],
        starts: NDArray[np.int64],
        stops: NDArray[np.int64],
        counts: Frame,
    ) -> int:
        directory, scheme = self.directory, self.directory.scheme
        row_bytes = directory.width * self.superres**2 * counts.itemsize
        rows = max(1, BAND_BYTES // row_bytes)
        if self.superres == 1:
            return int(
                add_events(
                    data,
                    starts,
                    stops,
                    directory.height * directory.width,
                    rows * directory.width,
                    scheme.run,
                    scheme.x + scheme.y,
                    counts.reshape(-1),
                )
            )
        return int(
            add_placed_events(
                data,
                starts,
                stops,
                directory.width,
                directory.height,
                rows,
                scheme.run,
                scheme.x,
                scheme.y,
                self.superres.bit_length() - 1,
                counts,
            )
        )


def read_streams(
    path: Path, directory: EerDirectory, first: int, last: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """Streams of raw frames ``first:last`` in one buffer, with their first and last bits."""
    strips = slice(directory.first_strip[first], directory.first_strip[last])
    offsets, lengths = directory.offsets[strips], directory.lengths[strips]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    data: NDArray[np.uint8] = _scratch("streams", (int(ends[-1]) + PAD,), np.uint8)
    view = data.data
    try:
        with path.open("rb", buffering=0) as file:
            for offset, start, end in zip(offsets, ends[:-1], ends[1:], strict=True):
                file.seek(int(offset))
                if file.readinto(view[start:end]) < end - start:
                    raise BeamwatchError(f"{path} became shorter while it was read")
    except OSError as error:
        raise BeamwatchError(f"cannot read {path}: {error.strerror}") from None
    data[ends[-1] :] = 0
    edges = ends[directory.first_strip[first : last + 1] - strips.start] * 8
    return data, edges[:-1].copy(), edges[1:].copy()


_kept = threading.local()


def _scratch(role: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """An array of this thread's, kept between calls: fresh pages cost more than decoding."""
    dtype = np.dtype(dtype)
    size = int(np.prod(shape)) * dtype.itemsize
    memory = getattr(_kept, role, None)
    if memory is None or memory.size < size or memory.size > 4 * size + 2**20:
        memory = np.empty(size, np.uint8)
        setattr(_kept, role, memory)
    scratch: NDArray[Any] = memory[:size].view(dtype).reshape(shape)
    return scratch


def open_eer(
    path: Path,
    *,
    fraction_frames: int | None = None,
    fraction_dose: float | None = None,
    superres: int = 1,
    pixel_size: float | None = None,
    raw_dose_rate: float | None = None,
) -> Recording:
    """Open an EER movie.

    Parameters
    ----------
    path : Path
    fraction_frames : int, optional
        Raw frames a frame.
    fraction_dose : float, optional
        e/Å² a frame, rounded to whole raw frames.
    superres : {1, 2, 4}
        Grid points per pixel and axis.
    pixel_size : float, optional
        Å per pixel at this `superres`, if the user says so: what a dose per pixel means in
        e/Å².
    raw_dose_rate : float, optional
        e/Å²/s, if the user says so.
    """
    directory = read_directory(path)
    scheme = directory.scheme
    if superres not in (1, 2, 4):
        raise BeamwatchError(f"superres must be 1, 2 or 4, not {superres}")
    if superres > scheme.superres:
        raise BeamwatchError(
            f"{path.name} places events {scheme.superres}× finer than its pixels; "
            f"superres={superres} is not in it"
        )
    warnings = [*directory.warnings]
    acquisition = Items()
    if directory.acquisition_xml is not None:
        try:
            acquisition = parse_items(_read_span(path, directory.acquisition_xml))
        except BeamwatchError as error:
            warnings.append(f"{path.name}: {error}")
    _check_length(path, directory)

    size, said = _pixel_size(acquisition, superres)
    warnings += said
    events, origin, said = raw_event_counts(path, directory)
    warnings += said
    seconds = _raw_time(acquisition, warnings, len(directory))
    pixels = directory.height * directory.width
    dose = _stated_dose(acquisition, events, superres)

    known_size = pixel_size or (size.value if size else None)
    raw_dose = None
    if raw_dose_rate is not None and seconds is not None:
        raw_dose = raw_dose_rate * seconds
    elif known_size is not None:
        per_pixel = dose.per_frame if dose else events / (pixels * superres**2)
        lit = per_pixel[per_pixel > 0.2 * np.median(per_pixel)]
        raw_dose = float(lit.mean()) / known_size**2 if lit.size else None
    n, note, said = fractionation(len(directory), raw_dose, fraction_frames, fraction_dose)
    warnings += said
    return Recording(
        frames=EerFrames(path, directory, n, superres),
        path=str(path),
        pixel_size=size,
        dose=None if dose is None else replace(dose, per_frame=add_groups(dose.per_frame, n)),
        frame_time=None
        if seconds is None
        else Stated(seconds * n, "file: EER exposureTime / numberOfFrames"),
        counts=add_groups(events, n) / (pixels * superres**2),
        counts_origin=origin,
        counting=Counting("single", 1.0, 1.0, "EER events"),
        dead_time=True,
        raw_per_frame=n,
        **_conditions(acquisition),
        warnings=tuple(warnings),
        notes=(
            note,
            "orientation: pixels in file order, neither flipped nor turned",
            *(
                ("the sum of all frames at the head of the file is not used",)
                if directory.final_image
                else ()
            ),
        ),
    )


def fractionation(
    raw_frames: int,
    raw_dose: float | None,
    fraction_frames: int | None,
    fraction_dose: float | None,
) -> tuple[int, str, list[str]]:
    """How many raw frames make a frame.

    Parameters
    ----------
    raw_frames : int
        Raw frames in the file.
    raw_dose : float or None
        e/Å² of one of them, if known.
    fraction_frames, fraction_dose
        The user's choice; without one the largest number that still gives
        `FEWEST_FRAMES` frames of at most `LARGEST_FRAME_DOSE`.

    Returns
    -------
    n : int
    note : str
        What was decided and why, in words.
    warnings : list of str
        If an incomplete last group is dropped.
    """
    if fraction_frames is not None and fraction_dose is not None:
        raise BeamwatchError("give fraction_frames or fraction_dose, not both")
    if fraction_frames is not None:
        n, why = int(fraction_frames), "as asked"
        if n < 1 or n != fraction_frames:
            raise BeamwatchError(f"fraction_frames must be a whole number, not {fraction_frames}")
    elif fraction_dose is not None:
        if not (np.isfinite(fraction_dose) and fraction_dose > 0):
            raise BeamwatchError(f"fraction_dose must be positive, not {fraction_dose}")
        if raw_dose is None:
            raise BeamwatchError(
                "fraction_dose needs the dose of a raw frame: give pixel_size, or dose_rate, or "
                "use fraction_frames"
            )
        n = max(1, round(fraction_dose / raw_dose))
        why = f"nearest to {fraction_dose:g} e/Å²"
    else:
        n = max(1, raw_frames // FEWEST_FRAMES)
        why = f"the most that leave {FEWEST_FRAMES} frames"
        if raw_dose is not None and raw_dose * n > LARGEST_FRAME_DOSE:
            n = max(1, int(LARGEST_FRAME_DOSE / raw_dose))
            why = f"the most within {LARGEST_FRAME_DOSE:g} e/Å² a frame"
        elif raw_frames < 2 * FEWEST_FRAMES:
            why = f"the movie is short: {raw_frames} raw frames"
    if n > raw_frames:
        raise BeamwatchError(
            f"a frame of {n} raw frames was asked for, but the movie has only {raw_frames}"
        )
    frames, left = divmod(raw_frames, n)
    dose = "" if raw_dose is None else f" of {raw_dose * n:.3g} e/Å²"
    note = f"fractionation: {n} raw frames a frame ({why}), {frames} frames{dose}"
    warnings = []
    if left:
        word = "frame was" if left == 1 else "frames were"
        warnings.append(f"the last {left} raw {word} dropped: no whole group of {n}")
    return n, note, warnings


def raw_event_counts(path: Path, directory: EerDirectory) -> tuple[Floats, str, list[str]]:
    """Events of each raw frame, without decoding them all.

    The frames' own XML states them. Where it does not, they follow from the lengths of the
    streams, tied to the exact counts of a few decoded frames.

    Returns
    -------
    events : array of float
    origin : str
        Empty if exact.
    warnings : list of str
    """
    raw = len(directory)
    pixels = directory.height * directory.width
    scheme = directory.scheme
    checked = np.unique(np.linspace(0, raw - 1, min(raw, CHECKED_FRAMES)).astype(int))
    exact = np.array([_count(path, directory, int(frame)) for frame in checked])
    readable = exact >= 0
    warnings = []
    if not readable.all():
        bad = ", ".join(str(frame) for frame in checked[~readable])
        warnings.append(f"{path.name}: damaged raw frames found on opening: {bad}")
    checked, exact = checked[readable], exact[readable]
    if directory.frame_xml and raw <= MOST_FRAME_XML:
        stated = _stated_events(path, directory)
        if stated is not None:
            wrong = np.abs(stated[checked] - exact) > np.maximum(2.0, 2e-3 * exact)
            if not wrong.any():
                return stated, "", warnings
            warnings.append(
                f"{path.name}: raw frame {checked[wrong][0]} holds {exact[wrong][0]} events, its "
                f"own XML says {stated[checked][wrong][0]:.0f}: the XML is not believed"
            )
    density = np.concatenate([[0.0], np.geomspace(1e-7, 0.999, 4000)])
    bits = expected_bits(density, pixels, scheme)
    bits[0] = np.ceil(pixels / ((1 << scheme.run) - 1)) * scheme.run
    # Streams are padded to whole bytes: half a byte on average.
    measured = directory.stream_lengths * 8.0 - 4.0
    order = np.argsort(bits)
    events = np.interp(measured, bits[order], density[order]) * pixels
    estimated = events[checked].sum()
    if estimated > 0 and exact.sum() > 0:
        events *= exact.sum() / estimated
    events[checked] = exact
    return events, "estimated from the compressed size of each raw frame", warnings


def _count(path: Path, directory: EerDirectory, frame: int) -> int:
    data, starts, stops = read_streams(path, directory, frame, frame + 1)
    scheme = directory.scheme
    pixels = directory.height * directory.width
    return int(
        count_events(data, int(starts[0]), int(stops[0]), pixels, scheme.run, scheme.x + scheme.y)
    )


def _stated_events(path: Path, directory: EerDirectory) -> Floats | None:
    """Events by each raw frame's own XML; None if any does not say."""
    pixels = directory.height * directory.width
    events = np.empty(len(directory))
    for i, span in enumerate(directory.frame_xml):
        try:
            dose = parse_items(_read_span(path, span)).number("dose")
        except BeamwatchError:
            return None
        if dose is None or not 0 <= dose <= 1:
            return None
        events[i] = dose * pixels
    return events


def _read_span(path: Path, span: tuple[int, int]) -> bytes:
    offset, length = span
    size = path.stat().st_size
    if offset + length > size or length > 16 * 2**20:
        raise BeamwatchError("its XML metadata lies outside the file: not read")
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _check_length(path: Path, directory: EerDirectory) -> None:
    """Refuse frame sizes that the streams cannot fill, before anything is allocated."""
    longest = (1 << directory.scheme.run) - 1
    fewest_bits = directory.height * directory.width // longest * directory.scheme.run
    if int(directory.stream_lengths.max()) * 8 + 64 < fewest_bits:
        raise BeamwatchError(
            f"{path} claims frames of {directory.width} by {directory.height} px, but its data "
            "cannot fill them: the file is damaged"
        )


def _pixel_size(acquisition: Items, superres: int) -> tuple[Stated | None, list[str]]:
    width = acquisition.number("sensorPixelSize.width")
    if width is None:
        return None, []
    unit = acquisition.units.get("sensorPixelSize.width", "m")
    angstrom = to_angstrom(width, unit)
    if angstrom is None:
        return None, [f"the pixel size in the file has the unknown unit {unit!r}: not used"]
    size, said = believable_pixel_size(angstrom / superres, "file: EER sensorPixelSize")
    height = acquisition.number("sensorPixelSize.height")
    if size is not None and height is not None and abs(height / width - 1) > 0.01:
        return None, ["the pixels in the file are not square: their size is not used"]
    return size, list(said)


def _raw_time(acquisition: Items, warnings: list[str], raw: int) -> float | None:
    """Seconds of a raw frame."""
    exposure = believable(acquisition.number("exposureTime"), 1e-6, 1e6)
    frames = believable(acquisition.number("numberOfFrames"), 1, 1e9)
    if frames is not None and frames > raw:
        warnings.append(
            f"the camera recorded {frames:.0f} raw frames, the file holds {raw}: it is incomplete"
        )
    if exposure is None:
        return None
    return exposure / (frames or raw)


def _stated_dose(acquisition: Items, events: Floats, superres: int) -> StatedDose | None:
    """The file's dose per (super-resolved) pixel of each raw frame, shared by the counts."""
    for name in ("coincidenceCompensatedDose", "totalDose"):
        dose = believable(acquisition.number(name), 1e-9, 1e9)
        if dose is None:
            continue
        unit = acquisition.units.get(name, "e/pixel").lower()
        if "pix" not in unit and "px" not in unit:
            continue
        if "/s" in unit:
            exposure = believable(acquisition.number("exposureTime"), 1e-6, 1e6)
            if exposure is None:
                continue
            dose *= exposure
        recorded = acquisition.number("numberOfFrames")
        if recorded is not None and recorded > len(events):
            dose *= len(events) / recorded
        total = events.sum()
        share = events / total if total > 0 else np.full(len(events), 1 / len(events))
        return StatedDose(
            dose * share / superres**2, "e/px", f"file: EER {name}, shared by counted events"
        )
    return None


def _conditions(acquisition: Items) -> dict[str, Any]:
    said: dict[str, Any] = {
        "camera": acquisition.text("commercialName"),
        "recorded": acquisition.text("timestamp"),
    }
    conditions, origins = stated_conditions(said, "file: EER metadata")
    return {"conditions": conditions, "condition_origins": origins}
