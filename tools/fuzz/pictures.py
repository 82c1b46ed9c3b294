"""Good movies in the formats of cameras and pictures: EER, MRC, TIFF, stills, NumPy, SER, DM, …"""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
import struct
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import mrcfile
import numpy as np
import tifffile
from mrcfile.dtypes import fei1_dtype_big_endian, fei2_dtype_big_endian

from napari_beamwatch.simulate.eer_writer import EerMetadata, RawFrame, write_eer
from tools.fuzz.inputs import Seed

STACK = np.random.default_rng(11).poisson(5, (4, 16, 20)).astype(np.uint16)


def eer() -> list[Seed]:
    rng = np.random.default_rng(3)
    metadata = EerMetadata(exposure_time=1.2, pixel_size=0.5, total_dose=3.0, compensated_dose=3.1)

    def write(path: Path, **options: Any) -> None:
        frames = [RawFrame.of_image(rng.random((32, 48)) < 0.03, rng) for _ in range(8)]
        write_eer(path, frames, (32, 48), **{"metadata": metadata, **options})

    kinds: dict[str, dict[str, Any]] = {
        "8-bit": {"compression": 65000},
        "7-bit": {},
        "variable": {"compression": 65002},
        "final-image": {"final_image": True},
        "strips": {"strips": 3},
        "bare": {"metadata": None, "frame_xml": False},
    }
    return [_file("a.eer", partial(write, **kind), name) for name, kind in kinds.items()]


def mrc() -> list[Seed]:
    seeds = [
        _file("a.mrc", partial(_write_mrc, array=STACK.astype(kind)), kind)
        for kind in ("i1", "i2", "u2", "f4", "f2", ">i2")
    ]
    seeds += [
        _file("a.mrc", partial(_write_mrc, array=STACK.astype("c8")), "complex", whole=False),
        _file("a.mrc", _write_4_bit, "4-bit"),
        _file("a.mrcs", partial(_write_mrc, array=STACK[0]), "image"),
    ]
    for kind, layout in ((b"FEI1", fei1_dtype_big_endian), (b"FEI2", fei2_dtype_big_endian)):
        records = np.zeros(len(STACK), layout.newbyteorder("<"))
        records["Metadata size"] = records.dtype.itemsize
        for name in records.dtype.names:
            if name.startswith("Bitmask"):
                records[name] = 0xFFFFFFFF
        records["Dose"], records["HT"], records["Integration time"] = 1e21, 3e5, 1.0
        records["Timestamp"], records["Pixel size X"], records["Pixel size Y"] = 4e4, 5e-11, 5e-11
        write = partial(_write_mrc, array=STACK, records=records, kind=kind)
        seeds.append(_file("a.mrc", write, kind.decode()))
    serial = np.zeros(len(STACK) * 8, np.uint8)
    write = partial(_write_mrc, array=STACK, records=serial, kind=b"SERI")
    return [*seeds, _file("a.mrc", write, "SerialEM")]


def packed_mrc() -> list[Seed]:
    def write(path: Path, pack: Callable[[bytes], bytes]) -> None:
        plain = path.with_name("plain.mrc")
        _write_mrc(plain, STACK)
        path.write_bytes(pack(plain.read_bytes()))
        plain.unlink()

    return [
        _file("a.mrc.gz", partial(write, pack=partial(gzip.compress, mtime=0))),
        _file("a.mrc.bz2", partial(write, pack=bz2.compress)),
    ]


def tiff() -> list[Seed]:
    plain: dict[str, dict[str, Any]] = {
        "plain": {},
        "big": {"bigtiff": True},
        "big-endian": {"byteorder": ">", "data": STACK.astype(">u2")},
        "float16": {"data": STACK.astype("f2")},
        "float": {"data": STACK.astype("f4"), "predictor": True, "compression": "zlib"},
        "int8": {"data": STACK.astype("i1"), "compression": "packbits"},
        "lzw": {"compression": "lzw", "rowsperstrip": 4},
        "zstd-tiles": {"compression": "zstd", "tile": (16, 16), "bigtiff": True},
        "lzma": {"compression": "lzma"},
        "imagej": {"imagej": True, "resolution": (8, 8),
                   "metadata": {"axes": "TYX", "unit": "nm", "finterval": 0.5}},
        "resolution": {"resolution": (8e7, 8e7), "resolutionunit": "CENTIMETER"},
        "ome": {"ome": True, "compression": "zlib",
                "metadata": {"axes": "TYX", "UUID": "urn:uuid:0", "PhysicalSizeX": 1.0,
                             "PhysicalSizeY": 1.0, "TimeIncrement": 0.5,
                             "Plane": {"DeltaT": [0.0, 1.0, 2.0, 3.0]}}},
        "serialem": {"metadata": None, "software": "SerialEM-4", "description":
                     "SerialEM: Falcon 4i\nPixelSpacing = 0.5\nExposureDose = 12\nVoltage = 300\n"
                     "DateTime = 01-Jan-2024 10:00:00\nExposureTime = 2.5\n"},
    }  # fmt: skip

    def write(path: Path, data: Any = STACK, **options: Any) -> None:
        tifffile.imwrite(path, data, photometric="minisblack", **options)

    def write_pages(path: Path) -> None:
        with tifffile.TiffWriter(path) as out:
            for frame in STACK:
                out.write(frame, contiguous=False, metadata=None, compression="lzw", rowsperstrip=4)

    seeds = [_file("a.tif", partial(write, **options), name) for name, options in plain.items()]
    pictures = partial(write, data=STACK.astype("u1"), compression="jpeg")
    return [
        *seeds,
        _file("a.tif", write_pages, "pages"),
        _file("a.tif", pictures, "jpeg", whole=False),
    ]


