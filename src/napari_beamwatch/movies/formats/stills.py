"""A folder or a list of single images as a movie: a dose series."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.dose_table import DoseTable, read_table
from napari_beamwatch.movies.formats.axon import axon_conditions
from napari_beamwatch.movies.formats.foreign import SUFFIXES as FOREIGN
from napari_beamwatch.movies.formats.foreign import open_foreign
from napari_beamwatch.movies.formats.foreign_errors import check_frame_bytes, explained, file_size
from napari_beamwatch.movies.formats.mrc import open_mrc
from napari_beamwatch.movies.formats.npy import open_npy
from napari_beamwatch.movies.formats.tiff import open_tiff
from napari_beamwatch.movies.frames import Frame, FrameSource, cached_read
from napari_beamwatch.movies.recording import Floats, Recording, Stated, StatedDose

TIFF = (".tif", ".tiff")
MRC = (".mrc", ".mrcs")
STILLS = (*TIFF, *MRC, ".npy", ".png", *FOREIGN)
CONDITIONS = "conditions.csv"
"""Table of a campaign, a row a movie; it holds no doses of single images."""

STEADY = 2.0
"""K between the coldest and the warmest image of a series at one temperature."""

FILE_COLUMNS = ("file", "filename", "image", "name")


@dataclass(frozen=True, eq=False)
class StillFrames(FrameSource):
    """One frame from each of several images.

    Attributes
    ----------
    images : tuple of FrameSource
    pixels : dtype
    files : tuple of str
        That the images come from.
    """

    images: tuple[FrameSource, ...]
    pixels: np.dtype[Any]
    files: tuple[str, ...]

    costly: ClassVar[bool] = False

    @property
    def seekable_rows(self) -> bool:  # type: ignore[override]  # depends on the images
        """Whether every image can be read by rows."""
        return all(image.seekable_rows for image in self.images)

    @property
    def shape(self) -> tuple[int, int, int]:
        return (len(self.images), *self.images[0].shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        return cached_read(self.images[frame], 0).astype(self.pixels, copy=False)

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        return self.images[frame].read_rows(0, y0, y1).astype(self.pixels, copy=False)


@dataclass(frozen=True, eq=False)
class PngImage(FrameSource):
    """One grey PNG picture."""

    path: str
    size: tuple[int, int]
    pixels: np.dtype[Any]

    costly: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return (1, *self.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        import imagecodecs

        with explained(self.path, "a PNG picture"):
            if frame != 0:
                raise IndexError(f"no frame {frame}")
            decoded: Frame = imagecodecs.png_decode(Path(self.path).read_bytes())
        if decoded.shape != self.size or decoded.dtype != self.pixels:
            raise BeamwatchError(f"{self.path} has changed since it was opened")
        return decoded


def open_stills(images: Path | Sequence[Path]) -> tuple[Recording, DoseTable | None]:
    """Images as the frames of one movie.

    Parameters
    ----------
    images : Path or sequence of Path
        A folder, whose images are taken in natural order (``2.tif`` before ``10.tif``), or
        images in the order given.

    Returns
    -------
    recording : Recording
    table : DoseTable or None
        Of the only CSV file in the folder, if there is one: columns ``start`` and ``end`` or
        ``dose``, optionally ``unrecorded``, in e/Å², one row an image, and optionally ``file``.
        It stands beside the recording because it may hold dose between the images.
    """
    folder: Path | None = None
    if isinstance(images, str | Path):
        folder = Path(images)
        paths = _images_in(folder)
    else:
        paths = [Path(path) for path in images]
        if not paths:
            raise BeamwatchError("no images were given")
    stills = [_open_still(path) for path in paths]
    _check_alike(paths, stills)
    name = str(folder if folder is not None else paths[0].parent)
    recording = _joined(name, paths, stills)
    table = None if folder is None else _table_in(folder, paths)
    return recording, table


def holds_stills(folder: Path) -> bool:
    """Whether a folder looks like a series of images, by its names and two headers; never raises.

    All images are opened, and all that is wrong with them said, by `open_stills` alone.
    """
    try:
        paths = _images_in(folder)
        ends = (paths[0], paths[-1])
        _check_alike(ends, [_open_still(path) for path in ends])
    except BeamwatchError:
        return False
    return len(paths) > 1


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sorts numbers in names by their value."""
    parts = re.split(r"(\d+)", path.name.lower())
    return tuple((1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts)


def _images_in(folder: Path) -> list[Path]:
    with explained(folder, "a folder of images"):
        if not folder.exists():
            raise FileNotFoundError
        if not folder.is_dir():
            raise BeamwatchError(f"{folder} is a file, not a folder of images")
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in STILLS
            and not path.name.startswith(".")
            and (path.is_file() or path.suffix.lower() == ".zspy")
        ]
    if any(path.suffix.lower() == ".ser" for path in found):  # the .emi files belong to them
        found = [path for path in found if path.suffix.lower() != ".emi"]
    if not found:
        raise BeamwatchError(
            f"{folder} is a folder without images that can be read ({', '.join(STILLS)})"
        )
    kinds: dict[str, int] = {}
    for path in found:
        kind = path.suffix.lower()
        kind = ".tif" if kind in TIFF else ".mrc" if kind in MRC else kind
        kinds[kind] = kinds.get(kind, 0) + 1
    if len(kinds) > 1:
        listed = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        raise BeamwatchError(
            f"{folder} holds images of several kinds ({listed}), perhaps the same ones twice: give "
            "a list of those you mean"
        )
    return sorted(found, key=natural_key)


