"""How the figure of a result looks: sizes for two columns of a journal, lines, colours, words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from napari_beamwatch.errors import BeamwatchError
from napari_beamwatch.harmless import printable
from napari_beamwatch.phases.reflections import INDICES

MM = 1 / 25.4
"""Inches."""

WIDTH = 180.0
"""mm: two columns of a journal."""

DPI = 300

STYLE: dict[str, Any] = {
    "font.size": 7,
    "font.family": "sans-serif",
    "axes.titlesize": 7,
    "axes.labelsize": 7,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "hatch.linewidth": 0.5,
    "svg.fonttype": "none",  # words stay words, for the journal's own hand
    "svg.hashsalt": "beamwatch",  # the same result makes the same file
    "pdf.fonttype": 42,
}

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
"""Of Okabe and Ito: told apart by the colour-blind; marks and dashes tell them apart in grey."""

MARKS = ("o", "s", "^", "D")
DASHES: tuple[Any, ...] = ("-", "--", "-.", ":")

SPOT_COLOUR, RING_COLOUR = COLOURS[0], COLOURS[1]


def hkl_text(hkl: str, face: str = "mathregular") -> str:
    """Indices with a bar over those below zero, as matplotlib typesets them.

    Parameters
    ----------
    hkl : str
        As in the tables.
    face : {"mathregular", "mathbf"}
    """
    if "-" not in hkl:
        return hkl
    return rf"$\{face}{{" + re.sub(r"-(\d)", r"\\overline{\1}", hkl) + "}$"


def mate(hkl: str) -> str:
    """Indices of the other reflection of a Friedel pair."""
    signs = re.findall(r"(-?)(\d)", hkl)
    return "".join(digit if minus or digit == "0" else f"-{digit}" for minus, digit in signs)


def barred(text: str) -> str:
    """A bold line in which every group of indices such as -111 has its bars."""
    return INDICES.sub(lambda found: hkl_text(found[0], "mathbf"), plain(text))


def plain(text: str) -> str:
    """Text that matplotlib must not read as mathematics, without what it cannot draw."""
    return printable(text).replace("$", r"\$")


def write_drawn(draw: Callable[[], Figure], *paths: Path) -> None:
    """Draw a figure and write it, as the ending of each path says: .png, .svg or .pdf.

    The same figure makes the same file. Endings are looked at before anything is drawn.
    """
    for path in paths:
        if path.suffix.lower() not in (".png", ".svg", ".pdf"):
            raise BeamwatchError(f"a figure is written as .png, .svg or .pdf, not {path.name}")
    made = draw()
    dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    for path in paths:
        ending = path.suffix.lower().lstrip(".")
        with mpl.rc_context(STYLE):
            made.savefig(path, format=ending, dpi=DPI, metadata=dated.get(ending))