def stills() -> list[Seed]:
    doses = b"file,dose\n1,1.5\n2,1.5\n3,2\n4,2.5\n"

    def png(path: Path, frame: Any) -> None:
        path.write_bytes(imagecodecs.png_encode(frame))

    def dated(path: Path, frame: Any) -> None:
        second = int(path.stem)
        when = datetime.datetime(2024, 5, 1, 12, 0, second)
        tifffile.imwrite(path, frame, datetime=when, resolution=(8e7, 8e7), resolutionunit=3)

    def write(folder: Path, ending: str, one: Callable[[Path, Any], None], table: bytes) -> None:
        for i, frame in enumerate(STACK, start=1):
            one(folder / f"{i}{ending}", frame)
        if table:
            (folder / "doses.csv").write_bytes(table)

    kinds = {".png": png, ".tif": dated, ".mrc": _write_mrc, ".npy": np.save}
    seeds = [
        Seed(ending[1:], "", partial(write, ending=ending, one=one, table=b""))
        for ending, one in kinds.items()
    ]
    with_doses = partial(write, ending=".png", one=png, table=doses)
    return [*seeds, Seed("doses", "", with_doses)]


def npy() -> list[Seed]:
    kinds = ("u1", "i1", "u2", ">u2", "f2", "f4", "f8", "i8", "?", "u4")
    seeds = [_file("a.npy", partial(np.save, arr=STACK.astype(kind)), kind) for kind in kinds]

    def version_3(path: Path) -> None:
        with path.open("wb") as file:
            np.lib.format.write_array(file, STACK, version=(3, 0))

    return [
        *seeds,
        _file("a.npy", partial(np.save, arr=np.asfortranarray(STACK)), "columns-first"),
        _file("a.npy", partial(np.save, arr=STACK[0]), "image"),
        _file("a.npy", version_3, "version-3"),
        _file("a.npy", partial(np.save, arr=STACK.astype("c8")), "complex", whole=False),
        _file("a.npy", _write_objects, "objects", whole=False),
    ]


def ser() -> list[Seed]:
    """Series of TIA, alone and beside the XML of their acquisition."""
    about = (
        "<ObjectInfo><Uuid>x</Uuid><AcquireDate>Wed May  1 12:00:00 2024</AcquireDate><AcquireInfo>"
        "<CameraNamePath>Ceta</CameraNamePath><DwellTimePath>0.5</DwellTimePath></AcquireInfo>"
        "<ExperimentalDescription><Root><Data><Label>High tension</Label><Value>300</Value>"
        "<Unit>kV</Unit></Data><Data><Label>Magnification</Label><Value>800000</Value></Data>"
        "<Data><Label>Mode</Label><Value>TEM uP SA Zoom Image</Value></Data></Root>"
        "</ExperimentalDescription></ObjectInfo>"
    )

    def pair(folder: Path) -> None:
        _write_ser(folder / "a_1.ser")
        (folder / "a.emi").write_bytes(b"JL\0\0" + b"\0" * 60 + about.encode() + b"\0" * 20)

    return [
        _file("a_1.ser", _write_ser),
        _file("a_1.ser", partial(_write_ser, wide=False), "narrow"),
        Seed("pair-ser", "a_1.ser", pair),
        Seed("pair-emi", "a.emi", pair),
    ]


def tvips() -> list[Seed]:
    def parts(folder: Path) -> None:
        _write_tvips(folder / "a_000.tvips")
        (folder / "a_001.tvips").write_bytes((folder / "a_000.tvips").read_bytes()[256:])

    return [_file("a_000.tvips", _write_tvips), Seed("parts", "a_000.tvips", parts)]


