"""How many electrons each raw frame of an EER movie holds, without decoding them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.eer_codec import count_events, expected_bits
from napari_beamwatch.movies.eer_directory import EerDirectory, read_xml
from napari_beamwatch.movies.eer_frames import read_streams
from napari_beamwatch.movies.metadata_xml import parse_items
from napari_beamwatch.movies.recording import Floats

CHECKED_FRAMES = 8
"""Raw frames decoded on opening, to tie the counts to the lengths of the streams."""

MOST_FRAME_XML = 20_000
"""Raw frames up to which each one's own XML is read on opening."""

LONGEST_FRAME_XML = 4096
"""Bytes. Cameras write some hundred."""


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
    if max(length for _, length in directory.frame_xml) > LONGEST_FRAME_XML:
        return None
    for i, span in enumerate(directory.frame_xml):
        try:
            dose = parse_items(read_xml(path, span)).number("dose")
        except BeamwatchError:
            return None
        if dose is None or not 0 <= dose <= 1:
            return None
        events[i] = dose * pixels
    return events
