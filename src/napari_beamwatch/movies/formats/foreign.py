"""Formats that rosettasciio reads: DM3/DM4, Velox and Berkeley EMD, HSpy, zspy.

rosettasciio is GPL-3 and therefore an optional extra, imported only when such a file is
opened. What it opens lazily may hold memory maps, whose touched pages count as resident
memory; so each process keeps only a few open arrays and opens a file anew after
`READ_BEFORE_REOPENING` bytes. SER and EMI are read in
`ser`, TVIPS streams in `tvips`.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.formats.dm_tags import check_tags
from napari_beamwatch.movies.formats.extras import optional
from napari_beamwatch.movies.formats.foreign_errors import (
    LARGEST_FRAME,
    check_frame_bytes,
    explained,
    file_size,
)
from napari_beamwatch.movies.formats.ser import open_emi, open_ser
from napari_beamwatch.movies.formats.tvips import open_tvips
from napari_beamwatch.movies.formats.units import is_reciprocal, to_angstrom, to_seconds
from napari_beamwatch.movies.frames import Frame, FrameSource
from napari_beamwatch.movies.plausible import believable, believable_pixel_size
from napari_beamwatch.movies.recording import Recording, Stated, stated_conditions

READ_BEFORE_REOPENING = 256 * 2**20
MOST_OPEN = 4

FORMATS = {
    ".dm3": ("digitalmicrograph", "a DM3 file"),
    ".dm4": ("digitalmicrograph", "a DM4 file"),
    ".emd": ("emd", "an EMD file"),
    ".hspy": ("hspy", "an HSpy file"),
    ".zspy": ("zspy", "a zspy file"),
}
SUFFIXES = (*FORMATS, ".ser", ".emi", ".tvips")


@dataclass(frozen=True, eq=False)
class ForeignFrames(FrameSource):
    """Frames of one signal of a file, in whatever way rosettasciio holds them.

    Attributes
    ----------
    path : str
    signal : int
        Place of the signal among those of the file.
    size : tuple of int
        Frames, rows, columns.
    pixels : dtype
    """

    path: str
    signal: int
    size: tuple[int, int, int]
    pixels: np.dtype[Any]

    costly: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pixels

    def read(self, frame: int) -> Frame:
        return self.read_rows(frame, 0, self.size[1])

    def read_rows(self, frame: int, y0: int, y1: int) -> Frame:
        what = FORMATS[Path(self.path).suffix.lower()][1]
        with explained(self.path, what):
            array = _OPEN.array(self.path, self.signal)
            if array.size != np.prod(self.size, dtype=np.int64):
                raise BeamwatchError(f"{self.path} has changed since it was opened")
            part = array.reshape(self.size)[frame, y0:y1]
            if hasattr(part, "compute"):
                # Callers have threads of their own.
                part = part.compute(scheduler="synchronous")
            rows = np.array(part, dtype=self.pixels)
            if rows.shape != (len(range(self.size[1])[y0:y1]), self.size[2]):
                raise BeamwatchError(f"{self.path}: frame {frame} is incomplete")
        return rows


class _OpenArrays:
    """Lately used arrays, few and not for long."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def array(self, path: str, signal: int) -> Any:
        key = (path, signal)
        with self._lock:
            array, left = self._kept.pop(key, (None, 0))
            if array is None or left <= 0:
                array = _signals(path)[signal]["data"]
                left = READ_BEFORE_REOPENING
            frame_bytes = array.nbytes // max(1, array.size // (array.shape[-1] * array.shape[-2]))
            self._kept[key] = (array, left - frame_bytes)
            while len(self._kept) > MOST_OPEN:
                self._kept.popitem(last=False)
        return array

    def forget(self) -> None:
        with self._lock:
            self._kept.clear()


_OPEN = _OpenArrays()
if hasattr(os, "register_at_fork"):
    # An HDF5 handle or a lock that a fork caught in the middle is of no use to the child.
    os.register_at_fork(after_in_child=_OPEN.__init__)  # type: ignore[misc]  # made anew


