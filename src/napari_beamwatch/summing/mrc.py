"""Sums as MRC files, which say in labels of the header where they come from, and back again."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.files import regular_size
from napari_beamwatch.harmless import printable
from napari_beamwatch.movies.formats.mrc import LABELS, open_mrc
from napari_beamwatch.movies.formats.raw_frames import read_bytes
from napari_beamwatch.results.ome_tiff import OmePicture
from napari_beamwatch.summing.adding import MADE_BY, UndamagedImage

ENDING = ".mrc"

LABEL, MOST_LABELS = 80, 10
"""Letters of a label, and how many an MRC file has."""

LIMITS = "black_and_white"
"""Label of what is black and what is white."""


def write_mrc(image: UndamagedImage, path: Path) -> None:
    """Write a sum; what was there is gone."""
    black, white = image.shown
    labels = {**image.provenance, LIMITS: f"{black:.9g} {white:.9g}"}
    with mrcfile.new(path, data=image.image, overwrite=True) as mrc:
        if image.pixel_size is not None:
            mrc.voxel_size = image.pixel_size
        for name, value in labels.items():
            label = printable(f"{name}: {value}").encode("ascii", "replace").decode()
            mrc.add_label(label[:LABEL])


def read_mrc(path: Path) -> OmePicture | None:
    """A sum of ours; None of any other file, which may come from anybody."""
    if path.suffix.lower() != ENDING:
        return None
    try:
        said = _labels(path)
        if said.get("made_by") != MADE_BY:
            return None
        opened = open_mrc(path)
        if opened.frames.shape[0] != 1 or opened.frames.dtype != np.float32:
            return None
        image = opened.frames.read(0)
    except (BeamwatchError, OSError):
        return None
    # A header that states 1 Å is believed by no reader; the label is.
    sizes = _numbers(said.get("pixel_size_A", ""), 1)
    size = opened.pixel_size.value if opened.pixel_size else next(iter(sizes), None)
    known = (1.0, "pixel") if size is None else (size / 10, "nm")
    ends = _numbers(said.get(LIMITS, ""), 2)
    limits = ((ends[0], ends[1]),) if ends and ends[0] < ends[1] else ()
    return OmePicture(image, *known, about={"shows": "undamaged sum", **said}, limits=limits)


def _labels(path: Path) -> dict[str, str]:
    """Names and values among the labels of a file."""
    regular_size(path)  # a pipe would keep us waiting
    letters = read_bytes(str(path), LABELS, LABEL * MOST_LABELS).decode("latin-1")
    texts = (letters[i : i + LABEL].strip("\0 ") for i in range(0, len(letters), LABEL))
    pairs = (text.partition(": ") for text in texts)
    return {name: value for name, colon, value in pairs if colon}


def _numbers(text: str, count: int) -> list[float]:
    """So many finite numbers; none if the text is anything else."""
    try:
        numbers = [float(word) for word in text.split()]
    except ValueError:
        return []
    return numbers if len(numbers) == count and np.isfinite(numbers).all() else []
