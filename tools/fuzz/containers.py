"""Good movies in files that hold trees of arrays: Zarr, HDF5, NeXus, EMD, HSpy, zspy."""

from __future__ import annotations

import importlib
import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import zarr
from zarr import codecs

from tools.fuzz.inputs import Seed
from tools.fuzz.pictures import STACK

FRAME = (1, 16, 20)


def zarr_arrays() -> list[Seed]:
    kinds: dict[str, dict[str, Any]] = {
        "v2": {"zarr_format": 2},
        "v2-plain": {"zarr_format": 2, "compressors": None},
        "v2-columns-first": {"zarr_format": 2, "order": "F"},
        "v2-big-endian": {"zarr_format": 2, "dtype": ">u2"},
        "v3": {},
        "v3-gzip": {"compressors": codecs.GzipCodec()},
        "v3-blosc": {"compressors": codecs.BloscCodec(cname="lz4", shuffle="bitshuffle")},
        "v3-crc": {"compressors": [codecs.ZstdCodec(), codecs.Crc32cCodec()]},
        "v3-shards": {"shards": (2, 16, 20)},
        "v3-turned": {"filters": [codecs.TransposeCodec(order=(0, 2, 1))]},
        "v3-float": {"dtype": "f4", "fill_value": float("nan")},
        "v3-half": {"dtype": "f2"},
        "v3-pieces": {"chunks": (2, 5, 7)},
    }

    def write(folder: Path, **options: Any) -> None:
        said = {"shape": STACK.shape, "dtype": STACK.dtype, "chunks": FRAME} | options
        zarr.create_array(str(folder / "a.zarr"), **said)[:] = STACK.astype(said["dtype"])

    seeds = [Seed(name, "a.zarr", partial(write, **kind)) for name, kind in kinds.items()]
    return [
        *seeds,
        Seed("ome-0.4", "a.zarr", partial(_write_ome, version="0.4")),
        Seed("ome-0.5", "a.zarr", partial(_write_ome, version="0.5")),
        Seed("consolidated-2", "a.zarr", partial(_write_consolidated, version=2)),
        Seed("consolidated-3", "a.zarr", partial(_write_consolidated, version=3)),
    ]


def hdf5() -> list[Seed]:
    def write(folder: Path, fill: Callable[[h5py.File], object], **options: Any) -> None:
        with h5py.File(folder / "a.h5", "w", **options) as file:
            fill(file)

    def data(file: h5py.File, **options: Any) -> None:
        file.create_dataset("entry/movie", data=STACK, **options)

    def empty(file: h5py.File, frames: int) -> None:
        file.create_dataset("movie", shape=(frames, 16, 20), chunks=FRAME, dtype="u2")

    def nexus(file: h5py.File) -> None:
        entry = file.create_group("entry")
        entry.attrs["NX_class"], file.attrs["default"] = "NXentry", "entry"
        made = entry.create_group("data")
        made.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": ["t", "y", "x"]})
        made.create_dataset("data", data=STACK)
        for name, size, unit in (("t", 4, "s"), ("y", 16, "nm"), ("x", 20, "nm")):
            made.create_dataset(name, data=np.arange(size) * 0.05).attrs["units"] = unit

    def linked(file: h5py.File) -> None:
        data(file)
        file["soft"] = h5py.SoftLink("/nowhere")
        file["outside"] = h5py.ExternalLink("../../outside/x.h5", "/movie")

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout(shape=STACK.shape, dtype="u2")
        layout[:] = h5py.VirtualSource("../outside/x.h5", "movie", shape=STACK.shape)
        file.create_virtual_dataset("movie", layout)

    def external(file: h5py.File) -> None:
        pieces = [("../outside/x.raw", 0, STACK.nbytes)]
        file.create_dataset("movie", shape=STACK.shape, dtype="u2", external=pieces)

    kinds: dict[str, tuple[Callable[[h5py.File], object], dict[str, Any], bool]] = {
        "plain": (data, {}, True),
        "latest": (data, {"libver": "latest"}, True),
        "gzip": (partial(data, chunks=FRAME, compression="gzip", shuffle=True), {}, True),
        "lzf": (partial(data, chunks=(2, 8, 20), compression="lzf", fletcher32=True), {}, True),
        "packed": (partial(data, chunks=FRAME, scaleoffset=0), {"libver": "latest"}, False),
        "float": (lambda file: file.create_dataset("m", data=STACK.astype("f2")), {}, True),
        "nexus": (nexus, {}, True),
        "linked": (linked, {}, True),
        "virtual": (virtual, {}, False),
        "external": (external, {}, False),
        "long": (partial(empty, frames=10**8), {}, False),
        "endless": (partial(empty, frames=10**15), {}, False),
    }
    return [
        Seed(name, "a.h5", partial(write, fill=fill, **options), whole)
        for name, (fill, options, whole) in kinds.items()
    ]


def emd() -> list[Seed]:
    return [
        Seed("berkeley", "a.emd", lambda folder: _write_signal("emd", folder / "a.emd")),
        Seed("velox", "a.emd", _write_velox),
    ]


def hspy() -> list[Seed]:
    return [Seed("hspy", "a.hspy", lambda folder: _write_signal("hspy", folder / "a.hspy"))]


def zspy() -> list[Seed]:
    return [Seed("zspy", "a.zspy", _write_zspy)]