def open_foreign(path: Path, dataset: str | None = None) -> Recording:
    """A movie or an image that another program wrote.

    Parameters
    ----------
    path : Path
        Any of `SUFFIXES`.
    dataset : str, optional
        Title or number of the signal, where a file holds several.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".ser":
        return open_ser(path)
    if suffix == ".emi":
        return open_emi(path)
    if suffix == ".tvips":
        return open_tvips(path)
    if suffix not in FORMATS:
        raise BeamwatchError(f"{path}: no reader knows the ending {suffix or '(none)'}")
    what = FORMATS[suffix][1]
    if suffix == ".zspy" and path.is_dir():
        size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    else:
        size = file_size(path, what)
    with explained(path, what):
        if suffix in (".dm3", ".dm4"):
            check_tags(path, size)
        signals = _signals(str(path))
        signal, notes = _chosen(path, signals, dataset)
        return _recording(path, signals[signal], signal, size, notes)


def _signals(path: str) -> list[dict[str, Any]]:
    """What rosettasciio finds in a file, lazily."""
    module, what = FORMATS[Path(path).suffix.lower()]
    reader = optional(f"rsciio.{module}", f"{what.split(' ', 1)[1].split()[0]} files")
    with explained(path, what), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signals: list[dict[str, Any]] = reader.file_reader(path, lazy=True)
    return signals


def _chosen(
    path: Path, signals: list[dict[str, Any]], dataset: str | None
) -> tuple[int, tuple[str, ...]]:
    """The signal that is meant, and a note if there were others."""
    if dataset is not None:
        for i, signal in enumerate(signals):
            if dataset in (str(i), _title(signal)):
                problem = _problem(signal)
                if problem:
                    raise BeamwatchError(f"{dataset} in {path} {problem}")
                return i, (f"signal {i} ({_title(signal)})",)
        raise BeamwatchError(f"{path} has no signal {dataset}; it has {_listed(signals)}")
    usable = [i for i, signal in enumerate(signals) if not _problem(signal)]
    if not usable:
        if len(signals) == 1:
            raise BeamwatchError(f"{path} {_problem(signals[0])}")
        raise BeamwatchError(f"{path} holds no images: {_listed(signals) or 'nothing at all'}")
    stacks = [i for i in usable if _long_axes(signals[i]) == 3] or usable
    if len(stacks) > 1:
        raise BeamwatchError(
            f"{path} holds several signals; say which one with dataset=: {_listed(signals)}"
        )
    if len(signals) > 1:
        return stacks[0], (
            f"signal {stacks[0]} ({_title(signals[stacks[0]])}) of {len(signals)} in the file",
        )
    return stacks[0], ()


def _title(signal: dict[str, Any]) -> str:
    return str(_dig(signal.get("metadata"), "General.title") or "untitled")


def _listed(signals: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{i} ({_title(one)}, shape {tuple(one['data'].shape)})"
        for i, one in enumerate(signals[:12])
    )


def _long_axes(signal: dict[str, Any]) -> int:
    """Dimensions, those of length one before the last two left out."""
    shape = signal["data"].shape
    return 2 + sum(1 for n in shape[:-2] if int(n) != 1)


def _problem(signal: dict[str, Any]) -> str:
    """Why a signal is no movie; empty if it is one."""
    data = signal["data"]
    dtype = np.dtype(data.dtype)
    if dtype.names:
        return "holds colour pictures; a movie has grey values only"
    if dtype.kind == "c":
        return "holds complex numbers (a Fourier transform or a hologram), not images"
    if dtype.kind not in "uifb":
        return f"holds {dtype}, not real numbers"
    if data.ndim < 2 or data.shape[-1] < 2 or data.shape[-2] < 2:
        return f"holds an array of shape {tuple(data.shape)}, not images"
    axes = _axes(signal)
    if any(str(axis.get("units") or "").lower() in ("ev", "kev") for axis in axes):
        return "holds spectra, not images"
    if _long_axes(signal) > 3:
        return f"holds an array of shape {tuple(data.shape)}; a movie has three dimensions"
    if 0 in data.shape:
        return f"holds no pixels: its shape is {tuple(data.shape)}"
    if len(axes) >= 3 and axes[-1].get("navigate") and not axes[0].get("navigate"):
        return "has its frames along the last axis, which is not read"
    return ""


def _axes(signal: dict[str, Any]) -> list[Mapping[str, Any]]:
    axes = list(signal.get("axes") or [])
    if all("index_in_array" in axis for axis in axes):
        axes.sort(key=lambda axis: int(axis["index_in_array"]))
    return axes


def _recording(
    path: Path, signal: dict[str, Any], which: int, size: int, notes: tuple[str, ...]
) -> Recording:
    data = signal["data"]
    shape = tuple(int(n) for n in data.shape)
    count = int(np.prod(shape[:-2], dtype=np.int64))
    height, width = shape[-2:]
    dtype = np.dtype(data.dtype)
    frame_bytes = height * width * dtype.itemsize
    if frame_bytes > LARGEST_FRAME:
        raise BeamwatchError(f"{path} has a broken header: frames of {height} by {width} pixels")
    check_frame_bytes(path, frame_bytes, size)
    axes = _axes(signal)
    said: list[str] = []
    noted = list(notes)
    pixel_size: Stated | None = None
    mode: str | None = None
    if len(axes) >= 2:
        pixel_size, mode, warned, note = _pixel_size(axes[-2], axes[-1])
        said += warned
        noted += note
    metadata = _mapped(signal)
    frame_time = _frame_time(axes, count, metadata, signal.get("original_metadata"))
    microscope = "Acquisition_instrument.TEM."
    voltage = believable(_number(_dig(metadata, microscope + "beam_energy")), 1, 4000)
    conditions, origins = stated_conditions(
        {
            "voltage_kV": voltage,
            "magnification": believable(
                _number(_dig(metadata, microscope + "magnification")), 1, 1e8
            ),
            "imaging_mode": mode or _text(_dig(metadata, microscope + "acquisition_mode")),
            "camera": _camera(signal, metadata),
            "microscope": _text(_dig(metadata, microscope + "microscope")),
            "specimen": _text(_dig(metadata, "Sample.description")),
            "recorded": _recorded(metadata),
        },
        "file",
    )
    return Recording(
        frames=ForeignFrames(str(path), which, (count, height, width), dtype.newbyteorder("=")),
        path=str(path),
        pixel_size=pixel_size,
        frame_time=frame_time,
        conditions=conditions,
        condition_origins=origins,
        warnings=tuple(said),
        notes=tuple(noted),
    )


def _pixel_size(
    y: Mapping[str, Any], x: Mapping[str, Any]
) -> tuple[Stated | None, str | None, tuple[str, ...], tuple[str, ...]]:
    """Pixel size, imaging mode, warnings, notes."""
    if is_reciprocal(x.get("units")):
        note = f"the axes are in {x.get('units')}: diffraction, which has no pixel size"
        return None, "diffraction", (), (note,)
    size_y = to_angstrom(_number(y.get("scale")) or 0.0, y.get("units"))
    size_x = to_angstrom(_number(x.get("scale")) or 0.0, x.get("units"))
    if size_x is None or size_y is None:
        return None, None, (), ()
    if size_x > 0 and size_y > 0 and abs(size_x / size_y - 1) > 0.01:
        warning = (
            f"the pixel sizes along x ({size_x:g} Å) and y ({size_y:g} Å) differ: neither is used"
        )
        return None, None, (warning,), ()
    pixel_size, said = believable_pixel_size(size_x, "file")
    return pixel_size, None, said, ()


def _frame_time(
    axes: list[Mapping[str, Any]], count: int, metadata: Mapping[str, Any], original: Any
) -> Stated | None:
    """From a time axis; of a single image, its exposure."""
    long = [axis for axis in axes[:-2] if _number(axis.get("size")) != 1] or axes[:-2]
    if long:
        step = _number(long[0].get("scale"))
        seconds = None if step is None else to_seconds(step, long[0].get("units"))
        seconds = believable(seconds, 1e-9, 1e6)
        if seconds:
            return Stated(seconds, "time axis of the file")
    if count == 1:
        for where in ("Detector.Camera.exposure", "Camera.exposure"):
            value = _number(_dig(metadata, "Acquisition_instrument.TEM." + where))
            exposure = believable(value, 1e-6, 1e6)
            if exposure:
                return Stated(exposure, "exposure in the file")
        exposure = _velox_exposure(original)
        if exposure:
            return Stated(exposure, "exposure in the file")
    return None


def _velox_exposure(original: Any) -> float | None:
    """Exposure of the detector that took the image, in Velox's metadata."""
    camera = _dig(original, "BinaryResult.Detector")
    detectors = _dig(original, "Detectors")
    if camera is None or not isinstance(detectors, Mapping):
        return None
    for detector in detectors.values():
        if isinstance(detector, Mapping) and detector.get("DetectorName") == camera:
            return believable(_number(detector.get("ExposureTime")), 1e-6, 1e6)
    return None


