"""Metadata that cameras write as XML, read so that a hostile file does no harm."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from napari_beamwatch.errors import BeamwatchError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST = 4 * 2**20
LONGEST = 200


@dataclass(frozen=True)
class Items:
    """Named values with units: ``<metadata><item name="…" unit="…">value</item>…``."""

    texts: dict[str, str] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    def number(self, name: str) -> float | None:
        """A finite number, or None if the item is absent or none."""
        try:
            value = float(self.texts[name])
        except (KeyError, ValueError):
            return None
        return value if math.isfinite(value) else None

    def text(self, name: str) -> str | None:
        """The text of an item, or None."""
        return self.texts.get(name)


def parse_tree(xml: bytes) -> Element:
    """The root of an XML document, without entities, DTD or anything from outside."""
    if len(xml) > LARGEST:
        raise BeamwatchError(f"its XML metadata is {len(xml) / 2**20:.0f} MiB long: not read")
    try:
        root: Element = fromstring(xml.rstrip(b"\0 \r\n\t"), forbid_dtd=True)
    except DefusedXmlException:
        raise BeamwatchError("its XML metadata declares entities or a DTD: not read") from None
    except (ParseError, ValueError, LookupError) as error:
        raise BeamwatchError(f"its XML metadata is damaged ({error})") from None
    return root


def local_name(element: Element) -> str:
    """Name of an element, whatever its namespace."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def short_text(element: Element) -> str:
    """Text of an element in one line, of `LONGEST` letters at most."""
    return " ".join((element.text or "").split())[:LONGEST]


def parse_items(xml: bytes) -> Items:
    """Items of an XML document: see `parse_tree`."""
    texts, units = {}, {}
    for item in parse_tree(xml).iter("item"):
        name = item.get("name")
        if name:
            texts[name] = (item.text or "").strip()
            unit = item.get("unit")
            if unit:
                units[name] = unit.strip()
    return Items(texts, units)
