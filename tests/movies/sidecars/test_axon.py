"""Pictures that AXON exports say when and under which conditions they were taken."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest

from napari_beamwatch import open_movie

XML = """<MicroscopeControlImageMetadata>
<MicroscopeSettings><AcceleratingVoltage>300000</AcceleratingVoltage>
<MagnificationValue>150000</MagnificationValue></MicroscopeSettings>
<AuxiliaryData><AuxiliaryDataCategory><Name>Holder</Name><DataValues>
<AuxiliaryDataValue><Name>HolderTemperature</Name><Value>{temperature}</Value></AuxiliaryDataValue>
<AuxiliaryDataValue><Name>HolderPressure</Name><Value>760</Value></AuxiliaryDataValue>
</DataValues></AuxiliaryDataCategory></AuxiliaryData>
<MicroscopeDateTime>2025-04-26T22:51:{second:010.7f}-05:00</MicroscopeDateTime>
</MicroscopeControlImageMetadata>"""

PACKED = {
    b"tEXt": lambda xml: xml,
    b"zTXt": lambda xml: b"\0" + zlib.compress(xml),
    b"iTXt": lambda xml: b"\0\0en\0\0" + xml,
}


def write_picture(path: Path, xml: bytes, kind: bytes = b"iTXt") -> None:
    png = imagecodecs.png_encode(np.random.default_rng(2).integers(0, 99, (8, 8)).astype(np.uint8))
    data = b"MicroscopeControlImage\0" + PACKED[kind](xml)
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    path.write_bytes(png[:33] + chunk + png[33:])  # behind the header


@pytest.mark.parametrize("kind", list(PACKED))
def test_a_series_tells_its_times_and_conditions(tmp_path: Path, kind: bytes) -> None:
    for i in range(6):
        xml = XML.format(temperature=-168.0 + 0.2 * i, second=2.5 * i)
        write_picture(tmp_path / f"shot{i}.png", xml.encode(), kind)
    movie = open_movie(tmp_path, dose_rate=10.0)
    assert movie.times is not None
    assert movie.dose is not None
    known = movie.conditions
    found = [
        known.voltage_kV, known.magnification, known.temperature_C, *movie.times[1:],
        movie.dose[1] - movie.dose[0], movie.frame_dose[5],
    ]  # fmt: skip
    true = [300, 150000, -167.5, 2.5, 5, 7.5, 10, 12.5, 25, 25]
    assert found == pytest.approx(true, rel=0.01)
    assert movie.origins["temperature_C"] == "AXON, in the picture"


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        (b"<MicroscopeControlImageMetadata>", "damaged"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a/>', "entities or a DTD"),
        (b" " * 2**23, "MiB long"),
    ],
)
def test_damaged_words_are_a_warning_and_the_picture_opens(
    tmp_path: Path, xml: bytes, said: str
) -> None:
    write_picture(tmp_path / "shot1.png", xml, b"zTXt")
    write_picture(tmp_path / "shot2.png", XML.format(temperature=20, second=1).encode())
    movie = open_movie(tmp_path)
    assert len(movie) == 2
    assert any(said in warning for warning in movie.warnings)