def _write_ome(folder: Path, version: str) -> None:
    group = zarr.create_group(str(folder / "a.zarr"), zarr_format=2 if version == "0.4" else 3)
    group.create_array("0", shape=STACK.shape, dtype=STACK.dtype, chunks=FRAME)[:] = STACK
    scale = {"type": "scale", "scale": [0.5, 0.05, 0.05]}
    axes = [("t", "time", "second"), ("y", "space", "nanometer"), ("x", "space", "nanometer")]
    multiscale = {
        "version": version,
        "axes": [{"name": name, "type": kind, "unit": unit} for name, kind, unit in axes],
        "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
    }
    if version == "0.4":
        group.attrs["multiscales"] = [multiscale]
    else:
        group.attrs["ome"] = {"version": version, "multiscales": [multiscale]}


def _write_consolidated(folder: Path, version: Any) -> None:
    group = zarr.create_group(str(folder / "a.zarr"), zarr_format=version)
    group.create_array("movie", shape=STACK.shape, dtype=STACK.dtype, chunks=FRAME)[:] = STACK
    group.create_array("odd", shape=(3,), dtype="f8")[:] = 1.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of version 3 it is no standard yet, but it is found
        zarr.consolidate_metadata(str(folder / "a.zarr"))


def _signal() -> dict[str, Any]:
    """A movie as rosettasciio's writers take it."""
    axes = [
        {"name": name, "units": unit, "scale": step, "offset": 0.0, "navigate": name == "t",
         "size": size, "index_in_array": i, "_type": "UniformDataAxis", "is_binned": False}
        for i, (name, unit, step, size) in enumerate(
            zip("tyx", ("s", "nm", "nm"), (0.5, 0.05, 0.05), STACK.shape, strict=True)
        )
    ]  # fmt: skip
    instrument = {"TEM": {"beam_energy": 300.0, "magnification": 8e5, "microscope": "Titan"}}
    metadata = {
        "General": {"title": "movie", "date": "2024-05-01", "time": "12:00:00"},
        "Signal": {"signal_type": ""},
        "Acquisition_instrument": instrument,
    }
    return {
        "data": STACK,
        "axes": axes,
        "metadata": metadata,
        "original_metadata": {},
        "attributes": {"_lazy": False, "ragged": False},
        "package_info": {"package": "none", "package_version": "0"},
        "package": "none",
        "package_version": "0",
        "learning_results": {},
        "models": {},
        "tmp_parameters": {},
    }


def _write_signal(kind: str, path: Path) -> None:
    importlib.import_module(f"rsciio.{kind}").file_writer(str(path), _signal())


def _write_velox(folder: Path) -> None:
    about = {
        "Core": {"MetadataDefinitionVersion": "7.9"},
        "Instrument": {"InstrumentModel": "Titan", "InstrumentId": "1", "Manufacturer": "FEI"},
        "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1575540224"}},
        "Optics": {"AccelerationVoltage": "300000", "NominalMagnification": "800000",
                   "OperatingMode": "1", "CameraLength": "0.4"},
        "Detectors": {"Detector-0": {"DetectorName": "BM-Ceta", "ExposureTime": "0.8"}},
        "BinaryResult": {"Detector": "BM-Ceta", "PixelSize": {"width": "5e-12", "height": "5e-12"},
                         "PixelUnitX": "m", "PixelUnitY": "m"},
        "Scan": {"FrameTime": "0.8"},
        "CustomProperties": {}, "Stage": {"AlphaTilt": "0.0", "Position": {"x": "0.0", "y": "0.0"}},
    }  # fmt: skip
    text = np.frombuffer(json.dumps(about).encode().ljust(2048, b"\0"), np.uint8)
    with h5py.File(folder / "a.emd", "w") as file:
        image = file.create_group("Data/Image/0123456789abcdef0123456789abcdef")
        frames = np.moveaxis(STACK.astype("i2"), 0, -1)
        image.create_dataset("Data", data=frames, chunks=frames.shape)
        image["FrameLookupTable"] = np.arange(len(STACK), dtype="u4")
        image["Metadata"] = np.repeat(text[:, None], len(STACK), axis=1)
        for name, said in (("Version", {"version": "8", "format": "Velox"}), ("Info", {})):
            file.create_dataset(name, data=[json.dumps(said)], dtype=h5py.string_dtype())


def _write_zspy(folder: Path) -> None:
    """Write as rosettasciio does, whose own writer needs zarr 2."""

    def plant(group: Any, tree: dict[str, Any]) -> None:
        for name, value in tree.items():
            if isinstance(value, dict):
                plant(group.require_group(name), value)
            else:
                group.attrs[name] = value

    said = _signal()
    root = zarr.open_group(str(folder / "a.zspy"), mode="w", zarr_format=2)
    root.attrs.update({"file_format": "ZSpy", "file_format_version": "3.3"})
    group = root.require_group("Experiments").require_group("movie")
    group.create_array("data", shape=STACK.shape, dtype=STACK.dtype, chunks=FRAME)[:] = STACK
    for i, axis in enumerate(said["axes"]):
        group.require_group(f"axis-{i}").attrs.update(axis)
    for name in ("original_metadata", "learning_results", "attributes"):
        group.require_group(name)
    plant(group.require_group("metadata"), said["metadata"])