def _open_still(path: Path) -> Recording:
    suffix = path.suffix.lower()
    if suffix in TIFF:
        return open_tiff(path)
    if suffix in MRC or path.name.lower().endswith((".mrc.gz", ".mrc.bz2")):
        return open_mrc(path)
    if suffix == ".npy":
        return open_npy(path)
    if suffix == ".png":
        return _open_png(path)
    if suffix in FOREIGN:
        return open_foreign(path)
    raise BeamwatchError(f"{path} is no image that can be part of a series ({', '.join(STILLS)})")


def _open_png(path: Path) -> Recording:
    size = file_size(path, "a PNG picture")
    with explained(path, "a PNG picture"), open(path, "rb") as file:
        head = file.read(29)
    if len(head) < 29 or head[:8] != b"\x89PNG\r\n\x1a\n" or head[12:16] != b"IHDR":
        raise BeamwatchError(f"{path} is not a PNG picture")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    bits, colour = head[24], head[25]
    if colour != 0 or bits not in (8, 16):
        raise BeamwatchError(f"{path} must be a grey PNG of 8 or 16 bits to be a frame")
    pixels = np.dtype(np.uint8 if bits == 8 else np.uint16)
    if min(width, height) < 1:
        raise BeamwatchError(f"{path} has a broken header: {width} by {height} pixels")
    check_frame_bytes(path, width * height * pixels.itemsize, size)
    conditions, origins, warnings = axon_conditions(path)
    return Recording(
        frames=PngImage(str(path), (height, width), pixels),
        path=str(path),
        conditions=conditions,
        condition_origins=origins,
        warnings=warnings,
    )


def _check_alike(paths: Sequence[Path], stills: Sequence[Recording]) -> None:
    first = stills[0].frames
    for path, still in zip(paths, stills, strict=True):
        count, height, width = still.frames.shape
        if count != 1:
            raise BeamwatchError(
                f"{path.name} holds {count} frames: a series of stills takes one image a file; "
                "open a movie by itself"
            )
        if (height, width) != first.shape[1:]:
            raise BeamwatchError(
                f"{path.name} has {height} by {width} pixels, {paths[0].name} has "
                f"{first.shape[1]} by {first.shape[2]}: images of a series must be of one size"
            )
        if (still.frames.dtype.kind == "f") != (first.dtype.kind == "f"):
            raise BeamwatchError(
                f"{path.name} holds {still.frames.dtype} pixels, {paths[0].name} "
                f"{first.dtype}: images of a series must be of one kind"
            )


def _joined(name: str, paths: Sequence[Path], stills: Sequence[Recording]) -> Recording:
    pixels = np.result_type(*{still.frames.dtype for still in stills})
    files = tuple(still.path for still in stills)
    frames = StillFrames(tuple(still.frames for still in stills), pixels, files)
    warnings: list[str] = []
    for path, still in zip(paths, stills, strict=True):
        warnings += [f"{path.name}: {said}" for said in still.warnings]
    if len(warnings) > 10:
        warnings = [*warnings[:10], f"… and {len(warnings) - 10} more warnings about the images"]
    pixel_size, said = _common_pixel_size(paths, stills)
    warnings += said
    times, frame_time, said = _times(stills)
    warnings += said
    conditions = _common_conditions(stills)
    origins = {
        key: origin
        for key, origin in stills[0].condition_origins.items()
        if key in conditions.stated()
    }
    noted = dict.fromkeys(note for still in stills for note in still.notes)
    return Recording(
        frames=frames,
        path=name,
        pixel_size=pixel_size,
        dose=_doses(stills),
        frame_time=frame_time,
        times=times,
        conditions=conditions,
        condition_origins=origins,
        warnings=tuple(warnings),
        notes=(f"a series of {len(stills)} images", *list(noted)[:10]),
    )