def _mapped(signal: dict[str, Any]) -> dict[str, Any]:
    """Metadata with what rosettasciio would take over from the file's own tags."""
    metadata: dict[str, Any] = {}
    _merge(metadata, signal.get("metadata") or {})
    original = signal.get("original_metadata") or {}
    for source, (target, convert) in (signal.get("mapping") or {}).items():
        value = _dig(original, source)
        if value is None:
            continue
        try:
            value = convert(value) if convert else value
        except Exception:  # a tag in an unexpected form costs that condition only
            continue
        _plant(metadata, target, value)
    return metadata


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, Mapping):
            below = into.setdefault(name, {})
            if isinstance(below, dict):
                _merge(below, value)
        else:
            into[name] = value


def _plant(tree: dict[str, Any], target: str, value: Any) -> None:
    *path, last = target.split(".")
    for name in path:
        below = tree.setdefault(name, {})
        if not isinstance(below, dict):
            return
        tree = below
    tree[last] = value


def _dig(tree: Any, path: str) -> Any:
    for name in path.split("."):
        if not isinstance(tree, Mapping) or name not in tree:
            return None
        tree = tree[name]
    return tree


def _camera(signal: dict[str, Any], metadata: Mapping[str, Any]) -> str | None:
    original = signal.get("original_metadata") or {}
    for where in (
        "ImageList.TagGroup0.ImageTags.Acquisition.Device.Name",
        "BinaryResult.Detector",
    ):
        named = _text(_dig(original, where))
        if named:
            return named
    return _text(_dig(metadata, "Acquisition_instrument.TEM.Detector.Camera.Name"))


def _recorded(metadata: Mapping[str, Any]) -> str | None:
    date, time = (_text(_dig(metadata, f"General.{part}")) for part in ("date", "time"))
    return f"{date}T{time}" if date and time else date


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if np.isfinite(number) else None


def _text(value: Any) -> str | None:
    return " ".join(str(value).split()) or None if value is not None else None