def dm() -> list[Seed]:
    from tools.fuzz.dm_writer import write_dm

    def director(folder: Path) -> None:
        write_dm(folder / "a.dm4", array=STACK[0], version=4)
        (folder / "a.raw").write_bytes(STACK.tobytes())

    return [
        _file("a.dm3", partial(write_dm, array=STACK, version=3)),
        _file("a.dm4", partial(write_dm, array=STACK, version=4)),
        _file("a.dm4", partial(write_dm, array=STACK[0].astype("f4"), version=4), "image"),
        Seed("director", "a.dm4", director),
    ]


def mib() -> list[Seed]:
    def write(path: Path) -> None:
        t, height, width = STACK.shape
        size = f"{width:04d},{height:04d}"
        head = f"MQ1,000001,00384,01,{size},U16,1x1,01,2024-05-18 16:51:00,0.01,0,"
        frames = STACK.astype(">u2")
        path.write_bytes(b"".join(head.encode().ljust(384) + frames[i].tobytes() for i in range(t)))

    return [_file("a.mib", write)]


def blo() -> list[Seed]:
    def write(path: Path) -> None:
        head = struct.pack("<6sHIIIHHHHHddI", b"IMGBLO", 0x0102, 0x100, 0x200, 0, 16, 0, 3, 2, 0,
                           1.0, 1.0, 200_000)  # fmt: skip
        pattern = b"\xaa\x55\0\0\0\0" + bytes(range(256))
        path.write_bytes(head.ljust(0x200, b"\0") + 6 * pattern)

    return [_file("a.blo", write)]


def prz() -> list[Seed]:
    said = json.dumps([{"device.calib": [{"unit": "nm", "value": 0.01, "offset": 0}] * 3}])

    def write(path: Path, how: int) -> None:
        with zipfile.ZipFile(path, "w", how) as file:
            for name, array in (("data", STACK), ("meta_data_json", np.array(said))):
                # When it was made would differ from day to day.
                info = zipfile.ZipInfo(f"{name}.npy")
                info.compress_type = how
                with file.open(info, "w") as member:
                    np.lib.format.write_array(member, array)

    return [
        _file("a.prz", partial(write, how=zipfile.ZIP_DEFLATED)),
        _file("a.prz", partial(write, how=zipfile.ZIP_STORED), "stored"),
    ]


def _file(
    opened: str, write: Callable[[Path], object], name: str = "", *, whole: bool = True
) -> Seed:
    """A seed that is one file."""
    return Seed(
        name or Path(opened).suffix[1:], opened, lambda folder: write(folder / opened), whole
    )


def _write_mrc(path: Path, array: Any, records: Any = None, kind: bytes = b"") -> None:
    with mrcfile.new(path, array, overwrite=True) as mrc:
        mrc.voxel_size = 0.5
        if records is not None:
            mrc.set_extended_header(records)
            mrc.header.exttyp = kind
        mrc.header.label[:] = b""  # when it was made would differ from day to day


def _write_4_bit(path: Path) -> None:
    _write_mrc(path, STACK[:, :, :10].astype("i1"))
    data = bytearray(path.read_bytes())
    data[0:4], data[12:16] = struct.pack("<i", 20), struct.pack("<i", 101)
    data[28:32] = struct.pack("<i", 20)
    path.write_bytes(data)


def _write_objects(path: Path) -> None:
    np.save(path, np.array([print, None]), allow_pickle=True)


def _write_ser(path: Path, *, wide: bool = True) -> None:
    version, offset = (0x220, "Q") if wide else (0x210, "I")
    head = struct.pack(f"<HHHIIII{offset}I", 0x4949, 0x197, version, 0x4122, 0x4152, 4, 4, 68, 1)
    table = 8 * 8 if wide else 8 * 4
    size = 50 + STACK[0].nbytes
    places = [68 + table + t * size for t in range(4)] * 2
    element = struct.pack("<ddIddIHII", 0, 1e-11, 0, 0, 1e-11, 0, 2, 20, 16)
    frames = b"".join(element + frame.tobytes() for frame in STACK)
    path.write_bytes(head.ljust(68, b"\0") + struct.pack(f"<8{offset}", *places) + frames)


def _write_tvips(path: Path) -> None:
    head = np.zeros(64, "<u4")
    head[:13] = [256, 2, 20, 16, 16, 0, 0, 1, 1, 5, 200, 1000, 64]
    body = b"".join(
        struct.pack("<16I", t, 1000 + t, *[0] * 14) + frame.tobytes()
        for t, frame in enumerate(STACK)
    )
    path.write_bytes(head.tobytes() + body)
