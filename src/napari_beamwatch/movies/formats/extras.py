"""Optional packages, imported only when a file needs them."""

from __future__ import annotations

import importlib
from typing import Any

from napari_beamwatch.errors import BeamwatchError

INSTALL = 'pip install "napari-beamwatch[formats]"'


def optional(module: str, files: str) -> Any:
    """The module, or a `BeamwatchError` that names the command to install it.

    Parameters
    ----------
    module : str
        What to import.
    files : str
        What it is needed for: "Zarr files".
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = {"rsciio": "rosettasciio"}.get(module.split(".")[0], module.split(".")[0])
        raise BeamwatchError(
            f"{files} need {package}, which cannot be imported ({error}); install it with: "
            f"{INSTALL}"
        ) from error
