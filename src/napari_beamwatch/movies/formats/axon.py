"""What Protochips' AXON writes into the PNG pictures it exports.

A text chunk ``MicroscopeControlImage`` holds XML: the settings of the microscope (volts), the time,
and values of the holder by their names (``HolderTemperature`` in °C). Doses that AXON computes are
not documented there, and none is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.movies.conditions import Conditions
from napari_beamwatch.movies.formats.signals import number
from napari_beamwatch.movies.metadata_xml import LARGEST, local_name, parse_tree, short_text
from napari_beamwatch.movies.recording import stated_conditions

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

KEYWORD = b"MicroscopeControlImage"
ORIGIN = "AXON, in the picture"
MOST_CHUNKS = 10_000
SIGNATURE_BYTES = 8
TEXTS = (b"tEXt", b"zTXt", b"iTXt")


def axon_conditions(path: Path) -> tuple[Conditions, dict[str, str], tuple[str, ...]]:
    """Conditions in a PNG picture of AXON, who said them, and warnings; none in other pictures."""
    try:
        with path.open("rb") as file:
            xml = next(_documents(file), None)
        root = None if xml is None else parse_tree(xml)
    except BeamwatchError as error:
        return Conditions(), {}, (str(error),)
    except (OSError, zlib.error):  # whoever decodes the picture says what is wrong with it
        return Conditions(), {}, ()
    if root is None:
        return Conditions(), {}, ()
    values = {local_name(one): short_text(one) for one in root.iter()}
    holder = dict(_holder(root))
    volts = number(values.get("AcceleratingVoltage"))
    said: dict[str, Any] = {
        "voltage_kV": None if volts is None else volts / 1000,
        "magnification": number(values.get("MagnificationValue")),
        "temperature_C": number(holder.get("HolderTemperature")),
        "recorded": values.get("MicroscopeDateTime") or None,
    }
    return (*stated_conditions(said, ORIGIN), ())


def _documents(file: BinaryIO) -> Iterator[bytes]:
    """Texts of the keyword, before and behind the pixels, which are skipped."""
    file.seek(SIGNATURE_BYTES)
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if len(head) < 8 or kind == b"IEND":
            return
        if kind not in TEXTS or length > LARGEST:
            file.seek(length + 4, 1)
            continue
        data = file.read(length)
        file.seek(4, 1)
        keyword, _, text = data.partition(b"\0")
        if keyword == KEYWORD:
            yield _unpacked(kind, text)


def _unpacked(kind: bytes, text: bytes) -> bytes:
    if kind == b"tEXt":
        return text
    packed = kind == b"zTXt" or text[:1] == b"\1"
    text = text[1:]  # method of packing, or whether it is packed
    if kind == b"iTXt":  # method, language and translated keyword stand before the text
        text = text[1:].partition(b"\0")[2].partition(b"\0")[2]
    if not packed:
        return text
    # One byte more than is read, so that longer texts are refused as such.
    return zlib.decompressobj().decompress(text, LARGEST + 1)


def _holder(root: Element) -> Iterator[tuple[str, str]]:
    """Names and values that devices beside the microscope state."""
    for one in root.iter():
        if local_name(one) == "AuxiliaryDataValue":
            parts = {local_name(part): (part.text or "").strip() for part in one}
            yield parts.get("Name", ""), parts.get("Value", "")