def _common_pixel_size(
    paths: Sequence[Path], stills: Sequence[Recording]
) -> tuple[Stated | None, list[str]]:
    sizes = [still.pixel_size for still in stills]
    known = [size for size in sizes if size is not None]
    if not known:
        return None, []
    for path, size in zip(paths, sizes, strict=True):
        if size is not None and abs(size.value / known[0].value - 1) > 0.01:
            return None, [
                f"the images differ in pixel size ({known[0].value:g} Å, but {size.value:g} Å in "
                f"{path.name}): none is used"
            ]
    if len(known) < len(sizes):
        return known[0], [
            f"only {len(known)} of {len(sizes)} images state a pixel size; it is taken for all"
        ]
    return known[0], []


def _times(stills: Sequence[Recording]) -> tuple[Floats | None, Stated | None, list[str]]:
    """Ends of the exposures since the first image began, where every image says when."""
    exposures = [still.frame_time for still in stills]
    exposure = None
    lengths: Floats = np.zeros(len(stills))
    known = [one for one in exposures if one is not None]
    if len(known) == len(stills):
        lengths = np.array([one.value for one in known])
        exposure = known[0]
    if len(stills) == 1:
        return None, exposure, []
    moments = []
    for still in stills:
        try:
            moments.append(datetime.datetime.fromisoformat(still.conditions.recorded or ""))
        except ValueError:
            return None, None, []
    try:
        starts = np.array([(moment - moments[0]).total_seconds() for moment in moments])
    except TypeError:  # some with a time zone, some without
        return None, None, []
    ends: Floats = starts + lengths
    if not (np.diff(ends) > 0).all():
        return None, None, ["the images are not in the order of their times of recording"]
    origin = "times of recording of the images"
    return ends, Stated(float(np.median(np.diff(ends))), origin), []


def _doses(stills: Sequence[Recording]) -> StatedDose | None:
    doses = [still.dose for still in stills]
    known = [dose for dose in doses if dose is not None]
    if len(known) < len(doses) or len({dose.unit for dose in known}) > 1:
        return None
    per_frame = np.array([float(dose.per_frame[0]) for dose in known])
    return StatedDose(per_frame, known[0].unit, f"{known[0].origin} of each image")


def _common_conditions(stills: Sequence[Recording]) -> Conditions:
    """Those that all images agree about; when recorded is that of the first.

    Temperatures are readings: those that stay within `STEADY` are one, the median.
    """
    first = stills[0].conditions
    differing: dict[str, Any] = {
        field.name: None
        for field in fields(Conditions)
        if field.name != "recorded"
        and any(
            getattr(still.conditions, field.name) != getattr(first, field.name)
            for still in stills[1:]
        )
    }
    readings = [still.conditions.temperature_C for still in stills]
    known = [reading for reading in readings if reading is not None]
    if len(known) == len(stills) and max(known) - min(known) <= STEADY:
        differing["temperature_C"] = float(np.median(known))
    return replace(first, **differing)


def _table_in(folder: Path, paths: Sequence[Path]) -> DoseTable | None:
    """The dose table in a folder: its only CSV file."""
    tables = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() == ".csv" and path.name != CONDITIONS
    )
    if not tables:
        return None
    if len(tables) > 1:
        raise BeamwatchError(
            f"{folder} holds {len(tables)} CSV files "
            f"({', '.join(table.name for table in tables[:5])}): keep the one with the doses, or "
            "give a list of images"
        )
    where = tables[0]
    table = DoseTable.of_text(_in_order(where, paths))
    if len(table) != len(paths):
        raise BeamwatchError(
            f"{where.name} has {len(table)} rows for {len(paths)} images in {folder}"
        )
    return table


def _in_order(where: Path, paths: Sequence[Path]) -> dict[str, list[str]]:
    """The table's columns, in the order of the images if it names them."""
    columns = read_table(where)
    named = next((name for name in columns if name.lower() in FILE_COLUMNS), None)
    if named is None:
        return columns
    row_of = {Path(file).name: i for i, file in enumerate(columns.pop(named))}
    order = []
    for path in paths:
        row = row_of.get(path.name, row_of.get(path.stem))
        if row is None:
            raise BeamwatchError(f"{where.name} has no row for the image {path.name}")
        order.append(row)
    return {name: [values[row] for row in order] for name, values in columns.items()}
