"""How the package is cited, as ``CITATION.cff`` has it, which is not among the installed files."""

from __future__ import annotations

TITLE = "napari-beamwatch: FFT-based onset of electron-beam damage"
AUTHOR = "The napari-beamwatch developers"
ADDRESS = "https://github.com/napari-beamwatch/napari-beamwatch"


def bibtex(version: str) -> str:
    """An entry for a list of references.

    Parameters
    ----------
    version : str
        That made the analysis.
    """
    return (
        "@software{napari_beamwatch,\n"
        f"  author  = {{{{{AUTHOR}}}}},\n"
        f"  title   = {{{{{TITLE}}}}},\n"
        f"  version = {{{version}}},\n"
        f"  url     = {{{ADDRESS}}}\n"
        "}"
    )
